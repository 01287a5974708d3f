//! The promises of the sampler, on data small enough to be quick. The acceptance ratios are held by `chain/geweke.rs`.

use crate::learner_kind::Family;
use crate::learners::bart::*;
use crate::learners::learner::{Learner, LearnerError, Seed, Training};
use crate::numerics::binned::BinnedMatrix;
use crate::numerics::streams;
use ndarray::{Array2, Axis};
use rand::RngExt;

fn quick() -> BartParams {
    BartParams { trees: 30, burn_in: 150, draws: 60, sparse: None, ..BartParams::default() }
}

fn uniform(n: usize, p: usize, stage: &str) -> Array2<f64> {
    let mut rng = streams::stream(11, stage);
    Array2::from_shape_fn((n, p), |_| rng.random::<f64>())
}

/// Friedman (1991, doi:10.1214/aos/1176347963): five columns matter, and the rest do not.
fn friedman(x: &Array2<f64>) -> Vec<f64> {
    let f = |r: ndarray::ArrayView1<'_, f64>| {
        10.0 * (std::f64::consts::PI * r[0] * r[1]).sin() + 20.0 * (r[2] - 0.5).powi(2) + 10.0 * r[3] + 5.0 * r[4]
    };
    x.rows().into_iter().map(f).collect()
}

fn noise(n: usize, stage: &str) -> Vec<f64> {
    let mut random = random::Random::new(streams::stream(12, stage));
    (0..n).map(|_| random.normal()).collect()
}

fn rmse(a: &[f64], b: &[f64]) -> f64 {
    (a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / a.len() as f64).sqrt()
}

struct Example {
    x: Array2<f64>,
    test: Array2<f64>,
    f: Vec<f64>,
    y: Vec<f64>,
    weights: Vec<f64>,
}

impl Example {
    fn friedman(n: usize, p: usize) -> Self {
        let (x, test) = (uniform(n, p, "x"), uniform(40, p, "test"));
        let f = friedman(&x);
        let y = f.iter().zip(noise(n, "e")).map(|(f, e)| f + e).collect();
        Self { x, test, f, y, weights: vec![1.0; n] }
    }

    fn posterior(&self, params: &BartParams, family: Family) -> Result<Posterior, LearnerError> {
        let train = BinnedMatrix::new(self.x.view(), 255);
        let test = train.encode(self.test.view());
        let data = Data { train: &train, y: &self.y, weights: &self.weights, test: &test, family };
        let summary = |draw: &Draw<'_>| {
            let share = 1.0 / draw.train.len() as f64;
            vec![linear(draw, &vec![share; draw.train.len()], &[]), draw.test[0]]
        };
        sample(&data, params, &Seed::new(3, "test"), &summary)
    }

    fn probabilities(&mut self) -> Vec<f64> {
        let mut random = random::Random::new(streams::stream(13, "classes"));
        let p: Vec<f64> = self.f.iter().map(|f| elementary::normal_cdf((f - 14.0) / 5.0)).collect();
        self.y = p.iter().map(|p| f64::from(u8::from(random.uniform() < *p))).collect();
        p
    }
}

