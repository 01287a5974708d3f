//! Places where runs are published: a bucket of S3, Google Cloud Storage or Azure Blob Storage, or a folder. It knows names,
//! bytes and hashes, and nothing of runs; how a store is spoken to, [`crate::objects`] knows.
//!
//! What is sent is content-addressed: `objects/sha256/<hash>`. So an object that is there is there for good, sending it again
//! changes nothing, and an upload that was cut goes on where it stopped. What names the objects (the manifest) is written last, when each of
//! them is there: whoever finds a manifest finds a whole publication.

mod address;
mod error;
mod sending;

pub use crate::publish::address::{manifest_location, read_manifest};
pub use crate::publish::error::PublishError;
pub use crate::publish::sending::{LARGEST_MANIFEST, Parcel, Sent, object_location, receive, send};
