//! A table of units as the bytes of a Parquet file, for other tools to join on.

use super::error::DatasetError;
use polars_core::prelude::{Column, DataFrame};
use polars_io::parquet::write::{ParquetCompression, ParquetWriter};

/// The values of a column, one for each unit.
#[derive(Debug, Clone, PartialEq)]
pub enum UnitColumn {
    /// Rows of the file, from 1.
    Rows(Vec<u64>),
    /// Whole numbers; none for a unit that has none.
    Whole(Vec<Option<i64>>),
    /// Numbers; none for a unit that has none.
    Numbers(Vec<Option<f64>>),
    /// Texts; none for a unit that has none.
    Texts(Vec<Option<String>>),
    /// True or false.
    Flags(Vec<bool>),
}

/// Why a row of the files is not analysed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOut {
    /// The filter leaves it out.
    Filter,
    /// A value is missing.
    Missing,
    /// Its observation weight is zero.
    WeightZero,
}

impl LeftOut {
    /// As the table says it.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Missing => "missing value",
            Self::WeightZero => "weight zero",
        }
    }
}

/// The table as a Parquet file: the same bytes for the same values.
///
/// # Errors
/// [`DatasetError::Io`] where the writer refuses, as for columns of different lengths.
pub fn parquet(columns: Vec<(String, UnitColumn)>) -> Result<Vec<u8>, DatasetError> {
    let refused = |error: &dyn std::fmt::Display| DatasetError::Io {
        file: "units.parquet".to_owned(),
        reason: error.to_string(),
    };
    let column = |(name, values): (String, UnitColumn)| match values {
        UnitColumn::Rows(values) => Column::new(name.as_str().into(), values),
        UnitColumn::Whole(values) => Column::new(name.as_str().into(), values),
        UnitColumn::Numbers(values) => Column::new(name.as_str().into(), values),
        UnitColumn::Texts(values) => Column::new(name.as_str().into(), values),
        UnitColumn::Flags(values) => Column::new(name.as_str().into(), values),
    };
    let columns: Vec<Column> = columns.into_iter().map(column).collect();
    let height = columns.first().map_or(0, Column::len);
    let mut frame = DataFrame::new(height, columns).map_err(|error| refused(&error))?;
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes)
        .with_compression(ParquetCompression::Zstd(None))
        .finish(&mut frame)
        .map_err(|error| refused(&error))?;
    Ok(bytes)
}
