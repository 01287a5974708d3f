//! The resolved analysis spec: every default explicit, nothing left to interpretation, content-hashed.
//!
//! A spec is a list of [`Analysis`], one per requested estimand, each with its own population, terms and estimators,
//! so that a revision of one estimand leaves the others alone. [`draft()`] makes the first one from a plan and the schema
//! of the data; [`AnalysisSpec::to_yaml`] is its file, whose bytes are what [`AnalysisSpec::sha256`] hashes.

mod choose;
mod draft;
mod enrich;
mod levels;
mod yaml;

pub(crate) use choose::placebo_estimator;
pub use choose::{ArmSizes, FEWEST_EVENTS, FEWEST_ROWS, MOST_TERMS, SMALLEST_ARM, SampleSizes};
pub use draft::{Drafted, draft};
pub use enrich::{canonical, enrich_terms};
pub use levels::MISSING_LEVEL;
pub use yaml::SpecError;

use crate::finding::Code;
use crate::plan::{Accepted, MissingPolicy, StudyDesign, Thresholds, Tool};
use crate::term::Term;
use causal::estimand::Inference;
use causal::estimand::{Estimand, OutcomeKind, Population, Target};
use causal::estimator::EstimatorKind;
use causal::estimator::NuisanceModels;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The format written in `spec_version`.
pub const SPEC_VERSION: u32 = 2;

/// A declared placebo outcome or negative control.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placebo {
    /// Column.
    pub column: String,
    /// `placebo_outcome` (before treatment) or `negative_control` (after).
    pub role: PlaceboRole,
}

/// The kind of null effect that is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceboRole {
    /// Measured before treatment.
    PlaceboOutcome,
    /// Measured after treatment, not plausibly changed by it.
    NegativeControl,
}

impl PlaceboRole {
    /// The key used in documents.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            PlaceboRole::PlaceboOutcome => "placebo_outcome",
            PlaceboRole::NegativeControl => "negative_control",
        }
    }
}

/// One estimand's analysis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Analysis {
    /// The estimand the plan asked for; also the identity of the analysis.
    pub requested: Target,
    /// The estimand this analysis is for now; a playbook may have switched it.
    pub target: Target,
    /// Among which units.
    pub population: Population,
    /// Design terms of the propensity and of the outcome models, every dummy written out.
    pub terms: Vec<Term>,
    /// Estimators to run after unblinding.
    pub estimators: Vec<EstimatorKind>,
    /// The one whose estimate is the answer.
    pub primary: EstimatorKind,
    /// The reason for that one, in a sentence.
    pub because: String,
    /// The learners of the nuisances: the propensity of the design, and those of the estimators that take learners. The others
    /// are by regression, whatever this says.
    pub models: NuisanceModels,
}

impl Analysis {
    /// Target and population.
    #[must_use]
    pub fn estimand(&self) -> Estimand {
        Estimand { target: self.target, population: self.population }
    }
}

/// A change that led from the spec before to this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revision {
    /// Which analysis.
    pub requested: Target,
    /// Name of the playbook.
    pub playbook: String,
    /// The finding codes that called for it.
    pub because: Vec<String>,
    /// The change, in a sentence.
    pub change: String,
    /// Its consequence for the estimand, in a sentence.
    pub estimand_effect: String,
    /// `true` if this line undoes a revision that made the diagnostics worse.
    pub reverted: bool,
    /// The reason, in the words of the language model that proposed it; `None` for the playbook engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Revision {
    /// True if the other says the same of another analysis.
    #[must_use]
    pub fn is_same_step(&self, other: &Revision) -> bool {
        let other = Revision { requested: self.requested, ..other.clone() };
        *self == other
    }
}

/// A set of design terms that stands for one confounder, e.g. all dummies of `education`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TermGroup {
    /// The confounder, as the plan names it.
    pub confounder: String,
    /// True if the plan gives it priority.
    pub priority: bool,
    /// Terms on which its balance is measured: the column, or its dummies.
    pub terms: Vec<Term>,
}

/// The whole spec.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnalysisSpec {
    /// Format of this document.
    pub spec_version: u32,
    /// 1 for the draft.
    pub iteration: u32,
    /// Plan title.
    pub title: String,
    /// SHA-256 of the plan's bytes.
    pub plan_sha256: String,
    /// SHA-256 fingerprint of the dataset.
    pub data_sha256: String,
    /// Treatment column.
    pub treatment: String,
    /// The value that means treated.
    pub treated: String,
    /// The value that means control.
    pub control: String,
    /// Outcome column.
    pub outcome: String,
    /// Outcome units.
    pub units: String,
    /// Outcome kind.
    pub outcome_kind: OutcomeKind,
    /// The value of a binary outcome that is the event, where the plan names it.
    #[serde(default)]
    pub event: Option<String>,
    /// Observation-weight column; `null` means that every unit counts once.
    pub weights: Option<String>,
    /// Cluster column; `null` means that units are independent.
    pub clusters: Option<String>,
    /// Column of known probabilities of treatment; `null` means that the propensity is estimated.
    pub known_propensity: Option<String>,
    /// How treatment came about.
    #[serde(default)]
    pub design: StudyDesign,
    /// The chance of treatment of every unit, where treatment was randomised with one chance for all.
    #[serde(default)]
    pub share: Option<f64>,
    /// What may stand in for a requested estimand, as the plan said beforehand.
    #[serde(default)]
    pub accept: BTreeMap<Target, BTreeSet<Accepted>>,
    /// Thresholds that the plan sets itself.
    #[serde(default)]
    pub thresholds: BTreeMap<Code, Thresholds>,
    /// Missing-value policy.
    pub missing: MissingPolicy,
    /// The policy for columns where it is another.
    #[serde(default)]
    pub missing_for: BTreeMap<String, MissingPolicy>,
    /// Columns that the plan computes, with their expressions.
    #[serde(default)]
    pub derived: BTreeMap<String, String>,
    /// The rows that the plan asks about: each of these is true in them.
    #[serde(default)]
    pub filter: Vec<String>,
    /// Confounders and their balance terms.
    pub confounders: Vec<TermGroup>,
    /// Declared placebos.
    pub placebos: Vec<Placebo>,
    /// The allow-list.
    pub tools: Vec<Tool>,
    /// One per requested estimand.
    pub analyses: Vec<Analysis>,
    /// The changes since the spec before.
    pub revisions: Vec<Revision>,
    /// Whose average effect the intervals are about.
    pub inference: Inference,
    /// Folds for cross-fitting.
    pub folds: usize,
    /// Root seed.
    pub seed: u64,
    /// True if effects stay hidden until the loop has settled.
    pub blind: bool,
}

impl AnalysisSpec {
    /// True if `estimand` answers what was asked for under `requested`: as asked, or as the plan accepted beforehand.
    #[must_use]
    pub fn answers(&self, requested: Target, estimand: Estimand) -> bool {
        let as_asked = estimand == Estimand { target: requested, population: Population::All };
        as_asked || self.accept.get(&requested).is_some_and(|all| all.iter().any(|one| one.covers(estimand)))
    }
}
