//! Outcome models: one regression per arm, on the terms of the design.
//!
//! μ_a(x) = E[Y | T = a, X = x]: linear for a continuous outcome, logistic for a binary one. Index 0 is the control arm, 1
//! the treated arm. An arm whose terms are not linearly independent is an error that names them: extrapolating along a
//! direction that an arm does not contain would be a guess.

use crate::arm::Arm;
use crate::error::EstimateError;
use crate::estimand::OutcomeKind;
use crate::learners::{linear, logistic};
use crate::numerics::design_matrix::DesignMatrix;
use crate::params::EstimateParams;
use crate::weighted_rows::Rows;
use ndarray::Array2;

/// Predictions of both arms' models for all n rows.
pub(crate) struct OutcomeValues {
    /// μ₀ and μ₁, n values each.
    pub(crate) mu: [Vec<f64>; 2],
    /// True if μ is the inverse logit of its linear predictor; else μ = η.
    pub(crate) logistic: bool,
}

impl OutcomeValues {
    /// The kind of outcome that these are predictions of.
    pub(crate) fn kind(&self) -> OutcomeKind {
        if self.logistic { OutcomeKind::Binary } else { OutcomeKind::Continuous }
    }

    /// dμ_a/dη_a in row i.
    pub(crate) fn slope(&self, arm: usize, i: usize) -> f64 {
        if self.logistic { self.mu[arm][i] * (1.0 - self.mu[arm][i]) } else { 1.0 }
    }
}

/// Both fitted models, with what stacking needs.
pub(crate) struct OutcomeModels {
    /// Predictions.
    pub(crate) values: OutcomeValues,
    /// Σ_{t=a} w μ_a′ z zᵀ, k × k, control first.
    pub(crate) information: [Array2<f64>; 2],
}

impl OutcomeModels {
    /// Fits both arms on `design` under observation weights `w`, which may leave rows out.
    pub(crate) fn fit(
        design: &DesignMatrix<'_>,
        rows: &Rows,
        w: &[f64],
        params: &EstimateParams,
    ) -> Result<Self, EstimateError> {
        let (mu0, information0) = fit_arm(design, rows, w, Arm::Control, params)?;
        let (mu1, information1) = fit_arm(design, rows, w, Arm::Treated, params)?;
        let logistic = params.outcome == OutcomeKind::Binary;
        Ok(Self { values: OutcomeValues { mu: [mu0, mu1], logistic }, information: [information0, information1] })
    }

    /// The score residual 1{t = a}(y − μ_a) of each row.
    pub(crate) fn residual(&self, rows: &Rows, arm: Arm) -> Vec<f64> {
        let mu = &self.values.mu[arm.index()];
        rows.map(|i| if rows.arm[i] == arm { rows.y[i] - mu[i] } else { 0.0 })
    }
}

fn fit_arm(
    design: &DesignMatrix<'_>,
    rows: &Rows,
    w: &[f64],
    arm: Arm,
    params: &EstimateParams,
) -> Result<(Vec<f64>, Array2<f64>), EstimateError> {
    // Rows of the other arm weigh nothing in the fit and are predicted all the same.
    let w = rows.weights_within(arm, w);
    match params.outcome {
        OutcomeKind::Continuous => linear::solve(design, &rows.y, &w)
            .map(|s| (s.fitted.to_vec(), s.gram))
            .map_err(|source| EstimateError::OutcomeLinear { arm, source }),
        OutcomeKind::Binary => logistic::fit(design, &rows.y, &w, &params.logistic)
            .map(|f| (f.probability.to_vec(), f.information))
            .map_err(|source| EstimateError::OutcomeLogistic { arm, source }),
    }
}

/// Refuses a binary outcome with values other than 0 and 1.
pub(crate) fn check_binary(rows: &Rows) -> Result<(), EstimateError> {
    match rows.y.iter().enumerate().find(|(_, y)| **y != 0.0 && **y != 1.0) {
        None => Ok(()),
        Some((row, value)) => Err(EstimateError::OutcomeNotBinary { row: row + 1, value: *value }),
    }
}
