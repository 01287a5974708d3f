//! Untrusted text made safe for the format it is written in. Titles, column names, levels, units and threats come from
//! a plan or a file header, and may hold anything.

use crate::text::untrusted::steers;

/// One line without control characters: line breaks and tabs become spaces, everything else that
/// [`crate::text::untrusted::steers`] (bidirectional overrides) becomes a visible `�`.
#[must_use]
pub fn one_line(text: &str) -> String {
    let replaced: String = text
        .chars()
        .map(|c| match c {
            c if c.is_whitespace() || c.is_control() => ' ',
            '\u{2060}'..='\u{2064}' | '\u{200b}' => '\u{fffd}',
            c if steers(c) => '\u{fffd}',
            c => c,
        })
        .collect();
    replaced.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Text for markdown (CommonMark and GitHub tables): shown as it is, never as markup.
///
/// Only what could act as markup is escaped, so that `re74 == 0` and `smoke_intensity` stay readable in the raw file.
#[must_use]
pub fn markdown(text: &str) -> String {
    escape_line_start(markdown_inline(text))
}

/// The same for a place that is never the start of a line, such as a table cell.
#[must_use]
pub fn markdown_inline(text: &str) -> String {
    let line = one_line(text);
    match quoted(&line) {
        Some(parts) => {
            parts.iter().map(|(part, code)| if *code { markdown_code(part) } else { escaped(part) }).collect()
        }
        None => escaped(&line),
    }
}

/// Parts of a text with names in backticks, as our own messages quote them: (part, whether it is quoted). Code spans are
/// inert in every format. `None` if the backticks are not pairs around something.
pub(crate) fn quoted(line: &str) -> Option<Vec<(&str, bool)>> {
    let parts: Vec<&str> = line.split('`').collect();
    let paired = parts.len() > 2 && parts.len() % 2 == 1;
    let filled = parts.iter().skip(1).step_by(2).all(|part| !part.trim().is_empty());
    // Two quotations side by side would run together.
    let apart = parts.iter().step_by(2).skip(1).take((parts.len() / 2).saturating_sub(1)).all(|part| !part.is_empty());
    (paired && filled && apart).then(|| parts.iter().enumerate().map(|(i, p)| (*p, i % 2 == 1)).collect())
}

/// A piece of a line for markdown; [`markdown`] for the start of one.
pub(crate) fn escaped(line: &str) -> String {
    let chars: Vec<char> = line.chars().collect();
    let mut out = String::with_capacity(line.len());
    for (i, c) in chars.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|j| chars.get(j));
        let after = chars.get(i + 1);
        if acts_as_markup(*c, before, after) {
            out.push('\\');
        }
        out.push(*c);
    }
    out
}

fn acts_as_markup(c: char, before: Option<&char>, after: Option<&char>) -> bool {
    let inside_word = before.is_some_and(|b| b.is_alphanumeric()) && after.is_some_and(|a| a.is_alphanumeric());
    let between_spaces = before == Some(&' ') && after == Some(&' ');
    match c {
        '\\' | '`' | '|' | '~' | '$' => true,
        // A link or a definition needs its bracket closed right before one of these; an interval does not.
        ']' => after.is_some_and(|a| matches!(a, '(' | '[' | ':')),
        '_' => !inside_word,
        '*' => !between_spaces,
        '<' => !after.is_none_or(|a| *a == ' ' || a.is_ascii_digit() || *a == '='),
        '&' => after.is_some_and(|a| a.is_alphanumeric() || *a == '#'),
        _ => false,
    }
}

/// Headings, lists, quotes and rules begin a line; a backslash before their mark turns them into text.
pub(crate) fn escape_line_start(line: String) -> String {
    let digits = line.chars().take_while(char::is_ascii_digit).count();
    let (number, rest) = line.split_at(digits);
    let after = rest.strip_prefix(['.', ')']);
    if digits > 0 && after.is_some_and(|after| after.is_empty() || after.starts_with(' ')) {
        return format!("{number}\\{rest}");
    }
    if line.starts_with(['#', '>', '+', '-', '=', '[']) { format!("\\{line}") } else { line }
}

/// Text for the brackets of a markdown image: with parentheses for brackets, which could close it.
#[must_use]
pub fn markdown_alternative(text: &str) -> String {
    markdown(&text.replace('[', "(").replace(']', ")"))
}

/// A markdown code span that holds any text; pipes are escaped because it may stand in a table.
#[must_use]
pub fn markdown_code(text: &str) -> String {
    let line = one_line(text);
    if line.is_empty() {
        return String::new();
    }
    // A backslash before a pipe would take the pipe's own backslash for itself, and the pipe would end a table cell.
    if line.contains("\\|") {
        return escaped(&line);
    }
    let longest = line.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if line.starts_with('`') || line.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{}{pad}{fence}", line.replace('|', "\\|"))
}

