//! Answers of the Messages interface.

use super::API;
use crate::llm::chat::{ChatResponse, Ended, StopDetails, Usage};
use crate::llm::http::{Broken, Decoder, Progress};
use crate::llm::parts::{Part, Parts, ended_without_reason, parsed, reported, text_at};
use crate::llm::sse::Event;
use serde_json::{Value, json};

/// Tokens as far as the server has told.
#[derive(Debug, Clone, Copy, Default)]
struct Tokens {
    input: u64,
    output: u64,
    cache_read: u64,
    cache_write: u64,
    thinking: u64,
}

/// Puts a response together.
#[derive(Debug, Default)]
pub(super) struct Decoding {
    parts: Parts,
    tokens: Option<Tokens>,
    reason: Option<String>,
    details: Value,
    model: String,
    begun: bool,
    complete: bool,
}

impl Decoding {
    fn start(&mut self, at: u64, block: &Value, text: &mut dyn FnMut(&str)) -> Result<(), Broken> {
        match text_at(block, "/type") {
            "text" => {
                let words = text_at(block, "/text");
                self.parts.at(at, || Part::Text(words.to_owned()))?;
                text(words);
            }
            "tool_use" => {
                // A stream begins with an empty object, or none; an answer in one piece has all of it here.
                let input = block.get("input").filter(|input| !is_empty(input));
                let json = input.map_or_else(String::new, Value::to_string);
                let (id, name) = (text_at(block, "/id").to_owned(), text_at(block, "/name").to_owned());
                self.parts.at(at, || Part::Tool { id, name, json })?;
            }
            "thinking" | "redacted_thinking" => {
                let value = block.clone();
                self.parts.at(at, || Part::Opaque { api: API, value, unfinished: false })?;
            }
            _ => {}
        }
        Ok(())
    }

