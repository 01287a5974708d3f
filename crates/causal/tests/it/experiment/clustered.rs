//! Clusters, weights, and all at once.

use super::{Design, ROBUST, Units, as_reported, case, intercept, name, row};
use causal::experiment::linear_model::Estimated;
use causal::experiment::{ExperimentError, Fit, VarianceKind};

const CLUSTERED: [VarianceKind; 5] =
    [VarianceKind::Cr0, VarianceKind::Cr1, VarianceKind::Cr1s, VarianceKind::Cr2, VarianceKind::Cr3];

#[test]
fn every_clustered_variance_of_least_squares() {
    let units = Units::reference();
    let values = case("cluster.ols")["values"].clone();
    let covariates = ["x_pre", "holiday"];
    let design = Design::new(&units, &["sales_cl"], units.binary("z_cl"), &covariates);
    let design = Design { clusters: Some(units.clusters("cluster_id")), ..design };
    for kind in CLUSTERED {
        let fit = design.fit(kind, false);
        let contrasts = [intercept(&fit, 2), fit.average_effect(1), fit.slope(0), fit.slope(1)];
        let degrees = match kind {
            VarianceKind::Cr2 => fit.satterthwaite(&design.rows(), &design.model(kind, false), &contrasts).unwrap(),
            _ => vec![47.0; 4],
        };
        for ((key, contrast), df) in ["one", "z_cl", "x_pre", "holiday"].iter().zip(&contrasts).zip(degrees) {
            let expected = &values[name(kind)][key];
            row(&as_reported(Estimated { df, ..fit.estimate(contrast, 0) }, expected), expected);
        }
    }
}

/// Rows of one cluster in two arms take the other path through the sums: two cells side by side.
#[test]
fn clusters_that_lie_in_several_arms_are_summed_as_one() {
    let units = Units::reference();
    let design = Design::new(&units, &["sales"], units.arm(), &["x_pre"]);
    let design = Design { clusters: Some(units.clusters("cluster_id")), ..design };
    // A cluster for each row makes CR0 equal to HC0, CR2 to HC2 and CR3 to HC3.
    let single =
        Design { clusters: Some((0..1_200).collect()), ..Design::new(&units, &["sales"], units.arm(), &["x_pre"]) };
    let plain = Design::new(&units, &["sales"], units.arm(), &["x_pre"]);
    for (clustered, robust) in [
        (VarianceKind::Cr0, VarianceKind::Hc0),
        (VarianceKind::Cr2, VarianceKind::Hc2),
        (VarianceKind::Cr3, VarianceKind::Hc3),
    ] {
        let (a, b) = (single.fit(clustered, true), plain.fit(robust, true));
        let [a, b] = [&a, &b].map(|fit| fit.estimate(&fit.average_effect(2), 0).std_error);
        assert!((a - b).abs() < 1e-13, "{clustered:?}: {a} {b}");
    }
    assert!(
        design
            .fit(VarianceKind::Cr2, true)
            .estimate(&plain.fit(VarianceKind::Hc0, true).average_effect(1), 0)
            .std_error
            > 0.0
    );
}

#[test]
fn weights_enter_squared_in_the_meat() {
    let units = Units::reference();
    let values = case("adaptive.ipw")["values"].clone();
    let weights = Some(units.weights("a_ad", "p_ad"));
    let of = |covariates: &[&str], weights: Option<Vec<f64>>| Design {
        weights,
        ..Design::new(&units, &["sales_ad"], units.binary("a_ad"), covariates)
    };
    for kind in ROBUST {
        let fit = of(&["x_pre"], weights.clone()).fit(kind, false);
        for (key, contrast) in [("one", intercept(&fit, 1)), ("a_ad", fit.average_effect(1)), ("x_pre", fit.slope(0))] {
            row(&fit.estimate(&contrast, 0).with_normal(), &values[name(kind)][key]);
        }
    }
    for (key, weights) in [("hajek_no_covariates_HC1", weights.clone()), ("unweighted_biased_no_covariates_HC1", None)]
    {
        let fit = of(&[], weights).fit(VarianceKind::Hc1, false);
        row(&fit.estimate(&fit.average_effect(1), 0).with_normal(), &values[key]["a_ad"]);
    }
}

#[test]
fn instrument_clusters_weights_and_covariates_at_once() {
    let units = Units::reference();
    let values = case("allinone.2sls")["values"].clone();
    let covariates = ["x_pre", "holiday", "weak"];
    let design = Design {
        taken: Some(units.binary("d_all")),
        weights: Some(units.weights("z_all", "p_all")),
        clusters: Some(units.clusters("cluster_id")),
        ..Design::new(&units, &["sales_all"], units.binary("z_all"), &covariates)
    };
    for kind in [VarianceKind::Cr0, VarianceKind::Cr1s] {
        let fit = design.fit(kind, false);
        let mut contrasts = vec![("one", intercept(&fit, 3)), ("d_all", fit.average_effect(1))];
        contrasts.extend(covariates.iter().enumerate().map(|(j, name)| (*name, fit.slope(j))));
        for (key, contrast) in contrasts {
            let expected = &values[name(kind)][key];
            row(&as_reported(fit.estimate(&contrast, 0), expected), expected);
        }
    }
    // Packages disagree on CR2 here, so it is refused.
    let refused = Fit::new(&design.rows(), &design.model(VarianceKind::Cr2, false)).unwrap_err();
    assert_eq!(refused.to_string(), "CR2 is not defined with weights here: packages do not agree on it; use CR1S");
    let unclustered = Design { clusters: None, ..design };
    let refused = Fit::new(&unclustered.rows(), &unclustered.model(VarianceKind::Cr1s, false)).unwrap_err();
    assert!(matches!(refused, ExperimentError::Variance { setting: "without clusters", .. }));
}
