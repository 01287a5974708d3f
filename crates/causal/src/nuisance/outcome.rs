//! Outcome models: one regression per arm, on the terms of the design.
//!
//! μ_a(x) = E[Y | T = a, X = x]: linear for a continuous outcome, logistic for a binary one. Index 0 is the control arm, 1
//! the treated arm. An arm whose terms are not linearly independent is an error that names them: extrapolating along a
//! direction that an arm does not contain would be a guess.

use crate::arm::Arm;
use crate::effect::Note;
use crate::error::EstimateError;
use crate::estimand::OutcomeKind;
use crate::fit_note::{FitNote, FitPlace, FittedModel};
use crate::learners::logistic::LogisticError;
use crate::learners::logistic_limit::fit_in_the_limit;
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
    /// The arms whose outcomes are separated in part, and whose model is a limit: control first.
    at_limit: [Option<AtLimit>; 2],
}

/// A logistic model that exists only as a limit.
#[derive(Debug, Clone)]
struct AtLimit {
    rows: usize,
    terms: Vec<String>,
    /// Why there is no other.
    error: LogisticError,
}

impl OutcomeModels {
    /// Fits both arms on `design` under observation weights `w`, which may leave rows out.
    pub(crate) fn fit(
        design: &DesignMatrix<'_>,
        rows: &Rows,
        w: &[f64],
        params: &EstimateParams,
    ) -> Result<Self, EstimateError> {
        let control = fit_arm(design, rows, w, Arm::Control, params)?;
        let treated = fit_arm(design, rows, w, Arm::Treated, params)?;
        let logistic = params.outcome == OutcomeKind::Binary;
        Ok(Self {
            values: OutcomeValues { mu: [control.mu, treated.mu], logistic },
            information: [control.information, treated.information],
            at_limit: [control.at_limit, treated.at_limit],
        })
    }

    /// The models, if none of them is a limit: where log-odds are needed, a probability of 0 has none.
    ///
    /// # Errors
    /// [`EstimateError::OutcomeLogistic`] with the terms that separate.
    pub(crate) fn with_log_odds(&self) -> Result<&Self, EstimateError> {
        match Arm::BOTH.into_iter().zip(&self.at_limit).find_map(|(arm, limit)| Some((arm, limit.as_ref()?))) {
            None => Ok(self),
            Some((arm, limit)) => Err(EstimateError::OutcomeLogistic { arm, source: limit.error.clone() }),
        }
    }

    /// What a reader must know of the models that are limits.
    pub(crate) fn notes(&self) -> Vec<Note> {
        let arms = Arm::BOTH.into_iter().zip(&self.at_limit);
        arms.filter_map(|(arm, limit)| {
            let limit = limit.as_ref()?;
            let place = FitPlace::all_rows(FittedModel::Outcome(arm));
            Some(Note::Fit(FitNote::AtLimit { place, rows: limit.rows, terms: limit.terms.clone() }))
        })
        .collect()
    }

    /// The score residual 1{t = a}(y − μ_a) of each row.
    pub(crate) fn residual(&self, rows: &Rows, arm: Arm) -> Vec<f64> {
        let mu = &self.values.mu[arm.index()];
        rows.map(|i| if rows.arm[i] == arm { rows.y[i] - mu[i] } else { 0.0 })
    }
}

struct ArmModel {
    mu: Vec<f64>,
    information: Array2<f64>,
    at_limit: Option<AtLimit>,
}

fn fit_arm(
    design: &DesignMatrix<'_>,
    rows: &Rows,
    w: &[f64],
    arm: Arm,
    params: &EstimateParams,
) -> Result<ArmModel, EstimateError> {
    // Rows of the other arm weigh nothing in the fit and are predicted all the same.
    let w = rows.weights_within(arm, w);
    match params.outcome {
        OutcomeKind::Continuous => linear::solve(design, &rows.y, &w)
            .map(|s| ArmModel { mu: s.fitted.to_vec(), information: s.gram, at_limit: None })
            .map_err(|source| EstimateError::OutcomeLinear { arm, source }),
        OutcomeKind::Binary => {
            let failed = |source: LogisticError| EstimateError::OutcomeLogistic { arm, source };
            match logistic::fit(design, &rows.y, &w, &params.logistic) {
                Ok(fit) => Ok(ArmModel { mu: fit.probability.to_vec(), information: fit.information, at_limit: None }),
                Err(error @ (LogisticError::SeparatingTerm { .. } | LogisticError::Separation { .. })) => {
                    let limit = fit_in_the_limit(design, &rows.y, &w, &params.logistic).map_err(failed)?;
                    let (rows, terms) = (limit.rows_at_limit, limit.terms);
                    Ok(ArmModel {
                        mu: limit.probability,
                        information: limit.information,
                        at_limit: Some(AtLimit { rows, terms, error }),
                    })
                }
                Err(error) => Err(failed(error)),
            }
        }
    }
}

/// Refuses a binary outcome with values other than 0 and 1.
pub(crate) fn check_binary(rows: &Rows) -> Result<(), EstimateError> {
    match rows.y.iter().enumerate().find(|(_, y)| **y != 0.0 && **y != 1.0) {
        None => Ok(()),
        Some((row, value)) => Err(EstimateError::OutcomeNotBinary { row: row + 1, value: *value }),
    }
}
