//! The promises of every [`Learner`], as one test that each learner's own tests call.
//!
//! The data are simulated: six covariates (three continuous, one of them skewed, one binary, one with five values, one
//! constant), 240 rows, unequal observation weights, two overlapping classes. A learner that breaks a promise fails
//! with the promise's name.

use crate::learner_kind::Family;
use crate::learners::learner::{Learner, LearnerError, Model, Seed, Training};
use crate::learners::logistic::expit;
use crate::numerics::distributions::normal_quantile;
use crate::numerics::streams;
use ndarray::{Array2, Axis, concatenate};
use rand::RngExt;

/// Rows of the simulated data.
const ROWS: usize = 240;

/// Simulated training data.
#[derive(Debug, Clone)]
pub(crate) struct Simulated {
    pub(crate) x: Array2<f64>,
    pub(crate) names: Vec<String>,
    pub(crate) y: Vec<f64>,
    pub(crate) weights: Vec<f64>,
}

impl Simulated {
    /// `n` rows from `seed`: the mean (or the log-odds) is 0.8 x₀ − 0.5 x₁ + 0.7 x₂ + 0.4 x₀x₃.
    pub(crate) fn new(family: Family, n: usize, seed: u64) -> Self {
        let mut rng = streams::stream(seed, "learners.conformance");
        let mut x = Array2::zeros((n, 6));
        let (mut y, mut weights) = (Vec::new(), Vec::new());
        for mut row in x.outer_iter_mut() {
            // Not from 0, whose quantile is infinite.
            let mut normal = || normal_quantile(rng.random_range(1e-12..1.0)).unwrap();
            let (a, b, c, noise) = (normal(), normal(), normal(), normal());
            row[0] = a;
            row[1] = (0.5 * b).exp() * 10.0;
            row[2] = c;
            row[3] = f64::from(u8::from(rng.random::<f64>() < 0.4));
            row[4] = f64::from(rng.random_range(0_u8..5));
            row[5] = 3.0;
            let signal = 0.8 * a - 0.05 * (row[1] - 10.0) + 0.7 * c.sin() + 0.4 * a * row[3];
            y.push(match family {
                Family::Gaussian => signal + 0.5 * noise,
                Family::Bernoulli => f64::from(u8::from(rng.random::<f64>() < expit(signal))),
            });
            weights.push(rng.random_range(0.5..2.0));
        }
        let names = ["a", "skewed", "c", "binary", "ordinal", "constant"].map(str::to_owned).to_vec();
        Self { x, names, y, weights }
    }

    pub(crate) fn training(&self) -> Training<'_> {
        Training { x: self.x.view(), names: &self.names, y: &self.y, weights: &self.weights }
    }

    /// With forty rows of weight zero and absurd values appended.
    fn with_ignored_rows(&self) -> Self {
        let (extra, p) = (40, self.x.ncols());
        let absurd = Array2::from_shape_fn((extra, p), |(i, j)| ((i * 7 + j) as f64 - 100.0) * 1e3);
        let y = self.y.iter().copied().chain((0..extra).map(|i| f64::from(u8::from(i % 3 == 0)))).collect();
        let weights = self.weights.iter().copied().chain(vec![0.0; extra]).collect();
        Self {
            x: concatenate(Axis(0), &[self.x.view(), absurd.view()]).unwrap(),
            names: self.names.clone(),
            y,
            weights,
        }
    }
}

/// `learner` fitted to [`Simulated`] data.
pub(crate) fn fit_simulated(learner: &dyn Learner, family: Family, seed: u64) -> (Box<dyn Model>, Simulated) {
    let data = Simulated::new(family, ROWS, seed);
    fit_to(learner, family, data, seed)
}

/// `learner` fitted to [`Simulated`] data that count every row once.
pub(crate) fn fit_unweighted(learner: &dyn Learner, family: Family, seed: u64) -> (Box<dyn Model>, Simulated) {
    let data = Simulated { weights: vec![1.0; ROWS], ..Simulated::new(family, ROWS, seed) };
    fit_to(learner, family, data, seed)
}

fn fit_to(learner: &dyn Learner, family: Family, data: Simulated, seed: u64) -> (Box<dyn Model>, Simulated) {
    let model = learner.fit(&data.training(), family, &Seed::new(seed, "conformance")).unwrap();
    (model, data)
}

/// Every promise of [`Learner`], for both families.
pub(crate) fn conformance(learner: &dyn Learner) {
    for family in [Family::Gaussian, Family::Bernoulli] {
        conformance_of(learner, family);
    }
}

/// Every promise of [`Learner`], for one family.
pub(crate) fn conformance_of(learner: &dyn Learner, family: Family) {
    promises(learner, family, Simulated::new(family, ROWS, 11));
}

/// The same for a learner that is not defined for unequal weights: it refuses them by name, and keeps every other
/// promise.
pub(crate) fn conformance_unweighted(learner: &dyn Learner, family: Family) {
    let data = Simulated::new(family, ROWS, 11);
    let error = learner.fit(&data.training(), family, &Seed::new(5, "conformance")).err().unwrap();
    assert!(error.to_string().contains("weight"), "{error}");
    promises(learner, family, Simulated { weights: vec![1.0; ROWS], ..data });
}

