//! Shared by the doubly robust estimators: intervals about the sample, repeats of the cross-fitting, and notes.

use crate::effect::{Effect, Note, SeMethod};
use crate::error::EstimateError;
use crate::estimand::Inference;
use crate::estimate::conditional::{self, Weights};
use crate::estimate::effect_builder::{Label, Uncertainty, checked};
use crate::estimate::inference::Scores;
use crate::estimate::repeats;
use crate::fit_note::FitNote;
use crate::nuisance::Nuisances;
use crate::nuisance::crossfit::Propensities;
use crate::nuisance::outcome::OutcomeValues;

/// Nuisance values at which a score is evaluated.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    /// n propensities.
    pub(super) e: &'a [f64],
    /// Outcome predictions.
    pub(super) outcome: &'a OutcomeValues,
    /// The divisor of an estimator's corrections.
    pub(super) weights: Weights,
}

impl Nuisances<'_> {
    /// The effect of a score whose nuisances count as known, about the population or the sample.
    pub(super) fn doubly_robust(&self, label: &Label, at: At<'_>, scores: &Scores) -> Result<Effect, EstimateError> {
        let effect = label.by_influence(&self.rows, Some(at.e), scores)?;
        self.about_sample(label, at, effect)
    }

    /// The effect with a standard error given the sample, if that is what is asked for.
    pub(super) fn about_sample(&self, label: &Label, at: At<'_>, effect: Effect) -> Result<Effect, EstimateError> {
        if self.params.inference == Inference::Population {
            return Ok(effect);
        }
        let std_error = conditional::standard_error(&self.rows, at.e, at.outcome, label.target, at.weights);
        let std_error = conditional::at_least(effect.std_error, label.target, std_error);
        let given = Uncertainty { method: SeMethod::Conditional, std_error, inference: Inference::Sample };
        given.headline(&self.rows, effect)
    }

    /// The median over the repeats of the cross-fitting.
    pub(super) fn over_repeats(
        &self,
        effects: impl Iterator<Item = Result<Effect, EstimateError>>,
    ) -> Result<Effect, EstimateError> {
        let effects: Vec<Effect> = effects.collect::<Result<_, _>>()?;
        let no_repeat = EstimateError::Folds { folds: self.params.folds, smallest: 0 };
        checked(repeats::median(effects, self.rows.critical).ok_or(no_repeat)?)
    }
}

/// The effect with what happened to its nuisances.
pub(super) fn annotated<'a>(
    mut effect: Effect,
    propensities: &'a Propensities,
    outcome: impl IntoIterator<Item = &'a FitNote>,
) -> Effect {
    effect.clipped += propensities.clipped;
    effect.notes.extend(propensities.notes.iter().chain(outcome).cloned().map(Note::Fit));
    effect
}
