//! Nuisance models of the estimators: fitted once, shared, cross-fitted, repeated.

pub(crate) mod crossfit;
pub(crate) mod fits;
pub(crate) mod outcome;
pub(crate) mod repeats;

pub use fits::Nuisances;
