//! The part of language models: their words, their grades beside the computed ones, the figures in
//! their words that nobody computed, and what they used up.

use crate::critique::flag_figures;
use crate::critique::quoted_figures;
use crate::finding::Tier;
use crate::record::critique::{Critique, Stage};
use crate::record::documents::{Conduct, ResultsDocument, RoleUsage};
use crate::record::model_review::{FlaggedFigure, ModelGrade, ModelReview, ReviewRecord};
use crate::report::table::{Column, Table};
use crate::report::view::{lines, object, table};
use crate::report::{model_sentences, sentences};
use crate::spec::Revision;
use minijinja::value::Value;

fn none() -> Value {
    Value::from(false)
}

/// The context of `templates/model.j2`: `false` where the critic is the rubric alone.
pub fn reviewed(critique: &Critique) -> Value {
    let Some(reviewed) = &critique.reviewed else { return none() };
    let entries = [
        ("by", Value::from(reviewed.by.as_str())),
        ("missing", reviewed.missing.as_deref().map_or(none(), |why| Value::from(model_sentences::missing(why)))),
    ];
    let Some(opinion) = &reviewed.opinion else {
        return super::merged(entries, vec![("grades", none())]);
    };
    let more = vec![
        ("grades", table(grades(critique, opinion))),
        ("disagreements", disagreements(reviewed)),
        ("said", Value::from(quotations(opinion))),
        ("checked", Value::from(checked(critique.stage, opinion, reviewed))),
        ("flagged", flags(&reviewed.flagged)),
    ];
    super::merged(entries, more)
}

fn grades(critique: &Critique, opinion: &ModelReview) -> Table {
    let mut table = Table::new(&[
        ("asked", Column::Words),
        ("computed grade", Column::Words),
        ("the model's grade", Column::Words),
        ("verdict that stands", Column::Words),
        ("the model's reason", Column::Quoted),
    ]);
    for analysis in &critique.analyses {
        let key = analysis.requested.key();
        // Models write the name of an estimand in every case.
        let mine = opinion.grades.iter().find(|grade| grade.requested.trim().to_lowercase() == key);
        table.push(vec![
            analysis.requested.acronym().to_owned(),
            sentences::tier(analysis.computed()).to_owned(),
            mine.map_or("none", grade).to_owned(),
            sentences::tier(analysis.tier).to_owned(),
            mine.map_or_else(String::new, |grade| grade.reason.clone()),
        ]);
    }
    table
}

fn grade(grade: &ModelGrade) -> &'static str {
    Tier::parse(&grade.credibility).map_or("not readable", sentences::tier)
}

fn disagreements(reviewed: &ReviewRecord) -> Value {
    let one = |d| {
        let (before, after) = model_sentences::disagreement(d);
        let reason = after.as_ref().map_or(none(), |_| Value::from(d.reason.as_str()));
        object([("before", Value::from(before)), ("reason", reason), ("after", Value::from(after.unwrap_or_default()))])
    };
    Value::from(reviewed.disagreements.iter().map(one).collect::<Vec<_>>())
}

/// Quotations: whose and about what, and the words.
fn quotations(opinion: &ModelReview) -> Vec<Value> {
    let group = |about: &str, texts: Vec<String>| quotation(format!("The model on {about}"), texts);
    let mut groups = vec![
        group("blind spots", opinion.blind_spots.clone()),
        group("plan, spec and executed analysis", vec![opinion.alignment.clone()]),
        group("the target trial", vec![opinion.trial_contrast.clone()]),
        group("other ways to learn the answer", opinion.alternatives.clone()),
    ];
    groups.extend((!opinion.remediations.is_empty()).then(|| group("remediations", opinion.remediations.clone())));
    groups.extend(opinion.grades.iter().map(|grade| {
        let asked = grade.requested.trim().to_uppercase();
        group(&format!("departures from the ATE, where the {asked} was asked"), vec![grade.departs_from_ate.clone()])
    }));
    groups
}

fn quotation(label: String, texts: Vec<String>) -> Value {
    object([("label", Value::from(label)), ("texts", lines(texts))])
}

/// Figures can be held against the results only when there are some.
fn checked(stage: Stage, opinion: &ModelReview, reviewed: &ReviewRecord) -> String {
    match stage {
        Stage::Design => "The figures in these words are held against results.json once the run has one.".to_owned(),
        Stage::Final => model_sentences::checked(quoted_figures::count(&opinion.lines()), reviewed.flagged.len()),
    }
}

