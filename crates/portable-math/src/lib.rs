//! Elementary functions and LAPACK's Cholesky with the same bits on every processor.
//!
//! The system's `exp` and `log` and every fast matrix library choose a kernel by the processor they find, with or without
//! fused multiply-add, and the last digits differ. A Markov chain turns a last digit into another draw. Here nothing asks
//! for the processor: additions and multiplications are those of the source, in its order, and IEEE 754 fixes the rest.
//!
//! The functions carry the symbols that other crates call (`exp`, `dpotrf_`, …), so that whatever is linked with this crate,
//! dependencies included, is pinned as well. The symbols are hidden: they serve the binary or shared library that this
//! crate is linked into, and nobody else. A process may load that library beside OpenBLAS or the system's libm, whose
//! symbols have the same names; without this the loader would bind one to the callers of the other.
//!
//! | module | symbols |
//! |---|---|
//! | [`cholesky`] | none: the factorisation itself, in safe code |
//! | [`lapack`] | `dpotrf_`, `dpotrs_`, `dpotri_`: what `ndarray-linalg` asks for in `causal::numerics::linalg` |
//! | [`elementary`] | `exp`, `log`, `log1p`, `log10`, `log2`, `pow`, `sin`, `cos`, `hypot`, `log2f`, `powf`, from the crate `libm` |

pub mod cholesky;
pub mod elementary;
pub mod lapack;
