//! Names, levels, titles, paths and words of servers that try to steer a terminal: through every command, with all output
//! and every artifact searched.

use crate::llm::support::{Server, json_answer};
use serde_json::json;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Changes the title of a terminal, rings its bell, clears it (with a C1 control), and turns what follows around.
const STEER: &str = "\u{1b}]0;owned\u{7}\u{9b}2J\u{1b}[31m\u{202e}\u{2066}";

/// One name for each column.
fn named(name: &str) -> String {
    format!("{name}{STEER}")
}

fn study() -> TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    let mut csv = ["t", "y", "x", "w", "region"].map(|name| format!("\"{}\"", named(name))).join(",") + "\n";
    let mut state = 20_261_128_u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    for row in 0..400 {
        let (x, w) = (uniform(), uniform());
        let t = u8::from(uniform() < 0.3 + 0.4 * x);
        let region = named(["north", "south", "east"][row % 3]);
        let _ = writeln!(csv, "{t},{},{x},{w},\"{region}\"", f64::from(t) + x + uniform());
    }
    std::fs::write(dir.path().join("data.csv"), csv).expect("data");
    dir
}

struct Printed {
    code: i32,
    text: String,
}

fn program(dir: &Path, args: &[impl AsRef<OsStr>], input: &str) -> Printed {
    let mut child = Command::new(env!("CARGO_BIN_EXE_oci-agent"))
        .args(args)
        .current_dir(dir)
        .envs([("COLUMNS", "100"), ("OPENAI_API_KEY", "none"), ("OCI_AGENT_LOG", "trace")])
        .env("XDG_CONFIG_HOME", dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_owned();
    let writer = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let output = child.wait_with_output().expect("its end");
    writer.join().expect("a writer");
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8")).concat();
    Printed { code: output.status.code().unwrap_or(-1), text }
}

/// No escape, bell, C1 control or character that reorders text. Line ends and tabs may be there.
fn inert(what: &str, text: &str) {
    let found = text.char_indices().find(|(_, c)| {
        c.is_control() && !matches!(c, '\n' | '\t' | '\r')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    });
    if let Some((at, c)) = found {
        let around: String = text[..at].chars().rev().take(120).collect::<Vec<_>>().into_iter().rev().collect();
        panic!("{what} holds U+{:04X} after {around:?}", u32::from(c));
    }
}

fn files_are_inert(folder: &Path) -> usize {
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            seen += if path.ends_with(".git") { 0 } else { files_are_inert(&path) };
        } else if !["png", "parquet"].map(OsStr::new).contains(&path.extension().unwrap_or_default()) {
            let text = String::from_utf8(std::fs::read(&path).expect("a file")).expect("UTF-8");
            inert(&path.display().to_string(), &text);
            seen += 1;
        }
    }
    seen
}

fn history(out: &Path) -> String {
    let log = Command::new("git").arg("-C").arg(out).args(["log", "--format=%an%n%B"]).output().expect("git");
    String::from_utf8(log.stdout).expect("UTF-8")
}

