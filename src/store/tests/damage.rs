//! Any one file of a run, of git's own or of those a person sees, is lost, emptied, cut or changed; then the run is started
//! in each of the three modes. It ends with the same files, or with one sentence. It never hangs.

use crate::store::git::tests::{at_disk, expected, history_is_whole, open, steps, temporary, try_open};
use crate::store::{ArtifactError, ArtifactStore, GitStore, OpenMode, Situation};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

#[derive(Debug, Clone, Copy)]
enum Damage {
    Missing,
    Empty,
    Half,
    OneByteLess,
    OneBitMore,
    Zeros,
}

const ALL: [Damage; 6] =
    [Damage::Missing, Damage::Empty, Damage::Half, Damage::OneByteLess, Damage::OneBitMore, Damage::Zeros];

fn harm(place: &Path, damage: Damage) {
    let mut bytes = fs::read(place).expect("reads");
    let middle = bytes.len() / 2;
    fs::remove_file(place).expect("removes");
    match damage {
        Damage::Missing => return,
        Damage::Empty => bytes.clear(),
        Damage::Half => bytes.truncate(middle),
        Damage::OneByteLess => drop(bytes.pop()),
        Damage::OneBitMore if bytes.is_empty() => bytes.push(1),
        Damage::OneBitMore => bytes[middle] ^= 0x10,
        Damage::Zeros => bytes.fill(0),
    }
    fs::write(place, bytes).expect("writes");
}

fn all_files(place: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(place).expect("lists") {
        let place = entry.expect("entry").path();
        if place.is_dir() { all_files(&place, found) } else { found.push(place) }
    }
    found.sort();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("creates");
    for entry in fs::read_dir(from).expect("lists") {
        let entry = entry.expect("entry");
        let there = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &there)
        } else {
            fs::copy(entry.path(), there).expect("copies");
        }
    }
}

fn commit_all(store: &mut GitStore) -> Result<(), ArtifactError> {
    steps("new").iter().try_for_each(|step| store.commit(step).map(drop))
}

/// The sentence with which a run ended, or `None` if it ended with the same files.
fn run(dir: &Path, mode: OpenMode) -> Option<String> {
    let mut store = match try_open(dir, mode) {
        Ok(store) => store,
        Err(error) => return Some(error.to_string()),
    };
    if matches!(store.situation(), Situation::Fresh) {
        assert!(store.notices().iter().all(|notice| !notice.to_string().is_empty()));
    }
    if let Err(error) = commit_all(&mut store) {
        return Some(error.to_string());
    }
    let tip = store.head().expect("a commit");
    drop(store);
    assert_eq!(at_disk(dir), expected("new"));
    history_is_whole(dir, &tip).expect("readable");
    None
}

/// Starts a run beside each damaged file and gives the sentences that came of it.
fn every_damage(original: &Path, mode: OpenMode) -> Vec<(String, String)> {
    let mut files = Vec::new();
    all_files(original, &mut files);
    let home = temporary();
    let (told, hears) = mpsc::channel();
    let names: Vec<PathBuf> =
        files.iter().map(|file| file.strip_prefix(original).expect("inside").to_owned()).collect();
    let original = original.to_owned();
    let of_thread = names.clone();
    let works = std::thread::spawn(move || {
        for (number, name) in of_thread.iter().enumerate() {
            for damage in ALL {
                let dir = home.path().join(format!("{number}-{damage:?}"));
                copy(&original, &dir);
                harm(&dir.join(name), damage);
                told.send((format!("{} {damage:?}", name.display()), run(&dir, mode), dir)).expect("heard");
            }
        }
    });
    let mut sentences = Vec::new();
    let mut last = String::new();
    for _ in 0..names.len() * ALL.len() {
        let Ok((case, sentence, dir)) = hears.recv_timeout(Duration::from_secs(20)) else {
            works.join().expect("the thread runs");
            panic!("{mode:?}: it hangs after {last}");
        };
        if let Some(sentence) = sentence {
            assert!(sentence.contains(&*dir.to_string_lossy()), "{case}: the place is not named: {sentence}");
            assert!(sentence.ends_with('.') && sentence.matches(". ").count() >= 1, "{case}: no remedy: {sentence}");
            assert!(!sentence.contains("no error") && !sentence.contains('\n'), "{case}: {sentence}");
            sentences.push((case.clone(), sentence));
        }
        last = case;
    }
    sentences
}

/// The files of a run that no damage of which may stop the next one.
fn is_gits_own(case: &str) -> bool {
    case.starts_with(".git/")
}

fn finished(dir: &Path) {
    commit_all(&mut open(dir, OpenMode::New)).expect("runs");
}

#[test]
fn a_finished_run_that_lost_any_file_is_made_whole() {
    let home = temporary();
    finished(&home.path().join("out"));
    for mode in [OpenMode::Resume, OpenMode::New, OpenMode::Force] {
        let sentences = every_damage(&home.path().join("out"), mode);
        let stopped: Vec<_> = sentences.iter().filter(|(case, _)| is_gits_own(case)).collect();
        assert!(stopped.is_empty(), "{mode:?}: {stopped:#?}");
        // A file that a person may have changed is the person's.
        assert!(sentences.iter().all(|(_, sentence)| sentence.contains("changed since the last commit")));
    }
}

#[test]
fn a_stopped_run_that_lost_any_file_is_made_whole() {
    let home = temporary();
    let dir = home.path().join("out");
    let mut store = open(&dir, OpenMode::New);
    steps("new").iter().take(3).for_each(|step| drop(store.commit(step).expect("commits")));
    // As a kill leaves it: with its journal and its scratch.
    copy(&dir, &home.path().join("killed"));
    drop(store);
    let sentences = every_damage(&home.path().join("killed"), OpenMode::Resume);
    let stopped: Vec<_> = sentences.iter().filter(|(case, _)| is_gits_own(case)).collect();
    assert!(stopped.is_empty(), "{stopped:#?}");
}
