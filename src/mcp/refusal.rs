//! Why a call was refused: a code for programs, a sentence and ways out for people.

use crate::agent::driver::RunError;
use crate::agent::gates::GateError;
use crate::store::ArtifactError;
use serde_json::{Map, Value, json};

/// Codes of refusals that are not a tool's own; those are [`crate::tools::ToolError::code`].
pub mod code {
    /// The arguments are not right.
    pub const ARGUMENTS: &str = "arguments";
    /// The arguments are too long.
    pub const TOO_LARGE: &str = "too_large";
    /// Too many calls wait already.
    pub const BUSY: &str = "busy";
    /// No run has been started in this session.
    pub const NO_RUN: &str = "no_run";
    /// Another process or session holds the run.
    pub const RUN_IN_USE: &str = "run_in_use";
    /// The run has ended, and this call with it.
    pub const RUN_ENDED: &str = "run_ended";
    /// The run is finished: nothing may be changed any more.
    pub const RUN_FINISHED: &str = "run_finished";
    /// A person has to decide first.
    pub const GATE_WAITING: &str = "gate_waiting";
    /// A person decided against it, or on something else.
    pub const GATE_CLOSED: &str = "gate_closed";
    /// No comparison can be made.
    pub const NO_DESIGN: &str = "no_design";
    /// The plan, or its data held against it, has problems.
    pub const PLAN: &str = "plan";
    /// Data or a model that nobody has agreed to.
    pub const CONSENT: &str = "consent";
    /// The plan keeps names from models, and the answer would say them.
    pub const NAMES: &str = "names";
    /// A path that leads out of the folder that is served.
    pub const OUTSIDE: &str = "outside";
    /// Something is there already, and nothing is overwritten.
    pub const EXISTS: &str = "exists";
    /// Something to mend in the call or in what it names.
    pub const USER: &str = "user";
    /// Something outside: disk, permissions, git, network.
    pub const WORLD: &str = "world";
    /// The server was stopped.
    pub const STOPPED: &str = "stopped";
    /// The host gave the call up.
    pub const CANCELLED: &str = "cancelled";
    /// A mistake of this program.
    pub const BUG: &str = "bug";
}

/// A refused call.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// For programs.
    pub code: &'static str,
    /// For whoever reads it.
    pub message: String,
    /// Ways out; what can be typed is as it is typed.
    pub hints: Vec<String>,
    /// Facts beside the sentence.
    pub details: Map<String, Value>,
}

impl Refused {
    /// A refusal without a way out.
    #[must_use]
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Refused { code, message: message.into(), hints: Vec::new(), details: Map::new() }
    }

    /// With a way out.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// With a fact.
    #[must_use]
    pub fn detail(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.details.insert(key.to_owned(), value.into());
        self
    }

    /// As one text.
    #[must_use]
    pub fn text(&self) -> String {
        std::iter::once(&self.message).chain(&self.hints).cloned().collect::<Vec<_>>().join("\n")
    }

    /// As a program reads it.
    pub(super) fn document(&self) -> Value {
        json!({"code": self.code, "message": self.message, "hints": self.hints, "details": self.details})
    }

    /// A run that ended early, its cause already in words that a model may read.
    pub(super) fn of_run(error: &RunError, words: String) -> Self {
        let refused = Refused::new(code_of(error), words);
        match error {
            RunError::Gate(GateError::Waiting { gate, tree }) => refused
                .hint("No tool decides it. Ask the person whose analysis it is to review the run, then call again.")
                .detail("gate", gate.key())
                .detail("tree", tree.clone()),
            RunError::Gate(GateError::Rejected { gate, .. } | GateError::OtherTree { gate, .. }) => {
                refused.detail("gate", gate.key())
            }
            _ => refused,
        }
    }

    /// A repository that cannot be opened.
    #[must_use]
    pub fn of_store(error: &ArtifactError) -> Self {
        match error {
            ArtifactError::Locked { dir, pid } => {
                let who = pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
                let message = format!("{who} is at work on the run in {}", dir.display());
                let refused = Refused::new(code::RUN_IN_USE, message)
                    .hint("When that host has left or its run is over, call again: this session then goes on with the same run.")
                    .hint("Until then `status` says how far it is; another folder (`run` of `start_run`, or --out) is another run.");
                match pid {
                    Some(pid) => refused.detail("pid", *pid),
                    None => refused,
                }
            }
            error => Refused::new(code::WORLD, error.to_string()),
        }
    }
}

fn code_of(error: &RunError) -> &'static str {
    match error {
        RunError::Gate(GateError::Waiting { .. }) => code::GATE_WAITING,
        RunError::Gate(_) => code::GATE_CLOSED,
        RunError::NoDesign(_) => code::NO_DESIGN,
        RunError::Cancelled => code::STOPPED,
        RunError::Artifacts(_) | RunError::Model(_) | RunError::Look(_) => code::WORLD,
        RunError::FollowUp(_) => code::USER,
        RunError::Report(_) | RunError::Loop(_) | RunError::OutOfOrder(_) | RunError::Brief(_) | RunError::Tool(_) => {
            code::BUG
        }
    }
}
