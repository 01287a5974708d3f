//! Every graph of `tests/fixtures/graphs` (see its README for how the answers were computed).

use crate::graph::answer::{Identification, Method, identify};
use crate::graph::question::Question;
use crate::graph::read::read;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/graphs")
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a fixture")
}

fn answer(dot: &str, truth: &Value) -> Identification {
    let graph = read(dot).expect("a graph");
    let treatments: Vec<&str> = match &truth["treatment"] {
        Value::Array(names) => names.iter().map(|name| name.as_str().expect("a name")).collect(),
        name => vec![name.as_str().expect("a name")],
    };
    let question = Question::new(&graph, &treatments, truth["outcome"].as_str().expect("a name")).expect("a question");
    identify(&graph, &question)
}

fn word(method: Method) -> &'static str {
    match method {
        Method::NoCausalPath => "no_causal_path",
        Method::BackDoor => "back_door",
        Method::FrontDoor => "front_door",
        Method::GeneralId => "general_id",
        Method::Unidentified => "none",
    }
}

/// The keys of a reference answer that are compared, and ours.
fn compare(name: &str, ours: &Identification, truth: &Value) -> Vec<String> {
    let statements = |list: &[crate::graph::answer::NamedIndependence]| {
        json!(list.iter().map(|one| json!([one.a, one.b, one.given])).collect::<Vec<_>>())
    };
    let theirs = |list: &Value, keys: &[&str]| {
        let row = |one: &Value| Value::Array(keys.iter().map(|key| one[*key].clone()).collect());
        Value::Array(list.as_array().expect("a list").iter().map(row).collect())
    };
    let instruments: Vec<Value> =
        ours.instruments.iter().map(|one| json!([one.instrument, one.given, one.ancestral])).collect();
    let openers: Vec<&str> = ours.openers.iter().map(|one| one.name.as_str()).collect();
    let forbidden: Vec<&str> = ours.forbidden.iter().map(|one| one.name.as_str()).collect();
    let checks = [
        ("identified", json!(ours.is_identified()), truth["identification"]["identified"].clone()),
        ("method", json!(word(ours.method)), truth["identification"]["method"].clone()),
        (
            "methods",
            json!(ours.methods.iter().map(|m| word(*m)).collect::<Vec<_>>()),
            truth["identification"]["methods"].clone(),
        ),
        ("minimal", json!(ours.adjustment.minimal.sets), truth["adjustment"]["minimal"].clone()),
        ("optimal", json!(ours.adjustment.optimal.set()), truth["adjustment"]["optimal"].clone()),
        ("front_door", json!(ours.front_door.sets), truth["front_door"]["minimal"].clone()),
        ("instruments", json!(instruments), theirs(&truth["instruments"], &["instrument", "given", "ancestral"])),
        ("forbidden", json!(forbidden), truth["bad_controls"]["forbidden"].clone()),
        ("m_bias", json!(openers), truth["bad_controls"]["m_bias"].clone()),
        ("basis", statements(&ours.implied_basis), theirs(&truth["implications"]["basis"], &["a", "b", "given"])),
        ("implied", statements(&ours.implied), theirs(&truth["implications"]["minimal"], &["a", "b", "given"])),
    ];
    let wrong = checks.into_iter().filter(|(_, ours, theirs)| ours != theirs);
    wrong.map(|(what, ours, theirs)| format!("{name}: {what} is {ours}, not {theirs}")).collect()
}

fn assert_all(found: &[String], compared: usize, least: usize) {
    assert!(compared >= least, "only {compared} graphs were compared");
    assert!(found.is_empty(), "{} differences in {compared} graphs:\n{}\n", found.len(), found.join("\n"));
}

#[test]
fn random_graphs() {
    let lines = text(&fixtures().join("random_graphs.jsonl"));
    let graphs: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let found: Vec<String> = graphs
        .iter()
        .flat_map(|truth| {
            let ours = answer(truth["dot"].as_str().expect("DOT"), truth);
            compare(truth["graph"].as_str().expect("a name"), &ours, truth)
        })
        .collect();
    assert_all(&found, graphs.len(), 86);
}

#[test]
fn textbook_graphs() {
    let mut found = Vec::new();
    let mut compared = 0;
    for folder in std::fs::read_dir(fixtures().join("handmade")).expect("a folder") {
        let folder = folder.expect("an entry").path();
        let expected: Value = serde_json::from_str(&text(&folder.join("expected.json"))).expect("JSON");
        for truth in expected["queries"].as_array().expect("queries") {
            let ours = answer(&text(&folder.join("graph.dot")), truth);
            found.extend(compare(&folder.display().to_string(), &ours, truth));
            compared += 1;
        }
    }
    assert_all(&found, compared, 8);
}

/// The graphs of CausalDS (CC0) are read where they lie: their authors ask that copies be kept out of training corpora.
#[test]
#[ignore = "reads the folder that OCI_IDENTIFICATION_PACK names"]
fn graphs_of_causalds() {
    #[expect(clippy::disallowed_methods, reason = "a test finds data that is not committed")]
    let pack = std::env::var_os("OCI_IDENTIFICATION_PACK");
    let pack = PathBuf::from(pack.expect("OCI_IDENTIFICATION_PACK is a folder with scenes/ and graphs_only/"));
    let mut found = Vec::new();
    let mut compared = 0;
    for kind in ["scenes", "graphs_only"] {
        for folder in std::fs::read_dir(pack.join(kind)).expect("a folder") {
            let folder = folder.expect("an entry").path();
            let truth: Value = serde_json::from_str(&text(&folder.join("truth.json"))).expect("JSON");
            let ours = answer(&text(&folder.join("graph.dot")), &truth);
            found.extend(compare(&folder.display().to_string(), &ours, &truth));
            compared += 1;
        }
    }
    assert_all(&found, compared, 57);
}
