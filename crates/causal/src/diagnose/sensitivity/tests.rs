//! The facade: invariances, benchmarks that cannot be, and the claim the rubric rests on.

use crate::diagnose::sensitivity::*;
use crate::effect::SeMethod;
use crate::estimand::{Estimand, Population, Target};
use crate::estimator::EstimatorKind;
use crate::sample::Covariates;
use crate::scale::Scale;
use ndarray::{Array1, Array2};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// n units with a strong confounder `age`, a weak one `sex`, and a treatment effect of one.
fn sample(n: usize, strength: f64, seed: u64) -> Sample {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut draw = || rng.random::<f64>() - 0.5;
    let x = Array2::from_shape_fn((n, 2), |(_, j)| if j == 0 { draw() } else { f64::from(draw() > 0.0) });
    let t: Array1<f64> = (0..n).map(|i| f64::from(draw() < strength * x[[i, 0]] + 0.05 * x[[i, 1]])).collect();
    let y: Array1<f64> = (0..n).map(|i| t[i] + strength * x[[i, 0]] + 0.1 * x[[i, 1]] + draw()).collect();
    let names = vec!["age".to_owned(), "sex".to_owned()];
    Sample::new(Covariates::new(x, names, t, None).expect("covariates"), y).expect("sample")
}

pub(super) fn effect(estimate: f64, std_error: f64) -> Effect {
    Effect {
        estimand: Estimand { target: Target::Ate, population: Population::All },
        estimator: EstimatorKind::Aipw,
        scale: Scale::Difference,
        estimate,
        std_error,
        se_method: SeMethod::InfluenceFunction,
        se_influence: None,
        se_stacked: None,
        ci_lower: estimate - 1.96 * std_error,
        ci_upper: estimate + 1.96 * std_error,
        mean_treated: Some(0.6),
        mean_control: Some(0.4),
        n: 200,
        n_treated: 100,
        ess_treated: 100.0,
        ess_control: 100.0,
        inference: crate::estimand::Inference::Population,
        disagreement: None,
        clipped: 0,
        repeats: 1,
        notes: Vec::new(),
    }
}

fn groups() -> Vec<(String, Vec<usize>)> {
    vec![("age".into(), vec![0]), ("sex".into(), vec![1])]
}

#[test]
fn rescaling_the_outcome_changes_units_only() {
    let s = sample(300, 0.8, 1);
    let scaled = Sample::new(s.covariates().clone(), s.y() * -250.0).expect("sample");
    let run = |s: &Sample, e: Effect| sensitivity(s, &groups(), &e, &ones(s), OutcomeKind::Continuous).expect("report");
    let (a, b) = (run(&s, effect(0.9, 0.1)), run(&scaled, effect(-225.0, 25.0)));
    let close = |a: f64, b: f64| assert!((a - b).abs() <= 1e-9 * (1.0 + a.abs()), "{a} {b}");
    for (a, b) in [
        (a.e_value, b.e_value),
        (a.e_value_ci, b.e_value_ci),
        (a.partial_r2, b.partial_r2),
        (a.rv_q1, b.rv_q1),
        (a.rv_q1_alpha05, b.rv_q1_alpha05),
        (a.tipping_bias * -250.0, b.tipping_bias),
        (a.regression_estimate * -250.0, b.regression_estimate),
        (a.benchmarks[0].equivalent_rv, b.benchmarks[0].equivalent_rv),
        (a.benchmarks[0].adjusted_estimate * -250.0, b.benchmarks[0].adjusted_estimate),
    ] {
        close(a, b);
    }
}

/// With clusters or a widening factor an interval does not reach 1.96 standard errors; the E-value goes by the interval.
#[test]
fn the_e_value_of_the_limit_is_one_exactly_when_the_interval_contains_zero() {
    let s = sample(300, 0.8, 1);
    for reach in [1.959_963_984_540_054, 2.5, 4.303, 1.2] {
        for share in [-1.02, -0.999, -0.9, 0.5, 0.997, 0.9995, 1.0005, 1.003, 1.2] {
            let e = effect(0.3 * share, 0.3 / reach);
            let e = Effect { ci_lower: e.estimate - 0.3, ci_upper: e.estimate + 0.3, ..e };
            let report = sensitivity(&s, &groups(), &e, &ones(&s), OutcomeKind::Continuous).expect("report");
            let contains_zero = e.ci_lower <= 0.0 && e.ci_upper >= 0.0;
            assert_eq!(report.e_value_ci == 1.0, contains_zero, "{reach} {share}: {}", report.e_value_ci);
            assert_eq!(report.tipping_bias == 0.0, contains_zero, "{reach} {share}");
        }
    }
    // Risks of 0.6 and 0.4: an interval of three standard errors either side contains zero, one of 1.96 would not.
    let e = effect(0.2, 0.08);
    let wide = Effect { ci_lower: 0.2 - 3.0 * 0.08, ci_upper: 0.2 + 3.0 * 0.08, ..e.clone() };
    let limit = |e: &Effect| sensitivity(&s, &groups(), e, &ones(&s), OutcomeKind::Binary).expect("report").e_value_ci;
    assert_eq!(limit(&wide), 1.0);
    assert!(limit(&e) > 1.2);
}

