//! Schemas in the subset that OpenAI's strict mode takes: every object closed, every property required, an optional one
//! allowed to be null. A schema that cannot be said so is sent as it is, not strict.

use serde_json::{Map, Value, json};

/// Keywords that are taken over as they are.
const KEPT: [&str; 12] = [
    "type",
    "description",
    "enum",
    "const",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minItems",
    "maxItems",
];
/// Keywords that say nothing that a model has to be held to.
const DROPPED: [&str; 6] = ["$schema", "title", "default", "format", "examples", "uniqueItems"];

/// The schema in the strict subset; `None` if it is not an object or says something that the subset has no words for.
pub(super) fn strict(schema: &Value) -> Option<Value> {
    let strict = node(schema)?;
    (strict.get("type") == Some(&json!("object"))).then_some(strict)
}

fn node(schema: &Value) -> Option<Value> {
    let fields = schema.as_object()?;
    let mut out = Map::new();
    for (name, value) in fields {
        match name.as_str() {
            kept if KEPT.contains(&kept) => {
                out.insert(name.clone(), value.clone());
            }
            dropped if DROPPED.contains(&dropped) => {}
            "items" => {
                out.insert(name.clone(), node(value)?);
            }
            // The subset has no `oneOf`; where the alternatives differ in a constant, one of any is the same.
            "anyOf" | "oneOf" => {
                let any = value.as_array()?.iter().map(node).collect::<Option<Vec<_>>>()?;
                out.insert("anyOf".to_owned(), Value::Array(any));
            }
            "$ref" => {
                out.insert(name.clone(), value.clone());
            }
            "$defs" => {
                let defs = value.as_object()?.iter().map(|(name, def)| Some((name.clone(), node(def)?)));
                out.insert(name.clone(), Value::Object(defs.collect::<Option<Map<_, _>>>()?));
            }
            "properties" | "required" | "additionalProperties" => {}
            _ => return None,
        }
    }
    if fields.get("type") == Some(&json!("object")) {
        object(fields, &mut out)?;
    }
    Some(Value::Object(out))
}

fn object(fields: &Map<String, Value>, out: &mut Map<String, Value>) -> Option<()> {
    // An object of any names cannot be closed.
    if !matches!(fields.get("additionalProperties"), None | Some(Value::Bool(false))) {
        return None;
    }
    let empty = Map::new();
    let properties = fields.get("properties").map_or(Some(&empty), Value::as_object)?;
    let required: Vec<&str> =
        fields.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let mut closed = Map::new();
    for (name, property) in properties {
        let property = node(property)?;
        let optional = !required.contains(&name.as_str());
        closed.insert(name.clone(), if optional { nullable(property) } else { property });
    }
    out.insert("required".to_owned(), closed.keys().cloned().collect());
    out.insert("properties".to_owned(), Value::Object(closed));
    out.insert("additionalProperties".to_owned(), false.into());
    Some(())
}

fn nullable(schema: Value) -> Value {
    match schema.get("anyOf").and_then(Value::as_array) {
        Some(any) if any.contains(&json!({"type": "null"})) => schema,
        _ => json!({"anyOf": [schema, {"type": "null"}]}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_object_is_closed_and_every_property_required() {
        let schema = json!({"$schema": "x", "type": "object", "required": ["a"], "properties": {
            "a": {"type": "array", "items": {"type": "object", "properties": {"c": {"type": "number", "format": "double"}}}},
            "b": {"type": "string", "enum": ["x"], "default": "x"}}});
        let inner = json!({"type": "object", "additionalProperties": false, "required": ["c"],
            "properties": {"c": {"anyOf": [{"type": "number"}, {"type": "null"}]}}});
        assert_eq!(
            strict(&schema),
            Some(json!({"type": "object", "additionalProperties": false, "required": ["a", "b"], "properties": {
                "a": {"type": "array", "items": inner},
                "b": {"anyOf": [{"type": "string", "enum": ["x"]}, {"type": "null"}]}}}))
        );
    }

    #[test]
    fn what_has_no_strict_form_is_left() {
        for schema in [
            json!({"type": "object", "additionalProperties": {"type": "string"}}),
            json!({"type": "object", "patternProperties": {}}),
            json!({"type": "string"}),
            json!({"type": "object", "properties": {"a": {"not": {}}}}),
            json!(true),
        ] {
            assert_eq!(strict(&schema), None, "{schema}");
        }
    }
}
