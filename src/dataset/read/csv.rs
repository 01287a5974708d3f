//! CSV files: scanned, then read by polars with the types that the scan found.
//!
//! Missing values are empty or blank fields and the words `NA`, `NaN`, `nan`, `null`, `NULL`, quoted or not; nothing
//! else is (`.` or `-99` are not). Numbers come out as `str::parse::<f64>` would read them, to the last bit.

use crate::dataset::column::{Column, Data, Encoded, MISSING, encode, number, too_large_for_f64};
use crate::dataset::error::DatasetError;
use crate::dataset::read::csv_scan::{Scan, scan};
use crate::dataset::read::field_shape::Shape;
use crate::dataset::read::frame;
use crate::plan::{ColumnOverride, ColumnType};
use crate::schema::ColumnKind;
use crate::text::lists::short;
use crate::text::numbers::count;
use polars_core::prelude::{DataFrame, DataType, Field, PlSmallStr, Schema};
use polars_io::SerReader as _;
use polars_io::csv::read::CsvReadOptions;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Cursor;
use std::path::PathBuf;
use std::sync::Arc;

/// The most bytes of all the files of a source together.
pub(crate) const MOST_BYTES: u64 = 4 << 30;

/// Words that mean a missing value in a CSV.
pub(crate) const MISSING_WORDS: [&str; 5] = ["NA", "NaN", "nan", "null", "NULL"];

/// The outcome of reading: columns, rows, and a SHA-256 for each file.
pub(crate) struct Read {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: usize,
    pub(crate) hashes: Vec<String>,
}

/// Reads CSV files one below the other.
pub(crate) fn read(
    files: &[(PathBuf, String)],
    overrides: &BTreeMap<String, ColumnOverride>,
) -> Result<Read, DatasetError> {
    let mut left = MOST_BYTES;
    let mut scans = Vec::with_capacity(files.len());
    for (path, name) in files {
        let scan = scan(path, name, left)?;
        left = left.saturating_sub(scan.bytes.len() as u64);
        scans.push(scan);
    }
    let contents: Vec<Vec<u8>> = scans.iter_mut().map(|scan| std::mem::take(&mut scan.bytes)).collect();
    let Some((first, rest)) = scans.split_first() else { return Ok(Read { columns: vec![], rows: 0, hashes: vec![] }) };
    // Types are decided over all files: a column with a word in the last one is text in the first as well.
    let mut shapes = first.columns.clone();
    for (other, (_, name)) in rest.iter().zip(files.iter().skip(1)) {
        join(first, other, &mut shapes, name, files.first().map_or("", |f| f.1.as_str()))?;
    }
    let mut frame: Option<DataFrame> = None;
    let numeric = |(column, shape): (&String, &Shape)| shape.plain && !is_category(column, overrides);
    let numbers: HashSet<&str> =
        first.header.iter().zip(&shapes).filter(|pair| numeric(*pair)).map(|pair| pair.0.as_str()).collect();
    for ((scan, content), (_, name)) in scans.iter().zip(contents).zip(files) {
        let part = read_one(scan, &content, &numbers, name)?;
        frame = Some(frame::below(frame, part, name)?);
    }
    let rows = scans.iter().map(|s| s.rows).sum();
    let mut columns = Vec::with_capacity(shapes.len());
    let parts = frame.map(DataFrame::into_columns).unwrap_or_default();
    for ((series, name), shape) in parts.into_iter().zip(&first.header).zip(&shapes) {
        columns.push(convert(&series, name, shape, is_category(name, overrides)));
    }
    Ok(Read { columns, rows, hashes: scans.into_iter().map(|s| s.sha256).collect() })
}

fn join(first: &Scan, other: &Scan, shapes: &mut [Shape], name: &str, first_name: &str) -> Result<(), DatasetError> {
    frame::same_names(&first.header, &other.header).map_err(|other| DatasetError::Mismatch {
        file: name.into(),
        first: first_name.into(),
        reason: other.to_string(),
    })?;
    let theirs: HashMap<&String, &Shape> = other.header.iter().zip(&other.columns).collect();
    for (shape, column) in shapes.iter_mut().zip(&first.header) {
        if let Some(theirs) = theirs.get(column) {
            shape.join(theirs);
        }
    }
    Ok(())
}

