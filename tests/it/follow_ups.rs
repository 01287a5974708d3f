//! Sweeps on a finished run and in its plan: on record, the same bytes again, verified, and nothing that is asked too early.

use crate::cli::{Ran, oci_agent};
use crate::structure::Noise;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const PLAN: &str = "title: T\nquestion: Q?\ndata: {source: data.csv, columns: {after: {measured: after}}}\n\
                    treatment: {column: t}\noutcome: {column: y, units: kg}\n\
                    confounders: {priority: [a], other: [b]}\n\
                    estimands: [{ask: ate, accept: [trimmed_ate]}]\nanalysis: {estimator: aipw, also: [ipw_hajek]}\n";

/// Treatment follows `a` so steeply that the playbook trims. `when` has gaps; the units of `place` x are all treated; levels
/// steer terminals, spreadsheets and pages.
fn data() -> String {
    let mut noise = Noise(5);
    let mut data = String::from("t,y,a,b,when,place,after\n");
    for row in 0..900 {
        let (a, b) = (noise.normal(), noise.normal());
        let chance = 1.0 / (1.0 + (-4.0 * a).exp());
        let t = f64::from(u8::from(row % 50 == 0 || noise.happens(chance)));
        let when = if row % 9 == 8 { String::new() } else { format!("2024-{:02}-15", 1 + row % 3) };
        let place = match row % 50 {
            0 => "x",
            k if k % 2 == 0 => "=cmd|' /C calc'!A0",
            _ => "\u{202e}<script>alert(1)</script>",
        };
        let y = t + a + 0.5 * b + noise.normal();
        let _ = writeln!(data, "{t},{y},{a},{b},{when},{place},{}", 1 + row % 2);
    }
    data
}

/// A finished run.
fn world(plan: &str) -> TempDir {
    let dir = tempfile::tempdir().expect("temporary directory");
    std::fs::write(dir.path().join("data.csv"), data()).expect("data");
    std::fs::write(dir.path().join("plan.yaml"), plan).expect("a plan");
    let ran = oci_agent(dir.path(), &["run", "plan.yaml", "--out", "out"]);
    assert!(ran.code < 2, "{}{}", ran.stdout, ran.stderr);
    dir
}

fn sweep(dir: &Path, args: &[&str]) -> Ran {
    let [kind, rest @ ..] = args else { panic!("no sweep") };
    oci_agent(dir, &[&["sweep", kind, "out"][..], rest].concat())
}

#[track_caller]
fn made(dir: &Path, args: &[&str]) -> Ran {
    let ran = sweep(dir, args);
    assert_eq!(ran.code, 0, "{args:?}: {}{}", ran.stdout, ran.stderr);
    ran
}

/// Refused with these words, and nothing was written.
#[track_caller]
fn refused(dir: &Path, args: &[&str], words: &[&str]) {
    let before = git(dir, &["rev-parse", "HEAD"]);
    let ran = sweep(dir, args);
    assert_eq!(ran.code, 2, "{args:?}: {}{}", ran.stdout, ran.stderr);
    words.iter().for_each(|word| assert!(ran.stderr.contains(word), "{args:?}: {word}: {}", ran.stderr));
    assert_eq!(git(dir, &["rev-parse", "HEAD"]), before);
}

