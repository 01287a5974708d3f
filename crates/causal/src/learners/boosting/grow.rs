//! Grows one tree, best split first.
//!
//! A leaf with gradient sum G and curvature sum H lowers the second-order loss Σ [g f + h f²/2] + λf²/2 by G²/(H + λ)/2 at its
//! best constant −G/(H + λ), so a split into L and R gains
//!
//! ```text
//! gain = G_L²/(H_L + λ) + G_R²/(H_R + λ) − G²/(H + λ)
//! ```
//!
//! Ties go to the first column and the lowest cut. References: Friedman (2001), doi:10.1214/aos/1013203451; Chen & Guestrin (2016),
//! doi:10.1145/2939672.2939785.

use crate::learners::boosting::histogram::{FixedPoint, Histogram, Pair, Summer, subtract};
use crate::learners::boosting::params::BoostingParams;
use crate::learners::boosting::rows::{GatheredRows, Storage};
use crate::learners::boosting::tree::{Child, Split, Tree};
use crate::numerics::binned::BinnedMatrix;
use std::ops::Range;

/// A gain below this share of what the children explain is rounding.
const LEAST_GAIN: f64 = 1e-12;

/// The data and settings that stay the same while a tree grows.
#[derive(Debug, Clone, Copy)]
pub struct Soil<'a> {
    /// The rows.
    pub data: &'a GatheredRows,
    /// Cuts of the codes.
    pub binned: &'a BinnedMatrix,
    /// Settings.
    pub params: &'a BoostingParams,
    /// Columns that this tree may split on, ascending.
    pub columns: &'a [usize],
    /// Scale of the pairs.
    pub scale: FixedPoint,
}

/// The rows of a leaf and the columns on the path to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafRows {
    /// Place in [`Grown::rows`].
    pub rows: Range<usize>,
    /// Columns of the splits above, each once, root first.
    pub path: Vec<usize>,
    /// Sums over the rows.
    pub total: Pair,
}

/// A tree whose leaves have rows but no values yet.
#[derive(Debug)]
pub struct Grown {
    /// Splits are final, leaves are zero.
    pub tree: Tree,
    /// The rows of the tree, leaf after leaf; ascending within a leaf.
    pub rows: Vec<u32>,
    /// As many as leaves.
    pub leaves: Vec<LeafRows>,
}

#[derive(Debug, Clone, Copy)]
struct Candidate {
    column: usize,
    code: usize,
    gain: f64,
    left: Pair,
}

/// A leaf that may still be split.
struct Open {
    leaf: usize,
    depth: usize,
    histogram: Histogram,
    best: Candidate,
}

/// Grows a tree on `rows` (ascending) with one pair each.
pub fn grow(soil: &Soil<'_>, rows: Vec<u32>, pairs: &[Pair]) -> Grown {
    Grower::new(soil, rows, pairs).grow()
}

struct Grower<'a> {
    soil: &'a Soil<'a>,
    summer: Summer<'a>,
    /// Pair of each row of the training rows that is in the tree; of others, not looked at.
    pairs: Vec<Pair>,
    spare: Vec<u32>,
    grown: Grown,
    /// The split that each leaf hangs from, and true if it is the left child.
    parents: Vec<Option<(usize, bool)>>,
    open: Vec<Open>,
    pool: Vec<Histogram>,
}

impl<'a> Grower<'a> {
    fn new(soil: &'a Soil<'a>, rows: Vec<u32>, pairs: &[Pair]) -> Self {
        // Integers: the order of the sum does not matter.
        let total = pairs.iter().fold([0; 2], |sum: Pair, pair| [sum[0] + pair[0], sum[1] + pair[1]]);
        let root = LeafRows { rows: 0..rows.len(), path: Vec::new(), total };
        Self {
            soil,
            summer: Summer::new(soil.data, soil.columns),
            pairs: pairs.to_vec(),
            spare: Vec::new(),
            grown: Grown { tree: Tree::default(), rows, leaves: vec![root] },
            parents: vec![None],
            open: Vec::new(),
            pool: Vec::new(),
        }
    }

    fn grow(mut self) -> Grown {
        // From here on every histogram is one of these, handed on or returned to the pool.
        let mut histogram = Histogram::new();
        self.sum(0, &mut histogram);
        self.consider(0, 0, histogram);
        while self.grown.leaves.len() < self.soil.params.max_leaves {
            // The first of the best, so that ties go to the older leaf.
            let best =
                (0..self.open.len()).rev().max_by(|a, b| self.open[*a].best.gain.total_cmp(&self.open[*b].best.gain));
            let Some(best) = best else { break };
            let open = self.open.remove(best);
            self.split(open);
        }
        self.grown.tree.leaves.resize(self.grown.leaves.len(), crate::learners::boosting::tree::Leaf::default());
        self.grown
    }

    fn sum(&self, leaf: usize, histogram: &mut Histogram) {
        let range = self.grown.leaves[leaf].rows.clone();
        self.summer.sum(&self.grown.rows[range.clone()], &self.pairs[range], histogram);
    }

