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
//! **Continuous outcome** (their approximate conversion): d = τ̂/SD(y), R = exp(0.91 d), limits exp(0.91 d ∓ 1.78 se(d)),
//! se(d) = se(τ̂)/SD(y). SD(y) is the standard deviation among all analysed units (n − 1).
//!
//! **Binary outcome**: R = μ₁/μ₀ from the mean potential outcomes, with delta-method limits
//! exp(log R ∓ 1.96 se(log R)), se²(log R) = V₁/μ₁² + V₀/μ₀². An estimate carries only the variance of μ̂₁ − μ̂₀; it is
//! split into V₁ + V₀ in proportion to the binomial variances μₐ(1 − μₐ)/ESSₐ of the two arms, taken as independent.
//! A μₐ at or beyond 1 would have no binomial variance and is refused along with a μₐ of zero or less.

use super::SensitivityError;
use crate::estimand::Effect;

/// 0.975 quantile of the standard normal.
const Z: f64 = 1.959_963_984_540_054;
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
    /// Conversion from a mean difference: `estimate` and `std_error` in outcome units, `sd` the standard deviation of
    /// the outcome.
    ///
    /// # Errors
    /// A standard deviation or standard error that is not positive, or a ratio too large to represent.
    pub fn from_difference(estimate: f64, std_error: f64, sd: f64) -> Result<Self, SensitivityError> {
        if sd <= 0.0 || !sd.is_finite() {
            return Err(SensitivityError::ConstantOutcome);
        }
        Self::on_log_scale(LOG_RR_PER_SD * estimate / sd, LOG_RR_HALF_WIDTH * std_error / sd)
    }

    /// The ratio of the mean potential outcomes of a binary outcome, see the module header.
    ///
    /// # Errors
    /// Means that are absent or not strictly between 0 and 1, arms without effective units.
    pub fn from_risks(effect: &Effect) -> Result<Self, SensitivityError> {
        let treated = risk("treatment", effect.mean_treated)?;
        let control = risk("control", effect.mean_control)?;
        let binomial = |risk: f64, ess: f64| risk * (1.0 - risk) / ess;
        let (b1, b0) = (binomial(treated, effect.ess_treated), binomial(control, effect.ess_control));
        let share = b1 / (b1 + b0);
        let variance = effect.std_error.powi(2) * (share / treated.powi(2) + (1.0 - share) / control.powi(2));
        Self::on_log_scale((treated / control).ln(), Z * variance.sqrt())
    }

    fn on_log_scale(log: f64, half_width: f64) -> Result<Self, SensitivityError> {
        let ratio = Self { estimate: log.exp(), lower: (log - half_width).exp(), upper: (log + half_width).exp() };
        let usable = |r: f64| r > 0.0 && r.is_finite();
        if usable(ratio.estimate) && usable(ratio.lower) && usable(ratio.upper) {
            Ok(ratio)
        } else {
            Err(SensitivityError::RiskRatio { log, half_width })
        }
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

/// E(R) of a positive risk ratio: the same for R and 1/R.
#[must_use]
pub fn e_value(risk_ratio: f64) -> f64 {
    let r = risk_ratio.max(1.0 / risk_ratio);
    r + (r * (r - 1.0)).sqrt()
}

/// Smallest constant additive bias, with the sign of the estimate, whose removal makes the 95 % interval touch zero;
/// 0 if the interval contains zero already.
#[must_use]
pub fn tipping_bias(estimate: f64, std_error: f64) -> f64 {
    let room = (estimate.abs() - Z * std_error).max(0.0);
    if room == 0.0 { 0.0 } else { room.copysign(estimate) }
}

fn risk(arm: &'static str, mean: Option<f64>) -> Result<f64, SensitivityError> {
    match mean {
        Some(risk) if risk > 0.0 && risk < 1.0 => Ok(risk),
        Some(risk) => Err(SensitivityError::Risk { arm, risk }),
        None => Err(SensitivityError::NoRisk { arm }),
    }
}
