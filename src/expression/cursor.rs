//! Names and quoted texts, read from the front of a text; shared by terms and expressions.

/// A name or a text in quotes that does not end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotClosed;

/// True for a character of a name that needs no backticks.
pub(crate) fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '.'
}

/// The longest run of characters of a name at the front, perhaps empty, and the rest.
pub(crate) fn bare_name(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !is_name_char(c)).unwrap_or(text.len());
    text.split_at(end)
}

/// Text up to the closing `quote`, whose opening one is off already; a doubled `quote` stands for one.
pub(crate) fn quoted(inner: &str, quote: char) -> Result<(String, &str), NotClosed> {
    let mut text = String::new();
    let mut rest = inner;
    loop {
        let (piece, after) = rest.split_once(quote).ok_or(NotClosed)?;
        text.push_str(piece);
        let Some(more) = after.strip_prefix(quote) else { return Ok((text, after)) };
        text.push(quote);
        rest = more;
    }
}
