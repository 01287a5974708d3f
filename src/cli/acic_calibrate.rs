//! `oci-agent acic calibrate`.

use super::acic::{data, failed};
use super::acic_args::AcicCalibrateArgs;
use super::args::Global;
use super::errors::CliError;
use super::output;
use crate::acic::AcicError;
use crate::acic::calibrate::families::Families;
use crate::acic::calibrate::render::How;
use crate::acic::calibrate::{self, Request};
use crate::acic::error::counted;
use crate::acic::out::Out;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Datasets between two lines of progress.
const EVERY: usize = 20;

/// Calibrates the diagnostics on a replay and on simulated families.
pub fn calibrate(args: &AcicCalibrateArgs, global: &Global) -> Result<ExitCode, CliError> {
    let out = Out::open(&args.place.out).map_err(failed)?;
    let replayed = calibrate::replayed(&out, &data(&args.data)?).map_err(failed)?;
    if replayed.is_empty() {
        let message = "the replay has no estimates; finish it with `oci-agent acic run`".to_owned();
        return Err(failed(AcicError::Request(message)));
    }
    let (estimators, budget) = calibrate::recipe(&out).map_err(failed)?;
    let request = Request {
        families: &args.families,
        replicates: args.replicates as usize,
        rows: args.rows as usize,
        seed: args.seed,
        estimators: &estimators,
        budget,
    };
    let (done, of) = (AtomicUsize::new(0), request.families.0.len() * request.replicates);
    let progress = || {
        let done = done.fetch_add(1, Ordering::SeqCst) + 1;
        if global.quiet == 0 && !global.json && (done.is_multiple_of(EVERY) || done == of) {
            output::stderr(&format!("{done}/{of} simulated datasets"));
        }
    };
    let (there, missing) = out.estimates().map_err(failed)?;
    let planned = out.identity().datasets.len();
    let replay = format!(
        "{} of {planned} datasets are there ({} rows), made by version {}, part `{}`.",
        planned - missing.len(),
        there.len(),
        out.identity().version,
        out.identity().split
    );
    let calibration = calibrate::calibrate(replayed, &request, &progress).map_err(failed)?;
    let page = calibration.markdown(&How { replay, command: command(args), request: &request });
    out.document("calibration.csv", calibration.csv().as_bytes()).map_err(failed)?;
    out.document("calibration_cases.csv", calibration.cases_csv().as_bytes()).map_err(failed)?;
    match &args.table {
        Some(file) => {
            if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                std::fs::create_dir_all(folder).map_err(|error| CliError::io(folder, "create", &error))?;
            }
            std::fs::write(file, &page).map_err(|error| CliError::io(file, "write", &error))?;
        }
        None if global.json => {}
        None => output::stdout(&page)?,
    }
    if global.json {
        let files = ["calibration.csv", "calibration_cases.csv"];
        let event = serde_json::json!({"event": "calibrated", "cases": calibration.cases.len(), "files": files});
        output::stdout(&format!("{event}\n"))?;
    } else if global.quiet == 0 {
        let cases = counted(calibration.cases.len(), "case");
        output::stderr(&format!("{cases}; tables in {}/calibration.csv", args.place.out.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// The command in full: what was left to defaults is written out, since defaults change.
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
