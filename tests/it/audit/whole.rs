//! Runs as they are: with models, in clones, in another layout, a part of a history; and what is no run.

use super::{audit, faults, git, json, rewrite, study, with};
use crate::cli::{Ran, oci_agent};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn a_run_with_models_and_what_they_were_offered_and_told() {
    let world = tempfile::tempdir().expect("temporary directory");
    let dir = world.path();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cassettes/nhefs");
    let root = crate::examples::plan("nhefs").parent().expect("a folder").display().to_string();
    let (plan, replay) = (from.join("plan.yaml").display().to_string(), from.join("transcript").display().to_string());
    let ran = oci_agent(dir, &["run", &plan, "--out", "runs/out", "--data-root", &root, "--replay", &replay]);
    assert!(ran.code <= 1, "{}", ran.stderr);
    let audited = |dir: &Path| -> (Ran, Value) {
        let args = ["audit", "runs/out", "--data-root", &root];
        let found = oci_agent(dir, &[&args[..], &["--json"]].concat()).stdout;
        (oci_agent(dir, &args), serde_json::from_str(found.trim()).expect("JSON"))
    };
    let (ran, found) = audited(dir);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    assert!(ran.stdout.contains("4 exchanges with models"), "{}", ran.stdout);
    // The critic grades the answer before the results are committed: effects exist from its exchange on.
    let blind =
        found["checks"].as_array().expect("checks").iter().find(|it| it["code"] == "blindness").expect("a check");
    let from = blind["facts"].as_array().expect("facts").iter().find(|it| it["kind"] == "unblinded").expect("a fact");
    let subject = git(dir, &["log", "-1", "--format=%s", from["commit"].as_str().expect("a commit")]);
    assert!(subject.starts_with("critic, exchange 4"), "{subject}");
    let estimate = super::estimate(dir);
    let tip = git(dir, &["rev-parse", "HEAD"]);
    for (code, kind) in [("blindness", "effect_leaked"), ("tools", "tool_not_allowed")] {
        rewrite(dir, |step| {
            step.edit("0001-actor.json", |exchange| {
                let told = json!({"role": "user", "content": format!("The effect is {estimate}.")});
                let offered = json!({"type": "function", "function": {"name": "estimate", "parameters": {}}});
                let (key, what) = if code == "tools" { ("tools", offered) } else { ("messages", told) };
                exchange["request"][key].as_array_mut().expect("a list").push(what);
            });
        });
        let (ran, found) = audited(dir);
        assert_eq!((ran.code, with(&found, "fail")), (1, BTreeSet::from([code.to_owned()])), "{:#}", faults(&found));
        assert!(faults(&found).as_array().is_some_and(|all| all.iter().all(|it| it["kind"] == kind)));
        git(dir, &["reset", "-q", "--hard", &tip]);
    }
}

/// The iterations in folders of their own, as runs of layout 1 have them.
fn in_folders(dir: &Path) {
    let mut kept = std::collections::BTreeMap::new();
    rewrite(dir, |step| {
        for name in ["spec.yaml", "design.json", "critique.json", "critique.md"] {
            let Some(text) = step.read(name) else { continue };
            // What a document says of itself; the critique in words, what the other one does.
            let itself = if name == "critique.md" { step.read("critique.json") } else { Some(text.clone()) };
            let itself = itself.unwrap_or_else(|| kept.get("last").cloned().expect("a critique"));
            let second = ["\niteration: 2\n", "\n  \"iteration\": 2,"].iter().any(|words| itself.contains(words));
            kept.insert("last".to_owned(), itself);
            let iteration = if second { 2 } else { 1 };
            let opened = step.read("results.json").is_some();
            if !opened {
                kept.entry(format!("iter_{iteration:02}/{name}")).or_insert(text);
            }
            if !(opened && name == "critique.json") {
                step.remove(name);
            }
        }
        for (path, text) in kept.iter().filter(|it| it.0 != "last") {
            let file = step.folder.join(path);
            std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
            std::fs::write(file, text).expect("written");
        }
        step.replace("manifest.json", "\"layout\": 2", "\"layout\": 1");
    });
}

