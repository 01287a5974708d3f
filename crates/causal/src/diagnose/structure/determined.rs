//! A covariate that says what the outcome is: the outcome itself under another name, in other units, rounded, ranked, cut
//! into classes; or several that add up to it.
//!
//! ```text
//! R²(y | x) = the largest of   Pearson², Spearman²,   1 − Σ(y₍ᵢ₊₁₎ − y₍ᵢ₎)² / (2(n−1) Var y)  with y in the order of x,
//!                              the same of the ranks of y, the share between levels of a category
//! R²(y | all) = 1 − residual variance / variance of the least-squares fit on all terms, degrees of freedom counted
//! ```
//!
//! The third is von Neumann's ratio (1941, doi:10.1214/aoms/1177731677): near zero noise around *any* continuous function of
//! x; of ranks (Bartels 1982, doi:10.1080/01621459.1982.10477764) it is so whatever a few large outcomes do, and where a
//! function breaks, as log(y) does if it is 0 where y is. A covariate whose values cut the outcome into bands that do not overlap, as a class made from it does, is reported as
//! well.
//!
//! The lines: 0.99 for one column and 0.9999 for all of them. A lagged outcome, however strong (R² of 0.9 to 0.98), stays
//! below the first also by its sampling error at n = 100; designs with a strong signal in many columns (Kang & Schafer 2007
//! have 0.9992) below the second. Nothing here depends on the treatment, so it may be said while effects are hidden.

use crate::diagnose::structure::one_arm::Values;
use crate::numerics::design_matrix::DesignMatrix;
use crate::numerics::standardise::Standardisation;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// R² of the outcome on one column from which on the column is taken for the outcome.
pub const ONE_COLUMN: f64 = 0.99;
/// R² of the outcome on all columns from which on nothing is left to explain.
pub const ALL_COLUMNS: f64 = 0.9999;
/// Fewer units than this say nothing about an R².
pub const FEWEST: usize = 30;
/// Units looked at; a fault of this kind is there in any part of the data.
const LOOKED_AT: usize = 20_000;
/// Fewest units on either side of a cut that is reported.
const SIDE: usize = 10;

/// In which way a covariate gives the outcome away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// A straight line: a copy, other units, rounding.
    Linear,
    /// The same order.
    Monotone,
    /// Some other curve.
    Curve,
    /// Levels with hardly any spread within.
    Levels,
    /// Classes of the outcome: their ranges do not overlap.
    Bands,
}

/// A covariate that determines the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Determined {
    /// How.
    pub relation: Relation,
    /// R² of the outcome on it.
    pub r_squared: f64,
}

/// The units of n that are looked at, evenly spread; all of them up to 20,000.
#[must_use]
pub fn looked_at(n: usize) -> Vec<usize> {
    (0..n).step_by(n.div_ceil(LOOKED_AT).max(1)).collect()
}

/// Whether one covariate determines the outcome `y`; both have n values.
#[must_use]
pub fn by_column(values: Values<'_>, y: &[f64]) -> Option<Determined> {
    let rows = looked_at(y.len());
    match values {
        Values::Codes { codes, levels } => by_levels(&rows, codes, levels, y),
        Values::Numbers(x) => {
            let rows: Vec<usize> = rows.into_iter().filter(|i| x[*i].is_finite()).collect();
            by_numbers(&rows, x, y)
        }
    }
}

fn by_levels(rows: &[usize], codes: &[u32], levels: usize, y: &[f64]) -> Option<Determined> {
    let mut sums = vec![(0.0, 0.0); levels + 1];
    for i in rows {
        let (n, sum) = &mut sums[(codes[*i] as usize).min(levels)];
        *n += 1.0;
        *sum += y[*i];
    }
    let used = sums.iter().filter(|(n, _)| *n > 0.0).count();
    let n = rows.len();
    // Levels that are nearly as many as the units explain anything.
    if n < FEWEST || n < 5 * used || used < 2 {
        return None;
    }
    let mean = |i: usize| {
        let (n, sum) = sums[(codes[i] as usize).min(levels)];
        sum / n
    };
    let within: f64 = rows.iter().map(|i| (y[*i] - mean(*i)).powi(2)).sum::<f64>() / (n - used) as f64;
    let r_squared = 1.0 - within / variance(rows.iter().map(|i| y[*i]))?;
    if r_squared >= ONE_COLUMN {
        return Some(Determined { relation: Relation::Levels, r_squared });
    }
    // Classes of the outcome, in the order of their means.
    let (means, ys): (Vec<f64>, Vec<f64>) = rows.iter().map(|i| (mean(*i), y[*i])).unzip();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| means[*a].total_cmp(&means[*b]));
    bands(&order, &means, &ys)
}

