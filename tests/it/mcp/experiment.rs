//! A host that plans, runs and reads an experiment.

use super::{Host, clean, git};
use crate::cli::oci_agent;
use crate::examples::plan;
use serde_json::{Value, json};
use std::path::Path;

const BLIND: [&str; 4] = ["describe_experiment", "experiment_power", "experiment_validate", "run_experiment"];
const OPEN: [&str; 2] = ["experiment_effect", "experiment_segments"];

fn greeted(dir: &Path, example: &str, extra: &[&str]) -> Host {
    let mut host = Host::of(dir, &plan(example), &[&["--out", "out"], extra].concat());
    let instructions = host.shake_hands();
    assert!(instructions.contains("run_experiment") && instructions.contains("exploratory"), "{instructions}");
    host
}

/// The object between the fences, which has an explanation.
fn object(said: &str) -> Value {
    let (_, rest) = said.split_once(">\n").unwrap_or_else(|| panic!("no fence: {said}"));
    let (inside, _) = rest.rsplit_once("\n</data>").unwrap_or_else(|| panic!("no fence: {said}"));
    let object: Value = serde_json::from_str(inside).unwrap_or_else(|error| panic!("{error}: {inside}"));
    assert!(object["explain"].as_array().is_some_and(|lines| !lines.is_empty()), "{object}");
    object
}

fn answer(host: &mut Host, tool: &str, arguments: Value) -> Value {
    let (refused, said) = host.call(tool, arguments);
    assert!(!refused, "{tool}: {said}");
    object(&said)
}

fn refusal(host: &mut Host, tool: &str, arguments: Value) -> String {
    let (refused, said) = host.call(tool, arguments.clone());
    assert!(refused, "{tool} {arguments}: {said}");
    said
}

