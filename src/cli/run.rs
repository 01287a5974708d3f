//! `oci-agent run plan.yaml`.

use super::args::{Global, RunArgs};
use super::errors::{self, CliError};
use super::ledger::{Ledger, Subject};
use super::models::{self, Reach};
use super::output::{self, ProgressObserver, TerminalStyle};
use super::sources::DataSources;
use super::trust::{self, Trust};
use super::{env, files, playbook, run_experiment};
use crate::agent::driver::{self, Outcome, RunError};
use crate::agent::events::{Observer, ProgressEvent};
use crate::critique::earlier;
use crate::finding::Tier;
use crate::llm::ModelError;
use crate::pipeline::sparse_levels::sparse_levels;
use crate::pipeline::{Prepared, prepare};
use crate::plan::{self, Gate, Plan};
use crate::playbook::Catalogue;
use crate::report::{self, terminal};
use crate::store;
use crate::store::{ArtifactError, ArtifactStore, GitStore, Notice, OpenMode, OpenOptions, Situation};
use crate::text::lines::capitalised;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Runs a plan to its verdicts.
pub fn run(args: &RunArgs, global: &Global) -> Result<ExitCode, CliError> {
    let bytes = files::read_plan_with(&args.location.plan, &args.location.settings)?;
    if plan::experiment::is_experiment(&bytes) {
        return run_experiment::run(args, &bytes, global);
    }
    let cancel = Arc::new(AtomicBool::new(false));
    errors::stop_on_signal(&cancel)?;
    study(args, global, cancel)
}

