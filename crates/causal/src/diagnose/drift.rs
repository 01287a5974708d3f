//! Has a quantity that is estimated again and again, on one partition of units after the other, moved? Valid at every partition at
//! once, so that the question may be asked for ever.
//!
//! # Estimating equation
//!
//! Partitions t = 1, 2, … share no units; x_t ~ N(θ_t, s_t²) is the estimate in partition t, w_t = 1/s_t² and W_t = w_1 + … + w_t. The
//! recursive residuals (Brown, Durbin & Evans 1975) hold each partition against all that came before it:
//!
//! ```text
//! z_t = (x_t − m_{t−1}) / √(1/w_t + 1/W_{t−1}),    m_t = Σ_{i≤t} w_i x_i / W_t,    t ≥ 2
//! ```
//!
//! They are independent N(0, 1) if all θ_t are equal. If θ moves by δ at partition ν and stays there, they are still independent with
//! variance 1, and have for t ≥ ν the mean δ·c_νt with c_νt = (W_{ν−1}/W_{t−1}) / √(1/w_t + 1/W_{t−1}). With δ ~ N(0, τ²), B = Σ c z
//! and C = Σ c² over t from ν to T, the likelihood ratio of a shift at ν, and of a shift at some time, is
//!
//! ```text
//! e_ν(T) = ½ Σ_{τ ∈ {τ₀, τ_ν}} (1 + τ²C)^(−½) · exp(½ τ²B²/(1 + τ²C)),    τ_ν = 3 √(1/w_ν + 1/W_{ν−1})
//! e(T)   = Σ_{ν ≤ T} π_ν e_ν(T) + Σ_{ν > T} π_ν
//! ```
//!
//! e(T) is a non-negative martingale that starts at 1 where nothing moves, so that P(e(T) ≥ 1/α at any T) ≤ α (Ville 1939). The mean of
//! the processes of several quantities is one as well, however they depend on each other ([`mean_log_e`]).
//!
//! # Symbols
//!
//! | symbol | here | meaning |
//! |---|---|---|
//! | x_t, s_t | [`Estimated`] | estimate and standard error in partition t |
//! | τ₀ | `scale` | the size of a shift that is looked for, in units of x |
//! | τ_ν | [`WIDE`] | a size that partition ν by itself would show, so that a large shift of a noisy estimate is seen too; known beforehand, as s is |
//! | ν | [`Shift::since`] | the first partition after the shift |
//! | π_ν | `prior` | half 1/(k(k + 1)), which never gives up, half geometric with mean [`HORIZON`]; k = ν − 1 |
//! | δ | [`Shift::size`] | B/C: the mean after ν minus the mean before it, each weighted by precision |
//!
//! # Assumptions
//!
//! Partitions are independent: no unit, and no cluster, is in two of them. Estimates are normal with the standard errors that they are
//! given; in few units that is optimistic. A unit that differs from partition to partition at random, beyond its standard error, is a
//! shift to this test.
//!
//! # References
//!
//! Brown, Durbin & Evans 1975, J. R. Stat. Soc. B 37:149. Ville 1939. Shin, Ramdas & Rinaldo 2024, doi:10.1214/23-AOS2338
//! (e-detectors). Ramdas, Grünwald, Vovk & Shafer 2023, doi:10.1214/23-STS894.

use crate::numerics::sums;

/// The mean, in partitions, of the geometric half of the prior of when a shift comes: a year of weeks.
pub const HORIZON: f64 = 52.0;

/// τ_ν, in standard errors of the first estimate after a shift against those before it. Ours: such a one is seen at once.
const WIDE: f64 = 3.0;

/// An estimate with its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimated {
    /// Estimate.
    pub estimate: f64,
    /// Standard error, above zero.
    pub std_error: f64,
}

impl Estimated {
    fn usable(&self) -> bool {
        self.estimate.is_finite() && self.std_error.is_finite() && self.std_error > 0.0
    }

    fn precision(&self) -> f64 {
        self.std_error.powi(-2)
    }
}

/// The shift that the partitions speak for most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// The place, from 0, of the first partition after it.
    pub since: usize,
    /// Its size, in units of the estimates.
    pub size: f64,
    /// The standard error of the size, as if `since` were known.
    pub std_error: f64,
    /// The mean before it, weighted by precision.
    pub before: Estimated,
    /// The mean after it.
    pub after: Estimated,
}

/// The test of one quantity.
#[derive(Debug, Clone, PartialEq)]
pub struct Drift {
    /// log e(T) after each of the T partitions; 0 after the first.
    pub log_e: Vec<f64>,
    /// The likeliest shift; absent with fewer than two estimates.
    pub shift: Option<Shift>,
}

/// The reason why there is no test.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum DriftError {
    /// An estimate, or a standard error, that is not finite, or a standard error that is not above zero.
    #[error("partition {partition} has the estimate {estimate} with the standard error {std_error}")]
    Value {
        /// Its place, from 0.
        partition: usize,
        /// The estimate.
        estimate: f64,
        /// The standard error.
        std_error: f64,
    },
    /// A size of shifts that is not above zero.
    #[error("the size of a shift that is looked for is {0}; it must be above 0")]
    Scale(f64),
}

/// A shift at one partition, as far as it was followed.
struct Candidate {
    /// W_{ν−1}.
    before: f64,
    /// τ_ν.
    wide: f64,
    /// Σ c z and Σ c².
    b: f64,
    c: f64,
}

impl Candidate {
    /// log e_ν.
    fn log_e(&self, scale: f64) -> f64 {
        let at = |scale: f64| {
            let spread = 1.0 + scale * scale * self.c;
            0.5 * (scale * scale * self.b * self.b / spread - spread.ln())
        };
        log_sum_exp(&[at(scale), at(self.wide)]) - std::f64::consts::LN_2
    }
}

