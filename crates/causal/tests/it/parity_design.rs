//! Propensity, weights, overlap and Crump trimming against the reference values.
//!
//! Also home of [`Case`], which reads the fixtures: the tolerance of each number is the fixture's own.

#![allow(clippy::unwrap_used, clippy::panic)] // a failed helper should fail its test

use causal::arm::Arm;
use causal::design::{Propensity, balancing_weights, crump_optimal, effective_sample_size, fit_propensity, trim};
use causal::estimand::{Target, TrimRule};
use causal::learners::logistic::LogisticParams;
use causal::numerics::quantile::quantiles;
use causal::sample::{Covariates, Sample};
use ndarray::{Array1, Array2};
use std::path::PathBuf;

/// The cases whose designs and expected values travel with the tests.
pub const CASES: [&str; 9] = [
    "nhefs",
    "lalonde_lin8",
    "lalonde_ix10",
    "nsw_lin8",
    "tiny_sat",
    "tiny_xz",
    "placebo_nhefs",
    "placebo_lalonde_lin8",
    "placebo_lalonde_ix10",
];

/// A design with the numbers it must give.
pub struct Case {
    pub name: &'static str,
    pub sample: Sample,
    pub expected: serde_json::Value,
    checked: std::cell::Cell<usize>,
}

impl Case {
    pub fn load(name: &'static str) -> Self {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/parity");
        let csv = std::fs::read_to_string(folder.join(format!("design/{name}.csv"))).unwrap();
        let json = std::fs::read_to_string(folder.join(format!("expected/{name}.json"))).unwrap();
        let mut lines = csv.lines();
        let names: Vec<String> = lines.next().unwrap().split(',').skip(2).map(str::to_owned).collect();
        let cells: Vec<f64> = lines.flat_map(|l| l.split(',')).map(|c| c.parse().unwrap()).collect();
        let all = Array2::from_shape_vec((cells.len() / (names.len() + 2), names.len() + 2), cells).unwrap();
        let x = all.slice(ndarray::s![.., 2..]).as_standard_layout().into_owned();
        let covariates = Covariates::new(x, names, all.column(0).to_owned(), None).unwrap();
        let sample = Sample::new(covariates, all.column(1).to_owned()).unwrap();
        Self { name, sample, expected: serde_json::from_str(&json).unwrap(), checked: 0.into() }
    }

    pub fn value(&self, key: &str) -> Option<f64> {
        self.expected["values"][key]["value"].as_f64()
    }

    /// Holds `x` against the fixture; the key must exist.
    #[track_caller]
    pub fn check(&self, key: &str, x: f64) {
        let entry = &self.expected["values"][key];
        let value = entry["value"].as_f64().unwrap_or_else(|| panic!("{}: no value `{key}`", self.name));
        let tolerance = entry["tol_rel"].as_f64().unwrap() * value.abs() + entry["tol_abs"].as_f64().unwrap();
        assert!(
            (x - value).abs() <= tolerance,
            "{} {key}: {x:e}, expected {value:e}; off by {:e}, allowed {tolerance:e}",
            self.name,
            (x - value).abs(),
        );
        self.checked.set(self.checked.get() + 1);
    }

    /// As [`Case::check`], if the fixture has the key.
    #[track_caller]
    pub fn check_if_present(&self, key: &str, x: f64) {
        if self.value(key).is_some() {
            self.check(key, x);
        }
    }

    pub fn checked(&self) -> usize {
        self.checked.get()
    }

    pub fn propensity(&self) -> Propensity {
        fit_propensity(self.sample.covariates(), &LogisticParams::default()).unwrap()
    }
}

