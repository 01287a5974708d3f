//! E-value: how strongly a hidden confounder would have to be associated with both treatment and outcome.
//!
//! VanderWeele & Ding (2017), doi:10.7326/M16-2607: an unmeasured confounder that is associated with treatment and with
//! the outcome by risk ratios of at least E each, beyond the measured confounders, could explain an observed risk ratio R
//! away, and a weaker one could not:
//!
//! ```text
//! E(R) = r + √(r(r − 1)),   r = max(R, 1/R)
//! ```
//!
//! **Continuous outcome** (their approximate conversion): d = τ̂/SD(y), R = exp(0.91 d), limits
//! exp(0.91 d ∓ 1.78 (c/1.96) se(d)), se(d) = se(τ̂)/SD(y). SD(y) is the standard deviation among all analysed units
//! (n − 1).
//!
//! **Binary outcome**: R = μ₁/μ₀ from the mean potential outcomes, with delta-method limits
//! exp(log R ∓ c se(log R)), se²(log R) = V₁/μ₁² + V₀/μ₀². An estimate carries only the variance of μ̂₁ − μ̂₀; it is
//! split into V₁ + V₀ in proportion to the binomial variances μₐ(1 − μₐ)/ESSₐ of the two arms, taken as independent.
//! A μₐ at or beyond 1 would have no binomial variance and is refused along with a μₐ of zero or less.
//!
//! The 95 % interval of τ̂ reaches c se(τ̂) to either side: c is 1.96, or Student's quantile with clusters. Where that
//! interval contains zero, the limits are moved out to contain R = 1, so that the two agree: 1.78 is less than 0.91 · 1.96,
//! and a log ratio has other limits than a difference. An interval for a difference of risks without zero can still belong
//! to a ratio whose limits contain 1; the E-value of the limit is then 1.

use crate::diagnose::sensitivity::SensitivityError;
use crate::effect::Effect;
use crate::numerics::distributions::Z_975;

/// log risk ratio per standardised mean difference, VanderWeele & Ding (2017).
const LOG_RR_PER_SD: f64 = 0.91;
/// Half width of their interval for the log risk ratio, per standard error of d.
const LOG_RR_HALF_WIDTH: f64 = 1.78;

/// A risk ratio with its 95 % limits, exact or by conversion.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RiskRatio {
    /// Point estimate, positive.
    pub estimate: f64,
    /// Lower limit.
    pub lower: f64,
    /// Upper limit.
    pub upper: f64,
}

impl RiskRatio {
    /// Conversion from a mean difference: `estimate` in outcome units, whose 95 % interval reaches `half_width` to either
    /// side, and `sd` the standard deviation of the outcome.
    ///
    /// # Errors
    /// A standard deviation that is not positive, or a ratio too large to represent.
    pub fn from_difference(estimate: f64, half_width: f64, sd: f64) -> Result<Self, SensitivityError> {
        if sd <= 0.0 || !sd.is_finite() {
            return Err(SensitivityError::ConstantOutcome);
        }
        let log = LogRatio {
            estimate: LOG_RR_PER_SD * estimate / sd,
            half_width: LOG_RR_HALF_WIDTH * (half_width / Z_975) / sd,
        };
        log.ratio(contains_zero(estimate, half_width))
    }

    /// The ratio of the mean potential outcomes of a binary outcome, see the module header.
    ///
    /// # Errors
    /// Means that are absent or not strictly between 0 and 1, arms without effective units.
    pub fn from_risks(effect: &Effect) -> Result<Self, SensitivityError> {
        let treated = risk("treatment", effect.mean_treated)?;
        let control = risk("control", effect.mean_control)?;
        let binomial = |risk: f64, ess: f64| risk * (1.0 - risk) / ess;
        // An arm without effective units makes this infinite, and the limits below are then refused.
        let (b1, b0) = (binomial(treated, effect.ess_treated), binomial(control, effect.ess_control));
        let share = b1 / (b1 + b0);
        // On the scale of a standard error, the interval reaches so far for the ratio as well.
        let per_width = (share / treated.powi(2) + (1.0 - share) / control.powi(2)).sqrt();
        let half_width = effect.half_width();
        let log = LogRatio { estimate: (treated / control).ln(), half_width: half_width * per_width };
        log.ratio(contains_zero(effect.estimate, half_width))
    }

