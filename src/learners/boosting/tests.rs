//! Trees against hand calculation and exhaustive search, leaves against closed forms, and the promises of a learner.

use super::grow::{Soil, grow};
use super::histogram::{FixedPoint, Summer};
use super::rows::GatheredRows;
use super::tree::{Child, Tree};
use super::*;
use crate::numerics::streams;
use ndarray::{Array2, Axis};
use rand::RngExt;

/// One round over all rows and columns, no shrinkage, no penalty.
fn plain(leaves: LeafModel) -> BoostingParams {
    BoostingParams {
        leaves,
        learning_rate: 1.0,
        max_depth: 3,
        max_leaves: 8,
        l2: 0.0,
        min_leaf_rows: 1,
        column_share: 1.0,
        row_share: 1.0,
        max_rounds: 1,
        stopping: Stopping::Never,
        clip_margin: 0.1,
    }
}

fn seed() -> Seed {
    Seed::new(11, "test")
}

struct Case {
    x: Array2<f64>,
    y: Vec<f64>,
    weights: Vec<f64>,
    binned: BinnedMatrix,
}

impl Case {
    fn new(x: Array2<f64>, y: Vec<f64>, weights: Vec<f64>) -> Self {
        let binned = BinnedMatrix::new(x.view(), MAX_BINS);
        Self { x, y, weights, binned }
    }

    /// n rows, p columns of which one is an indicator and one rare, y a smooth function of two with noise.
    fn smooth(n: usize, p: usize) -> Self {
        let mut rng = streams::stream(3, "smooth");
        let x = Array2::from_shape_fn((n, p), |(_, j)| {
            let u: f64 = rng.random();
            match j {
                2 => f64::from(u8::from(u < 0.4)),
                3 => f64::from(u8::from(u < 0.05)),
                4 => (u * 6.0).floor(),
                _ => u * 4.0 - 2.0,
            }
        });
        let y =
            x.outer_iter().map(|x| truth(x[0], x.get(1).copied().unwrap_or(0.0)) + rng.random::<f64>() - 0.5).collect();
        let weights = (0..n).map(|_| 0.5 + rng.random::<f64>()).collect();
        Self::new(x, y, weights)
    }

    fn binary(mut self) -> Self {
        self.y = self.y.iter().map(|y| f64::from(u8::from(*y > 0.3))).collect();
        self
    }

    fn data(&self) -> BoostingData<'_> {
        BoostingData { binned: &self.binned, x: self.x.view(), y: &self.y, weights: &self.weights }
    }

    fn all(&self) -> Vec<usize> {
        (0..self.y.len()).collect()
    }

    fn fit(&self, family: Family, params: &BoostingParams) -> BoostedTrees {
        fit(&self.data(), &self.all(), family, params, &seed()).unwrap()
    }
}

fn truth(a: f64, b: f64) -> f64 {
    (1.5 * a).sin() + 0.5 * a * b
}

fn rmse(a: &[f64], b: &[f64]) -> f64 {
    (a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>() / a.len() as f64).sqrt()
}

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
    assert_eq!(ridged.importance(), [1.0]);
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
    super::histogram::subtract(&mut whole, &odd);
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
    use super::leaf::{ScaledColumn, ridge};
    let case = Case::smooth(60, 8);
    let column = |z: Vec<f64>| ScaledColumn { centre: 0.0, scale: 1.0, z };
    let mut columns: Vec<ScaledColumn> = [0, 5, 6].map(|j| column(case.x.column(j).to_vec())).to_vec();
    columns.insert(1, column(vec![2.5; 60]));
    let g: Vec<f64> = case.y.iter().zip(&case.weights).map(|(y, w)| -y * w).collect();
    let rows: Vec<u32> = (0..60).collect();
    let leaf = ridge(&rows, &columns.iter().collect::<Vec<_>>(), (&g, &case.weights), 0.7, 1.0).unwrap();
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
    assert_eq!(ridge(&rows, &same, (&g, &case.weights), 0.0, 1.0), None);
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
fn rows_of_weight_zero_have_no_influence_at_all() {
    for (family, leaves) in
        [(Family::Gaussian, LeafModel::Linear { ridge: 1.0 }), (Family::Bernoulli, LeafModel::Constant)]
    {
        let case = Case::smooth(400, 6);
        let case = if family == Family::Bernoulli { case.binary() } else { case };
        let params = BoostingParams { leaves, max_rounds: 60, ..BoostingParams::outcome(400) };
        let zero = |i: usize| i % 7 == 3;
        let weights: Vec<f64> = (0..400).map(|i| if zero(i) { 0.0 } else { case.weights[i] }).collect();
        // What the rows of weight zero hold is nobody's business.
        let y: Vec<f64> = (0..400).map(|i| if zero(i) { 1e6 } else { case.y[i] }).collect();
        let names: Vec<String> = (0..6).map(|j| format!("x{j}")).collect();
        let with = Training { x: case.x.view(), names: &names, y: &y, weights: &weights };
        let kept: Vec<usize> = case.all().into_iter().filter(|i| !zero(*i)).collect();
        let x = case.x.select(Axis(0), &kept);
        let pick = |v: &[f64]| kept.iter().map(|i| v[*i]).collect::<Vec<f64>>();
        let (y, weights) = (pick(&case.y), pick(&case.weights));
        let without = Training { x: x.view(), names: &names, y: &y, weights: &weights };
        let learner = BoostingLearner { params };
        let [a, b] = [with, without].map(|t| learner.fit(&t, family, &seed()).unwrap().predict(case.x.view()));
        assert_eq!(a, b);
        assert!(rmse(&a, &vec![a[0]; 400]) > 0.05);
    }
}

