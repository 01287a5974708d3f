//! Balance, overlap, placebo effects, E-value, tipping point and robustness values against the reference values in tests/fixtures/parity,
//! whose README names the R and Python package behind each. Every key of these families must be recognised and compared.
//!
//! Propensities and entropy-balancing weights are rebuilt from the reference coefficients, so that a failure here is a
//! failure of a diagnostic and not of a model fit.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

use causal::arm::Arm;
use causal::diagnose::balance::{BalanceRow, BalanceTable, BalanceTerm, balance};
use causal::diagnose::overlap::overlap;
use causal::diagnose::placebo::{DeclaredPlacebo, PlaceboParams, placebo_effects};
use causal::diagnose::sensitivity::e_value::{RiskRatio, tipping_bias};
use causal::diagnose::sensitivity::regression::TreatmentRegression;
use causal::diagnose::sensitivity::robustness::Bound;
use causal::diagnose::sensitivity::sensitivity;
use causal::effect::{Effect, SeMethod};
use causal::estimand::{Estimand, OutcomeKind, Population, Target};
use causal::estimator::EstimatorKind;
use causal::learners::logistic::LogisticParams;
use causal::numerics::distributions::Z_975;
use causal::numerics::weighted_moments;
use causal::params::EstimateParams;
use causal::sample::{Covariates, Sample};
use causal::scale::Scale;
use ndarray::{Array1, Array2};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Cases with balance, overlap and sensitivity values; the placebo cases have none.
const CASES: [&str; 6] = ["nhefs", "lalonde_lin8", "lalonde_ix10", "nsw_lin8", "tiny_sat", "tiny_xz"];

struct Expected {
    value: f64,
    tol_rel: f64,
    tol_abs: f64,
}

struct Case {
    name: &'static str,
    sample: Sample,
    expected: BTreeMap<String, Expected>,
    /// n propensities and their logits, from the reference coefficients.
    e: Array1<f64>,
    logit: Array1<f64>,
}

fn fixture(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/parity").join(path)
}

fn json(path: &str) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(fixture(path)).expect(path)).expect(path)
}

impl Case {
    fn load(name: &'static str) -> Self {
        let sample = read_design(name);
        let document = json(&format!("expected/{name}.json"));
        let number = |v: &serde_json::Value, key: &str| v[key].as_f64().expect("a number");
        let expected: BTreeMap<String, Expected> = document["values"]
            .as_object()
            .expect("values")
            .iter()
            .filter(|(_, v)| !v["value"].is_null())
            .map(|(key, v)| {
                assert_eq!(v["status"], "verified", "{key}");
                let [value, tol_rel, tol_abs] = ["value", "tol_rel", "tol_abs"].map(|k| number(v, k));
                (key.clone(), Expected { value, tol_rel, tol_abs })
            })
            .collect();
        let at = |term: &str| expected[&format!("propensity.coef.{term}")].value;
        let cov = sample.covariates();
        let slopes: Array1<f64> = cov.names().iter().map(|n| at(n)).collect();
        let logit = cov.x().dot(&slopes) + at("(Intercept)");
        let e = logit.mapv(|u| 1.0 / (1.0 + (-u).exp()));
        Self { name, sample, expected, e, logit }
    }

    fn cov(&self) -> &Covariates {
        self.sample.covariates()
    }

    fn value(&self, key: &str) -> f64 {
        self.expected.get(key).unwrap_or_else(|| panic!("{}: no {key}", self.name)).value
    }

