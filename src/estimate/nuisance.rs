//! Nuisances fitted once and shared by the estimators and targets of one sample; and effects assembled from scores.

use crate::design::propensity::{Propensity, fit_standardised};
use crate::design::weights::weight;
use crate::estimand::{Effect, Estimand, EstimatorKind, OutcomeKind, Population, SeMethod, Target};
use crate::estimate::crossfit::{self, CrossFit};
use crate::estimate::inference::{Block, Scores, stacked_standard_error, standard_error};
use crate::estimate::outcome::{OutcomeModels, OutcomeValues, check_binary};
use crate::estimate::rows::Rows;
use crate::estimate::{EstimateError, EstimateParams, aipw, gformula, ipw, naive, regression};
use crate::nuisance::Inference;
use crate::numerics::design_matrix::DesignMatrix;
use crate::numerics::distributions::Z_975;
use crate::numerics::standardise::Standardisation;
use crate::sample::Sample;
use ndarray::Array1;
use std::sync::OnceLock;

/// A sample with nuisance models that are fitted when first needed and then kept. A model that failed keeps its error,
/// so that estimators which do not need it still work.
pub struct Nuisances<'a> {
    sample: &'a Sample,
    params: EstimateParams,
    rows: Rows,
    standardisation: Standardisation,
    propensity: OnceLock<Result<Propensity, EstimateError>>,
    outcome: OnceLock<Result<OutcomeModels, EstimateError>>,
    crossfit: OnceLock<Result<CrossFit, EstimateError>>,
}

impl<'a> Nuisances<'a> {
    /// Checks the sample; fits nothing yet.
    ///
    /// # Errors
    /// [`EstimateError::OutcomeNotBinary`] for a binary outcome with other values.
    pub fn new(sample: &'a Sample, params: &EstimateParams) -> Result<Self, EstimateError> {
        let c = sample.covariates();
        let weights = c.weights().map(|w| w.to_vec());
        let standardisation = Standardisation::fit(c.x(), c.names(), weights.as_deref());
        Self::assemble(sample, params, standardisation)
    }

    /// As [`Nuisances::new`], with a propensity that was already fitted on the same rows.
    ///
    /// # Errors
    /// As [`Nuisances::new`], and [`EstimateError::OtherRows`] if the number of rows differs.
    pub fn with_propensity(
        sample: &'a Sample,
        params: &EstimateParams,
        propensity: &Propensity,
    ) -> Result<Self, EstimateError> {
        let (got, expected) = (propensity.e.len(), sample.covariates().n());
        if got != expected {
            return Err(EstimateError::OtherRows { got, expected });
        }
        let mut all = Self::assemble(sample, params, propensity.standardisation.clone())?;
        all.propensity = OnceLock::from(Ok(propensity.clone()));
        Ok(all)
    }

    fn assemble(
        sample: &'a Sample,
        params: &EstimateParams,
        standardisation: Standardisation,
    ) -> Result<Self, EstimateError> {
        let rows = Rows::of(sample);
        if params.outcome == OutcomeKind::Binary {
            check_binary(&rows)?;
        }
        let (propensity, outcome, crossfit) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Ok(Self { sample, params: params.clone(), rows, standardisation, propensity, outcome, crossfit })
    }

    /// The propensity, fitted if it was not yet.
    ///
    /// # Errors
    /// [`EstimateError::Design`].
    pub fn propensity(&self) -> Result<&Propensity, EstimateError> {
        let fit = || {
            let (c, s) = (self.sample.covariates(), self.standardisation.clone());
            fit_standardised(c, s, &self.params.logistic).map_err(EstimateError::Design)
        };
        self.propensity.get_or_init(fit).as_ref().map_err(Clone::clone)
    }

    /// Terms dropped in each cross-fitting fold, in fold order.
    ///
    /// # Errors
    /// As [`Nuisances::effect`] with the cross-fitted estimator.
    pub fn crossfit_dropped_terms(&self) -> Result<&[Vec<String>], EstimateError> {
        self.crossfit().map(|c| c.dropped.as_slice())
    }

