//! The effects stage: runs only after `unblind`, for every spec that was tried.

use super::design::{self, Fitted};
use super::prepare::Prepared;
use crate::pipeline::estimate_diagnostics;
use crate::pipeline::fit_cache::Kept;
use crate::plan::Tool;
use crate::record::documents::{EffectRow, EstimateDiagnostics};
use crate::record::not_estimated::{DesignFailure, NoEstimate, NoSensitivity, NotEstimated};
use crate::report::notes;
use crate::spec::{Analysis, AnalysisSpec, FEWEST_ROWS, SMALLEST_ARM};
use causal::design::PropensityModel;
use causal::diagnose::sensitivity;
use causal::diagnose::sensitivity::SensitivityReport;
use causal::effect::Effect;
use causal::estimand::Target;
use causal::estimator::{EstimatorKind, NuisanceModels, OutcomeFit};
use causal::learner_kind::LearnerKind;
use causal::learners::logistic::LogisticParams;
use causal::nuisance::Nuisances;
use causal::params::EstimateParams;
use causal::sample::Sample;
use ndarray::Array1;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Every effect of one spec, and the reasons for those that could not be estimated.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Effects {
    /// One row per analysis and estimator.
    pub rows: Vec<EffectRow>,
    /// The estimates that could not be made.
    pub not_estimated: Vec<NotEstimated>,
    /// Terms left out in a fold of the cross-fitting: sentences.
    pub notes: Vec<String>,
    /// Diagnostics of the primary estimates, by iteration and requested estimand.
    pub diagnostics: BTreeMap<(u32, Target), EstimateDiagnostics>,
}

impl Effects {
    /// `more` after these.
    pub fn extend(&mut self, more: Effects) {
        self.rows.extend(more.rows);
        self.not_estimated.extend(more.not_estimated);
        self.notes.extend(more.notes);
        self.diagnostics.extend(more.diagnostics);
    }
}

/// Runs the estimators of some analyses of one spec. Those in the same population with the same terms and models share
/// every nuisance fit, whatever their target.
#[must_use]
pub fn spec_effects(prepared: &Prepared, spec: &AnalysisSpec, analyses: &[&Analysis]) -> Effects {
    // By place, so that effects come out in the spec's order although a group is computed together.
    let mut done: BTreeMap<usize, Effects> = BTreeMap::new();
    for (i, first) in analyses.iter().enumerate() {
        let alike = |other: &Analysis| {
            (first.population, &first.terms, first.models) == (other.population, &other.terms, other.models)
                && design::trimmed_end(first) == design::trimmed_end(other)
        };
        let group: Vec<usize> = (i..analyses.len()).filter(|j| analyses.get(*j).is_some_and(|a| alike(a))).collect();
        // Computed with the group of an earlier one.
        if done.contains_key(&i) {
            continue;
        }
        let members: Vec<&Analysis> = group.iter().filter_map(|j| analyses.get(*j).copied()).collect();
        done.extend(group.into_iter().zip(group_effects(prepared, spec, &members)));
    }
    let mut all = Effects::default();
    done.into_values().for_each(|effects| all.extend(effects));
    all
}

/// The effects of analyses that share their nuisances, one entry for each.
fn group_effects(prepared: &Prepared, spec: &AnalysisSpec, analyses: &[&Analysis]) -> Vec<Effects> {
    let Some(first) = analyses.first() else { return Vec::new() };
    let failed = |reason: NoEstimate| {
        let all = |analysis: &&Analysis| Effects {
            not_estimated: vec![not_estimated(spec, analysis, None, reason.clone())],
            ..Effects::default()
        };
        analyses.iter().map(all).collect()
    };
    let (sample, kept) = match sample(prepared, spec, first) {
        Ok(sample) => sample,
        Err(failure) => return failed(failure.into()),
    };
    match Nuisances::with_propensity_model(&sample, &params(spec, first), &kept.propensity) {
        Ok(nuisances) => {
            analyses.iter().map(|analysis| analysis_effects(&nuisances, &sample, spec, analysis)).collect()
        }
        Err(error) => failed(error.into()),
    }
}

