//! `oci-agent experiment …`: one question about an experiment at a time, as text or JSON.

use super::args::DataRoot;
use super::args::{Global, Settings};
use super::errors::CliError;
use super::output::{self, TerminalStyle};
use super::{files, run_experiment};
use crate::pipeline::experiment::{Experiment, power, validate};
use crate::report::experiment::planning;
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// One question about a randomised experiment at a time. `oci-agent run` answers all of them.
#[derive(Debug, Subcommand)]
pub enum ExperimentCommand {
    /// How many units the plan's metrics need, and the smallest effects that are found; no effect is computed.
    Power(PowerArgs),
    /// A/A validation: deal the arms out again at random, many times, and count false positives.
    Validate(ValidateArgs),
}

/// A plan and where its data are.
#[derive(Debug, Clone, Args)]
pub struct PlanArgs {
    /// The plan, with `design: experiment`.
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    #[command(flatten)]
    pub data: DataRoot,
    #[command(flatten)]
    pub settings: Settings,
}

/// Sizes from the variances in the plan's own rows. Covariates, clusters and looks are those of the plan.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  oci-agent experiment power plan.yaml
  oci-agent experiment power plan.yaml --power 0.9 --before
  oci-agent experiment power plan.yaml --set 'looks={plan: anytime, planned_n: 50000}' --json")]
pub struct PowerArgs {
    #[command(flatten)]
    pub plan: PlanArgs,
    /// The chance of finding an effect of the size asked about.
    #[arg(long, value_name = "P", default_value_t = 0.8)]
    pub power: f64,
    /// Variances of the metrics before the start instead of after it.
    #[arg(long)]
    pub before: bool,
}

/// The plan's own analysis, of its own metrics, under assignments that did nothing. Exit code 1 if a rate is above α beyond chance.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  oci-agent experiment validate plan.yaml
  oci-agent experiment validate plan.yaml --permutations 500 --json")]
pub struct ValidateArgs {
    #[command(flatten)]
    pub plan: PlanArgs,
    /// Assignments that are dealt out.
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(20..=100_000))]
    pub permutations: u32,
}

/// Answers one question.
pub(super) fn experiment(command: &ExperimentCommand, global: &Global) -> Result<ExitCode, CliError> {
    match command {
        ExperimentCommand::Power(args) => {
            if !(args.power > 0.5 && args.power < 1.0) {
                let message = format!("--power is {}, and lies between 0.5 and 1", args.power);
                return Err(CliError::user(message, "0.8 is usual: --power 0.8"));
            }
            let document = power::power(&read(&args.plan)?, args.power, args.before);
            told(global, &document, |width| planning::power(&document, width))?;
            Ok(ExitCode::SUCCESS)
        }
        ExperimentCommand::Validate(args) => {
            let document = validate::validate(&read(&args.plan)?, args.permutations as usize);
            told(global, &document, |width| planning::validation(&document, width))?;
            let above = document.results.iter().any(|row| row.lower > document.alpha);
            Ok(if above { ExitCode::from(1) } else { ExitCode::SUCCESS })
        }
    }
}

fn told(global: &Global, document: &impl serde::Serialize, text: impl Fn(usize) -> String) -> Result<(), CliError> {
    if global.json {
        let value = serde_json::to_value(document).map_err(|error| CliError::bug(error.to_string()))?;
        return output::json_line(&value);
    }
    output::stdout(text(TerminalStyle::of_stdout().width))
}

fn read(args: &PlanArgs) -> Result<Experiment, CliError> {
    let bytes = files::read_plan_with(&args.plan, &args.settings)?;
    if !crate::plan::experiment::is_experiment(&bytes) {
        let message = format!("{} is not the plan of an experiment", args.plan.display());
        return Err(CliError::user(
            message,
            "Its plan says `design: experiment`; docs/experiments.md has two to start from.",
        ));
    }
    run_experiment::read(&args.plan, &bytes, &args.data)
}