#[test]
fn iterations_with_folders_are_read_like_those_that_change_one_file() {
    let world = study();
    let dir = world.path();
    let before = json(dir, &[]);
    in_folders(dir);
    let after = json(dir, &[]);
    assert_eq!(with(&after, "fail"), BTreeSet::new(), "{:#}", faults(&after));
    assert_eq!(before["counts"], after["counts"]);
    let states = |found: &Value| -> Vec<Value> {
        found["target"].as_array().expect("items").iter().map(|it| it["state"].clone()).collect()
    };
    assert_eq!(states(&before), states(&after));
    // And they fail alike.
    rewrite(dir, |step| step.replace("spec.yaml", "\nseed: 3\n", "\nseed: 4\n"));
    assert_eq!(with(&json(dir, &[]), "fail"), BTreeSet::from(["alignment".to_owned()]));
}

#[test]
fn a_part_of_a_history() {
    let world = study();
    let dir = world.path();
    // Something old, and then something new.
    rewrite(dir, |step| {
        step.edit("results.json", |results| results["specs_tried"][1]["revisions"] = json!([]));
        if let Some(report) = step.read("report.md") {
            step.write("report.md", &format!("{report}\nIn another analysis it was 48,213.77 kg.\n"));
        }
    });
    let both = BTreeSet::from(["numbers".to_owned(), "remediations".to_owned()]);
    assert_eq!(with(&json(dir, &[]), "fail"), both);
    let results = git(dir, &["log", "-1", "--format=%H", "--", "results.json"]);
    let found = json(dir, &["--since", &results]);
    assert_eq!(with(&found, "fail"), BTreeSet::from(["numbers".to_owned()]), "{:#}", faults(&found));
    assert_eq!((&found["since"], &found["commits"]), (&json!(results), &json!(2)));
    assert!(with(&found, "not_checked").contains("plan_first"));
    let ran = audit(dir, &["--since", "HEAD~1"]);
    assert!(ran.code == 0 && ran.stdout.contains("Only the 1 commit after"), "{}", ran.stdout);
    git(dir, &["branch", "other", "HEAD~3"]);
    git(dir, &["checkout", "-q", "other"]);
    git(dir, &["commit", "-q", "--allow-empty", "-m", "x"]);
    git(dir, &["checkout", "-q", "main"]);
    for (rev, words) in [("nowhere", "names no commit"), ("other", "not of branch main"), ("", "names no commit")] {
        let ran = audit(dir, &["--since", rev]);
        assert!(ran.code == 2 && ran.stderr.contains(words) && ran.stderr.contains("git -C"), "{rev}: {}", ran.stderr);
    }
}

