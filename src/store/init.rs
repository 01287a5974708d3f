//! From a directory to a repository of ours, with its lock held.
//!
//! A new repository is built in `<dir>/.oci-agent-init/` and its `.git` renamed into place when it is on the disk, so that a
//! kill or a power cut leaves a directory that the next run recognises as empty, or a valid repository. (Inside rather than
//! beside the directory, because a mounted volume can be neither replaced nor written beside.)

use crate::store::folder::{Entry, Folder};
use crate::store::notice::Notice;
use crate::store::objects::Scan;
use crate::store::place::Place;
use crate::store::repair::Aside;
use crate::store::staging;
use crate::store::trust::RepositoryTrust;
use crate::store::{ArtifactError, libgit, repair};
use git2::{Config, Repository, RepositoryOpenFlags};
use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

/// The marker in the repository's configuration.
const LAYOUT_KEY: &str = "oci-agent.layout";
pub(super) const LAYOUT: i64 = 1;
pub(super) const LOCK: &str = "oci-agent.lock";
/// Files that a directory may contain and still count as empty: our own leftovers, and what systems put into every directory or volume.
const NOTHING: [&str; 3] = [staging::FOLDER, ".DS_Store", "lost+found"];

/// A repository of ours whose lock is held as long as `lock` lives.
pub(super) struct Prepared {
    pub place: Place,
    pub repo: Repository,
    pub lock: Lock,
    pub scan: Scan,
    pub notices: Vec<Notice>,
}

/// An advisory lock, with the number of the process in the file for whoever finds it taken. The system gives it back however the process ends.
pub(super) struct Lock(File);

impl Drop for Lock {
    /// Closing the file would not do while a child process that is just being started still shares it.
    fn drop(&mut self) {
        let _ = self.0.set_len(0); // the number of a process that is no longer at work; nobody relies on it
        let _ = self.0.unlock(); // the only way to fail is that it is not held
    }
}

/// Opens the repository in a directory, or makes it.
pub(super) fn prepare(dir: &Path, trust: &RepositoryTrust) -> Result<Prepared, ArtifactError> {
    libgit::settle();
    refuse_inside_git(dir)?;
    let made = make_directory(dir)?;
    let dir = fs::canonicalize(dir).map_err(|e| ArtifactError::io("open", dir, e))?;
    let prepared = open_or_make(&dir, trust);
    if prepared.is_err() && made {
        // Leaves no empty directory behind after an error; not being able to remove it changes nothing.
        let _ = fs::remove_dir(&dir);
    }
    prepared
}

/// `true` if it was not there before.
fn make_directory(dir: &Path) -> Result<bool, ArtifactError> {
    match fs::metadata(dir) {
        Ok(meta) if meta.is_dir() => Ok(false),
        Ok(_) => Err(ArtifactError::NotOurs { dir: dir.to_owned(), what: "is a file, not a directory" }),
        Err(e) if e.kind() == ErrorKind::NotFound => {
            create_durably(dir).map_err(|e| ArtifactError::io("create the directory", dir, e))?;
            Ok(true)
        }
        Err(e) => Err(ArtifactError::io("open", dir, e)),
    }
}

/// With the folders above it. Returns when their names are on the disk.
fn create_durably(dir: &Path) -> io::Result<()> {
    let absolute = std::path::absolute(dir)?;
    let new: Vec<&Path> = absolute.ancestors().take_while(|above| fs::symlink_metadata(above).is_err()).collect();
    fs::create_dir_all(&absolute)?;
    for above in new.iter().filter_map(|made| made.parent()) {
        Folder::open(&fs::canonicalize(above)?)?.sync()?;
    }
    Ok(())
}

/// Nothing is put where a git keeps its own files.
fn refuse_inside_git(dir: &Path) -> Result<(), ArtifactError> {
    let absolute = std::path::absolute(dir).map_err(|e| ArtifactError::io("find", dir, e))?;
    let mut real = PathBuf::new();
    for part in absolute.components() {
        match part {
            Component::ParentDir => drop(real.pop()),
            part => real.push(part),
        }
        real = fs::canonicalize(&real).unwrap_or(real); // what is not there yet has no links
    }
    let is_git =
        |above: &&Path| above.join("HEAD").is_file() && above.join("objects").is_dir() && above.join("refs").is_dir();
    match real.ancestors().find(is_git) {
        Some(git) => Err(ArtifactError::InsideGit { dir: dir.to_owned(), git: git.to_owned() }),
        None => Ok(()),
    }
}

