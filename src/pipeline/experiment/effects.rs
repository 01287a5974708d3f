//! The effects of assignment on everyone: one fit for all metrics that have values in the same rows.

use super::anytime::{self, EffectName, Index};
use super::metric_rows::{MetricGroup, MetricGroups, MetricRows, metric_groups};
use super::modelling::Experiment;
use crate::dataset::metrics::{MetricColumn, MetricValues};
use crate::plan::experiment::{Adjustment, EffectRequest};
use crate::record::experiment::{ArmSummary, EffectRow, Estimate, Look, Refused, SegmentCovariance};
use crate::text::lists::counted;
use causal::experiment::linear_model::{Contrast, Estimated};
use causal::experiment::quantile::{QuantileEstimate, difference, quantile};
use causal::experiment::relative::{Ratio, RatioSet};
use causal::experiment::two_sample::Sample;
use causal::experiment::{ExperimentError, Fit, Model, VarianceKind};
use causal::numerics::distributions::{normal_quantile, t_quantile};
use causal::numerics::sums;
use std::collections::BTreeMap;

/// Effects, and those that are not given.
#[derive(Debug, Clone, Default)]
pub(super) struct Answers {
    pub effects: Vec<EffectRow>,
    pub refused: Vec<Refused>,
    /// How effects in segments vary together.
    pub covariances: Vec<SegmentCovariance>,
}

impl Answers {
    pub fn extend(&mut self, other: Answers) {
        self.effects.extend(other.effects);
        self.refused.extend(other.refused);
        self.covariances.extend(other.covariances);
    }
}

/// Where an effect belongs.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub metric: String,
    pub arm: String,
    pub request: EffectRequest,
    pub segment: Option<String>,
    pub n: usize,
}

/// The fewest rows of an arm: below, a standard error is a matter of a few values.
const FEWEST_ROWS: usize = 10;

/// Why a metric that [`Fitted::determines`] has no effect.
pub(super) const DETERMINED: &str = "arms and covariates determine this metric (R² is 1 up to rounding): a covariate is the metric or was made from it, or the metric does not vary within an arm; take the covariate out of `covariates`";

/// A fit and its rows.
pub(super) struct Fitted {
    pub rows: MetricRows,
    pub model: Model,
    pub fit: Fit,
}

impl Fitted {
    /// Fits rows of which every arm has [`FEWEST_ROWS`].
    pub fn new(rows: MetricRows, model: Model) -> Result<Fitted, ExperimentError> {
        let arms = rows.view().arms();
        let of_arm = |arm: usize| rows.assigned.iter().filter(|a| usize::from(**a) == arm).count();
        let small = (0..arms).map(|arm| (arm, of_arm(arm))).find(|found| (1..FEWEST_ROWS).contains(&found.1));
        if let Some((arm, rows)) = small {
            return Err(ExperimentError::SmallArm { arm, rows, needed: FEWEST_ROWS });
        }
        let fit = Fit::new(&rows.view(), &model)?;
        Ok(Fitted { rows, model, fit })
    }

    /// True if arms and covariates leave nothing of a metric that varies: its standard errors are then rounding.
    pub fn determines(&self, metric: usize) -> bool {
        /// Rounding leaves about this share.
        const ROUNDING: f64 = 1e-10;
        let y = &self.rows.metrics[metric];
        let n = y.len() as f64;
        let mean = sums::sum(y.iter().copied()) / n;
        let variance = sums::sum(y.iter().map(|v| (v - mean) * (v - mean))) / n;
        let left = self.fit.residual_covariance([metric, metric]).unwrap_or(variance);
        variance > 0.0 && left <= ROUNDING * variance
    }

    /// Estimates of contrasts of one metric, with Satterthwaite's degrees of freedom where the variance has them.
    pub fn estimates(&self, contrasts: &[Contrast], metric: usize) -> Result<Vec<Estimated>, ExperimentError> {
        let contrasts = self.contrasts(contrasts.to_vec())?;
        Ok(contrasts.iter().map(|contrast| contrast.estimate(self, metric)).collect())
    }

    /// Contrasts with Satterthwaite's degrees of freedom where the variance has them: they are the same for every metric, and all of
    /// them cost little more than one.
    pub fn contrasts(&self, contrasts: Vec<Contrast>) -> Result<Vec<FittedContrast>, ExperimentError> {
        if self.model.variance != VarianceKind::Cr2 {
            return Ok(contrasts.into_iter().map(|contrast| FittedContrast { contrast, df: None }).collect());
        }
        let degrees = self.fit.satterthwaite(&self.rows.view(), &self.model, &contrasts)?;
        let with = |(contrast, df)| FittedContrast { contrast, df: Some(df) };
        Ok(contrasts.into_iter().zip(degrees).map(with).collect())
    }
}

