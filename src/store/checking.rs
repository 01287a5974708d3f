//! A run that is made again is held against the one on record, step by step. Nothing is written.
//!
//! Unlike a resumed run, which stops at the first step that came out otherwise, this one goes on: a reviewer sees each file that
//! differs, once, at the step where it first does.

use crate::store::message::compose;
use crate::store::recorded_run::RecordedRun;
use crate::store::{ArtifactError, ArtifactStore, CommitInfo, Decision, Step};
use git2::{ObjectType, Oid};
use std::collections::{BTreeMap, BTreeSet};

/// A step that was made again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedStep {
    /// Its commit; `None` if there is none for it.
    pub commit: Option<String>,
    /// Its subject, as it was made again.
    pub subject: String,
    /// What is not the same.
    pub differences: Vec<StepDifference>,
}

/// Something about a step that is not as it is on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepDifference {
    /// The step is not on record.
    NoCommit,
    /// The subject is another one.
    Subject {
        /// The one on record.
        recorded: String,
    },
    /// The message below the subject.
    Message {
        /// On record.
        recorded: String,
        /// Made again.
        made: String,
    },
    /// The commit has another parent beside the step before it, or headers that no step has.
    Commit,
    /// The tree has the same files, and a mode or an entry of another kind that no step makes.
    Tree,
    /// The tag of the step is on another commit, or is not there.
    Tag {
        /// Its name.
        name: String,
        /// False if it is not there.
        there: bool,
    },
    /// A file.
    File {
        /// Path inside the repository.
        path: String,
        /// On record; `None` if it is not there.
        recorded: Option<Vec<u8>>,
        /// Made again; `None` if it is not made.
        made: Option<Vec<u8>>,
    },
}

/// The store of a run that is made again to be checked.
pub struct CheckingStore<'a> {
    run: &'a RecordedRun,
    steps: Vec<CheckedStep>,
    /// The files so far, as they were made again.
    made: BTreeMap<String, Vec<u8>>,
    /// Files that are known to differ, with the bytes on record: told once.
    told: BTreeSet<(String, Option<Oid>, Option<Oid>)>,
    finished: bool,
}

impl<'a> CheckingStore<'a> {
    /// Holds steps against a run from its first commit on.
    #[must_use]
    pub fn new(run: &'a RecordedRun) -> CheckingStore<'a> {
        CheckingStore { run, steps: Vec::new(), made: BTreeMap::new(), told: BTreeSet::new(), finished: false }
    }

    /// The steps so far.
    #[must_use]
    pub fn into_steps(self) -> Vec<CheckedStep> {
        self.steps
    }

    /// The number of steps so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// True before the first step.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    fn differences(&mut self, step: &Step) -> Result<Vec<StepDifference>, ArtifactError> {
        let Some(recorded) = self.run.commits.get(self.steps.len()) else { return Ok(vec![StepDifference::NoCommit]) };
        let mut differences = Vec::new();
        let message = compose(step)?;
        let parts = |text: &str| {
            let (subject, rest) = text.split_once('\n').unwrap_or((text, ""));
            (subject.to_owned(), rest.to_owned())
        };
        let (then, now) = (parts(&recorded.message), parts(&message));
        if then.0 != now.0 {
            differences.push(StepDifference::Subject { recorded: then.0 });
        } else if then.1 != now.1 {
            differences.push(StepDifference::Message { recorded: then.1, made: now.1 });
        }
        if !recorded.plain {
            differences.push(StepDifference::Commit);
        }
        let there = self.run.files(Some(recorded))?;
        let mut made = BTreeMap::new();
        for (path, bytes) in &self.made {
            let hash = Oid::hash_object(ObjectType::Blob, bytes);
            made.insert(path, hash.map_err(|e| ArtifactError::git("hash a file", self.run.dir(), &e))?);
        }
        let paths: BTreeSet<&String> = there.keys().chain(made.keys().copied()).collect();
        for path in paths {
            let (recorded, now) = (there.get(path).copied(), made.get(path).copied());
            if recorded == now || !self.told.insert((path.clone(), recorded, now)) {
                continue;
            }
            differences.push(StepDifference::File {
                path: path.clone(),
                recorded: recorded.map(|id| self.run.bytes(id)).transpose()?,
                made: self.made.get(path).cloned(),
            });
        }
        // Told files explain another tree; without any, it has to be this one.
        if self.told.is_empty() && self.run.tree_after(self.steps.len(), step)? != recorded.tree {
            differences.push(StepDifference::Tree);
        }
        if let Some(name) = step.tag.clone() {
            let at = self.run.tagged(&name);
            if at != Some(recorded.id) {
                differences.push(StepDifference::Tag { name, there: at.is_some() });
            }
        }
        Ok(differences)
    }
}

impl ArtifactStore for CheckingStore<'_> {
    fn commit(&mut self, step: &Step) -> Result<CommitInfo, ArtifactError> {
        self.made.retain(|path, _| !step.takes_away(path));
        self.made.extend(step.files.iter().map(|(path, bytes)| (path.clone(), bytes.clone())));
        let differences = self.differences(step)?;
        let recorded = self.run.commits.get(self.steps.len());
        let commit = recorded.map(|commit| commit.id.to_string());
        let tree = recorded.map(|commit| commit.tree.to_string()).unwrap_or_default();
        let info = CommitInfo {
            id: commit.clone().unwrap_or_default(),
            tree,
            subject: step.subject.clone(),
            replayed: differences.is_empty(),
        };
        self.steps.push(CheckedStep { commit, subject: step.subject.clone(), differences });
        self.finished |= step.last;
        Ok(info)
    }

    fn decisions(&self) -> Vec<Decision> {
        let here = self.run.decided.iter().filter(|decided| decided.after == self.steps.len());
        here.map(|decided| decided.decision.clone()).collect()
    }

    fn recorded(&self, folder: &str) -> Result<Vec<(String, Vec<u8>)>, ArtifactError> {
        self.run.folder(folder)
    }

    fn location_note(&mut self, _key: &str, _value: &str) -> Result<(), ArtifactError> {
        // Where the data are now is no part of what is checked.
        Ok(())
    }

    fn branch(&self) -> &str {
        self.run.branch()
    }

    fn head(&self) -> Option<String> {
        self.steps.last().and_then(|step| step.commit.clone())
    }

    fn tree_hash(&self) -> Option<String> {
        let at = self.steps.len().checked_sub(1)?;
        self.run.commits.get(at).map(|commit| commit.tree.to_string())
    }

    fn is_finished(&self) -> bool {
        self.finished
    }
}
