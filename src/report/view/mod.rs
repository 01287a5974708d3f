//! The content of the report and the critique, in their order, as plain text and tables; `template` formats it.

mod critique;
mod estimates;
mod models;
mod populations;
mod provenance;

pub(super) use crate::report::view::models::alone as voices_alone;
pub(super) use critique::critique_context;

use super::plots::{Figure, FigureKind};
use super::table::{Column, Table};
use crate::critique::earlier;
use crate::plan::Plan;
use crate::record::documents::{Answer, ResultsDocument};
use crate::report::model_sentences::{how_graded, lowered};
use crate::report::sentences;
use crate::report::template::Picture;
use crate::text::lists;
use crate::text::{escape, numbers};
use causal::estimand::Inference;
use causal::estimand::Target;
use minijinja::value::Value;
use std::collections::BTreeMap;

/// A figure and the file it is written to, relative to the document that shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct PlacedFigure<'a> {
    /// File of the SVG, e.g. `iter_02/plots/love_ate.svg`.
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

/// The context of `templates/report.j2`.
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

pub(super) fn report_context(input: &ReportInput<'_>) -> Value {
    let (results, plan) = (input.results, input.plan);
    let last = &results.critique;
    let analyses = last
        .analyses
        .iter()
        .map(|analysis| critique::analysis(analysis, input.pictures(|kind| is_design_of(kind, analysis.requested))));
    let entries = [
        ("title", Value::from(results.title.as_str())),
        ("question", Value::from(plan.question.as_str())),
        ("seen_before", Value::from(seen_before(results))),
        ("verdicts", table(verdicts(results))),
        ("conduct", models::conduct(results)),
        ("how_graded", Value::from(how_graded(results))),
        ("reasons", models::all_reasons(results)),
        ("verdict_notes", lines(verdict_notes(results))),
        ("forest", input.pictures(|kind| kind == FigureKind::Forest)),
        ("populations", table(populations::sizes(results))),
        ("propensities", table(populations::propensities(results))),
        ("answers", Value::from(results.answers.iter().map(|a| populations::answer(a, input)).collect::<Vec<_>>())),
        ("analyses", Value::from(analyses.collect::<Vec<_>>())),
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
    merged(entries, critique::shared(last, plan))
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

fn verdicts(results: &ResultsDocument) -> Table {
    let unit = escape::shortened(&escape::one_line(&results.units), 40);
    let estimate = format!("estimate [95 % interval], {unit}");
    let mut table = Table::new(&[
        ("asked", Column::Words),
        ("answered", Column::Words),
        (&estimate, Column::Number),
        ("verdict", Column::Words),
        ("for whom", Column::Words),
    ]);
    for answer in &results.answers {
        let interval = sentences::interval(results, answer);
        table.push(vec![
            answer.requested.acronym().to_owned(),
            answer.name.clone(),
            interval,
            sentences::tier(answer.tier).to_owned(),
            answer.population.clone(),
        ]);
    }
    table
}

/// The estimate of a one-shot linear regression on every analysed row, beside the answer.
fn one_shot(results: &ResultsDocument, answer: &Answer) -> Option<String> {
    let effect = answer.effect.as_ref()?;
    let mut rows = results.effects.iter().filter(|row| row.requested == answer.requested);
    let row = rows.find(|row| row.effect.estimator.is_pooled_regression())?;
    let said = sentences::effect(&row.effect, &results.units);
    let answered = sentences::effect(effect, &results.units);
    Some(format!(
        "{}: a one-shot linear regression on all rows would have said {said}; the answer is {answered}.",
        answer.name
    ))
}

/// That the answer is to another question, which playbook changed it and why; the estimates for the one asked are kept.
fn switched(results: &ResultsDocument, answer: &Answer) -> Option<String> {
    let asked = answer.requested.acronym();
    if answer.name == asked {
        return None;
    }
    // A decision that was undone did not switch the estimand.
    let revisions = results.specs_tried.iter().flat_map(|spec| &spec.revisions).filter(|r| !r.reverted);
    let of = revisions.filter(|r| r.requested == answer.requested);
    let steps: Vec<String> = of.map(|r| format!("`{}` because of {}", r.playbook, lists::listed(&r.because))).collect();
    let by = if steps.is_empty() { String::new() } else { format!(" The loop applied {}.", lists::listed(&steps)) };
    Some(format!(
        "Asked for the {asked}, the run answers for the {}.{by} What was estimated for the {asked} before is among all \
         estimates below, with its own verdict in the list of specs.",
        answer.name
    ))
}

/// By which estimator and why, about whom the interval is, and how far the members of an average are apart.
fn answered_by(answer: &Answer, units: &str) -> Option<String> {
    let effect = answer.effect.as_ref()?;
    let whom = match effect.inference {
        Inference::Population => "the population that these rows were drawn from",
        Inference::Sample => "the average effect among these very rows",
    };
    let members = effect.disagreement.map_or_else(String::new, |size| {
        let size = numbers::fixed(size, numbers::decimals(effect.std_error));
        format!(" Its two members, boosting and BART, are {} apart.", sentences::with_units(&size, units))
    });
    Some(format!(
        "{}: answered by {} (standard error {}); the interval is about {whom}.{members} {}",
        answer.name,
        effect.estimator.title(),
        numbers::fixed(effect.std_error, numbers::decimals(effect.std_error)),
        answer.because
    ))
}

/// Remarks that the table has no room for: why something is missing, and that an answer is not to the question asked.
fn verdict_notes(results: &ResultsDocument) -> Vec<String> {
    let mut notes = Vec::new();
    for answer in &results.answers {
        let asked = answer.requested.acronym();
        notes.extend(lowered(results, answer.requested));
        notes.extend(sentences::bounds_instead(results, answer));
        notes.extend(switched(results, answer));
        notes.extend(answered_by(answer, &results.units));
        notes.extend(one_shot(results, answer));
        notes.extend(answer.missing.iter().map(|why| format!("{asked}: {}", sentences::sentence(why))));
    }
    notes
}
