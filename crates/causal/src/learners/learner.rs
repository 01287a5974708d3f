//! One trait for everything that can fit a nuisance.
//!
//! A learner sees rows, responses and observation weights and returns a model that predicts the conditional mean (or
//! probability) at any rows. Every learner keeps the same promises, which `conformance` tests hold:
//!
//! - the same bits for the same rows, weights and seed, at any number of threads;
//! - rows of weight zero have no influence at all, bit for bit;
//! - multiplying all weights by a constant changes nothing but rounding;
//! - predictions are finite; probabilities lie strictly between 0 and 1;
//! - a fit that did not converge says so in its [`FitInfo`], or is an error; it is never silently a number.

use crate::learner_kind::Family;
use crate::numerics::streams;
use ndarray::ArrayView2;
use rand_chacha::ChaCha8Rng;

/// Rows that a model is fitted to. Those of weight zero are to be ignored.
#[derive(Debug, Clone, Copy)]
pub struct Training<'a> {
    /// n × p, finite, no intercept.
    pub x: ArrayView2<'a, f64>,
    /// p names, for messages.
    pub names: &'a [String],
    /// n responses: finite for [`Family::Gaussian`], 0 or 1 for [`Family::Bernoulli`].
    pub y: &'a [f64],
    /// n observation weights, finite and not negative.
    pub weights: &'a [f64],
}

/// A place in the tree of random streams: every fit has its own, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    root: u64,
    stage: String,
}

impl Seed {
    /// The streams of `stage` under the root seed of the plan.
    #[must_use]
    pub fn new(root: u64, stage: impl Into<String>) -> Self {
        Self { root, stage: stage.into() }
    }

    /// The seed of a part of this stage: `fold 3`, `chain 2`.
    #[must_use]
    pub fn child(&self, part: impl std::fmt::Display) -> Self {
        Self { root: self.root, stage: format!("{}/{part}", self.stage) }
    }

    /// The random stream of this stage.
    #[must_use]
    pub fn stream(&self) -> ChaCha8Rng {
        streams::stream(self.root, &self.stage)
    }
}

/// The end of a fit.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FitInfo {
    /// Steps, rounds or sweeps.
    pub iterations: usize,
    /// True if the fit ended where it should: at a root, at a best round, with chains that agree.
    pub converged: bool,
    /// Remarks for the reader, one sentence each: `stopped at the limit of 2,000 rounds`.
    pub notes: Vec<String>,
}

/// Why there is no model.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LearnerError {
    /// A parameter out of range.
    #[error("{learner}: {problem}")]
    Params {
        /// The learner.
        learner: &'static str,
        /// The field and its range.
        problem: String,
    },
    /// Data that cannot be fitted: too few rows, a single class, terms that separate the classes.
    #[error("{learner}: {problem}")]
    Data {
        /// The learner.
        learner: &'static str,
        /// The problem, and what to do.
        problem: String,
    },
    /// An iteration that did not end where it should.
    #[error("{learner} did not converge: {problem}")]
    NoConvergence {
        /// The learner.
        learner: &'static str,
        /// After how many steps, how far off.
        problem: String,
    },
    /// A family that the learner does not have.
    #[error("{learner} cannot be fitted to {family:?} responses")]
    Family {
        /// The learner.
        learner: &'static str,
        /// The family asked for.
        family: Family,
    },
}

/// Something that can be fitted.
pub trait Learner: std::fmt::Debug + Send + Sync {
    /// Name for a table: `gradient boosting, linear leaves`.
    fn name(&self) -> &'static str;

    /// Fits the conditional mean of `training.y`.
    ///
    /// # Errors
    /// [`LearnerError`].
    fn fit(&self, training: &Training<'_>, family: Family, seed: &Seed) -> Result<Box<dyn Model>, LearnerError>;
}

/// A fitted conditional mean.
pub trait Model: Send + Sync {
    /// m predictions at the rows of `x` (m × p): means, or probabilities strictly between 0 and 1.
    fn predict(&self, x: ArrayView2<'_, f64>) -> Vec<f64>;

    /// The end of the fit.
    fn info(&self) -> &FitInfo;
}
