//! The rows of the forest plot: per requested estimand its answer, the other estimators on the same design, the
//! benchmarks, and the primary estimates of the other iterations.

use crate::record::documents::{Answer, EffectRow, ResultsDocument};
use crate::report::plots::scene::Span;
use crate::report::sentences;
use crate::text::numbers;

/// The role of an estimate. The order is the order on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The answer.
    Answer,
    /// Another estimator on the same design.
    Other,
    /// Naive difference or one-shot regression: never an answer.
    Benchmark,
    /// The primary estimator on another iteration's design.
    Iteration,
}

/// One estimate.
#[derive(Debug, Clone, PartialEq)]
pub struct ForestRow {
    pub role: Role,
    pub label: String,
    /// Estimate and interval in full.
    pub numbers: String,
    pub estimate: f64,
    pub lower: f64,
    pub upper: f64,
}

/// A requested estimand with its estimates.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    pub heading: String,
    /// Empty if nothing could be estimated.
    pub rows: Vec<ForestRow>,
}

pub fn groups(results: &ResultsDocument) -> Vec<Group> {
    results.answers.iter().map(|answer| group(answer, &results.effects)).collect()
}

fn group(answer: &Answer, effects: &[EffectRow]) -> Group {
    // A one-shot analyst does not trim: the benchmarks are those of the first design, on every analysed row.
    let first = effects.iter().filter(|row| row.requested == answer.requested).map(|row| row.iteration).min();
    let mut rows: Vec<ForestRow> = effects
        .iter()
        .filter(|row| row.requested == answer.requested)
        .filter_map(|row| forest_row(answer, row, first))
        .collect();
    // A stable sort: inside a role the order of the document stays.
    rows.sort_by_key(|row| row.role);
    Group { heading: format!("{}: {}", sentences::asked_and_answered(answer), sentences::tier(answer.tier)), rows }
}

fn forest_row(answer: &Answer, row: &EffectRow, first: Option<u32>) -> Option<ForestRow> {
    let effect = &row.effect;
    let here = row.iteration == answer.iteration;
    let role = match (here, row.primary, effect.estimator.is_benchmark()) {
        (_, false, true) if Some(row.iteration) == first => Role::Benchmark,
        (true, true, _) => Role::Answer,
        (true, false, false) => Role::Other,
        (true, false, true) => return None,
        (false, true, _) => Role::Iteration,
        (false, false, _) => return None,
    };
    let label = match role {
        Role::Iteration => format!("iteration {}: {}", row.iteration, row.name),
        Role::Benchmark if !here && !effect.estimator.adjusts() => "raw means, all rows".to_owned(),
        Role::Benchmark if !here => "regression, all rows".to_owned(),
        _ => effect.estimator.title().to_owned(),
    };
    Some(ForestRow {
        role,
        label,
        numbers: numbers::interval(effect.estimate, effect.std_error, effect.ci_lower, effect.ci_upper),
        estimate: effect.estimate,
        lower: effect.ci_lower,
        upper: effect.ci_upper,
    })
}

/// An axis on which ordinary intervals can be told apart: zero, and every interval whose ends lie within
/// [`REACH`] typical half-widths of the middle. What lies beyond is clipped on the axis, never in the numbers.
pub fn range(rows: &[&ForestRow]) -> Span {
    let centre = median(rows.iter().filter(|r| r.role != Role::Benchmark).map(|r| r.estimate).collect());
    let half = median(rows.iter().map(|r| (r.upper - r.lower) / 2.0).collect());
    let near = |value: f64| (value - centre).abs() <= REACH * half;
    let (mut low, mut high) = (centre.min(0.0), centre.max(0.0));
    for row in rows {
        let fits = near(row.lower) && near(row.upper);
        if fits {
            low = low.min(row.lower);
            high = high.max(row.upper);
        }
    }
    let margin = 0.06 * (high - low);
    let margin = if high > low { margin } else { 1.0 };
    Span::new(low - margin, high + margin)
}

/// The reach of an interval, in typical half-widths, beyond which its end is clipped.
const REACH: f64 = 20.0;

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(role: Role, estimate: f64, half: f64) -> ForestRow {
        let (lower, upper) = (estimate - half, estimate + half);
        ForestRow { role, label: String::new(), numbers: String::new(), estimate, lower, upper }
    }

    #[test]
    fn one_wild_interval_does_not_set_the_axis() {
        let rows = [row(Role::Answer, 3.0, 1.0), row(Role::Other, 3.2, 1.1), row(Role::Other, 2.0, 900.0)];
        let Span { from: low, to: high } = range(&rows.iter().collect::<Vec<_>>());
        assert!(low < 0.0 && low > -1.0 && high > 4.3 && high < 5.0, "{low} {high}");
    }

    #[test]
    fn the_axis_holds_zero_and_what_is_near() {
        let rows = [row(Role::Answer, 1500.0, 1300.0), row(Role::Benchmark, -8500.0, 1140.0)];
        let Span { from: low, to: high } = range(&rows.iter().collect::<Vec<_>>());
        assert!(low < -9640.0 && high > 2800.0);
        assert_eq!(range(&[&row(Role::Answer, 0.0, 0.0)]), Span::new(-1.0, 1.0));
    }
}
