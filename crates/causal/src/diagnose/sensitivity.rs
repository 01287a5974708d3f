//! Sensitivity to hidden confounding: E-value, robustness value with benchmarks, tipping point.
//!
//! The E-value and the tipping point are about the primary estimate; the robustness value and the benchmarks are about the
//! pooled linear regression of the outcome on treatment and the design terms in the same population. Equations and
//! references: [`e_value`], [`robustness`], [`regression`].

pub mod e_value;
pub mod hidden;
pub mod regression;
pub mod robustness;

pub use crate::diagnose::sensitivity::hidden::{HiddenConfounding, HiddenRange};

use crate::diagnose::sensitivity::e_value::{RiskRatio, tipping_bias};
use crate::diagnose::sensitivity::regression::TreatmentRegression;
use crate::diagnose::sensitivity::robustness::{Bound, TreatmentCoefficient};
use crate::effect::Effect;
use crate::estimand::OutcomeKind;
use crate::learners::linear::LinearError;
use crate::numerics::linalg::LinalgError;
use crate::numerics::weighted_moments::variance;
use crate::sample::{Covariates, Sample, SampleError};
use ndarray::Array1;
use serde::{Deserialize, Serialize};

/// A hidden confounder as strong as this priority confounder (k = 1), Cinelli & Hazlett (2020).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Benchmark {
    /// Confounder.
    pub confounder: String,
    /// Partial R² with treatment of a hidden confounder as strong as this one.
    pub r2_treatment: f64,
    /// Partial R² with the outcome.
    pub r2_outcome: f64,
    /// The robustness value that such a confounder would just explain away: comparable with `rv_q1`.
    pub equivalent_rv: f64,
    /// The estimate left after it.
    pub adjusted_estimate: f64,
}

/// Everything about sensitivity for one analysis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SensitivityReport {
    /// E-value of the primary estimate.
    pub e_value: f64,
    /// E-value of the confidence limit nearer the null.
    pub e_value_ci: f64,
    /// Smallest constant additive bias that makes the 95 % interval touch zero, outcome units; 0 if it already does.
    pub tipping_bias: f64,
    /// Regression-adjusted difference in the same population, to which the robustness value belongs.
    pub regression_estimate: f64,
    /// Its classical standard error.
    pub regression_std_error: f64,
    /// Its residual degrees of freedom.
    pub regression_df: f64,
    /// Partial R² of treatment with the outcome.
    pub partial_r2: f64,
    /// Robustness value, q = 1: the partial R² with both treatment and outcome that would bring the estimate to zero.
    pub rv_q1: f64,
    /// Robustness value for significance at 5 %.
    pub rv_q1_alpha05: f64,
    /// The same regression with every unit weighted by its balancing weight: close to the answer itself.
    pub target_estimate: f64,
    /// Robustness value of `target_estimate`, q = 1.
    pub target_rv_q1: f64,
    /// One per priority confounder; those whose bound is not attainable are in `benchmarks_unattainable`.
    pub benchmarks: Vec<Benchmark>,
    /// Priority confounders whose bound would need an R² of one or more.
    pub benchmarks_unattainable: Vec<String>,
    /// The range of the answer under the hidden confounding that the plan declares possible; `None` if it declares none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<HiddenRange>,
}

/// Sensitivity of `effect`, the primary estimate in the population of `sample`, whose target has the n `balancing`
/// weights. `groups` are the priority confounders with the columns (0-based) of all design terms that involve them; each
/// is a benchmark as strong as the group jointly (k = 1).
///
/// # Errors
/// An outcome that is constant or, if binary, has no usable risks; a regression that cannot be fitted, that treatment is
/// determined in, or that leaves no residual; a column that does not exist.
pub fn sensitivity(
    sample: &Sample,
    groups: &[(String, Vec<usize>)],
    effect: &Effect,
    balancing: &Array1<f64>,
    outcome: OutcomeKind,
) -> Result<SensitivityReport, SensitivityError> {
    let ratio = risk_ratio(sample, effect, outcome)?;
    let regression = TreatmentRegression::fit(sample)?;
    let c = regression.coefficient;
    // The same regression once more, with the units weighted as in the answer.
    let target = TreatmentRegression::fit(&weighted(sample, balancing)?)?.coefficient;
    let (benchmarks, benchmarks_unattainable) = benchmarks(&regression, groups)?;
    Ok(SensitivityReport {
        e_value: ratio.e_value(),
        e_value_ci: ratio.e_value_ci(),
        tipping_bias: tipping_bias(effect.estimate, effect.half_width()),
        regression_estimate: c.estimate,
        regression_std_error: c.std_error,
        regression_df: c.df,
        partial_r2: c.partial_r2(),
        rv_q1: c.rv_q1(),
        rv_q1_alpha05: c.rv_q1_alpha(0.05).ok_or(SensitivityError::DegreesOfFreedom { df: regression.df() })?,
        target_estimate: target.estimate,
        target_rv_q1: target.rv_q1(),
        benchmarks,
        benchmarks_unattainable,
        hidden: None,
    })
}

/// The range of `effect` under a hidden confounder of the `declared` strength; arguments as for [`sensitivity`].
///
/// # Errors
/// A regression that cannot be fitted, or that treatment is determined in.
pub fn hidden_range(
    sample: &Sample,
    declared: HiddenConfounding,
    effect: &Effect,
    balancing: &Array1<f64>,
) -> Result<HiddenRange, SensitivityError> {
    let residual_variance = TreatmentRegression::fit(sample)?.residual_variance(sample);
    Ok(HiddenRange::new(declared, effect, sample.covariates(), balancing, residual_variance))
}

