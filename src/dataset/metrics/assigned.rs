//! Who was assigned to what: arms, take-up, units, clusters and times of the table of assignments.

use super::columns::{Names, code, complete, find, has_zone, names, numbers, times};
use super::error::{Fault, Found, MOST_ARMS};
use crate::dataset::Table;
use crate::dataset::column::{number, same_value, truth};
use crate::plan::experiment::ExperimentPlan;
use crate::schema::FilteredOut;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Groups of rows, by number.
pub(super) struct Groups {
    pub(super) names: Vec<String>,
    pub(super) of_rows: Vec<u16>,
    /// Planned shares, for arms.
    pub(super) shares: Vec<f64>,
}

/// The units of the rows.
pub(super) struct Units {
    /// Absent without `unit_id`, when each row is a unit.
    pub(super) of_rows: Option<Vec<u32>>,
    /// Their identifiers, by number.
    pub(super) names: Vec<String>,
    pub(super) count: usize,
    pub(super) in_two_arms: usize,
    /// Identifiers of those that the filter leaves out.
    pub(super) left_out: HashSet<String>,
    /// How many that are; absent without a filter.
    pub(super) filtered_out: Option<FilteredOut>,
}

/// What the section `assignment` says of the rows.
pub(super) struct Assigned {
    pub(super) arms: Groups,
    pub(super) treatment: Option<Groups>,
    pub(super) units: Units,
    pub(super) clusters: Option<Vec<u32>>,
    pub(super) propensity: Option<Vec<f64>>,
    pub(super) period: Option<Vec<f64>>,
    pub(super) assigned_at: Option<Vec<f64>>,
    pub(super) exposed_at: Option<Vec<f64>>,
}

/// Reads everything; what could not be read is empty, and a fault was noted.
pub(super) fn read(plan: &ExperimentPlan, table: &Table, found: &mut Found) -> Assigned {
    let said = &plan.assignment;
    let arms = found.take("assignment.column", coded(table, &said.column));
    let arms = arms.filter(|names| no_blanks("assignment.column", &said.column, names, found));
    let arms = arms.and_then(|names| arms_of(plan, &names, found));
    let arms = arms.unwrap_or(Groups { names: Vec::new(), of_rows: Vec::new(), shares: Vec::new() });
    let clusters = clusters(plan, table, found);
    let time = |column: &Option<String>, path: &str, found: &mut Found| {
        let column = column.as_deref()?;
        found.take(path, find(table, column).and_then(times))
    };
    // A window has no beginning, and a row no period, without one.
    let complete_time = |column: &Option<String>, path: &str, found: &mut Found| {
        let column = column.as_deref()?;
        found.take(path, find(table, column).and_then(|it| complete(table, it).and_then(|()| times(it))))
    };
    let assigned_at = complete_time(&said.assigned_at, "assignment.assigned_at", found);
    let exposed_at = time(&said.exposed_at, "assignment.exposed_at", found);
    let period = complete_time(&said.period, "assignment.period", found);
    zones(plan, table, found);
    Assigned {
        treatment: treatment(plan, table, &arms, found),
        units: units(plan, table, (&arms.of_rows, clusters.as_deref()), found),
        clusters,
        propensity: propensity(plan, table, found),
        period,
        assigned_at,
        exposed_at,
        arms,
    }
}

/// Notes two names that differ by blanks only, which nobody sees in a table.
fn no_blanks(path: &str, column: &str, names: &Names, found: &mut Found) -> bool {
    let mut known: HashMap<&str, &String> = HashMap::new();
    let twice =
        names.names.iter().find_map(|name| known.insert(name.trim(), name).map(|other| (other.clone(), name.clone())));
    if let Some((one, other)) = twice {
        found.note(path, Fault::Blanks { column: column.to_owned(), one, other });
        return false;
    }
    true
}

/// A column in which every row has a value, as names.
fn coded(table: &Table, column: &str) -> Result<Names, Fault> {
    let column = find(table, column)?;
    complete(table, column)?;
    names(column)
}

