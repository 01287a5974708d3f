//! The leaderboard: every method of one estimand, best RMSE first.

use super::measures::{Measures, Paired};
use super::{Method, Scores, Tiers};
use crate::acic::rows;
use crate::record::json;
use crate::report::table::{Column, Table};
use crate::text::numbers;
use causal::estimand::Target;
use std::collections::BTreeMap;

/// One method.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its name.
    pub method: String,
    /// Whether it is ours.
    pub ours: bool,
    /// What it is held against.
    pub truth: &'static str,
    /// How good it is.
    pub measures: Measures,
    /// Our first estimator minus this method, on the datasets that both have; `None` for that estimator itself.
    pub difference: Option<Paired>,
}

/// All methods of one estimand.
#[derive(Debug, Clone, PartialEq)]
pub struct Board {
    /// Which.
    pub estimand: Target,
    /// Best RMSE first.
    pub lines: Vec<Line>,
}

impl Board {
    pub(super) fn of(estimand: Target, ours: &[Method], theirs: &[Method]) -> Board {
        let reference = ours.first();
        let line = |method: &Method| Line {
            method: method.name.clone(),
            ours: method.ours,
            truth: method.truth,
            measures: method.measures(Tiers::All, &BTreeMap::new()),
            difference: reference.filter(|first| *first != method).and_then(|first| paired(first, method)),
        };
        let mut lines: Vec<Line> = ours.iter().chain(theirs).map(line).collect();
        let order = |line: &Line| line.measures.rmse.unwrap_or(f64::INFINITY);
        lines.sort_by(|a, b| order(a).total_cmp(&order(b)).then_with(|| a.method.cmp(&b.method)));
        Board { estimand, lines }
    }

    /// As a table for people: RMSE, coverage, width in units of sd(y).
    #[must_use]
    pub fn table(&self) -> Table {
        let columns = [
            ("method", Column::Words),
            ("n", Column::Number),
            ("failed", Column::Number),
            ("bias", Column::Number),
            ("RMSE", Column::Number),
            ("coverage", Column::Number),
            ("width", Column::Number),
            ("our RMSE minus its (SE)", Column::Number),
        ];
        let mut table = Table::new(&columns);
        for line in &self.lines {
            let own = line.truth != super::truths::name(self.estimand);
            let name = if own { format!("{} (against {})", line.method, line.truth) } else { line.method.clone() };
            let mut cells = vec![name];
            cells.extend(measure_cells(&line.measures));
            let difference = line.difference.as_ref();
            cells.push(difference.map_or(String::new(), |d| {
                format!("{} ({})", numbers::fixed(d.rmse, 4), numbers::fixed(d.rmse_se, 4))
            }));
            if line.ours { table.push_strong(cells) } else { table.push(cells) }
        }
        table
    }
}

/// n, failed, bias, RMSE, coverage, width.
pub(super) fn measure_cells(measures: &Measures) -> Vec<String> {
    let fixed = |value: Option<f64>, decimals| value.map_or("–".to_owned(), |value| numbers::fixed(value, decimals));
    vec![
        measures.n.to_string(),
        measures.failed.to_string(),
        fixed(measures.bias, 4),
        fixed(measures.rmse, 4),
        fixed(measures.coverage, 3),
        fixed(measures.width, 4),
    ]
}

/// The first minus the second, on the datasets that both have.
fn paired(first: &Method, second: &Method) -> Option<Paired> {
    // Held against different truths there is no difference to speak of.
    if first.truth != second.truth {
        return None;
    }
    let pair = |(key, error): (&_, &Option<super::Error>)| {
        let other = second.errors.get(key).copied().flatten()?;
        error.map(|error| (error.error, other.error))
    };
    let pairs: Vec<(f64, f64)> = first.errors.iter().filter_map(pair).collect();
    Paired::of(&pairs)
}

const COLUMNS: &str = "estimand,truth,method,ours,n,failed,bias,rmse,coverage,width,paired_n,rmse_difference,\
                       rmse_difference_se,squared_error_difference,squared_error_difference_se,missing,skipped\n";

impl Scores {
    /// `leaderboard.csv`: twelve significant digits; differences are our first estimator minus the method;
    /// `missing` and `skipped` are datasets of the replay that are not in these numbers, the same in every line.
    #[must_use]
    pub fn leaderboard_csv(&self) -> String {
        let mut out = String::from(COLUMNS);
        for (board, line) in self.boards.iter().flat_map(|board| board.lines.iter().map(move |line| (board, line))) {
            let number = |value: Option<f64>| value.and_then(json::float).unwrap_or_default();
            let (m, d) = (&line.measures, line.difference.as_ref());
            out.push_str(&rows::line(&[
                board.estimand.key().to_owned(),
                line.truth.to_owned(),
                line.method.clone(),
                if line.ours { "yes" } else { "no" }.to_owned(),
                m.n.to_string(),
                m.failed.to_string(),
                number(m.bias),
                number(m.rmse),
                number(m.coverage),
                number(m.width),
                d.map(|d| d.n.to_string()).unwrap_or_default(),
                number(d.map(|d| d.rmse)),
                number(d.map(|d| d.rmse_se)),
                number(d.map(|d| d.squared)),
                number(d.map(|d| d.squared_se)),
                self.missing.len().to_string(),
                self.skipped.len().to_string(),
            ]));
        }
        out
    }

    /// `leaderboard.md`, which is also what the terminal shows.
    #[must_use]
    pub fn leaderboard_markdown(&self) -> String {
        let mut out = format!("{}\n", self.scope());
        for board in &self.boards {
            let truth = super::truths::name(board.estimand);
            let units = "Bias, RMSE and width in units of the standard deviation of the outcome";
            out.push_str(&format!("\n{} against {truth}. {units}.\n\n", board.estimand.acronym()));
            out.push_str(&board.table().to_markdown());
        }
        out
    }
}
