//! Trees as flat maps from path to blob, which is how a step sees them.

use crate::store::Step;
use crate::store::objects::Object;
use git2::{Commit, FileMode, ObjectType, Oid, Repository, TreeWalkMode, TreeWalkResult};
use std::collections::BTreeMap;

/// Path inside the repository to blob id.
pub(super) type Files = BTreeMap<String, Oid>;

const BLOB_MODE: i32 = 0o100_644;
const FOLDER_MODE: i32 = 0o040_000;

/// A commit that is on the branch already.
#[derive(Debug, Clone)]
pub(super) struct Recorded {
    pub id: Oid,
    pub tree: Oid,
    pub message: String,
    /// True if it has nothing that a commit of this program has not: no second parent, no header of its own.
    pub plain: bool,
    pub parents: usize,
    pub parent: Option<Oid>,
    /// `Name <email>`.
    pub author: String,
    /// Seconds since 1970-01-01 UTC.
    pub time: i64,
    /// True if it has a signature.
    pub signed: bool,
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

/// The last commits of a branch, back to the first that is wanted, oldest first; all of them if none is.
pub(super) fn history_back_to(
    repo: &Repository,
    tip: Option<Oid>,
    wanted: impl Fn(&Recorded) -> bool,
) -> Result<Vec<Recorded>, git2::Error> {
    let mut commits = Vec::new();
    let mut next = tip;
    while let Some(id) = next {
        let commit = recorded(&repo.find_commit(id)?);
        next = commit.parent;
        let found = wanted(&commit);
        commits.push(commit);
        if found {
            break;
        }
    }
    commits.reverse();
    Ok(commits)
}

fn recorded(commit: &Commit<'_>) -> Recorded {
    let message = String::from_utf8_lossy(commit.message_raw_bytes()).into_owned();
    let headers = commit.raw_header_bytes().split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
    let parents = commit.parent_count();
    // tree, parents, author, committer.
    let plain = parents <= 1 && headers == 3 + parents;
    let author = commit.author();
    let part = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Recorded {
        id: commit.id(),
        tree: commit.tree_id(),
        message,
        plain,
        parents,
        parent: commit.parent_ids().next(),
        author: format!("{} <{}>", part(author.name_bytes()), part(author.email_bytes())),
        time: commit.time().seconds(),
        signed: commit.header_field_bytes("gpgsig").is_ok(),
    }
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

/// A tree and the objects that it needs besides its parent's.
#[derive(Debug)]
pub(super) struct NewTree {
    pub id: Oid,
    /// All its files.
    pub files: Files,
    pub objects: Vec<Object>,
}

/// The parent's tree as a step leaves it, in memory: its files added or replaced, what it takes away gone. `present` are the
/// files of the parent.
pub(super) fn with_files(
    repo: &Repository,
    parent: Option<Oid>,
    present: &Files,
    step: &Step,
) -> Result<NewTree, git2::Error> {
    let mut objects = Vec::new();
    let mut files = present.clone();
    files.retain(|path, _| !step.takes_away(path));
    let mut changes: Changes =
        present.keys().filter(|path| step.takes_away(path)).map(|path| (path.clone(), None)).collect();
    for (path, bytes) in &step.files {
        let blob = Object::new(ObjectType::Blob, bytes.clone())?;
        files.insert(path.clone(), blob.id);
        changes.insert(path.clone(), Some(blob.id));
        objects.push(blob);
    }
    let id = graft(repo, parent, &changes, &mut objects)?;
    Ok(NewTree { id, files, objects })
}

/// Path inside the repository to the blob that is to be there; `None` for a file that is to go.
pub(super) type Changes = BTreeMap<String, Option<Oid>>;

/// The parent's tree with blobs added, replaced or taken away. What else is in it, as links of a person, stays as it is.
pub(super) fn graft(
    repo: &Repository,
    parent: Option<Oid>,
    changes: &Changes,
    objects: &mut Vec<Object>,
) -> Result<Oid, git2::Error> {
    let mut entries = BTreeMap::new();
    if let Some(parent) = parent {
        for entry in &repo.find_tree(parent)? {
            entries.insert(entry.name_bytes().to_vec(), (entry.filemode_raw(), entry.id()));
        }
    }
    let mut folders: BTreeMap<&str, Changes> = BTreeMap::new();
    for (path, blob) in changes {
        match (path.split_once('/'), blob) {
            (None, Some(blob)) => drop(entries.insert(path.as_bytes().to_vec(), (BLOB_MODE, *blob))),
            (None, None) => drop(entries.remove(path.as_bytes())),
            (Some((folder, rest)), blob) => drop(folders.entry(folder).or_default().insert(rest.to_owned(), *blob)),
        }
    }
    for (folder, inside) in folders {
        let there = entries.get(folder.as_bytes()).filter(|(mode, _)| *mode == FOLDER_MODE).map(|(_, id)| *id);
        let id = graft(repo, there, &inside, objects)?;
        // git knows no empty folder.
        if id == empty_tree()? {
            entries.remove(folder.as_bytes());
            objects.retain(|object| object.id != id);
        } else {
            entries.insert(folder.as_bytes().to_vec(), (FOLDER_MODE, id));
        }
    }
    let tree = Object::new(ObjectType::Tree, serialised(&entries))?;
    let id = tree.id;
    // A step of words alone keeps its parent's tree.
    if parent != Some(id) {
        objects.push(tree);
    }
    Ok(id)
}

fn empty_tree() -> Result<Oid, git2::Error> {
    Oid::hash_object(ObjectType::Tree, &[])
}

/// git's own order: a folder is sorted as if its name ended with `/`.
fn serialised(entries: &BTreeMap<Vec<u8>, (i32, Oid)>) -> Vec<u8> {
    let key = |name: &[u8], mode: i32| [name, if mode == FOLDER_MODE { b"/" } else { b"" }].concat();
    let mut sorted: Vec<_> = entries.iter().map(|(name, (mode, id))| (key(name, *mode), name, *mode, id)).collect();
    sorted.sort();
    let mut bytes = Vec::new();
    for (_, name, mode, id) in sorted {
        bytes.extend_from_slice(format!("{mode:o} ").as_bytes());
        bytes.extend_from_slice(name);
        bytes.push(0);
        bytes.extend_from_slice(id.as_bytes());
    }
    bytes
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
