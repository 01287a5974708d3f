//! The MCP server, over its pipes, one line of JSON at a time.

mod experiment; // a host that plans, runs and reads an experiment
mod folder; // many plans below a folder
mod http; // the same over HTTP

use crate::examples::plan;
use oci_agent::tools::departures_from;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// More than any answer takes here.
const PATIENCE: Duration = Duration::from_secs(300);

/// A host.
struct Host {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<Value>,
    next: u64,
    /// Notifications that came between answers.
    notes: Vec<String>,
}

impl Host {
    fn start(dir: &Path, plan: &Path, extra: &[&str]) -> Host {
        let data = crate::examples::plan("nhefs").parent().expect("a folder").to_owned();
        let data = data.to_str().expect("utf-8").to_owned();
        Host::of(dir, plan, &[&["--out", "out", "--data-root", &data], extra].concat())
    }

    fn of(dir: &Path, plan: &Path, arguments: &[&str]) -> Host {
        Host::with(dir, &[&[plan.to_str().expect("utf-8")], arguments].concat())
    }

    fn with(dir: &Path, arguments: &[&str]) -> Host {
        let mut child = Command::new(env!("CARGO_BIN_EXE_oci-agent"))
            .arg("mcp")
            .args(arguments)
            .current_dir(dir)
            .env_remove("OCI_AGENT_LOG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let (sender, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().expect("stdout"));
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not the protocol: {line}"));
                if sender.send(value).is_err() {
                    return;
                }
            }
        });
        Host { stdin: child.stdin.take(), child, lines, next: 0, notes: Vec::new() }
    }

    /// A host that has shaken hands.
    fn greeted(dir: &Path, plan: &Path, extra: &[&str]) -> Host {
        let mut host = Host::start(dir, plan, extra);
        let instructions = host.shake_hands();
        assert!(instructions.contains("You never see an effect") && instructions.contains("propose_spec"));
        host
    }

    /// Shakes hands; what the server says of itself.
    fn shake_hands(&mut self) -> String {
        let client = json!({"name": "test host", "version": "0"});
        let hello =
            self.ask("initialize", json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client}));
        assert_eq!(hello["result"]["serverInfo"]["name"], "oci-agent");
        assert_eq!(hello["result"]["capabilities"]["tools"]["listChanged"], true);
        let instructions = hello["result"]["instructions"].as_str().expect("instructions");
        self.raw(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string());
        instructions.to_owned()
    }

    fn raw(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("open");
        stdin.write_all(line.as_bytes()).and_then(|()| stdin.write_all(b"\n")).expect("a server that reads");
    }

    fn send(&mut self, method: &str, params: Value) -> u64 {
        self.next += 1;
        self.raw(&json!({"jsonrpc": "2.0", "id": self.next, "method": method, "params": params}).to_string());
        self.next
    }

    fn answer(&mut self) -> Value {
        loop {
            let value = self.lines.recv_timeout(PATIENCE).expect("an answer");
            match value["method"].as_str() {
                Some(method) => self.notes.push(method.to_owned()),
                None if value["id"].is_null() => {} // about a line that was no request
                None => return value,
            }
        }
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params);
        let answer = self.answer();
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    /// What was told besides answers, once it is as much as other tools make; it comes when it comes, before or after an answer.
    fn notes_of_other_tools(&mut self) -> &[String] {
        for _ in 0..200 {
            if self.notes.len() >= OTHER_TOOLS.len() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
            self.ask("ping", json!({}));
        }
        &self.notes
    }

    /// The tools of the analysis.
    fn tools(&mut self) -> Vec<String> {
        let all = self.listed();
        let names = all.iter().map(|tool| tool["name"].as_str().expect("a name").to_owned());
        names.filter(|name| !OF_THE_SERVER.contains(&name.as_str())).collect()
    }

    fn listed(&mut self) -> Vec<Value> {
        self.ask("tools/list", json!({}))["result"]["tools"].as_array().expect("tools").clone()
    }

    /// What a program reads in an answer; it fits what the tool was listed with, refused or not.
    fn structured(&mut self, tool: &str, arguments: Value) -> Value {
        let listed = self.listed().into_iter().find(|listed| listed["name"] == tool);
        let answer = self.ask("tools/call", json!({"name": tool, "arguments": arguments}));
        let (structured, is_error) = (&answer["result"]["structuredContent"], answer["result"]["isError"] == true);
        if let Some(listed) = listed {
            let departures = departures_from(&listed["outputSchema"], structured);
            assert!(departures.is_empty(), "{tool}: {departures:?}: {structured}");
        }
        assert_eq!((&structured["tool"], &structured["ok"]), (&json!(tool), &json!(!is_error)), "{answer}");
        assert_eq!(structured["error"].is_object(), is_error, "{answer}");
        structured.clone()
    }

    /// Whether it was refused, and what was said.
    fn call(&mut self, tool: &str, arguments: Value) -> (bool, String) {
        let answer = self.ask("tools/call", json!({"name": tool, "arguments": arguments}));
        (answer["result"]["isError"] == true, texts(&answer))
    }

    /// Hangs up, and says how the server ended.
    fn leave(mut self) -> (i32, String) {
        drop(self.stdin.take());
        let mut stderr = String::new();
        self.child.stderr.take().expect("stderr").read_to_string(&mut stderr).expect("text");
        (self.child.wait().expect("an end").code().unwrap_or(-1), stderr)
    }
}

