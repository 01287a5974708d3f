//! Where a model's tool calls are carried out: the registry's answer, in words that go back to the model.

use crate::agent::conversation::{Ending, MOST_CALLS, ToolCall, ToolOutcome};
use crate::agent::events::{Event as Told, Observer};
use crate::pipeline::Prepared;
use crate::plan::Tool;
use crate::playbook::Catalogue;
use crate::record::critique::Critique;
use crate::record::documents::ResultsDocument;
use crate::spec::AnalysisSpec;
use crate::text::lines;
use crate::tools::privacy::Privacy;
use crate::tools::{Answer, Context, Proposal, Registry, Role, Task, ToolError};
use causal::estimand::Target;
use std::collections::{BTreeMap, BTreeSet};

/// What a conversation is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Matter {
    /// The first spec.
    Draft,
    /// A revised spec.
    Revise,
    /// A critique under this computed one.
    Criticise(Box<Critique>),
    /// A host looks around; nothing is being written.
    Look,
}

/// What the tools of one conversation work on.
#[derive(Debug, Clone)]
pub struct Desk {
    /// What it is about.
    pub matter: Matter,
    /// The spec that tools start from.
    pub spec: AnalysisSpec,
    /// What was tried on each requested estimand.
    pub tried: BTreeMap<Target, BTreeSet<String>>,
    /// What was applied and not undone, over all estimands.
    pub applied: Vec<String>,
    /// Playbooks that apply now.
    pub candidates: BTreeMap<Target, Vec<String>>,
    /// The results, once the loop has settled.
    pub results: Option<ResultsDocument>,
}

impl Desk {
    /// As tools see it.
    #[must_use]
    pub fn context<'a>(
        &'a self,
        prepared: &'a Prepared,
        catalogue: &'a Catalogue,
        privacy: &'a Privacy,
    ) -> Context<'a> {
        let task = match &self.matter {
            Matter::Draft => Task::Draft,
            Matter::Revise => Task::Revise,
            Matter::Criticise(computed) => Task::Criticise(computed),
            Matter::Look => Task::Look,
        };
        Context {
            prepared,
            catalogue,
            privacy,
            spec: &self.spec,
            task,
            tried: &self.tried,
            applied: &self.applied,
            candidates: &self.candidates,
            results: self.results.as_ref(),
        }
    }
}

/// Carries out calls, in order. A proposal counts only if `take` takes it; what it says otherwise goes back to the model.
///
/// # Errors
/// A mistake of this program, as a sentence.
pub fn run(
    (role, calls): (Role, &[ToolCall]),
    allowed: &[Tool],
    context: &Context<'_>,
    take: &dyn Fn(&Proposal) -> Result<(), String>,
    observer: &mut dyn Observer,
) -> Result<Vec<ToolOutcome>, String> {
    let registry = Registry::new(role, allowed);
    let mut outcomes: Vec<ToolOutcome> = Vec::new();
    for (at, call) in calls.iter().enumerate() {
        // After the call that ends a conversation the others no longer count, whatever order a model likes.
        let over = outcomes.iter().any(|outcome| outcome.end.is_some());
        let outcome = match (over, at < MOST_CALLS) {
            (true, _) => unheard(call, "an earlier call of the same answer ended this conversation"),
            (_, false) => unheard(call, &format!("at most {MOST_CALLS} calls of one answer are heard")),
            _ => one(&registry, call, context, take)?,
        };
        observer.on(&Told::ToolRan {
            role,
            tool: call.name.clone(),
            line: outcome.line.clone(),
            refused: outcome.is_error,
        });
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

fn one(
    registry: &Registry,
    call: &ToolCall,
    context: &Context<'_>,
    take: &dyn Fn(&Proposal) -> Result<(), String>,
) -> Result<ToolOutcome, String> {
    let (said, end) = match registry.call(&call.name, &call.arguments, context) {
        Ok(Answer::Said(said)) => (said, None),
        Ok(Answer::Criticised(said, opinion)) => (said, Some(Ending::Criticised(Box::new(opinion)))),
        Ok(Answer::Proposed(said, proposal)) => match take(&proposal) {
            Ok(()) => (said, Some(Ending::Proposed(proposal))),
            Err(why) => return Ok(refused(call, context.privacy.outward(&why), &why)),
        },
        Err(ToolError::Fatal(why)) => return Err(why),
        Err(error) => return Ok(refused(call, error.for_model(context.privacy), &error.to_string())),
    };
    Ok(ToolOutcome { id: call.id.clone(), content: said.model, line: said.operator, is_error: false, end })
}

fn refused(call: &ToolCall, to_model: String, line: &str) -> ToolOutcome {
    const LONGEST: usize = 4_000;
    let content: String = to_model.chars().take(LONGEST).collect();
    ToolOutcome {
        id: call.id.clone(),
        content,
        line: lines::cut(&lines::joined(line), LONGEST_LINE),
        is_error: true,
        end: None,
    }
}

fn unheard(call: &ToolCall, why: &str) -> ToolOutcome {
    let content = format!("Not run: {why}.");
    ToolOutcome { id: call.id.clone(), line: content.clone(), content, is_error: true, end: None }
}

/// The longest line that an operator reads, characters.
const LONGEST_LINE: usize = 300;
