//! The three routines against closed forms, in both triangles, with a leading dimension above n.
//!
//! Small: L = [2 0 0; 1 3 0; −1 2 1], A = LLᵀ = [4 2 −2; 2 10 5; −2 5 6], A⁻¹ = [35/36 · ·; −11/18 5/9 ·; 5/6 −2/3 1].
//! Large: A_ij = min(i, j) for i, j = 1 … n, whose factor is the lower triangle of ones, and whose inverse has 2 on the
//! diagonal (1 in its last place) and −1 beside it.
//!
//! The other triangle and the rows between n and the leading dimension hold NaN: whoever reads them spoils the answer,
//! and whoever writes them is seen.

#![allow(clippy::expect_used, clippy::panic, reason = "a test may panic, and so may its helpers")]

use portable_math::lapack::{dpotrf_, dpotri_, dpotrs_};
use std::ffi::{c_char, c_int};

#[derive(Clone, Copy, PartialEq, Debug)]
enum Triangle {
    Lower,
    Upper,
}
use Triangle::{Lower, Upper};

/// One triangle of a symmetric n × n matrix in Fortran's layout, the rest of it NaN.
#[derive(Clone)]
struct Stored {
    triangle: Triangle,
    n: usize,
    lda: usize,
    cells: Vec<f64>,
}

impl Stored {
    /// `below(i, j)` is the element for i ≥ j, counted from 0.
    fn new(triangle: Triangle, n: usize, lda: usize, below: impl Fn(usize, usize) -> f64) -> Self {
        let mut stored = Self { triangle, n, lda, cells: vec![f64::NAN; lda * n] };
        for j in 0..n {
            for i in j..n {
                let cell = stored.place(i, j);
                stored.cells[cell] = below(i, j);
            }
        }
        stored
    }

    fn place(&self, i: usize, j: usize) -> usize {
        match self.triangle {
            Lower => j * self.lda + i,
            Upper => i * self.lda + j,
        }
    }

    fn uplo(&self) -> c_char {
        (if self.triangle == Lower { b'L' } else { b'u' }) as c_char
    }

    fn sizes(&self) -> (c_int, c_int) {
        (c_int::try_from(self.n).expect("small"), c_int::try_from(self.lda).expect("small"))
    }

    fn factorise(&mut self) -> c_int {
        let (uplo, (n, lda), mut info) = (self.uplo(), self.sizes(), -1);
        // SAFETY: `cells` has n columns of lda doubles.
        #[allow(unsafe_code)]
        unsafe {
            dpotrf_(&uplo, &n, self.cells.as_mut_ptr(), &lda, &mut info);
        }
        info
    }

    fn invert(&mut self) -> c_int {
        let (uplo, (n, lda), mut info) = (self.uplo(), self.sizes(), -1);
        // SAFETY: as above.
        #[allow(unsafe_code)]
        unsafe {
            dpotri_(&uplo, &n, self.cells.as_mut_ptr(), &lda, &mut info);
        }
        info
    }

    /// Solves for `columns` right-hand sides of `ldb` doubles each.
    fn solve(&self, columns: usize, ldb: usize, b: &mut [f64]) -> c_int {
        assert_eq!(b.len(), columns * ldb);
        let (uplo, (n, lda), mut info) = (self.uplo(), self.sizes(), -1);
        let (nrhs, ldb) = (c_int::try_from(columns).expect("small"), c_int::try_from(ldb).expect("small"));
        // SAFETY: as above, and `b` has nrhs columns of ldb doubles.
        #[allow(unsafe_code)]
        unsafe {
            dpotrs_(&uplo, &n, &nrhs, self.cells.as_ptr(), &lda, b.as_mut_ptr(), &ldb, &mut info);
        }
        info
    }

    /// Every cell is as in `expected` up to rounding, and NaN where that is.
    fn assert_close(&self, expected: &Stored, what: &str) {
        for (index, (got, want)) in self.cells.iter().zip(&expected.cells).enumerate() {
            let same = if want.is_nan() { got.is_nan() } else { (got - want).abs() <= 1e-13 * want.abs().max(1.0) };
            assert!(same, "{what}, {:?}, lda {}, cell {index}: {got}, expected {want}", self.triangle, self.lda);
        }
    }
}

