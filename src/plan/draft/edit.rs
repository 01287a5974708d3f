//! The text of a plan with a draft in it: the section itself, and columns in the places of their roles. Comments and everything
//! else stay as they are.

use super::{AcceptedOn, ColumnRole, DraftSection};
use crate::plan::quote::yaml_text;
use crate::plan::set::{SetError, with_section, with_value};
use crate::plan::{Plan, TargetTrial, read_bytes};
use crate::text::untrusted::visible;
use std::fmt::Write as _;

/// A draft on top of the plan that the template makes.
#[derive(Debug, Clone, Copy)]
pub struct DraftedPlan<'a> {
    /// The template's text.
    pub template: &'a str,
    /// The question, as it was asked.
    pub question: &'a str,
    /// The trial, as far as it was drafted.
    pub trial: Option<&'a TargetTrial>,
    /// Threats.
    pub threats: &'a [String],
    /// The graph, in DOT.
    pub graph: Option<&'a str>,
    /// The column that names each unit.
    pub unit_id: Option<&'a str>,
    /// The judgements.
    pub draft: &'a DraftSection,
}

/// The whole plan.
///
/// # Errors
/// [`SetError`], if a value cannot be put where it belongs.
pub fn appended(drafted: &DraftedPlan<'_>) -> Result<String, SetError> {
    let mut text = with_value(drafted.template, "question", &yaml_text(&visible(drafted.question)))?;
    if let Some(id) = drafted.unit_id {
        text = with_value(&text, "data.unit_id", &yaml_text(id))?;
    }
    if let Some(trial) = drafted.trial {
        for (key, words) in components(trial).into_iter().filter(|(_, words)| !words.trim().is_empty()) {
            text = with_value(&text, &format!("target_trial.{key}"), &yaml_text(&visible(words)))?;
        }
    }
    if !drafted.threats.is_empty() {
        let threats: Vec<String> = drafted.threats.iter().map(|threat| visible(threat)).collect();
        text = with_value(&text, "threats", &block(&threats, "  "))?;
    }
    if let Some(graph) = drafted.graph {
        let mut section = String::from("graph: |\n");
        for line in graph.lines() {
            let _ = writeln!(section, "  {line}");
        }
        text = with_section(&text, "graph", &section)?;
    }
    let roles: Vec<(&str, ColumnRole)> =
        drafted.draft.roles.iter().map(|one| (one.column.as_str(), one.role)).collect();
    let text = placed(&text, &roles)?;
    rewritten(&text, drafted.draft)
}

