//! `examples/agent_rollout`: its generator, and what its three plans give with the built program.
//!
//! Only sums and products of exact uniform numbers go in, so that the bytes are the same on every machine.
//! `OCI_BLESS=1 cargo test --test it agent_rollout` rewrites the files.

use crate::cli::{Ran, oci_agent};
use crate::examples::{Example, plan};
use crate::made_examples::{warm, whole};
use serde_json::{Value, json};
use std::fmt::Write as _;

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
        let (before, team) =
            (whole(&mut noise, 5, 20), ["billing", "sales", "support"][whole(&mut noise, 0, 3) as usize]);
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
    let value = |decision: &Decision, tool: usize| decision.solved(tool, [0.5, PLANNING]);
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

fn folder() -> std::path::PathBuf {
    plan("agent_rollout").parent().expect("a folder").to_path_buf()
}

fn committed(file: &str) -> String {
    std::fs::read_to_string(folder().join(file)).expect(file)
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the one switch of the tests that rewrites committed files")]
fn committed_files_are_what_the_generator_gives() {
    let Files { users, decisions, usage, truth } = files();
    let truth = format!("{}\n", serde_json::to_string_pretty(&truth).expect("JSON"));
    let fresh = [
        ("data/users.csv", users),
        ("data/decisions.csv", decisions),
        ("data/usage.csv", usage),
        ("truth.json", truth),
    ];
    for (file, fresh) in &fresh {
        if std::env::var("OCI_BLESS").is_ok_and(|v| v == "1") {
            std::fs::write(folder().join(file), fresh).expect("writable example");
        }
        assert!(committed(file) == *fresh, "{file} is not what the generator gives; OCI_BLESS=1 rewrites it");
    }
    assert!(fresh.iter().map(|(_, text)| text.len()).sum::<usize>() < 600_000);
}

fn truth(key: &str) -> f64 {
    let all: Value = serde_json::from_str(&committed("truth.json")).expect("JSON");
    all[key].as_f64().unwrap_or_else(|| panic!("{key}"))
}

/// The interval of an estimate holds the truth.
#[track_caller]
fn holds(effect: &Value, key: &str) {
    let [low, high] = ["lower", "upper"].map(|end| effect[end].as_f64().expect("an end"));
    let truth = truth(key);
    assert!(low < truth && truth < high, "{key}: {truth} and {low} to {high}");
}

/// The row of a list with a value.
fn row<'a>(list: &'a Value, key: &str, value: &str) -> &'a Value {
    let rows = list.as_array().expect("a list");
    rows.iter().find(|row| row[key] == value).unwrap_or_else(|| panic!("no {value} in {list}"))
}

fn direction(effect: &Value) -> i32 {
    let [low, high] = ["lower", "upper"].map(|end| effect[end].as_f64().expect("an end"));
    i32::from(low > 0.0) - i32::from(high < 0.0)
}

#[test]
fn the_randomised_rollout_is_answered_and_every_interval_holds_the_truth() {
    let example = Example::run("agent_rollout", &[]);
    assert_eq!(example.ran.code, 0, "{}{}", example.ran.stdout, example.ran.stderr);
    let results = example.json("results.json");
    assert_eq!(results["decisions"][0]["verdict"], "ship");
    for request in ["itt", "late", "ate"] {
        holds(&row(&results["effects"], "request", request)["effect"], request);
    }
    let (audit, answers) = (&results["logged_audit"], &results["logged_answers"]);
    assert_eq!(audit["tier"], "fully_satisfactory");
    assert_eq!(audit["not_assigned"], 0);
    holds(&answers["logged"], "logged");
    for policy in ["always_direct", "always_search", "careful"] {
        let found = row(&answers["policies"], "policy", policy);
        for estimator in ["value", "hajek", "horvitz_thompson"] {
            holds(&found[estimator], policy);
        }
    }
    for step in ["retrieval", "planning", "verification"] {
        holds(&row(&answers["steps"], "step", step)["credit"]["effect"], step);
    }
    holds(&answers["pairs"][0]["together"]["effect"], "retrieval and planning");
    holds(&answers["all_steps"]["effect"]["effect"], "all steps");
    // The judge likes what solves nothing: direct answers, and verification.
    let direct = row(&answers["policies"], "policy", "always_direct");
    assert_eq!(
        [direction(&direct["gain"]["effect"]), direction(&direct["scores"][0]["difference"]["effect"])],
        [-1, 1]
    );
    let verification = row(&answers["steps"], "step", "verification");
    let score = &verification["scores"][0]["difference"]["effect"];
    assert_eq!([direction(&verification["credit"]["effect"]), direction(score)], [0, 1]);
    let figure = example.text("plots/logged_actions.svg");
    assert!(
        figure.contains("judge_score: steps, on against off")
            && example.text("report.html").contains("judge_score: steps")
    );
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for text in [words(&example.ran.stdout), words(&example.text("report.md"))] {
        assert!(text.contains("Score and reward disagree on the step `verification`"), "{text}");
        assert!(text.contains("The policy `always_direct` would lower `solved` by"), "{text}");
    }
    let audited = oci_agent(example.dir.path(), &["audit", "out"]);
    assert_eq!(audited.code, 0, "{}{}", audited.stdout, audited.stderr);
    let verified = oci_agent(example.dir.path(), &["verify", "out"]);
    assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
}

