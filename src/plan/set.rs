//! `--set KEY=VALUE`: a plan's text with one value changed, everything else and every comment left as it is.
//!
//! A value that is there is replaced; a key that is not is added to the section that it belongs to, in the style in which that
//! section is written. What was set stands in a comment at the end, so that the plan of a run says so itself.

use super::Problem;
use crate::plan::yaml_tree::{Entry, Kind, Node, load};
use std::fmt::Write as _;

/// A key that could not be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// No `=`.
    #[error("`{0}` is not KEY=VALUE")]
    NotAnAssignment(String),
    /// A value of several lines.
    #[error("the value of `{0}` has several lines")]
    SeveralLines(String),
    /// A key below something that has no keys.
    #[error("`{0}` has no keys of its own in this plan")]
    NotASection(String),
    /// The value is no YAML, or it runs on into what follows.
    #[error("`{key}={value}` does not give a plan: {reason}")]
    NotYaml {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// The reader's words.
        reason: String,
    },
}

/// The text of a plan with every assignment made, in their order.
///
/// # Errors
/// The first assignment that cannot be made. A plan that is no YAML comes back as it is: reading it will say why.
pub fn set(text: &str, assignments: &[String]) -> Result<String, SetError> {
    let mut changed = text.to_owned();
    for assignment in assignments {
        changed = one(&changed, assignment)?;
    }
    if !assignments.is_empty() && !changed.is_empty() {
        if !changed.ends_with('\n') {
            changed.push('\n');
        }
        for assignment in assignments {
            let _ = writeln!(changed, "# Set on the command line: {assignment}");
        }
    }
    Ok(changed)
}

fn one(text: &str, assignment: &str) -> Result<String, SetError> {
    let (key, value) = assignment.split_once('=').ok_or_else(|| SetError::NotAnAssignment(assignment.to_owned()))?;
    let (key, value) = (key.trim(), value.trim());
    if key.is_empty() {
        return Err(SetError::NotAnAssignment(assignment.to_owned()));
    }
    if value.contains(['\n', '\r']) {
        return Err(SetError::SeveralLines(key.to_owned()));
    }
    with_value(text, key, value)
}

/// The text with one value changed, which may stand on lines of its own. A text that is no YAML comes back as it is.
pub(super) fn with_value(text: &str, key: &str, value: &str) -> Result<String, SetError> {
    let Ok(Some(root)) = load(text) else { return Ok(text.to_owned()) };
    let changed = placed(text, &root, key, value)?;
    kept(&root, changed, key, value)
}

/// The text with a section of the top level written anew, or at its end if it has none.
pub(super) fn with_section(text: &str, key: &str, section: &str) -> Result<String, SetError> {
    let Ok(Some(root)) = load(text) else { return Ok(text.to_owned()) };
    let Kind::Mapping(entries) = &root.kind else { return Ok(text.to_owned()) };
    let Some(entry) = entries.iter().find(|entry| entry.key == key) else {
        let newline = if text.ends_with('\n') { "" } else { "\n" };
        return kept(&root, format!("{text}{newline}{section}"), key, "");
    };
    let end = extent(text, &entry.value).1.max(entry.place.offset + entry.place.length);
    let changed =
        [text.get(..entry.place.offset).unwrap_or_default(), section.trim_end(), text.get(end..).unwrap_or_default()];
    kept(&root, changed.concat(), key, "")
}

/// A changed text, if all else in it is as it was.
fn kept(root: &Node, changed: String, key: &str, value: &str) -> Result<String, SetError> {
    let refuse = |reason: String| SetError::NotYaml { key: key.to_owned(), value: value.to_owned(), reason };
    let before = keys(root);
    match load(&changed) {
        Ok(Some(root)) if others_kept(&before, &keys(&root), key) => Ok(changed),
        Ok(_) => Err(refuse("it changes other keys as well; put it in quotes".to_owned())),
        Err(problems) => Err(refuse(problems.first().map(|found: &Problem| found.message.clone()).unwrap_or_default())),
    }
}

/// The text with the value in its place.
fn placed(text: &str, root: &Node, key: &str, value: &str) -> Result<String, SetError> {
    let (mut node, mut rest, mut path) = (root, key, String::new());
    let mut own: Option<&Entry> = None;
    loop {
        let Kind::Mapping(entries) = &node.kind else {
            return match own.filter(|entry| entry.value.is_null()) {
                Some(entry) => Ok(replaced(text, entry, &format!("{{{}}}", nested(rest, value)))),
                None => Err(SetError::NotASection(path)),
            };
        };
        let Some((entry, left)) = next(entries, rest) else {
            let is_root = path.is_empty();
            let line = if path == THRESHOLDS { threshold(rest, value) } else { nested(rest, value) };
            return Ok(inserted(text, &Below { node, entries, root: is_root }, &line));
        };
        path = if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
        match left {
            None => return Ok(replaced(text, entry, value)),
            Some(left) => (node, rest, own) = (&entry.value, left, Some(entry)),
        }
    }
}

