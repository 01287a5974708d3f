//! `oci-agent acic run | merge | score | report | export | calibrate`.

pub(super) mod args;
mod calibrate;
mod export;
mod progress;

use super::args::Global;
use super::errors::{self, CliError};
use super::output;
use crate::replay::analyse::{self, PipelineAnalyst};
use crate::replay::{data, report, tables};
use crate::text::terminal::TerminalText;
use acic::AcicError;
use acic::output_folder::{Merged, OutputFolder};
use acic::run;
use acic::score::{self, Held, Scores};
use acic::text::counted;
use args::{AcicCommand, AcicMergeArgs, AcicReportArgs, AcicRunArgs, AcicScoreArgs, ReplayData, SplitChoice};
use progress::Progress;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Carries out the command.
pub fn acic(command: &AcicCommand, global: &Global) -> Result<ExitCode, CliError> {
    match command {
        AcicCommand::Run(args) => run(args, global),
        AcicCommand::Merge(args) => merge(args, global),
        AcicCommand::Score(args) => score(args, global),
        AcicCommand::Report(args) => report(args, global),
        AcicCommand::Export(args) => export::export(args, global),
        AcicCommand::Calibrate(args) => calibrate::calibrate(args, global),
    }
}

fn failed(error: AcicError) -> CliError {
    let (message, hint) = (error.to_string(), error.hint());
    match error {
        _ if error.is_bug() => CliError::bug(message),
        _ if error.is_world() => CliError::world(message, hint),
        _ => CliError::user(message, hint),
    }
}

const BUNDLED: &str = "examples/acic2016";

/// The folder of the data: what was given, else the bundled pack here or in a folder above.
fn data_folder(given: &ReplayData) -> Result<PathBuf, CliError> {
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
    let progress = Progress::new(global, cancel);
    let recipe = analyse::recipe(&args.estimators, args.effort).map_err(failed)?;
    let source = data::open(&data_folder(&args.data)?).map_err(failed)?;
    let analyst = PipelineAnalyst::new(&source, &recipe).map_err(failed)?;
    let selection = args.chosen.selection();
    let request = run::Request {
        source: &source,
        selection: &selection,
        shard: args.shard,
        recipe: &recipe,
        on_bad: args.on_bad,
        with_seconds: args.with_seconds,
        version: crate::VERSION,
    };
    let ends = run::Ends { analyst: &analyst, out: &args.place.out, observer: &progress };
    let outcome = run::run(&request, &ends);
    // The bar goes before an error is shown.
    progress.idle();
    outcome.map_err(failed)?;
    if !global.json && global.quiet == 0 {
        let out = args.place.out.display();
        output::stderr(format!(
            "Read {out}/estimates.csv, or hold it against the truth: oci-agent acic score --out {out}"
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn merge(args: &AcicMergeArgs, global: &Global) -> Result<ExitCode, CliError> {
    let (out, unfit) = OutputFolder::collect(&args.place.out, &args.shards).map_err(failed)?;
    if !global.json && global.quiet == 0 {
        unfit.iter().for_each(|problem| output::stderr(format!("note: {problem}; its dataset is not taken over")));
    }
    let Merged { complete, incomplete, missing } = out.merge(args.with_seconds).map_err(failed)?;
    let datasets = out.identity().datasets.len();
    if global.json {
        let event = serde_json::json!({
            "event": "merged", "datasets": complete, "without_estimate": incomplete, "missing": missing, "unfit": unfit,
        });
        output::json_line(&event)?;
    } else if global.quiet == 0 {
        let there = format!("{} of {datasets} datasets are there", complete + incomplete);
        output::stderr(format!("{there}: {}.", estimated(complete, incomplete)));
    }
    if missing.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let missing = missing.iter().map(ToString::to_string).collect();
    Err(failed(AcicError::Missing { missing }))
}

/// The number of datasets that have all their estimates, and of those that do not.
fn estimated(complete: usize, incomplete: usize) -> String {
    let with = format!("{} with every estimate", counted(complete, "dataset"));
    match incomplete {
        0 => with,
        k => format!("{with}, {k} without an estimate, see `no_estimate` in estimates.csv"),
    }
}

/// The part of a replay that is scored.
struct Scope<'a> {
    place: &'a Path,
    data: &'a ReplayData,
    split: SplitChoice,
    partial: bool,
}

/// Opens the replay and scores it.
fn scores(scope: &Scope<'_>) -> Result<(OutputFolder, Scores), CliError> {
    let out = OutputFolder::open(scope.place).map_err(failed)?;
    let folder = data_folder(scope.data)?;
    // A folder of one's own need not bring the published methods; then the bundled ones are taken.
    let own = folder.join("comparison.csv").is_file().then(|| folder.clone());
    let published = own.or_else(bundled);
    let source = data::open(&folder).map_err(failed)?;
    let request = score::Request {
        source: &source,
        published: published.as_deref(),
        split: scope.split.0,
        partial: scope.partial,
    };
    let scores = score::score(&out, &request).map_err(failed)?;
    Ok((out, scores))
}

fn score(args: &AcicScoreArgs, global: &Global) -> Result<ExitCode, CliError> {
    let (out, scores) =
        scores(&Scope { place: &args.place.out, data: &args.data, split: args.split, partial: args.partial })?;
    let markdown = tables::leaderboard_markdown(&scores);
    for (name, text) in [
        ("leaderboard.csv", scores.leaderboard_csv()),
        ("leaderboard.md", markdown.clone()),
        ("verdicts.csv", scores.verdicts_csv()),
    ] {
        out.document(name, text.as_bytes()).map_err(failed)?;
    }
    let held = scores.hold(&args.assertions);
    if global.json {
        output::stdout(TerminalText::json(&json(&scores, &held)))?;
    } else {
        if global.quiet == 0 {
            output::stdout(&markdown)?;
        }
        for held in &held {
            output::stdout(format!("{}\n", held_line(held)))?;
        }
    }
    let broken = held.iter().filter(|held| !held.holds).count();
    if broken == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    output::stderr(format!("{broken} of {} assertions do not hold", held.len()));
    Ok(ExitCode::from(1))
}

fn report(args: &AcicReportArgs, global: &Global) -> Result<ExitCode, CliError> {
    let (out, scores) =
        scores(&Scope { place: &args.place.out, data: &args.data, split: args.split, partial: args.partial })?;
    let files = report::render(&scores).map_err(|error| CliError::bug(error.to_string()))?;
    for (name, bytes) in &files {
        out.document(name, bytes).map_err(failed)?;
    }
    if global.json {
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        output::json_line(&serde_json::json!({"event": "reported", "files": names}))?;
    } else if global.quiet == 0 {
        output::stderr(format!("Read {}/report.md or report.html.", args.place.out.display()));
    }
    Ok(ExitCode::SUCCESS)
}

fn held_line(held: &Held) -> String {
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
    for Held { assertion, value, holds } in held {
        let event = serde_json::json!({
            "event": "asserted", "assertion": assertion.to_string(), "value": value, "holds": holds,
        });
        out.push_str(&format!("{event}\n"));
    }
    let event = serde_json::json!({
        "event": "finished", "datasets": scores.datasets, "missing": scores.missing.len(),
        "skipped": scores.skipped.len(), "accepted": held.iter().all(|held| held.holds),
    });
    out + &format!("{event}\n")
}
