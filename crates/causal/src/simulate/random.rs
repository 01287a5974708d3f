//! Random numbers for simulated units, all from one stream.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// Uniform on (0, 1): 53 random bits, moved off zero.
pub(crate) fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    ((rng.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
}

/// Standard normal; Box & Muller (1958), doi:10.1214/aoms/1177706645.
pub(crate) fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (a, b) = (uniform(rng), uniform(rng));
    // The sine is not used: every normal takes two uniforms, and nothing is kept between calls.
    (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
}

/// `p` independent standard normal numbers.
pub(crate) fn normals(rng: &mut ChaCha8Rng, p: usize) -> Vec<f64> {
    (0..p).map(|_| normal(rng)).collect()
}

/// Student's t with three degrees of freedom: variance 3, no third moment.
pub(crate) fn student_3(rng: &mut ChaCha8Rng) -> f64 {
    let z = normal(rng);
    let chi_square: f64 = (0..3).map(|_| normal(rng).powi(2)).sum();
    z / (chi_square / 3.0).sqrt()
}

/// True with probability `p`.
pub(crate) fn flip(rng: &mut ChaCha8Rng, p: f64) -> bool {
    uniform(rng) < p
}

/// Poisson: counts unit-rate arrivals before `rate`.
pub(crate) fn poisson(rng: &mut ChaCha8Rng, rate: f64) -> u32 {
    let mut product = uniform(rng);
    let mut count = 0;
    // Arrivals in logarithms: a sum of exponentials passes the rate where the product of uniforms passes exp(−rate).
    while product > (-rate).exp() {
        product *= uniform(rng);
        count += 1;
    }
    count
}

/// 0, 1 or 2 with probability `first`, `second` and the rest.
pub(crate) fn pick(rng: &mut ChaCha8Rng, first: f64, second: f64) -> usize {
    let u = uniform(rng);
    usize::from(u >= first) + usize::from(u >= first + second)
}
