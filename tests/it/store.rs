//! The git store: what it finds, what it refuses, what it keeps, and what is left when its process is killed.

#![allow(clippy::print_stdout, clippy::print_stderr)] // a test that is skipped says so; a child process reports

mod hostile;
mod program;

use oci_agent::store::{
    ArtifactError, ArtifactStore, Author, Fault, GitStore, OpenMode, OpenOptions, RepositoryTrust, Situation, Step,
    read_note,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// Where the child processes of this file are told what to do.
const CHILD: &str = "OCI_AGENT_TEST_CHILD";

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Home {
        // In memory where the system has such a place: what is synced here need not last.
        let made = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        Home(made.expect("temporary directory"))
    }

    fn out(&self) -> PathBuf {
        self.0.path().join("runs/nhefs")
    }
}

fn try_open(dir: &Path, mode: OpenMode, identity: &[(&str, &str)]) -> Result<GitStore, ArtifactError> {
    let identity = identity.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let clock = Box::new(|| 1_700_000_000);
    GitStore::open(
        dir,
        OpenOptions { mode, clock, author: Author::default(), identity, trust: RepositoryTrust::default() },
    )
}

fn open(dir: &Path, mode: OpenMode) -> GitStore {
    try_open(dir, mode, &[]).expect("opens")
}

fn refused(dir: &Path, mode: OpenMode) -> ArtifactError {
    try_open(dir, mode, &[]).err().expect("refused")
}

/// A run of a dozen steps with files that are replaced, nested and not compressible.
fn steps() -> Vec<Step> {
    let mut steps = vec![
        Step::new("plan: nhefs")
            .file("plan.yaml", "title: x\r\n")
            .trailer("Plan-SHA256", "aa")
            .trailer("Data-SHA256", "dd"),
    ];
    for k in 1..=10u32 {
        let plot: Vec<u8> =
            (0..20_000u32).map(|i| (i.wrapping_mul(2_654_435_761).wrapping_add(k) >> 13) as u8).collect();
        steps.push(
            Step::new(format!("design: iteration {k}"))
                .body("Balance, before and after.\n\n---\nNot-A-Trailer: really")
                .file(format!("iter_{k:02}/design.json"), format!("{{\"k\": {k}}}\n"))
                .file(format!("iter_{k:02}/plots/love.png"), plot)
                .file("latest.txt", format!("{k}\n"))
                .trailer("Plan-SHA256", "aa")
                .trailer("Verdict", format!("ate=k{k}")),
        );
    }
    steps.push(Step::new("report").file("report.md", "# done\n").trailer("Tool-Version", "0.1.0").last());
    steps
}

fn run(store: &mut GitStore) -> Result<(), ArtifactError> {
    steps().iter().try_for_each(|step| store.commit(step).map(drop))
}

fn finished_run(dir: &Path) -> GitStore {
    let mut store = open(dir, OpenMode::New);
    run(&mut store).expect("runs");
    store
}

/// The real git, if this machine has one; a run without it says so.
fn git(dir: &Path, args: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(dir).args(args).env("LC_ALL", "C").output();
    let Ok(output) = output else {
        eprintln!("SKIPPED: there is no git program here, so `git {}` was not asked", args.join(" "));
        return None;
    };
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "git {}: {words}", args.join(" "));
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Valid, and nothing to commit, for a person with any line-end setting.
fn assert_sound(dir: &Path) {
    let output = Command::new("git").arg("-C").arg(dir).args(["fsck", "--strict", "--no-dangling"]).output();
    if let Ok(output) = output {
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{words}");
        assert!(!words.contains("error") && !words.contains("warning"), "{words}");
    }
    for setting in ["core.autocrlf=true", "core.autocrlf=input", "core.autocrlf=false"] {
        if let Some(status) = git(dir, &["-c", setting, "status", "--porcelain"]) {
            assert_eq!(status, "", "with {setting}");
        }
    }
}

fn expected_tree() -> String {
    let home = Home::new();
    finished_run(&home.out()).tree_hash().expect("a tree")
}

