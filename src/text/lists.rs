//! Small helpers for error messages: lists, and the nearest name.

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
fn distance(a: &str, b: &str) -> usize {
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

/// 12345 as `12,345`.
pub(crate) fn count(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use crate::text::lists::*;

    #[test]
    fn distance_is_levenshtein() {
        for (a, b, d) in [("", "", 0), ("a", "", 1), ("", "ab", 2), ("kitten", "sitting", 3), ("age", "age", 0)] {
            assert_eq!(distance(a, b), d, "{a} {b}");
        }
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(12), "12");
        assert_eq!((counted(1, "row"), counted(2, "row")), ("1 row".to_owned(), "2 rows".to_owned()));
    }
}
