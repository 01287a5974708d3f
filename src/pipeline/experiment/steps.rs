//! The files and the message of every step of an experiment: what a reviewer reads in `git log -p`.
//!
//! ```text
//! plan      plan.yaml, manifest.json, .gitattributes
//! data      dataset.json: fingerprints, columns, and for each metric what was done to its values
//! health    health.json: the audit, before any effect; logged_actions.json: that of the log of decisions
//! unblind   looks.json: the looks on record before this one
//! results   results.json, effects.csv, segments_covariance.json (how effects in segments vary together), plots
//! report    report.md, report.html
//! ```

use super::modelling::Experiment;
use crate::finding::Severity;
use crate::pipeline::layout::{ATTRIBUTES, ATTRIBUTES_FILE, LAYOUT, gate_words};
use crate::plan::Gate;
use crate::record::experiment::{ExperimentResults, HealthDocument, Look, Verdict};
use crate::record::logged_actions::LoggedAudit;
use crate::record::{ReportError, json};
use crate::report::experiment::{self, ExperimentInput, PlacedExperimentFigure};
use crate::report::plots::experiment as plots;
use crate::schema::{DatasetDocument, FilteredOut, MetricCounters};
use crate::store::{GATE, Step};
use crate::text::escape::one_line;
use crate::text::lists::counted;
use crate::text::untrusted::visible;
use serde::Serialize;
use std::collections::BTreeMap;

/// The trailers that must agree when a run is resumed.
#[must_use]
pub fn identity(experiment: &Experiment) -> Vec<(String, String)> {
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    vec![
        pair("Plan-SHA256", &experiment.plan_sha256),
        pair("Data-SHA256", &experiment.table.sha256),
        pair("Tool-Version", crate::VERSION),
    ]
}

fn step(experiment: &Experiment, subject: &str) -> Step {
    Step { trailers: identity(experiment), ..Step::new(one_line(subject)) }
}

/// `manifest.json`.
#[derive(Debug, Serialize)]
struct Manifest<'a> {
    layout: u32,
    design: &'static str,
    tool: &'static str,
    tool_version: &'static str,
    plan_sha256: &'a str,
    data_sha256: &'a str,
    seed: u64,
}

/// `dataset.json`.
#[derive(Debug, Serialize)]
struct Data<'a> {
    assignments: &'a DatasetDocument,
    #[serde(skip_serializing_if = "Option::is_none")]
    filtered_out: Option<FilteredOut>,
    files: &'a BTreeMap<String, String>,
    sha256: &'a str,
    metrics: BTreeMap<&'a str, &'a MetricCounters>,
    /// Why metrics that could not be computed were not.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    refused_metrics: BTreeMap<String, String>,
    covariate_values_filled: &'a BTreeMap<String, usize>,
}

/// The plan as it was written, and what is about to run it.
///
/// # Errors
/// [`ReportError`].
pub fn plan_step(experiment: &Experiment) -> Result<Step, ReportError> {
    let manifest = Manifest {
        layout: LAYOUT,
        design: "experiment",
        tool: "oci-agent",
        tool_version: crate::VERSION,
        plan_sha256: &experiment.plan_sha256,
        data_sha256: &experiment.table.sha256,
        seed: experiment.plan.seed,
    };
    Ok(step(experiment, &format!("plan: {}", experiment.plan.title))
        .body(visible(experiment.plan.question.trim()))
        .file(ATTRIBUTES_FILE, ATTRIBUTES)
        .file("plan.yaml", experiment.plan_bytes.clone())
        .file("manifest.json", json::to_bytes(&manifest)?))
}

/// A gate: no file changes, and the tree that is to be decided on is named.
#[must_use]
pub fn gate_step(gate: Gate, tree: &str, experiment: &Experiment) -> Step {
    let (subject, next) = gate_words(gate, tree);
    step(experiment, &subject).body(next).trailer(GATE, gate.key())
}

