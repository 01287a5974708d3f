//! Overlap: can both arms be found at every covariate value of the target population?
//!
//! ```text
//! share outside = Σ aᵢ 1{eᵢ < 0.1 or eᵢ > 0.9} / Σ aᵢ
//! aᵢ = sᵢ            ATE: everyone            aᵢ = sᵢ Tᵢ         ATT: the treated
//! aᵢ = sᵢ (1 − Tᵢ)   ATC: the controls        aᵢ = sᵢ eᵢ(1−eᵢ)   ATO: the overlap population
//! ESS = (Σw)² / Σw² in each arm, w = s·b      (Kish 1965)
//! ```
//!
//! s are observation weights, b the balancing weights of the estimand, e the fitted propensity. The bounds 0.1 and 0.9
//! are the rule of thumb of Crump, Hotz, Imbens & Mitnik (2009), doi:10.1093/biomet/asn055; both inequalities are strict.
//! Units with observation weight zero are not in the sample: nothing here counts them.

use crate::arm::Arm;
use crate::estimand::Target;
use crate::numerics::sums::kish;
use crate::sample::Covariates;
use ndarray::Array1;
use serde::{Deserialize, Serialize};

/// Propensities below this are outside.
pub const LOWER: f64 = 0.1;
/// Propensities above this are outside.
pub const UPPER: f64 = 0.9;
/// Bins of the propensity histograms.
pub const BINS: usize = 40;

/// Overlap of one target population.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OverlapReport {
    /// Share of the target population (units weighted by h(e) and observation weight; the treated for the ATT, the
    /// controls for the ATC) with e < 0.1 or e > 0.9.
    pub share_outside: f64,
    /// Share of the target population where it lacks counterparts: e < 0.1 or e > 0.9 for the ATE, e > 0.9 for the ATT,
    /// e < 0.1 for the ATC; 0 for the ATO, whose weights fade there.
    #[serde(default)]
    pub share_beyond: f64,
    /// The smallest effective sample size of an arm as a share of the units that it stands for: the arm's own number, and no
    /// more than the treated for the ATT or the controls for the ATC. Near 0 a few weights decide.
    #[serde(default)]
    pub carried: f64,
    /// The same share among all analysed units, whatever the target.
    pub share_outside_all: f64,
    /// Units with e < 0.1.
    pub n_below: usize,
    /// Units with e > 0.9.
    pub n_above: usize,
    /// Smallest fitted propensity.
    pub e_min: f64,
    /// Largest fitted propensity.
    pub e_max: f64,
    /// Kish effective sample size of the treated under the estimand's weights.
    pub ess_treated: f64,
    /// Kish effective sample size of the controls.
    pub ess_control: f64,
    /// Largest weight as a share of its arm's total.
    pub max_weight_share: f64,
    /// Counts of e in 40 equal bins of [0, 1], treated; each unit counts its observation weight.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub histogram_treated: Vec<f64>,
    /// Counts of e in 40 equal bins of [0, 1], controls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub histogram_control: Vec<f64>,
}

/// Why overlap could not be measured.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum OverlapError {
    /// An array that is not n long.
    #[error("{what} has {got} values for {expected} units")]
    Length {
        /// The array.
        what: &'static str,
        /// Its length.
        got: usize,
        /// Units.
        expected: usize,
    },
    /// A propensity that is no probability.
    #[error("the propensity in row {row} (counting from 1) is {value}; it must lie between 0 and 1")]
    Propensity {
        /// 1-based row among the analysed rows.
        row: usize,
        /// The value.
        value: f64,
    },
    /// A weight that is negative or not finite.
    #[error("the balancing weight in row {row} (counting from 1) is {value}; weights must be finite and not negative")]
    Weight {
        /// 1-based row.
        row: usize,
        /// The value.
        value: f64,
    },
    /// No unit carries weight in an arm or in the target population.
    #[error("nobody in {who} carries any weight, so overlap cannot be measured there")]
    Nobody {
        /// Whose weight is zero.
        who: &'static str,
    },
}

