//! Every example of an experiment, run with the built program and held against the truth that its data were made with.

use crate::examples::Example;
use crate::experiment::{effect, severity};
use serde_json::Value;

fn truth(example: &str, key: &str) -> f64 {
    let path = crate::examples::plan(example).with_file_name("truth.json");
    let all: Value = serde_json::from_slice(&std::fs::read(path).expect("truth.json")).expect("JSON");
    all[key].as_f64().unwrap_or_else(|| panic!("{key}"))
}

/// Within three standard errors.
#[track_caller]
fn near(row: &Value, truth: f64) {
    let [estimate, std_error] = ["estimate", "std_error"].map(|key| row["effect"][key].as_f64().expect("a number"));
    assert!((estimate - truth).abs() < 3.0 * std_error, "{estimate} ({std_error}) for {truth}");
}

#[test]
fn the_ranking_is_stopped_for_sales_and_latency_and_helps_one_segment() {
    let example = Example::run("ranking_experiment", &[]);
    assert_eq!(example.ran.code, 0, "{}", example.ran.stderr);
    let results = example.json("results.json");
    assert_eq!(results["decisions"][0]["verdict"], "stop");
    near(effect(&results, "effects", &[("metric", "sales")]), truth("ranking_experiment", "sales"));
    near(effect(&results, "effects", &[("metric", "latency")]), truth("ranking_experiment", "latency"));
    let helped = effect(
        &results,
        "segments",
        &[("metric", "sales"), ("segment", "holiday_shopper == 1 and screen == \"large\"")],
    );
    near(helped, truth("ranking_experiment", "sales, holiday shoppers on a large screen"));
    let rest = effect(
        &results,
        "segments",
        &[("metric", "sales"), ("segment", "holiday_shopper == 0 or screen == \"small\"")],
    );
    near(rest, truth("ranking_experiment", "sales, everybody else"));
    assert!(helped["effect"]["estimate"].as_f64().expect("a number") > 0.0);
    assert!(rest["effect"]["upper"].as_f64().expect("an end") < 0.0);
    assert_eq!(severity(&results["health"], "pre_period"), "pass");
    assert!(example.text("report.html").contains("<svg"));
}

#[test]
fn the_e_mail_is_shipped_and_its_effects_keep_their_names() {
    let example = Example::run("encouragement", &[]);
    assert_eq!(example.ran.code, 0, "{}", example.ran.stderr);
    let results = example.json("results.json");
    assert_eq!(results["decisions"][0]["verdict"], "ship");
    for request in ["itt", "late", "ate"] {
        near(effect(&results, "effects", &[("request", request)]), truth("encouragement", request));
    }
}

#[test]
fn forty_stores_are_not_enough_and_the_report_says_how_many_would_be() {
    let example = Example::run("cluster_test", &[]);
    assert_eq!(example.ran.code, 0, "{}", example.ran.stderr);
    let results = example.json("results.json");
    let decision = &results["decisions"][0];
    assert_eq!(decision["verdict"], "hold");
    assert!(decision["rows"][0]["more_units"].as_u64().expect("a number") > 40);
    near(effect(&results, "effects", &[("metric", "sales")]), truth("cluster_test", "sales"));
}
