//! Anthropic Messages: `POST {base_url}/v1/messages`, streamed; on Bedrock and Vertex at their own addresses, with a bearer
//! token.
//!
//! Three places of a request are marked for the prompt cache: the standing instructions, the last tool, and the end of the
//! last user message. A conversation that grows is so read from the cache up to its last turn.
//!
//! Thinking blocks go back as they came, signature included. Models that think refuse a forced tool: they are asked for it in
//! words.

mod decode;
mod envelope;

use decode::Decoding;
pub(super) use envelope::Envelope;

use super::adapt::{Adapted, Change, Parameter, answer_to, smaller_limit};
use super::chat::{Block, CallObserver, ChatRequest, ChatResponse, Choice, Message, ModelError, Speaker};
use super::http::{Asking, Failure, Limits, Server};
use super::negotiation::{Line, Protocol};
use super::parts::{asks_for, echoed, input_for, instruction, merge};
use serde_json::{Map, Value, json};

/// Where Anthropic's own models are.
pub const DEFAULT_BASE: &str = "https://api.anthropic.com";
/// The name of this protocol on opaque blocks.
pub(super) const API: &str = "anthropic";

/// A model behind the Messages interface.
pub struct Anthropic {
    line: Line,
    envelope: Envelope,
}

impl Anthropic {
    pub(super) fn new(
        server: Server,
        limits: Limits,
        asking: Asking,
        envelope: Envelope,
    ) -> Result<Anthropic, ModelError> {
        let headers = envelope.headers(&server, &asking)?;
        Ok(Anthropic { line: Line::new(server, limits, asking, headers)?, envelope })
    }
}

impl Protocol for Anthropic {
    const PROVIDER: &'static str = "anthropic";

    fn line(&self) -> &Line {
        &self.line
    }

    fn line_mut(&mut self) -> &mut Line {
        &mut self.line
    }

    fn once(
        &mut self,
        _: &ChatRequest,
        body: &Value,
        observer: &mut dyn CallObserver,
    ) -> Result<ChatResponse, Failure> {
        self.line.client.ask(body, &Decoding::default, observer)
    }

    fn body_in(&self, request: &ChatRequest, adapted: &Adapted) -> Value {
        let mut body = Map::new();
        self.envelope.begin(&mut body, self.line.model());
        body.insert("max_tokens".to_owned(), adapted.limit(request.max_tokens).into());
        if let Some(temperature) = self.line.temperature(adapted) {
            body.insert("temperature".to_owned(), temperature.into());
        }
        if adapted.has(Change::AdaptiveThinking) && !adapted.has(Change::NoThinking) {
            body.insert("thinking".to_owned(), json!({"type": "adaptive"}));
        }
        if let Some(effort) = self.line.effort(adapted) {
            body.insert("output_config".to_owned(), json!({"effort": effort}));
        }
        let marks = !adapted.has(Change::NoCache);
        if !request.system.is_empty() {
            let block = json!({"type": "text", "text": request.system});
            body.insert("system".to_owned(), json!([if marks { cached(block) } else { block }]));
        }
        body.insert("messages".to_owned(), messages(request, adapted));
        if !request.tools.is_empty() {
            body.insert("tools".to_owned(), tools(request, marks));
            body.insert("tool_choice".to_owned(), choice(&request.choice, adapted));
        }
        merge(&mut body, &self.line.asking.extra_body);
        Value::Object(body)
    }

    fn answer_to(&self, failure: &Failure, body: &Value, _: &ChatRequest) -> Option<Change> {
        let forced = matches!(body.pointer("/tool_choice/type").and_then(Value::as_str), Some("any" | "tool"));
        let signed = body.to_string().contains("\"type\":\"thinking\"");
        answer_to(failure, body, &self.line.adapted, &PARAMETERS)
            .filter(|change| match change {
                Change::ChoiceAuto => forced,
                Change::NoOpaque => signed,
                _ => true,
            })
            .or_else(|| smaller_limit(failure, body["max_tokens"].as_u64(), &self.line.adapted, &["max_tokens"]))
    }
}

