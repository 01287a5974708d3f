//! p-values adjusted for their number.
//!
//! With sorted p₍₁₎ ≤ … ≤ p₍ₘ₎: Holm (1979) gives max_{j≤i} (m − j + 1) p₍ⱼ₎, which keeps the chance of any false finding;
//! Benjamini & Hochberg (1995, doi:10.1111/j.2517-6161.1995.tb02031.x) give min_{j≥i} m p₍ⱼ₎/j, which keeps the expected share of
//! false findings. Both are at most 1.

/// Holm's adjusted p-values, in the order given.
#[must_use]
pub fn holm(p: &[f64]) -> Vec<f64> {
    let m = p.len();
    let mut adjusted = vec![0.0; m];
    let mut largest: f64 = 0.0;
    for (rank, at) in order(p).into_iter().enumerate() {
        largest = largest.max((m - rank) as f64 * p[at]).min(1.0);
        adjusted[at] = largest;
    }
    adjusted
}

/// Benjamini and Hochberg's adjusted p-values, in the order given.
#[must_use]
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let m = p.len();
    let mut adjusted = vec![0.0; m];
    let mut smallest: f64 = 1.0;
    for (rank, at) in order(p).into_iter().enumerate().rev() {
        smallest = smallest.min(m as f64 / (rank + 1) as f64 * p[at]);
        adjusted[at] = smallest;
    }
    adjusted
}

fn order(p: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    order
}

#[cfg(test)]
mod tests {
    use crate::experiment::multiplicity::*;

    /// R 4.2: p.adjust(c(.01, .04, .03, .005), "holm" | "BH").
    #[test]
    fn adjusted_values_are_those_of_r() {
        let p = [0.01, 0.04, 0.03, 0.005];
        let close =
            |found: Vec<f64>, expected: [f64; 4]| found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-15);
        assert!(close(holm(&p), [0.03, 0.06, 0.06, 0.02]));
        assert!(close(benjamini_hochberg(&p), [0.02, 0.04, 0.04, 0.02]));
        assert_eq!((holm(&[]), holm(&[0.9, 0.8]), benjamini_hochberg(&[1.0])), (vec![], vec![1.0, 1.0], vec![1.0]));
    }
}
