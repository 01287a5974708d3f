//! Runs that hosts act in: opened for the server, one after another or side by side, each on a thread of its own.

use super::args::RunArgs;
use super::errors::{self, CliError, Kind};
use super::looks::Looks;
use super::models;
use super::output::{ProgressObserver, TerminalStyle};
use super::trust::{self, Trust};
use super::{files, run, run_experiment};
use crate::agent::driver::{self, Outcome, RunInput};
use crate::agent::events::{Observer, ProgressEvent};
use crate::mcp::experiment::{ExperimentSurface, HostedExperiment, serve_experiment};
use crate::mcp::{self, HostedRun, Refused, RunChannel, ServeError, Started, code};
use crate::pipeline::Prepared;
use crate::pipeline::experiment::asked::AssignmentRows;
use crate::pipeline::experiment::{Experiment, prepare};
use crate::plan::{self, ModelSection};
use crate::playbook::Catalogue;
use crate::record::experiment::ExperimentResults;
use crate::store::{ArtifactError, ArtifactStore, GitStore, OpenMode, Situation};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

/// How a run came to its end.
#[derive(Debug)]
pub(super) enum Ended {
    /// The loop settled, or the experiment was run: there is a report.
    WithReport,
    /// The results of an experiment were not opened.
    NotOpened,
}

/// A run as it is asked for.
#[derive(Clone)]
pub(super) struct Wanted {
    /// As `oci-agent run` would be called.
    pub(super) args: RunArgs,
    /// The names of run and plan in the session.
    pub(super) names: (String, String),
    /// Another run beside one that is there.
    pub(super) another: bool,
}

/// What all runs of a server share.
pub(super) struct Hosting {
    pub(super) quiet: u8,
    pub(super) cancel: Arc<AtomicBool>,
    last: Mutex<Option<Result<Ended, CliError>>>,
}

/// A plan that was read before a host asked for its run.
pub(super) enum ReadPlan {
    Study(Box<(Prepared, Catalogue)>),
    Experiment(Box<(Experiment, AssignmentRows)>),
}

impl Hosting {
    pub(super) fn new(quiet: u8, cancel: Arc<AtomicBool>) -> Self {
        Hosting { quiet, cancel, last: Mutex::default() }
    }

    pub(super) fn observer(&self) -> ProgressObserver {
        ProgressObserver::new(false, self.quiet, Arc::clone(&self.cancel))
    }

    /// How the last run ended, if there was one.
    pub(super) fn last(&self) -> Option<Result<Ended, CliError>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Opens a run, and serves it until its host has left it. True if it was opened.
    pub(super) fn host(&self, wanted: &Wanted, read: Option<ReadPlan>, channel: RunChannel) -> bool {
        let mut observer = self.observer();
        let mut opened = false;
        let ended = follow(wanted, read, &mut observer, channel, &mut opened);
        observer.idle();
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(ended);
        opened
    }
}

/// Reads a plan and its data, if the person agrees that models see aggregates of them: the host is a model too, and so are those
/// behind it.
pub(super) fn read(args: &RunArgs, observer: &mut ProgressObserver) -> Result<ReadPlan, CliError> {
    let location = &args.location;
    let bytes = files::read_plan_with(&location.plan, &location.settings)?;
    consented(args, &bytes)?;
    if !plan::experiment::is_experiment(&bytes) {
        let (prepared, catalogue) = run::read(args, observer)?;
        observer.idle();
        let trust = Trust::gather(&location.consent.trust)?;
        models::critic(&prepared.plan, &location.plan, &trust)?;
        return Ok(ReadPlan::Study(Box::new((prepared, catalogue))));
    }
    observer.busy("reading the plan and the data");
    let sources = files::data_sources(&location.plan, &location.data)?;
    let read = prepare::prepare_with_rows(&bytes, &sources);
    observer.idle();
    let read = read.map_err(|error| errors::from_prepare(error, &location.plan, TerminalStyle::of_stderr()))?;
    run_experiment::note_data_elsewhere(args, &read.0, observer)?;
    Ok(ReadPlan::Experiment(Box::new(read)))
}

