//! Every row of the table of estimators is held against what its estimator does.

use crate::design::{KnownPropensity, PropensityModel};
use crate::estimand::OutcomeKind;
use crate::estimate::test_data::{Arrays, close, params};
use crate::estimate::*;
use crate::estimator::{NuisanceModels, OutcomeFit};
use crate::learner_kind::LearnerKind;
use ndarray::Array1;

const ROWS: usize = 90;

fn arrays(outcome: OutcomeKind) -> Arrays {
    Arrays::draw(ROWS, outcome)
}

fn about(inference: Inference) -> EstimateParams {
    EstimateParams { inference, ..params(OutcomeKind::Continuous) }
}

fn with_models(change: impl FnOnce(&mut NuisanceModels)) -> EstimateParams {
    let mut params = params(OutcomeKind::Continuous);
    change(&mut params.models);
    params
}

fn in_clusters(a: &Arrays) -> Sample {
    let clusters = (0..ROWS).map(|i| i / 3).collect();
    Sample::new(a.sample(None).covariates().clone().with_clusters(clusters).unwrap(), a.y.clone()).unwrap()
}

#[test]
fn clusters_are_refused_by_those_that_take_units_for_independent() {
    let sample = in_clusters(&arrays(OutcomeKind::Continuous));
    let population = Nuisances::new(&sample, &about(Inference::Population)).unwrap();
    for kind in EstimatorKind::ALL {
        let found = population.effect(kind, Target::Ate);
        match kind.facts().clusters {
            ClusterSupport::Population => assert_eq!(found.unwrap().estimator, kind),
            ClusterSupport::Refused { independent, advice, .. } => {
                assert_eq!(found, Err(EstimateError::WithClusters { estimator: kind, independent, advice }));
            }
        }
    }
    let about_sample = population.about(Inference::Sample);
    for kind in EstimatorKind::ALL.into_iter().filter(|k| k.facts().clusters == ClusterSupport::Population) {
        let found = about_sample.effect(kind, Target::Ate);
        if kind.offers(Inference::Sample) {
            assert_eq!(found, Err(EstimateError::SampleWithClusters { estimator: kind }));
        } else {
            assert!(found.unwrap().notes.contains(&Note::PopulationOnly), "{kind:?}");
        }
    }
}

#[test]
fn an_interval_is_about_the_sample_if_that_is_offered() {
    let sample = arrays(OutcomeKind::Continuous).sample(None);
    let nuisances = Nuisances::new(&sample, &about(Inference::Sample)).unwrap();
    for kind in EstimatorKind::ALL {
        let effect = nuisances.effect(kind, Target::Att).unwrap();
        let offered = kind.offers(Inference::Sample);
        assert_eq!(effect.inference == Inference::Sample, offered, "{kind:?}");
        assert_eq!(effect.notes.contains(&Note::PopulationOnly), !offered, "{kind:?}");
        assert!(kind.facts().scales.contains(&effect.scale), "{kind:?}");
    }
}

/// The target is the overlap population, since every estimator that has a propensity uses it there.
#[test]
fn learners_change_the_answer_of_those_that_take_them() {
    let sample = arrays(OutcomeKind::Continuous).sample(None);
    let estimates = |params: &EstimateParams| {
        let nuisances = Nuisances::new(&sample, params).unwrap();
        EstimatorKind::ALL.map(|kind| nuisances.effect(kind, Target::Ato).unwrap().estimate)
    };
    let plain = estimates(&with_models(|_| ()));
    let propensity = estimates(&with_models(|models| models.propensity = LearnerKind::ElasticNet));
    let outcome = estimates(&with_models(|models| models.outcome = LearnerKind::ElasticNet));
    for (i, kind) in EstimatorKind::ALL.into_iter().enumerate() {
        assert_eq!(propensity[i] != plain[i], kind.takes_learners(), "{kind:?}: propensity");
        assert_eq!(outcome[i] != plain[i], kind.takes_outcome_learners(), "{kind:?}: outcome");
    }
}

#[test]
fn repeats_are_those_of_cross_fitting() {
    let sample = arrays(OutcomeKind::Continuous).sample(None);
    let nuisances = Nuisances::new(&sample, &with_models(|models| models.repeats = 2)).unwrap();
    for kind in EstimatorKind::ALL {
        let effect = nuisances.effect(kind, Target::Ate).unwrap();
        assert_eq!(effect.repeats, if kind.is_crossfitted() { 2 } else { 1 }, "{kind:?}");
    }
}

