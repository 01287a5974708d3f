//! The tools for an experiment: what is refused before the results are open, and what is told of few units: nothing.

use oci_agent::pipeline::experiment::asked::AssignmentRows;
use oci_agent::pipeline::experiment::prepare::prepare_with_rows;
use oci_agent::pipeline::experiment::{Experiment, health, results};
use oci_agent::record::experiment::ExperimentResults;
use oci_agent::tools::experiment::{ExperimentAnswer, ExperimentContext, ExperimentRegistry};
use oci_agent::tools::privacy::Privacy;
use serde_json::{Value, json};
use std::fmt::Write as _;

struct World {
    experiment: Experiment,
    rows: AssignmentRows,
    results: ExperimentResults,
    privacy: Privacy,
}

impl World {
    fn of(data: &str, plan: &str) -> World {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("data.csv"), data).expect("data");
        let (experiment, rows) =
            prepare_with_rows(plan.as_bytes(), dir.path()).unwrap_or_else(|error| panic!("{error:?}"));
        let results = results::results(&experiment, health(&experiment, &[]), &[]);
        World { privacy: Privacy::of_experiment(&experiment), experiment, rows, results }
    }

    fn call(&self, open: bool, tool: &str, arguments: &Value) -> Result<String, String> {
        let context = ExperimentContext {
            experiment: &self.experiment,
            rows: &self.rows,
            looks: &[],
            privacy: &self.privacy,
            results: open.then_some(&self.results),
            out: "/runs/out",
        };
        match ExperimentRegistry.call(tool, arguments, &context) {
            Ok(ExperimentAnswer::Reply(reply)) => Ok(reply.model),
            Ok(ExperimentAnswer::Open) => Ok("open".to_owned()),
            Err(error) => Err(error.for_model(&self.privacy)),
        }
    }

    fn object(&self, tool: &str, arguments: &Value) -> Value {
        let said = self.call(true, tool, arguments).unwrap_or_else(|said| panic!("{tool} {arguments}: {said}"));
        let inside = said.split_once(">\n").and_then(|(_, rest)| rest.rsplit_once("\n</data>")).expect("a fence").0;
        serde_json::from_str(inside).expect("JSON")
    }

    fn segments(&self, conditions: &[&str]) -> Result<Value, String> {
        let arguments = json!({"conditions": conditions});
        self.call(true, "experiment_segments", &arguments).map(|_| self.object("experiment_segments", &arguments))
    }
}

const PLAN: &str = "title: T\nquestion: Q?\ndesign: experiment\n\
    data: {source: data.csv, columns: {later: {measured: after}}}\n\
    assignment: {column: arm, control: a, unit_id: unit}\nmetrics: {y: {expression: y}}\ncovariates: [x, place]\n\
    segments: ['x > 0', 'place == \"tiny place\"']\n";

/// 600 units in two arms; `place` has a level of three units, and `later` was measured after the start.
fn data() -> String {
    let mut text = String::from("unit,arm,x,place,age,later,y\n");
    for i in 0..600_u32 {
        let place = if i < 3 { "tiny place" } else { ["big", "middle"][(i / 2 % 2) as usize] };
        let x = f64::from(i * 37 % 101) - 50.0;
        let arm = if i * 29 % 61 % 2 == 0 { "a" } else { "b" };
        let y = f64::from(i * 53 % 97) + if arm == "b" { 5.0 } else { 0.0 };
        let _ = writeln!(text, "secret-{i},{arm},{x},{place},{},{},{y}", i % 70, i % 5);
    }
    text
}

