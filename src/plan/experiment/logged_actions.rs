//! `logged_actions:`, decisions that an agent made, each with the chance of what it did.

use super::quantities::finite;
use crate::plan::experiment::ExperimentPlan;
use crate::plan::reader::{Reader, Section, shown};
use crate::plan::sections;
use crate::plan::yaml_tree::{Entry, Kind, Node};
use std::collections::BTreeMap;

/// The section `logged_actions`.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedActions {
    /// The file with a row for each decision.
    pub source: String,
    /// Its column that names the unit; absent means the same name as in the assignments.
    pub per: Option<String>,
    /// The column with what was done.
    pub action: Option<String>,
    /// The column with the chance that it had.
    pub probability: Option<String>,
    /// The column with what came of the decision.
    pub reward: String,
    /// Columns that were known before the action.
    pub covariates: Vec<String>,
    /// Columns with performance scores, which are shown beside the answers.
    pub scores: Vec<String>,
    /// The policies to be valued, in the order of the file.
    pub policies: Vec<NamedPolicy>,
    /// The steps that a coin switched, in the order of the file.
    pub steps: Vec<NamedStep>,
}

/// A policy.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedPolicy {
    /// Its name.
    pub name: String,
    /// What it does.
    pub rule: PolicyRule,
}

/// What a policy does in a decision.
#[derive(Debug, Clone, PartialEq)]
pub enum PolicyRule {
    /// One action in every decision.
    Always(String),
    /// The action in a column.
    Column(String),
}

/// A step that a coin switched on or off.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedStep {
    /// Its name.
    pub name: String,
    /// The column that says whether it was on.
    pub column: String,
    /// How probable that was.
    pub probability: StepProbability,
}

/// The chance of a step to be on.
#[derive(Debug, Clone, PartialEq)]
pub enum StepProbability {
    /// The same in every decision.
    Constant(f64),
    /// In a column.
    Column(String),
}

/// The section, if the plan has it.
pub(super) fn logged_actions(reader: &mut Reader, root: &Section<'_>) -> Option<LoggedActions> {
    root.get("logged_actions")?;
    let (section, readable) = reader.section(root, "logged_actions");
    if !readable {
        return None;
    }
    let source =
        reader.required(&section, "source", "Name the file with a row for each decision: `source: decisions.csv`.");
    if !source.is_empty() {
        sections::is_source(reader, &section, &source);
    }
    let reward = reader.required(
        &section,
        "reward",
        "Name the column of that file with what came of a decision, such as 1 for a task that was solved: `reward: solved`.",
    );
    let found = LoggedActions {
        source,
        reward,
        per: reader.text(&section, "per"),
        action: reader.text(&section, "action"),
        probability: reader.text(&section, "probability"),
        covariates: reader.texts(&section, "covariates"),
        scores: reader.texts(&section, "scores"),
        policies: named(reader, &section, "policies", policy),
        steps: named(reader, &section, "steps", step),
    };
    let asks = ["policies", "steps"].iter().any(|key| section.get(key).is_some());
    if !asks && !reader.complained_within("logged_actions") {
        let message = "`logged_actions` asks for nothing: it names no policy and no step".to_owned();
        let hint = "Add `policies: {NAME: {always: ACTION}}`, or `steps: {NAME: {probability: 0.5}}` where a coin switched steps of the agent on and off.";
        let place = reader.places.get("logged_actions").copied();
        reader.problem(place, "logged_actions", message, hint);
    }
    Some(found)
}

