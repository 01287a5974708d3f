//! `init --experiment` writes a page that reads, passes `check` on the data of the examples, and says what is a guess.

use super::World;
use crate::cli::{Ran, oci_agent};
use crate::structure::Noise;
use std::fmt::Write as _;

/// A folder with the data of an example.
fn example(name: &str) -> World {
    let world = World::empty();
    let data = crate::examples::plan(name).with_file_name("data");
    for file in std::fs::read_dir(data).expect("data") {
        let path = file.expect("a file").path();
        std::fs::copy(&path, world.dir.path().join(path.file_name().expect("a name"))).expect("a copy");
    }
    world
}

/// The plan that was written, which is a page, is what the schema says, and passes.
#[track_caller]
fn written(world: &World, arguments: &[&str]) -> (String, Ran) {
    let ran = oci_agent(world.dir.path(), &[&["init"], arguments, &["--experiment", "--assignment", "arm"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let plan = std::fs::read_to_string(world.dir.path().join("plan.yaml")).expect("a plan");
    assert!(plan.lines().count() <= 60, "{} lines\n{plan}", plan.lines().count());
    assert!(plan.lines().all(|line| line.chars().count() <= 160), "{plan}");
    let schema: serde_json::Value =
        serde_json::from_str(&oci_agent::plan::experiment::reference::json_schema()).expect("JSON");
    let tree: serde_json::Value = serde_saphyr::from_str(&plan).unwrap_or_else(|error| panic!("{error}: {plan}"));
    assert_eq!(crate::plan_keys::against(&schema, &tree, ""), Vec::<String>::new(), "{plan}");
    let checked = oci_agent(world.dir.path(), &["check", "plan.yaml"]);
    assert_eq!(checked.code, 0, "{}\n{plan}\n{}", checked.stderr, checked.stdout);
    (plan, ran)
}

fn has(plan: &str, lines: &[&str]) {
    for line in lines {
        assert!(plan.lines().any(|found| found.trim() == *line), "no `{line}` in\n{plan}");
    }
}

#[test]
fn people_who_may_take_up_a_treatment() {
    let (plan, ran) = written(&example("encouragement"), &["people.csv"]);
    has(
        &plan,
        &[
            "control: no_email",
            "unit_id: person",
            "treated: took_course",
            "earned: {expression: earned, role: primary}",
            "covariates: [age, reads_on_phone, earned_before]",
        ],
    );
    assert!(plan.contains("requests: [itt, late]") && plan.contains("docs/experiment.schema.json"), "{plan}");
    assert!(ran.stderr.contains("a guess: `treated`, since `took_course`"), "{}", ran.stderr);
}

#[test]
fn stores_that_were_drawn_whole() {
    let (plan, _) = written(&example("cluster_test"), &["shoppers.csv", "--control", "control"]);
    has(
        &plan,
        &[
            "control: control",
            "unit_id: shopper",
            "cluster_by: [store]",
            "sales: {expression: sales, role: primary}",
            "covariates: [region]",
        ],
    );
}

#[test]
fn shoppers_with_files_of_orders_and_visits() {
    let world = example("ranking_experiment");
    let (plan, _) = written(&world, &["assignments.csv", "--events", "orders.csv", "--events", "visits.csv"]);
    has(&plan, &["control: control", "unit_id: shopper", "assigned_at: assigned_at"]);
    let metric = |name: &str| plan.lines().find(|line| line.trim().starts_with(name)).expect("a metric").to_owned();
    assert!(metric("amount:").contains("source: orders.csv, expression: sum(amount), time: ordered_at, window: [0d"));
    assert!(metric("ms:").contains("source: visits.csv, expression: mean(ms), time: visited_at, window: [0d"));
    assert!(metric("covariates:").contains("pre_amount, device, screen"), "{plan}");
    assert!(!plan.contains("pre_ms"), "no visit is older than the experiment");
    let checked = oci_agent(world.dir.path(), &["--json", "check", "plan.yaml"]);
    let event: serde_json::Value = serde_json::from_str(&checked.stdout).expect("JSON");
    assert_eq!(super::severity(&event["health"], "follow_up"), "pass", "no window ends after its file");
    assert_eq!(super::severity(&event["health"], "pre_period"), "pass");

    // Without those files something is proposed, and said to be a guess.
    let (plan, _) = written(&world, &["assignments.csv", "--force"]);
    assert!(plan.contains("# A guess: no name in the file says what was measured"), "{plan}");
}

#[test]
fn a_wide_file_is_still_a_page_and_odd_names_are_read_back() {
    let world = World::empty();
    let mut text = String::from("who,arm,\"spent, in total\",größe,visit day");
    (0..200).for_each(|j| write!(text, ",a_rather_long_name_of_a_column_{j}").expect("text"));
    let mut noise = Noise(5);
    for i in 0..2_000_u32 {
        let arm = ["old", "new", "newer"][(noise.uniform() * 3.0) as usize];
        let whole = |noise: &mut Noise| (noise.uniform() * 900.0) as u32;
        write!(text, "\nu{i},{arm},{}.5,{},2026-03-{:02}", whole(&mut noise), whole(&mut noise), 1 + i % 28)
            .expect("text");
        (0..200).for_each(|_| write!(text, ",{}", whole(&mut noise)).expect("text"));
    }
    world.write("data.csv", &text);
    let (plan, ran) = written(&world, &["data.csv", "--metric", "spent, in total"]);
    has(&plan, &["control: new   # a guess: which arm are the others compared with?"]);
    has(&plan, &["title: newer and old against new", "# shares: {new: 0.333333, newer: 0.333333, old: 0.333333}"]);
    assert!(
        plan.contains("spent__in_total: {expression: \"`spent, in total`\"") && plan.contains("\"größe\""),
        "{plan}"
    );
    assert!(plan.contains("more columns") && ran.stderr.contains("left out: visit day (a time)"), "{plan}");
}

#[test]
fn what_cannot_be_proposed_is_told_with_a_way_on() {
    let world = example("encouragement");
    for (arguments, words) in [
        (vec!["--experiment", "--assignment", "arms"], "the assignment column `arms` is not in"),
        (vec!["--experiment", "--assignment", "earned"], "has more than 50 values"),
        (vec!["--experiment", "--assignment", "arm", "--control", "none"], "has the control `none`"),
        (vec!["--experiment", "--assignment", "arm", "--unit", "who"], "the unit column `who` is not in"),
        (vec!["--experiment", "--assignment", "arm", "--metric", "x"], "the metric column `x` is not in"),
        (vec!["--experiment", "--assignment", "arm", "--events", "nowhere.csv"], "nowhere.csv"),
        (vec!["--experiment"], "--assignment"),
        (vec!["--assignment", "arm", "--treatment", "arm", "--outcome", "earned"], "--treatment"),
        (vec!["--experiment", "--assignment", "arm", "--treatment", "arm"], "--treatment"),
        (vec!["--treatment", "arm"], "--outcome"),
    ] {
        let ran = oci_agent(world.dir.path(), &[vec!["init", "people.csv"], arguments.clone()].concat());
        assert_eq!(ran.code, 2, "{arguments:?}");
        assert!(ran.stderr.contains(words), "{arguments:?}: {}", ran.stderr);
        assert!(!world.dir.path().join("plan.yaml").exists());
    }
}