#[test]
fn a_hostile_dataset_steers_nothing() {
    let dir = study();
    let (t, y, x) = (named("t"), named("y"), named("x"));
    let columns = ["--treatment", &t, "--outcome", &y];
    let expect = |words: &[&str], codes: &[i32]| {
        let printed = program(dir.path(), words, "");
        inert(&words.join(" "), &printed.text);
        assert!(codes.contains(&printed.code), "{words:?}: {} {}", printed.code, printed.text);
        printed.text
    };
    let init = [&["init", "data.csv"][..], &columns].concat();
    expect(&init, &[0]);
    expect(&[&init[..], &["--output", "-"]].concat(), &[0]);
    files_are_inert_but_the_data(dir.path());
    expect(&["check", "plan.yaml"], &[0]);
    expect(&["--json", "check", "plan.yaml"], &[0]);
    expect(&["run", "plan.yaml", "--out", "out"], &[0, 1]);
    expect(&["-v", "-v", "run", "plan.yaml", "--out", "out", "--resume"], &[0, 1]);
    expect(&["--json", "run", "plan.yaml", "--out", "json"], &[0, 1]);
    assert!(files_are_inert(&dir.path().join("out")) > 10);
    inert("the history", &history(&dir.path().join("out")));
    expect(&["estimate", "plan.yaml"], &[0]);
    let term = format!("`{x}`");
    let of_data = [&["estimate", "data.csv", "--terms", &term][..], &columns].concat();
    expect(&of_data, &[0]);
    // What is not there is named, and so is what is near.
    expect(&["init", "data.csv", "--force", "--treatment", "t", "--outcome", &y], &[2]);
    expect(&["estimate", "data.csv", "--treatment", &t, "--outcome", STEER], &[2]);
    let plan = std::fs::read_to_string(dir.path().join("plan.yaml")).expect("a plan");
    std::fs::write(dir.path().join("plan.yaml"), plan.replace("missing: error", "missing: \"\\e]0;x\\a\""))
        .expect("plan");
    expect(&["check", "plan.yaml"], &[2]);
    expect(&["--json", "check", "plan.yaml"], &[2]);
    let odd = plan.replace("other: []", "other: [\"odd\\e]0;x\\a\\u202e\"]");
    std::fs::write(dir.path().join("plan.yaml"), odd).expect("plan");
    expect(&["check", "plan.yaml"], &[2]);
}

fn files_are_inert_but_the_data(dir: &Path) {
    let plan = std::fs::read_to_string(dir.join("plan.yaml")).expect("a plan");
    inert("the plan of `init`", &plan);
}

#[test]
fn hostile_paths_and_arguments_steer_nothing() {
    let dir = study();
    let odd = format!("plan{STEER}.yaml").replace('/', "");
    std::fs::write(dir.path().join(&odd), "title: [\n").expect("a plan");
    let folder = format!("books{STEER}");
    std::fs::create_dir(dir.path().join(&folder)).expect("a folder");
    std::fs::write(dir.path().join(&folder).join(format!("a{STEER}.md")), format!("---\nname: {STEER}\n---\n"))
        .expect("md");
    let commands: Vec<Vec<&str>> = vec![
        vec!["check", &odd],
        vec!["--json", "check", &odd],
        vec!["run", &odd],
        vec!["check", STEER],
        vec!["run", "plan.yaml", "--out", STEER],
        vec![STEER],
        vec!["run", "--nothing-like-it", STEER],
        vec!["check", "plan.yaml", "--trust", STEER],
        vec!["check", &odd, "--data-root", STEER],
        vec!["init", STEER, "--treatment", STEER, "--outcome", STEER],
        vec!["estimate", STEER, "--treatment", STEER, "--outcome", STEER, "--terms", STEER],
        vec!["playbook", "show", STEER],
        vec!["playbook", "list", "--playbooks", &folder],
        vec!["playbook", "list", "--playbooks", STEER],
        vec!["transcript", "show", STEER],
        vec!["mcp", STEER],
        vec!["baseline", STEER],
        vec!["acic", "score", "--out", STEER],
        vec!["acic", "run", "--data", STEER, "--out", "acic"],
        vec!["acic", "merge", "--out", STEER],
        vec!["simulate", "coverage", "--setups", STEER, "--out", "x"],
        vec!["simulate", "accuracy", "--families", STEER, "--out", "x"],
    ];
    for words in commands {
        let printed = program(dir.path(), &words, "");
        inert(&words.join(" "), &printed.text);
        assert!([2, 3].contains(&printed.code), "{words:?}: {} {}", printed.code, printed.text);
    }
}

#[test]
fn a_title_that_steers_is_refused_by_check_and_by_run() {
    let dir = study();
    for (title, character) in
        [("a\\eb", "U+001B"), ("a\\u202Eb", "U+202E"), ("a\\u0085b", "U+0085"), ("a\\nb\\u2066", "U+2066")]
    {
        let plan = format!(
            "title: \"{title}\"\nquestion: q\ndata: {{source: data.csv}}\ntreatment: {{column: t}}\noutcome: {{column: y, \
             units: u}}\nconfounders: {{priority: [x1]}}\n"
        );
        std::fs::write(dir.path().join("plan.yaml"), plan).expect("a plan");
        for words in [&["check", "plan.yaml"][..], &["run", "plan.yaml", "--out", "out"]] {
            let printed = program(dir.path(), words, "");
            assert_eq!(printed.code, 2, "{}", printed.text);
            assert!(printed.text.contains("`title` holds") && printed.text.contains(character), "{}", printed.text);
        }
    }
    assert!(!dir.path().join("out").exists());
}

