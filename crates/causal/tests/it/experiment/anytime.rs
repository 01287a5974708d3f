//! Anytime-valid inference.

use super::{Design, ROBUST, Units, case, close, intercept, name};
use causal::experiment::VarianceKind;
use causal::experiment::anytime::{Mixture, Running, narrowest_precision, planned_precision, precision_of_effect};
use causal::experiment::linear_model::Estimated;

const ALPHA: f64 = 0.05;

#[test]
fn e_values_and_sequences_are_those_of_avlm() {
    let units = Units::two_arms();
    let values = case("av.linear_model")["values"].clone();
    let design = Design::new(&units, &["sales"], units.arm(), &["x_pre", "holiday"]);
    for precision in [1.0, 100.0] {
        for kind in [VarianceKind::Iid].into_iter().chain(ROBUST) {
            let expected = &values[format!("g{precision}_{}", name(kind))];
            let fit = design.fit(kind, false);
            let mixture = Mixture { precision, index: 829.0, df: 825.0 };
            close(mixture.radius(ALPHA), &expected["radius_t"]);
            let contrasts = [
                ("one", intercept(&fit, 2)),
                ("t1", fit.average_effect(1)),
                ("x_pre", fit.slope(0)),
                ("holiday", fit.slope(1)),
            ];
            for (key, contrast) in contrasts {
                let (row, estimated) = (&expected["coefs"][key], fit.estimate(&contrast, 0));
                let look = mixture.look(&estimated, ALPHA);
                close(look.log_e, &row["log_e"]);
                close(look.p_value, &row["p"]);
                close(estimated.estimate - look.radius * estimated.std_error, &row["ci"][0]);
                close(estimated.estimate + look.radius * estimated.std_error, &row["ci"][1]);
            }
        }
    }
}

#[test]
fn tuning_is_that_of_the_published_formula() {
    let units = Units::two_arms();
    let values = case("av.tuning")["values"].clone();
    let found = narrowest_precision(829.0, 4.0, ALPHA).unwrap();
    // The optimum is flat: 1e-3 of it is nothing in the radius.
    let expected = values["optimal_g_t"].as_f64().unwrap();
    assert!((found / expected - 1.0).abs() < 1e-3, "{found} {expected}");
    let at = |precision, df| Mixture { precision, index: 829.0, df }.radius(ALPHA);
    close(at(found, 825.0), &values["t_radius_at_optimal"]);
    let planned = planned_precision(829.0, ALPHA).unwrap();
    close(planned, &values["optimal_g_z"]);
    close(829.0 / planned, &values["optimal_n_over_g_z"]);
    for (precision, key) in [(1.0, "z_radius_g1"), (100.0, "z_radius_g100"), (planned, "z_radius_opt")] {
        close(at(precision, f64::INFINITY), &values[key]);
    }
    let design = Design::new(&units, &["sales"], units.arm(), &["x_pre", "holiday"]);
    let fit = design.fit(VarianceKind::Iid, false);
    let joint = fit.joint_test(&[fit.average_effect(1), fit.slope(0), fit.slope(1)], 0).unwrap();
    close(joint.f, &values["F"]["f"]);
    let mixture = Mixture { precision: 1.0, index: 829.0, df: joint.df };
    close(mixture.log_e_of_f(joint.f, 3.0), &values["F"]["log_e"]);
    // From a smallest effect: n·se²/τ², whatever n is.
    assert!((precision_of_effect(400.0, 0.1, 0.2).unwrap() - 100.0).abs() < 1e-12);
    assert!(precision_of_effect(400.0, 0.1, 0.0).is_err() && planned_precision(0.0, ALPHA).is_err());
}

#[test]
fn a_sequence_of_looks_runs_as_published() {
    let units = Units::two_arms();
    let expected = case("av.sequence")["values"].clone();
    let precision = expected["g"].as_f64().unwrap();
    let mut running = Running::default();
    for look in expected["looks"].as_array().unwrap() {
        let n = look["n"].as_u64().unwrap() as usize;
        let first = units.only(&(0..units.n()).map(|i| i < n).collect::<Vec<bool>>());
        let fit = Design::new(&first, &["sales"], first.arm(), &["x_pre", "holiday"]).fit(VarianceKind::Hc1, false);
        let estimated = fit.estimate(&fit.average_effect(1), 0);
        close(estimated.std_error, &look["se"]);
        let found = Mixture { precision, index: n as f64, df: estimated.df }.look(&estimated, ALPHA);
        close(found.radius, &look["radius"]);
        close(found.log_e, &look["log_e"]);
        close(found.p_value, &look["p"]);
        running = running.after(&found, &estimated);
        close(running.p_value, &look["p_running_min"]);
        close(running.lower, &look["ci_running_intersection"][0]);
        close(running.upper, &look["ci_running_intersection"][1]);
    }
}

#[test]
fn clusters_index_the_sequence_in_the_t_form() {
    let values = case("av.clusters")["values"].clone();
    let cases = [("cluster_ols", "cluster.ols", "z_cl"), ("allinone_2sls", "allinone.2sls", "d_all")];
    for (key, source, coefficient) in cases {
        let fitted = case(source)["values"]["CR1S"][coefficient].clone();
        let [estimate, std_error] = ["est", "se"].map(|key| fitted[key].as_f64().unwrap());
        let estimated = Estimated { estimate, std_error, df: 47.0 };
        let precision = planned_precision(48.0, ALPHA).unwrap();
        close(precision, &values[key]["g"]);
        for (form, df) in [("t_form", 47.0), ("z_form", f64::INFINITY)] {
            let expected = &values[key][form];
            let look = Mixture { precision, index: 48.0, df }.look(&estimated, ALPHA);
            close(look.radius, &expected["radius"]);
            close(look.log_e, &expected["log_e"]);
            close(look.p_value, &expected["p"]);
        }
    }
}

/// GrowthBook writes 1/ρ² for g.
#[test]
fn the_asymptotic_form_is_growthbooks() {
    let values = case("av.asymptotic_cs")["values"].clone();
    let [rho2, variance, estimate] = ["rho2", "var", "est"].map(|key| values[key].as_f64().unwrap());
    let mixture = Mixture { precision: 1.0 / rho2, index: 829.0, df: f64::INFINITY };
    let estimated = Estimated { estimate, std_error: variance.sqrt(), df: f64::INFINITY };
    let look = mixture.look(&estimated, ALPHA);
    close(look.radius * estimated.std_error, &values["half_width"]);
    close(look.p_value, &values["p"]);
}
