//! K-fold cross-fitted nuisances: each row is predicted by models that never saw it (Chernozhukov et al. 2018,
//! doi:10.1111/ectj.12097).
//!
//! Folds are stratified by arm, keep clusters whole, and depend on the seed and the number of the repeat alone. The rows
//! outside a fold are fitted by giving the fold weight zero, so nothing is copied. In linear and logistic regressions,
//! terms that are constant or aliased outside a fold are dropped there and recorded; to first order the influence-function
//! standard error needs no correction for the nuisances.
//!
//! Propensities by learners are moved into [0.01, 0.99] and counted; by logistic regression they are taken as they are.
//! Trees are grown on columns that are binned once for all folds: the cuts depend on the covariates alone. Cells that were
//! missing are filled again in each fold, and columns with such cells binned again.

use crate::design::DesignError;
use crate::design::crossfitted::CLIP;
use crate::error::EstimateError;
use crate::estimand::OutcomeKind;
use crate::fit_note::{FitNote, FitPlace, FittedModel};
use crate::learner_kind::{Family, LearnerKind};
use crate::learners::boosting;
use crate::learners::boosting::BoostingData;
use crate::learners::factory;
use crate::learners::learner::{FitInfo, LearnerError, Model, Seed, Training};
use crate::learners::logistic;
use crate::nuisance::outcome::{OutcomeModels, OutcomeValues};
use crate::numerics::binned::{BinnedMatrix, MAX_BINS};
use crate::numerics::design_matrix::DesignMatrix;
use crate::numerics::folds;
use crate::numerics::standardise::Standardisation;
use crate::numerics::sums;
use crate::params::EstimateParams;
use crate::sample::Covariates;
use crate::weighted_rows::{Rows, arm_name};
use ndarray::{Array2, Axis};
use rayon::prelude::*;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// One division of the rows into folds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Division {
    fold: Vec<usize>,
    repeat: usize,
}

impl Division {
    /// The fit of `model` with `fold` held out.
    fn place(&self, model: FittedModel, fold: usize) -> FitPlace {
        FitPlace { model, repeat: self.repeat, fold: Some(fold) }
    }
}

/// Propensities of all n rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Propensities {
    /// n values.
    pub(crate) e: Vec<f64>,
    /// Values of rows of positive weight that were moved into their range.
    pub(crate) clipped: usize,
    /// What a reader must know.
    pub(crate) notes: Vec<FitNote>,
    /// Terms dropped in each fold, in fold order; of regressions only.
    pub(crate) dropped: Vec<Vec<String>>,
}

/// Outcome predictions of all n rows.
pub(crate) struct Outcomes {
    /// μ₀ and μ₁.
    pub(crate) values: OutcomeValues,
    /// What a reader must know.
    pub(crate) notes: Vec<FitNote>,
    /// Terms dropped in each fold, in fold order; of regressions only.
    pub(crate) dropped: Vec<Vec<String>>,
}

/// What cross-fitting works on.
pub(crate) struct CrossFitter<'a> {
    /// Covariates and treatment.
    pub(crate) covariates: &'a Covariates,
    /// Treatment, outcome and weights.
    pub(crate) rows: &'a Rows,
    /// How.
    pub(crate) params: &'a EstimateParams,
    /// Columns binned, when a tree first needs them.
    pub(crate) binned: &'a OnceLock<BinnedMatrix>,
}

/// What is fitted outside one fold.
#[derive(Clone, Copy)]
struct Task<'a> {
    /// Owned where cells were filled for this fold.
    x: &'a Cow<'a, Array2<f64>>,
    y: &'a [f64],
    /// Zero inside the fold, and outside the arm.
    weights: &'a [f64],
    held_out: &'a [usize],
    family: Family,
    kind: LearnerKind,
}

