//! Answers of Gemini's own interface: every event is a piece of the response, with whole parts in it.

use super::API;
use crate::llm::chat::{ChatResponse, Ended, StopDetails, Usage};
use crate::llm::http::{Broken, Decoder, Progress};
use crate::llm::parts::{Part, Parts, extras, parsed, reported, text_at};
use crate::llm::sse::Event;
use serde_json::{Map, Value};

/// Fields of a part that are said in another way.
const SAID: [&str; 2] = ["text", "functionCall"];

/// Puts a response together.
#[derive(Debug, Default)]
pub(super) struct Decoding {
    /// The beginning of the names of calls that the server gives none.
    own: String,
    parts: Parts,
    next: u64,
    /// The next piece of prose belongs to the last part.
    open: bool,
    calls: u32,
    usage: Option<Usage>,
    reason: Option<String>,
    /// Why the prompt was blocked.
    blocked: Option<Value>,
    message: Value,
    model: String,
    begun: bool,
    whole: bool,
}

impl Decoding {
    pub fn new(own: String) -> Decoding {
        Decoding { own, ..Decoding::default() }
    }

    fn push(&mut self, part: Part) -> Result<(), Broken> {
        let number = self.next;
        self.next += 1;
        self.parts.at(number, || part).map(|_| ())
    }

    fn part(&mut self, part: &Value, text: &mut dyn FnMut(&str)) -> Result<(), Broken> {
        let Some(fields) = part.as_object() else { return Ok(()) };
        let rest: Map<String, Value> = fields
            .iter()
            .filter(|(name, value)| !SAID.contains(&name.as_str()) && !value.is_null())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if let Some(call) = fields.get("functionCall") {
            self.open = false;
            if let Some(extra) = extras(API, "call", rest).filter(|_| fields.len() > 1) {
                self.push(extra)?;
            }
            self.calls += 1;
            let id = match text_at(call, "/id") {
                "" => format!("{}-{}", self.own, self.calls),
                id => id.to_owned(),
            };
            let json = call.get("args").map_or_else(String::new, Value::to_string);
            return self.push(Part::Tool { id, name: text_at(call, "/name").to_owned(), json });
        }
        let words = text_at(part, "/text");
        let plain = rest.is_empty() && fields.contains_key("text");
        if plain && !words.is_empty() {
            text(words);
            if let (true, Some(Part::Text(known))) = (self.open, self.parts.last_mut()) {
                known.push_str(words);
                return Ok(());
            }
            self.open = true;
            return self.push(Part::Text(words.to_owned()));
        }
        if plain {
            return Ok(());
        }
        self.open = false;
        // Prose that carries a signature is prose; thought, and a signature alone, go back as they came.
        if !words.is_empty() && fields.get("thought") != Some(&Value::Bool(true)) {
            if let Some(extra) = extras(API, "text", rest) {
                self.push(extra)?;
            }
            text(words);
            return self.push(Part::Text(words.to_owned()));
        }
        self.push(Part::Opaque { api: API, value: part.clone(), unfinished: false })
    }

    fn read(&mut self, body: &Value, text: &mut dyn FnMut(&str)) -> Result<(), Broken> {
        if body.get("error").is_some_and(|error| !error.is_null()) {
            return Err(reported(body));
        }
        let candidate = body.pointer("/candidates/0").unwrap_or(&Value::Null);
        self.begun |=
            candidate.is_object() || body.get("usageMetadata").is_some() || body.get("promptFeedback").is_some();
        for part in candidate.pointer("/content/parts").and_then(Value::as_array).into_iter().flatten() {
            self.part(part, text)?;
        }
        if let Some(reason) = candidate.get("finishReason").and_then(Value::as_str) {
            self.reason = Some(reason.to_owned());
            self.message = candidate.get("finishMessage").cloned().unwrap_or_default();
        }
        if let Some(feedback) = body.get("promptFeedback").filter(|it| it.get("blockReason").is_some()) {
            self.blocked = Some(feedback.clone());
        }
        let model = text_at(body, "/modelVersion");
        if !model.is_empty() {
            model.clone_into(&mut self.model);
        }
        self.read_usage(body.get("usageMetadata"));
        Ok(())
    }

    fn read_usage(&mut self, usage: Option<&Value>) {
        let Some(usage) = usage.filter(|usage| usage.is_object()) else { return };
        let count = |name: &str| usage.get(name).and_then(Value::as_u64).unwrap_or(0);
        self.usage = Some(Usage {
            input: count("promptTokenCount").saturating_add(count("toolUsePromptTokenCount")),
            // Thoughts are counted apart here, and are part of `Usage::output`.
            output: count("candidatesTokenCount").saturating_add(count("thoughtsTokenCount")),
            cache_read: count("cachedContentTokenCount"),
            cache_write: 0,
            reasoning: count("thoughtsTokenCount"),
        });
    }

    fn ended(&self) -> Ended {
        match self.reason.as_deref() {
            _ if self.blocked.is_some() => Ended::Refusal,
            Some("STOP") | None if self.parts.has_tool() => Ended::ToolUse,
            Some("STOP") | None => Ended::EndTurn,
            Some("MAX_TOKENS") => Ended::MaxTokens,
            Some("SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "MODEL_ARMOR") => {
                Ended::Refusal
            }
            Some(_) => Ended::Other,
        }
    }
}

