//! A follow-up in words, as a table and as a picture.

mod words;

pub use words::{subject, summary, title};

use super::table::{Column, Table};
use super::tidy::{number, optional, write};
use crate::finding::Tier;
use crate::plan::follow_ups::{OutcomeForm, SweepKind};
use crate::record::ReportError;
use crate::record::follow_up::{FollowUpDocument, SweepRow};
use crate::report::plots;
use crate::text::escape;
use crate::text::numbers;

/// Rows of the page's table.
const MOST_ROWS: usize = 60;
/// The longest reason in it; the .csv has it whole.
const LONGEST_REASON: usize = 90;

/// `sweeps/NAME.csv`: one line for each row.
///
/// # Errors
/// [`ReportError::Csv`].
pub fn csv(document: &FollowUpDocument) -> Result<Vec<u8>, ReportError> {
    let forks: Vec<&str> = document.curve.iter().flat_map(|curve| &curve.forks).map(|fork| fork.key.as_str()).collect();
    let mut header = vec!["requested", "label"];
    header.extend(forks.iter().map(|key| fork_column(key)));
    if document.curve.is_some() {
        header.push("repeats");
    }
    header.extend([
        "answer",
        "estimand",
        "estimator",
        "learners",
        "outcome_form",
        "n",
        "n_treated",
        "trimmed",
        "estimate",
        "std_error",
        "conf_low",
        "conf_high",
        "outcome_sd",
        "max_abs_smd",
        "max_smd_term",
        "ess_treated",
        "ess_control",
        "design_grade",
        "gradable",
        "fails",
        "p_adjusted",
        "clipped",
        "no_estimate",
        "units",
    ]);
    if document.sweep == SweepKind::Outcomes {
        header.extend(["p_value", "p_holm", "p_bh"]);
    }
    let mut lines = vec![header.into_iter().map(str::to_owned).collect()];
    for row in &document.table {
        lines.push(line(document, row, forks.len())?);
    }
    write(lines)
}

/// A column of a fork that shares its name with another one.
fn fork_column(key: &str) -> &str {
    match key {
        "trim" => "fork_trim",
        "estimator" => "fork_estimator",
        "learner" => "fork_learner",
        "outcome" => "fork_outcome",
        _ => "fork_covariates",
    }
}

fn line(document: &FollowUpDocument, row: &SweepRow, forks: usize) -> Result<Vec<String>, ReportError> {
    let effect = row.effect.as_ref();
    let whole = |n: Option<usize>| n.map_or(String::new(), |n| n.to_string());
    let mut line = vec![row.requested.key().to_owned(), row.label.clone()];
    line.extend((0..forks).map(|at| row.branches.get(at).cloned().unwrap_or_default()));
    if document.curve.is_some() {
        line.push(row.repeats.clone().unwrap_or_default());
    }
    line.extend([
        row.answer.to_string(),
        row.estimand.clone(),
        row.estimator.key().to_owned(),
        row.learners.clone(),
        row.outcome.key().to_owned(),
        whole(row.n.map(|n| n.0)),
        whole(row.n.map(|n| n.1)),
        whole(row.trimmed),
        optional(effect.map(|it| it.estimate))?,
        optional(effect.map(|it| it.std_error))?,
        optional(effect.map(|it| it.interval.0))?,
        optional(effect.map(|it| it.interval.1))?,
        optional(effect.map(|it| it.outcome_sd))?,
        row.balance.as_ref().map_or(Ok(String::new()), |balance| number(balance.0))?,
        row.balance.as_ref().map_or(String::new(), |balance| balance.1.clone()),
        optional(effect.map(|it| it.effective.0))?,
        optional(effect.map(|it| it.effective.1))?,
        row.grade.map_or(String::new(), |tier| tier.key().to_owned()),
        row.gradable().to_string(),
        row.fails.join(" "),
        optional(effect.and_then(|it| it.adjusted_p))?,
        whole(effect.map(|it| it.clipped)),
        row.missing.clone().unwrap_or_default(),
        units(document, row),
    ]);
    if document.sweep == SweepKind::Outcomes {
        let p = effect.and_then(|it| it.among_outcomes);
        for value in [p.map(|p| p.alone), p.map(|p| p.holm), p.map(|p| p.benjamini_hochberg)] {
            line.push(optional(value)?);
        }
    }
    Ok(line)
}