/// Reads plain numbers as f64 and everything else, categories included, as text.
fn read_one(scan: &Scan, content: &[u8], numbers: &HashSet<&str>, name: &str) -> Result<DataFrame, DatasetError> {
    let failed = |reason: String| DatasetError::Csv {
        file: name.into(),
        line: None,
        reason,
        fix: "write the file again with standard quoting (RFC 4180), or as Parquet".into(),
    };
    // polars reads only those numbers that it reads to the last bit as `str::parse` does; the others come as text.
    let fields = scan.header.iter().map(|column| {
        let dtype = if numbers.contains(column.as_str()) { DataType::Float64 } else { DataType::String };
        Field::new(PlSmallStr::from_str(column), dtype)
    });
    let frame = CsvReadOptions::default()
        .with_has_header(true)
        .with_schema(Some(Arc::new(fields.collect::<Schema>())))
        .with_infer_schema_length(None)
        .into_reader_with_file_handle(Cursor::new(content))
        .finish()
        .map_err(|e| failed(e.to_string()))?;
    // polars makes rows of the empty lines at the end.
    let frame = if frame.height() == scan.rows + scan.blank_lines { frame.head(Some(scan.rows)) } else { frame };
    // Two readers, one answer: what polars read must be what the scan counted.
    if frame.height() != scan.rows {
        return Err(failed(format!("{} rows were counted, but {} were read", scan.rows, frame.height())));
    }
    for (column, shape) in frame.columns().iter().zip(&scan.columns) {
        if column.null_count() != shape.empty {
            return Err(failed(format!(
                "`{}` has {} empty fields, but {} were read",
                column.name(),
                shape.empty,
                column.null_count()
            )));
        }
    }
    Ok(frame)
}

fn is_category(column: &str, overrides: &BTreeMap<String, ColumnOverride>) -> bool {
    overrides.get(column).is_some_and(|o| o.kind == Some(ColumnType::Category))
}

fn convert(series: &polars_core::prelude::Column, name: &str, shape: &Shape, category: bool) -> Column {
    let numeric = if shape.whole { "integer" } else { "float" };
    if let Some(values) = frame::floats(series) {
        return Column::numbers(name, numeric, values);
    }
    let encoded = frame::with_text(series, |values| {
        encode(values.map(|v| v.filter(|t| !t.trim().is_empty() && !MISSING_WORDS.contains(&t.trim()))))
    });
    let encoded = encoded.unwrap_or(Encoded { codes: Vec::new(), levels: Vec::new() });
    // A declared category keeps its spelling: `007` is not 7.
    if category {
        Column::text(name, if shape.plain { numeric } else { "text" }, encoded)
    } else {
        classify(name, encoded)
    }
}

/// Text that may still be numbers (with `NA` among them, or spelled `+1`), truth values, or both mixed with words.
fn classify(name: &str, encoded: Encoded) -> Column {
    let levels = &encoded.levels;
    let numbers: Vec<Option<f64>> = levels.iter().map(|l| number(l)).collect();
    let all_numbers = numbers.iter().all(Option::is_some);
    if !levels.is_empty() && levels.iter().all(|l| ["true", "false"].contains(&l.to_lowercase().as_str())) {
        let values = decode(&encoded, |l| if l.eq_ignore_ascii_case("true") { 1.0 } else { 0.0 });
        return Column::new(name, "boolean", ColumnKind::Boolean, Data::Numbers(values));
    }
    if all_numbers && levels.iter().any(|l| too_large_for_f64(l)) {
        return large_integers(name, "integer", encoded);
    }
    if all_numbers {
        let whole = levels.iter().all(|l| l.trim().bytes().all(|b| b.is_ascii_digit() || b == b'-'));
        let values = decode(&encoded, |l| number(l).unwrap_or(f64::NAN));
        return Column::numbers(name, if whole { "integer" } else { "float" }, values);
    }
    if numbers.iter().all(Option::is_none) {
        return Column::text(name, "text", encoded);
    }
    mixed(name, encoded, &numbers)
}

/// Whole numbers beyond 2^53 are identifiers, not quantities: kept as text so that no two of them become equal.
pub(crate) fn large_integers(name: &str, stored_as: &str, encoded: Encoded) -> Column {
    let Encoded { codes, levels } = encoded.sorted();
    let mut column = Column::new(name, stored_as, ColumnKind::Other, Data::Codes { codes, levels });
    column.obstacle = Some("has whole numbers beyond 2^53, which look like identifiers".into());
    column
}

fn mixed(name: &str, encoded: Encoded, numbers: &[Option<f64>]) -> Column {
    let is_text = |code: &u32| *code != MISSING && numbers.get(*code as usize).is_some_and(Option::is_none);
    let row = encoded.codes.iter().position(is_text).unwrap_or_default();
    let texts = encoded.codes.iter().filter(|c| is_text(c)).count();
    let present = encoded.codes.iter().filter(|c| **c != MISSING).count();
    let mut column = Column::text(name, "text and numbers", encoded);
    column.kind = ColumnKind::Other;
    column.obstacle = Some(format!(
        "mixes numbers and text: row {} has `{}`; {} of {} values are not numbers",
        count(row + 1),
        short(&column.value(row)),
        count(texts),
        count(present)
    ));
    column
}

fn decode(encoded: &Encoded, f: impl Fn(&str) -> f64) -> Vec<f64> {
    let values: Vec<f64> = encoded.levels.iter().map(|l| f(l)).collect();
    encoded.codes.iter().map(|c| values.get(*c as usize).copied().unwrap_or(f64::NAN)).collect()
}
