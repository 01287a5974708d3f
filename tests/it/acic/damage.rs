//! What was damaged after it was good: covariates, finished datasets, estimates.csv, replay.json. Said, and never adopted.

use super::made::Made;
use std::path::PathBuf;

fn file(made: &Made, path: &str) -> PathBuf {
    made.dir.path().join(path)
}

fn write(made: &Made, path: &str, text: &str) {
    std::fs::write(file(made, path), text).unwrap_or_else(|error| panic!("{path}: {error}"));
}

fn report(made: &Made, extra: &[&str]) -> crate::cli::Ran {
    let mut args = vec!["acic", "report", "--data", "data", "--out", "out"];
    args.extend(extra);
    crate::cli::oci_agent(made.dir.path(), &args)
}

/// Another text in one cell of x.csv; rows are counted from 1.
fn cell(x: &str, (row, column): (usize, usize), value: &str) -> String {
    let mut lines: Vec<Vec<&str>> = x.lines().map(|line| line.split(',').collect()).collect();
    lines[row][column - 1] = value;
    lines.iter().map(|fields| fields.join(",") + "\n").collect()
}

#[test]
fn covariates_that_no_model_can_use_are_refused_by_row_and_column() {
    let made = Made::new(1, 1, false);
    let x = made.text("data/x.csv");
    let more = |name: &str| -> String {
        let lines = x.lines().enumerate();
        lines.map(|(i, line)| format!("{line},{}\n", if i == 0 { name } else { "1" })).collect()
    };
    for (text, expected) in [
        (cell(&x, (10, 1), "NaN"), "row 10 (line 11), column `x_1`: `NaN` is a missing value"),
        (cell(&x, (10, 3), ""), "row 10 (line 11), column `x_3`: the cell is empty"),
        (cell(&x, (2, 58), "abc"), "row 2 (line 3), column `x_58`: `abc` is not a finite number"),
        (cell(&x, (400, 1), "inf"), "row 400 (line 401), column `x_1`: `inf` is not a finite number"),
        (cell(&x, (10, 2), ""), "column `x_2`: the cell is empty"),
        (more("z"), "it has a column `z`"),
        (more("y"), "it has a column `y`"),
        (x[..x.len() - 2].to_owned(), "ends in the middle of its last line"),
    ] {
        write(&made, "data/x.csv", &text);
        let refused = made.run("out", &[]);
        let said = refused.stderr.contains("data/x.csv") && refused.stderr.contains(expected);
        assert!(refused.code == 2 && said, "{expected}: {}", refused.stderr);
        assert!(!file(&made, "out").exists(), "nothing was begun");
    }
    // Another of the known words where words may be, and a column of no concern.
    write(&made, "data/x.csv", &cell(&more("note"), (10, 21), "B"));
    let good = made.run("out", &[]);
    assert!(good.code == 0 && good.stderr.contains("1 dataset with every estimate."), "{}", good.stderr);
}

#[test]
fn a_run_without_an_estimate_claims_none() {
    let made = Made::new(1, 2, false);
    // An outcome that is the same for everybody is data, and there is nothing to estimate.
    let text = made.text("data/1/zymu_2.csv");
    let constant = |line: &str| format!("{},1,1,1,1\n", &line[..1]);
    let body: String = text.lines().skip(1).map(constant).collect();
    made.write(1, 2, &format!("z,y0,y1,mu0,mu1\n{body}"));
    let ran = made.run("out", &[]);
    let estimates = made.text("out/estimates.csv");
    assert!(estimates.contains("no_estimate="), "the case is one: {estimates}");
    let said = "1 dataset with every estimate, 1 without an estimate, see `no_estimate` in estimates.csv.";
    assert!(ran.code == 0 && ran.stderr.contains(said), "{}", ran.stderr);
    let again = made.run("out", &["--json"]);
    let last: serde_json::Value = serde_json::from_str(again.stdout.lines().last().expect("a line")).expect("json");
    assert_eq!((last["datasets"].as_u64(), last["without_estimate"].as_u64()), (Some(1), Some(1)), "{last}");
}

