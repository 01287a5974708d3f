//! Estimators of weighted average effects, one file each.
//!
//! Every estimator here solves Σ wᵢ(numᵢ − τ denᵢ) = 0, or is a difference of two such ratios, where w are observation
//! weights. Its influence function, and the derivatives of that function with respect to the nuisance models, go to
//! [`inference`], which makes the standard errors. [`Nuisances`] fits propensity and outcome models once and shares them
//! between estimators and targets.
//!
//! | estimator | file | point estimate | headline standard error |
//! |---|---|---|---|
//! | difference in means | [`naive`] | ȳ₁ − ȳ₀ | Welch |
//! | linear regression | [`regression`] | coefficient of T in y ~ 1 + T + X | classical |
//! | g-formula | [`gformula`] | Σ h(μ₁ − μ₀)/Σ h | stacked |
//! | IPW | [`ipw`] | weighted means (Hájek), weighted sums (Horvitz–Thompson) | stacked |
//! | AIPW | [`aipw`] | one orthogonal score for all four targets | stacked |
//! | AIPW, cross-fitted | [`crossfit`] | the same with out-of-fold nuisances | influence function |
//! | TMLE, also cross-fitted | [`tmle`] | substitution at predictions moved until that score is solved | influence function |
//! | BART | [`bart`] | posterior mean of the standardised effect | posterior |
//! | AIPW with BART | [`normalised`] | AIPW with normalised weights, one BART, cross-fitted propensity | influence function |
//! | doubly robust average | [`flexible`] | mean of that and of the same with boosting in each arm | with their disagreement |
//!
//! Intervals about the population come from influence functions; those about the units of the sample from
//! [`conditional`]. Where there are clusters, influence values are added up within them ([`inference`]).
//!
//! Assumptions common to all but the first: no unmeasured confounding given X, overlap in the target population, no
//! interference, one version of treatment.

pub mod aipw;
pub mod bart;
pub mod conditional;
pub mod crossfit;
mod effects;
mod flexible;
pub mod gformula;
pub mod inference;
pub mod ipw;
mod known;
pub mod naive;
pub mod normalised;
pub mod nuisance;
pub mod outcome;
mod recipe;
pub mod regression;
mod repeats;
mod rows;
pub mod tmle;

pub use known::{KnownNuisances, effect_with_known};
pub use nuisance::Nuisances;
pub use tmle::Fluctuation;

use crate::design::DesignError;
use crate::estimand::{Effect, EstimatorKind, OutcomeKind, Population, Target};
use crate::learners::learner::LearnerError;
use crate::learners::linear::LinearError;
use crate::learners::logistic::{LogisticError, LogisticParams};
use crate::nuisance::{Inference, NuisanceModels};
use crate::numerics::linalg::LinalgError;
use crate::sample::Sample;

/// How to estimate.
#[derive(Debug, Clone, PartialEq)]
pub struct EstimateParams {
    /// The population of the sample, for the label of the effect: trimmed rows are gone before anything here is called.
    pub population: Population,
    /// Linear or logistic outcome models.
    pub outcome: OutcomeKind,
    /// Folds for cross-fitting, at least 2.
    pub folds: usize,
    /// Root seed of fold assignment and of every learner.
    pub seed: u64,
    /// How logistic regressions are fitted.
    pub logistic: LogisticParams,
    /// What fits the nuisances of the cross-fitted and the tree-based estimators, how often, at what cost.
    pub models: NuisanceModels,
    /// Whose average effect the interval is about.
    pub inference: Inference,
}

