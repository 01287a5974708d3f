//! The store that is a git repository.

use crate::store::decision::{self, Decided};
use crate::store::error::Difference;
use crate::store::init::{Lock, Prepared};
use crate::store::message::{check_path, compose, ends_run, trailer};
use crate::store::objects::Object;
use crate::store::place::{PATIENCE, Place};
use crate::store::refs::{Change, Head, Refs, Value, branch_reference, step_tag};
use crate::store::tree::{Files, NewTree, Recorded, clash, files, first_difference, history, with_files};
use crate::store::worktree::{Recovery, Worktree};
use crate::store::{
    ArtifactError, ArtifactStore, Author, Clock, CommitInfo, Decision, NewDecision, Notice, OpenMode, RepositoryTrust,
    Situation, Step,
};
use crate::store::{index, init, objects, reflog, repair};
use git2::{Config, ObjectType, Oid, Repository, RepositoryState};
use std::collections::BTreeSet;
use std::path::Path;

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
    /// Whose repositories may be used besides the user's own.
    pub trust: RepositoryTrust,
}

/// A run kept in a git repository. One process at a time; the lock is given back on drop, or on death.
pub struct GitStore {
    repo: Repository,
    place: Place,
    _lock: Lock,
    clock: Clock,
    author: Author,
    branch: String,
    situation: Situation,
    notices: Vec<Notice>,
    /// A further duty of the first new commit, `None` once it has been done.
    start: Option<Start>,
    /// The steps of the run that were there on opening, oldest first.
    recorded: Vec<Recorded>,
    /// The decisions between them, and those made since.
    decided: Vec<Decided>,
    /// The commit that the next one follows.
    tip: Option<Oid>,
    /// Steps recorded or verified so far.
    steps: usize,
    /// The last of them: commit and tree.
    last: Option<(Oid, Oid)>,
    files: FilesOnDisk,
    finished: bool,
}

/// What is known of the files a person sees.
#[derive(Default)]
struct FilesOnDisk {
    /// The tree that they show.
    shown: Option<Oid>,
    /// True while the journal says that they are on their way.
    announced: bool,
    /// True from the first file of a step to its last.
    half_way: bool,
    /// True if another git holds the index.
    index_behind: bool,
    /// The paths that were written and may not be on the disk.
    written: BTreeSet<String>,
}

/// The way the first new commit comes to its branch.
enum Start {
    /// HEAD is moved to the branch, which is not there yet.
    OnNewBranch,
    /// The old tip is tagged and the branch is moved away from it.
    Over { tip: Oid, tag: String },
}

impl GitStore {
    /// Opens the run in a directory, or makes the directory and starts one. Nothing about a run that is already there
    /// changes before the first commit, except that what a killed process, a power cut or a bad disk left half-way is
    /// mended ([`GitStore::notices`]).
    ///
    /// # Errors
    /// The directory is not ours, is not writable, is in use, or has files that were edited by hand; with
    /// [`OpenMode::Resume`] also if the recorded run is another one.
    pub fn open(dir: &Path, options: OpenOptions) -> Result<GitStore, ArtifactError> {
        let Prepared { place, repo, lock, scan, mut notices } = init::prepare(dir, &options.trust)?;
        let resume = options.mode == OpenMode::Resume;
        let branch = branch_of_head(&place, &repo)?;
        let tip = repair::branch(&place, &repo, &branch, scan, &mut notices)?;
        let failed = |e| ArtifactError::git("read the history", &place.dir, &e);
        let found = history(&repo, tip).map_err(failed)?;
        let shown = found.last().map(|commit| commit.tree);
        let recovery = Recovery { head: shown, earlier: found.iter().map(|c| c.tree).collect(), restore: resume };
        // Before anything is compared: after a kill between branch and files the directory is behind HEAD, and `shown`
        // below would claim what is not there.
        let indexed = Worktree { repo: &repo, place: &place }.recover(&recovery)?;
        let finished = found.iter().any(|commit| ends_run(&commit.message));
        let mut store = GitStore {
            clock: options.clock,
            author: options.author.as_git_writes_it(),
            branch: branch.clone(),
            situation: Situation::Fresh,
            notices,
            start: None,
            recorded: Vec::new(),
            decided: Vec::new(),
            tip: None,
            steps: 0,
            last: None,
            files: FilesOnDisk { shown, index_behind: !indexed, ..FilesOnDisk::default() },
            finished: false,
            _lock: lock,
            place,
            repo,
        };
        match (tip, options.mode) {
            (None, _) => {}
            (Some(_), OpenMode::Resume) => store.resume(found, finished, &options.identity)?,
            (Some(_), OpenMode::New) => store.branch_off(branch, finished)?,
            (Some(tip), OpenMode::Force) => store.start_again(tip),
        }
        Ok(store)
    }

