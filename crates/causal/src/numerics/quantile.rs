//! Sample quantiles by linear interpolation: type 7 of Hyndman & Fan (1996), doi:10.2307/2684934, the default of R and numpy.
//!
//! With sorted values x₍₁₎ ≤ … ≤ x₍ₙ₎ and h = (n − 1)p: q(p) = x₍⌊h⌋₊₁₎ + (h − ⌊h⌋)(x₍⌊h⌋₊₂₎ − x₍⌊h⌋₊₁₎).

/// The quantile at `p` in [0, 1] of finite values sorted in ascending order. `None` if there are none or `p` is outside.
#[must_use]
pub fn of_sorted(sorted: &[f64], p: f64) -> Option<f64> {
    if !(0.0..=1.0).contains(&p) {
        return None;
    }
    let h = sorted.len().checked_sub(1)? as f64 * p;
    let lower = sorted.get(h.floor() as usize)?;
    let upper = sorted.get(h.ceil() as usize)?;
    // In this form neighbours that are equal give exactly their value.
    Some(lower + (h - h.floor()) * (upper - lower))
}

/// The quantiles of unsorted finite values at each of `ps`; `None` under the conditions of [`of_sorted`].
#[must_use]
pub fn quantiles(values: &[f64], ps: &[f64]) -> Option<Vec<f64>> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    ps.iter().map(|p| of_sorted(&sorted, *p)).collect()
}

#[cfg(test)]
mod tests {
    use crate::numerics::quantile::*;

    #[test]
    fn type_seven_interpolates_between_order_statistics() {
        assert_eq!(quantiles(&[4.0, 1.0, 3.0, 2.0], &[0.0, 0.25, 0.5, 1.0]), Some(vec![1.0, 1.75, 2.5, 4.0]));
        assert_eq!(quantiles(&[], &[0.5]), None);
        assert_eq!(quantiles(&[1.0], &[1.5]), None);
    }
}
