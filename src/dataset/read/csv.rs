//! CSV files: scanned, then read by polars with the types that the scan found.
//!
//! Missing values are empty or blank fields, and words: see [`super::missing_words`]. Plain numbers come out as
//! `str::parse::<f64>` would read them, to the last bit; for others see [`super::classify`].

use crate::dataset::column::{Column, Encoded, encode};
use crate::dataset::error::DatasetError;
use crate::dataset::read::classify::{TextColumn, classify};
use crate::dataset::read::csv_scan::{Scan, scan};
use crate::dataset::read::encoding::Encoding;
use crate::dataset::read::field_shape::Shape;
use crate::dataset::read::missing_words::Declared;
use crate::dataset::read::source::DataFile;
use crate::dataset::read::written_numbers::DecimalMark;
use crate::dataset::read::{frame, separator};
use crate::plan::{ColumnType, DataSection};
use crate::schema::{Conversion, ConversionKind};
use polars_core::prelude::{DataFrame, DataType, Field, PlSmallStr, Schema};
use polars_io::SerReader as _;
use polars_io::csv::read::CsvReadOptions;
use std::collections::{HashMap, HashSet};
use std::io::Cursor;
use std::sync::Arc;

/// The most bytes of all the files of a source together.
pub(crate) const MOST_BYTES: u64 = 4 << 30;

/// The outcome of reading: columns, and the rows and a SHA-256 of each file.
pub(crate) struct Read {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows_of_files: Vec<usize>,
    pub(crate) hashes: Vec<String>,
    /// What was done to the files as a whole.
    pub(crate) conversions: Vec<Conversion>,
}

/// Reads CSV files one below the other.
pub(crate) fn read(files: &[DataFile], data: &DataSection) -> Result<Read, DatasetError> {
    let mut left = MOST_BYTES;
    let mut scans = Vec::with_capacity(files.len());
    for file in files {
        let scan = scan(file, left)?;
        left = left.saturating_sub(scan.bytes.len() as u64);
        scans.push(scan);
    }
    let contents: Vec<Vec<u8>> = scans.iter_mut().map(|scan| std::mem::take(&mut scan.bytes)).collect();
    let Some((first, rest)) = scans.split_first() else {
        return Ok(Read { columns: vec![], rows_of_files: vec![], hashes: vec![], conversions: vec![] });
    };
    // Types are decided over all files: a column with a word in the last one is text in the first as well.
    let mut shapes = first.columns.clone();
    for (other, file) in rest.iter().zip(files.iter().skip(1)) {
        join(first, other, &mut shapes, &file.name, files.first().map_or("", |file| file.name.as_str()))?;
    }
    let mut frame: Option<DataFrame> = None;
    let decimal = if first.separator == b';' { DecimalMark::Comma } else { DecimalMark::Point };
    let numeric = |(column, shape): (&String, &Shape)| shape.plain && !shape.is_code() && !is_category(column, data);
    let numbers: HashSet<&str> =
        first.header.iter().zip(&shapes).filter(|pair| numeric(*pair)).map(|pair| pair.0.as_str()).collect();
    for ((scan, content), file) in scans.iter().zip(contents).zip(files) {
        let part = read_one(scan, &content, &numbers, &file.name)?;
        frame = Some(frame::below(frame, part, &file.name)?);
    }
    let mut columns = Vec::with_capacity(shapes.len());
    let parts = frame.map(DataFrame::into_columns).unwrap_or_default();
    for ((series, name), shape) in parts.into_iter().zip(&first.header).zip(&shapes) {
        let how = TextColumn {
            name,
            typed: None,
            declared: Declared::of(name, data),
            decimal,
            category: is_category(name, data),
            stored_as: "text",
        };
        columns.push(convert(&series, shape, &how));
    }
    let (rows_of_files, conversions) = (scans.iter().map(|scan| scan.rows).collect(), of_files(&scans));
    Ok(Read { columns, rows_of_files, hashes: scans.into_iter().map(|s| s.sha256).collect(), conversions })
}

/// What was done to whole files: one note for each encoding and each separator that is not the usual one.
fn of_files(scans: &[Scan]) -> Vec<Conversion> {
    let note = |kind: ConversionKind, files: usize, examples: Vec<String>| {
        (files > 0).then_some(Conversion { column: None, kind, values: files, examples })
    };
    let decoded = |encoding: Encoding| scans.iter().filter(|scan| scan.encoding == encoding).count();
    let mut marks: Vec<&str> = scans.iter().filter_map(|scan| separator::name(scan.separator)).collect();
    let separated = marks.len();
    marks.sort_unstable();
    marks.dedup();
    let marks = marks.into_iter().map(str::to_owned).collect();
    let notes = [
        note(ConversionKind::Utf16, decoded(Encoding::Utf16), Vec::new()),
        note(ConversionKind::Windows1252, decoded(Encoding::Windows1252), Vec::new()),
        note(ConversionKind::Separator, separated, marks),
    ];
    notes.into_iter().flatten().collect()
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
        .map_parse_options(|options| options.with_separator(scan.separator))
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

/// True if the plan reads a column as a category.
pub(crate) fn is_category(column: &str, data: &DataSection) -> bool {
    data.columns.get(column).is_some_and(|o| o.kind == Some(ColumnType::Category))
}

fn convert(series: &polars_core::prelude::Column, shape: &Shape, how: &TextColumn<'_>) -> Column {
    let numeric = if shape.whole { "integer" } else { "float" };
    if let Some(values) = frame::floats(series) {
        return Column::numbers(how.name, numeric, values);
    }
    let encoded = frame::with_text(series, |values| encode(values.map(|v| v.filter(|t| !t.trim().is_empty()))));
    let encoded = encoded.unwrap_or(Encoded { codes: Vec::new(), levels: Vec::new() });
    // A declared category keeps its spelling: `007` is not 7.
    classify(encoded, &TextColumn { stored_as: if shape.plain { numeric } else { "text" }, ..*how })
}
