//! Plans with a graph: what is chosen, what is refused, what is committed when.

use crate::cli::{Ran, oci_agent};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// 800 rows of c -> t, c -> y, t -> m -> y, w -> y, t -> y, and `kind`, a category that has to do with c alone.
fn data() -> String {
    let mut state = 20_261_128_u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut csv = String::from("t,y,c,m,w,kind\n");
    for _ in 0..800 {
        let (c, w) = (uniform(), uniform());
        let t = f64::from(u8::from(uniform() < 0.25 + 0.5 * c));
        let m = 0.7 * t + 2.0 * uniform();
        let y = t + m + 2.0 * c + w + uniform();
        let kind = ["low", "middle", "high"][((c + 0.8 * uniform()) * 1.6) as usize % 3];
        let _ = writeln!(csv, "{t},{y:.6},{c:.6},{m:.6},{w:.6},{kind}");
    }
    csv
}

const GRAPH: &str = "digraph {\n  c -> t; c -> y; w -> y;\n  t -> m -> y; t -> y;\n  c -> kind;\n}\n";

fn plan(graph: &str, more: &str) -> String {
    let block: String = graph.lines().map(|line| format!("  {line}\n")).collect();
    format!(
        "title: T\nquestion: Q?\ndata:\n  source: data.csv\ntreatment:\n  column: t\noutcome:\n  column: y\n  units: kg\n\
         tools: [propensity, balance, overlap, aipw]\nloop:\n  max_iterations: 1\n{more}graph: |\n{block}"
    )
}

fn folder(plan: &str) -> TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("data.csv"), data()).expect("data");
    std::fs::write(dir.path().join("plan.yaml"), plan).expect("a plan");
    dir
}

fn check(plan: &str) -> Ran {
    oci_agent(folder(plan).path(), &["check", "plan.yaml"])
}

fn refused(plan: &str, says: &[&str]) {
    let ran = check(plan);
    assert_eq!(ran.code, 2, "{}{}", ran.stdout, ran.stderr);
    // The snippet wraps; its words do not.
    let words: String = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in says {
        assert!(words.contains(part), "`{part}` is not in:\n{}", ran.stderr);
    }
}

#[test]
fn confounders_are_chosen_from_the_graph() {
    let ran = check(&plan(GRAPH, ""));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let line = "  graph        adjusts for `c` and `w`: of all adjustment sets the one with the smallest variance\n";
    assert!(ran.stdout.contains(line), "{}", ran.stdout);
    assert!(ran.stdout.contains("  confounders  2 (2 with priority)"), "{}", ran.stdout);
}

#[test]
fn confounders_that_the_plan_names_are_checked() {
    // That `m` is made by treatment shows in the data as well: only the treated reach its upper values.
    for (named, says, code) in [
        ("[c]", "the confounders are an adjustment set", 0),
        ("[c, m]", "the confounders are NOT an adjustment set", 1),
        ("[w]", "the confounders are NOT an adjustment set", 0),
    ] {
        let ran = check(&plan(GRAPH, &format!("confounders:\n  priority: {named}\n")));
        assert!(ran.code == code && ran.stdout.contains(says), "{named}: {}{}", ran.stdout, ran.stderr);
    }
}

#[test]
fn a_graph_in_a_file_of_its_own() {
    let text = plan("", "").replace("graph: |\n", "graph: graph.dot\n");
    let dir = folder(&text);
    let ran = oci_agent(dir.path(), &["check", "plan.yaml"]);
    assert!(ran.code == 2 && ran.stderr.contains("the graph could not be read"), "{}", ran.stderr);
    std::fs::write(dir.path().join("graph.dot"), GRAPH).expect("a graph");
    assert_eq!(oci_agent(dir.path(), &["check", "plan.yaml"]).code, 0);
    std::fs::write(dir.path().join("graph.dot"), "digraph {\n t -> y\n y -> t\n}").expect("a graph");
    let ran = oci_agent(dir.path(), &["check", "plan.yaml"]);
    let words: String = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(ran.code == 2 && words.contains("(graph.dot, line 3)"), "{}", ran.stderr);
}

