//! Encouragement designs.

use super::{COVARIATES, Design, Units, as_reported, case, close, intercept, name, row};
use causal::experiment::first_stage::FirstStage;
use causal::experiment::relative::RatioSet;
use causal::experiment::{Fit, Model, VarianceKind};
use serde_json::Value;

const KINDS: [VarianceKind; 5] =
    [VarianceKind::Iid, VarianceKind::Hc0, VarianceKind::Hc1, VarianceKind::Hc2, VarianceKind::Hc3];

fn encouraged(units: &Units, covariates: &[&str]) -> Design {
    let design = Design::new(units, &["sales_enc"], units.binary("z_enc"), covariates);
    Design { taken: Some(units.binary("d_enc")), ..design }
}

#[test]
fn two_stage_least_squares_with_every_variance() {
    let units = Units::reference();
    for (id, covariates) in [("iv.plain", &COVARIATES[..0]), ("iv.covariates", &COVARIATES[..])] {
        let values = case(id)["values"].clone();
        let design = encouraged(&units, covariates);
        for kind in KINDS {
            let expected = &values[name(kind)];
            let fit = design.fit(kind, false);
            let mut contrasts = vec![("one", intercept(&fit, covariates.len())), ("d_enc", fit.average_effect(1))];
            contrasts.extend(covariates.iter().enumerate().map(|(j, name)| (*name, fit.slope(j))));
            for (key, contrast) in contrasts {
                row(&as_reported(fit.estimate(&contrast, 0), &expected[key]), &expected[key]);
            }
        }
    }
}

#[test]
fn first_stage_wald_and_anderson_rubin() {
    let units = Units::reference();
    let expected = case("iv.itt_first_stage")["values"].clone();
    let design = Design::new(&units, &["sales_enc", "d_enc"], units.binary("z_enc"), &COVARIATES);
    let model = Model { joint: true, ..design.model(VarianceKind::Hc1, false) };
    let fit = Fit::new(&design.rows(), &model).unwrap();
    let assignment = fit.average_effect(1);
    row(&fit.estimate(&assignment, 0).with_normal(), &expected["itt"]);
    row(&fit.estimate(&assignment, 1).with_normal(), &expected["first_stage"]);
    let first = FirstStage::new(&fit, &assignment, 0, 1).unwrap();
    close(first.f, &expected["first_stage_F_HC1"]);
    close(first.wald.unwrap(), &expected["wald"]);
    close(first.wald_std_error.unwrap(), &expected["wald_se_delta"]);
    let RatioSet::Interval(low, high) = first.anderson_rubin(1.959_963_984_540_054) else { panic!("an interval") };
    close(low, &expected["anderson_rubin_ci_HC1"][0]);
    close(high, &expected["anderson_rubin_ci_HC1"][1]);
    let iid = design.fit(VarianceKind::Iid, false);
    let moved = iid.estimate(&iid.average_effect(1), 1);
    close((moved.estimate / moved.std_error).powi(2), &expected["first_stage_F_iid"]);
}

#[test]
fn interacted_instruments_give_the_ate_and_at_the_compliers_the_att() {
    let units = Units::reference();
    let expected = case("iv.late_to_ate")["values"].clone();
    let design = encouraged(&units, &COVARIATES);
    for kind in [VarianceKind::Hc0, VarianceKind::Hc1] {
        let fit = design.fit(kind, true);
        let row_of = &expected["ate_interacted_2sls"][name(kind)];
        row(&as_reported(fit.estimate(&fit.average_effect(1), 0), row_of), row_of);
    }
    let fit = design.fit(VarianceKind::Hc0, true);
    close(fit.superpopulation_variance(&design.rows(), 1, 0), &expected["superpopulation_variance_addition"]);
    let pairs = units.columns["z_enc"].iter().zip(&units.columns["d_enc"]);
    let compliers: Vec<bool> = pairs.map(|(z, d)| *z == 1.0 && *d == 1.0).collect();
    let att = fit.estimate(&fit.effect_at(1, &units.means(&COVARIATES, &compliers)).unwrap(), 0);
    close(att.estimate, &expected["att_complier_delta"]["est"]);
    close(att.std_error, &expected["att_complier_delta"]["se_HC0"]);
    // The LATE is neither of the two, and least squares on the treatment taken up is none of the three.
    let late = design.fit(VarianceKind::Hc1, false);
    close(late.estimate(&late.average_effect(1), 0).estimate, &expected["late_with_covariates"]);
}

/// As-treated least squares is a fit on the treatment as if it had been assigned; nothing gives it under a name of an effect.
#[test]
fn as_treated_is_another_number() {
    let units = Units::reference();
    let expected: Value = case("iv.late_to_ate")["values"]["naive_ols_as_treated"].clone();
    let fit = Design::new(&units, &["sales_enc"], units.binary("d_enc"), &COVARIATES).fit(VarianceKind::Hc1, false);
    row(&fit.estimate(&fit.average_effect(1), 0).with_normal(), &expected);
}