#[test]
fn one_commit_a_step_that_plain_git_reads() {
    let home = Home::new();
    let mut store = open(&home.out(), OpenMode::New);
    assert_eq!((store.situation(), store.head(), store.branch()), (&Situation::Fresh, None, "main"));
    let info: Vec<_> = steps().iter().map(|step| store.commit(step).expect("commits")).collect();
    assert!(store.is_finished());
    assert_eq!(store.head().as_ref(), info.last().map(|i| &i.id));
    assert!(info.iter().all(|i| !i.replayed));
    assert_eq!(fs::read(home.out().join("plan.yaml")).expect("reads"), b"title: x\r\n");
    assert_eq!(fs::read(home.out().join("latest.txt")).expect("reads"), b"10\n");
    assert_sound(&home.out());
    let Some(log) = git(&home.out(), &["log", "--reverse", "--format=%H|%T|%s|%an|%ae|%ct|%ai"]) else { return };
    for (line, i) in log.lines().zip(&info) {
        let rest = "oci-agent|oci-agent@localhost|1700000000|2023-11-14 22:13:20 +0000";
        assert_eq!(line, format!("{}|{}|{}|{rest}", i.id, i.tree, i.subject));
    }
    assert_eq!(log.lines().count(), 12);
}

#[test]
fn trailers_parse_with_git() {
    let home = Home::new();
    let mut store = open(&home.out(), OpenMode::New);
    for step in steps().iter().take(2) {
        store.commit(step).expect("commits");
    }
    let Some(message) = git(&home.out(), &["log", "-1", "--format=%B"]) else { return };
    let file = home.0.path().join("message");
    fs::write(&file, &message).expect("writes");
    let parsed = git(&home.out(), &["interpret-trailers", "--parse", &file.to_string_lossy()]);
    assert_eq!(parsed.as_deref(), Some("Plan-SHA256: aa\nVerdict: ate=k1\n"), "{message}");
}

#[test]
fn the_same_files_have_the_same_tree_anywhere_whoever_and_whenever() {
    let home = Home::new();
    let author = Author { name: "Ada".to_owned(), email: "ada@example.org".to_owned() };
    let options = OpenOptions {
        mode: OpenMode::New,
        clock: Box::new(|| 5),
        author,
        identity: Vec::new(),
        trust: RepositoryTrust::default(),
    };
    let mut store = GitStore::open(&home.out(), options).expect("opens");
    run(&mut store).expect("runs");
    assert_eq!(store.tree_hash(), Some(expected_tree()));
    let Some(who) = git(&home.out(), &["log", "-1", "--format=%an %ce %ct"]) else { return };
    assert_eq!(who, "Ada ada@example.org 5\n");
}

#[test]
fn a_second_run_is_a_new_branch_and_the_first_stays() {
    let home = Home::new();
    let first = finished_run(&home.out()).head().expect("a commit");
    let mut second = open(&home.out(), OpenMode::New);
    assert_eq!(second.situation(), &Situation::NewBranch { previous: "main".to_owned(), previous_finished: true });
    assert_eq!((second.branch(), second.head(), second.is_finished()), ("run-2", None, false));
    second.commit(&Step::new("plan").file("other.yaml", "other")).expect("commits");
    assert!(!home.out().join("report.md").exists(), "the files shown are those of the new run");
    assert!(!home.out().join("iter_01").exists());
    drop(second);
    assert_sound(&home.out());
    let third = open(&home.out(), OpenMode::New);
    assert_eq!(third.branch(), "run-3");
    assert_eq!(third.situation(), &Situation::NewBranch { previous: "run-2".to_owned(), previous_finished: false });
    drop(third);
    let Some(tips) = git(&home.out(), &["for-each-ref", "--format=%(refname) %(objectname)"]) else { return };
    assert!(tips.contains(&format!("refs/heads/main {first}")), "{tips}");
    assert!(!tips.contains("run-3"), "a run that committed nothing leaves nothing: {tips}");
    assert_eq!(git(&home.out(), &["rev-list", "--count", "HEAD"]).as_deref(), Some("1\n"), "a history of its own");
}

