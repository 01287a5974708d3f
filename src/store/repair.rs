//! On opening: nothing damaged is built upon.
//!
//! Every loose object is inflated and hashed before libgit2 sees it; a damaged one is moved to `.git/oci-agent.damaged`.
//! Objects that the files of the work tree still hold are written again from there. If the branch then still leads to
//! something that is missing, it goes back to its last commit that is whole with all its ancestors, and the run makes the
//! later steps again, which come out the same. A branch whose own file is damaged is found by its log.

use crate::store::folder::{Entry, Folder};
use crate::store::notice::Notice;
use crate::store::objects::{self, Object, Scan};
use crate::store::place::Place;
use crate::store::refs::{Head, Refs, Value, branch_reference};
use crate::store::tree::{Changes, Files, files, graft};
use crate::store::worktree::Worktree;
use crate::store::{ArtifactError, index, reflog};
use git2::{ObjectType, Oid, Repository};
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// Where damaged files are kept.
const ASIDE: &str = "oci-agent.damaged";

/// The damaged files of a repository, on their way out of it.
pub(super) struct Aside<'a> {
    place: &'a Place,
    files: Vec<String>,
}

impl<'a> Aside<'a> {
    pub fn new(place: &'a Place) -> Aside<'a> {
        Aside { place, files: Vec::new() }
    }

    /// The folder they go to.
    pub fn folder(&self) -> io::Result<Folder> {
        Ok(self.place.git.make(ASIDE)?.0)
    }

    /// Moves a file of `.git` there.
    pub fn take(&mut self, names: &[&str]) -> Result<(), ArtifactError> {
        let path = names.join("/");
        let moved = || {
            let (last, above) = names.split_last().unwrap_or((&"", &[]));
            let (from, to) = (self.place.git.descend(above.iter().copied())?, self.folder()?);
            let mut kept = names.concat().trim_start_matches("objects").to_owned();
            while to.look(&kept)? != Entry::Nothing {
                kept.push('+');
            }
            from.rename(last, &to, &kept)?;
            to.sync()?;
            from.sync()
        };
        moved().map_err(|e| ArtifactError::io("put aside", &self.place.git.at(&path), e))?;
        self.files.push(path);
        Ok(())
    }

    /// What was moved, to be told.
    pub fn notice(self) -> Option<Notice> {
        let folder = self.place.git.at(ASIDE);
        (!self.files.is_empty()).then_some(Notice::PutAside { files: self.files, folder })
    }
}

/// Looks at every loose object and moves the damaged ones away.
pub(super) fn loose_objects(place: &Place, aside: &mut Aside<'_>) -> Result<Scan, ArtifactError> {
    let scan = objects::scan(&place.git).map_err(|e| ArtifactError::io("read", &place.git.at("objects"), e))?;
    for (folder, name) in &scan.damaged {
        aside.take(&["objects", folder, name])?;
    }
    Ok(scan)
}

/// HEAD says a branch, or that there is none; if its file was damaged it says again what it said.
pub(super) fn head(place: &Place, notices: &mut Vec<Notice>) -> Result<(), ArtifactError> {
    let refs = Refs { place };
    if refs.head()? != Head::Damaged {
        return Ok(());
    }
    let branches = refs.branches()?;
    let branch = match branches.as_slice() {
        [] => "main".to_owned(),
        [only] => only.clone(),
        several => last_shown(&refs, several)?.ok_or_else(|| ArtifactError::Damaged {
            place: place.git.at("HEAD"),
            what: "no longer the name of a branch",
            fix: "Say which branch is meant, for instance with `git symbolic-ref HEAD refs/heads/main`",
        })?,
    };
    if place.git.look("HEAD").map_err(|e| ArtifactError::io("look at", &place.git.at("HEAD"), e))? == Entry::Folder {
        return Err(ArtifactError::in_the_way(&place.git.at("HEAD")));
    }
    refs.point_head_at(&branch)?;
    notices.push(Notice::Mended { file: "HEAD".to_owned(), says: format!("ref: {}", branch_reference(&branch)) });
    Ok(())
}

/// The branch that is where HEAD was last.
fn last_shown(refs: &Refs<'_>, branches: &[String]) -> Result<Option<String>, ArtifactError> {
    let failed = |e| ArtifactError::io("read", &refs.place.git.at("logs/HEAD"), e);
    let Some(last) = reflog::last_of_head(refs.place).map_err(failed)? else { return Ok(None) };
    for branch in branches.iter().rev() {
        if refs.value(&branch_reference(branch))? == Value::At(last) {
            return Ok(Some(branch.clone()));
        }
    }
    Ok(None)
}

/// The tip of a branch whose steps are all whole, after whatever it takes to get there.
pub(super) fn branch(
    place: &Place,
    repo: &Repository,
    branch: &str,
    scan: Scan,
    notices: &mut Vec<Notice>,
) -> Result<Option<Oid>, ArtifactError> {
    let name = branch_reference(branch);
    let value = Refs { place }.value(&name)?;
    let past = reflog::places_of(place, branch).map_err(|e| ArtifactError::io("read", &place.git.at("logs"), e))?;
    let tip = match value {
        Value::At(tip) => Some(tip),
        Value::Missing if past.is_empty() => return Ok(None),
        Value::Missing | Value::Damaged => past.first().copied(),
    };
    let mut walk = Walk { repo, whole: scan.whole, seen: BTreeMap::new() };
    let mut found = walk.last_whole(tip, &past);
    if found != tip {
        let written = write_again(place, &walk, tip)?;
        if written > 0 {
            notices.push(Notice::WrittenAgain { objects: written });
            walk.seen.clear();
            found = walk.last_whole(tip, &past);
        }
    }
    if found != tip {
        let from = tip.map(|id| id.to_string().chars().take(10).collect());
        go_back(place, &walk, &name, found, notices)?;
        notices.push(Notice::WentBack { branch: branch.to_owned(), from, steps: walk.length(found) });
    } else if value != tip.map_or(Value::Missing, Value::At) {
        set(place, repo, &name, found)?;
        notices.push(Notice::Mended { file: name, says: found.map_or(String::new(), |id| id.to_string()) });
    }
    Ok(found)
}

/// Moves a branch back to a commit that is whole. Whatever leads to something that is missing is put aside, since
/// `git fsck` would find it broken.
fn go_back(
    place: &Place,
    walk: &Walk<'_>,
    name: &str,
    to: Option<Oid>,
    notices: &mut Vec<Notice>,
) -> Result<(), ArtifactError> {
    let shown = shown_last(place, walk)?;
    Worktree { repo: walk.repo, place }.begin(shown)?;
    let mut aside = Aside::new(place);
    for id in walk.broken() {
        aside.take(&["objects", id.get(..2).unwrap_or_default(), id.get(2..).unwrap_or_default()])?;
    }
    notices.extend(aside.notice());
    set(place, walk.repo, name, to)
}

/// Sets a branch, and takes out of its log what is not there any more.
fn set(place: &Place, repo: &Repository, name: &str, to: Option<Oid>) -> Result<(), ArtifactError> {
    let folder = Aside::new(place).folder().map_err(|e| ArtifactError::io("create", &place.git.at(ASIDE), e))?;
    Refs { place }.mend(name, to, &folder)?;
    let odb = repo.odb().map_err(|e| ArtifactError::git("open the objects", &place.dir, &e))?;
    let branch = name.strip_prefix("refs/heads/").unwrap_or(name);
    reflog::tidy(place, branch, &|id| odb.exists(id)).map(drop)
}

/// The tree of the files that the index lists and the repository has: those that may be on disk.
fn shown_last(place: &Place, walk: &Walk<'_>) -> Result<Option<Oid>, ArtifactError> {
    let listed: Files = index::listed(place).into_iter().filter(|(_, id)| walk.has(*id)).collect();
    if listed.is_empty() {
        return Ok(None);
    }
    let mut objects = Vec::new();
    let tree = graft(walk.repo, None, &all_there(&listed), &mut objects);
    let tree = tree.map_err(|e| ArtifactError::git("make a tree", &place.dir, &e))?;
    objects::write(place, walk.repo, &objects)?;
    Ok(Some(tree))
}

fn all_there(files: &Files) -> Changes {
    files.iter().map(|(path, id)| (path.clone(), Some(*id))).collect()
}

/// Writes missing objects of the last step again where a file of the work tree, or the index, still says what was in them.
fn write_again(place: &Place, walk: &Walk<'_>, tip: Option<Oid>) -> Result<usize, ArtifactError> {
    let failed = |e| ArtifactError::git("make a missing object", &place.dir, &e);
    let listed = index::listed(place);
    let mut expected = listed.clone();
    let tree = tip.and_then(|tip| walk.repo.find_commit(tip).ok()).map(|commit| commit.tree_id());
    if tree.is_some_and(|tree| walk.has(tree)) {
        expected.extend(files(walk.repo, tree).unwrap_or_default());
    }
    let mut found = Vec::new();
    for (path, id) in expected.iter().filter(|(_, id)| !walk.has(**id)) {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let folder = place.top.descend(folder.split('/').filter(|name| !name.is_empty()));
        let Ok(bytes) = folder.and_then(|folder| folder.read(name)) else { continue };
        let blob = Object::new(ObjectType::Blob, bytes).map_err(failed)?;
        if blob.id == *id {
            found.push(blob);
        }
    }
    let mut trees = Vec::new();
    graft(walk.repo, None, &all_there(&listed), &mut trees).map_err(failed)?;
    found.extend(trees.into_iter().filter(|tree| !walk.has(tree.id) && walk.seen.contains_key(&tree.id)));
    objects::write(place, walk.repo, &found)?;
    Ok(found.len())
}

/// A walk over what commits lead to.
struct Walk<'a> {
    repo: &'a Repository,
    /// Loose objects that were looked at.
    whole: BTreeSet<Oid>,
    /// Commits and trees that were met, and whether all is there that they lead to.
    seen: BTreeMap<Oid, bool>,
}

