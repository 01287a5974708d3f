//! JSON in one way of writing it, so that equal values have equal bytes.

use serde_json::{Map, Value};

/// The value with the names of every object in order. A map of `serde_json` may keep the order in which it was filled.
pub(super) fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(sorted).collect(),
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|a, b| a.0.cmp(b.0));
            entries.into_iter().map(|(name, item)| (name.clone(), sorted(item))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

/// Names in order, no white space.
pub(super) fn canonical(value: &Value) -> String {
    sorted(value).to_string()
}
