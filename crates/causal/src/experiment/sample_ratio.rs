//! Sample ratio: are there as many units in each arm as the design planned?
//!
//! X² = Σ (nₐ − nπₐ)²/(nπₐ) on A − 1 degrees of freedom, πₐ the planned shares. Fabijan et al. 2019,
//! doi:10.1145/3292500.3330722.

use crate::experiment::rows::ExperimentError;
use crate::numerics::distributions::chi_squared_upper;
use crate::numerics::sums;

/// The test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampleRatio {
    /// X².
    pub statistic: f64,
    /// P(χ² > X²).
    pub p_value: f64,
}

/// Tests the numbers of units against planned shares, which are scaled to sum to 1.
///
/// # Errors
/// [`ExperimentError`] for fewer than two arms, shares that are not above 0, or as many shares as arms there are not.
pub fn sample_ratio(units: &[usize], shares: &[f64]) -> Result<SampleRatio, ExperimentError> {
    if units.len() != shares.len() {
        return Err(ExperimentError::Shape { what: "shares", found: shares.len(), expected: units.len() });
    }
    if units.len() < 2 {
        return Err(ExperimentError::OneArm);
    }
    if let Some(share) = shares.iter().find(|share| !(share.is_finite() && **share > 0.0)) {
        return Err(ExperimentError::Range { what: "a planned share", value: *share, range: "above 0" });
    }
    let n: f64 = units.iter().map(|n| *n as f64).sum();
    if n == 0.0 {
        return Err(ExperimentError::EmptyArm { arm: 0 });
    }
    let total = sums::sum(shares.iter().copied());
    let statistic = sums::sum(units.iter().zip(shares).map(|(found, share)| {
        let expected = n * share / total;
        (*found as f64 - expected).powi(2) / expected
    }));
    let p_value = chi_squared_upper(statistic, units.len() - 1).unwrap_or(0.0);
    Ok(SampleRatio { statistic, p_value })
}
