//! The design: propensity, balancing weights and trimming, made without ever receiving an outcome.
//!
//! Signatures take [`Covariates`](crate::sample::Covariates), never [`Sample`](crate::sample::Sample), so a design
//! cannot be chosen by looking at effects.

pub mod crossfitted;
pub mod model;
pub mod propensity;
pub mod trim;
pub mod weights;

pub use crate::design::crossfitted::{CrossFittedPropensity, CrossFitting, fit_crossfitted, fit_crossfitted_by};
pub use crate::design::model::{KnownPropensity, PropensityModel};
pub use crate::design::propensity::{Coefficient, Propensity, fit_propensity};
pub use crate::design::trim::{Crump, Trimming, crump_optimal, trim};
pub use crate::design::weights::{balancing_weights, effective_sample_size};

use crate::learners::learner::LearnerError;
use crate::learners::logistic::LogisticError;
use crate::numerics::linalg::LinalgError;

/// Why there is no design.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DesignError {
    /// The propensity could not be fitted.
    #[error("the propensity model of treatment could not be fitted: {0}")]
    Propensity(#[from] LogisticError),
    /// The information matrix could not be inverted.
    #[error("the standard errors of the propensity model could not be computed: {0}")]
    Information(#[from] LinalgError),
    /// A learner failed on the rows outside one fold.
    #[error("the propensity model of treatment could not be fitted with fold {fold} of {folds} held out: {source}")]
    Learner {
        /// 1-based fold.
        fold: usize,
        /// Number of folds.
        folds: usize,
        /// The error of the learner.
        source: LearnerError,
    },
    /// Folds that are not a partition of the rows, or an impossible clip bound.
    #[error(
        "{assigned} rows were assigned to {folds} folds and there are {rows}; every row needs a fold, there must be two or more, and the clip bound must lie between 0 and 0.5"
    )]
    Folds {
        /// Folds asked for.
        folds: usize,
        /// Rows with a fold.
        assigned: usize,
        /// Rows.
        rows: usize,
    },
    /// A learner predicted something that is no probability.
    #[error(
        "{learner} predicted {value} as the probability of treatment in row {row} (counting from 1); please report this"
    )]
    NotAProbability {
        /// The learner.
        learner: &'static str,
        /// 1-based row.
        row: usize,
        /// The prediction.
        value: f64,
    },
}