/// Refuses data from elsewhere before they are read. A plan with problems may name them as well.
pub(super) fn consented(args: &RunArgs, bytes: &[u8]) -> Result<(), CliError> {
    let mut sources: Vec<String> = Vec::new();
    if plan::experiment::is_experiment(bytes) {
        // One with problems is not held against its data.
        let Ok(plan) = plan::experiment::parse_bytes(bytes) else { return Ok(()) };
        sources.push(plan.data.source);
        sources.extend(plan.metrics.into_iter().filter_map(|metric| metric.source));
        sources.extend(plan.logged_actions.map(|logged| logged.source));
    } else {
        sources.extend(plan::read_bytes(bytes).0.map(|plan| plan.data.source));
    }
    let location = &args.location;
    let named = sources.iter().map(String::as_str).filter(|source| !source.is_empty());
    let outside = trust::sources_outside(&location.plan, &location.data, named)?;
    trust::check_outside(&outside, &Trust::gather(&location.consent.trust)?)
}

fn follow(
    wanted: &Wanted,
    read_before: Option<ReadPlan>,
    observer: &mut ProgressObserver,
    channel: RunChannel,
    is_open: &mut bool,
) -> Result<Ended, CliError> {
    let read = match read_before {
        Some(read) => Ok(read),
        None => read(&wanted.args, observer),
    };
    match read {
        Ok(ReadPlan::Study(read)) => study(wanted, *read, observer, channel, is_open),
        Ok(ReadPlan::Experiment(read)) => experiment(wanted, &read, observer, channel),
        Err(error) if redacts(&wanted.args) => {
            channel.refuse(withheld(&wanted.names.1));
            Err(error)
        }
        Err(error) => refuse(channel, error),
    }
}

/// True if a plan keeps names from models: then what is wrong with it is for the person.
pub(super) fn redacts(args: &RunArgs) -> bool {
    let bytes = files::read_plan_with(&args.location.plan, &args.location.settings);
    bytes.is_ok_and(|bytes| plan::read_bytes(&bytes).0.is_some_and(|plan| plan.privacy.redact_names))
}

/// What a host is told of such a plan.
pub(super) fn withheld(plan: &str) -> Refused {
    let message =
        format!("`{plan}` keeps names from models (`privacy.redact_names`), and what is found in it may say them");
    Refused::new(code::NAMES, message).hint("The person can see it with `oci-agent check`.")
}

fn refuse(channel: RunChannel, error: CliError) -> Result<Ended, CliError> {
    channel.refuse(refused(&error));
    Err(error)
}

/// What a host is told of an error of the command line.
pub(super) fn refused(error: &CliError) -> Refused {
    let code = match error.kind {
        // Problems of a plan are rendered with its lines.
        Kind::User if error.rendered.is_some() => code::PLAN,
        Kind::User => code::USER,
        Kind::World => code::WORLD,
        Kind::Gate => code::GATE_WAITING,
        Kind::Bug => code::BUG,
    };
    let hints = error.hints.iter().filter(|hint| !hint.is_empty());
    hints.fold(Refused::new(code, error.message.clone()), |refused, hint| refused.hint(hint.clone()))
}

fn study(
    wanted: &Wanted,
    read: (Prepared, Catalogue),
    observer: &mut ProgressObserver,
    channel: RunChannel,
    is_open: &mut bool,
) -> Result<Ended, CliError> {
    let args = &wanted.args;
    let (prepared, catalogue) = read;
    let ready = ready(args, prepared, observer);
    let (prepared, critic, ledger) = match ready {
        Ok(ready) => ready,
        Err(error) => return refuse(channel, error),
    };
    let opened = opened(wanted, driver::identity(&prepared, &catalogue), observer);
    let store = match opened {
        Ok(store) => store,
        Err(refused) => {
            let (told, error) = *refused;
            channel.refuse(told);
            return Err(error);
        }
    };
    *is_open = true;
    let (recorded_steps, finished) = match store.situation() {
        Situation::Resumed { commits } => (*commits, false),
        Situation::AlreadyFinished { commits } => (*commits, true),
        Situation::Fresh | Situation::NewBranch { .. } | Situation::Restarted { .. } => (0, false),
    };
    let (run, plan) = wanted.names.clone();
    let started = Started { run, plan, branch: Some(store.branch().to_owned()), recorded_steps, finished };
    let out = args.place();
    // In full: the host reads it from a folder of its own.
    let full = std::fs::canonicalize(&out).unwrap_or(out).display().to_string();
    let input = RunInput { prepared: &prepared, catalogue: &catalogue, out: &full };
    let critic_price = critic.as_ref().and_then(|critic| critic.price);
    let hosted = HostedRun { run: input, critic: critic.map(|critic| critic.model), critic_price, started };
    let mut unrecorded = None;
    let mut on_record = |outcome: &Outcome, branch: &str| {
        unrecorded = ledger.add(run::subject(&prepared), &outcome.results, &args.place(), branch).err();
    };
    match mcp::serve_run(hosted, store, observer, &mut on_record, channel) {
        Ok(_) => unrecorded.map_or(Ok(Ended::WithReport), Err),
        Err(ServeError::Run(error)) => Err(run::explain(&error, args)),
        Err(error @ ServeError::Left) => Err(CliError::world(error.to_string(), run::resume_hint(args))),
    }
}

