//! `oci-agent acic export`.

use super::acic::{data, failed};
use super::acic_args::AcicExportArgs;
use super::args::Global;
use super::errors::CliError;
use super::output;
use crate::acic::error::counted;
use crate::acic::export::{Dataset, Export};
use std::process::ExitCode;

/// Writes datasets out, and prints where each is and what its answers are.
pub(super) fn export(args: &AcicExportArgs, global: &Global) -> Result<ExitCode, CliError> {
    let export = Export::open(&data(&args.data)?, &args.chosen.selection(), &args.out).map_err(failed)?;
    for dataset in export.datasets() {
        export.write(dataset).map_err(failed)?;
        output::stdout(&if global.json { event(dataset) } else { line(dataset) })?;
    }
    if !global.json && global.quiet == 0 {
        let written = counted(export.datasets().len(), "dataset");
        output::stderr(&format!("{written} written. For each: oci-agent run FOLDER/plan.yaml"));
    }
    Ok(ExitCode::SUCCESS)
}

fn line(dataset: &Dataset) -> String {
    format!("{} --truth ate={:?},att={:?}\n", dataset.folder.display(), dataset.known.ate, dataset.known.att)
}

fn event(dataset: &Dataset) -> String {
    let event = serde_json::json!({
        "event": "exported", "setting": dataset.key.setting, "response_id": dataset.key.response,
        "folder": dataset.folder, "truth": {"ate": dataset.known.ate, "att": dataset.known.att},
    });
    format!("{event}\n")
}
