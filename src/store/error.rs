//! Errors of the place where a run is kept, and whose they are to fix.

use crate::store::folder::is_no_file;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Whose it is to fix; the command line turns this into an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The person at the keyboard can fix it.
    User,
    /// The machine: permissions, disk, git.
    World,
    /// A defect in oci-agent.
    Bug,
}

/// One fact in which a recorded run and a resumed one differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The trailer, e.g. `Data-SHA256`.
    pub key: String,
    /// As recorded.
    pub recorded: String,
    /// As it is now.
    pub now: String,
}

/// All errors of this module. Each names the place and a way out.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// Something else lives there.
    #[error("`{}` {what}, so it was left alone. Choose another place with `--out another/dir`.", dir.display())]
    NotOurs {
        /// The directory.
        dir: PathBuf,
        /// The content that was found.
        what: &'static str,
    },
    /// Made by a later version of this program.
    #[error(
        "`{}` was made by a newer oci-agent (layout {layout}). Use that version, or choose \
         another place with `--out another/dir`.",
        dir.display()
    )]
    Newer {
        /// The directory.
        dir: PathBuf,
        /// Its layout number.
        layout: i64,
    },
    /// A commit that could not be signed.
    #[error(
        "the decision of {who} could not be signed by `{program}`: {reason}. Mend `user.signingkey` in the git configuration, \
         or decide unsigned with `git config --global commit.gpgsign false`."
    )]
    Signing {
        /// Who decided.
        who: String,
        /// What was asked.
        program: String,
        /// The reason.
        #[source]
        reason: io::Error,
    },
    /// Another process is at work there.
    #[error(
        "another oci-agent is at work in `{}`{}. Wait until it has finished, or choose another place with \
         `--out another/dir`.",
        dir.display(), pid.map_or_else(String::new, |pid| format!(", process {pid}"))
    )]
    Locked {
        /// The directory.
        dir: PathBuf,
        /// The process, if it left its number.
        pid: Option<u32>,
    },
    /// Somebody else's repository, in git's sense of `safe.directory`.
    #[error(
        "`{}` belongs to another user, so its git repository is not used. If you trust it: `git config --global --add \
         safe.directory '{}'`; or choose another place with `--out another/dir`.",
        dir.display(), dir.display()
    )]
    NotYours {
        /// The directory.
        dir: PathBuf,
    },
    /// The place is one where git keeps its own files.
    #[error(
        "`{}` is inside the git repository `{}`, where git keeps its own files. Choose another place with `--out \
         another/dir`.",
        dir.display(), git.display()
    )]
    InsideGit {
        /// The directory.
        dir: PathBuf,
        /// The repository's folder: a `.git`, or a bare repository.
        git: PathBuf,
    },
    /// A place that is to be read and holds no run.
    #[error("`{}` {what}. Name the directory of a run, such as `oci-runs/nhefs`, or a clone of one.", dir.display())]
    NotARun {
        /// The place.
        dir: PathBuf,
        /// What it is instead.
        what: &'static str,
    },
    /// An object of a run, read alone, that is damaged or missing.
    #[error("object {object} of `{}` is damaged or missing on the disk", dir.display())]
    Unreadable {
        /// The directory.
        dir: PathBuf,
        /// Full id of the object.
        object: String,
    },
    /// A place for something new that is taken.
    #[error("`{}` is there already, and nothing is overwritten. Name another place with `--out another/dir`.", place.display())]
    Taken {
        /// The place.
        place: PathBuf,
    },
    /// A git bundle that no run was packed into, or that was damaged since.
    #[error("the git bundle cannot be used: {what}. Nothing of it was kept.")]
    BadBundle {
        /// What is wrong with it.
        what: String,
    },
    /// A branch that is not there.
    #[error(
        "`{}` has no branch `{branch}`. {}",
        dir.display(),
        if branches.is_empty() { "It has no run yet.".to_owned() } else { format!("It has {}; name one with `--branch`.", branches.join(", ")) }
    )]
    NoBranch {
        /// The directory.
        dir: PathBuf,
        /// The branch asked for.
        branch: String,
        /// Those that are there.
        branches: Vec<String>,
    },
    /// A link, or something else that this program did not make, where it keeps a file or a folder of its own.
    #[error(
        "`{}` is a link, or something else that oci-agent did not make, and it was left alone. Move it away and run the \
         command again; or choose another place with `--out another/dir`.",
        place.display()
    )]
    InTheWay {
        /// Where.
        place: PathBuf,
    },
    /// A file of git that cannot be read and that nothing else makes up for.
    #[error("`{}` is damaged: it is {what}. {fix}; or choose another place with `--out another/dir`.", place.display())]
    Damaged {
        /// The file.
        place: PathBuf,
        /// What was found.
        what: &'static str,
        /// The remedy.
        fix: &'static str,
    },
    /// Another git holds a lock for longer than a run waits.
    #[error(
        "another git is at work: its lock `{}` is there. Wait until it has ended, or remove the file if no git is \
         running; then run the command again with `--resume`.",
        lock.display()
    )]
    GitBusy {
        /// The lock.
        lock: PathBuf,
    },
    /// Another program moved the branch while the run was at work.
    #[error(
        "another program moved `{reference}` of `{}` during the run; nothing was written over. `git -C '{}' reflog` says \
         from where; put it back and run the command again with `--resume`, or leave `--resume` out.",
        dir.display(), dir.display()
    )]
    Moved {
        /// The directory.
        dir: PathBuf,
        /// The reference.
        reference: String,
    },
    /// Files differ from the last commit, and what is in them exists nowhere else.
    #[error(
        "{} in `{}` changed since the last commit: {}. Nothing was overwritten. Put the changes aside with \
         `git -C '{}' stash --include-untracked`, or commit them to a branch of your own, and run the command again; or \
         choose another place with `--out another/dir`.",
        count(files.len()), dir.display(), list(files), dir.display()
    )]
    Dirty {
        /// The directory.
        dir: PathBuf,
        /// Paths inside the repository.
        files: Vec<String>,
    },
    /// A person is in the middle of a git operation, or on no branch.
    #[error("`{}` {what}. {fix}, then run the command again; or choose another place with `--out another/dir`.", dir.display())]
    Unsettled {
        /// The directory.
        dir: PathBuf,
        /// The content that was found.
        what: &'static str,
        /// The remedy.
        fix: &'static str,
    },
    /// The run that is to be resumed is of another plan, other data or another version.
    #[error(
        "the run on branch `{branch}` of `{}` cannot be continued, because it is not the same run: {}. Leave out \
         `--resume` to start a new run beside it.",
        dir.display(), differences(differs)
    )]
    OtherRun {
        /// The directory.
        dir: PathBuf,
        /// The branch.
        branch: String,
        /// In what they differ.
        differs: Vec<Difference>,
    },
    /// A step came out differently from the recorded one.
    #[error(
        "step {step} came out differently from commit {commit}: {what}. The same plan, data, seed and version must \
         give the same bytes; the recorded run was left as it is. Leave out `--resume` to start a new run beside it, \
         and please report this if nobody changed the branch by hand."
    )]
    Diverged {
        /// 1-based number of the step.
        step: usize,
        /// The recorded commit, abbreviated.
        commit: String,
        /// The first differing path, `None` if the message differs.
        path: Option<String>,
        /// The difference in words.
        what: String,
    },
    /// A step was to be added to a run that has ended.
    #[error(
        "the run on branch `{branch}` of `{}` has finished; nothing was added to it. Leave out `--resume` to start a \
         new run beside it.",
        dir.display()
    )]
    Finished {
        /// The directory.
        dir: PathBuf,
        /// The branch.
        branch: String,
    },
    /// A step that git could not hold; the pipeline never makes one.
    #[error("the step `{subject}` cannot be committed: {reason}. This is a defect in oci-agent: please report it.")]
    InvalidStep {
        /// Its subject.
        subject: String,
        /// Why.
        reason: String,
    },
    /// Not allowed to read or write.
    #[error(
        "no permission to {action} `{}` ({detail}). Make it writable for you, or choose another place with \
         `--out another/dir`.",
        path.display()
    )]
    Permission {
        /// The action that failed.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's words.
        detail: String,
    },
    /// No space left, over quota, or over a file-size limit.
    #[error(
        "there is no room to {action} `{}` ({detail}). Every step committed so far is safe: free some space and run \
         the command again with `--resume`.",
        path.display()
    )]
    NoSpace {
        /// The action that failed.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's words.
        detail: String,
    },
    /// Any other answer of the operating system.
    #[error("could not {action} `{}`: {source}.", path.display())]
    Io {
        /// The action that failed.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Any other answer of git.
    #[error("git could not {action} in `{}`: {detail}. `git -C '{}' fsck` may tell more.", dir.display(), dir.display())]
    Git {
        /// The action that failed.
        action: &'static str,
        /// The directory.
        dir: PathBuf,
        /// git's words.
        detail: String,
    },
}

