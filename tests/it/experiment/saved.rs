//! An experiment that was compressed once answers as its rows do.

use crate::cli::oci_agent;
use crate::experiment::{World, effect};
use serde_json::Value;

const PLAN: &str = "title: T\nquestion: Q?\ndesign: experiment\ndata: {source: units.csv}\n\
    assignment: {column: arm, control: control, unit_id: unit_id, shares: {control: 0.4, t1: 0.3, t2: 0.3}}\n\
    metrics:\n  sales: {expression: sales, role: primary}\n  minutes: {expression: minutes, role: secondary}\n\
    covariates: [x_pre, x_age, device, holiday, econ]\n\
    segments: ['device == \"desktop\"', 'holiday == 1 and x_age >= 2']\n";

fn fitted(extra: &[&str]) -> World {
    let world = World::reference();
    world.write("plan.yaml", PLAN);
    let args = [&["experiment", "fit", "plan.yaml", "--out", "fitted"][..], extra].concat();
    let ran = oci_agent(world.dir.path(), &args);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    world
}

fn asked(world: &World, args: &[&str]) -> Value {
    let ran = oci_agent(world.dir.path(), &[&["experiment"][..], args, &["--json"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    serde_json::from_str(&ran.stdout).expect("JSON")
}

#[track_caller]
fn same(found: &Value, expected: &Value) {
    for key in ["estimate", "std_error", "lower", "upper"] {
        let [found, expected] = [found, expected].map(|row| row["effect"][key].as_f64().expect("a number"));
        assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{key}: {found} {expected}");
    }
    assert_eq!(found["n"], expected["n"]);
}

#[test]
fn effects_and_segments_are_those_of_a_run() {
    let world = fitted(&[]);
    world.run(PLAN, &[]);
    let results = world.json("results.json");
    let everyone = asked(&world, &["effect", "fitted"]);
    let segments = ["device == \"desktop\"", "holiday == 1 and x_age >= 2"];
    let parts = asked(&world, &["segments", "fitted", "--segment", segments[0], "--segment", segments[1]]);
    for (metric, arm) in [("sales", "t1"), ("sales", "t2"), ("minutes", "t2")] {
        let keys = [("metric", metric), ("arm", arm)];
        same(effect(&everyone, "effects", &keys), effect(&results, "effects", &keys));
        for segment in segments {
            let keys = [keys[0], keys[1], ("segment", segment)];
            let found = effect(&parts, "effects", &keys);
            same(found, effect(&results, "segments", &keys));
            assert_eq!(found["exploratory"], true);
        }
    }
    assert!(everyone["explain"].as_str().expect("a sentence").contains("being assigned"));
    let one = asked(&world, &["effect", "fitted", "--metric", "sales", "--arm", "t2"]);
    assert_eq!(one["effects"].as_array().expect("rows").len(), 1);
    // What was fitted was seen.
    assert!(world.dir.path().join("oci-runs/oci-looks.jsonl").exists());
}

#[test]
fn what_the_cells_or_the_model_do_not_have_is_refused_by_name() {
    let world = fitted(&["--by", "cluster_id", "--least", "2"]);
    let refused = |args: &[&str]| {
        let ran = oci_agent(world.dir.path(), &[&["experiment"][..], args].concat());
        assert_eq!(ran.code, 2, "{}", ran.stdout);
        ran.stderr
    };
    let segment = |text: &str| refused(&["segments", "fitted", "--segment", text]);
    assert!(segment("x_pre > 12").contains("--by"));
    assert!(segment("cluster_id == 3").contains("add `cluster_id` to `covariates`"));
    assert!(segment("device = 3").contains("=="));
    assert!(segment("x_age > 7").contains("fewer than 20 rows"));
    assert!(refused(&["effect", "fitted", "--metric", "clicks"]).contains("`sales` and `minutes`"));
    assert!(refused(&["effect", "nowhere"]).contains("nowhere"));
    assert!(refused(&["fit", "plan.yaml", "--out", "fitted"]).contains("fitted"));
    assert!(refused(&["fit", "plan.yaml", "--out", "other", "--by", "sales"]).contains("more than 50 values"));
    let document: Value =
        serde_json::from_slice(&std::fs::read(world.dir.path().join("fitted/fit.json")).expect("fit.json"))
            .expect("JSON");
    assert!(document["cells_left_out"].as_u64().expect("a number") > 0);
    std::fs::write(world.dir.path().join("fitted/fit.json"), "{}").expect("a file");
    assert!(refused(&["effect", "fitted"]).contains("oci-agent experiment fit"));
}
