//! A look at the plan alone, before any design: what a careful colleague would ask first. It needs no data and raises nothing;
//! its findings are facts, and [`PlanFinding::message`] words them.
//!
//! With a graph, each role of the draft is held against it: descendants of the treatment, causal paths, instruments (Pearl 2009,
//! definition 7.4.1) and colliders, as `causal::graph` finds them.

use super::target_trial;
use crate::plan::draft::{ColumnRole, DraftSection};
use crate::plan::{GraphSource, Plan};
use crate::term::Term;
use crate::text::escape::one_line;
use crate::text::lists::listed;
use crate::text::untrusted::visible;
use causal::graph::answer::{self, Identification};
use causal::graph::causal_graph::CausalGraph;
use causal::graph::explain::ForbiddenKind;
use causal::graph::nodes::NodeSet;
use causal::graph::question::Question;
use causal::graph::read;
use serde::Serialize;

/// What a graph says of a column, where its role says another thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InTheGraph {
    /// The effect passes through it.
    Mediator,
    /// A consequence of treatment, of a mediator or of the outcome.
    Consequence,
    /// Treatment does not reach it.
    BeforeTreatment,
    /// No arrow leads from it to treatment without passing through something else that matters.
    NotAnInstrument,
    /// Nothing is opened by it.
    NotACollider,
    /// It is not drawn.
    Missing,
}

/// One finding on a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum PlanFinding {
    /// A column is adjusted for that its role forbids.
    AdjustedFor {
        /// The column.
        column: String,
        /// Its role in the draft.
        role: ColumnRole,
    },
    /// The graph says otherwise than the role.
    RoleAgainstGraph {
        /// The column.
        column: String,
        /// Its role in the draft.
        role: ColumnRole,
        /// What the graph says.
        graph: InTheGraph,
    },
    /// The graph cannot be read.
    UnreadableGraph,
    /// Columns of which nobody has said what they are.
    Undecided {
        /// Those columns.
        columns: Vec<String>,
    },
    /// Nothing is adjusted for.
    NoConfounder,
    /// No placebo outcome and no negative control, though columns of the file could be one.
    NoCheck {
        /// Those columns.
        candidates: Vec<String>,
    },
    /// Instruments, and no graph that says why they would be.
    InstrumentUnargued {
        /// Those columns.
        columns: Vec<String>,
    },
    /// A column says who stayed in the study, or comes after treatment, and no threat is written down.
    LaterColumns {
        /// Those columns.
        columns: Vec<String>,
    },
    /// No time zero.
    NoTimeZero,
    /// No eligibility.
    NoEligibility,
    /// No threat.
    NoThreat,
}

impl PlanFinding {
    /// The finding in a sentence or two.
    #[must_use]
    pub fn message(&self) -> String {
        visible(&one_line(&self.words()))
    }

    fn words(&self) -> String {
        let names = |columns: &[String]| -> String {
            const MOST: usize = 8;
            let named: Vec<String> = columns.iter().take(MOST).map(|name| format!("`{name}`")).collect();
            match columns.len().saturating_sub(MOST) {
                0 => listed(&named),
                more => format!("{} and {more} more", named.join(", ")),
            }
        };
        match self {
            PlanFinding::AdjustedFor { column, role } => format!(
                "`{column}` is adjusted for, and by its role it is {}. {}",
                with_article(*role),
                why_not(*role)
            ),
            PlanFinding::RoleAgainstGraph { column, role, graph } => {
                format!("By its role `{column}` is {}, and by the graph {}. One of the two is wrong.", with_article(*role), says(*graph))
            }
            PlanFinding::UnreadableGraph => "The graph cannot be read, so no role could be held against it.".to_owned(),
            PlanFinding::Undecided { columns } => format!(
                "Nobody has said what {} {}: before treatment, or after it?",
                names(columns),
                if columns.len() == 1 { "is" } else { "are" }
            ),
            PlanFinding::NoConfounder => {
                "Nothing is adjusted for: the arms would be compared as they are. Was treatment randomised?".to_owned()
            }
            PlanFinding::NoCheck { candidates } if candidates.is_empty() => {
                "No placebo outcome and no negative control: nothing could betray hidden confounding. Is there something that treatment cannot have changed, and that adjustment does not need?".to_owned()
            }
            PlanFinding::NoCheck { candidates } => format!(
                "No placebo outcome and no negative control: nothing could betray hidden confounding. Could {} be one?",
                names(candidates)
            ),
            PlanFinding::InstrumentUnargued { columns } => format!(
                "{} would move the outcome through treatment only, and share no cause with it. No graph of the plan says so, and no data can show it.",
                names(columns)
            ),
            PlanFinding::LaterColumns { columns } => format!(
                "{} {} measured after treatment. Does being in the file depend on what happened then? No threat of the plan says so.",
                names(columns),
                if columns.len() == 1 { "was" } else { "were" }
            ),
            PlanFinding::NoTimeZero => "The target trial has no time zero: when are eligibility, treatment and the start of follow-up settled? Until then nobody can say what was measured before.".to_owned(),
            PlanFinding::NoEligibility => "The target trial has no eligibility: who could have been enrolled, judged by what was known then?".to_owned(),
            PlanFinding::NoThreat => "No threat to validity is written down: what would make you distrust the answer?".to_owned(),
        }
    }
}

