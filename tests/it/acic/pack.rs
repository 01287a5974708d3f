//! The bundled pack, and the scorer against the values that were published for it.

use acic::analyst::ESTIMANDS;
use acic::estimates_csv::{Diagnostics, Numbers, Row};
use acic::grade::Grade;
use acic::output_folder::OutputFolder;
use acic::run::{self, OnBad};
use acic::score::{self, Line, Scores, Tiers};
use acic::settings::{Selection, Shard, Split};
use causal::estimand::Target;
use causal::estimator::EstimatorKind;
use causal::learner_kind::Effort;
use oci_agent::replay::{analyse, data, tables};
use std::path::{Path, PathBuf};

fn pack() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/acic2016")
}

fn selection(split: Option<Split>) -> Selection {
    Selection { split, ..Selection::default() }
}

/// A replay of the pack in which every estimate is `level` with an interval of ±`half`.
fn replayed(out: &Path, level: f64, half: f64) -> OutputFolder {
    let source = data::open(&pack()).expect("the pack");
    let scan = source.scan(&Selection::default()).expect("a scan");
    assert_eq!((scan.good.len(), scan.bad.len()), (231, 0));
    let recipe = analyse::recipe(&[EstimatorKind::Aipw], Effort::Fast).expect("a recipe");
    let request = run::Request {
        source: &source,
        selection: &Selection::default(),
        shard: Shard::WHOLE,
        recipe: &recipe,
        on_bad: OnBad::Refuse,
        with_seconds: false,
        version: oci_agent::VERSION,
    };
    let out = OutputFolder::create(out, run::identity(&request, &scan), &recipe.plan).expect("a folder");
    out.skipped(&[]).expect("skipped.csv");
    for (i, entry) in scan.good.iter().enumerate() {
        let row = |estimand: &Target| Row {
            key: entry.key,
            estimand: *estimand,
            estimator: EstimatorKind::Aipw,
            numbers: Some(Numbers { estimate: level, stderr: half / 2.0, lower: level - half, upper: level + half }),
            tier: if i % 3 == 0 { Grade::NotSatisfactory } else { Grade::SatisfactoryWithCaveats },
            diagnostics: Diagnostics::default(),
            seconds: None,
        };
        out.finish(entry.key, &ESTIMANDS.iter().map(row).collect::<Vec<_>>()).expect("on record");
    }
    assert_eq!(out.merge(false).expect("estimates.csv").missing, []);
    out
}

fn scored(out: &OutputFolder, split: Option<Split>) -> Scores {
    let source = data::open(&pack()).expect("the pack");
    let request = score::Request { source: &source, published: Some(source.dir()), split, partial: false };
    score::score(out, &request).expect("scores")
}

fn line<'a>(scores: &'a Scores, estimand: Target, method: &str, truth: &str) -> &'a Line {
    let board = scores.boards.iter().find(|board| board.estimand == estimand).expect("a board");
    board.lines.iter().find(|line| line.method == method && line.truth == truth).expect(method)
}

fn close(value: Option<f64>, expected: f64, tolerance: f64, what: &str) {
    let value = value.expect(what);
    assert!((value - expected).abs() <= tolerance, "{what}: {value} against {expected}");
}

/// Values of the published table on these 231 datasets, to the digits in which they are quoted.
#[test]
fn published_methods_score_what_they_are_known_to() {
    let dir = tempfile::tempdir().expect("tempdir");
    let scores = scored(&replayed(dir.path(), 5.0, 2.0), None);
    assert_eq!((scores.datasets, scores.missing.len(), scores.skipped.len()), (231, 0, 0));
    for (method, rmse, coverage, width) in [
        ("bart_on_pscore", 0.0126, 0.879, 0.038),
        ("netflix_oci_agent", 0.0145, 0.961, 0.070),
        ("bart_tmle", 0.0155, 0.944, 0.067),
        ("mbart_symint", 0.0166, 0.948, 0.044),
        ("bart", 0.0175, 0.792, 0.041),
    ] {
        let m = line(&scores, Target::Att, method, "satt").measures;
        close(m.rmse, rmse, 0.000_051, method);
        close(m.coverage, coverage, 0.000_51, method);
        close(m.width, width, 0.000_51, method);
        assert_eq!((m.n, m.failed), (231, 0), "{method}");
    }
    let failed = line(&scores, Target::Att, "h2o_ensemble", "satt").measures;
    assert_eq!((failed.n, failed.failed), (203, 28), "a method that failed is not scored as if it had not");
    let methods = scores.boards[0].lines.len();
    assert_eq!(methods, 24 + 1 + 1, "24 methods, Netflix and ours");
}

/// Netflix's ATE against the mean of mu1 − mu0, and against the truth that it published itself.
#[test]
fn the_ate_of_the_peer_says_what_it_is_held_against() {
    let dir = tempfile::tempdir().expect("tempdir");
    let scores = scored(&replayed(dir.path(), 5.0, 2.0), None);
    let name = "netflix_oci_agent";
    let (mu, own) =
        (line(&scores, Target::Ate, name, "ate_mu"), line(&scores, Target::Ate, name, "its published truth"));
    close(mu.measures.rmse, 0.028_67, 0.000_006, "against ate_mu");
    close(mu.measures.coverage, 0.8485, 0.000_06, "against ate_mu");
    // 0.173 raw, as published; 0.0315 is that over the mean of sd(y), this is the mean of squares over sd(y)².
    close(own.measures.rmse, 0.0321, 0.000_051, "against its own");
    assert!(mu.difference.is_some() && own.difference.is_none(), "other truths, no difference");
}