/// A contrast of a fit and its degrees of freedom, if they are not those of the fit.
pub(super) struct FittedContrast {
    pub contrast: Contrast,
    df: Option<f64>,
}

impl FittedContrast {
    /// The estimate for a metric, by place in the fit.
    pub fn estimate(&self, fitted: &Fitted, metric: usize) -> Estimated {
        let estimated = fitted.fit.estimate(&self.contrast, metric);
        Estimated { df: self.df.unwrap_or(estimated.df), ..estimated }
    }
}

/// The model of the effects of assignment.
pub(super) fn itt_model(experiment: &Experiment, terms: usize, joint: bool) -> Model {
    Model {
        interacted: vec![experiment.adjustment() == Adjustment::Lin; terms],
        instrumented: false,
        variance: experiment.variance(false),
        joint,
    }
}

/// The covariates, unless the plan wants none.
pub(super) fn with_covariates(experiment: &Experiment, rows: MetricRows) -> MetricRows {
    if experiment.adjustment() == Adjustment::None { rows.without_covariates() } else { rows }
}

/// The effect of each arm on each metric.
pub(super) fn itt(experiment: &Experiment, looks: &[Look]) -> Answers {
    let mut answers = Answers::default();
    let MetricGroups { groups, quantiles, refused: failed } = metric_groups(experiment, |_| true);
    answers.refused.extend(failed.iter().map(|(column, error)| refused(experiment, &column.name, None, error)));
    quantiles.into_iter().for_each(|column| answers.extend(quantile_effects(experiment, column, None)));
    groups.into_iter().for_each(|group| answers.extend(itt_of_group(experiment, group, looks)));
    let order = |metric: &str| experiment.table.metrics.iter().position(|column| column.name == metric);
    answers.effects.sort_by_key(|row| order(&row.metric));
    answers
}

fn itt_of_group(experiment: &Experiment, group: MetricGroup<'_>, looks: &[Look]) -> Answers {
    let mut answers = Answers::default();
    let MetricGroup { rows, columns, values } = group;
    let rows = with_covariates(experiment, MetricRows::of(experiment, rows)).with_metrics(values);
    let model = itt_model(experiment, rows.p(), false);
    let fitted = match Fitted::new(rows, model) {
        Ok(fitted) => fitted,
        Err(error) => {
            let refuse = |column: &&MetricColumn| refused(experiment, &column.name, None, &error);
            answers.refused.extend(columns.iter().map(refuse));
            return answers;
        }
    };
    let arms = experiment.table.arms.len();
    let contrasts = match fitted.contrasts((1..arms).map(|arm| fitted.fit.average_effect(arm)).collect()) {
        Ok(contrasts) => contrasts,
        Err(error) => {
            let refuse = |column: &&MetricColumn| refused(experiment, &column.name, None, &error);
            answers.refused.extend(columns.iter().map(refuse));
            return answers;
        }
    };
    let means = fitted.rows.term_means(None);
    for (metric, column) in columns.iter().enumerate() {
        if fitted.determines(metric) {
            answers.refused.push(refusal(&column.name, DETERMINED.to_owned()));
            continue;
        }
        let rows = fitted.fit.baseline_at(&means).and_then(|baseline| {
            let effect = |(arm, contrast): (usize, &FittedContrast)| {
                let found = contrast.estimate(&fitted, metric);
                let subject = Subject {
                    metric: column.name.clone(),
                    arm: experiment.table.arms[arm + 1].clone(),
                    request: EffectRequest::Itt,
                    segment: None,
                    n: fitted.rows.rows.len(),
                };
                let ratio = Ratio::new(&fitted.fit, &contrast.contrast, &baseline, metric);
                let ratio = ratio.map(|ratio| Ratio { df: found.df, ..ratio });
                effect_row(experiment.alpha(), subject, &found, ratio)
            };
            contrasts.iter().enumerate().map(effect).collect::<Result<Vec<EffectRow>, _>>()
        });
        match rows {
            Ok(rows) => {
                rows.into_iter().for_each(|row| add_with_sequence(experiment, row, &fitted, looks, &mut answers))
            }
            Err(error) => answers.refused.push(refused(experiment, &column.name, None, &error)),
        }
    }
    answers
}

pub(super) fn refusal(metric: &str, reason: String) -> Refused {
    Refused { metric: metric.to_owned(), arm: None, request: EffectRequest::Itt, segment: None, reason }
}

