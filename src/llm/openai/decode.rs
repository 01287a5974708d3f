//! Answers of Chat Completions.

use super::API;
use super::structured::object_in;
use crate::llm::chat::{Block, ChatResponse, Ended, StopDetails, Usage};
use crate::llm::http::{Broken, Decoder, Progress};
use crate::llm::parts::{Part, Parts, ended_without_reason, extras, parsed, reported, text_at};
use crate::llm::sse::Event;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The number of the prose among the parts; tool calls follow it.
const PROSE: u64 = 0;

/// Structured output: the tool whose arguments are wanted, and the call's id if the answer is not a call.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub name: String,
    pub id: String,
}

/// Puts a response together.
#[derive(Debug, Default)]
pub(super) struct Decoding {
    wanted: Option<Wanted>,
    sent: usize,
    parts: Parts,
    usage: Option<Usage>,
    reason: Option<String>,
    refused: bool,
    model: String,
    /// Thinking that the server wants back with the message.
    thinking: Map<String, Value>,
    /// What the server wants back with a call, by the call's number.
    of_calls: BTreeMap<u64, Value>,
    begun: bool,
    done: bool,
}

/// No tokeniser makes fewer tokens of prose and JSON than one for so many characters.
const MOST_CHARACTERS_A_TOKEN: usize = 8;

/// The fields of a message that hold thinking, as servers call them.
const THINKING: [&str; 3] = ["reasoning_content", "reasoning", "reasoning_details"];

impl Decoding {
    /// `sent` is the length of the request's words.
    pub fn new(wanted: Option<Wanted>, sent: usize) -> Decoding {
        Decoding { wanted, sent, ..Decoding::default() }
    }

    /// Ollama answers a request that is longer than its context as if it had read all of it; its count of tokens tells.
    fn check_truncation(&self, body: &Value) -> Result<(), Broken> {
        let Some(usage) = &self.usage else { return Ok(()) };
        let ollama = text_at(body, "/system_fingerprint") == "fp_ollama";
        if !ollama || usage.input == 0 || usage.input >= (self.sent / MOST_CHARACTERS_A_TOKEN) as u64 {
            return Ok(());
        }
        let words = format!(
            "the request exceeds the available context: the server read {} tokens of about {}; set `OLLAMA_CONTEXT_LENGTH` or \
             the model's `num_ctx`",
            usage.input,
            self.sent / 4
        );
        Err(Broken::Reported { kind: "truncated".to_owned(), words })
    }

    /// A choice of a piece (`delta`) or of a whole answer (`message`).
    fn choice(&mut self, choice: &Value, text: &mut dyn FnMut(&str)) -> Result<(), Broken> {
        let message = choice.get("delta").or_else(|| choice.get("message")).unwrap_or(&Value::Null);
        self.prose(text_at(message, "/content"), text)?;
        let refusal = text_at(message, "/refusal");
        self.refused |= !refusal.is_empty();
        self.prose(refusal, text)?;
        self.think(message);
        let calls = message.get("tool_calls").and_then(Value::as_array);
        for (at, call) in (0..).zip(calls.into_iter().flatten()) {
            self.call(at, call)?;
        }
        // The older form of a call, before there were several.
        if let Some(function) = message.get("function_call").filter(|function| function.is_object()) {
            self.function(0, "", function)?;
        }
        if let Some(reason) = choice.get("finish_reason").and_then(Value::as_str) {
            self.reason = Some(reason.to_owned());
        }
        Ok(())
    }

    /// Thinking: pieces of text grow, lists are joined.
    fn think(&mut self, message: &Value) {
        for name in THINKING {
            match (message.get(name), self.thinking.get_mut(name)) {
                (Some(Value::String(more)), Some(Value::String(known))) => known.push_str(more),
                (Some(Value::Array(more)), Some(Value::Array(known))) => known.extend(more.iter().cloned()),
                (Some(Value::String(more)), None) if more.is_empty() => {}
                (Some(first @ (Value::String(_) | Value::Array(_))), None) => {
                    self.thinking.insert(name.to_owned(), first.clone());
                }
                _ => {}
            }
        }
    }

    fn prose(&mut self, words: &str, text: &mut dyn FnMut(&str)) -> Result<(), Broken> {
        if words.is_empty() {
            return Ok(());
        }
        if let Part::Text(known) = self.parts.at(PROSE, || Part::Text(String::new()))? {
            known.push_str(words);
        }
        // JSON that is wanted as data is no prose to be read.
        if self.wanted.is_none() || self.refused {
            text(words);
        }
        Ok(())
    }

