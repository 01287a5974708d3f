//! The leaderboard: every method of one estimand, best RMSE first.

use super::measures::{Measures, Paired};
use super::{Method, Scores, Tiers};
use crate::csv_table;
use crate::observed::Key;
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
    /// The datasets with the largest errors of our first estimator, largest first; at most [`CARRIERS`].
    pub carriers: Vec<Carrier>,
}

/// The number of datasets that are named as carriers of the squared error.
pub const CARRIERS: usize = 5;

/// A dataset with a large error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Carrier {
    /// The dataset.
    pub key: Key,
    /// (estimate − truth)/sd(y).
    pub error: f64,
    /// Its share of the summed squared error of all datasets.
    pub share: f64,
}

fn carriers(method: &Method) -> Vec<Carrier> {
    let errors: Vec<(Key, f64)> =
        method.errors.iter().filter_map(|(key, error)| Some((*key, error.as_ref()?.error))).collect();
    let total: f64 = errors.iter().map(|(_, e)| e * e).sum();
    let share = |error: f64| if total > 0.0 { error * error / total } else { 0.0 };
    let mut all: Vec<Carrier> =
        errors.into_iter().map(|(key, error)| Carrier { key, error, share: share(error) }).collect();
    // Stable, so that equal errors stay in the order of the datasets.
    all.sort_by(|a, b| b.share.total_cmp(&a.share));
    all.truncate(CARRIERS);
    all
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
        Board { estimand, lines, carriers: reference.map(carriers).unwrap_or_default() }
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

const COLUMNS: &str = "estimand,truth,method,ours,n,failed,bias,rmse,rmse_lower,rmse_upper,winsorised_rmse,winsorised_lower,winsorised_upper,median_error,coverage,width,paired_n,rmse_difference,\
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
                number(m.rmse_interval.map(|i| i[0])),
                number(m.rmse_interval.map(|i| i[1])),
                number(m.winsorised),
                number(m.winsorised_interval.map(|i| i[0])),
                number(m.winsorised_interval.map(|i| i[1])),
                number(m.median),
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
