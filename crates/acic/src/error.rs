//! The reasons why a replay cannot go on: problem, place, and the way out.

use crate::text::counted;
use std::fmt;
use std::path::{Path, PathBuf};

/// A dataset that is left out, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Skipped {
    /// Its setting.
    pub setting: u16,
    /// Its response; `None` if a whole setting or a file without a number is meant.
    pub response: Option<u64>,
    /// The file, below the folder of the data.
    pub file: String,
    /// The fault, in a sentence without its subject.
    pub problem: String,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.problem)
    }
}

/// A table that the host of the replay could not read, in the host's own words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ReadFailure {
    /// The problem.
    pub message: String,
    /// The way out.
    pub hint: String,
    /// `true` if something outside is at fault rather than the file.
    pub outside: bool,
}

/// The reason why there is no replay, no score, no report.
#[derive(Debug, thiserror::Error)]
pub enum AcicError {
    /// A table that the host could not read.
    #[error(transparent)]
    Read(#[from] ReadFailure),
    /// The folder is no replay data.
    #[error("`{}` holds no replay data: {problem}", dir.display())]
    Layout {
        /// The folder.
        dir: PathBuf,
        /// The missing part.
        problem: String,
    },
    /// A table of the replay that lacks a column.
    #[error("`{file}` has no usable column `{column}`")]
    Column {
        /// The file.
        file: String,
        /// The column.
        column: String,
    },
    /// Datasets that cannot be analysed, and the wish to refuse them.
    #[error("{} cannot be replayed:\n{}", counted(.0.len(), "dataset"), listed(.0))]
    Bad(Vec<Skipped>),
    /// Datasets that cannot be analysed, and none that can.
    #[error("none of the datasets can be replayed:\n{}", listed(.0))]
    AllBad(Vec<Skipped>),
    /// Datasets that cannot be analysed, and so are not written out either.
    #[error("{} cannot be exported:\n{}", counted(.0.len(), "dataset"), listed(.0))]
    NotExported(Vec<Skipped>),
    /// Folders that an export would write are there already.
    #[error("{} there already: {}", are(folders.len()), folders.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", "))]
    Exists {
        /// Their paths.
        folders: Vec<String>,
    },
    /// A file of the data with something in it that cannot be used.
    #[error("`{}` cannot be used: {problem}", file.display())]
    Cells {
        /// The file.
        file: PathBuf,
        /// Row, column and the fault there.
        problem: String,
    },
    /// Nothing to do.
    #[error("nothing is left to replay: {0}")]
    Nothing(String),
    /// The folder holds another replay.
    #[error("`{}` holds another replay: {}", dir.display(), differences.join("; "))]
    OtherReplay {
        /// The folder.
        dir: PathBuf,
        /// The differences, each `name is A there, and B now`.
        differences: Vec<String>,
    },
    /// A file of a replay's folder that cannot be read back.
    #[error("`{}` is damaged: {problem}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// The place and the fault.
        problem: String,
    },
    /// Datasets without an estimate.
    #[error("{} of this replay not analysed yet: {}", counted(missing.len(), "dataset"), missing.join(", "))]
    Missing {
        /// Their names.
        missing: Vec<String>,
    },
    /// A request that does not go with the data.
    #[error("{0}")]
    Request(String),
    /// A document that could not be written down.
    #[error("replay.json cannot be written: {0}")]
    Document(serde_json::Error),
    /// The operating system refused.
    #[error("could not {doing} `{}`: {source}", path.display())]
    Io {
        /// `read`, `write`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The reason that the system gives.
        source: std::io::Error,
    },
    /// Stopped on request.
    #[error("stopped, as you asked: {done} of {of} datasets are done and kept")]
    Cancelled {
        /// Finished datasets of this share.
        done: usize,
        /// All of this share.
        of: usize,
    },
}

