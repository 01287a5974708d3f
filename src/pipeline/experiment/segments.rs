//! Effects in segments, from one fit of everyone.
//!
//! The effect in a segment is a contrast of the fit at the segment's covariate means, so covariates adjust in segments too and
//! no model is fitted to a handful of rows. A segment that is about something other than the covariates gets an indicator of its
//! own that interacts with the arms; else its effect would differ from that of everyone through other covariates only. Ratios and
//! quantiles are those of the segment's own rows.

use super::effects::{
    Answers, DETERMINED, Fitted, Subject, effect_row, itt_model, quantile_effects, refused, with_covariates,
};
use super::metric_rows::{MetricRows, values};
use super::modelling::Experiment;
use crate::dataset::metrics::{MetricColumn, MetricValues};
use crate::plan::experiment::{Adjustment, EffectRequest};
use crate::record::experiment::{EffectRow, Refused};
use causal::experiment::relative::Ratio;
use causal::experiment::{ExperimentError, Model};
use ndarray::Array2;

/// The fewest rows of an arm in a segment.
const FEWEST_ROWS: usize = 20;

/// Effects of every arm on every metric in every segment.
pub(super) fn effects_in_segments(experiment: &Experiment) -> Answers {
    let mut answers = Answers::default();
    if experiment.plan.segments.is_empty() {
        return answers;
    }
    for column in &experiment.table.metrics {
        match column.values {
            MetricValues::Mean(_) => answers.extend(from_one_fit(experiment, column)),
            MetricValues::Ratio(..) => answers.extend(ratios(experiment, column)),
            MetricValues::Quantile(..) => {
                for (name, mask) in named_masks(experiment) {
                    answers.extend(quantile_effects(experiment, column, Some((name, mask))));
                }
            }
        }
    }
    answers
}

fn named_masks(experiment: &Experiment) -> impl Iterator<Item = (&str, &[bool])> {
    let names = experiment.plan.segments.iter().map(|segment| segment.text.as_str());
    names.zip(experiment.table.segments.iter().map(Vec::as_slice))
}

/// True if every column that a segment names is a covariate with a slope for each arm.
fn is_modelled(experiment: &Experiment, segment: usize) -> bool {
    let sources = &experiment.table.term_sources;
    let columns = experiment.plan.segments[segment].columns();
    experiment.adjustment() == Adjustment::Lin && columns.iter().all(|name| sources.iter().any(|source| source == name))
}

/// The smallest arm of a segment among some rows: its name and size, if it is too small.
fn too_small(experiment: &Experiment, rows: &[usize], mask: &[bool]) -> Option<String> {
    let fewest = FEWEST_ROWS.max(experiment.plan.min_cell);
    let in_arm = |arm: usize| {
        rows.iter().filter(|row| mask[**row] && usize::from(experiment.table.assigned[**row]) == arm).count()
    };
    let small = (0..experiment.table.arms.len()).find(|arm| in_arm(*arm) < fewest)?;
    Some(format!(
        "fewer than {fewest} rows of arm `{}` are in this segment; widen the segment, or wait for more units",
        experiment.table.arms[small]
    ))
}

fn refuse(column: &MetricColumn, segment: &str, reason: String) -> Refused {
    let (metric, segment) = (column.name.clone(), Some(segment.to_owned()));
    Refused { metric, arm: None, request: EffectRequest::Itt, segment, reason }
}

fn from_one_fit(experiment: &Experiment, column: &MetricColumn) -> Answers {
    let mut answers = Answers::default();
    let Some(Ok((rows, y))) = values(experiment, &column.values, |_| true) else { return answers };
    let fitted = with_indicators(experiment, rows, &y);
    let fitted = match fitted {
        Ok(fitted) => fitted,
        Err(error) => {
            let all = named_masks(experiment)
                .map(|(name, _)| refused(experiment, &column.name, Some(name.to_owned()), &error));
            answers.refused.extend(all);
            return answers;
        }
    };
    if fitted.determines(0) {
        let all = named_masks(experiment).map(|(name, _)| refuse(column, name, DETERMINED.to_owned()));
        answers.refused.extend(all);
        return answers;
    }
    for (name, mask) in named_masks(experiment) {
        if let Some(reason) = too_small(experiment, &fitted.rows.rows, mask) {
            answers.refused.push(refuse(column, name, reason));
            continue;
        }
        match rows_of(experiment, &fitted, (name, mask), &column.name) {
            Ok(rows) => answers.effects.extend(rows),
            Err(error) => answers.refused.push(refused(experiment, &column.name, Some(name.to_owned()), &error)),
        }
    }
    answers
}