/// Overlap of the population of `target`: `e` are the n propensities, `weights` the n balancing weights without
/// observation weights (those of `cov` are multiplied in here).
///
/// # Errors
/// Arrays of the wrong length, propensities outside [0, 1], weights that are negative or not finite, or nobody with weight.
pub fn overlap(
    e: &Array1<f64>,
    cov: &Covariates,
    target: Target,
    weights: &Array1<f64>,
) -> Result<OverlapReport, OverlapError> {
    let units = units(e, cov, weights)?;
    let outside = |u: &Unit| u.e < LOWER || u.e > UPPER;
    let share = |a: &dyn Fn(&Unit) -> f64, who| {
        let total: f64 = units.iter().map(a).sum();
        let out: f64 = units.iter().filter(|u| outside(u)).map(a).sum();
        // A sum over nobody is -0.0 in Rust; a share is never negative.
        if total > 0.0 { Ok((out / total).abs()) } else { Err(OverlapError::Nobody { who }) }
    };
    let in_arm = |arm: Arm| units.iter().filter(move |u| u.arm == arm);
    let weights_in = |arm: Arm| in_arm(arm).map(|u| u.w).collect::<Vec<f64>>();
    // Balancing times observation weights, as the estimators use them.
    let (w1, w0) = (weights_in(Arm::Treated), weights_in(Arm::Control));
    let beyond = |u: &Unit| match target {
        Target::Ate => outside(u),
        Target::Att => u.e > UPPER,
        Target::Atc => u.e < LOWER,
        Target::Ato => false,
    };
    let members: f64 = units.iter().map(|u| u.membership(target)).sum();
    let lacking: f64 = units.iter().filter(|u| beyond(u)).map(|u| u.membership(target)).sum();
    let (n1, n0) = (w1.len() as f64, w0.len() as f64);
    let (most1, most0) = match target {
        Target::Ate | Target::Ato => (n1, n0),
        Target::Att => (n1, n0.min(n1)),
        Target::Atc => (n1.min(n0), n0),
    };
    let carried = (kish(w1.iter().copied()) / most1).min(kish(w0.iter().copied()) / most0).min(1.0);
    Ok(OverlapReport {
        share_beyond: (lacking / members).abs(),
        carried,
        share_outside: share(&|u| u.membership(target), target.population())?,
        share_outside_all: share(&|u| u.s, Target::Ate.population())?,
        // Units are counted, not weighed: this says how many rows lie outside.
        n_below: units.iter().filter(|u| u.e < LOWER).count(),
        n_above: units.iter().filter(|u| u.e > UPPER).count(),
        e_min: units.iter().map(|u| u.e).fold(f64::INFINITY, f64::min),
        e_max: units.iter().map(|u| u.e).fold(f64::NEG_INFINITY, f64::max),
        ess_treated: kish(w1.iter().copied()),
        ess_control: kish(w0.iter().copied()),
        max_weight_share: largest_share(&w1, "the treated arm")?.max(largest_share(&w0, "the control arm")?),
        histogram_treated: histogram(in_arm(Arm::Treated)),
        histogram_control: histogram(in_arm(Arm::Control)),
    })
}

/// One unit: propensity, arm, observation weight, and that times its balancing weight.
struct Unit {
    e: f64,
    arm: Arm,
    s: f64,
    w: f64,
}

impl Unit {
    /// Its weight in the target population.
    fn membership(&self, target: Target) -> f64 {
        match target {
            Target::Ate => self.s,
            Target::Att => self.s * self.arm.encode(),
            Target::Atc => self.s * self.arm.other().encode(),
            Target::Ato => self.s * target.tilt(self.e),
        }
    }
}

fn units(e: &Array1<f64>, cov: &Covariates, weights: &Array1<f64>) -> Result<Vec<Unit>, OverlapError> {
    for (what, got) in [("the list of propensities", e.len()), ("the list of weights", weights.len())] {
        if got != cov.n() {
            return Err(OverlapError::Length { what, got, expected: cov.n() });
        }
    }
    // NaN is in no range either.
    if let Some((row, value)) = e.iter().enumerate().find(|(_, e)| !(0.0..=1.0).contains(*e)) {
        return Err(OverlapError::Propensity { row: row + 1, value: *value });
    }
    if let Some((row, value)) = weights.iter().enumerate().find(|(_, w)| !w.is_finite() || **w < 0.0) {
        return Err(OverlapError::Weight { row: row + 1, value: *value });
    }
    let observation = cov.weights_or_ones();
    let unit = |i: usize| Unit { e: e[i], arm: cov.treatment()[i], s: observation[i], w: observation[i] * weights[i] };
    Ok((0..cov.n()).map(unit).filter(|u| u.s > 0.0).collect())
}

fn largest_share(w: &[f64], who: &'static str) -> Result<f64, OverlapError> {
    let total: f64 = w.iter().sum();
    if total > 0.0 { Ok(w.iter().copied().fold(0.0, f64::max) / total) } else { Err(OverlapError::Nobody { who }) }
}