/// The entry that the front of a dotted key names, and the rest of the key: a name may have dots itself.
fn next<'a, 'k>(entries: &'a [Entry], key: &'k str) -> Option<(&'a Entry, Option<&'k str>)> {
    let matches = |entry: &'a Entry| match key.strip_prefix(entry.key.as_str())? {
        "" => Some((entry, None)),
        rest => Some((entry, Some(rest.strip_prefix('.')?))),
    };
    entries.iter().filter_map(matches).max_by_key(|(entry, _)| entry.key.len())
}

/// `a.b` as `a: {b: value}`.
fn nested(key: &str, value: &str) -> String {
    match key.split_once('.') {
        None => format!("{key}: {value}"),
        Some((THRESHOLDS, rest)) => format!("{THRESHOLDS}: {{{}}}", threshold(rest, value)),
        Some((section, rest)) => format!("{section}: {{{}}}", nested(rest, value)),
    }
}

/// The section whose names, those of checks, have dots.
const THRESHOLDS: &str = "thresholds";

/// Names of checks have dots: `balance.priority.warn` is `balance.priority: {warn: value}`.
fn threshold(key: &str, value: &str) -> String {
    match key.rsplit_once('.') {
        None => format!("{key}: {value}"),
        Some((check, bound)) => format!("{check}: {{{bound}: {value}}}"),
    }
}

fn replaced(text: &str, entry: &Entry, value: &str) -> String {
    let key_end = entry.place.offset + entry.place.length;
    let colon = text.get(key_end..).and_then(|rest| rest.find(':')).map_or(key_end, |at| key_end + at + 1);
    // Nothing after the colon: the parser has the place of what comes next.
    let end = if entry.value.end > entry.value.place.offset { extent(text, &entry.value).1.max(colon) } else { colon };
    [text.get(..colon).unwrap_or_default(), " ", value, text.get(end..).unwrap_or_default()].concat()
}

/// A section, and the keys that it has.
struct Below<'a> {
    node: &'a Node,
    entries: &'a [Entry],
    root: bool,
}

fn inserted(text: &str, below: &Below<'_>, line: &str) -> String {
    let start = below.node.place.offset;
    if text.get(start..).is_some_and(|rest| rest.starts_with('{')) {
        let at = start + 1;
        let comma = if below.entries.is_empty() { "" } else { ", " };
        return [text.get(..at).unwrap_or_default(), line, comma, text.get(at..).unwrap_or_default()].concat();
    }
    let indent = below.entries.first().map_or(0, |entry| entry.place.column.saturating_sub(1));
    if below.root {
        let newline = if text.ends_with('\n') { "" } else { "\n" };
        return format!("{text}{newline}{:indent$}{line}\n", "");
    }
    // Before the first key of the section, whose own line may stand behind a dash.
    let at = below.entries.first().map_or(start, |entry| entry.place.offset);
    [text.get(..at).unwrap_or_default(), line, "\n", &" ".repeat(indent), text.get(at..).unwrap_or_default()].concat()
}

/// Where a node begins and ends; a block ends with its last value, so that comments behind it stay.
fn extent(text: &str, node: &Node) -> (usize, usize) {
    let start = node.place.offset;
    let flow = text.get(start..).is_some_and(|rest| rest.starts_with(['[', '{']));
    let last = match &node.kind {
        Kind::Sequence(items) if !flow => items.last(),
        Kind::Mapping(entries) if !flow => entries.last().map(|entry| &entry.value),
        _ => None,
    };
    let end = last.map_or(node.end, |last| extent(text, last).1).max(start);
    let trimmed = text.get(start..end).map_or(0, |written| written.trim_end().len());
    (start, start + trimmed)
}

/// Every dotted key that has a value, in the order of the file.
fn keys(node: &Node) -> Vec<String> {
    let mut all = Vec::new();
    collect(node, "", &mut all);
    all
}

fn collect(node: &Node, path: &str, all: &mut Vec<String>) {
    match &node.kind {
        Kind::Mapping(entries) => {
            for entry in entries {
                let path = if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
                collect(&entry.value, &path, all);
            }
        }
        _ => all.push(path.to_owned()),
    }
}

