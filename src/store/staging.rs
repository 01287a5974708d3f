//! The files of an empty repository, built where a half-built one does no harm.

use crate::store::ArtifactError;
use crate::store::folder::{Entry, Folder, sync_files, sync_folders};
use crate::store::init::LOCK;
use std::io::{self, ErrorKind};

/// Where it is built, inside the directory of the run.
pub(super) const FOLDER: &str = ".oci-agent-init";
/// The folder in there whose `.git` is renamed into place.
const NEW: &str = "new";

/// What libgit2 and git need to know, and the marker that says whose it is.
#[cfg(not(any(target_os = "macos", windows)))]
pub(super) const CONFIGURATION: &str = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\
     \tlogallrefupdates = true\n[oci-agent]\n\tlayout = 1\n";
/// As git finds out about the file system there.
#[cfg(target_os = "macos")]
pub(super) const CONFIGURATION: &str = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\
     \tlogallrefupdates = true\n\tignorecase = true\n\tprecomposeunicode = true\n[oci-agent]\n\tlayout = 1\n";
/// As git finds out about the file system there.
#[cfg(windows)]
pub(super) const CONFIGURATION: &str = "[core]\n\trepositoryformatversion = 0\n\tfilemode = false\n\tbare = false\n\
     \tlogallrefupdates = true\n\tignorecase = true\n\tsymlinks = false\n[oci-agent]\n\tlayout = 1\n";

/// Windows-style line ends would change the bytes that the recorded hashes are about.
const ATTRIBUTES: &str = "* -text\n";
const EXCLUDE: &str = ".ipynb_checkpoints/\n.oci-agent-init/\n";

/// Folders of an empty repository, each after the one it is in.
const FOLDERS: [&[&str]; 7] = [
    &["info"],
    &["objects"],
    &["objects", "info"],
    &["objects", "pack"],
    &["refs"],
    &["refs", "heads"],
    &["refs", "tags"],
];

/// All that was ever built here, by this version or an earlier one, deepest first. Nothing else is ever removed.
const BUILT: [&[&str]; 24] = [
    &[NEW, ".git", "info", "attributes"],
    &[NEW, ".git", "info", "exclude"],
    &[NEW, ".git", "hooks", "README.sample"],
    &[NEW, ".git", "HEAD"],
    &[NEW, ".git", "HEAD.lock"],
    &[NEW, ".git", "config"],
    &[NEW, ".git", "config.lock"],
    &[NEW, ".git", "description"],
    &[NEW, ".git", LOCK],
    &[NEW, ".git", "objects", "info"],
    &[NEW, ".git", "objects", "pack"],
    &[NEW, ".git", "objects"],
    &[NEW, ".git", "refs", "heads"],
    &[NEW, ".git", "refs", "tags"],
    &[NEW, ".git", "refs"],
    &[NEW, ".git", "logs", "refs"],
    &[NEW, ".git", "logs"],
    &[NEW, ".git", "branches"],
    &[NEW, ".git", "hooks"],
    &[NEW, ".git", "info"],
    &[NEW, ".git"],
    &[NEW],
    &["lock"],
    &[LOCK],
];

/// The folder to build in, made if it is not there.
pub(super) fn open(top: &Folder) -> Result<Folder, ArtifactError> {
    let place = top.at(FOLDER);
    if matches!(top.look(FOLDER), Ok(Entry::File(_) | Entry::Other)) {
        return Err(ArtifactError::in_the_way(&place));
    }
    Ok(top.make(FOLDER).map_err(|e| ArtifactError::io("write to", top.place(), e))?.0)
}

/// Builds an empty repository and returns when it is on the disk.
pub(super) fn build(staging: &Folder) -> io::Result<Folder> {
    clear(staging, Some(NEW))?;
    let new = staging.make(NEW)?.0;
    let git = new.make(".git")?.0;
    for folder in FOLDERS {
        git.make_chain(folder.iter().copied())?;
    }
    git.create("HEAD", b"ref: refs/heads/main\n")?;
    git.create("config", CONFIGURATION.as_bytes())?;
    git.create(LOCK, b"")?;
    let info = git.folder("info")?;
    info.create("attributes", ATTRIBUTES.as_bytes())?;
    info.create("exclude", EXCLUDE.as_bytes())?;
    sync_files(&[(&git, "HEAD"), (&git, "config"), (&git, LOCK), (&info, "attributes"), (&info, "exclude")])?;
    let folders: Vec<Folder> =
        FOLDERS.iter().map(|folder| git.descend(folder.iter().copied())).collect::<io::Result<_>>()?;
    sync_folders(&folders.iter().chain([&git]).collect::<Vec<_>>())?;
    Ok(git)
}

/// The moment at which there is a repository.
pub(super) fn move_into_place(staging: &Folder, top: &Folder) -> io::Result<()> {
    staging.folder(NEW)?.rename(".git", top, ".git")?;
    top.sync()
}

/// Makes again what an empty repository has and this one has lost: git does not open one without it.
pub(super) fn complete(git: &Folder) -> io::Result<()> {
    let mut made = false;
    for folder in FOLDERS {
        let (name, above) = folder.split_last().unwrap_or((&"", &[]));
        made |= git.descend(above.iter().copied())?.make(name)?.1;
    }
    let info = git.folder("info")?;
    for (name, text) in [("attributes", ATTRIBUTES), ("exclude", EXCLUDE)] {
        if info.look(name)? == Entry::Nothing {
            info.create(name, text.as_bytes())?;
            made = true;
        }
    }
    if made { git.sync() } else { Ok(()) }
}

/// Removes what was built and is not needed any more. What somebody else put there stays.
pub(super) fn remove(top: &Folder) -> Result<(), ArtifactError> {
    let staging = match top.look(FOLDER) {
        Ok(Entry::Folder) => top.folder(FOLDER),
        _ => return Ok(()),
    };
    let removed = staging.and_then(|staging| {
        clear(&staging, None)?;
        match top.remove_folder(FOLDER) {
            Err(e) if e.kind() == ErrorKind::DirectoryNotEmpty => Ok(()),
            removed => removed,
        }
    });
    removed.map_err(|e| ArtifactError::io("clear", &top.at(FOLDER), e))
}

/// Removes what was built, all of it or only what is below `first`.
fn clear(staging: &Folder, first: Option<&str>) -> io::Result<()> {
    for path in BUILT.iter().filter(|path| first.is_none_or(|first| path.first() == Some(&first))) {
        let (name, above) = path.split_last().unwrap_or((&"", &[]));
        let folder = match staging.descend(above.iter().copied()) {
            Ok(folder) => folder,
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => continue,
            Err(e) => return Err(e),
        };
        match folder.look(name)? {
            Entry::File(_) => folder.remove(name)?,
            Entry::Folder => match folder.remove_folder(name) {
                Err(e) if e.kind() == ErrorKind::DirectoryNotEmpty => {}
                removed => removed?,
            },
            Entry::Nothing | Entry::Other => {}
        }
    }
    Ok(())
}
