//! Segments of an experiment: the arms in them, and how their effects vary together.

use serde::{Deserialize, Serialize};

/// A metric in one arm of a segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentArm {
    /// The metric.
    pub metric: String,
    /// The segment.
    pub segment: String,
    /// The arm.
    pub arm: String,
    /// Rows with a value.
    pub n: usize,
    /// Mean over rows or ratio of sums, before any adjustment; absent for quantiles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
}

/// `segments_covariance.json`: how the effects of one metric in its segments vary together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentCovariance {
    /// The metric.
    pub metric: String,
    /// What each row and column of the matrix is the effect of: segments in the order of the plan, and the arms of each.
    pub effects: Vec<SegmentEffect>,
    /// Covariances of the estimates; the roots of the diagonal are their standard errors.
    pub covariance: Vec<Vec<f64>>,
}

/// An arm in a segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentEffect {
    /// The segment.
    pub segment: String,
    /// The arm that is compared with the control.
    pub arm: String,
}