fn of_arm(values: &Array1<f64>, treated: &Array1<f64>, arm: f64) -> Vec<f64> {
    values.iter().zip(treated).filter(|(_, t)| **t == arm).map(|(v, _)| *v).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn propensity_coefficients_errors_fit_and_quantiles() {
    for name in CASES {
        let case = Case::load(name);
        let p = case.propensity();
        let t = case.sample.covariates().treated();
        for c in &p.coefficients {
            case.check(&format!("propensity.coef.{}", c.term), c.estimate);
            case.check(&format!("propensity.se_model.{}", c.term), c.std_error);
        }
        case.check("propensity.loglik", p.info.log_likelihood);
        case.check("propensity.loglik_null", p.info.log_likelihood_null);
        case.check("propensity.auc", p.auc);
        for (i, (e, lp)) in p.e.iter().zip(&p.linear_predictor).take(10).enumerate() {
            case.check(&format!("propensity.fitted.row{}", i + 1), *e);
            case.check(&format!("propensity.linpred.row{}", i + 1), *lp);
        }
        for (group, e) in [("all", p.e.to_vec()), ("treated", of_arm(&p.e, t, 1.0)), ("control", of_arm(&p.e, t, 0.0))]
        {
            let key = |s: &str| format!("propensity.fitted.{group}.{s}");
            let q = quantiles(&e, &[0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0]).unwrap();
            for (label, q) in
                ["min", "q01", "q05", "q10", "q25", "q50", "q75", "q90", "q95", "q99", "max"].iter().zip(q)
            {
                case.check(&key(label), q);
            }
            case.check(&key("mean"), mean(&e));
        }
        assert!(p.info.gradient_norm < 1e-13, "{name}: {}", p.info.gradient_norm);
        assert!(case.checked() >= 2 + 3 + 20 + 36, "{name} checked {}", case.checked());
    }
}

#[test]
fn balancing_weights_and_effective_sizes() {
    for name in CASES {
        let case = Case::load(name);
        let (p, t) = (case.propensity(), case.sample.covariates().treated().clone());
        let arms = case.sample.covariates().treatment();
        for target in Target::ALL {
            let w = balancing_weights(&p.e, arms, target);
            let check = |what: &str, x: f64| case.check(&format!("weights.{}.{what}", target.key()), x);
            check("min", w.iter().copied().fold(f64::INFINITY, f64::min));
            check("max", w.iter().copied().fold(0.0, f64::max));
            check("mean", w.mean().unwrap());
            check("sum_treated", of_arm(&w, &t, 1.0).iter().sum());
            check("sum_control", of_arm(&w, &t, 0.0).iter().sum());
            check("ess_treated", effective_sample_size(&w, arms, Arm::Treated));
            check("ess_control", effective_sample_size(&w, arms, Arm::Control));
        }
        assert_eq!(case.checked(), 28);
    }
}

#[test]
fn crump_threshold_and_who_is_trimmed() {
    for name in CASES.into_iter().filter(|n| !n.starts_with("placebo")) {
        let case = Case::load(name);
        let (p, arms) = (case.propensity(), case.sample.covariates().treatment());
        let crump = crump_optimal(&p.e);
        case.check("crump.alpha", crump.alpha);
        case.check("crump.kept", crump.kept as f64);
        case.check_if_present("crump.gamma", crump.gamma.unwrap_or(f64::NAN));
        case.check_if_present("crump.alpha_lo_same_set", crump.alpha_lo_same_set);
        case.check_if_present("crump.alpha_hi_same_set", crump.alpha_hi_same_set);
        for (label, rule) in [("fixed01", TrimRule::Fixed { alpha: 0.1 }), ("crump", TrimRule::CrumpOptimal)] {
            let trimmed = trim(&p.e, arms, rule, Target::Ate);
            let check = |what: &str, x: usize| case.check(&format!("trim.{label}.{what}"), x as f64);
            check("n_kept", trimmed.keep.len());
            check("n_dropped", arms.len() - trimmed.keep.len());
            check("n_dropped_treated", trimmed.trimmed_treated);
            check("n_dropped_control", trimmed.trimmed_control);
            check("n_kept_treated", trimmed.keep.iter().filter(|i| arms[**i].is_treated()).count());
            case.check(&format!("trim.{label}.alpha"), trimmed.lower);
        }
    }
}

#[test]
fn share_outside_a_tenth_and_nine_tenths() {
    for name in CASES.into_iter().filter(|n| !n.starts_with("placebo")) {
        let case = Case::load(name);
        let p = case.propensity();
        let below = p.e.iter().filter(|e| **e < 0.1).count();
        let above = p.e.iter().filter(|e| **e > 0.9).count();
        case.check("overlap.n_below_01", below as f64);
        case.check("overlap.n_above_09", above as f64);
        case.check("overlap.share_outside_01_09_all", (below + above) as f64 / p.e.len() as f64);
    }
}

#[test]
fn terms_that_trimming_makes_constant_or_aliased_are_dropped_by_name() {
    // After trimming, everyone kept in lalonde_lin8 is Black: `black` is constant, and `hisp` with it.
    let case = Case::load("lalonde_lin8");
    let all = case.propensity();
    let keep = trim(&all.e, case.sample.covariates().treatment(), TrimRule::Fixed { alpha: 0.1 }, Target::Ate).keep;
    let kept = case.sample.covariates().rows(&keep).unwrap();
    let refit = fit_propensity(&kept, &LogisticParams::default()).unwrap();
    assert_eq!(refit.dropped_terms, ["black", "hisp"]);
    case.check("trim.fixed01.refit.n_terms_aliased_dropped", refit.dropped_terms.len() as f64);
    case.check("trim.fixed01.refit.e_min", refit.e.iter().copied().fold(1.0, f64::min));
    case.check("trim.fixed01.refit.e_max", refit.e.iter().copied().fold(0.0, f64::max));
}
