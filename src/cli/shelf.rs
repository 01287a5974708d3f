//! The runs below a folder, read for a page: each at a glance, in parallel, and what was read once of a commit not again.

use super::errors::{self, CliError};
use super::ledger::Ledger;
use super::looks::Looks;
use super::{env, files};
use crate::record::dashboard::{
    Board, FactsError, RecordBeside, ReportPage, Run, RunFacts, RunFiles, RunState, Trouble, board, facts, slugs,
};
use crate::record::oversight::PendingDecision;
use crate::report::html;
use crate::store::{self, ArtifactError, Glance, RepositoryTrust, RunsBelow, Tip, WaitingRun, runs_below};
use crate::text::numbers;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The report of a run.
pub(super) const REPORT: &str = "report.html";

/// What was read of a branch at a commit.
#[derive(Clone)]
struct Known {
    commit: String,
    facts: Result<Arc<RunFacts>, Trouble>,
    report: ReportPage,
}

/// The runs below a folder.
pub(super) struct Shelf {
    dir: PathBuf,
    /// The folder as a person named it.
    place: String,
    /// Set if the folder is a run itself: nothing else is looked at.
    only: Option<PathBuf>,
    trust: RepositoryTrust,
    known: HashMap<(PathBuf, String), Known>,
}

/// A branch that is to be shown.
struct Entry {
    folder: PathBuf,
    branch: String,
    slug: String,
    /// Why the repository cannot be opened.
    closed: Option<Trouble>,
    busy: bool,
}

/// What is done with a run that has a report: it gets the page of a name.
pub(super) type Copy<'a> = dyn Fn(&str, &Glance, &Tip, &RunFacts, Vec<u8>) -> Result<(), CliError> + Sync + 'a;

impl Shelf {
    /// The runs below a folder, or the one in it.
    ///
    /// # Errors
    /// The folder is not there or cannot be read.
    pub(super) fn open(dir: &Path) -> Result<Shelf, CliError> {
        let found = runs_below(dir).map_err(|error| from_folder(dir, &error))?;
        let mut shelf = Shelf {
            dir: dir.to_owned(),
            place: dir.display().to_string(),
            only: None,
            trust: files::trust(),
            known: HashMap::new(),
        };
        if found.runs.iter().any(|path| path.as_os_str().is_empty()) {
            let real = std::fs::canonicalize(dir).map_err(|error| CliError::io(dir, "open", &error))?;
            if let (Some(above), Some(name)) = (real.parent(), real.file_name()) {
                let named = dir.parent().filter(|above| !above.as_os_str().is_empty() && dir.file_name() == Some(name));
                shelf.place = named.unwrap_or(above).display().to_string();
                shelf.only = Some(PathBuf::from(name));
                shelf.dir = above.to_owned();
            }
        }
        Ok(shelf)
    }

    /// Everything of the page. `copy` is called for each run with a report, from several threads; it is called for a run again
    /// only if its branch has moved since the last reading.
    ///
    /// # Errors
    /// The folder cannot be read, or `copy` failed. What is wrong with one run is said of that run.
    pub(super) fn read(&mut self, copy: Option<&Copy<'_>>) -> Result<Board, CliError> {
        let found = match &self.only {
            Some(name) => RunsBelow { runs: vec![name.clone()], complete: true, ..RunsBelow::default() },
            None => runs_below(&self.dir).map_err(|error| from_folder(&self.dir, &error))?,
        };
        let (mut without, mut entries) = (found.without, Vec::new());
        // Opened here and closed again: a thousand open repositories would be more than a system allows.
        let opened: Vec<Option<Vec<Entry>>> = found.runs.par_iter().map(|folder| self.entries(folder)).collect();
        for branches in opened {
            match branches {
                Some(branches) => entries.extend(branches),
                None => without += 1,
            }
        }
        let names: Vec<(String, String)> =
            entries.iter().map(|entry| (shown(&entry.folder), entry.branch.clone())).collect();
        let named = slugs(names.iter().map(|(folder, branch)| (folder.as_str(), branch.as_str())));
        for (entry, slug) in entries.iter_mut().zip(named) {
            entry.slug = slug;
        }
        let read: Vec<(Option<Known>, Run)> =
            entries.par_iter().map(|entry| self.run(entry, copy)).collect::<Result<Vec<_>, CliError>>()?;
        let mut runs = Vec::new();
        for (entry, (known, run)) in entries.iter().zip(read) {
            self.known.extend(known.map(|known| ((entry.folder.clone(), entry.branch.clone()), known)));
            runs.push(run);
        }
        Ok(board(Board {
            place: self.place.clone(),
            read_at: env::now(),
            records: self.records(&found.runs),
            runs,
            folders_without: without,
            closed: found.closed.into_iter().map(|(path, why)| (shown(&path), why)).collect(),
            complete: found.complete,
            ..Board::default()
        }))
    }

