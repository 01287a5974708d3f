//! Effects on outcomes that treatment cannot have changed.
//!
//! A placebo outcome was measured before treatment, a negative control cannot be moved by it; neither is a confounder the
//! design adjusts for. If adjustment for the measured confounders is enough, the design's own estimator finds no effect on
//! either (Lipsitch, Tchetgen Tchetgen & Cohen 2010, doi:10.1097/EDE.0b013e3181d61eeb):
//!
//! ```text
//! z = τ̂/se,   p = 2·(1 − Φ(|z|))
//! Holm (1979):  p̃₍ᵢ₎ = max_{j ≤ i} min(1, (m − j + 1)·p₍ⱼ₎),   p₍₁₎ ≤ … ≤ p₍ₘ₎
//! ```
//!
//! Holm's step-down keeps the chance of even one false alarm among m true placebos at the nominal level, whatever their
//! dependence. m counts the placebos that were tested; one that could not be tested is named in
//! [`PlaceboReport::not_applicable`] and is not a pass.

use crate::numerics::distributions::normal_two_sided;
use serde::{Deserialize, Serialize};

/// The effect on one declared placebo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlaceboEffect {
    /// Column.
    pub column: String,
    /// `placebo_outcome` or `negative_control`.
    pub role: String,
    /// Estimated effect, in the placebo's own units.
    pub estimate: f64,
    /// Its standard error.
    pub std_error: f64,
    /// Effect in standard deviations of the placebo.
    pub standardised: f64,
    /// Two-sided normal p-value.
    pub p_value: f64,
    /// Holm-adjusted over the declared placebos of this analysis.
    pub p_holm: f64,
}

/// All declared placebos of one analysis, or why there are none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlaceboReport {
    /// One per declared placebo that could be tested, in the order of the plan.
    pub effects: Vec<PlaceboEffect>,
    /// Why nothing could be tested, if so; or, next to the effects that were, which placebos could not be and why.
    pub not_applicable: Option<String>,
}

/// An estimated effect on one placebo, before anything is made of it.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaceboEstimate {
    /// Column.
    pub column: String,
    /// `placebo_outcome` or `negative_control`.
    pub role: String,
    /// Estimated effect, in the placebo's own units.
    pub estimate: f64,
    /// Its standard error.
    pub std_error: f64,
    /// Standard deviation of the placebo among the analysed units.
    pub sd: f64,
}

/// Why a placebo could not be tested.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlaceboError {
    /// It does not vary.
    #[error("`{column}` has the same value for every unit in this population, so it cannot show an effect")]
    Constant {
        /// Column.
        column: String,
    },
    /// The effect could not be estimated.
    #[error("the effect on `{column}` could not be estimated: {reason}")]
    NotEstimated {
        /// Column.
        column: String,
        /// What the estimator said.
        reason: String,
    },
    /// The effect has no usable standard error.
    #[error(
        "the effect on `{column}` is {estimate} with standard error {std_error}; a test needs a positive, finite one"
    )]
    StandardError {
        /// Column.
        column: String,
        /// Estimated effect.
        estimate: f64,
        /// Its standard error.
        std_error: f64,
    },
}

/// The tests of all declared placebos of one analysis: one entry per placebo, in the order of the plan.
#[must_use]
pub fn placebo_report(tests: Vec<Result<PlaceboEstimate, PlaceboError>>) -> PlaceboReport {
    if tests.is_empty() {
        let why = "the plan declares no placebo outcome and no negative control".to_owned();
        return PlaceboReport { effects: Vec::new(), not_applicable: Some(why) };
    }
    let mut reasons = Vec::new();
    let mut effects: Vec<PlaceboEffect> = Vec::new();
    for test in tests {
        match test.and_then(effect) {
            Ok(effect) => effects.push(effect),
            Err(error) => reasons.push(error.to_string()),
        }
    }
    let adjusted = holm(&effects.iter().map(|e| e.p_value).collect::<Vec<_>>());
    for (effect, p) in effects.iter_mut().zip(adjusted) {
        effect.p_holm = p;
    }
    PlaceboReport { effects, not_applicable: (!reasons.is_empty()).then(|| reasons.join("; ")) }
}

/// Holm's step-down adjustment of p-values, in the order given.
#[must_use]
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<(usize, f64)> = p_values.iter().copied().enumerate().collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut running = 0.0_f64;
    let mut adjusted: Vec<(usize, f64)> = Vec::with_capacity(order.len());
    for (rank, (place, p)) in order.into_iter().enumerate() {
        running = running.max((p * (p_values.len() - rank) as f64).min(1.0));
        adjusted.push((place, running));
    }
    adjusted.sort_by_key(|(place, _)| *place);
    adjusted.into_iter().map(|(_, p)| p).collect()
}

