//! The audit of the randomisation: numbers for the rubric, none of which needs a metric after the start.

use super::identification::sentences;
use super::instrument;
use super::metric_rows::{MetricRows, renumbered, values};
use super::modelling::Experiment;
use crate::critique::experiment::rubric::{self, Measured};
use crate::dataset::metrics::MetricValues;
use crate::plan::experiment::{EffectRequest, LookPlan};
use crate::record::experiment::{Compliance, HealthCheck, HealthCode, HealthDocument, Look};
use causal::experiment::multiplicity::holm;
use causal::experiment::sample_ratio::sample_ratio;
use causal::experiment::{ExperimentError, Fit, Model, VarianceKind};
use causal::numerics::distributions::{chi_squared_upper, normal_two_sided};
use causal::numerics::sums::kish;
use std::collections::BTreeMap;

/// Everything that is known before an effect is.
#[must_use]
pub fn health(experiment: &Experiment, looks: &[Look]) -> HealthDocument {
    let numbers: Vec<(HealthCode, Measured)> = vec![
        (HealthCode::SampleRatio, ratio(experiment)),
        (HealthCode::SampleRatioByDay, ratio_by_day(experiment)),
        (HealthCode::TwoArms, two_arms(experiment)),
        (HealthCode::AssignedAfterExposure, exposure(experiment)),
        (HealthCode::PrePeriod, pre_period(experiment)),
        (HealthCode::CovariatesPredict, covariates(experiment)),
        (HealthCode::FewClusters, few_clusters(experiment)),
        (HealthCode::TermsAgainstClusters, terms_against_clusters(experiment)),
        (HealthCode::FirstStage, first_stage(experiment)),
        (HealthCode::Propensity, propensity(experiment)),
        (HealthCode::MissingOutcomes, missing_outcomes(experiment)),
        (HealthCode::FollowUp, follow_up(experiment)),
        (HealthCode::Looks, extra_looks(experiment, looks)),
    ];
    let checks: Vec<HealthCheck> = numbers.iter().map(|(code, measured)| rubric::check(*code, measured)).collect();
    HealthDocument {
        design: experiment.facts(dropped_terms(experiment)),
        identification: sentences(experiment),
        tier: rubric::tier(&checks),
        checks,
    }
}

fn no_meaning(why: &str) -> Measured {
    Measured::NoMeaning(why.to_owned())
}

/// Units in each arm, or clusters where those were assigned.
fn ratio(experiment: &Experiment) -> Measured {
    if let Some(weights) = experiment.weights() {
        return weights_add_up(experiment, &weights);
    }
    let table = &experiment.table;
    let drawn: Option<&Vec<u32>> =
        if experiment.clusters_were_assigned() { table.clusters.as_ref() } else { table.units.as_ref() };
    let units = match drawn {
        Some(codes) => distinct_in_arms(codes, &table.assigned, table.arms.len()),
        None => {
            (0..table.arms.len()).map(|arm| table.assigned.iter().filter(|a| usize::from(**a) == arm).count()).collect()
        }
    };
    match sample_ratio(&units, &table.shares) {
        Ok(found) => Measured::Number(found.p_value, None),
        Err(error) => Measured::NotMade(error.to_string()),
    }
}

/// Where chances vary: 1/p over the units of an arm has the expectation n, whatever the chances are. Column by column of chances
/// that are not those of the arm that a unit got, it does not.
fn weights_add_up(experiment: &Experiment, weights: &[f64]) -> Measured {
    let table = &experiment.table;
    // One draw for each cluster where those were drawn, else for each unit or row.
    let codes = if experiment.clusters_were_assigned() { table.clusters.as_ref() } else { table.units.as_ref() };
    let mut seen = vec![false; codes.map_or(0, |codes| codes.iter().max().map_or(0, |code| *code as usize + 1))];
    let first = |row: &usize| codes.is_none_or(|codes| !std::mem::replace(&mut seen[codes[*row] as usize], true));
    let drawn: Vec<usize> = (0..weights.len()).filter(first).collect();
    let n = drawn.len() as f64;
    let mut smallest: Option<(f64, String)> = None;
    for (arm, name) in table.arms.iter().enumerate() {
        let own = drawn.iter().filter(|row| usize::from(table.assigned[**row]) == arm).map(|row| weights[*row]);
        let (total, variance) = own.fold((0.0, 0.0), |(total, variance), w| (total + w, variance + w * (w - 1.0)));
        if variance <= 0.0 {
            continue;
        }
        let p = (normal_two_sided((total - n) / variance.sqrt()) * table.arms.len() as f64).min(1.0);
        if smallest.as_ref().is_none_or(|before| p < before.0) {
            smallest = Some((p, name.clone()));
        }
    }
    smallest.map_or(no_meaning("every chance is 1"), |(p, name)| Measured::Number(p, Some(name)))
}

