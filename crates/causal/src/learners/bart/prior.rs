//! The prior of a tree's splits and rules, and the sparse prior of the column probabilities s.
//!
//! A node at depth d that some column can still split is split with probability α(1 + d)^−β; a node that none can
//! split is a leaf. The rule's column is drawn from s restricted to the columns with a cut left in the node, its cut
//! uniformly from those cuts. Linero (2018): s ~ Dirichlet(θ/P, …, θ/P), θ/(θ + P) ~ Beta(a, b).
//!
//! **s given the trees.** Restricting s to what is available breaks conjugacy: each rule contributes
//! s_j / Σ_{available} s. Seen as draws from s repeated until a column is available, the failed draws restore it: in a
//! node whose unavailable columns have total probability E, their number is geometric, P(K ≥ k) = E^k, and each is
//! column j with probability s_j/E. With c_j counting rules and failed draws, s | c ~ Dirichlet(θ/P + c_j) exactly.

use crate::learners::bart::elementary::{exp, ln, ln_gamma};
use crate::learners::bart::params::{BartParams, SparsePrior};
use crate::learners::bart::random::Random;
use crate::learners::bart::tree::{Rule, Tree};

/// Probabilities of what is available below this count as this: the number of failed draws must stay finite.
const SMALLEST: f64 = 1e-290;
/// Points of the grid on which θ/(θ + P) is drawn.
const GRID: usize = 200;

/// Probabilities of splits and rules.
#[derive(Debug, Clone)]
pub struct SplitPrior {
    by_depth: Vec<f64>,
    cuts: Vec<u8>,
    s: Vec<f64>,
    log_s: Vec<f64>,
    cumulative: Vec<f64>,
    sparse: Option<Sparse>,
}

#[derive(Debug, Clone)]
struct Sparse {
    theta: f64,
    /// θ and what does not depend on s in its log posterior, by grid point.
    grid: Vec<(f64, f64)>,
}

impl SplitPrior {
    /// Equal probabilities for columns with `cuts` cuts each (all at least 1).
    #[must_use]
    pub fn new(params: &BartParams, cuts: Vec<u8>) -> Self {
        let by_depth = (0..256).map(|d| params.alpha * exp(-params.beta * ln(1.0 + f64::from(d)))).collect();
        let p = cuts.len();
        let s = vec![1.0 / p.max(1) as f64; p];
        // With one column there is nothing to be sparse about.
        let sparse = params.sparse.as_ref().filter(|_| p > 1).map(|prior| Sparse::new(prior, p as f64));
        let log_s = s.iter().map(|s| ln(*s)).collect();
        let mut new = Self { by_depth, cuts, s, log_s, cumulative: Vec::new(), sparse };
        new.accumulate();
        new
    }

    fn accumulate(&mut self) {
        self.cumulative.clear();
        let mut total = 0.0;
        for s in &self.s {
            total += s;
            self.cumulative.push(total);
        }
    }

    /// Column probabilities.
    #[must_use]
    pub fn s(&self) -> &[f64] {
        &self.s
    }

    /// True if some column can still split the node.
    #[must_use]
    pub fn can_split(&self, tree: &Tree, index: u8) -> bool {
        // At most one column per ancestor can be used up.
        // So with more columns than ancestors one must be left, and the tree need not be walked.
        self.cuts.len() > usize::from(tree.node(index).depth)
            || tree.exhausted(index, &self.cuts).len() < self.cuts.len()
    }

    /// Prior probability that the node is split.
    #[must_use]
    pub fn split_probability(&self, tree: &Tree, index: u8) -> f64 {
        if self.can_split(tree, index) { self.by_depth[usize::from(tree.node(index).depth)] } else { 0.0 }
    }

    /// Probability that both children of `index`, split by `rule`, are leaves.
    #[must_use]
    pub fn both_stop(&self, tree: &Tree, index: u8, rule: Rule) -> f64 {
        let depth = usize::from(tree.node(index).depth) + 1;
        // As in `can_split`: both children can be split, whatever the rule, so the tree need not be copied.
        if self.cuts.len() > depth {
            return (1.0 - self.by_depth[depth]) * (1.0 - self.by_depth[depth]);
        }
        let mut split = tree.clone();
        // Asked both for a leaf about to be split and for a last split about to get another rule.
        if split.node(index).left == 0 {
            split.grow(index, rule);
        } else {
            split.node_mut(index).rule = rule;
        }
        let left = split.node(index).left;
        (1.0 - self.split_probability(&split, left)) * (1.0 - self.split_probability(&split, left + 1))
    }

    /// A rule for the node from the prior; `None` if no column is available.
    pub fn rule(&self, tree: &Tree, index: u8, random: &mut Random) -> Option<Rule> {
        let unavailable = tree.exhausted(index, &self.cuts);
        let column = self.column(&unavailable, random)?;
        let (low, high) = tree.interval(index, column as u32, self.cuts[column]);
        let cut = low + random.below(usize::from(high.checked_sub(low)?)) as u8;
        (low < high).then_some(Rule { column: column as u32, cut })
    }

    fn column(&self, unavailable: &[u32], random: &mut Random) -> Option<usize> {
        let u = random.uniform();
        let last = self.cuts.len().checked_sub(1)?;
        if unavailable.is_empty() {
            // Against the total rather than 1, from which it differs by rounding.
            let at = u * self.cumulative[last];
            return Some(self.cumulative.partition_point(|c| *c <= at).min(last));
        }
        // On the log scale: a sparse s has entries that underflow, and they may be all that is available.
        let (weights, _) = self.available(unavailable)?;
        let mut left = u * weights.iter().map(|(_, w)| w).sum::<f64>();
        let mut chosen = None;
        for (j, w) in weights.into_iter().filter(|(_, w)| *w > 0.0) {
            chosen = Some(j);
            // If rounding leaves something over after the last, the last column of positive weight is taken.
            left -= w;
            if left < 0.0 {
                break;
            }
        }
        chosen
    }

