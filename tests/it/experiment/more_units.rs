//! How many more units would decide: closed forms, under Holm's correction over all primary metrics and arms.

use crate::report::experiment_fixtures::{arm, document, effect, metric};
use causal::numerics::distributions::normal_two_sided;
use oci_agent::critique::experiment::decision::{DecisionInput, decide};
use oci_agent::plan::experiment::{Role, Worse};
use oci_agent::record::experiment::{AnytimeInterval, Estimate, Standing};

/// The normal quantiles of 1 − 0.05/2 and 1 − 0.025/2.
const Z: [f64; 2] = [1.959_963_984_540_054, 2.241_402_727_604_947];
const N: f64 = 20_000.0;

/// The standing of each primary metric and the units that it lacks: estimates, standard error 1, and the smallest effect of all.
fn lacks(estimates: &[f64], smallest: Option<f64>, anytime: Option<AnytimeInterval>) -> Vec<(Standing, Option<usize>)> {
    let mut results = document("T", "Q?", vec![arm("old", true, 10_000, 0.5), arm("new", false, 10_000, 0.5)]);
    for (i, estimate) in estimates.iter().enumerate() {
        let name = format!("m{i}");
        results.metrics.push(metric(&name, "m", Role::Primary, Worse::Down, &[("old", 1.0), ("new", 1.0)]));
        results.metrics[i].smallest_effect = smallest;
        let [lower, upper] = [estimate - Z[0], estimate + Z[0]];
        let mut row = effect(&name, "new", Estimate { estimate: *estimate, std_error: 1.0, lower, upper }, 1.0);
        row.p_value = normal_two_sided(*estimate);
        row.anytime =
            anytime.map(|of| AnytimeInterval { lower: estimate + of.lower, upper: estimate + of.upper, ..of });
        results.effects.push(row);
    }
    let decisions = decide(&DecisionInput {
        health: &results.health,
        metrics: &results.metrics,
        effects: &results.effects,
        refused: &[],
        alpha: 0.05,
        anytime: anytime.is_some(),
    });
    decisions[0].rows.iter().map(|row| (row.standing, row.more_units)).collect()
}

/// Units to add until z standard errors are an effect.
fn until(z: f64, effect: f64) -> Option<usize> {
    Some((N * ((z / effect).powi(2) - 1.0)).ceil() as usize)
}

#[test]
fn each_metric_needs_the_level_that_holm_demands_of_it() {
    // Alone, 1.9 standard errors are short of 1.96; beside another, of 2.24.
    assert_eq!(lacks(&[1.9], None, None), [(Standing::Undecided, until(Z[0], 1.9))]);
    let both = lacks(&[2.0, 1.5], None, None);
    assert_eq!(both, [(Standing::Undecided, until(Z[1], 2.0)), (Standing::Undecided, until(Z[0], 1.5))]);
    // The one that comes after cannot be rejected before the one that comes first.
    let close = lacks(&[1.5, 1.49], None, None);
    assert_eq!(close, [(Standing::Undecided, until(Z[1], 1.5)), (Standing::Undecided, until(Z[1], 1.5))]);
    // Whoever is rejected already is not counted any more.
    let one_left = lacks(&[5.0, 1.9], None, None);
    assert_eq!(one_left, [(Standing::Better, None), (Standing::Undecided, until(Z[0], 1.9))]);
}

#[test]
fn an_effect_below_what_matters_is_decided_by_its_size_alone() {
    // Beyond chance or not: 0.1 short of what matters, and that has to be excluded.
    let short = (N * ((Z[0] / 0.1).powi(2) - 1.0)).ceil();
    let found = lacks(&[0.9], Some(1.0), None);
    assert_eq!(found[0].0, Standing::Undecided);
    assert!((found[0].1.expect("units") as f64 - short).abs() <= 1.0, "{found:?} {short}");
    // One that is worse is decided by whichever comes first.
    assert_eq!(lacks(&[-1.5], Some(1.0), None), [(Standing::NoEffectThatMatters, None)]);
    assert_eq!(lacks(&[-0.5], Some(9.0), None), [(Standing::NoEffectThatMatters, None)]);
    assert_eq!(lacks(&[-0.5], Some(0.2), None), [(Standing::Undecided, until(Z[0], 0.7))]);
}

#[test]
fn a_sequence_is_widened_by_its_own_radius() {
    let (g, index) = (2_000.0, 20_000);
    let radius = |alpha: f64| {
        let total = g + index as f64;
        (total / index as f64 * (total / (g * alpha * alpha)).ln()).sqrt()
    };
    let half = radius(0.05);
    let sequence = AnytimeInterval { lower: -half, upper: half, log_e: 0.0, p_value: 0.4, index, g, asymptotic: false };
    let found = lacks(&[2.0, 2.0], None, Some(sequence));
    let expected = (N * ((radius(0.025) / 2.0).powi(2) - 1.0)).ceil();
    assert!((found[0].1.expect("units") as f64 - expected).abs() <= 1.0, "{found:?} {expected}");
    assert_eq!(found[0], found[1]);
}
