//! From a directory to a repository of ours, with its lock held.
//!
//! A new repository is built in `<dir>/.oci-agent-init/` and its `.git` renamed into place, so that a kill leaves a
//! directory that the next run recognises as empty, or a valid repository. (Inside rather than beside the directory,
//! because a mounted volume can be neither replaced nor written beside.)

use crate::store::ArtifactError;
use crate::store::libgit;
use git2::{Repository, RepositoryInitOptions, RepositoryOpenFlags};
use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The marker in the repository's configuration.
pub(super) const LAYOUT_KEY: &str = "oci-agent.layout";
const LAYOUT: i64 = 1;
const LOCK: &str = "oci-agent.lock";
const STAGING: &str = ".oci-agent-init";
/// Files that a directory may contain and still count as empty: our own leftovers, and what systems put into every directory or volume.
const NOTHING: [&str; 3] = [STAGING, ".DS_Store", "lost+found"];

/// A repository of ours whose lock is held as long as `lock` lives.
pub(super) struct Prepared {
    pub dir: PathBuf,
    pub repo: Repository,
    pub lock: Lock,
}

/// An advisory lock. The system gives it back however the process ends.
pub(super) struct Lock(File);

impl Drop for Lock {
    /// Closing the file would not do while a child process that is just being started still shares it.
    fn drop(&mut self) {
        let _ = self.0.unlock(); // the only way to fail is that it is not held
    }
}

/// Opens the repository in a directory, or makes it.
pub(super) fn prepare(dir: &Path) -> Result<Prepared, ArtifactError> {
    libgit::settle();
    let made = make_directory(dir)?;
    let dir = fs::canonicalize(dir).map_err(|e| ArtifactError::io("open", dir, e))?;
    let prepared = if has_git(&dir) { open(&dir) } else { initialise(&dir) };
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
            fs::create_dir_all(dir).map_err(|e| ArtifactError::io("create the directory", dir, e))?;
            Ok(true)
        }
        Err(e) => Err(ArtifactError::io("open", dir, e)),
    }
}

fn has_git(dir: &Path) -> bool {
    // Not `exists()`, which would take a dangling link named `.git` for nothing.
    fs::symlink_metadata(dir.join(".git")).is_ok()
}

fn open(dir: &Path) -> Result<Prepared, ArtifactError> {
    let foreign = |what| ArtifactError::NotOurs { dir: dir.to_owned(), what };
    let inside = dir.join(".git");
    // A file or a link named `.git` belongs to a worktree or submodule of another repository.
    if !fs::symlink_metadata(&inside).is_ok_and(|meta| meta.is_dir()) {
        return Err(foreign("belongs to another git repository"));
    }
    // Without a search upwards: a repository around the directory is not the run's.
    let repo = Repository::open_ext(dir, RepositoryOpenFlags::NO_SEARCH, [] as [&OsStr; 0])
        .map_err(|e| ArtifactError::git("open the repository", dir, &e))?;
    match layout(&repo) {
        None => return Err(foreign("is a git repository that oci-agent did not make")),
        Some(LAYOUT) => {}
        Some(layout) => return Err(ArtifactError::Newer { dir: dir.to_owned(), layout }),
    }
    let lock = lock(dir, &inside.join(LOCK))?;
    // Only under the lock: without it these could be the live lock files of another process.
    remove_stale(&inside)?;
    // There if a process was killed between the rename and the tidying up.
    remove_staging(dir)?;
    Ok(Prepared { dir: dir.to_owned(), repo, lock })
}

/// The marker, if the repository carries it.
pub(super) fn layout(repo: &Repository) -> Option<i64> {
    repo.config().ok()?.get_i64(LAYOUT_KEY).ok()
}

fn initialise(dir: &Path) -> Result<Prepared, ArtifactError> {
    refuse_occupied(dir)?;
    let staging = dir.join(STAGING);
    fs::create_dir_all(&staging).map_err(|e| ArtifactError::io("write to", dir, e))?;
    // Until `.git` is there, no repository can be locked, so the staging folder has a lock of its own.
    let _initialising = lock(dir, &staging.join("lock"))?;
    if has_git(dir) {
        return open(dir); // another process was faster, between the first look and the lock
    }
    let built = build(dir, &staging);
    // Tidied up in either case; of two errors the one of building is told.
    let removed = remove_staging(dir);
    let (repo_lock, ()) = (built?, removed?);
    let repo = Repository::open_ext(dir, RepositoryOpenFlags::NO_SEARCH, [] as [&OsStr; 0])
        .map_err(|e| ArtifactError::git("open the repository", dir, &e))?;
    Ok(Prepared { dir: dir.to_owned(), repo, lock: repo_lock })
}

