//! Nuisance models of the estimators: fitted once, shared, cross-fitted, repeated.

pub(crate) mod bart;
pub(crate) mod crossfit;
pub(crate) mod fits;
pub(crate) mod outcome;
mod ridge_centre;

pub use fits::Nuisances;