/// The sample with balancing weights on top of the observation weights.
fn weighted(sample: &Sample, balancing: &Array1<f64>) -> Result<Sample, SensitivityError> {
    let c = sample.covariates();
    // The product, so that a survey weight still counts.
    let weights = c.weights_or_ones() * balancing;
    // Clusters are left behind: the classical standard error below takes no notice of them.
    let covariates = Covariates::new(c.x().clone(), c.names().to_vec(), c.treated().clone(), Some(weights))?;
    Ok(Sample::new(covariates, sample.y().clone())?)
}

/// The regression estimate of `report` after a hidden confounder with these partial R²: the function behind a
/// sensitivity contour plot. `r2_treatment` in [0, 1), `r2_outcome` in [0, 1].
#[must_use]
pub fn adjusted_estimate(report: &SensitivityReport, r2_treatment: f64, r2_outcome: f64) -> f64 {
    report.coefficient().adjusted_estimate(r2_treatment, r2_outcome)
}

impl SensitivityReport {
    /// The regression coefficient the robustness value belongs to.
    #[must_use]
    pub fn coefficient(&self) -> TreatmentCoefficient {
        TreatmentCoefficient {
            estimate: self.regression_estimate,
            std_error: self.regression_std_error,
            df: self.regression_df,
        }
    }
}

fn risk_ratio(sample: &Sample, effect: &Effect, outcome: OutcomeKind) -> Result<RiskRatio, SensitivityError> {
    match outcome {
        OutcomeKind::Binary => RiskRatio::from_risks(effect),
        OutcomeKind::Continuous => {
            let weights = sample.covariates().weights_or_ones().to_vec();
            let variance = variance(&sample.y().to_vec(), &weights).ok_or(SensitivityError::ConstantOutcome)?;
            RiskRatio::from_difference(effect.estimate, effect.half_width(), variance.sqrt())
        }
    }
}

fn benchmarks(
    regression: &TreatmentRegression,
    groups: &[(String, Vec<usize>)],
) -> Result<(Vec<Benchmark>, Vec<String>), SensitivityError> {
    let (mut attainable, mut unattainable) = (Vec::new(), Vec::new());
    for (confounder, columns) in groups {
        if columns.is_empty() {
            return Err(SensitivityError::EmptyGroup { confounder: confounder.clone() });
        }
        let strength = regression.strength(columns)?;
        // k = 1: exactly as strong as the observed confounder.
        match Bound::benchmark(strength.r2_treatment, strength.r2_outcome, 1.0) {
            None => unattainable.push(confounder.clone()),
            Some(bound) => attainable.push(Benchmark {
                confounder: confounder.clone(),
                r2_treatment: bound.r2_treatment,
                r2_outcome: bound.r2_outcome,
                equivalent_rv: bound.equivalent_rv(),
                adjusted_estimate: regression.coefficient.adjusted_estimate(bound.r2_treatment, bound.r2_outcome),
            }),
        }
    }
    Ok((attainable, unattainable))
}

/// Why sensitivity could not be computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SensitivityError {
    /// Balancing weights that do not fit the sample.
    #[error(transparent)]
    Weights(#[from] SampleError),
    /// The outcome does not vary.
    #[error("the outcome has the same value for every analysed unit, so nothing can be said about its sensitivity")]
    ConstantOutcome,
    /// A mean potential outcome of a binary outcome that is no risk.
    #[error(
        "the estimated risk under {arm} is {risk}; the E-value of a binary outcome needs risks strictly between 0 and 1 (a larger or more balanced sample usually gives them)"
    )]
    Risk {
        /// `treatment` or `control`.
        arm: &'static str,
        /// The estimate.
        risk: f64,
    },
    /// The estimator does not give the mean potential outcome.
    #[error(
        "this estimator gives no risk under {arm}, which the E-value of a binary outcome needs; choose AIPW or IPW"
    )]
    NoRisk {
        /// `treatment` or `control`.
        arm: &'static str,
    },
    /// A risk ratio that is too large or too small to represent.
    #[error(
        "the risk ratio exp({log}) with half width {half_width} on the log scale is out of range; check the units of the outcome"
    )]
    RiskRatio {
        /// Log risk ratio.
        log: f64,
        /// Half width of its interval.
        half_width: f64,
    },
    /// The regression could not be fitted.
    #[error("the regression behind the robustness value could not be fitted: {0}")]
    Regression(#[from] LinearError),
    /// The coefficients of a confounder's terms could not be judged jointly.
    #[error("the terms of a confounder are too nearly collinear to be judged jointly: {0}")]
    Collinear(#[from] LinalgError),
    /// Treatment is a linear combination of the terms.
    #[error(
        "treatment is determined by the design terms, so the regression has no coefficient for it; leave out the term that encodes treatment"
    )]
    TreatmentDetermined,
    /// The regression reproduces the outcome.
    #[error(
        "the outcome is an exact linear combination of treatment and the design terms; leave out the term that encodes the outcome"
    )]
    PerfectFit,
    /// Too few units.
    #[error("the regression has {df} residual degree(s) of freedom and needs at least 2; use fewer terms")]
    DegreesOfFreedom {
        /// Residual degrees of freedom.
        df: usize,
    },
    /// A priority confounder without a term to measure it by.
    #[error(
        "no design term involves the priority confounder `{confounder}`, so there is no benchmark; add a term for it"
    )]
    EmptyGroup {
        /// The confounder.
        confounder: String,
    },
    /// A benchmark points at no column.
    #[error("a benchmark asks for column {column}, but there are only {columns} columns")]
    Column {
        /// 0-based column asked for.
        column: usize,
        /// Columns there are.
        columns: usize,
    },
}

#[cfg(test)]
mod tests;
