//! The plan of a randomised experiment: `design: experiment`.
//!
//! Like [`crate::plan::Plan`], this mirrors the file as it is written: what a key leaves open is `None`, and the defaults are
//! chosen where the plan meets the data. Metrics and segments are part of it, and so are frozen before any effect is seen.
//!
//! The table of assignments is `data.source`. A row is a unit, or a unit in a period if `cluster_by` names the unit. A metric
//! without a source of its own is computed from the rows of that table, where each row has its own value.
//!
//! [`parse_bytes`] reads a file, and reports every problem of it at once; [`is_experiment`] tells which kind of plan a file is.
//! The keys: [`keys`], and `docs/experiments.md`, whose tables are made from it.

pub mod keys;
mod logged_actions;
mod measure;
mod metric;
mod proposal;
mod quantities;
mod read;
pub mod reference;
mod rules;
mod template;

pub use logged_actions::{LoggedActions, NamedPolicy, NamedStep, PolicyRule, StepProbability};
pub use measure::{Aggregate, AggregateKind, Measure};
pub use proposal::{
    ExperimentProposal, ObservedEvents, ObservedExperiment, ProposedMetric, propose_experiment, proposed_control,
};
pub(super) use read::{declared, foreign_to_observational, meant_as_experiment, not_observational};
pub use read::{is_experiment, parse, parse_bytes, with_segments};
pub use template::{ExperimentTemplateInput, experiment_template};

use crate::expression::Written;
use crate::plan::{DataSection, Gate, Place, place_at};
use causal::experiment::VarianceKind;
use causal::keyed_enum;
use std::collections::BTreeMap;

/// A plan with `design: experiment`.
#[derive(Debug, Clone, PartialEq)]
pub struct ExperimentPlan {
    /// Name of the experiment.
    pub title: String,
    /// The question in words.
    pub question: String,
    /// The table of assignments.
    pub data: DataSection,
    /// Who was assigned to what, and how.
    pub assignment: Assignment,
    /// The column that says which arm a unit took up, where that can differ from its assignment.
    pub treated: Option<String>,
    /// The metrics, in the order of the file; at least one.
    pub metrics: Vec<Metric>,
    /// Columns of the table of assignments, or `pre_<metric>` for the same metric before the start.
    pub covariates: Vec<String>,
    /// Segments of units, as conditions on columns of the table of assignments.
    pub segments: Vec<Written>,
    /// When the results are looked at.
    pub looks: Looks,
    /// The effects asked for; at least one, each once.
    pub requests: Vec<EffectRequest>,
    /// How they are estimated.
    pub analysis: ExperimentAnalysis,
    /// Decisions of an agent with the chances of what it did.
    pub logged_actions: Option<LoggedActions>,
    /// The points at which the run waits for a person.
    pub gates: Vec<Gate>,
    /// Cells of fewer units are not shown.
    pub min_cell: usize,
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// Where each key stands in the file.
    pub places: BTreeMap<String, Place>,
}

/// The section `assignment`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Assignment {
    /// The column with the arm that a unit was assigned to.
    pub column: String,
    /// The arm that the others are compared with.
    pub control: String,
    /// The column that names the unit of randomisation or measurement.
    pub unit_id: Option<String>,
    /// Units that were randomised together, or the unit itself where it has several rows; empty for independent rows.
    pub cluster_by: Vec<String>,
    /// Planned share of each arm; empty means equal shares.
    pub shares: BTreeMap<String, f64>,
    /// The day the experiment began, in days since 1970-01-01.
    pub start: Option<f64>,
    /// The column with the time at which a unit was assigned; windows of metrics count from it, or else from `start`.
    pub assigned_at: Option<String>,
    /// The column with the time at which a unit first met its arm.
    pub exposed_at: Option<String>,
    /// The column with the period of a row, where units have several rows.
    pub period: Option<String>,
    /// One column with the chance of the arm that the unit got; absent where the shares are constant.
    pub propensity: Option<String>,
    /// Days before the start over which `pre_<metric>` is computed; absent means as long as the metric's window.
    pub pre_period: Option<f64>,
}

