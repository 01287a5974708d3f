//! `oci-agent graph identify`: answers from a graph alone, and graphs that are none.

use crate::cli::{Ran, oci_agent};
use serde_json::{Value, json};
use std::path::Path;

const CONFOUNDED: &str = "digraph {\n  c -> x; c -> y;\n  x -> m; m -> y;\n}\n";

fn identify(graph: impl AsRef<[u8]>, extra: &[&str]) -> Ran {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("graph.dot"), graph).expect("a graph");
    let mut args = vec!["graph", "identify", "graph.dot"];
    if !extra.contains(&"--treatment") {
        args.extend(["--treatment", "x", "--outcome", "y"]);
    }
    args.extend(extra);
    oci_agent(dir.path(), &args)
}

fn answer(graph: &str, extra: &[&str]) -> (i32, Value) {
    let ran = identify(graph, &[extra, &["--json"]].concat());
    let value =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {} {}", ran.stdout, ran.stderr));
    (ran.code, value)
}

#[test]
fn the_keys_of_the_answer() {
    let (code, found) = answer(CONFOUNDED, &[]);
    assert_eq!(code, 0);
    assert_eq!(found["identified"], json!(true));
    assert_eq!(found["method"], json!("back_door"));
    assert_eq!(found["adjustment"]["minimal"], json!([["c"]]));
    assert_eq!(found["adjustment"]["optimal"], json!(["c"]));
    assert_eq!(found["forbidden"], json!(["m"]));
    assert_eq!(found["instruments"], json!([]));
    assert_eq!(
        found["implications"],
        json!([{"a": "c", "b": "m", "given": ["x"]}, {"a": "x", "b": "y", "given": ["c", "m"]}])
    );
    assert_eq!(
        found["sentence"],
        json!(
            "The effect of `x` on `y` is identified by adjustment. Adjust for `c` (the set with the smallest variance); \
             without adjustment `x <- c -> y` is open."
        )
    );
    assert_eq!(found.get("checked"), None);
}

#[test]
fn a_set_that_somebody_names() {
    let (code, found) = answer(CONFOUNDED, &["--adjust", "c"]);
    assert_eq!((code, &found["checked"]["valid"]), (0, &json!(true)));
    let (code, found) = answer(CONFOUNDED, &["--adjust", ""]);
    assert_eq!((code, &found["checked"]["open_path"]), (1, &json!("x <- c -> y")));
    let (code, found) = answer(CONFOUNDED, &["--adjust", "c, m"]);
    assert_eq!((code, &found["checked"]["forbidden"][0]["reason"]), (1, &json!("mediator")));
    let m_bias = "dag { u1 [latent] u2 [latent] x -> y x <- u1 -> c <- u2 -> y }";
    let (code, found) = answer(m_bias, &["--adjust", "c"]);
    assert_eq!(code, 1);
    assert_eq!(
        found["checked"]["sentence"],
        json!("Adjusting for `c` is not valid. `x <- u1 -> c <- u2 -> y` is open, opened by `c`.")
    );
    assert_eq!(found["colliders"][0]["node"], json!("c"));
}

#[test]
fn each_method_and_its_exit_code() {
    for (graph, method, code) in [
        ("dag { x <- c -> y }", "no_causal_path", 0),
        ("dag { x -> y }", "back_door", 0),
        ("dag { x -> m -> y x <-> y }", "front_door", 0),
        ("dag { w -> z -> x -> y w <-> x w <-> y }", "general_id", 0),
        ("dag { z -> x -> y x <-> y }", "none", 1),
    ] {
        let (exit, found) = answer(graph, &[]);
        assert_eq!((found["method"].as_str(), exit), (Some(method), code), "{graph}");
        assert_eq!(found["identified"], json!(code == 0));
    }
}

#[test]
fn an_instrument_is_another_effect() {
    let ran = identify("dag { z -> x -> y x <-> y }", &[]);
    assert_eq!(ran.code, 1);
    assert_eq!(
        ran.stdout.lines().next(),
        Some(
            "The effect of `x` on `y` is not identified: `x <-> y` stays open, whatever is adjusted for. `z` is an instrument: \
             it gives another effect, that on those whose treatment it changes (LATE), not the ATE."
        )
    );
}

#[test]
fn several_treatments_and_names_with_commas() {
    let graph = "digraph { \"a, b\" -> y; c -> y; c -> \"a, b\" }";
    let (_, found) = answer(graph, &["--treatment", "a, b", "--outcome", "y", "--adjust", "c"]);
    assert_eq!((&found["treatments"], &found["checked"]["valid"]), (&json!(["a, b"]), &json!(true)));
    let graph = "dag { u [latent] a1 -> l -> a2 -> y a1 -> a2 a1 -> y u -> l u -> y }";
    for treatments in [&["--treatment", "a1,a2"][..], &["--treatment", "a1", "--treatment", "a2"]] {
        let (_, found) = answer(graph, &[treatments, &["--outcome", "y"]].concat());
        assert_eq!(found["method"], json!("general_id"));
    }
}

