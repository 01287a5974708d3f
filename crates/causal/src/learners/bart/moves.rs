//! Proposed changes of one tree, their prior ratios, and the Metropolis–Hastings decision.
//!
//! With b(T) leaves that can be split, c(T) last splits (inner nodes with two leaves), p_split(η) the prior probability
//! that node η is split (0 where nothing is available), and move probabilities g, p, c (in a stump: grow for certain),
//! a proposal T → T* is accepted with probability min(1, ρ L(T*)/L(T)). Proposed rules are drawn from their prior given
//! the node, so that the probabilities of rules cancel:
//!
//! | move | ρ |
//! |---|---|
//! | grow leaf η | p_split(η) (1 − p_split(η_l)) (1 − p_split(η_r)) / (1 − p_split(η)) · p b(T) / (g(T) c(T*)) |
//! | prune η | the reciprocal: (1 − p_split(η)) / (p_split(η) (1 − p_split(η_l)) (1 − p_split(η_r))) · g(T*) c(T) / (p b(T*)) |
//! | change the rule of a last split η | (1 − p_split(η_l*)) (1 − p_split(η_r*)) / ((1 − p_split(η_l)) (1 − p_split(η_r))) |
//!
//! Trees with a leaf of fewer than `min_leaf` rows have prior probability zero. With μ ~ N(0, τ²) integrated out, and
//! S = Σ w r, W = Σ w over the rows of a leaf (r the residual without this tree),
//!
//! L(leaf) = (σ²/(σ² + τ²W))^½ exp(τ²S² / (2σ²(σ² + τ²W))),   μ | S ~ N(τ²S/(σ² + τ²W), σ²τ²/(σ² + τ²W)).

use crate::learners::bart::elementary::ln;
use crate::learners::bart::prior::SplitPrior;
use crate::learners::bart::random::Random;
use crate::learners::bart::rows;
use crate::learners::bart::rows::Split;
use crate::learners::bart::tree::{Rule, SPARE_LABELS, Tree};

/// A change of a tree.
#[derive(Debug, Clone, Copy)]
pub enum Proposal {
    /// Nothing: the move was impossible, or would leave too small a leaf.
    Stay,
    /// A split of `leaf` with children `left` and `left + 1`.
    Grow {
        /// The leaf.
        leaf: u8,
        /// Label of its left child.
        left: u8,
        /// The rule.
        rule: Rule,
        /// Rows that go left.
        count: usize,
        /// ρ.
        ratio: f64,
    },
    /// The children of `node` go.
    Prune {
        /// The last split.
        node: u8,
        /// ρ.
        ratio: f64,
    },
    /// Another rule for `node`.
    Change {
        /// The last split.
        node: u8,
        /// The new rule.
        rule: Rule,
        /// Rows now left, and now right, that would go left.
        counts: [usize; 2],
        /// ρ.
        ratio: f64,
    },
}

/// The prior, moves and limits that proposals obey.
#[derive(Debug, Clone, Copy)]
pub struct Mover<'a> {
    /// Splits and rules.
    pub prior: &'a SplitPrior,
    /// Frequencies of grow, prune and change, summing to 1.
    pub moves: [f64; 3],
    /// Fewest rows of a leaf.
    pub min_leaf: usize,
}

