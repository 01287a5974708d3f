//! The plan exactly as the principal wrote it.
//!
//! [`parse()`] reads YAML into a [`Plan`] and reports *every* problem of the file at once, each with its line, column
//! and a hint. Unknown keys are refused. What needs the data (missing columns, a treatment that is not binary, an empty
//! arm) is checked by `spec::draft` and `pipeline::prepare`, which use [`Plan::at`] to point at the same lines.
//!
//! The keys, with what each takes and what holds without it: [`keys`], and `docs/plan.md`, which is made from it.
//!
//! Every value is read as what its key needs: `treated: 1` is the text `1`, `control: no` is the text `no`, and only
//! `true` and `false` are flags. Anchors, aliases and tags are refused, and so is a file of more than 1 MiB.

mod allowed_methods;
mod analysis;
mod derived;
pub mod draft;
mod estimands;
pub mod experiment;
pub mod follow_ups;
mod gate;
mod hidden_confounding;
pub mod keys;
mod levels;
mod model_keys;
mod models;
mod names;
mod parse;
mod proposal;
mod quote;
mod reader;
mod reading_words;
pub mod reference;
mod render;
mod rules;
mod sections;
mod set;
mod suggest;
mod template;
mod thresholds;
mod yaml_tree;

pub use crate::plan::allowed_methods::Tool;
pub use analysis::AnalysisSection;
pub use estimands::Accepted;
pub use gate::Gate;
pub use levels::most_levels;
pub use models::{BudgetSection, ModelApi, ModelSection, PrivacySection, Provider};
pub(crate) use parse::in_order;
pub use parse::{LARGEST_PLAN, parse, parse_bytes, read_bytes};
pub use proposal::{
    Observed, Proposal, ProposedOverride, TwoValues, WhyLeftOut, propose, proposed_missing, proposed_overrides,
};
pub use quote::{yaml_text, yaml_value};
pub(crate) use reader::{listed, shown};
pub use reading_words::{conversion_text, suspicion_text};
pub use render::render_problems;
pub use sections::DEFAULT_SEED;
pub use set::{SetError, set};
pub use suggest::closest;
pub use template::{TemplateInput, template};
pub use thresholds::Thresholds;

use crate::expression::Written;
use crate::finding::Code;
use crate::term::Term;
use causal::contrast::Contrast;
use causal::diagnose::sensitivity::HiddenConfounding;
use causal::estimand::{OutcomeKind, Target};
use causal::keyed_enum;
use std::collections::{BTreeMap, BTreeSet};

/// A position in the plan file, 1-based.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
    /// Byte offset in the file.
    pub offset: usize,
    /// Length in bytes.
    pub length: usize,
}

/// One problem of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where; `None` if the file as a whole is meant.
    pub place: Option<Place>,
    /// The key, dotted: `confounders.priority[2]`.
    pub path: String,
    /// The problem.
    pub message: String,
    /// The remedy.
    pub hint: String,
}

/// The seven components of a target trial (Hernán & Robins 2016, doi:10.1093/aje/kwv254).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetTrial {
    /// Who could have been enrolled.
    pub eligibility: String,
    /// The strategies compared.
    pub treatment_strategies: String,
    /// The assignment in that trial.
    pub assignment: String,
    /// When follow-up starts.
    pub time_zero: String,
    /// The time over which units are followed.
    pub follow_up: String,
    /// The measurement.
    pub outcome: String,
    /// Intention to treat, per protocol, …
    pub causal_contrast: String,
    /// The analysis of that trial.
    pub analysis_plan: String,
}

keyed_enum! {
    /// The treatment of missing values.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum MissingPolicy {
        /// Missing values are an error that counts them per column.
        Error = "error",
        /// Rows with a missing value in any column of the analysis are dropped, and counted.
        Drop = "drop",
        /// Missing covariate values are replaced by the mean (numbers) or a level of their own (categories), with an
        /// indicator term, and counted. Missing treatments and outcomes stay an error.
        Indicator = "indicator",
    }
}

/// The type of a column, where the file's own is not the one that is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    /// A number.
    Number,
    /// A category: one indicator per level but the reference.
    Category,
    /// True/false, yes/no, 0/1.
    Boolean,
}

/// When a column was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measured {
    /// Before treatment, or settled by then.
    Before,
    /// After it.
    After,
}

