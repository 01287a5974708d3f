//! Arguments against the schema of their tool: every departure, and where it is.
//!
//! The keywords are those that [`super::arguments::schema`] can leave in a schema (JSON Schema 2020-12, validation
//! vocabulary): `type`, `enum`, `required`, `properties`, `additionalProperties: false` and `items`. A test of the registry
//! holds the schemas of all tools against this list. The sentences are those of the `jsonschema` crate, which models have
//! seen often.

use serde_json::{Map, Value};

/// The types that JSON Schema knows.
#[cfg(test)]
pub(super) const KINDS: [&str; 7] = ["object", "array", "string", "boolean", "null", "number", "integer"];

/// The most values of an `enum` that are quoted; the rest is counted.
const QUOTED_VALUES: usize = 3;

/// One departure from a schema.
#[derive(Debug, PartialEq)]
pub(super) struct Departure {
    /// JSON pointer (RFC 6901) to the value.
    pub(super) pointer: String,
    pub(super) message: String,
}

/// Every departure of a document from a schema of the keywords above, with its place, in words. Empty if it fits.
#[must_use]
pub fn departures_from(schema: &Value, document: &Value) -> Vec<String> {
    departures(schema, document).into_iter().map(|d| format!("{}: {}", d.pointer, d.message)).collect()
}

/// Every departure of `instance` from `schema`.
pub(super) fn departures(schema: &Value, instance: &Value) -> Vec<Departure> {
    let mut found = Vec::new();
    check(schema, instance, "", &mut found);
    found
}

fn check(schema: &Value, instance: &Value, pointer: &str, found: &mut Vec<Departure>) {
    let mut add = |message: String| found.push(Departure { pointer: pointer.to_owned(), message });
    if let Some(kind) = schema.get("type").and_then(Value::as_str).filter(|kind| !is_of(instance, kind)) {
        add(format!("{instance} is not of type \"{kind}\""));
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array).filter(|values| !values.contains(instance)) {
        add(format!("{instance} is not one of {}", alternatives(values)));
    }
    match instance {
        Value::Object(object) => check_object(schema, object, pointer, found),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let each = schema.get("items");
                each.into_iter().for_each(|schema| check(schema, item, &format!("{pointer}/{index}"), found));
            }
        }
        _ => {}
    }
}

fn is_of(instance: &Value, kind: &str) -> bool {
    match kind {
        "object" => instance.is_object(),
        "array" => instance.is_array(),
        "string" => instance.is_string(),
        "boolean" => instance.is_boolean(),
        "null" => instance.is_null(),
        "number" => instance.is_number(),
        // A whole number may be written 3.0.
        "integer" => instance.as_f64().is_some_and(|number| number.fract() == 0.0),
        _ => true,
    }
}

fn alternatives(values: &[Value]) -> String {
    let texts: Vec<String> = values.iter().map(Value::to_string).collect();
    match texts.as_slice() {
        all if all.len() > QUOTED_VALUES => {
            let shown = QUOTED_VALUES - 1;
            let quoted: Vec<&str> = all.iter().take(shown).map(String::as_str).collect();
            format!("{} or {} other candidates", quoted.join(", "), all.len() - shown)
        }
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        all => all.concat(),
    }
}

fn check_object(schema: &Value, object: &Map<String, Value>, pointer: &str, found: &mut Vec<Departure>) {
    let at = |message: String| Departure { pointer: pointer.to_owned(), message };
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let missing = required.iter().filter(|key| !object.contains_key(**key));
    let missing: Vec<Departure> = missing.map(|key| at(format!("\"{key}\" is a required property"))).collect();
    let properties = schema.get("properties").and_then(Value::as_object).filter(|known| !known.is_empty());
    let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    // One required key of a closed object is looked for last, several are first.
    let (before, after) = if closed && properties.is_some() && required.len() == 1 {
        (Vec::new(), missing)
    } else {
        (missing, Vec::new())
    };
    found.extend(before);
    let mut unexpected = Vec::new();
    for (key, value) in object {
        match properties.and_then(|known| known.get(key)) {
            Some(schema) => {
                let key = key.replace('~', "~0").replace('/', "~1");
                check(schema, value, &format!("{pointer}/{key}"), found);
            }
            None => unexpected.push(format!("'{key}'")),
        }
    }
    if closed && !unexpected.is_empty() {
        let verb = if unexpected.len() == 1 { "was" } else { "were" };
        let keys = unexpected.join(", ");
        found.push(at(format!("Additional properties are not allowed ({keys} {verb} unexpected)")));
    }
    found.extend(after);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(schema: &Value, instance: &Value) -> Vec<String> {
        let line = |d: Departure| format!("{}: {}", d.pointer, d.message);
        departures(schema, instance).into_iter().map(line).collect()
    }

    fn change() -> Value {
        json!({
            "type": "object",
            "required": ["estimand", "reason"],
            "additionalProperties": false,
            "properties": {
                "estimand": {"type": "string", "enum": ["ate", "att", "atc", "ato"]},
                "reason": {"type": "string"},
                "terms": {"type": "array", "items": {"type": "string"}},
                "trim": {"type": "number"},
            },
        })
    }

    #[test]
    fn what_fits_is_left_in_peace() {
        for instance in [
            json!({"estimand": "ate", "reason": ""}),
            json!({"estimand": "ato", "reason": "r", "terms": ["a"], "trim": 0.1}),
            json!({"estimand": "ato", "reason": "r", "terms": [], "trim": 1}),
        ] {
            assert_eq!(told(&change(), &instance), Vec::<String>::new(), "{instance}");
        }
    }

    #[test]
    fn every_departure_is_told_with_its_place() {
        let instance = json!({"estimand": "late", "terms": ["a", 3, null], "trim": "0.1", "x": 1, "y": 2});
        assert_eq!(
            told(&change(), &instance),
            [
                ": \"reason\" is a required property",
                "/estimand: \"late\" is not one of \"ate\", \"att\" or 2 other candidates",
                "/terms/1: 3 is not of type \"string\"",
                "/terms/2: null is not of type \"string\"",
                "/trim: \"0.1\" is not of type \"number\"",
                ": Additional properties are not allowed ('x', 'y' were unexpected)",
            ]
        );
        assert_eq!(told(&change(), &json!([1])), [": [1] is not of type \"object\""]);
    }

    #[test]
    fn a_closed_object_asks_for_its_only_key_last() {
        let schema = json!({"type": "object", "required": ["a/b"], "additionalProperties": false,
            "properties": {"a/b": {"type": "integer"}, "c": {"enum": ["x", "y"]}}});
        assert_eq!(
            told(&schema, &json!({"c": 1, "d": 2})),
            [
                "/c: 1 is not one of \"x\" or \"y\"",
                ": Additional properties are not allowed ('d' was unexpected)",
                ": \"a/b\" is a required property",
            ]
        );
        assert_eq!(told(&schema, &json!({"a/b": 1.5})), ["/a~1b: 1.5 is not of type \"integer\""]);
        assert_eq!(told(&schema, &json!({"a/b": 2.0})), Vec::<String>::new());
    }
}
