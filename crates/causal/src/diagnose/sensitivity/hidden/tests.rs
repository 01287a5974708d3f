//! Closed forms, and what must not matter.

use crate::diagnose::sensitivity::hidden::*;
use crate::diagnose::sensitivity::robustness::TreatmentCoefficient;
use crate::diagnose::sensitivity::tests::effect as effect_with;
use ndarray::{Array2, array};

fn effect(estimate: f64, half_width: f64) -> Effect {
    effect_with(estimate, half_width / 1.96)
}

fn cov(treated: Vec<f64>, weights: Option<Array1<f64>>) -> Covariates {
    let n = treated.len();
    Covariates::new(Array2::zeros((n, 0)), Vec::new(), treated.into(), weights).expect("valid arrays")
}

/// Half treated by a coin: ν² = 4, so with σ = 3, κ = 0.2 and η = 0.5 the bias is 6·√(0.5·0.25) = 2.1213.
#[test]
fn by_hand() {
    let c = cov(vec![1.0, 1.0, 0.0, 0.0], None);
    let declared = HiddenConfounding { treatment: 0.2, outcome: 0.5 };
    let range = HiddenRange::new(declared, &effect(1.0, 0.4), &c, &Array1::from_elem(4, 2.0), 9.0);
    let bias = 6.0 * 0.125_f64.sqrt();
    assert!((range.bias - bias).abs() < 1e-14, "{range:?}");
    assert!((range.lower - (1.0 - bias)).abs() < 1e-14 && (range.ci_upper - (1.4 + bias)).abs() < 1e-12);
    // One treated of four: 4·(1 + 1/3).
    let rare = HiddenRange::new(
        declared,
        &effect(0.0, 1.0),
        &cov(vec![1.0, 0.0, 0.0, 0.0], None),
        &array![1.0, 1.0, 1.0, 1.0],
        9.0,
    );
    assert!((rare.bias - (9.0 * 16.0 / 3.0 * 0.125_f64).sqrt()).abs() < 1e-14);
}

/// With a coin and no covariates the regression's own bound is the same up to n − 2 for n: se √ν √(Ry Rd/(1 − Rd)).
#[test]
fn it_is_the_bound_of_the_regression_where_treatment_was_a_coin() {
    let n = 400_u32;
    let c = cov((0..n).map(|i| f64::from(i % 2)).collect(), None);
    let declared = HiddenConfounding { treatment: 0.1, outcome: 0.3 };
    let range = HiddenRange::new(declared, &effect(5.0, 1.0), &c, &Array1::ones(400), 2.0);
    let df = f64::from(n - 2);
    // σ²(1/n₁ + 1/n₀), with σ² on the degrees of freedom.
    let std_error = (2.0 * f64::from(n) / df * (2.0 / 200.0)).sqrt();
    let regression = TreatmentCoefficient { estimate: 5.0, std_error, df };
    assert!((regression.adjusted_estimate(0.1, 0.3) - range.lower).abs() < 1e-12, "{range:?}");
}

#[test]
fn no_strength_is_no_range_and_the_size_of_weights_does_not_matter() {
    let c = cov(vec![1.0, 1.0, 0.0, 0.0, 0.0], Some(array![1.0, 2.0, 1.0, 1.0, 3.0]));
    let b = array![1.0, 3.0, 2.0, 1.0, 1.0];
    let none = HiddenConfounding { treatment: 0.0, outcome: 0.9 };
    assert_eq!(HiddenRange::new(none, &effect(2.0, 1.0), &c, &b, 4.0).bias, 0.0);
    let some = HiddenConfounding { treatment: 0.1, outcome: 0.1 };
    let once = HiddenRange::new(some, &effect(2.0, 1.0), &c, &b, 4.0).bias;
    let ten = HiddenRange::new(some, &effect(2.0, 1.0), &c, &(b * 10.0), 4.0).bias;
    assert!((once - ten).abs() < 1e-12 * once);
}
