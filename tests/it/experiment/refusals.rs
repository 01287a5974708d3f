//! A comparison that chance did not make is refused, whatever its effect; and so is a number that nothing supports.

use crate::experiment::{World, severity};
use crate::structure::Noise;
use std::fmt::Write as _;

const PLAN: &str = "title: T\nquestion: Q?\ndesign: experiment\ndata: {source: data.csv}\n\
    assignment: {column: arm, control: 'a', unit_id: unit}\nmetrics: {y: {expression: y, role: primary}}\n\
    covariates: [x]\n";

/// Rows of (unit, arm, x, y), by a rule.
fn rows(n: usize, mut row: impl FnMut(usize, &mut Noise) -> (bool, f64, f64)) -> String {
    let mut noise = Noise(9);
    let mut text = String::from("unit,arm,x,y\n");
    for unit in 0..n {
        let (treated, x, y) = row(unit, &mut noise);
        let _ = writeln!(text, "{unit},{},{x},{y}", if treated { "b" } else { "a" });
    }
    text
}

#[track_caller]
fn held(data: &str, code: &str) {
    let world = World::empty();
    world.write("data.csv", data);
    let ran = world.run(PLAN, &[]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let results = world.json("results.json");
    assert_eq!(severity(&results["health"], code), "fail");
    assert_eq!(results["decisions"][0]["verdict"], "hold");
    assert!(ran.stdout.contains("failed its audit"), "{}", ran.stdout);
}

#[test]
fn arms_of_the_wrong_size_are_held() {
    held(
        &rows(2_000, |_, noise| {
            let treated = noise.happens(0.43);
            (treated, noise.normal(), f64::from(u8::from(treated)) + noise.normal())
        }),
        "sample_ratio",
    );
}

#[test]
fn an_assignment_that_follows_a_covariate_is_held() {
    held(
        &rows(1_000, |_, noise| {
            let x = noise.normal();
            let treated = noise.happens(if x > 0.0 { 0.6 } else { 0.4 });
            (treated, x, f64::from(u8::from(treated)) + x + noise.normal())
        }),
        "covariates_predict",
    );
}

#[test]
fn a_weak_instrument_gives_its_set_and_no_number() {
    let world = World::empty();
    let mut noise = Noise(3);
    let mut text = String::from("unit,arm,took,y\n");
    for unit in 0..400 {
        let arm = noise.happens(0.5);
        let took = noise.happens(if arm { 0.32 } else { 0.28 });
        let _ = writeln!(text, "{unit},{},{},{}", if arm { "b" } else { "a" }, u8::from(took), noise.normal());
    }
    world.write("data.csv", &text);
    let plan = PLAN.replace("covariates: [x]\n", "treated: took\nrequests: [itt, late, att]\n");
    assert_eq!(world.run(&plan, &[]).code, 0);
    let results = world.json("results.json");
    assert_eq!(severity(&results["health"], "first_stage"), "warn");
    let requests: Vec<&str> = results["effects"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| row["request"].as_str().expect("a word"))
        .collect();
    assert_eq!(requests, ["itt"]);
    let refused = results["refused"].as_array().expect("refused");
    assert!(
        refused
            .iter()
            .any(|row| row["request"] == "late" && row["reason"].as_str().expect("why").contains("Anderson–Rubin"))
    );
    assert!(
        results["first_stages"][0]["anderson_rubin"]["y"].is_object()
            || results["first_stages"][0]["anderson_rubin"]["y"].is_string()
    );
}

#[test]
fn a_variance_that_the_design_does_not_have_is_refused_with_one_that_it_has() {
    let world = World::empty();
    world.write("data.csv", &rows(100, |unit, noise| (unit % 2 == 0, noise.normal(), noise.normal())));
    let ran = world.run(&format!("{PLAN}analysis: {{variance: cr2}}\n"), &[]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("variance: hc1"), "{}", ran.stderr);
}

#[test]
fn a_small_segment_and_a_sequence_outside_its_scope_are_refused_by_name() {
    let world = World::empty();
    world.write("data.csv", &rows(300, |_, noise| (noise.happens(0.5), noise.normal(), noise.normal())));
    let plan = format!("{PLAN}segments: ['x > 2.5']\nlooks: {{plan: anytime, planned_n: 300}}\n")
        .replace("unit_id: unit}", "unit_id: unit, cluster_by: [group]}")
        .replace("{source: data.csv}", "{source: data.csv, derive: {group: 'floor(unit / 60)'}}");
    // Five clusters in each arm and four coefficients are too few for the audit as well.
    assert_eq!(world.run(&plan, &[]).code, 1);
    let refused = world.json("results.json")["refused"].to_string();
    assert!(refused.contains("there are 5 clusters") && refused.contains("fewer than 20 rows of arm"), "{refused}");
}

#[test]
fn other_commands_say_where_experiments_are_analysed() {
    let world = World::empty();
    world.write("data.csv", &rows(100, |_, noise| (noise.happens(0.5), noise.normal(), noise.normal())));
    world.write("plan.yaml", PLAN);
    let ran = crate::cli::oci_agent(world.dir.path(), &["baseline", "plan.yaml"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("experiment") && ran.stderr.contains("`run` and `mcp` take it"), "{}", ran.stderr);
    world.write("other.yaml", "title: T\n");
    let ran = crate::cli::oci_agent(world.dir.path(), &["experiment", "power", "other.yaml"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("design: experiment"), "{}", ran.stderr);
}
