//! `propose_spec`: at most one change of each analysis, each for a reason, all of them checked before anything is run.

use super::arguments::{self, QUOTED, listed, parse, schema, wrong};
use super::design_run::{hold, one_edit};
use super::privacy::one_line;
use super::{
    Answer, Context, Edit, Proposal, ProposedChange, Refusal, Role, Task, Tool, ToolError, ToolReply, edited, refuse,
    terms,
};
use crate::plan;
use crate::playbook::Change;
use crate::spec::Analysis;
use causal::estimand::Target;
use schemars::JsonSchema;
use serde_json::Value;

pub(super) struct ProposeSpec;

/// The longest reason, characters.
const LONGEST_REASON: usize = 2_000;

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// One change for each analysis that should change, at most one for each estimand. Empty: nothing is to be changed.
    changes: Vec<Proposed>,
}

/// One change: exactly one of `playbook`, `trim` and `add_terms`, and the reason.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Proposed {
    /// Which analysis, by the estimand that the plan requests.
    #[schemars(required, extend("enum" = ["ate", "att", "atc", "ato"]))]
    estimand: Option<String>,
    /// Name of a playbook that applies now.
    #[serde(default)]
    playbook: Option<String>,
    /// Keep only rows with a propensity from this number to one minus it; above 0 and below 0.5.
    #[serde(default)]
    trim: Option<f64>,
    /// Terms to add to the models, over the plan's confounders: `a^2`, `a * b`, `c == level`. At most 20.
    #[serde(default)]
    add_terms: Option<Vec<String>>,
    /// Why, from the diagnostics, in a sentence or two.
    #[schemars(required)]
    reason: Option<String>,
}

impl Tool for ProposeSpec {
    fn name(&self) -> &'static str {
        "propose_spec"
    }

    fn description(&self) -> &'static str {
        "Proposes the next spec: for each analysis that should change, one playbook, or one trimming threshold, or terms to \
         add, with the reason. An empty list of changes says that nothing is to be changed. A proposal that cannot be \
         carried out comes back with every problem at once."
    }

    fn schema(&self) -> Value {
        schema::<Arguments>()
    }

    fn needs(&self) -> Option<plan::Tool> {
        None
    }

    fn roles(&self) -> &'static [Role] {
        &[Role::Actor, Role::Host]
    }

    fn call(&self, given: &Value, context: &Context<'_>) -> Result<Answer, ToolError> {
        let arguments: Arguments = parse(self.name(), given)?;
        let mut changes: Vec<(ProposedChange, String)> = Vec::new();
        let mut problems = Vec::new();
        for (i, proposed) in arguments.changes.iter().enumerate() {
            let estimand = one_line(proposed.estimand.as_deref().unwrap_or("no estimand"), QUOTED);
            let place = format!("changes[{i}] ({estimand})");
            match change(proposed, context) {
                Ok((change, _)) if changes.iter().any(|(other, _)| other.requested == change.requested) => {
                    let key = change.requested.key();
                    problems.push(format!("{place}: `{key}` is changed twice; propose one change for each estimand"));
                }
                Ok(change) => changes.push(change),
                Err(found) => problems.extend(found.into_iter().map(|problem| format!("{place}: {problem}"))),
            }
        }
        // All or nothing: half a proposal would be a spec that nobody proposed.
        if !problems.is_empty() {
            return Err(wrong(self.name(), &listed(&problems)));
        }
        // In the plan's order, whatever the model's, so that the same changes make the same spec.
        let order = |target: Target| context.spec.analyses.iter().position(|analysis| analysis.requested == target);
        changes.sort_by_key(|(change, _)| order(change.requested));
        let reply = accepted(&changes);
        Ok(Answer::Proposed(reply, Proposal { changes: changes.into_iter().map(|(change, _)| change).collect() }))
    }
}

fn accepted(changes: &[(ProposedChange, String)]) -> ToolReply {
    let operator: Vec<String> =
        changes.iter().map(|(change, _)| format!("{}: {}", change.requested.acronym(), change.edit.name())).collect();
    let model: Vec<String> =
        changes.iter().map(|(change, sentence)| format!("{}: {sentence}", change.requested.acronym())).collect();
    if changes.is_empty() {
        let outcome = "nothing is to be changed".to_owned();
        return ToolReply { model: format!("Accepted: {outcome}."), operator: outcome };
    }
    ToolReply {
        model: format!("Accepted.\n{}", model.join("\n")),
        operator: one_line(&format!("proposed: {}", operator.join("; ")), 4 * QUOTED),
    }
}

