//! Who the answers are for: sizes, and the priority confounders in the target population beside everyone.

use crate::record::documents::{Answer, ResultsDocument};
use crate::report::sentences;
use crate::report::table::{Column, Table};
use crate::text::numbers;

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
    for answer in super::distinct(results) {
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
    for answer in super::distinct(results) {
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

/// The sensitivity of every answer; what is the same for several stands once.
pub fn sensitivity(results: &ResultsDocument) -> Vec<String> {
    let said = super::distinct(results).flat_map(|answer| {
        let mut lines: Vec<String> = match &answer.sensitivity {
            Some(report) => sentences::sensitivity(report, &results.units),
            None => Vec::new(),
        };
        // Where the effect is not identified they stand beside the verdict.
        let known = answer.bounds.as_ref().filter(|_| !sentences::is_not_identified(results, answer.requested));
        lines.extend(known.map(|bounds| sentences::bounds(bounds, &results.units)));
        lines.into_iter().map(|line| (answer.name.as_str(), line))
    });
    sentences::grouped(said.collect())
}

/// Means of the priority confounders: everyone's, then those of each answer. `None` where there are none.
pub fn profile(results: &ResultsDocument) -> Option<Table> {
    let numbers = |answer: &&Answer| answer.population_numbers.as_ref().is_some_and(|p| !p.profile.is_empty());
    let answers: Vec<&Answer> = super::distinct(results).filter(numbers).collect();
    let rows = |answer: &Answer| answer.population_numbers.as_ref().map_or(Vec::new(), |p| p.profile.clone());
    let titles: Vec<String> = answers.iter().map(|answer| format!("mean, {}", answer.name)).collect();
    let mut columns = vec![("priority confounder", Column::Words), ("mean, everyone", Column::Number)];
    columns.extend(titles.iter().map(|title| (title.as_str(), Column::Number)));
    let mut table = Table::new(&columns);
    for (term, _, everyone) in answers.first().map(|answer| rows(answer))? {
        let of = |answer: &&Answer| {
            rows(answer).into_iter().find(|row| row.0 == term).map_or("–".to_owned(), |row| mean(row.1))
        };
        let means: Vec<String> = answers.iter().map(of).collect();
        table.push([term.clone(), mean(everyone)].into_iter().chain(means).collect());
    }
    Some(table)
}

/// Means of shares and of dollars in one column: three digits after the point for the small, none for the large.
fn mean(value: f64) -> String {
    match value.abs() {
        size if size < 10.0 => numbers::fixed(value, 3),
        size if size < 1000.0 => numbers::fixed(value, 1),
        _ => numbers::fixed(value, 0),
    }
}
