//! `docs/plan.md` and `docs/plan.schema.json` are made from the table of keys, and the table is what the reader does.
//!
//! `OCI_WRITE=1 cargo test --test it plan_keys` writes both files.

use oci_agent::plan::experiment;
use oci_agent::plan::keys::{Otherwise, SECTIONS, Takes};
use oci_agent::plan::parse;
use oci_agent::plan::reference;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

const MINIMAL: &str = "title: a\nquestion: b\ndata: {source: d.csv}\ntreatment: {column: t}\n\
                       outcome: {column: y, units: kg}\nconfounders: {priority: [x]}\n";

#[allow(clippy::disallowed_methods, reason = "the one switch of these tests that rewrites committed files")]
fn held_to(name: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    if std::env::var_os("OCI_WRITE").is_some() {
        fs::write(&path, made).expect("docs can be written");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == made, "docs/{name} is not what src/plan/keys.rs says; OCI_WRITE=1 writes it");
}

#[test]
fn the_reference_is_made_from_the_table() {
    held_to("plan.md", &reference::markdown());
}

#[test]
fn the_schema_is_made_from_the_table() {
    held_to("plan.schema.json", &reference::json_schema());
}

#[test]
fn the_schema_of_experiments_is_made_from_their_table() {
    held_to("experiment.schema.json", &experiment::reference::json_schema());
}

/// What a schema says against a value, as far as our schemas say anything.
pub fn against(schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(any) = schema["anyOf"].as_array() {
        let tried: Vec<Vec<String>> = any.iter().map(|one| against(one, value, at)).collect();
        if tried.iter().all(|one| !one.is_empty()) {
            found.extend(tried.concat());
        }
    }
    let kinds = match &schema["type"] {
        Value::String(kind) => vec![kind.as_str()],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let is = |kind: &&str| match *kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_u64(),
        "boolean" => value.is_boolean(),
        other => panic!("{other}"),
    };
    if !kinds.is_empty() && !kinds.iter().any(is) {
        found.push(format!("{at}: {value} is no {kinds:?}"));
    }
    if schema["enum"].as_array().is_some_and(|words| !words.contains(value)) {
        found.push(format!("{at}: {value} is none of {}", schema["enum"]));
    }
    for (i, item) in value.as_array().into_iter().flatten().enumerate() {
        found.extend(against(&schema["items"], item, &format!("{at}[{i}]")));
    }
    let Some(fields) = value.as_object() else { return found };
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    found.extend(required.filter(|key| !fields.contains_key(*key)).map(|key| format!("{at}: no {key}")));
    for (key, value) in fields {
        let at = format!("{at}.{key}");
        match (schema["properties"].get(key), &schema["additionalProperties"]) {
            (Some(known), _) => found.extend(against(known, value, &at)),
            (None, Value::Bool(false)) => found.push(format!("{at} is no key")),
            (None, each) => found.extend(against(each, value, &at)),
        }
    }
    found
}

#[test]
fn the_schema_of_experiments_takes_the_plans_that_are_read_and_no_other_key() {
    let schema: Value = serde_json::from_str(&experiment::reference::json_schema()).expect("JSON");
    let names = ["ranking_experiment", "cluster_test", "encouragement", "agent_rollout"];
    let plans = names.map(|name| fs::read_to_string(crate::examples::plan(name)).expect("a plan"));
    let mut seen = 0;
    for text in plans.into_iter().chain(examples_of_experiments()) {
        let plan: Value = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(against(&schema, &plan, ""), Vec::<String>::new(), "{text}");
        seen += 1;
    }
    assert!(seen >= 5, "{seen}");
    let minimal = json!({"title": "a", "question": "b", "design": "experiment", "data": {"source": "d.csv"},
        "assignment": {"column": "t", "control": "c"}, "metrics": {"y": {"expression": "y"}}});
    assert!(against(&schema, &minimal, "").is_empty());
    for (pointer, value) in [
        ("/design", json!("observational")),
        ("/metrics/y", json!("y")),
        ("/metrics/y/role", json!("main")),
        ("/assignment/controls", json!("c")),
        ("/treatment", json!({"column": "t"})),
        ("/requests", json!(["cate"])),
        ("/looks", json!({"planned_n": "many"})),
    ] {
        let mut plan = minimal.clone();
        let (parent, key) = pointer.rsplit_once('/').expect("a key");
        if parent.is_empty() || plan.pointer(parent).is_some() {
            plan.pointer_mut(parent).expect("a mapping")[key] = value;
        }
        assert!(!against(&schema, &plan, "").is_empty(), "{pointer}");
    }
    for required in ["title", "question", "design", "data", "assignment", "metrics"] {
        let mut plan = minimal.clone();
        plan.as_object_mut().expect("a mapping").remove(required);
        assert!(!against(&schema, &plan, "").is_empty(), "{required}");
    }
}

/// A plan that is all required keys, with one further line.
fn with_line(section: &str, line: &str) -> String {
    let nested = |outer: &str, line: &str| format!("{outer}:\n  {line}\n");
    match section {
        "" => format!("{MINIMAL}{line}\n"),
        "data" => MINIMAL.replace("{source: d.csv}", &format!("{{source: d.csv, {line}}}")),
        "data.rare_levels" => {
            // One of the two says which levels are rare.
            let other = if line.starts_with("below") { "keep: 9" } else { "below: 9" };
            MINIMAL.replace("{source: d.csv}", &format!("{{source: d.csv, rare_levels: {{{other}, {line}}}}}"))
        }
        "treatment" => MINIMAL.replace("{column: t}", &format!("{{column: t, {line}}}")),
        "outcome" => MINIMAL.replace("units: kg", &format!("units: kg, {line}")),
        "confounders" => MINIMAL.replace("[x]", &format!("[x], {line}")),
        // A model's keys are welcome only where a model is named.
        "actor" | "critic" => format!("{MINIMAL}{section}: {{provider: openai, model: m, {line}}}\n"),
        other => format!("{MINIMAL}{}", nested(other, line)),
    }
}

