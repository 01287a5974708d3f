//! Structured output: requests for JSON of a schema, and finding such JSON in an answer.

use super::offer;
use crate::llm::adapt::{Adapted, Change};
use crate::llm::canonical::canonical;
use crate::llm::chat::{Block, ChatRequest};
use crate::llm::http::Failure;
use crate::llm::parts::json_of;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// At most this many opening braces are tried as the beginning of an object.
const MOST_BRACES: usize = 64;

/// A way to ask for JSON of a schema.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Structured {
    /// `response_format: {type: json_schema}`: the server holds the model to the schema.
    #[default]
    JsonSchema,
    /// A function that must be called.
    Function,
    /// A sentence in the last message; the first JSON object of the answer counts.
    Instruction,
}

impl Structured {
    /// The way in use.
    pub(super) fn of(adapted: &Adapted) -> Structured {
        if adapted.has(Change::Instruction) {
            Structured::Instruction
        } else if adapted.has(Change::Function) {
            Structured::Function
        } else {
            Structured::JsonSchema
        }
    }

    /// The changes that lead to this way.
    pub(super) fn changes(self) -> Option<Change> {
        match self {
            Structured::JsonSchema => None,
            Structured::Function => Some(Change::Function),
            Structured::Instruction => Some(Change::Instruction),
        }
    }

    /// The change to the next way, if `failure` says that the server does not know this one.
    pub(super) fn after(self, failure: &Failure) -> Option<Change> {
        const UNKNOWN: [&str; 8] = [
            "unknown param",
            "unrecognized",
            "unrecognised",
            "unsupported",
            "not supported",
            "not permitted",
            "unknown field",
            "unexpected field",
        ];
        let (names, next): (&[&str], _) = match self {
            Structured::JsonSchema => (&["response_format", "json_schema", "grammar"], Change::Function),
            Structured::Function => (&["tool", "function"], Change::Instruction),
            Structured::Instruction => return None,
        };
        let answer = failure.words.to_ascii_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| answer.contains(word));
        let about_this = matches!(failure.status, Some(400 | 422 | 501)) && (says(names) || says(&UNKNOWN));
        about_this.then_some(next)
    }
}

/// Asks for the arguments of the tool `name` in this way.
pub(super) fn ask(body: &mut Map<String, Value>, request: &ChatRequest, name: &str, way: Structured) {
    let tool = request.tools.iter().find(|tool| tool.name == name);
    let schema = tool.map_or_else(|| json!({"type": "object"}), |tool| tool.schema.clone());
    match way {
        Structured::Function => {
            return offer(body, request, json!({"type": "function", "function": {"name": name}}));
        }
        Structured::JsonSchema => {
            let format = json!({"name": name, "schema": schema, "strict": false});
            body.insert("response_format".to_owned(), json!({"type": "json_schema", "json_schema": format}));
        }
        Structured::Instruction => instruct(body, &schema),
    }
    // A conversation in which tools were called is refused without them.
    let called = |block: &Block| matches!(block, Block::ToolUse { .. } | Block::ToolResult { .. });
    if request.messages.iter().any(|message| message.blocks.iter().any(called)) {
        offer(body, request, json!("none"));
    }
}

fn instruct(body: &mut Map<String, Value>, schema: &Value) {
    let words = format!("Answer with one JSON object only that fits this schema: {}", canonical(schema));
    let Some(Value::Array(messages)) = body.get_mut("messages") else { return };
    match messages.last_mut() {
        Some(last) if last.get("role").is_some_and(|role| role == "user") => {
            let before = last.get("content").and_then(Value::as_str).unwrap_or_default();
            let content = if before.is_empty() { words } else { format!("{before}\n\n{words}") };
            *last = json!({"role": "user", "content": content});
        }
        _ => messages.push(json!({"role": "user", "content": words})),
    }
}

/// The first JSON object in an answer, which may stand in prose or in a fence; the text itself if there is none.
pub(super) fn object_in(text: &str) -> Value {
    let mut objects = text.match_indices('{').take(MOST_BRACES).filter_map(|(at, _)| {
        let rest = text.get(at..)?;
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        stream.next()?.ok()
    });
    if let Some(whole @ Value::Object(_)) = json_of(text.as_bytes()) {
        return whole;
    }
    objects.next().unwrap_or_else(|| Value::String(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_object_is_found() {
        for (text, expected) in [
            (r#"{"a": {"b": 1}}"#, json!({"a": {"b": 1}})),
            ("Here {it} is:\n```json\n{\"a\": 1}\n```\nand {\"b\": 2}", json!({"a": 1})),
            ("no object", json!("no object")),
            (r#"{"a": "#, json!(r#"{"a": "#)),
        ] {
            assert_eq!(object_in(text), expected, "{text}");
        }
        let braces = "{".repeat(1_000_000);
        assert_eq!(object_in(&braces), json!(braces));
    }
}
