//! Logged decisions: what an agent did, with what chance, and what came of it. The parts that policies and steps share.
//!
//! # Means and their errors
//!
//! A decision i = 1 … n belongs to a unit g(i), of which there are G; units are independent, decisions of a unit need not be. A
//! mean of scores ψᵢ over decisions, and a vector of moments mᵢ whose mean should be 0, are judged by sums over units:
//!
//! ```text
//! ψ̄ = Σψᵢ/n      se² = G/(G − 1) · Σ_g (Σ_{i∈g} (ψᵢ − ψ̄))² / n²      t with G − 1 degrees of freedom
//! s_g = Σ_{i∈g} mᵢ      S = cov(s_g)      T² = G s̄ᵀS⁻¹s̄      (G − K)/(K(G − 1)) T² ~ F(K, G − K)      (Hotelling)
//! ```
//!
//! # Outcome means
//!
//! q_c(x), the mean reward of the decisions of a cell c (an action, or a setting of steps) given covariates, is linear and is
//! fitted on the other folds, whole units at a time. With x scaled to mean 0 and standard deviation 1 over all decisions, over the rows of the
//! cell in those folds
//!
//! ```text
//! q_c(x) = r̄_c + (x − x̄_c)ᵀ (Σ(x − x̄_c)(x − x̄_c)ᵀ + I)⁻¹ Σ(x − x̄_c)(r − r̄_c)
//! ```
//!
//! The penalty of one keeps small cells defined. Chances are known, so that any q gives an unbiased value: what a poor fit costs
//! is width, not truth.
//!
//! # References
//!
//! Liang & Zeger 1986, doi:10.1093/biomet/73.1.13 (sums over units). Hotelling 1931, doi:10.1214/aoms/1177732979. Chernozhukov
//! et al. 2018, doi:10.1111/ectj.12097 (cross-fitting).

use crate::arm::Arm;
use crate::experiment::linear_model::Estimated;
use crate::numerics::distributions::f_upper;
use crate::numerics::folds::{self, Units};
use crate::numerics::linalg::{Cholesky, LinalgError, independent_columns};
use crate::numerics::{products, sums};
use ndarray::{Array1, Array2};

/// Folds of units for the outcome means.
pub const FOLDS: usize = 5;
/// A moment of which earlier ones leave less than this share is a combination of them.
const COMBINATION: f64 = 1e-9;

/// Why there is no value or credit.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LoggedError {
    /// No decisions, or arrays of different lengths.
    #[error("the decisions do not fit together: {what} has {found} where {expected} are needed")]
    Shape {
        /// The array.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length it should have.
        expected: usize,
    },
    /// A value that is not a finite number.
    #[error("decision {row} (counting from 1) has a {what} that is not a finite number")]
    NotFinite {
        /// 1-based decision.
        row: usize,
        /// Reward or covariate.
        what: &'static str,
    },
    /// A chance that is outside of its range.
    #[error(
        "decision {row} (counting from 1) has the chance {value}; the chance of what was done is above 0 and at most 1, that of a step below 1"
    )]
    Chance {
        /// 1-based decision.
        row: usize,
        /// The chance.
        value: f64,
    },
    /// Fewer than two units.
    #[error("the decisions are of {units} units; a standard error needs at least 2")]
    TooFewUnits {
        /// Units.
        units: usize,
    },
    /// A cell that some fold leaves without rows.
    #[error("too few units made the decisions that this compares: without those of one fold, none is left")]
    EmptyCell {
        /// The action, or the setting of steps.
        cell: usize,
    },
    /// As many moments as units, or none that varies.
    #[error("{units} units cannot carry a joint test of {moments} moments")]
    NoTest {
        /// Units.
        units: usize,
        /// Moments that are no combinations of others.
        moments: usize,
    },
    /// A system without a solution.
    #[error(transparent)]
    Linalg(#[from] LinalgError),
}

/// n decisions.
#[derive(Debug, Clone, Copy)]
pub struct Decisions<'a> {
    /// What came of each: n finite numbers.
    pub reward: &'a [f64],
    /// The unit of each, numbered from 0 without gaps.
    pub units: &'a [u32],
    /// p columns of n finite numbers, known before the action.
    pub covariates: &'a [Vec<f64>],
    /// The fold of each, from 0; decisions of a unit share one.
    pub folds: &'a [usize],
}

/// Folds of whole units, as even in decisions as units allow.
#[must_use]
pub fn unit_folds(units: &[u32], seed: u64) -> Vec<usize> {
    let labels: Array1<usize> = units.iter().map(|unit| *unit as usize).collect();
    let treatment = vec![Arm::Control; units.len()];
    folds::divide(&Units { treatment: &treatment, clusters: Some(&labels), weights: None }, FOLDS, seed, 0)
}

/// Units, which are numbered without gaps.
pub(super) fn unit_count(units: &[u32]) -> usize {
    units.iter().max().map_or(0, |unit| *unit as usize + 1)
}

