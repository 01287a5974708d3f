use super::*;
use crate::estimand::{OutcomeKind, Target};
use crate::estimate::test_data::{Arrays, params};
use crate::estimator::EstimatorKind;
use crate::nuisance::Nuisances;
use crate::numerics::distributions::normal_two_sided;
use rand::RngExt;

/// A normal number, near enough: twelve uniforms.
fn normal(stream: &mut impl rand::Rng) -> f64 {
    (0..12).map(|_| stream.random::<f64>()).sum::<f64>() - 6.0
}

/// Means of columns of the same units: the contributions are deviations from the mean.
fn curve(columns: &[Vec<f64>], draws: usize, seed: u64) -> CurveInference {
    let n = columns[0].len();
    let multipliers = Multipliers::draw(n, draws, seed);
    let made: Vec<(f64, f64, Vec<f64>)> = columns
        .iter()
        .map(|y| {
            let mean = sums::sum(y.iter().copied()) / n as f64;
            let phi: Vec<f64> = y.iter().map(|y| y - mean).collect();
            let error = sums::sum(phi.iter().map(|p| p * p)).sqrt() / n as f64;
            (mean, error, multipliers.t_statistics(&phi).unwrap())
        })
        .collect();
    let paths: Vec<CurvePath<'_>> = made
        .iter()
        .map(|(estimate, std_error, null)| CurvePath { estimate: *estimate, std_error: *std_error, null })
        .collect();
    joint(&paths).unwrap()
}

/// One analysis is a test of its own: the median's p and the adjusted p are that of its z. Tolerance: four Monte Carlo
/// standard errors at 4,000 draws.
#[test]
fn a_curve_of_one_is_the_test_of_one() {
    let mut stream = streams::stream(4, "test");
    let y: Vec<f64> = (0..400).map(|_| 0.08 + normal(&mut stream)).collect();
    let found = curve(std::slice::from_ref(&y), 4_000, 1);
    let n = y.len() as f64;
    let z = found.median / (sums::sum(y.iter().map(|y| (y - found.median).powi(2))).sqrt() / n);
    let p = normal_two_sided(z);
    let tolerance = 4.0 * (p * (1.0 - p) / 4_000.0).sqrt() + 1.0 / 4_000.0;
    assert!((found.median_p - p).abs() < tolerance && (found.adjusted_p[0] - p).abs() < tolerance, "{found:?}, {p}");
    assert!((found.critical - Z_975).abs() < 0.1, "{}", found.critical);
}

/// The largest of K independent |t| exceeds Šidák's bound, Φ⁻¹(½ + ½·0.95^(1/K)): 2.569 for 5 (tables of the Studentised maximum
/// modulus with infinite degrees of freedom; Stoline & Ury 1979, doi:10.1080/00401706.1979.10489723). Copies of one analysis
/// count as one.
#[test]
fn the_largest_of_independent_analyses_and_of_copies() {
    let mut stream = streams::stream(7, "test");
    let columns: Vec<Vec<f64>> = (0..5).map(|_| (0..300).map(|_| normal(&mut stream)).collect()).collect();
    let found = curve(&columns, 8_000, 2);
    assert!((found.critical - 2.569).abs() < 0.08, "{}", found.critical);
    let copies = curve(&vec![columns[0].clone(); 30], 8_000, 2);
    assert!((copies.critical - Z_975).abs() < 0.08, "{}", copies.critical);
    assert_eq!(copies.dominant, 1.0);
    assert!(copies.dominant_p > 0.99, "copies always agree: {}", copies.dominant_p);
}

