//! What is left out, or cannot be answered, is told: nothing is silent.

use crate::cli::oci_agent;
use crate::experiment::{World, effect};
use crate::structure::Noise;
use serde_json::Value;
use std::fmt::Write as _;

const HEAD: &str = "title: T\nquestion: Q?\ndesign: experiment\ndata: {source: data.csv}\n\
    assignment: {column: arm, control: 0, unit_id: unit}\n";

/// unit, arm, country, none (0 for all), base (as before the start), y with the effect 1.
fn data(n: usize) -> String {
    let (mut noise, mut text) = (Noise(5), "unit,arm,country,none,x,y\n".to_owned());
    for unit in 0..n {
        let (arm, x) = (unit % 2, noise.normal());
        let country = if noise.happens(0.75) { "DE" } else { "FR" };
        let _ = writeln!(text, "{unit},{arm},{country},0,{x},{}", arm as f64 + x + noise.normal());
    }
    text
}

fn world() -> World {
    let world = World::empty();
    world.write("data.csv", &data(400));
    world
}

#[test]
fn a_metric_that_says_nothing_is_refused_alone() {
    let world = world();
    let plan = |role: &str| {
        format!(
            "{HEAD}metrics:\n  y: {{expression: y, role: primary}}\n  crashes: {{expression: none, {role}}}\n  rate: {{ratio: [sum(y), sum(none)]}}\n"
        )
    };
    world.write("plan.yaml", &plan("role: secondary"));
    let checked = oci_agent(world.dir.path(), &["check", "plan.yaml"]);
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    assert!(checked.stdout.contains("Metric `crashes` is refused, and the run goes on without it: `crashes` is 0"));
    let ran = world.run(&plan("role: secondary"), &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let results = world.json("results.json");
    assert_eq!(results["decisions"][0]["verdict"], "ship", "a secondary metric decides nothing");
    let refused = results["refused"].as_array().expect("rows");
    let names: Vec<&str> = refused.iter().filter_map(|row| row["metric"].as_str()).collect();
    assert_eq!(names, ["crashes", "rate"]);
    assert!(refused[0]["reason"].as_str().expect("why").contains("there is no event; check its `expression`"));
    assert!(refused[1]["reason"].as_str().expect("why").contains("sums to 0"));
    assert!(world.json("dataset.json")["refused_metrics"]["rate"].is_string());
    let report = std::fs::read_to_string(world.dir.path().join("runs/out/report.md")).expect("a report");
    assert!(report.contains("`crashes` is 0 for every unit: there is no event"), "{report}");
    assert!(report.contains("| rate "), "what was done to its values is in the table");
}

#[test]
fn a_guardrail_that_says_nothing_is_no_pass() {
    let world = world();
    let plan = format!(
        "{HEAD}metrics:\n  y: {{expression: y, role: primary}}\n  crashes: {{expression: none, role: guardrail, margin: 0.01, worse: up}}\n"
    );
    let ran = world.run(&plan, &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let decision = world.json("results.json")["decisions"][0].clone();
    assert_eq!(decision["verdict"], "hold");
    let reason = decision["reason"].as_str().expect("why");
    assert!(reason.contains("`crashes` has no effect to decide on") && reason.contains("no event"), "{reason}");
    assert!(ran.stdout.contains("no effect to decide on"), "{}", ran.stdout);
    // The primary metric is what the plan is about.
    let primary =
        plan.replace("role: primary", "role: secondary").replace("role: guardrail, margin: 0.01", "role: primary");
    let ran = world.run(&primary, &[]);
    assert_eq!(ran.code, 2, "{}", ran.stdout);
    assert!(ran.stderr.contains("there is no event"), "{}", ran.stderr);
}

#[test]
fn one_question_at_a_time_refuses_such_a_metric_too() {
    let world = world();
    let plan = format!(
        "{HEAD}metrics:\n  none: {{expression: none, role: secondary}}\n  y: {{expression: y, role: primary}}\n"
    );
    world.write("plan.yaml", &plan);
    let power = oci_agent(world.dir.path(), &["experiment", "power", "plan.yaml", "--json"]);
    let document: Value = serde_json::from_str(&power.stdout).expect("JSON");
    assert_eq!(document["rows"][0]["metric"], "y");
    assert_eq!(document["refused"][0][0], "none");
    let fit = oci_agent(world.dir.path(), &["experiment", "fit", "plan.yaml", "--out", "fitted", "--by", "country"]);
    assert!(fit.stdout.contains("`none` is in no fit: `none` is 0 for every unit"), "{} {}", fit.stdout, fit.stderr);
    let found = oci_agent(world.dir.path(), &["experiment", "effect", "fitted", "--json"]);
    let found: Value = serde_json::from_str(&found.stdout).expect("JSON");
    assert_eq!(effect(&found, "effects", &[("metric", "y")])["arm"], "1");
}
