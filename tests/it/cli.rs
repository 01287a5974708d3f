//! The built program, as a stranger would use it.

use std::path::Path;
use std::process::Command;

/// What a command did.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// A file of a run as a tag, branch or commit has it.
pub fn at(run: &Path, state: &str, path: &str) -> String {
    let shown = std::process::Command::new("git")
        .args(["-C".as_ref(), run.as_os_str(), "show".as_ref(), format!("{state}:{path}").as_ref()])
        .output()
        .expect("git");
    assert!(shown.status.success(), "{state}:{path}: {}", String::from_utf8_lossy(&shown.stderr));
    String::from_utf8(shown.stdout).expect("utf-8")
}

/// Runs the built program in `dir`, without colour and without the caller's environment getting in the way.
pub fn oci_agent(dir: &Path, args: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_oci-agent"))
        .args(args)
        .current_dir(dir)
        .env("NO_COLOR", "1")
        .env("COLUMNS", "100")
        .env_remove("OCI_AGENT_LOG")
        .output()
        .expect("the program starts");
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

mod modes {
    //! New, forced, resumed, killed and interrupted runs.

    use super::{Ran, oci_agent};
    use crate::examples::plan;
    use oci_agent::text::sha256::sha256_hex;
    use std::path::Path;
    use std::process::{Command, Stdio};
    use std::time::Duration;

    fn git(dir: &Path, args: &[&str]) -> String {
        let output = Command::new("git").arg("-C").arg(dir.join("out")).args(args).output().expect("git");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn run(dir: &Path, extra: &[&str]) -> Ran {
        let plan = plan("nhefs");
        let mut args = vec!["run", plan.to_str().expect("utf-8"), "--out", "out"];
        args.extend(extra);
        oci_agent(dir, &args)
    }

    #[test]
    fn a_second_run_is_a_branch_beside_the_first_and_says_so() {
        let dir = tempfile::tempdir().expect("tempdir");
        assert_eq!(run(dir.path(), &[]).code, 0);
        let (first, tree) = (git(dir.path(), &["rev-parse", "main"]), git(dir.path(), &["rev-parse", "main^{tree}"]));
        let second = run(dir.path(), &[]);
        assert_eq!(second.code, 0, "{}", second.stderr);
        assert!(second.stderr.contains("run-2") && second.stderr.contains("stays as it is"), "{}", second.stderr);
        assert_eq!(git(dir.path(), &["rev-parse", "main"]), first);
        assert_eq!(git(dir.path(), &["rev-parse", "run-2^{tree}"]), tree, "the same plan gives the same tree");
        assert_eq!(git(dir.path(), &["status", "--porcelain"]), "");
    }

    #[test]
    fn force_starts_again_and_keeps_the_old_tip_under_a_tag() {
        let dir = tempfile::tempdir().expect("tempdir");
        assert_eq!(run(dir.path(), &[]).code, 0);
        let first = git(dir.path(), &["rev-parse", "main"]);
        let forced = run(dir.path(), &["--force"]);
        assert_eq!(forced.code, 0, "{}", forced.stderr);
        let tag = git(dir.path(), &["tag", "--list", "superseded-*"]);
        assert!(tag.starts_with("superseded-") && tag.lines().count() == 1, "{tag}");
        // The tags of the iterations are those of the new run.
        let iteration = git(dir.path(), &["log", "--format=%H", "--grep=iteration 1, critique", "main"]);
        assert_eq!(git(dir.path(), &["rev-parse", "iter/1"]), iteration);
        assert_eq!(git(dir.path(), &["rev-parse", &format!("{tag}^{{commit}}")]), first);
    }

    /// The value of one trailer on every commit, the oldest first; empty where there is none.
    fn trailers(dir: &Path, key: &str) -> Vec<String> {
        let format = format!("--format=|%(trailers:key={key},valueonly,separator=)");
        let log = git(dir, &["log", "--reverse", &format]);
        log.lines().map(|line| line.trim_start_matches('|').to_owned()).collect()
    }

    /// Each trailer on each commit, held against the files of the run.
    #[test]
    fn every_commit_carries_its_trailers() {
        let dir = tempfile::tempdir().expect("tempdir");
        assert_eq!(run(dir.path(), &[]).code, 0);
        let out = dir.path().join("out");
        let sha256_of = |path: &str| sha256_hex(&std::fs::read(out.join(path)).expect(path));
        let json = |path: &str| -> serde_json::Value {
            serde_json::from_slice(&std::fs::read(out.join(path)).expect(path)).expect(path)
        };
        let subjects: Vec<String> =
            git(dir.path(), &["log", "--reverse", "--format=%s"]).lines().map(str::to_owned).collect();
        let commits = subjects.len();
        assert!(commits >= 8, "{subjects:?}");
        let everywhere = |value: String| vec![value; commits];
        let manifest = json("manifest.json");
        let playbooks = manifest["playbooks"].as_object().expect("playbooks");
        let playbooks: String =
            playbooks.iter().map(|(name, sha256)| format!("{name} {}\n", sha256.as_str().expect("text"))).collect();
        assert_eq!(trailers(dir.path(), "Plan-SHA256"), everywhere(sha256_of("plan.yaml")));
        let data = json("dataset.json")["sha256"].as_str().expect("text").to_owned();
        assert_eq!(trailers(dir.path(), "Data-SHA256"), everywhere(data));
        assert_eq!(trailers(dir.path(), "Playbooks-SHA256"), everywhere(sha256_hex(playbooks.as_bytes())));
        assert_eq!(trailers(dir.path(), "Tool-Version"), everywhere(env!("CARGO_PKG_VERSION").to_owned()));
        // Plan and data come before there is a spec; this example needs one only.
        let from = |first: usize, value: &str| -> Vec<String> {
            (0..commits).map(|i| if i < first { String::new() } else { value.to_owned() }).collect()
        };
        assert!(!subjects.iter().any(|s| s.starts_with("iteration 2")) && subjects[2].contains("spec"), "{subjects:?}");
        assert_eq!(trailers(dir.path(), "Spec-SHA256"), from(2, &sha256_of("spec.yaml")));
        let graded = subjects
            .iter()
            .map(|s| if s.contains("critique of the design") { "satisfactory_with_caveats" } else { "" });
        assert_eq!(trailers(dir.path(), "Design-Verdict"), graded.collect::<Vec<_>>());
        // No verdict before unblinding.
        assert!(subjects[commits - 3].starts_with("unblind"), "{subjects:?}");
        assert_eq!(trailers(dir.path(), "Verdict"), from(commits - 3, "satisfactory_with_caveats"));
    }

    /// Kills the program after growing delays, resumes, and ends with the tree of an undisturbed run.
    #[test]
    fn killed_at_many_moments_and_resumed() {
        let whole = tempfile::tempdir().expect("tempdir");
        assert_eq!(run(whole.path(), &[]).code, 0);
        let expected = git(whole.path(), &["rev-parse", "HEAD^{tree}"]);
        let plan = plan("nhefs");
        for delay in [5, 60, 150, 300, 500, 800, 1_200, 1_800] {
            let dir = tempfile::tempdir().expect("tempdir");
            let mut child = Command::new(env!("CARGO_BIN_EXE_oci-agent"))
                .args(["run", plan.to_str().expect("utf-8"), "--out", "out"])
                .current_dir(dir.path())
                .stderr(Stdio::null())
                .stdout(Stdio::null())
                .spawn()
                .expect("spawn");
            std::thread::sleep(Duration::from_millis(delay));
            child.kill().expect("kill");
            child.wait().expect("wait");
            let resumed = run(dir.path(), &["--resume"]);
            assert_eq!(resumed.code, 0, "killed after {delay} ms: {}", resumed.stderr);
            assert_eq!(git(dir.path(), &["rev-parse", "HEAD^{tree}"]), expected, "killed after {delay} ms");
            assert_eq!(git(dir.path(), &["status", "--porcelain"]), "");
        }
    }

    #[cfg(unix)]
    #[test]
    fn ctrl_c_stops_between_steps_says_how_to_go_on_and_loses_nothing() {
        let dir = tempfile::tempdir().expect("tempdir");
        let plan = plan("lalonde");
        let child = Command::new(env!("CARGO_BIN_EXE_oci-agent"))
            .args(["run", plan.to_str().expect("utf-8"), "--out", "out"])
            .current_dir(dir.path())
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("spawn");
        while !dir.path().join("out/dataset.json").exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let pid = child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill").success());
        let output = child.wait_with_output().expect("wait");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{stderr}");
        assert!(stderr.contains("--resume"), "{stderr}");
        assert!(!dir.path().join("out/results.json").exists());
        let resumed = oci_agent(dir.path(), &["run", plan.to_str().expect("utf-8"), "--out", "out", "--resume"]);
        assert_eq!(resumed.code, 1, "{}", resumed.stderr);
    }

    /// Commands that keep nothing on record end at the first signal, with an exit code and not by the signal; a replay ends
    /// in the middle of a dataset if that takes longer than a second and a half.
    #[test]
    fn sigterm_ends_a_command_with_its_exit_code() {
        let dir = tempfile::tempdir().expect("tempdir");
        let pack = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/acic2016");
        let commands: [&[&str]; 2] = [
            &["simulate", "coverage", "--replicates", "10000", "--out", "study"],
            &["acic", "run", "--data", pack, "--effort", "thorough", "--out", "replay"],
        ];
        for arguments in commands {
            let child = Command::new(env!("CARGO_BIN_EXE_oci-agent"))
                .args(arguments)
                .current_dir(dir.path())
                .stderr(Stdio::piped())
                .stdout(Stdio::null())
                .spawn()
                .expect("spawn");
            std::thread::sleep(Duration::from_secs(1));
            let pid = child.id().to_string();
            assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill").success());
            let output = child.wait_with_output().expect("wait");
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(3), "{arguments:?}: {stderr}");
            assert!(stderr.contains("stopped"), "{arguments:?}: {stderr}");
        }
    }

    #[test]
    fn two_runs_in_one_directory_at_once_do_not_mix() {
        let dir = tempfile::tempdir().expect("tempdir");
        let plan = plan("nhefs");
        let spawn = || {
            Command::new(env!("CARGO_BIN_EXE_oci-agent"))
                .args(["run", plan.to_str().expect("utf-8"), "--out", "out"])
                .current_dir(dir.path())
                .stderr(Stdio::piped())
                .stdout(Stdio::null())
                .spawn()
                .expect("spawn")
        };
        let both = [spawn(), spawn()].map(|child| child.wait_with_output().expect("wait"));
        let codes: Vec<i32> = both.iter().map(|output| output.status.code().unwrap_or(-1)).collect();
        assert!(codes.contains(&0), "{codes:?}");
        assert!(codes.iter().all(|code| [0, 2].contains(code)), "{codes:?}");
        let fsck = Command::new("git").args(["-C", "out", "fsck", "--strict"]).current_dir(dir.path()).output();
        assert!(fsck.expect("git").status.success());
    }
}

mod commands {
    //! check, init, estimate, playbook, and the streams of run.

    use super::oci_agent;
    use crate::examples::{Example, plan};
    use std::path::Path;

    fn data(example: &str, file: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(example).join("data").join(file);
        path.to_str().expect("utf-8").to_owned()
    }

    #[test]
    fn check_says_what_would_be_analysed() {
        let dir = tempfile::tempdir().expect("tempdir");
        let ran = oci_agent(dir.path(), &["check", plan("nhefs").to_str().expect("utf-8")]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!(ran.stdout.contains("1566 analysed (403 treated, 1163 controls)"), "{}", ran.stdout);
        assert!(ran.stdout.contains("18 design terms"), "{}", ran.stdout);
    }

    #[test]
    fn init_writes_a_plan_that_check_accepts_and_never_replaces_one() {
        let dir = tempfile::tempdir().expect("tempdir");
        std::fs::copy(data("lalonde", "lalonde.csv"), dir.path().join("lalonde.csv")).expect("copy");
        let args = ["init", "lalonde.csv", "--treatment", "treat", "--outcome", "re78"];
        let ran = oci_agent(dir.path(), &args);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let checked = oci_agent(dir.path(), &["check", "plan.yaml"]);
        assert_eq!(checked.code, 0, "{}", checked.stderr);
        let again = oci_agent(dir.path(), &args);
        assert_eq!(again.code, 2, "{}", again.stderr);
        assert!(again.stderr.contains("--force"), "{}", again.stderr);
        let absent = oci_agent(dir.path(), &["init", "lalonde.csv", "--treatment", "treated", "--outcome", "re78"]);
        assert_eq!(absent.code, 2);
        assert!(absent.stderr.contains("`treated`") && absent.stderr.contains("treat, age"), "{}", absent.stderr);
    }

    #[test]
    fn estimate_prints_one_json_document() {
        let dir = tempfile::tempdir().expect("tempdir");
        let ran = oci_agent(
            dir.path(),
            &[
                "estimate",
                &data("lalonde", "lalonde.csv"),
                "--treatment",
                "treat",
                "--outcome",
                "re78",
                "--terms",
                "age,educ,black,hisp,marr,nodegree,re74,re75",
                "--estimand",
                "att",
                "--estimator",
                "ipw_hajek",
            ],
        );
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let document: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
        let estimate = document["effect"]["estimate"].as_f64().expect("number");
        assert!((estimate - 1_180.4).abs() < 0.05, "the reference value is 1,180.4, not {estimate}");
        assert_eq!(document["name"], "ATT");
    }

    /// The outputs inside the notebook are what the commands print when they are run again.
    #[test]
    fn the_cells_of_the_notebook_print_what_is_in_the_notebook() {
        let run = Example::run("early_adopters", &[]);
        let notebook = run.json("analysis.ipynb");
        let mut seen = 0;
        for cell in notebook["cells"].as_array().expect("cells") {
            let source = match &cell["source"] {
                serde_json::Value::Array(lines) => lines.iter().filter_map(|l| l.as_str()).collect::<String>(),
                other => other.as_str().unwrap_or_default().to_owned(),
            };
            let Some(command) = source.lines().find_map(|line| line.trim().strip_prefix("!\"{OCI}\" ")) else {
                continue;
            };
            let arguments: Vec<&str> = command.split_whitespace().filter(|word| *word != "{DATA}").collect();
            let ran = oci_agent(&run.dir.path().join("out"), &arguments);
            assert_eq!(ran.code, 0, "{command}: {}", ran.stderr);
            let output = &cell["outputs"][0]["text"];
            let recorded = match output {
                serde_json::Value::Array(lines) => lines.iter().filter_map(|l| l.as_str()).collect::<String>(),
                other => other.as_str().unwrap_or_default().to_owned(),
            };
            assert_eq!(recorded, ran.stdout, "{command}");
            seen += 1;
        }
        assert!(seen >= 4, "check, and one estimate for each of three estimands; saw {seen}");
    }

    #[test]
    fn json_events_are_one_object_a_line_and_stdout_has_nothing_else() {
        let run = Example::run("nhefs", &["--json"]);
        assert_eq!(run.ran.code, 0, "{}", run.ran.stderr);
        assert_eq!(run.ran.stderr, "");
        let events: Vec<serde_json::Value> =
            run.ran.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        let kinds: Vec<&str> = events.iter().filter_map(|event| event["event"].as_str()).collect();
        assert_eq!((kinds[0], kinds[kinds.len() - 1]), ("started", "finished"));
        let unblinded = kinds.iter().position(|kind| *kind == "unblinded").expect("unblinded");
        let before = events[..unblinded].iter().map(ToString::to_string).collect::<String>();
        assert!(!before.contains("std_error") && !before.contains("ci_lower"), "no effect before unblinding");
        let last = &events[events.len() - 1];
        assert_eq!(last["accepted"], true);
        assert_eq!(last["tree"].as_str().map(str::len), Some(40));
    }

    #[test]
    fn an_error_is_one_json_event_too() {
        let dir = tempfile::tempdir().expect("tempdir");
        let ran = oci_agent(dir.path(), &["check", "nowhere.yaml", "--json"]);
        let event: serde_json::Value = serde_json::from_str(ran.stdout.trim()).expect("JSON");
        assert_eq!((ran.code, &event["event"], &event["exit_code"]), (2, &"error".into(), &2.into()));
    }

    #[test]
    fn playbooks_can_be_listed_shown_and_replaced() {
        let dir = tempfile::tempdir().expect("tempdir");
        let list = oci_agent(dir.path(), &["playbook", "list"]);
        assert!(list.stdout.contains("trim-crump") && list.stdout.contains("overlap.outside"), "{}", list.stdout);
        let shown = oci_agent(dir.path(), &["playbook", "show", "trim-crump"]);
        assert!(shown.stdout.contains("10.1093/biomet/asn055"), "{}", shown.stdout);
        std::fs::create_dir(dir.path().join("mine")).expect("mkdir");
        std::fs::write(dir.path().join("mine/broken.md"), "---\nname: broken\n---\n").expect("write");
        let broken = oci_agent(dir.path(), &["playbook", "list", "--playbooks", "mine"]);
        assert_eq!(broken.code, 2);
        assert!(broken.stderr.contains("broken.md"), "{}", broken.stderr);
    }

    #[test]
    fn quiet_is_quiet_and_the_verdict_is_on_stdout() {
        let run = Example::run("nhefs", &["-q"]);
        assert_eq!((run.ran.code, run.ran.stderr.as_str()), (0, ""));
        assert!(run.ran.stdout.contains("ATE") && run.ran.stdout.contains("kg"), "{}", run.ran.stdout);
        assert!(!run.ran.stdout.contains('\u{1b}'), "no colour when piped");
    }

    #[test]
    fn help_reads_well_and_names_the_exit_codes() {
        let dir = tempfile::tempdir().expect("tempdir");
        let help = oci_agent(dir.path(), &["--help"]);
        assert_eq!(help.code, 0);
        for words in ["Exit codes", "no API key", "run", "check", "init", "estimate", "playbook"] {
            assert!(help.stdout.contains(words), "{words}");
        }
    }
}