/// The arms: the control first, then by value if all are numbers, else by name.
fn arms_of(plan: &ExperimentPlan, found_names: &Names, found: &mut Found) -> Option<Groups> {
    let said = &plan.assignment;
    let column = said.column.clone();
    let all = &found_names.names;
    if all.len() < 2 || all.len() > MOST_ARMS {
        found.note("assignment.column", Fault::ArmCount { column, arms: all.len() });
        return None;
    }
    let Some(control) = named(all, &said.control) else {
        let fault = Fault::NoControl { column, control: said.control.clone(), arms: sorted(all) };
        found.note("assignment.control", fault);
        return None;
    };
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by(|a, b| (*a != control).cmp(&(*b != control)).then_with(|| by_value(&all[*a], &all[*b])));
    let shares = shares(plan, found_names, &order, found)?;
    let rank = ranks(&order);
    let of_rows = found_names.codes.iter().map(|code| rank.get(code).copied().unwrap_or_default()).collect();
    Some(Groups { names: order.iter().map(|i| all[*i].clone()).collect(), of_rows, shares })
}

/// The place of each code in an order.
fn ranks(order: &[usize]) -> BTreeMap<u32, u16> {
    order.iter().zip(0..).map(|(old, new)| (code(*old), new)).collect()
}

fn named(names: &[String], wanted: &str) -> Option<usize> {
    let wanted = wanted.trim();
    names.iter().position(|name| name == wanted).or_else(|| names.iter().position(|name| same_value(name, wanted)))
}

fn by_value(a: &str, b: &str) -> std::cmp::Ordering {
    match (number(a), number(b)) {
        (Some(x), Some(y)) => x.total_cmp(&y).then_with(|| a.cmp(b)),
        _ => a.cmp(b),
    }
}

fn sorted(names: &[String]) -> Vec<String> {
    let mut names = names.to_vec();
    names.sort_by(|a, b| by_value(a, b));
    names
}

/// The planned share of each arm, in their order.
fn shares(plan: &ExperimentPlan, arms: &Names, order: &[usize], found: &mut Found) -> Option<Vec<f64>> {
    let said = &plan.assignment;
    if said.shares.is_empty() {
        return Some(vec![1.0 / order.len() as f64; order.len()]);
    }
    let mut of_arms: Vec<Option<f64>> = vec![None; order.len()];
    let mut fits = true;
    for (arm, share) in &said.shares {
        match named(&arms.names, arm) {
            Some(i) => of_arms[i] = Some(*share),
            None => {
                let (column, arm, arms) = (said.column.clone(), arm.clone(), sorted(&arms.names));
                found.note("assignment.shares", Fault::ArmWithoutRows { column, arm, arms });
                fits = false;
            }
        }
    }
    for (i, _) in of_arms.iter().enumerate().filter(|(_, share)| share.is_none()) {
        let rows = arms.codes.iter().filter(|arm| **arm == code(i)).count();
        let (column, arm) = (said.column.clone(), arms.names[i].clone());
        found.note("assignment.shares", Fault::ArmWithoutShare { column, arm, rows });
        fits = false;
    }
    fits.then(|| order.iter().filter_map(|i| of_arms[*i]).collect())
}

/// What the units took up: arms by their names, or 0 and 1.
fn treatment(plan: &ExperimentPlan, table: &Table, arms: &Groups, found: &mut Found) -> Option<Groups> {
    let column = plan.treated.as_deref()?;
    let taken = found.take("treated", coded(table, column))?;
    let of_arms: Option<Vec<u16>> =
        taken.names.iter().map(|name| named(&arms.names, name).and_then(|i| u16::try_from(i).ok())).collect();
    let of_truth: Option<Vec<u16>> = taken.names.iter().map(|name| truth(name).map(u16::from)).collect();
    let (of_names, names) = match (of_arms, of_truth) {
        (Some(of_names), _) => (of_names, arms.names.clone()),
        (None, Some(of_names)) => (of_names, vec!["0".to_owned(), "1".to_owned()]),
        (None, None) if arms.names.is_empty() => return None,
        (None, None) => {
            let (values, arms) = (sorted(&taken.names), arms.names.clone());
            found.note("treated", Fault::TakenValues { column: column.to_owned(), values, arms });
            return None;
        }
    };
    let of_rows = taken.codes.iter().map(|code| of_names.get(*code as usize).copied().unwrap_or_default()).collect();
    Some(Groups { names, of_rows, shares: Vec::new() })
}

