//! Targeted maximum likelihood for every target by one formula (van der Laan & Rubin 2006, doi:10.2202/1557-4679.1043).
//!
//! Outcome predictions are moved along a one-dimensional logistic path in each arm until the orthogonal score of
//! [`crate::estimate::aipw`] is solved by the plain substitution estimator. With the outcome on the unit interval,
//! y° = (y − a)/(c − a) for the smallest and largest outcome a and c (0 and 1 for a binary one), and the tilt h of the
//! target:
//!
//! ```text
//! logit μ*₁ = logit μ₁ + ε₁ c₁,   logit μ*₀ = logit μ₀ + ε₀ c₀
//! Σ_{t=1} w b (y° − μ*₁) = 0,     Σ_{t=0} w b (y° − μ*₀) = 0,      b = h/e (treated), h/(1 − e) (controls)
//! τ̂ = Σ w den (μ*₁ − μ*₀)/Σ w den,    den = h + h′(e)(t − e) = 1, t, 1 − t, (t − e)² for ATE, ATT, ATC, ATO
//! ```
//!
//! The two conditions make the augmentation of AIPW vanish at μ*, so τ̂ solves Σ w(num − τ den) = 0 with e held fixed:
//! den carries the derivative of h, which is why no step in e is needed for the targets whose h depends on it. Since den
//! is never negative and μ* lies between a and c, τ̂ always respects the range of the outcome, which AIPW may leave.
//!
//! | [`Fluctuation`] | path | conditions |
//! |---|---|---|
//! | `Weighted` | c₁ = c₀ = 1, rows weighted by w b | both |
//! | `CleverPair` | c₁ = h/e, c₀ = h/(1 − e), rows weighted by w | both |
//! | `CleverDifference` | the same with ε₀ = −ε₁ | their difference only, which is all that τ needs |
//!
//! The estimate that is reported uses `Weighted`: where e is small the others extrapolate along c of the order of 1/e,
//! to the rows of the other arm above all, while here the largest weight multiplies an observed residual and nothing
//! else (Gruber & van der Laan 2010, doi:10.2202/1557-4679.1260, on the bounded outcome; Robins, Sued, Lei-Gomez &
//! Rotnitzky 2007, doi:10.1214/07-STS227D, on weights in place of covariates).
//!
//! Standard error: influence function at μ*. Assumptions: those of AIPW, and doubly robust like it. Predictions are moved
//! into [0.0005, 0.9995] on the unit scale before their logit is taken, and counted.

use crate::arm::Arm;
use crate::design::weights::weight;
use crate::effect::Effect;
use crate::error::{EstimateError, FluctuationProblem};
use crate::estimand::{OutcomeKind, Target};
use crate::estimate::conditional::Weights;
use crate::estimate::doubly_robust::{At, annotated};
use crate::estimate::effect_builder::Label;
use crate::estimate::inference::Scores;
use crate::estimate::{Estimator, aipw, repeats};
use crate::learners::logistic::expit;
use crate::nuisance::Nuisances;
use crate::nuisance::crossfit::{Outcomes, Propensities};
use crate::nuisance::outcome::OutcomeValues;
use crate::numerics::sums;
use crate::weighted_rows::Rows;

/// Smallest prediction on the unit scale whose logit is taken, and one minus the largest.
const BOUND: f64 = 0.0005;
/// Most steps of the one-dimensional search; bisection alone needs about 100.
const MAX_STEPS: usize = 300;
/// Largest |score| that counts as zero, relative to Σ|ω c|.
const TOLERANCE: f64 = 1e-10;
/// |ε| in units of the largest covariate beyond which there is no root.
const FARTHEST: f64 = 1e12;

/// The path along which outcome predictions are moved; see the module page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fluctuation {
    /// An intercept in each arm, rows weighted by their balancing weight.
    #[default]
    Weighted,
    /// One covariate in each arm: the balancing weight.
    CleverPair,
    /// One covariate for both arms: the balancing weight, negative for controls.
    CleverDifference,
}