#[test]
fn a_clone_says_what_it_cannot_check_and_the_markdown_is_a_file() {
    let world = study();
    let dir = world.path();
    git(dir, &["clone", "-q", ".", "../../clone"]);
    let ran = oci_agent(dir, &["audit", "clone", "-o", "audit.md"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    for words in ["oci-ledger.jsonl is not beside the run", "--data-root DIR", "2 were not made"] {
        assert!(ran.stdout.contains(words), "{words}: {}", ran.stdout);
    }
    let page = std::fs::read_to_string(dir.join("audit.md")).expect("a file");
    for words in ["# Audit: A small study of 12 weeks", "| not checked", "## TARGET items", "| 7h(ii)"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let again = oci_agent(dir, &["audit", "clone", "-o", "audit.md"]);
    assert!(again.code == 2 && again.stderr.contains("nothing is overwritten"), "{}", again.stderr);
    assert_eq!(git(dir, &["status", "--porcelain"]), "");
}

#[test]
fn what_is_no_run_or_cannot_be_read_is_refused() {
    let world = study();
    let dir = world.path();
    let source = format!("file://{}", dir.join("runs/out").display());
    git(dir, &["clone", "-q", "--depth", "1", &source, "../../shallow"]);
    git(dir, &["clone", "-q", "--bare", ".", "../../bare"]);
    std::fs::create_dir(dir.join("empty")).expect("a folder");
    for (place, words) in [
        ("shallow", "shallow clone"),
        ("bare", "bare repository"),
        ("empty", "not the repository of a run"),
        ("nowhere", "is not there"),
        ("data.csv", "is a file"),
    ] {
        let ran = oci_agent(dir, &["audit", place]);
        assert!(ran.code == 2 && ran.stderr.contains(words), "{place}: {} {}", ran.code, ran.stderr);
    }
    let ran = audit(dir, &["--branch", "run-9"]);
    assert!(ran.code == 2 && ran.stderr.contains("It has main"), "{}", ran.stderr);
    // A damaged object.
    let id = git(dir, &["rev-parse", "HEAD:results.json"]);
    let file = dir.join("runs/out/.git/objects").join(&id[..2]).join(&id[2..]);
    let whole = std::fs::read(&file).expect("an object");
    std::fs::remove_file(&file).expect("removed");
    std::fs::write(&file, &whole[..whole.len() / 2]).expect("written");
    let ran = audit(dir, &[]);
    assert!(
        ran.code == 2 && ran.stderr.contains("damaged") && ran.stderr.contains("oci-agent verify"),
        "{}",
        ran.stderr
    );
    std::fs::remove_file(&file).expect("removed");
    std::fs::write(&file, whole).expect("written");
    // A document that is none any more.
    rewrite(dir, |step| {
        for path in step.named("looks.json").into_iter().chain(step.named("dataset.json")) {
            step.write(&path, "{");
        }
    });
    let found = json(dir, &[]);
    assert!(with(&found, "fail").contains("history"), "{:#}", faults(&found));
    rewrite(dir, |step| step.replace("manifest.json", "\"layout\": ", "\"layout\": 9"));
    let ran = audit(dir, &[]);
    assert!(ran.code == 2 && ran.stderr.contains("newer oci-agent (layout 9"), "{}", ran.stderr);
    rewrite(dir, |step| {
        step.replace("manifest.json", "\"layout\": 9", "\"layout\": ");
        step.write("plan.yaml", "title: [\n");
    });
    let ran = audit(dir, &[]);
    assert!(ran.code == 2 && ran.stderr.contains("plan on record cannot be read"), "{}", ran.stderr);
}

#[test]
fn a_run_that_was_interrupted_is_audited_as_far_as_it_came() {
    let world = study();
    let dir = world.path();
    let tip = git(dir, &["rev-parse", "HEAD"]);
    let steps: usize = git(dir, &["rev-list", "--count", "HEAD"]).parse().expect("a number");
    for back in 1..steps {
        git(dir, &["reset", "-q", "--hard", &format!("{tip}~{back}")]);
        let found = json(dir, &[]);
        assert_eq!(with(&found, "fail"), BTreeSet::from(["history".to_owned()]), "{back}: {:#}", faults(&found));
    }
}

#[test]
fn a_hostile_title_is_shown_and_not_obeyed() {
    let world = study();
    let dir = world.path();
    let title = "title: \"<script>alert(1)</script> **b** [x](javascript:y)\"";
    rewrite(dir, |step| {
        step.replace("plan.yaml", "title: A small study of 12 weeks", title);
        step.replace("report.md", "A small study of 12 weeks", "An estimate of \u{1b}[31m 12");
    });
    let ran = audit(dir, &["-o", "audit.md"]);
    assert!(!ran.stdout.contains('\u{1b}'), "{}", ran.stdout);
    let page = std::fs::read_to_string(dir.join("audit.md")).expect("a file");
    assert!(page.contains(r"\<script>") && !page.contains(" <script>") && !page.contains("[x](javascript"), "{page}");
}
