//! Do intervals cover? Every estimator, every variance, every target, in setups whose truth is known.
//!
//! For replicates r = 1, …, R with estimate θ̂ᵣ, standard error sᵣ and truth θᵣ (one number for population inference, the
//! sample's own effect for sample inference):
//!
//! ```text
//! bias      mean(θ̂ᵣ − θᵣ) ± sd(θ̂ᵣ − θᵣ)/√R       RMSE   √mean((θ̂ᵣ − θᵣ)²)
//! sd        standard deviation of θ̂ᵣ − θᵣ           SE     mean(sᵣ), to be compared with sd
//! coverage  share c of intervals with θᵣ inside, ± √(c(1 − c)/R), with 0.95 for c where the share is 0 or 1
//! ```
//!
//! A replicate in which an estimator refuses counts as failed and takes no part; failures are in the table.

mod render;

pub use crate::simulate::coverage::render::{csv, markdown};

use crate::effect::{Effect, SeMethod};
use crate::error::EstimateError;
use crate::estimand::Inference;
use crate::estimand::{Population, Target};
use crate::estimator::EstimatorKind;
use crate::estimator::NuisanceModels;
use crate::learner_kind::{Effort, LearnerKind};
use crate::learners::logistic::LogisticParams;
use crate::nuisance::Nuisances;
use crate::params::EstimateParams;
use crate::simulate::{Draw, Setup};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// The level that intervals claim.
pub const LEVEL: f64 = 0.95;

/// Units over which a population's effects are averaged: their error is a thousandth of the effects' spread.
const POPULATION: usize = 1 << 20;

/// One way to an estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Analysis {
    /// The estimator.
    pub estimator: EstimatorKind,
    /// The learner of propensity and outcome, for estimators that take learners.
    pub learner: LearnerKind,
    /// Whose effect the interval is about.
    pub inference: Inference,
}

impl Analysis {
    /// With regressions for nuisances.
    #[must_use]
    pub fn parametric(estimator: EstimatorKind) -> Self {
        Self { estimator, learner: LearnerKind::Linear, inference: Inference::Population }
    }

    /// True if it is consistent in `setup`, apart from overlap.
    #[must_use]
    pub fn suits(&self, setup: Setup) -> bool {
        let flexible = self.estimator.takes_learners() && self.learner != LearnerKind::Linear;
        // A regression on two hundred columns and five hundred rows is not a parametric model in any useful sense.
        flexible || setup.suits(self.estimator)
    }

    /// For a table: `AIPW, cross-fitted (elastic_net)`.
    #[must_use]
    pub fn label(&self) -> String {
        let learner = match (self.estimator.takes_learners(), self.learner) {
            (false, _) => String::new(),
            (true, learner) => format!(" ({})", learner.key()),
        };
        let sample = if self.inference == Inference::Sample { ", sample" } else { "" };
        format!("{}{learner}{sample}", self.estimator.title())
    }

    fn models(&self) -> NuisanceModels {
        NuisanceModels { propensity: self.learner, outcome: self.learner, repeats: 1, effort: Effort::Fast }
    }
}

/// One study: which analyses of which setup, how often.
#[derive(Debug, Clone, PartialEq)]
pub struct Study {
    /// The setup.
    pub setup: Setup,
    /// Rows of a draw.
    pub rows: usize,
    /// The analyses, all on the same draws.
    pub analyses: Vec<Analysis>,
    /// Replicates R.
    pub replicates: usize,
    /// Root seed of the draws and of every fit.
    pub seed: u64,
}

/// A standard error: its kind, and its place in the effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variance {
    /// Its kind.
    pub method: SeMethod,
    /// True if it makes the reported interval.
    pub headline: bool,
}

/// The coverage of one analysis, target and variance over R replicates.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The setup.
    pub setup: Setup,
    /// Rows of a draw.
    pub rows: usize,
    /// The analysis.
    pub analysis: Analysis,
    /// The target.
    pub target: Target,
    /// The variance.
    pub variance: Variance,
    /// Replicates with an estimate.
    pub replicates: usize,
    /// Replicates without.
    pub failed: usize,
    /// Population effect.
    pub truth: f64,
    /// Mean error.
    pub bias: f64,
    /// Root mean squared error.
    pub rmse: f64,
    /// Standard deviation of the error.
    pub sd: f64,
    /// Mean standard error.
    pub mean_se: f64,
    /// Share of intervals that hold the truth.
    pub coverage: f64,
}

impl Row {
    /// Monte Carlo standard error of the bias.
    #[must_use]
    pub fn bias_error(&self) -> f64 {
        self.sd / (self.replicates as f64).sqrt()
    }

    /// Monte Carlo standard error of the coverage.
    #[must_use]
    pub fn coverage_error(&self) -> f64 {
        let c = if self.coverage > 0.0 && self.coverage < 1.0 { self.coverage } else { LEVEL };
        (c * (1.0 - c) / self.replicates as f64).sqrt()
    }

