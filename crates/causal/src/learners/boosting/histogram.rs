//! Sums of gradients, curvatures and rows by bin, in fixed point.
//!
//! Integers add up to the same number in any order. So a histogram does not depend on how rows or columns are divided
//! among threads, a sibling found by subtraction equals one that was summed, and two columns that part the rows alike
//! have exactly the same gain.
//!
//! A pair is [g, h·2ᶜ + rows]: gradient in one word, curvature and count in the other, c bits wide enough for n. The
//! scales are powers of two, chosen so that no sum over n rows overflows: 2⁻⁵⁰ of the largest gradient at a few
//! thousand rows; of the largest curvature 2⁻³⁶ there and 2⁻²² at a million.

use crate::learners::boosting::elementary::ROUNDER;
use crate::learners::boosting::rows::{GatheredRows, Storage};
use rayon::prelude::*;

/// Gradient, and curvature with count, in fixed point.
pub type Pair = [i64; 2];
/// Pairs of all bins of all columns.
pub type Histogram = Vec<Pair>;

/// Cells (rows × columns) from which a histogram is worth several threads.
const PARALLEL_CELLS: usize = 1 << 19;
/// Rows of a parallel task on sparse entries.
const SPARSE_TASK_ROWS: usize = 1 << 16;
/// Columns summed at a time: a row number and its pair are loaded once for all of them.
const LANES: usize = 4;

/// Working sums of [`LANES`] columns, with a place for every byte, so that no bound is checked.
type Sums = Box<[[Pair; 256]; LANES]>;

fn empty_sums() -> Sums {
    Box::new([[[0; 2]; 256]; LANES])
}

/// The scale of the pairs of one tree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FixedPoint {
    count_bits: u32,
    g_scale: f64,
    h_scale: f64,
    g_unit: f64,
    h_unit: f64,
}

impl FixedPoint {
    /// Scales for sums over `n` rows with gradients up to `g_max` and curvatures up to `h_max`, both finite.
    pub fn new(n: usize, g_max: f64, h_max: f64) -> Self {
        // Bits enough for a count of n.
        let count_bits = usize::BITS - n.leading_zeros();
        // n gradients of 62 − count_bits bits add up within 62 bits; `rounded` takes no more than 50 in any case.
        let g_scale = power_of_two(62_u32.saturating_sub(count_bits).min(50), g_max);
        // Twice, because the curvature is also shifted past the count.
        let h_scale = power_of_two(62_u32.saturating_sub(2 * count_bits).min(50), h_max);
        Self { count_bits, g_scale, h_scale, g_unit: 1.0 / g_scale, h_unit: 1.0 / h_scale }
    }

    /// The pair of one row.
    #[inline]
    pub fn pair(&self, g: f64, h: f64) -> Pair {
        [rounded(g * self.g_scale), (rounded(h * self.h_scale) << self.count_bits) | 1]
    }

    /// Σ g.
    #[inline]
    pub fn gradient(&self, pair: Pair) -> f64 {
        pair[0] as f64 * self.g_unit
    }

    /// Σ h.
    #[inline]
    pub fn curvature(&self, pair: Pair) -> f64 {
        (pair[1] >> self.count_bits) as f64 * self.h_unit
    }

    /// Number of rows.
    #[inline]
    pub fn rows(&self, pair: Pair) -> usize {
        (pair[1] & ((1 << self.count_bits) - 1)) as usize
    }
}

/// The power of two s with s·largest in (2^(bits−1), 2^bits], or in its neighbourhood for numbers near the limits.
fn power_of_two(bits: u32, largest: f64) -> f64 {
    // The floor keeps the exponent in range where everything is zero.
    let exponent = i64::from(bits) - ((largest.max(1e-280).to_bits() >> 52).cast_signed() - 1022);
    f64::from_bits(((exponent.clamp(-1000, 1000) + 1023) << 52).cast_unsigned())
}

/// The nearest integer to v, |v| < 2⁵¹.
#[inline]
fn rounded(v: f64) -> i64 {
    (v + ROUNDER).to_bits().wrapping_sub(ROUNDER.to_bits()).cast_signed()
}

/// Adds up histograms over nodes of one tree.
#[derive(Debug)]
pub struct Summer<'a> {
    data: &'a GatheredRows,
    /// Columns of this tree that every row is visited for.
    dense: Vec<usize>,
    /// Columns of this tree with a common code, which is not visited.
    sparse: Vec<(usize, u8)>,
}

impl<'a> Summer<'a> {
    /// For a tree that may split on `columns`.
    pub fn new(data: &'a GatheredRows, columns: &[usize]) -> Self {
        let dense = columns.iter().copied().filter(|j| data.storage(*j) == Storage::Dense).collect();
        let sparse = columns
            .iter()
            .filter_map(|j| if let Storage::Sparse(common) = data.storage(*j) { Some((*j, common)) } else { None })
            .collect();
        Self { data, dense, sparse }
    }