    /// The available columns with their probabilities relative to the largest, and the log of the largest.
    fn available(&self, unavailable: &[u32]) -> Option<(Vec<(usize, f64)>, f64)> {
        let open = || self.log_s.iter().enumerate().filter(|(j, _)| !unavailable.contains(&(*j as u32)));
        let top = open().map(|(_, s)| *s).reduce(f64::max)?;
        Some((open().map(|(j, s)| (j, exp(s - top))).collect(), top))
    }

    /// Draws s and θ given the trees; nothing without a sparse prior.
    pub fn update<'a>(&mut self, trees: impl Iterator<Item = &'a Tree>, random: &mut Random) {
        if self.sparse.is_none() {
            return;
        }
        let mut counts = vec![0.0; self.s.len()];
        for tree in trees {
            for index in tree.inner() {
                counts[tree.node(index).rule.column as usize] += 1.0;
                // Unavailable columns were drawn in vain before this rule's column came up.
                self.impute_failed(&tree.exhausted(index, &self.cuts), &mut counts, random);
            }
        }
        let mean_log_s = self.draw_s(&counts, random);
        let Some(sparse) = &mut self.sparse else { return };
        // θ times the mean of ln s is (θ/P) Σ ln s.
        let log_posterior: Vec<f64> = sparse.grid.iter().map(|(theta, fixed)| fixed + theta * mean_log_s).collect();
        sparse.theta = sparse.grid[random.index_of_log_weights(&log_posterior)].0;
    }

    /// Draws s given counts and θ; returns the mean of ln s.
    fn draw_s(&mut self, counts: &[f64], random: &mut Random) -> f64 {
        let share = self.sparse.as_ref().map_or(1.0, |sparse| sparse.theta) / counts.len() as f64;
        let log_g: Vec<f64> = counts.iter().map(|c| random.ln_gamma(share + c)).collect();
        // Log-sum-exp: gamma variables of tiny shape underflow, their logarithms do not.
        let top = log_g.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let log_total = top + ln(log_g.iter().map(|g| exp(g - top)).sum());
        for ((s, log_s), g) in self.s.iter_mut().zip(&mut self.log_s).zip(&log_g) {
            *log_s = g - log_total;
            *s = exp(*log_s);
        }
        self.accumulate();
        log_g.iter().map(|g| g - log_total).sum::<f64>() / log_g.len() as f64
    }

    /// s and θ from their prior.
    #[cfg(test)]
    pub fn draw_from_prior(&mut self, random: &mut Random) {
        let Some(sparse) = &mut self.sparse else { return };
        let p = self.s.len() as f64;
        let log_prior: Vec<f64> =
            // The grid holds the posterior's constant in s; without any s, its Dirichlet normaliser is taken out again.
            sparse.grid.iter().map(|(theta, fixed)| fixed - (ln_gamma(*theta) - p * ln_gamma(theta / p))).collect();
        sparse.theta = sparse.grid[random.index_of_log_weights(&log_prior)].0;
        self.draw_s(&vec![0.0; self.s.len()], random);
    }

    fn impute_failed(&self, unavailable: &[u32], counts: &mut [f64], random: &mut Random) {
        let weights: Vec<f64> = unavailable.iter().map(|j| self.s[*j as usize]).collect();
        let mut e: f64 = weights.iter().sum();
        if e <= 0.0 {
            return;
        }
        // Geometric by inversion: floor of an exponential divided by −ln E has P(K ≥ k) = E^k.
        let mut failed = (random.exponential() / self.minus_ln(e, unavailable)).floor();
        // Multinomial over the unavailable columns, one after the other.
        for (k, (j, w)) in unavailable.iter().zip(&weights).enumerate() {
            let last = k + 1 == weights.len();
            // The remainder goes to the last column for certain, so that the counts add up.
            let share = if last { failed } else { random.binomial(failed, (w / e).min(1.0)) };
            counts[*j as usize] += share;
            failed -= share;
            e -= w;
        }
    }

    /// −ln E, from the available columns where E is close to 1.
    fn minus_ln(&self, e: f64, unavailable: &[u32]) -> f64 {
        // Away from 1 the logarithm loses nothing.
        if e < 0.5 {
            return -ln(e);
        }
        let Some((weights, top)) = self.available(unavailable) else { return SMALLEST };
        let a = exp(top).max(SMALLEST) * weights.iter().map(|(_, w)| w).sum::<f64>();
        // −ln(1 − a) by two terms of its series where 1 − a would round a away.
        if a < 1e-5 { a * (1.0 + 0.5 * a) } else { -ln(1.0 - a.min(1.0 - f64::EPSILON)) }
    }
}

impl Sparse {
    /// log p(θ | s) = ln Γ(θ) − P ln Γ(θ/P) + (θ/P) Σ ln s_j + ln Beta(λ; a, b), at λ = θ/(θ + P) on an even grid.
    fn new(prior: &SparsePrior, p: f64) -> Self {
        let grid = (1..=GRID).map(|k| {
            let lambda = k as f64 / (GRID + 1) as f64;
            let theta = lambda * p / (1.0 - lambda);
            let beta = (prior.a - 1.0) * ln(lambda) + (prior.b - 1.0) * ln(1.0 - lambda);
            // Fixed for all sweeps: Σ ln s is the only part of the log posterior that changes.
            (theta, ln_gamma(theta) - p * ln_gamma(theta / p) + beta)
        });
        // From the middle of Beta(½, 1): the first update moves it anyway.
        Self { theta: 1.0, grid: grid.collect() }
    }
}
