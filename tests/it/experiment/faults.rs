//! Kinds of wrong answers that a review found: each is refused, held or put right.

use crate::experiment::{World, effect, severity};
use crate::structure::Noise;
use serde_json::Value;
use std::fmt::Write as _;

const HEAD: &str = "title: T\nquestion: Q?\ndesign: experiment\ndata: {source: data.csv}\n";

/// A table of `n` rows by a rule that writes one line.
fn table(header: &str, n: usize, mut line: impl FnMut(usize, &mut Noise, &mut String)) -> String {
    let (mut noise, mut text) = (Noise(21), format!("{header}\n"));
    for i in 0..n {
        line(i, &mut noise, &mut text);
    }
    text
}

/// unit, arm, x, y with the effect `tau`.
fn plain(n: usize, tau: f64) -> String {
    table("unit,arm,x,y", n, |i, noise, text| {
        let (arm, x) = (u8::from(noise.happens(0.5)), noise.normal());
        let y = tau * f64::from(arm) + x + noise.normal();
        let _ = writeln!(text, "{i},{arm},{x},{y}");
    })
}

fn plan(rest: &str) -> String {
    format!("{HEAD}assignment: {{column: arm, control: 0, unit_id: unit}}\n{rest}")
}

#[track_caller]
fn refused(data: &str, plan: &str, words: &str) {
    let world = World::empty();
    world.write("data.csv", data);
    let ran = world.run(plan, &[]);
    assert_eq!(ran.code, 2, "{}", ran.stdout);
    assert!(ran.stderr.contains(words), "{}", ran.stderr);
}

fn ran(data: &str, plan: &str) -> (World, Value) {
    let world = World::empty();
    world.write("data.csv", data);
    world.run(plan, &[]);
    let results = world.json("results.json");
    (world, results)
}

#[test]
fn what_decides_is_frozen_at_the_first_look() {
    let world = World::empty();
    world.write("data.csv", &plain(400, -0.6));
    let guarded = |how: &str| {
        plan(&format!(
            "metrics:\n  x: {{expression: x, role: primary}}\n  y: {{expression: y, role: guardrail, {how}}}\n"
        ))
    };
    world.run(&guarded("margin: 0.1"), &[]);
    assert_eq!(world.json("results.json")["decisions"][0]["verdict"], "stop");
    for later in ["margin: 5", "margin: 0.1, worse: up"] {
        world.run(&guarded(later), &[]);
        let results = world.json("results.json");
        assert_eq!(effect(&results, "effects", &[("metric", "y")])["exploratory"], true, "{later}");
        assert_eq!(results["decisions"][0]["verdict"], "hold", "{later}");
        assert!(results["caveats"].to_string().contains("exploratory"));
    }
    // So is everything that decides whom it is about and how it is analysed.
    world.run(
        &format!("{}covariates: [x]\n", guarded("margin: 0.1").replace("  x: {expression: x, role: primary}\n", "")),
        &[],
    );
    assert_eq!(effect(&world.json("results.json"), "effects", &[("metric", "y")])["exploratory"], true);
}

#[test]
fn a_sequence_goes_on_over_the_same_analysis_and_the_same_sign_only() {
    let world = World::empty();
    let anytime = |alpha: &str| {
        plan(&format!(
            "metrics: {{y: {{expression: y, role: primary}}}}\nlooks: {{plan: anytime, planned_n: 4000}}\nanalysis: {{alpha: {alpha}}}\n"
        ))
    };
    world.write("data.csv", &plain(400, 1.0));
    world.run(&anytime("0.05"), &[]);
    let first = effect(&world.json("results.json"), "effects", &[("metric", "y")])["anytime"].clone();
    assert!(first["p_value"].as_f64().expect("p") < 1e-4);
    // Another confidence level: the interval of before is none of this sequence.
    world.run(&anytime("0.001"), &[]);
    let wider = effect(&world.json("results.json"), "effects", &[("metric", "y")])["anytime"].clone();
    assert!(wider["lower"].as_f64() < first["lower"].as_f64() && wider["upper"].as_f64() > first["upper"].as_f64());
    // The effect turns round: evidence for a gain is none for a loss.
    world.write("data.csv", &plain(3_000, -0.12));
    world.run(&anytime("0.05"), &[]);
    let results = world.json("results.json");
    let row = effect(&results, "effects", &[("metric", "y")]);
    assert!(row["effect"]["estimate"].as_f64().expect("a number") < 0.0, "{row}");
    assert!(row["anytime"]["p_value"].as_f64().expect("p") > 0.05, "{row}");
    assert_eq!(results["decisions"][0]["verdict"], "hold");
}