impl ArtifactError {
    /// Whose it is to fix.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            ArtifactError::NotOurs { .. }
            | ArtifactError::Newer { .. }
            | ArtifactError::Locked { .. }
            | ArtifactError::NotYours { .. }
            | ArtifactError::InsideGit { .. }
            | ArtifactError::NoBranch { .. }
            | ArtifactError::NotARun { .. }
            | ArtifactError::Unreadable { .. }
            | ArtifactError::Taken { .. }
            | ArtifactError::InTheWay { .. }
            | ArtifactError::Damaged { .. }
            | ArtifactError::GitBusy { .. }
            | ArtifactError::Moved { .. }
            | ArtifactError::Dirty { .. }
            | ArtifactError::Unsettled { .. }
            | ArtifactError::OtherRun { .. }
            | ArtifactError::Diverged { .. }
            | ArtifactError::Signing { .. }
            | ArtifactError::Finished { .. } => Fault::User,
            ArtifactError::Permission { .. }
            | ArtifactError::NoSpace { .. }
            | ArtifactError::Io { .. }
            | ArtifactError::BadBundle { .. }
            | ArtifactError::Git { .. } => Fault::World,
            ArtifactError::InvalidStep { .. } => Fault::Bug,
        }
    }

    /// An answer of the operating system, sorted by what a person can do about it.
    pub(super) fn io(action: &'static str, path: &Path, source: io::Error) -> ArtifactError {
        if is_no_file(&source) {
            return ArtifactError::in_the_way(path);
        }
        let (path, detail) = (path.to_owned(), source.to_string());
        match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                ArtifactError::Permission { action, path, detail }
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                ArtifactError::NoSpace { action, path, detail }
            }
            _ => ArtifactError::Io { action, path, source },
        }
    }

    /// A link or the like that is not followed.
    pub(super) fn in_the_way(place: &Path) -> ArtifactError {
        ArtifactError::InTheWay { place: place.to_owned() }
    }

    /// An answer of git, sorted likewise. libgit2 keeps the system's words but not its error number.
    pub(super) fn git(action: &'static str, dir: &Path, source: &git2::Error) -> ArtifactError {
        const NO_SPACE: [&str; 3] = ["No space left on device", "quota exceeded", "File too large"];
        const NO_PERMISSION: [&str; 3] = ["Permission denied", "Operation not permitted", "Read-only file system"];
        let detail = match source.message() {
            // libgit2 sometimes fails without words.
            "" | "no error" => format!("it gives no reason, only {:?} {:?}", source.class(), source.code()),
            words => words.to_owned(),
        };
        let says = |any: [&str; 3]| any.iter().any(|words| detail.contains(words));
        if says(NO_SPACE) {
            ArtifactError::NoSpace { action, path: dir.to_owned(), detail }
        } else if says(NO_PERMISSION) {
            ArtifactError::Permission { action, path: dir.to_owned(), detail }
        } else {
            ArtifactError::Git { action, dir: dir.to_owned(), detail }
        }
    }
}

