//! Estimators of weighted average effects, one file each.
//!
//! Every estimator here solves Σ wᵢ(numᵢ − τ denᵢ) = 0, or is a difference of two such ratios, where w are observation
//! weights. Its influence function, and the derivatives of that function with respect to the nuisance models, go to
//! [`inference`], which makes the standard errors. [`Nuisances`] fits propensity and outcome models once and shares them
//! between estimators and targets.
//!
//! | estimator | file | point estimate | headline standard error |
//! |---|---|---|---|
//! | difference in means | [`difference_in_means`] | ȳ₁ − ȳ₀ | Welch |
//! | linear regression | [`regression`] | coefficient of T in y ~ 1 + T + X | classical |
//! | g-formula | [`gformula`] | Σ h(μ₁ − μ₀)/Σ h | stacked |
//! | IPW | [`ipw`] | weighted means (Hájek), weighted sums (Horvitz–Thompson) | stacked |
//! | AIPW | [`aipw`] | one orthogonal score for all four targets | stacked |
//! | AIPW, cross-fitted | `nuisance::crossfit` | the same with out-of-fold nuisances | influence function |
//! | TMLE, also cross-fitted | [`tmle`] | substitution at predictions moved until that score is solved | influence function |
//! | BART | [`bart`] | posterior mean of the standardised effect | posterior |
//! | AIPW with BART | [`aipw_normalised`] | AIPW with normalised weights, one BART, cross-fitted propensity | influence function |
//! | doubly robust average | `dr_average` | mean of that and of the same with boosting in each arm | with their disagreement |
//!
//! Intervals about the population come from influence functions; those about the units of the sample from
//! [`conditional`]. Where there are clusters, influence values are added up within them ([`inference`]).
//!
//! Assumptions common to all but the first: no unmeasured confounding given X, overlap in the target population, no
//! interference, one version of treatment.

pub mod aipw;
pub mod aipw_normalised;
pub mod bart;
pub mod conditional;
pub mod difference_in_means;
mod dr_average;
pub(crate) mod effect_builder;
pub mod gformula;
mod given_nuisances;
pub mod inference;
pub mod ipw;
mod recipe;
pub mod regression;
pub mod tmle;

pub use given_nuisances::{KnownNuisances, effect_with_known};
pub use tmle::Fluctuation;

use crate::effect::Effect;
use crate::error::EstimateError;
use crate::estimand::Target;
use crate::estimator::EstimatorKind;
use crate::nuisance::Nuisances;
use crate::params::EstimateParams;
use crate::sample::Sample;

/// The effect of treatment in `sample` by one estimator. Use [`Nuisances`] for several on the same sample.
///
/// # Errors
/// [`EstimateError`]; nothing that is not a finite number is ever returned.
pub fn estimate(
    sample: &Sample,
    estimator: EstimatorKind,
    target: Target,
    params: &EstimateParams,
) -> Result<Effect, EstimateError> {
    Nuisances::new(sample, params)?.effect(estimator, target)
}

#[cfg(test)]
mod dr_average_tests;
#[cfg(test)]
mod invariance_tests;
#[cfg(test)]
mod refusal_tests;
#[cfg(test)]
pub(crate) mod test_data;
