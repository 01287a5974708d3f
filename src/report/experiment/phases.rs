//! The effects on those who were assigned earlier and later, in words: whether an effect wears off, or has to be learned.

use super::shown;
use crate::record::experiment::{EffectRow, ExperimentResults, Phase};

/// The effect on a metric in an arm in the two phases, or nothing: `−5.6 [−9.1, −2.1] on days 1 to 5, −2.9 [−6.2, 0.4] on days 6 to 10`.
#[must_use]
pub fn of_metric(results: &ExperimentResults, metric: &str, arm: &str) -> Option<String> {
    let [early, late] = results.phases.as_slice() else { return None };
    let parts = [early, late].map(|phase| {
        let row = phase.effects.iter().find(|row| row.metric == metric && row.arm == arm)?;
        Some(format!("{} {}", shown::absolute(&row.effect), when(results, phase)))
    });
    let [early, late] = parts;
    Some(format!("{}, {}", early?, late?))
}

/// One sentence for each primary metric and arm with an effect in both phases.
#[must_use]
pub fn sentences(results: &ExperimentResults) -> Vec<String> {
    let rows = results.phases.first().map(|phase| phase.effects.as_slice()).unwrap_or_default();
    let sentence = |row: &EffectRow| {
        let both = of_metric(results, &row.metric, &row.arm)?;
        let verb = if by_period(results) { "measured" } else { "assigned" };
        Some(format!("Effect on `{}` in `{}` of those {verb} earlier and later: {both}.", row.metric, row.arm))
    };
    rows.iter().filter_map(sentence).collect()
}

fn when(results: &ExperimentResults, phase: &Phase) -> String {
    let [from, to] = [phase.from, phase.to].map(shown::day);
    match (by_period(results), from == to) {
        (true, true) => format!("in period {from}"),
        (true, false) => format!("in periods {from} to {to}"),
        (false, true) => format!("on day {from}"),
        (false, false) => format!("on days {from} to {to}"),
    }
}

fn by_period(results: &ExperimentResults) -> bool {
    results.days.iter().all(|day| day.cumulative.is_empty())
        && results.days.iter().any(|day| !day.of_the_day.is_empty())
}