impl Walk<'_> {
    /// The newest commit that is whole: the tip, one before it, or one that the branch's log knows.
    fn last_whole(&mut self, tip: Option<Oid>, past: &[Oid]) -> Option<Oid> {
        let mut line = Vec::new();
        let mut next = tip;
        while let Some(id) = next {
            line.push(id);
            next = self.commit(id).and_then(|(_, parents)| parents.first().copied());
        }
        line.extend(past);
        line.into_iter().find(|id| self.is_whole(*id))
    }

    /// True if a commit, its tree and all its ancestors are there.
    fn is_whole(&mut self, id: Oid) -> bool {
        let mut line = vec![id];
        while let Some(last) = line.last().copied() {
            if self.seen.contains_key(&last) {
                line.pop();
                continue;
            }
            let Some((tree, parents)) = self.commit(last) else {
                self.seen.insert(last, false);
                continue;
            };
            if let Some(unknown) = parents.iter().find(|parent| !self.seen.contains_key(*parent)) {
                line.push(*unknown);
                continue;
            }
            let whole = self.has_tree(tree) && parents.iter().all(|parent| self.seen.get(parent) == Some(&true));
            self.seen.insert(last, whole);
        }
        self.seen.get(&id) == Some(&true)
    }

    fn has_tree(&mut self, id: Oid) -> bool {
        if let Some(whole) = self.seen.get(&id) {
            return *whole;
        }
        let whole = match self.has(id).then(|| self.repo.find_tree(id)) {
            Some(Ok(tree)) => tree.iter().fold(true, |whole, entry| {
                let there = match entry.kind() {
                    Some(ObjectType::Tree) => self.has_tree(entry.id()),
                    Some(ObjectType::Blob) => self.has(entry.id()),
                    _ => true, // a submodule of a person
                };
                whole && there
            }),
            _ => false,
        };
        self.seen.insert(id, whole);
        whole
    }

    /// True if an object can be read: a loose one was looked at, a packed one is read here.
    fn has(&self, id: Oid) -> bool {
        self.whole.contains(&id) || self.repo.odb().is_ok_and(|odb| odb.read(id).is_ok())
    }

    /// Tree and parents of a commit that can be read.
    fn commit(&self, id: Oid) -> Option<(Oid, Vec<Oid>)> {
        let commit = self.has(id).then(|| self.repo.find_commit(id).ok())??;
        Some((commit.tree_id(), commit.parent_ids().collect()))
    }

    /// Loose commits and trees that lead to something missing.
    fn broken(&self) -> Vec<String> {
        let broken = self.seen.iter().filter(|(id, whole)| !**whole && self.whole.contains(*id));
        broken.map(|(id, _)| id.to_string()).collect()
    }

    fn length(&self, tip: Option<Oid>) -> usize {
        std::iter::successors(tip, |id| self.commit(*id)?.1.first().copied()).count()
    }
}
