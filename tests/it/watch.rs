//! A frozen plan on new data: on record, the same bytes in one call or many, verified; drift is found, and what does not fit is refused.

use crate::cli::{Ran, oci_agent};
use crate::structure::Noise;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const PLAN: &str = "title: T\nquestion: Q?\ndata: {source: data.csv, unit_id: id}\n\
                    treatment: {column: t}\noutcome: {column: y, units: kg}\n\
                    confounders: {priority: [a, place], other: [b]}\n\
                    estimands: [ate]\nanalysis: {estimator: aipw, also: [ipw_hajek]}\n";

/// A file of units.
#[derive(Clone, Copy)]
pub(crate) struct Draw {
    seed: u64,
    rows: usize,
    first: usize,
    /// Added to the effect of 1, where the outcome's standard deviation is about 2.
    shift: f64,
    /// Added to the mean of `a`.
    age: f64,
    places: &'static [&'static str],
}

pub(crate) const WEEK: Draw =
    Draw { seed: 1, rows: 600, first: 100_000, shift: 0.0, age: 0.0, places: &["x", "y", "z"] };

fn draw(of: Draw) -> String {
    let mut noise = Noise(of.seed);
    let mut data = String::from("id,t,y,a,b,place\n");
    for row in 0..of.rows {
        let (a, b) = (of.age + noise.normal(), noise.normal());
        let place = of.places[row % of.places.len()];
        let lean = 0.5 * a + if place == "x" { 0.3 } else { 0.0 };
        let t = f64::from(u8::from(noise.happens(1.0 / (1.0 + (-lean).exp()))));
        let y = t * (1.0 + of.shift) + a + 0.5 * b + noise.normal();
        let _ = writeln!(data, "{},{t},{y},{a},{b},{place}", of.first + row);
    }
    data
}

pub(crate) fn week(dir: &Path, number: u64, of: Draw) -> String {
    let name = format!("new/w{number:02}.csv");
    let first = 100_000 + 10_000 * usize::try_from(number).expect("a week");
    std::fs::create_dir_all(dir.join("new")).expect("a folder");
    std::fs::write(dir.join(&name), draw(Draw { seed: 100 + number, first, ..of })).expect("a week");
    name
}

pub(crate) fn world() -> TempDir {
    let dir = tempfile::tempdir().expect("temporary directory");
    std::fs::write(dir.path().join("data.csv"), draw(Draw { seed: 9, rows: 2_000, first: 0, ..WEEK })).expect("data");
    std::fs::write(dir.path().join("plan.yaml"), PLAN).expect("a plan");
    dir
}

fn watch(dir: &Path, weeks: &[String], more: &[&str]) -> Ran {
    let mut args = vec!["watch", "plan.yaml", "--out", "out"];
    args.extend(more);
    if !weeks.is_empty() {
        args.push("--data");
    }
    args.extend(weeks.iter().map(String::as_str));
    oci_agent(dir, &args)
}

#[track_caller]
fn ends(ran: &Ran, code: i32, words: &[&str]) {
    assert_eq!(ran.code, code, "{}{}", ran.stdout, ran.stderr);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    words.iter().for_each(|word| assert!(said.contains(word), "{word}: {said}"));
}

