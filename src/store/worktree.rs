//! The files a person sees: moved from one tree to the next so that a kill or a power cut in between can be told from an
//! edit.
//!
//! Before a run touches the first file, a journal in `.git` is on the disk, and it stays until all files are. While it is
//! there, a file that holds what is recorded, or the beginning of it, or zeros in its place, is the trace of a process or a
//! disk that stopped half-way: its bytes are in the repository, and it is written again. Anything else is a person's work.

use crate::store::ArtifactError;
use crate::store::folder::{Entry, Folder, sync_files};
use crate::store::index;
use crate::store::place::{PATIENCE, Place};
use crate::store::refs::strict_id;
use crate::store::tree::{Files, files, folders_of};
use git2::{ObjectType, Oid, Repository};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::time::Duration;

pub(super) const JOURNAL: &str = "oci-agent.checkout";
/// How long a step waits for another git to give up the index. The end of a run waits longer.
const STEP_PATIENCE: Duration = Duration::from_millis(300);

/// The work tree of a repository whose lock is held.
#[derive(Clone, Copy)]
pub(super) struct Worktree<'a> {
    pub repo: &'a Repository,
    pub place: &'a Place,
}

/// Files whose bytes are in the repository, and so are no loss.
#[derive(Debug, Default)]
struct Known {
    /// By path.
    versions: BTreeMap<String, BTreeSet<Oid>>,
    /// A process or a disk stopped half-way, so whatever is recorded, whole or in part, may be at any path.
    half_way: bool,
}

/// What opening knows about the files on disk.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    /// The tree of HEAD.
    pub head: Option<Oid>,
    /// The trees of the commits before it.
    pub earlier: Vec<Oid>,
    /// Files that are merely missing come back.
    pub restore: bool,
}

/// The entry at a path on disk.
enum Found {
    Nothing,
    File(Oid, Vec<u8>),
    Folder,
    /// A link, a device, or something below a link.
    Other,
    /// A regular file where a folder of the path should be.
    Below(String),
}

impl Known {
    fn add(&mut self, files: &Files) {
        for (path, id) in files {
            self.versions.entry(path.clone()).or_default().insert(*id);
        }
    }

    fn has(&self, path: &str) -> bool {
        self.versions.contains_key(path)
    }
}

