//! Cross-fitting with learners, BART, the average, clusters, repeats and known propensities.

use crate::design::{KnownPropensity, PropensityModel};
use crate::effect::SeMethod;
use crate::estimand::Inference;
use crate::estimand::OutcomeKind;
use crate::estimand::Population;
use crate::estimate::test_data::{Arrays, close, params};
use crate::estimate::*;
use crate::estimator::NuisanceModels;
use crate::learner_kind::{Effort, LearnerKind};
use crate::learners::logistic::expit;
use crate::nuisance::fits::Nuisances;
use crate::numerics::folds;
use crate::sample::Covariates;
use ndarray::{Array1, Array2};
use rand::RngExt;

const FLEXIBLE: [EstimatorKind; 5] = [
    EstimatorKind::AipwCrossfit,
    EstimatorKind::TmleCrossfit,
    EstimatorKind::Bart,
    EstimatorKind::AipwBart,
    EstimatorKind::DrAverage,
];

fn boosting(outcome: OutcomeKind) -> EstimateParams {
    let (propensity, models) = (LearnerKind::Boosting, LearnerKind::BoostingLinear);
    let models = NuisanceModels { propensity, outcome: models, repeats: 1, effort: Effort::Fast };
    EstimateParams { models, ..params(outcome) }
}

fn all(sample: &Sample, params: &EstimateParams) -> Vec<Effect> {
    let nuisances = Nuisances::new(sample, params).unwrap();
    FLEXIBLE.iter().flat_map(|k| Target::ALL.map(|t| nuisances.effect(*k, t).unwrap())).collect()
}

#[test]
fn the_same_bits_on_one_thread_and_on_three() {
    let a = Arrays::draw(300, OutcomeKind::Continuous);
    let sample = a.sample(None);
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| all(&sample, &boosting(OutcomeKind::Continuous)))
    };
    assert_eq!(on(1), on(3));
}

#[test]
fn every_estimator_finds_the_effect_of_either_kind_of_outcome() {
    // ATE 1 for the number, about 0.2 for the probability; effects are x₁ − x₀ + 1.
    for (outcome, truth) in [(OutcomeKind::Continuous, 1.0), (OutcomeKind::Binary, 0.2)] {
        let a = Arrays::draw(600, outcome);
        for effect in all(&a.sample(None), &boosting(outcome)) {
            let off = (effect.estimate - truth).abs();
            assert!(off < 5.0 * effect.std_error + 0.1, "{effect:?}");
            assert!(effect.std_error > 0.01 && effect.std_error < 0.3, "{effect:?}");
            let (one, zero) = (effect.mean_treated.unwrap(), effect.mean_control.unwrap());
            assert!(close(one - zero, effect.estimate, 1e-9), "{effect:?}");
        }
    }
}

/// A row's own outcome must not matter for its prediction.
#[test]
fn predictions_of_a_fold_do_not_depend_on_its_outcomes() {
    let a = Arrays::draw(200, OutcomeKind::Continuous);
    let sample = a.sample(None);
    let p = boosting(OutcomeKind::Continuous);
    let units = folds::Units { treatment: sample.covariates().treatment(), clusters: None, weights: None };
    let fold = folds::divide(&units, p.folds, p.seed, 0);
    let mut changed = Arrays::draw(200, OutcomeKind::Continuous);
    (0..200).filter(|i| fold[*i] == 1).for_each(|i| changed.y[i] *= -7.0);
    let changed = changed.sample(None);
    let (n, m) = (Nuisances::new(&sample, &p).unwrap(), Nuisances::new(&changed, &p).unwrap());
    let (before, after) = (&n.outcomes().unwrap()[0].values, &m.outcomes().unwrap()[0].values);
    for arm in 0..2 {
        let differ = |k: usize| (0..200).filter(|i| fold[*i] == k && before.mu[arm][*i] != after.mu[arm][*i]).count();
        assert_eq!(differ(1), 0);
        assert!(differ(0) > 0 && differ(2) > 0);
    }
}

