//! Playbooks: what to do about a finding. One markdown file each, two readers: the YAML front matter drives the
//! deterministic `playbook` provider, the prose guides a person or a language model.
//!
//! ```text
//! ---
//! name: trim-crump                 # equal to the file name without .md
//! title: one line for lists
//! addresses: [overlap.outside]     # finding codes that call for it, when they warn or fail
//! estimands: [ate, att, atc]       # requested estimands it may be applied to
//! order: 10                        # lower is tried first; no two playbooks share an order
//! change: {kind: trim, trim: {rule: fixed, alpha: 0.1}}
//! estimand_effect: what the change does to the estimand, in a sentence
//! keep_only_if_not_worse: true     # the default
//! ---
//! prose, markdown
//! ```
//!
//! `change` is one of `{kind: trim, trim: …}`, `{kind: switch_target, target: …}`, `{kind: enrich_terms}` and
//! `{kind: none}`. The last is advice: a reader gets it, and no provider ever applies it. A malformed playbook is an
//! error that names the file, the key and the fix; it is never skipped.

mod apply;
mod catalogue;
mod front_matter;

pub use apply::{add_terms, apply};
pub use catalogue::Catalogue;
pub use front_matter::{PlaybookError, parse};

use crate::finding::Code;
use causal::estimand::{Target, TrimRule};
use serde::{Deserialize, Serialize};

/// The one change a playbook makes to an analysis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub enum Change {
    /// Restrict the population by the propensity; nuisances are refitted on who is left.
    Trim {
        /// Rule.
        trim: TrimRule,
    },
    /// Estimate another target.
    SwitchTarget {
        /// The new target.
        target: Target,
    },
    /// Add squares of the non-binary priority terms and pairwise products of the priority terms.
    EnrichTerms,
    /// Advice only: there is nothing in the spec that would help, and the prose says what would.
    None,
}

/// Front matter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrontMatter {
    /// Name, equal to the file name without `.md`.
    pub name: String,
    /// One line for lists.
    pub title: String,
    /// The finding codes it addresses.
    pub addresses: Vec<Code>,
    /// Estimands it may be applied to: both the one the plan asked for and the one estimated now must be listed.
    pub estimands: Vec<Target>,
    /// Lower runs first.
    pub order: u32,
    /// The change.
    pub change: Change,
    /// Its consequence for the estimand, in a sentence.
    pub estimand_effect: String,
    /// A revision of this kind is kept only if the design diagnostics are not worse than before (default true).
    #[serde(default = "yes")]
    pub keep_only_if_not_worse: bool,
}

/// A playbook.
#[derive(Debug, Clone, PartialEq)]
pub struct Playbook {
    /// Front matter.
    pub front: FrontMatter,
    /// Prose, markdown.
    pub prose: String,
    /// SHA-256 of the file's bytes.
    pub sha256: String,
}

fn yes() -> bool {
    true
}
