//! The content of an experiment's report in its order, as plain text and tables; the template formats it.

use super::{ExperimentInput, first_page, more_tables, shown, tables, words};
use crate::record::experiment::ExperimentResults;
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
        ("links", links()),
        ("front", pictures(input, |kind| kind == ExperimentFigureKind::Effects)),
        ("pictures", pictures(input, |kind| kind != ExperimentFigureKind::Effects)),
    ]
}

fn details(results: &ExperimentResults) -> Vec<(&'static str, Value)> {
    let filled = |empty: bool, table: fn(&ExperimentResults) -> Table| optional((!empty).then(|| table(results)));
    let days = more_tables::days(results);
    let left_out = [
        ("segments", results.segments.is_empty()),
        ("treatment", results.first_stages.is_empty()),
        ("days", days.is_none()),
        ("refused", results.refused.is_empty()),
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
        ("refused", Value::from(results.refused.iter().map(words::refused).collect::<Vec<_>>())),
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

fn links() -> Value {
    let files = [
        ("effects.csv", "one row for each effect"),
        ("health.json", "everything that was known before an effect was"),
        ("results.json", "every number"),
    ];
    let link = |(file, holds)| object([("file", Value::from(file)), ("holds", Value::from(holds))]);
    Value::from(files.map(link).to_vec())
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
