//! The store that is a git repository.

use crate::store::error::Difference;
use crate::store::init;
use crate::store::init::{Lock, Prepared};
use crate::store::libgit;
use crate::store::message::{check_path, compose, ends_run, trailer};
use crate::store::tree::{Recorded, clash, files, first_difference, history, with_files};
use crate::store::worktree::Worktree;
use crate::store::{ArtifactError, ArtifactStore, Author, Clock, CommitInfo, OpenMode, Situation, Step};
use git2::{ObjectType, Oid, Repository, RepositoryState, Signature, Time};
use std::path::{Path, PathBuf};

/// The options of opening a store.
pub struct OpenOptions {
    /// The behaviour if a run is there.
    pub mode: OpenMode,
    /// The time of new commits.
    pub clock: Clock,
    /// Who makes them.
    pub author: Author,
    /// The trailers that say which run this is (Plan-SHA256, Data-SHA256, Tool-Version, …), as they are now. A resumed
    /// run must carry the same values where it carries the trailer at all; the earliest commit that has it decides.
    pub identity: Vec<(String, String)>,
}

/// A run kept in a git repository. One process at a time; the lock is given back on drop, or on death.
pub struct GitStore {
    dir: PathBuf,
    repo: Repository,
    _lock: Lock,
    clock: Clock,
    author: Author,
    branch: String,
    situation: Situation,
    /// A further duty of the first new commit, `None` once it has been done.
    start: Option<Start>,
    /// The commits of the run that were there on opening, oldest first.
    recorded: Vec<Recorded>,
    /// Steps recorded or verified so far.
    steps: usize,
    /// The last of them: commit and tree.
    last: Option<(Oid, Oid)>,
    /// The tree that the files on disk show.
    shown: Option<Oid>,
    finished: bool,
}

/// The way the first new commit comes to its branch.
enum Start {
    /// HEAD is moved to the branch, which is not there yet.
    OnNewBranch,
    /// The old tip is tagged and the branch is moved away from it.
    Over { tip: Oid, tag: String },
}

/// Where HEAD is.
struct Head {
    branch: String,
    tip: Option<Oid>,
    tree: Option<Oid>,
}

impl GitStore {
    /// Opens the run in a directory, or makes the directory and starts one. Nothing about a run that is already there
    /// changes before the first commit, except that files are restored which a killed process left half-way.
    ///
    /// # Errors
    /// The directory is not ours, is not writable, is in use, or has files that were edited by hand; with
    /// [`OpenMode::Resume`] also if the recorded run is another one.
    pub fn open(dir: &Path, options: OpenOptions) -> Result<GitStore, ArtifactError> {
        let Prepared { dir, repo, lock } = init::prepare(dir)?;
        let head = head(&dir, &repo)?;
        let resume = options.mode == OpenMode::Resume;
        // Before anything is compared: after a kill between branch and files the directory is behind HEAD, and `shown`
        // below would claim what is not there.
        Worktree { repo: &repo, dir: &dir }.recover(head.tree, resume)?;
        let failed = |e| ArtifactError::git("read the history", &dir, &e);
        let found = history(&repo, head.tip).map_err(failed)?;
        let finished = found.iter().any(|commit| ends_run(&commit.message));
        let mut store = GitStore {
            clock: options.clock,
            author: options.author,
            branch: head.branch.clone(),
            situation: Situation::Fresh,
            start: None,
            recorded: Vec::new(),
            steps: 0,
            last: None,
            shown: head.tree,
            finished: false,
            _lock: lock,
            dir: dir.clone(),
            repo,
        };
        match (head.tip, options.mode) {
            (None, _) => {}
            (Some(_), OpenMode::Resume) => store.resume(found, finished, &options.identity)?,
            (Some(_), OpenMode::New) => store.branch_off(head.branch, finished)?,
            (Some(tip), OpenMode::Force) => store.start_again(tip)?,
        }
        Ok(store)
    }

    /// The situation that opening found.
    #[must_use]
    pub fn situation(&self) -> &Situation {
        &self.situation
    }