#[test]
fn the_average_is_between_its_members_and_their_distance_is_in_its_interval() {
    let a = Arrays::draw(300, OutcomeKind::Continuous);
    let sample = a.sample(None);
    let nuisances = Nuisances::new(&sample, &boosting(OutcomeKind::Continuous)).unwrap();
    for target in Target::ALL {
        let average = nuisances.effect(EstimatorKind::DrAverage, target).unwrap();
        let b = nuisances.effect(EstimatorKind::AipwBart, target).unwrap();
        let disagreement = average.disagreement.unwrap();
        let (e, members) = (&nuisances.propensities().unwrap()[0].e, &nuisances.boosted().unwrap()[0].values);
        let first = crate::estimate::aipw_normalised::scores(&nuisances.rows, e, members, target);
        let v1 = crate::estimate::inference::standard_error(&nuisances.rows, &first.phi).powi(2);
        let v2 = b.std_error.powi(2);
        let expected = (v2 * first.estimate + v1 * b.estimate) / (v1 + v2);
        assert!(close(average.estimate, expected, 1e-12), "{target:?}");
        let v = f64::midpoint(v1, v2) + disagreement.powi(2) / 4.0;
        assert!(close(average.std_error, dr_average::WIDENING * v.sqrt(), 1e-12), "{target:?}");
        assert_eq!((average.se_method, average.inference), (SeMethod::Disagreement, Inference::Population));
    }
    let nuisances = nuisances.about(Inference::Sample);
    let average = nuisances.effect(EstimatorKind::DrAverage, Target::Att).unwrap();
    let (e, members) = (&nuisances.propensities().unwrap()[0].e, &nuisances.boosted().unwrap()[0].values);
    let weights = conditional::Weights::Normalised;
    let own = conditional::standard_error(&nuisances.rows, e, members, Target::Att, weights);
    let other = nuisances.effect(EstimatorKind::AipwBart, Target::Att).unwrap().std_error;
    let v = f64::midpoint(own.powi(2), other.powi(2)) + average.disagreement.unwrap().powi(2) / 4.0;
    assert!(close(average.std_error, dr_average::WIDENING * v.sqrt(), 1e-12));
    // The SATO is defined by a propensity that is estimated.
    let overlap = |n: &Nuisances<'_>| n.effect(EstimatorKind::AipwCrossfit, Target::Ato).unwrap();
    let sample_error = overlap(&nuisances);
    assert!(sample_error.std_error >= sample_error.se_influence.unwrap());
    let a = nuisances.effect(EstimatorKind::AipwCrossfit, Target::Att).unwrap();
    assert_eq!((average.inference, a.se_method), (Inference::Sample, SeMethod::Conditional));
}

/// One member of the average: its scores, and the variance that its interval has.
struct Member {
    scores: Scores,
    variance: f64,
}

/// The members from their own formulas, about the population or the sample. About the SATO a member's variance is that of
/// its influence function, where that is larger.
fn members(nuisances: &Nuisances<'_>, target: Target) -> [Member; 2] {
    let (rows, e) = (&nuisances.rows, &nuisances.propensities().unwrap()[0].e);
    [&nuisances.boosted().unwrap()[0].values, &nuisances.both_arms().unwrap().values].map(|models| {
        let scores = aipw_normalised::scores(rows, e, models, target);
        let influence: f64 = scores.phi.iter().zip(&rows.w).map(|(p, w)| (w * p).powi(2)).sum();
        let influence = influence / rows.total.powi(2);
        let given = conditional::standard_error(rows, e, models, target, conditional::Weights::Normalised).powi(2);
        let variance = match (nuisances.params.inference, target) {
            (Inference::Population, _) => influence,
            (Inference::Sample, Target::Ato) => given.max(influence),
            (Inference::Sample, _) => given,
        };
        Member { scores, variance }
    })
}

