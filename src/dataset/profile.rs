//! What the values of columns show by which a plan can be proposed: identifiers, repeated units, copies.

use super::Table;
use super::column::{Column, Data, MISSING};
use crate::schema::{ColumnFacts, ColumnKind, FileOrder};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Expected pairs of equal values, were the numbers drawn at random from their range, from which on it is no accident that
/// there is none: the chance is below e^-5.
const PAIRS: f64 = 5.0;

/// Rows by which columns are compared before all of them are.
const COMPARED: usize = 32;

/// The facts of every column, in file order.
pub(super) fn facts(table: &Table) -> Vec<ColumnFacts> {
    let mut facts: Vec<ColumnFacts> = table.columns.iter().map(|column| facts_of(column)).collect();
    relations(&table.columns, &mut facts);
    for i in 0..facts.len() {
        let shared =
            facts.get(i).map_or_else(Vec::new, |fact| shared_by_rows(&table.columns, &facts, i, fact.rows_each));
        if let Some(fact) = facts.get_mut(i) {
            fact.shared_by_rows = shared;
        }
    }
    facts
}

/// Units with several rows are at least as many.
const UNITS: usize = 10;

/// The columns of few values that are constant within each value of column `i`, and no step function of it.
fn shared_by_rows(columns: &[Arc<Column>], facts: &[ColumnFacts], i: usize, rows_each: usize) -> Vec<String> {
    let (Some(column), Some(fact)) = (columns.get(i), facts.get(i)) else { return Vec::new() };
    let names_units = fact.whole || matches!(column.data, Data::Codes { .. });
    if !names_units || rows_each < 2 || fact.present / rows_each < UNITS || fact.present < column_rows(column) {
        return Vec::new();
    }
    let few = |other: &ColumnFacts| (2..=10).contains(&other.values.len()) && other.name != fact.name;
    let shared = facts
        .iter()
        .zip(columns)
        .filter(|(other, _)| few(other))
        .filter(|(other, values)| along(column, values).is_some_and(|runs| runs > other.values.len()));
    shared.map(|(other, _)| other.name.clone()).collect()
}

fn column_rows(column: &Column) -> usize {
    match &column.data {
        Data::Numbers(values) => values.len(),
        Data::Codes { codes, .. } => codes.len(),
        Data::Opaque { .. } => 0,
    }
}

/// How often `other` changes along the values of `units`, if it is the same in all rows of each.
fn along(units: &Column, other: &Column) -> Option<usize> {
    let mut seen: HashMap<u64, u64> = HashMap::new();
    for row in 0..column_rows(units) {
        let (unit, value) = (key(units, row), key(other, row));
        if *seen.entry(unit).or_insert(value) != value {
            return None;
        }
    }
    let mut units: Vec<(u64, u64)> = seen.into_iter().collect();
    units.sort_unstable();
    Some(1 + units.windows(2).filter(|pair| matches!(pair, [(_, a), (_, b)] if a != b)).count())
}

/// A value as a key whose order is that of the values.
fn key(column: &Column, row: usize) -> u64 {
    match &column.data {
        Data::Numbers(values) => {
            let bits = values.get(row).map_or(u64::MAX, |v| (v + 0.0).to_bits());
            if bits >> 63 == 0 { bits | (1 << 63) } else { !bits }
        }
        Data::Codes { codes, .. } => codes.get(row).map_or(u64::MAX, |code| u64::from(*code)),
        Data::Opaque { .. } => 0,
    }
}

fn facts_of(column: &Column) -> ColumnFacts {
    let mut facts =
        ColumnFacts { name: column.name.clone(), obstacle: column.obstacle.clone(), ..ColumnFacts::default() };
    match &column.data {
        Data::Numbers(values) => of_numbers(values, column, &mut facts),
        Data::Codes { codes, levels } => of_codes(codes, levels, column, &mut facts),
        Data::Opaque { .. } => {}
    }
    facts
}

fn of_numbers(values: &[f64], column: &Column, facts: &mut ColumnFacts) {
    facts.present = values.iter().filter(|v| !v.is_nan()).count();
    facts.whole = facts.present > 0 && values.iter().all(|v| v.is_nan() || v.fract() == 0.0);
    facts.order = if facts.present == values.len() { order(values) } else { FileOrder::Mixed };
    let few = few(values);
    if few {
        facts.values = column.tally();
        facts.values.sort_by(|a, b| {
            a.0.parse::<f64>().ok().zip(b.0.parse().ok()).map_or_else(|| a.0.cmp(&b.0), |(a, b)| a.total_cmp(&b))
        });
        facts.rows_each = facts.present / facts.values.len().max(1);
    }
    if !facts.whole {
        return;
    }
    let keys: Vec<u64> = values.iter().filter(|v| !v.is_nan()).map(|v| (v + 0.0).to_bits()).collect();
    repeats(&keys, facts);
    let (low, high) = values
        .iter()
        .filter(|v| !v.is_nan())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
    #[allow(clippy::cast_precision_loss, reason = "rows")]
    let n = facts.present as f64;
    facts.dense = facts.all_different && n * (n - 1.0) / 2.0 / (high - low + 1.0) >= PAIRS;
}

