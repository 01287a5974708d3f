//! Intervals with few clusters.

use crate::estimand::{OutcomeKind, Target};
use crate::estimate::inference::standard_error;
use crate::estimate::test_data::{Arrays, params};
use crate::estimator::EstimatorKind;
use crate::nuisance::Nuisances;
use crate::sample::Sample;
use crate::weighted_rows::Rows;

fn in_four_clusters(a: &Arrays, weights: Option<&ndarray::Array1<f64>>) -> Sample {
    let clusters = (0..a.t.len()).map(|i| i % 4).collect();
    Sample::new(a.sample(weights).covariates().clone().with_clusters(clusters).unwrap(), a.y.clone()).unwrap()
}

/// Quantiles of Student's t as tables print them: 3.182 with three degrees of freedom, 4.303 with two.
#[test]
fn an_interval_with_clusters_has_one_degree_of_freedom_less_than_clusters() {
    let a = Arrays::draw(80, OutcomeKind::Continuous);
    let sample = in_four_clusters(&a, None);
    assert!((Rows::from_sample(&sample).critical - 3.182_446_305_284_263).abs() < 1e-9);
    let effect = Nuisances::new(&sample, &params(OutcomeKind::Continuous)).unwrap();
    let effect = effect.effect(EstimatorKind::IpwHajek, Target::Ate).unwrap();
    let reach = 3.182_446_305_284_263 * effect.std_error;
    assert!((effect.ci_upper - effect.estimate - reach).abs() < 1e-8 * reach);
    assert!((effect.estimate - effect.ci_lower - reach).abs() < 1e-8 * reach);
    // A cluster without weight is no cluster.
    let w = (0..80).map(|i| if i % 4 == 1 { 0.0 } else { 1.0 }).collect();
    let three = Rows::from_sample(&in_four_clusters(&a, Some(&w)));
    assert_eq!(three.clusters.map(|clusters| clusters.len()), Some(3));
    assert!((three.critical - 4.302_652_729_911_275).abs() < 1e-9);
}

/// Three clusters with totals Σ wφ of −1, 2 and −2, by hand: √(9 · 3/2)/9. As single units: √(1 + 4 + 4 + 9 + 1)/9.
#[test]
fn the_variance_with_clusters_is_that_of_their_totals() {
    let (w, phi) = ([1.0, 2.0, 1.0, 1.0, 3.0, 1.0], [1.0, -1.0, 2.0, 0.0, -1.0, 1.0]);
    let a = Arrays::draw(6, OutcomeKind::Continuous);
    let a = Arrays { t: ndarray::array![1.0, 0.0, 1.0, 0.0, 0.0, 1.0], ..a };
    let units = a.sample(Some(&w.to_vec().into()));
    let clusters = ndarray::array![5, 5, 9, 9, 2, 2];
    let clustered = Sample::new(units.covariates().clone().with_clusters(clusters).unwrap(), a.y.clone()).unwrap();
    let (alone, together) = (Rows::from_sample(&units), Rows::from_sample(&clustered));
    assert!((standard_error(&alone, &phi) - 19.0_f64.sqrt() / 9.0).abs() < 1e-15);
    assert!((standard_error(&together, &phi) - 13.5_f64.sqrt() / 9.0).abs() < 1e-15);
}
