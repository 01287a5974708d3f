//! K folds for cross-fitting, stratified by arm.

use crate::numerics::streams;
use ndarray::Array1;
use rand::seq::SliceRandom;

/// Assigns each of the n rows a fold in `0..k`, so that every fold has its share of each arm (sizes differ by at most
/// one per arm). The assignment is a function of `seed`, `k` and `treated` alone.
#[must_use]
pub fn stratified(treated: &Array1<f64>, k: usize, seed: u64) -> Vec<usize> {
    let mut rng = streams::stream(seed, "crossfit.folds");
    let mut fold = vec![0; treated.len()];
    for arm in [1.0, 0.0] {
        let mut rows: Vec<usize> = (0..treated.len()).filter(|i| treated[*i] == arm).collect();
        rows.shuffle(&mut rng);
        for (position, row) in rows.into_iter().enumerate() {
            fold[row] = position % k.max(1);
        }
    }
    fold
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fold_gets_its_share_of_each_arm_and_the_seed_decides() {
        let treated: Array1<f64> = (0..103).map(|i| f64::from(u8::from(i % 3 == 0))).collect();
        let folds = stratified(&treated, 5, 7);
        for arm in [0.0, 1.0] {
            let size = |k| (0..103).filter(|i| folds[*i] == k && treated[*i] == arm).count();
            let sizes: Vec<usize> = (0..5).map(size).collect();
            assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1, "{sizes:?}");
        }
        assert_eq!(folds, stratified(&treated, 5, 7));
        assert_ne!(folds, stratified(&treated, 5, 8));
    }
}
