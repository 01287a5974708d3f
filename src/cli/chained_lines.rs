//! Files of JSON lines that are only ever appended to, beside the folders of the runs: what was seen in earlier runs.
//!
//! Each line holds the SHA-256 of the line before it, so that one that was changed or taken out is missed. A line that cannot be
//! read is named and stays where it is.

use super::errors::CliError;
use crate::input_file;
use crate::text::sha256::sha256_hex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The kind of such a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    /// File name.
    pub(super) name: &'static str,
    /// The file in words: `ledger of unblinded analyses`.
    pub(super) noun: &'static str,
    /// What it is for, a sentence.
    pub(super) purpose: &'static str,
    /// What is lost if a line cannot be added, a sentence.
    pub(super) without_line: &'static str,
}

/// A line, by the hash of the one before it.
pub(super) trait Chained: Serialize + DeserializeOwned {
    /// SHA-256 of the line before; empty for the first.
    fn previous(&self) -> &str;
}

/// The file as it was found.
#[derive(Debug)]
pub(super) struct ChainedLines {
    kind: Kind,
    path: PathBuf,
    lines: Vec<String>,
}

impl ChainedLines {
    /// The file beside the folder `out` of a run. One that is not there yet is empty.
    ///
    /// # Errors
    /// A file that is there and cannot be read at all: what was seen before is then not known.
    pub(super) fn beside(out: &Path, kind: Kind) -> Result<ChainedLines, CliError> {
        // Where the folder really is: `.` and links have a folder above them as well.
        let place =
            std::fs::canonicalize(out).or_else(|_| std::path::absolute(out)).unwrap_or_else(|_| out.to_path_buf());
        let folder = place.parent().unwrap_or(&place);
        let folder = &std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf());
        let path = folder.join(kind.name);
        let text = match std::fs::symlink_metadata(&path) {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => String::new(),
            Err(error) => return Err(CliError::io(&path, "read", &error)),
            // Lines are appended to it: a link would lead them into somebody's file.
            Ok(found) if found.file_type().is_symlink() => {
                let hint =
                    format!("{} Put the file itself there, or move the link away; nothing was run.", kind.purpose);
                return Err(CliError::user(format!("the {} {} is a link", kind.short(), path.display()), hint));
            }
            Ok(_) => input_file::read_text(&path, input_file::MOST_OF_A_TEXT).map_err(|error| {
                let hint = format!("{} Mend it or move it away; nothing was run.", kind.purpose);
                CliError::user(format!("the {} {}: {error}", kind.short(), path.display()), hint)
            })?,
        };
        let lines = text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
        Ok(ChainedLines { kind, path, lines })
    }

    /// Sentences about the lines that cannot be read, and the places where one is missing.
    pub(super) fn damage<T: Chained>(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let mut before = String::new();
        for (i, line) in self.lines.iter().enumerate() {
            let at = format!("{}, line {}, of the {}", self.path.display(), i + 1, self.kind.noun);
            match serde_json::from_str::<T>(line) {
                Err(error) => notes.push(format!(
                    "{at} cannot be read ({error}); it stays as it is, and what it recorded is not counted"
                )),
                Ok(entry) if entry.previous() != before => notes.push(format!(
                    "{at} does not follow the line before it: lines were changed or taken out, so the count may be too low"
                )),
                Ok(entry) if serde_json::to_string(&entry).ok().as_ref() != Some(line) => notes.push(format!(
                    "{at} is not written as oci-agent writes it: somebody changed it by hand"
                )),
                Ok(_) => {}
            }
            before = sha256_hex(line.as_bytes());
        }
        notes
    }

    /// False where nothing is on record.
    pub(super) fn is_there(&self) -> bool {
        !self.lines.is_empty()
    }

    /// The lines that can be read.
    pub(super) fn entries<T: Chained>(&self) -> impl Iterator<Item = T> {
        self.lines.iter().filter_map(|line| serde_json::from_str(line).ok())
    }

    /// Adds the line that is made from the hash of the last one. The file is locked meanwhile, so that two runs at once follow each
    /// other.
    ///
    /// # Errors
    /// The file cannot be written; the run itself is complete.
    pub(super) fn append<T: Chained>(&self, entry: impl FnOnce(String) -> T) -> Result<(), CliError> {
        let cannot = |error: &std::io::Error| {
            let message = format!("the {} {} could not be written: {error}", self.kind.short(), self.path.display());
            let hint = format!(
                "The run itself is complete. Make the file writable and run the same command with --resume, which adds the line; {}",
                self.kind.without_line
            );
            CliError::world(message, hint)
        };
        let mut file =
            std::fs::OpenOptions::new().append(true).create(true).open(&self.path).map_err(|error| cannot(&error))?;
        file.lock().map_err(|error| cannot(&error))?;
        let bytes = std::fs::read(&self.path).map_err(|error| cannot(&error))?;
        let there = String::from_utf8_lossy(&bytes);
        let last = there.lines().rfind(|line| !line.trim().is_empty());
        let entry = entry(last.map(|line| sha256_hex(line.as_bytes())).unwrap_or_default());
        let line = serde_json::to_string(&entry).map_err(|error| cannot(&std::io::Error::other(error)))?;
        // A last line that was cut off must not run into this one.
        let whole = bytes.is_empty() || bytes.ends_with(b"\n");
        let text = format!("{}{line}\n", if whole { "" } else { "\n" });
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|error| cannot(&error))
    }
}

impl Kind {
    /// `ledger` of `ledger of unblinded analyses`.
    fn short(self) -> &'static str {
        self.noun.split_once(' ').map_or(self.noun, |words| words.0)
    }
}