/// Units in each arm within each day of assignment.
fn ratio_by_day(experiment: &Experiment) -> Measured {
    /// Expected units of an arm on a day, below which days are put together.
    const FEWEST: f64 = 20.0;
    let table = &experiment.table;
    let Some(times) = &table.assigned_at else { return no_meaning("the data have no times of assignment") };
    if experiment.weights().is_some() || table.clusters.is_some() {
        return no_meaning("units were not drawn one by one with the same chances");
    }
    let mut of_day: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (time, arm) in times.iter().zip(&table.assigned).filter(|(time, _)| time.is_finite()) {
        let counts = of_day.entry(time.floor() as i64).or_insert_with(|| vec![0; table.arms.len()]);
        counts[usize::from(*arm)] += 1;
    }
    let least = table.shares.iter().copied().fold(1.0, f64::min);
    let (mut bins, mut open): (Vec<Vec<usize>>, Vec<usize>) = (Vec::new(), vec![0; table.arms.len()]);
    for counts in of_day.into_values() {
        open.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        if open.iter().sum::<usize>() as f64 * least >= FEWEST {
            bins.push(std::mem::replace(&mut open, vec![0; table.arms.len()]));
        }
    }
    match bins.last_mut() {
        Some(last) => last.iter_mut().zip(open).for_each(|(sum, count)| *sum += count),
        None => return no_meaning("there are too few units for more than one day"),
    }
    if bins.len() < 2 {
        return no_meaning("there are too few units for more than one day");
    }
    let tests = bins.iter().map(|units| sample_ratio(units, &table.shares));
    match tests.collect::<Result<Vec<_>, _>>() {
        Ok(tests) => {
            let statistic = tests.iter().map(|test| test.statistic).sum::<f64>();
            let df = bins.len() * (table.arms.len() - 1);
            chi_squared_upper(statistic, df)
                .map_or(Measured::NotMade("the statistic is not a number".to_owned()), |p| Measured::Number(p, None))
        }
        Err(error) => Measured::NotMade(error.to_string()),
    }
}

fn two_arms(experiment: &Experiment) -> Measured {
    let clusters = experiment.clusters_were_assigned().then(|| {
        let (whole, mixed) = experiment.whole_and_mixed_clusters();
        mixed as f64 / (whole + mixed) as f64
    });
    let units = experiment
        .table
        .units
        .as_ref()
        .map(|_| experiment.table.units_in_two_arms as f64 / experiment.table.unit_count as f64);
    match (units, clusters) {
        (None, None) => no_meaning("the plan has no `assignment.unit_id`, so each row is taken for a unit"),
        (units, clusters) => Measured::Number(units.unwrap_or_default().max(clusters.unwrap_or_default()), None),
    }
}

/// Units whose window is not over when the source ends.
fn follow_up(experiment: &Experiment) -> Measured {
    let windows = experiment.metrics().filter(|(metric, _)| metric.window.is_some());
    let share = |counted: usize| counted as f64 / experiment.n().max(1) as f64;
    let largest = windows
        .map(|(metric, column)| (share(column.counters.window_not_over), metric.name.clone()))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    largest.map_or(no_meaning("no metric has a window"), |(share, name)| Measured::Number(share, Some(name)))
}

fn exposure(experiment: &Experiment) -> Measured {
    let start = experiment.plan.assignment.start.map(|start| vec![start; experiment.n()]);
    let assigned = experiment.table.assigned_at.clone().or(start);
    let (Some(assigned), Some(exposed)) = (&assigned, &experiment.table.exposed_at) else {
        return no_meaning("the plan does not name `assignment.exposed_at` and a time of assignment");
    };
    let both: Vec<bool> =
        assigned.iter().zip(exposed).filter(|(a, e)| a.is_finite() && e.is_finite()).map(|(a, e)| e < a).collect();
    if both.is_empty() {
        return Measured::NotMade("no unit has both times".to_owned());
    }
    Measured::Number(both.iter().filter(|early| **early).count() as f64 / both.len() as f64, None)
}

/// The model in which arms are compared with nothing else in it.
fn plain_model(experiment: &Experiment, joint: bool) -> Model {
    Model { interacted: Vec::new(), instrumented: false, variance: experiment.variance(false), joint }
}