fn with_article(role: ColumnRole) -> String {
    let words = role.key().replace('_', " ");
    match role {
        ColumnRole::LeftOut => "left out".to_owned(),
        ColumnRole::PostTreatment => "measured after treatment".to_owned(),
        ColumnRole::Undecided => "undecided".to_owned(),
        ColumnRole::Identifier | ColumnRole::Instrument | ColumnRole::Outcome => format!("an {words}"),
        _ => format!("a {words}"),
    }
}

fn why_not(role: ColumnRole) -> &'static str {
    match role {
        ColumnRole::Mediator => "Part of the effect passes through it, and would be taken away.",
        ColumnRole::Collider => "Adjusting for it opens a path between its causes.",
        ColumnRole::Instrument => "Adjusting for it costs overlap, and makes hidden confounding worse.",
        ColumnRole::PostTreatment | ColumnRole::NegativeControl | ColumnRole::Outcome => {
            "What treatment may have changed is no reason for it."
        }
        _ => "Say which of the two it is.",
    }
}

fn says(graph: InTheGraph) -> &'static str {
    match graph {
        InTheGraph::Mediator => "part of the effect passes through it",
        InTheGraph::Consequence => "it is a consequence of treatment",
        InTheGraph::BeforeTreatment => "treatment does not change it",
        InTheGraph::NotAnInstrument => "it is no instrument",
        InTheGraph::NotACollider => "no path is opened by it",
        InTheGraph::Missing => "it is not there at all",
    }
}

/// The text of a plan's graph as far as it stands in the plan itself; that of a file is the caller's to read.
#[must_use]
pub fn inline_graph(plan: &Plan) -> Option<&str> {
    match &plan.graph {
        Some(GraphSource::Inline(text)) => Some(text),
        _ => None,
    }
}

/// The findings on a plan, those on single columns first. `graph` is the text of its graph, if it has one.
#[must_use]
pub fn review(plan: &Plan, graph: Option<&str>) -> Vec<PlanFinding> {
    let nothing = DraftSection::default();
    let draft = plan.draft.as_ref().unwrap_or(&nothing);
    let mut found: Vec<PlanFinding> = Vec::new();
    let adjusted = adjusted(plan);
    for one in &draft.roles {
        let fits = one.role.is_adjusted_for() || one.role == ColumnRole::Undecided;
        if !fits && adjusted.contains(&one.column.as_str()) {
            found.push(PlanFinding::AdjustedFor { column: one.column.clone(), role: one.role });
        }
    }
    found.extend(graph.map(|graph| against_graph(plan, draft, graph)).unwrap_or_default());
    let of = |wanted: &dyn Fn(ColumnRole) -> bool| -> Vec<String> {
        draft.roles.iter().filter(|one| wanted(one.role)).map(|one| one.column.clone()).collect()
    };
    let undecided = of(&|role| role == ColumnRole::Undecided);
    if !undecided.is_empty() {
        found.push(PlanFinding::Undecided { columns: undecided });
    }
    if adjusted.is_empty() && plan.graph.is_none() {
        found.push(PlanFinding::NoConfounder);
    }
    if plan.placebo_outcomes.is_empty() && plan.negative_controls.is_empty() {
        let candidates = of(&|role| matches!(role, ColumnRole::PostTreatment));
        found.push(PlanFinding::NoCheck { candidates });
    }
    let instruments = of(&|role| role == ColumnRole::Instrument);
    if !instruments.is_empty() && plan.graph.is_none() {
        found.push(PlanFinding::InstrumentUnargued { columns: instruments });
    }
    let no_threat = plan.threats.iter().all(|threat| threat.trim().is_empty());
    let later = of(&|role| role == ColumnRole::PostTreatment);
    if no_threat && !later.is_empty() {
        found.push(PlanFinding::LaterColumns { columns: later });
    } else if no_threat {
        found.push(PlanFinding::NoThreat);
    }
    let empty = |name: &str| {
        target_trial::components(plan).iter().any(|(component, words)| *component == name && words.trim().is_empty())
    };
    if empty("time zero") {
        found.push(PlanFinding::NoTimeZero);
    }
    if empty("eligibility") {
        found.push(PlanFinding::NoEligibility);
    }
    found
}

