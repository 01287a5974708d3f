//! Arguments as typed, with the help text.

use super::acic_args::AcicCommand;
use causal::estimand::Inference;
use causal::estimand::{OutcomeKind, Target};
use causal::estimator::EstimatorKind;
use causal::learner_kind::{Budget, LearnerKind};
use causal::learners::logistic::LogisticEngine;
use causal::simulate::Setup;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Causal questions, answered from observational data the way a careful team would: a plan, a fair comparison first, the
/// answer last, and every step a commit that somebody else can read.
///
/// You write a plan: the question, the trial you would have liked to run, what was done to whom, and what you believe
/// drives both the treatment and the outcome. `oci-agent run` then asks whether the data can support a fair comparison
/// (balance, overlap, placebo outcomes), follows its playbooks when they cannot, and looks at the outcome only when the
/// design has settled. It ends with a verdict for every estimand you asked for, computed from a rubric that you can read.
///
/// It needs no API key, no network and no Python; a language model may act and criticise if the plan names one.
#[derive(Debug, Parser)]
#[command(name = "oci-agent", version, max_term_width = 100, propagate_version = true)]
#[command(
    after_help = "Start with:  oci-agent init data.csv --treatment T --outcome Y   then   oci-agent run plan.yaml

Exit codes: 0 finished and accepted; 1 finished, not accepted (a result, not a malfunction);
            2 something for you to fix; 3 something outside (disk, permissions, git); 255 our bug."
)]
pub struct Cli {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Machine-readable output: one JSON event per line on stdout.
    #[arg(long, global = true)]
    pub json: bool,
    /// Say less. Twice: only errors.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub quiet: u8,
    /// Say more. Twice: everything the program does.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Threads to compute with (default: all). The results are the same bytes for any number.
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a plan from question to verdict, into a git repository of its own.
    Run(RunArgs),
    /// Offer a plan's analysis to an agent host that speaks MCP: the host acts, everything else stays as it is.
    Mcp(McpArgs),
    /// Ask a plan's language model the same question three ways, and compare: no tools, one iteration, the full loop.
    Baseline(BaselineArgs),
    /// Hold a plan against its data and report every problem at once; runs nothing.
    Check(CheckArgs),
    /// Write a commented plan to start from.
    Init(InitArgs),
    /// One estimator on one dataset, as JSON.
    Estimate(EstimateArgs),
    /// Read what was said to language models, and what they answered.
    #[command(subcommand)]
    Transcript(TranscriptCommand),
    /// Read the playbooks: what is done about a diagnostic that fails.
    #[command(subcommand)]
    Playbook(PlaybookCommand),
    /// Estimators held against simulated data whose truth is known.
    #[command(subcommand)]
    Simulate(SimulateCommand),
    /// Replay the ACIC 2016 competition: 77 settings with known answers, beside 24 published methods.
    #[command(subcommand)]
    Acic(AcicCommand),
}

/// Runs a plan: drafts a spec, grades its design, revises it by playbook until nothing more can be done, then unblinds.
///
/// Results go to a git repository, by default `oci-runs/<plan name>/` below the current directory, one commit per step:
/// read it with plain `git log -p`. An existing run is never overwritten: a second run becomes a branch beside it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  oci-agent run examples/nhefs/plan.yaml
  oci-agent run plan.yaml --out runs/first-try
  oci-agent run plan.yaml --resume            continue after an interruption
  oci-agent run plan.yaml --json | jq .       follow along by machine
  oci-agent run plan.yaml --no-model          the playbook engine instead of the plan's language models
  oci-agent run plan.yaml --replay oci-runs/x answers from the recording of an earlier run: no network, no key