/// The fit of everyone, with an indicator for each segment that the covariates do not describe.
fn with_indicators(experiment: &Experiment, rows: Vec<usize>, y: &[f64]) -> Result<Fitted, ExperimentError> {
    let plain = with_covariates(experiment, MetricRows::of(experiment, rows)).with_metrics(&[y.to_vec()]);
    let (n, p) = plain.x.dim();
    let own: Vec<usize> = (0..experiment.plan.segments.len()).filter(|s| !is_modelled(experiment, *s)).collect();
    let x = Array2::from_shape_fn((n, p + own.len()), |(i, j)| match own.get(j.wrapping_sub(p)) {
        Some(segment) if j >= p => f64::from(experiment.table.segments[*segment][plain.rows[i]]),
        _ => plain.x[[i, j]],
    });
    let model = itt_model(experiment, p, false);
    let interacted = model.interacted.iter().copied().chain(own.iter().map(|_| true)).collect();
    Fitted::new(MetricRows { x, ..plain }, Model { interacted, ..model })
}

fn rows_of(
    experiment: &Experiment,
    fitted: &Fitted,
    segment: (&str, &[bool]),
    metric: &str,
) -> Result<Vec<EffectRow>, ExperimentError> {
    let (name, mask) = segment;
    let means = fitted.rows.term_means(Some(mask));
    let n = fitted.rows.rows.iter().filter(|row| mask[**row]).count();
    let baseline = fitted.fit.baseline_at(&means)?;
    let arms = 1..experiment.table.arms.len();
    let contrasts = arms.clone().map(|arm| fitted.fit.effect_at(arm, &means)).collect::<Result<Vec<_>, _>>()?;
    let found = fitted.estimates(&contrasts, 0)?;
    let one = |((arm, contrast), found): ((usize, &_), &causal::experiment::linear_model::Estimated)| {
        let subject = Subject {
            metric: metric.to_owned(),
            arm: experiment.table.arms[arm].clone(),
            request: EffectRequest::Itt,
            segment: Some(name.to_owned()),
            n,
        };
        let ratio = Ratio::new(&fitted.fit, contrast, &baseline, 0).map(|ratio| Ratio { df: found.df, ..ratio });
        effect_row(experiment.alpha(), subject, found, ratio)
    };
    arms.zip(&contrasts).zip(&found).map(one).collect()
}

/// A ratio is that of the segment's own rows.
fn ratios(experiment: &Experiment, column: &MetricColumn) -> Answers {
    let mut answers = Answers::default();
    for (name, mask) in named_masks(experiment) {
        let Some(found) = values(experiment, &column.values, |row| mask[row]) else { continue };
        let rows = found.and_then(|(rows, y)| {
            if let Some(reason) = too_small(experiment, &rows, mask) {
                return Ok(Err(reason));
            }
            let rows = with_covariates(experiment, MetricRows::of(experiment, rows)).with_metrics(&[y]);
            let model = itt_model(experiment, rows.x.ncols(), false);
            let fitted = Fitted::new(rows, model)?;
            if fitted.determines(0) {
                return Ok(Err(DETERMINED.to_owned()));
            }
            rows_of(experiment, &fitted, (name, mask), &column.name).map(Ok)
        });
        match rows {
            Ok(Ok(rows)) => answers.effects.extend(rows),
            Ok(Err(reason)) => answers.refused.push(refuse(column, name, reason)),
            Err(error) => answers.refused.push(refused(experiment, &column.name, Some(name.to_owned()), &error)),
        }
    }
    answers
}