#[test]
fn a_weight_of_two_is_the_row_twice() {
    let case = Case::smooth(300, 6);
    let weights: Vec<f64> = (0..300).map(|i| 1.0 + f64::from(u8::from(i % 3 == 0))).collect();
    let twice: Vec<usize> = (0..300).flat_map(|i| vec![i; weights[i] as usize]).collect();
    for leaves in [LeafModel::Constant, LeafModel::Linear { ridge: 0.0 }] {
        let params = BoostingParams { max_rounds: 20, learning_rate: 0.3, max_depth: 2, ..plain(leaves) };
        let weighted =
            fit(&BoostingData { weights: &weights, ..case.data() }, &case.all(), Family::Gaussian, &params, &seed());
        let doubled =
            fit(&BoostingData { weights: &[1.0; 300], ..case.data() }, &twice, Family::Gaussian, &params, &seed());
        let [a, b] = [weighted, doubled].map(|m| m.unwrap().predict_rows(&case.data(), &case.all()));
        assert!(rmse(&a, &b) < 1e-9, "{leaves:?} {}", rmse(&a, &b));
    }
}

#[test]
fn the_scale_of_the_weights_and_the_units_of_a_column_do_not_matter() {
    let case = Case::smooth(400, 6);
    let params = BoostingParams { max_rounds: 50, ..BoostingParams::outcome(400) };
    let a = case.fit(Family::Gaussian, &params).predict(case.x.view());
    let heavy = Case { weights: case.weights.iter().map(|w| w * 1e6).collect(), ..Case::smooth(400, 6) };
    assert!(rmse(&a, &heavy.fit(Family::Gaussian, &params).predict(case.x.view())) < 1e-9);
    let x = Array2::from_shape_fn(case.x.dim(), |(i, j)| if j == 0 { case.x[[i, 0]] * 1024.0 } else { case.x[[i, j]] });
    let rescaled = Case::new(x, case.y.clone(), case.weights.clone());
    assert!(rmse(&a, &rescaled.fit(Family::Gaussian, &params).predict(rescaled.x.view())) < 1e-9);
}

#[test]
fn one_thread_and_three_give_the_same_bits() {
    let case = Case::smooth(40_000, 20);
    let params = BoostingParams { max_rounds: 4, stopping: Stopping::Never, ..BoostingParams::outcome(5000) };
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| case.fit(Family::Gaussian, &params).predict(case.x.view()))
    };
    let (one, three) = (on(1), on(3));
    assert_eq!(one, three);
    assert!(rmse(&one, &case.y) < rmse(&vec![0.0; 40_000], &case.y));
}

#[test]
fn both_ways_to_predict_agree_bit_for_bit() {
    let case = Case::smooth(500, 6);
    let model = case.fit(Family::Gaussian, &BoostingParams::outcome(500));
    let rows: Vec<usize> = case.all().into_iter().rev().collect();
    let by_code = model.predict_rows(&case.data(), &rows);
    let by_cut = model.predict(case.x.view());
    assert!(rows.iter().zip(&by_code).all(|(i, v)| by_cut[*i] == *v));
}

