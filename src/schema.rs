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

/// What the values of a column show by which a plan can be proposed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ColumnFacts {
    /// Name.
    pub name: String,
    /// Values that are not missing.
    pub present: usize,
    /// The distinct values as text with their rows, in value order; empty if there are more than [`ColumnFacts::MOST_VALUES`].
    pub values: Vec<(String, usize)>,
    /// Every value is a whole number.
    pub whole: bool,
    /// No two rows have the same value. Looked for in whole numbers and text.
    pub all_different: bool,
    /// The numbers lie so close that it is no accident that no two are equal.
    pub dense: bool,
    /// The order of the numbers in the file.
    pub order: FileOrder,
    /// The rows of each value, if all have as many and they lie together.
    pub block_of: Option<usize>,
    /// Rows of a value on average, rounded down.
    pub rows_each: usize,
    /// Columns of few values that are the same in all rows of each value of this one, and yet go up and down along its values:
    /// what units with several rows have. Looked for where values come again.
    pub shared_by_rows: Vec<String>,
    /// An earlier column that has the same values.
    pub copy_of: Option<String>,
    /// An earlier column that this one is a straight line of.
    pub line_of: Option<String>,
    /// Why the column cannot be used as it is, as the end of a sentence.
    pub obstacle: Option<String>,
    /// Distinct texts of a column that mixes numbers and text.
    pub mixed_levels: Option<usize>,
}

impl ColumnFacts {
    /// The most distinct values that are listed.
    pub const MOST_VALUES: usize = 50;
}

/// The order of the numbers of a column from the first row of the file to the last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FileOrder {
    /// None that is seen.
    #[default]
    Mixed,
    /// Each is larger, or each is smaller, than the one before.
    Strict,
    /// Each is larger by as much, or smaller.
    Steps,
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
    /// Columns that the plan computes, in the order in which they were computed. Not written where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub derived: Vec<DerivedColumn>,
    /// The rows that the plan asks about. Not written where it asks about all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<FilterRecord>,
    /// Columns, in file order, then those that the plan computes; over the rows that the plan asks about.
    pub columns: Vec<ColumnInfo>,
    /// Everything that was done to values, and to the file as a whole, while it was read. Not written where nothing was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conversions: Vec<Conversion>,
    /// Values that were read as they are and may not mean what they say. Not written where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suspicions: Vec<Suspicion>,
}

/// A column that the plan computes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DerivedColumn {
    /// Its name.
    pub column: String,
    /// The expression, as the plan wrote it.
    pub expression: String,
}

/// The rows that the plan asks about: those in which every condition is true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterRecord {
    /// In the order of the plan, each counted among the rows that those before it kept.
    pub conditions: Vec<FilterCondition>,
    /// Rows left out in all.
    pub rows_left_out: usize,
}

/// One condition of a filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterCondition {
    /// The expression, as the plan wrote it.
    pub expression: String,
    /// Rows in which it is false.
    pub rows_false: usize,
    /// Rows in which it has no value.
    pub rows_missing: usize,
}

/// Something that was done to values on the way from the file to the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversion {
    /// The column; `None` for the file as a whole.
    pub column: Option<String>,
    /// What was done.
    pub kind: ConversionKind,
    /// The values, or for a file the files, that it was done to.
    pub values: usize,
    /// The first few texts that it was done to.
    pub examples: Vec<String>,
}

/// What is done to values while they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConversionKind {
    /// Decoded from UTF-16.
    Utf16,
    /// Decoded from Windows-1252, of which Latin-1 is a part.
    Windows1252,
    /// Values separated by something else than a comma.
    Separator,
    /// A column that stands in the names of folders.
    Partition,
    /// Words that mean a missing value, such as `N/A`.
    MissingWords,
    /// Codes that the plan declares to be missing values.
    DeclaredMissing,
    /// Numbers with separators of thousands.
    Thousands,
    /// Numbers with a decimal comma.
    DecimalComma,
    /// Numbers with the sign of a currency.
    Currency,
    /// Numbers with a percent sign, read as per cent.
    Percent,
    /// Negative numbers in brackets, or with a minus that is not a hyphen.
    Negative,
    /// Numbers that the file stores as text.
    NumbersAsText,
    /// Digits with zeros in front, kept as text.
    PaddedCodes,
    /// Dates as days since 1970-01-01.
    Dates,
    /// Spellings of one level that the plan has merged.
    MergedSpellings,
    /// Rare levels that the plan has made one.
    RareLevels,
}

/// Values that may not mean what they say. Nothing was done about them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspicion {
    /// The column.
    pub column: String,
    /// The suspicion.
    pub kind: SuspicionKind,
    /// The values that it is about.
    pub values: usize,
    /// Those values, the first few.
    pub examples: Vec<String>,
}

/// What values are suspected of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuspicionKind {
    /// A code for a missing value, such as -99: repeated, and far from everything else.
    MissingCode,
    /// Levels that differ in blanks only.
    Blanks,
    /// Levels that differ in capital letters, and perhaps blanks, only.
    Case,
}

/// The units that the plan asks about, by arm, and those of them that have no outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeMissing {
    /// Treated units.
    pub treated: usize,
    /// Treated units without an outcome.
    pub treated_lost: usize,
    /// Controls.
    pub control: usize,
    /// Controls without an outcome.
    pub control_lost: usize,
}

/// Everything that was done to rows and values on the way from the file to the sample. Zero is written as zero.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Rows in the files.
    pub rows_read: usize,
    /// Rows that the plan does not ask about (`data.filter`); not written where there are none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rows_filtered: usize,
    /// Rows dropped because a value was missing (policy `drop`).
    pub rows_dropped_missing: usize,
    /// Units without an outcome, by arm; not written where everyone has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome_missing: Option<OutcomeMissing>,
    /// Missing values per column among the analysed columns, before anything was done.
    pub missing_by_column: BTreeMap<String, usize>,
    /// Values replaced by a mean or a missing level (policy `indicator`), per column.
    pub values_imputed_by_column: BTreeMap<String, usize>,
    /// Values per column, among the analysed columns, that were converted while they were read; not written where none were.
    /// `dataset.json` says how.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values_converted_by_column: BTreeMap<String, usize>,
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

fn is_zero(n: &usize) -> bool {
    *n == 0
}

/// What a filter leaves out of a table of assignments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilteredOut {
    /// Rows.
    pub rows: usize,
    /// Units of which no row is left; absent where rows have no identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<usize>,
}

/// What was done to the values of a metric before anything was estimated.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MetricCounters {
    /// Rows of its source.
    pub rows: usize,
    /// Rows that its filter left out.
    pub filtered: usize,
    /// Rows outside its window.
    pub outside_window: usize,
    /// Rows of units that were never assigned.
    pub not_assigned: usize,
    /// Rows of units that were assigned, and that `data.filter` leaves out of the table of assignments.
    #[serde(default)]
    pub of_filtered_units: usize,
    /// Rows without a value.
    pub rows_without_value: usize,
    /// Units without any row.
    pub units_without_rows: usize,
    /// Of those, units whose value was set to 0, as for a sum.
    pub set_to_zero: usize,
    /// Values set to the winsorising limit.
    pub winsorised: usize,
    /// That limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub winsorised_at: Option<f64>,
    /// Units whose window ends after the last row of the source.
    pub window_not_over: usize,
}