impl Mover<'_> {
    fn grow_probability(&self, stump: bool) -> f64 {
        // A stump can neither be pruned nor changed.
        if stump { 1.0 } else { self.moves[0] }
    }

    /// Draws a proposal and writes its cells; `column` gives the codes of a column.
    pub fn propose<'c>(
        &self,
        tree: &Tree,
        labels: &[u8],
        column: impl Fn(u32) -> &'c [u8],
        cells: &mut [u8],
        random: &mut Random,
    ) -> Proposal {
        let u = random.uniform();
        let grow = self.grow_probability(tree.is_stump());
        let proposal = if u < grow {
            self.propose_grow(tree, labels, column, cells, random)
        } else if u < grow + self.moves[1] {
            self.propose_prune(tree, random)
        } else {
            self.propose_change(tree, labels, column, cells, random)
        };
        if matches!(proposal, Proposal::Stay | Proposal::Prune { .. }) {
            // A grow that was given up has already written cells, and a prune needs only the leaves as they are.
            cells.copy_from_slice(labels);
        }
        proposal
    }

    fn splittable<'t>(&'t self, tree: &'t Tree) -> impl Iterator<Item = u8> + 't {
        tree.leaves().filter(|leaf| self.prior.can_split(tree, *leaf))
    }

    fn propose_grow<'c>(
        &self,
        tree: &Tree,
        labels: &[u8],
        column: impl Fn(u32) -> &'c [u8],
        cells: &mut [u8],
        random: &mut Random,
    ) -> Proposal {
        let b = self.splittable(tree).count();
        let chosen = random.below(b);
        let Some(leaf) = self.splittable(tree).nth(chosen) else { return Proposal::Stay };
        let total = tree.node(leaf).count;
        let (Some(rule), Some(left)) = (self.prior.rule(tree, leaf, random), tree.next_pair()) else {
            return Proposal::Stay;
        };
        if total < 2 * self.min_leaf {
            return Proposal::Stay;
        }
        let split = Split { leaf, cut: rule.cut, left, right: left + 1 };
        let count = rows::split(labels, column(rule.column), split, cells);
        if count < self.min_leaf || total - count < self.min_leaf {
            return Proposal::Stay;
        }
        // The new split is a last split; its parent no longer is, if it was.
        let last_splits = tree.last_splits().count() + 1 - usize::from(tree.parent_is_last_split(leaf));
        let p = self.prior.split_probability(tree, leaf);
        let ratio = p * self.prior.both_stop(tree, leaf, rule) / (1.0 - p) * (self.moves[1] * b as f64)
            / (self.grow_probability(tree.is_stump()) * last_splits as f64);
        Proposal::Grow { leaf, left, rule, count, ratio }
    }

    fn propose_prune(&self, tree: &Tree, random: &mut Random) -> Proposal {
        let last_splits = tree.last_splits().count();
        let chosen = random.below(last_splits);
        let Some(node) = tree.last_splits().nth(chosen) else { return Proposal::Stay };
        let left = tree.node(node).left;
        let children = [left, left + 1].into_iter().filter(|child| self.prior.can_split(tree, *child)).count();
        // The pruned node becomes a leaf that can be split, since it was; its children are no longer leaves.
        let b = self.splittable(tree).count() + 1 - children;
        let p = self.prior.split_probability(tree, node);
        // Pruning the root leaves a stump, from which growing back is certain.
        let grow = self.grow_probability(node == 0);
        let ratio = (1.0 - p) / (p * self.prior.both_stop(tree, node, tree.node(node).rule))
            * (grow * last_splits as f64)
            / (self.moves[1] * b as f64);
        Proposal::Prune { node, ratio }
    }

    fn propose_change<'c>(
        &self,
        tree: &Tree,
        labels: &[u8],
        column: impl Fn(u32) -> &'c [u8],
        cells: &mut [u8],
        random: &mut Random,
    ) -> Proposal {
        let chosen = random.below(tree.last_splits().count());
        let Some(node) = tree.last_splits().nth(chosen) else { return Proposal::Stay };
        let Some(rule) = self.prior.rule(tree, node, random) else { return Proposal::Stay };
        let left = tree.node(node).left;
        let split = Split { leaf: node, cut: rule.cut, left, right: left + 1 };
        let counts = rows::cross(labels, column(rule.column), split, SPARE_LABELS, cells);
        let (goes_left, total) = (counts[0] + counts[1], tree.node(left).count + tree.node(left + 1).count);
        if goes_left < self.min_leaf || total - goes_left < self.min_leaf {
            return Proposal::Stay;
        }
        // The number of last splits stays the same and the rules cancel: only the chance that the children are leaves
        // is left.
        let ratio = self.prior.both_stop(tree, node, rule) / self.prior.both_stop(tree, node, tree.node(node).rule);
        Proposal::Change { node, rule, counts, ratio }
    }
}

/// Rows that are in one leaf now and would be in one leaf of the proposed tree.
#[derive(Debug, Clone, Copy)]
pub struct Cell {
    /// Its label.
    pub label: u8,
    /// Leaf now.
    pub current: u8,
    /// Leaf of the proposed tree.
    pub proposed: u8,
    /// Rows.
    pub count: usize,
    /// Their total weight.
    pub weight: f64,
    /// Their Σ w r, r being the residual without this tree.
    pub sum: f64,
    /// Leaf value now.
    pub mu: f64,
}