    /// Compares every key that starts with `prefix`; `got` must know all of them.
    fn compare(&self, prefix: &str, mut got: impl FnMut(&str) -> f64) -> usize {
        let keys: Vec<&String> = self.expected.keys().filter(|k| k.starts_with(prefix)).collect();
        let mut wrong = Vec::new();
        for key in &keys {
            let Expected { value, tol_rel, tol_abs } = self.expected[*key];
            let number = got(key);
            // The stated rule: |x - value| <= tol_rel |value| + tol_abs.
            if number.is_nan() || (number - value).abs() > tol_rel * value.abs() + tol_abs {
                wrong.push(format!(
                    "{}: {key} is {number:e}, expected {value:e} (rel {tol_rel}, abs {tol_abs})",
                    self.name
                ));
            }
        }
        assert!(wrong.is_empty(), "{} of {} values differ\n{}", wrong.len(), keys.len(), wrong.join("\n"));
        keys.len()
    }

    fn weights(&self, set: &str) -> Array1<f64> {
        match set {
            "unweighted" => Array1::ones(self.cov().n()),
            "eb_att" => self.entropy_balancing_weights(),
            "match_largest" => self.matching_weights(),
            target => {
                let target = Target::parse(target).unwrap_or_else(|| panic!("weight set {target}"));
                let arm = |t: f64, e: f64| if t == 1.0 { e } else { 1.0 - e };
                self.cov().treated().iter().zip(&self.e).map(|(t, e)| target.tilt(*e) / arm(*t, *e)).collect()
            }
        }
    }

    /// Treated 1, controls proportional to exp(lambda'x).
    fn entropy_balancing_weights(&self) -> Array1<f64> {
        let lambda: Array1<f64> =
            self.cov().names().iter().map(|n| self.value(&format!("eb.att.lambda.{n}"))).collect();
        let exponent = self.cov().x().dot(&lambda);
        let largest = exponent.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weight = |(t, u): (&f64, &f64)| if *t == 1.0 { 1.0 } else { (u - largest).exp() };
        self.cov().treated().iter().zip(&exponent).map(weight).collect()
    }

    /// 1:1 nearest neighbours on the logit without replacement: treated by logit rounded to 9 digits, largest first, then
    /// row order; controls within 1e-9 of the smallest distance are tied and the lowest row wins. 1 for matched units.
    fn matching_weights(&self) -> Array1<f64> {
        let in_arm = |t: f64| (0..self.cov().n()).filter(move |i| self.cov().treated()[*i] == t);
        let mut treated: Vec<usize> = in_arm(1.0).collect();
        let rounded = |i: usize| (self.logit[i] * 1e9).round_ties_even();
        treated.sort_by(|a, b| rounded(*b).total_cmp(&rounded(*a)).then(a.cmp(b)));
        let mut free: Vec<usize> = in_arm(0.0).collect();
        let mut matched = Array1::zeros(self.cov().n());
        for i in treated {
            let distance = |j: &usize| (self.logit[*j] - self.logit[i]).abs();
            let nearest = free.iter().map(distance).fold(f64::INFINITY, f64::min);
            let Some(place) = free.iter().position(|j| distance(j) <= nearest + 1e-9) else { break };
            matched[i] = 1.0;
            matched[free.remove(place)] = 1.0;
        }
        matched
    }
}

fn read_design(name: &str) -> Sample {
    let text = std::fs::read_to_string(fixture(&format!("design/{name}.csv"))).expect(name);
    let mut lines = text.lines();
    let names: Vec<String> = lines.next().expect("header").split(',').skip(2).map(str::to_owned).collect();
    let rows: Vec<Vec<f64>> = lines.map(|l| l.split(',').map(|v| v.parse().expect("a number")).collect()).collect();
    let x = Array2::from_shape_fn((rows.len(), names.len()), |(i, j)| rows[i][j + 2]);
    let column = |j: usize| rows.iter().map(|r| r[j]).collect::<Array1<f64>>();
    let cov = Covariates::new(x, names, column(0), None).expect("covariates");
    Sample::new(cov, column(1)).expect("sample")
}

