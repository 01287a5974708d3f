//! Covariates as terms, and segments as conditions.

use super::columns::{numbers, shared};
use super::error::{Fault, Found};
use super::table::{MetricColumn, MetricValues, TermColumn};
use crate::dataset::column::{Column, Data, MISSING};
use crate::dataset::derived::Rows;
use crate::dataset::error::DatasetProblem;
use crate::dataset::{MISSING_LEVEL, Table};
use crate::expression::Written;
use crate::plan::experiment::{ExperimentPlan, Metric};
use crate::schema::ColumnKind;
use crate::term::Term;
use crate::text::lists::counted;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most levels of a covariate: each is a term.
const MOST_LEVELS: usize = 100;

/// The terms of all covariates.
#[derive(Default)]
pub(super) struct Terms {
    pub(super) names: Vec<String>,
    /// The covariate of each.
    pub(super) sources: Vec<String>,
    /// The values of each.
    pub(super) values: Vec<TermColumn>,
    /// Missing values that became 0, by covariate.
    pub(super) filled: BTreeMap<String, usize>,
}

impl Terms {
    fn push(&mut self, name: String, covariate: &str, values: TermColumn) {
        self.names.push(name);
        self.sources.push(covariate.to_owned());
        self.values.push(values);
    }

    /// Numbers as they are; where some are missing these are 0, behind a term that says which.
    fn numbers(&mut self, covariate: &str, values: &[f64]) {
        self.missing(covariate, values.iter().map(|value| value.is_nan()));
        let filled = values.iter().map(|value| if value.is_nan() { 0.0 } else { *value }).collect();
        self.push(covariate.to_owned(), covariate, TermColumn::numbers(filled));
    }

    /// A term for each level but the first.
    fn levels(&mut self, covariate: &str, codes: &[u32], levels: &[String]) {
        self.missing(covariate, codes.iter().map(|code| *code == MISSING));
        for (i, level) in levels.iter().enumerate().skip(1) {
            let flags = codes.iter().map(|code| *code as usize == i).collect();
            self.push(Term::level(covariate, level).to_string(), covariate, TermColumn::flags(flags));
        }
    }

    fn missing(&mut self, covariate: &str, is_missing: impl Iterator<Item = bool>) {
        let flags: Vec<bool> = is_missing.collect();
        let rows = flags.iter().filter(|missing| **missing).count();
        if rows > 0 {
            self.filled.insert(covariate.to_owned(), rows);
            self.push(Term::level(covariate, MISSING_LEVEL).to_string(), covariate, TermColumn::flags(flags));
        }
    }
}

/// The covariates of the plan as terms, in its order.
pub(super) fn terms(plan: &ExperimentPlan, own: &Table, metrics: &[MetricColumn], found: &mut Found) -> Terms {
    let mut terms = Terms::default();
    let own = with_common_levels(plan, own, found);
    for (i, covariate) in plan.covariates.iter().enumerate() {
        let path = format!("covariates[{i}]");
        match plan.before_start(covariate) {
            Some(metric) => {
                let values = before(&own, covariate, metric, metrics);
                if let Some(values) = values.and_then(|values| found.take(&path, values)) {
                    terms.numbers(covariate, &values);
                }
            }
            None => {
                let made = shared(&own, covariate).and_then(|column| add(&mut terms, column));
                found.take(&path, made);
            }
        }
    }
    terms
}

/// The table with rare levels made one in the covariates, and in nothing else.
fn with_common_levels<'a>(plan: &ExperimentPlan, own: &'a Table, found: &mut Found) -> Cow<'a, Table> {
    let Some(rule) = &plan.data.rare_levels else { return Cow::Borrowed(own) };
    let mut table = own.clone();
    let names: Vec<String> = own.names().into_iter().map(str::to_owned).collect();
    let kept: Vec<&str> = names.iter().filter(|name| !plan.covariates.contains(name)).map(String::as_str).collect();
    if let Err(problems) = table.merge_rare_levels(rule, &kept) {
        problems.into_iter().for_each(|it| found.note("data.rare_levels", Fault::Expression(it)));
    }
    Cow::Owned(table)
}

/// A column as terms.
pub(super) fn add(terms: &mut Terms, column: &Arc<Column>) -> Result<(), Fault> {
    match &column.data {
        Data::Codes { codes, levels } if column.kind == ColumnKind::Category && column.obstacle.is_none() => {
            if levels.len() > MOST_LEVELS {
                return Err(Fault::Unusable {
                    column: column.name.clone(),
                    reason: format!(
                        "has {}, and a covariate has at most {MOST_LEVELS}",
                        counted(levels.len(), "level")
                    ),
                    fix: "write `rare_levels: {keep: 20}` under `data`, or leave it out".to_owned(),
                });
            }
            terms.levels(&column.name, codes, levels);
            Ok(())
        }
        _ => {
            let values = numbers(column)?;
            if values.iter().any(|value| value.is_nan()) {
                terms.numbers(&column.name, values);
            } else {
                terms.push(column.name.clone(), &column.name, TermColumn::column(column));
            }
            Ok(())
        }
    }
}

/// A metric before the start as one number for each row; nothing if the metric could not be computed, which was noted.
fn before(own: &Table, covariate: &str, metric: &Metric, metrics: &[MetricColumn]) -> Option<Result<Vec<f64>, Fault>> {
    let (covariate, name) = (covariate.to_owned(), metric.name.clone());
    if own.column(&covariate).is_some() {
        return Some(Err(Fault::TwoMeanings { covariate, metric: name }));
    }
    let column = metrics.iter().find(|it| it.name == name)?;
    Some(match &column.before {
        Some(MetricValues::Mean(values)) => Ok(values.clone()),
        Some(MetricValues::Ratio(top, bottom)) => {
            let ratio = |(top, bottom): (&f64, &f64)| if *bottom == 0.0 { f64::NAN } else { top / bottom };
            Ok(top.iter().zip(bottom).map(ratio).collect())
        }
        _ => Err(Fault::NoRowsBefore { covariate, metric: name }),
    })
}

/// The rows in each segment, and how many rows have no value for its condition.
pub(super) fn segments(plan: &ExperimentPlan, own: &Table, found: &mut Found) -> (Vec<Vec<bool>>, Vec<usize>) {
    let mut segments = (Vec::new(), Vec::new());
    for (i, written) in plan.segments.iter().enumerate() {
        let path = format!("segments[{i}]");
        if let Some(holds) = found.take(&path, condition(own, written, &path).map_err(Fault::Expression)) {
            segments.0.push(holds.iter().map(|it| *it == Some(true)).collect());
            segments.1.push(holds.iter().filter(|it| it.is_none()).count());
        }
    }
    segments
}

/// Whether a condition holds in each row; `None` where it has no value. `path` is the key that holds it.
pub(super) fn condition(own: &Table, written: &Written, path: &str) -> Result<Vec<Option<bool>>, DatasetProblem> {
    let way_out = "say what holds there instead, as in `if(b == 0, 0, a / b)`";
    Rows { table: own, path, needed: None, way_out }.condition(written)
}
