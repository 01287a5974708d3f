//! What the principal decides on a draft: the plan's text with it.

use super::edit::{components, placed, rewritten};
use super::{AcceptedOn, ColumnRole, DraftSection, DraftedPart};
use crate::plan::quote::yaml_value;
use crate::plan::set::{SetError, with_value};
use crate::plan::{Plan, Problem, closest, listed, read_bytes, shown};
use crate::term::Term;
use std::collections::BTreeMap;

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acceptance {
    /// A column has this role; `None`: the one that was drafted.
    Role(String, Option<ColumnRole>),
    /// A part stays as it was drafted, or does not.
    Part(DraftedPart, bool),
    /// Whatever is pending is accepted as it was drafted; what is undecided stays so.
    AllAsDrafted,
    /// Every column that is undecided has this role.
    Undecided(ColumnRole),
}

/// Who decides, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedBy {
    /// `Name <address>`.
    pub name: String,
    /// The time, in UTC.
    pub at: String,
}

/// Why a decision could not be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecideError {
    /// The text is no plan, or has no draft.
    #[error("{0}")]
    NoDraft(String),
    /// No such column in the draft.
    #[error("the draft has no judgement on `{column}`")]
    NoColumn {
        /// As it was named.
        column: String,
        /// One that may have been meant.
        near: Option<String>,
    },
    /// No such part in the draft.
    #[error("the draft has no part `{}`", .0.key())]
    NoPart(DraftedPart),
    /// A column that is undecided, accepted as it is.
    #[error("`{0}` is undecided, so there is no role to accept")]
    StillUndecided(String),
    /// Treatment and outcome are what the question is about.
    #[error("`{0}` cannot become, or cease to be, the treatment or the outcome of this draft")]
    AnotherQuestion(String),
    /// The column is in a term.
    #[error("`{column}` is part of a term of this plan, which a {} cannot be", role.key())]
    InATerm {
        /// The column.
        column: String,
        /// The role.
        role: ColumnRole,
    },
    /// A part that cannot be rejected by a word.
    #[error("`{}` cannot be refused with a word: it needs another value", .0.key())]
    NeedsAValue(DraftedPart),
    /// The plan's text.
    #[error(transparent)]
    Text(#[from] SetError),
}

impl DecideError {
    /// The remedy.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            DecideError::NoDraft(_) => "`oci-agent plan \"does T change Y?\" data.csv` drafts one.".to_owned(),
            DecideError::NoColumn { near: Some(near), .. } => format!("Did you mean `{near}`?"),
            DecideError::NoColumn { .. } => "Name it as the plan has it under `draft.roles`.".to_owned(),
            DecideError::NoPart(_) => "Its parts stand under `draft.parts`.".to_owned(),
            DecideError::StillUndecided(column) => {
                let roles = ColumnRole::ALL.iter().filter(|role| **role != ColumnRole::Undecided);
                format!("Say which, as `--role {}=ROLE`: {}.", shown(column), listed(roles.map(|role| role.key())))
            }
            DecideError::AnotherQuestion(_) => "That is another question: draft again with --treatment and --outcome.".to_owned(),
            DecideError::InATerm { .. } => "Take the term out of `confounders.terms` first.".to_owned(),
            DecideError::NeedsAValue(_) => "Write it into the plan, then accept the part.".to_owned(),
            DecideError::Text(_) => "Change the plan by hand at that place, then accept again.".to_owned(),
        }
    }
}

/// The plan's text with decisions taken in their order, and its draft.
///
/// # Errors
/// The first decision that cannot be taken; nothing is changed then.
pub fn decide(text: &str, decisions: &[Acceptance], by: &AcceptedBy) -> Result<(String, DraftSection), DecideError> {
    let (plan, problems) = read_bytes(text.as_bytes());
    let plan = plan.ok_or_else(|| DecideError::NoDraft(first(&problems)))?;
    let Some(mut draft) = plan.draft.clone() else {
        return Err(DecideError::NoDraft("the plan has no `draft:`, so there is nothing to accept".to_owned()));
    };
    let mut changed: BTreeMap<String, ColumnRole> = BTreeMap::new();
    let mut text = text.to_owned();
    for decision in decisions {
        match decision {
            Acceptance::Role(column, role) => {
                let role = accept(&mut draft, column, *role, by)?;
                changed.insert(column.clone(), role);
            }
            Acceptance::Undecided(role) => {
                let columns: Vec<String> = of_pending(&draft, |role| role == ColumnRole::Undecided);
                for column in columns {
                    changed.insert(column.clone(), accept(&mut draft, &column, Some(*role), by)?);
                }
            }
            Acceptance::AllAsDrafted => {
                let columns: Vec<String> = of_pending(&draft, |role| role != ColumnRole::Undecided);
                for column in columns {
                    changed.insert(column.clone(), accept(&mut draft, &column, None, by)?);
                }
                let parts: Vec<DraftedPart> = draft.pending_parts().map(|one| one.part).collect();
                for part in parts {
                    text = accept_part(&text, &mut draft, (part, true), by)?;
                }
            }
            Acceptance::Part(part, keep) => text = accept_part(&text, &mut draft, (*part, *keep), by)?,
        }
    }
    let in_terms: Vec<&str> = plan.confounders.terms.iter().flat_map(Term::columns).collect();
    if let Some((column, role)) =
        changed.iter().find(|(column, role)| !role.is_adjusted_for() && in_terms.contains(&column.as_str()))
    {
        return Err(DecideError::InATerm { column: shown(column), role: *role });
    }
    let roles: Vec<(&str, ColumnRole)> = changed.iter().map(|(column, role)| (column.as_str(), *role)).collect();
    let text = rewritten(&placed(&text, &in_file_order(&draft, &roles))?, &draft)?;
    Ok((text, draft))
}

