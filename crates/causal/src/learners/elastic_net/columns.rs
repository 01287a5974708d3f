//! Standardised columns, stored column after column, and the products a coordinate descent takes with them.
//!
//! Sums over rows run in row order within blocks of fixed size, so their bits do not depend on threads.

use crate::numerics::design_matrix::{axpy, dot};
use ndarray::Array2;
use rayon::prelude::*;

/// Rows of a working block: a block of one column is 4 kB.
const BLOCK: usize = 512;
/// Fewest multiplications that are worth other threads.
const WORTH_THREADS: usize = 1 << 18;

/// z = (x − mean)/sd of the columns that vary.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Columns {
    n: usize,
    z: Vec<f64>,
    /// Position among the columns of x, mean and standard deviation of each kept column.
    kept: Vec<(usize, f64, f64)>,
}

impl Columns {
    /// Standardises the columns of `x` (n × p) under weights `w` with mean 1.
    pub(crate) fn new(x: &Array2<f64>, w: &[f64]) -> Self {
        let n = x.nrows();
        let columns: Vec<usize> = (0..x.ncols()).collect();
        let all: Vec<Option<(Vec<f64>, f64, f64)>> =
            columns.into_par_iter().map(|j| standardised(x.column(j).to_vec(), w)).collect();
        let (mut z, mut kept) = (Vec::with_capacity(n * x.ncols()), Vec::new());
        for (j, column) in all.into_iter().enumerate() {
            if let Some((values, mean, sd)) = column {
                z.extend_from_slice(&values);
                kept.push((j, mean, sd));
            }
        }
        Self { n, z, kept }
    }

    /// Number of rows n.
    pub(crate) fn n(&self) -> usize {
        self.n
    }

    /// Number of kept columns.
    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }

    /// Position in x, mean and standard deviation of the kept columns.
    pub(crate) fn kept(&self) -> &[(usize, f64, f64)] {
        &self.kept
    }

    /// The n values of column `j`.
    pub(crate) fn column(&self, j: usize) -> &[f64] {
        &self.z[j * self.n..(j + 1) * self.n]
    }

    /// Σᵢ zᵢⱼ uᵢ for each column in `set`.
    pub(crate) fn products(&self, set: &[usize], u: &[f64]) -> Vec<f64> {
        // The size decides who does the work, not the order of any sum.
        if set.len() * self.n < WORTH_THREADS {
            set.iter().map(|j| dot(self.column(*j), u)).collect()
        } else {
            set.par_iter().map(|j| dot(self.column(*j), u)).collect()
        }
    }

    /// √Σᵢ wᵢ(zᵢⱼ − m)² for each column, with m its mean under `w` that add up to one; exactly 0 where a column is
    /// constant among the rows of positive weight.
    pub(crate) fn scales(&self, w: &[f64]) -> Vec<f64> {
        (0..self.len())
            .into_par_iter()
            .map(|j| {
                let z = self.column(j);
                let counted = || z.iter().zip(w).filter(|(_, w)| **w > 0.0);
                // By its range: rounding may leave a constant a variance that is not zero.
                let (low, high) =
                    counted().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), (z, _)| (l.min(*z), h.max(*z)));
                if low >= high {
                    return 0.0;
                }
                // The weights add up to one.
                let mean: f64 = counted().map(|(z, w)| w * z).sum();
                counted().map(|(z, w)| w * (z - mean).powi(2)).sum::<f64>().sqrt()
            })
            .collect()
    }

    /// `out` = intercept + Σⱼ βⱼ zⱼ over `set`.
    pub(crate) fn predict(&self, intercept: f64, set: &[(usize, f64)], out: &mut [f64]) {
        let fill = |(b, out): (usize, &mut [f64])| {
            let rows = b * BLOCK..b * BLOCK + out.len();
            out.fill(intercept);
            for (j, beta) in set {
                axpy(*beta, &self.column(*j)[rows.clone()], out);
            }
        };
        if set.len() * self.n < WORTH_THREADS {
            out.chunks_mut(BLOCK).enumerate().for_each(fill);
        } else {
            out.par_chunks_mut(BLOCK).enumerate().for_each(fill);
        }
    }

    /// Adds to the rows `known..` of the lower triangle of `gram` the products Σᵢ vᵢ aᵢⱼ aᵢₖ, k ≤ j, where a₀ is one and
    /// a₁, a₂, … are the columns in `set`.
    pub(crate) fn extend_gram(&self, gram: &mut Vec<Vec<f64>>, set: &[usize], v: &[f64]) {
        let known = gram.len();
        let row = |j: usize| {
            let mut sums = vec![0.0; j + 1];
            let mut weighted = [0.0; BLOCK];
            for start in (0..self.n).step_by(BLOCK) {
                let rows = start..(start + BLOCK).min(self.n);
                let weighted = &mut weighted[..rows.len()];
                // The product with v and column j is made once, and serves all k.
                weighted.copy_from_slice(&v[rows.clone()]);
                if j > 0 {
                    let z = &self.column(set[j - 1])[rows.clone()];
                    weighted.iter_mut().zip(z).for_each(|(w, z)| *w *= z);
                }
                // The product with the column of ones.
                sums[0] += weighted.iter().sum::<f64>();
                for (k, sum) in sums.iter_mut().enumerate().skip(1) {
                    *sum += dot(weighted, &self.column(set[k - 1])[rows.clone()]);
                }
            }
            sums
        };
        // Rows of the triangle that are there already were made under the same v.
        let new: Vec<usize> = (known..=set.len()).collect();
        if new.len() * set.len() * self.n < WORTH_THREADS {
            gram.extend(new.into_iter().map(row));
        } else {
            gram.extend(new.into_par_iter().map(row).collect::<Vec<_>>());
        }
    }
}

fn standardised(mut values: Vec<f64>, w: &[f64]) -> Option<(Vec<f64>, f64, f64)> {
    let first = *values.first()?;
    // Asked of the values: the standard deviation of a constant need not round to zero.
    if values.iter().all(|v| *v == first) {
        return None;
    }
    let total: f64 = w.iter().sum();
    // About the first value, so that a large offset costs no digits.
    let mean = first + values.iter().zip(w).map(|(v, w)| w * (v - first)).sum::<f64>() / total;
    let sd = (values.iter().zip(w).map(|(v, w)| w * (v - mean).powi(2)).sum::<f64>() / total).sqrt();
    if !(sd > 0.0 && sd.is_finite()) {
        return None;
    }
    values.iter_mut().for_each(|v| *v = (*v - mean) / sd);
    Some((values, mean, sd))
}
