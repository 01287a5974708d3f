//! The arguments of `oci-agent sweep`, and the request that they are.

use super::args::DataRoot;
use super::errors::{self, CliError};
use super::files;
use super::output::TerminalStyle;
use crate::plan;
use crate::plan::follow_ups::{
    FollowUp, Grouping, Period, SWEPT_LEARNERS, Sweep, SweepKind, TRIM_LEVELS, is_name, parse_request,
};
use crate::plan::render_problems;
use causal::estimand::Target;
use causal::learner_kind::LearnerKind;
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};

/// Follow-ups on a finished run: the same question along trimming thresholds, parts, subgroups, learners or declared
/// specifications. Each is one commit after the run's own, with a table, a picture and the request; none changes the answers.
#[derive(Debug, Subcommand)]
pub enum SweepCommand {
    /// Along trimming thresholds, from everybody to the units whose treatment could have gone either way.
    Trim(TrimArgs),
    /// In parts of the answer's population, such as months. The population is frozen: whoever the answer trims is trimmed in every part.
    Partition(GroupArgs),
    /// In subgroups of the answer's population, which is frozen likewise.
    Subgroup(GroupArgs),
    /// By other learners, in the answer's population.
    Learner(LearnerArgs),
    /// Further outcomes, by the design of the answer, with p-values for their number.
    Outcomes(OutcomesArgs),
    /// A specification curve: every combination of declared forks, with joint inference and the m-value of the answer.
    Spec(SpecArgs),
}

/// What every sweep takes.
#[derive(Debug, Args)]
pub struct Common {
    /// The directory of a finished run.
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// The answer that it is about [default: every answer; of `spec` the first].
    #[arg(long, value_name = "ESTIMAND", value_parser = PossibleValuesParser::new(Target::ALL.map(Target::key)))]
    pub estimand: Option<String>,
    /// The name of its files in RUN/sweeps: small letters, digits, `-` and `_` [default: the sweep, and its column].
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    #[command(flatten)]
    pub data: DataRoot,
}

/// Arguments of `sweep trim`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  oci-agent sweep trim oci-runs/lalonde
  oci-agent sweep trim oci-runs/lalonde --levels 0,0.05,0.1 --estimand att

Exit codes: 0 made, or there already; 2 something to fix in the call; 3 something outside (disk, git, Ctrl-C).")]
pub struct TrimArgs {
    #[command(flatten)]
    pub common: Common,
    /// Thresholds: 0.1 keeps the units with a chance of treatment from 0.1 to 0.9 [default: twelve from 0 to 0.15].
    #[arg(long, value_name = "A,B,…", value_delimiter = ',')]
    pub levels: Vec<f64>,
}

/// Arguments of `sweep partition` and `sweep subgroup`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  oci-agent sweep partition oci-runs/seasonality --by date --every month
  oci-agent sweep subgroup oci-runs/nhefs --by sex
  oci-agent sweep subgroup oci-runs/nhefs --by age --cuts 35,50,65

Exit codes: 0 made, or there already; 2 something to fix in the call; 3 something outside (disk, git, Ctrl-C).")]
pub struct GroupArgs {
    #[command(flatten)]
    pub common: Common,
    /// The column that divides the units: dates, numbers or a category.
    #[arg(long, value_name = "COLUMN")]
    pub by: String,
    /// With dates: parts so long [default: the shortest that gives at most 24].
    #[arg(long, value_name = "PERIOD", value_parser = PossibleValuesParser::new(Period::ALL.map(Period::key)))]
    pub every: Option<String>,
    /// With numbers: where a new band begins [default: every value for itself].
    #[arg(long, value_name = "A,B,…", value_delimiter = ',', allow_hyphen_values = true)]
    pub cuts: Vec<f64>,
}

/// Arguments of `sweep learner`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  oci-agent sweep learner oci-runs/nhefs
  oci-agent sweep learner oci-runs/nhefs --learners linear,boosting,bart

