//! A recorded run held against itself made again.

use serde::Serialize;

/// The outcome of a verification.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verification {
    /// The run's directory.
    pub run: String,
    /// Its branch.
    pub branch: String,
    /// True if every step that was made again is the one on record, and nothing else was found.
    pub same: bool,
    /// The steps, in order.
    pub steps: Vec<VerifiedStep>,
    /// What was found besides.
    pub findings: Vec<VerificationFinding>,
}

/// A step that was made again.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerifiedStep {
    /// Its place in the run, from 1.
    pub number: usize,
    /// Its commit; absent if it is not on record.
    pub commit: Option<String>,
    /// Its subject.
    pub subject: String,
    /// What differs; empty if nothing does.
    pub differences: Vec<VerifiedDifference>,
}

/// What differs in a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum VerifiedDifference {
    /// The step is not on record.
    NoCommit,
    /// Its subject.
    Subject {
        /// The one on record.
        recorded: String,
    },
    /// Its message below the subject.
    Message(Place),
    /// The commit has another parent, or headers that no step has.
    Commit,
    /// The tree has a mode, or an entry of another kind, that no step makes.
    Tree,
    /// The tag of the step is on another commit, or is not there.
    Tag {
        /// Its name.
        name: String,
        /// False if it is not there.
        there: bool,
    },
    /// A file on record is not made.
    FileNotMade {
        /// Path inside the repository.
        path: String,
    },
    /// A file that is made is not on record.
    FileNotRecorded {
        /// Path inside the repository.
        path: String,
    },
    /// A file has other text.
    FileText {
        /// Path inside the repository.
        path: String,
        /// Where.
        place: Place,
    },
    /// A file that is no text has other bytes.
    FileBytes {
        /// Path inside the repository.
        path: String,
        /// The first byte that differs, from 0.
        offset: usize,
    },
}

/// Where two texts first differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The word or number on record.
    pub recorded: String,
    /// The one that was made again.
    pub made: String,
}

/// Something about a run besides its steps.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum VerificationFinding {
    /// Objects of the repository are damaged on the disk, or missing.
    DamagedObjects {
        /// Their ids.
        ids: Vec<String>,
    },
    /// A file on disk is not as the last commit has it.
    EditedFile {
        /// Path inside the repository.
        path: String,
        /// True if it is gone.
        gone: bool,
    },
    /// Data, plan, playbooks or program are not those of the run.
    OtherInput {
        /// `Data-SHA256`, `Playbooks-SHA256`, `Tool-Version`, …
        key: String,
        /// On record.
        recorded: String,
        /// Now.
        now: String,
    },
    /// A data file that is not the one that was read.
    OtherFile {
        /// Its name in the plan.
        file: String,
    },
    /// The steps were not made again.
    NotMadeAgain {
        /// The reason.
        why: String,
    },
    /// Making the run again stopped.
    Stopped {
        /// The reason.
        why: String,
    },
    /// The run on record did not come to its end; its steps so far were held against it.
    NotFinished,
    /// Commits after the last step.
    MoreCommits {
        /// Their ids.
        ids: Vec<String>,
    },
    /// Commits that the branch was at, and that its history does not have.
    LeftBehind {
        /// Their ids.
        ids: Vec<String>,
        /// The branch.
        branch: String,
    },
    /// A decision on a gate at which the run did not wait, or had been let through.
    StrayDecision {
        /// Its commit.
        id: String,
    },
    /// The run waits for a person, or was rejected.
    Waits {
        /// The gate.
        gate: String,
        /// True if somebody decided against it.
        rejected: bool,
    },
    /// A decision whose message is not the one that it was given.
    RewordedDecision {
        /// Its commit.
        id: String,
    },
    /// The record of what was seen beside the run is damaged.
    RecordDamaged {
        /// In a sentence.
        what: String,
    },
    /// The record of what was seen has no line for this run.
    RecordLacksRun {
        /// The file.
        file: String,
    },
    /// The line for this run says something else than the run.
    RecordSaysOtherwise {
        /// The file.
        file: String,
    },
    /// The record of what was seen is gone from beside the run that wrote to it.
    RecordGone {
        /// The file.
        file: String,
    },
    /// The line for this run names another folder or branch: the same analysis was opened there first, or this one was moved.
    RecordNamesOther {
        /// The file.
        file: String,
        /// The folder in it.
        run: String,
        /// The branch in it.
        branch: String,
    },
    /// References that make git show other content than the commits have.
    Replaced {
        /// Their names.
        names: Vec<String>,
    },
    /// No record of what was seen lies beside the run, as in a clone: what was seen before it is taken from the run itself.
    NoRecord {
        /// The file.
        file: String,
    },
}

impl VerificationFinding {
    /// False for what a reader should know, and is no fault of the run.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        use VerificationFinding::{NoRecord, RecordNamesOther, Waits};
        !matches!(self, NoRecord { .. } | RecordNamesOther { .. } | Waits { .. })
    }
}

impl Verification {
    /// A verification whose verdict follows from what was found.
    #[must_use]
    pub fn new(run: String, branch: String, steps: Vec<VerifiedStep>, findings: Vec<VerificationFinding>) -> Self {
        let same =
            steps.iter().all(|step| step.differences.is_empty()) && !findings.iter().any(VerificationFinding::is_fault);
        Verification { run, branch, same, steps, findings }
    }
}
