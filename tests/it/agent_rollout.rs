//! `examples/agent_rollout`: its generator, and what its three plans give with the built program.
//!
//! Only sums and products of exact uniform numbers go in, so that the bytes are the same on every machine.
//! `OCI_BLESS=1 cargo test --test it agent_rollout` rewrites the files.

use crate::cli::{Ran, oci_agent};
use crate::examples::{Example, plan};
use crate::structure::Noise;
use serde_json::{Value, json};
use std::fmt::Write as _;

// generator: begin
/// Users of the experiment, and of the open beta before it.
const USERS: usize = 3_600;
const BETA_USERS: usize = 3_000;
/// Tasks that the agent does for everyone who used it in the beta.
const BETA_EFFECT: f64 = 3.0;

/// The files of the example, by name.
struct Files {
    users: String,
    decisions: String,
    usage: String,
    truth: Value,
}

fn warm(seed: u64) -> Noise {
    let mut noise = Noise(seed);
    for _ in 0..100 {
        noise.uniform();
    }
    noise
}

/// A whole number from `low` on, `count` of them.
fn whole(noise: &mut Noise, low: u32, count: u32) -> f64 {
    f64::from(low) + (f64::from(count) * noise.uniform()).floor()
}

fn of(on: bool) -> f64 {
    f64::from(u8::from(on))
}

/// One task that the agent was given.
struct Decision {
    /// 0 to 1 in hundredths.
    difficulty: f64,
    /// Of the user, 0 to 1; not in the file.
    skill: f64,
}

const TOOLS: [&str; 3] = ["ask_human", "direct", "search"];

impl Decision {
    /// Hard tasks are handed to a person more often: 0.2 + 0.3 d; direct 0.5 − 0.3 d; search 0.3.
    fn chances(&self) -> [f64; 3] {
        [0.2 + 0.3 * self.difficulty, 0.5 - 0.3 * self.difficulty, 0.3]
    }

    /// P(verification): 0.3 for easy tasks, 0.7 for hard ones.
    fn verifies(&self) -> f64 {
        if self.difficulty > 0.5 { 0.7 } else { 0.3 }
    }

    /// P(solved) = 0.30 + 0.2 skill − 0.25 d + {0.22 d, 0, 0.10} + 0.10 retrieval + 0.02 planning + 0.08 both.
    fn solved(&self, tool: usize, [retrieval, planning]: [f64; 2]) -> f64 {
        let tool = [0.22 * self.difficulty, 0.0, 0.10][tool];
        let steps = 0.10 * retrieval + 0.02 * planning + 0.08 * retrieval * planning;
        0.30 + 0.2 * self.skill - 0.25 * self.difficulty + tool + steps
    }

    /// The candidate policy: hand over what is hard, search otherwise.
    fn careful(&self) -> usize {
        if self.difficulty > 0.6 { 0 } else { 2 }
    }
}

/// P(planning); the others are at ½ and [`Decision::verifies`].
const PLANNING: f64 = 0.25;