#[test]
fn force_starts_the_branch_again_and_keeps_the_old_tip_under_a_tag() {
    let home = Home::new();
    let old = finished_run(&home.out()).head().expect("a commit");
    let mut store = open(&home.out(), OpenMode::Force);
    let kept_as = format!("superseded-{}", &old[..10]);
    assert_eq!(store.situation(), &Situation::Restarted { kept_as: kept_as.clone() });
    store.commit(&Step::new("plan").file("plan.yaml", "new")).expect("commits");
    assert_eq!(store.branch(), "main");
    drop(store);
    assert_sound(&home.out());
    assert!(!home.out().join("report.md").exists());
    let Some(tag) = git(&home.out(), &["rev-parse", &format!("refs/tags/{kept_as}")]) else { return };
    assert_eq!(tag.trim(), old);
    assert_eq!(git(&home.out(), &["show", &format!("{kept_as}:report.md")]).as_deref(), Some("# done\n"));
}

#[test]
fn resume_verifies_what_is_there_and_appends_the_rest() {
    let home = Home::new();
    let mut store = open(&home.out(), OpenMode::Resume);
    assert_eq!(store.situation(), &Situation::Fresh, "nothing to resume is a fresh start");
    let before: Vec<_> = steps().iter().take(5).map(|step| store.commit(step).expect("commits")).collect();
    drop(store);
    let mut store = open(&home.out(), OpenMode::Resume);
    assert_eq!(store.situation(), &Situation::Resumed { commits: 5 });
    let all: Vec<_> = steps().iter().map(|step| store.commit(step).expect("commits")).collect();
    assert_eq!(all.iter().map(|i| i.replayed).collect::<Vec<_>>(), (0..12).map(|k| k < 5).collect::<Vec<_>>());
    assert!(before.iter().zip(&all).all(|(a, b)| a.id == b.id));
    assert_eq!(store.tree_hash(), Some(expected_tree()));
    assert_sound(&home.out());
}

#[test]
fn a_finished_run_is_verified_and_takes_no_more_steps() {
    let home = Home::new();
    let head = finished_run(&home.out()).head();
    let mut store = open(&home.out(), OpenMode::Resume);
    assert_eq!(store.situation(), &Situation::AlreadyFinished { commits: 12 });
    assert!(store.is_finished());
    run(&mut store).expect("every step is the same");
    assert_eq!(store.head(), head);
    let error = store.commit(&Step::new("one more")).expect_err("refused");
    assert!(matches!(&error, ArtifactError::Finished { branch, .. } if branch == "main"), "{error}");
    assert_eq!(error.fault(), Fault::User);
}

#[test]
fn other_bytes_on_resume_name_the_first_path_that_differs() {
    let home = Home::new();
    let mut store = open(&home.out(), OpenMode::New);
    store.commit(&Step::new("one").file("a/x", "1").file("b", "1").trailer("K", "v")).expect("commits");
    drop(store);
    for (step, word) in [
        (Step::new("one").file("a/x", "1").file("b", "2").trailer("K", "v"), "`b` has other bytes"),
        (Step::new("one").file("a/x", "1").file("a/y", "").file("b", "1").trailer("K", "v"), "`a/y` has other bytes"),
        (Step::new("two").file("a/x", "1").file("b", "1").trailer("K", "v"), "it was `one` and is `two` now"),
        (Step::new("one").file("a/x", "1").file("b", "1").trailer("K", "w"), "commit message differs"),
    ] {
        let error = open(&home.out(), OpenMode::Resume).commit(&step).expect_err("refused");
        assert!(matches!(error, ArtifactError::Diverged { step: 1, .. }), "{error}");
        assert!(error.to_string().contains(word), "{error}");
    }
    assert_eq!(fs::read(home.out().join("b")).expect("reads"), b"1");
}