/// Flagged lines in their order, each once with all its figures.
fn flags(flagged: &[FlaggedFigure]) -> Value {
    let mut grouped: Vec<(&FlaggedFigure, Vec<&str>)> = Vec::new();
    for one in flagged {
        match grouped.last_mut().filter(|(first, _)| first.place == one.place && first.line == one.line) {
            Some((_, figures)) => figures.push(&one.figure),
            None => grouped.push((one, vec![&one.figure])),
        }
    }
    let shown = grouped.into_iter().map(|(first, figures)| {
        object([
            ("place", Value::from(first.place.as_str())),
            ("line", Value::from(first.line.as_str())),
            ("figures", lines(figures.into_iter().map(str::to_owned).collect())),
        ])
    });
    Value::from(shown.collect::<Vec<_>>())
}

/// The actor's reasons behind the revisions of one spec.
pub fn reasons(iteration: u32, revisions: &[Revision]) -> Vec<Value> {
    let one = |r: &Revision| {
        let undone = if r.reverted { ", undone" } else { "" };
        let label = format!("The actor on iteration {iteration}, {}, {}{undone}", r.requested.acronym(), r.playbook);
        Some(quotation(label, vec![r.reason.clone()?]))
    };
    revisions.iter().filter_map(one).collect()
}

/// The actor's reasons behind every spec.
pub fn all_reasons(results: &ResultsDocument) -> Value {
    let all = results.specs_tried.iter().flat_map(|tried| reasons(tried.iteration, &tried.revisions));
    Value::from(all.collect::<Vec<_>>())
}

/// The context of `templates/model.j2` and `templates/reasons.j2` alone: (what the critic said, why the actor revised),
/// each `None` where there is nothing.
pub fn alone(results: &ResultsDocument) -> (Option<Value>, Option<Value>) {
    let context = || {
        object([
            ("reviewed", reviewed(&results.critique)),
            ("reasons", all_reasons(results)),
            ("conduct", conduct(results)),
            ("folded", Value::from(false)),
        ])
    };
    let reasoned = !flag_figures::reasons(results).is_empty();
    (results.critique.reviewed.as_ref().map(|_| context()), reasoned.then(context))
}

/// The part of language models: `false` if there were none.
pub fn conduct(results: &ResultsDocument) -> Value {
    let Some(conduct) = &results.conduct else { return none() };
    let figures = quoted_figures::count(&flag_figures::reasons(results));
    object([
        ("stopped", conduct.stopped.as_deref().map_or(none(), |budget| Value::from(model_sentences::stopped(budget)))),
        ("shortfalls", lines(conduct.shortfalls.iter().map(|line| sentences::sentence(line)).collect())),
        ("checked", Value::from(model_sentences::checked(figures, conduct.flagged.len()))),
        ("flagged", flags(&conduct.flagged)),
        ("usage", table(usage(conduct))),
        ("cost", Value::from(format!("Cost by the price table: {}.", model_sentences::cost(conduct)))),
    ])
}

fn usage(conduct: &Conduct) -> Table {
    let mut table = Table::new(&[
        ("role", Column::Words),
        ("language model", Column::Words),
        ("answers", Column::Number),
        ("tool calls", Column::Number),
        ("repairs", Column::Number),
        ("tokens in", Column::Number),
        ("of these from a cache", Column::Number),
        ("into a cache", Column::Number),
        ("tokens out", Column::Number),
    ]);
    let roles = model_sentences::roles(conduct);
    for (role, by, used) in &roles {
        table.push(cells(role, by, *used));
    }
    if roles.len() > 1 {
        table.push_strong(cells("together", "", model_sentences::total(conduct)));
    }
    table
}

fn cells(role: &str, by: &str, used: RoleUsage) -> Vec<String> {
    let counted = [
        u64::from(used.calls),
        u64::from(used.tool_calls),
        u64::from(used.repairs),
        used.input_tokens,
        used.cache_read_tokens,
        used.cache_write_tokens,
        used.output_tokens,
    ];
    [role.to_owned(), by.to_owned()].into_iter().chain(counted.map(model_sentences::tokens)).collect()
}
