//! Which rows of a source belong to which rows of the table of assignments, and to which days.

use super::assigned::{Assigned, Units};
use super::columns::{Names, code, find, has_zone, names, times};
use super::error::{Fault, Found};
use crate::dataset::Table;
use crate::dataset::column::MISSING;
use crate::plan::experiment::{ExperimentPlan, Metric, Window};
use std::collections::HashMap;

/// A day in milliseconds: times are compared as whole numbers of them.
const MILLISECONDS: f64 = 86_400_000.0;

/// A row of the table of assignments, and a row of the source that counts for it.
pub(super) type Pair = (u32, u32);

/// The code of a unit that was assigned, and that the filter leaves out.
pub(super) const FILTERED: u32 = MISSING - 1;

/// A metric, its table and the units.
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    pub(super) plan: &'a ExperimentPlan,
    pub(super) metric: &'a Metric,
    /// The table of assignments.
    pub(super) own: &'a Table,
    /// The source of the metric, or the table of assignments.
    pub(super) rows: &'a Table,
    pub(super) assigned: &'a Assigned,
}

/// The rows of the table of assignments for each row of the source.
pub(super) struct Belongs {
    /// For each row of the source its unit; [`MISSING`] if it was never assigned, [`FILTERED`] if it was and is left out.
    unit_of: Vec<u32>,
    /// Rows of the table of assignments, unit by unit.
    rows: Vec<u32>,
    /// Where those of each unit begin, and the end.
    starts: Vec<usize>,
}

impl Belongs {
    /// The rows of the table of assignments that a row of the source belongs to.
    pub(super) fn rows(&self, row: u32) -> &[u32] {
        let unit = self.unit(row) as usize;
        let ends = self.starts.get(unit).zip(self.starts.get(unit.saturating_add(1)));
        ends.and_then(|(from, to)| self.rows.get(*from..*to)).unwrap_or_default()
    }

    fn unit(&self, row: u32) -> u32 {
        self.unit_of.get(row as usize).copied().unwrap_or(MISSING)
    }
}

impl Side<'_> {
    pub(super) fn path(&self, key: &str) -> String {
        format!("metrics.{}.{key}", self.metric.name)
    }

    /// Joins by identifiers; the table of assignments goes with itself row by row.
    pub(super) fn belongs(&self, found: &mut Found) -> Option<Belongs> {
        let n = self.own.rows;
        let Some(file) = &self.metric.source else {
            let rows: Vec<u32> = (0..n).map(code).collect();
            return Some(Belongs { unit_of: rows.clone(), rows, starts: (0..=n).collect() });
        };
        let unit_id = self.plan.assignment.unit_id.as_deref()?;
        let units = &self.assigned.units;
        let of_rows = units.of_rows.as_ref()?;
        if units.count < n && !(self.metric.window.is_some() && self.assigned.assigned_at.is_some()) {
            let (metric, file) = (self.metric.name.clone(), file.clone());
            found.note(&self.path("source"), Fault::EveryRow { metric, file });
            return None;
        }
        let per = self.metric.per.as_deref().unwrap_or(unit_id);
        let path = self.path(if self.metric.per.is_some() { "per" } else { "source" });
        let theirs = found.take(&path, find(self.rows, per).and_then(names))?;
        let Some(unit_of) = matched(&theirs, units) else {
            let examples = |names: &[String]| names.iter().take(3).cloned().collect();
            let fault = Fault::NothingJoins {
                file: file.clone(),
                per: per.to_owned(),
                unit: unit_id.to_owned(),
                theirs: examples(&theirs.names),
                ours: examples(&units.names),
            };
            found.note(&path, fault);
            return None;
        };
        if let Some((theirs, ours)) = near(&theirs, &unit_of, &units.names) {
            let fault = Fault::NearIdentifiers { file: file.clone(), per: per.to_owned(), theirs, ours };
            found.note(&path, fault);
            return None;
        }
        let (rows, starts) = by_unit(of_rows, units.count);
        Some(Belongs { unit_of, rows, starts })
    }

    /// When the rows of the table of assignments were assigned.
    /// Where the source has days only, so has the assignment: an order of the same day is then one after it, and not one before
    /// the start.
    pub(super) fn assigned_at(&self, times: &[f64]) -> Option<Vec<f64>> {
        let start = || self.plan.assignment.start.map(|start| vec![start; self.own.rows]);
        let assigned = self.assigned.assigned_at.clone().or_else(start)?;
        let days_only = times.iter().all(|time| time.is_nan() || time.fract() == 0.0);
        Some(if days_only { assigned.into_iter().map(f64::floor).collect() } else { assigned })
    }

    /// The times of the rows of the source, held against the clock of the assignment.
    pub(super) fn times(&self, found: &mut Found) -> Option<Vec<f64>> {
        let path = self.path("time");
        let column = found.take(&path, find(self.rows, self.metric.time.as_deref()?))?;
        let their_times = found.take(&path, times(column))?;
        let ours = self.plan.assignment.assigned_at.as_deref().and_then(|name| self.own.column(name));
        let zones = ours.and_then(|ours| Some((ours, has_zone(ours, &times(ours).ok()?)?)));
        if let (Some((ours, here)), Some(there)) = (zones, has_zone(column, &their_times))
            && here != there
        {
            let (ours, theirs) = (ours.name.clone(), format!("{} of {}", column.name, self.rows.source));
            let (with, without) = if here { (ours, theirs) } else { (theirs, ours) };
            found.note(&path, Fault::Zones { with, without });
            return None;
        }
        Some(their_times)
    }
}

