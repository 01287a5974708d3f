//! The outcome as numbers: as it is, or 1 where it is the event that the plan names and 0 elsewhere.

use super::column::{Column, Data};
use super::error::DatasetProblem;
use super::evaluate::{Match, occurring};
use super::rows::Rows;
use super::suspicions;
use crate::plan::{yaml_text, yaml_value};
use crate::schema::Suspicion;
use crate::text::lists::{counted, quoted, short};
use crate::text::numbers::count;
use causal::estimand::OutcomeKind;
use ndarray::Array1;

type Checked<T> = Result<T, Vec<DatasetProblem>>;

/// The outcome; a binary one is 0 and 1.
pub(super) fn outcome(column: &Column, kind: OutcomeKind, event: Option<&str>, rows: &Rows) -> Checked<Array1<f64>> {
    if let Some(event) = event {
        return of_event(column, event, rows);
    }
    let y = numeric(column, "outcome.column", "outcome")?;
    if let Some(found) = column.suspicions.iter().find(|found| suspicions::is_strong(found)) {
        return Err(vec![code_for_missing(column, found, rows)]);
    }
    if let Some(first) = y.first().filter(|first| y.len() > 1 && y.iter().all(|v| v == *first)) {
        return Err(vec![constant(column, &first.to_string())]);
    }
    let odd = |v: &f64| !v.is_nan() && *v != 0.0 && *v != 1.0;
    match y.iter().position(odd) {
        Some(row) if kind == OutcomeKind::Binary => Err(vec![DatasetProblem::new(
            "outcome.column",
            format!(
                "the outcome `{}` is declared binary, but row {} has {} (values: {})",
                column.name,
                rows.number(row),
                column.value(row),
                occurring(column)
            ),
            name_the_event(column).unwrap_or_else(|| "recode it as 1 and 0, or write `kind: continuous`".to_owned()),
        )]),
        _ => Ok(y),
    }
}

/// A numeric column as an array, for an outcome or a placebo.
pub(super) fn numeric(column: &Column, path: &str, what: &str) -> Checked<Array1<f64>> {
    match &column.data {
        Data::Numbers(values) => Ok(Array1::from(values.clone())),
        _ => Err(vec![DatasetProblem::new(
            path,
            format!(
                "the {what} `{}` is not numeric ({}): {}",
                column.name,
                column.kind.key(),
                if column.tally().is_empty() { column.stored_as.clone() } else { occurring(column) }
            ),
            match name_the_event(column).filter(|_| what == "outcome") {
                Some(hint) => hint,
                None => format!(
                    "use a number, or 1 and 0; for yes/no text write `columns: {{{}: boolean}}` under `data`",
                    yaml_text(&column.name)
                ),
            },
        )]),
    }
}

/// The line that makes a column of two values an outcome; `None` for any other.
fn name_the_event(column: &Column) -> Option<String> {
    let values = column.tally();
    let [(first, _), (second, _)] = values.as_slice() else { return None };
    Some(format!(
        "write `event: {}` (or `event: {}`) under `outcome`: the value that is to be counted",
        yaml_value(second),
        yaml_value(first)
    ))
}

/// 1 where the column is the event and 0 where it is its other value; NaN where it is missing.
fn of_event(column: &Column, event: &str, rows: &Rows) -> Checked<Array1<f64>> {
    let values = column.tally();
    let is_event = Match::new(column, event);
    let at = |row: usize| is_event.as_ref().is_some_and(|event| event.at(row));
    let events = (0..rows.n).filter(|row| at(*row)).count();
    let problem = |path: &str, message: String, hint: String| Err(vec![DatasetProblem::new(path, message, hint)]);
    if values.len() > 2 {
        let message = format!(
            "the outcome `{}` has {} values, and an event has one other beside it: {}",
            column.name,
            count(values.len()),
            occurring(column)
        );
        return problem("outcome.event", message, "add a column that says 1 or 0 to the file".to_owned());
    }
    if events == 0 {
        let message =
            format!("no row has `{}` = `{}`; what occurs is {}", column.name, short(event), occurring(column));
        let hint = name_the_event(column).unwrap_or_else(|| "name a value that occurs".to_owned());
        return problem("outcome.event", message, hint);
    }
    if values.len() < 2 {
        return Err(vec![constant(column, event)]);
    }
    let value = |row: usize| if column.is_missing(row) { f64::NAN } else { f64::from(u8::from(at(row))) };
    Ok((0..rows.n).map(value).collect())
}

fn constant(column: &Column, value: &str) -> DatasetProblem {
    DatasetProblem::new(
        "outcome.column",
        format!("the outcome `{}` is {} in every analysed row", column.name, short(value)),
        "an outcome that never varies shows no effect of anything; name another column",
    )
}

fn code_for_missing(column: &Column, found: &Suspicion, rows: &Rows) -> DatasetProblem {
    let codes: Vec<&str> = found.examples.iter().map(String::as_str).collect();
    let name = yaml_text(&column.name);
    DatasetProblem::new(
        "outcome.column",
        format!(
            "{} of the {} of the outcome `{}` are {}, far from all others: that looks like a code for a missing value",
            count(found.values),
            counted(rows.n, "value"),
            column.name,
            quoted(&codes, 6)
        ),
        format!(
            "write `missing: drop` and `columns: {{{name}: {{missing_values: [{}]}}}}` under `data` if it is one, or \
             `columns: {{{name}: {{missing_values: []}}}}` if it is a value",
            codes.join(", ")
        ),
    )
}
