//! Numbers that must never come out.

use super::{COVARIATES, Design, Units, case};
use causal::experiment::VarianceKind;

/// Far enough from a wrong number not to be it, and at the right one.
#[track_caller]
fn right_not_wrong(found: f64, right: &serde_json::Value, wrong: &serde_json::Value) {
    let [right, wrong] = [right, wrong].map(|value| value.as_f64().unwrap());
    assert!((found - right).abs() < 1e-8, "{found} should be {right}");
    assert!((found - wrong).abs() > 1e-4, "{found} is the known wrong number");
}

#[test]
fn standard_errors_use_observed_residuals_and_whole_clusters() {
    let units = Units::reference();
    let values = case("traps")["values"].clone();
    let encouraged = Design {
        taken: Some(units.binary("d_enc")),
        ..Design::new(&units, &["sales_enc"], units.binary("z_enc"), &COVARIATES)
    };
    let fit = encouraged.fit(VarianceKind::Hc1, false);
    let found = fit.estimate(&fit.average_effect(1), 0);
    right_not_wrong(found.std_error, &values["correct_se_HC1"], &values["second_stage_residuals_se_HC1"]);
    right_not_wrong(found.estimate, &values["late_reported_as_ate"], &values["as_treated_ols"]);

    let all = Design {
        taken: Some(units.binary("d_all")),
        weights: Some(units.weights("z_all", "p_all")),
        clusters: Some(units.clusters("cluster_id")),
        ..Design::new(&units, &["sales_all"], units.binary("z_all"), &["x_pre", "holiday", "weak"])
    };
    let fit = all.fit(VarianceKind::Cr1s, false);
    let found = fit.estimate(&fit.average_effect(1), 0);
    right_not_wrong(
        found.std_error,
        &values["allinone_correct_se_CR1S"],
        &values["allinone_second_stage_residuals_se_CR1S"],
    );

    let clustered = Design {
        clusters: Some(units.clusters("cluster_id")),
        ..Design::new(&units, &["sales_cl"], units.binary("z_cl"), &["x_pre", "holiday"])
    };
    let fit = clustered.fit(VarianceKind::Cr1s, false);
    let found = fit.estimate(&fit.average_effect(1), 0);
    right_not_wrong(found.std_error, &values["cluster_correct_se_CR1S"], &values["cluster_ignored_se_HC1"]);
}

/// A LATE is not an ATE: the ATE comes from interacted instruments, and is another number.
#[test]
fn the_ate_is_not_the_late() {
    let units = Units::reference();
    let values = case("traps")["values"].clone();
    let encouraged = Design {
        taken: Some(units.binary("d_enc")),
        ..Design::new(&units, &["sales_enc"], units.binary("z_enc"), &COVARIATES)
    };
    let fit = encouraged.fit(VarianceKind::Hc1, true);
    let found = fit.estimate(&fit.average_effect(1), 0).estimate;
    right_not_wrong(found, &values["ate_interacted"], &values["late_reported_as_ate"]);
}
