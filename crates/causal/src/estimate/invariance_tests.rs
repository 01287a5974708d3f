//! Changes that must leave an answer alone, and changes that must move it in a known way.

use crate::estimand::OutcomeKind;
use crate::estimand::Population;
use crate::estimate::test_data::{Arrays, close, params};
use crate::estimate::*;
use crate::learners::logistic::LogisticParams;
use crate::numerics::streams;
use ndarray::{Array1, Axis};
use rand::RngExt;

/// Estimators whose nuisances are fitted on all rows, so that they do not depend on how rows fall into folds.
const WHOLE_SAMPLE: [EstimatorKind; 7] = [
    EstimatorKind::Naive,
    EstimatorKind::Regression,
    EstimatorKind::Gformula,
    EstimatorKind::IpwHt,
    EstimatorKind::IpwHajek,
    EstimatorKind::Aipw,
    EstimatorKind::Tmle,
];

fn effects(sample: &Sample, outcome: OutcomeKind, kinds: &[EstimatorKind]) -> Vec<Effect> {
    let nuisances = Nuisances::new(sample, &params(outcome)).unwrap();
    kinds.iter().flat_map(|k| Target::ALL.map(|t| nuisances.effect(*k, t).unwrap())).collect()
}

#[test]
fn swapping_the_arms_flips_the_sign_and_exchanges_att_and_atc() {
    for outcome in [OutcomeKind::Continuous, OutcomeKind::Binary] {
        let a = Arrays::draw(150, outcome);
        let swapped = Arrays { t: 1.0 - &a.t, ..a.rows(&(0..150).collect::<Vec<_>>()) };
        let (sample, mirror) = (a.sample(None), swapped.sample(None));
        let (n, m) =
            (Nuisances::new(&sample, &params(outcome)).unwrap(), Nuisances::new(&mirror, &params(outcome)).unwrap());
        for kind in WHOLE_SAMPLE {
            for (here, there) in [
                (Target::Ate, Target::Ate),
                (Target::Att, Target::Atc),
                (Target::Atc, Target::Att),
                (Target::Ato, Target::Ato),
            ] {
                let (u, v) = (n.effect(kind, here).unwrap(), m.effect(kind, there).unwrap());
                assert!(close(u.estimate, -v.estimate, 1e-11), "{kind:?} {here:?} {} {}", u.estimate, v.estimate);
                assert!(close(u.std_error, v.std_error, 1e-10), "{kind:?} {here:?}");
            }
        }
    }
}

#[test]
fn a_change_of_outcome_units_changes_the_units_of_the_answer() {
    let a = Arrays::draw(150, OutcomeKind::Continuous);
    let base = effects(&a.sample(None), OutcomeKind::Continuous, &EstimatorKind::STANDARD);
    let scaled = Arrays { y: &a.y * -2.5, ..a.rows(&(0..150).collect::<Vec<_>>()) };
    let shifted = Arrays { y: &a.y + 1000.0, ..a.rows(&(0..150).collect::<Vec<_>>()) };
    let scaled = effects(&scaled.sample(None), OutcomeKind::Continuous, &EstimatorKind::STANDARD);
    let shifted = effects(&shifted.sample(None), OutcomeKind::Continuous, &EstimatorKind::STANDARD);
    for ((b, s), h) in base.iter().zip(&scaled).zip(&shifted) {
        assert!(close(s.estimate, -2.5 * b.estimate, 1e-10), "{:?}", b.estimator);
        assert!(close(s.std_error, 2.5 * b.std_error, 1e-10), "{:?}", b.estimator);
        // Horvitz–Thompson weights need not add up, so it alone depends on the origin of y.
        if b.estimator != EstimatorKind::IpwHt {
            assert!(close(h.estimate, b.estimate, 1e-9), "{:?} {:?}", b.estimator, b.estimand);
            assert!(close(h.std_error, b.std_error, 1e-9), "{:?} {:?}", b.estimator, b.estimand);
        }
    }
}

#[test]
fn integer_weights_are_repeated_rows() {
    for outcome in [OutcomeKind::Continuous, OutcomeKind::Binary] {
        let a = Arrays::draw(150, outcome);
        let rows: Vec<usize> = (0..150).flat_map(|i| std::iter::repeat_n(i, a.w[i] as usize)).collect();
        let weighted = effects(&a.sample(Some(&a.w)), outcome, &WHOLE_SAMPLE);
        let repeated = effects(&a.rows(&rows).sample(None), outcome, &WHOLE_SAMPLE);
        // Estimates only: a sampling weight enters a variance squared, a repeated row once for each copy.
        for (u, v) in weighted.iter().zip(&repeated) {
            assert!(close(u.estimate, v.estimate, 1e-11), "{:?} {:?}", u.estimator, u.estimand);
        }
    }
}

