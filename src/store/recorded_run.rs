//! A run as it is on record, opened to be read: nothing is mended, locked or written.

use crate::store::decision::{self, Decided, Decision};
use crate::store::folder::{Entry, Folder};
use crate::store::message::{ends_run, trailer};
use crate::store::objects;
use crate::store::reflog;
use crate::store::refs::step_tag;
use crate::store::tree::{Files, Recorded, files, history, with_files};
use crate::store::waiting::{WaitingRun, waiting};
use crate::store::worktree::JOURNAL;
use crate::store::{ArtifactError, RepositoryTrust, Step, init, libgit};
use git2::{DiffFormat, ObjectType, Oid, Repository};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The file by which a clone is known as a run's.
const MANIFEST: &str = "manifest.json";

/// The newest layout of the documents of a run that is read.
const NEWEST_LAYOUT: i64 = 2;

/// The part of [`MANIFEST`] that says how a run is laid out.
#[derive(Default, Deserialize)]
#[serde(default)]
struct LaidOut {
    layout: i64,
}

/// One branch of a run's repository.
pub struct RecordedRun {
    dir: PathBuf,
    pub(super) repo: Repository,
    branch: String,
    /// True if the files on disk are of this branch.
    shown: bool,
    /// The steps.
    pub(super) commits: Vec<Recorded>,
    pub(super) decided: Vec<Decided>,
    damaged: Vec<String>,
    pub(super) left_behind: Vec<String>,
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
        let no_run = |what| ArtifactError::NotARun { dir: dir.to_owned(), what };
        let place = match fs::canonicalize(dir) {
            Ok(place) if place.is_dir() => place,
            Ok(_) => return Err(no_run("is a file")),
            Err(e) if e.kind() == ErrorKind::NotFound => return Err(no_run("is not there")),
            Err(e) => return Err(ArtifactError::io("open", dir, e)),
        };
        let top = Folder::open(&place).map_err(|e| ArtifactError::io("open", &place, e))?;
        match top.look(".git") {
            Ok(Entry::Folder) => {}
            Ok(Entry::Nothing) if matches!(top.look("objects"), Ok(Entry::Folder)) => {
                return Err(no_run("is a bare repository; `git clone` it, and name the clone"));
            }
            Ok(Entry::Nothing) | Err(_) => return Err(no_run("is not the repository of a run")),
            Ok(_) => return Err(no_run("is a worktree or submodule of another repository")),
        }
        let git = init::own_git(&place, &top, trust)?;
        let failed = |action, e: &git2::Error| ArtifactError::git(action, &place, e);
        let repo = init::open_repository(&place).map_err(|e| failed("open the repository", &e))?;
        if repo.is_shallow() {
            return Err(no_run("is a shallow clone, which lacks commits; `git fetch --unshallow` brings them"));
        }
        let head = repo.head().ok().filter(|_| !repo.head_detached().unwrap_or(false));
        let head = head.and_then(|head| head.shorthand().ok().map(str::to_owned));
        let name = branch.map(str::to_owned).or_else(|| head.clone());
        let name = name.ok_or_else(|| no_run("has no branch checked out; `--branch main` names one"))?;
        let tip = tip(&repo, &name).ok_or_else(|| ArtifactError::NoBranch {
            dir: place.clone(),
            branch: name.clone(),
            branches: branches(&repo),
        })?;
        let shown = head.as_ref() == Some(&name);
        let scan = objects::scan(&git).map_err(|e| ArtifactError::io("read the objects of", &place, e))?;
        let mut damaged: Vec<String> = scan.damaged.iter().map(|(folder, rest)| format!("{folder}{rest}")).collect();
        // libgit2 reads an object that was cut for ever, so with one of those nothing is read at all.
        if damaged.is_empty() {
            damaged = unreadable(&repo, tip, &scan.whole);
        }
        let commits = if damaged.is_empty() {
            history(&repo, Some(tip)).map_err(|e| failed("read the history", &e))?
        } else {
            Vec::new()
        };
        let here: BTreeSet<Oid> = commits.iter().map(|commit| commit.id).collect();
        let left = if damaged.is_empty() {
            reflog::left_behind(&git, &name, &|id| here.contains(&id))
                .map_err(|e| ArtifactError::io("read the log of the branch in", &place, e))?
        } else {
            Vec::new()
        };
        let left_behind = left.iter().map(Oid::to_string).collect();
        let (commits, decided) = decision::split(commits);
        let run = RecordedRun { dir: place.clone(), repo, branch: name, shown, commits, decided, damaged, left_behind };
        if run.damaged.is_empty() {
            let manifest = run.file(MANIFEST)?;
            let manifest = manifest.ok_or_else(|| no_run("is a git repository that oci-agent did not make"))?;
            // What cannot be read at all is told by whoever needs it.
            let laid_out: LaidOut = serde_json::from_slice(&manifest).unwrap_or_default();
            if laid_out.layout > NEWEST_LAYOUT {
                return Err(ArtifactError::Newer { dir: place, layout: laid_out.layout });
            }
        }
        Ok(run)
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

