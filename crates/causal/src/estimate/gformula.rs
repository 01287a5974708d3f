//! g-formula: outcome regressions in each arm, averaged over the target population (Robins 1986,
//! doi:10.1016/0270-0255(86)90088-6).
//!
//! ```text
//! τ̂ = Σ w h (μ₁ − μ₀) / Σ w h,   h = 1 (ATE), t (ATT), 1 − t (ATC), e(1 − e) (ATO)
//! φ = h(μ₁ − μ₀ − τ)/h̄
//! ∂φ/∂η_a = ± h μ_a′/h̄,   ∂φ/∂logit e = h′(e) e(1 − e) (μ₁ − μ₀ − τ)/h̄   (ATO only)
//! ```
//!
//! μ_a(x) = E[Y | T = a, X = x] is the fitted outcome model of arm a, η_a its linear predictor, μ′ = dμ/dη. Consistent if
//! both outcome models are right; extrapolates where an arm is empty. φ alone ignores that μ was estimated and is not
//! reported; the stacked standard error is.

use crate::effect::Effect;
use crate::error::EstimateError;
use crate::estimand::Target;
use crate::estimate::Estimator;
use crate::estimate::effect_builder::Label;
use crate::estimate::inference::Scores;
use crate::nuisance::Nuisances;
use crate::nuisance::outcome::OutcomeValues;
use crate::weighted_rows::Rows;

/// Outcome regressions, standardised.
pub(super) struct Gformula;

impl Estimator for Gformula {
    fn effect(&self, nuisances: &Nuisances<'_>, label: &Label) -> Result<Effect, EstimateError> {
        let models = nuisances.outcome()?;
        // Only the overlap population is defined by the propensity.
        let e = if label.target == Target::Ato { Some(nuisances.whole_sample_e()?) } else { None };
        let scores = scores(&nuisances.rows, e.as_deref(), &models.values, label.target);
        // No weighting: the influence function alone says nothing here, see `stacked`.
        let mut effect = nuisances.stacked(label, None, &scores)?;
        effect.notes.extend(models.notes());
        Ok(effect)
    }

    fn influence(&self, nuisances: &Nuisances<'_>, target: Target) -> Result<Option<Vec<f64>>, EstimateError> {
        let e = if target == Target::Ato { Some(nuisances.whole_sample_e()?) } else { None };
        let scores = scores(&nuisances.rows, e.as_deref(), &nuisances.outcome()?.values, target);
        nuisances.stacked_influence(&scores).map(Some)
    }
}

/// Estimate and scores. `e` is needed for the ATO only.
pub(super) fn scores(rows: &Rows, e: Option<&[f64]>, outcome: &OutcomeValues, target: Target) -> Scores {
    let h = |i: usize| match (target, e) {
        (Target::Att, _) => rows.t[i],
        (Target::Atc, _) => 1.0 - rows.t[i],
        (Target::Ato, Some(e)) => e[i] * (1.0 - e[i]),
        // The ATE. The ATO always comes with e.
        _ => 1.0,
    };
    let (mu1, mu0) = (&outcome.mu[1], &outcome.mu[0]);
    let total = rows.sum(h);
    let scale = total / rows.total;
    let mean_treated = rows.sum(|i| h(i) * mu1[i]) / total;
    let mean_control = rows.sum(|i| h(i) * mu0[i]) / total;
    let estimate = rows.sum(|i| h(i) * (mu1[i] - mu0[i])) / total;
    let gap = |i: usize| mu1[i] - mu0[i] - estimate;
    let slope_propensity = e
        .filter(|_| target == Target::Ato)
        .map(|e| rows.map(|i| target.tilt_slope(e[i]) * e[i] * (1.0 - e[i]) * gap(i) / scale));
    Scores {
        estimate,
        mean_treated,
        mean_control,
        phi: rows.map(|i| h(i) * gap(i) / scale),
        slope_propensity,
        slope_outcome: Some([
            rows.map(|i| -h(i) * outcome.slope(0, i) / scale),
            rows.map(|i| h(i) * outcome.slope(1, i) / scale),
        ]),
    }
}