/// The units of an effect; empty for a further outcome, of which the plan does not say them.
fn units(document: &FollowUpDocument, row: &SweepRow) -> String {
    if document.sweep == SweepKind::Outcomes && !row.answer {
        return String::new();
    }
    match row.outcome {
        OutcomeForm::AsItIs | OutcomeForm::Winsorised => document.units.clone(),
        OutcomeForm::Log => "log(outcome + 1)".to_owned(),
        OutcomeForm::Ranks => "ranks from 0 to 1".to_owned(),
    }
}

/// The plot as SVG; `None` if nothing was estimated.
///
/// # Errors
/// [`ReportError::Drawing`].
pub fn figure(document: &FollowUpDocument) -> Result<Option<Vec<u8>>, ReportError> {
    plots::follow_up::svg(document, &title(document), &summary(document).join(" "))
}

/// `sweeps/NAME.md`: what was found, for a reader.
#[must_use]
pub fn markdown(document: &FollowUpDocument) -> String {
    let mut out = format!("# {}\n\n{}\n", escape::markdown(&title(document)), escape::markdown(&document.title));
    for paragraph in summary(document) {
        out += &format!("\n{}\n", escape::markdown(&paragraph));
    }
    if document.table.iter().any(|row| row.effect.is_some()) {
        out += &format!("\n![{}]({}.svg)\n", escape::markdown_alternative(&title(document)), document.name);
    }
    out += &format!("\n{}", table(document).to_markdown());
    let left = document.table.len().saturating_sub(MOST_ROWS);
    if left > 0 {
        out += &format!("\n{} more rows are in `{}.csv`.\n", numbers::count(left), document.name);
    }
    out
}

/// The rows as a table.
fn table(document: &FollowUpDocument) -> Table {
    let several = document.sweep == SweepKind::Outcomes;
    let mut columns = vec![
        ("", Column::Words),
        ("Estimand", Column::Words),
        ("Rows", Column::Number),
        ("Treated", Column::Number),
        ("Estimate [95 %]", Column::Number),
        ("Largest difference", Column::Number),
        ("Effective size", Column::Number),
        ("By itself", Column::Words),
    ];
    if several {
        columns.extend([("p", Column::Number), ("p, Holm", Column::Number), ("p, BH", Column::Number)]);
    }
    let mut table = Table::new(&columns);
    for row in document.table.iter().take(MOST_ROWS) {
        let whole = |n: Option<usize>| n.map_or(String::new(), numbers::count);
        let effect = row.effect.as_ref();
        let estimate = effect.map(|it| numbers::interval(it.estimate, it.std_error, it.interval.0, it.interval.1));
        let sizes =
            effect.map(|it| format!("{} / {}", numbers::effective(it.effective.0), numbers::effective(it.effective.1)));
        let mut cells = vec![
            if row.branches.is_empty() { row.label.clone() } else { row.branches.join("; ") },
            row.estimand.clone(),
            whole(row.n.map(|n| n.0)),
            whole(row.n.map(|n| n.1)),
            estimate.unwrap_or_else(|| "no estimate".to_owned()),
            row.balance.as_ref().map_or(String::new(), |balance| numbers::fixed(balance.0, 3)),
            sizes.unwrap_or_default(),
            by_itself(row),
        ];
        if several {
            let p = effect.and_then(|it| it.among_outcomes);
            let words = |p: Option<f64>| p.map_or(String::new(), numbers::p_value);
            cells.extend([words(p.map(|p| p.alone)), words(p.map(|p| p.holm)), words(p.map(|p| p.benjamini_hochberg))]);
        }
        if row.answer { table.push_strong(cells) } else { table.push(cells) }
    }
    table
}

/// Whether a row by itself would have been gradable, and why not.
fn by_itself(row: &SweepRow) -> String {
    match (&row.missing, row.grade) {
        (Some(reason), _) => escape::shortened(&escape::one_line(reason), LONGEST_REASON),
        (None, Some(Tier::NotSatisfactory)) => format!("not gradable: {}", row.fails.join(", ")),
        (None, Some(_)) => "gradable".to_owned(),
        (None, None) => String::new(),
    }
}
