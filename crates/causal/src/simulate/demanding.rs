//! Setups that break a default: curvature and products in treatment and outcome, many weak confounders, a pocket without
//! an arm, money that most people do not spend, and two published designs.

use crate::learners::logistic::expit;
use crate::numerics::distributions::normal_cdf;
use crate::simulate::Unit;
use crate::simulate::linear::unit;
use crate::simulate::random::{flip, normal, normals, uniform};
use rand_chacha::ChaCha8Rng;

/// Treatment and outcome on a square: logit e = 0.9(X₁² − 1), Y = X₁² + ½X₂ + T + N(0, 1), five normal columns. Linear and
/// logistic regressions find no confounding at all.
pub(super) fn curve(rng: &mut ChaCha8Rng) -> Unit {
    let x = normals(rng, 5);
    let square = x[0] * x[0];
    let mu0 = square + 0.5 * x[1];
    let noise = normal(rng);
    // Held at logit⁻¹(±2): overlap is not what is hard here.
    unit(rng, x, (0.9 * (square - 1.0)).clamp(-2.0, 2.0), [mu0, mu0 + 1.0], [noise; 2])
}

/// Treatment and outcome on the sign of a product: logit e = 1.2 sign(X₁X₂), Y = 1.5·1{X₁X₂ > 0} + ½X₃ + T + N(0, 1), five
/// normal columns. No column alone has anything to do with either.
pub(super) fn xor(rng: &mut ChaCha8Rng) -> Unit {
    let x = normals(rng, 5);
    let same = x[0] * x[1] > 0.0;
    let mu0 = 1.5 * f64::from(u8::from(same)) + 0.5 * x[2];
    let noise = normal(rng);
    unit(rng, x, if same { 1.2 } else { -1.2 }, [mu0, mu0 + 1.0], [noise; 2])
}

/// One product in an otherwise linear world: logit e = 0.3 X₁ + 0.6 X₁X₂ (held at ±3), Y = X₁ + X₂ + X₁X₂ + T + N(0, 1), ten
/// normal columns.
pub(super) fn interaction(rng: &mut ChaCha8Rng) -> Unit {
    let x = normals(rng, 10);
    let product = x[0] * x[1];
    let (mu0, log_odds) = (x[0] + x[1] + product, 0.3 * x[0] + 0.6 * product);
    let noise = normal(rng);
    unit(rng, x, log_odds.clamp(-3.0, 3.0), [mu0, mu0 + 1.0], [noise; 2])
}

/// Hainmueller (2012, doi:10.1093/pan/mpr025), strong separation with normal errors and the nonlinear outcome: X₁ to X₃
/// normal with variances 2, 1, 1 and covariances 1, −1, −½, X₄ uniform on (−3, 3), X₅ ~ χ²₁, X₆ a coin,
/// e = Φ((X₁ + 2X₂ − 2X₃ − X₄ − ½X₅ + X₆)/√30), Y = (X₁ + X₂ + X₅)² + N(0, 1), no effect.
pub(super) fn hainmueller(rng: &mut ChaCha8Rng) -> Unit {
    // The Cholesky factor of the covariance matrix, by hand.
    let z = normals(rng, 3);
    let (a, root) = (2.0_f64.sqrt() * z[0], 0.5_f64.sqrt());
    let (b, c) = (root * (z[0] + z[1]), -root * z[0] + root * z[2]);
    let chi = normal(rng).powi(2);
    let x = vec![a, b, c, 6.0 * uniform(rng) - 3.0, chi, f64::from(u8::from(flip(rng, 0.5)))];
    let index = x[0] + 2.0 * x[1] - 2.0 * x[2] - x[3] - 0.5 * x[4] + x[5];
    let e = normal_cdf(index / 30.0_f64.sqrt());
    let mu = (x[0] + x[1] + x[4]).powi(2);
    let noise = normal(rng);
    let treated = flip(rng, e);
    Unit { x, e, treated, mu: [mu; 2], y: [mu + noise; 2], weight: 1.0, cluster: 0 }
}

/// Six normal columns with correlation 0.3 and nineteen zeros and ones, in the shape of the covariates of the Infant
/// Health and Development Program; and an index for the propensity (one unit in five treated).
fn infants(rng: &mut ChaCha8Rng) -> (Vec<f64>, f64) {
    let common = normal(rng);
    let mut x: Vec<f64> = (0..6).map(|_| 0.3_f64.sqrt() * common + 0.7_f64.sqrt() * normal(rng)).collect();
    for j in 0..19 {
        let share = 0.1 + 0.04 * f64::from(j);
        x.push(f64::from(u8::from(flip(rng, share))));
    }
    let log_odds = -1.6 + 0.4 * x[0] - 0.3 * x[2] + 0.5 * x[8] - 0.4 * x[15];
    (x, log_odds)
}

