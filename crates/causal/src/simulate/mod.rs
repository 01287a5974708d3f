//! Simulated data whose truth is known: seeded families that differ in kind.
//!
//! Every family draws units with covariates x, the true propensity e(x), the means μ₀, μ₁ of their potential outcomes
//! given everything the generator knows, the potential outcomes Y(0), Y(1) themselves, and a treatment T ~ Bernoulli(e).
//! Nothing but x, T, Y(T) and the observation weights is in the sample; the rest is the truth to score against. There
//! are three truths for each target with tilting function h (1, e, 1 − e, e(1 − e); see [`Target`]):
//!
//! ```text
//! population   E[h(e)(μ₁ − μ₀)]/E[h(e)]
//! conditional  Σ w h (μ₁ − μ₀)/Σ w h      over the sample; for ATT and ATC over the units actually treated or not
//! sample       Σ w h (Y(1) − Y(0))/Σ w h  likewise
//! ```
//!
//! A draw is a function of the setup, the number of rows, the seed and the number of the replicate.

pub mod coverage;
mod demanding;
pub mod early_adopters;
mod linear;
mod nonlinear;
mod random;
mod setup;

pub use crate::simulate::setup::Setup;

use crate::estimand::Target;
use crate::numerics::streams;
use crate::numerics::sums;
use crate::sample::{Covariates, Sample, SampleError};
use ndarray::{Array1, Array2};

/// Units per batch when a population is averaged over.
const BATCH: usize = 4096;

/// One unit, with what no analyst sees.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Unit {
    pub(crate) x: Vec<f64>,
    /// True propensity.
    pub(crate) e: f64,
    pub(crate) treated: bool,
    /// Means under control and under treatment.
    pub(crate) mu: [f64; 2],
    /// Outcomes under control and under treatment.
    pub(crate) y: [f64; 2],
    /// Inverse of the probability of being sampled.
    pub(crate) weight: f64,
    pub(crate) cluster: usize,
}

/// A sample and the truth about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Draw {
    /// The sample as an analyst sees it.
    pub sample: Sample,
    /// n true propensities.
    pub propensity: Vec<f64>,
    /// n means under control, and n under treatment.
    pub means: [Vec<f64>; 2],
    /// n outcomes under control, and n under treatment.
    pub outcomes: [Vec<f64>; 2],
}

impl Draw {
    /// The average of the units' own effects Y(1) − Y(0) (SATE, SATT, SATC; weighted by e(1 − e) for the ATO).
    #[must_use]
    pub fn sample_effect(&self, target: Target) -> f64 {
        self.average(target, &self.outcomes)
    }

    /// The average of μ₁ − μ₀ over the units of this sample.
    #[must_use]
    pub fn conditional_effect(&self, target: Target) -> f64 {
        self.average(target, &self.means)
    }

    fn average(&self, target: Target, [control, treated]: &[Vec<f64>; 2]) -> f64 {
        let c = self.sample.covariates();
        let (t, w) = (c.treated(), c.weights_or_ones());
        let h: Vec<f64> = (0..c.n())
            .map(|i| {
                w[i] * match target {
                    Target::Ate => 1.0,
                    // The units that were treated, not e: the sample's own effect is about those.
                    Target::Att => t[i],
                    Target::Atc => 1.0 - t[i],
                    Target::Ato => target.tilt(self.propensity[i]),
                }
            })
            .collect();
        let effects: Vec<f64> = control.iter().zip(treated).map(|(a, b)| b - a).collect();
        sums::weighted_mean(&effects, &h)
    }
}

impl Setup {
    /// `n` units of replicate number `replicate` under `seed`.
    ///
    /// # Errors
    /// [`SampleError::EmptyArm`] if chance left an arm empty, which takes a very small `n`.
    pub fn draw(self, n: usize, seed: u64, replicate: usize) -> Result<Draw, SampleError> {
        // Named by setup and replicate, so that neither depends on the others having been drawn.
        let mut rng = streams::stream(seed, &format!("simulate.{}.{replicate}", self.key()));
        let units = self.units(&mut rng, n);
        let p = units.first().map_or(0, |u| u.x.len());
        let x = Array2::from_shape_fn((units.len(), p), |(i, j)| units[i].x[j]);
        let treated: Array1<f64> = units.iter().map(|u| f64::from(u8::from(u.treated))).collect();
        let weights = self.is_weighted().then(|| units.iter().map(|u| u.weight).collect());
        let mut covariates = Covariates::new(x, self.names(p), treated, weights)?;
        if self == Setup::Clustered {
            covariates = covariates.with_clusters(units.iter().map(|u| u.cluster).collect())?;
        }
        let y = units.iter().map(|u| u.y[usize::from(u.treated)]).collect();
        let both = |f: fn(&Unit) -> [f64; 2]| [0, 1].map(|t| units.iter().map(|u| f(u)[t]).collect());
        Ok(Draw {
            sample: Sample::new(covariates, y)?,
            propensity: units.iter().map(|u| u.e).collect(),
            means: both(|u| u.mu),
            outcomes: both(|u| u.y),
        })
    }