    /// The situation that opening found.
    #[must_use]
    pub fn situation(&self) -> &Situation {
        &self.situation
    }

    /// What was mended on opening, or could not be done so far.
    #[must_use]
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// The directory, without links in it.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.place.dir
    }

    fn resume(&mut self, found: Vec<Recorded>, done: bool, now: &[(String, String)]) -> Result<(), ArtifactError> {
        let earliest = |key: &str| found.iter().find_map(|commit| trailer(&commit.message, key));
        let differs: Vec<Difference> = now
            .iter()
            .filter_map(|(key, now)| {
                // A trailer that no commit carries is no difference: a run that was killed early has not written all of them.
                let recorded = earliest(key).filter(|recorded| recorded != now)?;
                Some(Difference { key: key.clone(), recorded: recorded.to_owned(), now: now.clone() })
            })
            .collect();
        if !differs.is_empty() {
            return Err(ArtifactError::OtherRun { dir: self.place.dir.clone(), branch: self.branch.clone(), differs });
        }
        let commits = found.len();
        self.finished = done;
        self.tip = found.last().map(|commit| commit.id);
        (self.recorded, self.decided) = decision::split(found);
        self.situation = if done { Situation::AlreadyFinished { commits } } else { Situation::Resumed { commits } };
        Ok(())
    }

    /// Goes to the end of the recorded run without making it again: what is committed next follows its last step.
    pub fn go_to_the_end(&mut self) {
        self.steps = self.recorded.len();
        self.last = self.recorded.last().map(|commit| (commit.id, commit.tree));
    }

    fn branch_off(&mut self, previous: String, previous_finished: bool) -> Result<(), ArtifactError> {
        let branches = self.refs().branches()?;
        // `main` is the first run. One above the highest in use, so that the numbers tell the order of the runs.
        let taken = branches.iter().filter_map(|name| name.strip_prefix("run-")?.parse::<u32>().ok());
        self.branch = format!("run-{}", taken.max().unwrap_or(1).max(1).saturating_add(1));
        self.start = Some(Start::OnNewBranch);
        self.situation = Situation::NewBranch { previous, previous_finished };
        Ok(())
    }

    fn start_again(&mut self, tip: Oid) {
        // Nothing is moved yet: a forced run that fails before its first commit leaves the old one current.
        let full = tip.to_string();
        let tag = format!("superseded-{}", full.get(..10).unwrap_or(&full));
        self.situation = Situation::Restarted { kept_as: tag.clone() };
        self.start = Some(Start::Over { tip, tag });
    }

    /// The recorded commit stays if the step comes out as it did; anything else is an error that changes nothing.
    fn verify(&self, recorded: &Recorded, message: &str, tree: Oid, after: &Files) -> Result<(), ArtifactError> {
        let diverged = |path, what| {
            let commit = recorded.id.to_string().chars().take(10).collect();
            Err(ArtifactError::Diverged { step: self.steps.saturating_add(1), commit, path, what })
        };
        // The subject first: with another step in its place, a list of differing files would only mislead.
        let subject = |text: &str| text.lines().next().unwrap_or_default().to_owned();
        let (then, now) = (subject(&recorded.message), subject(message));
        if then != now {
            return diverged(None, format!("it was `{then}` and is `{now}` now"));
        }
        if recorded.tree != tree {
            let there = files(&self.repo, Some(recorded.tree)).map_err(|e| self.git("read a tree", &e))?;
            let path = first_difference(&there, after);
            let what = format!("`{}` has other bytes", path.as_deref().unwrap_or("the tree"));
            return diverged(path, what);
        }
        if recorded.message != message {
            return diverged(None, format!("its commit message differs below the subject `{now}`"));
        }
        Ok(())
    }

    /// The order of the module header.
    fn append(&mut self, message: &str, new: NewTree, after: &Files) -> Result<Oid, ArtifactError> {
        // Before anything is written: a file edited by hand stops the step while the run is as it was.
        let worktree = Worktree { repo: &self.repo, place: &self.place };
        worktree.check(self.files.shown, after)?;
        let who = format!("{} <{}> {} +0000", self.author.name, self.author.email, (self.clock)());
        let commit = self.new_commit(message, new.id, &who).map_err(|e| self.git("make a commit", &e))?;
        let (id, mut all) = (commit.id, new.objects);
        all.push(commit);
        objects::write(&self.place, &self.repo, &all)?;
        // Journal before branch: a kill between the two has to find it, or files of the old tree would pass for a person's
        // edits.
        if !self.files.announced {
            worktree.begin(self.files.shown)?;
            self.files.announced = true;
        }
        self.move_branch(id, &who)?;
        // Only now: had the branch not moved, the next attempt would still owe the tag or the new branch.
        self.start = None;
        self.tip = Some(id);
        self.show(new.id)?;
        Ok(id)
    }

    /// The files of a tree that is on the branch.
    fn show(&mut self, tree: Oid) -> Result<(), ArtifactError> {
        self.files.half_way = true;
        let worktree = Worktree { repo: &self.repo, place: &self.place };
        let (written, indexed) =
            worktree.apply(self.files.shown, tree, self.last.is_none(), self.files.index_behind)?;
        self.files.written.extend(written);
        self.files.index_behind = !indexed;
        self.files.half_way = false;
        self.files.shown = Some(tree);
        Ok(())
    }

    /// A commit that no hook and no signature has seen.
    fn new_commit(&self, message: &str, tree: Oid, who: &str) -> Result<Object, git2::Error> {
        let text = format!("{}\n{message}", self.headers(tree, who));
        Object::new(ObjectType::Commit, text.into_bytes())
    }

    fn headers(&self, tree: Oid, who: &str) -> String {
        // Without a commit before it, a commit is a root: a new or forced run has a history of its own.
        let parent = self.tip.map_or(String::new(), |id| format!("parent {id}\n"));
        format!("tree {tree}\n{parent}author {who}\ncommitter {who}\n")
    }

    fn move_branch(&self, to: Oid, who: &str) -> Result<(), ArtifactError> {
        let name = branch_reference(&self.branch);
        let before = self.tip;
        let why = if before.is_some() { reflog::STEP } else { reflog::START };
        let from = match (&self.start, before) {
            (Some(Start::Over { tip, tag }), _) => {
                self.keep(*tip, tag, who)?;
                Some(*tip)
            }
            (Some(Start::OnNewBranch), None) => {
                // HEAD first: if the process dies in between, `--resume` continues the new run, not the old one.
                self.refs().point_head_at(&self.branch)?;
                None
            }
            (_, before) => before,
        };
        self.refs().change(&Change { name: &name, from, to, who, why })
    }

    /// A tag on a tip that is about to be left; the full id if the short name is taken by another commit.
    fn keep(&self, tip: Oid, tag: &str, who: &str) -> Result<(), ArtifactError> {
        let short = format!("refs/tags/{tag}");
        let full = format!("refs/tags/superseded-{tip}");
        for name in [short, full] {
            match self.refs().value(&name)? {
                Value::At(there) if there == tip => return Ok(()),
                Value::Missing => {
                    let why = "oci-agent: superseded";
                    return self.refs().change(&Change { name: &name, from: None, to: tip, who, why });
                }
                Value::At(_) | Value::Damaged => {}
            }
        }
        Err(ArtifactError::Damaged {
            place: self.place.git.at("refs/tags"),
            what: "a place where the tag that keeps the old run is taken by something else",
            fix: "Delete that tag with `git tag --delete`",
        })
    }

    /// A tag on a step. Also on one that is only verified: a kill may have come between the branch and the tag, and a forced run
    /// finds those of the run before.
    fn tag(&self, name: &str, to: Oid) -> Result<(), ArtifactError> {
        let name = format!("refs/tags/{}", step_tag(&self.branch, name));
        let refs = self.refs();
        let from = match refs.value(&name)? {
            Value::At(there) if there == to => return Ok(()),
            Value::At(there) => Some(there),
            Value::Missing => None,
            Value::Damaged => return refs.mend(&name, Some(to), &self.place.git),
        };
        let who = format!("{} <{}> {} +0000", self.author.name, self.author.email, (self.clock)());
        refs.change(&Change { name: &name, from, to, who: &who, why: "oci-agent: tag" })
    }

    /// Makes the files as safe as the record, and leaves nothing half-way.
    fn settle(&mut self) -> Result<(), ArtifactError> {
        if !self.files.announced || self.files.half_way {
            return Ok(());
        }
        if self.files.index_behind {
            self.files.index_behind = !index::write(&self.place, &self.repo, self.files.shown, PATIENCE)?;
            if self.files.index_behind {
                let (lock, dir) = (self.place.git.at("index.lock"), self.place.dir.clone());
                self.notices.push(Notice::IndexBehind { lock, dir });
            }
        }
        reflog::sync(&self.place, &self.branch)
            .map_err(|e| ArtifactError::io("sync", &self.place.git.at("logs"), e))?;
        Worktree { repo: &self.repo, place: &self.place }.end(&self.files.written)?;
        self.files.announced = false;
        self.files.written.clear();
        Ok(())
    }

    fn refs(&self) -> Refs<'_> {
        Refs { place: &self.place }
    }

    fn git(&self, action: &'static str, source: &git2::Error) -> ArtifactError {
        ArtifactError::git(action, &self.place.dir, source)
    }
}

