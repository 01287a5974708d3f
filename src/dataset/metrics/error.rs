//! What stands between the files of an experiment and its table: each fault names the thing, the place and the fix.

use super::logged_faults::LoggedFault;
use crate::dataset::error::{DatasetError, DatasetProblem};
use crate::text::lists::{counted, quoted};
use crate::text::numbers::count;

/// One fault, and the key of the plan that it is about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct MetricFault {
    /// The key, dotted: `metrics.sales.expression`.
    pub path: String,
    /// The fault.
    pub fault: Fault,
}

/// Everything that stands between the files and a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct MetricError {
    /// At least one.
    pub faults: Vec<MetricFault>,
}

impl MetricError {
    /// The same as a list of problems, each with the key of the plan that it is about.
    #[must_use]
    pub fn problems(&self) -> Vec<DatasetProblem> {
        self.faults.iter().flat_map(MetricFault::problems).collect()
    }

    /// `true` if the file system is at fault rather than what a file or the plan says.
    #[must_use]
    pub fn is_io(&self) -> bool {
        self.faults.iter().any(|it| matches!(&it.fault, Fault::Read(error) if error.is_io()))
    }
}

impl MetricFault {
    fn problems(&self) -> Vec<DatasetProblem> {
        match &self.fault {
            Fault::Read(error) => error
                .problems()
                .into_iter()
                .map(|it| if it.path == "data.source" { DatasetProblem { path: self.path.clone(), ..it } } else { it })
                .collect(),
            fault => vec![DatasetProblem::new(&self.path, fault.to_string(), fault.hint())],
        }
    }
}

