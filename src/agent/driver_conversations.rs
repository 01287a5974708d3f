//! The driver's part in conversations: it writes the brief, asks, carries out calls, and makes of an ending what the loop
//! waits for.

use crate::agent::actor;
use crate::agent::conversation::{Ending, Opening, ToolCall};
use crate::agent::driver::{Driver, RunError, STATE, TRANSCRIPT};
use crate::agent::events::ProgressEvent;
use crate::agent::participants;
use crate::agent::participants::{Earlier, RelayObserver};
use crate::agent::prompt;
use crate::agent::prompt::PromptInput;
use crate::agent::run::{Event, Run};
use crate::agent::tool_calls;
use crate::agent::tool_calls::{ConversationContext, FatalToolError, Purpose, ToolRequest};
use crate::critique::{self, model_review};
use crate::llm::{ChatRequest, Exchange};
use crate::pipeline::steps;
use crate::record::critique::Stage;
use crate::record::json;
use crate::spec::{self, Analysis, AnalysisSpec};
use crate::tools::{self, Edit, Proposal, Refusal, Registry, Role};
use std::collections::BTreeMap;

impl Driver<'_> {
    /// The first spec is decided in a conversation, the engine's included.
    pub(super) fn draft(&mut self, machine: &Run) -> Result<Event, RunError> {
        self.brief(machine, Purpose::Draft)
    }

    /// So is what comes next, unless a budget has ended the loop.
    pub(super) fn revise(&mut self, machine: &Run) -> Result<Event, RunError> {
        if machine.stopped().is_some() { Ok(Event::Revised(None)) } else { self.brief(machine, Purpose::Revise) }
    }

    /// Begins a conversation.
    pub(super) fn brief(&mut self, machine: &Run, purpose: Purpose) -> Result<Event, RunError> {
        let prepared = self.input.prepared;
        let role = if matches!(purpose, Purpose::Criticise(_)) { Role::Critic } else { Role::Actor };
        let conversation = self.conversation_context(machine, purpose);
        let section = if role == Role::Critic { &prepared.plan.critic } else { &prepared.plan.actor };
        let registry = Registry::new(role, &prepared.plan.tools);
        let context = conversation.context(prepared, self.input.catalogue, &self.privacy);
        // The engine reads its block of candidates and nothing else: no prompt, no data, no tools.
        let full = role == Role::Critic || self.participants.actor_is_model;
        let data = match registry.call("describe_data", &serde_json::json!({}), &context) {
            Ok(tools::Answer::Reply(reply)) if full && matches!(conversation.purpose, Purpose::Draft) => reply.model,
            _ => String::new(),
        };
        let input = PromptInput {
            plan: &prepared.plan,
            privacy: &self.privacy,
            spec: &conversation.spec,
            data: &data,
            history: machine.history(),
            task: context.task,
            candidates: &conversation.candidates,
            results: conversation.results.as_ref(),
        };
        let opening = Opening {
            role,
            system: if full { prompt::system(role) } else { String::new() },
            brief: if full { prompt::task(&input)? } else { prompt::task_for_engine(&input) },
            tools: if full { registry.offered(conversation.results.is_some()) } else { Vec::new() },
            final_tool: if role == Role::Critic { "submit_critique" } else { "propose_spec" }.to_owned(),
            max_tokens: section.max_tokens,
            repairs: prepared.plan.budget.repairs,
            counts: full,
            most_turns: match self.participants.actor_turns {
                Some(turns) if role == Role::Actor => turns,
                _ => prepared.plan.budget.conversation,
            },
        };
        self.conversation = Some(conversation);
        Ok(Event::Briefed(Box::new(opening)))
    }

    pub(super) fn conversation_context(&self, machine: &Run, purpose: Purpose) -> ConversationContext {
        let (prepared, history) = (self.input.prepared, machine.history());
        // A critic judges the design that was just made; an actor starts from the one that is kept.
        let spec = match (&purpose, self.tried.last()) {
            (Purpose::Criticise(_), Some(last)) => last.spec.clone(),
            _ => actor::kept_spec(history, &prepared.draft),
        };
        let tried = |requested| (requested, history.tried(requested).into_iter().map(str::to_owned).collect());
        let candidates = match purpose {
            Purpose::Revise => self.with_enrich(|enrich| actor::candidates(history, self.input.catalogue, enrich)),
            _ => BTreeMap::new(),
        };
        // A critic sees effects only once the loop has settled; an actor never does.
        let results = match &purpose {
            Purpose::Criticise(computed) if computed.stage == Stage::Final => self.results.clone(),
            _ => None,
        };
        ConversationContext {
            tried: history.requested().into_iter().map(tried).collect(),
            applied: critique::applied(self.tried.iter().map(|run| &run.spec)),
            purpose,
            spec,
            candidates,
            results,
        }
    }

    fn with_enrich<T>(&self, use_it: impl FnOnce(&dyn Fn(&Analysis) -> Vec<crate::term::Term>) -> T) -> T {
        let prepared = self.input.prepared;
        let (confounders, binary) = (&prepared.draft.confounders, prepared.binary_columns());
        use_it(&|analysis| spec::enrich_terms(analysis, confounders, &binary))
    }

    /// Asks a model. What it answers goes on record once the loop has taken it.
    pub(super) fn ask(&mut self, role: Role, request: &ChatRequest) -> Result<Event, RunError> {
        let is_model = role == Role::Critic || self.participants.actor_is_model;
        let limit = is_model.then_some(self.input.prepared.plan.budget.wall_minutes * 60.0);
        if is_model {
            self.observer.on(&ProgressEvent::Asked { role, model: self.participants.name(role) });
        }
        let sequence = self.sequence + 1;
        let mut relay = RelayObserver { observer: &mut *self.observer, role, limit };
        let answer = participants::ask(
            self.participants,
            role,
            request,
            Earlier { recording: &mut self.recording, sequence },
            &mut relay,
        )?;
        if answer.exchange.is_some() {
            self.sequence = sequence;
        }
        self.left_out += answer.exchange.as_ref().map_or(0, |exchange| exchange.left_out);
        self.exchange = answer.exchange;
        Ok(answer.response.map_or(Event::TimeOver, |response| Event::Answered(Box::new(response))))
    }

    /// Puts an exchange and the state that it led to on record, and tells the host what it must know.
    pub(super) fn record(&mut self, machine: &Run) -> Result<(), RunError> {
        // Counted apart: a stop that comes after a shortfall is news all the same.
        if let Some(why) = machine.stopped().filter(|_| !self.told_stop) {
            self.observer.on(&ProgressEvent::Stopped { why: why.to_owned() });
            self.told_stop = true;
        }
        let shortfalls = machine.shortfalls();
        let told = self.told_shortfalls.max(shortfalls.len());
        for what in shortfalls.into_iter().skip(self.told_shortfalls) {
            self.observer.on(&ProgressEvent::Shortfall { what });
        }
        self.told_shortfalls = told;
        let Some(exchange) = self.exchange.take() else { return Ok(()) };
        let state = json::to_bytes(machine)?;
        let step = steps::exchange_step(&subject(&exchange), &self.provenance)
            .file(format!("{TRANSCRIPT}/{}", exchange.file_name()), exchange.to_bytes())
            .file(format!("{TRANSCRIPT}/{STATE}"), state);
        self.commit(step)
    }

    /// Carries out what a model asked for.
    pub(super) fn call_tools(&mut self, machine: &Run, role: Role, calls: &[ToolCall]) -> Result<Event, RunError> {
        let Some(conversation) = self.conversation.take() else {
            return Err(RunError::OutOfOrder("a tool call without a conversation"));
        };
        let (prepared, catalogue) = (self.input.prepared, self.input.catalogue);
        let context = conversation.context(prepared, catalogue, &self.privacy);
        // Judged while the conversation is open, so that a refusal reaches the model that can still mend it.
        let accept = |proposal: &Proposal| match self.composed(machine, &conversation, proposal)? {
            Some(spec) => machine.would_take(&spec).map_err(|refusal| Refusal(refusal.to_string())),
            None => Ok(()),
        };
        // The driver's own observer is lent to the conversation; nothing else of the driver changes meanwhile.
        let request = ToolRequest { role, calls, allowed: &prepared.plan.tools };
        let mut lines = Lines::default();
        let outcomes = tool_calls::run(request, &context, &accept, &mut lines);
        for event in lines.0.into_iter().filter(|_| role == Role::Critic || self.participants.actor_is_model) {
            self.observer.on(&event);
        }
        self.conversation = Some(conversation);
        Ok(Event::ToolsRan(outcomes?))
    }

    /// The spec that a proposal makes; `None` if it changes nothing after the draft.
    fn composed(
        &self,
        machine: &Run,
        conversation: &ConversationContext,
        proposal: &Proposal,
    ) -> Result<Option<AnalysisSpec>, Refusal> {
        let (prepared, catalogue) = (self.input.prepared, self.input.catalogue);
        let mut proposal = proposal.clone();
        if !self.participants.actor_is_model {
            // The engine's reason is the playbook itself.
            proposal.changes.iter_mut().for_each(|change| change.reason.clear());
        }
        let context = conversation.context(prepared, catalogue, &self.privacy);
        let edited = |edit: &Edit, analysis: &Analysis| tools::edited(edit, analysis, &context);
        match conversation.purpose {
            Purpose::Draft => actor::compose_draft(&prepared.draft, catalogue, &proposal, &edited).map(Some),
            _ => actor::compose(machine.history(), catalogue, &proposal, &edited),
        }
    }

    /// Makes of an ending what the loop waits for.
    pub(super) fn conclude(&mut self, machine: &Run, ending: Ending) -> Result<Event, RunError> {
        let Some(conversation) = self.conversation.take() else {
            return Err(RunError::OutOfOrder("an end of no conversation"));
        };
        let by = self.participants.name(Role::Critic);
        match (&conversation.purpose, ending) {
            (Purpose::Criticise(computed), Ending::Criticised(opinion)) => {
                let critique = model_review::hold((**computed).clone(), &by, *opinion);
                self.concluded_critique(machine, critique)
            }
            (Purpose::Criticise(computed), Ending::GaveUp(why)) => {
                let critique = self.unreviewed((**computed).clone(), &why);
                self.concluded_critique(machine, critique)
            }
            (Purpose::Draft, Ending::Proposed(proposal)) => {
                // It was accepted a moment ago by this same code: a refusal now is a mistake of ours.
                let spec =
                    self.composed(machine, &conversation, &proposal).map_err(|Refusal(why)| FatalToolError(why))?;
                let spec = spec.unwrap_or_else(|| self.input.prepared.draft.clone());
                Ok(Event::Drafted(Box::new(spec)))
            }
            // A model that gave up on the first spec: the plan's own is a complete one.
            (Purpose::Draft, _) => Ok(Event::Drafted(Box::new(self.input.prepared.draft.clone()))),
            (_, Ending::Proposed(proposal)) => {
                let spec =
                    self.composed(machine, &conversation, &proposal).map_err(|Refusal(why)| FatalToolError(why))?;
                Ok(Event::Revised(spec.map(Box::new)))
            }
            _ => Ok(Event::Revised(None)),
        }
    }

    fn concluded_critique(
        &mut self,
        machine: &Run,
        critique: crate::record::critique::Critique,
    ) -> Result<Event, RunError> {
        match critique.stage {
            Stage::Design => self.criticised(critique),
            Stage::Final => self.report(machine, critique),
        }
    }
}

/// Collects what the host is told.
#[derive(Default)]
struct Lines(Vec<ProgressEvent>);

impl super::events::Observer for Lines {
    fn on(&mut self, event: &ProgressEvent) {
        self.0.push(event.clone());
    }
}

/// `actor, exchange 3: propose_spec (812 tokens)`.
fn subject(exchange: &Exchange) -> String {
    use crate::llm::{Block, Outcome};
    let what = match &exchange.outcome {
        Outcome::Stopped(why) => format!("stopped by the {why}"),
        Outcome::Response(response) => {
            let named = |block: &Block| match block {
                Block::ToolUse { name, .. } => {
                    // A model chose this name, and it goes into the subject of a commit.
                    Some(name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(40).collect::<String>())
                }
                _ => None,
            };
            let mut names: Vec<String> = response.blocks.iter().filter_map(named).collect();
            names.dedup();
            if names.is_empty() { "prose".to_owned() } else { names.into_iter().take(4).collect::<Vec<_>>().join(", ") }
        }
    };
    format!("{}, exchange {}: {what}", exchange.role, exchange.sequence)
}
