//! Small text: counts, decimals, hashes.

use sha2::{Digest, Sha256};

/// Significant digits of the numbers in every file of a replay.
const SIGNIFICANT_DIGITS: usize = 12;

/// `value` with at most twelve significant digits, in the shortest form that reads as a float; `None` if it is not finite.
/// Negative zero is zero.
#[must_use]
pub fn decimal(value: f64) -> Option<String> {
    if !value.is_finite() {
        return None;
    }
    let digits = SIGNIFICANT_DIGITS - 1;
    // The largest float rounds down, so the rounded value is finite; what could not be read back stays as it is.
    let rounded = format!("{value:.digits$e}").parse::<f64>().ok().filter(|v| v.is_finite()).unwrap_or(value);
    let plain = if rounded == 0.0 { 0.0 } else { rounded };
    let size = plain.abs();
    Some(if plain == 0.0 || (1e-5..1e16).contains(&size) { format!("{plain:?}") } else { format!("{plain:e}") })
}

/// [`decimal`]; empty where there is no number.
#[must_use]
pub fn decimal_or_empty(value: Option<f64>) -> String {
    value.and_then(decimal).unwrap_or_default()
}

/// True for a character that a terminal or an editor obeys: a control character, or one that reorders text. Line ends and tabs
/// are not among them.
pub(crate) fn steers(c: char) -> bool {
    let reorders = matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    reorders || c.is_control() && !matches!(c, '\n' | '\t')
}

/// SHA-256 as lower-case hexadecimal.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes as lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `1 dataset`, `1,024 datasets`.
#[must_use]
pub fn counted(n: usize, what: &str) -> String {
    format!("{} {what}{}", thousands(n), plural(n))
}

/// The `s` of a plural.
pub(crate) fn plural(n: usize) -> &'static str {
    if n == 1 { "" } else { "s" }
}

fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A text that is short enough for a message.
#[must_use]
pub fn shortened(text: &str) -> String {
    match text.char_indices().nth(24) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_thousands_and_a_plural() {
        let found =
            [(0, "0 rows"), (1, "1 row"), (999, "999 rows"), (1024, "1,024 rows"), (1_234_567, "1,234,567 rows")];
        for (n, expected) in found {
            assert_eq!(counted(n, "row"), expected);
        }
    }

    #[test]
    fn decimals_have_twelve_digits_and_read_back() {
        for (value, expected) in
            [(0.1 + 0.2, "0.3"), (-0.0, "0.0"), (5.0, "5.0"), (1e-7, "1e-7"), (1.234_567_890_123_4, "1.23456789012")]
        {
            assert_eq!(decimal(value).as_deref(), Some(expected));
        }
        assert_eq!((decimal(f64::NAN), decimal(f64::INFINITY)), (None, None));
        assert_eq!(decimal(f64::MAX).as_deref(), Some("1.79769313486e308"));
    }
}