/// A fault of the data of an experiment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A file could not be read.
    #[error("{0}")]
    Read(DatasetError),
    /// An expression does not fit the columns, or has no result in a row.
    #[error("{0}")]
    Expression(DatasetProblem),
    /// A fault of the decisions of `logged_actions`.
    #[error("{0}")]
    Logged(LoggedFault),
    /// A column is not there.
    #[error("`{file}` has no column `{column}`")]
    NoColumn {
        /// The source, as the plan names it.
        file: String,
        /// The column.
        column: String,
        /// The near one, or the columns that there are.
        near: String,
    },
    /// A column cannot be used for its job.
    #[error("`{column}` {reason}")]
    Unusable {
        /// The column.
        column: String,
        /// Why, to follow its name.
        reason: String,
        /// The remedy.
        fix: String,
    },
    /// Rows without a value that every row needs.
    #[error("`{column}` has no value in {}, the first in row {}", counted(*rows, "row"), count(*first))]
    Missing {
        /// The column.
        column: String,
        /// How many.
        rows: usize,
        /// The first, from 1.
        first: usize,
    },
    /// The control is no value of the arms.
    #[error("no row of `{column}` has the control `{control}`; its values are {}", quoted(arms, 8))]
    NoControl {
        /// The column of the arms.
        column: String,
        /// The control.
        control: String,
        /// The values that occur.
        arms: Vec<String>,
    },
    /// One arm, or hundreds.
    #[error("`{column}` has {}, and an experiment has from 2 to {}", counted(*arms, "arm"), MOST_ARMS)]
    ArmCount {
        /// The column of the arms.
        column: String,
        /// How many.
        arms: usize,
    },
    /// An arm of the plan that nobody was assigned to.
    #[error(
        "`assignment.shares` names the arm `{arm}`, and no row of `{column}` has it; its values are {}",
        quoted(arms, 8)
    )]
    ArmWithoutRows {
        /// The column of the arms.
        column: String,
        /// The arm.
        arm: String,
        /// The values that occur.
        arms: Vec<String>,
    },
    /// An arm of the data that the plan does not know.
    #[error("{} of `{column}` have the arm `{arm}`, which has no share in `assignment.shares`", counted(*rows, "row"))]
    ArmWithoutShare {
        /// The column of the arms.
        column: String,
        /// The arm.
        arm: String,
        /// Rows with it.
        rows: usize,
    },
    /// Units with several rows that are taken for independent ones.
    #[error("{} of `{column}` have more than one row, such as `{example}`, and rows of a unit are not independent", counted(*units, "unit"))]
    RepeatedUnits {
        /// The column of the units.
        column: String,
        /// How many.
        units: usize,
        /// One of them.
        example: String,
    },
    /// A chance outside (0, 1].
    #[error("`{column}` is {value} in row {}, and the chance of the arm that a unit got is above 0 and at most 1 ({} outside)", count(*row), counted(*rows, "row"))]
    Propensity {
        /// The column.
        column: String,
        /// The value.
        value: String,
        /// The first such row, from 1.
        row: usize,
        /// How many.
        rows: usize,
    },
    /// Take-up that is neither an arm nor yes or no.
    #[error(
        "`{column}` has the values {}, which are neither the arms ({}) nor 0 and 1",
        quoted(values, 8),
        quoted(arms, 8)
    )]
    TakenValues {
        /// The column of the take-up.
        column: String,
        /// Its values.
        values: Vec<String>,
        /// The arms.
        arms: Vec<String>,
    },
    /// No row of a source belongs to a unit.
    #[error(
        "no row of `{file}` belongs to a unit: `{per}` holds {} there, and `{unit}` holds {}",
        quoted(theirs, 3),
        quoted(ours, 3)
    )]
    NothingJoins {
        /// The source.
        file: String,
        /// Its column of units.
        per: String,
        /// The column of units in the table of assignments.
        unit: String,
        /// Examples of the source.
        theirs: Vec<String>,
        /// Examples of the table of assignments.
        ours: Vec<String>,
    },
    /// Identifiers that differ only by how they are written.
    #[error(
        "`{per}` of `{file}` has `{theirs}`, which is no unit, and `{ours}` is one: they differ only by how they are written"
    )]
    NearIdentifiers {
        /// The source.
        file: String,
        /// Its column of units.
        per: String,
        /// As it is in the source.
        theirs: String,
        /// As it is in the table of assignments.
        ours: String,
    },
    /// Two names of arms or units that differ by blanks only.
    #[error("`{column}` has both `{one}` and `{other}`, which differ by blanks only")]
    Blanks {
        /// The column.
        column: String,
        /// One.
        one: String,
        /// The other.
        other: String,
    },
    /// Rows that would count for every row of a unit.
    #[error(
        "`{metric}` has a source of its own, and units have several rows: a row of `{file}` would count for each of them"
    )]
    EveryRow {
        /// The metric.
        metric: String,
        /// The source.
        file: String,
    },
    /// No unit has been followed to the end of the window.
    #[error(
        "the window of `{metric}` ends {} after the last row of `{file}` for the unit that was assigned first",
        short_by
    )]
    WindowNotOver {
        /// The metric.
        metric: String,
        /// The source.
        file: String,
        /// By how much, in words.
        short_by: String,
    },
    /// Times of two clocks.
    #[error("`{with}` has times with a zone, and `{without}` has times without one: they may be hours apart")]
    Zones {
        /// The column with.
        with: String,
        /// The column without.
        without: String,
    },
    /// No unit has a value.
    #[error("no unit has a value of `{metric}`")]
    NoValues {
        /// The metric.
        metric: String,
    },
    /// A ratio that is defined nowhere.
    #[error("the lower part of `{metric}` sums to 0, so that the ratio is not defined")]
    ZeroDenominator {
        /// The metric.
        metric: String,
    },
    /// The same value for all.
    #[error("`{metric}` is {value} for every unit{}", if value == "0" { ": there is no event" } else { "" })]
    Constant {
        /// The metric.
        metric: String,
        /// The value.
        value: String,
    },
    /// A covariate before the start that the data do not reach.
    #[error("`{covariate}` is `{metric}` before the start, and no row of an assigned unit falls into those days")]
    NoRowsBefore {
        /// The covariate.
        covariate: String,
        /// The metric.
        metric: String,
    },
    /// A covariate that is computed and also a column.
    #[error("`{covariate}` is a column of the table of assignments, and also the metric `{metric}` before the start")]
    TwoMeanings {
        /// The covariate.
        covariate: String,
        /// The metric.
        metric: String,
    },
}

/// The most arms; a column with more is no column of arms.
pub(super) use causal::experiment::rows::MOST_ARMS;

