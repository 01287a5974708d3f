//! The table of keys of an experiment, as `docs/experiments.md` shows it.

use super::keys::SECTIONS;
use crate::plan::reference::tables;

/// A table for each mapping of the plan.
#[must_use]
pub fn markdown() -> String {
    tables(SECTIONS)
}
