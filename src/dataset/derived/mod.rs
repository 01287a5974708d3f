//! `data.derive` and `data.filter`: columns that the plan computes, and the rows that it asks about.
//!
//! A derived column is computed for every row, in an order in which what it needs comes first. A row without a result, such
//! as one that divides by zero, is a problem only if the filter keeps it. The filter keeps the rows in which every condition is
//! true; those in which one is false, and those in which one has no value, are counted apart.

mod bind;
mod values;
mod whole;

use super::column::{Column, DERIVED, Data, Encoded, MISSING, encode};
use super::error::DatasetProblem;
use crate::expression::Written;
use crate::plan::DataSection;
use crate::schema::{ColumnKind, DerivedColumn, FilterCondition, FilterRecord};
use crate::text::lists::{counted, short};
use crate::text::numbers::count;
use bind::{Binder, NO_FAULTS, Sources};
use std::collections::{BTreeMap, BTreeSet};
use values::{Bound, Fault, Faults, Flag, Source, Text};
pub(super) use whole::Rows;

/// The columns, and the rows that are left of them.
pub(super) struct Selected {
    pub(super) columns: Vec<Column>,
    pub(super) derived: Vec<DerivedColumn>,
    /// `None` without a filter.
    pub(super) filter: Option<FilterRecord>,
    /// Places in the files of the rows that are left; `None`: all of them.
    pub(super) kept: Option<Vec<usize>>,
    /// A column of the other rows, if there is a filter and one was wanted.
    pub(super) left_out: Option<Column>,
}

struct Made {
    column: Column,
    faults: Faults,
}

/// Computes what the plan derives and keeps the rows that it asks about, and of the others the column `left_out_of`.
pub(super) fn apply(
    columns: Vec<Column>,
    rows: usize,
    data: &DataSection,
    left_out_of: Option<&str>,
) -> Result<Selected, Vec<DatasetProblem>> {
    if data.derive.is_empty() && data.filter.is_empty() {
        return Ok(Selected { columns, derived: Vec::new(), filter: None, kept: None, left_out: None });
    }
    let made = derive(&columns, rows, data)?;
    let (filter, kept) = match data.filter.as_slice() {
        [] => (None, None),
        conditions => {
            let (record, kept) = filter(&columns, &made, rows, conditions)?;
            (Some(record), Some(kept))
        }
    };
    let problems: Vec<DatasetProblem> = made
        .iter()
        .filter_map(|(name, made)| {
            let written = data.derive.get(*name)?;
            faulty(&format!("data.derive.{name}"), written, &made.faults, kept.as_deref())
        })
        .collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    let derived = made
        .iter()
        .filter_map(|(name, made)| {
            let written = data.derive.get(*name)?;
            Some(DerivedColumn { column: made.column.name.clone(), expression: written.text.clone() })
        })
        .collect();
    let all: Vec<Column> = columns.into_iter().chain(made.into_iter().map(|(_, made)| made.column)).collect();
    let wanted = all.iter().find(|column| left_out_of == Some(column.name.as_str()));
    let left_out = wanted.zip(kept.as_ref()).map(|(column, kept)| column.select(&others(kept, rows)));
    let all = all.into_iter();
    let columns = match &kept {
        None => all.collect(),
        Some(kept) => all.map(|column| only_levels_that_occur(column.select(kept))).collect(),
    };
    Ok(Selected { columns, derived, filter, kept, left_out })
}

/// The rows that are not among those kept, which are in order.
fn others(kept: &[usize], rows: usize) -> Vec<usize> {
    let mut is_kept = vec![false; rows];
    kept.iter().for_each(|row| is_kept[*row] = true);
    (0..rows).filter(|row| !is_kept[*row]).collect()
}

