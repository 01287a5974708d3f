//! A tree: splits, and leaves that are constant or linear.

use crate::learners::boosting::rows::GatheredRows;
use crate::numerics::binned::BinnedMatrix;
use ndarray::ArrayView2;

/// The place that a split sends a row to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Child {
    /// To another split.
    Split(u32),
    /// To a leaf.
    Leaf(u32),
}

/// Rows with `x[column] <= cut`, that is `code <= code`, go left.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// Column.
    pub column: usize,
    /// Code of the last bin on the left.
    pub code: u8,
    /// The same as a number.
    pub cut: f64,
    /// The decrease of the penalised loss by the split.
    pub gain: f64,
    /// The child of small values.
    pub left: Child,
    /// The child of large values.
    pub right: Child,
}

/// A leaf predicts `constant + Σ slope·x[column]`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Leaf {
    /// Value at x = 0, and the whole value of a constant leaf.
    pub constant: f64,
    /// Columns and slopes.
    pub slopes: Vec<(usize, f64)>,
}

/// A tree. The root is split 0, or leaf 0 where there is no split.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tree {
    /// Splits, parents before children.
    pub splits: Vec<Split>,
    /// Leaves.
    pub leaves: Vec<Leaf>,
}

impl Tree {
    fn leaf(&self, goes_left: impl Fn(&Split) -> bool) -> usize {
        let mut place = if self.splits.is_empty() { Child::Leaf(0) } else { Child::Split(0) };
        loop {
            match place {
                Child::Leaf(leaf) => return leaf as usize,
                Child::Split(split) => {
                    let split = &self.splits[split as usize];
                    place = if goes_left(split) { split.left } else { split.right };
                }
            }
        }
    }

    /// The leaf of row `i` of the training rows.
    pub fn leaf_of_gathered(&self, data: &GatheredRows, i: usize) -> usize {
        // By code, not by cut: bytes are compared, and the two agree by the construction of the bins.
        self.leaf(|split| data.column(split.column)[i] <= split.code)
    }

    /// The leaf of row `i` of a binned matrix.
    pub fn leaf_of_binned(&self, data: &BinnedMatrix, i: usize) -> usize {
        self.leaf(|split| data.column(split.column)[i] <= split.code)
    }

    /// The leaf of row `i` of a matrix of numbers.
    pub fn leaf_of_row(&self, x: ArrayView2<'_, f64>, i: usize) -> usize {
        self.leaf(|split| x[[i, split.column]] <= split.cut)
    }

    /// The value of leaf `leaf` at row `i`.
    pub fn value(&self, leaf: usize, x: ArrayView2<'_, f64>, i: usize) -> f64 {
        let leaf = &self.leaves[leaf];
        leaf.slopes.iter().fold(leaf.constant, |value, (j, slope)| value + slope * x[[i, *j]])
    }
}
