//! The tools that there are, and when they may be called.

use super::describe::DescribeExperiment;
use super::effect::ExperimentEffect;
use super::power::ExperimentPower;
use super::run::RunExperiment;
use super::segments::ExperimentSegments;
use super::validate::ExperimentValidate;
use super::{ExperimentAnswer, ExperimentContext, ExperimentTool};
use crate::llm::ToolSpec;
use crate::tools::registry::{FENCE, LONGEST_ANSWER};
use crate::tools::{ToolError, ToolReply};
use serde_json::Value;

/// Every tool, in the order in which they are offered.
const TOOLS: [&dyn ExperimentTool; 6] = [
    &DescribeExperiment,
    &ExperimentPower,
    &ExperimentValidate,
    &RunExperiment,
    &ExperimentEffect,
    &ExperimentSegments,
];

/// The tools of a host for an experiment.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExperimentRegistry;

impl ExperimentRegistry {
    /// The tools on offer; `open` adds what needs the results. The order never changes.
    #[must_use]
    pub fn offered(self, open: bool) -> Vec<ToolSpec> {
        let offered = TOOLS.iter().filter(|tool| open || !tool.needs_results());
        offered
            .map(|tool| ToolSpec {
                name: tool.name().to_owned(),
                description: tool.description().to_owned(),
                schema: tool.schema(),
            })
            .collect()
    }

    /// The names of all tools, those that need the results included.
    #[must_use]
    pub fn known(self) -> Vec<&'static str> {
        TOOLS.iter().map(|tool| tool.name()).collect()
    }

    /// Calls a tool, if it may be called now. What it says is fenced as data, since names in it may say anything.
    ///
    /// # Errors
    /// [`ToolError`]: what the host should read about it ([`ToolError::for_model`]).
    pub fn call(
        self,
        name: &str,
        arguments: &Value,
        context: &ExperimentContext<'_>,
    ) -> Result<ExperimentAnswer, ToolError> {
        let Some(tool) = TOOLS.into_iter().find(|tool| tool.name() == name) else {
            let offered = self.offered(context.results.is_some()).into_iter().map(|tool| tool.name).collect();
            return Err(ToolError::Unknown { name: name.to_owned(), offered });
        };
        if tool.needs_results() && context.results.is_none() {
            return Err(ToolError::NotOpen { name: name.to_owned() });
        }
        Ok(match tool.call(arguments, context)? {
            ExperimentAnswer::Reply(reply) => ExperimentAnswer::Reply(ToolReply {
                model: context.privacy.fenced_within(tool.name(), &reply.model, LONGEST_ANSWER - FENCE),
                operator: reply.operator,
            }),
            ExperimentAnswer::Open => ExperimentAnswer::Open,
        })
    }
}
