//! Arguments as typed, with the help text.

use super::acic::args::AcicCommand;
use super::arg_values::{self, KnownEffect};
use super::audit::AuditArgs;
use super::dashboard::DashboardArgs;
use super::diff::DiffArgs;
use super::estimate_args::EstimateArgs;
use super::experiment::ExperimentCommand;
use super::fetch::FetchArgs;
use super::mcp_args::McpArgs;
use super::oversight::{ApproveArgs, CommentArgs, QueueArgs, RejectArgs, ReviewArgs};
use super::plan_args::PlanArgs;
use super::publish::PublishArgs;
use super::report_command::ReportArgs;
use super::serve::ServeArgs;
use super::shell::{CompletionsArgs, ManArgs, SchemaArgs};
use super::sweep::SweepCommand;
use super::verify::VerifyArgs;
use super::watch::WatchArgs;
use causal::simulate::Setup;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Causal questions, answered from observational data or a randomised experiment the way a careful team would: a plan, a fair comparison first, the
/// answer last, and every step a commit that somebody else can read.
///
/// You write a plan: the question, the trial you would have liked to run, what was done to whom, and what you believe
/// drives both the treatment and the outcome. `oci-agent run` then asks whether the data can support a fair comparison
/// (balance, overlap, placebo outcomes), follows its playbooks when they cannot, and looks at the outcome only when the
/// design has settled. It ends with a verdict for every estimand you asked for, computed from a rubric that you can read.
///
/// The plan of an experiment says `design: experiment`: its randomisation is audited, and it ends with ship, hold or stop.
///
/// It needs no API key, no network and no Python; a language model may act and criticise if the plan names one.
#[derive(Debug, Parser)]
#[command(name = "oci-agent", version, max_term_width = 100, propagate_version = true)]
#[command(
    after_help = "Start with:  oci-agent init data.csv --treatment T --outcome Y   then   oci-agent run plan.yaml

Exit codes: 0 finished and accepted; 1 finished, not accepted (a result, not a malfunction);
            2 something for you to fix; 3 something outside (disk, permissions, git);
            4 a person has to decide; 255 our bug."
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
    /// Say less. Twice: errors and what was asked for, and nothing else.
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
    /// Two runs, or two states of one: what changed in plan, spec, diagnostics, answers and effects.
    Diff(DiffArgs),
    /// Ask a finished run more: along thresholds, parts, subgroups, learners, declared specifications.
    #[command(subcommand)]
    Sweep(SweepCommand),
    /// Hold new data against a run whose plan stays as it is: has the design moved, has the effect?
    Watch(WatchArgs),
    /// Make a run again from its committed plan and hold it against its commits.
    Verify(VerifyArgs),
    /// What a run waits for, with everything that changed since the last decision.
    Review(ReviewArgs),
    /// Let a run that waits go on.
    Approve(ApproveArgs),
    /// Stop a run that waits.
    Reject(RejectArgs),
    /// Put a remark on a run on record.
    Comment(CommentArgs),
    /// The runs in a folder that wait for somebody.
    Queue(QueueArgs),
    /// Was a run made as it should be? A list of checks with their evidence, and the TARGET items.
    Audit(AuditArgs),
    Report(ReportArgs),
    /// Many runs on one page: what waits for a person, answers over time, verdicts, the record; a static site.
    Dashboard(DashboardArgs),
    /// The same page for this machine, while runs are at work.
    Serve(ServeArgs),
    /// Send a finished run to a bucket or a folder: report, notebook and its whole history.
    Publish(PublishArgs),
    /// Bring a published run back, and check all of it.
    Fetch(FetchArgs),
    /// Write a commented plan to start from.
    Init(InitArgs),
    /// Draft a whole plan for a question, with roles of columns to accept one by one.
    Plan(PlanArgs),
    /// One estimator on one dataset, as JSON.
    Estimate(EstimateArgs),
    /// One question about a randomised experiment: its size, its false positives.
    #[command(subcommand)]
    Experiment(ExperimentCommand),
    /// Read what was said to language models, and what they answered.
    #[command(subcommand)]
    Transcript(TranscriptCommand),
    /// Read the playbooks: what is done about a diagnostic that fails.
    #[command(subcommand)]
    Playbook(PlaybookCommand),
    /// Ask a causal graph: is the effect identified, and by which columns? Needs no data.
    #[command(subcommand)]
    Graph(GraphCommand),
    /// Estimators held against simulated data whose truth is known.
    #[command(subcommand)]
    Simulate(SimulateCommand),
    /// Print the JSON Schema of a plan, for an editor to complete and check one.
    Schema(SchemaArgs),
    /// Print the completions of a shell: bash, zsh, fish, elvish or powershell.
    Completions(CompletionsArgs),
    /// Write the manual pages, one for each command.
    Man(ManArgs),
    /// Replay the ACIC 2016 competition: 77 settings with known answers, beside 24 published methods.
    #[command(subcommand)]
    Acic(AcicCommand),
}

