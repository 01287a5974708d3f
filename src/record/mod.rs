//! The documents of a run, and how they are written.

pub mod audit;
pub mod basis;
pub mod critique;
pub mod dashboard;
pub mod documents;
pub mod earlier;
mod effect;
mod error;
pub mod experiment;
pub mod experiment_fit;
pub mod experiment_planning;
pub mod experiment_segments;
pub mod follow_up;
pub mod identification;
pub mod json;
pub mod logged_actions;
mod looks;
pub mod model_review;
pub mod not_estimated;
pub mod oversight;
pub mod publication;
pub mod run_diff;
pub mod structure;
pub mod verification;
pub mod watch;

pub use effect::EffectDocument;
pub use error::ReportError;
