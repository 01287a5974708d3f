//! One pass over the bytes of a CSV before polars reads it: fingerprint, encoding, quoting, row lengths, and which
//! columns hold nothing but plain numbers.
//!
//! polars reads fast but explains little, and forgives what an analysis must not forgive (short rows, stray quotes,
//! numbers that turn into text at row 90,000). This pass explains, with line numbers; and it decides the types from the
//! whole file, so that polars guesses nothing. Grammar: RFC 4180 with `,`, `;`, tab or `|` and `"`, line ends LF or CRLF,
//! UTF-8; a file in UTF-16 or Windows-1252 is decoded first.

use crate::dataset::error::DatasetError;
use crate::dataset::read::encoding::{self, Encoding, Utf8, refuse_binary, refuse_zero_bytes};
use crate::dataset::read::field_shape::Shape;
use crate::dataset::read::separator::separator;
use crate::dataset::read::source::DataFile;
use crate::input_file::{BLOCK, InputFile};
use crate::text::lists::{counted, quoted, short};
use crate::text::numbers::count;
use crate::text::sha256::Running;
use std::collections::HashMap;

/// The most columns of a CSV.
pub(crate) const MOST_COLUMNS: usize = 100_000;

/// The most bytes of one field: a quote that is never closed, or a line that never ends, is not gathered for ever.
const MOST_OF_A_FIELD: usize = 1 << 20;

/// The outcome of the pass.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) header: Vec<String>,
    pub(crate) rows: usize,
    /// Empty lines at the end of the file.
    pub(crate) blank_lines: usize,
    pub(crate) columns: Vec<Shape>,
    pub(crate) sha256: String,
    /// The text of the file, read this once: what is parsed is what the fingerprint is of.
    pub(crate) bytes: Vec<u8>,
    /// The mark between values.
    pub(crate) separator: u8,
    /// The encoding that the text was decoded from.
    pub(crate) encoding: Encoding,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    FieldStart,
    Unquoted,
    Quoted,
    AfterQuote,
    CarriageReturn,
}

struct Scanner<'a> {
    file: &'a str,
    separator: u8,
    state: State,
    field: Vec<u8>,
    field_quoted: bool,
    index: usize,
    line: usize,
    record_line: usize,
    /// Line of the first blank line; only allowed at the end.
    blank: Option<usize>,
    blank_lines: usize,
    header: Option<Vec<String>>,
    names: Vec<String>,
    columns: Vec<Shape>,
    rows: usize,
}

/// Reads the file, of at most `most` bytes, once.
pub(crate) fn scan(source: &DataFile, most: u64) -> Result<Scan, DatasetError> {
    let file = source.name.as_str();
    let mut input = source.open(most)?;
    let mut scanner = Scanner::new(file, b',');
    let mut digest = Running::default();
    let mut utf8 = Utf8::default();
    let mut bytes = Vec::new();
    let mut buffer = vec![0_u8; BLOCK];
    loop {
        let n = input.fill(&mut buffer)?;
        let block = buffer.get(..n).unwrap_or_default();
        if n == 0 {
            break;
        }
        digest.update(block);
        let first = bytes.is_empty();
        input.append(&mut bytes, block)?;
        if first {
            refuse_binary(file, block)?;
            if encoding::is_utf16(block) {
                let rest = Rest { input, digest, bytes };
                return rest.decoded(file, Encoding::Utf16, |bytes| encoding::from_utf16(file, bytes));
            }
            scanner.separator = separator(block);
        }
        if let Err(error) = utf8.check(block, scanner.line, file) {
            let rest = Rest { input, digest, bytes };
            return rest.decoded(file, Encoding::Windows1252, |bytes| encoding::from_windows_1252(bytes).ok_or(error));
        }
        refuse_zero_bytes(file, block, scanner.line)?;
        // After the fingerprint, which is of the file as it is.
        let mark = if first { b"\xEF\xBB\xBF".as_slice() } else { b"" };
        scanner.feed(block.strip_prefix(mark).unwrap_or(block))?;
    }
    if let Err(error) = utf8.end(scanner.line, file) {
        let rest = Rest { input, digest, bytes };
        return rest.decoded(file, Encoding::Windows1252, |bytes| encoding::from_windows_1252(bytes).ok_or(error));
    }
    scanner.end(Content { sha256: digest.finish_hex(), bytes, encoding: Encoding::Utf8 })
}

