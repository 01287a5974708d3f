//! Nuisance models of the estimators: fitted once, shared, cross-fitted, repeated.

pub mod crossfit;
pub(crate) mod fits;
pub mod outcome;
pub(crate) mod repeats;

pub use fits::Nuisances;
