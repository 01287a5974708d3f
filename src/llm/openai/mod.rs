//! OpenAI Chat Completions: `POST {base_url}/chat/completions`, streamed; also spoken by llama.cpp, vLLM and Ollama.
//!
//! Not every server that speaks it can be told to answer with JSON of a schema, so there are three ways
//! ([`Structured`]), tried in order of how much they promise. A way that the server refuses is not tried again by this
//! model. [`ChatModel::body`] is the body of the way in use: after a call that changed it, ask again for what was sent.

mod decode;
mod structured;

pub use structured::Structured;

use super::canonical::canonical;
use super::chat::{Block, CallObserver, ChatModel, ChatRequest, ChatResponse, Choice, Message, ModelError, Speaker};
use super::http::{Client, Failure, Limits, Server, secret_header};
use super::parts::input_for;
use decode::Decoding;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use serde_json::{Map, Value, json};

/// Where OpenAI's own models are.
pub const DEFAULT_BASE: &str = "https://api.openai.com/v1";
/// The host of [`DEFAULT_BASE`].
pub(super) const DEFAULT_HOST: &str = "api.openai.com";

/// A model behind the Chat Completions interface.
pub struct OpenAi {
    client: Client,
    temperature: Option<f64>,
    structured: Structured,
}

impl OpenAi {
    pub(super) fn new(
        server: Server,
        limits: Limits,
        temperature: Option<f64>,
        structured: Structured,
    ) -> Result<OpenAi, ModelError> {
        let mut headers = HeaderMap::new();
        if let Some(key) = &server.key {
            secret_header(&mut headers, AUTHORIZATION, &format!("Bearer {}", key.expose()), &server)?;
        }
        Ok(OpenAi { client: Client::new(server, limits, headers)?, temperature, structured })
    }

    /// The way this model is told to answer with JSON of a schema, as far as it has been found out.
    #[must_use]
    pub fn structured(&self) -> Structured {
        self.structured
    }

    fn once(&mut self, request: &ChatRequest, observer: &mut dyn CallObserver) -> Result<ChatResponse, Failure> {
        let body = self.body(request);
        let structured = match &request.choice {
            Choice::Tool(name) => Some(decode::Wanted {
                name: name.clone(),
                // One answer follows each state of a conversation, so its length tells answers apart, again and again.
                id: format!("structured-{}", request.messages.len()),
            }),
            Choice::Auto | Choice::AnyTool => None,
        };
        self.client.ask(&body, &|| Decoding::new(structured.clone()), observer)
    }

    fn body_in(&self, request: &ChatRequest, way: Structured) -> Value {
        let server = self.client.server();
        // OpenAI's own newer models refuse `max_tokens`; other servers may know nothing else.
        let limit =
            if server.endpoint.host_str() == Some(DEFAULT_HOST) { "max_completion_tokens" } else { "max_tokens" };
        let mut body = Map::new();
        body.insert("model".to_owned(), server.model.clone().into());
        body.insert(limit.to_owned(), request.max_tokens.into());
        body.insert("stream".to_owned(), true.into());
        // Without it a stream says nothing of its tokens, and the budget would have to guess.
        body.insert("stream_options".to_owned(), json!({"include_usage": true}));
        if let Some(temperature) = self.temperature {
            body.insert("temperature".to_owned(), temperature.into());
        }
        body.insert("messages".to_owned(), messages(request));
        match &request.choice {
            Choice::Tool(name) => structured::ask(&mut body, request, name, way),
            Choice::Auto => offer(&mut body, request, json!("auto")),
            Choice::AnyTool => offer(&mut body, request, json!("required")),
        }
        Value::Object(body)
    }
}

impl ChatModel for OpenAi {
    fn body(&self, request: &ChatRequest) -> Value {
        self.body_in(request, self.structured)
    }

    fn bodies(&self, request: &ChatRequest) -> Vec<Value> {
        if !matches!(request.choice, Choice::Tool(_)) {
            return vec![self.body(request)];
        }
        // The way in use first, then all others: a recording may have been made before or after a server refused one.
        [self.structured, Structured::JsonSchema, Structured::Function, Structured::Instruction]
            .into_iter()
            .map(|way| self.body_in(request, way))
            .collect()
    }

    fn complete(&mut self, request: &ChatRequest, observer: &mut dyn CallObserver) -> Result<ChatResponse, ModelError> {
        loop {
            let failure = match self.once(request, observer) {
                Ok(response) => return Ok(response),
                Err(failure) => failure,
            };
            let wanted = matches!(request.choice, Choice::Tool(_));
            // Ends, since `after` only goes forward.
            let Some(next) = self.structured.after(&failure).filter(|_| wanted) else { return Err(failure.error) };
            observer.note(&format!(
                "{} does not answer {} ({}); asking {} from now on",
                self.client.server().base_url,
                self.structured.in_words(),
                failure.error,
                next.in_words()
            ));
            self.structured = next;
        }
    }

    fn name(&self) -> String {
        format!("openai {}", self.client.server().model)
    }
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

fn messages(request: &ChatRequest) -> Value {
    let mut all = Vec::new();
    if !request.system.is_empty() {
        all.push(json!({"role": "system", "content": request.system}));
    }
    for message in &request.messages {
        match message.speaker {
            Speaker::User => user(message, &mut all),
            Speaker::Assistant => all.push(assistant(message)),
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

fn assistant(message: &Message) -> Value {
    let calls: Vec<Value> = message.blocks.iter().filter_map(call).collect();
    let words = prose(message);
    if calls.is_empty() {
        return json!({"role": "assistant", "content": words});
    }
    let content = if words.is_empty() { Value::Null } else { Value::String(words) };
    json!({"role": "assistant", "content": content, "tool_calls": calls})
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
