//! The loop as a serialisable machine without I/O: [`Run::next`] says what is to be done, [`Run::advance`] takes what came
//! of it.
//!
//! ```text
//! Draft ─▶ Design ─▶ Critique ─┬─▶ Revise ──proposal──▶ Design …
//!                              │      └──nothing──▶ settle ─┬─▶ Design ─▶ Critique ─▶ Unblind
//!                              └─ satisfactory ───▶ settle ─┤
//!                              └─ last iteration ───────────┴─▶ Unblind ─▶ Report ─▶ Done
//! ```
//!
//! *Conversations.* A draft, a revision, a critique and the final critique may each be decided in a conversation: instead of
//! the event that is due the machine is told [`Event::Briefed`], and says [`Action::CallModel`] and [`Action::CallTools`]
//! until it says [`Action::Conclude`]. Every answer is counted against the budget; when one is reached the conversation
//! ends, the loop settles on what it has, and the run is not accepted.
//!
//! *Blindness.* No type that an event carries before `Unblind` has a place for an effect: a design is a [`DesignSummary`], a
//! critique is refused if it is final or holds a number that only an effect can give, and `Unblinded` carries nothing. So a
//! revision cannot depend on an answer, whoever the actor is.
//!
//! *Settling.* When the loop ends and the last spec still contains a revision that did not earn its place, one more spec puts
//! every analysis back to its kept design; it is designed and graded like any other, and what is unblinded is that
//! iteration. If `max_iterations` leaves no room for it, each answer refers to the iteration in which the kept design of
//! its analysis was last run ([`Chosen::iteration`]).

use super::budget::{Budget, Spent};
use super::history::{DesignSummary, History, Trial};
use crate::agent::conversation::{Conversation, Ending, Next};
use crate::agent::{actor, rules};
use crate::critique::verdict;
use crate::finding::Tier;
use crate::plan::StopWhen;
use crate::playbook::Catalogue;
use crate::spec::AnalysisSpec;
use causal::estimand::Target;
use serde::{Deserialize, Serialize};

pub use crate::agent::protocol::{Action, Chosen, Event, Limits, LoopError, Settled};

/// Where the run is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Phase {
    Draft,
    Design { spec: Box<AnalysisSpec> },
    Critique { spec: Box<AnalysisSpec>, design: DesignSummary },
    Revise,
    Unblind,
    Report,
    Done { accepted: bool },
}

/// One run of the loop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    limits: Limits,
    history: History,
    settled: Option<Settled>,
    phase: Phase,
    /// The conversation that decides what is due, if there is one. Recorded states call it `talk`.
    #[serde(rename = "talk")]
    conversation: Option<Conversation>,
    budget: Option<Budget>,
    spent: Spent,
    /// The budget that was reached.
    stopped: Option<String>,
    /// True if that budget is one of answers: then nobody is asked any more.
    silenced: bool,
    /// The tasks that models did not deliver.
    shortfalls: Vec<String>,
}

impl Run {
    /// A run that has not begun. Of the catalogue it needs to know which revisions are kept even if they make the design
    /// worse.
    ///
    /// # Errors
    /// [`LoopError::NoIterations`].
    pub fn new(limits: Limits, catalogue: &Catalogue) -> Result<Self, LoopError> {
        if limits.max_iterations == 0 {
            return Err(LoopError::NoIterations);
        }
        let forced = catalogue.iter().filter(|playbook| !playbook.front.keep_only_if_not_worse);
        let history = History::new(forced.map(|playbook| playbook.front.name.clone()).collect());
        Ok(Self {
            limits,
            history,
            settled: None,
            phase: Phase::Draft,
            conversation: None,
            budget: None,
            spent: Spent::default(),
            stopped: None,
            silenced: false,
            shortfalls: Vec::new(),
        })
    }

    /// The same run, held to a budget.
    #[must_use]
    pub fn within(self, budget: Budget) -> Self {
        Self { budget: Some(budget), ..self }
    }