/// Each is refused with exit code 2, the line, the thing and the fix.
#[test]
fn bad_graphs() {
    for (graph, says) in [
        (
            "digraph {\n x -> y\n y -> z\n z -> x }",
            "graph.dot:4: the graph has a cycle: x -> y -> z -> x (turn or delete one",
        ),
        ("digraph {\n x -> x -> y }", "graph.dot:2: `x` has an edge to itself (delete it"),
        ("digraph { x -> y\n x -> y }", "graph.dot:2: the edge `x -> y` is drawn twice, first on line 1 (delete one"),
        ("dag { x -> y\n x <-> x }", "graph.dot:2: `x` has an edge to itself (delete it, or name the other node"),
        (
            "digraph {\n x [latent=true]; x -> y }",
            "graph.dot:2: the treatment `x` is latent in the graph (take its `latent` away",
        ),
        ("digraph { X -> y }", "graph.dot: the treatment `x` is not a node of the graph (did you mean `X`?)"),
        ("digraph { x -> ", "graph.dot:1: expected a name after the arrow"),
        ("", "graph.dot:1: expected `digraph {` or `dag {`, found the end of the text"),
        ("\u{1b}]0;owned\u{7}", "graph.dot:1: expected"),
    ] {
        let ran = identify(graph, &[]);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{graph}\n{}", ran.stderr);
        assert!(ran.stderr.contains(says), "`{says}` is not in:\n{}", ran.stderr);
        assert!(!ran.stderr.contains('\u{1b}'), "{:?}", ran.stderr);
    }
    let ran = identify([0xff, 0xfe], &[]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("not UTF-8"), "{}", ran.stderr);
    let ran = identify("dag { x -> y u [latent] u -> y }", &["--adjust", "u,q,x"]);
    assert_eq!((ran.code, ran.stderr.lines().count()), (2, 3), "all problems at once: {}", ran.stderr);
}

#[test]
fn files_that_are_no_graphs() {
    let dir = tempfile::tempdir().expect("a folder");
    for name in ["missing.dot", "."] {
        let ran = oci_agent(dir.path(), &["graph", "identify", name, "--treatment", "x", "--outcome", "y"]);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
    }
}

#[test]
fn ten_megabytes_and_five_hundred_nodes() {
    use std::fmt::Write as _;
    let mut text = String::from("digraph {\n");
    for node in 0..400_000 {
        let _ = writeln!(text, "node_{node} -> node_{};", node + 1);
    }
    assert!(text.len() > 10_000_000);
    let ran = identify(text + "}", &[]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("the graph has more than 2000 nodes"), "{}", ran.stderr);
    let mut text = String::from("digraph { x -> y;\n");
    for node in 2..500_usize {
        let _ = writeln!(text, "n{node} -> n{}; n{} -> x; n{} -> y;", node * 7 % node.max(1) + node + 1, node, node);
    }
    let ran = identify(text + "}", &["--json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

/// A name cannot steer the terminal, nor close the quotes it stands in, and comes back whole in JSON.
#[test]
fn hostile_names() {
    let hostile = "x\u{1b}]0;owned\u{7}\u{202e}";
    let graph = format!("digraph {{ \"{hostile}\" -> y; \"c\n#\" -> \"{hostile}\"; \"c\n#\" -> y }}");
    let ran = identify(&graph, &["--treatment", hostile, "--outcome", "y"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(!ran.stdout.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{:?}", ran.stdout);
    let ran = identify(&graph, &["--treatment", hostile, "--outcome", "y", "--json"]);
    assert!(!ran.stdout.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{:?}", ran.stdout);
    let found: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!((&found["treatments"], &found["adjustment"]["minimal"]), (&json!([hostile]), &json!([["c\n#"]])));
}

/// The worked examples of the documentation are typed here as there.
#[test]
fn the_documentation_shows_what_the_program_prints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/identification.md")).expect("the page");
    let mut examples = 0;
    for example in page.split("\n### ").skip(1) {
        let blocks: Vec<&str> = example.split("```").collect();
        let [_, graph, _, shown, ..] = blocks.as_slice() else { panic!("two blocks in {example}") };
        let (command, output) = shown.trim().split_once('\n').expect("a command and its output");
        let words: Vec<&str> = command.split_whitespace().collect();
        assert_eq!(words[..4], ["$", "oci-agent", "graph", "identify"]);
        let ran = identify(graph.trim(), &words[5..]);
        assert_eq!(ran.stdout.trim(), output.trim(), "{command}");
        examples += 1;
    }
    assert_eq!(examples, 3);
}

/// Every fixture through the built program.
#[test]
fn the_reference_graphs_through_the_program() {
    let fixtures =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/causal/tests/fixtures/graphs/random_graphs.jsonl");
    let lines = std::fs::read_to_string(fixtures).expect("the fixtures");
    // Each starts a process: every fifth is enough here, since the crate's own test compares all.
    for line in lines.lines().step_by(5) {
        let truth: Value = serde_json::from_str(line).expect("JSON");
        let (_, found) = answer(truth["dot"].as_str().expect("DOT"), &[]);
        for key in ["identified", "method"] {
            assert_eq!(found[key], truth["identification"][key], "{}", truth["graph"]);
        }
        for key in ["minimal", "optimal"] {
            assert_eq!(found["adjustment"][key], truth["adjustment"][key], "{}", truth["graph"]);
        }
        assert_eq!(found["forbidden"], truth["bad_controls"]["forbidden"], "{}", truth["graph"]);
    }
}
