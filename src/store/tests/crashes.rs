//! Power cuts. What a run does to a disk is written down once; then, again and again, the run is cut at a random change, the
//! disk forgets, cuts, zeroes and reorders at random whatever it was not asked to keep, and the run is opened again.
//!
//! The model of a disk is harsher than most: after a power cut a file has the bytes it was last synced with, or any beginning
//! of the newer ones, or zeros in their place; and of the names that were made, moved or removed in a folder since it was
//! last synced, any subset has come true. Only a rename is all or nothing, as journaling file systems keep it.
//!
//! `OCI_CRASHES=1000 cargo test --lib store::tests::crashes` cuts more often than the suite does.

use crate::store::folder::Effect;
use crate::store::folder::recorder::{record, so_far};
use crate::store::git::tests::{at_disk, expected, history_is_whole, open, steps, temporary, try_open};
use crate::store::{ArtifactStore, OpenMode, Situation};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A stream of random numbers (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(n.max(1)).expect("fits")).expect("fits")
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

type Node = usize;

#[derive(Clone)]
enum Content {
    File { now: Vec<u8>, kept: Option<Vec<u8>> },
    Folder { now: BTreeMap<String, Node>, kept: BTreeMap<String, Node> },
}

/// A change of names that is not on the disk yet: what is taken away, and what is put.
#[derive(Clone)]
struct Pending {
    away: Option<(Node, String)>,
    put: Option<(Node, String, Node)>,
}

impl Pending {
    fn touches(&self, folder: Node) -> bool {
        self.away.as_ref().is_some_and(|away| away.0 == folder) || self.put.as_ref().is_some_and(|put| put.0 == folder)
    }
}

/// A disk, as it is seen and as it is kept.
#[derive(Clone)]
struct Disk {
    nodes: Vec<Content>,
    pending: Vec<Pending>,
}

impl Disk {
    /// A folder in which everything is kept.
    fn of(dir: &Path) -> Disk {
        let mut disk = Disk { nodes: Vec::new(), pending: Vec::new() };
        disk.load(dir, &mut BTreeMap::new());
        disk
    }

    fn load(&mut self, place: &Path, seen: &mut BTreeMap<u64, Node>) -> Node {
        let here = self.nodes.len();
        if !place.is_dir() {
            let number = fs::metadata(place).expect("is there").ino();
            if let Some(node) = seen.get(&number) {
                return *node;
            }
            seen.insert(number, here);
            let bytes = fs::read(place).expect("reads");
            self.nodes.push(Content::File { now: bytes.clone(), kept: Some(bytes) });
            return here;
        }
        self.nodes.push(Content::Folder { now: BTreeMap::new(), kept: BTreeMap::new() });
        let mut names = BTreeMap::new();
        for entry in fs::read_dir(place).expect("lists") {
            let entry = entry.expect("entry");
            names.insert(entry.file_name().to_string_lossy().into_owned(), self.load(&entry.path(), seen));
        }
        self.nodes[here] = Content::Folder { now: names.clone(), kept: names };
        here
    }

    fn names(&mut self, folder: Node) -> &mut BTreeMap<String, Node> {
        match &mut self.nodes[folder] {
            Content::Folder { now, .. } => now,
            Content::File { .. } => panic!("a file is used as a folder"),
        }
    }

    fn find(&mut self, path: &Path) -> Option<Node> {
        path.iter().try_fold(0, |here, name| self.names(here).get(&*name.to_string_lossy()).copied())
    }

    fn split(&mut self, path: &Path) -> (Node, String) {
        let folder = self.find(path.parent().expect("inside")).expect("its folder is there");
        (folder, path.file_name().expect("a name").to_string_lossy().into_owned())
    }

    fn put(&mut self, path: &Path, node: Node, away: Option<(Node, String)>) {
        let (folder, name) = self.split(path);
        self.names(folder).insert(name.clone(), node);
        self.pending.push(Pending { away, put: Some((folder, name, node)) });
    }

