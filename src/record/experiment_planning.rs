//! The documents of an experiment that is planned, and of its rehearsal: no effect is in any of them.

use serde::{Deserialize, Serialize};

/// How many units a metric needs in one comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PowerRow {
    /// The metric.
    pub metric: String,
    /// The arm that is compared with the control.
    pub arm: String,
    /// Rows, or clusters where there are any, that the variance comes from.
    pub n: usize,
    /// Standard error of the effect at that size.
    pub std_error: f64,
    /// Mean under control.
    pub control_mean: f64,
    /// The smallest effect that is found at the present size, in units of the metric.
    pub smallest_effect_now: f64,
    /// The same at the planned size; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smallest_effect_planned: Option<f64>,
    /// Rows or clusters that find the plan's smallest effect; absent where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needed: Option<f64>,
    /// Days until then at the present rate of assignment; absent without times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<f64>,
    /// Share of the variance that covariates take away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variance_reduction: Option<f64>,
    /// Variance with clusters over that without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub design_effect: Option<f64>,
    /// Factor on the size for which the results may be looked at at any time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anytime_inflation: Option<f64>,
}

/// A power analysis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PowerDocument {
    /// The chance of finding an effect of the size asked about.
    pub power: f64,
    /// 1 − confidence.
    pub alpha: f64,
    /// True if the plan looks at any time.
    pub anytime: bool,
    /// `units` or `clusters`.
    pub counted: String,
    /// One for each metric and arm.
    pub rows: Vec<PowerRow>,
    /// Metrics without one, and why.
    pub refused: Vec<(String, String)>,
    /// What the numbers mean, in sentences.
    pub explain: Vec<String>,
}

/// The false positives of one metric and arm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ValidationRow {
    /// The metric.
    pub metric: String,
    /// The arm.
    pub arm: String,
    /// Permutations.
    pub permutations: usize,
    /// Of those, with p < α.
    pub rejected: usize,
    /// Their share.
    pub rate: f64,
    /// Lower end of its 95 % interval (Clopper & Pearson).
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
    /// True if α lies in it.
    pub holds: bool,
}

/// An A/A validation: the analysis of the plan under assignments that did nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ValidationDocument {
    /// 1 − confidence.
    pub alpha: f64,
    /// Rows in each permutation.
    pub rows_used: usize,
    /// Rows that there are.
    pub rows: usize,
    /// What was permuted: `units` or `clusters`.
    pub permuted: String,
    /// One for each metric and arm.
    pub results: Vec<ValidationRow>,
    /// Metrics without one, and why.
    pub refused: Vec<(String, String)>,
    /// What the numbers mean, in sentences.
    pub explain: Vec<String>,
}