#[test]
fn one_leaf_has_the_conjugate_posterior() {
    // A constant column cannot be split: y ~ N(μ, σ²) with μ ~ N(0, τ²) on the inner scale. Given σ² the posterior mean
    // is ȳ shrunk by n/(n + σ²/τ²); σ² varies by 2/√n about its mean, which moves the factor by less than 1e-4.
    let n = 400;
    let y: Vec<f64> = noise(n, "one leaf").iter().map(|e| 3.0 + 0.5 * e).collect();
    let example = Example { x: Array2::ones((n, 1)), test: Array2::zeros((2, 1)), f: vec![], weights: vec![1.0; n], y };
    let params = BartParams { trees: 1, burn_in: 20, draws: 4000, ..BartParams::default() };
    let posterior = example.posterior(&params, Family::Gaussian).unwrap();
    let (low, high) = example.y.iter().fold((f64::MAX, f64::MIN), |(l, h), y| (l.min(*y), h.max(*y)));
    let (middle, range) = (0.5 * (low + high), high - low);
    let mean = example.y.iter().sum::<f64>() / n as f64;
    let variance = example.y.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / n as f64;
    let tau2 = 0.0625 * range * range;
    let shrunk = middle + (mean - middle) / (1.0 + variance / (tau2 * n as f64));
    // Five standard errors of 4,000 independent draws with standard deviation σ/√n.
    let tolerance = 5.0 * (variance / n as f64 / 4000.0).sqrt();
    assert!((posterior.train_mean[0] - shrunk).abs() < tolerance + 1e-4 * (mean - middle).abs());
    let spread: f64 = posterior.summaries[0].iter().map(|m| (m - shrunk).powi(2)).sum::<f64>() / 4000.0;
    // A variance from 4,000 normal draws has a relative standard error of √(2/4000) = 0.022.
    assert!((spread / (variance / n as f64) - 1.0).abs() < 5.0 * 0.0224 + 0.01);
    assert_eq!((posterior.test_mean[0], posterior.rhat < 1.01), (posterior.train_mean[0], true));
}

#[test]
fn shifting_and_scaling_y_shifts_and_scales_everything() {
    let example = Example::friedman(120, 6);
    let moved = Example { y: example.y.iter().map(|y| 4.0 * y - 1024.0).collect(), ..Example::friedman(120, 6) };
    let (a, b) = [&example, &moved].map(|e| e.posterior(&quick(), Family::Gaussian).unwrap()).into();
    // The inner scale is the same up to rounding, which a few hundred sweeps may amplify but do not turn into other
    // decisions here: the draws are the same to many digits.
    for (a, b) in a.train_mean.iter().chain(&a.test_mean).zip(b.train_mean.iter().chain(&b.test_mean)) {
        assert!((4.0 * a - 1024.0 - b).abs() < 1e-6, "{a} {b}");
    }
    assert!(a.sigma.iter().zip(&b.sigma).all(|(a, b)| (4.0 * a - b).abs() < 1e-6));
}

#[test]
fn monotone_transformations_of_a_column_change_nothing() {
    let example = Example::friedman(120, 6);
    let mut bent = Example::friedman(120, 6);
    bent.x.column_mut(2).mapv_inplace(|v| (3.0 * v).exp());
    let (a, b) = [&example, &bent].map(|e| e.posterior(&quick(), Family::Gaussian).unwrap()).into();
    assert_eq!(a.train_mean, b.train_mean);
}

#[test]
fn rows_of_weight_zero_have_no_influence_and_are_predicted_as_if_carried() {
    let mut example = Example::friedman(120, 6);
    let train = BinnedMatrix::new(example.x.view(), 255);
    let ignored = |i: &usize| i % 3 == 1;
    for i in (0..120).filter(ignored) {
        (example.weights[i], example.y[i]) = (0.0, 1e6);
    }
    let all = example.posterior(&quick(), Family::Gaussian).unwrap();
    let (out, kept): (Vec<usize>, Vec<usize>) = (0..120).partition(ignored);
    let part = |rows: &[usize]| train.encode(example.x.select(Axis(0), rows).view());
    let (y, weights): (Vec<f64>, Vec<f64>) = kept.iter().map(|i| (example.y[*i], 1.0)).unzip();
    let data = Data { train: &part(&kept), y: &y, weights: &weights, test: &part(&out), family: Family::Gaussian };
    let some = sample(&data, &quick(), &Seed::new(3, "test"), &|_| Vec::new()).unwrap();
    assert_eq!(kept.iter().map(|i| all.train_mean[*i]).collect::<Vec<_>>(), some.train_mean);
    assert_eq!(out.iter().map(|i| all.train_mean[*i]).collect::<Vec<_>>(), some.test_mean);
}

