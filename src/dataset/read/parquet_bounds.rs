//! The sizes that a Parquet file announces, held against the bytes that are there, before anything is decoded.
//!
//! A decoder makes room for as many values and bytes as the footer and the page headers announce. A damaged byte there
//! announces exabytes, and memory that cannot be had ends the program. So nothing is decoded that announces more than
//!
//! | what | limit, for a file of n bytes |
//! |---|---|
//! | rows, values of a column in a row group | 2^20 + 1,024 n |
//! | values of all columns together | 2^27 + 1,024 n |
//! | bytes of a page, once decompressed | 2^24 + 8,192 n |
//!
//! A decoder that asks for more than twice the room for that many values or bytes ([`at_once`]) has met a damaged size
//! inside a page, and the program ends with a sentence (`memory`).
//!
//! The most that is allowed is a column of one repeated value. An honest file has at least one column that varies, which takes
//! far more than a byte for 1,024 rows.

use crate::dataset::error::DatasetError;
use crate::dataset::read::page_header::{self, PageHeader};
use crate::text::numbers::count;
use polars_parquet::parquet::compression::Compression;
use polars_parquet::parquet::metadata::{ColumnChunkMetadata, FileMetadata, RowGroupMetadata};
use polars_parquet::parquet::schema::types::PhysicalType;

/// Bytes of `PAR1` at the start of a file.
const MAGIC: u64 = 4;

struct Bounds<'a> {
    file: &'a str,
    bytes: &'a [u8],
    values: u64,
    page: u64,
    values_left: u64,
}

/// The most bytes that decoding a file of `n` bytes may ask for at once: a page, or one value of 16 bytes for each row; and
/// as much again where a buffer grows.
pub(crate) fn at_once(n: usize) -> usize {
    n.saturating_mul(32 << 10).saturating_add(64 << 20)
}

/// Refuses a file whose footer or page headers do not go with its size.
pub(crate) fn check(file: &str, bytes: &[u8], footer: &FileMetadata) -> Result<(), DatasetError> {
    let n = bytes.len() as u64;
    let mut bounds = Bounds {
        file,
        bytes,
        values: (1 << 20) + 1024 * n,
        page: (1 << 24) + 8192 * n,
        values_left: (1 << 27) + 1024 * n,
    };
    bounds.count(footer.num_rows as u64, "rows")?;
    let mut rows = 0_u64;
    for group in &footer.row_groups {
        rows = rows.saturating_add(group.num_rows() as u64);
        bounds.row_group(group)?;
    }
    if rows != footer.num_rows as u64 {
        let reason = format!("it says that it has {} rows, and its row groups have {rows}", footer.num_rows);
        return Err(bounds.damaged(reason));
    }
    Ok(())
}

impl Bounds<'_> {
    fn damaged(&self, reason: impl Into<String>) -> DatasetError {
        DatasetError::Parquet { file: self.file.into(), reason: reason.into() }
    }

    fn count(&self, n: u64, what: &str) -> Result<(), DatasetError> {
        if n <= self.values {
            return Ok(());
        }
        let bytes = count(self.bytes.len());
        Err(self.damaged(format!("it says that it has {n} {what}, which does not go with its {bytes} bytes")))
    }

    fn row_group(&mut self, group: &RowGroupMetadata) -> Result<(), DatasetError> {
        self.count(group.num_rows() as u64, "rows")?;
        for chunk in group.parquet_columns() {
            let name = chunk.descriptor().path_in_schema.join(".");
            let Ok(values) = u64::try_from(chunk.num_values()) else {
                return Err(self.damaged(format!("`{name}` has a negative number of values")));
            };
            self.count(values, &format!("values of `{name}`"))?;
            let Some(left) = self.values_left.checked_sub(values) else {
                let bytes = count(self.bytes.len());
                return Err(self.damaged(format!("its columns have more values than go with its {bytes} bytes")));
            };
            self.values_left = left;
            if chunk.descriptor().descriptor.max_rep_level == 0 && values != group.num_rows() as u64 {
                let rows = group.num_rows();
                return Err(self.damaged(format!("`{name}` has {values} values in a row group of {rows} rows")));
            }
            if let PhysicalType::FixedLenByteArray(width) = chunk.physical_type() {
                let all = values.saturating_mul(width as u64);
                self.bytes_of_page(i64::try_from(all).unwrap_or(i64::MAX), &name)?;
            }
            self.pages(chunk, values, &name)?;
        }
        Ok(())
    }

    fn bytes_of_page(&self, n: i64, name: &str) -> Result<(), DatasetError> {
        if u64::try_from(n).is_ok_and(|n| n <= self.page) {
            return Ok(());
        }
        let bytes = count(self.bytes.len());
        Err(self.damaged(format!("a page of `{name}` says that it has {n} bytes, in a file of {bytes}")))
    }

    /// Every page that the decoder will look at.
    fn pages(&self, chunk: &ColumnChunkMetadata, values: u64, name: &str) -> Result<(), DatasetError> {
        let outside = || self.damaged(format!("`{name}` lies outside the file"));
        let range = chunk.byte_range();
        if range.start < MAGIC {
            return Err(outside());
        }
        let place = |at: u64| usize::try_from(at).ok();
        let content = place(range.start).zip(place(range.end)).and_then(|(start, end)| self.bytes.get(start..end));
        let mut rest = content.ok_or_else(outside)?;
        let mut seen = 0_u64;
        while seen < values {
            let Some((header, n)) = page_header::read(rest) else {
                return Err(self.damaged(format!("a page header of `{name}` is cut off or damaged")));
            };
            self.page(&header, chunk.compression() == Compression::Uncompressed, name)?;
            seen = seen.saturating_add(u64::try_from(header.values).unwrap_or(u64::MAX));
            if seen > values {
                return Err(self.damaged(format!("the pages of `{name}` have more values than its {values}")));
            }
            let end = usize::try_from(header.compressed).ok().and_then(|size| n.checked_add(size));
            rest = end.and_then(|end| rest.get(end..)).ok_or_else(outside)?;
        }
        Ok(())
    }

    fn page(&self, header: &PageHeader, stored_plainly: bool, name: &str) -> Result<(), DatasetError> {
        self.bytes_of_page(header.uncompressed, name)?;
        let size = if stored_plainly { header.compressed } else { header.uncompressed };
        // No value of a dictionary is shorter than a byte.
        if header.dictionary_values < 0 || header.dictionary_values > size {
            let n = header.dictionary_values;
            return Err(self.damaged(format!("a dictionary of `{name}` says that it has {n} values")));
        }
        if header.values < 0 || header.level_bytes.iter().any(|n| *n < 0 || *n > header.compressed) {
            return Err(self.damaged(format!("a page header of `{name}` is damaged")));
        }
        Ok(())
    }
}