/// TMLE with regressions on all rows.
pub(super) struct Tmle;

impl Estimator for Tmle {
    fn effect(&self, nuisances: &Nuisances<'_>, label: &Label) -> Result<Effect, EstimateError> {
        along(nuisances, label, Fluctuation::default())
    }

    fn influence(&self, nuisances: &Nuisances<'_>, of: Target) -> Result<Option<Vec<f64>>, EstimateError> {
        let (e, outcome) = (nuisances.weighting_e()?, nuisances.outcome()?.with_log_odds()?);
        let targeted = target(&nuisances.rows, &e, &outcome.values, of, Fluctuation::default())?;
        Ok(Some(targeted.scores.phi))
    }
}

/// TMLE with out-of-fold nuisances by any learner.
pub(super) struct CrossFittedTmle;

impl Estimator for CrossFittedTmle {
    fn effect(&self, nuisances: &Nuisances<'_>, label: &Label) -> Result<Effect, EstimateError> {
        let one_repeat = |(p, o): (&Propensities, &Outcomes)| {
            let targeted = target(&nuisances.rows, &p.e, &o.values, label.target, Fluctuation::default())?;
            Ok(annotated(targeted_effect(nuisances, label, &p.e, &targeted)?, p, &o.notes))
        };
        let (propensities, outcomes) = (nuisances.propensities()?, nuisances.outcomes()?);
        nuisances.over_repeats(propensities.iter().zip(outcomes).map(one_repeat))
    }

    fn influence(&self, nuisances: &Nuisances<'_>, of: Target) -> Result<Option<Vec<f64>>, EstimateError> {
        let (propensities, outcomes) = (nuisances.propensities()?, nuisances.outcomes()?);
        let one = |(p, o): (&Propensities, &Outcomes)| {
            target(&nuisances.rows, &p.e, &o.values, of, Fluctuation::default()).map(|targeted| targeted.scores.phi)
        };
        let all: Vec<Vec<f64>> = propensities.iter().zip(outcomes).map(one).collect::<Result<_, _>>()?;
        Ok(repeats::mean_influence(all.into_iter()))
    }
}

/// TMLE with regressions on all rows, along the given path.
pub(super) fn along(nuisances: &Nuisances<'_>, label: &Label, path: Fluctuation) -> Result<Effect, EstimateError> {
    let e = nuisances.weighting_e()?;
    let targeted = target(&nuisances.rows, &e, &nuisances.outcome()?.with_log_odds()?.values, label.target, path)?;
    targeted_effect(nuisances, label, &e, &targeted)
}

/// The effect at targeted predictions.
fn targeted_effect(
    nuisances: &Nuisances<'_>,
    label: &Label,
    e: &[f64],
    targeted: &Targeted,
) -> Result<Effect, EstimateError> {
    let at = At { e, outcome: &targeted.outcome, weights: Weights::Plain };
    let effect = nuisances.doubly_robust(label, at, &targeted.scores)?;
    Ok(Effect { clipped: targeted.clipped, ..effect })
}

/// A solved fluctuation.
struct Targeted {
    /// Estimate, arm means and influence function at the targeted predictions.
    scores: Scores,
    /// Targeted predictions.
    outcome: OutcomeValues,
    /// Predictions moved into the unit interval.
    clipped: usize,
}