/// The spellings of a text that are one level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Merge {
    /// Those that differ in blanks only: around the text, or more of them inside it.
    Blanks,
    /// Those that differ in blanks and in capital letters only.
    Case,
}

/// The statements of a plan about a column. For a category the reference level may be named.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ColumnOverride {
    /// The type to read it as; `None` for the file's own.
    pub kind: Option<ColumnType>,
    /// The reference level of a category (default: the first in sorted order).
    pub reference: Option<String>,
    /// When it was measured; `None` if the plan does not say.
    pub measured: Option<Measured>,
    /// Spellings that are one level; `None`: every text is its own.
    #[serde(default)]
    pub merge: Option<Merge>,
    /// The values that mean a missing one, in a text in place of the words that are recognised; `None`: the plan does not say.
    #[serde(default)]
    pub missing_values: Option<Vec<String>>,
}

/// The levels of a category that become one: those of fewer rows than `below`, and all but the `keep` most frequent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RareLevels {
    /// Levels of fewer rows are rare.
    pub below: Option<usize>,
    /// Levels beyond so many, by their rows, are rare; the common level counts as one.
    pub keep: Option<usize>,
    /// The name of the common level.
    pub into: String,
}

/// `data:`
#[derive(Debug, Clone, PartialEq)]
pub struct DataSection {
    /// CSV or Parquet file, or a glob of them, relative to the plan.
    pub source: String,
    /// Column that names the unit, if any; must be unique.
    pub unit_id: Option<String>,
    /// Observation weights, if any.
    pub weights: Option<String>,
    /// Column-type overrides.
    pub columns: BTreeMap<String, ColumnOverride>,
    /// Missing-value policy (default: error).
    pub missing: MissingPolicy,
    /// The policy for columns where it is another.
    pub missing_for: BTreeMap<String, MissingPolicy>,
    /// Levels of categories that are made one.
    pub rare_levels: Option<RareLevels>,
    /// Values that mean a missing one in every column, beside the words that are recognised.
    pub missing_values: Vec<String>,
    /// The rows that the plan asks about: those in which every condition is true. Empty: all of them.
    pub filter: Vec<Written>,
    /// Columns that the plan computes.
    pub derive: BTreeMap<String, Written>,
}

impl DataSection {
    /// A source of which nothing else is said.
    #[must_use]
    pub fn of(source: &str) -> Self {
        Self {
            source: source.to_owned(),
            unit_id: None,
            weights: None,
            columns: BTreeMap::new(),
            missing: MissingPolicy::Error,
            missing_for: BTreeMap::new(),
            rare_levels: None,
            missing_values: Vec::new(),
            filter: Vec::new(),
            derive: BTreeMap::new(),
        }
    }

    /// The columns that a column is computed from, at however many steps; empty for a column of the file.
    #[must_use]
    pub fn origins(&self, column: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut left: Vec<&str> =
            self.derive.get(column).map(|it| it.columns().into_iter().collect()).unwrap_or_default();
        while let Some(name) = left.pop() {
            if found.insert(name) {
                left.extend(self.derive.get(name).into_iter().flat_map(Written::columns));
            }
        }
        found
    }
}

/// `treatment:`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreatmentSection {
    /// Column.
    pub column: String,
    /// The value that means treated, as text (default `1`).
    pub treated: String,
    /// The value that means control, as text (default `0`).
    pub control: String,
}

impl TreatmentSection {
    /// The two levels that are compared.
    #[must_use]
    pub fn contrast(&self) -> Contrast {
        Contrast { treated: self.treated.clone(), control: self.control.clone() }
    }
}

/// `outcome:`
#[derive(Debug, Clone, PartialEq)]
pub struct OutcomeSection {
    /// Column.
    pub column: String,
    /// Units, for axes and sentences, e.g. `kg`.
    pub units: String,
    /// Kind (default: continuous; binary with `event`).
    pub kind: OutcomeKind,
    /// The value of a binary outcome that is the event, as text; `None`: it is 1 and 0, or true and false.
    pub event: Option<String>,
    /// The least and the most that a continuous outcome can be; `None`: not known.
    pub bounds: Option<(f64, f64)>,
}

