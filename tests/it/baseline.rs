//! The same plan without tools, with one iteration, with all of it; against a server that says what a test wrote down.

use crate::cli::{Ran, oci_agent};
use crate::examples::plan;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// A server that proposes nothing and estimates 3.3, and what it was asked.
struct Model {
    url: String,
    asked: Arc<Mutex<Vec<Value>>>,
}

impl Model {
    fn start() -> Model {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<Value>>> = Arc::default();
        let heard = Arc::clone(&asked);
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                serve(connection, &heard).unwrap();
            }
        });
        Model { url, asked }
    }

    fn plan(&self, dir: &Path) -> PathBuf {
        let text = std::fs::read_to_string(plan("nhefs")).unwrap();
        let actor = format!("\nactor: {{provider: openai, model: test-model, base_url: \"{}\"}}", self.url);
        let path = dir.join("plan.yaml");
        std::fs::write(&path, with_actor(&text, &actor)).unwrap();
        path
    }
}

/// One request, one answer, and the end of the connection.
fn serve(connection: TcpStream, heard: &Mutex<Vec<Value>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(connection);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(n) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = n.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body: Value = serde_json::from_slice(&body).unwrap();
    let is_the_question = body.to_string().contains("means_of_treated");
    heard.lock().unwrap().push(body);
    let lines = ["ate", "att", "ato"].map(
        |estimand| json!({"estimand": estimand, "estimate": 3.3, "lower": 2.4, "upper": 4.2, "reason": "OLS by hand"}),
    );
    let text = if is_the_question {
        stream("answer", &json!({"answers": lines}))
    } else {
        stream("propose_spec", &json!({"changes": []}))
    };
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    reader.get_mut().write_all((head.to_owned() + &text).as_bytes())
}

/// The plan with another actor.
fn with_actor(text: &str, actor: &str) -> String {
    let lines = text.lines().map(|line| if line.starts_with("actor:") { actor } else { line });
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

fn stream(tool: &str, input: &Value) -> String {
    let call = json!({"index": 0, "id": "c1", "type": "function",
        "function": {"name": tool, "arguments": input.to_string()}});
    let chunk = |delta: Value, finish: Value| json!({"model": "test-model", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]});
    let usage = json!({"model": "test-model", "choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 10}});
    let parts = [
        chunk(json!({"role": "assistant", "tool_calls": [call]}), Value::Null),
        chunk(json!({}), json!("tool_calls")),
        usage,
    ];
    let lines: String = parts.iter().map(|part| format!("data: {part}\n\n")).collect();
    lines + "data: [DONE]\n\n"
}

fn baseline(dir: &Path, extra: &[&str]) -> Ran {
    let data = plan("nhefs").parent().unwrap().to_str().unwrap().to_owned();
    let mut args = vec!["baseline", "plan.yaml", "--data-root", &data];
    args.extend(extra);
    oci_agent(dir, &args)
}

fn document(dir: &Path, out: &str) -> Value {
    serde_json::from_slice(&std::fs::read(dir.join(out).join("baseline.json")).unwrap()).unwrap()
}

#[test]
fn three_ways_are_compared_recorded_and_replayed() {
    let dir = tempfile::tempdir().unwrap();
    let model = Model::start();
    model.plan(dir.path());
    let ran = baseline(dir.path(), &["--out", "compare", "--truth", "ate=3.0,att=3.5"]);
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    let lengths: Vec<usize> = ran.stdout.lines().map(|line| line.chars().count()).collect();
    assert!(lengths.len() == 11 && lengths.iter().all(|n| *n == lengths[0]), "{}", ran.stdout);

    let found = document(dir.path(), "compare");
    let names: Vec<&str> = found["variants"].as_array().unwrap().iter().map(|v| v["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["no tools", "one iteration", "full loop"]);
    let without = &found["variants"][0];
    assert_eq!(without["answers"][0]["verdict"], "none: nothing was diagnosed");
    assert!((without["answers"][0]["error"].as_f64().unwrap() - 0.3).abs() < 1e-9, "{without}");
    assert_eq!(
        (&without["calls"], &without["input_tokens"], &without["output_tokens"]),
        (&json!(1), &json!(100), &json!(10))
    );
    assert_eq!(without["answers"][2]["error"], Value::Null, "no truth was given for the ATO");
    assert_eq!(found["variants"][1]["calls"], 1, "a draft, and no room to revise");
    assert_eq!(found["variants"][2]["calls"], 2, "a draft, and nothing to revise");
    assert!(found["variants"][2]["answers"][0]["error"].as_f64().unwrap() > 0.3);
    let one = std::fs::read_to_string(dir.path().join("compare/one-iteration/plan.yaml")).unwrap();
    assert!(one.contains("max_iterations: 1\n"), "the plan that was run is the plan on record");
    assert!(std::fs::read_to_string(dir.path().join("compare/baseline.md")).unwrap().contains("OLS by hand"));

    // The question that is not blind came last, and nothing of it is anywhere else.
    let asked = model.asked.lock().unwrap().clone();
    let moments: Vec<bool> = asked.iter().map(|body| body.to_string().contains("means_of_treated")).collect();
    assert_eq!(moments, [false, false, false, true], "both runs are over before it is asked");
    let last = asked[3].to_string();
    assert!(last.contains("covariance") && last.contains("wt82_71"), "{last}");
    drop(model);

    let again = baseline(dir.path(), &["--out", "again", "--replay", "compare", "--json"]);
    assert_eq!(again.code, 0, "{}\n{}", again.stdout, again.stderr);
    let replayed: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(replayed, document(dir.path(), "again"));
    for at in 0..3 {
        for (key, value) in found["variants"][at].as_object().unwrap() {
            if key != "seconds" && key != "answers" {
                assert_eq!(&replayed["variants"][at][key], value, "{key} of {at}");
            }
        }
        assert_eq!(replayed["variants"][at]["answers"][0]["estimate"], found["variants"][at]["answers"][0]["estimate"]);
        assert_eq!(replayed["variants"][at]["seconds"], Value::Null);
    }
}

#[test]
fn what_cannot_be_compared_is_refused_before_anything_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(plan("nhefs"), dir.path().join("plan.yaml")).unwrap();
    let ran = baseline(dir.path(), &["--out", "compare"]);
    assert!(ran.code == 2 && ran.stderr.contains("no model to compare"), "{}", ran.stderr);
    assert!(!dir.path().join("compare").exists());

    let text = std::fs::read_to_string(plan("nhefs")).unwrap();
    let actor = "actor: {provider: openai, model: m, base_url: \"http://127.0.0.1:9/v1\"}";
    std::fs::write(dir.path().join("plan.yaml"), with_actor(&text, actor)).unwrap();
    for (truth, said) in [
        ("ate", "is not a truth"),
        ("ate=many", "is not a number"),
        ("ate=NaN", "finite"),
        ("late=1", "is not an estimand"),
        ("atc=1", "the plan does not ask for"),
        ("ate=1,ate=2", "twice"),
    ] {
        let ran = baseline(dir.path(), &["--out", "compare", "--truth", truth]);
        assert!(ran.code == 2 && ran.stderr.contains(said), "{truth}: {} {}", ran.code, ran.stderr);
        assert!(!dir.path().join("compare").exists(), "{truth}");
    }
}
