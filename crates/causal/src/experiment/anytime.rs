//! Anytime-valid inference: e-values, sequential p-values and confidence sequences that hold at every look at once.
//!
//! # Estimating equation
//!
//! A contrast with t = estimate / standard error on ν = n − k degrees of freedom, under a N(0, σ²/g) mixture over its standardised
//! size, has with r = g/(g + n)
//!
//! ```text
//! log e = ½ log r + (ν + 1)/2 · [log(1 + t²/ν) − log(1 + r t²/ν)]      p = min(1, 1/e), the smallest over the looks
//! b = (r α²)^(1/(ν + 1))      interval = estimate ± √(ν(1 − b)/(b − r)) · standard error, unbounded where b ≤ r
//! ```
//!
//! and in the limit log e → ½ log r + (1 − r) t²/2, radius → √((g + n)/n · log((g + n)/(g α²))). For d restrictions with an F
//! statistic, ½ becomes d/2, ν + 1 becomes ν + d and t² becomes d·F.
//!
//! # Symbols
//!
//! | symbol | meaning |
//! |---|---|
//! | n | rows, or clusters where whole clusters arrive |
//! | ν | n − k, or G − 1 |
//! | g | precision of the mixture in units of one observation; fixed before the first look ([`planned_precision`]) |
//! | α | 1 − confidence |
//!
//! # Assumptions
//!
//! Exact for equal normal errors. With a robust variance it is asymptotic in n; so it is with clusters, an instrument or weights, for
//! which no published package gives it: the form here replaces n by the number of clusters and ν by G − 1. It is not valid
//! where clusters that were there keep gaining rows.
//!
//! # References
//!
//! Lindon, Ham, Tingley & Bojinov 2022, arXiv:2210.08589 (t and F forms). Waudby-Smith et al. 2021, arXiv:2103.06476 (limit).

use crate::experiment::linear_model::Estimated;
use crate::experiment::rows::ExperimentError;

/// The index of a look and the mixture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mixture {
    /// g, above 0.
    pub precision: f64,
    /// n, or the number of clusters.
    pub index: f64,
    /// ν; infinite for the limit.
    pub df: f64,
}

/// What one look says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AnytimeLook {
    /// log of the e-value of no effect.
    pub log_e: f64,
    /// Sequential p-value of this look alone.
    pub p_value: f64,
    /// Half-width of the confidence sequence, in standard errors; infinite while nothing can be said.
    pub radius: f64,
}

impl Mixture {
    fn ratio(&self) -> f64 {
        self.precision / (self.precision + self.index)
    }

    /// log of the e-value of a t statistic.
    #[must_use]
    pub fn log_e(&self, t: f64) -> f64 {
        self.log_e_of_f(t * t, 1.0)
    }

    /// log of the e-value of an F statistic on `d` restrictions.
    #[must_use]
    pub fn log_e_of_f(&self, f: f64, d: f64) -> f64 {
        let r = self.ratio();
        let square = d * f;
        if self.df.is_infinite() {
            return 0.5 * d * r.ln() + 0.5 * (1.0 - r) * square;
        }
        let share = square / self.df;
        0.5 * d * r.ln() + 0.5 * (self.df + d) * (share.ln_1p() - (r * share).ln_1p())
    }

    /// Half-width of the confidence sequence in standard errors.
    #[must_use]
    pub fn radius(&self, alpha: f64) -> f64 {
        let r = self.ratio();
        if self.df.is_infinite() {
            let total = self.precision + self.index;
            return (total / self.index * (total / (self.precision * alpha * alpha)).ln()).sqrt();
        }
        let b = ((r * alpha * alpha).ln() / (self.df + 1.0)).exp();
        if b <= r { f64::INFINITY } else { (self.df * (1.0 - b) / (b - r)).sqrt() }
    }