#[test]
fn only_what_needs_no_effect_is_offered_and_answered_before_the_run() {
    let world = World::of(&data(), PLAN);
    let names = |open| ExperimentRegistry.offered(open).into_iter().map(|tool| tool.name).collect::<Vec<_>>();
    assert_eq!(names(false), ["describe_experiment", "experiment_power", "experiment_validate", "run_experiment"]);
    assert_eq!(names(true), ExperimentRegistry.known());
    for tool in ["experiment_effect", "experiment_segments"] {
        let said = world.call(false, tool, &json!({"conditions": ["x > 0"]})).expect_err("refused");
        assert!(said.contains("needs the results"), "{said}");
        assert!(world.call(false, tool, &Value::Null).is_err());
    }
    assert_eq!(world.call(false, "run_experiment", &json!({})), Ok("open".to_owned()));
    for name in ["rm", "propose_spec", "estimate"] {
        assert!(world.call(false, name, &json!({})).is_err_and(|said| said.contains("there is no tool")));
    }
}

#[test]
fn schemas_are_plain_and_closed() {
    for tool in ExperimentRegistry.offered(true) {
        let text = tool.schema.to_string();
        assert_eq!(tool.schema["type"], "object", "{}", tool.name);
        assert_eq!(tool.schema["additionalProperties"], false, "{}", tool.name);
        for word in ["$ref", "$schema", "$defs", "\"format\"", "null", "anyOf", "minimum", "default"] {
            assert!(!text.contains(word), "{}: {word} in {text}", tool.name);
        }
    }
}

#[test]
fn few_units_are_never_told_of() {
    let world = World::of(&data(), PLAN);
    let mut heard = String::new();
    for (tool, arguments) in [
        ("describe_experiment", json!({})),
        ("experiment_power", json!({})),
        ("experiment_validate", json!({"permutations": 20})),
        ("run_experiment", json!({})),
        ("experiment_effect", json!({})),
    ] {
        heard += &world.object(tool, &arguments).to_string();
    }
    assert!(!heard.contains("tiny") && !heard.contains("secret"), "{heard}");
    let described = world.object("describe_experiment", &json!({}));
    let columns = described["segment_columns"].as_array().expect("columns");
    let names: Vec<&str> = columns.iter().filter_map(|column| column["name"].as_str()).collect();
    assert_eq!(names, ["x", "place", "age"], "neither the arm, the unit, a metric nor what came later");
    assert_eq!(columns[1]["common_levels"], json!(["big", "middle"]));
    assert_eq!(described["segments"][1], "a segment with fewer than 20 units of an arm");

    // A level of few units and a level that is not there are told apart by nobody.
    let said = |level: &str| {
        let said = world.segments(&[&format!("place == \"{level}\"")]).expect_err("refused");
        said.replace(level, "LEVEL")
    };
    assert_eq!(said("tiny place"), said("no place"));
    for condition in ["unit == \"secret-7\"", "x > 49", "age > 1 and age < 3", "1 / x > 0"] {
        let said = world.segments(&[condition]).expect_err("refused");
        assert!(said.contains("fewer than 20 units of an arm") && !said.contains("row"), "{said}");
    }
}

#[test]
fn what_the_arms_may_have_changed_chooses_no_units() {
    let world = World::of(&data(), PLAN);
    for (condition, words) in [
        ("y > 50", "is a metric"),
        ("later > 2", "was measured after the start"),
        ("arm == \"a\"", "says which arm a unit got"),
        ("x >", "is not an expression"),
    ] {
        let said = world.segments(&[condition]).expect_err("refused");
        assert!(said.contains(words), "{condition}: {said}");
    }
    assert!(world.call(true, "experiment_segments", &json!({"conditions": []})).is_err());
    assert!(world.call(true, "experiment_segments", &json!({"conditions": "x > 0"})).is_err());
}

