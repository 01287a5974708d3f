//! Answers that say "not now".

use super::support::*;
use oci_agent::llm::{ModelError, Provider, connect};
use serde_json::json;
use std::time::{Duration, Instant};

#[test]
fn what_passes_is_tried_again() {
    for provider in PROTOCOLS {
        for status in [408, 409, 429, 500, 502, 503, 504, 529] {
            let busy = json_answer(status, &json!({"error": {"type": "t", "message": "busy"}}));
            let (response, ear, server) = ask(provider, vec![busy.clone(), busy, saying(provider, "Hi.")]);
            assert_eq!(response.unwrap().blocks, [text("Hi.")], "{status}");
            assert_eq!(server.requests().len(), 3);
            assert_eq!(server.bodies()[0], server.bodies()[2]);
            assert_eq!(ear.notes.len(), 2);
            let note = &ear.notes[0];
            assert!(note.contains(&format!("status {status}, t: busy")) && note.contains("attempt 2 of 5"), "{note}");
        }
    }
}

/// No text can hold half a surrogate pair, so no repetition would help: it reads as U+FFFD, the first time.
#[test]
fn half_a_surrogate_pair_is_read_at_once() {
    let content = r#"{"content": "Hi \ud83d\ude00 \ud800, \udc00\ud800 and \\ud800."}"#;
    let inner = content.trim_start_matches("{\"content\": ").trim_end_matches('}');
    let openai = format!(
        r#"{{"choices": [{{"index": 0, "finish_reason": "stop", "message": {{"role": "assistant", "content": {inner}}}}}]}}"#
    );
    let anthropic = format!(
        r#"{{"model": "m", "role": "assistant", "stop_reason": "end_turn", "content": [{{"type": "text", "text": {inner}}}]}}"#
    );
    for (provider, body) in [(Provider::OpenAi, openai), (Provider::Anthropic, anthropic)] {
        let (response, ear, server) = ask(provider, vec![plain(200, &["content-type: application/json"], &body)]);
        let expected = "Hi \u{1f600} \u{fffd}, \u{fffd}\u{fffd} and \\ud800.";
        assert_eq!(response.unwrap().blocks, [text(expected)]);
        assert_eq!((server.requests().len(), ear.notes.len()), (1, 0));
    }
    // The same in the middle of a stream.
    let event = r#"{"choices": [{"index": 0, "delta": {"content": "a\udfffb"}}]}"#;
    let streamed = stream(&format!("data: {event}\n\n{}", end(Provider::OpenAi, "stop")));
    let (response, _, server) = ask(Provider::OpenAi, vec![streamed]);
    assert_eq!((response.unwrap().blocks, server.requests().len()), (vec![text("a\u{fffd}b")], 1));
}

#[test]
fn in_the_end_it_gives_up() {
    for provider in PROTOCOLS {
        let (response, ear, server) = ask(provider, vec![plain(503, &[], "down for repair")]);
        let error = response.unwrap_err();
        assert!(matches!(error, ModelError::Unavailable { .. }), "{error:?}");
        for part in ["down for repair", "5 times", &server.url()] {
            assert!(error.to_string().contains(part), "{part} in {error}");
        }
        assert_eq!((server.requests().len(), ear.notes.len()), (5, 4));
    }
}

/// A lower bound: the pause cannot end early, however slow the machine is.
#[test]
fn the_server_s_wait_is_kept() {
    for provider in PROTOCOLS {
        for (header, least) in [("retry-after-ms: 150", 150), ("retry-after: 0.15", 150)] {
            let started = Instant::now();
            let (response, ear, _) = ask(provider, vec![plain(429, &[header], "slow down"), saying(provider, "Hi.")]);
            response.unwrap();
            assert!(started.elapsed() >= Duration::from_millis(least), "{header}: {:?}", started.elapsed());
            assert!(
                ear.notes[0].contains("trying again in 0.1 s") || ear.notes[0].contains("in 0.2 s"),
                "{:?}",
                ear.notes
            );
        }
    }
}

#[test]
fn a_long_wait_is_reported_and_not_waited_for() {
    let date = "date: Wed, 21 Oct 2015 07:28:00 GMT";
    for provider in PROTOCOLS {
        for headers in [&["retry-after: 300"][..], &["retry-after: Wed, 21 Oct 2015 07:33:00 GMT", date]] {
            let (response, ear, server) = ask(provider, vec![plain(429, headers, "slow down")]);
            let error = response.unwrap_err();
            assert!(matches!(error, ModelError::Unavailable { .. }), "{error:?}");
            assert!(error.to_string().contains("300 s") && hint(&error).contains("300 s"), "{error:?}");
            assert_eq!((server.requests().len(), ear.notes.len()), (1, 0));
        }
    }
}

