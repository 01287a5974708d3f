//! A run that comes out of a bundle: unpacked beside the place where it is to be, looked at there, and moved into place whole.
//!
//! Whoever made the bundle may mean harm. So nothing of it is believed: each object is hashed as it is unpacked and again when
//! it is read, every path of every tree has to be one that a step could have, links and submodules are refused, and the
//! files are written below an open folder like those of any run. Until [`UnpackedRun::keep`] there is nothing at the place
//! itself, and a kill leaves a folder beside it whose name says what it is.

use crate::store::bundle::{self, Header, bad_bundle};
use crate::store::folder::Folder;
use crate::store::init::{self, Prepared};
use crate::store::message::check_path;
use crate::store::recorded_run::{RecordedRun, unreadable};
use crate::store::refs::{Change, Refs, branch_reference};
use crate::store::tree::{Recorded, history};
use crate::store::worktree::Worktree;
use crate::store::{ArtifactError, Author, RepositoryTrust, objects, reflog};
use git2::{ObjectType, Oid, Repository};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// What a file of a run is in a tree, and a folder.
const FILE: i32 = 0o100_644;
const FOLDER: i32 = 0o040_000;
/// Said by the log of the branch.
const WHY: &str = "oci-agent: fetched";

/// A run that was unpacked and is not in its place yet. Dropped, it is removed again.
pub struct UnpackedRun {
    place: PathBuf,
    beside: PathBuf,
    run: Option<RecordedRun>,
    tip: String,
    tags: BTreeMap<String, String>,
}

impl UnpackedRun {
    /// Unpacks a bundle for a directory that is not there yet. `at` is the time for the log of the branch, in seconds since
    /// 1970-01-01 UTC.
    ///
    /// # Errors
    /// Something is at that place, it cannot be written, or the bundle is damaged or holds something that no run has.
    pub fn new(place: &Path, bundle: &[u8], at: i64, trust: &RepositoryTrust) -> Result<UnpackedRun, ArtifactError> {
        let header = bundle::header(bundle)?;
        refuse_taken(place)?;
        let beside = beside(place)?;
        fs::create_dir(&beside).map_err(|e| ArtifactError::io("create the directory", &beside, e))?;
        let mut unpacked = UnpackedRun {
            place: place.to_owned(),
            tip: header.tip.to_string(),
            tags: header.tags.iter().map(|(name, id)| (name.clone(), id.to_string())).collect(),
            beside,
            run: None,
        };
        unpack(&unpacked.beside, &header, bundle.get(header.pack..).unwrap_or_default(), at, trust)?;
        let run = RecordedRun::open(&unpacked.beside, None, trust)?;
        if let Some(damaged) = run.damaged().first() {
            return Err(bad_bundle(format!("object {damaged} in it is damaged or missing")));
        }
        unpacked.run = Some(run);
        Ok(unpacked)
    }

    /// The run.
    #[must_use]
    pub fn run(&self) -> Option<&RecordedRun> {
        self.run.as_ref()
    }

    /// Full id of its last commit.
    #[must_use]
    pub fn tip(&self) -> &str {
        &self.tip
    }

    /// The tags of its steps.
    #[must_use]
    pub fn tags(&self) -> &BTreeMap<String, String> {
        &self.tags
    }

    /// Moves it into its place.
    ///
    /// # Errors
    /// Something has come to that place, or it cannot be moved.
    pub fn keep(mut self) -> Result<(), ArtifactError> {
        // Some systems move no folder that is held open.
        drop(self.run.take());
        refuse_taken(&self.place)?;
        let moved = || {
            fs::rename(&self.beside, &self.place)?;
            Folder::open(&fs::canonicalize(above(&self.place))?)?.sync()
        };
        moved().map_err(|e| ArtifactError::io("create", &self.place, e))
    }
}

impl Drop for UnpackedRun {
    /// What was moved into place is not there any more.
    fn drop(&mut self) {
        drop(self.run.take());
        let _ = fs::remove_dir_all(&self.beside);
    }
}

fn refuse_taken(place: &Path) -> Result<(), ArtifactError> {
    match fs::symlink_metadata(place) {
        Ok(_) => Err(ArtifactError::Taken { place: place.to_owned() }),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        Err(e) => Err(ArtifactError::io("look at", place, e)),
    }
}

