//! Estimators of weighted average effects, one file each.
//!
//! Every estimator here solves Σ wᵢ(numᵢ − τ denᵢ) = 0, or is a difference of two such ratios, where w are observation
//! weights. Its influence function, and the derivatives of that function with respect to the nuisance models, go to
//! [`inference`], which makes the standard errors. [`Nuisances`] fits propensity and outcome models once and shares them
//! between estimators and targets.
//!
//! Each estimator is a file: a type that implements [`Estimator`]. Its facts, and the path of that type, are its row of the
//! table in `estimator/table.rs` ([`crate::estimator`]), whose `point_estimate` and `standard_error` say what it computes.
//! [`Nuisances::effect`] asks the row first, so that what a row refuses no estimator has to.
//!
//! Intervals about the population come from influence functions; those about the units of the sample from
//! [`conditional`]. Where there are clusters, influence values are added up within them ([`inference`]).
//!
//! Assumptions common to all but the first: no unmeasured confounding given X, overlap in the target population, no
//! interference, one version of treatment.

mod aipw;
mod aipw_bart;
mod aipw_normalised;
mod bart;
mod conditional;
mod difference_in_means;
mod doubly_robust;
mod dr_average;
mod effect_builder;
mod gformula;
mod given_nuisances;
mod inference;
mod ipw;
mod regression;
mod repeats;
mod stacked;
mod tmle;

pub use given_nuisances::{KnownNuisances, effect_with_known};
pub use tmle::Fluctuation;

use crate::effect::{Effect, Note};
use crate::error::EstimateError;
use crate::estimand::{Inference, Target};
use crate::estimate::effect_builder::Label;
use crate::estimate::inference::Scores;
use crate::estimator::{ClusterSupport, EstimatorKind, PropensityFit, PropensityUse, for_each_estimator};
use crate::nuisance::Nuisances;
use crate::nuisance::outcome::OutcomeValues;
use crate::params::EstimateParams;
use crate::sample::Sample;
use crate::weighted_rows::Rows;

