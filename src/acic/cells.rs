//! A CSV file of the data, held to the cell. What the general reader lets pass, such as a last line that was cut or an
//! empty cell, would here be another answer, or none.

use super::error::AcicError;
use super::rows;
use std::path::{Path, PathBuf};

/// The words that the general reader takes for a missing value.
const MISSING: [&str; 5] = ["NA", "NaN", "nan", "null", "NULL"];

/// A file whose lines all end, and have as many fields as the first.
#[derive(Debug)]
pub struct Cells {
    file: PathBuf,
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// One column of it.
#[derive(Debug, Clone, Copy)]
pub struct Column<'a> {
    cells: &'a Cells,
    at: usize,
}

impl Cells {
    /// Reads a file.
    ///
    /// # Errors
    /// A file that cannot be read, is empty, is no text, was cut off, or has a line with another number of fields.
    pub fn read(file: &Path) -> Result<Cells, AcicError> {
        let bytes = std::fs::read(file).map_err(|error| AcicError::io("read", file, error))?;
        let wrong = |problem: String| AcicError::Cells { file: file.to_path_buf(), problem };
        let text = String::from_utf8(bytes).map_err(|_| wrong("it is not text in UTF-8".to_owned()))?;
        let (header, rows) = table(text.strip_prefix('\u{feff}').unwrap_or(&text)).map_err(wrong)?;
        Ok(Cells { file: file.to_path_buf(), header, rows })
    }

    /// Rows below the column names.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is a column of that name.
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
            (Some(at), None) => Ok(Column { cells: self, at }),
            (Some(_), Some(_)) => Err(self.wrong(format!("it has two columns `{name}`"))),
            (None, _) => Err(AcicError::column(&self.file.display().to_string(), name)),
        }
    }

    /// That something about the file is wrong.
    #[must_use]
    pub fn wrong(&self, problem: String) -> AcicError {
        AcicError::Cells { file: self.file.clone(), problem }
    }
}

impl Column<'_> {
    /// The text in a row, counted from 0.
    ///
    /// # Errors
    /// A cell that is empty, or holds a word for a missing value.
    pub fn text(&self, row: usize) -> Result<&str, AcicError> {
        match self.cells.rows.get(row).and_then(|fields| fields.get(self.at)).map(|text| text.trim()) {
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

    /// That the cell in a row is wrong.
    #[must_use]
    pub fn wrong(&self, row: usize, problem: &str) -> AcicError {
        let name = self.cells.header.get(self.at).map_or("", String::as_str);
        self.cells.wrong(format!("row {} (line {}), column `{name}`: {problem}", row + 1, row + 2))
    }
}

type Fields = Vec<String>;

fn table(text: &str) -> Result<(Fields, Vec<Fields>), String> {
    if text.trim().is_empty() {
        return Err("it is empty".to_owned());
    }
    let mut lines = text.lines().enumerate().map(|(i, line)| match rows::fields(line) {
        Ok(fields) => Ok((i, fields)),
        Err(problem) => Err(format!("line {}: {problem}", i + 1)),
    });
    let header: Fields = lines.next().transpose()?.map(|(_, fields)| fields).unwrap_or_default();
    let header: Fields = header.iter().map(|name| name.trim().to_owned()).collect();
    let mut body = Vec::new();
    for line in lines {
        let (i, fields) = line?;
        if fields.len() != header.len() {
            let (has, due) = (fields.len(), header.len());
            return Err(format!(
                "line {} has {has} fields, and the first line has {due}: it may have been cut off",
                i + 1
            ));
        }
        body.push(fields);
    }
    ends(text)?;
    Ok((header, body))
}

/// Whether the last line of a file ends. Where it does not, its last number may be the beginning of another one.
///
/// # Errors
/// A last line that does not end.
pub fn ends(text: &str) -> Result<(), String> {
    if text.ends_with('\n') {
        return Ok(());
    }
    let problem = "ends in the middle of its last line: it may have been cut off";
    Err(format!("{problem} (if it is complete, end it with a line break)"))
}

/// The records of a CSV file that this program wrote, each as text: a quoted field may hold line breaks.
#[must_use]
pub fn records(text: &str) -> Vec<String> {
    let mut records: Vec<String> = Vec::new();
    let mut open = false;
    for line in text.split_inclusive('\n') {
        match records.last_mut().filter(|_| open) {
            Some(record) => record.push_str(line),
            None => records.push(line.to_owned()),
        }
        open ^= line.matches('"').count() % 2 == 1;
    }
    records
}

/// A text that is short enough for a message.
#[must_use]
pub fn shortened(text: &str) -> String {
    match text.char_indices().nth(24) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_whole_or_refused() {
        let good = table("\"a\",b\n1,\"x,y\"\n").expect("a good file");
        assert_eq!(good.1, [["1".to_owned(), "x,y".to_owned()]]);
        for (text, expected) in [
            ("", "is empty"),
            ("a,b\n1\n", "line 2 has 1 fields"),
            ("a,b\n1,2", "in the middle of its last line"),
            ("a,b\n1,\"2\n", "line 2: a quote"),
        ] {
            let error = table(text).err().unwrap_or_default();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }

    #[test]
    fn records_go_over_lines() {
        assert_eq!(records("a,b\n\"1\n2\",\"\"\"\"\n3,4\n"), ["a,b\n", "\"1\n2\",\"\"\"\"\n", "3,4\n"]);
    }
}
