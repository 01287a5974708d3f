//! A fitted model: sums of trees, averaged where there are several.

use crate::learner_kind::Family;
use crate::learners::boosting::BoostingData;
use crate::learners::boosting::rounds::{Ensemble, mean_of_score};
use crate::learners::boosting::tree::Tree;
use crate::learners::learner::{FitInfo, Model};
use ndarray::ArrayView2;
use rayon::prelude::*;

/// Rows of a parallel task.
const TASK_ROWS: usize = 1 << 12;

/// Predictions, and how many of them were brought back to a limit.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictions {
    /// m means or probabilities.
    pub values: Vec<f64>,
    /// Rows of which a score lay beyond the limits.
    pub clipped: usize,
}

/// Gradient-boosted trees.
#[derive(Debug, Clone)]
pub struct BoostedTrees {
    pub(super) family: Family,
    pub(super) members: Vec<Ensemble>,
    /// Scores are kept in this range.
    pub(super) limits: (f64, f64),
    pub(super) info: FitInfo,
}

impl BoostedTrees {
    /// Predictions at `rows` of `data`, in the order of `rows`; only `binned` and `x` are read.
    #[must_use]
    pub fn predict_rows(&self, data: &BoostingData<'_>, rows: &[usize]) -> Vec<f64> {
        self.predict_rows_counted(data, rows).values
    }

    /// The same, with the number of rows that were clipped.
    #[must_use]
    pub fn predict_rows_counted(&self, data: &BoostingData<'_>, rows: &[usize]) -> Predictions {
        self.collect(rows.len(), |tree, k| {
            let i = rows[k];
            tree.value(tree.leaf_of_binned(data.binned, i), data.x, i)
        })
    }

    /// Predictions at the rows of `x` (m × p), with the number of rows that were clipped.
    #[must_use]
    pub fn predict_counted(&self, x: ArrayView2<'_, f64>) -> Predictions {
        self.collect(x.nrows(), |tree, i| tree.value(tree.leaf_of_row(x, i), x, i))
    }

    fn collect(&self, m: usize, value: impl Fn(&Tree, usize) -> f64 + Sync) -> Predictions {
        let tasks: Vec<std::ops::Range<usize>> = (0..m).step_by(TASK_ROWS).map(|s| s..(s + TASK_ROWS).min(m)).collect();
        let parts: Vec<Predictions> = tasks.into_par_iter().map(|rows| self.collect_task(rows, &value)).collect();
        let clipped = parts.iter().map(|part| part.clipped).sum();
        Predictions { values: parts.into_iter().flat_map(|part| part.values).collect(), clipped }
    }

    fn collect_task(&self, rows: std::ops::Range<usize>, value: &impl Fn(&Tree, usize) -> f64) -> Predictions {
        let mut values = vec![0.0; rows.len()];
        let mut beyond = vec![false; rows.len()];
        for member in &self.members {
            let mut scores = vec![member.base; rows.len()];
            for tree in &member.trees {
                for (score, i) in scores.iter_mut().zip(rows.clone()) {
                    *score += value(tree, i);
                }
            }
            for ((total, beyond), score) in values.iter_mut().zip(&mut beyond).zip(scores) {
                // Each member is kept in range before the average: one that runs away would carry the others with it.
                let kept = score.clamp(self.limits.0, self.limits.1);
                *beyond |= kept != score;
                // Averaged as means, not as scores: for probabilities the two differ.
                *total += mean_of_score(self.family, kept) / self.members.len() as f64;
            }
        }
        Predictions { values, clipped: beyond.into_iter().filter(|b| *b).count() }
    }

    /// Number of trees of each member of the average; one member unless stopping was by folds.
    #[must_use]
    pub fn rounds(&self) -> Vec<usize> {
        self.members.iter().map(|member| member.trees.len()).collect()
    }
}

impl Model for BoostedTrees {
    fn predict(&self, x: ArrayView2<'_, f64>) -> Vec<f64> {
        self.predict_counted(x).values
    }

    fn info(&self) -> &FitInfo {
        &self.info
    }
}
