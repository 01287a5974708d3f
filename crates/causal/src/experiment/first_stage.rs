//! Whether an instrument moves the treatment, and what can be said if it hardly does.
//!
//! With γ₁ the effect of assignment on the metric, γ₂ its effect on take-up and J their joint covariance: the LATE is γ₁/γ₂, the
//! first-stage F is γ₂²/J₂₂, and the Anderson–Rubin set is all β with (γ₁ − βγ₂)² ≤ q²(J₁₁ − 2βJ₁₂ + β²J₂₂), whatever the
//! strength of the instrument. Anderson & Rubin 1949, doi:10.1214/aoms/1177730090; with one instrument the effective F of
//! Montiel Olea & Pflueger (2013, doi:10.1080/00401706.2013.806694) is this robust F. F < 10: Staiger & Stock 1997,
//! doi:10.2307/2171753; F < 104.7: Lee et al. 2022, doi:10.1257/aer.20211063.

use crate::experiment::linear_model::{Contrast, Fit};
use crate::experiment::relative::{Ratio, RatioSet};

/// The first stage for one metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FirstStage {
    /// Robust F of the instrument.
    pub f: f64,
    /// γ₁/γ₂, with the delta method.
    pub wald: Option<f64>,
    /// Standard error of that.
    pub wald_std_error: Option<f64>,
    ratio: Ratio,
}

impl FirstStage {
    /// From a joint fit of the metric (column `metric`) and take-up (column `take_up`) on assignment; `None` if it is not joint.
    #[must_use]
    pub fn new(fit: &Fit, assignment: &Contrast, metric: usize, take_up: usize) -> Option<FirstStage> {
        let [outcome, moved] = [metric, take_up].map(|column| fit.estimate(assignment, column));
        let covariance = |pair| fit.covariance([assignment, assignment], pair);
        let ratio = Ratio {
            effect: outcome.estimate,
            baseline: moved.estimate,
            covariance: [
                covariance([metric, metric])?,
                covariance([metric, take_up])?,
                covariance([take_up, take_up])?,
            ],
            df: outcome.df,
        };
        let wald = ratio.delta_method();
        Some(FirstStage {
            f: (moved.estimate / moved.std_error).powi(2),
            wald: wald.map(|wald| wald.estimate),
            wald_std_error: wald.map(|wald| wald.std_error),
            ratio,
        })
    }

    /// The Anderson–Rubin set at `quantile` standard errors.
    #[must_use]
    pub fn anderson_rubin(&self, quantile: f64) -> RatioSet {
        self.ratio.fieller(quantile)
    }
}
