//! The experiment over time: units by day, effects on the units assigned up to each day or in each period, and whether the
//! effect changes.

use super::effects::Answers;
use super::effects::{
    DETERMINED, Fitted, Subject, add_with_sequence, effect_row, itt_model, refusal, refused, with_covariates,
};
use super::metric_rows::{MetricRows, values};
use super::modelling::Experiment;
use crate::critique::experiment::rubric::Measured;
use crate::dataset::metrics::{MetricColumn, TermColumn};
use crate::plan::experiment::{EffectRequest, Role};
use crate::record::experiment::{DayRow, EffectRow, Phase, Refused};
use causal::experiment::multiplicity::holm;
use causal::experiment::sample_ratio::sample_ratio;
use causal::experiment::{ExperimentError, Model};

/// Points of a curve; more days than that are shown at equal distances, the last one always.
const MOST_POINTS: usize = 30;

/// Days or periods from which an effect can be said to change.
const FEWEST_POINTS: usize = 3;

/// When each row belongs: its period, or the day of its assignment counted from the first (from 1). `None` without times.
fn times(experiment: &Experiment) -> Option<Vec<f64>> {
    let table = &experiment.table;
    if let Some(period) = &table.period {
        return Some(period.clone());
    }
    let assigned = table.assigned_at.as_ref()?;
    let finite = || assigned.iter().copied().filter(|time| time.is_finite());
    let first = experiment.plan.assignment.start.unwrap_or_else(|| finite().fold(f64::INFINITY, f64::min)).floor();
    Some(assigned.iter().map(|time| (time - first).floor() + 1.0).collect())
}

/// The distinct times, in order.
fn points(times: &[f64]) -> Vec<f64> {
    let mut points: Vec<f64> = times.iter().copied().filter(|time| time.is_finite()).collect();
    points.sort_by(f64::total_cmp);
    points.dedup();
    points
}

/// One row for each day or period; none where the data have no times, or one only.
pub(super) fn days(experiment: &Experiment) -> Vec<DayRow> {
    let Some(times) = times(experiment) else { return Vec::new() };
    let all = points(&times);
    if all.len() < 2 {
        return Vec::new();
    }
    let step = all.len().div_ceil(MOST_POINTS);
    let shown = |at: &usize| (all.len() - 1 - at).is_multiple_of(step);
    (0..all.len()).filter(shown).map(|at| day(experiment, &times, all[at])).collect()
}

fn day(experiment: &Experiment, times: &[f64], day: f64) -> DayRow {
    let table = &experiment.table;
    let by_period = table.period.is_some();
    let inside = |row: usize| if by_period { times[row] == day } else { times[row] <= day };
    let units: Vec<usize> = (0..table.arms.len())
        .map(|arm| (0..experiment.n()).filter(|row| inside(*row) && usize::from(table.assigned[*row]) == arm).count())
        .collect();
    // Chances that vary have no planned share; clusters are counted by the audit.
    let tested = experiment.weights().is_none() && table.clusters.is_none();
    let ratio = tested.then(|| sample_ratio(&units, &table.shares).ok()).flatten();
    let Answers { effects, refused, .. } = of_primary(experiment, inside);
    let (cumulative, of_the_day) = if by_period { (Vec::new(), effects) } else { (effects, Vec::new()) };
    DayRow { day, units, sample_ratio_p: ratio.map(|ratio| ratio.p_value), cumulative, of_the_day, refused }
}

/// Effects on the primary metrics, and those of them that are missing; a row without its sequence is there to be seen.
fn of_primary(experiment: &Experiment, inside: impl Fn(usize) -> bool + Copy) -> Answers {
    let mut answers = Answers::default();
    primary(experiment).for_each(|column| answers.extend(effects_within(experiment, column, inside)));
    let Answers { effects, mut refused, .. } = answers;
    refused.retain(|without| !effects.iter().any(|row| is_of(row, without)));
    Answers { effects, refused, ..Answers::default() }
}

