//! A plan, its data, its results, and what a tool may look at.

use causal::estimand::Target;
use oci_agent::critique::{self, CritiqueInput, alignment};
use oci_agent::pipeline::design;
use oci_agent::pipeline::prepare::{Prepared, prepare};
use oci_agent::pipeline::results::{self, Iteration};
use oci_agent::playbook::Catalogue;
use oci_agent::record::critique::{Critique, Stage};
use oci_agent::record::documents::ResultsDocument;
use oci_agent::tools::privacy::Privacy;
use oci_agent::tools::{Answer, Context, Registry, Role, Task, ToolError};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::LazyLock;

pub struct World {
    pub prepared: Prepared,
    pub catalogue: Catalogue,
    pub privacy: Privacy,
    pub tried: BTreeMap<Target, BTreeSet<String>>,
    pub candidates: BTreeMap<Target, Vec<String>>,
    pub results: ResultsDocument,
    pub computed: Critique,
}

pub static NHEFS: LazyLock<World> = LazyLock::new(|| World::example("nhefs", false));
pub static REDACTED: LazyLock<World> = LazyLock::new(|| World::example("nhefs", true));

/// Every tool with arguments that are right for it, for one estimand.
pub fn right_calls(estimand: &str) -> Vec<(&'static str, Value)> {
    let mut calls =
        vec![("describe_data", json!({})), ("list_playbooks", Value::Null), ("trim", json!({"estimand": estimand}))];
    for tool in ["fit_propensity", "check_balance", "check_overlap", "run_placebo"] {
        calls.push((tool, json!({"estimand": estimand})));
        calls.push((tool, json!({"estimand": estimand, "preview": {"trim": 0.2}})));
        calls.push((tool, json!({"estimand": estimand, "preview": {"playbook": "richer-propensity-terms"}})));
    }
    calls.push(("trim", json!({"estimand": estimand, "alpha": 0.05})));
    for name in ["trim-crump", "failed-placebo", "fragile-to-hidden-confounding", "no-design"] {
        calls.push(("read_playbook", json!({"name": name})));
    }
    calls
        .push(("propose_spec", json!({"changes": [{"estimand": estimand, "trim": 0.2, "reason": "overlap is poor"}]})));
    calls
}

impl World {
    pub fn example(name: &str, redact: bool) -> World {
        let plan = crate::examples::plan(name);
        World::new(&std::fs::read(&plan).expect("plan"), plan.parent().expect("folder"), redact)
    }

    pub fn of(data: &str, plan: &str, redact: bool) -> World {
        let dir = tempfile::tempdir().expect("temporary directory");
        std::fs::write(dir.path().join("data.csv"), data).expect("data");
        World::new(plan.as_bytes(), dir.path(), redact)
    }

    fn new(plan: &[u8], root: &Path, redact: bool) -> World {
        let prepared = prepare(plan, root).unwrap_or_else(|error| panic!("{error:?}"));
        let catalogue = Catalogue::embedded().expect("playbooks");
        let privacy = Privacy::new(&prepared, 10, redact);
        let spec = prepared.draft.clone();
        let design = design::design(&prepared, &spec);
        let tried = [Iteration { sha256: spec.sha256(), spec, design, critique: None }];
        let (computed, results) = unblind(&prepared, &tried, &catalogue);
        let candidates = prepared.plan.estimands.iter().map(|t| (*t, vec!["trim-crump".to_owned()])).collect();
        let tried = prepared.plan.estimands.iter().map(|t| (*t, BTreeSet::from(["trim-crump-optimal".to_owned()])));
        World { tried: tried.collect(), catalogue, privacy, candidates, results, computed, prepared }
    }

    pub fn context<'a>(&'a self, task: Task<'a>) -> Context<'a> {
        Context {
            prepared: &self.prepared,
            catalogue: &self.catalogue,
            // Every context is a session of its own: what one test was told does not count against another.
            privacy: Box::leak(Box::new(self.privacy.of_new_session(&self.prepared))),
            spec: &self.prepared.draft,
            task,
            tried: &self.tried,
            applied: &[],
            candidates: &self.candidates,
            results: None,
        }
    }

    pub fn unblinded<'a>(&'a self, task: Task<'a>) -> Context<'a> {
        Context { results: Some(&self.results), ..self.context(task) }
    }

    pub fn call(&self, role: Role, name: &str, arguments: &Value, task: Task<'_>) -> Result<Answer, ToolError> {
        Registry::new(role, &self.prepared.plan.tools).call(name, arguments, &self.context(task))
    }