    /// `at` is the place in the list, for servers that leave out `index`.
    fn call(&mut self, at: u64, call: &Value) -> Result<(), Broken> {
        let index = call.get("index").and_then(Value::as_u64).unwrap_or(at);
        let function = call.get("function").unwrap_or(&Value::Null);
        if let Some(extra) = call.get("extra_content").filter(|extra| !extra.is_null()) {
            self.of_calls.insert(index, extra.clone());
        }
        self.function(index, text_at(call, "/id"), function)
    }

    fn function(&mut self, index: u64, id: &str, function: &Value) -> Result<(), Broken> {
        let new = || Part::Tool { id: format!("call-{index}"), name: String::new(), json: String::new() };
        let part = self.parts.at(index.saturating_add(PROSE + 1), new)?;
        let Part::Tool { id: known, name, json } = part else { return Ok(()) };
        if !id.is_empty() {
            id.clone_into(known);
        }
        let more = text_at(function, "/name");
        // Not appended: a server that repeats the name with each piece must not double it.
        if name.is_empty() {
            more.clone_into(name);
        }
        match function.get("arguments") {
            Some(Value::String(more)) => json.push_str(more),
            Some(Value::Null) | None => {}
            // Some servers send the arguments as JSON, not as text that holds JSON.
            Some(whole) => *json = whole.to_string(),
        }
        Ok(())
    }

    fn read_usage(&mut self, usage: Option<&Value>) {
        let Some(usage) = usage.filter(|usage| usage.is_object()) else { return };
        let count = |pointer: &str| usage.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
        self.usage = Some(Usage {
            input: count("/prompt_tokens"),
            output: count("/completion_tokens"),
            cache_read: count("/prompt_tokens_details/cached_tokens"),
            // Only newer servers count them.
            cache_write: count("/prompt_tokens_details/cache_write_tokens"),
            reasoning: count("/completion_tokens_details/reasoning_tokens"),
        });
    }

    fn read(&mut self, body: &Value, text: &mut dyn FnMut(&str)) -> Result<(), Broken> {
        // Even under status 200, and in the middle of a stream.
        if body.get("error").is_some_and(|error| !error.is_null()) {
            return Err(reported(body));
        }
        let choices = body.get("choices").and_then(Value::as_array);
        self.begun |= choices.is_some();
        self.read_usage(body.get("usage"));
        self.check_truncation(body)?;
        let model = text_at(body, "/model");
        if !model.is_empty() {
            model.clone_into(&mut self.model);
        }
        match choices.and_then(|choices| choices.first()) {
            Some(first) => self.choice(first, text),
            None => Ok(()),
        }
    }

    fn ended(&self) -> Ended {
        let called = self.parts.has_tool();
        match self.reason.as_deref() {
            _ if self.refused => Ended::Refusal,
            // Some servers say `stop` after a call.
            Some("stop") if called => Ended::ToolUse,
            Some("stop") => Ended::EndTurn,
            Some("tool_calls" | "function_call") => Ended::ToolUse,
            Some("length") => Ended::MaxTokens,
            Some("content_filter") => Ended::Refusal,
            Some(_) => Ended::Other,
            None => ended_without_reason(called),
        }
    }
}

impl Decoder for Decoding {
    fn event(&mut self, event: &Event, text: &mut dyn FnMut(&str)) -> Result<Progress, Broken> {
        match event.data.trim() {
            "" => Ok(Progress::Open),
            "[DONE]" => {
                self.done = true;
                Ok(Progress::Done)
            }
            data => {
                let data = parsed(data)?;
                if event.name == "error" {
                    return Err(reported(&data));
                }
                self.read(&data, text)?;
                Ok(Progress::Open)
            }
        }
    }

    fn whole(&mut self, body: &Value, text: &mut dyn FnMut(&str)) -> Result<(), Broken> {
        self.read(body, text)?;
        self.done = self.begun;
        if self.begun { Ok(()) } else { Err(Broken::Nonsense("no `choices`".to_owned())) }
    }

    fn complete(&self) -> bool {
        // Not every server sends `[DONE]`. After a reason only the count of tokens can follow.
        self.done || self.reason.is_some()
    }

    fn begun(&self) -> bool {
        self.begun
    }