#[test]
fn resuming_with_another_plan_data_or_version_names_what_differs() {
    let home = Home::new();
    drop(finished_run(&home.out()));
    let now = [("Plan-SHA256", "aa"), ("Data-SHA256", "ee"), ("Tool-Version", "0.2.0"), ("Unrecorded", "x")];
    let error = try_open(&home.out(), OpenMode::Resume, &now).err().expect("refused");
    let words = error.to_string();
    assert!(words.contains("Data-SHA256 was dd and is ee now; Tool-Version was 0.1.0 and is 0.2.0 now"), "{words}");
    assert!(!words.contains("Plan-SHA256") && !words.contains("Unrecorded"), "{words}");
    assert_eq!(error.fault(), Fault::User);
    try_open(&home.out(), OpenMode::New, &now).expect("a new run may differ");
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let home = Home::new();
    let place = |name: &str| home.0.path().join(name);
    fs::write(place("file"), "x").expect("writes");
    fs::create_dir(place("full")).expect("creates");
    fs::write(place("full/thesis.tex"), "x").expect("writes");
    fs::create_dir(place("linked")).expect("creates");
    fs::write(place("linked/.git"), "gitdir: ../elsewhere").expect("writes");
    fs::create_dir(place("theirs")).expect("creates");
    let mut expected = vec![("file", "is a file"), ("full", "is not empty"), ("linked", "another git repository")];
    if git(&place("theirs"), &["init", "-q"]).is_some() {
        expected.push(("theirs", "oci-agent did not make"));
    }
    for (name, words) in expected {
        let before = listing(&place(name));
        for mode in [OpenMode::New, OpenMode::Force, OpenMode::Resume] {
            let error = refused(&place(name), mode);
            let text = error.to_string();
            assert!(text.contains(words) && text.contains("--out") && text.contains(name), "{text}");
            assert_eq!(error.fault(), Fault::User);
        }
        assert_eq!(listing(&place(name)), before, "{name} was touched");
    }
    let error = refused(&place("file/below"), OpenMode::New);
    assert!(error.to_string().contains("file/below"), "{error}");
}

fn listing(place: &Path) -> Vec<PathBuf> {
    let mut found = vec![place.to_owned()];
    if let Ok(entries) = fs::read_dir(place) {
        entries.flatten().for_each(|entry| found.extend(listing(&entry.path())));
    }
    found.sort();
    found
}

#[test]
fn a_newer_layout_is_not_touched() {
    let home = Home::new();
    drop(finished_run(&home.out()));
    if git(&home.out(), &["config", "oci-agent.layout", "2"]).is_some() {
        let error = refused(&home.out(), OpenMode::Resume);
        assert!(matches!(error, ArtifactError::Newer { layout: 2, .. }), "{error}");
    }
}

#[test]
fn empty_directories_and_leftovers_of_a_killed_start_are_used() {
    let home = Home::new();
    fs::create_dir_all(home.out().join(".oci-agent-init/new/.git/objects")).expect("creates");
    fs::write(home.out().join(".oci-agent-init/lock"), "").expect("writes");
    let mut store = open(&home.out(), OpenMode::New);
    run(&mut store).expect("runs");
    assert!(!home.out().join(".oci-agent-init").exists());
    assert_sound(&home.out());
}

#[test]
fn a_directory_that_is_not_writable_is_named() {
    let home = Home::new();
    let dir = home.0.path().join("readonly");
    fs::create_dir(&dir).expect("creates");
    let mut permissions = fs::metadata(&dir).expect("metadata").permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&dir, permissions).expect("chmod");
    if fs::write(dir.join("probe"), "").is_ok() {
        eprintln!("SKIPPED: this user may write to a read-only directory (root), so it cannot be refused");
        return;
    }
    for place in [dir.clone(), dir.join("below")] {
        let error = refused(&place, OpenMode::New);
        assert!(matches!(error, ArtifactError::Permission { .. }), "{error}");
        assert!(error.to_string().contains("readonly") && error.to_string().contains("--out"), "{error}");
        assert_eq!(error.fault(), Fault::World);
    }
}

#[test]
fn files_edited_by_hand_stop_every_mode_and_are_kept() {
    let home = Home::new();
    drop(finished_run(&home.out()));
    fs::write(home.out().join("report.md"), "my words").expect("edit");
    fs::remove_file(home.out().join("latest.txt")).expect("remove");
    fs::create_dir(home.out().join("latest.txt")).expect("create");
    for mode in [OpenMode::New, OpenMode::Force, OpenMode::Resume] {
        let error = refused(&home.out(), mode);
        let ArtifactError::Dirty { files, .. } = &error else { panic!("{error}") };
        assert_eq!(files, &["latest.txt", "report.md"]);
        assert!(error.to_string().contains("stash"), "{error}");
        assert_eq!(fs::read(home.out().join("report.md")).expect("reads"), b"my words");
    }
}

#[test]
fn files_that_are_only_missing_come_back_on_resume() {
    let home = Home::new();
    drop(finished_run(&home.out()));
    fs::remove_dir_all(home.out().join("iter_03")).expect("remove");
    let _store = open(&home.out(), OpenMode::Resume);
    assert_sound(&home.out());
}