impl ExperimentPlan {
    /// Where a dotted path stands, or the nearest ancestor that is written in the file.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<Place> {
        place_at(&self.places, path)
    }

    /// The metric that is primary only because the plan names no other: a reader is to be told.
    #[must_use]
    pub fn primary_by_default(&self) -> Option<&str> {
        let first = self.metrics.first().filter(|metric| metric.role == Role::Primary)?;
        let declared = self.places.contains_key(&format!("metrics.{}.role", first.name));
        (!declared).then_some(first.name.as_str())
    }

    /// The metric that a covariate is the value of before the start: `sales` for `pre_sales`, where `sales` is a metric that
    /// is computed from rows with a time. Any other covariate is a column.
    #[must_use]
    pub fn before_start<'a>(&'a self, covariate: &str) -> Option<&'a Metric> {
        let name = covariate.strip_prefix(BEFORE)?;
        self.metrics.iter().find(|metric| metric.name == name && metric.time.is_some())
    }
}

/// The beginning of the name of a covariate that is a metric before the start.
const BEFORE: &str = "pre_";

keyed_enum! {
    /// The part a metric plays in the decision.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Role {
        /// What the experiment is to move.
        Primary = "primary",
        /// What it must not make worse.
        Guardrail = "guardrail",
        /// What else is of interest.
        Secondary = "secondary",
    }
}

keyed_enum! {
    /// The direction in which a metric gets worse.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Worse {
        /// Larger is worse, as for latency.
        Up = "up",
        /// Smaller is worse, as for sales.
        Down = "down",
    }
}

/// A size of an effect.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Amount {
    /// In units of the metric: `20`.
    Absolute(f64),
    /// As a share of the control mean: `1%` is 0.01.
    Relative(f64),
}

/// Days from the assignment: `[0d, 14d]` is the first fourteen days, `from` included and `to` not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// First day.
    pub from: f64,
    /// The day after the last.
    pub to: f64,
}

/// One metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Its name in the plan.
    pub name: String,
    /// The file or glob it is computed from; absent for the table of assignments.
    pub source: Option<String>,
    /// The number that it gives a unit.
    pub measure: Measure,
    /// The column of its source that names the unit; absent means the same name as in the assignments.
    pub per: Option<String>,
    /// The column of its source with the time of a row.
    pub time: Option<String>,
    /// The days that count.
    pub window: Option<Window>,
    /// The rows of its source that count.
    pub filter: Option<Written>,
    /// Its part in the decision.
    pub role: Role,
    /// The direction in which it gets worse.
    pub worse: Worse,
    /// How much worse a guardrail may get.
    pub margin: Option<Amount>,
    /// The smallest effect that matters.
    pub smallest_effect: Option<Amount>,
    /// Values above this quantile of all units are set to it.
    pub winsorise: Option<f64>,
}

keyed_enum! {
    /// Which effect is asked for.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum EffectRequest {
        /// The effect of being assigned.
        Itt = "itt",
        /// The effect of the treatment on those whom the assignment moves.
        Late = "late",
        /// The effect of the treatment on the treated.
        Att = "att",
        /// The effect of the treatment on everyone.
        Ate = "ate",
    }
}

keyed_enum! {
    /// How covariates enter.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Adjustment {
        /// Not at all.
        None = "none",
        /// With one slope for all arms.
        Ancova = "ancova",
        /// With a slope for each arm, Lin (2013).
        Lin = "lin",
    }
}

/// The section `analysis`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExperimentAnalysis {
    /// How covariates enter; absent means `lin`.
    pub adjust: Option<Adjustment>,
    /// The variance; absent means what fits the design.
    pub variance: Option<VarianceKind>,
    /// One minus the confidence level, in (0, 1); absent means 0.05.
    pub alpha: Option<f64>,
}

keyed_enum! {
    /// How looks are planned.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum LookPlan {
        /// One look, at the planned size.
        Fixed = "fixed",
        /// Any number of looks.
        Anytime = "anytime",
    }
}

/// The section `looks`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Looks {
    /// Whether the results may be looked at on the way.
    pub plan: LookPlan,
    /// Units, or clusters where there are any, at the end.
    pub planned_n: Option<usize>,
}
