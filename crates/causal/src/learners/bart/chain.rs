//! One Markov chain: backfitting over the trees, then σ² or the latent normals, then the split prior.

use crate::learners::bart::moves;
use crate::learners::bart::moves::{Cell, LeafModel, Mover, Proposal};
use crate::learners::bart::params::BartParams;
use crate::learners::bart::prior::SplitPrior;
use crate::learners::bart::random::Random;
use crate::learners::bart::response::Response;
use crate::learners::bart::rows;
use crate::learners::bart::rows::{ByLabel, CellStep, Split, Sums};
use crate::learners::bart::tree::Tree;

/// Byte codes of some rows, one column after the other; only columns that can be split.
#[derive(Debug, Clone)]
pub struct Codes {
    /// Rows.
    pub n: usize,
    /// n × P codes, column by column.
    pub bytes: Vec<u8>,
}

impl Codes {
    fn column(&self, j: u32) -> &[u8] {
        &self.bytes[j as usize * self.n..(j as usize + 1) * self.n]
    }
}

/// The data and settings that all chains share.
#[derive(Debug)]
pub struct Problem<'a> {
    /// Settings.
    pub params: &'a BartParams,
    /// Training rows of positive weight.
    pub train: Codes,
    /// Rows that are carried along: only predicted.
    pub carried: Codes,
    /// Cuts of each column that can be split, at least 1 each.
    pub cuts: Vec<u8>,
    /// The responses of the training rows.
    pub response: Response,
    /// Their weights, of mean 1; `None` if all are equal.
    pub weights: Option<Vec<f64>>,
}

/// A tree and where the rows are in it.
#[derive(Debug, Clone)]
pub struct Planted {
    /// The tree.
    pub tree: Tree,
    /// Accepted moves so far: the structure is the same while this is.
    pub version: u64,
    labels: Vec<u8>,
    carried: Vec<u8>,
}

/// Proposals and acceptances of each move.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MoveCounts {
    /// Grow, prune, change: proposals that reached the accept step.
    pub tried: [u64; 3],
    /// Of these, accepted.
    pub accepted: [u64; 3],
}

/// The state of a chain.
#[derive(Debug)]
pub struct Chain<'a> {
    problem: &'a Problem<'a>,
    random: Random,
    trees: Vec<Planted>,
    prior: SplitPrior,
    moves: [f64; 3],
    tau2: f64,
    /// σ² on the inner scale; 1 for a probit model.
    pub sigma2: f64,
    /// The responses that the trees are fitted to: scaled responses, or latent normals minus the offset.
    target: Vec<f64>,
    /// target − Σ trees, but for a step that is still to be applied.
    residual: Vec<f64>,
    step: Box<ByLabel>,
    previous: Vec<u8>,
    next: Vec<u8>,
    sums: Sums,
    cells: Vec<Cell>,
    /// Moves so far.
    pub counts: MoveCounts,
}

impl<'a> Chain<'a> {
    /// A chain of stumps at zero.
    #[must_use]
    pub fn new(problem: &'a Problem<'a>, random: Random) -> Self {
        let n = problem.train.n;
        // The root holds every row; counts are weights where there are none.
        let weight = problem.weights.as_ref().map_or(n as f64, |w| w.iter().sum());
        let planted = Planted {
            tree: Tree::stump(n, weight),
            version: 0,
            labels: vec![0; n],
            carried: vec![0; problem.carried.n],
        };
        let (target, sigma2) = match &problem.response {
            Response::Normal { scaled, start, .. } => (scaled.clone(), *start),
            Response::Probit { .. } => (vec![0.0; n], 1.0),
        };
        let total: f64 = problem.params.moves.iter().sum();
        let mut chain = Self {
            problem,
            random,
            trees: vec![planted; problem.params.trees],
            prior: SplitPrior::new(problem.params, problem.cuts.clone()),
            // Given as relative frequencies; `Mover` reads them as probabilities.
            moves: problem.params.moves.map(|m| m / total),
            tau2: problem.response.leaf_variance(problem.params),
            sigma2,
            // All trees are zero at the start.
            residual: target.clone(),
            target,
            step: Box::new([0.0; 256]),
            previous: vec![0; n],
            next: vec![0; n],
            sums: Sums::new(),
            cells: Vec::new(),
            counts: MoveCounts::default(),
        };
        // A probit chain has no target until latent normals are drawn around the zero fit.
        chain.draw_latent();
        chain
    }

