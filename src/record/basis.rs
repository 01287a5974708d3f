//! The reason why a comparison would be causal, as a design document holds it. What a graph says in full is in
//! [`super::identification`].

use causal::diagnose::allocation::AllocationReport;
use causal::keyed_enum;
use serde::{Deserialize, Serialize};

keyed_enum! {
    /// What the identification of an effect rests on.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum IdentifiedBy {
        /// Treatment was randomised, with chances that are known.
        Randomised = "randomised",
        /// A causal graph implies it.
        Graph = "graph",
        /// The plan assumes that its confounders are all there are.
        AssumedOnly = "assumed_only",
        /// Nothing: a causal graph implies that the data cannot tell, or the plan adjusts for what it must not.
        Not = "not",
    }
}

/// The identification of the effects of one design document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IdentificationBasis {
    /// What it rests on, as the plan has it.
    pub by: IdentifiedBy,
    /// The audit of a randomised allocation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocation: Option<AllocationReport>,
    /// The reason why an allocation could not be audited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_audited: Option<String>,
    /// Confounders that the graph forbids to adjust for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forbidden: Vec<String>,
    /// Independencies that the graph implies and the data reject, as `a ⫫ b | c`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejected: Vec<String>,
    /// Where the graph does not identify the effect by these confounders: a path that they leave open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_path: Option<String>,
    /// Confounders that would identify it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead: Option<Vec<String>>,
    /// Instruments, which give another effect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instruments: Vec<String>,
}

impl Default for IdentificationBasis {
    fn default() -> Self {
        IdentificationBasis {
            by: IdentifiedBy::AssumedOnly,
            allocation: None,
            not_audited: None,
            forbidden: Vec::new(),
            rejected: Vec::new(),
            open_path: None,
            instead: None,
            instruments: Vec::new(),
        }
    }
}
