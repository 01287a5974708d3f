//! The parts of a response that both protocols share: blocks that grow piece by piece, and the arguments of tools.

use super::chat::{Block, ChatRequest, Ended};
use super::http::Broken;
use serde_json::{Map, Value, json};

/// Blocks that one response may have; no model comes near it, and a server that does is not one.
const MOST_BLOCKS: usize = 1024;

/// A block that grows.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    Text(String),
    /// `json` is text until the block is complete.
    Tool {
        id: String,
        name: String,
        json: String,
    },
    /// State of the model's, as the server sends it.
    Opaque {
        api: &'static str,
        value: Value,
        unfinished: bool,
    },
}

impl Part {
    /// The block, `None` for prose without a word.
    fn block(self) -> Option<Block> {
        match self {
            Part::Text(text) if text.is_empty() => None,
            Part::Text(text) => Some(Block::Text { text }),
            Part::Tool { id, name, json } => Some(Block::ToolUse { id, name, input: input_of(&json) }),
            Part::Opaque { api, value, unfinished } => Some(Block::Opaque { api: api.to_owned(), value, unfinished }),
        }
    }
}

/// Blocks by the number that the server gives them.
#[derive(Debug, Clone, Default)]
pub(super) struct Parts(Vec<(u64, Part)>);

impl Parts {
    /// The block of this number, made by `new` if there is none yet.
    pub fn at(&mut self, number: u64, new: impl FnOnce() -> Part) -> Result<&mut Part, Broken> {
        // The last one is the one that grows, as a rule.
        let found = self.0.iter().rposition(|(known, _)| *known == number);
        let place = match found {
            Some(place) => place,
            None if self.0.len() >= MOST_BLOCKS => {
                return Err(Broken::Nonsense(format!("more than {MOST_BLOCKS} blocks in one answer")));
            }
            None => {
                self.0.push((number, new()));
                self.0.len() - 1
            }
        };
        self.0.get_mut(place).map(|(_, part)| part).ok_or_else(|| Broken::Nonsense("an empty answer".to_owned()))
    }

    /// True if any of them is a tool call.
    pub fn has_tool(&self) -> bool {
        self.0.iter().any(|(_, part)| matches!(part, Part::Tool { .. }))
    }

    /// One part, or none.
    pub fn of(part: Option<Part>) -> Parts {
        Parts(part.into_iter().map(|part| (0, part)).collect())
    }

    /// The part that began last.
    pub fn last_mut(&mut self) -> Option<&mut Part> {
        self.0.last_mut().map(|(_, part)| part)
    }

    /// The blocks, in the order in which they began.
    pub fn blocks(self) -> Vec<Block> {
        self.0.into_iter().filter_map(|(_, part)| part.block()).collect()
    }
}

/// Arguments as a model wrote them: an object, `{}` for nothing at all, otherwise the text as it is.
pub(super) fn input_of(raw: &str) -> Value {
    match json_of(raw.as_bytes()).ok_or(()) {
        Ok(Value::Object(map)) => Value::Object(map),
        Ok(Value::Null) => Value::Object(Map::new()),
        _ if raw.trim().is_empty() => Value::Object(Map::new()),
        _ => Value::String(raw.to_owned()),
    }
}

/// JSON as a server or a model wrote it. Bytes that are no UTF-8, and halves of a surrogate pair, which no text can hold, read
/// as U+FFFD: the answer would be the same the next time it is asked for.
pub(super) fn json_of(bytes: &[u8]) -> Option<Value> {
    let strict = serde_json::from_slice(bytes).ok();
    strict.or_else(|| serde_json::from_str(&whole_surrogates(&String::from_utf8_lossy(bytes))).ok())
}

/// The text with `\ufffd` for every escape of half a surrogate pair.
fn whole_surrogates(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, from)) = rest.find('\\').map(|at| rest.split_at(at)) {
        out.push_str(before);
        let length = match (unit(from), from.get(6..).and_then(unit)) {
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => 12,
            (Some(0xd800..0xe000), _) => {
                out.push_str("\\ufffd");
                rest = from.get(6..).unwrap_or_default();
                continue;
            }
            (Some(_), _) => 6,
            (None, _) => from.char_indices().nth(2).map_or(from.len(), |(end, _)| end),
        };
        let (escape, after) = from.split_at(length);
        out.push_str(escape);
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The code of a `\uXXXX` at the head of a text.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) { u16::from_str_radix(digits, 16).ok() } else { None }
}

/// Arguments on their way back to a model. Both protocols want an object, so text that was none is put into one.
pub(super) fn input_for(input: &Value) -> Value {
    match input {
        Value::Object(_) => input.clone(),
        Value::String(raw) => json!({"not_valid_json": raw}),
        other => json!({"not_an_object": other}),
    }
}

/// Fields that belong to the block after them, as a protocol's decoder kept them for its encoder.
pub(super) fn extras(api: &'static str, of: &str, fields: Map<String, Value>) -> Option<Part> {
    let unimportant = fields.values().all(Value::is_null);
    (!unimportant).then(|| Part::Opaque { api, value: json!({"extras": of, "fields": fields}), unfinished: false })
}

/// The fields of [`extras`], if this is such a block of this protocol and for this kind of block.
pub(super) fn extras_of<'a>(block: &'a Block, api: &str, of: &str) -> Option<&'a Map<String, Value>> {
    let Block::Opaque { api: theirs, value, .. } = block else { return None };
    if theirs != api || text_at(value, "/extras") != of {
        return None;
    }
    value.get("fields").and_then(Value::as_object)
}

