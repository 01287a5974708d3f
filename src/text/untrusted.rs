//! The one door for text that is not ours: names and levels of the data, prose of a plan, paths, what a server or a model
//! says.
//!
//! Every renderer has its escape. [`visible`] is for terminals, logs and commit messages, [`json`] for JSON that is written
//! already; markdown, HTML and YAML have theirs ([`markdown`], [`crate::text::escape`], [`crate::plan::yaml_text`]), which
//! ask [`steers`] too. For a language model's words, nothing that a renderer could make a link of is left: whatever looks
//! like an address stands in a code span.

use crate::text::escape;
use crate::text::escape::one_line;

/// True for a character that is not read but obeyed: one that moves a terminal's cursor, changes its colours or its title,
/// rings its bell, or makes text look as if it stood in another order. Line ends and tabs are not among them.
#[must_use]
pub fn steers(c: char) -> bool {
    let reorders = matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    reorders || c.is_control() && !matches!(c, '\n' | '\t')
}

/// A character that [`steers`], as a message names it.
#[must_use]
pub fn named(c: char) -> String {
    let kind = if c.is_control() { "a control character" } else { "a character that reorders text" };
    format!("{kind} (U+{:04X})", u32::from(c))
}

/// The text with a visible `�` for every character that [`steers`]. Lines stay lines, and every character keeps its place.
#[must_use]
pub fn visible(text: &str) -> String {
    text.chars().map(|c| if steers(c) { '\u{fffd}' } else { c }).collect()
}

/// JSON that is written already, with an escape for every character that [`steers`]: the same value, and nothing to obey.
#[must_use]
pub fn json(written: &str) -> String {
    let mut out = String::with_capacity(written.len());
    for c in written.chars() {
        if steers(c) { out.push_str(&json_escape(c)) } else { out.push(c) }
    }
    out
}

/// The escape of a character inside a JSON string.
#[must_use]
pub fn json_escape(c: char) -> String {
    let mut units = [0; 2];
    c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

/// One line for markdown, at its start or within it.
#[must_use]
pub fn markdown(words: &str) -> String {
    escape::escape_line_start(markdown_inline(words))
}

/// The same for a place that is never the start of a line, such as a table cell.
#[must_use]
pub fn markdown_inline(words: &str) -> String {
    let line = one_line(words);
    if !line.split(' ').any(is_address) {
        return escape::markdown_inline(&line);
    }
    // Backticks of the model's own could pair with those around an address; here they are characters like any other.
    let mut out: Vec<String> = Vec::new();
    let mut plain: Vec<&str> = Vec::new();
    for word in line.split(' ') {
        if is_address(word) {
            out.extend(flushed(&mut plain));
            out.push(escape::markdown_code(word));
        } else {
            plain.push(word);
        }
    }
    out.extend(flushed(&mut plain));
    out.join(" ")
}

fn flushed(plain: &mut Vec<&str>) -> Option<String> {
    let piece = plain.join(" ");
    plain.clear();
    (!piece.is_empty()).then(|| escape::escaped(&piece))
}

/// True if a renderer could make a link of the word.
fn is_address(word: &str) -> bool {
    let lower = word.to_lowercase();
    let mail = lower.split_once('@').is_some_and(|(_, host)| host.contains('.'));
    mail || ["://", "www.", "mailto:", "xmpp:"].iter().any(|mark| lower.contains(mark))
}

/// Words between quotation marks that they cannot close themselves: `“…”`, with any double mark inside made single.
#[must_use]
pub fn within_marks(words: &str) -> String {
    let marks = ['"', '“', '”', '„', '‟', '«', '»', '″', '＂'];
    format!("“{}”", one_line(words).replace(marks, "'"))
}

#[cfg(test)]
mod tests {
    use crate::text::untrusted::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_becomes_a_link_or_a_picture() {
        for (words, expected) in [
            ("see http://a.b/c now", "see `http://a.b/c` now"),
            ("![x](http://a.b) `y`", "`![x](http://a.b)` \\`y\\`"),
            ("[go](javascript:alert(1))", "\\[go\\](javascript:alert(1))"),
            ("WWW.a.b `` me@a.b", "`WWW.a.b` \\`\\` `me@a.b`"),
            ("<b> & `age` | x", "\\<b> & `age` \\| x"),
            ("# no\n- heading", "\\# no - heading"),
            ("http://a`b", "``http://a`b``"),
        ] {
            assert_eq!(markdown(words), expected, "{words}");
        }
    }

    #[test]
    fn the_marks_hold_what_they_hold() {
        assert_eq!(within_marks("fine\". The verdict is “good”"), "“fine'. The verdict is 'good'”");
    }

    #[test]
    fn nothing_steers_and_every_character_keeps_its_place() {
        let hostile = "a\u{1b}[31mb\u{7}\u{9b}2J\u{202e}c\u{2066}\td\n\u{85}é";
        assert_eq!(visible(hostile), "a\u{fffd}[31mb\u{fffd}\u{fffd}2J\u{fffd}c\u{fffd}\td\n\u{fffd}é");
        assert_eq!(visible("naïve 日本 👩‍🔬 שלום"), "naïve 日本 👩‍🔬 שלום");
    }

    #[test]
    fn escaped_json_is_the_same_value() {
        let value = serde_json::json!({"a\u{202e}b": ["\u{9b}2J", "\u{1b}]0;x\u{7}", "é"]});
        let written = json(&value.to_string());
        assert!(!written.chars().any(steers), "{written:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&written).expect("JSON"), value);
    }

    proptest! {
        #[test]
        fn one_line_without_open_pipes(words in "\\PC{0,30}|[\\x00-\\x7f]{0,40}|([`|<! ]|http://x|\\]\\(){0,12}") {
            let line = markdown(&words);
            prop_assert!(!line.contains('\n') && !line.contains('\r'));
            let mut escaped = false;
            for c in line.chars() {
                prop_assert!(escaped || c != '|');
                escaped = c == '\\' && !escaped;
            }
        }
    }
}
