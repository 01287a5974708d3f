//! Where a run is kept: one git commit a step, readable with plain `git log -p`.
//!
//! A step is written in an order that makes a kill, or a power cut, at any moment harmless. *Synced* means that the disk was
//! asked to keep it (`fsync` of the file, or of the folder that has its name) and has answered:
//!
//! ```text
//! blobs, trees, commit     written beside, all synced, renamed; their folders synced   nothing refers to them yet
//! journal                  once a run, synced: "the files on disk are on their way from tree A"
//! branch                   written beside, synced, renamed; its folder synced          from here on the step is done
//! files, index             each written beside and renamed into place, not synced
//! ```
//!
//! and once at the end of a run, or when it stops: files, index and logs synced; then the journal removed, and that synced.
//!
//! Why nothing is lost: a name never gets to the disk before what it stands for, since what it stands for was synced before
//! the name was written. So a branch leads to whole steps only, whatever the disk does with writes that were not synced:
//! loses them, cuts them short, fills them with zeros or does the later ones first. The files a person sees may suffer all of
//! that; but every byte of them is in the objects, and as long as the journal is there, opening brings them back. It goes
//! only when they are safe too. That is SQLite's rollback journal with git's objects as the pages, and jj's order of an
//! operation log. The syncs of a step are asked for together, so that a file system answers them with one write.
//!
//! What a disk loses later, or a person deletes, is found on opening, put aside and made again: see `repair`. Nothing is
//! written or deleted through a link, and nothing is deleted that this program did not make: see `folder` and `place`.
//!
//! The pipeline is deterministic, so a resumed run simply runs again from its first step: a step that is already on the
//! branch is held against the recorded bytes and skipped ([`CommitInfo::replayed`]); the first new one is appended.
//!
//! Nothing is ever lost: a new run beside an old one is a new branch, a forced one leaves a tag on the old tip, and a
//! file that was edited by hand stops the run before anything is written over it.
//!
//! This is the only module that imports `git2`, and it imports nothing of this crate.

mod author;
mod bundle;
mod checking;
mod decision;
mod error;
mod folder;
mod git;
mod glance;
mod index;
mod init;
mod libgit;
mod message;
mod notice;
mod objects;
mod place;
mod recorded_run;
mod reflog;
mod refs;
mod repair;
mod runs_below;
mod site;
mod staging;
mod tampering;
#[cfg(test)]
mod tests;
mod tree;
mod trust;
mod unpacked_run;
mod waiting;
mod walk;
mod worktree;

pub use crate::store::author::Author;
pub use crate::store::bundle::Bundle;
pub use crate::store::checking::{CheckedStep, CheckingStore, StepDifference};
pub use crate::store::decision::{Decision, DecisionKind, GATE, NewDecision};
pub use crate::store::error::{ArtifactError, Difference, Fault};
pub use crate::store::git::{GitStore, OpenOptions, read_note};
pub use crate::store::glance::{Glance, Tip};
pub use crate::store::libgit::{configured_author, safe_directories};
pub use crate::store::notice::Notice;
pub use crate::store::recorded_run::{EditedFile, RecordedRun};
pub use crate::store::runs_below::{RunsBelow, runs_below};
pub use crate::store::site::{Site, SiteChange};
pub use crate::store::trust::RepositoryTrust;
pub use crate::store::unpacked_run::UnpackedRun;
pub use crate::store::waiting::{WaitingRun, waiting_in};
pub use crate::store::walk::{ChangedFile, RecordedCommit};

use std::collections::BTreeMap;

/// Seconds since 1970-01-01 UTC, asked once per new commit. The command line reads the clock; this module does not.
pub type Clock = Box<dyn Fn() -> i64 + Send>;

/// The behaviour if the directory already holds a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// Leave it as it is and start a new branch, `run-2`, `run-3`, … with a history of its own.
    New,
    /// Start the current branch again; the old tip stays under a tag `superseded-<commit>`.
    Force,
    /// Continue the current branch.
    Resume,
}

/// The state that [`GitStore::open`] found, so that it can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Situation {
    /// No run was here: the first one starts.
    Fresh,
    /// The run on `previous` stays as it is; this one goes to a new branch.
    NewBranch {
        /// The branch that was current.
        previous: String,
        /// True if its run had finished; if not, `--resume` would have continued it.
        previous_finished: bool,
    },
    /// The branch starts again. The tag is made together with the first commit, not before.
    Restarted {
        /// Name of the tag that keeps the old tip.
        kept_as: String,
    },
    /// A killed run goes on.
    Resumed {
        /// Commits already there.
        commits: usize,
    },
    /// Resume was asked for, but the run had finished: steps are verified, none is added.
    AlreadyFinished {
        /// Commits already there.
        commits: usize,
    },
}

