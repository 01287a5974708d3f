//! Reading sources: files, imports, words looked for, without comments and strings; and a look at each of these on samples,
//! since a rule that cannot fail is no rule.

use crate::architecture::names_of_acic;
use std::fs;
use std::path::{Path, PathBuf};

/// A module that only its parent and what lies below that can name.
pub(super) fn declares_privately(code: &str, module: &str) -> bool {
    let declared = format!("mod {module};");
    code.lines().any(|line| line.trim() == declared) && !code.contains(&format!("pub {declared}"))
}

/// Files of unit tests, which may look for words in what they test.
pub(super) fn is_test(path: &str) -> bool {
    path.ends_with("tests.rs") || path.contains("/tests/") || path.ends_with("/conformance.rs")
}

/// Calls that ask if a text begins or ends with words or holds them: those of `contains` with a literal, and those of the
/// others with a literal or a variable. Single characters and closures are not words.
pub(super) fn words_looked_for(code: &str) -> usize {
    const CALLS: [(&str, bool); 5] = [
        (".strip_prefix(", true),
        (".strip_suffix(", true),
        (".starts_with(", true),
        (".ends_with(", true),
        (".contains(", false),
    ];
    let words = |argument: &str, also_variables: bool| {
        let argument = argument.trim_start().trim_start_matches('&');
        let literal = ["\"", "[\"", "format!("].iter().any(|open| argument.starts_with(open));
        let name = argument.split(|c: char| !is_name(c) && c != '.').next().unwrap_or_default();
        let after = argument[name.len()..].trim_start_matches("()");
        let variable =
            name.starts_with(|c: char| c.is_lowercase()) && after.starts_with(')') && !name.starts_with("is_");
        literal || also_variables && variable
    };
    let calls = |(call, variables): (&str, bool)| {
        code.match_indices(call).filter(|(at, _)| words(&code[at + call.len()..], variables)).count()
    };
    CALLS.into_iter().map(calls).sum()
}

#[test]
fn the_extractor_sees_every_form_of_import() {
    for (code, expected) in [
        ("use crate::plan::Plan;", &["plan::Plan"][..]),
        ("use crate::{plan::Plan, spec::{Analysis, deep::er}};", &["plan::Plan", "spec::Analysis", "spec::deep::er"]),
        ("use crate::report::documents::{self, Answer as A};", &["report::documents", "report::documents::Answer"]),
        ("pub(crate) use crate::\n    dataset::*;", &["dataset::*"]),
        ("fn f(x: &crate::sample::Sample) -> crate::term::Term {}", &["sample::Sample", "term::Term"]),
        ("let x = crate::numerics::solve(&a);", &["numerics::solve"]),
        ("pub(in crate::artifacts) fn f() {}", &["artifacts"]),
        ("use crate as me;", &["as me"]),
        ("use oci_agent::cli::run;", &["cli::run"]),
        ("// use crate::cli::x;\n/* crate::cli */ /// [`crate::cli`]", &[]),
        ("let s = \"use crate::cli::x;\"; let r = r#\"crate::\"cli\"#; let c = '\"'; use crate::plan;", &["plan"]),
        ("use my_crate::cli; use crate_x::cli;", &[]),
    ] {
        assert_eq!(imports(&strip(code), "oci_agent"), expected, "{code}");
    }
}

#[test]
fn uses_are_found_whole_and_only_in_code() {
    for (code, word, expected) in [
        ("use polars::prelude::*;", "polars", true),
        ("let x = polars::df!();", "polars", true),
        ("use ::polars as p;", "polars", true),
        ("extern crate polars;", "polars", true),
        ("use {git2, polars};", "polars", true),
        ("// polars::x\nlet s = \"polars::x\"; my_polars::x(); polarsy::x()", "polars", false),
        ("use super::linfa::fit; crate::learners::linfa::fit(); self::linfa::x()", "linfa", false),
        ("mod linfa; pub mod linfa {}", "linfa", false),
        ("println!(\"x\")", "println!", true),
        ("std::println!()", "println!", true),
        ("eprintln!(\"x\")", "println!", false),
    ] {
        assert_eq!(uses(&strip(code), word), expected, "{code}");
    }
}

#[test]
fn a_private_module_is_told_from_a_public_one() {
    for (code, expected) in [
        ("pub mod run;\nmod response;\n", true),
        ("pub mod response;\n", false),
        ("pub(crate) mod response;\n", false),
        ("mod responses;\n", false),
        ("mod response;\npub mod response;\n", false),
    ] {
        assert_eq!(declares_privately(code, "response"), expected, "{code}");
    }
    let source = |path: &str, code: &str| Source {
        path: path.to_owned(),
        code: strip(code),
        outside_tests: String::new(),
        lines: 1,
    };
    for (path, code, expected) in [
        ("src/replay/analyse.rs", "use acic::{score::Known, run};", true),
        ("src/replay/analyse.rs", "let k = acic::score::known(&s);", true),
        ("src/replay/analyse.rs", "let score = results.score;", false),
        ("crates/acic/src/run.rs", "use crate::score::Scores;", true),
        ("crates/acic/src/run.rs", "// score", false),
    ] {
        assert_eq!(names_of_acic(&source(path, code), "score"), expected, "{code}");
    }
}

