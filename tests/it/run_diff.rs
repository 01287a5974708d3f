//! `oci-agent diff`: what changed between runs, iterations, branches and commits.

use crate::cli::{Ran, oci_agent};
use crate::structure::Noise;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;

fn json(ran: &Ran) -> Value {
    serde_json::from_str(ran.stdout.trim()).expect("one line of JSON")
}

fn commit(dir: &Path, run: &str, subject: &str) -> String {
    let grep = format!("--grep={subject}");
    let args = ["-C", run, "log", "--all", "-1", "--format=%H", &grep];
    let output = std::process::Command::new("git").current_dir(dir).args(args).output().expect("git");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Of a run of the LaLonde example, in `out`.
pub fn iterations_of_one_run(dir: &Path) {
    let diff = |args: &[&str]| oci_agent(dir, &[&["diff"][..], args].concat());
    let ran = diff(&["out"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    for words in ["out@iter/1 -> out@iter/3", "att.tier: not_satisfactory -> ", "age^2", "standard errors of the first"]
    {
        assert!(ran.stdout.contains(words), "{words}: {}", ran.stdout);
    }
    // The ATE went back to where it was: the same analysis has the same effect.
    let found = json(&diff(&["out", "--json"]));
    let of = |effect: &Value| effect["of"].as_str().expect("a name").to_owned();
    let effects: Vec<String> = found["effects"].as_array().expect("effects").iter().map(of).collect();
    assert_eq!(effects, ["ato", "att"]);
    let moved = &found["effects"][1];
    let number = |state: &str, key: &str| moved[state][key].as_f64().expect("a number");
    let expected = (number("after", "estimate") - number("before", "estimate")) / number("before", "std_error");
    assert!((moved["moved"].as_f64().expect("a number") - expected).abs() < 1e-12);
    // Before it was unblinded, a state has no effect, and neither has a difference.
    let blind = commit(dir, "out", "iteration 1, critique");
    let ran = diff(&[&format!("out@{}", &blind[..10]), "out@main", "--json"]);
    assert!(json(&ran)["effects"].as_array().expect("effects").iter().all(|effect| effect["before"].is_null()));
    assert_eq!(diff(&["out", "out"]).code, 0);
    for (args, words) in [
        (&["out@iter_09", "out"][..], "no iteration 9; the run has 3"),
        (&["out@nothing", "out"], "no iteration, branch or commit"),
        (&["elsewhere", "out"], "elsewhere"),
        (&["out@main"], "no other to hold it against"),
    ] {
        let ran = diff(args);
        assert!(ran.code >= 2 && ran.stderr.contains(words), "{args:?}: {}", ran.stderr);
    }
}

#[test]
fn branches_of_an_experiment() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let mut noise = Noise(8);
    let mut data = String::from("t,y,a\n");
    for _ in 0..300 {
        let (a, t) = (noise.normal(), f64::from(u8::from(noise.happens(0.5))));
        let _ = writeln!(data, "{t},{},{a}", t + a + noise.normal());
    }
    std::fs::write(dir.path().join("data.csv"), data).expect("data");
    let plan = "title: A test\nquestion: Q?\ndesign: experiment\ndata: {source: data.csv}\n\
                assignment: {column: t, control: 0}\nmetrics:\n  y: {expression: y, role: primary}\n";
    for more in ["", "covariates: [a]\n"] {
        std::fs::write(dir.path().join("plan.yaml"), format!("{plan}{more}")).expect("a plan");
        assert_eq!(oci_agent(dir.path(), &["run", "plan.yaml", "--out", "out"]).code, 0);
    }
    let ran = oci_agent(dir.path(), &["diff", "out@main", "out@run-2"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    for words in
        ["covariates: (not there) -> a", "y, 1, itt: ", "standard errors of the first", "1.verdict: ship -> hold"]
    {
        assert!(ran.stdout.contains(words), "{words}: {}", ran.stdout);
    }
}
