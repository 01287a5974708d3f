//! The replay itself: every dataset of a share of the work, in parallel, each put on record as soon as it is done.

use crate::AcicError;
use crate::analyst::{Analyst, Recipe};
use crate::error::Skipped;
use crate::estimates_csv::Row;
use crate::identity::Identity;
use crate::observed::Key;
use crate::output_folder::{Found, OutputFolder};
use crate::settings::{Selection, Settings, Shard};
use crate::source::{Entry, Scan, Source};
use crate::text::sha256_hex;
use serde::Serialize;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// The treatment of datasets that cannot be analysed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnBad {
    /// Leave them out, list them in skipped.csv and count them in every score.
    Skip,
    /// Do nothing until they are repaired.
    Refuse,
}

/// A replay that is asked for.
#[derive(Debug)]
pub struct Request<'a> {
    /// The data.
    pub source: &'a Source,
    /// The datasets that are wanted.
    pub selection: &'a Selection,
    /// The share of them that is done here.
    pub shard: Shard,
    /// The settings of the analysis.
    pub recipe: &'a Recipe,
    /// The treatment of bad ones.
    pub on_bad: OnBad,
    /// `true` if `estimates.csv` shows the seconds.
    pub with_seconds: bool,
    /// The version of the program that analyses.
    pub version: &'a str,
}

/// An event of a replay.
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
        /// The reason.
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

/// Follows a replay; also its clock, since the library has none.
pub trait Observer: Sync {
    /// Takes note of an event.
    fn on(&self, event: &Event);
    /// `true` to stop after the datasets that are being analysed.
    fn cancelled(&self) -> bool;
    /// Seconds since some moment.
    fn seconds(&self) -> f64;
}

/// The ends of a replay: the analyst that is given the datasets, the folder for the results, the observer.
#[derive(Clone, Copy)]
pub struct Ends<'a> {
    /// Analyses each dataset.
    pub analyst: &'a dyn Analyst,
    /// The folder of the replay.
    pub out: &'a Path,
    /// Follows.
    pub observer: &'a dyn Observer,
}

/// Replays a share of the selected datasets into a folder, going on where an earlier run stopped.
///
/// # Errors
/// [`AcicError`]; every dataset that was finished before stays on record.
pub fn run(request: &Request<'_>, ends: &Ends<'_>) -> Result<(), AcicError> {
    let observer = ends.observer;
    let scan = request.source.scan(request.selection)?;
    // Before the folder is made: a refusal leaves nothing behind.
    if request.on_bad == OnBad::Refuse && !scan.bad.is_empty() {
        return Err(AcicError::Bad(scan.bad));
    }
    if scan.good.is_empty() {
        return Err(AcicError::AllBad(scan.bad));
    }
    let out = OutputFolder::create(ends.out, identity(request, &scan), &request.recipe.plan)?;
    // Before the first dataset: the scores of an unfinished replay need the list too.
    out.skipped(&scan.bad)?;
    tell_what_is_left_out(&scan, observer);
    let share: Vec<&Entry> =
        scan.good.iter().enumerate().filter(|(i, _)| request.shard.has(*i)).map(|(_, entry)| entry).collect();
    let open = unfinished(&share, &out, observer)?;
    let done = share.len() - open.len();
    let skipped = scan.bad.len();
    observer.on(&Event::Started { datasets: scan.good.len(), share: share.len(), done, skipped });
    let work = Work { request, ends, out: &out, open: &open, share: share.len(), done: AtomicUsize::new(done) };
    let worked = work.all();
    // The estimates are put together even after a failure: they show what is on record.
    let merged = out.merge(request.with_seconds)?;
    worked?;
    observer.on(&Event::Finished {
        datasets: merged.complete,
        without_estimate: merged.incomplete,
        missing: merged.missing.len(),
        skipped,
    });
    Ok(())
}

fn tell_what_is_left_out(scan: &Scan, observer: &dyn Observer) {
    for Skipped { file, problem, .. } in &scan.bad {
        observer.on(&Event::Skipped { file: file.clone(), problem: problem.clone() });
    }
    if !scan.short.is_empty() {
        let settings: Settings = scan.short.iter().copied().collect();
        let message = format!("fewer datasets than --responses asks for in the settings {settings}");
        observer.on(&Event::Note { message });
    }
}

