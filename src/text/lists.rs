//! Lists in sentences, and the nearest name.

use crate::text::numbers::count;

/// `a`, `a and b`, `a, b and c`.
#[must_use]
pub fn listed<S: AsRef<str>>(items: &[S]) -> String {
    let items: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
    match items.as_slice() {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The only item as it is; several under their number, at most `most` of them: `2 problems:` and a numbered line for each.
#[must_use]
pub fn numbered(items: &[String], noun: &str, most: usize) -> String {
    if let [only] = items {
        return only.clone();
    }
    let lines: Vec<String> =
        items.iter().take(most).enumerate().map(|(i, item)| format!("\n{}. {item}", i + 1)).collect();
    let more = items.len().saturating_sub(most);
    let tail = if more > 0 { format!("\n(and {more} more)") } else { String::new() };
    format!("{} {noun}s:{}{tail}", items.len(), lines.concat())
}

/// `` `a`, `b` and 3 more``: at most `limit` items in backticks.
pub(crate) fn quoted<S: AsRef<str>>(items: &[S], limit: usize) -> String {
    let shown: Vec<String> = items.iter().take(limit).map(|s| format!("`{}`", s.as_ref())).collect();
    let rest = items.len().saturating_sub(limit);
    if rest == 0 { shown.join(", ") } else { format!("{} and {rest} more", shown.join(", ")) }
}

/// The names, those most like `wanted` first (ties in the order given).
pub(crate) fn nearest_first(wanted: &str, mut names: Vec<String>) -> Vec<String> {
    names.sort_by_cached_key(|name| distance(&wanted.to_lowercase(), &name.to_lowercase()));
    names
}

/// ``did you mean `x`? `` or a list of what there is.
pub(crate) fn did_you_mean(wanted: &str, names: &[&str]) -> String {
    let sorted = nearest_first(wanted, names.iter().map(|s| (*s).to_owned()).collect());
    match sorted.first() {
        Some(name) if distance(&wanted.to_lowercase(), &name.to_lowercase()) <= 1 + wanted.chars().count() / 3 => {
            format!("did you mean `{name}`?")
        }
        _ => format!("the columns are {}", quoted(names, 20)),
    }
}

/// Levenshtein distance in characters.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, cb) in row.iter_mut().skip(1).zip(&b) {
            let here = (diagonal + usize::from(ca != *cb)).min(left + 1).min(*cell + 1);
            diagonal = *cell;
            *cell = here;
            left = here;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// A text cut to a length that fits a message.
pub(crate) fn short(text: &str) -> String {
    if text.chars().count() <= 40 { text.to_owned() } else { text.chars().take(37).chain("...".chars()).collect() }
}

/// `1 row`, `12,345 rows`.
pub(crate) fn counted(n: usize, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use crate::text::lists::*;

    #[test]
    fn lists_read_as_sentences() {
        for (items, expected) in
            [(&[][..], ""), (&["a"][..], "a"), (&["a", "b"][..], "a and b"), (&["a", "b", "c"][..], "a, b and c")]
        {
            assert_eq!(listed(items), expected);
        }
        let three = ["x", "y", "z"].map(str::to_owned);
        assert_eq!(numbered(&three[..1], "problem", 2), "x");
        assert_eq!(numbered(&three, "problem", 2), "3 problems:\n1. x\n2. y\n(and 1 more)");
    }

    #[test]
    fn distance_is_levenshtein() {
        for (a, b, d) in [("", "", 0), ("a", "", 1), ("", "ab", 2), ("kitten", "sitting", 3), ("age", "age", 0)] {
            assert_eq!(distance(a, b), d, "{a} {b}");
        }
        assert_eq!((counted(1, "row"), counted(2, "row")), ("1 row".to_owned(), "2 rows".to_owned()));
    }
}
