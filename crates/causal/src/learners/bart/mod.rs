//! Bayesian additive regression trees with a sparse prior on which columns are split.
//!
//! **Model.** f(x) = Σ_{t=1}^T g(x; T_t, M_t), each g a binary tree with constant leaves. For numbers
//! y_i ~ N(f(x_i), σ²/w_i) after y has been scaled to a range of 1 around 0; for zeros and ones P(y = 1 | x) = Φ(o + f(x)).
//! The estimand of a fit is the conditional mean: posterior means of f, or of Φ(o + f), and any functional of them.
//!
//! | symbol | name | meaning |
//! |---|---|---|
//! | T, α, β, k | `trees`, `alpha`, `beta`, `k` | number of trees; depth prior α(1 + d)^−β; leaf prior μ ~ N(0, τ²), τ = ½/(k√T) (probit 3/(k√T)) |
//! | ν, q, σ̂ | `nu`, `q`, `sigma_hat` | σ² ~ νλ/χ²_ν with P(σ < σ̂) = q |
//! | s, θ | `prior::SplitPrior` | column probabilities s ~ Dirichlet(θ/P), θ/(θ + P) ~ Beta(a, b) |
//! | r, S, W | `residual`, `sum`, `weight` | residual y − f; Σ w r and Σ w over a leaf |
//!
//! **Sampler.** Backfitting: for each tree a grow, prune or change proposal, accepted with μ integrated out
//! (the ratios are in `moves`), then new leaf values; then σ² or the latent normals (`response`), then s and θ
//! (`prior`). Two things make it quick. Proposals are drawn before the residual is read, so that one pass over the
//! rows serves two trees (`rows`); and rows at which only predictions are wanted, such as counterfactual ones, are
//! carried along and touched only when a tree changes.
//!
//! **Assumptions and limits.** Covariates are binned; rules cut between bins. A tree has at most 125 splits; a grow
//! beyond is not proposed. Leaves keep at least `min_leaf` rows: smaller ones have prior probability zero. Posterior
//! intervals are conditional on the model and, from a single chain, too narrow where chains differ: several chains and
//! split-R̂ (`rhat`) show it, in [`FitInfo`](crate::learners::learner::FitInfo).
//!
//! References: Chipman, George & McCulloch 2010, doi:10.1214/09-AOAS285; Linero 2018, doi:10.1080/01621459.2016.1264957.

mod chain;
mod elementary;
mod forest;
mod learner;
mod moves;
mod params;
mod posterior;
mod prior;
mod random;
mod response;
mod rhat;
mod rows;
mod tree;

pub use crate::learners::bart::chain::MoveCounts;
pub use crate::learners::bart::learner::BartLearner;
pub use crate::learners::bart::params::{BartParams, SparsePrior};
pub use crate::learners::bart::posterior::{Data, Draw, Posterior, Summary, linear, sample};

#[cfg(test)]
mod tests;
