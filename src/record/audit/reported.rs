//! What was tried, what was seen before, and what was done about it: all reported?

use super::EarlierOnRecord;
use super::checks::{Checked, Place};
use super::facts::{AuditFinding as Finding, Unaudited};
use super::history::History;
use crate::record::documents::SpecTried;
use crate::record::earlier::{LedgerAnswer, LedgerEntry};
use crate::record::experiment::{Look, SeenEffect};
use crate::spec::{Analysis, AnalysisSpec, Revision};
use crate::text::numbers::short_hash;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Every spec on record is in the results and in the report, and no other.
pub(super) fn specs(history: &History<'_>) -> Checked {
    if history.experiment().is_some() {
        return Checked::not(Unaudited::NotInExperiments);
    }
    if history.results.is_none() {
        return Checked::waits_for("results.json");
    }
    let mut check = Checked::default();
    let tried: Vec<SpecTried> = list(history, "specs_tried");
    for (iteration, spec) in &history.specs {
        let sha256 = spec.sha256();
        let listed = tried.iter().any(|it| it.iteration == *iteration && it.spec_sha256 == sha256);
        let line = history.in_report(&short_hash(&sha256)).filter(|_| listed);
        // A report that is not made yet leaves nothing out.
        let unreported = history.report.is_some() || !listed;
        match line {
            Some(place) => check.add(Finding::SpecReported { iteration: *iteration }, place),
            None if unreported => check.add(Finding::SpecNotReported { iteration: *iteration }, spec.filed.at(None)),
            None => check.unless_fault(Unaudited::NotThere { file: "report.md".to_owned() }),
        }
        if let Some(read) = spec.read().filter(|it| listed && lacks_effects(history, it)) {
            check.add(Finding::SpecWithoutEffects { iteration: read.iteration }, spec.filed.at(None));
        }
    }
    for (at, reported) in tried.iter().enumerate().filter(|it| !history.specs.contains_key(&it.1.iteration)) {
        let place = history.in_results(&format!("specs_tried[{at}]")).unwrap_or_else(results);
        check.add(Finding::SpecNotOnRecord { iteration: reported.iteration }, place);
    }
    check
}

/// True if an analysis that no earlier spec had has neither an effect in the results nor a reason for having none.
fn lacks_effects(history: &History<'_>, spec: &AnalysisSpec) -> bool {
    let results = history.results();
    let rows = results.and_then(|it| it.get("effects")?.as_array());
    let has_row = |analysis: &Analysis| {
        rows.into_iter().flatten().any(|row| {
            let iteration = row.get("iteration").and_then(Value::as_u64) == Some(u64::from(spec.iteration));
            iteration && row.get("requested").and_then(Value::as_str) == Some(analysis.requested.key())
        })
    };
    let excused = results.and_then(|it| it.get("not_estimated")?.as_array()).is_some_and(|reasons| !reasons.is_empty());
    let earlier = |analysis: &Analysis| {
        let before = history.specs.range(..spec.iteration).filter_map(|it| it.1.read());
        before.flat_map(|it| &it.analyses).any(|it| same_analysis(it, analysis))
    };
    let failed = |analysis: &Analysis| {
        let design = history.designs.get(&spec.iteration).and_then(|it| it.read());
        design
            .into_iter()
            .flat_map(|it| &it.analyses)
            .any(|it| it.requested == analysis.requested && it.failed.is_some())
    };
    !excused && spec.analyses.iter().any(|it| !has_row(it) && !earlier(it) && !failed(it))
}

/// True if two analyses compute the same; the reasons for them may differ.
fn same_analysis(a: &Analysis, b: &Analysis) -> bool {
    *a == Analysis { because: a.because.clone(), ..b.clone() }
}

