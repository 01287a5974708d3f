//! The penalty with the smallest out-of-fold loss.

use crate::learners::data::Counted;
use crate::learners::elastic_net::path::{Problem, Walker, loss};
use crate::learners::elastic_net::{ElasticNetParams, Path, PenaltyRule};
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

type MakeProblem<'a, 'p> = &'a (dyn Fn(f64, Vec<f64>) -> Problem<'p> + Sync);

/// Chooses among the points of `paths`, whose problems have weights `w`.
pub(super) fn choose(
    paths: &[Path],
    w: &[f64],
    (problem, data): (MakeProblem<'_, '_>, &Counted),
    (params, seed): (&ElasticNetParams, &Seed),
) -> Choice {
    let fold = resample::folds(&data.y, params.folds, &seed.child("cross-validation"));
    let curves: Vec<Curve> = paths.iter().map(|path| curve(path, w, &fold, (problem, params.folds))).collect();
    let mut best: Option<(f64, usize, usize)> = None;
    for (p, curve) in curves.iter().enumerate() {
        for (k, mean) in curve.mean.iter().enumerate() {
            if best.is_none_or(|(least, _, _)| *mean < least) {
                best = Some((*mean, p, k));
            }
        }
    }
    // No fold reached any point: the caller finds no converged point beyond the first.
    let Some((least, path, mut point)) = best else { return Choice { path: 0, point: 0, capped: true, chosen: true } };
    let curve = &curves[path];
    if params.rule == PenaltyRule::OneSe {
        let limit = least + curve.se[point];
        point = curve.mean.iter().position(|m| *m <= limit).unwrap_or(point);
    }
    let capped = point + 1 == curve.mean.len() && curve.mean.len() < paths[path].points.len();
    Choice { path, point, capped, chosen: true }
}

fn curve(path: &Path, w: &[f64], fold: &[usize], (problem, folds): (MakeProblem<'_, '_>, usize)) -> Curve {
    let per_fold: Vec<(f64, Vec<f64>)> =
        (0..folds).into_par_iter().map(|held_out| fold_losses(path, w, fold, (problem, held_out))).collect();
    let points = per_fold.iter().map(|(_, l)| l.len()).min().unwrap_or(0);
    let total: f64 = per_fold.iter().map(|(share, _)| share).sum();
    let mean: Vec<f64> =
        (0..points).map(|k| per_fold.iter().map(|(share, l)| share * l[k]).sum::<f64>() / total).collect();
    let se = (0..points)
        .map(|k| {
            let squares: f64 = per_fold.iter().map(|(share, l)| share * (l[k] - mean[k]).powi(2)).sum();
            (squares / total / (folds as f64 - 1.0)).sqrt()
        })
        .collect();
    Curve { mean, se }
}

/// The weight of a fold and its mean loss at each point reached by the model of the other folds.
fn fold_losses(
    path: &Path,
    w: &[f64],
    fold: &[usize],
    (problem, held_out): (MakeProblem<'_, '_>, usize),
) -> (f64, Vec<f64>) {
    let inside: f64 = w.iter().zip(fold).filter(|(_, f)| **f != held_out).map(|(w, _)| w).sum();
    let training = w.iter().zip(fold).map(|(w, f)| if *f == held_out { 0.0 } else { w / inside }).collect();
    let problem = problem(path.mix, training);
    let mut walker = Walker::new(&problem);
    let share: f64 = w.iter().zip(fold).filter(|(_, f)| **f == held_out).map(|(w, _)| w).sum();
    let mut losses = Vec::with_capacity(path.points.len());
    for k in 0..path.points.len() {
        let before = if k == 0 { path.lambdas[0] } else { path.lambdas[k - 1] };
        if walker.solve(path.lambdas[k], before).is_err() {
            break;
        }
        let rows = (0..fold.len()).filter(|i| fold[*i] == held_out);
        let sum: f64 = rows.map(|i| w[i] * loss(problem.family, problem.y[i], walker.eta[i])).sum();
        losses.push(sum / share);
    }
    (share, losses)
}
