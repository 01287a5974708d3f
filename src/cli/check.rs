//! `oci-agent check plan.yaml`.

use super::args::{CheckArgs, Global};
use super::errors::{self, CliError};
use super::{files, output};
use crate::pipeline::{self, Prepared};
use std::process::ExitCode;

/// Holds the plan against its data and says what would be analysed.
pub fn check(args: &CheckArgs, global: &Global) -> Result<ExitCode, CliError> {
    let bytes = files::read_plan(&args.plan)?;
    let root = files::data_root(&args.plan, &args.data)?;
    let prepared = pipeline::prepare::prepare(&bytes, &root)
        .map_err(|error| errors::from_prepare(error, &args.plan, output::TerminalStyle::of_stderr()))?;
    if let Some(message) = files::data_elsewhere(&args.plan, &args.data, &root, &prepared.plan.data.source) {
        output::stderr(&output::plain(&message));
    }
    let text = if global.json { json(&prepared) } else { pipeline::steps::checked(&prepared) };
    if global.json || global.quiet == 0 {
        output::stdout(&text)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn json(prepared: &Prepared) -> String {
    let event = serde_json::json!({
        "event": "checked",
        "plan_sha256": prepared.plan_sha256,
        "data_sha256": prepared.document.sha256,
        "spec_sha256": prepared.draft.sha256(),
        "counters": prepared.counters(),
    });
    format!("{event}\n")
}
