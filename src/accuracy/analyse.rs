//! One draw by one contender.

use super::TARGETS;
use crate::dataset::Table;
use crate::finding::Tier;
use crate::pipeline::estimate_diagnostics::outcome_sd;
use crate::pipeline::{prepare, single_pass};
use causal::effect::Effect;
use causal::estimand::{Inference, OutcomeKind, Population};
use causal::estimator::{EstimatorKind, NuisanceModels};
use causal::keyed_enum;
use causal::learner_kind::{Effort, LearnerKind};
use causal::learners::logistic::LogisticParams;
use causal::nuisance::Nuisances;
use causal::params::EstimateParams;
use causal::sample::Sample;
use causal::simulate::Setup;
use std::fmt::Write as _;

keyed_enum! {
    /// Who answers.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum Contender {
        /// The pipeline on a plan that chooses nothing.
        Default = "default",
        /// AIPW by linear and logistic regressions.
        LinearAipw = "linear_aipw",
        /// Cross-fitted AIPW by gradient boosting.
        BoostingAipw = "boosting_aipw",
    }
}

impl Contender {
    /// All, the default first.
    pub const ALL: [Contender; 3] = [Contender::Default, Contender::LinearAipw, Contender::BoostingAipw];

    /// True if its answers are graded.
    #[must_use]
    pub fn has_verdict(self) -> bool {
        self == Contender::Default
    }

    /// The estimator and learner of a contender that is no pipeline.
    fn fixed(self) -> Option<(EstimatorKind, LearnerKind)> {
        match self {
            Contender::Default => None,
            Contender::LinearAipw => Some((EstimatorKind::Aipw, LearnerKind::Linear)),
            Contender::BoostingAipw => Some((EstimatorKind::AipwCrossfit, LearnerKind::Boosting)),
        }
    }
}

/// An answer, in outcome units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// The estimator that gave it.
    pub by: EstimatorKind,
    /// The estimate.
    pub estimate: f64,
    /// Lower end of the interval.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
    /// True if the verdict accepts it; false without a verdict.
    pub accepted: bool,
    /// Standard deviation of the outcome in the draw.
    pub outcome_sd: f64,
}

impl Scored {
    fn new(effect: &Effect, accepted: bool, outcome_sd: f64) -> Scored {
        Scored {
            by: effect.estimator,
            estimate: effect.estimate,
            lower: effect.ci_lower,
            upper: effect.ci_upper,
            accepted,
            outcome_sd,
        }
    }
}

/// The answers to [`TARGETS`], each `None` where the contender has none.
pub(super) fn analyse(
    family: Setup,
    rows: usize,
    seed: u64,
    replicate: usize,
    contender: Contender,
) -> [Option<Scored>; 2] {
    let answers = || {
        let draw = family.draw(rows, seed, replicate).ok()?;
        let outcome_sd = outcome_sd(&draw.sample).filter(|sd| *sd > 0.0)?;
        // Folds and learners of replicates must not repeat each other.
        let seed = seed.wrapping_add(replicate as u64);
        match contender.fixed() {
            None => by_pipeline(family, &draw.sample, seed, outcome_sd),
            Some((estimator, learner)) => {
                let nuisances = Nuisances::new(&draw.sample, &params(family, learner, seed)).ok()?;
                let scored = |effect: Effect| Scored::new(&effect, false, outcome_sd);
                Some(TARGETS.map(|target| nuisances.effect(estimator, target).ok().map(scored)))
            }
        }
    };
    answers().unwrap_or([None; 2])
}

fn params(family: Setup, learner: LearnerKind, seed: u64) -> EstimateParams {
    EstimateParams {
        population: Population::All,
        outcome: family.outcome(),
        folds: 5,
        seed,
        logistic: LogisticParams::default(),
        models: NuisanceModels { propensity: learner, outcome: learner, repeats: 1, effort: Effort::Fast },
        inference: Inference::Population,
    }
}

/// Through plan, spec, design, effects and verdict.
fn by_pipeline(family: Setup, sample: &Sample, seed: u64, outcome_sd: f64) -> Option<[Option<Scored>; 2]> {
    let plan = plan(family, sample, seed);
    let prepared = prepare::prepare_table(plan.as_bytes(), table(sample).ok()?).ok()?;
    let pass = single_pass::run_single_pass(&prepared, prepared.draft.clone());
    Some(TARGETS.map(|target| {
        let answer = pass.results.answers.iter().find(|answer| answer.requested == target)?;
        Some(Scored::new(answer.effect.as_ref()?, answer.tier != Tier::NotSatisfactory, outcome_sd))
    }))
}

/// The sample as a table, with `t`, `y`, and weights and clusters where it has any.
fn table(sample: &Sample) -> Result<Table, crate::dataset::DatasetProblem> {
    let covariates = sample.covariates();
    let mut columns: Vec<(&str, Vec<f64>)> = covariates
        .names()
        .iter()
        .map(String::as_str)
        .zip(covariates.x().columns())
        .map(|(n, x)| (n, x.to_vec()))
        .collect();
    columns.extend([("t", covariates.treated().to_vec()), ("y", sample.y().to_vec())]);
    columns.extend(covariates.weights().map(|weights| ("weight", weights.to_vec())));
    columns.extend(covariates.clusters().map(|of| ("cluster", of.iter().map(|cluster| *cluster as f64).collect())));
    let numbers: Vec<(&str, &[f64])> = columns.iter().map(|(name, values)| (*name, values.as_slice())).collect();
    Table::of_numbers("simulated", &numbers)
}

/// The plan of somebody who names columns and chooses nothing.
fn plan(family: Setup, sample: &Sample, seed: u64) -> String {
    let covariates = sample.covariates();
    let weights = covariates.weights().map_or("", |_| ", weights: weight");
    let kind = if family.outcome() == OutcomeKind::Binary { ", kind: binary" } else { "" };
    let targets = TARGETS.map(|target| target.key()).join(", ");
    let mut text = format!(
        "title: Accuracy\nquestion: What does t do to y?\ndata: {{source: simulated{weights}}}\ntreatment: {{column: t}}\n\
         outcome: {{column: y, units: units of y{kind}}}\nestimands: [{targets}]\nseed: {seed}\nconfounders:\n  priority:\n"
    );
    for name in covariates.names() {
        let _ = writeln!(text, "    - {name}");
    }
    if covariates.clusters().is_some() {
        text.push_str("analysis: {clusters: cluster}\n");
    }
    text
}