/// True if all that was there is there still, but for what was set.
fn others_kept(before: &[String], after: &[String], key: &str) -> bool {
    let own = |path: &&String| *path == key || path.strip_prefix(key).is_some_and(|rest| rest.starts_with('.'));
    let above = |path: &&String| key.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('.'));
    let kept = |all: &[String]| -> Vec<String> {
        let mut all: Vec<String> = all.iter().filter(|path| !own(path) && !above(path)).cloned().collect();
        all.sort();
        all
    };
    kept(before) == kept(after) && after.iter().any(|path| own(&path))
}

#[cfg(test)]
mod tests {
    use super::{SetError, set};
    use proptest::prelude::*;

    const PLAN: &str = "title: a # the name\nquestion: b\ndata:\n  # which\n  source: d.csv\n  columns: {g: category}\n\
                        estimands:\n- ate # all\n- att\n# the end of them\noutcome: {column: y, units: kg}\nanalysis:\nseed: 3";

    fn changed(assignment: &str) -> String {
        let text = set(PLAN, &[assignment.to_owned()]).unwrap_or_else(|e| panic!("{assignment}: {e}"));
        assert!(text.ends_with(&format!("# Set on the command line: {assignment}\n")), "{text}");
        text
    }

    #[test]
    fn values_are_replaced_and_comments_stay() {
        for (assignment, from, to) in [
            ("title=other", "title: a #", "title: other #"),
            ("data.source=e.csv", "source: d.csv", "source: e.csv"),
            ("seed=4", "seed: 3", "seed: 4"),
            ("outcome.units=\"g: m\"", "units: kg}", "units: \"g: m\"}"),
            ("estimands=[ato]", "estimands:\n- ate # all\n- att\n#", "estimands: [ato]\n#"),
            ("data.columns={h: number}", "{g: category}", "{h: number}"),
        ] {
            let expected = PLAN.replacen(from, to, 1);
            assert!(changed(assignment).starts_with(&expected), "{assignment}: {}", changed(assignment));
        }
    }

    #[test]
    fn keys_that_are_not_there_are_added_to_their_section() {
        for (assignment, words) in [
            ("analysis.folds=10", "analysis: {folds: 10}\n"),
            ("loop.blind=false", "\nloop: {blind: false}\n"),
            ("outcome.kind=binary", "outcome: {kind: binary, column: y"),
            ("data.missing=drop", "  missing: drop\n  source: d.csv"),
            ("data.columns.h=number", "{h: number, g: category}"),
            ("thresholds.balance.priority.warn=0.05", "thresholds: {balance.priority: {warn: 0.05}}"),
        ] {
            assert!(changed(assignment).contains(words), "{assignment}: {}", changed(assignment));
        }
        let text =
            set("thresholds: {overlap.outside: {warn: 0.2}}\n", &["thresholds.balance.priority.warn=0.05".into()]);
        assert!(text.expect("set").starts_with("thresholds: {balance.priority: {warn: 0.05}, overlap.outside"));
        let text = set("thresholds: {overlap.outside: {warn: 0.2}}\n", &["thresholds.overlap.outside.warn=0.3".into()]);
        assert!(text.expect("set").starts_with("thresholds: {overlap.outside: {warn: 0.3}}"));
    }

    #[test]
    fn what_cannot_be_set_says_so() {
        let refused = |assignment: &str| set(PLAN, &[assignment.to_owned()]).expect_err(assignment);
        assert!(matches!(refused("title"), SetError::NotAnAssignment(_)));
        assert!(matches!(refused("=3"), SetError::NotAnAssignment(_)));
        assert!(matches!(refused("title.word=3"), SetError::NotASection(_)));
        assert!(matches!(refused("title=a: b"), SetError::NotYaml { .. }));
        assert!(matches!(refused("title=[a"), SetError::NotYaml { .. }));
        assert!(matches!(refused("outcome.units=kg, kind: binary"), SetError::NotYaml { .. }));
        assert!(matches!(refused("title=a\nseed: 9"), SetError::SeveralLines(_)));
        // Reading says why.
        assert_eq!(set("a: [", &["a=1".into()]).expect("as it is"), "a: [\n# Set on the command line: a=1\n");
    }

    proptest! {
        #[test]
        fn never_panics(text in "[a-c:{}\\[\\], \n#-]{0,40}", key in "[a-c.]{1,5}", value in ".{0,8}") {
            let _ = set(&text, &[format!("{key}={value}")]);
        }

        #[test]
        fn a_plain_value_is_read_back(value in "[a-z][a-z0-9]{0,9}", key in prop::sample::select(vec!["title", "data.source", "loop.stop", "analysis.folds", "outcome.kind"])) {
            let text = changed(&format!("{key}={value}"));
            let tree = super::load(&text).expect("YAML").expect("a document");
            prop_assert!(super::keys(&tree).iter().any(|path| path == key));
            prop_assert!(text.contains(&value));
        }
    }
}
