//! A branch of a run as one file that git itself can read: `git clone nhefs.bundle`.
//!
//! The format is version 2 of gitformat-bundle(5): a line that says so, a line `<id> <name>` for each reference, an empty
//! line, and a pack of every object that they lead to. Nothing is left out, so a bundle needs no other repository. The same
//! branch gives the same bytes: objects are packed in the order of the history, by one thread.

use crate::store::recorded_run::RecordedRun;
use crate::store::refs::{branch_reference, is_name, step_tag, strict_id};
use crate::store::{ArtifactError, libgit};
use git2::{Buf, ObjectType, Oid};
use std::collections::{BTreeMap, BTreeSet};

const SIGNATURE: &str = "# v2 git bundle\n";
const TAGS: &str = "refs/tags/";
/// The part of a step's tag after the branch: `iter/3`.
const ITERATIONS: &str = "iter/";

/// A branch, whole, as one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The bytes of the file.
    pub bytes: Vec<u8>,
    /// Full id of the branch's last commit, a decision or a step.
    pub tip: String,
    /// The tags of its steps, with the full ids of their commits.
    pub tags: BTreeMap<String, String>,
    /// Commits in it.
    pub commits: usize,
}

/// What the first lines of a bundle say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub branch: String,
    pub tip: Oid,
    pub tags: BTreeMap<String, Oid>,
    /// Where the pack begins.
    pub pack: usize,
}

impl RecordedRun {
    /// The branch with everything that it leads to, and the tags of its steps.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn bundle(&self) -> Result<Bundle, ArtifactError> {
        let failed = |e: &git2::Error| ArtifactError::git("pack the history", self.dir(), e);
        let Some(tip) = self.last_commit() else {
            return Err(ArtifactError::NotARun { dir: self.dir().to_owned(), what: "has no commit" });
        };
        let (pack, commits) = self.pack(tip).map_err(|e| failed(&e))?;
        let tags = self.step_tags(&commits).map_err(|e| failed(&e))?;
        let mut head = String::from(SIGNATURE);
        head.push_str(&format!("{tip} {}\n", branch_reference(self.branch())));
        tags.iter().for_each(|(name, id)| head.push_str(&format!("{id} {TAGS}{name}\n")));
        // A clone checks this one out.
        head.push_str(&format!("{tip} HEAD\n\n"));
        Ok(Bundle {
            bytes: [head.into_bytes(), pack].concat(),
            tip: tip.to_string(),
            tags: tags.into_iter().map(|(name, id)| (name, id.to_string())).collect(),
            commits: commits.len(),
        })
    }

    /// The pack of what a commit leads to, and the commits in it.
    fn pack(&self, tip: Oid) -> Result<(Vec<u8>, BTreeSet<Oid>), git2::Error> {
        libgit::settle();
        let mut history = Vec::new();
        let (mut commits, mut waiting) = (BTreeSet::new(), vec![tip]);
        while let Some(id) = waiting.pop() {
            if commits.insert(id) {
                history.push(id);
                waiting.extend(self.repo.find_commit(id)?.parent_ids());
            }
        }
        let mut builder = self.repo.packbuilder()?;
        builder.set_threads(1);
        let mut packed = BTreeSet::new();
        for id in history.into_iter().rev() {
            builder.insert_object(id, None)?;
            let mut trees = vec![(String::new(), self.repo.find_commit(id)?.tree_id())];
            while let Some((folder, tree)) = trees.pop() {
                if !packed.insert(tree) {
                    continue;
                }
                builder.insert_object(tree, Some(&folder))?;
                for entry in &self.repo.find_tree(tree)? {
                    let name = String::from_utf8_lossy(entry.name_bytes());
                    let path = if folder.is_empty() { name.into_owned() } else { format!("{folder}/{name}") };
                    match entry.kind() {
                        Some(ObjectType::Tree) => trees.push((path, entry.id())),
                        Some(ObjectType::Blob) if packed.insert(entry.id()) => {
                            builder.insert_object(entry.id(), Some(&path))?;
                        }
                        _ => {}
                    }
                }
            }
        }
        let mut bytes = Buf::new();
        builder.write_buf(&mut bytes)?;
        Ok((bytes.to_vec(), commits))
    }

    /// The tags of the steps of this branch. Others are a person's own, and stay where they are.
    fn step_tags(&self, commits: &BTreeSet<Oid>) -> Result<BTreeMap<String, Oid>, git2::Error> {
        let pattern = format!("{TAGS}{}*", step_tag(self.branch(), ITERATIONS));
        let mut found = BTreeMap::new();
        for tag in self.repo.references_glob(&pattern)? {
            let tag = tag?;
            let (Ok(name), Some(id)) = (tag.name(), tag.target()) else { continue };
            if let Some(name) = name.strip_prefix(TAGS).filter(|_| commits.contains(&id)) {
                found.insert(name.to_owned(), id);
            }
        }
        Ok(found)
    }
}

