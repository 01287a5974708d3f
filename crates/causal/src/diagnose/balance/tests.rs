//! By hand, refusals, and what must not matter.

use crate::diagnose::balance::*;
use ndarray::{Array2, array};
use proptest::prelude::*;

fn cov(x: Array2<f64>, treated: Array1<f64>, weights: Option<Array1<f64>>) -> Covariates {
    let names = (0..x.ncols()).map(|j| format!("x{j}")).collect();
    Covariates::new(x, names, treated, weights).expect("valid arrays")
}

fn one_row(x: Vec<f64>, treated: Array1<f64>, weights: &Array1<f64>) -> BalanceRow {
    let c = cov(Array2::from_shape_vec((x.len(), 1), x).expect("shape"), treated, None);
    balance(&c, weights, &BalanceTerm::all(&c)).expect("balance").rows.remove(0)
}

/// Five units by hand: means 4 and 2, variances 8 and 1, so SMD = 2/sqrt(4.5) and the ratio is 8.
#[test]
fn by_hand() {
    let row = one_row(vec![2.0, 6.0, 1.0, 2.0, 3.0], array![1.0, 1.0, 0.0, 0.0, 0.0], &Array1::ones(5));
    assert_eq!((row.mean_treated_before, row.mean_control_before), (4.0, 2.0));
    assert!((row.smd_before.expect("varies") - 2.0 / 4.5_f64.sqrt()).abs() < 1e-15);
    assert_eq!(row.variance_ratio_before, Some(8.0));
    assert!((row.ks_before - 0.5).abs() < 1e-15);
    assert_eq!(row.smd_before, row.smd_after);
    // All control weight on the unit at 3: the mean difference is 1, the denominator is the old one.
    let row = one_row(vec![2.0, 6.0, 1.0, 2.0, 3.0], array![1.0, 1.0, 0.0, 0.0, 0.0], &array![1.0, 1.0, 0.0, 0.0, 2.0]);
    assert!((row.smd_after.expect("varies") - 1.0 / 4.5_f64.sqrt()).abs() < 1e-15);
    assert_eq!(row.variance_ratio_after, None);
}

/// 0.1 + 0.2 is not 0.3: the means differ by 3e-17, which says nothing about the arms. 1e-9 does.
#[test]
fn rounding_is_no_difference() {
    let treated = array![1.0, 1.0, 0.0, 0.0];
    let rounded = one_row(vec![0.1 + 0.2, 0.0, 0.3, 0.0], treated.clone(), &Array1::ones(4));
    assert_ne!(rounded.mean_treated_after, rounded.mean_control_after);
    assert_eq!((rounded.smd_before, rounded.smd_after), (Some(0.0), Some(0.0)));
    let different = one_row(vec![0.3 + 1e-9, 0.0, 0.3, 0.0], treated, &Array1::ones(4));
    assert!(different.smd_after.is_some_and(|smd| smd > 1e-9), "{different:?}");
}

#[test]
fn a_constant_has_no_smd_and_a_perfect_separator_never_looks_balanced() {
    let treated = array![1.0, 1.0, 0.0, 0.0, 0.0];
    let constant = one_row(vec![0.1; 5], treated.clone(), &Array1::ones(5));
    assert_eq!((constant.smd_before, constant.smd_after, constant.ks_after), (None, None, 0.0));
    let separator = one_row(treated.to_vec(), treated.clone(), &array![9.0, 1.0, 1.0, 2.0, 3.0]);
    assert!(separator.smd_before.is_some_and(|s| s > 1.5), "{separator:?}");
    assert_eq!((separator.smd_before, separator.ks_after), (separator.smd_after, 1.0));
    let lonely = one_row(vec![5.0, 1.0, 2.0], array![1.0, 0.0, 0.0], &Array1::ones(3));
    assert!(lonely.smd_before.is_some_and(|s| s > 1.0), "one treated unit: the SD of all units {lonely:?}");
}

#[test]
fn summary_names_the_worst_and_keeps_priority_apart() {
    let x = array![[9.0, 1.0], [8.0, 2.0], [1.0, 1.0], [2.0, 2.5]];
    let c = cov(x, array![1.0, 1.0, 0.0, 0.0], None);
    let terms: Vec<_> = [("x0", false), ("x1", true)]
        .iter()
        .filter_map(|(name, priority)| BalanceTerm::named(&c, name, "group", *priority))
        .collect();
    let table = balance(&c, &Array1::ones(4), &terms).expect("balance");
    assert_eq!(table.worst_all.as_deref(), Some("x0"));
    assert_eq!(table.worst_priority.as_deref(), Some("x1"));
    assert_eq!(table.max_priority_after, table.rows[1].smd_after.map(f64::abs));
    assert!(table.max_all_after > table.max_priority_after);
    let none = balance(&c, &Array1::ones(4), &BalanceTerm::all(&c)).expect("balance");
    assert_eq!((none.max_priority_before, none.worst_priority), (None, None));
}