fn texts(answer: &Value) -> String {
    let blocks = answer["result"]["content"].as_array().unwrap_or_else(|| panic!("no result: {answer}"));
    blocks.iter().filter_map(|block| block["text"].as_str()).collect::<Vec<_>>().join("\n")
}

fn git(dir: &Path, args: &[&str]) -> String {
    let output = Command::new("git").arg("-C").arg(dir.join("out")).args(args).output().expect("git");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn clean(dir: &Path) {
    git(dir, &["fsck", "--strict"]);
    assert_eq!(git(dir, &["status", "--porcelain"]), "");
}

const OF_THE_SERVER: [&str; 4] = ["draft_plan", "check_plan", "start_run", "status"];
const NEED_AN_EFFECT: [&str; 2] = ["check_sensitivity", "estimate"];

/// What is told when other tools are on offer.
const OTHER_TOOLS: [&str; 2] = ["notifications/tools/list_changed", "notifications/resources/list_changed"];

#[test]
fn a_host_works_blind_settles_and_then_reads_the_answers() {
    let dir = tempfile::tempdir().expect("tempdir");
    let mut host = Host::greeted(dir.path(), &plan("nhefs"), &[]);
    let blind = host.tools();
    assert!(blind.contains(&"propose_spec".to_owned()) && !blind.contains(&"submit_critique".to_owned()), "{blind:?}");
    assert!(NEED_AN_EFFECT.iter().all(|tool| !blind.contains(&(*tool).to_owned())), "{blind:?}");

    let mut before = String::new();
    let (refused, said) = host.call("describe_data", json!({}));
    assert!(!refused && said.contains("Write the first spec") && !said.contains("```brief"), "{said}");
    before += &said;
    let (refused, said) = host.call("estimate", json!({}));
    assert!(refused && said.contains("blind until it has settled"), "{said}");
    let unknown = host.ask("tools/call", json!({"name": "rm", "arguments": {}}));
    assert_eq!(unknown["error"]["code"], -32602, "{unknown}");

    // Three at once: one answer each, in their order.
    let calls = ["check_balance", "check_overlap", "fit_propensity"];
    let ids = calls.map(|name| host.send("tools/call", json!({"name": name, "arguments": {"estimand": "ate"}})));
    for id in ids {
        let answer = host.answer();
        assert_eq!(answer["id"], id);
        before += &texts(&answer);
    }
    let (refused, said) = host.call("propose_spec", json!({"changes": []}));
    assert!(!refused && said.contains("Iteration 1 was designed and graded"), "{said}");
    before += &said;
    assert_eq!(host.tools(), blind);
    assert!(host.notes.is_empty(), "{:?}", host.notes);

    let (refused, said) = host.call("propose_spec", json!({"changes": []}));
    assert!(!refused && said.contains("satisfactory_with_caveats") && said.contains("report.md"), "{said}");
    let unblinded = host.tools();
    assert!(NEED_AN_EFFECT.iter().all(|tool| unblinded.contains(&(*tool).to_owned())), "{unblinded:?}");
    assert_eq!(host.notes_of_other_tools(), OTHER_TOOLS);
    let (refused, said) = host.call("estimate", json!({}));
    assert!(!refused && said.contains("3.373"), "{said}");
    assert!(!host.call("check_balance", json!({"estimand": "att"})).0);
    for tool in ["propose_spec", "trim"] {
        let (refused, said) = host.call(tool, json!({"changes": []}));
        assert!(refused && said.contains("the run is finished"), "{said}");
    }

    let results: Value =
        serde_json::from_slice(&std::fs::read(dir.path().join("out/results.json")).expect("results")).expect("JSON");
    for effect in results["effects"].as_array().expect("effects") {
        let estimate = effect["effect"]["estimate"].as_f64().expect("a number");
        assert!(!before.contains(&format!("{estimate:.3}")), "{estimate} was told before the loop had settled");
    }
    assert_eq!(results["conduct"]["actor"], "MCP host");
    assert_eq!(results["conduct"]["actor_usage"]["calls"], 7, "the call of no tool is none");
    let (code, stderr) = host.leave();
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("The host has left"), "{stderr}");
    clean(dir.path());
    let log = git(dir.path(), &["log", "--format=%s"]);
    assert!(log.contains("actor, exchange 2: estimate") && log.contains("unblind:"), "{log}");
    // Made again without the host, from what it called.
    let verified = crate::cli::oci_agent(dir.path(), &["verify", "out"]);
    assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
}

