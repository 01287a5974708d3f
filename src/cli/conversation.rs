//! A recorded request as a person reads it: who said what, in whatever vendor's form it was sent.

use crate::text::lines;
use crate::text::lists::counted;
use serde_json::Value;

/// A message of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// `system`, `user`, `assistant`, `tool`, …
    pub(super) who: String,
    /// What was said, called or answered.
    pub(super) text: String,
}

impl Message {
    /// True if the model said it: it was shown as the answer before.
    pub(super) fn is_the_models(&self) -> bool {
        matches!(self.who.as_str(), "assistant" | "model" | "function_call" | "reasoning")
    }
}

/// The standing instructions, then every message, in order.
pub(super) fn messages(request: &Value) -> Vec<Message> {
    let mut all = Vec::new();
    for key in ["system", "instructions", "system_instruction", "systemInstruction"] {
        let text = request.get(key).map(text_of).unwrap_or_default();
        if !text.is_empty() {
            all.push(Message { who: "system".to_owned(), text });
        }
    }
    let listed = ["messages", "input", "contents"].iter().find_map(|key| request.get(key)?.as_array());
    all.extend(listed.into_iter().flatten().map(|message| {
        let who = ["role", "type"].iter().find_map(|key| message.get(key)?.as_str()).unwrap_or("message");
        Message { who: who.to_owned(), text: text_of(message) }
    }));
    all
}

/// Names of the tools that were offered.
pub(super) fn tools(request: &Value) -> Vec<String> {
    let listed = request.get("tools").and_then(Value::as_array);
    let named = |tool: &Value| {
        let declared = tool.get("functionDeclarations").or_else(|| tool.get("function_declarations"));
        match declared.and_then(Value::as_array) {
            Some(several) => several.iter().filter_map(name_of).collect(),
            None => tool.get("function").map_or_else(|| name_of(tool), name_of).into_iter().collect::<Vec<_>>(),
        }
    };
    listed.into_iter().flatten().flat_map(named).collect()
}

fn name_of(tool: &Value) -> Option<String> {
    tool.get("name")?.as_str().map(str::to_owned)
}

/// The words in a part of a message, calls and their answers among them; state that only the vendor reads is counted.
fn text_of(part: &Value) -> String {
    match part {
        Value::String(text) => text.clone(),
        Value::Array(parts) => joined(parts.iter().map(text_of)),
        Value::Object(_) => joined(of_object(part).into_iter()),
        _ => String::new(),
    }
}

fn of_object(part: &Value) -> Vec<String> {
    let mut said = Vec::new();
    for key in ["text", "content", "parts", "output", "thinking", "refusal"] {
        said.extend(part.get(key).map(text_of));
    }
    // A call: of Anthropic and Responses beside its name, of Chat under `tool_calls`, of Gemini under `functionCall`.
    if let (Some(name), Some(arguments)) = (part.get("name"), part.get("input").or_else(|| part.get("arguments"))) {
        said.push(format!("calls {}: {}", text_of(name), compact(arguments)));
    }
    for call in part.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
        said.extend(call.get("function").map(text_of));
    }
    if let Some(call) = part.get("functionCall") {
        said.push(format!(
            "calls {}: {}",
            call.get("name").map(text_of).unwrap_or_default(),
            call.get("args").map(compact).unwrap_or_default()
        ));
    }
    if let Some(answer) = part.get("functionResponse") {
        said.push(answer.get("response").map(compact).unwrap_or_default());
    }
    for key in ["signature", "data", "encrypted_content", "thoughtSignature"] {
        if let Some(Value::String(state)) = part.get(key) {
            said.push(format!("(state, {} bytes)", state.len()));
        }
    }
    said
}

fn compact(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

/// The first lines of a long text, none of them longer than a screen, and how many are left out.
pub(super) fn shortened(text: &str, most: usize) -> String {
    const WIDEST: usize = 400;
    let all: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let mut shown: Vec<String> = all.iter().take(most).map(|line| lines::cut(line, WIDEST)).collect();
    if all.len() > most {
        shown.push(format!("… {}", counted(all.len() - most, "more line")));
    }
    shown.join("\n")
}

#[cfg(test)]
mod tests {
    use super::{Message, messages, shortened, tools};
    use serde_json::json;

    fn said(request: &serde_json::Value) -> Vec<(String, String)> {
        messages(request).into_iter().map(|Message { who, text }| (who, text)).collect()
    }

    fn pair(who: &str, text: &str) -> (String, String) {
        (who.to_owned(), text.to_owned())
    }

    #[test]
    fn every_vendors_form_is_a_conversation() {
        let anthropic = json!({"system": [{"type": "text", "text": "S"}], "messages": [
            {"role": "user", "content": [{"type": "text", "text": "U"}]},
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "T", "signature": "abcd"},
                {"type": "tool_use", "id": "1", "name": "fit", "input": {"a": 1}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "R"}]}],
            "tools": [{"name": "fit", "input_schema": {}}]});
        let expected = [
            pair("system", "S"),
            pair("user", "U"),
            pair("assistant", "T\n(state, 4 bytes)\ncalls fit: {\"a\":1}"),
            pair("user", "R"),
        ];
        assert_eq!(said(&anthropic), expected);
        assert_eq!(tools(&anthropic), ["fit"]);
        let chat = json!({"messages": [{"role": "system", "content": "S"}, {"role": "assistant", "content": null,
            "tool_calls": [{"id": "1", "type": "function", "function": {"name": "fit", "arguments": "{\"a\":1}"}}]},
            {"role": "tool", "tool_call_id": "1", "content": "R"}],
            "tools": [{"type": "function", "function": {"name": "fit", "parameters": {}}}]});
        assert_eq!(said(&chat), [pair("system", "S"), pair("assistant", "calls fit: {\"a\":1}"), pair("tool", "R")]);
        assert_eq!(tools(&chat), ["fit"]);
        let responses = json!({"instructions": "S", "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "U"}]},
            {"type": "reasoning", "encrypted_content": "xyz", "summary": []},
            {"type": "function_call", "call_id": "1", "name": "fit", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "1", "output": "R"}]});
        let expected = [
            pair("system", "S"),
            pair("user", "U"),
            pair("reasoning", "(state, 3 bytes)"),
            pair("function_call", "calls fit: {}"),
            pair("function_call_output", "R"),
        ];
        assert_eq!(said(&responses), expected);
        let gemini = json!({"systemInstruction": {"parts": [{"text": "S"}]}, "contents": [
            {"role": "user", "parts": [{"text": "U"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "fit", "args": {}}, "thoughtSignature": "ab"}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "fit", "response": {"result": "R"}}}]}],
            "tools": [{"functionDeclarations": [{"name": "fit"}]}]});
        let expected = [
            pair("system", "S"),
            pair("user", "U"),
            pair("model", "calls fit: {}\n(state, 2 bytes)"),
            pair("user", "{\"result\":\"R\"}"),
        ];
        assert_eq!(said(&gemini), expected);
        assert_eq!(tools(&gemini), ["fit"]);
    }

    #[test]
    fn a_long_text_says_how_much_is_left_out() {
        assert_eq!(shortened("a\n\nb\nc\n", 2), "a\nb\n… 1 more line");
        assert_eq!(shortened("a", 2), "a");
        assert!(shortened(&"x".repeat(1_000), 2).chars().count() <= 401);
    }
}
