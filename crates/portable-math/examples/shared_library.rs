//! A shared library that calls LAPACK and `exp` by name, as the one of a Python package would: they are this crate's,
//! whatever else the process has loaded.

use std::ffi::{c_char, c_int};

// Links the crate; what is called below are its symbols, not its items.
use portable_math as _;

#[allow(unsafe_code)] // the Fortran interface
unsafe extern "C" {
    fn dpotrf_(uplo: *const c_char, n: *const c_int, a: *mut f64, lda: *const c_int, info: *mut c_int);
    fn dpotri_(uplo: *const c_char, n: *const c_int, a: *mut f64, lda: *const c_int, info: *mut c_int);
}

/// Replaces the lower triangle of a symmetric positive definite matrix by that of its inverse; returns LAPACK's `info`.
///
/// # Safety
/// `a` points to n columns of n doubles, valid for reads and writes.
#[allow(unsafe_code)] // exported to C
#[unsafe(no_mangle)]
pub unsafe extern "C" fn inverse_of_positive_definite(n: c_int, a: *mut f64) -> c_int {
    let lower = b'L' as c_char;
    let mut info = 0;
    // SAFETY: by the contract above.
    unsafe {
        dpotrf_(&lower, &n, a, &n, &mut info);
        if info == 0 {
            dpotri_(&lower, &n, a, &n, &mut info);
        }
    }
    info
}

/// eˣ as a Rust crate computes it.
#[allow(unsafe_code)] // exported to C
#[unsafe(no_mangle)]
pub extern "C" fn exponential(x: f64) -> f64 {
    x.exp()
}
