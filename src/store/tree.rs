//! Trees as flat maps from path to blob, which is how a step sees them.

use git2::build::TreeUpdateBuilder;
use git2::{Commit, FileMode, ObjectType, Oid, Repository, TreeWalkMode, TreeWalkResult};
use std::collections::BTreeMap;

/// Path inside the repository to blob id.
pub(super) type Files = BTreeMap<String, Oid>;

/// A commit that is on the branch already.
#[derive(Debug, Clone)]
pub(super) struct Recorded {
    pub id: Oid,
    pub tree: Oid,
    pub message: String,
}

/// The commits of a branch along first parents, oldest first.
pub(super) fn history(repo: &Repository, tip: Option<Oid>) -> Result<Vec<Recorded>, git2::Error> {
    let mut commits = Vec::new();
    let mut next = tip;
    while let Some(id) = next {
        let commit = repo.find_commit(id)?;
        commits.push(recorded(&commit));
        next = commit.parent_ids().next();
    }
    commits.reverse();
    Ok(commits)
}

fn recorded(commit: &Commit<'_>) -> Recorded {
    let message = String::from_utf8_lossy(commit.message_raw_bytes()).into_owned();
    Recorded { id: commit.id(), tree: commit.tree_id(), message }
}

/// The regular files of a tree. Links and submodules, which only a person can have added, are left to the person.
pub(super) fn files(repo: &Repository, tree: Option<Oid>) -> Result<Files, git2::Error> {
    let mut found = Files::new();
    let Some(tree) = tree else { return Ok(found) };
    repo.find_tree(tree)?.walk(TreeWalkMode::PreOrder, |folder, entry| {
        let is_link = entry.filemode() == i32::from(FileMode::Link);
        if entry.kind() == Some(ObjectType::Blob) && !is_link {
            found.insert(format!("{folder}{}", String::from_utf8_lossy(entry.name_bytes())), entry.id());
        }
        TreeWalkResult::Ok
    })?;
    Ok(found)
}

/// The parent's tree with the files added or replaced, written into the object database.
pub(super) fn with_files(
    repo: &Repository,
    parent: Option<Oid>,
    added: &BTreeMap<String, Vec<u8>>,
) -> Result<Oid, git2::Error> {
    let base = match parent {
        Some(tree) => tree,
        None => repo.treebuilder(None)?.write()?,
    };
    let mut update = TreeUpdateBuilder::new();
    for (path, bytes) in added {
        update.upsert(path.as_str(), repo.blob(bytes)?, FileMode::Blob);
    }
    // A step of words alone keeps its parent's tree.
    if added.is_empty() { Ok(base) } else { update.create_updated(repo, &repo.find_tree(base)?) }
}

/// A path that would have to be a file and a folder at once, among the parent's files and the added ones.
pub(super) fn clash<'a>(present: &'a Files, added: &'a BTreeMap<String, Vec<u8>>) -> Option<&'a str> {
    let taken = |path: &str| present.contains_key(path) || added.contains_key(path);
    let below_a_file = added.keys().find(|path| folders_of(path).any(taken));
    let over_a_folder = added.keys().find(|path| present.keys().any(|p| folders_of(p).any(|f| f == path.as_str())));
    below_a_file.or(over_a_folder).map(String::as_str)
}

/// `a/b/c` gives `a` and `a/b`.
pub(super) fn folders_of(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').filter_map(|(at, _)| path.get(..at))
}

/// The first path, in order, that two trees do not share.
pub(super) fn first_difference(a: &Files, b: &Files) -> Option<String> {
    a.keys().chain(b.keys()).filter(|path| a.get(*path) != b.get(*path)).min().cloned()
}