#[test]
fn what_does_not_fit_is_told_at_once_with_its_line() {
    let wrong = GRAPH.replace("c -> kind", "C -> kind; nobody -> y; somebody -> y; c -> kind");
    refused(
        &plan(&wrong, ""),
        &[
            "plan.yaml:17:",
            "the graph's node `C` is neither a column of the data nor latent",
            "Did you mean `c`?",
            "the graph's node `nobody` is neither",
            "the graph's node `somebody` is neither",
            "mark it: `somebody [latent=true]`",
        ],
    );
    refused(&plan("digraph {\n t -> y\n y -> t\n}", ""), &["plan.yaml:16:", "the graph has a cycle: t -> y -> t"]);
    refused(&plan("dag {\n t -> t\n t -> y }", ""), &["plan.yaml:15:", "`t` has an edge to itself"]);
    refused(&plan("dag { c -> y }", ""), &["the treatment `t` is not a node of the graph"]);
    refused(&plan("dag { t [latent] t -> c }", ""), &["the treatment `t` is latent", "the outcome `y` is not a node"]);
    refused(
        &plan("dag { t -> y }", "confounders:\n  priority: [c, w]\n"),
        &["the adjustment `c` is not a node of the graph", "the adjustment `w` is not a node"],
    );
    refused(&plan("dag { t -> }", ""), &["expected a name after the arrow"]);
}