#[test]
fn the_scale_of_the_weights_is_immaterial_and_weight_zero_is_absence() {
    let a = Arrays::draw(150, OutcomeKind::Continuous);
    let some = a.w.mapv(|w| w - 1.0); // zero in every third row
    let present: Vec<usize> = (0..150).filter(|i| some[*i] > 0.0).collect();
    let base = effects(&a.sample(Some(&some)), OutcomeKind::Continuous, &EstimatorKind::STANDARD);
    let scaled = effects(&a.sample(Some(&(&some * 1e-3))), OutcomeKind::Continuous, &EstimatorKind::STANDARD);
    for (u, v) in base.iter().zip(&scaled) {
        assert!(close(u.estimate, v.estimate, 1e-11) && close(u.std_error, v.std_error, 1e-10), "{:?}", u.estimator);
    }
    // Cross-fitting among them: rows that are absent have no part in the division into folds.
    let (fewer, kinds) = (a.rows(&present), EstimatorKind::STANDARD);
    let absent = effects(&fewer.sample(Some(&some.select(Axis(0), &present))), OutcomeKind::Continuous, &kinds);
    let with_zeros = effects(&a.sample(Some(&some)), OutcomeKind::Continuous, &kinds);
    for (u, v) in with_zeros.iter().zip(&absent) {
        assert!(close(u.estimate, v.estimate, 1e-11) && close(u.std_error, v.std_error, 1e-10), "{:?}", u.estimator);
        assert_eq!((u.n, u.n_treated), (v.n, v.n_treated), "{:?}", u.estimator);
        assert_eq!(u.n, present.len());
    }
}

/// The influence function is the derivative of the estimate with respect to each row's weight: φ*ᵢ/Σw = ∂τ̂/∂wᵢ. Every
/// nuisance is refitted at each perturbed weight, so this checks all analytic derivatives at once.
#[test]
fn stacked_standard_errors_are_the_numerical_derivatives_of_the_whole_procedure() {
    for outcome in [OutcomeKind::Continuous, OutcomeKind::Binary] {
        let a = Arrays::draw(70, outcome);
        let (step, base) = (1e-4, effects(&a.sample(Some(&a.w)), outcome, &WHOLE_SAMPLE));
        let at = |row: usize, change: f64| {
            let mut w = a.w.clone();
            w[row] += change;
            effects(&a.sample(Some(&w)), outcome, &WHOLE_SAMPLE)
        };
        let mut squares = vec![0.0; base.len()];
        for row in 0..70 {
            for ((s, up), down) in squares.iter_mut().zip(at(row, step)).zip(at(row, -step)) {
                *s += (a.w[row] * (up.estimate - down.estimate) / (2.0 * step)).powi(2);
            }
        }
        // The influence function of TMLE leaves its nuisances out, which is right to first order only.
        for (effect, square) in base.iter().zip(squares).filter(|(e, _)| e.estimator != EstimatorKind::Tmle) {
            // The naive difference has no nuisance, so its influence function is already complete.
            let analytic = effect.se_stacked.or(effect.se_influence).unwrap();
            let numeric: f64 = f64::sqrt(square);
            assert!(
                (analytic / numeric - 1.0).abs() < 1e-6,
                "{outcome:?} {:?} {:?}: {analytic} against {numeric}",
                effect.estimator,
                effect.estimand.target
            );
        }
    }
}

#[test]
fn the_same_bits_on_one_thread_and_on_two() {
    // Three chunks of rows, so that a different split would show.
    let a = Arrays::draw(5000, OutcomeKind::Continuous);
    let sample = a.sample(Some(&a.w));
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| effects(&sample, OutcomeKind::Continuous, &EstimatorKind::STANDARD))
    };
    assert_eq!(on(1), on(2));
}

#[test]
fn a_propensity_fitted_before_gives_the_same_bits() {
    let a = Arrays::draw(150, OutcomeKind::Continuous);
    let sample = a.sample(None);
    let p = crate::design::fit_propensity(sample.covariates(), &LogisticParams::default()).unwrap();
    let given = Nuisances::with_propensity(&sample, &params(OutcomeKind::Continuous), &p).unwrap();
    let own = Nuisances::new(&sample, &params(OutcomeKind::Continuous)).unwrap();
    for kind in EstimatorKind::STANDARD {
        assert_eq!(given.effect(kind, Target::Ato), own.effect(kind, Target::Ato));
        assert_eq!(
            own.effect(kind, Target::Ato),
            estimate(&sample, kind, Target::Ato, &params(OutcomeKind::Continuous))
        );
    }
}

#[test]
fn the_orthogonal_formula_is_the_textbook_one_for_ate_att_and_atc() {
    let a = Arrays::draw(150, OutcomeKind::Continuous);
    let mut rng = streams::stream(23, "invariance.known");
    let mut random = |low: f64, high: f64| -> Array1<f64> { (0..150).map(|_| rng.random_range(low..high)).collect() };
    let known = KnownNuisances { e: random(0.1, 0.9), mu1: random(19.0, 23.0), mu0: random(19.0, 23.0) };
    let (e, mu1, mu0, t, y) = (&known.e, &known.mu1, &known.mu0, &a.t, &a.y);
    let c = 1.0 - t;
    let ate = (mu1 - mu0 + t * (y - mu1) / e - &c * (y - mu0) / (1.0 - e)).mean().unwrap();
    let att = ((t - &c * e / (1.0 - e)) * (y - mu0)).sum() / t.sum();
    let atc = (&c * (mu1 - y) + t * (1.0 - e) / e * (y - mu1)).sum() / c.sum();
    for (target, textbook) in [(Target::Ate, ate), (Target::Att, att), (Target::Atc, atc)] {
        let estimand = crate::estimand::Estimand { target, population: Population::All };
        let effect = effect_with_known(&a.sample(None), &known, EstimatorKind::Aipw, estimand).unwrap();
        assert!(close(effect.estimate, textbook, 1e-12), "{target:?}");
    }
}
