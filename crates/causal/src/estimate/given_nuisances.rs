//! Effects at nuisance values that somebody else supplies.

use crate::effect::Effect;
use crate::error::EstimateError;
use crate::estimand::Estimand;
use crate::estimate::effect_builder::Label;
use crate::estimate::implementer;
use crate::estimator::EstimatorKind;
use crate::nuisance::outcome::OutcomeValues;
use crate::sample::Sample;
use crate::weighted_rows::Rows;
use ndarray::Array1;

/// Nuisance values that are taken as given: an oracle, another program, or a fit on other rows.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownNuisances {
    /// n propensities.
    pub e: Array1<f64>,
    /// n predictions of the outcome under treatment.
    pub mu1: Array1<f64>,
    /// n predictions of the outcome under control.
    pub mu0: Array1<f64>,
}

/// A weighting or AIPW effect at given nuisance values, with the influence-function standard error.
///
/// # Errors
/// [`EstimateError::NotFromKnown`] for estimators that fit something themselves, [`EstimateError::OtherRows`] if lengths
/// differ, and as [`Nuisances::effect`](crate::nuisance::Nuisances::effect).
pub fn effect_with_known(
    sample: &Sample,
    known: &KnownNuisances,
    estimator: EstimatorKind,
    estimand: Estimand,
) -> Result<Effect, EstimateError> {
    let rows = Rows::from_sample(sample);
    for got in [known.e.len(), known.mu1.len(), known.mu0.len()] {
        if got != rows.n() {
            return Err(EstimateError::OtherRows { got, expected: rows.n() });
        }
    }
    let e = known.e.to_vec();
    rows.check_positivity(&e)?;
    // No slope is asked for below, so it does not matter which link the predictions came through.
    let outcome = OutcomeValues { mu: [known.mu0.to_vec(), known.mu1.to_vec()], logistic: false };
    let scores = implementer(estimator).scores_given(&rows, &e, &outcome, estimand.target);
    let scores = scores.ok_or_else(|| EstimateError::NotFromKnown(estimator.title()))?;
    let label = Label { target: estimand.target, population: estimand.population, estimator };
    label.by_influence(&rows, Some(&e), &scores)
}