/// Why there is no estimate.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EstimateError {
    /// No propensity.
    #[error(transparent)]
    Design(#[from] DesignError),
    /// The linear outcome model of one arm.
    #[error(
        "the linear outcome model of the {arm} arm could not be fitted: {source}. Weighting estimators (ipw_hajek) need no outcome model"
    )]
    OutcomeLinear {
        /// `treated` or `control`.
        arm: &'static str,
        /// What went wrong.
        source: LinearError,
    },
    /// The logistic outcome model of one arm.
    #[error(
        "the logistic outcome model of the {arm} arm could not be fitted: {source}. Weighting estimators (ipw_hajek) need no outcome model"
    )]
    OutcomeLogistic {
        /// `treated` or `control`.
        arm: &'static str,
        /// What went wrong.
        source: LogisticError,
    },
    /// The pooled linear regression.
    #[error("the linear regression of the outcome on treatment and terms could not be fitted: {0}")]
    Regression(#[from] LinearError),
    /// A binary outcome that is not.
    #[error(
        "the outcome is declared binary but has the value {value} in row {row} (counting from 1); declare it continuous, or code it 0/1"
    )]
    OutcomeNotBinary {
        /// 1-based row.
        row: usize,
        /// The value.
        value: f64,
    },
    /// A unit whose own arm has probability zero.
    #[error(
        "row {row} (counting from 1) is in the {arm} arm although its fitted propensity is {e}, so its weight is infinite; trim the sample, or use fewer terms"
    )]
    DegeneratePropensity {
        /// 1-based row.
        row: usize,
        /// `treated` or `control`.
        arm: &'static str,
        /// Fitted propensity.
        e: f64,
    },
    /// No usable number of folds.
    #[error(
        "cross-fitting with {folds} folds needs at least two folds and at least {folds} units in each arm; the smaller arm has {smallest}"
    )]
    Folds {
        /// Folds asked for.
        folds: usize,
        /// Units in the smaller arm.
        smallest: usize,
    },
    /// More folds than clusters.
    #[error("{folds} folds cannot keep {clusters} clusters whole; ask for fewer folds, at most one per cluster")]
    FoldsOfClusters {
        /// Folds asked for.
        folds: usize,
        /// Clusters.
        clusters: usize,
    },
    /// A learner failed.
    #[error("the model of {model} could not be fitted: {source}")]
    Learner {
        /// What was fitted, after "the model of".
        model: String,
        /// What went wrong.
        source: LearnerError,
    },
    /// A nuisance model failed on the rows outside one fold.
    #[error(
        "cross-fitting, with fold {fold} of {folds} held out: {source}. Fewer folds, or no cross-fitting, may help"
    )]
    Fold {
        /// 1-based fold.
        fold: usize,
        /// Number of folds.
        folds: usize,
        /// What went wrong.
        source: Box<EstimateError>,
    },
    /// An arm too small for a variance.
    #[error("the {arm} arm has {n} unit(s) of positive weight; a standard error needs at least two")]
    SmallArm {
        /// `treated` or `control`.
        arm: &'static str,
        /// Units of positive weight.
        n: usize,
    },
    /// A propensity made for other rows.
    #[error("the propensity has {got} rows, the sample {expected}; it must be fitted on the same rows")]
    OtherRows {
        /// Rows of the propensity.
        got: usize,
        /// Rows of the sample.
        expected: usize,
    },
    /// Treatment is not among the coefficients of the pooled regression.
    #[error("treatment does not vary once the terms are held fixed, so it has no regression coefficient")]
    NoTreatmentCoefficient,
    /// A p × p problem.
    #[error("the stacked standard error could not be computed: {0}")]
    Linalg(#[from] LinalgError),
    /// A result that is not a number, from finite data: an overflow.
    #[error("{what} came out as {value}, not a finite number; rescale the outcome or the terms, or trim the sample")]
    NotFinite {
        /// Which number.
        what: &'static str,
        /// The value.
        value: f64,
    },
    /// A targeting step without a solution.
    #[error(
        "the outcome predictions of {arm} could not be targeted: {problem}. AIPW (aipw, aipw_crossfit) solves the same score without this step"
    )]
    NoFluctuation {
        /// `treated`, `control` or `both arms`.
        arm: &'static str,
        /// Why not.
        problem: String,
    },
    /// An estimator that cannot be computed from what was given.
    #[error("{0} cannot be computed from given nuisances")]
    NotFromKnown(&'static str),
    /// A combination of estimator and setting that is not defined here.
    #[error("{estimator} is not available {setting}; {advice}")]
    Unavailable {
        /// Title of the estimator.
        estimator: &'static str,
        /// The setting that it cannot have, after "not available".
        setting: String,
        /// What to do instead.
        advice: &'static str,
    },
}

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
mod flexible_tests;
#[cfg(test)]
mod invariance_tests;
#[cfg(test)]
mod refusal_tests;
#[cfg(test)]
mod test_data;
