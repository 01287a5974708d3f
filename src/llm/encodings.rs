//! The ways in which a key can be written down again: escaped, encoded, turned round.

use crate::text::base64::{STANDARD, URL, base64};
use serde_json::Value;
use std::fmt::Write as _;

/// Every usual spelling of a text, longest first: plain, inside a JSON string, percent-encoded in part and in full,
/// reversed, in hexadecimal, and in base64 with both alphabets, alone or in the middle of something longer. Upper and lower
/// case are left to whoever compares.
pub(super) fn spellings(plain: &str) -> Vec<String> {
    let json = Value::from(plain).to_string().trim_matches('"').to_owned();
    let slashes = json.replace('/', "\\/");
    let mut all = vec![plain.to_owned(), json, slashes, plain.chars().rev().collect()];
    all.extend([percent(plain, false), percent(plain, true), hex(plain)]);
    for alphabet in [STANDARD, URL] {
        let whole = base64(plain.as_bytes(), alphabet);
        let padding = "=".repeat((4 - whole.len() % 4) % 4);
        all.push(format!("{whole}{padding}"));
        all.push(whole);
        all.extend((0..3).map(|before| core(plain, before, alphabet)));
    }
    all.retain(|spelling| spelling.len() >= SHORTEST);
    all.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    all.dedup();
    all
}

/// What is left of a short key in the middle of base64 could be a word of the language.
const SHORTEST: usize = 8;

/// The characters that a text always has in base64 where `before` bytes (modulo 3) stand in front of it and anything may
/// follow.
fn core(plain: &str, before: usize, alphabet: &[u8; 64]) -> String {
    let padded = [vec![0; before], plain.as_bytes().to_vec()].concat();
    let written = base64(&padded, alphabet);
    let first = (before * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    written.get(first..last).unwrap_or_default().to_owned()
}

fn hex(plain: &str) -> String {
    plain.bytes().fold(String::new(), |mut out, byte| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// Percent-encoding of what must be encoded, or of every byte.
fn percent(plain: &str, every: bool) -> String {
    let mut out = String::new();
    for byte in plain.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' if !every => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of RFC 4648, section 10, without padding.
    #[test]
    fn the_published_vectors() {
        for (text, expected) in [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg"),
            ("fooba", "Zm9vYmE"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(text.as_bytes(), STANDARD), expected);
        }
    }

    #[test]
    fn the_core_is_there_whatever_stands_around_it() {
        let key = "sk-local-0123456789abcdefghij";
        for before in ["", "a", "ab", "Bearer ", "x-api-key: "] {
            for after in ["", "\n", "..", "and more"] {
                let around = base64(format!("{before}{key}{after}").as_bytes(), STANDARD);
                let core = core(key, before.len() % 3, STANDARD);
                assert!(around.contains(&core) && core.len() > key.len(), "{before:?} {after:?}");
            }
        }
    }
}
