//! Stores of objects: a bucket of S3, Google Cloud Storage or Azure Blob Storage, or a folder of this machine. The only owner
//! of `object_store`; it knows addresses and bytes, and nothing of runs or of data.
//!
//! A write is one atomic request, or a multipart upload, which shows nothing until it is complete. An object that is
//! downloaded is one version of it from its first byte to its last: every request after the first names the version that
//! the first one found.
//!
//! Keys come from the environment of the command line and are handed in. They are in no address, and taken out of what a
//! server says before it is shown.

mod download;
mod error;
mod remote;
mod server_words;

pub use crate::objects::error::ObjectError;
pub use crate::objects::remote::Remote;