Exit codes: 0 accepted, 1 finished and not accepted (or ended by a budget), 2 something to fix in the plan or the call,
3 something outside (network, disk, Ctrl-C).")]
pub struct RunArgs {
    /// The plan.
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    /// Where the run's repository goes [default: oci-runs/<plan name>].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Continue a run that was interrupted. Recorded steps are recomputed and compared, not trusted.
    #[arg(long, conflicts_with = "force")]
    pub resume: bool,
    /// Start the current branch again. Its old tip is kept under a tag: nothing is lost.
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub data: DataRoot,
    /// Playbooks to use instead of the built-in ones.
    #[arg(long, value_name = "DIR")]
    pub playbooks: Option<PathBuf>,
    /// Answer every request to a language model from a recording: the repository of an earlier run, or its transcript
    /// folder. Needs no network and no key, and stops at the first request that differs.
    #[arg(long, value_name = "DIR")]
    pub replay: Option<PathBuf>,
    /// Ask no language model, whatever the plan says: the playbook engine acts, the rubric grades.
    #[arg(long, conflicts_with = "replay")]
    pub no_model: bool,
    /// The command that goes on with it.
    #[arg(skip = "run")]
    pub command: &'static str,
}

/// Offers a plan's analysis to an agent host that speaks MCP, over stdin and stdout: the host is the actor.
///
/// The host (an editor, a desktop assistant, a script) gets the tools that the plan lists and nothing else. It looks at
/// balance, overlap and placebo outcomes, and proposes specs; every call goes through the same loop, rubric, privacy filter
/// and budget as a language model's, and is on record in the run's repository. No effect can be seen before the loop has
/// settled; then the answers, the verdicts and the report are there, and the host may read them until it disconnects.
///
/// stdout carries the protocol alone; progress goes to stderr.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  oci-agent mcp plan.yaml --out runs/with-a-host
  oci-agent mcp plan.yaml --resume            go on with a run whose host had left
  claude mcp add smoking -- oci-agent mcp /home/me/study/plan.yaml --out /home/me/study/run
  npx @modelcontextprotocol/inspector --cli oci-agent mcp plan.yaml --method tools/list

Exit codes: 0 the loop had finished when the host disconnected; 2 something to fix in the plan or the call; 3 the host
disconnected before the loop had finished, or something outside (disk, git, Ctrl-C): the run can be resumed.")]
pub struct McpArgs {
    /// The plan.
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    /// Where the run's repository goes [default: oci-runs/<plan name>]. Hosts start servers in folders of their own
    /// choice, so a full path is best.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Continue a run whose host had left. What is on record is recomputed and compared, and the host's calls count again.
    #[arg(long, conflicts_with = "force")]
    pub resume: bool,
    /// Start the current branch again. Its old tip is kept under a tag: nothing is lost.
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub data: DataRoot,
    /// Playbooks to use instead of the built-in ones.
    #[arg(long, value_name = "DIR")]
    pub playbooks: Option<PathBuf>,
}

/// Asks the plan's actor the same plan three ways, and prints one table: what is the scaffold worth?
///
/// *no tools*: one question, with the plan and the aggregates that a linear regression needs (means by arm, covariances), and
/// one structured answer. *one iteration*: the loop with `max_iterations: 1`. *full loop*: the plan as it is. The last two are
/// ordinary runs, in <DIR>/one-iteration and <DIR>/full-loop; the question is recorded in <DIR>/no-tools. It is asked when
/// both runs are over and in a conversation of its own, since its aggregates include the outcome and it is not blind.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  oci-agent baseline plan.yaml --out compare
  oci-agent baseline plan.yaml --out compare --truth ate=1.2,att=1.5
  oci-agent baseline plan.yaml --out again --replay compare     no network, no key
  oci-agent baseline plan.yaml --json | jq .variants

Exit codes: 0 all three were compared, whatever they found; 2 something to fix in the plan or the call (an actor that is no
language model, for one); 3 something outside (network, disk, Ctrl-C).")]
pub struct BaselineArgs {
    /// The plan; its actor must be a language model.
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    /// Where both runs, the recording, baseline.json and baseline.md go [default: oci-runs/<plan name>-baseline].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Answer every request from the recordings in the folder of an earlier comparison.
    #[arg(long, value_name = "DIR")]
    pub replay: Option<PathBuf>,
    /// The right answers, if you know them, as with simulated data: ate=1.2,att=1.5.
    #[arg(long, value_name = "TRUTH", value_delimiter = ',', value_parser = parse_truth)]
    pub truth: Vec<(Target, f64)>,
    #[command(flatten)]
    pub data: DataRoot,
    /// Playbooks to use instead of the built-in ones.
    #[arg(long, value_name = "DIR")]
    pub playbooks: Option<PathBuf>,
}

