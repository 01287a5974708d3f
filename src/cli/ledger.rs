//! The ledger of unblinded analyses, `oci-ledger.jsonl` beside the folders of the runs.
//!
//! A plan that is changed after its answer was seen is not blind any more, whatever the loop of the next run hides. So each
//! run that unblinds adds a line, and a later run of another plan on the same data and outcome says what was seen before it.
//! A run of the same plan again adds nothing and is held against nothing: it is the same analysis.
//!
//! Lines are only ever appended. One that cannot be read is named and stays where it is.

use super::errors::CliError;
use crate::input_file;
use crate::record::documents::ResultsDocument;
use crate::record::earlier::{LedgerAnswer, LedgerEntry};
use crate::text::sha256::sha256_hex;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Its name.
pub(super) const NAME: &str = "oci-ledger.jsonl";

/// What is being analysed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) data_sha256: &'a str,
    pub(super) outcome: &'a str,
    pub(super) plan_sha256: &'a str,
}

/// The ledger as it was found.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    path: PathBuf,
    lines: Vec<String>,
    /// Sentences about what could not be read.
    pub(super) notes: Vec<String>,
}

impl Ledger {
    /// The ledger beside the folder `out` of a run. One that is not there yet is empty.
    ///
    /// # Errors
    /// A ledger that is there and cannot be read at all: what was seen before is then not known.
    pub(super) fn beside(out: &Path) -> Result<Ledger, CliError> {
        let folder = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let path = folder.join(NAME);
        let text = match std::fs::symlink_metadata(&path) {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => String::new(),
            Err(error) => return Err(CliError::io(&path, "read", &error)),
            // Lines are appended to it: a link would lead them into somebody's file.
            Ok(found) if found.file_type().is_symlink() => {
                let hint = "It records which analyses were unblinded before. Put the file itself there, or move the link away; nothing was run.";
                return Err(CliError::user(format!("the ledger {} is a link", path.display()), hint.to_owned()));
            }
            Ok(_) => input_file::read_text(&path, input_file::MOST_OF_A_TEXT).map_err(|error| {
                let hint = "It says which analyses were unblinded before. Mend it or move it away; nothing was run.";
                CliError::user(format!("the ledger {}: {error}", path.display()), hint.to_owned())
            })?,
        };
        let lines: Vec<String> = text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
        let mut ledger = Ledger { path, lines, notes: Vec::new() };
        ledger.notes = ledger.damage();
        Ok(ledger)
    }

    /// The lines that cannot be read, and the places where one is missing.
    fn damage(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let mut before = String::new();
        for (i, line) in self.lines.iter().enumerate() {
            let at = format!("{}, line {}", self.path.display(), i + 1);
            match serde_json::from_str::<LedgerEntry>(line) {
                Err(error) => notes.push(format!(
                    "{at}, of the ledger of unblinded analyses cannot be read ({error}); it stays as it is, and what it recorded is not counted"
                )),
                Ok(entry) if entry.previous_sha256 != before => notes.push(format!(
                    "{at}, of the ledger of unblinded analyses does not follow the line before it: lines were changed or taken out, so the count may be too low"
                )),
                Ok(_) => {}
            }
            before = sha256_hex(line.as_bytes());
        }
        notes
    }

    fn entries(&self) -> impl Iterator<Item = LedgerEntry> {
        self.lines.iter().filter_map(|line| serde_json::from_str(line).ok())
    }

    /// The analyses of the same outcome in the same data that were unblinded before this plan first was.
    pub(super) fn earlier(&self, subject: Subject<'_>) -> Vec<LedgerEntry> {
        self.entries()
            .filter(|entry| entry.data_sha256 == subject.data_sha256 && entry.outcome == subject.outcome)
            .take_while(|entry| entry.plan_sha256 != subject.plan_sha256)
            .collect()
    }

    /// Adds this analysis, unless it is there.
    ///
    /// # Errors
    /// The file cannot be written; the run itself is complete.
    pub(super) fn add(
        &self,
        subject: Subject<'_>,
        results: &ResultsDocument,
        out: &Path,
        branch: &str,
    ) -> Result<(), CliError> {
        let known = |entry: LedgerEntry| {
            (entry.data_sha256.as_str(), entry.outcome.as_str(), entry.plan_sha256.as_str())
                == (subject.data_sha256, subject.outcome, subject.plan_sha256)
        };
        if self.entries().any(known) {
            return Ok(());
        }
        let entry = LedgerEntry {
            data_sha256: subject.data_sha256.to_owned(),
            outcome: subject.outcome.to_owned(),
            plan_sha256: subject.plan_sha256.to_owned(),
            title: results.title.clone(),
            run: out.file_name().unwrap_or(out.as_os_str()).to_string_lossy().into_owned(),
            branch: branch.to_owned(),
            previous_sha256: self.lines.last().map(|line| sha256_hex(line.as_bytes())).unwrap_or_default(),
            answers: answers(results),
        };
        let cannot = |error: &std::io::Error| {
            let message = format!("the ledger {} could not be written: {error}", self.path.display());
            let hint = "The run itself is complete. Make the file writable and run the same command with --resume, which adds the line; until then a changed plan would not be held against this answer.";
            CliError::world(message, hint.to_owned())
        };
        let line = serde_json::to_string(&entry).map_err(|error| cannot(&std::io::Error::other(error)))?;
        let mut file =
            std::fs::OpenOptions::new().append(true).create(true).open(&self.path).map_err(|error| cannot(&error))?;
        // A last line that was cut off must not run into this one; and one write, so that two runs do not mix theirs.
        let whole = std::fs::read(&self.path).map_or(true, |bytes| bytes.is_empty() || bytes.ends_with(b"\n"));
        let text = format!("{}{line}\n", if whole { "" } else { "\n" });
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|error| cannot(&error))
    }
}

fn answers(results: &ResultsDocument) -> Vec<LedgerAnswer> {
    let one = |answer: &crate::record::documents::Answer| LedgerAnswer {
        asked: answer.requested,
        name: answer.name.clone(),
        tier: answer.tier,
        estimate: answer.effect.as_ref().map(|effect| effect.estimate),
        ci_lower: answer.effect.as_ref().map(|effect| effect.ci_lower),
        ci_upper: answer.effect.as_ref().map(|effect| effect.ci_upper),
    };
    results.answers.iter().map(one).collect()
}