#[test]
fn the_plan_decides_what_is_offered_and_refused_calls_in_a_row_end_a_conversation() {
    let dir = tempfile::tempdir().expect("tempdir");
    let plan = dir.path().join("plan.yaml");
    let text = std::fs::read_to_string(crate::examples::plan("nhefs")).expect("the plan");
    let more =
        "\ntools: [propensity, balance, overlap, ipw, outcome_regression, aipw, aipw_crossfit]\nbudget: {repairs: 1}\n";
    std::fs::write(&plan, text + more).expect("a plan");
    let mut host = Host::greeted(dir.path(), &plan, &[]);
    let offered = host.tools();
    for tool in ["trim", "run_placebo", "estimate", "check_sensitivity"] {
        assert!(!offered.contains(&tool.to_owned()), "{tool} of {offered:?}");
    }
    let (refused, said) = host.call("trim", json!({"estimand": "ate"}));
    assert!(
        refused && said.contains("is not allowed here") && said.contains("one more, and the loop goes on"),
        "{said}"
    );
    let (refused, said) = host.call("run_placebo", json!({"estimand": "ate"}));
    assert!(!refused && said.contains("went on without a proposal: actor: the first spec is the plan's own"), "{said}");
    let (_, said) = host.call("propose_spec", json!({"changes": []}));
    assert!(said.contains("Not accepted"), "a run with a shortfall is not accepted: {said}");
    assert!(!host.tools().contains(&"check_sensitivity".to_owned()), "not even after unblinding");
    assert_eq!(host.leave().0, 0);
}

#[test]
fn a_host_that_leaves_in_the_middle_leaves_a_clean_repository_and_may_come_back() {
    let dir = tempfile::tempdir().expect("tempdir");
    let mut host = Host::greeted(dir.path(), &plan("nhefs"), &[]);
    assert!(!host.call("describe_data", json!({})).0);
    assert!(!host.call("propose_spec", json!({"changes": []})).0);
    let (code, stderr) = host.leave();
    assert_eq!(code, 3, "{stderr}");
    assert!(stderr.contains("before the loop had settled") && stderr.contains("oci-agent mcp"), "{stderr}");
    assert!(stderr.contains("--resume"), "{stderr}");
    clean(dir.path());
    let tip = git(dir.path(), &["rev-parse", "HEAD"]);

    let mut host = Host::greeted(dir.path(), &plan("nhefs"), &["--resume"]);
    let (refused, said) = host.call("list_playbooks", json!({}));
    assert!(!refused && said.contains("Iteration 1 was designed and graded"), "{said}");
    let (_, said) = host.call("propose_spec", json!({"changes": []}));
    assert!(said.contains("effects were computed"), "{said}");
    assert_eq!(host.leave().0, 0);
    clean(dir.path());
    git(dir.path(), &["merge-base", "--is-ancestor", &tip, "HEAD"]);
}

