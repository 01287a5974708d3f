//! Parquet files, read once from the disk and decoded a batch of columns at a time, so that a wide table is in memory
//! once, not twice.
//!
//! Nulls and NaN are missing. Text is taken as it is, and `NA` is a text, unless every other value of the column is a
//! number: see [`super::classify`]. A dictionary stays a category.

use crate::dataset::column::{Column, Data, encode, exact};
use crate::dataset::error::DatasetError;
use crate::dataset::read::classify::{TextColumn, classify, large_integers};
use crate::dataset::read::csv::is_category;
use crate::dataset::read::csv::{MOST_BYTES, Read};
use crate::dataset::read::missing_words::Declared;
use crate::dataset::read::source::DataFile;
use crate::dataset::read::written_numbers::DecimalMark;
use crate::dataset::read::{frame, parquet_bounds};
use crate::memory::Limited;
use crate::plan::DataSection;
use crate::schema::ColumnKind;
use crate::text::sha256::sha256_hex;
use polars_core::prelude::{DataFrame, DataType, PolarsError};
use polars_io::SerReader as _;
use polars_io::parquet::metadata::FileMetadataRef;
use polars_io::parquet::read::ParquetReader;
use polars_parquet::parquet::schema::types::{ParquetType, PrimitiveLogicalType, PrimitiveType};
use std::io::Cursor;

/// Each batch takes a pass over the whole schema, so their number is fixed and not their size: the time stays linear in
/// the columns.
const BATCHES: usize = 16;

/// The first and the last bytes of a Parquet file.
const MAGIC: &[u8] = b"PAR1";

/// Reads Parquet files one below the other.
///
/// The metadata reader of polars 0.55 panics on some damaged files; a damaged file is the user's to replace and not a
/// bug of ours, so that panic becomes an error here.
pub(crate) fn read(files: &[DataFile], data: &DataSection) -> Result<Read, DatasetError> {
    std::panic::catch_unwind(|| read_all(files, data)).unwrap_or_else(|_| {
        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
        Err(DatasetError::Parquet { file: names.join("`, `"), reason: "its structure is damaged".into() })
    })
}

/// The bytes of a file, read this once, and its checked footer.
struct Source<'a> {
    name: &'a str,
    bytes: Vec<u8>,
    sha256: String,
    columns: Vec<String>,
    footer: FileMetadataRef,
}

fn read_all(files: &[DataFile], data: &DataSection) -> Result<Read, DatasetError> {
    let mut left = MOST_BYTES;
    let mut sources = Vec::with_capacity(files.len());
    for file in files {
        let source = open(file, left)?;
        left = left.saturating_sub(source.bytes.len() as u64);
        sources.push(source);
    }
    let hashes = sources.iter().map(|source| source.sha256.clone()).collect();
    let conversions = Vec::new();
    let Some((first, rest)) = sources.split_first() else {
        return Ok(Read { columns: vec![], rows_of_files: vec![], hashes, conversions });
    };
    for source in rest {
        frame::same_names(&first.columns, &source.columns).map_err(|other| DatasetError::Mismatch {
            file: source.name.into(),
            first: first.name.into(),
            reason: other.to_string(),
        })?;
    }
    let rows_of_files: Vec<usize> = sources.iter().map(|source| source.footer.num_rows).collect();
    let mut columns = Vec::with_capacity(first.columns.len());
    let (unknown, known): (Vec<Option<Column>>, Vec<&String>) =
        first.columns.iter().map(|name| (unread(&sources, name), name)).unzip();
    let known: Vec<String> =
        known.into_iter().zip(&unknown).filter(|(_, unread)| unread.is_none()).map(|(name, _)| name.clone()).collect();
    for names in known.chunks(known.len().div_ceil(BATCHES).max(1)) {
        columns.extend(read_columns(&sources, names, data)?);
    }
    // In the order of the file.
    let mut read = columns.into_iter();
    let columns: Vec<Column> = unknown.into_iter().filter_map(|unread| unread.or_else(|| read.next())).collect();
    Ok(Read { columns, rows_of_files, hashes, conversions })
}