fn named<T>(
    reader: &mut Reader,
    parent: &Section<'_>,
    key: &str,
    one: fn(&mut Reader, &Section<'_>, &str) -> Option<T>,
) -> Vec<T> {
    let (section, _) = reader.section(parent, key);
    let mut entries: Vec<&Entry> = section.entries().collect();
    entries.sort_by_key(|entry| entry.place);
    let shape = format!("logged_actions.{key}.*");
    let mut found = Vec::new();
    for entry in entries {
        let path = section.path(&entry.key);
        let Kind::Mapping(fields) = &entry.value.kind else {
            let message = format!("`{path}` has keys of its own, and this is {}", entry.value.noun());
            let hint = match key {
                "policies" => {
                    format!("Write `{}: {{always: ACTION}}`, or `{}: {{column: COLUMN}}`.", entry.key, entry.key)
                }
                _ => format!("Write `{}: {{probability: 0.5}}`, the chance that the step was on.", entry.key),
            };
            reader.problem(Some(entry.value.place), &path, message, hint);
            continue;
        };
        let fields = reader.fields(fields, &path, &shape, Some(entry.place));
        found.extend(one(reader, &fields, &entry.key));
    }
    found
}

fn policy(reader: &mut Reader, section: &Section<'_>, name: &str) -> Option<NamedPolicy> {
    let path = format!("logged_actions.policies.{name}");
    let (always, column) = (reader.text(section, "always"), reader.text(section, "column"));
    let rule = match (always, column) {
        (Some(action), None) => PolicyRule::Always(action),
        (None, Some(column)) => PolicyRule::Column(column),
        (None, None) if reader.complained_within(&path) => return None,
        (both, _) => {
            let says = if both.is_some() { "both `always` and `column`" } else { "neither `always` nor `column`" };
            let message = format!("the policy `{}` has {says}", shown(name));
            let hint = "Write `always: ACTION` for one action in every decision, or `column: COLUMN` for the column with its action in each.";
            let place = reader.places.get(&path).copied();
            reader.problem(place, &path, message, hint);
            return None;
        }
    };
    Some(NamedPolicy { name: name.to_owned(), rule })
}

fn step(reader: &mut Reader, section: &Section<'_>, name: &str) -> Option<NamedStep> {
    let column = reader.text(section, "column").unwrap_or_else(|| name.to_owned());
    let Some(node) = section.get("probability") else {
        reader.required(
            section,
            "probability",
            "Write the chance that the step was on, `probability: 0.5`, or the column that holds it.",
        );
        return None;
    };
    let probability = step_probability(reader, node, &section.path("probability"))?;
    Some(NamedStep { name: name.to_owned(), column, probability })
}

fn step_probability(reader: &mut Reader, node: &Node, path: &str) -> Option<StepProbability> {
    let text = reader.text_of(node, path)?;
    // `.nan` and `.inf` are how YAML writes what is no chance.
    let number =
        text.trim().parse::<f64>().is_ok() || [".nan", ".inf", "-.inf"].contains(&text.trim().to_lowercase().as_str());
    match number.then(|| finite(&text)) {
        None => Some(StepProbability::Column(text)),
        Some(Some(chance)) if chance > 0.0 && chance < 1.0 => Some(StepProbability::Constant(chance)),
        Some(_) => {
            let message = format!("`{path}` is a chance between 0 and 1, and `{}` is not", shown(&text));
            let hint = "Write the chance that the step was on, such as `0.5`; a step that was always on, or always off, was switched by no coin, and its credit cannot be told.";
            reader.problem(Some(node.place), path, message, hint);
            None
        }
    }
}

/// Rules of the section that need no data: the path, the message and the hint of each that is broken.
pub(super) fn broken(plan: &ExperimentPlan) -> Vec<(String, String, String)> {
    let Some(logged) = &plan.logged_actions else { return Vec::new() };
    let at = |key: &str| format!("logged_actions.{key}");
    let mut found = Vec::new();
    let mut note = |path: String, message: &str, hint: &str| found.push((path, message.to_owned(), hint.to_owned()));
    if plan.assignment.unit_id.is_none() {
        note(
            at("source"),
            "decisions belong to units, and the plan does not say what names a unit",
            "Add `unit_id: COLUMN` under `assignment:`.",
        );
    }
    if !logged.policies.is_empty() && (logged.action.is_none() || logged.probability.is_none()) {
        let missing = if logged.action.is_none() { "what was done" } else { "the chance of what was done" };
        note(
            at("policies"),
            &format!("the value of a policy needs {missing}, and `logged_actions` does not name it"),
            "Add `action: COLUMN` and `probability: COLUMN`. A log without chances is no experiment: write an observational plan for it, with `treatment:` and what drove the choice under `confounders:`.",
        );
    }
    for (column, what) in jobs(logged) {
        for (list, name) in [(&logged.covariates, "covariates"), (&logged.scores, "scores")] {
            if let Some(i) = list.iter().position(|listed| *listed == column) {
                note(
                    format!("logged_actions.{name}[{i}]"),
                    &format!("`{}` is {what}, and is listed among the {name}", shown(&column)),
                    "Take it out here.",
                );
            }
        }
    }
    let mut seen: BTreeMap<&str, String> = BTreeMap::new();
    for (list, name) in [(&logged.covariates, "covariates"), (&logged.scores, "scores")] {
        for (i, column) in list.iter().enumerate() {
            let path = format!("logged_actions.{name}[{i}]");
            if let Some(first) = seen.insert(column, path.clone()) {
                note(
                    path,
                    &format!("`{}` is listed twice", shown(column)),
                    &format!("It is already `{first}`; keep one of the two."),
                );
            }
        }
    }
    found
}

/// The columns that have a job, with its name.
fn jobs(logged: &LoggedActions) -> Vec<(String, &'static str)> {
    let mut jobs = vec![(logged.reward.clone(), "the reward")];
    jobs.extend(logged.action.clone().map(|column| (column, "the action")));
    jobs.extend(logged.probability.clone().map(|column| (column, "the chance of the action")));
    jobs.extend(logged.steps.iter().map(|step| (step.column.clone(), "a step")));
    jobs
}