/// Adds a row with its confidence sequence, or with the reason why it has none.
pub(super) fn add_with_sequence(
    experiment: &Experiment,
    mut row: EffectRow,
    fitted: &Fitted,
    looks: &[Look],
    answers: &mut Answers,
) {
    let index = Index {
        rows: fitted.fit.n,
        clusters: fitted.fit.clusters,
        adjusted: fitted.model.instrumented || fitted.rows.weights.is_some(),
    };
    let estimated = Estimated {
        estimate: row.effect.estimate,
        std_error: row.effect.std_error,
        df: row.df.unwrap_or(f64::INFINITY),
    };
    let name = EffectName { metric: &row.metric, arm: &row.arm, request: row.request };
    match anytime::interval(experiment, &estimated, index, (looks, name)) {
        Ok(interval) => row.anytime = Some(interval),
        Err(why) => answers.refused.extend(why.reason().map(|reason| Refused {
            metric: row.metric.clone(),
            arm: Some(row.arm.clone()),
            request: row.request,
            segment: row.segment.clone(),
            reason,
        })),
    }
    answers.effects.push(row);
}

/// An estimate as a row.
pub(super) fn effect_row(
    alpha: f64,
    subject: Subject,
    found: &Estimated,
    ratio: Option<Ratio>,
) -> Result<EffectRow, ExperimentError> {
    // Relative to a baseline that may be 0 there is nothing.
    let relative = ratio.filter(|ratio| {
        let q = quantile_of(ratio.df, alpha);
        matches!(ratio.fieller(q), RatioSet::Interval(..))
    });
    let relative =
        relative.and_then(|ratio| ratio.delta_method()).map(|relative| estimate(&relative, alpha)).transpose()?;
    Ok(EffectRow {
        metric: subject.metric,
        arm: subject.arm,
        request: subject.request,
        segment: subject.segment,
        n: subject.n,
        effect: estimate(found, alpha)?,
        df: Some(found.df).filter(|df| df.is_finite()),
        p_value: found.p_value(),
        baseline: ratio.map(|ratio| ratio.baseline),
        relative,
        anytime: None,
        holm: None,
        benjamini_hochberg: None,
        exploratory: false,
    })
}

pub(super) fn quantile_of(df: f64, alpha: f64) -> f64 {
    let p = 1.0 - alpha / 2.0;
    let found = if df.is_finite() { t_quantile(p, df) } else { normal_quantile(p) };
    found.unwrap_or(f64::INFINITY)
}

pub(super) fn estimate(found: &Estimated, alpha: f64) -> Result<Estimate, ExperimentError> {
    let [lower, upper] = found.interval(alpha)?;
    Ok(Estimate { estimate: found.estimate, std_error: found.std_error, lower, upper })
}

/// A refusal of the effects of assignment on a metric.
pub(super) fn refused(
    experiment: &Experiment,
    metric: &str,
    segment: Option<String>,
    error: &ExperimentError,
) -> Refused {
    let reason = match error {
        ExperimentError::EmptyArm { arm } => format!(
            "no unit of arm `{}` has a value of this metric",
            experiment.table.arms.get(*arm).map_or("?", String::as_str)
        ),
        ExperimentError::SmallArm { arm, rows, needed } => format!(
            "arm `{}` has {} with a value of this metric, and an effect needs {needed}; wait for more units, or leave the arm out with `filter:` under `data`",
            experiment.table.arms.get(*arm).map_or("?", String::as_str),
            counted(*rows, "row")
        ),
        ExperimentError::OneArm => "only one arm has units with a value of this metric".to_owned(),
        other => other.to_string(),
    };
    Refused { metric: metric.to_owned(), arm: None, request: EffectRequest::Itt, segment, reason }
}

/// The values of a quantile metric in one arm, within a segment.
pub(super) fn quantile_of_arm(
    experiment: &Experiment,
    column: (&[(u32, f64)], f64),
    arm: usize,
    mask: Option<&[bool]>,
) -> Result<QuantileEstimate, ExperimentError> {
    let (values, q) = column;
    let table = &experiment.table;
    let inside = |row: usize| usize::from(table.assigned[row]) == arm && mask.is_none_or(|mask| mask[row]);
    let kept: Vec<&(u32, f64)> = values.iter().filter(|value| inside(value.0 as usize)).collect();
    // The unit that varies together: the cluster, the unit, or the row.
    let unit = |row: u32| match (&table.clusters, &table.units) {
        (Some(codes), _) | (None, Some(codes)) => codes[row as usize],
        (None, None) => row,
    };
    let units: Vec<u32> = kept.iter().map(|value| unit(value.0)).collect();
    let numbers: Vec<f64> = kept.iter().map(|value| value.1).collect();
    quantile(&numbers, &units, q, experiment.alpha())
}

