//! Answers of the Responses interface: a list of items, each of which comes whole when it is done.

use super::API;
use crate::llm::chat::{ChatResponse, Ended, StopDetails, Usage};
use crate::llm::http::{Broken, Decoder, Progress};
use crate::llm::parts::{Part, Parts, extras, parsed, reported, text_at};
use crate::llm::sse::Event;
use serde_json::{Map, Value, json};

/// Puts a response together.
#[derive(Debug, Default)]
pub(super) struct Decoding {
    parts: Parts,
    /// The number of the next part.
    next: u64,
    usage: Option<Usage>,
    status: String,
    /// Why it is incomplete.
    incomplete: Value,
    refused: bool,
    model: String,
    begun: bool,
    complete: bool,
}

impl Decoding {
    fn push(&mut self, part: Part) -> Result<(), Broken> {
        let number = self.next;
        self.next += 1;
        self.parts.at(number, || part).map(|_| ())
    }

    /// A finished item of the answer.
    fn item(&mut self, item: &Value) -> Result<(), Broken> {
        let text = |name: &str| text_at(item, name).to_owned();
        match text_at(item, "/type") {
            "message" => {
                self.keep("message", item, &["type", "role", "content"])?;
                for part in item.get("content").and_then(Value::as_array).into_iter().flatten() {
                    let refusal = text_at(part, "/refusal");
                    self.refused |= !refusal.is_empty();
                    let words = if refusal.is_empty() { text_at(part, "/text") } else { refusal };
                    self.push(Part::Text(words.to_owned()))?;
                }
                Ok(())
            }
            "function_call" => {
                self.keep("function_call", item, &["type", "call_id", "name", "arguments"])?;
                let json = without_nulls(&text("/arguments"));
                self.push(Part::Tool { id: text("/call_id"), name: text("/name"), json })
            }
            "" => Ok(()),
            // Reasoning, and whatever else a server may want back.
            _ => {
                let unfinished = matches!(text_at(item, "/status"), "incomplete" | "in_progress");
                self.push(Part::Opaque { api: API, value: item.clone(), unfinished })
            }
        }
    }

    /// Fields of an item that go back with it.
    fn keep(&mut self, of: &str, item: &Value, said: &[&str]) -> Result<(), Broken> {
        let fields: Map<String, Value> = item
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(name, value)| !said.contains(&name.as_str()) && !value.is_null())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        match extras(API, of, fields) {
            Some(part) => self.push(part),
            None => Ok(()),
        }
    }

    /// The response object at the end of a stream, or as the whole of an answer.
    fn response(&mut self, response: &Value) -> Result<(), Broken> {
        if response.get("error").is_some_and(|error| !error.is_null()) {
            return Err(reported(response));
        }
        text_at(response, "/status").clone_into(&mut self.status);
        self.incomplete = response.get("incomplete_details").cloned().unwrap_or_default();
        text_at(response, "/model").clone_into(&mut self.model);
        if let Some(usage) = response.get("usage").filter(|usage| usage.is_object()) {
            let count = |pointer: &str| usage.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
            self.usage = Some(Usage {
                input: count("/input_tokens"),
                output: count("/output_tokens"),
                cache_read: count("/input_tokens_details/cached_tokens"),
                cache_write: count("/input_tokens_details/cache_write_tokens"),
                reasoning: count("/output_tokens_details/reasoning_tokens"),
            });
        }
        if self.next == 0 {
            for item in response.get("output").and_then(Value::as_array).into_iter().flatten() {
                self.item(item)?;
            }
        }
        self.complete = true;
        Ok(())
    }

    fn ended(&self) -> Ended {
        match (text_at(&self.incomplete, "/reason"), self.status.as_str()) {
            _ if self.refused => Ended::Refusal,
            ("max_output_tokens", _) => Ended::MaxTokens,
            ("content_filter", _) => Ended::Refusal,
            (_, "completed" | "") if self.parts.has_tool() => Ended::ToolUse,
            (_, "completed" | "") => Ended::EndTurn,
            _ => Ended::Other,
        }
    }

    fn stop(&self, ended: Ended) -> Option<StopDetails> {
        let reason = match text_at(&self.incomplete, "/reason") {
            "" if self.refused => "refusal",
            "" => self.status.as_str(),
            reason => reason,
        };
        let worth = matches!(ended, Ended::Refusal | Ended::Other);
        worth.then(|| StopDetails { reason: reason.to_owned(), details: Value::Null })
    }
}

