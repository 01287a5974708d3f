//! The official file of one response: `zymu_<response>.csv` with the columns z, y0, y1, mu0, mu1, one row per unit.
//!
//! y0 and y1 are the outcomes that the unit would have under control and under treatment, mu0 and mu1 their means; an
//! analyst sees one of the four, and is not told which. So the columns are private here: everybody gets
//! [`Response::observed`], and only the scorer can name [`truth`], which gets the rest.

pub mod truth;

use crate::csv_table::{self, CUT, CsvProblem, Record};
use crate::observed::Observed;
use crate::text::{plural, shortened};
use causal::arm::Arm;

/// The columns that a file must have.
const COLUMNS: [&str; 5] = ["z", "y0", "y1", "mu0", "mu1"];

/// The reason why a text is no response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResponseProblem {
    /// Nothing but blanks.
    #[error("is empty")]
    Empty,
    /// Bytes that are no text.
    #[error("is not text in UTF-8")]
    NotText,
    /// Columns that are not there.
    #[error("has {}", csv_table::no_columns(.0))]
    Columns(Vec<String>),
    /// Two columns of one name.
    #[error("has two columns `{0}`")]
    TwoColumns(&'static str),
    /// A line with another number of fields than the first.
    #[error("line {line}: has {fields} field{}, and the first line has {width}: the file may have been cut off", plural(*fields))]
    Fields {
        /// The line, from 1.
        line: u64,
        /// Its fields.
        fields: usize,
        /// Those of the first line.
        width: usize,
    },
    /// A cell that is no number.
    #[error("line {line}: `{text}` in column `{column}` is not a finite number")]
    Number {
        /// The line, from 1.
        line: u64,
        /// The beginning of the cell.
        text: String,
        /// The column.
        column: &'static str,
    },
    /// A quoted field that goes on to the end.
    #[error("line {line}: a quote is not closed")]
    OpenQuote {
        /// The line in which its record begins.
        line: u64,
    },
    /// No units.
    #[error("has no rows below the column names")]
    NoRows,
    /// A last line without its end.
    #[error("{CUT}")]
    Cut,
}

impl From<CsvProblem> for ResponseProblem {
    fn from(problem: CsvProblem) -> Self {
        match problem {
            CsvProblem::Empty => ResponseProblem::Empty,
            CsvProblem::NotText => ResponseProblem::NotText,
            CsvProblem::Fields { line, fields, width } => ResponseProblem::Fields { line, fields, width },
            CsvProblem::OpenQuote { line } => ResponseProblem::OpenQuote { line },
            CsvProblem::Cut => ResponseProblem::Cut,
        }
    }
}

/// One response as read. What it holds beyond the observed data is sealed.
pub struct Response {
    z: Vec<f64>,
    y0: Vec<f64>,
    y1: Vec<f64>,
    mu0: Vec<f64>,
    mu1: Vec<f64>,
}

impl Response {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// A missing column, a line with another number of fields, something that is no finite number, no rows, or a last
    /// line that does not end, each with its place.
    pub fn parse(text: &str) -> Result<Response, ResponseProblem> {
        let text = csv_table::without_mark(text);
        if text.trim().is_empty() {
            return Err(ResponseProblem::Empty);
        }
        let records = csv_table::records(text)?;
        let (header, rows) = records.split_first().ok_or(ResponseProblem::Empty)?;
        let header: Vec<&str> = header.fields().into_iter().map(bare).collect();
        let layout = Layout { places: places(&header)?, width: header.len() };
        let mut columns: [Vec<f64>; 5] = Default::default();
        for record in rows {
            for (column, value) in columns.iter_mut().zip(layout.values(record)?) {
                column.push(value);
            }
        }
        let [z, y0, y1, mu0, mu1] = columns;
        if z.is_empty() {
            return Err(ResponseProblem::NoRows);
        }
        // After the rows, since a row that was cut can tell its line.
        if !text.ends_with('\n') {
            return Err(ResponseProblem::Cut);
        }
        Ok(Response { z, y0, y1, mu0, mu1 })
    }

    /// The part that an analyst sees: z, and y1 of the treated and y0 of the others.
    #[must_use]
    pub fn observed(&self) -> Observed {
        let outcomes = self.z.iter().zip(&self.y0).zip(&self.y1);
        let y = outcomes.map(|((z, y0), y1)| if Arm::decode(*z) == Some(Arm::Treated) { *y1 } else { *y0 }).collect();
        Observed { z: self.z.clone(), y }
    }
}

/// A field without blanks and quotes around it: some writers put a blank before a quote.
fn bare(field: &str) -> &str {
    let field = field.trim();
    field.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(field)
}

/// The order of the columns in a file.
struct Layout {
    places: [usize; 5],
    width: usize,
}

