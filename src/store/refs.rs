//! HEAD, branches and tags, read and moved here rather than by libgit2: a name that moves is on the disk when the call
//! returns, no link is followed, and a file that was cut short is told from one that says something.

use crate::store::ArtifactError;
use crate::store::folder::{Entry, Folder};
use crate::store::place::{PATIENCE, Place};
use crate::store::reflog;
use git2::Oid;
use std::io::ErrorKind;

/// What HEAD says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Head {
    Branch(String),
    Detached,
    /// Missing, cut, or something else.
    Damaged,
}

/// What a reference says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    Missing,
    At(Oid),
    /// A file that does not hold an id.
    Damaged,
}

/// A reference that moves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change<'a> {
    /// The whole name, as in `refs/heads/main`.
    pub name: &'a str,
    /// What it says before; `None` if it is not there yet.
    pub from: Option<Oid>,
    pub to: Oid,
    /// `Name <email> seconds +0000`.
    pub who: &'a str,
    pub why: &'a str,
}

/// The name of a branch's reference.
pub(super) fn branch_reference(branch: &str) -> String {
    format!("refs/heads/{branch}")
}

/// The name of a step's tag: the first run's branch has the plain ones.
pub(super) fn step_tag(branch: &str, name: &str) -> String {
    if branch == "main" { name.to_owned() } else { format!("{branch}/{name}") }
}

/// The references of a run's repository.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refs<'a> {
    pub place: &'a Place,
}