/// Under no effect the p-values of the three statistics are at most 5 % in about 5 % of the worlds: 300 worlds of 8 correlated
/// analyses of 120 units, 199 draws; four standard errors are 5 %.
#[test]
fn the_curve_holds_its_level_where_nothing_has_an_effect() {
    let mut stream = streams::stream(11, "test");
    let mut rejected = [0.0; 3];
    let worlds = 300;
    for world in 0..worlds {
        let common: Vec<f64> = (0..120).map(|_| normal(&mut stream)).collect();
        let one = |stream: &mut _| common.iter().map(|c| c + normal(stream)).collect::<Vec<f64>>();
        let columns: Vec<Vec<f64>> = (0..8).map(|_| one(&mut stream)).collect();
        let found = curve(&columns, 199, world);
        let low =
            [found.median_p, found.significant_p, found.smallest_adjusted_p].map(|p| f64::from(u8::from(p <= 0.05)));
        rejected.iter_mut().zip(low).for_each(|(sum, low)| *sum += low / worlds as f64);
    }
    assert!(rejected.iter().all(|share| *share < 0.10), "{rejected:?}");
    assert!(rejected[0] > 0.005, "{rejected:?}");
}

/// A strong effect is seen by all three, and the mirror image gives the same p-values with the other sign.
#[test]
fn an_effect_is_seen_and_signs_swap() {
    let mut stream = streams::stream(13, "test");
    let columns: Vec<Vec<f64>> = (0..6).map(|_| (0..200).map(|_| 0.5 + normal(&mut stream)).collect()).collect();
    let found = curve(&columns, 999, 3);
    assert_eq!((found.median_p, found.significant_p, found.positive), (0.001, 0.001, true));
    let mirrored: Vec<Vec<f64>> = columns.iter().map(|y| y.iter().map(|y| -y).collect()).collect();
    let other = curve(&mirrored, 999, 3);
    assert_eq!((other.median, other.positive), (-found.median, false));
    assert_eq!(
        (other.median_p, other.significant, other.adjusted_p),
        (found.median_p, found.significant, found.adjusted_p)
    );
}

#[test]
fn the_m_value_counts_claims_in_the_same_direction() {
    assert_eq!(m_value(2.0, &[3.0, 2.0, 1.0, -5.0]), Some(3.0 / 5.0));
    assert_eq!(m_value(-2.0, &[-3.0, 2.0, 9.0]), Some(2.0 / 4.0));
    assert_eq!(m_value(2.0, &[]), Some(1.0));
    assert_eq!((m_value(0.0, &[1.0]), m_value(1.0, &[f64::NAN])), (None, None));
}

#[test]
fn what_is_no_curve_gives_nothing() {
    assert!(joint(&[]).is_none());
    let path = CurvePath { estimate: 1.0, std_error: 0.0, null: &[1.0] };
    assert!(joint(&[path]).is_none() && joint(&[CurvePath { std_error: 1.0, null: &[], ..path }]).is_none());
    let multipliers = Multipliers::draw(3, 10, 1);
    assert!(multipliers.t_statistics(&[0.0; 3]).is_none() && multipliers.t_statistics(&[1.0; 2]).is_none());
}

/// An influence function gives back the standard error that is reported with it.
#[test]
fn influence_values_are_those_of_the_standard_errors() {
    for kind in [OutcomeKind::Continuous, OutcomeKind::Binary] {
        let arrays = Arrays::draw(240, kind);
        let sample = arrays.sample(None);
        let nuisances = Nuisances::new(&sample, &params(kind)).unwrap();
        let mut held = 0;
        for estimator in EstimatorKind::ALL {
            for target in Target::ALL {
                let (Ok(effect), Ok(Some(phi))) =
                    (nuisances.effect(estimator, target), nuisances.influence(estimator, target))
                else {
                    continue;
                };
                let n = phi.len() as f64;
                let error = sums::sum(phi.iter().map(|p| p * p)).sqrt() / n;
                let told = effect.se_stacked.or(effect.se_influence).unwrap();
                assert!((error / told - 1.0).abs() < 1e-9, "{estimator:?} {target:?}: {error} and {told}");
                assert!((sums::sum(phi.iter().copied()) / n).abs() < 1e-6 * told.max(1e-6), "{estimator:?} {target:?}");
                held += 1;
            }
        }
        assert!(held >= 20, "{held}");
    }
}