    /// E-value of the point estimate, at least 1.
    #[must_use]
    pub fn e_value(&self) -> f64 {
        e_value(self.estimate)
    }

    /// E-value of the confidence limit nearer to no effect; 1 if the interval contains no effect.
    #[must_use]
    pub fn e_value_ci(&self) -> f64 {
        if self.lower > 1.0 {
            e_value(self.lower)
        } else if self.upper < 1.0 {
            e_value(self.upper)
        } else {
            1.0
        }
    }
}

/// A log risk ratio, whose 95 % interval reaches `half_width` to either side.
struct LogRatio {
    estimate: f64,
    half_width: f64,
}

impl LogRatio {
    /// The ratio, with limits that contain one if they have to.
    fn ratio(&self, contains_one: bool) -> Result<RiskRatio, SensitivityError> {
        let Self { estimate: log, half_width } = *self;
        // As wide as the estimate is far from one: the nearer limit is then exp(0), to the bit.
        let half_width = if contains_one && half_width < log.abs() { log.abs() } else { half_width };
        let ratio = RiskRatio { estimate: log.exp(), lower: (log - half_width).exp(), upper: (log + half_width).exp() };
        // Far out the exponential is 0 or infinite.
        let usable = |r: f64| r > 0.0 && r.is_finite();
        if usable(ratio.estimate) && usable(ratio.lower) && usable(ratio.upper) {
            Ok(ratio)
        } else {
            Err(SensitivityError::RiskRatio { log, half_width })
        }
    }
}

fn contains_zero(estimate: f64, half_width: f64) -> bool {
    estimate.abs() <= half_width
}

/// E(R) of a positive risk ratio: the same for R and 1/R.
#[must_use]
pub fn e_value(risk_ratio: f64) -> f64 {
    let r = risk_ratio.max(1.0 / risk_ratio);
    r + (r * (r - 1.0)).sqrt()
}

/// Smallest constant additive bias, with the sign of the estimate, whose removal makes the 95 % interval, which reaches
/// `half_width` to either side, touch zero; 0 if the interval contains zero already.
#[must_use]
pub fn tipping_bias(estimate: f64, half_width: f64) -> f64 {
    let room = (estimate.abs() - half_width).max(0.0);
    // Written out, because copysign would make −0 of it for a negative estimate.
    if room == 0.0 { 0.0 } else { room.copysign(estimate) }
}

