//! Every estimator against the reference values: point estimates, standard errors, arm means.

#![allow(clippy::unwrap_used, clippy::panic)] // a failed helper should fail its test

use crate::parity_design::{CASES, Case};
use causal::design::trim;
use causal::effect::Effect;
use causal::error::EstimateError;
use causal::estimand::Inference;
use causal::estimand::{Estimand, OutcomeKind, Population, Target, TrimRule};
use causal::estimate::{Fluctuation, KnownNuisances, effect_with_known};
use causal::estimator::EstimatorKind;
use causal::estimator::NuisanceModels;
use causal::learners::linear;
use causal::learners::logistic::LogisticParams;
use causal::nuisance::Nuisances;
use causal::params::EstimateParams;
use ndarray::Axis;

pub fn params() -> EstimateParams {
    EstimateParams {
        population: Population::All,
        outcome: OutcomeKind::Continuous,
        folds: 5,
        seed: 1,
        logistic: LogisticParams::default(),
        models: NuisanceModels::default(),
        inference: Inference::Population,
    }
}

fn check_interval(case: &Case, key: &str, effect: &Effect) {
    case.check(&format!("{key}.ci_lo"), effect.ci_lower);
    case.check(&format!("{key}.ci_hi"), effect.ci_upper);
}

#[test]
fn inverse_propensity_weighting_every_target() {
    for name in CASES {
        let case = Case::load(name);
        let nuisances = Nuisances::new(&case.sample, &params()).unwrap();
        for target in Target::ALL {
            let hajek = nuisances.effect(EstimatorKind::IpwHajek, target).unwrap();
            let key = format!("ipw.{}.hajek", target.key());
            case.check(&format!("{key}.est"), hajek.estimate);
            case.check(&format!("{key}.mean1"), hajek.mean_treated.unwrap());
            case.check(&format!("{key}.mean0"), hajek.mean_control.unwrap());
            case.check(&format!("{key}.se_known_hc0"), hajek.se_influence.unwrap());
            case.check(&format!("{key}.se_mest"), hajek.std_error);
            check_interval(&case, &key, &hajek);
            case.check(&format!("weights.{}.ess_treated", target.key()), hajek.ess_treated);
            case.check(&format!("weights.{}.ess_control", target.key()), hajek.ess_control);
            let ht = nuisances.effect(EstimatorKind::IpwHt, target).unwrap();
            let key = format!("ipw.{}.ht", target.key());
            case.check(&format!("{key}.est"), ht.estimate);
            case.check(&format!("{key}.se_known"), ht.se_influence.unwrap());
            case.check(&format!("{key}.se_mest"), ht.std_error);
            check_interval(&case, &key, &ht);
        }
    }
}

#[test]
fn g_formula_and_aipw_where_the_reference_has_them() {
    for name in CASES {
        let case = Case::load(name);
        let nuisances = Nuisances::new(&case.sample, &params()).unwrap();
        for target in [Target::Ate, Target::Att, Target::Atc] {
            let g = nuisances.effect(EstimatorKind::Gformula, target).unwrap();
            let key = format!("om.sep.{}", target.key());
            case.check(&format!("{key}.est"), g.estimate);
            case.check(&format!("{key}.mean1"), g.mean_treated.unwrap());
            case.check(&format!("{key}.mean0"), g.mean_control.unwrap());
            case.check(&format!("{key}.se_mest"), g.std_error);
            check_interval(&case, &key, &g);
            let a = nuisances.effect(EstimatorKind::Aipw, target).unwrap();
            let key = format!("aipw.{}", target.key());
            case.check(&format!("{key}.est"), a.estimate);
            case.check_if_present(&format!("{key}.mean1"), a.mean_treated.unwrap());
            case.check_if_present(&format!("{key}.mean0"), a.mean_control.unwrap());
            case.check(&format!("{key}.se_if"), a.se_influence.unwrap());
            case.check(&format!("{key}.se_mest"), a.std_error);
        }
        assert!(case.checked() >= 3 * 9, "{name}: {}", case.checked());
    }
}

