//! Text for a terminal, which obeys what it reads.
//!
//! A [`TerminalText`] holds our own colours and nothing else that steers: its pieces are cleaned when they are added, and
//! colours can be added by name only. What prints takes no other type, so no string of others can reach a terminal as it is.

use crate::text::untrusted;

/// Our colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// For titles.
    Bold,
    /// For what matters less.
    Dim,
    /// For what is well.
    Green,
    /// For what to look at.
    Yellow,
    /// For what is not well.
    Red,
    /// Before an error.
    Error,
    /// Before a hint.
    Hint,
}

impl Style {
    fn code(self) -> &'static str {
        match self {
            Style::Bold => "1",
            Style::Dim => "2",
            Style::Green => "32",
            Style::Yellow => "33",
            Style::Red => "31",
            Style::Error => "1;31",
            Style::Hint => "1;36",
        }
    }
}

/// Text that can be printed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TerminalText(String);

impl TerminalText {
    /// Text of anybody: see [`untrusted::visible`].
    #[must_use]
    pub fn plain(text: &str) -> TerminalText {
        TerminalText(untrusted::visible(text))
    }

    /// The same in a colour, if `color` is on.
    #[must_use]
    pub fn painted(text: &str, style: Style, color: bool) -> TerminalText {
        let text = untrusted::visible(text);
        TerminalText(if color { format!("\u{1b}[{}m{text}\u{1b}[0m", style.code()) } else { text })
    }

    /// JSON, whose strings keep their values: see [`untrusted::json`].
    #[must_use]
    pub fn json(written: &str) -> TerminalText {
        TerminalText(untrusted::json(written))
    }

    /// What a renderer of ours made of text that was cleaned before: codes of colour stay, all else is cleaned again.
    #[must_use]
    pub fn rendered(text: &str) -> TerminalText {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, from)) = rest.find('\u{1b}').map(|at| rest.split_at(at)) {
            out.push_str(&untrusted::visible(before));
            let length = color_code(from);
            let (code, after) = from.split_at(length.unwrap_or(1));
            out.push_str(if length.is_some() { code } else { "\u{fffd}" });
            rest = after;
        }
        out.push_str(&untrusted::visible(rest));
        TerminalText(out)
    }

    /// Adds more.
    #[must_use]
    pub fn and(mut self, more: impl Into<TerminalText>) -> TerminalText {
        self.0.push_str(&more.into().0);
        self
    }
}

/// The length of `ESC [ digits ; … m` at the head of a text.
fn color_code(text: &str) -> Option<usize> {
    let inner = text.strip_prefix("\u{1b}[")?;
    let end = inner.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    inner.get(end..)?.starts_with('m').then_some(end + 3)
}

impl std::ops::Deref for TerminalText {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for TerminalText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for TerminalText {
    fn from(text: &str) -> TerminalText {
        TerminalText::plain(text)
    }
}

impl From<&String> for TerminalText {
    fn from(text: &String) -> TerminalText {
        TerminalText::plain(text)
    }
}

impl From<String> for TerminalText {
    fn from(text: String) -> TerminalText {
        TerminalText::plain(&text)
    }
}

#[cfg(test)]
mod tests {
    use crate::text::terminal::*;
    use proptest::prelude::*;

    const HOSTILE: &str = "a\u{1b}[31mb\u{1b}]0;title\u{7}\u{9b}2J\u{202e}c";

    #[test]
    fn our_colours_stay_and_those_of_others_do_not() {
        let text = TerminalText::painted(HOSTILE, Style::Bold, true).and(" ").and(HOSTILE);
        let clean = "a\u{fffd}[31mb\u{fffd}]0;title\u{fffd}\u{fffd}2J\u{fffd}c";
        assert_eq!(*text, format!("\u{1b}[1m{clean}\u{1b}[0m {clean}"));
        assert_eq!(&*TerminalText::painted("x", Style::Error, false), "x");
    }

    #[test]
    fn a_renderer_keeps_its_colours_only() {
        let rendered = TerminalText::rendered("\u{1b}[1;31mred\u{1b}[0m \u{1b}[2J\u{1b}]0;x\u{7}\u{1b}[\u{1b}");
        assert_eq!(&*rendered, "\u{1b}[1;31mred\u{1b}[0m \u{fffd}[2J\u{fffd}]0;x\u{fffd}\u{fffd}[\u{fffd}");
    }

    proptest! {
        #[test]
        fn nothing_else_gets_through(text in "(\\PC|\u{1b}|\u{1b}\\[|[0-9;mJ]|\u{7}|\u{9b}|\u{202e}){0,40}") {
            prop_assert!(!TerminalText::plain(&text).chars().any(untrusted::steers));
            let codes = TerminalText::rendered(&text);
            for piece in codes.split('\u{1b}').skip(1) {
                let code = color_code(&["\u{1b}", piece].concat());
                prop_assert!(code.is_some());
            }
        }
    }
}
