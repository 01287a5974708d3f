//! The interface of an entry to the competition: an analysis of one dataset.

use crate::AcicError;
use crate::estimates_csv::Row;
use crate::observed::{Key, Observed};
use causal::estimand::Target;
use causal::estimator::EstimatorKind;
use causal::learner_kind::Effort;
use causal::sample::Sample;
use causal::simulate::Setup;

/// The estimands of the replay, in the order of the rows of a dataset.
pub const ESTIMANDS: [Target; 3] = [Target::Att, Target::Ate, Target::Ato];

/// The settings of an analysis, the same for every dataset.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// The bytes of plan.yaml.
    pub plan: Vec<u8>,
    /// The estimators; the first gives the answer that is graded.
    pub estimators: Vec<EstimatorKind>,
    /// The amount of computing.
    pub budget: Effort,
}

impl Recipe {
    /// The rows that every dataset has, in order.
    pub fn pairs(&self) -> impl Iterator<Item = (Target, EstimatorKind)> + '_ {
        ESTIMANDS.into_iter().flat_map(|estimand| self.estimators.iter().map(move |kind| (estimand, *kind)))
    }
}

/// Analyses datasets of the competition. It holds the covariates, which all datasets share, and is given the rest.
pub trait Analyst: Sync {
    /// A row for each of [`Recipe::pairs`], in that order. A row without numbers says why as `no_estimate`.
    fn analyse(&self, key: Key, observed: &Observed) -> Vec<Row>;
}

/// A dataset of a simulated family, as its analyst sees it.
#[derive(Debug)]
pub struct SimulatedDataset<'a> {
    /// The family.
    pub family: Setup,
    /// The replicate, from 0.
    pub replicate: usize,
    /// Covariates, treatment and outcome.
    pub sample: &'a Sample,
    /// Names of the covariates, one per column.
    pub names: &'a [String],
    /// Root seed of folds and learners.
    pub seed: u32,
}

impl SimulatedDataset<'_> {
    /// Its key among the rows: setting 0, the replicate for the response.
    #[must_use]
    pub fn key(&self) -> Key {
        Key { setting: 0, response: self.replicate as u64 }
    }
}

/// Analyses datasets of simulated families.
pub trait FamilyAnalyst: Sync {
    /// Rows as of [`Analyst::analyse`].
    ///
    /// # Errors
    /// Settings that the analysis refuses.
    fn analyse(&self, dataset: &SimulatedDataset<'_>) -> Result<Vec<Row>, AcicError>;
}
