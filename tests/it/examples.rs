//! Every example plan, end to end with the built program: the verdicts, the published numbers, and that the whole history
//! is the same tree again on another number of threads.

use crate::cli::{Ran, at, oci_agent};
use std::path::{Path, PathBuf};
use std::process::Command;

pub fn plan(example: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(example).join("plan.yaml")
}

pub struct Example {
    pub ran: Ran,
    pub dir: tempfile::TempDir,
}

impl Example {
    pub fn run(example: &str, extra: &[&str]) -> Example {
        let dir = tempfile::tempdir().expect("temporary directory");
        let plan = plan(example);
        let mut args = vec!["run", plan.to_str().expect("utf-8 path"), "--out", "out"];
        args.extend(extra);
        Example { ran: oci_agent(dir.path(), &args), dir }
    }

    pub fn json(&self, path: &str) -> serde_json::Value {
        let bytes = std::fs::read(self.dir.path().join("out").join(path)).expect(path);
        serde_json::from_slice(&bytes).expect(path)
    }

    pub fn text(&self, path: &str) -> String {
        std::fs::read_to_string(self.dir.path().join("out").join(path)).expect(path)
    }

    pub fn tree(&self) -> String {
        let output = std::process::Command::new("git")
            .args(["-C", "out", "rev-parse", "HEAD^{tree}"])
            .current_dir(self.dir.path())
            .output()
            .expect("git");
        String::from_utf8(output.stdout).expect("utf-8").trim().to_owned()
    }

    pub fn answer(&self, requested: &str) -> serde_json::Value {
        let results = self.json("results.json");
        let answers = results["answers"].as_array().expect("answers");
        answers.iter().find(|a| a["requested"] == requested).expect(requested).clone()
    }

    /// The codes of what warns, fails or could not be checked.
    pub fn doubts(&self, requested: &str) -> Vec<String> {
        let critique = self.json("critique.json");
        let analyses = critique["analyses"].as_array().expect("analyses");
        let graded = analyses.iter().find(|graded| graded["requested"] == requested).expect(requested);
        let doubted = ["warn", "fail", "not_applicable"];
        let findings = graded["findings"].as_array().expect("findings").iter();
        let found = findings.filter(|f| doubted.contains(&f["severity"].as_str().expect("a word")));
        found.map(|finding| finding["code"].as_str().expect("a code").to_owned()).collect()
    }

    fn effect(&self, requested: &str, estimator: &str, iteration: u64) -> serde_json::Value {
        let results = self.json("results.json");
        let found = results["effects"].as_array().expect("effects").iter().find(|row| {
            row["requested"] == requested && row["effect"]["estimator"] == estimator && row["iteration"] == iteration
        });
        found.unwrap_or_else(|| panic!("{requested} {estimator} {iteration}"))["effect"].clone()
    }
}

fn close(value: &serde_json::Value, expected: f64, tolerance: f64) {
    let value = value.as_f64().expect("a number");
    assert!((value - expected).abs() <= tolerance, "{value} against {expected}, tolerance {tolerance}");
}

/// The committed report, whatever stands in the folder.
fn prints_its_report(run: &Example) {
    let (dir, committed) = (run.dir.path(), run.text("report.md"));
    std::fs::write(dir.join("out/report.md"), "edited").expect("an edit");
    let printed = oci_agent(dir, &["report", "out"]);
    assert_eq!((printed.code, printed.stdout.trim()), (0, committed.trim()), "{}", printed.stderr);
    std::fs::write(dir.join("out/report.md"), &committed).expect("undone");
    assert_eq!(oci_agent(dir, &["report", "out", "-o", "page.html"]).code, 0);
    assert_eq!(std::fs::read_to_string(dir.join("page.html")).expect("a page"), run.text("report.html"));
    for (args, words) in [
        (&["-o", "page.html"][..], "page.html"),
        (&["-o", "page.pdf"], "neither .html nor .md"),
        (&["--branch", "run-7"], "It has main"),
    ] {
        let refused = oci_agent(dir, &[&["report", "out"][..], args].concat());
        assert!(refused.code == 2 && refused.stderr.contains(words), "{args:?}: {}", refused.stderr);
    }
}

