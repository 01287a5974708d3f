//! The scores as tables for people.

use crate::report::table::{Column, Table};
use crate::text::numbers;
use acic::score::measures::Measures;
use acic::score::{Board, Scores, Tiers, Verdicts, truth_name};

/// A leaderboard: RMSE, coverage, width in units of sd(y).
#[must_use]
pub fn board(board: &Board) -> Table {
    let columns = [
        ("method", Column::Words),
        ("n", Column::Number),
        ("failed", Column::Number),
        ("bias", Column::Number),
        ("RMSE", Column::Number),
        ("winsorised", Column::Number),
        ("median", Column::Number),
        ("coverage", Column::Number),
        ("width", Column::Number),
        ("our RMSE minus its (SE)", Column::Number),
    ];
    let mut table = Table::new(&columns);
    for line in &board.lines {
        let own = line.truth != truth_name(board.estimand);
        let name = if own { format!("{} (against {})", line.method, line.truth) } else { line.method.clone() };
        let mut cells = vec![name];
        cells.extend(measure_cells(&line.measures));
        let difference = line.difference.as_ref();
        cells
            .push(difference.map_or(String::new(), |d| {
                format!("{} ({})", numbers::fixed(d.rmse, 4), numbers::fixed(d.rmse_se, 4))
            }));
        if line.ours { table.push_strong(cells) } else { table.push(cells) }
    }
    table
}

/// The measures of each group of estimates, by the verdicts that divide them.
#[must_use]
pub fn verdicts(verdicts: &Verdicts) -> Table {
    let columns = [
        ("estimates", Column::Words),
        ("verdicts", Column::Words),
        ("group", Column::Words),
        ("share", Column::Number),
        ("n", Column::Number),
        ("failed", Column::Number),
        ("bias", Column::Number),
        ("RMSE", Column::Number),
        ("winsorised", Column::Number),
        ("median", Column::Number),
        ("coverage", Column::Number),
        ("width", Column::Number),
    ];
    let mut table = Table::new(&columns);
    for contrast in &verdicts.contrasts {
        for (group, measures) in &contrast.groups {
            let share = measures.share.map(numbers::percent).unwrap_or_default();
            let mut cells =
                vec![contrast.estimates.clone(), contrast.verdicts.to_owned(), group.key().to_owned(), share];
            cells.extend(measure_cells(measures));
            if *group == Tiers::All { table.push_strong(cells) } else { table.push(cells) }
        }
    }
    table
}

/// The root mean square with its bootstrap interval: `0.0088 [0.0071, 0.0107]`.
fn with_interval(value: Option<f64>, interval: Option<[f64; 2]>) -> String {
    let Some(value) = value else { return "–".to_owned() };
    let interval =
        interval.map(|[lower, upper]| format!(" [{}, {}]", numbers::fixed(lower, 4), numbers::fixed(upper, 4)));
    numbers::fixed(value, 4) + &interval.unwrap_or_default()
}

/// n, failed, bias, RMSE, winsorised RMSE, median, coverage, width.
fn measure_cells(measures: &Measures) -> Vec<String> {
    let fixed = |value: Option<f64>, decimals| value.map_or("–".to_owned(), |value| numbers::fixed(value, decimals));
    vec![
        measures.n.to_string(),
        measures.failed.to_string(),
        fixed(measures.bias, 4),
        with_interval(measures.rmse, measures.rmse_interval),
        with_interval(measures.winsorised, measures.winsorised_interval),
        fixed(measures.median, 4),
        fixed(measures.coverage, 3),
        fixed(measures.width, 4),
    ]
}

/// The datasets with the largest errors of our first estimator, and the share of the summed squared error that each has.
#[must_use]
pub fn carriers(board: &Board) -> Table {
    let columns =
        [("dataset", Column::Words), ("error / sd(y)", Column::Number), ("share of the squared error", Column::Number)];
    let mut table = Table::new(&columns);
    for carrier in &board.carriers {
        let share = numbers::percent(carrier.share);
        table.push(vec![carrier.key.to_string(), numbers::fixed(carrier.error, 4), share]);
    }
    table
}

/// `leaderboard.md`, which is also what the terminal shows.
#[must_use]
pub fn leaderboard_markdown(scores: &Scores) -> String {
    let mut out = format!("{}\n", scores.scope());
    for each in &scores.boards {
        let truth = truth_name(each.estimand);
        let units = "Bias, RMSE, median absolute error and width in units of the standard deviation of the outcome; winsorised: errors cut at their 95 % quantile; in brackets 95 % bootstrap intervals over datasets";
        out.push_str(&format!("\n{} against {truth}. {units}.\n\n", each.estimand.acronym()));
        out.push_str(&board(each).to_markdown());
        if !each.carriers.is_empty() {
            out.push_str("\nThe datasets that carry the mean squared error of our first estimator:\n\n");
            out.push_str(&carriers(each).to_markdown());
        }
    }
    out
}