fn count(files: usize) -> String {
    if files == 1 { "1 file".to_owned() } else { format!("{files} files") }
}

/// The first ten, and how many more.
fn list(files: &[String]) -> String {
    let shown: Vec<String> = files.iter().take(10).map(|f| format!("`{f}`")).collect();
    let more = files.len().saturating_sub(10);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

fn differences(all: &[Difference]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} was {} and is {} now", self.key, self.recorded, self.now)
    }
}

#[cfg(test)]
mod tests {
    use crate::store::error::*;

    /// The numbers are those of Linux; the standard library turns them into kinds.
    #[test]
    fn the_system_s_answers_are_sorted_by_what_a_person_can_do() {
        for (number, expected) in
            [(28, "no room"), (122, "no room"), (27, "no room"), (13, "no permission"), (30, "no permission")]
        {
            let error = ArtifactError::io("write", Path::new("out/x"), io::Error::from_raw_os_error(number));
            assert!(error.to_string().contains(expected), "{number}: {error}");
            assert!(error.to_string().contains("out/x"));
            assert_eq!(error.fault(), Fault::World);
        }
    }

    #[test]
    fn git_s_answers_are_sorted_the_same_way() {
        for (words, expected) in [
            ("failed to write to '/x': No space left on device", "no room"),
            ("failed to create temporary file '/x': Permission denied", "no permission"),
            ("failed to create locked file '/x': Read-only file system", "no permission"),
            ("object is no commit object", "git could not"),
        ] {
            let error = ArtifactError::git("write a commit", Path::new("out"), &git2::Error::from_str(words));
            assert!(error.to_string().contains(expected), "{words}: {error}");
            assert!(error.to_string().contains(words), "{error}");
        }
    }

    #[test]
    fn long_lists_are_cut() {
        let files: Vec<String> = (0..13).map(|i| format!("f{i}")).collect();
        assert!(list(&files).ends_with("`f9` and 3 more"), "{}", list(&files));
    }
}