/// One step of a run: one commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// The step, in one line.
    pub subject: String,
    /// Prose below the subject.
    pub body: Option<String>,
    /// Files added or replaced, by path inside the repository (`/` between folders). Files of earlier steps stay.
    pub files: BTreeMap<String, Vec<u8>>,
    /// A folder, without `/` at its end, of which only the files of this step stay.
    pub renews: Option<String>,
    /// The name of a tag on the commit, such as `iter/1`. On another branch than `main` it stands below the branch's name.
    pub tag: Option<String>,
    /// `Key: value` lines at the end of the message, in this order.
    pub trailers: Vec<(String, String)>,
    /// True if this step ends the run: adds the trailer [`FINISHED`].
    pub last: bool,
    /// True if this step may follow the end of a run.
    pub after_the_end: bool,
}

impl Step {
    /// True for a file of an earlier step that this one takes away.
    fn takes_away(&self, path: &str) -> bool {
        let renewed = self.renews.as_deref().and_then(|folder| path.strip_prefix(folder)?.strip_prefix('/'));
        renewed.is_some() && !self.files.contains_key(path)
    }

    /// A step without files.
    #[must_use]
    pub fn new(subject: impl Into<String>) -> Step {
        Step { subject: subject.into(), ..Step::default() }
    }

    /// With prose.
    #[must_use]
    pub fn body(mut self, text: impl Into<String>) -> Step {
        self.body = Some(text.into());
        self
    }

    /// With one more file.
    #[must_use]
    pub fn file(mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Step {
        self.files.insert(path.into(), bytes.into());
        self
    }

    /// As the step that makes a folder anew: what it had before goes, unless it is made again.
    #[must_use]
    pub fn renews(mut self, folder: impl Into<String>) -> Step {
        self.renews = Some(folder.into());
        self
    }

    /// With a tag.
    #[must_use]
    pub fn tag(mut self, name: impl Into<String>) -> Step {
        self.tag = Some(name.into());
        self
    }

    /// With one more trailer.
    #[must_use]
    pub fn trailer(mut self, key: impl Into<String>, value: impl Into<String>) -> Step {
        self.trailers.push((key.into(), value.into()));
        self
    }

    /// As a step that may follow the end of a run.
    #[must_use]
    pub fn after_the_end(mut self) -> Step {
        self.after_the_end = true;
        self
    }

    /// As the step that ends the run.
    #[must_use]
    pub fn last(mut self) -> Step {
        self.last = true;
        self
    }
}

/// The trailer on the commit that ends a run.
pub const FINISHED: (&str, &str) = ("Run-Status", "finished");

/// The commit of one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitInfo {
    /// Full commit id.
    pub id: String,
    /// Full id of its tree: the same for the same plan, data, seed and version.
    pub tree: String,
    /// Subject.
    pub subject: String,
    /// `true` if the step was already there, was verified and is kept.
    pub replayed: bool,
}

/// A place that keeps the steps of a run.
pub trait ArtifactStore {
    /// Records a step, or verifies it if a killed run recorded it before.
    ///
    /// # Errors
    /// See [`ArtifactError`]. After an error the store still holds every step recorded so far.
    fn commit(&mut self, step: &Step) -> Result<CommitInfo, ArtifactError>;

    /// The decisions of people on record directly after the last step, oldest first.
    fn decisions(&self) -> Vec<Decision> {
        Vec::new()
    }

    /// Records a decision on the state after the last step.
    ///
    /// # Errors
    /// It cannot be written or signed, or this store keeps none.
    fn decide(&mut self, decision: &NewDecision) -> Result<Decision, ArtifactError> {
        Err(ArtifactError::InvalidStep {
            subject: decision.kind.key().to_owned(),
            reason: "no decision can be recorded here".to_owned(),
        })
    }

    /// The files under a folder (its name with `/` at the end) at the end of the run that is being continued, by their
    /// names inside it; none for a run that begins.
    ///
    /// # Errors
    /// The history cannot be read.
    fn recorded(&self, folder: &str) -> Result<Vec<(String, Vec<u8>)>, ArtifactError>;

    /// Remembers a fact that must not be part of the tree, such as the absolute directory of the plan.
    ///
    /// # Errors
    /// The key is not made of letters, digits and `-`, or the place cannot be written.
    fn location_note(&mut self, key: &str, value: &str) -> Result<(), ArtifactError>;

    /// The branch this run is on.
    fn branch(&self) -> &str;

    /// The last commit recorded or verified by this run; `None` before the first.
    fn head(&self) -> Option<String>;

    /// The tree of [`ArtifactStore::head`].
    fn tree_hash(&self) -> Option<String>;

    /// True if the run that is recorded on the branch has ended.
    fn is_finished(&self) -> bool;
}
