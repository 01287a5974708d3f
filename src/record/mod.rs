//! The documents of a run, and how they are written.

pub mod critique;
pub mod documents;
mod error;
pub mod json;
pub mod model_review;
pub mod not_estimated;

pub use error::ReportError;