#[test]
fn a_host_asks_blind_runs_once_and_then_reads_effects() {
    let dir = tempfile::tempdir().expect("tempdir");
    let mut host = greeted(dir.path(), "ranking_experiment", &[]);
    assert_eq!(host.tools(), BLIND);
    let described = answer(&mut host, "describe_experiment", json!({}));
    assert_eq!(described["design"]["units"], 3_600);
    assert_eq!(described["audit"]["grade"], "fully_satisfactory");
    assert_eq!(described["metrics"][0]["name"], "sales");
    assert!(described["metrics"][0]["counters"]["set_to_zero"].as_u64().is_some_and(|n| n > 0), "{described}");
    let sized = answer(&mut host, "experiment_power", json!({"power": 0.9, "metrics": ["sales"]}));
    assert_eq!((sized["rows"].as_array().map(Vec::len), &sized["power"]), (Some(1), &json!(0.9)));
    let rates = answer(&mut host, "experiment_validate", json!({"permutations": 40}));
    assert_eq!(rates["permutations"], 40);
    for (tool, arguments, words) in [
        ("experiment_effect", json!({}), "`run_experiment` opens them"),
        ("experiment_segments", json!({"conditions": ["tenure > 10"]}), "`run_experiment` opens them"),
        ("experiment_power", json!({"power": 2}), "between 0.5 and 1"),
        ("experiment_power", json!({"metrics": ["sale"]}), "did you mean `sales`?"),
        ("experiment_power", json!({"arm": "diverse"}), "'arm' was unexpected"),
        ("experiment_validate", json!({"permutations": 1_000_000}), "between 20 and 2000"),
        ("experiment_validate", json!({"permutations": "many"}), "not of type"),
        ("run_experiment", json!({"force": true}), "'force' was unexpected"),
    ] {
        let said = refusal(&mut host, tool, arguments.clone());
        assert!(said.contains(words), "{tool} {arguments}: {said}");
    }
    let unknown = host.ask("tools/call", json!({"name": "propose_spec", "arguments": {}}));
    assert_eq!(unknown["error"]["code"], -32602, "{unknown}");
    host.raw("garbage");
    assert!(!dir.path().join("out").exists(), "nothing is written before it is run");
    assert!(host.notes.is_empty());

    let decided = answer(&mut host, "run_experiment", json!({}));
    assert_eq!((&decided["decisions"][0]["verdict"], &decided["look"]), (&json!("stop"), &json!(1)));
    let report = decided["report"].as_str().expect("a path");
    assert!(Path::new(report).is_absolute() && Path::new(report).exists(), "{report}");
    assert_eq!(host.notes_of_other_tools(), super::OTHER_TOOLS);
    assert_eq!(host.tools(), [&BLIND[..], &OPEN].concat());
    let again = answer(&mut host, "run_experiment", json!({}));
    assert_eq!(again, decided, "a second call runs nothing");

    let effects = answer(&mut host, "experiment_effect", json!({"metrics": ["sales"], "arms": ["diverse"]}));
    let results: Value =
        serde_json::from_slice(&std::fs::read(dir.path().join("out/results.json")).expect("results")).expect("JSON");
    let on_record = results["effects"][0]["effect"]["estimate"].as_f64().expect("a number");
    let told = effects["effects"][0]["estimate"].as_f64().expect("a number");
    assert!((told - on_record).abs() <= 1e-3 * on_record.abs(), "{told} for {on_record}");
    assert_eq!(host.leave().0, 0);
    clean(dir.path());

    // The same commits and the same bytes as the command, and one look.
    let plan = plan("ranking_experiment");
    let ran = oci_agent(dir.path(), &["run", plan.to_str().expect("utf-8"), "--out", "other/out"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let log = |at: &Path| (git(at, &["rev-parse", "HEAD^{tree}"]), git(at, &["log", "--format=%B"]));
    assert_eq!(log(dir.path()), log(&dir.path().join("other")));
    let looks = |at: &Path| std::fs::read_to_string(at.join("oci-looks.jsonl")).expect("looks");
    assert_eq!(looks(dir.path()).lines().count(), 1);
    assert_eq!(looks(dir.path()), looks(&dir.path().join("other")));
}

#[test]
fn nothing_that_is_said_before_the_run_holds_an_effect() {
    let dir = tempfile::tempdir().expect("tempdir");
    let mut host = greeted(dir.path(), "encouragement", &[]);
    let mut before = String::new();
    for (tool, arguments) in [
        ("describe_experiment", json!({})),
        ("experiment_power", json!({})),
        ("experiment_validate", json!({"permutations": 20})),
    ] {
        before += &answer(&mut host, tool, arguments).to_string();
    }
    before += &refusal(&mut host, "experiment_effect", json!({}));
    answer(&mut host, "run_experiment", json!({}));
    let effects = answer(&mut host, "experiment_effect", json!({}));
    let rows = effects["effects"].as_array().expect("effects");
    let requests: Vec<&str> = rows.iter().filter_map(|row| row["request"].as_str()).collect();
    assert_eq!(requests, ["itt", "late", "ate"]);
    assert!(effects["first_stages"][0]["f"].as_f64().is_some_and(|f| f > 104.7), "{effects}");
    for row in rows {
        for key in ["estimate", "lower", "upper"] {
            let number = row[key].to_string();
            assert!(!before.contains(&number), "{key} {number} was told before the run");
        }
    }
    assert_eq!(host.leave().0, 0);
}

#[test]
fn a_host_that_leaves_without_a_run_leaves_nothing_behind() {
    let dir = tempfile::tempdir().expect("tempdir");
    let mut host = greeted(dir.path(), "cluster_test", &[]);
    answer(&mut host, "describe_experiment", json!({}));
    let (code, stderr) = host.leave();
    assert!(code == 0 && stderr.contains("results were not opened"), "{code}: {stderr}");
    assert_eq!(std::fs::read_dir(dir.path()).expect("a folder").count(), 0);
}

#[test]
fn a_run_that_cannot_be_recorded_is_refused_and_the_session_goes_on() {
    let dir = tempfile::tempdir().expect("tempdir");
    std::fs::write(dir.path().join("out"), "in the way").expect("a file");
    let mut host = greeted(dir.path(), "cluster_test", &[]);
    let said = refusal(&mut host, "run_experiment", json!({}));
    assert!(said.contains("out"), "{said}");
    assert_eq!(host.tools(), BLIND, "the results are not open");
    answer(&mut host, "describe_experiment", json!({}));
    let (code, stderr) = host.leave();
    assert!(code == 2 || code == 3, "{code}: {stderr}");
    assert!(!dir.path().join("oci-looks.jsonl").exists(), "no look was made");
}

#[test]
fn data_from_elsewhere_are_shown_to_no_host_without_consent() {
    let dir = tempfile::tempdir().expect("tempdir");
    let inner = dir.path().join("inner");
    std::fs::create_dir(&inner).expect("a folder");
    let data = plan("ranking_experiment").with_file_name("data");
    for file in ["assignments.csv", "orders.csv", "visits.csv"] {
        let folder = if file == "visits.csv" { dir.path() } else { inner.as_path() };
        std::fs::copy(data.join(file), folder.join(file)).expect("a table");
    }
    let text = std::fs::read_to_string(plan("ranking_experiment")).expect("the plan");
    let text = text.replace("data/visits", "../visits").replace("data/", "");
    std::fs::write(inner.join("plan.yaml"), text).expect("a plan");
    let ran = oci_agent(dir.path(), &["mcp", "inner/plan.yaml", "--out", "out"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("visits.csv") && ran.stderr.contains("--trust"), "{}", ran.stderr);
    let ran = oci_agent(dir.path(), &["mcp", "inner/plan.yaml", "--out", "out", "--trust", "."]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}
