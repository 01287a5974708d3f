//! Where the sources of a plan are looked for.

use crate::dataset::Unfetched;
use crate::text::object_address::ObjectAddress;
use std::fs::File;
use std::path::{Path, PathBuf};

/// What brings objects of stores to this machine.
pub trait Objects {
    /// An object of at most `most` bytes, whole, in a file that is open for reading.
    ///
    /// # Errors
    /// It is not there, or cannot be had.
    fn open(&self, address: &ObjectAddress, most: u64) -> Result<File, Unfetched>;
}

/// A folder that paths are relative to, and what brings objects. A folder alone has none: then an address of an object is an error.
#[derive(Clone, Copy)]
pub struct DataPlace<'a> {
    folder: &'a Path,
    objects: Option<&'a dyn Objects>,
}

impl<'a> DataPlace<'a> {
    /// A folder, with what brings objects.
    #[must_use]
    pub fn with_objects(folder: &'a Path, objects: &'a dyn Objects) -> DataPlace<'a> {
        DataPlace { folder, objects: Some(objects) }
    }

    /// The folder.
    #[must_use]
    pub fn folder(self) -> &'a Path {
        self.folder
    }

    pub(super) fn objects(self) -> Option<&'a dyn Objects> {
        self.objects
    }
}

impl<'a> From<&'a Path> for DataPlace<'a> {
    fn from(folder: &'a Path) -> DataPlace<'a> {
        DataPlace { folder, objects: None }
    }
}

impl<'a> From<&'a PathBuf> for DataPlace<'a> {
    fn from(folder: &'a PathBuf) -> DataPlace<'a> {
        DataPlace::from(folder.as_path())
    }
}
