//! Inverse-propensity weighting, normalised (Hájek) and not (Horvitz–Thompson).
//!
//! ```text
//! Hájek   τ̂ = m₁ − m₀,  m_a = Σ_{t=a} w b y / Σ_{t=a} w b
//!         φ = t b(y − m₁)/B̄₁ − (1 − t) b(y − m₀)/B̄₀
//! HT      τ̂ = Σ w b y(2t − 1) / Σ w h,   h = 1 (ATE), t (ATT), 1 − t (ATC), e(1 − e) (ATO)
//!         φ = [b y(2t − 1) − τ h]/h̄
//! ```
//!
//! b(e, t) are the balancing weights of [`crate::design::weights`], B̄_a and h̄ averages over all rows. Consistent if the
//! propensity is right. Derivatives with respect to logit e come from db/dlogit e. References: Hájek (1971); Horvitz &
//! Thompson (1952), doi:10.1080/01621459.1952.10483446; stacked variance: Lunceford & Davidian (2004),
//! doi:10.1002/sim.1903.

use crate::arm::Arm;
use crate::design::weights::{weight, weight_slope};
use crate::effect::Effect;
use crate::error::EstimateError;
use crate::estimand::Target;
use crate::estimate::Estimator;
use crate::estimate::effect_builder::Label;
use crate::estimate::inference::Scores;
use crate::nuisance::Nuisances;
use crate::nuisance::outcome::OutcomeValues;
use crate::weighted_rows::Rows;

/// IPW with normalised weights.
pub(super) struct Hajek;

impl Estimator for Hajek {
    fn effect(&self, nuisances: &Nuisances<'_>, label: &Label) -> Result<Effect, EstimateError> {
        let e = nuisances.weighting_e()?;
        nuisances.stacked(label, Some(&e), &hajek(&nuisances.rows, &e, label.target))
    }

    fn influence(&self, nuisances: &Nuisances<'_>, target: Target) -> Result<Option<Vec<f64>>, EstimateError> {
        let e = nuisances.weighting_e()?;
        nuisances.stacked_influence(&hajek(&nuisances.rows, &e, target)).map(Some)
    }

    fn scores_given(&self, rows: &Rows, e: &[f64], _: &OutcomeValues, target: Target) -> Option<Scores> {
        Some(hajek(rows, e, target))
    }
}

/// IPW without.
pub(super) struct HorvitzThompson;

impl Estimator for HorvitzThompson {
    fn effect(&self, nuisances: &Nuisances<'_>, label: &Label) -> Result<Effect, EstimateError> {
        let e = nuisances.weighting_e()?;
        nuisances.stacked(label, Some(&e), &horvitz_thompson(&nuisances.rows, &e, label.target))
    }

    fn influence(&self, nuisances: &Nuisances<'_>, target: Target) -> Result<Option<Vec<f64>>, EstimateError> {
        let e = nuisances.weighting_e()?;
        nuisances.stacked_influence(&horvitz_thompson(&nuisances.rows, &e, target)).map(Some)
    }

    fn scores_given(&self, rows: &Rows, e: &[f64], _: &OutcomeValues, target: Target) -> Option<Scores> {
        Some(horvitz_thompson(rows, e, target))
    }
}

/// Difference of weighted means.
fn hajek(rows: &Rows, e: &[f64], target: Target) -> Scores {
    let b = rows.map(|i| weight(e[i], rows.arm[i], target));
    let in_arm = |arm: Arm, i: usize| f64::from(u8::from(rows.arm[i] == arm));
    let size = |arm: Arm| rows.sum(|i| in_arm(arm, i) * b[i]);
    let sizes = Arm::BOTH.map(size);
    let mean = |arm: Arm| rows.sum(|i| in_arm(arm, i) * b[i] * rows.y[i]) / size(arm);
    let means = Arm::BOTH.map(mean);
    let residual = |i: usize| {
        let arm = rows.arm[i];
        arm.sign() * (rows.y[i] - means[arm.index()]) * rows.total / sizes[arm.index()]
    };
    Scores {
        estimate: means[1] - means[0],
        mean_treated: means[1],
        mean_control: means[0],
        phi: rows.map(|i| b[i] * residual(i)),
        // Through b alone: with Σ w b (y − m) = 0 in each arm, that is the whole derivative.
        slope_propensity: Some(rows.map(|i| weight_slope(e[i], rows.arm[i], target) * residual(i))),
        slope_outcome: None,
    }
}

/// Ratio of weighted sums.
fn horvitz_thompson(rows: &Rows, e: &[f64], target: Target) -> Scores {
    let sign = |i: usize| rows.arm[i].sign();
    let b = rows.map(|i| weight(e[i], rows.arm[i], target));
    let h = |i: usize| match target {
        Target::Ate => 1.0,
        Target::Att => rows.t[i],
        Target::Atc => 1.0 - rows.t[i],
        Target::Ato => e[i] * (1.0 - e[i]),
    };
    // dh/dlogit e; zero unless h depends on e.
    let h_slope = |i: usize| match target {
        Target::Ato => target.tilt_slope(e[i]) * e[i] * (1.0 - e[i]),
        _ => 0.0,
    };
    let total = rows.sum(h);
    let scale = total / rows.total;
    // Over Σ w h for both arms, not over the arm's own weights: that is what makes it Horvitz–Thompson.
    let mean = |arm: Arm| rows.sum(|i| if rows.arm[i] == arm { b[i] * rows.y[i] } else { 0.0 }) / total;
    let (mean_treated, mean_control) = (mean(Arm::Treated), mean(Arm::Control));
    let estimate = rows.sum(|i| sign(i) * b[i] * rows.y[i]) / total;
    Scores {
        estimate,
        mean_treated,
        mean_control,
        phi: rows.map(|i| (sign(i) * b[i] * rows.y[i] - estimate * h(i)) / scale),
        slope_propensity: Some(
            rows.map(|i| {
                (sign(i) * weight_slope(e[i], rows.arm[i], target) * rows.y[i] - estimate * h_slope(i)) / scale
            }),
        ),
        slope_outcome: None,
    }
}
