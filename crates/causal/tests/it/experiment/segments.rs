//! Effects in segments and over time, from one fit.

use super::{COVARIATES, Design, Units, case, close, row};
use causal::experiment::linear_model::Contrast;
use causal::experiment::relative::Ratio;
use causal::experiment::{Fit, Model, VarianceKind};

fn masks(units: &Units) -> Vec<(&'static str, Vec<bool>)> {
    let mask = |test: &dyn Fn(usize) -> bool| (0..units.n()).map(test).collect::<Vec<bool>>();
    let number = |name: &str, i: usize| units.columns[name][i];
    let is = |name: &str, level: &str, i: usize| units.texts[name][i] == level;
    vec![
        ("all", mask(&|_| true)),
        ("device == 'desktop'", mask(&|i| is("device", "desktop", i))),
        ("holiday == 1", mask(&|i| number("holiday", i) == 1.0)),
        ("device == 'desktop' and holiday == 1", mask(&|i| is("device", "desktop", i) && number("holiday", i) == 1.0)),
        ("econ == 'strong'", mask(&|i| is("econ", "strong", i))),
        ("econ == 'weak'", mask(&|i| is("econ", "weak", i))),
        ("x_pre > 12 or not (x_age < 3)", mask(&|i| number("x_pre", i) > 12.0 || number("x_age", i) >= 3.0)),
    ]
}

#[test]
fn segments_come_from_one_interacted_fit() {
    let units = Units::reference();
    let expected = case("delta.segments")["values"].clone();
    let design = Design::new(&units, &["sales"], units.arm(), &COVARIATES);
    let clustered = Design {
        clusters: Some(units.clusters("cluster_id")),
        ..Design::new(&units, &["sales"], units.arm(), &COVARIATES)
    };
    let (fit, by_cluster) = (design.fit(VarianceKind::Hc1, true), clustered.fit(VarianceKind::Cr1s, true));
    for (segment, mask) in masks(&units) {
        let means = units.means(&COVARIATES, &mask);
        for arm in [1, 2] {
            let row = &expected[format!("t{arm} | {segment}")];
            let (effect, baseline) = (fit.effect_at(arm, &means).unwrap(), fit.baseline_at(&means).unwrap());
            close(fit.estimate(&effect, 0).estimate, &row["est"]);
            close(fit.estimate(&effect, 0).std_error, &row["se_HC1"]);
            close(fit.estimate(&baseline, 0).estimate, &row["baseline"]);
            close(by_cluster.estimate(&by_cluster.effect_at(arm, &means).unwrap(), 0).std_error, &row["se_CR1S"]);
            let relative = Ratio::new(&fit, &effect, &baseline, 0).unwrap().delta_method().unwrap();
            close(relative.estimate, &row["relative"]);
            close(relative.std_error, &row["relative_se_HC1"]);
        }
    }
}

/// A saved fit answers any contrast with the same bits.
#[test]
fn a_fit_that_was_saved_is_the_same_fit() {
    let units = Units::reference();
    let design = Design::new(&units, &["sales", "minutes"], units.arm(), &COVARIATES);
    let fit = design.fit(VarianceKind::Hc3, true);
    let restored = Fit::restore(&fit.save()).unwrap();
    let means = units.means(&COVARIATES, &masks(&units)[1].1);
    for metric in [0, 1] {
        let [found, again] = [&fit, &restored].map(|fit| fit.estimate(&fit.effect_at(2, &means).unwrap(), metric));
        assert_eq!(found, again);
    }
    let mut broken = fit.save();
    broken.coefficients.pop();
    assert!(Fit::restore(&broken).is_err());
    let mut broken = fit.save();
    broken.columns[1].term = Some(99);
    assert!(Fit::restore(&broken).is_err());
    let mut broken = fit.save();
    broken.centre[0] = f64::NAN;
    assert!(Fit::restore(&broken).is_err());
}

/// Two segments have a joint covariance, with which weights of another population are carried.
#[test]
fn the_covariance_of_segments_is_that_of_the_reference() {
    let units = Units::reference();
    let expected = case("project.econ")["values"].clone();
    let fit = Design::new(&units, &["sales"], units.arm(), &COVARIATES).fit(VarianceKind::Hc1, true);
    let masks = masks(&units);
    let effect = |name: &str| -> Contrast {
        let mask = &masks.iter().find(|(segment, _)| *segment == name).unwrap().1;
        fit.effect_at(1, &units.means(&COVARIATES, mask)).unwrap()
    };
    let effects = [effect("econ == 'strong'"), effect("econ == 'weak'")];
    for (i, left) in effects.iter().enumerate() {
        close(fit.estimate(left, 0).estimate, &expected["conditional"][i]);
        for (j, right) in effects.iter().enumerate() {
            close(fit.covariance([left, right], [0, 0]).unwrap(), &expected["conditional_cov_HC1"][i][j]);
        }
    }
}

#[test]
fn effects_by_week_are_clustered_by_unit() {
    let panel = Units::read("panel.csv");
    let expected = case("delta.time")["values"].clone();
    let weeks: Vec<String> = (2..=8).map(|week| format!("w{week}")).collect();
    let mut with_weeks = panel.clone();
    for (week, name) in (2..=8).zip(&weeks) {
        let dummy = panel.columns["week"].iter().map(|w| f64::from(*w == f64::from(week))).collect();
        with_weeks.columns.insert(name.clone(), dummy);
    }
    let names: Vec<&str> = ["x_pre", "desktop"].into_iter().chain(weeks.iter().map(String::as_str)).collect();
    let design = Design::new(&with_weeks, &["sales"], panel.binary("treat"), &names);
    let design = Design { clusters: Some(panel.clusters("unit_id")), ..design };
    let interacted = (0..9).map(|j| j >= 2).collect();
    let model = Model { interacted, ..design.model(VarianceKind::Cr1s, false) };
    let fit = Fit::new(&design.rows(), &model).unwrap();
    let at = |weeks: &dyn Fn(usize) -> f64| {
        let means: Vec<f64> = (0..9).map(|j| if j < 2 { 0.0 } else { weeks(j) }).collect();
        fit.estimate(&fit.effect_at(1, &means).unwrap(), 0)
    };
    for week in 1..=8 {
        row(&at(&|j| f64::from(j == week)), &expected[format!("week {week}")]);
    }
    row(&at(&|_| 0.125), &expected["average"]);
    // The trend is a difference of two weeks: the interaction of the last, over seven.
    let last = fit.estimate(&fit.interaction(1, 8), 0);
    close(last.estimate / 7.0, &expected["(last-first)/(T-1)"]["est"]);
    close(last.std_error / 7.0, &expected["(last-first)/(T-1)"]["se"]);
}

#[test]
fn discrete_covariates_give_the_numbers_of_compressed_packages() {
    let units = Units::reference();
    let values = case("yoco.groups")["values"].clone();
    let covariates = ["x_age", "mobile", "tablet", "holiday", "weak"];
    let plain = Design::new(&units, &["sales"], units.arm(), &covariates);
    let clustered = Design {
        clusters: Some(units.clusters("cluster_id")),
        ..Design::new(&units, &["sales"], units.arm(), &covariates)
    };
    for (design, kind, key) in [(plain, VarianceKind::Hc1, "HC1"), (clustered, VarianceKind::Cr1s, "CR1S")] {
        let fit = design.fit(kind, false);
        for (arm, name) in [(1, "t1"), (2, "t2")] {
            let expected = &values[key][name];
            let found = fit.estimate(&fit.average_effect(arm), 0);
            row(&super::as_reported(found, expected), expected);
        }
    }
}