#[test]
fn segments_of_the_plan_are_on_record_and_any_other_is_exploratory() {
    let world = World::of(&data(), PLAN);
    let found = world.segments(&["x > 0", "place == big"]).expect("an answer");
    let rows = found["effects"].as_array().expect("effects");
    let marks: Vec<(&str, &Value)> =
        rows.iter().map(|row| (row["segment"].as_str().expect("a segment"), &row["exploratory"])).collect();
    assert_eq!(marks, [("x > 0", &json!(false)), ("place == big", &json!(true))]);
    let own = world.results.segments.iter().find(|row| row.segment.as_deref() == Some("x > 0")).expect("a row");
    let told = rows[0]["estimate"].as_f64().expect("a number");
    assert!((told - own.effect.estimate).abs() <= 1e-3 * own.effect.estimate.abs().max(1e-9));
    // Alone or beside others, the answer is the same.
    let alone = world.segments(&["place == big"]).expect("an answer");
    assert_eq!(alone["effects"][0]["estimate"], rows[1]["estimate"]);
    // One condition that is refused does not take the others with it.
    let mixed = world.segments(&["place == big", "y > 1"]).expect("an answer");
    assert_eq!(
        (mixed["effects"].as_array().map(Vec::len), mixed["not_answered"].as_array().map(Vec::len)),
        (Some(1), Some(1))
    );
}

#[test]
fn two_segments_that_differ_by_few_units_are_not_both_told_of() {
    let world = World::of(&data(), PLAN);
    world.segments(&["age < 40"]).expect("an answer");
    let said = world.segments(&["age < 41"]).expect_err("about nine units more, in two arms");
    assert!(said.contains("differs from another that was described"), "{said}");
    world.segments(&["age < 60"]).expect("twenty ages more");
    let said = world.segments(&["age < 69"]).expect_err("everyone but eight");
    assert!(said.contains("from everyone"), "{said}");
    // The plan has `x > 0`, whether or not it was asked for before.
    let said = World::of(&data(), PLAN).segments(&["x > 1"]).expect_err("six units fewer");
    assert!(said.contains("differs from another that was described"), "{said}");
}

#[test]
fn rows_of_a_panel_are_counted_as_units() {
    let mut text = String::from("unit,arm,period,big,y\n");
    for unit in 0..120_u32 {
        for period in 0..8_u32 {
            let _ = writeln!(
                text,
                "{unit},{},{period},{},{}",
                ["a", "b"][(unit % 2) as usize],
                u32::from(unit < 12),
                unit * 7 % 31 + period
            );
        }
    }
    let plan = "title: T\nquestion: Q?\ndesign: experiment\ndata: {source: data.csv}\n\
        assignment: {column: arm, control: a, unit_id: unit, cluster_by: [unit], period: period}\nmetrics: {y: {expression: y}}\n";
    let world = World::of(&text, plan);
    let said = world.segments(&["big == 1"]).expect_err("48 rows of six units in each arm");
    assert!(said.contains("fewer than 20 units"), "{said}");
    assert!(world.segments(&["period > 3"]).is_ok(), "half of the rows of every unit");
}

#[test]
fn an_arm_of_few_units_is_not_told_of() {
    let mut text = data();
    for i in 0..15 {
        let _ = writeln!(text, "few-{i},c,{i},big,{i},1,{}", 1000 + i);
    }
    let plan =
        PLAN.replace("control: a,", "control: a, shares: {a: 0.49, b: 0.49, c: 0.02},") + "privacy: {min_cell: 16}\n";
    let world = World::of(&text, &plan);
    let effects = world.object("experiment_effect", &json!({}));
    let arms: Vec<&str> =
        effects["effects"].as_array().expect("effects").iter().filter_map(|row| row["arm"].as_str()).collect();
    assert_eq!(arms, ["b"]);
    assert!(effects["refused"].to_string().contains("fewer than 16 units"), "{effects}");
    let described = world.object("describe_experiment", &json!({}));
    assert_eq!(described["design"]["arms"][2]["units"], "fewer than 16");
    assert_eq!(described["design"]["units"], "about 608", "nor can it be had by subtraction");
    assert_eq!(effects["effects"][0]["n"], "about 608");
    let decided = world.object("run_experiment", &json!({}));
    assert!(
        decided["decisions"][1]["not_told"].is_string() && decided["decisions"][1].get("reason").is_none(),
        "{decided}"
    );
    assert!(world.object("experiment_power", &json!({}))["rows"].as_array().is_some_and(|rows| rows.len() == 1));
}