type Ready = (Prepared, Option<models::PricedModel>, super::ledger::Ledger);

/// What a run needs beside its repository.
fn ready(args: &RunArgs, prepared: Prepared, observer: &mut ProgressObserver) -> Result<Ready, CliError> {
    let trust = Trust::gather(&args.location.consent.trust)?;
    let critic = models::critic(&prepared.plan, &args.location.plan, &trust)?;
    // The host acts; only a critic is asked anywhere.
    let mut asked = prepared.plan.clone();
    asked.actor = ModelSection::default();
    for message in models::destinations(&asked, models::Reach::Live(&trust))? {
        observer.on(&ProgressEvent::Note { message });
    }
    let (prepared, ledger) = run::after_ledger(args, prepared, observer)?;
    Ok((prepared, critic, ledger))
}

/// The repository: the run that is there is gone on with if it is of the same plan, data and version.
fn opened(
    wanted: &Wanted,
    identity: Vec<(String, String)>,
    observer: &mut ProgressObserver,
) -> Result<GitStore, Box<(Refused, CliError)>> {
    let (args, place) = (&wanted.args, wanted.args.place());
    let mode = match (args.location.force, wanted.another) {
        (true, _) => OpenMode::Force,
        (_, true) => OpenMode::New,
        _ => OpenMode::Resume,
    };
    let store = match run::open_as(&place, mode, identity.clone()) {
        Err(ArtifactError::OtherRun { .. }) if !args.location.resume => {
            let message =
                "the run that is there is of another plan, other data or another version; this one goes beside it";
            observer.on(&ProgressEvent::Note { message: message.to_owned() });
            run::open_as(&place, OpenMode::New, identity)
        }
        opened => opened,
    };
    let store = store.map_err(|error| Box::new((Refused::of_store(&error), errors::from_artifacts(&error))))?;
    run::settled_in(store, args, observer).map_err(|error| Box::new((refused(&error), error)))
}

fn experiment(
    wanted: &Wanted,
    read: &(Experiment, AssignmentRows),
    observer: &mut ProgressObserver,
    channel: RunChannel,
) -> Result<Ended, CliError> {
    let (experiment, rows) = read;
    let args = &wanted.args;
    let looks = match Looks::beside(&args.place()) {
        Ok(looks) => looks,
        Err(error) => return refuse(channel, error),
    };
    let earlier = looks.earlier(&experiment.plan, &experiment.plan_sha256, &experiment.table.sha256);
    let out = args.place();
    // In full: the host reads it from a folder of its own.
    let out = std::path::absolute(&out).unwrap_or(out).display().to_string();
    let hosted = HostedExperiment { experiment, rows, looks: &earlier, out: &out };
    let (run, plan) = wanted.names.clone();
    let started = Started { run, plan, branch: None, recorded_steps: 0, finished: false };
    let mut surface = Surface { args, experiment, observer, failed: None };
    let opened = serve_experiment(hosted, started, channel, &mut surface);
    match (opened, surface.failed.take()) {
        (Some(_), _) => Ok(Ended::WithReport),
        (None, Some(error)) => Err(error),
        (None, None) if surface.cancelled() => {
            Err(CliError::world("stopped, as you asked", "The results were not opened."))
        }
        (None, None) => Ok(Ended::NotOpened),
    }
}

/// The run of an experiment, as `oci-agent run` makes it.
struct Surface<'a> {
    args: &'a RunArgs,
    experiment: &'a Experiment,
    observer: &'a mut ProgressObserver,
    /// Why the last attempt ended early.
    failed: Option<CliError>,
}

impl ExperimentSurface for Surface<'_> {
    fn run(&mut self) -> Result<ExperimentResults, Refused> {
        let ended = run_experiment::open_results(self.args, self.experiment, self.observer);
        self.observer.idle();
        ended.map_err(|error| {
            let told = refused(&error);
            self.failed = Some(error);
            told
        })
    }
}

impl Observer for Surface<'_> {
    fn on(&mut self, event: &ProgressEvent) {
        self.observer.on(event);
    }

    fn cancelled(&self) -> bool {
        self.observer.cancelled()
    }

    fn elapsed(&self) -> f64 {
        self.observer.elapsed()
    }
}

/// The name of a path in a session.
pub(super) fn named(path: &Path) -> String {
    path.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}
