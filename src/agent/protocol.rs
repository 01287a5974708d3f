//! The protocol of the loop: its actions, its events, and why it refuses one.

use crate::agent::conversation::{Ending, Opening, ToolCall, ToolOutcome};
use crate::agent::history::DesignSummary;
use crate::finding::Tier;
use crate::llm::{ChatRequest, ChatResponse};
use crate::plan::{Plan, StopWhen, Tool};
use crate::record::critique::Critique;
use crate::spec::AnalysisSpec;
use crate::tools::Role;
use causal::estimand::Target;
use serde::{Deserialize, Serialize};

/// The plan's limits on the loop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// At most this many specs; at least 1.
    pub max_iterations: u32,
    /// When to stop before that.
    pub stop_when: StopWhen,
    /// The allow-list.
    pub tools: Vec<Tool>,
}

impl Limits {
    /// The limits that a plan sets.
    #[must_use]
    pub fn from_plan(plan: &Plan) -> Self {
        Self { max_iterations: plan.loop_.max_iterations, stop_when: plan.loop_.stop_when, tools: plan.tools.clone() }
    }
}

/// Which iteration answers a requested estimand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chosen {
    /// The estimand the plan asked for.
    pub requested: Target,
    /// The iteration.
    pub iteration: u32,
}

/// Why the loop settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settled {
    /// The actor had nothing more to change.
    NothingToRevise,
    /// Every estimand was at least satisfactory with caveats, and the plan said to stop there.
    Satisfactory,
    /// The plan allows no further spec.
    MaxIterations,
    /// A budget was reached.
    Budget,
}

/// The next step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "action")]
pub enum Action {
    /// Turn the plan into the first spec; answer with [`Event::Drafted`].
    Draft,
    /// Commit and run a spec up to its design, without effects; answer with [`Event::Designed`].
    Design {
        /// The iteration, from 1.
        iteration: u32,
        /// The spec.
        spec: Box<AnalysisSpec>,
    },
    /// Grade that design; answer with [`Event::Criticised`].
    Critique {
        /// The iteration.
        iteration: u32,
    },
    /// Ask the actor for a revised spec, from [`Run::history`](crate::agent::run::Run::history); answer with [`Event::Revised`].
    Revise {
        /// The iteration that the revised spec will be.
        iteration: u32,
    },
    /// Compute effects; answer with [`Event::Unblinded`].
    Unblind {
        /// Which iteration answers which estimand.
        answers: Vec<Chosen>,
    },
    /// Grade and report the answers; respond with [`Event::Reported`].
    Report,
    /// Ask a model; answer with [`Event::Answered`], or [`Event::TimeOver`].
    CallModel {
        /// Which one.
        role: Role,
        /// The request.
        request: Box<ChatRequest>,
    },
    /// Run the tools that a model asked for; answer with [`Event::ToolsRan`].
    CallTools {
        /// Which model asked.
        role: Role,
        /// In this order.
        calls: Vec<ToolCall>,
    },
    /// A conversation is over. Make of its ending what the phase wants ([`Event::Drafted`], [`Event::Revised`],
    /// [`Event::Criticised`] or [`Event::Reported`]) and answer with that.
    Conclude {
        /// Which model it was with.
        role: Role,
        /// Its ending.
        ending: Ending,
    },
    /// Nothing: the run is over.
    Done {
        /// The exit decision.
        accepted: bool,
    },
}

/// The result of an action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event", content = "with")]
pub enum Event {
    /// The first spec.
    Drafted(Box<AnalysisSpec>),
    /// The design, as far as the loop may know it.
    Designed(DesignSummary),
    /// The critique of the design.
    Criticised(Box<Critique>),
    /// A revised spec, or `None` if there is nothing to revise.
    Revised(Option<Box<AnalysisSpec>>),
    /// Effects were computed. None of them comes in here.
    Unblinded,
    /// The final tier of each requested estimand.
    Reported(Vec<(Target, Tier)>),
    /// A conversation begins that will decide the draft, the revision, the critique or the report that is due.
    Briefed(Box<Opening>),
    /// A model answered.
    Answered(Box<ChatResponse>),
    /// Tools ran.
    ToolsRan(Vec<ToolOutcome>),
    /// The run's time is over.
    TimeOver,
}

