//! Looks at the results of an experiment, as they are on record.

use crate::plan::experiment::EffectRequest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A look at the results that is on record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// Rows, or clusters where there are any, at the look.
    pub n: usize,
    /// SHA-256 of the data.
    pub data_sha256: String,
    /// SHA-256 of the plan.
    pub plan_sha256: String,
    /// The metrics of the plan with their definitions.
    pub metrics: BTreeMap<String, String>,
    /// Everything else that decides what is compared and how: units, covariates, variance, confidence.
    #[serde(default)]
    pub analysis: String,
    /// The segments of the plan.
    pub segments: Vec<String>,
    /// The planned size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_n: Option<usize>,
    /// What was seen.
    pub seen: Vec<SeenEffect>,
}

/// A line of the record of looks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LookEntry {
    /// The hash by which the experiment is known.
    pub experiment: String,
    /// Its title.
    pub title: String,
    /// The look.
    pub look: Look,
    /// The folder of the run.
    pub run: String,
    /// Its branch there.
    pub branch: String,
    /// SHA-256 of the line before, so that a line that was taken out is missed; empty for the first.
    pub previous_sha256: String,
}

/// An effect that was seen at a look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeenEffect {
    /// The metric.
    pub metric: String,
    /// The arm.
    pub arm: String,
    /// Which effect.
    pub request: EffectRequest,
    /// The estimate.
    pub estimate: f64,
    /// Its interval at that look: of the confidence sequence where the plan has looks, else of one look.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
    /// p-value likewise.
    pub p_value: f64,
    /// True for a confidence sequence.
    pub anytime: bool,
}
