//! Text as a YAML scalar.

use crate::text::untrusted::steers;

/// `text` as a YAML scalar on one line that every YAML 1.1 or 1.2 reader takes for exactly that text: plain where that
/// is safe, else in double quotes.
#[must_use]
pub fn yaml_text(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

/// A value of a column as a plan writes it: numbers read better without quotes, and the reader takes them as text.
#[must_use]
pub fn yaml_value(text: &str) -> String {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let whole = |part: &str| !part.is_empty() && part.len() <= 9 && part.bytes().all(|b| b.is_ascii_digit());
    let number = digits.split_once('.').map_or_else(|| whole(digits), |(a, b)| whole(a) && whole(b));
    if number { text.to_owned() } else { yaml_text(text) }
}

/// Letters first, then letters, digits and a few harmless characters; and no word that some reader takes for a
/// truth value, a number or nothing.
fn is_plain(text: &str) -> bool {
    const TAKEN: [&str; 11] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"];
    let starts = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    let ends = !text.ends_with(' ');
    let harmless =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ' ' | '*' | '^' | '=' | '(' | ')' | '/' | '-');
    starts && ends && text.chars().all(harmless) && !TAKEN.contains(&text.to_ascii_lowercase().as_str())
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if needs_escape(c) => out.push_str(&escape(c)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Control characters and whatever else would steer a reader, byte-order marks and non-characters.
pub(super) fn needs_escape(c: char) -> bool {
    steers(c) || c.is_control() || matches!(c, '\u{a0}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

fn escape(c: char) -> String {
    let code = u32::from(c);
    if code <= 0xff { format!("\\x{code:02x}") } else { format!("\\u{code:04x}") }
}

#[cfg(test)]
mod tests {
    use super::yaml_text;
    use proptest::prelude::*;

    #[test]
    fn plain_where_safe() {
        for text in ["age", "age^2", "wt82_71", "Effect of T on Y", "re74 == 0", "a * b"] {
            assert_eq!(yaml_text(text), text);
        }
        for text in ["", " ", "no", "Yes", "1", "1e5", "-", "a: b", "#x", "a #b", "[a]", "~", "x\ny", "é"] {
            assert!(yaml_text(text).starts_with('"'), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn reads_back_as_itself(text in any::<String>(), short in "[a-z0-9 :#'\"\\\\\\-?*&!|>%@`{}\\[\\],.~\n\t\r\u{85}\u{2028}\u{feff}]{0,6}") {
            for text in [text, short] {
                let yaml = format!("k: {}\n", yaml_text(&text));
                let read: std::collections::BTreeMap<String, String> = serde_saphyr::from_str(&yaml).expect(&yaml);
                prop_assert_eq!(&read["k"], &text);
            }
        }
    }
}
