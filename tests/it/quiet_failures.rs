//! However quiet, a command that ends with another code than 0 says why in a sentence, on stderr.

use crate::cli::oci_agent;
use std::path::Path;

fn says_why(dir: &Path, words: &[&str], codes: &[i32]) {
    for quiet in [&["-q"][..], &["-qq"], &["-q", "--json"], &["--json"], &[]] {
        let all = [quiet, words].concat();
        let ran = oci_agent(dir, &all);
        assert!(codes.contains(&ran.code), "{all:?}: {} {}", ran.code, ran.stderr);
        let told = ran.stderr.lines().any(|line| line.split_whitespace().count() >= 4);
        assert!(told, "{all:?} ends with {} and says nothing: {:?} {:?}", ran.code, ran.stdout, ran.stderr);
    }
}

#[test]
fn every_command_that_fails_says_why() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("bad.yaml"), "title: [\n").expect("a file");
    std::fs::write(dir.path().join("data.csv"), "t,y,x\n0,1,2\n1,2,3\n").expect("a file");
    std::fs::write(dir.path().join("file"), "").expect("a file");
    std::fs::create_dir(dir.path().join("empty")).expect("a folder");
    for words in [
        &["run", "bad.yaml"][..],
        &["run", "nowhere.yaml"],
        &["run", "empty"],
        &["check", "bad.yaml"],
        &["check", "nowhere.yaml"],
        &["check", "bad.yaml", "--trust", "a b"],
        &["baseline", "bad.yaml"],
        &["init", "nowhere.csv", "--treatment", "t", "--outcome", "y"],
        &["init", "data.csv", "--treatment", "q", "--outcome", "y"],
        &["init", "data.csv", "--treatment", "t", "--outcome", "y", "--output", "data.csv"],
        &["init", "data.csv", "--treatment", "t", "--outcome", "y", "--output", "no/such/plan.yaml"],
        &["estimate", "nowhere.csv", "--treatment", "t", "--outcome", "y"],
        &["estimate", "data.csv", "--treatment", "t", "--outcome", "y"],
        &["estimate", "data.csv"],
        &["transcript", "show", "nowhere"],
        &["transcript", "show", "empty"],
        &["playbook", "show", "nothing"],
        &["playbook", "list", "--playbooks", "empty"],
        &["acic", "run", "--data", "empty", "--out", "replay"],
        &["acic", "score", "--out", "empty"],
        &["acic", "merge", "--out", "empty"],
        &["acic", "report", "--out", "empty"],
        &["acic", "export", "--data", "empty", "--out", "exported"],
        &["acic", "calibrate", "--out", "file"],
        &["simulate", "coverage", "--out", "file"],
        &["simulate", "accuracy", "--out", "file"],
        &["no-such-command"],
        &["run"],
    ] {
        says_why(dir.path(), words, &[2, 3]);
    }
    says_why(dir.path(), &["mcp", "bad.yaml"], &[2, 3]);
}

/// A verdict is a result and no malfunction, and it is said as well.
#[test]
fn a_run_that_is_not_accepted_says_so() {
    let dir = tempfile::tempdir().expect("a folder");
    // Nobody in the treated arm has an event, so there is no answer.
    let row = |i: usize| {
        let t = u8::from((i * 7 + i / 10).is_multiple_of(3));
        format!("{t},{},{}\n", u8::from(t == 0 && i.is_multiple_of(4)), i % 10)
    };
    let rows: String = (0..60).map(row).collect();
    std::fs::write(dir.path().join("data.csv"), format!("t,y,x\n{rows}")).expect("data");
    let plan = "title: T\nquestion: Q?\ndata: {source: data.csv}\ntreatment: {column: t}\noutcome: {column: y, units: share, kind: \
                binary}\nconfounders: {priority: [x]}\n";
    std::fs::write(dir.path().join("plan.yaml"), plan).expect("plan");
    let ran = oci_agent(dir.path(), &["run", "plan.yaml", "--out", "out", "-qq"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.starts_with("Not accepted:"), "{}", ran.stderr);
}
