//! Setups in which linear (or logistic) regressions on the columns as they are hold, in each arm, and so does a logistic
//! propensity: parametric estimators are right here.

use crate::learners::logistic::expit;
use crate::simulate::Unit;
use crate::simulate::random::{flip, normal, normals, student_3, uniform};
use rand_chacha::ChaCha8Rng;

/// A unit with covariates `x`, log-odds of treatment, means under control and under treatment, and the noise of its
/// outcome under each.
pub(super) fn unit(rng: &mut ChaCha8Rng, x: Vec<f64>, log_odds: f64, mu: [f64; 2], noise: [f64; 2]) -> Unit {
    let e = expit(log_odds);
    let treated = flip(rng, e);
    Unit { x, e, treated, mu, y: [mu[0] + noise[0], mu[1] + noise[1]], weight: 1.0, cluster: 0 }
}

/// X₁ ~ N(0, 1), X₂ ~ Bernoulli(½).
fn two(rng: &mut ChaCha8Rng) -> (f64, f64) {
    (normal(rng), f64::from(u8::from(flip(rng, 0.5))))
}

/// logit e = −0.3 + 0.6 X₁ + 0.5 X₂; Y = 1 + X₁ + X₂ + T(1 + 0.8 X₁) + N(0, 1).
pub(super) fn plain(rng: &mut ChaCha8Rng) -> Unit {
    let (a, b) = two(rng);
    let mu0 = 1.0 + a + b;
    let noise = normal(rng);
    unit(rng, vec![a, b], -0.3 + 0.6 * a + 0.5 * b, [mu0, mu0 + 1.0 + 0.8 * a], [noise; 2])
}

/// As [`plain`], with the noise (1 + ½T)(0.4 + 0.8|X₁|) N(0, 1).
pub(super) fn heteroskedastic(rng: &mut ChaCha8Rng) -> Unit {
    let (a, b) = two(rng);
    let mu0 = 1.0 + a + b;
    let noise = (0.4 + 0.8 * a.abs()) * normal(rng);
    unit(rng, vec![a, b], -0.3 + 0.6 * a + 0.5 * b, [mu0, mu0 + 1.0 + 0.8 * a], [noise, 1.5 * noise])
}

/// logit P(Y = 1) = −0.5 + 0.7 X₁ + T(0.6 + 0.4 X₁), propensity as in [`plain`].
pub(super) fn binary(rng: &mut ChaCha8Rng) -> Unit {
    let (a, b) = two(rng);
    let mu = [expit(-0.5 + 0.7 * a), expit(0.1 + 1.1 * a)];
    let u = uniform(rng);
    let mut unit = unit(rng, vec![a, b], -0.3 + 0.6 * a + 0.5 * b, mu, [0.0; 2]);
    // One number for both outcomes, as the noise is one for both elsewhere.
    unit.y = mu.map(|p| f64::from(u8::from(u < p)));
    unit
}

/// A coin decides on treatment, and the effect is 1 for everyone: here even the difference in means is right.
pub(super) fn randomised(rng: &mut ChaCha8Rng) -> Unit {
    let (a, b) = two(rng);
    let mu0 = a + b;
    let noise = normal(rng);
    unit(rng, vec![a, b], 0.0, [mu0, mu0 + 1.0], [noise; 2])
}

/// One unit in seven is treated: logit e = −2 + 0.5 X₁ + 0.4 X₂.
pub(super) fn rare_treatment(rng: &mut ChaCha8Rng) -> Unit {
    let (a, b) = two(rng);
    let mu0 = 1.0 + a + b;
    let noise = normal(rng);
    unit(rng, vec![a, b], -2.0 + 0.5 * a + 0.4 * b, [mu0, mu0 + 1.0 + 0.5 * a], [noise; 2])
}

/// Twenty independent normal covariates, the first ten of which matter.
pub(super) fn wide(rng: &mut ChaCha8Rng) -> Unit {
    let x = normals(rng, 20);
    let signal: f64 = x.iter().take(10).enumerate().map(|(j, v)| if j % 2 == 0 { *v } else { -0.5 * v }).sum();
    let noise = normal(rng);
    let effect = 1.0 + 0.5 * x[0];
    unit(rng, x, 0.25 * signal, [signal, signal + effect], [noise; 2])
}

