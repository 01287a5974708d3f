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
    let fit = oci_agent(world.dir.path(), &["experiment", "fit", "plan.yaml", "--out", "fitted"]);
    assert!(fit.stdout.contains("`none` is in no fit: `none` is 0 for every unit"), "{} {}", fit.stdout, fit.stderr);
    let found = oci_agent(world.dir.path(), &["experiment", "effect", "fitted", "--json"]);
    let found: Value = serde_json::from_str(&found.stdout).expect("JSON");
    assert_eq!(effect(&found, "effects", &[("metric", "y")])["arm"], "1");
}

#[test]
fn rows_that_the_filter_leaves_out_are_told_apart_from_strangers() {
    let world = world();
    let orders = (0..400).fold("unit,amount\n".to_owned(), |mut text, unit| {
        let _ = writeln!(text, "{unit},{}", 1 + unit % 7);
        text
    });
    world.write("orders.csv", &format!("{orders}stranger,3\n"));
    let plan = HEAD.replace("{source: data.csv}", "{source: data.csv, filter: country == \"DE\"}")
        + "metrics:\n  spent: {source: orders.csv, expression: sum(amount), role: primary}\n";
    let left_out = data(400).lines().filter(|line| line.contains(",FR,")).count();
    world.write("plan.yaml", &plan);
    let told = format!(
        "`data.filter` leaves out {left_out} rows of the table of assignments, and {left_out} units with them."
    );
    let checked = oci_agent(world.dir.path(), &["check", "plan.yaml"]);
    assert!(checked.stdout.contains(&told), "{}", checked.stdout);
    let counted =
        format!("1 rows of units that were not assigned, {left_out} rows of units that `data.filter` leaves out");
    assert!(checked.stdout.contains(&counted), "{}", checked.stdout);
    world.run(&plan, &[]);
    let dataset = world.json("dataset.json");
    let counters = &dataset["metrics"]["spent"];
    assert_eq!(
        (counters["not_assigned"].as_u64(), counters["of_filtered_units"].as_u64()),
        (Some(1), Some(left_out as u64))
    );
    for filtered in [&dataset["filtered_out"], &world.json("health.json")["design"]["filtered_out"]] {
        assert_eq!(
            (filtered["rows"].as_u64(), filtered["units"].as_u64()),
            (Some(left_out as u64), Some(left_out as u64))
        );
    }
    let report = std::fs::read_to_string(world.dir.path().join("runs/out/report.md")).expect("a report");
    assert!(report.contains(&told) && report.contains("of units that data.filter leaves out"), "{report}");
}