/// The change with the sentence for the record, or all that is wrong with it.
fn change(proposed: &Proposed, context: &Context<'_>) -> Result<(ProposedChange, String), Vec<String>> {
    let mut problems = Vec::new();
    let mut note = |outcome: Result<(), Refusal>| problems.extend(outcome.err().map(|Refusal(problem)| problem));
    note(check_reason(proposed.reason.as_deref()));
    let requested = match proposed.estimand.as_deref() {
        Some(text) => arguments::estimand(text, context),
        None => refuse("it has no `estimand`: say which analysis is to change"),
    };
    // As a spec writes them: the name of the change is made of them, and what was tried is known by name.
    let add_terms = proposed.add_terms.as_ref().map(|texts| terms::tidy(texts, context));
    let edit = one_edit(proposed.playbook.as_deref(), proposed.trim, add_terms.as_deref());
    note(requested.as_ref().map(|_| ()).map_err(Clone::clone));
    note(edit.as_ref().map(|_| ()).map_err(Clone::clone));
    let (Ok(requested), Ok(edit)) = (requested, edit) else { return Err(problems) };
    let Some(base) = context.spec.analyses.iter().find(|analysis| analysis.requested == requested) else {
        return Err(problems);
    };
    // Tried even if the reason is missing, so that a model is told everything at once.
    let applied = check_timing(&edit, requested, context).and_then(|()| edited(&edit, base, context));
    let applied = applied.and_then(|(analysis, sentence)| described(&analysis, context).map(|()| (analysis, sentence)));
    match applied {
        Ok((_, sentence)) if problems.is_empty() => {
            let reason = proposed.reason.as_deref().unwrap_or_default().trim().to_owned();
            Ok((ProposedChange { requested, edit, reason }, sentence))
        }
        Ok(_) => Err(problems),
        Err(Refusal(problem)) => {
            problems.push(problem);
            Err(problems)
        }
    }
}

/// A proposal that is carried out is described: to its critic, and to whoever proposed it. It goes by the same rule as a
/// preview.
fn described(analysis: &Analysis, context: &Context<'_>) -> Result<(), Refusal> {
    if !context.privacy.holds_proposals() {
        return Ok(());
    }
    hold(analysis, context)
}

fn check_reason(reason: Option<&str>) -> Result<(), Refusal> {
    match reason.map(str::trim) {
        None | Some("") => refuse("it has no `reason`: say which diagnostic calls for it"),
        Some(text) if text.chars().count() > LONGEST_REASON => {
            refuse(format!("its `reason` is longer than {LONGEST_REASON} characters: say it in a sentence or two"))
        }
        Some(_) => Ok(()),
    }
}

/// Refuses an edit that may not be made now: of the wrong kind, tried before, or not among the candidates.
fn check_timing(edit: &Edit, requested: Target, context: &Context<'_>) -> Result<(), Refusal> {
    let name = edit.name();
    if context.tried.get(&requested).is_some_and(|tried| tried.contains(&name)) {
        let shown = one_line(&name, QUOTED);
        return refuse(format!("`{shown}` was tried on the {} already: choose another change", requested.acronym()));
    }
    let Edit::Playbook { name } = edit else {
        return match (edit, context.task) {
            (Edit::Trim { .. }, Task::Draft) => refuse(NOT_IN_A_DRAFT),
            _ => Ok(()),
        };
    };
    // A playbook that does not exist, or is advice, has a sentence of its own.
    let Some(playbook) = context.catalogue.get(name).filter(|playbook| playbook.front.change != Change::None) else {
        return Ok(());
    };
    match context.task {
        Task::Draft if playbook.front.change != Change::EnrichTerms => refuse(NOT_IN_A_DRAFT),
        Task::Revise => among_candidates(name, requested, context),
        _ => Ok(()),
    }
}

const NOT_IN_A_DRAFT: &str = "a draft keeps the question as the plan asks it: trimming and other targets wait until diagnostics call for them; \
     propose `add_terms`, or no change";

fn among_candidates(name: &String, requested: Target, context: &Context<'_>) -> Result<(), Refusal> {
    let candidates = context.candidates.get(&requested).map(Vec::as_slice).unwrap_or_default();
    if candidates.contains(name) {
        return Ok(());
    }
    let acronym = requested.acronym();
    if candidates.is_empty() {
        return refuse(format!(
            "no finding calls for `{name}`, and no playbook applies to the {acronym} now; leave it as it is, or propose terms of your own"
        ));
    }
    let listed: Vec<String> = candidates.iter().map(|name| format!("`{name}`")).collect();
    refuse(format!("`{name}` does not apply to the {acronym} now; these do: {}", listed.join(", ")))
}