fn git(dir: &Path, args: &[&str]) -> String {
    let who = ["-c", "user.name=Somebody", "-c", "user.email=s@example.org"];
    let output = Command::new("git").arg("-C").arg(dir.join("out")).args(who).args(args).output().expect("git");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn text(dir: &Path, path: &str) -> String {
    std::fs::read_to_string(dir.join("out/sweeps").join(path)).expect(path)
}

/// The rows of a CSV file, by the names of its columns.
pub fn table(csv: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    reader.deserialize().map(|row| row.expect("a row")).collect()
}

#[test]
fn a_sweep_is_one_commit_after_the_run_and_the_second_time_none() {
    let world = world(PLAN);
    let dir = world.path();
    let run = git(dir, &["rev-parse", "HEAD"]);
    let (report, results) = (git(dir, &["rev-parse", "HEAD:report.md"]), git(dir, &["rev-parse", "HEAD:results.json"]));
    let ran = made(dir, &["trim", "--levels", "0,0.05,0.1"]);
    assert!(ran.stdout.contains("ATE") && ran.stdout.contains("changes no answer"), "{}", ran.stdout);
    let message = git(dir, &["log", "-1", "--format=%B"]);
    for word in ["follow-up trim: 3 thresholds", "Follow-Up: trim", "Declared: after unblinding", "Request-SHA256: "] {
        assert!(message.contains(word), "{word}: {message}");
    }
    assert_eq!(git(dir, &["rev-list", "--count", &format!("{run}..HEAD")]), "1");
    assert_eq!(git(dir, &["diff", "--name-only", &run]).lines().count(), 5, "request, table, page, picture, numbers");
    assert_eq!(
        (git(dir, &["rev-parse", "HEAD:report.md"]), git(dir, &["rev-parse", "HEAD:results.json"])),
        (report, results)
    );
    let again = made(dir, &["trim", "--levels", "0,0.05,0.1", "--threads", "1"]);
    assert!(again.stderr.contains("there already, the same bytes"), "{}", again.stderr);
    assert_eq!(git(dir, &["rev-list", "--count", &format!("{run}..HEAD")]), "1");
    // Other thresholds are another sweep, under a name of its own; a name that was given is kept.
    made(dir, &["trim", "--levels", "0,0.2"]);
    assert!(text(dir, "trim-2.yaml").contains("trim: [0, 0.2]"));
    refused(dir, &["trim", "--levels", "0,0.3", "--name", "trim-2"], &["another follow-up", "--name"]);
    // Rows of the table: everybody, and fewer the higher the threshold.
    let rows = table(&text(dir, "trim.csv"));
    let n: Vec<usize> = rows.iter().map(|row| row["n"].parse().expect("rows")).collect();
    assert!(n[0] == 900 && n[1] < 900 && n[2] < n[1], "{n:?}");
    assert!(rows.iter().all(|row| !row["max_abs_smd"].is_empty() && !row["ess_control"].is_empty()), "{rows:?}");
    // All of it is verified, and an edited number is found.
    let verified = oci_agent(dir, &["verify", "out"]);
    assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
    assert!(verified.stdout.contains("follow-up trim-2"), "{}", verified.stdout);
    let path = dir.join("out/sweeps/trim-2.csv");
    let whole = std::fs::read_to_string(&path).expect("a table");
    std::fs::write(&path, whole.replacen("900", "901", 1)).expect("written");
    refused(dir, &["trim"], &["`sweeps/trim-2.csv`", "checkout"]);
    git(dir, &["commit", "-qa", "--amend", "--no-edit"]);
    let found = oci_agent(dir, &["verify", "out"]);
    assert!(found.code == 1 && found.stdout.contains("sweeps/trim-2.csv, line 2: `901`"), "{}", found.stdout);
    refused(dir, &["trim", "--levels", "0,0.2"], &["other bytes than this sweep gives"]);
}

/// The population is that of the answer: each part has the rows of it that are in the part, and no others.
#[test]
fn parts_are_of_the_frozen_population_and_what_cannot_be_estimated_is_told() {
    let world = world(PLAN);
    let dir = world.path();
    let results: Value =
        serde_json::from_slice(&std::fs::read(dir.join("out/results.json")).expect("results")).expect("JSON");
    let population = results["answers"][0]["population_numbers"]["n"].as_u64().expect("rows");
    assert!(population < 900 && results["answers"][0]["name"] == "trimmed ATE", "the playbook trims: {population}");
    made(dir, &["partition", "--by", "when", "--every", "month"]);
    let rows = table(&text(dir, "partition-when.csv"));
    let labels: Vec<&str> = rows.iter().map(|row| row["label"].as_str()).collect();
    assert_eq!(labels, ["2024-01", "2024-02", "2024-03"]);
    let found: Value = serde_json::from_str(&text(dir, "partition-when.json")).expect("JSON");
    let answer = &found["answers"][0];
    let without = answer["without_group"].as_u64().expect("rows without a date");
    let n: u64 = rows.iter().map(|row| row["n"].parse::<u64>().expect("rows")).sum();
    assert_eq!((answer["population"].as_u64(), n + without), (Some(population), population));
    assert!(without > 0 && text(dir, "partition-when.md").contains("have no value of `when`"));
    let trimmed: u64 = rows.iter().map(|row| row["trimmed"].parse::<u64>().expect("rows")).sum();
    assert_eq!(n + trimmed, 800, "a hundred rows have no date");
    assert_eq!(rows[0]["estimand"], "trimmed ATE");
    // One arm, and levels that steer.
    made(dir, &["subgroup", "--by", "place"]);
    let csv = text(dir, "subgroup-place.csv");
    let rows = table(&csv);
    let alone = rows.iter().find(|row| row["label"] == "x").expect("the part with one arm");
    assert!(alone["no_estimate"].starts_with("one arm only") && alone["estimate"].is_empty(), "{alone:?}");
    assert!(csv.contains("'=cmd") && !csv.contains('\u{202e}'), "{csv}");
    for name in ["subgroup-place.md", "subgroup-place.svg"] {
        let text = text(dir, name);
        // In markdown a bracket with a backslash is a letter.
        let markup = text.replace("\\<script>", "");
        assert!(!markup.contains("<script>") && !text.contains('\u{202e}'), "{name}: {text}");
    }
    made(dir, &["subgroup", "--by", "a", "--cuts", "-0.5,0.5"]);
    // A spreadsheet would compute what begins with a minus; set off, as everywhere.
    assert_eq!(table(&text(dir, "subgroup-a.csv"))[1]["label"], "'-0.5 to below 0.5");
    made(dir, &["learner", "--learners", "linear,ridge"]);
    let rows = table(&text(dir, "learner.csv"));
    assert_eq!(rows.iter().map(|row| row["label"].as_str()).collect::<Vec<_>>(), ["the answer", "linear", "ridge"]);
    assert!(rows.iter().all(|row| row["n"] == rows[0]["n"]), "the population is that of the answer");
    assert_eq!(oci_agent(dir, &["verify", "out"]).code, 0);
    // What cannot be meant.
    refused(dir, &["partition", "--by", "wen"], &["no column `wen`", "Did you mean `when`?"]);
    refused(dir, &["subgroup", "--by", "y"], &["is the outcome"]);
    refused(dir, &["subgroup", "--by", "after"], &["measured after treatment"]);
    refused(dir, &["subgroup", "--by", "a"], &["900 groups", "--cuts"]);
    refused(dir, &["subgroup", "--by", "when", "--cuts", "1"], &["`cuts` says nothing", "`every`"]);
    refused(dir, &["trim", "--levels", "0.7"], &["below 0.5"]);
    refused(dir, &["trim", "--estimand", "ato"], &["does not ask for the ATO"]);
    refused(dir, &["trim", "--name", "../x"], &["cannot be the name"]);
    refused(dir, &["spec"], &["declares no fork", "--forks"]);
}

/// The answer is among the declared specifications; estimators without learners are not multiplied by them.
#[test]
fn a_specification_curve_has_each_analysis_once_and_its_answer() {
    let world = world(PLAN);
    let dir = world.path();
    let forks = "optional: [b]\ntrim: [0, 0.1]\nestimators: [aipw, ipw_hajek, aipw_crossfit]\nlearners: [linear, ridge]\n\
                 outcome: [as_it_is, ranks]\n";
    std::fs::write(dir.join("forks.yaml"), forks).expect("forks");
    made(dir, &["spec", "--forks", "forks.yaml"]);
    let found: Value = serde_json::from_str(&text(dir, "spec.json")).expect("JSON");
    // 2 sets × 2 thresholds × (1 + 1 + 2 by learner) × 2 forms.
    let curve = &found["curve"];
    assert_eq!((curve["declared"].as_u64(), curve["standardised"].as_bool()), (Some(32), Some(true)), "{curve}");
    assert_eq!(curve["joint"]["paths"].as_u64(), Some(32), "{curve}");
    assert_eq!(curve["repeated"].as_u64(), Some(0), "{curve}");
    // Thresholds that leave nobody out are the analyses that are there already.
    let forks = "trim: [0, 0.000000001, 0.000000002]\nestimators: [aipw, ipw_hajek]\n";
    std::fs::write(dir.join("same.yaml"), forks).expect("forks");
    made(dir, &["spec", "--forks", "same.yaml", "--name", "same"]);
    let same: Value = serde_json::from_str(&text(dir, "same.json")).expect("JSON");
    let same = &same["curve"];
    assert_eq!(
        (same["repeated"].as_u64(), same["joint"]["paths"].as_u64(), same["not_joint"].as_u64()),
        (Some(4), Some(3), Some(0)),
        "{same}"
    );
    let rows = table(&text(dir, "same.csv"));
    let repeats: Vec<&str> = rows.iter().map(|row| row["repeats"].as_str()).collect();
    assert_eq!(repeats.iter().filter(|it| !it.is_empty()).count(), 4, "{repeats:?}");
    // Of two other paths, not of six.
    let m = same["m_value"].as_f64().expect("an m-value");
    assert!([1.0 / 3.0, 2.0 / 3.0, 1.0].iter().any(|it| (it - m).abs() < 1e-9), "{m}");
    let m = curve["m_value"].as_f64().expect("an m-value");
    assert!((1.0 / 33.0..=1.0).contains(&m), "{m}");
    let rows = table(&text(dir, "spec.csv"));
    let answers: Vec<_> = rows.iter().filter(|row| row["answer"] == "true").collect();
    assert_eq!(answers.len(), 1);
    assert!(rows.iter().all(|row| row["p_adjusted"].parse::<f64>().is_ok_and(|p| p > 0.0 && p <= 1.0)), "{rows:?}");
    assert!(text(dir, "spec.md").contains("m-value"));
    assert_eq!(oci_agent(dir, &["verify", "out"]).code, 0);
    // Two sets of terms, 90 thresholds, 10 estimators with learners, and three forms of the outcome.
    let levels: Vec<String> = (0..90).map(|k| format!("{}", f64::from(k) / 200.0)).collect();
    let too_many = format!(
        "optional: [b]\ntrim: [{}]\nestimators: [aipw_crossfit, tmle_crossfit]\nlearners: [linear, ridge, elastic_net, boosting, bart]\n\
         outcome: [as_it_is, winsorised, ranks]\n",
        levels.join(", ")
    );
    for (forks, word) in [
        ("covariates: {one: [nobody]}", "no confounder"),
        ("estimators: [naive]", "does not know"),
        ("outcome: [log]", "values of −1 and below"),
        ("trims: [0]", "trims"),
        (&too_many, "5400 analyses, and 5000 is the most"),
    ] {
        std::fs::write(dir.join("forks.yaml"), forks).expect("forks");
        refused(dir, &["spec", "--forks", "forks.yaml", "--name", "other"], &[word]);
    }
}

/// Other data are another question, and are refused before anything is estimated.
#[test]
fn other_data_are_refused() {
    let world = world(PLAN);
    let dir = world.path();
    let mut changed = data();
    changed.push_str("1,0.5,0.5,0.5,,x,1\n");
    std::fs::write(dir.join("data.csv"), changed).expect("data");
    refused(dir, &["trim"], &["Data-SHA256 is", "was"]);
    std::fs::remove_file(dir.join("data.csv")).expect("a file");
    let ran = sweep(dir, &["trim"]);
    assert!(ran.code >= 2 && ran.stderr.contains("data.csv"), "{}", ran.stderr);
}

/// What a plan asks is made after the report; a run that was cut before that goes on there and comes to the same tree.
#[test]
fn follow_ups_of_the_plan_end_the_run_and_are_resumed() {
    let plan = format!("{PLAN}follow_ups:\n  - {{sweep: trim, trim: [0, 0.1]}}\n  - {{sweep: partition, by: when}}\n");
    let world = world(&plan);
    let dir = world.path();
    let subjects = git(dir, &["log", "--format=%s"]);
    let last: Vec<&str> = subjects.lines().take(3).collect();
    assert!(last[0].starts_with("follow-up partition-when") && last[1].starts_with("follow-up trim"), "{subjects}");
    assert!(last[2].starts_with("notebook"), "{subjects}");
    assert!(git(dir, &["log", "-1", "--format=%B"]).contains("Run-Status: finished"));
    assert!(!git(dir, &["log", "-1", "--format=%B", "HEAD~2"]).contains("Run-Status"));
    let tree = git(dir, &["rev-parse", "HEAD^{tree}"]);
    assert_eq!(oci_agent(dir, &["verify", "out"]).code, 0);
    // The same request by hand is the one on record.
    let again = made(dir, &["trim", "--levels", "0,0.1"]);
    assert!(again.stderr.contains("there already"), "{}", again.stderr);
    git(dir, &["reset", "-q", "--hard", "HEAD~1"]);
    refused(dir, &["learner"], &["is not finished", "--resume"]);
    let resumed = oci_agent(dir, &["run", "plan.yaml", "--out", "out", "--resume"]);
    assert!(resumed.code < 2, "{}{}", resumed.stdout, resumed.stderr);
    assert_eq!(git(dir, &["rev-parse", "HEAD^{tree}"]), tree);
    // Nothing may be seen before results are on record.
    git(dir, &["reset", "-q", "--hard", "HEAD~5"]);
    refused(dir, &["trim"], &["is not unblinded", "--resume"]);
}

#[test]
fn what_no_run_can_give_is_said_by_check() {
    let dir = tempfile::tempdir().expect("temporary directory");
    std::fs::write(dir.path().join("data.csv"), data()).expect("data");
    for (asked, word) in [
        ("{sweep: partition, by: wen}", "the data have no column `wen`"),
        ("{sweep: subgroup, by: a}", "900 groups"),
        ("{sweep: spec, estimators: [bart], trim: [0]}, {sweep: spec, trim: [0]}", "two follow-ups are called"),
        ("{sweep: trim, estimand: att}", "does not ask for the ATT"),
        ("{sweep: spec, covariates: {some: [a, c]}}", "is no confounder"),
    ] {
        std::fs::write(dir.path().join("plan.yaml"), format!("{PLAN}follow_ups: [{asked}]\n")).expect("a plan");
        let ran = oci_agent(dir.path(), &["check", "plan.yaml"]);
        assert!(ran.code == 2 && ran.stderr.contains(word), "{asked}: {}", ran.stderr);
    }
}

#[test]
fn runs_of_experiments_and_clones_are_refused() {
    let world = world(PLAN);
    let dir = world.path();
    let clone = Command::new("git").args(["clone", "-q", "out", "clone"]).current_dir(dir).output().expect("git");
    assert!(clone.status.success());
    let ran = oci_agent(dir, &["sweep", "trim", "clone", "--data-root", "."]);
    assert!(ran.code == 2 && ran.stderr.contains("is a clone of a run"), "{}", ran.stderr);
    let plan = "title: A\nquestion: Q?\ndesign: experiment\ndata: {source: data.csv}\nassignment: {column: t, control: 0}\n\
                metrics:\n  y: {expression: y, role: primary}\ncovariates: [b]\n";
    std::fs::write(dir.join("test.yaml"), plan).expect("a plan");
    oci_agent(dir, &["run", "test.yaml", "--out", "test"]);
    let ran = oci_agent(dir, &["sweep", "trim", "test"]);
    assert!(ran.code == 2 && ran.stderr.contains("run of an experiment"), "{}", ran.stderr);
    let ran = oci_agent(dir, &["sweep", "trim", "nowhere"]);
    assert!(ran.code == 2 && ran.stderr.contains("is not there"), "{}", ran.stderr);
}

/// A further outcome, one that nothing changes, one of two values, and one with gaps.
fn several() -> String {
    let mut noise = Noise(11);
    let mut data = String::from("t,y,a,b,z,event,gap,word\n");
    for row in 0..800 {
        let (a, b) = (noise.normal(), noise.normal());
        let t = f64::from(u8::from(noise.happens(1.0 / (1.0 + (-0.5 * a).exp()))));
        let y = t + a + 0.5 * b + noise.normal();
        let z = a - b + noise.normal();
        let event = u8::from(noise.happens(if t > 0.0 { 0.6 } else { 0.3 }));
        let gap = if row % 10 == 0 { String::new() } else { format!("{}", 2.0 * t + a + noise.normal()) };
        let _ = writeln!(data, "{t},{y},{a},{b},{z},{event},{gap},w{}", row % 3);
    }
    data
}

const SEVERAL: &str = "title: T\nquestion: Q?\ndata: {source: data.csv}\ntreatment: {column: t}\noutcome: {column: y, units: kg}\n\
                       confounders: {priority: [a], other: [b]}\nestimands: [ate]\nanalysis: {estimator: aipw}\n";

/// A line of a table as values by column.
fn lines(table: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    reader.deserialize().collect::<Result<_, _>>().expect("a table")
}

#[test]
fn several_outcomes_share_one_design_and_their_p_values_know_their_number() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let dir = dir.path();
    std::fs::write(dir.join("data.csv"), several()).expect("data");
    std::fs::write(dir.join("plan.yaml"), format!("{SEVERAL}outcomes: [z, event, gap]\n")).expect("a plan");
    let ran = oci_agent(dir, &["run", "plan.yaml", "--out", "out"]);
    assert!(ran.code < 2, "{}{}", ran.stdout, ran.stderr);
    let rows = lines(&text(dir, "outcomes.csv"));
    let labels: Vec<&str> = rows.iter().map(|row| row["label"].as_str()).collect();
    assert_eq!(labels, ["y", "z", "event", "gap"]);
    let number =
        |row: usize, column: &str| rows[row][column].parse::<f64>().unwrap_or_else(|_| panic!("{row} {column}"));
    assert_eq!((number(0, "n"), number(3, "n"), number(3, "trimmed")), (800.0, 720.0, 80.0));
    // Each is what the plan of that outcome gives.
    for (at, outcome) in [(1, "z"), (2, "event, kind: binary")] {
        let plan = SEVERAL.replace("column: y", &format!("column: {outcome}"));
        std::fs::write(dir.join("other.yaml"), plan).expect("a plan");
        let ran = oci_agent(dir, &["run", "other.yaml", "--out", &format!("alone{at}")]);
        assert!(ran.code < 2, "{}{}", ran.stdout, ran.stderr);
        let results = std::fs::read(dir.join(format!("alone{at}/results.json"))).expect("results");
        let results: Value = serde_json::from_slice(&results).expect("JSON");
        let alone = &results["answers"][0]["effect"];
        for (column, key) in [("estimate", "estimate"), ("std_error", "std_error")] {
            let alone = alone[key].as_f64().expect(key);
            assert!((number(at, column) - alone).abs() < 1e-9 * alone.abs().max(1.0), "{outcome}: {column}");
        }
    }
    // Holm and Benjamini and Hochberg of the four, by their definitions.
    let p: Vec<f64> = (0..4).map(|row| number(row, "p_value")).collect();
    let mut order: Vec<usize> = (0..4).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let mut largest = 0.0_f64;
    for (rank, row) in order.iter().enumerate() {
        largest = largest.max((4 - rank) as f64 * p[*row]).min(1.0);
        assert!((number(*row, "p_holm") - largest).abs() < 1e-9);
        assert!(number(*row, "p_bh") <= number(*row, "p_holm") + 1e-12);
    }
    assert!(p[1] > 0.05 && p[2] < 0.001, "{p:?}");
    let page = text(dir, "outcomes.md");
    assert!(page.contains("declared in the plan") && page.contains("80 rows without `gap`"), "{page}");
    let verified = oci_agent(dir, &["verify", "out"]);
    assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
    for (columns, words) in [
        ("a", "is a confounder"),
        ("t", "is the treatment"),
        ("y", "is the outcome of the plan"),
        ("word", "no column of numbers"),
        ("z,z", "named twice"),
        ("zz", "no column `zz`"),
    ] {
        refused(dir, &["outcomes", "--columns", columns], &[words]);
    }
    made(dir, &["outcomes", "--columns", "event", "--name", "later"]);
    let audited = oci_agent(dir, &["audit", "out"]);
    assert!(audited.stdout.contains("nothing of the run is touched: later"), "{}", audited.stdout);
    assert!(!audited.stdout.contains("younger than the end"), "{}", audited.stdout);
    std::fs::write(dir.join("bad.yaml"), format!("{SEVERAL}outcomes: [z, b]\n")).expect("a plan");
    let ran = oci_agent(dir, &["check", "bad.yaml"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("`b` is a confounder") && ran.stderr.contains("bad.yaml:9"), "{}", ran.stderr);
}
