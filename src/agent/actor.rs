//! From a proposal to the next spec, whoever proposes. Deterministic, and blind: it is handed a [`History`], which cannot
//! hold an effect.
//!
//! Each analysis goes back to its kept design (undoing the last revision if that did not earn its place), and is changed as
//! the proposal says. The playbook engine proposes the first playbook that a finding of that design calls for, that was
//! never tried on this analysis, is allowed by the plan and changes something ([`candidates`]); a language model chooses
//! among the same ones, or makes an edit of its own. Several analyses may be revised in the same iteration; one analysis is
//! revised once in each.

use super::history::{History, Trial};
use crate::finding::{Code, Finding, Severity};
use crate::playbook::{Catalogue, Playbook, apply};
use crate::spec::{Analysis, AnalysisSpec, Revision};
use crate::term::Term;
use crate::tools::{Edit, Proposal, ProposedChange, Refusal, tool_of};
use causal::estimand::{Estimand, Target};
use std::collections::BTreeMap;

/// Applies an edit to an analysis: the edited analysis with a sentence for the record, or why it cannot be made.
pub type ApplyEdit<'a> = &'a dyn Fn(&Edit, &Analysis) -> Result<(Analysis, String), Refusal>;

/// The next spec by the first playbook that applies to each analysis, or `None` if none applies to any. `enrich` gives the
/// terms of an analysis with squares and products added (or only those to add); it needs to know which columns are binary,
/// which a history does not.
#[must_use]
pub fn revise(
    history: &History,
    catalogue: &Catalogue,
    enrich: &dyn Fn(&Analysis) -> Vec<Term>,
) -> Option<AnalysisSpec> {
    let first = |(requested, names): (Target, Vec<String>)| {
        let name = names.into_iter().next()?;
        Some(ProposedChange { requested, edit: Edit::Playbook { name }, reason: String::new() })
    };
    let changes = candidates(history, catalogue, enrich).into_iter().filter_map(first).collect();
    let by_playbook = |edit: &Edit, analysis: &Analysis| {
        let playbook =
            catalogue.get(&edit.name()).ok_or_else(|| Refusal(format!("there is no playbook `{}`", edit.name())))?;
        apply(&playbook.front.change, analysis, enrich).ok_or_else(|| Refusal("it changes nothing".to_owned()))
    };
    // Only what `candidates` found to apply is proposed, so a refusal has nobody to tell.
    compose(history, catalogue, &Proposal { changes }, &by_playbook).ok()?
}

/// The playbooks that apply to each requested estimand now, in the order in which they are tried: those that a finding of
/// the kept design calls for, that were never tried on it, that the plan allows and that change something.
#[must_use]
pub fn candidates(
    history: &History,
    catalogue: &Catalogue,
    enrich: &dyn Fn(&Analysis) -> Vec<Term>,
) -> BTreeMap<Target, Vec<String>> {
    let candidates_for = |requested: Target| {
        let kept = history.kept(requested)?;
        let (base, findings) = (kept.analysis(requested)?, &kept.graded(requested)?.findings);
        let tried = history.tried(requested);
        let applies = |playbook: &&Playbook| {
            // An edit that changes nothing would use up an iteration.
            !tried.contains(playbook.front.name.as_str())
                && tool_of(&playbook.front.change).is_none_or(|tool| kept.spec.tools.contains(&tool))
                && apply(&playbook.front.change, base, enrich)
                    .is_some_and(|(changed, _)| may_become(&kept.spec, base, &changed, findings))
        };
        let matching = catalogue.matching(findings, requested, base.target).into_iter();
        Some((requested, matching.filter(applies).map(|playbook| playbook.front.name.clone()).collect()))
    };
    history.requested().into_iter().filter_map(candidates_for).collect()
}

/// A change of the question needs the plan's consent, and a design that fails without it: for a warning's sake nobody is left
/// out.
fn may_become(spec: &AnalysisSpec, base: &Analysis, changed: &Analysis, findings: &[Finding]) -> bool {
    if changed.estimand() == base.estimand() {
        return true;
    }
    let design = [Code::BalancePriority, Code::OverlapOutside, Code::OverlapEffectiveSize];
    let fails = |finding: &Finding| finding.severity == Severity::Fail && design.contains(&finding.code);
    spec.answers(base.requested, changed.estimand()) && findings.iter().any(fails)
}

