//! Columns as small integers: what trees are grown on.
//!
//! Each column is cut at midpoints between neighbouring distinct values, at every one of them where there are at most
//! `max_bins` distinct values and at quantiles otherwise. The code of a value v is the number of cuts below it, so
//! that `v <= cuts[c]` is the same as `code <= c`: trees compare bytes, and the cut is looked up once when a rule is
//! written down. Codes are stored column after column, one byte each. Cuts depend on the covariates alone.

use ndarray::{Array1, ArrayView2};
use rayon::prelude::*;

/// Most bins of a column: codes are bytes.
pub const MAX_BINS: usize = 255;

/// n × p covariates, binned.
#[derive(Debug, Clone, PartialEq)]
pub struct BinnedMatrix {
    n: usize,
    codes: Vec<u8>,
    cuts: Vec<Vec<f64>>,
}

impl BinnedMatrix {
    /// Bins the columns of `x` (n × p, finite) into at most `max_bins` bins each; between 2 and [`MAX_BINS`].
    #[must_use]
    pub fn new(x: ArrayView2<'_, f64>, max_bins: usize) -> Self {
        let columns: Vec<usize> = (0..x.ncols()).collect();
        let max_bins = max_bins.clamp(2, MAX_BINS);
        let cuts = columns.into_par_iter().map(|j| cuts(x.column(j).to_owned(), max_bins)).collect();
        Self::with_cuts(x, cuts)
    }

    /// Bins other rows at the same cuts.
    #[must_use]
    pub fn encode(&self, x: ArrayView2<'_, f64>) -> Self {
        Self::with_cuts(x, self.cuts.clone())
    }

    fn with_cuts(x: ArrayView2<'_, f64>, cuts: Vec<Vec<f64>>) -> Self {
        let n = x.nrows();
        let mut codes = vec![0; n * cuts.len()];
        // Zeroed is already right for a constant column: it has no cuts, and its only code is 0.
        if n > 0 {
            codes.par_chunks_mut(n).zip(&cuts).enumerate().for_each(|(j, (codes, cuts))| {
                for (code, v) in codes.iter_mut().zip(x.column(j)) {
                    *code = code_of(cuts, *v);
                }
            });
        }
        Self { n, codes, cuts }
    }

    /// Number of rows n.
    #[must_use]
    pub fn n(&self) -> usize {
        self.n
    }

    /// Number of columns p.
    #[must_use]
    pub fn p(&self) -> usize {
        self.cuts.len()
    }

    /// The n codes of column `j`, each in `0..bins(j)`.
    #[must_use]
    pub fn column(&self, j: usize) -> &[u8] {
        &self.codes[j * self.n..(j + 1) * self.n]
    }

    /// Number of bins of column `j`: one more than its cuts; 1 for a constant column.
    #[must_use]
    pub fn bins(&self, j: usize) -> usize {
        self.cuts[j].len() + 1
    }

    /// The cuts of column `j`, ascending.
    #[must_use]
    pub fn cuts(&self, j: usize) -> &[f64] {
        &self.cuts[j]
    }
}

/// The number of cuts below `v`.
fn code_of(cuts: &[f64], v: f64) -> u8 {
    // At most 254 cuts, so the position fits.
    u8::try_from(cuts.partition_point(|cut| *cut < v)).unwrap_or(u8::MAX)
}

fn cuts(column: Array1<f64>, max_bins: usize) -> Vec<f64> {
    let mut sorted = column.to_vec();
    sorted.sort_by(f64::total_cmp);
    let mut distinct = sorted.clone();
    distinct.dedup();
    if distinct.len() <= max_bins {
        return distinct.windows(2).map(|pair| midpoint(pair[0], pair[1])).collect();
    }
    // Boundaries at equal shares of the rows, each moved up to the next change of value.
    let n = sorted.len();
    let mut cuts: Vec<f64> = Vec::with_capacity(max_bins - 1);
    for b in 1..max_bins {
        // For b < max_bins the index is in range; the largest value can be reached early through ties, and gets no cut
        // above it.
        let value = sorted[(b * n / max_bins).min(n - 1)];
        let above = sorted.partition_point(|v| *v <= value);
        if above < n {
            let cut = midpoint(value, sorted[above]);
            // A value with many ties can cover several boundaries; it is cut off once.
            if cuts.last().is_none_or(|last| *last < cut) {
                cuts.push(cut);
            }
        }
    }
    cuts
}

/// A number c with low <= c < high, halfway where the numbers are wide enough apart.
fn midpoint(low: f64, high: f64) -> f64 {
    // low + (high − low)/2 rather than (low + high)/2: two large values of one sign do not overflow. Two of opposite
    // signs can still, and neighbouring doubles round up to `high`; `low` is a valid cut in both cases.
    let middle = low + (high - low) / 2.0;
    if middle < high && middle.is_finite() { middle } else { low }
}

#[cfg(test)]
mod tests {
    use crate::numerics::binned::*;
    use ndarray::Array2;

    #[test]
    fn a_code_says_on_which_side_of_every_cut_a_value_lies() {
        let x = Array2::from_shape_fn((2000, 3), |(i, j)| match j {
            0 => ((i * 7919) % 2000) as f64 * 0.37 - 100.0,
            1 => (i % 5) as f64,
            _ => 4.0,
        });
        let binned = BinnedMatrix::new(x.view(), 64);
        assert_eq!((binned.bins(1), binned.bins(2)), (5, 1));
        assert!(binned.bins(0) <= 64 && binned.bins(0) > 60);
        for j in 0..3 {
            for i in 0..2000 {
                for (c, cut) in binned.cuts(j).iter().enumerate() {
                    assert_eq!(x[[i, j]] <= *cut, usize::from(binned.column(j)[i]) <= c);
                }
            }
        }
        assert_eq!(binned.encode(x.view()), binned);
    }

    #[test]
    fn neighbouring_doubles_are_still_told_apart() {
        let (a, b) = (1.0, f64::from_bits(1.0_f64.to_bits() + 1));
        let x = Array2::from_shape_vec((2, 1), vec![a, b]).unwrap();
        let binned = BinnedMatrix::new(x.view(), 255);
        assert_eq!(binned.column(0), &[0, 1]);
    }
}
