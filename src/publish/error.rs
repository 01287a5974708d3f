//! What can go wrong with a place where runs are published.

use crate::objects::ObjectError;
use crate::text::object_address::AddressError;

/// All errors of this module. Each names the place and a way out.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The store, or its address.
    #[error(transparent)]
    Store(#[from] ObjectError),
    /// An address that is not a manifest's.
    #[error(
        "`{text}` is not the address of a manifest, such as s3://bucket/folder/manifests/nhefs-1c9f2e7.json, which `oci-agent publish` prints"
    )]
    NoManifest {
        /// As typed.
        text: String,
    },
    /// Bytes that are not those that were published.
    #[error("{name} is damaged: {place} {found}, and {expected} was published")]
    Damaged {
        /// The name that it was published under.
        name: String,
        /// The address.
        place: String,
        /// What is there.
        found: String,
        /// What should be.
        expected: String,
    },
}

impl From<AddressError> for PublishError {
    fn from(error: AddressError) -> Self {
        PublishError::Store(error.into())
    }
}

impl PublishError {
    /// True if the call has to be changed; else something outside has to.
    #[must_use]
    pub fn is_the_call(&self) -> bool {
        match self {
            PublishError::Store(error) => error.is_the_call(),
            PublishError::NoManifest { .. } => true,
            PublishError::Damaged { .. } => false,
        }
    }
}
