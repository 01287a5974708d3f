//! A/A validation: the plan's own analysis under assignments that did nothing.
//!
//! Arms are dealt out again at random among the units (or clusters, where those were assigned), the metrics stay where they are,
//! and the analysis is made; that is repeated. As no assignment did anything, p < α should come out in a share α of the
//! repetitions. More says that the standard errors are too small for these data: outliers, too few clusters, rows that depend on
//! each other.
//!
//! The interval of the rate is Clopper and Pearson's (1934, doi:10.1093/biomet/26.4.404). At more rows than [`MOST_ROWS`], each
//! repetition takes that many units at random, which is told.

use super::effects::{Fitted, itt_model, with_covariates};
use super::metric_rows::{MetricRows, renumbered, values};
use super::modelling::Experiment;
use crate::dataset::metrics::MetricValues;
use crate::record::experiment_planning::{ValidationDocument, ValidationRow};
use causal::experiment::ExperimentError;
use causal::experiment::ratio::linearise;
use causal::numerics::distributions::beta_quantile;
use causal::numerics::streams;
use rand::seq::SliceRandom;
use rayon::prelude::*;

/// Rows in one repetition.
pub const MOST_ROWS: usize = 50_000;

/// Repeats the analysis of every metric under `permutations` assignments that did nothing.
#[must_use]
pub fn validate(experiment: &Experiment, permutations: usize) -> ValidationDocument {
    let (mut results, mut refused) = (Vec::new(), experiment.refused_metrics());
    for column in &experiment.table.metrics {
        match of_metric(experiment, &column.name, &column.values, permutations) {
            Ok(found) => results.extend(found),
            Err(reason) => refused.push((column.name.clone(), reason)),
        }
    }
    let permuted = if experiment.clusters_were_assigned() { "clusters" } else { "units" };
    let rows = experiment.n();
    let mut explain = vec![format!(
        "In each of {permutations} repetitions the arms were dealt out again among {permuted}, and the plan's own analysis was made. A rate whose interval lies above α says that standard errors are too small for these data."
    )];
    if rows > MOST_ROWS {
        explain.push(format!("Each repetition took {MOST_ROWS} of the {rows} rows at random."));
    }
    ValidationDocument {
        alpha: experiment.alpha(),
        rows_used: rows.min(MOST_ROWS),
        rows,
        permuted: permuted.to_owned(),
        results,
        refused,
        explain,
    }
}

fn of_metric(
    experiment: &Experiment,
    name: &str,
    column: &MetricValues,
    permutations: usize,
) -> Result<Vec<ValidationRow>, String> {
    if experiment.weights().is_some() {
        return Err("with chances that vary, assignments that did nothing cannot be dealt out by permuting".to_owned());
    }
    // The ratio is made again for each assignment, so its parts are kept.
    let Some(found) = values(experiment, column, |_| true) else {
        return Err("an A/A validation is not made for quantiles".to_owned());
    };
    let (rows, y) = found.map_err(|error| error.to_string())?;
    let parts = match column {
        MetricValues::Ratio(up, down) => {
            Some([up, down].map(|part| rows.iter().map(|row| part[*row]).collect::<Vec<f64>>()))
        }
        _ => None,
    };
    let base = with_covariates(experiment, MetricRows::of(experiment, rows)).with_metrics(vec![y]);
    let dealt = Dealt::new(experiment, &base);
    let arms = experiment.table.arms.len();
    let one = |i: usize| -> Result<Vec<bool>, ExperimentError> {
        let mut rng = streams::stream(experiment.plan.seed, &format!("experiment.validate {name} {i}"));
        let (kept, assigned) = dealt.again(&mut rng);
        let mut rows = base.only(&kept, assigned);
        if let Some([up, down]) = &parts {
            let pick = |part: &[f64]| kept.iter().map(|i| part[*i]).collect::<Vec<f64>>();
            rows = {
                let linear = linearise(&pick(up), &pick(down), &rows.assigned, None)?;
                rows.with_metrics(vec![linear.values])
            };
        }
        let fitted = Fitted::new(rows, itt_model(experiment, base.p(), false))?;
        let contrasts: Vec<_> = (1..arms).map(|arm| fitted.fit.average_effect(arm)).collect();
        Ok(fitted.estimates(&contrasts, 0)?.iter().map(|found| found.p_value() < experiment.alpha()).collect())
    };
    let all = (0..permutations).into_par_iter().map(one).collect::<Result<Vec<_>, _>>().map_err(|e| e.to_string())?;
    let row = |arm: usize| {
        let rejected = all.iter().filter(|arms| arms[arm - 1]).count();
        rate(name, &experiment.table.arms[arm], rejected, (permutations, experiment.alpha()))
    };
    Ok((1..arms).map(row).collect())
}

fn rate(metric: &str, arm: &str, rejected: usize, of: (usize, f64)) -> ValidationRow {
    let (permutations, alpha) = of;
    let (k, n) = (rejected as f64, permutations as f64);
    let lower = if rejected == 0 { 0.0 } else { beta_quantile(0.025, k, n - k + 1.0).unwrap_or(0.0) };
    let upper = if rejected == permutations { 1.0 } else { beta_quantile(0.975, k + 1.0, n - k).unwrap_or(1.0) };
    ValidationRow {
        metric: metric.to_owned(),
        arm: arm.to_owned(),
        permutations,
        rejected,
        rate: k / n,
        lower,
        upper,
        holds: lower <= alpha && alpha <= upper,
    }
}

/// Groups of rows that get one arm together, and the arms to be dealt out: as many of each as there are.
struct Dealt {
    group_of: Vec<u32>,
    arms: Vec<u16>,
}

impl Dealt {
    fn new(experiment: &Experiment, rows: &MetricRows) -> Dealt {
        let table = &experiment.table;
        let codes = if experiment.clusters_were_assigned() { table.clusters.as_ref() } else { table.units.as_ref() };
        let code = |row: &usize| codes.map_or(u32::try_from(*row).unwrap_or(u32::MAX), |codes| codes[*row]);
        let group_of = renumbered(rows.rows.iter().map(code));
        let count = group_of.iter().max().map_or(0, |g| *g as usize + 1);
        let mut arms = vec![0; count];
        group_of.iter().zip(&rows.assigned).for_each(|(group, arm)| arms[*group as usize] = *arm);
        Dealt { group_of, arms }
    }

    /// Rows of this repetition and their arms.
    fn again(&self, rng: &mut rand_chacha::ChaCha8Rng) -> (Vec<usize>, Vec<u16>) {
        let mut order: Vec<usize> = (0..self.arms.len()).collect();
        order.shuffle(rng);
        let mut arm_of = vec![0; self.arms.len()];
        order.iter().zip(&self.arms).for_each(|(group, arm)| arm_of[*group] = *arm);
        let n = self.group_of.len();
        let share = MOST_ROWS as f64 / n as f64;
        // Whole groups, from another shuffle: the first that make up the share.
        let mut taken = vec![share >= 1.0; self.arms.len()];
        if share < 1.0 {
            order.shuffle(rng);
            order.iter().take((share * self.arms.len() as f64) as usize).for_each(|group| taken[*group] = true);
        }
        let kept: Vec<usize> = (0..n).filter(|i| taken[self.group_of[*i] as usize]).collect();
        let assigned = kept.iter().map(|i| arm_of[self.group_of[*i] as usize]).collect();
        (kept, assigned)
    }
}
