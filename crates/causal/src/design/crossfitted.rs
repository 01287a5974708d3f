//! The propensity e(x) = P(T = 1 | X = x) by any learner, cross-fitted: each unit's e comes from a model that never saw it.
//!
//! ```text
//! e(xᵢ) = clip(f̂₋ₖ₍ᵢ₎(xᵢ); c, 1 − c),      f̂₋ₖ fitted to the rows outside fold k
//! log-loss = −Σ wᵢ [tᵢ ln eᵢ + (1 − tᵢ) ln(1 − eᵢ)] / Σ wᵢ
//! ```
//!
//! | symbol | here | shape | meaning |
//! |---|---|---|---|
//! | k(i) | `fold` | n | fold of unit i |
//! | f̂₋ₖ | a [`Model`](crate::learners::learner::Model) | | learner fitted without fold k |
//! | c | `clip` | | smallest probability that is taken at its word |
//! | w | observation weights | n | |
//!
//! A learner that follows the data closely would, on its own training rows, separate the arms and make every design look
//! as if there were no overlap; out of fold it cannot. Such learners say 0.001 where they mean *rarely*, and one unit
//! would get the weight of a thousand: e is clipped, and how many units were moved is counted. Assumption: the folds are
//! independent of the treatment given the arms. Reference: Chernozhukov et al. (2018), doi:10.1111/ectj.12097.

use crate::design::DesignError;
use crate::design::propensity::auc;
use crate::learner_kind::{Effort, Family, LearnerKind};
use crate::learners::crossfit::{CrossFit, FoldFit, FoldLearner, HeldOut, clip, fold_seed, scatter};
use crate::learners::factory;
use crate::learners::learner::{FitInfo, Learner, Seed};
use crate::learners::picked;
use crate::numerics::binned::{BinnedMatrix, MAX_BINS};
use crate::sample::Covariates;
use ndarray::Array1;

pub use crate::learners::crossfit::CLIP;

/// A division into folds, and the bounds of the propensity.
#[derive(Debug, Clone, Copy)]
pub struct CrossFitting<'a> {
    /// The fold of each of the n rows, `0..k`.
    pub fold: &'a [usize],
    /// The number of folds, at least 2.
    pub folds: usize,
    /// Probabilities outside [clip, 1 − clip] are moved to its ends; strictly between 0
    /// and 0.5, see [`CLIP`].
    pub clip: f64,
}

/// A cross-fitted propensity. It has no coefficients, no information matrix and no likelihood that was maximised.
#[derive(Debug, Clone, PartialEq)]
pub struct CrossFittedPropensity {
    /// n out-of-fold propensities, clipped.
    pub e: Array1<f64>,
    /// The learner, by its name in tables.
    pub learner: String,
    /// The bound that was used.
    pub clip: f64,
    /// Units of positive weight whose propensity was moved to a bound.
    pub clipped: usize,
    /// Out-of-fold log-loss at `e`; ln 2 is a coin.
    pub log_loss: f64,
    /// Out-of-fold area under the ROC curve at `e`.
    pub auc: f64,
    /// The end of the fit outside each fold, in fold order.
    pub fits: Vec<FitInfo>,
}

/// Fits the learner called `kind` K times and predicts each fold by the model that did not see it. Trees are grown on
/// columns that are binned once for all folds: the cuts depend on the covariates alone. Of a kind that is a choice, the
/// candidate of the smallest out-of-fold log-loss.
///
/// # Errors
/// As [`fit_crossfitted`].
pub fn fit_crossfitted_by(
    covariates: &Covariates,
    kind: LearnerKind,
    effort: Effort,
    how: CrossFitting<'_>,
    seed: &Seed,
) -> Result<CrossFittedPropensity, DesignError> {
    let mut best: Option<CrossFittedPropensity> = None;
    for kind in kind.candidates(LearnerKind::Boosting) {
        let fitted = fit_one_kind(covariates, kind, effort, how, seed)?;
        if best.as_ref().is_none_or(|before| fitted.log_loss < before.log_loss) {
            best = Some(fitted);
        }
    }
    best.ok_or(DesignError::Folds { folds: how.folds, assigned: how.fold.len(), rows: covariates.n() })
}

