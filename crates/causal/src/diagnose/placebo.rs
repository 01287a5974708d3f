//! Effects on outcomes that treatment cannot have changed.
//!
//! A placebo outcome was measured before treatment, a negative control cannot be moved by it; neither is a confounder the
//! design adjusts for. If adjustment for the measured confounders is enough, the design's own estimator finds no effect on
//! either (Lipsitch, Tchetgen Tchetgen & Cohen 2010, doi:10.1097/EDE.0b013e3181d61eeb):
//!
//! ```text
//! z = τ̂/se,   p = 2·(1 − Φ(|z|))
//! Holm (1979):  p̃₍ᵢ₎ = max_{j ≤ i} min(1, (m − j + 1)·p₍ⱼ₎),   p₍₁₎ ≤ … ≤ p₍ₘ₎
//! ```
//!
//! Holm's step-down keeps the chance of even one false alarm among m true placebos at the nominal level, whatever their
//! dependence. m counts the placebos that were tested; one that could not be tested is named in
//! [`PlaceboReport::not_applicable`] and is not a pass.
//!
//! [`placebo_effects`] estimates with the design of the analysis, whatever the placebo's kind with linear outcome models: the
//! augmentation only has to reduce variance, and a 0/1 placebo may be too rare for a logistic model. A placebo that the
//! design terms determine, such as a confounder, has a standard error of zero and is refused: it would be a test of
//! arithmetic.

use crate::design::{PropensityModel, fit_propensity};
use crate::estimand::{OutcomeKind, Target};
use crate::estimator::EstimatorKind;
use crate::nuisance::Nuisances;
use crate::numerics::distributions::normal_two_sided;
use crate::numerics::weighted_moments::variance;
use crate::params::EstimateParams;
use crate::sample::{Covariates, Sample};
use ndarray::Array1;
use serde::{Deserialize, Serialize};

/// The effect on one declared placebo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlaceboEffect {
    /// Column.
    pub column: String,
    /// `placebo_outcome` or `negative_control`.
    pub role: String,
    /// Estimated effect, in the placebo's own units.
    pub estimate: f64,
    /// Its standard error.
    pub std_error: f64,
    /// Effect in standard deviations of the placebo.
    pub standardised: f64,
    /// Two-sided normal p-value.
    pub p_value: f64,
    /// Holm-adjusted over the declared placebos of this analysis.
    pub p_holm: f64,
}

/// All declared placebos of one analysis, or why there are none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlaceboReport {
    /// One per declared placebo that could be tested, in the order of the plan.
    pub effects: Vec<PlaceboEffect>,
    /// Why nothing could be tested, if so; or, next to the effects that were, which placebos could not be and why.
    pub not_applicable: Option<String>,
}

/// A standard error below this many standard deviations of the placebo is rounding: an honest one is about 1/√n.
const ROUNDING: f64 = 1e-9;

/// An estimated effect on one placebo, before anything is made of it.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaceboEstimate {
    /// Column.
    pub column: String,
    /// `placebo_outcome` or `negative_control`.
    pub role: String,
    /// Estimated effect, in the placebo's own units.
    pub estimate: f64,
    /// Its standard error.
    pub std_error: f64,
    /// Standard deviation of the placebo among the analysed units.
    pub sd: f64,
}

/// A placebo that was declared, with its values.
#[derive(Debug, Clone, PartialEq)]
pub struct DeclaredPlacebo {
    /// Column.
    pub column: String,
    /// `placebo_outcome` or `negative_control`.
    pub role: String,
    /// n values on the rows of the analysis.
    pub values: Array1<f64>,
}

/// The estimator of placebo effects and its settings.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaceboParams {
    /// [`EstimatorKind::Aipw`]; [`EstimatorKind::AipwCrossfit`] where the design's propensity is by a learner;
    /// [`EstimatorKind::IpwHajek`] where neither is allowed.
    pub estimator: EstimatorKind,
    /// As for the outcome; its outcome kind is not used.
    pub estimate: EstimateParams,
}

/// Why a placebo could not be tested.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlaceboError {
    /// It does not vary.
    #[error("`{column}` has the same value for every unit in this population, so it cannot show an effect")]
    Constant {
        /// Column.
        column: String,
    },
    /// The effect could not be estimated.
    #[error("the effect on `{column}` could not be estimated: {reason}")]
    NotEstimated {
        /// Column.
        column: String,
        /// The message of the estimator.
        reason: String,
    },
    /// The design terms determine it.
    #[error(
        "`{column}` is a combination of the design terms, so the design cannot fail on it; a placebo must not be among the confounders"
    )]
    Determined {
        /// Column.
        column: String,
    },
    /// The effect has no usable standard error.
    #[error(
        "the effect on `{column}` is {estimate} with standard error {std_error}; a test needs a positive, finite one"
    )]
    StandardError {
        /// Column.
        column: String,
        /// Estimated effect.
        estimate: f64,
        /// Its standard error.
        std_error: f64,
    },
}