fn analysis_effects(nuisances: &Nuisances<'_>, sample: &Sample, spec: &AnalysisSpec, analysis: &Analysis) -> Effects {
    let mut effects = Effects::default();
    let name = analysis.estimand().name();
    let outcome_sd = estimate_diagnostics::outcome_sd(sample).unwrap_or_default();
    for kind in &analysis.estimators {
        match nuisances.effect(*kind, analysis.target).map_err(NoEstimate::from).and_then(|e| with_error(e, outcome_sd))
        {
            Ok(effect) => effects.rows.push(EffectRow {
                iteration: spec.iteration,
                requested: analysis.requested,
                name: name.clone(),
                primary: *kind == analysis.primary,
                learners: estimate_diagnostics::learners(*kind, spec, analysis.models),
                effect: notes::document(effect),
            }),
            Err(error) => effects.not_estimated.push(not_estimated(spec, analysis, Some(*kind), error)),
        }
    }
    effects.notes.extend(
        crossfit_drops(nuisances, analysis).map(|drop| format!("iteration {}, {name}: {drop}", spec.iteration)),
    );
    if let Some(found) = estimate_diagnostics::diagnostics(nuisances, sample, &effects.rows) {
        effects.diagnostics.insert((spec.iteration, analysis.requested), found);
    }
    effects
}

/// Standard errors of this share of the outcome's spread are rounding.
const ROUNDING: f64 = 1e-9;

/// The effect, unless its standard error is zero to machine precision.
pub(super) fn with_error(effect: Effect, outcome_sd: f64) -> Result<Effect, NoEstimate> {
    match effect.std_error {
        std_error if std_error <= ROUNDING * outcome_sd => Err(NoEstimate::NoError { std_error, outcome_sd }),
        _ => Ok(effect),
    }
}

/// Fewest rows, and rows of an arm, for a flexible estimate to hold an answer against: those of the default.
fn large_enough(sample: &Sample) -> bool {
    let arms = [sample.covariates().n_treated(), sample.covariates().n_control()];
    sample.covariates().n() >= FEWEST_ROWS && arms.iter().all(|arm| *arm >= SMALLEST_ARM)
}

/// Answers by regressions, and how far cross-fitted AIPW by flexible learners is from each, in the order of `analyses`: what
/// is bent in the world and straight in a regression shows here. `None` where the answer is flexible itself, where the plan's
/// tools allow no learners, where rows are few or where the flexible estimate failed.
#[must_use]
pub fn flexible_estimates(prepared: &Prepared, spec: &AnalysisSpec, analyses: &[&Analysis]) -> Vec<Option<f64>> {
    let mut estimates: Vec<Option<f64>> = vec![None; analyses.len()];
    let mut done = vec![false; analyses.len()];
    for (i, first) in analyses.iter().enumerate() {
        let alike = |other: &Analysis| (first.population, &first.terms) == (other.population, &other.terms);
        let group: Vec<usize> = (i..analyses.len()).filter(|j| !done[*j] && alike(analyses[*j])).collect();
        group.iter().for_each(|j| done[*j] = true);
        let asked: Vec<usize> = group.into_iter().filter(|j| by_regressions(spec, analyses[*j])).collect();
        let Some(one) = asked.first() else { continue };
        let Ok((sample, kept)) = sample(prepared, spec, analyses[*one]) else { continue };
        if !large_enough(&sample) {
            continue;
        }
        let either = LearnerKind::BoostingOrRidge;
        let models = NuisanceModels { propensity: either, outcome: either, repeats: 1, ..analyses[*one].models };
        let params = EstimateParams { models, ..params(spec, analyses[*one]) };
        let nuisances = match &kept.propensity {
            known @ PropensityModel::Known(_) => Nuisances::with_propensity_model(&sample, &params, known),
            _ => Nuisances::new(&sample, &params),
        };
        let Ok(nuisances) = nuisances else { continue };
        for j in asked {
            let effect = nuisances.effect(EstimatorKind::AipwCrossfit, analyses[j].target);
            estimates[j] = effect.ok().map(|effect| effect.estimate);
        }
    }
    estimates
}

/// True if nothing flexible is in the answer, and learners are allowed.
fn by_regressions(spec: &AnalysisSpec, analysis: &Analysis) -> bool {
    let linear = match analysis.primary.facts().outcome {
        OutcomeFit::Regressions | OutcomeFit::Nothing | OutcomeFit::PooledRegression => true,
        OutcomeFit::CrossFitted => {
            matches!(analysis.models.outcome, LearnerKind::Linear | LearnerKind::Ridge | LearnerKind::ElasticNet)
        }
        OutcomeFit::Own(_) => false,
    };
    let allowed = [Tool::AipwCrossfit, Tool::DrAverage].iter().any(|tool| spec.tools.contains(tool));
    linear && allowed
}

