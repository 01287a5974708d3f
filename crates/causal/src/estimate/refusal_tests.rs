//! Refusals: each names its reason, and nothing refused becomes a number.

use crate::arm::Arm;
use crate::estimand::Estimand;
use crate::estimand::Inference;
use crate::estimand::OutcomeKind;
use crate::estimand::Population;
use crate::estimate::*;
use crate::estimator::NuisanceModels;
use crate::learners::linear::LinearError;
use crate::learners::logistic::LogisticError;
use crate::learners::logistic::LogisticParams;
use crate::sample::Covariates;
use ndarray::{Array1, Array2};

fn params(outcome: OutcomeKind) -> EstimateParams {
    EstimateParams {
        population: Population::All,
        outcome,
        folds: 5,
        seed: 5,
        logistic: LogisticParams::default(),
        models: NuisanceModels::default(),
        inference: Inference::Population,
    }
}

/// Forty rows, alternately treated; `term(i)` is the second of two terms.
fn sample(term: impl Fn(usize) -> f64, y: impl Fn(usize) -> f64) -> Sample {
    let x = Array2::from_shape_fn((40, 2), |(i, j)| if j == 0 { ((i * 7) % 11) as f64 } else { term(i) });
    let t: Array1<f64> = (0..40).map(|i| (i % 2) as f64).collect();
    let c = Covariates::new(x, vec!["noise".into(), "term".into()], t, None).unwrap();
    Sample::new(c, (0..40).map(y).collect()).unwrap()
}

fn wave(i: usize) -> f64 {
    ((i * i) % 13) as f64
}

fn estimated(s: &Sample, kind: EstimatorKind, outcome: OutcomeKind) -> Result<Effect, EstimateError> {
    estimate(s, kind, Target::Ate, &params(outcome))
}

#[test]
fn a_term_that_separates_treatment_is_named_and_the_g_formula_does_not_mind() {
    let s = sample(|i| (i % 2) as f64 * 10.0 + wave(i) / 100.0, wave);
    for kind in [EstimatorKind::IpwHajek, EstimatorKind::Aipw, EstimatorKind::AipwCrossfit] {
        let error = estimated(&s, kind, OutcomeKind::Continuous).unwrap_err();
        assert!(error.to_string().contains("`term`"), "{error}");
    }
    assert!(estimated(&s, EstimatorKind::Gformula, OutcomeKind::Continuous).is_ok());
    assert!(estimate(&s, EstimatorKind::Gformula, Target::Ato, &params(OutcomeKind::Continuous)).is_err());
}

#[test]
fn a_term_that_is_constant_in_one_arm_stops_outcome_models_but_not_weighting() {
    // Varies among the controls on both sides of the value that all treated share.
    let s = sample(|i| if i % 2 == 1 { 5.0 } else { (i % 10) as f64 + 1.0 }, wave);
    let error = estimated(&s, EstimatorKind::Aipw, OutcomeKind::Continuous).unwrap_err();
    assert!(
        matches!(&error, EstimateError::OutcomeLinear { arm: Arm::Treated, source: LinearError::RankDeficient { terms } } if terms == &["term"]),
        "{error:?}"
    );
    assert!(estimated(&s, EstimatorKind::IpwHajek, OutcomeKind::Continuous).is_ok());
}

#[test]
fn as_many_terms_as_units_in_an_arm_is_refused() {
    let mut x = Array2::zeros((30, 4));
    for i in 0..30 {
        for j in 0..4 {
            x[[i, j]] = ((i * (3 + 2 * j) + j) % 17) as f64;
        }
    }
    let t: Array1<f64> = (0..30).map(|i| f64::from(u8::from(i % 6 == 0))).collect();
    let names = (0..4).map(|j| format!("x{j}")).collect();
    let s = Sample::new(Covariates::new(x, names, t, None).unwrap(), (0..30).map(wave).collect()).unwrap();
    let error = estimated(&s, EstimatorKind::Gformula, OutcomeKind::Continuous).unwrap_err();
    let expected = LinearError::TooFewRows { rows: 5, coefficients: 5 };
    assert_eq!(error, EstimateError::OutcomeLinear { arm: Arm::Treated, source: expected });
}

#[test]
fn a_binary_outcome_must_be_binary_and_vary_in_each_arm() {
    let s = sample(wave, |i| if i == 6 { 2.0 } else { 1.0 });
    let error = estimated(&s, EstimatorKind::Naive, OutcomeKind::Binary).unwrap_err();
    assert_eq!(error, EstimateError::OutcomeNotBinary { row: 7, value: 2.0 });
    let never = sample(wave, |i| if i % 2 == 1 { 0.0 } else { f64::from(u8::from(i % 3 == 0)) });
    let error = estimated(&never, EstimatorKind::Aipw, OutcomeKind::Binary).unwrap_err();
    let source = LogisticError::OneClass { value: 0.0 };
    assert_eq!(error, EstimateError::OutcomeLogistic { arm: Arm::Treated, source });
}

