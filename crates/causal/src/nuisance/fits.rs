//! Nuisances fitted once and shared by the estimators and targets of one sample.

use crate::arm::Arm;
use crate::design::PropensityModel;
use crate::design::propensity::{Propensity, fit_standardised};
use crate::effect::{Effect, SeMethod};
use crate::error::EstimateError;
use crate::estimand::Inference;
use crate::estimand::{OutcomeKind, Target};
use crate::estimate::bart::BartFit;
use crate::estimate::effect_builder::{Errors, Label, Uncertainty};
use crate::estimate::inference::{Block, Scores, stacked_standard_error, standard_error};
use crate::estimate::tmle;
use crate::estimate::tmle::Fluctuation;
use crate::estimate::{aipw, conditional, gformula, ipw};
use crate::estimator::EstimatorKind;
use crate::learner_kind::LearnerKind;
use crate::nuisance::crossfit;
use crate::nuisance::crossfit::{CrossFitter, Division, Outcomes, Propensities};
use crate::nuisance::outcome::{OutcomeModels, check_binary};
use crate::numerics::binned::BinnedMatrix;
use crate::numerics::design_matrix::DesignMatrix;
use crate::numerics::standardise::Standardisation;
use crate::params::EstimateParams;
use crate::sample::Sample;
use crate::weighted_rows::Rows;
use std::sync::OnceLock;

/// A result that is computed when first needed and then kept, errors too.
pub(crate) type Once<T> = OnceLock<Result<T, EstimateError>>;

