//! Accurate sums (Neumaier 1974, doi:10.1002/zamm.19740540106): the error does not grow with the number of terms.

/// Compensated sum of an iterator.
pub fn sum(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut total, mut lost) = (0.0_f64, 0.0_f64);
    for v in values {
        let next = total + v;
        // What the addition lost of the smaller of the two; exact in floating point.
        lost += if total.abs() >= v.abs() { (total - next) + v } else { (v - next) + total };
        total = next;
    }
    // Only now: inside the loop the correction would be rounded away by a large total.
    total + lost
}

/// Σ a·b, compensated.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    // The additions are compensated; each product is still rounded once.
    sum(a.iter().zip(b).map(|(x, y)| x * y))
}

/// Weighted mean Σ w·v / Σ w.
pub fn weighted_mean(values: &[f64], weights: &[f64]) -> f64 {
    dot(values, weights) / sum(weights.iter().copied())
}

/// Kish effective sample size (Σ w)² / Σ w²; zero if every weight is zero.
pub fn kish(weights: impl IntoIterator<Item = f64> + Clone) -> f64 {
    let squares = sum(weights.clone().into_iter().map(|w| w * w));
    if squares == 0.0 { 0.0 } else { sum(weights).powi(2) / squares }
}

#[cfg(test)]
mod tests {
    use crate::numerics::sums::*;

    #[test]
    fn a_small_term_survives_large_ones_that_cancel() {
        assert_eq!(sum([1.0, 1e100, 1.0, -1e100]), 2.0);
    }

    #[test]
    fn equal_weights_count_units_and_one_heavy_unit_counts_once() {
        assert!((kish([3.0; 7]) - 7.0).abs() < 1e-12);
        assert!((kish([1.0, 0.0, 0.0]) - 1.0).abs() < 1e-15);
        assert_eq!(kish([0.0, 0.0]), 0.0);
    }
}
