//! Augmented inverse-propensity weighting for every target by one formula.
//!
//! The efficient influence function of τ_h = E[h(e)τ(X)]/E[h(e)] with unknown propensity (Hirano, Imbens & Ridder 2003,
//! doi:10.1111/1468-0262.00442; Crump, Hotz, Imbens & Mitnik 2006, doi:10.3386/t0330) is `(num − τ_h den)/E[den]` with
//!
//! ```text
//! den = h + h′(e)(t − e)
//! num = den·(μ₁ − μ₀) + t b(y − μ₁) − (1 − t) b(y − μ₀),     b = h/e (treated), h/(1 − e) (controls)
//! ```
//!
//! | target | den | which is |
//! |---|---|---|
//! | ATE | 1 | the classical AIPW (Robins, Rotnitzky & Zhao 1994, doi:10.1080/01621459.1994.10476818) |
//! | ATT | t | Σ[t − (1 − t)e/(1 − e)](y − μ₀)/n₁ |
//! | ATC | 1 − t | Σ[(1 − t)(μ₁ − y) + t(1 − e)/e (y − μ₁)]/n₀ |
//! | ATO | (t − e)² | |
//!
//! The ATE, ATT and ATC are doubly robust. For the ATO the estimand itself depends on e, so a wrong propensity changes
//! whose effect it is; given e, errors of the outcome models enter only multiplied with errors of e.
//!
//! Derivatives for stacking, with v = e(1 − e), φ = (num − τ den)/D̄ and D̄ the average of den:
//!
//! ```text
//! ∂φ/∂logit e = [h″(t − e) v (μ₁ − μ₀ − τ) + t b′(y − μ₁) − (1 − t) b′(y − μ₀)]/D̄
//! ∂φ/∂η₁ = (den − t b) μ₁′/D̄,    ∂φ/∂η₀ = −(den − (1 − t) b) μ₀′/D̄
//! ```

use crate::design::weights::{weight, weight_slope};
use crate::effect::Effect;
use crate::error::EstimateError;
use crate::estimand::Target;
use crate::estimate::Estimator;
use crate::estimate::conditional::Weights;
use crate::estimate::doubly_robust::{At, annotated};
use crate::estimate::effect_builder::Label;
use crate::estimate::inference::Scores;
use crate::estimate::repeats;
use crate::nuisance::Nuisances;
use crate::nuisance::crossfit::{Outcomes, Propensities};
use crate::nuisance::outcome::OutcomeValues;
use crate::weighted_rows::Rows;

/// AIPW with regressions on all rows, whose uncertainty is stacked.
pub(super) struct Aipw;

impl Estimator for Aipw {
    fn effect(&self, nuisances: &Nuisances<'_>, label: &Label) -> Result<Effect, EstimateError> {
        let e = nuisances.weighting_e()?;
        let models = nuisances.outcome()?;
        let outcome = &models.values;
        // All nuisances are regressions on all rows, so their uncertainty can be stacked.
        let mut effect = nuisances.stacked(label, Some(&e), &scores(&nuisances.rows, &e, outcome, label.target))?;
        effect.notes.extend(models.notes());
        nuisances.about_sample(label, At { e: &e, outcome, weights: Weights::Plain }, effect)
    }

    fn influence(&self, nuisances: &Nuisances<'_>, target: Target) -> Result<Option<Vec<f64>>, EstimateError> {
        let scores = scores(&nuisances.rows, &nuisances.weighting_e()?, &nuisances.outcome()?.values, target);
        nuisances.stacked_influence(&scores).map(Some)
    }

    fn scores_given(&self, rows: &Rows, e: &[f64], outcome: &OutcomeValues, target: Target) -> Option<Scores> {
        Some(scores(rows, e, outcome, target))
    }
}

/// AIPW with out-of-fold nuisances by any learner.
pub(super) struct CrossFittedAipw;