/// What was unblinded before this run, by the record beside it, is in the results and in the report.
pub(super) fn earlier(history: &History<'_>, record: &EarlierOnRecord) -> Checked {
    let experiment = history.experiment().is_some();
    let opened = if experiment { &history.looks } else { &history.results };
    let Some(opened) = opened else {
        return Checked::waits_for(if experiment { "looks.json" } else { "results.json" });
    };
    let mut check = Checked::default();
    for what in &record.damage {
        check.add(Finding::RecordDamaged { what: what.clone() }, Place::outside(&record.file));
    }
    let place = if experiment { opened.filed.at(Some(1)) } else { results_at(history, "unblinded_before") };
    let count = if experiment {
        let reported: Vec<Look> =
            opened.read().and_then(|it| serde_json::from_value(it.clone()).ok()).unwrap_or_default();
        looks(&mut check, history, record, &reported);
        reported.len()
    } else {
        let reported: Vec<LedgerEntry> = list(history, "unblinded_before");
        analyses(&mut check, history, record, &reported);
        reported.len()
    };
    if !record.is_there {
        if record.made_here && history.unblinded.is_some() {
            check.add(Finding::RecordGone, Place::outside(&record.file));
        } else {
            check.unless_fault(Unaudited::NoRecord { file: record.file.clone() });
        }
    }
    check.add(Finding::EarlierReported { count }, place);
    check
}

fn analyses(check: &mut Checked, history: &History<'_>, record: &EarlierOnRecord, reported: &[LedgerEntry]) {
    for entry in &record.analyses {
        if !reported.iter().any(|it| same_entry(it, entry)) {
            check.add(Finding::EarlierNotReported { run: entry.run.clone() }, Place::outside(&record.file));
        }
    }
    for (at, entry) in reported.iter().enumerate() {
        if history.report.is_some() && history.in_report(&entry.run).is_none() {
            let place = results_at(history, &format!("unblinded_before[{at}]"));
            check.add(Finding::EarlierNotReported { run: entry.run.clone() }, place);
        }
    }
    for (at, commit) in history.commits.iter().enumerate() {
        let Some(trailer) = commit.trailer("Unblinded-Before") else { continue };
        let count = trailer.split(',').next().and_then(|count| count.trim().parse::<usize>().ok());
        if count != Some(reported.len()) {
            let finding = Finding::EarlierCountDiffers { trailer: trailer.to_owned(), reported: reported.len() };
            check.add(finding, Place::commit(at));
        }
    }
}

fn looks(check: &mut Checked, history: &History<'_>, record: &EarlierOnRecord, reported: &[Look]) {
    for (at, look) in record.looks.iter().enumerate() {
        if !reported.iter().any(|it| same_look(it, look)) {
            let run = (at + 1).to_string();
            check.add(Finding::EarlierNotReported { run }, Place::outside(&record.file));
        }
    }
    // The results list them all, and the look that they are.
    if history.results.is_some() {
        let shown: Vec<Look> = list(history, "looks");
        for (at, look) in reported.iter().enumerate().filter(|it| !shown.iter().any(|shown| same_look(shown, it.1))) {
            let run = format!("{} ({} rows)", at + 1, look.n);
            check.add(Finding::EarlierNotReported { run }, results_at(history, "looks"));
        }
    }
}

/// True if two lines are about the same analysis with the same answers. Results have twelve digits of a number, the ledger all.
fn same_entry(a: &LedgerEntry, b: &LedgerEntry) -> bool {
    let line = |entry: &LedgerEntry| LedgerEntry { answers: Vec::new(), ..entry.clone() };
    let pair = |it: (&LedgerAnswer, &LedgerAnswer)| {
        let (a, b) = it;
        let named = (a.asked, &a.name, a.tier) == (b.asked, &b.name, b.tier);
        let numbers = [(a.estimate, b.estimate), (a.ci_lower, b.ci_lower), (a.ci_upper, b.ci_upper)];
        named && numbers.iter().all(|it| same_number(it.0, it.1))
    };
    line(a) == line(b) && a.answers.len() == b.answers.len() && a.answers.iter().zip(&b.answers).all(pair)
}