/// Something that turns nuisances into an effect.
trait Estimator: Sync {
    /// The effect that `label` asks for. What the row of the estimator refuses never gets here.
    ///
    /// # Errors
    /// [`EstimateError`]; nothing that is not a finite number is ever returned.
    fn effect(&self, nuisances: &Nuisances<'_>, label: &Label) -> Result<Effect, EstimateError>;

    /// The influence value of each row for one target, the nuisances' own included where they are stacked; `None` from those
    /// whose uncertainty is no sum over rows.
    ///
    /// # Errors
    /// As [`Estimator::effect`].
    fn influence(&self, _nuisances: &Nuisances<'_>, _target: Target) -> Result<Option<Vec<f64>>, EstimateError> {
        Ok(None)
    }

    /// Estimate and scores at nuisance values that somebody else supplies; `None` from those that fit something themselves.
    fn scores_given(&self, _rows: &Rows, _e: &[f64], _outcome: &OutcomeValues, _target: Target) -> Option<Scores> {
        None
    }
}

/// Makes the way from a kind to what computes it, of the same rows that the kinds are made of.
macro_rules! dispatch {
    ($( $(#[$doc:meta])* $kind:ident by $implementer:path: $facts:expr; )+) => {
        /// The type that computes an estimator.
        fn implementer(kind: EstimatorKind) -> &'static dyn Estimator {
            match kind {
                $( EstimatorKind::$kind => &$implementer, )+
            }
        }
    };
}

for_each_estimator!(dispatch);

impl Nuisances<'_> {
    /// The effect by one estimator for one target.
    ///
    /// # Errors
    /// [`EstimateError`]: a combination that the estimator does not have, a nuisance model that failed, an infinite
    /// weight, a number that is not finite.
    pub fn effect(&self, estimator: EstimatorKind, target: Target) -> Result<Effect, EstimateError> {
        self.refuse(estimator)?;
        let mut effect = implementer(estimator).effect(self, &self.label(estimator, target))?;
        // The effect is still given, about the population, and says that it is.
        if self.params.inference == Inference::Sample && !estimator.offers(Inference::Sample) {
            effect.notes.push(Note::PopulationOnly);
        }
        if self.known.is_some() && names_known_propensity(estimator, target) {
            effect.notes.push(Note::PropensityKnown);
        }
        Ok(effect)
    }

    /// The influence value φᵢ of each of the n rows, outcome units, with Σ w φ = 0: the estimate moves by w φ/Σ w with row i, and
    /// √(Σ w²φ²)/Σ w is its standard error (with clusters, from sums within them). Several estimates in the same rows vary
    /// together as their influence values do. `None` for an estimator whose uncertainty is no sum over rows: a posterior, and
    /// the benchmarks. Over repeats with other folds it is the mean; of an average of estimators, their average with the shares held
    /// fixed.
    ///
    /// # Errors
    /// As [`Nuisances::effect`].
    pub fn influence(&self, estimator: EstimatorKind, target: Target) -> Result<Option<Vec<f64>>, EstimateError> {
        self.refuse(estimator)?;
        implementer(estimator).influence(self, target)
    }

    /// Targeted maximum likelihood with nuisances fitted on all rows, along the given path. Parity tests compare the
    /// paths; [`Nuisances::effect`] takes the default one.
    ///
    /// # Errors
    /// As [`Nuisances::effect`], and [`EstimateError::NoFluctuation`].
    pub fn tmle(&self, target: Target, path: Fluctuation) -> Result<Effect, EstimateError> {
        tmle::along(self, &self.label(EstimatorKind::Tmle, target), path)
    }

    fn label(&self, estimator: EstimatorKind, target: Target) -> Label {
        Label { target, population: self.params.population, estimator }
    }

    /// Refuses what the estimator's row says it does not have.
    fn refuse(&self, estimator: EstimatorKind) -> Result<(), EstimateError> {
        // Only clusters are ever refused here.
        if self.rows.clusters.is_none() {
            return Ok(());
        }
        match estimator.facts().clusters {
            ClusterSupport::Refused { independent, advice, .. } => {
                Err(EstimateError::WithClusters { estimator, independent, advice })
            }
            // An estimator without intervals about the sample answers with one about the population, and says so.
            ClusterSupport::Population
                if self.params.inference == Inference::Sample && estimator.offers(Inference::Sample) =>
            {
                Err(EstimateError::SampleWithClusters { estimator })
            }
            ClusterSupport::Population => Ok(()),
        }
    }
}

/// True if a known propensity is worth a note. Estimators that use one for a single target note it with that target, except
/// the g-formula, which always has.
fn names_known_propensity(estimator: EstimatorKind, target: Target) -> bool {
    match estimator.facts().propensity {
        PropensityUse::Never => false,
        PropensityUse::EveryTarget(_) | PropensityUse::OverlapTarget(PropensityFit::Logistic) => true,
        PropensityUse::OverlapTarget(PropensityFit::CrossFitted) => target == Target::Ato,
    }
}

/// The effect of treatment in `sample` by one estimator. Use [`Nuisances`] for several on the same sample.
///
/// # Errors
/// As [`Nuisances::effect`].
pub fn estimate(
    sample: &Sample,
    estimator: EstimatorKind,
    target: Target,
    params: &EstimateParams,
) -> Result<Effect, EstimateError> {
    Nuisances::new(sample, params)?.effect(estimator, target)
}

#[cfg(test)]
mod cluster_tests;
#[cfg(test)]
mod conformance_tests;
#[cfg(test)]
mod dr_average_tests;
#[cfg(test)]
mod invariance_tests;
#[cfg(test)]
mod refusal_tests;
#[cfg(test)]
mod score_tests;
#[cfg(test)]
pub(crate) mod test_data;