fn git(dir: &Path, args: &[&str]) -> String {
    let output = Command::new("git").arg("-C").arg(dir.join("out")).args(args).output().expect("git");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn run(plan: &str) -> (TempDir, Ran) {
    let dir = folder(plan);
    let ran = oci_agent(dir.path(), &["run", "plan.yaml", "--out", "out"]);
    assert!([0, 1].contains(&ran.code), "{}", ran.stderr);
    (dir, ran)
}

fn identification(dir: &TempDir) -> Value {
    serde_json::from_str(&std::fs::read_to_string(dir.path().join("out/identification.json")).expect("the file"))
        .expect("JSON")
}

#[test]
fn identification_is_on_record_before_the_first_spec_and_the_outcome_is_tested_after_it() {
    let (dir, _) = run(&plan(GRAPH, ""));
    let subjects = git(dir.path(), &["log", "--reverse", "--format=%s"]);
    let steps: Vec<&str> = subjects.lines().map(|line| line.split(':').next().expect("a word")).collect();
    assert_eq!(steps[..4], ["plan", "dataset", "identification", "iteration 1, spec"], "{subjects}");
    let first = git(dir.path(), &["log", "--reverse", "--format=%H", "--", "identification.json"]);
    let first = first.lines().next().expect("a commit");
    let blind: Value =
        serde_json::from_str(&git(dir.path(), &["show", &format!("{first}:identification.json")])).expect("JSON");
    assert_eq!(blind.get("tests_with_outcome"), None);
    let pairs = |list: &Value| {
        list.as_array().expect("a list").iter().map(|one| json!([one["a"], one["b"]])).collect::<Vec<_>>()
    };
    let own = pairs(&blind["tests"]);
    assert!(own.len() > 4 && own.iter().all(|pair| !pair.as_array().expect("two").contains(&json!("y"))), "{own:?}");
    for one in blind["tests"].as_array().expect("a list") {
        assert!(!one["given"].as_array().expect("a list").contains(&json!("y")));
        assert!(one["test"]["p_holm"].as_f64().expect("a test") >= one["test"]["p"].as_f64().expect("a test"));
    }
    let last = identification(&dir);
    assert_eq!(last["tests"], blind["tests"], "nothing is tested twice");
    assert_eq!(pairs(&last["tests_with_outcome"]), [json!(["kind", "y"])]);
    assert_eq!(last["facts"]["how"], json!({"graph": {"method": "back_door"}}));
    assert_eq!(last["facts"]["rejected"], json!([]), "the graph is the one that made the data");
    assert_eq!(last["chosen_by"], json!("optimal"));
}

#[test]
fn an_arrow_that_is_missing_is_refuted() {
    let (dir, _) = run(&plan(&GRAPH.replace("c -> t; ", ""), ""));
    let found = identification(&dir);
    let rejected = found["facts"]["rejected"].as_array().expect("a list");
    assert!(rejected.iter().any(|one| one["a"] == "c" && one["b"] == "t"), "{rejected:?}");
    let page = std::fs::read_to_string(dir.path().join("out/identification.md")).expect("a page");
    assert!(page.contains("**rejected**"), "{page}");
}

#[test]
fn a_bad_control_and_a_hidden_cause_are_facts() {
    let (dir, _) = run(&plan(GRAPH, "confounders:\n  priority: [c, m]\n"));
    let facts = identification(&dir)["facts"].clone();
    assert_eq!(facts["forbidden_adjusted"], json!([{"node": "m", "reason": "mediator", "path": "t -> m -> y"}]));
    assert_eq!(facts["how"]["not_identified"]["instead"], json!(["c", "w"]));
    let hidden = GRAPH.replace("t -> y;", "t -> y; t -> y [dir=both]; w -> t;");
    let (dir, _) = run(&plan(&hidden.replace("w -> y;", ""), ""));
    let found = identification(&dir);
    assert_eq!(found["chosen_by"], json!("allowed_ancestors"));
    let how = &found["facts"]["how"]["not_identified"];
    assert_eq!((&how["method"], &how["instruments"]), (&json!("none"), &json!(["w"])));
    assert_eq!(how["open_path"], json!("t <-> y"));
}

/// A second run of the same plan is the same tree; a plan without a graph has no such file.
#[test]
fn the_same_plan_gives_the_same_bytes() {
    let (first, _) = run(&plan(GRAPH, ""));
    let (second, _) = run(&plan(GRAPH, ""));
    assert_eq!(git(first.path(), &["rev-parse", "HEAD^{tree}"]), git(second.path(), &["rev-parse", "HEAD^{tree}"]));
    let without = plan(GRAPH, "confounders:\n  priority: [c]\n");
    let (without, _) = run(without.split("graph:").next().expect("a plan"));
    assert!(!without.path().join("out/identification.json").exists());
}

/// The true graphs of CausalDS, held against their tables: what they imply is rejected about as often as chance does.
#[test]
#[ignore = "reads the folder that OCI_IDENTIFICATION_PACK names"]
fn true_graphs_are_rarely_refuted() {
    #[expect(clippy::disallowed_methods, reason = "a test finds data that is not committed")]
    let pack = std::env::var_os("OCI_IDENTIFICATION_PACK").expect("a folder");
    let (mut families, mut refuted, mut untested) = (0, Vec::new(), Vec::new());
    for scene in std::fs::read_dir(Path::new(&pack).join("scenes")).expect("a folder") {
        let scene = scene.expect("an entry").path();
        let truth: Value =
            serde_json::from_str(&std::fs::read_to_string(scene.join("truth.json")).expect("a file")).expect("JSON");
        let graph = std::fs::read_to_string(scene.join("graph.dot")).expect("a graph");
        let plan = plan(&graph, "")
            .replace("data.csv", "data.parquet")
            .replace("column: t", &format!("column: {}", truth["treatment"].as_str().expect("a name")))
            .replace("column: y", &format!("column: {}", truth["outcome"].as_str().expect("a name")))
            .replace("units: kg", &format!("units: kg\n  kind: {}", truth["outcome_kind"].as_str().expect("a kind")));
        let prepared = oci_agent::pipeline::prepare::prepare(plan.as_bytes(), &scene).expect("a scene can be read");
        let found = prepared.identification.as_ref().expect("a graph");
        for with_outcome in [false, true] {
            let tests = found.tests(with_outcome);
            untested.extend(tests.iter().filter_map(|one| one.not_tested.clone()));
            let rejected: Vec<_> = tests.iter().filter(|one| one.test.is_some_and(|test| test.rejected)).collect();
            families += usize::from(tests.iter().any(|one| one.test.is_some()));
            if !rejected.is_empty() {
                refuted.push(format!("{}: {rejected:?}", scene.display()));
            }
        }
    }
    // At 5 % for each family; five standard errors above it.
    let most = 0.05 * f64::from(families as u32) + 5.0 * (0.05 * 0.95 * f64::from(families as u32)).sqrt();
    assert!(
        families > 20 && (refuted.len() as f64) < most,
        "{} of {families}, not tested {untested:?}:\n{}",
        refuted.len(),
        refuted.join("\n")
    );
}

/// Severity and message of the finding on identification, in the critique at this path.
fn graded(dir: &TempDir, path: &str) -> (String, String) {
    let critique: Value =
        serde_json::from_str(&std::fs::read_to_string(dir.path().join("out").join(path)).expect("the file"))
            .expect("JSON");
    graded_in(&critique)
}

fn graded_in(critique: &Value) -> (String, String) {
    let findings = critique["analyses"][0]["findings"].as_array().expect("findings");
    let found = findings.iter().find(|finding| finding["code"] == "identification").expect("the finding");
    let text = |key: &str| found[key].as_str().expect("a word").to_owned();
    (text("severity"), text("message"))
}

/// `w` has nothing to do with `t`; `c` moves it, and must raise an alarm where it is not adjusted for.
#[test]
fn a_graph_passes_only_with_a_placebo_that_passed() {
    let named = "confounders:\n  priority: [c]\n";
    let tested = |placebo: &str, graph: &str| {
        let plan = plan(graph, &format!("{named}placebo_outcomes: [{placebo}]\n"));
        let (dir, _) = run(&plan.replace("overlap, aipw]", "overlap, placebo, aipw]"));
        graded(&dir, "critique.json")
    };
    let (severity, message) = tested("w", GRAPH);
    assert!(severity == "pass" && message.contains("did not"), "{severity}: {message}");
    let (severity, message) = graded(&run(&plan(GRAPH, named)).0, "critique.json");
    assert!(severity == "warn" && message.contains("no placebo or negative control tested it"), "{message}");
    // A graph without `c`.
    let blind = "digraph { w -> t; w -> y; t -> y; }";
    let plan = plan(blind, "confounders:\n  priority: [w]\nplacebo_outcomes: [c]\n");
    let (dir, _) = run(&plan.replace("overlap, aipw]", "overlap, placebo, aipw]"));
    let (severity, message) = graded(&dir, "critique.json");
    assert!(severity == "warn" && message.contains("speaks against it: see `placebo.effect`"), "{message}");
}

#[test]
fn an_independence_of_the_outcome_that_is_rejected_is_graded_after_unblinding() {
    let graph = GRAPH.replace("w -> y;", "w;");
    let more = "confounders:\n  priority: [c]\nplacebo_outcomes: [w]\n";
    let (dir, _) = run(&plan(&graph, more).replace("overlap, aipw]", "overlap, placebo, aipw]"));
    let blind = crate::cli::at(&dir.path().join("out"), "iter/1", "critique.json");
    let (severity, message) = graded_in(&serde_json::from_str(&blind).expect("JSON"));
    assert!(severity == "pass", "{message}");
    let (severity, message) = graded(&dir, "critique.json");
    assert!(severity == "warn" && message.contains("the data reject what it implies"), "{message}");
    assert!(message.contains("w ⫫ y"), "{message}");
    let (dir, _) = run(&plan(GRAPH, more).replace("overlap, aipw]", "overlap, placebo, aipw]"));
    assert_eq!(graded(&dir, "critique.json").0, "pass", "nothing is rejected by the right graph");
}