/// Tasks before ~ 5 to 24; team at random; a coin offers the agent; whoever is offered it uses it with the chance 0.3 + 0.02 (before − 5).
/// Tasks after = 6 + 0.8 before + 3 noise, and 2 + 0.1 before with the agent. A user has 2 to 5 decisions; skill ~ U(0, 1).
fn experiment() -> (String, String, Value) {
    let mut noise = warm(17);
    let mut users = String::from("user,arm,used_agent,tasks_before,team,tasks_after\n");
    let mut decisions = String::from(
        "user,difficulty,tool,p_tool,careful_tool,retrieval,planning,verification,p_verification,judge_score,solved\n",
    );
    let (mut all, mut moved, mut logged) = (0.0, Vec::new(), Vec::new());
    for user in 1..=USERS {
        let (before, team) = (whole(&mut noise, 5, 20), ["billing", "sales", "support"][whole(&mut noise, 0, 3) as usize]);
        let skill = noise.uniform();
        let would_use = noise.happens(0.3 + 0.02 * (before - 5.0));
        let effect = 2.0 + 0.1 * before;
        let offered = noise.happens(0.5);
        let used = offered && would_use;
        let after = 6.0 + 0.8 * before + 3.0 * noise.normal() + effect * of(used);
        let arm = if offered { "agent" } else { "no_agent" };
        let _ = writeln!(users, "u{user},{arm},{},{before},{team},{after:.1}", of(used));
        all += effect;
        if would_use {
            moved.push(effect);
        }
        if !used {
            continue;
        }
        for _ in 0..whole(&mut noise, 2, 4) as usize {
            let decision = Decision { difficulty: whole(&mut noise, 0, 101) / 100.0, skill };
            let (chances, drawn) = (decision.chances(), noise.uniform());
            let tool = usize::from(drawn >= chances[0]) + usize::from(drawn >= chances[0] + chances[1]);
            let verifies = decision.verifies();
            let [retrieval, planning, verification] = [0.5, PLANNING, verifies].map(|p| of(noise.happens(p)));
            let solved = of(noise.happens(decision.solved(tool, [retrieval, planning])));
            let score = 0.45 + 0.2 * verification + 0.01 * retrieval + 0.05 * planning + 0.08 * of(tool == 1);
            let score = score - 0.1 * decision.difficulty + 0.05 * solved + 0.1 * noise.normal();
            let careful = TOOLS[decision.careful()];
            let _ = writeln!(
                decisions,
                "u{user},{:.2},{},{:.3},{careful},{retrieval},{planning},{verification},{verifies},{score:.2},{solved}",
                decision.difficulty, TOOLS[tool], chances[tool]
            );
            logged.push(decision);
        }
    }
    let mut truth = values(&logged);
    let mean = |values: &[f64]| rounded(values.iter().sum::<f64>() / values.len() as f64);
    truth["itt"] = json!(rounded(moved.iter().sum::<f64>() / USERS as f64));
    truth["late"] = json!(mean(&moved));
    truth["ate"] = json!(rounded(all / USERS as f64));
    (users, decisions, truth)
}

fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

/// The mean over the decisions of P(solved) under each policy and of the credit of each step, the other steps by their coins.
fn values(logged: &[Decision]) -> Value {
    let mean = |of: &dyn Fn(&Decision) -> f64| rounded(logged.iter().map(of).sum::<f64>() / logged.len() as f64);
    // Over the coins of the steps.
    let value = |decision: &Decision, tool: usize| {
        decision.solved(tool, [0.5, PLANNING])
    };
    let drawn = |decision: &Decision| {
        decision.chances().iter().enumerate().map(|(tool, p)| p * value(decision, tool)).sum::<f64>()
    };
    json!({
        "logged": mean(&drawn),
        "always_search": mean(&|d| value(d, 2)),
        "always_direct": mean(&|d| value(d, 1)),
        "careful": mean(&|d| value(d, d.careful())),
        "retrieval": rounded(0.10 + 0.08 * PLANNING),
        "planning": rounded(0.02 + 0.08 * 0.5),
        "verification": 0.0,
        "retrieval and planning": 0.08,
        "all steps": 0.20,
    })
}

/// The open beta: P(use) = 0.08 + 0.035 (before − 5) + 0.05 in sales; after = 6 + 0.8 before + 3 noise + 3 if used;
/// calls before = 2 + 0.5 before + 2 noise.
fn beta() -> String {
    let mut noise = warm(13);
    let mut text = String::from("user,used_agent,tasks_after,tasks_before,calls_before,team,months\n");
    for user in 1..=BETA_USERS {
        let (before, team) = (whole(&mut noise, 5, 20), whole(&mut noise, 0, 3));
        let months = whole(&mut noise, 1, 48);
        let used = of(noise.happens(0.08 + 0.035 * (before - 5.0) + 0.05 * of(team == 1.0)));
        let after = 6.0 + 0.8 * before + 3.0 * noise.normal() + BETA_EFFECT * used;
        let calls = 2.0 + 0.5 * before + 2.0 * noise.normal();
        let team = ["billing", "sales", "support"][team as usize];
        let _ = writeln!(text, "b{user},{used},{after:.1},{before},{calls:.1},{team},{months}");
    }
    text
}

fn files() -> Files {
    let (users, decisions, mut truth) = experiment();
    truth["beta"] = json!(BETA_EFFECT);
    Files { users, decisions, usage: beta(), truth }
}
// generator: end
