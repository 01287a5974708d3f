//! `oci-agent simulate`.

use super::args::{AccuracyArgs, CoverageArgs, Global, SimulateCommand};
use super::env;
use super::errors::CliError;
use super::output;
use crate::accuracy::{self, Accuracy, Study as AccuracyStudy};
use crate::spec::FEWEST_ROWS;
use causal::simulate::Setup;
use causal::simulate::coverage;
use causal::simulate::coverage::{Coverage, Study};
use std::path::Path;
use std::process::ExitCode;

/// Runs a simulation study.
pub fn simulate(command: &SimulateCommand, global: &Global) -> Result<ExitCode, CliError> {
    match command {
        SimulateCommand::Coverage(args) => coverage(args, global),
        SimulateCommand::Accuracy(args) => accuracy(args, global),
    }
}

fn accuracy(args: &AccuracyArgs, global: &Global) -> Result<ExitCode, CliError> {
    let families = if args.families.is_empty() { Setup::ALL.to_vec() } else { args.families.clone() };
    let study = AccuracyStudy { families, rows: args.rows.clone(), replicates: args.replicates, seed: args.seed };
    std::fs::create_dir_all(&args.out).map_err(|error| CliError::io(&args.out, "create", &error))?;
    let mut all = Accuracy::default();
    for family in &study.families {
        for rows in &study.rows {
            if global.quiet == 0 {
                output::stderr(format!("{}, {rows} rows", family.key()));
            }
            let scored = accuracy::score(&study, *family, *rows, &env::processor_seconds);
            all.cells.extend(scored.cells);
            all.timings.extend(scored.timings);
        }
    }
    write(&args.out.join("accuracy.md"), &accuracy_page(args, &all))?;
    write(&args.out.join("accuracy.csv"), &accuracy::tables::csv(&all))?;
    write(&args.out.join("timings.csv"), &accuracy::tables::timings_csv(&all))?;
    if global.quiet == 0 {
        output::stdout(format!("Wrote accuracy.md, accuracy.csv and timings.csv to {}.\n", args.out.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn accuracy_page(args: &AccuracyArgs, all: &Accuracy) -> String {
    let families: Vec<&str> = args.families.iter().map(|family| family.key()).collect();
    let only = if families.is_empty() { String::new() } else { format!(" --families {}", families.join(",")) };
    let rows: Vec<String> = args.rows.iter().map(ToString::to_string).collect();
    let AccuracyArgs { replicates, seed, .. } = args;
    format!(
        "# Accuracy in simulated families\n\n```sh\noci-agent simulate accuracy{only} --rows {} --replicates {replicates} --seed {seed} \
         --out DIR\n```\n\nErrors, biases and widths are in standard deviations of the outcome; a ratio is to the smallest RMSE of the \
         three contenders. Each family is described in `crates/causal/src/simulate`; the study, and what the columns mean, in \
         `src/accuracy`.\n\n{}",
        rows.join(","),
        accuracy::tables::markdown(all)
    )
}

fn coverage(args: &CoverageArgs, global: &Global) -> Result<ExitCode, CliError> {
    let setups = if args.setups.is_empty() { Setup::ALL.to_vec() } else { args.setups.clone() };
    std::fs::create_dir_all(&args.out).map_err(|error| CliError::io(&args.out, "create", &error))?;
    let mut all = Vec::new();
    for (done, setup) in setups.iter().enumerate() {
        if global.quiet == 0 {
            output::stderr(format!("{} ({} of {})", setup.key(), done + 1, setups.len()));
        }
        all.push(study_setup(*setup, args));
    }
    write(&args.out.join("coverage.md"), &page(args, &all))?;
    write(&args.out.join("coverage.csv"), &coverage::csv(&all))?;
    if global.quiet == 0 {
        let written = format!("Wrote coverage.md and coverage.csv to {}.\n", args.out.display());
        output::stdout(&written)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn study_setup(setup: Setup, args: &CoverageArgs) -> Coverage {
    let study = |analyses, rows: usize, replicates| {
        let rows = args.rows.unwrap_or(rows);
        coverage::run(&Study { setup, rows, analyses, replicates, seed: args.seed })
    };
    let parametric = study(coverage::parametric(setup), setup.rows(), args.replicates);
    // Where the doubly robust average starts to be the default.
    let rows = setup.rows().max(FEWEST_ROWS);
    parametric.and(study(coverage::flexible(setup), rows, args.flexible_replicates))
}

fn page(args: &CoverageArgs, all: &[Coverage]) -> String {
    let setups: Vec<&str> = args.setups.iter().map(|setup| setup.key()).collect();
    let only = if setups.is_empty() { String::new() } else { format!(" --setups {}", setups.join(",")) };
    let rows = args.rows.map_or_else(String::new, |rows| format!(" --rows {rows}"));
    let CoverageArgs { replicates, flexible_replicates, seed, .. } = args;
    format!(
        "# Coverage in simulated data\n\n```sh\noci-agent simulate coverage{only}{rows} --replicates {replicates} \
         --flexible-replicates {flexible_replicates} --seed {seed} --out DIR\n```\n\nR is the number of replicates: \
         {replicates} of estimators that use regressions, {flexible_replicates} of the flexible ones. Each setup is \
         described in `crates/causal/src/simulate`; the study, and what the columns mean, in `crates/causal/src/simulate/coverage`. An asterisk marks the \
         variance that makes the reported interval; bold is more than two binomial standard errors below 95 %. With 95 % \
         everywhere, one cell in forty would be bold by chance. The first table counts setups with overlap in which an \
         estimator is consistent.\n\n{}",
        coverage::markdown(all)
    )
}

fn write(path: &Path, text: &str) -> Result<(), CliError> {
    std::fs::write(path, text).map_err(|error| CliError::io(path, "write", &error))
}
