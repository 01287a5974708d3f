//! Keys, and keeping them out of everything that is written, shown or sent on.
//!
//! A server may echo a key in an error and a model may repeat one that it read. [`scrub`] takes both out of a finished
//! text; [`Scrubber`] is the same for a text that arrives in pieces, which may cut a key in two: it holds back only what
//! could still become a key. However a text is cut, the pieces come out as [`scrub`] of the whole.

use super::chat::Block;
use super::encodings::spellings;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use std::fmt;

/// The text that replaces a key.
pub const REMOVED: &str = "[key removed]";

/// A key shorter than this is a placeholder such as `none`, and a word of the language: it is not looked for.
const SHORTEST_KEY: usize = 8;

/// A key of a provider. It is shown nowhere.
#[derive(Clone)]
pub struct Key(SecretString);

impl Key {
    /// Takes the text of an environment variable or a file; white space around it is left out.
    #[must_use]
    pub fn new(text: &str) -> Key {
        Key(SecretString::from(text.trim().to_owned()))
    }

    /// True if it is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.expose_secret().is_empty()
    }

    /// The text, for the header that carries it.
    pub(super) fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The key as it could be written.
    fn spellings(&self) -> Vec<String> {
        let plain = self.expose();
        if plain.len() < SHORTEST_KEY { Vec::new() } else { spellings(plain) }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key([not shown])")
    }
}

/// The shape of a well-known kind of key: a beginning, then at least so many characters of the run.
struct Shape {
    begins: &'static str,
    /// True if upper and lower case do not matter at the beginning.
    any_case: bool,
    least: usize,
}

const SHAPES: [Shape; 13] = [
    Shape { begins: "sk-", any_case: false, least: 16 }, // OpenAI, and Anthropic's sk-ant-
    // AWS.
    Shape { begins: "AKIA", any_case: false, least: 16 },
    Shape { begins: "ASIA", any_case: false, least: 16 },
    // GitHub.
    Shape { begins: "ghp_", any_case: false, least: 20 },
    Shape { begins: "gho_", any_case: false, least: 20 },
    Shape { begins: "ghs_", any_case: false, least: 20 },
    Shape { begins: "ghu_", any_case: false, least: 20 },
    Shape { begins: "github_pat_", any_case: false, least: 20 },
    // Slack.
    Shape { begins: "xoxb-", any_case: false, least: 10 },
    Shape { begins: "xoxp-", any_case: false, least: 10 },
    Shape { begins: "xoxa-", any_case: false, least: 10 },
    Shape { begins: "xoxs-", any_case: false, least: 10 },
    // An `Authorization` header, quoted in an error.
    Shape { begins: "bearer ", any_case: true, least: 20 },
];

/// The kinds of text that may be at a head.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// No key.
    No,
    /// The text is too short to tell.
    Perhaps,
    /// A key of this many bytes.
    Key(usize),
}

impl Shape {
    fn at(&self, text: &str) -> Sight {
        let head = text.as_bytes();
        let known = head.len().min(self.begins.len());
        let same = head
            .iter()
            .zip(self.begins.as_bytes())
            .all(|(a, b)| if self.any_case { a.eq_ignore_ascii_case(b) } else { a == b });
        if !same {
            return Sight::No;
        }
        if known < self.begins.len() {
            return Sight::Perhaps;
        }
        let run = head.iter().skip(known).take_while(|b| in_run(**b)).take(self.least).count();
        match run {
            _ if run == self.least => Sight::Key(known + run),
            _ if known + run == head.len() => Sight::Perhaps,
            _ => Sight::No,
        }
    }
}

/// Characters of tokens.
fn in_run(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.~+/=".contains(&byte)
}

/// [`scrub`] for a text that arrives in pieces.
#[derive(Clone)]
pub struct Scrubber {
    spellings: Vec<SecretString>,
    held: String,
    /// The last character that went out, to tell a word's beginning: `task-…` holds no `sk-…`.
    before: Option<char>,
    /// A key was seen, and its characters may go on.
    swallowing: bool,
}

