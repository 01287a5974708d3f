//! The table of an experiment: one row for each row of the table of assignments, everything as numbers.

use super::error::Fault;
use super::logged::LoggedTable;
use crate::dataset::column::{Column, Data};
use crate::schema::{DatasetDocument, FilteredOut, MetricCounters};
use causal::experiment::TermValues;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A covariate term of every row. Copies share the values.
#[derive(Debug, Clone)]
pub struct TermColumn(Stored);

#[derive(Debug, Clone)]
enum Stored {
    /// A column of the table of assignments as it was read, without missing values.
    Column(Arc<Column>),
    Numbers(Arc<[f64]>),
    Flags(Arc<[bool]>),
}

impl TermColumn {
    /// Finite numbers, one for each row.
    #[must_use]
    pub fn numbers(values: Vec<f64>) -> TermColumn {
        TermColumn(Stored::Numbers(values.into()))
    }

    /// 1 where true and 0 elsewhere.
    #[must_use]
    pub fn flags(flags: Vec<bool>) -> TermColumn {
        TermColumn(Stored::Flags(flags.into()))
    }

    /// A column of numbers none of which is missing.
    pub(super) fn column(column: &Arc<Column>) -> TermColumn {
        TermColumn(Stored::Column(Arc::clone(column)))
    }

    /// The values, as the numerics take them.
    #[must_use]
    pub fn values(&self) -> TermValues<'_> {
        match &self.0 {
            Stored::Column(column) => match &column.data {
                Data::Numbers(values) => TermValues::Numbers(values),
                // Never: only columns of numbers are stored.
                Data::Codes { .. } | Data::Opaque { .. } => TermValues::Numbers(&[]),
            },
            Stored::Numbers(values) => TermValues::Numbers(values),
            Stored::Flags(flags) => TermValues::Flags(flags),
        }
    }
}

/// The rows of an experiment. Vectors have one entry for each row of the table of assignments unless they say otherwise.
#[derive(Debug, Clone)]
pub struct UnitTable {
    /// Names of the arms; the control first.
    pub arms: Vec<String>,
    /// The arm of each row, as an index into `arms`.
    pub assigned: Vec<u16>,
    /// Planned share of each arm, summing to 1.
    pub shares: Vec<f64>,
    /// The treatment taken up, as an index into `treatments`; absent where the plan has none.
    pub taken: Option<Vec<u16>>,
    /// Names of the treatments taken up; the control's first. Empty without `taken`.
    pub treatments: Vec<String>,
    /// The unit of each row, numbered from 0 in order of appearance; absent without `unit_id`, when each row is a unit.
    pub units: Option<Vec<u32>>,
    /// The identifier of each unit, by its number; empty without `unit_id`.
    pub unit_names: Vec<String>,
    /// What `data.filter` leaves out of the table of assignments; absent without a filter.
    pub filtered_out: Option<FilteredOut>,
    /// Number of units.
    pub unit_count: usize,
    /// Units with rows in more than one arm; their rows are kept.
    pub units_in_two_arms: usize,
    /// The cluster of each row, numbered from 0 in order of appearance.
    pub clusters: Option<Vec<u32>>,
    /// P(the arm that the row got), in (0, 1].
    pub propensity: Option<Vec<f64>>,
    /// The period of a row.
    pub period: Option<Vec<f64>>,
    /// Days since 1970-01-01 of assignment and of first exposure; NaN where missing.
    pub assigned_at: Option<Vec<f64>>,
    /// As `assigned_at`.
    pub exposed_at: Option<Vec<f64>>,
    /// Names of the covariate terms, such as `device == "mobile"`.
    pub terms: Vec<String>,
    /// The covariate or `pre_<metric>` that each term comes from.
    pub term_sources: Vec<String>,
    /// The values of each term.
    pub term_values: Vec<TermColumn>,
    /// Missing covariate values that were set to 0 beside an indicator, by column.
    pub filled: BTreeMap<String, usize>,
    /// For each segment of the plan, in its order, which rows are in it.
    pub segments: Vec<Vec<bool>>,
    /// Rows for which a segment's condition is missing, by segment; they are not in it.
    pub segment_missing: Vec<usize>,
    /// The metrics that say something, in the order of the plan.
    pub metrics: Vec<MetricColumn>,
    /// Those that do not and are not primary, in the order of the plan: they are refused alone.
    pub refused: Vec<RefusedMetric>,
    /// The decisions of `logged_actions`; absent where the plan has none.
    pub logged: Option<LoggedTable>,
    /// Fingerprint and schema of the table of assignments.
    pub assignments: DatasetDocument,
    /// Fingerprint of every file read, by its name in the plan.
    pub files: BTreeMap<String, String>,
    /// One fingerprint of all of them.
    pub sha256: String,
}

/// A metric that has no effect whatever the arms do, since it has no values or one only.
#[derive(Debug, Clone)]
pub struct RefusedMetric {
    /// As it was computed.
    pub column: MetricColumn,
    /// What is wrong with it.
    pub fault: Fault,
}

impl RefusedMetric {
    /// The fault and what would help.
    #[must_use]
    pub fn reason(&self) -> String {
        format!("{}; {}", self.fault, self.fault.hint())
    }
}

/// A metric of every row.
#[derive(Debug, Clone)]
pub struct MetricColumn {
    /// Its name.
    pub name: String,
    /// Its values; NaN where missing.
    pub values: MetricValues,
    /// The same before the start, NaN where missing; absent where the plan has no time for it.
    pub before: Option<MetricValues>,
    /// What was done.
    pub counters: MetricCounters,
}

/// The values of a metric.
#[derive(Debug, Clone, PartialEq)]
pub enum MetricValues {
    /// One number a row.
    Mean(Vec<f64>),
    /// Numerator and denominator of each row.
    Ratio(Vec<f64>, Vec<f64>),
    /// Any number of values: the row of the table of assignments (from 0) and the value.
    Quantile(Vec<(u32, f64)>, f64),
}
