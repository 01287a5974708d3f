//! Covariate balance before and after weighting.
//!
//! For one term x, with T the arm, s the observation weights and b the balancing weights of the estimand:
//!
//! ```text
//! before: w = s            after: w = s·b
//! SMD = (m₁ − m₀) / √((v₁ + v₀)/2)      m weighted means of the arms under w
//! VR  = v₁(w) / v₀(w)                   weighted variances
//! KS  = max |F₁(x) − F₀(x)|             weighted distribution functions, over the distinct x
//! ```
//!
//! The denominator of the SMD is the same before and after: v₁ and v₀ are the variances of the arms *without* the
//! balancing weights (n − 1; with observation weights their reliability version), so that a smaller SMD always means a
//! smaller difference in means (Stuart 2010, doi:10.1214/09-STS313). The variances are the unbiased ones for
//! reliability weights, see [`crate::numerics::weighted_moments`].
//!
//! A term that is constant within each arm but differs between them has a pooled standard deviation of zero although
//! it could not be less balanced. Its SMD is then taken in standard deviations of both arms together, which is about 2
//! or more: it can never look balanced. A term that is constant over all units has no SMD: there is nothing to balance.

use crate::arm::Arm;
use crate::numerics::weighted_moments::{is_constant, ks_distance, mean, variance};
use crate::sample::Covariates;
use ndarray::Array1;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub use second_moments::{SecondMoment, second_moments};

mod second_moments;

/// Balance of one term. SMDs use the pooled standard deviation of the *unweighted* arms (n − 1), before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BalanceRow {
    /// Term name.
    pub term: String,
    /// The confounder it belongs to, as the plan names it.
    pub confounder: String,
    /// True if that confounder has priority.
    pub priority: bool,
    /// Means by arm, unweighted.
    pub mean_treated_before: f64,
    /// Unweighted mean of the controls.
    pub mean_control_before: f64,
    /// Weighted mean of the treated.
    pub mean_treated_after: f64,
    /// Weighted mean of the controls.
    pub mean_control_after: f64,
    /// Standardised mean difference, unweighted. `None` if the term has one value among all units.
    pub smd_before: Option<f64>,
    /// Standardised mean difference, weighted.
    pub smd_after: Option<f64>,
    /// Variance ratio treated/control, unweighted; `None` where a variance is zero.
    pub variance_ratio_before: Option<f64>,
    /// Variance ratio, weighted.
    pub variance_ratio_after: Option<f64>,
    /// Kolmogorov–Smirnov distance, unweighted.
    pub ks_before: f64,
    /// Kolmogorov–Smirnov distance, weighted.
    pub ks_after: f64,
}

/// Balance of every term.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BalanceTable {
    /// One row per term, in design order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<BalanceRow>,
    /// Largest |SMD| among the priority confounders, unweighted.
    pub max_priority_before: Option<f64>,
    /// Largest |SMD| among the priority confounders, weighted.
    pub max_priority_after: Option<f64>,
    /// The priority term with the largest weighted |SMD|.
    pub worst_priority: Option<String>,
    /// Largest |SMD| over all terms, unweighted.
    pub max_all_before: Option<f64>,
    /// Largest |SMD| over all terms, weighted.
    pub max_all_after: Option<f64>,
    /// The term with the largest weighted |SMD|.
    pub worst_all: Option<String>,
    /// Squares and products of the priority confounders, whether or not the propensity model has them. Those beyond chance
    /// count among the priority confounders in `max_priority_after`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub second_moments: Vec<SecondMoment>,
}

impl BalanceTable {
    /// The table with squares and products of its priority terms, which are judged like them where they are beyond chance.
    #[must_use]
    pub fn with_second_moments(mut self, second_moments: Vec<SecondMoment>) -> Self {
        for moment in second_moments.iter().filter(|moment| moment.beyond_chance) {
            let after = moment.smd_after.map(f64::abs);
            if after > self.max_priority_after {
                (self.max_priority_after, self.worst_priority) = (after, Some(moment.name()));
            }
            let before = moment.smd_before.map(f64::abs);
            if before > self.max_priority_before {
                self.max_priority_before = before;
            }
        }
        Self { second_moments, ..self }
    }

    /// The standardised mean difference before weighting of the term, square or product that is the worst of the priority ones.
    #[must_use]
    pub fn worst_priority_before(&self) -> Option<f64> {
        let worst = self.worst_priority.as_deref()?;
        let row = self.rows.iter().find(|row| row.term == worst).map(|row| row.smd_before);
        let moment =
            || self.second_moments.iter().find(|moment| moment.name() == worst).map(|moment| moment.smd_before);
        row.or_else(moment)?
    }
}

/// One column on which balance is judged. The columns need not be those of the propensity model: build a
/// [`Covariates`] from the confounders' own terms and the design terms, and point at its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalanceTerm {
    /// Column of [`Covariates::x`], counting from 0. Its name is the row's `term`.
    pub column: usize,
    /// The confounder it stands for, as the plan names it.
    pub confounder: String,
    /// True if that confounder has priority.
    pub priority: bool,
}