#[test]
fn robustness_below_a_benchmark_means_that_the_benchmark_flips_the_sign() {
    let mut seen = [false; 2];
    for seed in 0..40 {
        let s = sample(120, f64::from(u32::try_from(seed % 10).expect("small")) / 6.0, seed);
        // Half of them with nearly the whole effect taken away, so that a benchmark can explain the rest.
        let less = s.covariates().treated() * if seed % 2 == 0 { 0.0 } else { 0.9 };
        let s = Sample::new(s.covariates().clone(), s.y() - less).expect("sample");
        let report = sensitivity(&s, &groups(), &effect(0.9, 0.1), &ones(&s), OutcomeKind::Continuous).expect("report");
        for b in &report.benchmarks {
            let flips = b.adjusted_estimate * report.regression_estimate <= 0.0;
            assert_eq!(report.rv_q1 <= b.equivalent_rv, flips, "{b:?} against {}", report.rv_q1);
            assert_eq!(adjusted_estimate(&report, b.r2_treatment, b.r2_outcome), b.adjusted_estimate);
            seen[usize::from(flips)] = true;
        }
    }
    assert_eq!(seen, [true; 2], "both directions must occur");
}

#[test]
fn a_benchmark_that_cannot_be_is_listed_by_name() {
    // Age explains nearly all of treatment: a hidden confounder as strong would need an R² above one.
    let s = sample(200, 5.0, 3);
    let report = sensitivity(&s, &groups(), &effect(0.9, 0.1), &ones(&s), OutcomeKind::Continuous).expect("report");
    assert_eq!(report.benchmarks_unattainable, ["age"]);
    assert_eq!(report.benchmarks.iter().map(|b| b.confounder.as_str()).collect::<Vec<_>>(), ["sex"]);
}

#[test]
fn binary_outcomes_use_the_risks() {
    let s = sample(200, 0.8, 5);
    let binary = Sample::new(s.covariates().clone(), s.y().mapv(|y| f64::from(y > 0.5))).expect("sample");
    let report =
        sensitivity(&binary, &groups(), &effect(0.2, 0.05), &ones(&binary), OutcomeKind::Binary).expect("report");
    assert!((report.e_value - (1.5 + 0.75_f64.sqrt())).abs() < 1e-12, "risk ratio 0.6/0.4: {}", report.e_value);
}

#[test]
fn an_outcome_that_does_not_vary_is_refused() {
    let s = sample(50, 0.5, 9);
    let flat = Sample::new(s.covariates().clone(), Array1::from_elem(50, 0.1)).expect("sample");
    let refused = sensitivity(&flat, &[], &effect(0.9, 0.1), &ones(&flat), OutcomeKind::Continuous);
    assert_eq!(refused, Err(SensitivityError::ConstantOutcome));
}

#[test]
fn a_priority_confounder_without_terms_is_not_a_weak_one() {
    let groups = [("income".to_owned(), Vec::new())];
    let refused = sensitivity(
        &sample(50, 0.5, 9),
        &groups,
        &effect(0.9, 0.1),
        &ones(&sample(50, 0.5, 9)),
        OutcomeKind::Continuous,
    );
    assert_eq!(refused, Err(SensitivityError::EmptyGroup { confounder: "income".into() }));
}

fn ones(sample: &Sample) -> ndarray::Array1<f64> {
    ndarray::Array1::ones(sample.covariates().n())
}

#[test]
fn the_weighted_regression_is_about_the_answer_and_the_unweighted_one_need_not_be() {
    let s = sample(300, 0.8, 1);
    let same = sensitivity(&s, &groups(), &effect(0.9, 0.1), &ones(&s), OutcomeKind::Continuous).expect("report");
    assert!((same.target_estimate - same.regression_estimate).abs() < 1e-12);
    assert!((same.target_rv_q1 - same.rv_q1).abs() < 1e-12);
    // Weighting only a third of the units is the regression among them.
    let weights: ndarray::Array1<f64> = (0..300).map(|i| f64::from(u8::from(i % 3 == 0))).collect();
    let rows: Vec<usize> = (0..300).step_by(3).collect();
    let part = s.rows(&rows).expect("rows");
    let weighted = sensitivity(&s, &groups(), &effect(0.9, 0.1), &weights, OutcomeKind::Continuous).expect("report");
    let among =
        sensitivity(&part, &groups(), &effect(0.9, 0.1), &ones(&part), OutcomeKind::Continuous).expect("report");
    assert!((weighted.target_estimate - among.regression_estimate).abs() < 1e-9);
    assert!((weighted.target_rv_q1 - among.rv_q1).abs() < 1e-9);
}
