//! YAML text to a tree in which every node knows its place.
//!
//! The events of `saphyr-parser` are collected with an explicit stack, so depth is bounded by [`DEEPEST`] and not by the
//! thread's stack; anchors and aliases are refused, so a file never expands; scalars stay text (`no`, `1` and `1.0` mean
//! what is written); mappings keep their order and their repeated keys, so that all repeats can be reported.

use crate::plan::{Place, Problem};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput};

/// A plan needs four levels.
const DEEPEST: usize = 12;
/// Keys and values; a long plan has a few hundred. Bounds the time and memory that a hostile file can take.
const MOST_VALUES: usize = 20_000;
/// After so many problems of this kind the file is something else than a plan.
const MOST: usize = 20;

/// A YAML value and where it stands.
#[derive(Debug)]
pub(super) struct Node {
    pub place: Place,
    /// Byte offset behind it; that of a block may lie behind blanks and comments.
    pub end: usize,
    pub kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// Any scalar, as text; `plain` if it has no quotes and is not a block.
    Scalar {
        text: String,
        plain: bool,
    },
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

#[derive(Debug)]
pub(super) struct Entry {
    pub key: String,
    pub place: Place,
    pub value: Node,
}

impl Node {
    /// Nothing, `~` or `null`: the same as a key that is not written.
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// As JSON: what has no quotes and reads as a number, a flag or nothing is one.
    pub fn as_json(&self) -> serde_json::Value {
        use serde_json::Value;
        match &self.kind {
            Kind::Scalar { .. } if self.is_null() => Value::Null,
            Kind::Scalar { text, plain: true } => {
                let parsed = serde_json::from_str::<Value>(text).ok();
                parsed.filter(|value| value.is_number() || value.is_boolean()).unwrap_or_else(|| text.clone().into())
            }
            Kind::Scalar { text, .. } => text.clone().into(),
            Kind::Sequence(items) => items.iter().map(Node::as_json).collect(),
            Kind::Mapping(entries) => {
                Value::Object(entries.iter().map(|entry| (entry.key.clone(), entry.value.as_json())).collect())
            }
        }
    }

    /// Its kind, for a message.
    pub fn noun(&self) -> &'static str {
        match self.kind {
            Kind::Scalar { .. } if self.is_null() => "nothing",
            Kind::Scalar { .. } => "a single value",
            Kind::Sequence(_) => "a list",
            Kind::Mapping(_) => "a mapping of keys to values",
        }
    }
}

/// The single document of `text`; `None` if there is none.
pub(super) fn load(text: &str) -> Result<Option<Node>, Vec<Problem>> {
    let mut builder = Builder::new(text);
    let mut parser: Parser<'_, StrInput<'_>> = Parser::new_from_str(text);
    while let Some(next) = parser.next_event() {
        let proceed = match next {
            Ok((event, span)) => builder.take(event, span),
            Err(error) => builder.scan_error(&error),
        };
        if !proceed || builder.problems.len() >= MOST {
            break;
        }
    }
    if builder.problems.is_empty() { Ok(builder.root) } else { Err(builder.problems) }
}

enum Frame {
    Sequence { start: Place, items: Vec<Node> },
    Mapping { start: Place, entries: Vec<Entry>, key: Option<(String, Place)> },
}

struct Builder<'a> {
    text: &'a str,
    /// Byte offset of every character, and of the end.
    offsets: Vec<usize>,
    /// Number of the first character of every line.
    lines: Vec<usize>,
    problems: Vec<Problem>,
    stack: Vec<Frame>,
    root: Option<Node>,
    documents: usize,
    values: usize,
}

impl<'a> Builder<'a> {
    fn new(text: &'a str) -> Self {
        let offsets = text.char_indices().map(|(offset, _)| offset).chain([text.len()]).collect();
        let after_breaks = text.chars().enumerate().filter(|(_, c)| *c == '\n').map(|(i, _)| i + 1);
        let lines = std::iter::once(0).chain(after_breaks).collect();
        Builder { text, offsets, lines, problems: Vec::new(), stack: Vec::new(), root: None, documents: 0, values: 0 }
    }

    fn offset(&self, marker: Marker) -> usize {
        self.offsets.get(marker.index()).copied().unwrap_or(self.text.len())
    }

    /// A place never reaches past its first line, so that a snippet stays a snippet. Line and column are counted from
    /// the offset: at the end of a file the parser's own run ahead of it.
    fn place(&self, span: Span) -> Place {
        let character = span.start.index().min(self.offsets.len().saturating_sub(1));
        let line = self.lines.partition_point(|first| *first <= character).max(1);
        let first = self.lines.get(line - 1).copied().unwrap_or(0);
        let offset = self.offset(span.start);
        let end = self.offset(span.end).max(offset);
        let written = self.text.get(offset..end).unwrap_or("");
        let length = written.lines().next().unwrap_or("").trim_end().len();
        Place { line, column: character - first + 1, offset, length }
    }

    fn problem(&mut self, place: Place, message: String, hint: &str) {
        self.problems.push(Problem { place: Some(place), path: String::new(), message, hint: hint.to_owned() });
    }

