use crate::arm::Arm;
use crate::diagnose::structure::one_arm::*;
use crate::numerics::distributions::normal_quantile;
use crate::numerics::streams;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    normal_quantile(rng.random::<f64>().clamp(1e-12, 1.0 - 1e-12)).unwrap()
}

fn arm(rng: &mut ChaCha8Rng, e: f64) -> Arm {
    if rng.random::<f64>() < e { Arm::Treated } else { Arm::Control }
}

fn expit(u: f64) -> f64 {
    1.0 / (1.0 + (-u).exp())
}

/// Indices of levels, and the number of levels.
type Coded = (Vec<u32>, usize);

/// Reports of all columns of one dataset.
fn reports(columns: &[Vec<f64>], codes: &[Coded], t: &[Arm]) -> Vec<OneArm> {
    let values: Vec<Values<'_>> = columns
        .iter()
        .map(|x| Values::Numbers(x))
        .chain(codes.iter().map(|(codes, levels)| Values::Codes { codes, levels: *levels }))
        .collect();
    let all: Vec<Candidates> = values.iter().map(|v| candidates(*v, t)).collect();
    let level = level(&all, t);
    values.iter().zip(&all).flat_map(|(v, c)| one_arm(*v, t, c, level)).collect()
}

/// Eight columns: normal, log-normal, an integer of eleven values, half zeros, binary, rare binary, and categories of 4 and 30.
fn columns(rng: &mut ChaCha8Rng, n: usize) -> (Vec<Vec<f64>>, Vec<Coded>) {
    let mut draw = |f: &dyn Fn(&mut ChaCha8Rng) -> f64| (0..n).map(|_| f(rng)).collect::<Vec<f64>>();
    let numbers = vec![
        draw(&normal),
        draw(&|r| normal(r).exp()),
        draw(&|r| 0.5 * (normal(r) * 2.0).round().clamp(-5.0, 5.0)),
        draw(&|r| normal(r).max(0.0)),
        draw(&|r| f64::from(u8::from(r.random::<f64>() < 0.4))),
        draw(&|r| f64::from(u8::from(r.random::<f64>() < 0.01))),
    ];
    let four = (0..n).map(|_| rng.random_range(0..4_u32)).collect();
    let many = (0..n).map(|_| (rng.random::<f64>().powi(3) * 30.0) as u32).collect();
    (numbers, vec![(four, 4), (many, 30)])
}

/// The share of datasets with any report.
fn rate(seed: u64, sets: usize, mut draw: impl FnMut(&mut ChaCha8Rng) -> bool) -> f64 {
    let mut rng = streams::stream(seed, "structure.test");
    (0..sets).filter(|_| draw(&mut rng)).count() as f64 / sets as f64
}

#[test]
fn a_randomised_treatment_of_any_share_is_not_reported() {
    for share in [0.005, 0.03, 0.2, 0.5, 0.95] {
        for n in [200, 1_000, 5_000] {
            let found = rate(1, 60, |rng| {
                let (numbers, codes) = columns(rng, n);
                let t: Vec<Arm> = (0..n).map(|_| arm(rng, share)).collect();
                !reports(&numbers, &codes, &t).is_empty()
            });
            assert_eq!(found, 0.0, "share {share}, n {n}");
        }
    }
}

/// Confounded by every kind of column, up to a log-odds ratio of 2 for a standard deviation. At most one dataset in twelve is
/// reported.
#[test]
fn a_smooth_confounder_is_not_reported() {
    for (slope, n) in [(0.5, 500), (1.0, 500), (1.0, 5_000), (2.0, 500), (2.0, 5_000)] {
        for column in 0..4 {
            let found = rate(2, if n > 1_000 { 12 } else { 40 }, |rng| {
                let (numbers, codes) = columns(rng, n);
                let t: Vec<Arm> = (0..n).map(|i| arm(rng, expit(slope * numbers[column][i]))).collect();
                !reports(&numbers, &codes, &t).is_empty()
            });
            assert!(found <= 0.09, "slope {slope}, n {n}, column {column}: {found}");
        }
    }
}

