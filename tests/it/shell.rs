//! What a shell and an editor want to know, and values set on the command line.

use crate::cli::oci_agent;
use std::path::Path;

const PLAN: &str = "title: a\nquestion: b\ndata: {source: d.csv}\ntreatment: {column: t}\noutcome: {column: \"y\", units: kg}\n\
                    confounders:\n  priority: [x]  # the only one\nestimands: [ate, att]\nanalysis: {estimator: aipw}\n";

fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    let rows: String = (0..200).map(|i| format!("{},{},{}\n", i * 7 % 3 % 2, i * 13 % 29, i * 5 % 11)).collect();
    std::fs::write(dir.path().join("d.csv"), format!("t,y,x\n{rows}")).expect("data");
    std::fs::write(dir.path().join("plan.yaml"), PLAN).expect("a plan");
    dir
}

#[test]
fn the_schema_is_the_one_in_the_documentation_and_a_new_plan_names_it() {
    let dir = folder();
    let ran = oci_agent(dir.path(), &["schema"]);
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/plan.schema.json"));
    assert_eq!((ran.code, ran.stdout.trim()), (0, page.expect("the page").trim()));
    let ran = oci_agent(dir.path(), &["schema", "--experiment"]);
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/experiment.schema.json"));
    assert_eq!((ran.code, ran.stdout.trim()), (0, page.expect("the page").trim()));
    let ran = oci_agent(dir.path(), &["init", "d.csv", "--treatment", "t", "--outcome", "y", "--output", "new.yaml"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let plan = std::fs::read_to_string(dir.path().join("new.yaml")).expect("a plan");
    let first = plan.lines().next().expect("a line");
    assert!(first.starts_with("# yaml-language-server: $schema=https://") && first.ends_with("docs/plan.schema.json"));
}

#[test]
fn completions_and_manual_pages() {
    let dir = folder();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = oci_agent(dir.path(), &["completions", shell]);
        assert_eq!(ran.code, 0, "{shell}: {}", ran.stderr);
        assert!(ran.stdout.contains("oci-agent") && ran.stdout.contains("estimate"), "{shell}");
        if shell == "bash" {
            let script = dir.path().join("completions.bash");
            std::fs::write(&script, &ran.stdout).expect("a script");
            // Where there is a bash, it can read it.
            let read = std::process::Command::new("bash").arg("-n").arg(&script).status();
            assert!(read.map_or(true, |status| status.success()), "{}", ran.stdout);
        }
    }
    let ran = oci_agent(dir.path(), &["man", "pages/man1"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let page = |name: &str| std::fs::read_to_string(dir.path().join("pages/man1").join(name)).expect(name);
    assert!(page("oci-agent.1").contains(".TH oci-agent 1"));
    assert!(page("oci-agent-run.1").contains("\\-\\-resume"));
    let refused = oci_agent(dir.path(), &["man", "d.csv"]);
    assert!(refused.code == 2 && refused.stderr.contains("is not a folder"), "{}", refused.stderr);
}

#[test]
fn a_value_set_on_the_command_line_is_that_of_the_plan_on_record() {
    let dir = folder();
    let args = ["run", "plan.yaml", "--out", "out", "--set", "estimands=[att]", "--set", "analysis.folds=7"];
    let ran = oci_agent(dir.path(), &args);
    assert!(ran.code <= 1, "{}", ran.stderr);
    let read = |name: &str| std::fs::read_to_string(dir.path().join("out").join(name)).expect(name);
    let plan = read("plan.yaml");
    assert!(plan.contains("estimands: [att]") && plan.contains("analysis: {folds: 7, estimator: aipw}"), "{plan}");
    assert!(plan.contains("priority: [x]  # the only one") && plan.ends_with("line: analysis.folds=7\n"), "{plan}");
    let spec = read("spec.yaml");
    assert!(spec.contains("folds: 7") && !spec.contains("requested: ate"), "{spec}");
    assert_eq!(std::fs::read_to_string(dir.path().join("plan.yaml")).expect("the plan"), PLAN);
    // The same plan again is the same run.
    let again = oci_agent(dir.path(), &[&args[..], &["--resume"]].concat());
    assert_eq!(again.code, ran.code, "{}", again.stderr);
    assert_eq!(read("plan.yaml"), plan);
}

#[test]
fn what_cannot_be_set_is_told_with_a_way_on() {
    let dir = folder();
    for (set, words) in [
        ("analysis.folds", "is not KEY=VALUE"),
        ("analysis.fold=7", "no key `fold`"),
        ("analysis.folds=none", "whole number"),
        ("title.x=1", "has no keys of its own"),
        ("title=a: b", "does not give a plan"),
    ] {
        let ran = oci_agent(dir.path(), &["check", "plan.yaml", "--set", set]);
        assert_eq!(ran.code, 2, "{set}: {}", ran.stdout);
        assert!(ran.stderr.contains(words), "{set}: {}", ran.stderr);
    }
    // The hint of a value that needs quotes, typed as given.
    let ran = oci_agent(dir.path(), &["check", "plan.yaml", "--set", "title=\"a: b\""]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}