/// Recorded exchanges with language models.
#[derive(Debug, Subcommand)]
pub enum TranscriptCommand {
    /// Print what was sent, exactly, and what came back.
    Show(TranscriptShowArgs),
}

/// Prints every exchange of a run with a language model, in order: the body that was sent, as it was sent, and the answer.
/// Keys are in headers, which are never recorded.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  oci-agent transcript show oci-runs/nhefs
  oci-agent transcript show oci-runs/nhefs --exchange 3
  oci-agent transcript show oci-runs/nhefs --bodies | jq .messages")]
pub struct TranscriptShowArgs {
    /// The run's repository, or a folder of exchanges.
    #[arg(value_name = "DIR")]
    pub run: PathBuf,
    /// Only this one, by its number.
    #[arg(long, value_name = "N")]
    pub exchange: Option<u32>,
    /// Only the bodies, one line of JSON each.
    #[arg(long)]
    pub bodies: bool,
}

/// Where `data.source` is looked for.
#[derive(Debug, Clone, Args)]
pub struct DataRoot {
    /// The folder that `data.source` is relative to [default: the plan's own folder; inside a run's repository, the
    /// folder of the plan that was run].
    #[arg(long, value_name = "DIR")]
    pub data_root: Option<PathBuf>,
}

/// Checks a plan and its data against each other: unknown keys, columns that are not there, a treatment that is not
/// binary, an outcome among the confounders, missing values, an empty arm. Everything that is wrong is reported at once.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The plan.
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    #[command(flatten)]
    pub data: DataRoot,
}

/// Writes a plan with every section explained. All other columns are listed as confounders; the first thing to do is to
/// move those out that treatment could have changed.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// CSV or Parquet file.
    #[arg(value_name = "DATA")]
    pub data: PathBuf,
    /// The treatment column.
    #[arg(long, value_name = "COLUMN")]
    pub treatment: String,
    /// The outcome column.
    #[arg(long, value_name = "COLUMN")]
    pub outcome: String,
    /// Where to write the plan; `-` for stdout.
    #[arg(short, long, value_name = "FILE", default_value = "plan.yaml")]
    pub output: PathBuf,
    /// Replace an existing file.
    #[arg(long)]
    pub force: bool,
}

/// Estimates one effect and prints it as JSON.
///
/// From a plan, the spec decides rows, terms and population; from a data file, you name the columns. This looks at the
/// outcome: in a plan that is not settled yet, prefer `run`, which looks last.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  oci-agent estimate plan.yaml --estimand att --estimator aipw
  oci-agent estimate plan.yaml --spec iter_02/spec.yaml --estimand ate
  oci-agent estimate data.csv --treatment qsmk --outcome wt82_71 --terms 'age,age^2,sex == 1'
  oci-agent estimate data.csv --treatment t --outcome y --estimator dr_average --inference sample --estimand att
  oci-agent estimate data.parquet --treatment t --outcome y --estimator aipw_crossfit --propensity boosting \\
      --outcome-model boosting_linear --clusters school")]
