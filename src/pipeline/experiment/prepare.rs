//! From the bytes of a plan and the tables that it names to the rows of an experiment.

use super::asked::AssignmentRows;
use super::modelling::Experiment;
use crate::dataset::metrics::{
    Cells, MetricError, MetricValues, UnitTable, unit_table, unit_table_and_cells, unit_table_and_rows,
};
use crate::dataset::{DataPlace, DatasetProblem};
use crate::expression::Written;
use crate::pipeline::prepare::{PlanProblems, PrepareError};
use crate::plan::experiment::{self, ExperimentPlan};
use crate::plan::{self, Problem};
use crate::text::lines::capitalised;
use std::collections::{BTreeSet, HashSet};

/// Reads a plan of an experiment and everything that it names, relative to the folder of `place` or by address.
///
/// # Errors
/// [`PrepareError`]: every problem of the plan, or every problem of the data held against it.
pub fn prepare<'a>(bytes: &[u8], place: impl Into<DataPlace<'a>>) -> Result<Experiment, PrepareError> {
    let place = place.into();
    prepare_and(bytes, |plan| unit_table(plan, place).map(|table| (table, ()))).map(|made| made.0)
}

/// As [`prepare`], with the table of assignments, for segments that are asked for later.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_with_rows<'a>(
    bytes: &[u8],
    place: impl Into<DataPlace<'a>>,
) -> Result<(Experiment, AssignmentRows), PrepareError> {
    let place = place.into();
    let (experiment, table) = prepare_and(bytes, |plan| unit_table_and_rows(plan, place))?;
    Ok((experiment, AssignmentRows::new(table)))
}

/// As [`prepare`], with the cells of the rows by the discrete columns of the plan and `more`.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_with_cells<'a>(
    bytes: &[u8],
    place: impl Into<DataPlace<'a>>,
    more: &[String],
) -> Result<(Experiment, Cells), PrepareError> {
    let place = place.into();
    prepare_and(bytes, |plan| unit_table_and_cells(plan, place, more))
}

fn prepare_and<T>(
    bytes: &[u8],
    read: impl FnOnce(&ExperimentPlan) -> Result<(UnitTable, T), MetricError>,
) -> Result<(Experiment, T), PrepareError> {
    let refuse = |problems: Vec<Problem>| PlanProblems { text: String::from_utf8_lossy(bytes).into_owned(), problems };
    let plan = experiment::parse_bytes(bytes).map_err(&refuse)?;
    let (table, more) = read(&plan).map_err(|error| {
        let found = error.problems();
        let refused = refuse(plan::in_order(found.iter().map(|problem| point(&plan, problem)).collect()));
        // With problems of its own, the plan is corrected first.
        if found.iter().all(|problem| problem.outside) { PrepareError::Outside(refused) } else { refused.into() }
    })?;
    let experiment = Experiment::new(plan, bytes, table);
    let mut problems = against_design(&experiment);
    problems.extend(outcomes_among_covariates(&experiment.plan));
    problems.extend(too_large(&experiment));
    problems.extend(repeated_periods(&experiment));
    if problems.is_empty() { Ok((experiment, more)) } else { Err(refuse(problems).into()) }
}

fn point(plan: &ExperimentPlan, problem: &DatasetProblem) -> Problem {
    let hint = capitalised(problem.hint.trim_end_matches('.'));
    Problem {
        place: plan.at(&problem.path),
        path: problem.path.clone(),
        message: problem.message.clone(),
        hint: if hint.ends_with('?') { hint } else { format!("{hint}.") },
    }
}

/// A variance that the plan names and the design does not have.
fn against_design(experiment: &Experiment) -> Vec<Problem> {
    let Some(chosen) = experiment.plan.analysis.variance else { return Vec::new() };
    let setting = experiment.setting(false);
    if chosen.is_defined(setting) {
        return Vec::new();
    }
    let path = "analysis.variance".to_owned();
    let design = match (setting.clustered, setting.weighted) {
        (true, true) => "rows that are clustered and weighted",
        (true, false) => "clustered rows",
        (false, true) => "weighted rows without clusters",
        (false, false) => "rows without clusters",
    };
    let hint = format!("Write `variance: {}`, or leave the line out.", setting.default_variance().key());
    let message = format!("`analysis.variance` is {}, which is not defined for {design}", chosen.key());
    vec![Problem { place: experiment.plan.at(&path), path, message, hint }]
}