    /// One sweep: every tree, the noise, and from `params.sparse.start` on the split prior.
    pub fn sweep(&mut self, number: usize) {
        for t in 0..self.trees.len() {
            self.update_tree(t);
        }
        // The step of the last tree is still pending, and σ² and the latent normals need the true residual.
        rows::apply_step(&mut self.residual, &self.previous, &self.step);
        // Otherwise the first tree of the next sweep would apply it again.
        self.step.fill(0.0);
        self.draw_sigma2();
        self.draw_latent();
        if self.problem.params.sparse.as_ref().is_some_and(|sparse| number >= sparse.start) {
            self.prior.update(self.trees.iter().map(|planted| &planted.tree), &mut self.random);
        }
    }

    fn update_tree(&mut self, t: usize) {
        let Self { problem, random, trees, prior, cells, sums, counts, .. } = self;
        let planted = &mut trees[t];
        let mover = Mover { prior, moves: self.moves, min_leaf: problem.params.min_leaf };
        let column = |j: u32| problem.train.column(j);
        let proposal = mover.propose(&planted.tree, &planted.labels, column, &mut self.next, random);
        let step = CellStep { previous: &self.previous, step: &self.step, next: &self.next };
        match &problem.weights {
            None => rows::step_and_sum(&mut self.residual, step, sums),
            Some(w) => rows::step_and_sum_weighted(&mut self.residual, w, step, sums),
        }
        let touched = moves::cells(&planted.tree, &proposal, cells);
        for cell in &mut *cells {
            if problem.weights.is_some() {
                cell.weight = sums.take_weight(cell.label);
            }
            // This tree's own fit is added back: backfitting conditions on the other trees alone.
            cell.sum = sums.take_residual(cell.label) + cell.weight * cell.mu;
        }
        let leaf = LeafModel { sigma2: self.sigma2, tau2: self.tau2 };
        let (kind, ratio) = match proposal {
            Proposal::Stay => (None, 0.0),
            Proposal::Grow { ratio, .. } => (Some(0), ratio),
            Proposal::Prune { ratio, .. } => (Some(1), ratio),
            Proposal::Change { ratio, .. } => (Some(2), ratio),
        };
        let mut accepted = false;
        if let Some(kind) = kind {
            // The leaves that stay as they are cancel in the likelihood ratio.
            accepted = leaf.accepts(ratio, &cells[touched..], random);
            counts.tried[kind] += 1;
            counts.accepted[kind] += u64::from(accepted);
        }
        if accepted {
            planted.accept(&proposal, problem);
        }
        // A rejected proposal still redraws every leaf value, from the cells merged back to the leaves as they are.
        draw_leaves(&mut planted.tree, cells, accepted, |sum, weight| leaf.draw(sum, weight, random), &mut self.step);
        // The steps just written are by the cells of this proposal, so the next pass looks them up there.
        std::mem::swap(&mut self.previous, &mut self.next);
    }

    fn draw_sigma2(&mut self) {
        if let Response::Normal { nu_lambda, .. } = &self.problem.response {
            let squares = rows::sum_of_squares(&self.residual, self.problem.weights.as_deref());
            let df = self.problem.params.nu + self.residual.len() as f64;
            // Scaled inverse χ²: the prior's νλ and ν, plus the sum of squares and the number of rows. Weights are
            // precisions and add no degrees of freedom.
            self.sigma2 = (nu_lambda + squares) / self.random.chi_square(df);
        }
    }

