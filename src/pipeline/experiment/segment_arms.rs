//! The arms within segments: how many rows, and what the metric is there before any adjustment.

use super::modelling::Experiment;
use crate::dataset::metrics::{MetricColumn, MetricValues};
use crate::record::experiment::SegmentArm;

/// Sums over the rows of an arm in a segment.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    n: usize,
    upper: f64,
    lower: f64,
}

/// Every arm of every segment, for each metric.
pub(super) fn segment_arms(experiment: &Experiment) -> Vec<SegmentArm> {
    if experiment.plan.segments.is_empty() {
        return Vec::new();
    }
    let weights = experiment.weights();
    experiment.table.metrics.iter().flat_map(|column| of_metric(experiment, column, weights.as_deref())).collect()
}

fn of_metric(experiment: &Experiment, column: &MetricColumn, weights: Option<&[f64]>) -> Vec<SegmentArm> {
    let table = &experiment.table;
    let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
    let is_mean = !matches!(column.values, MetricValues::Quantile(..));
    let mut found = Vec::new();
    for (segment, mask) in experiment.plan.segments.iter().zip(&table.segments) {
        let mut sums = vec![Sums::default(); table.arms.len()];
        let mut add = |row: usize, upper: f64, lower: f64| {
            let of_arm = &mut sums[usize::from(table.assigned[row])];
            let weight = weight(row);
            *of_arm =
                Sums { n: of_arm.n + 1, upper: of_arm.upper + weight * upper, lower: of_arm.lower + weight * lower };
        };
        match &column.values {
            MetricValues::Mean(values) => {
                let there = values.iter().enumerate().filter(|(row, value)| mask[*row] && value.is_finite());
                there.for_each(|(row, value)| add(row, *value, 1.0));
            }
            MetricValues::Ratio(upper, lower) => {
                let both = upper.iter().zip(lower).enumerate();
                let there = both.filter(|(row, (u, l))| mask[*row] && u.is_finite() && l.is_finite());
                there.for_each(|(row, (upper, lower))| add(row, *upper, *lower));
            }
            MetricValues::Quantile(values, _) => {
                let rows: std::collections::BTreeSet<u32> = values.iter().map(|value| value.0).collect();
                let rows = rows.into_iter().map(|row| row as usize);
                rows.filter(|row| mask[*row]).for_each(|row| add(row, 0.0, 1.0));
            }
        }
        let arms = table.arms.iter().zip(sums).map(|(arm, sums)| SegmentArm {
            metric: column.name.clone(),
            segment: segment.text.clone(),
            arm: arm.clone(),
            n: sums.n,
            value: (is_mean && sums.lower != 0.0).then(|| sums.upper / sums.lower),
        });
        found.extend(arms);
    }
    found
}
