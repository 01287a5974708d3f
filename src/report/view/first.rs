//! The first page as the templates see it.

use super::{ReportInput, lines, merged, models, object, seen_before, table};
use crate::record::documents::ResultsDocument;
use crate::report::first_page::{self, FirstPage};
use crate::report::plots::FigureKind;
use crate::report::table::{Column, Table};
use crate::text::escape;
use minijinja::value::Value;

/// The context of `templates/first_page.j2` alone.
pub fn context(input: &ReportInput<'_>) -> Value {
    merged([], entries(input).into_iter().collect())
}

/// Its entries.
pub fn entries(input: &ReportInput<'_>) -> [(&'static str, Value); 3] {
    let results = input.results;
    let page = first_page::first_page(results, input.plan);
    let front = figure(input);
    let link = |link: &first_page::Link| object([("file", Value::from(link.file)), ("holds", Value::from(link.holds))]);
    let links: Vec<Value> = page.links.iter().map(link).collect();
    let shown = object([
        ("answer", Value::from(page.answer.as_str())),
        ("tier", Value::from(page.tier.key())),
        ("caveats", lines(page.caveats.clone())),
        ("answers", table(answers(results, &page))),
        ("whom", lines(page.whom.clone())),
        ("pictures", input.pictures(|kind| Some(kind) == front)),
        ("sensitivity", Value::from(page.sensitivity.as_str())),
        ("identification", Value::from(page.identification.as_str())),
        ("links", Value::from(links)),
    ]);
    [("page", shown), ("conduct", models::conduct(results)), ("seen_before", Value::from(seen_before(results)))]
}

/// The figure of the first page: balance of the first answer that has one, else its overlap.
pub fn figure(input: &ReportInput<'_>) -> Option<FigureKind> {
    let there = |kind: &FigureKind| input.figures.iter().any(|placed| placed.figure.kind == *kind);
    let kinds =
        super::distinct(input.results).flat_map(|a| [FigureKind::Love(a.requested), FigureKind::Overlap(a.requested)]);
    kinds.into_iter().find(there)
}

fn answers(results: &ResultsDocument, page: &FirstPage) -> Table {
    let unit = escape::shortened(&escape::one_line(&results.units), 40);
    let estimate = format!("effect [95 % interval], {unit}");
    let mut columns = vec![("asked", Column::Words), ("answered", Column::Words), (estimate.as_str(), Column::Number)];
    let optional = page.optional_columns();
    columns.extend(optional.iter().map(|column| (column.title, Column::Number)));
    columns.push(("verdict", Column::Verdict));
    let mut table = Table::new(&columns);
    for row in &page.rows {
        let mut cells = vec![row.asked.acronym().to_owned(), row.answered.clone(), row.effect.clone()];
        cells.extend(optional.iter().map(|column| (column.cell)(row).to_owned()));
        cells.push(row.tier.key().to_owned());
        table.push(cells);
    }
    table
}