/// Every derived column, in the order in which they were computed.
fn derive<'p>(
    columns: &[Column],
    rows: usize,
    data: &'p DataSection,
) -> Result<Vec<(&'p str, Made)>, Vec<DatasetProblem>> {
    let taken: BTreeSet<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let mut problems: Vec<DatasetProblem> = data
        .derive
        .keys()
        .filter(|name| taken.contains(name.as_str()))
        .map(|name| {
            DatasetProblem::new(
                &format!("data.derive.{name}"),
                format!("the data have a column `{name}` already"),
                format!("give the derived column a name of its own, such as `{name}_2`, and use that name below"),
            )
        })
        .collect();
    let mut made: Vec<(&str, Made)> = Vec::new();
    for name in in_order(data) {
        let Some(written) = data.derive.get(name) else { continue };
        let path = format!("data.derive.{name}");
        let sources = sources(columns, &made);
        let bound = Binder { sources: &sources, path: &path, written }.bind();
        match bound.map(|bound| compute(name, rows, &bound)) {
            Ok(one) => made.push((name, one)),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(made) } else { Err(problems) }
}

/// The derived names, each after those that it needs. The plan has been refused if there is a circle.
fn in_order(data: &DataSection) -> Vec<&str> {
    let mut left: Vec<&str> = data.derive.keys().map(String::as_str).collect();
    let mut order: Vec<&str> = Vec::new();
    while !left.is_empty() {
        let waits = |name: &str| {
            data.derive.get(name).is_some_and(|written| written.columns().iter().any(|it| left.contains(it)))
        };
        let (later, now): (Vec<&str>, Vec<&str>) = left.iter().copied().partition(|name| waits(name));
        if now.is_empty() {
            return order;
        }
        order.extend(now);
        left = later;
    }
    order
}

fn sources<'a>(columns: &'a [Column], made: &'a [(&str, Made)]) -> Sources<'a> {
    let of_file = columns.iter().map(|column| (column.name.as_str(), Source { column, faults: &NO_FAULTS }));
    let of_plan = made.iter().map(|(name, made)| (*name, Source { column: &made.column, faults: &made.faults }));
    of_file.chain(of_plan).collect()
}

fn compute(name: &str, rows: usize, bound: &Bound<'_>) -> Made {
    let mut faults = Faults::new();
    let mut keep = |row: usize, fault: Fault| {
        faults.insert(row, fault);
    };
    let column = match bound {
        Bound::Number(x) => {
            let values = numbers(rows, |row| x.at(row), &mut keep);
            Column::numbers(name, DERIVED, values)
        }
        Bound::Date(x) => Column::dates(name, DERIVED, numbers(rows, |row| x.at(row), &mut keep)),
        Bound::Flag(x) => {
            let values = numbers(rows, |row| x.at(row).map(|x| x.map_or(f64::NAN, f64::from)), &mut keep);
            Column::new(name, DERIVED, ColumnKind::Boolean, Data::Numbers(values))
        }
        Bound::Text(x) => texts(name, rows, x, &mut keep),
    };
    Made { column, faults }
}

fn numbers(rows: usize, at: impl Fn(usize) -> Result<f64, Fault>, keep: &mut impl FnMut(usize, Fault)) -> Vec<f64> {
    let mut one = |row: usize| {
        at(row).unwrap_or_else(|fault| {
            keep(row, fault);
            f64::NAN
        })
    };
    (0..rows).map(&mut one).collect()
}

fn texts(name: &str, rows: usize, text: &Text<'_>, keep: &mut impl FnMut(usize, Fault)) -> Column {
    let mut one = |row: usize| {
        text.at(row).unwrap_or_else(|fault| {
            keep(row, fault);
            None
        })
    };
    let encoded = encode((0..rows).map(&mut one));
    match text.order() {
        None => Column::text(name, DERIVED, encoded),
        // Intervals from the lowest to the highest, which is not the order of the alphabet.
        Some(order) => {
            let places: Vec<usize> =
                order.iter().filter_map(|label| encoded.levels.iter().position(|level| level == label)).collect();
            let Encoded { codes, levels } = encoded.reordered(&places);
            Column::new(name, DERIVED, ColumnKind::Category, Data::Codes { codes, levels })
        }
    }
}

/// The rows in which every condition is true.
fn filter(
    columns: &[Column],
    made: &[(&str, Made)],
    rows: usize,
    conditions: &[Written],
) -> Result<(FilterRecord, Vec<usize>), Vec<DatasetProblem>> {
    let sources = sources(columns, made);
    let mut kept: Vec<usize> = (0..rows).collect();
    let mut record = FilterRecord { conditions: Vec::new(), rows_left_out: 0 };
    let mut problems = Vec::new();
    for (i, written) in conditions.iter().enumerate() {
        let path = if conditions.len() == 1 { "data.filter".to_owned() } else { format!("data.filter[{i}]") };
        match (Binder { sources: &sources, path: &path, written }).condition() {
            Err(problem) => problems.push(problem),
            Ok(flag) => {
                let mut faults = Faults::new();
                let left = one_condition(&flag, kept, written, &mut faults);
                problems.extend(faulty(&path, written, &faults, None));
                record.conditions.push(left.0);
                kept = left.1;
            }
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    record.rows_left_out = rows - kept.len();
    if kept.len() < 2 {
        let message = format!("the filter keeps {} of {}", counted(kept.len(), "row"), count(rows));
        let each: Vec<String> = record
            .conditions
            .iter()
            .map(|one| {
                format!(
                    "`{}` leaves out {}, and {} without a value",
                    short(&one.expression),
                    one.rows_false,
                    one.rows_missing
                )
            })
            .collect();
        return Err(vec![DatasetProblem::new("data.filter", format!("{message}: {}", each.join("; ")), "widen it")]);
    }
    Ok((record, kept))
}

fn one_condition(
    flag: &Flag<'_>,
    rows: Vec<usize>,
    written: &Written,
    faults: &mut Faults,
) -> (FilterCondition, Vec<usize>) {
    let mut condition = FilterCondition { expression: written.text.clone(), rows_false: 0, rows_missing: 0 };
    let keeps = |row: &usize| match flag.at(*row) {
        Ok(Some(true)) => true,
        Ok(Some(false)) => {
            condition.rows_false += 1;
            false
        }
        Ok(None) => {
            condition.rows_missing += 1;
            false
        }
        Err(fault) => {
            faults.insert(*row, fault);
            false
        }
    };
    let kept = rows.into_iter().filter(keeps).collect();
    (condition, kept)
}

/// The rows without a result among those that are kept.
fn faulty(path: &str, written: &Written, faults: &Faults, kept: Option<&[usize]>) -> Option<DatasetProblem> {
    let is_kept = |row: &usize| kept.is_none_or(|kept| kept.binary_search(row).is_ok());
    let mut among: BTreeMap<usize, Fault> = BTreeMap::new();
    among.extend(faults.iter().filter(|(row, _)| is_kept(row)).map(|(row, fault)| (*row, *fault)));
    let (row, fault) = among.first_key_value()?;
    let (what, instead) = match fault {
        Fault::DividesByZero => ("divides by zero".to_owned(), "`if(b == 0, 0, a / b)`"),
        Fault::Outside(function, x) => (format!("asks for {}({x})", function.key()), "`if(x > 0, log(x), 0)`"),
        Fault::NoPower(x, y) => (format!("asks for {x} to the power {y}"), "`if(x > 0, x ^ 0.5, 0)`"),
        Fault::TooLarge => ("gives a number that is too large".to_owned(), "other units"),
    };
    Some(DatasetProblem::new(
        path,
        format!(
            "`{}` {what} in {}, the first in row {}",
            short(&written.text),
            counted(among.len(), "row"),
            count(row + 1)
        ),
        format!("leave these rows out with `filter:` under `data`, or say what holds there instead, as in {instead}"),
    ))
}

/// A level without rows would be a term that never varies.
fn only_levels_that_occur(mut column: Column) -> Column {
    if let Data::Codes { codes, levels } = &mut column.data {
        let mut occurs = vec![false; levels.len()];
        for code in codes.iter().filter(|code| **code != MISSING) {
            if let Some(cell) = occurs.get_mut(*code as usize) {
                *cell = true;
            }
        }
        if occurs.contains(&false) {
            let order: Vec<usize> = (0..levels.len()).filter(|i| occurs.get(*i) == Some(&true)).collect();
            let encoded = Encoded { codes: std::mem::take(codes), levels: std::mem::take(levels) }.reordered(&order);
            (*codes, *levels) = (encoded.codes, encoded.levels);
        }
    }
    column
}
