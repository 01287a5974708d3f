//! Folds for learners that choose something by cross-validation.

use crate::learners::learner::Seed;
use rand::seq::SliceRandom;

/// Folds 0..k of the rows with responses `y`: random, sizes that differ by at most one, and where `y` holds only zeros
/// and ones each class is spread over the folds alike.
pub(crate) fn folds(y: &[f64], k: usize, seed: &Seed) -> Vec<usize> {
    let mut rng = seed.stream();
    let binary = y.iter().all(|v| *v == 0.0 || *v == 1.0);
    let mut rows: Vec<usize> = (0..y.len()).collect();
    rows.shuffle(&mut rng);
    if binary {
        // Stable: within a class the order stays random, and positions run on from one class to the next.
        rows.sort_by_key(|i| u8::from(y[*i] != 1.0));
    }
    let mut fold = vec![0; y.len()];
    for (position, row) in rows.into_iter().enumerate() {
        fold[row] = position % k.max(1);
    }
    fold
}

#[cfg(test)]
mod tests {
    use crate::learners::resample::*;

    #[test]
    fn sizes_differ_by_one_at_most_in_all_and_in_each_class() {
        let y: Vec<f64> = (0..101).map(|i| f64::from(u8::from(i % 4 == 0))).collect();
        let fold = folds(&y, 5, &Seed::new(3, "test"));
        let range = |keep: &dyn Fn(usize) -> bool| {
            let sizes: Vec<usize> = (0..5).map(|k| (0..101).filter(|i| fold[*i] == k && keep(*i)).count()).collect();
            sizes.iter().max().unwrap() - sizes.iter().min().unwrap()
        };
        assert!(range(&|_| true) <= 1 && range(&|i| y[i] == 1.0) <= 1 && range(&|i| y[i] == 0.0) <= 1);
        assert_ne!(fold, folds(&y, 5, &Seed::new(4, "test")));
    }
}
