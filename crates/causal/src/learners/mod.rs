//! Nuisance learners, behind one trait ([`learner::Learner`]), and the regressions they are made of.
//!
//! Each is a triple: parameters that are checked, an info record that says how the fit ended, and an error that is never
//! disguised as a number.

pub mod bart;
pub mod basis;
pub mod boosting;
#[cfg(test)]
pub(crate) mod conformance;
pub mod data;
pub mod elastic_net;
pub mod elastic_net_basis;
pub mod factory;
pub mod learner;
pub mod linear;
pub mod linfa;
pub mod logistic;
mod newton;
pub mod nnls;
pub mod regression;
mod resample;
mod separation;
pub mod stack;
