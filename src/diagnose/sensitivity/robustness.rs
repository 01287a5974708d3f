//! Robustness values and benchmark bounds for one coefficient of a linear regression.
//!
//! Cinelli & Hazlett (2020), doi:10.1111/rssb.12348. τ̂ is the coefficient of treatment T in the least-squares regression
//! of y on 1, T and the terms X, with classical standard error se and ν residual degrees of freedom. A hidden
//! confounder Z with partial R² of Rd = R²(T~Z|X) with treatment and Ry = R²(y~Z|T,X) with the outcome moves it by
//!
//! ```text
//! |bias| = se·√ν·b,   b = √( Ry·Rd / (1 − Rd) )
//! ```
//!
//! | symbol | here | meaning |
//! |---|---|---|
//! | f = \|t\|/√ν, t = τ̂/se | [`TreatmentCoefficient::cohen_f`] | partial Cohen's f of treatment with the outcome |
//! | R²(y~T\|X) = t²/(t² + ν) | [`TreatmentCoefficient::partial_r2`] | partial R² of treatment with the outcome |
//! | RV(f) = (√(f⁴ + 4f²) − f²)/2 | [`robustness_value`] | the Rd = Ry at which b = f, i.e. the estimate is zero |
//! | RV(b) | [`Bound::equivalent_rv`] | the Rd = Ry that would do as much as this Z |
//!
//! RV increases in its argument, so `RV(f) <= RV(b)` exactly when `f <= b`, exactly when Z brings the estimate to zero or beyond.
//!
//! *Benchmark bounds* (their section 4.4): a Z that is k times as strong as the observed group of terms X_j, whose
//! partial R² are r_d = R²(T~X_j|X₋ⱼ) and r_y = R²(y~X_j|T,X₋ⱼ), has
//!
//! ```text
//! Rd = k r_d/(1 − r_d)
//! ρ  = k r_d² / ((1 − k r_d)(1 − r_d))                 partial R² of Z with X_j given T
//! Ry = ((√k + √ρ)/√(1 − ρ))² · r_y/(1 − r_y)
//! ```
//!
//! where each has to be below one: otherwise no such Z can exist and the bound is not attainable.
//! Assumptions: Z orthogonal to X given the usual projection argument; for groups the bound is conservative.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// The coefficient of treatment in a linear regression.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TreatmentCoefficient {
    /// Estimate τ̂, outcome units.
    pub estimate: f64,
    /// Classical standard error, positive.
    pub std_error: f64,
    /// Residual degrees of freedom ν, above 1.
    pub df: f64,
}

impl TreatmentCoefficient {
    /// f = |t|/√ν.
    #[must_use]
    pub fn cohen_f(&self) -> f64 {
        (self.estimate / self.std_error).abs() / self.df.sqrt()
    }

    /// R²(y~T|X) = f²/(1 + f²).
    #[must_use]
    pub fn partial_r2(&self) -> f64 {
        let f2 = self.cohen_f().powi(2);
        f2 / (1.0 + f2)
    }

    /// The partial R² with both treatment and outcome that brings the estimate to zero (q = 1).
    #[must_use]
    pub fn rv_q1(&self) -> f64 {
        robustness_value(self.cohen_f())
    }

    /// The partial R² with both that makes the estimate lose significance at `alpha` (two-sided; critical t on ν − 1);
    /// 0 if it has none to lose.
    #[must_use]
    pub fn rv_q1_alpha(&self, alpha: f64) -> f64 {
        let f = self.cohen_f();
        let critical = t_quantile(1.0 - alpha / 2.0, self.df - 1.0) / (self.df - 1.0).sqrt();
        if f <= critical {
            return 0.0;
        }
        // The second form is the solution on the boundary Ry = 1 that binds for very large f.
        if f > 1.0 / critical {
            (f * f - critical * critical) / (1.0 + f * f)
        } else {
            robustness_value(f - critical)
        }
    }

    /// The estimate left after a hidden confounder with these partial R² has taken its worst-case bias away.
    /// `r2_treatment` in [0, 1), `r2_outcome` in [0, 1]; the result is not a number outside.
    #[must_use]
    pub fn adjusted_estimate(&self, r2_treatment: f64, r2_outcome: f64) -> f64 {
        let bias = self.std_error * self.df.sqrt() * bias_factor(r2_treatment, r2_outcome);
        (self.estimate.abs() - bias) * self.estimate.signum()
    }

    /// The standard error after it: se·√((1 − Ry)/(1 − Rd)·ν/(ν − 1)).
    #[must_use]
    pub fn adjusted_std_error(&self, r2_treatment: f64, r2_outcome: f64) -> f64 {
        self.std_error * ((1.0 - r2_outcome) / (1.0 - r2_treatment) * self.df / (self.df - 1.0)).sqrt()
    }
}

/// Partial R² of a hidden confounder with treatment and with the outcome.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bound {
    /// Rd = R²(T~Z|X), below 1.
    pub r2_treatment: f64,
    /// Ry = R²(y~Z|T,X), below 1.
    pub r2_outcome: f64,
}

impl Bound {
    /// A hidden confounder `k` times as strong as observed terms with partial R² of `r2_treatment` and `r2_outcome`;
    /// `None` if it would need an R² of one or more.
    #[must_use]
    pub fn benchmark(r2_treatment: f64, r2_outcome: f64, k: f64) -> Option<Self> {
        let attainable = |r2: f64| (0.0..1.0).contains(&r2);
        let (rd, ry) = (r2_treatment, r2_outcome);
        if !attainable(rd) || !attainable(ry) || !attainable(k * rd) {
            return None;
        }
        let with_treatment = k * rd / (1.0 - rd);
        let rho = k * rd * rd / ((1.0 - k * rd) * (1.0 - rd));
        if !attainable(with_treatment) || !attainable(rho) {
            return None;
        }
        let with_outcome = (k.sqrt() + rho.sqrt()).powi(2) / (1.0 - rho) * ry / (1.0 - ry);
        attainable(with_outcome).then_some(Self { r2_treatment: with_treatment, r2_outcome: with_outcome })
    }

    /// The robustness value that this confounder would just explain away: the Rd = Ry with the same bias.
    #[must_use]
    pub fn equivalent_rv(&self) -> f64 {
        robustness_value(bias_factor(self.r2_treatment, self.r2_outcome))
    }
}

/// RV(f) = (√(f⁴ + 4f²) − f²)/2, written without the cancellation: 2f/(f + √(f² + 4)).
#[must_use]
pub fn robustness_value(f: f64) -> f64 {
    2.0 * f / (f + (f * f + 4.0).sqrt())
}

/// b = √(Ry·Rd/(1 − Rd)): the bias in units of se·√ν. No association with the outcome is no bias, whatever Rd.
fn bias_factor(r2_treatment: f64, r2_outcome: f64) -> f64 {
    if r2_outcome == 0.0 { 0.0 } else { (r2_outcome * r2_treatment / (1.0 - r2_treatment)).sqrt() }
}

/// Quantile of Student's t. The library's root is polished by Newton steps on its distribution function.
pub(super) fn t_quantile(p: f64, df: f64) -> f64 {
    let Ok(t) = StudentsT::new(0.0, 1.0, df) else { return f64::NAN };
    t.inverse_cdf(p)
}