/// The effects on the earlier and on the later half of the rows, in whole days or periods.
pub(super) fn phases(experiment: &Experiment) -> Vec<Phase> {
    let Some(times) = times(experiment) else { return Vec::new() };
    let all = points(&times);
    if all.len() < FEWEST_POINTS {
        return Vec::new();
    }
    let mut sorted: Vec<f64> = times.iter().copied().filter(|time| time.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let median = sorted[(sorted.len() - 1) / 2];
    // The last day is among the later ones, however many rows it has.
    let later = all.iter().position(|day| *day > median).unwrap_or(all.len() - 1);
    let phase = |from: f64, to: f64| {
        let Answers { effects, refused, .. } = of_primary(experiment, |row| (from..=to).contains(&times[row]));
        let effects = effects.into_iter().map(|row| EffectRow { anytime: None, ..row }).collect();
        Phase { from, to, effects, refused }
    };
    vec![phase(all[0], all[later - 1]), phase(all[later], all[all.len() - 1])]
}

fn is_of(row: &EffectRow, refused: &Refused) -> bool {
    row.metric == refused.metric && refused.arm.as_ref().is_none_or(|arm| *arm == row.arm)
}

fn primary(experiment: &Experiment) -> impl Iterator<Item = &MetricColumn> {
    experiment.metrics().filter(|(metric, _)| metric.role == Role::Primary).map(|(_, column)| column)
}

/// Effects on the rows that belong, or why there are none, as where they are too few for a fit.
fn effects_within(experiment: &Experiment, column: &MetricColumn, inside: impl Fn(usize) -> bool) -> Answers {
    let mut answers = Answers::default();
    let Some(valued) = values(experiment, &column.values, inside) else {
        let reason = "a quantile is not followed by day; its effect is that on everyone".to_owned();
        answers.refused.push(refusal(&column.name, reason));
        return answers;
    };
    let arms = experiment.table.arms.len();
    let fitted = valued.and_then(|(rows, y)| {
        let rows = with_covariates(experiment, MetricRows::of(experiment, rows)).with_metrics(vec![y]);
        // The last arms have no rows at all.
        let seen = rows.view().arms();
        if seen < arms {
            return Err(ExperimentError::EmptyArm { arm: seen });
        }
        let model = itt_model(experiment, rows.p(), false);
        Fitted::new(rows, model)
    });
    let fitted = match fitted {
        Ok(fitted) => fitted,
        Err(error) => {
            answers.refused.push(refused(experiment, &column.name, None, &error));
            return answers;
        }
    };
    if fitted.determines(0) {
        answers.refused.push(refusal(&column.name, DETERMINED.to_owned()));
        return answers;
    }
    for arm in 1..arms {
        let contrast = [fitted.fit.average_effect(arm)];
        let subject = Subject {
            metric: column.name.clone(),
            arm: experiment.table.arms[arm].clone(),
            request: EffectRequest::Itt,
            segment: None,
            n: fitted.fit.n,
        };
        let row = fitted.estimates(&contrast, 0).and_then(|found| {
            let row = found.first().map(|found| effect_row(experiment.alpha(), subject, found, None));
            row.unwrap_or(Err(ExperimentError::OneArm))
        });
        match row {
            Ok(row) => add_with_sequence(experiment, row, &fitted, &[], &mut answers),
            Err(error) => {
                let arm = Some(experiment.table.arms[arm].clone());
                answers.refused.push(Refused { arm, ..refused(experiment, &column.name, None, &error) });
            }
        }
    }
    answers
}

/// Whether the effect on primary metrics changes with time: smallest p-value after Holm.
pub(super) fn novelty(experiment: &Experiment) -> Measured {
    let Some(times) = times(experiment) else {
        return Measured::NoMeaning("the data have no times of assignment and no periods".to_owned());
    };
    if points(&times).len() < FEWEST_POINTS {
        return Measured::NoMeaning("there are fewer than three days or periods".to_owned());
    }
    let (mut names, mut p) = (Vec::new(), Vec::new());
    for column in primary(experiment) {
        match trends(experiment, column, &times) {
            Ok(found) => found.into_iter().for_each(|trend| {
                names.push(column.name.clone());
                p.push(trend);
            }),
            Err(error) => return Measured::NotMade(error.to_string()),
        }
    }
    let adjusted = holm(&p);
    let smallest = (0..p.len()).min_by(|a, b| adjusted[*a].total_cmp(&adjusted[*b]));
    smallest.map_or(Measured::NoMeaning("no primary metric is a mean".to_owned()), |at| {
        Measured::Number(adjusted[at], names.get(at).cloned())
    })
}

/// p-value of the interaction of each arm with time.
fn trends(experiment: &Experiment, column: &MetricColumn, times: &[f64]) -> Result<Vec<f64>, ExperimentError> {
    let Some(found) = values(experiment, &column.values, |row| times[row].is_finite()) else { return Ok(Vec::new()) };
    let (rows, y) = found?;
    let rows = with_covariates(experiment, MetricRows::of(experiment, rows)).with_metrics(vec![y]);
    let p = rows.p();
    // Of a row without a time none is here, but a term has a number everywhere.
    let time = TermColumn::numbers(times.iter().map(|time| if time.is_finite() { *time } else { 0.0 }).collect());
    let terms = rows.terms.iter().cloned().chain([time]).collect();
    let model = itt_model(experiment, p, false);
    let interacted = model.interacted.iter().copied().chain([true]).collect();
    let fitted = Fitted::new(MetricRows { terms, ..rows }, Model { interacted, ..model })?;
    let arms = experiment.table.arms.len();
    let contrasts: Vec<_> = (1..arms).map(|arm| fitted.fit.interaction(arm, p)).collect();
    Ok(fitted.estimates(&contrasts, 0)?.iter().map(|found| found.p_value()).collect())
}
