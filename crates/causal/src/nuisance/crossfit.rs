//! The nuisances of the estimators, cross-fitted by [`crate::learners::crossfit`].
//!
//! Folds are stratified by arm, keep clusters whole, and depend on the seed and the number of the repeat alone. In linear
//! and logistic regressions, terms that are constant or aliased outside a fold are dropped there and recorded; to first
//! order the influence-function standard error needs no correction for the nuisances.
//!
//! Propensities by learners are moved into [0.01, 0.99] and counted; by logistic regression they are taken as they are.
//! Cells that were missing are filled again in each fold, and columns with such cells binned again.

use crate::arm::{Arm, PerArm};
use crate::design::DesignError;
use crate::error::EstimateError;
use crate::estimand::OutcomeKind;
use crate::fit_note::{FitNote, FitPlace, FittedModel};
use crate::learner_kind::{Family, LearnerKind};
use crate::learners::crossfit::{
    CLIP, CrossFit, FoldFit, FoldLearner, HeldOut, HeldOutPredictions, clip, fold_seed, scatter,
};
use crate::learners::factory;
use crate::learners::learner::{Learner, LearnerError, Seed};
use crate::learners::logistic;
use crate::learners::picked;
use crate::nuisance::outcome::{OutcomeModels, OutcomeValues};
use crate::nuisance::ridge_centre::RidgeCentre;
use crate::numerics::binned::{BinnedMatrix, MAX_BINS};
use crate::numerics::design_matrix::DesignMatrix;
use crate::numerics::folds;
use crate::numerics::standardise::Standardisation;
use crate::numerics::sums;
use crate::params::EstimateParams;
use crate::sample::Covariates;
use crate::weighted_rows::Rows;
use ndarray::Array2;
use std::borrow::Cow;
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

    /// The fits of `model` in all folds together.
    fn place_of_all(&self, model: FittedModel) -> FitPlace {
        FitPlace { model, repeat: self.repeat, fold: None }
    }
}

/// Propensities of all n rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Propensities {
    /// n values.
    pub(crate) e: Vec<f64>,
    /// Values of rows of positive weight that were moved into their range.
    pub(crate) clipped: usize,
    /// Notes on the fits.
    pub(crate) notes: Vec<FitNote>,
    /// Terms dropped in each fold, in fold order; of regressions only.
    pub(crate) dropped: Vec<Vec<String>>,
}

/// Outcome predictions of all n rows.
pub(crate) struct Outcomes {
    /// μ₀ and μ₁.
    pub(crate) values: OutcomeValues,
    /// Notes on the fits.
    pub(crate) notes: Vec<FitNote>,
    /// Terms dropped in each fold, in fold order; of regressions only.
    pub(crate) dropped: Vec<Vec<String>>,
    /// The learner: of several, the one that was picked.
    pub(crate) learner: LearnerKind,
}

/// One of several fits.
struct Choice<T> {
    kind: LearnerKind,
    loss: f64,
    picked: T,
    /// The others, with their losses.
    others: Vec<(LearnerKind, f64)>,
}

impl<T> Choice<T> {
    /// The fit of the least out-of-fold loss; the first of equals. A fit that failed is an error even where another did not:
    /// which learner answers must not depend on a failure that nobody reads.
    fn of_the_least_loss(
        fits: impl Iterator<Item = Result<(f64, LearnerKind, T), EstimateError>>,
    ) -> Result<Self, EstimateError> {
        let mut choice: Option<Self> = None;
        for fit in fits {
            let (loss, kind, picked) = fit?;
            choice = Some(match choice {
                Some(mut before) if before.loss <= loss => {
                    before.others.push((kind, loss));
                    before
                }
                before => {
                    let others = before.map_or_else(Vec::new, |before| {
                        before.others.into_iter().chain([(before.kind, before.loss)]).collect()
                    });
                    Self { kind, loss, picked, others }
                }
            });
        }
        let none =
            || LearnerError::Params { learner: "a choice of learners", problem: "it has no candidate".to_owned() };
        choice.ok_or_else(|| EstimateError::Learner { model: "a nuisance".to_owned(), source: none() })
    }

