//! Arguments of `oci-agent acic`.

use crate::cli::arg_values::{self, ValueError};
use acic::calibrate::families::Families;
use acic::run::OnBad;
use acic::settings::{Selection, Settings, Shard, Split};
use causal::estimator::EstimatorKind;
use causal::learner_kind::Effort;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// The parts of a replay.
#[derive(Debug, Subcommand)]
pub enum AcicCommand {
    /// Analyse every dataset of the replay, or a share of them, into a folder.
    Run(AcicRunArgs),
    /// Put the folders of several shards together.
    Merge(AcicMergeArgs),
    /// Hold the estimates against the truth and against the published methods.
    Score(AcicScoreArgs),
    /// Draw coverage against error, and what the verdicts are worth.
    Report(AcicReportArgs),
    /// Write datasets out as plans of their own, with the right answers beside them.
    Export(AcicExportArgs),
    /// Measure how well each diagnostic tells that an estimate is off, and choose its threshold.
    Calibrate(AcicCalibrateArgs),
}

/// Analyses datasets of the ACIC 2016 competition, each through the whole pipeline: plan, spec, design, effects, critique.
///
/// A dataset is on record as soon as it is finished. The same command goes on where it was stopped or killed; a folder
/// that holds another replay is refused. Nothing of a dataset is read but its covariates, its treatment and the outcome
/// that followed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  oci-agent acic run --split report              the 154 datasets that no setting was chosen on
  oci-agent acic run --data DIR --settings 1-77 --responses 3
  oci-agent acic run --shard 2/8 --out shard-2   one of eight shares, for a machine of its own

DIR is either the official layout (x.csv, and a folder for each setting with zymu_<response>.csv) or a pack like
examples/acic2016 (x.csv, observed.parquet). Files of OUT: see examples/acic2016/README.md.")]
pub struct AcicRunArgs {
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub data: ReplayData,
    #[command(flatten)]
    pub chosen: Chosen,
    /// Estimators, separated by commas; the first gives the answer that is graded.
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = arg_values::estimator,
          default_value = DEFAULT_ESTIMATOR)]
    pub estimators: Vec<EstimatorKind>,
    /// One share of the work: every n-th dataset, starting with the i-th.
    #[arg(long, value_name = "I/N", default_value_t = Shard::WHOLE)]
    pub shard: Shard,
    /// How much computing: fast or thorough.
    #[arg(long, alias = "budget", value_name = "EFFORT", default_value = "fast", value_parser = arg_values::effort)]
    pub effort: Effort,
    /// What to do about datasets that cannot be analysed: refuse (all are named, nothing is run) or skip (they are listed
    /// in skipped.csv and counted in every score).
    #[arg(long, value_name = "WHAT", default_value = "refuse", value_parser = parse_on_bad)]
    pub on_bad: OnBad,
    /// Fill the column `seconds` of estimates.csv. Without it the file is the same bytes however the work was shared;
    /// timings.csv has the seconds in any case.
    #[arg(long)]
    pub with_seconds: bool,
}

/// The datasets that are wanted.
#[derive(Debug, Clone, Args)]
pub struct Chosen {
    /// Settings to take: numbers and ranges, such as 1-77 or 3,5,10-12 [default: all that are there].
    #[arg(long, value_name = "LIST")]
    pub settings: Option<Settings>,
    /// The first K datasets of each setting [default: all].
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    pub responses: Option<u32>,
    /// Part of the bundled pack: choose (the first dataset of each setting, on which settings of the estimators may be
    /// chosen), report (the others) or all.
    #[arg(long, value_name = "PART", default_value = "all", value_parser = parse_split)]
    pub split: SplitChoice,
}

impl Chosen {
    /// As the replay takes it.
    #[must_use]
    pub fn selection(&self) -> Selection {
        Selection {
            settings: self.settings.clone(),
            responses: self.responses.map(|k| k as usize),
            split: self.split.0,
        }
    }
}

/// Writes datasets of the replay out, each as a folder with data.csv, plan.yaml and truth.json, so that `oci-agent run` can
/// be held against known answers. Prints a line for each: the folder, and its answers as `--truth ate=…,att=…`.
///
/// data.csv has z, y and the 58 covariates, every number to the last bit. plan.yaml is the plan of the replay, for this file.
/// truth.json is in the units of y, as are the estimates of a run. A folder that is there is never written over.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  oci-agent acic export --settings 1,5 --responses 1 --out exported
  oci-agent run exported/001_336720328/plan.yaml

A folder is called as the replay calls its files: setting, then response. Whoever answers must not see truth.json: a
program that reads files of its own choosing should be given data.csv and plan.yaml somewhere else.")]
pub struct AcicExportArgs {
    /// The folder for the folders.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    #[command(flatten)]
    pub data: ReplayData,
    #[command(flatten)]
    pub chosen: Chosen,
}

/// The estimator of a replay that names none.
pub const DEFAULT_ESTIMATOR: &str = "dr_average";

