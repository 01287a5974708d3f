//! Worst-case bounds of an outcome whose range the plan declares.

use crate::cli::oci_agent;
use crate::structure::{Done, PLAN, file};

fn data() -> String {
    file(300, 0.5, |_, noise| noise.normal().to_string())
}

fn plan(outcome: &str) -> String {
    PLAN.replace("{column: y, units: kg}", &format!("{{column: y, units: kg, {outcome}}}"))
}

#[test]
fn a_declared_range_gives_bounds_and_changes_nothing_else() {
    let with = Done::of(&data(), &plan("bounds: [-20, 30]"));
    let without = Done::of(&data(), PLAN);
    assert_eq!(with.ran.code, without.ran.code);
    let (with, without) = (with.json("results.json"), without.json("results.json"));
    for (place, requested) in ["ate", "att", "ato"].into_iter().enumerate() {
        let (one, other) = (&with["answers"][place], &without["answers"][place]);
        assert_eq!((&one["requested"], &one["effect"]), (&serde_json::json!(requested), &other["effect"]));
        assert!(other.get("bounds").is_none());
        // The effect is 1 in everybody. The overlap population has no bounds.
        let Some(bounds) = one.get("bounds") else {
            assert_eq!(requested, "ato");
            continue;
        };
        let of = |key: &str| bounds[key].as_f64().expect("a number");
        assert!(of("lower") < 1.0 && 1.0 < of("upper"), "{bounds}");
        assert!((of("upper") - of("lower") - 50.0).abs() < 1e-9, "{bounds}");
    }
}

#[test]
fn a_range_that_is_none_is_refused_at_its_line() {
    for (outcome, wanted) in [
        ("bounds: [30, -20]", "is a list of two numbers"),
        ("bounds: [0]", "is a list of two numbers"),
        ("bounds: [0, .inf]", "is a list of two numbers"),
        ("bounds: 3", "is a list"),
        ("bounds: [0, 1], kind: binary", "is for an outcome that is a number"),
        ("bounds: [100, 200]", "300 values of the outcome `y` are not between 100 and 200"),
    ] {
        let dir = tempfile::tempdir().expect("temporary directory");
        std::fs::write(dir.path().join("data.csv"), data()).expect("data");
        std::fs::write(dir.path().join("plan.yaml"), plan(outcome)).expect("plan");
        let checked = oci_agent(dir.path(), &["check", "plan.yaml"]);
        let words = checked.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(checked.code == 2 && words.contains(wanted) && words.contains("plan.yaml:5"), "{outcome}: {words}");
    }
}
