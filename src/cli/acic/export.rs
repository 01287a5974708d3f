//! `oci-agent acic export`.

use super::args::AcicExportArgs;
use super::{data_folder, failed};
use crate::cli::args::Global;
use crate::cli::errors::CliError;
use crate::cli::output;
use crate::replay::{data, plan};
use crate::text::terminal::TerminalText;
use acic::export::{DATA, Dataset, Export};
use acic::text::counted;
use causal::estimator::EstimatorKind;
use causal::learner_kind::Effort;
use std::process::ExitCode;

/// The estimators and the budget of an exported plan: those of `oci-agent acic run` by default.
const ESTIMATORS: &[EstimatorKind] = &[EstimatorKind::DrAverage];
const BUDGET: Effort = Effort::Fast;

/// Writes datasets out, and prints the folder and the answers of each.
pub(super) fn export(args: &AcicExportArgs, global: &Global) -> Result<ExitCode, CliError> {
    let source = data::open(&data_folder(&args.data)?).map_err(failed)?;
    let export = Export::open(source, &args.chosen.selection(), &args.out).map_err(failed)?;
    for dataset in export.datasets() {
        let plan = plan::for_dataset(dataset.key, DATA, ESTIMATORS, BUDGET);
        export.write(dataset, &plan).map_err(failed)?;
        output::stdout(if global.json { TerminalText::json(&event(dataset)) } else { line(dataset).into() })?;
    }
    if !global.json && global.quiet == 0 {
        let written = counted(export.datasets().len(), "dataset");
        output::stderr(format!("{written} written. For each: oci-agent run FOLDER/plan.yaml"));
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
