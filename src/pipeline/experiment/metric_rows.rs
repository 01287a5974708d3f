//! The rows of one metric, as the numerics take them: those with a value, with clusters numbered again.

use super::modelling::Experiment;
use crate::dataset::metrics::MetricValues;
use causal::experiment::ratio::linearise;
use causal::experiment::{ExperimentError, ExperimentRows};
use ndarray::{Array2, Axis};
use std::collections::BTreeMap;

/// Owned arrays of a fit.
#[derive(Debug, Clone)]
pub(super) struct MetricRows {
    /// Which rows of the table they are.
    pub rows: Vec<usize>,
    pub x: Array2<f64>,
    pub y: Array2<f64>,
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
            x: table.x.select(Axis(0), &rows),
            y: Array2::zeros((rows.len(), 0)),
            assigned: rows.iter().map(|row| table.assigned[*row]).collect(),
            taken: table.taken.as_ref().map(|taken| rows.iter().map(|row| taken[*row]).collect()),
            weights: weights.map(|weights| rows.iter().map(|row| weights[*row]).collect()),
            clusters: table.clusters.as_ref().map(|clusters| renumbered(rows.iter().map(|row| clusters[*row]))),
            rows,
        }
    }

    /// With columns of y, each with one value for each of these rows.
    pub fn with_metrics(self, columns: &[Vec<f64>]) -> MetricRows {
        let n = self.rows.len();
        let y = Array2::from_shape_fn((n, columns.len()), |(i, j)| columns[j][i]);
        MetricRows { y, ..self }
    }

    /// Without covariates.
    pub fn without_covariates(self) -> MetricRows {
        MetricRows { x: Array2::zeros((self.rows.len(), 0)), ..self }
    }

    /// Some of these rows, by place, under another assignment.
    pub fn only(&self, kept: &[usize], assigned: Vec<u16>) -> MetricRows {
        MetricRows {
            rows: kept.iter().map(|i| self.rows[*i]).collect(),
            x: self.x.select(Axis(0), kept),
            y: self.y.select(Axis(0), kept),
            assigned,
            taken: None,
            weights: self.weights.as_ref().map(|weights| kept.iter().map(|i| weights[*i]).collect()),
            clusters: self.clusters.as_ref().map(|clusters| renumbered(kept.iter().map(|i| clusters[*i]))),
        }
    }

    pub fn view(&self) -> ExperimentRows<'_> {
        ExperimentRows {
            x: self.x.view(),
            y: self.y.view(),
            assigned: &self.assigned,
            taken: self.taken.as_deref(),
            weights: self.weights.as_deref(),
            clusters: self.clusters.as_deref(),
        }
    }

    /// Means of the covariate terms over rows of these that a mask of the table has.
    pub fn term_means(&self, mask: Option<&[bool]>) -> Vec<f64> {
        let inside: Vec<usize> = (0..self.rows.len()).filter(|i| mask.is_none_or(|mask| mask[self.rows[*i]])).collect();
        (0..self.x.ncols())
            .map(|j| causal::numerics::sums::sum(inside.iter().map(|i| self.x[[*i, j]])) / inside.len() as f64)
            .collect()
    }
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
