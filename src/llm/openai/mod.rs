//! OpenAI Chat Completions: `POST {base_url}/chat/completions`, streamed; also spoken by llama.cpp, vLLM and Ollama.
//!
//! Not every server that speaks it can be told to answer with JSON of a schema, so there are three ways
//! ([`Structured`]), tried in order of how much they promise. A way that the server refuses is not tried again by this
//! model. [`super::ChatModel::body`] is the body of the way in use: after a call that changed it, ask again for what was sent.

mod decode;
mod structured;

pub use structured::Structured;

use super::adapt::{Adapted, Change, Parameter, answer_to, smaller_limit};
use super::canonical::canonical;
use super::chat::{Block, CallObserver, ChatRequest, ChatResponse, Choice, Message, ModelError, Speaker};
use super::http::{Asking, Failure, Limits, Server, secret_header};
use super::negotiation::{Line, Protocol};
use super::parts::{extras_of, input_for, merge};
use decode::Decoding;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName};
use serde_json::{Map, Value, json};

/// Where OpenAI's own models are.
pub const DEFAULT_BASE: &str = "https://api.openai.com/v1";

/// The name of this protocol on opaque blocks.
pub(super) const API: &str = "chat";

/// A model behind the Chat Completions interface.
pub struct OpenAi {
    line: Line,
}

impl OpenAi {
    pub(super) fn new(
        server: Server,
        limits: Limits,
        asking: Asking,
        structured: Structured,
    ) -> Result<OpenAi, ModelError> {
        let headers = bearer(&server, &asking)?;
        let vendors = server.is_vendors();
        let mut line = Line::new(server, limits, asking, headers)?;
        // OpenAI's own newer models refuse `max_tokens`; other servers may know nothing else.
        if vendors {
            line.adapted.add(Change::CompletionTokens);
        }
        structured.changes().into_iter().for_each(|change| line.adapted.add(change));
        Ok(OpenAi { line })
    }
}

impl Protocol for OpenAi {
    const PROVIDER: &'static str = "openai";

    fn line(&self) -> &Line {
        &self.line
    }

    fn line_mut(&mut self) -> &mut Line {
        &mut self.line
    }

    fn once(
        &mut self,
        request: &ChatRequest,
        body: &Value,
        observer: &mut dyn CallObserver,
    ) -> Result<ChatResponse, Failure> {
        let structured = match &request.choice {
            Choice::Tool(name) => Some(decode::Wanted {
                name: name.clone(),
                // One answer follows each state of a conversation, so its length tells answers apart, again and again.
                id: format!("structured-{}", request.messages.len()),
            }),
            Choice::Auto | Choice::AnyTool => None,
        };
        let sent = body.to_string().len();
        self.line.client.ask(body, &|| Decoding::new(structured.clone(), sent), observer)
    }

    fn body_in(&self, request: &ChatRequest, adapted: &Adapted) -> Value {
        let limit = if adapted.has(Change::CompletionTokens) { "max_completion_tokens" } else { "max_tokens" };
        let mut body = Map::new();
        body.insert("model".to_owned(), self.line.model().into());
        body.insert(limit.to_owned(), adapted.limit(request.max_tokens).into());
        body.insert("stream".to_owned(), true.into());
        // Without it a stream says nothing of its tokens, and the budget would have to guess.
        if !adapted.has(Change::NoStreamOptions) {
            body.insert("stream_options".to_owned(), json!({"include_usage": true}));
        }
        if let Some(temperature) = self.line.temperature(adapted) {
            body.insert("temperature".to_owned(), temperature.into());
        }
        match self.line.effort(adapted) {
            _ if adapted.has(Change::EffortNone) => {
                body.insert("reasoning_effort".to_owned(), "none".into());
            }
            Some(effort) => {
                body.insert("reasoning_effort".to_owned(), effort.into());
            }
            None => {}
        }
        body.insert("messages".to_owned(), messages(request, !adapted.has(Change::NoOpaque)));
        match &request.choice {
            Choice::Tool(name) => structured::ask(&mut body, request, name, Structured::of(adapted)),
            Choice::Auto => offer(&mut body, request, json!("auto")),
            Choice::AnyTool => offer(&mut body, request, json!("required")),
        }
        merge(&mut body, &self.line.asking.extra_body);
        Value::Object(body)
    }

    /// What to ask differently after a refusal, with a note for the operator.
    fn answer_to(&self, failure: &Failure, body: &Value, request: &ChatRequest) -> Option<Change> {
        let limit = body.get("max_tokens").or_else(|| body.get("max_completion_tokens")).and_then(Value::as_u64);
        // Of both names together first: `Unsupported parameter: 'max_tokens' … Use 'max_completion_tokens' instead.`
        answer_to(failure, body, &self.line.adapted, &PARAMETERS)
            .or_else(|| smaller_limit(failure, limit, &self.line.adapted, &["max_tokens", "max_completion_tokens"]))
            .or_else(|| {
                let wanted = matches!(request.choice, Choice::Tool(_));
                Structured::of(&self.line.adapted).after(failure).filter(|_| wanted)
            })
    }
}

