//! Checks that mean something else in an experiment.

use super::checks::Checked;
use super::facts::AuditFinding as Finding;
use super::history::{Document, History, line_of, places_of};
use super::reported::list;
use crate::plan::Measured;
use crate::record::experiment::{EffectRow, HealthCheck, HealthCode, HealthDocument, MetricResult};
use std::collections::BTreeSet;

/// The checks of a randomisation that need no effect.
const HEALTH: [HealthCode; 13] = [
    HealthCode::SampleRatio,
    HealthCode::SampleRatioByDay,
    HealthCode::TwoArms,
    HealthCode::AssignedAfterExposure,
    HealthCode::PrePeriod,
    HealthCode::CovariatesPredict,
    HealthCode::FewClusters,
    HealthCode::TermsAgainstClusters,
    HealthCode::FirstStage,
    HealthCode::Propensity,
    HealthCode::MissingOutcomes,
    HealthCode::FollowUp,
    HealthCode::Looks,
];

fn health(history: &History<'_>) -> Option<HealthDocument> {
    let value = history.health.as_ref().and_then(Document::read)?;
    serde_json::from_value(value.clone()).ok()
}

/// Metrics and requests are those of the plan, and none is left out.
pub(super) fn as_planned(history: &History<'_>) -> Checked {
    let Some(plan) = history.experiment() else { return Checked::default() };
    if history.results.is_none() {
        return Checked::waits_for("results.json");
    }
    let mut check = Checked::default();
    let (metrics, effects): (Vec<MetricResult>, Vec<EffectRow>) = (list(history, "metrics"), list(history, "effects"));
    let mut told = BTreeSet::new();
    let mut not_planned = |check: &mut Checked, part: &str, name: &str, path: String| {
        if told.insert((part.to_owned(), name.to_owned()))
            && let Some(place) = history.in_results(&path)
        {
            check.add(Finding::NotPlanned { part: part.to_owned(), name: name.to_owned() }, place);
        }
    };
    let planned = |name: &str| plan.metrics.iter().any(|metric| metric.name == name);
    for (at, metric) in metrics.iter().enumerate().filter(|it| !planned(&it.1.name)) {
        not_planned(&mut check, "metric", &metric.name, format!("metrics[{at}].name"));
    }
    for (at, row) in effects.iter().enumerate() {
        if !planned(&row.metric) {
            not_planned(&mut check, "metric", &row.metric, format!("effects[{at}].metric"));
        }
        if !plan.requests.contains(&row.request) {
            not_planned(&mut check, "request", row.request.key(), format!("effects[{at}].request"));
        }
    }
    for metric in &plan.metrics {
        let refused = list::<serde_json::Value>(history, "refused");
        let named = |value: &serde_json::Value| value.get("metric").and_then(|it| it.as_str()) == Some(&metric.name);
        let there = effects.iter().any(|row| row.metric == metric.name) || refused.iter().any(named);
        if let Some(place) = history.in_results("effects").filter(|_| !there) {
            let document = format!("metric {}", metric.name);
            check.add(Finding::Absent { document, iteration: None }, place);
        }
    }
    if let Some(place) = history.in_results("effects").filter(|_| !check.has_fault()) {
        check.add(Finding::ComparedAsPlanned { effects: effects.len() }, place);
    }
    check
}

/// Covariates are those of the plan, and none was measured after assignment.
pub(super) fn covariates(history: &History<'_>) -> Checked {
    let (Some(plan), Some(document)) = (history.experiment(), &history.health) else {
        return Checked::waits_for("health.json");
    };
    let Some(health) = health(history) else { return Checked::waits_for("health.json") };
    let mut check = Checked::default();
    let places = places_of(document.filed);
    let at = |path: String| document.filed.at(line_of(&places, &path));
    for (i, column) in health.design.covariates.iter().enumerate() {
        let path = || format!("design.covariates[{i}]");
        let names = plan.covariates.iter().any(|planned| is_term_of(column, planned));
        if !names {
            check.add(Finding::NotPlanned { part: "covariate".to_owned(), name: column.clone() }, at(path()));
        }
    }
    let measured = |column: &String| plan.data.columns.get(column).and_then(|it| it.measured);
    for column in plan.covariates.iter().filter(|column| measured(column) == Some(Measured::After)) {
        let line = plan.at("covariates").map(|it| it.line);
        let finding = Finding::MeasuredAfter { iteration: 1, column: column.clone() };
        check.add(finding, history.plan_file.at(line));
    }
    let before = plan.covariates.iter().filter(|column| measured(column) == Some(Measured::Before)).count();
    let columns = plan.covariates.len();
    let finding = Finding::Adjusted { iteration: 1, columns, declared_before: before, graph: false };
    check.add(finding, at("design.covariates".to_owned()));
    check
}

/// A covariate as it is written in the audit: the column, or one of its levels (`region == south`).
fn is_term_of(term: &str, column: &str) -> bool {
    let parsed = crate::term::Term::parse(term);
    term == column || parsed.is_ok_and(|term| term.columns().contains(&column))
}

/// Every check of the randomisation was made, or says why it has no meaning.
pub(super) fn diagnostics(history: &History<'_>) -> Checked {
    let Some(document) = &history.health else { return Checked::waits_for("health.json") };
    let Some(health) = health(history) else { return Checked::waits_for("health.json") };
    let mut check = Checked::default();
    for code in HEALTH.into_iter().filter(|code| !health.checks.iter().any(|it| it.code == *code)) {
        let (of, diagnostic) = (String::new(), code.key().to_owned());
        check.add(Finding::DiagnosticMissing { iteration: None, of, diagnostic }, document.filed.at(None));
    }
    if let Some(place) = history.in_results("checks_of_effects") {
        let later: Vec<HealthCheck> = list(history, "checks_of_effects");
        if !later.iter().any(|it| it.code == HealthCode::Novelty) {
            let diagnostic = HealthCode::Novelty.key().to_owned();
            check.add(Finding::DiagnosticMissing { iteration: None, of: String::new(), diagnostic }, place);
        }
    }
    check.add(Finding::DiagnosticsRun { iteration: None, findings: health.checks.len() }, document.filed.at(None));
    check
}
