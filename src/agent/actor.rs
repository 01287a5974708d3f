//! The playbook actor: which revision comes next. Deterministic, and blind: it is handed a [`History`], which cannot hold
//! an effect.
//!
//! For each analysis it goes back to the kept design (undoing the last revision if that did not earn its place), reads that
//! design's findings, and applies the first matching playbook that was never tried on this analysis, is allowed by the plan
//! and changes something. Several analyses may be revised in the same iteration; one analysis is revised once in each.

use super::history::{History, Trial};
use crate::estimand::{Estimand, Population, Target, TrimRule};
use crate::finding::Severity;
use crate::plan::Tool;
use crate::playbook::{Catalogue, Change, Playbook};
use crate::spec::{Analysis, AnalysisSpec, Revision};
use crate::term::Term;

/// How many new terms a revision's sentence lists before it only counts them.
const LISTED_TERMS: usize = 8;

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
    }
}

/// The changed analysis and a sentence, or `None` if the change changes nothing.
fn apply(change: &Change, base: &Analysis, enrich: &dyn Fn(&Analysis) -> Vec<Term>) -> Option<(Analysis, String)> {
    let (analysis, sentence) = match change {
        Change::None => return None,
        Change::Trim { trim } => {
            let population = Population::Trimmed { trim: *trim };
            (Analysis { population, ..base.clone() }, trim_sentence(*trim, base.population))
        }
        Change::SwitchTarget { target } if *target == base.target => return None,
        Change::SwitchTarget { target } => {
            let sentence = format!(
                "The target is the {} instead of the {}, among every analysed row.",
                target.acronym(),
                base.estimand().name()
            );
            (Analysis { target: *target, population: Population::All, ..base.clone() }, sentence)
        }
        Change::EnrichTerms => {
            let added: Vec<Term> = enrich(base).into_iter().filter(|term| !base.terms.contains(term)).collect();
            let sentence = added_sentence(&added);
            let terms = base.terms.iter().cloned().chain(added).collect();
            (Analysis { terms, ..base.clone() }, sentence)
        }
    };
    (analysis != *base).then_some((analysis, sentence))
}

fn trim_sentence(trim: TrimRule, before: Population) -> String {
    let kept = match trim {
        TrimRule::Fixed { alpha } => {
            format!("Only rows with a propensity from {alpha} to {} are kept", short(1.0 - alpha))
        }
        TrimRule::CrumpOptimal => {
            "Only rows with a propensity from α* to 1 − α* are kept, with α* from Crump's variance bound".to_owned()
        }
    };
    let instead = if matches!(before, Population::Trimmed { .. }) { " (instead of the earlier trimming)" } else { "" };
    format!("{kept}{instead}, and the models are refitted on them.")
}

/// A threshold as it would be written by hand: 1 − 0.07 is 0.93, not 0.9299999999999999.
fn short(value: f64) -> String {
    format!("{value:.6}").trim_end_matches('0').to_owned()
}

fn added_sentence(added: &[Term]) -> String {
    let names: Vec<String> = added.iter().take(LISTED_TERMS).map(|term| format!("`{term}`")).collect();
    let more = added.len().saturating_sub(LISTED_TERMS);
    let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
    let count = if added.len() == 1 { "1 term is".to_owned() } else { format!("{} terms are", added.len()) };
    format!("{count} added to the models: {}{tail}.", names.join(", "))
}
