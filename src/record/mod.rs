//! The documents of a run, and how they are written.

pub mod critique;
pub mod documents;
mod effect;
mod error;
pub mod identification;
pub mod json;
pub mod model_review;
pub mod not_estimated;

pub use effect::EffectDocument;
pub use error::ReportError;
