//! A folder of pages that this program makes, and makes again.
//!
//! Pages are written beside and renamed into place when all are there. `oci-agent-site.json` lists them, before the first of
//! them is in place, so that a kill at any moment leaves a folder that the next run knows for its own. Only what is on the list
//! is replaced or deleted, and deleted only as it was written. No link is followed.

use crate::store::ArtifactError;
use crate::store::folder::{Entry, Folder};
use crate::store::init::{Lock, try_lock};
use git2::{ObjectType, Oid};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Mutex;

/// The list of pages.
const LIST: &str = "oci-agent-site.json";
/// For pages on their way.
const SCRATCH: &str = ".oci-agent-site";
const LOCK: &str = "lock";
/// What systems put into every folder.
const NOTHING: [&str; 3] = [SCRATCH, ".DS_Store", "lost+found"];
const LAYOUT: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct List {
    layout: u32,
    made_by: String,
    /// Path to the id that git would give the bytes.
    files: BTreeMap<String, String>,
}

/// A folder of pages that is being made.
pub struct Site {
    top: Folder,
    scratch: Folder,
    before: BTreeMap<String, String>,
    /// Path, to the name in the scratch folder and the id.
    written: Mutex<BTreeMap<String, (String, String)>>,
    /// True if the folder was not there before.
    made: bool,
    _lock: Lock,
}

/// What became of the folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SiteChange {
    /// Pages and files written.
    pub written: usize,
    /// Those of before that are not made any more, and were deleted.
    pub removed: usize,
    /// Those of before that are not made any more, but were changed by somebody, and were left.
    pub left: Vec<String>,
}

impl Site {
    /// Opens the folder, or makes it.
    ///
    /// # Errors
    /// It is a link or a file, it has files in it that this program did not make, another process makes it, or the system refuses.
    pub fn open(dir: &Path) -> Result<Site, ArtifactError> {
        let not_ours = |what| ArtifactError::NotOurs { dir: dir.to_owned(), what };
        let mut made = false;
        match std::fs::symlink_metadata(dir) {
            Ok(found) if found.file_type().is_symlink() => return Err(not_ours("is a link")),
            Ok(found) if !found.is_dir() => return Err(not_ours("is a file, not a directory")),
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::NotFound => {
                made = true;
                std::fs::create_dir_all(dir).map_err(|e| ArtifactError::io("create the directory", dir, e))?;
            }
            Err(e) => return Err(ArtifactError::io("open", dir, e)),
        }
        let failed = |action, e| ArtifactError::io(action, dir, e);
        let place = std::fs::canonicalize(dir).map_err(|e| failed("open", e))?;
        let top = Folder::open(&place).map_err(|e| failed("open", e))?;
        let list = top.read_if_there(LIST).map_err(|e| ArtifactError::io("read", &top.at(LIST), e))?;
        let before = match list {
            Some(bytes) => serde_json::from_slice::<List>(&bytes)
                .ok()
                .filter(|list| list.layout == LAYOUT)
                .map(|list| list.files)
                .ok_or_else(|| not_ours("has a list of pages that this version of oci-agent cannot read"))?,
            None => {
                let names = top.list().map_err(|e| failed("list", e))?;
                if names.iter().any(|name| !NOTHING.contains(&name.as_str())) {
                    return Err(not_ours("is not empty and oci-agent did not make it"));
                }
                BTreeMap::new()
            }
        };
        let scratch = top.make(SCRATCH).map_err(|e| ArtifactError::io("create", &top.at(SCRATCH), e))?.0;
        let lock = scratch.open_lock(LOCK).map_err(|e| ArtifactError::io("write to", &scratch.at(LOCK), e))?;
        let lock = try_lock(dir, lock)?;
        clear(&scratch).map_err(|e| ArtifactError::io("clear", scratch.place(), e))?;
        Ok(Site { top, scratch, before, written: Mutex::default(), made, _lock: lock })
    }

