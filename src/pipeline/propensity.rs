//! The propensity of a design: a logistic regression, a learner out of fold, or known; and what is written down of it.

use crate::dataset::Analysed;
use crate::record::documents::{CoefficientRow, FittedBy, PropensityDocument};
use crate::spec::AnalysisSpec;
use causal::design;
use causal::design::crossfitted::CLIP;
use causal::design::{
    Coefficient, CrossFittedPropensity, CrossFitting, DesignError, KnownPropensity, Propensity, PropensityModel,
};
use causal::estimator::NuisanceModels;
use causal::learner_kind::{Effort, LearnerKind};
use causal::learners::learner::Seed;
use causal::learners::logistic::LogisticParams;
use causal::numerics::folds;
use causal::sample::Covariates;
use ndarray::Axis;

/// Fits the propensity of `covariates`, which are the `rows` of `analysed`.
pub(super) fn fit(
    covariates: &Covariates,
    analysed: &Analysed,
    spec: &AnalysisSpec,
    models: &NuisanceModels,
    rows: &[usize],
) -> Result<PropensityModel, DesignError> {
    if let Some(known) = analysed.known_propensity() {
        let e = known.select(Axis(0), rows);
        return Ok(PropensityModel::Known(KnownPropensity::new(e, covariates)));
    }
    if models.propensity == LearnerKind::Linear {
        let fitted = design::fit_propensity(covariates, &LogisticParams::default())?;
        tracing::info!(rows = rows.len(), iterations = fitted.info.iterations, "propensity fitted");
        return Ok(PropensityModel::Logistic(Box::new(fitted)));
    }
    let fitted = crossfit(covariates, models.propensity, models.effort, spec.folds, spec.seed)?;
    tracing::info!(rows = rows.len(), log_loss = fitted.log_loss, clipped = fitted.clipped, "propensity cross-fitted");
    Ok(PropensityModel::CrossFitted(fitted))
}

/// A propensity out of fold. The folds are those of the first division of the estimators.
pub(super) fn crossfit(
    covariates: &Covariates,
    learner: LearnerKind,
    effort: Effort,
    folds: usize,
    seed: u64,
) -> Result<CrossFittedPropensity, DesignError> {
    let units = folds::Units {
        treatment: covariates.treatment(),
        clusters: covariates.clusters(),
        weights: covariates.weights(),
    };
    let fold = folds::divide(&units, folds, seed, 0);
    let how = CrossFitting { fold: &fold, folds, clip: CLIP };
    design::fit_crossfitted_by(covariates, learner, effort, how, &Seed::new(seed, "design.propensity"))
}

/// The entry in design.json.
pub(super) fn document(propensity: &PropensityModel, covariates: &Covariates) -> PropensityDocument {
    match propensity {
        PropensityModel::Logistic(fitted) => logistic(fitted, covariates),
        PropensityModel::CrossFitted(fitted) => crossfitted(fitted, covariates),
        PropensityModel::Known(known) => {
            PropensityDocument { log_loss: known.log_loss, auc: known.auc, ..nothing(FittedBy::Known) }
        }
    }
}

fn nothing(learner: FittedBy) -> PropensityDocument {
    PropensityDocument {
        learner,
        coefficients: Vec::new(),
        terms: Vec::new(),
        dropped_terms: Vec::new(),
        iterations: Vec::new(),
        log_likelihood: None,
        log_loss: 0.0,
        auc: 0.0,
        clip: None,
        clipped: 0,
        notes: Vec::new(),
        not_converged: Vec::new(),
    }
}

fn logistic(fitted: &Propensity, covariates: &Covariates) -> PropensityDocument {
    let row = |c: &Coefficient| CoefficientRow { term: c.term.clone(), estimate: c.estimate, std_error: c.std_error };
    PropensityDocument {
        coefficients: fitted.coefficients.iter().map(row).collect(),
        dropped_terms: fitted.dropped_terms.clone(),
        iterations: vec![fitted.info.iterations],
        log_likelihood: Some(fitted.info.log_likelihood),
        log_loss: -fitted.info.log_likelihood / covariates.weights_or_ones().sum(),
        auc: fitted.auc,
        ..nothing(FittedBy::LogisticRegression)
    }
}

fn crossfitted(fitted: &CrossFittedPropensity, covariates: &Covariates) -> PropensityDocument {
    let folds = || fitted.fits.iter().enumerate();
    let notes =
        folds().flat_map(|(fold, info)| info.notes.iter().map(move |note| format!("fold {}: {note}", fold + 1)));
    let unfinished = folds()
        .filter(|(_, info)| !info.converged)
        .map(|(fold, info)| format!("the propensity, fold {}, after {} rounds", fold + 1, info.iterations));
    PropensityDocument {
        terms: covariates.names().to_vec(),
        iterations: fitted.fits.iter().map(|info| info.iterations).collect(),
        log_loss: fitted.log_loss,
        auc: fitted.auc,
        clip: Some(fitted.clip),
        clipped: fitted.clipped,
        notes: notes.collect(),
        not_converged: unfinished.collect(),
        ..nothing(FittedBy::Learner(fitted.learner.clone()))
    }
}