impl ArtifactStore for GitStore {
    fn commit(&mut self, step: &Step) -> Result<CommitInfo, ArtifactError> {
        let invalid = |reason| ArtifactError::InvalidStep { subject: step.subject.clone(), reason };
        let message = compose(step)?;
        step.files.keys().try_for_each(|path| check_path(path)).map_err(|bad| invalid(bad.to_string()))?;
        let parent = self.last.map(|(_, tree)| tree);
        let present = files(&self.repo, parent).map_err(|e| self.git("read a tree", &e))?;
        let staying: Files =
            present.iter().filter(|it| !step.takes_away(it.0)).map(|it| (it.0.clone(), *it.1)).collect();
        if let Some(path) = clash(&staying, &step.files) {
            return Err(invalid(format!("`{path}` would have to be a file and a folder at once")));
        }
        let next = self.recorded.get(self.steps);
        // A finished run can still be gone through: its steps are verified, and only one beyond them is refused.
        if next.is_none() && self.finished && !step.after_the_end {
            return Err(ArtifactError::Finished { dir: self.place.dir.clone(), branch: self.branch.clone() });
        }
        // Also for a step that is only verified: its tree's id is what is compared.
        let new = with_files(&self.repo, parent, &present, step).map_err(|e| self.git("make a tree", &e))?;
        let (tree, after) = (new.id, new.files.clone());
        let replayed = match next {
            Some(recorded) => self.verify(recorded, &message, tree, &after).map(|()| Some(recorded.id))?,
            None => None,
        };
        let id = match replayed {
            Some(id) => id,
            None => self.append(&message, new, &after)?,
        };
        if let Some(tag) = &step.tag {
            self.tag(tag, id)?;
        }
        self.finished |= step.last;
        self.last = Some((id, tree));
        self.steps = self.steps.saturating_add(1);
        if step.last || step.after_the_end {
            self.settle()?;
        }
        let (id, tree) = (id.to_string(), tree.to_string());
        Ok(CommitInfo { id, tree, subject: step.subject.clone(), replayed: replayed.is_some() })
    }