    /// Writes a page aside; [`Site::finish`] puts it into place. May be called from several threads.
    ///
    /// # Errors
    /// The path is no plain relative one, or the system refuses.
    pub fn write(&self, path: &str, bytes: &[u8]) -> Result<(), ArtifactError> {
        let failed = |e| ArtifactError::io("write", &self.top.at(path), e);
        let id = Oid::hash_object(ObjectType::Blob, bytes).map_err(|e| failed(io::Error::other(e)))?.to_string();
        // The name of a page on its way is that of its path, which no other page has.
        let aside = Oid::hash_object(ObjectType::Blob, path.as_bytes()).map_err(|e| failed(io::Error::other(e)))?;
        let aside = aside.to_string();
        self.scratch.create(&aside, bytes).map_err(failed)?;
        let mut written = self.written.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        written.insert(path.to_owned(), (aside, id));
        Ok(())
    }

    /// Puts the pages into place, the one of the top last, and deletes those of before that are not made any more.
    ///
    /// # Errors
    /// Where a page belongs there is something that this program did not put there, or the system refuses.
    pub fn finish(self) -> Result<SiteChange, ArtifactError> {
        let written = self.written.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        for path in written.keys().filter(|path| !self.before.contains_key(*path)) {
            if self.is_there(path).map_err(|e| ArtifactError::io("look at", &self.top.at(path), e))? {
                return Err(ArtifactError::in_the_way(&self.top.at(path)));
            }
        }
        let now = || written.iter().map(|(path, (_, id))| (path.clone(), id.clone()));
        // Both, while some are of before and some are new.
        self.list(self.before.clone().into_iter().chain(now()).collect())?;
        // The page that leads to the others is replaced when they are there.
        let (last, first): (Vec<_>, Vec<_>) = written.iter().partition(|(path, _)| !path.contains('/'));
        for (path, (aside, _)) in first.into_iter().chain(last) {
            self.place(path, aside).map_err(|e| ArtifactError::io("write", &self.top.at(path), e))?;
        }
        let mut change = SiteChange { written: written.len(), ..SiteChange::default() };
        for (path, id) in self.before.iter().filter(|(path, _)| !written.contains_key(*path)) {
            let removed = self.remove(path, id).map_err(|e| ArtifactError::io("remove", &self.top.at(path), e))?;
            match removed {
                true => change.removed += 1,
                false => change.left.push(path.clone()),
            }
        }
        self.list(now().collect())?;
        Ok(change)
    }

    fn list(&self, files: BTreeMap<String, String>) -> Result<(), ArtifactError> {
        let failed = |e| ArtifactError::io("write", &self.top.at(LIST), e);
        let list = List { layout: LAYOUT, made_by: "oci-agent".to_owned(), files };
        let bytes = serde_json::to_vec_pretty(&list).map_err(|e| failed(io::Error::other(e)))?;
        let write = || {
            self.scratch.remove(LIST)?;
            self.scratch.create(LIST, &bytes)?;
            self.scratch.rename(LIST, &self.top, LIST)
        };
        write().map_err(failed)
    }

    fn is_there(&self, path: &str) -> io::Result<bool> {
        let Some((folder, name)) = self.folder_of(path)? else { return Ok(false) };
        Ok(folder.look(name)? != Entry::Nothing)
    }

    /// The folder of a path, if it is there, and the path's last name.
    fn folder_of<'a>(&self, path: &'a str) -> io::Result<Option<(Folder, &'a str)>> {
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        match self.top.descend(folders.split('/').filter(|name| !name.is_empty())) {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            found => found.map(|folder| Some((folder, name))),
        }
    }

    fn place(&self, path: &str, aside: &str) -> io::Result<()> {
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        let folder = self.top.make_chain(folders.split('/').filter(|name| !name.is_empty()))?;
        self.scratch.rename(aside, &folder, name)
    }

    /// Deletes a page as it was written, and the folders that are empty then; `false` if somebody changed it.
    fn remove(&self, path: &str, id: &str) -> io::Result<bool> {
        let Some((folder, name)) = self.folder_of(path)? else { return Ok(true) };
        let Some(bytes) = folder.read_if_there(name)? else { return Ok(true) };
        let same = Oid::hash_object(ObjectType::Blob, &bytes).is_ok_and(|there| there.to_string() == id);
        if same {
            folder.remove(name)?;
            let mut below = path;
            while let Some((above, _)) = below.rsplit_once('/') {
                let Some((folder, name)) = self.folder_of(above)? else { break };
                if folder.remove_folder(name).is_err() {
                    break;
                }
                below = above;
            }
        }
        Ok(same)
    }
}