    /// What an estimate says at this look. A standard error of 0 says nothing.
    #[must_use]
    pub fn look(&self, estimated: &Estimated, alpha: f64) -> AnytimeLook {
        let t = if estimated.std_error > 0.0 { estimated.estimate / estimated.std_error } else { 0.0 };
        let log_e = self.log_e(t);
        AnytimeLook { log_e, p_value: (-log_e).exp().min(1.0), radius: self.radius(alpha) }
    }
}

/// The g for which the limit's confidence sequence is narrowest at the planned `index`: with x = log((1 + x)/α²), g = index/x.
///
/// # Errors
/// [`ExperimentError::Range`] unless 0 < `alpha` < 1 and `index` > 0.
pub fn planned_precision(index: f64, alpha: f64) -> Result<f64, ExperimentError> {
    if !(alpha > 0.0 && alpha < 1.0) {
        return Err(ExperimentError::Range { what: "alpha", value: alpha, range: "between 0 and 1" });
    }
    if !(index > 0.0 && index.is_finite()) {
        return Err(ExperimentError::Range { what: "the planned number of units", value: index, range: "above 0" });
    }
    // x ↦ log((1 + x)/α²) is a contraction above 1, and the fixed point is above 1 for every α < 1/√e.
    let mut x = 8.0_f64;
    for _ in 0..200 {
        x = (x.ln_1p() - 2.0 * alpha.ln()).max(f64::MIN_POSITIVE);
    }
    Ok(index / x)
}

/// The g for which the t form is narrowest at `n` rows and `k` coefficients, by golden section on log g.
///
/// # Errors
/// As [`planned_precision`], and for n ≤ k.
pub fn narrowest_precision(n: f64, k: f64, alpha: f64) -> Result<f64, ExperimentError> {
    planned_precision(n, alpha)?;
    if n <= k {
        return Err(ExperimentError::Range {
            what: "the number of units",
            value: n,
            range: "above that of the coefficients",
        });
    }
    let radius = |log_g: f64| Mixture { precision: log_g.exp(), index: n, df: n - k }.radius(alpha);
    let golden = 0.5 * (5.0_f64.sqrt() - 1.0);
    let (mut low, mut high) = (0.0, n.ln());
    let (mut left, mut right) = (high - golden * (high - low), low + golden * (high - low));
    while high - low > 1e-10 {
        if radius(left) <= radius(right) {
            (high, right) = (right, left);
            left = high - golden * (high - low);
        } else {
            (low, left) = (left, right);
            right = low + golden * (high - low);
        }
    }
    Ok((0.5 * (low + high)).exp())
}

/// The g of the mixture whose spread is a smallest effect of interest: n·se²/τ², which does not change with n.
///
/// # Errors
/// [`ExperimentError::Range`] unless every argument is above 0.
pub fn precision_of_effect(n: f64, std_error: f64, smallest_effect: f64) -> Result<f64, ExperimentError> {
    let g = n * (std_error / smallest_effect).powi(2);
    if g > 0.0 && g.is_finite() {
        return Ok(g);
    }
    Err(ExperimentError::Range {
        what: "the smallest effect",
        value: smallest_effect,
        range: "above 0, as is its standard error",
    })
}

/// What holds over all looks so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Running {
    /// Smallest p-value.
    pub p_value: f64,
    /// Largest lower end.
    pub lower: f64,
    /// Smallest upper end; below `lower` where the looks contradict each other, which has a chance of at most α.
    pub upper: f64,
}

impl Default for Running {
    fn default() -> Self {
        Running { p_value: 1.0, lower: f64::NEG_INFINITY, upper: f64::INFINITY }
    }
}

impl Running {
    /// With one more look.
    #[must_use]
    pub fn after(self, look: &AnytimeLook, estimated: &Estimated) -> Running {
        let half = look.radius * estimated.std_error;
        Running {
            p_value: self.p_value.min(look.p_value),
            lower: self.lower.max(estimated.estimate - half),
            upper: self.upper.min(estimated.estimate + half),
        }
    }
}