/// Three fluctuations of the ATE; the reference divides the variance by n − 1.
#[test]
fn targeted_maximum_likelihood() {
    let paths = [
        ("weighted2", Fluctuation::Weighted),
        ("clever2", Fluctuation::CleverPair),
        ("clever1", Fluctuation::CleverDifference),
    ];
    let mut checked = 0;
    for name in CASES.into_iter().filter(|n| !n.starts_with("placebo")) {
        let case = Case::load(name);
        let nuisances = Nuisances::new(&case.sample, &params()).unwrap();
        for (label, path) in paths {
            let effect = nuisances.tmle(Target::Ate, path).unwrap();
            let key = |part: &str| format!("tmle.ate.{label}.{part}");
            case.check(&key("est"), effect.estimate);
            case.check(&key("mean1"), effect.mean_treated.unwrap());
            case.check(&key("mean0"), effect.mean_control.unwrap());
            let n = effect.n as f64;
            case.check(&key("se_ic_ddof1"), effect.std_error * (n / (n - 1.0)).sqrt());
        }
        assert_eq!(nuisances.effect(EstimatorKind::Tmle, Target::Ate), nuisances.tmle(Target::Ate, paths[0].1));
        checked += case.checked();
    }
    assert_eq!(checked, 6 * 3 * 4);
}

#[test]
fn naive_difference_and_pooled_regression() {
    for name in CASES {
        let case = Case::load(name);
        let nuisances = Nuisances::new(&case.sample, &params()).unwrap();
        let naive = nuisances.effect(EstimatorKind::Naive, Target::Ate).unwrap();
        case.check("naive.est", naive.estimate);
        case.check("naive.se_welch", naive.std_error);
        case.check("naive.se_hc0", naive.se_influence.unwrap());
        case.check("naive.ci_lo_z", naive.ci_lower);
        case.check("naive.ci_hi_z", naive.ci_upper);
        let pooled = nuisances.effect(EstimatorKind::Regression, Target::Ate).unwrap();
        case.check("om.pooled.est", pooled.estimate);
        case.check("om.pooled.se_classical", pooled.std_error);
        case.check("om.pooled.se_hc0", pooled.se_stacked.unwrap());
    }
}

#[test]
fn linear_learner_reports_every_standard_error_sigma_and_r2() {
    for name in CASES {
        let case = Case::load(name);
        let c = case.sample.covariates();
        let treated = c.treated().view().insert_axis(Axis(1));
        let x = ndarray::concatenate(Axis(1), &[treated, c.x().view()]).unwrap();
        let names: Vec<String> = std::iter::once("t".to_owned()).chain(c.names().iter().cloned()).collect();
        let fit = linear::fit(&x, &names, case.sample.y(), None).unwrap();
        let t = fit.coefficient("t").unwrap();
        case.check("om.pooled.est", t.estimate);
        case.check("om.pooled.t", t.estimate / t.se_classical);
        case.check("om.pooled.se_hc1", t.se_hc1);
        case.check("om.pooled.se_hc2", t.se_hc2.unwrap());
        case.check("om.pooled.se_hc3", t.se_hc3.unwrap());
        case.check("om.pooled.df", fit.df as f64);
        case.check("om.pooled.sigma", fit.sigma);
        case.check("om.pooled.r2", fit.r2.unwrap());
    }
}

fn rules() -> [(&'static str, TrimRule); 2] {
    [("fixed01", TrimRule::Fixed { alpha: 0.1 }), ("crump", TrimRule::CrumpOptimal)]
}

/// Cases in which the reference trims.
fn trimmed_cases() -> impl Iterator<Item = &'static str> {
    CASES.into_iter().filter(|n| !n.starts_with("placebo"))
}

