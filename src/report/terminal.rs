//! The first page of a run in a terminal, for 80 columns and more, with and without colour.
//!
//! Colour marks the verdict and nothing else; icon and words say it too. The table is laid out in plain text around invisible
//! marks, which become colour codes or nothing at the end, so that both look the same.

use crate::finding::Tier;
use crate::plan::Plan;
use crate::record::documents::ResultsDocument;
use crate::report::first_page::{self, AnswerRow, FirstPage};
use crate::report::{model_sentences, sentences};
use crate::text::escape;
use crate::text::terminal::{Style, TerminalText};
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets};

/// Invisible characters of no width, which [`escape::one_line`] keeps out of untrusted text.
const FULL: char = '\u{2061}';
const CAVEATS: char = '\u{2062}';
const NOT: char = '\u{2063}';
const END: char = '\u{2064}';

/// Below this the columns would be too narrow to read.
pub(super) const NARROWEST: usize = 40;
/// The indent of a line under an estimand.
const INDENT: usize = 3;
/// From this width on, the means of the arms have columns of their own.
const WIDE: usize = 100;

/// The first page of a run. `width` is that of the terminal, in columns; the library does not look for it.
#[must_use]
pub fn first_page(results: &ResultsDocument, plan: &Plan, width: usize, color: bool) -> TerminalText {
    let width = width.max(NARROWEST);
    let page = first_page::first_page(results, plan);
    let mut out = wrapped(&escape::one_line(&page.answer), width);
    out.push_str(&format!(" {}\n", mark(page.tier, &sentences::badge(page.tier))));
    out.extend(page.caveats.iter().map(|caveat| wrapped(&format!("  - {}", escape::one_line(caveat)), width)));
    out.push_str(&table(results, &page, width));
    for row in page.rows.iter().skip(1).filter(|row| width < WIDE && !row.with.is_empty()) {
        out.push_str(&wrapped(&escape::one_line(&means(row)), width));
    }
    let said = page.whom.iter().chain([&page.sensitivity, &page.identification]);
    out.extend(said.filter(|line| !line.is_empty()).map(|line| wrapped(&escape::one_line(line), width)));
    out.push_str(&both_grades(results, width));
    out.push_str(&models(results, width));
    painted(&out, color)
}

fn table(results: &ResultsDocument, page: &FirstPage, width: usize) -> String {
    let optional = if width >= WIDE { page.optional_columns() } else { Vec::new() };
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    let estimate = format!("estimate [95 %], {}", escape::shortened(&escape::one_line(&results.units), 24));
    let mut header = vec!["asked", "answered", estimate.as_str(), "verdict"];
    header.extend(optional.iter().map(|column| column.title));
    table.set_header(header);
    for row in &page.rows {
        let more = optional.iter().map(|column| (column.cell)(row).to_owned());
        table.add_row(cells(row).into_iter().chain(more));
    }
    arrange(&mut table);
    table.to_string().lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn arrange(table: &mut Table) {
    for (index, least) in [(0, 7), (1, 10), (3, 16)] {
        if let Some(column) = table.column_mut(index) {
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least)));
        }
    }
    for index in [2, 4, 5, 6] {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

fn cells(row: &AnswerRow) -> [String; 4] {
    [row.asked.acronym().to_owned(), escape::one_line(&row.answered), row.effect.clone(), marked(row.tier)]
}

/// The means of the arms, where the table has no room for them.
fn means(row: &AnswerRow) -> String {
    let relative = if row.relative.is_empty() { String::new() } else { format!(" ({})", row.relative) };
    format!("{}: from {} without to {} with treatment{relative}.", row.answered, row.without, row.with)
}

/// A text between the marks of a verdict.
pub(super) fn mark(tier: Tier, text: &str) -> String {
    let mark = match tier {
        Tier::FullySatisfactory => FULL,
        Tier::SatisfactoryWithCaveats => CAVEATS,
        Tier::NotSatisfactory => NOT,
    };
    format!("{mark}{text}{END}")
}

/// The verdict on two lines, each between its marks.
fn marked(tier: Tier) -> String {
    let lines = match tier {
        Tier::FullySatisfactory => ["fully", "satisfactory"],
        Tier::SatisfactoryWithCaveats => ["satisfactory", "with caveats"],
        Tier::NotSatisfactory => ["not", "satisfactory"],
    };
    let [first, second] = lines;
    // Each line for itself: colour that runs on across a line break would paint the table's frame.
    let first = mark(tier, &format!("{} {first}", sentences::icon(tier)));
    format!("{first}\n{}", mark(tier, second))
}

/// Both grades, where a language model and the rubric differ.
fn both_grades(results: &ResultsDocument, width: usize) -> String {
    let differing = results.critique.reviewed.iter().flat_map(|reviewed| &reviewed.disagreements);
    let told = differing.map(|d| format!("{}: {}", d.requested.acronym(), model_sentences::both_grades(d)));
    told.map(|line| wrapped(&line, width - INDENT).lines().map(indented).collect::<String>()).collect()
}

fn indented(line: &str) -> String {
    format!("{}{line}\n", " ".repeat(INDENT))
}

/// The part of language models; nothing if there were none.
fn models(results: &ResultsDocument, width: usize) -> String {
    let conduct = results.conduct.as_ref();
    let missing = results.critique.reviewed.as_ref().and_then(|reviewed| reviewed.missing.as_deref());
    let lines = [
        conduct.and_then(|c| c.stopped.as_deref()).map(model_sentences::ended),
        missing.map(model_sentences::missing),
        model_sentences::flagged(results),
        conduct.map(model_sentences::usage),
    ];
    lines.into_iter().flatten().map(|line| wrapped(&escape::one_line(&line), width)).collect()
}

pub(super) fn wrapped(line: &str, width: usize) -> String {
    let (mut out, mut used) = (String::from(" "), 1);
    for word in line.split(' ') {
        let length = word.chars().count();
        if used > 3 && used + 1 + length > width {
            out.push_str("\n    ");
            used = 4;
        } else if used > 1 {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += length;
    }
    out.push('\n');
    out
}

pub(super) fn painted(text: &str, color: bool) -> TerminalText {
    let mut out = TerminalText::default();
    let (mut piece, mut style) = (String::new(), None);
    for c in text.chars() {
        let next = match c {
            FULL => Some(Style::Green),
            CAVEATS => Some(Style::Yellow),
            NOT => Some(Style::Red),
            END => None,
            other => {
                piece.push(other);
                continue;
            }
        };
        out = out.and(of_style(&std::mem::take(&mut piece), style, color));
        style = next;
    }
    out.and(of_style(&piece, style, color))
}

fn of_style(piece: &str, style: Option<Style>, color: bool) -> TerminalText {
    match style {
        Some(style) => TerminalText::painted(piece, style, color),
        None => TerminalText::plain(piece),
    }
}
