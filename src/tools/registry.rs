//! Which tools there are, and who may call them.

use super::{Answer, Context, ToolError};
use crate::llm::ToolSpec;
use serde_json::Value;

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Writes specs.
    Actor,
    /// Grades them; may only read.
    Critic,
    /// A host that speaks MCP: may do what an actor may.
    Host,
}

impl Role {
    /// `actor`, `critic`, `host`.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Role::Actor => "actor",
            Role::Critic => "critic",
            Role::Host => "host",
        }
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

    /// What is on offer; `unblinded` adds what needs an effect. The order never changes, so that requests can be cached.
    #[must_use]
    pub fn offered(&self, unblinded: bool) -> Vec<ToolSpec> {
        let _ = (self.role, &self.allowed, unblinded);
        Vec::new()
    }

    /// Calls a tool, if this role under this plan may. Aliases in the arguments are turned back into names first.
    ///
    /// # Errors
    /// [`ToolError`]: what the model should read about it.
    pub fn call(&self, name: &str, arguments: &Value, context: &Context<'_>) -> Result<Answer, ToolError> {
        let _ = (arguments, context);
        Err(ToolError::Unknown { name: name.to_owned(), offered: Vec::new() })
    }
}
