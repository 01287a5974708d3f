//! The rounds: one tree after another, until the held-out loss no longer falls.

use crate::learner_kind::Family;
use crate::learners::boosting::BoostingData;
use crate::learners::boosting::elementary::logistic;
use crate::learners::boosting::grow::{Grown, Soil, grow};
use crate::learners::boosting::histogram::{FixedPoint, Pair};
use crate::learners::boosting::leaf::{Derivatives, ScaledColumn, ScaledLeaf, ridge};
use crate::learners::boosting::loss::Responses;
use crate::learners::boosting::params::{BoostingParams, LeafModel};
use crate::learners::boosting::rows::GatheredRows;
use crate::learners::boosting::tree::{Leaf, Tree};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// Rows of a parallel task.
const TASK_ROWS: usize = 1 << 14;
/// Rows from which the leaves of a tree are fitted in parallel.
const PARALLEL_ROWS: usize = 1 << 15;

/// A sum of trees on the scale of the score.
#[derive(Debug, Clone, PartialEq)]
pub struct Ensemble {
    /// Score before the first tree.
    pub base: f64,
    /// Trees, shrunken.
    pub trees: Vec<Tree>,
}

/// The result of one run of boosting.
#[derive(Debug)]
pub struct Boosted {
    /// Trees up to the best round.
    pub ensemble: Ensemble,
    /// True if the last round allowed was reached while the loss still fell.
    pub at_limit: bool,
    /// Scores of the rows fitted to, at the last round that is kept.
    pub scores: Vec<f64>,
}

/// Rows to fit to and rows to watch, by their numbers in the data.
#[derive(Debug, Clone)]
pub struct Division {
    /// Fitted to.
    pub fitted: Vec<u32>,
    /// Watched; may be empty.
    pub watched: Vec<u32>,
}

/// The loss, and how it is lowered.
#[derive(Debug, Clone, Copy)]
pub struct Objective<'a> {
    /// The kind of the responses.
    pub family: Family,
    /// The settings.
    pub params: &'a BoostingParams,
}

/// When to end.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// Most rounds.
    pub rounds: usize,
    /// Rounds without improvement, where rows are watched.
    pub patience: usize,
}

/// Boosts over the rows of `division`.
pub fn boost(
    data: &BoostingData<'_>,
    division: &Division,
    objective: Objective<'_>,
    limit: Limit,
    rng: ChaCha8Rng,
) -> Boosted {
    Booster::new(data, division, objective, rng).run(limit)
}

struct Booster<'a, 'd> {
    data: &'a BoostingData<'d>,
    params: &'a BoostingParams,
    family: Family,
    /// Fitted rows first, then watched rows.
    gathered: GatheredRows,
    rows: Vec<u32>,
    y: Vec<f64>,
    weights: Vec<f64>,
    /// Number of fitted rows.
    fitted: usize,
    scaled: Vec<Option<ScaledColumn>>,
    /// Rows that are not in the tree of this round, watched rows among them.
    outside: Vec<u32>,
    f: Vec<f64>,
    g: Vec<f64>,
    h: Vec<f64>,
    rng: ChaCha8Rng,
}

impl<'a, 'd> Booster<'a, 'd> {
    fn new(data: &'a BoostingData<'d>, division: &Division, objective: Objective<'a>, rng: ChaCha8Rng) -> Self {
        let Objective { family, params } = objective;
        let rows: Vec<u32> = division.fitted.iter().chain(&division.watched).copied().collect();
        let (n, fitted) = (rows.len(), division.fitted.len());
        let y: Vec<f64> = rows.iter().map(|i| data.y[*i as usize]).collect();
        let mut weights: Vec<f64> = rows.iter().map(|i| data.weights[*i as usize]).collect();
        // Mean one among the fitted rows, so that penalties mean the same whatever the scale of the weights.
        let mean = weights[..fitted].iter().sum::<f64>() / fitted as f64;
        weights.iter_mut().for_each(|w| *w /= mean);
        Self {
            data,
            params,
            family,
            gathered: GatheredRows::new(data.binned, &rows),
            rows,
            y,
            weights,
            fitted,
            scaled: vec![None; data.binned.p()],
            outside: Vec::new(),
            f: vec![0.0; n],
            g: vec![0.0; fitted],
            h: vec![0.0; fitted],
            rng,
        }
    }

