//! Where the system has no look-up below an open directory: each name is looked at before it is used. Whoever can swap a
//! folder for a link between the two can write into the run anyway.

use crate::store::folder::Entry;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub(super) struct Handle(PathBuf);

impl Handle {
    pub fn open(place: &Path) -> io::Result<Handle> {
        if fs::symlink_metadata(place)?.is_dir() { Ok(Handle(place.to_owned())) } else { Err(not_followed()) }
    }

    pub fn folder(&self, name: &str) -> io::Result<Handle> {
        Handle::open(&self.0.join(name))
    }

    pub fn make_folder(&self, name: &str) -> io::Result<()> {
        fs::create_dir(self.0.join(name))
    }

    pub fn open_file(&self, name: &str) -> io::Result<File> {
        self.no_link(name)?;
        File::open(self.0.join(name))
    }

    pub fn create_file(&self, name: &str, _read_only: bool) -> io::Result<File> {
        File::options().write(true).create_new(true).open(self.0.join(name))
    }

    pub fn append_to(&self, name: &str) -> io::Result<File> {
        self.no_link(name)?;
        File::options().append(true).create(true).open(self.0.join(name))
    }

    pub fn open_to_sync(&self, name: &str) -> io::Result<File> {
        self.no_link(name)?;
        File::options().write(true).open(self.0.join(name))
    }

    pub fn rename(&self, name: &str, to: &Handle, as_name: &str) -> io::Result<()> {
        fs::rename(self.0.join(name), to.0.join(as_name))
    }

    pub fn link(&self, name: &str, to: &Handle, as_name: &str) -> io::Result<()> {
        fs::hard_link(self.0.join(name), to.0.join(as_name))
    }

    pub fn remove_file(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.0.join(name))
    }

    pub fn remove_folder(&self, name: &str) -> io::Result<()> {
        self.no_link(name)?;
        fs::remove_dir(self.0.join(name))
    }

    pub fn look(&self, name: &str) -> io::Result<Entry> {
        match fs::symlink_metadata(self.0.join(name)) {
            Ok(found) if found.is_dir() => Ok(Entry::Folder),
            Ok(found) if found.is_file() => Ok(Entry::File(None)),
            Ok(_) => Ok(Entry::Other),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Entry::Nothing),
            Err(error) => Err(error),
        }
    }

    pub fn list(&self) -> io::Result<Vec<String>> {
        let names = fs::read_dir(&self.0)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        let mut names = names.collect::<io::Result<Vec<String>>>()?;
        names.sort();
        Ok(names)
    }

    /// Such systems write a folder's entries in order and cannot be asked to write them now.
    #[allow(clippy::unnecessary_wraps)] // as where it can
    pub fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    #[allow(clippy::unnecessary_wraps)] // as where there is one
    pub fn owner(&self) -> io::Result<Option<u32>> {
        Ok(None)
    }

    fn no_link(&self, name: &str) -> io::Result<()> {
        match fs::symlink_metadata(self.0.join(name)) {
            Ok(found) if found.is_symlink() => Err(not_followed()),
            _ => Ok(()),
        }
    }
}

fn not_followed() -> io::Error {
    io::Error::new(ErrorKind::NotADirectory, "a link, which is not followed, or no folder")
}

/// As [`not_followed`] says it.
pub(super) fn is_link(error: &io::Error) -> bool {
    error.kind() == ErrorKind::NotADirectory
}
