//! CSV, strictly. A reader that lets pass a last line that was cut, or an empty cell, would here give another answer, or
//! none; so a file is read whole or refused.
//!
//! The crate `csv` splits fields and lines; a quoted field may hold commas, doubled quotes and line breaks. What it would
//! tolerate in silence is refused here: a quote that stays open, an empty line, a line with another number of fields, a last
//! line that does not end.

use crate::AcicError;
use crate::text::{plural, shortened, steers};
use csv::StringRecord;
use std::path::{Path, PathBuf};

/// The words that stand for a missing value.
pub(crate) const MISSING: [&str; 5] = ["NA", "NaN", "nan", "null", "NULL"];

/// The reason why a text is no CSV table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CsvProblem {
    /// Nothing but blanks.
    #[error("it is empty")]
    Empty,
    /// Bytes that are no text.
    #[error("it is not text in UTF-8")]
    NotText,
    /// A record with another number of fields than the first.
    #[error("line {line} has {fields} fields, and the first line has {width}: it may have been cut off")]
    Fields {
        /// The line in which the record begins, from 1.
        line: u64,
        /// Its fields.
        fields: usize,
        /// Those of the first record.
        width: usize,
    },
    /// A quoted field that goes on to the end.
    #[error("line {line}: a quote is not closed")]
    OpenQuote {
        /// The line in which its record begins.
        line: u64,
    },
    /// A last line without its end: its last number may be the beginning of another one.
    #[error("{CUT}")]
    Cut,
}

/// The sentence of [`CsvProblem::Cut`].
pub(crate) const CUT: &str = "ends in the middle of its last line: it may have been cut off (if it is complete, end it \
                              with a line break)";

/// A record, and the line in which it begins, from 1.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) line: u64,
    fields: StringRecord,
}

impl Record {
    /// The fields, as they are.
    pub(crate) fn fields(&self) -> Vec<&str> {
        (0..self.len()).filter_map(|at| self.field(at)).collect()
    }

    fn field(&self, at: usize) -> Option<&str> {
        let text = self.fields.get(at)?;
        Some(if at + 1 == self.fields.len() { without_return(text) } else { text })
    }

    fn len(&self) -> usize {
        self.fields.len()
    }
}

/// Lines end with `\n`; the `\r` of a file from Windows belongs to the end of its line.
fn without_return(text: &str) -> &str {
    text.strip_suffix('\r').unwrap_or(text)
}

/// A record that is read behind the last one. It comes out as it is unless a quote is open there.
const SENTINEL: &str = "end of text";

/// The records of a text, of any number of fields. An empty line is a record of one empty field.
///
/// # Errors
/// A quote that is not closed.
pub(crate) fn records(text: &str) -> Result<Vec<Record>, CsvProblem> {
    // So that the sentinel begins a record of its own even behind a last line without its line end.
    let whole = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let behind = format!("{whole}{SENTINEL}\n");
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .terminator(csv::Terminator::Any(b'\n'))
        .from_reader(std::io::Read::chain(text.as_bytes(), behind.as_bytes()));
    let mut records: Vec<Record> = Vec::new();
    for fields in reader.records() {
        // Both parts are text and lie in memory: nothing else can fail.
        let Ok(fields) = fields else { return Err(CsvProblem::NotText) };
        let (byte, mut line) = fields.position().map_or((0, 0), |at| (at.byte() as usize, at.line()));
        // `csv` passes over empty lines; a file of ours has none, so each is a record that will be found too short.
        for _ in text.get(byte..).unwrap_or_default().bytes().take_while(|b| *b == b'\n') {
            records.push(Record { line, fields: StringRecord::from(vec![""]) });
            line += 1;
        }
        records.push(Record { line, fields });
    }
    match records.pop() {
        Some(last) if last.len() == 1 && last.field(0) == Some(SENTINEL) => Ok(records),
        last => Err(CsvProblem::OpenQuote { line: last.map_or(1, |record| record.line) }),
    }
}

/// The records of a table: all of one width, the last line complete, the first record for the names.
///
/// # Errors
/// [`CsvProblem`].
pub(crate) fn table(text: &str) -> Result<Vec<Record>, CsvProblem> {
    if text.trim().is_empty() {
        return Err(CsvProblem::Empty);
    }
    let records = records(text)?;
    let width = records.first().map_or(0, Record::len);
    if let Some(other) = records.iter().find(|record| record.len() != width) {
        return Err(CsvProblem::Fields { line: other.line, fields: other.len(), width });
    }
    if text.ends_with('\n') { Ok(records) } else { Err(CsvProblem::Cut) }
}

