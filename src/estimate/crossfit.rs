//! K-fold cross-fitted nuisances: each row is predicted by models that never saw it (Chernozhukov et al. 2018,
//! doi:10.1111/ectj.12097).
//!
//! Folds are stratified by arm and depend on the seed alone. The rows outside a fold are fitted by giving the fold
//! weight zero, so nothing is copied. Terms that are constant or aliased outside a fold are dropped there and recorded;
//! to first order the influence-function standard error needs no correction for the nuisances.

use crate::design::DesignError;
use crate::estimate::outcome::{OutcomeModels, OutcomeValues};
use crate::estimate::rows::Rows;
use crate::estimate::{EstimateError, EstimateParams};
use crate::learners::logistic;
use crate::numerics::design_matrix::DesignMatrix;
use crate::numerics::folds;
use crate::numerics::standardise::Standardisation;
use crate::sample::Covariates;

/// Out-of-fold predictions for all n rows.
pub(crate) struct CrossFit {
    /// Propensities.
    pub(crate) e: Vec<f64>,
    /// Outcome predictions.
    pub(crate) outcome: OutcomeValues,
    /// Terms dropped in each fold, in fold order.
    pub(crate) dropped: Vec<Vec<String>>,
}

/// Fits the nuisances K times.
pub(crate) fn fit(covariates: &Covariates, rows: &Rows, params: &EstimateParams) -> Result<CrossFit, EstimateError> {
    let smallest = covariates.n_treated().min(covariates.n_control());
    if params.folds < 2 || params.folds > smallest {
        return Err(EstimateError::Folds { folds: params.folds, smallest });
    }
    let fold = folds::stratified(covariates.treated(), params.folds, params.seed);
    let n = rows.n();
    let logistic = params.outcome == crate::estimand::OutcomeKind::Binary;
    let outcome = OutcomeValues { mu: [vec![0.0; n], vec![0.0; n]], logistic };
    let mut all = CrossFit { e: vec![0.0; n], outcome, dropped: Vec::new() };
    for held_out in 0..params.folds {
        let w: Vec<f64> = fold.iter().zip(&rows.w).map(|(f, w)| if *f == held_out { 0.0 } else { *w }).collect();
        let (e, models, dropped) = fit_outside(covariates, rows, &w, params).map_err(|source| EstimateError::Fold {
            fold: held_out + 1,
            folds: params.folds,
            source: Box::new(source),
        })?;
        for i in (0..n).filter(|i| fold[*i] == held_out) {
            all.e[i] = e[i];
            all.outcome.mu[0][i] = models.values.mu[0][i];
            all.outcome.mu[1][i] = models.values.mu[1][i];
        }
        all.dropped.push(dropped);
    }
    Ok(all)
}

type Outside = (Vec<f64>, OutcomeModels, Vec<String>);

fn fit_outside(
    covariates: &Covariates,
    rows: &Rows,
    w: &[f64],
    params: &EstimateParams,
) -> Result<Outside, EstimateError> {
    let standardisation = Standardisation::fit(covariates.x(), covariates.names(), Some(w));
    let design = DesignMatrix::new(covariates.x(), &standardisation);
    let propensity = logistic::fit(&design, &rows.t, w, &params.logistic).map_err(DesignError::Propensity)?;
    let models = OutcomeModels::fit(&design, rows, w, params)?;
    Ok((propensity.probability.to_vec(), models, standardisation.dropped_names()))
}