pub struct EstimateArgs {
    /// A plan (.yaml, .yml) or a data file (.csv, .parquet).
    #[arg(value_name = "PLAN or DATA")]
    pub input: PathBuf,
    /// A spec of a run to take rows, terms and population from (with a plan) [default: the plan's first draft].
    #[arg(long, value_name = "FILE")]
    pub spec: Option<PathBuf>,
    /// The estimand the plan asked for, or, with a data file, the target: ate, att, atc, ato.
    #[arg(long, value_name = "TARGET", default_value = "ate", value_parser = parse_target)]
    pub estimand: Target,
    /// The estimator: naive, regression, gformula, ipw_ht, ipw_hajek, aipw, aipw_crossfit, tmle, tmle_crossfit, bart,
    /// aipw_bart, dr_average [default: aipw, or with a plan its primary one].
    #[arg(long, value_name = "ESTIMATOR", value_parser = parse_estimator)]
    pub estimator: Option<EstimatorKind>,
    #[command(flatten)]
    pub data: DataRoot,
    /// Treatment column (with a data file).
    #[arg(long, value_name = "COLUMN")]
    pub treatment: Option<String>,
    /// The value that means treated (with a data file).
    #[arg(long, value_name = "VALUE", default_value = "1")]
    pub treated: String,
    /// The value that means control (with a data file).
    #[arg(long, value_name = "VALUE", default_value = "0")]
    pub control: String,
    /// Outcome column (with a data file).
    #[arg(long, value_name = "COLUMN")]
    pub outcome: Option<String>,
    /// Outcome kind (with a data file): continuous or binary.
    #[arg(long, value_name = "KIND", default_value = "continuous", value_parser = parse_outcome_kind)]
    pub outcome_kind: OutcomeKind,
    /// Terms to adjust for, separated by commas (with a data file) [default: all other columns].
    #[arg(long, value_name = "TERMS", value_delimiter = ',')]
    pub terms: Vec<String>,
    /// Observation-weight column (with a data file).
    #[arg(long, value_name = "COLUMN")]
    pub weights: Option<String>,
    /// What fits the propensity (with a data file): linear, elastic_net, elastic_net_basis, boosting, boosting_linear,
    /// bart or stack, for the estimators that take learners [default: what the estimator is made for].
    #[arg(long, value_name = "LEARNER", value_parser = parse_learner)]
    pub propensity: Option<LearnerKind>,
    /// What fits the outcome means (with a data file): the same words, with aipw_crossfit and tmle_crossfit.
    #[arg(long, value_name = "LEARNER", value_parser = parse_learner)]
    pub outcome_model: Option<LearnerKind>,
    /// Repeats of the cross-fitting with new folds (with a data file); the median is reported [default: 1, with the
    /// thorough effort 5].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=99))]
    pub repeats: Option<u16>,
    /// How much computing (with a data file): fast or thorough [default: fast].
    #[arg(long, alias = "budget", value_name = "EFFORT", value_parser = parse_effort)]
    pub effort: Option<Budget>,
    /// Whose average effect the interval is about (with a data file): population, or sample for these units alone
    /// [default: population].
    #[arg(long, value_name = "WHOSE", value_parser = parse_inference)]
    pub inference: Option<Inference>,
    /// Cluster column (with a data file): folds and standard errors respect it.
    #[arg(long, value_name = "COLUMN")]
    pub clusters: Option<String>,
    /// Column of known probabilities of treatment (with a data file).
    #[arg(long, value_name = "COLUMN", conflicts_with = "propensity")]
    pub known_propensity: Option<String>,
    /// Trim first: a fixed bound such as 0.1, or `crump` for the optimal one (with a data file).
    #[arg(long, value_name = "ALPHA")]
    pub trim: Option<String>,
    /// What fits the logistic regressions: newton, or linfa as an independent cross-check (with a data file).
    #[arg(long, value_name = "ENGINE", default_value = "newton", value_parser = parse_engine)]
    pub logistic: LogisticEngine,
    /// Folds of the cross-fitting (with a data file).
    #[arg(long, value_name = "K", default_value_t = 5, value_parser = clap::value_parser!(u16).range(2..=100))]
    pub folds: u16,
    /// Seed of the folds (with a data file).
    #[arg(long, value_name = "SEED", default_value_t = crate::plan::DEFAULT_SEED)]
    pub seed: u64,
}

/// What to do with the playbooks.
#[derive(Debug, Subcommand)]
pub enum PlaybookCommand {
    /// One line for each playbook: what it addresses and what it changes.
    List {
        /// Playbooks to read instead of the built-in ones.
        #[arg(long, value_name = "DIR")]
        playbooks: Option<PathBuf>,
    },
    /// The whole text of one playbook.
    Show {
        /// Its name, as `playbook list` prints it.
        name: String,
        /// Playbooks to read instead of the built-in ones.
        #[arg(long, value_name = "DIR")]
        playbooks: Option<PathBuf>,
    },
}

/// Simulation studies.
#[derive(Debug, Subcommand)]
pub enum SimulateCommand {
    /// Bias, error and interval coverage of every estimator and variance, as Markdown and CSV.
    Coverage(CoverageArgs),
}

