//! What is wrong with a file of decisions.

use crate::text::lists::{counted, quoted};
use crate::text::numbers::count;

/// A fault of the decisions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoggedFault {
    /// Decisions without a value that each of them needs.
    #[error("`{column}` of `{file}` has no value in {}, the first in row {}", counted(*rows, "decision"), count(*first))]
    Missing {
        /// The column.
        column: String,
        /// The file.
        file: String,
        /// How many.
        rows: usize,
        /// The first, from 1.
        first: usize,
    },
    /// A chance out of its range.
    #[error("`{column}` is {value} in row {}, and a chance is above 0 and {} 1 ({} outside)", count(*row), if *of_step { "below" } else { "at most" }, counted(*rows, "row"))]
    Chance {
        /// The column.
        column: String,
        /// The value.
        value: String,
        /// The first such row, from 1.
        row: usize,
        /// How many.
        rows: usize,
        /// True for the chance of a step.
        of_step: bool,
    },
    /// One action, or hundreds.
    #[error("`{column}` has {}{}, and a log that policies can be valued from has 2 to {most}", counted(*count, "action"), one.as_ref().filter(|_| *count == 1).map_or(String::new(), |one| format!(", `{one}`")))]
    ActionCount {
        /// The column.
        column: String,
        /// How many.
        count: usize,
        /// The most.
        most: usize,
        /// The first.
        one: Option<String>,
    },
    /// A policy takes an action that was never logged.
    #[error(
        "the policy `{policy}` takes {}, which no decision of the log did; its actions are {}",
        quoted(strangers, 3),
        quoted(actions, 8)
    )]
    NoSuchAction {
        /// The policy.
        policy: String,
        /// Its actions that are not there.
        strangers: Vec<String>,
        /// The actions of the log.
        actions: Vec<String>,
    },
    /// The reward is a metric of the units.
    #[error("`{metric}` is a metric of the units, and the reward is one of each decision: `{file}` has no such column")]
    MetricAsReward {
        /// The metric.
        metric: String,
        /// The file.
        file: String,
    },
    /// A step that is neither on nor off.
    #[error("`{column}` has the values {}, and a step is on or off", quoted(values, 5))]
    NotYesOrNo {
        /// The column.
        column: String,
        /// Its values.
        values: Vec<String>,
    },
    /// A step that no coin switched.
    #[error("`{column}` is {} in every decision, so that nothing can be compared with it", if *on { "on" } else { "off" })]
    OneSetting {
        /// The column.
        column: String,
        /// Which.
        on: bool,
    },
}

impl LoggedFault {
    /// The remedy.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Missing { column, .. } => format!(
                "write the value that `{column}` had; decisions that have none, such as those still open, are left out of the file, and the question then is about the others"
            ),
            Self::Chance { of_step: false, .. } => {
                "log the chance, when the action was drawn, of the action that was drawn; what had no chance cannot have been drawn".into()
            }
            Self::Chance { of_step: true, .. } => {
                "log the chance that the step was on; leave out the decisions in which it was not left to chance".into()
            }
            Self::ActionCount { .. } => "name the column with what was done, grouped into a few actions".into(),
            Self::NoSuchAction { .. } => {
                "correct its spelling; of an action that was never tried the log says nothing".into()
            }
            Self::MetricAsReward { .. } => {
                "name a column of that file; with several decisions of a unit, a metric of the unit is the reward of none of them".into()
            }
            Self::NotYesOrNo { .. } => "write 1 where the step was on and 0 where it was off".into(),
            Self::OneSetting { .. } => "take the step out of `steps`, or log decisions with it and without".into(),
        }
    }
}
