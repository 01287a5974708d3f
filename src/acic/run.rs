//! The replay itself: every dataset of a share of the work, in parallel, each put on record as soon as it is done.

use super::analyse::{self, Recipe};
use super::error::AcicError;
use super::observed::Key;
use super::out::{Found, Identity, Out};
use super::rows::Row;
use super::settings::{Selection, Settings, Shard};
use super::source::{Entry, Scan, Source};
use crate::text::sha256::sha256_hex;
use serde::Serialize;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// What to do about datasets that cannot be analysed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnBad {
    /// Leave them out, list them in skipped.csv and count them in every score.
    Skip,
    /// Do nothing until they are repaired.
    Refuse,
}

/// What to replay.
#[derive(Debug)]
pub struct Request<'a> {
    /// The data.
    pub source: &'a Source,
    /// Which datasets.
    pub selection: &'a Selection,
    /// Which share of them.
    pub shard: Shard,
    /// How each is analysed.
    pub recipe: &'a Recipe,
    /// What to do about bad ones.
    pub on_bad: OnBad,
    /// Whether `estimates.csv` shows the seconds.
    pub with_seconds: bool,
}

/// What happens, for whoever follows.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The data have been read.
    Started {
        /// Datasets of the replay.
        datasets: usize,
        /// Datasets of this share.
        share: usize,
        /// Datasets of this share that were done before.
        done: usize,
        /// Datasets left out.
        skipped: usize,
    },
    /// A dataset is left out.
    Skipped {
        /// Its file.
        file: String,
        /// Why.
        problem: String,
    },
    /// Something to know that stops nothing.
    Note {
        /// In a sentence.
        message: String,
    },
    /// A dataset is done and on record.
    Dataset {
        /// Its setting.
        setting: u16,
        /// Its response.
        response_id: u64,
        /// Datasets of this share that are done.
        done: usize,
        /// Datasets of this share.
        of: usize,
        /// Wall-clock seconds it took.
        seconds: f64,
    },
    /// All of this share is done.
    Finished {
        /// Datasets with numbers for every estimand by every estimator.
        datasets: usize,
        /// Datasets with a row that has no estimate; `no_estimate` in estimates.csv says why.
        without_estimate: usize,
        /// Datasets of the replay that other shares still owe.
        missing: usize,
        /// Datasets left out.
        skipped: usize,
    },
}

/// Whoever follows a replay; also its clock, since the library has none.
pub trait Watch: Sync {
    /// Something happened.
    fn on(&self, event: &Event);
    /// Whether to stop after the datasets that are being analysed.
    fn cancelled(&self) -> bool;
    /// Seconds since some moment.
    fn seconds(&self) -> f64;
}

/// Replays a share of the selected datasets into a folder, going on where an earlier run stopped.
///
/// # Errors
/// [`AcicError`]; every dataset that was finished before stays on record.
pub fn run(request: &Request<'_>, out: &Path, watch: &dyn Watch) -> Result<(), AcicError> {
    let scan = request.source.scan(request.selection)?;
    if request.on_bad == OnBad::Refuse && !scan.bad.is_empty() {
        return Err(AcicError::Bad(scan.bad));
    }
    if scan.good.is_empty() {
        return Err(AcicError::AllBad(scan.bad));
    }
    let out = Out::create(out, identity(request, &scan), &request.recipe.plan)?;
    out.skipped(&scan.bad)?;
    for one in &scan.bad {
        watch.on(&Event::Skipped { file: one.file.clone(), problem: one.problem.clone() });
    }
    if !scan.short.is_empty() {
        let settings: Settings = scan.short.iter().copied().collect();
        let message = format!("fewer datasets than --responses asks for in the settings {settings}");
        watch.on(&Event::Note { message });
    }
    let share: Vec<&Entry> =
        scan.good.iter().enumerate().filter(|(i, _)| request.shard.has(*i)).map(|(_, entry)| entry).collect();
    let mut open = Vec::new();
    for entry in &share {
        match out.look(entry.key)? {
            Found::Finished(_) => continue,
            Found::Nothing => {}
            Found::Unfit(problem) => {
                let message = format!("{problem}; dataset {} is analysed again", entry.key);
                watch.on(&Event::Note { message });
            }
        }
        open.push(*entry);
    }
    let done = share.len() - open.len();
    let skipped = scan.bad.len();
    watch.on(&Event::Started { datasets: scan.good.len(), share: share.len(), done, skipped });
    let work = Work { request, out: &out, watch, open: &open, of: share.len(), done: AtomicUsize::new(done) };
    let worked = work.all();
    let merged = out.merge(request.with_seconds)?;
    worked?;
    watch.on(&Event::Finished {
        datasets: merged.complete,
        without_estimate: merged.incomplete,
        missing: merged.missing.len(),
        skipped,
    });
    Ok(())
}

