//! Effects on outcomes that treatment cannot have changed.

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
    /// One per declared placebo.
    pub effects: Vec<PlaceboEffect>,
    /// Why nothing could be tested, if so.
    pub not_applicable: Option<String>,
}
