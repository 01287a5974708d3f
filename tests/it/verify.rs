//! `oci-agent verify`: a run is made again and held against its commits; whatever was changed is found and named.

use crate::cli::{Ran, oci_agent};
use crate::structure::Noise;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const STUDY: &str = "title: T\nquestion: Q?\ndesign: randomised\nshare: 0.5\ndata: {source: data.csv}\n\
                     treatment: {column: t}\noutcome: {column: y, units: kg}\nconfounders: {priority: [a]}\n\
                     estimands: [ate]\nanalysis: {estimator: aipw}\n";
const EXPERIMENT: &str = "title: A test\nquestion: Q?\ndesign: experiment\ndata: {source: data.csv}\n\
                          assignment: {column: t, control: 0}\nmetrics:\n  y: {expression: y, role: primary}\n\
                          covariates: [a]\n";

/// A run, after another one of the same data, so that there is something before it on record.
fn world(plan: &str) -> TempDir {
    let mut noise = Noise(3);
    let mut data = String::from("t,y,a\n");
    for _ in 0..300 {
        let (a, t) = (noise.normal(), f64::from(u8::from(noise.happens(0.5))));
        let _ = writeln!(data, "{t},{},{a}", t + a + noise.normal());
    }
    let dir = tempfile::tempdir().expect("temporary directory");
    std::fs::create_dir(dir.path().join("runs")).expect("a folder");
    std::fs::write(dir.path().join("data.csv"), data).expect("data");
    for (question, out) in [("Another?", "runs/first"), ("Q?", "runs/out")] {
        std::fs::write(dir.path().join("plan.yaml"), plan.replace("Q?", question)).expect("a plan");
        let ran = oci_agent(dir.path(), &["run", "plan.yaml", "--out", out]);
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    }
    dir
}

fn verify(dir: &Path, extra: &[&str]) -> Ran {
    oci_agent(dir, &[&["verify", "runs/out"][..], extra].concat())
}

/// Not verified, and the reason has all of these words.
#[track_caller]
fn found(dir: &Path, words: &[&str]) {
    let ran = verify(dir, &[]);
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.starts_with("Not verified"), "{}", ran.stdout);
    words.iter().for_each(|word| assert!(ran.stdout.contains(word), "{word}: {}", ran.stdout));
}

fn git(dir: &Path, args: &[&str]) -> String {
    let who = ["-c", "user.name=Somebody", "-c", "user.email=s@example.org"];
    let output = Command::new("git").arg("-C").arg(dir.join("runs/out")).args(who).args(args).output().expect("git");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Replaces text in a file; it has to be there.
fn replace(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).expect("a file");
    assert!(text.contains(from), "{from} in {text}");
    std::fs::write(path, text.replacen(from, to, 1)).expect("written");
}

#[test]
fn a_run_that_nobody_touched_is_verified_and_stays_as_it_is() {
    for (plan, last) in [(STUDY, "report"), (EXPERIMENT, "report")] {
        let world = world(plan);
        let dir = world.path();
        let head = git(dir, &["rev-parse", "HEAD"]);
        let ran = verify(dir, &[]);
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
        assert!(ran.stdout.starts_with("Verified: ") && ran.stdout.contains(last), "{}", ran.stdout);
        assert_eq!((git(dir, &["rev-parse", "HEAD"]), git(dir, &["status", "--porcelain"])), (head, String::new()));
        let json = oci_agent(dir, &["verify", "runs/out", "--json"]);
        let json: Value = serde_json::from_str(json.stdout.trim()).expect("one line of JSON");
        assert_eq!((&json["event"], &json["same"]), (&Value::from("verified"), &Value::from(true)));
        let steps = git(dir, &["rev-list", "--count", "HEAD"]);
        assert_eq!(json["steps"].as_array().expect("steps").len().to_string(), steps);
        // Up to a step, by number and by commit.
        let second = git(dir, &["rev-list", "--reverse", "HEAD"]).lines().nth(1).expect("a commit").to_owned();
        for step in ["2", &second[..10]] {
            let ran = verify(dir, &[step]);
            assert_eq!(ran.code, 0, "{}", ran.stdout);
            assert!(ran.stdout.starts_with("Verified: 2 steps"), "{}", ran.stdout);
        }
        assert_eq!(verify(dir, &["99"]).code, 2);
    }
}

