//! Blobs, trees and commits as git's loose objects: written so that they last, and looked at before libgit2 opens them.
//!
//! libgit2 writes an object without asking the disk to keep it, and reads one that was cut in half for ever. So objects are
//! written here, all of a step at once and synced once before anything refers to them; and on opening, each loose object
//! is inflated and hashed here first.

use crate::store::ArtifactError;
use crate::store::folder::{AT_ONCE, Entry, Folder, is_no_file, sync_files, sync_folders};
use crate::store::place::{OBJECT, Place};
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use git2::{ObjectType, Oid, Repository};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind, Read, Write};

/// The folder of objects inside `.git`.
const OBJECTS: &str = "objects";
/// An object of more bytes than this is not ours, whatever its header says.
const LARGEST: u64 = 1 << 31;

/// An object that may not be written yet.
#[derive(Debug)]
pub(super) struct Object {
    pub id: Oid,
    kind: ObjectType,
    bytes: Vec<u8>,
}

impl Object {
    /// Its id says where it will be.
    pub fn new(kind: ObjectType, bytes: Vec<u8>) -> Result<Object, git2::Error> {
        Ok(Object { id: Oid::hash_object(kind, &bytes)?, kind, bytes })
    }

    fn deflated(&self) -> io::Result<Vec<u8>> {
        let mut out = ZlibEncoder::new(Vec::new(), Compression::fast());
        write!(out, "{} {}\0", self.kind.str(), self.bytes.len())?;
        out.write_all(&self.bytes)?;
        out.finish()
    }
}

/// What the loose objects of a repository are worth.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Those that hash to their name.
    pub whole: BTreeSet<Oid>,
    /// Those that do not: folder and name.
    pub damaged: Vec<(String, String)>,
}

/// Writes objects so that nothing lasts that refers to one that does not. Returns when all are on the disk.
pub(super) fn write(place: &Place, repo: &Repository, all: &[Object]) -> Result<(), ArtifactError> {
    let failed = |e| ArtifactError::io("write objects into", &place.git.at(OBJECTS), e);
    let odb = repo.odb().map_err(|e| ArtifactError::git("open the objects", &place.dir, &e))?;
    let mut missing = BTreeMap::new();
    for object in all.iter().filter(|object| !odb.exists(object.id)) {
        missing.insert(object.id, object);
    }
    let missing: Vec<&Object> = missing.into_values().collect();
    write_missing(place, &missing).map_err(failed)?;
    odb.refresh().map_err(|e| ArtifactError::git("see the new objects", &place.dir, &e))
}

fn write_missing(place: &Place, missing: &[&Object]) -> io::Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    let scratch = place.scratch();
    let names: Vec<String> = (0..missing.len()).map(|k| format!("{OBJECT}{k}")).collect();
    for (object, name) in missing.iter().zip(&names) {
        scratch.remove(name)?;
        scratch.create_read_only(name, &object.deflated()?)?;
    }
    let written: Vec<(&Folder, &str)> = names.iter().map(|name| (scratch, name.as_str())).collect();
    sync_files(&written)?;
    let objects = place.git.folder(OBJECTS)?;
    let mut by_folder: BTreeMap<String, Vec<(String, &str)>> = BTreeMap::new();
    for (object, name) in missing.iter().zip(&names) {
        let id = object.id.to_string();
        let (folder, rest) = id.split_at(2);
        by_folder.entry(folder.to_owned()).or_default().push((rest.to_owned(), name));
    }
    let mut any_new = false;
    let all: Vec<_> = by_folder.into_iter().collect();
    for part in all.chunks(AT_ONCE) {
        let mut touched = Vec::new();
        for (folder, inside) in part {
            let (opened, new) = objects.make(folder)?;
            any_new |= new;
            inside.iter().try_for_each(|(rest, name)| scratch.rename(name, &opened, rest))?;
            touched.push(opened);
        }
        sync_folders(&touched.iter().collect::<Vec<_>>())?;
    }
    if any_new { objects.sync() } else { Ok(()) }
}

/// Returns when all that can be seen of objects and references is on the disk as well.
pub(super) fn sync_all(git: &Folder) -> io::Result<()> {
    for names in [&["objects"][..], &["refs", "heads"], &["refs", "tags"]] {
        let above = git.descend(names.iter().copied())?;
        sync_inside(&above)?;
        for name in above.list()? {
            if above.look(&name)? == Entry::Folder {
                sync_inside(&above.folder(&name)?)?;
            }
        }
    }
    git.sync_file("HEAD")?;
    git.sync()
}

fn sync_inside(folder: &Folder) -> io::Result<()> {
    let is_file = |name: &String| matches!(folder.look(name), Ok(Entry::File(_)));
    let files: Vec<String> = folder.list()?.into_iter().filter(is_file).collect();
    sync_files(&files.iter().map(|name| (folder, name.as_str())).collect::<Vec<_>>())?;
    folder.sync()
}

