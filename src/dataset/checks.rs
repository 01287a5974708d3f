//! Conditions on the treatment, weights and ids before anything is estimated.

use super::analyse::Request;
use super::column::{Column, Data, number};
use super::error::DatasetProblem;
use super::evaluate::{Match, occurring};
use super::rows::Rows;
use crate::expression::literal;
use crate::plan::{yaml_text, yaml_value};
use crate::schema::SuspicionKind;
use crate::term::Term;
use crate::text::lists::{counted, short};
use crate::text::numbers::count;
use causal::arm::Arm;
use ndarray::Array1;
use std::collections::HashMap;

type Checked<T> = Result<T, Vec<DatasetProblem>>;

/// The arms of all rows, from the two named levels; any other level is a problem, never dropped.
pub(super) fn treatment(column: &Column, request: &Request, rows: &Rows) -> Checked<Vec<Arm>> {
    let contrast = &request.contrast;
    let (treated, control) = (Match::new(column, &contrast.treated), Match::new(column, &contrast.control));
    if treated.is_some() && treated == control {
        return Err(vec![DatasetProblem::new(
            "treatment.control",
            format!("`{}` and `{}` are the same value of `{}`", contrast.treated, contrast.control, column.name),
            "name two different values for `treated` and `control`",
        )]);
    }
    let is = |wanted: &Option<Match<'_>>, row: usize| wanted.as_ref().is_some_and(|m| m.at(row));
    let n = |wanted| (0..rows.n).filter(|row| is(wanted, *row)).count();
    let (n_treated, n_control) = (n(&treated), n(&control));
    let present = (0..rows.n).filter(|row| !column.is_missing(*row)).count();
    if present == n_treated + n_control && n_treated > 0 && n_control > 0 {
        return Ok((0..rows.n).map(|row| if is(&treated, row) { Arm::Treated } else { Arm::Control }).collect());
    }
    Err(treatment_problems(column, request, rows, [n_treated, n_control], present))
}

fn treatment_problems(
    column: &Column,
    request: &Request,
    rows: &Rows,
    arms: [usize; 2],
    present: usize,
) -> Vec<DatasetProblem> {
    let [n_treated, n_control] = arms;
    let values = column.tally().len();
    let mut problems = Vec::new();
    for (arm, n) in [(Arm::Treated, n_treated), (Arm::Control, n_control)] {
        let value = request.contrast.level(arm);
        if n == 0 {
            let after = if rows.kept.is_some() { " after rows with missing values were dropped" } else { "" };
            problems.push(DatasetProblem::new(
                &format!("treatment.{arm}"),
                format!(
                    "the {arm} arm is empty: no row has `{}` = `{}`{after}; what occurs is {}",
                    column.name,
                    short(value),
                    occurring(column)
                ),
                levels_that_occur(column, arm),
            ));
        }
    }
    if values > 2 || (problems.is_empty() && present > n_treated + n_control) {
        problems.push(DatasetProblem::new(
            "treatment.column",
            format!(
                "the treatment `{}` is not binary, it has {} values: {}",
                column.name,
                count(values),
                occurring(column)
            ),
            match merging(column) {
                Some(merge) => format!(
                    "some of them differ in blanks or capital letters only: write `columns: {{{}: {{merge: {merge}}}}}` under \
                     `data` to make them one",
                    yaml_text(&column.name)
                ),
                None => format!(
                    "write `filter: {}` under `data` to ask about those two only ({} with another value), or \
                     `derive:` a column that is true or false",
                    yaml_text(&format!(
                        "{} in [{}, {}]",
                        Term::column(&column.name),
                        literal(&request.contrast.treated),
                        literal(&request.contrast.control)
                    )),
                    counted(present - n_treated - n_control, "row")
                ),
            },
        ));
    }
    problems
}