#[test]
fn words_that_are_looked_for_are_counted() {
    for (code, expected) in [
        ("line.strip_prefix(&about)", 1),
        ("line.strip_prefix(&format!(\"{}: \", kind.title()))", 1),
        ("playbook.starts_with(\"own \")", 1),
        ("message.contains(\"not converged\") && rows.ends_with(\n  \"rows\"\n)", 2),
        ("[\"a\"].iter().any(|end| line.ends_with([\"x\", \"y\"]))", 1),
        ("name.starts_with(prefix.as_str())", 1),
        ("line.starts_with('#') || line.ends_with(['.', ')']) || after.starts_with(is_name)", 0),
        ("line.starts_with(|c: char| c.is_digit(10)); set.contains(&name); (0..3).contains(&n)", 0),
        ("// line.starts_with(\"own \")\nlet text = \".starts_with(\\\"x\\\")\";", 0),
    ] {
        assert_eq!(words_looked_for(&blanked(code, Blank::Comments)), expected, "{code}");
    }
    assert!(is_test("src/record/json/tests.rs") && is_test("src/a/tests/b.rs") && !is_test("src/record/json/mod.rs"));
}

#[test]
fn climbs_and_depths_are_counted() {
    for (code, expected) in [("use super::super::x;", 2), ("use super::x; super :: y", 1), ("superb::x", 0), ("", 0)] {
        assert_eq!(longest_climb(code), expected, "{code}");
    }
    for (path, expected) in [
        ("src/term.rs", 1),
        ("src/plan/mod.rs", 1),
        ("src/plan/parse.rs", 2),
        ("crates/causal/src/a/b/mod.rs", 2),
        ("src/a/b/c.rs", 3),
    ] {
        assert_eq!(depth(path), expected, "{path}");
    }
}

#[test]
fn line_counts_leave_out_the_tests_of_a_file() {
    assert_eq!(lines_of("a\nb\n"), 2);
    assert_eq!(lines_of("a\n#[cfg(test)]\nmod tests {\n}\n"), 1);
    assert_eq!(lines_of("a\n#[cfg(test)]\nuse x;\nb\n"), 4);
}

pub(super) struct Source {
    /// Below the root of the workspace, with `/`.
    pub(super) path: String,
    /// Without comments and the contents of strings.
    pub(super) code: String,
    /// Without comments and without the unit tests at its end; strings as they are.
    pub(super) outside_tests: String,
    /// Without the unit tests at its end.
    pub(super) lines: usize,
}

pub(super) fn all_sources() -> Vec<Source> {
    ["src", "crates/acic/src", "crates/causal/src", "crates/portable-math/src"].into_iter().flat_map(sources).collect()
}

/// The sources in a folder of the workspace.
pub(super) fn sources(folder: &str) -> Vec<Source> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders = vec![workspace.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of sources can be listed") {
            let place: PathBuf = entry.expect("an entry").path();
            if place.is_dir() {
                folders.push(place);
            } else if place.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&place).expect("a source file is text");
                let path = place.strip_prefix(workspace).expect("below the root").to_string_lossy().replace('\\', "/");
                let before_tests = text.split("\n#[cfg(test)]\nmod ").next().expect("a first part");
                let outside_tests = blanked(before_tests, Blank::Comments);
                found.push(Source { path, code: strip(&text), outside_tests, lines: lines_of(&text) });
            }
        }
    }
    assert!(!found.is_empty(), "no sources in {folder}");
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Lines up to the closing block of unit tests.
pub(super) fn lines_of(text: &str) -> usize {
    let all: Vec<&str> = text.lines().collect();
    let tests = all.windows(2).position(|two| two[0] == "#[cfg(test)]" && two[1].starts_with("mod tests {"));
    tests.unwrap_or(all.len())
}

pub(super) fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether a dependency or macro is used; a module of our own that bears the name of a dependency is not.
pub(super) fn uses(code: &str, word: &str) -> bool {
    const OURS: [&str; 3] = ["crate::", "self::", "super::"];
    code.match_indices(word).any(|(at, _)| {
        let (before, after) = (&code[..at], &code[at + word.len()..]);
        let whole = !before.ends_with(is_name) && (word.ends_with('!') || !after.starts_with(is_name));
        let path_before = before.trim_end_matches(|c: char| is_name(c) || c == ':');
        let path = &before[path_before.len()..];
        let ours = OURS.iter().any(|own| path.starts_with(own)) || before.ends_with("mod ");
        whole && (word.ends_with('!') || !ours)
    })
}