    /// New latent normals around the current fit; the residual is the noise in them.
    fn draw_latent(&mut self) {
        let Response::Probit { offset, positive } = &self.problem.response else { return };
        for ((target, residual), positive) in self.target.iter_mut().zip(&mut self.residual).zip(positive) {
            let f = *target - *residual;
            let mean = offset + f;
            // y = 1 needs noise above −mean. y = 0 needs it below: the mirror image of noise above the mean.
            *residual = if *positive { self.random.normal_above(-mean) } else { -self.random.normal_above(mean) };
            *target = f + *residual;
        }
    }

    /// The trees.
    #[must_use]
    pub fn trees(&self) -> &[Planted] {
        &self.trees
    }

    /// The split prior.
    #[must_use]
    pub fn prior(&self) -> &SplitPrior {
        &self.prior
    }

    /// Σ trees at the training rows, inner scale.
    pub fn fitted(&self, out: &mut [f64]) {
        // The trees need not be visited: the residual is what they leave of the target.
        for (out, (target, residual)) in out.iter_mut().zip(self.target.iter().zip(&self.residual)) {
            *out = target - residual;
        }
    }

    /// Σ trees at the carried rows, inner scale.
    pub fn carried(&self, out: &mut [f64]) {
        out.fill(0.0);
        let mut values: ByLabel = [0.0; 256];
        for planted in &self.trees {
            for leaf in planted.tree.leaves() {
                values[usize::from(leaf)] = planted.tree.node(leaf).mu;
            }
            rows::add_values(out, &planted.carried, &values);
        }
    }
}

impl Planted {
    /// Makes the proposed tree the tree, and moves all rows to its leaves.
    fn accept(&mut self, proposal: &Proposal, problem: &Problem<'_>) {
        self.version += 1;
        let both = [(&mut self.labels, &problem.train), (&mut self.carried, &problem.carried)];
        match *proposal {
            Proposal::Stay => {}
            Proposal::Grow { leaf, left, rule, .. } => {
                for (labels, codes) in both {
                    let split = Split { leaf, cut: rule.cut, left, right: left + 1 };
                    rows::split_in_place(labels, codes.column(rule.column), split);
                }
                self.tree.grow(leaf, rule);
            }
            Proposal::Prune { node, .. } => {
                for (labels, _) in both {
                    rows::merge(labels, self.tree.node(node).left, node);
                }
                self.tree.prune(node);
            }
            Proposal::Change { node, rule, .. } => {
                let left = self.tree.node(node).left;
                for (labels, codes) in both {
                    let split = Split { leaf: node, cut: rule.cut, left, right: left + 1 };
                    rows::resplit(labels, codes.column(rule.column), split);
                }
                self.tree.node_mut(node).rule = rule;
            }
        }
    }
}

/// New leaf values, counts and weights from the cells, and the step each cell has to make in the residual.
fn draw_leaves(
    tree: &mut Tree,
    cells: &[Cell],
    accepted: bool,
    mut draw: impl FnMut(f64, f64) -> f64,
    step: &mut ByLabel,
) {
    let leaf_of = |cell: &Cell| if accepted { cell.proposed } else { cell.current };
    for (k, cell) in cells.iter().enumerate() {
        let leaf = leaf_of(cell);
        // A leaf may be made of several cells; it is drawn once, at the first of them.
        let first = cells[..k].iter().rposition(|earlier| leaf_of(earlier) == leaf).is_none();
        if first {
            let members = cells[k..].iter().filter(|other| leaf_of(other) == leaf);
            let (mut count, mut weight, mut sum) = (0, 0.0, 0.0);
            for member in members {
                count += member.count;
                weight += member.weight;
                sum += member.sum;
            }
            let mu = draw(sum, weight);
            let node = tree.node_mut(leaf);
            (node.count, node.weight, node.mu) = (count, weight, mu);
        }
        // `cell.mu` is still the value before this draw.
        step[usize::from(cell.label)] = tree.node(leaf).mu - cell.mu;
    }
}

#[cfg(test)]
mod geweke;
