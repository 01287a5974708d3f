//! `oci-agent experiment …`: one question about an experiment at a time, as text or JSON.

use super::args::DataRoot;
use super::args::{Global, Settings};
use super::errors::CliError;
use super::looks::Looks;
use super::output::{self, TerminalStyle};
use super::{files, run_experiment};
use crate::dataset::metrics::CellTable;
use crate::expression::Written;
use crate::pipeline::experiment::fit::{self, Query};
use crate::pipeline::experiment::{Experiment, power, prepare, results, validate};
use crate::pipeline::prepare::PrepareError;
use crate::record::experiment_fit::FitDocument;
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
    /// Compress an experiment once: fits and cells, from which new segments and contrasts come without the rows. It is a look.
    Fit(FitArgs),
    /// Average effects from a fit that was saved.
    Effect(EffectArgs),
    /// Effects in segments, from a fit that was saved.
    Segments(SegmentsArgs),
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

/// Writes fit.json and cells.parquet. The cells are rows with the same values of the discrete covariates, of the columns of the
/// plan's segments, and of those under --by.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  oci-agent experiment fit plan.yaml --out fitted
  oci-agent experiment fit plan.yaml --out fitted --by country --least 50
  oci-agent experiment segments fitted --segment 'device == \"desktop\"'")]
pub struct FitArgs {
    #[command(flatten)]
    pub plan: PlanArgs,
    /// A new folder for both files.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// More discrete columns by which segments may be asked for.
    #[arg(long, value_name = "COLUMN")]
    pub by: Vec<String>,
    /// Leave cells of fewer rows out.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub least: usize,
}

/// The effects of every arm on every metric, or on those named.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  oci-agent experiment effect fitted
  oci-agent experiment effect fitted --metric sales --json")]
pub struct EffectArgs {
    /// The folder of a fit.
    #[arg(value_name = "DIR")]
    pub fit: PathBuf,
    /// Only this metric; may be given several times.
    #[arg(long, value_name = "NAME")]
    pub metric: Vec<String>,
    /// Only this arm; may be given several times.
    #[arg(long, value_name = "NAME")]
    pub arm: Vec<String>,
}

/// The same in segments, which are conditions on the columns of the cells. What the plan did not declare is exploratory.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  oci-agent experiment segments fitted --segment 'device == \"desktop\"' --segment 'tenure > 30'
  oci-agent experiment segments fitted --segment 'country in [\"DE\", \"AT\"]' --metric sales --json")]
pub struct SegmentsArgs {
    #[command(flatten)]
    pub effect: EffectArgs,
    /// A condition; may be given several times.
    #[arg(long, value_name = "CONDITION", required = true)]
    pub segment: Vec<String>,
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
            if document.results.is_empty() {
                let why: Vec<String> =
                    document.refused.iter().map(|(metric, why)| format!("`{metric}`: {why}")).collect();
                return Err(CliError::user(format!("nothing could be validated: {}", why.join("; ")), ""));
            }
            told(global, &document, |width| planning::validation(&document, width))?;
            let above = document.results.iter().any(|row| row.lower > document.alpha);
            Ok(if above { ExitCode::from(1) } else { ExitCode::SUCCESS })
        }
        ExperimentCommand::Fit(args) => fit(args, global),
        ExperimentCommand::Effect(args) => query(args, &[], global),
        ExperimentCommand::Segments(args) => query(&args.effect, &args.segment, global),
    }
}