/// Hernán & Robins, What If, section 12.2: the IPW effect is 3.4 kg with 95 % interval 2.4 to 4.5, weights taken as known.
#[test]
fn nhefs_gives_the_numbers_of_the_book() {
    let run = Example::run("nhefs", &[]);
    assert_eq!(run.ran.code, 0, "{}", run.ran.stderr);
    prints_its_report(&run);
    let ipw = run.effect("ate", "ipw_hajek", 1);
    close(&ipw["estimate"], 3.4, 0.05);
    let (estimate, known) = (ipw["estimate"].as_f64().unwrap(), ipw["se_influence"].as_f64().unwrap());
    assert_eq!(
        format!("{:.1} {:.1}", estimate - 1.959_963_984_540_054 * known, estimate + 1.959_963_984_540_054 * known),
        "2.4 4.5"
    );
    // The reference values to their own tolerances: the example is the very design of the parity case.
    let reference = |key: &str| {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/causal/tests/fixtures/parity/expected/nhefs.json");
        let case: serde_json::Value = serde_json::from_slice(&std::fs::read(path).expect("fixture")).expect("JSON");
        let number = |field: &str| case["values"][key][field].as_f64().expect(key);
        (number("value"), number("tol_rel") * number("value").abs() + number("tol_abs"))
    };
    let (value, tolerance) = reference("ipw.ate.hajek.est");
    close(&ipw["estimate"], value, tolerance);
    let (value, tolerance) = reference("aipw.ate.se_if");
    close(&run.effect("ate", "aipw", 1)["se_influence"], value, tolerance);
    for requested in ["ate", "att", "ato"] {
        // That the confounders are all there are is assumed, and nothing else is in doubt.
        assert_eq!(run.answer(requested)["tier"], "satisfactory_with_caveats", "{requested}");
        assert_eq!(run.doubts(requested), ["identification"], "{requested}");
    }
    assert_eq!(run.json("results.json")["specs_tried"].as_array().unwrap().len(), 1);
}

/// NSW treated with CPS controls: the naive difference is about −8,500 dollars, the experiment says +1,794.
/// One run serves what is asked of its answers, its history and its iterations.
#[test]
fn lalonde_answers_for_those_who_took_part_and_refuses_to_for_everyone() {
    let run = Example::run("lalonde", &[]);
    has_a_history_that_can_be_read(&run);
    crate::run_diff::iterations_of_one_run(run.dir.path());
    assert_eq!(run.ran.code, 1, "{}", run.ran.stderr);
    close(&run.effect("att", "naive", 1)["estimate"], -8_497.5, 0.1);
    let att = run.answer("att");
    // All 185 of them: each has controls enough, however many survey men resemble nobody.
    assert_eq!((att["name"].as_str(), att["population_numbers"]["n_treated"].as_u64()), (Some("ATT"), Some(185)));
    assert_eq!(att["tier"], "satisfactory_with_caveats");
    let (low, high) = (att["effect"]["ci_lower"].as_f64().unwrap(), att["effect"]["ci_upper"].as_f64().unwrap());
    assert!(low < 1_794.0 && 1_794.0 < high, "the experimental benchmark is inside {low} to {high}");
    let ate = run.answer("ate");
    assert_eq!((ate["name"].as_str(), ate["tier"].as_str()), (Some("ATE"), Some("not_satisfactory")));
    assert!(run.doubts("ate").contains(&"overlap.outside".to_owned()));
    assert_eq!(run.answer("ato")["tier"], "satisfactory_with_caveats");
}

/// Truth known: see examples/early_adopters/truth.json, written by the generator of the data.
#[test]
fn early_adopters_are_caught_and_those_who_can_be_compared_get_their_truth() {
    let run = Example::run("early_adopters", &[]);
    assert_eq!(run.ran.code, 0, "{}", run.ran.stderr);
    let truth_file = plan("early_adopters").with_file_name("truth.json");
    let truth: serde_json::Value = serde_json::from_slice(&std::fs::read(truth_file).unwrap()).unwrap();
    let truth = truth["effect"]["overlap_population"]["ate"].as_f64().unwrap();
    let one_shot = run.effect("ate", "regression", 1)["estimate"].as_f64().unwrap();
    assert!((3.5..=4.5).contains(&(one_shot / truth)), "linear regression says {one_shot}, the truth is {truth}");
    let ate = run.answer("ate");
    assert_eq!(ate["name"], "trimmed ATE");
    close(&ate["effect"]["estimate"], truth, ate["effect"]["std_error"].as_f64().unwrap());
}