/// The module page, written out. The factor is a number here, so that it cannot change unseen.
#[test]
fn the_average_is_its_closed_form_at_both_efforts_and_for_both_inferences() {
    let a = Arrays::draw(160, OutcomeKind::Continuous);
    let sample = a.sample(Some(&a.w));
    for (effort, factor) in [(Effort::Fast, 1.1), (Effort::Thorough, 1.1)] {
        let mut p = boosting(OutcomeKind::Continuous);
        p.models.effort = effort;
        let population = Nuisances::new(&sample, &p).unwrap();
        let about_sample = Nuisances::new(&sample, &p).unwrap().about(Inference::Sample);
        for (nuisances, target) in [&population, &about_sample].into_iter().flat_map(|n| Target::ALL.map(|t| (n, t))) {
            let found = nuisances.effect(EstimatorKind::DrAverage, target).unwrap();
            let by_influence = members(&population, target).map(|member| member.variance);
            let [a, b] = members(nuisances, target);
            let share = by_influence[1] / (by_influence[0] + by_influence[1]);
            assert!((share - 0.5).abs() > 1e-3, "the members are told apart: {share}");
            let mix = |a: f64, b: f64| share * a + (1.0 - share) * b;
            let seen = format!("{effort:?} {:?} {target:?}", nuisances.params.inference);
            assert!(close(found.estimate, mix(a.scores.estimate, b.scores.estimate), 1e-12), "{seen}");
            let treated = mix(a.scores.mean_treated, b.scores.mean_treated);
            assert!(close(found.mean_treated.unwrap(), treated, 1e-12), "{seen}");
            let control = mix(a.scores.mean_control, b.scores.mean_control);
            assert!(close(found.mean_control.unwrap(), control, 1e-12), "{seen}");
            let phi = a.scores.phi.iter().zip(&b.scores.phi).map(|(a, b)| mix(*a, *b));
            let squares: f64 = phi.zip(&nuisances.rows.w).map(|(p, w)| (w * p).powi(2)).sum();
            assert!(close(found.se_influence.unwrap(), squares.sqrt() / nuisances.rows.total, 1e-12), "{seen}");
            let distance = a.scores.estimate - b.scores.estimate;
            assert!(close(found.disagreement.unwrap(), distance.abs(), 1e-12), "{seen}");
            let variance = (a.variance + b.variance) / 2.0 + distance * distance / 4.0;
            let std_error = factor * variance.sqrt();
            assert!(close(found.std_error, std_error, 1e-12), "{seen}: {} against {std_error}", found.std_error);
            let reach = 1.959_963_984_540_054 * std_error;
            assert!(close(found.ci_lower, found.estimate - reach, 1e-12), "{seen}");
            assert!(close(found.ci_upper, found.estimate + reach, 1e-12), "{seen}");
            assert!(found.notes.contains(&Note::Widened { factor }), "{seen}: {:?}", found.notes);
            assert_eq!(found.inference, nuisances.params.inference, "{seen}");
        }
    }
}

#[test]
fn repeats_give_the_median_and_the_first_repeat_is_the_only_one_of_one() {
    let a = Arrays::draw(150, OutcomeKind::Continuous);
    let sample = a.sample(None);
    let with = |repeats, seed| {
        let p = params(OutcomeKind::Continuous);
        let p = EstimateParams { models: NuisanceModels { repeats, ..p.models }, seed, ..p };
        let n = Nuisances::new(&sample, &p).unwrap();
        let first =
            aipw::scores(&n.rows, &n.propensities().unwrap()[0].e, &n.outcomes().unwrap()[0].values, Target::Ate);
        (n.effect(EstimatorKind::AipwCrossfit, Target::Ate).unwrap(), first.estimate)
    };
    let ((one, first), (five, again)) = (with(1, 5), with(5, 5));
    assert_eq!((one.estimate, first), (first, again));
    assert_ne!(one.estimate, five.estimate);
    assert!((one.estimate - five.estimate).abs() < one.std_error);
}

#[test]
fn a_known_propensity_is_used_and_named() {
    let a = Arrays::draw(150, OutcomeKind::Continuous);
    let sample = a.sample(None);
    let e: Array1<f64> = (0..150).map(|i| 0.3 + 0.002 * i as f64).collect();
    let known = PropensityModel::Known(KnownPropensity::new(e.clone(), sample.covariates()));
    let p = params(OutcomeKind::Continuous);
    let nuisances = Nuisances::with_propensity_model(&sample, &p, &known).unwrap();
    let given = KnownNuisances { e, mu1: Array1::zeros(150), mu0: Array1::zeros(150) };
    for target in Target::ALL {
        let estimand = crate::estimand::Estimand { target, population: Population::All };
        let hajek = nuisances.effect(EstimatorKind::IpwHajek, target).unwrap();
        let reference = effect_with_known(&sample, &given, EstimatorKind::IpwHajek, estimand).unwrap();
        assert_eq!((hajek.estimate, hajek.se_influence), (reference.estimate, reference.se_influence));
        // Nothing was estimated, so there is nothing to propagate.
        assert!(close(hajek.std_error, reference.std_error, 1e-12));
        for kind in [EstimatorKind::IpwHajek, EstimatorKind::Aipw, EstimatorKind::Tmle, EstimatorKind::AipwCrossfit] {
            let effect = nuisances.effect(kind, target).unwrap();
            assert!(effect.notes.contains(&Note::PropensityKnown), "{kind:?}: {:?}", effect.notes);
        }
    }
    assert!(nuisances.effect(EstimatorKind::Naive, Target::Ate).unwrap().notes.is_empty());
}

