//! Decisions, written to the branch like steps: object first, then the branch.

use crate::store::decision::{self, Decided};
use crate::store::git::GitStore;
use crate::store::refs::{Change, branch_reference};
use crate::store::{ArtifactError, Decision, NewDecision, objects, reflog};
use git2::Oid;

impl GitStore {
    /// Records a decision on the last state of the branch, gone through by this process or not.
    pub(super) fn record_decision(&mut self, new: &NewDecision) -> Result<Decision, ArtifactError> {
        let refused =
            |reason: &str| ArtifactError::InvalidStep { subject: new.kind.key().to_owned(), reason: reason.to_owned() };
        let Some((after, tree)) = self.last_state() else { return Err(refused("the run has no step yet")) };
        let by = new.by.as_git_writes_it();
        let (at, name) = ((self.clock)(), format!("{} <{}>", by.name, by.email));
        let who = format!("{name} {at} +0000");
        let message = decision::message(new, tree)?;
        let (commit, signed) = decision::commit(&self.headers(tree, &who), &message, &name)?;
        let id = commit.id;
        objects::write(&self.place, &self.repo, &[commit])?;
        let branch = branch_reference(&self.branch);
        self.refs().change(&Change { name: &branch, from: self.tip, to: id, who: &who, why: reflog::STEP })?;
        self.tip = Some(id);
        let decision = Decision {
            kind: new.kind,
            gate: new.gate.clone(),
            tree: tree.to_string(),
            reason: new.reason.trim().to_owned(),
            by: name,
            at,
            commit: id.to_string(),
            signed,
        };
        self.decided.push(Decided { after, decision: decision.clone(), as_made: true });
        Ok(decision)
    }

    /// The number of steps of the branch, and the tree of the last one.
    fn last_state(&self) -> Option<(usize, Oid)> {
        match self.recorded.last() {
            Some(last) if self.steps < self.recorded.len() => Some((self.recorded.len(), last.tree)),
            _ => self.last.map(|(_, tree)| (self.steps, tree)),
        }
    }
}
