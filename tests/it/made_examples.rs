//! The generators of `examples/rollout` and `examples/bad_control`, whose truth is known, and what their plans give.
//!
//! Only sums and products of exact uniform numbers go in, so that the bytes are the same on every machine.
//! `OCI_BLESS=1 cargo test --test it made_examples` rewrites both files.

use crate::cli::oci_agent;
use crate::examples::{Example, plan};
use crate::structure::Noise;
use std::fmt::Write as _;

/// Users of the rollout, and its effect on each of them.
const USERS: usize = 9_000;
const EFFECT: f64 = 4.0;
/// People looking for work, and the effect of the course on the chance of each of them: 0.10 directly, 0.4 · 0.25 by the test.
const PEOPLE: usize = 5_000;
const COURSE: f64 = 0.20;

fn warm(seed: u64) -> Noise {
    let mut noise = Noise(seed);
    for _ in 0..100 {
        noise.uniform();
    }
    noise
}

/// A whole number from `low` on, `count` of them.
fn whole(noise: &mut Noise, low: u32, count: u32) -> f64 {
    f64::from(low) + (f64::from(count) * noise.uniform()).floor()
}

/// Spending before ~ 60 + 15 ε; the coin falls for 3 %; after = 12 + 0.8 · before + 0.1 · months + 4 · coin + 12 ε.
fn rollout() -> String {
    let mut noise = warm(3);
    let mut text = String::from("user,new_checkout,spent_after,spent_before,months_registered,country\n");
    for user in 1..=USERS {
        let before = 60.0 + 15.0 * noise.normal();
        let months = whole(&mut noise, 1, 60);
        let country = ["DE", "FR", "IT"][whole(&mut noise, 0, 3) as usize];
        let coin = f64::from(u8::from(noise.happens(0.03)));
        let after = 12.0 + 0.8 * before + 0.1 * months + EFFECT * coin + 12.0 * noise.normal();
        let _ = writeln!(text, "{user},{coin},{after:.2},{before:.2},{months},{country}");
    }
    text
}

/// Schooling 0 to 4, age 20 to 60, ability ~ U(0, 1), which is not in the file.
/// P(course) = 0.2 + 0.1 · schooling − 0.005 · (age − 40); P(passed) = 0.2 + 0.4 · course + 0.3 · ability;
/// P(work) = 0.15 + 0.1 · course + 0.25 · passed + 0.02 · schooling − 0.003 · (age − 40) + 0.15 · ability.
fn bad_control() -> String {
    let mut noise = warm(5);
    let mut text = String::from("person,course,work_after,schooling,age,passed_test\n");
    for person in 1..=PEOPLE {
        let (schooling, age, ability) = (whole(&mut noise, 0, 5), whole(&mut noise, 20, 41), noise.uniform());
        let mut coin = |chance: f64| f64::from(u8::from(noise.happens(chance)));
        let course = coin(0.2 + 0.1 * schooling - 0.005 * (age - 40.0));
        let passed = coin(0.2 + 0.4 * course + 0.3 * ability);
        let work = coin(0.15 + 0.1 * course + 0.25 * passed + 0.02 * schooling - 0.003 * (age - 40.0) + 0.15 * ability);
        let _ = writeln!(text, "{person},{course},{work},{schooling},{age},{passed}");
    }
    text
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the one switch of the tests that rewrites committed files")]
fn committed_files_are_what_the_generators_give() {
    for (example, fresh) in [("rollout", rollout()), ("bad_control", bad_control())] {
        let path = plan(example).with_file_name("data").join(format!("{example}.csv"));
        if std::env::var("OCI_BLESS").is_ok_and(|v| v == "1") {
            std::fs::write(&path, &fresh).expect("writable example");
        }
        let stored = std::fs::read_to_string(&path).expect("committed file");
        assert!(stored == fresh, "{} is not what the generator gives; OCI_BLESS=1 rewrites it", path.display());
        assert!(stored.len() < 300_000, "{} bytes", stored.len());
    }
}

#[test]
fn a_rollout_of_three_percent_is_answered_as_asked() {
    let run = Example::run("rollout", &[]);
    assert_eq!(run.ran.code, 0, "{}{}", run.ran.stdout, run.ran.stderr);
    let ate = run.answer("ate");
    assert_eq!((ate["name"].as_str(), ate["tier"].as_str()), (Some("ATE"), Some("fully_satisfactory")));
    assert_eq!(run.doubts("ate"), Vec::<String>::new());
    assert_eq!(ate["population_numbers"]["n"].as_u64(), Some(USERS as u64), "nobody is left out");
    let (low, high) = (ate["effect"]["ci_lower"].as_f64().unwrap(), ate["effect"]["ci_upper"].as_f64().unwrap());
    assert!(low < EFFECT && EFFECT < high, "{low} to {high}");
}

#[test]
fn a_bad_control_is_refused_with_bounds_that_hold_the_truth() {
    let run = Example::run("bad_control", &[]);
    assert_eq!(run.ran.code, 1, "{}{}", run.ran.stdout, run.ran.stderr);
    for requested in ["ate", "att"] {
        let answer = run.answer(requested);
        assert_eq!(answer["tier"], "not_satisfactory", "{requested}");
        assert!(run.doubts(requested).contains(&"identification".to_owned()), "{requested}");
        let bound = |key: &str| answer["bounds"][key].as_f64().expect("bounds");
        assert!(bound("lower") < COURSE && COURSE < bound("upper"), "{answer}");
        assert!((bound("upper") - bound("lower") - 1.0).abs() < 1e-12, "a risk difference is known to within one");
        // What adjusting for the test gives is not the effect.
        assert!(answer["effect"]["ci_upper"].as_f64().expect("an effect") < COURSE, "{}", answer["effect"]);
    }
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for text in [words(&run.ran.stdout), words(&run.text("report.md"))] {
        assert!(
            text.contains("Whatever is hidden, the ATE lies between −0.3784 and 0.6216 chance of work")
                && text.contains("since the outcome lies between 0 and 1: worst-case bounds (Manski 1990)")
                && text.contains("no answer (adjusted"),
            "{text}"
        );
    }
}

/// The same plan without the test among its confounders.
#[test]
fn the_bad_control_left_out_gives_the_truth() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let folder = plan("bad_control").parent().expect("a folder").to_path_buf();
    let written = std::fs::read_to_string(plan("bad_control")).expect("the plan");
    let mended = written.replace("[schooling, age, passed_test]", "[schooling, age]");
    assert_ne!(written, mended);
    std::fs::write(dir.path().join("plan.yaml"), mended).expect("a plan");
    let folder = folder.to_str().expect("utf-8 path");
    let ran = oci_agent(dir.path(), &["run", "plan.yaml", "--data-root", folder, "--out", "out"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(!ran.stdout.contains("Whatever is hidden"), "bounds only inform here: {}", ran.stdout);
    let results = std::fs::read(dir.path().join("out/results.json")).expect("results");
    let results: serde_json::Value = serde_json::from_slice(&results).expect("JSON");
    for answer in results["answers"].as_array().expect("answers") {
        let number = |key: &str| answer["effect"][key].as_f64().expect("an effect");
        assert!(number("ci_lower") < COURSE && COURSE < number("ci_upper"), "{}", answer["effect"]);
    }
    let report = std::fs::read_to_string(dir.path().join("out/report.md")).expect("report");
    assert!(report.contains("Whatever is hidden, the ATE lies between"), "{report}");
}
