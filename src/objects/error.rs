//! What can go wrong with a store of objects.

use crate::text::object_address::AddressError;

/// All errors of this module. Each names the place and a way out.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// A text that is no address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A folder that is not there.
    #[error("{place} is not there. Make the folder first, so that a mistyped name is not taken for a new place")]
    NoFolder {
        /// The address.
        place: String,
    },
    /// The settings from the environment do not fit together.
    #[error("{place} cannot be used: {why}. The variables of the environment that count are in docs/publish.md")]
    Settings {
        /// The address.
        place: String,
        /// The words of the client.
        why: String,
    },
    /// The place does not let us in.
    #[error("{place} does not let us {doing}: {why}. Check the keys in the environment, and what they may do")]
    Refused {
        /// The address.
        place: String,
        /// What was tried.
        doing: &'static str,
        /// The words of the server.
        why: String,
    },
    /// A bucket that is not there.
    #[error("{place} cannot be written to: the bucket or container is not there. Make it first, or check its name")]
    NoSuchBucket {
        /// The address.
        place: String,
    },
    /// A server without TLS.
    #[error(
        "{variable} is http://, so keys and data could be read on their way. If the server is your own: {vendor}_ALLOW_HTTP=true"
    )]
    NoTls {
        /// The variable that names the server.
        variable: String,
        /// What its name begins with.
        vendor: &'static str,
    },
    /// Something that ought to be there.
    #[error("{place} is not there")]
    NotThere {
        /// The address.
        place: String,
    },
    /// The same, in the words of the server: it may be the bucket.
    #[error("{place} is not there: {why}")]
    Missing {
        /// The address.
        place: String,
        /// The words of the server.
        why: String,
    },
    /// Another version took its place, or its bytes are not as many as were announced.
    #[error("{place} was changed while it was read")]
    Changed {
        /// The address.
        place: String,
    },
    /// There is no room for a copy.
    #[error("a copy of {place} cannot be kept: {why}")]
    NoRoom {
        /// The address.
        place: String,
        /// The words of the system.
        why: String,
    },
    /// The connection, the server, the disk.
    #[error("could not {doing} {place}: {why}")]
    Failed {
        /// What was tried.
        doing: &'static str,
        /// The address.
        place: String,
        /// The words of the server or the system.
        why: String,
    },
    /// Something much longer than anything that is wanted.
    #[error("{place} has {size} bytes, more than {most}; it was not read")]
    TooLarge {
        /// The address.
        place: String,
        /// How long it is.
        size: u64,
        /// The limit.
        most: u64,
    },
}

impl ObjectError {
    /// True if the call has to be changed; else something outside has to.
    #[must_use]
    pub fn is_the_call(&self) -> bool {
        use ObjectError::{Address, NoFolder, NoSuchBucket, NoTls, Settings};
        matches!(self, Address(_) | NoFolder { .. } | NoSuchBucket { .. } | NoTls { .. } | Settings { .. })
    }
}
