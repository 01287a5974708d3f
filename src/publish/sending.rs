//! Sending and receiving, object by object.

use crate::objects::{ObjectError, Remote};
use crate::publish::{PublishError, manifest_location};
use crate::text::sha256::sha256_hex;

/// A manifest is never longer than this.
pub const LARGEST_MANIFEST: u64 = 1 << 20;

/// Something that is sent under its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// What people call it.
    pub name: String,
    /// SHA-256 of the bytes, in lower-case hexadecimal.
    pub sha256: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Parcel {
    /// With its hash.
    #[must_use]
    pub fn new(name: impl Into<String>, bytes: Vec<u8>) -> Parcel {
        Parcel { name: name.into(), sha256: sha256_hex(&bytes), bytes }
    }
}

/// What was done with one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It was not there.
    New,
    /// Something else was there.
    Replaced,
    /// It was there, and nothing was sent.
    ThereAlready,
}

/// Where an object is, below its place.
#[must_use]
pub fn object_location(sha256: &str) -> String {
    format!("objects/sha256/{sha256}")
}

/// Sends objects, and then the manifest that names them; `told` hears what was done with each, and at last with the manifest.
///
/// An object counts as there if it is as long as it should be; with `reread` it is read back and held against its hash. In a folder of this machine it always is.
///
/// # Errors
/// At the first that cannot be written. The manifest is not written then, and what was written stays, for the next attempt.
pub fn send(
    remote: &Remote,
    objects: &[Parcel],
    manifest: &Parcel,
    reread: bool,
    told: &mut dyn FnMut(&Parcel, Sent),
) -> Result<(), PublishError> {
    for object in objects {
        let location = object_location(&object.sha256);
        let state = state_of(remote, object, &location, reread)?;
        if state != Sent::ThereAlready {
            remote.write(&location, &object.bytes)?;
        }
        told(object, state);
    }
    let location = manifest_location(&manifest.name);
    let state = match remote.read(&location, LARGEST_MANIFEST) {
        Ok(None) | Err(ObjectError::Refused { .. }) => Sent::New,
        Ok(Some(there)) if there == manifest.bytes => Sent::ThereAlready,
        Ok(Some(_)) | Err(ObjectError::TooLarge { .. }) => Sent::Replaced,
        Err(error) => return Err(error.into()),
    };
    if state != Sent::ThereAlready {
        remote.write(&location, &manifest.bytes)?;
    }
    told(manifest, state);
    Ok(())
}

fn state_of(remote: &Remote, object: &Parcel, location: &str, reread: bool) -> Result<Sent, PublishError> {
    let size = object.bytes.len() as u64;
    match remote.size_of(location) {
        // Whoever may write and not list gets this answer for an object that is not there. To write one again changes nothing.
        Ok(None) | Err(ObjectError::Refused { .. }) => Ok(Sent::New),
        Ok(Some(there)) if there != size => Ok(Sent::Replaced),
        Ok(Some(_)) if !reread && !remote.is_folder() => Ok(Sent::ThereAlready),
        Ok(Some(_)) => {
            let same = remote.read(location, size)?.is_some_and(|there| there == object.bytes);
            Ok(if same { Sent::ThereAlready } else { Sent::Replaced })
        }
        Err(error) => Err(error.into()),
    }
}

/// Reads an object and holds it against its size and its hash.
///
/// # Errors
/// It is not there, cannot be read, or is not what was published.
pub fn receive(remote: &Remote, name: &str, sha256: &str, size: u64) -> Result<Vec<u8>, PublishError> {
    let location = object_location(sha256);
    let damaged = |found: String, expected: String| PublishError::Damaged {
        name: name.to_owned(),
        place: remote.address_of(&location),
        found,
        expected,
    };
    let length = |there: usize| there as u64;
    let bytes = match remote.read(&location, size) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Err(damaged("is not there".to_owned(), format!("an object of {size} bytes"))),
        Err(ObjectError::TooLarge { size: there, .. }) => {
            return Err(damaged(format!("has {there} bytes"), format!("an object of {size} bytes")));
        }
        Err(error) => return Err(error.into()),
    };
    if length(bytes.len()) != size {
        return Err(damaged(format!("has {} bytes", bytes.len()), format!("an object of {size} bytes")));
    }
    let there = sha256_hex(&bytes);
    if there == sha256 { Ok(bytes) } else { Err(damaged(format!("has the SHA-256 {there}"), sha256.to_owned())) }
}
