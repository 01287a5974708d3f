//! A finished run that is asked more: whole, unedited, made here, unblinded, from the same plan and data by the same version.

use super::errors::{self, CliError};
use super::{files, output, run};
use crate::pipeline::Prepared;
use crate::pipeline::follow_ups::{Answering, steps};
use crate::pipeline::watch::steps as steps_of_watch;
use crate::plan;
use crate::spec::AnalysisSpec;
use crate::store::{self, RecordedRun};
use crate::text::lists::{counted, listed};
use crate::text::numbers::short_hash;
use std::path::Path;

/// Edited files that are named.
const MOST_NAMED: usize = 3;

/// Opens a run of this machine, whole.
pub(super) fn open(dir: &Path) -> Result<RecordedRun, CliError> {
    let record = RecordedRun::open(dir, None, &files::trust()).map_err(|error| errors::from_artifacts(&error))?;
    if !record.damaged().is_empty() {
        let message = format!("{} of {} are damaged", counted(record.damaged().len(), "object"), dir.display());
        return Err(CliError::world(message, format!("`oci-agent verify {}` names them.", output::shell_word(dir))));
    }
    Ok(record)
}

/// The plan of an observational study.
pub(super) fn of_a_study(record: &RecordedRun, dir: &Path) -> Result<Vec<u8>, CliError> {
    let plan = record.file("plan.yaml").map_err(|error| errors::from_artifacts(&error))?.unwrap_or_default();
    if plan::experiment::is_experiment(&plan) {
        let message = format!("{} is the run of an experiment", dir.display());
        let hint = "Its segments and days are in its results; `oci-agent experiment segments` asks for others.";
        return Err(CliError::user(message, hint));
    }
    Ok(plan)
}

/// Refuses a run that has not come to its end: nothing in it may be seen before.
pub(super) fn unblinded(record: &RecordedRun, dir: &Path, asked: &str) -> Result<(), CliError> {
    let results = record.file("results.json").map_err(|error| errors::from_artifacts(&error))?;
    if results.is_some() && record.is_finished() {
        return Ok(());
    }
    let word = output::shell_word(dir);
    let what = if results.is_some() { "is not finished" } else { "is not unblinded" };
    let message = format!("the run in {} {what}, and {asked} shows effects", dir.display());
    let plan = output::shell_word(&dir.join("plan.yaml"));
    Err(CliError::user(message, format!("Finish it first: oci-agent run {plan} --out {word} --resume")))
}

/// Refuses a folder that was edited: a sweep would be put beside what is not on record. Files that a killed call left on
/// their way are no edits; [`completed`] brings them on, and finds what a person wrote over them.
pub(super) fn untouched(record: &RecordedRun, dir: &Path) -> Result<(), CliError> {
    if record.was_interrupted() {
        return Ok(());
    }
    let edited = record.edited().map_err(|error| errors::from_artifacts(&error))?;
    if edited.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = edited.iter().take(MOST_NAMED).map(|file| format!("`{}`", file.path)).collect();
    let more = edited.len() - names.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let differ = if edited.len() == 1 { "differs" } else { "differ" };
    let message = format!("{}{more} in {} {differ} from the last commit of the run", listed(&names), dir.display());
    let word = output::shell_word(dir);
    let hint = format!(
        "A call that was ended may have left them. Copy what is to be kept elsewhere, then bring them back: git -C {word} checkout HEAD -- ."
    );
    Err(CliError::user(message, hint))
}

/// The commits after the end of a run that no follow-up and no watch made: short ids. What a commit says of itself is not enough;
/// it also touches nothing but the folder of its kind.
fn stray(record: &RecordedRun) -> Result<Vec<String>, CliError> {
    let commits: Vec<String> = record.commits().collect();
    let end = record.end().map_or(commits.len(), |end| end + 1);
    let kinds = [(steps::TRAILER, steps::FOLDER), (steps_of_watch::TRAILER, steps_of_watch::FOLDER)];
    let mut stray = Vec::new();
    for (at, id) in commits.iter().enumerate().skip(end) {
        let kind = kinds.iter().find(|(key, _)| record.trailer_of(at, key).is_some());
        let ours = match kind {
            Some(_) if record.is_empty_step(at) => false,
            Some((_, folder)) => record.stays_below(at, folder).map_err(|error| errors::from_artifacts(&error))?,
            None => false,
        };
        if !ours {
            stray.push(short_hash(id));
        }
    }
    Ok(stray)
}

/// Refuses a run with commits of somebody else's after its end.
pub(super) fn undisturbed(record: &RecordedRun, dir: &Path) -> Result<(), CliError> {
    let stray = stray(record)?;
    if stray.is_empty() {
        return Ok(());
    }
    let message = format!("{} has commits after its end that no follow-up made: {}", dir.display(), listed(&stray));
    Err(CliError::user(message, format!("See what they are: oci-agent verify {}", output::shell_word(dir))))
}

/// True if the run was not made here: nothing goes on the record of a clone.
pub(super) fn is_clone(record: &RecordedRun) -> Result<bool, CliError> {
    let note = store::read_note(record.dir(), "data-root", &files::trust());
    Ok(note.map_err(|error| errors::from_artifacts(&error))?.is_none())
}

/// Refuses other plans, data and versions than those of the run: in them it would be another question.
pub(super) fn same_identity(record: &RecordedRun, prepared: &Prepared) -> Result<(), CliError> {
    for (key, now) in identity(prepared) {
        if let Some(then) = record.trailer(&key).filter(|then| *then != now) {
            let message = format!("{key} is {now} now, and was {then} when the run was made");
            let hint = "What is asked of a run needs its plan, data and version; for others, run the plan again.";
            return Err(CliError::user(message, hint));
        }
    }
    Ok(())
}

/// Brings the files to the last commit if a call was killed while it wrote them.
pub(super) fn completed(record: &RecordedRun, prepared: &Prepared) -> Result<(), CliError> {
    if record.was_interrupted() {
        run::open(record.dir(), store::OpenMode::Resume, identity(prepared))?;
    }
    Ok(())
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
pub(super) fn identity(prepared: &Prepared) -> Vec<(String, String)> {
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    vec![
        pair("Plan-SHA256", &prepared.plan_sha256),
        pair("Data-SHA256", &prepared.document.sha256),
        pair("Tool-Version", crate::VERSION),
    ]
}

/// The analyses that answer, of the specs of the run.
pub(super) fn answers<'a>(record: &RecordedRun, specs: &'a [AnalysisSpec]) -> Result<Vec<Answering<'a>>, CliError> {
    let results = record.file("results.json").map_err(|error| errors::from_artifacts(&error))?.unwrap_or_default();
    Answering::of_record(specs, &results).ok_or_else(|| {
        let message = format!("results.json of {} does not say which of its specs answer", record.dir().display());
        CliError::user(
            message,
            format!("`oci-agent verify {}` says what was changed.", output::shell_word(record.dir())),
        )
    })
}
