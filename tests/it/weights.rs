//! Weights that run away. A logistic propensity is taken at its word by every estimator; what that does to an answer shows in
//! its width and in the effective size of its arms, and is graded there.

use crate::structure::Noise;
use causal::estimand::{Inference, OutcomeKind, Population, Target};
use causal::estimator::{EstimatorKind, NuisanceModels};
use causal::learners::logistic::{LogisticParams, expit};
use causal::nuisance::Nuisances;
use causal::params::EstimateParams;
use causal::sample::{Covariates, Sample};
use ndarray::{Array1, Array2};
use oci_agent::critique::rubric::rule;
use oci_agent::finding::{Code, Severity};

/// Money that one in eight spends, with a propensity that runs from 0.0001 to 0.9999; and the average effect of these units.
fn revenue(n: usize, noise: &mut Noise) -> (Sample, f64) {
    let x = Array2::from_shape_fn((n, 2), |_| noise.normal());
    let mut effect = 0.0;
    let (mut t, mut y) = (Array1::zeros(n), Array1::zeros(n));
    for i in 0..n {
        let (a, b) = (x[[i, 0]], x[[i, 1]]);
        t[i] = f64::from(u8::from(noise.happens(expit(-0.5 + 2.5 * a + 1.5 * b))));
        let buys = |t: f64| expit(-2.2 + 0.6 * a + 0.3 * t);
        let amount = (2.0 + 0.5 * b + noise.normal()).exp();
        y[i] = if noise.happens(buys(t[i])) { amount } else { 0.0 };
        effect += (buys(1.0) - buys(0.0)) * (2.5 + 0.5 * b).exp() / n as f64;
    }
    let covariates = Covariates::new(x, vec!["a".to_owned(), "b".to_owned()], t, None).expect("covariates");
    (Sample::new(covariates, y).expect("a sample"), effect)
}

/// 60 draws of 1,500: an answer that is off by a standard deviation of the outcome has an interval that fails.
#[test]
fn an_answer_that_weights_have_carried_away_is_refused_by_its_width() {
    let mut noise = Noise(5);
    let mut carried_away = 0;
    for draw in 0..60 {
        let (sample, truth) = revenue(1_500, &mut noise);
        let sd = sample.y().std(1.0);
        let params = EstimateParams {
            population: Population::All,
            outcome: OutcomeKind::Continuous,
            folds: 5,
            seed: draw,
            logistic: LogisticParams::default(),
            models: NuisanceModels::default(),
            inference: Inference::Population,
        };
        let nuisances = Nuisances::new(&sample, &params).expect("nuisances");
        for kind in [EstimatorKind::IpwHajek, EstimatorKind::IpwHt, EstimatorKind::Aipw, EstimatorKind::Tmle] {
            let Ok(effect) = nuisances.effect(kind, Target::Ate) else { continue };
            let (error, width) = ((effect.estimate - truth) / sd, (effect.ci_upper - effect.ci_lower) / sd);
            if error.abs() > 1.0 {
                carried_away += 1;
                let severity = rule(Code::EstimateWidth).severity(width);
                assert_eq!(severity, Severity::Fail, "draw {draw}, {kind:?}: off by {error:.1} sd, {width:.1} sd wide");
            }
        }
    }
    assert!(carried_away > 0, "nothing was carried away, and nothing was tested");
}
