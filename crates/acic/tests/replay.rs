//! A replay by an analyst of a few lines: what the competition does, whoever enters.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use acic::AcicError;
use acic::analyst::{Analyst, Recipe};
use acic::covariates::Values;
use acic::estimates_csv::{Diagnostics, Numbers, Row};
use acic::export::{DATA, Export};
use acic::grade::Grade;
use acic::observed::{Key, Observed};
use acic::output_folder::OutputFolder;
use acic::pack::Pack;
use acic::run::{self, Ends, Event, Observer, OnBad};
use acic::score;
use acic::settings::{Selection, Shard};
use acic::source::Source;
use causal::estimand::Target;
use causal::estimator::EstimatorKind;
use causal::learner_kind::Effort;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;

const UNITS: usize = 40;

/// The difference in means, with an interval of ±1.
struct Difference;

impl Analyst for Difference {
    fn analyse(&self, key: Key, observed: &Observed) -> Vec<Row> {
        let mean = |arm: f64| {
            let units = observed.z.iter().zip(&observed.y).filter(|(z, _)| **z == arm);
            let y: Vec<f64> = units.map(|(_, y)| *y).collect();
            y.iter().sum::<f64>() / y.len() as f64
        };
        let estimate = mean(1.0) - mean(0.0);
        let row = |(estimand, estimator)| Row {
            key,
            estimand,
            estimator,
            numbers: Some(Numbers { estimate, stderr: 0.5, lower: estimate - 1.0, upper: estimate + 1.0 }),
            tier: Grade::FullySatisfactory,
            diagnostics: Diagnostics::default(),
            seconds: None,
        };
        recipe().pairs().map(row).collect()
    }
}

/// Writes events down; its clock stands still.
#[derive(Default)]
struct Listener(Mutex<Vec<Event>>);

impl Observer for Listener {
    fn on(&self, event: &Event) {
        self.0.lock().expect("a lock").push(event.clone());
    }

    fn cancelled(&self) -> bool {
        false
    }

    fn seconds(&self) -> f64 {
        0.0
    }
}

fn recipe() -> Recipe {
    Recipe { plan: b"none\n".to_vec(), estimators: vec![EstimatorKind::Naive], budget: Effort::Fast }
}

/// Covariates with a note over two lines in a column of no concern, and `responses` files of setting 1.
fn data(dir: &Path, responses: usize) -> Source {
    let names: Vec<String> = (1..=58).map(|j| format!("x_{j}")).collect();
    let mut x = format!("{},note\n", names.join(","));
    for unit in 0..UNITS {
        for j in 1..=58 {
            let _ = match j {
                2 | 21 | 24 => write!(x, "\"level {}, or so\",", unit % 3),
                _ => write!(x, "{}.25,", unit * j % 17),
            };
        }
        let _ = writeln!(x, "\"first line\nsecond \"\"line\"\" of {unit}\"");
    }
    std::fs::write(dir.join("x.csv"), x).expect("x.csv");
    std::fs::create_dir(dir.join("1")).expect("a setting");
    for response in 1..=responses {
        let mut text = String::from("\"z\",\"y0\",\"y1\",\"mu0\",\"mu1\"\r\n");
        for unit in 0..UNITS {
            let y0 = (unit * response % 7) as f64;
            let _ = write!(text, "{},{y0},{},{y0},{}\r\n", unit % 2, y0 + 2.0, y0 + 2.0);
        }
        std::fs::write(dir.join(format!("1/zymu_{response}.csv")), text).expect("a response");
    }
    Source::open(dir, &no_pack).expect("data")
}

fn no_pack(_: &Path) -> Result<Pack, AcicError> {
    panic!("there is no pack here")
}

fn replay(source: &Source, out: &Path, shard: &str) -> Vec<Event> {
    let (recipe, listener) = (recipe(), Listener::default());
    let request = run::Request {
        source,
        selection: &Selection::default(),
        shard: shard.parse::<Shard>().expect("a shard"),
        recipe: &recipe,
        on_bad: OnBad::Refuse,
        with_seconds: false,
        version: "0",
    };
    run::run(&request, &Ends { analyst: &Difference, out, observer: &listener }).expect("a replay");
    listener.0.into_inner().expect("events")
}

