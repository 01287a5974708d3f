//! Input that is wrong in a way the program must survive: one test each, named after what is covered. Every one ends with
//! exit code 2 (the person's to fix) or 3 (the machine's), names the thing and the fix, and leaves no result behind.

use crate::cli::{Ran, oci_agent};
use std::fmt::Write as _;
use std::path::Path;
use tempfile::TempDir;

const PLAN: &str = "title: T\nquestion: Q?\ndata:\n  source: data.csv\ntreatment:\n  column: t\noutcome:\n  column: y\n  units: kg\nconfounders:\n  priority: [x]\n";

/// 60 rows: id, t, y, x, z, with overlap in x.
fn good_rows() -> Vec<[String; 4]> {
    (0..60)
        .map(|i| {
            let x = f64::from(i % 10);
            let t = u8::from((i * 7 + i / 10) % 3 == 0);
            let y = 2.0 * x + f64::from(t) + f64::from((i * 13) % 7);
            [t.to_string(), y.to_string(), x.to_string(), (i % 2).to_string()]
        })
        .collect()
}

fn csv(rows: &[[String; 4]]) -> String {
    let mut text = String::from("t,y,x,z\n");
    for row in rows {
        let _ = writeln!(text, "{}", row.join(","));
    }
    text
}

fn good_csv() -> String {
    csv(&good_rows())
}

fn folder(data: impl AsRef<[u8]>, plan: impl AsRef<[u8]>) -> TempDir {
    let dir = tempfile::tempdir().expect("temporary directory");
    std::fs::write(dir.path().join("data.csv"), data).expect("data");
    std::fs::write(dir.path().join("plan.yaml"), plan).expect("plan");
    dir
}

fn run(dir: &Path) -> Ran {
    oci_agent(dir, &["run", "plan.yaml", "--out", "out"])
}

/// Both `check` and `run` refuse, with the same words, and no run comes into being.
fn refused(data: impl AsRef<[u8]>, plan: impl AsRef<[u8]>, says: &[&str]) {
    let dir = folder(data, plan);
    for ran in [oci_agent(dir.path(), &["check", "plan.yaml"]), run(dir.path())] {
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        for words in says {
            assert!(ran.stderr.contains(words), "`{words}` is not in:\n{}", ran.stderr);
        }
        assert!(!ran.stderr.contains("panicked") && !ran.stderr.contains("mistake in oci-agent"), "{}", ran.stderr);
    }
    assert!(!dir.path().join("out").exists(), "nothing was written");
}

fn with_column(change: impl Fn(usize, &mut [String; 4])) -> String {
    let mut rows = good_rows();
    for (i, row) in rows.iter_mut().enumerate() {
        change(i, row);
    }
    csv(&rows)
}

#[test]
fn the_good_case_is_good() {
    let dir = folder(good_csv(), PLAN);
    let ran = run(dir.path());
    assert!([0, 1].contains(&ran.code), "{}", ran.stderr);
    assert!(dir.path().join("out/results.json").exists());
}

#[test]
fn empty_file() {
    refused("", PLAN, &["data.csv", "empty"]);
}

#[test]
fn header_only() {
    refused("t,y,x,z\n", PLAN, &["data.csv", "row"]);
}

#[test]
fn one_row() {
    refused("t,y,x,z\n1,2,3,4\n", PLAN, &["data.csv", "1 row"]);
}