    /// The directory, without links in it.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn resume(&mut self, found: Vec<Recorded>, done: bool, now: &[(String, String)]) -> Result<(), ArtifactError> {
        let earliest = |key: &str| found.iter().find_map(|commit| trailer(&commit.message, key));
        let differs: Vec<Difference> = now
            .iter()
            .filter_map(|(key, now)| {
                // A trailer that no commit carries is no difference: a run that was killed early has not written all of
                // them.
                let recorded = earliest(key).filter(|recorded| recorded != now)?;
                Some(Difference { key: key.clone(), recorded: recorded.to_owned(), now: now.clone() })
            })
            .collect();
        if !differs.is_empty() {
            return Err(ArtifactError::OtherRun { dir: self.dir.clone(), branch: self.branch.clone(), differs });
        }
        let commits = found.len();
        self.finished = done;
        self.recorded = found;
        self.situation = if done { Situation::AlreadyFinished { commits } } else { Situation::Resumed { commits } };
        Ok(())
    }

    fn branch_off(&mut self, previous: String, previous_finished: bool) -> Result<(), ArtifactError> {
        // `main` is the first run. One above the highest in use, so that the numbers tell the order of the runs.
        let mut number = 1;
        let branches = self.repo.references_glob("refs/heads/*").map_err(|e| self.git("list the branches", &e))?;
        for branch in branches {
            let branch = branch.map_err(|e| self.git("list the branches", &e))?;
            let name = branch.shorthand().unwrap_or_default().to_owned();
            let taken = name.strip_prefix("run-").and_then(|n| n.parse::<u32>().ok());
            number = number.max(taken.unwrap_or(1));
        }
        self.branch = format!("run-{}", number.saturating_add(1));
        self.start = Some(Start::OnNewBranch);
        self.situation = Situation::NewBranch { previous, previous_finished };
        Ok(())
    }

    fn start_again(&mut self, tip: Oid) -> Result<(), ArtifactError> {
        // Nothing is moved yet: a forced run that fails before its first commit leaves the old one current.
        let full = tip.to_string();
        let tag = format!("superseded-{}", full.get(..10).unwrap_or(&full));
        self.situation = Situation::Restarted { kept_as: tag.clone() };
        self.start = Some(Start::Over { tip, tag });
        Ok(())
    }

    /// The recorded commit stays if the step comes out as it did; anything else is an error that changes nothing.
    fn verify(&self, recorded: &Recorded, message: &str, tree: Oid) -> Result<(), ArtifactError> {
        let diverged = |path, what| {
            let commit = recorded.id.to_string().chars().take(10).collect();
            Err(ArtifactError::Diverged { step: self.steps.saturating_add(1), commit, path, what })
        };
        let subject = |text: &str| text.lines().next().unwrap_or_default().to_owned();
        let (then, now) = (subject(&recorded.message), subject(message));
        // The subject first: with another step in its place, a list of differing files would only mislead.
        if then != now {
            return diverged(None, format!("it was `{then}` and is `{now}` now"));
        }
        if recorded.tree != tree {
            let read = |tree| files(&self.repo, Some(tree)).map_err(|e| self.git("read a tree", &e));
            let path = first_difference(&read(recorded.tree)?, &read(tree)?);
            let what = format!("`{}` has other bytes", path.as_deref().unwrap_or("the tree"));
            return diverged(path, what);
        }
        if recorded.message != message {
            return diverged(None, format!("its commit message differs below the subject `{now}`"));
        }
        Ok(())
    }

    /// The order of the module header.
    fn append(&mut self, message: &str, tree: Oid) -> Result<Oid, ArtifactError> {
        // Before anything is written: a file edited by hand stops the step while the run is as it was.
        Worktree { repo: &self.repo, dir: &self.dir }.check(self.shown, tree)?;
        let commit = self.write_commit(message, tree).map_err(|e| self.git("write a commit", &e))?;
        boundary()?;
        let files = Worktree { repo: &self.repo, dir: &self.dir };
        // Journal before branch: a kill between the two has to find it, or files of the old tree would pass for a
        // person's edits.
        files.begin(self.shown, tree)?;
        boundary()?;
        self.move_branch(commit)?;
        boundary()?;
        files.apply(self.shown, tree)?;
        files.end()?;
        // Only now: had the branch not moved, the next attempt would still owe the tag or the new branch.
        self.start = None;
        self.shown = Some(tree);
        Ok(commit)
    }

    /// As an object that nothing refers to yet; no hook, no signing.
    fn write_commit(&self, message: &str, tree: Oid) -> Result<Oid, git2::Error> {
        let who = Signature::new(&self.author.name, &self.author.email, &Time::new((self.clock)(), 0))?;
        // Without a last step the commit is a root: a new or forced run has a history of its own.
        let parents: Vec<_> = self.last.iter().map(|(id, _)| self.repo.find_commit(*id)).collect::<Result<_, _>>()?;
        let parents: Vec<_> = parents.iter().collect();
        let buffer = self.repo.commit_create_buffer(&who, &who, message, &self.repo.find_tree(tree)?, &parents)?;
        self.repo.odb()?.write(ObjectType::Commit, &buffer)
    }

    fn move_branch(&self, commit: Oid) -> Result<(), ArtifactError> {
        let name = format!("refs/heads/{}", self.branch);
        let note = "oci-agent: step";
        let moved = match (&self.start, self.last) {
            (Some(Start::Over { tip, tag }), _) => {
                self.keep(*tip, tag)?;
                boundary()?;
                // Matching: git does not know our lock, and a commit that a person made meanwhile must be an error, not
                // lost.
                self.repo.reference_matching(&name, commit, true, *tip, note)
            }
            (_, Some((before, _))) => self.repo.reference_matching(&name, commit, true, before, note),
            (Some(Start::OnNewBranch), None) => {
                // HEAD first: if the process dies in between, `--resume` continues the new run, not the old one.
                self.repo.set_head(&name).map_err(|e| self.git("switch to a new branch", &e))?;
                boundary()?;
                // Not forced, so that a branch of this name that has appeared meanwhile is left alone.
                self.repo.reference(&name, commit, false, note)
            }
            (None, None) => self.repo.reference(&name, commit, false, note),
        };
        moved.map(|_| ()).map_err(|e| self.git("move the branch", &e))
    }

    /// A tag on a tip that is about to be left; the full id if the short name is taken by another commit.
    fn keep(&self, tip: Oid, tag: &str) -> Result<(), ArtifactError> {
        let short = format!("refs/tags/{tag}");
        let taken = self.repo.find_reference(&short).ok().and_then(|there| there.target());
        let name = match taken {
            Some(there) if there == tip => return Ok(()),
            Some(_) => format!("refs/tags/superseded-{tip}"),
            None => short,
        };
        let made = self.repo.reference(&name, tip, true, "oci-agent: superseded");
        made.map(|_| ()).map_err(|e| self.git("keep the old run", &e))
    }

    fn git(&self, action: &'static str, source: &git2::Error) -> ArtifactError {
        ArtifactError::git(action, &self.dir, source)
    }
}

