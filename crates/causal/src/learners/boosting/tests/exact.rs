//! Trees against hand calculation and exhaustive search, leaves against closed forms.

use crate::learners::boosting::grow::{Soil, grow};
use crate::learners::boosting::histogram::{FixedPoint, Summer, subtract};
use crate::learners::boosting::leaf::{Derivatives, ScaledColumn, ridge};
use crate::learners::boosting::rows::GatheredRows;
use crate::learners::boosting::tests::*;
use crate::learners::boosting::tree::{Child, Tree};
use ndarray::Axis;

fn first_tree(model: &BoostedTrees) -> &Tree {
    &model.members[0].trees[0]
}

#[test]
fn the_first_split_and_its_gain_are_those_calculated_by_hand() {
    // y = 1, 1, 5, 6, 6 at x = 1..5; the mean is 3.8, gradients are 2.8, 2.8, −1.2, −2.2, −2.2. Splitting after 2:
    // 5.6²/2 + 5.6²/3 = 26.133.., against 0 for the root; every other split gains less.
    let x = Array2::from_shape_vec((5, 1), vec![1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
    let case = Case::new(x, vec![1.0, 1.0, 5.0, 6.0, 6.0], vec![1.0; 5]);
    let params = BoostingParams { max_leaves: 2, ..plain(LeafModel::Constant) };
    let model = case.fit(Family::Gaussian, &params);
    let split = &first_tree(&model).splits[0];
    assert_eq!((split.column, split.code, split.cut), (0, 1, 2.5));
    assert!((split.gain - (5.6 * 5.6 / 2.0 + 5.6 * 5.6 / 3.0)).abs() < 1e-12);
    let fitted = model.predict(case.x.view());
    assert!(rmse(&fitted, &[1.0, 1.0, 17.0 / 3.0, 17.0 / 3.0, 17.0 / 3.0]) < 1e-12, "{fitted:?}");
    // With λ = 1: values −G/(H + 1) from 3.8 on.
    let ridged = case.fit(Family::Gaussian, &BoostingParams { l2: 1.0, ..params });
    let fitted = ridged.predict(case.x.view());
    assert!((fitted[0] - (3.8 - 5.6 / 3.0)).abs() < 1e-12 && (fitted[4] - (3.8 + 5.6 / 4.0)).abs() < 1e-12);
}

/// Sum of squares that the best depth-limited tree found greedily leaves, over all midpoints of all columns.
fn exact_greedy(x: &Array2<f64>, y: &[f64], rows: &[usize], depth: usize, least: usize) -> Vec<(usize, f64)> {
    let ss = |rows: &[usize]| {
        let mean = rows.iter().map(|i| y[*i]).sum::<f64>() / rows.len() as f64;
        rows.iter().map(|i| (y[*i] - mean).powi(2)).sum::<f64>()
    };
    let mut best: Option<(f64, Vec<usize>, Vec<usize>)> = None;
    if depth > 0 {
        for column in x.axis_iter(Axis(1)) {
            let mut values: Vec<f64> = rows.iter().map(|i| column[*i]).collect();
            values.sort_by(f64::total_cmp);
            values.dedup();
            for pair in values.windows(2) {
                let cut = f64::midpoint(pair[0], pair[1]);
                let (left, right): (Vec<usize>, Vec<usize>) = rows.iter().partition(|i| column[**i] <= cut);
                let gain = ss(rows) - ss(&left) - ss(&right);
                // More than rounding, so that ties stay with the first column and cut, as in the trees.
                if left.len().min(right.len()) >= least && best.as_ref().is_none_or(|best| gain > best.0 + 1e-12) {
                    best = Some((gain, left, right));
                }
            }
        }
    }
    match best {
        Some((gain, left, right)) if gain > 1e-12 => {
            let mut fitted = exact_greedy(x, y, &left, depth - 1, least);
            fitted.extend(exact_greedy(x, y, &right, depth - 1, least));
            fitted
        }
        _ => {
            let mean = rows.iter().map(|i| y[*i]).sum::<f64>() / rows.len() as f64;
            rows.iter().map(|i| (*i, mean)).collect()
        }
    }
}

#[test]
fn with_a_bin_for_every_value_a_tree_is_the_exact_greedy_tree() {
    let case = Case { weights: vec![1.0; 150], ..Case::smooth(150, 6) };
    let params = BoostingParams { min_leaf_rows: 7, ..plain(LeafModel::Constant) };
    let fitted = case.fit(Family::Gaussian, &params).predict(case.x.view());
    let mut exact = exact_greedy(&case.x, &case.y, &case.all(), 3, 7);
    exact.sort_by_key(|(i, _)| *i);
    let exact: Vec<f64> = exact.into_iter().map(|(_, mean)| mean).collect();
    assert!(rmse(&fitted, &exact) < 1e-10);
}

#[test]
fn a_histogram_by_subtraction_is_the_sum_itself() {
    let case = Case::smooth(600, 6);
    let rows: Vec<u32> = (0..600).collect();
    let gathered = GatheredRows::new(&case.binned, &rows);
    let scale = FixedPoint::new(600, 3.0, 2.0);
    let pairs: Vec<_> = case.y.iter().zip(&case.weights).map(|(y, w)| scale.pair(*y, *w)).collect();
    let summer = Summer::new(&gathered, &[0, 1, 2, 3, 4, 5]);
    let (mut whole, mut odd, mut even) = (Vec::new(), Vec::new(), Vec::new());
    summer.sum(&rows, &pairs, &mut whole);
    let pick = |k: usize| {
        let rows: Vec<u32> = (0..600).filter(|i| i % 2 == k as u32).collect();
        let pairs: Vec<_> = rows.iter().map(|i| pairs[*i as usize]).collect();
        (rows, pairs)
    };
    summer.sum(&pick(1).0, &pick(1).1, &mut odd);
    summer.sum(&pick(0).0, &pick(0).1, &mut even);
    subtract(&mut whole, &odd);
    assert_eq!(whole, even);
    let bins = &even[gathered.bins(3)];
    let count = |code: u8| (0..600).filter(|i| i % 2 == 0 && case.binned.column(3)[*i] == code).count();
    assert_eq!([scale.rows(bins[0]), scale.rows(bins[1])], [count(0), count(1)]);
    let direct: f64 = (0..600).filter(|i| i % 2 == 0 && case.binned.column(3)[*i] == 0).map(|i| case.weights[i]).sum();
    assert!((scale.curvature(bins[0]) - direct).abs() < 1e-9);
}

#[test]
fn a_linear_leaf_is_the_ridge_regression_on_its_path() {
    let mut case = Case::smooth(80, 1);
    for (i, y) in case.y.iter_mut().enumerate() {
        *y += if case.x[[i, 0]] > 0.3 { 40.0 } else { 0.0 };
    }
    let ridge = 3.0;
    let params = BoostingParams { max_leaves: 2, min_leaf_rows: 20, ..plain(LeafModel::Linear { ridge }) };
    let model = case.fit(Family::Gaussian, &params);
    let total: f64 = case.weights.iter().sum();
    let w: Vec<f64> = case.weights.iter().map(|w| w * 80.0 / total).collect();
    let x: Vec<f64> = case.x.column(0).to_vec();
    let mean = |rows: &[usize], v: &[f64]| {
        rows.iter().map(|i| w[*i] * v[*i]).sum::<f64>() / rows.iter().map(|i| w[*i]).sum::<f64>()
    };
    let all = case.all();
    let centre = mean(&all, &x);
    let variance = mean(&all, &x.iter().map(|x| (x - centre).powi(2)).collect::<Vec<f64>>());
    let cut = first_tree(&model).splits[0].cut;
    let fitted = model.predict(case.x.view());
    for side in [true, false] {
        let rows: Vec<usize> = all.iter().copied().filter(|i| (x[*i] <= cut) == side).collect();
        let (mx, my) = (mean(&rows, &x), mean(&rows, &case.y));
        let sxy: f64 = rows.iter().map(|i| w[*i] * (x[*i] - mx) * (case.y[*i] - my)).sum();
        let sxx: f64 = rows.iter().map(|i| w[*i] * (x[*i] - mx).powi(2)).sum();
        // λ on the scale of columns with standard deviation one is λ·variance on the raw scale.
        let slope = sxy / (sxx + ridge * variance);
        assert!(slope.abs() > 0.05);
        for i in rows {
            assert!((fitted[i] - (my + slope * (x[i] - mx))).abs() < 1e-10);
        }
    }
}

#[test]
fn three_columns_and_a_constant_one_solve_the_normal_equations() {
    let case = Case::smooth(60, 8);
    let column = |z: Vec<f64>| ScaledColumn { centre: 0.0, scale: 1.0, z };
    let mut columns: Vec<ScaledColumn> = [0, 5, 6].map(|j| column(case.x.column(j).to_vec())).to_vec();
    columns.insert(1, column(vec![2.5; 60]));
    let g: Vec<f64> = case.y.iter().zip(&case.weights).map(|(y, w)| -y * w).collect();
    let rows: Vec<u32> = (0..60).collect();
    let leaf =
        ridge(&rows, &columns.iter().collect::<Vec<_>>(), Derivatives { g: &g, h: &case.weights }, 0.7, 1.0).unwrap();
    assert_eq!(leaf.slopes[1], 0.0);
    // At the solution: Σ w r = 0 and Σ w r z = λ·slope.
    let r: Vec<f64> = (0..60)
        .map(|i| case.y[i] - leaf.constant - (0..4).map(|a| leaf.slopes[a] * columns[a].z[i]).sum::<f64>())
        .collect();
    let dot = |z: &dyn Fn(usize) -> f64| (0..60).map(|i| case.weights[i] * r[i] * z(i)).sum::<f64>();
    assert!(dot(&|_| 1.0).abs() < 1e-10);
    for a in [0, 2, 3] {
        assert!((dot(&|i| columns[a].z[i]) - 0.7 * leaf.slopes[a]).abs() < 1e-10, "column {a}");
    }
    // Twice the same column without penalty: no solution, so the leaf is constant.
    let same = [&columns[0], &columns[0]];
    assert_eq!(ridge(&rows, &same, Derivatives { g: &g, h: &case.weights }, 0.0, 1.0), None);
}

#[test]
fn a_log_loss_leaf_takes_the_newton_step() {
    // x = 0: 1 of 4 ones; x = 1: 5 of 6. Base ln(6/4); in each leaf (Σ y − n p)/(n p(1 − p) + λ) with p = 0.6.
    let x = Array2::from_shape_fn((10, 1), |(i, _)| f64::from(u8::from(i >= 4)));
    let y = vec![1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0];
    let case = Case::new(x, y, vec![2.0; 10]);
    let params = BoostingParams { l2: 1.0, learning_rate: 0.5, ..plain(LeafModel::Constant) };
    let fitted = case.fit(Family::Bernoulli, &params).predict(case.x.view());
    let expected = |ones: f64, n: f64| {
        let f = 1.5_f64.ln() + 0.5 * (ones - 0.6 * n) / (n * 0.24 + 1.0);
        1.0 / (1.0 + (-f).exp())
    };
    assert!((fitted[0] - expected(1.0, 4.0)).abs() < 1e-12);
    assert!((fitted[9] - expected(5.0, 6.0)).abs() < 1e-12);
}

#[test]
fn a_grown_tree_holds_every_row_once() {
    let case = Case::smooth(300, 6);
    let rows: Vec<u32> = (0..300).collect();
    let gathered = GatheredRows::new(&case.binned, &rows);
    let scale = FixedPoint::new(300, 3.0, 2.0);
    let pairs: Vec<_> = case.y.iter().map(|y| scale.pair(*y, 1.0)).collect();
    let params = BoostingParams { max_leaves: 6, min_leaf_rows: 10, ..plain(LeafModel::Constant) };
    let columns = [0, 1, 2, 3, 4, 5];
    let soil = Soil { data: &gathered, binned: &case.binned, params: &params, columns: &columns, scale };
    let grown = grow(&soil, rows, &pairs);
    assert_eq!((grown.leaves.len(), grown.tree.splits.len()), (6, 5));
    for (leaf, place) in grown.leaves.iter().enumerate() {
        let rows = &grown.rows[place.rows.clone()];
        assert!(rows.len() >= 10 && rows.is_sorted() && scale.rows(place.total) == rows.len());
        assert!(rows.iter().all(|i| grown.tree.leaf_of_gathered(&gathered, *i as usize) == leaf));
    }
    assert!(grown.tree.splits.iter().all(|s| s.gain > 0.0 && s.left != Child::Split(0)));
}
