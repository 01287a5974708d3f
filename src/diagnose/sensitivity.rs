//! Sensitivity to hidden confounding: E-value, robustness value with benchmarks, tipping point.

pub mod e_value;
pub mod robustness;

use serde::{Deserialize, Serialize};

/// How strong a hidden confounder like this priority confounder would be (k = 1), Cinelli & Hazlett (2020).
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
    /// One per priority confounder; those whose bound is not attainable are left out and counted.
    pub benchmarks: Vec<Benchmark>,
    /// Priority confounders whose bound would need an R² of one or more.
    pub benchmarks_unattainable: Vec<String>,
}

/// Why sensitivity could not be computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SensitivityError {
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
}
