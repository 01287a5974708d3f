//! A folder that is held open. Everything this store changes on disk goes through here: names are looked up below the open
//! folder and links are never followed, so nothing outside the run can be written or deleted, whatever somebody puts into
//! it. It is also the one list of what a run does to a disk, which the tests stop, forget and reorder at will.

#[cfg_attr(unix, path = "folder/by_handle.rs")]
#[cfg_attr(not(unix), path = "folder/by_path.rs")]
mod handle;
#[cfg(test)]
pub(super) mod recorder;

use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// The largest number of files that are synced at once: enough for a file system to write them as one batch.
pub(super) const AT_ONCE: usize = 8;

/// An open folder.
#[derive(Debug)]
pub(super) struct Folder {
    place: PathBuf,
    handle: handle::Handle,
}

/// What a name stands for, links not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    Nothing,
    /// A regular file, and which one, where the system says so.
    File(Option<Identity>),
    Folder,
    /// A link, a device, a pipe.
    Other,
}

/// Which file it is, under whatever name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    pub device: u64,
    pub number: u64,
}

/// A change on disk, as the tests see it.
#[cfg(test)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    MakeFolder(PathBuf),
    Create(PathBuf, Vec<u8>),
    Append(PathBuf, Vec<u8>),
    Rename(PathBuf, PathBuf),
    Link(PathBuf, PathBuf),
    Remove(PathBuf),
    RemoveFolder(PathBuf),
    SyncFile(PathBuf),
    SyncFolder(PathBuf),
}

/// The tests stop here, or write down what comes.
macro_rules! effect {
    ($effect:expr) => {
        #[cfg(test)]
        recorder::take({
            use Effect::*;
            $effect
        })?;
    };
}

impl Folder {
    /// Opens a folder by its path; its last name must not be a link.
    pub fn open(place: &Path) -> io::Result<Folder> {
        Ok(Folder { handle: handle::Handle::open(place)?, place: place.to_owned() })
    }

    /// Where a name is, for messages and for libgit2.
    pub fn at(&self, name: &str) -> PathBuf {
        self.place.join(name)
    }

    /// Where it is itself.
    pub fn place(&self) -> &Path {
        &self.place
    }

    /// A folder inside.
    pub fn folder(&self, name: &str) -> io::Result<Folder> {
        Ok(Folder { handle: self.handle.folder(one_name(name)?)?, place: self.at(name) })
    }