#[test]
fn a_plan_with_raw_characters_that_steer_is_refused_where_they_stand() {
    let dir = study();
    std::fs::write(dir.path().join("plan.yaml"), "title: a\n# b\u{202e}\nquestion: \u{1b}[31m\n").expect("a plan");
    let printed = program(dir.path(), &["check", "plan.yaml"], "");
    inert("check", &printed.text);
    assert_eq!(printed.code, 2, "{}", printed.text);
    for words in ["plan.yaml:2:4", "U+202E", "plan.yaml:3:11", "U+001B"] {
        assert!(printed.text.contains(words), "{words}: {}", printed.text);
    }
}

/// A model and its server may say anything: what they say is shown, recorded and committed.
#[test]
fn a_hostile_server_steers_nothing() {
    let says = format!("{STEER}\r\nerror: all is lost");
    let refused = json_answer(401, &json!({"error": {"message": says, "type": STEER}}));
    let odd = json!({"model": STEER, "usage": {"prompt_tokens": 7, "completion_tokens": 3},
        "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant", "content": says,
        "tool_calls": [{"id": "a", "type": "function", "function":
            {"name": STEER, "arguments": json!({"estimand": STEER}).to_string()}}]}}]});
    let talk = json_answer(200, &odd);
    for answers in [vec![refused.clone()], vec![talk.clone(), talk.clone(), talk.clone(), talk.clone(), refused]] {
        let server = Server::start(answers);
        let dir = study();
        let (t, y) = (named("t"), named("y"));
        assert_eq!(program(dir.path(), &["init", "data.csv", "--treatment", &t, "--outcome", &y], "").code, 0);
        let plan = std::fs::read_to_string(dir.path().join("plan.yaml")).expect("a plan");
        let actor = format!("actor: {{provider: openai, model: m, base_url: \"{}\"}}", server.url());
        std::fs::write(dir.path().join("plan.yaml"), plan.replace("actor: {provider: playbook}", &actor))
            .expect("plan");
        for words in [
            &["check", "plan.yaml"][..],
            &["run", "plan.yaml", "--out", "out"],
            &["transcript", "show", "out"],
            &["--json", "transcript", "show", "out"],
            &["transcript", "show", "out", "--bodies"],
            &["baseline", "plan.yaml", "--out", "compare"],
        ] {
            inert(&words.join(" "), &program(dir.path(), words, "").text);
        }
        files_are_inert(&dir.path().join("out"));
        inert("the history", &history(&dir.path().join("out")));
    }
}

#[test]
fn a_hostile_host_steers_nothing() {
    let dir = study();
    let (t, y) = (named("t"), named("y"));
    assert_eq!(program(dir.path(), &["init", "data.csv", "--treatment", &t, "--outcome", &y], "").code, 0);
    let call = |id: u32, name: &str, arguments: serde_json::Value| json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": name, "arguments": arguments}});
    let lines = [
        json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"protocolVersion": "2025-06-18",
            "capabilities": {}, "clientInfo": {"name": STEER, "version": STEER}}}),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        call(1, "describe_data", json!({})),
        call(2, STEER, json!({STEER: STEER})),
        call(3, "check_balance", json!({"estimand": STEER})),
        call(4, "check_balance", json!({"estimand": "ate"})),
    ];
    let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let printed = program(dir.path(), &["mcp", "plan.yaml", "--out", "out"], &input);
    inert("mcp", &printed.text);
    assert!(printed.text.contains("\"id\":4"), "{}", printed.text);
    files_are_inert(&dir.path().join("out"));
    inert("the history", &history(&dir.path().join("out")));
}
