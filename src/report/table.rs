//! A table of plain text, written for the format that asks: padded markdown that lines up in the raw file, or HTML that
//! scrolls inside its own container.

use crate::report::badge::Badge;
use crate::text::{escape, untrusted};

/// The alignment and the content of the cells of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// Words, left.
    Words,
    /// Numbers, right.
    Number,
    /// Hashes and file names, left, in a typewriter font.
    Code,
    /// The words of a language model, left, between marks.
    Quoted,
    /// The key of a verdict, shown in colour, sign and words.
    Verdict,
}

/// A row of plain text cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// One cell per column.
    pub cells: Vec<String>,
    /// True for the row to read first.
    pub strong: bool,
}

/// A table whose cells are plain, unescaped text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Titles and kinds of the columns.
    pub columns: Vec<(String, Column)>,
    /// Rows.
    pub rows: Vec<Row>,
}

impl Table {
    /// A table without rows.
    #[must_use]
    pub fn new(columns: &[(&str, Column)]) -> Table {
        Table { columns: columns.iter().map(|(title, kind)| ((*title).to_owned(), *kind)).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn push(&mut self, cells: Vec<String>) {
        self.rows.push(Row { cells, strong: false });
    }

    /// Adds the row to read first.
    pub fn push_strong(&mut self, cells: Vec<String>) {
        self.rows.push(Row { cells, strong: true });
    }

    /// A pipe table, padded so that it reads without a renderer.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let header: Vec<String> = self.columns.iter().map(|(title, _)| escape::markdown_inline(title)).collect();
        let body: Vec<Vec<String>> = self.rows.iter().map(|row| self.markdown_cells(row)).collect();
        let widths = self.widths(&header, &body);
        let mut out = self.markdown_line(&header, &widths);
        out.push_str(&self.markdown_rule(&widths));
        for cells in &body {
            out.push_str(&self.markdown_line(cells, &widths));
        }
        out
    }

    fn markdown_cells(&self, row: &Row) -> Vec<String> {
        let kinds = self.columns.iter().map(|(_, kind)| *kind);
        row.cells
            .iter()
            .zip(kinds)
            .map(|(cell, kind)| match kind {
                Column::Code => escape::markdown_code(cell),
                Column::Verdict => Badge::parse(cell).map_or_else(String::new, Badge::to_markdown),
                Column::Quoted if cell.is_empty() => String::new(),
                Column::Quoted => untrusted::markdown_inline(&untrusted::within_marks(cell)),
                _ if row.strong && !cell.is_empty() => format!("**{}**", escape::markdown_inline(cell)),
                _ => escape::markdown_inline(cell),
            })
            .collect()
    }

    fn widths(&self, header: &[String], body: &[Vec<String>]) -> Vec<usize> {
        let width = |cell: Option<&String>| cell.map_or(0, |c| c.chars().count());
        (0..self.columns.len())
            .map(|j| body.iter().map(|row| width(row.get(j))).max().unwrap_or(0).max(width(header.get(j))).max(3))
            .collect()
    }

    fn markdown_line(&self, cells: &[String], widths: &[usize]) -> String {
        let mut out = String::from("|");
        for ((cell, width), (_, kind)) in cells.iter().zip(widths).zip(&self.columns) {
            let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
            let padded = if *kind == Column::Number { format!("{padding}{cell}") } else { format!("{cell}{padding}") };
            out.push_str(&format!(" {padded} |"));
        }
        out.push('\n');
        out
    }

    fn markdown_rule(&self, widths: &[usize]) -> String {
        let mut out = String::from("|");
        for (width, (_, kind)) in widths.iter().zip(&self.columns) {
            let dashes = "-".repeat(width + 1);
            out.push_str(&if *kind == Column::Number { format!("{dashes}:|") } else { format!("{dashes}-|") });
        }
        out.push('\n');
        out
    }

    /// A table in a container that scrolls sideways on a narrow screen.
    #[must_use]
    pub fn to_html(&self) -> String {
        // On a phone a table of verdicts becomes a card for each row, and a cell says what it is.
        let cards = self.columns.iter().any(|column| column.1 == Column::Verdict);
        let kind = if cards { "table cards" } else { "table" };
        let mut out = format!("<div class=\"{kind}\" tabindex=\"0\"><table>\n<thead><tr>");
        for (title, kind) in &self.columns {
            let class = if *kind == Column::Quoted { "" } else { class(*kind) };
            out.push_str(&format!("<th scope=\"col\"{class}>{}</th>", escape::html(title)));
        }
        out.push_str("</tr></thead>\n<tbody>\n");
        for row in &self.rows {
            out.push_str(if row.strong { "<tr class=\"strong\">" } else { "<tr>" });
            for (cell, (title, kind)) in row.cells.iter().zip(&self.columns) {
                let said = if cards { format!(" data-title=\"{}\"", escape::html(title)) } else { String::new() };
                let inner = match kind {
                    Column::Code => format!("<code>{}</code>", escape::html(cell)),
                    Column::Verdict => Badge::parse(cell).map_or_else(String::new, Badge::to_html),
                    Column::Quoted if cell.is_empty() => String::new(),
                    Column::Quoted => escape::html_prose(&untrusted::within_marks(cell)),
                    _ => escape::html_prose(cell),
                };
                let long = *kind == Column::Words && cell.chars().count() > PROSE;
                out.push_str(&format!(
                    "<td{}{said}>{inner}</td>",
                    if long { " class=\"prose\"" } else { class(*kind) }
                ));
            }
            out.push_str("</tr>\n");
        }
        out.push_str("</tbody></table></div>\n");
        out
    }
}

/// Cells of more characters than this are prose, which a page gives room.
const PROSE: usize = 40;

fn class(kind: Column) -> &'static str {
    match kind {
        Column::Number => " class=\"number\"",
        Column::Quoted => " class=\"prose model\"",
        Column::Words | Column::Code | Column::Verdict => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&[("term", Column::Words), ("SMD", Column::Number), ("hash", Column::Code)]);
        table.push(vec!["a|b <i>".into(), "−0.120".into(), "abc|".into()]);
        table.push_strong(vec!["age".into(), "0.3".into(), String::new()]);
        table
    }

    #[test]
    fn markdown_lines_up_in_the_raw_file() {
        let expected = "| term      |     SMD | hash    |\n|-----------|--------:|---------|\n\
                        | a\\|b \\<i> |  −0.120 | `abc\\|` |\n| **age**   | **0.3** |         |\n";
        assert_eq!(table().to_markdown(), expected);
    }

    #[test]
    fn html_escapes_every_cell() {
        let html = table().to_html();
        assert!(html.contains("<td>a|b &lt;i&gt;</td><td class=\"number\">−0.120</td><td><code>abc|</code></td>"));
        assert!(html.contains("<tr class=\"strong\"><td>age</td>"));
    }
}
