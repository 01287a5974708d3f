//! The content of an experiment's report in its order, as plain text and tables; the template formats it.

use super::{ExperimentInput, first_page, logged_tables, logged_words, more_tables, shown, tables, words};
use crate::record::experiment::ExperimentResults;
use crate::record::logged_actions::LoggedAnswers;
use crate::report::plots::experiment::ExperimentFigureKind;
use crate::report::table::Table;
use crate::report::template::Picture;
use minijinja::value::Value;
use std::collections::BTreeMap;

/// The context of `templates/experiment.j2`.
pub fn context(input: &ExperimentInput<'_>) -> Value {
    let results = input.results;
    let entries = first(input).into_iter().chain(details(results));
    Value::from(entries.collect::<BTreeMap<&'static str, Value>>())
}

fn first(input: &ExperimentInput<'_>) -> Vec<(&'static str, Value)> {
    let results = input.results;
    let page = first_page::first_page(results);
    let deciding = (!page.metrics.is_empty()).then(|| tables::deciding(results, &page));
    let decisions = page.decisions.iter().map(|line| {
        object([
            ("arm", Value::from(line.arm.as_str())),
            ("verdict", Value::from(line.verdict.key())),
            ("reason", Value::from(line.reason.as_str())),
        ])
    });
    vec![
        ("title", Value::from(results.title.as_str())),
        ("question", Value::from(results.question.as_str())),
        ("decisions", Value::from(decisions.collect::<Vec<_>>())),
        ("told", Value::from(page.told.clone())),
        ("deciding", optional(deciding)),
        ("tier", Value::from(page.tier.key())),
        ("caveats", Value::from(page.caveats.clone())),
        ("whom", Value::from(page.whom.clone())),
        ("identification", Value::from(page.identification.clone())),
        ("logged", logged(results)),
        ("links", links(results)),
        ("front", pictures(input, |kind| kind == ExperimentFigureKind::Effects)),
        ("pictures", pictures(input, |kind| kind != ExperimentFigureKind::Effects)),
    ]
}

fn details(results: &ExperimentResults) -> Vec<(&'static str, Value)> {
    let filled = |empty: bool, table: fn(&ExperimentResults) -> Table| optional((!empty).then(|| table(results)));
    let days = more_tables::days(results);
    let mut refused: Vec<String> = results.refused.iter().map(words::refused).collect();
    refused.extend(logged_words::refusals(results));
    let left_out = [
        ("segments", results.segments.is_empty()),
        ("treatment", results.first_stages.is_empty()),
        ("logged_actions", results.logged_answers.is_none()),
        ("logged_audit", results.logged_audit.is_none()),
        ("days", days.is_none()),
        ("refused", refused.is_empty()),
    ];
    let left_out = left_out.iter().filter(|(_, empty)| *empty).map(|(id, _)| (*id).to_owned());
    vec![
        ("left_out", Value::from(left_out.collect::<Vec<_>>())),
        (
            "health",
            Value::from_object(tables::health(
                &results.health.checks.iter().chain(&results.checks_of_effects).cloned().collect::<Vec<_>>(),
            )),
        ),
        ("effects_note", Value::from(effects_note(results))),
        ("effects", Value::from_object(tables::effects(results))),
        ("segments", filled(results.segments.is_empty(), tables::segments)),
        ("compliance", Value::from(words::compliance(results.health.design.compliance))),
        ("stages", filled(results.first_stages.is_empty(), more_tables::stages)),
        ("anderson_rubin", optional(more_tables::anderson_rubin(results))),
        ("compliers", optional(more_tables::compliers(results))),
        ("days_note", Value::from(days_note(results))),
        ("phases", Value::from(super::phases::sentences(results))),
        ("days_without", Value::from(more_tables::days_without(results))),
        ("days", optional(days)),
        ("looks_note", Value::from(words::looks(results.looks_planned))),
        ("looks", Value::from_object(more_tables::looks(results))),
        ("refused", Value::from(refused)),
        ("values", Value::from_object(tables::values(results))),
        ("counters", Value::from_object(tables::counters(results))),
        ("provenance", Value::from_object(more_tables::provenance(results))),
    ]
}

fn effects_note(results: &ExperimentResults) -> String {
    let level = shown::level(results);
    let anytime = if results.effects.iter().any(|row| row.anytime.is_some()) {
        " The confidence sequence holds at any number of looks, the interval beside it at one."
    } else {
        ""
    };
    format!(
        "Means of control and arm are raw; effects are adjusted as the plan says, with {level} intervals. A relative effect is a share of the mean under control, and a dash stands where that mean may be 0.{anytime}"
    )
}

fn days_note(results: &ExperimentResults) -> &'static str {
    if results.days.iter().any(|day| !day.cumulative.is_empty()) {
        "Units and effects of everyone assigned up to a day, with the interval that decides."
    } else {
        "Units and effects of each period, with the interval that decides."
    }
}

/// The log of decisions: false where the plan has none.
fn logged(results: &ExperimentResults) -> Value {
    let Some(audit) = &results.logged_audit else { return Value::from(false) };
    let (level, alpha) = (shown::level(results), results.health.design.alpha);
    let answers = results.logged_answers.as_ref();
    let table = |made: fn(&LoggedAnswers, &str) -> Option<Table>| optional(answers.and_then(|it| made(it, &level)));
    object([
        ("tier", Value::from(audit.tier.key())),
        ("whose", Value::from(logged_words::whose(audit))),
        ("told", Value::from(answers.map(|it| logged_words::told(it, alpha)).unwrap_or_default())),
        ("doubts", Value::from(logged_words::doubts(audit))),
        ("assumed", Value::from(logged_words::assumed(audit))),
        ("policies", table(logged_tables::policies)),
        ("steps", table(logged_tables::steps)),
        ("together", table(logged_tables::together)),
        ("overlap", optional(logged_tables::overlap(audit))),
        ("log", Value::from_object(logged_tables::log(audit))),
        ("checks", Value::from_object(logged_tables::checks(audit))),
    ])
}

fn links(results: &ExperimentResults) -> Value {
    let mut files = vec![
        ("effects.csv", "one row for each effect"),
        ("health.json", "everything that was known before an effect was"),
        ("results.json", "every number"),
    ];
    if results.logged_audit.is_some() {
        files.insert(2, ("logged_actions.json", "what was known of the log of decisions before a reward was"));
    }
    let link = |(file, holds)| object([("file", Value::from(file)), ("holds", Value::from(holds))]);
    Value::from(files.into_iter().map(link).collect::<Vec<_>>())
}

fn pictures(input: &ExperimentInput<'_>, wanted: fn(ExperimentFigureKind) -> bool) -> Value {
    let shown = input.figures.iter().filter(|placed| wanted(placed.figure.kind)).map(|placed| {
        Value::from_object(Picture {
            path: placed.path.clone(),
            alternative: format!("{}. {}", placed.figure.title, placed.figure.description),
            svg: String::from_utf8_lossy(&placed.figure.svg).into_owned(),
        })
    });
    Value::from(shown.collect::<Vec<_>>())
}

fn optional(table: Option<Table>) -> Value {
    table.map_or(Value::from(false), Value::from_object)
}

fn object<const N: usize>(entries: [(&'static str, Value); N]) -> Value {
    Value::from(BTreeMap::from(entries))
}