#[test]
fn a_host_that_takes_too_long_finds_the_run_finished() {
    let dir = tempfile::tempdir().expect("tempdir");
    let plan = dir.path().join("plan.yaml");
    let text = std::fs::read_to_string(crate::examples::plan("nhefs")).expect("the plan");
    std::fs::write(&plan, text + "\nbudget: {wall_minutes: 0.02}\n").expect("a plan");
    let mut host = Host::greeted(dir.path(), &plan, &[]);
    assert!(!host.call("list_playbooks", json!({})).0);
    while !dir.path().join("out/analysis.ipynb").exists() {
        std::thread::sleep(Duration::from_millis(100));
    }
    let (refused, said) = host.call("propose_spec", json!({"changes": []}));
    assert!(refused && said.contains("`budget.wall_minutes` is reached") && said.contains("Not accepted"), "{said}");
    assert!(!host.call("estimate", json!({})).0);
    assert_eq!(host.leave().0, 0);
}

#[test]
fn a_connection_is_no_run() {
    let dir = tempfile::tempdir().expect("tempdir");
    let (code, stderr) = Host::start(dir.path(), &plan("nhefs"), &[]).leave();
    assert_eq!(code, 0, "never said hello: {stderr}");
    let mut host = Host::greeted(dir.path(), &plan("nhefs"), &[]);
    assert!(host.tools().contains(&"propose_spec".to_owned()));
    let status = host.structured("status", json!({}));
    assert_eq!((&status["runs"][0]["state"], &status["at"]), (&json!("not_begun"), &Value::Null), "{status}");
    for listed in ["resources", "prompts"] {
        assert!(host.ask(&format!("{listed}/list"), json!({}))["result"][listed].is_array());
    }
    let prompt = host.ask("prompts/get", json!({"name": "analyse"}));
    let text = prompt["result"]["messages"][0]["content"]["text"].as_str().expect("a text");
    assert!(text.contains("propose_spec") && !text.contains("{plan}"), "{text}");
    let (code, stderr) = host.leave();
    assert!(code == 0 && stderr.contains("No run was opened, and nothing was written"), "{code}: {stderr}");
    assert_eq!(std::fs::read_dir(dir.path()).expect("a folder").count(), 0);
}

#[test]
fn garbage_and_giants_are_survived() {
    let dir = tempfile::tempdir().expect("tempdir");
    let mut host = Host::greeted(dir.path(), &plan("nhefs"), &[]);
    for line in ["", "garbage", "{\"jsonrpc\": \"2.0\", \"id\": ", "\u{0}\u{1}", "[]{}", "{\"a\": \"\\ud800\"}"] {
        host.raw(line);
    }
    host.raw(&"x".repeat(20 << 20));
    let large = host.call("describe_data", json!({"note": "y".repeat(200_000)}));
    assert!(large.0 && large.1.contains("say it shorter"), "{}", large.1);
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    host.raw(&format!("{{\"jsonrpc\":\"2.0\",\"id\":77,\"method\":\"tools/call\",\"params\":{deep}}}"));
    let id = host.send("tools/call", json!({"name": "describe_data", "arguments": {}}));
    let answer = std::iter::repeat_with(|| host.answer()).find(|answer| answer["id"] == id).expect("an answer");
    assert_eq!(answer["result"]["isError"], false, "{answer}");
    let (refused, said) = host.call("check_balance", json!({"estimand": 7, "extra": true}));
    assert!(refused && said.contains("check_balance"), "{said}");
    assert_eq!(host.leave().0, 3);
    clean(dir.path());
}

