//! `oci-agent audit`: a run that nobody touched passes, and one that was tampered with, or deviates, fails the check that it should
//! and no other.

mod tampered; // one mutation for each check
mod whole; // runs as they are: experiments, models, clones, parts of a history, what is no run

use crate::cli::{Ran, oci_agent};
use crate::structure::Noise;
use oci_agent::text::sha256::sha256_hex;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;

/// Everything that a check is about: an ideal trial, an allow-list, a placebo, a column from after treatment, a confounder whose
/// square matters, so that a playbook is applied.
pub const STUDY: &str = "\
title: A small study of 12 weeks
question: What does t do to y?
target_trial:
  eligibility: Adults of 18 to 65.
  treatment_strategies: Take t or do not.
  assignment: At random.
  time_zero: The day of the offer.
  follow_up: 12 weeks.
  outcome: Weight after 12 weeks.
  causal_contrast: Taking t against not.
  analysis_plan: Difference of means.
data:
  source: data.csv
  columns:
    a: {measured: before}
    later: {measured: after}
treatment: {column: t}
outcome: {column: y, units: kg}
confounders: {priority: [a, b]}
placebo_outcomes: [z]
threats: [Motivation is not measured.]
estimands: [ate]
tools: [propensity, balance, overlap, placebo, sensitivity, outcome_regression, ipw, aipw]
analysis: {estimator: aipw, also: [gformula]}
seed: 3
";

pub const EXPERIMENT: &str = "title: A test\nquestion: Q?\ndesign: experiment\ndata: {source: data.csv}\n\
                              assignment: {column: t, control: 0}\nmetrics:\n  y: {expression: y, role: primary}\n\
                              covariates: [a]\n";

pub fn data() -> String {
    let mut noise = Noise(5);
    let mut text = String::from("t,y,a,b,z,later\n");
    for _ in 0..600 {
        let (a, b) = (noise.normal(), noise.normal());
        let t = f64::from(u8::from(noise.happens(1.0 / (1.0 + (1.2 - 0.9 * a * a).exp()))));
        let y = t + a + 0.3 * a * a + 0.5 * b + noise.normal();
        let _ = writeln!(text, "{t},{y},{a},{b},{},{}", a + noise.normal(), t + noise.normal());
    }
    text
}

/// A study after another one of the same data, so that something was unblinded before; made once and copied.
pub fn study() -> TempDir {
    static MADE: OnceLock<TempDir> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let dir = tempfile::tempdir().expect("temporary directory");
        std::fs::create_dir(dir.path().join("runs")).expect("a folder");
        std::fs::write(dir.path().join("data.csv"), data()).expect("data");
        for (question, out) in [("Another?", "runs/first"), ("What does t do to y?", "runs/out")] {
            let plan = STUDY.replace("What does t do to y?", question);
            std::fs::write(dir.path().join("plan.yaml"), plan).expect("a plan");
            let ran = oci_agent(dir.path(), &["run", "plan.yaml", "--out", out]);
            assert!(ran.code <= 1, "{}{}", ran.stdout, ran.stderr);
        }
        assert!(!git(dir.path(), &["log", "--format=%s", "--grep", "^iteration 2, spec"]).is_empty());
        dir
    });
    copied(made.path())
}

/// The folder somewhere else, with its data where the run looks for them.
pub fn copied(from: &Path) -> TempDir {
    let dir = tempfile::tempdir().expect("temporary directory");
    let copied = Command::new("cp").arg("-a").arg(from.join(".")).arg(dir.path()).status().expect("cp");
    assert!(copied.success());
    dir
}

pub fn audit(dir: &Path, extra: &[&str]) -> Ran {
    oci_agent(dir, &[&["audit", "runs/out", "--data-root", "."][..], extra].concat())
}

pub fn json(dir: &Path, extra: &[&str]) -> Value {
    let ran = audit(dir, &[&["--json"][..], extra].concat());
    serde_json::from_str(ran.stdout.trim()).unwrap_or_else(|_| panic!("{}{}", ran.stdout, ran.stderr))
}

/// The checks of a status.
pub fn with(found: &Value, status: &str) -> BTreeSet<String> {
    let checks = found["checks"].as_array().expect("checks");
    checks
        .iter()
        .filter(|it| it["status"] == status)
        .map(|it| it["code"].as_str().expect("a code").to_owned())
        .collect()
}

/// This check fails and no other, with such a fact as a fault, and its evidence.
#[track_caller]
pub fn fails(dir: &Path, code: &str, kind: &str) -> Value {
    let found = json(dir, &[]);
    assert_eq!(with(&found, "fail"), BTreeSet::from([code.to_owned()]), "{:#}", faults(&found));
    let faults = faults(&found);
    let all = faults.as_array().expect("faults");
    let fault = all.iter().find(|it| it["kind"] == kind).unwrap_or_else(|| panic!("no {kind} in {faults:#}"));
    assert_eq!(audit(dir, &[]).code, 1);
    fault.clone()
}

