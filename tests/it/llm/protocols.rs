//! What is sent, and what is made of an answer.

use super::support::*;
use oci_agent::llm::{
    Block, ChatRequest, Choice, Ended, Message, ModelError, Provider, Speaker, Structured, Usage, connect,
};
use serde_json::{Value, json};

/// A conversation with everything in it.
fn conversation() -> ChatRequest {
    let call = |id: &str, input: Value| Block::ToolUse { id: id.to_owned(), name: "grade".to_owned(), input };
    let result = |id: &str, is_error| Block::ToolResult { id: id.to_owned(), content: "done".to_owned(), is_error };
    ChatRequest {
        messages: vec![
            user("Grade it."),
            Message {
                speaker: Speaker::Assistant,
                blocks: vec![text("First."), call("c1", json!({"grade": 1})), call("c2", json!("{\"grade\":"))],
            },
            Message { speaker: Speaker::User, blocks: vec![text("Go on."), result("c1", false), result("c2", true)] },
        ],
        tools: vec![tool("look"), tool("grade")],
        ..request()
    }
}

#[test]
fn anthropic_bodies() {
    let body = model(Provider::Anthropic, "http://127.0.0.1:1").body(&conversation());
    let mark = json!({"type": "ephemeral"});
    let schema = &conversation().tools[0].schema;
    assert_eq!(
        body,
        json!({
            "model": "some-model", "max_tokens": 100, "stream": true,
            "system": [{"type": "text", "text": "Be brief.", "cache_control": mark}],
            "tools": [
                {"name": "look", "description": "Gives a look.", "input_schema": schema},
                {"name": "grade", "description": "Gives a grade.", "input_schema": schema, "cache_control": mark},
            ],
            "tool_choice": {"type": "auto"},
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "Grade it."}]},
                {"role": "assistant", "content": [
                    {"type": "text", "text": "First."},
                    {"type": "tool_use", "id": "c1", "name": "grade", "input": {"grade": 1}},
                    {"type": "tool_use", "id": "c2", "name": "grade", "input": {"not_valid_json": "{\"grade\":"}},
                ]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "c1", "content": "done", "is_error": false},
                    {"type": "tool_result", "tool_use_id": "c2", "content": "done", "is_error": true},
                    {"type": "text", "text": "Go on.", "cache_control": mark},
                ]},
            ],
        })
    );
}

#[test]
fn openai_bodies() {
    let body = model(Provider::OpenAi, "http://127.0.0.1:1").body(&conversation());
    let schema = &conversation().tools[0].schema;
    let function = |name: &str| {
        json!({"type": "function",
            "function": {"name": name, "description": format!("Gives a {name}."), "parameters": schema}})
    };
    let call = |id: &str, arguments: &str| json!({"id": id, "type": "function", "function": {"name": "grade", "arguments": arguments}});
    assert_eq!(
        body,
        json!({
            "model": "some-model", "max_tokens": 100, "stream": true, "stream_options": {"include_usage": true},
            "tools": [function("look"), function("grade")], "tool_choice": "auto",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Grade it."},
                {"role": "assistant", "content": "First.", "tool_calls": [
                    call("c1", "{\"grade\":1}"), call("c2", "{\"not_valid_json\":\"{\\\"grade\\\":\"}"),
                ]},
                {"role": "tool", "tool_call_id": "c1", "content": "done"},
                {"role": "tool", "tool_call_id": "c2", "content": "error: done"},
                {"role": "user", "content": "Go on."},
            ],
        })
    );
}

#[test]
fn choices() {
    let choice = |provider, choice| {
        let request = ChatRequest { choice, tools: vec![tool("grade")], ..request() };
        model(provider, "http://127.0.0.1:1").body(&request)
    };
    let named = Choice::Tool("grade".to_owned());
    assert_eq!(choice(Provider::Anthropic, Choice::AnyTool)["tool_choice"], json!({"type": "any"}));
    assert_eq!(choice(Provider::Anthropic, named.clone())["tool_choice"], json!({"type": "tool", "name": "grade"}));
    assert_eq!(choice(Provider::OpenAi, Choice::AnyTool)["tool_choice"], json!("required"));
    let body = choice(Provider::OpenAi, named.clone());
    let format = json!({"name": "grade", "schema": tool("grade").schema, "strict": false});
    assert_eq!(body["response_format"], json!({"type": "json_schema", "json_schema": format}));
    assert_eq!((body.get("tools"), body.get("tool_choice")), (None, None));
    // After calls of tools the official interface wants the tools again.
    let body = model(Provider::OpenAi, "http://127.0.0.1:1").body(&ChatRequest { choice: named, ..conversation() });
    assert_eq!((body["tool_choice"].clone(), body["tools"].as_array().map(Vec::len)), (json!("none"), Some(2)));
}