fn first(problems: &[Problem]) -> String {
    problems.first().map_or_else(|| "the file is no plan".to_owned(), |problem| problem.message.clone())
}

/// Decisions in the order in which the draft lists the columns.
fn in_file_order<'a>(draft: &DraftSection, roles: &[(&'a str, ColumnRole)]) -> Vec<(&'a str, ColumnRole)> {
    let place = |column: &str| draft.roles.iter().position(|one| one.column == column);
    let mut sorted = roles.to_vec();
    sorted.sort_by_key(|(column, _)| place(column));
    sorted
}

fn of_pending(draft: &DraftSection, wanted: impl Fn(ColumnRole) -> bool) -> Vec<String> {
    draft.pending_roles().filter(|one| wanted(one.role)).map(|one| one.column.clone()).collect()
}

fn accept(
    draft: &mut DraftSection,
    column: &str,
    role: Option<ColumnRole>,
    by: &AcceptedBy,
) -> Result<ColumnRole, DecideError> {
    let Some(at) = draft.roles.iter().position(|one| one.column == column) else {
        let near = closest(column, draft.roles.iter().map(|one| one.column.as_str())).map(shown);
        return Err(DecideError::NoColumn { column: shown(column), near });
    };
    let Some(one) = draft.roles.get_mut(at) else {
        return Err(DecideError::NoColumn { column: shown(column), near: None });
    };
    let next = role.unwrap_or(one.role);
    let of_the_question = |role: ColumnRole| matches!(role, ColumnRole::Treatment | ColumnRole::Outcome);
    if next != one.role && (of_the_question(next) || of_the_question(one.role)) {
        return Err(DecideError::AnotherQuestion(shown(column)));
    }
    if next == ColumnRole::Undecided && role.is_none() {
        return Err(DecideError::StillUndecided(shown(column)));
    }
    if next != one.role {
        let drafted = one.drafted.unwrap_or(one.role);
        one.drafted = Some(drafted).filter(|drafted| *drafted != next);
        one.role = next;
    }
    // Undecided again: that nobody accepts.
    one.accepted = (next != ColumnRole::Undecided).then(|| AcceptedOn { by: by.name.clone(), at: by.at.clone() });
    Ok(next)
}

fn accept_part(
    text: &str,
    draft: &mut DraftSection,
    decided: (DraftedPart, bool),
    by: &AcceptedBy,
) -> Result<String, DecideError> {
    let (part, keep) = decided;
    let Some(one) = draft.parts.iter_mut().find(|one| one.part == part) else { return Err(DecideError::NoPart(part)) };
    let text = if keep { text.to_owned() } else { without(text, part)? };
    one.kept = keep;
    one.accepted = Some(AcceptedOn { by: by.name.clone(), at: by.at.clone() });
    Ok(text)
}

/// The text without what was drafted.
fn without(text: &str, part: DraftedPart) -> Result<String, DecideError> {
    let (Some(plan), _) = read_bytes(text.as_bytes()) else { return Ok(text.to_owned()) };
    match part {
        DraftedPart::Graph => Ok(with_value(text, "graph", "null")?),
        DraftedPart::Threats => Ok(with_value(text, "threats", "[]")?),
        DraftedPart::Reading => Ok(with_value(text, "data.columns", "null")?),
        DraftedPart::TargetTrial => empty_trial(text, &plan),
        DraftedPart::Treated => {
            let (treated, control) = (&plan.treatment.treated, &plan.treatment.control);
            let text = with_value(text, "treatment.treated", &yaml_value(control))?;
            Ok(with_value(&text, "treatment.control", &yaml_value(treated))?)
        }
        DraftedPart::Event | DraftedPart::Missing => Err(DecideError::NeedsAValue(part)),
    }
}

fn empty_trial(text: &str, plan: &Plan) -> Result<String, DecideError> {
    let mut text = text.to_owned();
    for (key, words) in components(&plan.target_trial) {
        if !words.is_empty() {
            text = with_value(&text, &format!("target_trial.{key}"), "null")?;
        }
    }
    Ok(text)
}
