//! Samples for the tests of this module.

use crate::estimand::Inference;
use crate::estimand::OutcomeKind;
use crate::estimand::Population;
use crate::estimate::*;
use crate::estimator::NuisanceModels;
use crate::learners::logistic::LogisticParams;
use crate::learners::logistic::expit;
use crate::numerics::streams;
use crate::sample::Covariates;
use ndarray::{Array1, Array2, Axis};
use rand::RngExt;

pub(crate) fn params(outcome: OutcomeKind) -> EstimateParams {
    EstimateParams {
        population: Population::All,
        outcome,
        folds: 3,
        seed: 5,
        logistic: LogisticParams::default(),
        models: NuisanceModels::default(),
        inference: Inference::Population,
    }
}

pub(crate) struct Arrays {
    pub(crate) x: Array2<f64>,
    pub(crate) t: Array1<f64>,
    pub(crate) y: Array1<f64>,
    pub(crate) w: Array1<f64>,
}

impl Arrays {
    /// n rows with effects that differ between the targets, and weights 1, 2 and 3.
    pub(crate) fn draw(n: usize, outcome: OutcomeKind) -> Self {
        let mut rng = streams::stream(17, "invariance.test");
        let x = Array2::from_shape_fn((n, 3), |_| rng.random::<f64>() * 2.0 - 1.0);
        let t: Array1<f64> =
            x.outer_iter().map(|r| f64::from(u8::from(rng.random::<f64>() < expit(r[0] - 0.5 * r[1])))).collect();
        let y = (0..n).map(|i| {
            let mean = x[[i, 0]] + t[i] * (1.0 + x[[i, 1]] - x[[i, 0]]);
            match outcome {
                OutcomeKind::Continuous => 20.0 + mean + rng.random::<f64>() * 2.0,
                OutcomeKind::Binary => f64::from(u8::from(rng.random::<f64>() < expit(mean))),
            }
        });
        let y = y.collect();
        let w = (0..n).map(|i| 1.0 + (i % 3) as f64).collect();
        Self { x, t, y, w }
    }

    pub(crate) fn sample(&self, weights: Option<&Array1<f64>>) -> Sample {
        let names = (0..self.x.ncols()).map(|j| format!("x{j}")).collect();
        let c = Covariates::new(self.x.clone(), names, self.t.clone(), weights.cloned()).unwrap();
        Sample::new(c, self.y.clone()).unwrap()
    }

    pub(crate) fn rows(&self, rows: &[usize]) -> Self {
        let pick = |v: &Array1<f64>| v.select(Axis(0), rows);
        Self { x: self.x.select(Axis(0), rows), t: pick(&self.t), y: pick(&self.y), w: pick(&self.w) }
    }
}

pub(crate) fn close(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * (1.0 + b.abs())
}
