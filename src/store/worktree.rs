//! The files a person sees: moved from one tree to the next so that a kill in between can be told from an edit.
//!
//! Before the first file is touched, a journal in `.git` names the tree that is left and the tree that is wanted. While
//! it is there, a file that equals either of them is the trace of a killed process; anything else is a person's work.

use crate::store::tree::{Files, files, folders_of};
use crate::store::{ArtifactError, git};
use git2::{ObjectType, Oid, Repository};
use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

const JOURNAL: &str = "oci-agent.checkout";
const SCRATCH: &str = "oci-agent.tmp";

/// The work tree of a repository whose lock is held.
pub(super) struct Worktree<'a> {
    pub repo: &'a Repository,
    pub dir: &'a Path,
}

/// An unfinished move, from the journal: the tree that is left and the tree that is wanted. `None` is the empty tree.
struct Move {
    from: Option<Oid>,
    to: Option<Oid>,
}

/// The entry at a path on disk.
enum Found {
    Nothing,
    File(Oid),
    Folder,
    /// A link, a device, or something below a link.
    Other,
    /// A regular file where a folder of the path should be.
    Below(String),
}

impl Worktree<'_> {
    /// Brings the files to the tree of HEAD if a killed process left them on their way.
    ///
    /// `restore` also brings back files that are merely missing.
    pub fn recover(&self, head: Option<Oid>, restore: bool) -> Result<(), ArtifactError> {
        // Anything left there was never renamed into place: nobody has seen it.
        self.clear_scratch()?;
        let target = self.files(head)?;
        let journal = self.read_journal()?;
        let (from, to) = match &journal {
            Some(unfinished) => (self.files(unfinished.from)?, self.files(unfinished.to)?),
            None => (Files::new(), Files::new()),
        };
        let known = [&target, &from, &to];
        let paths: BTreeSet<&String> = known.iter().flat_map(|files| files.keys()).collect();
        // All paths are looked at before the first is touched: a refusal half-way would leave a mixture of its own.
        self.refuse_if_changed(&paths, &known)?;
        // A file that a person deleted stays deleted, unless the run that wrote it is to go on.
        if journal.is_some() || restore {
            self.write_files(&paths, &target)?;
            self.write_index(head)?;
            // Last: a kill before it only means that all of this is done again.
            self.end()?;
        }
        Ok(())
    }

    /// Refuses if moving between two trees would write over a person's work; nothing is touched.
    pub fn check(&self, from: Option<Oid>, to: Oid) -> Result<(), ArtifactError> {
        let (from, to) = (self.files(from)?, self.files(Some(to))?);
        self.refuse_if_changed(&moving(&from, &to), &[&from, &to])
    }

    /// Announces a move.
    pub fn begin(&self, from: Option<Oid>, to: Oid) -> Result<(), ArtifactError> {
        let from = from.map_or("none".to_owned(), |tree| tree.to_string());
        self.replace(&self.journal(), format!("from {from}\nto {to}\n").as_bytes())
    }

    /// Moves the files. [`Worktree::check`] and [`Worktree::begin`] came before.
    pub fn apply(&self, from: Option<Oid>, to: Oid) -> Result<(), ArtifactError> {
        let (from, target) = (self.files(from)?, self.files(Some(to))?);
        self.write_files(&moving(&from, &target), &target)?;
        self.write_index(Some(to))
    }

    /// Ends a move.
    pub fn end(&self) -> Result<(), ArtifactError> {
        git::boundary()?;
        remove_file(&self.journal())
    }

    fn refuse_if_changed(&self, paths: &BTreeSet<&String>, known: &[&Files]) -> Result<(), ArtifactError> {
        let mut changed = BTreeSet::new();
        for path in paths {
            match self.found(path)? {
                Found::Nothing => {}
                Found::File(id) if known.iter().any(|files| files.get(*path) == Some(&id)) => {}
                Found::Below(file) if is_known(known, &file) => {}
                Found::Folder if self.holds_only(path, known)? => {}
                Found::Below(file) => drop(changed.insert(file)),
                Found::File(_) | Found::Folder | Found::Other => drop(changed.insert((*path).clone())),
            }
        }
        let files: Vec<String> = changed.into_iter().collect();
        if files.is_empty() { Ok(()) } else { Err(ArtifactError::Dirty { dir: self.dir.to_owned(), files }) }
    }

    fn found(&self, path: &str) -> Result<Found, ArtifactError> {
        // Folder by folder and without following links, so that nothing is ever written through a link to somewhere
        // else.
        for folder in folders_of(path) {
            match fs::symlink_metadata(self.dir.join(folder)) {
                Ok(meta) if meta.is_dir() => {}
                Ok(meta) if meta.is_file() => return Ok(Found::Below(folder.to_owned())),
                Ok(_) => return Ok(Found::Other),
                Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
                Err(e) => return Err(ArtifactError::io("look at", &self.dir.join(folder), e)),
            }
        }
        let place = self.dir.join(path);
        match fs::symlink_metadata(&place) {
            Ok(meta) if meta.is_file() => {
                // By content: a copied or touched directory has other times, and git's index is a person's to change.
                let bytes = fs::read(&place).map_err(|e| ArtifactError::io("read", &place, e))?;
                let id = Oid::hash_object(ObjectType::Blob, &bytes);
                Ok(Found::File(id.map_err(|e| self.git("hash a file", &e))?))
            }
            Ok(meta) if meta.is_dir() => Ok(Found::Folder),
            Ok(_) => Ok(Found::Other),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(Found::Nothing),
            Err(e) => Err(ArtifactError::io("look at", &place, e)),
        }
    }

    /// True if a folder will vanish once the files of the known trees (each looked at on its own) have left it.
    fn holds_only(&self, folder: &str, known: &[&Files]) -> Result<bool, ArtifactError> {
        let place = self.dir.join(folder);
        // An empty folder is a person's: no tree holds one, so none of ours leaves one behind.
        let mut any = false;
        for entry in fs::read_dir(&place).map_err(|e| ArtifactError::io("list", &place, e))? {
            let entry = entry.map_err(|e| ArtifactError::io("list", &place, e))?;
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if !(is_folder && self.holds_only(&path, known)? || !is_folder && is_known(known, &path)) {
                return Ok(false);
            }
            any = true;
        }
        Ok(any)
    }

    /// Removals first, so that a folder can take the place of a file and the other way round.
    fn write_files(&self, paths: &BTreeSet<&String>, target: &Files) -> Result<(), ArtifactError> {
        for path in paths.iter().filter(|path| !target.contains_key(**path)) {
            git::boundary()?;
            if matches!(self.found(path)?, Found::File(_)) {
                remove_file(&self.dir.join(path))?;
                self.remove_empty_folders(path);
            }
        }
        for path in paths {
            let Some(id) = target.get(*path) else { continue };
            // Already there, as after a killed move: a repeated move then only does what is missing.
            if matches!(self.found(path)?, Found::File(there) if there == *id) {
                continue;
            }
            git::boundary()?;
            let place = self.dir.join(path);
            if let Some(folder) = place.parent() {
                fs::create_dir_all(folder).map_err(|e| ArtifactError::io("create the folder", folder, e))?;
            }
            let blob = self.repo.find_blob(*id).map_err(|e| self.git("read a file of a commit", &e))?;
            self.replace(&place, blob.content())?;
        }
        Ok(())
    }

    /// Writes beside and renames into place: a reader sees the old file or the new one.
    fn replace(&self, place: &Path, bytes: &[u8]) -> Result<(), ArtifactError> {
        // Inside `.git`: on the same volume, since only there a rename is atomic, and out of sight.
        let scratch = self.scratch();
        fs::create_dir_all(&scratch).map_err(|e| ArtifactError::io("create the folder", &scratch, e))?;
        let beside = scratch.join("file");
        fs::write(&beside, bytes).map_err(|e| ArtifactError::io("write", place, e))?;
        git::boundary()?;
        fs::rename(&beside, place).map_err(|e| ArtifactError::io("write", place, e))
    }

    /// Folders that hold something else stay; an error here is that answer, and it loses nothing.
    fn remove_empty_folders(&self, path: &str) {
        let mut folders: Vec<&str> = folders_of(path).collect();
        while let Some(folder) = folders.pop() {
            if fs::remove_dir(self.dir.join(folder)).is_err() {
                return;
            }
        }
    }

    fn write_index(&self, tree: Option<Oid>) -> Result<(), ArtifactError> {
        git::boundary()?;
        // Without it `git status` would call every file of the new tree changed.
        let write = || {
            let mut index = self.repo.index()?;
            index.read(true)?;
            match tree {
                Some(tree) => index.read_tree(&self.repo.find_tree(tree)?)?,
                None => index.clear()?,
            }
            index.write()
        };
        write().map_err(|e| self.git("write the index", &e))
    }

    fn read_journal(&self) -> Result<Option<Move>, ArtifactError> {
        let place = self.journal();
        let text = match fs::read_to_string(&place) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(ArtifactError::io("read", &place, e)),
        };
        let tree = |key: &str| {
            let value = text.lines().find_map(|line| line.strip_prefix(key))?;
            Oid::from_str(value).ok()
        };
        // `none`, or a damaged line, becomes the empty tree: fewer files count as ours, so more is refused, never less.
        Ok(Some(Move { from: tree("from "), to: tree("to ") }))
    }

    fn clear_scratch(&self) -> Result<(), ArtifactError> {
        match fs::remove_dir_all(self.scratch()) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(ArtifactError::io("clear", &self.scratch(), e)),
            _ => Ok(()),
        }
    }

    fn files(&self, tree: Option<Oid>) -> Result<Files, ArtifactError> {
        files(self.repo, tree).map_err(|e| self.git("read a tree", &e))
    }

    fn git(&self, action: &'static str, source: &git2::Error) -> ArtifactError {
        ArtifactError::git(action, self.dir, source)
    }

    fn journal(&self) -> PathBuf {
        self.repo.path().join(JOURNAL)
    }

    fn scratch(&self) -> PathBuf {
        self.repo.path().join(SCRATCH)
    }
}

fn is_known(known: &[&Files], path: &str) -> bool {
    known.iter().any(|files| files.contains_key(path))
}

/// The paths that are not the same in both trees.
fn moving<'a>(from: &'a Files, to: &'a Files) -> BTreeSet<&'a String> {
    from.keys().chain(to.keys()).filter(|path| from.get(*path) != to.get(*path)).collect()
}

fn remove_file(place: &Path) -> Result<(), ArtifactError> {
    match fs::remove_file(place) {
        Err(e) if e.kind() != ErrorKind::NotFound && e.kind() != ErrorKind::NotADirectory => {
            Err(ArtifactError::io("remove", place, e))
        }
        _ => Ok(()),
    }
}
