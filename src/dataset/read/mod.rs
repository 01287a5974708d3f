//! Files into frames: CSV and Parquet, one or several, in any encoding that can be told.

mod classify;
pub(crate) mod csv;
mod csv_scan;
pub(crate) mod encoding;
mod field_shape;
pub(crate) mod frame;
pub(crate) mod missing_words;
mod page_header;
pub(crate) mod parquet;
mod parquet_bounds;
pub(crate) mod partitions;
mod separator;
pub(crate) mod source;
pub(crate) mod written_numbers;