    /// The next action. Asking changes nothing.
    #[must_use]
    pub fn next(&self) -> Action {
        if let Some(conversation) = &self.conversation {
            let role = conversation.role();
            return match conversation.next() {
                Next::CallModel(request) => Action::CallModel { role, request },
                Next::CallTools(calls) => Action::CallTools { role, calls: calls.to_vec() },
                Next::Done(ending) => Action::Conclude { role, ending: ending.clone() },
            };
        }
        match &self.phase {
            Phase::Draft => Action::Draft,
            Phase::Design { spec } => Action::Design { iteration: spec.iteration, spec: spec.clone() },
            Phase::Critique { spec, .. } => Action::Critique { iteration: spec.iteration },
            Phase::Revise => Action::Revise { iteration: self.iterations() + 1 },
            Phase::Unblind => Action::Unblind { answers: self.answers() },
            Phase::Report => Action::Report,
            Phase::Done { accepted } => Action::Done { accepted: *accepted },
        }
    }

    /// Takes what came of the action.
    ///
    /// # Errors
    /// [`LoopError`] if the event does not answer the action, or breaks a rule of the loop; the run is then unchanged.
    pub fn advance(&mut self, event: Event) -> Result<(), LoopError> {
        match event {
            Event::Briefed(_) | Event::Answered(_) | Event::ToolsRan(_) | Event::TimeOver => {
                self.advance_conversation(event)
            }
            // While a conversation is open, it decides: a decision beside it would leave its model's answer unused.
            _ if self
                .conversation
                .as_ref()
                .is_some_and(|conversation| !matches!(conversation.next(), Next::Done(_))) =>
            {
                Err(self.unexpected(&event))
            }
            _ => {
                // Asked before `decided` moves the phase on, since the sentence names it; kept only if the decision was
                // taken.
                let shortfall = self.shortfall();
                self.decided(event)?;
                self.shortfalls.extend(shortfall);
                self.close();
                Ok(())
            }
        }
    }

    /// Checks whether a proposed spec would be taken, so that a model can be told why not while it can still mend it.
    ///
    /// # Errors
    /// [`LoopError`] as [`Run::advance`] would say it.
    pub fn would_take(&self, spec: &AnalysisSpec) -> Result<(), LoopError> {
        match self.phase {
            Phase::Draft => rules::draft(&self.limits, spec),
            _ => rules::proposal(&self.limits, &self.history, spec),
        }
    }

    /// An event of a conversation.
    fn advance_conversation(&mut self, event: Event) -> Result<(), LoopError> {
        let name = event.name();
        let taken = match event {
            Event::Briefed(opening) => self.begin(Conversation::new(*opening)),
            Event::Answered(response) => {
                let taken = self.conversation.as_mut().is_some_and(|conversation| conversation.answered(&response));
                if let (true, Some(conversation)) =
                    (taken, self.conversation.as_ref().filter(|conversation| conversation.counts()))
                {
                    self.spent.count(conversation.role(), &response);
                }
                taken
            }
            Event::ToolsRan(outcomes) => {
                let calls = u32::try_from(outcomes.len()).unwrap_or(u32::MAX);
                let taken = self.conversation.as_mut().is_some_and(|conversation| conversation.ran(outcomes));
                if let (true, Some(conversation)) =
                    (taken, self.conversation.as_ref().filter(|conversation| conversation.counts()))
                {
                    self.spent.role_mut(conversation.role()).tool_calls += calls;
                }
                taken
            }
            _ => self.conversation.is_some(),
        };
        if !taken {
            return Err(LoopError::Unexpected { action: self.waiting_for(), event: name });
        }
        self.hold_to_budget(name == "time_over");
        Ok(())
    }

    /// A conversation may begin where something is to be decided, once a phase, and not after a budget was reached.
    fn begin(&mut self, conversation: Conversation) -> bool {
        let open = matches!(self.phase, Phase::Draft | Phase::Critique { .. } | Phase::Revise | Phase::Report);
        let may = open && self.conversation.is_none() && self.may_ask();
        if may {
            self.conversation = Some(conversation);
        }
        may
    }

