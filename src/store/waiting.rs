//! Whether a run waits for a person: its last step is a gate, and nobody has approved the tree that it names.

use crate::store::decision::{self, Decided};
use crate::store::folder::Folder;
use crate::store::message::trailer;
use crate::store::tree::{Recorded, history_back_to};
use crate::store::{ArtifactError, DecisionKind, GATE, RepositoryTrust, init, libgit};
use std::fs;
use std::path::Path;

/// A run that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingRun {
    /// The branch.
    pub branch: String,
    /// The gate.
    pub gate: String,
    /// Full id of the tree that is to be decided on.
    pub tree: String,
    /// Steps on the branch; 0 where only its end was read.
    pub steps: usize,
    /// True if it was rejected, so that it waits for somebody to think again.
    pub rejected: bool,
    /// When it came to the gate, in seconds since 1970-01-01 UTC.
    pub since: i64,
}

/// What the last step of a branch waits for.
pub(super) fn waiting(branch: &str, steps: &[Recorded], decided: &[Decided]) -> Option<WaitingRun> {
    let last = steps.last()?;
    let (gate, tree) = (trailer(&last.message, GATE)?, last.tree.to_string());
    let mut of_gate = decided.iter().filter(|decided| decided.after == steps.len()).map(|decided| &decided.decision);
    let binding = of_gate.rfind(|it| it.gate.as_deref() == Some(gate) && it.kind != DecisionKind::Comment);
    let approved = binding.is_some_and(|it| it.kind == DecisionKind::Approved && it.tree == tree);
    (!approved).then(|| WaitingRun {
        branch: branch.to_owned(),
        gate: gate.to_owned(),
        tree,
        steps: steps.len(),
        rejected: binding.is_some_and(|it| it.kind == DecisionKind::Rejected),
        since: last.time,
    })
}

/// Whether the run in a directory waits, from the last commits of the branch that is checked out; nothing else is read or checked.
///
/// # Errors
/// There is no repository of ours, it is somebody else's, or its last commits cannot be read.
pub fn waiting_in(dir: &Path, trust: &RepositoryTrust) -> Result<Option<WaitingRun>, ArtifactError> {
    libgit::settle();
    let place = fs::canonicalize(dir).map_err(|e| ArtifactError::io("open", dir, e))?;
    let top = Folder::open(&place).map_err(|e| ArtifactError::io("open", &place, e))?;
    init::own_git(&place, &top, trust)?;
    let failed = |action, e: &git2::Error| ArtifactError::git(action, &place, e);
    let repo = init::open_repository(&place).map_err(|e| failed("open the repository", &e))?;
    let Ok(head) = repo.head() else { return Ok(None) };
    let branch = head.shorthand().unwrap_or_default().to_owned();
    // Back through decisions to the step that they follow.
    let last = history_back_to(&repo, head.target(), |commit| !decision::is_one(commit));
    let (steps, decided) = decision::split(last.map_err(|e| failed("read the last commits", &e))?);
    let found = waiting(&branch, &steps, &decided);
    Ok(found.map(|found| WaitingRun { steps: 0, ..found }))
}