#[test]
fn wrong_delimiter() {
    refused(good_csv().replace(',', "~"), PLAN, &["data.csv", "~"]);
    // Those that files do have are found.
    for mark in [";", "\t", "|"] {
        let dir = folder(good_csv().replace(',', mark), PLAN);
        let ran = oci_agent(dir.path(), &["check", "plan.yaml"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!(ran.stdout.contains("1 file with values separated by"), "{}", ran.stdout);
    }
}

#[test]
fn not_utf_8() {
    let mut bytes = good_csv().into_bytes();
    bytes.splice(20..20, [0xff, 0xfe]);
    refused(bytes, PLAN, &["data.csv", "UTF-8"]);
}

#[test]
fn a_column_of_all_nan() {
    refused(with_column(|_, row| row[2] = "NaN".into()), PLAN, &["x"]);
}

#[test]
fn a_column_with_infinity() {
    refused(
        with_column(|i, row| {
            if i == 7 {
                row[2] = "inf".into()
            }
        }),
        PLAN,
        &["x", "inf"],
    );
}

#[test]
fn a_constant_covariate() {
    refused(with_column(|_, row| row[2] = "3".into()), PLAN, &["plan.yaml:11", "`x` is 3 in every analysed row"]);
}

#[test]
fn perfectly_separated_treatment() {
    let data = with_column(|i, row| row[2] = format!("{}", if row[0] == "1" { 100 + i } else { i }));
    let dir = folder(data, PLAN);
    let ran = run(dir.path());
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains('x') && ran.stderr.contains("separat"), "{}", ran.stderr);
    assert!(!dir.path().join("out/results.json").exists());
}

#[test]
fn duplicate_column_names() {
    refused(good_csv().replacen("t,y,x,z", "t,y,x,x", 1), PLAN, &["x"]);
}

#[test]
fn a_category_with_5000_levels() {
    let mut text = String::from("t,y,x,city\n");
    for i in 0..5000 {
        let _ = writeln!(text, "{},{},{},city{i}", i % 2, i % 17, i % 10);
    }
    refused(text, PLAN.replace("[x]", "[x, city]"), &["city", "5000"]);
}

#[test]
fn more_terms_than_rows() {
    let names: Vec<String> = (0..40).map(|j| format!("x{j}")).collect();
    let mut text = format!("t,y,{}\n", names.join(","));
    for i in 0_u32..30 {
        let values: Vec<String> = (0_u32..40).map(|j| ((i * 31 + j * 17 + i * i * j) % 23).to_string()).collect();
        let _ = writeln!(text, "{},{},{}", i % 2, i, values.join(","));
    }
    refused(text, PLAN.replace("[x]", &format!("[{}]", names.join(", "))), &["40", "30"]);
}

#[test]
fn a_negative_weight() {
    let data = with_column(|i, row| row[3] = if i == 3 { "-1".into() } else { "1".into() });
    refused(data, PLAN.replace("source: data.csv", "source: data.csv\n  weights: z"), &["z", "-1"]);
}

#[test]
fn a_treatment_that_is_not_binary() {
    refused(with_column(|i, row| row[0] = (i % 3).to_string()), PLAN, &["`t`", "2"]);
}

#[test]
fn an_empty_arm() {
    refused(with_column(|_, row| row[0] = "0".into()), PLAN, &["`t`"]);
}

#[test]
fn missing_values_are_counted_by_column() {
    refused(
        with_column(|i, row| {
            if i < 7 {
                row[2] = String::new()
            }
        }),
        PLAN,
        &["`x`", "7"],
    );
}

#[test]
fn every_problem_of_plan_and_data_is_reported_in_one_round_with_its_line() {
    let plan = format!("{PLAN}placebo_outcomes: [nope]\nestimandz: [ate]\n").replace("[x]", "[x, t, wrong]");
    refused(good_csv(), plan, &["plan.yaml:12", "estimandz", "plan.yaml:11", "wrong", "nope"]);
}

#[test]
fn a_plan_that_is_not_yaml() {
    refused(good_csv(), "title: [unclosed\n  - {", &["plan.yaml"]);
}

#[test]
fn a_plan_of_50_megabytes() {
    refused(good_csv(), "x".repeat(50 << 20), &["plan.yaml", "1 MiB"]);
}

#[test]
fn a_plan_that_is_not_there() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let ran = oci_agent(dir.path(), &["run", "nowhere.yaml"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("nowhere.yaml") && ran.stderr.contains("hint"), "{}", ran.stderr);
}

#[test]
fn an_output_directory_that_is_not_ours() {
    let dir = folder(good_csv(), PLAN);
    std::fs::create_dir(dir.path().join("out")).expect("mkdir");
    std::fs::write(dir.path().join("out/thesis.tex"), "mine").expect("write");
    let ran = run(dir.path());
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("out") && ran.stderr.contains("--out"), "{}", ran.stderr);
    assert_eq!(std::fs::read_to_string(dir.path().join("out/thesis.tex")).expect("still there"), "mine");
}

