//! A finished run held against new data: its plan and the specs of its answers are frozen, and applied to one partition after the
//! other.
//!
//! ```text
//! frozen:     plan, answers of the run, its data -> Frozen            (terms, levels, variances of the plan's own data)
//! partition:  Frozen, new data                   -> WatchedPartition  (effects by the frozen specs, their designs, quantities)
//! found:      all partitions                     -> WatchFound        (two anytime-valid tests: effects, design)
//! step:       the whole                          -> one commit: facts, table, plot, comment
//! ```
//!
//! Estimand: for each answer of the run, the same estimand in the units of the partition. The nuisances are fitted again there, and a
//! trimming rule is applied again; only the choice of terms, learners, estimator and rule is frozen. The tests, and the chance of a false
//! alarm: [`causal::diagnose::drift`].

mod frozen;
mod partition;
mod quantities;
pub mod steps;
mod verdict;

pub use frozen::Frozen;
pub use partition::{Seen, partition};

use crate::finding::Tier;
use crate::pipeline::follow_ups::Answering;
use crate::record::ReportError;
use crate::record::not_estimated::DesignFailure;
use causal::diagnose::drift::DriftError;

/// The reason why new data cannot be held against a run.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// No answer of the run was accepted.
    #[error("no answer of the run is better than not_satisfactory, so that there is nothing to hold new data against")]
    NothingToWatch,
    /// An outcome, or an effect of the plan's own data, that is not there.
    #[error("the answer `{name}` cannot be made again from the plan's own data: {reason}")]
    NoReference {
        /// The answer.
        name: String,
        /// The reason.
        reason: String,
    },
    /// A design that cannot be made.
    #[error(transparent)]
    Design(#[from] DesignFailure),
    /// Numbers that no test takes.
    #[error("the test of `{quantity}` cannot be made: {source}")]
    Drift {
        /// What is tested.
        quantity: String,
        /// The reason.
        source: DriftError,
    },
    /// A document could not be written.
    #[error(transparent)]
    Report(#[from] ReportError),
}

/// The specs of the answers that are worth watching.
fn accepted<'a>(answers: &[Answering<'a>]) -> Vec<Answering<'a>> {
    answers.iter().filter(|answer| answer.verdict() > Tier::NotSatisfactory).copied().collect()
}
