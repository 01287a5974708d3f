//! The columns that an analysis uses, their purposes, and the reasons for which one cannot be used.

use super::Table;
use super::analyse::Request;
use super::column::{Column, Data};
use super::error::DatasetProblem;
use crate::plan::{MissingPolicy, yaml_text};
use crate::schema::ColumnKind;
use crate::text::lists::{counted, did_you_mean, quoted};
use crate::text::numbers::count;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// The purpose of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Treatment,
    Outcome,
    Weights,
    UnitId,
    Clusters,
    KnownPropensity,
    Covariate,
    Placebo,
}

/// Role, key of the plan, column; a column may have several roles.
pub(super) struct Roles(Vec<(Role, String, String)>);

/// The most columns that a message names.
const MOST_NAMED: usize = 12;

/// The largest size of a number that is analysed; its square is far from overflow, and that of its inverse from zero.
const LARGEST: f64 = 1e100;

impl Roles {
    pub(super) fn is_covariate(&self, name: &str) -> bool {
        self.0.iter().any(|(role, _, column)| *role == Role::Covariate && column == name)
    }

    /// True for a column that is nothing but a placebo outcome or negative control.
    pub(super) fn is_only_placebo(&self, name: &str) -> bool {
        let mut own = self.0.iter().filter(|(_, _, column)| column == name).peekable();
        own.peek().is_some() && own.all(|(role, _, _)| *role == Role::Placebo)
    }
}

/// The columns of a request, each role once.
pub(super) fn needed(request: &Request) -> Roles {
    let mut roles = vec![(Role::Treatment, "treatment.column".to_owned(), request.treatment.clone())];
    let mut add = |role: Role, path: &str, column: &str| {
        if !roles.iter().any(|(r, _, c)| *r == role && c == column) {
            roles.push((role, path.to_owned(), column.to_owned()));
        }
    };
    if let Some((column, _)) = &request.outcome {
        add(Role::Outcome, "outcome.column", column);
    }
    if let Some(column) = &request.weights {
        add(Role::Weights, "data.weights", column);
    }
    if let Some(column) = &request.unit_id {
        add(Role::UnitId, "data.unit_id", column);
    }
    if let Some(column) = &request.clusters {
        add(Role::Clusters, "analysis.clusters", column);
    }
    if let Some(column) = &request.known_propensity {
        add(Role::KnownPropensity, "analysis.known_propensity", column);
    }
    for column in request.terms.iter().flat_map(|term| term.columns()) {
        add(Role::Covariate, column, column);
    }
    for column in &request.placebos {
        add(Role::Placebo, column, column);
    }
    Roles(roles)
}

/// The columns that exist and can be used; everything else becomes a problem.
pub(super) fn screen(
    table: &Table,
    roles: &Roles,
    request: &Request,
    problems: &mut Vec<DatasetProblem>,
) -> BTreeMap<String, Arc<Column>> {
    let mut usable = BTreeMap::new();
    let mut gaps = Gaps::default();
    let mut empty = Vec::new();
    let columns: HashMap<&str, &Arc<Column>> = table.columns.iter().map(|c| (c.name.as_str(), c)).collect();
    for (role, path, name) in &roles.0 {
        let Some(column) = columns.get(name.as_str()).copied() else {
            problems.push(DatasetProblem::new(
                path,
                format!("the data have no column `{name}`"),
                did_you_mean(name, &table.names()),
            ));
            continue;
        };
        if is_empty(column) {
            empty.push((path.as_str(), column.as_ref()));
            continue;
        }
        if let Some(problem) = unusable(table, column, *role, path) {
            problems.push(problem);
            continue;
        }
        // A column in two roles is counted once, under the first.
        if usable.insert(name.clone(), Arc::clone(column)).is_none() {
            problems.extend(taken_level(column, path, request.policy(name)));
            gaps.look(column, *role, path, request.policy(name));
        }
    }
    problems.extend(no_value(&empty));
    problems.extend(gaps.problem(request.missing));
    usable
}

/// True for a column without a single value that could otherwise be used.
fn is_empty(column: &Column) -> bool {
    let n = match &column.data {
        Data::Numbers(v) => v.len(),
        Data::Codes { codes, .. } => codes.len(),
        Data::Opaque { .. } => return false,
    };
    column.obstacle.is_none() && column.missing() == n
}

/// One problem for all columns without a value.
fn no_value(empty: &[(&str, &Column)]) -> Option<DatasetProblem> {
    let (path, first) = empty.first()?;
    let names: BTreeSet<&str> = empty.iter().map(|(_, column)| column.name.as_str()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let (message, hint) = match names.as_slice() {
        [name] => (
            format!("`{name}` has no value at all: all {} are missing", count(first.missing())),
            "fill the column, or leave it out of the plan",
        ),
        _ => (
            format!("{} columns have no value at all: {}", names.len(), quoted(&names, MOST_NAMED)),
            "fill these columns, or leave them out of the plan",
        ),
    };
    Some(DatasetProblem::new(path, message, hint))
}

/// The columns with missing values that the policy does not allow: one problem, whatever their number.
#[derive(Default)]
struct Gaps<'a> {
    found: Vec<(&'a str, &'a Column, bool)>,
}