/// The parameters that a server may name. Of thinking blocks before the parameter `thinking`, which their error names too.
const PARAMETERS: [Parameter; 9] = [
    Parameter { words: &["tool_choice"], sent: "/tool_choice", change: Change::ChoiceAuto },
    Parameter { words: &["forced tool"], sent: "/tool_choice", change: Change::ChoiceAuto },
    Parameter { words: &["signature", "thinking"], sent: "/messages", change: Change::NoOpaque },
    Parameter { words: &["thinking", "cannot be modified"], sent: "/messages", change: Change::NoOpaque },
    Parameter { words: &["temperature"], sent: "/temperature", change: Change::NoTemperature },
    Parameter { words: &["effort"], sent: "/output_config", change: Change::NoEffort },
    Parameter { words: &["output_config"], sent: "/output_config", change: Change::NoEffort },
    Parameter { words: &["cache_control"], sent: "/system/0/cache_control", change: Change::NoCache },
    Parameter { words: &["thinking"], sent: "/thinking", change: Change::NoThinking },
];

fn tools(request: &ChatRequest, marks: bool) -> Value {
    let last = request.tools.len().saturating_sub(1);
    let tools = request.tools.iter().enumerate().map(|(at, tool)| {
        let tool = json!({"name": tool.name, "description": tool.description, "input_schema": tool.schema});
        if at == last && marks { cached(tool) } else { tool }
    });
    tools.collect()
}

fn choice(choice: &Choice, adapted: &Adapted) -> Value {
    match choice {
        _ if adapted.has(Change::ChoiceAuto) => json!({"type": "auto"}),
        Choice::Auto => json!({"type": "auto"}),
        Choice::AnyTool => json!({"type": "any"}),
        Choice::Tool(name) => json!({"type": "tool", "name": name}),
    }
}

fn messages(request: &ChatRequest, adapted: &Adapted) -> Value {
    let last_user = request.messages.iter().rposition(|message| message.speaker == Speaker::User);
    // In words, where no tool can be forced and the conversation itself does not ask for it yet.
    let asked = match &request.choice {
        Choice::Tool(name) if adapted.has(Change::ChoiceAuto) && !asks_for(request, name) => Some(instruction(name)),
        _ => None,
    };
    let messages = request.messages.iter().enumerate().map(|(at, each)| {
        let last = Some(at) == last_user;
        message(each, asked.as_deref().filter(|_| last), last && !adapted.has(Change::NoCache), adapted)
    });
    messages.collect()
}

fn message(message: &Message, asked: Option<&str>, mark: bool, adapted: &Adapted) -> Value {
    let role = match message.speaker {
        Speaker::User => "user",
        Speaker::Assistant => "assistant",
    };
    // The protocol wants the results of tools before any words.
    let (results, others): (Vec<_>, Vec<_>) =
        message.blocks.iter().partition(|block| matches!(block, Block::ToolResult { .. }));
    let opaque = !adapted.has(Change::NoOpaque);
    let mut content: Vec<Value> = results.into_iter().chain(others).filter_map(|each| block(each, opaque)).collect();
    content.extend(asked.map(|words| json!({"type": "text", "text": words})));
    if content.is_empty() {
        // The protocol has no empty message, and an answer may have been empty.
        content.push(json!({"type": "text", "text": "(nothing)"}));
    }
    if let Some(last) = content.pop() {
        content.push(if mark { cached(last) } else { last });
    }
    json!({"role": role, "content": content})
}

/// `None` for empty prose, which the protocol refuses, and for what is not sent back.
fn block(block: &Block, opaque: bool) -> Option<Value> {
    Some(match block {
        Block::Text { text } if text.trim().is_empty() => return None,
        Block::Text { text } => json!({"type": "text", "text": text}),
        Block::ToolUse { id, name, input } => {
            json!({"type": "tool_use", "id": id, "name": name, "input": input_for(input)})
        }
        Block::ToolResult { id, content, is_error } => {
            json!({"type": "tool_result", "tool_use_id": id, "content": content, "is_error": is_error})
        }
        Block::Opaque { .. } => return echoed(block, API).filter(|_| opaque).cloned(),
    })
}

/// Marks the end of what a provider may cache.
fn cached(mut value: Value) -> Value {
    if let Value::Object(map) = &mut value {
        map.insert("cache_control".to_owned(), json!({"type": "ephemeral"}));
    }
    value
}