/// What a request replays, given what a scan found.
#[must_use]
pub fn identity(request: &Request<'_>, scan: &Scan) -> Identity {
    let all = || "all".to_owned();
    let list: String = scan.good.iter().map(|entry| format!("{} {}\n", entry.key, entry.sha256)).collect();
    Identity {
        format: Identity::format(),
        version: crate::VERSION.to_owned(),
        layout: if request.source.is_pack() { "pack" } else { "official" }.to_owned(),
        settings: request.selection.settings.as_ref().map_or_else(all, ToString::to_string),
        responses: request.selection.responses.map_or_else(all, |n| n.to_string()),
        split: request.selection.split.map_or_else(all, |split| split.key().to_owned()),
        estimators: request.recipe.estimators.iter().map(|kind| kind.key().to_owned()).collect(),
        budget: request.recipe.budget.key().to_owned(),
        plan_sha256: sha256_hex(&request.recipe.plan),
        covariates_sha256: request.source.x().document().sha256,
        datasets_sha256: sha256_hex(list.as_bytes()),
        skipped: scan.bad.len(),
        datasets: scan.good.iter().map(|entry| entry.key).collect(),
    }
}

/// The datasets that are left to do.
struct Work<'a> {
    request: &'a Request<'a>,
    out: &'a Out,
    watch: &'a dyn Watch,
    open: &'a [&'a Entry],
    of: usize,
    done: AtomicUsize,
}

impl Work<'_> {
    /// One dataset per thread at a time. Where there are more threads than datasets, each dataset gets several: nothing
    /// of an estimate depends on how many.
    fn all(&self) -> Result<(), AcicError> {
        let threads = rayon::current_num_threads();
        let workers = threads.min(self.open.len()).max(1);
        let (next, stop, failure) = (AtomicUsize::new(0), AtomicBool::new(false), Mutex::new(None));
        let worker = || {
            let outcome = self.some(&next, &stop, (threads / workers).max(1));
            if let Err(error) = outcome {
                stop.store(true, Ordering::SeqCst);
                failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(worker);
            }
        });
        match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// Takes one open dataset after the other until there is none.
    fn some(&self, next: &AtomicUsize, stop: &AtomicBool, threads: usize) -> Result<(), AcicError> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.map_err(|error| AcicError::Request(format!("could not start {threads} threads: {error}")))?;
        while let Some(entry) = self.open.get(next.fetch_add(1, Ordering::SeqCst)) {
            if self.watch.cancelled() {
                return Err(AcicError::Cancelled { done: self.done.load(Ordering::SeqCst), of: self.of });
            }
            if stop.load(Ordering::SeqCst) {
                return Ok(());
            }
            pool.install(|| self.one(entry))?;
        }
        Ok(())
    }

    fn one(&self, entry: &Entry) -> Result<(), AcicError> {
        let Key { setting, response } = entry.key;
        let began = self.watch.seconds();
        let changed = |problem: String| {
            AcicError::Request(format!("dataset {} was read before, and now it is another: {problem}", entry.key))
        };
        let observed = self.request.source.observed(entry).map_err(changed)?;
        if observed.sha256() != entry.sha256 {
            return Err(changed("its numbers have changed".to_owned()));
        }
        let mut rows = analyse::analyse(self.request.source.x(), (entry.key, &observed), self.request.recipe);
        let seconds = self.watch.seconds() - began;
        rows.iter_mut().for_each(|row: &mut Row| row.seconds = Some(seconds));
        self.out.finish(entry.key, &rows)?;
        let done = self.done.fetch_add(1, Ordering::SeqCst) + 1;
        self.watch.on(&Event::Dataset { setting, response_id: response, done, of: self.of, seconds });
        Ok(())
    }
}