fn fit_one_kind(
    covariates: &Covariates,
    kind: LearnerKind,
    effort: Effort,
    how: CrossFitting<'_>,
    seed: &Seed,
) -> Result<CrossFittedPropensity, DesignError> {
    let learner = factory::by_kind(kind, effort);
    // One setting for all folds: that of the smallest one.
    let smallest_fit = covariates.n() - covariates.n() / how.folds.max(1);
    // Trees alone need bins.
    let bins = factory::boosting(kind, smallest_fit).map(|_| BinnedMatrix::new(covariates.x().view(), MAX_BINS));
    fit_folds(covariates, &FoldLearner::of_kind(kind, learner.as_ref(), smallest_fit), bins.as_ref(), how, seed)
}

/// Fits `learner` K times and predicts each fold by the model that did not see it. Nothing but a fold is copied.
///
/// # Errors
/// [`DesignError::Folds`] for folds that do not fit the rows, [`DesignError::Learner`] for a fit that failed, and
/// [`DesignError::NotAProbability`] for a learner that broke its promise.
pub fn fit_crossfitted(
    covariates: &Covariates,
    learner: &dyn Learner,
    how: CrossFitting<'_>,
    seed: &Seed,
) -> Result<CrossFittedPropensity, DesignError> {
    fit_folds(covariates, &FoldLearner::any(learner), None, how, seed)
}

fn fit_folds(
    covariates: &Covariates,
    learner: &FoldLearner<'_>,
    binned: Option<&BinnedMatrix>,
    how: CrossFitting<'_>,
    seed: &Seed,
) -> Result<CrossFittedPropensity, DesignError> {
    how.check(covariates.n())?;
    let (t, w) = (covariates.treated().to_vec(), covariates.weights_or_ones().to_vec());
    let (x, names, family) = (covariates.x().view(), covariates.names(), Family::Bernoulli);
    let fit = |held_out: HeldOut| {
        let HeldOut { fold, rows, weights } = held_out;
        let task = FoldFit { x, names, binned, y: &t, weights: &weights, held_out: &rows, family };
        let failed = |source| DesignError::Learner { fold: fold + 1, folds: how.folds, source };
        // Seeded by the fold's number, whichever thread takes it.
        task.fit_and_predict(learner, &fold_seed(seed, fold)).map(|predicted| (rows, predicted)).map_err(failed)
    };
    let fitted = CrossFit { fold: how.fold, folds: how.folds, weights: &w }.each_fold(fit)?;
    // Every row is in a fold; if one were not, it would be found below.
    let mut e = vec![f64::NAN; covariates.n()];
    let mut fits = Vec::with_capacity(how.folds);
    for (rows, predicted) in fitted {
        scatter(&mut e, &rows, &predicted.values);
        fits.push(predicted.info);
    }
    // NaN is in no range, so a row that was never predicted is found here as well.
    if let Some((row, value)) = e.iter().enumerate().find(|(_, p)| !(0.0..=1.0).contains(*p)) {
        return Err(DesignError::NotAProbability { learner: learner.name(), row: row + 1, value: *value });
    }
    // Before the loss, which would be infinite at a 0 or 1 that turned out wrong.
    let clipped = clip(&mut e, &w, how.clip);
    let (log_loss, auc) = (picked::loss(Family::Bernoulli, &e, &t, &w), auc(&e, &t, &w));
    let learner = learner.name().to_owned();
    Ok(CrossFittedPropensity { e: Array1::from(e), learner, clip: how.clip, clipped, log_loss, auc, fits })
}

