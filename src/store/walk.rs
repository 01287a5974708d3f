//! The commits of a recorded run, each with the files that it changes.
//!
//! Trees that two commits share are not opened, and no file is read before it is asked for.

use crate::store::message::trailers;
use crate::store::{ArtifactError, RecordedRun};
use git2::{FileMode, ObjectType, Oid, Repository, Tree};
use std::collections::BTreeMap;

/// A commit of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedCommit {
    /// Its full id.
    pub id: String,
    /// Full id of its tree.
    pub tree: String,
    /// Its message.
    pub message: String,
    /// The trailers of its message, in order.
    pub trailers: Vec<(String, String)>,
    /// True if it has what a commit of this program has: at most one parent, no header of its own.
    pub plain: bool,
    /// The files that differ from those of the commit before it, by path.
    pub changed: Vec<ChangedFile>,
}

/// A file that a commit adds, replaces or removes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedFile {
    /// Path inside the repository.
    pub path: String,
    /// Its content now; `None` if it is gone.
    blob: Option<Oid>,
}

impl ChangedFile {
    /// True if the commit removes it.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.blob.is_none()
    }
}

impl RecordedRun {
    /// The commits along first parents, oldest first. Empty if objects are damaged.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn walk(&self) -> Result<Vec<RecordedCommit>, ArtifactError> {
        let failed = |error: git2::Error| self.failed("read a tree", &error);
        let (mut walked, mut before) = (Vec::with_capacity(self.commits.len()), None);
        for commit in &self.commits {
            let mut changed = BTreeMap::new();
            if before != Some(commit.tree) {
                let tree = |id: Oid| self.repo.find_tree(id);
                let old = before.map(tree).transpose().map_err(failed)?;
                let new = tree(commit.tree).map_err(failed)?;
                changes(&self.repo, old.as_ref(), Some(&new), "", &mut changed).map_err(failed)?;
            }
            before = Some(commit.tree);
            walked.push(RecordedCommit {
                id: commit.id.to_string(),
                tree: commit.tree.to_string(),
                message: commit.message.clone(),
                trailers: trailers(&commit.message),
                plain: commit.plain,
                changed: changed.into_iter().map(|(path, blob)| ChangedFile { path, blob }).collect(),
            });
        }
        Ok(walked)
    }

    /// The content of a file as a commit left it; empty if it is gone.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn content(&self, file: &ChangedFile) -> Result<Vec<u8>, ArtifactError> {
        file.blob.map_or_else(|| Ok(Vec::new()), |id| self.bytes(id))
    }

    /// The full id of the commit that a revision names, as git reads revisions; `None` if it names none.
    #[must_use]
    pub fn revision(&self, named: &str) -> Option<String> {
        let found = self.repo.revparse_single(named).ok()?;
        found.peel_to_commit().ok().map(|commit| commit.id().to_string())
    }
}

/// The files by which two trees differ: added or replaced with their content, removed with nothing.
fn changes(
    repo: &Repository,
    old: Option<&Tree<'_>>,
    new: Option<&Tree<'_>>,
    folder: &str,
    found: &mut BTreeMap<String, Option<Oid>>,
) -> Result<(), git2::Error> {
    let (old, new) = (entries(old), entries(new));
    let same = |name: &Vec<u8>| old.get(name) == new.get(name);
    let differ = old.keys().chain(new.keys()).filter(|name| !same(name));
    for name in differ {
        let path = format!("{folder}{}", String::from_utf8_lossy(name));
        let (was, is) = (old.get(name), new.get(name));
        let tree = |entry: Option<&(ObjectType, Oid)>| match entry {
            Some((ObjectType::Tree, id)) => repo.find_tree(*id).map(Some),
            _ => Ok(None),
        };
        let (below_old, below_new) = (tree(was)?, tree(is)?);
        if below_old.is_some() || below_new.is_some() {
            changes(repo, below_old.as_ref(), below_new.as_ref(), &format!("{path}/"), found)?;
        }
        match (was, is) {
            (_, Some((ObjectType::Blob, id))) => drop(found.insert(path, Some(*id))),
            (Some((ObjectType::Blob, _)), _) => drop(found.insert(path, None)),
            _ => {}
        }
    }
    Ok(())
}

/// Files and folders of a tree by name. Links and submodules, which only a person can have added, are left to the person.
fn entries(tree: Option<&Tree<'_>>) -> BTreeMap<Vec<u8>, (ObjectType, Oid)> {
    let Some(tree) = tree else { return BTreeMap::new() };
    let plain = tree.iter().filter(|entry| entry.filemode() != i32::from(FileMode::Link));
    let kind =
        |entry: &git2::TreeEntry<'_>| entry.kind().filter(|it| matches!(it, ObjectType::Blob | ObjectType::Tree));
    plain.filter_map(|entry| Some((entry.name_bytes().to_vec(), (kind(&entry)?, entry.id())))).collect()
}