/// Bin k holds k/40 <= e < (k + 1)/40; e = 1 is in the last.
fn histogram<'a>(units: impl Iterator<Item = &'a Unit>) -> Vec<f64> {
    let mut counts = vec![0.0; BINS];
    for unit in units {
        // e = 1 would be a bin of its own.
        let bin = ((unit.e * BINS as f64) as usize).min(BINS - 1);
        if let Some(count) = counts.get_mut(bin) {
            *count += unit.s;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use crate::diagnose::overlap::*;
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    fn cov(treated: Array1<f64>, weights: Option<Array1<f64>>) -> Covariates {
        Covariates::new(Array2::zeros((treated.len(), 0)), Vec::new(), treated, weights).expect("valid arrays")
    }

    /// The bounds themselves are inside, so two of these six are outside: one control below, one treated above.
    #[test]
    fn share_outside_is_over_the_target_population() {
        let e = array![0.95, 0.9, 0.5, 0.5, 0.1, 0.05];
        let c = cov(array![1.0, 1.0, 1.0, 0.0, 0.0, 0.0], None);
        let share = |target| overlap(&e, &c, target, &Array1::ones(6)).expect("overlap").share_outside;
        assert!((share(Target::Ate) - 2.0 / 6.0).abs() < 1e-15);
        assert!((share(Target::Att) - 1.0 / 3.0).abs() < 1e-15);
        assert!((share(Target::Atc) - 1.0 / 3.0).abs() < 1e-15);
        assert!((share(Target::Ato) - 0.095 / (0.095 + 0.18 + 0.5)).abs() < 1e-15);
        let report = overlap(&e, &c, Target::Att, &Array1::ones(6)).expect("overlap");
        assert!((report.share_outside_all - 2.0 / 6.0).abs() < 1e-15);
        assert_eq!((report.n_below, report.n_above, report.e_min, report.e_max), (1, 1, 0.05, 0.95));
    }

    #[test]
    fn observation_weights_count_and_weight_zero_is_absent() {
        let e = array![0.95, 0.5, 0.5, 0.01];
        let c = cov(array![1.0, 1.0, 0.0, 0.0], Some(array![3.0, 1.0, 2.0, 0.0]));
        let report = overlap(&e, &c, Target::Att, &array![1.0, 1.0, 5.0, 7.0]).expect("overlap");
        assert_eq!((report.share_outside, report.share_outside_all), (0.75, 0.5));
        assert_eq!((report.n_below, report.n_above, report.e_min), (0, 1, 0.5));
        assert!((report.ess_treated - 1.6).abs() < 1e-15 && report.ess_control == 1.0);
        assert_eq!(report.max_weight_share, 1.0);
        assert_eq!(report.histogram_treated.iter().sum::<f64>(), 4.0);
        assert_eq!(
            (report.histogram_treated[38], report.histogram_treated[20], report.histogram_control[0]),
            (3.0, 1.0, 0.0)
        );
    }

    #[test]
    fn a_propensity_of_one_is_in_the_last_bin() {
        let report = overlap(&array![1.0, 0.0], &cov(array![1.0, 0.0], None), Target::Ate, &Array1::ones(2));
        let report = report.expect("overlap");
        assert_eq!((report.histogram_treated[BINS - 1], report.histogram_control[0]), (1.0, 1.0));
    }

    #[test]
    fn what_cannot_be_measured_is_refused_by_name() {
        let c = cov(array![1.0, 0.0], None);
        let run = |e: Array1<f64>, w: Array1<f64>| overlap(&e, &c, Target::Ate, &w).expect_err("refused");
        let ones = || array![1.0, 1.0];
        assert!(matches!(run(array![0.5], ones()), OverlapError::Length { got: 1, expected: 2, .. }));
        assert!(matches!(run(array![0.5, f64::NAN], ones()), OverlapError::Propensity { row: 2, .. }));
        assert!(matches!(run(array![1.5, 0.5], ones()), OverlapError::Propensity { row: 1, .. }));
        assert!(matches!(run(array![0.5, 0.5], array![1.0, -1.0]), OverlapError::Weight { row: 2, .. }));
        assert!(matches!(run(array![0.5, 0.5], array![1.0, 0.0]), OverlapError::Nobody { who: "the control arm" }));
        let sure = overlap(&array![1.0, 0.0], &c, Target::Ato, &ones()).expect_err("no overlap population");
        assert!(matches!(sure, OverlapError::Nobody { .. }));
    }

    proptest! {
        #[test]
        fn histograms_count_everybody_once(e in prop::collection::vec(0.0..=1.0_f64, 4..60)) {
            let n = e.len();
            let treated: Array1<f64> = (0..n).map(|i| f64::from(u8::from(i % 2 == 0))).collect();
            let c = cov(treated, None);
            let report = overlap(&Array1::from(e), &c, Target::Ate, &Array1::ones(n)).expect("overlap");
            let total: f64 = report.histogram_treated.iter().chain(&report.histogram_control).sum();
            prop_assert_eq!(total, n as f64);
            prop_assert_eq!((report.histogram_treated.len(), report.histogram_control.len()), (BINS, BINS));
            prop_assert!((report.share_outside * n as f64 - (report.n_below + report.n_above) as f64).abs() < 1e-9);
        }
    }
}
