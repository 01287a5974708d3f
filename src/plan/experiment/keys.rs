//! Every key of a plan with `design: experiment`.
//!
//! The reader refuses what is not in this table; the tables of `docs/experiments.md` are made from it.

use super::{Adjustment, EffectRequest, LookPlan, Role, Worse};
use crate::plan::Gate;
use crate::plan::keys::Otherwise::{Nothing, Required, Value, Words as Says};
use crate::plan::keys::{COLUMN, PlanKey, PlanSection, RARE_LEVELS, Takes, key};
use causal::experiment::VarianceKind;

/// The word that tells such a plan from others.
pub(super) const DESIGN: &str = "experiment";

pub(super) const ROLES: [(&str, Role); 3] =
    [("primary", Role::Primary), ("guardrail", Role::Guardrail), ("secondary", Role::Secondary)];
pub(super) const WORSE: [(&str, Worse); 2] = [("down", Worse::Down), ("up", Worse::Up)];
pub(super) const REQUESTS: [(&str, EffectRequest); 4] = [
    ("itt", EffectRequest::Itt),
    ("late", EffectRequest::Late),
    ("att", EffectRequest::Att),
    ("ate", EffectRequest::Ate),
];
pub(super) const ADJUSTMENTS: [(&str, Adjustment); 3] =
    [("none", Adjustment::None), ("ancova", Adjustment::Ancova), ("lin", Adjustment::Lin)];
pub(super) const LOOK_PLANS: [(&str, LookPlan); 2] = [("fixed", LookPlan::Fixed), ("anytime", LookPlan::Anytime)];
pub(super) const VARIANCES: [(&str, VarianceKind); 10] = [
    ("iid", VarianceKind::Iid),
    ("hc0", VarianceKind::Hc0),
    ("hc1", VarianceKind::Hc1),
    ("hc2", VarianceKind::Hc2),
    ("hc3", VarianceKind::Hc3),
    ("cr0", VarianceKind::Cr0),
    ("cr1", VarianceKind::Cr1),
    ("cr1s", VarianceKind::Cr1s),
    ("cr2", VarianceKind::Cr2),
    ("cr3", VarianceKind::Cr3),
];

/// An experiment has no spec beside its plan.
pub(super) const GATES: [Gate; 3] = [Gate::Plan, Gate::Unblind, Gate::Publish];

const DURATION: Takes = Takes::Described("a number of days, hours or weeks: `14d`, `12h`, `2w`");
const AMOUNT: Takes = Takes::Described("a number in units of the metric, or `1%` of the control mean");

const TOP: &[PlanKey] = &[
    key("title", Takes::Text, Required, "the name of the experiment"),
    key("question", Takes::Text, Required, "the question in words: which change, for whom, on what"),
    key("design", Takes::Word(|| vec![DESIGN]), Required, "says that this is the plan of an experiment"),
    key("data", Takes::Section, Required, "the table of assignments: a row for each unit, or for each unit and period"),
    key("assignment", Takes::Section, Required, "who was assigned to what, and how"),
    key(
        "treated",
        Takes::Column,
        Says("everyone took up the arm they were assigned to"),
        "the arm that a unit took up, or whether it took one up at all (0/1, true/false)",
    ),
    key("metrics", Takes::Section, Required, "the metrics by name; at least one"),
    key(
        "covariates",
        Takes::Columns,
        Nothing,
        "columns of the table of assignments that were settled before the start, or `pre_NAME`: the metric NAME over the days before it",
    ),
    key("segments", Takes::Conditions, Nothing, "parts of the units for which effects are given too, as conditions"),
    key("looks", Takes::Section, Says("one look"), "when the results are looked at"),
    key("requests", Takes::Words(|| words(&REQUESTS)), Value("[itt]"), "the effects asked for"),
    key("analysis", Takes::Section, Nothing, "how they are estimated"),
    key(
        "logged_actions",
        Takes::Section,
        Nothing,
        "decisions of an agent with the chances of what it did: values of policies, credits of steps",
    ),
    key(
        "gates",
        Takes::Words(|| GATES.map(Gate::key).to_vec()),
        Nothing,
        "where the run stops until a person has approved: see `docs/oversight.md`",
    ),
    key("privacy", Takes::Section, Nothing, "limits on what is shown"),
    key("seed", Takes::Whole(0, None), Value("20261121"), "the root of every random stream"),
];

