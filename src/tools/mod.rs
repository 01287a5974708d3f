//! The tools of language models, one file each, behind one registry.
//!
//! A tool has a name, a JSON schema, typed arguments and two voices: what the model may read and what the operator must
//! read ([`ToolReply`]). The plan's `tools:` list is enforced by [`Registry`], whatever a prompt says; the critic gets the tools
//! that only read. Nothing here does I/O: a tool computes on the prepared data and answers in words and aggregates.
//!
//! *Blindness.* A [`Context`] holds results only after unblinding, so before that no tool can name an effect.
//! *Privacy.* Everything a model reads goes through [`privacy::Privacy`]: no rows, no level with fewer than `min_cell`
//! units, and aliases instead of names where the plan says `redact_names: true`.

mod apply;
mod arguments;
mod check_balance;
mod check_overlap;
mod check_sensitivity;
mod columns;
mod describe_data;
mod design_run;
mod estimate;
pub mod experiment;
mod fit_propensity;
mod playbooks;
pub mod privacy;
pub mod proposal;
mod propose_spec;
mod registry;
mod reply;
mod run_placebo;
mod schema_check;
mod submit_critique;
mod terms;
mod trim;

pub use apply::{edited, tool_of};
pub use proposal::{Edit, Proposal, ProposedChange};
pub use registry::{LARGEST_ARGUMENTS, Registry, Role};
pub use schema_check::departures_from;
pub use terms::MOST_NEW_TERMS;

use crate::pipeline::Prepared;
use crate::playbook::Catalogue;
use crate::record::critique::Critique;
use crate::record::documents::ResultsDocument;
use crate::record::model_review::ModelReview;
use crate::spec::AnalysisSpec;
use causal::estimand::Target;
use privacy::Privacy;
use std::collections::{BTreeMap, BTreeSet};

/// The task at hand, which decides what a call means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Task<'a> {
    /// The first spec is being written: terms may be added, the question stays as the plan asks it.
    Draft,
    /// A revised spec is being written.
    Revise,
    /// A critique is being written, under this computed one.
    Criticise(&'a Critique),
    /// Nothing is being written: a host looks around.
    Look,
}

/// The data that a tool may look at.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Plan and data.
    pub prepared: &'a Prepared,
    /// Playbooks.
    pub catalogue: &'a Catalogue,
    /// The filter on what leaves this machine.
    pub privacy: &'a Privacy,
    /// The analyses that a change starts from: the draft at first, then the kept design of each estimand.
    pub spec: &'a AnalysisSpec,
    /// The task at hand.
    pub task: Task<'a>,
    /// Names of the playbooks and own changes that were tried on each requested estimand.
    pub tried: &'a BTreeMap<Target, BTreeSet<String>>,
    /// Names of the playbooks and own changes in the specs so far that were not undone; a critique has to name them.
    pub applied: &'a [String],
    /// Playbooks that apply to each requested estimand now, in the order in which the deterministic engine would try them.
    pub candidates: &'a BTreeMap<Target, Vec<String>>,
    /// The results; `None` while the loop is blind.
    pub results: Option<&'a ResultsDocument>,
}

/// The text of a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolReply {
    /// To the model: aggregates and words, already through [`Privacy`].
    pub model: String,
    /// To the operator: one line for the terminal and the log.
    pub operator: String,
}

/// The result of a call.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Words.
    Reply(ToolReply),
    /// A valid proposal. No changes: nothing is to be revised (or, of a draft, the plan's own spec stands).
    Proposed(ToolReply, Proposal),
    /// A complete critique.
    Criticised(ToolReply, ModelReview),
}

/// Why an argument or an edit was refused: one or more sentences that say what would be right. A tool's voice is text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

/// Refuses with a sentence.
fn refuse<T>(sentence: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal(sentence.into()))
}

/// Why a call was refused. All of it goes back to the model, except [`ToolError::Fatal`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ToolError {
    /// There is no such tool.
    #[error("there is no tool `{}`; {}the tools are {}", short(name), near(name, offered), offered.join(", "))]
    Unknown {
        /// As called.
        name: String,
        /// The tools that there are.
        offered: Vec<String>,
    },
    /// The plan does not allow it, or it is not for this role.
    #[error("`{name}` is not allowed here: {why}")]
    NotAllowed {
        /// The tool.
        name: String,
        /// Who says so, as a clause.
        why: String,
    },
    /// It needs an effect, and the loop is blind.
    #[error("`{name}` needs the outcome's effect, and the loop is blind until it has settled; go on with the design")]
    Blind {
        /// The tool.
        name: String,
    },
    /// It needs the results of an experiment, which are not open.
    #[error(
        "`{name}` needs the results, and they are not open yet: `run_experiment` opens them, which is a look and goes on record"
    )]
    NotOpen {
        /// The tool.
        name: String,
    },
    /// The arguments are not right. The sentence says which, and what would be.
    #[error("the arguments of `{name}` are not right: {problem}")]
    Arguments {
        /// The tool.
        name: String,
        /// The problem, and what would be right.
        problem: String,
    },
    /// The tool ran and found that it cannot be done (separation, an arm without units): a result, in words.
    #[error("{0}")]
    Failed(String),
    /// A mistake of this program: ends the run.
    #[error("{0}")]
    Fatal(String),
}

impl ToolError {
    /// The reason, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            ToolError::Unknown { .. } => "unknown_tool",
            ToolError::NotAllowed { .. } => "not_allowed",
            ToolError::Blind { .. } => "blind",
            ToolError::NotOpen { .. } => "not_open",
            ToolError::Arguments { .. } => "arguments",
            ToolError::Failed(_) => "failed",
            ToolError::Fatal(_) => "bug",
        }
    }

    /// The error as a model may read it: through [`Privacy`], without control characters, and not too long.
    #[must_use]
    pub fn for_model(&self, privacy: &Privacy) -> String {
        privacy.plain(&self.to_string(), LONGEST_ERROR)
    }
}

/// The longest error that a model reads, characters.
const LONGEST_ERROR: usize = 4_000;

fn short(name: &str) -> String {
    privacy::one_line(name, arguments::QUOTED)
}

fn near(name: &str, offered: &[String]) -> String {
    let near = crate::plan::closest(name, offered.iter().map(String::as_str));
    near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default()
}

/// One tool.
pub trait Tool: Send + Sync {
    /// Its name.
    fn name(&self) -> &'static str;
    /// Its purpose and when to use it, for a model.
    fn description(&self) -> &'static str;
    /// JSON schema of its arguments.
    fn schema(&self) -> serde_json::Value;
    /// The entry of the plan's `tools:` list that it needs, if any.
    fn needs(&self) -> Option<crate::plan::Tool>;
    /// The gap in the plan's `tools:` list that rules it out, as a clause; `None` if it may be used.
    fn lacks(&self, listed: &[crate::plan::Tool]) -> Option<String> {
        let tool = self.needs().filter(|tool| !listed.contains(tool))?;
        Some(format!("the plan's `tools:` list leaves out `{}`", tool.key()))
    }
    /// True if it needs an effect, and so does not exist while the loop is blind.
    fn needs_effect(&self) -> bool {
        false
    }
    /// Who may call it.
    fn roles(&self) -> &'static [Role];
    /// Does it. `arguments` is as the model wrote it, with aliases already turned back into names.
    ///
    /// # Errors
    /// [`ToolError`].
    fn call(&self, arguments: &serde_json::Value, context: &Context<'_>) -> Result<Answer, ToolError>;
}
