//! Power and A/A validation in a terminal.

use crate::record::experiment::EffectRow;
use crate::record::experiment_planning::{PowerDocument, ValidationDocument};
use crate::text::escape::one_line;
use crate::text::numbers::{count, p_value, percent, significant};
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

/// Effects from a saved fit.
#[must_use]
pub fn effects(rows: &[EffectRow], alpha: f64, width: usize) -> String {
    let level = format!("{} interval", percent(1.0 - alpha));
    let mut table =
        table(width, &["metric", "arm", "segment", "rows", "effect", &level, "relative", "p", "Holm", "BH"]);
    for row in rows {
        let number = |value: f64| significant(value, 4);
        table.add_row(vec![
            one_line(&row.metric),
            one_line(&row.arm),
            row.segment.as_deref().map_or("everyone".to_owned(), one_line),
            count(row.n),
            number(row.effect.estimate),
            format!("{} to {}", number(row.effect.lower), number(row.effect.upper)),
            row.relative.map_or(NOTHING.to_owned(), |relative| percent(relative.estimate)),
            p_value(row.p_value),
            row.holm.map_or(NOTHING.to_owned(), p_value),
            row.benjamini_hochberg.map_or(NOTHING.to_owned(), p_value),
        ]);
    }
    numbers_to_the_right(&mut table, 3);
    format!("{table}\n")
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
