//! Trimming by the propensity: who can be compared at all.
//!
//! Crump, Hotz, Imbens & Mitnik (2009), doi:10.1093/biomet/asn055: under homoskedasticity the sub-population
//! {α ≤ e ≤ 1 − α} whose average effect has the smallest variance bound solves
//!
//! ```text
//! g(e) = 1/(e(1 − e)),   γ = 2 E[g | g ≤ γ],   α = ½ − √(¼ − 1/γ),   α = 0 if max g ≤ 2 E[g]
//! ```
//!
//! In a sample γ = 2·mean(g | g ≤ γ) may have several solutions; the one with the smallest bound Σ_{g ≤ γ} g / #{g ≤ γ}²
//! is taken. Any α in (`alpha_lo_same_set`, `alpha_hi_same_set`] keeps the same units. Observation weights are not used:
//! the rule is about which units exist, not about how many people each stands for.

use crate::arm::Arm;
use crate::estimand::{Target, TrimRule};
use ndarray::Array1;

/// The units that a rule keeps.
#[derive(Debug, Clone, PartialEq)]
pub struct Trimming {
    /// Kept rows, 0-based, in order.
    pub keep: Vec<usize>,
    /// Smallest propensity that is kept.
    pub lower: f64,
    /// Largest propensity that is kept.
    pub upper: f64,
    /// Treated rows removed.
    pub trimmed_treated: usize,
    /// Control rows removed.
    pub trimmed_control: usize,
}

/// The variance-minimising trimming threshold.
#[derive(Debug, Clone, PartialEq)]
pub struct Crump {
    /// α*; 0 if nobody need be trimmed.
    pub alpha: f64,
    /// γ at the solution; `None` if α* = 0.
    pub gamma: Option<f64>,
    /// Units with α* ≤ e ≤ 1 − α*.
    pub kept: usize,
    /// Thresholds above this one, up to the next, keep the same units.
    pub alpha_lo_same_set: f64,
    /// The largest threshold that keeps the same units.
    pub alpha_hi_same_set: f64,
    /// The number of solutions that γ = 2·mean(g | g ≤ γ) has in this sample.
    pub fixed_points: usize,
}

/// Applies `rule` to n propensities, at the end where the target lacks counterparts; bounds are inclusive.
///
/// A treated unit near e = 0 has many controls like it, so the ATT is trimmed near 1 only, and the ATC near 0 only.
#[must_use]
pub fn trim(e: &Array1<f64>, treatment: &[Arm], rule: TrimRule, target: Target) -> Trimming {
    let alpha = match rule {
        TrimRule::Fixed { alpha } => alpha,
        TrimRule::CrumpOptimal => crump_optimal(e).alpha,
    };
    let lower = if target == Target::Att { 0.0 } else { alpha };
    let upper = if target == Target::Atc { 1.0 } else { 1.0 - alpha };
    let keep: Vec<usize> = (0..e.len()).filter(|i| e[*i] >= lower && e[*i] <= upper).collect();
    let trimmed = |arm: Arm| {
        let kept = keep.iter().filter(|i| treatment[**i] == arm).count();
        treatment.iter().filter(|t| **t == arm).count() - kept
    };
    let (trimmed_treated, trimmed_control) = (trimmed(Arm::Treated), trimmed(Arm::Control));
    Trimming { keep, lower, upper, trimmed_treated, trimmed_control }
}

