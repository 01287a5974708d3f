//! What a person should know about the place of a run, besides its [`crate::store::Situation`].

use std::fmt;
use std::path::PathBuf;

/// Something that was found damaged and mended, or left for later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Objects, or other files of git, that were damaged were put aside.
    PutAside {
        /// Their names inside `.git`.
        files: Vec<String>,
        /// Where they are now.
        folder: PathBuf,
    },
    /// Objects that were damaged or missing were written again from files that were intact.
    WrittenAgain {
        /// How many.
        objects: usize,
    },
    /// The branch went back to its last whole step.
    WentBack {
        /// The branch.
        branch: String,
        /// The commit it was at, if that is known.
        from: Option<String>,
        /// The steps that are whole.
        steps: usize,
    },
    /// A file of git that says where a branch or HEAD is was missing or damaged, and was written again.
    Mended {
        /// Its name inside `.git`.
        file: String,
        /// What it says now.
        says: String,
    },
    /// Another git held the lock of the index to the end.
    IndexBehind {
        /// The lock.
        lock: PathBuf,
        /// The directory of the run.
        dir: PathBuf,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::PutAside { files, folder } => {
                let shown: Vec<&str> = files.iter().take(5).map(String::as_str).collect();
                let more = files.len().saturating_sub(shown.len());
                let more = if more == 0 { String::new() } else { format!(" and {more} more") };
                let (were, names) = (if files.len() == 1 { "was" } else { "were" }, shown.join(", "));
                write!(f, "{names}{more} in .git {were} damaged and moved to {}", folder.display())
            }
            Notice::WrittenAgain { objects: 1 } => write!(f, "a damaged object was written again from the run's files"),
            Notice::WrittenAgain { objects } => {
                write!(f, "{objects} damaged objects were written again from the run's files")
            }
            Notice::WentBack { branch, from, steps } => {
                let from = from.as_deref().map_or(String::new(), |id| format!(" from commit {id}"));
                let to = match steps {
                    0 => "its beginning".to_owned(),
                    steps => format!("its last whole step, number {steps}"),
                };
                write!(f, "branch {branch} goes back{from} to {to}; the same plan gives the same steps again")
            }
            Notice::Mended { file, says } => write!(f, ".git/{file} was missing or damaged; it says `{says}` again"),
            Notice::IndexBehind { lock, dir } => {
                let (lock, dir) = (lock.display(), dir.display());
                write!(
                    f,
                    "another git held {lock}, so the index does not show the last step. The run itself is whole: when no \
                     git is at work there, remove the file and run `git -C '{dir}' reset`"
                )
            }
        }
    }
}