#[test]
fn an_output_directory_below_a_file() {
    let dir = folder(good_csv(), PLAN);
    let ran = oci_agent(dir.path(), &["run", "plan.yaml", "--out", "data.csv/out"]);
    assert!([2, 3].contains(&ran.code), "{}", ran.stderr);
    assert!(ran.stderr.contains("data.csv"), "{}", ran.stderr);
}

/// A limit on the size of files stands in for a full disk: it needs neither root nor a mount.
#[cfg(unix)]
#[test]
fn a_full_disk() {
    let dir = folder(good_csv(), PLAN);
    let program = env!("CARGO_BIN_EXE_oci-agent");
    let script = format!("trap '' XFSZ; ulimit -f 4; exec '{program}' run plan.yaml --out out");
    let output = std::process::Command::new("sh").args(["-c", &script]).current_dir(dir.path()).output().expect("sh");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("out") && !stderr.contains("panicked"), "{stderr}");
    assert!(!dir.path().join("out/results.json").exists());
    // With room again, the run goes on from where it was.
    let resumed = oci_agent(dir.path(), &["run", "plan.yaml", "--out", "out", "--resume"]);
    assert!([0, 1].contains(&resumed.code), "{}", resumed.stderr);
    assert!(dir.path().join("out/results.json").exists());
}

#[test]
fn unknown_arguments_and_estimators() {
    let dir = folder(good_csv(), PLAN);
    for args in [
        &["run"][..],
        &["fly"],
        &["estimate", "data.csv", "--treatment", "t", "--outcome", "y", "--estimator", "magic"],
        &["estimate", "data.csv", "--outcome", "y"],
        &["estimate", "data.csv", "--treatment", "t", "--outcome", "y", "--trim", "0.7"],
        &["estimate", "plan.yaml", "--estimand", "atc"],
        &["playbook", "show", "nope"],
    ] {
        let ran = oci_agent(dir.path(), args);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.stderr);
        assert!(!ran.stderr.is_empty());
    }
}

/// A binary outcome without events in one arm: the design is fine, and still there is no answer.
#[test]
fn an_answer_that_cannot_be_computed_is_not_accepted() {
    let data = with_column(|i, row| row[1] = u8::from(row[0] == "0" && i % 4 == 0).to_string());
    let dir = folder(data, PLAN.replace("units: kg", "units: share\n  kind: binary"));
    let ran = run(dir.path());
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let bytes = std::fs::read(dir.path().join("out/results.json")).expect("results");
    let results: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
    let answer = &results["answers"][0];
    assert_eq!((&answer["tier"], answer["effect"].is_null()), (&"not_satisfactory".into(), true));
    let critique = std::fs::read(dir.path().join("out/critique.json")).expect("a critique");
    let critique: serde_json::Value = serde_json::from_slice(&critique).expect("JSON");
    let findings = critique["analyses"][0]["findings"].as_array().expect("findings");
    let failed = findings.iter().find(|f| f["code"] == "estimate.failed").expect("the finding");
    assert!(failed["message"].as_str().expect("text").contains("treated arm"), "{failed}");
}

#[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
#[test]
fn output_that_cannot_be_written() {
    let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else {
        eprintln!("skipped: this system has no /dev/full");
        return;
    };
    let dir = folder(good_csv(), PLAN);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_oci-agent"))
        .args(["check", "plan.yaml"])
        .current_dir(dir.path())
        .stdout(full)
        .output()
        .expect("the program starts");
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("standard output"));
}