#[test]
fn balance_of_every_term_under_every_weighting() {
    for name in CASES {
        let case = Case::load(name);
        for set in ["unweighted", "ate", "att", "ato", "eb_att", "match_largest"] {
            let weights = case.weights(set);
            let table = balance(case.cov(), &weights, &BalanceTerm::all(case.cov())).expect("balance");
            let prefix = format!("balance.{set}.");
            let compared = case.compare(&prefix, |key| balance_value(&case, &table, &weights, &key[prefix.len()..]));
            assert!(compared >= 5 + 4 * case.cov().p(), "{name} {set}: only {compared} values");
        }
    }
}

fn balance_value(case: &Case, table: &BalanceTable, weights: &Array1<f64>, key: &str) -> f64 {
    let (term, what) = key.rsplit_once('.').expect("term.statistic");
    if term == "summary" {
        return balance_summary(case, table, weights, what);
    }
    let row = table.rows.iter().find(|r| r.term == term).unwrap_or_else(|| panic!("no row for {term}"));
    match what {
        "mean1" => row.mean_treated_after,
        "mean0" => row.mean_control_after,
        "smd_pooled" => row.smd_after.expect("an SMD"),
        "smd_treated" => smd_treated(row),
        "smd_pooled_pq" => {
            let (p1, p0) = (row.mean_treated_after, row.mean_control_after);
            (p1 - p0) / ((p1 * (1.0 - p1) + p0 * (1.0 - p0)) / 2.0).sqrt()
        }
        "var_ratio" => row.variance_ratio_after.expect("two variances"),
        "ks" => row.ks_after,
        other => panic!("unknown balance statistic {other}"),
    }
}

/// The table standardises by the pooled SD; with the variance ratio r before weighting, that is SD₁·√((1 + 1/r)/2).
fn smd_treated(row: &BalanceRow) -> f64 {
    let ratio = row.variance_ratio_before.expect("two variances");
    row.smd_after.expect("an SMD") * ((1.0 + 1.0 / ratio) / 2.0).sqrt()
}

fn balance_summary(case: &Case, table: &BalanceTable, weights: &Array1<f64>, what: &str) -> f64 {
    let sizes: Vec<f64> = table.rows.iter().filter_map(|r| r.smd_after).map(f64::abs).collect();
    let report = || overlap(&case.e, case.cov(), Target::Att, weights).expect("overlap");
    match what {
        "max_abs_smd_pooled" => table.max_all_after.expect("an SMD"),
        "mean_abs_smd_pooled" => sizes.iter().sum::<f64>() / sizes.len() as f64,
        "n_above_0_1" => sizes.iter().filter(|s| **s > 0.1).count() as f64,
        "ess_treated" => report().ess_treated,
        "ess_control" => report().ess_control,
        other => panic!("unknown summary {other}"),
    }
}

#[test]
fn overlap_in_everyone_the_treated_and_the_controls() {
    for name in CASES {
        let case = Case::load(name);
        let report = |target| overlap(&case.e, case.cov(), target, &case.weights("ate")).expect("overlap");
        let [all, treated, control] = [Target::Ate, Target::Att, Target::Atc].map(report);
        let in_arm = |arm: Arm| {
            let units = case.e.iter().zip(case.cov().treatment()).filter(move |(_, t)| **t == arm);
            units.map(|(e, _)| *e)
        };
        let (n1, n0) = (case.cov().n_treated() as f64, case.cov().n_control() as f64);
        let compared = case.compare("overlap.", |key| match key.trim_start_matches("overlap.") {
            "share_outside_01_09_all" => all.share_outside,
            "share_outside_01_09_treated" => treated.share_outside,
            "share_outside_01_09_control" => control.share_outside,
            "n_outside_all" => (all.n_below + all.n_above) as f64,
            "n_outside_treated" => (treated.share_outside * n1).round(),
            "n_outside_control" => (control.share_outside * n0).round(),
            "n_below_01" => all.n_below as f64,
            "n_above_09" => all.n_above as f64,
            "n_treated_above_max_control" => {
                in_arm(Arm::Treated).filter(|e| in_arm(Arm::Control).all(|c| c < *e)).count() as f64
            }
            "n_control_below_min_treated" => {
                in_arm(Arm::Control).filter(|e| in_arm(Arm::Treated).all(|t| t > *e)).count() as f64
            }
            other => panic!("unknown overlap statistic {other}"),
        });
        assert_eq!(compared, 10, "{name}");
        assert_eq!(all.share_outside, all.share_outside_all);
    }
}

