use crate::diagnose::structure::determined::*;
use crate::numerics::distributions::normal_quantile;
use crate::numerics::streams;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    normal_quantile(rng.random::<f64>().clamp(1e-12, 1.0 - 1e-12)).unwrap()
}

fn outcome(rng: &mut ChaCha8Rng, n: usize, heavy: bool) -> Vec<f64> {
    (0..n).map(|_| if heavy { (1.5 * normal(rng)).exp() } else { 10.0 + 3.0 * normal(rng) }).collect()
}

#[test]
fn the_outcome_under_another_name_is_found() {
    let mut rng = streams::stream(1, "determined.test");
    for (n, heavy) in [(60, false), (200, false), (200, true), (5_000, false), (50_000, true)] {
        let y = outcome(&mut rng, n, heavy);
        let mapped = |f: &dyn Fn(f64) -> f64| y.iter().map(|y| f(*y)).collect::<Vec<f64>>();
        let mut sorted = y.clone();
        sorted.sort_by(f64::total_cmp);
        let median = sorted[n / 2];
        for (name, x) in [
            ("copy", mapped(&|y| y)),
            ("units", mapped(&|y| -1000.0 * y + 7.0)),
            ("rounded", mapped(&|y| (2.0 * y).round() / 2.0)),
            ("log", mapped(&|y| y.abs().ln_1p())),
            ("cut at the median", mapped(&|y| f64::from(u8::from(y > median)))),
            (
                "noise of 5 %",
                y.iter().map(|y| y * (1.0 + 0.05 * (y * 7.0).sin() * f64::from(u8::from(!heavy)) * 0.3)).collect(),
            ),
        ] {
            assert!(by_column(Values::Numbers(&x), &y).is_some(), "{name}, n {n}, heavy {heavy}");
        }
    }
    let y: Vec<f64> = (0..500).map(|_| normal(&mut rng)).collect();
    let level = |y: &f64| ((y * 30.0).round() + 200.0) as u32;
    let codes: Vec<u32> = y.iter().map(level).collect();
    let classes: Vec<u32> = y.iter().map(|y| u32::from(*y < -0.5) + 2 * u32::from(*y > 1.0)).collect();
    let classed = by_column(Values::Codes { codes: &classes, levels: 3 }, &y).unwrap();
    assert_eq!(classed.relation, Relation::Bands);
    // 100 levels and more would explain five units each anyway.
    assert_eq!(by_column(Values::Codes { codes: &codes, levels: 400 }, &y), None);
    let y: Vec<f64> = (0..5_000).map(|_| normal(&mut rng)).collect();
    let codes: Vec<u32> = y.iter().map(level).collect();
    assert_eq!(by_column(Values::Codes { codes: &codes, levels: 400 }, &y).unwrap().relation, Relation::Levels);
}

/// A logarithm that is 0 where the outcome is 0, as earnings have it: below 1 it falls under that, so no order is kept.
#[test]
fn a_function_with_a_break_and_a_heavy_tail_is_found() {
    let mut rng = streams::stream(7, "determined.broken");
    for n in [200, 445, 3_000] {
        let y: Vec<f64> = (0..n)
            .map(|_| if rng.random::<f64>() < 0.3 { 0.0 } else { (1.2 + 1.3 * normal(&mut rng)).exp() })
            .collect();
        let x: Vec<f64> = y.iter().map(|y| if *y > 0.0 { y.ln() } else { 0.0 }).collect();
        let found = by_column(Values::Numbers(&x), &y).unwrap();
        assert_eq!(found.relation, Relation::Curve, "{n}");
        // Earnings of another year, however alike, are not those of this one.
        let lagged: Vec<f64> = x.iter().map(|x| x + 0.25 * normal(&mut rng)).collect();
        assert_eq!(by_column(Values::Numbers(&lagged), &y), None, "{n}");
    }
}