    /// Coverage minus 95 %, in binomial standard errors under 95 %.
    #[must_use]
    pub fn coverage_z(&self) -> f64 {
        (self.coverage - LEVEL) / (LEVEL * (1.0 - LEVEL) / self.replicates as f64).sqrt()
    }
}

/// One estimate and the truth that it is about.
struct Outcome {
    effect: Effect,
    truth: f64,
}

/// The replicates of a study, summed up.
#[derive(Debug, Clone, PartialEq)]
pub struct Coverage {
    /// One row per analysis, target and variance.
    pub rows: Vec<Row>,
    /// Why replicates failed: analysis, first reason, in the order of the analyses.
    pub failures: Vec<(Analysis, String)>,
}

impl Coverage {
    /// The rows of both, these first.
    #[must_use]
    pub fn and(mut self, other: Coverage) -> Self {
        self.rows.extend(other.rows);
        self.failures.extend(other.failures);
        self
    }
}

/// Runs the study. The result is the same at any number of threads.
#[must_use]
pub fn run(study: &Study) -> Coverage {
    let population = study.setup.population_effects(POPULATION);
    let replicates: Vec<Vec<Result<Outcome, String>>> =
        // In the order of the replicates, whichever thread was first.
        (0..study.replicates).into_par_iter().map(|r| replicate(study, r, &population)).collect();
    let (mut rows, mut failures) = (Vec::new(), Vec::new());
    for (a, analysis) in study.analyses.iter().enumerate() {
        for (t, target) in Target::ALL.into_iter().enumerate() {
            let cell: Vec<_> = replicates.iter().map(|r| &r[a * Target::ALL.len() + t]).collect();
            let outcomes: Vec<&Outcome> = cell.iter().filter_map(|r| r.as_ref().ok()).collect();
            // One reason is enough for the reader; the number of failures is in the rows.
            let first = cell.iter().find_map(|r| r.as_ref().err());
            if let Some(reason) = first.filter(|_| !failures.iter().any(|(f, _)| f == analysis)) {
                failures.push((*analysis, reason.clone()));
            }
            let blank = Row {
                setup: study.setup,
                rows: study.rows,
                analysis: *analysis,
                target,
                variance: Variance { method: SeMethod::InfluenceFunction, headline: true },
                replicates: outcomes.len(),
                failed: cell.len() - outcomes.len(),
                truth: population[t],
                bias: 0.0,
                rmse: 0.0,
                sd: 0.0,
                mean_se: 0.0,
                coverage: 0.0,
            };
            rows.extend(summaries(&blank, &outcomes));
        }
    }
    Coverage { rows, failures }
}

/// Analyses × targets of one draw.
fn replicate(study: &Study, r: usize, population: &[f64; 4]) -> Vec<Result<Outcome, String>> {
    let cells = study.analyses.len() * Target::ALL.len();
    let draw = match study.setup.draw(study.rows, study.seed, r) {
        Ok(draw) => draw,
        Err(error) => return (0..cells).map(|_| Err(error.to_string())).collect(),
    };
    // By learner alone: no fit depends on whom the interval is about.
    let mut shared: BTreeMap<&str, Result<Nuisances<'_>, EstimateError>> = BTreeMap::new();
    let mut all = Vec::with_capacity(cells);
    for analysis in &study.analyses {
        // Taken out and put back, because `about` takes the fits by value.
        let fitted = shared.remove(analysis.learner.key());
        let fitted = fitted.unwrap_or_else(|| Nuisances::new(&draw.sample, &params(study, analysis, r)));
        let nuisances = fitted.map(|nuisances| nuisances.about(analysis.inference));
        let nuisances = shared.entry(analysis.learner.key()).or_insert(nuisances);
        for (target, population) in Target::ALL.into_iter().zip(population) {
            all.push(effect_of(nuisances, analysis, target).map(|effect| {
                let truth = truth(&draw, analysis.inference, target, *population);
                Outcome { effect, truth }
            }));
        }
    }
    all
}

fn effect_of(
    nuisances: &Result<Nuisances<'_>, EstimateError>,
    analysis: &Analysis,
    target: Target,
) -> Result<Effect, String> {
    let nuisances = nuisances.as_ref().map_err(ToString::to_string)?;
    nuisances.effect(analysis.estimator, target).map_err(|e| e.to_string())
}

fn truth(draw: &Draw, inference: Inference, target: Target, population: f64) -> f64 {
    match inference {
        Inference::Population => population,
        Inference::Sample => draw.sample_effect(target),
    }
}

fn params(study: &Study, analysis: &Analysis, r: usize) -> EstimateParams {
    EstimateParams {
        population: Population::All,
        outcome: study.setup.outcome(),
        folds: 5,
        // Folds and learners of replicates must not repeat each other.
        seed: study.seed.wrapping_add(r as u64),
        logistic: LogisticParams::default(),
        models: analysis.models(),
        inference: analysis.inference,
    }
}

