//! Setups in which no regression on the columns as they are holds: what flexible learners are for.

use crate::learners::logistic::expit;
use crate::simulate::Unit;
use crate::simulate::linear::unit;
use crate::simulate::random::{flip, normal, normals, uniform};
use rand_chacha::ChaCha8Rng;

/// A unit with the baseline b, propensity e and effect τ of Nie & Wager: Y = b + (T − ½)τ + N(0, 1).
fn nie_wager(rng: &mut ChaCha8Rng, x: Vec<f64>, e: f64, b: f64, effect: f64) -> Unit {
    let noise = normal(rng);
    let mu = [b - 0.5 * effect, b + 0.5 * effect];
    let treated = flip(rng, e);
    Unit { x, e, treated, mu, y: mu.map(|m| m + noise), weight: 1.0, cluster: 0 }
}

fn log_sum(u: f64) -> f64 {
    u.exp().ln_1p()
}

/// Setups A to D of Nie & Wager (2021, doi:10.1093/biomet/asaa076), six columns, σ = 1.
pub(super) fn nie_wager_a(rng: &mut ChaCha8Rng) -> Unit {
    let x: Vec<f64> = (0..6).map(|_| uniform(rng)).collect();
    let wave = (std::f64::consts::PI * x[0] * x[1]).sin();
    let b = wave + 2.0 * (x[2] - 0.5).powi(2) + x[3] + 0.5 * x[4];
    let effect = (x[0] + x[1]) / 2.0;
    // The setup's own definition of e, which keeps it inside [0.1, 0.9].
    nie_wager(rng, x, wave.clamp(0.1, 0.9), b, effect)
}

/// Randomised, with a kinked baseline.
pub(super) fn nie_wager_b(rng: &mut ChaCha8Rng) -> Unit {
    let x = normals(rng, 6);
    let b = (x[0] + x[1]).max(x[2]).max(0.0) + (x[3] + x[4]).max(0.0);
    let effect = x[0] + log_sum(x[1]);
    nie_wager(rng, x, 0.5, b, effect)
}

/// An easy propensity, a difficult baseline, a constant effect.
pub(super) fn nie_wager_c(rng: &mut ChaCha8Rng) -> Unit {
    let x = normals(rng, 6);
    let (e, b) = (expit(-(x[1] + x[2])), 2.0 * log_sum(x[0] + x[1] + x[2]));
    nie_wager(rng, x, e, b, 1.0)
}

/// Unrelated arms.
pub(super) fn nie_wager_d(rng: &mut ChaCha8Rng) -> Unit {
    let x = normals(rng, 6);
    let e = 1.0 / (1.0 + (-x[0]).exp() + (-x[1]).exp());
    let (up, down) = ((x[0] + x[1] + x[2]).max(0.0), (x[3] + x[4]).max(0.0));
    nie_wager(rng, x, e, 0.5 * (up + down), up - down)
}

/// Friedman's function (1991, doi:10.1214/aos/1176347963) of five of ten uniform columns, with a bent propensity:
/// logit e = sin(2πX₁) + 2(X₄ − ½), τ = 1 + 4(X₂ − ½)².
pub(super) fn friedman(rng: &mut ChaCha8Rng) -> Unit {
    let x: Vec<f64> = (0..10).map(|_| uniform(rng)).collect();
    let pi = std::f64::consts::PI;
    let mu0 = 10.0 * (pi * x[0] * x[1]).sin() + 20.0 * (x[2] - 0.5).powi(2) + 10.0 * x[3] + 5.0 * x[4];
    let log_odds = (2.0 * pi * x[0]).sin() + 2.0 * (x[3] - 0.5);
    let effect = 1.0 + 4.0 * (x[1] - 0.5).powi(2);
    let noise = normal(rng);
    unit(rng, x, log_odds, [mu0, mu0 + effect], [noise; 2])
}

/// Two hundred correlated columns (0.5^|j − k|) with coefficients that fall as 1/j²: approximately sparse, as in
/// Belloni, Chernozhukov & Hansen (2014, doi:10.1093/restud/rdt044). logit e = 0.7 Σ Xⱼ/j², Y = 2 Σ Xⱼ/j² + T(1 + ½X₁) + N(0, 1).
pub(super) fn sparse(rng: &mut ChaCha8Rng) -> Unit {
    let mut x = normals(rng, 200);
    for j in 1..x.len() {
        // 0.75 = 1 − 0.5², so every column keeps variance one.
        x[j] = 0.5 * x[j - 1] + 0.75_f64.sqrt() * x[j];
    }
    let signal: f64 = x.iter().enumerate().map(|(j, v)| v / ((j + 1) as f64).powi(2)).sum();
    let effect = 1.0 + 0.5 * x[0];
    let noise = normal(rng);
    unit(rng, x, 0.7 * signal, [2.0 * signal, 2.0 * signal + effect], [noise; 2])
}
