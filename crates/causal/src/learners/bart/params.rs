//! Settings of the sampler, checked before anything is drawn.

use crate::learners::learner::LearnerError;

/// The name of this learner in messages.
pub(super) const NAME: &str = "Bayesian additive regression trees";

/// The sparse prior on which columns are split: s ~ Dirichlet(θ/P, …, θ/P), θ/(θ + P) ~ Beta(a, b).
#[derive(Debug, Clone, PartialEq)]
pub struct SparsePrior {
    /// Sweep at which s begins to be updated; it is uniform before.
    pub start: usize,
    /// a, positive; below 1 prefers few columns.
    pub a: f64,
    /// b, positive.
    pub b: f64,
}

/// Settings; [`Default`] gives those that every result of this program uses unless it says otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct BartParams {
    /// T, the number of trees, at least 1.
    pub trees: usize,
    /// α in the probability α(1 + d)^−β that a node at depth d is split, in (0, 1).
    pub alpha: f64,
    /// β, not negative.
    pub beta: f64,
    /// k: the prior of the sum of trees has k standard deviations in half the range of y. Positive.
    pub k: f64,
    /// ν, degrees of freedom of the prior of σ², positive.
    pub nu: f64,
    /// q, the prior probability that σ is below `sigma_hat`, in (0, 1).
    pub q: f64,
    /// The rough overestimate of σ that calibrates its prior, in units of y; `None`: the residual standard deviation
    /// of least squares on the bin codes (see `response.rs`).
    pub sigma_hat: Option<f64>,
    /// Fewest training rows of a leaf, at least 1.
    pub min_leaf: usize,
    /// Relative frequencies of the moves grow, prune and change; the first two positive.
    pub moves: [f64; 3],
    /// The sparse prior; `None` keeps all columns equally likely.
    pub sparse: Option<SparsePrior>,
    /// Sweeps thrown away.
    pub burn_in: usize,
    /// Draws kept from each chain, at least 1.
    pub draws: usize,
    /// Sweeps per kept draw, at least 1.
    pub thin: usize,
    /// Where trees are kept for predictions, those of every so many-th kept draw, at least 1. Does not change a draw.
    pub keep_every: usize,
    /// Independent chains, at least 1.
    pub chains: usize,
    /// Largest split-R̂ at which the chains count as agreeing, above 1.
    pub max_rhat: f64,
    /// Most bins of a column where the sampler bins covariates itself, 2 to 255.
    pub max_bins: usize,
}

impl Default for BartParams {
    fn default() -> Self {
        Self {
            trees: 100,
            // α, β, k, ν and q are those of Chipman, George & McCulloch (2010); a and b of the sparse prior those of
            // Linero (2018).
            alpha: 0.95,
            beta: 2.0,
            k: 2.0,
            nu: 3.0,
            q: 0.9,
            sigma_hat: None,
            min_leaf: 5,
            moves: [0.35, 0.35, 0.30],
            sparse: Some(SparsePrior { start: 100, a: 0.5, b: 1.0 }),
            burn_in: 500,
            draws: 200,
            thin: 1,
            keep_every: 1,
            chains: 1,
            max_rhat: 1.2,
            max_bins: crate::numerics::binned::MAX_BINS,
        }
    }
}

impl BartParams {
    /// Refuses a setting out of range.
    ///
    /// # Errors
    /// [`LearnerError::Params`], naming the field and its range.
    pub fn check(&self) -> Result<(), LearnerError> {
        let positive = |v: f64| v.is_finite() && v > 0.0;
        let inside = |v: f64| v > 0.0 && v < 1.0;
        let [grow, prune, change] = self.moves;
        let rules = [
            (self.trees >= 1, "trees must be at least 1"),
            (inside(self.alpha), "alpha must lie between 0 and 1"),
            (self.beta.is_finite() && self.beta >= 0.0, "beta must not be negative"),
            (positive(self.k), "k must be positive"),
            (positive(self.nu), "nu must be positive"),
            (inside(self.q), "q must lie between 0 and 1"),
            (self.sigma_hat.is_none_or(positive), "sigma_hat must be positive"),
            (self.min_leaf >= 1, "min_leaf must be at least 1"),
            (
                // Grow and prune undo each other: without either, the chain could not be reversible.
                positive(grow) && positive(prune) && change.is_finite() && change >= 0.0,
                "moves must be positive for grow and prune, and not negative for change",
            ),
            (
                self.sparse.as_ref().is_none_or(|s| positive(s.a) && positive(s.b)),
                "a and b of the sparse prior must be positive",
            ),
            (self.draws >= 1, "draws must be at least 1"),
            (self.thin >= 1, "thin must be at least 1"),
            ((1..=self.draws).contains(&self.keep_every), "keep_every must be at least 1 and at most draws"),
            (self.chains >= 1, "chains must be at least 1"),
            (self.max_rhat.is_finite() && self.max_rhat > 1.0, "max_rhat must be above 1"),
            ((2..=crate::numerics::binned::MAX_BINS).contains(&self.max_bins), "max_bins must be between 2 and 255"),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            Some((_, problem)) => Err(LearnerError::Params { learner: NAME, problem: (*problem).into() }),
            None => Ok(()),
        }
    }
}
