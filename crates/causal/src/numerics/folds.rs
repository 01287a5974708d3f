//! K folds for cross-fitting, stratified by arm; clusters stay together.

use crate::arm::Arm;
use crate::numerics::streams;
use ndarray::{Array1, Axis};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;

/// Names the random stream of the first division.
const STAGE: &str = "crossfit.folds";

/// The rows to divide.
#[derive(Debug, Clone, Copy)]
pub struct Units<'a> {
    /// The arm of each of the n rows.
    pub treatment: &'a [Arm],
    /// n cluster labels; `None` where units are independent.
    pub clusters: Option<&'a Array1<usize>>,
    /// n observation weights; `None` where every row counts once.
    pub weights: Option<&'a Array1<f64>>,
}

/// Assigns each of the n rows a fold in `0..k`, so that every fold has its share of each arm (sizes differ by at most
/// one per arm). Clusters are kept whole; the shares are then as even as the clusters allow. The assignment is a function
/// of `seed`, `k`, `repeat` and the units alone; every `repeat` is another division.
///
/// Rows of weight zero are absent: the others are divided as if alone, and these go to the first fold.
#[must_use]
pub fn divide(units: &Units<'_>, k: usize, seed: u64, repeat: usize) -> Vec<usize> {
    // The first has the plain name: it is the division of every analysis without repeats.
    let stage = if repeat == 0 { STAGE.to_owned() } else { format!("{STAGE}.{repeat}") };
    let mut rng = streams::stream(seed, &stage);
    let present: Vec<usize> =
        (0..units.treatment.len()).filter(|i| units.weights.is_none_or(|w| w[*i] > 0.0)).collect();
    let treatment: Vec<Arm> = present.iter().map(|i| units.treatment[*i]).collect();
    let folds = match units.clusters {
        None => stratified_by_arm(&treatment, k, &mut rng),
        Some(labels) => whole_clusters(&treatment, &labels.select(Axis(0), &present), k, &mut rng),
    };
    let mut fold = vec![0; units.treatment.len()];
    present.iter().zip(folds).for_each(|(i, f)| fold[*i] = f);
    fold
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

    fn divide(treatment: &[Arm], clusters: Option<&Array1<usize>>, k: usize, seed: u64, repeat: usize) -> Vec<usize> {
        super::divide(&Units { treatment, clusters, weights: None }, k, seed, repeat)
    }

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

    #[test]
    fn rows_of_weight_zero_have_no_part_in_the_division() {
        let treatment = arms(90, |i| i % 3 == 0);
        let labels: Array1<usize> = (0..90).map(|i| i / 4).collect();
        let weights: Array1<f64> = (0..90).map(|i| f64::from(u8::from(i % 5 > 1))).collect();
        let present: Vec<usize> = (0..90).filter(|i| weights[*i] > 0.0).collect();
        let few: Vec<Arm> = present.iter().map(|i| treatment[*i]).collect();
        let few_labels = labels.select(Axis(0), &present);
        for clustered in [false, true] {
            let units =
                Units { treatment: &treatment, clusters: clustered.then_some(&labels), weights: Some(&weights) };
            let with = super::divide(&units, 4, 7, 0);
            let without = divide(&few, clustered.then_some(&few_labels), 4, 7, 0);
            assert_eq!(present.iter().map(|i| with[*i]).collect::<Vec<_>>(), without, "{clustered}");
            assert!((0..90).all(|i| weights[i] > 0.0 || with[i] == 0));
        }
    }
}