const FACTOR: [[f64; 3]; 3] = [[2.0, 0.0, 0.0], [1.0, 3.0, 0.0], [-1.0, 2.0, 1.0]];
const MATRIX: [[f64; 3]; 3] = [[4.0, 2.0, -2.0], [2.0, 10.0, 5.0], [-2.0, 5.0, 6.0]];
const INVERSE: [[f64; 3]; 3] = [[35.0 / 36.0, 0.0, 0.0], [-11.0 / 18.0, 5.0 / 9.0, 0.0], [5.0 / 6.0, -2.0 / 3.0, 1.0]];

#[test]
fn a_small_matrix_in_every_layout() {
    for (triangle, lda) in [(Lower, 3), (Lower, 5), (Upper, 3), (Upper, 7)] {
        let stored = |of: [[f64; 3]; 3]| Stored::new(triangle, 3, lda, |i, j| of[i][j]);
        let mut matrix = stored(MATRIX);
        assert_eq!(matrix.factorise(), 0);
        matrix.assert_close(&stored(FACTOR), "factor");
        // A·(1, 2, 3) and A·(−1, 0, 2); the fourth row belongs to somebody else.
        let mut b = [2.0, 37.0, 26.0, 7.5, -8.0, 8.0, 14.0, 8.5];
        assert_eq!(matrix.solve(2, 4, &mut b), 0);
        for (got, want) in b.iter().zip([1.0, 2.0, 3.0, 7.5, -1.0, 0.0, 2.0, 8.5]) {
            assert!((got - want).abs() < 1e-13, "{triangle:?}, lda {lda}: {b:?}");
        }
        assert_eq!(matrix.invert(), 0);
        matrix.assert_close(&stored(INVERSE), "inverse");
    }
}

#[test]
fn matrices_larger_than_a_block() {
    for (n, lda) in [(1, 1), (65, 65), (300, 303)] {
        for triangle in [Lower, Upper] {
            let mut matrix = Stored::new(triangle, n, lda, |_, j| (j + 1) as f64);
            assert_eq!(matrix.factorise(), 0);
            matrix.assert_close(&Stored::new(triangle, n, lda, |_, _| 1.0), "factor");
            // The sum of a row of A is i·n − i(i − 1)/2.
            let mut b: Vec<f64> = (1..=n).map(|i| (i * n) as f64 - (i * (i - 1) / 2) as f64).collect();
            assert_eq!(matrix.solve(1, n, &mut b), 0);
            assert!(b.iter().all(|x| (x - 1.0).abs() < 1e-9), "{n}: {b:?}");
            assert_eq!(matrix.invert(), 0);
            let inverse = |i: usize, j: usize| match i - j {
                0 if i + 1 == n => 1.0,
                0 => 2.0,
                1 => -1.0,
                _ => 0.0,
            };
            matrix.assert_close(&Stored::new(triangle, n, lda, inverse), "inverse");
        }
    }
}

#[test]
fn the_order_of_the_minor_that_is_not_positive_is_told() {
    for (at, order) in [(0, 1), (1, 2), (2, 3)] {
        for (triangle, lda) in [(Lower, 3), (Upper, 4)] {
            // A diagonal that the columns before it use up: the minor of this order is zero or negative.
            let element = |i: usize, j: usize| match (i, j) {
                (i, j) if i != j => MATRIX[i][j],
                (i, _) if i == at => MATRIX[i][i] - FACTOR[i][i] * FACTOR[i][i] - 0.5,
                (i, _) => MATRIX[i][i],
            };
            assert_eq!(Stored::new(triangle, 3, lda, element).factorise(), order, "{triangle:?}");
        }
    }
    for order in [1, 64, 130, 200] {
        let element = |i: usize, j: usize| if i + 1 == order && i == j { j as f64 - 0.5 } else { (j + 1) as f64 };
        let info = Stored::new(Lower, 200, 200, element).factorise();
        assert_eq!(info, c_int::try_from(order).expect("small"));
    }
}

#[test]
fn nothing_is_factorised_in_no_time() {
    let mut empty = Stored::new(Lower, 0, 1, |_, _| 0.0);
    assert_eq!((empty.factorise(), empty.invert()), (0, 0));
}