impl Fault {
    /// The remedy.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Read(error) => error.hint(),
            Self::Expression(problem) => problem.hint.clone(),
            Self::Logged(fault) => fault.hint(),
            Self::NoColumn { near, .. } => near.clone(),
            Self::Unusable { fix, .. } => fix.clone(),
            Self::Missing { column, .. } => format!(
                "correct the data, or leave these rows out with `filter: not is_missing({})` under `data`",
                written_column(column)
            ),
            Self::NoControl { .. } => "write one of them: `control: NAME` under `assignment`".to_owned(),
            Self::ArmCount { .. } => {
                "name the column that says which arm a unit was assigned to; `filter:` under `data` may leave too little".into()
            }
            Self::ArmWithoutRows { arm, .. } => {
                format!("take `{arm}` out of `shares`, or correct its spelling; an arm without units is a fault of the assignment")
            }
            Self::ArmWithoutShare { arm, .. } => {
                format!("add `{arm}` with its share to `shares`, or leave its rows out with `filter:` under `data`")
            }
            Self::RepeatedUnits { column, .. } => format!(
                "repeated units need `cluster_by: [{column}]` under `assignment`; if there should be one row each, remove the repeats"
            ),
            Self::Propensity { .. } => {
                "name the column with the chance, at assignment, of the arm that the unit got; every unit had some chance of it".into()
            }
            Self::TakenValues { .. } => "name the arm that each unit took up, or write 1 for the treatment and 0 for none".into(),
            Self::NothingJoins { .. } => {
                "name the column of the source that holds the same identifiers with `per: COLUMN`, written in the same way".into()
            }
            Self::NearIdentifiers { .. } => {
                "write identifiers in the same way in all files, as text or as numbers, with the same zeros in front".into()
            }
            Self::Blanks { column, .. } => format!(
                "make them one with `columns: {{{column}: {{merge: blanks}}}}` under `data`, or give them different names"
            ),
            Self::EveryRow { .. } => {
                "add `time:` and `window:` to the metric and `assigned_at:` under `assignment`, or put the metric into the table of assignments".into()
            }
            Self::WindowNotOver { .. } => "shorten `window`, or wait until some units have been followed to its end".into(),
            Self::Zones { .. } => "write both in the same zone, as UTC without a zone, or both with it".into(),
            Self::NoValues { .. } => "check its `filter`, its `window` and the column that it is computed from".into(),
            Self::ZeroDenominator { .. } => "check the second part of `ratio`, its `filter` and its `window`".into(),
            Self::Constant { .. } => {
                "check its `expression`, its `filter`, its `window` and `winsorise`; a metric that cannot differ is not one".into()
            }
            Self::NoRowsBefore { covariate, .. } => {
                format!("bring rows from before the start, or take `{covariate}` out of `covariates`")
            }
            Self::TwoMeanings { covariate, .. } => format!(
                "give the column another name, such as `derive: {{{covariate}_given: {covariate}}}` under `data`, and list that one"
            ),
        }
    }
}

/// A column as an expression names it.
fn written_column(column: &str) -> String {
    let plain =
        column.chars().all(|c| c.is_alphanumeric() || c == '_') && !column.starts_with(|c: char| c.is_numeric());
    if plain { column.to_owned() } else { format!("`{column}`") }
}

/// The faults that were found so far.
#[derive(Debug, Default)]
pub(super) struct Found(Vec<MetricFault>);

impl Found {
    /// Notes a fault, once.
    pub(super) fn note(&mut self, path: &str, fault: Fault) {
        let fault = MetricFault { path: path.to_owned(), fault };
        if !self.0.contains(&fault) {
            self.0.push(fault);
        }
    }

    /// Notes that a file could not be read.
    pub(super) fn read(&mut self, path: &str, error: DatasetError) {
        self.note(path, Fault::Read(error));
    }

    /// The value, or nothing and a fault.
    pub(super) fn take<T>(&mut self, path: &str, result: Result<T, Fault>) -> Option<T> {
        result.map_err(|fault| self.note(path, fault)).ok()
    }

    pub(super) fn any(&self) -> bool {
        !self.0.is_empty()
    }

    pub(super) fn into_error(self) -> MetricError {
        MetricError { faults: self.0 }
    }
}