impl Decisions<'_> {
    /// Decisions.
    #[must_use]
    pub fn n(&self) -> usize {
        self.reward.len()
    }

    /// Lengths, numbers and units.
    ///
    /// # Errors
    /// [`LoggedError`].
    pub(super) fn check(&self) -> Result<(), LoggedError> {
        let n = self.n();
        if n == 0 {
            return Err(LoggedError::Shape { what: "the reward", found: 0, expected: 1 });
        }
        let columns = self.covariates.iter().map(|column| ("a covariate", column.len()));
        let others = [("the units", self.units.len()), ("the folds", self.folds.len())];
        if let Some((what, found)) = others.into_iter().chain(columns).find(|(_, found)| *found != n) {
            return Err(LoggedError::Shape { what, found, expected: n });
        }
        if let Some(at) = self.reward.iter().position(|value| !value.is_finite()) {
            return Err(LoggedError::NotFinite { row: at + 1, what: "reward" });
        }
        if let Some(at) = self.covariates.iter().find_map(|column| column.iter().position(|value| !value.is_finite())) {
            return Err(LoggedError::NotFinite { row: at + 1, what: "covariate" });
        }
        match unit_count(self.units) {
            units if units < 2 => Err(LoggedError::TooFewUnits { units }),
            _ => Ok(()),
        }
    }

    /// The covariates scaled to mean 0 and standard deviation 1; a constant becomes 0.
    pub(super) fn scaled(&self) -> Vec<Vec<f64>> {
        let n = self.n() as f64;
        let one = |column: &Vec<f64>| {
            let mean = sums::sum(column.iter().copied()) / n;
            let sd = (sums::sum(column.iter().map(|x| (x - mean).powi(2))) / n).sqrt();
            // A column of one value differs from its mean by rounding only.
            let inverse = if sd > 1e-12 * mean.abs() && sd > 0.0 { 1.0 / sd } else { 0.0 };
            column.iter().map(|x| (x - mean) * inverse).collect()
        };
        self.covariates.iter().map(one).collect()
    }

    /// q_c(xᵢ) for every decision, from the rows where `in_cell`, of other folds.
    ///
    /// # Errors
    /// [`LoggedError::EmptyCell`] where a fold leaves none.
    pub(super) fn outcome_means(
        &self,
        scaled: &[Vec<f64>],
        cell: usize,
        in_cell: impl Fn(usize) -> bool,
    ) -> Result<Vec<f64>, LoggedError> {
        let mut means = vec![0.0; self.n()];
        for fold in 0..=self.folds.iter().copied().max().unwrap_or_default() {
            let rows: Vec<usize> = (0..self.n()).filter(|i| self.folds[*i] != fold && in_cell(*i)).collect();
            if rows.is_empty() {
                return Err(LoggedError::EmptyCell { cell });
            }
            let line = Line::fit(&rows, scaled, self.reward)?;
            for i in (0..self.n()).filter(|i| self.folds[*i] == fold) {
                means[i] = line.at(scaled, i);
            }
        }
        Ok(means)
    }
}

/// A line through one cell.
struct Line {
    mean: f64,
    centre: Vec<f64>,
    slopes: Array1<f64>,
}

impl Line {
    fn fit(rows: &[usize], scaled: &[Vec<f64>], reward: &[f64]) -> Result<Line, LoggedError> {
        let (n, p) = (rows.len() as f64, scaled.len());
        let average = |values: &[f64]| sums::sum(rows.iter().map(|i| values[*i])) / n;
        let (mean, centre) = (average(reward), scaled.iter().map(|column| average(column)).collect::<Vec<f64>>());
        if p == 0 {
            return Ok(Line { mean, centre, slopes: Array1::zeros(0) });
        }
        // (x − x̄, r − r̄), row by row: one product has both the sums.
        let z = Array2::from_shape_fn((rows.len(), p + 1), |(k, j)| {
            let i = rows[k];
            if j < p { scaled[j][i] - centre[j] } else { reward[i] - mean }
        });
        let sums = products::gram(&z);
        let gram = Array2::from_shape_fn((p, p), |(a, b)| sums[[a, b]] + f64::from(u8::from(a == b)));
        let cross = Array1::from_shape_fn(p, |j| sums[[p, j]]);
        Ok(Line { mean, centre, slopes: Cholesky::new(&gram)?.solve(&cross)? })
    }

    fn at(&self, scaled: &[Vec<f64>], i: usize) -> f64 {
        let off = scaled.iter().zip(&self.centre).zip(&self.slopes).map(|((x, centre), slope)| (x[i] - centre) * slope);
        self.mean + sums::sum(off)
    }
}

/// The sum of a score over each unit.
fn unit_sums(scores: &[f64], units: &[u32]) -> Vec<f64> {
    let mut totals = vec![0.0; unit_count(units)];
    scores.iter().zip(units).for_each(|(score, unit)| totals[*unit as usize] += score);
    totals
}