#[test]
fn what_was_changed_in_the_folder_in_the_data_or_on_record_is_named() {
    let world = world(STUDY);
    let dir = world.path();
    let ledger = dir.join("runs/oci-ledger.jsonl");
    let (whole, data) = (std::fs::read_to_string(&ledger).expect("a ledger"), dir.join("data.csv"));
    replace(&dir.join("runs/out/report.md"), "T", "U");
    found(dir, &["report.md was edited"]);
    git(dir, &["checkout", "--", "report.md"]);
    std::fs::remove_file(dir.join("runs/out/results.json")).expect("a file");
    found(dir, &["results.json is gone"]);
    git(dir, &["checkout", "--", "results.json"]);
    // The lines of the ledger: the one before this run, its own, a number in it.
    let lines: Vec<&str> = whole.lines().collect();
    std::fs::write(&ledger, format!("{}\n", lines[1])).expect("written");
    found(dir, &["does not follow the line before it"]);
    std::fs::write(&ledger, format!("{}\n", lines[0])).expect("written");
    found(dir, &["oci-ledger.jsonl has no line for this run"]);
    std::fs::write(&ledger, whole.replacen("\"estimate\":0", "\"estimate\":1", 9)).expect("written");
    assert_eq!(verify(dir, &[]).code, i32::from(whole.contains("\"estimate\":0")));
    std::fs::write(&ledger, whole.replace("\"title\":\"T\"", "\"title\":\"U\"")).expect("written");
    found(dir, &["does not say what the run says"]);
    std::fs::write(&ledger, &whole).expect("written");
    assert_eq!(verify(dir, &[]).code, 0);
    replace(&data, "\n0,", "\n1,");
    found(dir, &["data.csv has other bytes", "Data-SHA256", "not made again"]);
}

#[test]
fn a_history_that_was_rewritten_is_found_to_the_number() {
    let world = world(EXPERIMENT);
    let dir = world.path();
    let tip = git(dir, &["rev-parse", "HEAD"]);
    let back = || git(dir, &["reset", "-q", "--hard", &tip]);
    // A number of the report.
    let report = std::fs::read_to_string(dir.join("runs/out/report.md")).expect("a report");
    let number = report.split(|c: char| !(c.is_ascii_digit() || c == '.')).find(|it| it.len() > 3).expect("a number");
    replace(&dir.join("runs/out/report.md"), number, "9.875");
    git(dir, &["commit", "-qa", "--amend", "--no-edit"]);
    found(dir, &["report.md, line ", "`9.875` on record", number]);
    back();
    // The prose of a message, a file that is no text, a file more, a commit more, a commit less.
    git(dir, &["commit", "-q", "--amend", "-m", &git(dir, &["log", "-1", "--format=%s"])]);
    found(dir, &["commit message, line "]);
    back();
    std::fs::write(dir.join("runs/out/notes.txt"), "mine\n").expect("written");
    git(dir, &["add", "notes.txt"]);
    git(dir, &["commit", "-q", "--amend", "--no-edit"]);
    found(dir, &["notes.txt is on record, and is not made"]);
    back();
    git(dir, &["commit", "-q", "--allow-empty", "-m", "more"]);
    found(dir, &["1 commit after the last step"]);
    back();
    git(dir, &["reset", "-q", "--hard", "HEAD~1"]);
    let gone: String = tip.chars().take(8).collect();
    found(
        dir,
        &["not finished, or its last commits are gone", "the branch was at 1 commit that", &gone, "log -g main"],
    );
    back();
    assert_eq!(verify(dir, &[]).code, 0);
}

/// The id of an object, and its file among the loose ones.
fn object(dir: &Path, name: &str) -> (String, std::path::PathBuf) {
    let id = git(dir, &["rev-parse", name]);
    let file = dir.join("runs/out/.git/objects").join(&id[..2]).join(&id[2..]);
    (id, file)
}