fn of_codes(codes: &[u32], levels: &[String], column: &Column, facts: &mut ColumnFacts) {
    facts.present = codes.iter().filter(|code| **code != MISSING).count();
    let few = levels.len() <= ColumnFacts::MOST_VALUES;
    if few {
        let tally: HashMap<String, usize> = column.tally().into_iter().collect();
        let counted = |level: &String| Some((level.clone(), *tally.get(level)?));
        facts.values = levels.iter().filter_map(counted).collect();
    }
    if column.kind == ColumnKind::Other && column.obstacle.is_some() && column.stored_as == "text and numbers" {
        facts.mixed_levels = Some(levels.len());
    }
    let keys: Vec<u64> = codes.iter().filter(|code| **code != MISSING).map(|code| u64::from(*code)).collect();
    repeats(&keys, facts);
}

/// True if there are no more distinct values than are listed.
fn few(values: &[f64]) -> bool {
    let mut seen: HashSet<u64> = HashSet::new();
    values.iter().filter(|v| !v.is_nan()).all(|v| {
        seen.insert((v + 0.0).to_bits());
        seen.len() <= ColumnFacts::MOST_VALUES
    })
}

fn order(values: &[f64]) -> FileOrder {
    let [first, second, ..] = values else { return FileOrder::Mixed };
    let step = second - first;
    let pairs = || values.iter().zip(values.iter().skip(1));
    if step == 0.0 || !step.is_finite() || !pairs().all(|(a, b)| if step > 0.0 { b > a } else { b < a }) {
        FileOrder::Mixed
    } else if pairs().all(|(a, b)| b - a == step) {
        FileOrder::Steps
    } else {
        FileOrder::Strict
    }
}

/// How often values come again; `keys` are those that are not missing.
fn repeats(keys: &[u64], facts: &mut ColumnFacts) {
    let blocks = keys.chunk_by(|a, b| a == b).count();
    let mut sorted = keys.to_vec();
    sorted.sort_unstable();
    let distinct = sorted.chunk_by(|a, b| a == b).count();
    facts.all_different = !keys.is_empty() && distinct == keys.len();
    facts.rows_each = keys.len() / distinct.max(1);
    let same = sorted.chunk_by(|a, b| a == b).all(|rows| rows.len() == facts.rows_each);
    facts.block_of =
        (same && blocks == distinct && facts.rows_each > 1 && distinct >= UNITS).then_some(facts.rows_each);
}

/// Columns that are the same as an earlier one, or a straight line of it.
fn relations(columns: &[Arc<Column>], facts: &mut [ColumnFacts]) {
    let mut copies: HashMap<String, Vec<usize>> = HashMap::new();
    let mut lines: HashMap<Vec<i64>, Vec<usize>> = HashMap::new();
    for (i, column) in columns.iter().enumerate() {
        let Some(fact) = facts.get_mut(i) else { return };
        if fact.present == 0 || fact.values.len() == 1 {
            continue;
        }
        let earlier = |at: &[usize], same: &dyn Fn(&Column) -> bool| {
            let found = at.iter().filter_map(|j| columns.get(*j)).find(|other| same(other));
            found.map(|other| other.name.clone())
        };
        let alike = copies.entry(first_rows(column)).or_default();
        fact.copy_of = earlier(alike, &|other| is_copy(other, column));
        alike.push(i);
        let Data::Numbers(values) = &column.data else { continue };
        let Some(shape) = shape(values) else { continue };
        let alike = lines.entry(shape).or_default();
        if fact.copy_of.is_none() {
            fact.line_of = earlier(alike, &|other| matches!(&other.data, Data::Numbers(x) if is_line(x, values)));
        }
        alike.push(i);
    }
}

fn first_rows(column: &Column) -> String {
    let rows: Vec<String> =
        (0..COMPARED).map(|row| if column.is_missing(row) { String::new() } else { column.value(row) }).collect();
    rows.join("\n")
}

fn is_copy(a: &Column, b: &Column) -> bool {
    match (&a.data, &b.data) {
        (Data::Numbers(x), Data::Numbers(y)) => x.iter().zip(y).all(|(x, y)| x == y || (x.is_nan() && y.is_nan())),
        (Data::Codes { codes: x, levels: l }, Data::Codes { codes: y, levels: m }) => x == y && l == m,
        _ => false,
    }
}

/// The first rows on the scale on which the first is 0 and the first that differs from it is 1, in thousandths; `None` if
/// all are equal.
fn shape(values: &[f64]) -> Option<Vec<i64>> {
    let zero = *values.iter().find(|v| v.is_finite())?;
    let one = *values.iter().find(|v| v.is_finite() && **v != zero)?;
    #[allow(clippy::cast_possible_truncation, reason = "saturates, and is only a first look")]
    let place = |v: &f64| if v.is_nan() { i64::MIN } else { ((v - zero) / (one - zero) * 1e3).round() as i64 };
    Some(values.iter().take(COMPARED).map(place).collect())
}

/// True if y is a straight line of x to six digits, missing values included.
fn is_line(x: &[f64], y: &[f64]) -> bool {
    let Some(x0) = x.iter().position(|v| v.is_finite()) else { return false };
    let at = |v: &[f64], i: usize| v.get(i).copied().unwrap_or(f64::NAN);
    // The point furthest from the first fixes the line best.
    let far = |best: usize, i: usize| {
        let away = |i: usize| (at(x, i) - at(x, x0)).abs();
        if away(i) > away(best) { i } else { best }
    };
    let x1 = (0..x.len()).fold(x0, far);
    let slope = (at(y, x1) - at(y, x0)) / (at(x, x1) - at(x, x0));
    let scale = (at(y, x1) - at(y, x0)).abs();
    slope.is_finite()
        && slope != 0.0
        && x.iter()
            .zip(y)
            .all(|(a, b)| (a.is_nan() && b.is_nan()) || (at(y, x0) + slope * (a - at(x, x0)) - b).abs() <= 1e-6 * scale)
}