fn above(place: &Path) -> &Path {
    place.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A folder in the same folder, so that it can be renamed, with a name that only this process uses.
fn beside(place: &Path) -> Result<PathBuf, ArtifactError> {
    let above = above(place);
    fs::create_dir_all(above).map_err(|e| ArtifactError::io("create the directory", above, e))?;
    let name = place.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(above.join(format!(".{name}.fetching-{}", std::process::id())))
}

fn unpack(dir: &Path, header: &Header, pack: &[u8], at: i64, trust: &RepositoryTrust) -> Result<(), ArtifactError> {
    let failed = |action, e: &git2::Error| ArtifactError::git(action, dir, e);
    let Prepared { place, repo, lock, .. } = init::prepare(dir, trust)?;
    write_pack(&repo, pack)?;
    if let Some(damaged) = unreadable(&repo, header.tip, &BTreeSet::new()).first() {
        return Err(bad_bundle(format!("object {damaged} in it is damaged or missing")));
    }
    let commits = history(&repo, Some(header.tip)).map_err(|e| failed("read the history", &e))?;
    check_commits(&repo, &commits, header)?;
    objects::sync_all(&place.git).map_err(|e| ArtifactError::io("sync", dir, e))?;
    // As in a run: first the journal, then the branch, then the files.
    let worktree = Worktree { repo: &repo, place: &place };
    worktree.begin(None)?;
    let refs = Refs { place: &place };
    let by = Author::default();
    let who = format!("{} <{}> {at} +0000", by.name, by.email);
    let moves_to = |name: &str, to: Oid| {
        let change = Change { name, from: None, to, who: &who, why: WHY };
        refs.change(&change)
    };
    refs.point_head_at(&header.branch)?;
    moves_to(&branch_reference(&header.branch), header.tip)?;
    header.tags.iter().try_for_each(|(name, id)| moves_to(&format!("refs/tags/{name}"), *id))?;
    if let Some(last) = commits.last() {
        let (written, _) = worktree.apply(None, last.tree, true, false)?;
        reflog::sync(&place, &header.branch).map_err(|e| ArtifactError::io("sync", dir, e))?;
        worktree.end(&written)?;
    }
    drop(lock);
    Ok(())
}

/// libgit2 checks the sum at the end of the pack, and that each object is as long as it says.
fn write_pack(repo: &Repository, pack: &[u8]) -> Result<(), ArtifactError> {
    let damaged = |why: &str| bad_bundle(format!("its pack is damaged ({why})"));
    let failed = |e: git2::Error| damaged(e.message());
    let odb = repo.odb().map_err(failed)?;
    let mut writer = odb.packwriter().map_err(failed)?;
    writer.write_all(pack).map_err(|e| damaged(&e.to_string()))?;
    writer.commit().map_err(failed)?;
    drop(writer);
    odb.refresh().map_err(failed)
}

/// Whether the commits and their trees hold nothing that no run has.
fn check_commits(repo: &Repository, commits: &[Recorded], header: &Header) -> Result<(), ArtifactError> {
    let ids: BTreeSet<Oid> = commits.iter().map(|commit| commit.id).collect();
    if let Some((name, _)) = header.tags.iter().find(|tag| !ids.contains(tag.1)) {
        return Err(bad_bundle(format!("its tag {name} is on no commit of its branch")));
    }
    if let Some(commit) = commits.iter().find(|commit| commit.parents > 1) {
        return Err(bad_bundle(format!("its commit {} has two parents", commit.id)));
    }
    let mut seen = BTreeSet::new();
    let mut trees: Vec<(String, Oid)> = commits.iter().map(|commit| (String::new(), commit.tree)).collect();
    while let Some((folder, tree)) = trees.pop() {
        if !seen.insert((folder.clone(), tree)) {
            continue;
        }
        let tree = repo.find_tree(tree).map_err(|e| bad_bundle(e.message()))?;
        for entry in &tree {
            let Ok(name) = std::str::from_utf8(entry.name_bytes()) else {
                return Err(bad_bundle("a file in it has a name that is no text"));
            };
            let path = format!("{folder}{name}");
            check_path(&path).map_err(|refused| bad_bundle(refused.to_string()))?;
            match (entry.kind(), entry.filemode_raw()) {
                (Some(ObjectType::Tree), FOLDER) => trees.push((format!("{path}/"), entry.id())),
                (Some(ObjectType::Blob), FILE) => {}
                _ => return Err(bad_bundle(format!("`{path}` in it is a link or something else that no run has"))),
            }
        }
    }
    Ok(())
}