    /// A folder inside, made if it is not there; `true` if it was made.
    pub fn make(&self, name: &str) -> io::Result<(Folder, bool)> {
        match self.folder(name) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            found => return Ok((found?, false)),
        }
        effect!(MakeFolder(self.at(name)));
        match self.handle.make_folder(name) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
            _ => Ok((self.folder(name)?, true)),
        }
    }

    /// The folder at the end of a chain of names, each inside the one before.
    pub fn descend<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> io::Result<Folder> {
        let mut here = Folder::open_again(self)?;
        for name in names {
            here = here.folder(name)?;
        }
        Ok(here)
    }

    /// As [`Folder::descend`], making what is not there.
    pub fn make_chain<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> io::Result<Folder> {
        let mut here = Folder::open_again(self)?;
        for name in names {
            here = here.make(name)?.0;
        }
        Ok(here)
    }

    fn open_again(&self) -> io::Result<Folder> {
        Ok(Folder { handle: self.handle.folder(".")?, place: self.place.clone() })
    }

    /// The content of a regular file.
    pub fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut file = self.handle.open_file(one_name(name)?)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(ErrorKind::InvalidInput, "not a regular file"));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The content of a regular file, or `None` if there is no such name.
    pub fn read_if_there(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match self.read(name) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }

    /// Writes a file that is not there yet.
    pub fn create(&self, name: &str, bytes: &[u8]) -> io::Result<File> {
        self.create_as(name, bytes, false)
    }

    /// Writes a file that is not there yet and that nobody is to change, as git keeps its objects.
    pub fn create_read_only(&self, name: &str, bytes: &[u8]) -> io::Result<File> {
        self.create_as(name, bytes, true)
    }

    fn create_as(&self, name: &str, bytes: &[u8], read_only: bool) -> io::Result<File> {
        effect!(Create(self.at(name), bytes.to_vec()));
        let mut file = self.handle.create_file(one_name(name)?, read_only)?;
        file.write_all(bytes)?;
        Ok(file)
    }

    /// Adds to the end of a file.
    pub fn append(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        effect!(Append(self.at(name), bytes.to_vec()));
        self.handle.append_to(one_name(name)?)?.write_all(bytes)
    }

    /// Opens a file to hold a lock on it, made if it is not there.
    pub fn open_lock(&self, name: &str) -> io::Result<File> {
        effect!(Append(self.at(name), Vec::new()));
        self.handle.append_to(one_name(name)?)
    }

    /// True if another process holds a lock on a file. Asking takes a shared lock for an instant.
    pub fn is_locked(&self, name: &str) -> io::Result<bool> {
        let file = match self.handle.open_file(one_name(name)?) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            opened => opened?,
        };
        match file.try_lock_shared() {
            Ok(()) => file.unlock().map(|()| false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Gives an entry another name, here or in another folder. What has that name is replaced, a link as a link.
    pub fn rename(&self, name: &str, to: &Folder, as_name: &str) -> io::Result<()> {
        effect!(Rename(self.at(name), to.at(as_name)));
        self.handle.rename(one_name(name)?, &to.handle, one_name(as_name)?)
    }

    /// Gives a file a second name, which must not be there yet.
    pub fn link(&self, name: &str, to: &Folder, as_name: &str) -> io::Result<()> {
        effect!(Link(self.at(name), to.at(as_name)));
        self.handle.link(one_name(name)?, &to.handle, one_name(as_name)?)
    }

    /// Removes a file, or a link as a link; nothing to remove is no error.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        effect!(Remove(self.at(name)));
        gone(self.handle.remove_file(one_name(name)?))
    }

    /// Removes an empty folder; nothing to remove is no error.
    pub fn remove_folder(&self, name: &str) -> io::Result<()> {
        effect!(RemoveFolder(self.at(name)));
        gone(self.handle.remove_folder(one_name(name)?))
    }

    /// What is at a name.
    pub fn look(&self, name: &str) -> io::Result<Entry> {
        self.handle.look(one_name(name)?)
    }

    /// The names inside, in order.
    pub fn list(&self) -> io::Result<Vec<String>> {
        self.handle.list()
    }

    /// Returns when the names inside are on the disk.
    pub fn sync(&self) -> io::Result<()> {
        effect!(SyncFolder(self.place.clone()));
        supported(self.handle.sync())
    }

    /// Returns when the bytes of a file are on the disk.
    pub fn sync_file(&self, name: &str) -> io::Result<()> {
        effect!(SyncFile(self.at(name)));
        self.sync_unseen(name)
    }

    fn sync_unseen(&self, name: &str) -> io::Result<()> {
        supported(self.handle.open_to_sync(one_name(name)?)?.sync_all())
    }

    /// The user who owns it, on systems that have such users.
    pub fn owner(&self) -> io::Result<Option<u32>> {
        self.handle.owner()
    }
}

/// Returns when the bytes of all the files are on the disk. They are asked for at once, so that a file system can write
/// them as one batch.
pub(super) fn sync_files(files: &[(&Folder, &str)]) -> io::Result<()> {
    #[cfg(test)]
    for (folder, name) in files {
        recorder::take(Effect::SyncFile(folder.at(name)))?;
    }
    at_once(files, |(folder, name)| folder.sync_unseen(name))
}

/// Returns when the names in all the folders are on the disk.
pub(super) fn sync_folders(folders: &[&Folder]) -> io::Result<()> {
    #[cfg(test)]
    for folder in folders {
        recorder::take(Effect::SyncFolder(folder.place.clone()))?;
    }
    at_once(folders, |folder| supported(folder.handle.sync()))
}

fn at_once<T: Sync>(all: &[T], act: impl Fn(&T) -> io::Result<()> + Sync) -> io::Result<()> {
    if all.len() <= 1 {
        return all.iter().try_for_each(act);
    }
    let act = &act;
    let share = move |part: &[T]| part.iter().try_for_each(act);
    let (mine, others) = all.split_at(all.len().div_ceil(AT_ONCE));
    std::thread::scope(|scope| {
        let mut here = Vec::new();
        let mut begun = Vec::new();
        for part in others.chunks(mine.len()) {
            match std::thread::Builder::new().spawn_scoped(scope, move || share(part)) {
                Ok(thread) => begun.push(thread),
                Err(_) => here.push(part), // no thread to be had: one after the other then
            }
        }
        here.push(mine);
        here.into_iter().try_for_each(share)?;
        let lost = || Err(io::Error::other("a thread that synced files ended early"));
        begun.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| lost()))
    })
}

/// Some network and user-space file systems cannot be asked; they are as durable as they are.
fn supported(synced: io::Result<()>) -> io::Result<()> {
    match synced {
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        other => other,
    }
}

fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// True if the answer of the system means that a link, or something else than was expected, is in the way.
pub(super) fn is_no_file(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotADirectory | ErrorKind::IsADirectory) || handle::is_link(error)
}

/// A name is one step and never leads up.
fn one_name(name: &str) -> io::Result<&str> {
    let plain = !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\0']);
    if plain { Ok(name) } else { Err(io::Error::new(ErrorKind::InvalidInput, "not the name of an entry")) }
}
