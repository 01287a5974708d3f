//! Gemini: `POST {base_url}/v1beta/models/{model}:streamGenerateContent`, and the same on Vertex.
//!
//! A call carries a signature of the thinking that led to it, and a request in which it is missing is refused: every part goes
//! back as it came.

mod decode;

use decode::Decoding;

use super::adapt::{Adapted, Change, Parameter, answer_to, smaller_limit};
use super::chat::{Block, CallObserver, ChatRequest, ChatResponse, Choice, Message, ModelError, Speaker};
use super::http::{Asking, Failure, Limits, Server, secret_header};
use super::negotiation::{Line, Protocol};
use super::parts::{asks_for, echoed, extras_of, input_for, instruction, merge};
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderName};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Where Google's own models are.
pub const DEFAULT_BASE: &str = "https://generativelanguage.googleapis.com";
/// The name of this protocol on opaque blocks.
pub(super) const API: &str = "gemini";
/// The beginning of a call's name that this program made up, since the server gave none.
const OWN_ID: &str = "gemini-";

/// A model behind Gemini's own interface.
pub struct Gemini {
    line: Line,
}

/// True for an address of Vertex, which wants a bearer token.
fn is_vertex(base: &Url) -> bool {
    let host = base.host_str().unwrap_or_default();
    host.ends_with("aiplatform.googleapis.com") || base.path().contains("/projects/")
}

/// The path of the endpoint.
pub(super) fn path(base: &Url, model: &str) -> String {
    let path = base.path().trim_end_matches('/');
    if is_vertex(base) {
        return format!("{path}/publishers/google/models/{model}:streamGenerateContent");
    }
    let path = if path.is_empty() { "/v1beta" } else { path };
    format!("{path}/models/{model}:streamGenerateContent")
}

impl Gemini {
    pub(super) fn new(server: Server, limits: Limits, asking: Asking) -> Result<Gemini, ModelError> {
        let mut headers = asking.headers.clone();
        if let Some(key) = &server.key {
            if is_vertex(&server.endpoint) {
                secret_header(&mut headers, AUTHORIZATION, &format!("Bearer {}", key.expose()), &server)?;
            } else {
                secret_header(&mut headers, HeaderName::from_static("x-goog-api-key"), key.expose(), &server)?;
            }
        }
        Ok(Gemini { line: Line::new(server, limits, asking, headers)? })
    }
}