    fn crossfit(&self) -> Result<&CrossFit, EstimateError> {
        let fit = || crossfit::fit(self.sample.covariates(), &self.rows, &self.params);
        self.crossfit.get_or_init(fit).as_ref().map_err(Clone::clone)
    }

    fn outcome(&self) -> Result<&OutcomeModels, EstimateError> {
        let fit = || OutcomeModels::fit(&self.design(), &self.rows, &self.rows.w, &self.params);
        self.outcome.get_or_init(fit).as_ref().map_err(Clone::clone)
    }

    fn design(&self) -> DesignMatrix<'_> {
        DesignMatrix::new(self.sample.covariates().x(), &self.standardisation)
    }

    /// The effect by one estimator for one target.
    ///
    /// # Errors
    /// [`EstimateError`]: a nuisance model that failed, an infinite weight, a number that is not finite.
    pub fn effect(&self, estimator: EstimatorKind, target: Target) -> Result<Effect, EstimateError> {
        let label = Label { target, population: self.params.population, estimator };
        match estimator {
            EstimatorKind::Naive => label.naive(&self.rows),
            EstimatorKind::Regression => label.regression(self.sample, &self.rows),
            EstimatorKind::AipwCrossfit => {
                let fit = self.crossfit()?;
                self.rows.check_positivity(&fit.e)?;
                label.known(&self.rows, Some(&fit.e), aipw::scores(&self.rows, &fit.e, &fit.outcome, target))
            }
            EstimatorKind::Gformula => {
                let models = self.outcome()?;
                // Only the overlap population is defined by the propensity.
                let e = if target == Target::Ato { Some(self.propensity()?.e.to_vec()) } else { None };
                let scores = gformula::scores(&self.rows, e.as_deref(), &models.values, target);
                self.stacked(&label, None, scores)
            }
            EstimatorKind::IpwHajek | EstimatorKind::IpwHt | EstimatorKind::Aipw => {
                let e = self.propensity()?.e.to_vec();
                self.rows.check_positivity(&e)?;
                let scores = match estimator {
                    EstimatorKind::IpwHajek => ipw::hajek(&self.rows, &e, target),
                    EstimatorKind::IpwHt => ipw::horvitz_thompson(&self.rows, &e, target),
                    _ => aipw::scores(&self.rows, &e, &self.outcome()?.values, target),
                };
                self.stacked(&label, Some(&e), scores)
            }
            EstimatorKind::Tmle
            | EstimatorKind::TmleCrossfit
            | EstimatorKind::Bart
            | EstimatorKind::AipwBart
            | EstimatorKind::DrAverage => Err(EstimateError::Unavailable {
                estimator: estimator.title(),
                setting: "in this version".to_owned(),
                advice: "use aipw or aipw_crossfit",
            }),
        }
    }

    /// The effect with nuisance uncertainty propagated.
    fn stacked(&self, label: &Label, weighting: Option<&[f64]>, scores: Scores) -> Result<Effect, EstimateError> {
        let rows = &self.rows;
        let mut blocks = Vec::with_capacity(3);
        if let Some(slope) = &scores.slope_propensity {
            let p = self.propensity()?;
            let residual = rows.map(|i| rows.t[i] - p.e[i]);
            blocks.push(Block { slope, residual, information: &p.information });
        }
        if let Some(slopes) = &scores.slope_outcome {
            let models = self.outcome()?;
            for (arm, slope) in slopes.iter().enumerate() {
                let (residual, information) = (models.residual(rows, arm), &models.information[arm]);
                blocks.push(Block { slope, residual, information });
            }
        }
        let se_stacked = stacked_standard_error(rows, &self.design(), &scores.phi, &blocks)?;
        // With outcome models but no weighting, φ alone says nothing about the uncertainty of the answer.
        let se_influence = weighting.map(|_| standard_error(rows, &scores.phi));
        let errors = Errors { method: SeMethod::StackedEquations, se_influence, se_stacked: Some(se_stacked) };
        label.effect(rows, weighting, (&scores, se_stacked), errors)
    }
}

/// Nuisance values that are taken as given: an oracle, another program, or a fit on other rows.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownNuisances {
    /// n propensities.
    pub e: Array1<f64>,
    /// n predictions of the outcome under treatment.
    pub mu1: Array1<f64>,
    /// n predictions of the outcome under control.
    pub mu0: Array1<f64>,
}