fn git(dir: &Path, args: &[&str]) -> String {
    let output = Command::new("git").arg("-C").arg(dir.join("out")).args(args).output().expect("git");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn document(dir: &Path) -> Value {
    let bytes = std::fs::read(dir.join("out/watch/watch.json")).expect("a watch");
    serde_json::from_slice(&bytes).expect("JSON")
}

#[test]
fn nothing_moves_and_every_partition_is_a_commit_that_can_be_made_again() {
    let dir = world();
    let dir = dir.path();
    let weeks: Vec<String> = (0..6).map(|number| week(dir, number, WEEK)).collect();
    let ran = watch(dir, &weeks, &["--comment", "comment.md"]);
    ends(&ran, 0, &["No drift in 6 partitions"]);
    let log = git(dir, &["log", "--format=%s"]);
    assert_eq!(log.lines().filter(|line| line.starts_with("watch new/w")).count(), 6, "{log}");
    let comment = std::fs::read_to_string(dir.join("comment.md")).expect("a comment");
    assert_eq!(comment, std::fs::read_to_string(dir.join("out/watch/watch.md")).expect("a comment"));
    assert!(comment.starts_with("<!-- oci-agent watch "), "{comment}");
    assert_eq!(comment.lines().nth(1), Some("### ✔ No drift in 6 partitions"));
    assert!(comment.len() < 8_000, "the size of a comment: {}", comment.len());
    let found = document(dir);
    assert_eq!(found["partitions"].as_array().map(Vec::len), Some(7));
    assert_eq!(found["partitions"][3]["name"], "new/w02.csv");
    assert_eq!(found["partitions"][3]["units_of_own_data"], 0);
    // A frozen spec, fitted to the week alone, is the estimator on that file.
    let alone = oci_agent(dir, &["verify", "out"]);
    assert_eq!(alone.code, 0, "{}{}", alone.stdout, alone.stderr);
    let audited = oci_agent(dir, &["audit", "out"]);
    assert!(audited.stdout.contains("nothing of the run is touched: new/w05.csv"), "{}", audited.stdout);
    assert!(!audited.stdout.contains("younger than the end"), "{}", audited.stdout);
    assert_eq!(audited.code, 0, "the partitions have data of their own: {}", audited.stdout);
    // What is on record is not made again.
    let before = git(dir, &["rev-parse", "HEAD"]);
    ends(&watch(dir, &["new/*.csv".to_owned()], &[]), 0, &["on record already"]);
    ends(&watch(dir, &weeks, &[]), 0, &["on record already", "No drift in 6 partitions"]);
    ends(&watch(dir, &[], &[]), 0, &["No drift in 6 partitions"]);
    assert_eq!(git(dir, &["rev-parse", "HEAD"]), before);
    // In two calls and on one thread: the same tree.
    let tree = git(dir, &["rev-parse", "HEAD^{tree}"]);
    std::fs::rename(dir.join("out"), dir.join("first")).expect("moved");
    ends(&watch(dir, &weeks[..4], &["--threads", "1"]), 0, &[]);
    // A call that was killed while it wrote the files of its last step is brought to its end by the next.
    let from = git(dir, &["rev-parse", "HEAD~1^{tree}"]);
    std::fs::write(dir.join("out/.git/oci-agent.checkout"), format!("from {}\n", from.trim())).expect("a journal");
    std::fs::write(dir.join("out/watch/watch.json"), git(dir, &["show", "HEAD~1:watch/watch.json"])).expect("a file");
    std::fs::remove_file(dir.join("out/watch/watch.svg")).expect("a file");
    ends(&watch(dir, &[], &[]), 0, &["No drift in 4 partitions"]);
    assert_eq!(git(dir, &["status", "--porcelain"]), "");
    // What a person wrote is none of that.
    std::fs::write(dir.join("out/watch/watch.md"), "mine").expect("a file");
    ends(&watch(dir, &weeks[2..], &[]), 2, &["watch/watch.md", "differs from the last commit"]);
    git(dir, &["checkout", "HEAD", "--", "."]);
    ends(&watch(dir, &weeks[2..], &[]), 0, &[]);
    assert_eq!(git(dir, &["rev-parse", "HEAD^{tree}"]), tree);
    // A file from another folder is found there again, and what was asked after the end is published with the run.
    let elsewhere = tempfile::tempdir().expect("temporary directory");
    let other = week(elsewhere.path(), 17, WEEK);
    ends(&watch(dir, &[elsewhere.path().join(other).display().to_string()], &[]), 0, &["No drift in 7 partitions"]);
    std::fs::create_dir(dir.join("shelf")).expect("a folder");
    let shelf = format!("file://{}", dir.join("shelf").display());
    let published = oci_agent(dir, &["publish", "out", "--to", &shelf]);
    assert_eq!(published.code, 0, "{}{}", published.stdout, published.stderr);
    let verified = oci_agent(dir, &["verify", "out"]);
    assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
}

#[test]
fn an_effect_that_moves_is_found_and_stays_found() {
    let dir = world();
    let dir = dir.path();
    let moved = Draw { shift: 1.0, ..WEEK };
    let mut weeks: Vec<String> = (0..3).map(|number| week(dir, number, WEEK)).collect();
    weeks.extend((3..6).map(|number| week(dir, number, moved)));
    let ran = watch(dir, &weeks, &[]);
    ends(&ran, 1, &["The effect has moved", "since about `new/w03.csv`"]);
    let found = document(dir);
    assert_eq!(found["found"]["shifts"][0]["since"], 4);
    assert!(found["found"]["design"].get("alarm").is_none());
    let size = found["found"]["shifts"][0]["size"].as_f64().expect("a size");
    assert!((size - 1.0).abs() < 0.3, "{size}");
    // Weeks as before take nothing back.
    let calm = [week(dir, 6, WEEK)];
    ends(&watch(dir, &calm, &[]), 1, &["The effect has moved", "the alarm was raised after"]);
    let json = watch(dir, &[], &["--json"]);
    assert_eq!(json.code, 1);
    let line: Value = serde_json::from_str(json.stdout.lines().last().unwrap_or_default()).expect("a line of JSON");
    assert_eq!(line["event"], "watched");
}

#[test]
fn a_design_that_moves_is_told_from_an_effect_that_moves() {
    let dir = world();
    let dir = dir.path();
    let older = Draw { age: 0.6, ..WEEK };
    let weeks: Vec<String> = [(0, WEEK), (1, older), (2, older)].map(|(number, of)| week(dir, number, of)).to_vec();
    ends(&watch(dir, &weeks, &[]), 1, &["The design has moved", "the mean of `a`", "since about `new/w01.csv`"]);
    let found = document(dir);
    assert!(found["found"]["effect"].get("alarm").is_none(), "{found}");
}

#[test]
fn another_unit_of_the_outcome_is_no_effect_that_moved() {
    let dir = world();
    let dir = dir.path();
    let name = week(dir, 0, WEEK);
    let cents = |line: &str| {
        let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
        if let Ok(y) = cells[2].parse::<f64>() {
            cells[2] = (100.0 * y).to_string();
        }
        cells.join(",")
    };
    let text = std::fs::read_to_string(dir.join(&name)).expect("a week");
    std::fs::write(dir.join(&name), text.lines().map(cents).collect::<Vec<_>>().join("\n")).expect("a week");
    ends(&watch(dir, &[name], &[]), 1, &["No answer in `new/w00.csv`", "is not on the scale of the plan's own data"]);
}

#[test]
fn rows_that_are_left_out_are_a_design_that_moves() {
    let dir = world();
    let dir = dir.path();
    std::fs::write(dir.join("plan.yaml"), PLAN.replace("unit_id: id", "unit_id: id, missing: drop")).expect("a plan");
    let weeks = [week(dir, 0, WEEK), week(dir, 1, WEEK)];
    let gaps = |(row, line): (usize, &str)| {
        let cells: Vec<&str> = line.split(',').collect();
        if row % 4 == 3 { [&cells[..4], &[""], &cells[5..]].concat().join(",") } else { line.to_owned() }
    };
    let text = std::fs::read_to_string(dir.join(&weeks[1])).expect("a week");
    std::fs::write(dir.join(&weeks[1]), text.lines().enumerate().map(gaps).collect::<Vec<_>>().join("\n"))
        .expect("a week");
    ends(&watch(dir, &weeks[..1], &[]), 0, &["No drift"]);
    ends(&watch(dir, &weeks, &[]), 1, &["The design has moved", "the share of rows that are left out"]);
}

#[test]
fn levels_that_are_missing_are_left_out_and_new_ones_have_no_answer() {
    let dir = world();
    let dir = dir.path();
    let without = [week(dir, 0, Draw { places: &["x", "y"], ..WEEK })];
    // The share of z is another one, so the design has moved; the effect has its estimate.
    ends(&watch(dir, &without, &[]), 1, &["the term `place == z` is left out"]);
    assert!(document(dir)["partitions"][1]["effects"][0]["effect"]["estimate"].is_f64());
    let other = [week(dir, 1, Draw { places: &["x", "y", "z", "new\u{202e}"], ..WEEK })];
    let ran = watch(dir, &other, &[]);
    ends(&ran, 1, &["has no estimate: `place` has"]);
    assert!(!ran.stdout.contains('\u{202e}'));
    assert!(document(dir)["partitions"][2]["effects"][0].get("effect").is_none());
}

#[test]
fn a_partition_that_does_not_fit_is_refused_and_those_before_it_are_on_record() {
    let dir = world();
    let dir = dir.path();
    let good = week(dir, 0, WEEK);
    let one_arm = draw(Draw { seed: 5, first: 500_000, ..WEEK })
        .lines()
        .filter(|l| !l.contains(",0,"))
        .collect::<Vec<_>>()
        .join("\n");
    std::fs::write(dir.join("new/arm.csv"), one_arm).expect("a file");
    let ran = watch(dir, &[good.clone(), "new/arm.csv".to_owned()], &[]);
    ends(
        &ran,
        2,
        &["new/arm.csv does not fit the plan", "The partition before it is on record; nothing of this one is."],
    );
    assert_eq!(document(dir)["partitions"].as_array().map(Vec::len), Some(2));
    std::fs::write(dir.join("new/short.csv"), "id,t,y\n1,0,1\n2,1,3\n3,0,4\n").expect("a file");
    ends(&watch(dir, &["new/short.csv".to_owned()], &[]), 2, &["new/short.csv does not fit the plan", "`place`"]);
    ends(&watch(dir, &["new/none.csv".to_owned()], &[]), 2, &["new/none.csv"]);
    // The same bytes, a name twice, and a file that is not the one on record.
    std::fs::copy(dir.join(&good), dir.join("new/twin.csv")).expect("a copy");
    ends(&watch(dir, &["new/twin.csv".to_owned()], &[]), 2, &["the same bytes as `new/w00.csv`"]);
    ends(&watch(dir, &["data.csv".to_owned()], &[]), 2, &["the same bytes as the plan's own data"]);
    ends(&watch(dir, &[good.clone(), "./new/w00.csv".to_owned()], &[]), 2, &["both be on record"]);
    week(dir, 0, Draw { shift: 0.1, ..WEEK });
    ends(&watch(dir, &[good], &[]), 2, &["is not the file that is on record as `new/w00.csv`"]);
    let verified = oci_agent(dir, &["verify", "out"]);
    assert_eq!(verified.code, 1, "{}", verified.stdout);
    std::fs::remove_file(dir.join("new/w00.csv")).expect("gone");
    let verified = oci_agent(dir, &["verify", "out"]);
    ends(&verified, 1, &["the partition `new/w00.csv` is not below"]);
}

#[test]
fn units_of_the_plans_own_data_are_counted() {
    let dir = world();
    let dir = dir.path();
    std::fs::create_dir_all(dir.join("new")).expect("a folder");
    std::fs::write(dir.join("new/again.csv"), draw(Draw { seed: 77, first: 1_700, ..WEEK })).expect("a file");
    std::fs::write(dir.join("new/more.csv"), draw(Draw { seed: 78, first: 2_100, ..WEEK })).expect("a file");
    let both = ["new/again.csv".to_owned(), "new/more.csv".to_owned()];
    ends(&watch(dir, &both[..1], &[]), 0, &["300 units are in the plan's own data as well"]);
    std::fs::remove_dir_all(dir.join("out")).expect("removed");
    ends(&watch(dir, &both, &[]), 0, &["200 units also in a partition given with it"]);
}

#[test]
fn only_a_frozen_plan_with_an_accepted_answer_is_watched() {
    let dir = world();
    let dir = dir.path();
    let weeks = [week(dir, 0, WEEK)];
    ends(&watch(dir, &weeks, &[]), 0, &[]);
    std::fs::write(dir.join("plan.yaml"), format!("{PLAN}seed: 2\n")).expect("a plan");
    ends(&watch(dir, &weeks, &[]), 2, &["is not the plan that was run"]);
    // Both arms have nobody like the other: nothing is accepted, and there is nothing to hold new data against.
    let apart = "id,t,y,a,b,place\n".to_owned()
        + &(0..400).fold(String::new(), |mut rows, row| {
            let t = row % 2;
            let _ = writeln!(
                rows,
                "{row},{t},{},{},{},{}",
                row % 7,
                f64::from(t) * 9.0 + f64::from(row % 13) / 9.0,
                row % 5,
                ["x", "y"][(row / 3 % 2) as usize]
            );
            rows
        });
    std::fs::write(dir.join("data.csv"), apart).expect("data");
    std::fs::write(dir.join("plan.yaml"), PLAN).expect("a plan");
    let ran = oci_agent(dir, &["watch", "plan.yaml", "--out", "apart", "--data", "new/w00.csv"]);
    assert!(ran.code == 1 || ran.code == 2, "{}{}", ran.stdout, ran.stderr);
    assert!(!dir.join("apart/watch").exists());
    std::fs::write(dir.join("trial.yaml"), "title: T\nquestion: Q?\ndesign: experiment\ndata: {source: data.csv}\n")
        .expect("a plan");
    ends(&oci_agent(dir, &["watch", "trial.yaml", "--data", "new/w00.csv"]), 2, &["is the plan of an experiment"]);
}

#[test]
fn a_clone_is_not_written_to() {
    let dir = world();
    let dir = dir.path();
    let weeks = [week(dir, 0, WEEK)];
    ends(&watch(dir, &weeks, &[]), 0, &[]);
    let cloned = Command::new("git").args(["clone", "-q", "out", "copy"]).current_dir(dir).output().expect("git");
    assert!(cloned.status.success());
    let more = week(dir, 1, WEEK);
    ends(&oci_agent(dir, &["watch", "plan.yaml", "--out", "copy", "--data", &more]), 2, &["is a clone of a run"]);
    ends(&oci_agent(dir, &["verify", "copy", "--data-root", "."]), 0, &[]);
}