/// Effective sample sizes and weight extremes of `weights.<target>`, through the overlap report of that target.
#[test]
fn effective_sample_sizes_of_every_target() {
    for name in CASES {
        let case = Case::load(name);
        for target in Target::ALL {
            let prefix = format!("weights.{}.ess_", target.key());
            let weights = case.weights(target.key());
            let report = overlap(&case.e, case.cov(), target, &weights).expect("overlap");
            let compared = case.compare(&prefix, |key| match &key[prefix.len()..] {
                "treated" => report.ess_treated,
                "control" => report.ess_control,
                "all" => causal::numerics::sums::kish(weights.iter().copied()),
                other => panic!("unknown size {other}"),
            });
            assert_eq!(compared, 3, "{name} {target:?}");
        }
    }
}

/// Which standard error the reference used for the E-value of an estimator.
fn standard_error(estimator: &str) -> &'static str {
    match estimator.split('.').next() {
        Some("ipw" | "eb") => "se_mest",
        Some("aipw" | "trim") => "se_if",
        Some("om") => "se_classical",
        other => panic!("unknown estimator {other:?}"),
    }
}

#[test]
fn e_values_and_tipping_points_of_every_estimator() {
    for name in CASES {
        let case = Case::load(name);
        let sd =
            weighted_moments::variance(&case.sample.y().to_vec(), &vec![1.0; case.cov().n()]).expect("varies").sqrt();
        let estimate = |key: &str| {
            let (estimator, what) = key.split_once('.').and_then(|(_, k)| k.rsplit_once('.')).expect("estimator");
            let estimate = case.value(&format!("{estimator}.est"));
            let std_error = case.value(&format!("{estimator}.{}", standard_error(estimator)));
            (estimate, std_error, what.to_owned())
        };
        let compared = case.compare("evalue.", |key| {
            let (estimate, std_error, what) = estimate(key);
            let ratio = RiskRatio::from_difference(estimate, Z_975 * std_error, sd).expect("a risk ratio");
            match what.as_str() {
                "rr" => ratio.estimate,
                "rr_lo" => ratio.lower,
                "rr_hi" => ratio.upper,
                "evalue" => ratio.e_value(),
                "evalue_ci" => ratio.e_value_ci(),
                other => panic!("unknown {other}"),
            }
        });
        assert_eq!(compared, 65, "{name}");
        let compared = case.compare("tipping.", |key| match estimate(key) {
            (estimate, _, what) if what == "bias_point" => estimate,
            (estimate, std_error, _) => tipping_bias(estimate, Z_975 * std_error),
        });
        assert_eq!(compared, 26, "{name}");
    }
}

/// Benchmark name to the columns of its terms: `sex_1`, `group_wt71`.
fn benchmarks(case: &Case) -> BTreeMap<String, Vec<usize>> {
    let declared = &json("cases.json")[case.name]["benchmarks"];
    let column = |v: &serde_json::Value| {
        let name = v.as_str().expect("a term");
        case.cov().names().iter().position(|n| n == name).unwrap_or_else(|| panic!("no term {name}"))
    };
    let single = declared["single"].as_array().into_iter().flatten();
    let group = declared["group"].as_object().into_iter().flatten();
    single
        .map(|v| (v.as_str().expect("a term").to_owned(), vec![column(v)]))
        .chain(group.map(|(name, terms)| {
            (format!("group_{name}"), terms.as_array().expect("terms").iter().map(column).collect())
        }))
        .collect()
}

