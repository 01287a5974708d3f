//! By hand, what must not matter, and how often chance is taken for imbalance.

use crate::diagnose::balance::*;
use crate::numerics::distributions::normal_quantile;
use crate::numerics::streams;
use ndarray::{Array2, array};
use rand::RngExt;

fn cov(columns: &[Vec<f64>], treated: Vec<f64>) -> Covariates {
    let (n, p) = (treated.len(), columns.len());
    let x = Array2::from_shape_fn((n, p), |(i, j)| columns[j][i]);
    let names = (0..p).map(|j| format!("x{j}")).collect();
    Covariates::new(x, names, treated.into(), None).expect("valid arrays")
}

fn priority(cov: &Covariates) -> Vec<BalanceTerm> {
    BalanceTerm::all(cov).into_iter().map(|term| BalanceTerm { priority: true, ..term }).collect()
}

/// Treated at ±2, controls at ±1 and 0: all means are zero. Squares: treated 4, 4 (mean 4, variance 0); controls 1, 1, 0
/// (mean 2/3, variance 1/3), so the SMD is (4 − 2/3)/√(1/6).
#[test]
fn by_hand() {
    let c = cov(&[vec![-2.0, 2.0, -1.0, 1.0, 0.0]], vec![1.0, 1.0, 0.0, 0.0, 0.0]);
    let moments = second_moments(&c, &Array1::ones(5), &priority(&c), &[[0, 0]]).expect("moments");
    let smd = moments[0].smd_before.expect("varies");
    assert!((smd - (4.0 - 2.0 / 3.0) / (1.0_f64 / 6.0).sqrt()).abs() < 1e-13, "{smd}");
    assert_eq!(moments[0].smd_before, moments[0].smd_after);
    assert_eq!(moments[0].name(), "x0^2 about its mean");
    // Weights of the controls on ±1 only: 4 against 1.
    let moments = second_moments(&c, &array![1.0, 1.0, 1.0, 1.0, 0.0], &priority(&c), &[[0, 0]]).expect("moments");
    assert!((moments[0].smd_after.expect("varies") - 3.0 / (1.0_f64 / 6.0).sqrt()).abs() < 1e-13);
}

/// A hundred units an arm, the treated spread twice as wide: no mean differs, and the table's worst is the square.
#[test]
fn a_spread_that_differs_is_the_worst_of_the_table_wherever_the_column_lies() {
    let at = |i: usize| (f64::from(u32::try_from(i % 100).expect("small")) - 49.5) / 30.0;
    let treated: Vec<f64> = (0..200).map(|i| f64::from(u8::from(i < 100))).collect();
    for (shift, scale) in [(0.0, 1.0), (1000.0, 1.0), (-3.0, 50.0)] {
        let x = (0..200).map(|i| shift + scale * at(i) * if i < 100 { 2.0 } else { 1.0 }).collect();
        let c = cov(&[x], treated.clone());
        let table = balance(&c, &Array1::ones(200), &priority(&c)).expect("balance");
        assert!(table.max_priority_after.is_some_and(|smd| smd < 1e-6), "{table:?}");
        let moments = second_moments(&c, &Array1::ones(200), &priority(&c), &[[0, 0]]).expect("moments");
        let table = table.with_second_moments(moments);
        assert_eq!(table.worst_priority.as_deref(), Some("x0^2 about its mean"));
        assert_eq!(table.worst_priority_before(), table.max_priority_after);
        // Var 4v against v, fourth moments 16 and 1 times m: 3v/√((17/2)(m − v²)), which for a uniform is 3/√(8.5·0.8).
        let expected = 3.0 / (8.5_f64 * 0.8).sqrt();
        assert!(
            (table.max_priority_after.expect("measured") - expected).abs() < 0.01,
            "{:?}",
            table.max_priority_after
        );
    }
}

/// Coin flips, 300 rows, four normal columns, ten squares and products: beyond chance in one table of a hundred, seeds 0 to 399.
/// Over 400 tables that is 4, with a standard deviation of 2; products of normals have heavier tails than a normal, so at most
/// 12 are allowed (four standard deviations). Without the line nearly every table has one above 0.1.
#[test]
fn chance_is_rarely_taken_for_imbalance() {
    let (mut alarms, mut above) = (0, 0);
    for replicate in 0..400 {
        let mut rng = streams::stream(replicate, "balance.test");
        let mut normal = || normal_quantile(rng.random::<f64>().clamp(1e-12, 1.0 - 1e-12)).expect("inside (0, 1)");
        let columns: Vec<Vec<f64>> = (0..4).map(|_| (0..300).map(|_| normal()).collect()).collect();
        let treated = (0..300).map(|_| f64::from(u8::from(normal() < 0.0))).collect();
        let c = cov(&columns, treated);
        let pairs: Vec<[usize; 2]> = (0..4).flat_map(|a| (a..4).map(move |b| [a, b])).collect();
        let moments = second_moments(&c, &Array1::ones(300), &priority(&c), &pairs).expect("moments");
        alarms += usize::from(moments.iter().any(|moment| moment.beyond_chance));
        above += usize::from(moments.iter().any(|moment| moment.smd_after.is_some_and(|smd| smd.abs() >= 0.1)));
    }
    assert!(alarms <= 12, "{alarms} of 400");
    assert!(above >= 300, "{above} of 400");
}

#[test]
fn a_pair_that_points_at_no_term_is_an_error() {
    let c = cov(&[vec![-2.0, 2.0, -1.0, 1.0]], vec![1.0, 1.0, 0.0, 0.0]);
    let found = second_moments(&c, &Array1::ones(4), &priority(&c), &[[0, 1]]);
    assert!(matches!(found, Err(BalanceError::Column { column: 1, columns: 1, .. })), "{found:?}");
}
