//! All that a graph says about one question, with names.

use crate::graph::adjustment::Adjustment;
use crate::graph::causal_graph::CausalGraph;
use crate::graph::drawn_path::DrawnPath;
use crate::graph::explain::{Forbidden, Opener, forbidden, forbidden_because, openers};
use crate::graph::front_door::front_door;
use crate::graph::identify::{Hedge, Projection};
use crate::graph::implications::{Independence, implications};
use crate::graph::instruments::instruments;
use crate::graph::nodes::NodeSet;
use crate::graph::optimal::{Optimal, optimal};
use crate::graph::question::Question;
use crate::graph::separation::directed_path;
use crate::graph::separators::SetList;
use crate::graph::valid_sets::ValidSets;

/// Minimal adjustment sets that are listed.
pub const MOST_MINIMAL: usize = 200;

/// How the effect is identified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// No directed path leads from treatment to outcome: the effect is zero by the graph.
    NoCausalPath,
    /// By adjustment.
    BackDoor,
    /// By the front-door formula.
    FrontDoor,
    /// By the ID algorithm only.
    GeneralId,
    /// Not at all.
    Unidentified,
}

/// Sets of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedSets {
    /// By size, then by name.
    pub sets: Vec<Vec<String>>,
    /// False when the list was cut at its limit.
    pub complete: bool,
}

/// The optimal adjustment set, with names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedOptimal {
    /// The best of all valid sets.
    Set(Vec<String>),
    /// No set is, or none is valid.
    Nothing,
    /// The graph is too large for the search.
    NotSearched,
}

impl NamedOptimal {
    /// The set, if there is one.
    #[must_use]
    pub fn set(&self) -> Option<&[String]> {
        match self {
            NamedOptimal::Set(set) => Some(set),
            NamedOptimal::Nothing | NamedOptimal::NotSearched => None,
        }
    }
}

/// What can be adjusted for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdjustmentSets {
    /// All minimal sets; empty if there is no adjustment set, `[[]]` if nothing has to be adjusted for.
    pub minimal: NamedSets,
    /// The best set.
    pub optimal: NamedOptimal,
    /// A path that is open without any adjustment, if there is one.
    pub open_without: Option<DrawnPath>,
    /// A path that no allowed columns close, where there is no adjustment set.
    pub always_open: Option<DrawnPath>,
}

/// An instrument, with names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedInstrument {
    /// The instrument.
    pub instrument: String,
    /// What it has to be conditioned on.
    pub given: Vec<String>,
    /// True if that consists of ancestors of instrument and outcome.
    pub ancestral: bool,
}

/// `a ⊥ b | given`, with names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedIndependence {
    /// The first.
    pub a: String,
    /// The second.
    pub b: String,
    /// Given these.
    pub given: Vec<String>,
}

impl NamedIndependence {
    fn new(graph: &CausalGraph, statement: &Independence) -> Self {
        let name = |node| graph.name(node).to_owned();
        Self { a: name(statement.a), b: name(statement.b), given: graph.names_of(&statement.given) }
    }

    /// True if the name is one of the pair or in the set.
    #[must_use]
    pub fn involves(&self, name: &str) -> bool {
        self.a == name || self.b == name || self.given.iter().any(|other| other == name)
    }
}

/// Two districts that cannot be told apart: why an effect is not identified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedHedge {
    /// The larger, which holds a treatment.
    pub outer: Vec<String>,
    /// The smaller.
    pub inner: Vec<String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identification {
    /// The treatments.
    pub treatments: Vec<String>,
    /// The outcome.
    pub outcome: String,
    /// The first method that works, in the order of [`Method`].
    pub method: Method,
    /// All that work; `GeneralId` stands for itself only.
    pub methods: Vec<Method>,
    /// A shortest causal path, if there is one.
    pub causal_path: Option<DrawnPath>,
    /// Adjustment.
    pub adjustment: AdjustmentSets,
    /// Minimal front-door sets.
    pub front_door: NamedSets,
    /// Instruments.
    pub instruments: Vec<NamedInstrument>,
    /// False if there may be more of them.
    pub instruments_complete: bool,
    /// Columns that may not be adjusted for.
    pub forbidden: Vec<Forbidden>,
    /// Columns that open a path when they are adjusted for.
    pub openers: Vec<Opener>,
    /// What stands in the way of the ID algorithm.
    pub hedge: Option<NamedHedge>,
    /// One implied independence for each pair that can be separated, given the observed ancestors of both.
    pub implied_basis: Vec<NamedIndependence>,
    /// All with minimal sets.
    pub implied: Vec<NamedIndependence>,
    /// False if those lists were cut.
    pub implied_complete: bool,
    /// Nodes on which the rows were selected.
    pub selected: Vec<String>,
}

impl Identification {
    /// True if the effect can be computed from the distribution of what was observed.
    #[must_use]
    pub fn is_identified(&self) -> bool {
        self.method != Method::Unidentified
    }
}

