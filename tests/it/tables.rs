//! What a run leaves for other tools: units, estimates and balance, which agree with each other and with the data.

use crate::cli::oci_agent;
use polars_core::prelude::{AnyValue, DataFrame};
use polars_io::SerReader as _;
use polars_io::parquet::read::ParquetReader;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

const PLAN: &str = "title: a\nquestion: b\ndata:\n  source: d.csv\n  unit_id: who\n  weights: w\n  filter: x < 90\n  \
                    missing: drop\ntreatment: {column: t}\noutcome: {column: \"y\", units: kg}\nconfounders: {priority: [x, g]}\n\
                    estimands: [ate, att]\nanalysis: {estimator: aipw}\n";

/// 400 units by a linear congruence: x drives treatment and outcome.
fn data() -> String {
    let mut text = "who,t,y,x,g,w\n".to_owned();
    let mut state = 12_345_u64;
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    for i in 0..400 {
        let x = (100.0 * draw()).round();
        let t = u8::from(draw() < 0.25 + x / 200.0);
        let g = if draw() < 0.4 { "a" } else { "b" };
        let y = if i % 50 == 7 { String::new() } else { format!("{:.3}", x / 10.0 + f64::from(t) + draw()) };
        let _ = writeln!(text, "{},{t},{y},{x},{g},{}", 1_000 + i, if i == 9 { 0 } else { 1 + i % 3 });
    }
    text
}

fn run(plan: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("d.csv"), data()).expect("data");
    std::fs::write(dir.path().join("plan.yaml"), plan).expect("a plan");
    let ran = oci_agent(dir.path(), &["run", "plan.yaml", "--out", "out"]);
    assert!(ran.code <= 1, "{}{}", ran.stdout, ran.stderr);
    dir
}

fn units(path: &Path) -> DataFrame {
    ParquetReader::new(std::fs::File::open(path).expect("a file")).finish().expect("Parquet")
}

fn text(frame: &DataFrame, column: &str, row: usize) -> Option<String> {
    match frame.column(column).expect(column).get(row).expect("a row") {
        AnyValue::Null => None,
        AnyValue::String(text) => Some(text.to_owned()),
        other => Some(other.to_string()),
    }
}

fn number(frame: &DataFrame, column: &str, row: usize) -> Option<f64> {
    // As text a float has six digits.
    if let AnyValue::Float64(x) = frame.column(column).expect(column).get(row).expect("a row") {
        return Some(x);
    }
    text(frame, column, row).map(|text| text.parse().expect("a number"))
}

fn csv(path: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(path).expect("a file");
    reader.deserialize().map(|line| line.expect("a line")).collect()
}

#[test]
fn weights_of_the_units_give_the_balance_and_the_reasons_add_up() {
    let dir = run(PLAN);
    let out = dir.path().join("out");
    let frame = units(&out.join("units.parquet"));
    let file: Vec<Vec<String>> =
        data().lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect();
    assert_eq!(frame.height(), file.len());
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for (row, line) in file.iter().enumerate() {
        assert_eq!(number(&frame, "row", row), Some(row as f64 + 1.0));
        let x: f64 = line[3].parse().expect("x");
        let expected = match () {
            () if x >= 90.0 => Some("filter"),
            () if line[2].is_empty() => Some("missing value"),
            () if line[5] == "0" => Some("weight zero"),
            () => None,
        };
        assert_eq!(text(&frame, "left_out", row).as_deref(), expected, "{line:?}");
        *reasons.entry(expected.unwrap_or("analysed").to_owned()).or_default() += 1;
        if expected.is_none() {
            assert_eq!(text(&frame, "unit_id", row).as_ref(), Some(&line[0]));
            assert_eq!(text(&frame, "arm", row).as_deref(), Some(if line[1] == "1" { "treated" } else { "control" }));
        } else {
            assert!(text(&frame, "arm", row).is_none() && number(&frame, "weight_ate", row).is_none());
        }
    }
    assert_eq!(reasons["weight zero"], 1);
    assert!(reasons["missing value"] >= 6 && reasons["filter"] > 20, "{reasons:?}");
    let balance = csv(&out.join("balance.csv"));
    for requested in ["ate", "att"] {
        let mut sums = [[0.0; 2]; 2];
        for (row, line) in file.iter().enumerate() {
            let Some(weight) = number(&frame, &format!("weight_{requested}"), row) else { continue };
            let x: f64 = line[3].parse().expect("x");
            let arm = usize::from(line[1] == "1");
            sums[arm][0] += weight * x;
            sums[arm][1] += weight;
            let e = number(&frame, &format!("propensity_{requested}"), row).expect("a propensity");
            assert!(e > 0.0 && e < 1.0);
        }
        let mean = |arm: usize| sums[arm][0] / sums[arm][1];
        let line = balance.iter().find(|it| it["requested"] == requested && it["term"] == "x").expect("x");
        for (arm, key) in [(1, "mean_treated_after"), (0, "mean_control_after")] {
            let said: f64 = line[key].parse().expect("a mean");
            assert!((said - mean(arm)).abs() < 1e-9 * said.abs(), "{requested} {key}: {said} {}", mean(arm));
        }
    }
    let estimates = csv(&out.join("estimates.csv"));
    let answers: Vec<&str> =
        estimates.iter().filter(|line| line["answer"] == "true").map(|line| line["requested"].as_str()).collect();
    assert_eq!(answers, ["ate", "att"]);
    let results = std::fs::read_to_string(out.join("results.json")).expect("results");
    let results: serde_json::Value = serde_json::from_str(&results).expect("JSON");
    for line in &estimates {
        let told: f64 = line["estimate"].parse().expect("an estimate");
        let rows = results["effects"].as_array().expect("effects");
        assert!(rows.iter().any(|row| row["effect"]["estimate"].as_f64() == Some(told)), "{line:?}");
    }
}

#[test]
fn a_plan_can_keep_its_units_to_itself_and_a_command_writes_them() {
    let dir = run(&(PLAN.to_owned() + "privacy: {units: false}\n"));
    let out = dir.path().join("out");
    assert!(!out.join("units.parquet").exists());
    let ask = ["estimate", "out/plan.yaml", "--spec", "out/spec.yaml", "--estimand", "att", "--units"];
    let ran = oci_agent(dir.path(), &[&ask[..], &["u.parquet"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let frame = units(&dir.path().join("u.parquet"));
    assert!(frame.column("weight_att").is_ok() && frame.column("weight_ate").is_err());
    let again = oci_agent(dir.path(), &[&ask[..], &["u.parquet"]].concat());
    assert!(again.code == 2 && again.stderr.contains("nothing is overwritten"), "{}", again.stderr);
}
