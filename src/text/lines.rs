//! Text on one line, and not too much of it. For text of others see also [`crate::text::escape::one_line`], which keeps out
//! what reorders text.

use crate::text::escape::one_line;

/// Every run of white space as one space, and none at the ends.
#[must_use]
pub fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// [`joined`], with every control character as a space and whatever else would steer a reader as a visible `�`.
#[must_use]
pub fn printable(text: &str) -> String {
    one_line(text)
}

/// At most `longest` characters, and an ellipsis if there were more.
#[must_use]
pub fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}

/// The text with its first letter as a capital.
#[must_use]
pub fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use crate::text::lines::*;

    #[test]
    fn lines_are_single_and_bounded() {
        assert_eq!(joined("  a\n\tb  c "), "a b c");
        assert_eq!(printable("a\u{1b}[31mb\r\n\u{7}c"), "a [31mb c");
        assert_eq!((cut("täglich", 7), cut("täglich", 2)), ("täglich".to_owned(), "tä…".to_owned()));
    }
}
