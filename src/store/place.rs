//! The folders of a run, held open, and what this process leaves in them while it works.
//!
//! Whatever is only for a moment is in `.git/oci-agent.tmp`, and goes with it: at the end of a run, or when the next one
//! opens. git's lock files are hard links to one file in there, so that one that was left by a kill can be told from one
//! that another git is holding, which is never removed.

use crate::store::ArtifactError;
use crate::store::folder::{Entry, Folder, Identity};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// For what is only there for a moment.
const SCRATCH: &str = "oci-agent.tmp";
/// In there: the file that every lock of this process is another name of.
const TOKEN: &str = "lock";
/// In there: the next content of some file.
const NEW: &str = "new";
/// All that is ever in there, besides objects on their way. The last is of earlier versions.
const LEFT_BEHIND: [&str; 7] = [TOKEN, NEW, "index", "index.lock", "config", "config.lock", "file"];
/// What the names of objects on their way begin with.
pub(super) const OBJECT: &str = "object-";
/// Where git keeps its locks, besides those below `refs`.
const LOCKS: [&str; 3] = ["index.lock", "HEAD.lock", "config.lock"];
/// For how long another git may hold a lock before a run gives up. Readers hold theirs for milliseconds.
#[cfg(not(test))]
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
#[cfg(test)]
pub(super) const PATIENCE: Duration = Duration::from_millis(50);

/// The folders of a run.
#[derive(Debug)]
pub(super) struct Place {
    /// The directory, without links in it.
    pub dir: PathBuf,
    /// The same, held open.
    pub top: Folder,
    /// `.git` in it.
    pub git: Folder,
    scratch: Folder,
}

impl Place {
    /// Clears what a killed process of this program left. The run's lock is held.
    ///
    /// `true` if there was something: that process did not come to its end.
    pub fn open(dir: &Path, top: Folder, git: Folder) -> Result<(Place, bool), ArtifactError> {
        let (scratch, killed) = clear(&git).map_err(|e| ArtifactError::io("clear", &git.at(SCRATCH), e))?;
        let made = || {
            scratch.create(TOKEN, b"")?;
            scratch.sync_file(TOKEN)?;
            scratch.sync()?;
            git.sync()?;
            top.sync()
        };
        made().map_err(|e| ArtifactError::io("write", &scratch.at(TOKEN), e))?;
        Ok((Place { dir: dir.to_owned(), top, git, scratch }, killed))
    }

    /// The folder for what is only there for a moment.
    pub fn scratch(&self) -> &Folder {
        &self.scratch
    }

    /// Writes beside and renames into place: a reader sees the old file or the new one.
    pub fn replace(&self, folder: &Folder, name: &str, bytes: &[u8]) -> Result<(), ArtifactError> {
        let write = || {
            self.scratch.remove(NEW)?;
            self.scratch.create(NEW, bytes)?;
            self.scratch.rename(NEW, folder, name)
        };
        write().map_err(|e| ArtifactError::io("write", &folder.at(name), e))
    }

    /// As [`Place::replace`], and it returns when the new file, and its name, are on the disk.
    pub fn replace_durably(&self, folder: &Folder, name: &str, bytes: &[u8]) -> Result<(), ArtifactError> {
        let write = || {
            self.scratch.remove(NEW)?;
            self.scratch.create(NEW, bytes)?;
            self.scratch.sync_file(NEW)?;
            self.scratch.rename(NEW, folder, name)?;
            folder.sync()
        };
        write().map_err(|e| ArtifactError::io("write", &folder.at(name), e))
    }

    /// Does something to a file of git while holding git's lock on it; `None` if another git keeps the lock for longer
    /// than `patience`.
    pub fn with_lock<T>(
        &self,
        folder: &Folder,
        name: &str,
        patience: Duration,
        act: impl FnOnce() -> Result<T, ArtifactError>,
    ) -> Result<Option<T>, ArtifactError> {
        let lock = format!("{name}.lock");
        let (mut waited, mut pause) = (Duration::ZERO, Duration::from_millis(5));
        loop {
            match self.take(folder, &lock) {
                Ok(()) => break,
                Err(e) if e.kind() != ErrorKind::AlreadyExists => {
                    return Err(ArtifactError::io("lock", &folder.at(name), e));
                }
                Err(_) if waited >= patience => return Ok(None),
                Err(_) => {}
            }
            std::thread::sleep(pause);
            waited = waited.saturating_add(pause);
            pause = pause.saturating_mul(2).min(Duration::from_millis(200));
        }
        let done = act();
        let released = folder.remove(&lock).map_err(|e| ArtifactError::io("remove", &folder.at(&lock), e));
        let done = done?;
        released.map(|()| Some(done))
    }

    /// A file system without hard links gets an ordinary lock file, as git makes it.
    fn take(&self, folder: &Folder, lock: &str) -> std::io::Result<()> {
        match self.scratch.link(TOKEN, folder, lock) {
            Err(e) if matches!(e.kind(), ErrorKind::PermissionDenied | ErrorKind::Unsupported) => {
                folder.create(lock, b"").map(drop)
            }
            taken => taken,
        }
    }
}

impl Drop for Place {
    /// Leaves nothing behind. What cannot be removed now is removed on the next opening.
    fn drop(&mut self) {
        let _ = clear_scratch(&self.scratch).and_then(|()| self.git.remove_folder(SCRATCH));
    }
}

/// The scratch folder, with nothing of ours in it; `true` if there was.
fn clear(git: &Folder) -> std::io::Result<(Folder, bool)> {
    let scratch = git.make(SCRATCH)?.0;
    let token = scratch.look(TOKEN)?;
    if let Entry::File(Some(token)) = token {
        release(git, token)?;
    }
    clear_scratch(&scratch)?;
    Ok((scratch, token != Entry::Nothing))
}

fn clear_scratch(scratch: &Folder) -> std::io::Result<()> {
    let ours = |name: &String| LEFT_BEHIND.contains(&name.as_str()) || name.starts_with(OBJECT);
    for name in scratch.list()?.iter().filter(|name| ours(name)) {
        if matches!(scratch.look(name)?, Entry::File(_)) {
            scratch.remove(name)?;
        }
    }
    Ok(())
}

/// Removes the locks that a killed process of this program held.
fn release(git: &Folder, token: Identity) -> std::io::Result<()> {
    let mut released = false;
    for lock in LOCKS {
        if git.look(lock)? == Entry::File(Some(token)) {
            git.remove(lock)?;
            released = true;
        }
    }
    if released {
        git.sync()?;
    }
    match git.look("refs")? {
        Entry::Folder => release_below(&git.folder("refs")?, token),
        _ => Ok(()),
    }
}

fn release_below(folder: &Folder, token: Identity) -> std::io::Result<()> {
    for name in folder.list()? {
        match folder.look(&name)? {
            Entry::Folder => release_below(&folder.folder(&name)?, token)?,
            found if found == Entry::File(Some(token)) => {
                folder.remove(&name)?;
                folder.sync()?;
            }
            _ => {}
        }
    }
    Ok(())
}
