//! Every estimate of every iteration: whose effect, by which learners, with every standard error there is.

use super::{object, table};
use crate::record::documents::{Answer, EffectRow, ResultsDocument};
use crate::report::sentences;
use crate::report::table::{Column, Table};
use crate::text::numbers;
use minijinja::value::Value;

/// One requested estimand as the template sees it.
pub fn group(answer: &Answer, results: &ResultsDocument) -> Value {
    let twin = sentences::same_answer(results, answer);
    // What became the answer to another question of the plan is listed there.
    let elsewhere = |row: &EffectRow| {
        let there = results.effects.iter().filter(|other| twin.is_some_and(|twin| other.requested == twin.requested));
        there.into_iter().any(|other| sentences::is_same(&other.effect, &row.effect))
    };
    let own = results.effects.iter().filter(|row| row.requested == answer.requested);
    let rows: Vec<&EffectRow> = own.filter(|row| !elsewhere(row)).collect();
    let shown = if rows.is_empty() { Value::from(false) } else { table(estimates(answer, &rows, &results.units)) };
    object([("heading", Value::from(sentences::asked_and_answered(answer))), ("table", shown)])
}

fn estimates(answer: &Answer, rows: &[&EffectRow], units: &str) -> Table {
    let estimate = format!("estimate [95 % interval], {units}");
    let mut table = Table::new(&[
        ("iteration", Column::Number),
        ("estimand", Column::Words),
        ("estimator", Column::Words),
        ("learners", Column::Words),
        (&estimate, Column::Number),
        ("SE", Column::Number),
        ("SE from", Column::Words),
        ("SE, stacked", Column::Number),
        ("SE, influence", Column::Number),
        ("disagreement", Column::Number),
        ("clipped", Column::Number),
        ("rows", Column::Number),
        ("effective treated", Column::Number),
        ("effective controls", Column::Number),
    ]);
    for row in rows {
        let cells = cells(row);
        if row.primary && row.iteration == answer.iteration { table.push_strong(cells) } else { table.push(cells) }
    }
    table
}

fn cells(row: &EffectRow) -> Vec<String> {
    let e = &row.effect;
    let digits = numbers::decimals(e.std_error);
    let error = |se: Option<f64>| se.map_or("–".to_owned(), |se| numbers::fixed(se, digits));
    let benchmark = if e.estimator.is_benchmark() { " (benchmark)" } else { "" };
    vec![
        row.iteration.to_string(),
        sentences::about(&row.name, e),
        format!("{}{benchmark}", e.estimator.title()),
        row.learners.clone(),
        numbers::interval(e.estimate, e.std_error, e.ci_lower, e.ci_upper),
        error(Some(e.std_error)),
        sentences::se_method(e.se_method).to_owned(),
        error(e.se_stacked),
        error(e.se_influence),
        error(e.disagreement),
        numbers::count(e.clipped),
        numbers::count(e.n),
        numbers::effective(e.ess_treated),
        numbers::effective(e.ess_control),
    ]
}

/// Standard errors that part, and estimators that could not be run.
pub fn notes(results: &ResultsDocument) -> Vec<String> {
    let apart: Vec<(String, &str)> =
        results.effects.iter().filter_map(|row| sentences::standard_errors(&label(row), &row.effect)).collect();
    let mut said: Vec<String> = apart.iter().map(|note| note.0.clone()).collect();
    if !apart.is_empty() {
        said.push("Of these two errors trust the stacked one: it carries the estimation of the models.".to_owned());
        let mut reasons: Vec<&str> = apart.iter().map(|note| note.1).collect();
        reasons.sort_unstable();
        reasons.dedup();
        said.extend(reasons.into_iter().map(str::to_owned));
    }
    let told = results.effects.iter().filter(|row| !row.effect.notes.is_empty());
    said.extend(told.map(|row| format!("{}: {}.", label(row), row.effect.notes.join("; "))));
    said.extend(results.estimation_notes.iter().map(|note| format!("Left out: {note}.")));
    said.extend(results.not_estimated.iter().map(|why| format!("Not estimated: {why}")));
    said
}

fn label(row: &EffectRow) -> String {
    format!("Iteration {}, {}, {}", row.iteration, row.name, row.effect.estimator.title())
}