impl Estimator for CrossFittedAipw {
    fn effect(&self, nuisances: &Nuisances<'_>, label: &Label) -> Result<Effect, EstimateError> {
        let one_repeat = |(p, o): (&Propensities, &Outcomes)| {
            let scores = scores(&nuisances.rows, &p.e, &o.values, label.target);
            let at = At { e: &p.e, outcome: &o.values, weights: Weights::Plain };
            Ok(annotated(nuisances.doubly_robust(label, at, &scores)?, p, &o.notes))
        };
        let (propensities, outcomes) = (nuisances.propensities()?, nuisances.outcomes()?);
        nuisances.over_repeats(propensities.iter().zip(outcomes).map(one_repeat))
    }

    fn influence(&self, nuisances: &Nuisances<'_>, target: Target) -> Result<Option<Vec<f64>>, EstimateError> {
        let (propensities, outcomes) = (nuisances.propensities()?, nuisances.outcomes()?);
        let phi = propensities.iter().zip(outcomes).map(|(p, o)| scores(&nuisances.rows, &p.e, &o.values, target).phi);
        Ok(repeats::mean_influence(phi))
    }

    fn scores_given(&self, rows: &Rows, e: &[f64], outcome: &OutcomeValues, target: Target) -> Option<Scores> {
        Some(scores(rows, e, outcome, target))
    }
}

/// Estimate and scores at propensities `e` and outcome predictions `outcome`.
pub(crate) fn scores(rows: &Rows, e: &[f64], outcome: &OutcomeValues, target: Target) -> Scores {
    let (mu1, mu0) = (&outcome.mu[1], &outcome.mu[0]);
    let (t, y) = (&rows.t, &rows.y);
    let b = rows.map(|i| weight(e[i], rows.arm[i], target));
    let den = rows.map(|i| denominator(e[i], t[i], target));
    let total = rows.sum(|i| den[i]);
    // D̄, the average of den under the weights: it puts φ on the scale of the estimand.
    let scale = total / rows.total;
    // With t or 1 − t in front, the residual counts in the arm that was observed.
    let term1 = |i: usize| den[i] * mu1[i] + t[i] * b[i] * (y[i] - mu1[i]);
    let term0 = |i: usize| den[i] * mu0[i] + (1.0 - t[i]) * b[i] * (y[i] - mu0[i]);
    let estimate = rows.sum(|i| term1(i) - term0(i)) / total;
    // Kept for stacking only; cross-fitted estimators make no use of it.
    let slope_propensity = rows.map(|i| {
        let slope = weight_slope(e[i], rows.arm[i], target);
        let tilt = tilt_curvature(target) * (t[i] - e[i]) * e[i] * (1.0 - e[i]);
        let residual = if rows.arm[i].is_treated() { y[i] - mu1[i] } else { mu0[i] - y[i] };
        (tilt * (mu1[i] - mu0[i] - estimate) + slope * residual) / scale
    });
    Scores {
        estimate,
        mean_treated: rows.sum(term1) / total,
        mean_control: rows.sum(term0) / total,
        phi: rows.map(|i| (term1(i) - term0(i) - estimate * den[i]) / scale),
        slope_propensity: Some(slope_propensity),
        slope_outcome: Some([
            rows.map(|i| -(den[i] - (1.0 - t[i]) * b[i]) * outcome.slope(0, i) / scale),
            rows.map(|i| (den[i] - t[i] * b[i]) * outcome.slope(1, i) / scale),
        ]),
    }
}

/// h + h′(e)(t − e), in the form that is exact for each target.
pub(crate) fn denominator(e: f64, t: f64, target: Target) -> f64 {
    match target {
        Target::Ate => 1.0,
        Target::Att => t,
        Target::Atc => 1.0 - t,
        Target::Ato => (t - e) * (t - e),
    }
}

/// h″(e).
fn tilt_curvature(target: Target) -> f64 {
    if target == Target::Ato { -2.0 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use crate::estimate::aipw::*;

    #[test]
    fn the_denominator_is_the_tilt_and_its_slope_times_the_surprise() {
        for target in Target::ALL {
            for (e, t) in [(0.2, 0.0), (0.2, 1.0), (0.9, 0.0), (0.9, 1.0)] {
                let general = target.tilt(e) + target.tilt_slope(e) * (t - e);
                assert!((denominator(e, t, target) - general).abs() < 1e-15, "{target:?}");
            }
        }
    }
}
