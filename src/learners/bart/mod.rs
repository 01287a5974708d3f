//! Bayesian additive regression trees with a sparse prior on which columns are split.
mod chain;
mod elementary;
mod forest;
mod learner;
mod moves;
pub mod params;
pub mod posterior;
mod prior;
mod random;
mod response;
mod rhat;
mod rows;
mod tree;

pub use chain::MoveCounts;
pub use learner::BartLearner;
pub use params::{BartParams, SparsePrior};
pub use posterior::{Data, Draw, Posterior, Summary, linear, sample};