pub fn faults(found: &Value) -> Value {
    let checks = found["checks"].as_array().expect("checks");
    let facts = checks.iter().flat_map(|check| check["facts"].as_array().expect("facts"));
    facts.filter(|fact| fact["fault"] == true).cloned().collect()
}

pub fn git(dir: &Path, args: &[&str]) -> String {
    let who = ["-c", "user.name=Somebody", "-c", "user.email=s@example.org"];
    let output = Command::new("git").arg("-C").arg(dir.join("runs/out")).args(who).args(args).output().expect("git");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A commit that is about to be made again.
pub struct Step {
    /// Its place, from 0.
    pub at: usize,
    pub folder: PathBuf,
    pub message: String,
}

impl Step {
    pub fn is_about(&self, words: &str) -> bool {
        self.message.lines().next().expect("a subject").contains(words)
    }

    /// The paths of the files, without git's own.
    pub fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![self.folder.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.file_name().is_some_and(|name| name == ".git") {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.push(path.strip_prefix(&self.folder).expect("below").display().to_string());
                }
            }
        }
        found.sort();
        found
    }

    /// The files of this name, in whatever folder.
    pub fn named(&self, name: &str) -> Vec<String> {
        self.files().into_iter().filter(|path| path.rsplit('/').next() == Some(name)).collect()
    }

    pub fn read(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.folder.join(path)).ok()
    }

    pub fn write(&self, path: &str, text: &str) {
        std::fs::write(self.folder.join(path), text).expect("written");
    }

    pub fn remove(&self, path: &str) {
        std::fs::remove_file(self.folder.join(path)).expect("removed");
    }

    /// Replaces text in every file of a name.
    pub fn replace(&self, name: &str, from: &str, to: &str) {
        for path in self.named(name) {
            let text = self.read(&path).expect("text");
            self.write(&path, &text.replace(from, to));
        }
    }

    /// Changes every JSON document of a name.
    pub fn edit(&self, name: &str, mut change: impl FnMut(&mut Value)) {
        for path in self.named(name) {
            let mut value: Value = serde_json::from_str(&self.read(&path).expect("text")).expect("JSON");
            let before = value.clone();
            change(&mut value);
            if value != before {
                self.write(&path, &(serde_json::to_string_pretty(&value).expect("JSON") + "\n"));
            }
        }
    }
}

/// Makes every commit of the run again, each as `change` leaves it. A plan or a spec that is another one then is named by its new
/// hash wherever it was named by the old one, as somebody who covers tracks would have it.
pub fn rewrite(dir: &Path, mut change: impl FnMut(&mut Step)) {
    let (mut plans, mut specs) = (Vec::new(), Vec::new());
    rewrite_as_is(dir, |step| {
        let hashed = |step: &Step, name: &str| -> Vec<(String, String)> {
            let hash = |path: String| (sha256_hex(step.read(&path).expect("text").as_bytes()), path);
            step.named(name).into_iter().map(hash).collect()
        };
        let (old_plans, old_specs) = (hashed(step, "plan.yaml"), hashed(step, "spec.yaml"));
        change(step);
        for (before, renamed) in [(old_plans, &mut plans), (old_specs, &mut specs)] {
            for (old, path) in before {
                let new = step.read(&path).map(|text| sha256_hex(text.as_bytes()));
                renamed.extend(new.filter(|new| *new != old).map(|new| (old, new)));
            }
            for (old, new) in renamed.iter() {
                step.message = step.message.replace(old, new);
                for path in step.files() {
                    if let Some(text) = step.read(&path).filter(|text| text.contains(&old[..10])) {
                        step.write(&path, &text.replace(old, new).replace(&old[..10], &new[..10]));
                    }
                }
            }
        }
    });
}

/// The same without covering any tracks.
pub fn rewrite_as_is(dir: &Path, mut change: impl FnMut(&mut Step)) {
    let folder = dir.join("runs/out");
    let mut parent = String::new();
    for (at, commit) in git(dir, &["rev-list", "--reverse", "HEAD"]).lines().enumerate() {
        git(dir, &["read-tree", "--reset", "-u", commit]);
        let message = git(dir, &["log", "-1", "--format=%B", commit]);
        let mut step = Step { at, folder: folder.clone(), message };
        change(&mut step);
        git(dir, &["add", "-A"]);
        let tree = git(dir, &["write-tree"]);
        let mut args = vec!["commit-tree", &tree, "-m", &step.message];
        if at > 0 {
            args.extend(["-p", &parent]);
        }
        parent = git(dir, &args);
    }
    // Whoever writes a history again can take away git's log of the branch, which would tell.
    std::fs::remove_dir_all(folder.join(".git/logs")).ok();
    git(dir, &["reset", "-q", "--hard", &parent]);
}

/// The first answer's estimate, to all digits.
pub fn estimate(dir: &Path) -> f64 {
    let results: Value =
        serde_json::from_slice(&std::fs::read(dir.join("runs/out/results.json")).expect("results")).expect("JSON");
    results["answers"][0]["effect"]["estimate"].as_f64().expect("an estimate")
}
