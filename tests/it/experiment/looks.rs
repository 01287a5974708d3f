//! Peeking is on record, and what was added after a look is exploratory.

use crate::experiment::{World, effect, severity};
use crate::structure::Noise;
use std::fmt::Write as _;

fn data(n: usize) -> String {
    let mut noise = Noise(5);
    let mut text = String::from("unit,arm,x,y,z\n");
    for unit in 0..n {
        let (arm, x) = (u8::from(noise.happens(0.5)), noise.normal());
        let y = 0.1 * f64::from(arm) + x + noise.normal();
        let _ = writeln!(text, "u{unit},{},{x},{y},{}", ["off", "on"][usize::from(arm)], noise.normal());
    }
    text
}

fn plan(looks: &str, more: &str) -> String {
    format!(
        "title: A test\nquestion: Q?\ndesign: experiment\ndata: {{source: data.csv}}\n\
         assignment: {{column: arm, control: 'off', unit_id: unit}}\n\
         metrics:\n  y: {{expression: y, role: primary, smallest_effect: 0.2}}\n{more}covariates: [x]\nlooks: {looks}\n"
    )
}

#[test]
fn each_look_is_on_record_and_the_sequence_runs_over_them() {
    let world = World::empty();
    let anytime = plan("{plan: anytime, planned_n: 2000}", "");
    let mut before: Option<[f64; 2]> = None;
    for (look, n) in (1..).zip([300, 600, 900]) {
        world.write("data.csv", &data(n));
        let ran = world.run(&anytime, &[]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let results = world.json("results.json");
        assert_eq!(results["looks"].as_array().expect("looks").len(), look);
        let row = effect(&results, "effects", &[("metric", "y")]);
        let now = ["lower", "upper"].map(|key| row["anytime"][key].as_f64().expect("an end"));
        let fixed = ["lower", "upper"].map(|key| row["effect"][key].as_f64().expect("an end"));
        assert!(look > 1 || (now[0] < fixed[0] && now[1] > fixed[1]), "wider than the interval of one look");
        if let Some(before) = before {
            assert!(now[0] >= before[0] && now[1] <= before[1], "an intersection: {before:?} {now:?}");
        }
        before = Some(now);
        assert_eq!(severity(&results["health"], "looks"), "pass");
        assert!(world.git(&["log", "--format=%s"]).contains(&format!("unblind: look {look} at")));
    }
    // The same again is no look, and changes nothing.
    world.run(&anytime, &[]);
    assert_eq!(world.json("results.json")["looks"].as_array().expect("looks").len(), 3);
    let lines = std::fs::read_to_string(world.dir.path().join("runs/oci-looks.jsonl")).expect("looks");
    assert_eq!(lines.lines().count(), 3);
}

#[test]
fn a_fixed_size_that_is_peeked_at_is_capped() {
    let world = World::empty();
    world.write("data.csv", &data(300));
    world.run(&plan("{plan: fixed}", ""), &[]);
    assert_eq!(world.json("results.json")["health"]["tier"], "fully_satisfactory");
    world.write("data.csv", &data(600));
    let ran = world.run(&plan("{plan: fixed}", ""), &[]);
    assert!(ran.stderr.contains("looked at once before"), "{}", ran.stderr);
    let health = world.json("results.json")["health"].clone();
    assert_eq!(
        (severity(&health, "looks").as_str(), health["tier"].as_str()),
        ("warn", Some("satisfactory_with_caveats"))
    );
}

#[test]
fn a_metric_or_a_definition_that_came_later_decides_nothing() {
    let world = World::empty();
    world.write("data.csv", &data(400));
    world.run(&plan("{plan: anytime, planned_n: 1000}", ""), &[]);
    world.write("data.csv", &data(800));
    let later = plan("{plan: anytime, planned_n: 1000}", "  z: {expression: z, role: primary}\n");
    world.run(&later, &[]);
    let results = world.json("results.json");
    assert_eq!(effect(&results, "effects", &[("metric", "z")])["exploratory"], true);
    assert!(effect(&results, "effects", &[("metric", "y")])["exploratory"].is_null());
    let rows = results["decisions"][0]["rows"].as_array().expect("rows");
    assert!(rows.iter().all(|row| row["metric"] != "z"));
}

#[test]
fn checking_computes_no_effect_and_adds_no_look() {
    let world = World::empty();
    world.write("data.csv", &data(300));
    world.write("plan.yaml", &plan("{plan: fixed}", ""));
    let checked = crate::cli::oci_agent(world.dir.path(), &["check", "plan.yaml", "--json"]);
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    assert!(!checked.stdout.contains("estimate"), "{}", checked.stdout);
    for command in [&["experiment", "power", "plan.yaml", "--json"][..], &["experiment", "power", "plan.yaml"]] {
        let power = crate::cli::oci_agent(world.dir.path(), command);
        assert_eq!(power.code, 0, "{}", power.stderr);
        assert!(power.stdout.contains("needed") && !power.stdout.contains("p_value"), "{}", power.stdout);
    }
    assert!(!world.dir.path().join("runs").exists() && !world.dir.path().join("oci-looks.jsonl").exists());
    let validated = crate::cli::oci_agent(
        world.dir.path(),
        &["experiment", "validate", "plan.yaml", "--permutations", "200", "--json"],
    );
    assert_eq!(validated.code, 0, "{}", validated.stderr);
    let document: serde_json::Value = serde_json::from_str(&validated.stdout).expect("JSON");
    assert_eq!(document["results"][0]["holds"], true);
}
