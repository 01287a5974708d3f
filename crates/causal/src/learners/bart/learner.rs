//! The sampler behind the trait that all nuisance learners share.

use crate::learner_kind::Family;
use crate::learners::bart::forest::Forest;
use crate::learners::bart::params::{BartParams, NAME};
use crate::learners::bart::posterior::{Data, sample_and_keep};
use crate::learners::bart::response::{Response, probability};
use crate::learners::learner::{FitInfo, Learner, LearnerError, Model, Seed, Training};
use crate::numerics::binned::BinnedMatrix;
use ndarray::{ArrayView2, Axis};

/// Bayesian additive regression trees as a nuisance learner: predictions are posterior means.
#[derive(Debug, Clone, Default)]
pub struct BartLearner {
    /// Settings.
    pub params: BartParams,
}

impl Learner for BartLearner {
    fn name(&self) -> &'static str {
        NAME
    }

    /// Bins the rows of positive weight and samples; rows of weight zero are not looked at, not even for the cuts.
    fn fit(&self, training: &Training<'_>, family: Family, seed: &Seed) -> Result<Box<dyn Model>, LearnerError> {
        self.params.check()?;
        let Training { x, y, weights, .. } = *training;
        if x.nrows() != y.len() || y.len() != weights.len() {
            let problem = "covariates, responses and weights differ in length".into();
            return Err(LearnerError::Data { learner: NAME, problem });
        }
        if x.iter().any(|v| !v.is_finite()) {
            return Err(LearnerError::Data { learner: NAME, problem: "a covariate is not a finite number".into() });
        }
        // Not `> 0`: a negative or NaN weight must reach the check that refuses it.
        let rows: Vec<usize> = (0..y.len()).filter(|i| weights[*i] != 0.0).collect();
        let pick = |from: &[f64]| -> Vec<f64> { rows.iter().map(|i| from[*i]).collect() };
        let (used, y, weights) = (x.select(Axis(0), &rows), pick(y), pick(weights));
        let train = BinnedMatrix::new(used.view(), self.params.max_bins);
        // No rows, but the cuts: all that predictions need of the training covariates.
        let cuts = train.encode(used.slice_axis(Axis(0), (0..0).into()));
        let data = Data { train: &train, y: &y, weights: &weights, test: &cuts, family };
        // Nothing is summarised: the rows to predict are not known yet, so the trees are kept instead.
        let (posterior, fitted) = sample_and_keep(&data, &self.params, seed, &|_| Vec::new(), true)?;
        // Of each chain every `keep_every`-th draw; a chain shorter than that keeps no tree, which `check` refuses.
        let draws = self.params.chains * (self.params.draws / self.params.keep_every);
        Ok(Box::new(BartModel { cuts, response: fitted.response, forest: fitted.forest, draws, info: posterior.info }))
    }
}

/// Kept trees.
#[derive(Debug)]
struct BartModel {
    /// No rows, only the cuts.
    cuts: BinnedMatrix,
    response: Response,
    forest: Forest,
    draws: usize,
    info: FitInfo,
}

impl Model for BartModel {
    fn predict(&self, x: ArrayView2<'_, f64>) -> Vec<f64> {
        let codes = self.cuts.encode(x);
        let draws = self.draws as f64;
        match &self.response {
            Response::Normal { .. } => {
                // Trees were summed over draws: the mean of f, then back to the scale of y.
                let sums = self.forest.predict(&codes, |f| f);
                sums.into_iter().map(|f| self.response.outward(f / draws)).collect()
            }
            Response::Probit { offset, .. } => {
                // Every draw through Φ first: the posterior mean of the probability.
                let sums = self.forest.predict(&codes, |f| probability(offset + f));
                sums.into_iter().map(|p| p / draws).collect()
            }
        }
    }

    fn info(&self) -> &FitInfo {
        &self.info
    }
}