fn risk(arm: &'static str, mean: Option<f64>) -> Result<f64, SensitivityError> {
    match mean {
        Some(risk) if risk > 0.0 && risk < 1.0 => Ok(risk),
        Some(risk) => Err(SensitivityError::Risk { arm, risk }),
        None => Err(SensitivityError::NoRisk { arm }),
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnose::sensitivity::e_value::*;
    use crate::effect::SeMethod;
    use crate::estimand::{Estimand, Population, Target};
    use crate::estimator::EstimatorKind;
    use crate::scale::Scale;
    use proptest::prelude::*;

    fn binary(treated: f64, control: f64, std_error: f64, ess: (f64, f64)) -> Effect {
        let estimate = treated - control;
        Effect {
            estimand: Estimand { target: Target::Ate, population: Population::All },
            estimator: EstimatorKind::Aipw,
            scale: Scale::Difference,
            estimate,
            std_error,
            se_method: SeMethod::InfluenceFunction,
            se_influence: None,
            se_stacked: None,
            ci_lower: estimate - Z_975 * std_error,
            ci_upper: estimate + Z_975 * std_error,
            mean_treated: Some(treated),
            mean_control: Some(control),
            n: 300,
            n_treated: 100,
            ess_treated: ess.0,
            ess_control: ess.1,
            inference: crate::estimand::Inference::Population,
            disagreement: None,
            clipped: 0,
            repeats: 1,
            notes: Vec::new(),
        }
    }

    /// VanderWeele & Ding (2017): a risk ratio of 3.9 has an E-value of 7.26; its lower limit 1.8 one of 3.0.
    #[test]
    fn published_example() {
        assert!((e_value(3.9) - 7.26).abs() < 0.005);
        assert!((e_value(1.8) - 3.0).abs() < 1e-12);
        assert_eq!(e_value(1.0), 1.0);
    }

    /// With unadjusted arms the split is exact: it gives back the textbook variance of a log risk ratio.
    #[test]
    fn risk_ratio_limits_are_the_textbook_ones_for_two_independent_arms() {
        let (p1, p0, n1, n0) = (0.3_f64, 0.2_f64, 100.0_f64, 200.0_f64);
        let se = (p1 * (1.0 - p1) / n1 + p0 * (1.0 - p0) / n0).sqrt();
        let rr = RiskRatio::from_risks(&binary(p1, p0, se, (n1, n0))).expect("two risks");
        let se_log = ((1.0 - p1) / (p1 * n1) + (1.0 - p0) / (p0 * n0)).sqrt();
        assert!((rr.estimate - 1.5).abs() < 1e-12);
        assert!((rr.lower - (1.5_f64.ln() - Z_975 * se_log).exp()).abs() < 1e-12);
        assert!((rr.upper - (1.5_f64.ln() + Z_975 * se_log).exp()).abs() < 1e-12);
    }

    #[test]
    fn risks_that_are_no_risks_are_refused_by_name() {
        let error = RiskRatio::from_risks(&binary(0.2, -0.01, 0.1, (9.0, 9.0))).expect_err("negative risk");
        assert_eq!(error, SensitivityError::Risk { arm: "control", risk: -0.01 });
        let mut without = binary(0.3, 0.2, 0.1, (9.0, 9.0));
        without.mean_treated = None;
        assert_eq!(
            RiskRatio::from_risks(&without).expect_err("no mean"),
            SensitivityError::NoRisk { arm: "treatment" }
        );
        let effective = RiskRatio::from_risks(&binary(0.3, 0.2, 0.1, (0.0, 9.0)));
        assert!(matches!(effective, Err(SensitivityError::RiskRatio { .. })), "{effective:?}");
    }

    #[test]
    fn a_constant_outcome_is_refused() {
        assert_eq!(RiskRatio::from_difference(1.0, 1.0, 0.0), Err(SensitivityError::ConstantOutcome));
        // Too large for a double, and so small that it is zero there.
        for estimate in [1e9, -1e9] {
            let ratio = RiskRatio::from_difference(estimate, 1.0, 1.0);
            assert!(matches!(ratio, Err(SensitivityError::RiskRatio { .. })), "{ratio:?}");
        }
    }

    #[test]
    fn tipping_bias_brings_the_interval_to_zero() {
        let bias = tipping_bias(-3.0, Z_975);
        assert!(bias < 0.0 && (-3.0 - bias + Z_975).abs() < 1e-14);
        assert_eq!(tipping_bias(1.5, Z_975), 0.0);
    }

    proptest! {
        #[test]
        fn e_values_are_at_least_one_and_the_limit_has_the_smaller(
            estimate in -5.0..5.0_f64, se in 0.001..3.0_f64, sd in 0.1..10.0_f64
        ) {
            let rr = RiskRatio::from_difference(estimate, se, sd).expect("moderate values");
            prop_assert!(rr.e_value() >= 1.0 && rr.e_value_ci() >= 1.0);
            prop_assert!(rr.e_value_ci() <= rr.e_value() + 1e-12);
        }

        #[test]
        fn neither_units_nor_the_direction_matter(
            estimate in 0.1..5.0_f64, se in 0.001..3.0_f64, sd in 0.5..10.0_f64, factor in 0.01..100.0_f64
        ) {
            let a = RiskRatio::from_difference(estimate, se, sd).expect("moderate values");
            let b = RiskRatio::from_difference(-factor * estimate, factor * se, factor * sd).expect("moderate values");
            prop_assert!((a.e_value() / b.e_value() - 1.0).abs() < 1e-9);
            prop_assert!((a.e_value_ci() / b.e_value_ci() - 1.0).abs() < 1e-6);
        }
    }
}