    fn take(&mut self, effect: &Effect, root: &Path) {
        let inside = |path: &PathBuf| path.strip_prefix(root).map(Path::to_owned).expect("inside");
        match effect {
            Effect::MakeFolder(path) => {
                if self.find(&inside(path)).is_none() {
                    self.nodes.push(Content::Folder { now: BTreeMap::new(), kept: BTreeMap::new() });
                    self.put(&inside(path), self.nodes.len() - 1, None);
                }
            }
            Effect::Create(path, bytes) | Effect::Append(path, bytes) => match self.find(&inside(path)) {
                Some(node) => {
                    if let (Content::File { now, .. }, Effect::Append(..)) = (&mut self.nodes[node], effect) {
                        now.extend(bytes);
                    }
                }
                None => {
                    self.nodes.push(Content::File { now: bytes.clone(), kept: None });
                    self.put(&inside(path), self.nodes.len() - 1, None);
                }
            },
            Effect::Rename(from, to) => {
                if let Some(node) = self.find(&inside(from)) {
                    let (folder, name) = self.split(&inside(from));
                    self.names(folder).remove(&name);
                    self.put(&inside(to), node, Some((folder, name)));
                }
            }
            Effect::Link(from, to) => {
                if let (Some(node), None) = (self.find(&inside(from)), self.find(&inside(to))) {
                    self.put(&inside(to), node, None);
                }
            }
            Effect::Remove(path) | Effect::RemoveFolder(path) => {
                if let Some(node) = self.find(&inside(path)) {
                    let full = matches!(&self.nodes[node], Content::Folder { now, .. } if !now.is_empty());
                    let (folder, name) = self.split(&inside(path));
                    if !full {
                        self.names(folder).remove(&name);
                        self.pending.push(Pending { away: Some((folder, name)), put: None });
                    }
                }
            }
            Effect::SyncFile(path) => {
                if let Some(node) = self.find(&inside(path))
                    && let Content::File { now, kept } = &mut self.nodes[node]
                {
                    *kept = Some(now.clone());
                }
            }
            Effect::SyncFolder(path) => {
                if let Some(folder) = self.find(&inside(path)) {
                    for change in std::mem::take(&mut self.pending) {
                        if change.touches(folder) { self.keep(&change) } else { self.pending.push(change) }
                    }
                }
            }
        }
    }

    fn keep(&mut self, change: &Pending) {
        if let Some((folder, name)) = &change.away {
            // A file that has moved on was there before, whether or not that was ever on the disk.
            self.pending.retain(|earlier| earlier.put.as_ref().is_none_or(|put| (&put.0, &put.1) != (folder, name)));
            self.kept(*folder).remove(name);
        }
        if let Some((folder, name, node)) = &change.put {
            self.kept(*folder).insert(name.clone(), *node);
        }
    }

    fn kept(&mut self, folder: Node) -> &mut BTreeMap<String, Node> {
        match &mut self.nodes[folder] {
            Content::Folder { kept, .. } => kept,
            Content::File { .. } => panic!("a file is used as a folder"),
        }
    }

    /// What is there when the power comes back, written to a folder.
    fn cut(mut self, random: &mut Random, place: &Path) {
        let percent = [0, 20, 50, 80, 100][random.below(5)];
        for change in std::mem::take(&mut self.pending) {
            if random.chance(percent) {
                self.keep(&change);
            }
        }
        self.write(0, random, place, &mut BTreeMap::new());
    }

    fn write(&self, node: Node, random: &mut Random, place: &Path, written: &mut BTreeMap<Node, PathBuf>) {
        if let Some(there) = written.get(&node) {
            return fs::hard_link(there, place).expect("links");
        }
        written.insert(node, place.to_owned());
        match &self.nodes[node] {
            Content::Folder { kept, .. } => {
                fs::create_dir_all(place).expect("creates");
                for (name, inside) in kept {
                    self.write(*inside, random, &place.join(name), written);
                }
            }
            Content::File { now, kept: Some(kept) } if now == kept => fs::write(place, now).expect("writes"),
            Content::File { now, kept } => {
                let start = kept.as_ref().filter(|kept| now.starts_with(kept)).map_or(0, Vec::len);
                let cut = start + random.below(now.len() - start + 1);
                let mut left = now.clone();
                match random.below(5) {
                    0 => left.truncate(start),
                    1 => left.truncate(cut),
                    2 => left[cut..].fill(0),
                    3 => left[start..].fill(0),
                    _ => {}
                }
                fs::write(place, left).expect("writes");
            }
        }
    }
}

/// A run from its opening to its end, and after which change each step was done.
struct Story {
    mode: OpenMode,
    before: Disk,
    effects: Vec<Effect>,
    steps_done: Vec<usize>,
    root: PathBuf,
    old_tip: Option<String>,
}

fn story(mode: OpenMode, over_old: bool, begun: usize) -> Story {
    let home = temporary();
    let root = home.path().join("out");
    fs::create_dir(&root).expect("creates");
    let mut old_tip = None;
    if over_old {
        let mut store = open(&root, OpenMode::New);
        steps("old").iter().for_each(|step| drop(store.commit(step).expect("commits")));
        old_tip = store.head();
    }
    if begun > 0 {
        let mut store = open(&root, mode);
        steps("new").iter().take(begun).for_each(|step| drop(store.commit(step).expect("commits")));
    }
    let before = Disk::of(&root);
    let mut steps_done = vec![0; begun];
    let ((), effects) = record(|| {
        let mut store = open(&root, if begun > 0 { OpenMode::Resume } else { mode });
        for step in steps("new") {
            let done = store.commit(&step).expect("commits");
            if !done.replayed {
                steps_done.push(so_far());
            }
        }
    });
    Story { mode, before, effects, steps_done, root, old_tip }
}

