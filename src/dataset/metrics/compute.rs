//! Metrics, one after the other: which rows count, what they are worth, and what was done to the values.

use super::aggregate::{aggregate, is_zero_without_rows};
use super::assigned::Assigned;
use super::columns::code;
use super::columns::numbers;
use super::error::{Fault, Found};
use super::join::{Belongs, Days, Pair, Pairs, Side, pairs};
use super::table::{MetricColumn, MetricValues};
use crate::dataset::Table;
use crate::dataset::column::Column;
use crate::dataset::derived::Rows;
use crate::expression::Written;
use crate::plan::experiment::{Aggregate, AggregateKind, ExperimentPlan, Measure, Metric, Role, Window};
use crate::schema::MetricCounters;
use causal::numerics::quantile::quantiles;
use std::collections::BTreeMap;

/// The tables of a plan.
pub(super) struct Tables<'a> {
    pub(super) plan: &'a ExperimentPlan,
    pub(super) own: &'a Table,
    pub(super) sources: &'a BTreeMap<String, Table>,
    pub(super) assigned: &'a Assigned,
}

/// Every metric that could be computed, in the order of the plan; with a reason where it says nothing and is not the primary one,
/// so that the others can do without it.
pub(super) fn metrics(tables: &Tables<'_>, found: &mut Found) -> Vec<(MetricColumn, Option<Fault>)> {
    tables.plan.metrics.iter().filter_map(|metric| computed(tables, metric, found)).collect()
}

fn computed(tables: &Tables<'_>, metric: &Metric, found: &mut Found) -> Option<(MetricColumn, Option<Fault>)> {
    let rows = match &metric.source {
        None => tables.own,
        Some(source) => tables.sources.get(source)?,
    };
    let Tables { plan, own, assigned, .. } = *tables;
    let side = Side { plan, metric, own, rows, assigned };
    let kept = kept(&side, found)?;
    let values = values(&side, &kept, found)?;
    let belongs = side.belongs(found)?;
    let days = match &metric.time {
        None => None,
        Some(_) => {
            let times = side.times(found)?;
            Some((side.assigned_at(&times)?, times))
        }
    };
    let window = metric.window.unwrap_or(Window { from: 0.0, to: f64::INFINITY });
    let in_window = days.as_ref().map(|(assigned_at, times)| Days { assigned_at, times, window });
    let counted = pairs(&belongs, &kept, in_window);
    let mut counters = MetricCounters {
        rows: rows.rows,
        filtered: rows.rows - kept.len(),
        outside_window: counted.outside,
        not_assigned: counted.not_assigned,
        of_filtered_units: counted.of_filtered_units,
        rows_without_value: without_value(&values, &counted.all),
        ..MetricCounters::default()
    };
    if let Some(days) = in_window.filter(|_| metric.window.is_some()) {
        counters.window_not_over = not_over(&side, days, found)?;
    }
    without_rows(&metric.measure, own.rows, &counted, &mut counters);
    let made = measured(&metric.measure, own.rows, &counted.all, &values);
    let made = winsorised(metric, made, &mut counters);
    let says_nothing = says_nothing(metric, &made);
    if let Some((path, fault)) = says_nothing.as_ref().filter(|_| metric.role == Role::Primary) {
        found.note(path, fault.clone());
        return None;
    }
    let before = days.as_ref().and_then(|(assigned_at, times)| {
        let days = Days { assigned_at, times, window: before_start(plan, metric)? };
        before(&side, (&belongs, &kept, &values), days)
    });
    let column = MetricColumn { name: metric.name.clone(), values: made, before, counters };
    Some((column, says_nothing.map(|found| found.1)))
}

/// The rows of the source that its filter keeps.
fn kept(side: &Side<'_>, found: &mut Found) -> Option<Vec<u32>> {
    let Some(filter) = &side.metric.filter else { return Some((0..side.rows.rows).map(code).collect()) };
    let path = side.path("filter");
    let way_out = "say what holds there instead, as in `if(b == 0, 0, a / b)`";
    let rows = Rows { table: side.rows, path: &path, needed: None, way_out };
    let holds = found.take(&path, rows.condition(filter).map_err(Fault::Expression))?;
    Some((0..side.rows.rows).filter(|row| holds[*row] == Some(true)).map(code).collect())
}

/// The column of each expression of a measure, in the order of its parts; nothing for `count()`.
fn values(side: &Side<'_>, kept: &[u32], found: &mut Found) -> Option<Vec<Option<Column>>> {
    match &side.metric.measure {
        Measure::Mean(aggregate) => Some(vec![part(side, aggregate, kept, found)?]),
        Measure::Ratio(top, bottom) => {
            let (top, bottom) = (part(side, top, kept, found), part(side, bottom, kept, found));
            Some(vec![top?, bottom?])
        }
        Measure::Quantile { of, .. } => Some(vec![Some(column(side, of, kept, found, true)?)]),
    }
}

/// The outer option is empty if the column could not be made, the inner one if none is needed.
fn part(side: &Side<'_>, aggregate: &Aggregate, kept: &[u32], found: &mut Found) -> Option<Option<Column>> {
    let Some(of) = &aggregate.of else { return Some(None) };
    column(side, of, kept, found, aggregate.kind != AggregateKind::Distinct).map(Some)
}

fn column(side: &Side<'_>, of: &Written, kept: &[u32], found: &mut Found, is_number: bool) -> Option<Column> {
    let ratio = matches!(side.metric.measure, Measure::Ratio(..));
    let path = side.path(if ratio { "ratio" } else { "expression" });
    let needed: Vec<usize> = kept.iter().map(|row| *row as usize).collect();
    let way_out = "leave these rows out with `filter:` on the metric, or say what holds there instead, as in \
                   `if(b == 0, 0, a / b)`";
    let rows = Rows { table: side.rows, path: &path, needed: Some(&needed), way_out };
    let column = found.take(&path, rows.column(of).map_err(Fault::Expression))?;
    if is_number {
        found.take(&path, numbers(&column).map(|_| ()))?;
    }
    Some(column)
}

