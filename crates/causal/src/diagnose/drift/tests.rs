use crate::diagnose::drift::*;
use crate::estimand::{OutcomeKind, Target};
use crate::estimate::test_data::params;
use crate::estimator::EstimatorKind;
use crate::nuisance::Nuisances;
use crate::numerics::streams::stream;
use crate::sample::{Covariates, Sample};
use ndarray::{Array1, Array2};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;

fn uniform(random: &mut ChaCha8Rng) -> f64 {
    random.random::<f64>()
}

/// Box & Muller (1958).
fn normal(random: &mut ChaCha8Rng) -> f64 {
    let (a, b) = (1.0 - uniform(random), uniform(random));
    (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
}

#[derive(Deserialize)]
struct Case {
    x: Vec<f64>,
    s: Vec<f64>,
    tau: f64,
    log_e: Vec<f64>,
}

#[derive(Deserialize)]
struct Fixture {
    cases: Vec<Case>,
}

fn values(x: &[f64], s: &[f64]) -> Vec<Option<Estimated>> {
    x.iter().zip(s).map(|(x, s)| Some(Estimated { estimate: *x, std_error: *s })).collect()
}

/// Ratios of densities of the contrasts x_t − x_1, by scipy: `tests/fixtures/drift/make_drift.py`.
#[test]
fn the_process_is_the_ratio_of_the_densities_of_contrasts() {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/drift/drift.json"));
    let fixture: Fixture = serde_json::from_str(text).expect("a fixture");
    for case in fixture.cases {
        let made = drift(&values(&case.x, &case.s), case.tau).expect("a test");
        assert_eq!(made.log_e.len(), case.log_e.len());
        for (ours, theirs) in made.log_e.iter().zip(&case.log_e) {
            // scipy's densities are good to about 1e-12 of a log density of order 10 to 100.
            assert!((ours - theirs).abs() < 1e-10, "{ours} {theirs}");
        }
    }
}

/// Monte Carlo, seed 1, 4,000 sequences of 300 partitions of unequal precision. The bound is Ville's, 0.05; with three standard errors
/// of a share of 0.05 in 4,000 (0.0034 each) that is 0.0603. The process must not be so weak that nothing ever happens: above 0.005.
#[test]
fn nothing_moves_and_few_alarms_are_raised_however_long_one_looks() {
    let mut random = stream(1, "drift without drift");
    let mut alarms = 0;
    for _ in 0..4_000 {
        let draw = |_| {
            let std_error = 0.05 + 0.25 * uniform(&mut random);
            Some(Estimated { estimate: 1.0 + std_error * normal(&mut random), std_error })
        };
        let partitions: Vec<_> = (0..300).map(draw).collect();
        alarms += usize::from(alarm(&drift(&partitions, 0.2).expect("a test").log_e, 0.05).is_some());
    }
    assert!((20..=241).contains(&alarms), "{alarms}");
}

/// Monte Carlo, seed 2, 2,000 sequences: a shift of 0.2 standard deviations from partition 26 on, units per partition 1,000 in two equal
/// arms (s = 2/√1000), a reference of 4,000, alarms at 1/25. Found within four partitions in at least 0.80 of them: expected log e after
/// four is 12, its standard deviation 6, the limit 3.2 (the header's formulas, by hand: 0.92); three standard errors of a share are 0.03.
#[test]
fn a_shift_is_found_soon() {
    let mut random = stream(2, "drift with a shift");
    let mut found = 0;
    for _ in 0..2_000 {
        let draw = |t: usize| {
            let units: f64 = if t == 0 { 4_000.0 } else { 1_000.0 };
            let std_error = 2.0 / units.sqrt();
            let shift = if t >= 26 { 0.2 } else { 0.0 };
            Some(Estimated { estimate: shift + std_error * normal(&mut random), std_error })
        };
        let partitions: Vec<_> = (0..30).map(draw).collect();
        found += usize::from(alarm(&drift(&partitions, 0.2).expect("a test").log_e, 0.04).is_some());
    }
    assert!(found >= 1_600, "{found}");
}

#[test]
fn units_of_measurement_and_the_common_value_change_nothing() {
    let x = [1.0, 1.3, 0.9, 1.1, 2.0, 2.2];
    let s = [0.1, 0.2, 0.15, 0.3, 0.2, 0.25];
    let plain = drift(&values(&x, &s), 0.5).expect("a test");
    let moved: Vec<f64> = x.iter().map(|x| 100.0 + 3.0 * x).collect();
    let wider: Vec<f64> = s.iter().map(|s| 3.0 * s).collect();
    let other = drift(&values(&moved, &wider), 1.5).expect("a test");
    for (a, b) in plain.log_e.iter().zip(&other.log_e) {
        assert!((a - b).abs() < 1e-10);
    }
    let (plain, other) = (plain.shift.expect("a shift"), other.shift.expect("a shift"));
    assert_eq!(plain.since, 4);
    assert_eq!(other.since, 4);
    assert!((other.size - 3.0 * plain.size).abs() < 1e-10);
}

/// The likeliest shift is the difference of the means before and after it, which is also B/C.
#[test]
fn the_size_of_a_shift_is_the_difference_of_the_means() {
    let made = drift(&values(&[1.0, 1.0, 3.0, 3.0], &[0.1, 0.1, 0.1, 0.1]), 1.0).expect("a test");
    let shift = made.shift.expect("a shift");
    assert_eq!(shift.since, 2);
    assert!((shift.size - 2.0).abs() < 1e-12);
    assert!((shift.std_error - 0.1).abs() < 1e-12);
}

/// What is not estimated is left out; the mass of its shifts goes to no shift at all, so that the process stays a martingale.
#[test]
fn a_partition_without_an_estimate_says_nothing() {
    let mut with_gap = values(&[1.0, 1.1, 0.9, 1.4], &[0.1, 0.2, 0.1, 0.2]);
    with_gap.insert(2, None);
    let made = drift(&with_gap, 0.3).expect("a test");
    assert_eq!(made.log_e.len(), 5);
    assert!((made.log_e[2] - made.log_e[1]).abs() < 1e-12);
    // After one partition, a test without mass on the first place: e = 1 exactly if nothing could be seen.
    let made = drift(&[None, Some(Estimated { estimate: 1.0, std_error: 0.1 })], 0.3).expect("a test");
    assert!(made.log_e.iter().all(|log| log.abs() < 1e-12), "{:?}", made.log_e);
}

#[test]
fn what_is_no_estimate_is_refused() {
    for (estimate, std_error) in [(f64::NAN, 1.0), (1.0, 0.0), (1.0, f64::INFINITY), (1.0, f64::NAN), (1.0, -1.0)] {
        let asked = drift(&[Some(Estimated { estimate, std_error })], 0.2);
        assert!(matches!(asked, Err(DriftError::Value { partition: 0, .. })), "{asked:?}");
    }
    assert!(drift(&[], 0.0).is_err());
    assert!(drift(&[], f64::NAN).is_err());
}

#[test]
fn far_away_estimates_do_not_overflow() {
    let made = drift(&values(&[0.0, 0.0, 1e6], &[1e-3, 1e-3, 1e-3]), 1e6).expect("a test");
    assert!(made.log_e.iter().all(|log| log.is_finite()));
    assert_eq!(alarm(&made.log_e, 1e-6), Some(2));
}

#[test]
fn a_mean_of_processes_is_taken_at_each_partition() {
    let mean = mean_log_e(&[&[0.0, 2.0_f64.ln()], &[0.0, 4.0_f64.ln()]]).expect("a mean");
    assert!((mean[1] - 3.0_f64.ln()).abs() < 1e-12);
    assert_eq!(mean_log_e(&[]), None);
    assert_eq!(mean_log_e(&[&[0.0], &[0.0, 0.0]]), None);
}

/// Monte Carlo, seed 3: 200 times a year of weeks of 200 units, estimated by AIPW with its own standard errors (and not from the true
/// ones, as above). The bound of the header is 0.04 where estimates are normal; three standard errors of a share of 0.04 in 200 are
/// 0.0416, so that 16 alarms are the most.
#[test]
fn a_year_of_small_weeks_by_a_real_estimator_raises_few_alarms() {
    let mut random = stream(3, "drift of an estimator");
    let mut alarms = 0;
    for _ in 0..200 {
        let weeks: Vec<Option<Estimated>> =
            (0..53).map(|week| Some(week_by_aipw(&mut random, if week == 0 { 1_000 } else { 200 }))).collect();
        // The outcome's standard deviation is √(1 + 1 + ¼) = 1.5.
        alarms += usize::from(alarm(&drift(&weeks, 0.3).expect("a test").log_e, 0.04).is_some());
    }
    assert!(alarms <= 16, "{alarms}");
}

fn week_by_aipw(random: &mut ChaCha8Rng, n: usize) -> Estimated {
    let (mut x, mut treated, mut y) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..n {
        let covariate = normal(random);
        let arm = uniform(random) < 1.0 / (1.0 + (-0.5 * covariate).exp());
        x.push(covariate);
        y.push(f64::from(u8::from(arm)) + covariate + normal(random));
        treated.push(f64::from(u8::from(arm)));
    }
    let x = Array2::from_shape_vec((n, 1), x).expect("a column");
    let covariates = Covariates::new(x, vec!["x".to_owned()], Array1::from(treated), None).expect("covariates");
    let sample = Sample::new(covariates, Array1::from(y)).expect("a sample");
    let params = params(OutcomeKind::Continuous);
    let effect = Nuisances::new(&sample, &params).and_then(|all| all.effect(EstimatorKind::Aipw, Target::Ate));
    let effect = effect.expect("an effect");
    Estimated { estimate: effect.estimate, std_error: effect.std_error }
}