#[test]
fn what_cannot_be_measured_is_refused_by_name() {
    let c = cov(array![[1.0], [2.0], [3.0]], array![1.0, 0.0, 0.0], None);
    let terms = BalanceTerm::all(&c);
    let run = |w: Array1<f64>| balance(&c, &w, &terms).expect_err("refused");
    assert_eq!(run(array![1.0]), BalanceError::Length { got: 1, expected: 3 });
    assert_eq!(run(array![1.0, -1.0, 1.0]), BalanceError::Weight { row: 2, value: -1.0 });
    assert!(matches!(run(array![1.0, f64::NAN, 1.0]), BalanceError::Weight { row: 2, .. }));
    assert_eq!(run(array![1.0, 0.0, 0.0]), BalanceError::NoWeight { arm: Arm::Control });
    let beyond = [BalanceTerm { column: 4, confounder: "age".into(), priority: true }];
    assert!(matches!(balance(&c, &array![1.0, 1.0, 1.0], &beyond), Err(BalanceError::Column { column: 4, .. })));
}

/// (x, treated, balancing weight, observation weight)
fn units() -> impl Strategy<Value = Vec<(f64, f64, f64, f64)>> {
    let unit = |t: f64| (-5i32..5, 0.1..3.0_f64, 0.1..3.0_f64).prop_map(move |(x, b, s)| (f64::from(x), t, b, s));
    (prop::collection::vec(unit(1.0), 2..12), prop::collection::vec(unit(0.0), 2..12))
        .prop_map(|(a, b)| a.into_iter().chain(b).collect())
}

fn row_of(units: &[(f64, f64, f64, f64)]) -> BalanceRow {
    let column = |f: fn(&(f64, f64, f64, f64)) -> f64| units.iter().map(f).collect::<Array1<f64>>();
    let x = column(|u| u.0).insert_axis(ndarray::Axis(1));
    let c = cov(x, column(|u| u.1), Some(column(|u| u.3)));
    balance(&c, &column(|u| u.2), &BalanceTerm::all(&c)).expect("balance").rows.remove(0)
}

fn close(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * (1.0 + a.abs()),
        (a, b) => a == b,
    }
}

proptest! {
    #[test]
    fn units_of_measurement_do_not_matter(u in units(), shift in -9.0..9.0_f64, factor in 0.01..100.0_f64) {
        let moved: Vec<_> = u.iter().map(|u| (shift + factor * u.0, u.1, u.2, u.3)).collect();
        let (a, b) = (row_of(&u), row_of(&moved));
        prop_assert!(close(a.smd_before, b.smd_before) && close(a.smd_after, b.smd_after), "{a:?} {b:?}");
        prop_assert!(close(a.variance_ratio_after, b.variance_ratio_after));
        prop_assert_eq!((a.ks_before, a.ks_after), (b.ks_before, b.ks_after));
    }

    #[test]
    fn swapping_the_arms_flips_the_sign_only(u in units()) {
        let swapped: Vec<_> = u.iter().map(|u| (u.0, 1.0 - u.1, u.2, u.3)).collect();
        let (a, b) = (row_of(&u), row_of(&swapped));
        prop_assert!(close(a.smd_after, b.smd_after.map(|s| -s)), "{a:?} {b:?}");
        prop_assert!(close(a.variance_ratio_after, b.variance_ratio_after.map(|r| 1.0 / r)));
        prop_assert!((a.ks_after - b.ks_after).abs() < 1e-12);
    }

    #[test]
    fn a_unit_of_weight_zero_might_as_well_not_be_there(u in units(), x in -5.0..5.0_f64) {
        let mut more = u.clone();
        more.insert(1, (x, 1.0, 1.0, 0.0));
        let (a, b) = (row_of(&u), row_of(&more));
        prop_assert!(close(a.smd_before, b.smd_before) && close(a.smd_after, b.smd_after), "{a:?} {b:?}");
        prop_assert!(close(a.variance_ratio_before, b.variance_ratio_before));
        prop_assert!((a.ks_after - b.ks_after).abs() < 1e-12);
    }

    #[test]
    fn ks_is_a_distance_and_is_the_mean_difference_of_an_indicator(u in units()) {
        let row = row_of(&u);
        prop_assert!((0.0..=1.0 + 1e-12).contains(&row.ks_after));
        let indicator: Vec<_> = u.iter().map(|u| (f64::from(u.0 > 0.0), u.1, u.2, u.3)).collect();
        let row = row_of(&indicator);
        prop_assert!((row.ks_after - (row.mean_treated_after - row.mean_control_after).abs()).abs() < 1e-12);
    }
}