impl Protocol for Gemini {
    const PROVIDER: &'static str = "gemini";

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
        // One answer follows each state of a conversation, so its length makes names that are not used twice.
        let turn = request.messages.len();
        self.line.client.ask(body, &|| Decoding::new(format!("{OWN_ID}{turn}")), observer)
    }

    fn body_in(&self, request: &ChatRequest, adapted: &Adapted) -> Value {
        let mut settings = Map::new();
        settings.insert("maxOutputTokens".to_owned(), adapted.limit(request.max_tokens).into());
        if let Some(temperature) = self.line.temperature(adapted) {
            settings.insert("temperature".to_owned(), temperature.into());
        }
        if let Some(effort) = self.line.effort(adapted) {
            settings.insert("thinkingConfig".to_owned(), json!({"thinkingLevel": effort.to_ascii_uppercase()}));
        }
        let mut body = Map::new();
        if !request.system.is_empty() {
            body.insert("systemInstruction".to_owned(), json!({"parts": [{"text": request.system}]}));
        }
        body.insert("contents".to_owned(), contents(request, adapted));
        body.insert("generationConfig".to_owned(), Value::Object(settings));
        if !request.tools.is_empty() {
            let tools = request.tools.iter().map(
                |tool| json!({"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.schema}),
            );
            body.insert("tools".to_owned(), json!([{"functionDeclarations": tools.collect::<Vec<_>>()}]));
            let calling = json!({"functionCallingConfig": calling(&request.choice, adapted)});
            body.insert("toolConfig".to_owned(), calling);
        }
        merge(&mut body, &self.line.asking.extra_body);
        Value::Object(body)
    }

    fn answer_to(&self, failure: &Failure, body: &Value, _: &ChatRequest) -> Option<Change> {
        let forced = body.pointer("/toolConfig/functionCallingConfig/mode").is_some_and(|mode| mode != "AUTO");
        let limit = body.pointer("/generationConfig/maxOutputTokens").and_then(Value::as_u64);
        answer_to(failure, body, &self.line.adapted, &PARAMETERS)
            .filter(|change| *change != Change::ChoiceAuto || forced)
            .or_else(|| smaller_limit(failure, limit, &self.line.adapted, &["maxoutputtokens", "max_output_tokens"]))
    }
}

/// A signature that is missing is a mistake of ours, and not answered; one that the server no longer takes is.
const PARAMETERS: [Parameter; 7] = [
    Parameter { words: &["invalid thought signature"], sent: "/contents", change: Change::NoOpaque },
    Parameter { words: &["corrupted thought signature"], sent: "/contents", change: Change::NoOpaque },
    Parameter { words: &["temperature"], sent: "/generationConfig/temperature", change: Change::NoTemperature },
    Parameter { words: &["thinking"], sent: "/generationConfig/thinkingConfig", change: Change::NoEffort },
    Parameter { words: &["function_calling_config"], sent: "/toolConfig", change: Change::ChoiceAuto },
    Parameter { words: &["functioncallingconfig"], sent: "/toolConfig", change: Change::ChoiceAuto },
    Parameter { words: &["function calling mode"], sent: "/toolConfig", change: Change::ChoiceAuto },
];

fn calling(choice: &Choice, adapted: &Adapted) -> Value {
    match choice {
        _ if adapted.has(Change::ChoiceAuto) => json!({"mode": "AUTO"}),
        Choice::Auto => json!({"mode": "AUTO"}),
        Choice::AnyTool => json!({"mode": "ANY"}),
        Choice::Tool(name) => json!({"mode": "ANY", "allowedFunctionNames": [name]}),
    }
}

fn contents(request: &ChatRequest, adapted: &Adapted) -> Value {
    let opaque = !adapted.has(Change::NoOpaque);
    // A result names its function, which only the call knows.
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    let mut contents = Vec::new();
    for message in &request.messages {
        for block in &message.blocks {
            if let Block::ToolUse { id, name, .. } = block {
                names.insert(id, name);
            }
        }
        let mut parts = match message.speaker {
            Speaker::User => user(message, &names),
            Speaker::Assistant => model(message, opaque),
        };
        if parts.is_empty() {
            parts.push(json!({"text": "(nothing)"}));
        }
        let role = if message.speaker == Speaker::User { "user" } else { "model" };
        contents.push(json!({"role": role, "parts": parts}));
    }
    match &request.choice {
        Choice::Tool(name) if adapted.has(Change::ChoiceAuto) && !asks_for(request, name) => {
            contents.push(json!({"role": "user", "parts": [{"text": instruction(name)}]}));
        }
        _ => {}
    }
    Value::Array(contents)
}

fn user(message: &Message, names: &BTreeMap<&str, &str>) -> Vec<Value> {
    let mut parts = Vec::new();
    for block in &message.blocks {
        if let Block::ToolResult { id, content, is_error } = block {
            let name = names.get(id.as_str()).copied().unwrap_or_default();
            let field = if *is_error { "error" } else { "output" };
            let mut response = json!({"name": name, "response": {field: content}});
            if let (false, Some(fields)) = (id.starts_with(OWN_ID), response.as_object_mut()) {
                fields.insert("id".to_owned(), id.clone().into());
            }
            parts.push(json!({"functionResponse": response}));
        }
    }
    for block in &message.blocks {
        if let Block::Text { text } = block {
            parts.push(json!({"text": text}));
        }
    }
    parts
}

fn model(message: &Message, opaque: bool) -> Vec<Value> {
    let mut parts = Vec::new();
    let mut before: Option<&Block> = None;
    for block in &message.blocks {
        let part = match block {
            Block::Text { text } if text.is_empty() => None,
            Block::Text { text } => Some(json!({"text": text})),
            Block::ToolUse { id, name, input } => {
                let mut call = json!({"name": name, "args": input_for(input)});
                if let (false, Some(fields)) = (id.starts_with(OWN_ID), call.as_object_mut()) {
                    fields.insert("id".to_owned(), id.clone().into());
                }
                Some(json!({"functionCall": call}))
            }
            Block::Opaque { .. } => echoed(block, API).filter(|_| opaque).cloned(),
            Block::ToolResult { .. } => None,
        };
        let of = if matches!(block, Block::Text { .. }) { "text" } else { "call" };
        let extra = before.filter(|_| opaque).and_then(|before| extras_of(before, API, of));
        parts.extend(part.map(|mut part| {
            if let (Some(extra), Value::Object(fields)) = (extra, &mut part) {
                merge(fields, extra);
            }
            part
        }));
        before = Some(block);
    }
    parts
}
