//! `oci-agent diff A B`: what changed between two runs, or between two states of one.

use super::args::Global;
use super::errors::{self, CliError};
use super::{files, output};
use crate::record::run_diff::{CHANGED_BY_ITERATIONS, Snapshot, add_iterations, compare, iterations, snapshot};
use crate::report::run_diff;
use crate::store::RecordedRun;
use clap::Args;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

/// Holds two runs, or two states of one, against each other: plan and spec value by value, which findings changed their grade or
/// their value, how identification, population and estimand changed, and, once both are unblinded, how far the effects moved, in
/// standard errors.
///
/// A state is the directory of a run (or a clone of one), and may go on with `@`: an iteration (`@iter/1`), a branch (`@run-2`) or
/// a commit (`@1c9f2e7`). One run alone is held against itself: its first iteration against its last.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  oci-agent diff oci-runs/lalonde                            its first iteration and its last
  oci-agent diff oci-runs/lalonde@iter/1 oci-runs/lalonde@iter/2
  oci-agent diff oci-runs/nhefs oci-runs/nhefs@run-2
  oci-agent diff runs/january runs/february --json

Exit codes: 0 no difference, 1 a difference, 2 something to fix in the call, 3 something outside.")]
pub struct DiffArgs {
    /// A run, and after `@` an iteration, a branch or a commit.
    #[arg(value_name = "RUN[@STATE]")]
    pub first: String,
    /// The run or state that it is held against [default: the last iteration of the same run].
    #[arg(value_name = "RUN[@STATE]")]
    pub second: Option<String>,
}

/// Prints the difference.
pub(super) fn diff(args: &DiffArgs, global: &Global) -> Result<ExitCode, CliError> {
    let (first, second) = match &args.second {
        Some(second) => (args.first.clone(), second.clone()),
        None => first_and_last(&args.first)?,
    };
    let (a, b) = (state(&first)?, state(&second)?);
    let found = compare((&first, &a), (&second, &b));
    if global.json {
        output::json_event("difference", &found)?;
    } else {
        output::stdout(run_diff::run_diff(&found))?;
    }
    Ok(if found.same { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// The first and the last iteration of one run.
fn first_and_last(named: &str) -> Result<(String, String), CliError> {
    let (dir, at) = parts(named);
    let way_out = "Name two: oci-agent diff RUN@iter/1 RUN@iter/2, or two runs.";
    if at.is_some() {
        return Err(CliError::user(format!("{named} is one state, and there is no other to hold it against"), way_out));
    }
    let count = iterations(&with_iterations(&open(dir, None)?)?);
    if count < 2 {
        let message = format!("{named} has no second iteration to be held against its first");
        return Err(CliError::user(message, way_out));
    }
    Ok((format!("{dir}@iter/1"), format!("{dir}@iter/{count}")))
}

/// A directory, and what follows the last `@`, unless that is part of the directory's name.
fn parts(named: &str) -> (&str, Option<&str>) {
    match named.rsplit_once('@') {
        Some((dir, at)) if !dir.is_empty() && is_state(at) && !Path::new(named).is_dir() => (dir, Some(at)),
        _ => (named, None),
    }
}

/// A path goes on behind its `@`; the name of a state has a `/` only as a tag.
fn is_state(at: &str) -> bool {
    !at.contains('/') || iteration_of(at).is_some()
}

/// The iteration that is named as a folder of an old run is, `iter_01`, or as its tag, `iter/1`.
fn iteration_of(at: &str) -> Option<usize> {
    let (word, number) = at.split_once(['_', '/'])?;
    number.parse().ok().filter(|_| word == "iter")
}

fn open(dir: &str, branch: Option<&str>) -> Result<RecordedRun, CliError> {
    let opened = RecordedRun::open(Path::new(dir), branch, &files::trust());
    let run = opened.map_err(|error| errors::from_artifacts(&error))?;
    if run.damaged().is_empty() {
        return Ok(run);
    }
    let message = format!("{dir} has objects that are damaged or missing on the disk");
    Err(CliError::user(message, format!("They are named by: oci-agent verify {}", output::shell_word(Path::new(dir)))))
}

/// The files of the last commit, and those that each iteration had.
fn with_iterations(run: &RecordedRun) -> Result<BTreeMap<String, Vec<u8>>, CliError> {
    let failed = |error: crate::store::ArtifactError| errors::from_artifacts(&error);
    let mut files = run.files_at_tip().map_err(failed)?;
    for file in CHANGED_BY_ITERATIONS {
        let versions = run.versions(file).map_err(failed)?;
        add_iterations(&mut files, file, versions.into_iter().map(|version| version.1).collect());
    }
    Ok(files)
}

fn state(named: &str) -> Result<Snapshot, CliError> {
    let (dir, at) = parts(named);
    let failed = |error: crate::store::ArtifactError| errors::from_artifacts(&error);
    let run = open(dir, None)?;
    let iteration = at.and_then(iteration_of);
    let files: BTreeMap<String, Vec<u8>> = match (at, iteration) {
        (None, _) => run.files_at_tip().map_err(failed)?,
        (_, Some(_)) => with_iterations(&run)?,
        (Some(at), None) if run.branches().iter().any(|branch| branch == at) => {
            open(dir, Some(at))?.files_at_tip().map_err(failed)?
        }
        (Some(at), None) => run.files_at_commit(at).map_err(failed)?.ok_or_else(|| {
            let message = format!("`{at}` is no iteration, branch or commit of {dir}");
            let iterations = with_iterations(&run).map(|files| iterations(&files)).unwrap_or_default();
            let first = if iterations > 0 { "; @iter/1 is its first iteration" } else { "" };
            CliError::user(message, format!("Its branches: {}{first}.", run.branches().join(", ")))
        })?,
    };
    snapshot(&files, iteration).map_err(|error| CliError::user(format!("{named}: {error}"), ""))
}
