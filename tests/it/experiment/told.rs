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

#[test]
fn what_was_refused_is_on_the_first_page() {
    let world = world();
    let segments: Vec<String> = (5..12).map(|bound| format!("'x > {bound}'")).collect();
    let plan = format!(
        "{HEAD}metrics:\n  y: {{expression: y, role: primary}}\n  crashes: {{expression: none}}\nsegments: [{}]\n",
        segments.join(", ")
    );
    let ran = world.run(&plan, &[]);
    let flat = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("Asked for and not given: - `crashes`, effect of being assigned: `crashes` is 0"), "{flat}");
    assert!(flat.contains("- `y`, effect of being assigned, where `x > 5`: fewer than 20 rows of arm"), "{flat}");
    // One metric and seven segments, of which five are shown.
    assert!(flat.contains("- 3 more in report.md."), "{flat}");
    assert!(!flat.contains("x > 9"), "{flat}");
}

#[test]
fn days_without_an_effect_are_told() {
    let world = World::empty();
    let mut text = "unit,arm,at,x,y\n".to_owned();
    let mut noise = Noise(8);
    for unit in 0..600 {
        // Six units on each of the first two days, too few for a fit, and then a hundred a day.
        let day = if unit < 12 { 1 + unit / 6 } else { 3 + (unit - 12) / 100 };
        let (arm, x) = (unit % 2, noise.normal());
        let _ = writeln!(text, "{unit},{arm},2026-03-{day:02},{x},{}", arm as f64 + x + noise.normal());
    }
    world.write("data.csv", &text);
    let plan = format!("{HEAD}metrics: {{y: {{expression: y, role: primary}}}}\n")
        .replace("unit_id: unit}", "unit_id: unit, assigned_at: at}");
    world.run(&plan, &[]);
    let days = world.json("results.json")["days"].as_array().expect("days").clone();
    let without: Vec<f64> = days
        .iter()
        .filter(|day| day["cumulative"] == Value::Array(Vec::new()))
        .filter_map(|day| day["day"].as_f64())
        .collect();
    assert_eq!(without, [1.0, 2.0]);
    for day in &days {
        let refused = day["refused"].as_array().map_or(0, Vec::len);
        assert_eq!(refused + day["cumulative"].as_array().expect("effects").len(), 1, "{day}");
    }
    assert!(days[0]["refused"][0]["reason"].as_str().expect("why").contains("arm `0` has 3 rows"), "{}", days[0]);
    let report = std::fs::read_to_string(world.dir.path().join("runs/out/report.md")).expect("a report");
    assert!(report.contains("No effect on `y` is given for days 1 and 2. On day 1: arm `0` has 3 rows"), "{report}");
    let svg = std::fs::read_to_string(world.dir.path().join("runs/out/plots/cumulative_y.svg")).expect("a figure");
    assert!(svg.contains("2 days"), "{svg}");
}

#[test]
fn the_csv_has_the_arms_of_every_effect() {
    let world = world();
    let plan = format!(
        "{HEAD}metrics:\n  y: {{expression: y, role: primary}}\n  r: {{ratio: [sum(y), count()]}}\nsegments: ['country == \"DE\"']\n"
    );
    world.run(&plan, &[]);
    let mut reader = csv::Reader::from_path(world.dir.path().join("runs/out/effects.csv")).expect("a table");
    let header = reader.headers().expect("names").clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("a row")).collect();
    let cell = |row: usize, name: &str| {
        let at = header.iter().position(|found| found == name).expect(name);
        rows[row].get(at).expect("a cell").to_owned()
    };
    let text = data(400);
    for (row, german) in [(0, false), (2, true)] {
        let of_arm = |arm: &str| -> Vec<f64> {
            let lines = text.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
            let here = lines.filter(|line| line[1] == arm && (!german || line[2] == "DE"));
            here.map(|line| line[5].parse().expect("a number")).collect()
        };
        for (arm, n, mean) in [("0", "n_control", "mean_control"), ("1", "n_arm", "mean_arm")] {
            let values = of_arm(arm);
            assert_eq!(cell(row, n), values.len().to_string());
            let found: f64 = cell(row, mean).parse().expect("a number");
            assert!((found - values.iter().sum::<f64>() / values.len() as f64).abs() < 1e-9, "{row} {mean}");
            // A ratio of sums over one row for each unit is the mean.
            assert!((cell(row + 1, mean).parse::<f64>().expect("a number") - found).abs() < 1e-9);
        }
    }
}