#[test]
fn folds_that_cannot_hold_both_arms_are_refused() {
    let s = sample(wave, wave);
    for folds in [0, 1, 21] {
        let p = EstimateParams { folds, ..params(OutcomeKind::Continuous) };
        let error = estimate(&s, EstimatorKind::AipwCrossfit, Target::Ate, &p).unwrap_err();
        assert_eq!(error, EstimateError::Folds { folds, smallest: 20 });
    }
}

#[test]
fn rows_of_weight_zero_fill_neither_folds_nor_clusters() {
    let s = sample(wave, wave);
    let refused = |folds: usize, present: &dyn Fn(usize) -> bool| {
        let w = (0..40).map(|i| f64::from(u8::from(present(i)))).collect();
        let c = s.covariates();
        let c = Covariates::from_arms(c.x().clone(), c.names().to_vec(), c.treatment().to_vec(), Some(w)).unwrap();
        let c = c.with_clusters((0..40).map(|i| i / 10).collect()).unwrap();
        let p = EstimateParams { folds, ..params(OutcomeKind::Continuous) };
        estimate(&Sample::new(c, s.y().clone()).unwrap(), EstimatorKind::AipwCrossfit, Target::Ate, &p).unwrap_err()
    };
    // Twenty are treated, and two of them count.
    let error = refused(4, &|i| i % 2 == 0 || i < 4);
    assert_eq!(error, EstimateError::Folds { folds: 4, smallest: 2 });
    // Ten of each arm, in two of the four clusters.
    assert_eq!(refused(3, &|i| i < 20), EstimateError::FoldsOfClusters { folds: 3, clusters: 2 });
}

#[test]
fn a_failure_outside_a_fold_says_which_fold() {
    // One control has `term` = 1 beside the treated; without it the term separates.
    let s = sample(|i| f64::from(u8::from(i % 2 == 1 || i == 0)), wave);
    let error = estimated(&s, EstimatorKind::AipwCrossfit, OutcomeKind::Continuous).unwrap_err();
    assert!(matches!(error, EstimateError::Fold { folds: 5, .. }), "{error:?}");
}

#[test]
fn a_propensity_of_zero_for_a_treated_unit_is_refused_but_harmless_for_a_control() {
    let s = sample(wave, wave);
    let known = |row: usize, e: f64| {
        let mut all = Array1::from_elem(40, 0.5);
        all[row] = e;
        let zeros = Array1::zeros(40);
        let k = KnownNuisances { e: all, mu1: zeros.clone(), mu0: zeros };
        effect_with_known(
            &s,
            &k,
            EstimatorKind::IpwHajek,
            Estimand { target: Target::Ate, population: Population::All },
        )
    };
    assert_eq!(known(1, 0.0), Err(EstimateError::DegeneratePropensity { row: 2, arm: Arm::Treated, e: 0.0 }));
    assert_eq!(known(2, 1.0), Err(EstimateError::DegeneratePropensity { row: 3, arm: Arm::Control, e: 1.0 }));
    assert!(known(2, 0.0).is_ok());
}

#[test]
fn numbers_too_large_to_square_are_an_error_and_not_infinity() {
    let s = sample(wave, |i| wave(i) * 1e200);
    for kind in EstimatorKind::ALL {
        for target in Target::ALL {
            let effect = estimate(&s, kind, target, &params(OutcomeKind::Continuous));
            assert!(effect.is_err(), "{kind:?} {target:?}: {effect:?}");
        }
    }
}

#[test]
fn a_single_unit_in_an_arm_has_no_standard_error() {
    let x = Array2::zeros((4, 0));
    let c = Covariates::new(x, vec![], ndarray::array![1.0, 0.0, 0.0, 0.0], None).unwrap();
    let s = Sample::new(c, ndarray::array![1.0, 2.0, 3.0, 4.0]).unwrap();
    let error = estimated(&s, EstimatorKind::Naive, OutcomeKind::Continuous).unwrap_err();
    assert_eq!(error, EstimateError::SmallArm { arm: Arm::Treated, n: 1 });
}

#[test]
fn without_terms_every_adjusted_estimator_is_the_difference_in_means() {
    let x = Array2::zeros((40, 0));
    let t: Array1<f64> = (0..40).map(|i| f64::from(u8::from(i % 3 == 0))).collect();
    let s = Sample::new(Covariates::new(x, vec![], t, None).unwrap(), (0..40).map(wave).collect()).unwrap();
    let naive = estimated(&s, EstimatorKind::Naive, OutcomeKind::Continuous).unwrap().estimate;
    for kind in EstimatorKind::STANDARD.into_iter().filter(|k| *k != EstimatorKind::AipwCrossfit) {
        let adjusted = estimated(&s, kind, OutcomeKind::Continuous).unwrap().estimate;
        assert!((adjusted - naive).abs() < 1e-12, "{kind:?}");
    }
}