#[test]
fn a_finished_dataset_that_was_changed_is_analysed_again_and_said() {
    let made = Made::new(1, 3, false);
    assert_eq!(made.run("out", &[]).code, 0);
    let expected = made.text("out/estimates.csv");
    let path = "out/datasets/001_2.csv";
    let whole = made.text(path);
    let lines: Vec<&str> = whole.lines().collect();
    let digit = whole.rfind('7').or_else(|| whole.rfind('3')).expect("a digit");
    let twice = [lines[0], lines[1], lines[2], lines[2], lines[4]].join("\n") + "\n";
    let changed = format!("{}8{}", &whole[..digit], &whole[digit + 1..]);
    for text in [changed, twice, made.text("out/datasets/001_1.csv"), expected.clone()] {
        write(&made, path, &text);
        let again = made.run("out", &[]);
        let said = again.stderr.contains("001_2.csv") && again.stderr.contains("dataset 1/2 is analysed again");
        assert!(again.code == 0 && said, "{}", again.stderr);
        assert!(again.stderr.contains("2 of them done before"), "{}", again.stderr);
        assert_eq!(made.text("out/estimates.csv"), expected);
    }
}

#[test]
fn estimates_are_held_against_the_rows_that_they_must_have() {
    let made = Made::new(1, 2, false);
    assert_eq!(made.run("out", &[]).code, 0);
    let text = made.text("out/estimates.csv");
    let lines: Vec<&str> = text.lines().collect();
    let of = |order: &[usize]| order.iter().map(|i| lines[*i].to_owned() + "\n").collect::<String>();
    for (order, expected) in [
        (&[0, 2, 2, 3, 4, 5, 6][..], "dataset 1/1 has no att row"),
        (&[0, 1, 2, 3, 4, 5], "dataset 1/2 has no ato row"),
        (&[0, 1, 2, 2, 3, 4, 5, 6], "dataset 1/1 has rows twice"),
        (&[0, 4, 5, 6, 1, 2, 3], "line 5: dataset 1/1 is not of this replay, or not in its place"),
    ] {
        write(&made, "out/estimates.csv", &of(order));
        for ran in [made.score("out", &["--partial"]), report(&made, &[])] {
            let said = ran.stderr.contains("estimates.csv` is damaged") && ran.stderr.contains(expected);
            assert!(ran.code == 2 && said, "{expected}: {}", ran.stderr);
        }
    }
    assert!(made.run("out", &[]).code == 0 && made.text("out/estimates.csv") == text, "the way out");
}

#[test]
fn datasets_of_another_replay_are_not_adopted() {
    let made = Made::new(1, 2, false);
    assert_eq!(made.run("out", &[]).code, 0);
    write(&made, "out/replay.json", "{");
    let damaged = made.run("out", &[]);
    assert!(damaged.code == 2 && damaged.stderr.contains("with the options of before"), "{}", damaged.stderr);
    // With the same options nothing is lost, with others nothing is taken over.
    std::fs::remove_file(file(&made, "out/replay.json")).expect("there");
    let same = made.run("out", &[]);
    assert!(same.code == 0 && same.stderr.contains("2 of them done before"), "{}", same.stderr);
    std::fs::remove_file(file(&made, "out/replay.json")).expect("there");
    let other = made.run("out", &["--responses", "1"]);
    assert!(other.code == 0 && other.stderr.contains("001_1.csv` is of another replay"), "{}", other.stderr);
    assert!(!other.stderr.contains("done before"), "{}", other.stderr);
}

#[test]
fn a_plan_that_was_removed_is_written_again() {
    let made = Made::new(1, 1, false);
    assert_eq!(made.run("out", &[]).code, 0);
    let plan = made.text("out/plan.yaml");
    std::fs::remove_file(file(&made, "out/plan.yaml")).expect("there");
    assert_eq!(made.run("out", &[]).code, 0);
    assert_eq!(made.text("out/plan.yaml"), plan);
}

