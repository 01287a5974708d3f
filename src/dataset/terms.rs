//! Checks that the requested terms can be evaluated and vary.

use super::column::Column;
use super::error::DatasetProblem;
use super::evaluate::{Compiled, occurring};
use super::rows::Rows;
use crate::term::{Factor, Term};
use crate::text::lists::quoted;
use crate::text::numbers::count;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A column and the number that stands for its missing values.
pub(super) fn find<'a>(
    columns: &'a BTreeMap<String, Arc<Column>>,
    means: &BTreeMap<String, f64>,
    name: &str,
) -> Option<(&'a Column, f64)> {
    Some((columns.get(name)?.as_ref(), means.get(name).copied().unwrap_or(f64::NAN)))
}

/// Problems of the terms: values that never occur, powers of a category, no variation, not finite, too many.
pub(super) fn check(
    terms: &[Term],
    columns: &BTreeMap<String, Arc<Column>>,
    means: &BTreeMap<String, f64>,
    rows: &Rows,
    problems: &mut Vec<DatasetProblem>,
) {
    let distinct: BTreeSet<&Term> = terms.iter().collect();
    let mut constant: BTreeSet<&str> = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut found: Vec<(&Term, f64)> = Vec::new();
    for term in terms.iter().filter(|term| seen.insert(*term)) {
        // Columns that cannot be used have been reported already.
        if term.columns().iter().any(|name| !columns.contains_key(*name) || constant.contains(name)) {
            continue;
        }
        match Compiled::new(term, |name| find(columns, means, name)) {
            Err(problem) => problems.push(problem),
            Ok(compiled) => match variation(&compiled, rows.n) {
                Variation::Varies => {}
                Variation::NotFinite(row) => problems.push(not_finite(term, rows, row)),
                Variation::Constant(value) => {
                    // The powers of a constant are constant too; once is enough.
                    constant.extend(only_power(term));
                    found.push((term, value));
                }
            },
        }
    }
    problems.extend(no_variation(&found, columns));
    problems.extend(fewer_than_rows(distinct.len(), rows.n).err());
}

/// p < n, or no regression has an answer.
pub(super) fn fewer_than_rows(p: usize, n: usize) -> Result<(), DatasetProblem> {
    if p < n {
        return Ok(());
    }
    Err(DatasetProblem::new(
        "confounders",
        format!("there are {} terms for {} rows: more unknowns than units", count(p), count(n)),
        "name fewer confounders or terms (a category counts once per level), or bring more rows",
    ))
}

enum Variation {
    Varies,
    Constant(f64),
    NotFinite(usize),
}

/// Missing values that no policy has dealt with are reported elsewhere and skipped here.
fn variation(term: &Compiled<'_>, n: usize) -> Variation {
    let mut first = None;
    let mut varies = false;
    for row in 0..n {
        let value = term.at(row);
        if value.is_infinite() {
            return Variation::NotFinite(row);
        }
        if !value.is_nan() {
            varies |= *first.get_or_insert(value) != value;
        }
    }
    if varies { Variation::Varies } else { Variation::Constant(first.unwrap_or(f64::NAN)) }
}

fn only_power(term: &Term) -> Option<&str> {
    match term.factors.as_slice() {
        [Factor::Power { column, .. }] => Some(column),
        _ => None,
    }
}

fn path(term: &Term) -> String {
    term.columns().first().map_or_else(|| term.to_string(), |name| (*name).to_owned())
}

fn not_finite(term: &Term, rows: &Rows, row: usize) -> DatasetProblem {
    DatasetProblem::new(
        &path(term),
        format!("the term `{term}` is too large to compute in row {}", rows.number(row)),
        "bring the column to a smaller unit, or use a lower power",
    )
    .about(term)
}

/// One problem for all terms without variation.
fn no_variation(found: &[(&Term, f64)], columns: &BTreeMap<String, Arc<Column>>) -> Option<DatasetProblem> {
    let (first, _) = found.first()?;
    if let [(term, value)] = found {
        return Some(constant_term(term, *value, columns));
    }
    let names: Vec<String> = found.iter().map(|(term, _)| term.to_string()).collect();
    let problem = DatasetProblem::new(
        &path(first),
        format!("{} terms have one value in all analysed rows: {}", found.len(), quoted(&names, 12)),
        "a constant cannot confound anything: leave their columns out of the plan",
    );
    Some(problem.about(first))
}

fn constant_term(term: &Term, value: f64, columns: &BTreeMap<String, Arc<Column>>) -> DatasetProblem {
    let what = only_power(term).map_or_else(|| format!("the term `{term}`"), |column| format!("`{column}`"));
    let occurs = match term.factors.as_slice() {
        [Factor::Equals { column, .. }] => columns
            .get(column)
            .map(|c| format!("; in the analysed rows `{column}` has {}", occurring(c)))
            .unwrap_or_default(),
        _ => String::new(),
    };
    DatasetProblem::new(
        &path(term),
        format!("{what} is {value} in every analysed row{occurs}"),
        "a constant cannot confound anything: leave it out of the plan",
    )
    .about(term)
}