/// The tests of all declared placebos of one analysis: one entry per placebo, in the order of the plan.
#[must_use]
pub fn placebo_report(tests: Vec<Result<PlaceboEstimate, PlaceboError>>) -> PlaceboReport {
    if tests.is_empty() {
        let why = "the plan declares no placebo outcome and no negative control".to_owned();
        return PlaceboReport { effects: Vec::new(), not_applicable: Some(why) };
    }
    let mut reasons = Vec::new();
    let mut effects: Vec<PlaceboEffect> = Vec::new();
    for test in tests {
        match test.and_then(effect) {
            Ok(effect) => effects.push(effect),
            Err(error) => reasons.push(error.to_string()),
        }
    }
    // Over the tests that were made: one that could not be made is no hypothesis tested.
    let adjusted = holm(&effects.iter().map(|e| e.p_value).collect::<Vec<_>>());
    for (effect, p) in effects.iter_mut().zip(adjusted) {
        effect.p_holm = p;
    }
    PlaceboReport { effects, not_applicable: (!reasons.is_empty()).then(|| reasons.join("; ")) }
}

/// Estimates and tests the effect of treatment on every placebo, for `target` in the rows of `cov`. What cannot be
/// estimated is named in the report, not dropped.
#[must_use]
pub fn placebo_effects(
    cov: &Covariates,
    placebos: &[DeclaredPlacebo],
    target: Target,
    params: &PlaceboParams,
) -> PlaceboReport {
    // One propensity for all of them: it does not depend on the placebo.
    match fit_propensity(cov, &params.estimate.logistic) {
        Ok(fitted) => placebo_effects_with(cov, placebos, &PropensityModel::Logistic(Box::new(fitted)), target, params),
        Err(error) => {
            let fail = |placebo: &DeclaredPlacebo| {
                Err(PlaceboError::NotEstimated { column: placebo.column.clone(), reason: error.to_string() })
            };
            placebo_report(placebos.iter().map(fail).collect())
        }
    }
}

/// As [`placebo_effects`], with a propensity that the design has already, of the same rows.
#[must_use]
pub fn placebo_effects_with(
    cov: &Covariates,
    placebos: &[DeclaredPlacebo],
    propensity: &PropensityModel,
    target: Target,
    params: &PlaceboParams,
) -> PlaceboReport {
    let test = |placebo: &DeclaredPlacebo| {
        let fail = |reason: String| PlaceboError::NotEstimated { column: placebo.column.clone(), reason };
        let sample = Sample::new(cov.clone(), placebo.values.clone()).map_err(|e| fail(e.to_string()))?;
        estimate_placebo(&sample, placebo, propensity, target, params)
    };
    placebo_report(placebos.iter().map(test).collect())
}

fn estimate_placebo(
    sample: &Sample,
    placebo: &DeclaredPlacebo,
    propensity: &PropensityModel,
    target: Target,
    params: &PlaceboParams,
) -> Result<PlaceboEstimate, PlaceboError> {
    let (column, role) = (placebo.column.clone(), placebo.role.clone());
    let weights = sample.covariates().weights_or_ones().to_vec();
    // The unbiased one; a placebo with weight on one unit only counts as constant.
    let sd = variance(&placebo.values.to_vec(), &weights).unwrap_or(0.0).sqrt();
    if sd == 0.0 {
        return Err(PlaceboError::Constant { column });
    }
    // Linear for any kind: see the module page.
    let linear = EstimateParams { outcome: OutcomeKind::Continuous, ..params.estimate.clone() };
    let effect = Nuisances::with_propensity_model(sample, &linear, propensity)
        .and_then(|n| n.effect(params.estimator, target))
        .map_err(|e| PlaceboError::NotEstimated { column: column.clone(), reason: e.to_string() })?;
    // Residuals that are rounding: the terms reproduce the placebo.
    if effect.std_error < ROUNDING * sd {
        return Err(PlaceboError::Determined { column });
    }
    Ok(PlaceboEstimate { column, role, estimate: effect.estimate, std_error: effect.std_error, sd })
}

/// Holm's step-down adjustment of p-values, in the order given.
#[must_use]
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<(usize, f64)> = p_values.iter().copied().enumerate().collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut running = 0.0_f64;
    let mut adjusted: Vec<(usize, f64)> = Vec::with_capacity(order.len());
    for (rank, (place, p)) in order.into_iter().enumerate() {
        // Never below the one before it: a smaller p-value cannot become the larger one.
        running = running.max((p * (p_values.len() - rank) as f64).min(1.0));
        adjusted.push((place, running));
    }
    adjusted.sort_by_key(|(place, _)| *place);
    adjusted.into_iter().map(|(_, p)| p).collect()
}

/// The tested effect, with Holm still to come.
fn effect(test: PlaceboEstimate) -> Result<PlaceboEffect, PlaceboError> {
    let PlaceboEstimate { column, role, estimate, std_error, sd } = test;
    if sd <= 0.0 || !sd.is_finite() {
        return Err(PlaceboError::Constant { column });
    }
    if std_error <= 0.0 || !std_error.is_finite() || !estimate.is_finite() {
        return Err(PlaceboError::StandardError { column, estimate, std_error });
    }
    let p_value = normal_two_sided(estimate / std_error);
    Ok(PlaceboEffect { column, role, estimate, std_error, standardised: estimate / sd, p_value, p_holm: p_value })
}

#[cfg(test)]
mod tests;