/// The place of the replay.
#[derive(Debug, Clone, Args)]
pub struct Place {
    /// The folder of the replay.
    #[arg(long, value_name = "DIR", default_value = "acic-out")]
    pub out: PathBuf,
}

/// The place of the data.
#[derive(Debug, Clone, Args)]
pub struct ReplayData {
    /// The folder with the data [default: examples/acic2016 here or in a folder above].
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// Takes over the finished datasets of the shards' folders and writes estimates.csv: the same bytes as one run.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  oci-agent acic merge --out all shard-1 shard-2 shard-3 shard-4")]
pub struct AcicMergeArgs {
    #[command(flatten)]
    pub place: Place,
    /// The folders of the shards.
    #[arg(value_name = "SHARD", required = true)]
    pub shards: Vec<PathBuf>,
    /// Fill the column `seconds` of estimates.csv.
    #[arg(long)]
    pub with_seconds: bool,
}

/// Scores a replay: bias, RMSE, coverage and width in units of the standard deviation of the outcome, for our estimators,
/// the 24 methods of the competition and Netflix's agent, and the paired difference to each with its standard error.
///
/// Writes leaderboard.csv, leaderboard.md and verdicts.csv into the folder of the replay. Every line of the two CSV files
/// says in `missing` and `skipped` how many datasets of the replay are not in its numbers.
#[derive(Debug, Args)]
#[command(after_help = "Assertions are ESTIMAND[.TIER].METRIC OP NUMBER:
  estimand  att, ate
  tier      all (default), fully, caveats, accepted (fully or caveats), not_satisfactory
  metric    n, failed, share, bias, rmse, coverage, width (units of sd(y))
  op        <=, <, >=, >, ==
Example:
  oci-agent acic score --split report --assert 'att.rmse<=0.0125' --assert 'ate.accepted.coverage>=0.94'

Exit code 1: scored, and an assertion does not hold.")]
pub struct AcicScoreArgs {
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub data: ReplayData,
    /// Score one part of the bundled pack only: choose, report or all.
    #[arg(long, value_name = "PART", default_value = "all", value_parser = parse_split)]
    pub split: SplitChoice,
    /// Exit with code 1 unless this holds; may be given several times.
    #[arg(long = "assert", value_name = "CONDITION")]
    pub assertions: Vec<acic::score::Assertion>,
    /// Score what is there although datasets are missing; how many is said in every table.
    #[arg(long)]
    pub partial: bool,
}

/// Writes report.md, report.html and the plots (SVG and PNG) into the folder of the replay.
#[derive(Debug, Args)]
pub struct AcicReportArgs {
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub data: ReplayData,
    /// One part of the bundled pack only: choose, report or all.
    #[arg(long, value_name = "PART", default_value = "all", value_parser = parse_split)]
    pub split: SplitChoice,
    /// Report what is there although datasets are missing; how many is said in every table.
    #[arg(long)]
    pub partial: bool,
}

/// Measures what each diagnostic of the verdict is worth, on a finished replay and on simulated data of other kinds: how
/// well it tells that an interval misses or that an error is large, and what each threshold keeps and refuses, on a half of
/// the cases that chooses and on one that confirms.
///
/// Writes calibration.csv and calibration_cases.csv into the folder of the replay, and a page with the tables.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  oci-agent acic run --out acic-out && oci-agent acic calibrate --out acic-out --table calibration.md
  oci-agent acic calibrate --families sparse,heavy_tailed --replicates 100

The simulated families go through the estimators and the effort of the replay.")]
pub struct AcicCalibrateArgs {
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub data: ReplayData,
    /// Simulated families, separated by commas, or all: kang_schafer_misspecified, sparse, heavy_tailed, early_adopters,
    /// friedman.
    #[arg(long, value_name = "LIST", default_value = "all")]
    pub families: Families,
    /// Datasets of each family.
    #[arg(long, value_name = "R", default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..))]
    pub replicates: u32,
    /// Units of each simulated dataset.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(50..))]
    pub rows: u32,
    /// Root seed of simulation and resampling.
    #[arg(long, value_name = "SEED", default_value_t = 20_261_121)]
    pub seed: u64,
    /// Write the page to this file [default: standard output].
    #[arg(long, value_name = "FILE")]
    pub table: Option<PathBuf>,
}

/// A part of the pack, or all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SplitChoice(pub Option<Split>);

fn parse_split(text: &str) -> Result<SplitChoice, ValueError> {
    let parts = [Some(Split::Choose), Some(Split::Report), None].map(SplitChoice);
    arg_values::keyed(text, "a part of the pack", &parts, |part| part.0.map_or("all", Split::key))
}

fn parse_on_bad(text: &str) -> Result<OnBad, ValueError> {
    let key = |choice| match choice {
        OnBad::Skip => "skip",
        OnBad::Refuse => "refuse",
    };
    arg_values::keyed(text, "a choice", &[OnBad::Skip, OnBad::Refuse], key)
}
