//! Augmented inverse-propensity weighting with normalised weights, for nuisances that are not perfect.
//!
//! ```text
//! m_a = Σ w den μ_a / Σ w den,    c_a = Σ_{t=a} w b (y − μ_a) / Σ_{t=a} w b
//! τ̂ = (m₁ + c₁) − (m₀ + c₀)
//! φ = den(μ₁ − μ₀ − m₁ + m₀)/D̄ + t b(y − μ₁ − c₁)/B̄₁ − (1 − t) b(y − μ₀ − c₀)/B̄₀
//! ```
//!
//! den and b are those of [`crate::estimate::aipw`]; D̄ and B̄_a are averages over all rows of den and of b in arm a. The
//! population quantities are the same, `E[1{t = a} b] = E[den]`, so this estimator is doubly robust too and has the same
//! influence function to first order; but here an outcome model that is wrong by a constant in one arm is mended
//! exactly, and the correction is a mean of residuals, never larger than the largest of them. For the ATT it is
//! mean(r; treated) − Σ ω r/Σ ω over controls, with r = y − μ₀ and ω = e/(1 − e). Reference: Robins, Sued, Lei-Gomez &
//! Rotnitzky (2007), doi:10.1214/07-STS227D.

use crate::arm::Arm;
use crate::design::weights::weight;
use crate::estimand::Target;
use crate::estimate::aipw::denominator;
use crate::estimate::inference::Scores;
use crate::nuisance::outcome::OutcomeValues;
use crate::weighted_rows::Rows;

/// Estimate and influence function at propensities `e` and outcome predictions `outcome`.
pub(crate) fn scores(rows: &Rows, e: &[f64], outcome: &OutcomeValues, target: Target) -> Scores {
    let den = |i: usize| denominator(e[i], rows.t[i], target);
    let b = |i: usize| weight(e[i], rows.arm[i], target);
    let in_arm = |arm: Arm, i: usize| f64::from(u8::from(rows.arm[i] == arm));
    let residual = |arm: Arm, i: usize| rows.y[i] - outcome.mu[arm.index()][i];
    let total = rows.sum(den);
    // Each arm's correction is divided by its own weights, which is what makes it a mean of residuals.
    let size = Arm::BOTH.map(|arm| rows.sum(|i| in_arm(arm, i) * b(i)));
    let model = Arm::BOTH.map(|arm| rows.sum(|i| den(i) * outcome.mu[arm.index()][i]) / total);
    let correction = Arm::BOTH.map(|arm| rows.sum(|i| in_arm(arm, i) * b(i) * residual(arm, i)) / size[arm.index()]);
    let phi = rows.map(|i| {
        let (arm, a) = (rows.arm[i], rows.arm[i].index());
        let between = den(i) * (outcome.mu[1][i] - outcome.mu[0][i] - model[1] + model[0]) / total;
        // Σw puts each term, divided by its own total, on the scale of an average over all rows.
        rows.total * (between + arm.sign() * b(i) * (residual(arm, i) - correction[a]) / size[a])
    });
    let [mean_control, mean_treated] = [model[0] + correction[0], model[1] + correction[1]];
    Scores {
        estimate: mean_treated - mean_control,
        mean_treated,
        mean_control,
        phi,
        // Without slopes: nothing stacks these scores, since their nuisances are not regressions on all rows.
        slope_propensity: None,
        slope_outcome: None,
    }
}