    fn decisions(&self) -> Vec<Decision> {
        let here = self.decided.iter().filter(|decided| decided.after == self.steps);
        here.map(|decided| decided.decision.clone()).collect()
    }

    fn decide(&mut self, new: &NewDecision) -> Result<Decision, ArtifactError> {
        self.record_decision(new)
    }

    fn recorded(&self, folder: &str) -> Result<Vec<(String, Vec<u8>)>, ArtifactError> {
        let failed = |e| ArtifactError::git("read the recorded run", &self.place.dir, &e);
        let found = files(&self.repo, self.recorded.last().map(|commit| commit.tree)).map_err(failed)?;
        let inside = found.into_iter().filter_map(|(path, id)| Some((path.strip_prefix(folder)?.to_owned(), id)));
        let read = |(name, id): (String, Oid)| Ok((name, self.repo.find_blob(id)?.content().to_vec()));
        inside.map(read).collect::<Result<_, _>>().map_err(failed)
    }

    fn location_note(&mut self, key: &str, value: &str) -> Result<(), ArtifactError> {
        let key = note_key(key)?;
        let there = self.repo.config().and_then(|config| config.get_string(&key));
        if there.is_ok_and(|there| there == value) {
            return Ok(());
        }
        let (git, scratch) = (&self.place.git, self.place.scratch());
        let failed = |e| ArtifactError::io("write", &git.at("config"), e);
        let done = self.place.with_lock(git, "config", PATIENCE, || {
            let old = git.read("config").map_err(failed)?;
            scratch.remove("config").and_then(|()| scratch.create("config", &old)).map_err(failed)?;
            let set = || Config::open(&scratch.at("config"))?.set_str(&key, value);
            set().map_err(|e| self.git("write the configuration", &e))?;
            let new = scratch.read("config").map_err(failed)?;
            self.place.replace_durably(git, "config", &new)
        })?;
        done.ok_or_else(|| ArtifactError::GitBusy { lock: git.at("config.lock") })
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

impl Drop for GitStore {
    /// A run that stops before its end is as safe as one that ends. If that fails, the journal stays, and the next opening
    /// does it.
    fn drop(&mut self) {
        let _ = self.settle();
    }
}

/// Reads back a [`ArtifactStore::location_note`] from the directory of a run; `None` if there is no such note, no
/// repository, or not one of ours. A repository in a directory above does not count: whoever can write there would choose.
///
/// # Errors
/// The key is not made of letters, digits and `-`, or the repository is somebody else's.
pub fn read_note(dir: &Path, key: &str, trust: &RepositoryTrust) -> Result<Option<String>, ArtifactError> {
    init::note(dir, &note_key(key)?, trust)
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

/// The branch that HEAD is on.
fn branch_of_head(place: &Place, repo: &Repository) -> Result<String, ArtifactError> {
    let unsettled = |what, fix| Err(ArtifactError::Unsettled { dir: place.dir.clone(), what, fix });
    // Moving the branch under a half-done merge or rebase would take the ground from under it.
    if repo.state() != RepositoryState::Clean {
        return unsettled(
            "is in the middle of a merge, rebase or the like",
            "Finish or abort it (`git status` says how)",
        );
    }
    match (Refs { place }).head()? {
        Head::Branch(branch) => Ok(branch),
        Head::Detached | Head::Damaged => {
            unsettled("is not on a branch", "Go back to one, for instance with `git switch main`")
        }
    }
}

mod deciding;
#[cfg(test)]
pub(super) mod tests;
