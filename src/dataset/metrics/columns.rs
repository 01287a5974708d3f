//! Columns as what an experiment needs them for: names, times, numbers.

use super::error::Fault;
use crate::dataset::Table;
use crate::dataset::column::{Column, Data, MISSING};
use crate::dataset::roles::way_in;
use crate::schema::{ColumnKind, ConversionKind};
use crate::text::dates;
use crate::text::lists::{did_you_mean, short};
use std::collections::HashMap;
use std::sync::Arc;

/// A column by its name.
pub(super) fn find<'a>(table: &'a Table, column: &str) -> Result<&'a Column, Fault> {
    shared(table, column).map(AsRef::as_ref)
}

/// As [`find`], for somebody who keeps it.
pub(super) fn shared<'a>(table: &'a Table, column: &str) -> Result<&'a Arc<Column>, Fault> {
    table.column(column).ok_or_else(|| Fault::NoColumn {
        file: table.source.clone(),
        column: column.to_owned(),
        near: did_you_mean(column, &table.names()),
    })
}

/// The different values of a column as text, numbered in order of appearance.
pub(super) struct Names {
    /// For each row; [`MISSING`] where it has no value.
    pub(super) codes: Vec<u32>,
    /// The text of each.
    pub(super) names: Vec<String>,
}

/// The values of a column as names.
pub(super) fn names(column: &Column) -> Result<Names, Fault> {
    match &column.data {
        Data::Codes { codes, levels } => Ok(renumbered(codes.iter().copied(), |code| {
            levels.get(code as usize).map(|level| level.trim().to_owned()).unwrap_or_default()
        })),
        Data::Numbers(values) => {
            let mut seen: HashMap<u64, u32> = HashMap::new();
            let mut different: Vec<f64> = Vec::new();
            let codes: Vec<u32> = values
                .iter()
                .map(|value| {
                    if value.is_nan() {
                        return MISSING;
                    }
                    // 0 and -0 are one number.
                    *seen.entry((value + 0.0).to_bits()).or_insert_with(|| {
                        different.push(*value + 0.0);
                        code(different.len() - 1)
                    })
                })
                .collect();
            let text = |value: &f64| match (column.kind, *value == 0.0) {
                (ColumnKind::Boolean, true) => "false".to_owned(),
                (ColumnKind::Boolean, false) => "true".to_owned(),
                _ => value.to_string(),
            };
            Ok(Names { codes, names: different.iter().map(text).collect() })
        }
        Data::Opaque { .. } => Err(unusable(column)),
    }
}

/// Codes numbered by their first appearance.
pub(super) fn renumbered(codes: impl Iterator<Item = u32>, name: impl Fn(u32) -> String) -> Names {
    let mut seen: HashMap<u32, u32> = HashMap::new();
    let mut names = Vec::new();
    let codes = codes
        .map(|old| {
            if old == MISSING {
                return MISSING;
            }
            *seen.entry(old).or_insert_with(|| {
                names.push(name(old));
                code(names.len() - 1)
            })
        })
        .collect();
    Names { codes, names }
}

/// An index as a code.
pub(super) fn code(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(MISSING)
}

fn unusable(column: &Column) -> Fault {
    let reason = column.obstacle.clone().unwrap_or_else(|| format!("is stored as {}", column.stored_as));
    Fault::Unusable { column: column.name.clone(), reason, fix: way_in(column) }
}

/// The rows that have no value; an error if there are any.
pub(super) fn complete(table: &Table, column: &Column) -> Result<(), Fault> {
    let rows = column.missing();
    let first = (0..table.rows).find(|row| column.is_missing(*row));
    match first {
        Some(first) => Err(Fault::Missing { column: column.name.clone(), rows, first: table.place(first) + 1 }),
        None => Ok(()),
    }
}

/// The numbers of a column, NaN where one is missing; a truth value is 1 or 0.
pub(super) fn numbers(column: &Column) -> Result<&[f64], Fault> {
    match (&column.data, column.kind) {
        (Data::Numbers(values), ColumnKind::Number | ColumnKind::Boolean) if column.obstacle.is_none() => {
            match values.iter().find(|value| value.is_infinite()) {
                None => Ok(values),
                Some(value) => Err(Fault::Unusable {
                    column: column.name.clone(),
                    reason: format!("has the value {value}"),
                    fix: "an infinite value is not a measurement: correct it, or leave it empty".to_owned(),
                }),
            }
        }
        (Data::Codes { levels, .. }, ColumnKind::Category) => Err(Fault::Unusable {
            column: column.name.clone(),
            reason: format!(
                "holds texts such as `{}`, and a number is needed",
                levels.first().map(|level| short(level)).unwrap_or_default()
            ),
            fix: "name a column of numbers, or make one of it, as in `if(x == \"yes\", 1, 0)`".to_owned(),
        }),
        (Data::Numbers(_), ColumnKind::Date) => Err(Fault::Unusable {
            column: column.name.clone(),
            reason: "is a date, and a number is needed".to_owned(),
            fix: "write `days(x)`, or a difference of two dates".to_owned(),
        }),
        _ => Err(unusable(column)),
    }
}

/// The times of a column as days since 1970-01-01, NaN where one is missing.
pub(super) fn times(column: &Column) -> Result<Vec<f64>, Fault> {
    match &column.data {
        Data::Numbers(values) if matches!(column.kind, ColumnKind::Date | ColumnKind::Number) => {
            /// Days until the year 2300; seconds and years counted as days lie far beyond.
            const LAST_DAY: f64 = 120_530.0;
            match values.iter().find(|value| value.abs() > LAST_DAY) {
                None => Ok(values.clone()),
                Some(value) if value.is_finite() && column.kind == ColumnKind::Number => Err(Fault::Unusable {
                    column: column.name.clone(),
                    reason: format!(
                        "holds {value}, which is no number of days since 1970-01-01; it may be one of seconds"
                    ),
                    fix: format!(
                        "compute days of it with `derive:` under `data`, as in `{}_days: {} / 86400`, or write dates",
                        column.name, column.name
                    ),
                }),
                Some(_) => Err(no_time(column)),
            }
        }
        Data::Codes { codes, levels } => {
            let days: Option<Vec<f64>> = levels.iter().map(|level| dates::days(level)).collect();
            let days = days.ok_or_else(|| no_time(column))?;
            Ok(codes.iter().map(|code| days.get(*code as usize).copied().unwrap_or(f64::NAN)).collect())
        }
        _ => Err(no_time(column)),
    }
}

fn no_time(column: &Column) -> Fault {
    Fault::Unusable {
        column: column.name.clone(),
        reason: "is not a time".to_owned(),
        fix: "write dates as `2026-03-01` or `2026-03-01 14:05`, or days since 1970-01-01 as numbers".to_owned(),
    }
}

/// Whether the times of a column carry a zone; `None` if that cannot be seen, as for whole days and for numbers.
pub(super) fn has_zone(column: &Column, times: &[f64]) -> Option<bool> {
    // polars writes `datetime[μs, UTC]`.
    if column.kind == ColumnKind::Date && column.stored_as.contains(',') {
        return Some(true);
    }
    let texts: &[String] = match &column.data {
        Data::Codes { levels, .. } => levels,
        _ => column.conversions.iter().find(|it| it.kind == ConversionKind::Dates).map_or(&[], |it| &it.examples),
    };
    if texts.iter().any(|text| text.trim().ends_with('Z')) {
        return Some(true);
    }
    let whole = times.iter().all(|time| time.is_nan() || time.fract() == 0.0);
    (!whole && column.kind != ColumnKind::Number).then_some(false)
}
