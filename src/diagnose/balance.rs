//! Covariate balance before and after weighting.

use serde::{Deserialize, Serialize};

/// Balance of one term. SMDs use the pooled standard deviation of the *unweighted* arms (n − 1), before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BalanceRow {
    /// Term name.
    pub term: String,
    /// The confounder it belongs to, as the plan names it.
    pub confounder: String,
    /// Whether that confounder has priority.
    pub priority: bool,
    /// Means by arm, unweighted.
    pub mean_treated_before: f64,
    /// Unweighted mean of the controls.
    pub mean_control_before: f64,
    /// Weighted mean of the treated.
    pub mean_treated_after: f64,
    /// Weighted mean of the controls.
    pub mean_control_after: f64,
    /// Standardised mean difference, unweighted. `None` if the term is constant in both arms.
    pub smd_before: Option<f64>,
    /// Standardised mean difference, weighted.
    pub smd_after: Option<f64>,
    /// Variance ratio treated/control, unweighted; `None` where a variance is zero.
    pub variance_ratio_before: Option<f64>,
    /// Variance ratio, weighted.
    pub variance_ratio_after: Option<f64>,
    /// Kolmogorov–Smirnov distance, unweighted.
    pub ks_before: f64,
    /// Kolmogorov–Smirnov distance, weighted.
    pub ks_after: f64,
}

/// Balance of every term.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BalanceTable {
    /// One row per term, in design order.
    pub rows: Vec<BalanceRow>,
    /// Largest |SMD| among the priority confounders, unweighted.
    pub max_priority_before: Option<f64>,
    /// Largest |SMD| among the priority confounders, weighted.
    pub max_priority_after: Option<f64>,
    /// The priority term with the largest weighted |SMD|.
    pub worst_priority: Option<String>,
    /// Largest |SMD| over all terms, unweighted.
    pub max_all_before: Option<f64>,
    /// Largest |SMD| over all terms, weighted.
    pub max_all_after: Option<f64>,
    /// The term with the largest weighted |SMD|.
    pub worst_all: Option<String>,
}
