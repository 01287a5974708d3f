//! Bayesian additive regression trees for effects: one model f(x, t) for both arms (Hill 2011,
//! doi:10.1198/jcgs.2010.08162; trees and sparse prior: [`crate::learners::bart`]).
//!
//! Treatment is one more column, and every unit is carried through the sampler a second time with its treatment
//! reversed, so that each draw gives f(xᵢ, 1) and f(xᵢ, 0) of all units. With target weights d = 1, t, 1 − t, e(1 − e) for
//! ATE, ATT, ATC, ATO, observation weights w, and D = Σ w d:
//!
//! ```text
//! population   τ = Σ w d [f(x, 1) − f(x, 0)]/D
//!              V = Var_post(τ) + Σ w² d² (τ̄(x) − τ̄)²/D²
//! sample       τ = Σ w d [t(y − f(x, 0)) + (1 − t)(f(x, 1) − y)]/D
//!              V = Var_post(τ) + S for the SATT and SATC, (√Var_post(τ) + √S)² for the SATE and SATO,
//!              S = Σ w² d² σ²(x)/D²
//! ```
//!
//! For the units of the sample one of the two outcomes is known, and the other misses f by an error of variance σ²
//! (f(1 − f) for zeros and ones). For the SATE and SATO the unseen error of a unit may go with its seen one, which moved f;
//! how closely no data can say, and the bound over all correlations adds the standard deviations. For the SATT and SATC the
//! unseen outcomes are of one arm, and f there rests mostly on outcomes of the other units. For the population the second term is the
//! chance of having drawn units of these effects rather than others. The estimate is the posterior mean, and the interval
//! ± 1.96 √V. Posterior intervals of trees tend to be too short: the prior shrinks, and nothing here corrects for it; compare
//! AIPW with BART. Assumes a regression with errors of one variance, besides no unmeasured confounding.

use crate::arm::Arm;
use crate::effect::{Effect, Note, SeMethod};
use crate::error::EstimateError;
use crate::estimand::{Inference, Target};
use crate::estimate::Estimator;
use crate::estimate::effect_builder::{Label, Posterior, Uncertainty};
use crate::nuisance::Nuisances;
use crate::nuisance::bart::{BartFit, FUNCTIONALS, target_weights};
use crate::numerics::sums;
use crate::weighted_rows::Rows;

/// The posterior of BART.
pub(super) struct Bart;

impl Estimator for Bart {
    fn effect(&self, nuisances: &Nuisances<'_>, label: &Label) -> Result<Effect, EstimateError> {
        // Only the overlap population has e in its weights.
        let e = match label.target {
            Target::Ato => nuisances.propensities()?.first(),
            _ => None,
        };
        let fit = nuisances.bart()?;
        let inference = nuisances.params.inference;
        let posterior = standardised(fit, &nuisances.rows, e.map(|p| p.e.as_slice()), label.target, inference);
        let uncertainty = Uncertainty { method: SeMethod::Posterior, std_error: posterior.std_error, inference };
        let mut effect = label.posterior(&nuisances.rows, &posterior, &uncertainty)?;
        effect.notes.extend(fit.means.notes.iter().cloned().map(Note::Fit));
        if let Some(propensities) = e {
            effect.clipped += propensities.clipped;
            effect.notes.extend(propensities.notes.iter().cloned().map(Note::Fit));
        }
        Ok(effect)
    }
}

/// The posterior of one target; see the module page. `e` as when the model was fitted.
fn standardised(fit: &BartFit, rows: &Rows, e: Option<&[f64]>, target: Target, inference: Inference) -> Posterior {
    let d = target_weights(rows, e, target);
    let total = rows.sum(|i| d[i]);
    let [mu0, mu1] = &fit.means.values.mu;
    // Draws are kept in the order of `Target::ALL`, four for each.
    let first = FUNCTIONALS * Target::ALL.iter().position(|t| *t == target).unwrap_or(0);
    let spread = |i: usize, part: f64| (rows.w[i] * d[i] / total).powi(2) * part;
    if inference == Inference::Population {
        let means = [mu0, mu1].map(|mu| rows.sum(|i| d[i] * mu[i]) / total);
        let estimate = rows.sum(|i| d[i] * (mu1[i] - mu0[i])) / total;
        // Over rows, not draws: another sample would hold units of other effects.
        let between = sums::sum((0..rows.n()).map(|i| spread(i, (mu1[i] - mu0[i] - estimate).powi(2))));
        return Posterior { means, estimate, std_error: (variance(&fit.draws[first + 3]) + between).sqrt() };
    }
    let outcome = |arm: Arm, i: usize| {
        if rows.arm[i] == arm { rows.y[i] } else { fit.means.values.mu[arm.index()][i] }
    };
    let means = Arm::BOTH.map(|arm| rows.sum(|i| d[i] * outcome(arm, i)) / total);
    // The observed outcome has no error here: it is what it is for these units.
    let error = |i: usize| {
        let unseen = fit.means.values.mu[rows.arm[i].other().index()][i];
        if fit.means.values.logistic { unseen * (1.0 - unseen) } else { fit.noise }
    };
    let noise = sums::sum((0..rows.n()).map(|i| spread(i, error(i))));
    let posterior = variance(&fit.draws[first + 2]);
    let std_error = match target {
        Target::Att | Target::Atc => (posterior + noise).sqrt(),
        Target::Ate | Target::Ato => posterior.sqrt() + noise.sqrt(),
    };
    Posterior { means, estimate: means[1] - means[0], std_error }
}

/// Unbiased variance; zero for a single value.
fn variance(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = sums::sum(values.iter().copied()) / n;
    sums::sum(values.iter().map(|v| (v - mean).powi(2))) / (n - 1.0).max(1.0)
}