const DATA: &[PlanKey] = &[
    key("source", Takes::File, Required, "CSV or Parquet: a file, a glob, or an object such as `s3://bucket/key.csv`"),
    key("columns", Takes::Section, Nothing, "how to read a column, and when it was measured"),
    key("rare_levels", Takes::Section, Nothing, "levels of categories that are made one, in every covariate"),
    key(
        "missing_values",
        Takes::Texts,
        Says("the words that are recognised: see `docs/data.md`"),
        "further values that mean a missing one, in every column",
    ),
    key(
        "filter",
        Takes::Conditions,
        Says("every row"),
        "the units that the experiment is about; not by what it may change",
    ),
    key("derive", Takes::Expressions, Nothing, "columns that are computed, e.g. `log_tenure: log(tenure + 1)`"),
];

const ASSIGNMENT: &[PlanKey] = &[
    key("column", Takes::Column, Required, "the arm that a unit was assigned to"),
    key("control", Takes::Level, Required, "the arm that the others are compared with"),
    key("unit_id", Takes::Column, Says("every row is a unit; required for metrics with a `source`"), "names the unit"),
    key(
        "cluster_by",
        Takes::Columns,
        Says("rows are independent"),
        "units that were randomised together; must name `unit_id` where units have several rows",
    ),
    key(
        "shares",
        Takes::Described("arms with their planned share: `{control: 0.5, new: 0.5}`"),
        Says("equal shares"),
        "what the sample ratio is held against; the shares sum to 1",
    ),
    key("start", Takes::Described("a date: `2026-03-01`"), Nothing, "the day the experiment began"),
    key("assigned_at", Takes::Column, Says("`start`"), "when a unit was assigned; windows count from here"),
    key("exposed_at", Takes::Column, Nothing, "when a unit first met its arm"),
    key("period", Takes::Column, Nothing, "the period of a row, where units have several rows"),
    key(
        "propensity",
        Takes::Column,
        Says("one chance for all units of an arm"),
        "the chance that a unit had of the arm that it got",
    ),
    key("pre_period", DURATION, Says("as long as the window of the metric"), "how far back `pre_NAME` looks"),
];

const METRIC: &[PlanKey] = &[
    key("source", Takes::File, Says("the table of assignments"), "the file, glob or object that it is computed from"),
    key(
        "expression",
        Takes::Described(
            "`sum(x)`, `mean(x)`, `min(x)`, `max(x)`, `count()`, `distinct(x)`, `quantile(x, 0.9)`; without `source` also an expression",
        ),
        Says("this or `ratio`"),
        "the number of a unit; a quantile is that of all rows",
    ),
    key(
        "ratio",
        Takes::Described("a list of two of the same: `[sum(amount), count()]`"),
        Says("this or `expression`"),
        "the sum of the first over units, divided by that of the second",
    ),
    key(
        "per",
        Takes::Column,
        Says("the name that `assignment.unit_id` has"),
        "the column of `source` that names the unit",
    ),
    key(
        "time",
        Takes::Column,
        Says("every row counts"),
        "the time of a row of `source`; rows count from the assignment on",
    ),
    key(
        "window",
        Takes::Described("a list of two: `[0d, 14d]`"),
        Says("no end"),
        "the days from the assignment that count",
    ),
    key("filter", Takes::Described("an expression"), Says("every row"), "the rows of `source` that count"),
    key(
        "role",
        Takes::Word(|| words(&ROLES)),
        Says("`primary` for the first metric if no other is; else `secondary`"),
        "its part in the decision",
    ),
    key("worse", Takes::Word(|| words(&WORSE)), Value("down"), "the direction in which it gets worse"),
    key("margin", AMOUNT, Says("required for a guardrail"), "how much worse a guardrail may get"),
    key("smallest_effect", AMOUNT, Nothing, "the smallest effect that matters"),
    key(
        "winsorise",
        Takes::Described("a number between 0.5 and 1"),
        Says("values stay as they are"),
        "values above this quantile of all units are set to it",
    ),
];

