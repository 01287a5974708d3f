//! The generators of `examples/rollout`, `examples/bad_control` and `examples/seasonality`, whose truth is known, and what their
//! plans give.
//!
//! Only sums and products of exact uniform numbers go in, so that the bytes are the same on every machine.
//! `OCI_BLESS=1 cargo test --test it made_examples` rewrites the files.

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

/// Households whose gas is measured, and what a thermostat saves a day in winter and in the other months.
const HOUSEHOLDS: usize = 5_000;
const WINTER: f64 = 12.0;
const OTHERWISE: f64 = 2.0;
/// The ten months, with the gas that a house needs for its heating, and whether it is winter.
const MONTHS: [(&str, f64, bool); 10] = [
    ("2024-09", 5.0, false),
    ("2024-10", 15.0, false),
    ("2024-11", 30.0, false),
    ("2024-12", 40.0, true),
    ("2025-01", 45.0, true),
    ("2025-02", 40.0, true),
    ("2025-03", 30.0, false),
    ("2025-04", 15.0, false),
    ("2025-05", 5.0, false),
    ("2025-06", 0.0, false),
];

pub(crate) fn warm(seed: u64) -> Noise {
    let mut noise = Noise(seed);
    for _ in 0..100 {
        noise.uniform();
    }
    noise
}

/// A whole number from `low` on, `count` of them.
pub(crate) fn whole(noise: &mut Noise, low: u32, count: u32) -> f64 {
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

/// Area 50 to 149 m², built 1930 to 2009, 1 to 5 people, a day in one of ten months (k = 0 to 9).
/// P(thermostat) = 0.25 + 0.002 · (area − 100) + 0.002 · (built − 1970) + 0.02 · k;
/// gas = 20 + 0.15 · area − 0.1 · (built − 1970) + 2 · people + heating of the month − 12 or 2 · thermostat + 6 ε.
fn seasonality() -> String {
    let mut noise = warm(7);
    let mut text = String::from("household,date,thermostat,gas,area,built,people\n");
    for household in 1..=HOUSEHOLDS {
        let (area, built) = (whole(&mut noise, 50, 100), whole(&mut noise, 1930, 80));
        let (people, k, day) = (whole(&mut noise, 1, 5), whole(&mut noise, 0, 10), whole(&mut noise, 1, 28));
        let (month, heating, winter) = MONTHS[k as usize];
        let chance = 0.25 + 0.002 * (area - 100.0) + 0.002 * (built - 1970.0) + 0.02 * k;
        let thermostat = f64::from(u8::from(noise.happens(chance)));
        let saved = if winter { WINTER } else { OTHERWISE };
        let gas = 20.0 + 0.15 * area - 0.1 * (built - 1970.0) + 2.0 * people + heating - saved * thermostat;
        let gas = gas + 6.0 * noise.normal();
        let _ = writeln!(text, "{household},{month}-{day:02},{thermostat},{gas:.2},{area},{built},{people}");
    }
    text
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the one switch of the tests that rewrites committed files")]
fn committed_files_are_what_the_generators_give() {
    for (example, fresh) in [("rollout", rollout()), ("bad_control", bad_control()), ("seasonality", seasonality())] {
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
    // A sweep says it before any number, and no row of it is gradable.
    let swept = oci_agent(run.dir.path(), &["sweep", "trim", "out", "--levels", "0,0.1"]);
    let said = words(&swept.stdout);
    let (refused, number) = (said.find("ATE is not identified"), said.find("estimates from"));
    assert!(refused.is_some() && refused < number && said.contains("0 of 2 rows would have been gradable"), "{said}");
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

/// Ten parts by month: the winter effect shows in its three months and in no other, and the run is verified with its sweeps.
#[test]
fn seasonality_finds_the_winter_in_the_parts_of_a_year() {
    let run = Example::run("seasonality", &[]);
    assert_eq!(run.ran.code, 0, "{}{}", run.ran.stdout, run.ran.stderr);
    let rows = crate::follow_ups::table(&run.text("sweeps/partition-date.csv"));
    assert_eq!(rows.len(), MONTHS.len());
    let mut covered = 0;
    for (row, (month, _, winter)) in rows.iter().zip(MONTHS) {
        let number = |key: &str| row[key].parse::<f64>().expect(key);
        assert_eq!((row["label"].as_str(), row["gradable"].as_str()), (month, "true"), "{row:?}");
        let truth = if winter { -WINTER } else { -OTHERWISE };
        covered += usize::from(number("conf_low") < truth && truth < number("conf_high"));
        // Five standard errors either way of the middle between the two effects.
        assert_eq!(number("estimate") < -(WINTER + OTHERWISE) / 2.0, winter, "{row:?}");
    }
    // Nine or ten of ten intervals of 95 % cover in 91 of 100 worlds.
    assert!(covered >= 9, "{covered}");
    let found: serde_json::Value = run.json("sweeps/partition-date.json");
    assert_eq!(found["declared"], "in_the_plan");
    let test = &found["answers"][0]["heterogeneity"];
    assert!(test["degrees"] == 9 && test["p_value"].as_f64().expect("a p-value") < 1e-6, "{test}");
    let curve = &run.json("sweeps/spec.json")["curve"];
    assert!(curve["joint"]["median_p"].as_f64().expect("a p-value") < 0.01 && curve["m_value"].is_f64(), "{curve}");
    let verified = oci_agent(run.dir.path(), &["verify", "out"]);
    assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
}
