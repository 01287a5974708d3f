//! Conditions on the columns of clusters and of known propensities.

use super::column::{Column, Data};
use super::error::DatasetProblem;
use super::evaluate::occurring;
use super::rows::Rows;
use crate::text::lists::counted;
use ndarray::Array1;
use std::collections::HashMap;

type Checked<T> = Result<T, Vec<DatasetProblem>>;

/// Fewer clusters than this say next to nothing about how much clusters differ.
const FEWEST_CLUSTERS: usize = 2;

/// The cluster of each row, numbered from 0 in the order of their first rows.
pub(super) fn clusters(column: &Column, rows: &Rows) -> Checked<Array1<usize>> {
    let problem = |message: String, hint: &str| Err(vec![DatasetProblem::new("analysis.clusters", message, hint)]);
    let mut numbers: HashMap<u64, usize> = HashMap::new();
    let mut of = Vec::with_capacity(rows.n);
    for row in 0..rows.n {
        let key = match &column.data {
            // Adding zero makes negative zero the same cluster as zero.
            Data::Numbers(values) => values.get(row).map_or(0, |v| (v + 0.0).to_bits()),
            Data::Codes { codes, .. } => codes.get(row).map_or(0, |c| u64::from(*c)),
            Data::Opaque { .. } => {
                return problem(
                    format!("the cluster column `{}` is stored as {}", column.name, column.stored_as),
                    "use a column of whole numbers or text",
                );
            }
        };
        let next = numbers.len();
        of.push(*numbers.entry(key).or_insert(next));
    }
    if numbers.len() < FEWEST_CLUSTERS {
        return problem(
            format!("every row is in the same cluster: `{}` is {}", column.name, occurring(column)),
            "name a column that tells clusters apart, or leave `clusters` out",
        );
    }
    Ok(Array1::from(of))
}

/// Probabilities strictly between 0 and 1: whoever could not have gone either way has no place in the comparison.
pub(super) fn known_propensity(column: &Column, rows: &Rows) -> Checked<Array1<f64>> {
    let problem =
        |message: String, hint: &str| Err(vec![DatasetProblem::new("analysis.known_propensity", message, hint)]);
    let Data::Numbers(values) = &column.data else {
        return problem(
            format!("the known propensity `{}` is not numeric ({})", column.name, column.kind.key()),
            "name a column of probabilities of treatment, each between 0 and 1",
        );
    };
    let outside = |v: &f64| *v <= 0.0 || *v >= 1.0;
    match values.iter().position(outside) {
        None => Ok(Array1::from(values.clone())),
        Some(row) => problem(
            format!(
                "the known propensity `{}` has {} that no chance of treatment can have, the first in row {}: {}",
                column.name,
                counted(values.iter().filter(|v| outside(v)).count(), "value"),
                rows.number(row),
                column.value(row)
            ),
            "a known propensity lies strictly between 0 and 1; leave the units out whose treatment was certain, or, if \
             the column holds something else, leave `known_propensity` out",
        ),
    }
}
