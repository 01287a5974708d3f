//! The system's elementary functions, replaced by those of the crate `libm` (a port of FreeBSD's and musl's): errors below
//! one unit in the last place, and the same one everywhere.
//!
//! The list is that of the functions which the program and its dependencies reach; a test reads the linked program and
//! fails if it asks the system for another.

// The names of C's functions, and an assembler directive that hides them.
#![allow(unsafe_code)]

// Rust has no stable attribute for this. The directive must stand in the module that defines the symbols: a module is
// compiled into one object.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
std::arch::global_asm!(
    ".hidden exp",
    ".hidden log",
    ".hidden log1p",
    ".hidden log10",
    ".hidden log2",
    ".hidden pow",
    ".hidden sin",
    ".hidden cos",
    ".hidden hypot",
    ".hidden log2f",
    ".hidden powf"
);
#[cfg(target_vendor = "apple")]
std::arch::global_asm!(
    ".private_extern _exp",
    ".private_extern _log",
    ".private_extern _log1p",
    ".private_extern _log10",
    ".private_extern _log2",
    ".private_extern _pow",
    ".private_extern _sin",
    ".private_extern _cos",
    ".private_extern _hypot",
    ".private_extern _log2f",
    ".private_extern _powf"
);

/// eˣ.
#[unsafe(no_mangle)]
pub extern "C" fn exp(x: f64) -> f64 {
    libm::exp(x)
}

/// ln x.
#[unsafe(no_mangle)]
pub extern "C" fn log(x: f64) -> f64 {
    libm::log(x)
}

/// ln(1 + x), exact for small x.
#[unsafe(no_mangle)]
pub extern "C" fn log1p(x: f64) -> f64 {
    libm::log1p(x)
}

/// log₂ x.
#[unsafe(no_mangle)]
pub extern "C" fn log2(x: f64) -> f64 {
    libm::log2(x)
}

/// log₁₀ x.
#[unsafe(no_mangle)]
pub extern "C" fn log10(x: f64) -> f64 {
    libm::log10(x)
}

/// xʸ.
#[unsafe(no_mangle)]
pub extern "C" fn pow(x: f64, y: f64) -> f64 {
    libm::pow(x, y)
}

/// sin x, x in radians.
#[unsafe(no_mangle)]
pub extern "C" fn sin(x: f64) -> f64 {
    libm::sin(x)
}

/// cos x, x in radians.
#[unsafe(no_mangle)]
pub extern "C" fn cos(x: f64) -> f64 {
    libm::cos(x)
}

/// √(x² + y²) without overflow on the way.
#[unsafe(no_mangle)]
pub extern "C" fn hypot(x: f64, y: f64) -> f64 {
    libm::hypot(x, y)
}

/// log₂ x.
#[unsafe(no_mangle)]
pub extern "C" fn log2f(x: f32) -> f32 {
    libm::log2f(x)
}

/// xʸ.
#[unsafe(no_mangle)]
pub extern "C" fn powf(x: f32, y: f32) -> f32 {
    libm::powf(x, y)
}