impl fmt::Debug for Scrubber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scrubber").finish_non_exhaustive()
    }
}

impl Scrubber {
    /// Looks for these keys, and for anything that looks like one.
    #[must_use]
    pub fn new(keys: &[Key]) -> Scrubber {
        let spellings = keys.iter().flat_map(Key::spellings).map(SecretString::from).collect();
        Scrubber { spellings, held: String::new(), before: None, swallowing: false }
    }

    /// Takes a piece and returns what is certain to be free of keys.
    pub fn push(&mut self, piece: &str) -> String {
        self.held.push_str(piece);
        self.advance(false)
    }

    /// Returns what was held back; the next piece begins another text.
    pub fn finish(&mut self) -> String {
        let rest = self.advance(true);
        (self.before, self.swallowing) = (None, false);
        rest
    }

    fn advance(&mut self, last: bool) -> String {
        let text = std::mem::take(&mut self.held);
        let mut out = String::new();
        let mut at = 0;
        while let Some((rest, next)) = text.get(at..).and_then(|rest| Some((rest, rest.chars().next()?))) {
            match self.spelled(rest, last) {
                Sight::Key(length) => {
                    self.remove(&mut out);
                    // What follows a key that is known to its end is no part of it.
                    self.swallowing = false;
                    at += length;
                    continue;
                }
                Sight::Perhaps if !last => break,
                Sight::Perhaps | Sight::No => {}
            }
            // A shape knows only how long a key is at least; it goes on as long as its characters do.
            if self.swallowing && next.is_ascii() && in_run(next as u8) {
                at += next.len_utf8();
                continue;
            }
            self.swallowing = false;
            match self.shaped(rest) {
                Sight::Key(_) => {
                    // The space after `bearer` is no character of a token and would end the swallowing at once.
                    let space = rest.find(' ').filter(|space| *space == "bearer".len());
                    // The run is swallowed character by character, so that a known key inside it is found to its end.
                    self.remove(&mut out);
                    self.swallowing = true;
                    at += space.map_or(0, |space| space + 1);
                    continue;
                }
                Sight::Perhaps if !last => break,
                Sight::Perhaps | Sight::No => {}
            }
            out.push(next);
            self.before = Some(next);
            at += next.len_utf8();
        }
        text.get(at..).unwrap_or_default().clone_into(&mut self.held);
        out
    }

    fn remove(&mut self, out: &mut String) {
        // One mark a key, however it is cut.
        if !self.swallowing {
            out.push_str(REMOVED);
        }
        self.before = REMOVED.chars().last();
    }

    /// A key that is known.
    fn spelled(&self, text: &str, last: bool) -> Sight {
        let mut best = Sight::No;
        let Some(first) = text.bytes().next() else { return best };
        for spelling in &self.spellings {
            let spelling = spelling.expose_secret();
            // Most characters begin no key, and an answer may have millions.
            if !spelling.bytes().next().is_some_and(|begins| begins.eq_ignore_ascii_case(&first)) {
                continue;
            }
            // Longer spellings come first, and one that may still come true is waited for.
            if begins(text, spelling) {
                return if best == Sight::Perhaps { best } else { Sight::Key(spelling.len()) };
            }
            if !last && begins(spelling, text) {
                best = Sight::Perhaps;
            }
        }
        best
    }

    /// Something that looks like a key, at the beginning of a word.
    fn shaped(&self, text: &str) -> Sight {
        if self.before.is_some_and(char::is_alphanumeric) {
            return Sight::No;
        }
        let mut best = Sight::No;
        for shape in &SHAPES {
            match shape.at(text) {
                Sight::Key(length) => return Sight::Key(length),
                Sight::Perhaps => best = Sight::Perhaps,
                Sight::No => {}
            }
        }
        best
    }
}

/// True if a text begins like that, in upper or lower case.
fn begins(text: &str, start: &str) -> bool {
    text.as_bytes().get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()))
}

