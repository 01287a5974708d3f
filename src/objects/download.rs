//! A whole object, written to a file as it arrives.
//!
//! The first request asks for size and version. Those after it name that version (`If-Match`), so that what arrives is one object
//! and not pieces of two; a store without versions is held to its size and time of change. A connection that is lost goes
//! on where it stopped, by a request for the rest. More bytes than were announced are never written.

use crate::objects::ObjectError;
use crate::objects::remote::{Remote, words};
use futures_util::StreamExt as _;
use object_store::path::Path;
use object_store::{Error, GetOptions, GetRange, GetResult, ObjectMeta, ObjectStoreExt as _};
use std::io::Write;

/// How often in a row a connection may be lost without a single byte; the client below has tried again several times by then.
const LOSSES: usize = 3;

impl Remote {
    /// Writes an object to `into` and says how long it is.
    ///
    /// # Errors
    /// [`ObjectError`]: it is not there, is longer than `most`, changes, or does not arrive. What is in `into` is of no use then.
    pub fn download(&self, location: &str, most: u64, into: &mut impl Write) -> Result<u64, ObjectError> {
        let path = self.path(location)?;
        self.runtime.block_on(Download { remote: self, location, path }.run(most, into))
    }
}

struct Download<'a> {
    remote: &'a Remote,
    location: &'a str,
    path: Path,
}

/// Why a part of the object is the last that came.
enum Ended {
    /// All of it is there.
    Whole,
    /// The connection was lost, perhaps by another version.
    Lost(Error),
}

impl Download<'_> {
    async fn run(&self, most: u64, into: &mut impl Write) -> Result<u64, ObjectError> {
        let (meta, mut part) = self.first().await?;
        if meta.size > most {
            return Err(ObjectError::TooLarge { place: self.place(), size: meta.size, most });
        }
        let (mut there, mut losses) = (0, 0);
        loop {
            let before = there;
            let error = match self.write(part, meta.size, &mut there, into).await? {
                Ended::Whole => return Ok(meta.size),
                Ended::Lost(error) => error,
            };
            losses = if there > before { 0 } else { losses + 1 };
            if losses >= LOSSES {
                return Err(self.cut(&error, there, meta.size));
            }
            part = match self.rest(&meta, there).await {
                Ok(part) => part,
                Err(Error::Precondition { .. } | Error::NotFound { .. }) => return Err(self.changed()),
                Err(error) => return Err(self.cut(&error, there, meta.size)),
            };
            if !is_same(&meta, &part.meta) {
                return Err(self.changed());
            }
        }
    }

    /// Its size and version, and the beginning of its bytes.
    async fn first(&self) -> Result<(ObjectMeta, GetResult), ObjectError> {
        let store = &self.remote.store;
        let head = store.head(&self.path).await;
        let version = head.as_ref().ok().and_then(|meta| meta.e_tag.clone());
        // An answer without a body says only that there was an error; the same question about the bytes says which.
        let options = GetOptions { if_match: version, ..GetOptions::default() };
        let part = match store.get_opts(&self.path, options).await {
            Ok(part) => part,
            Err(Error::NotFound { .. } | Error::Precondition { .. }) if head.is_ok() => return Err(self.changed()),
            Err(error @ Error::NotFound { .. }) => {
                let why = self.remote.shown(&words(&error));
                return Err(ObjectError::Missing { place: self.place(), why });
            }
            Err(error) => return Err(self.remote.failed("read", self.location, &error)),
        };
        match head {
            Ok(meta) if !is_same(&meta, &part.meta) => Err(self.changed()),
            Ok(meta) => Ok((meta, part)),
            // It may be read and not looked at.
            Err(_) => Ok((part.meta.clone(), part)),
        }
    }

    async fn rest(&self, meta: &ObjectMeta, there: u64) -> Result<GetResult, Error> {
        let range = Some(GetRange::Bounded(there..meta.size));
        let options = GetOptions { if_match: meta.e_tag.clone(), range, ..GetOptions::default() };
        self.remote.store.get_opts(&self.path, options).await
    }

    /// Writes what arrives, and counts it.
    async fn write(
        &self,
        part: GetResult,
        size: u64,
        there: &mut u64,
        into: &mut impl Write,
    ) -> Result<Ended, ObjectError> {
        let mut stream = part.into_stream();
        while let Some(bytes) = stream.next().await {
            let bytes = match bytes {
                Ok(bytes) => bytes,
                Err(error) => return Ok(Ended::Lost(error)),
            };
            *there = there.saturating_add(bytes.len() as u64);
            if *there > size {
                return Err(self.changed());
            }
            into.write_all(&bytes).map_err(|error| self.no_room(&error))?;
        }
        if *there < size {
            return Err(self.short(*there, size));
        }
        into.flush().map_err(|error| self.no_room(&error))?;
        Ok(Ended::Whole)
    }

    fn place(&self) -> String {
        self.remote.address_of(self.location)
    }

    fn changed(&self) -> ObjectError {
        ObjectError::Changed { place: self.place() }
    }

    /// An answer that ends early, and by its own account in good order.
    fn short(&self, there: u64, size: u64) -> ObjectError {
        let why = format!("the answer ended after {there} of {size} bytes");
        ObjectError::Failed { doing: "read", place: self.place(), why }
    }

    fn no_room(&self, error: &std::io::Error) -> ObjectError {
        ObjectError::NoRoom { place: self.place(), why: error.to_string() }
    }

    fn cut(&self, error: &Error, there: u64, size: u64) -> ObjectError {
        match self.remote.failed("read", self.location, error) {
            ObjectError::Failed { doing, place, why } => {
                ObjectError::Failed { doing, place, why: format!("{why}; {there} of {size} bytes had arrived") }
            }
            other => other,
        }
    }
}

/// True if two answers are about the same version.
fn is_same(one: &ObjectMeta, other: &ObjectMeta) -> bool {
    one.size == other.size
        && match (&one.e_tag, &other.e_tag) {
            (Some(one), Some(other)) => one == other,
            _ => one.last_modified == other.last_modified,
        }
}