impl Refs<'_> {
    /// What HEAD says.
    pub fn head(&self) -> Result<Head, ArtifactError> {
        let Some(bytes) = self.read(&self.place.git, "HEAD")? else { return Ok(Head::Damaged) };
        if id_line(&bytes).is_some() {
            return Ok(Head::Detached);
        }
        let text = std::str::from_utf8(&bytes).ok();
        // git and this program end the line; without its end the name may have lost some of it.
        let name = text.and_then(|text| text.strip_prefix("ref: ")?.strip_suffix('\n'));
        let branch = name.and_then(|name| name.trim_end().strip_prefix("refs/heads/")).filter(|name| is_name(name));
        Ok(branch.map_or(Head::Damaged, |branch| Head::Branch(branch.to_owned())))
    }

    /// What a reference says, whether it has a file of its own or was packed by `git gc`.
    pub fn value(&self, name: &str) -> Result<Value, ArtifactError> {
        let mut names: Vec<&str> = name.split('/').collect();
        let last = names.pop().unwrap_or_default();
        let found = match self.place.git.descend(names) {
            Ok(folder) => self.read(&folder, last)?,
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => None,
            Err(e) => return Err(ArtifactError::io("read", &self.place.git.at(name), e)),
        };
        match found {
            Some(bytes) => Ok(id_line(&bytes).map_or(Value::Damaged, Value::At)),
            None => Ok(self
                .packed()?
                .into_iter()
                .find(|(packed, _)| packed == name)
                .map_or(Value::Missing, |p| Value::At(p.1))),
        }
    }

    /// The content of a file; `None` if there is no regular file of that name.
    fn read(&self, folder: &Folder, name: &str) -> Result<Option<Vec<u8>>, ArtifactError> {
        let failed = |e| ArtifactError::io("read", &folder.at(name), e);
        match folder.look(name).map_err(failed)? {
            Entry::Nothing => Ok(None),
            Entry::File(_) => folder.read(name).map(Some).map_err(failed),
            Entry::Folder | Entry::Other => Ok(Some(Vec::new())),
        }
    }

    fn packed(&self) -> Result<Vec<(String, Oid)>, ArtifactError> {
        let Some(bytes) = self.read(&self.place.git, "packed-refs")? else { return Ok(Vec::new()) };
        let damaged = || ArtifactError::Damaged {
            place: self.place.git.at("packed-refs"),
            what: "a list of branches and tags that cannot be read",
            fix: "Move it away, and set what was in it again from `git reflog`; or put it back from a copy",
        };
        let text = std::str::from_utf8(&bytes).map_err(|_| damaged())?;
        if !text.is_empty() && !text.ends_with('\n') {
            return Err(damaged());
        }
        let mut found = Vec::new();
        for line in text.lines().filter(|line| !line.starts_with(['#', '^'])) {
            let (id, name) = line.split_once(' ').ok_or_else(damaged)?;
            found.push((name.to_owned(), strict_id(id.as_bytes()).ok_or_else(damaged)?));
        }
        Ok(found)
    }

    /// The branches, by name.
    pub fn branches(&self) -> Result<Vec<String>, ArtifactError> {
        let mut found: Vec<String> = self.packed()?.into_iter().map(|(name, _)| name).collect();
        let heads = self.place.git.descend(["refs", "heads"]);
        let heads = heads.map_err(|e| ArtifactError::io("list", &self.place.git.at("refs/heads"), e))?;
        list_below(&heads, "refs/heads/", &mut found).map_err(|e| ArtifactError::io("list", heads.place(), e))?;
        found.sort();
        found.dedup();
        Ok(found.iter().filter_map(|name| name.strip_prefix("refs/heads/")).map(str::to_owned).collect())
    }

    /// Moves HEAD to a branch, whether or not it is there.
    pub fn point_head_at(&self, branch: &str) -> Result<(), ArtifactError> {
        let git = &self.place.git;
        let text = format!("ref: {}\n", branch_reference(branch));
        let done =
            self.place.with_lock(git, "HEAD", PATIENCE, || self.place.replace_durably(git, "HEAD", text.as_bytes()))?;
        done.ok_or_else(|| ArtifactError::GitBusy { lock: git.at("HEAD.lock") })
    }

    /// Moves a reference. Returns when its new value is on the disk.
    pub fn change(&self, change: &Change<'_>) -> Result<(), ArtifactError> {
        let (folder, last) = self.folder_of(change.name)?;
        let done = self.place.with_lock(&folder, &last, PATIENCE, || {
            let expected = change.from.map_or(Value::Missing, Value::At);
            if self.value(change.name)? != expected {
                return Err(ArtifactError::Moved { dir: self.place.dir.clone(), reference: change.name.to_owned() });
            }
            self.place.replace_durably(&folder, &last, format!("{}\n", change.to).as_bytes())
        })?;
        done.ok_or_else(|| ArtifactError::GitBusy { lock: folder.at(&format!("{last}.lock")) })?;
        reflog::add(self.place, change)
    }

    /// Sets a reference to what is known to be right, whatever it says; `None` takes it away. What it said is moved to
    /// `aside`.
    pub fn mend(&self, name: &str, to: Option<Oid>, aside: &Folder) -> Result<(), ArtifactError> {
        let (folder, last) = self.folder_of(name)?;
        let failed = |e| ArtifactError::io("mend", &folder.at(&last), e);
        let done = self.place.with_lock(&folder, &last, PATIENCE, || match to {
            Some(id) => self.place.replace_durably(&folder, &last, format!("{id}\n").as_bytes()),
            None if matches!(folder.look(&last).map_err(failed)?, Entry::File(_)) => {
                let mut kept = name.replace('/', "-");
                while aside.look(&kept).map_err(failed)? != Entry::Nothing {
                    kept.push('+');
                }
                folder.rename(&last, aside, &kept).and_then(|()| folder.sync()).map_err(failed)
            }
            None => Ok(()),
        })?;
        done.ok_or_else(|| ArtifactError::GitBusy { lock: folder.at(&format!("{last}.lock")) })
    }

    /// The folder of a reference, made if it is not there, and the reference's name in it.
    fn folder_of(&self, name: &str) -> Result<(Folder, String), ArtifactError> {
        let mut names: Vec<&str> = name.split('/').collect();
        let last = names.pop().unwrap_or_default().to_owned();
        let folder = self.place.git.make_chain(names);
        Ok((folder.map_err(|e| ArtifactError::io("create the folder of", &self.place.git.at(name), e))?, last))
    }
}

fn list_below(folder: &Folder, prefix: &str, found: &mut Vec<String>) -> std::io::Result<()> {
    for name in folder.list()? {
        match folder.look(&name)? {
            Entry::Folder => list_below(&folder.folder(&name)?, &format!("{prefix}{name}/"), found)?,
            Entry::File(_) if !is_lock(&name) => found.push(format!("{prefix}{name}")),
            _ => {}
        }
    }
    Ok(())
}

fn is_lock(name: &str) -> bool {
    std::path::Path::new(name).extension().is_some_and(|end| end == "lock")
}

/// A branch's name that leads nowhere else.
pub(super) fn is_name(name: &str) -> bool {
    let plain = |part: &str| !part.is_empty() && !part.starts_with('.') && !is_lock(part);
    name.split('/').all(plain) && !name.chars().any(|c| c.is_control() || " ~^:?*[\\".contains(c))
}

/// An id alone on its line, and the end of the line.
fn id_line(bytes: &[u8]) -> Option<Oid> {
    strict_id(bytes.strip_suffix(b"\n")?)
}

/// Forty digits and nothing else; libgit2 takes fewer.
pub(super) fn strict_id(bytes: &[u8]) -> Option<Oid> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() == 40)?;
    Oid::from_str(text).ok().filter(|id| !id.is_zero())
}
