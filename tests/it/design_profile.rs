//! The profile of the target population: means of the priority confounders, tilted to whom the answer is about.

use crate::tools::fixtures::World;
use causal::estimand::Target;
use std::fmt::Write as _;

/// A unit: treated, x, observation weight, and the known probability of treatment.
struct Unit {
    t: f64,
    x: f64,
    w: f64,
    e: f64,
}

fn units() -> Vec<Unit> {
    (0..24)
        .map(|i| Unit {
            t: f64::from(u8::from(i % 3 == 0)),
            x: f64::from(i * i % 11),
            w: f64::from(1 + i % 4),
            // Halves, quarters and eighths, which a file holds exactly.
            e: f64::from(1 + i % 7) / 8.0,
        })
        .collect()
}

/// Σ w h x/Σ w h, with h = 1, t, 1 − t and e(1 − e). Who is treated is seen, so that the ATT and the ATC do not go by the
/// propensity.
#[test]
fn the_profile_is_tilted_to_the_target_population() {
    let mut data = String::from("t,y,x,w,e\n");
    for (i, unit) in units().iter().enumerate() {
        let _ = writeln!(data, "{},{},{},{},{}", unit.t, i % 5, unit.x, unit.w, unit.e);
    }
    let plan = "title: T\nquestion: Q?\ndata:\n  source: data.csv\n  weights: w\ntreatment:\n  column: t\noutcome:\n  \
                column: y\n  units: kg\nconfounders:\n  priority: [x]\nestimands: [ate, att, atc, ato]\nanalysis:\n  \
                estimator: ipw_hajek\n  known_propensity: e\n";
    let world = World::of(&data, plan, false);
    let design = oci_agent::pipeline::design::design(&world.prepared, &world.prepared.draft);
    let mean = |h: &dyn Fn(&Unit) -> f64| {
        let sum = |f: &dyn Fn(&Unit) -> f64| units().iter().map(|u| u.w * h(u) * f(u)).sum::<f64>();
        sum(&|u| u.x) / sum(&|_| 1.0)
    };
    let everyone = mean(&|_| 1.0);
    let expected = [
        (Target::Ate, everyone),
        (Target::Att, mean(&|u| u.t)),
        (Target::Atc, mean(&|u| 1.0 - u.t)),
        (Target::Ato, mean(&|u| u.e * (1.0 - u.e))),
    ];
    // A tilt by the propensity would be seen.
    assert!((mean(&|u| u.e) - expected[1].1).abs() > 0.01 && (mean(&|u| 1.0 - u.e) - expected[2].1).abs() > 0.01);
    assert!((everyone - expected[3].1).abs() > 0.01);
    for (target, in_target) in expected {
        let analysis = design.analyses.iter().find(|a| a.requested == target).expect("an analysis");
        let population = analysis.population.as_ref().unwrap_or_else(|| panic!("{:?}", analysis.failed));
        let [(term, found, all)] = population.profile.as_slice() else { panic!("{:?}", population.profile) };
        assert_eq!(term, "x");
        assert!((found - in_target).abs() < 1e-12, "{target:?}: {found} against {in_target}");
        assert!((all - everyone).abs() < 1e-12, "{target:?}: {all} against {everyone}");
    }
}
