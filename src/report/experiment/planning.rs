//! Power and A/A validation in a terminal.

use crate::record::experiment_planning::{PowerDocument, ValidationDocument};
use crate::text::escape::one_line;
use crate::text::numbers::{count, percent, significant};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

const NOTHING: &str = "–";

fn table(width: usize, header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    table.set_header(header.to_vec());
    table
}

fn numbers_to_the_right(table: &mut Table, from: usize) {
    for column in table.column_iter_mut().skip(from) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

fn closing(refused: &[(String, String)], explain: &[String]) -> String {
    let refused = refused.iter().map(|(metric, why)| format!("`{metric}`: {}.\n", one_line(why)));
    let explain = explain.iter().map(|line| format!("{line}\n"));
    refused.chain(explain).collect()
}

/// The sizes that metrics need.
#[must_use]
pub fn power(document: &PowerDocument, width: usize) -> String {
    let counted = &document.counted;
    let chance = percent(document.power);
    let mut table = table(
        width,
        &[
            "metric",
            "arm",
            &format!("{counted} now"),
            &format!("finds now ({chance})"),
            "finds as planned",
            &format!("{counted} needed"),
            "days",
            "covariates save",
            "clusters cost",
            "looks cost",
        ],
    );
    let optional = |value: Option<f64>, shown: &dyn Fn(f64) -> String| value.map_or(NOTHING.to_owned(), shown);
    for row in &document.rows {
        let relative = |effect: f64| {
            let share = effect / row.control_mean.abs();
            let share = if share.is_finite() { format!(" ({})", percent(share)) } else { String::new() };
            format!("±{}{share}", significant(effect, 3))
        };
        table.add_row(vec![
            one_line(&row.metric),
            one_line(&row.arm),
            count(row.n),
            relative(row.smallest_effect_now),
            optional(row.smallest_effect_planned, &relative),
            optional(row.needed, &|n| count(n.ceil() as usize)),
            optional(row.days, &|days| count(days.ceil() as usize)),
            optional(row.variance_reduction, &percent),
            optional(row.design_effect, &|factor| format!("×{}", significant(factor, 3))),
            optional(row.anytime_inflation, &|factor| format!("×{}", significant(factor, 3))),
        ]);
    }
    numbers_to_the_right(&mut table, 2);
    format!("{table}\n{}", closing(&document.refused, &document.explain))
}

/// The rates of false positives.
#[must_use]
pub fn validation(document: &ValidationDocument, width: usize) -> String {
    let mut table = table(width, &["metric", "arm", "p < α", "rate", "95 % interval", "α in it"]);
    for row in &document.results {
        table.add_row(vec![
            one_line(&row.metric),
            one_line(&row.arm),
            format!("{} of {}", count(row.rejected), count(row.permutations)),
            percent(row.rate),
            format!("{} to {}", percent(row.lower), percent(row.upper)),
            if row.holds { "yes" } else { "NO" }.to_owned(),
        ]);
    }
    numbers_to_the_right(&mut table, 2);
    format!("{table}\n{}", closing(&document.refused, &document.explain))
}