    /// References of `git replace`, and grafts: git shows other content than the commits have.
    ///
    /// # Errors
    /// The references cannot be read.
    pub fn replaced(&self) -> Result<Vec<String>, ArtifactError> {
        let found = self.repo.references_glob("refs/replace/*").map_err(|e| self.failed("read the references", &e))?;
        let mut names: Vec<String> = found.flatten().filter_map(|it| it.name().ok().map(str::to_owned)).collect();
        if self.repo.path().join("info/grafts").exists() {
            names.push("info/grafts".to_owned());
        }
        Ok(names)
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

    /// The decisions of people, oldest first, each with the number of steps before it.
    pub fn decisions(&self) -> impl Iterator<Item = (usize, &Decision)> {
        self.decided.iter().map(|decided| (decided.after, &decided.decision))
    }

    /// What the run waits for.
    #[must_use]
    pub fn waiting(&self) -> Option<WaitingRun> {
        waiting(&self.branch, &self.commits, &self.decided)
    }

    /// The subject and the message of a step (from 0).
    #[must_use]
    pub fn message(&self, step: usize) -> Option<(&str, &str)> {
        let message = self.commits.get(step)?.message.as_str();
        Some((message.lines().next().unwrap_or_default(), message))
    }

    /// The value of a trailer of a step (from 0).
    #[must_use]
    pub fn trailer_of(&self, step: usize, key: &str) -> Option<&str> {
        trailer(&self.commits.get(step)?.message, key)
    }

    /// Full id of the tree of the last step.
    #[must_use]
    pub fn tree(&self) -> Option<String> {
        self.commits.last().map(|commit| commit.tree.to_string())
    }

    /// What changed from the tree of one step to that of another (from 0; `None` for nothing), as `git diff` prints it.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn diff(&self, from: Option<usize>, to: usize) -> Result<String, ArtifactError> {
        let failed = |e: &git2::Error| self.failed("compare two trees", e);
        let tree = |step: usize| self.commits.get(step).map(|commit| self.repo.find_tree(commit.tree)).transpose();
        let (old, new) =
            (from.map(tree).transpose().map_err(|e| failed(&e))?.flatten(), tree(to).map_err(|e| failed(&e))?);
        let found = self.repo.diff_tree_to_tree(old.as_ref(), new.as_ref(), None).map_err(|e| failed(&e))?;
        let mut text = Vec::new();
        found
            .print(DiffFormat::Patch, |_, _, line| {
                if matches!(line.origin(), '+' | '-' | ' ') {
                    text.push(u8::try_from(line.origin()).unwrap_or(b' '));
                }
                text.extend_from_slice(line.content());
                true
            })
            .map_err(|e| failed(&e))?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// The last commit of the branch, a step or a decision.
    pub(super) fn last_commit(&self) -> Option<Oid> {
        let decided = self.decided.last().filter(|it| it.after == self.commits.len());
        let decided = decided.and_then(|it| Oid::from_str(&it.decision.commit).ok());
        decided.or(self.commits.last().map(|commit| commit.id))
    }

    /// The step (from 0) that ends the run, if it came to its end.
    #[must_use]
    pub fn end(&self) -> Option<usize> {
        self.commits.iter().position(|commit| ends_run(&commit.message))
    }

    /// True if the run came to its end.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.end().is_some()
    }

    /// The value of a trailer in the earliest commit that has it.
    #[must_use]
    pub fn trailer(&self, key: &str) -> Option<String> {
        self.commits.iter().find_map(|commit| trailer(&commit.message, key)).map(str::to_owned)
    }

    /// Ids of objects of the branch that are damaged or missing on the disk. If there are any, no commit is read.
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