/// The datasets of a share that are not on record.
fn unfinished<'a>(
    share: &[&'a Entry],
    out: &OutputFolder,
    observer: &dyn Observer,
) -> Result<Vec<&'a Entry>, AcicError> {
    let mut open = Vec::new();
    for entry in share {
        let found = out.look(entry.key)?;
        if let Some(fault) = found.fault() {
            let message = format!("{fault}; dataset {} is analysed again", entry.key);
            observer.on(&Event::Note { message });
        }
        if !matches!(found, Found::Finished(_)) {
            open.push(*entry);
        }
    }
    Ok(open)
}

/// The identity of a request, given the result of a scan.
#[must_use]
pub fn identity(request: &Request<'_>, scan: &Scan) -> Identity {
    let all = || "all".to_owned();
    let list: String = scan.good.iter().map(|entry| format!("{} {}\n", entry.key, entry.sha256)).collect();
    Identity {
        format: Identity::format(),
        version: request.version.to_owned(),
        layout: if request.source.is_pack() { "pack" } else { "official" }.to_owned(),
        settings: request.selection.settings.as_ref().map_or_else(all, ToString::to_string),
        responses: request.selection.responses.map_or_else(all, |n| n.to_string()),
        split: request.selection.split.map_or_else(all, |split| split.key().to_owned()),
        estimators: request.recipe.estimators.iter().map(|kind| kind.key().to_owned()).collect(),
        budget: request.recipe.budget.key().to_owned(),
        plan_sha256: sha256_hex(&request.recipe.plan),
        covariates_sha256: request.source.x().sha256().to_owned(),
        datasets_sha256: sha256_hex(list.as_bytes()),
        skipped: scan.bad.len(),
        datasets: scan.good.iter().map(|entry| entry.key).collect(),
    }
}

/// The datasets that are left to do.
struct Work<'a> {
    request: &'a Request<'a>,
    ends: &'a Ends<'a>,
    out: &'a OutputFolder,
    open: &'a [&'a Entry],
    share: usize,
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
            let outcome = self.take_open(&next, &stop, (threads / workers).max(1));
            if let Err(error) = outcome {
                stop.store(true, Ordering::SeqCst);
                // The first failure is the one to tell; others may only follow from it.
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
    fn take_open(&self, next: &AtomicUsize, stop: &AtomicBool, threads: usize) -> Result<(), AcicError> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.map_err(|error| AcicError::Request(format!("could not start {threads} threads: {error}")))?;
        while let Some(entry) = self.open.get(next.fetch_add(1, Ordering::SeqCst)) {
            if self.ends.observer.cancelled() {
                return Err(AcicError::Cancelled { done: self.done.load(Ordering::SeqCst), of: self.share });
            }
            if stop.load(Ordering::SeqCst) {
                return Ok(());
            }
            pool.install(|| self.analyse_entry(entry))?;
        }
        Ok(())
    }

    fn analyse_entry(&self, entry: &Entry) -> Result<(), AcicError> {
        let Key { setting, response } = entry.key;
        let began = self.ends.observer.seconds();
        let changed = |problem: &dyn std::fmt::Display| {
            AcicError::Request(format!("dataset {} was read before, and now it is another: {problem}", entry.key))
        };
        let observed = self.request.source.observed(entry).map_err(|problem| changed(&problem))?;
        // The scan may be hours ago.
        if observed.sha256() != entry.sha256 {
            return Err(changed(&"its numbers have changed"));
        }
        let mut rows = self.ends.analyst.analyse(entry.key, &observed);
        let seconds = self.ends.observer.seconds() - began;
        rows.iter_mut().for_each(|row: &mut Row| row.seconds = Some(seconds));
        // On record before it is told: what was told has survived whatever comes next.
        self.out.finish(entry.key, &rows)?;
        let done = self.done.fetch_add(1, Ordering::SeqCst) + 1;
        self.ends.observer.on(&Event::Dataset { setting, response_id: response, done, of: self.share, seconds });
        Ok(())
    }
}
