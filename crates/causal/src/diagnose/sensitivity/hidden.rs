//! How far a hidden confounder of a declared strength could move an answer.
//!
//! Estimand: the bias of an average effect when a cause A of treatment and outcome is not among the covariates X.
//!
//! ```text
//! |bias| ≤ S · √(η · κ/(1 − κ)),   S² = σ² · ν²
//! σ² = E[(Y − g(T, X))²]            residual variance of the outcome
//! ν² = E[α(T, X)²]                  α: the Riesz representer, ±1/e and 1/(1 − e) for the ATE
//! η  = partial R² of A with the outcome given T and X
//! κ  = share of E[α²] of the model with A that is lost without it: for a linear propensity the partial R² with treatment
//! ```
//!
//! σ² is that of the pooled linear regression, never below that of a better g, so the range is never too narrow for it. ν² comes
//! from the balancing weights of the target, normalised in each arm: with observation weights s and balancing weights b,
//! ν² = Σs · Σₐ Σ_{i∈a} s b² / (Σ_{i∈a} s b)².
//!
//! Assumptions: none about the form of A; the worst case in sign and shape. The interval is moved as a whole: the error of S, of
//! a smaller order, is left out. Reference: Chernozhukov, Cinelli, Newey, Sharma & Syrgkanis (2022), arXiv 2112.13398, theorem 2.

use crate::arm::Arm;
use crate::effect::Effect;
use crate::sample::Covariates;
use ndarray::Array1;
use serde::{Deserialize, Serialize};

/// The strength of a hidden confounder that a plan declares possible. Both are shares from 0 to below 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HiddenConfounding {
    /// κ: the share of what is left of treatment that it would explain.
    pub treatment: f64,
    /// η: the share of what is left of the outcome that it would explain.
    pub outcome: f64,
}

/// An answer, and how far such a confounder could move it; in units of the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HiddenRange {
    /// The declared strength.
    pub declared: HiddenConfounding,
    /// The largest bias in either direction.
    pub bias: f64,
    /// The estimate less the bias.
    pub lower: f64,
    /// The estimate plus the bias.
    pub upper: f64,
    /// The lower 95 % limit less the bias.
    pub ci_lower: f64,
    /// The upper 95 % limit plus the bias.
    pub ci_upper: f64,
}

impl HiddenRange {
    /// The range of `effect`, whose target has the n `balancing` weights among `cov`; `residual_variance` is σ².
    #[must_use]
    pub fn new(
        declared: HiddenConfounding,
        effect: &Effect,
        cov: &Covariates,
        balancing: &Array1<f64>,
        residual_variance: f64,
    ) -> Self {
        let HiddenConfounding { treatment, outcome } = declared;
        let scale = (residual_variance * squared_representer(cov, balancing)).sqrt();
        let bias = scale * (outcome * treatment / (1.0 - treatment)).sqrt();
        Self {
            declared,
            bias,
            lower: effect.estimate - bias,
            upper: effect.estimate + bias,
            ci_lower: effect.ci_lower - bias,
            ci_upper: effect.ci_upper + bias,
        }
    }
}

/// ν².
fn squared_representer(cov: &Covariates, balancing: &Array1<f64>) -> f64 {
    let s = cov.weights_or_ones();
    let of_arm = |arm: Arm| {
        let units = cov.treatment().iter().zip(&s).zip(balancing).filter(|((t, _), _)| **t == arm);
        let (sum, squares) = units.fold((0.0, 0.0), |(sum, squares), ((_, s), b)| (sum + s * b, squares + s * b * b));
        squares / (sum * sum)
    };
    s.sum() * (of_arm(Arm::Treated) + of_arm(Arm::Control))
}

#[cfg(test)]
mod tests;