    fn responses(&self, rows: std::ops::Range<usize>) -> Responses<'_> {
        Responses { y: &self.y[rows.clone()], weights: &self.weights[rows], family: self.family }
    }

    fn run(mut self, limit: Limit) -> Boosted {
        let base = self.responses(0..self.fitted).best_constant();
        self.f.fill(base);
        let watches = self.fitted < self.rows.len();
        // The constant is round zero: if no tree lowers its loss, none is kept.
        let (mut best, mut best_loss) = (0, self.watched_loss());
        let mut trees: Vec<Tree> = Vec::new();
        let mut ran_out = false;
        while trees.len() < limit.rounds && (!watches || trees.len() - best < limit.patience) {
            let Some(tree) = self.round() else {
                ran_out = true;
                break;
            };
            trees.push(tree);
            let loss = self.watched_loss();
            if watches && loss < best_loss {
                (best, best_loss) = (trees.len(), loss);
            }
        }
        // The loss still fell if the last improvement is within the patience.
        let at_limit = watches && !ran_out && trees.len() == limit.rounds && trees.len() - best < limit.patience;
        if watches {
            trees.truncate(best);
        }
        self.f.truncate(self.fitted);
        Boosted { ensemble: Ensemble { base, trees }, at_limit, scores: self.f }
    }

    fn watched_loss(&self) -> f64 {
        let watched = self.fitted..self.rows.len();
        if watched.is_empty() { 0.0 } else { self.responses(watched.clone()).mean_loss(&self.f[watched]) }
    }

    /// One tree, added to the scores; `None` if all gradients are zero.
    fn round(&mut self) -> Option<Tree> {
        let (mut g, mut h) = (std::mem::take(&mut self.g), std::mem::take(&mut self.h));
        self.responses(0..self.fitted).derivatives(&self.f[..self.fitted], &mut g, &mut h);
        (self.g, self.h) = (g, h);
        let largest = |v: &[f64]| v.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        let g_max = largest(&self.g);
        // Subnormal gradients have no digits left to split on.
        if g_max <= f64::MIN_POSITIVE {
            return None;
        }
        // A scale for each round: as gradients shrink, no tree loses digits.
        let scale = FixedPoint::new(self.fitted, g_max, largest(&self.h));
        let columns = self.draw_columns();
        let (rows, pairs) = self.draw_rows(scale);
        let soil =
            Soil { data: &self.gathered, binned: self.data.binned, params: self.params, columns: &columns, scale };
        let grown = grow(&soil, rows, &pairs);
        if grown.tree.splits.is_empty() {
            // One leaf for all rows would only follow the draw of the rows.
            return Some(grown.tree);
        }
        let leaves = self.fit_leaves(&grown, scale);
        self.update(&grown, &leaves);
        Some(self.unscaled(grown, &leaves))
    }

    fn draw_columns(&mut self) -> Vec<usize> {
        let p = self.gathered.p();
        // Rounded up: a tree always has a column to split on.
        let k = ((p as f64 * self.params.column_share).ceil() as usize).clamp(1, p.max(1));
        let mut columns: Vec<usize> = (0..p).collect();
        if k < p {
            let (drawn, _) = columns.partial_shuffle(&mut self.rng, k);
            columns = drawn.to_vec();
            // Ties between columns go to the first: the order must not depend on the draw.
            columns.sort_unstable();
        }
        columns
    }

    /// The rows of this tree, each with probability `row_share`, with their pairs.
    fn draw_rows(&mut self, scale: FixedPoint) -> (Vec<u32>, Vec<Pair>) {
        // Integers are compared: cheaper than a double for each row, and the same on every machine.
        let limit = (self.params.row_share * f64::from(u32::MAX)) as u32;
        let mut rows = vec![0; self.fitted];
        self.outside.resize(self.rows.len(), 0);
        let (mut inside, mut outside) = (0, 0);
        for row in 0..self.fitted as u32 {
            // Both are written, one place is advanced: no branch to mispredict.
            rows[inside] = row;
            self.outside[outside] = row;
            // A share of one takes every row and draws no number.
            let drawn = usize::from(limit == u32::MAX || self.rng.random::<u32>() <= limit);
            inside += drawn;
            outside += 1 - drawn;
        }
        rows.truncate(inside);
        self.outside.truncate(outside);
        // Watched rows are never in a tree, but their scores must follow it.
        self.outside.extend(self.fitted as u32..self.rows.len() as u32);
        let pairs = rows.iter().map(|i| scale.pair(self.g[*i as usize], self.h[*i as usize])).collect();
        (rows, pairs)
    }

    fn fit_leaves(&mut self, grown: &Grown, scale: FixedPoint) -> Vec<ScaledLeaf> {
        let (l2, rate) = (self.params.l2, self.params.learning_rate);
        let LeafModel::Linear { ridge: penalty } = self.params.leaves else {
            return grown.leaves.iter().map(|leaf| constant_leaf(scale, leaf.total, l2, rate)).collect();
        };
        for j in grown.leaves.iter().flat_map(|leaf| &leaf.path) {
            self.scale_column(*j);
        }
        let fit = |leaf: &crate::learners::boosting::grow::LeafRows| {
            let columns = self.scaled_columns(&leaf.path);
            ridge(&grown.rows[leaf.rows.clone()], &columns, Derivatives { g: &self.g, h: &self.h }, penalty, rate)
                // If the ridge equations cannot be solved: the Newton step of the whole leaf.
                .unwrap_or_else(|| constant_leaf(scale, leaf.total, l2, rate))
        };
        // Each leaf is summed by one thread in row order, so both branches give the same bits.
        if grown.rows.len() >= PARALLEL_ROWS {
            grown.leaves.par_iter().map(fit).collect()
        } else {
            grown.leaves.iter().map(fit).collect()
        }
    }

    fn scaled_columns(&self, path: &[usize]) -> Vec<&ScaledColumn> {
        path.iter().filter_map(|j| self.scaled[*j].as_ref()).collect()
    }

    fn scale_column(&mut self, j: usize) {
        // Only columns that are split on are ever scaled.
        if self.scaled[j].is_some() {
            return;
        }
        let mut z: Vec<f64> = self.rows.iter().map(|i| self.data.x[[*i as usize, j]]).collect();
        // By the fitted rows alone: watched rows must not shape what they are to judge.
        let weights = &self.weights[..self.fitted];
        let total: f64 = weights.iter().sum();
        let mean = |z: &[f64]| z.iter().zip(weights).map(|(z, w)| w * z).sum::<f64>() / total;
        let centre = mean(&z[..self.fitted]);
        z.iter_mut().for_each(|z| *z -= centre);
        // About the mean, in a second pass: no digits are lost to an offset.
        let variance = z[..self.fitted].iter().zip(weights).map(|(z, w)| w * z * z).sum::<f64>() / total;
        let scale = if variance > 0.0 && variance.is_finite() { variance.sqrt() } else { 1.0 };
        z.iter_mut().for_each(|z| *z /= scale);
        self.scaled[j] = Some(ScaledColumn { centre, scale, z });
    }

    /// Adds the tree to the scores of all rows, in the tree or not.
    fn update(&mut self, grown: &Grown, leaves: &[ScaledLeaf]) {
        let mut f = std::mem::take(&mut self.f);
        let columns: Vec<Vec<&ScaledColumn>> =
            grown.leaves.iter().map(|leaf| self.scaled_columns(&leaf.path)).collect();
        let value = |leaf: usize, i: usize| {
            let terms = leaves[leaf].slopes.iter().zip(&columns[leaf]);
            terms.fold(leaves[leaf].constant, |value, (slope, column)| value + slope * column.z[i])
        };
        // In parallel every row is looked up: rows of the tree are scattered over the tasks.
        if f.len() >= PARALLEL_ROWS {
            f.par_chunks_mut(TASK_ROWS).enumerate().for_each(|(c, f)| {
                for (i, f) in (c * TASK_ROWS..).zip(f) {
                    *f += value(grown.tree.leaf_of_gathered(&self.gathered, i), i);
                }
            });
        } else {
            // Where the rows of the tree are is known from growing it.
            for (leaf, place) in grown.leaves.iter().enumerate() {
                for row in &grown.rows[place.rows.clone()] {
                    f[*row as usize] += value(leaf, *row as usize);
                }
            }
            for row in &self.outside {
                let i = *row as usize;
                f[i] += value(grown.tree.leaf_of_gathered(&self.gathered, i), i);
            }
        }
        self.f = f;
    }

    fn unscaled(&self, grown: Grown, leaves: &[ScaledLeaf]) -> Tree {
        let places = grown.leaves.iter().zip(leaves);
        let leaves: Vec<Leaf> =
            places.map(|(place, leaf)| leaf.unscaled(place, &self.scaled_columns(&place.path))).collect();
        Tree { leaves, ..grown.tree }
    }
}

fn constant_leaf(scale: FixedPoint, total: Pair, l2: f64, rate: f64) -> ScaledLeaf {
    let curvature = scale.curvature(total) + l2;
    // Without a penalty the curvature can be zero, where every probability has run to 0 or 1.
    let constant = if curvature > 0.0 { -scale.gradient(total) / curvature * rate } else { 0.0 };
    ScaledLeaf { constant, slopes: Vec::new() }
}

/// The mean that a score stands for.
pub fn mean_of_score(family: Family, score: f64) -> f64 {
    match family {
        Family::Gaussian => score,
        Family::Bernoulli => logistic(score),
    }
}