/// Three covariates and noise from Student's t with three degrees of freedom:
/// logit e = 0.2(X₁ − X₂ + X₃), Y = X₁ + X₂ + X₃ + T(1 + 0.3 X₁) + t₃.
pub(super) fn heavy_tailed(rng: &mut ChaCha8Rng) -> Unit {
    let x: Vec<f64> = (0..3).map(|_| student_3(rng)).collect();
    let noise = student_3(rng);
    let (log_odds, mu0, effect) = (0.2 * (x[0] - x[1] + x[2]), x[0] + x[1] + x[2], 1.0 + 0.3 * x[0]);
    unit(rng, x, log_odds, [mu0, mu0 + effect], [noise; 2])
}

/// Kang & Schafer (2007, doi:10.1214/07-STS227), with an effect added to what was a mean under missing data:
/// logit e = −Z₁ + ½Z₂ − ¼Z₃ − Z₄/10, Y = 210 + 27.4 Z₁ + 13.7(Z₂ + Z₃ + Z₄) + T(10 + 3 Z₁) + N(0, 1). The analyst sees Z,
/// or four smooth functions of Z if `misspecified`, and then no regression is right.
pub(super) fn kang_schafer(rng: &mut ChaCha8Rng, misspecified: bool) -> Unit {
    let z = normals(rng, 4);
    let mu0 = 210.0 + 27.4 * z[0] + 13.7 * (z[1] + z[2] + z[3]);
    let noise = normal(rng);
    let log_odds = -z[0] + 0.5 * z[1] - 0.25 * z[2] - 0.1 * z[3];
    let mu = [mu0, mu0 + 10.0 + 3.0 * z[0]];
    let x = if misspecified {
        vec![
            (z[0] / 2.0).exp(),
            z[1] / (1.0 + z[0].exp()) + 10.0,
            (z[0] * z[2] / 25.0 + 0.6).powi(3),
            (z[1] + z[3] + 20.0).powi(2),
        ]
    } else {
        z
    };
    unit(rng, x, log_odds, mu, [noise; 2])
}

/// Units in clusters of 5 to 15 that share half of X₁ and a disturbance of the outcome, which is independent of
/// treatment given X. logit e = 0.5 X₁ + 0.3 X₂, Y = X₁ + X₂ + T(1 + 0.5 X₁) + N(0, ½) + N(0, 1).
pub(super) fn clustered(rng: &mut ChaCha8Rng, n: usize) -> Vec<Unit> {
    let mut units = Vec::with_capacity(n);
    let mut cluster = 0;
    while units.len() < n {
        let size = 5 + (uniform(rng) * 11.0) as usize;
        let (common, disturbance) = (normal(rng), 0.5_f64.sqrt() * normal(rng));
        // The last cluster is cut short, so that n is met exactly.
        for _ in 0..size.min(n - units.len()) {
            // √½ on both halves: X₁ has variance one.
            let (a, b) = (0.5_f64.sqrt() * (common + normal(rng)), normal(rng));
            let (mu0, effect) = (a + b, 1.0 + 0.5 * a);
            let noise = disturbance + normal(rng);
            let drawn = unit(rng, vec![a, b], 0.5 * a + 0.3 * b, [mu0, mu0 + effect], [noise; 2]);
            units.push(Unit { cluster, ..drawn });
        }
        cluster += 1;
    }
    units
}

/// As [`plain`], but a unit is sampled with probability expit(−0.5 + X₁)·0.8 + 0.1 and weighted by its inverse.
pub(super) fn weighted(rng: &mut ChaCha8Rng) -> Unit {
    loop {
        let drawn = plain(rng);
        let sampled = 0.1 + 0.8 * expit(-0.5 + drawn.x[0]);
        if flip(rng, sampled) {
            // Units that are easily sampled count less, which restores the population of `plain`.
            return Unit { weight: 1.0 / sampled, ..drawn };
        }
    }
}
