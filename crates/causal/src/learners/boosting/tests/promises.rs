//! The promises of every learner; stopping, clipping, refusals.

use crate::learners::boosting::tests::*;
use ndarray::Axis;

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
    // 112,000 rows a round: dense columns, sparse columns and partitions are all shared among threads.
    let n = 140_000;
    let case = Case::smooth(n, 12);
    let params = BoostingParams { max_rounds: 3, stopping: Stopping::Never, ..BoostingParams::outcome(5000) };
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| case.fit(Family::Gaussian, &params).predict(case.x.view()))
    };
    let (one, three) = (on(1), on(3));
    assert_eq!(one, three);
    assert!(rmse(&one, &case.y) < rmse(&vec![0.0; n], &case.y));
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
    let stopped =
        fit_watched(&case.data(), WatchedRows { fitted: &rows, watched: &watched }, Family::Gaussian, &params, &seed())
            .unwrap();
    let rounds = stopped.rounds()[0];
    let never = BoostingParams { stopping: Stopping::Never, max_rounds: rounds + 5, ..params };
    let longer =
        fit_watched(&case.data(), WatchedRows { fitted: &rows, watched: &watched }, Family::Gaussian, &never, &seed())
            .unwrap();
    assert_eq!(stopped.members[0].trees[..], longer.members[0].trees[..rounds]);
}

#[test]
fn the_scores_are_those_of_the_trees_that_are_kept() {
    use crate::learners::boosting::rounds::{Division, Limit, Objective, boost};
    // Responses out of order: the held-out loss rises soon, and many trees are dropped.
    let mut case = Case::smooth(400, 6);
    case.y.reverse();
    let rows = |keep: &dyn Fn(u32) -> bool| (0..400).filter(|i| keep(*i)).collect::<Vec<u32>>();
    let division = Division { fitted: rows(&|i| i % 5 > 0), watched: rows(&|i| i % 5 == 0) };
    let params = BoostingParams::outcome(400);
    let objective = Objective { family: Family::Gaussian, params: &params };
    let boosted = boost(&case.data(), &division, objective, Limit { rounds: 200, patience: 30 }, seed().stream());
    assert!(boosted.ensemble.trees.len() < 100, "nothing was dropped");
    assert_eq!(boosted.scores.len(), 320);
    for (score, i) in boosted.scores.iter().zip(&division.fitted) {
        let i = *i as usize;
        let of_tree = |tree: &crate::learners::boosting::tree::Tree| {
            tree.value(tree.leaf_of_binned(&case.binned, i), case.x.view(), i)
        };
        let sum = boosted.ensemble.trees.iter().fold(boosted.ensemble.base, |sum, tree| sum + of_tree(tree));
        assert!((score - sum).abs() < 1e-9, "{score} {sum}");
    }
}

#[test]
fn a_class_that_a_part_may_lack_is_refused() {
    let case = Case::smooth(200, 6);
    let once = Case { y: (0..200).map(|i| f64::from(u8::from(i == 17))).collect(), ..Case::smooth(200, 6) };
    let never = Case { y: once.y.iter().map(|y| 1.0 - y).collect(), ..case };
    let schemes = [
        Stopping::HeldOut { share: 0.2, patience: 30 },
        Stopping::Refit { parts: 5, searches: 2, speed: 2.0, patience: 30 },
        Stopping::Folds { folds: 3, patience: 30 },
    ];
    for case in [&once, &never] {
        for stopping in schemes {
            let params = BoostingParams { stopping, max_rounds: 20, ..BoostingParams::propensity(200) };
            let error = fit(&case.data(), &case.all(), Family::Bernoulli, &params, &seed()).unwrap_err();
            assert!(error.to_string().contains("a class has a single row"), "{stopping:?}: {error}");
        }
        // Where nothing is held out, one row is enough.
        let params = BoostingParams { stopping: Stopping::Never, max_rounds: 5, ..BoostingParams::propensity(200) };
        assert!(case.fit(Family::Bernoulli, &params).predict(case.x.view()).iter().all(|p| *p > 0.0 && *p < 1.0));
    }
}

#[test]
fn linear_leaves_recover_slopes_and_kinks_better_than_constants() {
    let kinked = |a: f64, b: f64, c: f64| a + b.max(0.0) - 0.5 * c;
    let mut case = Case::smooth(600, 7);
    for (y, x) in case.y.iter_mut().zip(case.x.outer_iter()) {
        *y += kinked(x[0], x[1], x[5]) - truth(x[0], x[1]);
    }
    let place = |k: usize| (k as f64 - 3.5) * 0.5;
    let grid = Array2::from_shape_fn((512, 7), |(i, j)| match j {
        0 => place(i % 8),
        1 => place(i / 8 % 8),
        5 => place(i / 64),
        _ => 1.0,
    });
    let expected: Vec<f64> = grid.outer_iter().map(|x| kinked(x[0], x[1], x[5])).collect();
    let error = |params: BoostingParams| rmse(&case.fit(Family::Gaussian, &params).predict(grid.view()), &expected);
    let linear = error(BoostingParams::outcome(600));
    let constant = error(BoostingParams { leaves: LeafModel::Constant, ..BoostingParams::outcome(600) });
    // Half of the standard deviation of the noise, 0.29.
    assert!(linear < 0.145 && linear < 0.75 * constant, "{linear} {constant}");
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
