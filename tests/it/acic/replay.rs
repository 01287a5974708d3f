//! Shards, threads, kills, other replays in the same folder.

use super::made::Made;
use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

#[test]
fn shards_and_threads_give_the_bytes_of_one_run() {
    let made = Made::new(2, 3, false);
    let whole = made.run("whole", &["--threads", "1"]);
    assert_eq!(whole.code, 0, "{}", whole.stderr);
    let estimates = made.text("whole/estimates.csv");
    assert_eq!(estimates.lines().count(), 1 + 6 * 3, "{estimates}");
    assert!(estimates.lines().skip(1).all(|line| line.ends_with(',')), "no seconds unless they are asked for");
    assert!(!estimates.contains("no_estimate="), "{estimates}");
    for shard in ["1/3", "2/3", "3/3"] {
        let out = format!("shard{}", &shard[..1]);
        assert_eq!(made.run(&out, &["--shard", shard, "--threads", "2"]).code, 0);
        assert_eq!(made.text(&format!("{out}/estimates.csv")).lines().count(), 1 + 2 * 3);
    }
    let incomplete = crate::cli::oci_agent(made.dir.path(), &["acic", "merge", "--out", "two", "shard1", "shard2"]);
    assert_eq!(incomplete.code, 2);
    assert!(
        incomplete.stderr.contains("2 datasets of this replay not analysed yet: 1/3, 2/3"),
        "{}",
        incomplete.stderr
    );
    let merged =
        crate::cli::oci_agent(made.dir.path(), &["acic", "merge", "--out", "all", "shard3", "shard1", "shard2"]);
    assert_eq!(merged.code, 0, "{}", merged.stderr);
    for file in ["estimates.csv", "skipped.csv", "replay.json", "plan.yaml"] {
        assert_eq!(made.text(&format!("all/{file}")), made.text(&format!("whole/{file}")), "{file}");
    }
    // All shards in one folder come to the same.
    for shard in ["2/2", "1/2"] {
        assert_eq!(made.run("shared", &["--shard", shard]).code, 0);
    }
    assert_eq!(made.text("shared/estimates.csv"), estimates);
    let scores = [made.score("all", &[]), made.score("whole", &[])];
    assert_eq!(scores[0].stdout, scores[1].stdout);
}

#[test]
fn what_the_analysis_does_not_see_changes_nothing_it_says() {
    let (made, spoiled) = (Made::new(1, 2, false), Made::new(1, 2, true));
    for each in [&made, &spoiled] {
        assert_eq!(each.run("out", &[]).code, 0);
    }
    assert_eq!(made.text("out/estimates.csv"), spoiled.text("out/estimates.csv"));
    assert_ne!(made.score("out", &[]).stdout, spoiled.score("out", &[]).stdout, "the truth is another");
}

