//! Answers that say no, and answers that are none.

use super::support::*;
use oci_agent::llm::{ModelError, Provider, connect};
use serde_json::json;

fn refused(provider: Provider, answer: Vec<Step>) -> ModelError {
    let (response, ear, server) = ask(provider, vec![answer]);
    assert_eq!((server.requests().len(), ear.notes.len()), (1, 0), "nothing that lasts is tried again");
    response.unwrap_err()
}

#[test]
fn the_key() {
    for provider in PROTOCOLS {
        for status in [401, 403] {
            let error = refused(provider, json_answer(status, &json!({"error": {"message": "invalid key"}})));
            assert!(matches!(error, ModelError::Key { .. }), "{error:?}");
            assert!(hint(&error).contains("SOME_API_KEY") && error.to_string().contains("invalid key"), "{error:?}");
        }
        let server = Server::start(vec![plain(401, &[], "")]);
        let mut settings = settings(provider, &server.url());
        settings.key = None;
        let error = connect(settings).unwrap().complete(&request(), &mut Ear::default()).unwrap_err();
        assert!(hint(&error).contains("set SOME_API_KEY, or SOME_API_KEY_FILE"), "{error:?}");
    }
}

#[test]
fn not_found() {
    for provider in PROTOCOLS {
        let error = refused(provider, plain(404, &[], "no such thing"));
        assert!(matches!(error, ModelError::Refused { .. }), "{error:?}");
        let message = error.to_string();
        assert!(
            message.contains("some-model") && message.contains("/v1/") && message.contains("no such thing"),
            "{message}"
        );
        assert!(
            hint(&error).contains("no model of the name some-model") && hint(&error).contains("base_url"),
            "{error:?}"
        );
    }
}

#[test]
fn a_conversation_that_is_too_long() {
    for provider in PROTOCOLS {
        for (status, error) in [
            (400, json!({"type": "exceed_context_size_error", "message": "request (9 tokens) exceeds"})),
            (400, json!({"code": "context_length_exceeded", "message": "too many"})),
            (400, json!({"message": "prompt is too long: 200001 tokens > 200000 maximum"})),
            (422, json!({"message": "This model's maximum context length is 8192 tokens."})),
            (500, json!({"message": "the request exceeds the available context size"})),
        ] {
            let error = refused(provider, json_answer(status, &json!({"error": error})));
            assert!(matches!(error, ModelError::Refused { .. }), "{error:?}");
            assert!(error.to_string().contains("longer than the context of some-model"), "{error}");
            assert!(
                hint(&error).contains("larger context") && hint(&error).contains("`budget.conversation`"),
                "{error:?}"
            );
        }
    }
}

#[test]
fn other_refusals_carry_the_server_s_words_shortened() {
    for provider in PROTOCOLS {
        for status in [400, 413, 422, 418, 501] {
            let words = format!("bad parameter {}\n\u{1b}[31m{}", status, "x".repeat(50_000));
            let error = refused(provider, json_answer(status, &json!({"error": {"message": words}})));
            assert!(matches!(error, ModelError::Refused { .. }), "{error:?}");
            let message = error.to_string();
            assert!(message.contains(&format!("bad parameter {status} [31mxxx")), "{message}");
            assert!(message.chars().count() < 450, "{message}");
        }
    }
}

#[test]
fn a_web_page() {
    for provider in PROTOCOLS {
        let page = format!("<!doctype html>\n<html><title>Welcome</title>{}", "x".repeat(10_000));
        for status in [200, 203] {
            let error = refused(provider, plain(status, &["content-type: text/html; charset=utf-8"], &page));
            assert!(matches!(error, ModelError::NotThisProtocol { .. }), "{error:?}");
            let message = error.to_string();
            assert!(message.contains("<!doctype html> <html>") && message.contains("text/html"), "{message}");
            assert!(message.chars().count() < 350, "{message}");
            assert!(hint(&error).contains("base_url"), "{error:?}");
        }
        let error = refused(provider, json_answer(200, &json!({"hello": "world"})));
        assert!(matches!(error, ModelError::NotThisProtocol { .. }), "{error:?}");
        let error = refused(provider, plain(200, &[], ""));
        assert!(matches!(error, ModelError::NotThisProtocol { .. }), "{error:?}");
        let error = refused(provider, stream("data: {\"price\": 3}\n\n"));
        assert!(matches!(error, ModelError::NotThisProtocol { .. }), "{error:?}");
    }
}

#[test]
fn redirects_do_not_carry_the_key_away() {
    for provider in PROTOCOLS {
        let elsewhere = Server::start(vec![saying(provider, "Give me the key.")]);
        let to = format!("location: {}/v1/other", elsewhere.url());
        let error = refused(provider, plain(307, &[&to], ""));
        assert!(matches!(error, ModelError::NotThisProtocol { .. }), "{error:?}");
        assert!(error.to_string().contains(&elsewhere.url()), "{error}");
        assert!(elsewhere.requests().is_empty());
    }
}

#[test]
fn an_answer_without_end_is_refused() {
    let line = format!(": {}\n", "x".repeat(65_536));
    for provider in PROTOCOLS {
        for (piece, what) in [(line.clone(), "one event"), (format!("{line}\n"), "the answer is longer than 32 MiB")] {
            let error = refused(provider, vec![stream_head(), Step::Forever(piece.into_bytes(), 0)]);
            assert!(matches!(error, ModelError::NotThisProtocol { .. }), "{error:?}");
            assert!(error.to_string().contains(what), "{error}");
        }
    }
    let head = send("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n");
    let error = refused(PROTOCOLS[0], vec![head, Step::Forever(vec![b' '; 65_536], 0)]);
    assert!(error.to_string().contains("longer than 32 MiB"), "{error}");
}

/// Errors are read up to a bound, too: the call would never end otherwise.
#[test]
fn an_error_without_end() {
    let head = send("HTTP/1.1 400 X\r\ncontent-type: text/plain\r\n\r\n");
    let error = refused(PROTOCOLS[1], vec![head, Step::Forever(vec![b'z'; 65_536], 0)]);
    assert!(error.to_string().contains("zzz…"), "{error}");
}