    fn scan_error(&mut self, error: &ScanError) -> bool {
        let mut place = self.place(Span::empty(*error.marker()));
        let rest = self.text.get(place.offset..).unwrap_or("");
        let hint = scan_hint(error.info(), rest);
        if rest.trim().is_empty() {
            place = self.last_character();
        }
        self.problem(place, format!("this is not YAML: {}", error.info()), hint);
        false
    }

    /// At the end of the file there is nothing to point at but what was last written.
    fn last_character(&self) -> Place {
        let last = self.text.trim_end().chars().count().saturating_sub(1);
        let at = |index| Marker::new(index, 0, 0);
        self.place(Span::new(at(last), at(last + 1)))
    }

    /// Takes one event; `false` if reading on makes no sense.
    fn take(&mut self, event: Event<'_>, span: Span) -> bool {
        let (place, end) = (self.place(span), self.offset(span.end));
        self.values += 1;
        if self.values > MOST_VALUES {
            self.problem(
                place,
                format!("the file has more than {MOST_VALUES} keys and values"),
                "A plan is a page of text; was a data file named in its place?",
            );
            return false;
        }
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => true,
            Event::DocumentStart(_) => self.document(place),
            Event::Alias(_) => {
                self.problem(
                    place,
                    "an alias (`*name`) stands here".to_owned(),
                    "Plans are read without YAML aliases; write the value out.",
                );
                // Something has to stand here, or the next key would be taken for the value.
                self.scalar(String::new(), false, (place, end))
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_markers(place, anchor > 0, tag.is_some());
                self.scalar(text.into_owned(), style == ScalarStyle::Plain, (place, end))
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_markers(place, anchor > 0, tag.is_some());
                self.open(Frame::Sequence { start: place, items: Vec::new() }, place)
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_markers(place, anchor > 0, tag.is_some());
                self.open(Frame::Mapping { start: place, entries: Vec::new(), key: None }, place)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(end),
        }
    }

    fn document(&mut self, place: Place) -> bool {
        self.documents += 1;
        if self.documents > 1 {
            self.problem(
                place,
                "a second YAML document starts here".to_owned(),
                "A plan is one document; remove the `---` and what follows, or put it into a file of its own.",
            );
        }
        self.documents == 1
    }

    fn refuse_markers(&mut self, place: Place, anchor: bool, tag: bool) {
        if anchor {
            self.problem(
                place,
                "an anchor (`&name`) stands here".to_owned(),
                "Plans are read without YAML anchors; write the value out where it is needed.",
            );
        }
        if tag {
            self.problem(
                place,
                "a YAML tag (`!…`) stands here".to_owned(),
                "Plans need no tags; every value is read as what its key needs. Remove the tag.",
            );
        }
    }

    fn open(&mut self, frame: Frame, place: Place) -> bool {
        if let Some(Frame::Mapping { key: None, .. }) = self.stack.last() {
            self.problem(
                place,
                "a key of a mapping is itself a list or a mapping".to_owned(),
                "Keys are plain words. If this was meant as text, put it in quotes.",
            );
            return false;
        }
        if self.stack.len() >= DEEPEST {
            self.problem(
                place,
                format!("values are nested more than {DEEPEST} levels deep"),
                "A plan needs four levels at most; see `oci-agent init` for its shape.",
            );
            return false;
        }
        self.stack.push(frame);
        true
    }

    fn close(&mut self, end: usize) -> bool {
        let node = match self.stack.pop() {
            Some(Frame::Sequence { start, items }) => Node { place: start, end, kind: Kind::Sequence(items) },
            Some(Frame::Mapping { start, entries, .. }) => Node { place: start, end, kind: Kind::Mapping(entries) },
            None => return false,
        };
        self.put(node);
        true
    }

    fn scalar(&mut self, text: String, plain: bool, at: (Place, usize)) -> bool {
        let (place, end) = at;
        if let Some(Frame::Mapping { key: key @ None, .. }) = self.stack.last_mut() {
            *key = Some((text, place));
        } else {
            self.put(Node { place, end, kind: Kind::Scalar { text, plain } });
        }
        true
    }

    fn put(&mut self, node: Node) {
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some(Frame::Sequence { items, .. }) => items.push(node),
            Some(Frame::Mapping { entries, key, .. }) => {
                if let Some((key, place)) = key.take() {
                    entries.push(Entry { key, place, value: node });
                }
            }
        }
    }
}

/// The scanner speaks to people who write scanners.
fn scan_hint(info: &str, rest: &str) -> &'static str {
    if rest.starts_with('\t') || info.contains("tab") {
        "Indent with spaces; YAML does not allow tabs there."
    } else if info.contains("mapping values are not allowed") {
        "A value that contains `: ` must be in quotes, and the keys of one section must start in the same column."
    } else if rest.starts_with(['%', '@', '`']) {
        "A value that starts with this character must be in quotes."
    } else if info.contains("quot") {
        "Look for a quotation mark that is opened and not closed."
    } else if info.contains("simple key") || info.contains("expected ':'") || info.contains("expected <block end>") {
        "Look for a missing `:` after a key, or for indentation that does not line up with the lines above."
    } else {
        "Look at the indentation, at quotes and brackets that are not closed, and at a `:` without a space after it."
    }
}