#[test]
fn what_is_left_out_is_what_the_table_says() {
    let plain = parse(MINIMAL).expect("all that is required is there");
    let mut held = 0;
    for section in SECTIONS.iter().filter(|section| !section.path.contains('*')) {
        for key in section.keys {
            // A model's keys are welcome only where a model is named.
            let models = matches!(section.path, "actor" | "critic");
            let (Otherwise::Value(value), false) = (key.otherwise, models) else { continue };
            let text = with_line(section.path, &format!("{}: {value}", key.key));
            let mut written = parse(&text).unwrap_or_else(|problems| panic!("{text}\n{problems:?}"));
            // Written and left out differ in where they stand, and in nothing else.
            written.places.clear();
            let mut left_out = match section.path {
                "data.rare_levels" => {
                    let text = MINIMAL.replace("d.csv", "d.csv, rare_levels: {below: 9}");
                    parse(&text).expect("levels of fewer than nine rows")
                }
                _ => plain.clone(),
            };
            left_out.places.clear();
            let analysis = (&written.analysis, &left_out.analysis);
            if section.path == "analysis" {
                assert_ne!(analysis.0, analysis.1, "what is left out here is decided with the data");
            } else {
                assert_eq!(written, left_out, "{}.{}", section.path, key.key);
            }
            held += 1;
        }
    }
    assert!(held > 15, "{held}");
}

#[test]
fn every_required_key_is_asked_for_and_no_other() {
    for section in SECTIONS.iter().filter(|section| !section.path.contains('*')) {
        for key in section.keys.iter().filter(|key| key.otherwise == Otherwise::Required) {
            let mut tree: Value = json!({
                "title": "a", "question": "b", "data": {"source": "d.csv"}, "treatment": {"column": "t"},
                "outcome": {"column": "y", "units": "kg"}, "confounders": {"priority": ["x"]},
                "hidden_confounding": {"treatment": 0.1, "outcome": 0.1},
            });
            let at = if section.path.is_empty() { &mut tree } else { &mut tree[section.path] };
            let removed = at.as_object_mut().expect("a mapping").remove(key.key);
            assert!(removed.is_some(), "`{}` of `{}` is required, and the least plan lacks it", key.key, section.path);
            assert!(parse(&tree.to_string()).is_err(), "a plan without `{}` is read", key.key);
        }
    }
}

#[test]
fn whole_numbers_are_refused_just_outside_the_limits_of_the_table() {
    let mut held = 0;
    for section in SECTIONS {
        for key in section.keys {
            let Takes::Whole(least, most) = key.takes else { continue };
            let read = |number: u64| parse(&with_line(section.path, &format!("{}: {number}", key.key))).is_ok();
            let name = format!("{}.{}", section.path, key.key);
            assert!(read(least), "{name}: {least} is refused");
            assert!(least == 0 || !read(least - 1), "{name}: {} is read", least - 1);
            if let Some(most) = most {
                assert!(read(most), "{name}: {most} is refused");
                assert!(!read(most + 1), "{name}: {} is read", most + 1);
            }
            held += 1;
        }
    }
    assert!(held > 10, "{held}");
}

const KEYS_OF_EXPERIMENTS: &str = "<!-- keys: written by OCI_WRITE=1 cargo test --test it plan_keys -->\n";

#[test]
fn the_keys_of_experiments_are_made_from_their_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/experiments.md");
    let page = fs::read_to_string(path).expect("docs/experiments.md");
    let (before, _) = page.split_once(KEYS_OF_EXPERIMENTS).expect("a place for the keys");
    held_to("experiments.md", &format!("{before}{KEYS_OF_EXPERIMENTS}{}", experiment::reference::markdown()));
}

/// The blocks of YAML in the page.
pub fn examples_of_experiments() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/experiments.md");
    let page = fs::read_to_string(path).expect("docs/experiments.md");
    let blocks = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split_once("```"));
    blocks.map(|(block, _)| block.to_owned()).collect()
}

#[test]
fn what_is_left_out_of_an_experiment_is_what_its_table_says() {
    let minimal = "title: a\nquestion: b\ndesign: experiment\ndata: {source: d.csv}\nassignment: {column: t, control: c}\nmetrics:\n  y: {expression: y}\n";
    let parse = |text: &str| experiment::parse(text).unwrap_or_else(|problems| panic!("{text}\n{problems:?}"));
    let mut held = 0;
    for section in experiment::keys::SECTIONS {
        for key in section.keys {
            let Otherwise::Value(value) = key.otherwise else { continue };
            let text = match section.path {
                "" => format!("{minimal}{}: {value}\n", key.key),
                "metrics.*" => minimal.replace("{expression: y}", &format!("{{expression: y, {}: {value}}}", key.key)),
                "data.rare_levels" => continue,
                path => format!("{minimal}{path}:\n  {}: {value}\n", key.key),
            };
            let (mut written, mut left_out) = (parse(&text), parse(minimal));
            written.places.clear();
            left_out.places.clear();
            assert_eq!(written, left_out, "{}.{}", section.path, key.key);
            held += 1;
        }
    }
    assert!(held >= 5, "{held}");
}
