//! Directories with every fault we could think of: named and refused, or named and skipped, never a silent gap.

use super::made::{Made, response};

/// A good directory of two settings and five responses, in which setting 2 has gone bad in every way.
fn spoiled() -> Made {
    let made = Made::new(2, 5, false);
    let good = response(&made.x, 777, false);
    let lines: Vec<&str> = good.lines().collect();
    let without_column: String =
        lines.iter().map(|line| line.rsplit_once(',').expect("fields").0.to_owned() + "\n").collect();
    made.write(2, 2, &without_column);
    made.write(2, 3, &(lines[..200].join("\n") + "\n"));
    made.write(2, 4, &good[..good.len() - 9]);
    let one_arm = good.replace("\n0,", "\n1,");
    made.write(2, 5, &one_arm);
    made.write(2, 6, &std::fs::read_to_string(made.data().join("2/zymu_1.csv")).expect("the first"));
    made.write(2, 7, &good.replacen("\n1,", "\n1,oops,", 1).replacen("oops,", "", 1).replacen("\n0,", "\n2,", 1));
    made.write(2, 8, &good.replacen("\n1,", "\n1,x", 1));
    let folder = made.data().join("2");
    std::fs::write(folder.join("zymu_09.csv"), response(&made.x, 5, false)).expect("nine");
    std::fs::write(folder.join("zymu_9.csv"), response(&made.x, 6, false)).expect("nine again");
    std::fs::write(folder.join("zymu_abc.csv"), &good).expect("a name");
    std::fs::write(folder.join("zymu_10.csv"), b"z,y0,y1,mu0,mu1\n\xff\xfe\n").expect("not text");
    std::fs::write(folder.join("notes.txt"), "not a response").expect("a file of no concern");
    made
}

const FAULTS: [(&str, &str); 9] = [
    ("2/zymu_2.csv", "has no column `mu1`"),
    ("2/zymu_3.csv", "has 199 rows, and the covariates have 400"),
    ("2/zymu_4.csv", "may have been cut off"),
    ("2/zymu_5.csv", "has one arm only: everybody is treated"),
    ("2/zymu_6.csv", "has the same z and y as 2/zymu_1.csv"),
    ("2/zymu_7.csv", "z is 2"),
    ("2/zymu_8.csv", "in column `y0` is not a finite number"),
    ("2/zymu_abc.csv", "is not called zymu_<number>.csv"),
    ("2/zymu_10.csv", "is not text"),
];

