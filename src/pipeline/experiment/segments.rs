//! Effects in segments, from one fit of everyone.
//!
//! The effect in a segment is a contrast of the fit at the segment's covariate means, so covariates adjust in segments too and
//! no model is fitted to a handful of rows. A segment that is about something other than the covariates gets an indicator of its
//! own that interacts with the arms; else its effect would differ from that of everyone through other covariates only. Ratios and
//! quantiles are those of the segment's own rows.

use super::effects::{
    Answers, DETERMINED, Fitted, FittedContrast, Subject, effect_row, itt_model, quantile_effects, refused,
    with_covariates,
};
use super::metric_rows::{MetricGroup, MetricGroups, MetricRows, metric_groups, values};
use super::modelling::Experiment;
use crate::dataset::metrics::{MetricColumn, MetricValues, TermColumn};
use crate::plan::experiment::{Adjustment, EffectRequest};
use crate::record::experiment::{EffectRow, Refused, SegmentCovariance, SegmentEffect};
use causal::experiment::linear_model::Contrast;
use causal::experiment::relative::Ratio;
use causal::experiment::{ExperimentError, Model};

/// The fewest rows of an arm in a segment.
const FEWEST_ROWS: usize = 20;

/// Effects of every arm on every metric in every segment.
pub(super) fn effects_in_segments(experiment: &Experiment) -> Answers {
    let mut answers = Answers::default();
    if experiment.plan.segments.is_empty() {
        return answers;
    }
    let is_mean = |column: &MetricColumn| matches!(column.values, MetricValues::Mean(_));
    let MetricGroups { groups, .. } = metric_groups(experiment, is_mean);
    groups.into_iter().for_each(|group| answers.extend(from_one_fit(experiment, group)));
    for column in &experiment.table.metrics {
        match column.values {
            MetricValues::Mean(_) => {}
            MetricValues::Ratio(..) => answers.extend(ratios(experiment, column)),
            MetricValues::Quantile(..) => {
                for (name, mask) in named_masks(experiment) {
                    answers.extend(quantile_effects(experiment, column, Some((name, mask))));
                }
            }
        }
    }
    let order = |metric: &str| experiment.table.metrics.iter().position(|column| column.name == metric);
    answers.effects.sort_by_key(|row| order(&row.metric));
    answers.refused.sort_by_key(|row| order(&row.metric));
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

/// Why a segment has no effects, if an arm has too few of some rows in it.
fn too_small(experiment: &Experiment, rows: &[usize], mask: &[bool]) -> Option<String> {
    let fewest = FEWEST_ROWS.max(experiment.plan.min_cell);
    let mut in_arms = vec![0_usize; experiment.table.arms.len()];
    for row in rows.iter().filter(|row| mask[**row]) {
        in_arms[usize::from(experiment.table.assigned[*row])] += 1;
    }
    let small = in_arms.iter().position(|rows| *rows < fewest)?;
    Some(format!(
        "fewer than {fewest} rows of arm `{}` are in this segment; widen the segment, or wait for more units",
        experiment.table.arms[small]
    ))
}

fn refuse(column: &MetricColumn, segment: &str, reason: String) -> Refused {
    let (metric, segment) = (column.name.clone(), Some(segment.to_owned()));
    Refused { metric, arm: None, request: EffectRequest::Itt, segment, reason }
}

/// A metric that an error refuses in every segment.
fn refused_everywhere(experiment: &Experiment, column: &MetricColumn, error: &ExperimentError) -> Vec<Refused> {
    let segments = named_masks(experiment).map(|segment| segment.0.to_owned());
    segments.map(|segment| refused(experiment, &column.name, Some(segment), error)).collect()
}

/// The metrics of a group in every segment.
fn from_one_fit(experiment: &Experiment, group: MetricGroup<'_>) -> Answers {
    let mut answers = Answers::default();
    let MetricGroup { rows, columns, values } = group;
    let fitted = match with_indicators(experiment, rows, values) {
        Ok(fitted) => fitted,
        Err(error) => {
            answers.refused.extend(columns.iter().flat_map(|column| refused_everywhere(experiment, column, &error)));
            return answers;
        }
    };
    let determined: Vec<bool> = (0..columns.len()).map(|metric| fitted.determines(metric)).collect();
    let small: Vec<Option<String>> =
        named_masks(experiment).map(|it| too_small(experiment, &fitted.rows.rows, it.1)).collect();
    let large = named_masks(experiment).zip(&small).filter(|it| it.1.is_none()).map(|it| it.0);
    let segments = match Segment::all(experiment, &fitted, large) {
        Ok(segments) => segments,
        Err(error) => {
            answers.refused.extend(columns.iter().flat_map(|column| refused_everywhere(experiment, column, &error)));
            return answers;
        }
    };
    let mut next = segments.iter();
    for ((name, _), small) in named_masks(experiment).zip(&small) {
        let segment = if small.is_none() { next.next() } else { None };
        for (metric, column) in columns.iter().enumerate() {
            if determined[metric] {
                answers.refused.push(refuse(column, name, DETERMINED.to_owned()));
            } else if let Some(reason) = small {
                answers.refused.push(refuse(column, name, reason.clone()));
            } else if let Some(segment) = segment {
                match segment.effects(experiment, &fitted, (&column.name, metric)) {
                    Ok(rows) => answers.effects.extend(rows),
                    Err(error) => {
                        answers.refused.push(refused(experiment, &column.name, Some(name.to_owned()), &error));
                    }
                }
            }
        }
    }
    for (metric, column) in columns.iter().enumerate().filter(|(metric, _)| !determined[*metric]) {
        answers.covariances.extend(covariance(experiment, &fitted, &segments, (&column.name, metric)));
    }
    answers.covariances.retain(|found| {
        let given = answers.effects.iter().filter(|row| row.metric == found.metric).count();
        given == found.effects.len()
    });
    answers
}

/// How the effects on a metric, which is given by name and by place in the fit, vary together over all segments of the fit.
fn covariance(
    experiment: &Experiment,
    fitted: &Fitted,
    segments: &[Segment<'_>],
    metric: (&str, usize),
) -> Option<SegmentCovariance> {
    let of_segment = |segment: &Segment<'_>| -> Vec<SegmentEffect> {
        let arms = experiment.table.arms.iter().skip(1);
        arms.map(|arm| SegmentEffect { segment: segment.name.to_owned(), arm: arm.clone() }).collect()
    };
    let contrasts: Vec<&Contrast> =
        segments.iter().flat_map(|segment| segment.contrasts.iter().map(|found| &found.contrast)).collect();
    let row = |left: &&Contrast| -> Option<Vec<f64>> {
        contrasts.iter().map(|right| fitted.fit.covariance([*left, *right], [metric.1; 2])).collect()
    };
    Some(SegmentCovariance {
        metric: metric.0.to_owned(),
        effects: segments.iter().flat_map(of_segment).collect(),
        covariance: contrasts.iter().map(row).collect::<Option<Vec<_>>>()?,
    })
    .filter(|found| !found.effects.is_empty())
}

/// The fit of everyone, with an indicator for each segment that the covariates do not describe.
fn with_indicators(
    experiment: &Experiment,
    rows: Vec<usize>,
    values: Vec<Vec<f64>>,
) -> Result<Fitted, ExperimentError> {
    let plain = with_covariates(experiment, MetricRows::of(experiment, rows)).with_metrics(values);
    let own = (0..experiment.plan.segments.len()).filter(|s| !is_modelled(experiment, *s));
    let indicators: Vec<TermColumn> =
        own.map(|segment| TermColumn::flags(experiment.table.segments[segment].clone())).collect();
    let model = itt_model(experiment, plain.p(), false);
    let interacted = model.interacted.iter().copied().chain(indicators.iter().map(|_| true)).collect();
    let terms = plain.terms.iter().cloned().chain(indicators).collect();
    Fitted::new(MetricRows { terms, ..plain }, Model { interacted, ..model })
}

/// A segment of a fit.
struct Segment<'a> {
    name: &'a str,
    /// Means of the terms in it.
    means: Vec<f64>,
    /// Its rows among those of the fit.
    n: usize,
    /// The effect of each arm.
    contrasts: Vec<FittedContrast>,
}

