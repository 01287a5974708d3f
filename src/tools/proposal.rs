//! A model's proposal: changes to the analyses, each for a reason.

use causal::estimand::Target;
use serde::{Deserialize, Serialize};

/// One change of one analysis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Edit {
    /// The change of a playbook.
    Playbook {
        /// Its name.
        name: String,
    },
    /// The model's own trimming: rows with a propensity from `alpha` to `1 − alpha` are kept.
    Trim {
        /// In (0, 0.5).
        alpha: f64,
    },
    /// The model's own terms, over the plan's confounders.
    AddTerms {
        /// Terms as a plan writes them: `age^2`, `educ * re74`.
        terms: Vec<String>,
    },
}

/// A change that a model proposes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProposedChange {
    /// Which analysis, by the estimand that the plan requests.
    pub requested: Target,
    /// The change.
    pub edit: Edit,
    /// Why, in the model's words.
    pub reason: String,
}

impl Edit {
    /// The name under which it is on record: the playbook's, or `own trim 0.05`, `own terms age^2, wt71^2`.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Edit::Playbook { name } => name.clone(),
            Edit::Trim { alpha } => format!("own trim {alpha}"),
            Edit::AddTerms { terms } => format!("own terms {}", terms.join(", ")),
        }
    }
}

/// All changes of one spec; at most one for each requested estimand.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// In the plan's order of estimands.
    pub changes: Vec<ProposedChange>,
}
