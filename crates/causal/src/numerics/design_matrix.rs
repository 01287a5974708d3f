//! Products with a tall standardised design matrix Z (n × k: intercept, then standardised terms).
//!
//! Z is never stored. Each block of rows is standardised into a buffer that fits the cache and used there, which costs
//! one pass over x per product and no memory: at n = 10⁶ and k = 61, Z alone would be half a gigabyte.

use crate::numerics::chunks;
use crate::numerics::chunks::BLOCK_ROWS;
use crate::numerics::products;
use crate::numerics::standardise::Standardisation;
use ndarray::{Array1, Array2};
use rayon::prelude::*;
use std::ops::Range;

/// x (n × p, borrowed) seen through a [`Standardisation`].
#[derive(Debug, Clone, Copy)]
pub struct DesignMatrix<'a> {
    x: &'a Array2<f64>,
    standardisation: &'a Standardisation,
}

impl<'a> DesignMatrix<'a> {
    /// Z for the rows of `x`. The columns of `x` must be those the standardisation was fitted on; the rows need not be.
    #[must_use]
    pub fn new(x: &'a Array2<f64>, standardisation: &'a Standardisation) -> Self {
        Self { x, standardisation }
    }

    /// Number of rows n.
    #[must_use]
    pub fn n(&self) -> usize {
        self.x.nrows()
    }

    /// The raw matrix behind Z, n × p.
    #[must_use]
    pub fn x(&self) -> &'a Array2<f64> {
        self.x
    }

    /// Number of columns k, intercept included.
    #[must_use]
    pub fn k(&self) -> usize {
        self.standardisation.k()
    }

    /// The centres, scales and names behind the columns.
    #[must_use]
    pub fn standardisation(&self) -> &'a Standardisation {
        self.standardisation
    }

    /// Writes rows `rows` of Z into `out`, row-major.
    fn fill(&self, rows: Range<usize>, out: &mut [f64]) {
        let s = self.standardisation;
        let nothing_dropped = s.columns().len() == self.x.ncols();
        for (i, z) in rows.zip(out.chunks_exact_mut(s.k())) {
            let row = self.x.row(i);
            z[0] = 1.0;
            let target = z[1..].iter_mut().zip(s.mean().iter().zip(s.inverse_scale()));
            match row.as_slice() {
                // Rows are contiguous only in a row-major x.
                // The usual case, in a form that the compiler turns into vector instructions.
                Some(row) if nothing_dropped => target.zip(row).for_each(|((z, (m, r)), x)| *z = (x - m) * r),
                _ => target.zip(s.columns()).for_each(|((z, (m, r)), c)| *z = (row[*c] - m) * r),
            }
        }
    }

    /// Calls `f(rows, z)` for each block of a chunk, with z the rows of Z, row-major. `f` may overwrite z.
    pub(crate) fn for_blocks(&self, chunk: Range<usize>, mut f: impl FnMut(Range<usize>, &mut [f64])) {
        let mut buffer = vec![0.0; BLOCK_ROWS.min(chunk.len()) * self.k()];
        for rows in chunks::blocks(chunk) {
            let z = &mut buffer[..rows.len() * self.k()];
            self.fill(rows.clone(), z);
            f(rows, z);
        }
    }

    /// Z itself, n × k. For small problems and for engines that need the matrix.
    #[must_use]
    pub fn to_dense(&self) -> Array2<f64> {
        let mut z = Array2::zeros((self.n(), self.k()));
        if let Some(all) = z.as_slice_mut() {
            self.fill(0..self.n(), all);
        }
        z
    }

    /// Zγ, n values.
    #[must_use]
    pub fn mul(&self, gamma: &Array1<f64>) -> Array1<f64> {
        let gamma = gamma.to_vec();
        self.map_rows(|_, z| dot(z, &gamma))
    }

    /// zᵢᵀAzᵢ for every row, n values.
    #[must_use]
    pub fn quadratic_form(&self, a: &Array2<f64>) -> Array1<f64> {
        // Row-major whatever the layout of `a`: the product below reads it as a plain slice.
        let (k, a) = (self.k(), a.as_standard_layout().into_owned().into_raw_vec_and_offset().0);
        let parts = chunks::map(self.n(), |chunk| {
            let (mut out, mut za) = (Vec::with_capacity(chunk.len()), vec![0.0; BLOCK_ROWS * k]);
            self.for_blocks(chunk, |rows, z| {
                let za = &mut za[..rows.len() * k];
                products::rows_times(z, &a, k, za);
                out.extend(z.chunks_exact(k).zip(za.chunks_exact(k)).map(|(u, v)| dot(u, v)));
            });
            out
        });
        parts.into_iter().flatten().collect()
    }

    /// f(i, zᵢ) for every row, n values.
    pub(crate) fn map_rows(&self, f: impl Fn(usize, &[f64]) -> f64 + Sync + Send) -> Array1<f64> {
        let mut out = Array1::zeros(self.n());
        if let Some(slice) = out.as_slice_mut() {
            // The bounds of `chunks::ranges`, as slices that threads may write to at the same time.
            let size = chunks::chunk_rows(self.n());
            slice.par_chunks_mut(size).enumerate().for_each(|(c, part)| {
                let chunk = c * size..c * size + part.len();
                self.for_blocks(chunk.clone(), |rows, z| {
                    for (i, zi) in rows.zip(z.chunks_exact(self.k())) {
                        part[i - chunk.start] = f(i, zi);
                    }
                });
            });
        }
        out
    }

    /// ZᵀU for m columns of U, given as m slices of n values; the result is k × m.
    #[must_use]
    pub fn transpose_mul(&self, columns: &[&[f64]]) -> Array2<f64> {
        let (k, m) = (self.k(), columns.len());
        let parts = chunks::map(self.n(), |chunk| {
            let mut sum = vec![0.0; m * k];
            self.for_blocks(chunk, |rows, z| {
                for (i, zi) in rows.zip(z.chunks_exact(k)) {
                    for (u, total) in columns.iter().zip(sum.chunks_exact_mut(k)) {
                        axpy(u[i], zi, total);
                    }
                }
            });
            sum
        });
        let total = reduce(m * k, &parts);
        Array2::from_shape_fn((k, m), |(j, c)| total[c * k + j])
    }

    /// Zᵀdiag(w)Z, k × k and symmetric, for n non-negative weights (`None`: ones).
    #[must_use]
    pub fn gram(&self, weights: Option<&[f64]>) -> Array2<f64> {
        let k = self.k();
        let parts = chunks::map(self.n(), |chunk| {
            let mut gram = vec![0.0; k * k];
            self.for_blocks(chunk, |rows, z| {
                if let Some(w) = weights {
                    // √w in one factor is w in the product, and the one buffer serves as both factors.
                    scale_rows(z, k, &w[rows]);
                }
                products::add_gram(z, k, &mut gram);
            });
            gram
        });
        symmetric(k, &reduce(k * k, &parts))
    }
}

