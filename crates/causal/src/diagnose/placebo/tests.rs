//! Holm, refusals, and the rate at which true placebos fire.

use crate::diagnose::placebo::*;
use crate::estimand::Population;
use crate::estimate::estimate;
use crate::learners::logistic::LogisticParams;
use ndarray::Array2;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn test(column: &str, estimate: f64, std_error: f64, sd: f64) -> Result<PlaceboEstimate, PlaceboError> {
    Ok(PlaceboEstimate { column: column.into(), role: "placebo_outcome".into(), estimate, std_error, sd })
}

#[test]
fn p_values_are_those_of_the_tables() {
    for (z, p) in [(0.0, 1.0), (1.959963984540054, 0.05), (-2.5758293035489004, 0.01), (6.0, 1.973175290075396e-9)] {
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

/// n units, one confounder x, treatment by a logistic rule in x, and the noise stream for placebos.
fn design(n: usize, seed: u64) -> (Covariates, ChaCha8Rng) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let x = Array2::from_shape_fn((n, 1), |_| rng.random::<f64>() * 2.0 - 1.0);
    let t = x.column(0).mapv(|x| f64::from(rng.random::<f64>() < 1.0 / (1.0 + (-x).exp())));
    (Covariates::new(x, vec!["x".into()], t, None).expect("both arms"), rng)
}

fn placebo(column: &str, values: Array1<f64>) -> DeclaredPlacebo {
    DeclaredPlacebo { column: column.into(), role: "negative_control".into(), values }
}

fn params(estimator: EstimatorKind) -> PlaceboParams {
    let logistic = LogisticParams::default();
    let (population, outcome) = (Population::All, OutcomeKind::Binary);
    PlaceboParams {
        estimator,
        estimate: EstimateParams {
            population,
            outcome,
            folds: 5,
            seed: 1,
            logistic,
            models: Default::default(),
            inference: Default::default(),
        },
    }
}

#[test]
fn what_cannot_be_estimated_is_named_and_the_rest_is_tested() {
    let (cov, mut rng) = design(200, 3);
    let x = cov.x().column(0).to_owned();
    let noise: Array1<f64> = (0..200).map(|_| rng.random::<f64>()).collect();
    let declared = [
        placebo("fine", &x + &noise),
        placebo("constant", Array1::from_elem(200, 0.1)),
        placebo("confounder", 3.0 - 2.0 * &x),
        placebo("in_grams", 3e6 - 2e6 * &x),
        placebo("short", Array1::zeros(7)),
        placebo("missing", noise.mapv(|v| if v > 0.5 { f64::NAN } else { v })),
    ];
    let report = placebo_effects(&cov, &declared, Target::Ate, &params(EstimatorKind::Aipw));
    assert_eq!(report.effects.iter().map(|e| e.column.as_str()).collect::<Vec<_>>(), ["fine"]);
    let why = report.not_applicable.expect("five reasons");
    for reason in [
        "`constant` has the same value",
        "`confounder` is a combination of the design terms",
        "`in_grams` is a combination of the design terms",
        "`short` could not be estimated",
        "`missing` could not be estimated",
    ] {
        assert!(why.contains(reason), "{reason} is not in: {why}");
    }
}

#[test]
fn the_effect_is_the_one_of_the_estimator_and_a_hidden_confounder_is_found() {
    let (cov, mut rng) = design(400, 4);
    let noise: Array1<f64> = (0..400).map(|_| rng.random::<f64>()).collect();
    let hidden = placebo("hidden", &noise + 0.5 * cov.treated());
    for estimator in [EstimatorKind::Aipw, EstimatorKind::IpwHajek] {
        let report = placebo_effects(&cov, std::slice::from_ref(&hidden), Target::Att, &params(estimator));
        let sample = Sample::new(cov.clone(), hidden.values.clone()).expect("sample");
        let continuous = EstimateParams { outcome: OutcomeKind::Continuous, ..params(estimator).estimate };
        let direct = estimate(&sample, estimator, Target::Att, &continuous).expect("effect");
        let effect = &report.effects[0];
        assert!(
            (effect.estimate - direct.estimate).abs() < 1e-12 && (effect.std_error - direct.std_error).abs() < 1e-12
        );
        assert!((effect.estimate - 0.5).abs() < 0.15 && effect.p_holm < 1e-6, "{effect:?}");
    }
}

/// Treatment that the terms separate: nothing can be tested, and the reason is given.
#[test]
fn without_a_propensity_nothing_is_tested() {
    let x = Array2::from_shape_fn((20, 1), |(i, _)| i as f64);
    let t: Array1<f64> = (0..20).map(|i| f64::from(u8::from(i >= 10))).collect();
    let cov = Covariates::new(x, vec!["x".into()], t, None).expect("both arms");
    let declared = [placebo("z", (0..20).map(|i| f64::from(i % 3)).collect())];
    let report = placebo_effects(&cov, &declared, Target::Ate, &params(EstimatorKind::Aipw));
    assert!(report.effects.is_empty());
    assert!(report.not_applicable.is_some_and(|why| why.contains("`z`") && why.contains("propensity")));
}

/// Two true placebos, both driven by the confounder, in each of 600 seeded samples of 250 units. Over 6000 samples the rates
/// are 5.4 % and 5.6 %, and nearer to 5 % at 1000 units: the price of a normal test. The Monte Carlo standard error here is
/// 0.6 points for the 1200 single tests and 0.9 for the families; the bands are 3 of them, plus one point above.
#[test]
fn true_placebos_fire_at_the_nominal_rate() {
    let (samples, mut single, mut family) = (600, 0, 0);
    for seed in 0..samples {
        let (cov, mut rng) = design(250, 1000 + seed);
        let x = cov.x().column(0).to_owned();
        let mut draw = |slope: f64| x.mapv(|x| slope * x + rng.random::<f64>() + rng.random::<f64>());
        let declared = [placebo("a", draw(2.0)), placebo("b", draw(-1.0))];
        let report = placebo_effects(&cov, &declared, Target::Ate, &params(EstimatorKind::Aipw));
        single += report.effects.iter().filter(|e| e.p_value < 0.05).count();
        family += usize::from(report.effects.iter().any(|e| e.p_holm < 0.05));
    }
    let single = single as f64 / (2 * samples) as f64;
    let family = family as f64 / samples as f64;
    assert!((0.031..0.079).contains(&single), "single tests fire at {single}");
    assert!((0.023..0.087).contains(&family), "any of two fires, after Holm, at {family}");
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
