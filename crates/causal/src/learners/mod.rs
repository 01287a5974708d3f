//! Nuisance learners, behind one trait ([`learner::Learner`]), and the regressions they are made of.
//!
//! Each is a triple: parameters that are checked, an info record that says how the fit ended, and an error that is never
//! disguised as a number.

pub mod bart;
pub(crate) mod basis;
pub mod boosting;
#[cfg(test)]
pub(crate) mod conformance;
pub(crate) mod crossfit;
pub(crate) mod data;
pub mod elastic_net;
pub(crate) mod elastic_net_basis;
pub mod factory;
pub mod learner;
pub mod linear;
pub(crate) mod linfa;
pub mod logistic;
pub mod logistic_limit;
mod newton;
pub(crate) mod nnls;
pub(crate) mod picked;
pub(crate) mod regression;
mod resample;
pub(crate) mod ridge;
mod separation;
pub(crate) mod stack;