    /// The branches of a folder; `None` if it holds no run.
    fn entries(&self, folder: &Path) -> Option<Vec<Entry>> {
        let entry = |branch: &str, closed: Option<Trouble>, busy: bool| Entry {
            folder: folder.to_owned(),
            branch: branch.to_owned(),
            slug: String::new(),
            closed,
            busy,
        };
        let glance = match Glance::open(&self.dir.join(folder), &self.trust) {
            Ok(glance) => glance,
            Err(error) => return Some(vec![entry("", Some(trouble(&error)), false)]),
        };
        let branches: Vec<Entry> = glance.branches().map(|branch| entry(branch, None, glance.is_busy())).collect();
        match branches.is_empty() {
            false => Some(branches),
            true => glance.is_marked().then(|| vec![entry("", Some(Trouble::Empty), glance.is_busy())]),
        }
    }

    fn run(&self, entry: &Entry, copy: Option<&Copy<'_>>) -> Result<(Option<Known>, Run), CliError> {
        let mut run = Run {
            folder: shown(&entry.folder),
            branch: entry.branch.clone(),
            slug: entry.slug.clone(),
            state: RunState::Unreadable,
            updated: None,
            commit: String::new(),
            last_step: String::new(),
            shallow: false,
            pending: None,
            report: ReportPage::None,
            facts: Err(Trouble::Empty),
        };
        let tip = match &entry.closed {
            Some(trouble) => Err(trouble.clone()),
            None => self.tip(entry),
        };
        let (glance, tip) = match tip {
            Ok(found) => found,
            Err(why) => {
                run.state = match (&why, entry.busy) {
                    (Trouble::Empty, true) => RunState::Running,
                    (Trouble::Empty, false) => RunState::Stopped,
                    _ => RunState::Unreadable,
                };
                run.facts = Err(why);
                return Ok((None, run));
            }
        };
        run.state = match tip.finished {
            true => RunState::Finished,
            false if tip.running => RunState::Running,
            false => RunState::Stopped,
        };
        (run.updated, run.commit, run.shallow) = (Some(tip.time), tip.commit.clone(), tip.shallow);
        run.last_step.clone_from(&tip.subject);
        if tip.gated && !tip.running && glance.is_current(&entry.branch) {
            run.pending = self.pending(entry);
        }
        if run.state == RunState::Stopped && run.pending.is_some() {
            run.state = RunState::Waiting;
        }
        let known = self.known.get(&(entry.folder.clone(), entry.branch.clone()));
        let known = match known.filter(|known| known.commit == tip.commit) {
            Some(known) => known.clone(),
            None => look(entry, &glance, &tip, copy)?,
        };
        run.report = known.report;
        run.facts.clone_from(&known.facts);
        if !matches!(&run.facts, Ok(_) | Err(Trouble::Empty)) {
            run.state = RunState::Unreadable;
        }
        Ok((Some(known), run))
    }

    /// What a run waits for whose last commit is about a gate.
    fn pending(&self, entry: &Entry) -> Option<PendingDecision> {
        // One whose earlier commits cannot be read is told when it is reviewed.
        let waiting = store::waiting_in(&self.dir.join(&entry.folder), &self.trust).ok().flatten()?;
        let WaitingRun { branch, gate, tree, rejected, since, .. } = waiting;
        Some(PendingDecision { run: shown(&entry.folder), branch, gate, tree, rejected, since })
    }

    fn tip(&self, entry: &Entry) -> Result<(Glance, Tip), Trouble> {
        let glance = Glance::open(&self.dir.join(&entry.folder), &self.trust).map_err(|error| trouble(&error))?;
        let tip = glance.tip(&entry.branch).map_err(|error| trouble(&error))?;
        Ok((glance, tip))
    }

    /// What lies beside the runs, folder by folder.
    fn records(&self, runs: &[PathBuf]) -> Vec<RecordBeside> {
        let mut beside: BTreeMap<PathBuf, &PathBuf> = BTreeMap::new();
        for run in runs {
            beside.entry(run.parent().map(Path::to_owned).unwrap_or_default()).or_insert(run);
        }
        beside.into_iter().map(|(folder, run)| self.record(&folder, &self.dir.join(run))).collect()
    }

    fn record(&self, folder: &Path, run: &Path) -> RecordBeside {
        let mut record = RecordBeside { folder: shown(folder), ..RecordBeside::default() };
        match Ledger::beside(run) {
            Ok(ledger) => {
                record.ledger = ledger.all();
                record.damage.extend(ledger.notes);
            }
            Err(error) => record.damage.push(error.message),
        }
        match Looks::beside(run) {
            Ok(looks) => {
                record.looks = looks.all();
                record.damage.extend(looks.notes);
            }
            Err(error) => record.damage.push(error.message),
        }
        record
    }

