//! What a causal graph says about one question, as it is written: by `oci-agent graph identify --json`, and as
//! `identification.json` of a run. Facts; their words are in [`crate::report::identification`].

use causal::graph::answer::{CheckedSet, Identification, Method, NamedIndependence};
use causal::graph::drawn_path::DrawnPath;
use causal::graph::explain::{Forbidden, ForbiddenKind, Opener};
use serde::Serialize;

/// The method's name in documents.
#[must_use]
pub fn method_key(method: Method) -> &'static str {
    match method {
        Method::NoCausalPath => "no_causal_path",
        Method::BackDoor => "back_door",
        Method::FrontDoor => "front_door",
        Method::GeneralId => "general_id",
        Method::Unidentified => "none",
    }
}

/// The answer of a graph.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IdentificationDocument {
    /// The treatments.
    pub treatments: Vec<String>,
    /// The outcome.
    pub outcome: String,
    /// True if the effect can be computed from what was observed.
    pub identified: bool,
    /// The first method that works: `no_causal_path`, `back_door`, `front_door`, `general_id`, `none`.
    pub method: &'static str,
    /// Adjustment sets.
    pub adjustment: AdjustmentDocument,
    /// Minimal front-door sets.
    pub front_door: Vec<Vec<String>>,
    /// Columns that may not be adjusted for.
    pub forbidden: Vec<String>,
    /// Each of them with its reason.
    pub forbidden_because: Vec<ForbiddenDocument>,
    /// Columns that treatment does not affect and that open a path when they are adjusted for.
    pub colliders: Vec<OpenerDocument>,
    /// Instruments. They do not give the average effect.
    pub instruments: Vec<InstrumentDocument>,
    /// Implied conditional independencies among what was observed, with minimal sets.
    pub implications: Vec<IndependenceDocument>,
    /// The same, one for each pair, given the observed ancestors of both.
    pub implications_basis: Vec<IndependenceDocument>,
    /// Lists that were cut at their limit.
    pub cut: Vec<&'static str>,
    /// The answer for people.
    pub sentence: String,
    /// The set that was asked about; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checked: Option<CheckedDocument>,
}

/// Adjustment sets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AdjustmentDocument {
    /// All minimal sets.
    pub minimal: Vec<Vec<String>>,
    /// The set with the smallest variance; null if there is none, or it was not searched for.
    pub optimal: Option<Vec<String>>,
    /// False if the graph is too large to say whether an optimal set exists.
    pub optimal_searched: bool,
    /// A path that is open without adjustment.
    pub open_without: Option<String>,
    /// A path that no set closes.
    pub always_open: Option<String>,
}

/// A forbidden column.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ForbiddenDocument {
    /// Its name.
    pub node: String,
    /// `mediator`, `after_outcome` or `after_mediator`.
    pub reason: &'static str,
    /// The path that shows it.
    pub path: String,
}

/// A column that opens a path.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OpenerDocument {
    /// Its name.
    pub node: String,
    /// A valid set that it makes invalid.
    pub spoils: Vec<String>,
    /// The path that is open then.
    pub path: String,
}

/// An instrument with one minimal set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InstrumentDocument {
    /// The instrument.
    pub instrument: String,
    /// What it has to be conditioned on.
    pub given: Vec<String>,
    /// True if that consists of ancestors of instrument and outcome.
    pub ancestral: bool,
}

/// `a ⊥ b | given`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IndependenceDocument {
    /// The first.
    pub a: String,
    /// The second.
    pub b: String,
    /// Given these.
    pub given: Vec<String>,
}

/// `a ⫫ b | c, d`.
impl std::fmt::Display for IndependenceDocument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ⫫ {}", self.a, self.b)?;
        if self.given.is_empty() { Ok(()) } else { write!(f, " | {}", self.given.join(", ")) }
    }
}

impl From<&NamedIndependence> for IndependenceDocument {
    fn from(one: &NamedIndependence) -> Self {
        Self { a: one.a.clone(), b: one.b.clone(), given: one.given.clone() }
    }
}

/// A set that was held against the adjustment criterion.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckedDocument {
    /// The set.
    pub set: Vec<String>,
    /// True for an adjustment set.
    pub valid: bool,
    /// Its forbidden nodes.
    pub forbidden: Vec<ForbiddenDocument>,
    /// A path that is not causal and stays open.
    pub open_path: Option<String>,
    /// Nodes of the set that open it.
    pub opened_by: Vec<String>,
    /// The answer for people.
    pub sentence: String,
}

