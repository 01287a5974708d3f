//! The tables of an experiment's report.

use super::first_page::{self, FirstPage};
use super::{shown, words};
use crate::plan::experiment::EffectRequest;
use crate::record::experiment::{EffectRow, ExperimentResults, HealthCheck};
use crate::report::sentences;
use crate::report::table::{Column, Table};
use crate::text::numbers;

/// Primary metrics and guardrails of every arm.
pub fn deciding(results: &ExperimentResults, page: &FirstPage) -> Table {
    let level = shown::level(results);
    let [relative, effect] = if results.effects.iter().any(|row| row.anytime.is_some()) {
        ["relative".to_owned(), "effect [confidence sequence]".to_owned()]
    } else {
        [format!("relative [{level}]"), format!("effect [{level}]")]
    };
    let more = page.metrics.iter().any(|line| line.more_units.is_some());
    let mut columns = vec![
        ("arm", Column::Words),
        ("metric", Column::Words),
        ("role", Column::Words),
        (relative.as_str(), Column::Number),
        (effect.as_str(), Column::Number),
        ("stands", Column::Verdict),
    ];
    columns.extend(more.then_some(("more that would probably decide", Column::Number)));
    let mut table = Table::new(&columns);
    for line in &page.metrics {
        let mut cells = vec![
            line.arm.clone(),
            line.metric.clone(),
            words::role(line.role).to_owned(),
            line.relative.clone(),
            line.effect.clone(),
            line.standing.key().to_owned(),
        ];
        cells.extend(more.then(|| line.more_units.map_or(String::new(), |n| more_units(results, n))));
        table.push(cells);
    }
    table
}

/// `12,400 units`
pub fn more_units(results: &ExperimentResults, more: usize) -> String {
    let unit = if results.health.design.clusters.is_some() { "clusters" } else { "units" };
    format!("{} {unit}", numbers::count(more))
}

/// A column of a table of effects.
struct EffectColumn {
    title: String,
    kind: Column,
    cell: fn(&ExperimentResults, &EffectRow) -> String,
}

fn column(title: &str, kind: Column, cell: fn(&ExperimentResults, &EffectRow) -> String) -> EffectColumn {
    EffectColumn { title: title.to_owned(), kind, cell }
}

/// The effects on everyone.
pub fn effects(results: &ExperimentResults) -> Table {
    let means = [
        column("role", Column::Words, |results, row| {
            first_page::metric(results, &row.metric).map_or(String::new(), |m| words::role(m.role).to_owned())
        }),
        column("effect", Column::Words, |_, row| words::request(row.request).to_owned()),
        column("control", Column::Number, |results, row| mean(results, row, first_page::control(results))),
        column("arm", Column::Number, |results, row| mean(results, row, &row.arm)),
    ];
    table_of(results, &results.effects, means.into_iter().collect())
}

/// The effects in segments.
pub fn segments(results: &ExperimentResults) -> Table {
    let means = [
        column("segment", Column::Words, |_, row| row.segment.clone().unwrap_or_default()),
        column("effect", Column::Words, |_, row| words::request(row.request).to_owned()),
        column("rows", Column::Number, |_, row| numbers::count(row.n)),
    ];
    table_of(results, &results.segments, means.into_iter().collect())
}

/// The mean of an arm before any adjustment; other effects than that of assignment have no such means.
fn mean(results: &ExperimentResults, row: &EffectRow, arm: &str) -> String {
    let summary = first_page::metric(results, &row.metric).and_then(|m| m.arms.iter().find(|a| a.arm == arm));
    let shown = summary.filter(|_| row.request == EffectRequest::Itt);
    shown.map_or(shown::NOTHING.to_owned(), |summary| shown::value(summary.value, row.effect.std_error))
}

fn table_of(results: &ExperimentResults, rows: &[EffectRow], own: Vec<EffectColumn>) -> Table {
    let level = shown::level(results);
    let mut columns = vec![
        column("metric", Column::Words, |_, row| row.metric.clone()),
        column("arm compared", Column::Words, |_, row| row.arm.clone()),
    ];
    columns.extend(own);
    columns.push(column(&format!("relative [{level}]"), Column::Number, |_, row| shown::relative_of(row)));
    columns.push(column(&format!("absolute [{level}]"), Column::Number, |_, row| shown::absolute(&row.effect)));
    columns.push(column("p", Column::Number, |_, row| numbers::p_value(row.p_value)));
    columns.extend(optional(rows));
    let titles: Vec<(&str, Column)> = columns.iter().map(|c| (c.title.as_str(), c.kind)).collect();
    let mut table = Table::new(&titles);
    for row in rows {
        let cells = columns.iter().map(|c| (c.cell)(results, row)).collect();
        table.push(cells);
    }
    table
}