    /// A file that belongs to the page of a run, for somebody who asks for it by its name.
    pub(super) fn page_of(&self, board: &Board, slug: &str, path: &str) -> Option<Vec<u8>> {
        let run = board.runs.iter().find(|run| run.slug == slug)?;
        let facts = run.facts.as_deref().ok()?;
        let is_report = path == REPORT && run.report == ReportPage::There;
        if !is_report && !facts.files.iter().any(|it| it == path) {
            return None;
        }
        let glance = Glance::open(&self.dir.join(&run.folder), &self.trust).ok()?;
        let tip = glance.tip(&run.branch).ok()?;
        // It may have moved since the page was made.
        let bytes = glance.file(&tip, path).ok().flatten()?;
        (!is_report || html::forbids_scripts(&bytes)).then_some(bytes)
    }
}

/// The files of a run, as the facts are read from them.
struct FilesOf<'a>(&'a Glance, &'a Tip);

impl RunFiles for FilesOf<'_> {
    type Error = ArtifactError;

    fn file(&self, path: &str) -> Result<Option<Vec<u8>>, ArtifactError> {
        self.0.file(self.1, path)
    }

    fn names(&self, folder: &str) -> Result<Vec<String>, ArtifactError> {
        self.0.names(self.1, folder)
    }
}

fn look(entry: &Entry, glance: &Glance, tip: &Tip, copy: Option<&Copy<'_>>) -> Result<Known, CliError> {
    let without = |why: Trouble| Known { commit: tip.commit.clone(), facts: Err(why), report: ReportPage::None };
    let facts = match facts(&FilesOf(glance, tip)) {
        Ok(facts) => facts,
        Err(FactsError::Trouble(why)) => return Ok(without(why)),
        Err(FactsError::Store(error)) => return Ok(without(trouble(&error))),
    };
    let report = match glance.file(tip, REPORT) {
        Err(error) => return Ok(without(trouble(&error))),
        Ok(None) => ReportPage::None,
        Ok(Some(bytes)) if !html::forbids_scripts(&bytes) => ReportPage::WithoutPolicy,
        Ok(Some(bytes)) => {
            if let Some(copy) = copy {
                copy(&entry.slug, glance, tip, &facts, bytes)?;
            }
            ReportPage::There
        }
    };
    Ok(Known { commit: tip.commit.clone(), facts: Ok(Arc::new(facts)), report })
}

/// A path inside the place, as it is shown.
fn shown(path: &Path) -> String {
    path.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// What is wrong with a run that is only read: no way out that is for one that is written.
fn trouble(error: &ArtifactError) -> Trouble {
    let unreadable = |why: String| Trouble::Unreadable { why, damaged: false };
    match error {
        ArtifactError::Newer { layout, .. } => Trouble::Newer { layout: u64::try_from(*layout).unwrap_or_default() },
        ArtifactError::Unreadable { object, .. } => {
            let object = numbers::short_hash(object);
            Trouble::Unreadable { why: format!("object {object} is damaged or missing on the disk"), damaged: true }
        }
        ArtifactError::NotYours { dir } => unreadable(format!(
            "it belongs to another user; if you trust it: git config --global --add safe.directory {}",
            super::output::shell_word(dir)
        )),
        ArtifactError::Permission { path, detail, .. } => {
            unreadable(format!("no permission to read {} ({detail})", path.display()))
        }
        ArtifactError::Git { detail, .. } => unreadable(format!("git cannot read it ({detail})")),
        error => unreadable(error.to_string()),
    }
}

fn from_folder(dir: &Path, error: &ArtifactError) -> CliError {
    match error {
        ArtifactError::Io { source, .. } => CliError::io(dir, "read", source),
        error => errors::from_artifacts(error),
    }
}

/// Where a path leads, though its last parts may not be there yet.
pub(super) fn real(path: &Path) -> std::io::Result<PathBuf> {
    let absolute = std::path::absolute(path)?;
    let there = absolute.ancestors().find_map(|above| Some((above, std::fs::canonicalize(above).ok()?)));
    Ok(there.map_or(absolute.clone(), |(above, real)| {
        absolute.strip_prefix(above).map_or(real.clone(), |rest| real.join(rest))
    }))
}

/// Names of files below a run's page, as they are asked for: never the report of another, never anything else of the run.
pub(super) fn asked_for(path: &str) -> Option<(&str, &str)> {
    let (slug, file) = path.strip_prefix("/runs/")?.split_once('/')?;
    let plain: BTreeSet<char> = slug.chars().filter(|c| !c.is_ascii_alphanumeric() && !"-_.".contains(*c)).collect();
    plain.is_empty().then_some((slug, file))
}
