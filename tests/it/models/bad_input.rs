//! What goes wrong before and during a run with a model: each with a clear message, the fix, exit code 2 or 3, nothing lost.

use super::{KEY, Study, actor, calling, content, program};
use crate::llm::support::{Server, Step, json_answer, plain, stream_head};
use serde_json::json;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn expect(study: &Study, code: i32, words: &[&str]) {
    let ran = study.run(&[]);
    assert_eq!(ran.code, code, "{}", ran.stderr);
    for word in words {
        assert!(ran.stderr.contains(word), "{word} is not in: {}", ran.stderr);
    }
    assert!(ran.stderr.contains("hint"), "it says what to do: {}", ran.stderr);
    assert!(!ran.stderr.contains(KEY), "{}", ran.stderr);
    if study.out().exists() {
        study.is_clean();
    }
}

#[test]
fn no_key() {
    for (provider, variable) in [("anthropic", "ANTHROPIC_API_KEY"), ("openai", "OPENAI_API_KEY")] {
        let study = Study::new(&format!("actor: {{provider: {provider}, model: some-model}}\n"));
        let ran = program(study.dir.path(), &["run", "plan.yaml", "--out", "out"], &[]);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        for words in [variable, "_FILE", "provider: playbook"] {
            assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
        }
        assert!(!study.out().exists(), "nothing was begun");
    }
}