    /// A note on a choice that went against the first of the candidates.
    fn note(&self, place: FitPlace) -> Option<FitNote> {
        let (other, loss) = self.others.first().filter(|_| self.kind == LearnerKind::Ridge)?;
        let remark = format!(
            "`{}` was picked over `{}`: its out-of-fold loss is {:.4}, against {loss:.4}",
            self.kind.key(),
            other.key(),
            self.loss
        );
        Some(FitNote::Remark { place, remark })
    }
}

/// The sample and the settings of a cross-fitting.
pub(crate) struct CrossFitter<'a> {
    /// Covariates and treatment.
    pub(crate) covariates: &'a Covariates,
    /// Treatment, outcome and weights.
    pub(crate) rows: &'a Rows,
    /// The settings.
    pub(crate) params: &'a EstimateParams,
    /// Columns binned, when a tree first needs them.
    pub(crate) binned: &'a OnceLock<BinnedMatrix>,
}

/// The learner of a nuisance, with the bins that its trees share.
struct Fitting<'a> {
    kind: LearnerKind,
    learner: Box<dyn Learner>,
    /// Of all columns as they are; `None` unless `kind` is boosting and no cell has to be filled again.
    binned: Option<&'a BinnedMatrix>,
    family: Family,
    y: &'a [f64],
}

