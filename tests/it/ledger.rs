//! The ledger of unblinded analyses: a plan that is changed after its answer was seen says so.

use crate::cli::{Ran, oci_agent};
use crate::structure::Noise;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;
use tempfile::TempDir;

const PLAN: &str = "title: T\nquestion: Q?\ndesign: randomised\nshare: 0.5\ndata: {source: data.csv}\ntreatment: {column: t}\n\
                    outcome: {column: y, units: kg}\nconfounders: {priority: [a], other: [b]}\nestimands: [ate]\n\
                    analysis: {estimator: aipw, also: [aipw_crossfit]}\n";

fn world() -> TempDir {
    let mut noise = Noise(11);
    let mut data = String::from("t,y,z,a,b\n");
    for _ in 0..400 {
        let (a, b, t) = (noise.normal(), noise.normal(), f64::from(u8::from(noise.happens(0.5))));
        let _ = writeln!(data, "{t},{},{},{a},{b}", t + a + noise.normal(), a + noise.normal());
    }
    let dir = tempfile::tempdir().expect("temporary directory");
    std::fs::write(dir.path().join("data.csv"), data).expect("data");
    dir
}

fn run(dir: &Path, plan: &str, extra: &[&str]) -> Ran {
    std::fs::write(dir.join("plan.yaml"), plan).expect("plan");
    oci_agent(dir, &[&["run", "plan.yaml", "--out", "runs/out"][..], extra].concat())
}

fn json(dir: &Path, path: &str) -> Value {
    serde_json::from_slice(&std::fs::read(dir.join("runs/out").join(path)).expect(path)).expect("JSON")
}

fn tier(dir: &Path) -> String {
    json(dir, "results.json")["answers"][0]["tier"].as_str().expect("a tier").to_owned()
}

fn git(dir: &Path, args: &[&str]) -> String {
    let output =
        std::process::Command::new("git").arg("-C").arg(dir.join("runs/out")).args(args).output().expect("git");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[cfg(unix)]
#[test]
fn a_ledger_that_is_a_link_is_refused_and_what_it_leads_to_stays_as_it_is() {
    let world = world();
    let dir = world.path();
    std::fs::create_dir(dir.join("runs")).expect("a folder");
    std::fs::write(dir.join("notes.txt"), "").expect("a file of somebody's");
    std::os::unix::fs::symlink("../notes.txt", dir.join("runs/oci-ledger.jsonl")).expect("a link");
    let ran = run(dir, PLAN, &[]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("oci-ledger.jsonl is a link"), "{}", ran.stderr);
    assert_eq!(std::fs::read_to_string(dir.join("notes.txt")).expect("the file"), "");
}

#[test]
fn a_plan_changed_after_its_answer_was_seen_says_so_on_its_first_page() {
    let world = world();
    let dir = world.path();
    std::fs::create_dir(dir.join("runs")).expect("a folder");
    let first = run(dir, PLAN, &[]);
    assert_eq!((first.code, tier(dir).as_str()), (0, "fully_satisfactory"), "{}", first.stdout);
    let tree = git(dir, &["rev-parse", "HEAD^{tree}"]);
    // The same plan again is the same analysis, to the byte, and no further line.
    assert_eq!(run(dir, PLAN, &[]).code, 0);
    assert_eq!(git(dir, &["rev-parse", "HEAD^{tree}"]), tree);
    let ledger = || std::fs::read_to_string(dir.join("runs/oci-ledger.jsonl")).expect("a ledger");
    assert_eq!(ledger().lines().count(), 1);
    // Another plan, the answer in view: another branch, and never the best grade.
    let changed = run(dir, &PLAN.replace(", other: [b]", ""), &[]);
    assert_eq!((changed.code, tier(dir).as_str()), (0, "satisfactory_with_caveats"), "{}", changed.stderr);
    assert!(changed.stderr.contains("the second unblinded analysis of this outcome"), "{}", changed.stderr);
    let report = std::fs::read_to_string(dir.join("runs/out/report.md")).expect("a report");
    let page = report.split("<details").next().expect("a first page");
    assert!(page.contains("second unblinded analysis") && page.contains("answered ATE"), "{page}");
    assert!(git(dir, &["log", "--format=%B"]).contains("Unblinded-Before: 1, the last out main of plan "));
    // Blind: the earlier numbers are not told before this answer is known.
    let design = crate::cli::at(&dir.join("runs/out"), "run-3/iter/1", "critique.json");
    assert!(design.contains("second unblinded analysis") && !design.contains("answered ATE"), "{design}");
    let third = run(dir, &PLAN.replace("title: T", "title: U"), &[]);
    assert!(third.stderr.contains("the third unblinded analysis"), "{}", third.stderr);
    assert_eq!(ledger().lines().count(), 3);
    // Another outcome is another question.
    let other = run(dir, &PLAN.replace("column: y", "column: z"), &[]);
    assert!(!other.stderr.contains("unblinded analysis of this outcome"), "{}", other.stderr);
}

#[test]
fn a_damaged_ledger_is_named_and_nothing_in_it_is_lost() {
    let world = world();
    let dir = world.path();
    std::fs::create_dir(dir.join("runs")).expect("a folder");
    let ledger = dir.join("runs/oci-ledger.jsonl");
    assert_eq!(run(dir, PLAN, &[]).code, 0);
    let line = std::fs::read_to_string(&ledger).expect("a ledger");
    // Cut off in the middle of its last line.
    std::fs::write(&ledger, format!("{line}{{\"data_sha256\":\"12")).expect("a ledger");
    let changed = run(dir, &PLAN.replace("title: T", "title: U"), &[]);
    assert_eq!(changed.code, 0, "{}", changed.stderr);
    assert!(
        changed.stderr.contains("oci-ledger.jsonl, line 2") && changed.stderr.contains("cannot be read"),
        "{}",
        changed.stderr
    );
    let now = std::fs::read_to_string(&ledger).expect("a ledger");
    assert!(now.starts_with(&line) && now.lines().count() == 3, "{now}");
    // A line that was taken out is missed.
    let last = now.lines().last().expect("a line");
    std::fs::write(&ledger, format!("{last}\n")).expect("a ledger");
    let third = run(dir, &PLAN.replace("title: T", "title: V"), &[]);
    assert!(third.stderr.contains("lines were changed or taken out"), "{}", third.stderr);
    // Something that is no file is not run past.
    std::fs::remove_file(&ledger).expect("removed");
    std::fs::create_dir(&ledger).expect("a folder");
    let refused = run(dir, &PLAN.replace("title: T", "title: W"), &[]);
    assert!(refused.code == 2 && refused.stderr.contains("oci-ledger.jsonl"), "{} {}", refused.code, refused.stderr);
}

#[cfg(unix)]
#[test]
fn a_ledger_that_cannot_be_written_is_told_after_the_run_is_complete() {
    let world = world();
    let dir = world.path();
    std::fs::create_dir(dir.join("runs")).expect("a folder");
    // A full device: it can be opened, and takes nothing.
    if !Path::new("/dev/full").exists() {
        return;
    }
    std::os::unix::fs::symlink("/dev/full", dir.join("runs/oci-ledger.jsonl")).expect("a link");
    let ran = run(dir, PLAN, &[]);
    assert!([2, 3].contains(&ran.code) && ran.stderr.contains("oci-ledger.jsonl"), "{} {}", ran.code, ran.stderr);
}
