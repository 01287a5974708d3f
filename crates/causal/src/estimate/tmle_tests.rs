use super::*;
use crate::estimand::{Estimand, Population};
use crate::estimate::test_data::{Arrays, close, params};
use crate::estimate::{KnownNuisances, effect_with_known};
use crate::estimator::EstimatorKind;
use crate::nuisance::Nuisances;
use ndarray::Array1;

const PATHS: [Fluctuation; 3] = [Fluctuation::Weighted, Fluctuation::CleverPair, Fluctuation::CleverDifference];

/// Nuisances of some quality, so that there is something to target.
fn crude(a: &Arrays) -> (Vec<f64>, OutcomeValues) {
    let e = a.x.outer_iter().map(|r| expit(0.8 * r[0] - 0.3)).collect();
    let mu = [0.0, 1.0].map(|t| a.x.outer_iter().map(|r| 20.5 + 0.5 * r[0] + t * (1.5 - r[0])).collect());
    (e, OutcomeValues { mu, logistic: false })
}

#[test]
fn the_efficient_score_is_solved_for_every_target_and_path() {
    let a = Arrays::draw(300, OutcomeKind::Continuous);
    let rows = Rows::from_sample(&a.sample(Some(&a.w)));
    let (e, outcome) = crude(&a);
    for tilt in Target::ALL {
        for path in PATHS {
            let targeted = target(&rows, &e, &outcome, tilt, path).unwrap();
            // Scores come from the formula of AIPW, the estimate from the plain average of the targeted predictions.
            let score = rows.sum(|i| targeted.scores.phi[i]) / rows.total;
            assert!(score.abs() < 1e-8, "{tilt:?} {path:?}: {score}");
            let untargeted = aipw::scores(&rows, &e, &outcome, tilt).estimate;
            assert!((targeted.scores.estimate - untargeted).abs() > 1e-6, "nothing was targeted: {tilt:?} {path:?}");
        }
    }
}

#[test]
fn tmle_and_aipw_differ_by_less_than_the_square_root_of_n_shows() {
    // Both models are right here; the difference is of the order of 1/n, the standard error of 1/√n.
    for (n, allowed) in [(500, 0.05), (8000, 0.0125)] {
        let a = Arrays::draw(n, OutcomeKind::Continuous);
        let sample = a.sample(None);
        let nuisances = Nuisances::new(&sample, &params(OutcomeKind::Continuous)).unwrap();
        for tilt in Target::ALL {
            let (t, a) = (nuisances.effect(EstimatorKind::Tmle, tilt), nuisances.effect(EstimatorKind::Aipw, tilt));
            let (t, a) = (t.unwrap(), a.unwrap());
            let apart = (t.estimate - a.estimate).abs() / a.std_error;
            assert!(apart < allowed, "{tilt:?} at {n}: {apart}");
            assert!(close(t.std_error, a.se_influence.unwrap(), allowed), "{tilt:?}");
        }
    }
}

#[test]
fn the_estimate_stays_in_the_range_of_the_outcome_where_aipw_leaves_it() {
    // One control stands for many treated, and its outcome is not what the model says.
    let a = Arrays::draw(40, OutcomeKind::Binary);
    let mut e: Vec<f64> = vec![0.5; 40];
    let odd = (0..40).find(|i| a.t[*i] == 0.0 && a.y[*i] == 1.0).unwrap();
    e[odd] = 0.999;
    let mu = [vec![0.05; 40], vec![0.9; 40]];
    let sample = a.sample(None);
    let [mu0, mu1] = mu.clone().map(Array1::from);
    let known = KnownNuisances { e: Array1::from(e.clone()), mu1, mu0 };
    let estimand = Estimand { target: Target::Ate, population: Population::All };
    let augmented = effect_with_known(&sample, &known, EstimatorKind::Aipw, estimand).unwrap();
    assert!(augmented.estimate < -1.0, "{}", augmented.estimate);
    let outcome = OutcomeValues { mu, logistic: true };
    for path in PATHS {
        let scores = target(&Rows::from_sample(&sample), &e, &outcome, Target::Ate, path).unwrap().scores;
        assert!(scores.estimate.abs() <= 1.0, "{path:?}: {}", scores.estimate);
    }
}

