//! The columns that an analysis uses, their purposes, and the reasons for which one cannot be used.

use super::Table;
use super::analyse::Request;
use super::column::{Column, Data};
use super::error::DatasetProblem;
use crate::plan::MissingPolicy;
use crate::text::lists::{counted, did_you_mean};
use crate::text::numbers::count;
use std::collections::{BTreeMap, HashMap};
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
        if let Some(problem) = unusable(column, *role, path) {
            problems.push(problem);
            continue;
        }
        // A column in two roles is counted once, under the first.
        let first = usable.insert(name.clone(), Arc::clone(column)).is_none();
        problems.extend(missing(column, *role, path, request.missing).filter(|_| first));
    }
    usable
}

fn unusable(column: &Column, role: Role, path: &str) -> Option<DatasetProblem> {
    // Ids are told apart and never computed with: numbers beyond 2^53 and mixed text will do.
    if let (Some(obstacle), true) = (&column.obstacle, !matches!(role, Role::UnitId | Role::Clusters)) {
        return Some(DatasetProblem::new(
            path,
            format!("`{}` {obstacle}", column.name),
            format!(
                "correct the data, or say in `data.columns` how to read `{}`: `type: category` or `type: number`",
                column.name
            ),
        ));
    }
    let n = match &column.data {
        Data::Numbers(v) => v.len(),
        Data::Codes { codes, .. } => codes.len(),
        Data::Opaque { .. } => return None,
    };
    if column.missing() == n {
        return Some(DatasetProblem::new(
            path,
            format!("`{}` has no value at all: all {} are missing", column.name, count(n)),
            "fill the column, or leave it out of the plan",
        ));
    }
    let Data::Numbers(values) = &column.data else { return None };
    if let Some(problem) = immoderate(column, values, path) {
        return Some(problem);
    }
    let row = values.iter().position(|v| v.is_infinite())?;
    let infinite = values.iter().filter(|v| v.is_infinite()).count();
    Some(DatasetProblem::new(
        path,
        format!("`{}` has {}, the first in row {}", column.name, counted(infinite, "infinite value"), count(row + 1)),
        "an infinite value is not a measurement: correct it, or leave it empty and say in `data.missing` what to do",
    ))
}

/// Numbers whose squares overflow or vanish: every variance of them would be wrong.
fn immoderate(column: &Column, values: &[f64], path: &str) -> Option<DatasetProblem> {
    let finite = || values.iter().copied().enumerate().filter(|(_, v)| v.is_finite());
    let (row, largest) = finite().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))?;
    let size = largest.abs();
    (size > LARGEST || (size > 0.0 && size < 1.0 / LARGEST)).then(|| {
        DatasetProblem::new(
            path,
            format!("the largest number of `{}` is {largest:e}, in row {}", column.name, count(row + 1)),
            format!(
                "give it in other units, so that its largest number is between {:e} and {LARGEST:e}",
                1.0 / LARGEST
            ),
        )
    })
}

/// A missing value where the policy does not allow one.
fn missing(column: &Column, role: Role, path: &str, policy: MissingPolicy) -> Option<DatasetProblem> {
    let missing = column.missing();
    let imputable = role == Role::Covariate;
    if let (MissingPolicy::Indicator, true, Data::Codes { levels, .. }) = (policy, missing > 0, &column.data)
        && levels.iter().any(|level| level == super::MISSING_LEVEL)
    {
        return Some(DatasetProblem::new(
            path,
            format!("`{}` has missing values, and also a level that is called `{}`", column.name, super::MISSING_LEVEL),
            "rename that level, so that it can be told from the values that are missing",
        ));
    }
    // A placebo is tested on the rows that have it; the report says so.
    let tolerable = imputable || role == Role::Placebo;
    if missing == 0 || policy == MissingPolicy::Drop || (policy == MissingPolicy::Indicator && tolerable) {
        return None;
    }
    let rows = format!("`{}` has {}", column.name, counted(missing, "missing value"));
    Some(if imputable {
        DatasetProblem::new(
            path,
            rows,
            "complete the data, or write `missing: drop` (rows with missing values are left out and counted) or \
             `missing: indicator` (mean and indicator term) under `data`",
        )
    } else {
        DatasetProblem::new(
            path,
            format!(
                "{rows}, and it is not a covariate, so nothing can stand in for {}",
                if missing == 1 { "it" } else { "them" }
            ),
            "complete the data, or write `missing: drop` under `data` to leave those rows out, counted",
        )
    })
}