#[test]
fn splits_and_verdicts_divide_the_datasets() {
    let dir = tempfile::tempdir().expect("tempdir");
    let out = replayed(dir.path(), 5.0, 2.0);
    let (all, choose, report) =
        (scored(&out, None), scored(&out, Some(Split::Choose)), scored(&out, Some(Split::Report)));
    assert_eq!((choose.datasets, report.datasets), (77, 154));
    let square = |scores: &Scores| line(scores, Target::Att, "bart", "satt").measures.rmse.expect("rmse").powi(2);
    let pooled = (77.0 * square(&choose) + 154.0 * square(&report)) / 231.0;
    assert!((pooled - square(&all)).abs() < 1e-12);
    for verdicts in &all.verdicts {
        let n = |tiers| verdicts.measures(tiers).n;
        assert_eq!((n(Tiers::All), n(Tiers::Not), n(Tiers::Accepted), n(Tiers::Fully)), (231, 77, 154, 0));
        assert_eq!(verdicts.contrasts.len(), 4);
        // The peer's rule on the peer's own ATE: 37 refused, and those kept score 0.1047 raw, 0.923 covered, as published.
        let peer = &verdicts.contrasts[3];
        let of = |tiers| peer.groups.iter().find(|(group, _)| *group == tiers).expect("a group").1;
        if verdicts.estimand == Target::Ate {
            assert_eq!((of(Tiers::Not).n, of(Tiers::Fully).n, of(Tiers::Caveats).n), (37, 79, 115));
        }
    }
    let markdown = tables::leaderboard_markdown(&all);
    assert!(markdown.contains("| **aipw** ") || markdown.contains("| **aipw**"), "{markdown}");
    assert_eq!(all.leaderboard_csv().lines().count(), 1 + 26 + 3);
}

/// `replay.json` is written by the crate, which has no canonical JSON of its own: its bytes are those of ours.
#[test]
fn the_identity_of_a_replay_is_canonical_json() {
    let dir = tempfile::tempdir().expect("tempdir");
    let out = replayed(dir.path(), 5.0, 2.0);
    let identity = out.identity();
    let bytes = identity.bytes().expect("bytes");
    assert_eq!(bytes, oci_agent::record::json::to_bytes(identity).expect("canonical JSON"));
    let odd = acic::identity::Identity {
        settings: "\u{1}\"\\\n\té/\u{2028}".to_owned(),
        datasets: Vec::new(),
        ..identity.clone()
    };
    assert_eq!(odd.bytes().expect("bytes"), oci_agent::record::json::to_bytes(&odd).expect("canonical JSON"));
}

/// Decimals in the files of a replay are those in the files of a run.
#[test]
fn decimals_are_those_of_canonical_json() {
    let mut value: f64 = 1.234_567_890_123_456_7;
    for power in -300..300 {
        value = -value * if power % 2 == 0 { 0.1 } else { 7.3 };
        for each in [value, value.recip(), value * 1e200, f64::from(power)] {
            assert_eq!(acic::text::decimal(each), oci_agent::record::json::float(each), "{each:e}");
        }
    }
    for each in [0.0, -0.0, f64::MAX, f64::MIN_POSITIVE, f64::NAN, f64::INFINITY, 1e-5, 1e16, 0.1 + 0.2] {
        assert_eq!(acic::text::decimal(each), oci_agent::record::json::float(each), "{each:e}");
    }
}

/// The pack says of a dataset what an analyst may know, and nothing else.
#[test]
fn the_observed_file_holds_no_truth() {
    let table =
        oci_agent::dataset::read("observed.parquet", &pack(), &std::collections::BTreeMap::new()).expect("observed");
    let columns: Vec<String> = table.document().columns.into_iter().map(|column| column.name).collect();
    assert_eq!(columns, ["setting", "response_id", "split", "z", "y"]);
    assert_eq!(table.rows(), 231 * 4802);
    let size: u64 =
        std::fs::read_dir(pack()).expect("pack").map(|e| e.expect("entry").metadata().expect("size").len()).sum();
    assert!(size < 8_000_000, "{size} bytes");
}

#[test]
fn a_selection_of_the_pack() {
    let source = data::open(&pack()).expect("the pack");
    let keys = |selection: &Selection| -> Vec<(u16, u64)> {
        source
            .scan(selection)
            .expect("a scan")
            .good
            .iter()
            .map(|entry| (entry.key.setting, entry.key.response))
            .collect()
    };
    let choose = keys(&selection(Some(Split::Choose)));
    assert_eq!(choose.len(), 77);
    assert!(choose.windows(2).all(|pair| pair[0].0 + 1 == pair[1].0), "one of each setting, in order");
    let first = keys(&Selection { responses: Some(1), ..Selection::default() });
    assert_eq!(first, choose, "the first of each setting is the one to choose on");
    let some = Selection { settings: "3,70-77".parse().ok(), responses: Some(2), split: Some(Split::Report) };
    assert_eq!(keys(&some).len(), 18);
}