#[test]
fn a_killed_replay_goes_on_without_redoing_or_losing_a_dataset() {
    let made = Made::new(3, 4, false);
    assert_eq!(made.run("whole", &[]).code, 0);
    let expected = made.text("whole/estimates.csv");
    let finished = || -> BTreeMap<String, SystemTime> {
        let Ok(entries) = std::fs::read_dir(made.dir.path().join("out/datasets")) else { return BTreeMap::new() };
        let entries = entries.map(|entry| entry.expect("entry"));
        entries
            .map(|e| (e.file_name().to_string_lossy().into_owned(), e))
            .filter(|(name, _)| !name.starts_with('.'))
            .map(|(name, e)| (name, e.metadata().expect("metadata").modified().expect("time")))
            .collect()
    };
    let mut kept: BTreeMap<String, SystemTime> = BTreeMap::new();
    let mut interrupted = 0;
    for wanted in [1, 4, 8] {
        let args = ["acic", "run", "--data", "data", "--estimators", "aipw", "--out", "out", "--threads", "2"];
        let mut child = Command::new(env!("CARGO_BIN_EXE_oci-agent"))
            .args(args)
            .current_dir(made.dir.path())
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("spawn");
        while finished().len() < wanted && child.try_wait().expect("wait").is_none() {
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().expect("kill");
        child.wait().expect("wait");
        let now = finished();
        assert!(kept.iter().all(|(name, time)| now.get(name) == Some(time)), "nothing done is done again");
        interrupted += usize::from(now.len() < 12);
        kept = now;
    }
    assert!(interrupted > 0, "at least one kill came in time");
    // A file that was torn by something else than us is made again; the others are not.
    let torn = made.dir.path().join("out/datasets/001_1.csv");
    let text = std::fs::read_to_string(&torn).expect("the first dataset was finished");
    std::fs::write(&torn, &text[..text.len() / 2]).expect("torn");
    kept.remove("001_1.csv");
    let resumed = made.run("out", &[]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert!(resumed.stderr.contains(&format!("{} of them done before", kept.len())), "{}", resumed.stderr);
    let now = finished();
    assert!(kept.iter().all(|(name, time)| now.get(name) == Some(time)), "nothing done is done again");
    assert_eq!(made.text("out/estimates.csv"), expected);
    assert_eq!(made.text("out/timings.csv").lines().count(), 13);
}

#[test]
fn another_replay_in_the_same_folder_is_refused_by_name() {
    let made = Made::new(2, 2, false);
    assert_eq!(made.run("out", &["--settings", "1"]).code, 0);
    for (args, expected) in [
        (&["--settings", "1-2"][..], "settings is 1 there, and 1-2 now"),
        (&["--settings", "1", "--responses", "1"], "responses is all there, and 1 now"),
        (&["--settings", "1", "--effort", "thorough"], "budget is fast there, and thorough now"),
        // The flag as it was called before.
        (&["--settings", "1", "--budget", "thorough"], "budget is fast there, and thorough now"),
        (&["--settings", "1", "--estimators", "aipw,ipw_hajek"], "estimators is aipw there, and aipw,ipw_hajek now"),
    ] {
        let args: Vec<&str> = args.to_vec();
        let refused = match args.contains(&"--estimators") {
            false => made.run("out", &args),
            true => {
                let mut all = vec!["acic", "run", "--data", "data", "--out", "out"];
                all.extend(args);
                crate::cli::oci_agent(made.dir.path(), &all)
            }
        };
        assert_eq!(refused.code, 2, "{}", refused.stderr);
        assert!(refused.stderr.contains(expected), "{}", refused.stderr);
    }
    // Other data under the same names, too.
    let other = super::made::response(&made.x, 999, false);
    made.write(1, 2, &other);
    let refused = made.run("out", &["--settings", "1"]);
    assert!(refused.code == 2 && refused.stderr.contains("datasets_sha256"), "{}", refused.stderr);
    let refused = made.score("out", &[]);
    assert!(refused.code == 2 && refused.stderr.contains("not those of this replay"), "{}", refused.stderr);
    // And the same again is only looked at.
    made.write(1, 2, &super::made::response(&made.x, 102, false));
    let again = made.run("out", &["--settings", "1"]);
    assert!(again.code == 0 && again.stderr.contains("2 of them done before"), "{}", again.stderr);
}

#[test]
fn a_gate_holds_or_fails_with_its_numbers() {
    let made = Made::new(1, 3, false);
    assert_eq!(made.run("out", &["-q"]).stderr, "");
    let held = made.score("out", &["-q", "--assert", "att.rmse<=5", "--assert", "ate.n == 3"]);
    assert_eq!((held.code, held.stdout.lines().count()), (0, 2), "{}{}", held.stdout, held.stderr);
    let failed = made.score("out", &["--assert", "att.rmse<=0.0001", "--assert", "ate.n == 3"]);
    assert_eq!(failed.code, 1, "{}", failed.stderr);
    assert!(failed.stdout.contains("FAILED: att.rmse<=0.0001: it is 0."), "{}", failed.stdout);
    assert!(failed.stdout.contains("holds:  ate.n==3"), "{}", failed.stdout);
    let wrong = made.score("out", &["--assert", "att.rmse"]);
    assert!(wrong.code == 2 && wrong.stderr.contains("compares nothing"), "{}", wrong.stderr);
    let report = crate::cli::oci_agent(made.dir.path(), &["acic", "report", "--data", "data", "--out", "out"]);
    assert_eq!(report.code, 0, "{}", report.stderr);
    let page = made.text("out/report.html");
    assert!(page.contains("<svg") && !page.contains("<script"), "one page with its picture, and no script");
    assert!(made.text("out/coverage_rmse_att.svg").contains("aipw"));
    assert!(made.text("out/report.md").contains("![ATT: coverage against error](coverage_rmse_att.svg)"));
}

#[test]
fn events_are_one_json_object_a_line() {
    let made = Made::new(1, 2, false);
    let ran = made.run("out", &["--json"]);
    let events: Vec<serde_json::Value> =
        ran.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let kinds: Vec<&str> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    assert_eq!(kinds, ["started", "dataset", "dataset", "finished"]);
    assert_eq!((events[2]["done"].as_u64(), events[2]["of"].as_u64()), (Some(2), Some(2)));
    let scored = made.score("out", &["--json", "--assert", "att.rmse<0"]);
    let last: serde_json::Value = serde_json::from_str(scored.stdout.lines().last().expect("a line")).expect("json");
    assert_eq!((scored.code, last["accepted"].as_bool()), (1, Some(false)));
}
