//! The existing linear and logistic regressions as a [`Learner`]: maximum likelihood, no penalty.
//!
//! Constant and aliased columns get no coefficient and are named in the notes. Classes that are separated, or too few
//! rows, are errors, as they are in [`crate::learners::logistic`] and [`crate::learners::linear`].

use crate::learner_kind::Family;
use crate::learners::data::{Counted, listed, probability};
use crate::learners::learner::{FitInfo, Learner, LearnerError, Model, Seed, Training};
use crate::learners::linear;
use crate::learners::logistic;
use crate::learners::logistic::{LogisticError, LogisticParams};
use crate::numerics::design_matrix::DesignMatrix;
use crate::numerics::standardise::{DropReason, Standardisation};
use ndarray::{Array1, ArrayView2};

const NAME: &str = "linear or logistic regression";

/// Linear regression for numbers, logistic regression for zeros and ones.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Regression {
    /// The settings of logistic regressions.
    pub logistic: LogisticParams,
}

impl Learner for Regression {
    fn name(&self) -> &'static str {
        NAME
    }

    fn fit(&self, training: &Training<'_>, family: Family, _: &Seed) -> Result<Box<dyn Model>, LearnerError> {
        let data = Counted::new(NAME, training, family)?;
        let standardisation = Standardisation::fit(&data.x, training.names, Some(&data.w));
        let design = DesignMatrix::new(&data.x, &standardisation);
        let (gamma, iterations) = match family {
            // Least squares has no iterations to count.
            Family::Gaussian => (linear::solve(&design, &data.y, &data.w).map_err(|e| error(&e))?.gamma, 1),
            Family::Bernoulli => {
                let fit = logistic::fit(&design, &data.y, &data.w, &self.logistic).map_err(|e| from_logistic(&e))?;
                (fit.gamma, fit.info.iterations)
            }
        };
        let info = FitInfo { iterations, converged: true, notes: notes(&standardisation) };
        Ok(Box::new(LinearModel::from_standardised(&standardisation, &gamma, family, info)))
    }
}

fn error(e: &impl std::fmt::Display) -> LearnerError {
    LearnerError::Data { learner: NAME, problem: e.to_string() }
}

fn from_logistic(e: &LogisticError) -> LearnerError {
    let problem = e.to_string();
    match e {
        LogisticError::Params(_) | LogisticError::Engine(_) => LearnerError::Params { learner: NAME, problem },
        LogisticError::NoConvergence { .. } => LearnerError::NoConvergence { learner: NAME, problem },
        _ => LearnerError::Data { learner: NAME, problem },
    }
}

fn notes(s: &Standardisation) -> Vec<String> {
    let dropped_as = |reason: DropReason, why: &str| {
        let names: Vec<String> = s.dropped().iter().filter(|d| d.reason == reason).map(|d| d.term.clone()).collect();
        (!names.is_empty()).then(|| format!("left out because {why}: {}", listed(&names)))
    };
    let constant = dropped_as(DropReason::Constant, "constant in these rows");
    constant.into_iter().chain(dropped_as(DropReason::Aliased, "a linear combination of earlier terms")).collect()
}

/// η(x) = β₀ + Σ βⱼ xⱼ, or the probability with those log-odds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LinearModel {
    pub(super) intercept: f64,
    /// Column and coefficient, raw scale.
    pub(super) coefficients: Vec<(usize, f64)>,
    pub(super) family: Family,
    pub(super) info: FitInfo,
}

impl LinearModel {
    fn from_standardised(s: &Standardisation, gamma: &Array1<f64>, family: Family, info: FitInfo) -> Self {
        let raw = s.to_raw(gamma);
        let coefficients = s.columns().iter().copied().zip(raw.iter().skip(1).copied()).collect();
        Self { intercept: raw[0], coefficients, family, info }
    }
}

impl Model for LinearModel {
    fn predict(&self, x: ArrayView2<'_, f64>) -> Vec<f64> {
        let linear = |row: ndarray::ArrayView1<'_, f64>| {
            self.coefficients.iter().fold(self.intercept, |sum, (j, b)| sum + b * row[*j])
        };
        let rows = x.outer_iter().map(linear);
        match self.family {
            Family::Gaussian => rows.collect(),
            Family::Bernoulli => rows.map(probability).collect(),
        }
    }

    fn info(&self) -> &FitInfo {
        &self.info
    }
}

#[cfg(test)]
mod tests {
    use crate::learners::conformance::{conformance, fit_simulated};
    use crate::learners::regression::*;
    use ndarray::Array2;

    #[test]
    fn conforms() {
        conformance(&Regression::default());
    }

    #[test]
    fn predictions_are_the_fitted_values_of_the_regressions_it_wraps() {
        for family in [Family::Gaussian, Family::Bernoulli] {
            let (model, data) = fit_simulated(&Regression::default(), family, 3);
            let s = Standardisation::fit(&data.x, &data.names, Some(&data.weights));
            let design = DesignMatrix::new(&data.x, &s);
            let fitted: Vec<f64> = match family {
                Family::Gaussian => linear::solve(&design, &data.y, &data.weights).unwrap().fitted.to_vec(),
                Family::Bernoulli => {
                    let p = LogisticParams::default();
                    logistic::fit(&design, &data.y, &data.weights, &p).unwrap().probability.to_vec()
                }
            };
            for (a, b) in model.predict(data.x.view()).iter().zip(&fitted) {
                assert!((a - b).abs() < 1e-11, "{a} {b}");
            }
        }
    }

    #[test]
    fn constant_and_aliased_columns_are_noted_and_separation_is_an_error() {
        let x = Array2::from_shape_fn((40, 3), |(i, j)| match j {
            0 => (i % 7) as f64,
            1 => 4.0,
            _ => 2.0 * (i % 7) as f64 + 1.0,
        });
        let names = ["a", "flat", "twice"].map(str::to_owned);
        let y: Vec<f64> = (0..40).map(|i| f64::from(u8::from(i % 7 > 3))).collect();
        let seed = Seed::new(1, "test");
        let training = Training { x: x.view(), names: &names, y: &y, weights: &[1.0; 40] };
        let model = Regression::default().fit(&training, Family::Gaussian, &seed).unwrap();
        let notes = model.info().notes.join("; ");
        assert!(notes.contains("constant in these rows: `flat`") && notes.contains("`twice`"), "{notes}");
        let error = Regression::default().fit(&training, Family::Bernoulli, &seed).err().unwrap();
        assert!(error.to_string().contains("`a` alone separates"), "{error}");
    }
}
