//! Sweeps along one line: trimming thresholds, learners, groups of units.

use super::answering::Answering;
use super::groups::{Division, divide};
use super::row::{self, Outcome};
use super::{FollowUpError, Progress, Swept};
use crate::pipeline::Prepared;
use crate::pipeline::basis;
use crate::pipeline::design;
use crate::plan::follow_ups::Grouping;
use crate::record::follow_up::{AnswerSwept, SweepRow};
use crate::spec::Analysis;
use causal::diagnose::heterogeneity::{GroupEffect, heterogeneity};
use causal::estimand::{Population, TrimRule};
use causal::estimator::{EstimatorKind, NuisanceModels};
use causal::learner_kind::LearnerKind;
use rayon::prelude::*;

/// Rows that are made between two looks at whether to stop.
const AT_ONCE: usize = 8;

/// Makes rows in their order, some at once, and tells how far it is.
pub(super) fn in_parts<T: Sync, R: Send>(
    work: &[T],
    progress: Progress<'_>,
    make: impl Fn(&T) -> R + Sync + Send,
) -> Result<Vec<R>, FollowUpError> {
    let mut made = Vec::with_capacity(work.len());
    for part in work.chunks(AT_ONCE) {
        if !progress(made.len(), work.len()) {
            return Err(FollowUpError::Cancelled);
        }
        // In order, whichever is done first.
        made.par_extend(part.par_iter().map(&make));
    }
    if progress(made.len(), work.len()) { Ok(made) } else { Err(FollowUpError::Cancelled) }
}

/// The answer that is swept, before anything is said of it.
pub(super) fn answer(prepared: &Prepared, answering: &Answering<'_>, population: Option<usize>) -> AnswerSwept {
    AnswerSwept {
        requested: answering.requested(),
        name: answering.analysis.estimand().name(),
        iteration: answering.spec.iteration,
        spec_sha256: answering.spec.sha256(),
        verdict: answering.verdict,
        not_identified: basis::is_not_identified(prepared),
        analysed: prepared.arms().0,
        population,
        without_group: None,
        heterogeneity: None,
    }
}

/// The rows that the answer is about; none if its design failed.
pub(super) fn frozen(prepared: &Prepared, answering: &Answering<'_>) -> Option<Vec<usize>> {
    design::rows(prepared, answering.spec, answering.analysis).ok()
}

/// The threshold in words.
pub(super) fn threshold(alpha: f64) -> String {
    format!("[{alpha}, {}]", round(1.0 - alpha))
}

/// 1 − 0.15 as it is written.
fn round(share: f64) -> f64 {
    (share * 1e9).round() / 1e9
}

/// An analysis trimmed at a threshold.
pub(super) fn trimmed(analysis: &Analysis, alpha: f64) -> Analysis {
    let population =
        if alpha > 0.0 { Population::Trimmed { trim: TrimRule::Fixed { alpha } } } else { Population::All };
    Analysis { population, ..analysis.clone() }
}

/// The outcome as it is; a run that was unblinded has one.
pub(super) fn outcome(prepared: &Prepared) -> Result<Outcome, FollowUpError> {
    row::outcome_as_it_is(prepared).map_err(|_| FollowUpError::NoValue { column: prepared.plan.outcome.column.clone() })
}

/// Along trimming thresholds.
pub(super) fn trim(
    prepared: &Prepared,
    answering: &Answering<'_>,
    levels: &[f64],
    progress: Progress<'_>,
) -> Result<Swept, FollowUpError> {
    let outcome = outcome(prepared)?;
    let spec = answering.spec;
    let everyone = prepared.arms().0;
    // The propensity of everyone, which all thresholds share, before they are made side by side.
    let _ = design::fit(prepared, spec, &trimmed(answering.analysis, 0.0));
    let rows = in_parts(levels, progress, |alpha| {
        let analysis = trimmed(answering.analysis, *alpha);
        let fitted = design::fit(prepared, spec, &analysis);
        let mut row = row::row(prepared, (spec, &analysis), fitted, &outcome);
        row.label = threshold(*alpha);
        row.trimmed = row.n.map(|(n, _)| everyone - n);
        row.answer = analysis == *answering.analysis;
        row
    })?;
    let population = frozen(prepared, answering).map(|rows| rows.len());
    Ok(Swept { rows, answer: answer(prepared, answering, population), curve: None })
}

