//! The quality of a list of estimates, and its difference from another list on the same datasets.
//!
//! With e = (estimate − truth)/sd(y) of one dataset and w the width of its interval over sd(y):
//!
//! ```text
//! bias = mean e      RMSE = √mean e²      coverage = share of intervals that hold the truth      width = mean w
//! ```
//!
//! A root mean square is the square root of a few large errors, so two more stand beside it:
//!
//! ```text
//! median |e|      winsorised RMSE = √mean min(|e|, q)²,   q the 95 % quantile of |e|
//! ```
//!
//! with 95 % percentile intervals over 2,000 bootstrap samples of the datasets (Efron & Tibshirani 1993, chapter 13), seeded.
//!
//! Paired differences of a and b over the n datasets that both have, as a minus b:
//!
//! ```text
//! D = mean(eₐ² − e_b²)                       se(D) = sd(eₐ² − e_b²)/√n
//! Δ = RMSEₐ − RMSE_b                         se(Δ) = sd(ψ)/√n   (delta method)
//! ψ = (eₐ² − mean eₐ²)/(2 RMSEₐ) − (e_b² − mean e_b²)/(2 RMSE_b)
//! ```
//!
//! with divisor n − 1 in sd. They take datasets as independent draws, given the settings.

use crate::estimates_csv::Numbers;
use causal::numerics::{quantile, streams};
use rand::RngExt;

/// The quantile at which errors are cut.
const WINSORISED: f64 = 0.95;
/// Bootstrap samples.
const BOOTSTRAP: usize = 2_000;

/// One estimate held against its truth, in units of sd(y).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Error {
    /// (estimate − truth)/sd(y).
    pub error: f64,
    /// Width of the interval over sd(y).
    pub width: f64,
    /// `true` if the interval holds the truth.
    pub covered: bool,
}

/// An estimate with its interval, outcome units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Point estimate.
    pub estimate: f64,
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}

impl Interval {
    /// The error of the estimate, given the truth and the unit.
    #[must_use]
    pub fn error(&self, truth: f64, sd_y: f64) -> Error {
        let Interval { estimate, lower, upper } = *self;
        let covered = lower <= truth && truth <= upper;
        Error { error: (estimate - truth) / sd_y, width: (upper - lower) / sd_y, covered }
    }
}

impl From<Numbers> for Interval {
    fn from(numbers: Numbers) -> Interval {
        Interval { estimate: numbers.estimate, lower: numbers.lower, upper: numbers.upper }
    }
}

/// Measures of a group of estimates; `None` where one cannot be computed.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Measures {
    /// Estimates.
    pub n: usize,
    /// Datasets without one.
    pub failed: usize,
    /// The group as a share of all datasets that were scored.
    pub share: Option<f64>,
    /// Mean error.
    pub bias: Option<f64>,
    /// Root mean squared error.
    pub rmse: Option<f64>,
    /// Its interval.
    pub rmse_interval: Option<[f64; 2]>,
    /// Root mean square of errors cut at their 95 % quantile.
    pub winsorised: Option<f64>,
    /// Its interval.
    pub winsorised_interval: Option<[f64; 2]>,
    /// Median absolute error.
    pub median: Option<f64>,
    /// Share of intervals that hold the truth.
    pub coverage: Option<f64>,
    /// Mean width.
    pub width: Option<f64>,
}

impl Measures {
    /// The measures of a group of datasets, some of them without an estimate, out of `all`.
    #[must_use]
    pub fn from_group(group: &[Option<Error>], all: usize) -> Measures {
        let errors: Vec<Error> = group.iter().flatten().copied().collect();
        let absolute: Vec<f64> = errors.iter().map(|e| e.error.abs()).collect();
        let mean = |part: &dyn Fn(&Error) -> f64| mean(&errors.iter().map(part).collect::<Vec<_>>());
        Measures {
            n: errors.len(),
            failed: group.len() - errors.len(),
            share: (all > 0).then(|| group.len() as f64 / all as f64),
            bias: mean(&|e| e.error),
            rmse: root_mean_square(&absolute),
            rmse_interval: bootstrap(&absolute, root_mean_square),
            winsorised: winsorised(&absolute),
            winsorised_interval: bootstrap(&absolute, winsorised),
            median: quantile::quantiles(&absolute, &[0.5]).map(|q| q[0]),
            coverage: mean(&|e| f64::from(u8::from(e.covered))),
            width: mean(&|e| e.width),
        }
    }
}

/// a minus b, over the datasets that both have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Paired {
    /// Datasets.
    pub n: usize,
    /// RMSE of a minus that of b.
    pub rmse: f64,
    /// Its standard error.
    pub rmse_se: f64,
    /// Mean squared error of a minus that of b.
    pub squared: f64,
    /// Its standard error.
    pub squared_se: f64,
}

impl Paired {
    /// The difference over pairs of errors; `None` for fewer than two.
    #[must_use]
    pub fn from_pairs(pairs: &[(f64, f64)]) -> Option<Paired> {
        let squares: Vec<(f64, f64)> = pairs.iter().map(|(a, b)| (a * a, b * b)).collect();
        let square = |part: fn(&(f64, f64)) -> f64| mean(&squares.iter().map(part).collect::<Vec<_>>());
        let (ma, mb) = (square(|s| s.0)?, square(|s| s.1)?);
        let difference: Vec<f64> = squares.iter().map(|(a, b)| a - b).collect();
        // A list without any error has slope 0: its root cannot get any better.
        let slope = |m: f64| if m > 0.0 { 0.5 / m.sqrt() } else { 0.0 };
        let psi: Vec<f64> = squares.iter().map(|(a, b)| (a - ma) * slope(ma) - (b - mb) * slope(mb)).collect();
        Some(Paired {
            n: pairs.len(),
            rmse: ma.sqrt() - mb.sqrt(),
            rmse_se: standard_error(&psi)?,
            squared: ma - mb,
            squared_se: standard_error(&difference)?,
        })
    }
}