/// The lines of the plan that would name both arms, if two values occur: which is which, only a person can say.
fn levels_that_occur(column: &Column, arm: Arm) -> String {
    let mut values: Vec<String> = column.tally().into_iter().map(|(value, _)| value).collect();
    values.sort_by(|a, b| number(a).zip(number(b)).map_or_else(|| a.cmp(b), |(a, b)| a.total_cmp(&b)));
    match values.as_slice() {
        [first, second] => {
            let (first, second) = (yaml_value(first), yaml_value(second));
            format!(
                "write `treated: {second}` and `control: {first}` under `treatment`, or the other way round: the sign of the \
                 effect depends on it"
            )
        }
        _ => format!("set `treatment.{arm}` to a value that occurs"),
    }
}

/// The word of the plan that would make levels of the column one.
fn merging(column: &Column) -> Option<&'static str> {
    column.suspicions.iter().find_map(|found| match found.kind {
        SuspicionKind::Blanks => Some("blanks"),
        SuspicionKind::Case => Some("case"),
        SuspicionKind::MissingCode => None,
    })
}

/// Observation weights: finite, not negative, not all zero in either arm.
pub(super) fn weights(column: &Column, treatment: Option<&[Arm]>, rows: &Rows) -> Checked<Array1<f64>> {
    let problem = |message: String, hint: &str| Err(vec![DatasetProblem::new("data.weights", message, hint)]);
    let Data::Numbers(values) = &column.data else {
        return problem(
            format!("the weight column `{}` is not numeric ({})", column.name, column.kind.key()),
            "name a column of numbers, zero or positive",
        );
    };
    if let Some(row) = values.iter().position(|w| *w < 0.0) {
        let negative = values.iter().filter(|w| **w < 0.0).count();
        return problem(
            format!(
                "the weight column `{}` has {}, the first in row {}: {}",
                column.name,
                counted(negative, "negative value"),
                rows.number(row),
                column.value(row)
            ),
            "observation weights must be zero or positive; correct the column",
        );
    }
    if values.iter().all(|w| *w == 0.0) {
        return problem(
            format!("the weight column `{}` is zero in every row", column.name),
            "at least one unit of each arm needs a positive weight",
        );
    }
    for arm in [Arm::Treated, Arm::Control] {
        let weightless = treatment.is_some_and(|t| t.iter().zip(values).all(|(t, w)| *t != arm || *w == 0.0));
        if weightless {
            return problem(
                format!("every unit of the {arm} arm has weight zero in `{}`", column.name),
                "at least one unit of each arm needs a positive weight",
            );
        }
    }
    Ok(Array1::from(values.clone()))
}

/// Ids are unique: one row is one unit.
pub(super) fn unique(column: &Column, rows: &Rows) -> Checked<()> {
    let mut seen: HashMap<u64, usize> = HashMap::with_capacity(rows.n);
    for row in (0..rows.n).filter(|row| !column.is_missing(*row)) {
        let key = match &column.data {
            // Adding zero makes negative zero the same id as zero.
            Data::Numbers(values) => values.get(row).map_or(0, |v| (v + 0.0).to_bits()),
            Data::Codes { codes, .. } => codes.get(row).map_or(0, |c| u64::from(*c)),
            Data::Opaque { .. } => return Err(vec![unusable_id(column)]),
        };
        if let Some(first) = seen.insert(key, row) {
            return Err(vec![DatasetProblem::new(
                "data.unit_id",
                format!(
                    "the unit id `{}` = `{}` is in row {} and again in row {}",
                    column.name,
                    column.value(row),
                    rows.number(first),
                    rows.number(row)
                ),
                format!(
                    "one row must be one unit: if a unit has several rows, remove `unit_id` and write `clusters: {}` under `analysis`, so that standard \
                     errors respect it; else aggregate the file, or name another id",
                    yaml_text(&column.name)
                ),
            )]);
        }
    }
    Ok(())
}

fn unusable_id(column: &Column) -> DatasetProblem {
    DatasetProblem::new(
        "data.unit_id",
        format!("the unit id `{}` is stored as {}", column.name, column.stored_as),
        "use a column of whole numbers or text as unit id",
    )
}