impl Event {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Event::Briefed(_) => "briefed",
            Event::Answered(_) => "answered",
            Event::ToolsRan(_) => "tools_ran",
            Event::TimeOver => "time_over",
            Event::Drafted(_) => "drafted",
            Event::Designed(_) => "designed",
            Event::Criticised(_) => "criticised",
            Event::Revised(_) => "revised",
            Event::Unblinded => "unblinded",
            Event::Reported(_) => "reported",
        }
    }
}

/// Why an event was refused. The run stays where it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoopError {
    /// No iteration is allowed.
    #[error("`loop.max_iterations` is 0, so not even a first spec could be run; set it to 1 or more")]
    NoIterations,
    /// An event that does not answer the action.
    #[error("the loop waits for the result of `{action}`, and was told `{event}`; do what `next` says, then `advance`")]
    Unexpected {
        /// The action that it waits for.
        action: &'static str,
        /// The event that it was given.
        event: &'static str,
    },
    /// A document of another iteration.
    #[error("a document of iteration {found} was handed in where iteration {expected} was due")]
    WrongIteration {
        /// The one that was due.
        expected: u32,
        /// The one handed in.
        found: u32,
    },
    /// A critique of another spec.
    #[error(
        "the critique is of the spec {found}, and the design of the spec {expected}; criticise the design that was run"
    )]
    WrongSpec {
        /// Hash in the design.
        expected: String,
        /// Hash in the critique.
        found: String,
    },
    /// The analyses are not one for each requested estimand.
    #[error("the analyses are for {found:?}, and must be for {expected:?}, each once and in that order")]
    Analyses {
        /// The requested estimands.
        expected: Vec<Target>,
        /// Those of the document.
        found: Vec<Target>,
    },
    /// A tool that the plan does not allow.
    #[error(
        "{} needs `{}`, which the plan does not list under `tools`; allow it there or leave it out",
        analysis.map_or("the spec", Target::acronym),
        tool.key()
    )]
    ToolNotAllowed {
        /// The analysis; `None` if it is the spec's own list.
        analysis: Option<Target>,
        /// The tool.
        tool: Tool,
    },
    /// A playbook that was tried before on the same analysis.
    #[error("`{playbook}` was already tried on the {}; each playbook is tried once on an analysis", analysis.acronym())]
    Repeated {
        /// The playbook.
        playbook: String,
        /// The analysis.
        analysis: Target,
    },
    /// A proposal that changes what is not the actor's.
    #[error(
        "the revised spec differs from the one before in more than its analyses; data, treatment, outcome, confounders, tools and seed are the plan's"
    )]
    NotTheActors,
    /// An analysis of something that the plan does not accept.
    #[error(
        "the {} was asked for, and the {instead} is no answer to it that the plan accepts; a plan says so beforehand with `estimands: [{{ask: {}, accept: […]}}]`",
        analysis.acronym(),
        analysis.key()
    )]
    NotAccepted {
        /// Asked for.
        analysis: Target,
        /// The name of the other.
        instead: String,
    },
    /// A changed analysis without a revision line.
    #[error("the analysis for the {} was changed without a revision that says why; add one", analysis.acronym())]
    Unexplained {
        /// The analysis.
        analysis: Target,
    },
    /// A proposal that revises nothing.
    #[error("the revised spec tries nothing new; say that there is nothing to revise, and the loop settles by itself")]
    NothingNew,
    /// Something that only an effect could tell, before unblinding.
    #[error("the loop is blind, and was handed {what}; that must wait until it has settled")]
    NotBlind {
        /// What.
        what: &'static str,
    },
}
