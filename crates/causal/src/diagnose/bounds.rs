//! Worst-case bounds of an average effect: all that the data say without any assumption about how treatment came about.
//!
//! With T the arm, Y the outcome, which is known to lie in [a, b], and Y¹, Y⁰ the outcomes under treatment and control. The data
//! show Y¹ of the treated and Y⁰ of the controls; each of the others can be anything in [a, b]:
//!
//! ```text
//! ATE   E[Y¹ − Y⁰]          ∈ [L, L + b − a],   L = E[ T(Y − b) + (1 − T)(a − Y) ]
//! ATT   E[Y¹ − Y⁰ | T = 1]  ∈ [L, L + b − a],   L = E[ Y | T = 1 ] − b
//! ATC   E[Y¹ − Y⁰ | T = 0]  ∈ [L, L + b − a],   L = a − E[ Y | T = 0 ]
//! ```
//!
//! They are sharp: with nothing else known every value between them is possible. The width is b − a whatever the data, so that
//! they always hold zero and exclude half of what was possible beforehand. The overlap population has no such bounds here: who is
//! in it depends on the propensity, which is a model of the confounders that these bounds do without.
//!
//! | symbol | here | meaning |
//! |---|---|---|
//! | sᵢ | `score` | the term whose mean is L, for the units that count |
//! | se | [`Bounds::std_error`] | √(G/(G − 1) · Σ_g (Σ_{i∈g} wᵢ(sᵢ − L))²) / Σw, g a cluster or a unit, w the observation weights |
//!
//! Both ends move together, so L − 1.96·se to U + 1.96·se holds *both* of them in 95 % of samples, and with them the effect.
//!
//! Reference: Manski (1990), Nonparametric bounds on treatment effects. American Economic Review, Papers and Proceedings 80,
//! 319–323 (no DOI).

use crate::estimand::Target;
use crate::numerics::distributions::Z_975;
use crate::numerics::sums::{sum, weighted_mean};
use crate::sample::Sample;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Bounds of one effect, in units of the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    /// Whose average effect.
    pub target: Target,
    /// The least that it can be.
    pub lower: f64,
    /// The most.
    pub upper: f64,
    /// Standard error of either end.
    pub std_error: f64,
    /// Lower end of the 95 % interval of both ends.
    pub ci_lower: f64,
    /// Its upper end.
    pub ci_upper: f64,
    /// The least that the outcome can be, a.
    pub outcome_low: f64,
    /// The most, b.
    pub outcome_high: f64,
}

/// The reason why there are no bounds.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum BoundsError {
    /// The two limits of the outcome are no range.
    #[error("the outcome is said to lie between {low} and {high}, which is no range")]
    NoRange {
        /// Lower limit.
        low: f64,
        /// Upper limit.
        high: f64,
    },
    /// An outcome outside its range.
    #[error("the outcome has the value {value} in row {row} (counting from 1), which is not between {low} and {high}")]
    Outside {
        /// 1-based row.
        row: usize,
        /// The value.
        value: f64,
        /// Lower limit.
        low: f64,
        /// Upper limit.
        high: f64,
    },
    /// The overlap population.
    #[error("there are no worst-case bounds for the {}: who is in its population depends on a model", target.acronym())]
    NoBounds {
        /// The target.
        target: Target,
    },
    /// One unit, or one cluster, has no spread.
    #[error("worst-case bounds need two units or clusters with weight among those whose effect is asked for")]
    TooFew,
}

/// Bounds of the effect for `target` in the population of the sample, whose outcome lies in `low` to `high`.
///
/// # Errors
/// [`BoundsError`].
pub fn bounds(sample: &Sample, (low, high): (f64, f64), target: Target) -> Result<Bounds, BoundsError> {
    let range = Range { low, high }.checked(sample)?;
    let scores = Scores::of(sample, range, target)?;
    let lower = weighted_mean(&scores.score, &scores.weight);
    let std_error = scores.std_error(lower)?;
    let upper = lower + (high - low);
    Ok(Bounds {
        target,
        lower,
        upper,
        std_error,
        ci_lower: lower - Z_975 * std_error,
        ci_upper: upper + Z_975 * std_error,
        outcome_low: low,
        outcome_high: high,
    })
}

#[derive(Debug, Clone, Copy)]
struct Range {
    low: f64,
    high: f64,
}

impl Range {
    fn checked(self, sample: &Sample) -> Result<Self, BoundsError> {
        let Range { low, high } = self;
        if !(low.is_finite() && high.is_finite() && low < high) {
            return Err(BoundsError::NoRange { low, high });
        }
        match sample.y().iter().enumerate().find(|(_, y)| !(low..=high).contains(*y)) {
            Some((row, value)) => Err(BoundsError::Outside { row: row + 1, value: *value, low, high }),
            None => Ok(self),
        }
    }
}

/// The terms whose weighted mean is the lower end, of the units that count.
struct Scores {
    score: Vec<f64>,
    weight: Vec<f64>,
    cluster: Vec<usize>,
}

