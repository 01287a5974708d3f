//! Settings, and the provider that needs no model.

use super::support::*;
use oci_agent::llm::{
    Block, ChatModel, ChatRequest, Ended, Key, ModelError, PlaybookModel, Provider, connect, offline,
};
use serde_json::{Value, json};

fn failed(settings: oci_agent::llm::Settings) -> ModelError {
    connect(settings).map(|model| model.name()).unwrap_err()
}

#[test]
fn the_provider_s_own_server_needs_a_key() {
    for provider in PROTOCOLS {
        for key in [None, Some(Key::new(" \n"))] {
            let mut settings = settings(provider, "");
            (settings.base_url, settings.key) = (None, key);
            let error = failed(settings.clone());
            assert!(matches!(error, ModelError::Key { .. }), "{error:?}");
            for part in ["SOME_API_KEY", "SOME_API_KEY_FILE", "provider: playbook"] {
                assert!(hint(&error).contains(part), "{error:?}");
            }
            assert!(offline(settings).is_ok(), "a replay needs none");
        }
    }
}

#[test]
fn a_key_that_no_header_can_carry() {
    for provider in PROTOCOLS {
        let mut settings = settings(provider, "http://127.0.0.1:1");
        settings.key = Some(Key::new("two\nlines-of-a-key"));
        let error = failed(settings);
        assert!(matches!(error, ModelError::Key { .. }), "{error:?}");
        assert!(error.to_string().contains("SOME_API_KEY") && !error.to_string().contains("lines-of"), "{error}");
    }
}

#[test]
fn addresses_that_are_none() {
    for provider in PROTOCOLS {
        for url in [
            "",
            "localhost",
            "127.0.0.1:8080",
            "ftp://a/b",
            "http://",
            "http://u:pass@h/",
            "http://h/?key=1",
            "http://h/#x",
        ] {
            let error = failed(settings(provider, url));
            assert!(matches!(error, ModelError::Settings { .. }), "{url}: {error:?}");
            assert!(error.to_string().contains("base_url") && !error.to_string().contains("pass@"), "{error}");
            assert!(hint(&error).contains("http://127.0.0.1:8080"), "{error:?}");
        }
    }
}

#[test]
fn addresses_with_and_without_a_path() {
    for (provider, path, line) in [
        (Provider::Anthropic, "", "POST /v1/messages "),
        (Provider::Anthropic, "/", "POST /v1/messages "),
        (Provider::Anthropic, "/v1/", "POST /v1/messages "),
        (Provider::Anthropic, "/proxy", "POST /proxy/v1/messages "),
        (Provider::OpenAi, "", "POST /v1/chat/completions "),
        (Provider::OpenAi, "/", "POST /v1/chat/completions "),
        (Provider::OpenAi, "/v1", "POST /v1/chat/completions "),
        (Provider::OpenAi, "/v1/", "POST /v1/chat/completions "),
        (Provider::OpenAi, "/api/v3/", "POST /api/v3/chat/completions "),
    ] {
        let server = Server::start(vec![saying(provider, "Hi.")]);
        model(provider, &format!("{}{path}", server.url())).complete(&request(), &mut Ear::default()).unwrap();
        assert!(server.requests()[0].starts_with(line), "{path}: {}", server.requests()[0]);
    }
}

#[test]
fn names() {
    assert_eq!(model(Provider::Anthropic, "http://127.0.0.1:1").name(), "anthropic some-model");
    assert_eq!(model(Provider::OpenAi, "http://127.0.0.1:1").name(), "openai some-model");
    assert_eq!(model(Provider::Playbook, "http://127.0.0.1:1").name(), "playbook");
    assert_eq!(serde_json::from_value::<Provider>(json!("openai")).unwrap(), Provider::OpenAi);
}

fn played(brief: &str) -> Result<Value, ModelError> {
    let request = ChatRequest { messages: vec![user(brief)], ..request() };
    let response = PlaybookModel.complete(&request, &mut Ear::default())?;
    assert_eq!(response.ended, Ended::ToolUse);
    let [Block::ToolUse { id, name, input }] = &response.blocks[..] else { panic!("one call: {response:?}") };
    assert_eq!((id.as_str(), name.as_str()), ("playbook-1", "propose_spec"));
    Ok(input.clone())
}

#[test]
fn the_first_playbook_of_each_estimand() {
    let brief = "Words.\n```brief\n{\"task\": \"revise\", \"candidates\": {\"ate\": [\"trim\", \"enrich\"], \
                 \"att\": [], \"ato\": [\"enrich\"]}}\n```\n";
    let change = |estimand: &str, playbook: &str| json!({"estimand": estimand, "playbook": playbook, "reason": "first playbook that applies"});
    assert_eq!(played(brief).unwrap(), json!({"changes": [change("ate", "trim"), change("ato", "enrich")]}));
    assert_eq!(played("```brief\n{\"task\": \"draft\"}\n```").unwrap(), json!({"changes": []}));
    let body =
        PlaybookModel.body(&ChatRequest { messages: vec![user("```brief\n{\"task\": \"draft\"}\n```")], ..request() });
    assert_eq!(body, json!({"provider": "playbook", "brief": {"task": "draft"}}));
}

#[test]
fn no_brief_no_answer() {
    for brief in ["", "Hello", "```brief\n{\"task\": \"judge\"}\n```", "```brief\nnot json\n```", "```brief\n{}"] {
        let error = played(brief).unwrap_err();
        assert!(matches!(error, ModelError::Refused { .. }), "{brief}: {error:?}");
    }
}