/// The example in a folder of its own, with some lines of its plan and its decisions changed.
struct Changed {
    dir: tempfile::TempDir,
}

/// The columns of the decisions by name.
const COLUMNS: [&str; 11] = [
    "user",
    "difficulty",
    "tool",
    "p_tool",
    "careful_tool",
    "retrieval",
    "planning",
    "verification",
    "p_verification",
    "judge_score",
    "solved",
];

fn column(name: &str) -> usize {
    COLUMNS.iter().position(|column| *column == name).expect(name)
}

impl Changed {
    /// `lines` are replaced in the plan; `change` gets the number from 0 and the cells of each decision.
    fn new(lines: &[(&str, &str)], change: impl Fn(usize, &mut Vec<String>)) -> Changed {
        let dir = tempfile::tempdir().expect("temporary directory");
        std::fs::create_dir(dir.path().join("data")).expect("a folder");
        std::fs::write(dir.path().join("data/users.csv"), committed("data/users.csv")).expect("a file");
        let mut text = COLUMNS.join(",");
        text.push('\n');
        for (i, line) in committed("data/decisions.csv").lines().skip(1).enumerate() {
            let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
            change(i, &mut cells);
            text.push_str(&cells.join(","));
            text.push('\n');
        }
        std::fs::write(dir.path().join("data/decisions.csv"), text).expect("a file");
        let mut plan = committed("plan.yaml");
        for (before, after) in lines {
            assert!(plan.contains(before), "{before}");
            plan = plan.replacen(before, after, 1);
        }
        std::fs::write(dir.path().join("plan.yaml"), plan).expect("a plan");
        Changed { dir }
    }

    fn ran(&self, command: &str) -> Ran {
        let out = ["run", "plan.yaml", "--out", "out"];
        oci_agent(self.dir.path(), if command == "run" { &out } else { &["check", "plan.yaml"] })
    }

    fn bytes(&self, file: &str) -> Vec<u8> {
        std::fs::read(self.dir.path().join("out").join(file)).expect(file)
    }

    fn json(&self, file: &str) -> Value {
        serde_json::from_slice(&self.bytes(file)).expect("JSON")
    }
}

fn as_it_is(_: usize, _: &mut Vec<String>) {}

/// The chances that the tools had on average, as a log without coins would be given: hard tasks went to a person more often.
#[test]
fn a_log_whose_chances_leave_out_what_drove_the_choice_is_refused_and_the_arms_are_not_touched() {
    let changed = Changed::new(&[], |_, cells| {
        let share = match cells[column("tool")].as_str() {
            "ask_human" => "0.35",
            "direct" => "0.35",
            _ => "0.30",
        };
        cells[column("p_tool")] = share.to_owned();
    });
    let ran = changed.ran("run");
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    let results = changed.json("results.json");
    assert_eq!(results["decisions"][0]["verdict"], "ship");
    assert_eq!(results["health"]["tier"], "fully_satisfactory");
    let chances = row(&results["logged_audit"]["checks"], "code", "chances");
    assert_eq!(chances["severity"], "fail");
    let answers = &results["logged_answers"];
    assert_eq!(answers["policies"].as_array().map(Vec::len), Some(0));
    let refused: Vec<&str> =
        answers["refused"].as_array().expect("a list").iter().map(|it| it["asked"].as_str().expect("a name")).collect();
    assert_eq!(refused, ["always_direct", "always_search", "careful"]);
    // The steps have coins of their own.
    holds(&row(&answers["steps"], "step", "retrieval")["credit"]["effect"], "retrieval");
    assert!(ran.stdout.contains("Log of the agent's decisions: ✘ not satisfactory"), "{}", ran.stdout);
    assert_eq!(changed.ran("check").code, 1);
}

