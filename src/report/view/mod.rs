//! The content of the report and the critique, in their order, as plain text and tables; `template` formats it.

mod critique;
mod estimates;
mod first;
mod models;
mod notes;
mod populations;
mod provenance;

pub(super) use crate::report::view::models::alone as voices_alone;
pub(super) use critique::critique_context;
pub(super) use first::{context as first_page_context, figure as front_figure};

use super::plots::{Figure, FigureKind};
use super::table::Table;
use crate::critique::earlier;
use crate::plan::Plan;
use crate::record::documents::{Answer, ResultsDocument};
use crate::report::model_sentences::how_graded;
use crate::report::sentences;
use crate::report::template::Picture;
use causal::estimand::Target;
use minijinja::value::Value;
use std::collections::BTreeMap;

/// A figure and the file it is written to, relative to the document that shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct PlacedFigure<'a> {
    /// File of the SVG, e.g. `plots/love_ate.svg`.
    pub path: String,
    /// The figure.
    pub figure: &'a Figure,
}

/// Everything the report is made of.
#[derive(Debug, Clone, Copy)]
pub struct ReportInput<'a> {
    /// The results.
    pub results: &'a ResultsDocument,
    /// The plan, for its prose.
    pub plan: &'a Plan,
    /// Figures, in the order in which they are shown.
    pub figures: &'a [PlacedFigure<'a>],
}

impl ReportInput<'_> {
    fn pictures(&self, wanted: impl Fn(FigureKind) -> bool) -> Value {
        let shown = self.figures.iter().filter(|placed| wanted(placed.figure.kind)).map(|placed| {
            Value::from_object(Picture {
                path: placed.path.clone(),
                alternative: format!("{}. {}", placed.figure.title, placed.figure.description),
                svg: String::from_utf8_lossy(&placed.figure.svg).into_owned(),
            })
        });
        Value::from(shown.collect::<Vec<_>>())
    }
}

/// The analyses that were unblinded before, with their answers; nothing if there were none.
fn seen_before(results: &ResultsDocument) -> String {
    let before = &results.unblinded_before;
    if before.is_empty() {
        return String::new();
    }
    let told: Vec<String> = before.iter().map(earlier::answers).collect();
    format!(
        "{} {} What is asked and adjusted for may have been chosen with those answers in view, so no verdict is better than with caveats.",
        earlier::count(before.len() + 1),
        told.join(" ")
    )
}

/// The answers without those that are printed as the answer to another question of the plan.
fn distinct(results: &ResultsDocument) -> impl Iterator<Item = &Answer> {
    results.answers.iter().filter(|answer| sentences::same_answer(results, answer).is_none())
}

/// The context of `templates/report.j2`.
pub(super) fn report_context(input: &ReportInput<'_>) -> Value {
    let (results, plan) = (input.results, input.plan);
    let last = &results.critique;
    let front = first::figure(input);
    let designs = |kind: FigureKind| {
        let of_a_design = matches!(kind, FigureKind::Love(_) | FigureKind::Overlap(_));
        of_a_design && Some(kind) != front && distinct(results).any(|answer| is_design_of(kind, answer.requested))
    };
    let contours = |kind: FigureKind| distinct(results).any(|a| kind == FigureKind::Sensitivity(a.requested));
    let left_out = if last.reviewed.is_some() { Vec::new() } else { vec!["model".to_owned()] };
    let entries = [
        ("title", Value::from(results.title.as_str())),
        ("question", Value::from(plan.question.as_str())),
        ("left_out", lines(left_out)),
        ("folded", Value::from(true)),
        ("how_graded", Value::from(how_graded(results))),
        ("reasons", models::all_reasons(results)),
        ("switched", lines(notes::all_switched(results))),
        ("answered_by", lines(notes::answered_by(results, plan))),
        ("forest", input.pictures(|kind| kind == FigureKind::Forest)),
        ("designs", input.pictures(designs)),
        ("populations", table(populations::sizes(results))),
        ("profile", populations::profile(results).map_or(Value::from(false), table)),
        ("propensities", table(populations::propensities(results))),
        ("sensitivity", lines(populations::sensitivity(results))),
        ("contours", input.pictures(contours)),
        ("sensitivity_note", Value::from(sentences::SENSITIVITY)),
        ("checks", table(critique::checks(last))),
        ("specs_count", Value::from(provenance::specs_count(results))),
        ("blinding", Value::from(provenance::blinding(plan, results))),
        ("specs", table(provenance::specs(results))),
        ("estimates", Value::from(results.answers.iter().map(|a| estimates::group(a, results)).collect::<Vec<_>>())),
        ("estimate_notes", lines(estimates::notes(results))),
        ("missing_policy", Value::from(sentences::missing_policy(plan.data.missing))),
        ("rows", table(provenance::rows(results))),
        ("provenance", table(provenance::hashes(results, plan))),
        ("commands", Value::from(provenance::commands(results))),
    ];
    let shared = critique::shared(last, plan).into_iter().chain(first::entries(input));
    merged(entries, shared.collect())
}

fn is_design_of(kind: FigureKind, requested: Target) -> bool {
    kind == FigureKind::Love(requested) || kind == FigureKind::Overlap(requested)
}

fn merged<const N: usize>(entries: [(&'static str, Value); N], more: Vec<(&'static str, Value)>) -> Value {
    Value::from(entries.into_iter().chain(more).collect::<BTreeMap<&'static str, Value>>())
}

fn object<const N: usize>(entries: [(&'static str, Value); N]) -> Value {
    merged(entries, Vec::new())
}

fn table(table: Table) -> Value {
    Value::from_object(table)
}

fn lines(lines: Vec<String>) -> Value {
    Value::from(lines)
}
