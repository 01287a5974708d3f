//! git's index, which says to a person's git what is committed. It is no part of the record: if it cannot be written now,
//! because another git holds its lock, it is written later, and a run goes on.

use crate::store::ArtifactError;
use crate::store::folder::Entry;
use crate::store::place::Place;
use crate::store::tree::Files;
use git2::{Index, Oid, Repository};
use std::time::Duration;

const INDEX: &str = "index";

/// Makes the index that of a tree; `false` if another git kept the lock for longer than `patience`.
///
/// What a person's git knows about unchanged files is kept, so that it need not read them again.
pub(super) fn write(
    place: &Place,
    repo: &Repository,
    tree: Option<Oid>,
    patience: Duration,
) -> Result<bool, ArtifactError> {
    let done = place.with_lock(&place.git, INDEX, patience, || {
        let bytes = built(place, repo, tree)?;
        place.replace(&place.git, INDEX, &bytes)
    })?;
    Ok(done.is_some())
}

fn built(place: &Place, repo: &Repository, tree: Option<Oid>) -> Result<Vec<u8>, ArtifactError> {
    let scratch = place.scratch();
    let failed = |e| ArtifactError::io("write", &place.git.at(INDEX), e);
    let fresh = |from: Option<&[u8]>| {
        scratch.remove(INDEX)?;
        from.map_or(Ok(()), |bytes| scratch.create(INDEX, bytes).map(drop))
    };
    let there = match place.git.look(INDEX).map_err(failed)? {
        Entry::File(_) => Some(place.git.read(INDEX).map_err(failed)?),
        _ => None,
    };
    fresh(there.as_deref()).map_err(failed)?;
    let build = || {
        let mut index = Index::open(&scratch.at(INDEX))?;
        match tree {
            Some(tree) => index.read_tree(&repo.find_tree(tree)?)?,
            None => index.clear()?,
        }
        index.write()
    };
    if build().is_err() {
        // The index is damaged: a new one is made from nothing.
        fresh(None).map_err(failed)?;
        build().map_err(|e| ArtifactError::git("write the index", &place.dir, &e))?;
    }
    let bytes = scratch.read(INDEX).map_err(failed)?;
    scratch.remove(INDEX).map_err(failed)?;
    Ok(bytes)
}

/// The files that the index lists, if it can be read: what was shown last, when nothing else says so.
pub(super) fn listed(place: &Place) -> Files {
    let Ok(Entry::File(_)) = place.git.look(INDEX) else { return Files::new() };
    let Ok(index) = Index::open(&place.git.at(INDEX)) else { return Files::new() };
    let entries = index.iter().map(|entry| (String::from_utf8_lossy(&entry.path).into_owned(), entry.id));
    entries.filter(|(path, _)| crate::store::message::check_path(path).is_ok()).collect()
}
