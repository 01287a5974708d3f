//! A run that was published: the manifest that names what was sent.
//!
//! Everything in it can be read off the run itself, so whoever fetches one makes it again from the bundle and compares. It has
//! no time and no name of a person: publishing a run twice gives the same bytes.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a manifest says of itself.
pub const FORMAT: &str = "oci-agent publication";
/// The version of the format.
pub const VERSION: u32 = 1;
/// The files of a run that are published beside its bundle, if it has them, each with what it is.
pub const REPORTS: [(&str, &str); 3] =
    [("report.html", "text/html"), ("report.md", "text/markdown"), ("analysis.ipynb", "application/x-ipynb+json")];
/// What the bundle is.
pub const BUNDLE: &str = "application/x-git-bundle";

/// A manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publication {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// The name of the run.
    pub run: String,
    /// The branch.
    pub branch: String,
    /// Full id of the last commit of the branch.
    pub commit: String,
    /// Full id of its tree.
    pub tree: String,
    /// Tags of the steps, with the full ids of their commits.
    pub tags: BTreeMap<String, String>,
    /// The trailer of the last step that has one: each answer with its verdict. An experiment has none.
    pub verdict: Option<String>,
    /// Hash of the plan.
    pub plan_sha256: Option<String>,
    /// Hash of the data.
    pub data_sha256: Option<String>,
    /// Hash of the playbooks.
    pub playbooks_sha256: Option<String>,
    /// The version of this program that ran it.
    pub tool_version: Option<String>,
    /// What was sent, in order.
    pub files: Vec<PublishedFile>,
}

/// Something that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedFile {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub kind: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its hash, which is also the name that it is kept under.
    pub sha256: String,
}

/// What is in a bundle, for a person to know before it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BundleContents {
    /// Commits.
    pub commits: usize,
    /// Files of the last commit.
    pub files: usize,
    /// True if a table with a line for each row of the data is among them, or was in an earlier commit.
    pub units: bool,
    /// What was said to language models and by them: so many files.
    pub transcript: usize,
    /// Decisions of people, with their names and addresses.
    pub decisions: usize,
}

/// Why a manifest is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublicationError {
    /// It is not what it should be.
    #[error("it is no manifest of oci-agent: {0}")]
    Unreadable(String),
    /// It is from a later version.
    #[error("it was written by a newer oci-agent (version {0} of the format; this one knows {VERSION})")]
    Newer(u64),
    /// A name that could lead somewhere else, a hash that is none, ….
    #[error("its `{field}` is `{value}`, which {why}")]
    Field {
        /// Which.
        field: &'static str,
        /// What it says.
        value: String,
        /// What is wrong.
        why: &'static str,
    },
    /// There is no bundle in it, or several.
    #[error("it names {0} git bundles, and a run has one")]
    Bundles(usize),
}

impl Publication {
    /// The name of the manifest.
    #[must_use]
    pub fn manifest_name(&self) -> String {
        format!("{}-{}.json", self.run, self.commit)
    }

    /// The bundle.
    #[must_use]
    pub fn bundle(&self) -> Option<&PublishedFile> {
        self.files.iter().find(|file| file.kind == BUNDLE)
    }

    /// The first field in which two manifests differ.
    #[must_use]
    pub fn first_difference(&self, other: &Publication) -> Option<&'static str> {
        let same = [
            ("branch", self.branch == other.branch),
            ("commit", self.commit == other.commit),
            ("tree", self.tree == other.tree),
            ("tags", self.tags == other.tags),
            ("verdict", self.verdict == other.verdict),
            ("plan_sha256", self.plan_sha256 == other.plan_sha256),
            ("data_sha256", self.data_sha256 == other.data_sha256),
            ("playbooks_sha256", self.playbooks_sha256 == other.playbooks_sha256),
            ("tool_version", self.tool_version == other.tool_version),
            ("files", self.files == other.files),
        ];
        let differs = same.into_iter().find(|(_, same)| !same).map(|(field, _)| field);
        differs.or((self != other).then_some("run"))
    }

    /// Reads a manifest. Whoever wrote it may mean harm: every name and hash that something is made of later is looked at.
    ///
    /// # Errors
    /// It is not one, or something in it is not what a run has.
    pub fn read(bytes: &[u8]) -> Result<Publication, PublicationError> {
        let unreadable = |e: serde_json::Error| PublicationError::Unreadable(e.to_string());
        let value: serde_json::Value = serde_json::from_slice(bytes).map_err(unreadable)?;
        if value.get("format").and_then(|it| it.as_str()) != Some(FORMAT) {
            return Err(PublicationError::Unreadable(format!("its `format` is not `{FORMAT}`")));
        }
        let version = value.get("version").and_then(serde_json::Value::as_u64).unwrap_or_default();
        if version > u64::from(VERSION) {
            return Err(PublicationError::Newer(version));
        }
        let found: Publication = serde_json::from_value(value).map_err(unreadable)?;
        found.check()?;
        Ok(found)
    }

    fn check(&self) -> Result<(), PublicationError> {
        let wrong = |field, value: &str, why| Err(PublicationError::Field { field, value: value.to_owned(), why });
        if self.run != plain_name(&self.run) {
            return wrong("run", &self.run, "is no plain name");
        }
        for (field, id) in [("commit", &self.commit), ("tree", &self.tree)] {
            if !is_hexadecimal(id, 40) {
                return wrong(field, id, "is no id of git");
            }
        }
        for file in &self.files {
            if !is_hexadecimal(&file.sha256, 64) {
                return wrong("sha256", &file.sha256, "is no SHA-256");
            }
            if file.name != plain_name(&file.name) {
                return wrong("name", &file.name, "is no plain name");
            }
        }
        match self.files.iter().filter(|file| file.kind == BUNDLE).count() {
            1 => Ok(()),
            several => Err(PublicationError::Bundles(several)),
        }
    }
}