/// The text without these keys, however they are spelled, and without anything that looks like a key.
#[must_use]
pub fn scrub(text: &str, keys: &[Key]) -> String {
    let mut scrubber = Scrubber::new(keys);
    let mut out = scrubber.push(text);
    out.push_str(&scrubber.finish());
    out
}

/// [`scrub`] for every text inside a JSON value, names included.
#[must_use]
pub fn scrub_value(value: Value, keys: &[Key]) -> Value {
    match value {
        Value::String(text) => Value::String(scrub(&text, keys)),
        Value::Array(items) => items.into_iter().map(|item| scrub_value(item, keys)).collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(name, item)| (scrub(&name, keys), scrub_value(item, keys)))
            .collect::<Map<_, _>>()
            .into(),
        other => other,
    }
}

/// Opaque state as it is, or `None` if a key is in it: it can only be sent back unchanged. In its ciphers only keys that are
/// known are looked for, since random letters look like anything; in its words, also what looks like a key.
#[must_use]
pub fn without_keys(block: Block, keys: &[Key]) -> Option<Block> {
    let Block::Opaque { value, .. } = &block else { return Some(block) };
    let text = value.to_string().to_ascii_lowercase();
    let known = |spelling: &String| text.contains(&spelling.to_ascii_lowercase());
    let found = keys.iter().any(|key| key.spellings().iter().any(known));
    (!found && !words_hold_key(value)).then_some(block)
}

