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

use crate::numerics::distributions::t_quantile;

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
    /// 0 if it has none to lose. `None` unless 0 < alpha < 1 and ν > 1, for there is no critical value then.
    #[must_use]
    pub fn rv_q1_alpha(&self, alpha: f64) -> Option<f64> {
        let f = self.cohen_f();
        // The hidden confounder would itself take a degree of freedom.
        let critical = t_quantile(1.0 - alpha / 2.0, self.df - 1.0)? / (self.df - 1.0).sqrt();
        if f <= critical {
            return Some(0.0);
        }
        // The second form is the solution on the boundary Ry = 1 that binds for very large f.
        let on_boundary = (f * f - critical * critical) / (1.0 + f * f);
        // Beyond 1/critical the unconstrained solution would need an Ry above one.
        Some(if f > 1.0 / critical { on_boundary } else { robustness_value(f - critical) })
    }

    /// The estimate left after a hidden confounder with these partial R² has taken its worst-case bias away.
    /// `r2_treatment` in [0, 1), `r2_outcome` in [0, 1]; the result is not a number outside.
    #[must_use]
    pub fn adjusted_estimate(&self, r2_treatment: f64, r2_outcome: f64) -> f64 {
        let bias = self.std_error * self.df.sqrt() * bias_factor(r2_treatment, r2_outcome);
        (self.estimate.abs() - bias) * self.estimate.signum()
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
        // A range test, which NaN fails as well.
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

#[cfg(test)]
mod tests {
    use crate::diagnose::sensitivity::robustness::*;
    use proptest::prelude::*;

    fn regression() -> impl Strategy<Value = TreatmentCoefficient> {
        (-50.0..50.0_f64, 0.01..20.0_f64, 2.0..5000.0_f64).prop_map(|(estimate, std_error, df)| TreatmentCoefficient {
            estimate,
            std_error,
            df,
        })
    }

    /// From the inverse of the regularised incomplete beta function in 30-digit arithmetic (mpmath).
    #[test]
    fn t_quantiles_match_high_precision_values() {
        for (df, q975, q995) in [
            (1.0, 12.706204736174705, 63.65674116287158),
            (2.0, 4.302652729749464, 9.924843200918293),
            (5.0, 2.5705818356363155, 4.032142983555228),
            (20.0, 2.085963447265865, 2.8453397097861086),
            (100.0, 1.9839715185235522, 2.6258905214380177),
            (434.0, 1.9654450635079015, 2.587204807733663),
            (999.0, 1.96234146113345, 2.580759637267637),
            (1000.0, 1.9623390808264085, 2.580754698065951),
            (1545.0, 1.961500618301479, 2.5790152394596584),
            (16167.0, 1.9601107307405874, 2.576133447429271),
            (1e6, 1.959966356814107, 2.5758342201053344),
        ] {
            for (p, expected) in [(0.975, q975), (0.995, q995)] {
                let got = t_quantile(p, df).expect("in range");
                // The tolerance of the reference values for everything that is made from it.
                assert!((got / expected - 1.0_f64).abs() < 1e-9, "t({p}, {df}) = {got}, expected {expected}");
            }
        }
    }

    #[test]
    fn robustness_value_is_where_the_estimate_vanishes() {
        let c = TreatmentCoefficient { estimate: 3.0, std_error: 0.5, df: 100.0 };
        assert!(c.adjusted_estimate(c.rv_q1(), c.rv_q1()).abs() < 1e-12);
        assert_eq!(c.adjusted_estimate(0.0, 0.9), 3.0);
        assert_eq!(c.adjusted_estimate(0.9, 0.0), 3.0);
        assert_eq!(c.adjusted_estimate(1.0, 0.0), 3.0);
    }

    #[test]
    fn robustness_value_at_five_percent_leaves_a_t_of_exactly_the_critical_value() {
        for t in [2.5, 4.0, 9.0] {
            let c = TreatmentCoefficient { estimate: t, std_error: 1.0, df: 60.0 };
            let rv = c.rv_q1_alpha(0.05).expect("critical value");
            // With Ry = Rd the standard error after the confounder is se·√(ν/(ν − 1)).
            let left = c.adjusted_estimate(rv, rv) / (c.std_error * (c.df / (c.df - 1.0)).sqrt());
            assert!((left - t_quantile(0.975, 59.0).expect("in range")).abs() < 1e-9, "t = {t}: {left}");
        }
        assert_eq!(
            TreatmentCoefficient { estimate: 1.9, std_error: 1.0, df: 60.0 }.rv_q1_alpha(0.05).expect("critical value"),
            0.0
        );
    }

    #[test]
    fn a_benchmark_that_would_need_all_the_variance_is_not_attainable() {
        assert_eq!(Bound::benchmark(0.5, 0.1, 1.0), None, "rd/(1 - rd) = 1");
        assert_eq!(Bound::benchmark(0.1, 0.9, 1.0), None, "ry/(1 - ry) = 9");
        assert_eq!(Bound::benchmark(0.2, 0.1, 5.0), None, "k rd = 1");
        assert_eq!(Bound::benchmark(f64::NAN, 0.1, 1.0), None);
        assert!(Bound::benchmark(0.0, 0.0, 1.0).is_some_and(|b| b.equivalent_rv() == 0.0));
    }

    proptest! {
        /// The rubric compares two robustness values; this is why that comparison is about the sign of the estimate.
        #[test]
        fn rv_below_the_benchmark_exactly_when_the_benchmark_flips_the_sign(
            c in regression(), r2_treatment in 0.0..0.99_f64, r2_outcome in 0.0..0.99_f64
        ) {
            prop_assume!(c.estimate.abs() > 1e-6);
            let bound = Bound { r2_treatment, r2_outcome };
            let left = c.adjusted_estimate(r2_treatment, r2_outcome) * c.estimate.signum();
            prop_assume!(left.abs() > 1e-9 * c.estimate.abs());
            prop_assert_eq!(c.rv_q1() <= bound.equivalent_rv(), left <= 0.0);
        }

        #[test]
        fn equivalent_rv_does_exactly_as_much_as_the_bound(
            c in regression(), r2_treatment in 0.0..0.9_f64, r2_outcome in 0.0..0.99_f64
        ) {
            let rv = Bound { r2_treatment, r2_outcome }.equivalent_rv();
            let (direct, equal) = (c.adjusted_estimate(r2_treatment, r2_outcome), c.adjusted_estimate(rv, rv));
            prop_assert!((direct - equal).abs() <= 1e-9 * (1.0 + c.estimate.abs() + direct.abs()), "{direct} {equal}");
        }

        #[test]
        fn the_written_form_is_the_published_form(f in 0.0..50.0_f64) {
            let published = 0.5 * ((f.powi(4) + 4.0 * f * f).sqrt() - f * f);
            prop_assert!((robustness_value(f) - published).abs() < 1e-10);
        }

        #[test]
        fn robustness_values_are_shares_and_the_five_percent_one_is_smaller(c in regression()) {
            let (rv, rv_alpha) = (c.rv_q1(), c.rv_q1_alpha(0.05).expect("critical value"));
            prop_assert!((0.0..=1.0).contains(&rv) && rv_alpha >= 0.0 && rv_alpha <= rv + 1e-12, "{rv} {rv_alpha}");
        }

        #[test]
        fn rescaling_the_outcome_leaves_robustness_alone(c in regression(), factor in 0.01..100.0_f64) {
            let scaled = TreatmentCoefficient { estimate: c.estimate * -factor, std_error: c.std_error * factor, df: c.df };
            prop_assert!((c.rv_q1() - scaled.rv_q1()).abs() < 1e-12);
            prop_assert!((c.rv_q1_alpha(0.05).expect("critical value") - scaled.rv_q1_alpha(0.05).expect("critical value")).abs() < 1e-12);
            let bound = (0.2, 0.3);
            let (a, b) = (c.adjusted_estimate(bound.0, bound.1), scaled.adjusted_estimate(bound.0, bound.1));
            prop_assert!((a * -factor - b).abs() <= 1e-9 * (1.0 + b.abs()));
        }
    }
}