impl<'a> Segment<'a> {
    /// Segments by name and mask, in that order.
    fn all<'m>(
        experiment: &Experiment,
        fitted: &Fitted,
        masks: impl Iterator<Item = (&'a str, &'m [bool])>,
    ) -> Result<Vec<Segment<'a>>, ExperimentError> {
        let arms = experiment.table.arms.len() - 1;
        let (mut segments, mut contrasts) = (Vec::new(), Vec::new());
        for (name, mask) in masks {
            let n = fitted.rows.rows.iter().filter(|row| mask[**row]).count();
            let means = fitted.rows.term_means(Some(mask));
            for arm in 1..=arms {
                contrasts.push(fitted.fit.effect_at(arm, &means)?);
            }
            segments.push(Segment { name, means, n, contrasts: Vec::new() });
        }
        let mut contrasts = fitted.contrasts(contrasts)?.into_iter();
        segments.iter_mut().for_each(|segment| segment.contrasts.extend(contrasts.by_ref().take(arms)));
        Ok(segments)
    }

    /// The effects of every arm on a metric, which is given by name and by place in the fit.
    fn effects(
        &self,
        experiment: &Experiment,
        fitted: &Fitted,
        metric: (&str, usize),
    ) -> Result<Vec<EffectRow>, ExperimentError> {
        let baseline = fitted.fit.baseline_at(&self.means)?;
        let effect = |(arm, contrast): (usize, &FittedContrast)| {
            let found = contrast.estimate(fitted, metric.1);
            let subject = Subject {
                metric: metric.0.to_owned(),
                arm: experiment.table.arms[arm + 1].clone(),
                request: EffectRequest::Itt,
                segment: Some(self.name.to_owned()),
                n: self.n,
            };
            let ratio = Ratio::new(&fitted.fit, &contrast.contrast, &baseline, metric.1);
            effect_row(experiment.alpha(), subject, &found, ratio.map(|ratio| Ratio { df: found.df, ..ratio }))
        };
        self.contrasts.iter().enumerate().map(effect).collect()
    }
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
            let rows = with_covariates(experiment, MetricRows::of(experiment, rows)).with_metrics(vec![y]);
            let model = itt_model(experiment, rows.p(), false);
            let fitted = Fitted::new(rows, model)?;
            if fitted.determines(0) {
                return Ok(Err(DETERMINED.to_owned()));
            }
            let segments = Segment::all(experiment, &fitted, std::iter::once((name, mask)))?;
            let effects = segments.iter().map(|segment| segment.effects(experiment, &fitted, (&column.name, 0)));
            Ok(Ok(effects.collect::<Result<Vec<_>, _>>()?.concat()))
        });
        match rows {
            Ok(Ok(rows)) => answers.effects.extend(rows),
            Ok(Err(reason)) => answers.refused.push(refuse(column, name, reason)),
            Err(error) => answers.refused.push(refused(experiment, &column.name, Some(name.to_owned()), &error)),
        }
    }
    answers
}
