//! Why a replay cannot go on: what, where, and the way out.

use super::source::Skipped;
use crate::dataset::DatasetError;
use crate::pipeline::PrepareError;
use crate::record::ReportError;
use std::path::{Path, PathBuf};

/// Why there is no replay, no score, no report.
#[derive(Debug, thiserror::Error)]
pub enum AcicError {
    /// A table that cannot be read.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The folder is no replay data.
    #[error("`{}` holds no replay data: {problem}", dir.display())]
    Layout {
        /// The folder.
        dir: PathBuf,
        /// What is missing.
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
        /// Row, column and what is wrong there.
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
        /// What differs, each `name is A there, and B now`.
        differences: Vec<String>,
    },
    /// A file of a replay's folder that cannot be read back.
    #[error("`{}` is damaged: {problem}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Where and how.
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
    /// The plan of the replay does not fit its data.
    #[error("the plan of the replay does not fit the covariates: {0}")]
    Plan(String),
    /// A document that could not be drawn or written.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The operating system refused.
    #[error("could not {doing} `{}`: {source}", path.display())]
    Io {
        /// `read`, `write`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
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
    pub(super) fn io(doing: &'static str, path: &Path, source: std::io::Error) -> AcicError {
        AcicError::Io { doing, path: path.to_path_buf(), source }
    }

    pub(super) fn column(file: &str, column: &str) -> AcicError {
        AcicError::Column { file: file.to_owned(), column: column.to_owned() }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            AcicError::Dataset(error) => error.hint(),
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
            AcicError::Request(_) | AcicError::Plan(_) | AcicError::Report(_) => String::new(),
            AcicError::Io { .. } => "Check the path, its permissions and the space on the disk.".to_owned(),
            AcicError::Cancelled { .. } => "The same command goes on where this one stopped.".to_owned(),
        }
    }

    /// `true` if something outside is at fault rather than what was asked for.
    #[must_use]
    pub fn is_world(&self) -> bool {
        match self {
            AcicError::Dataset(error) => error.is_io(),
            AcicError::Io { source, .. } => source.kind() != std::io::ErrorKind::NotFound,
            AcicError::Cancelled { .. } => true,
            _ => false,
        }
    }

    /// `true` if it is a mistake of this program.
    #[must_use]
    pub fn is_bug(&self) -> bool {
        matches!(self, AcicError::Plan(_) | AcicError::Report(_))
    }
}

/// What to do about a damaged file.
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

impl From<PrepareError> for AcicError {
    fn from(error: PrepareError) -> Self {
        match error {
            PrepareError::Dataset(error) => AcicError::Dataset(error),
            PrepareError::Plan(problems) => AcicError::Plan(super::analyse::sentences(&problems)),
        }
    }
}

/// `1 dataset`, `3 datasets`.
#[must_use]
pub fn counted(n: usize, what: &str) -> String {
    format!("{} {what}{}", crate::text::numbers::count(n), if n == 1 { "" } else { "s" })
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
