//! The attributes that say something about the graph. All others are about its looks.

use crate::graph::builder::Marks;
use crate::graph::problem::{GraphProblem, ProblemKind};
use crate::graph::read::tokens::{Token, Tokens};

/// Where DOT's `dir` puts arrow heads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dir {
    Forward,
    Back,
    Both,
    Neither,
}

/// What a list of attributes says.
#[derive(Debug, Clone, Default)]
pub(super) struct Attributes {
    pub(super) latent: Option<bool>,
    pub(super) selected: Option<bool>,
    pub(super) dir: Option<Dir>,
    /// A mark of nodes, as written, and its line.
    pub(super) mark: Option<(String, usize)>,
}

impl Attributes {
    /// Reads `[...]` as often as it comes.
    pub(super) fn read(&mut self, tokens: &mut Tokens<'_>) -> Result<(), GraphProblem> {
        while tokens.take_sign('[')? {
            self.read_list(tokens)?;
        }
        Ok(())
    }

    /// The same when the first bracket has been read.
    pub(super) fn read_list_then_more(&mut self, tokens: &mut Tokens<'_>) -> Result<(), GraphProblem> {
        self.read_list(tokens)?;
        self.read(tokens)
    }

    /// Marks a node.
    pub(super) fn apply(&self, marks: &mut Marks) {
        marks.latent = self.latent.unwrap_or(marks.latent);
        marks.selected = self.selected.unwrap_or(marks.selected);
    }

    fn read_list(&mut self, tokens: &mut Tokens<'_>) -> Result<(), GraphProblem> {
        loop {
            let (token, line) = tokens.next()?;
            let key = match token {
                Token::Sign(']') => return Ok(()),
                Token::Sign(',' | ';') => continue,
                Token::Name { text, .. } => text,
                other => {
                    let kind = ProblemKind::Syntax { expected: "an attribute or `]`", found: other.shown() };
                    return Err(GraphProblem { line: Some(line), kind });
                }
            };
            let value = if tokens.take_sign('=')? { Some(value(tokens)?) } else { None };
            self.note(&key, value.as_deref(), line)?;
        }
    }

    fn note(&mut self, key: &str, value: Option<&str>, line: usize) -> Result<(), GraphProblem> {
        let bare = value.is_none();
        match key.to_lowercase().as_str() {
            "latent" | "unobserved" => self.latent = Some(yes(key, value, line)?),
            // dagitty's short forms, which have no value.
            "l" | "u" if bare => self.latent = Some(true),
            "s" if bare => self.selected = Some(true),
            // DoWhy's own mark.
            "observed" => self.latent = Some(!yes(key, value, line)?),
            "selected" => self.selected = Some(yes(key, value, line)?),
            "dir" => self.dir = dir(value),
            _ => return Ok(()),
        }
        if key.to_lowercase() != "dir" {
            self.mark = Some((key.to_owned(), line));
        }
        Ok(())
    }
}

/// The value of an attribute; empty for an HTML text.
pub(super) fn value(tokens: &mut Tokens<'_>) -> Result<String, GraphProblem> {
    match tokens.next()? {
        (Token::Name { text, .. }, _) => Ok(text),
        (Token::Html, _) => Ok(String::new()),
        (other, line) => {
            let kind = ProblemKind::Syntax { expected: "a value after `=`", found: other.shown() };
            Err(GraphProblem { line: Some(line), kind })
        }
    }
}

fn yes(mark: &str, value: Option<&str>, line: usize) -> Result<bool, GraphProblem> {
    match value.map(|value| value.trim().to_lowercase()).as_deref() {
        None | Some("true" | "yes" | "1") => Ok(true),
        Some("false" | "no" | "0") => Ok(false),
        Some(other) => {
            let value = other.chars().take(40).collect();
            Err(GraphProblem { line: Some(line), kind: ProblemKind::UnclearMark { mark: mark.to_owned(), value } })
        }
    }
}

fn dir(value: Option<&str>) -> Option<Dir> {
    match value {
        Some("forward") => Some(Dir::Forward),
        Some("back") => Some(Dir::Back),
        Some("both") => Some(Dir::Both),
        Some("none") => Some(Dir::Neither),
        _ => None,
    }
}
