//! `docs/plan.md` and `docs/plan.schema.json` are made from the table of keys, and the table is what the reader does.
//!
//! `OCI_WRITE=1 cargo test --test it plan_keys` writes both files.

use oci_agent::plan::keys::{Otherwise, PlanKey, PlanSection, SECTIONS, Takes};
use oci_agent::plan::parse;
use serde_json::{Map, Value, json};
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

fn takes(key: &PlanKey) -> String {
    let words = |words: Vec<&str>| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    match key.takes {
        Takes::Section => "keys of its own".to_owned(),
        Takes::Text => "text".to_owned(),
        Takes::Texts => "text, or a list of texts".to_owned(),
        Takes::Column => "a column".to_owned(),
        Takes::Columns => "a list of columns".to_owned(),
        Takes::Terms => "a list of terms".to_owned(),
        Takes::Conditions => "an expression, or a list of them".to_owned(),
        Takes::Expressions => "names of your own, with expressions".to_owned(),
        Takes::Level => "a value of the column".to_owned(),
        Takes::File => "a path, relative to the plan".to_owned(),
        Takes::Address => "an address".to_owned(),
        Takes::Variable => "an environment variable".to_owned(),
        Takes::Word(of) => words(of()),
        Takes::WordByName(of) => format!("{}, or columns (and `default`) with one of them each", words(of())),
        Takes::Words(of) => format!("a list of {}", words(of())),
        Takes::Asked(of) => format!("a list of {}, or of mappings with one of them under `ask`", words(of())),
        Takes::Whole(least, Some(most)) => format!("a whole number from {least} to {most}"),
        Takes::Whole(0, None) => "a whole number".to_owned(),
        Takes::Whole(least, None) => format!("a whole number from {least}"),
        Takes::Number => "a number".to_owned(),
        Takes::Range => "a list of two numbers".to_owned(),
        Takes::Flag => "`true`, `false`".to_owned(),
    }
}

fn otherwise(key: &PlanKey) -> String {
    match key.otherwise {
        Otherwise::Required => "**required**".to_owned(),
        Otherwise::Value(value) => format!("`{value}`"),
        Otherwise::Words(words) => words.to_owned(),
        Otherwise::Nothing => String::new(),
    }
}

fn heading(section: &PlanSection) -> String {
    match section.path {
        "" => "## The plan".to_owned(),
        "data.columns.*" => "## `data.columns.NAME`".to_owned(),
        "thresholds.*" => "## `thresholds.CHECK`".to_owned(),
        "estimands.*" => "## An element of `estimands`".to_owned(),
        path => format!("## `{path}`"),
    }
}

fn reference() -> String {
    let mut out = String::from(
        "# The keys of a plan\n\nMade from `src/plan/keys.rs`. `oci-agent init data.csv --treatment T --outcome Y` writes a plan to \
         start from, and `oci-agent check plan.yaml` reports everything that is wrong with one. An editor completes and checks \
         a plan that begins with\n\n```yaml\n# yaml-language-server: $schema=docs/plan.schema.json\n```\n\nEvery value is read \
         as what its key needs: `treated: 1` is the text `1`, `control: no` is the text `no`, and only `true` and `false` are \
         flags. Anchors, aliases and tags are refused, and so is a file of more than 1 MiB.\n",
    );
    for section in SECTIONS {
        out += &format!("\n{}\n\n| key | takes | if left out | |\n|---|---|---|---|\n", heading(section));
        for key in section.keys {
            out += &format!("| `{}` | {} | {} | {} |\n", key.key, takes(key), otherwise(key), key.meaning);
        }
    }
    out
}

/// A scalar of YAML that is read as text.
fn scalar() -> Value {
    json!({"type": ["string", "number", "boolean"]})
}

fn schema_of(key: &PlanKey, path: &str) -> Value {
    let mut schema = match key.takes {
        Takes::Section => mapping(path),
        Takes::Text | Takes::Level | Takes::Column | Takes::File | Takes::Address | Takes::Variable => scalar(),
        Takes::Texts | Takes::Conditions => json!({"anyOf": [scalar(), {"type": "array", "items": scalar()}]}),
        Takes::Expressions => json!({"type": "object", "additionalProperties": scalar()}),
        Takes::Columns | Takes::Terms => json!({"type": "array", "items": scalar()}),
        Takes::Word(of) => json!({"enum": of()}),
        Takes::WordByName(of) => {
            json!({"anyOf": [{"enum": of()}, {"type": "object", "additionalProperties": {"enum": of()}}]})
        }
        Takes::Words(of) => json!({"type": "array", "items": {"enum": of()}}),
        Takes::Asked(of) => {
            json!({"type": "array", "items": {"anyOf": [{"enum": of()}, mapping(&format!("{path}.*"))]}})
        }
        Takes::Whole(least, most) => {
            let mut schema = json!({"type": "integer", "minimum": least});
            if let (Some(most), Some(fields)) = (most, schema.as_object_mut()) {
                fields.insert("maximum".to_owned(), json!(most));
            }
            schema
        }
        Takes::Number => json!({"type": "number"}),
        Takes::Range => json!({"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}),
        Takes::Flag => json!({"type": "boolean"}),
    };
    let described = schema.as_object_mut().expect("a schema is an object");
    described.insert("description".to_owned(), json!(key.meaning));
    schema
}

fn mapping(path: &str) -> Value {
    let Some(section) = SECTIONS.iter().find(|section| section.path == path) else {
        // Names of the user's: `data.columns`.
        let each = format!("{path}.*");
        let short = SECTIONS.iter().find(|section| section.path == each).map(|section| &section.keys[0]);
        let short = short.map_or(json!({}), |key| schema_of(key, &each));
        return json!({"type": "object", "additionalProperties": {"anyOf": [short, mapping(&each)]}});
    };
    let full = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    let fields: Map<String, Value> =
        section.keys.iter().map(|key| (key.key.to_owned(), schema_of(key, &full(key.key)))).collect();
    let required: Vec<&str> =
        section.keys.iter().filter(|key| key.otherwise == Otherwise::Required).map(|key| key.key).collect();
    json!({"type": "object", "additionalProperties": false, "required": required, "properties": fields})
}

fn schema() -> String {
    let mut schema = mapping("");
    let fields = schema.as_object_mut().expect("a mapping");
    fields.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
    fields.insert("title".to_owned(), json!("A plan of oci-agent"));
    serde_json::to_string_pretty(&schema).expect("JSON") + "\n"
}

#[test]
fn the_reference_is_made_from_the_table() {
    held_to("plan.md", &reference());
}

#[test]
fn the_schema_is_made_from_the_table() {
    held_to("plan.schema.json", &schema());
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
    for section in SECTIONS {
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