/// Differences between the arms in each metric before the start.
fn pre_period(experiment: &Experiment) -> Measured {
    let (mut names, mut p) = (Vec::new(), Vec::new());
    // What a metric was before the start says as much where it says nothing after it.
    let refused = experiment.table.refused.iter().map(|refused| &refused.column);
    for column in experiment.table.metrics.iter().chain(refused) {
        let Some(before) = &column.before else { continue };
        let tested = match values(experiment, before, |_| true) {
            Some(found) => found.and_then(|(rows, y)| {
                let rows = MetricRows::of(experiment, rows).without_covariates().with_metrics(vec![y]);
                let fit = Fit::new(&rows.view(), &plain_model(experiment, false))?;
                let arms: Vec<_> = (1..experiment.table.arms.len()).map(|arm| fit.average_effect(arm)).collect();
                fit.joint_test(&arms, 0)
            }),
            // The rows before the start of a quantile are compared by nothing simple.
            None => continue,
        };
        match tested {
            Ok(test) => {
                names.push(column.name.clone());
                p.push(test.p_value);
            }
            Err(error) => return Measured::NotMade(format!("`{}` before the start: {error}", column.name)),
        }
    }
    smallest(&names, &p).unwrap_or_else(|| no_meaning("no metric has values before the start"))
}

/// Whether the covariates together differ between each arm and the control.
fn covariates(experiment: &Experiment) -> Measured {
    let table = &experiment.table;
    if table.terms.is_empty() {
        let before = table.metrics.iter().any(|column| column.before.is_some());
        return match before {
            true => no_meaning("the plan has no covariates"),
            false => Measured::NotMade(
                "nothing that was measured before assignment shows whether the arms were alike; name `covariates`, or give metrics a `time`"
                    .to_owned(),
            ),
        };
    }
    let (mut names, mut p) = (Vec::new(), Vec::new());
    for arm in 1..table.arms.len() {
        match covariates_of(experiment, arm) {
            Ok(found) => {
                names.push(table.arms[arm].clone());
                p.push(found);
            }
            Err(error) => return Measured::NotMade(format!("arm `{}`: {error}", table.arms[arm])),
        }
    }
    smallest(&names, &p).unwrap_or_else(|| no_meaning("there is one arm"))
}

fn covariates_of(experiment: &Experiment, arm: usize) -> Result<f64, ExperimentError> {
    let table = &experiment.table;
    let inside = |row: &usize| [0, arm].contains(&usize::from(table.assigned[*row]));
    let rows = MetricRows::of(experiment, (0..experiment.n()).filter(inside).collect());
    let columns: Vec<Vec<f64>> = (0..rows.p()).map(|term| rows.term(term).collect()).collect();
    let rows = MetricRows {
        assigned: rows.assigned.iter().map(|a| (*a).min(1)).collect(),
        ..rows.without_covariates().with_metrics(columns)
    };
    let fit = Fit::new(&rows.view(), &plain_model(experiment, true))?;
    Ok(fit.joint_test_of_metrics(&fit.average_effect(1))?.p_value)
}

/// The smallest p-value after Holm, with its name.
fn smallest(names: &[String], p: &[f64]) -> Option<Measured> {
    let adjusted = holm(p);
    let at = (0..p.len()).min_by(|a, b| adjusted[*a].total_cmp(&adjusted[*b]))?;
    Some(Measured::Number(adjusted[at], names.get(at).cloned()))
}

fn few_clusters(experiment: &Experiment) -> Measured {
    let Some(clusters) = &experiment.table.clusters else { return no_meaning("rows are independent") };
    let of_arm = distinct_in_arms(clusters, &experiment.table.assigned, experiment.table.arms.len());
    let smallest = (0..of_arm.len()).min_by_key(|arm| of_arm[*arm]).unwrap_or_default();
    Measured::Number(of_arm[smallest] as f64, experiment.table.arms.get(smallest).cloned())
}

/// Different codes among the rows of each arm.
fn distinct_in_arms(codes: &[u32], assigned: &[u16], arms: usize) -> Vec<usize> {
    let count = codes.iter().max().map_or(0, |code| *code as usize + 1);
    let mut seen = vec![false; count * arms];
    let mut of_arm = vec![0; arms];
    for (code, arm) in codes.iter().zip(assigned) {
        let arm = usize::from(*arm);
        if !std::mem::replace(&mut seen[*code as usize * arms + arm], true) {
            of_arm[arm] += 1;
        }
    }
    of_arm
}

