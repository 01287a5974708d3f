//! Do effects of disjoint groups of units differ by more than chance?
//!
//! Cochran's test (1954, doi:10.2307/3001616) on K estimates τ̂ₖ of groups that share no unit, each with its own nuisances, so
//! that they are independent:
//!
//! ```text
//! τ̄ = Σ τ̂ₖ/sₖ² / Σ 1/sₖ²,    Q = Σ (τ̂ₖ − τ̄)²/sₖ² ~ χ² with K − 1 degrees of freedom where all effects are equal
//! ```
//!
//! | symbol | here | meaning |
//! |---|---|---|
//! | τ̂ₖ, sₖ | `GroupEffect` | estimate and standard error of group k, outcome units |
//! | τ̄ | `Heterogeneity::pooled` | mean weighted by precision |
//! | Q | `Heterogeneity::q` | |
//!
//! The standard errors count as known, which few units in a group make optimistic. Groups that share clusters are not independent;
//! the caller knows.

use crate::numerics::distributions::chi_squared_upper;
use crate::numerics::sums;
use serde::{Deserialize, Serialize};

/// The effect in one group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupEffect {
    /// Estimate.
    pub estimate: f64,
    /// Standard error, above zero.
    pub std_error: f64,
}

/// The test that all groups have one effect.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Heterogeneity {
    /// Groups.
    pub groups: usize,
    /// The mean of the effects, weighted by precision, outcome units.
    pub pooled: f64,
    /// Cochran's Q.
    pub q: f64,
    /// Its degrees of freedom.
    pub degrees: usize,
    /// P(χ² > Q).
    pub p_value: f64,
}

/// Cochran's test; `None` for fewer than two groups, or a standard error that is not above zero.
#[must_use]
pub fn heterogeneity(groups: &[GroupEffect]) -> Option<Heterogeneity> {
    let usable =
        |group: &GroupEffect| group.estimate.is_finite() && group.std_error.is_finite() && group.std_error > 0.0;
    if groups.len() < 2 || !groups.iter().all(usable) {
        return None;
    }
    let precision = |group: &GroupEffect| group.std_error.powi(-2);
    let total = sums::sum(groups.iter().map(precision));
    let pooled = sums::sum(groups.iter().map(|group| group.estimate * precision(group))) / total;
    let q = sums::sum(groups.iter().map(|group| (group.estimate - pooled).powi(2) * precision(group)));
    let degrees = groups.len() - 1;
    Some(Heterogeneity { groups: groups.len(), pooled, q, degrees, p_value: chi_squared_upper(q, degrees)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::distributions::normal_two_sided;

    fn of(numbers: &[(f64, f64)]) -> Option<Heterogeneity> {
        let groups: Vec<GroupEffect> = numbers
            .iter()
            .map(|(estimate, std_error)| GroupEffect { estimate: *estimate, std_error: *std_error })
            .collect();
        heterogeneity(&groups)
    }

    /// Of two groups, Q is the square of the z of their difference.
    #[test]
    fn two_groups_are_the_test_of_their_difference() {
        let found = of(&[(1.0, 0.3), (2.5, 0.4)]).unwrap();
        let z: f64 = 1.5 / 0.5;
        assert!((found.q - z * z).abs() < 1e-12, "{found:?}");
        assert!((found.p_value - normal_two_sided(z)).abs() < 1e-12);
    }

    /// Equal standard errors: Q is the sum of squares about the plain mean over the variance.
    #[test]
    fn equal_errors_give_the_sum_of_squares() {
        let found = of(&[(1.0, 0.5), (2.0, 0.5), (6.0, 0.5)]).unwrap();
        assert_eq!((found.pooled, found.degrees), (3.0, 2));
        assert!((found.q - 14.0 / 0.25).abs() < 1e-12);
    }

    #[test]
    fn what_cannot_be_compared_is_not() {
        assert!(of(&[(1.0, 0.3)]).is_none() && of(&[(1.0, 0.3), (2.0, 0.0)]).is_none());
        assert!(of(&[(1.0, 0.3), (f64::NAN, 1.0)]).is_none());
    }
}
