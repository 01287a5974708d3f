//! K-fold cross-fitting: each row is predicted by a model that never saw it (Chernozhukov et al. 2018,
//! doi:10.1111/ectj.12097).
//!
//! ```text
//! f̂₋ₖ fitted with weights wᵢ·1{k(i) ≠ k},      prediction of row i: f̂₋ₖ₍ᵢ₎(xᵢ)
//! ```
//!
//! | symbol | here | shape | meaning |
//! |---|---|---|---|
//! | k(i) | [`CrossFit::fold`] | n | fold of row i |
//! | K | [`CrossFit::folds`] | | number of folds |
//! | w | [`CrossFit::weights`] | n | observation weights |
//! | f̂₋ₖ | [`FoldFit::fit_and_predict`] | | model fitted without fold k |
//!
//! A fold is left out by giving it weight zero, which every learner promises to be the same as leaving out its rows; so
//! nothing is copied. Trees are grown on columns that are binned once for all folds: the cuts depend on the covariates
//! alone.

use crate::learner_kind::{Family, LearnerKind};
use crate::learners::boosting;
use crate::learners::boosting::{BoostingData, BoostingParams};
use crate::learners::factory;
use crate::learners::learner::{FitInfo, Learner, LearnerError, Model, Seed, Training};
use crate::numerics::binned::{BinnedMatrix, MAX_BINS};
use ndarray::{ArrayView2, Axis};
use rayon::prelude::*;

/// The smallest propensity that a cross-fitted learner is taken at its word for, and one minus the largest.
pub const CLIP: f64 = 0.01;

/// Rows divided into folds, with their observation weights.
#[derive(Debug, Clone, Copy)]
pub struct CrossFit<'a> {
    /// The fold of each of the n rows, `0..folds`.
    pub fold: &'a [usize],
    /// The number of folds.
    pub folds: usize,
    /// n observation weights.
    pub weights: &'a [f64],
}

/// One fold, held out.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldOut {
    /// Its number, from 0.
    pub fold: usize,
    /// Its rows, ascending.
    pub rows: Vec<usize>,
    /// n weights of the rows to fit to: the observation weights, and zero in the fold.
    pub weights: Vec<f64>,
}

impl CrossFit<'_> {
    /// The rows of fold `fold`, and the weights outside it.
    #[must_use]
    pub fn held_out(&self, fold: usize) -> HeldOut {
        let inside = |i: &usize| self.fold[*i] == fold;
        HeldOut {
            fold,
            rows: (0..self.fold.len()).filter(inside).collect(),
            // Zero weight is leaving out, by the promise of every learner; nothing is copied.
            weights: (0..self.fold.len()).map(|i| if inside(&i) { 0.0 } else { self.weights[i] }).collect(),
        }
    }

    /// Runs `fit` for every fold, in parallel; results in fold order.
    ///
    /// # Errors
    /// That of the first fold, in fold order, that failed.
    pub fn each_fold<T: Send, E: Send>(&self, fit: impl Fn(HeldOut) -> Result<T, E> + Sync) -> Result<Vec<T>, E> {
        // All folds are run before the first error is looked for: which one is reported must not depend on timing.
        let all: Vec<Result<T, E>> = (0..self.folds).into_par_iter().map(|fold| fit(self.held_out(fold))).collect();
        all.into_iter().collect()
    }
}

/// The learner of the model outside a fold.
#[derive(Debug)]
pub struct FoldLearner<'a> {
    learner: &'a dyn Learner,
    /// Boosting is called directly, so that columns are binned once for all folds.
    boosting: Option<BoostingParams>,
}

impl<'a> FoldLearner<'a> {
    /// `learner`, whatever it is.
    #[must_use]
    pub fn any(learner: &'a dyn Learner) -> Self {
        Self { learner, boosting: None }
    }

    /// `learner`, which must be of `kind`; if that is a kind of boosting, on binned columns with the settings for `rows`
    /// rows.
    #[must_use]
    pub fn of_kind(kind: LearnerKind, learner: &'a dyn Learner, rows: usize) -> Self {
        Self { learner, boosting: factory::boosting(kind, rows) }
    }

    /// The name of the learner.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.learner.name()
    }
}

/// One model: the rows it is fitted to, and the rows it predicts.
#[derive(Debug, Clone, Copy)]
pub struct FoldFit<'a> {
    /// n × p covariates.
    pub x: ArrayView2<'a, f64>,
    /// p names.
    pub names: &'a [String],
    /// The covariates binned; where they are not, boosting bins them for this fit.
    pub binned: Option<&'a BinnedMatrix>,
    /// n responses.
    pub y: &'a [f64],
    /// n weights: zero inside the fold, and in rows that the model is not about.
    pub weights: &'a [f64],
    /// The rows to predict.
    pub held_out: &'a [usize],
    /// The kind of the responses.
    pub family: Family,
}

/// Predictions of the rows held out, in their order, and the end of the fit.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldOutPredictions {
    /// One for each row held out.
    pub values: Vec<f64>,
    /// The end of the fit.
    pub info: FitInfo,
}