fn stories() -> Vec<Story> {
    vec![
        story(OpenMode::New, false, 0),
        story(OpenMode::New, true, 0),
        story(OpenMode::Force, true, 0),
        story(OpenMode::New, true, 2),
    ]
}

/// Cuts the power once, or twice, and says what was lost, if anything.
fn cut_and_go_on(story: &Story, forgets: fn(&Effect) -> bool, seed: u64) -> Result<(), String> {
    let mut random = Random(seed);
    let at = random.below(story.effects.len() + 1);
    let mut disk = story.before.clone();
    for effect in story.effects.iter().take(at).filter(|effect| !forgets(effect)) {
        disk.take(effect, &story.root);
    }
    let done = story.steps_done.iter().filter(|done| **done <= at).count();
    let home = temporary();
    let mut place = home.path().join("out");
    disk.cut(&mut random, &place);
    if random.chance(30) {
        // The power goes again, while the run is being opened.
        let before = Disk::of(&place);
        let (opened, effects) = record(|| try_open(&place, OpenMode::Resume).map(drop));
        opened.map_err(|e| format!("seed {seed}, cut at {at}, opened again: {e}"))?;
        let again = random.below(effects.len() + 1);
        let mut disk = before;
        for effect in effects.iter().take(again).filter(|effect| !forgets(effect)) {
            disk.take(effect, &place);
        }
        place = home.path().join("again");
        disk.cut(&mut random, &place);
    }
    go_on(story, &place, done).map_err(|lost| format!("seed {seed}, cut at {at} of {}: {lost}", story.effects.len()))
}

fn go_on(story: &Story, place: &Path, done: usize) -> Result<(), String> {
    let mut store = try_open(place, OpenMode::Resume).map_err(|e| e.to_string())?;
    let on_old = story.old_tip.is_some() && store.recorded_is(&steps("old"));
    if on_old {
        if done > 0 {
            return Err(format!("{done} steps were done, and the old run is shown"));
        }
        drop(store);
        store = try_open(place, story.mode).map_err(|e| e.to_string())?;
    } else {
        let there = match store.situation() {
            Situation::Resumed { commits } | Situation::AlreadyFinished { commits } => *commits,
            _ => 0,
        };
        if there < done {
            return Err(format!("{done} steps were done, and {there} are there"));
        }
    }
    for step in steps("new") {
        store.commit(&step).map_err(|e| e.to_string())?;
    }
    let head = store.head().ok_or("nothing is recorded")?;
    drop(store);
    if at_disk(place) != expected("new") {
        return Err("the files are others".to_owned());
    }
    for tip in story.old_tip.iter().chain([&head]) {
        history_is_whole(place, tip).map_err(|e| format!("{tip}: {e}"))?;
    }
    for left in ["oci-agent.tmp", "oci-agent.checkout", "index.lock"] {
        if place.join(".git").join(left).exists() {
            return Err(format!("{left} is left"));
        }
    }
    Ok(())
}

fn lost(crashes: u64, forgets: fn(&Effect) -> bool) -> Vec<String> {
    let stories = stories();
    let which = |seed: u64| &stories[usize::try_from(seed).expect("fits") % stories.len()];
    (0..crashes).filter_map(|seed| cut_and_go_on(which(seed), forgets, seed).err()).collect()
}

#[test]
#[allow(clippy::disallowed_methods)] // how often is asked for in the environment
fn a_power_cut_at_any_moment_loses_no_step() {
    let crashes = std::env::var("OCI_CRASHES").ok().and_then(|n| n.parse().ok()).unwrap_or(60);
    let lost = lost(crashes, |_| false);
    assert!(lost.is_empty(), "{} of {crashes}: {:#?}", lost.len(), lost.iter().take(10).collect::<Vec<_>>());
}

/// The test above is worth something only if it fails when the disk is not asked.
#[test]
fn without_any_one_of_the_syncs_power_cuts_lose_steps() {
    fn path(effect: &Effect) -> Option<&Path> {
        match effect {
            Effect::SyncFile(path) | Effect::SyncFolder(path) => Some(path),
            _ => None,
        }
    }
    fn has(effect: &Effect, part: &str) -> bool {
        path(effect).is_some_and(|path| path.to_string_lossy().contains(part))
    }
    type Kind = (&'static str, fn(&Effect) -> bool);
    let kinds: [Kind; 6] = [
        ("all", |effect| path(effect).is_some()),
        ("objects", |effect| has(effect, ".git/oci-agent.tmp/object-")),
        ("names of objects", |effect| has(effect, ".git/objects")),
        ("branch", |effect| has(effect, ".git/oci-agent.tmp/new")),
        ("name of the branch", |effect| has(effect, ".git/refs/heads")),
        ("files", |effect| path(effect).is_some() && !has(effect, ".git")),
    ];
    for (kind, forgets) in kinds {
        assert!(!lost(80, forgets).is_empty(), "nothing was lost without the syncs of {kind}");
    }
}
