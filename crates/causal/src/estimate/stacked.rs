//! Effects whose standard error stacks the regressions of their nuisances ([`crate::estimate::inference`]).

use crate::arm::Arm;
use crate::effect::{Effect, SeMethod};
use crate::error::EstimateError;
use crate::estimate::effect_builder::{Errors, Label};
use crate::estimate::inference::{Block, Scores, stacked_influence, standard_error};
use crate::nuisance::Nuisances;

impl Nuisances<'_> {
    /// The effect with nuisance uncertainty propagated. A known propensity has none.
    pub(super) fn stacked(
        &self,
        label: &Label,
        weighting: Option<&[f64]>,
        scores: &Scores,
    ) -> Result<Effect, EstimateError> {
        let rows = &self.rows;
        let std_error = standard_error(rows, &self.stacked_influence(scores)?);
        // With outcome models but no weighting, φ alone says nothing about the uncertainty of the answer.
        let se_influence = weighting.map(|_| standard_error(rows, &scores.phi));
        let method = if rows.clusters.is_some() { SeMethod::Clustered } else { SeMethod::StackedEquations };
        label.effect(rows, weighting, scores, Errors { method, std_error, se_influence, se_stacked: Some(std_error) })
    }

    /// φ* of each row: the influence function with that of the nuisances in it.
    pub(super) fn stacked_influence(&self, scores: &Scores) -> Result<Vec<f64>, EstimateError> {
        let rows = &self.rows;
        let mut blocks = Vec::with_capacity(3);
        // A known propensity was not estimated, and has no block.
        if let Some(slope) = scores.slope_propensity.as_ref().filter(|_| self.known.is_none()) {
            let p = self.propensity()?;
            let residual = rows.map(|i| rows.t[i] - p.e[i]);
            blocks.push(Block { slope, residual, information: &p.information });
        }
        if let Some(slopes) = &scores.slope_outcome {
            let models = self.outcome()?;
            for (arm, slope) in Arm::BOTH.into_iter().zip(slopes) {
                let (residual, information) = (models.residual(rows, arm), &models.information[arm.index()]);
                blocks.push(Block { slope, residual, information });
            }
        }
        stacked_influence(rows, &self.design(), &scores.phi, &blocks)
    }
}