/// Solves the fluctuation at propensities `e` and outcome predictions `outcome`.
///
/// # Errors
/// [`EstimateError::NoFluctuation`] if no finite ε solves the score, or the outcome is constant.
fn target(
    rows: &Rows,
    e: &[f64],
    outcome: &OutcomeValues,
    target: Target,
    path: Fluctuation,
) -> Result<Targeted, EstimateError> {
    let unit = Unit::spanning(rows, outcome)?;
    let (offset, clipped) = unit.logits(rows, outcome);
    let tilt = |i: usize, arm: Arm| weight(e[i], arm, target);
    let covariate = |i: usize, arm: Arm| if path == Fluctuation::Weighted { 1.0 } else { tilt(i, arm) };
    let problem = |keep: &dyn Fn(usize) -> bool, sign: f64| -> Vec<Point> {
        let point = |i: usize| {
            let arm = rows.arm[i];
            // For both arms together the control's covariate is negative, so that one ε serves the difference.
            let signed = if arm == Arm::Control { sign } else { 1.0 };
            let omega = if path == Fluctuation::Weighted { rows.w[i] * tilt(i, arm) } else { rows.w[i] };
            Point { omega, c: signed * covariate(i, arm), offset: offset[arm.index()][i], y: unit.scale(rows.y[i]) }
        };
        (0..rows.n()).filter(|i| rows.w[*i] > 0.0 && keep(*i)).map(point).collect()
    };
    let epsilon = if path == Fluctuation::CleverDifference {
        let one = root(&problem(&|_| true, -1.0)).map_err(|p| unsolved("both arms", p))?;
        [-one, one]
    } else {
        let solve = |arm: Arm| root(&problem(&|i| rows.arm[i] == arm, 1.0)).map_err(|p| unsolved(arm.name(), p));
        [solve(Arm::Control)?, solve(Arm::Treated)?]
    };
    let moved = |arm: Arm| {
        let (offset, epsilon) = (&offset[arm.index()], epsilon[arm.index()]);
        // Every row moves in both arms, whichever arm it was in: τ̂ averages both predictions.
        rows.map(|i| unit.back(expit(offset[i] + epsilon * covariate(i, arm))))
    };
    let targeted = OutcomeValues { mu: Arm::BOTH.map(moved), logistic: outcome.logistic };
    Ok(Targeted { scores: substitution(rows, e, &targeted, target), outcome: targeted, clipped })
}

/// The substitution estimate with the influence function of AIPW at the same predictions.
fn substitution(rows: &Rows, e: &[f64], targeted: &OutcomeValues, target: Target) -> Scores {
    let den = |i: usize| aipw::denominator(e[i], rows.t[i], target);
    let total = rows.sum(den);
    let mean = |arm: usize| rows.sum(|i| den(i) * targeted.mu[arm][i]) / total;
    let (mean_treated, mean_control) = (mean(1), mean(0));
    let estimate = rows.sum(|i| den(i) * (targeted.mu[1][i] - targeted.mu[0][i])) / total;
    // Equal to AIPW at μ* up to the tolerance of the root; this form stays within the range of the outcome exactly.
    Scores { estimate, mean_treated, mean_control, ..aipw::scores(rows, e, targeted, target) }
}

fn unsolved(arm: &'static str, problem: FluctuationProblem) -> EstimateError {
    EstimateError::NoFluctuation { arm, problem }
}

/// The outcome on the unit interval.
struct Unit {
    low: f64,
    range: f64,
}

impl Unit {
    fn spanning(rows: &Rows, outcome: &OutcomeValues) -> Result<Self, EstimateError> {
        if outcome.kind() == OutcomeKind::Binary {
            return Ok(Self { low: 0.0, range: 1.0 });
        }
        let present = || rows.y.iter().zip(&rows.w).filter(|(_, w)| **w > 0.0).map(|(y, _)| *y);
        let low = present().fold(f64::INFINITY, f64::min);
        let range = present().fold(f64::NEG_INFINITY, f64::max) - low;
        if !range.is_finite() || range <= 0.0 {
            return Err(unsolved("both arms", FluctuationProblem::Range { range }));
        }
        Ok(Self { low, range })
    }

    fn scale(&self, y: f64) -> f64 {
        (y - self.low) / self.range
    }

    fn back(&self, unit: f64) -> f64 {
        unit * self.range + self.low
    }

