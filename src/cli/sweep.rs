//! `oci-agent sweep …`: follow-ups on a finished run.

use super::args::{DataRoot, Global};
use super::errors::{self, CliError};
use super::output::{self, ProgressObserver, TerminalStyle};
use super::{files, finished_run, run, sweep_args};
use crate::agent::follow_ups;
use crate::pipeline::Prepared;
use crate::pipeline::follow_ups::{FollowUpError, checked, steps};
use crate::pipeline::prepare;
use crate::plan::follow_ups::{FollowUp, parse_request};
use crate::record::follow_up::FollowUpDocument;
use crate::report::follow_up;
use crate::store::{self, ArtifactStore, RecordedRun, Step};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub use sweep_args::SweepCommand;

/// Makes a follow-up and puts it on the record of the run, unless it is there already.
pub(super) fn sweep(command: &SweepCommand, global: &Global) -> Result<ExitCode, CliError> {
    let asked = command.request()?;
    let common = command.common();
    let cancel = Arc::new(AtomicBool::new(false));
    errors::stop_on_signal(&cancel)?;
    let mut observer = ProgressObserver::new(global.json, global.quiet, cancel);
    let ended = follow(&common.run, &common.data, asked, &mut observer);
    observer.idle();
    let made = ended?;
    if let Some(lost) = observer.failure() {
        return Err(lost);
    }
    if global.json {
        let mut line = serde_json::to_value(&made.document).map_err(|error| CliError::bug(error.to_string()))?;
        if let Some(fields) = line.as_object_mut() {
            fields.insert("event".to_owned(), "follow_up".into());
            fields.insert("commit".to_owned(), made.commit.clone().into());
            fields.insert("already_there".to_owned(), made.already_there.into());
        }
        output::json_line(&line)?;
    } else {
        let paragraphs = follow_up::summary(&made.document);
        output::stdout(format!("{}\n\n{}\n", follow_up::title(&made.document), paragraphs.join("\n\n")))?;
        if global.quiet == 0 {
            output::stderr(closing(&common.run, &made));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What was done, and where it is.
struct Made {
    document: FollowUpDocument,
    commit: String,
    already_there: bool,
}

fn closing(run: &Path, made: &Made) -> String {
    let page = output::shell_word(&run.join(steps::path(&made.document.name, "md")));
    let commit: String = made.commit.chars().take(8).collect();
    let told = if made.already_there {
        format!("It was there already, the same bytes (commit {commit}); nothing was added.")
    } else {
        format!("On record as commit {commit}.")
    };
    format!("{told} Read {page}; the table is the .csv beside it, the picture the .svg.")
}

fn follow(dir: &Path, data: &DataRoot, asked: FollowUp, observer: &mut ProgressObserver) -> Result<Made, CliError> {
    let record = finished_run::open(dir)?;
    let plan = finished_run::of_a_study(&record, dir)?;
    finished_run::unblinded(&record, dir, "a sweep")?;
    finished_run::untouched(&record, dir)?;
    finished_run::undisturbed(&record, dir)?;
    let request = named(&record, asked)?;
    observer.busy("reading the plan and the data");
    let prepared = prepared(&record, &plan, data, &request)?;
    let specs = finished_run::specs(&record)?;
    let answers = finished_run::answers(&record, &specs)?;
    checked(&prepared, &answers, &request).map_err(|error| from_follow_up(&error))?;
    let (document, step) = follow_ups::make(&prepared, &answers, &request, observer)
        .map_err(|error| errors::from_run(&error, "Nothing was written; run the command again."))?;
    observer.busy("writing");
    recorded(&record, dir, document, &step, &prepared)
}

/// The request under a name that is free, or that is its own.
fn named(record: &RecordedRun, asked: FollowUp) -> Result<FollowUp, CliError> {
    let there = |request: &FollowUp| -> Result<Option<bool>, CliError> {
        let file = record.file(&steps::path(&request.name, "yaml")).map_err(|error| errors::from_artifacts(&error))?;
        // What cannot be read is another request.
        Ok(file.map(|bytes| parse_request(&bytes).is_ok_and(|known| known == *request)))
    };
    let first = FollowUp::new(asked.sweep.clone());
    match there(&asked)? {
        None | Some(true) => return Ok(asked),
        Some(false) if asked.name != first.name => {
            let message = format!("another follow-up of this run is called `{}`", asked.name);
            return Err(CliError::user(message, "Choose another --name."));
        }
        Some(false) => {}
    }
    for number in 2..1_000 {
        let next = FollowUp { name: format!("{}-{number}", asked.name), ..asked.clone() };
        if there(&next)? != Some(false) {
            return Ok(next);
        }
    }
    Err(CliError::user("this run has a thousand follow-ups of this kind", "Choose a --name."))
}

/// Plan and data as they were run.
fn prepared(record: &RecordedRun, plan: &[u8], data: &DataRoot, request: &FollowUp) -> Result<Prepared, CliError> {
    let place = record.dir().join("plan.yaml");
    if finished_run::is_clone(record)? {
        let message = format!("{} is a clone of a run", record.dir().display());
        let hint = "A follow-up goes on the record of the run itself: make it where the run was made, then pull.";
        return Err(CliError::user(message, hint));
    }
    let sources = files::data_sources(&place, data)?;
    let groups: Vec<String> = request.columns().into_iter().map(str::to_owned).collect();
    let prepared = prepare::prepare_with_groups(plan, &sources, &groups)
        .map_err(|error| errors::from_prepare(error, &place, TerminalStyle::of_stderr()))?;
    finished_run::same_identity(record, &prepared)?;
    finished_run::completed(record, &prepared)?;
    Ok(prepared)
}

/// Puts the step on record, unless the same bytes are.
fn recorded(
    record: &RecordedRun,
    dir: &Path,
    document: FollowUpDocument,
    step: &Step,
    prepared: &Prepared,
) -> Result<Made, CliError> {
    let tip = record.files_at_tip().map_err(|error| errors::from_artifacts(&error))?;
    let known: Vec<&String> = step.files.keys().filter(|path| tip.contains_key(*path)).collect();
    let same = step.files.iter().all(|(path, bytes)| tip.get(path) == Some(bytes));
    if same {
        let commit = record.steps_with(steps::TRAILER).into_iter().find(|(_, name)| *name == document.name);
        let commit = commit.and_then(|(at, _)| record.commits().nth(at)).unwrap_or_default();
        return Ok(Made { document, commit, already_there: true });
    }
    if let Some(path) = known.iter().find(|path| tip.get(**path) != step.files.get(**path)) {
        let message = format!("`{path}` of {} has other bytes than this sweep gives", dir.display());
        let hint = format!("`oci-agent verify {}` says what was changed.", output::shell_word(dir));
        return Err(CliError::user(message, hint));
    }
    let mut store = run::open(dir, store::OpenMode::Resume, finished_run::identity(prepared))?;
    store.go_to_the_end();
    let commit = store.commit(step).map_err(|error| errors::from_artifacts(&error))?;
    Ok(Made { document, commit: commit.id, already_there: false })
}

/// A follow-up that cannot be made.
pub(super) fn from_follow_up(error: &FollowUpError) -> CliError {
    match error {
        FollowUpError::Report(inner) => CliError::bug(inner.to_string()),
        FollowUpError::Cancelled => CliError::world(error.to_string(), ""),
        other => CliError::user(other.to_string(), other.hint()),
    }
}
