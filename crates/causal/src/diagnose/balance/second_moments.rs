//! Balance of squares and products of the covariates, whether or not a model of the propensity has them.
//!
//! For two terms x and z (x = z for a square), with T the arm, s the observation weights and w = s·b those after balancing:
//!
//! ```text
//! v   = (x − x̄)(z − z̄)              x̄, z̄: means of all units under s
//! SMD = (m₁ − m₀) / √((v₁ + v₀)/2)    m means of v in the arms, v₁, v₀ its unweighted variances
//! beyond chance if |SMD| > z* √(1/n₁ + 1/n₀),   nₐ = (Σw)²/Σw²,   z* = Φ⁻¹(1 − 0.005/K)
//! ```
//!
//! K is the number of squares and products looked at, so that with weights that balance everything at most one table in a
//! hundred has one beyond chance. About the means, because far from zero a square is its term again and would hide behind it.
//!
//! Assumption of the line: the weighted mean of v in an arm varies as that of nₐ independent units. A model that was fitted to
//! the same units makes it vary less, so the line is on the safe side.
//!
//! Two designs of one analysis can be compared only on the same terms: a propensity model that gains a square must not look
//! worse because the square is looked at now. Reference: Austin (2009), doi:10.1002/sim.3697, section 3.

use super::{ArmUnits, Arms, BalanceError, BalanceTerm, without_noise};
use crate::numerics::distributions::normal_quantile;
use crate::numerics::sums::kish;
use crate::numerics::weighted_moments::mean;
use crate::sample::Covariates;
use ndarray::Array1;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// The chance that weights which balance everything leave a square or product beyond its line.
const FALSE_ALARMS: f64 = 0.01;

/// Balance of the square of a term, or of the product of two, about their means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SecondMoment {
    /// A term.
    pub first: String,
    /// The same term for a square, another for a product.
    pub second: String,
    /// Standardised mean difference, unweighted. `None` if it has one value among all units.
    pub smd_before: Option<f64>,
    /// Standardised mean difference, weighted.
    pub smd_after: Option<f64>,
    /// True if the weighted difference is more than chance explains at the effective sample sizes of the arms.
    pub beyond_chance: bool,
}

impl SecondMoment {
    /// Its name in words that a reader finds in the data.
    #[must_use]
    pub fn name(&self) -> String {
        if self.first == self.second {
            format!("{}^2 about its mean", self.first)
        } else {
            format!("{} * {} about their means", self.first, self.second)
        }
    }
}

/// Balance of the products `pairs` of `terms` (two indices into it; equal ones for a square) under the balancing weights
/// `weights` (n values, without observation weights).
///
/// # Errors
/// As [`balance`](super::balance); a pair that points at no term.
pub fn second_moments(
    cov: &Covariates,
    weights: &Array1<f64>,
    terms: &[BalanceTerm],
    pairs: &[[usize; 2]],
) -> Result<Vec<SecondMoment>, BalanceError> {
    let arms = Arms::new(cov, weights)?;
    let line = chance_line(&arms, pairs.len());
    pairs.par_iter().map(|pair| arms.second_moment(cov, pair.map(|term| terms.get(term)), line)).collect()
}

/// z* √(1/n₁ + 1/n₀); infinite where an arm has no weight.
fn chance_line(arms: &Arms, looked_at: usize) -> f64 {
    let z = normal_quantile(1.0 - FALSE_ALARMS / 2.0 / looked_at.max(1) as f64).unwrap_or(f64::INFINITY);
    let size = |arm: &ArmUnits| kish(arm.after.iter().copied());
    z * (1.0 / size(&arms.treated) + 1.0 / size(&arms.control)).sqrt()
}

impl Arms {
    fn second_moment(
        &self,
        cov: &Covariates,
        pair: [Option<&BalanceTerm>; 2],
        line: f64,
    ) -> Result<SecondMoment, BalanceError> {
        let columns = cov.p();
        let named = |term: Option<&BalanceTerm>| {
            let column = term.map_or(columns, |term| term.column);
            let confounder = term.map(|term| term.confounder.clone()).unwrap_or_default();
            let name = cov.names().get(column).cloned();
            name.map(|name| (column, name)).ok_or(BalanceError::Column { confounder, column, columns })
        };
        let [first, second] = pair;
        let ((a, first), (b, second)) = (named(first)?, named(second)?);
        let (x1, x0) = self.products(cov, [a, b])?;
        let (m1, m0) = (self.treated.moments(&x1)?, self.control.moments(&x0)?);
        let scale = self.standard_deviation(&x1, &x0, &m1, &m0);
        let smd_after = scale.map(|sd| without_noise((m1.mean_after - m0.mean_after) / sd));
        Ok(SecondMoment {
            first,
            second,
            smd_before: scale.map(|sd| without_noise((m1.mean_before - m0.mean_before) / sd)),
            smd_after,
            beyond_chance: smd_after.is_some_and(|smd| smd.abs() > line),
        })
    }

    /// (x − x̄)(z − z̄) among the treated and among the controls.
    fn products(&self, cov: &Covariates, columns: [usize; 2]) -> Result<(Vec<f64>, Vec<f64>), BalanceError> {
        let [a, b] = columns.map(|column| self.about_the_mean(cov, column));
        let ((a1, a0), (b1, b0)) = (a?, b?);
        let times = |x: Vec<f64>, z: Vec<f64>| x.into_iter().zip(z).map(|(x, z)| x * z).collect();
        Ok((times(a1, b1), times(a0, b0)))
    }

    fn about_the_mean(&self, cov: &Covariates, column: usize) -> Result<(Vec<f64>, Vec<f64>), BalanceError> {
        let x = cov.x().column(column);
        let values = |arm: &ArmUnits| arm.units.iter().filter_map(|i| x.get(*i).copied()).collect::<Vec<f64>>();
        let (x1, x0) = (values(&self.treated), values(&self.control));
        let (all, s) = ([x1.as_slice(), &x0].concat(), [self.treated.before.as_slice(), &self.control.before].concat());
        let centre = mean(&all, &s).ok_or(BalanceError::NoWeight { arm: self.treated.arm })?;
        let less = |values: Vec<f64>| values.into_iter().map(|x| x - centre).collect();
        Ok((less(x1), less(x0)))
    }
}

#[cfg(test)]
mod tests;
