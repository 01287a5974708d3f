//! Settings of an estimate.

use crate::estimand::{Inference, OutcomeKind, Population};
use crate::estimator::NuisanceModels;
use crate::learners::logistic::LogisticParams;

/// The settings of an estimate.
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
    /// The engine and limits of logistic regressions.
    pub logistic: LogisticParams,
    /// The learners of the nuisances of the cross-fitted and the tree-based estimators, their repeats and effort.
    pub models: NuisanceModels,
    /// Whose average effect the interval is about.
    pub inference: Inference,
}