    /// Ends a conversation that would go on though the budget is used up. One that has just ended well keeps its ending.
    fn hold_to_budget(&mut self, time_over: bool) {
        let Some(budget) =
            self.budget.as_ref().filter(|_| self.conversation.as_ref().is_some_and(Conversation::counts))
        else {
            return;
        };
        let reached = if time_over { Some(budget.time_over()) } else { budget.reached(&self.spent) };
        // Only where a further answer is due: calls that were paid for are run, and an ending stays.
        let Some(conversation) =
            self.conversation.as_mut().filter(|conversation| matches!(conversation.next(), Next::CallModel(_)))
        else {
            return;
        };
        if let Some(why) = reached {
            conversation.stop(&why);
            self.stopped = Some(why);
            // Designs, computed critiques and effects need no model: the run goes on to an answer without one.
            self.silenced = true;
        }
    }

    /// True if a model may still be asked.
    #[must_use]
    pub fn may_ask(&self) -> bool {
        !self.silenced
    }

    /// The event that a phase waits for.
    fn decided(&mut self, event: Event) -> Result<(), LoopError> {
        match (&self.phase, event) {
            (Phase::Draft, Event::Drafted(spec)) => {
                rules::draft(&self.limits, &spec)?;
                self.phase = Phase::Design { spec };
            }
            (Phase::Design { spec }, Event::Designed(design)) => {
                rules::design(spec, &design)?;
                self.phase = Phase::Critique { spec: spec.clone(), design };
            }
            (Phase::Critique { spec, design }, Event::Criticised(critique)) => {
                rules::critique(spec, design, &critique)?;
                let trial = Trial { spec: (**spec).clone(), design: design.clone(), critique: *critique };
                self.graded(trial);
            }
            (Phase::Revise, Event::Revised(Some(spec))) => {
                rules::proposal(&self.limits, &self.history, &spec)?;
                self.phase = Phase::Design { spec };
            }
            (Phase::Revise, Event::Revised(None)) if self.stopped.is_some() => self.settle(Settled::Budget),
            (Phase::Revise, Event::Revised(None)) => self.settle(Settled::NothingToRevise),
            (Phase::Unblind, Event::Unblinded) => self.phase = Phase::Report,
            (Phase::Report, Event::Reported(tiers)) => {
                let accepted = self.accepted(&tiers)?;
                self.phase = Phase::Done { accepted };
            }
            (_, event) => return Err(self.unexpected(&event)),
        }
        Ok(())
    }

    /// Puts a conversation that has led to its decision away, and keeps count of it.
    fn close(&mut self) {
        let Some(conversation) = self.conversation.take() else { return };
        self.spent.role_mut(conversation.role()).repairs += conversation.repaired();
    }

    /// The shortfall that a conversation leaves by giving up. Known before its decision is taken, since a run with a shortfall
    /// is not accepted.
    fn shortfall(&self) -> Option<String> {
        let conversation = self.conversation.as_ref()?;
        let Next::Done(Ending::GaveUp(why)) = conversation.next() else { return None };
        let task = match self.phase {
            Phase::Draft => "the first spec is the plan's own".to_owned(),
            Phase::Revise => format!("there is no revision after iteration {}", self.iterations()),
            Phase::Report => "the final critique is the computed one alone".to_owned(),
            _ => format!("the critique of iteration {} is the computed one alone", self.iterations() + 1),
        };
        Some(format!("{}: {task}, because {why}.", conversation.role().key()))
    }

    fn unexpected(&self, event: &Event) -> LoopError {
        LoopError::Unexpected { action: self.waiting_for(), event: event.name() }
    }

    /// The use of models so far.
    #[must_use]
    pub fn spent(&self) -> Spent {
        let mut spent = self.spent;
        if let Some(conversation) = &self.conversation {
            spent.role_mut(conversation.role()).repairs += conversation.repaired();
        }
        spent
    }

