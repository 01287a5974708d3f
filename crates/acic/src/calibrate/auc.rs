//! The power of a score to tell cases with an event from those without.
//!
//! With scores s⁺ of the n₊ cases with the event and s⁻ of the n₋ without (Hanley & McNeil 1982,
//! doi:10.1148/radiology.143.1.7063747):
//!
//! ```text
//! AUC = Σ Σ [1(s⁺ > s⁻) + ½ 1(s⁺ = s⁻)] / (n₊ n₋)
//! ```
//!
//! It is undefined where one group is empty. The interval is the 2.5 % and 97.5 % quantile over 500 resamples that draw
//! with replacement within each group, so that each resample has both. Cases are taken as independent; datasets of one
//! setting of the competition share covariates and surfaces, so intervals there are somewhat too short.

use causal::numerics::{quantile, streams};
use rand::RngExt;

/// Resamples.
pub const RESAMPLES: usize = 500;

/// An area, with the size of what it was computed from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Auc {
    /// Cases.
    pub n: usize,
    /// Cases with the event.
    pub events: usize,
    /// The area; `None` if all cases or no case has the event.
    pub area: Option<f64>,
    /// Percentile interval; `None` likewise.
    pub interval: Option<(f64, f64)>,
}

/// The area of pairs (score, event), with the resamples of the stream `stage` under `seed`.
#[must_use]
pub fn auc(pairs: &[(f64, bool)], seed: u64, stage: &str) -> Auc {
    let scores = |event: bool| -> Vec<f64> { pairs.iter().filter(|p| p.1 == event).map(|p| p.0).collect() };
    let (with, mut without) = (scores(true), scores(false));
    without.sort_by(f64::total_cmp);
    let area = area(&with, &without);
    let interval = area.and_then(|_| {
        let mut rng = streams::stream(seed, stage);
        let mut areas = Vec::with_capacity(RESAMPLES);
        for _ in 0..RESAMPLES {
            let mut draw = |from: &[f64]| -> Vec<f64> {
                let pick = |_| from.get(rng.random_range(0..from.len())).copied();
                (0..from.len()).filter_map(pick).collect()
            };
            let (a, mut b) = (draw(&with), draw(&without));
            b.sort_by(f64::total_cmp);
            areas.extend(self::area(&a, &b));
        }
        let ends = quantile::quantiles(&areas, &[0.025, 0.975])?;
        ends.first().copied().zip(ends.get(1).copied())
    });
    Auc { n: pairs.len(), events: with.len(), area, interval }
}

/// `without` ascending.
fn area(with: &[f64], without: &[f64]) -> Option<f64> {
    if with.is_empty() || without.is_empty() {
        return None;
    }
    let twice = |s: &f64| without.partition_point(|o| o < s) + without.partition_point(|o| o <= s);
    let wins: usize = with.iter().map(twice).sum();
    Some(wins as f64 / (2 * with.len() * without.len()) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_count_half() {
        // With: 1, 2, 3. Without: 0, 2, 2, 5. Wins: 1 beats 0; 2 beats 0 and ties twice; 3 beats 0, 2, 2: 1 + 2 + 3 of 12.
        let pairs = [(1.0, true), (2.0, true), (3.0, true), (0.0, false), (2.0, false), (2.0, false), (5.0, false)];
        let found = auc(&pairs, 1, "test");
        assert_eq!((found.n, found.events, found.area), (7, 3, Some(0.5)));
        let turned: Vec<(f64, bool)> = pairs.iter().map(|(s, e)| (*s, *e || *s == 0.0)).collect();
        // With: 0, 1, 2, 3. Without: 2, 2, 5: 2 ties twice, 3 beats both: 1 + 2 of 12.
        assert_eq!(auc(&turned, 1, "test").area, Some(0.25));
    }

    #[test]
    fn an_interval_is_seeded_and_holds_the_area_and_none_is_made_up() {
        let pairs: Vec<(f64, bool)> = (0..60).map(|i| (f64::from(i * 37 % 60), i % 3 == 0 || i > 50)).collect();
        let found = auc(&pairs, 1, "a");
        let (lower, upper) = found.interval.expect("both groups");
        assert!(lower < found.area.expect("both") && found.area.expect("both") < upper && upper - lower < 0.5);
        assert_eq!(found, auc(&pairs, 1, "a"));
        assert_ne!(found.interval, auc(&pairs, 2, "a").interval);
        let perfect = auc(&[(1.0, false), (2.0, true)], 1, "a");
        assert_eq!((perfect.area, perfect.interval), (Some(1.0), Some((1.0, 1.0))));
        let none = auc(&[(1.0, false), (2.0, false)], 1, "a");
        assert_eq!((none.events, none.area, none.interval), (0, None, None));
    }
}