fn open(file: &DataFile, most: u64) -> Result<Source<'_>, DatasetError> {
    let name = file.name.as_str();
    let mut input = file.open(most)?;
    // Before a large file is read: is it what its name says?
    if input.ends(MAGIC.len() as u64)?.iter().any(|end| end != MAGIC) {
        let reason = "it does not begin and end with `PAR1`";
        return Err(DatasetError::Parquet { file: name.into(), reason: reason.into() });
    }
    let bytes = input.bytes()?;
    let _limit = Limited::to(parquet_bounds::at_once(bytes.len()), name);
    let mut reader = ParquetReader::new(Cursor::new(bytes.as_slice()));
    let footer = reader.get_metadata().map_err(|e| damaged(name, &e))?.clone();
    parquet_bounds::check(name, &bytes, &footer)?;
    let schema = ParquetReader::schema(&mut reader).map_err(|e| damaged(name, &e))?;
    let columns = schema.iter_names().map(ToString::to_string).collect();
    Ok(Source { name, sha256: sha256_hex(&bytes), columns, footer, bytes })
}

fn damaged(file: &str, error: &PolarsError) -> DatasetError {
    DatasetError::Parquet { file: file.into(), reason: error.to_string() }
}

/// Columns of all files, one file below the other.
fn read_columns(sources: &[Source], names: &[String], data: &DataSection) -> Result<Vec<Column>, DatasetError> {
    let mut parts = Vec::with_capacity(sources.len());
    for source in sources {
        let frame = frame_of(source, names).map_err(|error| damaged(source.name, &error))?;
        parts.push(frame.into_columns().into_iter());
    }
    let mut columns = Vec::with_capacity(names.len());
    for name in names {
        let mut one = Vec::with_capacity(sources.len());
        for (part, source) in parts.iter_mut().zip(sources) {
            let column = part.next().filter(|column| column.name() == name);
            let column = column.ok_or_else(|| DatasetError::Parquet {
                file: source.name.into(),
                reason: format!("`{name}` could not be read"),
            })?;
            // The decoder asserts this in its debug builds only.
            if column.len() != source.footer.num_rows {
                let (n, rows) = (column.len(), source.footer.num_rows);
                let reason = format!("`{name}` has {n} values, and the file has {rows} rows");
                return Err(DatasetError::Parquet { file: source.name.into(), reason });
            }
            one.push(DataFrame::new(column.len(), vec![column]).map_err(|e| damaged(source.name, &e))?);
        }
        columns.push(join_column(one, sources, name, data)?);
    }
    Ok(columns)
}

fn frame_of(source: &Source, names: &[String]) -> Result<DataFrame, PolarsError> {
    let _limit = Limited::to(parquet_bounds::at_once(source.bytes.len()), source.name);
    let mut reader = ParquetReader::new(Cursor::new(source.bytes.as_slice()));
    reader.set_metadata(source.footer.clone());
    reader.with_columns(Some(names.to_vec())).finish()
}

/// A column whose type the decoder was built without stays unread, and says so to whoever asks for it.
fn unread(sources: &[Source], name: &str) -> Option<Column> {
    let kind = sources.iter().find_map(|source| unsupported(source, name))?;
    let mut column = Column::new(name, kind, ColumnKind::Other, Data::Opaque { missing: 0 });
    column.obstacle = Some(format!("is stored as {kind}, which is not read: write it as float32 or float64"));
    Some(column)
}

/// The type of a column, if it is one that the decoder was built without.
fn unsupported(source: &Source, name: &str) -> Option<&'static str> {
    let fields = source.footer.schema_descr.fields();
    let field = fields.iter().find(|field| field.get_field_info().name == *name)?;
    match field {
        ParquetType::PrimitiveType(PrimitiveType { logical_type: Some(PrimitiveLogicalType::Float16), .. }) => {
            Some("float16")
        }
        _ => None,
    }
}

fn join_column(
    parts: Vec<DataFrame>,
    sources: &[Source],
    name: &str,
    data: &DataSection,
) -> Result<Column, DatasetError> {
    let stored_as = stored_as(&parts);
    let dictionary = |part: &DataFrame| matches!(dtype(part), DataType::Categorical(..) | DataType::Enum(..));
    let how = TextColumn {
        name,
        typed: Some(&stored_as),
        declared: Declared::of(name, data),
        decimal: DecimalMark::Point,
        category: parts.iter().any(dictionary) || is_category(name, data),
        stored_as: &stored_as,
    };
    let mut common = common_type(&parts, sources, name)?;
    // Unsigned numbers beyond i64 are identifiers: as text they stay distinct.
    let fits = |part: &DataFrame| part.columns().iter().all(|c| frame::cast(c, &DataType::Int64).is_some());
    if common == Some(DataType::Int64) && !parts.iter().all(fits) {
        common = Some(DataType::String);
    }
    let mut whole: Option<DataFrame> = None;
    for (part, source) in parts.into_iter().zip(sources) {
        let part = match &common {
            Some(to) => retyped(part, to, source.name, name)?,
            None => part,
        };
        whole = Some(frame::below(whole, part, source.name)?);
    }
    let column = whole.and_then(|frame| frame.into_columns().pop());
    Ok(match column {
        Some(column) => convert(&column, &how),
        None => {
            let missing = sources.iter().map(|source| source.footer.num_rows).sum();
            Column::new(name, &stored_as, ColumnKind::Other, Data::Opaque { missing })
        }
    })
}