impl IdentificationDocument {
    /// The document of an answer; the sentence comes from who can word it.
    #[must_use]
    pub fn new(answer: &Identification, sentence: String) -> Self {
        let drawn = |path: &Option<DrawnPath>| path.as_ref().map(ToString::to_string);
        let cut = [
            ("adjustment.minimal", answer.adjustment.minimal.complete),
            ("front_door", answer.front_door.complete),
            ("instruments", answer.instruments_complete),
            ("implications", answer.implied_complete),
        ];
        let searched = answer.adjustment.optimal != causal::graph::answer::NamedOptimal::NotSearched;
        Self {
            treatments: answer.treatments.clone(),
            outcome: answer.outcome.clone(),
            identified: answer.is_identified(),
            method: method_key(answer.method),
            adjustment: AdjustmentDocument {
                minimal: answer.adjustment.minimal.sets.clone(),
                optimal: answer.adjustment.optimal.set().map(<[String]>::to_vec),
                optimal_searched: searched,
                open_without: drawn(&answer.adjustment.open_without),
                always_open: drawn(&answer.adjustment.always_open),
            },
            front_door: answer.front_door.sets.clone(),
            forbidden: answer.forbidden.iter().map(|one| one.name.clone()).collect(),
            forbidden_because: answer.forbidden.iter().map(ForbiddenDocument::from).collect(),
            colliders: answer.openers.iter().map(OpenerDocument::from).collect(),
            instruments: answer
                .instruments
                .iter()
                .map(|one| InstrumentDocument {
                    instrument: one.instrument.clone(),
                    given: one.given.clone(),
                    ancestral: one.ancestral,
                })
                .collect(),
            implications: answer.implied.iter().map(IndependenceDocument::from).collect(),
            implications_basis: answer.implied_basis.iter().map(IndependenceDocument::from).collect(),
            cut: cut.into_iter().filter(|list| !list.1).map(|list| list.0).collect(),
            sentence,
            checked: None,
        }
    }
}

impl From<&Forbidden> for ForbiddenDocument {
    fn from(one: &Forbidden) -> Self {
        let reason = match one.kind {
            ForbiddenKind::Mediator => "mediator",
            ForbiddenKind::AfterOutcome => "after_outcome",
            ForbiddenKind::AfterMediator => "after_mediator",
        };
        Self { node: one.name.clone(), reason, path: one.path.to_string() }
    }
}

impl From<&Opener> for OpenerDocument {
    fn from(one: &Opener) -> Self {
        Self { node: one.name.clone(), spoils: one.spoils.clone(), path: one.path.to_string() }
    }
}

impl CheckedDocument {
    /// The document of a check; the sentence comes from who can word it.
    #[must_use]
    pub fn new(checked: &CheckedSet, sentence: String) -> Self {
        Self {
            set: checked.set.clone(),
            valid: checked.valid,
            forbidden: checked.forbidden.iter().map(ForbiddenDocument::from).collect(),
            open_path: checked.open.as_ref().map(ToString::to_string),
            opened_by: checked.opened_by.clone(),
            sentence,
        }
    }
}

/// How the confounders of a run came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChosenBy {
    /// The plan names them.
    Plan,
    /// The optimal adjustment set of the graph.
    Optimal,
    /// Its smallest minimal adjustment set.
    SmallestMinimal,
    /// The graph has no adjustment set: the allowed ancestors of treatment and outcome, for an adjusted difference that is
    /// not the effect.
    AllowedAncestors,
}

/// An implied independence held against the data.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TestedIndependence {
    /// The statement.
    #[serde(flatten)]
    pub statement: IndependenceDocument,
    /// The test; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<TestDocument>,
    /// Why there is none; absent with a test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_tested: Option<String>,
}

/// The numbers of one test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TestDocument {
    /// P-value.
    pub p: f64,
    /// The same, adjusted by Holm over its family: the tests made while blind, or those with the outcome.
    pub p_holm: f64,
    /// The largest correlation of residuals.
    pub residual_correlation: f64,
    /// Degrees of freedom.
    pub df: usize,
    /// Rows.
    pub n: usize,
    /// True if the adjusted p-value is below the level.
    pub rejected: bool,
}

/// Whether and how an effect is identified: what the rubric grades.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HowIdentified {
    /// Treatment was assigned at random.
    Randomised,
    /// The graph implies it, and the confounders are an adjustment set.
    Graph {
        /// `back_door` or `no_causal_path`.
        method: &'static str,
    },
    /// Nothing but the plan says so.
    Assumed,
    /// The graph says that it is not, or not by what was adjusted for.
    NotIdentified(NotIdentified),
}

/// Why not.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NotIdentified {
    /// The method of the graph: `none`, or one that adjustment cannot carry out (`front_door`, `general_id`), or `back_door`
    /// where another set would have been right.
    pub method: &'static str,
    /// A path that stays open under the confounders of the run.
    pub open_path: Option<String>,
    /// An adjustment set, if there is one.
    pub instead: Option<Vec<String>>,
    /// Instruments, which give another effect.
    pub instruments: Vec<String>,
}

/// The facts of a run about identification.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IdentificationFacts {
    /// Whether and how.
    pub how: HowIdentified,
    /// Confounders that may not be adjusted for.
    pub forbidden_adjusted: Vec<ForbiddenDocument>,
    /// Implied independencies that the data reject.
    pub rejected: Vec<TestedIndependence>,
    /// Implied independencies that were tested.
    pub tested: usize,
}

impl IdentificationFacts {
    /// Without a graph and without randomisation.
    #[must_use]
    pub fn assumed() -> Self {
        Self { how: HowIdentified::Assumed, forbidden_adjusted: Vec::new(), rejected: Vec::new(), tested: 0 }
    }
}

/// `identification.json` of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunIdentification {
    /// The graph's answer, with the confounders of the run under `checked`.
    #[serde(flatten)]
    pub answer: IdentificationDocument,
    /// SHA-256 of the graph's text.
    pub graph_sha256: String,
    /// Who chose the confounders.
    pub chosen_by: ChosenBy,
    /// The significance level of the tests, for each family.
    pub level: f64,
    /// Tests of what the graph implies without the outcome.
    pub tests: Vec<TestedIndependence>,
    /// Tests of what it implies about the outcome; absent until the loop has settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tests_with_outcome: Option<Vec<TestedIndependence>>,
    /// What the rubric grades.
    pub facts: IdentificationFacts,
}
