//! Carries out a model's tool calls: the registry's answer, in words that go back to the model.

use crate::agent::conversation::{Ending, MOST_CALLS, ToolCall, ToolOutcome};
use crate::agent::events::{Observer, ProgressEvent};
use crate::pipeline::Prepared;
use crate::plan::Tool;
use crate::playbook::Catalogue;
use crate::record::critique::Critique;
use crate::record::documents::ResultsDocument;
use crate::spec::AnalysisSpec;
use crate::text::lines;
use crate::tools::privacy::Privacy;
use crate::tools::{Answer, Context, Proposal, Refusal, Registry, Role, Task, ToolError};
use causal::estimand::Target;
use std::collections::{BTreeMap, BTreeSet};

/// The document that a conversation is to produce.
#[derive(Debug, Clone, PartialEq)]
pub enum Purpose {
    /// The first spec.
    Draft,
    /// A revised spec.
    Revise,
    /// A critique under this computed one.
    Criticise(Box<Critique>),
    /// A host looks around; nothing is being written.
    Look,
}

/// The state that the tools of one conversation read.
#[derive(Debug, Clone)]
pub struct ConversationContext {
    /// The document to be written.
    pub purpose: Purpose,
    /// The spec that tools start from.
    pub spec: AnalysisSpec,
    /// The changes that were tried on each requested estimand.
    pub tried: BTreeMap<Target, BTreeSet<String>>,
    /// The changes applied and not undone, over all estimands.
    pub applied: Vec<String>,
    /// Playbooks that apply now.
    pub candidates: BTreeMap<Target, Vec<String>>,
    /// The results, once the loop has settled.
    pub results: Option<ResultsDocument>,
}

impl ConversationContext {
    /// As tools see it.
    #[must_use]
    pub fn context<'a>(
        &'a self,
        prepared: &'a Prepared,
        catalogue: &'a Catalogue,
        privacy: &'a Privacy,
    ) -> Context<'a> {
        let task = match &self.purpose {
            Purpose::Draft => Task::Draft,
            Purpose::Revise => Task::Revise,
            Purpose::Criticise(computed) => Task::Criticise(computed),
            Purpose::Look => Task::Look,
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

/// The calls of one answer.
#[derive(Debug, Clone, Copy)]
pub struct ToolRequest<'a> {
    /// Who calls.
    pub role: Role,
    /// In this order.
    pub calls: &'a [ToolCall],
    /// The plan's allow-list.
    pub allowed: &'a [Tool],
}

/// Decides on a proposal; the refusal is for the model that made it.
pub type AcceptProposal<'a> = &'a dyn Fn(&Proposal) -> Result<(), Refusal>;

/// A mistake of this program inside a tool: the run ends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FatalToolError(pub String);

/// Carries out calls, in order. A proposal counts only if `accept` accepts it; its refusal goes back to the model.
///
/// # Errors
/// [`FatalToolError`].
pub fn run(
    request: ToolRequest<'_>,
    context: &Context<'_>,
    accept: AcceptProposal<'_>,
    observer: &mut dyn Observer,
) -> Result<Vec<ToolOutcome>, FatalToolError> {
    let ToolRequest { role, calls, allowed } = request;
    let registry = Registry::new(role, allowed);
    let mut outcomes: Vec<ToolOutcome> = Vec::new();
    for (at, call) in calls.iter().enumerate() {
        // After the call that ends a conversation the others no longer count, whatever order a model likes.
        let over = outcomes.iter().any(|outcome| outcome.end.is_some());
        let ran = match (over, at < MOST_CALLS) {
            (true, _) => Err((not_run(call, "an earlier call of the same answer ended this conversation"), NOT_RUN)),
            (_, false) => Err((not_run(call, &format!("at most {MOST_CALLS} calls of one answer are heard")), NOT_RUN)),
            _ => run_call(&registry, call, context, accept)?,
        };
        let (outcome, reason) = match ran {
            Ok(outcome) => (outcome, None),
            Err((outcome, reason)) => (outcome, Some(reason)),
        };
        observer.on(&ProgressEvent::ToolRan {
            role,
            tool: call.name.clone(),
            line: outcome.line.clone(),
            refused: outcome.is_error,
            reason,
        });
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

/// The reason of a call that was not made.
const NOT_RUN: &str = "not_run";
/// The reason of a proposal that the loop does not take.
const NOT_TAKEN: &str = "not_taken";

/// The outcome of a call; of a refused one, with the reason for programs.
type Ran = Result<ToolOutcome, (ToolOutcome, &'static str)>;

fn run_call(
    registry: &Registry,
    call: &ToolCall,
    context: &Context<'_>,
    accept: AcceptProposal<'_>,
) -> Result<Ran, FatalToolError> {
    let (reply, end) = match registry.call(&call.name, &call.arguments, context) {
        Ok(Answer::Reply(reply)) => (reply, None),
        Ok(Answer::Criticised(reply, opinion)) => (reply, Some(Ending::Criticised(Box::new(opinion)))),
        Ok(Answer::Proposed(reply, proposal)) => match accept(&proposal) {
            Ok(()) => (reply, Some(Ending::Proposed(proposal))),
            // Two readers: the model gets the sentence through the filter, the operator as it is.
            Err(Refusal(why)) => return Ok(Err((refused(call, context.privacy.outward(&why), &why), NOT_TAKEN))),
        },
        Err(ToolError::Fatal(why)) => return Err(FatalToolError(why)),
        Err(error) => {
            return Ok(Err((refused(call, error.for_model(context.privacy), &error.to_string()), error.code())));
        }
    };
    Ok(Ok(ToolOutcome { id: call.id.clone(), content: reply.model, line: reply.operator, is_error: false, end }))
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

fn not_run(call: &ToolCall, why: &str) -> ToolOutcome {
    let content = format!("Not run: {why}.");
    ToolOutcome { id: call.id.clone(), line: content.clone(), content, is_error: true, end: None }
}

/// The longest line that an operator reads, characters.
const LONGEST_LINE: usize = 300;
