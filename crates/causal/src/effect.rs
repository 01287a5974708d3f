//! One estimate: of which estimand, by which estimator, how large and how uncertain.

use crate::estimand::{Estimand, Inference};
use crate::estimator::EstimatorKind;
use crate::fit_note::FitNote;
use crate::scale::Scale;
use serde::{Deserialize, Serialize};

/// The kind of a standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeMethod {
    /// Influence function with nuisances treated as known (or cross-fitted, where that is valid to first order).
    InfluenceFunction,
    /// Stacked estimating equations: nuisance estimation is propagated (M-estimation sandwich).
    StackedEquations,
    /// Classical homoskedastic ordinary least squares.
    Classical,
    /// Unequal-variance two-sample (Welch).
    Welch,
    /// Influence function summed within clusters before it is squared.
    Clustered,
    /// Variance given the covariates and treatments of this sample: only unseen outcomes and nuisances count.
    Conditional,
    /// Standard deviation of posterior draws.
    Posterior,
    /// Variance of one member of an average of estimators and their disagreement, widened by a calibrated factor.
    Disagreement,
}

/// A note on an estimate, besides its numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum Note {
    /// The end of a nuisance fit.
    Fit(FitNote),
    /// An interval about the sample was asked for, and this estimator has one about the population only.
    PopulationOnly,
    /// The propensity is known and was not estimated.
    PropensityKnown,
    /// The residuals are those of the rows that BART was fitted to: the interval tends to be short.
    InSampleResiduals,
    /// The standard error is that of the formula times a calibrated factor.
    Widened {
        /// The factor.
        factor: f64,
    },
}

/// One estimate, self-contained: what, for whom, how large, how uncertain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Target and population.
    pub estimand: Estimand,
    /// The estimator used.
    pub estimator: EstimatorKind,
    /// The scale of the estimate.
    #[serde(default, skip_serializing_if = "Scale::is_difference")]
    pub scale: Scale,
    /// Point estimate, outcome units.
    pub estimate: f64,
    /// Headline standard error, outcome units; see `se_method`.
    pub std_error: f64,
    /// The kind of the headline standard error.
    pub se_method: SeMethod,
    /// Influence-function standard error with nuisances treated as known, where defined.
    pub se_influence: Option<f64>,
    /// Stacked estimating-equation standard error, where defined.
    pub se_stacked: Option<f64>,
    /// Lower end of the 95 % interval, `estimate − c·std_error`: c is 1.959963984540054, or with G clusters Student's
    /// quantile with G − 1 degrees of freedom. A widening factor is in `std_error`.
    pub ci_lower: f64,
    /// Upper end of the 95 % interval.
    pub ci_upper: f64,
    /// Mean potential outcome under treatment in the target population, where the estimator defines it.
    pub mean_treated: Option<f64>,
    /// Mean potential outcome under control in the target population, where the estimator defines it.
    pub mean_control: Option<f64>,
    /// Rows used: those of positive weight.
    pub n: usize,
    /// Treated rows among them.
    pub n_treated: usize,
    /// Kish effective sample size of the treated arm under the weights used.
    pub ess_treated: f64,
    /// Kish effective sample size of the control arm under the weights used.
    pub ess_control: f64,
    /// Whose average effect the interval is about.
    #[serde(default)]
    pub inference: Inference,
    /// |A − B| of the two members of an average of estimators, outcome units; `None` for a single estimator.
    #[serde(default)]
    pub disagreement: Option<f64>,
    /// Nuisance predictions that were moved into their allowed range before use: propensities, and outcome predictions.
    #[serde(default)]
    pub clipped: usize,
    /// The number of cross-fittings, with different folds, that this is the median of; 1 where nothing is repeated.
    #[serde(skip, default = "once")]
    pub repeats: usize,
    /// Notes on the nuisance fits and on the interval. A record holds them in words.
    #[serde(skip)]
    pub notes: Vec<Note>,
}

fn once() -> usize {
    1
}

impl Effect {
    /// The 95 % interval reaches so far to either side of the estimate; more than 1.96 standard errors with clusters.
    #[must_use]
    pub fn half_width(&self) -> f64 {
        (self.ci_upper - self.ci_lower) / 2.0
    }

    /// The nuisance fits that did not end where they should.
    pub fn not_converged(&self) -> impl Iterator<Item = &FitNote> {
        self.notes.iter().filter_map(|note| match note {
            Note::Fit(fit @ (FitNote::NotConverged { .. } | FitNote::AtLimit { .. })) => Some(fit),
            _ => None,
        })
    }
}