    fn delta(&mut self, at: u64, delta: &Value, text: &mut dyn FnMut(&str)) -> Result<(), Broken> {
        match text_at(delta, "/type") {
            "text_delta" => {
                let words = text_at(delta, "/text");
                if let Part::Text(known) = self.parts.at(at, || Part::Text(String::new()))? {
                    known.push_str(words);
                    text(words);
                }
            }
            "thinking_delta" => self.append(at, "thinking", text_at(delta, "/thinking"))?,
            "signature_delta" => self.append(at, "signature", text_at(delta, "/signature"))?,
            "input_json_delta" => {
                let more = text_at(delta, "/partial_json");
                // Kinds of blocks that this program does not ask for have arguments as well; they are left out.
                if let Part::Tool { json, .. } = self.parts.at(at, || Part::Text(String::new()))? {
                    json.push_str(more);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Words or cipher of a thinking block, which must come back as they are.
    fn append(&mut self, at: u64, field: &str, more: &str) -> Result<(), Broken> {
        let new = || Part::Opaque { api: API, value: json!({"type": "thinking", "thinking": ""}), unfinished: false };
        if let Part::Opaque { value: Value::Object(block), .. } = self.parts.at(at, new)? {
            match block.get_mut(field) {
                Some(Value::String(known)) => known.push_str(more),
                _ => {
                    block.insert(field.to_owned(), more.into());
                }
            }
        }
        Ok(())
    }

    /// An answer that was cut off while the model was thinking: what has no signature is refused on its way back.
    fn mark_unfinished(&mut self) {
        if self.ended() != Ended::MaxTokens {
            return;
        }
        if let Some(Part::Opaque { value, unfinished, .. }) = self.parts.last_mut() {
            *unfinished = text_at(value, "/type") == "thinking" && text_at(value, "/signature").is_empty();
        }
    }

    fn read_usage(&mut self, usage: Option<&Value>) {
        let Some(usage) = usage.filter(|usage| usage.is_object()) else { return };
        let tokens = self.tokens.get_or_insert_default();
        // Later counts replace earlier ones: they are totals.
        let take = |name: &str, into: &mut u64| {
            if let Some(count) = usage.get(name).and_then(Value::as_u64) {
                *into = count;
            }
        };
        take("input_tokens", &mut tokens.input);
        take("output_tokens", &mut tokens.output);
        take("cache_read_input_tokens", &mut tokens.cache_read);
        take("cache_creation_input_tokens", &mut tokens.cache_write);
        if let Some(count) = usage.pointer("/output_tokens_details/thinking_tokens").and_then(Value::as_u64) {
            tokens.thinking = count;
        }
    }

    /// From a message, or from what a stream says at its end.
    fn read_reason(&mut self, of: &Value) {
        if let Some(reason) = of.get("stop_reason").and_then(Value::as_str) {
            self.reason = Some(reason.to_owned());
        }
        if let Some(details) = of.get("stop_details").filter(|details| !details.is_null()) {
            self.details = details.clone();
        }
    }

    fn stop(&mut self) -> Option<StopDetails> {
        let reason = self.reason.clone().filter(|_| matches!(self.ended(), Ended::Refusal | Ended::Other))?;
        Some(StopDetails { reason, details: self.details.take() })
    }

    fn ended(&self) -> Ended {
        match self.reason.as_deref() {
            Some("end_turn" | "stop_sequence") => Ended::EndTurn,
            Some("tool_use") => Ended::ToolUse,
            Some("max_tokens" | "model_context_window_exceeded") => Ended::MaxTokens,
            Some("refusal") => Ended::Refusal,
            Some(_) => Ended::Other,
            None => ended_without_reason(self.parts.has_tool()),
        }
    }
}

impl Decoder for Decoding {
    fn event(&mut self, event: &Event, text: &mut dyn FnMut(&str)) -> Result<Progress, Broken> {
        if event.data.is_empty() {
            return Ok(Progress::Open);
        }
        let data = parsed(&event.data)?;
        // The data names its kind; some servers name it in the event alone.
        let kind = match text_at(&data, "/type") {
            "" => event.name.as_str(),
            kind => kind,
        };
        let at = data.get("index").and_then(Value::as_u64).unwrap_or(0);
        let part = |name: &str| data.get(name).unwrap_or(&Value::Null);
        match kind {
            // A ping is enough to know the protocol: if nothing follows, the stream broke, and the address is right.
            "ping" => self.begun = true,
            "message_start" => {
                self.begun = true;
                self.read_usage(data.pointer("/message/usage"));
                text_at(&data, "/message/model").clone_into(&mut self.model);
            }
            "content_block_start" => self.start(at, part("content_block"), text)?,
            "content_block_delta" => self.delta(at, part("delta"), text)?,
            "message_delta" => {
                self.read_usage(data.get("usage"));
                self.read_reason(part("delta"));
            }
            "message_stop" => {
                self.complete = true;
                return Ok(Progress::Done);
            }
            "error" => return Err(reported(&data)),
            // An error counts under whatever kind it is sent.
            _ if data.get("error").is_some_and(Value::is_object) => return Err(reported(&data)),
            _ => {}
        }
        Ok(Progress::Open)
    }

    fn whole(&mut self, body: &Value, text: &mut dyn FnMut(&str)) -> Result<(), Broken> {
        let Some(content) = body.get("content").and_then(Value::as_array) else {
            let error = body.get("error").is_some_and(|error| !error.is_null());
            return Err(if error { reported(body) } else { Broken::Nonsense("no `content`".to_owned()) });
        };
        for (at, block) in (0..).zip(content) {
            self.start(at, block, text)?;
        }
        self.read_usage(body.get("usage"));
        self.read_reason(body);
        text_at(body, "/model").clone_into(&mut self.model);
        (self.begun, self.complete) = (true, true);
        Ok(())
    }

    fn complete(&self) -> bool {
        self.complete
    }

    fn begun(&self) -> bool {
        self.begun
    }

    fn finish(mut self) -> ChatResponse {
        self.mark_unfinished();
        let (ended, stop) = (self.ended(), self.stop());
        let usage = self.tokens.map(|tokens| Usage {
            // Cached tokens are counted apart here, and are part of `Usage::input`.
            input: tokens.input.saturating_add(tokens.cache_read).saturating_add(tokens.cache_write),
            output: tokens.output,
            cache_read: tokens.cache_read,
            cache_write: tokens.cache_write,
            reasoning: tokens.thinking,
        });
        ChatResponse { blocks: self.parts.blocks(), ended, usage, model: self.model, stop }
    }
}

fn is_empty(input: &Value) -> bool {
    input.is_null() || input.as_object().is_some_and(serde_json::Map::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::chat::Block;
    use crate::llm::parts::tests::{decode, decode_every_way};
    use serde_json::json;

    const STREAM: &str = "event: message_start\r\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"claude-x\",\
        \"usage\":{\"input_tokens\":3,\"cache_read_input_tokens\":5,\"cache_creation_input_tokens\":7,\"output_tokens\":1}}}\r\n\r\n\
        event: ping\ndata: {\"type\": \"ping\"}\n\n\
        data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\"}}\n\n\
        data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"hm\"}}\n\n\
        data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"c2ln+/==\"}}\n\n\
        data: {\"type\":\"content_block_stop\",\"index\":0}\n\n\
        data: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n\
        data: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"text_delta\",\"text\":\"Gr\u{fc}\u{df}e \u{1f600}\"}}\n\n\
        data: {\"type\":\"content_block_stop\",\"index\":1}\n\n\
        data: {\"type\":\"content_block_start\",\"index\":2,\"content_block\":{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"f\"}}\n\n\
        data: {\"type\":\"content_block_start\",\"index\":3,\"content_block\":{\"type\":\"tool_use\",\"id\":\"b\",\"name\":\"g\",\"input\":{}}}\n\n\
        data: {\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"x\\\":\"}}\n\n\
        data: {\"type\":\"content_block_delta\",\"index\":3,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"\"}}\n\n\
        data: {\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"1}\"}}\n\n\
        data: {\"type\":\"something_new\",\"index\":9}\n\n\
        data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"},\"usage\":{\"output_tokens\":11}}\n\n\
        data: {\"type\":\"message_stop\"}\n\n";

    #[test]
    fn a_stream_cut_anywhere() {
        let (response, prose) = decode_every_way(Decoding::default, STREAM);
        assert_eq!(prose, "Gr\u{fc}\u{df}e \u{1f600}");
        assert_eq!(
            response,
            ChatResponse {
                blocks: vec![
                    Block::Opaque {
                        api: API.to_owned(),
                        value: json!({"type": "thinking", "thinking": "hm", "signature": "c2ln+/=="}),
                        unfinished: false,
                    },
                    Block::Text { text: prose },
                    Block::ToolUse { id: "a".to_owned(), name: "f".to_owned(), input: json!({"x": 1}) },
                    Block::ToolUse { id: "b".to_owned(), name: "g".to_owned(), input: json!({}) },
                ],
                ended: Ended::ToolUse,
                usage: Some(Usage { input: 15, output: 11, cache_read: 5, cache_write: 7, reasoning: 0 }),
                model: "claude-x".to_owned(),
                stop: None,
            }
        );
    }

    #[test]
    fn reasons_to_stop() {
        for (reason, expected) in [
            ("end_turn", Ended::EndTurn),
            ("stop_sequence", Ended::EndTurn),
            ("tool_use", Ended::ToolUse),
            ("max_tokens", Ended::MaxTokens),
            ("refusal", Ended::Refusal),
            ("pause_turn", Ended::Other),
            ("another", Ended::Other),
        ] {
            let stream = format!(
                "data: {{\"type\":\"message_delta\",\"delta\":{{\"stop_reason\":\"{reason}\"}}}}\n\n\
                 data: {{\"type\":\"message_stop\"}}\n\n"
            );
            let (response, _) = decode(Decoding::default(), [stream.as_bytes()]);
            assert_eq!(response.ended, expected, "{reason}");
            assert_eq!((response.blocks.len(), response.usage), (0, None));
        }
    }

    #[test]
    fn a_refusal_keeps_its_details_and_a_cut_thought_is_marked() {
        let details = json!({"type": "refusal", "category": "bio", "explanation": "no"});
        let delta = json!({"type": "message_delta", "delta": {"stop_reason": "refusal", "stop_details": details}});
        let stream = format!("data: {delta}\n\ndata: {{\"type\":\"message_stop\"}}\n\n");
        let (response, _) = decode(Decoding::default(), [stream.as_bytes()]);
        assert_eq!(response.stop, Some(StopDetails { reason: "refusal".to_owned(), details }));
        let body =
            json!({"model": "m", "stop_reason": "max_tokens", "content": [{"type": "thinking", "thinking": "and"}]});
        let mut decoder = Decoding::default();
        decoder.whole(&body, &mut |_| {}).unwrap();
        let response = decoder.finish();
        assert!(matches!(&response.blocks[..], [Block::Opaque { unfinished: true, .. }]), "{response:?}");
    }

    #[test]
    fn an_answer_in_one_piece() {
        let body = json!({"model": "m", "stop_reason": "tool_use", "usage": {"input_tokens": 1, "output_tokens": 2},
            "content": [{"type": "text", "text": "t"}, {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}]});
        let mut decoder = Decoding::default();
        let mut prose = String::new();
        decoder.whole(&body, &mut |piece| prose.push_str(piece)).unwrap();
        let response = decoder.finish();
        assert_eq!((prose.as_str(), response.blocks.len(), response.ended), ("t", 2, Ended::ToolUse));
        assert!(matches!(Decoding::default().whole(&json!({"error": {"type": "api_error"}}), &mut |_| {}),
            Err(Broken::Reported { kind, .. }) if kind == "api_error"));
        assert!(matches!(Decoding::default().whole(&json!([1]), &mut |_| {}), Err(Broken::Nonsense(_))));
    }
}
