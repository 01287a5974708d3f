//! Plan, spec and design against each other, and the allow-list.

use super::checks::{Checked, Place};
use super::facts::{AuditFinding as Finding, Unaudited};
use super::history::History;
use super::{AlignmentSubject, Outside, experiment};
use crate::plan::Tool;
use causal::estimator::EstimatorKind;
use serde_json::Value;
use std::collections::BTreeSet;

/// Specs and designs are what the plan says, and every document is about the spec on record.
pub(super) fn alignment(history: &History<'_>, outside: &Outside) -> Checked {
    if history.experiment().is_some() {
        return experiment::as_planned(history);
    }
    if history.specs.is_empty() {
        return Checked::waits_for("spec.yaml");
    }
    let mut check = Checked::default();
    held(&mut check, history, outside, AlignmentSubject::General);
    for (iteration, spec) in &history.specs {
        let made = outside.held_against_plan.iter().filter(|it| it.iteration == *iteration);
        let checks = made.filter(|it| it.subject == AlignmentSubject::General && it.check.holds).count();
        if checks > 0 {
            check.add(Finding::Aligned { iteration: *iteration, checks }, spec.filed.at(Some(1)));
        }
        let absent = |document: &str| Finding::Absent { document: document.to_owned(), iteration: Some(*iteration) };
        // Where the run was interrupted, the last iteration lacks what was not made yet.
        if history.unblinded.is_some() && !history.designs.contains_key(iteration) {
            check.add(absent("design.json"), spec.filed.at(None));
        }
        if history.unblinded.is_some() && !history.critiques.contains_key(iteration) {
            check.add(absent("critique.json"), spec.filed.at(None));
        }
    }
    for (iteration, critique) in &history.critiques {
        let Some(read) = critique.read() else { continue };
        let spec = history.specs.get(iteration).map(|spec| spec.sha256());
        if spec.as_ref() != Some(&read.spec_sha256) {
            let named = read.spec_sha256.clone();
            check.add(Finding::OtherSpec { iteration: *iteration, named }, critique.filed.at(None));
        }
    }
    let hashes: BTreeSet<String> = history.specs.values().map(|spec| spec.sha256()).collect();
    let named =
        history.results().and_then(|it| it.get("spec_sha256")?.as_str()).filter(|named| !hashes.contains(*named));
    if let (Some(named), Some(place)) = (named, history.in_results("spec_sha256")) {
        let last = history.specs.keys().last().copied().unwrap_or_default();
        check.add(Finding::OtherSpec { iteration: last, named: named.to_owned() }, place);
    }
    check
}

/// Adds the claims of one subject that do not hold.
pub(super) fn held(check: &mut Checked, history: &History<'_>, outside: &Outside, subject: AlignmentSubject) {
    let of_subject = outside.held_against_plan.iter().filter(|it| it.subject == subject && !it.check.holds);
    for found in of_subject {
        let place =
            history.specs.get(&found.iteration).map_or_else(|| Place::outside("spec.yaml"), |it| it.filed.at(None));
        let (claim, detail) = (found.check.check.clone(), found.check.detail.clone());
        check.add(Finding::NotAligned { iteration: found.iteration, check: claim, detail }, place);
    }
}

/// Nothing outside the allow-list was estimated with, or offered to a model.
pub(super) fn tools(history: &History<'_>, outside: &Outside) -> Checked {
    let Some(plan) = history.observational() else { return Checked::not(Unaudited::NotInExperiments) };
    let mut check = Checked::default();
    held(&mut check, history, outside, AlignmentSubject::AllowList);
    if let Some(results) = history.results() {
        let rows = results.get("effects").and_then(Value::as_array);
        let estimators = rows.into_iter().flatten().enumerate().filter_map(|(at, row)| {
            let key = row.get("effect")?.get("estimator")?.as_str()?;
            Some((at, key))
        });
        let (mut estimates, mut told) = (0, BTreeSet::new());
        for (at, key) in estimators {
            estimates += 1;
            let tool = EstimatorKind::parse(key).and_then(Tool::for_estimator);
            let unknown = EstimatorKind::parse(key).is_none();
            if (unknown || tool.is_some_and(|tool| !plan.tools.contains(&tool))) && told.insert(key) {
                let place = history.in_results(&format!("effects[{at}].effect.estimator"));
                let finding = Finding::EstimatorNotAllowed { estimator: key.to_owned() };
                check.add(finding, place.unwrap_or_else(|| Place::outside("results.json")));
            }
        }
        if let Some(place) = history.in_results("effects").filter(|_| told.is_empty()) {
            check.add(Finding::EstimatorsAllowed { estimates }, place);
        }
    }
    exchanges(&mut check, history, outside);
    if history.results.is_none() && history.exchanges.is_empty() && !check.has_fault() {
        check.unless_fault(Unaudited::NotThere { file: "results.json".to_owned() });
    }
    check
}

/// What models were offered, and what they called.
fn exchanges(check: &mut Checked, history: &History<'_>, outside: &Outside) {
    let mut clean = 0;
    for exchange in &history.exchanges {
        let file = &exchange.filed.file.path;
        let Some(tools) = outside.tools_in_exchanges.iter().find(|it| it.path == *file) else { continue };
        let open = history.unblinded.is_some_and(|unblinded| exchange.filed.commit >= unblinded);
        let allowed = if open { &outside.tools_allowed.1 } else { &outside.tools_allowed.0 };
        let barred: Vec<&String> = tools.offered.iter().filter(|tool| !allowed.contains(tool)).collect();
        clean += usize::from(barred.is_empty());
        for tool in barred {
            check.add(Finding::ToolNotAllowed { tool: tool.clone() }, exchange.filed.at(None));
        }
        // A host finds the tools by itself: nothing of that is in an exchange.
        let on_offer = if tools.offered.is_empty() { allowed } else { &tools.offered };
        for tool in tools.called.iter().filter(|tool| !on_offer.contains(tool)) {
            check.add(Finding::ToolRefused { tool: tool.clone() }, exchange.filed.at(None));
        }
    }
    if let Some(last) = history.exchanges.last().filter(|_| clean > 0) {
        check.add(Finding::ToolsAllowed { exchanges: clean }, last.filed.at(None));
    }
}