/// In a file sorted by the outcome every column of few values is in its order, tie by tie.
#[test]
fn the_order_of_the_file_says_nothing() {
    let mut rng = streams::stream(8, "determined.sorted");
    for n in [60, 400, 5_000] {
        let mut y: Vec<f64> = (0..n).map(|_| normal(&mut rng)).collect();
        y.sort_by(f64::total_cmp);
        for levels in [2, 3, 10] {
            let x: Vec<f64> = (0..n).map(|_| (rng.random::<f64>() * levels as f64).floor()).collect();
            assert_eq!(by_column(Values::Numbers(&x), &y), None, "{n} {levels}");
        }
    }
}

#[test]
fn a_binary_outcome_under_another_name_is_found() {
    let mut rng = streams::stream(2, "determined.test");
    let y: Vec<f64> = (0..400).map(|_| f64::from(u8::from(rng.random::<f64>() < 0.1))).collect();
    let coded: Vec<u32> = y.iter().map(|y| 1 - *y as u32).collect();
    assert!(by_column(Values::Codes { codes: &coded, levels: 2 }, &y).is_some());
    let score: Vec<f64> = y.iter().map(|y| y + 0.9 * rng.random::<f64>()).collect();
    assert_eq!(by_column(Values::Numbers(&score), &y).unwrap().relation, Relation::Bands);
}

/// A lagged outcome of R² = 0.98 is not taken for the outcome, at any size, in 600 draws; nor is one whose noise is heavy.
#[test]
fn a_strong_lagged_outcome_is_not_the_outcome() {
    let mut rng = streams::stream(3, "determined.test");
    for (n, draws) in [(100, 200), (500, 200), (5_000, 20)] {
        for r_squared in [0.5_f64, 0.9, 0.98] {
            let (signal, noise) = (r_squared.sqrt(), (1.0 - r_squared).sqrt());
            let fired = (0..draws)
                .filter(|_| {
                    let x: Vec<f64> = (0..n).map(|_| normal(&mut rng)).collect();
                    let y: Vec<f64> = x.iter().map(|x| signal * x + noise * normal(&mut rng)).collect();
                    by_column(Values::Numbers(&x), &y).is_some()
                })
                .count();
            assert_eq!(fired, 0, "n {n}, R² {r_squared}");
        }
    }
}

#[test]
fn zeros_and_rare_events_are_not_the_outcome() {
    let mut rng = streams::stream(4, "determined.test");
    for _ in 0..200 {
        let n = 400;
        let buys = |rng: &mut ChaCha8Rng, p: f64| if rng.random::<f64>() < p { -rng.random::<f64>().ln() } else { 0.0 };
        let x: Vec<f64> = (0..n).map(|_| buys(&mut rng, 0.1)).collect();
        let y: Vec<f64> = x.iter().map(|x| buys(&mut rng, if *x > 0.0 { 0.6 } else { 0.02 })).collect();
        assert_eq!(by_column(Values::Numbers(&x), &y), None);
        let rare: Vec<f64> = y.iter().map(|y| f64::from(u8::from(*y > 0.0))).collect();
        assert_eq!(by_column(Values::Numbers(&x), &rare), None);
    }
}

#[test]
fn parts_that_add_up_to_the_outcome_leave_nothing_to_explain() {
    let mut rng = streams::stream(5, "determined.test");
    let x = Array2::from_shape_fn((300, 4), |_| normal(&mut rng));
    let sum: Vec<f64> = x.rows().into_iter().map(|row| row[0] + 2.0 * row[2] - row[3]).collect();
    assert!(by_all(&x, &sum).unwrap() >= ALL_COLUMNS);
    // Kang & Schafer: residual variance 1 of 1,314.
    let y: Vec<f64> =
        x.rows().into_iter().map(|r| 210.0 + 27.4 * r[0] + 13.7 * (r[1] + r[2] + r[3]) + normal(&mut rng)).collect();
    let r_squared = by_all(&x, &y).unwrap();
    assert!((0.999..ALL_COLUMNS).contains(&r_squared), "{r_squared}");
    // As many columns as explain anything.
    assert_eq!(by_all(&Array2::zeros((60, 30)), &sum[..60]), None);
}