/// Coefficients of Hill's surfaces, fixed here where she draws them anew: in turn from her five values.
fn coefficient(j: usize, values: [f64; 5]) -> f64 {
    // A fixed sequence that is neither constant nor periodic in five.
    values[(j * j + 3 * j) % 5]
}

/// Response surface A of Hill (2011, doi:10.1198/jcgs.2010.08162) on covariates of that shape: Y = Xβ + 4T + N(0, 1) with β in
/// {0, 1, 2, 3, 4}.
pub(super) fn hill_a(rng: &mut ChaCha8Rng) -> Unit {
    let (x, log_odds) = infants(rng);
    let mu0: f64 = x.iter().enumerate().map(|(j, v)| coefficient(j, [0.0, 1.0, 2.0, 3.0, 4.0]) * v).sum();
    let noise = normal(rng);
    unit(rng, x, log_odds, [mu0, mu0 + 4.0], [noise; 2])
}

/// Response surface B: Y(0) = exp((X + ½)β) + N(0, 1), Y(1) = 4 + Xβ + N(0, 1) with β in {0, 0.1, 0.2, 0.3, 0.4}.
pub(super) fn hill_b(rng: &mut ChaCha8Rng) -> Unit {
    let (x, log_odds) = infants(rng);
    let values = [0.0, 0.1, 0.2, 0.3, 0.4];
    // Zero six times in ten, as hers are.
    let beta = |j: usize| if j.is_multiple_of(2) { coefficient(j, values) } else { 0.0 };
    let linear: f64 = x.iter().enumerate().map(|(j, v)| beta(j) * v).sum();
    let shifted: f64 = x.iter().enumerate().map(|(j, v)| beta(j) * (v + 0.5)).sum();
    let noise = normal(rng);
    unit(rng, x, log_odds, [shifted.exp(), 4.0 + linear], [noise; 2])
}

/// A hundred weak confounders: logit e = 0.1 Σ Xⱼ, Y = 0.1 Σ Xⱼ + T + N(0, 1), all normal. None matters, together they are
/// half of everything.
pub(super) fn many_weak(rng: &mut ChaCha8Rng) -> Unit {
    let x = normals(rng, 100);
    let sum = 0.1 * x.iter().sum::<f64>();
    let noise = normal(rng);
    unit(rng, x, sum, [sum, sum + 1.0], [noise; 2])
}

/// Money that one in eight spends: P(buys) = expit(−2.2 + 0.6X₁ + 0.3T), amount = exp(2 + 0.5X₂ + N(0, 1)),
/// logit e = −0.5 + 0.8X₁ + 0.5X₂, six normal columns. One or two rows are a tenth of the total.
pub(super) fn revenue(rng: &mut ChaCha8Rng) -> Unit {
    let x = normals(rng, 6);
    let buys = [0.0, 1.0].map(|t| expit(-2.2 + 0.6 * x[0] + 0.3 * t));
    let u = uniform(rng);
    let log_mean = 2.0 + 0.5 * x[1];
    let amount = (log_mean + normal(rng)).exp();
    // The mean of the exponential of a normal is half its variance higher.
    let mu = buys.map(|p| p * (log_mean + 0.5).exp());
    let log_odds = -0.5 + 0.8 * x[0] + 0.5 * x[1];
    let unit = unit(rng, x, log_odds, mu, [0.0; 2]);
    Unit { y: buys.map(|p| if u < p { amount } else { 0.0 }), ..unit }
}

/// Eight in a hundred units, those with X₁ > 1.4, are treated all but always (e = 0.995) and gain 4 where the others gain 1;
/// elsewhere logit e = 0.4X₂. Y = X₁ + X₂ + T·τ + N(0, 1), five normal columns.
pub(super) fn pocket(rng: &mut ChaCha8Rng) -> Unit {
    let x = normals(rng, 5);
    let inside = x[0] > 1.4;
    let (log_odds, effect) = if inside { ((0.995_f64 / 0.005).ln(), 4.0) } else { (0.4 * x[1], 1.0) };
    let mu0 = x[0] + x[1];
    let noise = normal(rng);
    unit(rng, x, log_odds, [mu0, mu0 + effect], [noise; 2])
}