fn adjusted(plan: &Plan) -> Vec<&str> {
    let section = &plan.confounders;
    let lists = section.priority.iter().chain(&section.other).map(String::as_str);
    lists.chain(section.terms.iter().flat_map(Term::columns)).collect()
}

/// A graph that was asked about the plan's question.
struct Asked {
    graph: CausalGraph,
    answer: Identification,
    /// Treatment and whatever it affects.
    affected: NodeSet,
}

fn asked(plan: &Plan, text: &str) -> Option<Asked> {
    let graph = read::read(text).ok()?;
    let question = Question::new(&graph, &[&plan.treatment.column], &plan.outcome.column).ok()?;
    let answer = answer::identify(&graph, &question);
    let treatment = graph.node(&plan.treatment.column)?;
    let affected = graph.dag().descendants(&NodeSet::of(graph.dag().len(), [treatment]));
    Some(Asked { graph, answer, affected })
}

fn against_graph(plan: &Plan, draft: &DraftSection, text: &str) -> Vec<PlanFinding> {
    let Some(asked) = asked(plan, text) else { return vec![PlanFinding::UnreadableGraph] };
    let one = |judgement: &crate::plan::draft::RoleJudgement| {
        let graph = otherwise(&asked, &judgement.column, judgement.role)?;
        Some(PlanFinding::RoleAgainstGraph { column: judgement.column.clone(), role: judgement.role, graph })
    };
    draft.roles.iter().filter_map(one).collect()
}

/// What the graph says of a column, if that is not its role.
fn otherwise(asked: &Asked, column: &str, role: ColumnRole) -> Option<InTheGraph> {
    let Some(node) = asked.graph.node(column) else {
        return matches!(
            role,
            ColumnRole::Confounder | ColumnRole::Mediator | ColumnRole::Collider | ColumnRole::Instrument
        )
        .then_some(InTheGraph::Missing);
    };
    let affected = asked.affected.contains(node);
    let mediator = asked.answer.forbidden.iter().any(|one| one.name == column && one.kind == ForbiddenKind::Mediator);
    let later = if mediator { InTheGraph::Mediator } else { InTheGraph::Consequence };
    match role {
        ColumnRole::Confounder | ColumnRole::Predictor | ColumnRole::PlaceboOutcome | ColumnRole::NegativeControl => {
            affected.then_some(later)
        }
        ColumnRole::Mediator if mediator => None,
        ColumnRole::Mediator | ColumnRole::PostTreatment => match (role, affected) {
            (ColumnRole::PostTreatment, true) => None,
            (_, true) => Some(InTheGraph::Consequence),
            (_, false) => Some(InTheGraph::BeforeTreatment),
        },
        ColumnRole::Instrument => {
            let is_one = asked.answer.instruments.iter().any(|one| one.instrument == column);
            (!is_one).then_some(if affected { later } else { InTheGraph::NotAnInstrument })
        }
        ColumnRole::Collider => {
            let meets = asked.graph.dag().parents(node).len() >= 2;
            (!meets).then_some(InTheGraph::NotACollider)
        }
        _ => None,
    }
}