/// Rows that count and lack a value in a part of the measure.
fn without_value(values: &[Option<Column>], counted: &[Pair]) -> usize {
    let lacks = |row: u32| values.iter().flatten().any(|column| column.is_missing(row as usize));
    let mut rows: Vec<u32> = counted.iter().map(|pair| pair.1).filter(|row| lacks(*row)).collect();
    rows.sort_unstable();
    rows.dedup();
    rows.len()
}

fn without_rows(measure: &Measure, n: usize, counted: &Pairs, counters: &mut MetricCounters) {
    let mut has_rows = vec![false; n];
    counted.all.iter().for_each(|pair| has_rows[pair.0 as usize] = true);
    counters.units_without_rows = has_rows.iter().filter(|has| !**has).count();
    let zero = match measure {
        Measure::Mean(aggregate) => is_zero_without_rows(aggregate.kind),
        Measure::Ratio(top, bottom) => is_zero_without_rows(top.kind) && is_zero_without_rows(bottom.kind),
        Measure::Quantile { .. } => false,
    };
    counters.set_to_zero = if zero { counters.units_without_rows } else { 0 };
}

/// The values of the rows of the table of assignments.
fn measured(measure: &Measure, n: usize, pairs: &[Pair], values: &[Option<Column>]) -> MetricValues {
    let part = |i: usize| values.get(i).and_then(Option::as_ref);
    match measure {
        Measure::Mean(of) => MetricValues::Mean(aggregate(of.kind, n, pairs, part(0))),
        Measure::Ratio(top, bottom) => {
            MetricValues::Ratio(aggregate(top.kind, n, pairs, part(0)), aggregate(bottom.kind, n, pairs, part(1)))
        }
        Measure::Quantile { q, .. } => {
            let numbers = part(0).and_then(|column| numbers(column).ok()).unwrap_or_default();
            let valued = pairs.iter().map(|pair| (pair.0, numbers[pair.1 as usize])).filter(|it| !it.1.is_nan());
            MetricValues::Quantile(valued.collect(), *q)
        }
    }
}

/// Values above the quantile of all of them, type 7, become that quantile.
fn winsorised(metric: &Metric, made: MetricValues, counters: &mut MetricCounters) -> MetricValues {
    let (Some(at), MetricValues::Mean(values)) = (metric.winsorise, &made) else { return made };
    let there: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    let Some(limit) = quantiles(&there, &[at]).and_then(|found| found.first().copied()) else { return made };
    let mut values = values.clone();
    for value in values.iter_mut().filter(|value| **value > limit) {
        *value = limit;
        counters.winsorised += 1;
    }
    counters.winsorised_at = Some(limit);
    MetricValues::Mean(values)
}

/// Units whose window is not over; a fault if that is so for all of them.
fn not_over(side: &Side<'_>, days: Days<'_>, found: &mut Found) -> Option<usize> {
    let (late, by) = days.not_over();
    if late < side.own.rows {
        return Some(late);
    }
    let short_by = if by >= 1.0 { format!("{:.1} days", by) } else { format!("{:.1} hours", by * 24.0) };
    let (metric, file) = (side.metric.name.clone(), side.rows.source.clone());
    found.note(&side.path("window"), Fault::WindowNotOver { metric, file, short_by });
    None
}

/// Why a metric says nothing, if it does not, and the key of the plan that this is about.
fn says_nothing(metric: &Metric, made: &MetricValues) -> Option<(String, Fault)> {
    let name = metric.name.clone();
    let values: Vec<f64> = match made {
        MetricValues::Mean(values) => values.clone(),
        MetricValues::Quantile(values, _) => values.iter().map(|it| it.1).collect(),
        MetricValues::Ratio(top, bottom) => {
            let both = top.iter().zip(bottom).filter(|(top, bottom)| !top.is_nan() && !bottom.is_nan());
            if both.clone().count() > 0 && both.clone().all(|(_, bottom)| *bottom == 0.0) {
                return Some((format!("metrics.{name}.ratio"), Fault::ZeroDenominator { metric: name }));
            }
            both.map(|(top, _)| *top).collect()
        }
    };
    let mut there = values.iter().filter(|value| !value.is_nan());
    let path = format!("metrics.{name}");
    let Some(first) = there.next() else { return Some((path, Fault::NoValues { metric: name })) };
    let is_ratio = matches!(made, MetricValues::Ratio(..));
    // A ratio differs between units if either part does; it is constant where the upper one is 0.
    let constant = there.all(|value| value == first) && (!is_ratio || *first == 0.0);
    constant.then(|| (path, Fault::Constant { metric: name, value: first.to_string() }))
}

/// The days before the assignment, as many as the plan says.
fn before_start(plan: &ExperimentPlan, metric: &Metric) -> Option<Window> {
    let of_window = || metric.window.map(|window| window.to - window.from);
    let length = plan.assignment.pre_period.or_else(of_window)?;
    Some(Window { from: -length, to: 0.0 })
}

/// The metric before the assignment; nothing if no row of the source falls there.
fn before(side: &Side<'_>, rows: (&Belongs, &[u32], &[Option<Column>]), days: Days<'_>) -> Option<MetricValues> {
    let (belongs, kept, values) = rows;
    let counted = pairs(belongs, kept, Some(days));
    (!counted.all.is_empty()).then(|| measured(&side.metric.measure, side.own.rows, &counted.all, values))
}