    /// A file of a commit, counted from 0.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn file_at(&self, commit: usize, path: &str) -> Result<Option<Vec<u8>>, ArtifactError> {
        let found = self.files(self.commits.get(commit))?;
        found.get(path).map(|id| self.bytes(*id)).transpose()
    }

    /// Every version of the files of this name, in whatever folder but one (its name with `/` at the end), oldest first, each once.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn versions_of(&self, name: &str, but: &str) -> Result<Vec<Vec<u8>>, ArtifactError> {
        let (mut seen, mut versions) = (BTreeSet::new(), Vec::new());
        for commit in &self.commits {
            for (path, id) in self.files(Some(commit))? {
                let elsewhere = path.strip_prefix(but).is_none();
                if elsewhere && path.rsplit('/').next() == Some(name) && seen.insert(id) {
                    versions.push(self.bytes(id)?);
                }
            }
        }
        Ok(versions)
    }

    /// The commits, counted from 0, that carry a trailer, with its value.
    #[must_use]
    pub fn steps_with(&self, key: &str) -> Vec<(usize, String)> {
        let found = self.commits.iter().enumerate();
        found.filter_map(|(at, commit)| Some((at, trailer(&commit.message, key)?.to_owned()))).collect()
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

    /// All files of the last commit, by path.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn files_at_tip(&self) -> Result<BTreeMap<String, Vec<u8>>, ArtifactError> {
        let found = self.files(self.commits.last())?;
        found.into_iter().map(|(path, id)| Ok((path, self.bytes(id)?))).collect()
    }

    /// All files of the commit of any branch whose id begins like this; `None` if there is none, or several.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn files_at_commit(&self, id: &str) -> Result<Option<BTreeMap<String, Vec<u8>>>, ArtifactError> {
        let hexadecimal = id.len() >= 4 && id.bytes().all(|b| b.is_ascii_hexdigit());
        let found = hexadecimal.then(|| self.repo.find_commit_by_prefix(id).ok()).flatten();
        let Some(commit) = found else { return Ok(None) };
        let found = files(&self.repo, Some(commit.tree_id())).map_err(|e| self.failed("read a tree", &e))?;
        found.into_iter().map(|(path, id)| Ok((path, self.bytes(id)?))).collect::<Result<_, _>>().map(Some)
    }

    /// True if a process was killed while it wrote the files of its last step. Whoever opens the run to write brings them on.
    #[must_use]
    pub fn was_interrupted(&self) -> bool {
        self.repo.path().join(JOURNAL).is_file()
    }

    /// Files on disk that are not as the last commit has them; nothing if another branch is checked out.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn edited(&self) -> Result<Vec<EditedFile>, ArtifactError> {
        if !self.shown || self.repo.is_bare() {
            return Ok(Vec::new());
        }
        // git itself writes other line ends where it was told to.
        let line_ends = self.repo.config().and_then(|it| it.get_bool("core.autocrlf")).unwrap_or(false);
        let mut edited = Vec::new();
        for (path, id) in self.files(self.commits.last())? {
            let on_disk = fs::symlink_metadata(self.dir.join(&path));
            // Through no link: whatever it leads to is not the file of the run.
            let bytes = match &on_disk {
                Ok(found) if found.is_file() => fs::read(self.dir.join(&path)).ok(),
                _ => None,
            };
            let hash = |bytes: &[u8]| Oid::hash_object(ObjectType::Blob, bytes).ok();
            let is_it = |bytes: &Vec<u8>| {
                hash(bytes) == Some(id) || line_ends && hash(&without_carriage_returns(bytes)) == Some(id)
            };
            if !bytes.as_ref().is_some_and(is_it) {
                edited.push(EditedFile { path, there: on_disk.is_ok() });
            }
        }
        Ok(edited)
    }

    /// The tree of a step (counted from 0), made from the tree on record of the one before it.
    pub(super) fn tree_after(&self, at: usize, step: &Step) -> Result<Oid, ArtifactError> {
        let parent = at.checked_sub(1).and_then(|before| self.commits.get(before));
        let present = self.files(parent)?;
        let made = with_files(&self.repo, parent.map(|commit| commit.tree), &present, step);
        made.map(|tree| tree.id).map_err(|e| self.failed("make a tree", &e))
    }

    /// The commit that a step's tag names; `None` if there is no such tag, as in a clone without tags.
    pub(super) fn tagged(&self, tag: &str) -> Option<Oid> {
        let name = format!("refs/tags/{}", step_tag(&self.branch, tag));
        let found = self.repo.find_reference(&name).and_then(|found| found.peel_to_commit());
        found.ok().map(|commit| commit.id())
    }

    /// The contents that a file has had, in order, each with the number (from 0) of the commit that wrote it.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn versions(&self, path: &str) -> Result<Vec<(usize, Vec<u8>)>, ArtifactError> {
        let mut found = Vec::new();
        let mut before = None;
        for (number, commit) in self.commits.iter().enumerate() {
            let now = self.files(Some(commit))?.get(path).copied();
            if let Some(id) = now.filter(|_| now != before) {
                found.push((number, self.bytes(id)?));
            }
            before = now;
        }
        Ok(found)
    }

    pub(super) fn files(&self, commit: Option<&Recorded>) -> Result<Files, ArtifactError> {
        files(&self.repo, commit.map(|commit| commit.tree)).map_err(|e| self.failed("read a tree", &e))
    }

    pub(super) fn bytes(&self, id: Oid) -> Result<Vec<u8>, ArtifactError> {
        let blob = self.repo.find_blob(id).map_err(|e| self.failed("read a file", &e))?;
        Ok(blob.content().to_vec())
    }

    pub(super) fn failed(&self, action: &'static str, error: &git2::Error) -> ArtifactError {
        ArtifactError::git(action, &self.dir, error)
    }
}

