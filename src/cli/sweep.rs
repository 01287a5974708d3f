//! `oci-agent sweep …`: follow-ups on a finished run.

use super::args::{DataRoot, Global};
use super::errors::{self, CliError};
use super::output::{self, ProgressObserver, TerminalStyle};
use super::{files, run, sweep_args};
use crate::agent::follow_ups;
use crate::pipeline::Prepared;
use crate::pipeline::follow_ups::{Answering, FollowUpError, checked, steps};
use crate::pipeline::prepare;
use crate::plan;
use crate::plan::follow_ups::{FollowUp, parse_request};
use crate::record::follow_up::FollowUpDocument;
use crate::report::follow_up;
use crate::spec::AnalysisSpec;
use crate::store::{self, ArtifactStore, RecordedRun, Step};
use crate::text::lists::{counted, listed};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub use sweep_args::SweepCommand;

/// Edited files that are named.
const MOST_NAMED: usize = 3;

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
    let record = open(dir)?;
    let plan = of_a_study(&record, dir)?;
    unblinded(&record, dir)?;
    untouched(&record, dir)?;
    let request = named(&record, asked)?;
    observer.busy("reading the plan and the data");
    let prepared = prepared(&record, &plan, data, &request)?;
    let specs = specs(&record)?;
    let results = record.file("results.json").map_err(|error| errors::from_artifacts(&error))?.unwrap_or_default();
    let answers = Answering::of_record(&specs, &results).ok_or_else(|| {
        let message = format!("results.json of {} does not say which of its specs answer", dir.display());
        CliError::user(message, format!("`oci-agent verify {}` says what was changed.", output::shell_word(dir)))
    })?;
    checked(&prepared, &answers, &request).map_err(|error| from_follow_up(&error))?;
    let (document, step) = follow_ups::make(&prepared, &answers, &request, observer)
        .map_err(|error| errors::from_run(&error, "Nothing was written; run the command again."))?;
    observer.busy("writing");
    recorded(&record, dir, document, &step, &prepared)
}

/// Opens a run of this machine, whole.
fn open(dir: &Path) -> Result<RecordedRun, CliError> {
    let record = RecordedRun::open(dir, None, &files::trust()).map_err(|error| errors::from_artifacts(&error))?;
    if !record.damaged().is_empty() {
        let message = format!("{} of {} are damaged", counted(record.damaged().len(), "object"), dir.display());
        return Err(CliError::world(message, format!("`oci-agent verify {}` names them.", output::shell_word(dir))));
    }
    Ok(record)
}

/// The plan of an observational study.
fn of_a_study(record: &RecordedRun, dir: &Path) -> Result<Vec<u8>, CliError> {
    let plan = record.file("plan.yaml").map_err(|error| errors::from_artifacts(&error))?.unwrap_or_default();
    if plan::experiment::is_experiment(&plan) {
        let message = format!("{} is the run of an experiment", dir.display());
        let hint = "Its segments and days are in its results; `oci-agent experiment segments` asks for others.";
        return Err(CliError::user(message, hint));
    }
    Ok(plan)
}

/// Refuses a run that has not come to its end: nothing in it may be seen before.
fn unblinded(record: &RecordedRun, dir: &Path) -> Result<(), CliError> {
    let results = record.file("results.json").map_err(|error| errors::from_artifacts(&error))?;
    if results.is_some() && record.is_finished() {
        return Ok(());
    }
    let word = output::shell_word(dir);
    let what = if results.is_some() { "is not finished" } else { "is not unblinded" };
    let message = format!("the run in {} {what}, and a sweep shows effects", dir.display());
    let plan = output::shell_word(&dir.join("plan.yaml"));
    Err(CliError::user(message, format!("Finish it first: oci-agent run {plan} --out {word} --resume")))
}

/// Refuses a folder that was edited: a sweep would be put beside what is not on record.
fn untouched(record: &RecordedRun, dir: &Path) -> Result<(), CliError> {
    let edited = record.edited().map_err(|error| errors::from_artifacts(&error))?;
    if edited.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = edited.iter().take(MOST_NAMED).map(|file| format!("`{}`", file.path)).collect();
    let more = edited.len() - names.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let are = if edited.len() == 1 { "is" } else { "are" };
    let message = format!("{}{more} in {} {are} not as the run has them", listed(&names), dir.display());
    let word = output::shell_word(dir);
    let hint = format!("Keep what you changed elsewhere, then bring them back: git -C {word} checkout -- .");
    Err(CliError::user(message, hint))
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
    let note = store::read_note(record.dir(), "data-root", &files::trust());
    if note.map_err(|error| errors::from_artifacts(&error))?.is_none() {
        let message = format!("{} is a clone of a run", record.dir().display());
        let hint = "A follow-up goes on the record of the run itself: make it where the run was made, then pull.";
        return Err(CliError::user(message, hint));
    }
    let sources = files::data_sources(&place, data)?;
    let groups: Vec<String> = request.by().map(str::to_owned).into_iter().collect();
    let prepared = prepare::prepare_with_groups(plan, &sources, &groups)
        .map_err(|error| errors::from_prepare(error, &place, TerminalStyle::of_stderr()))?;
    // Before anything is estimated: in other data it would be another question.
    for (key, now) in identity(&prepared) {
        if let Some(then) = record.trailer(&key).filter(|then| *then != now) {
            let message = format!("{key} is {now} now, and was {then} when the run was made");
            let hint = "A follow-up needs the plan, data and version of its run; for others, run the plan again.";
            return Err(CliError::user(message, hint));
        }
    }
    Ok(prepared)
}

/// Every spec of the run.
pub(super) fn specs(record: &RecordedRun) -> Result<Vec<AnalysisSpec>, CliError> {
    let texts = record
        .versions_of("spec.yaml", &format!("{}/", steps::FOLDER))
        .map_err(|error| errors::from_artifacts(&error))?;
    let read = |bytes: Vec<u8>| {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        AnalysisSpec::from_yaml(&text).map_err(|error| CliError::user(error.to_string(), ""))
    };
    texts.into_iter().map(read).collect()
}

/// What makes a run the one that it is, but for playbooks, which no follow-up asks.
fn identity(prepared: &Prepared) -> Vec<(String, String)> {
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    vec![
        pair("Plan-SHA256", &prepared.plan_sha256),
        pair("Data-SHA256", &prepared.document.sha256),
        pair("Tool-Version", crate::VERSION),
    ]
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
    let mut store = run::open(dir, store::OpenMode::Resume, identity(prepared))?;
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