fn promises(learner: &dyn Learner, family: Family, data: Simulated) {
    let fresh = Simulated::new(family, 60, 12).x;
    let fit = |data: &Simulated, seed: u64| {
        let model = learner.fit(&data.training(), family, &Seed::new(seed, "conformance")).unwrap();
        let info = model.info();
        assert!(info.iterations > 0, "{}: no iterations in the fit's information", learner.name());
        assert!(info.converged || !info.notes.is_empty(), "{}: not converged, and no note why", learner.name());
        model.predict(fresh.view())
    };
    let label = format!("{} on {family:?} data", learner.name());
    let reference = in_pool(1, || fit(&data, 5));
    assert_eq!(reference.len(), 60, "{label}: one prediction a row");
    assert!(reference.iter().all(|v| v.is_finite()), "{label}: finite predictions");
    if family == Family::Bernoulli {
        assert!(reference.iter().all(|v| *v > 0.0 && *v < 1.0), "{label}: probabilities inside (0, 1)");
    }
    assert!(bits(&in_pool(3, || fit(&data, 5))) == bits(&reference), "{label}: the same bits with 1 and 3 threads");
    assert!(bits(&fit(&data.with_ignored_rows(), 5)) == bits(&reference), "{label}: rows of weight zero count");
    scale_of_weights(&label, &data, &reference, |d| fit(d, 5));
    let learned = spread(&reference);
    assert!(learned > 0.05, "{label}: predictions vary by {learned} where the truth varies");
    // Another seed is another model of the same data.
    let other = fit(&data, 6);
    let gap = rms(&other, &reference);
    assert!(gap <= learned, "{label}: seeds differ by {gap}, predictions by {learned}");
    elsewhere(learner, family, &data);
    refusals(learner, family);
}

/// Powers of two scale without rounding, so even a sampler must give the same bits; others may round.
fn scale_of_weights(label: &str, data: &Simulated, reference: &[f64], fit: impl Fn(&Simulated) -> Vec<f64>) {
    let scaled = |c: f64| {
        let weights = data.weights.iter().map(|w| w * c).collect();
        fit(&Simulated { weights, ..data.clone() })
    };
    let gap = rms(&scaled(1024.0), reference);
    assert!(gap <= 1e-9 * (1.0 + spread(reference)), "{label}: weights times 1024 move predictions by {gap}");
    // A rounding difference may flip a split or a draw, and the model is then another of the same data.
    let gap = rms(&scaled(3.7), reference);
    assert!(gap <= spread(reference), "{label}: weights times 3.7 move predictions by {gap}");
}

/// Far outside the training data, and at no rows at all.
fn elsewhere(learner: &dyn Learner, family: Family, data: &Simulated) {
    let model = learner.fit(&data.training(), family, &Seed::new(5, "conformance")).unwrap();
    assert!(model.predict(data.x.slice_axis(ndarray::Axis(0), (0..0).into())).is_empty());
    let far = Array2::from_shape_fn((6, 6), |(i, j)| if i == j { 1e4 } else { -1e3 });
    for v in model.predict(far.view()) {
        assert!(v.is_finite(), "{}: {v} far away", learner.name());
        assert!(family == Family::Gaussian || (v > 0.0 && v < 1.0), "{}: {v} far away", learner.name());
    }
    // The rows predicted together do not matter.
    let all = model.predict(data.x.view());
    let one = model.predict(data.x.slice_axis(ndarray::Axis(0), (7..8).into()));
    assert!(bits(&one) == bits(&all[7..8]), "{}: a row's prediction depends on its company", learner.name());
}

fn refusals(learner: &dyn Learner, family: Family) {
    let good = Simulated::new(family, ROWS, 13);
    let refused = |what: &str, data: &Simulated| {
        let result = learner.fit(&data.training(), family, &Seed::new(1, "conformance"));
        let error = result.err().unwrap_or_else(|| panic!("{} on {family:?}: accepts {what}", learner.name()));
        assert!(matches!(error, LearnerError::Data { .. }), "{what}: {error}");
        error.to_string()
    };
    let changed = |change: &dyn Fn(&mut Simulated)| {
        let mut data = good.clone();
        change(&mut data);
        data
    };
    let message = refused("NaN among the covariates", &changed(&|d| d.x[[4, 1]] = f64::NAN));
    assert!(message.contains("`skewed`") && message.contains('5'), "{message}");
    refused("an infinite covariate", &changed(&|d| d.x[[4, 1]] = f64::INFINITY));
    let message = refused("NaN among the responses", &changed(&|d| d.y[6] = f64::NAN));
    assert!(message.contains('7'), "{message}");
    let message = refused("a negative weight", &changed(&|d| d.weights[8] = -1.0));
    assert!(message.contains('9') && message.contains("weight"), "{message}");
    refused("a weight that is not a number", &changed(&|d| d.weights[8] = f64::NAN));
    refused("no row of positive weight", &changed(&|d| d.weights.fill(0.0)));
    refused("too few responses", &changed(&|d| d.y.truncate(ROWS - 1)));
    refused("too few weights", &changed(&|d| d.weights.truncate(ROWS - 1)));
    if family == Family::Bernoulli {
        let message = refused("a class other than 0 and 1", &changed(&|d| d.y[3] = 2.0));
        assert!(message.contains('2') && message.contains('4'), "{message}");
        refused("one class only", &changed(&|d| d.y.fill(1.0)));
    }
}

fn in_pool<T: Send>(threads: usize, f: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(f)
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|v| v.to_bits()).collect()
}

fn rms(a: &[f64], b: &[f64]) -> f64 {
    (a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / a.len() as f64).sqrt()
}

/// Standard deviation.
fn spread(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
}
