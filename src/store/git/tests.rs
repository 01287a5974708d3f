//! A run stopped at every boundary between two effects, on a first run, beside an old one and over an old one.

use crate::store::git::*;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;

thread_local! {
    /// The number of boundaries that may still be passed; `None`: all.
    static FUSE: Cell<Option<u32>> = const { Cell::new(None) };
}

pub(in crate::store) fn boundary() -> Result<(), ArtifactError> {
    match FUSE.get() {
        Some(0) => Err(ArtifactError::InvalidStep { subject: "fuse".to_owned(), reason: "stopped here".to_owned() }),
        left => {
            FUSE.set(left.map(|n| n - 1));
            Ok(())
        }
    }
}

/// In memory where the system has such a place: these tests make hundreds of repositories.
fn temporary() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("temporary directory")
}

fn open(dir: &Path, mode: OpenMode) -> GitStore {
    let options =
        OpenOptions { mode, clock: Box::new(|| 1_000_000_000), author: Author::default(), identity: Vec::new() };
    GitStore::open(dir, options).expect("opens")
}

/// Steps that add, replace, nest, and (against the other run) swap a file with a folder of the same name.
fn steps(run: &str) -> Vec<Step> {
    let (file, folder) = if run == "old" { ("swap", "pawn/x") } else { ("pawn", "swap/x") };
    vec![
        Step::new("plan").file("plan.yaml", run).file(file, "a").file("same", "same"),
        Step::new("spec").file("iter_01/spec.yaml", run).file(folder, "b"),
        Step::new("plan again").file("plan.yaml", format!("{run} 2")),
        Step::new("report").file("report.md", run).trailer("Verdict", "none").last(),
    ]
}

fn run(store: &mut GitStore, steps: &[Step]) -> Result<(), ArtifactError> {
    steps.iter().try_for_each(|step| store.commit(step).map(|_| ()))
}

fn on_disk(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("lists") {
            let place = entry.expect("entry").path();
            if place.ends_with(".git") {
                continue;
            }
            if place.is_dir() {
                folders.push(place);
            } else {
                let name = place.strip_prefix(dir).expect("inside").to_string_lossy().into_owned();
                found.insert(name, fs::read(&place).expect("reads"));
            }
        }
    }
    found
}

fn expected(run: &str) -> BTreeMap<String, Vec<u8>> {
    steps(run).into_iter().flat_map(|step| step.files).collect()
}

/// Runs `new` in `mode` beside or over `old`, stopping after `fuse` boundaries, then goes on as a person would.
/// `false` if the fuse did not burn.
fn stop_and_go_on(mode: OpenMode, over_old: bool, fuse: u32) -> bool {
    let home = temporary();
    let dir = home.path().join("out");
    let mut old_tip = None;
    if over_old {
        let mut store = open(&dir, OpenMode::New);
        run(&mut store, &steps("old")).expect("the old run");
        old_tip = store.head();
    }
    let mut store = open(&dir, mode);
    FUSE.set(Some(fuse));
    let stopped = run(&mut store, &steps("new")).is_err();
    FUSE.set(None);
    drop(store);

    let mut store = open(&dir, OpenMode::Resume);
    if matches!(store.situation(), Situation::AlreadyFinished { .. })
        && store.recorded[0].message == "plan\n"
        && over_old
    {
        let old = store.recorded.last().map(|commit| commit.id.to_string());
        if old == old_tip {
            assert_eq!(on_disk(&dir), expected("old"), "the old run is shown until the new one has its first commit");
            drop(store);
            store = open(&dir, mode);
        }
    }
    run(&mut store, &steps("new")).expect("the run goes on");
    assert_eq!(on_disk(&dir), expected("new"), "{mode:?}, stopped after {fuse} boundaries");
    assert!(store.is_finished());
    let mut other = open(&home.path().join("undisturbed"), OpenMode::New);
    run(&mut other, &steps("new")).expect("undisturbed");
    assert_eq!(store.tree_hash(), other.tree_hash());
    if let Some(old) = old_tip {
        let keeps = |reference: git2::Reference<'_>| reference.target().is_some_and(|id| id.to_string() == old);
        assert!(store.repo.references().expect("references").flatten().any(keeps), "the old run is kept");
    }
    stopped
}

fn at_every_boundary(mode: OpenMode, over_old: bool) {
    let stops = (0..).take_while(|fuse| stop_and_go_on(mode, over_old, *fuse)).count();
    assert!(stops > 30, "only {stops} boundaries were passed: is the fuse still wired?");
}

#[test]
fn a_first_run_may_stop_anywhere() {
    at_every_boundary(OpenMode::New, false);
}

#[test]
fn a_run_beside_an_old_one_may_stop_anywhere() {
    at_every_boundary(OpenMode::New, true);
}

#[test]
fn a_run_over_an_old_one_may_stop_anywhere() {
    at_every_boundary(OpenMode::Force, true);
}

/// The journal excuses the trees it names and nothing else.
#[test]
fn an_edit_during_a_stopped_checkout_is_still_an_edit() {
    let home = temporary();
    let mut store = open(home.path(), OpenMode::New);
    store.commit(&Step::new("one").file("a", "1").file("b", "1")).expect("one");
    FUSE.set(Some(6)); // in the middle of writing the files of the second step
    let second = Step::new("two").file("a", "2").file("b", "2").file("c", "2");
    store.commit(&second).expect_err("stopped");
    FUSE.set(None);
    drop(store);
    assert!(home.path().join(".git/oci-agent.checkout").exists(), "a journal is there");
    fs::write(home.path().join("b"), "by hand").expect("edit");
    let options = || OpenOptions {
        mode: OpenMode::Resume,
        clock: Box::new(|| 1),
        author: Author::default(),
        identity: Vec::new(),
    };
    let error = GitStore::open(home.path(), options()).err().expect("refused").to_string();
    assert!(error.contains("`b`") && !error.contains("`a`"), "{error}");
    assert_eq!(fs::read(home.path().join("b")).expect("reads"), b"by hand");
    fs::write(home.path().join("b"), "1").expect("undo");
    GitStore::open(home.path(), options()).expect("opens again");
    assert_eq!(fs::read(home.path().join("b")).expect("reads"), b"2");
}