impl Scores {
    fn of(sample: &Sample, range: Range, target: Target) -> Result<Self, BoundsError> {
        let covariates = sample.covariates();
        let weights = covariates.weights_or_ones();
        let mut scores = Scores { score: Vec::new(), weight: Vec::new(), cluster: Vec::new() };
        for (i, (arm, y)) in covariates.treatment().iter().zip(sample.y()).enumerate() {
            let (treated, control) = (y - range.high, range.low - y);
            let score = match (target, arm.is_treated()) {
                (Target::Ate | Target::Att, true) => treated,
                (Target::Ate | Target::Atc, false) => control,
                (Target::Att, false) | (Target::Atc, true) => continue,
                (Target::Ato, _) => return Err(BoundsError::NoBounds { target }),
            };
            // A unit without weight is not in the sample.
            if weights[i] > 0.0 {
                scores.score.push(score);
                scores.weight.push(weights[i]);
                scores.cluster.push(covariates.clusters().map_or(i, |clusters| clusters[i]));
            }
        }
        Ok(scores)
    }

    fn std_error(&self, mean: f64) -> Result<f64, BoundsError> {
        let mut totals: BTreeMap<usize, f64> = BTreeMap::new();
        for ((score, weight), cluster) in self.score.iter().zip(&self.weight).zip(&self.cluster) {
            *totals.entry(*cluster).or_default() += weight * (score - mean);
        }
        if totals.len() < 2 {
            return Err(BoundsError::TooFew);
        }
        let groups = totals.len() as f64;
        let squares = sum(totals.values().map(|total| total * total));
        Ok((groups / (groups - 1.0) * squares).sqrt() / sum(self.weight.iter().copied()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::streams;
    use crate::sample::Covariates;
    use ndarray::{Array1, Array2, array};
    use proptest::prelude::*;
    use rand::RngExt;

    fn sample(t: Array1<f64>, y: Array1<f64>, weights: Option<Array1<f64>>) -> Sample {
        let covariates = Covariates::new(Array2::zeros((t.len(), 0)), Vec::new(), t, weights).expect("covariates");
        Sample::new(covariates, y).expect("a sample")
    }

    /// Treated: outcomes 1, 1, 0, a share of 2/3; controls: 1, 0, 0, 0, 0, a share of 1/5; 3 of 8 are treated. By hand
    /// E[Y¹] ∈ [3/8·2/3, 3/8·2/3 + 5/8] = [2/8, 7/8] and E[Y⁰] ∈ [5/8·1/5, 5/8·1/5 + 3/8] = [1/8, 4/8], so that the ATE is
    /// in [−2/8, 6/8], the ATT in [2/3 − 1, 2/3], the ATC in [−1/5, 4/5].
    #[test]
    fn by_hand() {
        let s = sample(array![1., 1., 1., 0., 0., 0., 0., 0.], array![1., 1., 0., 1., 0., 0., 0., 0.], None);
        let of = |target| bounds(&s, (0.0, 1.0), target).expect("bounds");
        for (target, lower, upper) in
            [(Target::Ate, -0.25, 0.75), (Target::Att, -1.0 / 3.0, 2.0 / 3.0), (Target::Atc, -0.2, 0.8)]
        {
            let found = of(target);
            assert!((found.lower - lower).abs() < 1e-15 && (found.upper - upper).abs() < 1e-15, "{found:?}");
        }
        // Scores of the treated 0, 0, −1: variance 1/3 with n − 1, and so of the mean 1/9.
        assert!((of(Target::Att).std_error - 1.0 / 3.0).abs() < 1e-15);
    }

    /// A unit of weight two is two units; in clusters of two that are alike the error is that of half as many units.
    #[test]
    fn weights_and_clusters() {
        let (t, y) = (array![1., 0., 1., 0.], array![3., 4., 9., 5.]);
        let weighted = bounds(&sample(t.clone(), y.clone(), Some(array![2., 1., 1., 1.])), (0.0, 10.0), Target::Ate);
        let written_out =
            bounds(&sample(array![1., 1., 0., 1., 0.], array![3., 3., 4., 9., 5.], None), (0.0, 10.0), Target::Ate);
        let (weighted, written_out) = (weighted.expect("bounds"), written_out.expect("bounds"));
        assert!(
            (weighted.lower - written_out.lower).abs() < 1e-12
                && (weighted.upper - weighted.lower - 10.0).abs() < 1e-12
        );
        let single = bounds(&sample(t.clone(), y.clone(), None), (0.0, 10.0), Target::Ate).expect("bounds");
        let twice = |v: &Array1<f64>| v.iter().flat_map(|v| [*v, *v]).collect::<Array1<f64>>();
        let doubled = sample(twice(&t), twice(&y), None);
        let clusters = (0..8).map(|i| i / 2).collect();
        let covariates = doubled.covariates().clone().with_clusters(clusters).expect("clusters");
        let clustered =
            bounds(&Sample::new(covariates, doubled.y().clone()).expect("a sample"), (0.0, 10.0), Target::Ate);
        assert!((clustered.expect("bounds").std_error - single.std_error).abs() < 1e-12);
    }

    /// 400 samples of 500 units with a hidden cause of both: the effect, −0.2 on the risk of everyone, is inside all bounds, the
    /// unadjusted difference is off, and the 95 % interval holds both ends of the bounds of the population in 95 % of them.
    #[test]
    fn the_truth_is_inside_whatever_is_hidden() {
        let (mut covered, mut naive) = (0, 0.0);
        // Of u ~ U(0, 1), P(T = 1 | u) = 0.1 + 0.8u and P(Y = 1 | u) = 0.2 + 0.8u − 0.2T:
        // E[T(Y − 1) + (1 − T)(0 − Y)] = ∫ e(0.8u − 1) − (1 − e)(0.2 + 0.8u) du.
        let truth: f64 = (0..10_000)
            .map(|i| (f64::from(i) + 0.5) / 10_000.0)
            .map(|u| (0.1 + 0.8 * u) * (0.8 * u - 1.0) - (0.9 - 0.8 * u) * (0.2 + 0.8 * u))
            .sum::<f64>()
            / 10_000.0;
        for seed in 0..400 {
            let mut noise = streams::stream(seed, "bounds");
            let (mut t, mut y) = (Vec::new(), Vec::new());
            for _ in 0..500 {
                let u = noise.random::<f64>();
                let treated = f64::from(u8::from(noise.random::<f64>() < 0.1 + 0.8 * u));
                t.push(treated);
                y.push(f64::from(u8::from(noise.random::<f64>() < 0.2 + 0.8 * u - 0.2 * treated)));
            }
            let mean = |arm: f64| {
                let of = t.iter().zip(&y).filter(|(t, _)| **t == arm).map(|(_, y)| *y);
                of.clone().sum::<f64>() / of.count() as f64
            };
            naive += (mean(1.0) - mean(0.0)) / 400.0;
            let s = sample(t.clone().into(), y.clone().into(), None);
            for target in [Target::Ate, Target::Att, Target::Atc] {
                let found = bounds(&s, (0.0, 1.0), target).expect("bounds");
                assert!(found.lower < -0.2 && -0.2 < found.upper, "{seed} {found:?}");
                assert!((found.upper - found.lower - 1.0).abs() < 1e-12, "{found:?}");
            }
            let ate = bounds(&s, (0.0, 1.0), Target::Ate).expect("bounds");
            covered += usize::from(ate.ci_lower <= truth && truth + 1.0 <= ate.ci_upper);
        }
        assert!(naive > -0.1, "confounded: {naive}");
        // 380 expected, standard deviation 4.4; four of them on either side.
        assert!((362..=397).contains(&covered), "{covered} of 400");
    }

    #[test]
    fn what_has_no_bounds_says_so() {
        let s = sample(array![1., 1., 0., 0.], array![0.5, 1., 0., 2.], None);
        let outside = BoundsError::Outside { row: 4, value: 2.0, low: 0.0, high: 1.0 };
        assert_eq!(bounds(&s, (0.0, 1.0), Target::Ate), Err(outside));
        assert_eq!(bounds(&s, (0.0, 2.0), Target::Ato), Err(BoundsError::NoBounds { target: Target::Ato }));
        assert_eq!(bounds(&s, (2.0, 0.0), Target::Ate), Err(BoundsError::NoRange { low: 2.0, high: 0.0 }));
        assert!(matches!(bounds(&s, (0.0, f64::INFINITY), Target::Ate), Err(BoundsError::NoRange { .. })));
        let lone = sample(array![1., 0., 0.], array![0., 1., 0.], None);
        assert_eq!(bounds(&lone, (0.0, 1.0), Target::Att), Err(BoundsError::TooFew));
    }

    proptest! {
        /// Swapping the arms mirrors the ATE's bounds and makes the ATT's the ATC's; they always hold zero and the width is that
        /// of the outcome.
        #[test]
        fn swapped_arms_mirror(y in prop::collection::vec(-1.0..3.0_f64, 6..30)) {
            let t: Array1<f64> = (0..y.len()).map(|i| f64::from(u8::from(i % 3 == 0))).collect();
            let of = |t: Array1<f64>, target| {
                bounds(&sample(t, y.clone().into(), None), (-1.0, 3.0), target).expect("bounds")
            };
            let swapped = t.mapv(|t| 1.0 - t);
            for (one, other) in [(Target::Ate, Target::Ate), (Target::Att, Target::Atc)] {
                let (here, there) = (of(t.clone(), one), of(swapped.clone(), other));
                prop_assert!((here.lower + there.upper).abs() < 1e-12 && (here.upper + there.lower).abs() < 1e-12);
                prop_assert!(here.lower <= 0.0 && here.upper >= 0.0);
                prop_assert!((here.upper - here.lower - 4.0).abs() < 1e-12);
            }
        }
    }
}
