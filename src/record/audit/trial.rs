//! The ideal trial beside the analysis, and the numbers of the report.

use super::blind::lines;
use super::checks::{Checked, Place};
use super::facts::{AuditFinding as Finding, Unaudited};
use super::history::{Filed, History, places_of};
use super::numbers::{Source, TracedNumber, derived, printed, traced as trace};
use super::places::{Placed, Scalar};
use crate::plan::TargetTrial;
use crate::text::escape::markdown_inline;
use std::collections::BTreeSet;

/// The eight components, in the order in which a critique has them.
pub(super) fn components(trial: &TargetTrial) -> [(&'static str, &str); 8] {
    [
        ("eligibility", &trial.eligibility),
        ("treatment_strategies", &trial.treatment_strategies),
        ("assignment", &trial.assignment),
        ("time_zero", &trial.time_zero),
        ("follow_up", &trial.follow_up),
        ("outcome", &trial.outcome),
        ("causal_contrast", &trial.causal_contrast),
        ("analysis_plan", &trial.analysis_plan),
    ]
}

/// Each component of the ideal trial that the plan states is held against what was done, in the critique and in the report.
pub(super) fn deviations(history: &History<'_>) -> Checked {
    let Some(plan) = history.observational() else { return Checked::not(Unaudited::NotInExperiments) };
    let stated = components(&plan.target_trial);
    if stated.iter().all(|it| it.1.trim().is_empty()) {
        return Checked::not(Unaudited::NoIdealTrial);
    }
    let Some(critique) = &history.last_critique else { return Checked::waits_for("critique.json") };
    let Some(read) = critique.read() else { return Checked::waits_for("critique.json") };
    let mut check = Checked::default();
    let mut contrasted = 0;
    for (at, (component, words)) in stated.iter().enumerate() {
        let name = (*component).to_owned();
        if words.trim().is_empty() {
            let line = plan.at("target_trial").map(|it| it.line);
            check.add(Finding::TrialUnstated { component: name }, history.plan_file.at(line));
            continue;
        }
        let said = read.trial_contrast.get(at).map(|it| it.this_analysis.trim()).filter(|it| !it.is_empty());
        let shown = said.and_then(|said| history.in_report(&markdown_inline(said)));
        if said.is_none() || history.report.is_some() && shown.is_none() {
            check.add(Finding::DeviationUnexplained { component: name }, critique.filed.at(None));
        } else {
            contrasted += 1;
        }
    }
    let departs = read.analyses.iter().filter(|it| {
        let said = it.departs_from_ate.trim();
        said.is_empty() || history.report.is_some() && history.in_report(&markdown_inline(said)).is_none()
    });
    for analysis in departs {
        let finding = Finding::DepartureUnexplained { estimand: analysis.estimand.clone() };
        check.add(finding, critique.filed.at(None));
    }
    if contrasted > 0 {
        let first = read.trial_contrast.first().map(|it| markdown_inline(it.this_analysis.trim()));
        let place = first.and_then(|said| history.in_report(&said)).unwrap_or_else(|| critique.filed.at(None));
        check.add(Finding::TrialContrasted { components: contrasted }, place);
    }
    check
}

/// Where every figure of the report comes from. Empty without a report.
pub(super) fn traced(history: &History<'_>) -> Vec<TracedNumber> {
    let Some(report) = history.report else { return Vec::new() };
    let documents: Vec<Filed<'_>> = [
        &history.results,
        &history.health,
        &history.looks,
        &history.identification,
        &history.dataset,
        &history.manifest,
    ]
    .into_iter()
    .flatten()
    .map(|document| document.filed)
    .chain(history.last_critique.as_ref().map(|document| document.filed))
    .chain(history.designs.values().map(|it| it.filed))
    .collect();
    let read = |filed: Filed<'_>| {
        let mut values = printed(places_of(filed));
        values.extend(derived(&values));
        values
    };
    let mut parsed: Vec<(Filed<'_>, Vec<Placed>)> = documents.into_iter().map(|filed| (filed, read(filed))).collect();
    // The principal's own words are quoted, and the report counts what the plan lists.
    parsed.insert(1.min(parsed.len()), (history.plan_file, lines(history.plan_file.file.text())));
    let sources: Vec<Source<'_>> =
        parsed.iter().map(|(filed, values)| Source { file: &filed.file.path, commit: filed.commit, values }).collect();
    let ids: Vec<String> = history.commits.iter().map(|commit| commit.id.clone()).collect();
    trace(report.file.text(), &sources, &ids)
}

/// Every figure of the report is in a document.
pub(super) fn numbers(history: &History<'_>, traced: &[TracedNumber]) -> Checked {
    let Some(report) = history.report else { return Checked::waits_for("report.md") };
    let mut check = Checked::default();
    let flagged = flagged(history);
    for number in traced.iter().filter(|it| it.from.is_none() && !it.constant) {
        let figure = number.figure.clone();
        let finding = if flagged.contains(&figure) {
            Finding::NumberFlagged { figure }
        } else {
            Finding::NumberUntraced { figure }
        };
        check.add(finding, report.at(Some(number.line)));
    }
    let documents: BTreeSet<String> = traced.iter().filter_map(|it| Some(it.from.as_ref()?.file.clone())).collect();
    let count = traced.iter().filter(|it| it.from.is_some()).count();
    let constants = traced.iter().filter(|it| it.constant).count();
    let documents = documents.into_iter().collect();
    let finding = Finding::NumbersTraced { traced: count, constants, all: traced.len(), documents };
    check.add(finding, Place { line: None, ..report.at(None) });
    check
}

/// Figures of language models that the results name as unknown.
fn flagged(history: &History<'_>) -> BTreeSet<String> {
    let figure = |placed: &Placed| match (&placed.value, placed.path.split(['.', '[']).any(|key| key == "flagged")) {
        (Scalar::Text(text), true) if placed.path.rsplit('.').next() == Some("figure") => Some(text.clone()),
        _ => None,
    };
    let critique = history.last_critique.as_ref().map(|document| places_of(document.filed)).unwrap_or_default();
    history.results_places.iter().chain(&critique).filter_map(figure).collect()
}