#[test]
fn one_repository_has_one_server_and_stdout_is_the_protocols_alone() {
    let dir = tempfile::tempdir().expect("tempdir");
    let mut first = Host::greeted(dir.path(), &plan("nhefs"), &[]);
    assert!(!first.call("describe_data", json!({})).0);
    let mut second = Host::greeted(dir.path(), &plan("nhefs"), &[]);
    let refused = second.structured("describe_data", json!({}));
    let error = &refused["error"];
    assert_eq!(error["code"], "run_in_use", "{error}");
    assert_eq!(error["details"]["pid"], first.child.id(), "{error}");
    assert!(error["hints"][0].as_str().is_some_and(|hint| hint.contains("call again")), "{error}");
    assert_eq!(second.structured("status", json!({}))["runs"][0]["state"], "running");
    assert!(!first.call("list_playbooks", json!({})).0, "the first one does not mind");
    // It leaves in the middle, and the second goes on with its run, which knows what the first had asked.
    assert_eq!(first.leave().0, 3);
    let (refused, said) = second.call("propose_spec", json!({"changes": []}));
    assert!(!refused && said.contains("Iteration 1 was designed and graded"), "{said}");
    assert_eq!(second.leave().0, 3);
    let log = git(dir.path(), &["log", "--format=%s"]);
    assert_eq!(log.matches("actor, exchange").count(), 3, "{log}");
    clean(dir.path());
    let ran = crate::cli::oci_agent(dir.path(), &["mcp", "nowhere.yaml"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{}", ran.stderr);
    let ran = crate::cli::oci_agent(dir.path(), &["--json", "mcp", plan("nhefs").to_str().expect("utf-8")]);
    assert!(ran.code == 2 && ran.stdout.contains("want standard output"), "{}", ran.stdout);
}

#[test]
fn a_host_is_told_of_a_gate_and_goes_on_when_a_person_has_decided() {
    let dir = tempfile::tempdir().expect("tempdir");
    let plan = dir.path().join("plan.yaml");
    let text = std::fs::read_to_string(crate::examples::plan("nhefs")).expect("the plan");
    std::fs::write(&plan, text + "\ngates: [plan]\n").expect("a plan");
    let mut host = Host::greeted(dir.path(), &plan, &[]);
    let waits = host.structured("describe_data", json!({}));
    let error = &waits["error"];
    assert_eq!((&error["code"], &error["details"]["gate"]), (&json!("gate_waiting"), &json!("plan")), "{waits}");
    let status = host.structured("status", json!({}));
    let pending = &status["runs"][0]["waits_for"];
    assert_eq!(pending["tree"], error["details"]["tree"], "{status}");
    assert!(pending["decide_with"].as_str().is_some_and(|how| how.starts_with("oci-agent review")), "{status}");
    let names: Vec<String> = host.listed().iter().map(|tool| tool["name"].to_string()).collect();
    assert!(!names.iter().any(|name| name.contains("approve") || name.contains("decide")), "{names:?}");
    assert_eq!(
        host.structured("describe_data", json!({}))["error"]["code"],
        "gate_waiting",
        "asking again decides nothing"
    );
    // A person does, while the host is there.
    std::fs::create_dir(dir.path().join("home")).expect("a home");
    std::fs::write(dir.path().join("home/.gitconfig"), "[user]\n name = Ada\n email = a@example.org\n")
        .expect("a name");
    let approved = Command::new(env!("CARGO_BIN_EXE_oci-agent"))
        .args(["approve", "out"])
        .current_dir(dir.path())
        .env("HOME", dir.path().join("home"))
        .env_remove("XDG_CONFIG_HOME")
        .output()
        .expect("starts");
    assert!(approved.status.success(), "{}", String::from_utf8_lossy(&approved.stderr));
    assert_eq!(host.structured("describe_data", json!({}))["ok"], true);
    assert_eq!(host.leave().0, 3);
}

#[test]
fn the_entry_of_the_registry_is_of_this_version() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let entry: Value =
        serde_json::from_slice(&std::fs::read(root.join("server.json")).expect("an entry")).expect("JSON");
    assert_eq!(
        (&entry["version"], &entry["packages"][0]["version"]),
        (&json!(env!("CARGO_PKG_VERSION")), &entry["version"])
    );
    let about = entry["description"].as_str().expect("a description");
    assert!((1..=100).contains(&about.chars().count()), "the schema allows 100 characters");
    // The registry holds the package to its name.
    let readme = std::fs::read_to_string(root.join("README.md")).expect("README");
    assert!(readme.contains(&format!("mcp-name: {}", entry["name"].as_str().expect("a name"))));
    let arguments = entry["packages"][0]["packageArguments"].as_array().expect("arguments");
    let named: Vec<&str> = arguments.iter().filter_map(|it| it["value"].as_str().or(it["name"].as_str())).collect();
    assert_eq!(named, ["mcp", "--folder"]);
}