/// Builds the repository beside and moves it into place, already locked.
fn build(dir: &Path, staging: &Path) -> Result<Lock, ArtifactError> {
    let new = staging.join("new");
    // Left by a process that was killed while building.
    remove_all(&new)?;
    fs::create_dir(&new).map_err(|e| ArtifactError::io("write to", dir, e))?;
    configure(&new).map_err(|e| ArtifactError::git("create a repository", dir, &e))?;
    let inside = new.join(".git");
    // Windows-style line ends would change the bytes that the recorded hashes are about.
    write(&inside.join("info/attributes"), "* -text\n")?;
    write(&inside.join("info/exclude"), ".ipynb_checkpoints/\n.oci-agent-init/\n")?;
    // Locked before it is moved: from the first moment others can see it, it is taken.
    let held = lock(dir, &inside.join(LOCK))?;
    let place = dir.join(".git");
    fs::rename(&inside, &place).map_err(|e| ArtifactError::io("create", &place, e))?;
    Ok(held)
}

fn configure(new: &Path) -> Result<(), git2::Error> {
    let mut options = RepositoryInitOptions::new();
    // Whatever this person's git is set to: no hooks from a template, and `main`, on which run numbers rest.
    options.no_reinit(true).external_template(false).initial_head("main");
    let repo = Repository::init_opts(new, &options)?;
    // Written before the move: a `.git` that is in place always carries the marker.
    repo.config()?.set_i64(LAYOUT_KEY, LAYOUT)
}

fn refuse_occupied(dir: &Path) -> Result<(), ArtifactError> {
    let listing = fs::read_dir(dir).map_err(|e| ArtifactError::io("list", dir, e))?;
    for entry in listing {
        let name = entry.map_err(|e| ArtifactError::io("list", dir, e))?.file_name();
        if !NOTHING.iter().any(|known| name == OsStr::new(known)) {
            let what = "is not empty and oci-agent did not make it";
            return Err(ArtifactError::NotOurs { dir: dir.to_owned(), what });
        }
    }
    Ok(())
}

fn lock(dir: &Path, place: &Path) -> Result<Lock, ArtifactError> {
    let file = File::options().create(true).truncate(false).write(true).open(place);
    let file = file.map_err(|e| ArtifactError::io("write to", dir, e))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(ArtifactError::Locked { dir: dir.to_owned() }),
        Err(TryLockError::Error(e)) => Err(ArtifactError::io("lock", place, e)),
    }
}

/// git's own lock files and half-written objects of a killed process. Ours is held, so no other oci-agent made them.
fn remove_stale(inside: &Path) -> Result<(), ArtifactError> {
    for name in ["index.lock", "HEAD.lock", "config.lock", "packed-refs.lock"] {
        remove_all(&inside.join(name))?;
    }
    for_each_below(&inside.join("refs"), &|file| {
        if file.extension() == Some(OsStr::new("lock")) { remove_all(file) } else { Ok(()) }
    })?;
    for_each_below(&inside.join("objects"), &|file| {
        let name = file.file_name().and_then(OsStr::to_str).unwrap_or_default();
        if name.starts_with("tmp_object_git2_") { remove_all(file) } else { Ok(()) }
    })
}

fn for_each_below(folder: &Path, act: &dyn Fn(&Path) -> Result<(), ArtifactError>) -> Result<(), ArtifactError> {
    let listing = fs::read_dir(folder).map_err(|e| ArtifactError::io("list", folder, e))?;
    for entry in listing {
        let place = entry.map_err(|e| ArtifactError::io("list", folder, e))?.path();
        if place.is_dir() {
            for_each_below(&place, act)?;
        } else {
            act(&place)?;
        }
    }
    Ok(())
}

fn remove_staging(dir: &Path) -> Result<(), ArtifactError> {
    remove_all(&dir.join(STAGING))
}

fn remove_all(place: &Path) -> Result<(), ArtifactError> {
    // Without following links: a link is removed itself, never what it points to.
    let removed = match fs::symlink_metadata(place) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(place),
        Ok(_) => fs::remove_file(place),
        Err(e) => Err(e),
    };
    match removed {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(ArtifactError::io("remove", place, e)),
        _ => Ok(()),
    }
}

fn write(place: &Path, text: &str) -> Result<(), ArtifactError> {
    fs::write(place, text).map_err(|e| ArtifactError::io("write", place, e))
}