fn not_estimated(
    spec: &AnalysisSpec,
    analysis: &Analysis,
    estimator: Option<EstimatorKind>,
    reason: NoEstimate,
) -> NotEstimated {
    let name = analysis.estimand().name();
    NotEstimated { iteration: spec.iteration, requested: analysis.requested, name, estimator, reason }
}

/// Terms that were constant or aliased outside one fold, and so left out there.
fn crossfit_drops<'a>(nuisances: &'a Nuisances<'_>, analysis: &Analysis) -> impl Iterator<Item = String> + use<'a> {
    let crossfit = analysis.estimators.iter().any(|kind| kind.is_crossfitted() && kind.takes_outcome_learners());
    let folds = if crossfit { nuisances.crossfit_dropped_terms().unwrap_or_default() } else { &[] };
    folds.iter().enumerate().filter(|(_, dropped)| !dropped.is_empty()).map(|(fold, dropped)| {
        format!("cross-fitting left out {} in fold {}, where it says nothing new", dropped.join(", "), fold + 1)
    })
}

/// Rows, covariates and outcome of one analysis, after its trimming, with the propensity of its design.
///
/// # Errors
/// Those of [`design::fit`].
pub fn sample(
    prepared: &Prepared,
    spec: &AnalysisSpec,
    analysis: &Analysis,
) -> Result<(Sample, Arc<Kept>), DesignFailure> {
    let (sample, fitted) = sample_and_weights(prepared, spec, analysis)?;
    Ok((sample, fitted.0))
}

/// The kept rows of a design, and its balancing weights.
type KeptAndWeights = (Arc<Kept>, Array1<f64>);

fn sample_and_weights(
    prepared: &Prepared,
    spec: &AnalysisSpec,
    analysis: &Analysis,
) -> Result<(Sample, KeptAndWeights), DesignFailure> {
    let Fitted { kept, covariates, weights } = design::fit(prepared, spec, analysis)?;
    let y = prepared.outcome()?.select(ndarray::Axis(0), &kept.rows);
    let sample = Sample::new(covariates, y)?;
    Ok((sample, (kept, weights)))
}

/// The settings by which an analysis is estimated.
#[must_use]
pub fn params(spec: &AnalysisSpec, analysis: &Analysis) -> EstimateParams {
    EstimateParams {
        population: analysis.population,
        outcome: spec.outcome_kind,
        folds: spec.folds,
        seed: spec.seed,
        logistic: LogisticParams::default(),
        models: analysis.models,
        inference: spec.inference,
    }
}

/// Sensitivity of the primary effect.
///
/// # Errors
/// [`NoSensitivity`].
pub fn analysis_sensitivity(
    prepared: &Prepared,
    spec: &AnalysisSpec,
    analysis: &Analysis,
    effect: &Effect,
) -> Result<SensitivityReport, NoSensitivity> {
    if !spec.tools.contains(&Tool::Sensitivity) {
        return Err(NoSensitivity::NotListed);
    }
    let (sample, (_, balancing)) = sample_and_weights(prepared, spec, analysis)?;
    let groups = priority_groups(spec, analysis);
    let mut report = sensitivity::sensitivity(&sample, &groups, effect, &balancing, spec.outcome_kind)?;
    let range = |declared| sensitivity::hidden_range(&sample, declared, effect, &balancing);
    report.hidden = prepared.plan.hidden_confounding.map(range).transpose()?;
    Ok(report)
}

/// Each priority confounder with the design columns that involve it.
fn priority_groups(spec: &AnalysisSpec, analysis: &Analysis) -> Vec<(String, Vec<usize>)> {
    spec.confounders
        .iter()
        .filter(|group| group.priority)
        .map(|group| {
            let involved = |term: &crate::term::Term| term.columns().contains(&group.confounder.as_str());
            let columns = analysis.terms.iter().enumerate().filter(|(_, t)| involved(t)).map(|(j, _)| j).collect();
            (group.confounder.clone(), columns)
        })
        .collect()
}
