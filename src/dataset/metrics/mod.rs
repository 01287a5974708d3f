//! The tables of an experiment: the table of assignments, and the metrics that are computed from it and from other files.
//!
//! ```text
//! data.source -> arms, take-up, units, clusters, times, covariates, segments
//! each source -> rows -> (filter) -> (unit) -> (window) -> one number for each row of the table of assignments
//! logged_actions.source -> decisions of assigned units, with what was done and the chance of it
//! ```
//!
//! A source is read once and serves every metric that names it. Rows go to units by `per`; where a unit has several rows in the
//! table of assignments, each takes the rows of the source in its own window. A window holds the times t with
//! a + from ≤ t < a + to, a being the time of assignment; times are compared to the millisecond. Without a window every row
//! from the assignment on counts, and without a time every row. A row without a time is outside of every window.
//!
//! Everything that stands between the files and a table is reported at once, as a [`MetricError`].

mod aggregate;
mod assigned;
mod cells;
mod columns;
mod compute;
mod covariates;
mod error;
mod join;
mod logged;
mod logged_faults;
mod table;

pub use cells::{CellTable, Cells, MOST_VALUES};
pub use error::{Fault, MetricError, MetricFault};
pub use logged::{LoggedTable, StepColumn};
pub use logged_faults::LoggedFault;
pub use table::{MetricColumn, MetricValues, RefusedMetric, TermColumn, UnitTable};

use crate::dataset::error::DatasetProblem;
use crate::dataset::{DataPlace, Table, Wanted, hash, read_rows, read_section};
use crate::expression::Written;
use crate::plan::DataSection;
use crate::plan::experiment::ExperimentPlan;
use assigned::Assigned;
use error::Found;
use std::collections::BTreeMap;

/// Reads the table of assignments and the sources of all metrics, as far as they are files relative to the folder of `place`.
///
/// # Errors
/// Every fault that was found, at once.
pub fn unit_table(plan: &ExperimentPlan, place: DataPlace<'_>) -> Result<UnitTable, MetricError> {
    unit_table_and(plan, place, |_, _| Some(())).map(|made| made.0)
}

/// As [`unit_table`], and the table of assignments itself, for conditions that come later.
///
/// # Errors
/// As [`unit_table`].
pub fn unit_table_and_rows(plan: &ExperimentPlan, place: DataPlace<'_>) -> Result<(UnitTable, Table), MetricError> {
    unit_table_and(plan, place, |table, _| Some(table.clone()))
}

/// Whether a condition holds in each row of a table of assignments; `None` where it has no value.
///
/// # Errors
/// The condition does not fit the columns, or has no result in some row. The message may name values of the data.
pub fn condition(table: &Table, written: &Written) -> Result<Vec<Option<bool>>, DatasetProblem> {
    covariates::condition(table, written, "condition")
}

/// As [`unit_table`], and the cells of its rows by the discrete columns among those that covariates and segments name, and `more`.
///
/// # Errors
/// As [`unit_table`]; a column of `more` is not there or has too many values, or there are too many cells.
pub fn unit_table_and_cells(
    plan: &ExperimentPlan,
    place: DataPlace<'_>,
    more: &[String],
) -> Result<(UnitTable, Cells), MetricError> {
    unit_table_and(plan, place, |table, found| cells::cells(plan, table, more, found))
}

