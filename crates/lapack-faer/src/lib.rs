//! The LAPACK routines that `ndarray-linalg` reaches from this crate, written on faer.
//!
//! `ndarray-linalg` calls Fortran symbols and leaves it to the final link to provide them. A system BLAS would need a
//! download or a Fortran compiler; these three functions keep the build to cargo and a C compiler. Only what
//! `causal::numerics::linalg` uses is here: a new `ndarray-linalg` call that needs another routine is an error at link time,
//! never a wrong number.
//!
//! | symbol | meaning (LAPACK Users' Guide, 3rd ed., doi:10.1137/1.9780898719604) |
//! |---|---|
//! | `dpotrf_` | Cholesky factor of a symmetric positive definite matrix, A = LLᵀ or UᵀU |
//! | `dpotrs_` | solve AX = B from that factor |
//! | `dpotri_` | A⁻¹ from that factor |
//!
//! The symbols are hidden: they serve the binary or shared library that this crate is linked into, and nobody else. A
//! process may load that library beside OpenBLAS, whose symbols have the same names; without this the loader would bind
//! one to the callers of the other.
//!
//! All matrices are column-major with a leading dimension, as Fortran has them; only the triangle named by `uplo` is
//! read or written.

// A Fortran interface passes pointers, and an assembler directive hides the symbols.
#![allow(unsafe_code)]

use faer::linalg::triangular_solve::{solve_lower_triangular_in_place, solve_upper_triangular_in_place};
use faer::{Mat, MatMut, MatRef, Par, Side};
use std::ffi::{c_char, c_int};

// Rust exports every `no_mangle` function of a shared library, and has no stable attribute against it. The directive must
// stand in the module that defines the symbols: a module is compiled into one object. COFF needs nothing, as Windows
// binds a symbol to the library it was linked from.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
std::arch::global_asm!(".hidden dpotrf_", ".hidden dpotrs_", ".hidden dpotri_");
#[cfg(target_vendor = "apple")]
std::arch::global_asm!(".private_extern _dpotrf_", ".private_extern _dpotrs_", ".private_extern _dpotri_");

/// The triangle of A as a lower triangle: A itself, or Aᵀ for `uplo = 'U'`.
///
/// # Safety
/// `a` points to n columns of `lda` doubles, valid for reads and writes; `uplo` and the sizes point to valid values.
unsafe fn lower<'a>(uplo: *const c_char, n: usize, a: *mut f64, lda: usize) -> MatMut<'a, f64> {
    // SAFETY: by the contract above.
    let (upper, full) =
        unsafe { ((*uplo as u8).eq_ignore_ascii_case(&b'U'), MatMut::from_raw_parts_mut(a, n, n, 1, lda as isize)) };
    // A = UᵀU is A = LLᵀ with L = Uᵀ: seen through its transpose, the upper case is the lower one.
    if upper { full.transpose_mut() } else { full }
}

// The other triangle is the caller's, and is left as it is.
fn copy_lower(from: MatRef<'_, f64>, mut to: MatMut<'_, f64>) {
    for j in 0..from.ncols() {
        for i in j..from.nrows() {
            to[(i, j)] = from[(i, j)];
        }
    }
}

fn solve(factor: MatRef<'_, f64>, mut rhs: MatMut<'_, f64>) {
    solve_lower_triangular_in_place(factor, rhs.as_mut(), Par::Seq);
    solve_upper_triangular_in_place(factor.transpose(), rhs, Par::Seq);
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
        let matrix = lower(uplo, *n as usize, a, *lda as usize);
        // A working copy is factorised, so that a matrix that fails is left as it was.
        *info = match matrix.as_ref().llt(Side::Lower) {
            Ok(factor) => {
                copy_lower(factor.L(), matrix);
                0
            }
            Err(faer::linalg::cholesky::llt::factor::LltError::NonPositivePivot { index }) => index as c_int + 1,
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
        // The pointer is made mutable for the view's sake; nothing is written through it.
        let factor = lower(uplo, *n as usize, a.cast_mut(), *lda as usize);
        let rhs = MatMut::from_raw_parts_mut(b, *n as usize, *nrhs as usize, 1, *ldb as isize);
        solve(factor.as_ref(), rhs);
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
        let factor = lower(uplo, *n as usize, a, *lda as usize);
        let mut inverse = Mat::<f64>::identity(*n as usize, *n as usize);
        solve(factor.as_ref(), inverse.as_mut());
        // A⁻¹ is symmetric, so its lower triangle is right for either `uplo`.
        copy_lower(inverse.as_ref(), factor);
        *info = 0;
    }
}