/// Runs a plan: drafts a spec, grades its design, revises it by playbook until nothing more can be done, then unblinds.
///
/// Results go to a git repository, by default `oci-runs/<plan name>/` below the current directory, one commit per step:
/// read it with plain `git log -p`. An existing run is never overwritten: a second run becomes a branch beside it.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  oci-agent run examples/nhefs/plan.yaml
  oci-agent run plan.yaml --out runs/first-try
  oci-agent run plan.yaml --resume            continue after an interruption
  oci-agent run plan.yaml --json | jq .       follow along by machine
  oci-agent run plan.yaml --no-model          the playbook engine instead of the plan's language models
  oci-agent run plan.yaml --replay oci-runs/x answers from the recording of an earlier run: no network, no key

Exit codes: 0 accepted, 1 finished and not accepted (or ended by a budget), 2 something to fix in the plan or the call,
3 something outside (network, disk, Ctrl-C), 4 a person has to decide. With `design: experiment` the decision does not change the exit code: ship, hold
and stop all end with 0, and 1 says that the randomisation failed its audit; the decision is in results.json.")]
pub struct RunArgs {
    #[command(flatten)]
    pub location: RunLocation,
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
    #[arg(long, value_name = "TRUTH", value_delimiter = ',', value_parser = arg_values::truth)]
    pub truth: Vec<KnownEffect>,
    #[command(flatten)]
    pub data: DataRoot,
    #[command(flatten)]
    pub settings: Settings,
    #[command(flatten)]
    pub consent: Consent,
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

/// Prints every exchange of a run with a language model, in order: what is new in the request, and the answer; long messages
/// by their first lines. One exchange by its number is printed whole, and `--bodies` prints the bodies as they were sent. Keys
/// are in headers, which are never recorded.
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

/// The plan of a run, its data, its playbooks, and the repository that it is recorded in.
#[derive(Debug, Clone, Args)]
pub struct RunLocation {
    /// The plan.
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    /// Where the run's repository goes; a full path, if an agent host starts the server in a folder of its own choice
    /// [default: oci-runs/<plan name>].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Continue a run that was interrupted. Recorded steps are recomputed and compared, not trusted; what a model or a
    /// host answered counts again.
    #[arg(long, conflicts_with = "force")]
    pub resume: bool,
    /// Start the current branch again. Its old tip is kept under a tag: nothing is lost.
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub data: DataRoot,
    #[command(flatten)]
    pub settings: Settings,
    #[command(flatten)]
    pub consent: Consent,
    /// Playbooks to use instead of the built-in ones.
    #[arg(long, value_name = "DIR")]
    pub playbooks: Option<PathBuf>,
}

/// Values of the plan that are another this time.
#[derive(Debug, Clone, Default, Args)]
pub struct Settings {
    /// Set one value of the plan, e.g. `--set analysis.folds=10` or `--set 'estimands=[att]'`; may be repeated. The plan on
    /// record is the one with these values, and says so.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// Where `data.source` is looked for.
#[derive(Debug, Clone, Args)]
pub struct DataRoot {
    /// The folder that `data.source` is relative to [default: the plan's own folder; inside a run's repository, the
    /// folder of the plan that was run].
    #[arg(long, value_name = "DIR")]
    pub data_root: Option<PathBuf>,
}

/// What the person agrees to, which a plan cannot.
#[derive(Debug, Clone, Default, Args)]
pub struct Consent {
    /// Agree that a language model is asked at HOST, that the key in VARIABLE is sent to HOST (VARIABLE@HOST), or that data
    /// in FOLDER (or in s3://BUCKET/FOLDER) may be analysed with models. HOST may have a port. A vendor's own server with the vendor's own variable
    /// needs no consent, nor does a server on this machine without a key, nor data in the plan's folder or --data-root.
    /// Also in OCI_AGENT_TRUST, separated by commas, and for good, one a line, in ~/.config/oci-agent/trust.
    #[arg(long, value_name = "HOST | VARIABLE@HOST | FOLDER")]
    pub trust: Vec<String>,
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
    #[command(flatten)]
    pub settings: Settings,
    #[command(flatten)]
    pub consent: Consent,
}

/// Writes a plan with every section explained. All other columns are listed as confounders; the first thing to do is to
/// move those out that treatment could have changed. With --experiment it writes the plan of an experiment, a page.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  oci-agent init data.csv --treatment T --outcome Y
  oci-agent init people.csv --experiment --assignment arm --control no_email
  oci-agent init assignments.csv --experiment --assignment arm --events orders.csv --events visits.csv")]
pub struct InitArgs {
    /// CSV or Parquet file.
    #[arg(value_name = "DATA")]
    pub data: PathBuf,
    /// The treatment column.
    #[arg(long, value_name = "COLUMN", required_unless_present = "experiment", conflicts_with = "experiment")]
    pub treatment: Option<String>,
    /// The outcome column.
    #[arg(long, value_name = "COLUMN", required_unless_present = "experiment", conflicts_with = "experiment")]
    pub outcome: Option<String>,
    #[command(flatten)]
    pub experiment: ExperimentInitArgs,
    /// Where to write the plan; `-` for stdout.
    #[arg(short, long, value_name = "FILE", default_value = "plan.yaml")]
    pub output: PathBuf,
    /// Replace an existing file.
    #[arg(long)]
    pub force: bool,
}

/// What is known of an experiment. What is left out is guessed from the file, and said to be a guess.
#[derive(Debug, Args)]
pub struct ExperimentInitArgs {
    /// Write the plan of an experiment; DATA is its table of assignments.
    #[arg(long, requires = "assignment")]
    pub experiment: bool,
    /// The column with the arm that a unit was assigned to.
    #[arg(long, value_name = "COLUMN", requires = "experiment", conflicts_with_all = ["treatment", "outcome"])]
    pub assignment: Option<String>,
    /// The arm that the others are compared with.
    #[arg(long, value_name = "VALUE", requires = "experiment", conflicts_with_all = ["treatment", "outcome"])]
    pub control: Option<String>,
    /// The column that names units.
    #[arg(long, value_name = "COLUMN", requires = "experiment", conflicts_with_all = ["treatment", "outcome"])]
    pub unit: Option<String>,
    /// A column of DATA that is a metric; may be given several times.
    #[arg(long, value_name = "COLUMN", requires = "experiment", conflicts_with_all = ["treatment", "outcome"])]
    pub metric: Vec<String>,
    /// A file with rows of the units, such as orders, from which metrics are computed; may be given several times.
    #[arg(long, value_name = "FILE", requires = "experiment", conflicts_with_all = ["treatment", "outcome"])]
    pub events: Vec<PathBuf>,
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

/// Questions to a causal graph.
#[derive(Debug, Subcommand)]
pub enum GraphCommand {
    /// Adjustment sets, forbidden columns, front door, instruments, implied independencies; docs/identification.md explains
    /// the words.
    Identify(IdentifyArgs),
}

/// Says if the graph identifies the effect of the treatment on the outcome, and how; and why some columns must be left out.
///
/// The graph is DOT (`digraph { u [latent=true]; u -> x; x -> y; }`) or dagitty's language (`dag { u [latent] x <-> y }`).
/// Mark what nobody observed as latent; `a <-> b` is an unobserved common cause.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  oci-agent graph identify graph.dot --treatment drug --outcome death
  oci-agent graph identify graph.dot --treatment drug --outcome death --adjust age,severity
  oci-agent graph identify graph.dot --treatment drug --outcome death --json | jq .adjustment

Exit codes: 0 identified (and the set of --adjust is valid), 1 not identified or not valid, 2 something to fix in the graph
or the call.")]
pub struct IdentifyArgs {
    /// The graph.
    pub file: PathBuf,
    /// The treatment; several at once, separated by commas, for their joint effect.
    #[arg(long, value_name = "T", required = true)]
    pub treatment: Vec<String>,
    /// The outcome.
    #[arg(long, value_name = "Y")]
    pub outcome: String,
    /// Columns, separated by commas: is that set valid, and if not, why?
    #[arg(long, value_name = "A,B,C")]
    pub adjust: Option<Vec<String>>,
}

/// Simulation studies.
#[derive(Debug, Subcommand)]
pub enum SimulateCommand {
    /// Bias, error and interval coverage of every estimator and variance, as Markdown and CSV.
    Coverage(CoverageArgs),
    /// The default of the whole pipeline beside linear and boosted AIPW: error, coverage, verdicts and time.
    Accuracy(AccuracyArgs),
}

/// Takes each draw of each family through plan, design, effects and verdict as a run without an `analysis:` section would, and
/// holds the answers against the truth, beside linear AIPW and cross-fitted AIPW by boosting. The same seed gives the same bytes,
/// but for the timings, which are in a file of their own.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  oci-agent simulate accuracy --families curve,xor,hill_b --rows 200,1000 --replicates 20 --out accuracy")]
pub struct AccuracyArgs {
    /// Families, separated by commas [default: all].
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = arg_values::setup)]
    pub families: Vec<Setup>,
    /// Rows of a draw; several sizes, separated by commas.
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [200, 500, 1_000, 2_000, 5_000], value_parser = arg_values::count)]
    pub rows: Vec<usize>,
    /// Draws of each family and size.
    #[arg(long, value_name = "R", default_value_t = 100, value_parser = arg_values::count)]
    pub replicates: usize,
    /// Root seed.
    #[arg(long, default_value_t = 20_260_722)]
    pub seed: u64,
    /// Where accuracy.md, accuracy.csv and timings.csv go; the folder is created.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// Draws each setup again and again, estimates every effect by every estimator, and counts how often the interval holds
/// the truth. The same seed gives the same bytes.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  oci-agent simulate coverage --setups linear,friedman --replicates 200 --flexible-replicates 20 --out coverage")]
pub struct CoverageArgs {
    /// Setups, separated by commas [default: all].
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = arg_values::setup)]
    pub setups: Vec<Setup>,
    /// Replicates of estimators that use regressions.
    #[arg(long, value_name = "R", default_value_t = 1000, value_parser = arg_values::count)]
    pub replicates: usize,
    /// Replicates of estimators that use flexible learners, which take a thousand times as long.
    #[arg(long, value_name = "R", default_value_t = 100, value_parser = arg_values::count)]
    pub flexible_replicates: usize,
    /// Rows of a draw [default: 500 to 2,000 by setup, for flexible learners 2,000].
    #[arg(long, value_name = "N", value_parser = arg_values::count)]
    pub rows: Option<usize>,
    /// Root seed.
    #[arg(long, default_value_t = 20_260_722)]
    pub seed: u64,
    /// Where coverage.md and coverage.csv go; the folder is created.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}
