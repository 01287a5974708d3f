//! Why there is no estimate.

use crate::arm::Arm;
use crate::design::DesignError;
use crate::estimator::EstimatorKind;
use crate::learners::learner::LearnerError;
use crate::learners::linear::LinearError;
use crate::learners::logistic::LogisticError;
use crate::numerics::linalg::LinalgError;

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
        /// The arm.
        arm: Arm,
        /// The cause.
        source: LinearError,
    },
    /// The logistic outcome model of one arm.
    #[error(
        "the logistic outcome model of the {arm} arm could not be fitted: {source}. Weighting estimators (ipw_hajek) need no outcome model"
    )]
    OutcomeLogistic {
        /// The arm.
        arm: Arm,
        /// The cause.
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
        /// The arm.
        arm: Arm,
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
        /// The thing modelled, after "the model of".
        model: String,
        /// The cause.
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
        /// The cause.
        source: Box<EstimateError>,
    },
    /// An arm too small for a variance.
    #[error("the {arm} arm has {n} unit(s) of positive weight; a standard error needs at least two")]
    SmallArm {
        /// The arm.
        arm: Arm,
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
        /// Name of the number.
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
        /// The reason.
        problem: FluctuationProblem,
    },
    /// An estimator that cannot be computed from what was given.
    #[error("{0} cannot be computed from given nuisances")]
    NotFromKnown(&'static str),
    /// An estimator that takes units for independent, asked for with clusters.
    #[error("{} is not available with clusters; its {independent} takes units for independent; {advice}", estimator.title())]
    WithClusters {
        /// The estimator.
        estimator: EstimatorKind,
        /// The part of it that takes units for independent.
        independent: &'static str,
        /// The advice.
        advice: &'static str,
    },
    /// An interval about the sample, asked for with clusters.
    #[error(
        "{} is not available with clusters for intervals about the sample; ask for inference about the population, whose intervals are robust to clusters",
        estimator.title()
    )]
    SampleWithClusters {
        /// The estimator.
        estimator: EstimatorKind,
    },
}

/// Why outcome predictions could not be targeted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FluctuationProblem {
    /// The outcome has no range, or an infinite one.
    #[error("the range of the outcome is {range}")]
    Range {
        /// Largest minus smallest outcome.
        range: f64,
    },
    /// Weights that are not finite, or all zero.
    #[error("the weights are not finite")]
    Weights,
    /// Nothing on one side of the predictions.
    #[error("every outcome is at the same end of its range")]
    OneEnd,
    /// The search ran away.
    #[error("no finite shift of the predictions balances the residuals")]
    NoFiniteShift,
    /// The search did not reach the root.
    #[error("after {steps} steps the score is still {off:.1e} of its scale away from zero")]
    StillOff {
        /// Steps taken.
        steps: usize,
        /// |score| relative to its scale.
        off: f64,
    },
}
