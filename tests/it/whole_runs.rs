//! What must hold of whole runs, whatever the data.

use crate::cli::{Ran, oci_agent};
use std::fmt::Write as _;
use tempfile::TempDir;

struct Run {
    ran: Ran,
    dir: TempDir,
}

impl Run {
    fn of(data: &str, plan: &str) -> Run {
        let dir = tempfile::tempdir().expect("temporary directory");
        std::fs::write(dir.path().join("data.csv"), data).expect("data");
        std::fs::write(dir.path().join("plan.yaml"), plan).expect("plan");
        let ran = oci_agent(dir.path(), &["run", "plan.yaml", "--out", "out"]);
        assert!([0, 1].contains(&ran.code), "{}", ran.stderr);
        Run { ran, dir }
    }

    fn json(&self, path: &str) -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(self.dir.path().join("out").join(path)).expect(path)).expect("JSON")
    }
}

fn plan(columns: &str) -> String {
    format!(
        "title: T\nquestion: Q?\ndata:\n  source: data.csv\n{columns}treatment:\n  column: t\noutcome:\n  column: y\n  units: kg\n\
         confounders:\n  priority: [c, x]\nloop:\n  max_iterations: 1\n"
    )
}

/// A linear congruential generator is enough here: the data need only be fixed and unstructured.
fn noise(state: &mut u64) -> f64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 11) as f64 / (1_u64 << 53) as f64
}

fn data(effect: f64) -> String {
    let mut state = 20_261_121;
    let mut text = String::from("t,y,c,x,z\n");
    for _ in 0..800 {
        let c = (noise(&mut state) * 4.0) as u32;
        let x = noise(&mut state) * 2.0 - 1.0;
        let treated = noise(&mut state) < 0.25 + 0.1 * f64::from(c) + 0.15 * x;
        let t = f64::from(u8::from(treated));
        let y = effect * t + f64::from(c) + 2.0 * x + noise(&mut state);
        let _ = writeln!(text, "{t},{y},level{c},{x},{}", noise(&mut state));
    }
    text
}

#[test]
fn the_grade_of_balance_does_not_depend_on_the_reference_level() {
    let with = |reference: &str| {
        let columns = format!("  columns:\n    c: {{type: category, reference: {reference}}}\n");
        Run::of(&data(1.0), &plan(&columns)).json("iter_01/design.json")["analyses"][0]["balance"].clone()
    };
    let (first, last) = (with("level0"), with("level3"));
    let number = |table: &serde_json::Value, key: &str| table[key].as_f64().expect("a number");
    for key in ["max_priority_before", "max_priority_after"] {
        assert!((number(&first, key) - number(&last, key)).abs() < 1e-9, "{key}: {first} {last}");
    }
    let levels = first["rows"].as_array().expect("rows").iter().filter(|row| row["confounder"] == "c").count();
    assert_eq!(levels, 4, "every level of a priority category is graded, the reference too");
}

#[test]
fn swapping_the_arms_turns_the_sign_and_nothing_else() {
    let run = |arms: &str| Run::of(&data(1.0), &plan("").replace("  column: t\n", &format!("  column: t\n{arms}")));
    let (a, b) = (run(""), run("  treated: 0\n  control: 1\n"));
    let effect = |run: &Run, key: &str| run.json("results.json")["answers"][0]["effect"][key].as_f64().expect("number");
    assert!((effect(&a, "estimate") + effect(&b, "estimate")).abs() < 1e-9);
    assert!((effect(&a, "std_error") - effect(&b, "std_error")).abs() < 1e-9);
    assert_eq!(a.ran.code, b.ran.code);
}

#[test]
fn a_placebo_with_gaps_is_tested_on_the_rows_that_have_it_and_drops_nobody() {
    let gappy: String = data(1.0)
        .lines()
        .enumerate()
        .map(|(i, line)| match (i > 0 && i % 3 == 0, line.rsplit_once(',')) {
            (true, Some((rest, _))) => format!("{rest},\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let run = Run::of(&gappy, &format!("{}placebo_outcomes: [z]\n", plan("  missing: drop\n")));
    let design = run.json("iter_01/design.json");
    assert_eq!(design["counters"]["rows_analysed"], 800);
    let report = &design["analyses"][0]["placebo"];
    assert_eq!((report["effects"].as_array().map(Vec::len), report["not_applicable"].is_null()), (Some(1), true));
}

/// A pooled regression can be robust about an effect that the answer does not have; the grade is about the answer.
#[test]
fn a_robust_regression_does_not_vouch_for_an_answer_of_zero() {
    let mut state = 7;
    let mut text = String::from("t,y,c,x\n");
    for i in 0..4000 {
        let x = noise(&mut state) * 6.0 - 3.0;
        let t = u8::from(noise(&mut state) < 1.0 / (1.0 + (-1.5 * x).exp()));
        let y = (2.0 * x).exp() / 20.0 + noise(&mut state);
        let _ = writeln!(text, "{t},{y},{},{x}", i % 2);
    }
    let run = Run::of(&text, &format!("{}estimands: [ato]\n", plan("")));
    let sensitivity = &run.json("results.json")["answers"][0]["sensitivity"];
    let number = |key: &str| sensitivity[key].as_f64().expect("a number");
    assert!(number("target_rv_q1") < number("rv_q1"), "{sensitivity}");
    let results = run.json("results.json");
    let findings = results["critique"]["analyses"][0]["findings"].as_array().expect("findings").clone();
    let graded = findings.iter().find(|f| f["code"] == "sensitivity.robustness").expect("finding");
    assert!((graded["value"].as_f64().expect("value") - number("target_rv_q1")).abs() < 1e-9, "{graded}");
}