    /// Dollars so far, if every model that was asked has a price.
    #[must_use]
    pub fn cost(&self) -> Option<f64> {
        self.budget.as_ref().and_then(|budget| budget.cost(&self.spent))
    }

    /// The budget that was reached, as a sentence.
    #[must_use]
    pub fn stopped(&self) -> Option<&str> {
        self.stopped.as_deref()
    }

    /// The tasks that models did not deliver.
    #[must_use]
    pub fn shortfalls(&self) -> Vec<String> {
        self.shortfalls.iter().cloned().chain(self.shortfall()).collect()
    }

    /// Everything that was tried.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Why the loop settled, once it has.
    #[must_use]
    pub fn settled(&self) -> Option<Settled> {
        self.settled
    }

    /// Iterations that were designed and graded.
    #[must_use]
    pub fn iterations(&self) -> u32 {
        self.history.last().map_or(0, |trial| trial.spec.iteration)
    }

    /// Which iteration answers which estimand, as things stand: the last one, unless its analysis is not the kept one.
    #[must_use]
    pub fn answers(&self) -> Vec<Chosen> {
        let chosen =
            |requested: Target| Some(Chosen { requested, iteration: self.history.kept(requested)?.spec.iteration });
        self.history.requested().into_iter().filter_map(chosen).collect()
    }

    /// A design was graded: go on, or settle.
    fn graded(&mut self, trial: Trial) {
        self.history.push(trial);
        // The spec that the loop settled on: nothing follows it but the answers.
        if self.settled.is_some() {
            self.phase = Phase::Unblind;
        } else if self.stopped.is_some() {
            self.settle(Settled::Budget);
        } else if self.limits.stop_when == StopWhen::Satisfactory && self.history.satisfactory() {
            self.settle(Settled::Satisfactory);
        } else if let Some(why) = self.revisions_used_up() {
            // Not `silenced`: no more may be revised, but the critic is still asked about the answers.
            self.stopped = Some(why);
            self.settle(Settled::Budget);
        } else if !self.room() {
            self.settle(Settled::MaxIterations);
        } else {
            self.phase = Phase::Revise;
        }
    }

    fn room(&self) -> bool {
        self.iterations() < self.limits.max_iterations && self.revisions_used_up().is_none()
    }

    fn revisions_used_up(&self) -> Option<String> {
        let allowed = self.budget.as_ref()?.revisions?;
        // The first spec is the draft.
        let made = self.iterations().saturating_sub(1);
        (made >= allowed).then(|| format!("`budget.revisions` is reached: {made} revised specs of {allowed}"))
    }

    fn settle(&mut self, why: Settled) {
        self.settled = Some(why);
        let spec = if self.room() { actor::settle(&self.history) } else { None };
        self.phase = spec.map_or(Phase::Unblind, |spec| Phase::Design { spec: Box::new(spec) });
    }

    fn accepted(&self, tiers: &[(Target, Tier)]) -> Result<bool, LoopError> {
        let (expected, found) = (self.history.requested(), tiers.iter().map(|(target, _)| *target).collect());
        if expected != found {
            return Err(LoopError::Analyses { expected, found });
        }
        let graded = verdict::accepted(&tiers.iter().map(|(_, tier)| *tier).collect::<Vec<_>>());
        // A run that was cut short, or went without a review that was due, does not pass, whatever its grades.
        Ok(graded && self.stopped.is_none() && self.shortfalls().is_empty())
    }

    fn waiting_for(&self) -> &'static str {
        match self.conversation.as_ref().map(Conversation::next) {
            Some(Next::CallModel(_)) => return "call_model",
            Some(Next::CallTools(_)) => return "call_tools",
            Some(Next::Done(_)) | None => {}
        }
        match self.phase {
            Phase::Draft => "draft",
            Phase::Design { .. } => "design",
            Phase::Critique { .. } => "critique",
            Phase::Revise => "revise",
            Phase::Unblind => "unblind",
            Phase::Report => "report",
            Phase::Done { .. } => "nothing: the run is over",
        }
    }
}