impl Worktree<'_> {
    /// Brings the files to the tree of HEAD if they were left on their way. `true` if the index could be written, or need
    /// not be.
    pub fn recover(&self, recovery: &Recovery) -> Result<bool, ArtifactError> {
        let journal = self.read_journal()?;
        let target = self.files(recovery.head)?;
        let mut known = Known { half_way: journal.is_some(), ..Known::default() };
        known.add(&target);
        for tree in journal.iter().flatten() {
            known.add(&self.files(Some(*tree))?);
        }
        let mut paths: BTreeSet<String> = known.versions.keys().cloned().collect();
        for tree in recovery.earlier.iter().filter(|_| journal.is_some()) {
            known.add(&self.files(Some(*tree))?);
        }
        paths.extend(self.left_behind(&paths, &known)?);
        // All paths are looked at before the first is touched: a refusal half-way would leave a mixture of its own.
        self.refuse_if_changed(&paths, &known)?;
        // A file that a person deleted stays deleted, unless the run that wrote it is to go on.
        if journal.is_none() && !recovery.restore {
            return Ok(true);
        }
        let written = self.write_files(&paths, &target)?;
        let indexed = index::write(self.place, self.repo, recovery.head, PATIENCE)?;
        if journal.is_some() {
            // What a killed process wrote is as little on the disk as its journal says.
            self.end(&paths)?;
        } else if !written.is_empty() {
            self.sync(&written)?;
        }
        Ok(indexed)
    }

    /// Files of a step in between that a later one took away, and that are still as they were. Anything else at such a path is a
    /// person's.
    fn left_behind(&self, listed: &BTreeSet<String>, known: &Known) -> Result<Vec<String>, ArtifactError> {
        let mut left = Vec::new();
        for path in known.versions.keys().filter(|path| !listed.contains(*path)) {
            if let Found::File(id, bytes) = self.found(path)?
                && self.is_recorded(path, id, &bytes, known)?
            {
                left.push(path.clone());
            }
        }
        Ok(left)
    }

    /// Refuses if moving between two trees would write over a person's work; nothing is touched.
    pub fn check(&self, from: Option<Oid>, to: &Files) -> Result<(), ArtifactError> {
        let from = self.files(from)?;
        let mut known = Known::default();
        known.add(&from);
        known.add(to);
        self.refuse_if_changed(&moving(&from, to), &known)
    }

    /// Announces that the files leave a tree. Returns when that is on the disk.
    pub fn begin(&self, from: Option<Oid>) -> Result<(), ArtifactError> {
        let from = from.map_or("none".to_owned(), |tree| tree.to_string());
        self.place.replace_durably(&self.place.git, JOURNAL, format!("from {from}\n").as_bytes())
    }

    /// Moves the files. [`Worktree::check`] and [`Worktree::begin`] came before. Returns the paths that were written, and
    /// `true` if the index was. The first step of a run brings back what is missing; none waits for the index once it was
    /// behind.
    pub fn apply(
        &self,
        from: Option<Oid>,
        to: Oid,
        first: bool,
        index_behind: bool,
    ) -> Result<(BTreeSet<String>, bool), ArtifactError> {
        let (from, target) = (self.files(from)?, self.files(Some(to))?);
        let mut paths = moving(&from, &target);
        for path in target.keys().filter(|_| first) {
            if matches!(self.found(path)?, Found::Nothing) {
                paths.insert(path.clone());
            }
        }
        let written = self.write_files(&paths, &target)?;
        let patience = if index_behind { Duration::ZERO } else { STEP_PATIENCE };
        let indexed = index::write(self.place, self.repo, Some(to), patience)?;
        Ok((written, indexed))
    }

    /// Ends the way that [`Worktree::begin`] announced, when all the files are on the disk.
    pub fn end(&self, paths: &BTreeSet<String>) -> Result<(), ArtifactError> {
        self.sync(paths)?;
        let git = &self.place.git;
        let remove = || {
            if matches!(git.look("index")?, Entry::File(_)) {
                git.sync_file("index")?;
            }
            git.sync()?; // the index and its lock's end, before the journal's
            git.remove(JOURNAL)?;
            git.sync()
        };
        remove().map_err(|e| ArtifactError::io("remove", &git.at(JOURNAL), e))
    }

    /// Returns when the files, and the folders they are in, are on the disk.
    fn sync(&self, paths: &BTreeSet<String>) -> Result<(), ArtifactError> {
        let mut folders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for path in paths {
            for folder in folders_of(path).chain([""]) {
                folders.entry(folder).or_default();
            }
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            folders.entry(folder).or_default().push(name);
        }
        let sync = |folder: &str, names: &[&str]| -> io::Result<()> {
            let opened = match self.place.top.descend(folder.split('/').filter(|name| !name.is_empty())) {
                Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(()),
                opened => opened?,
            };
            let is_file = |name: &&&str| matches!(opened.look(name), Ok(Entry::File(_)));
            let there: Vec<(&Folder, &str)> = names.iter().filter(is_file).map(|name| (&opened, *name)).collect();
            sync_files(&there)?;
            opened.sync()
        };
        let failed = |e| ArtifactError::io("write", &self.place.dir, e);
        folders.iter().try_for_each(|(folder, names)| sync(folder, names)).map_err(failed)
    }

    fn refuse_if_changed(&self, paths: &BTreeSet<String>, known: &Known) -> Result<(), ArtifactError> {
        let mut changed = BTreeSet::new();
        for path in paths {
            match self.found(path)? {
                Found::Nothing => {}
                Found::File(id, bytes) if self.is_recorded(path, id, &bytes, known)? => {}
                Found::Below(file) if known.has(&file) => {}
                Found::Folder if self.holds_only(path, known)? => {}
                Found::Below(file) => drop(changed.insert(file)),
                Found::File(..) | Found::Folder | Found::Other => drop(changed.insert(path.clone())),
            }
        }
        let files: Vec<String> = changed.into_iter().collect();
        if files.is_empty() { Ok(()) } else { Err(ArtifactError::Dirty { dir: self.place.dir.clone(), files }) }
    }

    /// True if nothing is lost with a file, because its bytes are in the repository.
    fn is_recorded(&self, path: &str, id: Oid, bytes: &[u8], known: &Known) -> Result<bool, ArtifactError> {
        let versions = known.versions.get(path);
        if versions.is_some_and(|versions| versions.contains(&id)) {
            return Ok(true);
        }
        if !known.half_way {
            return Ok(false);
        }
        let failed = |e| self.git("read a file of a commit", &e);
        if self.repo.odb().map_err(failed)?.exists(id) {
            return Ok(true);
        }
        for version in versions.into_iter().flatten() {
            if is_part_of(bytes, self.repo.find_blob(*version).map_err(failed)?.content()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn found(&self, path: &str) -> Result<Found, ArtifactError> {
        // Folder by folder and without following links, so that nothing is ever written through a link to somewhere else.
        let failed = |e| ArtifactError::io("look at", &self.place.top.at(path), e);
        let mut inside: Option<Folder> = None;
        let mut so_far = String::new();
        let mut names = path.split('/').peekable();
        while let Some(name) = names.next() {
            let here = inside.as_ref().unwrap_or(&self.place.top);
            let entry = here.look(name).map_err(failed)?;
            if names.peek().is_none() {
                return match entry {
                    Entry::Nothing => Ok(Found::Nothing),
                    Entry::Folder => Ok(Found::Folder),
                    Entry::Other => Ok(Found::Other),
                    Entry::File(_) => {
                        let bytes = here.read(name).map_err(|e| ArtifactError::io("read", &here.at(name), e))?;
                        // By content: a copied or touched directory has other times, and git's index is a person's to change.
                        let id = Oid::hash_object(ObjectType::Blob, &bytes).map_err(|e| self.git("hash a file", &e))?;
                        Ok(Found::File(id, bytes))
                    }
                };
            }
            so_far.push_str(if so_far.is_empty() { "" } else { "/" });
            so_far.push_str(name);
            inside = match entry {
                Entry::Nothing => return Ok(Found::Nothing),
                Entry::File(_) => return Ok(Found::Below(so_far)),
                Entry::Other => return Ok(Found::Other),
                Entry::Folder => Some(here.folder(name).map_err(failed)?),
            };
        }
        Ok(Found::Nothing)
    }

    /// True if a folder will vanish once the files of the known trees (each looked at on its own) have left it.
    fn holds_only(&self, folder: &str, known: &Known) -> Result<bool, ArtifactError> {
        let failed = |e| ArtifactError::io("list", &self.place.top.at(folder), e);
        let opened = self.place.top.descend(folder.split('/')).map_err(failed)?;
        let mut any = false;
        for name in opened.list().map_err(failed)? {
            let path = format!("{folder}/{name}");
            let is_folder = opened.look(&name).map_err(failed)? == Entry::Folder;
            if !(is_folder && self.holds_only(&path, known)? || !is_folder && known.has(&path)) {
                return Ok(false);
            }
            any = true;
        }
        // An empty folder is a person's, since no tree holds one; unless a power cut took the file and left the folder.
        Ok(any || known.half_way)
    }

    /// Removals first, so that a folder can take the place of a file and the other way round.
    fn write_files(&self, paths: &BTreeSet<String>, target: &Files) -> Result<BTreeSet<String>, ArtifactError> {
        let mut written = BTreeSet::new();
        for path in paths.iter().filter(|path| !target.contains_key(*path)) {
            if matches!(self.found(path)?, Found::File(..)) {
                self.remove(path).map_err(|e| ArtifactError::io("remove", &self.place.top.at(path), e))?;
                written.insert(path.clone());
            }
        }
        for path in paths {
            let Some(id) = target.get(path) else { continue };
            match self.found(path)? {
                // Already there, as after a killed move: a repeated move then only does what is missing.
                Found::File(there, _) if there == *id => continue,
                Found::Folder => self.remove_hollow(path),
                _ => {}
            }
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            let folder = self.place.top.make_chain(folder.split('/').filter(|name| !name.is_empty()));
            let folder = folder.map_err(|e| ArtifactError::io("create the folder of", &self.place.top.at(path), e))?;
            let blob = self.repo.find_blob(*id).map_err(|e| self.git("read a file of a commit", &e))?;
            self.place.replace(&folder, name, blob.content())?;
            written.insert(path.clone());
        }
        Ok(written)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        self.place.top.descend(folder.split('/').filter(|name| !name.is_empty()))?.remove(name)?;
        self.remove_empty_folders(path);
        Ok(())
    }

    /// A folder that holds nothing but folders, left where a file is wanted.
    fn remove_hollow(&self, path: &str) {
        if let Ok(inside) = self.place.top.descend(path.split('/')) {
            for name in inside.list().unwrap_or_default() {
                if matches!(inside.look(&name), Ok(Entry::Folder)) {
                    self.remove_hollow(&format!("{path}/{name}"));
                }
            }
        }
        self.remove_empty_folders(&format!("{path}/"));
    }

    /// Folders that hold something else stay; an error here is that answer, and it loses nothing.
    fn remove_empty_folders(&self, path: &str) {
        let mut folders: Vec<&str> = folders_of(path).collect();
        while let Some(folder) = folders.pop() {
            let (above, name) = folder.rsplit_once('/').unwrap_or(("", folder));
            let above = self.place.top.descend(above.split('/').filter(|name| !name.is_empty()));
            if above.and_then(|above| above.remove_folder(name)).is_err() {
                return;
            }
        }
    }

    /// The trees that an unfinished way leaves, from the journal; none of them if the journal is damaged.
    fn read_journal(&self) -> Result<Option<Vec<Oid>>, ArtifactError> {
        let git = &self.place.git;
        let failed = |e| ArtifactError::io("read", &git.at(JOURNAL), e);
        let Some(bytes) = git.read_if_there(JOURNAL).map_err(failed)? else { return Ok(None) };
        let text = String::from_utf8_lossy(&bytes);
        let odb = self.repo.odb().map_err(|e| self.git("open the objects", &e))?;
        // Earlier versions also named the tree that is wanted.
        let ids = text.lines().filter_map(|line| line.strip_prefix("from ").or(line.strip_prefix("to ")));
        let trees = ids.filter_map(|id| strict_id(id.as_bytes()));
        Ok(Some(trees.filter(|tree| odb.exists(*tree) && self.repo.find_tree(*tree).is_ok()).collect()))
    }

    fn files(&self, tree: Option<Oid>) -> Result<Files, ArtifactError> {
        files(self.repo, tree).map_err(|e| self.git("read a tree", &e))
    }

    fn git(&self, action: &'static str, source: &git2::Error) -> ArtifactError {
        ArtifactError::git(action, &self.place.dir, source)
    }
}

/// True if bytes are a beginning of the recorded ones, or have zeros where the disk did not get to write.
fn is_part_of(bytes: &[u8], recorded: &[u8]) -> bool {
    let (head, rest) = bytes.split_at(bytes.len().min(recorded.len()));
    head.iter().zip(recorded).all(|(there, recorded)| there == recorded || *there == 0) && rest.iter().all(|b| *b == 0)
}

/// The paths that are not the same in both trees.
fn moving(from: &Files, to: &Files) -> BTreeSet<String> {
    from.keys().chain(to.keys()).filter(|path| from.get(*path) != to.get(*path)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use crate::store::worktree::*;

    #[test]
    fn what_a_power_cut_leaves_of_a_file_is_no_edit() {
        let recorded = b"verdict: satisfactory\n";
        for left in
            [&b""[..], b"verd", b"verdict: satisfactory\n", b"\0\0\0\0\0", b"verdict\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"]
        {
            assert!(is_part_of(left, recorded), "{left:?}");
        }
        for edited in [&b"verdict: bad"[..], b"verdict: satisfactory\n\n", b"x"] {
            assert!(!is_part_of(edited, recorded), "{edited:?}");
        }
    }
}
