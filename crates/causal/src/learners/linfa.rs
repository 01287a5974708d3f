//! `linfa-logistic` as a second, independent maximiser of the same likelihood.
//!
//! Not the default because it takes no observation weights and gives no standard errors, and it stops at a gradient
//! tolerance rather than at rounding (L-BFGS). Its own default is an L2 penalty; here `alpha = 0`, so that both engines
//! maximise the same function. Coefficients come from linfa; information matrix and log-likelihood are computed here.
//!
//! Measured side by side on simulated data (optimised code, two busy cores): the two linear predictors differ by at most
//! 4e-10; linfa took 0.35 s against 0.08 s at n = 5,000 and p = 40, and 36 s against 2.6 s at n = 100,000 and p = 60.
//!
//! linfa is built on ndarray 0.16, so the standardised matrix is copied once at the boundary.

use crate::learners::logistic::{Data, LogisticError, LogisticParams};
use crate::numerics::design_matrix::DesignMatrix;
use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_logistic::LogisticRegression;
use ndarray::Array1;

/// Gradient norm at which linfa stops; smaller values end its line search before they are reached.
const GRADIENT_TOLERANCE: f64 = 1e-9;
/// Largest accepted score component per unit of weight: beyond it the fit counts as not converged.
const LARGEST_SCORE: f64 = 1e-6;

/// Maximises the likelihood with linfa; returns k standardised coefficients and the iteration limit.
pub(super) fn maximise(
    design: &DesignMatrix<'_>,
    data: &Data<'_>,
    params: &LogisticParams,
) -> Result<(Array1<f64>, usize), LogisticError> {
    if data.weights.iter().any(|w| *w != 1.0) {
        return Err(LogisticError::Engine("takes no observation weights and cannot leave rows out".into()));
    }
    if design.k() == 1 {
        return Err(LogisticError::Engine("needs at least one term".into()));
    }
    let fitted = LogisticRegression::default()
        .alpha(0.0)
        .with_intercept(true)
        // L-BFGS takes many more steps than Newton, on whose scale the default limit is.
        .max_iterations(params.max_iterations.max(1000) as u64)
        .gradient_tolerance(GRADIENT_TOLERANCE)
        .fit(&DatasetBase::new(features(design)?, classes(data)))
        .map_err(|e| LogisticError::Engine(format!("failed ({e})")))?;
    // linfa orders the two classes itself; its coefficients belong to the positive one.
    let sign = if fitted.labels().pos.class { 1.0 } else { -1.0 };
    let gamma: Array1<f64> =
        std::iter::once(fitted.intercept()).chain(fitted.params().iter().copied()).map(|v| sign * v).collect();
    // Judged by the score at its solution, whatever ended the search.
    let score = largest_score(design, data, &gamma);
    if score.is_finite() && score <= LARGEST_SCORE {
        Ok((gamma, params.max_iterations))
    } else {
        Err(LogisticError::NoConvergence { iterations: params.max_iterations, last_step: score })
    }
}

fn features(design: &DesignMatrix<'_>) -> Result<ndarray16::Array2<f64>, LogisticError> {
    let z = design.to_dense().slice_axis(ndarray::Axis(1), (1..).into()).iter().copied().collect();
    ndarray16::Array2::from_shape_vec((design.n(), design.k() - 1), z)
        .map_err(|e| LogisticError::Engine(format!("could not take the matrix ({e})")))
}

fn classes(data: &Data<'_>) -> ndarray16::Array1<bool> {
    data.y.iter().map(|y| *y == 1.0).collect()
}

fn largest_score(design: &DesignMatrix<'_>, data: &Data<'_>, gamma: &Array1<f64>) -> f64 {
    let predictor = design.mul(gamma);
    let residual: Vec<f64> =
        data.y.iter().zip(&predictor).map(|(y, u)| y - crate::learners::logistic::expit(*u)).collect();
    let score = design.transpose_mul(&[&residual]);
    score.iter().fold(0.0_f64, |m, v| m.max(v.abs())) / data.total
}