/// The columns that are there if some row fills them.
fn optional(rows: &[EffectRow]) -> Vec<EffectColumn> {
    let anytime = |row: &EffectRow| row.anytime.is_some();
    let candidates = [
        (rows.iter().any(|row| row.holm.is_some()), column("p, Holm", Column::Number, |_, row| shown::p(row.holm))),
        (
            rows.iter().any(|row| row.benjamini_hochberg.is_some()),
            column("p, Benjamini–Hochberg", Column::Number, |_, row| shown::p(row.benjamini_hochberg)),
        ),
        (
            rows.iter().any(anytime),
            column("confidence sequence", Column::Number, |_, row| {
                row.anytime.map_or(shown::NOTHING.to_owned(), |a| shown::sequence(&a, &row.effect))
            }),
        ),
        (
            rows.iter().any(anytime),
            column("p, any number of looks", Column::Number, |_, row| shown::p(row.anytime.map(|a| a.p_value))),
        ),
        (
            rows.iter().any(|row| row.df.is_some()),
            column("df", Column::Number, |_, row| row.df.map_or(shown::NOTHING.to_owned(), |df| numbers::fixed(df, 1))),
        ),
        (
            rows.iter().any(|row| row.exploratory || row.anytime.is_some_and(|a| a.asymptotic)),
            column("note", Column::Words, |_, row| note(row)),
        ),
    ];
    candidates.into_iter().filter_map(|(filled, column)| filled.then_some(column)).collect()
}

fn note(row: &EffectRow) -> String {
    let mut notes = Vec::new();
    if row.exploratory {
        notes.push("exploratory");
    }
    if row.anytime.is_some_and(|anytime| anytime.asymptotic) {
        notes.push("sequence holds asymptotically");
    }
    notes.join("; ")
}

/// The checks of the randomisation.
pub fn health(checks: &[HealthCheck]) -> Table {
    let mut table = Table::new(&[
        ("check", Column::Code),
        ("result", Column::Words),
        ("about", Column::Words),
        ("measure", Column::Words),
        ("value", Column::Number),
        ("threshold", Column::Number),
        ("what it means", Column::Words),
    ]);
    for check in checks {
        let number = |value: Option<f64>| value.map_or(shown::NOTHING.to_owned(), number);
        table.push(vec![
            check.code.key().to_owned(),
            sentences::severity(check.severity).to_owned(),
            check.subject.clone().unwrap_or_default(),
            check.measure.clone(),
            number(check.value),
            number(check.threshold),
            check.message.clone(),
        ]);
    }
    table
}

/// A count as one, anything else to three significant digits.
pub(super) fn number(value: f64) -> String {
    if value.fract() == 0.0 { numbers::fixed(value, 0) } else { numbers::significant(value, 3) }
}

/// Each metric in each arm.
pub fn values(results: &ExperimentResults) -> Table {
    let mut table = Table::new(&[
        ("metric", Column::Words),
        ("measure", Column::Words),
        ("arm", Column::Words),
        ("rows", Column::Number),
        ("without a value", Column::Number),
        ("value", Column::Number),
        ("standard deviation", Column::Number),
    ]);
    for metric in &results.metrics {
        for arm in &metric.arms {
            table.push(vec![
                metric.name.clone(),
                metric.measure.clone(),
                arm.arm.clone(),
                numbers::count(arm.n),
                numbers::count(arm.missing),
                numbers::significant(arm.value, 5),
                arm.sd.map_or(shown::NOTHING.to_owned(), |sd| numbers::significant(sd, 4)),
            ]);
        }
    }
    table
}

/// What was done to the values of each metric.
pub fn counters(results: &ExperimentResults) -> Table {
    let mut table = Table::new(&[
        ("metric", Column::Words),
        ("rows of its source", Column::Number),
        ("filtered", Column::Number),
        ("outside the window", Column::Number),
        ("of units not assigned", Column::Number),
        ("of units that data.filter leaves out", Column::Number),
        ("rows without a value", Column::Number),
        ("units without rows", Column::Number),
        ("of those set to 0", Column::Number),
        ("winsorised", Column::Number),
        ("at", Column::Number),
        ("units whose window is not over", Column::Number),
    ]);
    for metric in &results.metrics {
        let c = &metric.counters;
        let counts = [
            c.rows,
            c.filtered,
            c.outside_window,
            c.not_assigned,
            c.of_filtered_units,
            c.rows_without_value,
            c.units_without_rows,
            c.set_to_zero,
            c.winsorised,
        ];
        let mut cells = vec![metric.name.clone()];
        cells.extend(counts.into_iter().map(numbers::count));
        cells.push(c.winsorised_at.map_or(shown::NOTHING.to_owned(), |at| numbers::significant(at, 5)));
        cells.push(numbers::count(c.window_not_over));
        table.push(cells);
    }
    table
}
