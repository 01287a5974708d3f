//! Datasets as plans of their own: the same numbers, the same answers, the same truth as in the replay.

use super::made::{Made, text};
use crate::cli::{Ran, oci_agent};
use acic::covariates::Values;
use acic::observed::Key;
use acic::settings::Selection;
use causal::estimand::Target;
use causal::estimator::EstimatorKind;
use causal::learner_kind::Effort;
use oci_agent::plan::{self, Plan, Tool};
use oci_agent::replay::data;
use oci_agent::replay::plan::{for_dataset, render};
use serde_json::Value;
use std::path::Path;

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&text(path)).expect("JSON")
}

fn plan_in(folder: &Path) -> Plan {
    plan::parse(&text(&folder.join("plan.yaml"))).expect("a plan without problems")
}

/// `data.csv` read as its plan says, against what the replay reads: every value to the last bit.
fn has_the_data_of_the_replay(folder: &Path, dir: &Path, selection: &Selection) {
    let source = data::open(dir).expect("the data of the replay");
    let entry = source.scan(selection).expect("a scan").good.swap_remove(0);
    let observed = source.observed(&entry).expect("observed");
    let read = oci_agent::dataset::read("data.csv", folder, &plan_in(folder).data.columns).expect("data.csv");
    let names: Vec<String> = read.document().columns.into_iter().map(|column| column.name).collect();
    let mut expected = vec!["z".to_owned(), "y".to_owned()];
    expected.extend((1..=58).map(|j| format!("x_{j}")));
    assert_eq!(names, expected);
    let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    for (name, values) in [("z", &observed.z), ("y", &observed.y)] {
        assert_eq!(read.numbers(name).map(bits), Some(bits(values)), "{name}");
    }
    for (name, column) in expected[2..].iter().zip(source.x().columns()) {
        assert_eq!(name, &column.name);
        match &column.values {
            Values::Numbers(values) => assert_eq!(read.numbers(name).map(bits), Some(bits(values)), "{name}"),
            Values::Levels(levels) => {
                let levels: Vec<Option<&str>> = levels.iter().map(|level| Some(level.as_str())).collect();
                assert_eq!(read.texts(name), Some(levels), "{name}");
            }
        }
    }
}

fn pack() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/acic2016")
}

/// A row of estimates.csv of the replay: estimate, ends of the interval.
fn replayed(estimates: &str, estimand: &str) -> [f64; 3] {
    let row = estimates.lines().find(|line| line.contains(&format!(",{estimand},dr_average,"))).expect(estimand);
    let fields: Vec<&str> = row.split(',').collect();
    [4, 6, 7].map(|i| fields[i].parse().expect("a number"))
}

fn truth_of_the_pack() -> [f64; 3] {
    let truths = text(&pack().join("truth.csv"));
    let row = truths.lines().find(|line| line.starts_with("1,336720328,")).expect("a row");
    let fields: Vec<&str> = row.split(',').collect();
    [7, 5, 8].map(|i| fields[i].parse().expect("a number"))
}