/// Multiplies each row of z (row-major, k columns) with the square root of its weight.
pub(crate) fn scale_rows(z: &mut [f64], k: usize, weights: &[f64]) {
    for (row, w) in z.chunks_exact_mut(k).zip(weights) {
        let root = w.sqrt();
        row.iter_mut().for_each(|v| *v *= root);
    }
}

/// Adds chunk results in chunk order.
pub(crate) fn reduce(len: usize, parts: &[Vec<f64>]) -> Vec<f64> {
    let mut total = vec![0.0; len];
    parts.iter().for_each(|part| chunks::add_into(&mut total, part));
    total
}

/// The full matrix of a row-major lower triangle.
pub(crate) fn symmetric(k: usize, lower: &[f64]) -> Array2<f64> {
    // `add_gram` fills the lower triangle only; the upper one is still zero.
    Array2::from_shape_fn((k, k), |(i, j)| lower[i.max(j) * k + i.min(j)])
}

/// Σ a·b with four running sums, so that the additions do not wait for each other.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 4];
    let (a4, b4) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest: f64 = a4.remainder().iter().zip(b4.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a4.zip(b4) {
        for l in 0..4 {
            lanes[l] += x[l] * y[l];
        }
    }
    // A fixed pairing, written out: the result does not depend on how the compiler vectorises.
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]) + rest
}

/// total += u·z.
pub(crate) fn axpy(u: f64, z: &[f64], total: &mut [f64]) {
    for (t, v) in total.iter_mut().zip(z) {
        *t += u * v;
    }
}

#[cfg(test)]
mod tests {
    use crate::numerics::design_matrix::*;
    use crate::numerics::streams;
    use rand::RngExt;

    fn fixture(n: usize, p: usize) -> (Array2<f64>, Standardisation, Vec<f64>) {
        let mut rng = streams::stream(3, "design_matrix.test");
        let x = Array2::from_shape_fn((n, p), |(_, j)| rng.random::<f64>() * (j + 1) as f64 + 100.0);
        let names: Vec<String> = (0..p).map(|j| format!("x{j}")).collect();
        let w: Vec<f64> = (0..n).map(|_| rng.random::<f64>()).collect();
        let s = Standardisation::fit(&x, &names, Some(&w));
        (x, s, w)
    }

    #[test]
    fn products_agree_with_the_dense_matrix() {
        let (x, s, w) = fixture(5003, 7);
        let d = DesignMatrix::new(&x, &s);
        let z = d.to_dense();
        let weighted = &z * &Array1::from(w.clone()).insert_axis(ndarray::Axis(1));
        let close = |a: &Array2<f64>, b: &Array2<f64>| (a - b).iter().all(|v| v.abs() < 1e-8);
        assert!(close(&d.gram(Some(&w)), &z.t().dot(&weighted)));
        let gamma = Array1::from_iter((0..8).map(f64::from));
        assert!((d.mul(&gamma) - z.dot(&gamma)).iter().all(|v| v.abs() < 1e-11));
        let u = d.mul(&gamma).to_vec();
        let both = d.transpose_mul(&[&u, &w]);
        assert!((both.column(0).to_owned() - z.t().dot(&Array1::from(u))).iter().all(|v| v.abs() < 1e-8));
        let a = Array2::from_shape_fn((8, 8), |(i, j)| 1.0 / (1.0 + i as f64 + j as f64));
        let expected = (&z * &z.dot(&a)).sum_axis(ndarray::Axis(1));
        assert!((d.quadratic_form(&a) - expected).iter().all(|v| v.abs() < 1e-9));
    }

    #[test]
    fn the_same_bits_on_one_thread_and_on_three() {
        let (x, s, w) = fixture(20_011, 5);
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| (DesignMatrix::new(&x, &s).gram(Some(&w)), Standardisation::fit(&x, &[], None)))
        };
        assert_eq!(on(1), on(3));
    }
}
