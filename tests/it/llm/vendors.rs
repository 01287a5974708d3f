//! A server for each interface that holds requests to its vendor's rules, and models that keep them.
//!
//! The rules are those of the vendors' references of late 2026: what is forced, what must come back, what is refused.

use super::support::*;
use oci_agent::llm::{
    Api, Block, ChatModel, ChatRequest, ChatResponse, Choice, Ended, Message, ModelError, Provider, Settings, Speaker,
    connect, offline,
};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

/// What a server makes of the head and the body of a request: a status and an answer.
type Rules = fn(&str, &Value) -> (u16, Value);

/// A server that judges every request, and remembers it.
struct Vendor {
    url: String,
    heard: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Vendor {
    fn start(rules: Rules) -> Vendor {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let memory = Arc::clone(&heard);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let (mut bytes, mut piece) = (Vec::new(), [0; 65_536]);
                let (head, body) = loop {
                    let n = stream.read(&mut piece).unwrap_or(0);
                    bytes.extend_from_slice(&piece[..n]);
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                    if let Ok(body) = serde_json::from_str::<Value>(body) {
                        break (head.to_owned(), body);
                    }
                };
                let (status, answer) = rules(&head, &body);
                memory.lock().unwrap().push((head, body));
                let answer = answer.to_string();
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nx-request-id: req_1\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}",
                    answer.len()
                );
            }
        });
        Vendor { url, heard }
    }

    fn heard(&self) -> Vec<(String, Value)> {
        self.heard.lock().unwrap().clone()
    }

    fn settings(&self, provider: Provider, model: &str) -> Settings {
        Settings { model: model.to_owned(), ..settings(provider, &self.url) }
    }
}

fn no(words: &str) -> (u16, Value) {
    (400, json!({"error": {"type": "invalid_request_error", "message": words}}))
}

fn asking() -> ChatRequest {
    ChatRequest { tools: vec![tool("look"), tool("grade")], ..request() }
}

/// The conversation after an answer whose calls were all carried out.
fn after(mut request: ChatRequest, response: &ChatResponse) -> ChatRequest {
    let result = |block: &Block| match block {
        Block::ToolUse { id, .. } => {
            Some(Block::ToolResult { id: id.clone(), content: "done".to_owned(), is_error: false })
        }
        _ => None,
    };
    let results = response.blocks.iter().filter_map(result).collect();
    request.messages.push(Message { speaker: Speaker::Assistant, blocks: response.blocks.clone() });
    request.messages.push(Message { speaker: Speaker::User, blocks: results });
    request
}

/// Two turns: a call, and the same again with the tool asked for by name.
fn two_turns(settings: Settings) -> (Box<dyn ChatModel>, Ear, ChatResponse, ChatRequest) {
    let (mut model, mut ear) = (connect(settings).unwrap(), Ear::default());
    let first = model.complete(&asking(), &mut ear).unwrap();
    assert_eq!(first.ended, Ended::ToolUse);
    let forced = ChatRequest { choice: Choice::Tool("grade".to_owned()), ..after(asking(), &first) };
    let second = model.complete(&forced, &mut ear).unwrap();
    (model, ear, second, forced)
}

const SIGNATURE: &str = "EqoBCkgIARABIHNrLWxvb2tzLWxpa2UtYS1rZXkg//4=";

/// A current Claude: no forced tool, no sampling, no fixed thinking, and every thinking block as it was.
fn claude(_: &str, body: &Value) -> (u16, Value) {
    if matches!(body["tool_choice"]["type"].as_str(), Some("any" | "tool")) {
        return no("tool_choice: forced tool use is not supported for this model.");
    }
    if body.get("temperature").is_some() {
        return no("`temperature` is deprecated for this model.");
    }
    if body["thinking"]["type"] == "enabled" {
        return no("\"thinking.type.enabled\" is not supported for this model.");
    }
    let thought = json!({"type": "thinking", "thinking": "", "signature": SIGNATURE});
    for message in body["messages"].as_array().unwrap().iter().filter(|message| message["role"] == "assistant") {
        let content = message["content"].as_array().unwrap();
        if content.first() != Some(&thought) || content.last().is_some_and(|last| last["type"] == "thinking") {
            return no("messages.1.content.0: Invalid `signature` in `thinking` block.");
        }
    }
    let id = format!("toolu_{}", body["messages"].as_array().unwrap().len());
    (
        200,
        json!({"type": "message", "role": "assistant", "model": body["model"], "stop_reason": "tool_use",
            "content": [thought, {"type": "tool_use", "id": id, "name": "grade", "input": {"grade": 1}}],
            "usage": {"input_tokens": 10, "output_tokens": 9, "output_tokens_details": {"thinking_tokens": 6}}}),
    )
}

