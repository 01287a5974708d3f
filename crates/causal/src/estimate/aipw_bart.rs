//! AIPW with BART: normalised weights ([`crate::estimate::aipw_normalised`]), one BART for the outcome means of both arms
//! on all rows ([`crate::estimate::bart`]), a cross-fitted propensity.
//!
//! Its residuals are those of the rows that BART was fitted to, so the interval tends to be short; the doubly robust average
//! ([`crate::estimate::dr_average`]) corrects for it.

use crate::effect::{Effect, Note};
use crate::error::EstimateError;
use crate::estimand::Target;
use crate::estimate::conditional::Weights;
use crate::estimate::doubly_robust::{At, annotated};
use crate::estimate::effect_builder::Label;
use crate::estimate::{Estimator, aipw_normalised, repeats};
use crate::nuisance::Nuisances;
use crate::nuisance::crossfit::Propensities;

/// Normalised AIPW with one BART for both arms.
pub(super) struct AipwBart;

impl Estimator for AipwBart {
    fn effect(&self, nuisances: &Nuisances<'_>, label: &Label) -> Result<Effect, EstimateError> {
        let (propensities, fit) = (nuisances.propensities()?, nuisances.both_arms()?);
        let one_repeat = |p: &Propensities| {
            let scores = aipw_normalised::scores(&nuisances.rows, &p.e, &fit.values, label.target);
            let at = At { e: &p.e, outcome: &fit.values, weights: Weights::Normalised };
            let mut effect = nuisances.doubly_robust(label, at, &scores)?;
            effect.notes.push(Note::InSampleResiduals);
            Ok(annotated(effect, p, &fit.notes))
        };
        nuisances.over_repeats(propensities.iter().map(one_repeat))
    }

    fn influence(&self, nuisances: &Nuisances<'_>, target: Target) -> Result<Option<Vec<f64>>, EstimateError> {
        let (propensities, fit) = (nuisances.propensities()?, nuisances.both_arms()?);
        let phi = propensities.iter().map(|p| aipw_normalised::scores(&nuisances.rows, &p.e, &fit.values, target).phi);
        Ok(repeats::mean_influence(phi))
    }
}