    /// Splits a leaf: the left child keeps its number, the right child gets the next.
    fn split(&mut self, open: Open) {
        let Open { leaf, depth, mut histogram, best } = open;
        let right = self.grown.leaves.len();
        let split = self.grown.tree.splits.len();
        let (left_place, right_place) = (Child::Leaf(leaf as u32), Child::Leaf(right as u32));
        // Rows are left on the right, so the code is not the last one and has a cut.
        let cut = self.soil.binned.cuts(best.column)[best.code];
        let (column, code, gain) = (best.column, best.code as u8, best.gain);
        self.grown.tree.splits.push(Split { column, code, cut, gain, left: left_place, right: right_place });
        if let Some((parent, on_left)) = self.parents[leaf] {
            let parent = &mut self.grown.tree.splits[parent];
            *(if on_left { &mut parent.left } else { &mut parent.right }) = Child::Split(split as u32);
        }
        self.parents[leaf] = Some((split, true));
        self.parents.push(Some((split, false)));
        self.divide(leaf, &best);
        // Children that may not be split need no histograms.
        let goes_on = depth + 1 < self.soil.params.max_depth && self.grown.leaves.len() < self.soil.params.max_leaves;
        if goes_on {
            let rows = |leaf: usize| self.grown.leaves[leaf].rows.len();
            let (small, large) = if rows(leaf) <= rows(right) { (leaf, right) } else { (right, leaf) };
            let mut smaller = self.pool.pop().unwrap_or_default();
            // Rows of the smaller child are read, and the larger one is the difference, which is exact in integers.
            self.sum(small, &mut smaller);
            subtract(&mut histogram, &smaller);
            self.consider(small, depth + 1, smaller);
            self.consider(large, depth + 1, histogram);
        } else {
            self.pool.push(histogram);
        }
    }

    /// Divides the rows of a leaf, in order, between it and a new last leaf.
    fn divide(&mut self, leaf: usize, best: &Candidate) {
        let parent = self.grown.leaves[leaf].clone();
        let codes = self.soil.data.column(best.column);
        // Both halves keep their order: rows stay ascending within every leaf.
        let rows = &mut self.grown.rows[parent.rows.clone()];
        let pairs = &mut self.pairs[parent.rows.clone()];
        self.spare.clear();
        self.spare.resize(rows.len(), 0);
        let mut spare_pairs = vec![[0; 2]; rows.len()];
        let (mut left, mut right) = (0, 0);
        for i in 0..rows.len() {
            let (row, pair) = (rows[i], pairs[i]);
            // Both are written, one place is advanced: no branch to mispredict.
            rows[left] = row;
            pairs[left] = pair;
            self.spare[right] = row;
            spare_pairs[right] = pair;
            let goes_left = usize::from(usize::from(codes[row as usize]) <= best.code);
            left += goes_left;
            right += 1 - goes_left;
        }
        rows[left..].copy_from_slice(&self.spare[..right]);
        pairs[left..].copy_from_slice(&spare_pairs[..right]);
        let mut path = parent.path;
        if !path.contains(&best.column) {
            path.push(best.column);
        }
        let middle = parent.rows.start + left;
        // Count and curvature share a word, and both differences are non-negative: nothing is borrowed across.
        let rest = [parent.total[0] - best.left[0], parent.total[1] - best.left[1]];
        self.grown.leaves[leaf] = LeafRows { rows: parent.rows.start..middle, path: path.clone(), total: best.left };
        self.grown.leaves.push(LeafRows { rows: middle..parent.rows.end, path, total: rest });
    }

    /// Notes the best split of a leaf, if there is one.
    fn consider(&mut self, leaf: usize, depth: usize, histogram: Histogram) {
        match best_split(self.soil, &histogram, self.grown.leaves[leaf].total) {
            Some(best) => self.open.push(Open { leaf, depth, histogram, best }),
            None => self.pool.push(histogram),
        }
    }
}

fn best_split(soil: &Soil<'_>, histogram: &Histogram, total: Pair) -> Option<Candidate> {
    let (scale, params) = (soil.scale, soil.params);
    if scale.rows(total) < 2 * params.min_leaf_rows {
        return None;
    }
    let l2 = params.l2;
    let (g_total, h_total) = (scale.gradient(total), scale.curvature(total));
    let mut best: Option<Candidate> = None;
    let mut most = 0.0;
    for column in soil.columns.iter().copied().filter(|j| soil.data.storage(*j) != Storage::Constant) {
        let bins = &histogram[soil.data.bins(column)];
        let mut left = [0_i64; 2];
        for (code, pair) in bins.iter().enumerate() {
            // A bin without rows parts the rows as the cut before it does, and the lower cut stands for both.
            if pair[1] == 0 {
                continue;
            }
            left = [left[0] + pair[0], left[1] + pair[1]];
            if scale.rows(left) < params.min_leaf_rows {
                // The next bins may bring enough rows to the left; on the right there will only be fewer.
                continue;
            }
            let right = [total[0] - left[0], total[1] - left[1]];
            if scale.rows(right) < params.min_leaf_rows {
                break;
            }
            let (g, h) = (scale.gradient(left), scale.curvature(left) + l2);
            let (g_rest, h_rest) = (scale.gradient(right), scale.curvature(right) + l2);
            // Without a penalty the curvature of a child can round to zero.
            if h <= 0.0 || h_rest <= 0.0 {
                continue;
            }
            // One division: G_L²/H_L + G_R²/H_R.
            let explained = (g * g * h_rest + g_rest * g_rest * h) / (h * h_rest);
            // Strictly: ties stay with the first column and the lowest cut.
            if explained > most {
                most = explained;
                best = Some(Candidate { column, code, gain: explained, left });
            }
        }
    }
    // The parent's part is the same for every split, so it is taken off once.
    let gain = most - if h_total + l2 > 0.0 { g_total * g_total / (h_total + l2) } else { 0.0 };
    best.filter(|_| gain > LEAST_GAIN * most).map(|best| Candidate { gain, ..best })
}
