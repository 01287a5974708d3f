//! Power and A/A validation in a terminal.

use crate::record::experiment::EffectRow;
use crate::record::experiment_planning::{PowerDocument, ValidationDocument};
use crate::text::escape::one_line;
use crate::text::numbers::{count, p_value, percent, significant};
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets};

const NOTHING: &str = "–";
/// A blank at which no line breaks.
const FIXED: &str = "\u{a0}";

/// Titles and rows; columns from `numbers_from` on stand to the right.
struct Grid {
    titles: Vec<String>,
    rows: Vec<Vec<String>>,
    numbers_from: usize,
}

impl Grid {
    fn new<const N: usize>(titles: [&str; N], numbers_from: usize) -> Grid {
        Grid { titles: titles.map(str::to_owned).to_vec(), rows: Vec::new(), numbers_from }
    }

    fn push<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.to_vec());
    }

    /// Without the columns of numbers that hold none.
    fn filled(&self) -> Grid {
        let says = |at: &usize| *at < self.numbers_from || self.rows.iter().any(|row| row[*at] != NOTHING);
        let kept: Vec<usize> = (0..self.titles.len()).filter(says).collect();
        let pick = |cells: &Vec<String>| kept.iter().map(|at| cells[*at].clone()).collect();
        Grid { titles: pick(&self.titles), rows: self.rows.iter().map(pick).collect(), numbers_from: self.numbers_from }
    }

    /// The narrowest that a column can be without a word that is broken, blanks beside it included.
    fn narrowest(&self, column: usize) -> usize {
        let cells = self.rows.iter().map(|row| &row[column]).chain([&self.titles[column]]);
        let words = cells.flat_map(|cell| cell.split(' ')).map(|word| word.chars().count());
        words.max().unwrap_or_default() + 2
    }

    /// With numbers that are not broken at their blanks, and titles that are not before a percent sign.
    fn unbroken(self) -> Grid {
        let from = self.numbers_from;
        let whole = |(at, cell): (usize, String)| if at < from { cell } else { cell.replace(' ', FIXED) };
        Grid {
            titles: self.titles.into_iter().map(|title| title.replace(" %", &format!("{FIXED}%"))).collect(),
            rows: self.rows.into_iter().map(|row| row.into_iter().enumerate().map(whole).collect()).collect(),
            ..self
        }
    }

    /// A table, or a list where the terminal is too narrow for one.
    fn laid_out(&self, width: usize) -> String {
        let grid = self.filled().unbroken();
        let least: Vec<usize> = (0..grid.titles.len()).map(|column| grid.narrowest(column)).collect();
        let told = if least.iter().sum::<usize>() > width { grid.list() } else { grid.table(width, &least) };
        told.replace(FIXED, " ")
    }

    fn table(&self, width: usize, least: &[usize]) -> String {
        let mut table = Table::new();
        table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
        table.set_header(self.titles.clone());
        self.rows.iter().for_each(|row| {
            table.add_row(row.clone());
        });
        for (column, least) in table.column_iter_mut().zip(least) {
            let least = Width::Fixed(u16::try_from(*least).unwrap_or(u16::MAX));
            column.set_constraint(ColumnConstraint::LowerBoundary(least));
        }
        for column in table.column_iter_mut().skip(self.numbers_from) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table.to_string().lines().map(|line| format!("{}\n", line.trim_end())).collect()
    }

    /// One line for each number, below the words of its row.
    fn list(&self) -> String {
        let mut out = String::new();
        for row in &self.rows {
            let named = row.iter().take(self.numbers_from).map(String::as_str).collect::<Vec<_>>();
            out.push_str(&named.join(", "));
            out.push('\n');
            for (title, cell) in self.titles.iter().zip(row).skip(self.numbers_from).filter(|it| it.1 != NOTHING) {
                out.push_str(&format!("  {title}: {cell}\n"));
            }
        }
        out
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
    let titles = [
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
    ];
    let mut grid = Grid::new(titles, 2);
    let optional = |value: Option<f64>, shown: &dyn Fn(f64) -> String| value.map_or(NOTHING.to_owned(), shown);
    for row in &document.rows {
        let relative = |effect: f64| {
            let share = effect / row.control_mean.abs();
            let share = if share.is_finite() { format!(" ({})", percent(share)) } else { String::new() };
            format!("±{}{share}", significant(effect, 3))
        };
        grid.push([
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
    format!("{}{}", grid.laid_out(width), closing(&document.refused, &document.explain))
}

/// Effects from a saved fit.
#[must_use]
pub fn effects(rows: &[EffectRow], alpha: f64, width: usize) -> String {
    let level = format!("{} interval", percent(1.0 - alpha));
    let titles = ["metric", "arm", "segment", "rows", "effect", &level, "relative", "p", "Holm", "BH"];
    let mut grid = Grid::new(titles, 3);
    for row in rows {
        let number = |value: f64| significant(value, 4);
        grid.push([
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
    grid.laid_out(width)
}

/// The rates of false positives.
#[must_use]
pub fn validation(document: &ValidationDocument, width: usize) -> String {
    let mut grid = Grid::new(["metric", "arm", "p < α", "rate", "95 % interval", "α in it"], 2);
    for row in &document.results {
        grid.push([
            one_line(&row.metric),
            one_line(&row.arm),
            format!("{} of {}", count(row.rejected), count(row.permutations)),
            percent(row.rate),
            format!("{} to {}", percent(row.lower), percent(row.upper)),
            if row.holds { "yes" } else { "NO" }.to_owned(),
        ]);
    }
    format!("{}{}", grid.laid_out(width), closing(&document.refused, &document.explain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::experiment_planning::PowerRow;

    fn document() -> PowerDocument {
        let row = |metric: &str| PowerRow {
            metric: metric.to_owned(),
            arm: "diverse".to_owned(),
            n: 3_600,
            std_error: 1.0,
            control_mean: 33.6,
            smallest_effect_now: 3.1,
            smallest_effect_planned: None,
            needed: Some(12_345.0),
            days: None,
            variance_reduction: Some(0.31),
            design_effect: None,
            anytime_inflation: None,
        };
        PowerDocument {
            power: 0.8,
            alpha: 0.05,
            anytime: false,
            counted: "units".to_owned(),
            rows: vec![row("sales"), row("latency")],
            refused: Vec::new(),
            explain: Vec::new(),
        }
    }

    #[test]
    fn no_word_is_broken_at_any_width() {
        for width in 20..130 {
            let told = power(&document(), width);
            for word in ["sales", "diverse", "covariates", "needed", "3,600", "12,345"] {
                let whole = told.split_whitespace().any(|found| found.trim_end_matches([':', ',']) == word);
                assert!(whole, "{word} at {width}:\n{told}");
            }
            assert!(!told.contains("days") && !told.contains("clusters"), "columns that say nothing:\n{told}");
        }
        assert!(power(&document(), 80).lines().any(|line| line.contains("±3.10 (9.2 %)")), "numbers stay whole");
        let wide = power(&document(), 100);
        assert!(wide.lines().all(|line| line.chars().count() <= 100), "{wide}");
        assert!(power(&document(), 40).contains("sales, diverse\n  units now: 3,600\n"));
    }
}