#[test]
fn a_step_that_was_switched_by_the_task_gets_no_credit() {
    let changed = Changed::new(&[("probability: p_verification", "probability: 0.5")], as_it_is);
    let ran = changed.ran("run");
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    let answers = &changed.json("results.json")["logged_answers"];
    let steps: Vec<&Value> = answers["steps"].as_array().expect("a list").iter().map(|row| &row["step"]).collect();
    assert_eq!(steps, ["retrieval", "planning"]);
    assert_eq!(
        row(&answers["refused"], "asked", "verification")["reason"].as_str().map(|it| it.contains("coin")),
        Some(true)
    );
    assert!(answers["all_steps"].is_null());
}

/// A policy that asks a person only where the log answered directly: nothing was seen of that.
#[test]
fn a_policy_without_support_is_refused_and_the_others_are_not() {
    let changed = Changed::new(&[], |_, cells| {
        let direct = cells[column("tool")] == "direct";
        cells[column("careful_tool")] = if direct { "ask_human" } else { "search" }.to_owned();
    });
    let ran = changed.ran("run");
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    let results = changed.json("results.json");
    let careful = row(&results["logged_audit"]["policies"], "policy", "careful");
    assert_eq!(row(&careful["checks"], "code", "support")["severity"], "fail");
    let answers = &results["logged_answers"];
    assert_eq!(answers["policies"].as_array().map(Vec::len), Some(2));
    assert!(row(&answers["refused"], "asked", "careful")["reason"].as_str().expect("why").contains("support"));
}

/// Rewards and scores turned round: the audit is the same bytes.
#[test]
fn the_audit_of_the_log_sees_no_reward() {
    let plain = Changed::new(&[], as_it_is);
    let turned = Changed::new(&[], |_, cells| {
        let other = if cells[column("solved")] == "1" { "0" } else { "1" };
        cells[column("solved")] = other.to_owned();
        cells[column("judge_score")] = "0.5".to_owned();
    });
    assert_eq!([plain.ran("run").code, turned.ran("run").code], [0, 0]);
    let file = "logged_actions.json";
    assert_eq!(plain.bytes(file), turned.bytes(file));
    assert_ne!(plain.json("results.json")["logged_answers"], turned.json("results.json")["logged_answers"]);
}

/// Decisions of somebody who was never assigned are counted.
#[test]
fn decisions_of_strangers_take_no_part_and_are_told() {
    let changed = Changed::new(&[], |i, cells| {
        if i < 7 {
            cells[column("user")] = format!("x{i}");
            cells[column("solved")] = String::new();
        }
    });
    let ran = changed.ran("run");
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(changed.json("logged_actions.json")["not_assigned"], 7);
    assert!(ran.stdout.contains("7 decisions of units that were never assigned take no part."), "{}", ran.stdout);
}

/// The first 40 decisions, of about a dozen users.
#[test]
fn a_dozen_users_are_too_few_for_any_value_or_credit() {
    let changed = Changed::new(&[], |i, cells| {
        if i >= 40 {
            cells[column("user")] = format!("x{i}");
        }
    });
    let ran = changed.ran("run");
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    let answers = &changed.json("results.json")["logged_answers"];
    for list in ["policies", "steps", "pairs"] {
        assert_eq!(answers[list], json!([]), "{list}");
    }
    let reason = row(&answers["refused"], "asked", "retrieval")["reason"].as_str().expect("why");
    assert!(reason.contains("few units") || reason.contains("Effective number of units"), "{reason}");
    assert_eq!(changed.json("results.json")["decisions"][0]["verdict"], "ship");
}