impl<'a> Gaps<'a> {
    fn look(&mut self, column: &'a Column, role: Role, path: &'a str, policy: MissingPolicy) {
        let imputable = role == Role::Covariate;
        // A placebo is tested on the rows that have it; the report says so.
        let tolerable = imputable || role == Role::Placebo;
        let allowed = policy == MissingPolicy::Drop || (policy == MissingPolicy::Indicator && tolerable);
        if column.missing() > 0 && !allowed {
            self.found.push((path, column, imputable));
        }
    }

    fn problem(&self, policy: MissingPolicy) -> Option<DatasetProblem> {
        let (path, ..) = self.found.first()?;
        let each: Vec<String> = match self.found.as_slice() {
            [(_, column, _)] => {
                vec![format!("`{}` has {}", column.name, counted(column.missing(), "missing value"))]
            }
            several => {
                let one =
                    |(_, column, _): &(&str, &Column, bool)| format!("`{}` ({})", column.name, count(column.missing()));
                let shown: Vec<String> = several.iter().take(MOST_NAMED).map(one).collect();
                let more = several.len().saturating_sub(MOST_NAMED);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                vec![format!("{} columns have missing values: {}{more}", several.len(), shown.join(", "))]
            }
        };
        let fixed: Vec<&str> =
            self.found.iter().filter(|found| !found.2).map(|(_, column, _)| column.name.as_str()).collect();
        let message = each.concat();
        if fixed.is_empty() {
            let hint = "complete the data, or write `missing: drop` (rows with missing values are left out and counted) or \
                        `missing: indicator` (mean and indicator term) under `data`";
            return Some(DatasetProblem::new(path, message, hint));
        }
        let whose = if self.found.len() == 1 { "it".to_owned() } else { quoted(&fixed, MOST_NAMED) };
        let are = if fixed.len() == 1 { "is not a covariate" } else { "are not covariates" };
        Some(DatasetProblem::new(
            path,
            format!("{message}; {whose} {are}, so nothing can stand in for a value"),
            match policy {
                MissingPolicy::Indicator => {
                    let each: Vec<String> = fixed.iter().map(|name| format!("{}: drop", yaml_text(name))).collect();
                    format!(
                        "complete the data, or write `missing: {{default: indicator, {}}}` under `data` to leave those rows out, \
                         counted",
                        each.join(", ")
                    )
                }
                _ => "complete the data, or write `missing: drop` under `data` to leave those rows out, counted"
                    .to_owned(),
            },
        ))
    }
}

fn unusable(table: &Table, column: &Column, role: Role, path: &str) -> Option<DatasetProblem> {
    // Ids are told apart and never computed with: numbers beyond 2^53 and mixed text will do.
    if let (Some(obstacle), true) = (&column.obstacle, !matches!(role, Role::UnitId | Role::Clusters)) {
        return Some(DatasetProblem::new(path, format!("`{}` {obstacle}", column.name), way_in(column)));
    }
    let Data::Numbers(values) = &column.data else { return None };
    if let Some(problem) = immoderate(table, column, values, path) {
        return Some(problem);
    }
    let row = values.iter().position(|v| v.is_infinite())?;
    let infinite = values.iter().filter(|v| v.is_infinite()).count();
    Some(DatasetProblem::new(
        path,
        format!(
            "`{}` has {}, the first in row {}",
            column.name,
            counted(infinite, "infinite value"),
            count(table.place(row) + 1)
        ),
        "an infinite value is not a measurement: correct it, or leave it empty and say in `data.missing` what to do",
    ))
}

/// The line that lets a column in that cannot be read as it is.
pub(super) fn way_in(column: &Column) -> String {
    let name = yaml_text(&column.name);
    match (&column.data, column.kind) {
        (Data::Opaque { .. }, _) => "leave it out, or write it in another type".to_owned(),
        (_, ColumnKind::Date) => {
            format!(
                "write `columns: {{{name}: number}}` under `data` to read it as days since 1970-01-01, or leave it out"
            )
        }
        _ => format!(
            "correct the data; or, under `data`, write `columns: {{{name}: category}}`, or `columns: {{{name}: \
             {{missing_values: [\"…\"]}}}}` with the texts that mean a missing value"
        ),
    }
}

/// Numbers whose squares overflow or vanish: every variance of them would be wrong.
fn immoderate(table: &Table, column: &Column, values: &[f64], path: &str) -> Option<DatasetProblem> {
    let finite = || values.iter().copied().enumerate().filter(|(_, v)| v.is_finite());
    let (row, largest) = finite().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))?;
    let size = largest.abs();
    (size > LARGEST || (size > 0.0 && size < 1.0 / LARGEST)).then(|| {
        DatasetProblem::new(
            path,
            format!("the largest number of `{}` is {largest:e}, in row {}", column.name, count(table.place(row) + 1)),
            format!(
                "give it in other units, so that its largest number is between {:e} and {LARGEST:e}",
                1.0 / LARGEST
            ),
        )
    })
}

/// A level that could not be told from the values that are missing.
fn taken_level(column: &Column, path: &str, policy: MissingPolicy) -> Option<DatasetProblem> {
    let Data::Codes { levels, .. } = &column.data else { return None };
    let taken = policy == MissingPolicy::Indicator
        && column.missing() > 0
        && levels.iter().any(|level| level == super::MISSING_LEVEL);
    taken.then(|| {
        DatasetProblem::new(
            path,
            format!("`{}` has missing values, and also a level that is called `{}`", column.name, super::MISSING_LEVEL),
            "rename that level, so that it can be told from the values that are missing",
        )
    })
}