/// The most `super::` in a row.
pub(super) fn longest_climb(code: &str) -> usize {
    let (mut climb, mut longest) = (0, 0);
    let mut parts: Vec<&str> = code.split("::").map(str::trim).collect();
    parts.pop(); // nothing follows it
    for part in parts {
        climb = match part.strip_suffix("super") {
            Some("") => climb + 1,
            Some(before) if !before.ends_with(is_name) => 1,
            _ => 0,
        };
        longest = longest.max(climb);
    }
    longest
}

/// How many modules a file is below the crate.
pub(super) fn depth(path: &str) -> usize {
    let below = path.rsplit_once("src/").map_or(path, |(_, below)| below);
    below.split('/').filter(|part| *part != "mod.rs").count()
}

/// Whether a word stands in code by itself.
pub(super) fn has_word(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        !before.is_some_and(is_name) && !after.is_some_and(is_name)
    })
}

/// Every path of this crate that is named, without `crate::`; use-trees are multiplied out.
pub(super) fn imports(code: &str, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    for root in ["crate", name] {
        for (at, _) in code.match_indices(root) {
            let rest = code[at + root.len()..].trim_start();
            if code[..at].chars().next_back().is_some_and(is_name) {
                continue;
            }
            if let Some(path) = rest.strip_prefix("::") {
                expand("", path.trim_start(), &mut found);
            } else if rest.starts_with("as ") {
                found.push(rest.split(';').next().expect("a first part").to_owned());
            }
        }
    }
    found
}

/// Reads one use-tree after `prefix` and returns what follows it.
fn expand<'a>(prefix: &str, text: &'a str, found: &mut Vec<String>) -> &'a str {
    let joined = |name: &str| if prefix.is_empty() { name.to_owned() } else { format!("{prefix}::{name}") };
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = expand(prefix, rest, found).trim_start();
            match rest.strip_prefix(',') {
                Some(after) => rest = after,
                None => return rest.strip_prefix('}').unwrap_or(rest),
            }
        }
    }
    if let Some(rest) = text.strip_prefix('*') {
        found.push(joined("*"));
        return rest;
    }
    let end = text.find(|c: char| !is_name(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let path = if name == "self" { prefix.to_owned() } else { joined(name) };
    if let Some(after) = rest.trim_start().strip_prefix("::") {
        let after = after.trim_start();
        if after.starts_with(|c: char| is_name(c) || c == '{' || c == '*') {
            return expand(&path, after, found);
        }
    }
    if !name.is_empty() {
        found.push(path);
    }
    let rest = rest.trim_start();
    match rest.strip_prefix("as ") {
        Some(alias) => alias.trim_start().trim_start_matches(is_name),
        None => rest,
    }
}

/// The parts of a source that are blanked out.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Blank {
    Comments,
    CommentsAndStrings,
}

/// Blanks out comments and the contents of strings and character literals.
pub(super) fn strip(text: &str) -> String {
    blanked(text, Blank::CommentsAndStrings)
}

pub(super) fn blanked(text: &str, what: Blank) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut i = 0;
    while i < chars.len() {
        let next = chars.get(i + 1).copied();
        let end = match chars[i] {
            '/' if next == Some('/') => (i..chars.len()).find(|j| chars[*j] == '\n').unwrap_or(chars.len()),
            '/' if next == Some('*') => end_of_comment(&chars, i),
            '"' => end_of_string(&chars, i),
            'r' if matches!(next, Some('"' | '#')) && !code.ends_with(is_name) => end_of_raw_string(&chars, i),
            '\'' if next == Some('\\') => {
                (i + 3..chars.len()).find(|j| chars[*j] == '\'').map_or(chars.len(), |j| j + 1)
            }
            '\'' if chars.get(i + 2) == Some(&'\'') => i + 3,
            _ => i,
        };
        let kept = what == Blank::Comments && chars[i] != '/';
        match &chars[i..end] {
            [] => code.push(chars[i]),
            literal if kept => code.extend(literal),
            _ => code.push(' '),
        }
        i = end.max(i + 1);
    }
    code
}

fn end_of_comment(chars: &[char], start: usize) -> usize {
    let mut depth = 0;
    let mut i = start;
    while i + 1 < chars.len() {
        match (chars[i], chars[i + 1]) {
            ('/', '*') => (depth, i) = (depth + 1, i + 2),
            ('*', '/') if depth == 1 => return i + 2,
            ('*', '/') => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
    }
    chars.len()
}

fn end_of_string(chars: &[char], start: usize) -> usize {
    let mut i = start + 1;
    while i < chars.len() {
        match chars[i] {
            '\\' => i += 2,
            '"' => return i + 1,
            _ => i += 1,
        }
    }
    chars.len()
}

/// `start` itself if it is no raw string (a raw name such as `r#type`).
fn end_of_raw_string(chars: &[char], start: usize) -> usize {
    let hashes = chars[start + 1..].iter().take_while(|c| **c == '#').count();
    if chars.get(start + 1 + hashes) != Some(&'"') {
        return start;
    }
    let closes =
        |at: usize| chars[at] == '"' && chars[at + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes;
    (start + 2 + hashes..chars.len()).find(|at| closes(*at)).map_or(chars.len(), |at| at + 1 + hashes)
}
