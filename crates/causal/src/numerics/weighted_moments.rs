//! Weighted moments of one arm, and the weighted Kolmogorov–Smirnov distance between two.
//!
//! | symbol | here | meaning |
//! |---|---|---|
//! | m = Σwx / Σw | [`mean`] | weighted mean |
//! | s² = Σw(x − m)² · Σw / ((Σw)² − Σw²) | [`variance`] | unbiased variance for reliability weights; n − 1 in the denominator for equal weights |
//! | sup\|F₁(x) − F₀(x)\| | [`ks_distance`] | F weighted distribution functions, compared at every distinct x |

/// Weighted mean of `x`; `None` if the weights sum to zero.
#[must_use]
pub fn mean(x: &[f64], w: &[f64]) -> Option<f64> {
    let total: f64 = w.iter().sum();
    (total > 0.0).then(|| x.iter().zip(w).map(|(x, w)| w * x).sum::<f64>() / total)
}

/// Weighted variance of `x`, unbiased for reliability weights. Exactly zero if every unit with weight has the same
/// value; `None` if fewer than two units have weight.
#[must_use]
pub fn variance(x: &[f64], w: &[f64]) -> Option<f64> {
    if w.iter().filter(|w| **w > 0.0).count() < 2 {
        return None;
    }
    if is_constant(x, w) {
        return Some(0.0);
    }
    let m = mean(x, w)?;
    let total: f64 = w.iter().sum();
    let squares: f64 = w.iter().map(|w| w * w).sum();
    // About the mean, in a second pass: Σwx² − m²Σw would cancel.
    let spread: f64 = x.iter().zip(w).map(|(x, w)| w * (x - m) * (x - m)).sum();
    // Multiplying every weight by a constant cancels: these are reliability weights, not counts.
    let denominator = total - squares / total;
    (denominator > 0.0).then(|| spread / denominator)
}

/// True if all units with positive weight share one value. Asked of the values themselves, because a variance of a
/// constant such as 0.1 need not round to zero.
#[must_use]
pub fn is_constant(x: &[f64], w: &[f64]) -> bool {
    let mut values = x.iter().zip(w).filter(|(_, w)| **w > 0.0).map(|(x, _)| *x);
    let Some(first) = values.next() else { return true };
    values.all(|v| v == first)
}

/// Weighted Kolmogorov–Smirnov distance between the treated and the controls. `sorted` lists
/// `(value, treated weight, control weight)` by increasing value; `None` if an arm has no weight.
#[must_use]
pub fn ks_distance(sorted: &[(f64, f64, f64)]) -> Option<f64> {
    let total_treated: f64 = sorted.iter().map(|u| u.1).sum();
    let total_control: f64 = sorted.iter().map(|u| u.2).sum();
    if total_treated <= 0.0 || total_control <= 0.0 {
        return None;
    }
    let (mut below_treated, mut below_control, mut distance) = (0.0, 0.0, 0.0_f64);
    // Compared after a whole group of ties: the order inside it is arbitrary.
    for group in sorted.chunk_by(|a, b| a.0 == b.0) {
        for (_, treated, control) in group {
            below_treated += treated;
            below_control += control;
        }
        distance = distance.max((below_treated / total_treated - below_control / total_control).abs());
    }
    Some(distance)
}

#[cfg(test)]
mod tests {
    use crate::numerics::weighted_moments::*;
    use proptest::prelude::*;

    #[test]
    fn variance_has_n_minus_one_for_equal_weights() {
        let x = [1.0, 2.0, 4.0, 9.0];
        let v = variance(&x, &[1.0; 4]).expect("four units");
        assert!((v - 38.0 / 3.0).abs() < 1e-14);
        assert_eq!(variance(&[0.1; 7], &[0.3; 7]), Some(0.0));
        assert_eq!(variance(&x, &[0.0, 1.0, 0.0, 0.0]), None);
    }

    #[test]
    fn ks_looks_at_distinct_values_only() {
        // Within the tie at 1 the running difference reaches 1; at the end of the tie it is 0.
        let tied = [(1.0, 1.0, 0.0), (1.0, 0.0, 1.0)];
        assert_eq!(ks_distance(&tied), Some(0.0));
        let apart = [(1.0, 1.0, 0.0), (2.0, 0.0, 1.0)];
        assert_eq!(ks_distance(&apart), Some(1.0));
    }

    proptest! {
        #[test]
        fn scaling_all_weights_changes_nothing(
            units in prop::collection::vec((-5.0..5.0_f64, 0.1..3.0_f64), 3..30), factor in 0.01..100.0_f64
        ) {
            let (x, w): (Vec<f64>, Vec<f64>) = units.into_iter().unzip();
            let scaled: Vec<f64> = w.iter().map(|w| w * factor).collect();
            let close = |a: f64, b: f64| (a - b).abs() <= 1e-10 * (1.0 + a.abs());
            prop_assert!(close(mean(&x, &w).expect("weights"), mean(&x, &scaled).expect("weights")));
            prop_assert!(close(variance(&x, &w).expect("units"), variance(&x, &scaled).expect("units")));
        }
    }
}