/// A name as it can be a file's anywhere: letters and digits of ASCII, `-`, `_` and `.`, not at its beginning.
#[must_use]
pub fn plain_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let kept: String = name.chars().map(plain).take(100).collect();
    let kept = kept.trim_start_matches(['.', '-']);
    if kept.is_empty() { "run".to_owned() } else { kept.to_owned() }
}

fn is_hexadecimal(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::json;

    fn publication() -> Publication {
        let file = |name: &str, kind: &str| PublishedFile {
            name: name.to_owned(),
            kind: kind.to_owned(),
            bytes: 3,
            sha256: "ab".repeat(32),
        };
        Publication {
            format: FORMAT.to_owned(),
            version: VERSION,
            run: "nhefs".to_owned(),
            branch: "main".to_owned(),
            commit: "12".repeat(20),
            tree: "34".repeat(20),
            tags: BTreeMap::from([("iter/1".to_owned(), "12".repeat(20))]),
            verdict: Some("ate=fully_satisfactory".to_owned()),
            plan_sha256: Some("cd".repeat(32)),
            data_sha256: None,
            playbooks_sha256: None,
            tool_version: Some("0.1.0".to_owned()),
            files: vec![file("report.html", "text/html"), file("nhefs.bundle", BUNDLE)],
        }
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        let bytes = json::to_bytes(&publication()).expect("writes");
        assert_eq!(Publication::read(&bytes), Ok(publication()));
        assert_eq!(publication().manifest_name(), format!("nhefs-{}.json", "12".repeat(20)));
        assert_eq!(publication().bundle().map(|file| file.name.as_str()), Some("nhefs.bundle"));
    }

    #[test]
    fn what_could_lead_elsewhere_is_refused() {
        type Change = fn(&mut Publication);
        let changes: [(Change, &str); 9] = [
            (|p| p.run = "../x".to_owned(), "plain name"),
            (|p| p.run = String::new(), "plain name"),
            (|p| p.files[0].name = "a/b".to_owned(), "plain name"),
            (|p| p.files[0].sha256 = "../../x".to_owned(), "SHA-256"),
            (|p| p.files[0].sha256 = "AB".repeat(32), "SHA-256"),
            (|p| p.commit = "main".to_owned(), "id of git"),
            (|p| p.files[1].kind = "text/plain".to_owned(), "0 git bundles"),
            (|p| p.version = 2, "newer"),
            (|p| p.format = "x".to_owned(), "format"),
        ];
        for (change, why) in changes {
            let mut changed = publication();
            change(&mut changed);
            let bytes = json::to_bytes(&changed).expect("writes");
            let said = Publication::read(&bytes).expect_err(why).to_string();
            assert!(said.contains(why), "{why}: {said}");
        }
        assert!(Publication::read(b"{}").is_err() && Publication::read(b"\xff").is_err());
    }

    #[test]
    fn a_difference_is_named() {
        type Change = fn(&mut Publication);
        let changes: [(Change, &str); 4] = [
            (|p| p.verdict = None, "verdict"),
            (|p| drop(p.tags.remove("iter/1")), "tags"),
            (|p| p.files[0].bytes = 4, "files"),
            (|p| p.run = "other".to_owned(), "run"),
        ];
        for (change, field) in changes {
            let mut changed = publication();
            change(&mut changed);
            assert_eq!(publication().first_difference(&changed), Some(field));
        }
        assert_eq!(publication().first_difference(&publication()), None);
    }

    #[test]
    fn any_folder_gives_a_plain_name() {
        for (name, expected) in [("nhefs", "nhefs"), ("Ünï 1", "-n--1"), ("..", "run"), (".x/y", "x-y"), ("", "run")]
        {
            let plain = plain_name(name);
            assert_eq!(plain_name(&plain), plain, "{name}");
            assert!(!plain.contains('/') && !plain.is_empty(), "{name}: {plain}");
            if name.is_ascii() {
                assert_eq!(plain, expected);
            }
        }
    }
}
