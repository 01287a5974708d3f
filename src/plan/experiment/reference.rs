//! The table of keys of an experiment as `docs/experiments.md` shows it, and as a JSON Schema.

use super::keys::SECTIONS;
use crate::plan::reference::{json_schema_of, tables};

/// A table for each mapping of the plan.
#[must_use]
pub fn markdown() -> String {
    tables(SECTIONS)
}

/// The JSON Schema of the plan of an experiment: `docs/experiment.schema.json`.
#[must_use]
pub fn json_schema() -> String {
    json_schema_of(SECTIONS)
}