/// A file of which the bytes so far turned out not to be UTF-8.
struct Rest {
    input: InputFile,
    digest: Running,
    bytes: Vec<u8>,
}

impl Rest {
    /// Reads it to its end, decodes all of it, and scans the text from its start.
    fn decoded(
        mut self,
        file: &str,
        encoding: Encoding,
        decode: impl FnOnce(&[u8]) -> Result<Vec<u8>, DatasetError>,
    ) -> Result<Scan, DatasetError> {
        let mut buffer = vec![0_u8; BLOCK];
        loop {
            let n = self.input.fill(&mut buffer)?;
            let block = buffer.get(..n).unwrap_or_default();
            if n == 0 {
                break;
            }
            self.digest.update(block);
            self.input.append(&mut self.bytes, block)?;
        }
        let text = decode(&self.bytes)?;
        refuse_zero_bytes(file, &text, 1)?;
        let mut scanner = Scanner::new(file, separator(text.get(..BLOCK).unwrap_or(&text)));
        scanner.feed(&text)?;
        scanner.end(Content { sha256: self.digest.finish_hex(), bytes: text, encoding })
    }
}

/// The text of a whole file, and the fingerprint of its bytes.
struct Content {
    sha256: String,
    bytes: Vec<u8>,
    encoding: Encoding,
}

impl<'a> Scanner<'a> {
    fn new(file: &'a str, separator: u8) -> Self {
        Self {
            file,
            separator,
            state: State::FieldStart,
            field: Vec::new(),
            field_quoted: false,
            index: 0,
            line: 1,
            record_line: 1,
            blank: None,
            blank_lines: 0,
            header: None,
            names: Vec::new(),
            columns: Vec::new(),
            rows: 0,
        }
    }

    fn error(&self, line: usize, reason: impl Into<String>, fix: impl Into<String>) -> DatasetError {
        DatasetError::Csv { file: self.file.into(), line: Some(line), reason: reason.into(), fix: fix.into() }
    }

    fn feed(&mut self, chunk: &[u8]) -> Result<(), DatasetError> {
        for &byte in chunk {
            self.step(byte)?;
            if byte == b'\n' {
                self.line += 1;
            }
        }
        Ok(())
    }

    fn step(&mut self, byte: u8) -> Result<(), DatasetError> {
        match (self.state, byte) {
            // Quotes first: a comma or a line end inside them belongs to the value.
            (State::Quoted, b'"') => self.state = State::AfterQuote,
            (State::Quoted, _) => return self.push(byte),
            (State::CarriageReturn, b'\n') | (_, b'\n') => return self.end_record(),
            (State::CarriageReturn, _) => {
                return Err(self.error(
                    self.line,
                    "a carriage return (CR) that is not part of a line end",
                    "save the file with LF or CRLF line ends (`tr '\\r' '\\n'` for files of old Macs)",
                ));
            }
            (_, b'\r') => self.state = State::CarriageReturn,
            (_, byte) if byte == self.separator => return self.end_field(),
            (State::FieldStart, b'"') => {
                self.field_quoted = true;
                self.state = State::Quoted;
            }
            (State::AfterQuote, b'"') => {
                self.field.push(b'"');
                self.state = State::Quoted;
            }
            (State::AfterQuote, _) | (State::Unquoted, b'"') => return Err(self.stray_quote()),
            (_, _) => {
                self.state = State::Unquoted;
                return self.push(byte);
            }
        }
        Ok(())
    }

    fn push(&mut self, byte: u8) -> Result<(), DatasetError> {
        if self.field.len() < MOST_OF_A_FIELD {
            self.field.push(byte);
            return Ok(());
        }
        let of = if self.state == State::Quoted { "a quoted value" } else { "a value" };
        Err(self.error(
            self.record_line,
            format!("{of} in this row has more than {} bytes", count(MOST_OF_A_FIELD)),
            "check for a quote that is never closed, and for line ends that are missing",
        ))
    }

    fn stray_quote(&self) -> DatasetError {
        self.error(
            self.line,
            format!("a quote in the middle of field {}", self.index + 1),
            "put the whole value in quotes, without spaces around them, and double the quotes inside it",
        )
    }

