//! Further outcomes by the design of the answer: its population, terms, learners and estimator, with p-values for their number.
//!
//! The outcome of the plan is one of them. Rows without a value of an outcome are left out for it alone, counted, and the propensity is
//! fitted again to the rest. Of the p-values of one answer, those of Holm keep the chance of any false finding, those of Benjamini and
//! Hochberg the expected share of false ones ([`causal::experiment::multiplicity`]).

use super::answering::Answering;
use super::groups::no_column;
use super::row::{self, Outcome};
use super::sweeps::{answer, frozen, in_parts, outcome};
use super::{FollowUpError, Progress, Swept};
use crate::dataset::ColumnValues;
use crate::pipeline::Prepared;
use crate::pipeline::design;
use crate::plan::follow_ups::OutcomeForm;
use crate::record::follow_up::{OutcomeP, SweepRow};
use crate::schema::ColumnKind;
use crate::spec::AnalysisSpec;
use causal::estimand::OutcomeKind;
use causal::experiment::multiplicity::{benjamini_hochberg, holm};
use causal::numerics::distributions::normal_two_sided;
use ndarray::Array1;
use std::collections::BTreeSet;

/// One outcome: the plan's own, or a further one with its column.
enum Asked<'a> {
    Own,
    Further(&'a str),
}

/// Everything about further outcomes that can be checked before anything is estimated.
pub(super) fn checked(prepared: &Prepared, columns: &[String]) -> Result<(), FollowUpError> {
    let mut seen = BTreeSet::new();
    if let Some(twice) = columns.iter().find(|column| !seen.insert(*column)) {
        return Err(FollowUpError::NoOutcome { column: twice.clone(), why: "named twice" });
    }
    columns.iter().try_for_each(|column| values(prepared, column).map(drop))
}

/// The values of a further outcome in the analysed rows, NaN where it has none, and its kind.
fn values(prepared: &Prepared, column: &str) -> Result<(Array1<f64>, OutcomeKind), FollowUpError> {
    let Some((kind, values)) = prepared.analysed().group(column) else { return Err(no_column(prepared, column)) };
    let no = |why: &'static str| Err(FollowUpError::NoOutcome { column: column.to_owned(), why });
    let plan = &prepared.plan;
    let is = |name: &Option<String>| name.as_deref() == Some(column);
    if column == plan.treatment.column {
        return no("the treatment");
    }
    if column == plan.outcome.column {
        return no("the outcome of the plan already");
    }
    if prepared.draft.confounders.iter().any(|group| group.confounder == column) {
        return no("a confounder");
    }
    if plan.placebo_outcomes.iter().any(|placebo| placebo == column) {
        return no("a placebo outcome, measured before treatment");
    }
    if is(&plan.data.unit_id) || is(&plan.data.weights) || is(&plan.analysis.clusters) {
        return no("a column that names or weighs units");
    }
    let values = match (kind, values) {
        (ColumnKind::Number | ColumnKind::Boolean, ColumnValues::Numbers(values)) => Array1::from(values.to_vec()),
        (ColumnKind::Date, _) => return no("a date"),
        _ => return no("no column of numbers"),
    };
    if values.iter().all(|y| y.is_nan()) {
        return Err(FollowUpError::NoValue { column: column.to_owned() });
    }
    let mut there = values.iter().filter(|y| !y.is_nan());
    let first = there.next();
    if there.all(|y| Some(y) == first) {
        return no("the same in every row");
    }
    let two = values.iter().all(|y| y.is_nan() || *y == 0.0 || *y == 1.0);
    Ok((values, if two { OutcomeKind::Binary } else { OutcomeKind::Continuous }))
}

/// The outcome of the plan and further ones, each by the design of the answer.
pub(super) fn outcomes(
    prepared: &Prepared,
    answering: &Answering<'_>,
    columns: &[String],
    progress: Progress<'_>,
) -> Result<Swept, FollowUpError> {
    let own = outcome(prepared)?;
    let kept = frozen(prepared, answering);
    let further = columns.iter().map(|column| Asked::Further(column));
    let asked: Vec<Asked<'_>> = std::iter::once(Asked::Own).chain(further).collect();
    let made = in_parts(&asked, progress, |asked| match asked {
        Asked::Own => {
            let (spec, analysis) = (answering.spec, answering.analysis);
            let mut row = row::row(prepared, (spec, analysis), design::fit(prepared, spec, analysis), &own);
            row.answer = true;
            prepared.plan.outcome.column.clone_into(&mut row.label);
            Ok(row)
        }
        Asked::Further(column) => one(prepared, answering, column, kept.as_deref()),
    })?;
    let mut rows: Vec<SweepRow> = made.into_iter().collect::<Result<_, _>>()?;
    adjust(&mut rows);
    Ok(Swept { rows, answer: answer(prepared, answering, kept.map(|rows| rows.len())), curve: None })
}

fn one(
    prepared: &Prepared,
    answering: &Answering<'_>,
    column: &str,
    kept: Option<&[usize]>,
) -> Result<SweepRow, FollowUpError> {
    let (values, kind) = values(prepared, column)?;
    let spec = AnalysisSpec { outcome_kind: kind, ..answering.spec.clone() };
    let analysis = answering.analysis;
    let Some(kept) = kept else {
        let missing = Some("the design of the answer failed, so that it has no population".to_owned());
        return Ok(SweepRow { missing, ..row::blank(&spec, analysis, column.to_owned()) });
    };
    let has = |row: &usize| values.get(*row).is_some_and(|y| !y.is_nan());
    let rows: Vec<usize> = kept.iter().copied().filter(has).collect();
    let lost = kept.len() - rows.len();
    let outcome = Outcome { form: OutcomeForm::AsItIs, sd: row::sd(prepared, &values), values, winsorised: 0 };
    let fitted = match lost {
        // The answer's own design, to the digit.
        0 => design::fit(prepared, &spec, analysis),
        _ => design::fit_on(prepared, &spec, analysis, rows),
    };
    let mut row = row::row(prepared, (&spec, analysis), fitted, &outcome);
    row.trimmed = Some(lost);
    column.clone_into(&mut row.label);
    Ok(row)
}

/// P-values for the number of outcomes that have an estimate.
fn adjust(rows: &mut [SweepRow]) {
    let mut effects: Vec<_> = rows.iter_mut().filter_map(|row| row.effect.as_mut()).collect();
    let alone: Vec<f64> = effects.iter().map(|it| normal_two_sided(it.estimate / it.std_error)).collect();
    let adjusted = holm(&alone).into_iter().zip(benjamini_hochberg(&alone));
    for ((effect, alone), (holm, benjamini_hochberg)) in effects.iter_mut().zip(alone).zip(adjusted) {
        effect.among_outcomes = Some(OutcomeP { alone, holm, benjamini_hochberg });
    }
}
