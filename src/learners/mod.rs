//! Nuisance learners: logistic and linear regression on a standardised design matrix.
//!
//! Each is a triple: parameters that are checked, an info record that says how the fit ended, and an error that is never
//! disguised as a number.

pub mod linear;
pub mod linfa;
pub mod logistic;
mod newton;
mod separation;
