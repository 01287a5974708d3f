//! Requests, responses and errors, the same for every provider.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// This program: the task, and the results of tools.
    User,
    /// The model.
    Assistant,
}

/// One part of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Block {
    /// Prose.
    Text {
        /// The words.
        text: String,
    },
    /// The model asks for a tool.
    ToolUse {
        /// Names the call, so that the result can refer to it.
        id: String,
        /// The tool.
        name: String,
        /// Its arguments as the model wrote them: an object if they parsed, otherwise [`Value::String`] with the raw text.
        input: Value,
    },
    /// The result of a tool.
    ToolResult {
        /// The call that is answered.
        id: String,
        /// The text for the model.
        content: String,
        /// True if the call failed.
        is_error: bool,
    },
    /// State of the model's that only its own server can read: thinking with its signature, an encrypted reasoning item, a
    /// thought signature. It goes back as it came.
    Opaque {
        /// The protocol that it belongs to; no other is handed it.
        api: String,
        /// As the server sent it.
        value: Value,
        /// True if the answer was cut off inside it: kept on record, and not sent back.
        #[serde(default, skip_serializing_if = "is_false")]
        unfinished: bool,
    },
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl Block {
    /// True for state that its vendor ties to everything that was said before it: it is worthless once an earlier turn is
    /// summarised, and a request that still holds it is refused.
    #[must_use]
    pub fn is_bound_to_what_came_before(&self) -> bool {
        matches!(self, Block::Opaque { api, .. } if api == super::anthropic::API)
    }
}

/// One message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub speaker: Speaker,
    /// In order.
    pub blocks: Vec<Block>,
}

/// A tool as a model sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// Name.
    pub name: String,
    /// Its purpose, and when to use it.
    pub description: String,
    /// JSON schema of its arguments (`type: object`).
    pub schema: Value,
}

/// The form of the answer that is required.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "tool", rename_all = "snake_case")]
pub enum Choice {
    /// Prose or tools, as it likes.
    Auto,
    /// Some tool.
    AnyTool,
    /// This tool: structured output. Its arguments are the answer.
    Tool(String),
}

/// One request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChatRequest {
    /// Standing instructions. The same in every request of a conversation, so that a provider can cache them.
    pub system: String,
    /// The conversation so far; the first message is the user's, and the speakers take turns.
    pub messages: Vec<Message>,
    /// The tools on offer.
    pub tools: Vec<ToolSpec>,
    /// The form of the answer that is required.
    pub choice: Choice,
    /// At most this many tokens may come back.
    pub max_tokens: u32,
}

/// Why the model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// It had said what it wanted to say.
    EndTurn,
    /// It asks for tools.
    ToolUse,
    /// `max_tokens` was reached; what it said may be cut off.
    MaxTokens,
    /// It, or its vendor, declined.
    Refusal,
    /// A reason that this program does not know.
    Other,
}

/// Tokens of one call or of many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens read, those from and into a cache included.
    pub input: u64,
    /// Tokens written.
    pub output: u64,
    /// Of `input`: read from a cache.
    pub cache_read: u64,
    /// Of `input`: written into a cache.
    pub cache_write: u64,
    /// Of `output`: thinking that is not shown.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reasoning: u64,
}

fn is_zero(tokens: &u64) -> bool {
    *tokens == 0
}

/// Why a model stopped, in its vendor's words, where [`Ended`] does not say it all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StopDetails {
    /// The reason, as the server names it.
    pub reason: String,
    /// What the server adds: the category of a refusal, an explanation.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub details: Value,
}

/// One response.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChatResponse {
    /// The answer, in order: text and tool calls.
    pub blocks: Vec<Block>,
    /// Why it stopped.
    pub ended: Ended,
    /// Tokens. `None` if the server did not say.
    pub usage: Option<Usage>,
    /// The model that answered, as the server names it.
    pub model: String,
    /// More about why it stopped: of a refusal, and of a reason that this program does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<StopDetails>,
}

