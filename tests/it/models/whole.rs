//! Whole runs against a server on loopback.

use super::{KEY, Study, actor, calling, content, program};
use crate::llm::support::{Server, Step, json_answer, send, stream_head};
use serde_json::json;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn a_run_with_a_model_is_on_record_exchange_by_exchange_and_replays_to_the_same_tree() {
    for provider in ["anthropic", "openai"] {
        let server = content(provider);
        let study = Study::new(&actor(provider, &server.url()));
        let ran = study.run(&[]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!(ran.stderr.contains("actor says Let me see."), "{}", ran.stderr);
        assert!(ran.stdout.contains("3 answers"), "{}", ran.stdout);
        study.is_clean();
        let log = study.git(&["log", "--reverse", "--format=%s"]);
        assert!(
            log.contains("actor, exchange 1: check_balance") && log.contains("actor, exchange 3: propose_spec"),
            "{log}"
        );
        let manifest = study.json("manifest.json");
        assert_eq!(manifest["actor"], format!("{provider} some-model"));
        assert_eq!(manifest["conduct"]["actor_usage"]["input_tokens"], 21);
        assert_eq!(manifest["prompts"]["actor"].as_str().map(str::len), Some(64));
        // What was sent is what is on record, and it holds no key.
        let recorded = study.json("transcript/0002-actor.json");
        assert_eq!(recorded["request"], server.bodies()[1]);
        assert!(server.requests().iter().all(|request| request.contains(KEY)), "the key travels in a header");
        assert!(!server.bodies().iter().any(|body| body.to_string().contains(KEY)));
        let shown = program(study.dir.path(), &["transcript", "show", "out", "--bodies"], &[]);
        let bodies: Vec<serde_json::Value> =
            shown.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(bodies, server.bodies());

        let tree = study.git(&["rev-parse", "HEAD^{tree}"]);
        drop(server);
        std::fs::rename(study.out(), study.dir.path().join("first")).unwrap();
        let again = program(study.dir.path(), &["run", "plan.yaml", "--out", "out", "--replay", "first"], &[]);
        assert_eq!(again.code, 0, "{}", again.stderr);
        assert_eq!(study.git(&["rev-parse", "HEAD^{tree}"]), tree, "the same bytes, without a server or a key");
        assert_eq!(
            study.git(&["rev-parse", "HEAD"]),
            git_head(&study, "first"),
            "and, with the clock pinned, the same commits"
        );
    }
}

fn git_head(study: &Study, folder: &str) -> String {
    let output =
        Command::new("git").arg("-C").arg(study.dir.path().join(folder)).args(["rev-parse", "HEAD"]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn a_run_whose_critic_alone_is_a_model_is_verified_from_its_transcript() {
    let server = content("openai");
    let study = Study::new(&actor("openai", &server.url()).replace("actor:", "critic:"));
    study.run(&[]);
    drop(server);
    assert!(study.git(&["log", "--format=%s"]).contains("critic, exchange 1"));
    let verified = program(study.dir.path(), &["verify", "out"], &[]);
    assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
}

#[test]
fn a_replay_that_differs_names_the_first_difference() {
    let server = content("openai");
    let study = Study::new(&actor("openai", &server.url()));
    assert_eq!(study.run(&[]).code, 0);
    std::fs::rename(study.out(), study.dir.path().join("first")).unwrap();
    study.plan(&actor("openai", &server.url()).replace("some-model", "another-model"));
    let ran = program(study.dir.path(), &["run", "plan.yaml", "--out", "out", "--replay", "first"], &[]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    for words in ["0001-actor.json", "model", "some-model", "another-model"] {
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
    }
    study.is_clean();
}

#[test]
fn without_models_the_plan_runs_by_playbook_and_says_the_same_as_ever() {
    let study = Study::new(&(actor("openai", "http://127.0.0.1:9") + "budget: {turns: 1, tokens: 1}\n"));
    let ran = study.run(&["--no-model"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(!study.out().join("transcript").exists());
    let shown = program(study.dir.path(), &["transcript", "show", "out"], &[]);
    assert_eq!(shown.code, 2);
    assert!(shown.stderr.contains("no exchange"), "{}", shown.stderr);
}

#[test]
fn a_budget_that_is_reached_ends_the_run_with_what_it_has_and_exit_code_1() {
    let server = Server::start(vec![calling("openai", "check_balance", &json!({"estimand": "ate"}))]);
    let study = Study::new(&(actor("openai", &server.url()) + "budget: {turns: 2}\n"));
    let ran = study.run(&[]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert_eq!(server.requests().len(), 2);
    assert!(ran.stderr.contains("budget.turns"), "{}", ran.stderr);
    assert!(ran.stdout.contains("budget.turns"), "{}", ran.stdout);
    assert!(study.json("results.json")["answers"][0]["effect"]["estimate"].is_number());
    study.is_clean();
}

#[test]
fn a_cost_budget_needs_a_price_and_keeps_to_it() {
    let server = content("openai");
    let study = Study::new(&(actor("openai", &server.url()) + "budget: {cost_usd: 1}\n"));
    let ran = study.run(&[]);
    assert_eq!((ran.code, server.requests().len()), (2, 0), "{}", ran.stderr);
    assert!(ran.stderr.contains("some-model") && ran.stderr.contains("budget.prices"), "{}", ran.stderr);
    std::fs::write(study.dir.path().join("prices.yaml"), "models: {some-model: {input: 100000, output: 0}}\n").unwrap();
    study.plan(&(actor("openai", &server.url()) + "budget: {cost_usd: 1, prices: prices.yaml}\n"));
    let ran = study.run(&[]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("budget.cost_usd is reached") || ran.stderr.contains("`budget.cost_usd` is reached"),
        "{}",
        ran.stderr
    );
    assert_eq!(study.json("results.json")["conduct"]["cost_usd"], 1.4, "two answers at 0.7 dollars each");
}

#[test]
fn time_that_is_over_ends_the_run_and_its_replay_likewise() {
    let slow = vec![stream_head(), Step::Forever(b": still thinking\n\n".to_vec(), 50)];
    let server = Server::start(vec![slow]);
    let study = Study::new(&(actor("openai", &server.url()) + "budget: {wall_minutes: 0.03}\n"));
    let ran = study.run(&[]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("budget.wall_minutes"), "{}", ran.stderr);
    let tree = study.git(&["rev-parse", "HEAD^{tree}"]);
    std::fs::rename(study.out(), study.dir.path().join("first")).unwrap();
    let again = program(study.dir.path(), &["run", "plan.yaml", "--out", "out", "--replay", "first"], &[]);
    assert_eq!(again.code, 1, "{}", again.stderr);
    assert_eq!(study.git(&["rev-parse", "HEAD^{tree}"]), tree);
}

/// Ten megabytes of prose, and the key in every usual code: a few kilobytes are kept and sent again, and no key.
#[test]
fn a_very_long_answer_is_cut_and_counted_and_a_key_in_code_is_not_kept() {
    // Of KEY by coreutils: base64 -w0, xxd -p, rev.
    let coded = [
        "c2stbG9jYWwtMDEyMzQ1Njc4OWFiY2RlZmdoaWo=",
        "736b2d6c6f63616c2d303132333435363738396162636465666768696a",
        "jihgfedcba9876543210-lacol-ks",
        "SK-LOCAL-0123456789ABCDEFGHIJ",
    ];
    let prose = format!("The key is {}. {}", coded.join(" or "), "So it is. ".repeat(1_000_000));
    let call = json!({"id": "a", "type": "function", "function": {"name": "check_balance", "arguments": "{\"estimand\": \"ate\"}"}});
    let long = json_answer(
        200,
        &json!({"model": "some-model", "usage": {"prompt_tokens": 7, "completion_tokens": 3},
        "choices": [{"index": 0, "finish_reason": "tool_calls",
                     "message": {"role": "assistant", "content": prose, "tool_calls": [call]}}]}),
    );
    let nothing = calling("openai", "propose_spec", &json!({"changes": []}));
    let server = Server::start(vec![long.clone(), long, nothing.clone(), nothing]);
    let study = Study::new(&actor("openai", &server.url()));
    let ran = study.run(&["-q"]);
    assert!([0, 1].contains(&ran.code), "{}", ran.stderr);
    let transcript = study.out().join("transcript");
    let size: u64 = std::fs::read_dir(&transcript).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    assert!(size < 2_000_000, "{size} bytes");
    assert!(server.requests().iter().all(|request| request.len() < 1_000_000), "what is sent again is short");
    let left_out = study.json("results.json")["conduct"]["left_out_bytes"].as_u64().unwrap();
    assert!(left_out > 19_000_000, "{left_out}");
    let history = study.git(&["log", "-p", "--all"]).to_lowercase();
    assert!(coded.iter().all(|code| !history.contains(&code.to_lowercase())), "a key is in the history");
    study.is_clean();
    // A replay leads to the same record, counts included.
    let again = program(study.dir.path(), &["run", "plan.yaml", "--out", "again", "--replay", "out", "-q"], &[]);
    assert_eq!(again.code, ran.code, "{}", again.stderr);
    let read = |out: &str| std::fs::read(study.dir.path().join(out).join("transcript/0001-actor.json")).unwrap();
    assert!(read("out") == read("again"), "the recording differs");
}

#[cfg(unix)]
#[test]
fn ctrl_c_while_a_model_answers_leaves_a_clean_repository_and_resuming_asks_only_what_is_left() {
    let hang = vec![stream_head(), Step::Forever(b": still thinking\n\n".to_vec(), 20)];
    let nothing = json!({"changes": []});
    let server = Server::start(vec![
        calling("openai", "check_balance", &json!({"estimand": "ate"})),
        hang,
        calling("openai", "propose_spec", &nothing),
    ]);
    let study = Study::new(&actor("openai", &server.url()));
    let mut child = Command::new(env!("CARGO_BIN_EXE_oci-agent"))
        .args(["run", "plan.yaml", "--out", "out"])
        .current_dir(study.dir.path())
        .env("OPENAI_API_KEY", KEY)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let waited = Instant::now();
    while server.requests().len() < 2 {
        assert!(waited.elapsed() < Duration::from_secs(60), "the second request never came");
        std::thread::sleep(Duration::from_millis(20));
    }
    let pressed = Instant::now();
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let code = child.wait().unwrap().code();
    // It listens every 50 ms; the rest is room for a busy machine.
    assert!(pressed.elapsed() < Duration::from_secs(10), "{:?}", pressed.elapsed());
    assert_eq!(code, Some(3));
    study.is_clean();
    assert!(study.git(&["log", "--format=%s"]).contains("actor, exchange 1: check_balance"));
    let ran = study.run(&["--resume"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    // The first answer was on record; the second question was asked again, and the third.
    assert_eq!(server.requests().len(), 4);
    assert!(study.out().join("transcript/0003-actor.json").exists());
    study.is_clean();
}

#[test]
fn what_a_model_says_is_heard_while_it_says_it() {
    let first = r#"data: {"choices":[{"index":0,"delta":{"content":"I am looking"}}]}"#.to_owned() + "\n\n";
    let rest = r#"data: {"choices":[{"index":0,"delta":{"content":" closely."},"finish_reason":"stop"}]}"#.to_owned()
        + "\n\ndata: [DONE]\n\n";
    let slow = vec![stream_head(), send(&first), Step::Wait(3_000), send(&rest)];
    let server = Server::start(vec![slow, calling("openai", "propose_spec", &json!({"changes": []}))]);
    let study = Study::new(&actor("openai", &server.url()));
    let mut child = Command::new(env!("CARGO_BIN_EXE_oci-agent"))
        .args(["run", "plan.yaml", "--out", "out"])
        .current_dir(study.dir.path())
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let (mut heard, mut piece) = (String::new(), [0; 512]);
    let mut first_words = None;
    while let Ok(n) = std::io::Read::read(&mut stderr, &mut piece) {
        if n == 0 {
            break;
        }
        heard.push_str(&String::from_utf8_lossy(&piece[..n]));
        if first_words.is_none() && heard.contains("I am looking") {
            first_words = Some(Instant::now());
        }
        if heard.contains("closely.") {
            break;
        }
    }
    // The server is silent for three seconds in between: without streaming both come at once.
    let gap = first_words.expect("the first words").elapsed();
    assert!(gap > Duration::from_millis(1_500), "{gap:?}: {heard}");
    drop(stderr);
    let _ = child.wait();
}

#[test]
fn a_recorded_run_is_read_in_a_few_screens_and_one_exchange_whole() {
    let cassettes = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cassettes");
    let shown = |case: &str, more: &[&str]| {
        let ran = program(&cassettes, &[&["transcript", "show", case], more].concat(), &[]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran.stdout
    };
    let (all, one) = (shown("nhefs", &[]), shown("nhefs", &["--exchange", "2"]));
    assert!(all.lines().count() < 120, "{}", all.lines().count());
    // Each role is told its standing instructions once.
    assert_eq!(all.matches("You are the actor").count(), 1);
    assert!(all.contains("more lines") && all.contains("calls propose_spec"), "{all}");
    assert!(!one.contains("more lines") && one.lines().count() > 40, "{one}");
    // What the model said is its answer, and not said again with the request after it.
    let conversation = shown("lalonde", &[]);
    assert_eq!(conversation.matches("calls fit_propensity").count(), 4, "one for each answer: {conversation}");
}