impl Drop for Site {
    /// Leaves nothing behind of a site that was not finished. What cannot be removed now is removed the next time.
    fn drop(&mut self) {
        let cleared = clear(&self.scratch).and_then(|()| self.scratch.remove(LOCK));
        let _ = cleared.and_then(|()| self.top.remove_folder(SCRATCH));
        if self.made {
            // Only an empty one goes.
            let _ = std::fs::remove_dir(self.top.place());
        }
    }
}

/// Removes pages on their way that a killed process left.
fn clear(scratch: &Folder) -> io::Result<()> {
    for name in scratch.list()?.iter().filter(|name| *name != LOCK) {
        if matches!(scratch.look(name)?, Entry::File(_)) {
            scratch.remove(name)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::store::site::*;

    fn made(dir: &Path, pages: &[(&str, &str)]) -> Result<SiteChange, ArtifactError> {
        let site = Site::open(dir)?;
        pages.iter().try_for_each(|(path, text)| site.write(path, text.as_bytes()))?;
        site.finish()
    }

    #[test]
    fn pages_are_replaced_and_what_is_not_ours_stays() {
        let dir = tempfile::tempdir().expect("a folder");
        let site = dir.path().join("site");
        let read = |path: &str| std::fs::read_to_string(site.join(path)).ok();
        let change = made(&site, &[("index.html", "1"), ("runs/a/report.html", "a"), ("runs/b/report.html", "b")]);
        assert_eq!(change.expect("made").written, 3);
        std::fs::write(site.join("CNAME"), "example.org").expect("written");
        std::fs::write(site.join("runs/b/report.html"), "by hand").expect("written");
        let change = made(&site, &[("index.html", "2")]).expect("made");
        assert_eq!((change.removed, change.left.as_slice()), (1, &["runs/b/report.html".to_owned()][..]));
        assert_eq!((read("index.html"), read("CNAME")), (Some("2".to_owned()), Some("example.org".to_owned())));
        assert!(!site.join("runs/a").exists() && read("runs/b/report.html").is_some() && !site.join(SCRATCH).exists());
        // It is not on the list any more, so it is in the way.
        let error = made(&site, &[("index.html", "3"), ("runs/b/report.html", "b")]).expect_err("in the way");
        assert!(matches!(error, ArtifactError::InTheWay { .. }), "{error}");
        assert_eq!(read("index.html"), Some("2".to_owned()), "nothing was changed");
    }

    #[test]
    fn a_folder_of_somebody_is_left_alone() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("mine"), "1").expect("written");
        for (place, words) in [("", "not empty"), ("mine", "is a file")] {
            let error = made(&dir.path().join(place), &[("index.html", "1")]).expect_err("refused");
            assert!(error.to_string().contains(words), "{error}");
        }
        #[cfg(unix)]
        {
            let (site, link) = (dir.path().join("site"), dir.path().join("link"));
            std::os::unix::fs::symlink(dir.path(), &link).expect("a link");
            assert!(made(&link, &[]).expect_err("refused").to_string().contains("is a link"));
            made(&site, &[("index.html", "1")]).expect("made");
            std::os::unix::fs::symlink(dir.path(), site.join("runs")).expect("a link");
            made(&site, &[("index.html", "1"), ("runs/x/report.html", "x")]).expect_err("a link in the way");
            assert!(!dir.path().join("x").exists());
        }
    }

    #[test]
    fn a_killed_one_is_taken_up_again_and_two_at_once_are_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        let first = Site::open(dir.path()).expect("opened");
        first.write("index.html", b"1").expect("written");
        assert!(matches!(Site::open(dir.path()), Err(ArtifactError::Locked { .. })));
        drop(first);
        assert_eq!(std::fs::read_dir(dir.path()).expect("a folder").count(), 0, "nothing is left of it");
        made(dir.path(), &[("index.html", "2")]).expect("made");
        assert_eq!(std::fs::read(dir.path().join("index.html")).expect("a page"), b"2");
    }
}