#[test]
fn objects_that_are_cut_or_gone_and_content_that_git_replaces_are_told() {
    let world = world(EXPERIMENT);
    let dir = world.path();
    for name in ["HEAD", "HEAD:plots", "HEAD:report.md", "HEAD~3"] {
        let (id, file) = object(dir, name);
        let whole = std::fs::read(&file).expect("an object");
        std::fs::remove_file(&file).expect("removed");
        found(dir, &["damaged or missing", &id]);
        std::fs::write(&file, &whole[..whole.len() / 2]).expect("written");
        found(dir, &["damaged or missing", &id]);
        assert_eq!(oci_agent(dir, &["diff", "runs/out", "runs/first"]).code, 2);
        std::fs::write(&file, whole).expect("written");
    }
    // Packed, and damaged there.
    git(dir, &["gc", "-q", "--prune=now"]);
    assert_eq!(verify(dir, &[]).code, 0);
    let packs = std::fs::read_dir(dir.join("runs/out/.git/objects/pack")).expect("packs");
    let pack =
        packs.map(|entry| entry.expect("a file").path()).find(|path| path.extension().is_some_and(|it| it == "pack"));
    let pack = pack.expect("a pack");
    let whole = std::fs::read(&pack).expect("a pack");
    std::fs::remove_file(&pack).expect("removed");
    let mut bytes = whole.clone();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 400].iter_mut().for_each(|byte| *byte ^= 0x55);
    std::fs::write(&pack, bytes).expect("written");
    assert!(verify(dir, &[]).code != 0);
    std::fs::write(&pack, whole).expect("written");
    let report = git(dir, &["rev-parse", "HEAD:report.md"]);
    let other = git(dir, &["rev-parse", "HEAD:plan.yaml"]);
    git(dir, &["replace", &report, &other]);
    found(dir, &["git shows other content", "refs/replace/"]);
}

#[test]
fn a_commit_that_no_step_makes_is_told() {
    let world = world(EXPERIMENT);
    let dir = world.path();
    let tip = git(dir, &["rev-parse", "HEAD"]);
    let message = git(dir, &["log", "-1", "--format=%B"]);
    let tree = git(dir, &["rev-parse", "HEAD^{tree}"]);
    let side = git(dir, &["commit-tree", &tree, "-m", "secret"]);
    let merge = git(dir, &["commit-tree", &tree, "-p", "HEAD~1", "-p", &side, "-m", &message]);
    git(dir, &["reset", "-q", "--hard", &merge]);
    found(dir, &["a parent or a header that no step has"]);
    git(dir, &["reset", "-q", "--hard", &tip]);
    git(dir, &["update-index", "--chmod=+x", "report.md"]);
    git(dir, &["commit", "-q", "--amend", "--no-edit"]);
    found(dir, &["the tree has a mode"]);
}

#[test]
fn a_run_that_was_moved_is_verified_and_one_whose_record_is_gone_is_not() {
    let world = world(EXPERIMENT);
    let dir = world.path();
    std::fs::rename(dir.join("runs/out"), dir.join("runs/moved")).expect("moved");
    let ran = oci_agent(dir, &["verify", "runs/moved"]);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    assert!(ran.stdout.contains("names the run `out`"), "{}", ran.stdout);
    std::fs::rename(dir.join("runs/moved"), dir.join("runs/out")).expect("moved");
    // From inside: the record is beside the run, not in it.
    let ran = oci_agent(&dir.join("runs/out"), &["verify", "."]);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    let looks = dir.join("runs/oci-looks.jsonl");
    let whole = std::fs::read_to_string(&looks).expect("looks");
    for less in [None, Some("")] {
        match less {
            None => std::fs::remove_file(&looks).expect("removed"),
            Some(text) => std::fs::write(&looks, text).expect("written"),
        }
        found(dir, &["oci-looks.jsonl is gone from beside the run"]);
    }
    std::fs::write(&looks, whole).expect("written");
    // Without its last step there is nothing to be accused of.
    git(dir, &["reset", "-q", "--hard", "HEAD~3"]);
    let ran = verify(dir, &[]);
    assert!(
        ran.code == 1 && ran.stdout.contains("not finished") && !ran.stdout.contains("taken out"),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_clone_is_verified_with_its_data_and_what_is_no_run_is_refused() {
    let world = world(STUDY);
    let dir = world.path();
    git(dir, &["clone", "-q", ".", "../../clone"]);
    let ran = oci_agent(dir, &["verify", "clone", "--data-root", "."]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("oci-ledger.jsonl is not beside the run"), "{}", ran.stdout);
    let source = format!("file://{}", dir.join("runs/out").display());
    git(dir, &["clone", "-q", "--depth", "1", &source, "../../shallow"]);
    std::fs::create_dir(dir.join("empty")).expect("a folder");
    for (args, words) in [
        (&["verify", "shallow"][..], "shallow clone"),
        (&["verify", "empty"], "not the repository of a run"),
        (&["verify", "nowhere"], "nowhere"),
        (&["verify", "runs/out", "--branch", "run-9"], "It has main"),
        (&["verify", "data.csv"], "is a file"),
    ] {
        let ran = oci_agent(dir, args);
        assert!(ran.code == 2 && ran.stderr.contains(words), "{args:?}: {} {}", ran.code, ran.stderr);
    }
}