/// Strict schemas have no optional fields: what a model leaves out it writes as null.
fn without_nulls(arguments: &str) -> String {
    fn strip(value: Value) -> Value {
        match value {
            Value::Object(map) => map
                .into_iter()
                .filter(|(_, item)| !item.is_null())
                .map(|(name, item)| (name, strip(item)))
                .collect::<Map<_, _>>()
                .into(),
            Value::Array(items) => items.into_iter().map(strip).collect(),
            other => other,
        }
    }
    serde_json::from_str(arguments).map_or_else(|_| arguments.to_owned(), |value| strip(value).to_string())
}

impl Decoder for Decoding {
    fn event(&mut self, event: &Event, text: &mut dyn FnMut(&str)) -> Result<Progress, Broken> {
        if matches!(event.data.trim(), "" | "[DONE]") {
            return Ok(Progress::Open);
        }
        let data = parsed(&event.data)?;
        let kind = match text_at(&data, "/type") {
            "" => event.name.as_str(),
            kind => kind,
        };
        self.begun |= kind.starts_with("response.");
        let response = data.get("response").unwrap_or(&Value::Null);
        match kind {
            "response.output_text.delta" | "response.refusal.delta" => text(text_at(&data, "/delta")),
            "response.output_item.done" => self.item(data.get("item").unwrap_or(&Value::Null))?,
            "response.completed" | "response.incomplete" => {
                self.response(response)?;
                return Ok(Progress::Done);
            }
            "response.failed" => {
                let error = response.get("error").filter(|error| error.is_object());
                return Err(reported(
                    &json!({"error": error.cloned().unwrap_or_else(|| json!({"code": "server_error"}))}),
                ));
            }
            "error" => return Err(reported(&json!({"error": error_of(&data)}))),
            _ if data.get("error").is_some_and(Value::is_object) => return Err(reported(&data)),
            _ => {}
        }
        Ok(Progress::Open)
    }

    fn whole(&mut self, body: &Value, text: &mut dyn FnMut(&str)) -> Result<(), Broken> {
        if body.get("output").and_then(Value::as_array).is_none() {
            let error = body.get("error").is_some_and(|error| !error.is_null());
            return Err(if error { reported(body) } else { Broken::Nonsense("no `output`".to_owned()) });
        }
        self.response(body)?;
        self.begun = true;
        let items = body.get("output").and_then(Value::as_array).into_iter().flatten();
        for part in items.filter_map(|item| item.get("content").and_then(Value::as_array)).flatten() {
            text(text_at(part, "/text"));
        }
        Ok(())
    }

    fn complete(&self) -> bool {
        self.complete
    }

    fn begun(&self) -> bool {
        self.begun
    }

    fn finish(self) -> ChatResponse {
        let ended = self.ended();
        let stop = self.stop(ended);
        ChatResponse { blocks: self.parts.blocks(), ended, usage: self.usage, model: self.model, stop }
    }
}