const PARAMETERS: [Parameter; 9] = [
    Parameter { words: &["max_completion_tokens"], sent: "/max_tokens", change: Change::CompletionTokens },
    // Tools while a model thinks: refused whether or not an effort was asked for.
    Parameter { words: &["tools", "reasoning_effort", "none"], sent: "/tools", change: Change::EffortNone },
    Parameter { words: &["reasoning_effort"], sent: "/reasoning_effort", change: Change::NoEffort },
    Parameter { words: &["temperature"], sent: "/temperature", change: Change::NoTemperature },
    Parameter { words: &["stream_options"], sent: "/stream_options", change: Change::NoStreamOptions },
    Parameter { words: &["reasoning_content"], sent: "/messages", change: Change::NoOpaque },
    Parameter { words: &["reasoning_details"], sent: "/messages", change: Change::NoOpaque },
    Parameter { words: &["extra_content"], sent: "/messages", change: Change::NoOpaque },
    Parameter {
        words: &["unsupported", "max_completion_tokens"],
        sent: "/max_completion_tokens",
        change: Change::PlainMaxTokens,
    },
];

/// The key as a bearer token, or as Azure wants it.
pub(super) fn bearer(server: &Server, asking: &Asking) -> Result<HeaderMap, ModelError> {
    let mut headers = asking.headers.clone();
    let Some(key) = &server.key else { return Ok(headers) };
    if server.is_azure() {
        secret_header(&mut headers, HeaderName::from_static("api-key"), key.expose(), server)?;
    } else {
        secret_header(&mut headers, AUTHORIZATION, &format!("Bearer {}", key.expose()), server)?;
    }
    Ok(headers)
}

/// Puts the tools into a body, with a choice among them.
fn offer(body: &mut Map<String, Value>, request: &ChatRequest, choice: Value) {
    if request.tools.is_empty() {
        return;
    }
    let tools = request.tools.iter().map(|tool| {
        let function = json!({"name": tool.name, "description": tool.description, "parameters": tool.schema});
        json!({"type": "function", "function": function})
    });
    body.insert("tools".to_owned(), tools.collect());
    body.insert("tool_choice".to_owned(), choice);
}

fn messages(request: &ChatRequest, opaque: bool) -> Value {
    let mut all = Vec::new();
    if !request.system.is_empty() {
        all.push(json!({"role": "system", "content": request.system}));
    }
    for message in &request.messages {
        match message.speaker {
            Speaker::User => user(message, &mut all),
            Speaker::Assistant => all.push(assistant(message, opaque)),
        }
    }
    Value::Array(all)
}

/// The results of tools are messages of their own here, and come before any words.
fn user(message: &Message, all: &mut Vec<Value>) {
    for block in &message.blocks {
        if let Block::ToolResult { id, content, is_error } = block {
            // The protocol has no mark for a failure.
            let content = if *is_error { format!("error: {content}") } else { content.clone() };
            all.push(json!({"role": "tool", "tool_call_id": id, "content": content}));
        }
    }
    let words = prose(message);
    let results = message.blocks.iter().any(|block| matches!(block, Block::ToolResult { .. }));
    if !words.is_empty() || !results {
        all.push(json!({"role": "user", "content": words}));
    }
}

fn assistant(message: &Message, opaque: bool) -> Value {
    let mut calls: Vec<Value> = Vec::new();
    let mut before: Option<&Block> = None;
    for block in &message.blocks {
        let extra = before.filter(|_| opaque).and_then(|before| extras_of(before, API, "call"));
        calls.extend(call(block).map(|mut call| {
            if let (Some(extra), Value::Object(fields)) = (extra, &mut call) {
                merge(fields, extra);
            }
            call
        }));
        before = Some(block);
    }
    let words = prose(message);
    if calls.is_empty() {
        return json!({"role": "assistant", "content": words});
    }
    let content = if words.is_empty() { Value::Null } else { Value::String(words) };
    let mut all = json!({"role": "assistant", "content": content, "tool_calls": calls});
    // Thinking counts while a tool's result is on its way back; servers drop it, or refuse it, from older answers.
    let thinking = message.blocks.iter().find_map(|block| extras_of(block, API, "message"));
    if let (Some(thinking), Value::Object(fields)) = (thinking.filter(|_| opaque), &mut all) {
        merge(fields, thinking);
    }
    all
}

fn call(block: &Block) -> Option<Value> {
    let Block::ToolUse { id, name, input } = block else { return None };
    // In one way of writing: a call that comes back in each later request must have the same bytes, or no recording
    // would be found again.
    let arguments = canonical(&input_for(input));
    Some(json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}))
}

fn prose(message: &Message) -> String {
    let texts = message.blocks.iter().filter_map(|block| match block {
        Block::Text { text } if !text.is_empty() => Some(text.as_str()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}