#[test]
fn what_is_wrong_with_a_log_is_told_with_its_place_and_a_way_out() {
    let cell = |name: &'static str, value: &'static str| {
        move |i: usize, cells: &mut Vec<String>| {
            if i == 4 {
                cells[column(name)] = value.to_owned();
            }
        }
    };
    let of_data: [(&str, &str, &str); 5] = [
        ("p_tool", "0", "`p_tool` is 0 in row 5, and a chance is above 0 and at most 1 (1 row outside)"),
        ("p_tool", "1.2", "`p_tool` is 1.2 in row 5"),
        ("solved", "", "`solved` of `data/decisions.csv` has no value in 1 decision, the first in row 5"),
        ("careful_tool", "serch", "the policy `careful` takes `serch`, which no decision of the log did"),
        ("p_verification", "1", "`p_verification` is 1 in row 5, and a chance is above 0 and below 1"),
    ];
    for (name, value, message) in of_data {
        let ran = Changed::new(&[], cell(name, value)).ran("check");
        assert_eq!(ran.code, 2, "{name} {value}: {}", ran.stdout);
        let said = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(message), "{name} {value}: {said}");
    }
    let of_plan: [(&str, &str, &str); 14] = [
        ("action: tool", "action: tol", "`data/decisions.csv` has no column `tol`"),
        ("  probability: p_tool\n", "", "the value of a policy needs the chance of what was done"),
        (
            "{always: direct}",
            "{always: drect}",
            "the policy `always_direct` takes `drect`, which no decision of the log did",
        ),
        ("{always: direct}", "{allways: direct}", "has no key `allways`"),
        ("{always: direct}", "{}", "the policy `always_direct` has neither `always` nor `column`"),
        ("{always: direct}", "direct", "`logged_actions.policies.always_direct` has keys of its own"),
        ("{probability: 0.25}", "{probability: 1}", "is a chance between 0 and 1, and `1` is not"),
        ("{probability: 0.25}", "{probability: .nan}", "is a chance between 0 and 1, and `.nan` is not"),
        (
            "reward: solved",
            "reward: tasks_after",
            "`tasks_after` is a metric of the units, and the reward is one of each decision",
        ),
        ("{probability: 0.25}", "{column: planning}", "`logged_actions.steps.planning.probability` is missing"),
        ("scores: [judge_score]", "scores: [solved]", "`solved` is the reward, and is listed among the scores"),
        ("covariates: [difficulty]", "covariates: [difficulty, difficulty]", "`difficulty` is listed twice"),
        ("  reward: solved\n", "", "`logged_actions.reward` is missing"),
        ("  source: data/decisions.csv", "  source: data/decision.csv", "decision.csv"),
    ];
    for (before, after, message) in of_plan {
        let ran = Changed::new(&[(before, after)], as_it_is).ran("check");
        assert_eq!(ran.code, 2, "{after}: {}{}", ran.stdout, ran.stderr);
        let said = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(message), "{after}: {said}");
        assert!(said.contains("plan.yaml:"), "{after}: {said}");
    }
    let one = Changed::new(&[], |_, cells| cells[column("tool")] = "search".to_owned()).ran("check");
    assert!(one.code == 2 && one.stderr.contains("`tool` has 1 action, `search`"), "{}", one.stderr);
    let on = Changed::new(&[], |_, cells| cells[column("planning")] = "1".to_owned()).ran("check");
    assert!(on.code == 2 && on.stderr.contains("`planning` is on in every decision"), "{}", on.stderr);
}

/// An observational plan of the example.
fn beta_run(name: &str) -> (Ran, Value) {
    let dir = tempfile::tempdir().expect("temporary directory");
    let plan = folder().join(name);
    let ran = oci_agent(dir.path(), &["run", plan.to_str().expect("utf-8 path"), "--out", "out"]);
    let results = std::fs::read(dir.path().join("out/results.json")).expect("results");
    (ran, serde_json::from_slice(&results).expect("JSON"))
}

/// What comparing users with others gives.
fn naive() -> f64 {
    let text = committed("data/usage.csv");
    let mut sums = [(0.0, 0.0); 2];
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let of = &mut sums[usize::from(cells[1] == "1")];
        *of = (of.0 + cells[2].parse::<f64>().expect("a number"), of.1 + 1.0);
    }
    sums[1].0 / sums[1].1 - sums[0].0 / sums[0].1
}

#[test]
fn the_confounded_log_is_corrected_where_its_cause_was_measured_and_refused_where_not() {
    let ends = |answer: &Value| ["ci_lower", "ci_upper"].map(|end| answer["effect"][end].as_f64().expect("an end"));
    let (ran, results) = beta_run("usage.yaml");
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    for asked in ["ate", "att"] {
        let [low, high] = ends(row(&results["answers"], "requested", asked));
        assert!(low < BETA_EFFECT && BETA_EFFECT < high, "{asked}: {low} to {high}");
        assert!(high < naive(), "{} is not the effect", naive());
    }
    let (ran, results) = beta_run("usage_unmeasured.yaml");
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    for asked in ["ate", "att"] {
        let answer = row(&results["answers"], "requested", asked);
        assert_eq!(answer["tier"], "not_satisfactory", "{asked}");
        let [low, _] = ends(answer);
        assert!(low > BETA_EFFECT, "{answer}");
    }
    assert!(ran.stderr.contains("`calls_before`") && ran.stdout.contains("No answer to rely on"), "{}", ran.stderr);
    // The same plan but for the column: no line of it says more.
    let lines = |file: &str| committed(file).lines().filter(|line| !line.contains("title:")).count();
    assert_eq!(lines("usage.yaml"), lines("usage_unmeasured.yaml") + 1);
}
