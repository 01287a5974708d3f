//! Small dense symmetric problems, p × p, through `ndarray-linalg`; and which columns of a Gram matrix are independent.

use ndarray::{Array1, Array2, ArrayView2};
use ndarray_linalg::{CholeskyFactorized, DeterminantC, FactorizeC, InverseC, SolveC, UPLO};
use std::ffi::{c_char, c_int};

type Factorise = unsafe extern "C" fn(*const c_char, *const c_int, *mut f64, *const c_int, *mut c_int);

/// Keeps the LAPACK routines in every link: nothing in Rust calls them by name.
#[used]
static BACKEND: [Factorise; 2] = [portable_math::lapack::dpotrf_, portable_math::lapack::dpotri_];

/// And the elementary functions, which `f64::exp` and its like call by the names that C gives them.
#[used]
static ELEMENTARY: extern "C" fn(f64) -> f64 = portable_math::elementary::exp;

/// A p × p problem without a solution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinalgError {
    /// The matrix is not positive definite to working precision.
    #[error("a matrix that should be positive definite is not: some terms are (nearly) linear combinations of others")]
    NotPositiveDefinite,
    /// An entry is infinite or not a number.
    #[error("a matrix has entries that are not finite numbers")]
    NotFinite,
}

/// Cholesky factor of a symmetric positive definite matrix.
pub struct Cholesky(CholeskyFactorized<ndarray::OwnedRepr<f64>>);

impl Cholesky {
    /// Factorises `a` (p × p, symmetric; the lower triangle is read).
    ///
    /// # Errors
    /// [`LinalgError`] if `a` has entries that are not finite, or is not positive definite.
    pub fn new(a: &Array2<f64>) -> Result<Self, LinalgError> {
        // Asked before LAPACK is: a NaN would otherwise be reported as terms that are collinear.
        if a.iter().any(|v| !v.is_finite()) {
            return Err(LinalgError::NotFinite);
        }
        a.factorizec(UPLO::Lower).map(Self).map_err(|_| LinalgError::NotPositiveDefinite)
    }

    /// A⁻¹b.
    ///
    /// # Errors
    /// [`LinalgError::NotFinite`] if `b` or the solution is not finite.
    pub fn solve(&self, b: &Array1<f64>) -> Result<Array1<f64>, LinalgError> {
        let x = self.0.solvec(b).map_err(|_| LinalgError::NotPositiveDefinite)?;
        if x.iter().all(|v| v.is_finite()) { Ok(x) } else { Err(LinalgError::NotFinite) }
    }

    /// log |A|.
    #[must_use]
    pub fn log_det(&self) -> f64 {
        self.0.ln_detc()
    }

    /// A⁻¹, symmetric.
    ///
    /// # Errors
    /// [`LinalgError::NotPositiveDefinite`] if the factor is singular.
    pub fn inverse(&self) -> Result<Array2<f64>, LinalgError> {
        self.0.invc().map_err(|_| LinalgError::NotPositiveDefinite)
    }
}

/// Columns of a Gram matrix G = ZᵀZ that are not linear combinations of earlier ones, in column order.
///
/// A column is aliased when the share of its sum of squares that earlier independent columns leave unexplained is at
/// most `tolerance`. Earlier columns win, which is the convention of R's `lm` and `glm`.
#[must_use]
pub fn independent_columns(gram: ArrayView2<'_, f64>, tolerance: f64) -> Vec<usize> {
    let k = gram.nrows();
    let mut factor = Array2::<f64>::zeros((k, k));
    let mut kept: Vec<usize> = Vec::with_capacity(k);
    for j in 0..k {
        // Row j of a Cholesky factor over the columns kept so far; a column that fails below leaves no row behind.
        for (a, &ja) in kept.iter().enumerate() {
            let explained: f64 = (0..a).map(|c| factor[[j, c]] * factor[[ja, c]]).sum();
            factor[[j, a]] = (gram[[j, ja]] - explained) / factor[[ja, a]];
        }
        let explained: f64 = (0..kept.len()).map(|c| factor[[j, c]].powi(2)).sum();
        // Relative to the column's own size, so that the choice does not depend on units.
        let left = gram[[j, j]] - explained;
        // Strictly greater: a column of zeros has nothing left of nothing, and is aliased.
        if left > tolerance * gram[[j, j]] {
            factor[[j, kept.len()]] = left.sqrt();
            kept.push(j);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use crate::numerics::linalg::*;
    use crate::numerics::streams;
    use ndarray::array;
    use proptest::prelude::*;
    use rand::RngExt;

    fn positive_definite(p: usize, seed: u64) -> Array2<f64> {
        let mut rng = streams::stream(seed, "linalg.test");
        let b = Array2::from_shape_fn((p + 3, p), |_| rng.random::<f64>() - 0.5);
        b.t().dot(&b) + Array2::<f64>::eye(p) * 1e-3
    }

    proptest! {
        #[test]
        fn cholesky_solves_and_inverts(p in 1_usize..24, seed in 0_u64..1000) {
            let a = positive_definite(p, seed);
            let b = Array1::from_iter((0..p).map(|i| (i as f64).sin() + 0.3));
            let f = Cholesky::new(&a).unwrap();
            let residual = a.dot(&f.solve(&b).unwrap()) - &b;
            prop_assert!(residual.iter().all(|r| r.abs() < 1e-10));
            let identity = a.dot(&f.inverse().unwrap()) - Array2::<f64>::eye(p);
            prop_assert!(identity.iter().all(|r| r.abs() < 1e-9));
        }

        #[test]
        fn both_triangles_and_both_memory_orders_give_the_same_factorisation(p in 1_usize..24, seed in 0_u64..1000) {
            use ndarray::ShapeBuilder;
            use ndarray_linalg::Cholesky as _;
            let a = positive_definite(p, seed);
            let mut fortran = Array2::zeros((p, p).f());
            fortran.assign(&a);
            for m in [&a, &fortran] {
                let l = m.cholesky(UPLO::Lower).unwrap();
                let u = m.cholesky(UPLO::Upper).unwrap();
                prop_assert!((l.dot(&l.t()) - &a).iter().all(|r| r.abs() < 1e-12));
                prop_assert!((u.t().dot(&u) - &a).iter().all(|r| r.abs() < 1e-12));
                let b = Array1::<f64>::ones(p);
                for uplo in [UPLO::Lower, UPLO::Upper] {
                    let f = m.factorizec(uplo).unwrap();
                    prop_assert!((a.dot(&f.solvec(&b).unwrap()) - &b).iter().all(|r| r.abs() < 1e-10));
                    prop_assert!((a.dot(&f.invc().unwrap()) - Array2::<f64>::eye(p)).iter().all(|r| r.abs() < 1e-9));
                }
            }
        }
    }

    #[test]
    fn an_indefinite_or_infinite_matrix_is_refused() {
        let indefinite = Cholesky::new(&array![[1.0, 2.0], [2.0, 1.0]]);
        assert_eq!(indefinite.err(), Some(LinalgError::NotPositiveDefinite));
        assert_eq!(Cholesky::new(&array![[f64::NAN]]).err(), Some(LinalgError::NotFinite));
    }

    #[test]
    fn later_columns_are_the_aliased_ones() {
        // Columns: 1, x, 2x + 1, z.
        let z = array![[1.0, 1.0, 3.0, 0.0], [1.0, 2.0, 5.0, 1.0], [1.0, 4.0, 9.0, 1.0], [1.0, 8.0, 17.0, 5.0]];
        assert_eq!(independent_columns(z.t().dot(&z).view(), 1e-11), vec![0, 1, 3]);
    }
}
