//! Losses, their gradients and curvatures at a score f.
//!
//! | family | score | loss of a row | g | h |
//! |---|---|---|---|---|
//! | Gaussian | the mean | (y − f)²/2 | f − y | 1 |
//! | Bernoulli | the log odds | ln(1 + eᶠ) − y f | p − y | p(1 − p) |
//!
//! each times the weight of the row; p = 1/(1 + e⁻ᶠ).

use crate::learner_kind::Family;
use crate::learners::boosting::elementary::{exp, ln, logistic};
use crate::numerics::sums;
use rayon::prelude::*;

/// Log odds are kept within ±this when they are turned into probabilities: 1.1e-7 from 0 or 1.
pub const LOG_ODDS_LIMIT: f64 = 16.0;
/// Rows of a parallel task.
const TASK_ROWS: usize = 1 << 15;

/// Responses and weights of the rows that a loss is summed over.
#[derive(Debug, Clone, Copy)]
pub struct Responses<'a> {
    /// n responses.
    pub y: &'a [f64],
    /// n weights, all positive.
    pub weights: &'a [f64],
    /// The kind of the responses.
    pub family: Family,
}

impl Responses<'_> {
    /// The best constant score: the mean, or its log odds.
    pub fn best_constant(&self) -> f64 {
        let mean = sums::weighted_mean(self.y, self.weights);
        match self.family {
            Family::Gaussian => mean,
            Family::Bernoulli => ln(mean / (1.0 - mean)),
        }
    }

    /// Gradients and curvatures at the scores `f`.
    pub fn derivatives(&self, f: &[f64], g: &mut [f64], h: &mut [f64]) {
        let rows = self.y.par_chunks(TASK_ROWS).zip(self.weights.par_chunks(TASK_ROWS)).zip(f.par_chunks(TASK_ROWS));
        rows.zip(g.par_chunks_mut(TASK_ROWS)).zip(h.par_chunks_mut(TASK_ROWS)).for_each(|((((y, w), f), g), h)| {
            for i in 0..y.len() {
                (g[i], h[i]) = match self.family {
                    Family::Gaussian => (w[i] * (f[i] - y[i]), w[i]),
                    Family::Bernoulli => {
                        let p = logistic(f[i]);
                        (w[i] * (p - y[i]), w[i] * p * (1.0 - p))
                    }
                };
            }
        });
    }

    /// Mean loss at the scores `f`: half the mean square, or the mean log loss.
    pub fn mean_loss(&self, f: &[f64]) -> f64 {
        let loss = |y: f64, f: f64| match self.family {
            Family::Gaussian => (y - f) * (y - f) / 2.0,
            // ln(1 + eᶠ) − y f, without overflow.
            Family::Bernoulli => f.max(0.0) + ln(1.0 + exp(-f.abs())) - y * f,
        };
        // One thread, in row order: the round that is best must not depend on the last bit of a parallel sum.
        let (mut total, mut weight) = (0.0, 0.0);
        for ((y, w), f) in self.y.iter().zip(self.weights).zip(f) {
            total += w * loss(*y, *f);
            weight += w;
        }
        total / weight
    }
}