/// Coefficients of the effects of assignment.
fn coefficients(experiment: &Experiment) -> usize {
    let (arms, p) = (experiment.table.arms.len(), experiment.table.terms.len());
    match experiment.adjustment() {
        crate::plan::experiment::Adjustment::None => arms,
        crate::plan::experiment::Adjustment::Ancova => arms + p,
        crate::plan::experiment::Adjustment::Lin => arms * (1 + p),
    }
}

fn terms_against_clusters(experiment: &Experiment) -> Measured {
    match experiment.cluster_count() {
        None => no_meaning("rows are independent"),
        Some(clusters) => Measured::Number(coefficients(experiment) as f64 / clusters as f64, None),
    }
}

fn first_stage(experiment: &Experiment) -> Measured {
    if experiment.plan.requests.iter().all(|request| *request == EffectRequest::Itt) {
        return no_meaning("no effect of the treatment is asked for");
    }
    if experiment.compliance() == Compliance::Full {
        return no_meaning("everyone took up what they were assigned to");
    }
    match instrument::smallest_f(experiment) {
        None => no_meaning("everyone is analysed as assigned"),
        Some(Ok((f, arm))) => Measured::Number(f, Some(arm)),
        Some(Err(error)) => Measured::NotMade(error.to_string()),
    }
}

fn propensity(experiment: &Experiment) -> Measured {
    match experiment.weights() {
        None => no_meaning("the chances of assignment do not vary within an arm"),
        Some(weights) => Measured::Number(kish(weights.iter().copied()) / weights.len() as f64, None),
    }
}

/// The largest difference of an arm from the control in the share of rows without a value. Whether a value is missing is known
/// without knowing any value.
fn missing_outcomes(experiment: &Experiment) -> Measured {
    let mut largest: Option<(f64, String)> = None;
    for column in &experiment.table.metrics {
        let missing = |row: usize| match &column.values {
            MetricValues::Mean(values) => !values[row].is_finite(),
            MetricValues::Ratio(up, down) => !(up[row].is_finite() && down[row].is_finite()),
            MetricValues::Quantile(..) => false,
        };
        let share = |arm: usize| {
            let rows = (0..experiment.n()).filter(|row| usize::from(experiment.table.assigned[*row]) == arm);
            let (n, lost) = rows.fold((0, 0), |(n, lost), row| (n + 1, lost + usize::from(missing(row))));
            lost as f64 / f64::from(n.max(1))
        };
        let control = share(0);
        for arm in 1..experiment.table.arms.len() {
            let difference = (share(arm) - control).abs();
            if largest.as_ref().is_none_or(|before| difference > before.0) {
                largest = Some((difference, column.name.clone()));
            }
        }
    }
    largest.map_or(no_meaning("there is no metric"), |(difference, name)| Measured::Number(difference, Some(name)))
}

/// Looks that the plan has no room for: any before this one where it is fixed; those under another planned size where not.
fn extra_looks(experiment: &Experiment, looks: &[Look]) -> Measured {
    let other_data = |look: &&Look| look.data_sha256 != experiment.table.sha256;
    let extra = match experiment.plan.looks.plan {
        LookPlan::Fixed => looks.iter().filter(other_data).count(),
        LookPlan::Anytime => looks.iter().filter(|look| look.planned_n != experiment.plan.looks.planned_n).count(),
    };
    Measured::Number(extra as f64, None)
}

/// Terms that are constant or a combination of others, over all rows.
fn dropped_terms(experiment: &Experiment) -> Vec<String> {
    use causal::experiment::linear_model::Column;
    let rows = MetricRows::of(experiment, (0..experiment.n()).collect());
    let n = rows.rows.len();
    let assigned = renumbered(rows.assigned.iter().map(|a| u32::from(*a)));
    let rows = MetricRows {
        assigned: assigned.iter().map(|a| u16::try_from(*a).unwrap_or_default()).collect(),
        ..rows.with_metrics(vec![vec![0.0; n]])
    };
    // Which terms are combinations does not depend on it.
    let variance = if experiment.table.clusters.is_some() { VarianceKind::Cr0 } else { VarianceKind::Hc0 };
    let interacted = vec![false; rows.p()];
    let fit = Fit::new(&rows.view(), &Model { interacted, instrumented: false, variance, joint: false });
    let dropped = fit.map(|fit| fit.dropped).unwrap_or_default();
    let term = |column: &Column| match column {
        Column::Term(j) => experiment.table.terms.get(*j).cloned(),
        _ => None,
    };
    let named: BTreeMap<String, ()> = dropped.iter().filter_map(term).map(|name| (name, ())).collect();
    named.into_keys().collect()
}