#[test]
fn temperature_and_the_name_of_the_limit() {
    let mut settings = settings(Provider::OpenAi, "https://api.openai.com/v1/");
    settings.temperature = Some(0.25);
    settings.api = Some(oci_agent::llm::Api::Chat);
    let body = connect(settings.clone()).unwrap().body(&request());
    assert_eq!((&body["max_completion_tokens"], body.get("max_tokens")), (&json!(100), None));
    assert_eq!(body["temperature"], json!(0.25));
    settings.provider = Provider::Anthropic;
    assert_eq!(connect(settings).unwrap().body(&request())["temperature"], json!(0.25));
}

#[test]
fn what_is_sent_is_the_body_and_the_headers_of_the_protocol() {
    for (provider, line, headers) in [
        (
            Provider::Anthropic,
            "POST /v1/messages HTTP/1.1",
            vec![format!("x-api-key: {KEY}"), "anthropic-version: 2023-06-01".to_owned()],
        ),
        (Provider::OpenAi, "POST /v1/chat/completions HTTP/1.1", vec![format!("authorization: Bearer {KEY}")]),
    ] {
        let server = Server::start(vec![saying(provider, "Hi.")]);
        let mut model = model(provider, &server.url());
        let response = model.complete(&conversation(), &mut Ear::default()).unwrap();
        assert_eq!(response.blocks, [text("Hi.")]);
        assert_eq!(response.usage, Some(Usage { input: 7, output: 3, ..Usage::default() }));
        assert_eq!((response.ended, response.model.as_str()), (Ended::EndTurn, "m-1"));
        assert_eq!(server.bodies(), [model.body(&conversation())]);
        let head = server.requests()[0].clone();
        assert!(head.starts_with(line), "{head}");
        for header in headers.iter().chain(&["content-type: application/json".to_owned()]) {
            assert!(head.contains(&format!("{header}\r\n")), "{header} in {head}");
        }
    }
}

#[test]
fn no_key_no_header() {
    for provider in PROTOCOLS {
        let server = Server::start(vec![saying(provider, "Hi.")]);
        let mut settings = settings(provider, &server.url());
        settings.key = None;
        connect(settings).unwrap().complete(&request(), &mut Ear::default()).unwrap();
        let head = server.requests()[0].to_lowercase();
        assert!(!head.contains("authorization") && !head.contains("x-api-key"), "{head}");
    }
}

#[test]
fn a_server_that_does_not_stream() {
    let answers = [
        json!({"model": "m", "content": [{"type": "text", "text": "Whole."}], "stop_reason": "end_turn"}),
        json!({"model": "m", "choices": [{"message": {"content": "Whole."}, "finish_reason": "stop"}]}),
    ];
    for (provider, answer) in PROTOCOLS.into_iter().zip(answers) {
        let (response, ear, _) = ask(provider, vec![json_answer(200, &answer)]);
        let response = response.unwrap();
        assert_eq!((response.blocks, response.ended, response.usage), (vec![text("Whole.")], Ended::EndTurn, None));
        assert_eq!(ear.text(), "Whole.");
    }
}

#[test]
fn empty_answers_and_cut_off_ones() {
    for provider in PROTOCOLS {
        let empty = format!("{}{}", begin(provider), end(provider, "end_turn"));
        let (response, ear, _) = ask(provider, vec![stream(&empty)]);
        assert_eq!((response.unwrap().blocks, ear.text()), (vec![], String::new()));
        let reason = if provider == Provider::Anthropic { "max_tokens" } else { "length" };
        let cut = format!("{}{}{}", begin(provider), words(provider, "It is"), end(provider, reason));
        let response = ask(provider, vec![stream(&cut)]).0.unwrap();
        assert_eq!((response.blocks, response.ended), (vec![text("It is")], Ended::MaxTokens));
    }
}

