//! What `check` says about an experiment: who would be compared, what was done to the values, and whether the randomisation
//! looks like one. No effect is computed for it.

use super::{logged_words, words};
use crate::record::experiment::{HealthDocument, MetricCounters};
use crate::record::logged_actions::LoggedAudit;
use crate::report::sentences;
use crate::text::lists::listed;
use crate::text::numbers::{count, percent};
use crate::text::untrusted::visible;
use std::fmt::Write as _;

/// A plan that was held against its tables.
#[derive(Debug, Clone, Copy)]
pub struct CheckedExperiment<'a> {
    /// Title of the plan.
    pub title: &'a str,
    /// The metrics with what was done to their values.
    pub metrics: &'a [(&'a str, &'a MetricCounters)],
    /// Those of them that could not be computed, with the reasons.
    pub refused: &'a [(String, String)],
    /// The metric that is primary because the plan names no other.
    pub primary_by_default: Option<&'a str>,
    /// The audit.
    pub health: &'a HealthDocument,
    /// The audit of the log of decisions, where the plan has one.
    pub logged: Option<&'a LoggedAudit>,
}

/// The check in plain text.
#[must_use]
pub fn checked(input: &CheckedExperiment<'_>) -> String {
    let design = &input.health.design;
    let mut out = format!("{}\n", visible(input.title));
    let mut line = |text: String| {
        let _ = writeln!(out, "{text}");
    };
    line(format!("{} units in {} rows:", count(design.units), count(design.rows)));
    for arm in &design.arms {
        let clusters = arm.clusters.map_or(String::new(), |n| format!(" in {} clusters", count(n)));
        let took = arm.take_up.map_or(String::new(), |share| format!(", {} took a treatment up", percent(share)));
        let planned = percent(arm.planned_share);
        let control = if arm.control { ", the control" } else { "" };
        line(format!(
            "  `{}`{control}: {} units{clusters}, planned {planned}{took}",
            visible(&arm.arm),
            count(arm.units)
        ));
    }
    design.filtered_out.and_then(words::filtered_out).into_iter().for_each(&mut line);
    let covariates = if design.covariates.is_empty() {
        "none".to_owned()
    } else {
        listed(&design.covariates.iter().map(|term| format!("`{}`", visible(term))).collect::<Vec<_>>())
    };
    line(format!("Covariates: {covariates}; {}", words::adjustment(design.adjustment)));
    for (name, counters) in input.metrics {
        line(format!("Metric `{}`: {}", visible(name), done(counters)));
    }
    for (name, reason) in input.refused {
        line(format!("Metric `{}` is refused, and the run goes on without it: {}.", visible(name), visible(reason)));
    }
    if let Some(name) = input.primary_by_default {
        line(format!(
            "`{}` is the primary metric, because the plan names no other: write `role: primary`.",
            visible(name)
        ));
    }
    line(format!("Randomisation: {}", input.health.tier.key()));
    for check in &input.health.checks {
        line(format!(
            "  {}: {}. {}",
            words::health(check.code),
            sentences::severity(check.severity),
            visible(&check.message)
        ));
    }
    if let Some(audit) = input.logged {
        line(format!("Log of the agent's decisions: {}", audit.tier.key()));
        logged_words::whose(audit).iter().for_each(|said| line(format!("  {}", visible(said))));
        for (owner, check) in logged_words::checks(audit) {
            let owner = owner.map_or(String::new(), |owner| format!(", `{}`", visible(owner)));
            let result = sentences::severity(check.severity);
            line(format!("  {}{owner}: {result}. {}", logged_words::check(check.code), visible(&check.message)));
        }
    }
    out
}

/// What was done to the values of a metric, those counts that are not 0.
fn done(counters: &MetricCounters) -> String {
    let counts = [
        ("rows filtered", counters.filtered),
        ("rows outside the window", counters.outside_window),
        ("rows of units that were not assigned", counters.not_assigned),
        ("rows of units that `data.filter` leaves out", counters.of_filtered_units),
        ("rows without a value", counters.rows_without_value),
        ("units without rows", counters.units_without_rows),
        ("of those set to 0", counters.set_to_zero),
        ("values winsorised", counters.winsorised),
        ("units whose window is not over", counters.window_not_over),
    ];
    let done = counts.iter().filter(|(_, n)| *n > 0).map(|(noun, n)| format!("{} {noun}", count(*n)));
    let done: Vec<String> = std::iter::once(format!("{} rows", count(counters.rows))).chain(done).collect();
    done.join(", ")
}