/// Fits once and writes both files: an answer was seen, so it is a look.
fn fit(args: &FitArgs, global: &Global) -> Result<ExitCode, CliError> {
    let bytes = plan_bytes(&args.plan)?;
    let sources = files::data_sources(&args.plan.plan, &args.plan.data)?;
    let (experiment, cells) = prepare::prepare_with_cells(&bytes, &sources, &args.by)
        .map_err(|error| from_prepare(error, &args.plan.plan))?;
    // Beside the runs of this plan, where the next run looks for it.
    let place = super::run::default_out(&args.plan.plan);
    let looks = Looks::beside(&place)?;
    let earlier = looks.earlier(&experiment.plan, &experiment.plan_sha256, &experiment.table.sha256);
    let (document, bytes) =
        fit::compress(&experiment, &cells, args.least).map_err(|error| super::errors::from_dataset(&error))?;
    std::fs::create_dir(&args.out).map_err(|error| CliError::io(&args.out, "make", &error))?;
    let folder = place.parent().unwrap_or(&place);
    std::fs::create_dir_all(folder).map_err(|error| CliError::io(folder, "make", &error))?;
    looks.add(&experiment.plan, &results::this_look(&experiment, &earlier), &args.out, "")?;
    files::write_new(&args.out.join(fit::CELLS), &bytes)?;
    let json = crate::record::json::to_bytes(&document).map_err(|error| CliError::bug(error.to_string()))?;
    files::write_new(&args.out.join(fit::FIT), &json)?;
    if global.json {
        output::json_line(&serde_json::json!({
            "event": "fitted", "out": args.out.display().to_string(), "explain": document.explain,
            "refused": document.refused,
        }))?;
    } else {
        let refused = document.refused.iter().map(|(metric, why)| format!("`{metric}` is in no fit: {why}."));
        output::stdout(document.explain.iter().cloned().chain(refused).collect::<Vec<_>>().join("\n") + "\n")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn query(args: &EffectArgs, segments: &[String], global: &Global) -> Result<ExitCode, CliError> {
    let path = args.fit.join(fit::FIT);
    let bytes = crate::input_file::read(&path, MOST_OF_A_FIT)
        .map_err(|error| super::errors::from_input(&path, "read the fit", &error))?;
    let again = "Make it again: oci-agent experiment fit plan.yaml --out DIR";
    let document: FitDocument = serde_json::from_slice(&bytes)
        .map_err(|error| CliError::user(format!("{} is not a fit: {error}", path.display()), again))?;
    let cells = CellTable::read(fit::CELLS, &args.fit).map_err(|error| super::errors::from_dataset(&error))?;
    let asked = segments.iter().map(|text| {
        Written::parse(text).map(Some).map_err(|error| {
            CliError::user(error.to_string(), "Write a condition, as in --segment 'device == \"desktop\"'.")
        })
    });
    let mut asked = asked.collect::<Result<Vec<_>, _>>()?;
    if asked.is_empty() {
        asked.push(None);
    }
    let mut rows = Vec::new();
    for segment in asked {
        let query = Query { metrics: args.metric.clone(), arms: args.arm.clone(), segment };
        let found = fit::effects(&document, &cells, &query).map_err(|error| CliError::user(error.to_string(), ""))?;
        rows.extend(found);
    }
    let family = |row: &crate::record::experiment::EffectRow| row.metric.clone();
    fit::adjust(&mut rows, family);
    if global.json {
        output::json_line(&serde_json::json!({ "event": "effects", "effects": rows, "explain": EXPLAIN }))?;
    } else {
        output::stdout(planning::effects(&rows, document.alpha, TerminalStyle::of_stdout().width))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What a row of `effect` and `segments` is.
const EXPLAIN: &str = "Effects of being assigned, from the saved fit of all rows: in a segment, the contrast of that fit at the segment's covariate means. Intervals are for one look; Holm and Benjamini-Hochberg are over the rows of one metric here. A segment that the plan did not declare is exploratory.";

/// Bytes of the largest fit that is read.
const MOST_OF_A_FIT: u64 = 256 << 20;

fn told(global: &Global, document: &impl serde::Serialize, text: impl Fn(usize) -> String) -> Result<(), CliError> {
    if global.json {
        let value = serde_json::to_value(document).map_err(|error| CliError::bug(error.to_string()))?;
        return output::json_line(&value);
    }
    output::stdout(text(TerminalStyle::of_stdout().width))
}

fn read(args: &PlanArgs) -> Result<Experiment, CliError> {
    run_experiment::read(&args.plan, &plan_bytes(args)?, &args.data)
}

/// Problems of the plan; a column under `--by` is none of them.
fn from_prepare(error: PrepareError, plan: &std::path::Path) -> CliError {
    if let PrepareError::Plan(problems) = &error
        && let [problem] = problems.problems.as_slice()
        && problem.path == "--by"
    {
        return CliError::user(format!("--by: {}", problem.message), problem.hint.clone());
    }
    super::errors::from_prepare(error, plan, TerminalStyle::of_stderr())
}

/// The plan of an experiment.
fn plan_bytes(args: &PlanArgs) -> Result<Vec<u8>, CliError> {
    let bytes = files::read_plan_with(&args.plan, &args.settings)?;
    if !crate::plan::experiment::is_experiment(&bytes) {
        let message = format!("{} is not the plan of an experiment", args.plan.display());
        return Err(CliError::user(
            message,
            "Its plan says `design: experiment`; docs/experiments.md has two to start from.",
        ));
    }
    Ok(bytes)
}
