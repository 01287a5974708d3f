//! The progress of a run, as its host is told. One enum feeds the human and the JSONL renderer.
//!
//! Nothing here can carry an effect before [`ProgressEvent::Unblinded`].

use super::gates::AtGate;
use crate::finding::{Finding, Tier};
use crate::record::EffectDocument;
use crate::record::documents::Conduct;
use crate::record::experiment::{ArmDecision, HealthCheck};
use crate::record::follow_up::FollowUpDocument;
use crate::store::NewDecision;
use crate::tools::Role;
use causal::estimand::Target;
use serde::Serialize;

/// The grade of one analysis' design.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DesignGrade {
    /// The estimand the plan asked for.
    pub requested: Target,
    /// The estimand as it stands now.
    pub name: String,
    /// The tier of the design.
    pub tier: Tier,
    /// The findings.
    pub findings: Vec<Finding>,
}

/// The final verdict on one requested estimand.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FinalVerdict {
    /// The estimand the plan asked for.
    pub requested: Target,
    /// The estimand of the answer.
    pub name: String,
    /// The computed verdict.
    pub tier: Tier,
    /// For whom the answer holds.
    pub population: String,
    /// The answer.
    pub effect: Option<EffectDocument>,
    /// Units of the outcome.
    pub units: String,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum ProgressEvent {
    /// Plan and data agree; the run begins.
    Started {
        /// Title of the plan.
        title: String,
        /// Rows to be analysed.
        rows: usize,
        /// Treated rows among them.
        treated: usize,
        /// The run's repository.
        out: String,
        /// Its branch.
        branch: String,
        /// SHA-256 of the plan.
        plan_sha256: String,
        /// SHA-256 fingerprint of the data.
        data_sha256: String,
    },
    /// Something the person should know about where this run goes.
    Note {
        /// A sentence.
        message: String,
    },
    /// A stage begins; it may take a while.
    Stage {
        /// The stage, in words.
        stage: String,
    },
    /// A step is on record.
    Committed {
        /// Subject of the commit.
        subject: String,
        /// Abbreviated commit id.
        commit: String,
        /// True if it was on record already and has been verified.
        replayed: bool,
    },
    /// The critic graded a design.
    Graded {
        /// Iteration.
        iteration: u32,
        /// One per analysis.
        analyses: Vec<DesignGrade>,
    },
    /// The actor changed the spec.
    Revised {
        /// The iteration that the change leads to.
        iteration: u32,
        /// Which analysis.
        requested: Target,
        /// The playbook, or the name of a model's own change.
        playbook: String,
        /// True if a model made the change without a playbook. Not part of the event as it is written: the name says it.
        #[serde(skip)]
        own: bool,
        /// The change, in words.
        change: String,
        /// True if an earlier change is undone.
        reverted: bool,
    },
    /// A model is asked.
    Asked {
        /// Which one.
        role: Role,
        /// Provider and model.
        model: String,
    },
    /// A piece of what a model says, as it arrives.
    Said {
        /// Which one.
        role: Role,
        /// The piece.
        text: String,
    },
    /// A tool that a model called has run.
    ToolRan {
        /// Which model called it.
        role: Role,
        /// The tool.
        tool: String,
        /// One line for the operator.
        line: String,
        /// True if the call was refused or failed.
        refused: bool,
        /// Why it was, for programs. Not part of the event as it is written: the line says it.
        #[serde(skip)]
        reason: Option<&'static str>,
    },
    /// A budget was reached: the run ends with what it has.
    Stopped {
        /// Which, as a sentence.
        why: String,
    },
    /// A model did not deliver what it was asked for.
    Shortfall {
        /// What, as a sentence.
        what: String,
    },
    /// The loop has settled; effects exist from here on.
    Unblinded {
        /// Number of specs tried.
        specs: usize,
        /// Number of effects computed.
        effects: usize,
    },
    /// Plan and data of an experiment agree; the run begins.
    ExperimentStarted {
        /// Title of the plan.
        title: String,
        /// Units assigned.
        units: usize,
        /// Names of the arms, the control first.
        arms: Vec<String>,
        /// The run's repository.
        out: String,
        /// Its branch.
        branch: String,
        /// SHA-256 of the plan.
        plan_sha256: String,
        /// SHA-256 fingerprint of the data.
        data_sha256: String,
    },
    /// The randomisation of an experiment was audited; no effect exists yet.
    Audited {
        /// Its grade.
        tier: Tier,
        /// The checks.
        checks: Vec<HealthCheck>,
    },
    /// The end of an experiment.
    Decided {
        /// Grade of the randomisation.
        tier: Tier,
        /// One for each arm but the control.
        decisions: Vec<ArmDecision>,
        /// The run's repository.
        out: String,
        /// Its branch.
        branch: String,
        /// Hash of the final tree: the same for the same plan, data, looks and version.
        tree: String,
    },
    /// A follow-up of the plan was made.
    FollowedUp {
        /// What it found.
        document: Box<FollowUpDocument>,
    },
    /// The end.
    Finished {
        /// True if every requested estimand got at least `satisfactory_with_caveats`.
        accepted: bool,
        /// One per requested estimand.
        verdicts: Vec<FinalVerdict>,
        /// The run's repository.
        out: String,
        /// Its branch.
        branch: String,
        /// Hash of the final tree: the same for the same plan, data, seed and version.
        tree: String,
        /// The part that language models took; absent where none did.
        #[serde(skip_serializing_if = "Option::is_none")]
        conduct: Option<Box<Conduct>>,
    },
}

/// Receives the events of a run, and may ask it to stop at the next step.
pub trait Observer {
    /// Called as things happen, in order.
    fn on(&mut self, event: &ProgressEvent);
    /// True once the person wants to stop.
    fn cancelled(&self) -> bool {
        false
    }
    /// Asked at a gate that nobody has decided on; `None` lets the run wait.
    fn decide(&mut self, _at: AtGate<'_>) -> Option<NewDecision> {
        None
    }
    /// Seconds since the run began. A host without a clock never runs out of time.
    fn elapsed(&self) -> f64 {
        0.0
    }
}
