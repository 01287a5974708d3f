//! The penalty with the smallest out-of-fold loss.

use crate::learners::data::Counted;
use crate::learners::elastic_net::path::{Problem, Walker, loss};
use crate::learners::elastic_net::{Path, PenaltyRule};
use crate::learners::learner::Seed;
use crate::learners::resample;
use rayon::prelude::*;

/// A point of a path.
pub(super) struct Choice {
    pub(super) path: usize,
    pub(super) point: usize,
    /// It is the last point that every fold reached, although the path goes on.
    pub(super) capped: bool,
    /// By cross-validation, not given.
    pub(super) chosen: bool,
}

/// Out-of-fold loss along one path.
struct Curve {
    /// Mean over all rows, per point that every fold reached.
    mean: Vec<f64>,
    /// Standard error over folds.
    se: Vec<f64>,
}

/// The problem of a mixture with the given weights.
pub(super) type MakeProblem<'a, 'p> = &'a (dyn Fn(f64, Vec<f64>) -> Problem<'p> + Sync);

/// Rows in folds, and the problem that is solved outside each.
pub(super) struct CrossValidation<'a, 'p> {
    problem: MakeProblem<'a, 'p>,
    /// Weights of all rows, with sum one.
    w: &'a [f64],
    fold: Vec<usize>,
    folds: usize,
}

/// A fold, predicted by the model of the others.
struct FoldLoss {
    /// Weight of the fold.
    share: f64,
    /// Its mean loss at each point of the path that was reached.
    losses: Vec<f64>,
}

impl<'a, 'p> CrossValidation<'a, 'p> {
    /// `folds` random folds of the rows of `data`, which have weights `w`.
    pub(super) fn new(
        problem: MakeProblem<'a, 'p>,
        data: &Counted,
        w: &'a [f64],
        folds: usize,
        seed: &Seed,
    ) -> CrossValidation<'a, 'p> {
        let fold = resample::folds(&data.y, folds, &seed.child("cross-validation"));
        Self { problem, w, fold, folds }
    }

    /// Chooses among the points of `paths`.
    pub(super) fn choose(&self, paths: &[Path], rule: PenaltyRule) -> Choice {
        let curves: Vec<Curve> = paths.iter().map(|path| self.curve(path)).collect();
        let mut best: Option<(f64, usize, usize)> = None;
        for (p, curve) in curves.iter().enumerate() {
            for (k, mean) in curve.mean.iter().enumerate() {
                // Strictly: ties go to the larger penalty and the earlier mixture.
                if best.is_none_or(|(least, _, _)| *mean < least) {
                    best = Some((*mean, p, k));
                }
            }
        }
        // No fold reached any point: the caller finds no converged point beyond the first.
        let Some((least, path, mut point)) = best else {
            return Choice { path: 0, point: 0, capped: true, chosen: true };
        };
        let curve = &curves[path];
        if rule == PenaltyRule::OneSe {
            let limit = least + curve.se[point];
            // Penalties fall along a path, so the first point within the limit has the largest.
            point = curve.mean.iter().position(|m| *m <= limit).unwrap_or(point);
        }
        // The path of all rows goes on, so smaller penalties exist that were not compared.
        let capped = point + 1 == curve.mean.len() && curve.mean.len() < paths[path].points.len();
        Choice { path, point, capped, chosen: true }
    }

    fn curve(&self, path: &Path) -> Curve {
        let folds: Vec<FoldLoss> =
            (0..self.folds).into_par_iter().map(|held_out| self.fold_losses(path, held_out)).collect();
        // Beyond a point that some fold did not reach, means would be over other rows.
        let points = folds.iter().map(|fold| fold.losses.len()).min().unwrap_or(0);
        let total: f64 = folds.iter().map(|fold| fold.share).sum();
        let mean: Vec<f64> =
            (0..points).map(|k| folds.iter().map(|fold| fold.share * fold.losses[k]).sum::<f64>() / total).collect();
        let se = (0..points)
            .map(|k| {
                let squares: f64 = folds.iter().map(|fold| fold.share * (fold.losses[k] - mean[k]).powi(2)).sum();
                // The variance of a mean of K folds: their weighted variance over K − 1.
                (squares / total / (self.folds as f64 - 1.0)).sqrt()
            })
            .collect();
        Curve { mean, se }
    }

    /// The losses of a fold along the path of the model of the other folds, as far as that converges.
    fn fold_losses(&self, path: &Path, held_out: usize) -> FoldLoss {
        let (w, fold) = (self.w, &self.fold);
        let inside: f64 = w.iter().zip(fold).filter(|(_, f)| **f != held_out).map(|(w, _)| w).sum();
        // Weights add up to one again, so that λ means the same outside every fold.
        let training = w.iter().zip(fold).map(|(w, f)| if *f == held_out { 0.0 } else { w / inside }).collect();
        let problem = (self.problem)(path.mix, training);
        let mut walker = Walker::new(&problem);
        let share: f64 = w.iter().zip(fold).filter(|(_, f)| **f == held_out).map(|(w, _)| w).sum();
        let mut losses = Vec::with_capacity(path.points.len());
        // Along the penalties of all rows: the losses of the folds are averaged point by point.
        for k in 0..path.points.len() {
            let before = if k == 0 { path.lambdas[0] } else { path.lambdas[k - 1] };
            if walker.solve(path.lambdas[k], before).is_err() {
                break;
            }
            let rows = (0..fold.len()).filter(|i| fold[*i] == held_out);
            let sum: f64 = rows.map(|i| w[i] * loss(problem.family, problem.y[i], walker.eta[i])).sum();
            losses.push(sum / share);
        }
        FoldLoss { share, losses }
    }
}