    /// The population's effects (ATE, ATT, ATC, ATO, in the order of [`Target::ALL`]), averaged over about `units` units of
    /// a stream of their own, by their means and propensities and not by their draws.
    #[must_use]
    pub fn population_effects(self, units: usize) -> [f64; 4] {
        let batches = units.div_ceil(BATCH).max(1);
        let mut sums = [[0.0; 2]; 4];
        for batch in 0..batches {
            // A stream of its own: the truth must not share its luck with any draw.
            let mut rng = streams::stream(0, &format!("simulate.{}.population.{batch}", self.key()));
            for unit in self.units(&mut rng, BATCH) {
                for (sum, target) in sums.iter_mut().zip(Target::ALL) {
                    // By e instead of T: the same expectation with less noise.
                    let h = unit.weight * target.tilt(unit.e);
                    sum[0] += h * (unit.mu[1] - unit.mu[0]);
                    sum[1] += h;
                }
            }
        }
        sums.map(|[numerator, denominator]| numerator / denominator)
    }
}

#[cfg(test)]
mod tests {
    use crate::simulate::*;

    #[test]
    fn a_draw_is_a_function_of_its_names_and_holds_together() {
        for setup in Setup::ALL {
            let draw = setup.draw(300, 5, 2).unwrap();
            assert_eq!(draw, setup.draw(300, 5, 2).unwrap(), "{setup:?}");
            assert_ne!(draw.sample, setup.draw(300, 5, 3).unwrap().sample, "{setup:?}");
            let c = draw.sample.covariates();
            assert_eq!((c.n(), c.weights().is_some()), (300, setup.is_weighted()));
            assert!(draw.propensity.iter().all(|e| *e > 0.0 && *e < 1.0));
            for i in 0..300 {
                let arm = usize::from(c.treated()[i] == 1.0);
                assert_eq!(draw.sample.y()[i], draw.outcomes[arm][i]);
            }
            assert_eq!(Setup::parse(setup.key()), Some(setup));
        }
    }

    #[test]
    fn treatment_follows_the_propensity_and_outcomes_their_means() {
        for setup in Setup::ALL {
            let draw = setup.draw(4000, 6, 0).unwrap();
            let standardised = |gaps: &[f64]| {
                let mean = gaps.iter().sum::<f64>() / 4000.0;
                let sd = (gaps.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / 4000.0).sqrt();
                mean / (sd / 4000.0_f64.sqrt())
            };
            let t = draw.sample.covariates().treated();
            let gaps: Vec<f64> = t.iter().zip(&draw.propensity).map(|(t, e)| t - e).collect();
            assert!(standardised(&gaps).abs() < 4.0, "{setup:?}: treatment");
            // Clusters share a disturbance, so their gaps spread further than independent ones would.
            let limit = if setup == Setup::Clustered { 12.0 } else { 4.0 };
            for arm in 0..2 {
                let gaps: Vec<f64> = draw.outcomes[arm].iter().zip(&draw.means[arm]).map(|(y, m)| y - m).collect();
                assert!(standardised(&gaps).abs() < limit, "{setup:?}: outcome {arm}");
            }
        }
    }

    #[test]
    fn overlap_is_as_stated() {
        for setup in Setup::ALL {
            let draw = setup.draw(4000, 6, 0).unwrap();
            let outside = draw.propensity.iter().filter(|e| **e < 0.05 || **e > 0.95).count();
            assert_eq!(outside <= 200, setup.has_overlap(), "{setup:?}: {outside} of 4000");
        }
    }

    #[test]
    fn population_effects_agree_with_integrals() {
        // τ = 1 + 0.8 X₁; the ATE is 1 exactly, and the ATT by the trapezoidal rule over X₁ and X₂.
        let expit = crate::learners::logistic::expit;
        let (mut numerator, mut denominator) = (0.0, 0.0);
        for step in -8000..=8000 {
            let a = f64::from(step) * 1e-3;
            for b in [0.0, 1.0] {
                let mass = (-0.5 * a * a).exp() * expit(-0.3 + 0.6 * a + 0.5 * b);
                numerator += mass * (1.0 + 0.8 * a);
                denominator += mass;
            }
        }
        let [ate, att, ..] = Setup::Linear.population_effects(200_000);
        // Standard deviation of τ is 0.8: four standard errors at 200,000 units.
        let limit = 4.0 * 0.8 / 200_000_f64.sqrt();
        assert!((ate - 1.0).abs() < limit && (att - numerator / denominator).abs() < 1.5 * limit, "{ate} {att}");
        assert_eq!(Setup::Randomised.population_effects(5000).map(|v| (v * 1e9).round() / 1e9), [1.0; 4]);
        // Weights undo the sampling: the same population as `linear`.
        let [weighted, ..] = Setup::Weighted.population_effects(200_000);
        assert!((weighted - 1.0).abs() < 2.0 * limit, "{weighted}");
    }

    #[test]
    fn sample_effects_average_over_the_units_they_are_about() {
        let draw = Setup::Linear.draw(50, 1, 0).unwrap();
        let t = draw.sample.covariates().treated();
        let treated: Vec<usize> = (0..50).filter(|i| t[*i] == 1.0).collect();
        let effect = |i: &usize| draw.outcomes[1][*i] - draw.outcomes[0][*i];
        let by_hand = treated.iter().map(effect).sum::<f64>() / treated.len() as f64;
        assert!((draw.sample_effect(Target::Att) - by_hand).abs() < 1e-12);
        let everyone = (0..50).map(|i| draw.means[1][i] - draw.means[0][i]).sum::<f64>() / 50.0;
        assert!((draw.conditional_effect(Target::Ate) - everyone).abs() < 1e-12);
    }
}