#[test]
fn a_column_that_only_one_arm_can_have_is_reported() {
    for n in [200, 500, 2_000] {
        for share in [0.3_f64, 0.5, 0.7] {
            // A card that 40 % of the treated have and nobody else; the minutes on it; and a reason why not.
            let found = |which: u8| {
                rate(3, 40, |rng| {
                    let (mut numbers, mut codes) = columns(rng, n);
                    let t: Vec<Arm> = (0..n).map(|i| arm(rng, share * (0.6 + 0.7 * expit(numbers[0][i])))).collect();
                    let has: Vec<bool> =
                        t.iter().map(|t| t.is_treated() == (which < 2) && rng.random::<f64>() < 0.4).collect();
                    match which {
                        0 => numbers.push(has.iter().map(|h| f64::from(u8::from(*h))).collect()),
                        1 => numbers.push(
                            has.iter().map(|h| if *h { -rng.random::<f64>().ln() * 30.0 } else { 0.0 }).collect(),
                        ),
                        _ => codes.push((has.iter().map(|h| u32::from(*h) * rng.random_range(1..3)).collect(), 3)),
                    }
                    !reports(&numbers, &codes, &t).is_empty()
                })
            };
            for which in 0..3 {
                assert!(n < 500 || found(which) >= 0.95, "n {n}, share {share}, kind {which}");
            }
        }
    }
}

/// Everybody above a threshold, at the 80 % point, is treated (or, in the other direction, nobody).
#[test]
fn a_threshold_that_decides_treatment_is_reported() {
    for n in [500, 2_000] {
        for decided in [0.0, 1.0] {
            for column in [0, 1] {
                let found = rate(4, 40, |rng| {
                    let (numbers, codes) = columns(rng, n);
                    let cut = if column == 0 { 0.84 } else { 0.84_f64.exp() };
                    let t: Vec<Arm> =
                        (0..n).map(|i| arm(rng, if numbers[column][i] > cut { decided } else { 0.4 })).collect();
                    !reports(&numbers, &codes, &t).is_empty()
                });
                assert!(found >= 0.9, "n {n}, decided {decided}, column {column}: {found}");
            }
        }
    }
}

/// One of a thousand slips through.
#[test]
fn a_rule_with_exceptions_is_reported() {
    let found = rate(5, 20, |rng| {
        let (numbers, mut codes) = columns(rng, 5_000);
        let rule: Vec<u32> = (0..5_000).map(|_| rng.random_range(0..4)).collect();
        let t: Vec<Arm> = rule.iter().map(|r| arm(rng, if *r == 0 { 0.999 } else { 0.4 })).collect();
        codes.push((rule, 4));
        !reports(&numbers, &codes, &t).is_empty()
    });
    assert!(found >= 0.95, "{found}");
}

#[test]
fn a_rare_level_in_one_arm_is_chance() {
    let mut codes = vec![0_u32; 1_000];
    codes[..3].fill(1);
    let t: Vec<Arm> = (0..1_000).map(|i| if i < 3 || i % 2 == 0 { Arm::Treated } else { Arm::Control }).collect();
    assert!(reports(&[], &[(codes, 2)], &t).is_empty());
}

/// The rule of the page, by hand: (1 − 0.25/3)ⁿ ≤ 0.01/2 from n = 61 on.
#[test]
fn the_bound_is_the_one_on_the_page() {
    let (q, level) = (0.25, 0.005);
    assert!(!all_but_missing(60, 0, q, level));
    assert!(all_but_missing(61, 0, q, level));
    // P(Bin(1000, 0.01) ≤ 2) = 0.0027, and at most 3: 0.0101.
    assert!((binomial_at_most(2, 1_000, 0.01) - 0.002_685).abs() < 1e-5);
    assert!(all_but_missing(1_000, 2, q, level));
    assert!(!all_but_missing(1_000, 3, q, level));
}

#[test]
fn one_fault_is_told_once() {
    let n = 600;
    let x: Vec<f64> = (0..n).map(|i| if i % 3 == 0 { 5.0 + i as f64 } else { 0.0 }).collect();
    let t: Vec<Arm> = (0..n).map(|i| if i % 3 == 0 || i % 2 == 0 { Arm::Treated } else { Arm::Control }).collect();
    let found = reports(&[x], &[], &t);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].arm, found[0].units, found[0].others), (Arm::Treated, 200, 0));
}