impl BalanceTerm {
    /// The term called `name` among the columns of `cov`; `None` if there is none of that name.
    #[must_use]
    pub fn named(cov: &Covariates, name: &str, confounder: &str, priority: bool) -> Option<Self> {
        let column = cov.names().iter().position(|n| n == name)?;
        Some(Self { column, confounder: confounder.to_owned(), priority })
    }

    /// Every column of `cov` as its own confounder, none of them with priority.
    #[must_use]
    pub fn all(cov: &Covariates) -> Vec<Self> {
        let term = |(column, name): (usize, &String)| Self { column, confounder: name.clone(), priority: false };
        cov.names().iter().enumerate().map(term).collect()
    }
}

/// Why balance could not be measured.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BalanceError {
    /// The weights are not n numbers.
    #[error("there are {got} balancing weights for {expected} units; give one weight per unit")]
    Length {
        /// Weights given.
        got: usize,
        /// Units.
        expected: usize,
    },
    /// A weight that is negative or not finite.
    #[error("the balancing weight in row {row} (counting from 1) is {value}; weights must be finite and not negative")]
    Weight {
        /// 1-based row among the analysed rows.
        row: usize,
        /// The value.
        value: f64,
    },
    /// An arm whose weights are all zero.
    #[error("all weights of the {arm} arm are zero, so it has no weighted mean to compare")]
    NoWeight {
        /// The arm.
        arm: Arm,
    },
    /// A term that points at no column.
    #[error("the balance term of `{confounder}` is column {column}, but there are only {columns} columns")]
    Column {
        /// The confounder.
        confounder: String,
        /// The 0-based column asked for.
        column: usize,
        /// Columns there are.
        columns: usize,
    },
}

/// Balance of `terms` in `cov` under the balancing weights `weights` (n values, *without* observation weights; those of
/// `cov` multiply both the comparison before and the one after).
///
/// # Errors
/// Weights of the wrong length, negative or not finite; an arm without any weight; a term without a column.
pub fn balance(cov: &Covariates, weights: &Array1<f64>, terms: &[BalanceTerm]) -> Result<BalanceTable, BalanceError> {
    let arms = Arms::new(cov, weights)?;
    let rows = terms.par_iter().map(|term| arms.row(cov, term)).collect::<Result<Vec<_>, _>>()?;
    Ok(summarise(rows))
}

/// The units of both arms, with their weights before and after balancing.
struct Arms {
    treated: ArmUnits,
    control: ArmUnits,
}

/// The units of one arm, in row order.
struct ArmUnits {
    arm: Arm,
    units: Vec<usize>,
    before: Vec<f64>,
    after: Vec<f64>,
}

/// Moments of one term in one arm.
struct ArmMoments {
    mean_before: f64,
    mean_after: f64,
    variance_before: Option<f64>,
    variance_after: Option<f64>,
}

impl ArmUnits {
    fn new(cov: &Covariates, weights: &Array1<f64>, arm: Arm) -> Self {
        let mut all = Self { arm, units: Vec::new(), before: Vec::new(), after: Vec::new() };
        for (i, (t, b)) in cov.treatment().iter().zip(weights).enumerate() {
            if *t == arm {
                // Observation weights count before and after: they say who the population is, not how it was balanced.
                let s = cov.weights().and_then(|s| s.get(i)).copied().unwrap_or(1.0);
                all.units.push(i);
                all.before.push(s);
                all.after.push(s * b);
            }
        }
        all
    }

    fn moments(&self, x: &[f64]) -> Result<ArmMoments, BalanceError> {
        let no_weight = || BalanceError::NoWeight { arm: self.arm };
        Ok(ArmMoments {
            mean_before: mean(x, &self.before).ok_or_else(no_weight)?,
            mean_after: mean(x, &self.after).ok_or_else(no_weight)?,
            // n − 1 for equal weights; after weighting it serves the variance ratio only.
            variance_before: variance(x, &self.before),
            variance_after: variance(x, &self.after),
        })
    }
}

impl Arms {
    fn new(cov: &Covariates, weights: &Array1<f64>) -> Result<Self, BalanceError> {
        if weights.len() != cov.n() {
            return Err(BalanceError::Length { got: weights.len(), expected: cov.n() });
        }
        if let Some((row, value)) = weights.iter().enumerate().find(|(_, w)| !w.is_finite() || **w < 0.0) {
            return Err(BalanceError::Weight { row: row + 1, value: *value });
        }
        Ok(Self {
            treated: ArmUnits::new(cov, weights, Arm::Treated),
            control: ArmUnits::new(cov, weights, Arm::Control),
        })
    }