#[test]
fn claude_thinks_and_is_not_forced() {
    for model in ["claude-opus-5-5", "a-model-nobody-knows"] {
        let vendor = Vendor::start(claude);
        let mut settings = vendor.settings(Provider::Anthropic, model);
        (settings.temperature, settings.effort) = (Some(0.0), Some("high".to_owned()));
        let (model_, ear, second, forced) = two_turns(settings.clone());
        assert_eq!(second.usage.map(|usage| usage.reasoning), Some(6));
        let heard = vendor.heard();
        let last = &heard.last().unwrap().1;
        assert_eq!((&last["tool_choice"], last.get("temperature")), (&json!({"type": "auto"}), None));
        assert_eq!(last["output_config"], json!({"effort": "high"}));
        assert!(last["messages"].to_string().contains("one call of `grade`"), "asked for in words");
        assert!(heard[0].0.to_lowercase().contains("user-agent: oci-agent/"), "{}", heard[0].0);
        // A model of the table is asked rightly from the start; another one is found out, each parameter once.
        let refused = usize::from(model == "a-model-nobody-knows") * 2;
        assert_eq!((heard.len(), ear.notes.len()), (2 + refused, refused), "{:?}", ear.notes);
        // On record, and found again from it by a model that has not been told anything.
        let facts = model_.facts();
        assert!(facts.adapted.contains(&"tool_choice auto".to_owned()), "{facts:?}");
        assert_eq!(facts.request_id.as_deref(), Some("req_1"));
        assert_eq!(offline(settings).unwrap().body_as(&forced, &facts.adapted), *last);
    }
}