impl ArtifactStore for GitStore {
    fn commit(&mut self, step: &Step) -> Result<CommitInfo, ArtifactError> {
        let invalid = |reason| ArtifactError::InvalidStep { subject: step.subject.clone(), reason };
        let message = compose(step)?;
        step.files.keys().try_for_each(|path| check_path(path)).map_err(|bad| invalid(bad.to_string()))?;
        let parent = self.last.map(|(_, tree)| tree);
        let present = files(&self.repo, parent).map_err(|e| self.git("read a tree", &e))?;
        if let Some(path) = clash(&present, &step.files) {
            return Err(invalid(format!("`{path}` would have to be a file and a folder at once")));
        }
        let next = self.recorded.get(self.steps);
        // A finished run can still be gone through: its steps are verified, and only one beyond them is refused.
        if next.is_none() && self.finished {
            return Err(ArtifactError::Finished { dir: self.dir.clone(), branch: self.branch.clone() });
        }
        // Also for a step that is only verified: its tree's id is what is compared.
        let tree = with_files(&self.repo, parent, &step.files).map_err(|e| self.git("write files", &e))?;
        let replayed = match next {
            Some(recorded) => self.verify(recorded, &message, tree).map(|()| Some(recorded.id))?,
            None => None,
        };
        let id = match replayed {
            Some(id) => id,
            None => self.append(&message, tree)?,
        };
        self.finished |= step.last;
        self.last = Some((id, tree));
        self.steps = self.steps.saturating_add(1);
        let (id, tree) = (id.to_string(), tree.to_string());
        Ok(CommitInfo { id, tree, subject: step.subject.clone(), replayed: replayed.is_some() })
    }

