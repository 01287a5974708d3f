//! Decisions of people on a run: commits without a file of their own, between the steps.
//!
//! A decision names the gate and the tree that it is about, so that it holds for those bytes and no others. Since it changes no
//! file, the tree of a run is the same whoever approved it and when.

use crate::store::libgit::{self, Signing};
use crate::store::message::{compose, prose, trailer};
use crate::store::objects::Object;
use crate::store::tree::Recorded;
use crate::store::{ArtifactError, Author, Step};
use git2::{ObjectType, Oid};
use std::io::Write as _;
use std::process::{Command, Stdio};

/// The trailer that makes a commit a decision.
const DECISION: &str = "Decision";
/// The trailer that names a gate: on a step that waits, and on the decision.
pub const GATE: &str = "Gate";
/// The trailer with the tree that a decision is about.
const ON_TREE: &str = "On-Tree";

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecisionKind {
    /// The run may go on.
    Approved,
    /// It may not.
    Rejected,
    /// A remark that decides nothing.
    Comment,
}

impl DecisionKind {
    const ALL: [DecisionKind; 3] = [DecisionKind::Approved, DecisionKind::Rejected, DecisionKind::Comment];

    /// The word for it in a commit.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            DecisionKind::Approved => "approved",
            DecisionKind::Rejected => "rejected",
            DecisionKind::Comment => "comment",
        }
    }
}

/// A decision that is to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDecision {
    /// What was decided.
    pub kind: DecisionKind,
    /// The gate; `None` for a comment on a run that waits at none.
    pub gate: Option<String>,
    /// The reason, in the person's own words; may be empty.
    pub reason: String,
    /// Who decided.
    pub by: Author,
}

/// A decision on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What was decided.
    pub kind: DecisionKind,
    /// The gate.
    pub gate: Option<String>,
    /// The tree that it is about.
    pub tree: String,
    /// The reason.
    pub reason: String,
    /// Who decided: `Name <email>`.
    pub by: String,
    /// Seconds since 1970-01-01 UTC.
    pub at: i64,
    /// Full id of its commit.
    pub commit: String,
    /// True if the commit has a signature; whose, git can tell.
    pub signed: bool,
}

/// A commit that is a decision, and the number of steps before it.
#[derive(Debug, Clone)]
pub(super) struct Decided {
    pub after: usize,
    pub decision: Decision,
    /// True if the message is the one that a decision with these facts is given.
    pub as_made: bool,
}

/// The steps of a branch, and the decisions between them. A commit that says it is one and changes a file is none.
pub(super) fn split(history: Vec<Recorded>) -> (Vec<Recorded>, Vec<Decided>) {
    let (mut steps, mut decisions): (Vec<Recorded>, Vec<Decided>) = (Vec::new(), Vec::new());
    for commit in history {
        let same_tree = steps.last().is_some_and(|step| step.tree == commit.tree);
        match read(&commit).filter(|_| same_tree && commit.parents == 1) {
            Some(decision) => {
                let as_made = message_of(&decision).is_ok_and(|message| message == commit.message);
                decisions.push(Decided { after: steps.len(), decision, as_made });
            }
            None => steps.push(commit),
        }
    }
    (steps, decisions)
}

/// True if a commit says that it is a decision.
pub(super) fn is_one(commit: &Recorded) -> bool {
    read(commit).is_some()
}

/// A commit as a decision, if its message is one and is about the tree that it has.
fn read(commit: &Recorded) -> Option<Decision> {
    let said = trailer(&commit.message, DECISION)?;
    let kind = DecisionKind::ALL.into_iter().find(|kind| kind.key() == said)?;
    Some(Decision {
        kind,
        gate: trailer(&commit.message, GATE).map(str::to_owned),
        tree: trailer(&commit.message, ON_TREE)?.to_owned(),
        reason: prose(&commit.message),
        by: commit.author.clone(),
        at: commit.time,
        commit: commit.id.to_string(),
        signed: commit.signed,
    })
}

/// The message of a decision on a tree.
pub(super) fn message(decision: &NewDecision, tree: Oid) -> Result<String, ArtifactError> {
    composed(decision.kind, decision.gate.as_deref(), &decision.reason, &tree.to_string())
}

/// The message that a decision on record is given.
fn message_of(decision: &Decision) -> Result<String, ArtifactError> {
    composed(decision.kind, decision.gate.as_deref(), &decision.reason, &decision.tree)
}

fn composed(kind: DecisionKind, gate: Option<&str>, reason: &str, tree: &str) -> Result<String, ArtifactError> {
    let at = gate.map_or(String::new(), |gate| format!(": {gate}"));
    let mut step = Step::new(format!("{}{at}", kind.key())).body(reason);
    if let Some(gate) = gate {
        step = step.trailer(GATE, gate);
    }
    compose(&step.trailer(ON_TREE, tree).trailer(DECISION, kind.key()))
}

/// A commit, signed where the person's own git configuration says that commits are; and whether it is.
pub(super) fn commit(headers: &str, message: &str, who: &str) -> Result<(Object, bool), ArtifactError> {
    let failed = |e: &git2::Error| ArtifactError::git("make a commit", std::path::Path::new("."), e);
    let unsigned = format!("{headers}\n{message}");
    let signing = libgit::configured_signing();
    let signed = signing.is_some();
    let text = match signing {
        None => unsigned,
        Some(signing) => {
            let signature = signature(&signing, &unsigned).map_err(|reason| ArtifactError::Signing {
                who: who.to_owned(),
                program: signing.program.clone(),
                reason,
            })?;
            // A header goes on where a line begins with a blank.
            format!("{headers}gpgsig {}\n\n{message}", signature.trim_end().replace('\n', "\n "))
        }
    };
    Ok((Object::new(ObjectType::Commit, text.into_bytes()).map_err(|e| failed(&e))?, signed))
}

/// What the program says that git would ask.
fn signature(signing: &Signing, text: &str) -> Result<String, std::io::Error> {
    let mut child = Command::new(&signing.program)
        .args(&signing.arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(text.as_bytes())?;
    }
    let done = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    if done.status.success() && said.trim_start().starts_with("-----BEGIN ") {
        return Ok(said);
    }
    Err(std::io::Error::other(String::from_utf8_lossy(&done.stderr).trim().to_owned()))
}
