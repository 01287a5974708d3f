//! A real model on loopback: `LLM_BASE_URL=http://127.0.0.1:18090 cargo test models::local -- --ignored --nocapture`.
//!
//! Its judgement is poor, so nothing here is about its opinion: what is asserted holds whatever it says.

#![allow(clippy::print_stdout, reason = "what a real model did is worth a look")]

use super::{KEY, ReadResults, program};
use oci_agent::critique::verdict;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn url() -> String {
    std::env::var("LLM_BASE_URL").expect("LLM_BASE_URL is the address of a model, e.g. http://127.0.0.1:18090")
}

/// The NHEFS example with models of this provider, in `dir`.
fn nhefs(dir: &Path, provider: &str, budget: &str) {
    let folder = crate::examples::plan("nhefs");
    let plan = std::fs::read_to_string(&folder).unwrap();
    let model = |role: &str, tokens: u32| {
        format!(
            "{role}: {{provider: {provider}, model: qwen2.5-coder-1.5b-instruct, base_url: \"{}\", max_tokens: {tokens}, temperature: 0, timeout: 600}}",
            url()
        )
    };
    let plan = plan
        .replace("actor: {provider: playbook}", &model("actor", 500))
        .replace("critic: {provider: playbook}", &model("critic", 900))
        .replace("estimands: [ate, att, ato]", "estimands: [ate]");
    std::fs::write(dir.join("plan.yaml"), format!("{plan}\nbudget: {{{budget}}}\n")).unwrap();
}

fn arguments(more: &[&'static str]) -> Vec<String> {
    let root = crate::examples::plan("nhefs").parent().unwrap().display().to_string();
    let mut all: Vec<String> =
        ["run", "plan.yaml", "--out", "out", "--json", "--data-root"].map(str::to_owned).to_vec();
    all.push(root);
    all.extend(more.iter().map(|word| (*word).to_owned()));
    all
}

fn run(dir: &Path, more: &[&'static str]) -> crate::cli::Ran {
    let arguments = arguments(more);
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    program(dir, &words, &[("OPENAI_API_KEY", KEY), ("ANTHROPIC_API_KEY", KEY)])
}

fn results(dir: &Path) -> ReadResults {
    ReadResults::of_run(&dir.join("out"))
}

#[test]
#[ignore = "needs a model on loopback: set LLM_BASE_URL"]
fn both_providers_come_to_a_verdict_that_is_the_rubrics_or_lower() {
    let plain = tempfile::tempdir().unwrap();
    nhefs(plain.path(), "openai", "turns: 1");
    assert_eq!(run(plain.path(), &["--no-model"]).code, 0);
    let reference = results(plain.path());
    for provider in ["openai", "anthropic"] {
        let dir = tempfile::tempdir().unwrap();
        nhefs(dir.path(), provider, "turns: 40, wall_minutes: 25");
        let began = Instant::now();
        let ran = run(dir.path(), &[]);
        assert!([0, 1].contains(&ran.code), "{}", ran.stderr);
        assert!(ran.stdout.contains("\"event\":\"asked\""), "models were asked");
        let found = results(dir.path());
        let conduct = found.conduct.clone().unwrap();
        println!("{provider}: {:.1} minutes, exit {}, {conduct:?}", began.elapsed().as_secs_f64() / 60.0, ran.code);
        for graded in &found.critique.as_ref().unwrap().analyses {
            assert_eq!(Ok(graded.computed()), verdict::final_tier(&graded.findings));
            assert!(graded.tier <= graded.computed());
        }
        // Wherever the spec is the plan's own, so is the number, to the last digit.
        if found.specs_tried.iter().all(|spec| spec.revisions.is_empty()) {
            assert_eq!(found.answers[0].effect, reference.answers[0].effect);
        }
        let history = Command::new("git").arg("-C").arg(dir.path().join("out")).args(["log", "-p"]).output().unwrap();
        assert!(!String::from_utf8_lossy(&history.stdout).contains(KEY));
    }
}

#[test]
#[ignore = "needs a model on loopback: set LLM_BASE_URL"]
fn a_budget_of_two_answers_ends_a_run_with_what_it_has() {
    let dir = tempfile::tempdir().unwrap();
    nhefs(dir.path(), "anthropic", "turns: 2, wall_minutes: 15");
    let ran = run(dir.path(), &[]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let conduct = results(dir.path()).conduct.unwrap();
    assert!(conduct.stopped.as_ref().is_some_and(|why| why.contains("budget.turns")), "{conduct:?}");
    assert_eq!(conduct.actor_usage.calls + conduct.critic_usage.calls, 2);
}

#[cfg(unix)]
#[test]
#[ignore = "needs a model on loopback: set LLM_BASE_URL"]
fn ctrl_c_while_it_thinks_stops_within_seconds_and_leaves_the_repository_clean() {
    let dir = tempfile::tempdir().unwrap();
    nhefs(dir.path(), "openai", "turns: 40, wall_minutes: 25");
    let mut child = Command::new(env!("CARGO_BIN_EXE_oci-agent"))
        .args(arguments(&[]))
        .current_dir(dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    assert!(lines.any(|line| line.unwrap().contains("\"event\":\"asked\"")), "it asks");
    std::thread::sleep(Duration::from_secs(2));
    let pressed = Instant::now();
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(3));
    println!("stopped after {:?}", pressed.elapsed());
    assert!(pressed.elapsed() < Duration::from_secs(10));
    let status =
        Command::new("git").arg("-C").arg(dir.path().join("out")).args(["status", "--porcelain"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&status.stdout), "");
}
