//! Ratio metrics: the sum of one number over the units of an arm divided by that of another, such as sales per order.
//!
//! # Estimand and estimating equation
//!
//! Rₐ = Σ yᵢ / Σ zᵢ over the units i of arm a; the effect is R₁ − R₀, not the mean of yᵢ/zᵢ. With z̄ₐ the mean of z in the arm,
//!
//! ```text
//! lᵢ = Rₐ + (yᵢ − Rₐzᵢ)/z̄ₐ        with weights: Rₐ = Σwy/Σwz, z̄ₐ = Σwz/Σw
//! ```
//!
//! has the mean Rₐ in arm a, and its variance there is that of the delta method: a ratio metric becomes a mean metric of units,
//! for clusters, covariates and sequences alike. It is a metric of the arm as a whole: in a segment it has to be made again
//! from the rows of the segment.
//!
//! Deng, Knoblich & Lu 2018, doi:10.1145/3219819.3219919, section 3.

use crate::experiment::rows::ExperimentError;
use crate::numerics::sums;

/// A ratio metric as one number for each unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Linearised {
    /// lᵢ.
    pub values: Vec<f64>,
    /// Rₐ for each arm.
    pub ratios: Vec<f64>,
}

/// Linearises a ratio of two sums within each arm.
///
/// # Errors
/// [`ExperimentError::Shape`]; [`ExperimentError::ZeroDenominator`] for an arm whose denominators sum to 0.
pub fn linearise(
    numerator: &[f64],
    denominator: &[f64],
    assigned: &[u16],
    weights: Option<&[f64]>,
) -> Result<Linearised, ExperimentError> {
    let n = assigned.len();
    let weighted = weights.map_or(n, <[f64]>::len);
    for (what, found) in [("numerator", numerator.len()), ("denominator", denominator.len()), ("weights", weighted)] {
        if found != n {
            return Err(ExperimentError::Shape { what, found, expected: n });
        }
    }
    let arms = assigned.iter().max().map_or(0, |a| usize::from(*a) + 1);
    let mut of_arm = Vec::with_capacity(arms);
    for arm in 0..arms {
        let inside = |values: &[f64]| {
            let of_arm = values.iter().zip(assigned).enumerate().filter(|(_, (_, a))| usize::from(**a) == arm);
            sums::sum(of_arm.map(|(i, (v, _))| v * weights.map_or(1.0, |w| w[i])))
        };
        let count = inside(&vec![1.0; n]);
        let (y, z) = (inside(numerator), inside(denominator));
        if z == 0.0 {
            return Err(ExperimentError::ZeroDenominator { what: "the denominator of a ratio" });
        }
        of_arm.push((y / z, z / count));
    }
    let value = |((y, z), arm): ((&f64, &f64), &u16)| {
        let (ratio, mean) = of_arm[usize::from(*arm)];
        ratio + (y - ratio * z) / mean
    };
    let values = numerator.iter().zip(denominator).zip(assigned).map(value).collect();
    Ok(Linearised { values, ratios: of_arm.iter().map(|(ratio, _)| *ratio).collect() })
}

#[cfg(test)]
mod tests {
    use crate::experiment::ratio::*;

    #[test]
    fn the_weighted_mean_of_the_linearised_metric_is_the_weighted_ratio() {
        let (y, z, w) = ([1.0, 4.0, 2.0, 9.0], [1.0, 2.0, 1.0, 3.0], [1.0, 3.0, 2.0, 0.5]);
        let found = linearise(&y, &z, &[0, 0, 1, 1], Some(&w)).unwrap();
        assert!((found.ratios[0] - 13.0 / 7.0).abs() < 1e-15 && (found.ratios[1] - 8.5 / 3.5).abs() < 1e-15);
        let mean = (w[0] * found.values[0] + w[1] * found.values[1]) / 4.0;
        assert!((mean - found.ratios[0]).abs() < 1e-14);
        let zero = linearise(&y, &[0.0; 4], &[0, 0, 1, 1], None);
        assert_eq!(zero, Err(ExperimentError::ZeroDenominator { what: "the denominator of a ratio" }));
        assert!(linearise(&y, &z[..3], &[0, 0, 1, 1], None).is_err());
    }
}