Exit codes: 0 made, or there already; 2 something to fix in the call; 3 something outside (disk, git, Ctrl-C).")]
pub struct LearnerArgs {
    #[command(flatten)]
    pub common: Common,
    /// Learners of propensity and outcome means [default: linear, ridge, elastic_net, boosting, boosting_or_ridge].
    #[arg(long, value_name = "A,B,…", value_delimiter = ',', value_parser = PossibleValuesParser::new(LearnerKind::ALL.map(LearnerKind::key)))]
    pub learners: Vec<String>,
}

/// Arguments of `sweep outcomes`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  oci-agent sweep outcomes oci-runs/study --columns weight,died

Exit codes: 0 made, or there already; 2 something to fix in the call; 3 something outside (disk, git, Ctrl-C).")]
pub struct OutcomesArgs {
    #[command(flatten)]
    pub common: Common,
    /// Columns of numbers, or of true and false.
    #[arg(long, value_name = "A,B,…", value_delimiter = ',', required = true)]
    pub columns: Vec<String>,
}

/// Arguments of `sweep spec`.
#[derive(Debug, Args)]
#[command(after_help = "A file of forks:

  covariates: {all: [age, sex, education], few: [age, sex]}
  optional: [exercise]
  trim: [0, 0.05, 0.1]
  estimators: [aipw, ipw_hajek, gformula]
  outcome: [as_it_is, winsorised, ranks]

Examples:
  oci-agent sweep spec oci-runs/nhefs                     the forks that the plan declares under `follow_ups`
  oci-agent sweep spec oci-runs/nhefs --forks forks.yaml  forks declared now, which is exploration

Exit codes: 0 made, or there already; 2 something to fix in the call; 3 something outside (disk, git, Ctrl-C).")]
pub struct SpecArgs {
    #[command(flatten)]
    pub common: Common,
    /// A YAML file that declares the forks [default: those of the plan].
    #[arg(long, value_name = "FILE")]
    pub forks: Option<PathBuf>,
}

impl SweepCommand {
    /// What every sweep takes.
    pub(super) fn common(&self) -> &Common {
        match self {
            SweepCommand::Trim(args) => &args.common,
            SweepCommand::Partition(args) | SweepCommand::Subgroup(args) => &args.common,
            SweepCommand::Learner(args) => &args.common,
            SweepCommand::Outcomes(args) => &args.common,
            SweepCommand::Spec(args) => &args.common,
        }
    }

    /// The request that was typed.
    pub(super) fn request(&self) -> Result<FollowUp, CliError> {
        let common = self.common();
        let sweep = match self {
            SweepCommand::Trim(args) => Sweep::Trim { levels: levels(&args.levels)? },
            SweepCommand::Partition(args) => Sweep::Partition(grouping(args)?),
            SweepCommand::Subgroup(args) => Sweep::Subgroup(grouping(args)?),
            SweepCommand::Learner(args) => Sweep::Learner { learners: learners(&args.learners) },
            SweepCommand::Outcomes(args) => Sweep::Outcomes { columns: args.columns.clone() },
            SweepCommand::Spec(args) => return with_common(declared(args)?, common),
        };
        with_common(FollowUp::new(sweep), common)
    }
}

fn with_common(request: FollowUp, common: &Common) -> Result<FollowUp, CliError> {
    let name = common.name.clone().unwrap_or_else(|| request.name.clone());
    if !is_name(&name) {
        let message = format!("`{name}` cannot be the name of a follow-up");
        return Err(CliError::user(message, "Small letters, digits, `-` and `_`, at most 40: it names files."));
    }
    let estimand = common.estimand.as_deref().and_then(Target::parse).or(request.estimand);
    Ok(FollowUp { name, estimand, ..request })
}

fn levels(given: &[f64]) -> Result<Vec<f64>, CliError> {
    if given.is_empty() {
        return Ok(TRIM_LEVELS.to_vec());
    }
    let levels = ascending(given, "--levels")?;
    if levels.len() > 100 || levels.iter().any(|alpha| !(0.0..0.5).contains(alpha)) {
        return Err(CliError::user(
            "--levels are at most 100 numbers from 0 to below 0.5",
            "Write --levels 0,0.05,0.1.",
        ));
    }
    Ok(levels)
}