#[test]
fn stopping_ends_on_noise_and_every_scheme_says_how_it_ended() {
    let mut noise = Case::smooth(400, 6);
    noise.y.reverse();
    let params = BoostingParams::outcome(400);
    let model = noise.fit(Family::Gaussian, &params);
    assert!(model.rounds()[0] < 40, "{:?}", model.rounds());
    let case = Case::smooth(400, 6);
    let schemes = [
        Stopping::HeldOut { share: 0.2, patience: 30 },
        Stopping::Refit { parts: 5, searches: 2, speed: 2.0, patience: 30 },
        Stopping::Folds { folds: 3, patience: 30 },
    ];
    for stopping in schemes {
        let model = case.fit(Family::Gaussian, &BoostingParams { stopping, ..params.clone() });
        assert!(model.info().converged && model.rounds().iter().all(|r| (10..1000).contains(r)), "{stopping:?}");
        let cut = case.fit(Family::Gaussian, &BoostingParams { stopping, max_rounds: 8, ..params.clone() });
        assert!(!cut.info().converged && cut.info().notes[0].contains("the limit of 8 rounds"));
    }
}

#[test]
fn watched_rows_decide_the_rounds_and_nothing_else() {
    let case = Case::smooth(600, 6);
    let (rows, watched): (Vec<usize>, Vec<usize>) = case.all().into_iter().partition(|i| i % 5 > 0);
    let params = BoostingParams::outcome(600);
    let stopped = fit_watched(&case.data(), (&rows, &watched), Family::Gaussian, &params, &seed()).unwrap();
    let rounds = stopped.rounds()[0];
    let never = BoostingParams { stopping: Stopping::Never, max_rounds: rounds + 5, ..params };
    let longer = fit_watched(&case.data(), (&rows, &watched), Family::Gaussian, &never, &seed()).unwrap();
    assert_eq!(stopped.members[0].trees[..], longer.members[0].trees[..rounds]);
}

#[test]
fn linear_leaves_recover_a_smooth_function_better_than_constants() {
    let case = Case::smooth(1500, 6);
    let fresh = Case::smooth(1500, 6).x.select(Axis(0), &(0..1500).rev().collect::<Vec<_>>());
    let expected: Vec<f64> = fresh.outer_iter().map(|x| truth(x[0], x[1])).collect();
    let error = |params: BoostingParams| rmse(&case.fit(Family::Gaussian, &params).predict(fresh.view()), &expected);
    let linear = error(BoostingParams::outcome(1500));
    let constant = error(BoostingParams { leaves: LeafModel::Constant, ..BoostingParams::outcome(1500) });
    assert!(linear < 0.12 && linear < 0.85 * constant, "{linear} {constant}");
}

#[test]
fn a_prediction_far_outside_is_clipped_and_counted() {
    let case = Case::smooth(300, 1);
    let model = case.fit(Family::Gaussian, &BoostingParams::outcome(300));
    let (low, high) = case.y.iter().fold((f64::MAX, f64::MIN), |(l, h), y| (l.min(*y), h.max(*y)));
    let far = model.predict_counted(Array2::from_elem((3, 1), 1e6).view());
    assert_eq!(far.clipped, 3);
    assert!(far.values.iter().all(|v| *v >= low - 0.1 * (high - low) && *v <= high + 0.1 * (high - low)));
    assert_eq!(model.predict_counted(case.x.view()).clipped, 0);
}

#[test]
fn what_cannot_be_fitted_is_refused_by_name() {
    let case = Case::smooth(50, 6);
    let problem = |y: Vec<f64>, family: Family, params: BoostingParams| {
        let data = BoostingData { y: &y, ..case.data() };
        fit(&data, &case.all(), family, &params, &seed()).unwrap_err().to_string()
    };
    let params = BoostingParams::outcome(50);
    let mut missing = case.y.clone();
    missing[7] = f64::NAN;
    assert!(problem(missing, Family::Gaussian, params.clone()).contains("row 7 is NaN"));
    assert!(problem(case.y.clone(), Family::Bernoulli, params.clone()).contains("fitted to 0 and 1"));
    assert!(problem(vec![1.0; 50], Family::Bernoulli, params.clone()).contains("both classes"));
    let bad = BoostingParams { column_share: 0.0, ..params };
    assert!(problem(case.y.clone(), Family::Gaussian, bad).contains("column_share must be in (0, 1]"));
}

#[test]
fn a_constant_response_and_a_handful_of_rows_give_the_mean() {
    let case = Case { y: vec![4.25; 200], ..Case::smooth(200, 6) };
    for params in [BoostingParams::outcome(200), BoostingParams::propensity(200)] {
        let fitted = case.fit(Family::Gaussian, &params).predict(case.x.view());
        assert!(fitted.iter().all(|v| (v - 4.25).abs() < 1e-12));
    }
    let few = Case::smooth(4, 3);
    let model = few.fit(Family::Gaussian, &BoostingParams::outcome(4));
    assert!(model.info().notes.iter().any(|note| note.contains("the prediction is the mean")));
    assert!(model.predict(few.x.view()).iter().all(|v| v.is_finite()));
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
