//! How many units an experiment needs, from the variance of the metrics in its own rows or before its start.
//!
//! The standard error of the plan's own fit, at the present size, has everything in it: covariates, clusters, shares. Sizes follow
//! from it by 1/√n. No effect is shown, so this can be asked while the experiment is blind.

use super::effects::{Fitted, itt_model, with_covariates};
use super::metric_rows::{MetricRows, values};
use super::modelling::Experiment;
use crate::dataset::metrics::MetricColumn;
use crate::plan::experiment::{Amount, Metric};
use crate::record::experiment_planning::{PowerDocument, PowerRow};
use causal::experiment::power::PowerPlan;
use causal::experiment::{ExperimentError, Model};

/// Sizes for every metric and arm, for finding an effect with chance `power`; from values before the start with `before`.
#[must_use]
pub fn power(experiment: &Experiment, power: f64, before: bool) -> PowerDocument {
    let (mut rows, mut refused) = (Vec::new(), experiment.refused_metrics());
    for (metric, column) in experiment.metrics() {
        match rows_of(experiment, metric, column, Asked { power, before }) {
            Ok(found) => rows.extend(found),
            Err(reason) => refused.push((metric.name.clone(), reason)),
        }
    }
    let counted = if experiment.cluster_count().is_some() { "clusters" } else { "units" };
    PowerDocument {
        power,
        alpha: experiment.alpha(),
        anytime: experiment.anytime(),
        counted: counted.to_owned(),
        rows,
        refused,
        explain: explain(experiment, counted, before),
    }
}

fn explain(experiment: &Experiment, counted: &str, before: bool) -> Vec<String> {
    let from = if before { "their values before the start" } else { "the rows there are" };
    let mut explain = vec![format!(
        "Variances come from the plan's own analysis of {from}; {counted} are counted, and arms are taken to keep their shares. No effect was computed."
    )];
    if experiment.anytime() {
        explain.push("Sizes allow for looks at any time; `anytime_inflation` says what that costs.".to_owned());
    }
    explain
}

/// The chance to find an effect, and whether values before the start are meant.
#[derive(Debug, Clone, Copy)]
struct Asked {
    power: f64,
    before: bool,
}

fn rows_of(
    experiment: &Experiment,
    metric: &Metric,
    column: &MetricColumn,
    asked: Asked,
) -> Result<Vec<PowerRow>, String> {
    let Asked { power, before } = asked;
    let source = match (before, &column.before) {
        (false, _) => &column.values,
        (true, Some(before)) => before,
        (true, None) => return Err("it has no values before the start".to_owned()),
    };
    let Some(found) = values(experiment, source, |_| true) else {
        return Err("sizes are not defined for quantiles here; use a mean".to_owned());
    };
    let fitted = found.and_then(|(rows, y)| Sizing::new(experiment, rows, y)).map_err(|error| error.to_string())?;
    (1..experiment.table.arms.len()).map(|arm| fitted.row(experiment, metric, arm, power)).collect()
}

/// Three fits of one metric: as planned, without covariates, and without clusters.
struct Sizing {
    planned: Fitted,
    plain: Fitted,
    independent: Option<Fitted>,
    control_mean: f64,
}

impl Sizing {
    fn new(experiment: &Experiment, rows: Vec<usize>, y: Vec<f64>) -> Result<Sizing, ExperimentError> {
        let all = MetricRows::of(experiment, rows).with_metrics(vec![y]);
        let with = with_covariates(experiment, all.clone());
        let planned = Fitted::new(with.clone(), itt_model(experiment, with.p(), false))?;
        let plain = Fitted::new(all.clone().without_covariates(), itt_model(experiment, 0, false))?;
        let independent = all.clusters.is_some().then(|| {
            let rows = MetricRows { clusters: None, ..with.clone() };
            let variance = causal::experiment::VarianceKind::Hc1;
            Fitted::new(rows, Model { variance, ..itt_model(experiment, with.p(), false) })
        });
        let baseline = planned.fit.baseline_at(&planned.rows.term_means(None))?;
        let control_mean = planned.fit.estimate(&baseline, 0).estimate;
        Ok(Sizing { planned, plain, independent: independent.transpose()?, control_mean })
    }

    fn row(&self, experiment: &Experiment, metric: &Metric, arm: usize, power: f64) -> Result<PowerRow, String> {
        let error = |fitted: &Fitted| fitted.fit.estimate(&fitted.fit.average_effect(arm), 0).std_error;
        let std_error = error(&self.planned);
        let n = self.planned.fit.clusters.unwrap_or(self.planned.fit.n);
        let plan = PowerPlan {
            unit_error: std_error * (n as f64).sqrt(),
            alpha: experiment.alpha(),
            power,
            anytime: experiment.anytime(),
        };
        let said = |error: ExperimentError| error.to_string();
        let smallest = metric.smallest_effect.or(metric.margin).map(|amount| match amount {
            Amount::Absolute(size) => size,
            Amount::Relative(share) => share * self.control_mean.abs(),
        });
        let needed = smallest.map(|effect| plan.units(effect)).transpose().map_err(said)?;
        let inflation = experiment.anytime().then(|| {
            let fixed = PowerPlan { anytime: false, ..plan };
            Ok::<f64, ExperimentError>(plan.units(std_error)? / fixed.units(std_error)?)
        });
        Ok(PowerRow {
            metric: metric.name.clone(),
            arm: experiment.table.arms[arm].clone(),
            n,
            std_error,
            control_mean: self.control_mean,
            smallest_effect_now: plan.smallest_effect(n as f64).map_err(said)?,
            smallest_effect_planned: experiment
                .plan
                .looks
                .planned_n
                .map(|planned| plan.smallest_effect(planned as f64))
                .transpose()
                .map_err(said)?,
            days: needed.zip(per_day(experiment, n)).map(|(needed, rate)| needed / rate),
            needed,
            variance_reduction: (!experiment.table.terms.is_empty())
                .then(|| 1.0 - (std_error / error(&self.plain)).powi(2)),
            design_effect: self.independent.as_ref().map(|independent| (std_error / error(independent)).powi(2)),
            anytime_inflation: inflation.transpose().map_err(said)?,
        })
    }
}

/// Rows or clusters a day, from the times of assignment.
fn per_day(experiment: &Experiment, n: usize) -> Option<f64> {
    let times = experiment.table.assigned_at.as_ref()?;
    let finite = || times.iter().copied().filter(|time| time.is_finite());
    let days =
        finite().fold(f64::NEG_INFINITY, f64::max).floor() - finite().fold(f64::INFINITY, f64::min).floor() + 1.0;
    (days.is_finite() && days >= 1.0).then(|| n as f64 / days)
}
