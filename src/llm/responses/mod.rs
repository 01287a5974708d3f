//! OpenAI Responses: `POST {base_url}/responses`, streamed; also Azure's.
//!
//! Nothing is kept at the vendor (`store: false`): reasoning comes back encrypted and goes back with the next request, item
//! for item. Tools are strict where their schema can be said in the strict subset ([`strict`]).

mod decode;
mod strict;

use decode::Decoding;

use super::adapt::{Adapted, Change, Parameter, answer_to, smaller_limit};
use super::canonical::canonical;
use super::chat::{Block, CallObserver, ChatRequest, ChatResponse, Choice, Message, ModelError, Speaker, ToolSpec};
use super::http::{Asking, Failure, Limits, Server};
use super::negotiation::{Line, Protocol};
use super::openai::bearer;
use super::parts::{asks_for, echoed, extras_of, input_for, instruction, merge};
use serde_json::{Map, Value, json};

/// The name of this protocol on opaque blocks.
pub(super) const API: &str = "responses";

/// A model behind the Responses interface.
pub struct Responses {
    line: Line,
}

impl Responses {
    pub(super) fn new(server: Server, limits: Limits, asking: Asking) -> Result<Responses, ModelError> {
        let headers = bearer(&server, &asking)?;
        let mut line = Line::new(server, limits, asking, headers)?;
        // Tools can be forced here whatever the table says of other interfaces.
        line.adapted.remove(Change::ChoiceAuto);
        Ok(Responses { line })
    }
}

impl Protocol for Responses {
    const PROVIDER: &'static str = "openai";

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
        body.insert("model".to_owned(), self.line.model().into());
        body.insert("max_output_tokens".to_owned(), adapted.limit(request.max_tokens).into());
        body.insert("stream".to_owned(), true.into());
        body.insert("store".to_owned(), false.into());
        if !adapted.has(Change::NoInclude) {
            body.insert("include".to_owned(), json!(["reasoning.encrypted_content"]));
        }
        if let Some(temperature) = self.line.temperature(adapted) {
            body.insert("temperature".to_owned(), temperature.into());
        }
        if let Some(effort) = self.line.effort(adapted) {
            body.insert("reasoning".to_owned(), json!({"effort": effort}));
        }
        if !request.system.is_empty() {
            body.insert("instructions".to_owned(), request.system.clone().into());
        }
        body.insert("input".to_owned(), input(request, adapted));
        if !request.tools.is_empty() {
            let hold = !adapted.has(Change::NoStrict);
            body.insert("tools".to_owned(), request.tools.iter().map(|each| tool(each, hold)).collect());
            body.insert("tool_choice".to_owned(), choice(&request.choice, adapted));
        }
        merge(&mut body, &self.line.asking.extra_body);
        Value::Object(body)
    }

    fn answer_to(&self, failure: &Failure, body: &Value, _: &ChatRequest) -> Option<Change> {
        let forced = body.get("tool_choice").is_some_and(|choice| choice != "auto");
        let holds = body.to_string().contains("\"strict\":true");
        answer_to(failure, body, &self.line.adapted, &PARAMETERS)
            .filter(|change| match change {
                Change::ChoiceAuto => forced,
                Change::NoStrict => holds,
                _ => true,
            })
            .or_else(|| {
                smaller_limit(failure, body["max_output_tokens"].as_u64(), &self.line.adapted, &["max_output_tokens"])
            })
    }
}

const PARAMETERS: [Parameter; 8] = [
    Parameter { words: &["encrypted content", "not supported"], sent: "/include", change: Change::NoInclude },
    Parameter { words: &["include"], sent: "/include", change: Change::NoInclude },
    Parameter { words: &["encrypted", "could not be"], sent: "/input", change: Change::NoOpaque },
    Parameter { words: &["temperature"], sent: "/temperature", change: Change::NoTemperature },
    Parameter { words: &["reasoning"], sent: "/reasoning", change: Change::NoEffort },
    Parameter { words: &["tool_choice"], sent: "/tool_choice", change: Change::ChoiceAuto },
    Parameter { words: &["invalid schema"], sent: "/tools", change: Change::NoStrict },
    Parameter { words: &["strict"], sent: "/tools", change: Change::NoStrict },
];

fn tool(tool: &ToolSpec, hold: bool) -> Value {
    let held = Some(&tool.schema).filter(|_| hold).and_then(strict::strict);
    let strict = held.is_some();
    let parameters = held.unwrap_or_else(|| tool.schema.clone());
    json!({"type": "function", "name": tool.name, "description": tool.description, "parameters": parameters, "strict": strict})
}

fn choice(choice: &Choice, adapted: &Adapted) -> Value {
    match choice {
        _ if adapted.has(Change::ChoiceAuto) => json!("auto"),
        Choice::Auto => json!("auto"),
        Choice::AnyTool => json!("required"),
        Choice::Tool(name) => json!({"type": "function", "name": name}),
    }
}

fn input(request: &ChatRequest, adapted: &Adapted) -> Value {
    let opaque = !adapted.has(Change::NoOpaque);
    let mut items = Vec::new();
    for message in &request.messages {
        match message.speaker {
            Speaker::User => user(message, &mut items),
            Speaker::Assistant => assistant(message, opaque, &mut items),
        }
    }
    match &request.choice {
        Choice::Tool(name) if adapted.has(Change::ChoiceAuto) && !asks_for(request, name) => {
            items.push(said(&instruction(name)));
        }
        _ => {}
    }
    Value::Array(items)
}

fn said(words: &str) -> Value {
    json!({"role": "user", "content": [{"type": "input_text", "text": words}]})
}

fn user(message: &Message, items: &mut Vec<Value>) {
    for block in &message.blocks {
        if let Block::ToolResult { id, content, is_error } = block {
            // The protocol has no mark for a failure.
            let output = if *is_error { format!("error: {content}") } else { content.clone() };
            items.push(json!({"type": "function_call_output", "call_id": id, "output": output}));
        }
    }
    for block in &message.blocks {
        if let Block::Text { text } = block {
            items.push(said(text));
        }
    }
}

fn assistant(message: &Message, opaque: bool, items: &mut Vec<Value>) {
    let mut before: Option<&Block> = None;
    for block in &message.blocks {
        let extra = |of: &str| before.filter(|_| opaque).and_then(|before| extras_of(before, API, of));
        let item = match block {
            Block::Text { text } if text.is_empty() => None,
            Block::Text { text } => {
                let part = json!({"type": "output_text", "text": text, "annotations": []});
                let item = json!({"type": "message", "role": "assistant", "content": [part]});
                Some(with(item, extra("message")))
            }
            Block::ToolUse { id, name, input } => {
                let arguments = canonical(&input_for(input));
                let item = json!({"type": "function_call", "call_id": id, "name": name, "arguments": arguments});
                Some(with(item, extra("function_call")))
            }
            Block::Opaque { .. } => echoed(block, API).filter(|_| opaque).cloned(),
            Block::ToolResult { .. } => None,
        };
        items.extend(item);
        before = Some(block);
    }
}

fn with(mut item: Value, extra: Option<&Map<String, Value>>) -> Value {
    if let (Value::Object(fields), Some(extra)) = (&mut item, extra) {
        merge(fields, extra);
    }
    item
}
