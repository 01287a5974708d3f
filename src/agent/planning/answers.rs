//! What a model may answer at each stage: the tools with their schemas, and each answer held against the file.

use super::{LONGEST, sentence};
use crate::llm::ToolSpec;
use crate::plan::draft::ColumnRole;
use crate::plan::{TargetTrial, closest, listed, shown};
use crate::text::lines::joined;
use crate::text::untrusted::visible;
use causal::graph::question::Question;
use causal::graph::read;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Threats, data, remarks of one answer; further ones are left out.
const MOST: usize = 8;

/// What the answers are about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Columns<'a> {
    pub(super) names: &'a [&'a str],
    pub(super) treatment: &'a str,
    pub(super) outcome: &'a str,
}

/// A graph, and why it is drawn so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrawnGraph {
    /// In DOT.
    pub dot: String,
    /// The reason.
    pub because: String,
}

/// Remarks of a critic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanReview {
    /// In order of importance.
    pub remarks: Vec<String>,
}

/// Threats, and data to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Threats {
    pub(super) threats: Vec<String>,
    pub(super) ask_for: Vec<String>,
}

const COMPONENTS: [&str; 8] = [
    "eligibility",
    "treatment_strategies",
    "assignment",
    "time_zero",
    "follow_up",
    "outcome",
    "causal_contrast",
    "analysis_plan",
];

fn object(properties: Value) -> Value {
    let required: Vec<String> = properties.as_object().map(|map| map.keys().cloned().collect()).unwrap_or_default();
    json!({"type": "object", "additionalProperties": false, "required": required, "properties": properties})
}

fn tool(name: &str, description: &str, properties: Value) -> ToolSpec {
    ToolSpec { name: name.to_owned(), description: description.to_owned(), schema: object(properties) }
}

fn roles_on_offer() -> Vec<&'static str> {
    let asked = |role: &&ColumnRole| !matches!(role, ColumnRole::Treatment | ColumnRole::Outcome);
    ColumnRole::ALL.iter().filter(asked).map(|role| role.key()).collect()
}

/// The tool for a question to the principal.
pub(super) const ASK: &str = "ask_principal";

/// The tools of the conversation that drafts. They stay the same, so that requests can be cached.
pub(super) fn planner_tools() -> Vec<ToolSpec> {
    let text = || json!({"type": "string"});
    let list = || json!({"type": "array", "items": {"type": "string"}});
    let role = object(json!({
        "column": text(), "role": {"type": "string", "enum": roles_on_offer()}, "reason": text(),
    }));
    let edge = object(json!({"from": text(), "to": text()}));
    let components = COMPONENTS.iter().map(|key| ((*key).to_owned(), text())).collect();
    vec![
        tool(
            ASK,
            "Ask the principal one question that the data and your knowledge cannot answer.",
            json!({"question": text()}),
        ),
        tool(
            "submit_roles",
            "The role of every column but treatment and outcome, each once.",
            json!({"roles": {"type": "array", "items": role}}),
        ),
        tool(
            "submit_trial",
            "The target trial; an empty text where only the principal can say.",
            Value::Object(components),
        ),
        tool(
            "submit_graph",
            "The graph: edges between columns and latent nodes, the names of the latent nodes, and the reasoning in a sentence or two.",
            json!({"edges": {"type": "array", "items": edge}, "latent": list(), "reason": text()}),
        ),
        tool(
            "submit_threats",
            "Threats to validity, and data that are not in the file and would help; one sentence each.",
            json!({"threats": list(), "data_to_ask_for": list()}),
        ),
    ]
}

/// The tool of the critic.
pub(super) fn critic_tools() -> Vec<ToolSpec> {
    let remark = object(json!({"column": {"type": "string"}, "remark": {"type": "string"}}));
    vec![tool(
        "submit_plan_review",
        "Remarks on the draft; `column` is the column that one is about, or empty.",
        json!({"remarks": {"type": "array", "items": remark}}),
    )]
}

