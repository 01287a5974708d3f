//! The documents of a run, and how they are written.

pub mod documents;
mod error;
pub mod json;

pub use error::ReportError;