#[test]
fn a_person_s_new_files_stay_and_are_never_written_over() {
    let home = Home::new();
    drop(finished_run(&home.out()));
    fs::write(home.out().join("notes.md"), "mine").expect("writes");
    fs::write(home.out().join("iter_01/notes.md"), "mine").expect("writes");
    let mut store = open(&home.out(), OpenMode::New);
    store.commit(&Step::new("plan").file("plan.yaml", "x")).expect("commits");
    let head = store.head();
    let error = store.commit(&Step::new("notes").file("notes.md", "ours")).expect_err("refused");
    assert!(matches!(&error, ArtifactError::Dirty { files, .. } if files == &["notes.md"]), "{error}");
    assert_eq!(store.head(), head);
    for kept in ["notes.md", "iter_01/notes.md"] {
        assert_eq!(fs::read(home.out().join(kept)).expect("reads"), b"mine");
    }
    assert!(!home.out().join("iter_01/design.json").exists());
    fs::remove_file(home.out().join("notes.md")).expect("moved away");
    store.commit(&Step::new("notes").file("notes.md", "ours")).expect("goes on");
}

#[cfg(unix)]
#[test]
fn links_are_not_written_through() {
    let home = Home::new();
    let elsewhere = home.0.path().join("elsewhere");
    fs::create_dir(&elsewhere).expect("creates");
    let mut store = open(&home.out(), OpenMode::New);
    store.commit(&Step::new("plan").file("plan.yaml", "x")).expect("commits");
    std::os::unix::fs::symlink(&elsewhere, home.out().join("iter_01")).expect("links");
    let error = store.commit(&Step::new("spec").file("iter_01/spec.yaml", "x")).expect_err("refused");
    assert!(matches!(error, ArtifactError::Dirty { .. }), "{error}");
    assert_eq!(listing(&elsewhere).len(), 1);
}

#[test]
fn a_detached_head_and_a_merge_in_progress_are_the_person_s_to_end() {
    let home = Home::new();
    drop(finished_run(&home.out()));
    if git(&home.out(), &["switch", "-q", "--detach", "HEAD~1"]).is_none() {
        return;
    }
    let error = refused(&home.out(), OpenMode::New).to_string();
    assert!(error.contains("not on a branch") && error.contains("git switch main"), "{error}");
    git(&home.out(), &["switch", "-q", "main"]);
    fs::write(home.out().join(".git/MERGE_HEAD"), "").expect("writes");
    let error = refused(&home.out(), OpenMode::Resume).to_string();
    assert!(error.contains("in the middle of a merge"), "{error}");
}

#[test]
fn two_at_once_the_second_is_told() {
    let home = Home::new();
    let store = open(&home.out(), OpenMode::New);
    let error = refused(&home.out(), OpenMode::Resume);
    assert!(matches!(error, ArtifactError::Locked { .. }) && error.to_string().contains("nhefs"), "{error}");
    drop(store);
    open(&home.out(), OpenMode::Resume);
}

/// Threads share a process, but each open file has its own lock, so this is as good as processes.
#[test]
fn many_first_runs_at_once_give_one_repository() {
    let home = Home::new();
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..8).map(|_| scope.spawn(|| try_open(&home.out(), OpenMode::Resume, &[]))).collect();
        starts.into_iter().map(|start| start.join().expect("no panic")).collect()
    });
    let open: Vec<_> = outcomes.iter().filter(|outcome| outcome.is_ok()).collect();
    assert_eq!(open.len(), 1, "{:?}", outcomes.iter().filter_map(|o| o.as_ref().err()).collect::<Vec<_>>());
    for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        assert!(matches!(error, ArtifactError::Locked { .. }), "{error}");
    }
}

#[test]
fn notes_are_read_back_from_the_run_s_own_directory_and_are_not_in_the_tree() {
    let home = Home::new();
    let mut store = finished_run(&home.out());
    let tree = store.tree_hash();
    let value = "/data/with \"quotes\", ünï; # and\\backslash";
    store.location_note("plan-dir", value).expect("notes");
    assert_eq!(store.tree_hash(), tree);
    assert_sound(&home.out());
    let read = |dir: &Path, key| read_note(dir, key, &RepositoryTrust::default()).expect("reads");
    assert_eq!(read(&home.out(), "plan-dir").as_deref(), Some(value));
    assert_eq!(read(&home.out(), "other"), None);
    assert_eq!(read(home.0.path(), "plan-dir"), None, "outside of any run");
    assert_eq!(read(&home.out().join("iter_01"), "plan-dir"), None, "a repository above is somebody else's word");
    for key in ["", "a.b", "layout", "1a", "a b"] {
        assert!(store.location_note(key, "x").is_err(), "{key}");
    }
}