/// The same plan without its consent to leave anybody out.
#[test]
fn early_adopters_without_consent_are_not_answered() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let folder = plan("early_adopters").parent().expect("a folder").to_path_buf();
    let written = std::fs::read_to_string(plan("early_adopters")).expect("the plan");
    let strict =
        written.replace("{ask: ate, accept: [trimmed_ate]}", "ate").replace("{ask: att, accept: [trimmed_att]}", "att");
    assert_ne!(written, strict);
    std::fs::write(dir.path().join("plan.yaml"), strict).expect("a plan");
    let folder = folder.to_str().expect("utf-8 path");
    let ran = oci_agent(dir.path(), &["run", "plan.yaml", "--data-root", folder, "--out", "out"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let results = std::fs::read(dir.path().join("out/results.json")).expect("results");
    let results: serde_json::Value = serde_json::from_slice(&results).expect("JSON");
    let ate = &results["answers"][0];
    assert_eq!((ate["name"].as_str(), ate["tier"].as_str()), (Some("ATE"), Some("not_satisfactory")));
    assert_eq!(ate["population_numbers"]["share_kept"], 1.0, "nobody was left out");
}

#[test]
fn the_same_tree_again_on_one_thread_and_on_two() {
    let trees: Vec<String> =
        ["1", "2"].iter().map(|threads| Example::run("early_adopters", &["--threads", threads]).tree()).collect();
    assert_eq!(trees[0].len(), 40);
    assert_eq!(trees[0], trees[1]);
}

#[test]
fn while_blind_no_committed_byte_knows_the_outcome() {
    let run = Example::run("nhefs", &[]);
    let out = run.dir.path().join("out");
    let listed = Command::new("git").arg("-C").arg(&out).args(["ls-tree", "-r", "--name-only", "iter/1"]).output();
    let listed = String::from_utf8(listed.expect("git").stdout).expect("utf-8");
    let blind: Vec<&str> = listed.lines().collect();
    assert!(blind.contains(&"critique.json") && blind.contains(&"balance.csv") && blind.len() > 10, "{blind:?}");
    let results = run.json("results.json");
    let effects = results["effects"].as_array().unwrap();
    for path in blind {
        let text = at(&out, "iter/1", path);
        for effect in effects {
            let estimate = effect["effect"]["estimate"].as_f64().unwrap();
            let shown = format!("{estimate:.3}");
            assert!(!text.contains(&shown), "{path} contains the estimate {shown}");
        }
    }
}

/// A reviewer who reads `git log -p` sees each change once, as lines that go and lines that come.
fn has_a_history_that_can_be_read(run: &Example) {
    let out = run.dir.path().join("out");
    let git = |args: &[&str]| {
        let shown = Command::new("git").arg("-C").arg(&out).args(args).output().expect("git");
        String::from_utf8(shown.stdout).expect("utf-8")
    };
    let log = git(&["log", "-p"]);
    assert!(log.lines().count() < 2_500, "{} lines", log.lines().count());
    // Nothing but words and tables is printed.
    assert!(!log.contains("+<svg") && !log.contains("+<!DOCTYPE") && log.contains("report.html differ"));
    let spec = git(&["diff", "iter/1", "iter/2", "--", "spec.yaml"]);
    assert!(spec.contains("\n-revisions: []\n") && spec.contains("\n+  - age^2\n"), "{spec}");
    let critique = git(&["diff", "iter/1", "iter/2", "--", "critique.md"]);
    assert!(critique.lines().filter(|line| line.starts_with("-| `")).count() >= 3, "{critique}");
    let undone = git(&["diff", "iter/2", "iter/3", "--", "spec.yaml"]);
    assert!(undone.contains("\n-  - age^2\n"), "{undone}");
    // What is called by one name is one file, and nothing is there in two forms of picture.
    let files = git(&["ls-files"]);
    assert!(!files.contains("iter_") && !files.contains(".png"), "{files}");
    let blobs = git(&["ls-tree", "-r", "--format=%(objectname)", "HEAD"]);
    let mut seen: Vec<&str> = blobs.lines().collect();
    let count = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), count, "a file is there twice");
    assert_eq!(git(&["tag", "--list"]).lines().collect::<Vec<_>>(), ["iter/1", "iter/2", "iter/3"]);
}