#[test]
fn every_fault_is_named_and_nothing_is_run() {
    let made = spoiled();
    let refused = made.run("out", &[]);
    assert_eq!(refused.code, 2);
    for (file, problem) in FAULTS {
        let line = refused
            .stderr
            .lines()
            .find(|line| line.contains(file))
            .unwrap_or_else(|| panic!("{file}: {}", refused.stderr));
        assert!(line.contains(problem), "{line}");
    }
    assert!(
        refused.stderr.contains("10 datasets cannot be replayed")
            && refused.stderr.contains("is response 9 a second time"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("--on-bad skip"), "the way out: {}", refused.stderr);
    assert!(!made.dir.path().join("out").exists(), "nothing was begun");
    // A part without faults runs.
    assert_eq!(made.run("good", &["--settings", "1"]).code, 0);
}

#[test]
fn every_fault_is_skipped_listed_and_counted() {
    let made = spoiled();
    let ran = made.run("out", &["--on-bad", "skip"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let skipped = made.text("out/skipped.csv");
    assert_eq!(skipped.lines().count(), 1 + 10, "{skipped}");
    for (file, problem) in FAULTS {
        assert!(skipped.lines().any(|line| line.contains(file) && line.contains(problem)), "{file}: {skipped}");
    }
    assert!(ran.stderr.contains("skipped: 2/zymu_5.csv") && ran.stderr.contains("10 skipped"), "{}", ran.stderr);
    let scored = made.score("out", &[]);
    assert_eq!(scored.code, 0, "{}", scored.stderr);
    assert!(scored.stdout.contains("7 datasets scored; 10 datasets SKIPPED, see skipped.csv."), "{}", scored.stdout);
    let report = crate::cli::oci_agent(made.dir.path(), &["acic", "report", "--data", "data", "--out", "out"]);
    assert!(report.code == 0 && made.text("out/report.md").contains("has one arm only"), "{}", report.stderr);
}

#[test]
fn a_setting_that_was_asked_for_and_is_not_there() {
    let made = Made::new(1, 1, false);
    let refused = made.run("out", &["--settings", "1-2"]);
    assert!(refused.code == 2 && refused.stderr.contains("2: has no dataset, although"), "{}", refused.stderr);
    let skipped = made.run("out", &["--settings", "1-2", "--on-bad", "skip"]);
    assert!(skipped.code == 0 && made.text("out/skipped.csv").contains("2,,2,\"has no dataset"), "{}", skipped.stderr);
    let nothing = made.run("none", &["--settings", "7", "--on-bad", "skip"]);
    assert_eq!(nothing.code, 2, "{}", nothing.stderr);
}

#[test]
fn a_dataset_that_is_missing_is_refused_or_said_aloud() {
    let made = Made::new(1, 4, false);
    assert_eq!(made.run("out", &["--shard", "1/2"]).code, 0);
    let refused = made.score("out", &[]);
    assert!(
        refused.code == 2 && refused.stderr.contains("2 datasets of this replay not analysed yet: 1/2, 1/4"),
        "{}",
        refused.stderr
    );
    let partial = made.score("out", &["--partial"]);
    assert!(partial.code == 0 && partial.stdout.contains("2 datasets MISSING"), "{}{}", partial.stdout, partial.stderr);
    let file = made.dir.path().join("out/estimates.csv");
    let text = std::fs::read_to_string(&file).expect("estimates");
    std::fs::write(&file, &text[..text.len() - 20]).expect("cut");
    let damaged = made.score("out", &["--partial"]);
    assert!(damaged.code == 2 && damaged.stderr.contains("cut off"), "{}", damaged.stderr);
}

#[test]
fn a_directory_that_holds_no_replay_data() {
    let made = Made::new(1, 1, false);
    let say = |problem: &str| {
        let refused = made.run("out", &[]);
        assert!(refused.code == 2 && refused.stderr.contains(problem), "{problem}: {}", refused.stderr);
        assert!(!made.dir.path().join("out").exists());
    };
    let x = made.text("data/x.csv");
    std::fs::write(made.data().join("x.csv"), x.replacen("x_17,", "x_71,", 1)).expect("another column");
    say("x.csv has no column `x_17`");
    std::fs::write(made.data().join("x.csv"), &x[..x.len() / 2]).expect("half");
    say("line");
    std::fs::remove_file(made.data().join("x.csv")).expect("gone");
    say("it has no x.csv");
    let nowhere = crate::cli::oci_agent(made.dir.path(), &["acic", "run", "--data", "nowhere"]);
    assert!(nowhere.code == 2 && nowhere.stderr.contains("there is no such folder"), "{}", nowhere.stderr);
    let bare = crate::cli::oci_agent(made.dir.path(), &["acic", "run"]);
    assert!(bare.code == 2 && bare.stderr.contains("--data"), "{}", bare.stderr);
    let unscored = crate::cli::oci_agent(made.dir.path(), &["acic", "score", "--data", "data", "--out", "data"]);
    assert!(unscored.code == 2 && unscored.stderr.contains("is not the folder of a replay"), "{}", unscored.stderr);
    let benchmark = crate::cli::oci_agent(made.dir.path(), &["acic", "run", "--data", "data", "--estimators", "naive"]);
    assert!(benchmark.code == 2 && benchmark.stderr.contains("never the answer"), "{}", benchmark.stderr);
}
