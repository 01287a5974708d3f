//! Difference of a quantile between two arms, with rows clustered by unit.
//!
//! # Estimating equation
//!
//! The quantile ξ of an arm solves Σ_g Σ_{i∈g} (1{y_i ≤ ξ} − q) = 0. With n rows in G units, p̂ = Σ 1{y ≤ ξ}/n is a ratio of sums
//! over units, so its variance is σ² = Σ_g (Σ_{i∈g}(1{y_i ≤ ξ} − q))² · G/(G − 1) / n². The outer confidence interval turns the
//! limits q ± zσ of p̂ into order statistics L and U of y; the standard error is (U − L)/(2z), that of a difference the root of
//! the sum of squares.
//!
//! Deng, Knoblich & Lu 2018, doi:10.1145/3219819.3219919, section 4. Assumes independent units and a density above 0 at ξ.

use crate::experiment::linear_model::Estimated;
use crate::experiment::rows::ExperimentError;
use crate::numerics::distributions::normal_quantile;
use std::collections::BTreeMap;

/// A quantile of one arm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuantileEstimate {
    /// ξ, an order statistic.
    pub value: f64,
    /// Its standard error.
    pub std_error: f64,
    /// Units.
    pub units: usize,
}

/// The quantile `q` of `values`, each of the unit of the same index.
///
/// # Errors
/// [`ExperimentError::Range`] for q outside (0, 1), or so far in the tail that the interval runs past the data;
/// [`ExperimentError::TooFewRows`] for fewer than two units; [`ExperimentError::Shape`].
pub fn quantile(values: &[f64], units: &[u32], q: f64, alpha: f64) -> Result<QuantileEstimate, ExperimentError> {
    if units.len() != values.len() {
        return Err(ExperimentError::Shape { what: "units", found: units.len(), expected: values.len() });
    }
    if !(q > 0.0 && q < 1.0) {
        return Err(ExperimentError::Range { what: "the quantile", value: q, range: "between 0 and 1" });
    }
    let z = normal_quantile(1.0 - alpha / 2.0).filter(|_| alpha > 0.0 && alpha < 1.0);
    let z = z.ok_or(ExperimentError::Range { what: "alpha", value: alpha, range: "between 0 and 1" })?;
    if let Some(row) = values.iter().position(|v| !v.is_finite()) {
        return Err(ExperimentError::NotFinite { row: row + 1, what: "metric" });
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = values.len() as f64;
    let order = |share: f64| sorted.get(((n * share).ceil() as usize).saturating_sub(1)).copied();
    let value = order(q).ok_or(ExperimentError::TooFewRows { n: values.len(), k: 2 })?;
    let mut sums: BTreeMap<u32, f64> = BTreeMap::new();
    for (y, unit) in values.iter().zip(units) {
        *sums.entry(*unit).or_default() += f64::from(*y <= value) - q;
    }
    let g = sums.len() as f64;
    if sums.len() < 2 {
        return Err(ExperimentError::TooFewRows { n: sums.len(), k: 2 });
    }
    let mean = crate::numerics::sums::sum(sums.values().copied()) / g;
    let squares = crate::numerics::sums::sum(sums.values().map(|s| (s - mean).powi(2)));
    let sigma = (squares * g / (g - 1.0)).sqrt() / n;
    let (low, high) = (q - z * sigma, q + z * sigma);
    // Past the data there is no order statistic to take, and the largest would be too small.
    if n * low < 1.0 || n * high > n - 1.0 {
        return Err(ExperimentError::Range {
            what: "the quantile",
            value: q,
            range: "further from the ends, or of more units",
        });
    }
    let (lower, upper) = (order(low).unwrap_or(value), order(high).unwrap_or(value));
    Ok(QuantileEstimate { value, std_error: (upper - lower) / (2.0 * z), units: sums.len() })
}

/// The difference of two arms' quantiles.
#[must_use]
pub fn difference(treated: &QuantileEstimate, control: &QuantileEstimate) -> Estimated {
    Estimated {
        estimate: treated.value - control.value,
        std_error: treated.std_error.hypot(control.std_error),
        df: f64::INFINITY,
    }
}
