//! The verdict table that ends a run, for 80 columns and more, with and without colour.
//!
//! Colour marks the verdict and nothing else; the words say it too. The table is laid out in plain text around invisible
//! marks, which become colour codes or nothing at the end, so that both look the same.

use crate::finding::Tier;
use crate::record::documents::{Answer, ResultsDocument};
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
const NARROWEST: usize = 40;
/// The indent of a line under an estimand.
const INDENT: usize = 3;
/// From this width on, the population has a column of its own.
const WIDE: usize = 110;

/// The verdict per requested estimand. `width` is that of the terminal, in columns; the library does not look for it.
#[must_use]
pub fn verdict_table(results: &ResultsDocument, width: usize, color: bool) -> TerminalText {
    let width = width.max(NARROWEST);
    let wide = width >= WIDE;
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    let estimate = format!("estimate [95 %], {}", escape::shortened(&escape::one_line(&results.units), 24));
    let mut header = vec!["asked".to_owned(), "answered".to_owned(), estimate, "verdict".to_owned()];
    if wide {
        header.push("for whom".to_owned());
    }
    table.set_header(header);
    for answer in &results.answers {
        table.add_row(cells(results, answer, wide));
    }
    arrange(&mut table);
    let mut out: String = table.to_string().lines().map(|line| format!("{}\n", line.trim_end())).collect();
    out.push_str(&below(results, width, wide));
    out.push_str(&models(results, width));
    painted(&out, color)
}

fn arrange(table: &mut Table) {
    for (index, least) in [(0, 7), (1, 10), (3, 16)] {
        if let Some(column) = table.column_mut(index) {
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least)));
        }
    }
    if let Some(column) = table.column_mut(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

fn cells(results: &ResultsDocument, answer: &Answer, wide: bool) -> Vec<String> {
    let estimate = sentences::interval(results, answer);
    let mut cells =
        vec![answer.requested.acronym().to_owned(), escape::one_line(&answer.name), estimate, marked(answer.tier)];
    if wide {
        cells.push(for_whom(answer));
    }
    cells
}

/// The verdict on two lines, each between its marks.
fn marked(tier: Tier) -> String {
    let (mark, lines) = match tier {
        Tier::FullySatisfactory => (FULL, ["fully", "satisfactory"]),
        Tier::SatisfactoryWithCaveats => (CAVEATS, ["satisfactory", "with caveats"]),
        Tier::NotSatisfactory => (NOT, ["not", "satisfactory"]),
    };
    // Each line for itself: colour that runs on across a line break would paint the table's frame.
    lines.map(|line| format!("{mark}{line}{END}")).join("\n")
}

/// For whom, and why something is missing.
fn for_whom(answer: &Answer) -> String {
    let said = std::iter::once(&answer.population).chain(&answer.missing);
    said.map(|text| sentences::sentence(&escape::one_line(text)))
        .filter(|s| !s.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// For whom, below the table where it is too narrow for another column; then both grades, where a language model and the
/// rubric differ.
fn below(results: &ResultsDocument, width: usize, wide: bool) -> String {
    let mut out = String::new();
    for answer in &results.answers {
        let name = sentences::asked_and_answered(answer);
        if !wide {
            out.push_str(&wrapped(&format!("{name}: {}", for_whom(answer)), width));
        }
        if let Some(bounds) = sentences::bounds_instead(results, answer) {
            out.push_str(&wrapped(&escape::one_line(&bounds), width));
        }
        let reviewed = results.critique.reviewed.iter();
        let differing = reviewed.flat_map(|r| &r.disagreements).find(|d| d.requested == answer.requested);
        if let Some(both) = differing.map(model_sentences::both_grades) {
            let under = || wrapped(&both, width - INDENT).lines().map(indented).collect::<String>();
            out.push_str(&if wide { wrapped(&format!("{name}: {both}"), width) } else { under() });
        }
    }
    out
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

fn wrapped(line: &str, width: usize) -> String {
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

fn painted(text: &str, color: bool) -> TerminalText {
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