/// A weighting or AIPW effect at given nuisance values, with the influence-function standard error.
///
/// # Errors
/// [`EstimateError::NotFromKnown`] for estimators that fit something themselves, [`EstimateError::OtherRows`] if lengths
/// differ, and as [`Nuisances::effect`].
pub fn effect_with_known(
    sample: &Sample,
    known: &KnownNuisances,
    estimator: EstimatorKind,
    estimand: Estimand,
) -> Result<Effect, EstimateError> {
    let rows = Rows::of(sample);
    for got in [known.e.len(), known.mu1.len(), known.mu0.len()] {
        if got != rows.n() {
            return Err(EstimateError::OtherRows { got, expected: rows.n() });
        }
    }
    let e = known.e.to_vec();
    rows.check_positivity(&e)?;
    let outcome = OutcomeValues { mu: [known.mu0.to_vec(), known.mu1.to_vec()], logistic: false };
    let scores = match estimator {
        EstimatorKind::IpwHajek => ipw::hajek(&rows, &e, estimand.target),
        EstimatorKind::IpwHt => ipw::horvitz_thompson(&rows, &e, estimand.target),
        EstimatorKind::Aipw | EstimatorKind::AipwCrossfit => aipw::scores(&rows, &e, &outcome, estimand.target),
        other => return Err(EstimateError::NotFromKnown(other.title())),
    };
    let label = Label { target: estimand.target, population: estimand.population, estimator };
    label.known(&rows, Some(&e), scores)
}

/// What an effect is an effect of.
struct Label {
    target: Target,
    population: Population,
    estimator: EstimatorKind,
}

/// The standard errors that go with a point estimate.
struct Errors {
    method: SeMethod,
    se_influence: Option<f64>,
    se_stacked: Option<f64>,
}

impl Label {
    fn naive(&self, rows: &Rows) -> Result<Effect, EstimateError> {
        let (scores, welch) = naive::scores(rows)?;
        let se_influence = Some(standard_error(rows, &scores.phi));
        self.effect(rows, None, (&scores, welch), Errors { method: SeMethod::Welch, se_influence, se_stacked: None })
    }

    fn regression(&self, sample: &Sample, rows: &Rows) -> Result<Effect, EstimateError> {
        let c = regression::treatment_coefficient(sample)?;
        let errors = Errors { method: SeMethod::Classical, se_influence: None, se_stacked: Some(c.se_hc0) };
        let mut effect = self.bare(rows, None, (c.estimate, c.se_classical), errors);
        (effect.mean_treated, effect.mean_control) = (None, None);
        checked(effect)
    }

    fn known(&self, rows: &Rows, weighting: Option<&[f64]>, scores: Scores) -> Result<Effect, EstimateError> {
        let se = standard_error(rows, &scores.phi);
        let errors = Errors { method: SeMethod::InfluenceFunction, se_influence: Some(se), se_stacked: None };
        self.effect(rows, weighting, (&scores, se), errors)
    }

    fn effect(
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

    fn bare(&self, rows: &Rows, weighting: Option<&[f64]>, (estimate, se): (f64, f64), errors: Errors) -> Effect {
        let balance = |i: usize| weighting.map_or(1.0, |e| weight(e[i], rows.t[i], self.target));
        let (ess_treated, ess_control) = rows.effective_sizes(balance);
        Effect {
            estimand: Estimand { target: self.target, population: self.population },
            estimator: self.estimator,
            estimate,
            std_error: se,
            se_method: errors.method,
            se_influence: errors.se_influence,
            se_stacked: errors.se_stacked,
            ci_lower: estimate - Z_975 * se,
            ci_upper: estimate + Z_975 * se,
            mean_treated: None,
            mean_control: None,
            n: rows.n(),
            n_treated: rows.t.iter().filter(|t| **t == 1.0).count(),
            ess_treated,
            ess_control,
            inference: Inference::Population,
            disagreement: None,
            clipped: 0,
            notes: Vec::new(),
        }
    }
}

/// Nothing that is not a number leaves this module.
fn checked(effect: Effect) -> Result<Effect, EstimateError> {
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