fn words_hold_key(value: &Value) -> bool {
    const WORDS: [&str; 5] = ["thinking", "text", "reasoning", "reasoning_content", "summary"];
    match value {
        Value::Array(items) => items.iter().any(words_hold_key),
        Value::Object(map) => map.iter().any(|(name, item)| match item {
            Value::String(text) => WORDS.contains(&name.as_str()) && scrub(text, &[]) != *text,
            other => words_hold_key(other),
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys() -> Vec<Key> {
        vec![Key::new("s3cret/with\"odd$signs\n"), Key::new("sk-ant-api03-abcdefghijklmnop.tail$end")]
    }

    #[test]
    fn a_key_goes_however_it_is_spelled() {
        for text in [
            "s3cret/with\"odd$signs",
            r#"s3cret/with\"odd$signs"#,
            r#"s3cret\/with\"odd$signs"#,
            "s3cret%2Fwith%22odd%24signs",
            "s3cret%2fwith%22odd%24signs",
            "sk-ant-api03-abcdefghijklmnop.tail$end",
        ] {
            assert_eq!(scrub(&format!("a {text} b"), &keys()), "a [key removed] b", "{text}");
        }
    }

    #[test]
    fn a_key_goes_encoded_reversed_and_in_other_case() {
        // base64 and hexadecimal by coreutils: printf %s … | base64 -w0, | xxd -p.
        for text in [
            "S3CRET/WITH\"ODD$SIGNS",
            "s3Cret/With\"Odd$Signs",
            "sngis$ddo\"htiw/terc3s",
            "SNGIS$DDO\"HTIW/TERC3S",
            "czNjcmV0L3dpdGgib2RkJHNpZ25z",
            "7333637265742f77697468226f6464247369676e73",
            "7333637265742F77697468226F6464247369676E73",
            "%73%33%63%72%65%74%2f%77%69%74%68%22%6f%64%64%24%73%69%67%6e%73",
            "c2stYW50LWFwaTAzLWFiY2RlZmdoaWprbG1ub3AudGFpbCRlbmQ=",
            "c2stYW50LWFwaTAzLWFiY2RlZmdoaWprbG1ub3AudGFpbCRlbmQ",
        ] {
            assert_eq!(scrub(&format!("a {text} b"), &keys()), "a [key removed] b", "{text}");
        }
        // "Authorization: Bearer s3cret/with\"odd$signs\r\n" in one piece.
        let header = "QXV0aG9yaXphdGlvbjogQmVhcmVyIHMzY3JldC93aXRoIm9kZCRzaWducw0K";
        let scrubbed = scrub(header, &keys());
        assert!(scrubbed.contains(REMOVED) && scrubbed.len() < header.len() - 10, "{scrubbed}");
    }

    #[test]
    fn what_looks_like_a_key_goes_too() {
        for text in [
            "sk-ABCDEFGHIJKLMNOPQRSTUVWX",
            "sk-ant-api03-0123456789abcdef_-x",
            "AKIAIOSFODNN7EXAMPLE",
            "ghp_0123456789abcdefghijABCDEFGHIJ",
            "xoxb-123456789012-abcdef",
            "Bearer 0123456789abcdefghij.klmnop",
            "bearer 0123456789abcdefghij==",
        ] {
            assert_eq!(scrub(&format!("({text})"), &[]), "([key removed])", "{text}");
        }
    }

    #[test]
    fn ordinary_words_stay() {
        for text in [
            "risk-adjusted-mortality-at-thirty-days",
            "task-specific-estimates-of-the-effect",
            "sk-learn",
            "the bearer of this",
            "Bearer token",
            "AKIA is a prefix",
            "s3cret",
        ] {
            assert_eq!(scrub(text, &keys()), text);
        }
    }

    #[test]
    fn a_placeholder_is_not_a_key() {
        assert_eq!(scrub("none of these", &[Key::new("none")]), "none of these");
    }

    #[test]
    fn nothing_is_held_back_that_cannot_become_a_key() {
        let mut scrubber = Scrubber::new(&keys());
        assert_eq!(scrubber.push("Weights are fine"), "Weights are fine");
        assert_eq!(scrubber.push(" here. s"), " here. ");
        assert_eq!(scrubber.push("o"), "so");
        assert_eq!(scrubber.push(" ris"), " ri");
        // A `d` at the end could begin a key that is written backwards.
        assert_eq!(scrubber.push("k-adjusted."), "sk-adjusted.");
        assert_eq!(scrubber.push(" sk-ABCDEFGHIJ"), " ");
        assert_eq!(scrubber.push("KLMNOPQ"), REMOVED);
        // An `n` could begin an encoded key; what is held back comes with the next piece, or at the end.
        assert_eq!(scrubber.push("RSTU and so on"), " and so o");
        assert_eq!(scrubber.finish(), "n");
    }

    #[test]
    fn debug_shows_nothing() {
        let shown = format!("{:?} {:?}", keys(), Scrubber::new(&keys()));
        assert!(!shown.contains("s3cret") && !shown.contains("abcdefgh"), "{shown}");
    }

    #[test]
    fn values_are_scrubbed_at_any_depth() {
        let value = serde_json::json!({"a": [{"sk-ABCDEFGHIJKLMNOPQ": "x AKIAIOSFODNN7EXAMPLE"}], "n": 1.5});
        let expected = serde_json::json!({"a": [{REMOVED: "x [key removed]"}], "n": 1.5});
        assert_eq!(scrub_value(value, &[]), expected);
    }

    proptest! {
        /// Keys, their beginnings, and what is between them, cut anywhere.
        #[test]
        fn pieces_come_out_as_the_whole_does(
            parts in prop::collection::vec(prop::sample::select(vec![
                "sk-", "sk-ant-api03-abcdefghijklmnop", ".tail$end", "s3cret/with", "\"odd$signs", "Bearer ", "AKIA",
                "IOSFODNN7EXAMPLE", " ", "é", "xoxb-", "0123456789", "a", "s", "ghp_", "\n",
            ]), 0..12),
            cuts in prop::collection::vec(0usize..200, 0..6),
        ) {
            let text = parts.concat();
            let mut scrubber = Scrubber::new(&keys());
            let mut out = String::new();
            let mut from = 0;
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| text.is_char_boundary(*cut)).collect();
            cuts.sort_unstable();
            for cut in cuts.into_iter().chain([text.len()]) {
                out.push_str(&scrubber.push(&text[from..cut]));
                from = cut;
            }
            out.push_str(&scrubber.finish());
            prop_assert_eq!(&out, &scrub(&text, &keys()));
            for key in keys() {
                prop_assert!(!out.contains(key.expose()));
            }
        }
    }
}
