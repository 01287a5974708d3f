//! The leaderboard: every method of one estimand, best RMSE first.

use super::measures::{Measures, Paired};
use super::{Method, Scores, Tiers};
use crate::csv_table;
use crate::text::decimal_or_empty;
use causal::estimand::Target;
use std::collections::BTreeMap;

/// One method.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its name.
    pub method: String,
    /// `true` if it is ours.
    pub ours: bool,
    /// The name of the truth that it is held against.
    pub truth: &'static str,
    /// Its measures.
    pub measures: Measures,
    /// Our first estimator minus this method, on the datasets that both have; `None` for that estimator itself.
    pub difference: Option<Paired>,
}

/// All methods of one estimand.
#[derive(Debug, Clone, PartialEq)]
pub struct Board {
    /// The estimand.
    pub estimand: Target,
    /// Best RMSE first.
    pub lines: Vec<Line>,
}

impl Board {
    /// Ranks our methods among the others; differences are to the first of ours.
    pub(super) fn rank(estimand: Target, ours: &[Method], theirs: &[Method]) -> Board {
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
        // By name where two are equal, so that the order is the same each time.
        lines.sort_by(|a, b| order(a).total_cmp(&order(b)).then_with(|| a.method.cmp(&b.method)));
        Board { estimand, lines }
    }
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
    Paired::from_pairs(&pairs)
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
            let number = decimal_or_empty;
            let (m, d) = (&line.measures, line.difference.as_ref());
            out.push_str(&csv_table::line(&[
                board.estimand.key().to_owned(),
                line.truth.to_owned(),
                csv_table::foreign(&line.method),
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
}
