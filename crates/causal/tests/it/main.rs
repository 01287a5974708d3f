//! The integration tests: one binary, and this is its table of contents.

// clippy.toml allows these inside `#[test]` functions; their helpers here are tests just as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod coverage; // interval coverage in simulated data
mod experiment; // randomised experiments against the reference values
mod monte_carlo; // seeded coverage and bias
mod parity_design; // propensity, weights, overlap, Crump against the reference values
mod parity_diagnose; // balance, E-value, robustness value, tipping point against the reference values
mod parity_estimate; // IPW, g-formula, AIPW, trimming against the reference values