/// The commit of a branch of this repository, or of the one that it was cloned from.
fn tip(repo: &Repository, branch: &str) -> Option<Oid> {
    let places = [format!("refs/heads/{branch}"), format!("refs/remotes/origin/{branch}")];
    places.iter().find_map(|name| repo.refname_to_id(name).ok())
}

/// Names of branches, those of the repository that this was cloned from among them.
fn branches(repo: &Repository) -> Vec<String> {
    let found = repo.references_glob("refs/heads/*").into_iter().chain(repo.references_glob("refs/remotes/origin/*"));
    let names = found.flatten().flatten().filter_map(|it| it.name().ok().map(str::to_owned));
    let plain = |name: String| {
        ["refs/heads/", "refs/remotes/origin/"].iter().find_map(|above| name.strip_prefix(above).map(str::to_owned))
    };
    let names: BTreeSet<String> = names.filter_map(plain).filter(|name| name != "HEAD").collect();
    names.into_iter().collect()
}

/// Ids of commits, trees and files of a history that cannot be read, or do not hash to their names. Objects of `whole` were
/// hashed before.
pub(super) fn unreadable(repo: &Repository, tip: Oid, whole: &BTreeSet<Oid>) -> Vec<String> {
    let Ok(odb) = repo.odb() else { return vec![tip.to_string()] };
    // Of an object in two places, git reads the one that was packed.
    let (loose_only, nothing) = (!has_packs(repo), BTreeSet::new());
    let whole = if loose_only { whole } else { &nothing };
    let (mut damaged, mut seen, mut waiting) = (Vec::new(), BTreeSet::new(), vec![(tip, ObjectType::Commit)]);
    while let Some((id, kind)) = waiting.pop() {
        if !seen.insert(id) || kind == ObjectType::Blob && whole.contains(&id) {
            continue;
        }
        let hashes =
            || odb.read(id).is_ok_and(|it| Oid::hash_object(it.kind(), it.data()).is_ok_and(|hash| hash == id));
        if !whole.contains(&id) && !hashes() {
            damaged.push(id.to_string());
        } else if let Ok(commit) = repo.find_commit(id) {
            waiting.push((commit.tree_id(), ObjectType::Tree));
            waiting.extend(commit.parent_ids().map(|parent| (parent, ObjectType::Commit)));
        } else if let Ok(tree) = repo.find_tree(id) {
            // A submodule is a commit of another repository.
            let inside = tree.iter().filter(|entry| entry.kind() != Some(ObjectType::Commit));
            waiting.extend(inside.map(|entry| (entry.id(), entry.kind().unwrap_or(ObjectType::Any))));
        }
    }
    damaged
}

/// True if some objects are in packs, or in another repository's folder.
fn has_packs(repo: &Repository) -> bool {
    let objects = repo.path().join("objects");
    let any = fs::read_dir(objects.join("pack")).is_ok_and(|mut entries| entries.next().is_some());
    any || objects.join("info/alternates").exists()
}

fn without_carriage_returns(bytes: &[u8]) -> Vec<u8> {
    let ends = |at: usize| bytes[at] == b'\r' && bytes.get(at + 1) == Some(&b'\n');
    (0..bytes.len()).filter(|at| !ends(*at)).map(|at| bytes[at]).collect()
}
