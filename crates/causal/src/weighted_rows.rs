//! The n analysed rows as plain slices, and the weighted sums every estimator takes over them.

use crate::arm::{Arm, PerArm};
use crate::design::weights::weight;
use crate::error::EstimateError;
use crate::estimand::Target;
use crate::numerics::distributions::{Z_975, t_quantile};
use crate::numerics::sums;
use crate::sample::Sample;
use std::collections::BTreeMap;

/// Treatment, outcome and observation weights of n rows.
pub(crate) struct Rows {
    /// Arms.
    pub(crate) arm: Vec<Arm>,
    /// The same as zeros and ones, for formulas in t.
    pub(crate) t: Vec<f64>,
    /// Outcomes.
    pub(crate) y: Vec<f64>,
    /// Observation weights, ones where the sample has none.
    pub(crate) w: Vec<f64>,
    /// Σ w.
    pub(crate) total: f64,
    /// Rows of each cluster; `None` where units are independent.
    pub(crate) clusters: Option<Vec<Vec<usize>>>,
    /// An interval reaches so many standard errors to either side: the normal quantile, or with G clusters that of
    /// Student's t with G − 1 degrees of freedom, since a variance of few totals is itself uncertain.
    pub(crate) critical: f64,
}

impl Rows {
    pub(crate) fn from_sample(sample: &Sample) -> Self {
        let c = sample.covariates();
        let w = c.weights_or_ones().to_vec();
        let total = sums::sum(w.iter().copied());
        let clusters = c.clusters().map(|labels| {
            // Ordered by label, so that sums over clusters do not depend on a hash.
            let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
            // A cluster of which no row counts is no cluster: G is the number of those in the sample.
            for (row, label) in labels.iter().enumerate().filter(|(row, _)| w[*row] > 0.0) {
                members.entry(*label).or_default().push(row);
            }
            members.into_values().collect()
        });
        let degrees = clusters.as_ref().map(|members: &Vec<Vec<usize>>| members.len() as f64 - 1.0);
        // Without clusters, and where G − 1 is no number of degrees of freedom, the normal quantile.
        let critical = degrees.and_then(|df| t_quantile(0.975, df)).unwrap_or(Z_975);
        Self {
            arm: c.treatment().to_vec(),
            t: c.treated().to_vec(),
            y: sample.y().to_vec(),
            w,
            total,
            clusters,
            critical,
        }
    }

    pub(crate) fn n(&self) -> usize {
        self.t.len()
    }

    /// Σᵢ wᵢ f(i).
    pub(crate) fn sum(&self, f: impl Fn(usize) -> f64) -> f64 {
        // Left out rather than multiplied by zero: f may be infinite or NaN where a row does not count.
        sums::sum((0..self.n()).filter(|i| self.w[*i] > 0.0).map(|i| self.w[i] * f(i)))
    }

    /// n values f(i), zero in rows of weight zero.
    pub(crate) fn map(&self, f: impl Fn(usize) -> f64) -> Vec<f64> {
        (0..self.n()).map(|i| if self.w[i] > 0.0 { f(i) } else { 0.0 }).collect()
    }

    /// Observation weights restricted to one arm.
    pub(crate) fn arm_weights(&self, arm: Arm) -> Vec<f64> {
        self.weights_within(arm, &self.w)
    }

    /// The weights `w` (n values) restricted to one arm.
    pub(crate) fn weights_within(&self, arm: Arm, w: &[f64]) -> Vec<f64> {
        self.arm.iter().zip(w).map(|(t, w)| if *t == arm { *w } else { 0.0 }).collect()
    }

    /// Kish effective sizes of the arms under weights wᵢ·f(i).
    pub(crate) fn effective_sizes(&self, f: impl Fn(usize) -> f64) -> PerArm<f64> {
        PerArm::from_fn(|arm| {
            let members = (0..self.n()).filter(|i| self.arm[*i] == arm && self.w[*i] > 0.0);
            sums::kish(members.map(|i| self.w[i] * f(i)).collect::<Vec<f64>>())
        })
    }

    /// Refuses units whose own arm has fitted probability zero.
    ///
    /// # Errors
    /// [`EstimateError::DegeneratePropensity`] for the first of them.
    pub(crate) fn check_positivity(&self, e: &[f64]) -> Result<(), EstimateError> {
        // The weight for the ATE is one over the probability of the unit's own arm, which no target can do without.
        let impossible = |i: &usize| self.w[*i] > 0.0 && !weight(e[*i], self.arm[*i], Target::Ate).is_finite();
        match (0..self.n()).find(impossible) {
            None => Ok(()),
            Some(i) => Err(EstimateError::DegeneratePropensity { row: i + 1, arm: self.arm[i], e: e[i] }),
        }
    }
}
