//! The rows of a unit become one number.

use super::join::Pair;
use crate::dataset::column::{Column, Data, MISSING};
use crate::plan::experiment::AggregateKind;
use std::collections::HashSet;

/// The value of each of n rows of the table of assignments, NaN where it has none. `column` holds the values of the source;
/// absent for a count.
pub(super) fn aggregate(kind: AggregateKind, n: usize, pairs: &[Pair], column: Option<&Column>) -> Vec<f64> {
    match (kind, column) {
        (AggregateKind::Distinct, Some(column)) => distinct(n, pairs, column),
        (_, Some(Column { data: Data::Numbers(values), .. })) => of_numbers(kind, n, pairs, values),
        _ => counted(n, pairs),
    }
}

/// True for an aggregate that is 0 for a unit without rows.
pub(super) fn is_zero_without_rows(kind: AggregateKind) -> bool {
    matches!(kind, AggregateKind::Sum | AggregateKind::Count | AggregateKind::Distinct)
}

fn counted(n: usize, pairs: &[Pair]) -> Vec<f64> {
    let mut counts = vec![0.0; n];
    for (mine, _) in pairs.iter().map(|pair| (pair.0 as usize, pair.1)) {
        counts[mine] += 1.0;
    }
    counts
}

fn of_numbers(kind: AggregateKind, n: usize, pairs: &[Pair], values: &[f64]) -> Vec<f64> {
    let rows = counted(n, pairs);
    let mut with_value = vec![0.0; n];
    let mut made = vec![f64::NAN; n];
    for pair in pairs {
        let (mine, value) = (pair.0 as usize, values[pair.1 as usize]);
        if value.is_nan() {
            continue;
        }
        let before = made[mine];
        made[mine] = match kind {
            _ if with_value[mine] == 0.0 => value,
            AggregateKind::Min => before.min(value),
            AggregateKind::Max => before.max(value),
            _ => before + value,
        };
        with_value[mine] += 1.0;
    }
    if kind == AggregateKind::Mean {
        made.iter_mut().zip(&with_value).for_each(|(sum, n)| *sum /= n);
    }
    if kind == AggregateKind::Sum {
        // Without rows; a unit whose rows all lack a value has no sum.
        made.iter_mut().zip(&rows).filter(|(_, rows)| **rows == 0.0).for_each(|(sum, _)| *sum = 0.0);
    }
    made
}

fn distinct(n: usize, pairs: &[Pair], column: &Column) -> Vec<f64> {
    let key = |row: u32| match &column.data {
        Data::Codes { codes, .. } => Some(u64::from(codes[row as usize])).filter(|code| *code != u64::from(MISSING)),
        Data::Numbers(values) => {
            Some(values[row as usize]).filter(|value| !value.is_nan()).map(|x| (x + 0.0).to_bits())
        }
        Data::Opaque { .. } => None,
    };
    let different: HashSet<(u32, u64)> = pairs.iter().filter_map(|pair| Some((pair.0, key(pair.1)?))).collect();
    let mut counts = vec![0.0; n];
    for (mine, _) in different {
        counts[mine as usize] += 1.0;
    }
    counts
}