/// The table of units, and something else that is made from the table of assignments.
fn unit_table_and<T>(
    plan: &ExperimentPlan,
    place: DataPlace<'_>,
    more: impl FnOnce(&Table, &mut Found) -> Option<T>,
) -> Result<(UnitTable, T), MetricError> {
    let mut found = Found::default();
    let wanted = Wanted { fewest: 2, left_out_of: plan.assignment.unit_id.as_deref() };
    let table = match read_rows(&plan.data, place, &wanted) {
        Ok(table) => table,
        Err(error) => {
            found.read("data.source", error);
            return Err(found.into_error());
        }
    };
    let sources = sources(plan, place, &mut found);
    let assigned = assigned::read(plan, &table, &mut found);
    let (segments, segment_missing) = covariates::segments(plan, &table, &mut found);
    let tables = compute::Tables { plan, own: &table, sources: &sources, assigned: &assigned };
    let (metrics, faults): (Vec<MetricColumn>, Vec<Option<Fault>>) =
        compute::metrics(&tables, &mut found).into_iter().unzip();
    // A metric that says nothing after the start may still be a covariate from before it.
    let terms = covariates::terms(plan, &table, &metrics, &mut found);
    let logged = logged::read(plan, &sources, &assigned, &mut found);
    let more = more(&table, &mut found);
    let Some(more) = more.filter(|_| !found.any()) else { return Err(found.into_error()) };
    let (metrics, refused) = without_refused(metrics, faults);
    let files = files(plan, &table, &sources);
    let sha256 = hash::combined(files.values().map(String::as_str));
    let Assigned { arms, units, treatment, clusters, propensity, period, assigned_at, exposed_at } = assigned;
    let made = UnitTable {
        arms: arms.names,
        assigned: arms.of_rows,
        shares: arms.shares,
        taken: treatment.as_ref().map(|it| it.of_rows.clone()),
        treatments: treatment.map(|it| it.names).unwrap_or_default(),
        unit_count: units.count,
        units_in_two_arms: units.in_two_arms,
        units: units.of_rows,
        unit_names: units.names,
        filtered_out: units.filtered_out,
        clusters,
        propensity,
        period,
        assigned_at,
        exposed_at,
        terms: terms.names,
        term_sources: terms.sources,
        term_values: terms.values,
        filled: terms.filled,
        segments,
        segment_missing,
        metrics,
        refused,
        logged,
        assignments: table.document(),
        files,
        sha256,
    };
    Ok((made, more))
}

/// The metrics that say something, and the others with their faults.
fn without_refused(columns: Vec<MetricColumn>, faults: Vec<Option<Fault>>) -> (Vec<MetricColumn>, Vec<RefusedMetric>) {
    let (mut metrics, mut refused) = (Vec::new(), Vec::new());
    for (column, fault) in columns.into_iter().zip(faults) {
        match fault {
            None => metrics.push(column),
            Some(fault) => refused.push(RefusedMetric { column, fault }),
        }
    }
    (metrics, refused)
}

/// The tables that metrics name, each read once.
fn sources(plan: &ExperimentPlan, place: DataPlace<'_>, found: &mut Found) -> BTreeMap<String, Table> {
    let mut tables: BTreeMap<String, Option<Table>> = BTreeMap::new();
    for metric in &plan.metrics {
        let Some(source) = metric.source.as_ref().filter(|source| !tables.contains_key(*source)) else { continue };
        let section = DataSection { missing_values: plan.data.missing_values.clone(), ..DataSection::of(source) };
        let table = match read_section(&section, place) {
            Ok(table) => Some(table),
            Err(error) => {
                found.read(&format!("metrics.{}.source", metric.name), error);
                None
            }
        };
        tables.insert(source.clone(), table);
    }
    if let Some(source) =
        plan.logged_actions.as_ref().map(|logged| &logged.source).filter(|it| !tables.contains_key(*it))
    {
        let section = DataSection { missing_values: plan.data.missing_values.clone(), ..DataSection::of(source) };
        let table = read_section(&section, place).map_err(|error| found.read("logged_actions.source", error)).ok();
        tables.insert(source.clone(), table);
    }
    tables.into_iter().filter_map(|(name, table)| Some((name, table?))).collect()
}

/// Fingerprints by the names of the plan.
fn files(plan: &ExperimentPlan, table: &Table, sources: &BTreeMap<String, Table>) -> BTreeMap<String, String> {
    let own = [(plan.data.source.clone(), table.document().sha256)];
    let others = sources.iter().map(|(name, table)| (name.clone(), table.document().sha256));
    own.into_iter().chain(others).collect()
}
