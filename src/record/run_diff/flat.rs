//! Nested values as one line each: `analyses.att.models.folds: 5`.

use super::Written;
use serde_json::Value;
use std::collections::BTreeMap;

/// The keys by which an element of a list is known, in this order.
const NAMES: [&str; 6] = ["requested", "confounder", "name", "metric", "column", "variable"];

/// Every scalar of a value by its path; a list of scalars is one.
pub(super) fn flat(value: &Value) -> BTreeMap<String, Written> {
    let mut lines = BTreeMap::new();
    add(value, String::new(), &mut lines);
    lines
}

fn add(value: &Value, path: String, lines: &mut BTreeMap<String, Written>) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| add(value, below(key), lines)),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (i, item) in items.iter().enumerate() {
                let name = NAMES.iter().find_map(|name| item.get(name)?.as_str());
                add(item, below(name.unwrap_or(&(i + 1).to_string())), lines);
            }
        }
        Value::Array(items) => drop(lines.insert(path, Written::List(items.iter().map(text).collect()))),
        scalar => drop(lines.insert(path, Written::Text(text(scalar)))),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "none".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use crate::record::run_diff::flat::*;
    use serde_json::json;

    #[test]
    fn elements_go_by_their_names_and_lists_of_scalars_are_one_line() {
        let value = json!({"a": {"b": 1.5, "c": null}, "list": ["x", 2], "named": [{"requested": "att", "k": true}], "more": [{"k": 1}]});
        let lines: Vec<(String, Written)> = flat(&value).into_iter().collect();
        let text = |path: &str, text: &str| (path.to_owned(), Written::Text(text.to_owned()));
        let expected = [
            text("a.b", "1.5"),
            text("a.c", "none"),
            ("list".to_owned(), Written::List(vec!["x".to_owned(), "2".to_owned()])),
            text("more.1.k", "1"),
            text("named.att.k", "true"),
            text("named.att.requested", "att"),
        ];
        assert_eq!(lines, expected);
    }
}
