//! What a watch has found so far: `watch/watch.json`, which grows by one partition with each commit.

use crate::finding::Tier;
use causal::diagnose::drift::Estimated;
use causal::estimand::Target;
use serde::{Deserialize, Serialize};

/// A run held against new data, partition by partition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchDocument {
    /// Title of the plan.
    pub title: String,
    /// Units of the outcome.
    pub units: String,
    /// Hash of the plan, which is frozen.
    pub plan_sha256: String,
    /// Program version.
    pub tool_version: String,
    /// The size of a shift that is looked for, in standard deviations.
    pub shift_sd: f64,
    /// What was found after the last partition.
    pub found: WatchFound,
    /// The answers that are watched.
    pub answers: Vec<WatchedAnswer>,
    /// The quantities of the design that are watched.
    pub quantities: Vec<WatchedQuantity>,
    /// The plan's own data, then every partition in the order in which it came.
    pub partitions: Vec<WatchedPartition>,
}

/// An answer of the run that is watched: its spec is applied as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchedAnswer {
    /// The estimand asked for.
    pub requested: Target,
    /// The name of the answer.
    pub name: String,
    /// Hash of the spec.
    pub spec_sha256: String,
    /// The verdict of the run.
    pub verdict: Tier,
    /// The standard deviation of the outcome in the plan's own data.
    pub outcome_sd: f64,
}

/// A quantity of the design.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Quantity {
    /// The share of the units that are treated.
    TreatedShare,
    /// The mean of a term among all units.
    Mean {
        /// The term.
        term: String,
    },
    /// Its mean among the treated minus its mean among the controls, before weighting.
    Difference {
        /// The term.
        term: String,
    },
    /// The share of rows that are not analysed: a value is missing, or the plan's filter leaves them out.
    LeftOutShare,
    /// The share of rows without a value.
    MissingShare {
        /// The column.
        column: String,
    },
}

/// A watched quantity and its unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WatchedQuantity {
    /// The quantity.
    #[serde(flatten)]
    pub quantity: Quantity,
    /// One standard deviation in the plan's own data. Zero if nothing varies there: then it is not tested.
    pub sd: f64,
}

/// A value with its standard error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WatchedValue {
    /// The value.
    pub value: f64,
    /// Its standard error, from the variance in the plan's own data.
    pub std_error: f64,
}

impl WatchedValue {
    /// As the test takes it.
    #[must_use]
    pub fn estimated(&self) -> Estimated {
        Estimated { estimate: self.value, std_error: self.std_error }
    }
}

/// One partition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchedPartition {
    /// Its file, relative to the folder of the data; of the plan's own data the plan's `data.source`.
    pub name: String,
    /// Hash of the file.
    pub data_sha256: String,
    /// Rows read.
    pub rows: usize,
    /// Rows analysed.
    pub analysed: usize,
    /// Treated rows among them.
    pub treated: usize,
    /// Units that the plan's own data have as well; absent if the plan names no column of units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units_of_own_data: Option<usize>,
    /// What each watched answer is here.
    pub effects: Vec<PartitionEffect>,
    /// The quantities, in the order of the document's list.
    pub design: Vec<WatchedValue>,
}

/// An answer in one partition: the frozen spec, fitted to its units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartitionEffect {
    /// Rows of its population.
    pub n: usize,
    /// Treated rows among them.
    pub treated: usize,
    /// The effect; absent with a reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<PartitionEstimate>,
    /// The largest absolute standardised difference after weighting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_abs_smd: Option<f64>,
    /// The grade of the design by the rubric, blind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<Tier>,
    /// The codes of what fails in the design.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fails: Vec<String>,
    /// Terms of the frozen spec that are left out here, since their level does not occur.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absent_terms: Vec<String>,
    /// Why there is no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
}

impl PartitionEffect {
    /// True if it could be an answer of its own: it has an estimate, and nothing in its design fails.
    #[must_use]
    pub fn gradable(&self) -> bool {
        self.effect.is_some() && self.grade.is_some_and(|tier| tier > Tier::NotSatisfactory)
    }
}

/// The numbers of an effect in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartitionEstimate {
    /// Estimate.
    pub estimate: f64,
    /// Standard error.
    pub std_error: f64,
    /// The ends of the 95 % interval.
    pub interval: (f64, f64),
    /// Nuisance predictions that were moved into their range.
    pub clipped: usize,
}

/// The tests after the last partition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchFound {
    /// Have the effects moved?
    pub effect: WatchTest,
    /// Has the design moved?
    pub design: WatchTest,
    /// The likeliest shift of each watched answer; absent where fewer than two partitions have an estimate.
    pub shifts: Vec<Option<WatchedShift>>,
    /// The quantities of the design that speak most for a shift, first the strongest; only those whose own evidence is above one.
    pub moved: Vec<MovedQuantity>,
    /// Quantities that do not vary in the plan's own data, and are not tested.
    pub not_tested: usize,
}

/// An anytime-valid test that nothing moved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchTest {
    /// The probability of an alarm, ever, if nothing moves.
    pub alpha: f64,
    /// log of the e-value after each partition.
    pub log_e: Vec<f64>,
    /// The partition after which the alarm was raised; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm: Option<usize>,
}

/// A shift.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchedShift {
    /// The first partition after it; 0 is the plan's own data.
    pub since: usize,
    /// log of the e-value of this quantity alone, after the last partition.
    pub log_e: f64,
    /// Its size.
    pub size: f64,
    /// The standard error of the size, as if `since` were known.
    pub std_error: f64,
    /// The mean before it, weighted by precision, with its standard error.
    pub before: WatchedValue,
    /// The mean after it.
    pub after: WatchedValue,
}

/// A quantity of the design that may have moved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MovedQuantity {
    /// Its place in the document's list.
    pub at: usize,
    /// The shift.
    pub shift: WatchedShift,
}

impl WatchDocument {
    /// True if an alarm was raised.
    #[must_use]
    pub fn alarmed(&self) -> bool {
        self.found.effect.alarm.is_some() || self.found.design.alarm.is_some()
    }

    /// The newest partition; `None` while there is only the plan's own data.
    #[must_use]
    pub fn newest(&self) -> Option<&WatchedPartition> {
        self.partitions.last().filter(|_| self.partitions.len() > 1)
    }

    /// True if the newest partition has an answer to everything that is watched, and its own design fails in nothing.
    #[must_use]
    pub fn newest_is_gradable(&self) -> bool {
        self.newest().is_none_or(|partition| partition.effects.iter().all(PartitionEffect::gradable))
    }
}
