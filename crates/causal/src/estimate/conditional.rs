//! Intervals about the units of the sample: what is uncertain when covariates and treatments are held fixed.
//!
//! The estimand is the average effect among these very units, with the weights of the target,
//!
//! ```text
//! τ_S = Σ w d (Y(1) − Y(0)) / D,    d = 1, t, 1 − t, (t − e)² for SATE, SATT, SATC, SATO,    D = Σ w d
//! ```
//!
//! With Y(a) = μ_a + ε_a and nuisances right to first order, an estimator that adds Σ_{t=1} w b ε₁/B₁ − Σ_{t=0} w b ε₀/B₀
//! to Σ w d(μ₁ − μ₀)/D misses τ_S by
//!
//! ```text
//! Σ_{t=1} w [k ε₁ + (d/D) ε₀] − Σ_{t=0} w [k ε₀ + (d/D) ε₁],      k = b/B_a − d/D
//! ```
//!
//! where the first error of each bracket is seen and the second is not. Given covariates and treatments its variance is
//! that of the errors alone: no variance of the effect between units. How the two errors of one unit are correlated
//! cannot be known from data; the bound over all correlations adds the two standard deviations in each arm:
//!
//! ```text
//! V = (√S₁ + √U₁)² + (√S₀ + √U₀)²
//! S_a = Σ_{t=a} w² k² (r − c_a)²                   seen
//! U_a = s²_a Σ_{t=a} w² (d/D)²                     not seen; s²_a = Σ_{t≠a} ω (r − c)²/Σ_{t≠a} ω
//! ```
//!
//! | symbol | meaning |
//! |---|---|
//! | r | residual y − μ of the arm received, out of fold where nuisances are cross-fitted |
//! | c_a | Σ_{t=a} w b r/Σ_{t=a} w b |
//! | b | balancing weight h/e (treated), h/(1 − e) (controls) |
//! | B_a | Σ_{t=a} w b for estimators with normalised weights, D for the others |
//! | ω | w d_a² times the odds of the other arm: makes the units of one arm stand for those of the other |
//!
//! For the SATT, k = 0 among the treated and d = 0 among the controls, so no correlation is needed, and with normalised
//! weights V = s²/n₁ + Σ_{t=0} ω²(r − c)²/(Σ_{t=0} ω)², ω = e/(1 − e); the SATC is its mirror image. For the SATE and the
//! SATO V is an upper bound, exact for effects that are the same for all units of equal covariates (Neyman 1923 in
//! Splawa-Neyman, Dabrowska & Speed 1990, doi:10.1214/ss/1177012031; Imbens 2004, doi:10.1162/003465304323023651).
//!
//! V takes e for known. The SATO is defined by e, and where effects differ, an error in e moves it: its standard error is
//! that of its influence function where that is larger (`at_least`). In `kang_schafer`, where effects vary a lot and noise
//! does not, √V alone covered 75 %.

use crate::design::weights::weight;
use crate::estimand::Target;
use crate::estimate::aipw::denominator;
use crate::nuisance::outcome::OutcomeValues;
use crate::numerics::sums;
use crate::weighted_rows::Rows;

/// The divisor of the correction of each arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weights {
    /// B_a = Σ w b in arm a.
    Normalised,
    /// B_a = D.
    Plain,
}

/// √V; see the module page.
pub(crate) fn standard_error(rows: &Rows, e: &[f64], outcome: &OutcomeValues, target: Target, weights: Weights) -> f64 {
    let arm_of = |i: usize| rows.arm[i].index();
    // Rows of weight zero are left out, not multiplied by it: their b may be infinite.
    let members = |arm: usize| (0..rows.n()).filter(move |i| rows.w[*i] > 0.0 && arm_of(*i) == arm);
    let b = |i: usize| weight(e[i], rows.arm[i], target);
    let total = rows.sum(|i| denominator(e[i], rows.t[i], target));
    let residual = |i: usize| rows.y[i] - outcome.mu[arm_of(i)][i];
    let size = [0, 1].map(|arm| sums::sum(members(arm).map(|i| rows.w[i] * b(i))));
    // Taken out of the residuals as normalised AIPW does; a constant error of μ is no noise.
    let centre = [0, 1].map(|arm| sums::sum(members(arm).map(|i| rows.w[i] * b(i) * residual(i))) / size[arm]);
    let square = |i: usize| (residual(i) - centre[arm_of(i)]).powi(2);
    let arm = |a: usize| {
        let divisor = if weights == Weights::Normalised { size[a] } else { total };
        let share = |i: usize| denominator(e[i], rows.t[i], target) / total;
        let seen = sums::sum(members(a).map(|i| (rows.w[i] * (b(i) / divisor - share(i))).powi(2) * square(i)));
        // The units of the other arm, weighted to look like those of this one.
        let omega = |i: usize| {
            let odds = if a == 1 { e[i] / (1.0 - e[i]) } else { (1.0 - e[i]) / e[i] };
            // d as it would be in arm a, where the unit is not.
            rows.w[i] * odds * denominator(e[i], a as f64, target).powi(2)
        };
        let mass = sums::sum(members(1 - a).map(omega));
        let variance = if mass > 0.0 { sums::sum(members(1 - a).map(|i| omega(i) * square(i))) / mass } else { 0.0 };
        let unseen = variance * sums::sum(members(a).map(|i| (rows.w[i] * share(i)).powi(2)));
        (seen.sqrt() + unseen.sqrt()).powi(2)
    };
    (arm(0) + arm(1)).sqrt()
}

/// √V, or for the SATO the standard error of the influence function if that is larger; likewise of their squares.
pub(crate) fn at_least(influence: f64, target: Target, conditional: f64) -> f64 {
    if target == Target::Ato { conditional.max(influence) } else { conditional }
}

#[cfg(test)]
#[path = "conditional_tests.rs"]
mod tests;
