//! Two runs, or two states of one, held against each other: plan, spec, data, diagnostics, answers and effects.
//!
//! A state is read from its files ([`snapshot()`]); what is not the same is a fact of one of the types here ([`compare()`]).
//! Effects are there only where a state has them, so the difference of two designs that are blind is blind.

mod compare;
mod flat;
mod snapshot;

pub use compare::compare;
pub use snapshot::{CHANGED_BY_ITERATIONS, Snapshot, SnapshotError, add_iterations, iterations, snapshot};

use crate::finding::Severity;
use serde::Serialize;

/// What is not the same.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RunDiff {
    /// The first state, as it was named.
    pub first: String,
    /// The second.
    pub second: String,
    /// True if nothing below differs.
    pub same: bool,
    /// Values of the plan.
    pub plan: Vec<ValueChange>,
    /// Values of the spec; an experiment has none.
    pub spec: Vec<ValueChange>,
    /// Files, by name, and hashes of what went in.
    pub input: Vec<ValueChange>,
    /// Findings of the audit that changed their severity, their value, or were not there.
    pub findings: Vec<FindingChange>,
    /// What was answered to what was asked, and how it is identified.
    pub answers: Vec<ValueChange>,
    /// Effects, where both states have them or one does.
    pub effects: Vec<EffectChange>,
}

/// A value that is not the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ValueChange {
    /// Where it is, with dots: `analysis.folds`.
    pub path: String,
    /// In the first state; absent if it is not there.
    pub before: Option<Written>,
    /// In the second.
    pub after: Option<Written>,
}

/// A value as it is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Written {
    /// A scalar.
    Text(String),
    /// A list of scalars.
    List(Vec<String>),
}

impl From<String> for Written {
    fn from(text: String) -> Self {
        Written::Text(text)
    }
}

/// A finding that is not the same.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FindingChange {
    /// The estimand asked for, or the randomisation.
    pub of: String,
    /// Its code, such as `balance.priority`.
    pub code: String,
    /// The column, arm or metric that it is about.
    pub subject: Option<String>,
    /// In the first state.
    pub before: Option<FindingState>,
    /// In the second.
    pub after: Option<FindingState>,
}

/// A finding in one state.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FindingState {
    /// How bad it is.
    pub severity: Severity,
    /// The number it is about.
    pub value: Option<f64>,
    /// Its sentence.
    pub message: String,
}

/// An effect that is not the same.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EffectChange {
    /// The estimand asked for, or metric, arm and request.
    pub of: String,
    /// In the first state.
    pub before: Option<EffectState>,
    /// In the second.
    pub after: Option<EffectState>,
    /// By how many standard errors of the first the estimate moved; absent unless both are there, of the same estimand and outcome.
    pub moved: Option<f64>,
}

/// An effect in one state.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EffectState {
    /// What it is an effect on, and of which estimand: `re78 (US dollars), ATT`.
    pub name: String,
    /// The estimate.
    pub estimate: f64,
    /// Its standard error.
    pub std_error: f64,
}
