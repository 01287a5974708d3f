//! Balancing weights: h(e)/e for the treated, h(e)/(1 − e) for the controls (Li, Morgan & Zaslavsky 2018,
//! doi:10.1080/01621459.2016.1260466).
//!
//! | target | treated | control |
//! |---|---|---|
//! | ATE | 1/e | 1/(1 − e) |
//! | ATT | 1 | e/(1 − e) |
//! | ATC | (1 − e)/e | 1 |
//! | ATO | 1 − e | e |

use crate::arm::Arm;
use crate::estimand::Target;
use crate::numerics::sums;
use ndarray::Array1;

/// n balancing weights at propensities `e`, without observation weights. Infinite where a treated unit has e = 0 or a
/// control e = 1; the estimators refuse those.
#[must_use]
pub fn balancing_weights(e: &Array1<f64>, treatment: &[Arm], target: Target) -> Array1<f64> {
    e.iter().zip(treatment).map(|(e, arm)| weight(*e, *arm, target)).collect()
}

/// The weight of one unit.
pub(crate) fn weight(e: f64, arm: Arm, target: Target) -> f64 {
    match (target, arm) {
        (Target::Ate, Arm::Treated) => 1.0 / e,
        (Target::Ate, Arm::Control) => 1.0 / (1.0 - e),
        (Target::Att, Arm::Treated) | (Target::Atc, Arm::Control) => 1.0,
        (Target::Att, Arm::Control) => e / (1.0 - e),
        (Target::Atc, Arm::Treated) => (1.0 - e) / e,
        // Overlap weights are bounded by 1, so no propensity makes them infinite.
        (Target::Ato, Arm::Treated) => 1.0 - e,
        (Target::Ato, Arm::Control) => e,
    }
}

/// Derivative of [`weight`] with respect to the linear predictor logit e; de/d logit e = e(1 − e).
pub(crate) fn weight_slope(e: f64, arm: Arm, target: Target) -> f64 {
    match (target, arm) {
        // 1/e and (1 − e)/e differ by a constant, so their slopes are one.
        (Target::Ate | Target::Atc, Arm::Treated) => -(1.0 - e) / e,
        (Target::Ate | Target::Att, Arm::Control) => e / (1.0 - e),
        (Target::Att, Arm::Treated) | (Target::Atc, Arm::Control) => 0.0,
        (Target::Ato, Arm::Treated) => -e * (1.0 - e),
        (Target::Ato, Arm::Control) => e * (1.0 - e),
    }
}

/// Kish effective sample size (Σ w)² / Σ w² of the units of `arm`; zero if all their weights are zero.
#[must_use]
pub fn effective_sample_size(weights: &Array1<f64>, treatment: &[Arm], arm: Arm) -> f64 {
    let in_arm = weights.iter().zip(treatment).filter(|(_, t)| **t == arm);
    sums::kish(in_arm.map(|(w, _)| *w).collect::<Vec<f64>>())
}

#[cfg(test)]
mod tests {
    use crate::design::weights::*;

    #[test]
    fn weights_are_the_tilt_over_the_probability_of_the_arm_received() {
        for target in Target::ALL {
            for e in [0.03, 0.4, 0.97] {
                assert!((weight(e, Arm::Treated, target) - target.tilt(e) / e).abs() < 1e-13);
                assert!((weight(e, Arm::Control, target) - target.tilt(e) / (1.0 - e)).abs() < 1e-13);
            }
        }
    }

    #[test]
    fn slopes_agree_with_central_differences() {
        let e = |u: f64| 1.0 / (1.0 + (-u).exp());
        for target in Target::ALL {
            for (u, arm) in [-2.0, 0.7].into_iter().flat_map(|u| Arm::BOTH.map(|arm| (u, arm))) {
                // Truncation is of the order of step², rounding of 1e-16/step: both are near 1e-10 here.
                let step = 1e-5;
                let numeric = (weight(e(u + step), arm, target) - weight(e(u - step), arm, target)) / (2.0 * step);
                assert!((weight_slope(e(u), arm, target) - numeric).abs() < 1e-8, "{target:?} {u} {arm}");
            }
        }
    }
}