#[test]
fn predictions_outside_the_range_are_moved_and_counted() {
    let a = Arrays::draw(60, OutcomeKind::Continuous);
    let (e, mut outcome) = crude(&a);
    let rows = Rows::from_sample(&a.sample(None));
    let inside = target(&rows, &e, &outcome, Target::Att, Fluctuation::Weighted).unwrap();
    (outcome.mu[0][3], outcome.mu[1][7]) = (-500.0, 1e9);
    let moved = target(&rows, &e, &outcome, Target::Att, Fluctuation::Weighted).unwrap();
    assert_eq!(moved.clipped, inside.clipped + 2);
    // A row of weight zero is not in the sample, so nothing of it is moved.
    let w: Array1<f64> = (0..60).map(|i| f64::from(u8::from(i != 3))).collect();
    let rows = Rows::from_sample(&a.sample(Some(&w)));
    let absent = target(&rows, &e, &outcome, Target::Att, Fluctuation::Weighted).unwrap();
    assert_eq!(absent.clipped, moved.clipped - 1);
}

#[test]
fn an_arm_without_events_has_no_fluctuation_and_says_so() {
    let mut a = Arrays::draw(60, OutcomeKind::Binary);
    a.y.zip_mut_with(&a.t, |y, t| *y *= t);
    let (e, _) = crude(&a);
    let outcome = OutcomeValues { mu: [vec![0.2; 60], vec![0.6; 60]], logistic: true };
    let error =
        target(&Rows::from_sample(&a.sample(None)), &e, &outcome, Target::Ate, Fluctuation::Weighted).err().unwrap();
    assert!(matches!(error, EstimateError::NoFluctuation { arm: "control", .. }), "{error}");
    a.y.fill(3.0);
    let outcome = OutcomeValues { logistic: false, ..outcome };
    let error =
        target(&Rows::from_sample(&a.sample(None)), &e, &outcome, Target::Ate, Fluctuation::Weighted).err().unwrap();
    assert!(error.to_string().contains("the range of the outcome is 0"), "{error}");
}

/// The score of the returned ε is the one that was found small enough, also where the steps run out there.
#[test]
fn the_root_is_where_its_score_was_judged() {
    let mut telling = 0;
    for shift in 1..=60 {
        let point = |i: i32| {
            let (c, offset) = (0.3 + 0.1 * f64::from(i % 8), f64::from(i % 5) - 2.0 + 0.01 * f64::from(shift));
            Point { omega: 1.0, c, offset, y: f64::from(u8::from(i % 11 < 5)) }
        };
        let points: Vec<Point> = (0..40).map(point).collect();
        let sum = |of: &dyn Fn(&Point, f64) -> f64, epsilon: f64| -> f64 {
            points.iter().map(|p| of(p, expit(p.offset + epsilon * p.c))).sum()
        };
        let score = |epsilon: f64| sum(&|p, q| p.c * (p.y - q), epsilon);
        let size = sum(&|p, _| p.c, 0.0);
        match root_within(&points, 1) {
            Err(FluctuationProblem::StillOff { steps: 1, off }) => assert!(close(off, score(0.0).abs() / size, 1e-14)),
            other => panic!("{other:?}"),
        }
        let enough = (1..50).find(|steps| root_within(&points, *steps).is_ok()).unwrap();
        // The root is within ±1, so no step is cut short, and Newton's method can be followed by hand.
        let newton = |epsilon: f64| epsilon + score(epsilon) / sum(&|p, q| p.c * p.c * q * (1.0 - q), epsilon);
        let judged = (1..enough).fold(0.0, |epsilon, _| newton(epsilon));
        let (first, next) = (root_within(&points, enough).unwrap(), newton(judged));
        assert!((first - judged).abs() < 1e-13, "{first} {judged} {next}");
        telling += usize::from((next - judged).abs() > 1e-12);
        assert!(score(root(&points).unwrap()).abs() / size < 1e-15);
    }
    // Convergence is quadratic, so the next step is mostly too small to tell from rounding.
    assert!(telling > 0);
}
