//! Data for the tests, by subject: [`exact`] answers, and the [`promises`] of a learner.

mod exact;
mod promises;

use crate::learners::boosting::*;
use crate::numerics::streams;
use ndarray::Array2;
use rand::RngExt;

/// One round over all rows and columns, no shrinkage, no penalty.
fn plain(leaves: LeafModel) -> BoostingParams {
    BoostingParams {
        leaves,
        learning_rate: 1.0,
        max_depth: 3,
        max_leaves: 8,
        l2: 0.0,
        min_leaf_rows: 1,
        column_share: 1.0,
        row_share: 1.0,
        max_rounds: 1,
        stopping: Stopping::Never,
        clip_margin: 0.1,
    }
}

fn seed() -> Seed {
    Seed::new(11, "test")
}

struct Case {
    x: Array2<f64>,
    y: Vec<f64>,
    weights: Vec<f64>,
    binned: BinnedMatrix,
}

impl Case {
    fn new(x: Array2<f64>, y: Vec<f64>, weights: Vec<f64>) -> Self {
        let binned = BinnedMatrix::new(x.view(), MAX_BINS);
        Self { x, y, weights, binned }
    }

    /// n rows, p columns of which one is an indicator and one rare, y a smooth function of two with noise.
    fn smooth(n: usize, p: usize) -> Self {
        let mut rng = streams::stream(3, "smooth");
        let x = Array2::from_shape_fn((n, p), |(_, j)| {
            let u: f64 = rng.random();
            match j {
                2 => f64::from(u8::from(u < 0.4)),
                // Nearly always zero, so stored sparsely; the indicator above is stored densely.
                3 => f64::from(u8::from(u < 0.05)),
                4 => (u * 6.0).floor(),
                _ => u * 4.0 - 2.0,
            }
        });
        let y =
            x.outer_iter().map(|x| truth(x[0], x.get(1).copied().unwrap_or(0.0)) + rng.random::<f64>() - 0.5).collect();
        let weights = (0..n).map(|_| 0.5 + rng.random::<f64>()).collect();
        Self::new(x, y, weights)
    }

    fn binary(mut self) -> Self {
        self.y = self.y.iter().map(|y| f64::from(u8::from(*y > 0.3))).collect();
        self
    }

    fn data(&self) -> BoostingData<'_> {
        BoostingData { binned: &self.binned, x: self.x.view(), y: &self.y, weights: &self.weights }
    }

    fn all(&self) -> Vec<usize> {
        (0..self.y.len()).collect()
    }

    fn fit(&self, family: Family, params: &BoostingParams) -> BoostedTrees {
        fit(&self.data(), &self.all(), family, params, &seed()).unwrap()
    }
}

fn truth(a: f64, b: f64) -> f64 {
    (1.5 * a).sin() + 0.5 * a * b
}

fn rmse(a: &[f64], b: &[f64]) -> f64 {
    (a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>() / a.len() as f64).sqrt()
}
