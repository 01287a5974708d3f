//! `oci-agent mcp plan.yaml` for the plan of an experiment.

use super::args::{Global, RunArgs};
use super::errors::{self, CliError};
use super::looks::Looks;
use super::output::{self, ProgressObserver, TerminalStyle};
use super::trust::{self, Trust};
use super::{files, run_experiment};
use crate::agent::events::{Observer, ProgressEvent};
use crate::mcp::ServeError;
use crate::mcp::experiment::{ExperimentSurface, HostedExperiment, serve_experiment};
use crate::pipeline::experiment::{Experiment, prepare};
use crate::record::experiment::ExperimentResults;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Serves an experiment until the host disconnects. Nothing is written unless the host runs it.
pub(super) fn serve(args: &RunArgs, bytes: &[u8], global: &Global) -> Result<ExitCode, CliError> {
    let cancel = Arc::new(AtomicBool::new(false));
    errors::stop_on_signal(&cancel)?;
    let mut observer = ProgressObserver::new(false, global.quiet, cancel);
    let served = follow(args, bytes, &mut observer);
    observer.idle();
    let opened = served?;
    if global.quiet == 0 {
        output::stderr(if opened {
            format!("The host has left. Read {}/report.md (or report.html).", args.place().display())
        } else {
            "The host has left. The results were not opened, and nothing was written.".to_owned()
        });
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether the results were opened.
fn follow(args: &RunArgs, bytes: &[u8], observer: &mut ProgressObserver) -> Result<bool, CliError> {
    observer.busy("reading the plan and the data");
    let location = &args.location;
    let sources = files::data_sources(&location.plan, &location.data)?;
    let read = prepare::prepare_with_rows(bytes, &sources);
    observer.idle();
    let (experiment, rows) =
        read.map_err(|error| errors::from_prepare(error, &location.plan, TerminalStyle::of_stderr()))?;
    // The host is a model too, and so are those behind it.
    let sources = experiment.table.files.keys().map(String::as_str);
    let outside = trust::sources_outside(&location.plan, &location.data, sources)?;
    trust::check_outside(&outside, &Trust::gather(&location.consent.trust)?)?;
    run_experiment::note_data_elsewhere(args, &experiment, observer)?;
    let looks = Looks::beside(&args.place())?;
    let earlier = looks.earlier(&experiment.plan, &experiment.plan_sha256, &experiment.table.sha256);
    let out = args.place();
    // In full: the host reads it from a folder of its own.
    let out = std::path::absolute(&out).unwrap_or(out).display().to_string();
    let hosted = HostedExperiment { experiment: &experiment, rows: &rows, looks: &earlier, out: &out };
    let mut surface = Surface { args, experiment: &experiment, observer, failed: None };
    let ended = serve_experiment(hosted, &mut surface);
    let (stopped, failed) = (surface.cancelled(), surface.failed.take());
    match ended {
        Ok(Some(_)) => Ok(true),
        Ok(None) => match failed {
            Some(error) => Err(error),
            None if stopped => Err(CliError::world("stopped, as you asked", "The results were not opened.")),
            None => Ok(false),
        },
        Err(error @ (ServeError::Left | ServeError::Run(_) | ServeError::Start(_))) => {
            Err(CliError::world(error.to_string(), "Nothing was written; start the server again."))
        }
    }
}

/// The run, as `oci-agent run` makes it.
struct Surface<'a> {
    args: &'a RunArgs,
    experiment: &'a Experiment,
    observer: &'a mut ProgressObserver,
    /// Why the last attempt ended early.
    failed: Option<CliError>,
}

impl ExperimentSurface for Surface<'_> {
    fn run(&mut self) -> Result<ExperimentResults, String> {
        let ended = run_experiment::open_results(self.args, self.experiment, self.observer);
        self.observer.idle();
        ended.map_err(|error| {
            let told = [std::slice::from_ref(&error.message), error.hints.as_slice()].concat().join(". ");
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
