//! Nuisances fitted once and shared by the estimators and targets of one sample.

use crate::design::PropensityModel;
use crate::design::propensity::{Propensity, fit_standardised};
use crate::error::EstimateError;
use crate::estimand::{Inference, OutcomeKind};
use crate::estimator::NuisanceModels;
use crate::fit_note::{FitNote, FitPlace, FittedModel};
use crate::learner_kind::LearnerKind;
use crate::nuisance::bart;
use crate::nuisance::bart::{BartFit, BothArms, Sampled};
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
type FittedOnce<T> = OnceLock<Result<T, EstimateError>>;

/// A sample with nuisance models that are fitted when first needed and then kept. A model that failed keeps its error,
/// so that estimators which do not need it still work. All targets of an estimator, and all estimators that use the same
/// nuisance, share one fit of it.
pub struct Nuisances<'a> {
    pub(crate) sample: &'a Sample,
    pub(crate) params: EstimateParams,
    pub(crate) rows: Rows,
    standardisation: Standardisation,
    propensity: FittedOnce<Propensity>,
    outcome: FittedOnce<OutcomeModels>,
    /// Propensities that are not estimated here.
    pub(crate) known: Option<Vec<f64>>,
    /// Cross-fitted propensities that the design has already, for the first division.
    designed: Option<Propensities>,
    binned: OnceLock<BinnedMatrix>,
    divisions: FittedOnce<Vec<Division>>,
    /// One for each division.
    propensities: FittedOnce<Vec<Propensities>>,
    /// By the learner of the plan, one for each division.
    outcomes: FittedOnce<Vec<Outcomes>>,
    /// By boosting with linear leaves, one for each division.
    boosted: FittedOnce<Vec<Outcomes>>,
    bart: FittedOnce<BartFit>,
    /// The same on a sample of many rows.
    sampled_bart: FittedOnce<BothArms>,
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
        // Its standardisation comes with it, so that stacking finds coefficients and terms that belong together.
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
            let place = |fold| FitPlace { model: FittedModel::Propensity, repeat: 0, fold: Some(fold) };
            let notes =
                p.fits.iter().enumerate().flat_map(|(fold, info)| FitNote::from_info(place(fold), info)).collect();
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

    /// The learners of these nuisances.
    #[must_use]
    pub fn models(&self) -> NuisanceModels {
        self.params.models
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
            sampled_bart: OnceLock::new(),
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
            // With outcome regressions, or without a fitted propensity, theirs are the terms to name.
            return Ok(outcomes);
        }
        Ok(self.propensities()?.first().map_or(&[], |p| p.dropped.as_slice()))
    }

    fn fitter(&self) -> CrossFitter<'_> {
        CrossFitter {
            covariates: self.sample.covariates(),
            rows: &self.rows,
            params: &self.params,
            binned: &self.binned,
        }
    }

    fn divisions(&self) -> Result<&[Division], EstimateError> {
        self.divisions.get_or_init(|| self.fitter().divisions()).as_ref().map(Vec::as_slice).map_err(Clone::clone)
    }

    /// The outcome regressions of both arms on all rows.
    pub(crate) fn outcome(&self) -> Result<&OutcomeModels, EstimateError> {
        let fit = || OutcomeModels::fit(&self.design(), &self.rows, &self.rows.w, &self.params);
        self.outcome.get_or_init(fit).as_ref().map_err(Clone::clone)
    }

    /// The terms of the regressions.
    pub(crate) fn design(&self) -> DesignMatrix<'_> {
        DesignMatrix::new(self.sample.covariates().x(), &self.standardisation)
    }

    /// Known propensities, or those of the logistic regression on all rows.
    pub(crate) fn whole_sample_e(&self) -> Result<Vec<f64>, EstimateError> {
        match &self.known {
            Some(e) => Ok(e.clone()),
            None => Ok(self.propensity()?.e.to_vec()),
        }
    }

    /// The same, refused where a unit cannot be weighted by them.
    pub(crate) fn weighting_e(&self) -> Result<Vec<f64>, EstimateError> {
        let e = self.whole_sample_e()?;
        self.rows.check_positivity(&e)?;
        Ok(e)
    }

    /// Propensities of every division: known, of the design, or by the learner of the plan.
    pub(crate) fn propensities(&self) -> Result<&[Propensities], EstimateError> {
        let fit = || {
            let fitter = self.fitter();
            let one = |(repeat, division)| match (&self.known, &self.designed) {
                (Some(e), _) => Ok(Propensities { e: e.clone(), ..Propensities::default() }),
                // The design was made on the first division; further ones need propensities of their own.
                (None, Some(designed)) if repeat == 0 => Ok(designed.clone()),
                _ => fitter.propensities(division),
            };
            let all: Result<Vec<Propensities>, _> = self.divisions()?.iter().enumerate().map(one).collect();
            let all = all?;
            all.iter().try_for_each(|p| self.rows.check_positivity(&p.e))?;
            Ok(all)
        };
        self.propensities.get_or_init(fit).as_ref().map(Vec::as_slice).map_err(Clone::clone)
    }

    fn outcomes_by(&self, kind: LearnerKind) -> Result<Vec<Outcomes>, EstimateError> {
        let fitter = self.fitter();
        self.divisions()?.iter().map(|division| fitter.outcomes(division, kind)).collect()
    }

    /// Outcome predictions of every division by the learner of the plan.
    pub(crate) fn outcomes(&self) -> Result<&[Outcomes], EstimateError> {
        let fit = || self.outcomes_by(self.params.models.outcome);
        self.outcomes.get_or_init(fit).as_ref().map(Vec::as_slice).map_err(Clone::clone)
    }

    /// Outcome predictions of every division by boosting with linear leaves.
    pub(crate) fn boosted(&self) -> Result<&[Outcomes], EstimateError> {
        // One fit for both where the plan asks for the same learner.
        if self.boosts_linear_leaves() {
            return self.outcomes();
        }
        let fit = || self.outcomes_by(LearnerKind::BoostingOrRidge);
        self.boosted.get_or_init(fit).as_ref().map(Vec::as_slice).map_err(Clone::clone)
    }

    /// True if BART is fitted to what a ridge regression leaves: where that predicted held-out outcomes better than trees.
    /// Without predictions out of fold nothing speaks for a linear part, and a probit model has no scale on which one could be
    /// taken away.
    fn centred(&self) -> bool {
        self.params.outcome == OutcomeKind::Continuous
            && self.boosted().is_ok_and(|all| all.iter().all(|o| o.learner == LearnerKind::Ridge))
    }

    /// One BART for both arms on all rows.
    pub(crate) fn bart(&self) -> Result<&BartFit, EstimateError> {
        // Before the lock below is taken: a thread that waited inside it could be given a fold that needs it.
        let centred = self.centred();
        // Only the overlap population is defined by the propensity; without one, that target alone fails.
        let fit = || {
            let e = self.propensities().ok().and_then(|all| all.first());
            BartFit::new(self.sample.covariates(), &self.rows, e.map(|p| p.e.as_slice()), &self.params, centred)
        };
        self.bart.get_or_init(fit).as_ref().map_err(Clone::clone)
    }

    /// Predictions of one BART for both arms, fitted to all rows or, where they are many, to a sample of them.
    pub(crate) fn both_arms(&self) -> Result<&BothArms, EstimateError> {
        if self.rows.n() <= bart::MOST_ROWS {
            return self.bart().map(|fit| &fit.means);
        }
        let centred = self.centred();
        let fit = || {
            bart::on_a_sample(
                self.sample.covariates(),
                &self.rows,
                &self.params,
                Sampled { most: bart::MOST_ROWS, centred },
            )
        };
        self.sampled_bart.get_or_init(fit).as_ref().map_err(Clone::clone)
    }

    /// True if the boosted outcomes are those of the plan.
    fn boosts_linear_leaves(&self) -> bool {
        self.params.models.outcome == LearnerKind::BoostingOrRidge
    }
}

fn same_rows(sample: &Sample, got: usize) -> Result<(), EstimateError> {
    let expected = sample.covariates().n();
    if got == expected { Ok(()) } else { Err(EstimateError::OtherRows { got, expected }) }
}