    fn finish(self) -> ChatResponse {
        let mut ended = self.ended();
        let called = self.parts.has_tool();
        let refused = matches!(ended, Ended::Refusal);
        let stop = self.reason.filter(|_| matches!(ended, Ended::Refusal | Ended::Other));
        let stop = stop.map(|reason| StopDetails { reason, details: Value::Null });
        let mut blocks = self.parts.blocks();
        // A server may call the tool although JSON was asked for; that call is taken as it is.
        if let Some(wanted) = self.wanted.filter(|_| !called && !refused) {
            for block in &mut blocks {
                if let Block::Text { text } = block {
                    let input = object_in(text);
                    *block = Block::ToolUse { id: wanted.id.clone(), name: wanted.name.clone(), input };
                    // An answer that was cut off stays one, so that the model is told.
                    ended = if ended == Ended::EndTurn { Ended::ToolUse } else { ended };
                }
            }
        }
        let mut calls = self.of_calls;
        let mut whole: Vec<Block> = Parts::of(extras(API, "message", self.thinking)).blocks();
        // A call's number is its place: that is how servers count them.
        let mut number = 0;
        for block in blocks {
            if matches!(block, Block::ToolUse { .. }) {
                let fields = calls.remove(&number).map(|extra| Map::from_iter([("extra_content".to_owned(), extra)]));
                whole.extend(Parts::of(fields.and_then(|fields| extras(API, "call", fields))).blocks());
                number += 1;
            }
            whole.push(block);
        }
        ChatResponse { blocks: whole, ended, usage: self.usage, model: self.model, stop }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::parts::tests::{decode, decode_every_way};
    use serde_json::json;

    fn stream(choices: &[Value]) -> String {
        let pieces = choices.iter().map(|choice| format!("data: {}\n\n", json!({"model": "m", "choices": [choice]})));
        pieces.collect::<String>() + "data: [DONE]\n\n"
    }

    fn wanted() -> Option<Wanted> {
        Some(Wanted { name: "grade".to_owned(), id: "structured-1".to_owned() })
    }

    fn tool(id: &str, name: &str, input: Value) -> Block {
        Block::ToolUse { id: id.to_owned(), name: name.to_owned(), input }
    }

    #[test]
    fn a_stream_cut_anywhere() {
        let pieces = [
            json!({"delta": {"role": "assistant", "content": null}}),
            json!({"delta": {"content": "Gr\u{fc}\u{df}e \u{1f600}"}}),
            json!({"delta": {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}}]}}),
            json!({"delta": {"tool_calls": [{"index": 1, "id": "b", "function": {"name": "g", "arguments": "{\"y"}}]}}),
            json!({"delta": {"tool_calls": [{"index": 0, "function": {"arguments": "{\"x\":1}"}},
                                            {"index": 1, "function": {"arguments": "\":2}"}}]}}),
            json!({"delta": {}, "finish_reason": "tool_calls"}),
        ];
        let usage = json!({"choices": [], "usage":
            {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 3}}});
        let stream =
            stream(&pieces).replace("data: [DONE]", &format!(": comment\r\ndata: {usage}\r\n\r\ndata: [DONE]"));
        let (response, prose) = decode_every_way(|| Decoding::new(None, 0), &stream);
        assert_eq!(prose, "Gr\u{fc}\u{df}e \u{1f600}");
        assert_eq!(
            response,
            ChatResponse {
                blocks: vec![
                    Block::Text { text: prose },
                    tool("a", "f", json!({"x": 1})),
                    tool("b", "g", json!({"y": 2})),
                ],
                ended: Ended::ToolUse,
                usage: Some(Usage { input: 9, output: 4, cache_read: 3, ..Usage::default() }),
                model: "m".to_owned(),
                stop: None,
            }
        );
    }

    #[test]
    fn reasons_to_stop() {
        for (reason, expected) in [
            (json!("stop"), Ended::EndTurn),
            (json!("length"), Ended::MaxTokens),
            (json!("content_filter"), Ended::Refusal),
            (json!("tool_calls"), Ended::ToolUse),
            (json!("function_call"), Ended::ToolUse),
            (json!("another"), Ended::Other),
            (json!(null), Ended::EndTurn),
        ] {
            let stream = stream(&[json!({"delta": {"content": "x"}, "finish_reason": reason})]);
            assert_eq!(decode(Decoding::new(None, 0), [stream.as_bytes()]).0.ended, expected, "{reason}");
        }
        let call = json!({"delta": {"tool_calls": [{"id": "a", "function": {"name": "f"}}]}, "finish_reason": "stop"});
        let (response, _) = decode(Decoding::new(None, 0), [stream(&[call]).as_bytes()]);
        assert_eq!((response.ended, response.blocks), (Ended::ToolUse, vec![tool("a", "f", json!({}))]));
    }

    #[test]
    fn a_refusal_is_prose_even_where_data_is_wanted() {
        let pieces =
            [json!({"delta": {"refusal": "I will "}}), json!({"delta": {"refusal": "not."}, "finish_reason": "stop"})];
        let (response, prose) = decode(Decoding::new(wanted(), 0), [stream(&pieces).as_bytes()]);
        assert_eq!((prose.as_str(), response.ended), ("I will not.", Ended::Refusal));
        assert_eq!(response.blocks, [Block::Text { text: prose }]);
    }

    #[test]
    fn wanted_data_becomes_a_call() {
        for (content, reason, expected) in [
            ("{\"a\":1}", "stop", (vec![tool("structured-1", "grade", json!({"a": 1}))], Ended::ToolUse)),
            ("Sure: {\"a\":1}", "stop", (vec![tool("structured-1", "grade", json!({"a": 1}))], Ended::ToolUse)),
            ("{\"a\":", "length", (vec![tool("structured-1", "grade", json!("{\"a\":"))], Ended::MaxTokens)),
            ("", "stop", (vec![], Ended::EndTurn)),
        ] {
            let stream = stream(&[json!({"delta": {"content": content}, "finish_reason": reason})]);
            let (response, prose) = decode(Decoding::new(wanted(), 0), [stream.as_bytes()]);
            assert_eq!((response.blocks, response.ended), expected, "{content}");
            assert_eq!(prose, "");
        }
    }

    #[test]
    fn thinking_comes_back_with_its_message_and_its_calls() {
        let pieces = [
            json!({"delta": {"reasoning": "h", "reasoning_details": [{"type": "reasoning.encrypted", "data": "eA=="}]}}),
            json!({"delta": {"reasoning": "m", "reasoning_details": [{"type": "reasoning.text", "text": "hm"}]}}),
            json!({"delta": {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"},
                "extra_content": {"google": {"thought_signature": "c2ln"}}}]}, "finish_reason": "tool_calls"}),
        ];
        let (response, prose) = decode_every_way(|| Decoding::new(None, 0), &stream(&pieces));
        let details =
            json!([{"type": "reasoning.encrypted", "data": "eA=="}, {"type": "reasoning.text", "text": "hm"}]);
        let opaque = |value| Block::Opaque { api: API.to_owned(), value, unfinished: false };
        assert_eq!(prose, "", "thinking is no prose");
        assert_eq!(
            response.blocks,
            [
                opaque(json!({"extras": "message", "fields": {"reasoning": "hm", "reasoning_details": details}})),
                opaque(json!({"extras": "call", "fields":
                    {"extra_content": {"google": {"thought_signature": "c2ln"}}}})),
                tool("a", "f", json!({})),
            ]
        );
    }

    #[test]
    fn an_ollama_that_read_half_of_the_request_is_found_out() {
        let answer = |fingerprint: &str, read: u64| {
            let body = json!({"model": "m", "system_fingerprint": fingerprint, "usage": {"prompt_tokens": read, "completion_tokens": 1},
                "choices": [{"finish_reason": "stop", "message": {"content": "t"}}]});
            Decoding::new(None, 40_000).whole(&body, &mut |_| {})
        };
        assert!(
            matches!(answer("fp_ollama", 4096), Err(Broken::Reported { words, .. }) if words.contains("4096 tokens of about 10000"))
        );
        assert_eq!((answer("fp_ollama", 9000), answer("fp_other", 4096)), (Ok(()), Ok(())));
    }

    #[test]
    fn an_answer_in_one_piece() {
        let body = json!({"model": "m", "choices": [{"finish_reason": "tool_calls", "message": {"content": "t",
            "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": {"x": 1}}}]}}]});
        let mut decoder = Decoding::new(None, 0);
        let mut prose = String::new();
        decoder.whole(&body, &mut |piece| prose.push_str(piece)).unwrap();
        let response = decoder.finish();
        assert_eq!((prose.as_str(), response.usage, response.ended), ("t", None, Ended::ToolUse));
        assert_eq!(response.blocks.last(), Some(&tool("a", "f", json!({"x": 1}))));
        assert!(matches!(Decoding::new(None, 0).whole(&json!({"a": 1}), &mut |_| {}), Err(Broken::Nonsense(_))));
    }
}