/// Differences of a quantile between arms.
pub(super) fn quantile_effects(
    experiment: &Experiment,
    column: &MetricColumn,
    segment: Option<(&str, &[bool])>,
) -> Answers {
    let mut answers = Answers::default();
    let MetricValues::Quantile(values, q) = &column.values else { return answers };
    let name = segment.map(|segment| segment.0.to_owned());
    let refuse = |reason: String| Refused {
        metric: column.name.clone(),
        arm: None,
        request: EffectRequest::Itt,
        segment: name.clone(),
        reason,
    };
    if experiment.weights().is_some() {
        answers
            .refused
            .push(refuse("quantiles are not defined where chances of assignment vary; use a mean".to_owned()));
        return answers;
    }
    let of_arm = |arm| quantile_of_arm(experiment, (values, *q), arm, segment.map(|segment| segment.1));
    let control = match of_arm(0) {
        Ok(control) => control,
        Err(error) => {
            answers.refused.push(refuse(error.to_string()));
            return answers;
        }
    };
    for arm in 1..experiment.table.arms.len() {
        let row = of_arm(arm).and_then(|treated| {
            let found = difference(&treated, &control);
            let [d, b] = [found.std_error, control.std_error].map(|se| se * se);
            let ratio = Ratio { effect: found.estimate, baseline: control.value, covariance: [d, -b, b], df: found.df };
            let subject = Subject {
                metric: column.name.clone(),
                arm: experiment.table.arms[arm].clone(),
                request: EffectRequest::Itt,
                segment: name.clone(),
                n: control.units + treated.units,
            };
            effect_row(experiment.alpha(), subject, &found, Some(ratio))
        });
        match row {
            Ok(row) => answers.effects.push(row),
            Err(error) => {
                let arm = Some(experiment.table.arms[arm].clone());
                answers.refused.push(Refused { arm, ..refuse(error.to_string()) });
            }
        }
    }
    if experiment.anytime() && name.is_none() {
        let reason =
            "no confidence sequence: none is known for this estimator of a quantile; its interval is for one look";
        answers.refused.push(refuse(reason.to_owned()));
    }
    answers
}

/// A metric in each arm.
pub(super) fn summaries(experiment: &Experiment, column: &MetricColumn) -> Vec<ArmSummary> {
    let table = &experiment.table;
    let weights = experiment.weights();
    let weight = |row: &usize| weights.as_ref().map_or(1.0, |w| w[*row]);
    let one = |arm: usize| -> Option<ArmSummary> {
        let rows: Vec<usize> = (0..experiment.n()).filter(|row| usize::from(table.assigned[*row]) == arm).collect();
        let (n, value, sd) = match &column.values {
            MetricValues::Mean(values) => {
                let whole: Vec<usize> = rows.iter().copied().filter(|row| values[*row].is_finite()).collect();
                let kept: Vec<f64> = whole.iter().map(|row| values[*row]).collect();
                let own: Vec<f64> = whole.iter().map(weight).collect();
                let sample = Sample::new(&kept).ok()?;
                (kept.len(), sums::weighted_mean(&kept, &own), Some(sample.variance.sqrt()))
            }
            MetricValues::Ratio(up, down) => {
                let kept = rows.iter().filter(|row| up[**row].is_finite() && down[**row].is_finite());
                let (n, top, bottom) = kept.fold((0, 0.0, 0.0), |(n, top, bottom), row| {
                    (n + 1, top + weight(row) * up[*row], bottom + weight(row) * down[*row])
                });
                (n, if bottom == 0.0 { return None } else { top / bottom }, None)
            }
            MetricValues::Quantile(values, q) => {
                let found = quantile_of_arm(experiment, (values, *q), arm, None).ok()?;
                let rows_with: std::collections::BTreeSet<u32> =
                    values.iter().filter(|v| usize::from(table.assigned[v.0 as usize]) == arm).map(|v| v.0).collect();
                (rows_with.len(), found.value, None)
            }
        };
        Some(ArmSummary { arm: table.arms[arm].clone(), n, missing: rows.len() - n, value, sd })
    };
    (0..table.arms.len()).filter_map(one).collect()
}

/// Adds Holm's and Benjamini and Hochberg's p-values within families.
pub(super) fn adjust_p_values(rows: &mut [EffectRow], family: impl Fn(&EffectRow) -> String) {
    let mut families: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, row) in rows.iter().enumerate() {
        families.entry(family(row)).or_default().push(at);
    }
    for members in families.values() {
        let p: Vec<f64> = members.iter().map(|at| rows[*at].anytime.map_or(rows[*at].p_value, |a| a.p_value)).collect();
        let holm = causal::experiment::multiplicity::holm(&p);
        let bh = causal::experiment::multiplicity::benjamini_hochberg(&p);
        for ((at, holm), bh) in members.iter().zip(holm).zip(bh) {
            rows[*at].holm = Some(holm);
            rows[*at].benjamini_hochberg = Some(bh);
        }
    }
}