/// Draws each setup again and again, estimates every effect by every estimator, and counts how often the interval holds
/// the truth. The same seed gives the same bytes.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  oci-agent simulate coverage --setups linear,friedman --replicates 200 --flexible-replicates 20 --out coverage")]
pub struct CoverageArgs {
    /// Setups, separated by commas [default: all].
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = parse_setup)]
    pub setups: Vec<Setup>,
    /// Replicates of estimators that use regressions.
    #[arg(long, value_name = "R", default_value_t = 1000, value_parser = parse_replicates)]
    pub replicates: usize,
    /// Replicates of estimators that use flexible learners, which take a thousand times as long.
    #[arg(long, value_name = "R", default_value_t = 100, value_parser = parse_replicates)]
    pub flexible_replicates: usize,
    /// Rows of a draw [default: 500 to 2,000 by setup, for flexible learners 2,000].
    #[arg(long, value_name = "N", value_parser = parse_replicates)]
    pub rows: Option<usize>,
    /// Root seed.
    #[arg(long, default_value_t = 20_260_722)]
    pub seed: u64,
    /// Where coverage.md and coverage.csv go; the folder is created.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

fn parse_setup(text: &str) -> Result<Setup, String> {
    Setup::parse(text).ok_or_else(|| {
        let keys: Vec<&str> = Setup::ALL.iter().map(|s| s.key()).collect();
        format!("`{text}` is not a setup; use {}", keys.join(", "))
    })
}

fn parse_replicates(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n @ 1..=1_000_000) => Ok(n),
        _ => Err("use a whole number from 1 to 1,000,000".to_owned()),
    }
}

fn parse_target(text: &str) -> Result<Target, String> {
    Target::parse(text).ok_or_else(|| format!("`{text}` is not an estimand; use ate, att, atc or ato"))
}

fn parse_truth(text: &str) -> Result<(Target, f64), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| format!("`{text}` is no truth; write the estimand and its value: ate=1.2"))?;
    let value: f64 = value.trim().parse().map_err(|_| format!("`{value}` is not a number; write ate=1.2"))?;
    let value = Some(value).filter(|value| value.is_finite());
    Ok((parse_target(name.trim())?, value.ok_or("a truth must be a finite number")?))
}

pub(super) fn parse_estimator(text: &str) -> Result<EstimatorKind, String> {
    EstimatorKind::parse(text).ok_or_else(|| {
        let keys: Vec<&str> = EstimatorKind::ALL.iter().map(|k| k.key()).collect();
        format!("`{text}` is not an estimator; use one of {}", keys.join(", "))
    })
}

fn parse_learner(text: &str) -> Result<LearnerKind, String> {
    LearnerKind::parse(text).ok_or_else(|| {
        let keys: Vec<&str> = LearnerKind::ALL.iter().map(|k| k.key()).collect();
        format!("`{text}` is not a learner; use one of {}", keys.join(", "))
    })
}

pub(super) fn parse_effort(text: &str) -> Result<Budget, String> {
    [Budget::Fast, Budget::Thorough]
        .into_iter()
        .find(|effort| effort.key() == text)
        .ok_or_else(|| format!("`{text}` is not an effort; use fast or thorough"))
}

fn parse_inference(text: &str) -> Result<Inference, String> {
    [Inference::Population, Inference::Sample]
        .into_iter()
        .find(|inference| inference.key() == text)
        .ok_or_else(|| format!("`{text}` is nobody's effect; use population or sample"))
}

fn parse_engine(text: &str) -> Result<LogisticEngine, String> {
    match text {
        "newton" => Ok(LogisticEngine::Newton),
        "linfa" => Ok(LogisticEngine::Linfa),
        _ => Err(format!("`{text}` is not an engine; use newton or linfa")),
    }
}

fn parse_outcome_kind(text: &str) -> Result<OutcomeKind, String> {
    match text {
        "continuous" => Ok(OutcomeKind::Continuous),
        "binary" => Ok(OutcomeKind::Binary),
        _ => Err(format!("`{text}` is not an outcome kind; use continuous or binary")),
    }
}
