//! `oci-agent acic run | merge | score | report | export | calibrate`.

use super::acic_args::{AcicCommand, AcicMergeArgs, AcicReportArgs, AcicRunArgs, AcicScoreArgs, ReplayData};
use super::args::Global;
use super::errors::{self, CliError};
use super::output;
use crate::acic::AcicError;
use crate::acic::analyse::Recipe;
use crate::acic::error::counted;
use crate::acic::out::{Merged, Out};
use crate::acic::run::{self, Event, Watch};
use crate::acic::score::{self, Held, Scores};
use crate::acic::source::Source;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Does what the command says.
pub fn acic(command: &AcicCommand, global: &Global) -> Result<ExitCode, CliError> {
    match command {
        AcicCommand::Run(args) => run(args, global),
        AcicCommand::Merge(args) => merge(args, global),
        AcicCommand::Score(args) => score(args, global),
        AcicCommand::Report(args) => report(args, global),
        AcicCommand::Export(args) => super::acic_export::export(args, global),
        AcicCommand::Calibrate(args) => super::acic_calibrate::calibrate(args, global),
    }
}

pub(super) fn failed(error: AcicError) -> CliError {
    let (message, hint) = (error.to_string(), error.hint());
    match error {
        _ if error.is_bug() => CliError::bug(message),
        _ if error.is_world() => CliError::world(message, hint),
        _ => CliError::user(message, hint),
    }
}

const BUNDLED: &str = "examples/acic2016";

/// The folder of the data: what was given, else the bundled pack here or in a folder above.
pub(super) fn data(given: &ReplayData) -> Result<PathBuf, CliError> {
    given.data.clone().or_else(bundled).ok_or_else(|| {
        CliError::user(
            format!("no data: there is no {BUNDLED} here or in a folder above"),
            "Run this inside the repository, which brings a pack, or name a folder with --data.",
        )
    })
}

fn bundled() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    let found = here.ancestors().map(|folder| folder.join(BUNDLED)).find(|folder| folder.is_dir())?;
    // A path that need not be absolute is kept short, for messages.
    Some(found.strip_prefix(&here).map_or(found.clone(), Path::to_path_buf))
}