/// log of the sum of exponentials; −∞ of nothing.
fn log_sum_exp(logs: &[f64]) -> f64 {
    let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    largest + sums::sum(logs.iter().map(|log| (log - largest).exp())).ln()
}

/// π_ν for k = ν − 1 ≥ 1.
fn prior(k: f64) -> f64 {
    let geometric = (1.0 - 1.0 / HORIZON).powf(k - 1.0) / HORIZON;
    0.5 / (k * (k + 1.0)) + 0.5 * geometric
}

/// Σ π_ν over all shifts that come after k partitions.
fn later(k: f64) -> f64 {
    0.5 / (k + 1.0) + 0.5 * (1.0 - 1.0 / HORIZON).powf(k)
}

/// The test that all partitions have one value, after each of them. A partition without an estimate says nothing.
///
/// # Errors
/// [`DriftError`].
pub fn drift(partitions: &[Option<Estimated>], scale: f64) -> Result<Drift, DriftError> {
    if !(scale.is_finite() && scale > 0.0) {
        return Err(DriftError::Scale(scale));
    }
    let mut candidates: Vec<(usize, f64, Candidate)> = Vec::new();
    let (mut total, mut mean) = (0.0, 0.0);
    let mut log_e = Vec::with_capacity(partitions.len());
    for (at, value) in partitions.iter().enumerate() {
        let Some(value) = value else {
            log_e.push(log_e.last().copied().unwrap_or(0.0));
            continue;
        };
        if !value.usable() {
            let Estimated { estimate, std_error } = *value;
            return Err(DriftError::Value { partition: at, estimate, std_error });
        }
        let precision = value.precision();
        if total > 0.0 {
            let spread = (1.0 / precision + 1.0 / total).sqrt();
            let residual = (value.estimate - mean) / spread;
            #[allow(clippy::cast_precision_loss, reason = "a number of partitions")]
            let log_prior = prior(at as f64).ln();
            candidates.push((at, log_prior, Candidate { before: total, wide: WIDE * spread, b: 0.0, c: 0.0 }));
            for (_, _, candidate) in &mut candidates {
                let c = candidate.before / total / spread;
                candidate.b += c * residual;
                candidate.c += c * c;
            }
        }
        total += precision;
        mean += (value.estimate - mean) * precision / total;
        #[allow(clippy::cast_precision_loss, reason = "a number of partitions")]
        let mut logs = vec![later(at as f64).ln()];
        // A shift where no estimate was made is one at the next that has one.
        logs.extend(unseen(&candidates, at));
        logs.extend(candidates.iter().map(|(_, log_prior, candidate)| log_prior + candidate.log_e(scale)));
        log_e.push(log_sum_exp(&logs));
    }
    let shift = likeliest(partitions, &candidates, scale);
    Ok(Drift { log_e, shift })
}

/// The log of the prior of shifts at partitions up to `at` that are no candidates.
fn unseen(candidates: &[(usize, f64, Candidate)], at: usize) -> Option<f64> {
    #[allow(clippy::cast_precision_loss, reason = "a number of partitions")]
    let seen = sums::sum(candidates.iter().map(|(place, _, _)| prior(*place as f64)));
    #[allow(clippy::cast_precision_loss, reason = "a number of partitions")]
    let missing = 1.0 - later(at as f64) - seen;
    // Rounding is no mass.
    (missing > 1e-12).then(|| missing.ln())
}

fn likeliest(partitions: &[Option<Estimated>], candidates: &[(usize, f64, Candidate)], scale: f64) -> Option<Shift> {
    let log_posterior = |log_prior: &f64, candidate: &Candidate| log_prior + candidate.log_e(scale);
    let found = candidates.iter().max_by(|a, b| log_posterior(&a.1, &a.2).total_cmp(&log_posterior(&b.1, &b.2)))?;
    let since = found.0;
    let before = pooled(partitions.iter().take(since).flatten())?;
    let after = pooled(partitions.iter().skip(since).flatten())?;
    let std_error = (before.std_error.powi(2) + after.std_error.powi(2)).sqrt();
    Some(Shift { since, size: after.estimate - before.estimate, std_error, before, after })
}

/// The mean weighted by precision; `None` of nothing.
#[must_use]
pub fn pooled<'a>(values: impl IntoIterator<Item = &'a Estimated> + Clone) -> Option<Estimated> {
    let total = sums::sum(values.clone().into_iter().map(Estimated::precision));
    let weighted = sums::sum(values.into_iter().map(|value| value.estimate * value.precision()));
    (total > 0.0).then(|| Estimated { estimate: weighted / total, std_error: (1.0 / total).sqrt() })
}

/// log of the mean of e-processes, partition by partition: an e-process of "none of them moved". `None` of none, or if their lengths
/// differ.
#[must_use]
pub fn mean_log_e(processes: &[&[f64]]) -> Option<Vec<f64>> {
    let length = processes.first()?.len();
    if processes.iter().any(|process| process.len() != length) {
        return None;
    }
    #[allow(clippy::cast_precision_loss, reason = "a number of quantities")]
    let count = (processes.len() as f64).ln();
    let at = |t: usize| processes.iter().filter_map(|process| process.get(t).copied()).collect::<Vec<f64>>();
    Some((0..length).map(|t| log_sum_exp(&at(t)) - count).collect())
}

/// The first partition, from 0, after which the process reaches 1/α; `None` if it never did.
#[must_use]
pub fn alarm(log_e: &[f64], alpha: f64) -> Option<usize> {
    let limit = -alpha.ln();
    log_e.iter().position(|log| *log >= limit)
}

#[cfg(test)]
mod tests;