#[test]
fn an_interval_for_one_look_decides_nothing_where_the_plan_has_many() {
    let data = table("unit,arm,week,y", 800, |i, noise, text| {
        let (unit, week) = (i / 4, i % 4);
        let arm = unit % 2;
        let _ = writeln!(text, "{unit},{arm},{week},{}", arm as f64 + noise.normal());
    });
    let plan = format!(
        "{HEAD}assignment: {{column: arm, control: 0, unit_id: unit, cluster_by: [unit], period: week}}\n\
         metrics: {{y: {{expression: y, role: primary}}}}\nlooks: {{plan: anytime, planned_n: 400}}\n"
    );
    let (_, results) = ran(&data, &plan);
    assert!(results["effects"][0]["p_value"].as_f64().expect("p") < 1e-6);
    assert_eq!(results["decisions"][0]["verdict"], "hold");
    assert!(results["decisions"][0]["reason"].as_str().expect("why").contains("every look"));
}

#[test]
fn outcomes_are_no_covariates_segments_or_filters() {
    let data = plain(200, 0.0);
    let metrics = "metrics: {y: {expression: y, role: primary}}\n";
    refused(&data, &plan(&format!("{metrics}covariates: [x, y]\n")), "`y` is a metric");
    refused(&data, &plan(&format!("{metrics}segments: ['y > 0']\n")), "condition of a segment");
    let derived = plan(&format!("{metrics}covariates: [big]\n"))
        .replace("{source: data.csv}", "{source: data.csv, derive: {big: 'if(y > 1, 1, 0)'}}");
    refused(&data, &derived, "`big` is a metric, or is computed from one");
    // A copy under another name has no name to see it by.
    let copied = table("unit,arm,y,copy", 200, |i, noise, text| {
        let y = noise.normal();
        let _ = writeln!(text, "{i},{},{y},{}", i % 2, 3.0 * y + 1.0);
    });
    let (_, results) = ran(&copied, &plan(&format!("{metrics}covariates: [copy]\n")));
    assert!(results["effects"].as_array().expect("rows").is_empty());
    assert!(results["refused"].to_string().contains("R² is 1"));
}

#[test]
fn identifiers_and_names_that_differ_by_how_they_are_written_are_named() {
    let world = World::empty();
    world.write("data.csv", "unit,arm\n00001,0\n00002,1\n3,0\n4,1\n5,0\n6,1\n");
    world.write("orders.csv", "unit,amount\n1,5\n2,6\n3,7\n4,8\n5,2\n6,3\n");
    let sums = plan("metrics: {s: {source: orders.csv, expression: sum(amount), role: primary}}\n")
        .replace("{source: data.csv}", "{source: data.csv, columns: {unit: category}}");
    let found = world.run(&sums, &[]);
    assert_eq!(found.code, 2);
    assert!(found.stderr.contains("which is no unit"), "{}", found.stderr);
    let blanks = plain(100, 0.0).replace(",1,", ",t,").replacen(",t,", ",\" t\",", 10);
    refused(&blanks, &plan("metrics: {y: {expression: y, role: primary}}\n"), "blanks only");
}

