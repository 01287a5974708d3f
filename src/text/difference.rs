//! Where two texts first differ: the line, and the word or number in it.

/// The most characters of a word that are shown.
const LONGEST: usize = 60;

/// The first difference between two texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextDifference {
    /// The line, from 1.
    pub line: usize,
    /// The word or number of the first text that begins to differ there; empty if its line ends, or it has no such line.
    pub first: String,
    /// That of the second.
    pub second: String,
}

/// The first difference; `None` for equal texts.
#[must_use]
pub fn first_difference(first: &str, second: &str) -> Option<TextDifference> {
    if first == second {
        return None;
    }
    let (mut a, mut b) = (first.split('\n'), second.split('\n'));
    let mut line = 0;
    loop {
        line += 1;
        match (a.next(), b.next()) {
            (Some(x), Some(y)) if x == y => {}
            (None, None) => return None,
            (x, y) => {
                let (x, y) = (x.unwrap_or_default(), y.unwrap_or_default());
                let same = x.char_indices().zip(y.chars()).take_while(|pair| pair.0.1 == pair.1).last();
                let at = same.map_or(0, |pair| pair.0.0 + pair.0.1.len_utf8());
                let (mut first, mut second) = (word(x, at), word(y, at));
                if first == second {
                    // The same word, and one of the lines goes on behind it.
                    let rest = |line: &str| line[at..].chars().take(LONGEST).collect();
                    (first, second) = (rest(x), rest(y));
                }
                return Some(TextDifference { line, first, second });
            }
        }
    }
}

/// The word around a place: a number with its sign, point and exponent is one.
fn word(line: &str, at: usize) -> String {
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '+' | '_');
    let (before, after) = line.split_at(at.min(line.len()));
    let start = before.char_indices().rev().take_while(|it| inside(it.1)).last().map_or(before.len(), |it| it.0);
    let length = after.chars().take_while(|c| inside(*c)).map(char::len_utf8).sum::<usize>();
    let word: String = before.chars().skip(before[..start].chars().count()).chain(after[..length].chars()).collect();
    // A sign of punctuation alone: show what follows it too.
    let shown = if word.is_empty() { after.to_owned() } else { word };
    shown.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use crate::text::difference::*;
    use proptest::prelude::*;

    fn told(first: &str, second: &str) -> (usize, String, String) {
        let found = first_difference(first, second).unwrap();
        (found.line, found.first, found.second)
    }

    #[test]
    fn the_number_is_told_whole() {
        let expected = |line, a: &str, b: &str| (line, a.to_owned(), b.to_owned());
        assert_eq!(
            told("{\n  \"x\": -0.125e-3,\n}", "{\n  \"x\": -0.135e-3,\n}"),
            expected(2, "-0.125e-3", "-0.135e-3")
        );
        assert_eq!(told("a b", "a b c"), expected(1, "", " c"));
        assert_eq!(told("a", "a\nmore"), expected(2, "", "more"));
        assert_eq!(told("é1", "é2"), expected(1, "é1", "é2"));
        assert_eq!(first_difference("same", "same"), None);
    }

    proptest! {
        #[test]
        fn every_difference_is_found(a in "[a-c\n .é]{0,12}", b in "[a-c\n .é]{0,12}") {
            prop_assert_eq!(first_difference(&a, &b).is_none(), a == b);
        }
    }
}
