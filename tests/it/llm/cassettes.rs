//! Recorded exchanges.

use super::support::*;
use oci_agent::llm::{
    Block, ChatModel, ChatRequest, ChatResponse, Ended, Exchange, ModelError, Outcome, Provider, Recording, Replay,
    Usage, key_of,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn answer(words: &str) -> Outcome {
    let call = Block::ToolUse { id: "c".to_owned(), name: "f".to_owned(), input: json!({"b": 1.5, "a": "x"}) };
    Outcome::Response(ChatResponse {
        blocks: vec![text(words), call],
        ended: Ended::ToolUse,
        usage: Some(Usage { input: 1, ..Usage::default() }),
        model: "m".to_owned(),
        stop: None,
    })
}

fn exchange(sequence: u32, role: &str, request: Value, outcome: Outcome) -> Exchange {
    Exchange::new(sequence, role, "openai some-model", request, outcome)
}

fn file(exchange: &Exchange) -> (String, Vec<u8>) {
    (exchange.file_name(), exchange.to_bytes())
}

fn recording(exchanges: &[Exchange]) -> Recording {
    Recording::from_files(exchanges.iter().rev().map(file)).unwrap()
}

fn words(result: Result<oci_agent::llm::Found, ModelError>) -> String {
    match result.unwrap().exchange.outcome {
        Outcome::Response(response) => match &response.blocks[0] {
            Block::Text { text } => text.clone(),
            other => panic!("{other:?}"),
        },
        Outcome::Stopped(why) => why,
    }
}

#[test]
fn there_and_back() {
    for outcome in [answer("Hi."), Outcome::Stopped("deadline".to_owned())] {
        let exchange = exchange(7, "actor", json!({"b": [1, {"z": null, "y": true}], "a": "é"}), outcome);
        assert_eq!(exchange.file_name(), "0007-actor.json");
        let bytes = exchange.to_bytes();
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(text.ends_with("}\n") && text.find("\"key\"") < text.find("\"name\""), "{text}");
        let again = Exchange::parse("0007-actor.json", &bytes).unwrap();
        assert_eq!(again, exchange);
        assert_eq!(again.to_bytes(), bytes);
    }
}

/// `printf '{"a":[1,{"x":2,"y":null}],"b":"t"}' | sha256sum`
#[test]
fn the_key_does_not_depend_on_the_order_of_names() {
    let one: Value = serde_json::from_str(r#"{"b": "t", "a": [1, {"y": null, "x": 2}]}"#).unwrap();
    let other: Value = serde_json::from_str(r#"{"a": [1, {"x": 2, "y": null}], "b": "t"}"#).unwrap();
    assert_eq!(key_of(&one), key_of(&other));
    assert_eq!(key_of(&one), "e92456ef882b1ba5b13b22913c9256aa17e18d6b346fc1124c964b5ccb98d836");
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let good = exchange(1, "actor", json!({"a": 1}), answer("Hi."));
    let text = String::from_utf8(good.to_bytes()).unwrap();
    for (bytes, what) in [
        (text.replace("\"a\": 1", "\"a\": 2"), "was edited by hand"),
        (text.replace("\"sequence\"", "\"sequins\""), "sequins"),
        (text.replace("\"actor\"", "\"../actor\""), "no name of a role"),
        (text.replace("response", "answer"), "cannot be read"),
        (text[..text.len() / 2].to_owned(), "cannot be read"),
        (String::new(), "cannot be read"),
    ] {
        let error = Recording::from_files([("0001-actor.json".to_owned(), bytes.into_bytes())]).unwrap_err();
        assert!(matches!(error, ModelError::Replay { .. }), "{error:?}");
        assert!(error.to_string().contains("`0001-actor.json`") && error.to_string().contains(what), "{what}: {error}");
        assert!(!hint(&error).is_empty());
    }
    let twice = [file(&good), ("copy.json".to_owned(), good.to_bytes())];
    let error = Recording::from_files(twice).unwrap_err();
    assert!(error.to_string().contains("both have the sequence number 1"), "{error}");
}

#[test]
fn the_same_request_twice_is_answered_in_order() {
    let body = json!({"m": 1});
    let mut recording = recording(&[
        exchange(1, "actor", body.clone(), answer("first")),
        exchange(2, "critic", body.clone(), answer("critic")),
        exchange(10, "actor", body.clone(), answer("second")),
    ]);
    assert_eq!(recording.peek("actor", &body).map(|exchange| exchange.sequence), Some(1));
    assert_eq!(recording.peek("actor", &json!({"m": 2})), None);
    assert_eq!(words(recording.find("actor", &body)), "first");
    assert_eq!(words(recording.find("actor", &body)), "second");
    assert_eq!(recording.peek("actor", &body), None);
    assert_eq!(recording.unused(), 1);
    let error = recording.find("actor", &body).unwrap_err();
    assert!(error.to_string().contains("used up") && error.to_string().contains("the 2 times"), "{error}");
    let error = recording.find("planner", &body).unwrap_err();
    assert!(error.to_string().contains("no exchange of the role `planner`"), "{error}");
    assert_eq!(words(recording.find("critic", &body)), "critic");
}

#[test]
fn a_mismatch_names_the_first_difference() {
    let inner = model(Provider::Anthropic, "http://127.0.0.1:1");
    let said = |words: &str| ChatRequest { messages: vec![user(words)], ..request() };
    let before = format!("{} the treated are older", "x".repeat(100));
    let now = format!("{} the treated are younger", "x".repeat(100));
    let mut recording = recording(&[exchange(3, "actor", inner.body(&said(&before)), answer("Hi."))]);
    let error = recording.find("actor", &inner.body(&said(&now))).unwrap_err();
    let expected = "`messages[0].content[0].text` differs at character 118: recorded \"…treated are older\", \
                    now \"…treated are younger\"";
    assert!(error.to_string().contains(expected) && error.to_string().contains("`0003-actor.json`"), "{error}");
    assert_eq!(recording.unused(), 1, "nothing is used up by a mismatch");
}

#[test]
fn a_replay_answers_without_a_server() {
    // Nobody listens at port 1, so any use of the network would fail.
    let inner = || model(Provider::OpenAi, "http://127.0.0.1:1");
    let body = inner().body(&request());
    let recording = recording(&[
        exchange(1, "actor", body.clone(), answer("Recorded.")),
        exchange(2, "actor", body.clone(), Outcome::Stopped("deadline".to_owned())),
        exchange(3, "actor", body.clone(), Outcome::Stopped("cancelled".to_owned())),
        exchange(4, "actor", body.clone(), Outcome::Stopped("the server was on fire".to_owned())),
    ]);
    let mut replay = Replay::new(inner(), recording, "actor");
    assert_eq!(replay.body(&request()), body);
    let mut ear = Ear::default();
    let response = replay.complete(&request(), &mut ear).unwrap();
    assert_eq!(answer("Recorded."), Outcome::Response(response));
    assert_eq!(ear.text(), "Recorded.");
    assert_eq!(replay.complete(&request(), &mut ear).unwrap_err(), ModelError::Deadline);
    assert_eq!(replay.complete(&request(), &mut ear).unwrap_err(), ModelError::Cancelled);
    let error = replay.complete(&request(), &mut ear).unwrap_err();
    assert!(error.to_string().contains("on fire") && error.to_string().contains("`0004-actor.json`"), "{error}");
    assert_eq!(replay.recording().unused(), 0);
}

/// An answer that was recorded gives the same next request as the answer itself: nothing is lost on the way to disk.
#[test]
fn a_conversation_goes_on_the_same_from_a_recording() {
    for provider in PROTOCOLS {
        let outcome = answer("Hi.");
        let read = Exchange::parse("x", &exchange(1, "actor", json!({}), outcome.clone()).to_bytes()).unwrap().outcome;
        let next = |outcome: Outcome| {
            let Outcome::Response(response) = outcome else { panic!("an answer") };
            let said = oci_agent::llm::Message { speaker: oci_agent::llm::Speaker::Assistant, blocks: response.blocks };
            model(provider, "http://127.0.0.1:1").body(&ChatRequest { messages: vec![user("a"), said], ..request() })
        };
        assert_eq!(key_of(&next(outcome)), key_of(&next(read)));
    }
}

proptest! {
    /// Wants `float_roundtrip` of serde_json: a number that changes in its last digit would look like an edit by hand.
    #[test]
    fn numbers_come_back_as_they_were(numbers in prop::collection::vec(prop::num::f64::NORMAL, 1..20)) {
        let exchange = exchange(1, "actor", json!({"n": numbers}), Outcome::Stopped("x".to_owned()));
        prop_assert_eq!(Exchange::parse("f", &exchange.to_bytes()).unwrap(), exchange);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let refused = matches!(Exchange::parse("f", &bytes), Err(ModelError::Replay { .. }));
        prop_assert!(refused);
    }

    #[test]
    fn a_damaged_file_is_read_or_refused(at in 0usize..2000, byte in any::<u8>(), cut in any::<bool>()) {
        let mut bytes = exchange(1, "actor", json!({"m": [{"t": "é"}]}), answer("Hi.")).to_bytes();
        let at = at % bytes.len();
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        if let Ok(read) = Exchange::parse("f", &bytes) {
            prop_assert_eq!(&read.key, &key_of(&read.request));
        }
    }
}

#[test]
fn an_answer_that_was_edited_is_noticed_like_an_edited_request() {
    let said = Outcome::Response(ChatResponse {
        blocks: vec![Block::Text { text: "fully".to_owned() }],
        ended: Ended::EndTurn,
        usage: None,
        model: "m".to_owned(),
        stop: None,
    });
    let whole = String::from_utf8(exchange(1, "actor", json!({"a": 1}), said).to_bytes()).unwrap();
    assert!(Exchange::parse("0001-actor.json", whole.as_bytes()).is_ok());
    for (from, to) in [("fully", "hardly"), ("\"a\": 1", "\"a\": 2"), ("\"end_turn\"", "\"refusal\"")] {
        let edited = whole.replacen(from, to, 1);
        let error = Exchange::parse("0001-actor.json", edited.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("0001-actor.json") && error.contains("edited by hand"), "{error}");
    }
}