/// The same of two looks.
fn same_look(a: &Look, b: &Look) -> bool {
    let line = |look: &Look| Look { seen: Vec::new(), ..look.clone() };
    let pair = |it: (&SeenEffect, &SeenEffect)| {
        let (a, b) = it;
        let named = (&a.metric, &a.arm, a.request, a.anytime) == (&b.metric, &b.arm, b.request, b.anytime);
        let numbers = [(a.estimate, b.estimate), (a.lower, b.lower), (a.upper, b.upper), (a.p_value, b.p_value)];
        named && numbers.iter().all(|it| same_number(Some(it.0), Some(it.1)))
    };
    line(a) == line(b) && a.seen.len() == b.seen.len() && a.seen.iter().zip(&b.seen).all(pair)
}

fn same_number(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-10 * a.abs().max(b.abs()),
        (None, None) => true,
        _ => false,
    }
}

/// Every revision is in the results and in the report, and nothing was revised without one.
pub(super) fn remediations(history: &History<'_>) -> Checked {
    if history.experiment().is_some() {
        return Checked::not(Unaudited::NotInExperiments);
    }
    if history.specs.is_empty() {
        return Checked::waits_for("spec.yaml");
    }
    let mut check = Checked::default();
    let tried: Vec<SpecTried> = list(history, "specs_tried");
    let mut before: Option<&AnalysisSpec> = None;
    let mut revised = false;
    for (iteration, spec) in &history.specs {
        let Some(read) = spec.read() else { continue };
        let reported = tried.iter().find(|it| it.iteration == *iteration);
        for revision in &read.revisions {
            revised = true;
            let named = (*iteration, revision.requested.acronym().to_owned(), revision.playbook.clone());
            let listed = reported.is_some_and(|it| it.revisions.contains(revision));
            let line = history.in_report(&revision.playbook).filter(|_| listed);
            let (iteration, estimand, playbook) = named;
            match line {
                Some(place) => check.add(Finding::RemediationReported { iteration, estimand, playbook }, place),
                None if history.results.is_none() || listed && history.report.is_none() => {
                    check.unless_fault(Unaudited::NotThere { file: "report.md".to_owned() });
                }
                None => {
                    let finding = Finding::RemediationNotReported { iteration, estimand, playbook };
                    check.add(finding, spec.filed.at(None));
                }
            }
        }
        for estimand in before.into_iter().flat_map(|before| changed_in_silence(before, read)) {
            revised = true;
            check.add(Finding::ChangedInSilence { iteration: *iteration, estimand }, spec.filed.at(None));
        }
        before = Some(read);
    }
    if !revised {
        check.unless_fault(Unaudited::NothingRevised);
    }
    check
}

/// The estimands whose analysis is another one without a revision that says so.
fn changed_in_silence(before: &AnalysisSpec, now: &AnalysisSpec) -> Vec<String> {
    let revised = |analysis: &Analysis| now.revisions.iter().any(|it: &Revision| it.requested == analysis.requested);
    let was = |analysis: &Analysis| before.analyses.iter().find(|it| it.requested == analysis.requested);
    let changed = |analysis: &&Analysis| was(analysis).is_none_or(|was| !same_analysis(was, analysis));
    let silent = now.analyses.iter().filter(changed).filter(|it| !revised(it));
    silent.map(|analysis| analysis.requested.acronym().to_owned()).collect()
}

/// A list of the results; empty if it is not there or of another form.
pub(super) fn list<T: DeserializeOwned>(history: &History<'_>, key: &str) -> Vec<T> {
    let found = history.results().and_then(|it| it.get(key)).cloned();
    found.and_then(|it| serde_json::from_value(it).ok()).unwrap_or_default()
}

fn results_at(history: &History<'_>, path: &str) -> Place {
    history.in_results(path).unwrap_or_else(results)
}

fn results() -> Place {
    Place::outside("results.json")
}