/// A current GPT by its Responses interface: nothing is stored, reasoning comes back with what follows it, strict schemas.
fn gpt(head: &str, body: &Value) -> (u16, Value) {
    if !head.starts_with("POST /v1/responses ") {
        return no("Function tools with reasoning_effort are not supported in /v1/chat/completions.");
    }
    if body["store"] != false || body["include"] != json!(["reasoning.encrypted_content"]) {
        return no("nothing is stored here");
    }
    if body.get("temperature").is_some() {
        return no("Unsupported parameter: 'temperature' is not supported with this model.");
    }
    for tool in body["tools"].as_array().unwrap() {
        let fields = tool["parameters"]["properties"].as_object().unwrap();
        let required = tool["parameters"]["required"].as_array().unwrap();
        if tool["strict"] == true
            && (fields.len() != required.len() || tool["parameters"]["additionalProperties"] != false)
        {
            return no("Invalid schema for function");
        }
    }
    let reasoning = json!({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA+/=="});
    let input = body["input"].as_array().unwrap();
    for (at, item) in input.iter().enumerate().filter(|(_, item)| item["type"] == "function_call") {
        if input[at - 1] != reasoning || item["id"] != "fc_1" {
            return no(
                "Item 'fc_1' of type 'function_call' was provided without its required 'reasoning' item: 'rs_1'.",
            );
        }
        if input[at + 1]["type"] != "function_call_output" || input[at + 1]["call_id"] != item["call_id"] {
            return no("No tool output found for function call");
        }
    }
    let id = format!("call_{}", input.len());
    (
        200,
        json!({"status": "completed", "model": body["model"], "output": [reasoning,
            {"type": "function_call", "id": "fc_1", "call_id": id, "name": "grade", "arguments": "{\"grade\":1}", "status": "completed"}],
            "usage": {"input_tokens": 10, "output_tokens": 9, "output_tokens_details": {"reasoning_tokens": 6}}}),
    )
}

#[test]
fn gpt_gets_its_reasoning_back() {
    let vendor = Vendor::start(gpt);
    let mut settings = vendor.settings(Provider::OpenAi, "gpt-6-sol");
    (settings.temperature, settings.api, settings.effort) = (Some(0.0), Some(Api::Responses), Some("low".to_owned()));
    let (model, ear, second, forced) = two_turns(settings);
    assert_eq!(second.usage.map(|usage| usage.reasoning), Some(6));
    let heard = vendor.heard();
    assert_eq!((heard.len(), ear.notes.len()), (2, 0), "{:?}", ear.notes);
    let last = &heard[1].1;
    assert_eq!(last["tool_choice"], json!({"type": "function", "name": "grade"}));
    assert_eq!((&last["reasoning"], &last["tools"][0]["strict"]), (&json!({"effort": "low"}), &json!(true)));
    assert_eq!(model.body(&forced), *last);
}

/// A compatible server whose model refuses tools while it thinks, and the older name of the limit.
fn gpt_by_chat(_: &str, body: &Value) -> (u16, Value) {
    if body.get("max_tokens").is_some() {
        return no(
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        );
    }
    if body.get("tools").is_some() && body["reasoning_effort"] != "none" {
        return no(
            "Function tools with reasoning_effort are not supported for gpt-6-sol in /v1/chat/completions. To use \
                   function tools, use /v1/responses or set reasoning_effort to 'none'.",
        );
    }
    let call = json!({"id": "c", "type": "function", "function": {"name": "grade", "arguments": "{\"grade\":1}"}});
    (
        200,
        json!({"model": "m", "choices": [{"finish_reason": "tool_calls", "message": {"content": null, "tool_calls": [call]}}]}),
    )
}

#[test]
fn chat_completions_are_negotiated_parameter_by_parameter() {
    let vendor = Vendor::start(gpt_by_chat);
    let (model, ear, ..) = two_turns(vendor.settings(Provider::OpenAi, "gpt-6-sol"));
    assert_eq!((vendor.heard().len(), ear.notes.len()), (4, 2), "{:?}", ear.notes);
    let adapted = model.facts().adapted;
    for change in ["max_completion_tokens", "effort none"] {
        assert!(adapted.contains(&change.to_owned()), "{adapted:?}");
    }
}

/// A Gemini 3: a call without its signature is refused.
fn gemini(head: &str, body: &Value) -> (u16, Value) {
    if !head.starts_with("POST /v1beta/models/gemini-3.8-flash:streamGenerateContent?alt=sse ") {
        return no("no such method");
    }
    let parts = body["contents"].as_array().unwrap().iter().flat_map(|content| content["parts"].as_array().unwrap());
    for part in parts {
        if part.get("functionCall").is_some() && part["thoughtSignature"] != SIGNATURE {
            return no("Function call is missing a thought_signature in functionCall parts.");
        }
        if part.get("functionResponse").is_some_and(|response| response["name"] != "grade") {
            return no("a response without its function");
        }
    }
    let call = json!({"functionCall": {"name": "grade", "args": {"grade": 1}}, "thoughtSignature": SIGNATURE});
    (
        200,
        json!({"modelVersion": "m", "candidates": [{"finishReason": "STOP", "content": {"role": "model", "parts": [call]}}],
            "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 3, "thoughtsTokenCount": 6}}),
    )
}

#[test]
fn gemini_gets_its_signature_back() {
    let vendor = Vendor::start(gemini);
    let mut settings = vendor.settings(Provider::Gemini, "gemini-3.8-flash");
    settings.effort = Some("low".to_owned());
    let (_, ear, second, _) = two_turns(settings);
    assert_eq!(second.usage.map(|usage| (usage.output, usage.reasoning)), Some((9, 6)));
    let heard = vendor.heard();
    assert_eq!((heard.len(), ear.notes.len()), (2, 0), "{:?}", ear.notes);
    assert!(heard[0].0.contains(&format!("x-goog-api-key: {KEY}")), "{}", heard[0].0);
    let last = &heard[1].1;
    assert_eq!(last["generationConfig"]["thinkingConfig"], json!({"thinkingLevel": "LOW"}));
    assert_eq!(last["toolConfig"]["functionCallingConfig"], json!({"mode": "ANY", "allowedFunctionNames": ["grade"]}));
}

/// Thinking that the server no longer takes goes, once and on record; so does a limit that is too high.
#[test]
fn a_server_that_changed_its_mind_is_answered_once() {
    fn strict(_: &str, body: &Value) -> (u16, Value) {
        if body["messages"].to_string().contains("signature") {
            return no(
                "messages.1.content.0: Invalid `signature` in `thinking` block. The block is bound to a different conversation.",
            );
        }
        match body["max_tokens"].as_u64() {
            Some(limit) if limit > 64 => no("max_tokens: 300 > 64, which is the maximum; 256 would not do"),
            _ => claude("", &json!({"messages": [], "model": "m"})),
        }
    }
    let vendor = Vendor::start(strict);
    let mut model = connect(vendor.settings(Provider::Anthropic, "m")).unwrap();
    let value = json!({"type": "thinking", "thinking": "hm", "signature": "old"});
    let thought = Block::Opaque { api: "anthropic".to_owned(), value, unfinished: false };
    let mut asked = ChatRequest { max_tokens: 60, ..asking() };
    asked.messages.push(Message { speaker: Speaker::Assistant, blocks: vec![thought, text("So.")] });
    asked.messages.push(user("Go on."));
    let mut ear = Ear::default();
    model.complete(&asked, &mut ear).unwrap();
    assert_eq!((vendor.heard().len(), ear.notes.len()), (2, 1), "{:?}", ear.notes);
    let high = ChatRequest { max_tokens: 300, ..asked };
    assert!(matches!(model.complete(&high, &mut ear), Err(ModelError::Refused { .. })), "once, and no more");
    assert_eq!(vendor.heard().len(), 4);
}

/// A parameter that was not sent is not what is wrong.
#[test]
fn a_refusal_that_names_something_else_is_an_error() {
    for (provider, api) in [
        (Provider::Anthropic, None),
        (Provider::OpenAi, Some(Api::Chat)),
        (Provider::OpenAi, Some(Api::Responses)),
        (Provider::Gemini, None),
    ] {
        let vendor = Vendor::start(|_, _| no("temperature and thinking and cache_contro are wrong"));
        let settings = Settings { api, ..vendor.settings(provider, "m") };
        let error = connect(settings).unwrap().complete(&asking(), &mut Ear::default()).unwrap_err();
        assert!(matches!(error, ModelError::Refused { .. }), "{error:?}");
        assert_eq!(vendor.heard().len(), 1);
    }
}

#[test]
fn clouds_have_their_own_addresses_and_keys() {
    for (provider, path, line, header) in [
        (Provider::Anthropic, "/model", "POST /model/m/invoke ", format!("authorization: Bearer {KEY}")),
        (
            Provider::Anthropic,
            "/v1/projects/p/locations/l",
            "POST /v1/projects/p/locations/l/publishers/anthropic/models/m:streamRawPredict ",
            format!("authorization: Bearer {KEY}"),
        ),
        (
            Provider::Gemini,
            "/v1/projects/p/locations/l",
            "POST /v1/projects/p/locations/l/publishers/google/models/m:streamGenerateContent?alt=sse ",
            format!("authorization: Bearer {KEY}"),
        ),
    ] {
        let vendor = Vendor::start(|_, _| no("that is all"));
        let mut settings = vendor.settings(provider, "m");
        settings.base_url = settings.base_url.map(|url| url + path);
        settings.headers = vec![("x-team".to_owned(), "blue".to_owned())];
        settings.extra_body = json!({"service_tier": "standard"}).as_object().unwrap().clone();
        let _ = connect(settings).unwrap().complete(&asking(), &mut Ear::default());
        let (head, body) = vendor.heard()[0].clone();
        assert!(head.starts_with(line) && head.contains(&header) && head.contains("x-team: blue"), "{head}");
        assert_eq!(body["service_tier"], "standard");
        let version = body["anthropic_version"].as_str().unwrap_or_default();
        assert_eq!(!version.is_empty(), provider == Provider::Anthropic);
        assert!(body.get("model").is_none());
    }
}

/// `OCI_BODIES=folder` writes a body of each interface there, to be held against the vendors' own types.
#[test]
#[allow(clippy::disallowed_methods, reason = "the one switch of this test")]
fn bodies_can_be_written_out() {
    let Some(folder) = std::env::var_os("OCI_BODIES") else { return };
    for (name, rules, provider, model, api) in [
        ("anthropic", claude as Rules, Provider::Anthropic, "claude-opus-5-5", None),
        ("responses", gpt, Provider::OpenAi, "gpt-6-sol", Some(Api::Responses)),
        ("chat", gpt_by_chat, Provider::OpenAi, "gpt-6-sol", Some(Api::Chat)),
        ("gemini", gemini, Provider::Gemini, "gemini-3.8-flash", None),
    ] {
        let vendor = Vendor::start(rules);
        let mut settings = vendor.settings(provider, model);
        (settings.api, settings.effort) = (api, Some("low".to_owned()));
        two_turns(settings);
        let body = vendor.heard().last().unwrap().1.to_string();
        std::fs::write(std::path::Path::new(&folder).join(format!("{name}.json")), body).unwrap();
    }
}