/// The tested effect, with Holm still to come.
fn effect(test: PlaceboEstimate) -> Result<PlaceboEffect, PlaceboError> {
    let PlaceboEstimate { column, role, estimate, std_error, sd } = test;
    if sd <= 0.0 || !sd.is_finite() {
        return Err(PlaceboError::Constant { column });
    }
    if std_error <= 0.0 || !std_error.is_finite() || !estimate.is_finite() {
        return Err(PlaceboError::StandardError { column, estimate, std_error });
    }
    let p_value = normal_two_sided(estimate / std_error);
    Ok(PlaceboEffect { column, role, estimate, std_error, standardised: estimate / sd, p_value, p_holm: p_value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn test(column: &str, estimate: f64, std_error: f64, sd: f64) -> Result<PlaceboEstimate, PlaceboError> {
        Ok(PlaceboEstimate { column: column.into(), role: "placebo_outcome".into(), estimate, std_error, sd })
    }

    #[test]
    fn p_values_are_those_of_the_tables() {
        for (z, p) in [(0.0, 1.0), (1.959963984540054, 0.05), (-2.5758293035489004, 0.01), (6.0, 1.973175290075396e-9)]
        {
            let got = placebo_report(vec![test("re75", z, 1.0, 2.0)]).effects[0].p_value;
            assert!((got / p - 1.0_f64).abs() < 1e-12, "{z}: {got}");
        }
    }

    #[test]
    fn holm_of_a_textbook_example() {
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
        for (got, expected) in adjusted.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((got - expected).abs() < 1e-15, "{adjusted:?}");
        }
        assert!(holm(&[]).is_empty());
    }

    #[test]
    fn an_untestable_placebo_is_named_and_the_others_are_tested() {
        let gone = Err(PlaceboError::NotEstimated { column: "wt71".into(), reason: "it is not in the data".into() });
        let report = placebo_report(vec![test("re75", 2.0, 1.0, 4.0), test("u75", 0.0, 1.0, 0.0), gone]);
        assert_eq!(report.effects.len(), 1);
        assert_eq!(report.effects[0].standardised, 0.5);
        assert_eq!(report.effects[0].p_holm, report.effects[0].p_value);
        let why = report.not_applicable.expect("two reasons");
        assert!(why.contains("`u75`") && why.contains("`wt71`"), "{why}");
    }

    #[test]
    fn no_placebo_is_not_applicable_and_no_uncertainty_is_refused() {
        assert!(placebo_report(Vec::new()).not_applicable.is_some_and(|why| why.contains("declares no placebo")));
        for se in [0.0, f64::NAN, f64::INFINITY] {
            let report = placebo_report(vec![test("re75", 1.0, se, 1.0)]);
            assert!(report.effects.is_empty() && report.not_applicable.is_some());
        }
    }

    proptest! {
        #[test]
        fn holm_only_makes_p_values_larger(p in prop::collection::vec(0.0..=1.0_f64, 1..12)) {
            for (adjusted, raw) in holm(&p).iter().zip(&p) {
                prop_assert!(adjusted >= raw && *adjusted <= 1.0);
            }
        }

        #[test]
        fn holm_keeps_the_order_and_the_smallest_is_bonferroni(p in prop::collection::vec(0.0..=1.0_f64, 1..12)) {
            let adjusted = holm(&p);
            for i in 0..p.len() {
                for j in 0..p.len() {
                    prop_assert!(p[i] > p[j] || adjusted[i] <= adjusted[j]);
                }
            }
            let smallest = |v: &[f64]| v.iter().copied().fold(f64::INFINITY, f64::min);
            prop_assert!((smallest(&adjusted) - (smallest(&p) * p.len() as f64).min(1.0)).abs() < 1e-15);
        }

        /// Step-down as Holm states it: reject in order of p while p₍ⱼ₎ <= α/(m − j + 1), stop at the first that is not.
        #[test]
        fn holm_rejects_what_the_step_down_rejects(p in prop::collection::vec(0.0..=1.0_f64, 1..12), alpha in 0.01..0.5_f64) {
            let mut sorted = p.clone();
            sorted.sort_by(f64::total_cmp);
            let m = p.len();
            let steps = sorted.iter().enumerate().take_while(|(j, p)| **p * (m - j) as f64 <= alpha).count();
            prop_assert_eq!(holm(&p).iter().filter(|p| **p <= alpha).count(), steps);
        }

        #[test]
        fn the_order_of_the_placebos_does_not_matter(p in prop::collection::vec(0.0..=1.0_f64, 1..12)) {
            let reversed: Vec<f64> = p.iter().rev().copied().collect();
            let back: Vec<f64> = holm(&reversed).into_iter().rev().collect();
            prop_assert_eq!(holm(&p), back);
        }
    }
}
