//! The runs below a folder, found by their names alone: nothing is opened but folders, and no link is followed.

use crate::store::ArtifactError;
use crate::store::folder::{Entry, Folder};
use crate::store::glance::has_git;
use crate::store::init::LOCK;
use std::path::{Path, PathBuf};

/// How many folders deep runs are looked for.
const DEEPEST: usize = 6;
/// How many folders are looked into.
const MOST: usize = 50_000;

/// What was found.
#[derive(Debug, Default)]
pub struct RunsBelow {
    /// Folders that may hold a run, relative to where was looked; sorted. Empty for that place itself.
    pub runs: Vec<PathBuf>,
    /// Folders without a run in or below them, directly in the place.
    pub without: usize,
    /// Folders that may not be read, relative likewise, with the system's words.
    pub closed: Vec<(PathBuf, String)>,
    /// False if there were more folders than are looked into.
    pub complete: bool,
}

/// Looks for runs in a folder and below it.
///
/// # Errors
/// The folder itself is not there or cannot be read.
pub fn runs_below(dir: &Path) -> Result<RunsBelow, ArtifactError> {
    let failed = |e| ArtifactError::io("open", dir, e);
    let place = std::fs::canonicalize(dir).map_err(failed)?;
    let top = Folder::open(&place).map_err(failed)?;
    let mut found = RunsBelow { complete: true, ..RunsBelow::default() };
    if is_run(&top) {
        found.runs.push(PathBuf::new());
        return Ok(found);
    }
    let mut left = MOST;
    for name in folders(&top).map_err(failed)? {
        let before = found.runs.len() + found.closed.len();
        look(&top, &name, Path::new(&name), 1, &mut left, &mut found);
        found.without += usize::from(found.runs.len() + found.closed.len() == before);
    }
    found.runs.sort();
    Ok(found)
}

fn look(above: &Folder, name: &str, path: &Path, depth: usize, left: &mut usize, found: &mut RunsBelow) {
    if *left == 0 {
        found.complete = false;
        return;
    }
    *left -= 1;
    let listed = above.folder(name).and_then(|folder| Ok((is_run(&folder), folders(&folder)?, folder)));
    match listed {
        Err(error) => found.closed.push((path.to_owned(), error.to_string())),
        Ok((true, ..)) => found.runs.push(path.to_owned()),
        Ok((false, names, folder)) if depth < DEEPEST => {
            names.iter().for_each(|name| look(&folder, name, &path.join(name), depth + 1, left, found));
        }
        Ok(_) => {}
    }
}

/// A repository that this program has been at work in, or a clone of one.
fn is_run(folder: &Folder) -> bool {
    let is_file = |folder: &Folder, name| matches!(folder.look(name), Ok(Entry::File(_)));
    has_git(folder) && (is_file(folder, "manifest.json") || folder.folder(".git").is_ok_and(|git| is_file(&git, LOCK)))
}

/// Folders inside, hidden ones left out.
fn folders(folder: &Folder) -> std::io::Result<Vec<String>> {
    let is_folder = |name: &String| !name.starts_with('.') && matches!(folder.look(name), Ok(Entry::Folder));
    Ok(folder.list()?.into_iter().filter(is_folder).collect())
}
