//! Bayesian additive regression trees with a sparse prior on which columns are split.
pub mod posterior;
pub mod params;
mod chain;
mod elementary;
mod forest;
mod moves;
mod prior;
mod random;
mod response;
mod rhat;
mod rows;
mod tree;

pub use chain::MoveCounts;
pub use params::{BartParams, SparsePrior};
pub use posterior::{Data, Draw, Posterior, Summary, linear, sample};
