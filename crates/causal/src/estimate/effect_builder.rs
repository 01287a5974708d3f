//! Effects put together from scores: labels, intervals, effective sizes; and the last look at every number.

use crate::design::weights::weight;
use crate::effect::{Effect, SeMethod};
use crate::error::EstimateError;
use crate::estimand::{Estimand, Inference, Population, Target};
use crate::estimate::inference::{Scores, standard_error};
use crate::estimator::EstimatorKind;
use crate::scale::Scale;
use crate::weighted_rows::Rows;

/// The question that an effect answers: whose average effect, among which units, by which estimator.
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
    /// The kind of the headline.
    pub(crate) method: SeMethod,
    /// The headline.
    pub(crate) std_error: f64,
    /// See [`Effect::se_influence`].
    pub(crate) se_influence: Option<f64>,
    /// See [`Effect::se_stacked`].
    pub(crate) se_stacked: Option<f64>,
}

/// A headline standard error other than the usual one.
pub(crate) struct Uncertainty {
    /// Its kind.
    pub(crate) method: SeMethod,
    /// Its value.
    pub(crate) std_error: f64,
    /// Whose average effect it is about.
    pub(crate) inference: Inference,
}

/// Mean and standard error of the posterior of one target.
pub(crate) struct Posterior {
    /// Posterior means of the mean outcome under control and under treatment.
    pub(crate) means: [f64; 2],
    /// Posterior mean.
    pub(crate) estimate: f64,
    /// √V.
    pub(crate) std_error: f64,
}

impl Uncertainty {
    /// `effect` with this headline.
    pub(crate) fn headline(&self, rows: &Rows, effect: Effect) -> Result<Effect, EstimateError> {
        checked(Effect {
            std_error: self.std_error,
            se_method: self.method,
            // The critical value is that of the rows: normal, or Student's t with clusters.
            ci_lower: effect.estimate - rows.critical * self.std_error,
            ci_upper: effect.estimate + rows.critical * self.std_error,
            inference: self.inference,
            ..effect
        })
    }
}

impl Label {
    /// The effect of a posterior.
    pub(crate) fn posterior(
        &self,
        rows: &Rows,
        posterior: &Posterior,
        uncertainty: &Uncertainty,
    ) -> Result<Effect, EstimateError> {
        let (method, std_error) = (uncertainty.method, uncertainty.std_error);
        let errors = Errors { method, std_error, se_influence: None, se_stacked: None };
        // A posterior weights nobody by a propensity: effective sizes are those of the observation weights.
        let effect = self.without_means(rows, None, posterior.estimate, &errors);
        let [control, treated] = posterior.means;
        uncertainty.headline(rows, Effect { mean_treated: Some(treated), mean_control: Some(control), ..effect })
    }

    /// The effect of scores whose nuisances count as known.
    pub(crate) fn by_influence(
        &self,
        rows: &Rows,
        weighting: Option<&[f64]>,
        scores: &Scores,
    ) -> Result<Effect, EstimateError> {
        let std_error = standard_error(rows, &scores.phi);
        let method = if rows.clusters.is_some() { SeMethod::Clustered } else { SeMethod::InfluenceFunction };
        self.effect(
            rows,
            weighting,
            scores,
            Errors { method, std_error, se_influence: Some(std_error), se_stacked: None },
        )
    }

    /// The effect of scores, with its standard errors; `weighting` are the propensities that units are weighted by.
    pub(crate) fn effect(
        &self,
        rows: &Rows,
        weighting: Option<&[f64]>,
        scores: &Scores,
        errors: Errors,
    ) -> Result<Effect, EstimateError> {
        let effect = self.without_means(rows, weighting, scores.estimate, &errors);
        let (treated, control) = (scores.mean_treated, scores.mean_control);
        checked(Effect { mean_treated: Some(treated), mean_control: Some(control), ..effect })
    }

    /// An effect that says nothing of the arm means.
    pub(crate) fn without_means(
        &self,
        rows: &Rows,
        weighting: Option<&[f64]>,
        estimate: f64,
        errors: &Errors,
    ) -> Effect {
        // Effective sizes are those of the weights that the estimator itself uses.
        let balance = |i: usize| weighting.map_or(1.0, |e| weight(e[i], rows.arm[i], self.target));
        let ess = rows.effective_sizes(balance);
        Effect {
            estimand: Estimand { target: self.target, population: self.population },
            estimator: self.estimator,
            scale: Scale::Difference,
            estimate,
            std_error: errors.std_error,
            se_method: errors.method,
            se_influence: errors.se_influence,
            se_stacked: errors.se_stacked,
            ci_lower: estimate - rows.critical * errors.std_error,
            ci_upper: estimate + rows.critical * errors.std_error,
            mean_treated: None,
            mean_control: None,
            n: rows.n(),
            n_treated: rows.arm.iter().filter(|arm| arm.is_treated()).count(),
            ess_treated: ess.treated,
            ess_control: ess.control,
            // About the population unless a headline says otherwise.
            inference: Inference::Population,
            disagreement: None,
            clipped: 0,
            repeats: 1,
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
    // The first in this order is named; the estimate comes before what is made of it.
    match numbers.into_iter().find_map(|(what, v)| v.filter(|v| !v.is_finite()).map(|value| (what, value))) {
        None => Ok(effect),
        Some((what, value)) => Err(EstimateError::NotFinite { what, value }),
    }
}