fn dtype(part: &DataFrame) -> DataType {
    part.columns().first().map_or(DataType::Null, |c| c.dtype().clone())
}

fn stored_as(parts: &[DataFrame]) -> String {
    let mut names: Vec<String> = parts.iter().map(|p| dtype(p).to_string()).collect();
    names.dedup();
    names.join("/")
}

/// The type in which the parts are put together; `None` leaves them as they are.
fn common_type(parts: &[DataFrame], sources: &[Source], name: &str) -> Result<Option<DataType>, DatasetError> {
    let mut common: Option<DataType> = None;
    for (part, source) in parts.iter().zip(sources) {
        let here = simplified(&dtype(part));
        common = Some(match (common, here) {
            (None | Some(DataType::Null), here) => here,
            (Some(so_far), DataType::Null) => so_far,
            (Some(DataType::Int64), DataType::Float64) | (Some(DataType::Float64), DataType::Int64) => {
                DataType::Float64
            }
            (Some(so_far), here) if so_far == here => here,
            (Some(so_far), here) => {
                return Err(DatasetError::Mismatch {
                    file: source.name.into(),
                    first: sources.first().map(|first| first.name.to_owned()).unwrap_or_default(),
                    reason: format!("`{name}` is {here} there, {so_far} before"),
                });
            }
        });
    }
    Ok(common)
}

fn simplified(dtype: &DataType) -> DataType {
    match dtype {
        t if t.is_integer() => DataType::Int64,
        t if t.is_float() || t.is_decimal() => DataType::Float64,
        DataType::Categorical(..) | DataType::Enum(..) => DataType::String,
        other => other.clone(),
    }
}

fn retyped(part: DataFrame, to: &DataType, file: &str, name: &str) -> Result<DataFrame, DatasetError> {
    let Some(column) = part.columns().first().filter(|c| c.dtype() != to) else { return Ok(part) };
    let cast = frame::cast(column, to).ok_or_else(|| DatasetError::Parquet {
        file: file.into(),
        reason: format!("`{name}` ({}) has values that do not fit {to}", column.dtype()),
    })?;
    DataFrame::new(cast.len(), vec![cast]).map_err(|e| damaged(file, &e))
}

fn convert(column: &polars_core::prelude::Column, how: &TextColumn<'_>) -> Column {
    let (name, stored_as) = (how.name, how.stored_as);
    if let Some(values) = frame::floats(column) {
        return Column::numbers(name, stored_as, values);
    }
    if let Some(values) = frame::truths(column) {
        return Column::new(name, stored_as, ColumnKind::Boolean, Data::Numbers(values));
    }
    if let Some(true) = frame::with_integers(column, |values| exact(values.flatten())) {
        // Exact: every value is within 2^53.
        #[allow(clippy::cast_precision_loss)]
        let to_float = |v: Option<i64>| v.map_or(f64::NAN, |v| v as f64);
        let values = frame::with_integers(column, |values| values.map(to_float).collect());
        return Column::numbers(name, stored_as, values.unwrap_or_default());
    }
    if let Some(encoded) = frame::with_text(column, |values| encode(values)) {
        return classify(encoded, how);
    }
    if column.dtype() == &DataType::Int64 {
        let text = frame::cast(column, &DataType::String);
        if let Some(encoded) = text.and_then(|t| frame::with_text(&t, |values| encode(values))) {
            return large_integers(name, stored_as, encoded);
        }
    }
    if column.dtype() == &DataType::Null {
        return Column::numbers(name, stored_as, vec![f64::NAN; column.len()]);
    }
    if let Some(days) = frame::days(column) {
        return Column::dates(name, stored_as, days);
    }
    let kind = if column.dtype().is_temporal() { ColumnKind::Date } else { ColumnKind::Other };
    let mut opaque = Column::new(name, stored_as, kind, Data::Opaque { missing: column.null_count() });
    opaque.obstacle = Some(format!("is stored as {stored_as}"));
    opaque
}