/// The units, and those with rows in two arms. Rows of a unit must share a cluster.
fn units(plan: &ExperimentPlan, table: &Table, of_rows: (&[u16], Option<&[u32]>), found: &mut Found) -> Units {
    let rows = table.selection.as_ref().map(|selection| selection.record.rows_left_out);
    let none = Units {
        of_rows: None,
        names: Vec::new(),
        count: table.rows,
        in_two_arms: 0,
        left_out: HashSet::new(),
        filtered_out: rows.map(|rows| FilteredOut { rows, units: None }),
    };
    let Some(column) = plan.assignment.unit_id.as_deref() else { return none };
    let Some(units) = found.take("assignment.unit_id", coded(table, column)) else { return none };
    if !no_blanks("assignment.unit_id", column, &units, found) {
        return none;
    }
    let (arms, clusters) = of_rows;
    let count = units.names.len();
    if count < table.rows && !plan.assignment.cluster_by.iter().any(|it| it == column) {
        let apart = apart(&units, clusters);
        if let Some(first) = apart.first() {
            let example = units.names.get(*first as usize).cloned().unwrap_or_default();
            let fault = Fault::RepeatedUnits { column: column.to_owned(), units: apart.len(), example };
            found.note("assignment.unit_id", fault);
        }
    }
    let in_two_arms = differing(&units, arms.iter().map(|arm| u32::from(*arm))).len();
    let left_out = left_out(table, &units);
    let filtered_out = rows.map(|rows| FilteredOut { rows, units: Some(left_out.len()) });
    Units { of_rows: Some(units.codes), names: units.names, count, in_two_arms, left_out, filtered_out }
}

/// Identifiers of which the filter keeps no row.
fn left_out(table: &Table, units: &Names) -> HashSet<String> {
    let column = table.selection.as_ref().and_then(|selection| selection.left_out.as_deref());
    let all = column.and_then(|column| names(column).ok()).map(|found| found.names).unwrap_or_default();
    let kept: HashSet<&str> = units.names.iter().map(String::as_str).collect();
    all.into_iter().filter(|name| !kept.contains(name.as_str())).collect()
}

/// The units whose rows are taken for independent: all that repeat, or those that lie in two clusters.
fn apart(units: &Names, clusters: Option<&[u32]>) -> Vec<u32> {
    match clusters {
        Some(clusters) => differing(units, clusters.iter().copied()),
        None => differing(units, 0..),
    }
}

/// The units whose rows differ in a value.
fn differing(units: &Names, values: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut first: HashMap<u32, u32> = HashMap::new();
    let pairs = units.codes.iter().zip(values);
    let mut differ: Vec<u32> =
        pairs.filter(|(unit, value)| first.entry(**unit).or_insert(*value) != value).map(|(unit, _)| *unit).collect();
    differ.sort_unstable();
    differ.dedup();
    differ
}

/// The combinations of the columns that name a cluster.
fn clusters(plan: &ExperimentPlan, table: &Table, found: &mut Found) -> Option<Vec<u32>> {
    let mut whole: Option<Vec<u32>> = None;
    for column in &plan.assignment.cluster_by {
        let part = found.take("assignment.cluster_by", coded(table, column))?.codes;
        whole = Some(match whole {
            None => part,
            Some(whole) => combined(&whole, &part),
        });
    }
    whole
}

fn combined(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut seen: HashMap<(u32, u32), u32> = HashMap::new();
    let pairs = a.iter().zip(b).map(|(a, b)| {
        let next = code(seen.len());
        *seen.entry((*a, *b)).or_insert(next)
    });
    pairs.collect()
}

fn propensity(plan: &ExperimentPlan, table: &Table, found: &mut Found) -> Option<Vec<f64>> {
    let path = "assignment.propensity";
    let column = plan.assignment.propensity.as_deref()?;
    let column = found.take(path, find(table, column))?;
    found.take(path, complete(table, column))?;
    let values = found.take(path, numbers(column))?;
    let outside = |value: &f64| !(*value > 0.0 && *value <= 1.0);
    if let Some(first) = values.iter().position(outside) {
        let fault = Fault::Propensity {
            column: column.name.clone(),
            value: values[first].to_string(),
            row: table.place(first) + 1,
            rows: values.iter().filter(|value| outside(value)).count(),
        };
        found.note(path, fault);
        return None;
    }
    Some(values.to_vec())
}

/// Two clocks in the table of assignments.
fn zones(plan: &ExperimentPlan, table: &Table, found: &mut Found) {
    let zone = |column: &Option<String>| {
        let column = table.column(column.as_deref()?)?;
        Some((column.name.clone(), has_zone(column, &times(column).ok()?)?))
    };
    let (Some(a), Some(b)) = (zone(&plan.assignment.assigned_at), zone(&plan.assignment.exposed_at)) else { return };
    if a.1 != b.1 {
        let (with, without) = if a.1 { (a.0, b.0) } else { (b.0, a.0) };
        found.note("assignment.exposed_at", Fault::Zones { with, without });
    }
}
