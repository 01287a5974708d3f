//! The ledger of unblinded analyses, `oci-ledger.jsonl` beside the folders of the runs.
//!
//! A plan that is changed after its answer was seen is not blind any more, whatever the loop of the next run hides. So each
//! run that unblinds adds a line, and a later run of another plan on the same data and outcome says what was seen before it.
//! A run of the same plan again adds nothing and is held against nothing: it is the same analysis.

use super::chained_lines::{Chained, ChainedLines, Kind};
use super::errors::CliError;
use crate::record::documents::ResultsDocument;
use crate::record::earlier::{LedgerAnswer, LedgerEntry};
use std::path::Path;

const KIND: Kind = Kind {
    name: "oci-ledger.jsonl",
    noun: "ledger of unblinded analyses",
    purpose: "It says which analyses were unblinded before.",
    without_line: "until then a changed plan would not be held against this answer.",
};

impl Chained for LedgerEntry {
    fn previous(&self) -> &str {
        &self.previous_sha256
    }
}

/// What is being analysed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) data_sha256: &'a str,
    pub(super) outcome: &'a str,
    pub(super) plan_sha256: &'a str,
}

impl Subject<'_> {
    fn is_of(self, entry: &LedgerEntry) -> bool {
        (entry.data_sha256.as_str(), entry.outcome.as_str(), entry.plan_sha256.as_str())
            == (self.data_sha256, self.outcome, self.plan_sha256)
    }
}

/// The ledger as it was found.
#[derive(Debug)]
pub(super) struct Ledger {
    lines: ChainedLines,
    /// Sentences about what could not be read.
    pub(super) notes: Vec<String>,
}

impl Ledger {
    /// The ledger beside the folder `out` of a run.
    ///
    /// # Errors
    /// As [`ChainedLines::beside`].
    pub(super) fn beside(out: &Path) -> Result<Ledger, CliError> {
        let lines = ChainedLines::beside(out, KIND)?;
        let notes = lines.damage::<LedgerEntry>();
        Ok(Ledger { lines, notes })
    }

    /// Every line that can be read.
    pub(super) fn all(&self) -> Vec<LedgerEntry> {
        self.lines.entries().collect()
    }

    /// The analyses of the same outcome in the same data that were unblinded before this plan first was.
    pub(super) fn earlier(&self, subject: Subject<'_>) -> Vec<LedgerEntry> {
        self.lines
            .entries::<LedgerEntry>()
            .filter(|entry| entry.data_sha256 == subject.data_sha256 && entry.outcome == subject.outcome)
            .take_while(|entry| entry.plan_sha256 != subject.plan_sha256)
            .collect()
    }

    /// The lines of this analysis: one, unless somebody added another.
    pub(super) fn of_analysis(&self, subject: Subject<'_>) -> Vec<LedgerEntry> {
        self.lines.entries::<LedgerEntry>().filter(|entry| subject.is_of(entry)).collect()
    }

    /// True if a line says what a run says: the same answers under the same title.
    pub(super) fn agrees(line: &LedgerEntry, results: &ResultsDocument) -> bool {
        line.answers == answers(results) && line.title == results.title
    }

    /// False where nothing is on record.
    pub(super) fn is_there(&self) -> bool {
        self.lines.is_there()
    }

    /// The name of the file.
    pub(super) fn file(&self) -> &'static str {
        KIND.name
    }

    /// Adds this analysis, unless it is there.
    ///
    /// # Errors
    /// As [`ChainedLines::append`].
    pub(super) fn add(
        &self,
        subject: Subject<'_>,
        results: &ResultsDocument,
        out: &Path,
        branch: &str,
    ) -> Result<(), CliError> {
        if !self.of_analysis(subject).is_empty() {
            return Ok(());
        }
        self.lines.append(|previous_sha256| LedgerEntry {
            data_sha256: subject.data_sha256.to_owned(),
            outcome: subject.outcome.to_owned(),
            plan_sha256: subject.plan_sha256.to_owned(),
            title: results.title.clone(),
            run: folder_name(out),
            branch: branch.to_owned(),
            previous_sha256,
            answers: answers(results),
        })
    }
}

/// The name of a run's folder.
pub(super) fn folder_name(out: &Path) -> String {
    // `.` has a name as well.
    let place = std::fs::canonicalize(out).unwrap_or_else(|_| out.to_path_buf());
    place.file_name().unwrap_or(out.as_os_str()).to_string_lossy().into_owned()
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
