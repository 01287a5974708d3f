//! Server-sent events, from bytes as they arrive.
//!
//! The rules are those of the HTML standard, section 9.2.6: lines end in LF, CR or CRLF; `event:` and `data:` are fields,
//! several `data:` lines are joined by LF; a line that begins with a colon is a comment; an empty line ends an event; one
//! byte-order mark may come first. Three things differ, on purpose: an event that the end of the stream cuts off after a
//! complete `data:` line counts, since servers forget the last empty line; `id` and `retry` are ignored, since nothing is
//! resumed; and sizes are bounded.
//!
//! It is written here because the parsers that were looked at end the stream at invalid UTF-8 or hold a line of any length.

/// Bytes that one event may have.
pub const LONGEST_EVENT: usize = 4 * 1024 * 1024;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// The `event` field; empty if there was none.
    pub name: String,
    /// The `data` lines, joined by LF. Invalid UTF-8 is replaced by U+FFFD.
    pub data: String,
}

/// An event longer than [`LONGEST_EVENT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("one event of the answer is longer than {} MiB", LONGEST_EVENT / 1024 / 1024)]
pub struct TooLong;

/// The parser. Bytes may be cut anywhere.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    event: Event,
    has_data: bool,
    /// Bytes of the event so far, comments included.
    size: usize,
    /// The last byte was a CR, whose LF may follow.
    after_cr: bool,
    /// A line was seen, so that a byte-order mark can no longer come.
    begun: bool,
}

impl Parser {
    /// Takes bytes and returns the events that they complete.
    ///
    /// # Errors
    /// [`TooLong`]; memory stays bounded.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event>, TooLong> {
        let mut events = Vec::new();
        for piece in bytes.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            let Some((end, text)) = piece.split_last() else { continue };
            let was_cr = std::mem::take(&mut self.after_cr);
            match end {
                b'\n' if was_cr && text.is_empty() => {}
                b'\n' | b'\r' => {
                    self.after_cr = *end == b'\r';
                    self.extend(text)?;
                    events.extend(self.end_of_line());
                }
                _ => self.extend(piece)?,
            }
        }
        Ok(events)
    }

    /// The stream has ended: an event whose empty line never came.
    pub fn finish(&mut self) -> Option<Event> {
        if !self.line.is_empty() {
            self.end_of_line();
        }
        self.dispatch()
    }

    fn extend(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        self.size = self.size.saturating_add(bytes.len());
        if self.size > LONGEST_EVENT {
            // The memory goes back at once; nobody reads on after this.
            self.line = Vec::new();
            self.event = Event::default();
            return Err(TooLong);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_of_line(&mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        let first = !std::mem::replace(&mut self.begun, true);
        let bytes = if first { line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&line) } else { &line };
        if bytes.is_empty() {
            return self.dispatch();
        }
        let text = String::from_utf8_lossy(bytes);
        let (field, value) = text.split_once(':').unwrap_or((&text, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.name),
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            _ => {}
        }
        None
    }

    /// The event that is complete now; one without data is dropped.
    fn dispatch(&mut self) -> Option<Event> {
        self.size = 0;
        let event = std::mem::take(&mut self.event);
        std::mem::take(&mut self.has_data).then_some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event(name: &str, data: &str) -> Event {
        Event { name: name.to_owned(), data: data.to_owned() }
    }

    fn parse<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Event> {
        let mut parser = Parser::default();
        let mut events = Vec::new();
        for piece in pieces {
            events.extend(parser.push(piece).unwrap());
        }
        events.extend(parser.finish());
        events
    }

    const STREAM: &[u8] =
        "\u{feff}event: a\r\ndata: één\r\ndata:two\r\n\r\n: comment\n\ndata\n\nevent: b\rdata: \u{1f600}\r\r\
                           id: 7\nretry: 3\ndata: last"
            .as_bytes();

    fn expected() -> Vec<Event> {
        vec![event("a", "één\ntwo"), event("", ""), event("b", "\u{1f600}"), event("", "last")]
    }

    #[test]
    fn the_rules() {
        assert_eq!(parse([STREAM]), expected());
    }

    #[test]
    fn a_cut_at_any_byte_changes_nothing() {
        for cut in 0..=STREAM.len() {
            let (head, tail) = STREAM.split_at(cut);
            assert_eq!(parse([head, tail]), expected(), "cut at {cut}");
        }
        assert_eq!(parse(STREAM.chunks(1)), expected());
    }

    #[test]
    fn invalid_utf8_is_replaced() {
        assert_eq!(parse([b"data: a\xff\xc3\n\n".as_slice()]), [event("", "a\u{fffd}\u{fffd}")]);
    }

    #[test]
    fn an_endless_event_is_refused() {
        let piece = vec![b'x'; 1024 * 1024];
        for line in [false, true] {
            let mut parser = Parser::default();
            let mut sent = 0;
            let refused = loop {
                let result = parser.push(&piece).and_then(|_| parser.push(if line { b"\ndata: " } else { b"" }));
                sent += 1;
                if let Err(error) = result {
                    break error;
                }
                assert!(sent < 6, "never refused");
            };
            assert_eq!(refused.to_string(), "one event of the answer is longer than 4 MiB");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_cut_anywhere(
            bytes in prop::collection::vec(prop_oneof![
                3 => prop::sample::select(b"data: event\n\r".to_vec()), 1 => any::<u8>()
            ], 0..200),
            sizes in prop::collection::vec(1usize..9, 1..60),
        ) {
            let mut pieces = Vec::new();
            let mut rest = bytes.as_slice();
            for size in sizes {
                let (head, tail) = rest.split_at(size.min(rest.len()));
                pieces.push(head);
                rest = tail;
            }
            pieces.push(rest);
            prop_assert_eq!(parse(pieces), parse([bytes.as_slice()]));
        }
    }
}