/// Fields as a line of CSV; quoted only where they must be.
#[must_use]
pub fn line<F: AsRef<[u8]>>(fields: &[F]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Memory takes every byte, and text stays text: none of the three can fail.
    let _ = writer.write_record(fields);
    writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

/// Words of others as a cell: a visible `�` for what would steer a terminal, and an apostrophe before what a spreadsheet would
/// take for a formula. Numbers stay as they are.
pub(crate) fn foreign(text: &str) -> String {
    let inert: String = text.chars().map(|c| if c == '\t' || steers(c) { '\u{fffd}' } else { c }).collect();
    let formula =
        inert.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']) && inert.parse::<f64>().is_err();
    if formula { format!("'{inert}") } else { inert }
}

/// A text without the byte order mark that some programs put first.
pub(crate) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// A CSV file of the data, held to the cell.
#[derive(Debug)]
pub struct CsvTable {
    file: PathBuf,
    header: Vec<String>,
    rows: Vec<Record>,
}

/// One column of it.
#[derive(Debug, Clone, Copy)]
pub struct Column<'a> {
    table: &'a CsvTable,
    at: usize,
}

impl CsvTable {
    /// Reads a file.
    ///
    /// # Errors
    /// A file that cannot be read, is empty, is no text, was cut off, or has a line with another number of fields.
    pub fn read(file: &Path) -> Result<CsvTable, AcicError> {
        let bytes = std::fs::read(file).map_err(|error| AcicError::io("read", file, error))?;
        CsvTable::parse(file, &bytes)
    }

    /// Reads the bytes of a file.
    ///
    /// # Errors
    /// As [`CsvTable::read`].
    pub fn parse(file: &Path, bytes: &[u8]) -> Result<CsvTable, AcicError> {
        let wrong = |problem: CsvProblem| AcicError::Cells { file: file.to_path_buf(), problem: problem.to_string() };
        let text = std::str::from_utf8(bytes).map_err(|_| wrong(CsvProblem::NotText))?;
        let mut records = table(without_mark(text)).map_err(wrong)?.into_iter();
        let header = records.next().map(|names| names.fields().iter().map(|name| name.trim().to_owned()).collect());
        Ok(CsvTable { file: file.to_path_buf(), header: header.unwrap_or_default(), rows: records.collect() })
    }

    /// Rows below the column names.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// `true` if there is a column of that name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.header.iter().any(|column| column == name)
    }

    /// A column.
    ///
    /// # Errors
    /// No column of that name, or two.
    pub fn column(&self, name: &str) -> Result<Column<'_>, AcicError> {
        let mut found = self.header.iter().enumerate().filter(|(_, column)| *column == name).map(|(i, _)| i);
        match (found.next(), found.next()) {
            (Some(at), None) => Ok(Column { table: self, at }),
            (Some(_), Some(_)) => Err(self.wrong(format!("it has two columns `{name}`"))),
            (None, _) => Err(AcicError::column(&self.file.display().to_string(), name)),
        }
    }

    /// The error that something about the file is wrong.
    #[must_use]
    pub fn wrong(&self, problem: String) -> AcicError {
        AcicError::Cells { file: self.file.clone(), problem }
    }
}

impl<'a> Column<'a> {
    /// The text in a row, counted from 0; `None` where it is missing.
    #[must_use]
    pub fn present(&self, row: usize) -> Option<&'a str> {
        let text = self.table.rows.get(row)?.field(self.at)?.trim();
        (!text.is_empty() && !MISSING.contains(&text)).then_some(text)
    }

    /// The text in a row, counted from 0.
    ///
    /// # Errors
    /// A cell that is empty, or holds a word for a missing value.
    pub fn text(&self, row: usize) -> Result<&'a str, AcicError> {
        match self.table.rows.get(row).and_then(|record| record.field(self.at)).map(str::trim) {
            None | Some("") => Err(self.wrong(row, "the cell is empty")),
            Some(word) if MISSING.contains(&word) => Err(self.wrong(row, &format!("`{word}` is a missing value"))),
            Some(text) => Ok(text),
        }
    }

    /// The number in a row, counted from 0.
    ///
    /// # Errors
    /// As [`Column::text`], and what is not a finite number.
    pub fn number(&self, row: usize) -> Result<f64, AcicError> {
        let text = self.text(row)?;
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => Err(self.wrong(row, &format!("`{}` is not a finite number", shortened(text)))),
        }
    }

    /// The error that the cell in a row is wrong.
    #[must_use]
    pub fn wrong(&self, row: usize, problem: &str) -> AcicError {
        let name = self.table.header.get(self.at).map_or("", String::as_str);
        let line = self.table.rows.get(row).map_or(row as u64 + 2, |record| record.line);
        self.table.wrong(format!("row {} (line {line}), column `{name}`: {problem}", row + 1))
    }
}