#[test]
fn invalid_utf8_is_replaced() {
    for provider in PROTOCOLS {
        let good = words(provider, "a?b");
        let (head, tail) = good.split_once('?').unwrap();
        let steps = vec![
            stream_head(),
            send(&begin(provider)),
            Step::Send([head.as_bytes(), b"\xff", tail.as_bytes()].concat()),
            send(&end(provider, "end_turn")),
        ];
        let response = ask(provider, vec![steps]).0.unwrap();
        assert_eq!(response.blocks, [text("a\u{fffd}b")]);
    }
}

#[test]
fn a_stream_without_its_last_line_is_whole_if_its_last_event_is() {
    for (provider, last) in PROTOCOLS.into_iter().zip(["\n\n", "data: [DONE]\n\n"]) {
        let whole = format!("{}{}{}", begin(provider), words(provider, "Hi."), end(provider, "end_turn"));
        let (response, ear, _) = ask(provider, vec![stream(whole.strip_suffix(last).unwrap())]);
        assert_eq!((response.unwrap().blocks, ear.notes.len()), (vec![text("Hi.")], 0));
    }
}

fn structured_request() -> ChatRequest {
    ChatRequest { choice: Choice::Tool("grade".to_owned()), tools: vec![tool("grade")], ..request() }
}

fn refusal(words: &str) -> Vec<Step> {
    json_answer(400, &json!({"error": {"message": words, "type": "invalid_request_error"}}))
}

#[test]
fn structured_output_falls_back_step_by_step_and_remembers() {
    let grade = "My grade:\n```json\n{\"grade\": 4}\n```";
    let server = Server::start(vec![
        refusal("'response_format.type' must be text"),
        refusal("Unknown parameter: tool_choice"),
        saying(Provider::OpenAi, grade),
        saying(Provider::OpenAi, grade),
    ]);
    let (mut model, mut ear) = (model(Provider::OpenAi, &server.url()), Ear::default());
    let response = model.complete(&structured_request(), &mut ear).unwrap();
    let expected =
        Block::ToolUse { id: "structured-1".to_owned(), name: "grade".to_owned(), input: json!({"grade": 4}) };
    assert_eq!((response.blocks, response.ended), (vec![expected], Ended::ToolUse));
    assert_eq!(ear.text(), "", "data is not prose");
    assert_eq!(ear.notes.len(), 2, "{:?}", ear.notes);
    let bodies = server.bodies();
    assert!(bodies[0].get("response_format").is_some() && bodies[0].get("tools").is_none());
    assert_eq!(bodies[1]["tool_choice"], json!({"type": "function", "function": {"name": "grade"}}));
    let asked = bodies[2]["messages"][1]["content"].as_str().unwrap();
    assert!(asked.starts_with("Hello\n\nAnswer with one JSON object only that fits this schema: {"), "{asked}");
    assert_eq!(bodies[2].get("tools"), None);
    model.complete(&structured_request(), &mut ear).unwrap();
    assert_eq!(server.bodies()[3], bodies[2]);
    assert_eq!(model.body(&structured_request()), bodies[2]);
}

#[test]
fn the_way_can_be_preset() {
    let call = json!({"choices": [{"delta": {"tool_calls":
        [{"index": 0, "id": "x", "function": {"name": "grade", "arguments": "{\"grade\": 2}"}}]}}]});
    let server = Server::start(vec![stream(&format!("data: {call}\n\n{}", end(Provider::OpenAi, "stop")))]);
    let mut settings = settings(Provider::OpenAi, &server.url());
    settings.structured = Some(Structured::Function);
    let mut model = connect(settings).unwrap();
    let response = model.complete(&structured_request(), &mut Ear::default()).unwrap();
    assert!(matches!(&response.blocks[..], [Block::ToolUse { id, .. }] if id == "x"), "{response:?}");
    assert_eq!(server.bodies(), [model.body(&structured_request())]);
}

#[test]
fn other_refusals_do_not_change_the_way() {
    let server = Server::start(vec![refusal("the moon is too large")]);
    let mut model = model(Provider::OpenAi, &server.url());
    let error = model.complete(&structured_request(), &mut Ear::default()).unwrap_err();
    assert!(matches!(error, ModelError::Refused { .. }), "{error:?}");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn bodies_are_the_same_again() {
    for provider in PROTOCOLS {
        let once = model(provider, "http://127.0.0.1:1").body(&conversation());
        let again = model(provider, "http://127.0.0.1:2").body(&conversation());
        assert_eq!(once.to_string(), again.to_string());
        assert!(!once.to_string().contains(KEY));
    }
}