impl Decoder for Decoding {
    fn event(&mut self, event: &Event, text: &mut dyn FnMut(&str)) -> Result<Progress, Broken> {
        if matches!(event.data.trim(), "" | "[DONE]") {
            return Ok(Progress::Open);
        }
        self.read(&parsed(&event.data)?, text)?;
        Ok(Progress::Open)
    }

    fn whole(&mut self, body: &Value, text: &mut dyn FnMut(&str)) -> Result<(), Broken> {
        // Without `alt=sse` a stream is a list of pieces.
        match body {
            Value::Array(pieces) => pieces.iter().try_for_each(|piece| self.read(piece, text))?,
            piece => self.read(piece, text)?,
        }
        self.whole = self.begun;
        if self.begun { Ok(()) } else { Err(Broken::Nonsense("no `candidates`".to_owned())) }
    }

    fn complete(&self) -> bool {
        self.whole || self.reason.is_some() || self.blocked.is_some()
    }

    fn begun(&self) -> bool {
        self.begun
    }

    fn finish(mut self) -> ChatResponse {
        let ended = self.ended();
        let stop = match (ended, self.blocked.take(), self.reason) {
            (Ended::Refusal, Some(feedback), _) => {
                Some(StopDetails { reason: text_at(&feedback, "/blockReason").to_owned(), details: feedback })
            }
            (Ended::Refusal | Ended::Other, None, Some(reason)) => Some(StopDetails { reason, details: self.message }),
            _ => None,
        };
        ChatResponse { blocks: self.parts.blocks(), ended, usage: self.usage, model: self.model, stop }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::chat::Block;
    use crate::llm::parts::tests::{decode, decode_every_way};
    use serde_json::json;

    fn piece(parts: Value, reason: Option<&str>) -> String {
        let mut candidate = json!({"content": {"role": "model", "parts": parts}});
        if let (Some(reason), Some(fields)) = (reason, candidate.as_object_mut()) {
            fields.insert("finishReason".to_owned(), reason.into());
        }
        let usage = json!({"promptTokenCount": 9, "candidatesTokenCount": 4, "thoughtsTokenCount": 6, "cachedContentTokenCount": 3});
        let body = json!({"candidates": [candidate], "modelVersion": "gemini-x", "usageMetadata": usage});
        format!("data: {body}\r\n\r\n")
    }

    fn fresh() -> Decoding {
        Decoding::new("gemini-1".to_owned())
    }

    #[test]
    fn a_stream_cut_anywhere() {
        let thought = json!({"text": "hm", "thought": true});
        let call = json!({"functionCall": {"name": "f", "args": {"x": 1}}, "thoughtSignature": "c2ln+/=="});
        let stream = piece(json!([thought]), None)
            + &piece(json!([{"text": "Grü"}]), None)
            + &piece(json!([{"text": "ße"}]), None)
            + &piece(json!([call, {"functionCall": {"id": "b", "name": "g"}}]), None)
            + &piece(json!([{"text": "", "thoughtSignature": "bGFzdA=="}]), Some("STOP"));
        let (response, prose) = decode_every_way(fresh, &stream);
        assert_eq!(prose, "Grüße");
        let opaque = |value| Block::Opaque { api: API.to_owned(), value, unfinished: false };
        let tool = |id: &str, name: &str, input| Block::ToolUse { id: id.to_owned(), name: name.to_owned(), input };
        assert_eq!(
            response,
            ChatResponse {
                blocks: vec![
                    opaque(thought),
                    Block::Text { text: prose },
                    opaque(json!({"extras": "call", "fields": {"thoughtSignature": "c2ln+/=="}})),
                    tool("gemini-1-1", "f", json!({"x": 1})),
                    tool("b", "g", json!({})),
                    opaque(json!({"text": "", "thoughtSignature": "bGFzdA=="})),
                ],
                ended: Ended::ToolUse,
                usage: Some(Usage { input: 9, output: 10, cache_read: 3, cache_write: 0, reasoning: 6 }),
                model: "gemini-x".to_owned(),
                stop: None,
            }
        );
    }

    #[test]
    fn reasons_to_stop() {
        for (reason, expected) in [
            ("STOP", Ended::EndTurn),
            ("MAX_TOKENS", Ended::MaxTokens),
            ("SAFETY", Ended::Refusal),
            ("MALFORMED_FUNCTION_CALL", Ended::Other),
        ] {
            let (response, _) = decode(fresh(), [piece(json!([{"text": "x"}]), Some(reason)).as_bytes()]);
            assert_eq!(response.ended, expected);
            assert_eq!(response.stop.is_some(), !matches!(expected, Ended::EndTurn | Ended::MaxTokens));
        }
        let blocked = json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}});
        let (response, _) = decode(fresh(), [format!("data: {blocked}\n\n").as_bytes()]);
        assert_eq!((response.ended, response.stop.unwrap().reason.as_str()), (Ended::Refusal, "PROHIBITED_CONTENT"));
    }
}