    fn row(&self, cov: &Covariates, term: &BalanceTerm) -> Result<BalanceRow, BalanceError> {
        let (column, columns) = (term.column, cov.p());
        let missing = || BalanceError::Column { confounder: term.confounder.clone(), column, columns };
        let name = cov.names().get(column).ok_or_else(missing)?;
        let x = cov.x().column(column);
        let values = |arm: &ArmUnits| arm.units.iter().filter_map(|i| x.get(*i).copied()).collect::<Vec<f64>>();
        let (x1, x0) = (values(&self.treated), values(&self.control));
        let (m1, m0) = (self.treated.moments(&x1)?, self.control.moments(&x0)?);
        // One denominator for both comparisons, from the arms before weighting.
        let scale = self.standard_deviation(&x1, &x0, &m1, &m0);
        let (ks_before, ks_after) = self.ks(&x1, &x0)?;
        Ok(BalanceRow {
            term: name.clone(),
            confounder: term.confounder.clone(),
            priority: term.priority,
            mean_treated_before: m1.mean_before,
            mean_control_before: m0.mean_before,
            mean_treated_after: m1.mean_after,
            mean_control_after: m0.mean_after,
            smd_before: scale.map(|sd| without_noise((m1.mean_before - m0.mean_before) / sd)),
            smd_after: scale.map(|sd| without_noise((m1.mean_after - m0.mean_after) / sd)),
            variance_ratio_before: ratio(m1.variance_before, m0.variance_before),
            variance_ratio_after: ratio(m1.variance_after, m0.variance_after),
            ks_before: without_noise(ks_before),
            ks_after: without_noise(ks_after),
        })
    }

    /// √((v₁ + v₀)/2); where that is zero or an arm has a single unit, the standard deviation of all units together.
    fn standard_deviation(&self, x1: &[f64], x0: &[f64], m1: &ArmMoments, m0: &ArmMoments) -> Option<f64> {
        // Both arms together, for the case that their own spread is zero.
        let (x, w) = ([x1, x0].concat(), [self.treated.before.as_slice(), self.control.before.as_slice()].concat());
        if is_constant(&x, &w) {
            return None;
        }
        let pooled = m1.variance_before.zip(m0.variance_before).map(|(v1, v0)| ((v1 + v0) / 2.0).sqrt());
        pooled.filter(|sd| *sd > 0.0).or_else(|| variance(&x, &w).map(f64::sqrt)).filter(|sd| *sd > 0.0)
    }

    fn ks(&self, x1: &[f64], x0: &[f64]) -> Result<(f64, f64), BalanceError> {
        // Stable order on ties: treated before controls, then row order, so that sums are the same bytes every time.
        let mut order: Vec<(f64, usize)> = x1.iter().chain(x0).copied().zip(0..).collect();
        // The index makes every key another, so the sort need not be stable.
        order.par_sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let distance = |treated: &[f64], control: &[f64]| {
            let unit = |&(x, k): &(f64, usize)| match treated.get(k) {
                Some(w) => (x, *w, 0.0),
                None => (x, 0.0, control.get(k - treated.len()).copied().unwrap_or(0.0)),
            };
            // Means came first and found weight in both arms, so neither is without it here.
            ks_distance(&order.iter().map(unit).collect::<Vec<_>>()).ok_or(BalanceError::NoWeight { arm: Arm::Treated })
        };
        let before = distance(&self.treated.before, &self.control.before)?;
        Ok((before, distance(&self.treated.after, &self.control.after)?))
    }
}

fn ratio(treated: Option<f64>, control: Option<f64>) -> Option<f64> {
    treated.zip(control).filter(|(v1, v0)| *v1 > 0.0 && *v0 > 0.0).map(|(v1, v0)| v1 / v0)
}

fn summarise(rows: Vec<BalanceRow>) -> BalanceTable {
    let largest = |priority_only: bool, smd: fn(&BalanceRow) -> Option<f64>| {
        let asked = rows.iter().filter(|r| r.priority || !priority_only);
        let mut worst: Option<(f64, String)> = None;
        for (size, row) in asked.filter_map(|r| smd(r).map(|s| (s.abs(), r))) {
            // The first of equals is named.
            if worst.as_ref().is_none_or(|(w, _)| size > *w) {
                worst = Some((size, row.term.clone()));
            }
        }
        worst.unzip()
    };
    let (max_priority_before, _) = largest(true, |r| r.smd_before);
    let (max_priority_after, worst_priority) = largest(true, |r| r.smd_after);
    let (max_all_before, _) = largest(false, |r| r.smd_before);
    let (max_all_after, worst_all) = largest(false, |r| r.smd_after);
    BalanceTable {
        rows,
        max_priority_before,
        max_priority_after,
        worst_priority,
        max_all_before,
        max_all_after,
        worst_all,
        second_moments: Vec::new(),
    }
}

/// Overlap weights of a logistic propensity balance every mean exactly, up to the rounding of the sums: about √n machine
/// epsilons, 1e-13 at n = 10⁶, times the mean in standard deviations. This is a thousand times that, and a billionth of the
/// smallest difference that any rule looks at.
const ROUNDING: f64 = 1e-10;

/// A difference, or zero where it is only the rounding of two sums: its digits would say nothing about the data.
fn without_noise(difference: f64) -> f64 {
    if difference.abs() < ROUNDING { 0.0 } else { difference }
}

#[cfg(test)]
mod tests;
