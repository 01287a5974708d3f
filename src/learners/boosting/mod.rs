//! Gradient boosting of histogram trees, with constant or linear leaves.

mod elementary;
mod fit;
mod grow;
mod histogram;
mod leaf;
mod loss;
mod model;
mod params;
mod rounds;
mod rows;
#[cfg(test)]
mod tests;
mod tree;

pub use fit::{fit, fit_watched};
pub use model::{BoostedTrees, Predictions};
pub use params::{BoostingParams, LeafModel, Stopping};

use crate::learners::learner::{Learner, LearnerError, Model, Seed, Training};
use crate::nuisance::Family;
use crate::numerics::binned::{BinnedMatrix, MAX_BINS};
use ndarray::ArrayView2;

/// For messages.
const NAME: &str = "gradient boosting";

/// What boosting is fitted to: columns binned once, however many fits use them.
#[derive(Debug, Clone, Copy)]
pub struct BoostingData<'a> {
    /// n × p, binned.
    pub binned: &'a BinnedMatrix,
    /// The same n × p as numbers, for linear leaves.
    pub x: ArrayView2<'a, f64>,
    /// n responses: finite for [`Family::Gaussian`], 0 or 1 for [`Family::Bernoulli`].
    pub y: &'a [f64],
    /// n weights, finite and not negative.
    pub weights: &'a [f64],
}

/// Gradient boosting as a [`Learner`].
#[derive(Debug, Clone, PartialEq)]
pub struct BoostingLearner {
    /// Settings.
    pub params: BoostingParams,
}

impl Learner for BoostingLearner {
    fn name(&self) -> &'static str {
        match self.params.leaves {
            LeafModel::Constant => "gradient boosting",
            LeafModel::Linear { .. } => "gradient boosting, linear leaves",
        }
    }

    fn fit(&self, training: &Training<'_>, family: Family, seed: &Seed) -> Result<Box<dyn Model>, LearnerError> {
        if training.weights.len() != training.x.nrows() || training.x.iter().any(|v| !v.is_finite()) {
            let problem = "x must be finite, with one weight per row".into();
            return Err(LearnerError::Data { learner: NAME, problem });
        }
        // Cuts come from the rows that count.
        let counted: Vec<usize> = (0..training.weights.len()).filter(|i| training.weights[*i] > 0.0).collect();
        let x = training.x.select(ndarray::Axis(0), &counted);
        let pick = |v: &[f64]| counted.iter().filter_map(|i| v.get(*i).copied()).collect::<Vec<f64>>();
        let (y, weights) = (pick(training.y), pick(training.weights));
        let binned = BinnedMatrix::new(x.view(), MAX_BINS);
        let data = BoostingData { binned: &binned, x: x.view(), y: &y, weights: &weights };
        let rows: Vec<usize> = (0..counted.len()).collect();
        Ok(Box::new(fit(&data, &rows, family, &self.params, seed)?))
    }
}
