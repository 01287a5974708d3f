//! git's record of where HEAD and a branch have been. A run does not depend on it, except to find its way back when the
//! branch's own file, or its last commit, is damaged.

use crate::store::ArtifactError;
use crate::store::folder::{Entry, Folder};
use crate::store::place::Place;
use crate::store::refs::{Change, strict_id};
use git2::Oid;
use std::io;

/// With which all that this program says begins.
const OURS: &str = "oci-agent: ";
/// Said of the first step of a run: what is before it on a branch belongs to another.
pub(super) const START: &str = "oci-agent: start";
/// Said of every further one.
pub(super) const STEP: &str = "oci-agent: step";

/// Adds a move to the branch's log and to HEAD's, which is on that branch. Tags have none.
pub(super) fn add(place: &Place, change: &Change<'_>) -> Result<(), ArtifactError> {
    let Some(branch) = change.name.strip_prefix("refs/heads/") else { return Ok(()) };
    let from = change.from.unwrap_or(Oid::ZERO_SHA1);
    let line = format!("{from} {} {}\t{}\n", change.to, change.who, change.why);
    let write = || {
        let logs = place.git.make("logs")?.0;
        logs.append("HEAD", line.as_bytes())?;
        let (folder, last) = split(&logs, branch)?;
        folder.append(&last, line.as_bytes())
    };
    write().map_err(|e| ArtifactError::io("write the log of", &place.git.at(change.name), e))
}

/// Asks the disk to keep both logs.
pub(super) fn sync(place: &Place, branch: &str) -> io::Result<()> {
    let logs = place.git.make("logs")?.0;
    let (folder, last) = split(&logs, branch)?;
    for (folder, name) in [(&logs, "HEAD"), (&folder, last.as_str())] {
        if matches!(folder.look(name)?, Entry::File(_)) {
            folder.sync_file(name)?;
            folder.sync()?;
        }
    }
    // Every folder on the way, of which the last was synced above.
    let mut names: Vec<&str> = ["refs", "heads"].into_iter().chain(branch.split('/')).collect();
    names.pop();
    while names.pop().is_some() {
        logs.descend(names.iter().copied())?.sync()?;
    }
    place.git.sync()
}

fn split(logs: &Folder, branch: &str) -> io::Result<(Folder, String)> {
    let mut names: Vec<&str> = ["refs", "heads"].into_iter().chain(branch.split('/')).collect();
    let last = names.pop().unwrap_or_default().to_owned();
    Ok((logs.make_chain(names)?, last))
}

/// One line of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Line {
    to: Oid,
    starts: bool,
    ours: bool,
}

/// The commits that a branch of this program was at, newest first, back to the start of its last run.
pub(super) fn places_of(place: &Place, branch: &str) -> io::Result<Vec<Oid>> {
    let logs = place.git.make("logs")?.0;
    let (folder, last) = split(&logs, branch)?;
    let bytes = read(&folder, &last)?;
    let mut found = Vec::new();
    for line in bytes.split(|b| *b == b'\n').rev().filter_map(parse) {
        found.push(line.to);
        if line.starts {
            break;
        }
    }
    Ok(found)
}

/// The commits that this program put on a branch since its run began there and that its history does not have, oldest first:
/// somebody moved it back, or wrote its history again. What others put there and took away again is no part of a run. `git` is the repository's own folder; nothing is written.
pub(super) fn left_behind(git: &Folder, branch: &str, in_history: &dyn Fn(Oid) -> bool) -> io::Result<Vec<Oid>> {
    let mut names: Vec<&str> = ["logs", "refs", "heads"].into_iter().chain(branch.split('/')).collect();
    let last = names.pop().unwrap_or_default();
    let bytes = match git.descend(names) {
        Ok(folder) => read(&folder, last)?,
        // A clone may keep no log.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Vec::new(),
        Err(error) => return Err(error),
    };
    let mut left = Vec::new();
    for line in bytes.split(|b| *b == b'\n').rev().filter_map(parse) {
        if line.ours && !in_history(line.to) && !left.contains(&line.to) {
            left.push(line.to);
        }
        if line.starts {
            break;
        }
    }
    left.reverse();
    Ok(left)
}

/// Where HEAD was last.
pub(super) fn last_of_head(place: &Place) -> io::Result<Option<Oid>> {
    let logs = place.git.make("logs")?.0;
    let bytes = read(&logs, "HEAD")?;
    Ok(bytes.split(|b| *b == b'\n').rev().find_map(parse).map(|line| line.to))
}

/// Leaves out the lines that are damaged, and those about commits that are not `there`, which `git fsck` would report.
pub(super) fn tidy(place: &Place, branch: &str, there: &dyn Fn(Oid) -> bool) -> Result<bool, ArtifactError> {
    let failed = |e| ArtifactError::io("tidy", &place.git.at("logs"), e);
    let logs = place.git.make("logs").map_err(failed)?.0;
    let (folder, last) = split(&logs, branch).map_err(failed)?;
    let mut any = false;
    for (folder, name) in [(&logs, "HEAD"), (&folder, last.as_str())] {
        let bytes = read(folder, name).map_err(failed)?;
        let kept = sound(&bytes, there);
        if kept != bytes {
            place.replace_durably(folder, name, &kept)?;
            any = true;
        }
    }
    Ok(any)
}

fn sound(bytes: &[u8], there: &dyn Fn(Oid) -> bool) -> Vec<u8> {
    let whole = bytes.split_inclusive(|b| *b == b'\n').filter(|line| line.ends_with(b"\n"));
    let known = |id: &[u8]| id == Oid::ZERO_SHA1.to_string().as_bytes() || strict_id(id).is_some_and(there);
    let keeps = |line: &&[u8]| {
        parse(line).is_some() && line.get(..40).is_some_and(known) && line.get(41..81).is_some_and(known)
    };
    whole.filter(keeps).flatten().copied().collect()
}

fn read(folder: &Folder, name: &str) -> io::Result<Vec<u8>> {
    match folder.look(name)? {
        Entry::File(_) => folder.read(name),
        _ => Ok(Vec::new()),
    }
}

/// `<from> <to> Name <email> seconds zone<TAB>why`.
fn parse(line: &[u8]) -> Option<Line> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let text = std::str::from_utf8(line).ok()?;
    let (from, rest) = text.split_once(' ')?;
    let (to, rest) = rest.split_once(' ')?;
    let (who, why) = rest.split_once('\t').unwrap_or((rest, ""));
    let mut parts = who.rsplitn(3, ' ');
    let (zone, seconds, name) = (parts.next()?, parts.next()?, parts.next()?);
    let plain = zone.len() == 5 && seconds.parse::<i64>().is_ok() && name.ends_with('>') && !text.contains('\0');
    let begins = from == Oid::ZERO_SHA1.to_string();
    let to = strict_id(to.as_bytes()).filter(|_| plain && from.len() == 40)?;
    Some(Line { to, starts: begins || why == START, ours: why.starts_with(OURS) })
}
