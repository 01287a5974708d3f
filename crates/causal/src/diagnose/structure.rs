//! Structural faults of a covariate, for which neither a graph nor a model of the effect is needed: a region of it that holds
//! one arm only ([`one_arm`]), and one that says what the outcome is ([`determined`]).

pub mod determined;
pub mod one_arm;