impl CrossFitting<'_> {
    /// Refuses folds that are not a partition of `n` rows, and impossible clip bounds.
    fn check(&self, n: usize) -> Result<(), DesignError> {
        let usable = self.folds >= 2 && self.fold.len() == n && self.fold.iter().all(|k| *k < self.folds);
        let clips = self.clip > 0.0 && self.clip < 0.5;
        if usable && clips {
            return Ok(());
        }
        Err(DesignError::Folds { folds: self.folds, assigned: self.fold.len(), rows: n })
    }
}

#[cfg(test)]
mod tests {
    use crate::design::crossfitted::*;
    use crate::learners::learner::{LearnerError, Model, Training};
    use ndarray::{Array2, ArrayView2};

    /// Remembers whom it saw: predicts the weighted share treated, and 2 at rows it was trained on.
    #[derive(Debug)]
    struct Spy;

    struct Seen(Vec<f64>, f64, FitInfo);

    impl Learner for Spy {
        fn name(&self) -> &'static str {
            "spy"
        }

        fn fit(&self, training: &Training<'_>, _: Family, _: &Seed) -> Result<Box<dyn Model>, LearnerError> {
            let with = |i: &usize| training.weights[*i] > 0.0;
            let rows: Vec<usize> = (0..training.y.len()).filter(with).collect();
            let share = rows.iter().map(|i| training.y[*i]).sum::<f64>() / rows.len() as f64;
            let seen = rows.iter().map(|i| training.x[[*i, 0]]).collect();
            Ok(Box::new(Seen(seen, share, FitInfo { iterations: rows.len(), converged: true, notes: Vec::new() })))
        }
    }

    impl Model for Seen {
        fn predict(&self, x: ArrayView2<'_, f64>) -> Vec<f64> {
            x.column(0).iter().map(|v| if self.0.contains(v) { 2.0 } else { self.1 }).collect()
        }

        fn info(&self) -> &FitInfo {
            &self.2
        }
    }

    fn six() -> Covariates {
        let x = Array2::from_shape_fn((6, 1), |(i, _)| i as f64);
        let t = Array1::from(vec![1.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
        Covariates::new(x, vec!["x".to_owned()], t, None).unwrap()
    }

    fn fit(fold: &[usize], clip: f64) -> Result<CrossFittedPropensity, DesignError> {
        fit_crossfitted(&six(), &Spy, CrossFitting { fold, folds: 2, clip }, &Seed::new(1, "propensity"))
    }

    #[test]
    fn no_unit_is_predicted_by_a_model_that_saw_it() {
        let p = fit(&[0, 0, 1, 1, 1, 1], 0.01).unwrap();
        // Outside fold 0 one of four is treated; outside fold 1 one of two.
        assert_eq!(p.e.to_vec(), [0.25, 0.25, 0.5, 0.5, 0.5, 0.5]);
        assert_eq!((p.clipped, p.fits.len(), p.fits[0].iterations), (0, 2, 4));
    }

    #[test]
    fn clipping_is_counted_and_the_loss_is_at_the_clipped_values() {
        let p = fit(&[0, 0, 0, 1, 1, 1], 0.05).unwrap();
        assert_eq!((p.clipped, p.e[0]), (3, 0.05));
        let expected = -(2.0 * 0.05_f64.ln() + 0.95_f64.ln() + 3.0 * (1.0_f64 / 3.0).ln()) / 6.0;
        assert!((p.log_loss - expected).abs() < 1e-15);
    }

    #[test]
    fn folds_that_do_not_fit_the_rows_are_refused() {
        assert!(matches!(fit(&[0, 1], 0.1), Err(DesignError::Folds { assigned: 2, rows: 6, .. })));
        assert!(matches!(fit(&[0, 1, 2, 0, 1, 0], 0.1), Err(DesignError::Folds { .. })));
        for clip in [0.0, 0.5, f64::NAN] {
            assert!(matches!(fit(&[0, 1, 0, 1, 0, 1], clip), Err(DesignError::Folds { .. })), "{clip}");
        }
    }
}
