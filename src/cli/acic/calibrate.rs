//! `oci-agent acic calibrate`.

use super::args::AcicCalibrateArgs;
use super::{data_folder, failed};
use crate::cli::args::Global;
use crate::cli::errors::CliError;
use crate::cli::output;
use crate::replay::analyse::FamilyPipeline;
use crate::replay::calibration_page::{self, Making};
use crate::replay::data;
use acic::AcicError;
use acic::calibrate::families::Families;
use acic::calibrate::{self, Calibration, Request};
use acic::output_folder::OutputFolder;
use acic::text::counted;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Datasets between two lines of progress.
const EVERY: usize = 20;

/// Calibrates the diagnostics on a replay and on simulated families.
pub(super) fn calibrate(args: &AcicCalibrateArgs, global: &Global) -> Result<ExitCode, CliError> {
    let out = OutputFolder::open(&args.place.out).map_err(failed)?;
    let source = data::open(&data_folder(&args.data)?).map_err(failed)?;
    let cases = calibrate::replayed(&out, &source).map_err(failed)?;
    if cases.is_empty() {
        let message = "the replay has no estimates; finish it with `oci-agent acic run`".to_owned();
        return Err(failed(AcicError::Request(message)));
    }
    let replayed = calibrate::recipe(&out).map_err(failed)?;
    let rubric = calibration_page::rubric();
    let request = Request {
        families: &args.families,
        replicates: args.replicates as usize,
        rows: args.rows as usize,
        seed: args.seed,
        estimators: &replayed.estimators,
        budget: replayed.budget,
        rubric: &rubric,
    };
    let replay = scope(&out)?;
    let analyst = FamilyPipeline { estimators: request.estimators, budget: request.budget };
    let (done, total) = (AtomicUsize::new(0), request.families.0.len() * request.replicates);
    let progress = || {
        // Datasets finish in any order, so they are counted and not numbered.
        let done = done.fetch_add(1, Ordering::SeqCst) + 1;
        if global.quiet == 0 && !global.json && (done.is_multiple_of(EVERY) || done == total) {
            output::stderr(format!("{done}/{total} simulated datasets"));
        }
    };
    let calibration = calibrate::calibrate(cases, &request, &analyst, &progress).map_err(failed)?;
    let making = Making { replay, command: command(args), request: &request };
    let page = calibration_page::markdown(&calibration, &making);
    out.document("calibration.csv", calibration.calibration_csv().as_bytes()).map_err(failed)?;
    out.document("calibration_cases.csv", calibration.cases_csv().as_bytes()).map_err(failed)?;
    match &args.table {
        Some(file) => write_page(file, &page)?,
        None if global.json => {}
        None => output::stdout(&page)?,
    }
    tell(&calibration, args, global)
}

/// The replay in a sentence.
fn scope(out: &OutputFolder) -> Result<String, CliError> {
    let (there, missing) = out.estimates().map_err(failed)?;
    let planned = out.identity().datasets.len();
    Ok(format!(
        "{} of {planned} datasets are there ({} rows), made by version {}, part `{}`.",
        planned - missing.len(),
        there.len(),
        out.identity().version,
        out.identity().split
    ))
}

fn write_page(file: &Path, page: &str) -> Result<(), CliError> {
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| CliError::io(folder, "create", &error))?;
    }
    std::fs::write(file, page).map_err(|error| CliError::io(file, "write", &error))
}

fn tell(calibration: &Calibration, args: &AcicCalibrateArgs, global: &Global) -> Result<ExitCode, CliError> {
    if global.json {
        let files = ["calibration.csv", "calibration_cases.csv"];
        let event = serde_json::json!({"event": "calibrated", "cases": calibration.cases.len(), "files": files});
        output::json_line(&event)?;
    } else if global.quiet == 0 {
        let cases = counted(calibration.cases.len(), "case");
        output::stderr(format!("{cases}; tables in {}/calibration.csv", args.place.out.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// The command in full, defaults included, since defaults change.
fn command(args: &AcicCalibrateArgs) -> String {
    let Families(families) = &args.families;
    let families: Vec<&str> = families.iter().map(|family| family.key()).collect();
    let mut words = format!("oci-agent acic calibrate --out {}", args.place.out.display());
    if let Some(data) = &args.data.data {
        words += &format!(" --data {}", data.display());
    }
    words += &format!(" --families {} --replicates {}", families.join(","), args.replicates);
    words += &format!(" --rows {} --seed {}", args.rows, args.seed);
    if let Some(table) = &args.table {
        words += &format!(" --table {}", table.display());
    }
    words
}
