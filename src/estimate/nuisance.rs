//! Nuisances fitted once and shared by the estimators and targets of one sample; and effects assembled from scores.

use crate::design::propensity::{Propensity, fit_standardised};
use crate::design::weights::weight;
use crate::estimand::{Effect, Estimand, EstimatorKind, OutcomeKind, Population, SeMethod, Target};
use crate::estimate::crossfit::{self, CrossFit};
use crate::estimate::effects::{Errors, Label};
use crate::estimate::inference::{Block, Scores, stacked_standard_error, standard_error};
use crate::estimate::outcome::{OutcomeModels, check_binary};
use crate::estimate::rows::Rows;
use crate::estimate::tmle::{self, Fluctuation};
use crate::estimate::{EstimateError, EstimateParams, aipw, gformula, ipw};
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
            EstimatorKind::Tmle => self.tmle(target, Fluctuation::default()),
            EstimatorKind::TmleCrossfit | EstimatorKind::Bart | EstimatorKind::AipwBart | EstimatorKind::DrAverage => {
                Err(EstimateError::Unavailable {
                    estimator: estimator.title(),
                    setting: "in this version".to_owned(),
                    advice: "use aipw or aipw_crossfit",
                })
            }
        }
    }

    /// Targeted maximum likelihood with nuisances fitted on all rows, along the given path.
    ///
    /// # Errors
    /// As [`Nuisances::effect`], and [`EstimateError::NoFluctuation`].
    pub fn tmle(&self, target: Target, path: Fluctuation) -> Result<Effect, EstimateError> {
        let e = self.propensity()?.e.to_vec();
        self.rows.check_positivity(&e)?;
        let label = Label { target, population: self.params.population, estimator: EstimatorKind::Tmle };
        let targeted = tmle::target(&self.rows, &e, &self.outcome()?.values, (target, path))?;
        let effect = label.known(&self.rows, Some(&e), targeted.scores)?;
        Ok(Effect { clipped: targeted.clipped, ..effect })
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
