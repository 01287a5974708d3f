//! Made packs: the part that each dataset belongs to, its truth, and a pack of a single dataset.

use super::made::{Made, response};
use polars_core::prelude::{Column, DataFrame};
use polars_io::parquet::write::ParquetWriter;

const HEADER: &str = "setting,response_id,split,satt,ate_mu,sd_y";

/// A pack with one dataset of setting 1 for each pair of the words in its first row and in the others.
fn pack(splits: &[(&str, &str)]) -> Made {
    let made = Made::new(0, 0, false);
    let (mut settings, mut ids, mut words) = (Vec::<i32>::new(), Vec::<i32>::new(), Vec::<&str>::new());
    let (mut z, mut y) = (Vec::<i32>::new(), Vec::<f64>::new());
    for (i, (first, others)) in (1_i32..).zip(splits) {
        for (row, line) in response(&made.x, u64::from(i.unsigned_abs()), false).lines().skip(1).enumerate() {
            let numbers: Vec<f64> = line.split(',').map(|field| field.parse().expect("a number")).collect();
            settings.push(1);
            ids.push(i);
            words.push(if row == 0 { first } else { others });
            z.push(numbers[0] as i32);
            y.push(if numbers[0] == 1.0 { numbers[2] } else { numbers[1] });
        }
    }
    let columns = vec![
        Column::new("setting".into(), settings),
        Column::new("response_id".into(), ids),
        Column::new("split".into(), words),
        Column::new("z".into(), z),
        Column::new("y".into(), y),
    ];
    let mut frame = DataFrame::new(columns[0].len(), columns).expect("a frame");
    let file = std::fs::File::create(made.data().join("observed.parquet")).expect("a file");
    ParquetWriter::new(file).finish(&mut frame).expect("written");
    let row = |i: usize| format!("1,{},{},1.5,1.5,0.7\n", i + 1, splits[i].1);
    truth(&made, &(0..splits.len()).map(row).collect::<String>());
    made
}

fn truth(made: &Made, rows: &str) {
    std::fs::write(made.data().join("truth.csv"), format!("{HEADER}\n{rows}")).expect("truth.csv");
}

#[test]
fn a_pack_of_a_single_dataset_is_scored() {
    let made = pack(&[("choose", "choose")]);
    assert_eq!(made.run("out", &[]).code, 0);
    let scored = made.score("out", &[]);
    let said = "1 dataset scored, on which settings of the estimators may have been chosen.";
    assert!(scored.code == 0 && scored.stdout.contains(said), "{}{}", scored.stdout, scored.stderr);
}

#[test]
fn the_parts_that_were_scored_are_said() {
    let made = pack(&[("choose", "choose"), ("choose", "choose"), ("report", "report")]);
    assert_eq!(made.run("out", &[]).code, 0);
    let scored = made.score("out", &[]);
    let said = "3 datasets scored: 2 on which settings of the estimators may have been chosen, 1 on which none was.";
    assert!(scored.stdout.contains(said), "{}{}", scored.stdout, scored.stderr);
    assert_eq!(made.run("choose", &["--split", "choose"]).code, 0);
    let other = made.score("choose", &["--split", "report"]);
    let said = "this folder has 2 datasets, all of the part `choose`; use `--split choose`";
    assert!(other.code == 2 && other.stderr.contains(said), "{}", other.stderr);
}

#[test]
fn a_dataset_of_no_part_is_refused_or_skipped_by_name() {
    let made = pack(&[("choose", "choose"), ("report", "reprot"), ("report", "choose"), ("report", "report")]);
    for split in ["choose", "report", "all"] {
        let refused = made.run("out", &["--split", split]);
        for expected in [
            "observed.parquet (1/2): row 402: `reprot` in column `split` is neither choose nor report",
            "observed.parquet (1/3): row 802: `choose` in column `split`, and another part further up",
        ] {
            assert!(refused.code == 2 && refused.stderr.contains(expected), "{expected}: {}", refused.stderr);
        }
    }
    let skipped = made.run("out", &["--split", "report", "--on-bad", "skip"]);
    assert!(skipped.code == 0 && skipped.stderr.contains("2 skipped"), "{}", skipped.stderr);
}

#[test]
fn a_truth_that_is_none_is_refused_by_row_and_column() {
    let made = pack(&[("choose", "choose"), ("report", "report")]);
    assert_eq!(made.run("out", &[]).code, 0);
    let first = "1,1,choose,1.5,1.5,0.7\n";
    for (second, expected) in [
        ("1,2,report,1.5,1.5,0\n", "row 2 (line 3), column `sd_y`: 0 is no standard deviation"),
        ("1,2,report,1.5,1.5,inf\n", "row 2 (line 3), column `sd_y`: `inf` is not a finite number"),
        ("1,2,report,,1.5,0.7\n", "row 2 (line 3), column `satt`: the cell is empty"),
        ("1,2,report,1.5,1e999,0.7\n", "row 2 (line 3), column `ate_mu`: `1e999` is not a finite number"),
        ("1,2,reprot,1.5,1.5,0.7\n", "row 2 (line 3), column `split`: `reprot` is neither choose nor report"),
        ("1,1,choose,99,1.5,0.7\n", "row 2 (line 3), column `response_id`: dataset 1/1 has a row further up"),
        ("1,2,report,1.5,1.5,0.", "ends in the middle of its last line"),
        ("1,2,report,1.5\n", "line 3 has 4 fields, and the first line has 6"),
        ("", "it has no row for the dataset 1/2"),
    ] {
        truth(&made, &format!("{first}{second}"));
        let refused = made.score("out", &["--assert", "att.rmse<=5"]);
        let said = refused.stderr.contains("data/truth.csv` cannot be used") && refused.stderr.contains(expected);
        assert!(refused.code == 2 && said, "{expected}: {}", refused.stderr);
    }
    truth(&made, &format!("{first}1,2,report,1.5,1.5,0.7\n"));
    assert_eq!(made.score("out", &["--assert", "att.rmse<=5"]).code, 0);
}
