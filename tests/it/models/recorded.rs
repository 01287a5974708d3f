//! Recordings of a real model (Qwen2.5-Coder-1.5B-Instruct on llama.cpp), replayed without it. `tests/cassettes/README.md` says
//! how they were made.

use super::{ReadResults, program};
use oci_agent::critique::verdict;
use std::path::{Path, PathBuf};

fn cassette(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cassettes").join(name)
}

fn replayed(name: &str) {
    let (dir, from) = (tempfile::tempdir().unwrap(), cassette(name));
    let root = crate::examples::plan(name).parent().unwrap().display().to_string();
    let (plan, folder) = (from.join("plan.yaml").display().to_string(), from.join("transcript").display().to_string());
    let ran = program(dir.path(), &["run", &plan, "--out", "out", "--data-root", &root, "--replay", &folder], &[]);
    let expected: serde_json::Value =
        serde_json::from_slice(&std::fs::read(from.join("expected.json")).unwrap()).unwrap();
    assert_eq!(i64::from(ran.code), expected["exit_code"].as_i64().unwrap(), "{}", ran.stderr);
    let found = ReadResults::of_run(&dir.path().join("out"));
    for graded in &found.critique.as_ref().unwrap().analyses {
        assert_eq!(Ok(graded.computed()), verdict::final_tier(&graded.findings));
        assert!(graded.tier <= graded.computed());
    }
    // The exchanges on record are the recording, byte for byte: every request was made again as it was.
    let mut names: Vec<_> =
        std::fs::read_dir(from.join("transcript")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert!(names.len() > 3);
    for file in &names {
        let again = std::fs::read(dir.path().join("out/transcript").join(file)).unwrap();
        assert!(again == std::fs::read(from.join("transcript").join(file)).unwrap(), "{file:?} differs");
    }
    let conduct = found.conduct.unwrap();
    assert_eq!(u64::from(conduct.actor_usage.calls + conduct.critic_usage.calls), names.len() as u64);
    let tiers: Vec<&str> = found.answers.iter().map(|answer| answer.tier.key()).collect();
    assert_eq!(serde_json::json!(tiers), expected["tiers"]);
    // A reviewer makes it again from its own transcript.
    let verified = program(dir.path(), &["verify", "out"], &[]);
    assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
}

#[test]
fn nhefs() {
    replayed("nhefs");
}

#[test]
fn lalonde() {
    replayed("lalonde");
}
