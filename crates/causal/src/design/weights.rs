//! Balancing weights: h(e)/e for the treated, h(e)/(1 − e) for the controls (Li, Morgan & Zaslavsky 2018,
//! doi:10.1080/01621459.2016.1260466).
//!
//! | target | treated | control |
//! |---|---|---|
//! | ATE | 1/e | 1/(1 − e) |
//! | ATT | 1 | e/(1 − e) |
//! | ATC | (1 − e)/e | 1 |
//! | ATO | 1 − e | e |

use crate::estimand::Target;
use crate::numerics::sums;
use ndarray::{Array1, Zip};

/// n balancing weights at propensities `e`, without observation weights. Infinite where a treated unit has e = 0 or a
/// control e = 1; the estimators refuse those.
#[must_use]
pub fn balancing_weights(e: &Array1<f64>, treated: &Array1<f64>, target: Target) -> Array1<f64> {
    Zip::from(e).and(treated).map_collect(|e, t| weight(*e, *t, target))
}

/// The weight of one unit.
pub(crate) fn weight(e: f64, t: f64, target: Target) -> f64 {
    match (target, t == 1.0) {
        (Target::Ate, true) => 1.0 / e,
        (Target::Ate, false) => 1.0 / (1.0 - e),
        (Target::Att, true) | (Target::Atc, false) => 1.0,
        (Target::Att, false) => e / (1.0 - e),
        (Target::Atc, true) => (1.0 - e) / e,
        (Target::Ato, true) => 1.0 - e,
        (Target::Ato, false) => e,
    }
}

/// Derivative of [`weight`] with respect to the linear predictor logit e; de/d logit e = e(1 − e).
pub(crate) fn weight_slope(e: f64, t: f64, target: Target) -> f64 {
    match (target, t == 1.0) {
        (Target::Ate | Target::Atc, true) => -(1.0 - e) / e,
        (Target::Ate | Target::Att, false) => e / (1.0 - e),
        (Target::Att, true) | (Target::Atc, false) => 0.0,
        (Target::Ato, true) => -e * (1.0 - e),
        (Target::Ato, false) => e * (1.0 - e),
    }
}

/// Kish effective sample size (Σ w)² / Σ w² of the units with `treated == arm`; zero if all their weights are zero.
#[must_use]
pub fn effective_sample_size(weights: &Array1<f64>, treated: &Array1<f64>, arm: f64) -> f64 {
    let of_arm: Vec<f64> = weights.iter().zip(treated).filter(|(_, t)| **t == arm).map(|(w, _)| *w).collect();
    sums::kish(of_arm)
}

#[cfg(test)]
mod tests {
    use crate::design::weights::*;

    #[test]
    fn weights_are_the_tilt_over_the_probability_of_the_arm_received() {
        for target in Target::ALL {
            for e in [0.03, 0.4, 0.97] {
                assert!((weight(e, 1.0, target) - target.tilt(e) / e).abs() < 1e-13);
                assert!((weight(e, 0.0, target) - target.tilt(e) / (1.0 - e)).abs() < 1e-13);
            }
        }
    }

    #[test]
    fn slopes_agree_with_central_differences() {
        let e = |u: f64| 1.0 / (1.0 + (-u).exp());
        for target in Target::ALL {
            for (u, t) in [(-2.0, 0.0), (-2.0, 1.0), (0.7, 0.0), (0.7, 1.0)] {
                let step = 1e-5;
                let numeric = (weight(e(u + step), t, target) - weight(e(u - step), t, target)) / (2.0 * step);
                assert!((weight_slope(e(u), t, target) - numeric).abs() < 1e-8, "{target:?} {u} {t}");
            }
        }
    }
}
