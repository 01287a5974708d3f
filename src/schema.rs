//! The schema of a dataset, and the counts of what was done to its rows and values.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The kind of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnKind {
    /// Numbers.
    Number,
    /// A category with few levels.
    Category,
    /// True or false.
    Boolean,
    /// A date or a time.
    Date,
    /// Values that no analysis uses.
    Other,
}

impl ColumnKind {
    /// As it is written in `dataset.json`.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Category => "category",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Other => "other",
        }
    }
}

/// One column as read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnInfo {
    /// Name.
    pub name: String,
    /// The kind of its values.
    pub kind: ColumnKind,
    /// The file's own type.
    pub stored_as: String,
    /// Missing values, NaN included.
    pub missing: usize,
    /// Levels of a category or boolean, reference first; empty otherwise.
    pub levels: Vec<String>,
}

/// `dataset.json`: fingerprint and schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetDocument {
    /// As the plan names it.
    pub source: String,
    /// The files it resolved to, by name only, with their SHA-256.
    pub files: BTreeMap<String, String>,
    /// SHA-256 over the file hashes in name order (the file's own hash if there is one file).
    pub sha256: String,
    /// Rows in the files.
    pub rows: usize,
    /// Columns, in file order.
    pub columns: Vec<ColumnInfo>,
}

/// Everything that was done to rows and values on the way from the file to the sample. Zero is written as zero.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Rows in the files.
    pub rows_read: usize,
    /// Rows dropped because a value was missing (policy `drop`).
    pub rows_dropped_missing: usize,
    /// Missing values per column among the analysed columns, before anything was done.
    pub missing_by_column: BTreeMap<String, usize>,
    /// Values replaced by a mean or a missing level (policy `indicator`), per column.
    pub values_imputed_by_column: BTreeMap<String, usize>,
    /// Rows dropped because treatment was neither the treated nor the control level.
    pub rows_dropped_other_treatment: usize,
    /// Rows left out because their observation weight is zero.
    pub rows_weight_zero: usize,
    /// Rows analysed.
    pub rows_analysed: usize,
    /// Propensities of cross-fitted learners moved to a bound, over the designs of all analyses. Regressions are never
    /// clipped.
    pub propensities_clipped: usize,
}