/// `graph:`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GraphSource {
    /// The graph itself, in DOT or dagitty's language.
    Inline(String),
    /// A file that holds it, relative to the folder of the data.
    File(String),
}

/// `confounders:`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfounderSection {
    /// Those that must balance.
    pub priority: Vec<String>,
    /// The rest.
    pub other: Vec<String>,
    /// Extra terms such as `age^2` or `re74 == 0`.
    pub terms: Vec<Term>,
}

/// When the loop stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopWhen {
    /// When no playbook applies any more (default).
    NoPlaybookApplies,
    /// As soon as every estimand is at least `satisfactory_with_caveats` on its design.
    Satisfactory,
}

/// `loop:`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoopSection {
    /// At most this many specs (default 5).
    pub max_iterations: u32,
    /// When to stop before that.
    pub stop_when: StopWhen,
    /// True if effects stay hidden until the loop has settled (default true). `false` caps every verdict.
    pub blind: bool,
}

keyed_enum! {
    /// The way in which treatment came about.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
    pub enum StudyDesign {
        /// People, or the world, chose.
        #[default]
        Observational = "observational",
        /// Chance did, with probabilities that are known.
        Randomised = "randomised",
    }
}

/// The whole plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Title.
    pub title: String,
    /// The causal question, in words.
    pub question: String,
    /// The trial that one would run.
    pub target_trial: TargetTrial,
    /// How treatment came about (default: observational).
    pub design: StudyDesign,
    /// The chance of treatment of every unit, where it was randomised with one chance for all.
    pub share: Option<f64>,
    /// Data.
    pub data: DataSection,
    /// Treatment.
    pub treatment: TreatmentSection,
    /// Outcome.
    pub outcome: OutcomeSection,
    /// Confounders. Left out, they are chosen from the graph when the data are known.
    pub confounders: ConfounderSection,
    /// The causal graph.
    pub graph: Option<GraphSource>,
    /// Pre-treatment variables that treatment cannot have changed and that adjustment does not need.
    pub placebo_outcomes: Vec<String>,
    /// Post-treatment variables that treatment cannot plausibly change.
    pub negative_controls: Vec<String>,
    /// Threats to validity, in prose.
    pub threats: Vec<String>,
    /// Requested estimands, in order of importance (default: ate).
    pub estimands: Vec<Target>,
    /// The answers that may stand in for an estimand, said beforehand.
    pub accept: BTreeMap<Target, BTreeSet<Accepted>>,
    /// The allow-list (default: all).
    pub tools: Vec<Tool>,
    /// The strength of a hidden confounder that cannot be ruled out.
    pub hidden_confounding: Option<HiddenConfounding>,
    /// Thresholds of the rubric that the plan sets itself.
    pub thresholds: BTreeMap<Code, Thresholds>,
    /// The methods of the answer.
    pub analysis: AnalysisSection,
    /// Loop control. YAML key `loop`.
    pub loop_: LoopSection,
    /// The points at which the run waits for a person.
    pub gates: Vec<Gate>,
    /// Who turns the plan into specs and revises them.
    pub actor: ModelSection,
    /// Who grades them beside the rubric.
    pub critic: ModelSection,
    /// The limits on language models.
    pub budget: BudgetSection,
    /// The limits on what is said to a language model.
    pub privacy: PrivacySection,
    /// What is asked once the answers are known.
    pub follow_ups: Vec<follow_ups::FollowUp>,
    /// What a program drafted, and who accepted it.
    pub draft: Option<draft::DraftSection>,
    /// Root seed (default 20261121).
    pub seed: u64,
    /// Where each dotted path stands in the file.
    pub places: BTreeMap<String, Place>,
}

impl Plan {
    /// Where a dotted path stands, or the nearest ancestor that is written in the file.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<Place> {
        place_at(&self.places, path)
    }

    /// True if the file has this very path.
    #[must_use]
    pub fn is_written(&self, path: &str) -> bool {
        self.places.contains_key(path)
    }
}

/// Where a dotted path stands, or the nearest ancestor that is written in the file.
fn place_at(places: &BTreeMap<String, Place>, path: &str) -> Option<Place> {
    let mut path = path;
    loop {
        if let Some(place) = places.get(path) {
            return Some(*place);
        }
        let cut = path.rfind(['.', '['])?;
        path = path.get(..cut)?;
    }
}