/// Over learners, in the population of the answer.
pub(super) fn learners(
    prepared: &Prepared,
    answering: &Answering<'_>,
    learners: &[LearnerKind],
    progress: Progress<'_>,
) -> Result<Swept, FollowUpError> {
    let outcome = outcome(prepared)?;
    let (spec, own) = (answering.spec, answering.analysis);
    let kept = frozen(prepared, answering);
    let by = |learner: &LearnerKind| Analysis {
        primary: EstimatorKind::AipwCrossfit,
        estimators: vec![EstimatorKind::AipwCrossfit],
        models: NuisanceModels { propensity: *learner, outcome: *learner, repeats: 1, ..own.models },
        ..own.clone()
    };
    let analyses: Vec<Analysis> = std::iter::once(own.clone()).chain(learners.iter().map(by)).collect();
    let rows = in_parts(&analyses, progress, |analysis| {
        let fitted = match (&kept, analysis == own) {
            // The answer itself, as the run made it.
            (_, true) | (None, _) => design::fit(prepared, spec, analysis),
            (Some(rows), false) => design::fit_on(prepared, spec, analysis, rows.clone()),
        };
        let mut row = row::row(prepared, (spec, analysis), fitted, &outcome);
        row.answer = analysis == own;
        row.label = if row.answer { "the answer".to_owned() } else { analysis.models.outcome.key().to_owned() };
        row
    })?;
    let population = kept.map(|rows| rows.len());
    Ok(Swept { rows, answer: answer(prepared, answering, population), curve: None })
}

/// A group of the frozen population.
struct Group<'a> {
    label: &'a str,
    /// Analysed rows of the group.
    all: usize,
    /// Rows of it in the population.
    rows: Vec<usize>,
    treated: usize,
}

/// Over groups of units; the population is frozen.
pub(super) fn groups(
    prepared: &Prepared,
    answering: &Answering<'_>,
    grouping: &Grouping,
    progress: Progress<'_>,
) -> Result<Swept, FollowUpError> {
    let division = divide(prepared, grouping)?;
    let outcome = outcome(prepared)?;
    let (spec, analysis) = (answering.spec, answering.analysis);
    let kept = frozen(prepared, answering);
    let parts = parts(prepared, &division, kept.as_deref().unwrap_or_default());
    let rows = in_parts(&parts, progress, |group| {
        let (n, treated) = (group.rows.len(), group.treated);
        let none = match (&kept, n, treated) {
            (None, ..) => Some("the design of the answer failed, so that it has no population".to_owned()),
            (_, 0, _) => Some(format!("nobody is left: all {} rows are trimmed in the answer", group.all)),
            (_, n, 0) => Some(format!("one arm only: all {n} rows are controls")),
            (_, n, treated) if n == treated => Some(format!("one arm only: all {n} rows are treated")),
            _ => None,
        };
        let mut row = match none {
            Some(missing) => {
                let blank = row::blank(spec, analysis, String::new());
                SweepRow { n: Some((n, treated)), missing: Some(missing), ..blank }
            }
            None => {
                let fitted = design::fit_on(prepared, spec, analysis, group.rows.clone());
                row::row(prepared, (spec, analysis), fitted, &outcome)
            }
        };
        row.n = Some((n, treated));
        row.trimmed = Some(group.all - n);
        row.label = group.label.to_owned();
        row
    })?;
    let lost = kept.as_ref().map(|rows| rows.iter().filter(|row| division.of_row[**row].is_none()).count());
    let effects: Vec<GroupEffect> = rows
        .iter()
        .filter_map(|row| row.effect.as_ref())
        .map(|effect| GroupEffect { estimate: effect.estimate, std_error: effect.std_error })
        .collect();
    // A cluster may have units in several groups, whose estimates are then not independent.
    let independent = prepared.analysed().clusters().is_none();
    let about = answer(prepared, answering, kept.map(|rows| rows.len()));
    let heterogeneity = if independent { heterogeneity(&effects) } else { None };
    Ok(Swept { rows, answer: AnswerSwept { without_group: lost, heterogeneity, ..about }, curve: None })
}

fn parts<'a>(prepared: &Prepared, division: &'a Division, kept: &[usize]) -> Vec<Group<'a>> {
    let new = |label: &'a String| Group { label, all: 0, rows: Vec::new(), treated: 0 };
    let mut parts: Vec<Group<'a>> = division.labels.iter().map(new).collect();
    for group in division.of_row.iter().flatten() {
        parts[*group].all += 1;
    }
    let arms = prepared.analysed().treatment();
    for row in kept {
        let Some(part) = division.of_row[*row].map(|group| &mut parts[group]) else { continue };
        part.rows.push(*row);
        part.treated += usize::from(arms[*row].is_treated());
    }
    parts
}
