//! A watch in words, as a table, as a picture, and as a comment for a pull request.

mod words;

pub use words::{headline, summary, title};

use super::table::{Column, Table};
use super::tidy::{number, optional, write};
use crate::record::ReportError;
use crate::record::watch::{PartitionEffect, Quantity, WatchDocument, WatchedPartition};
use crate::report::{plots, sentences};
use crate::text::{escape, numbers};

/// Partitions in the table of the comment.
const MOST_ROWS: usize = 10;
/// Estimates in the line of bars.
const MOST_BARS: usize = 40;

/// The first line of the comment, by which a bot finds its own: one for each plan.
fn mark(document: &WatchDocument) -> String {
    format!("<!-- oci-agent watch {} -->", numbers::short_hash(&document.plan_sha256))
}

/// `watch/watch.csv`: a line for each answer and for each quantity of the design in each partition.
///
/// # Errors
/// [`ReportError::Csv`].
pub fn csv(document: &WatchDocument) -> Result<Vec<u8>, ReportError> {
    let header = [
        "partition",
        "what",
        "term",
        "value",
        "std_error",
        "n",
        "n_treated",
        "max_abs_smd",
        "design_grade",
        "fails",
        "missing",
        "log_e",
    ];
    let mut lines = vec![header.map(str::to_owned).to_vec()];
    for (at, partition) in document.partitions.iter().enumerate() {
        let log_e = |test: &[f64]| test.get(at).copied();
        for (answer, effect) in document.answers.iter().zip(&partition.effects) {
            let estimate = effect.effect;
            lines.push(vec![
                partition.name.clone(),
                answer.requested.key().to_owned(),
                String::new(),
                optional(estimate.map(|it| it.estimate))?,
                optional(estimate.map(|it| it.std_error))?,
                effect.n.to_string(),
                effect.treated.to_string(),
                optional(effect.max_abs_smd)?,
                effect.grade.map_or(String::new(), |tier| tier.key().to_owned()),
                effect.fails.join(" "),
                effect.missing.clone().unwrap_or_default(),
                optional(log_e(&document.found.effect.log_e))?,
            ]);
        }
        for (watched, value) in document.quantities.iter().zip(&partition.design) {
            let (what, term) = parts(&watched.quantity);
            let tested = watched.sd > 0.0;
            lines.push(vec![
                partition.name.clone(),
                what.to_owned(),
                term.to_owned(),
                number(value.value)?,
                if tested { number(value.std_error)? } else { String::new() },
                partition.analysed.to_string(),
                partition.treated.to_string(),
                String::new(),
                String::new(),
                String::new(),
                String::new(),
                optional(log_e(&document.found.design.log_e))?,
            ]);
        }
    }
    write(lines)
}

fn parts(quantity: &Quantity) -> (&'static str, &str) {
    match quantity {
        Quantity::TreatedShare => ("treated_share", ""),
        Quantity::Mean { term } => ("mean", term),
        Quantity::Difference { term } => ("difference", term),
        Quantity::LeftOutShare => ("left_out_share", ""),
        Quantity::MissingShare { column } => ("missing_share", column),
    }
}

/// The plot as SVG.
///
/// # Errors
/// [`ReportError::Drawing`].
pub fn figure(document: &WatchDocument) -> Result<Option<Vec<u8>>, ReportError> {
    plots::watch::svg(document, &title(document), &summary(document).join(" "))
}

/// `watch/watch.md`: a comment for a pull request.
#[must_use]
pub fn markdown(document: &WatchDocument) -> String {
    let sign = sentences::icon(words::tone(document));
    let mut out = format!("{}\n### {sign} {}\n\n", mark(document), escape::markdown_inline(&title(document)));
    out += &format!("{}\n", escape::markdown(&document.title));
    for paragraph in summary(document) {
        out += &format!("\n{}\n", escape::markdown(&paragraph));
    }
    for (at, answer) in document.answers.iter().enumerate() {
        let bars = bars(document, at);
        if !bars.is_empty() {
            let from = if document.partitions.len() > MOST_BARS { "" } else { ", the run's own data first" };
            out += &format!("\n{} by partition{from}: `{bars}`\n", escape::markdown_inline(&answer.name));
        }
    }
    let left = document.partitions.len().saturating_sub(MOST_ROWS);
    out += &format!("\n<details><summary>{}</summary>\n\n", words::last(document.partitions.len().min(MOST_ROWS)));
    out += &table(document).to_markdown();
    if left > 0 {
        let more = if left == 1 { "1 more is".to_owned() } else { format!("{} more are", numbers::count(left)) };
        out += &format!("\n{more} in `watch/watch.csv`, the run's own data first.\n");
    }
    out += "\n</details>\n";
    out += &format!(
        "\n<details><summary>How this is tested</summary>\n\n{}\n\n</details>\n",
        escape::markdown(&words::method(document))
    );
    out
}

/// Estimates as bars, from the smallest to the largest.
fn bars(document: &WatchDocument, answer: usize) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let estimate = |partition: &WatchedPartition| Some(partition.effects.get(answer)?.effect?.estimate);
    let from = document.partitions.len().saturating_sub(MOST_BARS);
    let shown: Vec<Option<f64>> = document.partitions.iter().skip(from).map(estimate).collect();
    let low = shown.iter().flatten().copied().fold(f64::INFINITY, f64::min);
    let high = shown.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
    if shown.iter().flatten().count() < 2 || high <= low {
        return String::new();
    }
    #[allow(clippy::cast_sign_loss, reason = "from 0 to 7")]
    let bar = |estimate: f64| BARS.get(((estimate - low) / (high - low) * 7.0).round() as usize).copied();
    shown.into_iter().map(|estimate| estimate.and_then(bar).unwrap_or('·')).collect()
}

fn table(document: &WatchDocument) -> Table {
    // In code, no name calls a person or leads to another issue.
    let mut columns = vec![("Partition", Column::Code), ("Rows", Column::Number), ("Treated", Column::Number)];
    let names: Vec<String> = document.answers.iter().map(|answer| format!("{} [95 %]", answer.name)).collect();
    columns.extend(names.iter().map(|name| (name.as_str(), Column::Number)));
    columns.extend([("Its design", Column::Words), ("Effect", Column::Number), ("Design", Column::Number)]);
    let mut table = Table::new(&columns);
    let from = document.partitions.len().saturating_sub(MOST_ROWS);
    for (at, partition) in document.partitions.iter().enumerate().skip(from) {
        let mut cells =
            vec![partition.name.clone(), numbers::count(partition.analysed), numbers::count(partition.treated)];
        cells.extend(partition.effects.iter().map(effect_cell));
        cells.push(design_cell(&partition.effects));
        for test in [&document.found.effect, &document.found.design] {
            cells.push(test.log_e.get(at).map_or(String::new(), |log_e| words::odds(*log_e)));
        }
        table.push(cells);
    }
    table
}

fn effect_cell(effect: &PartitionEffect) -> String {
    match effect.effect {
        Some(it) => numbers::interval(it.estimate, it.std_error, it.interval.0, it.interval.1),
        None => effect.missing.as_deref().map_or(String::new(), |why| escape::shortened(why, 60)),
    }
}

fn design_cell(effects: &[PartitionEffect]) -> String {
    let worst = effects.iter().filter_map(|effect| effect.grade).min();
    worst.map_or_else(|| "not made".to_owned(), sentences::badge)
}
