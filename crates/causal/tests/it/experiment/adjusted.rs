//! A/B tests.

use super::{COVARIATES, Design, ROBUST, Units, as_reported, case, close, intercept, name, row};
use causal::experiment::first_stage::FirstStage;
use causal::experiment::relative::{Ratio, RatioSet};
use causal::experiment::sample_ratio::sample_ratio;
use causal::experiment::two_sample::{Sample, cuped, welch};
use causal::experiment::{Fit, Model, VarianceKind};

fn split(units: &Units, column: &str) -> [Vec<f64>; 2] {
    let of =
        |arm: u16| units.columns[column].iter().zip(units.arm()).filter(|(_, a)| *a == arm).map(|(v, _)| *v).collect();
    [of(1), of(0)]
}

#[test]
fn arm_dummies_with_every_variance() {
    let units = Units::reference();
    for metric in ["sales", "minutes", "converted"] {
        let values = case(&format!("ab.dummies.{metric}"))["values"].clone();
        let design = Design::new(&units, &[metric], units.arm(), &[]);
        for kind in [VarianceKind::Iid].into_iter().chain(ROBUST) {
            let fit = design.fit(kind, false);
            let contrasts = [("one", intercept(&fit, 0)), ("t1", fit.average_effect(1)), ("t2", fit.average_effect(2))];
            for (key, contrast) in contrasts {
                let expected = &values[name(kind)][key];
                row(&as_reported(fit.estimate(&contrast, 0), expected), expected);
            }
        }
    }
}

#[test]
fn main_effects_of_covariates_with_every_variance() {
    let units = Units::reference();
    let values = case("ab.ancova")["values"].clone();
    let design = Design::new(&units, &["sales"], units.arm(), &COVARIATES);
    for kind in [VarianceKind::Iid].into_iter().chain(ROBUST) {
        let fit = design.fit(kind, false);
        let mut contrasts =
            vec![("one", intercept(&fit, 6)), ("t1", fit.average_effect(1)), ("t2", fit.average_effect(2))];
        contrasts.extend(COVARIATES.iter().enumerate().map(|(j, name)| (*name, fit.slope(j))));
        for (key, contrast) in contrasts {
            let expected = &values[name(kind)][key];
            row(&as_reported(fit.estimate(&contrast, 0), expected), expected);
        }
    }
}

#[test]
fn interacted_adjustment_is_lins() {
    let units = Units::two_arms();
    let found = case("ab.lin");
    let design = Design::new(&units, &["sales"], units.arm(), &COVARIATES);
    for kind in ROBUST {
        let values = &found["values"][name(kind)];
        let fit = design.fit(kind, true);
        let everyone = units.means(&COVARIATES, &vec![true; units.n()]);
        row(&fit.estimate(&fit.average_effect(1), 0).with_normal(), &values["t1"]);
        row(&fit.estimate(&fit.effect_at(1, &everyone).unwrap(), 0).with_normal(), &values["t1"]);
        row(&fit.estimate(&fit.baseline_at(&everyone).unwrap(), 0).with_normal(), &values["one"]);
        for (j, name) in COVARIATES.iter().enumerate() {
            row(&fit.estimate(&fit.slope(j), 0).with_normal(), &values[format!("{name}_c")]);
            row(&fit.estimate(&fit.interaction(1, j), 0).with_normal(), &values[format!("t1:{name}_c")]);
        }
    }
    let fit = design.fit(VarianceKind::Hc2, true);
    close(fit.superpopulation_variance(&design.rows(), 1, 0), &found["note"]["superpopulation_variance_addition"]);
    let effect = fit.estimate(&fit.average_effect(1), 0);
    close(effect.df, &found["note"]["estimatr_df"]);
    close(effect.p_value(), &found["note"]["estimatr_p"]);
}

