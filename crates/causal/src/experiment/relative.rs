//! Effects as a share of the mean under control.
//!
//! ```text
//! ρ = d/b      var ρ = (V_dd − 2ρV_db + ρ²V_bb)/b²                       delta method
//! Fieller: all ρ with (d − ρb)² ≤ q²(V_dd − 2ρV_db + ρ²V_bb)             a quadratic in ρ
//! ```
//!
//! d is the effect, b the mean under control, V their covariance. q is the quantile, or the radius of a confidence sequence.
//! Fieller's set is an interval only where b is told from 0 (b² > q²V_bb). Fieller 1954, doi:10.1111/j.2517-6161.1954.tb00159.x.

use crate::experiment::linear_model::{Contrast, Estimated, Fit};

/// An effect and its baseline with their covariance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio {
    /// d.
    pub effect: f64,
    /// b.
    pub baseline: f64,
    /// V_dd, V_db, V_bb.
    pub covariance: [f64; 3],
    /// Degrees of freedom.
    pub df: f64,
}

/// A confidence set for a ratio.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RatioSet {
    /// Everything between.
    Interval(f64, f64),
    /// Everything but what lies between.
    Outside(f64, f64),
    /// Every number.
    Everything,
    /// No number.
    Empty,
}

impl Ratio {
    /// Of two contrasts of a metric; `None` never happens for one metric, and stands for a covariance that was not kept.
    #[must_use]
    pub fn new(fit: &Fit, effect: &Contrast, baseline: &Contrast, metric: usize) -> Option<Ratio> {
        let found = fit.estimate(effect, metric);
        let covariance = |pair| fit.covariance(pair, [metric, metric]);
        Some(Ratio {
            effect: found.estimate,
            baseline: fit.estimate(baseline, metric).estimate,
            covariance: [
                covariance([effect, effect])?,
                covariance([effect, baseline])?,
                covariance([baseline, baseline])?,
            ],
            df: found.df,
        })
    }

    /// ρ with the delta method; `None` if the baseline is 0.
    #[must_use]
    pub fn delta_method(&self) -> Option<Estimated> {
        if self.baseline == 0.0 {
            return None;
        }
        let rho = self.effect / self.baseline;
        let [dd, db, bb] = self.covariance;
        let variance = (dd - 2.0 * rho * db + rho * rho * bb) / (self.baseline * self.baseline);
        Some(Estimated { estimate: rho, std_error: variance.max(0.0).sqrt(), df: self.df })
    }

    /// Fieller's set at `quantile` standard errors.
    #[must_use]
    pub fn fieller(&self, quantile: f64) -> RatioSet {
        let [dd, db, bb] = self.covariance;
        let q2 = quantile * quantile;
        quadratic_set(
            self.baseline * self.baseline - q2 * bb,
            self.baseline * self.effect - q2 * db,
            self.effect * self.effect - q2 * dd,
        )
    }
}

/// All ρ with aρ² − 2bρ + c ≤ 0.
#[must_use]
pub fn quadratic_set(a: f64, b: f64, c: f64) -> RatioSet {
    let discriminant = b * b - a * c;
    if discriminant < 0.0 {
        return if a > 0.0 { RatioSet::Empty } else { RatioSet::Everything };
    }
    if a == 0.0 {
        // A half-line is said as everything: neither end bounds it on both sides.
        return RatioSet::Everything;
    }
    let root = discriminant.sqrt();
    let (one, other) = ((b - root) / a, (b + root) / a);
    let (low, high) = (one.min(other), one.max(other));
    if a > 0.0 { RatioSet::Interval(low, high) } else { RatioSet::Outside(low, high) }
}
