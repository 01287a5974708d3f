//! How to estimate.

use crate::estimand::{Inference, OutcomeKind, Population};
use crate::estimator::NuisanceModels;
use crate::learners::logistic::LogisticParams;

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
