//! Places where runs are published: a bucket of S3, Google Cloud Storage or Azure Blob Storage, or a folder. The only owner of
//! `object_store`; it knows names, bytes and hashes, and nothing of runs.
//!
//! What is sent is content-addressed: `objects/sha256/<hash>`. So an object that is there is there for good, sending it again
//! changes nothing, and an upload that was cut goes on where it stopped. What names the objects (the manifest) is written last, when each of
//! them is there: whoever finds a manifest finds a whole publication. A write is one atomic request, or a multipart upload, which
//! shows nothing until it is complete.
//!
//! Keys come from the environment of the command line and are handed in. They are in no address, and taken out of what a
//! server says before it is shown.

mod address;
mod error;
mod remote;
mod sending;
mod server_words;

pub use crate::publish::address::Address;
pub use crate::publish::error::PublishError;
pub use crate::publish::remote::Remote;
pub use crate::publish::sending::{LARGEST_MANIFEST, Parcel, Sent, object_location, receive, send};
