//! The rules of the loop. Whoever the actor is, a draft, a proposal or a critique that breaks a rule of the loop is refused
//! and the loop stays where it was.

use crate::agent::history::{DesignSummary, History, Trial};
use crate::agent::run::{Limits, LoopError};
use crate::finding::Severity;
use crate::plan::Tool;
use crate::record::critique::{Critique, Stage};
use crate::spec::{Analysis, AnalysisSpec};
use causal::estimand::{Population, Target};
use std::collections::BTreeSet;

/// A first spec: iteration 1, at least one analysis, each estimand once, no tool outside the allow-list.
pub(super) fn draft(limits: &Limits, spec: &AnalysisSpec) -> Result<(), LoopError> {
    iteration(1, spec.iteration)?;
    let requested: Vec<Target> = spec.analyses.iter().map(|analysis| analysis.requested).collect();
    let distinct: BTreeSet<Target> = requested.iter().copied().collect();
    if requested.is_empty() || distinct.len() != requested.len() {
        return Err(LoopError::Analyses { expected: distinct.into_iter().collect(), found: requested });
    }
    tools(limits, spec)?;
    accepted(spec)
}

/// Every analysis answers what was asked, as asked or as the plan accepted beforehand.
fn accepted(spec: &AnalysisSpec) -> Result<(), LoopError> {
    let other = |analysis: &&Analysis| !spec.answers(analysis.requested, analysis.estimand());
    match spec.analyses.iter().find(other) {
        Some(analysis) => {
            let instead = analysis.estimand().name();
            Err(LoopError::NotAccepted { analysis: analysis.requested, instead })
        }
        None => Ok(()),
    }
}

/// A revised spec: the next iteration, nothing changed but the analyses, every change explained, none tried before.
pub(super) fn proposal(limits: &Limits, history: &History, spec: &AnalysisSpec) -> Result<(), LoopError> {
    let Some(last) = history.last() else { return draft(limits, spec) };
    iteration(last.spec.iteration + 1, spec.iteration)?;
    same_targets(&last.spec, spec.analyses.iter().map(|analysis| analysis.requested).collect())?;
    only_analyses_changed(&last.spec, spec)?;
    tools(limits, spec)?;
    accepted(spec)?;
    explained(last, spec)?;
    untried(history, spec)
}

fn iteration(expected: u32, found: u32) -> Result<(), LoopError> {
    if expected == found { Ok(()) } else { Err(LoopError::WrongIteration { expected, found }) }
}

fn same_targets(spec: &AnalysisSpec, found: Vec<Target>) -> Result<(), LoopError> {
    let expected: Vec<Target> = spec.analyses.iter().map(|analysis| analysis.requested).collect();
    if expected == found { Ok(()) } else { Err(LoopError::Analyses { expected, found }) }
}

/// Analyses, revisions and the iteration may differ; all else is the plan's, and not the actor's to change.
fn only_analyses_changed(last: &AnalysisSpec, spec: &AnalysisSpec) -> Result<(), LoopError> {
    let as_before = AnalysisSpec {
        iteration: last.iteration,
        analyses: last.analyses.clone(),
        revisions: last.revisions.clone(),
        ..spec.clone()
    };
    if as_before == *last { Ok(()) } else { Err(LoopError::NotTheActors) }
}

fn tools(limits: &Limits, spec: &AnalysisSpec) -> Result<(), LoopError> {
    let listed = |tool: &Tool| limits.tools.contains(tool);
    // The list as well as the use: later playbooks are held against the spec's list.
    if let Some(tool) = spec.tools.iter().find(|tool| !listed(tool)) {
        return Err(LoopError::ToolNotAllowed { analysis: None, tool: *tool });
    }
    for analysis in &spec.analyses {
        if let Some(tool) = used(analysis).into_iter().find(|tool| !listed(tool)) {
            return Err(LoopError::ToolNotAllowed { analysis: Some(analysis.requested), tool });
        }
    }
    Ok(())
}

/// The tools that an analysis needs.
fn used(analysis: &Analysis) -> Vec<Tool> {
    let estimators = analysis.estimators.iter().chain(std::iter::once(&analysis.primary));
    let mut tools: Vec<Tool> = estimators.filter_map(|kind| Tool::for_estimator(*kind)).collect();
    if matches!(analysis.population, Population::Trimmed { .. }) {
        tools.push(Tool::Trim);
    }
    tools
}

/// An analysis that differs from the last one has a revision line, and at least one line is not an undoing: a spec that
/// only undoes is made by the loop itself, when it settles.
fn explained(last: &Trial, spec: &AnalysisSpec) -> Result<(), LoopError> {
    let lined = |requested: Target| spec.revisions.iter().any(|revision| revision.requested == requested);
    for analysis in &spec.analyses {
        if last.analysis(analysis.requested) != Some(analysis) && !lined(analysis.requested) {
            return Err(LoopError::Unexplained { analysis: analysis.requested });
        }
    }
    if spec.revisions.iter().all(|revision| revision.reverted) { Err(LoopError::NothingNew) } else { Ok(()) }
}

fn untried(history: &History, spec: &AnalysisSpec) -> Result<(), LoopError> {
    let mut now: BTreeSet<(Target, &str)> = BTreeSet::new();
    for revision in spec.revisions.iter().filter(|revision| !revision.reverted) {
        let playbook = revision.playbook.as_str();
        let repeated = history.tried(revision.requested).contains(playbook);
        if repeated || !now.insert((revision.requested, playbook)) {
            return Err(LoopError::Repeated { playbook: playbook.to_owned(), analysis: revision.requested });
        }
    }
    Ok(())
}

/// A design summary that belongs to the spec that was to be designed.
pub(super) fn design(spec: &AnalysisSpec, design: &DesignSummary) -> Result<(), LoopError> {
    iteration(spec.iteration, design.iteration)?;
    same_targets(spec, design.analyses.iter().map(|summary| summary.requested).collect())
}

/// A critique of that design, and of nothing that only an effect could tell.
pub(super) fn critique(spec: &AnalysisSpec, design: &DesignSummary, critique: &Critique) -> Result<(), LoopError> {
    iteration(spec.iteration, critique.iteration)?;
    same_targets(spec, critique.analyses.iter().map(|graded| graded.requested).collect())?;
    if critique.spec_sha256 != design.spec_sha256 {
        let (expected, found) = (design.spec_sha256.clone(), critique.spec_sha256.clone());
        return Err(LoopError::WrongSpec { expected, found });
    }
    if critique.stage != Stage::Design {
        return Err(LoopError::NotBlind { what: "a final critique" });
    }
    let mut findings = critique.analyses.iter().flat_map(|graded| &graded.findings);
    let measured = findings.any(|finding| {
        // Without a value it only says that the finding waits for the effect.
        finding.code.needs_effect()
            && (finding.value.is_some()
                || !matches!(finding.severity, Severity::Withheld | Severity::NotApplicable | Severity::NotGraded))
    });
    if measured { Err(LoopError::NotBlind { what: "a number that only an effect can give" }) } else { Ok(()) }
}
