//! The same plan asked of a language model three ways.

pub mod ask;
pub mod comparison;
pub mod moments;
