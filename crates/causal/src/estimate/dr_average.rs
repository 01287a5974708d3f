//! Effects with flexible nuisances: cross-fitted AIPW and TMLE, BART, AIPW with BART, and the average of two.
//!
//! The average answers with two estimates that fail differently and lets their disagreement into the interval:
//!
//! ```text
//! A  = normalised AIPW, boosted trees with linear leaves in each arm, cross-fitted
//! B  = normalised AIPW, one BART for both arms on all rows
//! τ̂ = ωA + (1 − ω)B,    ω = Φ_B/(Φ_A + Φ_B),    V = (V_A + V_B)/2 + (A − B)²/4,    interval τ̂ ± 1.96 c √V
//! ```
//!
//! with one cross-fitted propensity for both, and Φ the mean square of an influence function: whichever needs the larger
//! corrections counts less. About the population, V_A = Φ_A/n and V_B = Φ_B/n; about the units of the sample, they are the
//! variances given covariates and treatments ([`crate::estimate::conditional`]). The factor c is that of
//! [`crate::estimate::recipe`]. The residuals of A are out of fold and contain what its model misses, those of B are in
//! sample and contain too little; V takes the middle, and (A − B)²/4 is the variance between two guesses of equal weight.
//! Boosting in each arm extrapolates badly into regions without units of that arm, BART for both arms borrows from the
//! other arm there; where neither is needed they agree. All targets, and all estimators here, share one set of fits: a
//! propensity and a boosting in each fold, one BART.

use crate::effect::{Effect, SeMethod};
use crate::error::EstimateError;
use crate::estimand::Inference;
use crate::estimand::Target;
use crate::estimate::bart::BartFit;
use crate::estimate::conditional;
use crate::estimate::conditional::Weights;
use crate::estimate::effect_builder::{Label, Uncertainty, checked};
use crate::estimate::inference::{Scores, standard_error};
use crate::estimate::tmle;
use crate::estimate::tmle::{Fluctuation, Targeted};
use crate::estimate::{aipw, aipw_normalised, recipe};
use crate::estimator::EstimatorKind;
use crate::learner_kind::LearnerKind;
use crate::nuisance::crossfit::{Outcomes, Propensities};
use crate::nuisance::fits::Nuisances;
use crate::nuisance::outcome::OutcomeValues;
use crate::nuisance::repeats;