    /// Sums `pairs` over `rows`, the m rows of a node; pair k belongs to row k of the list.
    pub fn sum(&self, rows: &[u32], pairs: &[Pair], histogram: &mut Histogram) {
        histogram.clear();
        histogram.resize(self.data.total_bins(), [0; 2]);
        // Integer sums: whether this runs in parallel does not show in the result.
        if rows.len() * self.dense.len() >= PARALLEL_CELLS {
            let part = |columns: &'_ [usize]| {
                let mut sums = empty_sums();
                self.dense_sums(columns, rows, pairs, &mut sums);
                sums
            };
            let parts: Vec<_> = self.dense.par_chunks(LANES).map(part).collect();
            for (columns, sums) in self.dense.chunks(LANES).zip(parts) {
                self.store(columns, &sums, histogram);
            }
        } else {
            // One set of sums for all chunks: it is cleared where it is used.
            let mut sums = empty_sums();
            for columns in self.dense.chunks(LANES) {
                self.dense_sums(columns, rows, pairs, &mut sums);
                self.store(columns, &sums, histogram);
            }
        }
        self.sum_sparse(rows, pairs, histogram);
    }

    fn store(&self, columns: &[usize], sums: &Sums, histogram: &mut Histogram) {
        for (j, sums) in columns.iter().zip(sums.iter()) {
            let bins = &mut histogram[self.data.bins(*j)];
            bins.copy_from_slice(&sums[..bins.len()]);
        }
    }

    fn dense_sums(&self, columns: &[usize], rows: &[u32], pairs: &[Pair], sums: &mut Sums) {
        for (j, sums) in columns.iter().zip(sums.iter_mut()) {
            // Only as far as the bins go; what lies beyond is never read.
            sums[..self.data.bins(*j).len()].fill([0; 2]);
        }
        if let [a, b, c, d] = *columns {
            let [a, b, c, d] = [a, b, c, d].map(|j| self.data.column(j));
            let [sa, sb, sc, sd] = &mut **sums;
            for (row, pair) in rows.iter().zip(pairs) {
                let i = *row as usize;
                add(&mut sa[usize::from(a[i])], *pair);
                add(&mut sb[usize::from(b[i])], *pair);
                add(&mut sc[usize::from(c[i])], *pair);
                add(&mut sd[usize::from(d[i])], *pair);
            }
        } else {
            for (j, sums) in columns.iter().zip(sums.iter_mut()) {
                let codes = self.data.column(*j);
                for (row, pair) in rows.iter().zip(pairs) {
                    add(&mut sums[usize::from(codes[*row as usize])], *pair);
                }
            }
        }
    }

    fn sum_sparse(&self, rows: &[u32], pairs: &[Pair], histogram: &mut Histogram) {
        if self.sparse.is_empty() {
            return;
        }
        let visit = |rows: &[u32], pairs: &[Pair], histogram: &mut Histogram| {
            for (row, pair) in rows.iter().zip(pairs) {
                for entry in self.data.entries(*row as usize) {
                    add(&mut histogram[*entry as usize], *pair);
                }
            }
        };
        // As above, the parts are integers and may be added in any order.
        if rows.len() > SPARSE_TASK_ROWS {
            let tasks = rows.par_chunks(SPARSE_TASK_ROWS).zip(pairs.par_chunks(SPARSE_TASK_ROWS));
            let parts: Vec<Histogram> = tasks
                .map(|(rows, pairs)| {
                    let mut part = vec![[0; 2]; histogram.len()];
                    visit(rows, pairs, &mut part);
                    part
                })
                .collect();
            for part in parts {
                for (total, pair) in histogram.iter_mut().zip(part) {
                    add(total, pair);
                }
            }
        } else {
            visit(rows, pairs, histogram);
        }
        let mut total = [0; 2];
        for pair in pairs {
            add(&mut total, *pair);
        }
        for (j, common) in &self.sparse {
            let bins = &mut histogram[self.data.bins(*j)];
            let visited = bins.iter().fold([0; 2], |sum, pair| [sum[0] + pair[0], sum[1] + pair[1]]);
            // Rows of the common code are those of the node that no entry has counted.
            bins[usize::from(*common)] = [total[0] - visited[0], total[1] - visited[1]];
        }
    }
}

#[inline]
fn add(total: &mut Pair, pair: Pair) {
    total[0] += pair[0];
    total[1] += pair[1];
}

/// Takes a child's histogram from its parent's, which leaves the other child's.
pub fn subtract(parent: &mut Histogram, child: &Histogram) {
    for (total, pair) in parent.iter_mut().zip(child) {
        total[0] -= pair[0];
        total[1] -= pair[1];
    }
}