impl AcicError {
    pub(crate) fn io(doing: &'static str, path: &Path, source: std::io::Error) -> AcicError {
        AcicError::Io { doing, path: path.to_path_buf(), source }
    }

    pub(crate) fn column(file: &str, column: &str) -> AcicError {
        AcicError::Column { file: file.to_owned(), column: column.to_owned() }
    }

    /// The way out; empty where the message says it all.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            AcicError::Read(failure) => failure.hint.clone(),
            AcicError::Layout { .. } => {
                "The official layout is x.csv and one folder per setting (1 to 77) with files zymu_<response>.csv; the \
                 bundled pack is examples/acic2016 of the repository."
            }
            .to_owned(),
            AcicError::Column { .. } => "Restore the file, or make the pack again.".to_owned(),
            AcicError::Bad(_) => {
                "Repair or remove the files, or pass --on-bad skip to leave them out: they are then listed in \
                 skipped.csv and counted in every score."
                    .to_owned()
            }
            AcicError::AllBad(_) => "Repair the files: there is no dataset left to go on with.".to_owned(),
            AcicError::NotExported(_) => {
                "Nothing was written. Repair or remove the files, or select other datasets with --settings.".to_owned()
            }
            AcicError::Exists { .. } => {
                "Nothing was written, and nothing is ever replaced. Name another folder with --out, select other datasets, or \
                 remove what you do not need any more."
                    .to_owned()
            }
            AcicError::Cells { .. } => {
                "Restore the file, or repair what is named: every cell that is used must hold a value.".to_owned()
            }
            AcicError::Nothing(_) => "See `oci-agent acic run --help` for what can be selected.".to_owned(),
            AcicError::OtherReplay { .. } => "Name another --out folder, or repeat the replay as it was.".to_owned(),
            AcicError::Damaged { file, .. } => repair(file),
            AcicError::Missing { .. } => {
                "Run the replay again with the same --out to finish it, merge the other shards, or pass --partial to \
                 score what is there."
                    .to_owned()
            }
            AcicError::Request(_) | AcicError::Document(_) => String::new(),
            AcicError::Io { .. } => "Check the path, its permissions and the space on the disk.".to_owned(),
            AcicError::Cancelled { .. } => "The same command goes on where this one stopped.".to_owned(),
        }
    }

    /// `true` if something outside is at fault rather than what was asked for.
    #[must_use]
    pub fn is_world(&self) -> bool {
        match self {
            AcicError::Read(failure) => failure.outside,
            AcicError::Io { source, .. } => source.kind() != std::io::ErrorKind::NotFound,
            AcicError::Cancelled { .. } => true,
            _ => false,
        }
    }

    /// `true` if it is a mistake of this program.
    #[must_use]
    pub fn is_bug(&self) -> bool {
        matches!(self, AcicError::Document(_))
    }
}

/// The way out of a damaged file.
fn repair(file: &Path) -> String {
    match file.file_name().and_then(|name| name.to_str()) {
        Some("replay.json") => {
            "Remove it and repeat `oci-agent acic run` with the options of before: datasets of that very replay are kept, \
             and others are analysed again."
        }
        Some("estimates.csv" | "skipped.csv") => {
            "Repeat `oci-agent acic run` with the options of before, or `oci-agent acic merge`: the file is written anew, \
             and no dataset on record is analysed again."
        }
        _ => "Restore the file: it is part of the data that were replayed.",
    }
    .to_owned()
}

/// At most this many problems are written out in a message; skipped.csv has all of them.
const SHOWN: usize = 20;

fn are(folders: usize) -> String {
    format!("{} {}", counted(folders, "folder"), if folders == 1 { "is" } else { "are" })
}

fn listed(skipped: &[Skipped]) -> String {
    let mut lines: Vec<String> = skipped.iter().take(SHOWN).map(|one| format!("  {one}")).collect();
    if skipped.len() > SHOWN {
        lines.push(format!("  … and {} more", skipped.len() - SHOWN));
    }
    lines.join("\n")
}
