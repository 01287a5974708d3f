//! Invariances and refusals; the simulations are in `coverage`.

use super::{COVARIATES, Design, Units};
use causal::experiment::{ExperimentError, ExperimentRows, Fit, TermValues, VarianceKind};
use ndarray::{Array2, ShapeBuilder};

fn effect(design: &Design, kind: VarianceKind) -> [f64; 2] {
    let fit = design.fit(kind, true);
    let found = fit.estimate(&fit.average_effect(1), 0);
    [found.estimate, found.std_error]
}

#[test]
fn units_of_measurement_and_the_names_of_arms_do_not_matter() {
    let units = Units::two_arms();
    let base = effect(&Design::new(&units, &["sales"], units.arm(), &COVARIATES), VarianceKind::Hc3);
    let mut scaled = Design::new(&units, &["sales"], units.arm(), &COVARIATES);
    scaled.y = scaled.y * 1e6 + 1e9;
    scaled.x = scaled.x * 1e-3 + 5.0;
    let found = effect(&scaled, VarianceKind::Hc3);
    for (found, base) in found.iter().zip(base) {
        assert!((found / 1e6 - base).abs() < 1e-7 * base.abs(), "{found} {base}");
    }
    // Swapping the arms flips the sign.
    let swapped = units.arm().iter().map(|a| 1 - a).collect();
    let found = effect(&Design::new(&units, &["sales"], swapped, &COVARIATES), VarianceKind::Hc3);
    assert!((found[0] + base[0]).abs() < 1e-12 && (found[1] - base[1]).abs() < 1e-12);
}

#[test]
fn the_same_bits_at_any_number_of_threads() {
    let units = Units::reference();
    let design = Design {
        clusters: Some(units.clusters("cluster_id")),
        ..Design::new(&units, &["sales", "minutes"], units.arm(), &COVARIATES)
    };
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| effect(&design, VarianceKind::Cr2).map(f64::to_bits))
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn flags_are_numbers_and_rows_may_be_places_of_a_larger_table() {
    let units = Units::reference();
    let all = Design::new(&units, &["sales"], units.arm(), &["x_pre", "z_enc"]);
    let flags: Vec<bool> = units.columns["z_enc"].iter().map(|v| *v == 1.0).collect();
    let kept: Vec<usize> = (0..units.n()).filter(|row| row % 3 != 0).rev().collect();
    let pick = |values: &[f64]| kept.iter().map(|row| values[*row]).collect::<Vec<f64>>();
    let (sales, assigned) = (pick(&units.columns["sales"]), kept.iter().map(|row| units.arm()[*row]).collect());
    let part = Design {
        x: Array2::from_shape_fn((kept.len(), 2).f(), |at| all.x[[kept[at.0], at.1]]),
        y: Array2::from_shape_fn((kept.len(), 1).f(), |at| sales[at.0]),
        assigned,
        ..all
    };
    let placed = ExperimentRows {
        terms: vec![TermValues::Numbers(&units.columns["x_pre"]), TermValues::Flags(&flags)],
        places: Some(&kept),
        metrics: vec![&sales],
        ..part.rows()
    };
    let model = part.model(VarianceKind::Hc3, true);
    assert_eq!(Fit::new(&placed, &model), Fit::new(&part.rows(), &model));
    let short = ExperimentRows { terms: vec![TermValues::Flags(&flags[..100])], ..placed };
    assert!(matches!(Fit::new(&short, &part.model(VarianceKind::Hc1, true)), Err(ExperimentError::Shape { .. })));
}

#[test]
fn a_covariate_that_is_constant_or_a_combination_is_left_out_and_named() {
    let units = Units::reference();
    let mut design = Design::new(&units, &["sales"], units.arm(), &["x_pre", "x_age", "x_age"]);
    design.x.column_mut(1).fill(0.1);
    let fit = design.fit(VarianceKind::Hc1, true);
    assert_eq!(fit.dropped.len(), 3, "one constant, for everyone and for each arm: {:?}", fit.dropped);
    let same = Design::new(&units, &["sales"], units.arm(), &["x_pre", "x_age"]).fit(VarianceKind::Hc1, true);
    let [a, b] = [&fit, &same].map(|fit| fit.estimate(&fit.average_effect(2), 0).estimate);
    assert!((a - b).abs() < 1e-12);
}

#[test]
fn what_cannot_be_fitted_is_refused_by_name() {
    let units = Units::reference();
    let design = || Design::new(&units, &["sales"], units.arm(), &["x_pre"]);
    let refused = |design: Design, kind| Fit::new(&design.rows(), &design.model(kind, true)).unwrap_err();
    let hc1 = VarianceKind::Hc1;
    let one_arm = Design { assigned: vec![0; 1_200], ..design() };
    assert_eq!(refused(one_arm, hc1), ExperimentError::OneArm);
    let hole = Design { assigned: units.arm().iter().map(|a| if *a == 1 { 2 } else { *a }).collect(), ..design() };
    assert_eq!(refused(hole, hc1), ExperimentError::EmptyArm { arm: 1 });
    let mut nan = design();
    nan.y[[4, 0]] = f64::NAN;
    assert_eq!(refused(nan, hc1), ExperimentError::NotFinite { row: 5, what: "metric" });
    let weightless = Design { weights: Some(vec![0.0; 1_200]), ..design() };
    assert_eq!(refused(weightless, hc1), ExperimentError::Weight { row: 1, weight: 0.0 });
    let two_clusters = Design { clusters: Some((0..1_200).map(|i| i % 2).collect()), ..design() };
    assert_eq!(refused(two_clusters, VarianceKind::Cr2), ExperimentError::TooFewClusters { clusters: 2, arms: 3 });
    // Nobody follows the encouragement: the instrument moves nothing.
    let inert = Design {
        taken: Some((0..1_200).map(|i| u16::from(i % 600 == 0)).collect()),
        assigned: (0..1_200).map(|i| u16::from(i >= 600)).collect(),
        ..Design::new(&units, &["sales"], units.arm(), &[])
    };
    let refusal = Fit::new(&inert.rows(), &inert.model(hc1, false)).unwrap_err();
    assert_eq!(refusal, ExperimentError::RankLoss { treatment: "treatment 1".to_owned() });
    let few = Design {
        x: Array2::from_shape_fn((4, 2).f(), |(i, j)| (i * i + j) as f64),
        y: Array2::zeros((4, 1)),
        assigned: vec![0, 0, 1, 1],
        taken: None,
        weights: None,
        clusters: None,
    };
    assert!(matches!(refused(few, hc1), ExperimentError::TooFewRows { .. } | ExperimentError::Linalg(_)));
}
