//! Replies of tools: compact JSON of a bounded length, with numbers of as many digits as anyone needs.

use crate::finding::{Code, Finding};
use crate::tools::ToolReply;
use crate::tools::arguments::QUOTED;
use crate::tools::privacy::one_line;
use serde_json::{Map, Value, json};

/// The most characters that a tool says to a model, before names and fence are dealt with.
pub(super) const LONGEST: usize = 7_600;
/// The most entries of one list.
const LONGEST_LIST: usize = 400;
/// Significant digits of a number.
const DIGITS: usize = 4;

/// A number with four significant digits; `null` if it is not finite.
pub(super) fn number(value: f64) -> Value {
    let short = format!("{value:.*e}", DIGITS - 1).parse::<f64>();
    // Adding zero turns -0 into 0.
    short.ok().filter(|short| short.is_finite()).map_or(Value::Null, |short| json!(short + 0.0))
}

/// [`number`] of a number that may be missing.
pub(super) fn maybe(value: Option<f64>) -> Value {
    value.map_or(Value::Null, number)
}

/// A number to the nearest multiple of a step; a step of 0 is [`number`].
pub(super) fn stepped(value: f64, step: f64) -> Value {
    if step > 0.0 { number((value / step).round() * step) } else { number(value) }
}

/// [`stepped`] of a number that may be missing.
pub(super) fn maybe_stepped(value: Option<f64>, step: f64) -> Value {
    value.map_or(Value::Null, |value| stepped(value, step))
}

/// A number with two significant digits, where a step is given; else [`number`].
pub(super) fn brief(value: f64, step: f64) -> Value {
    if step <= 0.0 {
        return number(value);
    }
    format!("{value:.1e}").parse().map_or(Value::Null, number)
}

/// The findings with one of `codes`, as JSON. With a step, values are rounded to it, and sentences, which hold them exactly,
/// are left out.
pub(super) fn findings(all: &[Finding], codes: &[Code], step: Option<f64>) -> Value {
    let chosen = all.iter().filter(|finding| codes.contains(&finding.code));
    Value::Array(chosen.map(|one| finding(one, step)).collect())
}

fn finding(finding: &Finding, step: Option<f64>) -> Value {
    let mut line = json!({
        "code": finding.code.key(),
        "severity": finding.severity,
        "metric": finding.metric,
        "value": maybe_stepped(finding.value, step.unwrap_or(0.0)),
        "threshold": maybe(finding.threshold),
    });
    if step.is_none() {
        line["message"] = json!(finding.message);
    }
    line
}

/// The reply of a tool: `object` to the model, with its lists shortened until it fits, and a line to the operator.
pub(super) fn bounded_reply(operator: String, object: Value, lists: &[&str]) -> ToolReply {
    ToolReply { model: bounded(object, lists), operator: one_line(&operator, 4 * QUOTED) }
}

/// Takes entries off the end of the longest of `lists` until the whole fits; `left_out` says how many.
fn bounded(object: Value, lists: &[&str]) -> String {
    let Value::Object(mut map) = object else { return object.to_string() };
    let mut left_out: Map<String, Value> = Map::new();
    let mut total = 0;
    for list in lists {
        if let Some(Value::Array(items)) = map.get_mut(*list)
            && items.len() > LONGEST_LIST
        {
            left_out.insert((*list).to_owned(), json!(items.len() - LONGEST_LIST));
            items.truncate(LONGEST_LIST);
        }
    }
    loop {
        if !left_out.is_empty() {
            map.insert("left_out_for_length".to_owned(), Value::Object(left_out.clone()));
        }
        let text = Value::Object(map.clone()).to_string();
        let size = |list: &&&str| map.get(**list).map_or(0, |items| items.to_string().len());
        let longest =
            lists.iter().filter(|list| map.get(**list).is_some_and(|i| i.as_array().is_some_and(|i| !i.is_empty())));
        let Some(list) = longest.max_by_key(size).filter(|_| text.chars().count() > LONGEST && total < 10_000) else {
            return text;
        };
        if let Some(Value::Array(items)) = map.get_mut(*list) {
            // A tenth at a time, one in the end.
            let fewer = (items.len() / 10).max(1);
            items.truncate(items.len() - fewer);
            total += fewer;
            let before = left_out.get(*list).and_then(Value::as_u64).unwrap_or_default();
            left_out.insert((*list).to_owned(), json!(before + fewer as u64));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::tools::reply::*;

    #[test]
    fn numbers_have_four_digits() {
        for (value, expected) in [(0.123_456, "0.1235"), (1566.0, "1566.0"), (-0.0, "0.0"), (f64::NAN, "null")] {
            assert_eq!(number(value).to_string(), expected);
        }
    }

    #[test]
    fn long_lists_are_shortened_and_counted() {
        let items: Vec<Value> = (0..900).map(|i| json!(format!("an entry of some length, number {i}"))).collect();
        let reply = bounded_reply("x".to_owned(), json!({"a": items, "b": ["kept"]}), &["a", "b"]);
        assert!(reply.model.chars().count() <= LONGEST);
        let back: Value = serde_json::from_str(&reply.model).expect("JSON");
        let shown = back["a"].as_array().map_or(0, Vec::len) as u64;
        assert_eq!(shown + back["left_out_for_length"]["a"].as_u64().expect("a count"), 900);
        assert_eq!(back["b"], json!(["kept"]));
    }
}
