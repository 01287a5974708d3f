//! Arguments of tools: their JSON schema, and how they are read.
//!
//! The schemas are kept plain, so that small models and every vendor's API accept them: no references, no `format`, no
//! `null`, and no key that is not listed. A `null` that comes all the same counts as not given.

use super::privacy::one_line;
use super::schema_check::{Departure, departures};
use super::{Context, Refusal, ToolError, refuse};
use crate::text::lists;
use causal::estimand::Target;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// The most problems of one call that are told.
const MOST_PROBLEMS: usize = 12;
/// The most characters of a value that a message quotes.
pub(super) const QUOTED: usize = 80;

/// No arguments.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// The schema of `T`.
pub(super) fn schema<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    simplify(&mut schema);
    if let Some(object) = schema.as_object_mut() {
        // The tool has a description of its own.
        object.remove("description");
        object.entry("properties").or_insert_with(|| json!({}));
    }
    schema
}

fn simplify(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else { return };
    for key in ["$schema", "title", "format", "default"] {
        object.remove(key);
    }
    if let Some(Value::Array(types)) = object.get("type") {
        // `"type": ["string", "null"]` is beyond some vendors; an optional argument is one that may be left out.
        let some = types.iter().find(|kind| *kind != "null").cloned();
        object.extend(some.map(|kind| ("type".to_owned(), kind)));
    }
    if let Some(Value::Array(any)) = object.remove("anyOf") {
        let some = any.into_iter().find(|one| one.get("type").is_none_or(|kind| kind != "null"));
        if let Some(Value::Object(one)) = some {
            for (key, value) in one {
                object.entry(key).or_insert(value);
            }
        }
    }
    if let Some(Value::Object(properties)) = object.get_mut("properties") {
        properties.values_mut().for_each(simplify);
    }
    object.get_mut("items").into_iter().for_each(simplify);
}

/// Reads the arguments of `tool`; everything that is wrong with their form is told at once.
pub(super) fn parse<T: DeserializeOwned + JsonSchema>(tool: &str, arguments: &Value) -> Result<T, ToolError> {
    let given = match arguments {
        Value::Null => json!({}),
        Value::String(raw) if raw.trim().is_empty() => json!({}),
        Value::String(raw) => return Err(wrong(tool, &not_json(raw))),
        other => without_nulls(other),
    };
    if !given.is_object() {
        let seen = one_line(&given.to_string(), QUOTED);
        return Err(wrong(tool, &format!("they are `{seen}`; send one JSON object")));
    }
    serde_json::from_value(given.clone()).map_err(|error| wrong(tool, &problems(&schema::<T>(), &given, &error)))
}

/// An [`ToolError::Arguments`].
pub(super) fn wrong(tool: &str, problem: &str) -> ToolError {
    ToolError::Arguments { name: tool.to_owned(), problem: problem.to_owned() }
}

fn not_json(raw: &str) -> String {
    format!(
        "they are not valid JSON, and begin `{}`; send one JSON object, with every key and text in double quotes",
        one_line(raw, QUOTED)
    )
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let some = map.iter().filter(|(_, value)| !value.is_null());
            Value::Object(some.map(|(key, value)| (key.clone(), without_nulls(value))).collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}

fn problems(schema: &Value, given: &Value, error: &serde_json::Error) -> String {
    let told = |departure: Departure| {
        let place = place(&departure.pointer);
        let message = one_line(&departure.message, 2 * QUOTED);
        if place.is_empty() { message } else { format!("at `{place}`: {message}") }
    };
    let all: Vec<String> = departures(schema, given).into_iter().map(told).collect();
    if all.is_empty() { error.to_string() } else { listed(&all) }
}

/// Problems as one text: the only one, or numbered lines.
pub(super) fn listed(problems: &[String]) -> String {
    lists::numbered(problems, "problem", MOST_PROBLEMS)
}

/// `/changes/0/trim` as `changes[0].trim`.
fn place(pointer: &str) -> String {
    let mut out = String::new();
    for part in pointer.split('/').skip(1) {
        if part.bytes().all(|b| b.is_ascii_digit()) && !part.is_empty() {
            out.push_str(&format!("[{part}]"));
        } else {
            let dot = if out.is_empty() { "" } else { "." };
            out.push_str(&format!("{dot}{part}"));
        }
    }
    out
}

/// The requested estimand of that name, in any case.
pub(super) fn estimand(text: &str, context: &Context<'_>) -> Result<Target, Refusal> {
    let requested: Vec<Target> = context.spec.analyses.iter().map(|analysis| analysis.requested).collect();
    match Target::parse(text).filter(|target| requested.contains(target)) {
        Some(target) => Ok(target),
        None => {
            let keys: Vec<String> = requested.iter().map(|target| format!("`{}`", target.key())).collect();
            let seen = one_line(text, QUOTED);
            refuse(format!("`{seen}` is not an estimand that the plan requests; it requests {}", keys.join(", ")))
        }
    }
}
