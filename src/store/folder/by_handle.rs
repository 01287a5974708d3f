//! Where a name can be looked up below an open directory: no step follows a link.

use crate::store::folder::{Entry, Identity};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const FILE: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

#[derive(Debug)]
pub(super) struct Handle(OwnedFd);

impl Handle {
    /// A folder by its path. Only its last name may be no link: what is above it is the person's own choice.
    pub fn open(place: &Path) -> io::Result<Handle> {
        Ok(Handle(rustix::fs::open(place, FOLDER, Mode::empty())?))
    }

    pub fn folder(&self, name: &str) -> io::Result<Handle> {
        Ok(Handle(rustix::fs::openat(&self.0, name, FOLDER, Mode::empty())?))
    }

    pub fn make_folder(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::mkdirat(&self.0, name, Mode::from_raw_mode(0o777))?)
    }

    pub fn open_file(&self, name: &str) -> io::Result<File> {
        Ok(File::from(rustix::fs::openat(&self.0, name, FILE | OFlags::RDONLY, Mode::empty())?))
    }

    pub fn create_file(&self, name: &str, read_only: bool) -> io::Result<File> {
        let flags = FILE | OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let mode = Mode::from_raw_mode(if read_only { 0o444 } else { 0o666 });
        Ok(File::from(rustix::fs::openat(&self.0, name, flags, mode)?))
    }

    pub fn append_to(&self, name: &str) -> io::Result<File> {
        let flags = FILE | OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND;
        Ok(File::from(rustix::fs::openat(&self.0, name, flags, Mode::from_raw_mode(0o666))?))
    }

    pub fn open_to_sync(&self, name: &str) -> io::Result<File> {
        self.open_file(name)
    }

    pub fn rename(&self, name: &str, to: &Handle, as_name: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.0, name, &to.0, as_name)?)
    }

    pub fn link(&self, name: &str, to: &Handle, as_name: &str) -> io::Result<()> {
        Ok(rustix::fs::linkat(&self.0, name, &to.0, as_name, AtFlags::empty())?)
    }

    pub fn remove_file(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::empty())?)
    }

    pub fn remove_folder(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::REMOVEDIR)?)
    }

    pub fn look(&self, name: &str) -> io::Result<Entry> {
        let found = match rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => found,
            Err(rustix::io::Errno::NOENT) => return Ok(Entry::Nothing),
            Err(error) => return Err(error.into()),
        };
        Ok(match FileType::from_raw_mode(found.st_mode) {
            // The types of these numbers differ between systems; only their equality is used.
            #[allow(clippy::unnecessary_cast, clippy::cast_sign_loss, clippy::cast_possible_wrap)]
            FileType::RegularFile => {
                Entry::File(Some(Identity { device: found.st_dev as u64, number: found.st_ino as u64 }))
            }
            FileType::Directory => Entry::Folder,
            _ => Entry::Other,
        })
    }

    pub fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    pub fn sync(&self) -> io::Result<()> {
        File::from(self.0.try_clone()?).sync_all()
    }

    /// The user who owns the folder.
    pub fn owner(&self) -> io::Result<Option<u32>> {
        Ok(Some(rustix::fs::fstat(&self.0)?.st_uid))
    }
}

/// The answer to opening a link that is not to be followed.
pub(super) fn is_link(error: &io::Error) -> bool {
    rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::LOOP)
}
