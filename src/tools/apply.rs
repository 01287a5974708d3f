//! Applies a proposed edit to an analysis. Proposals are validated with it, previews are made with it, and the agent
//! builds the revised spec with it.

use super::arguments::{QUOTED, listed};
use super::privacy::one_line;
use super::{Context, Edit, Refusal, refuse, terms};
use crate::plan::{Tool, closest};
use crate::playbook::{self, Change};
use crate::spec::{self, Analysis};
use causal::estimand::TrimRule;

/// The plan's tool that a change needs, if any.
#[must_use]
pub fn tool_of(change: &Change) -> Option<Tool> {
    match change {
        Change::Trim { .. } => Some(Tool::Trim),
        Change::EnrichTerms => Some(Tool::Propensity),
        Change::SwitchTarget { .. } | Change::None => None,
    }
}

/// The edited analysis, and a sentence for the record.
///
/// # Errors
/// Why it cannot be done, in one or more sentences that say what would be right.
pub fn edited(edit: &Edit, analysis: &Analysis, context: &Context<'_>) -> Result<(Analysis, String), Refusal> {
    match edit {
        Edit::Playbook { name } => by_playbook(name, analysis, context),
        Edit::Trim { alpha } => by_trimming(*alpha, analysis, context),
        Edit::AddTerms { terms } => by_terms(terms, analysis, context),
    }
}

fn by_playbook(name: &str, analysis: &Analysis, context: &Context<'_>) -> Result<(Analysis, String), Refusal> {
    let Some(playbook) = context.catalogue.get(name) else { return refuse(no_such_playbook(name, context)) };
    let front = &playbook.front;
    if front.change == Change::None {
        return refuse(format!(
            "`{name}` is advice for people: it makes no change to a spec; read it with `read_playbook`"
        ));
    }
    // Both what was asked for and what it has become: a playbook that fits only one of them would change the question.
    if let Some(target) = [analysis.requested, analysis.target].iter().find(|t| !front.estimands.contains(t)) {
        let meant: Vec<&str> = front.estimands.iter().map(|target| target.key()).collect();
        return refuse(format!("`{name}` is not for the {}; it is for {}", target.acronym(), meant.join(", ")));
    }
    if let Some(tool) = tool_of(&front.change) {
        allowed(tool, &format!("`{name}`"), context)?;
    }
    let prepared = context.prepared;
    let enrich =
        |analysis: &Analysis| spec::enrich_terms(analysis, &prepared.draft.confounders, &prepared.binary_columns());
    playbook::apply(&front.change, analysis, &enrich).ok_or_else(|| {
        Refusal(format!("`{name}` changes nothing here: the analysis already is what it would make of it"))
    })
}

/// A sentence about a playbook that does not exist.
pub(super) fn no_such_playbook(name: &str, context: &Context<'_>) -> String {
    let names = || context.catalogue.iter().map(|playbook| playbook.front.name.as_str());
    let seen = one_line(name, QUOTED);
    match closest(name, names()) {
        Some(near) => format!("there is no playbook `{seen}`; did you mean `{near}`?"),
        None => format!("there is no playbook `{seen}`; there are {}", names().collect::<Vec<_>>().join(", ")),
    }
}

fn allowed(tool: Tool, what: &str, context: &Context<'_>) -> Result<(), Refusal> {
    if context.prepared.plan.tools.contains(&tool) {
        return Ok(());
    }
    let key = tool.key();
    refuse(format!("{what} needs `{key}`, which the plan's `tools:` list leaves out; go on without it"))
}

/// Thresholds of a model's own are multiples of one over this.
const GRID: f64 = 100.0;

/// Refuses a trimming threshold that keeps nothing or leaves nothing out, and one between the points of a grid, by which
/// single units could be told apart; `key` is the argument that gives it.
pub(super) fn check_alpha(key: &str, alpha: f64, context: &Context<'_>) -> Result<(), Refusal> {
    if alpha > 0.0 && alpha < 0.5 {
        let (below, above) = ((alpha * GRID).floor() / GRID, (alpha * GRID).ceil() / GRID);
        let nearest = (alpha * GRID).round() / GRID;
        if !context.privacy.protects() || (alpha - nearest).abs() < 1e-9 && nearest > 0.0 {
            return Ok(());
        }
        let ends: Vec<String> =
            [below, above].iter().filter(|end| **end > 0.0 && **end < 0.5).map(f64::to_string).collect();
        return refuse(format!("`{key}` is {alpha}; thresholds are whole hundredths: {}", ends.join(" or ")));
    }
    refuse(format!(
        "`{key}` is {alpha}; it must lie above 0 and below 0.5: rows with a propensity from alpha to 1 − alpha are kept, and 0.1 is usual"
    ))
}

fn by_trimming(alpha: f64, analysis: &Analysis, context: &Context<'_>) -> Result<(Analysis, String), Refusal> {
    allowed(Tool::Trim, "trimming", context)?;
    check_alpha("trim", alpha, context)?;
    let change = Change::Trim { trim: TrimRule::Fixed { alpha } };
    playbook::apply(&change, analysis, &|_| Vec::new())
        .ok_or_else(|| Refusal(format!("trimming at {alpha} changes nothing: the analysis is trimmed there already")))
}

fn by_terms(texts: &[String], analysis: &Analysis, context: &Context<'_>) -> Result<(Analysis, String), Refusal> {
    allowed(Tool::Propensity, "adding terms", context)?;
    let terms = terms::read(texts, analysis, context).map_err(|problems| Refusal(listed(&problems)))?;
    playbook::add_terms(terms, analysis)
        .ok_or_else(|| Refusal("`add_terms` changes nothing: the models have all these terms already".to_owned()))
}