/// α* of Crump et al. (2009) for n propensities; see the module page.
#[must_use]
pub fn crump_optimal(e: &Array1<f64>) -> Crump {
    // e(1 − e) is 0 at both ends and 1/0 is infinite; such units are left out here and remembered below.
    let mut g: Vec<f64> = e.iter().map(|e| 1.0 / (e * (1.0 - e))).filter(|g| g.is_finite()).collect();
    g.sort_by(f64::total_cmp);
    let sums: Vec<f64> = g
        .iter()
        .scan(0.0, |total, v| {
            *total += v;
            Some(*total)
        })
        .collect();
    // A unit with e = 0 or 1 has infinite g: it can never be kept, and trimming is needed.
    let someone_impossible = g.len() < e.len();
    let gamma = |last: usize| 2.0 * sums[last] / (last + 1) as f64;
    let untrimmed = Crump {
        alpha: 0.0,
        gamma: None,
        kept: e.len(),
        alpha_lo_same_set: 0.0,
        alpha_hi_same_set: g.last().map_or(0.0, |g| threshold(*g)),
        fixed_points: 1,
    };
    // With someone at 0 or 1, max g is infinite: somebody must go, however good the overlap of the others.
    if g.is_empty() || (!someone_impossible && g[g.len() - 1] <= gamma(g.len() - 1)) {
        return untrimmed;
    }
    let next = |last: usize| g.get(last + 1).copied().unwrap_or(f64::INFINITY);
    // Only the last of a group of ties ends a set {g ≤ γ}; the others would be counted as solutions of their own.
    let solves = |last: &usize| g[*last] <= gamma(*last) && gamma(*last) < next(*last) && next(*last) > g[*last];
    let bound = |last: usize| sums[last] / ((last + 1) as f64).powi(2);
    let solutions: Vec<usize> = (0..g.len()).filter(solves).collect();
    // The first of equal bounds, which keeps fewer units: the answer does not depend on how the search runs.
    let best = solutions.iter().copied().min_by(|a, b| bound(*a).total_cmp(&bound(*b)));
    best.map_or(untrimmed, |last| Crump {
        alpha: threshold(gamma(last)),
        gamma: Some(gamma(last)),
        kept: last + 1,
        alpha_lo_same_set: if next(last).is_finite() { threshold(next(last)) } else { 0.0 },
        alpha_hi_same_set: threshold(g[last]),
        fixed_points: solutions.len(),
    })
}

/// The α at which a unit with this g is just kept.
fn threshold(g: f64) -> f64 {
    0.5 - (0.25 - 1.0 / g).max(0.0).sqrt()
}

#[cfg(test)]
mod tests {
    use crate::design::trim::*;
    use ndarray::array;

    #[test]
    fn bounds_are_inclusive_and_arms_are_counted() {
        let arms = [Arm::Treated, Arm::Treated, Arm::Control, Arm::Control, Arm::Treated];
        let t = trim(&array![0.1, 0.05, 0.9, 0.95, 0.5], &arms, TrimRule::Fixed { alpha: 0.1 }, Target::Ate);
        assert_eq!(t.keep, [0, 2, 4]);
        assert_eq!((t.trimmed_treated, t.trimmed_control), (1, 1));
        let one_end =
            |target| trim(&array![0.1, 0.05, 0.9, 0.95, 0.5], &arms, TrimRule::Fixed { alpha: 0.1 }, target).keep;
        assert_eq!((one_end(Target::Att), one_end(Target::Atc)), (vec![0, 1, 2, 4], vec![0, 2, 3, 4]));
    }

    #[test]
    fn nobody_is_trimmed_under_good_overlap() {
        let c = crump_optimal(&array![0.4, 0.5, 0.6]);
        assert_eq!((c.alpha, c.gamma, c.kept), (0.0, None, 3));
    }

    #[test]
    fn one_hopeless_unit_is_trimmed_even_with_a_propensity_of_exactly_zero() {
        for hopeless in [1e-9, 0.0] {
            let c = crump_optimal(&array![0.5, 0.5, 0.5, hopeless]);
            // g = 4 for the others: γ = 8, α = ½ − √(¼ − ⅛).
            assert_eq!(c.kept, 3);
            assert!((c.gamma.unwrap() - 8.0).abs() < 1e-12);
            assert!((c.alpha - (0.5 - 0.125_f64.sqrt())).abs() < 1e-12);
        }
    }

    #[test]
    fn the_threshold_is_symmetric_in_the_arms() {
        let e = array![0.02, 0.3, 0.6, 0.7, 0.97, 0.999, 0.45];
        assert!((crump_optimal(&e).alpha - crump_optimal(&e.mapv(|e| 1.0 - e)).alpha).abs() < 1e-12);
    }
}