impl CrossFitter<'_> {
    /// The divisions of all repeats.
    ///
    /// # Errors
    /// [`EstimateError::Folds`] and [`EstimateError::FoldsOfClusters`] if there are too few units or clusters.
    pub(crate) fn divisions(&self) -> Result<Vec<Division>, EstimateError> {
        let (c, folds) = (self.covariates, self.params.folds);
        // Of positive weight: the others are not there.
        let smallest = Arm::BOTH.map(|arm| self.rows.count(arm)).into_iter().min().unwrap_or(0);
        // Every fold can then hold a unit of each arm.
        if folds < 2 || folds > smallest {
            return Err(EstimateError::Folds { folds, smallest });
        }
        if let Some(clusters) = self.rows.clusters.as_ref().map(Vec::len).filter(|clusters| folds > *clusters) {
            return Err(EstimateError::FoldsOfClusters { folds, clusters });
        }
        let units = folds::Units { treatment: c.treatment(), clusters: c.clusters(), weights: c.weights() };
        let divide = |repeat| Division { fold: folds::divide(&units, folds, self.params.seed, repeat), repeat };
        Ok((0..self.params.models.repeats.max(1)).map(divide).collect())
    }

    /// Out-of-fold propensities by `params.models.propensity`.
    pub(crate) fn propensities(&self, division: &Division) -> Result<Propensities, EstimateError> {
        let candidates = self.params.models.propensity.candidates(LearnerKind::Boosting);
        let fits = candidates.into_iter().map(|kind| {
            let fitted = match kind {
                LearnerKind::Linear => self.logistic_propensities(division),
                kind => self.learned_propensities(division, kind),
            }?;
            Ok((picked::loss(Family::Bernoulli, &fitted.e, &self.rows.t, &self.rows.w), kind, fitted))
        });
        let choice = Choice::of_the_least_loss(fits)?;
        let note = choice.note(division.place_of_all(FittedModel::Propensity));
        let mut all = choice.picked;
        all.notes.extend(note);
        Ok(all)
    }

    fn logistic_propensities(&self, division: &Division) -> Result<Propensities, EstimateError> {
        let fits = self.each_fold(division, |held_out| {
            // Filled, standardised and fitted without the fold: nothing of it reaches its own prediction.
            let x = self.columns(&held_out.weights);
            let (terms, dropped) = self.terms(&x, &held_out.weights);
            let design = DesignMatrix::new(&x, &terms);
            let fit = logistic::fit(&design, &self.rows.t, &held_out.weights, &self.params.logistic)
                .map_err(DesignError::Propensity)?;
            Ok((pick(&fit.probability.to_vec(), &held_out.rows), held_out.rows, dropped))
        })?;
        let mut all = Propensities { e: vec![0.0; self.rows.n()], ..Propensities::default() };
        for (values, rows, dropped) in fits {
            scatter(&mut all.e, &rows, &values);
            all.dropped.push(dropped);
        }
        Ok(all)
    }

    fn learned_propensities(&self, division: &Division, kind: LearnerKind) -> Result<Propensities, EstimateError> {
        let seed = self.seed("propensity", division);
        let fitting = self.fitting(kind, Family::Bernoulli, &self.rows.t);
        let fits = self.each_fold(division, |held_out| {
            let x = self.columns(&held_out.weights);
            let predicted = self
                .fit(&fitting, &x, &held_out, &held_out.weights, &fold_seed(&seed, held_out.fold))
                .map_err(|source| EstimateError::Learner { model: "the propensity".to_owned(), source })?;
            Ok((predicted, held_out.rows))
        })?;
        let mut all = Propensities { e: vec![0.0; self.rows.n()], ..Propensities::default() };
        for (fold, (predicted, rows)) in fits.into_iter().enumerate() {
            scatter(&mut all.e, &rows, &predicted.values);
            all.notes.extend(FitNote::from_info(division.place(FittedModel::Propensity, fold), &predicted.info));
            // A learner drops no terms, but every fold has its entry.
            all.dropped.push(Vec::new());
        }
        // Learners alone are clipped; a logistic regression is taken at its word.
        all.clipped = clip(&mut all.e, &self.rows.w, CLIP);
        Ok(all)
    }

    /// Out-of-fold outcome predictions of both arms by `kind`.
    pub(crate) fn outcomes(&self, division: &Division, kind: LearnerKind) -> Result<Outcomes, EstimateError> {
        let family = match self.params.outcome {
            OutcomeKind::Continuous => Family::Gaussian,
            OutcomeKind::Binary => Family::Bernoulli,
        };
        let fits = kind.candidates(LearnerKind::BoostingLinear).into_iter().map(|kind| {
            let fitted = match (kind, self.params.outcome) {
                (LearnerKind::Linear, _) => self.regression_outcomes(division),
                (LearnerKind::Ridge, OutcomeKind::Continuous) => self.ridge_outcomes(division),
                _ => self.learned_outcomes(division, kind),
            }?;
            let own = self.rows.map(|i| fitted.values.mu[self.rows.arm[i].index()][i]);
            Ok((picked::loss(family, &own, &self.rows.y, &self.rows.w), kind, fitted))
        });
        let choice = Choice::of_the_least_loss(fits)?;
        let note = choice.note(division.place_of_all(FittedModel::OutcomeBothArms));
        let mut all = Outcomes { learner: choice.kind, ..choice.picked };
        all.notes.extend(note);
        Ok(all)
    }

    /// One ridge regression of both arms.
    fn ridge_outcomes(&self, division: &Division) -> Result<Outcomes, EstimateError> {
        let fits = self.each_fold(division, |held_out| {
            let x = self.columns(&held_out.weights);
            let fitted = RidgeCentre::fit(x.view(), self.rows, &held_out.weights).map_err(RidgeCentre::error)?;
            Ok((Arm::BOTH.map(|arm| pick(&fitted.values(x.view(), arm), &held_out.rows)), held_out.rows))
        })?;
        let mut all = self.no_outcomes();
        for (mu, rows) in fits {
            for (values, mu) in all.values.mu.iter_mut().zip(&mu) {
                scatter(values, &rows, mu);
            }
            // A penalty drops no terms, but every fold has its entry.
            all.dropped.push(Vec::new());
        }
        Ok(all)
    }

    fn no_outcomes(&self) -> Outcomes {
        let n = self.rows.n();
        let logistic = self.params.outcome == OutcomeKind::Binary;
        Outcomes {
            values: OutcomeValues { mu: [vec![0.0; n], vec![0.0; n]], logistic },
            notes: Vec::new(),
            dropped: Vec::new(),
            learner: LearnerKind::Linear,
        }
    }

    fn regression_outcomes(&self, division: &Division) -> Result<Outcomes, EstimateError> {
        let fits = self.each_fold(division, |held_out| {
            let x = self.columns(&held_out.weights);
            let (terms, dropped) = self.terms(&x, &held_out.weights);
            let design = DesignMatrix::new(&x, &terms);
            let models = OutcomeModels::fit(&design, self.rows, &held_out.weights, self.params)?;
            // Predicted for units that no row of the fit resembles, a limit would be a guess.
            models.with_log_odds()?;
            // Predicted at all rows; those of the fold are picked below.
            Ok((models.values.mu, held_out.rows, dropped))
        })?;
        let mut all = self.no_outcomes();
        for (mu, rows, dropped) in fits {
            for (values, mu) in all.values.mu.iter_mut().zip(&mu) {
                scatter(values, &rows, &pick(mu, &rows));
            }
            all.dropped.push(dropped);
        }
        Ok(all)
    }

    fn learned_outcomes(&self, division: &Division, kind: LearnerKind) -> Result<Outcomes, EstimateError> {
        let mut all = self.no_outcomes();
        let seed = self.seed("outcome", division);
        let family = if all.values.logistic { Family::Bernoulli } else { Family::Gaussian };
        let fitting = self.fitting(kind, family, &self.rows.y);
        let fits = self.each_fold(division, |held_out| {
            let x = self.columns(&held_out.weights);
            let in_arm = |arm: Arm| {
                let weights = self.rows.weights_within(arm, &held_out.weights);
                // By fold and arm, so that no fit depends on the order in which threads come to it.
                let seed = fold_seed(&seed, held_out.fold).child(arm);
                self.fit(&fitting, &x, &held_out, &weights, &seed)
                    .map_err(|source| EstimateError::Learner { model: format!("the outcome of the {arm} arm"), source })
            };
            // Both are fitted before either error is looked at, and the control arm's is reported first.
            let (control, treated) = rayon::join(|| in_arm(Arm::Control), || in_arm(Arm::Treated));
            Ok((PerArm { control: control?, treated: treated? }, held_out.rows))
        })?;
        for (fold, (predicted, rows)) in fits.into_iter().enumerate() {
            for arm in Arm::BOTH {
                scatter(&mut all.values.mu[arm.index()], &rows, &predicted[arm].values);
                let place = division.place(FittedModel::Outcome(arm), fold);
                all.notes.extend(FitNote::from_info(place, &predicted[arm].info));
            }
        }
        Ok(all)
    }

    /// Runs `fit` for every fold, in parallel; the first fold that failed is reported.
    fn each_fold<T: Send>(
        &self,
        division: &Division,
        fit: impl Fn(HeldOut) -> Result<T, EstimateError> + Sync,
    ) -> Result<Vec<T>, EstimateError> {
        let folds = self.params.folds;
        CrossFit { fold: &division.fold, folds, weights: &self.rows.w }.each_fold(|held_out| {
            let fold = held_out.fold + 1;
            fit(held_out).map_err(|source| EstimateError::Fold { fold, folds, source: Box::new(source) })
        })
    }

    /// The learner called `kind`. Columns are binned here, before any fold is begun: a thread that waited inside the
    /// lock for other threads to bin could be given another fold to work on, and would wait for itself.
    fn fitting<'b>(&'b self, kind: LearnerKind, family: Family, y: &'b [f64]) -> Fitting<'b> {
        let trees = factory::boosting(kind, self.rows.n()).is_some();
        let x = self.covariates.x().view();
        // Bins of columns that are filled again in each fold would know the fold's own values.
        let binned = (trees && self.covariates.imputed().is_empty())
            .then(|| self.binned.get_or_init(|| BinnedMatrix::new(x, MAX_BINS)));
        Fitting { kind, learner: factory::by_kind(kind, self.params.models.effort), binned, family, y }
    }

    /// Predictions of the rows held out by a learner fitted with `weights`, which are zero there.
    fn fit(
        &self,
        fitting: &Fitting<'_>,
        x: &Array2<f64>,
        held_out: &HeldOut,
        weights: &[f64],
        seed: &Seed,
    ) -> Result<HeldOutPredictions, LearnerError> {
        let &Fitting { kind, binned, family, y, .. } = fitting;
        // The settings are those for the rows that are fitted here, not for all.
        let fitted = weights.iter().filter(|w| **w > 0.0).count();
        let learner = FoldLearner::of_kind(kind, fitting.learner.as_ref(), fitted);
        let names = self.covariates.names();
        let task = FoldFit { x: x.view(), names, binned, y, weights, held_out: &held_out.rows, family };
        task.fit_and_predict(&learner, seed)
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
            // Cells that were filled before say nothing about the mean.
            let seen = || (0..w.len()).filter(|i| w[*i] > 0.0 && !part.filled[*i]);
            let mass = sums::sum(seen().map(|i| w[i]));
            // A column that is missing in all rows outside the fold has no mean there.
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
}

fn pick(values: &[f64], rows: &[usize]) -> Vec<f64> {
    rows.iter().map(|i| values[*i]).collect()
}
