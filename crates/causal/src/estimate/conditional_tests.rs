use super::*;
use crate::estimand::OutcomeKind;
use crate::estimate::inference;
use crate::estimate::test_data::{Arrays, close};
use crate::estimate::{aipw, aipw_normalised};
use crate::learners::logistic::expit;

fn crude(a: &Arrays) -> (Vec<f64>, OutcomeValues) {
    let e = a.x.outer_iter().map(|r| expit(0.8 * r[0] - 0.3)).collect();
    let mu = [0.0, 1.0].map(|t| a.x.outer_iter().map(|r| 20.5 + 0.5 * r[0] + t * (1.5 - r[0])).collect());
    (e, OutcomeValues { mu, logistic: false })
}

#[test]
fn the_variance_of_the_satt_is_its_closed_form() {
    let a = Arrays::draw(200, OutcomeKind::Continuous);
    let (e, outcome) = crude(&a);
    let rows = Rows::from_sample(&a.sample(None));
    let controls: Vec<usize> = (0..200).filter(|i| a.t[*i] == 0.0).collect();
    let (n1, omega) = (200 - controls.len(), |i: usize| e[i] / (1.0 - e[i]));
    let r = |i: usize| a.y[i] - outcome.mu[0][i];
    let sum = |f: &dyn Fn(usize) -> f64| controls.iter().map(|i| f(*i)).sum::<f64>();
    let mass = sum(&omega);
    let b = sum(&|i| omega(i) * r(i)) / mass;
    let s2 = sum(&|i| omega(i) * r(i).powi(2)) / mass - b * b;
    let v = s2 / n1 as f64 + sum(&|i| (omega(i) * (r(i) - b)).powi(2)) / mass.powi(2);
    let se = standard_error(&rows, &e, &outcome, Target::Att, Weights::Normalised);
    assert!(close(se, v.sqrt(), 1e-12), "{se} {}", v.sqrt());
}

/// Six units with weights, and every sum written out for the SATO: t − e is 1 − e among the treated and −e among the
/// controls, so that d is (1 − e)² and e², b is 1 − e and e.
#[test]
fn the_variance_of_the_sato_is_its_closed_form() {
    let a = Arrays::draw(6, OutcomeKind::Continuous);
    let a = Arrays {
        t: ndarray::array![1.0, 0.0, 1.0, 0.0, 0.0, 1.0],
        y: ndarray::array![3.0, 1.0, 6.0, -2.0, 0.5, 4.0],
        w: ndarray::array![1.0, 2.0, 3.0, 1.5, 1.0, 0.5],
        ..a
    };
    let e: Vec<f64> = vec![0.2, 0.3, 0.7, 0.6, 0.45, 0.9];
    let mu = [vec![0.5, 0.0, 1.0, -1.0, 2.0, 0.0], vec![2.0, 1.0, 4.0, 0.0, 1.0, 5.0]];
    let outcome = OutcomeValues { mu: mu.clone(), logistic: false };
    let rows = Rows::from_sample(&a.sample(Some(&a.w)));
    let arm = |t: f64| (0..6).filter(move |i| if t == 1.0 { [0, 2, 5] } else { [1, 3, 4] }.contains(i));
    let (treated, controls): (Vec<usize>, Vec<usize>) = (arm(1.0).collect(), arm(0.0).collect());
    let sum = |of: &[usize], f: &dyn Fn(usize) -> f64| of.iter().map(|i| f(*i)).sum::<f64>();
    let (w, y) = (&a.w, &a.y);
    let d_total = sum(&treated, &|i| w[i] * (1.0 - e[i]).powi(2)) + sum(&controls, &|i| w[i] * e[i].powi(2));
    let b1 = sum(&treated, &|i| w[i] * (1.0 - e[i]));
    let b0 = sum(&controls, &|i| w[i] * e[i]);
    let c1 = sum(&treated, &|i| w[i] * (1.0 - e[i]) * (y[i] - mu[1][i])) / b1;
    let c0 = sum(&controls, &|i| w[i] * e[i] * (y[i] - mu[0][i])) / b0;
    let r1 = |i: usize| (y[i] - mu[1][i] - c1).powi(2);
    let r0 = |i: usize| (y[i] - mu[0][i] - c0).powi(2);
    // ω is w d² times the odds: the controls stand for the treated with (1 − e)⁴ e/(1 − e), the treated for the controls
    // with e⁴(1 − e)/e.
    let like_treated = |i: usize| w[i] * e[i] * (1.0 - e[i]).powi(3);
    let like_controls = |i: usize| w[i] * (1.0 - e[i]) * e[i].powi(3);
    let s1 = sum(&controls, &|i| like_treated(i) * r0(i)) / sum(&controls, &like_treated);
    let s0 = sum(&treated, &|i| like_controls(i) * r1(i)) / sum(&treated, &like_controls);
    for (weights, [b0, b1]) in [(Weights::Normalised, [b0, b1]), (Weights::Plain, [d_total, d_total])] {
        let d1 = |i: usize| (1.0 - e[i]).powi(2) / d_total;
        let d0 = |i: usize| e[i].powi(2) / d_total;
        let seen1 = sum(&treated, &|i| (w[i] * ((1.0 - e[i]) / b1 - d1(i))).powi(2) * r1(i));
        let seen0 = sum(&controls, &|i| (w[i] * (e[i] / b0 - d0(i))).powi(2) * r0(i));
        let unseen1 = s1 * sum(&treated, &|i| (w[i] * d1(i)).powi(2));
        let unseen0 = s0 * sum(&controls, &|i| (w[i] * d0(i)).powi(2));
        let v = (seen1.sqrt() + unseen1.sqrt()).powi(2) + (seen0.sqrt() + unseen0.sqrt()).powi(2);
        let se = standard_error(&rows, &e, &outcome, Target::Ato, weights);
        assert!(close(se, v.sqrt(), 1e-13), "{weights:?}: {se} against {}", v.sqrt());
    }
}

