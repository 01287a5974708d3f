//! `oci-agent simulate accuracy`: the default against the truth.

use crate::cli::oci_agent;
use std::collections::BTreeMap;
use std::path::Path;

fn run(dir: &Path, threads: &str, out: &str) -> BTreeMap<&'static str, String> {
    let arguments = [
        "--threads",
        threads,
        "simulate",
        "accuracy",
        "--families",
        "linear,weighted",
        "--rows",
        "150,210",
        "--replicates",
        "2",
        "--seed",
        "3",
        "--out",
        out,
    ];
    let ran = oci_agent(dir, &arguments);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let read = |name: &'static str| (name, std::fs::read_to_string(dir.join(out).join(name)).expect(name));
    ["accuracy.md", "accuracy.csv", "timings.csv"].map(read).into()
}

/// The lines of the table by column.
fn lines(csv: &str) -> Vec<BTreeMap<&str, &str>> {
    let mut lines = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().expect("a header");
    lines.map(|line| header.iter().copied().zip(line).collect()).collect()
}

#[test]
fn the_default_is_scored_as_a_run_chooses_it_and_the_bytes_are_the_same_at_any_number_of_threads() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let one = run(dir.path(), "1", "one");
    let three = run(dir.path(), "3", "three");
    assert_eq!(one["accuracy.csv"], three["accuracy.csv"]);
    assert_eq!(one["accuracy.md"], three["accuracy.md"]);
    assert!(!one["accuracy.csv"].contains("seconds") && !one["accuracy.md"].contains("seconds"));
    let lines = lines(&one["accuracy.csv"]);
    // Two families, two sizes, two targets, three contenders.
    assert_eq!(lines.len(), 24);
    let cell = |family: &str, rows: &str, contender: &str| {
        let of = |line: &&BTreeMap<&str, &str>| {
            (line["family"], line["rows"], line["contender"], line["target"]) == (family, rows, contender, "ate")
        };
        lines.iter().find(of).expect("a cell").clone()
    };
    for family in ["linear", "weighted"] {
        // Below 200 rows the default is AIPW by regressions: the pipeline's answer is the engine's, to every digit.
        let (default, linear) = (cell(family, "150", "default"), cell(family, "150", "linear_aipw"));
        assert_eq!(default["estimators"], "aipw");
        for column in ["rmse", "bias", "coverage", "width"] {
            assert_eq!(default[column], linear[column], "{family} {column}");
        }
        assert_eq!(cell(family, "210", "default")["estimators"], "dr_average");
        assert_eq!(cell(family, "210", "boosting_aipw")["estimators"], "aipw_crossfit");
        assert!(cell(family, "210", "boosting_aipw")["accepted"].is_empty(), "only the default has a verdict");
    }
}
