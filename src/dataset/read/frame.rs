//! The few things we ask of a polars frame.

use crate::dataset::error::DatasetError;
use crate::text::lists::quoted;
use polars_core::prelude::{Column, DataFrame, DataType, TimeUnit};
use std::collections::HashSet;

/// The differences between the names of two lists.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OtherNames {
    #[error("it lacks the columns {}", quoted(lost, MOST_NAMED))]
    Lost { lost: Vec<String> },
    #[error("it has columns of its own: {}", quoted(extra, MOST_NAMED))]
    Extra { extra: Vec<String> },
    #[error("it lacks the columns {} and has {} instead", quoted(lost, MOST_NAMED), quoted(extra, MOST_NAMED))]
    Both { lost: Vec<String>, extra: Vec<String> },
}

/// The most columns that a message names.
const MOST_NAMED: usize = 12;

/// Checks that two lists hold the same names, in whatever order.
pub(crate) fn same_names(first: &[String], other: &[String]) -> Result<(), OtherNames> {
    let only = |a: &[String], b: &[String]| {
        let b: HashSet<&String> = b.iter().collect();
        a.iter().filter(|n| !b.contains(n)).cloned().collect::<Vec<_>>()
    };
    let (lost, extra) = (only(first, other), only(other, first));
    match (lost.is_empty(), extra.is_empty()) {
        (true, true) => Ok(()),
        (false, true) => Err(OtherNames::Lost { lost }),
        (true, false) => Err(OtherNames::Extra { extra }),
        (false, false) => Err(OtherNames::Both { lost, extra }),
    }
}

/// `part` below `frame`, columns matched by name.
pub(crate) fn below(frame: Option<DataFrame>, part: DataFrame, file: &str) -> Result<DataFrame, DatasetError> {
    let Some(mut frame) = frame else { return Ok(part) };
    let failed = |e: polars_core::prelude::PolarsError| DatasetError::Mismatch {
        file: file.into(),
        first: "the files before it".into(),
        reason: e.to_string(),
    };
    let names = frame.get_column_names_owned();
    let part = part.select(names).map_err(failed)?;
    frame.vstack_mut_owned(part).map_err(failed)?;
    Ok(frame)
}

/// The values of an f64 column, NaN for null; `None` for other types.
pub(crate) fn floats(column: &Column) -> Option<Vec<f64>> {
    let values = column.as_materialized_series().f64().ok()?;
    Some(values.iter().map(|v| v.unwrap_or(f64::NAN)).collect())
}

/// The values of an i64 column; `None` for other types.
pub(crate) fn with_integers<R>(
    column: &Column,
    f: impl FnOnce(&mut dyn Iterator<Item = Option<i64>>) -> R,
) -> Option<R> {
    let values = column.as_materialized_series().i64().ok()?;
    Some(f(&mut values.iter()))
}

/// The values of a text column; `None` for other types.
pub(crate) fn with_text<R>(
    column: &Column,
    f: impl for<'a> FnOnce(&mut dyn Iterator<Item = Option<&'a str>>) -> R,
) -> Option<R> {
    let values = column.as_materialized_series().str().ok()?;
    Some(f(&mut values.iter()))
}

/// The values of a boolean column as 0 and 1; `None` for other types.
pub(crate) fn truths(column: &Column) -> Option<Vec<f64>> {
    let values = column.as_materialized_series().bool().ok()?;
    Some(values.iter().map(|v| v.map_or(f64::NAN, f64::from)).collect())
}

/// The values of a column of dates or timestamps as days since 1970-01-01, NaN for null; `None` for other types.
pub(crate) fn days(column: &Column) -> Option<Vec<f64>> {
    let per_day = match column.dtype() {
        DataType::Date => 1.0,
        DataType::Datetime(TimeUnit::Nanoseconds, _) => 86_400e9,
        DataType::Datetime(TimeUnit::Microseconds, _) => 86_400e6,
        DataType::Datetime(TimeUnit::Milliseconds, _) => 86_400e3,
        _ => return None,
    };
    let units = column.as_materialized_series().to_physical_repr().cast(&DataType::Int64).ok()?;
    // To the microsecond of a day far from 1970.
    #[allow(clippy::cast_precision_loss)]
    let days = |units: Option<i64>| units.map_or(f64::NAN, |units| units as f64 / per_day);
    Some(units.i64().ok()?.iter().map(days).collect())
}

/// The column as another type, if no value is lost on the way.
pub(crate) fn cast(column: &Column, to: &DataType) -> Option<Column> {
    let cast = column.cast(to).ok()?;
    (cast.null_count() == column.null_count()).then_some(cast)
}
