//! The playbook actor: which revision comes next. Deterministic, and blind: it is handed a [`History`], which cannot hold
//! an effect.
//!
//! For each analysis it goes back to the kept design (undoing the last revision if that did not earn its place), reads that
//! design's findings, and applies the first matching playbook that was never tried on this analysis, is allowed by the plan
//! and changes something. Several analyses may be revised in the same iteration; one analysis is revised once in each.

use super::history::{History, Trial};
use crate::estimand::{Estimand, Target};
use crate::finding::Severity;
use crate::plan::Tool;
use crate::playbook::{Catalogue, Change, Playbook, apply};
use crate::spec::{Analysis, AnalysisSpec, Revision};
use crate::term::Term;

/// The tool that a change needs, if any.
#[must_use]
pub fn tool_of(change: &Change) -> Option<Tool> {
    match change {
        Change::Trim { .. } => Some(Tool::Trim),
        Change::EnrichTerms => Some(Tool::Propensity),
        Change::SwitchTarget { .. } | Change::None => None,
    }
}

/// The next spec, or `None` if no playbook applies to any analysis. `enrich` gives the terms of an analysis with squares
/// and products added (or only those to add); it needs to know which columns are binary, which a history does not.
#[must_use]
pub fn revise(
    history: &History,
    catalogue: &Catalogue,
    enrich: &dyn Fn(&Analysis) -> Vec<Term>,
) -> Option<AnalysisSpec> {
    let last = history.last()?;
    let mut next = successor(last);
    let mut anything = false;
    for requested in history.requested() {
        let base = back_to_kept(history, last, requested, &mut next.revisions)?;
        let applied = first_applicable(history, catalogue, requested, &base, enrich);
        anything |= applied.is_some();
        let (analysis, revision) = applied.map_or((base, None), |(analysis, revision)| (analysis, Some(revision)));
        next.revisions.extend(revision);
        next.analyses.push(analysis);
    }
    anything.then_some(next)
}

/// The spec that holds the kept analysis of every estimand, if the last one does not: the last step of a loop, so that
/// what is unblinded is an iteration that was designed and graded as a whole.
#[must_use]
pub fn settle(history: &History) -> Option<AnalysisSpec> {
    if history.last_is_kept() {
        return None;
    }
    let last = history.last()?;
    let mut next = successor(last);
    for requested in history.requested() {
        let analysis = back_to_kept(history, last, requested, &mut next.revisions)?;
        next.analyses.push(analysis);
    }
    Some(next)
}

/// The spec after `last`, without analyses and revisions yet.
fn successor(last: &Trial) -> AnalysisSpec {
    AnalysisSpec {
        iteration: last.spec.iteration + 1,
        analyses: Vec::new(),
        revisions: Vec::new(),
        ..last.spec.clone()
    }
}

/// The kept analysis; if that is not the last one, a line that says what is undone and why.
fn back_to_kept(history: &History, last: &Trial, requested: Target, lines: &mut Vec<Revision>) -> Option<Analysis> {
    let kept = history.kept(requested)?;
    let analysis = kept.analysis(requested)?;
    let current = last.analysis(requested)?;
    if analysis != current {
        lines.push(undo(last, kept, analysis.estimand(), requested));
    }
    Some(analysis.clone())
}

fn undo(last: &Trial, kept: &Trial, estimand: Estimand, requested: Target) -> Revision {
    let playbook = last.applied(requested).last().unwrap_or("revision").to_owned();
    let because = called_for(last, requested);
    let reason = match last.standing(requested) {
        Some(standing) if standing.failed => "left no design",
        _ => "did not make the design better",
    };
    Revision {
        requested,
        change: format!("Went back to the analysis of iteration {}: `{playbook}` {reason}.", kept.spec.iteration),
        playbook,
        because,
        estimand_effect: format!("Back to the {}.", estimand.name()),
        reverted: true,
        reason: None,
    }
}

/// The codes that warn or fail in a trial.
fn called_for(trial: &Trial, requested: Target) -> Vec<String> {
    let findings = trial.graded(requested).map_or(&[][..], |graded| &graded.findings);
    findings.iter().filter(|f| f.severity >= Severity::Warn).map(|f| f.code.key().to_owned()).collect()
}

fn first_applicable(
    history: &History,
    catalogue: &Catalogue,
    requested: Target,
    base: &Analysis,
    enrich: &dyn Fn(&Analysis) -> Vec<Term>,
) -> Option<(Analysis, Revision)> {
    let kept = history.kept(requested)?;
    let findings = &kept.graded(requested)?.findings;
    let tried = history.tried(requested);
    let untried = catalogue.matching(findings, requested, base.target).into_iter().filter(|playbook| {
        !tried.contains(playbook.front.name.as_str())
            && tool_of(&playbook.front.change).is_none_or(|tool| kept.spec.tools.contains(&tool))
    });
    let mut applicable = untried.filter_map(|playbook| {
        let (analysis, change) = apply(&playbook.front.change, base, enrich)?;
        Some((analysis, revision(playbook, requested, change, called_for(kept, requested))))
    });
    applicable.next()
}

fn revision(playbook: &Playbook, requested: Target, change: String, codes: Vec<String>) -> Revision {
    let front = &playbook.front;
    Revision {
        requested,
        playbook: front.name.clone(),
        because: codes.into_iter().filter(|code| front.addresses.iter().any(|a| a.key() == code)).collect(),
        change,
        estimand_effect: front.estimand_effect.clone(),
        reverted: false,
        reason: None,
    }
}