/// A sample with nuisance models that are fitted when first needed and then kept. A model that failed keeps its error,
/// so that estimators which do not need it still work. All targets of an estimator, and all estimators that use the same
/// nuisance, share one fit of it.
pub struct Nuisances<'a> {
    pub(crate) sample: &'a Sample,
    pub(crate) params: EstimateParams,
    pub(crate) rows: Rows,
    standardisation: Standardisation,
    propensity: Once<Propensity>,
    outcome: Once<OutcomeModels>,
    /// Propensities that are not estimated here.
    pub(crate) known: Option<Vec<f64>>,
    /// Cross-fitted propensities that the design has already, for the first division.
    pub(crate) designed: Option<Propensities>,
    binned: OnceLock<BinnedMatrix>,
    divisions: Once<Vec<Division>>,
    /// One for each division.
    pub(crate) propensities: Once<Vec<Propensities>>,
    /// By the learner of the plan, one for each division.
    pub(crate) outcomes: Once<Vec<Outcomes>>,
    /// By boosting with linear leaves, one for each division.
    pub(crate) boosted: Once<Vec<Outcomes>>,
    pub(crate) bart: Once<BartFit>,
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
        same_rows(sample, propensity.e.len())?;
        let mut all = Self::assemble(sample, params, propensity.standardisation.clone())?;
        all.propensity = OnceLock::from(Ok(propensity.clone()));
        Ok(all)
    }

    /// As [`Nuisances::new`], with the propensity of a design on the same rows. A logistic one serves the estimators that
    /// fit one to all rows, a cross-fitted one those that cross-fit, for the first division into folds; a known one
    /// replaces every estimate.
    ///
    /// # Errors
    /// As [`Nuisances::with_propensity`].
    pub fn with_propensity_model(
        sample: &'a Sample,
        params: &EstimateParams,
        propensity: &PropensityModel,
    ) -> Result<Self, EstimateError> {
        same_rows(sample, propensity.e().len())?;
        let mut all = match propensity {
            PropensityModel::Logistic(p) => return Self::with_propensity(sample, params, p),
            PropensityModel::CrossFitted(_) | PropensityModel::Known(_) => Self::new(sample, params)?,
        };
        if let PropensityModel::CrossFitted(p) = propensity {
            let folds = p.fits.iter().enumerate();
            let notes =
                folds.flat_map(|(k, info)| crossfit::said(&format!("propensity, fold {}", k + 1), info)).collect();
            all.designed = Some(Propensities { e: p.e.to_vec(), clipped: p.clipped, notes, dropped: Vec::new() });
        }
        if let PropensityModel::Known(p) = propensity {
            all.known = Some(p.e.to_vec());
        }
        Ok(all)
    }

    /// The same fits, with intervals about the population or the sample: no nuisance depends on that.
    #[must_use]
    pub fn about(mut self, inference: Inference) -> Self {
        self.params.inference = inference;
        self
    }

    fn assemble(
        sample: &'a Sample,
        params: &EstimateParams,
        standardisation: Standardisation,
    ) -> Result<Self, EstimateError> {
        let rows = Rows::from_sample(sample);
        if params.outcome == OutcomeKind::Binary {
            check_binary(&rows)?;
        }
        Ok(Self {
            sample,
            params: params.clone(),
            rows,
            standardisation,
            propensity: OnceLock::new(),
            outcome: OnceLock::new(),
            known: None,
            designed: None,
            binned: OnceLock::new(),
            divisions: OnceLock::new(),
            propensities: OnceLock::new(),
            outcomes: OnceLock::new(),
            boosted: OnceLock::new(),
            bart: OnceLock::new(),
        })
    }

    /// The propensity by logistic regression, fitted if it was not yet.
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

    /// Terms that linear and logistic regressions dropped in each cross-fitting fold, in fold order, first division.
    ///
    /// # Errors
    /// As [`Nuisances::effect`] with the cross-fitted estimators.
    pub fn crossfit_dropped_terms(&self) -> Result<&[Vec<String>], EstimateError> {
        let outcomes = self.outcomes()?.first().map_or(&[] as &[_], |o| o.dropped.as_slice());
        if !outcomes.is_empty() || self.known.is_some() {
            return Ok(outcomes);
        }
        Ok(self.propensities()?.first().map_or(&[], |p| p.dropped.as_slice()))
    }

    pub(crate) fn fitter(&self) -> CrossFitter<'_> {
        CrossFitter {
            covariates: self.sample.covariates(),
            rows: &self.rows,
            params: &self.params,
            binned: &self.binned,
        }
    }

    pub(crate) fn divisions(&self) -> Result<&[Division], EstimateError> {
        self.divisions.get_or_init(|| self.fitter().divisions()).as_ref().map(Vec::as_slice).map_err(Clone::clone)
    }

    fn outcome(&self) -> Result<&OutcomeModels, EstimateError> {
        let fit = || OutcomeModels::fit(&self.design(), &self.rows, &self.rows.w, &self.params);
        self.outcome.get_or_init(fit).as_ref().map_err(Clone::clone)
    }

    fn design(&self) -> DesignMatrix<'_> {
        DesignMatrix::new(self.sample.covariates().x(), &self.standardisation)
    }

    pub(crate) fn label(&self, estimator: EstimatorKind, target: Target) -> Label {
        Label { target, population: self.params.population, estimator }
    }

    /// The effect by one estimator for one target.
    ///
    /// # Errors
    /// [`EstimateError`]: a nuisance model that failed, an infinite weight, a number that is not finite, a combination
    /// that is not defined.
    pub fn effect(&self, estimator: EstimatorKind, target: Target) -> Result<Effect, EstimateError> {
        let label = self.label(estimator, target);
        match estimator {
            EstimatorKind::Naive => self.population_only(label.naive(&self.rows)?),
            EstimatorKind::Regression if self.rows.clusters.is_some() => Err(EstimateError::Unavailable {
                estimator: estimator.title(),
                setting: "with clusters".to_owned(),
                advice: "its classical standard error takes units for independent; use an estimator that is not a benchmark",
            }),
            EstimatorKind::Regression => self.population_only(label.regression(self.sample, &self.rows)?),
            EstimatorKind::Gformula => {
                let models = self.outcome()?;
                // Only the overlap population is defined by the propensity.
                let e = if target == Target::Ato { Some(self.whole_sample_e()?) } else { None };
                let scores = gformula::scores(&self.rows, e.as_deref(), &models.values, target);
                self.population_only(self.stacked(&label, None, scores)?)
            }
            EstimatorKind::IpwHajek | EstimatorKind::IpwHt => {
                let e = self.whole_sample_e()?;
                self.rows.check_positivity(&e)?;
                let scores = match estimator {
                    EstimatorKind::IpwHajek => ipw::hajek(&self.rows, &e, target),
                    _ => ipw::horvitz_thompson(&self.rows, &e, target),
                };
                self.population_only(self.stacked(&label, Some(&e), scores)?)
            }
            EstimatorKind::Aipw => {
                let e = self.whole_sample_e()?;
                self.rows.check_positivity(&e)?;
                let outcome = &self.outcome()?.values;
                let effect = self.stacked(&label, Some(&e), aipw::scores(&self.rows, &e, outcome, target))?;
                if self.params.inference == Inference::Population {
                    return Ok(effect);
                }
                self.refuse_clusters(estimator)?;
                let se = conditional::standard_error(&self.rows, &e, outcome, target, conditional::Weights::Plain);
                let se = conditional::at_least(effect.std_error, target, se);
                Uncertainty { method: SeMethod::Conditional, std_error: se, inference: Inference::Sample }
                    .of(&self.rows, effect)
            }
            EstimatorKind::Tmle => self.tmle(target, Fluctuation::default()),
            EstimatorKind::AipwCrossfit => self.aipw_crossfit(target),
            EstimatorKind::TmleCrossfit => self.tmle_crossfit(target),
            EstimatorKind::Bart => self.bart_effect(target),
            EstimatorKind::AipwBart => self.aipw_bart(target),
            EstimatorKind::DrAverage => self.dr_average(target),
        }
    }

    /// An interval for the population, which is all that the simpler estimators have.
    fn population_only(&self, mut effect: Effect) -> Result<Effect, EstimateError> {
        if self.params.inference == Inference::Sample {
            effect.notes.push("this estimator has an interval about the population only".to_owned());
        }
        self.known_note(&mut effect);
        Ok(effect)
    }

    pub(crate) fn known_note(&self, effect: &mut Effect) {
        let uses = !matches!(effect.estimator, EstimatorKind::Naive | EstimatorKind::Regression);
        if self.known.is_some() && uses {
            effect.notes.push("the propensity is known and was not estimated".to_owned());
        }
    }

    pub(crate) fn refuse_clusters(&self, estimator: EstimatorKind) -> Result<(), EstimateError> {
        if self.rows.clusters.is_none() {
            return Ok(());
        }
        Err(EstimateError::Unavailable {
            estimator: estimator.title(),
            setting: "with clusters for intervals about the sample".to_owned(),
            advice: "ask for inference about the population, whose intervals are robust to clusters",
        })
    }

    /// Known propensities, or those of the logistic regression on all rows.
    fn whole_sample_e(&self) -> Result<Vec<f64>, EstimateError> {
        match &self.known {
            Some(e) => Ok(e.clone()),
            None => Ok(self.propensity()?.e.to_vec()),
        }
    }

    /// Targeted maximum likelihood with nuisances fitted on all rows, along the given path.
    ///
    /// # Errors
    /// As [`Nuisances::effect`], and [`EstimateError::NoFluctuation`].
    pub fn tmle(&self, target: Target, path: Fluctuation) -> Result<Effect, EstimateError> {
        let e = self.whole_sample_e()?;
        self.rows.check_positivity(&e)?;
        let targeted = tmle::target(&self.rows, &e, &self.outcome()?.values, (target, path))?;
        let label = self.label(EstimatorKind::Tmle, target);
        let mut effect = self.targeted_effect(&label, &e, &targeted, target)?;
        self.known_note(&mut effect);
        Ok(effect)
    }

    /// The effect with nuisance uncertainty propagated. A known propensity has none.
    fn stacked(&self, label: &Label, weighting: Option<&[f64]>, scores: Scores) -> Result<Effect, EstimateError> {
        let rows = &self.rows;
        let mut blocks = Vec::with_capacity(3);
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
        let se_stacked = stacked_standard_error(rows, &self.design(), &scores.phi, &blocks)?;
        // With outcome models but no weighting, φ alone says nothing about the uncertainty of the answer.
        let se_influence = weighting.map(|_| standard_error(rows, &scores.phi));
        let method = if rows.clusters.is_some() { SeMethod::Clustered } else { SeMethod::StackedEquations };
        let errors = Errors { method, se_influence, se_stacked: Some(se_stacked) };
        let mut effect = label.effect(rows, weighting, (&scores, se_stacked), errors)?;
        if label.estimator == EstimatorKind::Aipw {
            self.known_note(&mut effect);
        }
        Ok(effect)
    }

    /// Whether the boosted outcomes are those of the plan.
    pub(crate) fn boosts_linear_leaves(&self) -> bool {
        self.params.models.outcome == LearnerKind::BoostingLinear
    }
}

fn same_rows(sample: &Sample, got: usize) -> Result<(), EstimateError> {
    let expected = sample.covariates().n();
    if got == expected { Ok(()) } else { Err(EstimateError::OtherRows { got, expected }) }
}
