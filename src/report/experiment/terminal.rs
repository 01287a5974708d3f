//! The first page of an experiment in a terminal, for 80 columns and more, with and without colour.

use super::first_page::{self, FirstPage, MetricLine};
use super::{logged_words, tables, words};
use crate::record::experiment::ExperimentResults;
use crate::report::badge::Badge;
use crate::report::terminal::{NARROWEST, mark, painted, wrapped};
use crate::text::terminal::TerminalText;
use crate::text::{escape, numbers};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

/// From this width on the table has a column for the role.
const WIDE: usize = 100;

/// Requests that were refused, as many as a first page has room for.
const MOST_REFUSED: usize = 5;

/// The first page. `width` is that of the terminal, in columns; the library does not look for it.
#[must_use]
pub fn first_page(results: &ExperimentResults, width: usize, color: bool) -> TerminalText {
    let width = width.max(NARROWEST);
    let page = first_page::first_page(results);
    let mut out = String::new();
    for decision in &page.decisions {
        let badge = Badge::Decision(decision.verdict);
        let said = escape::one_line(&format!("`{}`: {}", decision.arm, decision.reason));
        out.push_str(&wrapped(&format!("{} {said}", mark(badge.tone(), &badge.to_plain())), width));
    }
    if page.decisions.is_empty() {
        out.push_str(&wrapped("No arm could be decided on.", width));
    }
    let list = |lines: &[String]| -> String {
        lines.iter().map(|line| wrapped(&format!("  - {}", escape::one_line(line)), width)).collect()
    };
    out.push_str(&list(&page.told));
    if !page.metrics.is_empty() {
        out.push_str(&table(results, &page, width));
    }
    out.push_str(&list(&more_units(results, &page.metrics)));
    let grade = Badge::Tier(page.tier);
    out.push_str(&wrapped(&format!("Randomisation: {}", mark(grade.tone(), &grade.to_plain())), width));
    out.push_str(&list(&page.caveats));
    if let Some(audit) = &results.logged_audit {
        let grade = Badge::Tier(audit.tier);
        out.push_str(&wrapped(
            &format!("Log of the agent's decisions: {}", mark(grade.tone(), &grade.to_plain())),
            width,
        ));
        out.push_str(&list(&logged_words::whose(audit)));
        let alpha = results.health.design.alpha;
        out.push_str(&list(
            &results.logged_answers.as_ref().map(|it| logged_words::told(it, alpha)).unwrap_or_default(),
        ));
        out.push_str(&list(&logged_words::doubts(audit)));
    }
    if !page.refused.is_empty() {
        out.push_str(&wrapped("Asked for and not given:", width));
        out.push_str(&list(&refused(&page)));
    }
    let said = page.whom.iter().chain(&page.identification);
    out.extend(said.map(|line| wrapped(&escape::one_line(line), width)));
    painted(&out, color)
}

fn table(results: &ExperimentResults, page: &FirstPage, width: usize) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    let laid_out = tables::deciding(results, page);
    let mut header = vec!["arm", "metric"];
    header.extend((width >= WIDE).then_some("role"));
    let numbers = laid_out.columns.iter().skip(3).take(2).map(|column| column.0.as_str());
    header.extend(numbers);
    header.push("stands");
    let columns = header.len();
    table.set_header(header);
    for line in &page.metrics {
        let mut cells = vec![escape::one_line(&line.arm), escape::one_line(&line.metric)];
        cells.extend((width >= WIDE).then(|| words::role(line.role).to_owned()));
        cells.extend([line.relative.clone(), line.effect.clone(), stands(line)]);
        table.add_row(cells);
    }
    for index in [columns - 3, columns - 2] {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string().lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// Where a metric stands, word by word between marks: colour that runs on across a line break would paint the table's frame.
fn stands(line: &MetricLine) -> String {
    let badge = Badge::Standing(line.standing);
    badge.to_plain().split(' ').map(|word| mark(badge.tone(), word)).collect::<Vec<_>>().join(" ")
}

/// The first requests that were refused, and how many more there are.
fn refused(page: &FirstPage) -> Vec<String> {
    let mut lines: Vec<String> = page.refused.iter().take(MOST_REFUSED).cloned().collect();
    let more = page.refused.len() - lines.len();
    lines.extend((more > 0).then(|| format!("{} more in report.md.", numbers::count(more))));
    lines
}

fn more_units(results: &ExperimentResults, lines: &[MetricLine]) -> Vec<String> {
    let told = lines.iter().filter_map(|line| {
        let more = tables::more_units(results, line.more_units?);
        Some(format!("`{}` in `{}`: about {more} more would probably decide.", line.metric, line.arm))
    });
    told.collect()
}
