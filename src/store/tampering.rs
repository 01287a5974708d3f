//! Signs that somebody else was at work on a recorded run: commits that were taken away or added, and decisions that say something else
//! than they were given. What is made again tells the rest.

use crate::store::decision::{Decided, DecisionKind, GATE};
use crate::store::{ArtifactError, RecordedRun};
use git2::Oid;

impl RecordedRun {
    /// Full ids of commits that this program put on the branch, by git's own log of it, and that its history does not have: it was
    /// moved back, or written again. A clone has another log, and knows nothing of what became of the run before.
    #[must_use]
    pub fn left_behind(&self) -> &[String] {
        &self.left_behind
    }

    /// The decisions whose message is not the one that a decision of theirs has: full ids.
    pub fn reworded_decisions(&self) -> impl Iterator<Item = String> {
        self.decided.iter().filter(|decided| !decided.as_made).map(|decided| decided.decision.commit.clone())
    }

    /// The decisions on a gate at which the run did not wait, or that had been approved already: full ids.
    pub fn stray_decisions(&self) -> Vec<String> {
        let mut open: Option<(usize, &str)> = None;
        let mut stray = Vec::new();
        for Decided { after, decision, .. } in &self.decided {
            let gate = after.checked_sub(1).and_then(|step| self.trailer_of(step, GATE));
            if decision.kind == DecisionKind::Comment {
                continue;
            }
            let waits = gate.is_some() && gate == decision.gate.as_deref() && open != gate.map(|gate| (*after, gate));
            if !waits {
                stray.push(decision.commit.clone());
            }
            if decision.kind == DecisionKind::Approved {
                open = gate.map(|gate| (*after, gate));
            }
        }
        stray
    }

    /// True if a step (counted from 0) adds or replaces files in a folder of the top, and touches no other.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn stays_below(&self, step: usize, folder: &str) -> Result<bool, ArtifactError> {
        let before = self.files(step.checked_sub(1).and_then(|before| self.commits.get(before)))?;
        let after = self.files(self.commits.get(step))?;
        let kept = before.keys().all(|path| after.contains_key(path));
        let changed = |entry: &(&String, &Oid)| before.get(entry.0) != Some(entry.1);
        Ok(kept && after.iter().filter(changed).all(|(path, _)| path.split('/').next() == Some(folder)))
    }

    /// True if a step after the first (counted from 0) changes no file.
    #[must_use]
    pub fn is_empty_step(&self, step: usize) -> bool {
        let tree = |at: usize| self.commits.get(at).map(|commit| commit.tree);
        step.checked_sub(1).is_some_and(|before| tree(before) == tree(step))
    }
}