/// In order, each once.
fn ascending(given: &[f64], flag: &str) -> Result<Vec<f64>, CliError> {
    let mut values = given.to_vec();
    values.sort_by(f64::total_cmp);
    let distinct = values.windows(2).all(|pair| pair.first() < pair.last());
    if !distinct || values.iter().any(|value| !value.is_finite()) {
        let message = format!("{flag} takes finite numbers, each once");
        return Err(CliError::user(message, format!("Write {flag} with commas between the numbers.")));
    }
    Ok(values)
}

fn grouping(args: &GroupArgs) -> Result<Grouping, CliError> {
    let every = args.every.as_deref().and_then(|text| Period::ALL.into_iter().find(|period| period.key() == text));
    Ok(Grouping { by: args.by.clone(), every, cuts: ascending(&args.cuts, "--cuts")? })
}

fn learners(given: &[String]) -> Vec<LearnerKind> {
    let mut named: Vec<LearnerKind> = Vec::new();
    for text in given {
        let kind = LearnerKind::ALL.into_iter().find(|kind| kind.key() == text.as_str());
        named.extend(kind.filter(|kind| !named.contains(kind)));
    }
    if named.is_empty() { SWEPT_LEARNERS.to_vec() } else { named }
}

/// The forks of a file, or those that the plan declares.
fn declared(args: &SpecArgs) -> Result<FollowUp, CliError> {
    let Some(file) = &args.forks else { return of_plan(&args.common.run, args.common.name.as_deref()) };
    let bytes = files::read_plan(file)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    // The file may leave out what the command says already.
    let says_sweep = text.lines().any(|line| line.split(':').next().is_some_and(|key| key.trim() == "sweep"));
    let lines = text.trim_end().lines().count();
    let whole = if says_sweep { text } else { format!("{}\nsweep: spec\n", text.trim_end()) };
    let refused = |mut problems: Vec<plan::Problem>| {
        // The line that was added is nobody's.
        for problem in problems.iter_mut().filter(|it| it.place.is_some_and(|at| at.line > lines)) {
            problem.place = None;
        }
        let name = file.display().to_string();
        let style = TerminalStyle::of_stderr();
        let told: Vec<String> = problems.iter().map(|it| format!("{name}: {} ({})", it.message, it.hint)).collect();
        let rendered = render_problems(&name, &whole, &problems, style.color, style.width);
        CliError { rendered: Some(rendered), ..CliError::user(told.join("\n"), "") }
    };
    let request = parse_request(whole.as_bytes()).map_err(refused)?;
    if request.kind() != SweepKind::Spec {
        let message = format!("{} asks for another sweep", file.display());
        return Err(CliError::user(message, "A file of forks says `sweep: spec`, or nothing of it."));
    }
    Ok(request)
}

/// The first specification curve that the plan of the run declares, or the one of that name.
fn of_plan(run: &Path, name: Option<&str>) -> Result<FollowUp, CliError> {
    let record = crate::store::RecordedRun::open(run, None, &files::trust());
    let record = record.map_err(|error| errors::from_artifacts(&error))?;
    let bytes = record.file("plan.yaml").map_err(|error| errors::from_artifacts(&error))?.unwrap_or_default();
    let planned = plan::parse_bytes(&bytes).map(|plan| plan.follow_ups).unwrap_or_default();
    let wanted = |request: &FollowUp| request.kind() == SweepKind::Spec && name.is_none_or(|name| name == request.name);
    planned.into_iter().find(wanted).ok_or_else(|| {
        let message = format!("the plan of {} declares no fork", run.display());
        let hint = "Declare them in a file and name it: --forks forks.yaml; `oci-agent sweep spec --help` shows one.";
        CliError::user(message, hint)
    })
}