/// The cells of a proposal, sums not yet filled in: first the leaves it leaves alone, then those it touches, and where
/// the latter begin. Weights are row counts.
pub fn cells(tree: &Tree, proposal: &Proposal, out: &mut Vec<Cell>) -> usize {
    out.clear();
    let (node, left) = match *proposal {
        Proposal::Stay => (0, 0),
        Proposal::Grow { leaf, left, .. } => (leaf, left),
        Proposal::Prune { node, .. } | Proposal::Change { node, .. } => (node, tree.node(node).left),
    };
    let cell = |label: u8, current: u8, proposed: u8, count: usize| {
        let mu = tree.node(current).mu;
        Cell { label, current, proposed, count, weight: count as f64, sum: 0.0, mu }
    };
    let touched = |leaf: u8| match proposal {
        Proposal::Stay => false,
        Proposal::Grow { .. } => leaf == node,
        Proposal::Prune { .. } | Proposal::Change { .. } => leaf == left || leaf == left + 1,
    };
    out.extend(tree.leaves().filter(|leaf| !touched(*leaf)).map(|leaf| cell(leaf, leaf, leaf, tree.node(leaf).count)));
    let start = out.len();
    match *proposal {
        Proposal::Stay => {}
        Proposal::Grow { leaf, left, count, .. } => {
            out.push(cell(left, leaf, left, count));
            out.push(cell(left + 1, leaf, left + 1, tree.node(leaf).count - count));
        }
        Proposal::Prune { node, .. } => {
            out.extend([left, left + 1].map(|leaf| cell(leaf, leaf, node, tree.node(leaf).count)));
        }
        Proposal::Change { counts, .. } => {
            for (k, count) in counts.into_iter().enumerate() {
                // Labels above all nodes: until the change is accepted, `left` and `left + 1` still name the leaves as
                // they are.
                out.push(cell(SPARE_LABELS + k as u8, left + k as u8, left, count));
            }
            for (k, count) in counts.into_iter().enumerate() {
                let leaf = left + k as u8;
                out.push(cell(SPARE_LABELS + 2 + k as u8, leaf, left + 1, tree.node(leaf).count - count));
            }
        }
    }
    start
}

/// The normal model of a leaf.
#[derive(Debug, Clone, Copy)]
pub struct LeafModel {
    /// σ².
    pub sigma2: f64,
    /// τ².
    pub tau2: f64,
}

impl LeafModel {
    /// Squared determinant part and exponent of L for the leaves that `leaf_of` makes of the cells.
    fn evidence(&self, cells: &[Cell], leaf_of: impl Fn(&Cell) -> u8) -> (f64, f64) {
        let (mut determinant, mut exponent) = (1.0, 0.0);
        for (k, cell) in cells.iter().enumerate() {
            let leaf = leaf_of(cell);
            if cells[..k].iter().any(|earlier| leaf_of(earlier) == leaf) {
                continue;
            }
            let members = || cells[k..].iter().filter(|other| leaf_of(other) == leaf);
            let (sum, weight) = members().fold((0.0, 0.0), |(s, w), cell| (s + cell.sum, w + cell.weight));
            let v = self.sigma2 + self.tau2 * weight;
            // At most two leaves on either side, so the product does not underflow; one logarithm serves for all.
            determinant *= self.sigma2 / v;
            exponent += self.tau2 * sum * sum / (2.0 * self.sigma2 * v);
        }
        (determinant, exponent)
    }

    /// True if a proposal with prior ratio `ratio` that turns these cells from their current to their proposed leaves
    /// is accepted.
    pub fn accepts(&self, ratio: f64, cells: &[Cell], random: &mut Random) -> bool {
        let (now, now_exponent) = self.evidence(cells, |cell| cell.current);
        let (then, then_exponent) = self.evidence(cells, |cell| cell.proposed);
        let log_ratio = ln(ratio * (then / now).sqrt()) + (then_exponent - now_exponent);
        // ln U ≤ ln ratio for a uniform U, whose −ln U is exponential.
        log_ratio + random.exponential() >= 0.0
    }

    /// Draws μ given Σ w r and Σ w.
    pub fn draw(&self, sum: f64, weight: f64, random: &mut Random) -> f64 {
        let v = self.sigma2 + self.tau2 * weight;
        self.tau2 * sum / v + (self.sigma2 * self.tau2 / v).sqrt() * random.normal()
    }
}
