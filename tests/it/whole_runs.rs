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
         confounders:\n  priority: [c, x]\nanalysis:\n  estimator: aipw\nloop:\n  max_iterations: 1\n"
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
        let run = Run::of(&data(1.0), &plan(&columns));
        let rows = std::fs::read_to_string(run.dir.path().join("out/balance.csv")).expect("balance");
        (run.json("design.json")["analyses"][0]["balance"].clone(), rows)
    };
    let ((first, rows), (last, _)) = (with("level0"), with("level3"));
    let number = |table: &serde_json::Value, key: &str| table[key].as_f64().expect("a number");
    for key in ["max_priority_before", "max_priority_after"] {
        assert!((number(&first, key) - number(&last, key)).abs() < 1e-9, "{key}: {first} {last}");
    }
    let levels = rows.lines().filter(|line| line.split(',').nth(3) == Some("c")).count();
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
    let design = run.json("design.json");
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
    let findings = run.json("critique.json")["analyses"][0]["findings"].as_array().expect("findings").clone();
    let graded = findings.iter().find(|f| f["code"] == "sensitivity.robustness").expect("finding");
    assert!((graded["value"].as_f64().expect("value") - number("target_rv_q1")).abs() < 1e-9, "{graded}");
}

/// Everything but the columns: a run by learners and by Bayesian trees.
fn flexible(analysis: &str) -> String {
    plan("").replace("  estimator: aipw\n", analysis) + "placebo_outcomes: [z]\n"
}

#[test]
fn a_run_with_learners_shows_what_they_did_and_is_the_same_at_any_number_of_threads() {
    let plan = flexible("  estimator: dr_average\n  effort: fast\n  also: [aipw, aipw_crossfit]\n")
        + "estimands: [att, ate]\n";
    let run = Run::of(&data(1.0), &plan);
    let spec = std::fs::read_to_string(run.dir.path().join("out/spec.yaml")).expect("spec");
    assert!(spec.contains("primary: dr_average\n") && spec.contains("outcome: boosting_or_ridge\n"), "{spec}");
    let model = run.json("design.json")["analyses"][0]["propensity"].clone();
    // Whichever of the two predicted held-out rows better.
    let learner = model["learner"].as_str().expect("a learner");
    assert!(["gradient boosting", "ridge regression"].contains(&learner), "{learner}");
    assert_eq!(model["iterations"].as_array().map(Vec::len), Some(5));
    let share = 2.0_f64.ln();
    assert!(model["log_loss"].as_f64().expect("a number") < share && model["clip"] == 0.01, "{model}");
    let coefficients = std::fs::read_to_string(run.dir.path().join("out/propensity.csv")).expect("coefficients");
    assert_eq!(coefficients.lines().count(), 1, "a header and nothing below");
    let results = run.json("results.json");
    let answer = &results["answers"][0];
    let number = |value: &serde_json::Value| value.as_f64().unwrap_or_else(|| panic!("{value}"));
    let (estimate, error) = (number(&answer["effect"]["estimate"]), number(&answer["effect"]["std_error"]));
    assert!((estimate - 1.0).abs() < 4.0 * error && error < 0.2, "{estimate} {error}");
    assert!(number(&answer["effect"]["disagreement"]) < 0.2);
    assert_eq!(answer["diagnostics"]["by_target"].as_array().map(Vec::len), Some(3));
    // The design's propensity is the one that weights: nothing was fitted a second time.
    assert_eq!(answer["effect"]["clipped"], answer["propensity"]["clipped"]);
    let report = std::fs::read_to_string(run.dir.path().join("out/report.md")).expect("report");
    let by = format!("{learner}, out of fold");
    for words in [by.as_str(), "boosting_or_ridge, boosting_or_ridge and bart", "docs/calibration.md"] {
        assert!(report.contains(words), "{words}");
    }
    let again = oci_agent(run.dir.path(), &["--threads", "1", "run", "plan.yaml", "--out", "again"]);
    assert_eq!(again.code, run.ran.code, "{}", again.stderr);
    let bytes = |folder: &str, file: &str| std::fs::read(run.dir.path().join(folder).join(file)).expect(file);
    for file in ["results.json", "design.json", "analysis.ipynb"] {
        assert!(bytes("out", file) == bytes("again", file), "{file} depends on the number of threads");
    }
}