    /// logit μ of both arms on the unit scale, and how many predictions had to be moved for it.
    fn logits(&self, rows: &Rows, outcome: &OutcomeValues) -> ([Vec<f64>; 2], usize) {
        let mut clipped = 0;
        let mut logit = |arm: usize| -> Vec<f64> {
            let mu = &outcome.mu[arm];
            clipped += (0..rows.n())
                .filter(|i| rows.w[*i] > 0.0 && !(BOUND..=1.0 - BOUND).contains(&self.scale(mu[*i])))
                .count();
            rows.map(|i| {
                // A prediction outside the range of y, as linear regressions make, has no logit.
                let q = self.scale(mu[i]).clamp(BOUND, 1.0 - BOUND);
                (q / (1.0 - q)).ln()
            })
        };
        let logits = [logit(0), logit(1)];
        (logits, clipped)
    }
}

/// One row of a logistic regression with one covariate and an offset.
struct Point {
    omega: f64,
    c: f64,
    offset: f64,
    y: f64,
}

/// The root ε of the decreasing function Σ ω c (y − expit(offset + ε c)), by Newton's method inside a bracket.
fn root(points: &[Point]) -> Result<f64, FluctuationProblem> {
    root_within(points, MAX_STEPS)
}

/// The same, by at most `steps` steps, one at least.
fn root_within(points: &[Point], steps: usize) -> Result<f64, FluctuationProblem> {
    let largest = points.iter().map(|p| p.c.abs()).fold(0.0, f64::max);
    // The covariate is divided by its largest, so that ε is of order one whatever the weights.
    let size = sums::sum(points.iter().map(|p| p.omega * (p.c / largest).abs()));
    if !(largest.is_finite() && largest > 0.0 && size.is_finite()) {
        return Err(FluctuationProblem::Weights);
    }
    // The limits of the function at −∞ and +∞ must lie on either side of zero.
    let limit =
        |up: f64| points.iter().any(|p| p.omega * p.c != 0.0 && (if p.c > 0.0 { p.y } else { 1.0 - p.y }) != up);
    if !limit(0.0) || !limit(1.0) {
        return Err(FluctuationProblem::OneEnd);
    }
    let at = |epsilon: f64| {
        let c = |p: &Point| p.c / largest;
        let score = sums::sum(points.iter().map(|p| p.omega * c(p) * (p.y - expit(p.offset + epsilon * c(p)))));
        let slope = sums::sum(points.iter().map(|p| {
            let q = expit(p.offset + epsilon * c(p));
            p.omega * c(p) * c(p) * q * (1.0 - q)
        }));
        (score, slope)
    };
    let (mut low, mut high, mut reach) = (f64::NEG_INFINITY, f64::INFINITY, 1.0);
    let (mut epsilon, mut score) = (0.0, f64::INFINITY);
    for step in 1..=steps {
        let slope;
        (score, slope) = at(epsilon);
        if score > 0.0 {
            low = epsilon;
        } else {
            high = epsilon;
        }
        // A slope of zero makes this infinite or NaN; either fails the test below, and the step bisects or reaches out.
        let newton = epsilon + score / slope;
        // Steps may double from one to the next: the curve is flat far out, where Newton overshoots.
        let next = if newton > low && newton < high && (newton - epsilon).abs() <= reach {
            newton
        } else if low.is_finite() && high.is_finite() {
            low + (high - low) / 2.0
        } else {
            epsilon + reach.copysign(score)
        };
        reach *= 2.0;
        let settled = (next - epsilon).abs() <= 1e-15 * epsilon.abs().max(1e-3);
        // The last step is not taken: its score would never be seen.
        if score == 0.0 || settled || step == steps {
            break;
        }
        if next.abs() > FARTHEST {
            return Err(FluctuationProblem::NoFiniteShift);
        }
        epsilon = next;
    }
    // Every way out of the loop leaves ε where `score` was taken.
    let off = (score / size).abs();
    if off <= TOLERANCE { Ok(epsilon / largest) } else { Err(FluctuationProblem::StillOff { steps, off }) }
}

#[cfg(test)]
#[path = "tmle_tests.rs"]
mod tests;
