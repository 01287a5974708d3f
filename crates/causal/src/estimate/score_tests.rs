//! The influence function of every score is the derivative of its estimate in the weights.
//!
//! ```text
//! dτ̂/dwᵢ = φᵢ/Σw,   nuisances fixed
//! ```
//!
//! Every estimate here is a sum of ratios N/D of sums over rows. Along wᵢ such a ratio is (N + hn)/(D + hd), so its central
//! difference is its derivative times 1/(1 − (hd/D)²); the rest is rounding, of the order of ε·|y|/h.

use crate::estimand::OutcomeKind;
use crate::estimate::test_data::Arrays;
use crate::estimate::*;
use crate::learners::logistic::expit;

const ROWS: usize = 60;
const STEP: f64 = 1e-5;

/// A score at given nuisances.
type Score<'a> = &'a dyn Fn(&Rows, &[f64], Target) -> Scores;

/// Wrong models, so that no term of any influence function is zero: the propensity is too flat, and each arm's outcome is
/// off by another constant and another slope.
fn wrong_nuisances(a: &Arrays) -> (Vec<f64>, OutcomeValues) {
    let e = a.x.outer_iter().map(|r| expit(0.8 * r[0] - 0.3)).collect();
    let mu = [0.0, 1.0].map(|t| a.x.outer_iter().map(|r| 19.0 + 0.5 * r[0] + t * (4.0 - r[0])).collect());
    (e, OutcomeValues { mu, logistic: false })
}

fn is_its_derivative(name: &str, score: Score<'_>) {
    let a = Arrays::draw(ROWS, OutcomeKind::Continuous);
    let (e, _) = wrong_nuisances(&a);
    let rows_with = |row: usize, change: f64| {
        let mut w = a.w.clone();
        w[row] += change;
        Rows::from_sample(&a.sample(Some(&w)))
    };
    let size = a.y.iter().fold(0.0_f64, |most, y| most.max(y.abs()));
    // Four ratios at the most. No row has more of a sum D than 1/wᵢ, and the weights are 1, 2 and 3, except that in
    // Horvitz–Thompson b/D may be larger than one share, by the odds, which are below 4 here.
    let tolerance = 4.0 * size * (4.0 * STEP * STEP + 8.0 * f64::EPSILON / STEP);
    for target in Target::ALL {
        let here = score(&rows_with(0, 0.0), &e, target);
        assert!((here.mean_treated - here.mean_control - here.estimate).abs() < 1e-12 * size, "{name} {target:?}");
        let total: f64 = a.w.sum();
        let mut largest = 0.0_f64;
        for row in 0..ROWS {
            let at = |change| score(&rows_with(row, change), &e, target).estimate;
            let numeric = (at(STEP) - at(-STEP)) / (2.0 * STEP);
            let analytic = here.phi[row] / total;
            assert!(
                (analytic - numeric).abs() < tolerance,
                "{name} {target:?}, row {row}: {analytic} against {numeric}, tolerance {tolerance:e}"
            );
            largest = largest.max(analytic.abs());
        }
        assert!(largest > 1e4 * tolerance, "{name} {target:?}: the tolerance hides the largest value, {largest}");
    }
}

#[test]
fn phi_of_every_estimator_at_given_nuisances_is_the_derivative_in_the_weights() {
    let a = Arrays::draw(ROWS, OutcomeKind::Continuous);
    let (e, outcome) = wrong_nuisances(&a);
    let given =
        |kind: EstimatorKind, rows: &Rows, e: &[f64], target| implementer(kind).scores_given(rows, e, &outcome, target);
    let rows = Rows::from_sample(&a.sample(None));
    let kinds: Vec<EstimatorKind> =
        EstimatorKind::ALL.into_iter().filter(|k| given(*k, &rows, &e, Target::Ate).is_some()).collect();
    for expected in [EstimatorKind::IpwHajek, EstimatorKind::IpwHt, EstimatorKind::Aipw, EstimatorKind::AipwCrossfit] {
        assert!(kinds.contains(&expected), "{expected:?}");
    }
    for kind in kinds {
        is_its_derivative(kind.key(), &|rows, e, target| given(kind, rows, e, target).unwrap());
    }
}

#[test]
fn phi_of_normalised_aipw_is_the_derivative_in_the_weights() {
    let (_, outcome) = wrong_nuisances(&Arrays::draw(ROWS, OutcomeKind::Continuous));
    is_its_derivative("normalised AIPW", &|rows, e, target| aipw_normalised::scores(rows, e, &outcome, target));
}

#[test]
fn phi_of_the_g_formula_is_the_derivative_in_the_weights() {
    let (_, outcome) = wrong_nuisances(&Arrays::draw(ROWS, OutcomeKind::Continuous));
    is_its_derivative("g-formula", &|rows, e, target| gformula::scores(rows, Some(e), &outcome, target));
}

#[test]
fn phi_of_the_difference_in_means_is_the_derivative_in_the_weights() {
    is_its_derivative("difference in means", &|rows, _, _| difference_in_means::scores(rows).unwrap().0);
}

/// The share is fixed: that it was estimated is of second order, since both members estimate the same thing.
#[test]
fn phi_of_the_average_is_the_derivative_in_the_weights() {
    let (_, outcome) = wrong_nuisances(&Arrays::draw(ROWS, OutcomeKind::Continuous));
    let other = OutcomeValues { mu: [outcome.mu[1].clone(), outcome.mu[0].clone()], logistic: false };
    is_its_derivative("doubly robust average", &|rows, e, target| {
        let [a, b] = [&outcome, &other].map(|models| aipw_normalised::scores(rows, e, models, target));
        dr_average::average(&a, &b, 0.3)
    });
}
