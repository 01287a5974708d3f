//! A run read at a glance, for a page of many: the last commit of each branch and the files that are asked for.
//!
//! Nothing is scanned, mended or written. What is read is hashed, and only that: [`crate::store::RecordedRun`] vouches for a
//! whole repository and takes a hundred times as long. Loose objects are never given to libgit2, which reads one that was cut
//! for ever.

use crate::store::folder::{Entry, Folder};
use crate::store::message::{ends_run, trailer};
use crate::store::objects::{self, Loose};
use crate::store::refs::strict_id;
use crate::store::{ArtifactError, GATE, RepositoryTrust, init, libgit};
use git2::{Oid, Repository};
use std::fs;
use std::path::{Path, PathBuf};

/// A file of a run of more bytes than this is not read; the largest of the examples has a quarter of a megabyte.
const LARGEST: u64 = 64 << 20;
/// Commits of a run that did not come to its end are looked through for the mark of an end.
const MOST_COMMITS: usize = 100_000;

/// A run's repository, open to be looked at.
pub struct Glance {
    dir: PathBuf,
    git: Folder,
    repo: Repository,
    branches: Vec<(String, Oid)>,
    current: Option<String>,
    busy: bool,
}

/// The last commit of a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tip {
    /// Branch.
    pub branch: String,
    /// Full id of the commit.
    pub commit: String,
    /// When it was made, seconds since 1970.
    pub time: i64,
    /// Its first line.
    pub subject: String,
    /// True if the run came to its end.
    pub finished: bool,
    /// True if another process is at work on it at this moment.
    pub running: bool,
    /// True if earlier commits are not here.
    pub shallow: bool,
    /// True if it is about a gate: a step that waits, or a decision on one.
    pub gated: bool,
    tree: Oid,
}

struct Commit {
    tree: Oid,
    parent: Option<Oid>,
    time: i64,
    message: String,
}

impl Glance {
    /// Opens the run in a directory.
    ///
    /// # Errors
    /// There is no repository, it is somebody else's, it was made by a later version, or its references cannot be read.
    pub fn open(dir: &Path, trust: &RepositoryTrust) -> Result<Glance, ArtifactError> {
        libgit::settle();
        let place = fs::canonicalize(dir).map_err(|e| ArtifactError::io("open", dir, e))?;
        let top = Folder::open(&place).map_err(|e| ArtifactError::io("open", &place, e))?;
        let git = init::own_git(&place, &top, trust)?;
        if let Some(layout) = init::layout(&git).filter(|layout| *layout > init::LAYOUT) {
            return Err(ArtifactError::Newer { dir: place, layout });
        }
        let repo = init::open_repository(&place).map_err(|e| ArtifactError::git("open the repository", &place, &e))?;
        let detached = repo.head_detached().unwrap_or(false);
        let head = repo.find_reference("HEAD").ok().filter(|_| !detached);
        let target = head.as_ref().and_then(|head| head.symbolic_target().ok().flatten());
        let current = target.and_then(|name| name.strip_prefix("refs/heads/")).map(str::to_owned);
        let busy = git.is_locked(init::LOCK).map_err(|e| ArtifactError::io("look at", &git.at(init::LOCK), e))?;
        drop(head);
        let mut glance = Glance { dir: place, git, repo, branches: Vec::new(), current, busy };
        glance.branches = glance.find_branches()?;
        Ok(glance)
    }

    /// Names of the branches that hold a run, the one that is checked out first.
    pub fn branches(&self) -> impl Iterator<Item = &str> {
        self.branches.iter().map(|(name, _)| name.as_str())
    }

    /// The id of the last commit of a branch.
    #[must_use]
    pub fn commit_of(&self, branch: &str) -> Option<String> {
        self.id_of(branch).map(|id| id.to_string())
    }