/// How a call went, beside its answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallFacts {
    /// What is asked differently from the protocol's usual form, because of the model or because the server said so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adapted: Vec<String>,
    /// The server's own name for the request, for its support.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl CallFacts {
    /// True if there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == CallFacts::default()
    }
}

/// Hears a response while it arrives, and may stop it.
pub trait CallObserver {
    /// A piece of prose.
    fn text(&mut self, piece: &str);
    /// Something the operator should know: a retry, with the reason and the pause.
    fn note(&mut self, message: &str);
    /// True if the call should stop now: the person pressed Ctrl-C.
    fn cancelled(&self) -> bool;
    /// Seconds left until the run's own deadline; `None` if it has none. A call that outlives it is
    /// [`ModelError::Deadline`].
    fn seconds_left(&self) -> Option<f64>;
}

/// Why there is no response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// The key is missing, unreadable or refused (401, 403). The person's to fix.
    #[error("{message}")]
    Key {
        /// The problem and its place.
        message: String,
        /// The remedy.
        hint: String,
    },
    /// The request was refused for what it asks: no such model (404), a context overflow, a bad parameter (400, 413, 422).
    #[error("{message}")]
    Refused {
        /// The server's words, shortened and with keys removed.
        message: String,
        /// The remedy.
        hint: String,
    },
    /// The server cannot be reached, or kept failing (429, 5xx, 529, broken streams) after every retry.
    #[error("{message}")]
    Unavailable {
        /// The problem, and the number of attempts.
        message: String,
        /// The remedy.
        hint: String,
    },
    /// The server answers, but not as this protocol does.
    #[error("{message}")]
    NotThisProtocol {
        /// The content that came instead.
        message: String,
        /// The remedy.
        hint: String,
    },
    /// A recording that does not hold this request.
    #[error("{message}")]
    Replay {
        /// Which exchange, and the first difference.
        message: String,
        /// The remedy.
        hint: String,
    },
    /// The settings name no server that could be asked. The person's to fix.
    #[error("{message}")]
    Settings {
        /// Which setting, and what is wrong with it.
        message: String,
        /// The remedy.
        hint: String,
    },
    /// The person asked to stop.
    #[error("stopped while a model was answering")]
    Cancelled,
    /// The run's own deadline passed.
    #[error("the run's time was over while a model was answering")]
    Deadline,
}

impl ModelError {
    /// The remedy, where there is one.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            ModelError::Key { hint, .. }
            | ModelError::Refused { hint, .. }
            | ModelError::Unavailable { hint, .. }
            | ModelError::NotThisProtocol { hint, .. }
            | ModelError::Replay { hint, .. }
            | ModelError::Settings { hint, .. } => Some(hint),
            ModelError::Cancelled | ModelError::Deadline => None,
        }
    }
}

/// Something that answers.
pub trait ChatModel {
    /// The exact body that [`ChatModel::complete`] would send: what is recorded, shown and hashed. It holds no key.
    fn body(&self, request: &ChatRequest) -> Value;

    /// The body under other [`CallFacts::adapted`] than those in force: a recording names the ones it was made under.
    fn body_as(&self, request: &ChatRequest, _adapted: &[String]) -> Value {
        self.body(request)
    }

    /// Answers. Blocks until the answer is complete.
    ///
    /// # Errors
    /// [`ModelError`].
    fn complete(&mut self, request: &ChatRequest, observer: &mut dyn CallObserver) -> Result<ChatResponse, ModelError>;

    /// The body that the last [`ChatModel::complete`] sent, which was for this request.
    fn sent(&self, request: &ChatRequest) -> Value {
        self.body(request)
    }

    /// How the last [`ChatModel::complete`] went, beside its answer.
    fn facts(&self) -> CallFacts {
        CallFacts::default()
    }

    /// Bytes of the last answer that were not kept when it was recorded; 0 for an answer that comes from a server.
    fn left_out(&self) -> u64 {
        0
    }

    /// Provider and model, for people: `anthropic claude-…`.
    fn name(&self) -> String;
}