/// The components of a target trial, by their keys.
pub(super) fn components(trial: &TargetTrial) -> [(&'static str, &str); 8] {
    [
        ("eligibility", &trial.eligibility),
        ("treatment_strategies", &trial.treatment_strategies),
        ("assignment", &trial.assignment),
        ("time_zero", &trial.time_zero),
        ("follow_up", &trial.follow_up),
        ("outcome", &trial.outcome),
        ("causal_contrast", &trial.causal_contrast),
        ("analysis_plan", &trial.analysis_plan),
    ]
}

/// The text with `draft:` written anew, at its place or at the end.
///
/// # Errors
/// [`SetError`].
pub fn rewritten(text: &str, draft: &DraftSection) -> Result<String, SetError> {
    let mut section = section(draft);
    if read_bytes(text.as_bytes()).0.is_none_or(|plan| plan.draft.is_none()) {
        section = format!("\n{INTRODUCTION}{section}");
    }
    with_section(text, "draft", &section)
}

const INTRODUCTION: &str = "\
# What was drafted, by whom and why. Nothing runs until you have accepted each of these judgements:
#
#   oci-agent plan accept plan.yaml                         goes through them, one by one
#   oci-agent plan accept plan.yaml --role age=confounder   decides one; --all-as-drafted all but the undecided ones
#
# Whoever accepts is named here, and a column goes where its role belongs. docs/draft.md explains the roles.
";

fn section(draft: &DraftSection) -> String {
    let mut out = String::from("draft:\n");
    let mut line = |indent: &str, key: &str, value: &str| {
        let _ = writeln!(out, "{indent}{key}: {value}");
    };
    for (key, value) in [("model", &draft.model), ("transcript", &draft.transcript)] {
        if let Some(value) = value {
            line("  ", key, &yaml_text(value));
        }
    }
    if let Some(cost) = draft.cost_usd {
        line("  ", "cost_usd", &format!("{cost:.4}"));
    }
    if draft.roles.is_empty() {
        line("  ", "roles", "[]");
    } else {
        line("  ", "roles", "");
    }
    for one in &draft.roles {
        line("    - ", "column", &yaml_text(&one.column));
        line("      ", "role", one.role.key());
        if let Some(drafted) = one.drafted {
            line("      ", "drafted", drafted.key());
        }
        line("      ", "by", one.by.key());
        if !one.because.is_empty() {
            line("      ", "because", &yaml_text(&visible(&one.because)));
        }
        accepted(&mut line, one.accepted.as_ref());
    }
    if !draft.parts.is_empty() {
        line("  ", "parts", "");
    }
    for one in &draft.parts {
        line("    - ", "part", one.part.key());
        line("      ", "by", one.by.key());
        if !one.because.is_empty() {
            line("      ", "because", &yaml_text(&visible(&one.because)));
        }
        if !one.kept {
            line("      ", "kept", "false");
        }
        accepted(&mut line, one.accepted.as_ref());
    }
    for (key, texts) in [("ask_for", &draft.ask_for), ("remarks", &draft.remarks)] {
        if !texts.is_empty() {
            let _ = writeln!(out, "  {key}:");
        }
        for text in texts {
            let _ = writeln!(out, "    - {}", yaml_text(&visible(text)));
        }
    }
    if !draft.asked.is_empty() {
        let _ = writeln!(out, "  asked:");
    }
    for one in &draft.asked {
        let _ = writeln!(out, "    - question: {}", yaml_text(&visible(&one.question)));
        if !one.answer.trim().is_empty() {
            let _ = writeln!(out, "      answer: {}", yaml_text(&visible(&one.answer)));
        }
    }
    out.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn accepted(line: &mut impl FnMut(&str, &str, &str), by: Option<&AcceptedOn>) {
    let Some(AcceptedOn { by, at }) = by else { return };
    line("      ", "accepted", &yaml_text(&visible(by)));
    if !at.is_empty() {
        line("      ", "at", &yaml_text(at));
    }
}

/// A list of texts on lines of their own.
fn block(items: &[String], indent: &str) -> String {
    items.iter().map(|item| format!("\n{indent}- {}", yaml_text(item))).collect()
}

/// The text with every column in the place of its role, and in no other.
pub(super) fn placed(text: &str, roles: &[(&str, ColumnRole)]) -> Result<String, SetError> {
    let (Some(plan), _) = read_bytes(text.as_bytes()) else { return Ok(text.to_owned()) };
    let section = &plan.confounders;
    let lists = [
        ("confounders.priority", &section.priority, ColumnRole::Confounder),
        ("confounders.other", &section.other, ColumnRole::Predictor),
        ("negative_controls", &plan.negative_controls, ColumnRole::NegativeControl),
        ("placebo_outcomes", &plan.placebo_outcomes, ColumnRole::PlaceboOutcome),
    ];
    let mut text = text.to_owned();
    for (key, now, listed) in lists {
        let belongs = |role: ColumnRole| role == listed;
        let mut next: Vec<String> = now.iter().filter(|name| stays(name, roles, belongs)).cloned().collect();
        for (column, role) in roles.iter().filter(|(_, role)| belongs(*role)) {
            // A confounder that was listed as another one stays where it is.
            let there = *role == ColumnRole::Confounder && section.other.iter().any(|name| name == column);
            if !there && !next.iter().any(|name| name == column) {
                next.push((*column).to_owned());
            }
        }
        if next != *now {
            text = with_list(&text, key, &next)?;
        }
    }
    for (key, now, belongs) in jobs(&plan) {
        if let Some(name) = now.as_deref().filter(|name| roles.iter().any(|(it, role)| it == name && !belongs(*role))) {
            debug_assert!(!name.is_empty());
            text = with_value(&text, key, "null")?;
        }
    }
    for (column, role) in roles {
        let key = match role {
            ColumnRole::Weight => "data.weights",
            ColumnRole::Cluster => "analysis.clusters",
            _ => continue,
        };
        text = with_value(&text, key, &yaml_text(column))?;
    }
    Ok(text)
}

type Job<'a> = (&'static str, &'a Option<String>, fn(ColumnRole) -> bool);

/// Columns that have a job of their own.
fn jobs(plan: &Plan) -> [Job<'_>; 3] {
    [
        ("data.weights", &plan.data.weights, |role| role == ColumnRole::Weight),
        ("data.unit_id", &plan.data.unit_id, |role| role == ColumnRole::Identifier),
        ("analysis.clusters", &plan.analysis.clusters, |role| {
            matches!(role, ColumnRole::Cluster | ColumnRole::Identifier)
        }),
    ]
}

/// True if a column that is listed may stay: nothing else was decided of it.
fn stays(name: &str, roles: &[(&str, ColumnRole)], belongs: impl Fn(ColumnRole) -> bool) -> bool {
    let decided = roles.iter().find(|(column, _)| *column == name);
    decided
        .is_none_or(|(_, role)| belongs(*role) || (*role == ColumnRole::Confounder && belongs(ColumnRole::Predictor)))
}

/// A list on lines of its own, or within brackets where those of the plan are.
fn with_list(text: &str, key: &str, items: &[String]) -> Result<String, SetError> {
    if items.is_empty() {
        return with_value(text, key, "[]");
    }
    let indent = if key.contains('.') { "    " } else { "  " };
    let last = key.rsplit('.').next().unwrap_or(key);
    let tidy = |text: String| text.replace(&format!("{last}: \n"), &format!("{last}:\n"));
    with_value(text, key, &block(items, indent)).map(tidy).or_else(|_| {
        let items: Vec<String> = items.iter().map(|item| yaml_text(item)).collect();
        with_value(text, key, &format!("[{}]", items.join(", ")))
    })
}