/// Columns of the table of assignments that a metric is, or that are computed from one: none of them was settled before the start.
fn outcome_columns(plan: &ExperimentPlan) -> BTreeSet<String> {
    let own = plan.metrics.iter().filter(|metric| metric.source.is_none());
    let mut columns: BTreeSet<String> =
        own.flat_map(|metric| metric.measure.expressions()).flat_map(Written::columns).map(str::to_owned).collect();
    // Computed columns may be computed from computed ones, in any order.
    for _ in 0..plan.data.derive.len() {
        for (name, made) in &plan.data.derive {
            if made.columns().iter().any(|column| columns.contains(*column)) {
                columns.insert(name.clone());
            }
        }
    }
    columns
}

/// Covariates, segments and filters by a column that is a metric.
pub(super) fn outcomes_among_covariates(plan: &ExperimentPlan) -> Vec<Problem> {
    let outcomes = outcome_columns(plan);
    let problem = |path: String, column: &str, noun: &str| Problem {
        place: plan.at(&path),
        message: format!(
            "`{column}` is a metric, or is computed from one, and so is no {noun}: the arms may have changed it"
        ),
        hint: format!("Take `{column}` out; a value from before the start can take its place."),
        path,
    };
    let covariates = plan.covariates.iter().enumerate().filter(|(_, name)| outcomes.contains(*name));
    let mut problems: Vec<Problem> =
        covariates.map(|(i, name)| problem(format!("covariates[{i}]"), name, "covariate")).collect();
    let conditions = plan.segments.iter().map(|segment| (segment, "segments", "condition of a segment"));
    let filters = plan.data.filter.iter().map(|filter| (filter, "data.filter", "condition of a filter"));
    for (written, path, noun) in conditions.chain(filters) {
        if let Some(column) = written.columns().into_iter().find(|column| outcomes.contains(*column)) {
            problems.push(problem(path.to_owned(), column, noun));
        }
    }
    problems
}

/// Values whose squares are no numbers any more.
fn too_large(experiment: &Experiment) -> Vec<Problem> {
    const LARGEST: f64 = 1e100;
    let large = |values: &MetricValues| {
        let found = |values: &[f64]| values.iter().copied().find(|value| value.abs() > LARGEST);
        match values {
            MetricValues::Mean(values) => found(values),
            MetricValues::Ratio(up, down) => found(up).or_else(|| found(down)),
            MetricValues::Quantile(values, _) => values.iter().map(|pair| pair.1).find(|value| value.abs() > LARGEST),
        }
    };
    let columns = experiment.table.metrics.iter();
    let found = columns.filter_map(|column| large(&column.values).map(|value| (column.name.clone(), value)));
    found
        .map(|(name, value)| {
            let path = format!("metrics.{name}");
            Problem {
                place: experiment.plan.at(&path),
                message: format!("`{name}` has the value {value:e}, whose square is too large to compute with"),
                hint: "Correct the value, leave its row out with `filter:`, or compute the metric in larger units."
                    .to_owned(),
                path,
            }
        })
        .collect()
}

/// A unit that has two rows in one period.
fn repeated_periods(experiment: &Experiment) -> Vec<Problem> {
    let table = &experiment.table;
    let (Some(units), Some(period)) = (&table.units, &table.period) else { return Vec::new() };
    let mut seen = HashSet::with_capacity(units.len());
    let again = (0..units.len()).filter(|row| !seen.insert((units[*row], period[*row].to_bits()))).count();
    if again == 0 {
        return Vec::new();
    }
    let path = "assignment.period".to_owned();
    vec![Problem {
        place: experiment.plan.at(&path),
        message: format!("{again} rows repeat a unit in a period that it has already"),
        hint: "Keep one row for each unit and period; a unit that counts twice is not two units.".to_owned(),
        path,
    }]
}