#[test]
fn the_exit_codes_of_decisions_are_in_the_help() {
    let help = oci_agent(World::empty().dir.path(), &["run", "--help"]).stdout;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        help.contains("ship, hold and stop all end with 0, and 1 says that the randomisation failed its audit"),
        "{help}"
    );
}

#[test]
fn an_effect_that_wears_off_is_told_with_its_two_halves() {
    let world = World::empty();
    let mut text = "unit,arm,at,y\n".to_owned();
    let mut noise = Noise(12);
    for unit in 0..2_000 {
        let (arm, day) = (unit % 2, 1 + unit / 200);
        let effect = if day <= 5 { 3.0 } else { 1.0 };
        let _ = writeln!(text, "{unit},{arm},2026-03-{day:02},{}", effect * arm as f64 + noise.normal());
    }
    world.write("data.csv", &text);
    let plan = format!("{HEAD}metrics: {{y: {{expression: y, role: primary}}}}\n")
        .replace("unit_id: unit}", "unit_id: unit, assigned_at: at}");
    let ran = world.run(&plan, &[]);
    let phases = world.json("results.json")["phases"].clone();
    for (phase, from, to, effect) in [(0, 1.0, 5.0, 3.0), (1, 6.0, 10.0, 1.0)] {
        let found = &phases[phase];
        assert_eq!((found["from"].as_f64(), found["to"].as_f64()), (Some(from), Some(to)));
        let estimate = found["effects"][0]["effect"]["estimate"].as_f64().expect("a number");
        assert!((estimate - effect).abs() < 0.3, "{found}");
        assert_eq!(found["effects"][0]["n"], 1_000);
    }
    let flat = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("Effect on `y` in `1` of those assigned earlier and later: "), "{flat}");
    assert!(flat.contains("on days 1 to 5, ") && flat.contains("on days 6 to 10."), "{flat}");
    let report = std::fs::read_to_string(world.dir.path().join("runs/out/report.md")).expect("a report");
    assert_eq!(report.matches("assigned earlier and later").count(), 2, "on the first page and beside the days");
}

#[test]
fn effects_in_segments_come_with_their_covariance() {
    let world = world();
    let plan = format!(
        "{HEAD}metrics:\n  y: {{expression: y, role: primary}}\n  r: {{ratio: [sum(y), count()]}}\nsegments: ['country == \"DE\"', 'x > 5', 'country == \"FR\"', 'x > -1']\n"
    );
    world.run(&plan, &[]);
    let found = world.json("segments_covariance.json");
    assert_eq!(found.as_array().map(Vec::len), Some(1), "a ratio has a fit of its own in each segment: {found}");
    assert_eq!(found[0]["metric"], "y");
    let results = world.json("results.json");
    assert!(results.get("segment_covariances").is_none());
    // The segment that nobody is in has no effect, and no row.
    let effects: Vec<(&str, &str)> = found[0]["effects"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| (row["segment"].as_str().expect("text"), row["arm"].as_str().expect("text")))
        .collect();
    assert_eq!(effects, [("country == \"DE\"", "1"), ("country == \"FR\"", "1"), ("x > -1", "1")]);
    let at = |i: usize, j: usize| found[0]["covariance"][i][j].as_f64().expect("a number");
    for (i, (segment, _)) in effects.iter().enumerate() {
        let row = effect(&results, "segments", &[("metric", "y"), ("segment", segment)]);
        let std_error = row["effect"]["std_error"].as_f64().expect("a number");
        assert!((at(i, i).sqrt() / std_error - 1.0).abs() < 1e-9, "{segment}");
        (0..3).for_each(|j| assert!((at(i, j) - at(j, i)).abs() < 1e-12 * at(i, i)));
    }
    // Two countries share no row, and the units of a segment by x are in both.
    assert!(at(0, 2) > 0.1 * (at(0, 0) * at(2, 2)).sqrt(), "{found}");
    assert!(at(0, 1).abs() < 0.5 * (at(0, 0) * at(1, 1)).sqrt(), "{found}");
}