#[test]
fn weights_are_precisions_and_their_scale_is_free() {
    let mut example = Example::friedman(300, 5);
    let noise = noise(300, "large");
    for (i, e) in noise.iter().enumerate() {
        let (weight, sd) = if i % 2 == 0 { (4.0, 1.0) } else { (0.01, 20.0) };
        example.weights[i] = weight;
        example.y[i] = example.f[i] + sd * e;
    }
    let weighted = example.posterior(&quick(), Family::Gaussian).unwrap();
    let doubled = Example { weights: example.weights.iter().map(|w| 2.0 * w).collect(), ..example };
    assert_eq!(doubled.posterior(&quick(), Family::Gaussian).unwrap().train_mean, weighted.train_mean);
    let flat = Example { weights: vec![1.0; 300], ..doubled };
    let unweighted = flat.posterior(&quick(), Family::Gaussian).unwrap();
    // Noise of standard deviation 20 in half of the rows drowns a function of standard deviation 5 unless weighted away.
    assert!(2.0 * rmse(&weighted.train_mean, &flat.f) < rmse(&unweighted.train_mean, &flat.f));
}

#[test]
fn the_same_bits_at_one_thread_and_at_three() {
    let example = Example::friedman(150, 6);
    let params = BartParams { chains: 3, burn_in: 60, draws: 20, ..BartParams::default() };
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| example.posterior(&params, Family::Gaussian).unwrap())
    };
    let (one, three) = (run(1), run(3));
    assert_eq!((&one.train_mean, &one.sigma, &one.summaries), (&three.train_mean, &three.sigma, &three.summaries));
    assert_eq!((one.sigma.len(), one.summaries.len()), (60, 2));
    // Chains have streams of their own.
    assert_ne!(one.sigma[..20], one.sigma[20..40]);
}

#[test]
fn carried_rows_and_stored_trees_predict_the_same() {
    for family in [Family::Gaussian, Family::Bernoulli] {
        let mut example = Example::friedman(150, 6);
        if family == Family::Bernoulli {
            example.probabilities();
        }
        let params = BartParams { chains: 2, thin: 2, sparse: BartParams::default().sparse, ..quick() };
        let posterior = example.posterior(&params, family).unwrap();
        let names: Vec<String> = (0..6).map(|j| format!("x{j}")).collect();
        let (x, y, weights) = (example.x.view(), example.y.as_slice(), example.weights.as_slice());
        let learner = BartLearner { params };
        let training = Training { x, names: &names, y, weights };
        let model = learner.fit(&training, family, &Seed::new(3, "test")).unwrap();
        // The same numbers added up in another order: a hundred thousand terms of rounding 1e-16.
        for (rows, means) in [(&example.x, &posterior.train_mean), (&example.test, &posterior.test_mean)] {
            for (a, b) in model.predict(rows.view()).iter().zip(means) {
                assert!((a - b).abs() < 1e-10 * (1.0 + b.abs()), "{a} {b}");
            }
        }
        assert_eq!(model.info(), &posterior.info);
        assert_eq!(model.predict(example.x.slice_axis(ndarray::Axis(0), (0..0).into())), Vec::<f64>::new());
    }
}

#[test]
fn the_sparse_prior_finds_the_columns_that_matter() {
    let example = Example::friedman(400, 55);
    let params = BartParams { trees: 50, burn_in: 400, draws: 100, ..BartParams::default() };
    let sparse = example.posterior(&params, Family::Gaussian).unwrap();
    let equal = example.posterior(&BartParams { sparse: None, ..params }, Family::Gaussian).unwrap();
    let true_share: f64 = sparse.column_shares[..5].iter().sum();
    assert!(true_share > 0.9, "{true_share}");
    assert!(sparse.column_shares[..5].iter().all(|s| *s > 0.03), "{:?}", &sparse.column_shares[..5]);
    assert!(rmse(&sparse.train_mean, &example.f) < rmse(&equal.train_mean, &example.f));
    // Noise has standard deviation 1 and f 5: the fit must be inside the noise, and σ near it.
    assert!(rmse(&sparse.train_mean, &example.f) < 1.0, "{}", rmse(&sparse.train_mean, &example.f));
    assert!((sparse.sigma.iter().sum::<f64>() / 100.0 - 1.0).abs() < 0.2);
}

