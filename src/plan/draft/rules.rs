//! What a plan with `draft:` must keep to: every judgement is accepted, and the plan uses each column as its role says.

use super::{ColumnRole, DraftSection, RoleJudgement};
use crate::plan::reader::{listed, shown};
use crate::plan::{Plan, Problem};
use crate::term::Term;
use crate::text::escape::shell_word;
use std::collections::BTreeSet;

/// Names of this many judgements are told; of the rest the number.
const NAMED: usize = 12;

/// Adds what the draft forbids.
pub(in crate::plan) fn check(plan: &Plan, out: &mut Vec<Problem>) {
    let Some(draft) = &plan.draft else { return };
    for (at, one) in draft.roles.iter().enumerate().filter(|(_, one)| !one.is_pending()) {
        let Some(message) = contradiction(plan, one) else { continue };
        let path = format!("draft.roles[{at}]");
        let word = shell_word(&format!("{}={}", one.column, one.role.key()));
        let hint = format!(
            "`oci-agent plan accept plan.yaml --role {word}` puts it where that role belongs; name another role if it has changed."
        );
        out.push(Problem { place: plan.at(&path), path, message, hint });
    }
    for column in without_judgement(plan, draft) {
        let name = shown(column);
        let word = shell_word(&format!("{column}=ROLE"));
        out.push(Problem {
            place: plan.at("draft"),
            path: "draft.roles".to_owned(),
            message: format!("the plan uses `{name}`, and its draft has no judgement on it"),
            hint: format!(
                "Say what it is, `oci-agent plan accept plan.yaml --role {word}`, or take it out of the plan."
            ),
        });
    }
    let section = &plan.confounders;
    let none = section.priority.is_empty() && section.other.is_empty() && section.terms.is_empty();
    if draft.pending() == 0 && none && plan.graph.is_none() {
        let hint = "Give a column the role `confounder`, e.g. `oci-agent plan accept plan.yaml --role age=confounder`; if treatment was randomised, one that was measured before.";
        let message = "no column of the draft was accepted as a confounder".to_owned();
        out.push(Problem {
            place: plan.at("confounders"),
            path: "confounders".to_owned(),
            message,
            hint: hint.to_owned(),
        });
    }
    if draft.pending() > 0 {
        let hint = "Decide with `oci-agent plan accept plan.yaml`: role by role on a terminal, or with `--role COLUMN=ROLE` and `--all-as-drafted`.";
        let path = "draft".to_owned();
        out.push(Problem { place: plan.at(&path), path, message: pending(draft), hint: hint.to_owned() });
    }
}

/// Columns with a place in the plan that the draft says nothing about: nobody has accepted those.
fn without_judgement<'a>(plan: &'a Plan, draft: &DraftSection) -> BTreeSet<&'a str> {
    used(plan).into_iter().filter(|column| !column.is_empty() && draft.role_of(column).is_none()).collect()
}

/// The columns that have a place in a plan for which a role is accepted.
pub(super) fn used(plan: &Plan) -> BTreeSet<&str> {
    let section = &plan.confounders;
    let lists = [&section.priority, &section.other, &plan.negative_controls, &plan.placebo_outcomes];
    let own = [&plan.data.unit_id, &plan.data.weights, &plan.analysis.clusters];
    let listed = lists.into_iter().flatten().map(String::as_str);
    let in_terms = section.terms.iter().flat_map(Term::columns);
    let single = own.into_iter().filter_map(|job| job.as_deref());
    listed.chain(in_terms).chain(single).chain([plan.treatment.column.as_str(), plan.outcome.column.as_str()]).collect()
}

/// The judgements that nobody has accepted, in a sentence.
fn pending(draft: &DraftSection) -> String {
    let (undecided, drafted): (Vec<&RoleJudgement>, Vec<&RoleJudgement>) =
        draft.pending_roles().partition(|one| one.role == ColumnRole::Undecided);
    let drafted: Vec<String> =
        drafted.iter().map(|one| format!("`{}` as {}", shown(&one.column), one.role.key())).collect();
    let undecided: Vec<String> = undecided.iter().map(|one| format!("`{}`", shown(&one.column))).collect();
    let parts: Vec<String> = draft.pending_parts().map(|one| format!("`{}`", one.part.key())).collect();
    let told: Vec<String> = [("drafted and not accepted: ", drafted), ("undecided: ", undecided), ("parts: ", parts)]
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(words, names)| format!("{words}{}", first(&names)))
        .collect();
    format!("nobody has accepted {} of this plan's judgements yet ({})", draft.pending(), told.join("; "))
}

fn first(names: &[String]) -> String {
    let more = names.len().saturating_sub(NAMED);
    let named = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{named} and {more} more") } else { named }
}

/// How the plan uses a column otherwise than its role says.
fn contradiction(plan: &Plan, one: &RoleJudgement) -> Option<String> {
    let column = one.column.as_str();
    let holds = |name: &str| name == column;
    let among = |list: &[String]| list.iter().any(|name| holds(name));
    let section = &plan.confounders;
    let (lists, terms) =
        (among(&section.priority) || among(&section.other), section.terms.iter().flat_map(Term::columns).any(&holds));
    let own = |job: &Option<String>| job.as_deref().is_some_and(holds);
    let uses = [
        ("confounders", lists || terms, ColumnRole::is_adjusted_for as fn(ColumnRole) -> bool),
        ("negative_controls", among(&plan.negative_controls), |role| role == ColumnRole::NegativeControl),
        ("placebo_outcomes", among(&plan.placebo_outcomes), |role| role == ColumnRole::PlaceboOutcome),
        ("data.unit_id", own(&plan.data.unit_id), |role| role == ColumnRole::Identifier),
        ("data.weights", own(&plan.data.weights), |role| role == ColumnRole::Weight),
        ("analysis.clusters", own(&plan.analysis.clusters), |role| {
            matches!(role, ColumnRole::Cluster | ColumnRole::Identifier)
        }),
        ("treatment.column", plan.treatment.column == column, |role| role == ColumnRole::Treatment),
        ("outcome.column", plan.outcome.column == column, |role| role == ColumnRole::Outcome),
    ];
    let role = one.role;
    let name = shown(column);
    let wrong: Vec<&str> =
        uses.iter().filter(|(_, used, fits)| *used && !fits(role)).map(|(place, _, _)| *place).collect();
    if !wrong.is_empty() {
        return Some(format!("`{name}` was accepted as {}, and the plan has it under {}", role.key(), listed(wrong)));
    }
    // Confounders may be chosen from the graph.
    let chosen = plan.graph.is_some() && section.priority.is_empty() && section.other.is_empty();
    let needs_no_place = match role {
        ColumnRole::Confounder | ColumnRole::Predictor => chosen,
        ColumnRole::NegativeControl
        | ColumnRole::PlaceboOutcome
        | ColumnRole::Weight
        | ColumnRole::Cluster
        | ColumnRole::Treatment
        | ColumnRole::Outcome => false,
        _ => true,
    };
    let placed = uses.iter().any(|(_, used, fits)| *used && fits(role));
    (!needs_no_place && !placed)
        .then(|| format!("`{name}` was accepted as {}, and the plan does not use it so", role.key()))
}