/// Answers a question.
#[must_use]
pub fn identify(graph: &CausalGraph, question: &Question) -> Identification {
    let adjustment = Adjustment::new(graph, question);
    let minimal = adjustment.minimal(MOST_MINIMAL);
    let front = front_door(&adjustment);
    let general = Projection::new(graph).identify(question);
    let methods = methods(&adjustment, !minimal.sets.is_empty(), !front.sets.is_empty(), general.is_ok());
    let valid = ValidSets::new(&adjustment);
    let instruments = instruments(&adjustment);
    let implied = implications(graph);
    let named = |list: &[Independence]| list.iter().map(|one| NamedIndependence::new(graph, one)).collect();
    let causal = directed_path(graph.dag(), &question.treatments, &question.outcomes(), &question.treatments);
    Identification {
        treatments: graph.names_of(&question.treatments),
        outcome: graph.name(question.outcome).to_owned(),
        method: methods.first().copied().unwrap_or(Method::Unidentified),
        methods,
        causal_path: causal.map(|path| DrawnPath::new(graph, &path)),
        adjustment: adjustment_sets(&adjustment, &minimal, valid.as_ref()),
        front_door: named_sets(graph, &front),
        instruments: instruments
            .found
            .iter()
            .map(|one| NamedInstrument {
                instrument: graph.name(one.node).to_owned(),
                given: graph.names_of(&one.given),
                ancestral: one.ancestral,
            })
            .collect(),
        instruments_complete: instruments.complete,
        forbidden: forbidden(&adjustment),
        openers: openers(&adjustment, valid.as_ref(), &minimal.sets),
        hedge: general.err().map(|hedge| named_hedge(graph, &hedge)),
        implied_basis: named(&implied.basis),
        implied: named(&implied.minimal),
        implied_complete: implied.complete,
        selected: graph.names_of(graph.selected()),
    }
}

/// With rows selected on a node, only the adjustment criterion is asked: the ID algorithm knows nothing of selection.
fn methods(adjustment: &Adjustment<'_>, back_door: bool, front_door: bool, general: bool) -> Vec<Method> {
    let mut methods = Vec::new();
    if !adjustment.has_causal_path() {
        methods.push(Method::NoCausalPath);
    }
    if back_door {
        methods.push(Method::BackDoor);
    }
    if front_door {
        methods.push(Method::FrontDoor);
    }
    if methods.is_empty() && general && adjustment.graph.selected().is_empty() {
        methods.push(Method::GeneralId);
    }
    methods
}

fn named_sets(graph: &CausalGraph, list: &SetList) -> NamedSets {
    NamedSets { sets: list.sets.iter().map(|set| graph.names_of(set)).collect(), complete: list.complete }
}

fn named_hedge(graph: &CausalGraph, hedge: &Hedge) -> NamedHedge {
    NamedHedge { outer: graph.names_of(&hedge.outer), inner: graph.names_of(&hedge.inner) }
}

fn adjustment_sets(adjustment: &Adjustment<'_>, minimal: &SetList, valid: Option<&ValidSets>) -> AdjustmentSets {
    let graph = adjustment.graph;
    let open = |set: &NodeSet| adjustment.validity(set).open.map(|path| DrawnPath::new(graph, &path));
    AdjustmentSets {
        minimal: named_sets(graph, minimal),
        optimal: match optimal(adjustment, valid) {
            Optimal::Set(set) => NamedOptimal::Set(graph.names_of(&set)),
            Optimal::Nothing => NamedOptimal::Nothing,
            Optimal::NotSearched => NamedOptimal::NotSearched,
        },
        open_without: open(&graph.no_nodes()),
        always_open: if minimal.sets.is_empty() { open(&adjustment.canonical()) } else { None },
    }
}

/// The criterion for a set somebody named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedSet {
    /// The set.
    pub set: Vec<String>,
    /// True for an adjustment set.
    pub valid: bool,
    /// Its nodes that are forbidden.
    pub forbidden: Vec<Forbidden>,
    /// A path that is not causal and stays open.
    pub open: Option<DrawnPath>,
    /// The nodes of the set that open this path: colliders on it, or their consequences.
    pub opened_by: Vec<String>,
    /// False where the selection of the rows spoils every set.
    pub selection_is_harmless: bool,
}

/// Checks a set against the criterion.
#[must_use]
pub fn check(graph: &CausalGraph, question: &Question, set: &NodeSet) -> CheckedSet {
    let adjustment = Adjustment::new(graph, question);
    let validity = adjustment.validity(set);
    let colliders = validity.open.as_ref().map_or(graph.no_nodes(), |path| NodeSet::of(graph.len(), path.colliders()));
    CheckedSet {
        set: graph.names_of(set),
        valid: validity.is_valid(),
        forbidden: validity.forbidden.iter().filter_map(|node| forbidden_because(&adjustment, node)).collect(),
        open: validity.open.map(|path| DrawnPath::new(graph, &path)),
        opened_by: graph.names_of(&graph.dag().descendants(&colliders).intersection(set)),
        selection_is_harmless: validity.selection_is_harmless,
    }
}