/// Reads the first lines of a bundle of one branch that needs nothing else.
pub(super) fn header(bytes: &[u8]) -> Result<Header, ArtifactError> {
    let bad = |what: &str| bad_bundle(what);
    let rest = bytes.strip_prefix(SIGNATURE.as_bytes()).ok_or_else(|| bad("it is no git bundle of version 2"))?;
    let end = rest.windows(2).position(|pair| pair == b"\n\n");
    let end = end.ok_or_else(|| bad("its list of references has no end"))?;
    let text = std::str::from_utf8(&rest[..end]).map_err(|_| bad("a reference in it is no text"))?;
    let (mut branch, mut head, mut tags) = (None, None, BTreeMap::new());
    for line in text.lines() {
        if line.starts_with('-') {
            return Err(bad("it leaves out commits that another repository would have to have"));
        }
        let (id, name) = line.split_once(' ').ok_or_else(|| bad("a reference in it has no name"))?;
        let id = strict_id(id.as_bytes()).ok_or_else(|| bad("a reference in it has no commit"))?;
        let name = name.to_owned();
        if let Some(tag) = name.strip_prefix(TAGS).filter(|tag| is_name(tag)) {
            tags.insert(tag.to_owned(), id);
        } else if let Some(named) = name.strip_prefix("refs/heads/").filter(|named| is_name(named)) {
            if branch.replace((named.to_owned(), id)).is_some() {
                return Err(bad("it has more than one branch"));
            }
        } else if name == "HEAD" {
            head = Some(id);
        } else {
            return Err(bad("it has a reference that is neither a branch nor a tag"));
        }
    }
    let (branch, tip) = branch.ok_or_else(|| bad("it has no branch"))?;
    if head.is_some_and(|head| head != tip) {
        return Err(bad("its HEAD is not on its branch"));
    }
    // Signature, references, and two line ends.
    Ok(Header { branch, tip, tags, pack: SIGNATURE.len() + end + 2 })
}

/// A bundle that is not used, and why.
pub(super) fn bad_bundle(what: impl Into<String>) -> ArtifactError {
    ArtifactError::BadBundle { what: what.into() }
}

#[cfg(test)]
mod tests {
    use crate::store::bundle::*;

    const ID: &str = "1f2e3d4c5b6a79881f2e3d4c5b6a79881f2e3d4c";

    #[test]
    fn a_header_is_read_as_it_was_written() {
        let text = format!("{SIGNATURE}{ID} refs/heads/main\n{ID} refs/tags/iter/1\n{ID} HEAD\n\nPACK");
        let read = header(text.as_bytes()).expect("a header");
        assert_eq!((read.branch.as_str(), read.tip.to_string().as_str()), ("main", ID));
        assert_eq!(read.tags.keys().collect::<Vec<_>>(), ["iter/1"]);
        assert_eq!(&text.as_bytes()[read.pack..], b"PACK");
    }

    #[test]
    fn what_no_run_has_is_refused() {
        let other = ID.replace('1', "2");
        for (references, why) in [
            (format!("-{ID} before\n{ID} refs/heads/main\n"), "leaves out"),
            (format!("{ID} refs/heads/main\n{ID} refs/heads/more\n"), "more than one branch"),
            (format!("{ID} refs/heads/../main\n"), "neither a branch nor a tag"),
            (format!("{ID} refs/heads/x.lock\n"), "neither a branch nor a tag"),
            (format!("{ID} refs/remotes/origin/main\n"), "neither a branch nor a tag"),
            (format!("{ID} refs/tags/iter/1\n"), "no branch"),
            (format!("{ID} refs/heads/main\n{other} HEAD\n"), "HEAD is not"),
            ("12 refs/heads/main\n".to_owned(), "no commit"),
            (ID.to_owned() + "\n", "no name"),
        ] {
            let text = format!("{SIGNATURE}{references}\nPACK");
            let said = header(text.as_bytes()).expect_err(&references).to_string();
            assert!(said.contains(why), "{references}: {said}");
        }
        for (text, why) in [("# v3 git bundle\n\n", "version 2"), ("# v2 git bundle\n1 ", "no end"), ("", "version 2")]
        {
            assert!(header(text.as_bytes()).expect_err(text).to_string().contains(why), "{text}");
        }
    }
}
