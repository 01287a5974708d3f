//! Kept trees, for predictions at new rows.
//!
//! Draws are summed where the prediction is linear in them: a tree whose structure did not change between two kept
//! sweeps is stored once, with the sum of its leaf values. Behind a probit link every draw is stored on its own.

use crate::learners::bart::chain::Planted;
use crate::learners::bart::tree::Tree;
use crate::numerics::binned::BinnedMatrix;
use crate::numerics::chunks;

/// A node in depth-first order: the left child follows, the right one is `skip` further; a leaf has `skip` 0.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Flat {
    column: u32,
    cut: u8,
    skip: u8,
    value: f64,
}

/// Trees in groups; a group's prediction is the sum over its trees.
#[derive(Debug, Clone, Default)]
pub struct Forest {
    nodes: Vec<Flat>,
    starts: Vec<usize>,
    /// One past the last tree of each group.
    groups: Vec<usize>,
}

impl Forest {
    fn push(&mut self, tree: &Tree, columns: &[u32]) {
        self.starts.push(self.nodes.len());
        self.flatten(tree, 0, columns);
    }

    fn flatten(&mut self, tree: &Tree, index: u8, columns: &[u32]) {
        let node = tree.node(index);
        let at = self.nodes.len();
        // A leaf has no rule, and its column is never read.
        let column = if node.left > 0 { columns[node.rule.column as usize] } else { 0 };
        self.nodes.push(Flat { column, cut: node.rule.cut, skip: 0, value: node.mu });
        if node.left > 0 {
            self.flatten(tree, node.left, columns);
            // At most 251 nodes in a tree.
            self.nodes[at].skip = (self.nodes.len() - at) as u8;
            self.flatten(tree, node.left + 1, columns);
        }
    }

    /// Closes a group.
    fn close(&mut self) {
        self.groups.push(self.starts.len());
    }

    /// Adds another forest's groups.
    pub fn append(&mut self, other: &Forest) {
        let (nodes, trees) = (self.nodes.len(), self.starts.len());
        self.nodes.extend(&other.nodes);
        self.starts.extend(other.starts.iter().map(|start| start + nodes));
        self.groups.extend(other.groups.iter().map(|end| end + trees));
    }

    /// For each row of `x`, Σ over groups of `link`(Σ over the group's trees).
    pub fn predict(&self, x: &BinnedMatrix, link: impl Fn(f64) -> f64 + Sync) -> Vec<f64> {
        let columns: Vec<&[u8]> = (0..x.p()).map(|j| x.column(j)).collect();
        // Blocks within chunks: the codes of a block stay in the cache for all the trees.
        let part = |rows: std::ops::Range<usize>| {
            chunks::blocks(rows).flat_map(|block| self.predict_block(&columns, block, &link)).collect::<Vec<f64>>()
        };
        chunks::map(x.n(), part).concat()
    }

    fn predict_block(&self, columns: &[&[u8]], rows: std::ops::Range<usize>, link: impl Fn(f64) -> f64) -> Vec<f64> {
        let mut total = vec![0.0; rows.len()];
        let mut sum = vec![0.0; rows.len()];
        let mut first = 0;
        for end in &self.groups {
            sum.fill(0.0);
            for start in &self.starts[first..*end] {
                for (row, sum) in rows.clone().zip(&mut sum) {
                    *sum += self.leaf(*start, |column| columns[column as usize][row]);
                }
            }
            first = *end;
            for (total, sum) in total.iter_mut().zip(&sum) {
                // After the trees of a group are summed: behind a probit link the mean of Φ(f) is not Φ of the mean.
                *total += link(*sum);
            }
        }
        total
    }

    fn leaf(&self, start: usize, code: impl Fn(u32) -> u8) -> f64 {
        let mut at = start;
        loop {
            let node = &self.nodes[at];
            if node.skip == 0 {
                return node.value;
            }
            at += if code(node.column) <= node.cut { 1 } else { usize::from(node.skip) };
        }
    }
}

/// Stores the trees of a chain as it goes.
#[derive(Debug)]
pub struct Recorder {
    forest: Forest,
    /// The columns of the covariates that positions in rules mean.
    columns: Vec<u32>,
    /// True if draws may be summed.
    merge: bool,
    /// Per tree, the version being summed and its sums so far.
    open: Vec<(u64, Tree)>,
}

impl Recorder {
    /// Stores rules in terms of `columns`; `merge` if predictions are linear in the trees.
    #[must_use]
    pub fn new(columns: Vec<u32>, merge: bool) -> Self {
        Self { forest: Forest::default(), columns, merge, open: Vec::new() }
    }

    /// Takes one kept draw.
    pub fn record(&mut self, trees: &[Planted]) {
        if !self.merge {
            for planted in trees {
                self.forest.push(&planted.tree, &self.columns);
            }
            self.forest.close();
        } else if self.open.is_empty() {
            self.open = trees.iter().map(|planted| (planted.version, planted.tree.clone())).collect();
        } else {
            for ((version, sums), planted) in self.open.iter_mut().zip(trees) {
                // The same version is the same structure, so the same labels are the same leaves.
                if *version == planted.version {
                    for leaf in planted.tree.leaves() {
                        sums.node_mut(leaf).mu += planted.tree.node(leaf).mu;
                    }
                } else {
                    // The sums are one tree as far as predictions are concerned; no group ends here, since predictions are
                    // linear.
                    self.forest.push(sums, &self.columns);
                    (*version, *sums) = (planted.version, planted.tree.clone());
                }
            }
        }
    }

    /// The forest stored so far.
    #[must_use]
    pub fn finish(mut self) -> Forest {
        for (_, sums) in &self.open {
            self.forest.push(sums, &self.columns);
        }
        if !self.open.is_empty() {
            self.forest.close();
        }
        self.forest
    }
}
