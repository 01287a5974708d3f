//! `oci-agent mcp plan.yaml`.

use super::args::{Global, McpArgs, RunArgs};
use super::errors::{self, CliError};
use super::output::ProgressObserver;
use super::trust::Trust;
use super::{files, mcp_experiment, models, output, run};
use crate::agent::driver::{self, RunInput};
use crate::agent::events::{Observer, ProgressEvent};
use crate::mcp::{self, HostedRun, ServeError};
use crate::plan::{self, ModelSection};
use crate::store::ArtifactStore;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Serves a plan's analysis until the host disconnects.
pub fn mcp(args: McpArgs, global: &Global) -> Result<ExitCode, CliError> {
    if global.json {
        let message = "`--json` and `mcp` both want standard output";
        return Err(CliError::user(message, "Leave `--json` out: the protocol is JSON, and progress goes to stderr."));
    }
    let bytes = files::read_plan_with(&args.location.plan, &args.location.settings)?;
    if plan::experiment::is_experiment(&bytes) {
        return mcp_experiment::serve(&as_run(args), &bytes, global);
    }
    let args = as_run(args);
    let cancel = Arc::new(AtomicBool::new(false));
    errors::stop_on_signal(&cancel)?;
    let mut observer = ProgressObserver::new(false, global.quiet, cancel);
    let served = serve(&args, &mut observer);
    observer.idle();
    served?;
    if global.quiet == 0 {
        output::stderr(format!("The host has left. Read {}/report.md (or report.html).", args.place().display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// A run whose actor is the host.
fn as_run(args: McpArgs) -> RunArgs {
    RunArgs { location: args.location, replay: None, no_model: false, command: "mcp" }
}

fn serve(args: &RunArgs, observer: &mut ProgressObserver) -> Result<(), CliError> {
    let (prepared, catalogue) = run::read(args, observer)?;
    let trust = Trust::gather(&args.location.consent.trust)?;
    // The host is a model too, and so are those behind it.
    observer.idle();
    run::consent_to_data(args, &prepared, &trust)?;
    let critic = models::critic(&prepared.plan, &args.location.plan, &trust)?;
    let critic_price = critic.as_ref().and_then(|critic| critic.price);
    let critic = critic.map(|critic| critic.model);
    // The host acts; only a critic is asked anywhere.
    let mut asked = prepared.plan.clone();
    asked.actor = ModelSection::default();
    for message in models::destinations(&asked, models::Reach::Live(&trust))? {
        observer.on(&ProgressEvent::Note { message });
    }
    let (prepared, ledger) = run::after_ledger(args, prepared, observer)?;
    let mut store = run::store(args, driver::identity(&prepared, &catalogue), observer)?;
    let out = args.place();
    // In full: the host reads it from a folder of its own.
    let out = std::fs::canonicalize(&out).unwrap_or(out).display().to_string();
    let input = RunInput { prepared: &prepared, catalogue: &catalogue, out: &out };
    let hosted = HostedRun { run: input, critic, critic_price };
    match mcp::serve(hosted, &mut store, observer) {
        Ok(outcome) => ledger.add(run::subject(&prepared), &outcome.results, &args.place(), store.branch()),
        Err(ServeError::Run(error)) => Err(run::explain(&error, args)),
        Err(error) => Err(CliError::world(error.to_string(), run::resume_hint(args))),
    }
}
