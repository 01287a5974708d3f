//! Two arms without a model: Welch's difference in means, and CUPED.
//!
//! ```text
//! Δ = ȳ₁ − ȳ₀      se² = s₁²/n₁ + s₀²/n₀      ν = se⁴ / (s₁⁴/(n₁²(n₁ − 1)) + s₀⁴/(n₀²(n₀ − 1)))
//! CUPED: y* = y − θ(x − x̄), θ = cov(y, x)/var(x) over both arms together, then the same
//! ```
//!
//! Welch 1947, doi:10.1093/biomet/34.1-2.28; Deng et al. 2013, doi:10.1145/2433396.2433413. The standard error is HC2 of the
//! regression on the arm; θ over both arms is the convention of GrowthBook and tea-tasting.

use crate::experiment::linear_model::Estimated;
use crate::experiment::rows::ExperimentError;
use crate::numerics::sums;

/// Mean and variance of an arm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Values.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// Their variance, divided by n − 1.
    pub variance: f64,
}

impl Sample {
    /// Of two values or more.
    ///
    /// # Errors
    /// [`ExperimentError::TooFewRows`].
    pub fn new(values: &[f64]) -> Result<Sample, ExperimentError> {
        let n = values.len();
        if n < 2 {
            return Err(ExperimentError::TooFewRows { n, k: 2 });
        }
        let mean = sums::sum(values.iter().copied()) / n as f64;
        let variance = sums::sum(values.iter().map(|v| (v - mean).powi(2))) / (n as f64 - 1.0);
        Ok(Sample { n, mean, variance })
    }

    fn of_mean(&self) -> f64 {
        self.variance / self.n as f64
    }
}

/// Welch's difference of `treated` from `control`.
#[must_use]
pub fn welch(treated: &Sample, control: &Sample) -> Estimated {
    let variance = treated.of_mean() + control.of_mean();
    let own = |sample: &Sample| sample.of_mean().powi(2) / (sample.n as f64 - 1.0);
    Estimated {
        estimate: treated.mean - control.mean,
        std_error: variance.sqrt(),
        df: if variance > 0.0 { variance.powi(2) / (own(treated) + own(control)) } else { f64::INFINITY },
    }
}

/// CUPED with one covariate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cuped {
    /// θ.
    pub theta: f64,
    /// The adjusted difference.
    pub effect: Estimated,
}

/// CUPED of `treated` against `control`, each the metric and the covariate of its units.
///
/// # Errors
/// [`ExperimentError`] for fewer than two units in an arm, arrays of different lengths, or a covariate without variance.
pub fn cuped(treated: [&[f64]; 2], control: [&[f64]; 2]) -> Result<Cuped, ExperimentError> {
    for [y, x] in [treated, control] {
        if x.len() != y.len() {
            return Err(ExperimentError::Shape { what: "covariate", found: x.len(), expected: y.len() });
        }
    }
    let both = |which: usize| [treated[which], control[which]].concat();
    let (y, x) = (both(0), both(1));
    let (of_y, of_x) = (Sample::new(&y)?, Sample::new(&x)?);
    if of_x.variance == 0.0 {
        return Err(ExperimentError::ZeroDenominator { what: "the variance of the covariate" });
    }
    let products = y.iter().zip(&x).map(|(y, x)| (y - of_y.mean) * (x - of_x.mean));
    let theta = sums::sum(products) / (y.len() as f64 - 1.0) / of_x.variance;
    let adjusted = |[y, x]: [&[f64]; 2]| {
        Sample::new(&y.iter().zip(x).map(|(y, x)| y - theta * (x - of_x.mean)).collect::<Vec<f64>>())
    };
    Ok(Cuped { theta, effect: welch(&adjusted(treated)?, &adjusted(control)?) })
}
