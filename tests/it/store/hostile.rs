//! A run's directory that somebody else had a hand in: links, foreign repositories, other gits at work, damaged objects.

use super::{Home, assert_sound, expected_tree, finished_run, git, listing, open, refused, run, steps, try_open};
use oci_agent::store::{
    ArtifactError, ArtifactStore, Author, GitStore, OpenMode, OpenOptions, RepositoryTrust, read_note,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const MODES: [OpenMode; 3] = [OpenMode::New, OpenMode::Force, OpenMode::Resume];

fn object(dir: &Path, id: &str) -> PathBuf {
    dir.join(".git/objects").join(&id[..2]).join(&id[2..])
}

/// What is at every path, links not followed.
#[cfg(unix)]
fn snapshot(place: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let content = |path: PathBuf| {
        let bytes = fs::read(&path).unwrap_or_default();
        (path, bytes)
    };
    listing(place).into_iter().map(content).collect()
}

/// A folder full of what a run might take for its own leftovers.
#[cfg(unix)]
fn victim(home: &Home) -> PathBuf {
    let victim = home.0.path().join("victim");
    for folder in ["", "new", "new/.git", "heads", "pack", "info", "refs/heads"] {
        fs::create_dir_all(victim.join(folder)).expect("creates");
    }
    for file in [
        "Cargo.lock",
        "poetry.lock",
        "index.lock",
        "lock",
        "file",
        "object-0",
        "config",
        "HEAD",
        "main",
        "new/thesis.tex",
        "new/.git/HEAD",
        "heads/main",
        "heads/x.lock",
        "exclude",
        "attributes",
        "plan.yaml",
        "tmp_object_git2_1",
        "oci-agent.lock",
    ] {
        fs::write(victim.join(file), "mine").expect("writes");
    }
    victim
}

/// A link in the place of anything that a run writes or clears up: nothing behind it changes.
#[cfg(unix)]
#[test]
fn no_link_is_followed_when_something_is_written_or_deleted() {
    use std::os::unix::fs::symlink;
    let places = [
        ".oci-agent-init",
        ".git/refs/heads/x",
        ".git/refs/heads",
        ".git/refs",
        ".git/objects",
        ".git/objects/pack",
        ".git/objects/aa",
        ".git/logs",
        ".git/logs/refs",
        ".git/logs/HEAD",
        ".git/logs/refs/heads/main",
        ".git/info",
        ".git/HEAD",
        ".git/config",
        ".git/index",
        ".git/index.lock",
        ".git/refs/heads/main",
        ".git/refs/heads/main.lock",
        ".git/oci-agent.tmp",
        ".git/oci-agent.lock",
        ".git/oci-agent.checkout",
        ".git/oci-agent.damaged",
        "iter_11",
        "latest.txt",
        "iter_01",
        ".git/refs/tags",
        ".git/HEAD.lock",
        ".git/packed-refs",
    ];
    for place in places {
        for target in if place.ends_with(".lock") { &["Cargo.lock"][..] } else { &["", "main"] } {
            let home = Home::new();
            let victim = victim(&home);
            let before = snapshot(&victim);
            let mut store = open(&home.out(), OpenMode::New);
            steps().iter().take(4).for_each(|step| drop(store.commit(step).expect("commits")));
            drop(store);
            let link = home.out().join(place);
            let moved = home.0.path().join("moved");
            if link.exists() {
                fs::rename(&link, &moved).expect("moves");
            }
            symlink(victim.join(target), &link).expect("links");
            for mode in MODES {
                let ended = try_open(&home.out(), mode, &[]).and_then(|mut store| run(&mut store));
                if let Err(error) = ended {
                    let words = error.to_string();
                    assert!(
                        words.contains("runs/nhefs") && (words.contains("--out") || words.contains("--resume")),
                        "{place}: {words}"
                    );
                }
                assert_eq!(snapshot(&victim), before, "{place} -> {target}, {mode:?}");
            }
        }
    }
}

#[cfg(unix)]
#[test]
fn a_link_where_a_new_repository_is_built_is_left_alone() {
    let home = Home::new();
    let victim = victim(&home);
    let before = snapshot(&victim);
    fs::create_dir_all(home.out()).expect("creates");
    std::os::unix::fs::symlink(&victim, home.out().join(".oci-agent-init")).expect("links");
    let error = refused(&home.out(), OpenMode::New);
    assert!(error.to_string().contains(".oci-agent-init") && error.to_string().contains("is a link"), "{error}");
    assert_eq!(snapshot(&victim), before);
}

#[test]
fn what_somebody_put_among_the_leftovers_stays() {
    let home = Home::new();
    let staging = home.out().join(".oci-agent-init/new");
    fs::create_dir_all(&staging).expect("creates");
    fs::write(staging.join("thesis.tex"), "mine").expect("writes");
    drop(finished_run(&home.out()));
    assert_eq!(fs::read(staging.join("thesis.tex")).expect("is there"), b"mine");
    let scratch = home.out().join(".git/oci-agent.tmp");
    fs::create_dir(&scratch).expect("creates");
    fs::write(scratch.join("thesis.tex"), "mine").expect("writes");
    fs::write(scratch.join("file"), "left by an earlier version").expect("writes");
    drop(open(&home.out(), OpenMode::Resume));
    assert_eq!(fs::read(scratch.join("thesis.tex")).expect("is there"), b"mine");
    assert!(!scratch.join("file").exists());
}

#[test]
fn nothing_is_left_in_git_at_the_end_of_a_run_or_when_it_stops() {
    let home = Home::new();
    let mut store = open(&home.out(), OpenMode::New);
    store.commit(&steps()[0]).expect("commits");
    drop(store);
    for left in ["oci-agent.tmp", "oci-agent.checkout", "index.lock"] {
        assert!(!home.out().join(".git").join(left).exists(), "{left}");
    }
    assert_sound(&home.out());
}

/// Another git that is at work, or one that died: its locks are not ours to remove.
#[test]
fn the_locks_of_another_git_stay_and_the_index_stops_no_run() {
    let home = Home::new();
    let mut store = open(&home.out(), OpenMode::New);
    store.commit(&steps()[0]).expect("commits");
    drop(store);
    let lock = home.out().join(".git/index.lock");
    fs::write(&lock, "another git's").expect("writes");
    let mut store = open(&home.out(), OpenMode::Resume);
    run(&mut store).expect("the run goes on");
    assert_eq!(store.tree_hash(), Some(expected_tree()));
    let told = store.notices().last().expect("it is said").to_string();
    assert!(told.contains("index.lock") && told.contains("reset"), "{told}");
    drop(store);
    assert_eq!(fs::read(&lock).expect("is there"), b"another git's");
    fs::remove_file(&lock).expect("removes");
    drop(open(&home.out(), OpenMode::Resume));
    assert_sound(&home.out());
    let lock = home.out().join(".git/refs/heads/main.lock");
    fs::write(&lock, "").expect("writes");
    let mut store = open(&home.out(), OpenMode::Force);
    let error = store.commit(&steps()[0]).expect_err("the branch is another git's now");
    assert!(matches!(error, ArtifactError::GitBusy { .. }) && error.to_string().contains("main.lock"), "{error}");
    assert!(lock.exists());
}

#[test]
fn a_reader_who_asks_git_again_and_again_stops_no_run() {
    let home = Home::new();
    drop(open(&home.out(), OpenMode::New));
    let out = home.out();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let reader = std::thread::spawn(move || {
        let mut asked = 0;
        while stopped
            .recv_timeout(Duration::from_millis(1))
            .is_err_and(|e| e == std::sync::mpsc::RecvTimeoutError::Timeout)
        {
            let _ = Command::new("git").arg("-C").arg(&out).args(["status", "--porcelain"]).output();
            asked += 1;
        }
        asked
    });
    for _ in 0..5 {
        run(&mut open(&home.out(), OpenMode::Force)).expect("the run goes on");
    }
    drop(stop);
    assert!(reader.join().expect("reads") > 3);
    assert_sound(&home.out());
}

#[test]
fn a_place_where_git_keeps_its_own_files_is_refused_by_name() {
    let home = Home::new();
    let theirs = home.0.path().join("theirs");
    fs::create_dir(&theirs).expect("creates");
    if git(&theirs, &["init", "-q"]).is_none() {
        return;
    }
    let before = listing(&theirs);
    for place in [".git", ".git/run", ".git/objects/run", "a/../.git/run/deep"] {
        let error = refused(&theirs.join(place), OpenMode::New);
        assert!(matches!(error, ArtifactError::InsideGit { .. }), "{place}: {error}");
        assert!(error.to_string().contains("theirs/.git"), "{error}");
    }
    assert_eq!(listing(&theirs), before);
    drop(finished_run(&theirs.join("run")));
}

#[test]
fn a_name_that_a_commit_could_not_hold_stops_no_run() {
    let home = Home::new();
    for (k, name) in ["Ada <ada@example.org>", "Ada\nLovelace", "<>", "a\0b", ""].iter().enumerate() {
        let author = Author { name: (*name).to_owned(), email: "<a@b>\n".to_owned() };
        let options = OpenOptions {
            mode: OpenMode::New,
            clock: Box::new(|| 5),
            author,
            identity: Vec::new(),
            trust: RepositoryTrust::default(),
        };
        let out = home.out().join(k.to_string());
        run(&mut GitStore::open(&out, options).expect("opens")).expect("runs");
        assert_sound(&out);
    }
}

/// As git itself: whoever owns `.git` could say where the data are.
#[cfg(target_os = "linux")]
#[test]
fn a_repository_of_another_user_is_used_only_if_it_is_trusted() {
    let home = Home::new();
    let mut store = finished_run(&home.out());
    store.location_note("data-root", "/elsewhere").expect("notes");
    drop(store);
    let given = Command::new("chown").args(["-R", "12345"]).arg(home.out()).status();
    if !given.is_ok_and(|status| status.success()) {
        return println!("SKIPPED: only root can give a directory to another user");
    }
    let error = refused(&home.out(), OpenMode::Resume);
    assert!(matches!(error, ArtifactError::NotYours { .. }), "{error}");
    assert!(error.to_string().contains("safe.directory") && error.to_string().contains("runs/nhefs"), "{error}");
    assert!(read_note(&home.out(), "data-root", &RepositoryTrust::default()).is_err());
    let named = RepositoryTrust { safe_directories: vec![home.out().to_string_lossy().into_owned()], sudo_user: None };
    let asked = RepositoryTrust { safe_directories: Vec::new(), sudo_user: Some(12345) };
    for trust in [named, asked] {
        let note = read_note(&home.out(), "data-root", &trust).expect("reads");
        assert_eq!(note.as_deref(), Some("/elsewhere"));
        let (clock, author) = (Box::new(|| 5), Author::default());
        let options = OpenOptions { mode: OpenMode::Resume, clock, author, identity: Vec::new(), trust };
        run(&mut GitStore::open(&home.out(), options).expect("opens")).expect("runs");
    }
}

/// libgit2 reads an object that was cut in half for ever.
#[test]
fn an_object_cut_at_any_length_neither_hangs_nor_loses_a_run() {
    for which in ["HEAD", "HEAD^{tree}", "HEAD:report.md", "HEAD:iter_03/plots/love.png", "HEAD~5"] {
        for part in [0, 50, 99] {
            for mode in MODES {
                let home = Home::new();
                drop(finished_run(&home.out()));
                let Some(id) = git(&home.out(), &["rev-parse", which]) else { return };
                let object = object(&home.out(), id.trim());
                let bytes = fs::read(&object).expect("reads");
                fs::remove_file(&object).expect("removes");
                fs::write(&object, &bytes[..(bytes.len() * part / 100)]).expect("writes");
                let mut store = open(&home.out(), mode);
                assert!(!store.notices().is_empty(), "{which} cut to {part} %: nothing is said");
                run(&mut store).expect("the run is made whole");
                assert_eq!(store.tree_hash(), Some(expected_tree()), "{which} cut to {part} %, {mode:?}");
                drop(store);
                if mode == OpenMode::Resume {
                    assert_sound(&home.out());
                }
            }
        }
    }
}

#[test]
fn a_damaged_pack_is_a_sentence_or_the_same_run() {
    let home = Home::new();
    drop(finished_run(&home.out()));
    if git(&home.out(), &["gc", "-q", "--prune=now"]).is_none() {
        return;
    }
    let packed = listing(&home.out().join(".git/objects/pack"));
    let packed: Vec<PathBuf> = packed.into_iter().filter(|file| file.is_file()).collect();
    assert!(packed.len() >= 2);
    for file in &packed {
        for part in [0, 1, 50, 99] {
            let bytes = fs::read(file).expect("reads");
            fs::remove_file(file).expect("removes");
            fs::write(file, &bytes[..(bytes.len() * part / 100)]).expect("writes");
            match try_open(&home.out(), OpenMode::Resume, &[]).and_then(|mut store| run(&mut store)) {
                Ok(()) => {}
                Err(error) => assert!(error.to_string().contains("runs/nhefs"), "{error}"),
            }
            fs::remove_file(file).expect("removes");
            fs::write(file, &bytes).expect("writes");
        }
    }
    let mut store = open(&home.out(), OpenMode::Resume);
    run(&mut store).expect("runs");
    assert_eq!(store.tree_hash(), Some(expected_tree()));
}

/// The README says that a build needs no system library, so the program needs none besides the C library's.
#[cfg(target_os = "linux")]
#[test]
fn no_compression_library_of_the_system_is_linked() {
    let program = std::env::current_exe().expect("this program");
    let Ok(output) = Command::new("ldd").arg(program).output() else {
        return println!("SKIPPED: there is no ldd here");
    };
    let needs = String::from_utf8_lossy(&output.stdout).into_owned();
    for library in ["libz.", "libgit2", "libssl"] {
        assert!(!needs.contains(library), "{needs}");
    }
}
