//! A = LLᵀ for a symmetric positive definite matrix, and what is solved from it.
//!
//! ```text
//! l_jj = √(a_jj − Σ_{c<j} l_jc²)        l_ij = (a_ij − Σ_{c<j} l_ic l_jc) / l_jj
//! ```
//!
//! L is stored by rows, so that every sum runs along two contiguous rows, in eight running sums that are added in a fixed
//! order; the compiler turns them into vector instructions of any width without changing a bit.
//! Golub & Van Loan, Matrix Computations, 4th ed., §4.2, doi:10.56021/9781421407944.

/// Running sums per dot product.
const LANES: usize = 8;

/// The lower triangle L of order n, row-major; what is above the diagonal is never read.
#[derive(Debug, Clone)]
pub struct LowerTriangle {
    n: usize,
    cells: Vec<f64>,
}

/// The 0-based order of the first leading minor that is not positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotPositive(pub usize);

impl LowerTriangle {
    /// A triangle from its cells: `at(i, j)` for i ≥ j.
    pub fn from_fn(n: usize, mut at: impl FnMut(usize, usize) -> f64) -> Self {
        let mut cells = vec![0.0; n * n];
        for (i, row) in cells.chunks_exact_mut(n.max(1)).enumerate() {
            row[..=i].iter_mut().enumerate().for_each(|(j, cell)| *cell = at(i, j));
        }
        Self { n, cells }
    }

    /// Row i, up to and with its diagonal.
    #[must_use]
    pub fn row(&self, i: usize) -> &[f64] {
        &self.cells[i * self.n..=i * self.n + i]
    }

    /// Replaces the lower triangle of A by L.
    ///
    /// # Errors
    /// [`NotPositive`] if A is not positive definite, or has an entry that is not a number.
    pub fn factorise(&mut self) -> Result<(), NotPositive> {
        let n = self.n;
        for i in 0..n {
            let (above, below) = self.cells.split_at_mut(i * n);
            let row = &mut below[..=i];
            for (j, l) in above.chunks_exact(n.max(1)).enumerate() {
                row[j] = (row[j] - dot(&row[..j], &l[..j])) / l[j];
            }
            let pivot = row[i] - dot(&row[..i], &row[..i]);
            if pivot.is_nan() || pivot <= 0.0 {
                return Err(NotPositive(i));
            }
            row[i] = pivot.sqrt();
        }
        Ok(())
    }

    /// Replaces b (n values) by the solution of LLᵀx = b; `self` is a factor.
    pub fn solve(&self, b: &mut [f64]) {
        self.solve_from(0, b);
    }

    /// A⁻¹ by columns, n × n and symmetric; `self` is a factor.
    #[must_use]
    pub fn inverse(&self) -> Vec<f64> {
        let mut inverse = vec![0.0; self.n * self.n];
        for (j, column) in inverse.chunks_exact_mut(self.n.max(1)).enumerate() {
            column[j] = 1.0;
            self.solve_from(j, column);
        }
        inverse
    }

    /// As [`LowerTriangle::solve`], for a b that is zero before `first`.
    fn solve_from(&self, first: usize, b: &mut [f64]) {
        for i in first..self.n {
            let row = self.row(i);
            b[i] = (b[i] - dot(&row[first..i], &b[first..i])) / row[i];
        }
        for i in (0..self.n).rev() {
            let row = self.row(i);
            b[i] /= row[i];
            let known = b[i];
            b[..i].iter_mut().zip(row).for_each(|(b, l)| *b -= l * known);
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; LANES];
    let (a_blocks, b_blocks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f64 = a_blocks.remainder().iter().zip(b_blocks.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a_blocks.zip(b_blocks) {
        for l in 0..LANES {
            lanes[l] += x[l] * y[l];
        }
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    (((a + b) + (c + d)) + ((e + f) + (g + h))) + rest
}
