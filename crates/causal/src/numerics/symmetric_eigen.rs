//! Eigenvalues and eigenvectors of small symmetric matrices, by cyclic Jacobi rotations.
//!
//! A = V diag(λ) Vᵀ with orthonormal columns in V. Each rotation zeroes one off-diagonal entry; the sweeps go in a fixed
//! order, so the same matrix gives the same bits everywhere. Golub & Van Loan, *Matrix Computations*, 4th ed., algorithm 8.5.2.

use crate::numerics::linalg::LinalgError;
use ndarray::Array2;

/// Sweeps after which a matrix is given up; quadratic convergence needs about six for 50 × 50.
const MOST_SWEEPS: usize = 60;

/// A = V diag(λ) Vᵀ.
#[derive(Debug, Clone, PartialEq)]
pub struct SymmetricEigen {
    /// λ, in no particular order.
    pub values: Vec<f64>,
    /// V: column i belongs to `values[i]`.
    pub vectors: Array2<f64>,
}

impl SymmetricEigen {
    /// Decomposes `a` (k × k; both triangles are read as they are, and should be equal).
    ///
    /// # Errors
    /// [`LinalgError::NotFinite`] for entries that are not finite, and where the sweeps do not converge.
    pub fn new(a: &Array2<f64>) -> Result<Self, LinalgError> {
        let k = a.nrows();
        if a.iter().any(|v| !v.is_finite()) {
            return Err(LinalgError::NotFinite);
        }
        let (mut a, mut v) = (a.clone(), Array2::eye(k));
        let size: f64 = a.iter().map(|x| x * x).sum();
        for _ in 0..MOST_SWEEPS {
            let off: f64 = (0..k).flat_map(|i| (0..i).map(move |j| [i, j])).map(|at| a[at] * a[at]).sum();
            // Rounding leaves about this much of the whole.
            let rounding = k as f64 * f64::EPSILON;
            if off <= size * rounding * rounding {
                return Ok(SymmetricEigen { values: (0..k).map(|i| a[[i, i]]).collect(), vectors: v });
            }
            for p in 0..k {
                for q in p + 1..k {
                    rotate(&mut a, &mut v, [p, q]);
                }
            }
        }
        Err(LinalgError::NotFinite)
    }

    /// V f(λ) Vᵀ.
    #[must_use]
    pub fn map(&self, f: impl Fn(f64) -> f64) -> Array2<f64> {
        let k = self.values.len();
        let values: Vec<f64> = self.values.iter().map(|l| f(*l)).collect();
        let v = &self.vectors;
        Array2::from_shape_fn((k, k), |(i, j)| (0..k).map(|c| v[[i, c]] * values[c] * v[[j, c]]).sum())
    }
}

/// Zeroes a[p, q].
fn rotate(a: &mut Array2<f64>, v: &mut Array2<f64>, [p, q]: [usize; 2]) {
    let apq = a[[p, q]];
    if apq == 0.0 {
        return;
    }
    let theta = (a[[q, q]] - a[[p, p]]) / (2.0 * apq);
    // The smaller of the two roots, so that the angle is at most π/4.
    let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let t = if theta == 0.0 { 1.0 } else { t };
    let c = 1.0 / (t * t + 1.0).sqrt();
    let s = t * c;
    for i in 0..a.nrows() {
        let (x, y) = (a[[i, p]], a[[i, q]]);
        (a[[i, p]], a[[i, q]]) = (c * x - s * y, s * x + c * y);
    }
    for i in 0..a.nrows() {
        let (x, y) = (a[[p, i]], a[[q, i]]);
        (a[[p, i]], a[[q, i]]) = (c * x - s * y, s * x + c * y);
        let (x, y) = (v[[i, p]], v[[i, q]]);
        (v[[i, p]], v[[i, q]]) = (c * x - s * y, s * x + c * y);
    }
    (a[[p, q]], a[[q, p]]) = (0.0, 0.0);
}

#[cfg(test)]
mod tests {
    use crate::numerics::streams;
    use crate::numerics::symmetric_eigen::*;
    use ndarray::array;
    use proptest::prelude::*;
    use rand::RngExt;

    proptest! {
        #[test]
        fn the_factors_are_orthonormal_and_give_the_matrix_back(k in 1_usize..20, seed in 0_u64..500) {
            let mut rng = streams::stream(seed, "symmetric_eigen.test");
            let b = Array2::from_shape_fn((k, k), |_| rng.random::<f64>() - 0.5);
            let a = &b + &b.t();
            let eigen = SymmetricEigen::new(&a).unwrap();
            prop_assert!((eigen.map(|l| l) - &a).iter().all(|d| d.abs() < 1e-13 * k as f64));
            let identity = eigen.vectors.t().dot(&eigen.vectors) - Array2::<f64>::eye(k);
            prop_assert!(identity.iter().all(|d| d.abs() < 1e-13 * k as f64));
        }
    }

    #[test]
    fn two_by_two_is_that_of_the_book() {
        // Eigenvalues of [[2, 1], [1, 2]] are 1 and 3.
        let mut values = SymmetricEigen::new(&array![[2.0, 1.0], [1.0, 2.0]]).unwrap().values;
        values.sort_by(f64::total_cmp);
        assert!((values[0] - 1.0).abs() < 1e-15 && (values[1] - 3.0).abs() < 1e-15);
        assert_eq!(SymmetricEigen::new(&array![[f64::NAN]]), Err(LinalgError::NotFinite));
        assert_eq!(SymmetricEigen::new(&Array2::zeros((0, 0))).unwrap().values, Vec::<f64>::new());
    }
}
