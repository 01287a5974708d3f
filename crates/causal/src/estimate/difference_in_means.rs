//! Difference of arm means, no adjustment: a benchmark to argue against.
//!
//! ```text
//! τ̂ = ȳ₁ − ȳ₀,   se² = Σ_a [n_a/(n_a − 1)] Σ_{i in a} w²(y − ȳ_a)² / (Σ_{i in a} w)²
//! ```
//!
//! With equal weights that is Welch's s₁²/n₁ + s₀²/n₀ (1947, doi:10.1093/biomet/34.1-2.28). It estimates a causal effect
//! only if treatment was as good as randomised.

use crate::arm::Arm;
use crate::effect::{Effect, SeMethod};
use crate::error::EstimateError;
use crate::estimate::Estimator;
use crate::estimate::effect_builder::{Errors, Label};
use crate::estimate::inference::{Scores, standard_error};
use crate::nuisance::Nuisances;
use crate::numerics::sums;
use crate::weighted_rows::Rows;

/// ȳ₁ − ȳ₀.
pub(super) struct DifferenceInMeans;

impl Estimator for DifferenceInMeans {
    fn effect(&self, nuisances: &Nuisances<'_>, label: &Label) -> Result<Effect, EstimateError> {
        let rows = &nuisances.rows;
        let (scores, welch) = scores(rows)?;
        let influence = standard_error(rows, &scores.phi);
        let clustered = rows.clusters.is_some();
        // Welch's n/(n − 1) counts independent units; with clusters, influence values are added up within them instead.
        let (method, std_error) = if clustered { (SeMethod::Clustered, influence) } else { (SeMethod::Welch, welch) };
        label.effect(rows, None, &scores, Errors { method, std_error, se_influence: Some(influence), se_stacked: None })
    }
}

/// Point estimate, influence function, and Welch standard error.
pub(super) fn scores(rows: &Rows) -> Result<(Scores, f64), EstimateError> {
    let (treated, control) = (ArmMean::new(rows, Arm::Treated)?, ArmMean::new(rows, Arm::Control)?);
    let phi = rows.map(|i| {
        let arm = rows.arm[i];
        let own = if arm.is_treated() { &treated } else { &control };
        arm.sign() * (rows.y[i] - own.mean) * rows.total / own.weight
    });
    let scores = Scores {
        estimate: treated.mean - control.mean,
        mean_treated: treated.mean,
        mean_control: control.mean,
        phi,
        slope_propensity: None,
        slope_outcome: None,
    };
    Ok((scores, (treated.variance + control.variance).sqrt()))
}

/// Weighted mean of one arm and the variance of that mean.
struct ArmMean {
    weight: f64,
    mean: f64,
    variance: f64,
}

impl ArmMean {
    fn new(rows: &Rows, arm: Arm) -> Result<Self, EstimateError> {
        let w = rows.arm_weights(arm);
        let n = w.iter().filter(|w| **w > 0.0).count();
        // One unit has a mean but no variance.
        if n < 2 {
            return Err(EstimateError::SmallArm { arm, n });
        }
        let weight = sums::sum(w.iter().copied());
        let mean = sums::dot(&rows.y, &w) / weight;
        let squares = sums::sum(w.iter().zip(&rows.y).map(|(w, y)| (w * (y - mean)).powi(2)));
        // n counts units of positive weight, so that with equal weights this is s²/n.
        Ok(Self { weight, mean, variance: squares / (weight * weight) * n as f64 / (n as f64 - 1.0) })
    }
}
