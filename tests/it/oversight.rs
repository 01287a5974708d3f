//! Gates: a run waits for a person, and goes on with what was approved and nothing else.

use crate::cli::Ran;
use crate::structure::Noise;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const PLAN: &str = "title: T\nquestion: Q?\ndata: {source: data.csv}\ntreatment: {column: t}\noutcome: {column: y, units: kg}\n\
                    confounders: {priority: [a, b]}\nestimands: [ate]\nanalysis: {estimator: aipw, also: [aipw_crossfit]}\n\
                    loop: {max_iterations: 1}\ngates: [plan, spec, unblind, publish]\n";

const EXPERIMENT: &str = "title: T\nquestion: Q?\ndesign: experiment\ndata: {source: data.csv}\n\
                          assignment: {column: t, control: 0}\nmetrics:\n  y: {expression: y, role: primary}\ngates: [unblind]\n";

/// A folder with data, a plan, and a home with a git configuration.
struct Office {
    dir: TempDir,
}

impl Office {
    fn new(plan: &str) -> Office {
        let dir = tempfile::tempdir().expect("temporary directory");
        let mut noise = Noise(5);
        let mut data = String::from("t,y,a,b\n");
        for _ in 0..600 {
            let (a, b, t) = (noise.normal(), noise.normal(), f64::from(u8::from(noise.happens(0.5))));
            let _ = writeln!(data, "{t},{},{a},{b}", t + a + noise.normal());
        }
        std::fs::write(dir.path().join("data.csv"), data).expect("data");
        std::fs::write(dir.path().join("plan.yaml"), plan).expect("plan");
        let office = Office { dir };
        office.is_used_by("Ada Lovelace", "");
        office
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn is_used_by(&self, name: &str, more: &str) {
        std::fs::create_dir_all(self.path().join("home")).expect("a home");
        let text = format!("[user]\n  name = {name}\n  email = a@example.org\n{more}");
        std::fs::write(self.path().join("home/.gitconfig"), text).expect("a configuration");
    }

    fn ran(&self, program: &str, args: &[&str]) -> Ran {
        let done = Command::new(program)
            .args(args)
            .current_dir(self.path())
            .env("HOME", self.path().join("home"))
            .env_remove("XDG_CONFIG_HOME")
            .env("NO_COLOR", "1")
            .output()
            .expect("starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ran { code: done.status.code().unwrap_or(-1), stdout: text(&done.stdout), stderr: text(&done.stderr) }
    }

    fn oci(&self, args: &[&str]) -> Ran {
        self.ran(env!("CARGO_BIN_EXE_oci-agent"), args)
    }

    fn git(&self, args: &[&str]) -> String {
        let done = self.ran("git", &[&["-C", "out"][..], args].concat());
        assert_eq!(done.code, 0, "{args:?}: {}", done.stderr);
        done.stdout.trim().to_owned()
    }

    fn run(&self) -> Ran {
        self.oci(&["run", "plan.yaml", "--out", "out", "--resume"])
    }

    /// Runs until a gate, which has to be this one, and gives the tree that it is about.
    fn comes_to(&self, gate: &str) -> String {
        let ran = self.run();
        assert_eq!(ran.code, 4, "{}", ran.stderr);
        assert!(ran.stderr.contains(&format!("waits at the gate `{gate}`")), "{}", ran.stderr);
        let review = self.oci(&["review", "out", "--json"]);
        assert_eq!(review.code, 4, "{}", review.stderr);
        let seen: Value = serde_json::from_str(review.stdout.trim()).expect("JSON");
        assert_eq!(seen["waits"]["gate"], gate);
        seen["waits"]["tree"].as_str().expect("a tree").to_owned()
    }

    fn approve(&self, tree: &str) {
        let approved = self.oci(&["approve", "out", "--tree", &tree[..10], "-m", "Fine."]);
        assert_eq!(approved.code, 0, "{}", approved.stderr);
    }
}

fn through_all_gates(office: &Office) {
    for gate in ["plan", "spec", "unblind"] {
        office.approve(&office.comes_to(gate));
    }
    let ran = office.run();
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

#[test]
fn a_run_goes_through_its_gates_and_only_with_what_was_approved() {
    let office = Office::new(PLAN);
    let tree = office.comes_to("plan");
    assert!(!office.path().join("out/dataset.json").exists(), "nothing computed from data is on record");
    let shown = office.oci(&["review", "out"]);
    for words in
        ["waits at the gate `plan`", "+gates: [plan, spec, unblind, publish]", &format!("--tree {}", &tree[..10])]
    {
        assert!(shown.stdout.contains(words), "{words}: {}", shown.stdout);
    }
    let queue = office.oci(&["queue", "."]);
    assert!(queue.code == 4 && queue.stdout.contains("waits at `plan`, tree"), "{}", queue.stdout);
    let wrong = office.oci(&["approve", "out", "--tree", "1234567890"]);
    assert!(wrong.code == 2 && wrong.stderr.contains("1234567890 was named"), "{}", wrong.stderr);
    // A remark decides nothing.
    assert_eq!(office.oci(&["comment", "out", "-m", "Ask Ada."]).code, 0);
    assert_eq!(office.comes_to("plan"), tree);
    office.approve(&tree);
    let spec = office.comes_to("spec");
    assert!(!office.path().join("out/design.json").exists());
    office.approve(&spec);
    let settled = office.comes_to("unblind");
    assert!(
        !office.path().join("out/results.json").exists() && !office.git(&["log", "--format=%s"]).contains("unblind: ")
    );
    let since = office.oci(&["review", "out"]).stdout;
    assert!(since.contains("+++ b/design.json") && !since.contains("+++ b/plan.yaml"), "only what is new: {since}");
    let empty = office.oci(&["reject", "out", "--reason", " "]);
    assert!(empty.code == 2, "{}", empty.stderr);
    assert_eq!(office.oci(&["reject", "out", "--reason", "No."]).code, 0);
    let stopped = office.run();
    assert!(
        stopped.code == 4 && stopped.stderr.contains("rejected this run at the gate `unblind`: No."),
        "{}",
        stopped.stderr
    );
    office.approve(&settled);
    let ran = office.run();
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let verified = office.oci(&["verify", "out"]);
    assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
    // Who approved, and when, is no part of what was computed.
    let other = Office::new(PLAN);
    other.is_used_by("Grace Hopper", "");
    through_all_gates(&other);
    assert_eq!(other.git(&["rev-parse", "HEAD^{tree}"]), office.git(&["rev-parse", "HEAD^{tree}"]));
    // At the end it waits to be published.
    let queue = office.oci(&["queue", "."]);
    assert!(queue.code == 4 && queue.stdout.contains("waits at `publish`"), "{}", queue.stdout);
    assert_eq!(office.oci(&["approve", "out"]).code, 0);
    assert_eq!(office.oci(&["queue", "."]).code, 0);
    let done = office.oci(&["approve", "out"]);
    assert!(done.code == 2 && done.stderr.contains("waits for no decision"), "{}", done.stderr);
    let log = office.git(&["log", "--format=%an %s", "--grep=^Decision: approved"]);
    assert_eq!(log.lines().count(), 4, "{log}");
    assert!(log.lines().all(|line| line.starts_with("Ada Lovelace approved: ")), "{log}");
    assert_eq!(office.oci(&["verify", "out"]).code, 0);
    let audited = office.oci(&["audit", "out"]);
    assert_eq!(audited.code, 0, "{}", audited.stdout);
    let seen: Value = serde_json::from_str(office.oci(&["audit", "out", "--json"]).stdout.trim()).expect("JSON");
    let checks = seen["checks"].as_array().expect("checks");
    let gates = checks.iter().find(|check| check["code"] == "gates").expect("the check of gates");
    assert_eq!((gates["status"].as_str(), gates["facts"].as_array().map(Vec::len)), (Some("pass"), Some(4)), "{gates}");
}

/// The commits of a finished run, without the decisions: as somebody makes them who goes round a gate.
#[test]
fn a_run_that_went_past_a_gate_does_not_verify() {
    let office = Office::new(&PLAN.replace("[plan, spec, unblind, publish]", "[unblind]"));
    office.approve(&office.comes_to("unblind"));
    assert_eq!(office.run().code, 0);
    let mut parent = String::new();
    for commit in office.git(&["log", "--reverse", "--format=%H"]).lines() {
        let message = office.git(&["log", "-1", "--format=%B", commit]);
        if message.contains("Decision: approved") {
            continue;
        }
        std::fs::write(office.path().join("message"), format!("{message}\n")).expect("a message");
        let tree = format!("{commit}^{{tree}}");
        let mut args = vec!["commit-tree", &tree, "-F", "../message"];
        if !parent.is_empty() {
            args.extend(["-p", &parent]);
        }
        parent = office.git(&args);
    }
    office.git(&["update-ref", "refs/heads/main", &parent]);
    let verified = office.oci(&["verify", "out"]);
    assert_eq!(verified.code, 1, "{}", verified.stdout);
    assert!(verified.stdout.contains("waits at the gate `unblind`"), "{}", verified.stdout);
    let audited = office.oci(&["audit", "out"]);
    assert_eq!(audited.code, 1, "{}", audited.stdout);
    assert!(audited.stdout.contains("gate `unblind`: the run went on without an approval"), "{}", audited.stdout);
}

#[test]
fn a_rejection_that_was_taken_back_by_hand_and_words_that_nobody_said_are_found() {
    let office = Office::new(&PLAN.replace("[plan, spec, unblind, publish]", "[publish]"));
    assert_eq!(office.run().code, 0);
    assert_eq!(office.oci(&["reject", "out", "--reason", "No."]).code, 0);
    let rejected = office.git(&["rev-parse", "HEAD"]);
    assert_eq!(office.oci(&["verify", "out"]).code, 0);
    let differs = |words: &str| {
        for command in ["verify", "audit"] {
            let ran = office.oci(&[command, "out"]);
            assert!(ran.code == 1, "{command}: {}", ran.stdout);
            let words = if command == "audit" { "it was moved back or written again" } else { words };
            assert!(ran.stdout.contains(words), "{command}, {words}: {}", ran.stdout);
        }
    };
    office.git(&["reset", "-q", "--hard", "HEAD~1"]);
    differs(rejected.get(..8).expect("an id"));
    office.git(&["reset", "-q", "--hard", &rejected]);
    assert_eq!(office.oci(&["verify", "out"]).code, 0);
    // Other words than a decision has; and with them the old commit is left behind.
    let message = office.git(&["log", "-1", "--format=%B"]).replace("rejected: publish", "rejected; publish");
    office.git(&["commit", "-q", "--amend", "--allow-empty", "-m", &message]);
    differs("has another message than it was given");
    office.git(&["reset", "-q", "--hard", &rejected]);
    office.git(&["tag", "-d", "iter/1"]);
    let verified = office.oci(&["verify", "out"]);
    assert!(verified.code == 1 && verified.stdout.contains("the tag iter/1 is not there"), "{}", verified.stdout);
}

#[test]
fn an_approval_of_another_tree_opens_nothing() {
    let office = Office::new(&PLAN.replace("[plan, spec, unblind, publish]", "[unblind]"));
    let tree = office.comes_to("unblind");
    let message = format!("approved: unblind\n\nGate: unblind\nOn-Tree: {}\nDecision: approved\n", "0".repeat(40));
    std::fs::write(office.path().join("message"), message).expect("a message");
    office.git(&["commit", "--allow-empty", "-q", "-F", "../message"]);
    let ran = office.run();
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(ran.stderr.contains("approved tree 0000000000") && ran.stderr.contains(&tree[..10]), "{}", ran.stderr);
}

#[test]
fn an_experiment_waits_before_its_results() {
    let office = Office::new(EXPERIMENT);
    let tree = office.comes_to("unblind");
    assert!(!office.path().join("oci-looks.jsonl").exists() && !office.path().join("out/results.json").exists());
    office.approve(&tree);
    assert_eq!(office.run().code, 0);
    assert_eq!(office.oci(&["verify", "out"]).code, 0);
}

#[test]
fn a_decision_needs_a_name_and_a_run_that_is_whole() {
    let office = Office::new(&PLAN.replace("[plan, spec, unblind, publish]", "[plan]"));
    office.comes_to("plan");
    std::fs::write(office.path().join("home/.gitconfig"), "").expect("a configuration");
    let nameless = office.oci(&["approve", "out"]);
    assert!(nameless.code == 2 && nameless.stderr.contains("git config --global user.name"), "{}", nameless.stderr);
    office.is_used_by("Ada Lovelace", "");
    let plan = office.path().join("out/plan.yaml");
    let text = std::fs::read_to_string(&plan).expect("the plan");
    std::fs::write(&plan, text.replace("title: T", "title: U")).expect("an edit");
    let edited = office.oci(&["approve", "out"]);
    assert!(edited.code == 2 && edited.stderr.contains("`plan.yaml`"), "{}", edited.stderr);
    std::fs::write(&plan, text).expect("undone");
    let report = office.oci(&["report", "out"]);
    assert!(report.code == 2 && report.stderr.contains("waits at the gate `plan`"), "{}", report.stderr);
    office.git(&["clone", "-q", ".", "../clone"]);
    for command in [&["approve", "clone"][..], &["comment", "clone", "-m", "Hm."]] {
        let refused = office.oci(command);
        assert!(refused.code == 2 && refused.stderr.contains("is a clone of a run"), "{}", refused.stderr);
    }
    assert_eq!(office.oci(&["approve", "out"]).code, 0);
    for (args, words) in [
        (&["review", "nothing"][..], "is not there"),
        (&["approve", "home"], "is not the repository of a run"),
        (&["queue", "nothing"], "is not a folder"),
    ] {
        let ran = office.oci(args);
        assert!(ran.code == 2 && ran.stderr.contains(words), "{args:?}: {} {}", ran.code, ran.stderr);
    }
}

#[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
#[test]
fn a_decision_is_signed_where_commits_are() {
    let office = Office::new(&PLAN.replace("[plan, spec, unblind, publish]", "[plan]"));
    let key = ["-q", "-t", "ed25519", "-N", "", "-C", "ada", "-f", "key"];
    if !Command::new("ssh-keygen").args(key).current_dir(office.path()).status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: there is no ssh-keygen");
        return;
    }
    let public = std::fs::read_to_string(office.path().join("key.pub")).expect("a key");
    std::fs::write(office.path().join("signers"), format!("a@example.org {public}")).expect("signers");
    let (key, signers) = (office.path().join("key"), office.path().join("signers"));
    let more = format!(
        "  signingkey = {}\n[commit]\n  gpgsign = true\n[gpg]\n  format = ssh\n[gpg \"ssh\"]\n  allowedSignersFile = {}\n",
        key.display(),
        signers.display()
    );
    office.is_used_by("Ada Lovelace", &more);
    office.approve(&office.comes_to("plan"));
    assert_eq!(office.git(&["log", "-1", "--format=%G?"]), "G", "a good signature");
    assert_eq!(office.run().code, 0, "a step is not signed, and the run goes on");
    assert_eq!(office.oci(&["verify", "out"]).code, 0);
    office.is_used_by("Ada Lovelace", "[commit]\n  gpgsign = true\n[gpg]\n  program = /nowhere/gpg\n");
    let unsigned = office.oci(&["comment", "out", "-m", "Well."]);
    assert!(unsigned.code == 2 && unsigned.stderr.contains("could not be signed"), "{}", unsigned.stderr);
}
