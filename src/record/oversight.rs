//! What people decided on a run, and what it waits for.

use serde::Serialize;

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DecidedAs {
    /// The run may go on.
    Approved,
    /// It may not.
    Rejected,
    /// A remark that decides nothing.
    Comment,
}

/// A decision on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecordedDecision {
    /// What was decided.
    pub kind: DecidedAs,
    /// The gate; absent for a comment on a run that waits at none.
    pub gate: Option<String>,
    /// The tree that it is about.
    pub tree: String,
    /// The reason, in the person's own words.
    pub reason: String,
    /// Who decided: `Name <email>`.
    pub by: String,
    /// Seconds since 1970-01-01 UTC.
    pub at: i64,
    /// Its commit.
    pub commit: String,
    /// True if the commit has a signature.
    pub signed: bool,
}

/// A run that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PendingDecision {
    /// The directory of the run.
    pub run: String,
    /// The branch.
    pub branch: String,
    /// The gate.
    pub gate: String,
    /// The tree that is to be decided on.
    pub tree: String,
    /// True if it was rejected, so that it waits for somebody to think again.
    pub rejected: bool,
    /// When it came to the gate, in seconds since 1970-01-01 UTC.
    pub since: i64,
}
