//! A language model drafts a plan: the roles of columns, the target trial, a graph, threats; then, in a conversation of its own, it
//! reads the draft as a critic. One structured call ends each stage; what does not fit the file is sent back.
//!
//! It sees names and types of columns, how many distinct values they have, and levels that enough units have; of the outcome
//! nothing but its name and type. Nothing that it says counts before the principal has accepted it, and what the rules have seen in the
//! file ([`crate::plan::draft::Judged::is_hard`]) stays as it is, with its objection beside it.

mod answers;
mod talk;

pub use answers::{DrawnGraph, PlanReview};
pub use talk::{Limits, PlanningError, Principal, Talk};

use crate::agent::planning::answers::{Columns, Threats};
use crate::plan::TargetTrial;
use crate::plan::draft::{ColumnRole, DraftedBy, Judged, RoleJudgement};
use crate::text::lines::{capitalised, cut};
use crate::text::untrusted::visible;
use crate::tools::Role;
use crate::tools::privacy;
use serde::Serialize;
use serde_json::json;

/// The longest reason, threat or component, in characters.
const LONGEST: usize = 600;

/// A column, as a model may see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DescribedColumn {
    /// Its name.
    pub name: String,
    /// The type of its values.
    pub kind: &'static str,
    /// Distinct values, if they are few.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distinct: Option<usize>,
    /// True if values are missing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub some_missing: bool,
    /// Levels of a category that enough units have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<String>,
    /// What the rules make of it.
    pub rules: String,
}

/// The material of a draft.
#[derive(Debug, Clone, Copy)]
pub struct PlanningInput<'a> {
    /// The question, as it was asked.
    pub question: &'a str,
    /// The treatment.
    pub treatment: &'a str,
    /// The outcome.
    pub outcome: &'a str,
    /// The columns.
    pub columns: &'a [DescribedColumn],
    /// What the rules make of them.
    pub rules: &'a [Judged],
}

impl<'a> PlanningInput<'a> {
    fn names(&self) -> Vec<&'a str> {
        self.columns.iter().map(|column| column.name.as_str()).collect()
    }
}

/// What a model drafted, as far as it came.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ModelDraft {
    /// Roles, one for each column but treatment and outcome; empty if it did not come so far.
    pub roles: Vec<(String, ColumnRole, String)>,
    /// The trial.
    pub trial: Option<TargetTrial>,
    /// The graph, in DOT, with the reason for it.
    pub graph: Option<DrawnGraph>,
    /// Threats.
    pub threats: Vec<String>,
    /// Data to ask for.
    pub ask_for: Vec<String>,
    /// Its remarks as a critic.
    pub remarks: Vec<String>,
}

/// Drafts. What was drafted before it had to stop stays in `draft`.
///
/// # Errors
/// [`PlanningError`]: the model, a budget, or no answer that fits.
pub fn draft_plan(talk: &mut Talk<'_>, input: &PlanningInput<'_>, draft: &mut ModelDraft) -> Result<(), PlanningError> {
    let names = input.names();
    let columns = Columns { names: &names, treatment: input.treatment, outcome: input.outcome };
    draft.roles =
        talk.stage(Role::Actor, &opening(input), |arguments| answers::roles(arguments, &columns), "submit_roles")?;
    let trial = "Next, the randomised trial that would answer the question, component by component. Leave a component empty where \
                 only the principal can say; do not invent dates or places. Finish with `submit_trial`.";
    let components = talk.stage(Role::Actor, trial, answers::trial, "submit_trial")?;
    // Eight empty texts are nothing to accept.
    draft.trial = Some(components).filter(|trial| *trial != TargetTrial::default());
    let graph = "Next, a causal graph to argue with, over the columns that matter and what nobody measured. Every column that is \
                 adjusted for must be in it, arrows follow time, and an arrow that you leave out is the strong claim: draw it in case of \
                 doubt. Finish with `submit_graph`.";
    let roles = draft.roles.clone();
    draft.graph = Some(talk.stage(
        Role::Actor,
        graph,
        |arguments| answers::graph(arguments, &columns, &roles),
        "submit_graph",
    )?);
    let threats = "Last, what could make the answer wrong all the same, and data that are not in the file and would help. At most \
                   six of each. Finish with `submit_threats`.";
    let Threats { threats, ask_for } = talk.stage(Role::Actor, threats, answers::threats, "submit_threats")?;
    (draft.threats, draft.ask_for) = (threats, ask_for);
    Ok(())
}