impl Nuisances<'_> {
    /// Propensities of every division: known, of the design, or by the learner of the plan.
    pub(crate) fn propensities(&self) -> Result<&[Propensities], EstimateError> {
        let fit = || {
            let fitter = self.fitter();
            let one = |(repeat, division)| match (&self.known, &self.designed) {
                (Some(e), _) => Ok(Propensities { e: e.clone(), ..Propensities::default() }),
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

    fn boosted(&self) -> Result<&[Outcomes], EstimateError> {
        if self.boosts_linear_leaves() {
            return self.outcomes();
        }
        let fit = || self.outcomes_by(LearnerKind::BoostingLinear);
        self.boosted.get_or_init(fit).as_ref().map(Vec::as_slice).map_err(Clone::clone)
    }

    fn bart(&self) -> Result<&BartFit, EstimateError> {
        // Only the overlap population is defined by the propensity; without one, that target alone fails.
        let fit = || {
            let e = self.propensities().ok().and_then(|all| all.first());
            BartFit::new(self.sample.covariates(), &self.rows, e.map(|p| p.e.as_slice()), &self.params)
        };
        self.bart.get_or_init(fit).as_ref().map_err(Clone::clone)
    }

    pub(crate) fn aipw_crossfit(&self, target: Target) -> Result<Effect, EstimateError> {
        let label = self.label(EstimatorKind::AipwCrossfit, target);
        let one = |(p, o): (&Propensities, &Outcomes)| {
            let scores = aipw::scores(&self.rows, &p.e, &o.values, target);
            let effect = self.doubly_robust(&label, (&p.e, &o.values), &scores, Weights::Plain)?;
            Ok(annotated(effect, p, &o.notes))
        };
        self.over_repeats(self.propensities()?.iter().zip(self.outcomes()?).map(one))
    }

    pub(crate) fn tmle_crossfit(&self, target: Target) -> Result<Effect, EstimateError> {
        let label = self.label(EstimatorKind::TmleCrossfit, target);
        let one = |(p, o): (&Propensities, &Outcomes)| {
            let targeted = tmle::target(&self.rows, &p.e, &o.values, (target, Fluctuation::default()))?;
            Ok(annotated(self.targeted_effect(&label, &p.e, &targeted, target)?, p, &o.notes))
        };
        self.over_repeats(self.propensities()?.iter().zip(self.outcomes()?).map(one))
    }

    /// The effect at targeted predictions.
    pub(crate) fn targeted_effect(
        &self,
        label: &Label,
        e: &[f64],
        targeted: &Targeted,
        target: Target,
    ) -> Result<Effect, EstimateError> {
        debug_assert_eq!(label.target, target);
        let effect = self.doubly_robust(label, (e, &targeted.outcome), &targeted.scores, Weights::Plain)?;
        Ok(Effect { clipped: targeted.clipped, ..effect })
    }

    pub(crate) fn bart_effect(&self, target: Target) -> Result<Effect, EstimateError> {
        let estimator = EstimatorKind::Bart;
        if self.rows.clusters.is_some() {
            return Err(EstimateError::Unavailable {
                estimator: estimator.title(),
                setting: "with clusters".to_owned(),
                advice: "its posterior takes units for independent; use aipw_bart or aipw_crossfit",
            });
        }
        let e = match target {
            Target::Ato => self.propensities()?.first(),
            _ => None,
        };
        let fit = self.bart()?;
        let inference = self.params.inference;
        let posterior = fit.standardised(&self.rows, e.map(|p| p.e.as_slice()), (target, inference));
        let uncertainty = Uncertainty { method: SeMethod::Posterior, std_error: posterior.std_error, inference };
        let means = (posterior.means, posterior.estimate);
        let mut effect = self.label(estimator, target).posterior(&self.rows, means, &uncertainty)?;
        effect.notes.extend(fit.notes.iter().cloned());
        if let Some(p) = e {
            effect = annotated(effect, p, &[]);
            self.known_note(&mut effect);
        }
        Ok(effect)
    }

    pub(crate) fn aipw_bart(&self, target: Target) -> Result<Effect, EstimateError> {
        let label = self.label(EstimatorKind::AipwBart, target);
        let (propensities, fit) = (self.propensities()?, self.bart()?);
        let one = |p: &Propensities| {
            let scores = aipw_normalised::scores(&self.rows, &p.e, &fit.values, target);
            let mut effect = self.doubly_robust(&label, (&p.e, &fit.values), &scores, Weights::Normalised)?;
            effect.notes.push(
                "residuals of BART are those of the rows it was fitted to: the interval tends to be short".to_owned(),
            );
            Ok(annotated(effect, p, &fit.notes))
        };
        self.over_repeats(propensities.iter().map(one))
    }

    pub(crate) fn dr_average(&self, target: Target) -> Result<Effect, EstimateError> {
        let label = self.label(EstimatorKind::DrAverage, target);
        let inference = self.params.inference;
        if inference == Inference::Sample {
            self.refuse_clusters(EstimatorKind::DrAverage)?;
        }
        let (propensities, boosted, fit) = (self.propensities()?, self.boosted()?, self.bart()?);
        let one = |(p, o): (&Propensities, &Outcomes)| {
            let a = aipw_normalised::scores(&self.rows, &p.e, &o.values, target);
            let b = aipw_normalised::scores(&self.rows, &p.e, &fit.values, target);
            let influence = [&a, &b].map(|scores| standard_error(&self.rows, &scores.phi).powi(2));
            let own = match inference {
                Inference::Sample => {
                    let given =
                        |outcome| conditional::standard_error(&self.rows, &p.e, outcome, target, Weights::Normalised);
                    let own = [given(&o.values), given(&fit.values)].map(|se| se.powi(2));
                    [0, 1].map(|k| conditional::at_least(influence[k], target, own[k]))
                }
                Inference::Population => influence,
            };
            let disagreement = (a.estimate - b.estimate).abs();
            let widening = recipe::widening(self.params.models.effort);
            let std_error = widening * (f64::midpoint(own[0], own[1]) + disagreement.powi(2) / 4.0).sqrt();
            let uncertainty = Uncertainty { method: SeMethod::Disagreement, std_error, inference };
            let effect =
                uncertainty.of(&self.rows, label.known(&self.rows, Some(&p.e), average(&a, &b, share(influence)))?)?;
            let widened = format!("its standard error is {widening} times that of the formula, see docs/coverage.md");
            let notes = [o.notes.as_slice(), fit.notes.as_slice(), &[widened]].concat();
            Ok(annotated(Effect { disagreement: Some(disagreement), ..effect }, p, &notes))
        };
        self.over_repeats(propensities.iter().zip(boosted).map(one))
    }

    /// The effect of one doubly robust score, about the population or the sample.
    fn doubly_robust(
        &self,
        label: &Label,
        (e, outcome): (&[f64], &OutcomeValues),
        scores: &Scores,
        weights: Weights,
    ) -> Result<Effect, EstimateError> {
        let effect = label.known(&self.rows, Some(e), scores.clone())?;
        if self.params.inference == Inference::Population {
            return Ok(effect);
        }
        self.refuse_clusters(label.estimator)?;
        let std_error = conditional::standard_error(&self.rows, e, outcome, label.target, weights);
        let std_error = conditional::at_least(effect.std_error, label.target, std_error);
        Uncertainty { method: SeMethod::Conditional, std_error, inference: Inference::Sample }.of(&self.rows, effect)
    }

    fn over_repeats(
        &self,
        effects: impl Iterator<Item = Result<Effect, EstimateError>>,
    ) -> Result<Effect, EstimateError> {
        let folds = self.params.folds;
        let effects: Vec<Effect> = effects.collect::<Result<_, _>>()?;
        let none = EstimateError::Folds { folds, smallest: 0 };
        let mut effect = repeats::median(effects, self.rows.critical).ok_or(none)?;
        self.known_note(&mut effect);
        checked(effect)
    }
}

/// The effect with what happened to its nuisances.
fn annotated(mut effect: Effect, propensities: &Propensities, notes: &[String]) -> Effect {
    effect.clipped += propensities.clipped;
    effect.notes.extend(propensities.notes.iter().chain(notes).cloned());
    effect
}

/// The share ω of the first of two estimates with these variances; one half where neither has any.
fn share([first, second]: [f64; 2]) -> f64 {
    let total = first + second;
    if total > 0.0 { second / total } else { 0.5 }
}

/// Two estimates of the same thing, the first with share ω.
fn average(a: &Scores, b: &Scores, share: f64) -> Scores {
    let mix = |a: f64, b: f64| share * a + (1.0 - share) * b;
    Scores {
        estimate: mix(a.estimate, b.estimate),
        mean_treated: mix(a.mean_treated, b.mean_treated),
        mean_control: mix(a.mean_control, b.mean_control),
        phi: a.phi.iter().zip(&b.phi).map(|(a, b)| mix(*a, *b)).collect(),
        slope_propensity: None,
        slope_outcome: None,
    }
}
