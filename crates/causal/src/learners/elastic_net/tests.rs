use crate::learners::conformance::{Simulated, conformance, fit_simulated};
use crate::learners::elastic_net::*;
use ndarray::Array2;
use serde_json::Value;

fn numbers(v: &Value) -> Vec<f64> {
    v.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn fitted(params: &ElasticNetParams, data: &Simulated, family: Family, seed: u64) -> LinearModel {
    let counted = Counted::new(NAME, &data.training(), family).unwrap();
    fit_counted(NAME, &counted, family, params, &Seed::new(seed, "test")).unwrap()
}

#[test]
fn conforms() {
    conformance(&ElasticNet::default());
}

#[test]
fn coefficients_are_those_of_scikit_learn() {
    // Made by tests/fixtures/learners/make_elastic_net.py. SAGA, the loosest of the reference solvers, stops at 1e-12
    // relative change; both solve a strictly convex problem, so 1e-6 relative to the largest coefficient is generous.
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/learners/elastic_net.json"));
    let fixture: Value = serde_json::from_str(text).unwrap();
    let rows: Vec<f64> = fixture["x"].as_array().unwrap().iter().flat_map(numbers).collect();
    let (y, d, weights) = (numbers(&fixture["y"]), numbers(&fixture["d"]), numbers(&fixture["w"]));
    let names: Vec<String> = (0..8).map(|j| format!("x{j}")).collect();
    let x = Array2::from_shape_vec((y.len(), 8), rows).unwrap();
    let cases = fixture["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 18);
    for case in cases {
        let family = if case["family"] == "gaussian" { Family::Gaussian } else { Family::Bernoulli };
        let y = if family == Family::Gaussian { y.clone() } else { d.clone() };
        let data = Simulated { x: x.clone(), names: names.clone(), y, weights: weights.clone() };
        let params = ElasticNetParams {
            mixes: vec![case["mix"].as_f64().unwrap()],
            rule: PenaltyRule::Fixed(case["penalty"].as_f64().unwrap()),
            tolerance: 1e-9,
            ..ElasticNetParams::default()
        };
        let model = fitted(&params, &data, family, 1);
        let mut ours = vec![0.0; 8];
        model.coefficients.iter().for_each(|(j, b)| ours[*j] = *b);
        let theirs = numbers(&case["coefficients"]);
        let scale = theirs.iter().fold(1e-3_f64, |m, v| m.max(v.abs()));
        for (a, b) in ours.iter().zip(&theirs) {
            assert!((a - b).abs() <= 1e-6 * scale, "{case}: {ours:?}");
        }
        assert!((model.intercept - case["intercept"].as_f64().unwrap()).abs() <= 1e-5 * scale.max(1.0), "{case}");
    }
}

#[test]
fn without_a_penalty_it_is_maximum_likelihood() {
    for family in [Family::Gaussian, Family::Bernoulli] {
        let data = Simulated::new(family, 300, 4);
        let params = ElasticNetParams {
            mixes: vec![1.0],
            rule: PenaltyRule::Fixed(1e-9),
            tolerance: 1e-10,
            ..ElasticNetParams::default()
        };
        let penalised = fitted(&params, &data, family, 1);
        let plain = crate::learners::regression::Regression::default();
        let plain = plain.fit(&data.training(), family, &Seed::new(1, "test")).unwrap().predict(data.x.view());
        for (a, b) in penalised.predict(data.x.view()).iter().zip(plain) {
            assert!((a - b).abs() < 1e-6, "{a} {b}");
        }
    }
}

/// Forty columns, three of which matter.
fn sparse(family: Family, n: usize, seed: u64) -> Simulated {
    let small = Simulated::new(family, n, seed);
    let noise = Simulated::new(family, n * 6, seed + 1);
    let x =
        Array2::from_shape_fn((n, 40), |(i, j)| if j < 5 { small.x[[i, j]] } else { noise.x[[i * 6 + j % 6, j % 3]] });
    let names = (0..40).map(|j| format!("x{j}")).collect();
    Simulated { x, names, y: small.y, weights: vec![1.0; n] }
}

#[test]
fn cross_validation_finds_what_matters_and_one_se_is_sparser() {
    for family in [Family::Gaussian, Family::Bernoulli] {
        let (data, fresh) = (sparse(family, 400, 8), sparse(family, 2000, 80));
        let at = |rule| {
            let params = ElasticNetParams { mixes: vec![1.0], rule, ..ElasticNetParams::default() };
            fitted(&params, &data, family, 2)
        };
        let (min, one_se) = (at(PenaltyRule::Min), at(PenaltyRule::OneSe));
        assert!(one_se.coefficients.len() < min.coefficients.len());
        assert!(one_se.coefficients.iter().any(|(j, _)| *j == 0));
        let loss = |model: &LinearModel| {
            let rows = model.predict(fresh.x.view()).into_iter().zip(&fresh.y);
            rows.map(|(m, y)| (y - m).powi(2)).sum::<f64>() / 2000.0
        };
        let overfitted = crate::learners::regression::Regression::default();
        let overfitted = overfitted.fit(&data.training(), family, &Seed::new(1, "t")).unwrap().predict(fresh.x.view());
        let plain = overfitted.iter().zip(&fresh.y).map(|(m, y)| (y - m).powi(2)).sum::<f64>() / 2000.0;
        assert!(loss(&min) < plain, "{} {plain}", loss(&min));
    }
}

#[test]
fn more_columns_than_rows_are_no_obstacle() {
    for family in [Family::Gaussian, Family::Bernoulli] {
        let data = sparse(family, 30, 8);
        let model = fitted(&ElasticNetParams::default(), &data, family, 2);
        assert!(model.info.converged, "{:?}", model.info);
        assert!(model.info.notes[0].contains("of 40 columns"), "{:?}", model.info);
    }
}

#[test]
fn several_mixtures_are_compared_and_the_chosen_one_is_stated() {
    let data = sparse(Family::Gaussian, 200, 8);
    let model = fitted(&ElasticNetParams::thorough(), &data, Family::Gaussian, 2);
    assert!(["0.1", "0.5", "1"].iter().any(|m| model.info.notes[0].contains(&format!("mixture {m}:"))));
}

#[test]
fn a_response_that_never_varies_is_its_mean() {
    let mut data = Simulated::new(Family::Gaussian, 50, 3);
    data.y.fill(7.5);
    let model = fitted(&ElasticNetParams::default(), &data, Family::Gaussian, 1);
    assert!(model.predict(data.x.view()).iter().all(|m| (m - 7.5).abs() < 1e-12));
}

#[test]
fn parameters_out_of_range_and_too_few_rows_are_refused() {
    let bad = [
        ElasticNetParams { mixes: vec![], ..ElasticNetParams::default() },
        ElasticNetParams { mixes: vec![1.5], ..ElasticNetParams::default() },
        ElasticNetParams { rule: PenaltyRule::Fixed(0.0), ..ElasticNetParams::default() },
        ElasticNetParams { folds: 1, ..ElasticNetParams::default() },
        ElasticNetParams { folds: 2, rule: PenaltyRule::OneSe, ..ElasticNetParams::default() },
        ElasticNetParams { points: 1, ..ElasticNetParams::default() },
        ElasticNetParams { smallest: 1.0, ..ElasticNetParams::default() },
        ElasticNetParams { tolerance: 0.1, ..ElasticNetParams::default() },
    ];
    let data = Simulated::new(Family::Gaussian, 50, 3);
    for params in bad {
        let learner = ElasticNet { params };
        let error = learner.fit(&data.training(), Family::Gaussian, &Seed::new(1, "t")).err().unwrap();
        assert!(matches!(error, LearnerError::Params { .. }), "{error}");
    }
    let few = Simulated::new(Family::Gaussian, 9, 3);
    let error = ElasticNet::default().fit(&few.training(), Family::Gaussian, &Seed::new(1, "t")).err().unwrap();
    assert!(error.to_string().contains("9 rows"), "{error}");
    let (_, mut lonely) = fit_simulated(&ElasticNet::default(), Family::Bernoulli, 3);
    lonely.y.fill(0.0);
    lonely.y[4] = 1.0;
    let error = ElasticNet::default().fit(&lonely.training(), Family::Bernoulli, &Seed::new(1, "t")).err().unwrap();
    assert!(error.to_string().contains("single row"), "{error}");
}

#[test]
fn a_fit_that_cannot_reach_its_tolerance_is_an_error() {
    // Around 1e8, doubles are 1e-8 apart: no gradient can be computed to 1e-12 of the null gradient.
    let mut data = sparse(Family::Gaussian, 60, 3);
    data.y.iter_mut().for_each(|y| *y += 1e8);
    let counted = Counted::new(NAME, &data.training(), Family::Gaussian).unwrap();
    let params = ElasticNetParams { rule: PenaltyRule::Fixed(1e-3), tolerance: 1e-12, ..ElasticNetParams::default() };
    let result = fit_counted(NAME, &counted, Family::Gaussian, &params, &Seed::new(1, "t"));
    assert!(matches!(result, Err(LearnerError::NoConvergence { .. })), "{result:?}");
    // With a tolerance that the numbers allow, all is well.
    let params = ElasticNetParams { tolerance: 1e-6, ..params };
    assert!(fit_counted(NAME, &counted, Family::Gaussian, &params, &Seed::new(1, "t")).is_ok());
}
