//! Unblinded analyses of the same outcome in the same data: one line of a ledger each.

use crate::finding::Tier;
use causal::estimand::Target;
use serde::{Deserialize, Serialize};

/// One answer of an analysis, as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerAnswer {
    /// The estimand the plan asked for.
    pub asked: Target,
    /// The honest name of the answer.
    pub name: String,
    /// The verdict.
    pub tier: Tier,
    /// The estimate, outcome units; `None` if there was none.
    pub estimate: Option<f64>,
    /// Lower end of its 95 % interval.
    pub ci_lower: Option<f64>,
    /// Upper end.
    pub ci_upper: Option<f64>,
}

/// One unblinded analysis: a line of the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerEntry {
    /// SHA-256 of the data.
    pub data_sha256: String,
    /// Column of the outcome.
    pub outcome: String,
    /// SHA-256 of the plan.
    pub plan_sha256: String,
    /// The plan's title.
    pub title: String,
    /// The folder of the run.
    pub run: String,
    /// Its branch there.
    pub branch: String,
    /// SHA-256 of the line before, so that a line that was taken out is missed; empty for the first.
    pub previous_sha256: String,
    /// The answers.
    pub answers: Vec<LedgerAnswer>,
}