/// The first dataset of the pack: exported, run by the loop, replayed and scored.
#[test]
fn a_dataset_of_the_pack_is_answered_as_in_the_replay_and_near_its_truth() {
    let dir = tempfile::tempdir().expect("tempdir");
    let data = pack();
    let data = data.to_str().expect("utf-8");
    let chosen = ["--data", data, "--settings", "1", "--split", "choose"];
    let call = |first: &[&str]| -> Ran { oci_agent(dir.path(), &[first, &chosen[..]].concat()) };

    let ran = call(&["acic", "export", "--out", "exported"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.stdout, "exported/001_336720328 --truth ate=4.99706564,att=4.74587802\n");
    let folder = dir.path().join("exported/001_336720328");
    let truth = text(&folder.join("truth.json"));
    assert_eq!(truth, "{\n  \"ate\": 4.99706564,\n  \"att\": 4.74587802\n}\n");
    let selection = Selection { settings: "1".parse().ok(), responses: Some(1), split: None };
    has_the_data_of_the_replay(&folder, &pack(), &selection);

    let run = oci_agent(dir.path(), &["run", "exported/001_336720328/plan.yaml", "--out", "out"]);
    assert!(matches!(run.code, 0 | 1), "{}", run.stderr);
    let results = json(&dir.path().join("out/results.json"));
    assert_eq!(call(&["acic", "run", "--out", "replay"]).code, 0);
    let estimates = text(&dir.path().join("replay/estimates.csv"));
    let [ate, att, sd] = truth_of_the_pack();
    for (estimand, truth, other) in [("ate", ate, &results), ("att", att, &results)] {
        let of = |rows: &str| -> Value {
            let mut rows = other[rows].as_array().expect(rows).iter();
            let dr = |row: &&Value| row["requested"] == estimand && row["effect"]["estimator"] == "dr_average";
            rows.find(dr).unwrap_or_else(|| panic!("{rows:?}: {estimand}"))["effect"].clone()
        };
        // The same settings, one pass and the same seeds: the file on its own changes no bit of an answer. (Revised by the
        // loop, this ATE would be answered by an ATO.)
        for effect in [of("effects"), of("answers")] {
            let same = ["estimate", "ci_lower", "ci_upper"].map(|key| number(&effect[key]));
            assert_eq!(same, replayed(&estimates, estimand), "{estimand}: twelve digits in both files");
        }
        let [estimate, lower, upper] = replayed(&estimates, estimand);
        assert!(
            (estimate - truth).abs() < upper - lower,
            "{estimand}: {estimate} in {lower} to {upper}, truth {truth}"
        );
        // And the scorer of the replay holds it against the same number.
        let scored = oci_agent(dir.path(), &["acic", "score", "--data", data, "--out", "replay", "--json"]);
        let lines = scored.stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let ours = lines.into_iter().find(|line| line["estimand"] == estimand && line["ours"] == true).expect("a line");
        let rmse = (estimate - truth).abs() / sd;
        assert!((number(&ours["rmse"]) - rmse).abs() < 1e-9, "{estimand}: {} and {rmse}", ours["rmse"]);
    }
}

#[test]
fn a_dataset_on_its_own_has_the_plan_of_the_replay() {
    let kinds = [EstimatorKind::DrAverage];
    let replayed = plan::parse(&render(&Tool::ALL, &kinds, Effort::Fast)).expect("a plan without problems");
    let text = for_dataset(Key { setting: 3, response: 7 }, "data.csv", &kinds, Effort::Fast);
    let plan = plan::parse(&text).expect("a plan without problems");
    assert_eq!((plan.data.source.as_str(), &plan.data.columns), ("data.csv", &replayed.data.columns));
    assert_eq!((&plan.treatment, &plan.outcome), (&replayed.treatment, &replayed.outcome));
    assert_eq!((&plan.confounders, &plan.analysis), (&replayed.confounders, &replayed.analysis));
    assert_eq!((&plan.loop_, plan.seed, &plan.tools), (&replayed.loop_, replayed.seed, &replayed.tools));
    assert_eq!((&plan.estimands[..], plan.actor.is_model()), (&[Target::Ate, Target::Att][..], false));
    assert!(text.contains("y is in the units of the simulation"), "{text}");
    // What the comment proposes can be taken at its word.
    let other = text.replace("actor: {provider: playbook}\n", "").replace("# actor:", "actor:");
    assert!(plan::parse(&other).expect("a plan without problems").actor.is_model());
}

#[test]
fn the_official_layout_is_exported_with_answers_by_hand() {
    let made = Made::new(2, 2, false);
    let args =
        ["acic", "export", "--data", "data", "--settings", "2", "--responses", "1", "--out", "exported", "--json"];
    let ran = oci_agent(made.dir.path(), &args);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let event: Value = serde_json::from_str(&ran.stdout).expect("one event");
    assert_eq!((event["event"].as_str(), event["folder"].as_str()), (Some("exported"), Some("exported/002_1")));
    let rows: Vec<Vec<f64>> = made
        .text("data/2/zymu_1.csv")
        .lines()
        .skip(1)
        .map(|line| line.split(',').map(|field| field.parse().expect("a number")).collect())
        .collect();
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
    let ate = mean(rows.iter().map(|row| row[4] - row[3]).collect());
    let att = mean(rows.iter().filter(|row| row[0] == 1.0).map(|row| row[2] - row[1]).collect());
    let truth = json(&made.dir.path().join("exported/002_1/truth.json"));
    assert!((number(&truth["ate"]) - ate).abs() < 1e-12 && (number(&truth["att"]) - att).abs() < 1e-12, "{truth}");
    assert_eq!(event["truth"], truth);
    let selection = Selection { settings: "2".parse().ok(), responses: Some(1), split: None };
    has_the_data_of_the_replay(&made.dir.path().join("exported/002_1"), &made.data(), &selection);
    let checked = oci_agent(made.dir.path(), &["check", "exported/002_1/plan.yaml"]);
    assert_eq!(checked.code, 0, "{}", checked.stderr);
}

#[test]
fn what_is_there_is_never_written_over_and_nothing_is_half_written() {
    let made = Made::new(2, 1, false);
    let export = |extra: &[&str]| {
        let args = [&["acic", "export", "--data", "data", "--out", "exported"][..], extra].concat();
        oci_agent(made.dir.path(), &args)
    };
    assert_eq!(export(&["--settings", "2", "-q"]).stderr, "");
    let before = made.text("exported/002_1/data.csv");
    std::fs::write(made.dir.path().join("exported/002_1/truth.json"), "mine").expect("written");
    let again = export(&[]);
    assert_eq!((again.code, again.stdout.as_str()), (2, ""), "{}", again.stderr);
    for expected in ["1 folder is there already: exported/002_1", "Nothing was written", "--out"] {
        assert!(again.stderr.contains(expected), "{expected}: {}", again.stderr);
    }
    assert_eq!((made.text("exported/002_1/truth.json"), made.text("exported/002_1/data.csv")), ("mine".into(), before));
    let names: Vec<_> = std::fs::read_dir(made.dir.path().join("exported")).expect("exported").collect();
    assert_eq!(names.len(), 1, "no other dataset, and no draft: {names:?}");
    made.write(1, 2, "z,y0\n");
    let bad = export(&["--settings", "1"]);
    assert!(bad.code == 2 && bad.stderr.contains("1 dataset cannot be exported"), "{}", bad.stderr);
    let part = export(&["--split", "report"]);
    assert!(part.code == 2 && part.stderr.contains("--split goes with the bundled pack"), "{}", part.stderr);
}