/// The next spec by a proposal: every analysis goes back to its kept design, and those named are changed. `None` if nothing
/// is.
///
/// # Errors
/// An edit that cannot be made, as a sentence for whoever proposed it.
pub fn compose(
    history: &History,
    catalogue: &Catalogue,
    proposal: &Proposal,
    edited: ApplyEdit<'_>,
) -> Result<Option<AnalysisSpec>, Refusal> {
    let Some(last) = history.last().filter(|_| !proposal.changes.is_empty()) else { return Ok(None) };
    let mut next = successor(last);
    for requested in history.requested() {
        let lost = || Refusal(format!("the {} has no design to start from", requested.acronym()));
        let base = back_to_kept(history, last, requested, &mut next.revisions).ok_or_else(lost)?;
        let Some(change) = proposal.changes.iter().find(|change| change.requested == requested) else {
            next.analyses.push(base);
            continue;
        };
        let (analysis, sentence) = edited(&change.edit, &base)?;
        let because = history.kept(requested).map(|kept| called_for(kept, requested)).unwrap_or_default();
        next.revisions.push(revision(catalogue, change, sentence, because));
        next.analyses.push(analysis);
    }
    Ok(Some(next))
}

/// The draft by a proposal: the plan's own spec, with what the proposal adds.
///
/// # Errors
/// An edit that cannot be made, as a sentence for whoever proposed it.
pub fn compose_draft(
    draft: &AnalysisSpec,
    catalogue: &Catalogue,
    proposal: &Proposal,
    edited: ApplyEdit<'_>,
) -> Result<AnalysisSpec, Refusal> {
    let mut spec = draft.clone();
    for change in &proposal.changes {
        let Some(analysis) = spec.analyses.iter_mut().find(|analysis| analysis.requested == change.requested) else {
            return Err(Refusal(format!("the plan does not ask for the {}", change.requested.acronym())));
        };
        let (changed, sentence) = edited(&change.edit, analysis)?;
        *analysis = changed;
        // No finding called for it: before the first design there is none.
        spec.revisions.push(revision(catalogue, change, sentence, Vec::new()));
    }
    Ok(spec)
}

/// The analyses that the next change starts from: the kept design of each, or the draft before there is one.
#[must_use]
pub fn kept_spec(history: &History, draft: &AnalysisSpec) -> AnalysisSpec {
    let Some(last) = history.last() else { return draft.clone() };
    let kept = |requested: Target| history.kept(requested)?.analysis(requested).cloned();
    AnalysisSpec { analyses: history.requested().into_iter().filter_map(kept).collect(), ..last.spec.clone() }
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
    let reason = match last.quality(requested) {
        Some(quality) if quality.failed => "left no design",
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

fn revision(catalogue: &Catalogue, change: &ProposedChange, sentence: String, codes: Vec<String>) -> Revision {
    let name = change.edit.name();
    let playbook = catalogue.get(&name).filter(|_| matches!(change.edit, Edit::Playbook { .. }));
    // A design has other findings too; only those that this playbook is for called for it.
    let addressed = |code: &String| playbook.is_none_or(|p| p.front.addresses.iter().any(|a| a.key() == code));
    let estimand_effect = match &change.edit {
        Edit::Playbook { .. } => playbook.map(|p| p.front.estimand_effect.clone()).unwrap_or_default(),
        Edit::Trim { .. } => "The effect is among the units that are kept, and is named a trimmed one.".to_owned(),
        Edit::AddTerms { .. } => "None: the estimand stays what it was.".to_owned(),
    };
    Revision {
        requested: change.requested,
        playbook: name,
        because: codes.into_iter().filter(addressed).collect(),
        change: sentence,
        estimand_effect,
        reverted: false,
        reason: Some(change.reason.trim()).filter(|reason| !reason.is_empty()).map(str::to_owned),
    }
}