/// One row per variance that the effects have.
fn summaries(blank: &Row, outcomes: &[&Outcome]) -> Vec<Row> {
    let Some(first) = outcomes.first() else { return Vec::new() };
    let headline = first.effect.se_method;
    let mut rows = vec![summary(blank, headline, true, outcomes, |e| Some((e.std_error, e.ci_lower, e.ci_upper)))];
    // As many standard errors as the headline has: with clusters, Student's t.
    let around = |e: &Effect, se: f64| {
        let half = (e.ci_upper - e.estimate) / e.std_error * se;
        (se, e.estimate - half, e.estimate + half)
    };
    if headline != SeMethod::InfluenceFunction && first.effect.se_influence.is_some() {
        let of = |e: &Effect| e.se_influence.map(|se| around(e, se));
        rows.push(summary(blank, SeMethod::InfluenceFunction, false, outcomes, of));
    }
    if headline != SeMethod::StackedEquations && first.effect.se_stacked.is_some() {
        let of = |e: &Effect| e.se_stacked.map(|se| around(e, se));
        rows.push(summary(blank, SeMethod::StackedEquations, false, outcomes, of));
    }
    rows
}

fn summary(
    blank: &Row,
    method: SeMethod,
    headline: bool,
    outcomes: &[&Outcome],
    interval: impl Fn(&Effect) -> Option<(f64, f64, f64)>,
) -> Row {
    let count = outcomes.len() as f64;
    let errors: Vec<f64> = outcomes.iter().map(|o| o.effect.estimate - o.truth).collect();
    let bias = errors.iter().sum::<f64>() / count;
    // About zero for the RMSE, about the bias for the standard deviation.
    let squares = |about: f64| errors.iter().map(|e| (e - about).powi(2)).sum::<f64>();
    let intervals: Vec<(f64, (f64, f64, f64))> =
        outcomes.iter().filter_map(|o| interval(&o.effect).map(|i| (o.truth, i))).collect();
    let within = intervals.iter().filter(|(truth, (_, lower, upper))| lower <= truth && truth <= upper).count();
    // Not every effect has every standard error, so this may be less than the number of effects.
    let all = intervals.len() as f64;
    Row {
        variance: Variance { method, headline },
        bias,
        rmse: (squares(0.0) / count).sqrt(),
        sd: if count > 1.0 { (squares(bias) / (count - 1.0)).sqrt() } else { 0.0 },
        mean_se: intervals.iter().map(|(_, (se, _, _))| se).sum::<f64>() / all,
        coverage: within as f64 / all,
        ..blank.clone()
    }
}

/// The regressions' estimators that are consistent in `setup`, and intervals about the sample where there are any.
#[must_use]
pub fn parametric(setup: Setup) -> Vec<Analysis> {
    let all = EstimatorKind::ALL.into_iter().filter(|e| !e.brings_outcome_models());
    let mut analyses: Vec<Analysis> = all.map(Analysis::parametric).filter(|a| a.suits(setup)).collect();
    // Intervals about the sample are not defined for clusters.
    if setup.regressions_hold() && setup != Setup::Clustered {
        let offered =
            EstimatorKind::ALL.into_iter().filter(|e| e.offers(Inference::Sample) && !e.brings_outcome_models());
        analyses.extend(offered.map(|e| Analysis { inference: Inference::Sample, ..Analysis::parametric(e) }));
    }
    analyses
}

/// Cross-fitted AIPW and TMLE with learners that need no model, and the estimators that bring their own; with intervals
/// about the sample where `setup` has no clusters. Few replicates can be unlucky together, so where regressions hold AIPW
/// with regressions is a control on the same draws.
#[must_use]
pub fn flexible(setup: Setup) -> Vec<Analysis> {
    let with = |estimator, learner| Analysis { estimator, learner, inference: Inference::Population };
    let mut all = Vec::new();
    // Two hundred columns need no splines: the truth is linear, and there are enough columns to choose from.
    let penalised = if setup == Setup::Sparse { LearnerKind::ElasticNet } else { LearnerKind::ElasticNetBasis };
    for learner in [penalised, LearnerKind::BoostingLinear] {
        let takers = EstimatorKind::ALL.into_iter().filter(|e| e.takes_outcome_learners());
        all.extend(takers.map(|estimator| with(estimator, learner)));
    }
    let inferences: &[Inference] = match setup {
        Setup::Clustered => &[Inference::Population],
        _ => &[Inference::Population, Inference::Sample],
    };
    for &inference in inferences {
        let flexible = EstimatorKind::ALL.into_iter().filter(|e| e.brings_outcome_models());
        // The learner is for the propensity, as by default; the outcome models are part of the estimator.
        let learner = LearnerKind::BoostingOrRidge;
        all.extend(flexible.map(|estimator| Analysis { estimator, learner, inference }));
    }
    if setup.regressions_hold() {
        all.push(Analysis::parametric(EstimatorKind::default()));
    }
    all
}

#[cfg(test)]
mod tests;