fn open_or_make(dir: &Path, trust: &RepositoryTrust) -> Result<Prepared, ArtifactError> {
    let top = Folder::open(dir).map_err(|e| ArtifactError::io("open", dir, e))?;
    match look(&top, ".git")? {
        Entry::Nothing => make(dir, top, trust),
        _ => open(dir, top, trust),
    }
}

fn look(folder: &Folder, name: &str) -> Result<Entry, ArtifactError> {
    folder.look(name).map_err(|e| ArtifactError::io("look at", &folder.at(name), e))
}

/// The folder `.git` of a directory, if it is one, and the user's.
pub(super) fn own_git(dir: &Path, top: &Folder, trust: &RepositoryTrust) -> Result<Folder, ArtifactError> {
    // A file or a link named `.git` belongs to a worktree or submodule of another repository.
    if look(top, ".git")? != Entry::Folder {
        return Err(ArtifactError::NotOurs { dir: dir.to_owned(), what: "belongs to another git repository" });
    }
    let git = top.folder(".git").map_err(|e| ArtifactError::io("open", &top.at(".git"), e))?;
    trust.check(dir, &git)?;
    Ok(git)
}

fn open(dir: &Path, top: Folder, trust: &RepositoryTrust) -> Result<Prepared, ArtifactError> {
    let git = own_git(dir, &top, trust)?;
    let layout = layout(&git);
    match layout {
        // Only this program makes such a lock: the configuration has lost its end, or all of it.
        None if matches!(look(&git, LOCK)?, Entry::File(_)) => {}
        None => {
            let what = "is a git repository that oci-agent did not make";
            return Err(ArtifactError::NotOurs { dir: dir.to_owned(), what });
        }
        Some(LAYOUT) => {}
        Some(layout) => return Err(ArtifactError::Newer { dir: dir.to_owned(), layout }),
    }
    let lock = lock(dir, &git)?;
    // There if a process was killed between the rename and the tidying up.
    staging::remove(&top)?;
    finish_opening(dir, top, git, lock, layout.is_some())
}

/// The lock is held. Everything is mended that libgit2 has to find whole.
fn finish_opening(dir: &Path, top: Folder, git: Folder, lock: Lock, marked: bool) -> Result<Prepared, ArtifactError> {
    // Only under the lock: without it these could be the live leftovers of another process.
    let (place, unclean) = Place::open(dir, top, git)?;
    let mut notices = Vec::new();
    let mut aside = Aside::new(&place);
    let skeleton = staging::complete(&place.git);
    skeleton.map_err(|e| ArtifactError::io("write into", &dir.join(".git"), e))?;
    if !marked {
        renew_configuration(&place, &mut aside)?;
    }
    repair::head(&place, &mut notices)?;
    if unclean {
        // What a killed process wrote, and did not live to sync, is there for all who look, and not yet on the disk.
        crate::store::objects::sync_all(&place.git).map_err(|e| ArtifactError::io("sync", dir, e))?;
    }
    let scan = repair::loose_objects(&place, &mut aside)?;
    let opened = match open_repository(dir) {
        Ok(opened) => opened,
        Err(_) => {
            renew_configuration(&place, &mut aside)?;
            open_repository(dir).map_err(|e| ArtifactError::git("open the repository", dir, &e))?
        }
    };
    notices.extend(aside.notice());
    Ok(Prepared { repo: opened, place, lock, scan, notices })
}

pub(super) fn open_repository(dir: &Path) -> Result<Repository, git2::Error> {
    // Without a search upwards: a repository around the directory is not the run's.
    let repo = Repository::open_ext(dir, RepositoryOpenFlags::NO_SEARCH, [] as [&OsStr; 0])?;
    repo.config()?.get_bool("core.bare")?;
    Ok(repo)
}

fn renew_configuration(place: &Place, aside: &mut Aside<'_>) -> Result<(), ArtifactError> {
    if look(&place.git, "config")? != Entry::Nothing {
        aside.take(&["config"])?;
    }
    place.replace_durably(&place.git, "config", staging::CONFIGURATION.as_bytes())
}