    /// True if another process is at work here.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.busy
    }

    /// True if this branch is checked out.
    #[must_use]
    pub fn is_current(&self, branch: &str) -> bool {
        self.current.as_deref() == Some(branch)
    }

    /// True if this program made the repository; a clone of it is not marked.
    #[must_use]
    pub fn is_marked(&self) -> bool {
        init::layout(&self.git).is_some()
    }

    /// The last commit of a branch.
    ///
    /// # Errors
    /// [`ArtifactError::Unreadable`] where an object is damaged or missing; else what the system says.
    pub fn tip(&self, branch: &str) -> Result<Tip, ArtifactError> {
        let no_branch = || ArtifactError::NoBranch {
            dir: self.dir.clone(),
            branch: branch.to_owned(),
            branches: self.branches().map(str::to_owned).collect(),
        };
        let id = self.id_of(branch).ok_or_else(no_branch)?;
        let last = self.commit(id)?;
        let shallow = self.repo.is_shallow();
        let finished = ends_run(&last.message) || self.has_ended(last.parent, shallow)?;
        Ok(Tip {
            branch: branch.to_owned(),
            commit: id.to_string(),
            time: last.time,
            subject: last.message.lines().next().unwrap_or_default().to_owned(),
            finished,
            running: self.busy && !finished && self.current.as_deref() == Some(branch),
            shallow,
            gated: trailer(&last.message, GATE).is_some(),
            tree: last.tree,
        })
    }

    /// A file of a commit.
    ///
    /// # Errors
    /// As [`Glance::tip`].
    pub fn file(&self, tip: &Tip, path: &str) -> Result<Option<Vec<u8>>, ArtifactError> {
        let (folders, name) = path.rsplit_once('/').map_or(("", path), |(folders, name)| (folders, name));
        let Some(tree) = self.tree(tip.tree, folders)? else { return Ok(None) };
        let found = tree.into_iter().find(|entry| entry.name == name && entry.is_file);
        found.map(|entry| self.read(entry.id)).transpose()
    }

    /// The names in a folder of a commit; none if it is not there. `""` is the top.
    ///
    /// # Errors
    /// As [`Glance::tip`].
    pub fn names(&self, tip: &Tip, folder: &str) -> Result<Vec<String>, ArtifactError> {
        Ok(self.tree(tip.tree, folder)?.unwrap_or_default().into_iter().map(|entry| entry.name).collect())
    }

    fn id_of(&self, branch: &str) -> Option<Oid> {
        self.branches.iter().find(|(name, _)| name == branch).map(|(_, id)| *id)
    }

    /// The branches that this program makes, and the one that is checked out; in a clone those of where it was cloned from.
    fn find_branches(&self) -> Result<Vec<(String, Oid)>, ArtifactError> {
        let failed = |e: git2::Error| ArtifactError::git("read the branches", &self.dir, &e);
        let mut found: Vec<(String, Oid)> = Vec::new();
        for above in ["refs/heads/", "refs/remotes/origin/"] {
            for reference in self.repo.references_glob(&format!("{above}*")).map_err(failed)? {
                let reference = reference.map_err(failed)?;
                let (Ok(name), Some(id)) = (reference.name(), reference.target()) else { continue };
                let name = name.get(above.len()..).unwrap_or_default();
                let is_run = is_run(name) || self.current.as_deref() == Some(name);
                if is_run && found.iter().all(|(there, _)| there != name) {
                    found.push((name.to_owned(), id));
                }
            }
        }
        found.sort_by_key(|(name, _)| (self.current.as_deref() != Some(name.as_str()), number(name)));
        Ok(found)
    }

    fn has_ended(&self, mut next: Option<Oid>, shallow: bool) -> Result<bool, ArtifactError> {
        for _ in 0..MOST_COMMITS {
            let Some(id) = next else { return Ok(false) };
            match self.commit(id) {
                Ok(commit) if ends_run(&commit.message) => return Ok(true),
                Ok(commit) => next = commit.parent,
                Err(_) if shallow => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    fn commit(&self, id: Oid) -> Result<Commit, ArtifactError> {
        commit(&self.read(id)?).ok_or_else(|| self.unreadable(id))
    }

    fn tree(&self, top: Oid, folders: &str) -> Result<Option<Vec<TreeEntry>>, ArtifactError> {
        let mut here = self.entries(top)?;
        for name in folders.split('/').filter(|name| !name.is_empty()) {
            let Some(below) = here.into_iter().find(|entry| entry.name == name && entry.is_folder) else {
                return Ok(None);
            };
            here = self.entries(below.id)?;
        }
        Ok(Some(here))
    }

    fn entries(&self, id: Oid) -> Result<Vec<TreeEntry>, ArtifactError> {
        entries(&self.read(id)?).ok_or_else(|| self.unreadable(id))
    }

    /// The bytes of an object, loose or packed.
    fn read(&self, id: Oid) -> Result<Vec<u8>, ArtifactError> {
        let loose = objects::read(&self.git, id, LARGEST).map_err(|e| ArtifactError::io("read", &self.dir, e))?;
        match loose {
            Loose::Whole(bytes) => Ok(bytes),
            Loose::Damaged => Err(self.unreadable(id)),
            Loose::Missing => {
                let odb = self.repo.odb().map_err(|e| ArtifactError::git("open the objects", &self.dir, &e))?;
                let small = odb.read_header(id).is_ok_and(|(size, _)| size as u64 <= LARGEST);
                let packed = small.then(|| odb.read(id).ok()).flatten();
                let whole =
                    |it: &git2::OdbObject<'_>| Oid::hash_object(it.kind(), it.data()).is_ok_and(|hash| hash == id);
                packed.filter(whole).map(|it| it.data().to_vec()).ok_or_else(|| self.unreadable(id))
            }
        }
    }

    fn unreadable(&self, id: Oid) -> ArtifactError {
        ArtifactError::Unreadable { dir: self.dir.clone(), object: id.to_string() }
    }
}

/// `main`, and `run-2`, `run-3`, … beside it.
fn is_run(branch: &str) -> bool {
    branch == "main" || number(branch) > 1
}

fn number(branch: &str) -> u32 {
    branch.strip_prefix("run-").and_then(|number| number.parse().ok()).unwrap_or(1)
}

fn commit(bytes: &[u8]) -> Option<Commit> {
    let text = String::from_utf8_lossy(bytes);
    let (headers, message) = text.split_once("\n\n")?;
    let header = |key: &str| headers.lines().find_map(|line| line.split_once(' ').filter(|line| line.0 == key));
    let id = |key: &str| header(key).and_then(|line| strict_id(line.1.as_bytes()));
    // `Name <email> seconds zone`
    let mut committer = header("committer")?.1.rsplit(' ');
    let time = committer.nth(1)?.parse().ok()?;
    Some(Commit { tree: id("tree")?, parent: id("parent"), time, message: message.to_owned() })
}

struct TreeEntry {
    name: String,
    id: Oid,
    is_file: bool,
    is_folder: bool,
}

/// `mode name\0` and twenty bytes of an id, again and again.
fn entries(mut bytes: &[u8]) -> Option<Vec<TreeEntry>> {
    const ID: usize = 20;
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let end = bytes.iter().position(|byte| *byte == 0)?;
        let head = String::from_utf8_lossy(bytes.get(..end)?);
        let (mode, name) = head.split_once(' ')?;
        let id = Oid::from_bytes(bytes.get(end + 1..end + 1 + ID)?).ok()?;
        let (is_file, is_folder) = (matches!(mode, "100644" | "100755"), mode == "40000");
        found.push(TreeEntry { name: name.to_owned(), id, is_file, is_folder });
        bytes = bytes.get(end + 1 + ID..)?;
    }
    Some(found)
}

/// Where a folder may be a run: `.git` is a folder of its own.
pub(super) fn has_git(folder: &Folder) -> bool {
    matches!(folder.look(".git"), Ok(Entry::Folder))
}

#[cfg(test)]
mod tests {
    use crate::store::glance::*;

    #[test]
    fn a_commit_and_a_tree_are_read_as_git_writes_them() {
        let id = "1c9f2e7f5d0a4b7c8e6d3f2a1b0c9d8e7f6a5b4c";
        let text = format!(
            "tree {id}\nparent {id}\nauthor A <a@b> 1 +0000\ncommitter C D <c@d> 1764500000 +0000\n\nreport: x\n\nK: v\n"
        );
        let read = commit(text.as_bytes()).expect("a commit");
        assert_eq!((read.time, read.tree.to_string().as_str()), (1_764_500_000, id));
        assert!(read.parent.is_some() && read.message.starts_with("report: x"));
        assert!(commit(b"tree x\n\nno committer").is_none());
        let mut tree = b"100644 a b.txt\0".to_vec();
        tree.extend([7; 20]);
        tree.extend(b"40000 plots\0");
        tree.extend([9; 20]);
        let read = entries(&tree).expect("a tree");
        assert_eq!(
            read.iter().map(|e| (e.name.as_str(), e.is_file)).collect::<Vec<_>>(),
            [("a b.txt", true), ("plots", false)]
        );
        assert!(entries(&tree[..tree.len() - 1]).is_none(), "cut");
    }

    #[test]
    fn branches_of_runs_are_told_from_those_of_persons() {
        for (name, expected) in [("main", true), ("run-2", true), ("run-1", false), ("run-x", false), ("mine", false)] {
            assert_eq!(is_run(name), expected, "{name}");
        }
    }
}