fn by_numbers(rows: &[usize], x: &[f64], y: &[f64]) -> Option<Determined> {
    let n = rows.len();
    if n < FEWEST {
        return None;
    }
    let (xs, ys): (Vec<f64>, Vec<f64>) = rows.iter().map(|i| (x[*i], y[*i])).unzip();
    variance(xs.iter().copied())?;
    let total = variance(ys.iter().copied())?;
    let mut found = vec![(Relation::Linear, correlation(&xs, &ys).powi(2))];
    found.push((Relation::Monotone, correlation(&ranks(&xs), &ranks(&ys)).powi(2)));
    let mut order: Vec<usize> = (0..n).collect();
    // Ties in an order of their own: that of the file may be the outcome's.
    order.sort_by(|a, b| xs[*a].total_cmp(&xs[*b]).then_with(|| scattered(*a).cmp(&scattered(*b))));
    found.push((Relation::Curve, smoothness(&order, &ys, total)));
    let rank = ranks(&ys);
    let spread = variance(rank.iter().copied())?;
    found.push((Relation::Curve, smoothness(&order, &rank, spread)));
    let best = found.into_iter().find(|(_, r_squared)| *r_squared >= ONE_COLUMN);
    let best = best.map(|(relation, r_squared)| Determined { relation, r_squared: r_squared.min(1.0) });
    let mut by_outcome: Vec<usize> = (0..n).collect();
    by_outcome.sort_by(|a, b| ys[*a].total_cmp(&ys[*b]));
    // Of a binary outcome the classes are its own.
    best.or_else(|| bands(&order, &xs, &ys)).or_else(|| bands(&by_outcome, &ys, &xs))
}

/// A number that has nothing to do with the order of the rows, and is the same every time (Fibonacci hashing).
fn scattered(row: usize) -> u64 {
    (row as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// One less von Neumann's ratio of `ys`, with variance `total`, in the given order.
fn smoothness(order: &[usize], ys: &[f64], total: f64) -> f64 {
    let steps: f64 = order.windows(2).map(|pair| (ys[pair[1]] - ys[pair[0]]).powi(2)).sum();
    1.0 - steps / (2.0 * (order.len() - 1) as f64 * total)
}

/// Groups of equal `xs`, in order, whose ranges of `ys` follow one another without overlap, with enough units beside the largest.
fn bands(order: &[usize], xs: &[f64], ys: &[f64]) -> Option<Determined> {
    let groups: Vec<&[usize]> = order.chunk_by(|a, b| xs[*a] == xs[*b]).collect();
    let largest = groups.iter().map(|group| group.len()).max()?;
    if groups.len() < 2 || largest < SIDE || order.len() - largest < SIDE {
        return None;
    }
    let range = |group: &&[usize]| {
        let ends = |(low, high): (f64, f64), i: &usize| (low.min(ys[*i]), high.max(ys[*i]));
        group.iter().fold((f64::INFINITY, f64::NEG_INFINITY), ends)
    };
    let ranges: Vec<(f64, f64)> = groups.iter().map(range).collect();
    let rising = ranges.windows(2).all(|pair| pair[0].1 < pair[1].0);
    let falling = ranges.windows(2).all(|pair| pair[0].0 > pair[1].1);
    let r_squared = correlation(&ranks(xs), &ranks(ys)).powi(2);
    (rising || falling).then_some(Determined { relation: Relation::Bands, r_squared })
}

fn variance(values: impl Iterator<Item = f64> + Clone) -> Option<f64> {
    let n = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / n;
    let variance = values.map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (variance > 0.0 && variance.is_finite()).then_some(variance)
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len() as f64;
    let (ma, mb) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
    let (mut saa, mut sbb, mut sab) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        saa += (a - ma).powi(2);
        sbb += (b - mb).powi(2);
        sab += (a - ma) * (b - mb);
    }
    let r = sab / (saa.sqrt() * sbb.sqrt());
    if r.is_finite() { r } else { 0.0 }
}

/// Ranks, ties at their mean.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    for group in order.chunk_by(|a, b| values[*a] == values[*b]) {
        let middle = first as f64 + 0.5 * (group.len() as f64 - 1.0);
        group.iter().for_each(|i| ranks[*i] = middle);
        first += group.len();
    }
    ranks
}

/// R² of `y` on an intercept and the columns of `x` (n × p), corrected for their number; `None` where it cannot be had: too
/// few rows, or an outcome that does not vary.
#[must_use]
pub fn by_all(x: &Array2<f64>, y: &[f64]) -> Option<f64> {
    let rows = looked_at(y.len());
    let (n, names): (usize, Vec<String>) = (rows.len(), (0..x.ncols()).map(|j| j.to_string()).collect());
    if n < FEWEST || n < 3 * (x.ncols() + 1) || x.ncols() == 0 {
        return None;
    }
    let x = x.select(ndarray::Axis(0), &rows);
    let ys: Vec<f64> = rows.iter().map(|i| y[*i]).collect();
    let total = variance(ys.iter().copied())?;
    let ones = vec![1.0; n];
    let standardisation = Standardisation::fit(&x, &names, None);
    let design = DesignMatrix::new(&x, &standardisation);
    let solution = crate::learners::linear::solve(&design, &ys, &ones).ok()?;
    let fitted = design.mul(&solution.gamma);
    let left = ys.iter().zip(&fitted).map(|(y, fit)| (y - fit).powi(2)).sum::<f64>() / (n - design.k()) as f64;
    Some(1.0 - left / total)
}

#[cfg(test)]
mod tests;