/// Every unit twice, the two in one cluster: as much information as once.
#[test]
fn clustered_errors_see_through_repeated_rows() {
    let a = Arrays::draw(120, OutcomeKind::Continuous);
    let twice: Vec<usize> = (0..120).flat_map(|i| [i, i]).collect();
    let b = a.rows(&twice);
    let clusters: Array1<usize> = twice.iter().copied().collect();
    let plain = b.sample(None);
    let covariates = plain.covariates().clone().with_clusters(clusters).unwrap();
    let clustered = Sample::new(covariates, b.y.clone()).unwrap();
    let p = params(OutcomeKind::Continuous);
    // G/(G − 1) is all that clusters of identical rows add.
    let factor = (120.0_f64 / 119.0).sqrt();
    for kind in [EstimatorKind::IpwHajek, EstimatorKind::Gformula, EstimatorKind::Aipw, EstimatorKind::Tmle] {
        for target in Target::ALL {
            let once = estimate(&a.sample(None), kind, target, &p).unwrap();
            let effect = estimate(&clustered, kind, target, &p).unwrap();
            let naive = estimate(&plain, kind, target, &p).unwrap();
            assert!(close(effect.estimate, once.estimate, 1e-10), "{kind:?} {target:?}");
            assert!(close(effect.std_error, factor * once.std_error, 1e-9), "{kind:?} {target:?}");
            assert!(close(naive.std_error, once.std_error / 2.0_f64.sqrt(), 1e-9), "{kind:?} {target:?}");
            assert_eq!(effect.se_method, SeMethod::Clustered);
        }
    }
    // Out of fold, both copies are predicted by models that saw neither.
    let n = Nuisances::new(&clustered, &p).unwrap();
    let e = &n.propensities().unwrap()[0].e;
    assert!((0..120).all(|i| e[2 * i] == e[2 * i + 1]));
}

#[test]
fn combinations_that_are_not_defined_are_refused_by_name() {
    let a = Arrays::draw(60, OutcomeKind::Continuous);
    let in_clusters = |of: &dyn Fn(usize) -> usize| {
        let c = a.sample(None).covariates().clone().with_clusters((0..60).map(of).collect()).unwrap();
        Sample::new(c, a.y.clone()).unwrap()
    };
    let sample = in_clusters(&|i| i / 4);
    let p = params(OutcomeKind::Continuous);
    for kind in [EstimatorKind::Bart, EstimatorKind::Regression] {
        let error = estimate(&sample, kind, Target::Ate, &p).unwrap_err();
        assert!(error.to_string().contains("with clusters"), "{error}");
    }
    let about = EstimateParams { inference: Inference::Sample, ..p.clone() };
    for kind in [EstimatorKind::Aipw, EstimatorKind::Tmle, EstimatorKind::AipwCrossfit, EstimatorKind::DrAverage] {
        let error = estimate(&sample, kind, Target::Ate, &about).unwrap_err();
        assert!(error == EstimateError::SampleWithClusters { estimator: kind }, "{kind:?}: {error}");
    }
    let error = estimate(&in_clusters(&|i| i / 30), EstimatorKind::AipwCrossfit, Target::Ate, &p).unwrap_err();
    assert_eq!(error, EstimateError::FoldsOfClusters { folds: 3, clusters: 2 });
    // A weighted probit has no sampler here.
    let b = Arrays::draw(60, OutcomeKind::Binary);
    let error = estimate(&b.sample(Some(&b.w)), EstimatorKind::Bart, Target::Ate, &params(OutcomeKind::Binary));
    assert!(error.unwrap_err().to_string().contains("the outcome of both arms could not be fitted"));
}

/// 600 rows of 40 uniform columns: the outcome is the sum of all, or three times the square of the first.
fn weak_or_curved(curved: bool) -> Sample {
    let mut rng = crate::numerics::streams::stream(5, "picked.test");
    let x = Array2::from_shape_fn((600, 40), |_| rng.random::<f64>() * 2.0 - 1.0);
    let index = |i: usize| if curved { 3.0 * x[[i, 0]].powi(2) } else { 0.5 * x.row(i).sum() };
    let t: Array1<f64> = (0..600).map(|i| f64::from(u8::from(rng.random::<f64>() < expit(index(i) - 0.5)))).collect();
    let y: Array1<f64> = (0..600).map(|i| index(i) + t[i] + rng.random::<f64>() - 0.5).collect();
    let names = (0..40).map(|j| format!("x{j}")).collect();
    Sample::new(Covariates::new(x, names, t, None).unwrap(), y).unwrap()
}

