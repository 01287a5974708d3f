//! The documents of a run, and how they are written.

pub mod documents;
mod effect;
mod error;
pub mod json;

pub use effect::EffectDocument;
pub use error::ReportError;