/// (Σ_g W_g)²/Σ_g W_g² with W_g the weights of a unit: as many units of equal weight say as much. 0 if every weight is 0.
pub(super) fn effective_units(weights: &[f64], units: &[u32]) -> f64 {
    sums::kish(unit_sums(weights, units).iter().copied())
}

/// The mean of scores over decisions with the standard error by units.
#[must_use]
pub fn unit_mean(scores: &[f64], units: &[u32]) -> Estimated {
    let (n, g) = (scores.len() as f64, unit_count(units) as f64);
    let mean = sums::sum(scores.iter().copied()) / n;
    let off: Vec<f64> = scores.iter().map(|score| score - mean).collect();
    let square = sums::sum(unit_sums(&off, units).into_iter().map(|sum| sum * sum));
    Estimated { estimate: mean, std_error: (g / (g - 1.0) * square).sqrt() / n, df: g - 1.0 }
}

/// A joint test that the means of K moments are 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MomentTest {
    /// (G − K)/(K(G − 1)) T².
    pub statistic: f64,
    /// K, the moments that are no combinations of others.
    pub moments: usize,
    /// G − K.
    pub df: f64,
    /// P(F > statistic).
    pub p_value: f64,
}

impl MomentTest {
    /// Of moments that are columns of n numbers.
    ///
    /// # Errors
    /// [`LoggedError::NoTest`] where no moment varies, or the units are too few.
    pub fn new(moments: &[Vec<f64>], units: &[u32]) -> Result<MomentTest, LoggedError> {
        let g = unit_count(units);
        let totals: Vec<Vec<f64>> = moments.iter().map(|column| unit_sums(column, units)).collect();
        let mean: Vec<f64> = totals.iter().map(|column| sums::sum(column.iter().copied()) / g as f64).collect();
        let off = Array2::from_shape_fn((g, moments.len()), |(unit, k)| totals[k][unit] - mean[k]);
        let squares = products::gram(&off);
        let kept = independent_columns(squares.view(), COMBINATION);
        let k = kept.len();
        if k == 0 || k >= g {
            return Err(LoggedError::NoTest { units: g, moments: k });
        }
        let (count, moments_of) = (g as f64, k as f64);
        let symmetric = |a: usize, b: usize| squares[[a.max(b), a.min(b)]] / (count - 1.0);
        let covariance = Array2::from_shape_fn((k, k), |(a, b)| symmetric(kept[a], kept[b]));
        let centre: Array1<f64> = kept.iter().map(|at| mean[*at]).collect();
        let solved = Cholesky::new(&covariance)?.solve(&centre)?;
        let square = count * sums::sum(centre.iter().zip(&solved).map(|(a, b)| a * b));
        let df = count - moments_of;
        let statistic = square * df / (moments_of * (count - 1.0));
        let p_value = f_upper(statistic, moments_of, df).ok_or(LoggedError::NoTest { units: g, moments: k })?;
        Ok(MomentTest { statistic, moments: k, df, p_value })
    }
}

/// 1 and the scaled covariates times a residual of chance: the moments that show whether chances describe the log.
pub(super) fn with_covariates(residual: &[f64], scaled: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let by = |column: &Vec<f64>| residual.iter().zip(column).map(|(d, x)| d * x).collect();
    std::iter::once(residual.to_vec()).chain(scaled.iter().map(by)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_of_units_of_one_decision_is_the_textbook_one() {
        let found = unit_mean(&[1.0, 2.0, 4.0, 9.0], &[0, 1, 2, 3]);
        // Mean 4, variance 38/3, over 4.
        assert!((found.estimate - 4.0).abs() < 1e-15 && (found.std_error - (38.0 / 12.0_f64).sqrt()).abs() < 1e-14);
        assert_eq!(found.df, 3.0);
    }

    #[test]
    fn one_moment_is_the_square_of_t() {
        let (values, units) = ([1.0, -0.5, 2.0, 0.25, 1.5, -1.0], [0, 0, 1, 2, 3, 4]);
        let (mean, test) = (unit_mean(&values, &units), MomentTest::new(&[values.to_vec()], &units).unwrap());
        // The mean is of decisions; the sums over units have their own centre, which is where the two differ.
        let sums = [0.5, 2.0, 0.25, 1.5, -1.0];
        let plain = unit_mean(&sums, &[0, 1, 2, 3, 4]);
        assert!((test.statistic - (plain.estimate / plain.std_error).powi(2)).abs() < 1e-12);
        assert!((test.p_value - plain.p_value()).abs() < 1e-10 && mean.df == 4.0);
        // A moment twice is one moment.
        let twice = MomentTest::new(&[values.to_vec(), values.to_vec()], &units).unwrap();
        assert_eq!((twice.moments, twice.p_value), (1, test.p_value));
        assert!(matches!(MomentTest::new(&[vec![0.0; 6]], &units), Err(LoggedError::NoTest { moments: 0, .. })));
    }
}