/// Text as a shell takes it for one word: in quotes where it needs them.
#[must_use]
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+@%=:,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// Text for HTML and XML, in content and in quoted attributes.
#[must_use]
pub fn html(text: &str) -> String {
    html_spaced(&one_line(text))
}

/// A piece of a line, whose spaces at the ends count.
fn html_spaced(piece: &str) -> String {
    let mut out = String::with_capacity(piece.len());
    for c in piece.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Text for HTML content, with names in backticks set as code.
#[must_use]
pub fn html_prose(text: &str) -> String {
    let line = one_line(text);
    match quoted(&line) {
        None => html(&line),
        Some(parts) => {
            let set = |(part, code): &(&str, bool)| {
                let inner = html_spaced(part);
                if *code { format!("<code>{inner}</code>") } else { inner }
            };
            parts.iter().map(set).collect()
        }
    }
}

/// Lines for an HTML `pre`, each made safe.
#[must_use]
pub fn html_lines(lines: &[String]) -> String {
    lines.iter().map(|line| html(line)).collect::<Vec<_>>().join("\n")
}

/// At most `limit` characters, with an ellipsis in the middle: the ends of a name tell it from its neighbours.
#[must_use]
pub fn shortened(text: &str, limit: usize) -> String {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= limit {
        return text.to_owned();
    }
    let kept = limit.saturating_sub(1);
    let head = kept.div_ceil(2);
    let tail = kept - head;
    let start: String = chars.iter().take(head).collect();
    let end: String = chars.iter().skip(chars.len() - tail).collect();
    format!("{}…{}", start.trim_end(), end.trim_start())
}

#[cfg(test)]
mod tests {
    use crate::text::escape::*;
    use proptest::prelude::*;

    #[test]
    fn markdown_leaves_ordinary_names_alone() {
        for plain in [
            "re74 == 0",
            "smoke_intensity",
            "educ * re74",
            "age^2",
            "e < 0.1 or e > 0.9",
            "R & D",
            "kg/m²",
            "3.44 [2.49, 4.40]",
        ] {
            assert_eq!(markdown(plain), plain);
        }
    }

    #[test]
    fn markdown_defuses_markup() {
        for (text, expected) in [
            ("a|b", "a\\|b"),
            ("x\n\n# owned", "x # owned"),
            ("# owned", "\\# owned"),
            ("1. first", "1\\. first"),
            ("12.8 % of", "12.8 % of"),
            ("`a` b", "`a` b"),
            ("<script>alert(1)</script>", "\\<script>alert(1)\\</script>"),
            ("see [x](javascript:1)", "see [x\\](javascript:1)"),
            ("[x]: http://a", "\\[x\\]: http://a"),
            ("[ ] done", "\\[ ] done"),
            ("*bold* _it_ `c ~~s~~ $m$", "\\*bold\\* \\_it\\_ \\`c \\~\\~s\\~\\~ \\$m\\$"),
            ("by `a|b` and `c`.", "by `a\\|b` and `c`."),
            ("by `<b>` *x*", "by `<b>` \\*x\\*"),
            ("`` x", "\\`\\` x"),
            ("&lt;", "\\&lt;"),
            ("\u{202e}txet", "\u{fffd}txet"),
        ] {
            assert_eq!(markdown(text), expected, "{text}");
        }
    }

    #[test]
    fn code_spans_hold_backticks_and_pipes() {
        assert_eq!(markdown_code("a`b|c"), "``a`b\\|c``");
        assert_eq!(markdown_code("`"), "`` ` ``");
        assert_eq!(markdown_code("a\\|b"), "a\\\\\\|b", "no code span can hold it");
        assert_eq!(markdown("by `\\|`"), "by \\\\\\|");
    }

    #[test]
    fn html_is_inert() {
        assert_eq!(html_prose("by `<b>` & `c`"), "by <code>&lt;b&gt;</code> &amp; <code>c</code>");
        assert_eq!(html("<a href=\"x\" o='y'>&"), "&lt;a href=&quot;x&quot; o=&#39;y&#39;&gt;&amp;");
    }

    proptest! {
        #[test]
        fn shortened_keeps_both_ends(text in "[a-z]{0,60}", limit in 3usize..30) {
            let short = shortened(&text, limit);
            prop_assert!(short.chars().count() <= limit);
            prop_assert_eq!(short.chars().next(), text.chars().next());
            prop_assert_eq!(short.chars().last(), text.chars().last());
        }

        #[test]
        fn nothing_breaks_out_of_a_table_cell(text in "\\PC{0,30}|[\\x00-\\x7f]{0,30}") {
            let cell = markdown(&text);
            prop_assert!(!cell.contains('\n') && !cell.contains('\r'));
            let mut escaped = false;
            for c in cell.chars() {
                prop_assert!(escaped || c != '|');
                escaped = c == '\\' && !escaped;
            }
        }
    }
}
