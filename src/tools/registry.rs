//! The tools that there are, and who may call them.

use super::arguments::wrong;
use super::check_balance::CheckBalance;
use super::check_overlap::CheckOverlap;
use super::check_sensitivity::CheckSensitivity;
use super::describe_data::DescribeData;
use super::design_run::NO_PREVIEW;
use super::estimate::Estimate;
use super::fit_propensity::FitPropensity;
use super::playbooks::{ListPlaybooks, ReadPlaybook};
use super::propose_spec::ProposeSpec;
use super::run_placebo::RunPlacebo;
use super::submit_critique::SubmitCritique;
use super::trim::Trim;
use super::{Answer, Context, Tool, ToolError, ToolReply};
use crate::llm::ToolSpec;
use causal::keyed_enum;
use serde_json::Value;

/// The largest arguments that are read, bytes.
pub const LARGEST_ARGUMENTS: usize = 64 * 1024;
/// The most characters of what a tool says to a model, fence included.
pub const LONGEST_ANSWER: usize = 8_000;
/// Room for the fence and the note of what was cut.
pub(super) const FENCE: usize = 120;

/// Every tool, in the order in which they are offered.
const TOOLS: [&dyn Tool; 12] = [
    &DescribeData,
    &FitPropensity,
    &CheckBalance,
    &CheckOverlap,
    &RunPlacebo,
    &Trim,
    &CheckSensitivity,
    &Estimate,
    &ListPlaybooks,
    &ReadPlaybook,
    &ProposeSpec,
    &SubmitCritique,
];

keyed_enum! {
    /// Who calls.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Role {
        /// Writes specs.
        Actor = "actor",
        /// Grades them; may only read.
        Critic = "critic",
        /// A host that speaks MCP: may do what an actor may.
        Host = "host",
    }
}

/// The tools of one role under one plan.
#[derive(Debug, Clone)]
pub struct Registry {
    role: Role,
    allowed: Vec<crate::plan::Tool>,
}

impl Registry {
    /// The tools that `role` may use where the plan lists `allowed`.
    #[must_use]
    pub fn new(role: Role, allowed: &[crate::plan::Tool]) -> Self {
        Self { role, allowed: allowed.to_vec() }
    }

    /// The tools on offer; `unblinded` adds what needs an effect. The order never changes, so that requests can be
    /// cached.
    #[must_use]
    pub fn offered(&self, unblinded: bool) -> Vec<ToolSpec> {
        let offered = TOOLS.iter().filter(|tool| {
            let mine = tool.roles().contains(&self.role) && tool.lacks(&self.allowed).is_none();
            mine && (unblinded || !tool.needs_effect())
        });
        offered
            .map(|tool| ToolSpec {
                name: tool.name().to_owned(),
                description: tool.description().to_owned(),
                schema: self.schema(*tool),
            })
            .collect()
    }

    /// The names of all tools of this role, those that the plan leaves out and those that need an effect included.
    #[must_use]
    pub fn known(&self) -> Vec<&'static str> {
        TOOLS.iter().filter(|tool| tool.roles().contains(&self.role)).map(|tool| tool.name()).collect()
    }

    /// The schema; a critic looks at what was run, and has no preview.
    fn schema(&self, tool: &dyn Tool) -> Value {
        let mut schema = tool.schema();
        if self.role == Role::Critic
            && let Some(Value::Object(properties)) = schema.get_mut("properties")
        {
            properties.remove("preview");
        }
        schema
    }

    /// Calls a tool, if this role under this plan may. Aliases in the arguments are turned back into names first. What a
    /// tool says to the model is fenced as data, since names and labels in it may say anything.
    ///
    /// # Errors
    /// [`ToolError`]: what the model should read about it ([`ToolError::for_model`]).
    pub fn call(&self, name: &str, arguments: &Value, context: &Context<'_>) -> Result<Answer, ToolError> {
        let tool = self.allowed(name, context)?;
        let size = size(arguments);
        if size > LARGEST_ARGUMENTS {
            let problem = format!("they have {size} bytes, more than {LARGEST_ARGUMENTS}; say it shorter");
            return Err(wrong(name, &problem));
        }
        let arguments = context.privacy.inward(arguments);
        if self.role == Role::Critic && arguments.get("preview").is_some_and(|preview| !preview.is_null()) {
            return Err(wrong(name, NO_PREVIEW));
        }
        let fenced = |reply: ToolReply| ToolReply {
            model: context.privacy.fenced_within(tool.name(), &reply.model, LONGEST_ANSWER - FENCE),
            operator: reply.operator,
        };
        Ok(match tool.call(&arguments, context)? {
            Answer::Reply(reply) => Answer::Reply(fenced(reply)),
            Answer::Proposed(reply, proposal) => Answer::Proposed(fenced(reply), proposal),
            Answer::Criticised(reply, opinion) => Answer::Criticised(fenced(reply), opinion),
        })
    }

    /// The tool of that name, if it may be called now.
    fn allowed(&self, name: &str, context: &Context<'_>) -> Result<&'static dyn Tool, ToolError> {
        let Some(tool) = TOOLS.into_iter().find(|tool| tool.name() == name) else {
            let offered = self.offered(context.results.is_some()).into_iter().map(|tool| tool.name).collect();
            return Err(ToolError::Unknown { name: name.to_owned(), offered });
        };
        let refuse = |why: String| Err(ToolError::NotAllowed { name: name.to_owned(), why });
        if !tool.roles().contains(&self.role) {
            let who = if self.role == Role::Critic { "a critic only reads" } else { "only a critic grades" };
            return refuse(format!("{who}; use the tools that are on offer"));
        }
        // The plan's own list as well: a registry may have been made with a longer one.
        let lacking = tool.lacks(&self.allowed).or_else(|| tool.lacks(&context.prepared.plan.tools));
        if let Some(why) = lacking {
            return refuse(format!("{why}; go on without it"));
        }
        if tool.needs_effect() && context.results.is_none() {
            return Err(ToolError::Blind { name: name.to_owned() });
        }
        Ok(tool)
    }
}

/// Bytes of the arguments as they came.
fn size(arguments: &Value) -> usize {
    match arguments {
        Value::String(raw) => raw.len(),
        other => other.to_string().len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::schema_check::KINDS;

    /// Every object in which `schema` says something about a value.
    fn levels(schema: &Value) -> Vec<&serde_json::Map<String, Value>> {
        let inner = schema.get("properties").and_then(Value::as_object).into_iter().flat_map(|known| known.values());
        let below = inner.chain(schema.get("items")).flat_map(levels);
        schema.as_object().into_iter().chain(below).collect()
    }

    /// True if JSON Schema allows `value` for `keyword` (2020-12, validation and applicator vocabularies).
    fn is_well_formed(keyword: &str, value: &Value) -> bool {
        let texts = |value: &Value| value.as_array().is_some_and(|all| all.iter().all(Value::is_string));
        match keyword {
            "type" => value.as_str().is_some_and(|kind| KINDS.contains(&kind)),
            "enum" => value.as_array().is_some_and(|values| !values.is_empty()),
            "required" => texts(value),
            "properties" | "items" => value.is_object(),
            "description" => value.is_string(),
            "additionalProperties" => value == false,
            _ => false,
        }
    }

    #[test]
    fn schemas_say_nothing_that_is_not_checked() {
        for tool in TOOLS {
            let schema = tool.schema();
            let levels = levels(&schema);
            assert!(!levels.is_empty(), "{}", tool.name());
            for (keyword, value) in levels.into_iter().flatten() {
                assert!(is_well_formed(keyword, value), "{}: {keyword}: {value}", tool.name());
            }
        }
    }
}
