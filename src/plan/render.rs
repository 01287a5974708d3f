//! Problems as a person reads them: snippet, caret, help.

use super::{Place, Problem};
use crate::text::escape::one_line;
use crate::text::object_address::without_secrets;
use crate::text::untrusted::visible;
use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, Severity, SourceCode, SourceSpan,
    ThemeCharacters, ThemeStyles,
};
use std::fmt::{Display, Formatter, Write};

/// All problems of one plan: each with its file, line and column, the line itself, a caret and a hint; and a closing
/// line that counts them. Without `color` it is plain text.
///
/// `name` is the file as the reader knows it, `source` its text, `width` the columns of the terminal. Whatever would steer a
/// terminal in any of them is shown as `�`, so that all escape sequences in the answer are ours.
#[must_use]
pub fn render_problems(name: &str, source: &str, problems: &[Problem], color: bool, width: usize) -> String {
    let styles = if color { ThemeStyles::ansi() } else { ThemeStyles::none() };
    let theme = GraphicalTheme { characters: ThemeCharacters::unicode(), styles };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(width.max(40))
        .with_context_lines(1)
        .with_links(false)
        .without_syntax_highlighting()
        .with_break_words(false);
    let name = &one_line(name);
    // Of an address that was refused for its password, too.
    let source = &without_secrets(source);
    let named = NamedSource::new(name, visible(source));
    let mut out = String::new();
    for problem in problems {
        let place = problem.place.filter(|place| fits(source, *place));
        let problem = &cleaned(problem);
        let shown = Shown { problem, source: &named, span: place.map(|place| span(place, source)), name };
        let mut text = String::new();
        // The handler fails on a span outside the text only; then the plain sentence must do.
        if handler.render_report(&mut text, &shown).is_err() {
            text = format!("  × {shown}\n  help: {}\n", problem.hint);
        }
        let _ = writeln!(out, "{}", text.trim_end().trim_start_matches('\n'));
        out.push('\n');
    }
    let _ = writeln!(out, "{}", closing(name, problems.len()));
    out
}

fn closing(name: &str, count: usize) -> String {
    match count {
        0 => format!("No problem in {name}."),
        1 => format!("1 problem in {name}."),
        _ => format!("{count} problems in {name}."),
    }
}

/// True if the line and its neighbours are short enough to be shown; a file that is one line of a megabyte is not.
fn fits(source: &str, place: Place) -> bool {
    const LONGEST: usize = 240;
    let around = source.lines().skip(place.line.saturating_sub(2)).take(3);
    around.map(str::len).all(|length| length <= LONGEST)
}

/// At least one character wide, and inside the text as it is shown.
fn span(place: Place, source: &str) -> SourceSpan {
    let shown = |end: usize| source.get(..end).map_or(end, |text| visible(text).len());
    let offset = place.offset.min(source.len());
    let end = (offset + place.length.max(1)).min(source.len());
    let start = shown(offset);
    (start, shown(end).saturating_sub(start)).into()
}

fn cleaned(problem: &Problem) -> Problem {
    let Problem { place, path, message, hint } = problem;
    Problem { place: *place, path: visible(path), message: visible(message), hint: visible(hint) }
}

struct Shown<'a> {
    problem: &'a Problem,
    source: &'a NamedSource<String>,
    span: Option<SourceSpan>,
    name: &'a str,
}

impl std::fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        Display::fmt(self, f)
    }
}

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match (self.span, self.problem.place) {
            (Some(_), _) => f.write_str(&self.problem.message),
            (None, Some(at)) => write!(f, "{}:{}:{}: {}", self.name, at.line, at.column, self.problem.message),
            (None, None) => write!(f, "{}: {}", self.name, self.problem.message),
        }
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn severity(&self) -> Option<Severity> {
        Some(Severity::Error)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        (!self.problem.hint.is_empty()).then(|| Box::new(&self.problem.hint) as Box<dyn Display + 'a>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.span.map(|_| self.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.span?;
        let said = self.problem.path.is_empty() || self.problem.message.contains(&format!("`{}`", self.problem.path));
        let path = (!said).then(|| super::reader::shown(&self.problem.path));
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(path, span))))
    }
}