/// What was read, and what was done to it.
///
/// # Errors
/// [`ReportError`].
pub fn dataset_step(experiment: &Experiment) -> Result<Step, ReportError> {
    let table = &experiment.table;
    let columns = table.metrics.iter().chain(table.refused.iter().map(|refused| &refused.column));
    let data = Data {
        assignments: &table.assignments,
        filtered_out: table.filtered_out,
        files: &table.files,
        sha256: &table.sha256,
        metrics: columns.map(|column| (column.name.as_str(), &column.counters)).collect(),
        refused_metrics: experiment.refused_metrics().into_iter().collect(),
        covariate_values_filled: &table.filled,
    };
    let subject = format!(
        "data: {} in {}, {} from {}",
        counted(table.unit_count, "unit"),
        counted(table.arms.len(), "arm"),
        counted(table.metrics.len(), "metric"),
        counted(table.files.len(), "file")
    );
    Ok(step(experiment, &subject).file("dataset.json", json::to_bytes(&data)?))
}

/// The audit, on record before any effect is.
///
/// # Errors
/// [`ReportError`].
pub fn health_step(
    experiment: &Experiment,
    health: &HealthDocument,
    logged: Option<&LoggedAudit>,
) -> Result<Step, ReportError> {
    let own = health.checks.iter().map(|check| (check.severity, &check.message));
    let of_log = logged.into_iter().flat_map(LoggedAudit::all_checks).map(|check| (check.severity, &check.message));
    let worse = own.chain(of_log).filter(|check| check.0 > Severity::Withheld);
    let lines: Vec<String> =
        worse.map(|(severity, message)| format!("{}: {}", severity.key(), visible(message))).collect();
    let log = logged.map_or(String::new(), |audit| format!("; log of decisions: {}", audit.tier.key()));
    let subject = format!("health: {}{log}", health.tier.key());
    let body = if lines.is_empty() { "Every check was made and passed.".to_owned() } else { lines.join("\n") };
    let made = step(experiment, &subject).body(body).file("health.json", json::to_bytes(health)?);
    Ok(match logged {
        Some(audit) => made.file("logged_actions.json", json::to_bytes(audit)?),
        None => made,
    })
}

/// The looks before this one. Effects exist from here on.
///
/// # Errors
/// [`ReportError`].
pub fn unblind_step(experiment: &Experiment, looks: &[Look]) -> Result<Step, ReportError> {
    let subject = format!("unblind: look {} at these metrics", looks.len() + 1);
    let body =
        "Metrics, segments and the smallest effects that matter are frozen in plan.yaml; effects exist from here on.";
    Ok(step(experiment, &subject).body(body).file("looks.json", json::to_bytes(&looks)?))
}

/// The effects and the decision.
///
/// # Errors
/// [`ReportError`].
pub fn results_step(
    experiment: &Experiment,
    results: &ExperimentResults,
    figures: &[PlacedExperimentFigure<'_>],
) -> Result<Step, ReportError> {
    let verdict = |verdict: Verdict| verdict.key();
    let decisions: Vec<String> =
        results.decisions.iter().map(|arm| format!("{} {}", visible(&arm.arm), verdict(arm.verdict))).collect();
    let reasons: Vec<String> =
        results.decisions.iter().map(|arm| visible(&format!("{}: {}.", arm.arm, arm.reason))).collect();
    let mut made = step(experiment, &format!("decision: {}", decisions.join(", ")))
        .body(reasons.join("\n"))
        .file("results.json", json::to_bytes(results)?)
        .file("effects.csv", experiment::effects_csv(results)?);
    if !results.segment_covariances.is_empty() {
        made = made.file("segments_covariance.json", json::to_bytes(&results.segment_covariances)?);
    }
    for placed in figures {
        made = made.file(placed.path.clone(), placed.figure.svg.clone());
    }
    Ok(made)
}

/// The report, which ends the run.
///
/// # Errors
/// [`ReportError`].
pub fn report_step(experiment: &Experiment, input: &ExperimentInput<'_>) -> Result<Step, ReportError> {
    let report = step(experiment, "report")
        .file("report.md", experiment::markdown(input)?)
        .file("report.html", experiment::html(input)?)
        .last();
    let waits = experiment.plan.gates.contains(&Gate::Publish);
    Ok(if waits { report.trailer(GATE, Gate::Publish.key()) } else { report })
}

/// The figures of the results.
///
/// # Errors
/// [`ReportError`].
pub fn figures(results: &ExperimentResults) -> Result<Vec<plots::ExperimentFigure>, ReportError> {
    plots::figures(results)
}