    fn end_field(&mut self) -> Result<(), DatasetError> {
        if self.header.is_none() {
            if self.names.len() == MOST_COLUMNS {
                return Err(self.error(
                    self.record_line,
                    format!("the header has more than {} columns", count(MOST_COLUMNS)),
                    "leave out the columns that the analysis does not use; check for line ends that are missing",
                ));
            }
            self.names.push(self.field_text());
        } else if let Some(column) = self.columns.get_mut(self.index) {
            column.look(&self.field, self.field_quoted);
        } else if self.index > self.columns.len() + MOST_COLUMNS {
            return Err(self.ragged(self.record_line, &format!("more than {}", count(self.index))));
        }
        self.index += 1;
        self.field.clear();
        self.field_quoted = false;
        self.state = State::FieldStart;
        Ok(())
    }

    fn field_text(&self) -> String {
        String::from_utf8_lossy(&self.field).trim().to_owned()
    }

    fn end_record(&mut self) -> Result<(), DatasetError> {
        // `""` alone is an empty value, not an empty line.
        if self.index == 0 && self.field.is_empty() && !self.field_quoted {
            self.blank = self.blank.or(Some(self.line));
            self.blank_lines += 1;
            self.state = State::FieldStart;
            self.record_line = self.line + 1;
            return Ok(());
        }
        if let Some(blank) = self.blank {
            return Err(self.error(blank, "an empty line before the end of the data", "delete the empty lines"));
        }
        self.end_field()?;
        let fields = std::mem::take(&mut self.index);
        let line = std::mem::replace(&mut self.record_line, self.line + 1);
        if self.header.is_none() {
            let header = self.check_header()?;
            self.columns = vec![Shape::default(); header.len()];
            self.header = Some(header);
            return Ok(());
        }
        if fields != self.columns.len() {
            return Err(self.ragged(line, &fields.to_string()));
        }
        self.rows += 1;
        Ok(())
    }

    fn ragged(&self, line: usize, fields: &str) -> DatasetError {
        self.error(
            line,
            format!("this row has {fields} fields, the header has {}", self.columns.len()),
            "check for separators that are missing, or that stand in a value and need quotes",
        )
    }

    fn check_header(&mut self) -> Result<Vec<String>, DatasetError> {
        let mut names = std::mem::take(&mut self.names);
        if let [only] = names.as_slice()
            && let Some(mark) = only.chars().find(|c| "~^:!#".contains(*c))
        {
            return Err(self.error(
                1,
                format!("the header is one column, `{}`: the values seem to be separated by `{mark}`", short(only)),
                "write the file with commas, semicolons, tabs or `|` between values",
            ));
        }
        for (i, name) in names.iter_mut().enumerate() {
            // Row numbers that R or pandas wrote come without a name.
            if name.is_empty() {
                *name = format!("column_{}", i + 1);
            }
        }
        let mut seen: HashMap<&str, usize> = HashMap::with_capacity(names.len());
        for (j, name) in names.iter().enumerate() {
            if let Some(i) = seen.insert(name, j) {
                return Err(self.error(
                    1,
                    format!("columns {} and {} are both called `{}`", i + 1, j + 1, short(name)),
                    "give every column its own name",
                ));
            }
        }
        Ok(names)
    }

    fn end(mut self, content: Content) -> Result<Scan, DatasetError> {
        match self.state {
            State::Quoted => {
                return Err(self.error(
                    self.record_line,
                    "a quote that opens in this row is never closed",
                    "close the quote, or double it if it belongs to the value",
                ));
            }
            State::CarriageReturn if self.header.is_none() || self.index > 0 => {
                return Err(self.error(
                    self.line,
                    "the lines end in CR alone",
                    "save the file with LF or CRLF line ends",
                ));
            }
            _ if self.index > 0 || !self.field.is_empty() || self.field_quoted => self.end_record()?,
            _ => {}
        }
        let Some(header) = self.header else {
            return Err(DatasetError::Csv {
                file: self.file.into(),
                line: None,
                reason: "the file is empty".into(),
                fix: "write a line of column names and one line per unit".into(),
            });
        };
        if self.rows == 0 {
            return Err(DatasetError::Csv {
                file: self.file.into(),
                line: None,
                reason: format!(
                    "there is a header with {} ({}) but no row of data",
                    counted(header.len(), "column"),
                    quoted(&header, 6)
                ),
                fix: "check that the export finished; add one line per unit".into(),
            });
        }
        let Content { sha256, bytes, encoding } = content;
        let (rows, blank_lines, columns, separator) = (self.rows, self.blank_lines, self.columns, self.separator);
        Ok(Scan { header, rows, blank_lines, columns, sha256, bytes, separator, encoding })
    }
}