fn run(args: &AcicRunArgs, global: &Global) -> Result<ExitCode, CliError> {
    let cancel = Arc::new(AtomicBool::new(false));
    errors::stop_on_signal(&cancel)?;
    let follower = Follower::new(global, cancel);
    let recipe = Recipe::new(&args.estimators, args.effort).map_err(failed)?;
    let source = Source::open(&data(&args.data)?).map_err(failed)?;
    let selection = args.chosen.selection();
    let request = run::Request {
        source: &source,
        selection: &selection,
        shard: args.shard,
        recipe: &recipe,
        on_bad: args.on_bad,
        with_seconds: args.with_seconds,
    };
    let outcome = run::run(&request, &args.place.out, &follower);
    follower.idle();
    outcome.map_err(failed)?;
    if !global.json && global.quiet == 0 {
        let out = args.place.out.display();
        output::stderr(&format!(
            "Read {out}/estimates.csv, or hold it against the truth: oci-agent acic score --out {out}"
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn merge(args: &AcicMergeArgs, global: &Global) -> Result<ExitCode, CliError> {
    let (out, unfit) = Out::collect(&args.place.out, &args.shards).map_err(failed)?;
    if !global.json && global.quiet == 0 {
        unfit.iter().for_each(|problem| output::stderr(&format!("note: {problem}; its dataset is not taken over")));
    }
    let Merged { complete, incomplete, missing } = out.merge(args.with_seconds).map_err(failed)?;
    let datasets = out.identity().datasets.len();
    if global.json {
        let event = serde_json::json!({
            "event": "merged", "datasets": complete, "without_estimate": incomplete, "missing": missing, "unfit": unfit,
        });
        output::stdout(&format!("{event}\n"))?;
    } else if global.quiet == 0 {
        let there = format!("{} of {datasets} datasets are there", complete + incomplete);
        output::stderr(&format!("{there}: {}.", estimated(complete, incomplete)));
    }
    if missing.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let missing = missing.iter().map(ToString::to_string).collect();
    Err(failed(AcicError::Missing { missing }))
}

/// How many datasets have all their estimates, and how many do not.
fn estimated(complete: usize, incomplete: usize) -> String {
    let with = format!("{} with every estimate", counted(complete, "dataset"));
    match incomplete {
        0 => with,
        k => format!("{with}, {k} without an estimate, see `no_estimate` in estimates.csv"),
    }
}

/// Opens the replay and scores it.
fn scores(
    place: &Path,
    given: &ReplayData,
    (split, partial): (super::acic_args::SplitChoice, bool),
) -> Result<(Out, Scores), CliError> {
    let out = Out::open(place).map_err(failed)?;
    let data = data(given)?;
    let own = data.join("comparison.csv").is_file().then(|| data.clone());
    let published = own.or_else(bundled);
    let request = score::Request { data: &data, published: published.as_deref(), split: split.0, partial };
    let scores = score::score(&out, &request).map_err(failed)?;
    Ok((out, scores))
}

fn score(args: &AcicScoreArgs, global: &Global) -> Result<ExitCode, CliError> {
    let (out, scores) = scores(&args.place.out, &args.data, (args.split, args.partial))?;
    let markdown = scores.leaderboard_markdown();
    for (name, text) in [
        ("leaderboard.csv", scores.leaderboard_csv()),
        ("leaderboard.md", markdown.clone()),
        ("verdicts.csv", scores.verdicts_csv()),
    ] {
        out.document(name, text.as_bytes()).map_err(failed)?;
    }
    let held = scores.hold(&args.assertions);
    if global.json {
        output::stdout(&json(&scores, &held))?;
    } else {
        if global.quiet == 0 {
            output::stdout(&markdown)?;
        }
        for one in &held {
            output::stdout(&format!("{}\n", said(one)))?;
        }
    }
    Ok(if held.iter().all(|one| one.holds) { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn report(args: &AcicReportArgs, global: &Global) -> Result<ExitCode, CliError> {
    let (out, scores) = scores(&args.place.out, &args.data, (args.split, args.partial))?;
    let files = crate::acic::report::render(&scores).map_err(failed)?;
    for (name, bytes) in &files {
        out.document(name, bytes).map_err(failed)?;
    }
    if global.json {
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        output::stdout(&format!("{}\n", serde_json::json!({"event": "reported", "files": names})))?;
    } else if global.quiet == 0 {
        output::stderr(&format!("Read {}/report.md or report.html.", args.place.out.display()));
    }
    Ok(ExitCode::SUCCESS)
}

fn said(held: &Held) -> String {
    let value = held.value.map_or_else(|| "there is no such number".to_owned(), |value| format!("it is {value:.6}"));
    format!("{} {}: {value}", if held.holds { "holds: " } else { "FAILED:" }, held.assertion)
}

fn json(scores: &Scores, held: &[Held]) -> String {
    let mut out = String::new();
    for board in &scores.boards {
        for line in &board.lines {
            let (m, d) = (&line.measures, line.difference);
            let event = serde_json::json!({
                "event": "scored", "estimand": board.estimand.key(), "truth": line.truth, "method": line.method,
                "ours": line.ours, "n": m.n, "failed": m.failed, "bias": m.bias, "rmse": m.rmse,
                "coverage": m.coverage, "width": m.width, "rmse_difference": d.map(|d| d.rmse),
                "rmse_difference_se": d.map(|d| d.rmse_se),
            });
            out.push_str(&format!("{event}\n"));
        }
    }
    for one in held {
        let event = serde_json::json!({
            "event": "asserted", "assertion": one.assertion.to_string(), "value": one.value, "holds": one.holds,
        });
        out.push_str(&format!("{event}\n"));
    }
    let event = serde_json::json!({
        "event": "finished", "datasets": scores.datasets, "missing": scores.missing.len(),
        "skipped": scores.skipped.len(), "accepted": held.iter().all(|one| one.holds),
    });
    out + &format!("{event}\n")
}

/// Follows a replay: a bar with the time that is left on a terminal, lines elsewhere, events with --json.
struct Follower {
    json: bool,
    quiet: bool,
    cancel: Arc<AtomicBool>,
    began: Instant,
    bar: Mutex<Option<ProgressBar>>,
}

impl Follower {
    #[allow(clippy::disallowed_methods, reason = "progress is timed here and nowhere else")]
    fn new(global: &Global, cancel: Arc<AtomicBool>) -> Follower {
        let quiet = global.quiet > 0 && !global.json;
        Follower { json: global.json, quiet, cancel, began: Instant::now(), bar: Mutex::new(None) }
    }

    fn start(&self, share: usize, done: usize) {
        if !std::io::stderr().is_terminal() {
            return;
        }
        let bar = ProgressBar::new(share as u64).with_position(done as u64);
        if let Ok(style) =
            ProgressStyle::with_template("{bar:30} {pos}/{len} datasets  {msg}  {elapsed} gone, {eta} left")
        {
            bar.set_style(style);
        }
        bar.reset_eta();
        *self.bar.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar);
    }

    fn idle(&self) {
        if let Some(bar) = self.bar.lock().unwrap_or_else(PoisonError::into_inner).take() {
            bar.finish_and_clear();
        }
    }

    fn line(&self, text: &str) {
        match &*self.bar.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(bar) => bar.suspend(|| output::stderr(text)),
            None => output::stderr(text),
        }
    }

    fn human(&self, event: &Event) {
        match event {
            Event::Started { datasets, share, done, skipped } => {
                let before = if *done > 0 { format!(", {done} of them done before") } else { String::new() };
                let left_out =
                    if *skipped > 0 { format!("; {skipped} left out, see skipped.csv") } else { String::new() };
                let datasets = counted(*datasets, "dataset");
                self.line(&format!("{datasets}, {share} in this share{before}{left_out}"));
                self.start(*share, *done);
            }
            Event::Skipped { file, problem } => self.line(&format!("skipped: {file}: {problem}")),
            Event::Note { message } => self.line(&format!("note: {message}")),
            Event::Dataset { setting, response_id, done, of, seconds } => {
                let bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
                match &*bar {
                    Some(bar) => {
                        bar.set_message(format!("{setting}/{response_id}"));
                        bar.set_position(*done as u64);
                    }
                    None => {
                        let left = self.seconds() / (*done as f64) * (*of - *done) as f64;
                        let left = format!("about {left:.0} s left");
                        output::stderr(&format!("{done}/{of}  {setting}/{response_id}  {seconds:.1} s  {left}"));
                    }
                }
            }
            Event::Finished { datasets, without_estimate, missing, skipped } => {
                self.idle();
                let owed = if *missing > 0 { format!(", {missing} left to other shares") } else { String::new() };
                let left_out = if *skipped > 0 { format!(", {skipped} skipped") } else { String::new() };
                self.line(&format!("{}{owed}{left_out}.", estimated(*datasets, *without_estimate)));
            }
        }
    }
}

impl Watch for Follower {
    fn on(&self, event: &Event) {
        if self.json {
            // A replay is on record whether or not anybody reads along.
            if let Ok(line) = serde_json::to_string(event) {
                let _ = output::stdout(&format!("{line}\n"));
            }
        } else if !self.quiet {
            self.human(event);
        }
    }

    fn cancelled(&self) -> bool {
        self.cancel.load(Ordering::SeqCst)
    }

    fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }
}
