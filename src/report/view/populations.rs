//! Who the answers are for: sizes, and the priority confounders in the target population beside everyone.

use crate::record::documents::{Answer, PopulationDocument, ResultsDocument};
use crate::report::plots::FigureKind;
use crate::report::sentences;
use crate::report::table::{Column, Table};
use crate::report::view::{ReportInput, lines, object, table};
use crate::text::numbers;
use minijinja::value::Value;

pub fn sizes(results: &ResultsDocument) -> Table {
    let mut table = Table::new(&[
        ("answer", Column::Words),
        ("rows", Column::Number),
        ("treated", Column::Number),
        ("controls", Column::Number),
        ("share kept", Column::Number),
        ("effective treated", Column::Number),
        ("effective controls", Column::Number),
    ]);
    for answer in &results.answers {
        let effective = |of: fn(&causal::effect::Effect) -> f64| {
            answer.effect.as_ref().map_or("–".to_owned(), |effect| numbers::effective(of(effect)))
        };
        let mut cells = vec![sentences::asked_and_answered(answer)];
        match &answer.population_numbers {
            Some(p) => cells.extend([
                numbers::count(p.n),
                numbers::count(p.n_treated),
                numbers::count(p.n_control),
                numbers::percent(p.share_kept),
            ]),
            None => cells.extend(std::iter::repeat_n("–".to_owned(), 4)),
        }
        cells.extend([effective(|e| e.ess_treated), effective(|e| e.ess_control)]);
        table.push(cells);
    }
    table
}

/// The propensity model behind each answer.
pub fn propensities(results: &ResultsDocument) -> Table {
    let mut table = Table::new(&[
        ("answer", Column::Words),
        ("propensity by", Column::Words),
        ("steps, rounds or sweeps", Column::Words),
        ("log-loss", Column::Number),
        ("AUC", Column::Number),
        ("clipped", Column::Number),
        ("propensity fits not converged", Column::Number),
    ]);
    for answer in &results.answers {
        let Some(model) = &answer.propensity else { continue };
        let out_of_fold = if model.clip.is_some() { ", out of fold" } else { "" };
        let clipped = match model.clip {
            Some(bound) => format!("{} at {bound}", numbers::count(model.clipped)),
            None => "0".to_owned(),
        };
        table.push(vec![
            sentences::asked_and_answered(answer),
            format!("{}{out_of_fold}", model.learner),
            model.iterations.iter().map(usize::to_string).collect::<Vec<_>>().join(", "),
            numbers::fixed(model.log_loss, 3),
            numbers::fixed(model.auc, 3),
            clipped,
            numbers::count(model.not_converged.len()),
        ]);
    }
    table
}

/// One answer as the templates see it.
pub fn answer(answer: &Answer, input: &ReportInput<'_>) -> Value {
    let mut sensitivity: Vec<String> = match &answer.sensitivity {
        Some(report) => sentences::sensitivity(report, &input.results.units),
        None => answer.missing.iter().map(|why| sentences::sentence(why)).collect(),
    };
    // Where the effect is not identified they stand beside the verdict.
    let known = answer.bounds.as_ref().filter(|_| !sentences::is_not_identified(input.results, answer.requested));
    sensitivity.extend(known.map(|bounds| sentences::bounds(bounds, &input.results.units)));
    let profile = answer.population_numbers.as_ref().filter(|p| !p.profile.is_empty());
    object([
        ("heading", Value::from(sentences::asked_and_answered(answer))),
        ("population", Value::from(population(answer))),
        ("profile", profile.map_or(Value::from(false), |p| table(profile_table(answer, p)))),
        ("sensitivity", lines(sensitivity)),
        ("pictures", input.pictures(|kind| kind == FigureKind::Sensitivity(answer.requested))),
    ])
}

fn population(answer: &Answer) -> String {
    let sentence = sentences::sentence(&answer.population);
    let Some(p) = &answer.population_numbers else { return sentence };
    match (p.alpha_lower, p.alpha_upper) {
        (Some(low), Some(high)) => format!(
            "{sentence} Trimming kept propensities from {} to {} and left out {} treated and {} controls.",
            numbers::significant(low, 3),
            numbers::significant(high, 3),
            numbers::count(p.trimmed_treated),
            numbers::count(p.trimmed_control)
        ),
        _ => sentence,
    }
}

fn profile_table(answer: &Answer, population: &PopulationDocument) -> Table {
    let here = format!("mean, {}", answer.name);
    let mut table = Table::new(&[
        ("priority confounder", Column::Words),
        (&here, Column::Number),
        ("mean, everyone", Column::Number),
    ]);
    for (term, target, everyone) in &population.profile {
        table.push(vec![term.clone(), mean(*target), mean(*everyone)]);
    }
    table
}

/// Means of shares and of dollars in one column: three digits after the point for the small, none for the large.
fn mean(value: f64) -> String {
    match value.abs() {
        size if size < 10.0 => numbers::fixed(value, 3),
        size if size < 1000.0 => numbers::fixed(value, 1),
        _ => numbers::fixed(value, 0),
    }
}