#[test]
fn a_wait_beyond_the_run_s_time_is_not_waited_for() {
    let server = Server::start(vec![plain(429, &["retry-after: 100"], "")]);
    // A minute is far more than the answer of a local server takes, and less than the wait.
    let mut ear = Ear { deadline: Some(Instant::now() + Duration::from_secs(60)), ..Ear::default() };
    let error = model(PROTOCOLS[0], &server.url()).complete(&request(), &mut ear).unwrap_err();
    assert!(error.to_string().contains("asks to wait 100 s, and the run has"), "{error}");
}

#[test]
fn a_broken_stream_begins_again_and_says_so() {
    for provider in PROTOCOLS {
        let broken = stream(&format!("{}{}", begin(provider), words(provider, "Half")));
        let (response, ear, server) = ask(provider, vec![broken, saying(provider, "Whole.")]);
        assert_eq!(response.unwrap().blocks, [text("Whole.")]);
        assert_eq!(ear.text(), "HalfWhole.");
        assert!(
            ear.notes[0].contains("broke off") && ear.notes[0].contains("the answer begins again"),
            "{:?}",
            ear.notes
        );
        assert_eq!(server.requests().len(), 2);
    }
}

#[test]
fn a_stream_that_breaks_after_signs_of_life_begins_again() {
    for provider in PROTOCOLS {
        let (response, ear, _) = ask(provider, vec![stream(": still here\n\n"), saying(provider, "Hi.")]);
        assert_eq!(response.unwrap().blocks, [text("Hi.")]);
        assert!(!ear.notes[0].contains("begins again"), "nothing had been said: {:?}", ear.notes);
    }
}

#[test]
fn a_stream_that_always_breaks_is_given_up() {
    for provider in PROTOCOLS {
        for broken in [begin(provider), String::new(), "data: {\"ch".to_owned(), "data: nonsense\n\n".to_owned()] {
            let (response, _, server) = ask(provider, vec![stream(&broken)]);
            let error = response.unwrap_err();
            let expected = matches!(error, ModelError::Unavailable { .. } | ModelError::NotThisProtocol { .. });
            assert!(expected, "{broken}: {error:?}");
            assert!(server.requests().len() <= 5);
        }
        let unfinished =
            vec![send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 9999\r\n\r\n")];
        let error = ask(provider, vec![unfinished]).0.unwrap_err();
        assert!(error.to_string().contains("broke off its answer before the end; tried 5 times"), "{error}");
    }
}

#[test]
fn errors_inside_a_stream() {
    for provider in PROTOCOLS {
        for kind in ["overloaded_error", "api_error", "rate_limit_error"] {
            let event = json!({"type": "error", "error": {"type": kind, "message": "too much"}});
            let broken = stream(&format!("{}event: error\ndata: {event}\n\n", begin(provider)));
            let (response, ear, _) = ask(provider, vec![broken, saying(provider, "Hi.")]);
            assert_eq!(response.unwrap().blocks, [text("Hi.")]);
            assert!(ear.notes[0].contains(kind) && ear.notes[0].contains("too much"), "{:?}", ear.notes);
        }
        let event = json!({"error": {"type": "invalid_request_error", "message": "prompt is too long: 9 > 8"}});
        let error = ask(provider, vec![stream(&format!("data: {event}\n\n"))]).0.unwrap_err();
        assert!(error.to_string().contains("longer than the context of some-model"), "{error:?}");
    }
}

#[test]
fn silence_in_the_middle_is_a_broken_stream() {
    for provider in PROTOCOLS {
        let silent = vec![stream_head(), send(&words(provider, "Half")), Step::Wait(20_000)];
        let server = Server::start(vec![silent, saying(provider, "Whole.")]);
        let mut settings = settings(provider, &server.url());
        settings.limits.idle = Duration::from_millis(300);
        let mut ear = Ear::default();
        let response = connect(settings).unwrap().complete(&request(), &mut ear);
        assert_eq!(response.unwrap().blocks, [text("Whole.")]);
        assert!(ear.notes[0].contains("fell silent for 0.3 s"), "{:?}", ear.notes);
    }
}

#[test]
fn no_server() {
    for provider in PROTOCOLS {
        // A free port could be another test's a moment later; nobody listens at this one.
        let url = "http://127.0.0.1:1";
        let mut ear = Ear::default();
        let error = model(provider, url).complete(&request(), &mut ear).unwrap_err();
        assert!(matches!(error, ModelError::Unavailable { .. }), "{error:?}");
        assert!(error.to_string().contains(url) && error.to_string().contains("refused"), "{error}");
        assert_eq!(ear.notes.len(), 4);
    }
}

#[test]
fn pauses_are_the_same_for_the_same_seed() {
    let notes = |seed| {
        let server = Server::start(vec![plain(500, &[], "")]);
        let mut settings = settings(PROTOCOLS[0], &server.url());
        settings.limits.pause = Duration::from_millis(400);
        settings.limits.longest_pause = Duration::from_millis(400);
        settings.limits.attempts = 3;
        settings.limits.jitter = seed;
        let mut ear = Ear::default();
        connect(settings).unwrap().complete(&request(), &mut ear).unwrap_err();
        ear.notes
    };
    assert_eq!(notes(7), notes(7));
    assert_ne!(notes(7), notes(8));
}