#[test]
fn a_known_propensity_changes_the_answer_of_those_that_use_one() {
    let sample = arrays(OutcomeKind::Continuous).sample(None);
    let params = params(OutcomeKind::Continuous);
    let e: Array1<f64> = (0..ROWS).map(|i| 0.3 + 0.004 * i as f64).collect();
    let known = PropensityModel::Known(KnownPropensity::new(e, sample.covariates()));
    let fitted = Nuisances::new(&sample, &params).unwrap();
    let known = Nuisances::with_propensity_model(&sample, &params, &known).unwrap();
    for kind in EstimatorKind::ALL {
        let changes =
            |target| known.effect(kind, target).unwrap().estimate != fitted.effect(kind, target).unwrap().estimate;
        assert_eq!(changes(Target::Ate), kind.weights_by_propensity(), "{kind:?}");
        assert_eq!(changes(Target::Ato), kind.facts().propensity != PropensityUse::Never, "{kind:?}");
    }
}

#[test]
fn observation_weights_and_both_kinds_of_outcome_are_taken() {
    let a = arrays(OutcomeKind::Continuous);
    let (plain, weighted) = (a.sample(None), a.sample(Some(&a.w)));
    let params_of = params(OutcomeKind::Continuous);
    let (plain, weighted) =
        (Nuisances::new(&plain, &params_of).unwrap(), Nuisances::new(&weighted, &params_of).unwrap());
    let binary = arrays(OutcomeKind::Binary).sample(None);
    let binary = Nuisances::new(&binary, &params(OutcomeKind::Binary)).unwrap();
    for kind in EstimatorKind::ALL {
        let estimate = |nuisances: &Nuisances<'_>| nuisances.effect(kind, Target::Ate).unwrap().estimate;
        assert_eq!(estimate(&weighted) != estimate(&plain), kind.facts().weights, "{kind:?}");
        let takes_binary = kind.facts().outcomes.contains(&OutcomeKind::Binary);
        assert_eq!(binary.effect(kind, Target::Ate).is_ok(), takes_binary, "{kind:?}");
    }
}

/// Exactly where nothing is drawn at random, within a standard error elsewhere: folds and trees are other ones.
#[test]
fn swapping_the_arms_flips_every_sign() {
    let a = arrays(OutcomeKind::Continuous);
    let swapped = Arrays { t: 1.0 - &a.t, ..a.rows(&(0..ROWS).collect::<Vec<_>>()) };
    let (sample, mirror) = (a.sample(None), swapped.sample(None));
    let p = params(OutcomeKind::Continuous);
    let (here, there) = (Nuisances::new(&sample, &p).unwrap(), Nuisances::new(&mirror, &p).unwrap());
    for kind in EstimatorKind::ALL {
        let (u, v) = (here.effect(kind, Target::Ate).unwrap(), there.effect(kind, Target::Ate).unwrap());
        let random = kind.is_crossfitted() || matches!(kind.facts().outcome, OutcomeFit::Own(_));
        let allowed = if random { u.std_error } else { 1e-10 * u.estimate.abs() };
        assert!((u.estimate + v.estimate).abs() <= allowed, "{kind:?}: {} {}", u.estimate, v.estimate);
    }
}

/// By a power of two, so that rounding is the same.
#[test]
fn rescaling_the_outcome_rescales_every_estimate_and_error() {
    let a = arrays(OutcomeKind::Continuous);
    let scaled = Arrays { y: 4.0 * &a.y, ..a.rows(&(0..ROWS).collect::<Vec<_>>()) };
    let (sample, larger) = (a.sample(None), scaled.sample(None));
    let p = params(OutcomeKind::Continuous);
    let (small, large) = (Nuisances::new(&sample, &p).unwrap(), Nuisances::new(&larger, &p).unwrap());
    for kind in EstimatorKind::ALL {
        let (u, v) = (small.effect(kind, Target::Ate).unwrap(), large.effect(kind, Target::Ate).unwrap());
        assert!(close(v.estimate, 4.0 * u.estimate, 1e-9), "{kind:?}: {} {}", u.estimate, v.estimate);
        assert!(close(v.std_error, 4.0 * u.std_error, 1e-9), "{kind:?}: {} {}", u.std_error, v.std_error);
    }
}
