//! Language models through the built program: whole runs against servers on loopback, what goes wrong before and during one,
//! recordings, and, if there is one, a real model.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "helpers of tests, not tests themselves")]
#![allow(
    clippy::disallowed_methods,
    reason = "when things happen is tested here, and a real model is named by a variable"
)]

mod bad_input; // no key, a wrong address, no such model, an overflow, a budget of zero, two runs at once
mod consent; // keys and hosts, and data from elsewhere: nothing goes out that the person did not agree to
mod local; // a real model on loopback, if LLM_BASE_URL names one
mod recorded; // recordings of a real model, replayed
mod whole; // runs from the first byte to the last commit

use crate::cli::Ran;
use crate::llm::support::{Server, Step, json_answer};
use oci_agent::record::critique::Critique;
use oci_agent::record::documents::{Answer, Conduct, SpecTried};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

pub const KEY: &str = "sk-local-0123456789abcdefghij";

/// These tests agree that the keys go to servers on this machine.
pub const TRUST: (&str, &str) = ("OCI_AGENT_TRUST", "OPENAI_API_KEY@127.0.0.1,ANTHROPIC_API_KEY@127.0.0.1");

/// The parts of `results.json` that these tests look at.
#[derive(Debug, serde::Deserialize)]
pub struct ReadResults {
    pub answers: Vec<Answer>,
    pub specs_tried: Vec<SpecTried>,
    #[serde(skip)]
    pub critique: Option<Critique>,
    pub conduct: Option<Conduct>,
}

impl ReadResults {
    /// From the folder of a run.
    pub fn of_run(out: &Path) -> ReadResults {
        let read = |file: &str| std::fs::read(out.join(file)).expect(file);
        let results: ReadResults = serde_json::from_slice(&read("results.json")).expect("results");
        let critique = serde_json::from_slice(&read("critique.json")).expect("a critique");
        ReadResults { critique: Some(critique), ..results }
    }
}

/// A folder with a small study.
pub struct Study {
    pub dir: TempDir,
}

impl Study {
    /// `models` are the sections `actor:`, `critic:`, `budget:` and `privacy:`.
    pub fn new(models: &str) -> Study {
        let dir = tempfile::tempdir().expect("temporary directory");
        std::fs::write(dir.path().join("data.csv"), data()).expect("data");
        let study = Study { dir };
        study.plan(models);
        study
    }

    pub fn plan(&self, models: &str) {
        let plan = format!(
            "title: A small study\nquestion: What does t do to y?\ndata: {{source: data.csv}}\ntreatment: {{column: t}}\n\
             outcome: {{column: y, units: kg}}\nconfounders: {{priority: [x, w]}}\nplacebo_outcomes: [z]\n\
             analysis: {{estimator: aipw, also: []}}\n{models}"
        );
        std::fs::write(self.dir.path().join("plan.yaml"), plan).expect("plan");
    }

    pub fn out(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    pub fn run(&self, extra: &[&str]) -> Ran {
        let mut args = vec!["run", "plan.yaml", "--out", "out"];
        args.extend(extra);
        program(self.dir.path(), &args, &[("OPENAI_API_KEY", KEY), ("ANTHROPIC_API_KEY", KEY)])
    }

    pub fn json(&self, path: &str) -> Value {
        serde_json::from_slice(&std::fs::read(self.out().join(path)).expect(path)).expect("JSON")
    }

    pub fn git(&self, args: &[&str]) -> String {
        let output = Command::new("git").arg("-C").arg(self.out()).args(args).output().expect("git");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// The repository holds no half-done step, and no key anywhere in its history.
    pub fn is_clean(&self) {
        assert_eq!(self.git(&["status", "--porcelain"]), "");
        let fsck = Command::new("git").arg("-C").arg(self.out()).args(["fsck", "--strict"]).output().expect("git");
        assert!(fsck.status.success());
        assert!(!self.git(&["log", "-p", "--all"]).contains(KEY), "a key is in the history");
    }
}

/// The built program with these variables and none of the caller's keys.
pub fn program(dir: &Path, args: &[&str], variables: &[(&str, &str)]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oci-agent"));
    command
        .args(args)
        .current_dir(dir)
        .env("NO_COLOR", "1")
        .env("COLUMNS", "100")
        .env("SOURCE_DATE_EPOCH", "1800000000")
        .env("XDG_CONFIG_HOME", dir)
        .env(TRUST.0, TRUST.1);
    for name in
        ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_API_KEY_FILE", "ANTHROPIC_API_KEY_FILE", "OCI_AGENT_LOG"]
    {
        command.env_remove(name);
    }
    let output = command.envs(variables.iter().copied()).output().expect("the program starts");
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn noise(state: &mut u64) -> f64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 11) as f64 / (1_u64 << 53) as f64
}

fn data() -> String {
    let mut state = 20_261_122;
    let mut text = String::from("t,y,x,w,z\n");
    for _ in 0..400 {
        let (x, w) = (noise(&mut state) * 2.0 - 1.0, noise(&mut state) * 2.0 - 1.0);
        let t = f64::from(u8::from(noise(&mut state) < 0.5 + 0.2 * x));
        let _ = writeln!(text, "{t},{},{x},{w},{}", 2.0 * t + x + noise(&mut state), noise(&mut state));
    }
    text
}

/// An actor at a server of this protocol.
pub fn actor(provider: &str, url: &str) -> String {
    format!("actor: {{provider: {provider}, model: some-model, base_url: \"{url}\"}}\n")
}

/// An answer that calls one tool.
pub fn calling(provider: &str, tool: &str, input: &Value) -> Vec<Step> {
    let body = if provider == "anthropic" {
        json!({"model": "some-model", "role": "assistant", "stop_reason": "tool_use", "usage": {"input_tokens": 7, "output_tokens": 3},
               "content": [{"type": "text", "text": "Let me see."}, {"type": "tool_use", "id": "a", "name": tool, "input": input}]})
    } else {
        json!({"model": "some-model", "usage": {"prompt_tokens": 7, "completion_tokens": 3},
               "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant", "content": "Let me see.",
               "tool_calls": [{"id": "a", "type": "function", "function": {"name": tool, "arguments": input.to_string()}}]}}]})
    };
    json_answer(200, &body)
}

/// A server whose actor looks at the balance, takes the plan's spec, and revises nothing.
pub fn content(provider: &str) -> Server {
    let nothing = json!({"changes": []});
    Server::start(vec![
        calling(provider, "check_balance", &json!({"estimand": "ate"})),
        calling(provider, "propose_spec", &nothing),
        calling(provider, "propose_spec", &nothing),
    ])
}