/// Looks at every loose object.
pub(super) fn scan(git: &Folder) -> io::Result<Scan> {
    let objects = git.folder(OBJECTS)?;
    let mut found = Scan::default();
    for folder in objects.list()?.into_iter().filter(|name| is_hexadecimal(name, 2)) {
        if objects.look(&folder)? != Entry::Folder {
            continue;
        }
        let inside = objects.folder(&folder)?;
        for name in inside.list()?.into_iter().filter(|name| is_hexadecimal(name, 38)) {
            let id = Oid::from_str(&format!("{folder}{name}")).ok();
            match (id, inside.read(&name)) {
                (Some(id), Ok(bytes)) if is_whole(&bytes, id) => drop(found.whole.insert(id)),
                // Not allowed to, too many open files, …: nothing is known about the object.
                (_, Err(e)) if e.kind() != ErrorKind::InvalidInput && !is_no_file(&e) => return Err(e),
                _ => found.damaged.push((folder.clone(), name)),
            }
        }
    }
    Ok(found)
}

/// Whether a file of digits only.
fn is_hexadecimal(name: &str, digits: usize) -> bool {
    name.len() == digits && name.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// True if the bytes of a loose object inflate to what its header says, and hash to its name.
fn is_whole(deflated: &[u8], id: Oid) -> bool {
    inflate(deflated).is_some_and(|(kind, bytes)| Oid::hash_object(kind, &bytes).is_ok_and(|there| there == id))
}

/// One loose object, as [`read`] found it.
pub(super) enum Loose {
    /// It is in a pack, or nowhere.
    Missing,
    /// It does not hash to its name, or has more bytes than were allowed.
    Damaged,
    /// Its bytes.
    Whole(Vec<u8>),
}

/// Reads one loose object of at most `most` bytes, and hashes it.
pub(super) fn read(git: &Folder, id: Oid, most: u64) -> io::Result<Loose> {
    let name = id.to_string();
    let (folder, rest) = name.split_at(2);
    let found = git.descend([OBJECTS, folder]).and_then(|inside| inside.read_if_there(rest));
    let deflated = match found {
        Ok(Some(deflated)) => deflated,
        Ok(None) => return Ok(Loose::Missing),
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Loose::Missing),
        Err(e) if e.kind() == ErrorKind::InvalidInput || is_no_file(&e) => return Ok(Loose::Damaged),
        Err(e) => return Err(e),
    };
    let whole = inflate_up_to(&deflated, most)
        .filter(|(kind, bytes)| Oid::hash_object(*kind, bytes).is_ok_and(|there| there == id));
    Ok(whole.map_or(Loose::Damaged, |(_, bytes)| Loose::Whole(bytes)))
}

fn inflate(deflated: &[u8]) -> Option<(ObjectType, Vec<u8>)> {
    inflate_up_to(deflated, LARGEST)
}

fn inflate_up_to(deflated: &[u8], most: u64) -> Option<(ObjectType, Vec<u8>)> {
    let mut stream = ZlibDecoder::new(deflated);
    let mut header = Vec::new();
    loop {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        match byte {
            [0] => break,
            _ if header.len() > 30 => return None,
            [byte] => header.push(byte),
        }
    }
    let (kind, size) = std::str::from_utf8(&header).ok()?.split_once(' ')?;
    let size: u64 = size.parse().ok().filter(|size| *size <= most)?;
    let mut bytes = Vec::new();
    // One byte more than announced, so that the stream's end and its check sum are read too.
    stream.by_ref().take(size.saturating_add(1)).read_to_end(&mut bytes).ok()?;
    let whole =
        u64::try_from(bytes.len()).is_ok_and(|there| there == size) && stream.total_in() == deflated.len() as u64;
    whole.then_some((ObjectType::from_str(kind)?, bytes))
}

#[cfg(test)]
mod tests {
    use crate::store::objects::*;

    fn object() -> Object {
        Object::new(ObjectType::Blob, (0..4000u32).flat_map(|k| (k * k).to_le_bytes()).collect()).expect("hashes")
    }

    #[test]
    fn an_object_comes_back_as_it_was() {
        let object = object();
        let deflated = object.deflated().expect("deflates");
        assert!(is_whole(&deflated, object.id));
        assert_eq!(inflate(&deflated), Some((ObjectType::Blob, object.bytes)));
    }

    #[test]
    fn every_cut_and_every_changed_byte_is_seen() {
        let object = object();
        let deflated = object.deflated().expect("deflates");
        for cut in (0..deflated.len()).step_by(7).chain([deflated.len() - 1]) {
            assert!(!is_whole(&deflated[..cut], object.id), "cut to {cut}");
            let mut zeroed = deflated.clone();
            zeroed[cut..].fill(0);
            assert!(!is_whole(&zeroed, object.id), "zeroed from {cut}");
            let mut flipped = deflated.clone();
            flipped[cut] ^= 0x10;
            assert!(!is_whole(&flipped, object.id), "flipped at {cut}");
        }
        assert!(!is_whole(&[deflated, vec![0]].concat(), object.id), "something follows");
    }
}
