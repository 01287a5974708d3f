//! The stages as functions, and their order. Runs with no language model at all.
//!
//! ```text
//! prepare: plan bytes + files  -> Prepared          (every problem of plan and data reported together)
//! identification: plan, graph  -> confounders, tests (before the first spec)
//! draft:   Prepared            -> AnalysisSpec      (iteration 1)
//! design:  Prepared, spec      -> DesignDocument    (never touches the outcome)
//! effects: Prepared, spec      -> Vec<EffectRow>    (only after `unblind`)
//! results: everything          -> ResultsDocument
//! ```

mod balance_columns;
mod basis;
mod bounds;
pub mod checked;
pub mod column_summaries;
pub mod design;
pub mod effects;
pub mod estimate;
pub(crate) mod estimate_diagnostics;
pub mod experiment;
pub mod fit_cache;
pub mod follow_ups;
pub mod identification;
mod independence;
mod layout;
pub mod prepare;
mod propensity;
pub mod results;
pub mod single_pass;
pub mod sparse_levels;
pub mod steps;
pub mod structure;
pub mod units;
pub mod watch;

pub use prepare::{PlanProblems, PrepareError, Prepared};