/// An identifier without what files lose on their way: blanks, zeros in front, capital letters, `.0` behind.
fn plain(name: &str) -> String {
    let name = name.trim().to_lowercase();
    // Whole numbers of any length, and those that were written as decimals while they are exact.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if let Ok(whole) = name.parse::<i128>() {
        return whole.to_string();
    }
    match name.parse::<f64>() {
        Ok(number) if number.fract() == 0.0 && number.abs() < EXACT => (number as i128).to_string(),
        _ => name,
    }
}

/// An identifier of the source that no unit has, and a unit that has it but for how it is written.
pub(super) fn near(theirs: &Names, unit_of: &[u32], ours: &[String]) -> Option<(String, String)> {
    let mut unmatched = vec![false; theirs.names.len()];
    for (code, unit) in theirs.codes.iter().zip(unit_of) {
        if let Some(found) = unmatched.get_mut(*code as usize) {
            *found = *unit == MISSING;
        }
    }
    let units: HashMap<String, &String> = ours.iter().map(|name| (plain(name), name)).collect();
    let lost = theirs.names.iter().zip(unmatched).filter(|(_, unmatched)| *unmatched).map(|(name, _)| name);
    lost.filter_map(|name| Some((name.clone(), (*units.get(&plain(name))?).clone()))).next()
}

/// The unit of each row of a source; nothing if no row has one that is kept.
pub(super) fn matched(theirs: &Names, ours: &Units) -> Option<Vec<u32>> {
    let units: HashMap<&str, u32> = ours.names.iter().map(String::as_str).zip(0..).collect();
    let other = |name: &str| if ours.left_out.contains(name) { FILTERED } else { MISSING };
    let of_names: Vec<u32> =
        theirs.names.iter().map(|name| units.get(name.as_str()).copied().unwrap_or_else(|| other(name))).collect();
    if of_names.iter().all(|unit| *unit >= FILTERED) {
        return None;
    }
    Some(theirs.codes.iter().map(|code| of_names.get(*code as usize).copied().unwrap_or(MISSING)).collect())
}

/// The rows of each unit, one unit after the other, and where each begins.
fn by_unit(of_rows: &[u32], units: usize) -> (Vec<u32>, Vec<usize>) {
    let mut starts = vec![0; units + 1];
    for unit in of_rows {
        starts[*unit as usize + 1] += 1;
    }
    for unit in 0..units {
        starts[unit + 1] += starts[unit];
    }
    let mut next = starts.clone();
    let mut rows = vec![0; of_rows.len()];
    for (row, unit) in of_rows.iter().enumerate() {
        rows[next[*unit as usize]] = code(row);
        next[*unit as usize] += 1;
    }
    (rows, starts)
}

/// The days that count, from the assignment on.
#[derive(Clone, Copy)]
pub(super) struct Days<'a> {
    /// When each row of the table of assignments was assigned.
    pub(super) assigned_at: &'a [f64],
    /// The times of the rows of the source.
    pub(super) times: &'a [f64],
    pub(super) window: Window,
}

impl Days<'_> {
    fn holds(&self, pair: Pair) -> bool {
        let (Some(assigned), Some(time)) = (self.assigned_at.get(pair.0 as usize), self.times.get(pair.1 as usize))
        else {
            return false;
        };
        let milliseconds = |days: f64| (days * MILLISECONDS).round();
        let (from, to) = (assigned + self.window.from, assigned + self.window.to);
        // False for a missing time.
        milliseconds(*time) >= milliseconds(from) && milliseconds(*time) < milliseconds(to)
    }

    /// The last time of the source; the end of that day where times are whole days.
    pub(super) fn last(&self) -> f64 {
        let times = self.times.iter().filter(|time| !time.is_nan());
        let last = times.clone().copied().fold(f64::NEG_INFINITY, f64::max);
        if times.clone().all(|time| time.fract() == 0.0) { last + 1.0 } else { last }
    }

    /// Rows of the table of assignments whose window ends after the last row of the source, and by how much the earliest one
    /// does.
    pub(super) fn not_over(&self) -> (usize, f64) {
        let last = self.last();
        let late = |assigned: &&f64| *assigned + self.window.to > last;
        let earliest = self.assigned_at.iter().copied().fold(f64::INFINITY, f64::min);
        (self.assigned_at.iter().filter(late).count(), earliest + self.window.to - last)
    }
}

/// The pairs of the rows that are kept.
pub(super) struct Pairs {
    pub(super) all: Vec<Pair>,
    /// Rows of units that were never assigned.
    pub(super) not_assigned: usize,
    /// Rows of units that the filter leaves out.
    pub(super) of_filtered_units: usize,
    /// Rows of assigned units outside of every window.
    pub(super) outside: usize,
}

/// Pairs the rows of a source that are kept with those of the table of assignments.
pub(super) fn pairs(belongs: &Belongs, kept: &[u32], days: Option<Days<'_>>) -> Pairs {
    let mut pairs = Pairs { all: Vec::with_capacity(kept.len()), not_assigned: 0, of_filtered_units: 0, outside: 0 };
    for row in kept {
        let rows = belongs.rows(*row);
        let before = pairs.all.len();
        let counts = |mine: &&u32| days.is_none_or(|days| days.holds((**mine, *row)));
        pairs.all.extend(rows.iter().filter(counts).map(|mine| (*mine, *row)));
        if rows.is_empty() && belongs.unit(*row) == FILTERED {
            pairs.of_filtered_units += 1;
        } else if rows.is_empty() {
            pairs.not_assigned += 1;
        } else if pairs.all.len() == before {
            pairs.outside += 1;
        }
    }
    pairs
}
