//! A run as it is on record, opened to be read: nothing is mended, locked or written.

use crate::store::folder::{Entry, Folder};
use crate::store::message::{ends_run, trailer};
use crate::store::objects;
use crate::store::tree::{Files, Recorded, files, history};
use crate::store::{ArtifactError, RepositoryTrust, init, libgit};
use git2::{ObjectType, Oid, Repository};
use std::fs;
use std::path::{Path, PathBuf};

/// The file by which a clone is known as a run's.
const MANIFEST: &str = "manifest.json";

/// One branch of a run's repository.
pub struct RecordedRun {
    dir: PathBuf,
    repo: Repository,
    branch: String,
    /// True if the files on disk are of this branch.
    shown: bool,
    pub(super) commits: Vec<Recorded>,
    damaged: Vec<String>,
}

/// A file on disk that is not as the last commit has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EditedFile {
    /// Path inside the repository.
    pub path: String,
    /// False if it is gone.
    pub there: bool,
}

impl RecordedRun {
    /// Opens the run in a directory, or a clone of one: the branch that is checked out, or the one named.
    ///
    /// # Errors
    /// There is no repository of ours, it is somebody else's, the branch is not there, or its history cannot be read whole.
    pub fn open(dir: &Path, branch: Option<&str>, trust: &RepositoryTrust) -> Result<RecordedRun, ArtifactError> {
        libgit::settle();
        let dir = fs::canonicalize(dir).map_err(|e| ArtifactError::io("open", dir, e))?;
        let top = Folder::open(&dir).map_err(|e| ArtifactError::io("open", &dir, e))?;
        let not_ours = |what| ArtifactError::NotOurs { dir: dir.clone(), what };
        if matches!(top.look(".git"), Ok(Entry::Nothing) | Err(_)) {
            return Err(not_ours("is not the repository of a run"));
        }
        let git = init::own_git(&dir, &top, trust)?;
        let failed = |action, e: &git2::Error| ArtifactError::git(action, &dir, e);
        let repo = init::open_repository(&dir).map_err(|e| failed("open the repository", &e))?;
        if repo.is_shallow() {
            return Err(not_ours("is a shallow clone, which lacks commits; `git fetch --unshallow` brings them"));
        }
        let head = repo.head().ok().and_then(|head| head.shorthand().ok().map(str::to_owned));
        let name = branch.map(str::to_owned).or_else(|| head.clone());
        let name = name.ok_or_else(|| not_ours("has no run yet"))?;
        let tip = tip(&repo, &name).ok_or_else(|| ArtifactError::NoBranch {
            dir: dir.clone(),
            branch: name.clone(),
            branches: branches(&repo),
        })?;
        let scan = objects::scan(&git).map_err(|e| ArtifactError::io("read the objects of", &dir, e))?;
        let commits = history(&repo, Some(tip)).map_err(|e| failed("read the history", &e))?;
        let last = commits.last().map(|commit| commit.tree);
        if !files(&repo, last).map_err(|e| failed("read a tree", &e))?.contains_key(MANIFEST) {
            return Err(not_ours("is a git repository that oci-agent did not make"));
        }
        let shown = head.as_ref() == Some(&name);
        let damaged = scan.damaged.iter().map(|(folder, rest)| format!("{folder}{rest}")).collect();
        Ok(RecordedRun { dir, repo, branch: name, shown, commits, damaged })
    }

    /// The directory, without links in it.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The branch.
    #[must_use]
    pub fn branch(&self) -> &str {
        &self.branch
    }

    /// Names of all branches, sorted.
    #[must_use]
    pub fn branches(&self) -> Vec<String> {
        branches(&self.repo)
    }

    /// Full ids of the commits, oldest first.
    pub fn commits(&self) -> impl Iterator<Item = String> {
        self.commits.iter().map(|commit| commit.id.to_string())
    }

    /// True if the run came to its end.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.commits.iter().any(|commit| ends_run(&commit.message))
    }

    /// The value of a trailer in the earliest commit that has it.
    #[must_use]
    pub fn trailer(&self, key: &str) -> Option<String> {
        self.commits.iter().find_map(|commit| trailer(&commit.message, key)).map(str::to_owned)
    }

    /// Ids of objects that are damaged on the disk.
    #[must_use]
    pub fn damaged(&self) -> &[String] {
        &self.damaged
    }

    /// A file of the last commit.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn file(&self, path: &str) -> Result<Option<Vec<u8>>, ArtifactError> {
        let found = self.files(self.commits.last())?;
        found.get(path).map(|id| self.bytes(*id)).transpose()
    }

    /// The files under a folder (its name with `/` at the end) in the last commit, by their names inside it.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn folder(&self, folder: &str) -> Result<Vec<(String, Vec<u8>)>, ArtifactError> {
        let found = self.files(self.commits.last())?;
        let inside = found.into_iter().filter_map(|(path, id)| Some((path.strip_prefix(folder)?.to_owned(), id)));
        inside.map(|(name, id)| Ok((name, self.bytes(id)?))).collect()
    }

    /// Files on disk that are not as the last commit has them; nothing if another branch is checked out.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn edited(&self) -> Result<Vec<EditedFile>, ArtifactError> {
        if !self.shown || self.repo.is_bare() {
            return Ok(Vec::new());
        }
        let mut edited = Vec::new();
        for (path, id) in self.files(self.commits.last())? {
            let on_disk = fs::symlink_metadata(self.dir.join(&path));
            // Through no link: whatever it leads to is not the file of the run.
            let bytes = match &on_disk {
                Ok(found) if found.is_file() => fs::read(self.dir.join(&path)).ok(),
                _ => None,
            };
            let same = bytes.and_then(|bytes| Oid::hash_object(ObjectType::Blob, &bytes).ok()) == Some(id);
            if !same {
                edited.push(EditedFile { path, there: on_disk.is_ok() });
            }
        }
        Ok(edited)
    }

    pub(super) fn files(&self, commit: Option<&Recorded>) -> Result<Files, ArtifactError> {
        files(&self.repo, commit.map(|commit| commit.tree)).map_err(|e| self.failed("read a tree", &e))
    }

    pub(super) fn bytes(&self, id: Oid) -> Result<Vec<u8>, ArtifactError> {
        let blob = self.repo.find_blob(id).map_err(|e| self.failed("read a file", &e))?;
        Ok(blob.content().to_vec())
    }

    fn failed(&self, action: &'static str, error: &git2::Error) -> ArtifactError {
        ArtifactError::git(action, &self.dir, error)
    }
}

/// The commit of a branch of this repository, or of the one that it was cloned from.
fn tip(repo: &Repository, branch: &str) -> Option<Oid> {
    let places = [format!("refs/heads/{branch}"), format!("refs/remotes/origin/{branch}")];
    places.iter().find_map(|name| repo.refname_to_id(name).ok())
}

fn branches(repo: &Repository) -> Vec<String> {
    let found = repo.branches(None).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        found.filter_map(|(branch, _)| branch.name().ok().flatten().map(str::to_owned)).collect();
    names.sort();
    names
}
