//! K folds for cross-fitting, stratified by arm; clusters stay together.

use crate::arm::Arm;
use crate::numerics::streams;
use ndarray::Array1;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;

/// Names the random stream of the first division.
const STAGE: &str = "crossfit.folds";

/// Assigns each of the n rows a fold in `0..k`, so that every fold has its share of each arm (sizes differ by at most
/// one per arm). `clusters` (n labels) are kept whole; the shares are then as even as the clusters allow. The assignment
/// is a function of `seed`, `k`, `repeat`, `treatment` and `clusters` alone; every `repeat` is another division.
#[must_use]
pub fn divide(treatment: &[Arm], clusters: Option<&Array1<usize>>, k: usize, seed: u64, repeat: usize) -> Vec<usize> {
    // The first has the plain name: it is the division of every analysis without repeats.
    let stage = if repeat == 0 { STAGE.to_owned() } else { format!("{STAGE}.{repeat}") };
    let mut rng = streams::stream(seed, &stage);
    match clusters {
        None => stratified_by_arm(treatment, k, &mut rng),
        Some(clusters) => whole_clusters(treatment, clusters, k, &mut rng),
    }
}

fn stratified_by_arm(treatment: &[Arm], k: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let mut fold = vec![0; treatment.len()];
    // Both arms draw from one stream: the order of the arms is part of every recorded division.
    for arm in [Arm::Treated, Arm::Control] {
        let mut rows: Vec<usize> = (0..treatment.len()).filter(|i| treatment[*i] == arm).collect();
        rows.shuffle(rng);
        for (position, row) in rows.into_iter().enumerate() {
            // Dealt like cards: sizes within an arm differ by at most one.
            fold[row] = position % k.max(1);
        }
    }
    fold
}

/// Clusters in random order, the largest first, each to the fold where it makes the arms least uneven: the smallest
/// Σ over arms of (share of the arm that the fold would then hold)².
fn whole_clusters(treatment: &[Arm], clusters: &Array1<usize>, k: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    // Ordered by label: what the shuffle starts from must not depend on a hash.
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (row, cluster) in clusters.iter().enumerate() {
        members.entry(*cluster).or_default().push(row);
    }
    let mut order: Vec<Vec<usize>> = members.into_values().collect();
    // Shuffled before the stable sort, so that clusters of equal size come in random order.
    order.shuffle(rng);
    // The large ones first, while there is still room to even them out.
    order.sort_by_key(|rows| std::cmp::Reverse(rows.len()));
    let count = |rows: &[usize], arm: Arm| rows.iter().filter(|row| treatment[**row] == arm).count() as f64;
    let all: Vec<usize> = (0..treatment.len()).collect();
    // An arm without rows has no shares; one instead of zero keeps its terms finite.
    let totals = Arm::BOTH.map(|arm| count(&all, arm).max(1.0));
    let mut held = vec![[0.0; 2]; k.max(1)];
    let mut fold = vec![0; treatment.len()];
    for rows in order {
        let new = Arm::BOTH.map(|arm| count(&rows, arm));
        let cost = |f: usize| -> f64 {
            // Only fold f changes, so the increase of its own term decides.
            (0..2).map(|a| ((held[f][a] + new[a]) / totals[a]).powi(2) - (held[f][a] / totals[a]).powi(2)).sum()
        };
        // Ties go to the first fold: the same division on every run.
        let best = (0..held.len()).min_by(|a, b| cost(*a).total_cmp(&cost(*b))).unwrap_or(0);
        for a in 0..2 {
            held[best][a] += new[a];
        }
        rows.iter().for_each(|row| fold[*row] = best);
    }
    fold
}

#[cfg(test)]
mod tests {
    use crate::numerics::folds::*;

    fn arms(n: usize, treated: impl Fn(usize) -> bool) -> Vec<Arm> {
        (0..n).map(|i| if treated(i) { Arm::Treated } else { Arm::Control }).collect()
    }

    #[test]
    fn every_fold_gets_its_share_of_each_arm_and_the_seed_decides() {
        let treated = arms(103, |i| i % 3 == 0);
        let folds = divide(&treated, None, 5, 7, 0);
        for arm in Arm::BOTH {
            let size = |k| (0..103).filter(|i| folds[*i] == k && treated[*i] == arm).count();
            let sizes: Vec<usize> = (0..5).map(size).collect();
            assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1, "{sizes:?}");
        }
        assert_eq!(folds, divide(&treated, None, 5, 7, 0));
        assert_ne!(folds, divide(&treated, None, 5, 8, 0));
    }

    #[test]
    fn clusters_stay_whole_and_folds_stay_even() {
        let clusters: Array1<usize> = (0..600).map(|i| (i * 37 % 600) / (3 + i % 2)).collect();
        let treated = arms(600, |i| clusters[i].is_multiple_of(3));
        let folds = divide(&treated, Some(&clusters), 4, 7, 0);
        for (fold, cluster) in folds.iter().zip(&clusters) {
            assert!(folds.iter().zip(&clusters).all(|(f, c)| c != cluster || f == fold));
        }
        for arm in Arm::BOTH {
            let all = treated.iter().filter(|t| **t == arm).count();
            for k in 0..4 {
                let size = (0..600).filter(|i| folds[*i] == k && treated[*i] == arm).count();
                assert!(size.abs_diff(all / 4) <= 8, "{arm} {k}: {size} of {all}");
            }
        }
        assert_ne!(folds, divide(&treated, Some(&clusters), 4, 7, 1));
    }

    #[test]
    fn every_repeat_is_another_division() {
        let treated = arms(50, |i| i % 2 == 0);
        assert_ne!(divide(&treated, None, 5, 3, 1), divide(&treated, None, 5, 3, 0));
        assert_ne!(divide(&treated, None, 5, 3, 1), divide(&treated, None, 5, 3, 2));
    }
}
