//! Effects put together from scores: labels, intervals, effective sizes; and the last look at every number.

use crate::design::weights::weight;
use crate::effect::{Effect, SeMethod};
use crate::error::EstimateError;
use crate::estimand::Inference;
use crate::estimand::{Estimand, Population, Target};
use crate::estimate::inference::{Scores, standard_error};
use crate::estimate::{difference_in_means, regression};
use crate::estimator::EstimatorKind;
use crate::sample::Sample;
use crate::weighted_rows::Rows;

/// What an effect is an effect of.
pub(crate) struct Label {
    /// Whose average effect.
    pub(crate) target: Target,
    /// Among which units.
    pub(crate) population: Population,
    /// By which estimator.
    pub(crate) estimator: EstimatorKind,
}

/// The standard errors that go with a point estimate.
pub(crate) struct Errors {
    /// How the headline was made.
    pub(crate) method: SeMethod,
    /// See [`Effect::se_influence`].
    pub(crate) se_influence: Option<f64>,
    /// See [`Effect::se_stacked`].
    pub(crate) se_stacked: Option<f64>,
}

/// A headline standard error other than the usual one.
pub(crate) struct Uncertainty {
    /// How it was made.
    pub(crate) method: SeMethod,
    /// Its value.
    pub(crate) std_error: f64,
    /// Whose average effect it is about.
    pub(crate) inference: Inference,
}

impl Uncertainty {
    /// `effect` with this headline.
    pub(crate) fn of(&self, rows: &Rows, effect: Effect) -> Result<Effect, EstimateError> {
        checked(Effect {
            std_error: self.std_error,
            se_method: self.method,
            ci_lower: effect.estimate - rows.critical * self.std_error,
            ci_upper: effect.estimate + rows.critical * self.std_error,
            inference: self.inference,
            ..effect
        })
    }
}

impl Label {
    pub(crate) fn naive(&self, rows: &Rows) -> Result<Effect, EstimateError> {
        let (scores, welch) = difference_in_means::scores(rows)?;
        let influence = standard_error(rows, &scores.phi);
        let clustered = rows.clusters.is_some();
        let (method, se) = if clustered { (SeMethod::Clustered, influence) } else { (SeMethod::Welch, welch) };
        let errors = Errors { method, se_influence: Some(influence), se_stacked: None };
        self.effect(rows, None, (&scores, se), errors)
    }

    pub(crate) fn regression(&self, sample: &Sample, rows: &Rows) -> Result<Effect, EstimateError> {
        let c = regression::treatment_coefficient(sample)?;
        let errors = Errors { method: SeMethod::Classical, se_influence: None, se_stacked: Some(c.se_hc0) };
        let mut effect = self.bare(rows, None, (c.estimate, c.se_classical), errors);
        (effect.mean_treated, effect.mean_control) = (None, None);
        checked(effect)
    }

    /// Posterior means (control, treated), and their difference.
    pub(crate) fn posterior(
        &self,
        rows: &Rows,
        ([control, treated], estimate): ([f64; 2], f64),
        uncertainty: &Uncertainty,
    ) -> Result<Effect, EstimateError> {
        let errors = Errors { method: uncertainty.method, se_influence: None, se_stacked: None };
        let effect = self.bare(rows, None, (estimate, uncertainty.std_error), errors);
        uncertainty.of(rows, Effect { mean_treated: Some(treated), mean_control: Some(control), ..effect })
    }

    pub(crate) fn known(
        &self,
        rows: &Rows,
        weighting: Option<&[f64]>,
        scores: Scores,
    ) -> Result<Effect, EstimateError> {
        let se = standard_error(rows, &scores.phi);
        let method = if rows.clusters.is_some() { SeMethod::Clustered } else { SeMethod::InfluenceFunction };
        let errors = Errors { method, se_influence: Some(se), se_stacked: None };
        self.effect(rows, weighting, (&scores, se), errors)
    }

    pub(crate) fn effect(
        &self,
        rows: &Rows,
        weighting: Option<&[f64]>,
        (scores, std_error): (&Scores, f64),
        errors: Errors,
    ) -> Result<Effect, EstimateError> {
        let mut effect = self.bare(rows, weighting, (scores.estimate, std_error), errors);
        (effect.mean_treated, effect.mean_control) = (Some(scores.mean_treated), Some(scores.mean_control));
        checked(effect)
    }

    pub(crate) fn bare(
        &self,
        rows: &Rows,
        weighting: Option<&[f64]>,
        (estimate, se): (f64, f64),
        errors: Errors,
    ) -> Effect {
        let balance = |i: usize| weighting.map_or(1.0, |e| weight(e[i], rows.arm[i], self.target));
        let ess = rows.effective_sizes(balance);
        Effect {
            estimand: Estimand { target: self.target, population: self.population },
            estimator: self.estimator,
            estimate,
            std_error: se,
            se_method: errors.method,
            se_influence: errors.se_influence,
            se_stacked: errors.se_stacked,
            ci_lower: estimate - rows.critical * se,
            ci_upper: estimate + rows.critical * se,
            mean_treated: None,
            mean_control: None,
            n: rows.n(),
            n_treated: rows.arm.iter().filter(|arm| arm.is_treated()).count(),
            ess_treated: ess.treated,
            ess_control: ess.control,
            inference: Inference::Population,
            disagreement: None,
            clipped: 0,
            notes: Vec::new(),
        }
    }
}

/// Nothing that is not a number leaves this module.
pub(crate) fn checked(effect: Effect) -> Result<Effect, EstimateError> {
    let numbers = [
        ("the estimate", Some(effect.estimate)),
        ("the standard error", Some(effect.std_error)),
        ("the influence-function standard error", effect.se_influence),
        ("the stacked standard error", effect.se_stacked),
        ("the lower confidence limit", Some(effect.ci_lower)),
        ("the upper confidence limit", Some(effect.ci_upper)),
        ("the mean under treatment", effect.mean_treated),
        ("the mean under control", effect.mean_control),
        ("the effective sample size of the treated", Some(effect.ess_treated)),
        ("the effective sample size of the controls", Some(effect.ess_control)),
    ];
    match numbers.into_iter().find_map(|(what, v)| v.filter(|v| !v.is_finite()).map(|value| (what, value))) {
        None => Ok(effect),
        Some((what, value)) => Err(EstimateError::NotFinite { what, value }),
    }
}
