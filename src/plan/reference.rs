//! The table of keys as a page and as a JSON Schema: `docs/plan.md`, `oci-agent schema`.

use super::keys::{Otherwise, PlanKey, PlanSection, SECTIONS, Takes};
use serde_json::{Map, Value, json};

/// The path of a metric.
const METRIC: &str = "metrics.*";

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
        Takes::Numbers => "a list of numbers".to_owned(),
        Takes::Mappings => "a list of mappings with keys of their own".to_owned(),
        Takes::Flag => "`true`, `false`".to_owned(),
        Takes::Fields => "a mapping".to_owned(),
        Takes::Described(words) => words.to_owned(),
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
        METRIC => "## `metrics.NAME`".to_owned(),
        "follow_ups.*" => "## An element of `follow_ups`".to_owned(),
        "estimands.*" => "## An element of `estimands`".to_owned(),
        "draft.roles.*" => "## An element of `draft.roles`".to_owned(),
        "draft.parts.*" => "## An element of `draft.parts`".to_owned(),
        "draft.asked.*" => "## An element of `draft.asked`".to_owned(),
        path => format!("## `{path}`"),
    }
}

/// `docs/plan.md`: every key, with what it takes and what holds without it.
#[must_use]
pub fn markdown() -> String {
    let mut out = String::from(
        "# The keys of a plan\n\nMade from `src/plan/keys.rs`. `oci-agent init data.csv --treatment T --outcome Y` writes a plan to \
         start from, and `oci-agent check plan.yaml` reports everything that is wrong with one. An editor completes and checks \
         a plan that begins with the line that `init` writes (`oci-agent schema` prints the schema). `oci-agent plan` drafts a \
         plan whose judgements are accepted one by one: [`draft.md`](draft.md).\n\nEvery value is read \
         as what its key needs: `treated: 1` is the text `1`, `control: no` is the text `no`, and only `true` and `false` are \
         flags. Anchors, aliases and tags are refused, and so is a file of more than 1 MiB.\n",
    );
    out += &tables(SECTIONS);
    out
}

/// A table of keys for each mapping.
pub(super) fn tables(sections: &[PlanSection]) -> String {
    let mut out = String::new();
    for section in sections {
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

/// The tables of one kind of plan.
#[derive(Clone, Copy)]
struct Tables(&'static [PlanSection]);

impl Tables {
    fn section(self, path: &str) -> Option<&'static PlanSection> {
        self.0.iter().find(|section| section.path == path)
    }

    fn schema_of(self, key: &PlanKey, path: &str) -> Value {
        let schema = match key.takes {
            Takes::Section => self.mapping(path),
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
                json!({"type": "array", "items": {"anyOf": [{"enum": of()}, self.mapping(&format!("{path}.*"))]}})
            }
            Takes::Whole(least, most) => {
                let schema = json!({"type": "integer", "minimum": least});
                match most {
                    Some(most) => with(schema, "maximum", most),
                    None => schema,
                }
            }
            Takes::Number => json!({"type": "number"}),
            Takes::Range => json!({"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}),
            Takes::Numbers => json!({"type": "array", "items": {"type": "number"}}),
            Takes::Mappings => json!({"type": "array", "items": self.mapping(&format!("{path}.*"))}),
            Takes::Flag => json!({"type": "boolean"}),
            Takes::Fields => json!({"type": "object"}),
            Takes::Described(_) => json!({}),
        };
        with(schema, "description", key.meaning)
    }

    fn mapping(self, path: &str) -> Value {
        let Some(section) = self.section(path) else { return self.by_name(&format!("{path}.*")) };
        let full = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        let fields: Map<String, Value> =
            section.keys.iter().map(|key| (key.key.to_owned(), self.schema_of(key, &full(key.key)))).collect();
        let required: Vec<&str> =
            section.keys.iter().filter(|key| key.otherwise == Otherwise::Required).map(|key| key.key).collect();
        json!({"type": "object", "additionalProperties": false, "required": required, "properties": fields})
    }

    /// Names of the user's: `data.columns`. The first key of each may stand for all, as in `age: number`; a metric has no
    /// short form.
    fn by_name(self, each: &str) -> Value {
        if each == METRIC {
            return json!({"type": "object", "minProperties": 1, "additionalProperties": self.mapping(each)});
        }
        let short = self.section(each).and_then(|section| section.keys.first());
        let short = short.map_or(json!({}), |key| self.schema_of(key, each));
        json!({"type": "object", "additionalProperties": {"anyOf": [short, self.mapping(each)]}})
    }

    fn document(self, title: &str) -> String {
        let schema = with(self.mapping(""), "$schema", "http://json-schema.org/draft-07/schema#");
        format!("{:#}\n", with(schema, "title", title))
    }
}

/// The JSON Schema of a plan, with which editors complete and check one.
#[must_use]
pub fn json_schema() -> String {
    Tables(SECTIONS).document("A plan of oci-agent")
}

/// The same of the plan of an experiment.
pub(super) fn json_schema_of(sections: &'static [PlanSection]) -> String {
    Tables(sections).document("The plan of an experiment of oci-agent")
}

/// An object with one more field.
fn with(mut schema: Value, key: &str, value: impl Into<Value>) -> Value {
    if let Some(fields) = schema.as_object_mut() {
        fields.insert(key.to_owned(), value.into());
    }
    schema
}