#[test]
fn welch_and_cuped_are_those_of_scipy_and_of_the_engines() {
    let units = Units::two_arms();
    let ([treated, control], [x_treated, x_control]) = (split(&units, "sales"), split(&units, "x_pre"));
    let difference = welch(&Sample::new(&treated).unwrap(), &Sample::new(&control).unwrap());
    row(&difference, &case("ab.welch")["values"]);
    // HC2 of the regression on the arm is the same standard error.
    let fit = Design::new(&units, &["sales"], units.arm(), &[]).fit(VarianceKind::Hc2, false);
    assert!((fit.estimate(&fit.average_effect(1), 0).std_error - difference.std_error).abs() < 1e-14);

    let expected = case("ab.cuped")["values"].clone();
    let adjusted = cuped([&treated, &x_treated], [&control, &x_control]).unwrap();
    close(adjusted.theta, &expected["theta_total"]);
    close(adjusted.effect.estimate, &expected["cuped"]["effect_size"]);
    close(adjusted.effect.p_value(), &expected["cuped"]["pvalue"]);
    let [low, high] = adjusted.effect.interval(0.05).unwrap();
    close(low, &expected["cuped"]["effect_size_ci_lower"]);
    close(high, &expected["cuped"]["effect_size_ci_upper"]);
}

#[test]
fn lift_by_the_delta_method_and_by_fieller() {
    let units = Units::two_arms();
    let expected = case("ab.relative")["values"].clone();
    let fit = Design::new(&units, &["sales"], units.arm(), &[]).fit(VarianceKind::Hc1, false);
    let ratio = Ratio::new(&fit, &fit.average_effect(1), &intercept(&fit, 0), 0).unwrap();
    row(&ratio.delta_method().unwrap().with_normal(), &expected["delta_method"]);
    let RatioSet::Interval(low, high) = ratio.fieller(1.959_963_984_540_054) else { panic!("an interval") };
    close(low, &expected["fieller_ci"][0]);
    close(high, &expected["fieller_ci"][1]);
}

#[test]
fn several_metrics_in_one_fit_have_a_joint_covariance() {
    let units = Units::reference();
    let expected = case("sur.metrics")["values"].clone();
    let metrics = ["sales", "minutes", "converted"];
    let design = Design::new(&units, &metrics, units.arm(), &COVARIATES);
    let model = Model { joint: true, ..design.model(VarianceKind::Hc0, false) };
    let fit = Fit::new(&design.rows(), &model).unwrap();
    for (a, metric) in metrics.iter().enumerate() {
        for arm in [1, 2] {
            close(fit.estimate(&fit.average_effect(arm), a).estimate, &expected["params"][format!("{metric}_t{arm}")]);
        }
        for b in 0..3 {
            let effect = fit.average_effect(1);
            close(fit.covariance([&effect, &effect], [a, b]).unwrap(), &expected["joint_cov_t1"][a][b]);
            close(fit.residual_covariance([a, b]).unwrap(), &expected["residual_cov_ML"][a][b]);
        }
    }
    // Each alone is the same, and a fit that is not joint does not pretend to know.
    let alone = design.fit(VarianceKind::Hc0, false);
    let effect = alone.average_effect(1);
    assert_eq!(alone.covariance([&effect, &effect], [0, 1]), None);
    assert!(FirstStage::new(&alone, &effect, 0, 1).is_none());
}

#[test]
fn the_sample_ratio_is_a_chi_squared_test() {
    let expected = case("srm.chisq")["values"].clone();
    let found = sample_ratio(&[466, 363, 371], &[0.4, 0.3, 0.3]).unwrap();
    close(found.statistic, &expected["stat"]);
    close(found.p_value, &expected["p"]);
    assert_eq!(found, sample_ratio(&[466, 363, 371], &[4.0, 3.0, 3.0]).unwrap());
    assert!(sample_ratio(&[1, 2], &[1.0]).is_err() && sample_ratio(&[3], &[1.0]).is_err());
    assert!(sample_ratio(&[1, 2], &[0.0, 1.0]).is_err() && sample_ratio(&[0, 0], &[0.5, 0.5]).is_err());
}