    fn recorded(&self, folder: &str) -> Result<Vec<(String, Vec<u8>)>, ArtifactError> {
        let failed = |e| ArtifactError::git("read the recorded run", &self.dir, &e);
        let found = files(&self.repo, self.recorded.last().map(|commit| commit.tree)).map_err(failed)?;
        let inside = found.into_iter().filter_map(|(path, id)| Some((path.strip_prefix(folder)?.to_owned(), id)));
        let read = |(name, id): (String, Oid)| Ok((name, self.repo.find_blob(id)?.content().to_vec()));
        inside.map(read).collect::<Result<_, _>>().map_err(failed)
    }

    fn location_note(&mut self, key: &str, value: &str) -> Result<(), ArtifactError> {
        let key = note_key(key)?;
        let write = || self.repo.config()?.set_str(&key, value);
        write().map_err(|e| self.git("write the configuration", &e))
    }

    fn branch(&self) -> &str {
        &self.branch
    }

    fn head(&self) -> Option<String> {
        self.last.map(|(commit, _)| commit.to_string())
    }

    fn tree_hash(&self) -> Option<String> {
        self.last.map(|(_, tree)| tree.to_string())
    }

    fn is_finished(&self) -> bool {
        self.finished
    }
}

/// Reads back a [`ArtifactStore::location_note`] from any directory inside a run's repository; `None` if there is no
/// such note, no repository, or not one of ours.
///
/// # Errors
/// The key is not made of letters, digits and `-`.
pub fn read_note(dir: &Path, key: &str) -> Result<Option<String>, ArtifactError> {
    let key = note_key(key)?;
    libgit::settle();
    // This climbs to parents, so the marker is asked for: somebody else's repository has no notes for us.
    let Ok(repo) = Repository::discover(dir) else { return Ok(None) };
    if init::layout(&repo).is_none() {
        return Ok(None);
    }
    Ok(repo.config().and_then(|config| config.get_string(&key)).ok())
}

fn note_key(key: &str) -> Result<String, ArtifactError> {
    let plain = key.starts_with(|c: char| c.is_ascii_alphabetic());
    // `layout` is the marker by which a repository is known as ours; a note must not write over it.
    if plain && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') && key != "layout" {
        return Ok(format!("oci-agent.{key}"));
    }
    let reason = "a note's key is made of letters, digits and `-`, and is not `layout`".to_owned();
    Err(ArtifactError::InvalidStep { subject: format!("note {key}"), reason })
}

fn head(dir: &Path, repo: &Repository) -> Result<Head, ArtifactError> {
    let failed = |e| ArtifactError::git("read HEAD", dir, &e);
    let unsettled = |what, fix| Err(ArtifactError::Unsettled { dir: dir.to_owned(), what, fix });
    // Moving the branch under a half-done merge or rebase would take the ground from under it.
    if repo.state() != RepositoryState::Clean {
        return unsettled(
            "is in the middle of a merge, rebase or the like",
            "Finish or abort it (`git status` says how)",
        );
    }
    let symbolic = repo.find_reference("HEAD").map_err(failed)?;
    let target = symbolic.symbolic_target().map_err(failed)?;
    let Some(branch) = target.and_then(|name| name.strip_prefix("refs/heads/")) else {
        return unsettled("is not on a branch", "Go back to one, for instance with `git switch main`");
    };
    let branch = branch.to_owned();
    let tip = match repo.head() {
        Ok(reference) => reference.target(),
        // Killed between making the repository, or moving HEAD, and the first commit.
        Err(e) if e.code() == git2::ErrorCode::UnbornBranch => None,
        Err(e) => return Err(failed(e)),
    };
    let tree = tip.map(|id| repo.find_commit(id).map(|commit| commit.tree_id())).transpose().map_err(failed)?;
    Ok(Head { branch, tip, tree })
}

/// A moment at which a kill must do no harm. The tests stop here, one boundary after the other.
#[cfg(not(test))]
#[allow(clippy::unnecessary_wraps)] // it fails in the tests
pub(super) fn boundary() -> Result<(), ArtifactError> {
    Ok(())
}

#[cfg(test)]
pub(super) use crate::store::git::tests::boundary;

#[cfg(test)]
mod tests;