#[test]
fn clusters_and_known_propensities_reach_the_design_and_the_interval() {
    let with: String = data(1.0)
        .lines()
        .enumerate()
        .map(|(i, line)| if i == 0 { format!("{line},g,p\n") } else { format!("{line},{},0.45\n", i / 8) })
        .collect();
    let plan = flexible("  estimator: aipw\n  clusters: g\n  known_propensity: p\n");
    let run = Run::of(&with, &plan);
    let model = run.json("design.json")["analyses"][0]["propensity"].clone();
    assert_eq!(model["learner"], "known");
    let answer = run.json("results.json")["answers"][0].clone();
    assert_eq!(answer["effect"]["se_method"], "clustered");
    assert!(answer["effect"]["notes"].to_string().contains("known"), "{answer}");
}

fn estimated(extra: &[&str]) -> Ran {
    let dir = tempfile::tempdir().expect("temporary directory");
    let with: String = data(1.0)
        .lines()
        .enumerate()
        .map(|(i, line)| if i == 0 { format!("{line},g,p\n") } else { format!("{line},{},0.45\n", i / 8) })
        .collect();
    std::fs::write(dir.path().join("data.csv"), with).expect("data");
    let mut args = vec!["estimate", "data.csv", "--treatment", "t", "--outcome", "y", "--terms", "x,c == level1"];
    args.extend(extra);
    oci_agent(dir.path(), &args)
}

#[test]
fn estimate_takes_learners_and_says_whose_effect_it_is() {
    let effect = |extra: &[&str]| {
        let ran = estimated(extra);
        assert_eq!(ran.code, 0, "{extra:?}: {}", ran.stderr);
        serde_json::from_str::<serde_json::Value>(&ran.stdout).expect("JSON")["effect"].clone()
    };
    let boosted = ["--estimator", "aipw_crossfit", "--propensity", "boosting", "--outcome-model", "boosting_linear"];
    let population = effect(&boosted);
    assert_eq!(
        (population["inference"].as_str(), population["se_method"].as_str()),
        (Some("population"), Some("influence_function"))
    );
    let sample = effect(&[&boosted[..], &["--inference", "sample"]].concat());
    assert_eq!((sample["inference"].as_str(), sample["se_method"].as_str()), (Some("sample"), Some("conditional")));
    assert_eq!(sample["estimate"], population["estimate"]);
    let repeated = effect(&[&boosted[..], &["--repeats", "3"]].concat());
    assert_ne!(repeated["estimate"], population["estimate"]);
    let clustered = effect(&["--clusters", "g"]);
    assert_eq!(clustered["se_method"], "clustered");
    assert_ne!(effect(&["--known-propensity", "p"])["estimate"], effect(&[])["estimate"]);
}

#[test]
fn estimate_refuses_by_name_what_the_estimator_would_not_look_at() {
    for (extra, flag) in [
        (&["--propensity", "boosting"][..], "--propensity has no effect on `aipw`"),
        (&["--estimator", "dr_average", "--outcome-model", "linear"], "--outcome-model has no effect on `dr_average`"),
        (&["--estimator", "ipw_hajek", "--repeats", "2"], "--repeats has no effect on `ipw_hajek`"),
        (&["--estimator", "aipw_crossfit", "--propensity", "forest"], "`forest` is not a learner"),
        (&["--inference", "sample", "--clusters", "g"], "with clusters"),
        (&["--known-propensity", "y"], "`y`"),
    ] {
        let ran = estimated(extra);
        assert_eq!(ran.code, 2, "{extra:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(flag), "{extra:?}: {}", ran.stderr);
    }
}
