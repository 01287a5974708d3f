//! The LAPACK routines that `ndarray-linalg` reaches from `causal`, by way of [`crate::cholesky`].
//!
//! `ndarray-linalg` calls Fortran symbols and leaves it to the final link to provide them. A system BLAS would need a
//! download or a Fortran compiler, and its last digits depend on the processor. Only what `causal::numerics::linalg` uses is
//! here: a new `ndarray-linalg` call that needs another routine is an error at link time, never a wrong number.
//!
//! | symbol | meaning (LAPACK Users' Guide, 3rd ed., doi:10.1137/1.9780898719604) |
//! |---|---|
//! | `dpotrf_` | Cholesky factor of a symmetric positive definite matrix, A = LLᵀ or UᵀU |
//! | `dpotrs_` | solve AX = B from that factor |
//! | `dpotri_` | A⁻¹ from that factor |
//!
//! All matrices are column-major with a leading dimension, as Fortran has them; only the triangle named by `uplo` is
//! read or written.

// A Fortran interface passes pointers, and an assembler directive hides the symbols.
#![allow(unsafe_code)]

use crate::cholesky::{LowerTriangle, NotPositive};
use std::ffi::{c_char, c_int};

// As in `elementary`. COFF needs nothing, as Windows binds a symbol to the library it was linked from.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
std::arch::global_asm!(".hidden dpotrf_", ".hidden dpotrs_", ".hidden dpotri_");
#[cfg(target_vendor = "apple")]
std::arch::global_asm!(".private_extern _dpotrf_", ".private_extern _dpotrs_", ".private_extern _dpotri_");

/// A matrix of the caller's: its order, and the distances between neighbours in a column and in a row of its lower
/// triangle. The upper triangle is the lower one of the transpose.
#[derive(Clone, Copy)]
struct Triangle {
    a: *mut f64,
    n: usize,
    down: usize,
    across: usize,
}

impl Triangle {
    /// # Safety
    /// `uplo` and the sizes point to valid values.
    unsafe fn new(uplo: *const c_char, n: *const c_int, a: *mut f64, lda: *const c_int) -> Self {
        // SAFETY: by the contract above.
        let (upper, n, lda) = unsafe { ((*uplo as u8).eq_ignore_ascii_case(&b'U'), *n as usize, *lda as usize) };
        let (down, across) = if upper { (lda, 1) } else { (1, lda) };
        Self { a, n, down, across }
    }

    /// # Safety
    /// `a` points to n columns of `lda` doubles, valid for reads.
    unsafe fn read(self) -> LowerTriangle {
        // SAFETY: j ≤ i < n, so that the cell lies in the matrix.
        LowerTriangle::from_fn(self.n, |i, j| unsafe { *self.a.add(i * self.down + j * self.across) })
    }

    /// Writes `at(i, j)` for i ≥ j.
    ///
    /// # Safety
    /// `a` points to n columns of `lda` doubles, valid for writes.
    unsafe fn write(self, at: impl Fn(usize, usize) -> f64) {
        for i in 0..self.n {
            for j in 0..=i {
                // SAFETY: j ≤ i < n, so that the cell lies in the matrix.
                unsafe { *self.a.add(i * self.down + j * self.across) = at(i, j) };
            }
        }
    }
}

/// Cholesky factorisation in place. `info` is 0, or the 1-based order of the leading minor that is not positive.
///
/// # Safety
/// The arguments are those that LAPACK documents: sizes and `uplo` point to valid values, matrices to that many columns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dpotrf_(
    uplo: *const c_char,
    n: *const c_int,
    a: *mut f64,
    lda: *const c_int,
    info: *mut c_int,
) {
    // SAFETY: `lapack-sys` passes the arguments that LAPACK documents.
    unsafe {
        let matrix = Triangle::new(uplo, n, a, lda);
        let mut factor = matrix.read();
        *info = match factor.factorise() {
            Ok(()) => {
                matrix.write(|i, j| factor.row(i)[j]);
                0
            }
            Err(NotPositive(index)) => index as c_int + 1,
        };
    }
}

/// Solves A·X = B for `nrhs` columns from the factor left by [`dpotrf_`].
///
/// # Safety
/// The arguments are those that LAPACK documents: sizes and `uplo` point to valid values, matrices to that many columns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dpotrs_(
    uplo: *const c_char,
    n: *const c_int,
    nrhs: *const c_int,
    a: *const f64,
    lda: *const c_int,
    b: *mut f64,
    ldb: *const c_int,
    info: *mut c_int,
) {
    // SAFETY: as above; the factor is only read.
    unsafe {
        let factor = Triangle::new(uplo, n, a.cast_mut(), lda).read();
        for column in 0..*nrhs as usize {
            let place = b.add(column * *ldb as usize);
            factor.solve(std::slice::from_raw_parts_mut(place, *n as usize));
        }
        *info = 0;
    }
}

/// Overwrites the factor left by [`dpotrf_`] with the same triangle of A⁻¹.
///
/// # Safety
/// The arguments are those that LAPACK documents: sizes and `uplo` point to valid values, matrices to that many columns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dpotri_(
    uplo: *const c_char,
    n: *const c_int,
    a: *mut f64,
    lda: *const c_int,
    info: *mut c_int,
) {
    // SAFETY: as above.
    unsafe {
        let matrix = Triangle::new(uplo, n, a, lda);
        let inverse = matrix.read().inverse();
        matrix.write(|i, j| inverse[j * matrix.n + i]);
        *info = 0;
    }
}
