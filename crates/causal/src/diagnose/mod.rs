//! Design diagnostics: numbers, not verdicts. The thresholds live in `critique::rubric`.
//!
//! Balance, overlap and placebo are computed while the loop is blind; sensitivity needs the outcome effect and is
//! computed after `unblind`.

pub mod allocation;
pub mod balance;
pub mod bounds;
pub mod drift;
pub mod heterogeneity;
pub mod independence;
pub mod overlap;
pub mod placebo;
pub mod sensitivity;
pub mod specification_curve;
pub mod structure;