/// Runs the plan of a study, until `cancel` is set.
pub(super) fn study(args: &RunArgs, global: &Global, cancel: Arc<AtomicBool>) -> Result<ExitCode, CliError> {
    let mut observer = ProgressObserver::new(global.json, global.quiet, cancel);
    let ended = follow(args, &mut observer);
    observer.idle();
    let (outcome, plan) = ended?;
    // The run itself went well, so what was lost on the way out is told last.
    if let Some(lost) = observer.failure() {
        return Err(lost);
    }
    if !global.json {
        let style = TerminalStyle::of_stdout();
        output::stdout(terminal::first_page(&outcome.results, &plan, style.width, style.color))?;
        if global.quiet == 0 {
            output::stderr(closing(&outcome, args));
            if plan.gates.contains(&Gate::Publish) {
                let out = output::shell_word(&args.place());
                output::stderr(format!("It is published when a person has approved it: oci-agent review {out}"));
            }
        }
    }
    if !outcome.accepted && (global.json || global.quiet > 0) {
        output::stderr(accepted_or_why(&outcome));
    }
    Ok(if outcome.accepted { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn follow(args: &RunArgs, observer: &mut ProgressObserver) -> Result<(Outcome, Plan), CliError> {
    let (prepared, catalogue) = read(args, observer)?;
    let trust = Trust::gather(&args.location.consent.trust)?;
    let reach = match (&args.replay, args.no_model) {
        (_, true) => Reach::NoModel,
        (Some(folder), _) => Reach::Replay(folder),
        (None, _) => Reach::Live(&trust),
    };
    let asked = prepared.plan.actor.is_model() || prepared.plan.critic.is_model();
    if asked && matches!(reach, Reach::Live(_)) {
        observer.idle();
        consent_to_data(args, &prepared, &trust)?;
    }
    let mut participants = models::participants(&prepared.plan, &args.location.plan, reach)?;
    for message in models::destinations(&prepared.plan, reach)? {
        observer.on(&ProgressEvent::Note { message });
    }
    if args.replay.is_some() {
        observer.without_clock();
    }
    let (prepared, ledger) = after_ledger(args, prepared, observer)?;
    let mut store = store(args, driver::identity(&prepared, &catalogue), observer)?;
    let out = args.place().display().to_string();
    let told = store.notices().len();
    let ended = driver::run(
        &driver::RunInput { prepared: &prepared, catalogue: &catalogue, out: &out },
        &mut participants,
        &mut store,
        observer,
    );
    tell(store.notices().get(told..).unwrap_or_default(), observer);
    let outcome = ended.map_err(|error| without_design(&error, explain(&error, args), &prepared))?;
    ledger.add(subject(&prepared), &outcome.results, &args.place(), store.branch())?;
    Ok((outcome, prepared.plan))
}

/// The plan, held against what was unblinded before it.
pub(super) fn after_ledger(
    args: &RunArgs,
    prepared: Prepared,
    observer: &mut dyn Observer,
) -> Result<(Prepared, Ledger), CliError> {
    let ledger = Ledger::beside(&args.place())?;
    for note in &ledger.notes {
        observer.on(&ProgressEvent::Note { message: note.clone() });
    }
    let before = ledger.earlier(subject(&prepared));
    if !before.is_empty() {
        observer.on(&ProgressEvent::Note { message: earlier::count(before.len() + 1) });
    }
    Ok((prepared.after(before), ledger))
}

pub(super) fn subject(prepared: &Prepared) -> Subject<'_> {
    Subject {
        data_sha256: &prepared.document.sha256,
        outcome: &prepared.plan.outcome.column,
        plan_sha256: &prepared.plan_sha256,
    }
}

/// What the store mended or could not do.
pub(super) fn tell(notices: &[Notice], observer: &mut ProgressObserver) {
    for notice in notices {
        observer.on(&ProgressEvent::Note { message: notice.to_string() });
    }
}

/// Refuses data that do not lie beside the plan where models take part and the person has not agreed.
pub(super) fn consent_to_data(args: &RunArgs, prepared: &Prepared, trust: &Trust) -> Result<(), CliError> {
    trust::check_outside(&trust::data_outside(&args.location.plan, &args.location.data, &prepared.plan)?, trust)
}

/// The plan held against its data, and the playbooks.
pub(super) fn read(args: &RunArgs, observer: &mut ProgressObserver) -> Result<(Prepared, Catalogue), CliError> {
    let sources = files::data_sources(&args.location.plan, &args.location.data)?;
    read_from(&sources, args, observer)
}

/// The same, from sources that are read again.
pub(super) fn read_from(
    sources: &DataSources,
    args: &RunArgs,
    observer: &mut ProgressObserver,
) -> Result<(Prepared, Catalogue), CliError> {
    let bytes = files::read_plan_with(&args.location.plan, &args.location.settings)?;
    observer.busy("reading the plan and the data");
    let prepared = prepare::prepare(&bytes, sources).map_err(|error| {
        observer.idle();
        errors::from_prepare(error, &args.location.plan, TerminalStyle::of_stderr())
    })?;
    let location = &args.location;
    let source = &prepared.plan.data.source;
    let elsewhere = files::data_elsewhere(&location.plan, &location.data, sources.root(), source);
    if let Some(message) = elsewhere {
        observer.on(&ProgressEvent::Note { message });
    }
    Ok((prepared, playbook::catalogue(args.location.playbooks.as_deref())?))
}

/// The run's repository, opened as the arguments say.
pub(super) fn store(
    args: &RunArgs,
    identity: Vec<(String, String)>,
    observer: &mut ProgressObserver,
) -> Result<GitStore, CliError> {
    let mode = if args.location.force {
        OpenMode::Force
    } else if args.location.resume {
        OpenMode::Resume
    } else {
        OpenMode::New
    };
    settled_in(open(&args.place(), mode, identity)?, args, observer)
}

/// An opened repository, told where the data are; and the person, where the run goes.
pub(super) fn settled_in(
    mut store: GitStore,
    args: &RunArgs,
    observer: &mut ProgressObserver,
) -> Result<GitStore, CliError> {
    remember_data_root(&mut store, &files::data_root(&args.location.plan, &args.location.data)?)?;
    tell(store.notices(), observer);
    if let Some(message) = situation(store.situation(), store.branch(), args) {
        observer.on(&ProgressEvent::Note { message });
    }
    Ok(store)
}

impl RunArgs {
    /// Where the run goes.
    pub(super) fn place(&self) -> PathBuf {
        self.location.out.clone().unwrap_or_else(|| default_out(&self.location.plan))
    }
}

pub(super) fn open(out: &Path, mode: OpenMode, identity: Vec<(String, String)>) -> Result<GitStore, CliError> {
    open_as(out, mode, identity).map_err(|error| errors::from_artifacts(&error))
}

/// The same, for callers that tell errors apart.
pub(super) fn open_as(out: &Path, mode: OpenMode, identity: Vec<(String, String)>) -> Result<GitStore, ArtifactError> {
    let options = OpenOptions {
        mode,
        clock: Box::new(env::now),
        author: store::configured_author().unwrap_or_default(),
        identity,
        trust: files::trust(),
    };
    GitStore::open(out, options)
}

/// The note to the person on where this run goes.
fn situation(found: &Situation, branch: &str, args: &RunArgs) -> Option<String> {
    let (out, again) = (output::shell_word(&args.place()), resume_command(args));
    match found {
        Situation::Fresh if args.location.resume => {
            Some(format!("there is no run in {out} to continue, so this one starts from the beginning"))
        }
        Situation::Fresh => None,
        Situation::NewBranch { previous, previous_finished: true } => Some(format!(
            "the run on branch {previous} stays as it is; this one goes on branch {branch} beside it (--force would start {previous} again)"
        )),
        Situation::NewBranch { previous, previous_finished: false } => Some(format!(
            "the run on branch {previous} is not finished and stays as it is; this one goes on branch {branch} beside it. \
             To continue the unfinished one instead: git -C {out} switch {previous}, then {again}"
        )),
        Situation::Restarted { kept_as } => {
            Some(format!("starting branch {branch} again; its old tip is kept as tag {kept_as}"))
        }
        Situation::Resumed { commits } => {
            Some(format!("continuing branch {branch}: {commits} recorded steps are recomputed and compared first"))
        }
        Situation::AlreadyFinished { commits } => Some(format!(
            "branch {branch} is finished: its {commits} steps are recomputed and compared, nothing is added"
        )),
    }
}

/// Where the data are is a fact of this machine, not of the run: it goes to the repository's own git configuration, so
/// that the notebook's cells find them, and never into a commit.
fn remember_data_root(store: &mut GitStore, root: &Path) -> Result<(), CliError> {
    let absolute = std::fs::canonicalize(root).map_err(|error| CliError::io(root, "find", &error))?;
    store.location_note("data-root", &absolute.to_string_lossy()).map_err(|error| errors::from_artifacts(&error))
}

/// `oci-runs/<name>`: the plan's file name, or its folder's where the file is just called plan.yaml.
pub(super) fn default_out(plan: &Path) -> PathBuf {
    let stem = plan.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    // A bare `plan.yaml` has no folder in its path.
    let absolute = std::fs::canonicalize(plan).unwrap_or_else(|_| plan.to_path_buf());
    let folder = absolute.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let name = if stem == "plan" { folder.unwrap_or(stem) } else { stem };
    Path::new("oci-runs").join(name)
}

/// Where no comparison can be made, every level that one arm does not have is told at once, with what would help.
fn without_design(error: &RunError, mut told: CliError, prepared: &Prepared) -> CliError {
    if matches!(error, RunError::NoDesign(_))
        && let Some([what, fix]) = report::sparse_levels::told(&sparse_levels(prepared))
    {
        told.hints = vec![format!("{}.", capitalised(&what)), format!("{}.", capitalised(&fix))];
    }
    told
}

pub(super) fn explain(error: &RunError, args: &RunArgs) -> CliError {
    // What has to be changed in the plan cannot be continued: the record is of the plan as it was.
    let in_the_plan = matches!(
        error,
        RunError::Model(ModelError::Refused { .. } | ModelError::NotThisProtocol { .. } | ModelError::Settings { .. })
    );
    let again = "If the plan changes, run it again: the new run goes on a branch of its own. Otherwise, ";
    if matches!(error, RunError::Gate(_)) {
        let review = format!("oci-agent review {}", output::shell_word(&args.place()));
        return errors::from_run(error, &format!("Decide with: {review}\nThen go on with: {}", resume_command(args)));
    }
    let hint = if in_the_plan { format!("{again}{}", resume_command(args)) } else { resume_hint(args) };
    errors::from_run(error, &hint)
}

/// A hint that leads on with a run that was interrupted.
pub(super) fn resume_hint(args: &RunArgs) -> String {
    format!("Everything up to here is on record. Continue with: {}", resume_command(args))
}

/// The command that goes on with this run, ready to be pasted.
fn resume_command(args: &RunArgs) -> String {
    let mut command = format!("oci-agent {} {}", args.command, output::shell_word(&args.location.plan));
    let places = [
        ("--out", &args.location.out),
        ("--data-root", &args.location.data.data_root),
        ("--playbooks", &args.location.playbooks),
        ("--replay", &args.replay),
    ];
    for (flag, place) in places {
        if let Some(place) = place {
            command.push_str(&format!(" {flag} {}", output::shell_word(place)));
        }
    }
    for assignment in &args.location.settings.set {
        command.push_str(&format!(" --set {}", output::shell_word(Path::new(assignment))));
    }
    if args.no_model {
        command.push_str(" --no-model");
    }
    command + " --resume"
}

/// A path as a shell takes it.
fn closing(outcome: &Outcome, args: &RunArgs) -> String {
    let place = args.place();
    let report = output::shell_word(&place.join("report.md"));
    let out = output::shell_word(&place);
    let conduct = outcome.results.conduct.as_ref();
    let mut lines: Vec<String> = conduct.map(|conduct| conduct.shortfalls.clone()).unwrap_or_default();
    lines.push(accepted_or_why(outcome).to_owned());
    lines.push(format!("Read {report} (or report.html), or step by step: git -C {out} log -p --reverse"));
    lines.join("\n")
}

/// Whether the run was accepted, and why not, in a sentence.
fn accepted_or_why(outcome: &Outcome) -> &'static str {
    let conduct = outcome.results.conduct.as_ref();
    let graded = outcome.results.answers.iter().all(|answer| answer.tier > Tier::NotSatisfactory);
    let ended = if conduct.is_some_and(|conduct| conduct.stopped.is_some()) {
        "Not accepted: a budget ended the run before it was done. The report shows what it had."
    } else {
        "Not accepted: a language model did not deliver what it was asked for. The report shows what there is."
    };
    match (outcome.accepted, graded) {
        (true, _) => "Accepted: every estimand got at least satisfactory_with_caveats.",
        (false, true) => ended,
        (false, false) => {
            "Not accepted: at least one estimand is not_satisfactory. The report says why, and what would help."
        }
    }
}