impl Layout {
    /// The five numbers of a line.
    fn values(&self, record: &Record) -> Result<[f64; 5], ResponseProblem> {
        let (line, fields) = (record.line, record.fields());
        if fields.len() != self.width {
            return Err(ResponseProblem::Fields { line, fields: fields.len(), width: self.width });
        }
        let mut values = [0.0; 5];
        for ((value, place), column) in values.iter_mut().zip(self.places).zip(COLUMNS) {
            let text = fields.get(place).map_or("", |field| bare(field));
            match text.parse::<f64>() {
                Ok(number) if number.is_finite() => *value = number,
                _ => return Err(ResponseProblem::Number { line, text: shortened(text), column }),
            }
        }
        Ok(values)
    }
}

/// The place of each column.
fn places(header: &[&str]) -> Result<[usize; 5], ResponseProblem> {
    let mut places = [0; 5];
    let mut missing = Vec::new();
    for (place, name) in places.iter_mut().zip(COLUMNS) {
        let mut found = header.iter().enumerate().filter(|(_, column)| **column == name).map(|(i, _)| i);
        match (found.next(), found.next()) {
            (Some(i), None) => *place = i,
            (Some(_), Some(_)) => return Err(ResponseProblem::TwoColumns(name)),
            (None, _) => missing.push(name.to_owned()),
        }
    }
    if missing.is_empty() { Ok(places) } else { Err(ResponseProblem::Columns(missing)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: &str = "\"z\",\"y0\",\"y1\",\"mu0\",\"mu1\"\n1,1.5,2.5,1,2\n0,-1,3,-1.25,2e0\n";

    #[test]
    fn the_treated_show_y1_and_the_others_y0() {
        let observed = Response::parse(GOOD).map(|r| r.observed());
        assert_eq!(observed, Ok(Observed { z: vec![1.0, 0.0], y: vec![2.5, -1.0] }));
        let turned = "row,mu1,mu0,y1,y0,z\r\na,2,1,2.5,1.5,1\r\nb,2,-1.25,3,-1,0\r\n";
        assert_eq!(Response::parse(turned).map(|r| r.observed()), observed, "columns go by name");
    }

    #[test]
    fn each_fault_is_named_with_its_place() {
        for (text, expected) in [
            ("", "is empty"),
            ("a\n", "has no columns `z`, `y0`, `y1`, `mu0`, `mu1`"),
            ("z,y0,y1,mu0\n1,2,3,4\n", "has no column `mu1`"),
            ("z,z,y0,y1,mu0,mu1\n", "has two columns `z`"),
            ("z,y0,y1,mu0,mu1\n", "has no rows"),
            ("z,y0,y1,mu0,mu1\n1,2,3,4\n", "line 2: has 4 fields"),
            ("z,y0,y1,mu0,mu1\n1,2,3,4,5\n1,2,NA,4,5\n", "line 3: `NA` in column `y1`"),
            ("z,y0,y1,mu0,mu1\n1,2,3,4,inf\n", "line 2: `inf`"),
            ("z,y0,y1,mu0,mu1\n1,2,3,4,5", "ends in the middle"),
            ("z,y0,y1,mu0,mu1\n1,2,3,4,5\n\n", "line 3: has 1 field,"),
        ] {
            let error = Response::parse(text).err().map(|problem| problem.to_string()).unwrap_or_default();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(z,y0,y1,mu0,mu1\n)?([0-9.,eE\"\n\r -]|NA|z|é){0,60}") {
            if let Ok(response) = Response::parse(&text) {
                let n = response.z.len();
                prop_assert!(n > 0 && [&response.y0, &response.y1, &response.mu0, &response.mu1].iter().all(|c| c.len() == n));
                prop_assert!(response.y0.iter().chain(&response.mu1).all(|v| v.is_finite()));
            }
        }

        #[test]
        fn a_file_that_is_cut_anywhere_is_refused_or_has_too_few_rows(cut in 0usize..GOOD.len()) {
            let read = Response::parse(&GOOD[..cut]);
            prop_assert!(read.is_err() || read.is_ok_and(|r| r.z.len() < 2));
        }

        #[test]
        fn numbers_come_back_to_the_last_bit(rows in prop::collection::vec((any::<bool>(), any::<[f32; 4]>()), 1..20)) {
            prop_assume!(rows.iter().all(|(_, v)| v.iter().all(|x| x.is_finite())));
            let mut text = String::from("z,y0,y1,mu0,mu1\n");
            for (z, v) in &rows {
                text.push_str(&format!("{},{},{},{},{}\n", u8::from(*z), v[0], v[1], v[2], v[3]));
            }
            let read = Response::parse(&text).expect("a good file");
            for (i, (z, v)) in rows.iter().enumerate() {
                prop_assert_eq!(read.z[i] == 1.0, *z);
                prop_assert_eq!(read.mu1[i] as f32, v[3]);
                prop_assert_eq!(read.observed().y[i] as f32, if *z { v[1] } else { v[0] });
            }
        }
    }
}
