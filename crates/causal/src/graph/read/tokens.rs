//! DOT and dagitty's language as tokens.

use crate::graph::problem::{GraphProblem, ProblemKind};
use std::iter::Peekable;
use std::str::CharIndices;

/// An edge as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EdgeSign {
    /// `->`
    Forward,
    /// `<-`
    Back,
    /// `<->`
    Both,
    /// `--`, and those with an end that is not known (`@->`), as written.
    Undecided(&'static str),
}

/// A word or a sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Name {
        text: String,
        quoted: bool,
    },
    /// `<...>`; its text is never asked for.
    Html,
    Sign(char),
    Edge(EdgeSign),
    End,
}

impl Token {
    /// As a message quotes it.
    pub(super) fn shown(&self) -> String {
        match self {
            Token::Name { text, .. } => {
                let short: String = text.chars().take(40).collect();
                format!("`{short}{}`", if short.len() < text.len() { "…" } else { "" })
            }
            Token::Html => "an HTML text".to_owned(),
            Token::Sign(sign) => format!("`{sign}`"),
            Token::Edge(EdgeSign::Forward) => "`->`".to_owned(),
            Token::Edge(EdgeSign::Back) => "`<-`".to_owned(),
            Token::Edge(EdgeSign::Both) => "`<->`".to_owned(),
            Token::Edge(EdgeSign::Undecided(sign)) => format!("`{sign}`"),
            Token::End => "the end of the text".to_owned(),
        }
    }
}

/// The signs for edges, the longer before what they begin with.
const EDGES: [(&str, EdgeSign); 9] = [
    ("<->", EdgeSign::Both),
    ("<-@", EdgeSign::Undecided("<-@")),
    ("<-", EdgeSign::Back),
    ("->", EdgeSign::Forward),
    ("--@", EdgeSign::Undecided("--@")),
    ("--", EdgeSign::Undecided("--")),
    ("@->", EdgeSign::Undecided("@->")),
    ("@-@", EdgeSign::Undecided("@-@")),
    ("@--", EdgeSign::Undecided("@--")),
];

/// The tokens of a text, one after the other.
pub(super) struct Tokens<'a> {
    text: &'a str,
    rest: Peekable<CharIndices<'a>>,
    line: usize,
    /// Only white space since the line began.
    line_start: bool,
    ahead: Option<(Token, usize)>,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self { text, rest: text.char_indices().peekable(), line: 1, line_start: true, ahead: None }
    }

    /// The next token and its line.
    pub(super) fn next(&mut self) -> Result<(Token, usize), GraphProblem> {
        match self.ahead.take() {
            Some(ahead) => Ok(ahead),
            None => self.read(),
        }
    }

    /// The next token, which stays.
    pub(super) fn peek(&mut self) -> Result<&Token, GraphProblem> {
        let ahead = self.next()?;
        Ok(&self.ahead.insert(ahead).0)
    }

    /// True, and past it, if the next token is that sign.
    pub(super) fn take_sign(&mut self, sign: char) -> Result<bool, GraphProblem> {
        let there = *self.peek()? == Token::Sign(sign);
        if there {
            self.ahead = None;
        }
        Ok(there)
    }

    fn left(&mut self) -> &'a str {
        let at = self.rest.peek().map_or(self.text.len(), |(at, _)| *at);
        &self.text[at..]
    }

    fn bump(&mut self) -> Option<char> {
        let (_, c) = self.rest.next()?;
        if c == '\n' {
            self.line += 1;
            self.line_start = true;
        } else if !c.is_whitespace() {
            self.line_start = false;
        }
        Some(c)
    }

    fn bump_by(&mut self, chars: usize) {
        for _ in 0..chars {
            self.bump();
        }
    }

    fn unclosed(line: usize, what: &'static str) -> GraphProblem {
        GraphProblem { line: Some(line), kind: ProblemKind::Unclosed(what) }
    }

    fn read(&mut self) -> Result<(Token, usize), GraphProblem> {
        self.skip_blank()?;
        let line = self.line;
        let left = self.left();
        let Some(c) = left.chars().next() else { return Ok((Token::End, line)) };
        if let Some((written, edge)) = EDGES.iter().find(|edge| left.starts_with(edge.0)) {
            self.bump_by(written.chars().count());
            return Ok((Token::Edge(*edge), line));
        }
        let token = match c {
            '"' => self.quoted(line)?,
            '<' => self.html(line)?,
            '{' | '}' | '[' | ']' | '=' | ',' | ';' | ':' => {
                self.bump();
                Token::Sign(c)
            }
            c if in_name(c) || c == '-' && left[1..].starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
                self.bump();
                let mut text = String::from(c);
                while let Some(c) = self.rest.peek().map(|next| next.1).filter(|c| in_name(*c)) {
                    text.push(c);
                    self.bump();
                }
                Token::Name { text, quoted: false }
            }
            c => {
                let found = Token::Sign(c).shown();
                return Err(GraphProblem {
                    line: Some(line),
                    kind: ProblemKind::Syntax { expected: "a name or an arrow", found },
                });
            }
        };
        Ok((token, line))
    }

    fn skip_blank(&mut self) -> Result<(), GraphProblem> {
        loop {
            let left = self.left();
            let line = self.line;
            if left.starts_with(char::is_whitespace) {
                self.bump();
            } else if left.starts_with("//") || self.line_start && left.starts_with('#') {
                while self.rest.peek().is_some_and(|next| next.1 != '\n') {
                    self.bump();
                }
            } else if left.starts_with("/*") {
                self.bump_by(2);
                while !self.left().starts_with("*/") {
                    self.bump().ok_or_else(|| Self::unclosed(line, "a comment"))?;
                }
                self.bump_by(2);
            } else {
                return Ok(());
            }
        }
    }

    /// `"..."`, and `"..." + "..."`. The only escapes of DOT are `\"` and a line break.
    fn quoted(&mut self, line: usize) -> Result<Token, GraphProblem> {
        let mut text = String::new();
        loop {
            self.bump();
            loop {
                match self.bump().ok_or_else(|| Self::unclosed(line, "a quoted name"))? {
                    '"' => break,
                    '\\' => match self.rest.peek().map(|next| next.1) {
                        Some('"') => text.extend(self.bump()),
                        Some('\n') => self.bump_by(1),
                        _ => text.push('\\'),
                    },
                    c => text.push(c),
                }
            }
            self.skip_blank()?;
            if !self.left().starts_with('+') {
                return Ok(Token::Name { text, quoted: true });
            }
            self.bump();
            self.skip_blank()?;
            if !self.left().starts_with('"') {
                let found = "`+` without a second quoted text".to_owned();
                return Err(GraphProblem {
                    line: Some(self.line),
                    kind: ProblemKind::Syntax { expected: "a quoted text", found },
                });
            }
        }
    }

    fn html(&mut self, line: usize) -> Result<Token, GraphProblem> {
        let mut open = 0_usize;
        loop {
            match self.bump().ok_or_else(|| Self::unclosed(line, "an HTML text (or a broken arrow)"))? {
                '<' => open += 1,
                '>' if open == 1 => return Ok(Token::Html),
                '>' => open -= 1,
                _ => {}
            }
        }
    }
}

/// Letters and digits of any script, `_`, and `.`, which R's names have. Arrows, dashes and quotation marks of a word processor
/// are no part of a name: `x → y` would otherwise be three nodes without an edge.
fn in_name(c: char) -> bool {
    let mark = !c.is_ascii() && !c.is_whitespace() && !c.is_control() && !matches!(c, '\u{2000}'..='\u{2bff}');
    c.is_alphanumeric() || matches!(c, '_' | '.') || mark
}