const LOOKS: &[PlanKey] = &[
    key(
        "plan",
        Takes::Word(|| words(&LOOK_PLANS)),
        Value("fixed"),
        "one look at the end, or any number of them, which costs width",
    ),
    key(
        "planned_n",
        Takes::Whole(2, None),
        Says("required with `anytime`"),
        "units at the end, or clusters where `cluster_by` is given",
    ),
];

const ANALYSIS: &[PlanKey] = &[
    key(
        "adjust",
        Takes::Word(|| words(&ADJUSTMENTS)),
        Says("`lin`, where there are covariates"),
        "how covariates enter",
    ),
    key("variance", Takes::Word(|| words(&VARIANCES)), Says("by the design"), "the variance; `cr` is for clusters"),
    key("alpha", Takes::Number, Says("0.05"), "one minus the confidence level; below 0.5"),
];

const LOGGED_ACTIONS: &[PlanKey] = &[
    key("source", Takes::File, Required, "the file or glob with a row for each decision"),
    key("per", Takes::Column, Says("the name that `assignment.unit_id` has"), "the column that names the unit"),
    key("action", Takes::Column, Says("required with `policies`"), "what was done"),
    key(
        "probability",
        Takes::Column,
        Says("required with `policies`"),
        "the chance that it had when it was drawn; above 0 and at most 1",
    ),
    key("reward", Takes::Column, Required, "what came of the decision: a number"),
    key("covariates", Takes::Columns, Nothing, "columns that were known before the action"),
    key(
        "scores",
        Takes::Columns,
        Nothing,
        "performance scores of the decision: shown beside the answers, and no part of them",
    ),
    key("policies", Takes::Section, Nothing, "the policies to be valued, by name"),
    key("steps", Takes::Section, Nothing, "the steps that a coin of their own switched on or off, by name"),
];

const POLICY: &[PlanKey] = &[
    key("always", Takes::Level, Says("this or `column`"), "the action that it takes in every decision"),
    key("column", Takes::Column, Says("this or `always`"), "the column with the action that it takes in each"),
];

const STEP: &[PlanKey] = &[
    key("column", Takes::Column, Says("the name of the step"), "whether it was on (0/1, true/false)"),
    key(
        "probability",
        Takes::Described("a number between 0 and 1, or the name of a column"),
        Required,
        "the chance that it was on",
    ),
];

const PRIVACY: &[PlanKey] =
    &[key("min_cell", Takes::Whole(2, None), Value("10"), "cells of fewer units are not shown")];

/// Every mapping of the plan of an experiment.
pub const SECTIONS: &[PlanSection] = &[
    PlanSection { path: "", keys: TOP },
    PlanSection { path: "data", keys: DATA },
    PlanSection { path: "data.columns.*", keys: COLUMN },
    PlanSection { path: "data.rare_levels", keys: RARE_LEVELS },
    PlanSection { path: "assignment", keys: ASSIGNMENT },
    PlanSection { path: "metrics.*", keys: METRIC },
    PlanSection { path: "looks", keys: LOOKS },
    PlanSection { path: "analysis", keys: ANALYSIS },
    PlanSection { path: "logged_actions", keys: LOGGED_ACTIONS },
    PlanSection { path: "logged_actions.policies.*", keys: POLICY },
    PlanSection { path: "logged_actions.steps.*", keys: STEP },
    PlanSection { path: "privacy", keys: PRIVACY },
];

fn words<T>(table: &[(&'static str, T)]) -> Vec<&'static str> {
    table.iter().map(|(word, _)| *word).collect()
}