/// The names of missing columns as the end of a sentence: ``no columns `a`, `b` ``.
pub(crate) fn no_columns(missing: &[String]) -> String {
    let names: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
    format!("no column{} {}", plural(missing.len()), names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cells(text: &str) -> Result<Vec<Vec<String>>, CsvProblem> {
        let owned = |record: &Record| record.fields().into_iter().map(str::to_owned).collect();
        table(text).map(|records| records.iter().map(owned).collect())
    }

    #[test]
    fn a_table_is_whole_or_refused() {
        let good = cells("\"a\",b\r\n1,\"x,y\"\r\n").expect("a good file");
        assert_eq!(good, [["a", "b"], ["1", "x,y"]]);
        for (text, expected) in [
            ("", "is empty"),
            ("a,b\n1\n", "line 2 has 1 fields"),
            ("a,b\n1,2", "in the middle of its last line"),
            ("a,b\n1,\"2\n", "line 2: a quote"),
            ("a,b\n1,\"2\n3,4\n", "line 2: a quote"),
            ("a,b\n1,2\n\n", "line 3 has 1 fields"),
            ("a,b\n\n\n1,2\n", "line 2 has 1 fields"),
            ("\na,b\n", "line 2 has 2 fields"),
        ] {
            let error = cells(text).expect_err(text).to_string();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }

    /// A note over two lines used to be taken for an open quote.
    #[test]
    fn a_quoted_field_may_go_over_lines_and_places_are_counted_in_the_file() {
        let text = "name,note,x\na,\"one\ntwo, \"\"three\"\"\",1\nb,\"\",\n";
        let table = CsvTable::parse(Path::new("made.csv"), text.as_bytes()).expect("a good file");
        assert_eq!(table.rows(), 2);
        let (note, x) = (table.column("note").expect("a column"), table.column("x").expect("a column"));
        assert_eq!((note.text(0).ok(), x.number(0).ok()), (Some("one\ntwo, \"three\""), Some(1.0)));
        assert_eq!((note.present(1), x.present(1)), (None, None));
        let error = x.number(1).expect_err("an empty cell").to_string();
        assert!(error.contains("row 2 (line 4), column `x`: the cell is empty"), "{error}");
    }

    #[test]
    fn words_of_others_are_no_formula_and_steer_nothing() {
        for (text, cell) in [
            ("=HYPERLINK(\"http://a.b\")", "'=HYPERLINK(\"http://a.b\")"),
            ("@SUM(A1)", "'@SUM(A1)"),
            (" +1+cmd|' /C calc'!A0", "' +1+cmd|' /C calc'!A0"),
            ("-2+3", "'-2+3"),
            ("\t=1", "\u{fffd}=1"),
            ("-0.5", "-0.5"),
            ("y.csv\u{1b}[2J\u{202e}", "y.csv\u{fffd}[2J\u{fffd}"),
            ("BART on PScore", "BART on PScore"),
        ] {
            assert_eq!(foreign(text), cell, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(rows in prop::collection::vec(prop::array::uniform3("[a,\"\n\r é]{0,6}"), 1..8)) {
            // A `\r` before the end of a line belongs to the end.
            prop_assume!(rows.iter().all(|row| !row[2].ends_with('\r')));
            let text: String = rows.iter().map(|row| line(row)).collect();
            let whole: Vec<Vec<String>> = rows.iter().map(|row| row.to_vec()).collect();
            prop_assert_eq!(records(&text).map(|r| r.iter().map(|r| r.fields().into_iter().map(str::to_owned).collect()).collect()), Ok(whole));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[ab,\"\n\r ]{0,30}") {
            if let Ok(rows) = cells(&text) {
                prop_assert!(text.ends_with('\n') && rows.iter().all(|row| row.len() == rows[0].len()));
            }
        }
    }
}