impl CrossFitter<'_> {
    /// The divisions of all repeats.
    ///
    /// # Errors
    /// [`EstimateError::Folds`] and [`EstimateError::FoldsOfClusters`] if there are too few units or clusters.
    pub(crate) fn divisions(&self) -> Result<Vec<Division>, EstimateError> {
        let (c, folds) = (self.covariates, self.params.folds);
        let smallest = c.n_treated().min(c.n_control());
        if folds < 2 || folds > smallest {
            return Err(EstimateError::Folds { folds, smallest });
        }
        if let Some(labels) = c.clusters() {
            let clusters = labels.iter().collect::<BTreeSet<_>>().len();
            if folds > clusters {
                return Err(EstimateError::FoldsOfClusters { folds, clusters });
            }
        }
        let divide = |repeat| Division {
            fold: folds::divide(c.treated(), c.clusters(), folds, self.params.seed, repeat),
            repeat,
        };
        Ok((0..self.params.models.repeats.max(1)).map(divide).collect())
    }

    /// Out-of-fold propensities by `params.models.propensity`.
    pub(crate) fn propensities(&self, division: &Division) -> Result<Propensities, EstimateError> {
        let kind = self.params.models.propensity;
        let seed = self.seed("propensity", division);
        let fits = self.each_fold(|held_out| {
            let (rows, w) = self.outside(division, held_out);
            if kind == LearnerKind::Linear {
                let x = self.columns(&w);
                let (terms, dropped) = self.terms(&x, &w);
                let design = DesignMatrix::new(&x, &terms);
                let fit =
                    logistic::fit(&design, &self.rows.t, &w, &self.params.logistic).map_err(DesignError::Propensity)?;
                return Ok((
                    pick(&fit.probability.to_vec(), &rows),
                    rows,
                    FitInfo { converged: true, ..FitInfo::default() },
                    dropped,
                ));
            }
            let x = self.columns(&w);
            let task = Task { x: &x, y: &self.rows.t, weights: &w, held_out: &rows, family: Family::Bernoulli, kind };
            let (values, info) = self
                .fit(task, &fold_seed(&seed, held_out))
                .map_err(|source| EstimateError::Learner { model: "the propensity".to_owned(), source })?;
            Ok((values, rows, info, Vec::new()))
        })?;
        let mut all = Propensities { e: vec![0.0; self.rows.n()], ..Propensities::default() };
        for (fold, (values, rows, info, dropped)) in fits.into_iter().enumerate() {
            scatter(&mut all.e, &rows, values);
            all.notes.extend(FitNote::from_info(division.place(FittedModel::Propensity, fold), &info));
            all.dropped.push(dropped);
        }
        if kind != LearnerKind::Linear {
            all.clipped = clip(&mut all.e, &self.rows.w);
        }
        Ok(all)
    }

    /// Out-of-fold outcome predictions of both arms by `kind`.
    pub(crate) fn outcomes(&self, division: &Division, kind: LearnerKind) -> Result<Outcomes, EstimateError> {
        let logistic = self.params.outcome == OutcomeKind::Binary;
        let n = self.rows.n();
        let mut all = Outcomes {
            values: OutcomeValues { mu: [vec![0.0; n], vec![0.0; n]], logistic },
            notes: Vec::new(),
            dropped: Vec::new(),
        };
        if kind == LearnerKind::Linear {
            let fits = self.each_fold(|held_out| {
                let (rows, w) = self.outside(division, held_out);
                let x = self.columns(&w);
                let (terms, dropped) = self.terms(&x, &w);
                let design = DesignMatrix::new(&x, &terms);
                let models = OutcomeModels::fit(&design, self.rows, &w, self.params)?;
                Ok((models.values.mu, rows, dropped))
            })?;
            for (mu, rows, dropped) in fits {
                for (values, mu) in all.values.mu.iter_mut().zip(&mu) {
                    scatter(values, &rows, pick(mu, &rows));
                }
                all.dropped.push(dropped);
            }
            return Ok(all);
        }
        let seed = self.seed("outcome", division);
        let family = if logistic { Family::Bernoulli } else { Family::Gaussian };
        let fits = self.each_fold(|held_out| {
            let (rows, w) = self.outside(division, held_out);
            let x = self.columns(&w);
            let arm = |arm: usize| {
                let weights: Vec<f64> =
                    self.rows.t.iter().zip(&w).map(|(t, w)| if *t == arm as f64 { *w } else { 0.0 }).collect();
                let task = Task { x: &x, y: &self.rows.y, weights: &weights, held_out: &rows, family, kind };
                let seed = fold_seed(&seed, held_out).child(arm_name(arm as f64));
                self.fit(task, &seed).map_err(|source| EstimateError::Learner {
                    model: format!("the outcome of the {} arm", arm_name(arm as f64)),
                    source,
                })
            };
            let (zero, one) = rayon::join(|| arm(0), || arm(1));
            Ok(([zero?, one?], rows))
        })?;
        for (fold, (arms, rows)) in fits.into_iter().enumerate() {
            for (arm, (values, info)) in arms.into_iter().enumerate() {
                scatter(&mut all.values.mu[arm], &rows, values);
                let model = if arm == 0 { FittedModel::OutcomeControl } else { FittedModel::OutcomeTreated };
                all.notes.extend(FitNote::from_info(division.place(model, fold), &info));
            }
        }
        Ok(all)
    }

    /// Runs `fit` for every fold, in parallel; the first fold that failed is reported.
    fn each_fold<T: Send>(
        &self,
        fit: impl Fn(usize) -> Result<T, EstimateError> + Sync,
    ) -> Result<Vec<T>, EstimateError> {
        let folds = self.params.folds;
        let named = |fold: usize| {
            fit(fold).map_err(|source| EstimateError::Fold { fold: fold + 1, folds, source: Box::new(source) })
        };
        let all: Vec<Result<T, EstimateError>> = (0..folds).into_par_iter().map(named).collect();
        all.into_iter().collect()
    }

    /// Rows of a fold, and observation weights that are zero there.
    fn outside(&self, division: &Division, held_out: usize) -> (Vec<usize>, Vec<f64>) {
        let inside = |i: &usize| division.fold[*i] == held_out;
        let rows = (0..self.rows.n()).filter(inside).collect();
        let w = (0..self.rows.n()).map(|i| if inside(&i) { 0.0 } else { self.rows.w[i] }).collect();
        (rows, w)
    }

    fn terms(&self, x: &Array2<f64>, w: &[f64]) -> (Standardisation, Vec<String>) {
        let terms = Standardisation::fit(x, self.covariates.names(), Some(w));
        let dropped = terms.dropped_names();
        (terms, dropped)
    }

    /// The covariates, with cells that were missing filled by the mean of the rows of positive weight `w`, so that a fold
    /// says nothing about itself. A column without an observed value there keeps what it was filled with.
    fn columns(&self, w: &[f64]) -> Cow<'_, Array2<f64>> {
        let x = self.covariates.x();
        if self.covariates.imputed().is_empty() {
            return Cow::Borrowed(x);
        }
        let mut x = x.clone();
        for part in self.covariates.imputed() {
            let seen = || (0..w.len()).filter(|i| w[*i] > 0.0 && !part.filled[*i]);
            let mass = sums::sum(seen().map(|i| w[i]));
            if mass > 0.0 {
                let mean = sums::sum(seen().map(|i| w[i] * x[[i, part.column]])) / mass;
                (0..w.len()).filter(|i| part.filled[*i]).for_each(|i| x[[i, part.column]] = mean);
            }
        }
        Cow::Owned(x)
    }

    fn seed(&self, model: &str, division: &Division) -> Seed {
        Seed::new(self.params.seed, format!("crossfit.{model}")).child(format_args!("repeat {}", division.repeat))
    }

    /// Predictions at the held-out rows by a learner fitted to the others.
    fn fit(&self, task: Task<'_>, seed: &Seed) -> Result<(Vec<f64>, FitInfo), LearnerError> {
        let effort = self.params.models.effort;
        let fitted: Vec<usize> = (0..task.weights.len()).filter(|i| task.weights[*i] > 0.0).collect();
        if let Some(params) = factory::boosting(task.kind, fitted.len()) {
            let of_fold;
            let binned = match task.x {
                Cow::Borrowed(x) => self.binned.get_or_init(|| BinnedMatrix::new(x.view(), MAX_BINS)),
                Cow::Owned(x) => {
                    of_fold = BinnedMatrix::new(x.view(), MAX_BINS);
                    &of_fold
                }
            };
            let data = BoostingData { binned, x: task.x.view(), y: task.y, weights: task.weights };
            let model = boosting::fit(&data, &fitted, task.family, &params, seed)?;
            let values = model.predict_rows(&data, task.held_out);
            return Ok((values, model.info().clone()));
        }
        let names = self.covariates.names();
        let training = Training { x: task.x.view(), names, y: task.y, weights: task.weights };
        let model = factory::by_kind(task.kind, effort).fit(&training, task.family, seed)?;
        let values = model.predict(task.x.select(Axis(0), task.held_out).view());
        Ok((values, model.info().clone()))
    }
}

fn fold_seed(seed: &Seed, held_out: usize) -> Seed {
    seed.child(format_args!("fold {}", held_out + 1))
}

fn pick(values: &[f64], rows: &[usize]) -> Vec<f64> {
    rows.iter().map(|i| values[*i]).collect()
}

fn scatter(all: &mut [f64], rows: &[usize], values: Vec<f64>) {
    for (row, value) in rows.iter().zip(values) {
        all[*row] = value;
    }
}

/// Moves what is outside to the bounds, and counts the units that count.
fn clip(e: &mut [f64], w: &[f64]) -> usize {
    let mut moved = 0;
    for (e, w) in e.iter_mut().zip(w) {
        let inside = e.clamp(CLIP, 1.0 - CLIP);
        moved += usize::from(inside != *e && *w > 0.0);
        *e = inside;
    }
    moved
}
