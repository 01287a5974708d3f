//! The rows of one metric, as the numerics take them: those with a value, with clusters numbered again.

use super::modelling::Experiment;
use crate::dataset::metrics::{MetricColumn, MetricValues, TermColumn};
use causal::experiment::ratio::linearise;
use causal::experiment::{ExperimentError, ExperimentRows};
use std::collections::BTreeMap;

/// Owned arrays of a fit.
#[derive(Debug, Clone)]
pub(super) struct MetricRows {
    /// Which rows of the table they are.
    pub rows: Vec<usize>,
    /// Terms of all rows of the table.
    pub terms: Vec<TermColumn>,
    /// Metrics of these rows.
    pub metrics: Vec<Vec<f64>>,
    pub assigned: Vec<u16>,
    pub taken: Option<Vec<u16>>,
    pub weights: Option<Vec<f64>>,
    pub clusters: Option<Vec<u32>>,
}

impl MetricRows {
    /// The given rows, with no metric yet.
    pub fn of(experiment: &Experiment, rows: Vec<usize>) -> MetricRows {
        let table = &experiment.table;
        let weights = experiment.weights();
        MetricRows {
            terms: table.term_values.clone(),
            metrics: Vec::new(),
            assigned: rows.iter().map(|row| table.assigned[*row]).collect(),
            taken: table.taken.as_ref().map(|taken| rows.iter().map(|row| taken[*row]).collect()),
            weights: weights.map(|weights| rows.iter().map(|row| weights[*row]).collect()),
            clusters: table.clusters.as_ref().map(|clusters| renumbered(rows.iter().map(|row| clusters[*row]))),
            rows,
        }
    }

    /// With metrics, each with one value for each of these rows.
    pub fn with_metrics(self, metrics: Vec<Vec<f64>>) -> MetricRows {
        MetricRows { metrics, ..self }
    }

    /// Without covariates.
    pub fn without_covariates(self) -> MetricRows {
        MetricRows { terms: Vec::new(), ..self }
    }

    /// Covariate terms.
    pub fn p(&self) -> usize {
        self.terms.len()
    }

    /// A term in each of these rows.
    pub fn term(&self, term: usize) -> impl Iterator<Item = f64> {
        let values = self.terms[term].values();
        self.rows.iter().map(move |row| values.at(*row))
    }

    /// Some of these rows, by place, under another assignment.
    pub fn only(&self, kept: &[usize], assigned: Vec<u16>) -> MetricRows {
        MetricRows {
            rows: kept.iter().map(|i| self.rows[*i]).collect(),
            terms: self.terms.clone(),
            metrics: self.metrics.iter().map(|values| kept.iter().map(|i| values[*i]).collect()).collect(),
            assigned,
            taken: None,
            weights: self.weights.as_ref().map(|weights| kept.iter().map(|i| weights[*i]).collect()),
            clusters: self.clusters.as_ref().map(|clusters| renumbered(kept.iter().map(|i| clusters[*i]))),
        }
    }

    pub fn view(&self) -> ExperimentRows<'_> {
        ExperimentRows {
            terms: self.terms.iter().map(TermColumn::values).collect(),
            places: Some(&self.rows),
            metrics: self.metrics.iter().map(Vec::as_slice).collect(),
            assigned: &self.assigned,
            taken: self.taken.as_deref(),
            weights: self.weights.as_deref(),
            clusters: self.clusters.as_deref(),
        }
    }

    /// Means of the covariate terms over rows of these that a mask of the table has.
    pub fn term_means(&self, mask: Option<&[bool]>) -> Vec<f64> {
        let inside: Vec<usize> = self.rows.iter().copied().filter(|row| mask.is_none_or(|mask| mask[*row])).collect();
        let mean = |term: &TermColumn| {
            let values = term.values();
            causal::numerics::sums::sum(inside.iter().map(|row| values.at(*row))) / inside.len() as f64
        };
        self.terms.iter().map(mean).collect()
    }
}

/// Rows of the table, and the metrics that have values in all of them.
pub(super) struct MetricGroup<'a> {
    pub rows: Vec<usize>,
    pub columns: Vec<&'a MetricColumn>,
    /// The values of each metric in these rows.
    pub values: Vec<Vec<f64>>,
}

/// Metrics by the rows where they have values, in the order of the plan; metrics that are no number a row; and those refused.
#[derive(Default)]
pub(super) struct MetricGroups<'a> {
    pub groups: Vec<MetricGroup<'a>>,
    pub quantiles: Vec<&'a MetricColumn>,
    pub refused: Vec<(&'a MetricColumn, ExperimentError)>,
}

/// Groups the metrics that a condition holds for: one fit serves a group.
pub(super) fn metric_groups(experiment: &Experiment, belongs: impl Fn(&MetricColumn) -> bool) -> MetricGroups<'_> {
    let mut found = MetricGroups::default();
    for column in experiment.table.metrics.iter().filter(|column| belongs(column)) {
        match values(experiment, &column.values, |_| true) {
            None => found.quantiles.push(column),
            Some(Err(error)) => found.refused.push((column, error)),
            Some(Ok((rows, values))) => match found.groups.iter_mut().find(|group| group.rows == rows) {
                Some(group) => {
                    group.columns.push(column);
                    group.values.push(values);
                }
                None => found.groups.push(MetricGroup { rows, columns: vec![column], values: vec![values] }),
            },
        }
    }
    found
}

/// Rows of the table, and a number for each.
pub(super) type Valued = (Vec<usize>, Vec<f64>);

/// The rows of a table where a metric has a value, and the values: one number a row. `None` for a quantile.
///
/// # Errors
/// A ratio whose denominators sum to 0 in an arm.
pub(super) fn values(
    experiment: &Experiment,
    values: &MetricValues,
    within: impl Fn(usize) -> bool,
) -> Option<Result<Valued, ExperimentError>> {
    match values {
        MetricValues::Mean(values) => {
            let rows: Vec<usize> = (0..values.len()).filter(|row| values[*row].is_finite() && within(*row)).collect();
            let kept = rows.iter().map(|row| values[*row]).collect();
            Some(Ok((rows, kept)))
        }
        MetricValues::Ratio(up, down) => {
            let whole = |row: &usize| up[*row].is_finite() && down[*row].is_finite() && within(*row);
            let rows: Vec<usize> = (0..up.len()).filter(whole).collect();
            let pick = |values: &[f64]| rows.iter().map(|row| values[*row]).collect::<Vec<f64>>();
            let assigned: Vec<u16> = rows.iter().map(|row| experiment.table.assigned[*row]).collect();
            let weights = experiment.weights().map(|weights| pick(&weights));
            let linear = linearise(&pick(up), &pick(down), &assigned, weights.as_deref());
            Some(linear.map(|linear| (rows, linear.values)))
        }
        MetricValues::Quantile(..) => None,
    }
}

/// Codes numbered from 0 without gaps, in order of appearance.
pub(super) fn renumbered(codes: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut known: BTreeMap<u32, u32> = BTreeMap::new();
    codes
        .map(|code| {
            let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
            *known.entry(code).or_insert(next)
        })
        .collect()
}
