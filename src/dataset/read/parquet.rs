//! Parquet files, read one column at a time so that a wide table is in memory once, not twice.
//!
//! Nulls and NaN are missing. Text is taken as it is: `NA` in a Parquet file is a text.

use crate::dataset::column::{Column, Data, encode, exact};
use crate::dataset::error::DatasetError;
use crate::dataset::hash;
use crate::dataset::read::csv::{Read, large_integers};
use crate::dataset::read::frame;
use crate::schema::ColumnKind;
use polars_core::prelude::{DataFrame, DataType};
use polars_io::SerReader as _;
use polars_io::parquet::read::ParquetReader;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Reads Parquet files one below the other.
///
/// The metadata reader of polars 0.55 panics on some damaged files; a damaged file is the user's to replace and not a
/// bug of ours, so that panic becomes an error here.
pub(crate) fn read(files: &[(PathBuf, String)]) -> Result<Read, DatasetError> {
    std::panic::catch_unwind(|| read_all(files)).unwrap_or_else(|_| {
        let names: Vec<&str> = files.iter().map(|(_, name)| name.as_str()).collect();
        Err(DatasetError::Parquet { file: names.join("`, `"), reason: "its structure is damaged".into() })
    })
}

fn read_all(files: &[(PathBuf, String)]) -> Result<Read, DatasetError> {
    let mut hashes = Vec::new();
    let mut heads = Vec::new();
    for (path, name) in files {
        hashes.push(hash::file(path, name)?);
        heads.push(head(path, name)?);
    }
    let Some(((first, _), rest)) = heads.split_first() else { return Ok(Read { columns: vec![], rows: 0, hashes }) };
    let first_name = files.first().map_or("", |f| f.1.as_str());
    for ((names, _), (_, file)) in rest.iter().zip(files.iter().skip(1)) {
        frame::same_names(first, names).map_err(|other| DatasetError::Mismatch {
            file: file.clone(),
            first: first_name.into(),
            reason: other.to_string(),
        })?;
    }
    let rows = heads.iter().map(|(_, rows)| rows).sum();
    let columns = first.iter().map(|name| read_column(files, name, rows)).collect::<Result<_, _>>()?;
    Ok(Read { columns, rows, hashes })
}

/// Column names and number of rows.
fn head(path: &Path, name: &str) -> Result<(Vec<String>, usize), DatasetError> {
    let mut reader = ParquetReader::new(open(path, name)?);
    let schema = reader.schema().map_err(|e| damaged(name, &e))?;
    let rows = reader.num_rows().map_err(|e| damaged(name, &e))?;
    Ok((schema.iter_names().map(ToString::to_string).collect(), rows))
}

fn open(path: &Path, name: &str) -> Result<File, DatasetError> {
    File::open(path).map_err(|e| DatasetError::Io { file: name.into(), reason: e.to_string() })
}

fn damaged(file: &str, error: &polars_core::prelude::PolarsError) -> DatasetError {
    DatasetError::Parquet { file: file.into(), reason: error.to_string() }
}

fn read_column(files: &[(PathBuf, String)], name: &str, rows: usize) -> Result<Column, DatasetError> {
    let mut parts = Vec::new();
    for (path, file) in files {
        let frame = ParquetReader::new(open(path, file)?)
            .with_columns(Some(vec![name.to_owned()]))
            .finish()
            .map_err(|e| damaged(file, &e))?;
        parts.push(frame);
    }
    let stored_as = stored_as(&parts);
    let mut common = common_type(&parts, files, name)?;
    // Unsigned numbers beyond i64 are identifiers: as text they stay distinct.
    let fits = |part: &DataFrame| part.columns().iter().all(|c| frame::cast(c, &DataType::Int64).is_some());
    if common == Some(DataType::Int64) && !parts.iter().all(fits) {
        common = Some(DataType::String);
    }
    let mut whole: Option<DataFrame> = None;
    for (part, (_, file)) in parts.into_iter().zip(files) {
        let part = match &common {
            Some(to) => retyped(part, to, file, name)?,
            None => part,
        };
        whole = Some(frame::below(whole, part, file)?);
    }
    let column = whole.and_then(|frame| frame.into_columns().pop());
    Ok(match column {
        Some(column) => convert(&column, name, &stored_as),
        None => Column::new(name, &stored_as, ColumnKind::Other, Data::Opaque { missing: rows }),
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
fn common_type(parts: &[DataFrame], files: &[(PathBuf, String)], name: &str) -> Result<Option<DataType>, DatasetError> {
    let mut common: Option<DataType> = None;
    for (part, (_, file)) in parts.iter().zip(files) {
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
                    file: file.clone(),
                    first: files.first().map(|f| f.1.clone()).unwrap_or_default(),
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

fn convert(column: &polars_core::prelude::Column, name: &str, stored_as: &str) -> Column {
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
        return Column::text(name, stored_as, encoded);
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
    let kind = if column.dtype().is_temporal() { ColumnKind::Date } else { ColumnKind::Other };
    let mut opaque = Column::new(name, stored_as, kind, Data::Opaque { missing: column.null_count() });
    opaque.obstacle = Some(format!("is stored as {stored_as}"));
    opaque
}
