//! What the principal decides on a draft: the plan's text with it.

use super::edit::{components, placed, rewritten};
use super::{AcceptedOn, ColumnRole, DraftSection, DraftedBy, DraftedPart, RoleJudgement};
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
            DecideError::AnotherQuestion(_) => {
                "That is another question: draft again with --treatment and --outcome.".to_owned()
            }
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
    judged_by_hand(&plan, decisions, &mut draft);
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

/// Columns that somebody gave a place in the plan by hand, and that a decision names: a judgement to decide on.
fn judged_by_hand(plan: &Plan, decisions: &[Acceptance], draft: &mut DraftSection) {
    let used = super::rules::used(plan);
    for decision in decisions {
        let Acceptance::Role(column, Some(_)) = decision else { continue };
        if used.contains(column.as_str()) && draft.role_of(column).is_none() {
            let of_the_question =
                [(&plan.treatment.column, ColumnRole::Treatment), (&plan.outcome.column, ColumnRole::Outcome)];
            let role = of_the_question.iter().find(|one| one.0 == column).map_or(ColumnRole::Undecided, |one| one.1);
            draft.roles.push(RoleJudgement {
                column: column.clone(),
                role,
                drafted: None,
                by: DraftedBy::Rules,
                because: "It was put into the plan by hand.".to_owned(),
                accepted: None,
            });
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::draft::{DraftedPlan, PartJudgement, appended};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const TEMPLATE: &str = "title: a\nquestion: b\ntarget_trial:\n  eligibility:   # who\ndata:\n  source: d.csv\n  missing: drop\n\
        treatment:\n  column: t\n  treated: 1\n  control: 0\noutcome: {column: y, units: kg}\nconfounders:\n  priority: []\n  \
        other: []\n  # kept\n  terms: []\nplacebo_outcomes: []\nnegative_controls: []\nthreats: []\nanalysis: {}\nseed: 1\n";

    fn drafted(columns: &[(&str, ColumnRole)], parts: &[DraftedPart]) -> String {
        let role = |one: &(&str, ColumnRole)| RoleJudgement {
            column: one.0.to_owned(),
            role: one.1,
            drafted: None,
            by: DraftedBy::Rules,
            because: format!("why {}", one.0),
            accepted: None,
        };
        let part = |part: &DraftedPart| PartJudgement {
            part: *part,
            by: DraftedBy::Model,
            because: "because".to_owned(),
            kept: true,
            accepted: None,
        };
        let draft = DraftSection {
            roles: columns.iter().map(role).collect(),
            parts: parts.iter().map(part).collect(),
            ..DraftSection::default()
        };
        let drafted = DraftedPlan {
            template: TEMPLATE,
            question: "does t change y?",
            trial: None,
            threats: &["one: two".to_owned()],
            graph: parts.contains(&DraftedPart::Graph).then_some("digraph {\n  \"x\" -> \"t\";\n  \"t\" -> \"y\";\n}"),
            unit_id: None,
            draft: &draft,
        };
        appended(&drafted).expect("a plan")
    }

    fn by() -> AcceptedBy {
        AcceptedBy { name: "Ada <a@example.org>".to_owned(), at: "2026-12-01 00:00".to_owned() }
    }

    fn read(text: &str) -> (Plan, Vec<String>) {
        let (plan, problems) = read_bytes(text.as_bytes());
        (plan.unwrap_or_else(|| panic!("{text}\n{problems:?}")), problems.into_iter().map(|one| one.message).collect())
    }

    const ROLES: [(&str, ColumnRole); 4] = [
        ("t", ColumnRole::Treatment),
        ("y", ColumnRole::Outcome),
        ("x", ColumnRole::Undecided),
        ("z", ColumnRole::Confounder),
    ];

    #[test]
    fn nothing_runs_before_every_judgement_is_accepted() {
        let text = drafted(&ROLES, &[DraftedPart::Treated]);
        let (plan, problems) = read(&text);
        assert_eq!(plan.confounders.priority, ["z"]);
        assert!(problems.len() == 1 && problems[0].contains("nobody has accepted 5"), "{problems:?}");
        let (text, draft) = decide(&text, &[Acceptance::AllAsDrafted], &by()).expect("decided");
        assert_eq!(draft.pending(), 1, "what is undecided cannot be accepted as it is");
        let (text, draft) =
            decide(&text, &[Acceptance::Undecided(ColumnRole::NegativeControl)], &by()).expect("decided");
        let (plan, problems) = read(&text);
        assert_eq!((draft.pending(), problems), (0, Vec::new()), "{text}");
        assert_eq!(plan.negative_controls, ["x"]);
        let one = draft.role_of("x").expect("a judgement");
        assert_eq!((one.drafted, one.accepted.is_some()), (Some(ColumnRole::Undecided), true));
        assert!(text.contains("  # kept\n") && text.contains("accepted: \"Ada <a@example.org>\""), "{text}");
    }

    #[test]
    fn another_role_moves_the_column_and_a_plan_that_uses_it_otherwise_is_refused() {
        let all = [Acceptance::AllAsDrafted, Acceptance::Undecided(ColumnRole::Predictor)];
        let (text, _) = decide(&drafted(&ROLES, &[]), &all, &by()).expect("decided");
        assert_eq!(read(&text).0.confounders.other, ["x"]);
        let edited =
            text.replace("other:\n    - x", "other: []").replace("negative_controls: []", "negative_controls: [x]");
        let problems = read(&edited).1;
        assert!(problems.len() == 1 && problems[0].contains("accepted as predictor"), "{problems:?}");
        let mediator = Acceptance::Role("x".to_owned(), Some(ColumnRole::Mediator));
        let (text, draft) = decide(&edited, &[mediator], &by()).expect("decided");
        let (plan, problems) = read(&text);
        assert_eq!(problems, Vec::<String>::new());
        assert!(plan.confounders.other.is_empty() && plan.negative_controls.is_empty());
        assert_eq!(draft.role_of("x").map(|one| one.drafted), Some(Some(ColumnRole::Undecided)));
    }

    #[test]
    fn a_column_without_a_judgement_is_refused_until_somebody_says_what_it_is() {
        let all = [Acceptance::AllAsDrafted, Acceptance::Undecided(ColumnRole::Confounder)];
        let (text, _) = decide(&drafted(&ROLES, &[]), &all, &by()).expect("decided");
        let edited = text.replace("other: []", "other: [w]");
        let problems = read(&edited).1;
        assert!(
            problems.len() == 1 && problems[0].contains("uses `w`, and its draft has no judgement"),
            "{problems:?}"
        );
        let say = |column: &str| [Acceptance::Role(column.to_owned(), Some(ColumnRole::Predictor))];
        let (mended, draft) = decide(&edited, &say("w"), &by()).expect("decided");
        assert_eq!((draft.pending(), read(&mended).1), (0, Vec::new()), "{mended}");
        assert!(matches!(decide(&edited, &say("v"), &by()), Err(DecideError::NoColumn { .. })));
        let at = text.find("draft:\n").expect("a draft");
        let none = format!("{}draft: {{}}\n", &text[..at]);
        assert_eq!(read(&none).1.len(), 4, "a draft without judgements is not an accepted one");
    }

    #[test]
    fn parts_are_taken_back() {
        let text = drafted(&ROLES, &[DraftedPart::Treated, DraftedPart::Graph, DraftedPart::Threats]);
        assert!(read(&text).0.graph.is_some());
        let no = |part| Acceptance::Part(part, false);
        let parts = [no(DraftedPart::Treated), no(DraftedPart::Graph), no(DraftedPart::Threats)];
        let (text, draft) = decide(&text, &parts, &by()).expect("decided");
        let (plan, _) = read(&text);
        assert_eq!((plan.treatment.treated.as_str(), plan.treatment.control.as_str()), ("0", "1"));
        assert!(plan.graph.is_none() && plan.threats.is_empty() && draft.parts.iter().all(|one| !one.kept));
    }

    #[test]
    fn what_cannot_be_decided_says_so() {
        let text = drafted(&ROLES, &[]);
        let refused = |one: Acceptance| decide(&text, &[one], &by()).expect_err("refused");
        let role = |column: &str, role| Acceptance::Role(column.to_owned(), role);
        assert!(matches!(refused(role("q", None)), DecideError::NoColumn { .. }));
        assert!(matches!(refused(role("x", None)), DecideError::StillUndecided(_)));
        assert!(matches!(refused(role("t", Some(ColumnRole::Confounder))), DecideError::AnotherQuestion(_)));
        assert!(matches!(refused(role("z", Some(ColumnRole::Outcome))), DecideError::AnotherQuestion(_)));
        assert!(matches!(refused(Acceptance::Part(DraftedPart::Graph, true)), DecideError::NoPart(_)));
        assert!(matches!(decide(TEMPLATE, &[], &by()), Err(DecideError::NoDraft(_))));
        let in_a_term = text.replace("terms: []", "terms: [z^2]");
        let one = [role("z", Some(ColumnRole::Instrument))];
        assert!(matches!(decide(&in_a_term, &one, &by()), Err(DecideError::InATerm { .. })));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn whatever_columns_are_called_and_whatever_is_decided_the_plan_agrees_with_it(
            names in prop::collection::vec("[a-z:#'\"\\\\ =,\\[\\]{}<>&*|\n\u{202e}é-]{1,8}", 1..6),
            first in prop::collection::vec(2_usize..16, 6),
            then in prop::collection::vec((0_usize..6, 2_usize..16), 0..6),
        ) {
            let single = |role: ColumnRole| matches!(role, ColumnRole::Weight | ColumnRole::Cluster);
            let role = |i: usize| Some(ColumnRole::ALL[i]).filter(|role| !single(*role)).unwrap_or(ColumnRole::Mediator);
            let names: BTreeSet<&str> =
                names.iter().map(String::as_str).filter(|name| !name.trim().is_empty() && !["t", "y"].contains(name)).collect();
            let mut columns: Vec<(&str, ColumnRole)> = names.iter().zip(&first).map(|(name, i)| (*name, role(*i))).collect();
            columns.push(("t", ColumnRole::Treatment));
            columns.push(("y", ColumnRole::Outcome));
            let text = drafted(&columns, &[]);
            let decisions: Vec<Acceptance> = then
                .iter()
                .filter_map(|(at, i)| Some(Acceptance::Role((*names.iter().nth(*at)?).to_owned(), Some(role(*i)))))
                .chain([Acceptance::AllAsDrafted])
                .collect();
            let (text, draft) = decide(&text, &decisions, &by()).expect("decided");
            let (plan, problems) = read(&text);
            prop_assert_eq!(plan.draft.as_ref(), Some(&draft));
            let others: Vec<&String> = problems.iter().filter(|told| !told.contains("nobody has accepted") && !told.contains("no column of the draft")).collect();
            prop_assert!(others.is_empty(), "{:?}\n{}", others, text);
        }
    }
}
