//! Files into frames: CSV and Parquet, one or several, in any encoding that can be told.

pub(crate) mod csv;
mod csv_scan;
pub(crate) mod encoding;
mod field_shape;
pub(crate) mod frame;
mod page_header;
pub(crate) mod parquet;
mod parquet_bounds;
pub(crate) mod source;
