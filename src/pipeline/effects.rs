//! The effects stage: runs only after `unblind`, for every spec that was tried.

use super::design::{self, DesignFailure, Fitted};
use super::memo::Kept;
use super::prepare::Prepared;
use crate::design::PropensityModel;
use crate::diagnose::sensitivity::{self, SensitivityReport};
use crate::estimand::{Effect, EstimatorKind};
use crate::estimate::{EstimateError, EstimateParams, Nuisances};
use crate::learners::logistic::LogisticParams;
use crate::plan::Tool;
use crate::report::documents::EffectRow;
use crate::sample::Sample;
use crate::spec::{Analysis, AnalysisSpec};
use ndarray::Array1;
use std::sync::Arc;

/// Every effect of one spec, and the reasons for those that could not be estimated.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Effects {
    /// One row per analysis and estimator.
    pub rows: Vec<EffectRow>,
    /// Sentences.
    pub not_estimated: Vec<String>,
    /// Terms left out in a fold of the cross-fitting: sentences.
    pub notes: Vec<String>,
}

/// Runs the estimators of every analysis. Analyses of the same rows, terms and learners share one set of nuisance fits,
/// whatever their targets.
#[must_use]
pub fn effects(prepared: &Prepared, spec: &AnalysisSpec, analyses: &[&Analysis]) -> Effects {
    let same = |a: &Analysis, b: &Analysis| a.population == b.population && a.terms == b.terms && a.models == b.models;
    let mut leaders: Vec<&Analysis> = Vec::new();
    for analysis in analyses {
        if !leaders.iter().any(|leader| same(leader, analysis)) {
            leaders.push(analysis);
        }
    }
    let samples: Vec<_> = leaders.iter().map(|leader| sample(prepared, spec, leader)).collect();
    let fits: Vec<Result<Nuisances<'_>, String>> = leaders
        .iter()
        .zip(&samples)
        .map(|(leader, sample)| match sample {
            Err(failure) => Err(failure.0.clone()),
            Ok((sample, kept)) => {
                nuisances(sample, &params(spec, leader), &kept.propensity).map_err(|error| error.to_string())
            }
        })
        .collect();
    let mut all = Effects::default();
    for analysis in analyses {
        let fit = leaders.iter().zip(&fits).find(|(leader, _)| same(leader, analysis)).map(|(_, fit)| fit);
        match fit {
            Some(Ok(nuisances)) => estimated(nuisances, spec, analysis, &mut all),
            Some(Err(reason)) => all.not_estimated.push(label(spec.iteration, analysis) + reason),
            None => {}
        }
    }
    all
}

/// Every estimator of one analysis.
fn estimated(nuisances: &Nuisances<'_>, spec: &AnalysisSpec, analysis: &Analysis, effects: &mut Effects) {
    let label = |what: &str| label(spec.iteration, analysis) + what;
    for kind in &analysis.estimators {
        match nuisances.effect(*kind, analysis.target) {
            Ok(effect) => effects.rows.push(EffectRow {
                iteration: spec.iteration,
                requested: analysis.requested,
                name: analysis.estimand().name(),
                primary: *kind == analysis.primary,
                effect,
            }),
            Err(error) => effects.not_estimated.push(label(&format!("{}: {error}", kind.title()))),
        }
    }
    effects.notes.extend(crossfit_drops(nuisances, analysis).map(|drop| label(&drop)));
}

/// How every line about an analysis begins.
#[must_use]
pub fn label(iteration: u32, analysis: &Analysis) -> String {
    format!("iteration {iteration}, {}: ", analysis.estimand().name())
}

/// Terms that were constant or aliased outside one fold, and so left out there.
fn crossfit_drops<'a>(nuisances: &'a Nuisances<'_>, analysis: &Analysis) -> impl Iterator<Item = String> + use<'a> {
    let crossfit = analysis.estimators.contains(&EstimatorKind::AipwCrossfit);
    let folds = if crossfit { nuisances.crossfit_dropped_terms().unwrap_or_default() } else { &[] };
    folds.iter().enumerate().filter(|(_, dropped)| !dropped.is_empty()).map(|(fold, dropped)| {
        format!("cross-fitting left out {} in fold {}, where it says nothing new", dropped.join(", "), fold + 1)
    })
}

/// Rows, covariates and outcome of one analysis, after its trimming, with the propensity of its design.
///
/// # Errors
/// What [`design::fit`] says.
pub fn sample(
    prepared: &Prepared,
    spec: &AnalysisSpec,
    analysis: &Analysis,
) -> Result<(Sample, Arc<Kept>), DesignFailure> {
    let (sample, fitted) = sample_and_weights(prepared, spec, analysis)?;
    Ok((sample, fitted.0))
}

fn sample_and_weights(
    prepared: &Prepared,
    spec: &AnalysisSpec,
    analysis: &Analysis,
) -> Result<(Sample, (Arc<Kept>, Array1<f64>)), DesignFailure> {
    let Fitted { kept, covariates, weights } = design::fit(prepared, spec, analysis)?;
    let y = prepared.outcome()?.select(ndarray::Axis(0), &kept.rows);
    let sample = Sample::new(covariates, y).map_err(|error| DesignFailure(error.to_string()))?;
    Ok((sample, (kept, weights)))
}

/// Nuisances that start from the propensity of the design instead of fitting it again.
///
/// # Errors
/// [`EstimateError`].
pub fn nuisances<'a>(
    sample: &'a Sample,
    params: &EstimateParams,
    propensity: &PropensityModel,
) -> Result<Nuisances<'a>, EstimateError> {
    match propensity {
        PropensityModel::Logistic(propensity) => Nuisances::with_propensity(sample, params, propensity),
        PropensityModel::CrossFitted(_) | PropensityModel::Known(_) => Nuisances::new(sample, params),
    }
}

/// How an analysis is estimated.
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

/// Sensitivity of the primary effect, or the reason why there is none.
///
/// # Errors
/// A sentence for the record.
pub fn analysis_sensitivity(
    prepared: &Prepared,
    spec: &AnalysisSpec,
    analysis: &Analysis,
    effect: &Effect,
) -> Result<SensitivityReport, String> {
    if !spec.tools.contains(&Tool::Sensitivity) {
        return Err("the plan's tools do not include `sensitivity`".to_owned());
    }
    let (sample, (_, balancing)) = sample_and_weights(prepared, spec, analysis).map_err(|failure| failure.0)?;
    let groups = priority_groups(spec, analysis);
    sensitivity::sensitivity(&sample, &groups, (effect, &balancing), spec.outcome_kind)
        .map_err(|error| error.to_string())
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