#[test]
fn what_is_on_record_can_be_seen_before_a_run_has_ended() {
    let made = Made::new(1, 3, false);
    assert_eq!(made.run("out", &["--shard", "1/2"]).code, 0);
    std::fs::remove_file(file(&made, "out/estimates.csv")).expect("there");
    let refused = made.score("out", &[]);
    assert!(refused.code == 2 && refused.stderr.contains("not analysed yet: 1/2"), "{}", refused.stderr);
    let partial = made.score("out", &["--partial"]);
    assert!(partial.code == 0 && partial.stdout.contains("2 datasets scored; 1 dataset MISSING"), "{}", partial.stderr);
    assert_eq!(report(&made, &["--partial"]).code, 0);
    for path in ["out/datasets/001_1.csv", "out/datasets/001_3.csv"] {
        std::fs::remove_file(file(&made, path)).expect("there");
    }
    let none = made.score("out", &["--partial"]);
    assert!(none.code == 2 && none.stderr.contains("run `oci-agent acic run` again"), "{}", none.stderr);
}

#[test]
fn folders_that_are_no_settings_are_named() {
    let made = Made::new(1, 1, false);
    for folder in ["2", "0", "70000"] {
        std::fs::create_dir(made.data().join(folder)).expect("a folder");
    }
    for folder in ["0", "70000"] {
        let text = super::made::response(&made.x, 5, false);
        write(&made, &format!("data/{folder}/zymu_1.csv"), &text);
    }
    let refused = made.run("out", &[]);
    for expected in ["2: is a setting without a dataset", "0: is not the number", "70000: is not the number"] {
        assert!(refused.code == 2 && refused.stderr.contains(expected), "{expected}: {}", refused.stderr);
    }
    let skipped = made.run("out", &["--on-bad", "skip"]);
    assert!(skipped.code == 0 && skipped.stderr.contains("3 skipped"), "{}", skipped.stderr);
    assert_eq!(made.text("out/estimates.csv").lines().count(), 1 + 3);
    // What was not asked for is of no concern.
    assert_eq!(made.run("one", &["--settings", "1"]).code, 0);
}

#[test]
fn the_tables_say_what_is_not_in_them() {
    let made = Made::new(1, 4, false);
    made.write(1, 5, "");
    // A name with a line break is one record.
    write(&made, "data/1/zymu_\n6.csv", "");
    assert_eq!(made.run("out", &["--on-bad", "skip", "--shard", "1/2"]).code, 0);
    let skipped = made.text("out/skipped.csv");
    assert!(skipped.contains("zymu_5.csv,is empty"), "{skipped}");
    let scored = made.score("out", &["--partial"]);
    assert!(scored.stdout.contains("2 datasets SKIPPED"), "{}{}", scored.stdout, scored.stderr);
    for table in ["out/leaderboard.csv", "out/verdicts.csv"] {
        let text = made.text(table);
        let mut lines = text.lines();
        assert!(lines.next().is_some_and(|header| header.ends_with(",missing,skipped")), "{text}");
        assert!(lines.all(|line| line.ends_with(",2,2")), "{text}");
    }
    let (shorter, _) = skipped.split_at(skipped.find('\n').expect("lines") + 1);
    write(&made, "out/skipped.csv", shorter);
    let refused = made.score("out", &["--partial"]);
    let said = refused.stderr.contains("it lists 0, and replay.json says that 2 were left out");
    assert!(refused.code == 2 && said, "{}", refused.stderr);
    // Where everything is bad there is nothing to skip.
    for response in 1..=4 {
        made.write(1, response, "");
    }
    let all = made.run("none", &["--on-bad", "skip"]);
    let silent = !all.stderr.contains("--on-bad skip");
    assert!(all.code == 2 && all.stderr.contains("none of the datasets can be replayed") && silent, "{}", all.stderr);
}

#[test]
fn an_estimator_without_the_interval_is_refused_with_those_that_have_it() {
    let made = Made::new(1, 1, false);
    let args = ["acic", "run", "--data", "data", "--out", "out", "--estimators", "gformula"];
    let refused = crate::cli::oci_agent(made.dir.path(), &args);
    let said = refused.stderr.contains("about the effect in the sample") && refused.stderr.contains("`aipw`, ");
    assert!(refused.code == 2 && said && !refused.stderr.contains("inference:"), "{}", refused.stderr);
}