fn parsed<T: for<'de> Deserialize<'de>>(arguments: &Value) -> Result<T, String> {
    if !arguments.is_object() {
        return Err("the arguments are not a whole JSON object".to_owned());
    }
    serde_json::from_value(arguments.clone()).map_err(|error| format!("the arguments do not fit the schema: {error}"))
}

/// `x` is no column; did you mean `y`?
fn no_column(name: &str, names: &[&str]) -> String {
    let near = closest(name, names.iter().copied()).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
    format!("`{}` is no column of the file{near}", shown(name))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RolesAnswer {
    roles: Vec<RoleAnswer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleAnswer {
    column: String,
    role: String,
    reason: String,
}

pub(super) type Roles = Vec<(String, ColumnRole, String)>;

pub(super) fn roles(arguments: &Value, columns: &Columns<'_>) -> Result<Roles, String> {
    let RolesAnswer { roles } = parsed(arguments)?;
    let wanted: Vec<&str> =
        columns.names.iter().copied().filter(|name| *name != columns.treatment && *name != columns.outcome).collect();
    let (mut faults, mut seen, mut taken) = (Vec::new(), BTreeSet::new(), Roles::new());
    for RoleAnswer { column, role, reason } in roles {
        if column == columns.treatment || column == columns.outcome {
            faults.push(format!("`{}` is the treatment or the outcome, and needs no role", shown(&column)));
            continue;
        }
        if !wanted.contains(&column.as_str()) {
            faults.push(no_column(&column, &wanted));
            continue;
        }
        let known = ColumnRole::parse(&role).filter(|role| roles_on_offer().contains(&role.key()));
        let Some(role) = known else {
            faults.push(format!("`{}` is no role; the roles are {}", shown(&role), listed(roles_on_offer())));
            continue;
        };
        if reason.trim().is_empty() {
            faults.push(format!("the role of `{}` has no reason", shown(&column)));
        }
        if !seen.insert(column.clone()) {
            faults.push(format!("`{}` has two roles", shown(&column)));
        }
        taken.push((column, role, reason));
    }
    let missing: Vec<&str> = wanted.iter().copied().filter(|name| !seen.contains(*name)).collect();
    if !missing.is_empty() && faults.is_empty() {
        faults.push(format!("these columns have no role yet: {}", listed(missing)));
    }
    for single in [ColumnRole::Cluster, ColumnRole::Weight] {
        if taken.iter().filter(|one| one.1 == single).count() > 1 {
            faults.push(format!("at most one column is `{}`", single.key()));
        }
    }
    if faults.is_empty() { Ok(taken) } else { Err(told(&faults)) }
}

fn told(faults: &[String]) -> String {
    let more = faults.len().saturating_sub(MOST);
    let first = faults.iter().take(MOST).cloned().collect::<Vec<_>>().join("; ");
    if more > 0 { format!("{first}; and {more} more") } else { first }
}

pub(super) fn trial(arguments: &Value) -> Result<TargetTrial, String> {
    let object =
        arguments.as_object().ok_or_else(|| "the arguments are an object with the eight components".to_owned())?;
    let unknown: Vec<&str> = object.keys().map(String::as_str).filter(|key| !COMPONENTS.contains(key)).collect();
    if !unknown.is_empty() {
        return Err(format!("no such component: {}; they are {}", listed(unknown), listed(COMPONENTS)));
    }
    let component = |key: &str| match object.get(key) {
        Some(Value::String(text)) => Ok(sentence(text)),
        None | Some(Value::Null) => Ok(String::new()),
        Some(_) => Err(format!("`{key}` is a text")),
    };
    Ok(TargetTrial {
        eligibility: component("eligibility")?,
        treatment_strategies: component("treatment_strategies")?,
        assignment: component("assignment")?,
        time_zero: component("time_zero")?,
        follow_up: component("follow_up")?,
        outcome: component("outcome")?,
        causal_contrast: component("causal_contrast")?,
        analysis_plan: component("analysis_plan")?,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GraphAnswer {
    edges: Vec<EdgeAnswer>,
    #[serde(default)]
    latent: Vec<String>,
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EdgeAnswer {
    from: String,
    to: String,
}

pub(super) fn graph(arguments: &Value, columns: &Columns<'_>, roles: &Roles) -> Result<DrawnGraph, String> {
    let GraphAnswer { edges, latent, reason } = parsed(arguments)?;
    let mut faults = Vec::new();
    for name in &latent {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ' ');
        if columns.names.contains(&name.as_str()) {
            faults.push(format!("`{}` is a column, so it is not latent", shown(name)));
        } else if name.trim().is_empty() || !name.chars().all(plain) {
            faults.push(format!("call the latent node `{}` by letters, digits and `_`", shown(name)));
        }
    }
    let known = |name: &str| columns.names.contains(&name) || latent.iter().any(|own| own == name);
    let ends = || edges.iter().flat_map(|edge| [edge.from.as_str(), edge.to.as_str()]);
    let strangers: BTreeSet<&str> = ends().filter(|name| !known(name)).collect();
    faults.extend(
        strangers.into_iter().map(|name| {
            format!("{} Name it under `latent` if nobody measured it", no_column(name, columns.names) + ".")
        }),
    );
    let must = roles.iter().filter(|one| one.1.is_adjusted_for()).map(|one| one.0.as_str());
    let absent: Vec<&str> =
        must.chain([columns.treatment, columns.outcome]).filter(|name| !ends().any(|end| end == *name)).collect();
    if !absent.is_empty() {
        faults.push(format!("the graph has no arrow from or to {}", listed(absent)));
    }
    if let Some(name) = ends().find(|name| name.chars().any(|c| matches!(c, '"' | '\\' | '\n' | '\r'))) {
        faults.push(format!("`{}` cannot be drawn, because of a character in it; leave it out", shown(name)));
    }
    if !faults.is_empty() {
        return Err(told(&faults));
    }
    let mut dot = String::from("digraph {\n");
    for name in &latent {
        dot.push_str(&format!("  \"{name}\" [latent=true];\n"));
    }
    let unique: BTreeSet<(&str, &str)> = edges.iter().map(|edge| (edge.from.as_str(), edge.to.as_str())).collect();
    for (from, to) in unique {
        dot.push_str(&format!("  \"{from}\" -> \"{to}\";\n"));
    }
    dot.push('}');
    let problems = |found: causal::graph::problem::GraphProblems| {
        found.0.iter().map(|one| format!("{} ({})", one.kind, one.hint())).collect::<Vec<_>>().join("; ")
    };
    let graph = read::read(&dot).map_err(problems)?;
    Question::new(&graph, &[columns.treatment], columns.outcome).map_err(problems)?;
    Ok(DrawnGraph { dot, because: sentence(&reason) })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ThreatsAnswer {
    threats: Vec<String>,
    #[serde(default)]
    data_to_ask_for: Vec<String>,
}

pub(super) fn threats(arguments: &Value) -> Result<Threats, String> {
    let ThreatsAnswer { threats, data_to_ask_for } = parsed(arguments)?;
    Ok(Threats { threats: sentences(&threats), ask_for: sentences(&data_to_ask_for) })
}

fn sentences(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| sentence(text)).filter(|text| !text.is_empty()).take(MOST).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReviewAnswer {
    remarks: Vec<RemarkAnswer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RemarkAnswer {
    #[serde(default)]
    column: String,
    remark: String,
}

pub(super) fn review(arguments: &Value, names: &[&str]) -> Result<PlanReview, String> {
    let ReviewAnswer { remarks } = parsed(arguments)?;
    let strangers: Vec<String> = remarks
        .iter()
        .filter(|one| !one.column.is_empty() && !names.contains(&one.column.as_str()))
        .map(|one| no_column(&one.column, names))
        .collect();
    if !strangers.is_empty() {
        return Err(told(&strangers));
    }
    let told = |one: &RemarkAnswer| match (one.column.is_empty(), sentence(&one.remark)) {
        (_, words) if words.is_empty() => None,
        (true, words) => Some(words),
        (false, words) => Some(format!("{}: {words}", shown(&one.column))),
    };
    Ok(PlanReview { remarks: remarks.iter().filter_map(told).take(MOST).collect() })
}

/// The question of a call of [`ASK`].
pub(super) fn question(arguments: &Value) -> Result<String, String> {
    let asked = arguments.get("question").and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    let asked = asked.ok_or_else(|| "the question is empty".to_owned())?;
    if asked.chars().count() > LONGEST {
        Err("the question is too long; ask for one thing".to_owned())
    } else {
        // Word for word: it may begin with the name of a column.
        Ok(visible(&joined(asked)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAMES: [&str; 4] = ["t", "y", "age", "visits"];

    fn columns() -> Columns<'static> {
        Columns { names: &NAMES, treatment: "t", outcome: "y" }
    }

    fn role(column: &str, role: &str) -> Value {
        json!({"column": column, "role": role, "reason": "so it is"})
    }

    #[test]
    fn roles_are_held_against_the_file() {
        let answer = |items: &[Value]| roles(&json!({"roles": items}), &columns());
        let good = answer(&[role("age", "confounder"), role("visits", "mediator")]).expect("good");
        assert_eq!(good[1].1, ColumnRole::Mediator);
        for (items, words) in [
            (vec![role("agee", "confounder"), role("visits", "mediator")], "did you mean `age`?"),
            (vec![role("age", "confounder")], "no role yet: `visits`"),
            (vec![role("age", "boss"), role("visits", "mediator")], "`boss` is no role"),
            (vec![role("age", "treatment"), role("visits", "mediator")], "`treatment` is no role"),
            (vec![role("y", "confounder"), role("age", "time"), role("visits", "time")], "needs no role"),
            (vec![role("age", "time"), role("age", "time"), role("visits", "time")], "two roles"),
            (vec![role("age", "weight"), role("visits", "weight")], "at most one"),
        ] {
            let told = answer(&items).expect_err(words);
            assert!(told.contains(words), "{told}");
        }
    }

    #[test]
    fn graphs_are_held_against_the_file_and_the_roles() {
        let adjusted = vec![("age".to_owned(), ColumnRole::Confounder, String::new())];
        let edges = |pairs: &[(&str, &str)]| -> Vec<Value> {
            pairs.iter().map(|pair| json!({"from": pair.0, "to": pair.1})).collect()
        };
        let answer = |pairs: &[(&str, &str)], latent: &[&str]| {
            graph(&json!({"edges": edges(pairs), "latent": latent, "reason": "r"}), &columns(), &adjusted)
        };
        let good = answer(&[("age", "t"), ("age", "y"), ("t", "y"), ("u", "y"), ("u", "t")], &["u"]).expect("good");
        assert!(good.dot.contains("\"u\" [latent=true]") && read::read(&good.dot).is_ok());
        for (pairs, latent, words) in [
            (vec![("age", "t"), ("t", "y"), ("income", "y")], vec![], "`income` is no column"),
            (vec![("t", "y")], vec![], "no arrow from or to `age`"),
            (vec![("age", "t"), ("t", "y"), ("y", "age")], vec![], "cycle"),
            (vec![("age", "t"), ("t", "y")], vec!["age"], "not latent"),
        ] {
            let told = answer(&pairs, &latent).expect_err(words);
            assert!(told.contains(words), "{told}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_model_writes_is_taken_or_sent_back(name in "\\PC{0,10}", word in "\\PC{0,10}") {
            let any = json!({"roles": [role(&name, &word)], "edges": [{"from": name, "to": word}], "latent": [word],
                "threats": [name], "remarks": [{"column": name, "remark": word}], "question": word});
            let only = |key: &str| json!({key: any[key]});
            let _ = (roles(&only("roles"), &columns()), trial(&any), threats(&only("threats")), question(&any));
            let _ = (graph(&only("edges"), &columns(), &Roles::new()), review(&only("remarks"), &NAMES));
        }
    }
}