impl FoldFit<'_> {
    /// Fits `learner` to the rows of positive weight and predicts the rows held out.
    ///
    /// # Errors
    /// [`LearnerError`] of the learner.
    pub fn fit_and_predict(&self, learner: &FoldLearner<'_>, seed: &Seed) -> Result<HeldOutPredictions, LearnerError> {
        if let Some(params) = &learner.boosting {
            return self.boost(params, seed);
        }
        let training = Training { x: self.x, names: self.names, y: self.y, weights: self.weights };
        let model = learner.learner.fit(&training, self.family, seed)?;
        // The rows held out are the only ones copied.
        let values = model.predict(self.x.select(Axis(0), self.held_out).view());
        Ok(HeldOutPredictions { values, info: model.info().clone() })
    }

    fn boost(&self, params: &BoostingParams, seed: &Seed) -> Result<HeldOutPredictions, LearnerError> {
        // Declared out here, so that bins made for this fit outlive the match.
        let of_this_fit;
        let binned = match self.binned {
            Some(binned) => binned,
            None => {
                of_this_fit = BinnedMatrix::new(self.x, MAX_BINS);
                &of_this_fit
            }
        };
        let data = BoostingData { binned, x: self.x, y: self.y, weights: self.weights };
        // `weights` is zero in the fold, so boosting never sees it, not even to choose the number of trees.
        let fitted: Vec<usize> = (0..self.weights.len()).filter(|i| self.weights[*i] > 0.0).collect();
        let model = boosting::fit(&data, &fitted, self.family, params, seed)?;
        Ok(HeldOutPredictions { values: model.predict_rows(&data, self.held_out), info: model.info().clone() })
    }
}

/// The random streams of one fold, a part of those of its cross-fitting.
#[must_use]
pub fn fold_seed(seed: &Seed, fold: usize) -> Seed {
    seed.child(format_args!("fold {}", fold + 1))
}

/// Writes the predictions of a fold to their rows.
pub fn scatter(all: &mut [f64], rows: &[usize], values: &[f64]) {
    for (row, value) in rows.iter().zip(values) {
        all[*row] = *value;
    }
}

/// Moves probabilities outside [bound, 1 − bound] to its ends, and returns how many units were moved. Rows of weight
/// zero are moved as well, but are no units: they do not count.
pub fn clip(probabilities: &mut [f64], weights: &[f64], bound: f64) -> usize {
    let mut moved = 0;
    for (p, w) in probabilities.iter_mut().zip(weights) {
        let inside = p.clamp(bound, 1.0 - bound);
        moved += usize::from(inside != *p && *w > 0.0);
        *p = inside;
    }
    moved
}

#[cfg(test)]
mod tests {
    use crate::learner_kind::Effort;
    use crate::learners::conformance::Simulated;
    use crate::learners::crossfit::*;

    #[test]
    fn a_fold_is_its_rows_and_no_weight_on_them() {
        let cross = CrossFit { fold: &[1, 0, 1, 2], folds: 3, weights: &[1.0, 2.0, 3.0, 4.0] };
        let held_out = cross.held_out(1);
        assert_eq!((held_out.rows, held_out.weights), (vec![0, 2], vec![0.0, 2.0, 0.0, 4.0]));
    }

    #[test]
    fn results_come_in_fold_order_and_the_first_fold_that_failed_is_the_error() {
        let cross = CrossFit { fold: &[0, 1, 2, 3], folds: 4, weights: &[1.0; 4] };
        let all: Result<Vec<usize>, usize> = cross.each_fold(|held_out| Ok(held_out.fold));
        assert_eq!(all, Ok(vec![0, 1, 2, 3]));
        let fails = |held_out: HeldOut| if held_out.fold >= 2 { Err(held_out.fold) } else { Ok(()) };
        assert_eq!(cross.each_fold(fails), Err(2));
    }

    #[test]
    fn rows_of_weight_zero_are_clipped_and_not_counted() {
        let mut e = [0.001, 0.5, 0.999, 0.0, 0.01];
        assert_eq!(clip(&mut e, &[1.0, 1.0, 2.0, 0.0, 1.0], 0.01), 2);
        assert_eq!(e, [0.01, 0.5, 0.99, 0.01, 0.01]);
    }

    #[test]
    fn bins_of_the_fit_are_the_bins_of_all_fits() {
        let data = Simulated::new(Family::Gaussian, 120, 2);
        let cross = CrossFit { fold: &(0..120).map(|i| i % 3).collect::<Vec<_>>(), folds: 3, weights: &data.weights };
        let learner = factory::by_kind(LearnerKind::Boosting, Effort::Fast);
        let learner = FoldLearner::of_kind(LearnerKind::Boosting, learner.as_ref(), 80);
        let (held_out, binned) = (cross.held_out(0), BinnedMatrix::new(data.x.view(), MAX_BINS));
        let predict = |binned: Option<&BinnedMatrix>| {
            let training = data.training();
            let fit = FoldFit {
                x: training.x,
                names: training.names,
                binned,
                y: training.y,
                weights: &held_out.weights,
                held_out: &held_out.rows,
                family: Family::Gaussian,
            };
            fit.fit_and_predict(&learner, &fold_seed(&Seed::new(1, "test"), 0)).unwrap()
        };
        let predictions = predict(Some(&binned));
        assert_eq!(predictions, predict(None));
        assert_eq!(predictions.values.len(), 40);
    }
}