#[test]
fn steps_that_git_could_not_hold_are_our_defect_and_change_nothing() {
    let home = Home::new();
    let mut store = open(&home.out(), OpenMode::New);
    store.commit(&Step::new("one").file("a", "1").file("b/c", "1")).expect("commits");
    let head = store.head();
    for bad in [
        Step::new("x").file("../escape", "x"),
        Step::new("x").file("/tmp/escape", "x"),
        Step::new("x").file(".git/config", "x"),
        Step::new("x").file("a/below", "x"),
        Step::new("x").file("b", "x"),
        Step::new("x").file("n", "x").file("n/m", "x"),
        Step::new("two\nlines"),
        Step::new("x").trailer("no colon: please", "x"),
    ] {
        let error = store.commit(&bad).expect_err("refused");
        assert_eq!(error.fault(), Fault::Bug, "{error}");
    }
    assert_eq!(store.head(), head);
    assert_sound(&home.out());
}

// Other processes: killed, out of space, with a hostile configuration.

/// Runs [`child`] in a process of its own.
fn child_command(dir: &Path, wrapped_by: Option<(&str, &str)>) -> Command {
    let program = std::env::current_exe().expect("this program");
    let mut command = match wrapped_by {
        None => Command::new(&program),
        Some((shell, script)) => {
            let mut command = Command::new(shell);
            command.args(["-c", script, "sh"]).arg(&program);
            command
        }
    };
    command.args(["--exact", "store::child", "--ignored", "--nocapture", "--test-threads=1"]).env(CHILD, dir);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Not a test: the process that the tests below kill, starve and mislead.
#[test]
#[ignore = "is started by other tests as a process of its own"]
#[allow(clippy::disallowed_methods)] // it is told where to work through its environment
fn child() {
    let Some(dir) = std::env::var_os(CHILD) else { return };
    let mut store = match try_open(Path::new(&dir), OpenMode::Resume, &[]) {
        Ok(store) => store,
        Err(error) => return println!("error {:?}: {error}", error.fault()),
    };
    match run(&mut store) {
        Ok(()) => println!("tree {}", store.tree_hash().expect("a tree")),
        Err(error) => println!("error {:?}: {error}", error.fault()),
    }
}

fn words(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_run_killed_again_and_again_ends_in_the_same_tree() {
    let expected = expected_tree();
    let home = Home::new();
    let mut kills = 0;
    // The delays grow, so that the kills fall on the start, on replays and on every later step.
    for attempt in 0..60u64 {
        let mut process = child_command(&home.out(), None).spawn().expect("starts");
        std::thread::sleep(Duration::from_micros(2_000 + 2_000 * attempt));
        let _ = process.kill(); // it may have ended
        let output = process.wait_with_output().expect("ends");
        assert!(!words(&output).contains("error "), "{}", words(&output));
        if words(&output).contains("tree ") {
            break;
        }
        kills += 1;
        if home.out().join(".git").exists() && attempt % 4 == 0 {
            git(&home.out(), &["fsck", "--strict"]);
        }
    }
    assert!(kills > 3, "only {kills} kills came in time");
    let mut store = open(&home.out(), OpenMode::Resume);
    run(&mut store).expect("the run is whole");
    assert_eq!(store.tree_hash(), Some(expected));
    assert_sound(&home.out());
}

#[test]
fn a_run_killed_once_at_any_time_resumes() {
    let expected = expected_tree();
    for attempt in 0..25u64 {
        let home = Home::new();
        let mut process = child_command(&home.out(), None).spawn().expect("starts");
        std::thread::sleep(Duration::from_micros(3_000 + 2_500 * attempt));
        let _ = process.kill(); // it may have ended
        process.wait().expect("ends");
        if home.out().join(".git").exists() {
            git(&home.out(), &["fsck", "--strict"]);
        }
        let mut store = open(&home.out(), OpenMode::Resume);
        run(&mut store).expect("goes on");
        assert_eq!(store.tree_hash().as_ref(), Some(&expected), "killed after attempt {attempt}");
        drop(store);
        assert_sound(&home.out());
    }
}

/// A file-size limit stands in for a full disk: writes end in the middle of a file, and root is not exempt.
#[cfg(unix)]
#[test]
fn no_room_for_a_file_is_named_and_what_was_committed_is_safe() {
    let home = Home::new();
    // Blocks of 512 or 1024 bytes. The signal is ignored so that the write fails as it would on a full disk; the
    // limits fall on the repository's own files, on objects, and on a file of the work tree.
    for blocks in [1, 2, 4, 8, 16] {
        let out = home.out().join(blocks.to_string());
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
        let output = child_command(&out, Some(("sh", &script))).output().expect("runs");
        assert!(words(&output).contains("error World: there is no room to"), "{blocks}: {}", words(&output));
        if out.join(".git/HEAD").exists() {
            git(&out, &["fsck", "--strict"]);
        }
        let output = child_command(&out, None).output().expect("runs");
        assert!(words(&output).contains(&format!("tree {}", expected_tree())), "{blocks}: {}", words(&output));
        assert_sound(&out);
    }
}

/// A disk that is really full, where this system lets an ordinary user mount one.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_named_and_what_was_committed_is_safe() {
    let mut met = 0;
    for kilobytes in [24, 150, 180, 220, 260, 300, 400] {
        let home = Home::new();
        let (small, kept) = (home.0.path().join("small"), home.0.path().join("kept"));
        fs::create_dir(&small).expect("creates");
        let script = format!(
            "mount -t tmpfs -o size={kilobytes}k tmpfs '{small}' || {{ echo NO-MOUNT; exit 0; }}; \"$@\"; cp -r '{small}' '{kept}'",
            small = small.display(),
            kept = kept.display()
        );
        let mut command = Command::new("unshare");
        let inner = child_command(&small.join("out"), Some(("sh", &script)));
        command.args(["-rm", "sh"]).args(inner.get_args()).env(CHILD, small.join("out"));
        let Ok(output) = command.output() else { return eprintln!("SKIPPED: there is no `unshare` here") };
        let words = words(&output);
        if words.contains("NO-MOUNT") || words.contains("unshare: ") {
            return eprintln!("SKIPPED: no disk can be mounted here: {words}");
        }
        assert!(words.contains("error World: there is no room to"), "{kilobytes} kB: {words}");
        met += 1;
        if kept.join("out/.git/HEAD").exists() {
            git(&kept.join("out"), &["fsck", "--strict"]);
            let mut store = open(&kept.join("out"), OpenMode::Resume);
            run(&mut store).expect("goes on where there is room");
            assert_eq!(store.tree_hash(), Some(expected_tree()));
            drop(store);
            assert_sound(&kept.join("out"));
        }
    }
    assert_eq!(met, 7);
}

/// Line ends, signing, hooks, templates and an unreadable file: none of it reaches a run.
#[test]
fn the_user_s_git_configuration_changes_nothing() {
    let home = Home::new();
    let user = home.0.path().join("user");
    fs::create_dir_all(user.join("template/hooks")).expect("creates");
    fs::write(user.join("template/hooks/reference-transaction"), "#!/bin/sh\nexit 1\n").expect("writes");
    let hostile = format!(
        "[core]\n autocrlf = true\n hooksPath = {0}\n[commit]\n gpgsign = true\n[init]\n templateDir = {0}/template\n \
         defaultBranch = trunk\n defaultObjectFormat = sha256\n[user]\n name = Ada\n",
        user.display()
    );
    for config in [hostile.as_str(), "[this is not\na config"] {
        fs::write(user.join(".gitconfig"), config).expect("writes");
        let out = home.0.path().join(format!("out{}", config.len()));
        let output = child_command(&out, None).env("HOME", &user).env("XDG_CONFIG_HOME", &user).output().expect("runs");
        assert!(words(&output).contains(&format!("tree {}", expected_tree())), "{}", words(&output));
        assert!(!out.join(".git/hooks/reference-transaction").exists());
        assert!(fs::read_to_string(out.join(".git/HEAD")).expect("reads").contains("refs/heads/main"));
        assert_sound(&out);
    }
}