#[test]
fn values_and_times_that_cannot_be_what_they_are_taken_for_are_refused() {
    let metrics = "metrics: {y: {expression: y, role: primary}}\n";
    refused(&plain(100, 0.0).replace("\n5,", "\n5,1,0,1e155\n105,"), &plan(metrics), "too large");
    let world = World::empty();
    world.write("data.csv", &plain(100, 0.0));
    let orders: String = (0..100).fold("unit,at,amount\n".to_owned(), |mut text, i| {
        let _ = writeln!(text, "{i},{},1.5", 1_772_323_200 + 3_600 * i);
        text
    });
    world.write("orders.csv", &orders);
    let seconds = plan(
        "metrics: {s: {source: orders.csv, expression: sum(amount), time: at, window: [0d, 7d], role: primary}}\n",
    )
    .replace("unit_id: unit}", "unit_id: unit, start: 2026-03-01}");
    let found = world.run(&seconds, &[]);
    assert_eq!(found.code, 2, "{}", found.stdout);
    assert!(found.stderr.contains("at / 86400"), "{}", found.stderr);
    let twice = "unit,arm,week,y\n1,0,1,2\n1,0,1,2\n2,1,1,3\n2,1,2,4\n3,0,1,1\n3,0,2,2\n4,1,1,5\n";
    let panel = format!(
        "{HEAD}assignment: {{column: arm, control: 0, unit_id: unit, cluster_by: [unit], period: week}}\n{metrics}"
    );
    refused(twice, &panel, "repeat a unit in a period");
}

#[test]
fn an_arm_of_a_few_rows_has_no_effect() {
    let data = format!("{}900,2,0.1,9.0\n901,2,0.2,9.1\n", plain(300, 0.0));
    let (_, results) = ran(&data, &plan("metrics: {y: {expression: y, role: primary}}\n"));
    assert!(results["effects"].as_array().expect("rows").is_empty());
    assert!(results["refused"].to_string().contains("arm `2` has 2 rows"));
}

/// The chance is in (0.2, 0.8) and moves with x, which moves the outcome; there is no effect.
fn adaptive(n: usize) -> String {
    table("unit,arm,own,of_one,x,up,down", n, |i, noise, text| {
        let x = noise.normal();
        let of_one = if x > 0.0 { 0.8 } else { 0.2 };
        let arm = u8::from(noise.happens(of_one));
        let own = if arm == 1 { of_one } else { 1.0 - of_one };
        let down = 1.0 + if x > 0.0 { 3.0 } else { 0.0 } + if noise.happens(0.5) { 1.0 } else { 0.0 };
        let up = down * (1.0 + x) + noise.normal();
        let _ = writeln!(text, "{i},{arm},{own},{of_one},{x},{up},{down}");
    })
}

#[test]
fn chances_are_audited_and_ratios_are_weighted_by_them() {
    let data = adaptive(4_000);
    let with = |column: &str| {
        plan("metrics:\n  up: {expression: up, role: primary}\n  r: {ratio: [sum(up), sum(down)]}\n")
            .replace("unit_id: unit}", &format!("unit_id: unit, propensity: {column}}}"))
    };
    let (_, results) = ran(&data, &with("own"));
    assert_eq!(severity(&results["health"], "sample_ratio"), "pass");
    for metric in ["up", "r"] {
        let row = &effect(&results, "effects", &[("metric", metric)])["effect"];
        let [estimate, std_error] = ["estimate", "std_error"].map(|key| row[key].as_f64().expect("a number"));
        assert!(estimate.abs() < 3.0 * std_error, "{metric}: {row}");
    }
    // The mean that relative amounts refer to is weighted as the effect is.
    let control = results["metrics"][0]["arms"][0]["value"].as_f64().expect("a mean");
    assert!((control - results["effects"][0]["baseline"].as_f64().expect("a mean")).abs() < 1e-9);
    // The chance of the other arm does not add up.
    let (_, results) = ran(&data, &with("of_one"));
    assert_eq!(severity(&results["health"], "sample_ratio"), "fail");
    assert_eq!(results["decisions"][0]["verdict"], "hold");
}

