//! Structural faults of covariates, for which neither a graph nor a model of the effect is needed: a region of one that holds
//! one arm only ([`one_arm`]), a subgroup by several where one arm is all but missing ([`pocket`]), and a covariate that says
//! what the outcome is ([`determined`]).

pub mod determined;
pub mod one_arm;
pub mod pocket;
