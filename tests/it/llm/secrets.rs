//! Keys go in, and come out nowhere.

use super::support::*;
use oci_agent::llm::{Block, ChatRequest, ModelError, Provider};
use serde_json::json;

const REMOVED: &str = "[key removed]";

/// Every text that a call leaves behind.
fn traces(result: &Result<oci_agent::llm::ChatResponse, ModelError>, ear: &Ear) -> String {
    format!("{result:?} {:?} {:?}", ear.text(), ear.notes)
}

#[test]
fn a_server_that_echoes_the_key() {
    for provider in PROTOCOLS {
        for status in [302, 400, 401, 404, 418, 503] {
            let location = format!("location: http://127.0.0.1/?key={KEY}");
            let body = json!({"error": {"message": format!("Bearer {KEY} or sk-abcdefghijklmnopqrstuvwx is bad")}});
            for body in [body.to_string(), format!("<p>{}</p>", KEY.replace('/', "%2F")), KEY.replace('/', "\\/")] {
                let (result, ear, _) = ask(provider, vec![plain(status, &[&location], &body)]);
                let seen = traces(&result, &ear);
                assert!(result.is_err() && !seen.contains("0123456789") && !seen.contains("sk-abc"), "{seen}");
                assert!(seen.contains(REMOVED), "{seen}");
            }
        }
        let page = plain(200, &["content-type: text/html"], &format!("<html>{KEY}"));
        let (result, ear, _) = ask(provider, vec![page]);
        assert!(!traces(&result, &ear).contains("0123456789"), "{result:?}");
        let event = json!({"type": "error", "error": {"type": KEY, "message": KEY}});
        let (result, ear, _) = ask(provider, vec![stream(&format!("event: error\ndata: {event}\n\n"))]);
        assert!(!traces(&result, &ear).contains("0123456789"), "{result:?}");
        let (result, ear, _) = ask(provider, vec![stream(&format!("data: {KEY}\n\n"))]);
        assert!(!traces(&result, &ear).contains("0123456789"), "{result:?}");
    }
}

#[test]
fn a_model_that_says_a_key_cut_anywhere() {
    for provider in PROTOCOLS {
        for key in [KEY, "sk-ant-0123456789abcdefghij"] {
            let cuts = (1..key.len()).map(|cut| {
                let (head, tail) = key.split_at(cut);
                let pieces = [words(provider, &format!("It is {head}")), words(provider, &format!("{tail}, yes."))];
                stream(&format!("{}{}{}", begin(provider), pieces.concat(), end(provider, "end_turn")))
            });
            let server = Server::start(cuts.collect());
            let mut model = model(provider, &server.url());
            for cut in 1..key.len() {
                let mut ear = Ear::default();
                let response = model.complete(&request(), &mut ear).unwrap();
                assert_eq!(ear.text(), format!("It is {REMOVED}, yes."), "cut at {cut}");
                assert_eq!(response.blocks, [text(&ear.text())]);
            }
        }
    }
}

#[test]
fn a_model_that_puts_a_key_into_a_call() {
    let arguments = json!({"a": [KEY], "b": "AKIAIOSFODNN7EXAMPLE"}).to_string();
    let call = json!({"choices": [{"delta": {"tool_calls":
        [{"index": 0, "id": "x", "function": {"name": "grade", "arguments": arguments}}]}}]});
    let openai = format!("data: {call}\n\n{}", end(Provider::OpenAi, "tool_calls"));
    let start = json!({"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "x", "name": "grade"}});
    let delta = json!({"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": arguments}});
    let anthropic = format!("data: {start}\n\ndata: {delta}\n\n{}", end(Provider::Anthropic, "tool_use"));
    for (provider, answer) in PROTOCOLS.into_iter().zip([anthropic, openai]) {
        let server = Server::start(vec![stream(&answer)]);
        let request = ChatRequest { tools: vec![tool("grade")], ..request() };
        let response = model(provider, &server.url()).complete(&request, &mut Ear::default()).unwrap();
        let expected = json!({"a": [REMOVED], "b": REMOVED});
        assert_eq!(response.blocks, [Block::ToolUse { id: "x".to_owned(), name: "grade".to_owned(), input: expected }]);
    }
}

#[test]
fn settings_do_not_show_the_key() {
    let shown = format!("{:?}", settings(Provider::OpenAi, "http://127.0.0.1:1"));
    assert!(!shown.contains("0123456789"), "{shown}");
}
