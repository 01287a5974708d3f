//! `oci-agent mcp plan.yaml`.

use super::args::{Global, McpArgs, RunArgs};
use super::errors::{self, CliError};
use super::output::Follower;
use super::{models, output, run};
use crate::agent::driver::RunInput;
use crate::agent::events::{Event, Observer};
use crate::mcp::{self, Hosting, ServeError};
use crate::plan::ModelSection;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Serves a plan's analysis until the host disconnects.
pub fn mcp(args: McpArgs, global: &Global) -> Result<ExitCode, CliError> {
    if global.json {
        let message = "`--json` and `mcp` both want standard output";
        return Err(CliError::user(message, "Leave `--json` out: the protocol is JSON, and progress goes to stderr."));
    }
    let args = as_run(args);
    let cancel = Arc::new(AtomicBool::new(false));
    errors::stop_on_signal(&cancel)?;
    let mut follower = Follower::new(false, global.quiet, cancel);
    let served = serve(&args, &mut follower);
    follower.idle();
    served?;
    if global.quiet == 0 {
        output::stderr(&format!("The host has left. Read {}/report.md (or report.html).", args.place().display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// A run whose actor is the host.
fn as_run(args: McpArgs) -> RunArgs {
    RunArgs {
        plan: args.plan,
        out: args.out,
        resume: args.resume,
        force: args.force,
        data: args.data,
        playbooks: args.playbooks,
        replay: None,
        no_model: false,
        command: "mcp",
    }
}

fn serve(args: &RunArgs, follower: &mut Follower) -> Result<(), CliError> {
    let (prepared, catalogue) = run::read(args, follower)?;
    let (critic, critic_price) = models::critic(&prepared.plan, &args.plan)?.unzip();
    // The host acts; only a critic is asked anywhere.
    let mut asked = prepared.plan.clone();
    asked.actor = ModelSection::default();
    for message in models::destinations(&asked, models::Reach::Live) {
        follower.on(&Event::Note { message });
    }
    let mut store = run::store(args, &prepared, &catalogue, follower)?;
    let out = args.place();
    let out = std::fs::canonicalize(&out).unwrap_or(out).display().to_string();
    let input = RunInput { prepared: &prepared, catalogue: &catalogue, out: &out };
    let hosting = Hosting { run: input, critic, critic_price: critic_price.flatten() };
    match mcp::serve(hosting, &mut store, follower) {
        Ok(_) => Ok(()),
        Err(ServeError::Run(error)) => Err(run::explain(&error, args)),
        Err(error) => Err(CliError::world(error.to_string(), run::resume_hint(args))),
    }
}