fn root_mean_square(errors: &[f64]) -> Option<f64> {
    mean(&errors.iter().map(|e| e * e).collect::<Vec<_>>()).map(f64::sqrt)
}

/// [`root_mean_square`] of absolute errors no larger than their [`WINSORISED`] quantile.
fn winsorised(errors: &[f64]) -> Option<f64> {
    let limit = quantile::quantiles(errors, &[WINSORISED])?[0];
    root_mean_square(&errors.iter().map(|e| e.min(limit)).collect::<Vec<_>>())
}

/// The 2.5 % and 97.5 % quantiles of `measure` over bootstrap samples; `None` for fewer than two errors.
fn bootstrap(errors: &[f64], measure: impl Fn(&[f64]) -> Option<f64>) -> Option<[f64; 2]> {
    if errors.len() < 2 {
        return None;
    }
    // A stream of its own, so that the interval of a group does not depend on which others were measured before it.
    let mut rng = streams::stream(0, "acic.score.bootstrap");
    let mut sample = vec![0.0; errors.len()];
    let draws: Option<Vec<f64>> = (0..BOOTSTRAP)
        .map(|_| {
            sample.iter_mut().for_each(|to| *to = errors[rng.random_range(0..errors.len())]);
            measure(&sample)
        })
        .collect();
    let q = quantile::quantiles(&draws?, &[0.025, 0.975])?;
    Some([q[0], q[1]])
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn standard_error(values: &[f64]) -> Option<f64> {
    let (n, centre) = (values.len() as f64, mean(values)?);
    let squares: f64 = values.iter().map(|value| (value - centre).powi(2)).sum();
    (n > 1.0).then(|| (squares / (n - 1.0) / n).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_by_hand() {
        let error = |estimate, lower, upper| Some(Interval { estimate, lower, upper }.error(1.0, 2.0));
        let group = [error(3.0, 0.0, 6.0), error(-3.0, -4.0, -2.0), None];
        let m = Measures::from_group(&group, 6);
        assert_eq!((m.n, m.failed, m.share), (2, 1, Some(0.5)));
        assert_eq!((m.bias, m.rmse), (Some(-0.5), Some((2.5_f64).sqrt())));
        assert_eq!((m.coverage, m.width), (Some(0.5), Some(2.0)));
        // |e| = 1 and 2: the 95 % quantile is 1.95, the median 1.5.
        assert_eq!((m.winsorised, m.median), (Some(((1.0 + 1.95 * 1.95) / 2.0_f64).sqrt()), Some(1.5)));
        assert_eq!(m.rmse_interval, Some([1.0, 2.0]), "both twice, or one of them twice");
        assert_eq!(Measures::from_group(&[None], 1).rmse, None);
    }

    #[test]
    fn paired_by_hand() {
        // Squares: a 4, 0; b 1, 1. D = 2 − 1 = 1; differences 3 and −1: sd √8, se 2.
        let p = Paired::from_pairs(&[(2.0, 1.0), (0.0, -1.0)]).expect("two pairs");
        assert!((p.squared - 1.0).abs() < 1e-15 && (p.squared_se - 2.0).abs() < 1e-15);
        assert!((p.rmse - (2.0_f64.sqrt() - 1.0)).abs() < 1e-15);
        // ψ = ±2/(2√2): se = √2·(√2/2)... sd of ±1/√2 is 1, over √2.
        assert!((p.rmse_se - 0.5_f64.sqrt()).abs() < 1e-15, "{}", p.rmse_se);
        assert_eq!(Paired::from_pairs(&[(1.0, 1.0)]), None);
        let same = Paired::from_pairs(&[(1.0, 1.0), (0.5, -0.5), (0.0, 0.0)]).expect("three pairs");
        assert_eq!((same.rmse, same.rmse_se, same.squared_se), (0.0, 0.0, 0.0));
    }

    /// The delta method against the jackknife, on errors of a like size.
    #[test]
    fn the_standard_error_of_a_difference_of_roots_agrees_with_the_jackknife() {
        let pairs: Vec<(f64, f64)> = (1..=200)
            .map(f64::from)
            .map(|i| ((i * 0.7).sin() + 0.1, 0.8 * (i * 0.7).sin() + 0.5 * (i * 1.9).cos()))
            .collect();
        let whole = Paired::from_pairs(&pairs).expect("pairs");
        let without = |k: usize| {
            let rest: Vec<(f64, f64)> = pairs.iter().enumerate().filter(|(i, _)| *i != k).map(|(_, p)| *p).collect();
            Paired::from_pairs(&rest).expect("pairs").rmse
        };
        let n = pairs.len() as f64;
        let replicates: Vec<f64> = (0..pairs.len()).map(without).collect();
        let centre = replicates.iter().sum::<f64>() / n;
        let jackknife = ((n - 1.0) / n * replicates.iter().map(|r| (r - centre).powi(2)).sum::<f64>()).sqrt();
        assert!((whole.rmse_se / jackknife - 1.0).abs() < 0.02, "{} against {jackknife}", whole.rmse_se);
    }
}
