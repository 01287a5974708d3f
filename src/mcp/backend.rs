//! What the server has done outside of the protocol: by the command line, which has the files and the consent.

use crate::mcp::channel::{Offer, RunChannel};
use crate::mcp::refusal::Refused;
use crate::store::RepositoryTrust;
use serde_json::Value;
use std::path::PathBuf;

/// What a server is for.
#[derive(Debug, Clone, PartialEq)]
pub enum Serves {
    /// One plan, whose run is opened by the first call that needs it.
    Plan {
        /// Its tools.
        offer: Offer,
        /// What the host is told of them.
        instructions: String,
    },
    /// The plans below a folder; a run is opened by `start_run`.
    Folder {
        /// The folder, as a person named it.
        folder: String,
    },
}

/// A run that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StartRequest {
    /// The plan, below the folder; of a server for one plan, nothing.
    pub plan: Option<String>,
    /// The folder of the run, below the folder; by default the one that `oci-agent run` takes.
    pub run: Option<String>,
    /// Another run beside one that is there.
    pub another: bool,
}

/// A plan that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftRequest {
    /// The data file, below the folder.
    pub data: String,
    /// The treatment column.
    pub treatment: String,
    /// The outcome column.
    pub outcome: String,
    /// Where the plan goes, below the folder.
    pub plan: String,
    /// What the person was asked for, in words for the record; empty if nothing.
    pub asked: String,
}

/// A run whose documents may be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunPlace {
    /// Its name: the folder relative to what is served, with `/`.
    pub name: String,
    /// Where it is.
    pub dir: PathBuf,
}

/// The host of the server. Called from several threads at once; nothing but `run` and `draft_plan` writes.
pub trait Backend: Send + Sync + 'static {
    /// What the server is for.
    fn serves(&self) -> Serves;

    /// Opens a run and serves it on this thread until its host has left it.
    fn run(&self, request: &StartRequest, channel: RunChannel);

    /// The state of every run: no effect, whatever the state.
    ///
    /// # Errors
    /// The folder cannot be read.
    fn status(&self) -> Result<Value, Refused>;

    /// A plan held against its data.
    ///
    /// # Errors
    /// There is no such plan, or nobody has agreed to its data. Problems of the plan are an answer.
    fn check_plan(&self, plan: &str) -> Result<Value, Refused>;

    /// The columns of a data file.
    ///
    /// # Errors
    /// It cannot be read.
    fn columns(&self, data: &str) -> Result<Vec<String>, Refused>;

    /// Writes a plan, as `oci-agent init` does.
    ///
    /// # Errors
    /// The file cannot be read, a column is not there, or the plan is there already.
    fn draft_plan(&self, request: &DraftRequest) -> Result<Value, Refused>;

    /// The runs whose documents are resources.
    ///
    /// # Errors
    /// The folder cannot be read.
    fn places(&self) -> Result<Vec<RunPlace>, Refused>;

    /// Whose repositories may be read.
    fn trust(&self) -> RepositoryTrust;
}
