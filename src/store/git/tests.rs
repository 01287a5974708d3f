//! A run stopped at every boundary between two effects, on a first run, beside an old one and over an old one.

use crate::store::folder::recorder::stop_after;
use crate::store::git::*;
use std::collections::BTreeMap;
use std::fs;

/// In memory where the system has such a place: these tests make hundreds of repositories.
pub(in crate::store) fn temporary() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("temporary directory")
}

pub(in crate::store) fn try_open(dir: &Path, mode: OpenMode) -> Result<GitStore, ArtifactError> {
    let clock = Box::new(|| 1_000_000_000);
    let (author, trust) = (Author::default(), RepositoryTrust::default());
    GitStore::open(dir, OpenOptions { mode, clock, author, identity: Vec::new(), trust })
}

pub(in crate::store) fn open(dir: &Path, mode: OpenMode) -> GitStore {
    try_open(dir, mode).expect("opens")
}

impl GitStore {
    /// True if the run that is continued is this one.
    pub(in crate::store) fn recorded_is(&self, steps: &[Step]) -> bool {
        let paths = |step: &Step| step.files.keys().cloned().collect::<Vec<_>>();
        let first = self.recorded.first().and_then(|first| files(&self.repo, Some(first.tree)).ok());
        first.map(|files| files.into_keys().collect::<Vec<_>>()) == steps.first().map(paths)
    }
}

/// Reads all that a commit leads to.
pub(in crate::store) fn history_is_whole(dir: &Path, tip: &str) -> Result<(), git2::Error> {
    let repo = Repository::open(dir)?;
    for commit in history(&repo, Some(Oid::from_str(tip)?))? {
        for id in files(&repo, Some(commit.tree))?.values() {
            repo.find_blob(*id)?;
        }
    }
    Ok(())
}

/// Steps that add, replace, nest, take away, tag, and (against the other run) swap a file with a folder of the same name.
pub(in crate::store) fn steps(run: &str) -> Vec<Step> {
    let (file, folder) = if run == "old" { ("swap", "pawn/x") } else { ("pawn", "swap/x") };
    vec![
        Step::new("plan").file("plan.yaml", run).file(file, "a").file("same", "same"),
        Step::new("design")
            .file("spec.yaml", run)
            .file("plots/ate.svg", run)
            .file("plots/att.svg", run)
            .file(folder, "b"),
        Step::new("design again")
            .file("plan.yaml", format!("{run} 2"))
            .file("plots/ate.svg", "2")
            .renews("plots")
            .tag("iter/1"),
        Step::new("report").file("report.md", run).trailer("Verdict", "none").last(),
    ]
}

fn run(store: &mut GitStore, steps: &[Step]) -> Result<(), ArtifactError> {
    steps.iter().try_for_each(|step| store.commit(step).map(|_| ()))
}

pub(in crate::store) fn at_disk(dir: &Path) -> BTreeMap<String, Vec<u8>> {
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

pub(in crate::store) fn expected(run: &str) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for step in steps(run) {
        files.retain(|path: &String, _| !step.takes_away(path));
        files.extend(step.files);
    }
    assert!(files.contains_key("plots/ate.svg") && !files.contains_key("plots/att.svg"));
    files
}

/// Runs `new` in `mode` beside or over `old`, stopping after `fuse` changes on disk, then goes on as a person would.
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
    stop_after(Some(fuse));
    let ended = try_open(&dir, mode).and_then(|mut store| {
        run(&mut store, &steps("new"))?;
        Ok(())
    });
    let stopped = ended.is_err();
    stop_after(None);

    let mut store = open(&dir, OpenMode::Resume);
    if over_old && store.recorded_is(&steps("old")) {
        assert_eq!(at_disk(&dir), expected("old"), "the old run is shown until the new one has its first commit");
        drop(store);
        store = open(&dir, mode);
    }
    run(&mut store, &steps("new")).expect("the run goes on");
    assert_eq!(at_disk(&dir), expected("new"), "{mode:?}, stopped after {fuse} changes");
    assert!(store.is_finished());
    let last = store.repo.head().and_then(|head| head.peel_to_commit()).expect("the last commit");
    let tag = if store.branch() == "main" { "refs/tags/iter/1" } else { "refs/tags/run-2/iter/1" };
    let tagged = store.repo.find_reference(tag).expect("the tag").target();
    assert_eq!(tagged, last.parent_id(0).ok(), "{mode:?}, stopped after {fuse} changes");
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
    assert!(stops > 100, "only {stops} changes were made: is the fuse still wired?");
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

/// The journal excuses what is recorded and nothing else.
#[test]
fn an_edit_during_a_stopped_checkout_is_still_an_edit() {
    let half_way = |fuse| {
        let home = temporary();
        let mut store = open(home.path(), OpenMode::New);
        store.commit(&Step::new("one").file("a", "1").file("b", "1")).expect("one");
        stop_after(Some(fuse));
        let second = Step::new("two").file("a", "2").file("b", "2").file("c", "2");
        let stopped = store.commit(&second);
        drop(store);
        stop_after(None);
        stopped.expect_err("stopped");
        let shows = |name: &str| fs::read(home.path().join(name)).expect("reads");
        (shows("a") == b"2" && shows("b") == b"1").then_some(home)
    };
    let home = (0..).find_map(half_way).expect("a moment between two files");
    assert!(home.path().join(".git/oci-agent.checkout").exists(), "a journal is there");
    fs::write(home.path().join("b"), "by hand").expect("edit");
    let error = try_open(home.path(), OpenMode::Resume).err().expect("refused").to_string();
    assert!(error.contains("`b`") && !error.contains("`a`"), "{error}");
    assert_eq!(fs::read(home.path().join("b")).expect("reads"), b"by hand");
    fs::write(home.path().join("b"), "1").expect("undo");
    open(home.path(), OpenMode::Resume);
    assert_eq!(fs::read(home.path().join("b")).expect("reads"), b"2");
}
