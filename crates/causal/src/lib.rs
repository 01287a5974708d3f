//! Numerics of causal inference from observational data: average effects of a two-level treatment, their standard errors,
//! and the diagnostics that say whether to believe them.
//!
//! The crate is pure: arrays in, documented structs out. It reads no file, environment or clock, prints nothing, and draws
//! random numbers from named streams of a seed only, so that the same input gives the same bits at any number of threads.
//!
//! A [`sample::Sample`] holds covariates, treatment, outcome and, where there are any, observation weights and clusters.
//! [`design`] sees its covariates and treatment only. [`nuisance::Nuisances`] fits what the estimators share, and gives
//! one [`effect::Effect`] for each estimator and target.
//!
//! # Example
//!
//! The average effect on the treated of a simulated treatment, by augmented inverse-propensity weighting:
//!
//! ```
//! use causal::estimand::{Inference, OutcomeKind, Population, Target};
//! use causal::estimator::{EstimatorKind, NuisanceModels};
//! use causal::learners::logistic::LogisticParams;
//! use causal::nuisance::Nuisances;
//! use causal::params::EstimateParams;
//! use causal::simulate::Setup;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let draw = Setup::Linear.draw(2_000, 1, 0)?;
//! let params = EstimateParams {
//!     population: Population::All,
//!     outcome: OutcomeKind::Continuous,
//!     folds: 5,
//!     seed: 1,
//!     logistic: LogisticParams::default(),
//!     models: NuisanceModels::default(),
//!     inference: Inference::Population,
//! };
//! let nuisances = Nuisances::new(&draw.sample, &params)?;
//! let effect = nuisances.effect(EstimatorKind::Aipw, Target::Att)?;
//!
//! let truth = draw.conditional_effect(Target::Att);
//! assert!((effect.estimate - truth).abs() < 4.0 * effect.std_error);
//! # Ok(())
//! # }
//! ```
//!
//! [`estimate::estimate`] does the same for a single estimator.
//!
//! # Layers
//!
//! Imports point down this table.
//!
//! | layer | module | what it holds |
//! |---|---|---|
//! | checks of methods | [`simulate`] | designs with known effects, coverage studies |
//! | evidence | [`diagnose`] | balance, overlap, placebo outcomes, sensitivity |
//! | experiments | [`experiment`] | one linear model of A/B, encouragement, cluster and adaptive tests |
//! | effects | [`estimate`] | one file for each estimator |
//! | | [`nuisance`] | propensities and outcome models: fitted once, cross-fitted, repeated |
//! | design | [`design`] | propensity, weights, trimming: made without the outcome |
//! | models | [`learners`] | regressions, elastic net, boosting, BART and stacks behind one trait |
//! | ground | [`numerics`] | linear algebra, sums, quantiles, distributions, folds, random streams |
//! | graphs | [`graph`] | is an effect identified, and by which columns? no data |
//! | vocabulary | [`arm`], [`contrast`], [`sample`], [`estimand`], [`estimator`], [`effect`], [`fit_note`], [`learner_kind`], [`params`], [`error`] | plain data |
//!
//! Anything not defined for a sample is an error that says so: an empty arm, terms that separate the arms, clusters where
//! an interval does not know them. No number is ever not finite.

#![forbid(unsafe_code)]

#[macro_use]
mod keyed_enum;

pub mod arm;
pub mod contrast;
pub mod design;
pub mod diagnose;
pub mod effect;
pub mod error;
pub mod estimand;
pub mod estimate;
pub mod estimator;
pub mod experiment;
pub mod fit_note;
pub mod graph;
pub mod learner_kind;
pub mod learners;
pub mod nuisance;
pub mod numerics;
pub mod params;
pub mod sample;
pub mod scale;
pub mod simulate;
mod weighted_rows;