/// Reads a draft as a critic, in a conversation that knows nothing of the first one. `plan` is the draft in words.
///
/// # Errors
/// As [`draft_plan`].
pub fn review_plan(talk: &mut Talk<'_>, input: &PlanningInput<'_>, plan: &str) -> Result<Vec<String>, PlanningError> {
    let names = input.names();
    let brief = format!(
        "{}\n\nThe draft:\n\n{}\n\nFinish with `submit_plan_review`: at most eight remarks, the most important first, none if there \
         is nothing to say.",
        question(input),
        privacy::fenced_text("draft", plan)
    );
    let PlanReview { remarks } =
        talk.stage(Role::Critic, &brief, |arguments| answers::review(arguments, &names), "submit_plan_review")?;
    Ok(remarks)
}

fn question(input: &PlanningInput<'_>) -> String {
    let asked = json!({"question": input.question, "treatment": input.treatment, "outcome": input.outcome});
    format!("The question:\n\n{}", privacy::fenced_text("question", &asked.to_string()))
}

fn opening(input: &PlanningInput<'_>) -> String {
    let lines: Vec<String> =
        input.columns.iter().map(|column| serde_json::to_string(column).unwrap_or_default()).collect();
    format!(
        "{}\n\nThe columns of the file, with what rules on names and values make of them:\n\n{}\n\nFirst, the role of every column \
         but treatment and outcome, each with a reason. Finish with `submit_roles`.",
        question(input),
        privacy::fenced_text("columns", &lines.join("\n"))
    )
}

/// The judgements of rules and model together. What the rules have seen in the file stays; anything else is the model's, with
/// what the rules had to say beside it.
#[must_use]
pub fn together(rules: &[Judged], model: &[(String, ColumnRole, String)]) -> Vec<RoleJudgement> {
    let one = |judged: &Judged| {
        let own = judged.judgement.clone();
        let Some((_, role, reason)) = model.iter().find(|(column, _, _)| *column == own.column) else { return own };
        let reason = sentence(reason);
        if judged.is_hard {
            let because = match *role == own.role {
                true => own.because.clone(),
                false => format!("{} The model would have it as {}: {reason}", own.because, role.key()),
            };
            return RoleJudgement { because: visible(&because), ..own };
        }
        let because = match own.role {
            ColumnRole::Undecided => reason,
            rule if rule == *role => reason,
            rule => format!("{reason} The rules say {}: {}", rule.key(), own.because),
        };
        RoleJudgement { role: *role, by: DraftedBy::Model, because: visible(&because), ..own }
    };
    rules.iter().map(one).collect()
}

/// A model's words as one sentence of a plan.
fn sentence(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = capitalised(&cut(&visible(&line), LONGEST));
    if line.is_empty() || line.ends_with(['.', '!', '?', '…']) { line } else { line + "." }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(column: &str, role: ColumnRole, is_hard: bool) -> Judged {
        let judgement = RoleJudgement {
            column: column.to_owned(),
            role,
            drafted: None,
            by: DraftedBy::Rules,
            because: "So say the rules.".to_owned(),
            accepted: None,
        };
        Judged { judgement, is_hard }
    }

    #[test]
    fn a_model_overrides_no_finding_of_the_rules() {
        let rules = [
            judged("leak", ColumnRole::LeftOut, true),
            judged("x", ColumnRole::Undecided, false),
            judged("age", ColumnRole::Confounder, false),
            judged("y", ColumnRole::Outcome, false),
        ];
        let said = |column: &str, role| (column.to_owned(), role, "because\u{1b}[31m it is".to_owned());
        let model = [
            said("leak", ColumnRole::Confounder),
            said("x", ColumnRole::Mediator),
            said("age", ColumnRole::Instrument),
        ];
        let found = together(&rules, &model);
        assert_eq!((found[0].role, found[0].by), (ColumnRole::LeftOut, DraftedBy::Rules));
        assert!(found[0].because.contains("The model would have it as confounder"), "{}", found[0].because);
        assert_eq!((found[1].role, found[1].by), (ColumnRole::Mediator, DraftedBy::Model));
        assert!(!found[1].because.contains('\u{1b}'));
        assert!(found[2].because.ends_with("The rules say confounder: So say the rules."), "{}", found[2].because);
        assert_eq!(found[3].role, ColumnRole::Outcome);
    }
}