/// The marker, if a repository carries it.
pub(super) fn layout(git: &Folder) -> Option<i64> {
    match git.look("config") {
        Ok(Entry::File(_)) => Config::open(&git.at("config")).ok()?.get_i64(LAYOUT_KEY).ok(),
        _ => None,
    }
}

/// The value of a note in the repository in a directory, if there is one of ours and it is the user's.
pub(super) fn note(dir: &Path, key: &str, trust: &RepositoryTrust) -> Result<Option<String>, ArtifactError> {
    libgit::settle();
    let Ok(dir) = fs::canonicalize(dir) else { return Ok(None) };
    let Ok(top) = Folder::open(&dir) else { return Ok(None) };
    let Ok(Entry::Folder) = top.look(".git") else { return Ok(None) };
    let Ok(git) = top.folder(".git") else { return Ok(None) };
    if layout(&git).is_none() {
        return Ok(None);
    }
    trust.check(&dir, &git)?;
    Ok(Config::open(&git.at("config")).and_then(|config| config.get_string(key)).ok())
}

fn make(dir: &Path, top: Folder, trust: &RepositoryTrust) -> Result<Prepared, ArtifactError> {
    refuse_occupied(dir, &top)?;
    let staging = staging::open(&top)?;
    // Until `.git` is there, no repository can be locked, so the staging folder has a lock of its own.
    let _initialising = lock(dir, &staging).map_err(|e| match e {
        // Another process was faster, and has cleared up already.
        ArtifactError::Io { source, .. } if source.kind() == ErrorKind::NotFound => {
            ArtifactError::Locked { dir: dir.to_owned(), pid: None }
        }
        other => other,
    })?;
    if look(&top, ".git")? != Entry::Nothing {
        return open(dir, top, trust); // another process was faster, between the first look and the lock
    }
    let build = || -> io::Result<(Folder, File)> {
        let git = staging::build(&staging)?;
        let held = git.open_lock(LOCK)?;
        Ok((git, held))
    };
    let built = build().map_err(|e| ArtifactError::io("write to", dir, e));
    // Locked before it is moved: from the first moment others can see it, it is taken.
    let locked = built.and_then(|(_, held)| try_lock(dir, held));
    let moved = locked.and_then(|lock| {
        let moved = staging::move_into_place(&staging, &top);
        moved.map(|()| lock).map_err(|e| ArtifactError::io("create", &top.at(".git"), e))
    });
    // Tidied up in either case; of two errors the one of building is told.
    let removed = staging::remove(&top);
    let (lock, ()) = (moved?, removed?);
    let git = top.folder(".git").map_err(|e| ArtifactError::io("open", &top.at(".git"), e))?;
    finish_opening(dir, top, git, lock, true)
}

fn refuse_occupied(dir: &Path, top: &Folder) -> Result<(), ArtifactError> {
    let names = top.list().map_err(|e| ArtifactError::io("list", dir, e))?;
    if names.iter().all(|name| NOTHING.contains(&name.as_str())) {
        return Ok(());
    }
    Err(ArtifactError::NotOurs { dir: dir.to_owned(), what: "is not empty and oci-agent did not make it" })
}

fn lock(dir: &Path, folder: &Folder) -> Result<Lock, ArtifactError> {
    let file = folder.open_lock(LOCK).map_err(|e| ArtifactError::io("write to", &folder.at(LOCK), e))?;
    try_lock(dir, file).map_err(|error| match error {
        ArtifactError::Locked { dir, .. } => ArtifactError::Locked { dir, pid: holder(folder) },
        other => other,
    })
}

/// The process that holds the lock, if it has written its number and the system lets others read it.
fn holder(folder: &Folder) -> Option<u32> {
    String::from_utf8(folder.read(LOCK).ok()?).ok()?.trim().parse().ok()
}

pub(super) fn try_lock(dir: &Path, file: File) -> Result<Lock, ArtifactError> {
    /// A look from a dashboard holds the lock for microseconds.
    const ATTEMPTS: u32 = 4;
    for _ in 1..ATTEMPTS {
        match file.try_lock() {
            Ok(()) => {
                // Held already: what cannot be written is only not told.
                let _ = file.set_len(0).and_then(|()| (&file).write_all(std::process::id().to_string().as_bytes()));
                return Ok(Lock(file));
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
            Err(TryLockError::Error(e)) => return Err(ArtifactError::io("lock", dir, e)),
        }
    }
    Err(ArtifactError::Locked { dir: dir.to_owned(), pid: None })
}