#[test]
fn probabilities_are_recovered_and_lie_strictly_inside() {
    let mut example = Example::friedman(600, 5);
    let p = example.probabilities();
    let posterior = example.posterior(&quick(), Family::Bernoulli).unwrap();
    let mean = p.iter().sum::<f64>() / 600.0;
    // Knowing nothing has an error of the standard deviation of p, about 0.3; half of that is asked for.
    let nothing = rmse(&p, &vec![mean; 600]);
    assert!(rmse(&posterior.train_mean, &p) < nothing / 2.0, "{} {nothing}", rmse(&posterior.train_mean, &p));
    assert!(posterior.train_mean.iter().chain(&posterior.test_mean).all(|p| *p > 0.0 && *p < 1.0));
    assert!(posterior.sigma.iter().all(|s| *s == 1.0));
}

#[test]
fn intervals_of_the_mean_cover_it() {
    // The average of f over the rows: 95 % intervals from 30 data sets. Fewer than 24 covering has probability 0.0006
    // if each covers with probability 0.95, and BART is not expected to do better.
    let covered = (0..30).filter(|k| {
        let mut example = Example::friedman(100, 5);
        let e = noise(100, &format!("coverage {k}"));
        example.y = example.f.iter().zip(e).map(|(f, e)| f + e).collect();
        let params = BartParams { trees: 20, burn_in: 100, draws: 100, ..quick() };
        let posterior = example.posterior(&params, Family::Gaussian).unwrap();
        let bounds = crate::numerics::quantile::quantiles(&posterior.summaries[0], &[0.025, 0.975]).unwrap();
        let truth = example.f.iter().sum::<f64>() / 100.0;
        bounds[0] <= truth && truth <= bounds[1]
    });
    assert!(covered.count() >= 24);
}

#[test]
fn chains_that_disagree_are_reported() {
    let example = Example::friedman(200, 5);
    let params = BartParams { burn_in: 0, draws: 20, chains: 2, ..quick() };
    let posterior = example.posterior(&params, Family::Gaussian).unwrap();
    assert!(!posterior.info.converged && posterior.rhat > 1.2);
    assert!(posterior.info.notes[0].contains("2 chains disagree after 20 sweeps"), "{:?}", posterior.info.notes);
}

#[test]
fn bad_settings_and_bad_data_are_refused() {
    let example = Example::friedman(30, 5);
    let refused = |params: BartParams| match example.posterior(&params, Family::Gaussian) {
        Err(LearnerError::Params { problem, .. }) => problem,
        other => panic!("{other:?}"),
    };
    assert!(refused(BartParams { trees: 0, ..quick() }).contains("trees"));
    assert!(refused(BartParams { moves: [0.5, 0.0, 0.5], ..quick() }).contains("moves"));
    assert!(refused(BartParams { alpha: f64::NAN, ..quick() }).contains("alpha"));
    let spoilt = |change: &dyn Fn(&mut Example)| {
        let mut example = Example::friedman(30, 5);
        change(&mut example);
        example.posterior(&quick(), Family::Gaussian).unwrap_err().to_string()
    };
    assert!(spoilt(&|e| e.y[3] = f64::NAN).contains("finite"));
    assert!(spoilt(&|e| e.weights[3] = -1.0).contains("negative"));
    assert!(spoilt(&|e| e.weights.fill(0.0)).contains("positive weight"));
    assert!(spoilt(&|e| e.weights.truncate(7)).contains("length"));
    assert!(spoilt(&|e| e.y.fill(2.0)).contains("equal"));
    let train = BinnedMatrix::new(example.x.view(), 255);
    let test = BinnedMatrix::new(example.test.view(), 255);
    let data = Data { train: &train, y: &example.y, weights: &example.weights, test: &test, family: Family::Gaussian };
    let error = sample(&data, &quick(), &Seed::new(3, "test"), &|_| Vec::new()).unwrap_err();
    assert!(error.to_string().contains("cuts"));
}
