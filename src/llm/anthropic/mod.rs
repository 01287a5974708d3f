//! Anthropic Messages: `POST {base_url}/v1/messages`, streamed.
//!
//! Three places of a request are marked for the prompt cache: the standing instructions, the last tool, and the end of the
//! last user message. A conversation that grows is so read from the cache up to its last turn.

mod decode;

use decode::Decoding;

use super::chat::{Block, CallObserver, ChatModel, ChatRequest, ChatResponse, Choice, Message, ModelError, Speaker};
use super::http::{Client, Limits, Server, secret_header};
use super::parts::input_for;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value, json};

/// Where Anthropic's own models are.
pub const DEFAULT_BASE: &str = "https://api.anthropic.com";
/// The version of the protocol.
const VERSION: &str = "2023-06-01";

/// A model behind the Messages interface.
pub struct Anthropic {
    client: Client,
    temperature: Option<f64>,
}

impl Anthropic {
    pub(super) fn new(server: Server, limits: Limits, temperature: Option<f64>) -> Result<Anthropic, ModelError> {
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static("anthropic-version"), HeaderValue::from_static(VERSION));
        if let Some(key) = &server.key {
            secret_header(&mut headers, HeaderName::from_static("x-api-key"), key.expose(), &server)?;
        }
        Ok(Anthropic { client: Client::new(server, limits, headers)?, temperature })
    }
}

impl ChatModel for Anthropic {
    fn body(&self, request: &ChatRequest) -> Value {
        body(request, &self.client.server().model, self.temperature)
    }

    fn complete(&mut self, request: &ChatRequest, observer: &mut dyn CallObserver) -> Result<ChatResponse, ModelError> {
        let body = self.body(request);
        self.client.ask(&body, &Decoding::default, observer).map_err(|failure| failure.error)
    }

    fn name(&self) -> String {
        format!("anthropic {}", self.client.server().model)
    }
}

fn body(request: &ChatRequest, model: &str, temperature: Option<f64>) -> Value {
    let mut body = Map::new();
    body.insert("model".to_owned(), model.into());
    body.insert("max_tokens".to_owned(), request.max_tokens.into());
    // In pieces, so that a silent server is noticed after `Limits::idle` and the operator can read along.
    body.insert("stream".to_owned(), true.into());
    if let Some(temperature) = temperature {
        body.insert("temperature".to_owned(), temperature.into());
    }
    if !request.system.is_empty() {
        let block = json!({"type": "text", "text": request.system});
        body.insert("system".to_owned(), json!([cached(block)]));
    }
    let last_user = request.messages.iter().rposition(|message| message.speaker == Speaker::User);
    let messages = request.messages.iter().enumerate().map(|(at, each)| message(each, Some(at) == last_user));
    body.insert("messages".to_owned(), messages.collect());
    if !request.tools.is_empty() {
        body.insert("tools".to_owned(), tools(request));
        body.insert("tool_choice".to_owned(), choice(&request.choice));
    }
    Value::Object(body)
}

fn tools(request: &ChatRequest) -> Value {
    let last = request.tools.len().saturating_sub(1);
    let tools = request.tools.iter().enumerate().map(|(at, tool)| {
        let tool = json!({"name": tool.name, "description": tool.description, "input_schema": tool.schema});
        if at == last { cached(tool) } else { tool }
    });
    tools.collect()
}

fn choice(choice: &Choice) -> Value {
    match choice {
        Choice::Auto => json!({"type": "auto"}),
        Choice::AnyTool => json!({"type": "any"}),
        Choice::Tool(name) => json!({"type": "tool", "name": name}),
    }
}

fn message(message: &Message, last_user: bool) -> Value {
    let role = match message.speaker {
        Speaker::User => "user",
        Speaker::Assistant => "assistant",
    };
    // The protocol wants the results of tools before any words.
    let (results, others): (Vec<_>, Vec<_>) =
        message.blocks.iter().partition(|block| matches!(block, Block::ToolResult { .. }));
    let mut content: Vec<Value> = results.into_iter().chain(others).filter_map(block).collect();
    if content.is_empty() {
        // The protocol has no empty message, and an answer may have been empty.
        content.push(json!({"type": "text", "text": "(nothing)"}));
    }
    if let Some(last) = content.pop() {
        content.push(if last_user { cached(last) } else { last });
    }
    json!({"role": role, "content": content})
}

/// `None` for empty prose, which the protocol refuses.
fn block(block: &Block) -> Option<Value> {
    Some(match block {
        Block::Text { text } if text.trim().is_empty() => return None,
        Block::Text { text } => json!({"type": "text", "text": text}),
        Block::ToolUse { id, name, input } => {
            json!({"type": "tool_use", "id": id, "name": name, "input": input_for(input)})
        }
        Block::ToolResult { id, content, is_error } => {
            json!({"type": "tool_result", "tool_use_id": id, "content": content, "is_error": is_error})
        }
    })
}

/// Marks the end of what a provider may cache.
fn cached(mut value: Value) -> Value {
    if let Value::Object(map) = &mut value {
        map.insert("cache_control".to_owned(), json!({"type": "ephemeral"}));
    }
    value
}