/// The event `error` has its fields at the top, beside a `type` that names the event; older servers nest them.
fn error_of(data: &Value) -> Value {
    match data.get("error").filter(|error| error.is_object()) {
        Some(error) => error.clone(),
        None => json!({"code": data.get("code"), "message": data.get("message")}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::chat::Block;
    use crate::llm::parts::tests::{decode, decode_every_way};

    fn stream(events: &[Value]) -> String {
        events.iter().map(|event| format!("event: {}\ndata: {event}\n\n", text_at(event, "/type"))).collect()
    }

    #[test]
    fn a_stream_cut_anywhere() {
        let reasoning = json!({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "Z0FB+/=="});
        let call = json!({"type": "function_call", "id": "fc_1", "status": "completed", "call_id": "c1", "name": "f",
            "arguments": "{\"x\":1,\"y\":null}"});
        let message = json!({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "phase": "commentary",
            "content": [{"type": "output_text", "text": "Grüße", "annotations": []}]});
        let events = [
            json!({"type": "response.created", "response": {"status": "in_progress"}}),
            json!({"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning"}}),
            json!({"type": "response.output_item.done", "output_index": 0, "item": reasoning}),
            json!({"type": "response.output_text.delta", "output_index": 1, "delta": "Grü"}),
            json!({"type": "response.output_text.delta", "output_index": 1, "delta": "ße"}),
            json!({"type": "response.output_item.done", "output_index": 1, "item": message}),
            json!({"type": "response.function_call_arguments.delta", "output_index": 2, "delta": "{\"x\""}),
            json!({"type": "response.output_item.done", "output_index": 2, "item": call}),
            json!({"type": "response.completed", "response": {"status": "completed", "model": "gpt-x", "output": [],
                "usage": {"input_tokens": 9, "output_tokens": 7, "input_tokens_details": {"cached_tokens": 3},
                          "output_tokens_details": {"reasoning_tokens": 5}}}}),
        ];
        let (response, prose) = decode_every_way(Decoding::default, &stream(&events));
        assert_eq!(prose, "Grüße");
        let opaque = |value| Block::Opaque { api: API.to_owned(), value, unfinished: false };
        assert_eq!(
            response,
            ChatResponse {
                blocks: vec![
                    opaque(reasoning),
                    opaque(
                        json!({"extras": "message", "fields": {"id": "msg_1", "status": "completed", "phase": "commentary"}})
                    ),
                    Block::Text { text: prose },
                    opaque(json!({"extras": "function_call", "fields": {"id": "fc_1", "status": "completed"}})),
                    Block::ToolUse { id: "c1".to_owned(), name: "f".to_owned(), input: json!({"x": 1}) },
                ],
                ended: Ended::ToolUse,
                usage: Some(Usage { input: 9, output: 7, cache_read: 3, cache_write: 0, reasoning: 5 }),
                model: "gpt-x".to_owned(),
                stop: None,
            }
        );
    }

    #[test]
    fn ends() {
        let ended = |response: Value| {
            let events = [json!({"type": "response.incomplete", "response": response})];
            decode(Decoding::default(), [stream(&events).as_bytes()]).0
        };
        let cut = json!({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"},
            "output": [{"type": "reasoning", "id": "r", "summary": [], "status": "incomplete"}]});
        let response = ended(cut);
        assert_eq!((response.ended, response.stop.clone()), (Ended::MaxTokens, None));
        assert!(matches!(&response.blocks[..], [Block::Opaque { unfinished: true, .. }]), "{response:?}");
        let filtered =
            json!({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}, "output": []});
        let response = ended(filtered);
        assert_eq!((response.ended, response.stop.unwrap().reason.as_str()), (Ended::Refusal, "content_filter"));
        let refusal = json!({"status": "completed", "output": [
            {"type": "message", "content": [{"type": "refusal", "refusal": "I will not."}]}]});
        let response = ended(refusal);
        assert_eq!(
            (response.ended, response.blocks),
            (Ended::Refusal, vec![Block::Text { text: "I will not.".to_owned() }])
        );
    }

    #[test]
    fn failures_are_reported() {
        let fail = |event: Value| {
            let data = event.to_string();
            let event = Event { name: String::new(), data };
            Decoding::default().event(&event, &mut |_| {}).unwrap_err()
        };
        for event in [
            json!({"type": "response.failed", "response": {"status": "failed", "error": {"code": "server_error", "message": "x"}}}),
            json!({"type": "error", "code": "server_error", "message": "x", "param": null}),
        ] {
            assert!(matches!(fail(event), Broken::Reported { kind, .. } if kind == "server_error"));
        }
    }
}