#[test]
fn shards_merge_to_one_run_and_are_scored_against_the_truth() {
    let dir = tempfile::tempdir().expect("tempdir");
    let (data_dir, whole) = (dir.path().join("data"), dir.path().join("whole"));
    std::fs::create_dir(&data_dir).expect("a folder");
    let source = data(&data_dir, 5);
    let events = replay(&source, &whole, "1/1");
    assert_eq!(events.first(), Some(&Event::Started { datasets: 5, share: 5, done: 0, skipped: 0 }));
    assert_eq!(events.last(), Some(&Event::Finished { datasets: 5, without_estimate: 0, missing: 0, skipped: 0 }));
    let again = replay(&source, &whole, "1/1");
    assert_eq!(again.len(), 2, "nothing is done twice: {again:?}");
    let shards = ["1/2", "2/2"].map(|shard| dir.path().join(shard.replace('/', "of")));
    for (shard, out) in ["1/2", "2/2"].iter().zip(&shards) {
        replay(&source, out, shard);
    }
    let (merged, unfit) = OutputFolder::collect(&dir.path().join("merged"), &shards).expect("merged");
    assert_eq!((merged.merge(false).expect("estimates").missing, unfit), (Vec::new(), Vec::new()));
    let read = |folder: &Path| std::fs::read_to_string(folder.join("estimates.csv")).expect("estimates");
    assert_eq!(read(merged.dir()), read(&whole));
    let request = score::Request { source: &source, published: None, split: None, partial: false };
    let scores = score::score(&merged, &request).expect("scores");
    for board in &scores.boards {
        // Every effect is 2; the arms hold other units, whose y0 differ.
        let [line] = board.lines.as_slice() else { panic!("one method: {:?}", board.lines) };
        assert_eq!((line.measures.n, line.measures.failed, line.ours), (5, 0, true));
        assert!(line.measures.bias.is_some_and(|bias| bias.abs() < 0.5), "{:?}", line.measures);
    }
    assert_eq!(scores.boards.iter().map(|board| board.estimand).collect::<Vec<_>>(), [Target::Att, Target::Ate]);
}

/// The reader that was here took a line break inside quotes for the end of a line, and refused the file.
#[test]
fn quoted_line_breaks_are_read_and_levels_with_commas_are_written_back() {
    let dir = tempfile::tempdir().expect("tempdir");
    let source = data(dir.path(), 1);
    assert_eq!((source.x().units(), source.x().columns().len()), (UNITS, 58));
    let second = &source.x().columns()[1];
    assert_eq!(second.values, Values::Levels((0..UNITS).map(|unit| format!("level {}, or so", unit % 3)).collect()));
    let out = dir.path().join("out");
    let export = Export::open(source, &Selection::default(), &out).expect("an export");
    export.write(&export.datasets()[0], "a plan\n").expect("written");
    let text = std::fs::read_to_string(out.join("001_1").join(DATA)).expect("data.csv");
    let first = text.lines().nth(1).expect("a row");
    assert!(first.starts_with("0,0,0.25,\"level 0, or so\",0.25,"), "{first}");
    let answers = std::fs::read_to_string(out.join("001_1/truth.json")).expect("truth.json");
    assert_eq!(answers, "{\n  \"ate\": 2.0,\n  \"att\": 2.0\n}\n");
    let again = Export::open(data_again(dir.path()), &Selection::default(), &out);
    assert!(matches!(again, Err(AcicError::Exists { .. })), "nothing is written over");
}

fn data_again(dir: &Path) -> Source {
    Source::open(dir, &no_pack).expect("data")
}

/// A name with a line break in it is one record of skipped.csv, and one line of what is shown of it.
#[test]
fn a_skipped_file_whose_name_holds_a_line_break_is_one_record() {
    let dir = tempfile::tempdir().expect("tempdir");
    let (data_dir, out) = (dir.path().join("data"), dir.path().join("out"));
    std::fs::create_dir(&data_dir).expect("a folder");
    let source = data(&data_dir, 1);
    std::fs::write(data_dir.join("1/zymu_\n\"6\".csv"), "").expect("an odd name");
    let (recipe, listener) = (recipe(), Listener::default());
    let request = run::Request {
        source: &source,
        selection: &Selection::default(),
        shard: Shard::WHOLE,
        recipe: &recipe,
        on_bad: OnBad::Skip,
        with_seconds: false,
        version: "0",
    };
    run::run(&request, &Ends { analyst: &Difference, out: &out, observer: &listener }).expect("a replay");
    let lines = OutputFolder::open(&out).expect("a folder").skipped_lines().expect("one record");
    assert_eq!(lines, ["1,,\"1/zymu_ \"\"6\"\".csv\",is not called zymu_<number>.csv"]);
}
