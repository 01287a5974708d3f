//! The tools of an agent host for an experiment, one file each, behind one registry.
//!
//! They are the commands `oci-agent experiment …` and `oci-agent run` as calls: what is asked before the results are open has no
//! effect in it, and what needs one is refused by [`ExperimentRegistry`], whatever a host was told. Every answer is an object with
//! `explain`.
//!
//! *Privacy.* As for the tools beside these, no row leaves, and nothing about fewer than `privacy.min_cell` units of an arm: arms,
//! segments and levels of fewer are withheld, small counts are not told, and a segment that differs from another, or from everyone, by
//! fewer units is refused. Covariates are named by their columns, since a term would name a level.
//!
//! | file | what it does |
//! |---|---|
//! | `registry` | who may be called when; bounds and fences what is said |
//! | `describe`, `power`, `validate` | before and after the results are open |
//! | `run` | opens them |
//! | `effect`, `segments` | after |
//! | `told` | effects and counts as they may be told |

mod describe;
mod effect;
mod power;
mod registry;
mod run;
mod segments;
mod told;
mod validate;

pub use registry::ExperimentRegistry;

use super::privacy::Privacy;
use super::{ToolError, ToolReply};
use crate::pipeline::experiment::Experiment;
use crate::pipeline::experiment::asked::AssignmentRows;
use crate::record::experiment::{ExperimentResults, Look};

/// What a tool may look at.
#[derive(Debug, Clone, Copy)]
pub struct ExperimentContext<'a> {
    /// Plan and rows.
    pub experiment: &'a Experiment,
    /// The table of assignments, for segments.
    pub rows: &'a AssignmentRows,
    /// The looks on record when the session began.
    pub looks: &'a [Look],
    /// The filter on what leaves this machine.
    pub privacy: &'a Privacy,
    /// The results; `None` until they are opened.
    pub results: Option<&'a ExperimentResults>,
    /// Where the run is recorded.
    pub out: &'a str,
}

/// The result of a call.
#[derive(Debug, Clone, PartialEq)]
pub enum ExperimentAnswer {
    /// Words.
    Reply(ToolReply),
    /// The results are to be opened; then the call is to be made again.
    Open,
}

/// One tool.
trait ExperimentTool: Send + Sync {
    /// Its name.
    fn name(&self) -> &'static str;
    /// Its purpose and when to use it, for a model.
    fn description(&self) -> &'static str;
    /// JSON schema of its arguments.
    fn schema(&self) -> serde_json::Value;
    /// True if it needs the results.
    fn needs_results(&self) -> bool {
        false
    }
    /// Does it.
    fn call(
        &self,
        arguments: &serde_json::Value,
        context: &ExperimentContext<'_>,
    ) -> Result<ExperimentAnswer, ToolError>;
}
