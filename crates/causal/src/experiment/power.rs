//! How many units a test needs, and the smallest effect that it can find.
//!
//! # Equations
//!
//! The standard error of an effect falls as 1/√n: se(n) = s/√n with s = se·√n from a pilot, whatever the design was (clusters count
//! as n, covariates are in the residuals). A two-sided test at level α finds an effect τ with chance π if
//!
//! ```text
//! τ = (c + z_π)·s/√n        c = z_{1−α/2}, or the radius of the confidence sequence tuned for n
//! ```
//!
//! Shares π₀, πₐ of control and arm other than the pilot's scale s² by (1/π₀ + 1/πₐ), for equal variances in both. Bloom 1995,
//! doi:10.1177/0193841X9501900504; design effects: Donner & Klar 2000.

use crate::experiment::anytime::{Mixture, planned_precision};
use crate::experiment::rows::ExperimentError;
use crate::numerics::distributions::normal_quantile;

/// A test that is planned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PowerPlan {
    /// s = se·√n of a pilot, above 0: the standard error of the effect at one unit.
    pub unit_error: f64,
    /// α, in (0, 1).
    pub alpha: f64,
    /// π, in (α/2, 1).
    pub power: f64,
    /// True if the results may be looked at on the way.
    pub anytime: bool,
}

impl PowerPlan {
    fn check(&self) -> Result<(), ExperimentError> {
        let inside = |what, value: f64, range, ok: bool| {
            if ok { Ok(()) } else { Err(ExperimentError::Range { what, value, range }) }
        };
        let PowerPlan { unit_error, alpha, power, .. } = *self;
        inside("the standard error of one unit", unit_error, "above 0", unit_error > 0.0 && unit_error.is_finite())?;
        inside("alpha", alpha, "between 0 and 1", alpha > 0.0 && alpha < 1.0)?;
        inside("the power", power, "above alpha/2 and below 1", power > alpha / 2.0 && power < 1.0)
    }

    /// Standard errors between no effect and one that is found: c + z_π at n units.
    fn standard_errors(&self, n: f64) -> Result<f64, ExperimentError> {
        let z = |p| normal_quantile(p).unwrap_or_default();
        let critical = if self.anytime {
            Mixture { precision: planned_precision(n, self.alpha)?, index: n, df: f64::INFINITY }.radius(self.alpha)
        } else {
            z(1.0 - self.alpha / 2.0)
        };
        Ok(critical + z(self.power))
    }

    /// The smallest effect that `n` units find.
    ///
    /// # Errors
    /// [`ExperimentError::Range`].
    pub fn smallest_effect(&self, n: f64) -> Result<f64, ExperimentError> {
        self.check()?;
        Ok(self.standard_errors(n)? * self.unit_error / n.sqrt())
    }

    /// The units that find an effect of size `effect`.
    ///
    /// # Errors
    /// [`ExperimentError::Range`].
    pub fn units(&self, effect: f64) -> Result<f64, ExperimentError> {
        self.check()?;
        if !(effect.is_finite() && effect != 0.0) {
            return Err(ExperimentError::Range {
                what: "the smallest effect",
                value: effect,
                range: "different from 0",
            });
        }
        // The radius tuned for n is the same number at every n, so one evaluation is enough.
        Ok((self.standard_errors(1.0)? * self.unit_error / effect).powi(2))
    }
}

#[cfg(test)]
mod tests {
    use crate::experiment::power::*;

    /// Two arms of n/2 with standard deviation 1: s = 2. R: power.t.test(delta = 0.1, power = 0.8) wants 1,570.7 per group with t;
    /// with the normal it is 2·(1.959964 + 0.841621)²/0.01 = 1,569.8.
    #[test]
    fn sizes_are_those_of_the_textbook() {
        let plan = PowerPlan { unit_error: 2.0, alpha: 0.05, power: 0.8, anytime: false };
        let n = plan.units(0.1).unwrap();
        assert!((n / 2.0 - 1_569.775_945_1).abs() < 1e-4, "{n}");
        assert!((plan.smallest_effect(n).unwrap() - 0.1).abs() < 1e-12);
        // Peeking costs ((3.035122 + 0.841621)/(1.959964 + 0.841621))² in units.
        let anytime = PowerPlan { anytime: true, ..plan };
        let inflation = anytime.units(0.1).unwrap() / n;
        assert!((inflation - (3.876_743_6_f64 / 2.801_585_2).powi(2)).abs() < 1e-5, "{inflation}");
        assert!(plan.units(0.0).is_err() && PowerPlan { power: 1.0, ..plan }.units(0.1).is_err());
    }
}
