//! Where two JSON values first differ.

use crate::llm::canonical::canonical;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Characters of a value that are shown.
const SHOWN: usize = 60;
/// Characters before a difference that are shown with it.
const LEAD: usize = 12;

/// The first difference in words, with its path; `None` if there is none. Names are compared in order.
pub(super) fn first_difference(recorded: &Value, now: &Value) -> Option<String> {
    at("", recorded, now)
}

fn at(path: &str, recorded: &Value, now: &Value) -> Option<String> {
    if recorded == now {
        return None;
    }
    match (recorded, now) {
        (Value::Object(a), Value::Object(b)) => objects(path, a, b),
        (Value::Array(a), Value::Array(b)) => arrays(path, a, b),
        (Value::String(a), Value::String(b)) => Some(texts(path, a, b)),
        _ => Some(format!("{} differs: recorded {}, now {}", name(path), value(recorded), value(now))),
    }
}

fn objects(path: &str, recorded: &Map<String, Value>, now: &Map<String, Value>) -> Option<String> {
    let names: BTreeSet<&String> = recorded.keys().chain(now.keys()).collect();
    names.into_iter().find_map(|field| {
        let path = if path.is_empty() { field.clone() } else { format!("{path}.{field}") };
        both(&path, recorded.get(field), now.get(field))
    })
}

fn arrays(path: &str, recorded: &[Value], now: &[Value]) -> Option<String> {
    let longest = recorded.len().max(now.len());
    (0..longest).find_map(|index| both(&format!("{path}[{index}]"), recorded.get(index), now.get(index)))
}

fn both(path: &str, recorded: Option<&Value>, now: Option<&Value>) -> Option<String> {
    match (recorded, now) {
        (Some(a), Some(b)) => at(path, a, b),
        (Some(a), None) => Some(format!("{} was recorded as {}, and is not there now", name(path), value(a))),
        (None, Some(b)) => Some(format!("{} was not recorded, and is {} now", name(path), value(b))),
        (None, None) => None,
    }
}

fn texts(path: &str, recorded: &str, now: &str) -> String {
    let same = recorded.chars().zip(now.chars()).take_while(|(a, b)| a == b).count();
    format!(
        "{} differs at character {}: recorded {}, now {}",
        name(path),
        same + 1,
        excerpt(recorded, same),
        excerpt(now, same)
    )
}

/// The text around a place.
fn excerpt(text: &str, place: usize) -> String {
    let from = place.saturating_sub(LEAD);
    let before = if from > 0 { "…" } else { "" };
    let inside: String = text.chars().skip(from).take(SHOWN).collect();
    let after = if text.chars().nth(from + SHOWN).is_some() { "…" } else { "" };
    format!("{:?}", format!("{before}{inside}{after}"))
}

fn value(value: &Value) -> String {
    let text = canonical(value);
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(&text)),
        None => text,
    }
}

fn name(path: &str) -> String {
    if path.is_empty() { "the request".to_owned() } else { format!("`{path}`") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_difference_is_named() {
        let long = "a".repeat(117);
        for (recorded, now, expected) in [
            (json!({"a": 1, "b": 2}), json!({"b": 3, "a": 1}), "`b` differs: recorded 2, now 3"),
            (
                json!({"m": [{"t": "yes"}]}),
                json!({"m": [{"t": "yet"}]}),
                "`m[0].t` differs at character 3: recorded \"yes\", now \"yet\"",
            ),
            (json!({"m": [1]}), json!({"m": [1, {"x": 1}]}), "`m[1]` was not recorded, and is {\"x\":1} now"),
            (json!({"m": 1}), json!({}), "`m` was recorded as 1, and is not there now"),
            (json!(1), json!("1"), "the request differs: recorded 1, now \"1\""),
            (json!("ab"), json!("a"), "the request differs at character 2: recorded \"ab\", now \"a\""),
            (
                json!(format!("{long}b")),
                json!(format!("{long}c")),
                "the request differs at character 118: recorded \"…aaaaaaaaaaaab\", now \"…aaaaaaaaaaaac\"",
            ),
        ] {
            assert_eq!(first_difference(&recorded, &now).as_deref(), Some(expected));
        }
        assert_eq!(first_difference(&json!({"a": 1, "b": 2}), &json!({"b": 2, "a": 1})), None);
    }
}