    /// The same where nothing is rounded or held back: every number as exact as a tool has it.
    pub fn call_unprotected(
        &self,
        role: Role,
        name: &str,
        arguments: &Value,
        task: Task<'_>,
    ) -> Result<Answer, ToolError> {
        let privacy = Privacy::new(&self.prepared, 1, false);
        let context = Context { privacy: &privacy, ..self.context(task) };
        Registry::new(role, &self.prepared.plan.tools).call(name, arguments, &context)
    }

    /// What an actor reads when it calls a tool while revising: the answer or the error.
    pub fn read(&self, name: &str, arguments: &Value) -> String {
        match self.call(Role::Actor, name, arguments, Task::Revise) {
            Ok(answer) => heard(&answer),
            Err(error) => error.for_model(&self.privacy),
        }
    }

    /// The answer as JSON.
    pub fn json(&self, name: &str, arguments: &Value) -> Value {
        inside(&self.read(name, arguments))
    }
}

/// What the model reads of an answer.
pub fn heard(answer: &Answer) -> String {
    let (Answer::Reply(reply) | Answer::Proposed(reply, _) | Answer::Criticised(reply, _)) = answer;
    assert!(reply.model.chars().count() <= 8_000, "{} characters", reply.model.chars().count());
    assert!(!reply.operator.is_empty() && !reply.operator.contains(char::is_control), "{:?}", reply.operator);
    reply.model.clone()
}

/// What is between the markers of a fence.
pub fn fenced(text: &str) -> &str {
    let (_, rest) = text.split_once(">\n").expect("an opening marker");
    rest.strip_suffix("\n</data>").unwrap_or_else(|| panic!("no closing marker: {text}"))
}

pub fn inside(text: &str) -> Value {
    serde_json::from_str(fenced(text)).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn unblind(prepared: &Prepared, tried: &[Iteration], catalogue: &Catalogue) -> (Critique, ResultsDocument) {
    let answering: BTreeMap<Target, u32> = prepared.plan.estimands.iter().map(|target| (*target, 1)).collect();
    let unblinded = results::unblind(prepared, tried, answering.clone());
    let source = alignment::Source {
        plan: &prepared.plan,
        plan_sha256: &prepared.plan_sha256,
        data_sha256: &prepared.document.sha256,
        unblinded_before: &[],
    };
    let blind = CritiqueInput {
        source,
        stage: Stage::Design,
        earlier: &[],
        current: tried[0].executed(),
        answers: BTreeMap::new(),
        sensitivity: BTreeMap::new(),
        estimates: BTreeMap::new(),
        without_estimate: BTreeMap::new(),
        rejected_with_outcome: Vec::new(),
    };
    let last = critique::critique(&CritiqueInput {
        stage: Stage::Final,
        answers: answering,
        sensitivity: unblinded.sensitivity_states(),
        estimates: unblinded.estimate_states(tried),
        without_estimate: unblinded.without_estimate(tried),
        rejected_with_outcome: prepared.rejected_with_outcome(),
        ..blind.clone()
    });
    let computed = critique::critique(&blind);
    (computed, results::document(prepared, tried, unblinded, last, catalogue.hashes()))
}

/// A linear congruential generator is enough here: the data need only be fixed and unstructured.
pub fn noise(state: &mut u64) -> f64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 11) as f64 / (1_u64 << 53) as f64
}

/// 400 rows: treatment `t`, outcome `y`, a category `c`, numbers `x` and `flag`, a placebo `z`. `level` names the category's
/// levels and `flag` the rows where the flag is up.
pub fn data(header: &str, level: &dyn Fn(usize) -> String, flag: &dyn Fn(usize) -> bool) -> String {
    let mut state = 20_261_121;
    let mut text = format!("{header}\n");
    for row in 0..400 {
        let x = noise(&mut state) * 2.0 - 1.0;
        let treated = if row < 8 { row % 2 == 0 } else { noise(&mut state) < 0.4 + 0.3 * x };
        let t = u8::from(treated);
        let y = 3.0 * f64::from(t) + 2.0 * x + noise(&mut state);
        let (c, up, z) = (level(row), u8::from(flag(row)), noise(&mut state));
        let _ = writeln!(text, "{t},{y},\"{}\",{x},{up},{z}", c.replace('"', "\"\""));
    }
    text
}

pub fn plan(confounders: &str) -> String {
    format!(
        "title: T\nquestion: Q?\ndata:\n  source: data.csv\ntreatment:\n  column: t\noutcome:\n  column: y\n  units: kg\n\
         confounders:\n  priority: {confounders}\nplacebo_outcomes: [z]\nestimands: [ate, att]\nanalysis:\n  estimator: aipw\n"
    )
}
