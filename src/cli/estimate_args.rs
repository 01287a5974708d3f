//! Arguments of `estimate`.

use super::arg_values;
use super::args::DataRoot;
use causal::estimand::{Inference, OutcomeKind, Target};
use causal::estimator::EstimatorKind;
use causal::learner_kind::{Effort, LearnerKind};
use causal::learners::logistic::LogisticEngine;
use clap::Args;
use std::path::PathBuf;

/// Estimates one effect and prints it as JSON.
///
/// From a plan, the spec decides rows, terms and population; from a data file, you name the columns. This looks at the
/// outcome: in a plan that is not settled yet, prefer `run`, which looks last.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  oci-agent estimate plan.yaml --estimand att --estimator aipw
  oci-agent estimate plan.yaml --spec spec.yaml --estimand ate
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
    /// Also write the rows, arms, propensities and weights of this analysis to a Parquet file (with a plan).
    #[arg(long, value_name = "FILE")]
    pub units: Option<PathBuf>,
    /// The estimand the plan asked for, or, with a data file, the target: ate, att, atc, ato.
    #[arg(long, value_name = "TARGET", default_value = "ate", value_parser = arg_values::target)]
    pub estimand: Target,
    #[arg(long, value_name = "ESTIMATOR", value_parser = arg_values::estimator, help = estimator_help())]
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
    #[arg(long, value_name = "KIND", default_value = "continuous", value_parser = arg_values::outcome_kind)]
    pub outcome_kind: OutcomeKind,
    /// Terms to adjust for, separated by commas (with a data file) [default: all other columns].
    #[arg(long, value_name = "TERMS", value_delimiter = ',')]
    pub terms: Vec<String>,
    /// Observation-weight column (with a data file).
    #[arg(long, value_name = "COLUMN")]
    pub weights: Option<String>,
    /// What fits the propensity (with a data file): linear, elastic_net, elastic_net_basis, boosting, boosting_linear,
    /// bart or stack, for the estimators that take learners [default: what the estimator is made for].
    #[arg(long, value_name = "LEARNER", value_parser = arg_values::learner)]
    pub propensity: Option<LearnerKind>,
    /// What fits the outcome means (with a data file): the same words, with aipw_crossfit and tmle_crossfit.
    #[arg(long, value_name = "LEARNER", value_parser = arg_values::learner)]
    pub outcome_model: Option<LearnerKind>,
    /// Repeats of the cross-fitting with new folds (with a data file); the median is reported [default: 1, with
    /// thorough effort 5].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=99))]
    pub repeats: Option<u16>,
    /// How much computing (with a data file): fast or thorough [default: fast].
    #[arg(long, alias = "budget", value_name = "EFFORT", value_parser = arg_values::effort)]
    pub effort: Option<Effort>,
    /// Whose average effect the interval is about (with a data file): population, or sample for these units alone
    /// [default: population].
    #[arg(long, value_name = "WHOSE", value_parser = arg_values::inference)]
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
    #[arg(long, value_name = "ENGINE", default_value = "newton", value_parser = arg_values::engine)]
    pub logistic: LogisticEngine,
    /// Folds of the cross-fitting (with a data file).
    #[arg(long, value_name = "K", default_value_t = 5, value_parser = clap::value_parser!(u16).range(2..=100))]
    pub folds: u16,
    /// Seed of the folds (with a data file).
    #[arg(long, value_name = "SEED", default_value_t = crate::plan::DEFAULT_SEED)]
    pub seed: u64,
}

fn estimator_help() -> String {
    let keys = EstimatorKind::ALL.map(EstimatorKind::key).join(", ");
    let default = EstimatorKind::default().key();
    format!("The estimator: {keys} [default: {default}, or with a plan its primary one]")
}