#[test]
fn swapping_the_arms_exchanges_treated_and_controls() {
    let a = Arrays::draw(200, OutcomeKind::Continuous);
    let (e, outcome) = crude(&a);
    let rows = Rows::from_sample(&a.sample(Some(&a.w)));
    let mirror = Arrays { t: 1.0 - &a.t, ..a.rows(&(0..200).collect::<Vec<_>>()) };
    let rows_mirror = Rows::from_sample(&mirror.sample(Some(&a.w)));
    let e_mirror: Vec<f64> = e.iter().map(|e| 1.0 - e).collect();
    let [mu0, mu1] = outcome.mu.clone();
    let outcome_mirror = OutcomeValues { mu: [mu1, mu0], logistic: false };
    let pairs = [
        (Target::Ate, Target::Ate),
        (Target::Att, Target::Atc),
        (Target::Atc, Target::Att),
        (Target::Ato, Target::Ato),
    ];
    for (here, there) in pairs {
        for weights in [Weights::Normalised, Weights::Plain] {
            let u = standard_error(&rows, &e, &outcome, here, weights);
            let v = standard_error(&rows_mirror, &e_mirror, &outcome_mirror, there, weights);
            assert!(close(u, v, 1e-12), "{here:?} {weights:?}: {u} {v}");
        }
        let u = aipw_normalised::scores(&rows, &e, &outcome, here);
        let v = aipw_normalised::scores(&rows_mirror, &e_mirror, &outcome_mirror, there);
        assert!(close(u.estimate, -v.estimate, 1e-12), "{here:?}");
    }
}

/// Half of the units treated, errors of variance one, and nuisances that are known: Neyman's variances.
#[test]
fn effects_that_differ_between_units_count_for_the_population_only() {
    let n = 4000;
    let mut a = Arrays::draw(n, OutcomeKind::Continuous);
    a.t = (0..n).map(|i| (i % 2) as f64).collect();
    let effect = |i: usize| 6.0 * a.x[[i, 0]];
    // Plus and minus one in equal numbers in each arm: variance one, mean zero.
    let error = |i: usize| if (i / 2).is_multiple_of(2) { 1.0 } else { -1.0 };
    a.y = (0..n).map(|i| effect(i) * a.t[i] + error(i)).collect();
    let rows = Rows::from_sample(&a.sample(None));
    let outcome = OutcomeValues { mu: [vec![0.0; n], (0..n).map(effect).collect()], logistic: false };
    let e = vec![0.5; n];
    let sample = |target| standard_error(&rows, &e, &outcome, target, Weights::Normalised);
    // SATE: 4σ²/n. SATT and SATC: σ²/n₁ + σ²/n₀. SATO with e = 1/2 is the SATE.
    for target in Target::ALL {
        assert!(close(sample(target), (4.0 / n as f64).sqrt(), 1e-9), "{target:?}: {}", sample(target));
    }
    let population = inference::standard_error(&rows, &aipw_normalised::scores(&rows, &e, &outcome, Target::Ate).phi);
    // Var τ = 36/3 = 12 against 4: three times the variance on top.
    assert!((population / sample(Target::Ate) - 2.0).abs() < 0.1, "{population}");
}

#[test]
fn normalised_and_plain_aipw_agree_where_the_weights_average_to_one_and_a_constant_error_is_mended() {
    let a = Arrays::draw(300, OutcomeKind::Continuous);
    let rows = Rows::from_sample(&a.sample(None));
    let (e, mut outcome) = crude(&a);
    let base = aipw_normalised::scores(&rows, &e, &outcome, Target::Ate);
    let share = a.t.sum() / 300.0;
    let plain = aipw::scores(&rows, &vec![share; 300], &outcome, Target::Ate);
    let same = aipw_normalised::scores(&rows, &vec![share; 300], &outcome, Target::Ate);
    assert!(close(plain.estimate, same.estimate, 1e-12));
    assert!(rows.sum(|i| base.phi[i]).abs() < 1e-9);
    outcome.mu[0].iter_mut().for_each(|m| *m += 5.0);
    for target in Target::ALL {
        let (e, one) = (&e, aipw_normalised::scores(&rows, &e, &outcome, target));
        let other = OutcomeValues {
            mu: [outcome.mu[0].iter().map(|m| m - 5.0).collect(), outcome.mu[1].clone()],
            logistic: false,
        };
        let two = aipw_normalised::scores(&rows, e, &other, target);
        assert!(close(one.estimate, two.estimate, 1e-11), "{target:?}");
    }
}