#[test]
fn trimming_without_refitting() {
    let mut checked = 0;
    for name in trimmed_cases() {
        let case = Case::load(name);
        let p = case.propensity();
        let [mu0, mu1] = [0.0, 1.0].map(|arm| arm_predictions(&case, arm));
        for (label, rule) in rules() {
            let keep = trim(&p.e, case.sample.covariates().treatment(), rule, Target::Ate).keep;
            let sample = case.sample.rows(&keep).unwrap();
            let [e, mu1, mu0] = [&p.e, &mu1, &mu0].map(|v| v.select(Axis(0), &keep));
            let known = KnownNuisances { e, mu1, mu0 };
            for target in [Target::Ate, Target::Att] {
                let effect = |kind| {
                    let estimand = Estimand { target, population: Population::Trimmed { trim: rule } };
                    effect_with_known(&sample, &known, kind, estimand).unwrap()
                };
                let key = |s: &str| format!("trim.{label}.norefit.{s}").replace("TARGET", target.key());
                let hajek = effect(EstimatorKind::IpwHajek);
                case.check_if_present(&key("ipw_hajek_TARGET.est"), hajek.estimate);
                case.check_if_present(&key("ipw_hajek_TARGET.se_known_hc0"), hajek.std_error);
                case.check_if_present(&key("ipw_ht_TARGET.est"), effect(EstimatorKind::IpwHt).estimate);
                let aipw = effect(EstimatorKind::Aipw);
                case.check_if_present(&key("aipw_TARGET.est"), aipw.estimate);
                case.check_if_present(&key("aipw_TARGET.se_if"), aipw.std_error);
            }
        }
        checked += case.checked();
    }
    assert_eq!(checked, 6 * 2 * 2 * 5);
}

/// Predictions for every row from the regression of one arm.
fn arm_predictions(case: &Case, arm: f64) -> ndarray::Array1<f64> {
    let c = case.sample.covariates();
    let weights = c.treated().mapv(|t| f64::from(u8::from(t == arm)));
    linear::fit(c.x(), c.names(), case.sample.y(), Some(&weights)).unwrap().fitted
}

#[test]
fn trimming_with_refitting() {
    let mut checked = 0;
    for name in trimmed_cases() {
        let case = Case::load(name);
        let p = case.propensity();
        for (label, rule) in rules() {
            let keep = trim(&p.e, case.sample.covariates().treatment(), rule, Target::Ate).keep;
            let sample = case.sample.rows(&keep).unwrap();
            let nuisances = Nuisances::new(&sample, &params()).unwrap();
            let deficient = case.value(&format!("trim.{label}.refit.arm_rank_deficient")).is_some();
            let refit = nuisances.propensity().unwrap();
            case.check(&format!("trim.{label}.refit.n_terms_aliased_dropped"), refit.dropped_terms.len() as f64);
            for target in [Target::Ate, Target::Att] {
                let hajek = nuisances.effect(EstimatorKind::IpwHajek, target).unwrap();
                let key = format!("trim.{label}.refit.ipw_hajek_{}", target.key());
                case.check(&format!("{key}.est"), hajek.estimate);
                case.check(&format!("{key}.se_known_hc0"), hajek.se_influence.unwrap());
                case.check(&format!("{key}.se_mest"), hajek.std_error);
                let aipw = nuisances.effect(EstimatorKind::Aipw, target);
                if deficient {
                    assert!(matches!(aipw, Err(EstimateError::OutcomeLinear { .. })), "{name} {label}: {aipw:?}");
                    continue;
                }
                let (aipw, key) = (aipw.unwrap(), format!("trim.{label}.refit.aipw_{}", target.key()));
                case.check(&format!("{key}.est"), aipw.estimate);
                case.check(&format!("{key}.se_if"), aipw.se_influence.unwrap());
            }
        }
        checked += case.checked();
    }
    assert!(checked >= 6 * 2 * 7, "{checked}");
}

#[test]
fn saturated_answers_are_the_exact_fractions() {
    let case = Case::load("tiny_sat");
    let nuisances = Nuisances::new(&case.sample, &params()).unwrap();
    for target in Target::ALL {
        let part = |p: &str| case.expected["info"][format!("exact.{}_{p}", target.key())][0].as_f64().unwrap();
        let exact = part("numerator") / part("denominator");
        for kind in [
            EstimatorKind::IpwHajek,
            EstimatorKind::IpwHt,
            EstimatorKind::Gformula,
            EstimatorKind::Aipw,
            EstimatorKind::Tmle,
        ] {
            let estimate = nuisances.effect(kind, target).unwrap().estimate;
            assert!((estimate - exact).abs() < 1e-13, "{kind:?} {target:?}: {estimate} {exact}");
        }
    }
}