#[test]
fn the_late_of_a_ratio_is_not_the_late_of_its_line() {
    let data = table("unit,arm,took,up,down", 1_000, |i, noise, text| {
        let arm = u8::from(noise.happens(0.5));
        let took = u8::from(arm == 1 && noise.happens(0.5));
        let _ = writeln!(text, "{i},{arm},{took},{},{}", 2.0 + f64::from(took) + noise.normal(), 1 + i % 3);
    });
    let rest = "treated: took\nrequests: [itt, late]\nmetrics:\n  up: {expression: up, role: primary}\n  r: {ratio: [sum(up), sum(down)]}\n";
    let (_, results) = ran(&data, &plan(rest));
    let late: Vec<&Value> =
        results["effects"].as_array().expect("rows").iter().filter(|row| row["request"] == "late").collect();
    assert_eq!((late.len(), late[0]["metric"].as_str()), (1, Some("up")));
    assert!(results["refused"].to_string().contains("ratios and quantiles"));
}

#[test]
fn shares_that_change_from_week_to_week_and_units_that_are_not_followed_are_seen() {
    let data = table("unit,arm,at,y", 4_000, |i, noise, text| {
        let late = i >= 2_000;
        let arm = u8::from(noise.happens(if late { 0.7 } else { 0.3 }));
        let day = 1 + (i % 2_000) / 300 + if late { 14 } else { 0 };
        let _ = writeln!(text, "{i},{arm},2026-03-{day:02},{}", f64::from(u8::from(late)) + noise.normal());
    });
    let timed = plan("metrics: {y: {expression: y, role: primary}}\n")
        .replace("unit_id: unit}", "unit_id: unit, assigned_at: at}");
    let (_, results) = ran(&data, &timed);
    assert_eq!(severity(&results["health"], "sample_ratio"), "pass");
    assert_eq!(severity(&results["health"], "sample_ratio_by_day"), "fail");
    assert_eq!(results["decisions"][0]["verdict"], "hold");

    let world = World::empty();
    let assigned: String = (0..200).fold("unit,arm,at\n".to_owned(), |mut text, i| {
        let _ = writeln!(text, "{i},{},2026-03-{:02}", i % 2, 1 + i / 20);
        text
    });
    world.write("data.csv", &assigned);
    let orders: String = (0..200).fold("unit,at,amount\n".to_owned(), |mut text, i| {
        let _ = writeln!(text, "{i},2026-03-{:02},{}", 1 + i / 20, i % 7);
        text
    });
    world.write("orders.csv", &orders);
    let windows = plan(
        "metrics: {s: {source: orders.csv, expression: sum(amount), time: at, window: [0d, 5d], role: primary}}\n",
    )
    .replace("unit_id: unit}", "unit_id: unit, assigned_at: at}");
    world.run(&windows, &[]);
    assert_eq!(severity(&world.json("results.json")["health"], "follow_up"), "warn");
}

#[test]
fn one_row_in_another_arm_of_its_cluster_does_not_change_what_was_drawn() {
    let data = table("unit,arm,store,y", 2_000, |i, noise, text| {
        let store = i / 50;
        let arm = if i == 7 { 1 - store % 2 } else { store % 2 };
        let _ = writeln!(text, "{i},{arm},{store},{}", noise.normal());
    });
    let stores = plan("metrics: {y: {expression: y, role: primary}}\n")
        .replace("unit_id: unit}", "unit_id: unit, cluster_by: [store]}");
    let (_, results) = ran(&data, &stores);
    assert_eq!(severity(&results["health"], "sample_ratio"), "pass");
    assert_eq!(severity(&results["health"], "two_arms"), "fail", "1 of 40 clusters is torn");
}

#[test]
fn a_fit_is_a_look_that_the_next_run_knows_of() {
    let world = World::empty();
    world.write("data.csv", &plain(300, 0.0));
    world.write("plan.yaml", &plan("metrics: {y: {expression: y, role: primary}}\ncovariates: [x]\n"));
    let fit = crate::cli::oci_agent(world.dir.path(), &["experiment", "fit", "plan.yaml", "--out", "fitted"]);
    assert_eq!(fit.code, 0, "{}", fit.stderr);
    world.write("data.csv", &plain(400, 0.0));
    let ran = crate::cli::oci_agent(world.dir.path(), &["run", "plan.yaml"]);
    assert!(ran.stderr.contains("looked at once before"), "{}", ran.stderr);
}