/// Many weak columns are a matter for a penalised regression, a square is one for trees: picked for the propensity and
/// the outcome alike, and said where the regression is picked.
#[test]
fn the_learner_is_picked_that_predicts_held_out_rows_better() {
    let either = LearnerKind::BoostingOrRidge;
    let models = NuisanceModels { propensity: either, outcome: either, repeats: 1, effort: Effort::Fast };
    let p = EstimateParams { models, ..params(OutcomeKind::Continuous) };
    for (curved, expected) in [(false, LearnerKind::Ridge), (true, LearnerKind::BoostingLinear)] {
        let sample = weak_or_curved(curved);
        let nuisances = Nuisances::new(&sample, &p).unwrap();
        assert_eq!(nuisances.boosted().unwrap()[0].learner, expected, "curved: {curved}");
        // Out of fold, so the one that was picked is the better one of the two alone.
        let alone = |propensity| {
            let models = NuisanceModels { propensity, ..models };
            let e = Nuisances::new(&sample, &EstimateParams { models, ..p.clone() }).unwrap();
            e.propensities().unwrap()[0].e.clone()
        };
        let picked = &nuisances.propensities().unwrap()[0];
        let [trees, ridge] = [LearnerKind::Boosting, LearnerKind::Ridge].map(alone);
        let loss = |e: &Vec<f64>| {
            let probability = |i: usize| if nuisances.rows.t[i] == 1.0 { e[i] } else { 1.0 - e[i] };
            (0..600).map(|i| -probability(i).ln()).sum::<f64>()
        };
        let better = if loss(&ridge) < loss(&trees) { &ridge } else { &trees };
        assert_eq!(&picked.e, better, "curved: {curved}");
        let said = picked.notes.iter().any(|note| format!("{note:?}").contains("`ridge` was picked over `boosting`"));
        assert_eq!(said, better == &ridge, "curved: {curved}: {:?}", picked.notes);
    }
}

#[test]
fn an_estimator_without_an_interval_about_the_sample_says_so() {
    let a = Arrays::draw(100, OutcomeKind::Continuous);
    let sample = a.sample(None);
    let p = EstimateParams { inference: Inference::Sample, ..params(OutcomeKind::Continuous) };
    let n = Nuisances::new(&sample, &p).unwrap();
    for kind in [EstimatorKind::Naive, EstimatorKind::Regression, EstimatorKind::Gformula, EstimatorKind::IpwHajek] {
        let effect = n.effect(kind, Target::Att).unwrap();
        assert_eq!((effect.inference, effect.notes.len()), (Inference::Population, 1), "{kind:?}");
    }
    for kind in [EstimatorKind::Aipw, EstimatorKind::Tmle, EstimatorKind::AipwCrossfit] {
        let effect = n.effect(kind, Target::Att).unwrap();
        assert_eq!((effect.inference, effect.se_method), (Inference::Sample, SeMethod::Conditional));
        assert!(effect.std_error < effect.se_influence.unwrap() * 1.05, "{kind:?}");
    }
}

#[test]
fn filled_cells_are_filled_again_with_the_mean_outside_the_fold() {
    let a = Arrays::draw(150, OutcomeKind::Continuous);
    let filled: Array1<bool> = (0..150).map(|i| i % 4 == 0).collect();
    let with = |value: f64| {
        let mut x = a.x.clone();
        (0..150).filter(|i| filled[*i]).for_each(|i| x[[i, 1]] = value);
        let c = Arrays { x, ..a.rows(&(0..150).collect::<Vec<_>>()) }.sample(None).covariates().clone();
        let marked =
            c.clone().with_imputed(vec![crate::sample::Imputed { column: 1, filled: filled.clone() }]).unwrap();
        [c, marked].map(|c| Sample::new(c, a.y.clone()).unwrap())
    };
    for p in [params(OutcomeKind::Continuous), boosting(OutcomeKind::Continuous)] {
        let effect = |s: &Sample| estimate(s, EstimatorKind::AipwCrossfit, Target::Ate, &p).unwrap().estimate;
        let [plain, marked] = with(0.0);
        let [other, also_marked] = with(9.0);
        // What the cells were filled with before does not matter once they are known to have been filled.
        assert_eq!(effect(&marked), effect(&also_marked));
        assert_ne!(effect(&plain), effect(&other));
        assert_ne!(effect(&plain), effect(&marked));
    }
    let c = a.sample(None).covariates().clone();
    let error = c.with_imputed(vec![crate::sample::Imputed { column: 3, filled }]).unwrap_err();
    assert!(error.to_string().contains("there are 3 columns"), "{error}");
}