#[test]
fn robustness_values_and_benchmark_bounds() {
    for name in CASES.into_iter().filter(|n| *n != "tiny_sat") {
        let case = Case::load(name);
        let regression = TreatmentRegression::fit(&case.sample).expect("regression");
        let c = regression.coefficient;
        let groups = benchmarks(&case);
        let compared = case.compare("sens.", |key| match key.trim_start_matches("sens.") {
            "partial_r2_treatment" => c.partial_r2(),
            "f2_treatment" => c.cohen_f().powi(2),
            "rv_q1" => c.rv_q1(),
            "rv_q1_alpha05" => c.rv_q1_alpha(0.05).expect("critical value"),
            bound => bound_value(&regression, &groups, bound.trim_start_matches("bound.")),
        });
        assert!(compared >= 29, "{name}: only {compared} values");
    }
}

fn bound_value(regression: &TreatmentRegression, groups: &BTreeMap<String, Vec<usize>>, key: &str) -> f64 {
    let parts: Vec<&str> = key.split('.').collect();
    let strength = regression.strength(&groups[parts[0]]).expect("strength");
    let (k, what) = match parts[1..] {
        ["r2dxj_x"] => return strength.r2_treatment,
        ["r2yxj_dx"] => return strength.r2_outcome,
        [k, what] => (k.trim_start_matches('k').parse().expect("k"), what),
        _ => panic!("unknown bound {key}"),
    };
    let bound = Bound::benchmark(strength.r2_treatment, strength.r2_outcome, k).expect("attainable");
    let c = regression.coefficient;
    let estimate = c.adjusted_estimate(bound.r2_treatment, bound.r2_outcome);
    // The standard error that a regression with the confounder would have.
    let inflation = (1.0 - bound.r2_outcome) / (1.0 - bound.r2_treatment) * c.df / (c.df - 1.0);
    let std_error = c.std_error * inflation.sqrt();
    let half_width = causal::numerics::distributions::t_quantile(0.975, c.df).expect("quantile") * std_error;
    match what {
        "r2dz_x" => bound.r2_treatment,
        "r2yz_dx" => bound.r2_outcome,
        "adj_estimate" => estimate,
        "adj_se" => std_error,
        "adj_t" => estimate / std_error,
        "adj_ci_lo" => estimate - half_width,
        "adj_ci_hi" => estimate + half_width,
        other => panic!("unknown bound value {other}"),
    }
}

/// The reference omits bounds that would need an R² of one or more: exactly those are not attainable here.
#[test]
fn bounds_are_attainable_exactly_where_the_reference_has_them() {
    let mut omitted = 0;
    for name in CASES.into_iter().filter(|n| *n != "tiny_sat") {
        let case = Case::load(name);
        let regression = TreatmentRegression::fit(&case.sample).expect("regression");
        for (benchmark, columns) in benchmarks(&case) {
            let strength = regression.strength(&columns).expect("strength");
            for k in [1.0, 2.0, 3.0] {
                let bound = Bound::benchmark(strength.r2_treatment, strength.r2_outcome, k);
                let there = case.expected.contains_key(&format!("sens.bound.{benchmark}.k{k}.r2dz_x"));
                assert_eq!(bound.is_some(), there, "{name} {benchmark} k = {k}");
                omitted += usize::from(!there);
            }
        }
    }
    assert!(omitted > 0, "the fixtures contain bounds that cannot be attained");
}

fn effect(estimate: f64, std_error: f64, n: usize, n_treated: usize) -> Effect {
    Effect {
        estimand: Estimand { target: Target::Att, population: Population::All },
        estimator: EstimatorKind::Aipw,
        scale: Scale::Difference,
        estimate,
        std_error,
        se_method: SeMethod::InfluenceFunction,
        se_influence: Some(std_error),
        se_stacked: None,
        ci_lower: estimate - 1.959963984540054 * std_error,
        ci_upper: estimate + 1.959963984540054 * std_error,
        mean_treated: None,
        mean_control: None,
        n,
        n_treated,
        ess_treated: n_treated as f64,
        ess_control: (n - n_treated) as f64,
        inference: causal::estimand::Inference::Population,
        disagreement: None,
        clipped: 0,
        repeats: 1,
        notes: Vec::new(),
    }
}

