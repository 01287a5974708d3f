//! The design: propensity, balancing weights and trimming, made without ever receiving an outcome.
//!
//! Signatures take [`Covariates`](crate::sample::Covariates), never [`Sample`](crate::sample::Sample), so a design
//! cannot be chosen by looking at effects.

pub mod propensity;
pub mod trim;
pub mod weights;

pub use propensity::{Coefficient, Propensity, fit_propensity};
pub use trim::{Crump, Trimming, crump_optimal, trim};
pub use weights::{balancing_weights, effective_sample_size};

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
}