#[test]
fn a_key_in_a_file_is_read_and_an_unreadable_one_is_named() {
    let server = content("openai");
    let study = Study::new(&actor("openai", &server.url()));
    std::fs::write(study.dir.path().join("key"), format!("{KEY}\n")).unwrap();
    let args = ["run", "plan.yaml", "--out", "out"];
    let ran = program(study.dir.path(), &args, &[("OPENAI_API_KEY_FILE", "key")]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(server.requests()[0].contains(&format!("Bearer {KEY}")));
    study.is_clean();
    let ran = program(study.dir.path(), &args, &[("OPENAI_API_KEY_FILE", "nowhere")]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("nowhere") && ran.stderr.contains("OPENAI_API_KEY_FILE"), "{}", ran.stderr);
}

#[test]
fn a_key_that_is_refused_and_echoed_is_not_repeated() {
    let body =
        json!({"error": {"message": format!("Incorrect API key provided: {KEY}"), "type": "invalid_request_error"}});
    let server = Server::start(vec![json_answer(401, &body)]);
    expect(&Study::new(&actor("openai", &server.url())), 2, &["401", "OPENAI_API_KEY"]);
}

#[test]
fn a_wrong_base_url() {
    expect(&Study::new(&actor("openai", "http://127.0.0.1:9")), 3, &["127.0.0.1:9"]);
    let study = Study::new(&actor("openai", "localhost:8080"));
    expect_plan_problem(&study, "base_url");
}

#[test]
fn a_server_that_is_not_what_it_says() {
    let page = plain(200, &["content-type: text/html"], "<!doctype html><html><title>Router login</title></html>");
    for provider in ["anthropic", "openai"] {
        let server = Server::start(vec![page.clone()]);
        expect(&Study::new(&actor(provider, &server.url())), 2, &["text/html", "base_url"]);
    }
}

#[test]
fn a_model_that_does_not_exist() {
    let body = json!({"error": {"message": "The model `some-model` does not exist", "type": "not_found_error"}});
    let server = Server::start(vec![json_answer(404, &body)]);
    expect(&Study::new(&actor("anthropic", &server.url())), 2, &["some-model", "404"]);
}

#[test]
fn a_context_overflow_in_the_middle_keeps_what_was_done() {
    let body = json!({"error": {"code": 400, "type": "exceed_context_size_error", "message": "the request exceeds the available context size"}});
    let server =
        Server::start(vec![calling("openai", "check_balance", &json!({"estimand": "ate"})), json_answer(400, &body)]);
    let study = Study::new(&actor("openai", &server.url()));
    expect(&study, 2, &["context", "--resume"]);
    assert!(study.out().join("transcript/0001-actor.json").exists());
}

#[test]
fn a_server_that_fails_again_and_again() {
    let body = json!({"error": {"message": "overloaded", "type": "overloaded_error"}});
    let mut refused = plain(529, &["content-type: application/json", "retry-after: 0"], &body.to_string());
    refused.truncate(1);
    let server = Server::start(vec![refused]);
    let study = Study::new(&actor("anthropic", &server.url()));
    expect(&study, 3, &["529", "--resume"]);
    assert_eq!(server.requests().len(), 5, "it was tried five times");
}

fn expect_plan_problem(study: &Study, path: &str) {
    let ran = study.run(&[]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains(path) && ran.stderr.contains("plan.yaml"), "{}", ran.stderr);
    assert!(!study.out().exists(), "nothing was begun");
}

#[test]
fn what_is_wrong_with_the_plan_is_said_before_anything_is_asked() {
    let server = content("openai");
    let with = |more: &str| Study::new(&(actor("openai", &server.url()) + more));
    for budget in ["turns: 0", "tokens: 0", "wall_minutes: 0", "cost_usd: 0", "turns: -1", "wall_minutes: soon"] {
        expect_plan_problem(&with(&format!("budget: {{{budget}}}\n")), "budget");
    }
    expect_plan_problem(&with("privacy: {min_cell: 1}\n"), "min_cell");
    for (actor, path) in [
        ("{provider: openai}", "model"),
        ("{provider: oracle, model: m}", "provider"),
        ("{provider: playbook, model: m}", "model"),
        ("{provider: openai, model: m, max_tokens: 0}", "max_tokens"),
        ("{provider: openai, model: m, temperature: warm}", "temperature"),
    ] {
        expect_plan_problem(&Study::new(&format!("actor: {actor}\n")), path);
    }
    // A key in a plan would be committed. It is refused, and not repeated.
    let study = Study::new(&format!("actor: {{provider: openai, model: m, key: {KEY}}}\n"));
    expect_plan_problem(&study, "actor.key");
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_key_in_a_plan_is_refused_without_being_repeated() {
    let study = Study::new(&format!("actor:\n  provider: openai\n  model: m\n  key: {KEY}\n"));
    let ran = study.run(&["--json"]);
    assert_eq!(ran.code, 2);
    assert!(!ran.stdout.contains(KEY) && !ran.stderr.contains(KEY), "{} {}", ran.stdout, ran.stderr);
}

#[test]
fn two_runs_in_the_same_directory_at_once() {
    let hang = vec![stream_head(), Step::Forever(b": wait\n\n".to_vec(), 20)];
    let server = Server::start(vec![hang]);
    let study = Study::new(&actor("openai", &server.url()));
    let mut first = Command::new(env!("CARGO_BIN_EXE_oci-agent"))
        .args(["run", "plan.yaml", "--out", "out"])
        .current_dir(study.dir.path())
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let waited = Instant::now();
    while server.requests().is_empty() {
        assert!(waited.elapsed() < Duration::from_secs(60), "the first run never asked");
        std::thread::sleep(Duration::from_millis(20));
    }
    let ran = study.run(&[]);
    first.kill().unwrap();
    first.wait().unwrap();
    assert!([2, 3].contains(&ran.code), "{}: {}", ran.code, ran.stderr);
    assert!(ran.stderr.contains("out") && ran.stderr.contains("another"), "{}", ran.stderr);
    assert_eq!(server.requests().len(), 1, "the second run asked nobody");
    assert_eq!(study.git(&["status", "--porcelain"]), "");
}

#[test]
fn recordings_that_are_none() {
    let study = Study::new(&actor("openai", "http://127.0.0.1:9"));
    let replay =
        |folder: &str| program(study.dir.path(), &["run", "plan.yaml", "--out", "out", "--replay", folder], &[]);
    let ran = replay("nowhere");
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    std::fs::create_dir(study.dir.path().join("empty")).unwrap();
    let ran = replay("empty");
    assert!(ran.code == 2 && ran.stderr.contains("no recorded exchange"), "{}", ran.stderr);
    std::fs::write(study.dir.path().join("empty/0001-actor.json"), b"{\"sequence\": 1").unwrap();
    let ran = replay("empty");
    assert!(ran.code == 2 && ran.stderr.contains("0001-actor.json"), "{}", ran.stderr);
}

#[test]
fn check_warns_of_a_model_that_is_retired_or_unknown() {
    for (model, words) in [("gpt-5", "retired on 2026-12-11"), ("gpt-55", "not among those known on")] {
        let study = Study::new(&format!("actor: {{provider: openai, model: {model}}}\n"));
        let ran = program(study.dir.path(), &["check", "plan.yaml"], &[]);
        let said = ran.stdout + &ran.stderr;
        assert!(said.contains(words), "{said}");
    }
}