/// The whole report, as the pipeline asks for it.
#[test]
fn the_report_of_nhefs() {
    let case = Case::load("nhefs");
    let (estimate, std_error) = (case.value("aipw.att.est"), case.value("aipw.att.se_if"));
    let groups: Vec<_> = benchmarks(&case).into_iter().collect();
    let effect = effect(estimate, std_error, case.cov().n(), case.cov().n_treated());
    let report = sensitivity(
        &case.sample,
        &groups,
        &effect,
        &ndarray::Array1::ones(case.sample.covariates().n()),
        OutcomeKind::Continuous,
    )
    .expect("report");
    let close = |got: f64, key: &str| assert!((got / case.value(key) - 1.0).abs() < 1e-9, "{key}: {got}");
    close(report.e_value, "evalue.aipw.att.evalue");
    close(report.e_value_ci, "evalue.aipw.att.evalue_ci");
    close(report.tipping_bias, "tipping.aipw.att.bias_ci");
    close(report.regression_estimate, "om.pooled.est");
    close(report.regression_std_error, "om.pooled.se_classical");
    close(report.regression_df, "om.pooled.df");
    close(report.rv_q1, "sens.rv_q1");
    close(report.rv_q1_alpha05, "sens.rv_q1_alpha05");
    assert!(report.benchmarks_unattainable.is_empty());
    assert_eq!(report.benchmarks.len(), groups.len());
    for b in &report.benchmarks {
        close(b.adjusted_estimate, &format!("sens.bound.{}.k1.adj_estimate", b.confounder));
        // None of them is as strong as the robustness value, and indeed none changes the sign.
        assert!(b.equivalent_rv < report.rv_q1 && b.adjusted_estimate > 0.0, "{b:?}");
    }
}

/// The parent outcome's pre-treatment value as a placebo, with every term of it left out of the design.
#[test]
fn placebo_effects_of_every_placebo_case() {
    for name in ["placebo_nhefs", "placebo_lalonde_lin8", "placebo_lalonde_ix10"] {
        let case = Case::load(name);
        let declared = [DeclaredPlacebo {
            column: "before".into(),
            role: "placebo_outcome".into(),
            values: case.sample.y().clone(),
        }];
        let estimators = [(EstimatorKind::Aipw, "aipw.{}"), (EstimatorKind::IpwHajek, "ipw.{}.hajek")];
        for (estimator, pattern) in estimators {
            for target in [Target::Ate, Target::Att, Target::Atc] {
                let prefix = pattern.replace("{}", target.key());
                let report = placebo_effects(case.cov(), &declared, target, &placebo_params(estimator));
                let effect = report.effects.first().unwrap_or_else(|| panic!("{name} {prefix}: {report:?}"));
                assert_eq!(case.compare(&format!("{prefix}.est"), |_| effect.estimate), 1);
                assert_eq!(case.compare(&format!("{prefix}.se_mest"), |_| effect.std_error), 1);
                let standardised = effect.estimate / case.value("sample.sd_y");
                assert!((effect.standardised / standardised - 1.0).abs() < 1e-9);
                assert_eq!((effect.p_holm, report.not_applicable), (effect.p_value, None));
            }
        }
    }
}

fn placebo_params(estimator: EstimatorKind) -> PlaceboParams {
    let (population, outcome) = (Population::All, OutcomeKind::Continuous);
    let logistic = LogisticParams::default();
    PlaceboParams {
        estimator,
        estimate: EstimateParams {
            population,
            outcome,
            folds: 2,
            seed: 0,
            logistic,
            models: Default::default(),
            inference: Default::default(),
        },
    }
}