/// State that goes back to its own server as it came.
pub(super) fn echoed<'a>(block: &'a Block, api: &str) -> Option<&'a Value> {
    match block {
        Block::Opaque { api: theirs, value, unfinished: false } if theirs == api && value.get("extras").is_none() => {
            Some(value)
        }
        _ => None,
    }
}

/// True if the words of a message ask for a tool by its name.
pub(super) fn asks_for(request: &ChatRequest, tool: &str) -> bool {
    let named = |block: &Block| matches!(block, Block::Text { text } if text.contains(tool));
    request.messages.last().is_some_and(|message| message.blocks.iter().any(named))
}

/// The sentence for a model that no tool can be forced on.
pub(super) fn instruction(tool: &str) -> String {
    format!("Answer now with one call of `{tool}`, and with nothing else.")
}

/// Adds the principal's own fields to a body: objects are merged, everything else is replaced.
pub(super) fn merge(body: &mut Map<String, Value>, extra: &Map<String, Value>) {
    for (name, value) in extra {
        match (body.get_mut(name), value) {
            (Some(Value::Object(known)), Value::Object(more)) => merge(known, more),
            _ => {
                body.insert(name.clone(), value.clone());
            }
        }
    }
}

/// Why the model stopped, where the server does not say.
pub(super) fn ended_without_reason(has_tool: bool) -> Ended {
    if has_tool { Ended::ToolUse } else { Ended::EndTurn }
}

/// The text at a JSON pointer; empty if there is none.
pub(super) fn text_at<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// An `error` object in the middle of an answer.
pub(super) fn reported(value: &Value) -> Broken {
    let error = value.get("error").unwrap_or(value);
    let kind = ["type", "code", "status"]
        .iter()
        .filter_map(|name| error.get(name))
        .find_map(|kind| kind.as_str().map(str::to_owned).or_else(|| kind.as_u64().map(|code| code.to_string())));
    Broken::Reported { kind: kind.unwrap_or_else(|| "without a type".to_owned()), words: value.to_string() }
}

/// The data of an event as JSON.
pub(super) fn parsed(data: &str) -> Result<Value, Broken> {
    json_of(data.as_bytes()).ok_or_else(|| Broken::Nonsense(format!("an event that is not JSON: {data}")))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::llm::chat::ChatResponse;
    use crate::llm::http::{Decoder, Progress};
    use crate::llm::sse;

    /// The response and the prose that a stream gives when it arrives in these pieces.
    pub(in crate::llm) fn decode<'a, D: Decoder>(
        mut decoder: D,
        pieces: impl IntoIterator<Item = &'a [u8]>,
    ) -> (ChatResponse, String) {
        let (mut parser, mut prose) = (sse::Parser::default(), String::new());
        let mut feed = |events: Vec<sse::Event>| {
            events.iter().any(|event| {
                decoder.event(event, &mut |piece| prose.push_str(piece)).expect("a good stream") == Progress::Done
            })
        };
        let mut done = false;
        for piece in pieces {
            let events = parser.push(piece).expect("short events");
            done = done || feed(events);
        }
        let last = parser.finish().into_iter().collect();
        let _ = done || feed(last);
        assert!(decoder.complete(), "the stream is complete");
        (decoder.finish(), prose)
    }

    /// Every cut into two pieces, and every byte on its own.
    pub(in crate::llm) fn decode_every_way<D: Decoder>(fresh: impl Fn() -> D, stream: &str) -> (ChatResponse, String) {
        let bytes = stream.as_bytes();
        let whole = decode(fresh(), [bytes]);
        for cut in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(cut);
            assert_eq!(decode(fresh(), [head, tail]), whole, "cut at byte {cut}");
        }
        assert_eq!(decode(fresh(), bytes.chunks(1)), whole, "byte by byte");
        whole
    }

    #[test]
    fn arguments_that_are_no_object_stay_text() {
        for (raw, expected) in [
            (r#"{"a":1}"#, json!({"a": 1})),
            ("", json!({})),
            ("  ", json!({})),
            ("null", json!({})),
            (r#"{"a":"#, json!("{\"a\":")),
            ("[1]", json!("[1]")),
            ("\"x\"", json!("\"x\"")),
        ] {
            assert_eq!(input_of(raw), expected, "{raw}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(input_of(&deep), json!(deep));
    }

    #[test]
    fn arguments_go_back_as_objects() {
        assert_eq!(input_for(&json!("{")), json!({"not_valid_json": "{"}));
        assert_eq!(input_for(&json!({"a": 1})), json!({"a": 1}));
        assert_eq!(input_for(&json!([1])), json!({"not_an_object": [1]}));
    }

    #[test]
    fn the_kind_of_a_reported_error() {
        for (value, expected) in [
            (json!({"error": {"type": "overloaded_error", "code": 5}}), "overloaded_error"),
            (json!({"error": {"code": 503}}), "503"),
            (json!({"error": {"message": "x"}}), "without a type"),
        ] {
            let Broken::Reported { kind, .. } = reported(&value) else { panic!("not reported") };
            assert_eq!(kind, expected);
        }
    }

    #[test]
    fn an_endless_row_of_blocks_is_refused() {
        let mut parts = Parts::default();
        let refused = (0..2000).find(|n| parts.at(*n, || Part::Text(String::new())).is_err());
        assert_eq!(refused, Some(1024));
    }
}
