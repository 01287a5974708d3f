//! The driver: does what the loop says, one commit a step, and tells the host.
//!
//! It decides nothing. What comes next is [`Run::next`]; what a stage computes is in `pipeline`; what a step's files look
//! like is in `pipeline::steps`. Everything is deterministic, so a resumed run is the same run again: the store verifies
//! the steps that are on record and appends the rest, and what a model answered before counts again ([`crate::agent::participants`]).

use super::budget::Budget;
use super::events::{DesignGrade, FinalVerdict, Observer, ProgressEvent};
use super::gates::{self, GateError};
use super::history::DesignSummary;
use super::run::{Action, Chosen, Event, Limits, LoopError, Run};
use crate::agent::participants::Participants;
use crate::agent::prompt;
use crate::agent::tool_calls::{ConversationContext, FatalToolError, Purpose};
use crate::critique;
use crate::critique::structure_findings;
use crate::critique::{CritiqueInput, Executed, alignment, model_review};
use crate::llm::{Exchange, ModelError, Recording};
use crate::pipeline::follow_ups::FollowUpError;
use crate::pipeline::results::{self, Iteration, Unblinded};
use crate::pipeline::steps;
use crate::pipeline::steps::Provenance;
use crate::pipeline::{Prepared, design};
use crate::plan::Gate;
use crate::playbook::Catalogue;
use crate::record::ReportError;
use crate::record::critique::{AnalysisCritique, Critique, Stage};
use crate::record::documents::{AnalysisDesign, Answer, Conduct, ResultsDocument, RoleUsage};
use crate::spec::AnalysisSpec;
use crate::store::{ArtifactError, ArtifactStore, Step};
use crate::tools::Role;
use crate::tools::privacy::Privacy;
use causal::estimand::Target;
use std::collections::{BTreeMap, BTreeSet};

/// The input of a run, beside its store.
#[derive(Debug, Clone, Copy)]
pub struct RunInput<'a> {
    /// Plan and data.
    pub prepared: &'a Prepared,
    /// Playbooks.
    pub catalogue: &'a Catalogue,
    /// The run's repository, as the person named it; for messages only.
    pub out: &'a str,
}

/// The outcome of a run.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// True if every requested estimand is at least `satisfactory_with_caveats`.
    pub accepted: bool,
    /// The content of `results.json`.
    pub results: ResultsDocument,
    /// The kept analysis of every requested estimand.
    pub kept: AnalysisSpec,
    /// Names of what was tried on each of them.
    pub tried: BTreeMap<Target, BTreeSet<String>>,
    /// The filter on what left this machine, with its record of what was described: whoever goes on asking is held to it.
    pub privacy: Privacy,
}

/// Why a run stopped before its end. What was committed stays committed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The store.
    #[error(transparent)]
    Artifacts(#[from] ArtifactError),
    /// A document that could not be rendered.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The loop refused an event: a mistake of this program.
    #[error(transparent)]
    Loop(#[from] LoopError),
    /// No analysis of the first spec has a design.
    #[error("no comparison can be made: {0}")]
    NoDesign(String),
    /// The driver was asked for something before its time: a mistake of this program.
    #[error("the run came to {0}")]
    OutOfOrder(&'static str),
    /// A look at an experiment could not be put on record.
    #[error("{0}")]
    Look(String),
    /// A gate that a person has not opened.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// The person asked to stop.
    #[error("stopped before the end")]
    Cancelled,
    /// A model that cannot be asked.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A prompt that cannot be rendered: a mistake of this program.
    #[error(transparent)]
    Brief(#[from] prompt::PromptError),
    /// A follow-up that cannot be made.
    #[error("a follow-up cannot be made: {0}")]
    FollowUp(#[from] FollowUpError),
    /// A tool ended the run.
    #[error("a tool ended the run: {0}")]
    Tool(#[from] FatalToolError),
}

/// The trailers that say which run this is.
#[must_use]
pub fn identity(prepared: &Prepared, catalogue: &Catalogue) -> Vec<(String, String)> {
    steps::identity(prepared, catalogue)
}

/// Runs a plan to its verdicts.
///
/// # Errors
/// [`RunError`]; every step before it is on record.
pub fn run(
    input: &RunInput<'_>,
    participants: &mut Participants,
    store: &mut dyn ArtifactStore,
    observer: &mut dyn Observer,
) -> Result<Outcome, RunError> {
    let plan = &input.prepared.plan;
    let budget = Budget::new(&plan.budget, participants.actor_price, participants.critic_price);
    let mut machine = Run::new(Limits::from_plan(plan), input.catalogue)?.within(budget);
    let mut driver = Driver::new(input, participants, store, observer)?;
    driver.open()?;
    loop {
        let event = match machine.next() {
            Action::Draft => driver.draft(&machine)?,
            Action::Design { spec, .. } => Event::Designed(driver.design(*spec)?),
            Action::Critique { .. } => driver.criticise(&machine)?,
            Action::Revise { .. } => driver.revise(&machine)?,
            Action::CallModel { role, request } => driver.ask(role, &request)?,
            Action::CallTools { role, calls } => driver.call_tools(&machine, role, &calls)?,
            Action::Conclude { ending, .. } => driver.conclude(&machine, ending)?,
            Action::Unblind { answers } => {
                driver.unblind(&answers)?;
                Event::Unblinded
            }
            Action::Report => driver.grade_answers(&machine)?,
            Action::Done { accepted } => return driver.finish(&machine, accepted),
        };
        tracing::debug!(iterations = machine.iterations(), "the loop goes on");
        machine.advance(event)?;
        // After the loop has taken it: the state on record is the one that the exchange led to.
        driver.record(&machine)?;
    }
}

/// Where exchanges with models are, inside a run's repository.
pub(super) const TRANSCRIPT: &str = "transcript";
/// The loop's state after the last exchange.
pub(super) const STATE: &str = "state.json";

pub(super) struct Driver<'a> {
    pub(super) input: &'a RunInput<'a>,
    pub(super) participants: &'a mut Participants,
    pub(super) store: &'a mut dyn ArtifactStore,
    pub(super) observer: &'a mut dyn Observer,
    pub(super) provenance: Provenance,
    pub(super) privacy: Privacy,
    /// Exchanges of an attempt that was killed.
    pub(super) recording: Recording,
    /// Exchanges so far.
    pub(super) sequence: u32,
    /// An exchange that is not on record yet.
    pub(super) exchange: Option<Exchange>,
    /// Bytes of answers that were too long to be kept.
    pub(super) left_out: u64,
    /// The state of the conversation that is going on.
    pub(super) conversation: Option<ConversationContext>,
    pub(super) tried: Vec<Iteration>,
    pub(super) unblinded: Option<Unblinded>,
    pub(super) results: Option<ResultsDocument>,
    /// True once the host has been told that a budget ended the run.
    pub(super) told_stop: bool,
    /// The number of shortfalls that the host has been told of.
    pub(super) told_shortfalls: usize,
}

impl<'a> Driver<'a> {
    fn new(
        input: &'a RunInput<'a>,
        participants: &'a mut Participants,
        store: &'a mut dyn ArtifactStore,
        observer: &'a mut dyn Observer,
    ) -> Result<Self, RunError> {
        let prepared = input.prepared;
        let recorded = store.recorded(&format!("{TRANSCRIPT}/"))?;
        // The state is for people; a resumed run comes to it again by the same events.
        let exchanges = recorded.into_iter().filter(|(name, _)| !name.ends_with(STATE));
        let privacy = &prepared.plan.privacy;
        Ok(Driver {
            input,
            provenance: Provenance::new(prepared, input.catalogue),
            privacy: match participants.actor_is_model {
                true => Privacy::new(prepared, privacy.min_cell, privacy.redact_names),
                false => Privacy::new(prepared, privacy.min_cell, privacy.redact_names).of_engine(),
            },
            recording: Recording::from_files(exchanges)?,
            participants,
            store,
            observer,
            sequence: 0,
            left_out: 0,
            exchange: None,
            conversation: None,
            tried: Vec::new(),
            unblinded: None,
            results: None,
            told_stop: false,
            told_shortfalls: 0,
        })
    }

    fn open(&mut self) -> Result<(), RunError> {
        let prepared = self.input.prepared;
        let (rows, treated) = prepared.arms();
        self.observer.on(&ProgressEvent::Started {
            title: prepared.plan.title.clone(),
            rows,
            treated,
            out: self.input.out.to_owned(),
            branch: self.store.branch().to_owned(),
            plan_sha256: prepared.plan_sha256.clone(),
            data_sha256: prepared.document.sha256.clone(),
        });
        self.commit(steps::plan_step(prepared, &self.provenance, self.models().as_ref())?)?;
        self.gate(Gate::Plan)?;
        self.commit(steps::dataset_step(prepared, &self.provenance)?)?;
        self.identification(false)
    }

    /// What the plan's graph says, where there is one.
    fn identification(&mut self, unblinded: bool) -> Result<(), RunError> {
        let Some(found) = &self.input.prepared.identification else { return Ok(()) };
        self.commit(steps::identification_step(found, unblinded, &self.provenance)?)
    }

    /// The manifest's part on models and prompts, where there are any.
    fn models(&self) -> Option<steps::Models> {
        let prompts = prompt::hashes();
        self.participants.any_model().then_some(steps::Models { prompts, conduct: None })
    }

    fn stage(&mut self, stage: impl Into<String>) {
        self.observer.on(&ProgressEvent::Stage { stage: stage.into() });
    }

    pub(super) fn commit(&mut self, step: Step) -> Result<(), RunError> {
        // Between two steps, never inside one: what is on record is whole.
        if self.observer.cancelled() {
            return Err(RunError::Cancelled);
        }
        let info = self.store.commit(&step)?;
        let commit = info.id.chars().take(7).collect();
        self.observer.on(&ProgressEvent::Committed { subject: info.subject, commit, replayed: info.replayed });
        Ok(())
    }

    /// Waits for a person, where the plan says so.
    fn gate(&mut self, gate: Gate) -> Result<(), RunError> {
        if !self.input.prepared.plan.gates.contains(&gate) {
            return Ok(());
        }
        let tree = self.store.tree_hash().unwrap_or_default();
        self.commit(steps::gate_step(gate, &tree, &self.provenance))?;
        gates::pass(gate, self.store, self.observer)
    }

    fn design(&mut self, spec: AnalysisSpec) -> Result<DesignSummary, RunError> {
        let iteration = spec.iteration;
        for revision in &spec.revisions {
            self.observer.on(&ProgressEvent::Revised {
                iteration,
                requested: revision.requested,
                playbook: revision.playbook.clone(),
                own: self.input.catalogue.get(&revision.playbook).is_none(),
                change: revision.change.clone(),
                reverted: revision.reverted,
            });
        }
        // On record before it is run, so that the history shows that the spec came first.
        self.commit(steps::spec_step(&spec, &self.provenance))?;
        self.gate(Gate::Spec)?;
        self.stage(format!("iteration {iteration}: propensity, balance, overlap, placebo"));
        let document = design::design(self.input.prepared, &spec);
        // A later spec without a design is a revision that did not earn its place: the loop goes back by itself.
        if let Some(reasons) = nothing_left(&document.analyses).filter(|_| iteration == 1) {
            // What separates the arms is known by its column, and said with it.
            let faults = structure_findings::sentences(self.input.prepared.structure());
            return Err(RunError::NoDesign(std::iter::once(reasons).chain(faults).collect::<Vec<_>>().join(" ")));
        }
        self.commit(steps::design_step(&document, &self.provenance)?)?;
        if !spec.blind {
            self.stage(format!("iteration {iteration}: effects, since the plan says `blind: false`"));
            // Committed and let go: even then the loop holds no effect.
            let effects = results::effects_of(self.input.prepared, &spec, &self.tried);
            self.commit(steps::open_effects_step(&spec, &effects, &self.provenance)?)?;
        }
        let summary = DesignSummary::new(&document);
        let sha256 = spec.sha256();
        self.tried.push(Iteration { spec, sha256, design: document, critique: None });
        Ok(summary)
    }

    /// The computed critique of the last design, or, with a model as critic, the conversation that is held under it.
    fn criticise(&mut self, machine: &Run) -> Result<Event, RunError> {
        let computed = self.critique(Stage::Design, BTreeMap::new(), None)?;
        if self.participants.critic.is_some() && machine.may_ask() {
            return self.brief(machine, Purpose::Criticise(Box::new(computed)));
        }
        let critique = self.alone(computed, machine);
        self.criticised(critique)
    }

    /// A critique that no model adds to. Where one was due, it says why there is none.
    fn alone(&self, computed: Critique, machine: &Run) -> Critique {
        match machine.stopped() {
            Some(why) if self.participants.critic.is_some() => self.unreviewed(computed, why),
            _ => computed,
        }
    }

    /// A critique that a model was asked for and did not give. What it said of the design that answers still holds: a run
    /// that ends early must not be graded higher for it.
    pub(super) fn unreviewed(&self, computed: Critique, why: &str) -> Critique {
        let last = self.tried.iter().rev().find_map(|run| run.critique.as_ref()?.reviewed.as_ref()?.opinion.as_ref());
        let last = last.filter(|_| computed.stage == Stage::Final);
        model_review::without(computed, &self.participants.name(Role::Critic), why, last)
    }

    pub(super) fn criticised(&mut self, critique: Critique) -> Result<Event, RunError> {
        self.observer.on(&ProgressEvent::Graded { iteration: critique.iteration, analyses: grades(&critique) });
        if let Some(last) = self.tried.last_mut() {
            last.critique = Some(critique.clone());
            let step = steps::critique_step(&critique, &last.spec, &self.input.prepared.plan, &self.provenance)?;
            self.commit(step)?;
        }
        Ok(Event::Criticised(Box::new(critique)))
    }

    fn critique(
        &self,
        stage: Stage,
        answers: BTreeMap<Target, u32>,
        unblinded: Option<&Unblinded>,
    ) -> Result<Critique, RunError> {
        let prepared = self.input.prepared;
        let source = alignment::Source {
            plan: &prepared.plan,
            plan_sha256: &prepared.plan_sha256,
            data_sha256: &prepared.document.sha256,
            unblinded_before: prepared.unblinded_before(),
        };
        let runs: Vec<Executed<'_>> = self.tried.iter().map(Iteration::executed).collect();
        let [earlier @ .., current] = runs.as_slice() else {
            return Err(RunError::OutOfOrder("a critique before a design"));
        };
        let sensitivity = unblinded.map(Unblinded::sensitivity_states).unwrap_or_default();
        let without_estimate = unblinded.map(|found| found.without_estimate(&self.tried)).unwrap_or_default();
        let current = *current;
        let estimates = unblinded.map(|found| found.estimate_states(&self.tried)).unwrap_or_default();
        let rejected_with_outcome = unblinded.map(|_| prepared.rejected_with_outcome()).unwrap_or_default();
        Ok(critique::critique(&CritiqueInput {
            source,
            stage,
            earlier,
            current,
            answers,
            sensitivity,
            estimates,
            without_estimate,
            rejected_with_outcome,
        }))
    }

    fn unblind(&mut self, answers: &[Chosen]) -> Result<(), RunError> {
        self.gate(Gate::Unblind)?;
        self.stage("unblinding: effects of every spec that was tried, and their sensitivity");
        let answering = answers.iter().map(|chosen| (chosen.requested, chosen.iteration)).collect();
        // Every spec that was tried, not the answers alone: otherwise nobody could see that one was picked for its
        // effect.
        let unblinded = results::unblind(self.input.prepared, &self.tried, answering);
        let told = ProgressEvent::Unblinded { specs: self.tried.len(), effects: unblinded.effects.rows.len() };
        self.observer.on(&told);
        self.unblinded = Some(unblinded);
        Ok(())
    }

    /// The computed critique of the answers, or the conversation that is held under it.
    fn grade_answers(&mut self, machine: &Run) -> Result<Event, RunError> {
        let Some(unblinded) = self.unblinded.take() else {
            return Err(RunError::OutOfOrder("a report before unblinding"));
        };
        let critique = self.critique(Stage::Final, unblinded.answering.clone(), Some(&unblinded))?;
        let hashes = self.input.catalogue.hashes();
        let computed = critique.clone();
        let results = results::document(self.input.prepared, &self.tried, unblinded, critique, hashes);
        self.results = Some(results);
        if self.participants.critic.is_some() && machine.may_ask() {
            return self.brief(machine, Purpose::Criticise(Box::new(computed)));
        }
        let critique = self.alone(computed, machine);
        self.report(machine, critique)
    }

    /// Puts the final critique into the results, and reports.
    pub(super) fn report(&mut self, machine: &Run, critique: Critique) -> Result<Event, RunError> {
        let Some(mut results) = self.results.take() else {
            return Err(RunError::OutOfOrder("a report before the answers"));
        };
        results::held_under(&mut results, critique);
        results.conduct = self.conduct(machine);
        // Last: the model's words are in, and every figure that they may quote.
        critique::flag_figures::flag_figures(&mut results)?;
        self.identification(true)?;
        self.commit(steps::results_step(&results, &self.provenance)?)?;
        self.stage("plots, report and notebook");
        let files = steps::ReportInput { results: &results, prepared: self.input.prepared, tried: &self.tried };
        let models = self.models().map(|models| steps::Models { conduct: results.conduct.clone(), ..models });
        let planned = !self.input.prepared.plan.follow_ups.is_empty();
        for step in steps::report_steps(&files, &self.provenance, models.as_ref())? {
            // Where the plan asks for more, that ends the run.
            self.commit(Step { last: step.last && !planned, ..step })?;
        }
        self.planned_follow_ups(&results)?;
        let tiers = results.answers.iter().map(|answer| (answer.requested, answer.tier)).collect();
        self.results = Some(results);
        Ok(Event::Reported(tiers))
    }

    fn conduct(&self, machine: &Run) -> Option<Conduct> {
        // A playbook run says something of its conduct only if its budget ended it.
        if !self.participants.any_model() && machine.stopped().is_none() {
            return None;
        }
        let spent = machine.spent();
        Some(Conduct {
            actor: self.participants.name(Role::Actor),
            critic: self.participants.name(Role::Critic),
            actor_usage: if self.participants.actor_is_model { spent.actor } else { RoleUsage::default() },
            critic_usage: spent.critic,
            cost_usd: machine.cost(),
            stopped: machine.stopped().map(str::to_owned),
            shortfalls: machine.shortfalls(),
            flagged: Vec::new(),
            left_out_bytes: self.left_out,
        })
    }

    fn finish(mut self, machine: &Run, accepted: bool) -> Result<Outcome, RunError> {
        let Some(results) = self.results.take() else { return Err(RunError::OutOfOrder("an end before the report")) };
        self.observer.on(&ProgressEvent::Finished {
            accepted,
            verdicts: results.answers.iter().map(|answer| final_verdict(answer, &results.units)).collect(),
            out: self.input.out.to_owned(),
            branch: self.store.branch().to_owned(),
            tree: self.store.tree_hash().unwrap_or_default(),
            conduct: results.conduct.clone().map(Box::new),
        });
        tracing::debug!(iterations = machine.iterations(), "the run is over");
        let ConversationContext { spec: kept, tried, .. } = self.conversation_context(machine, Purpose::Look);
        Ok(Outcome { accepted, results, kept, tried, privacy: self.privacy })
    }
}

/// If no analysis has a design: why not, each reason once.
fn nothing_left(analyses: &[AnalysisDesign]) -> Option<String> {
    let reasons: BTreeSet<&str> = analyses.iter().map(|a| a.failed.as_deref()).collect::<Option<_>>()?;
    Some(reasons.into_iter().collect::<Vec<_>>().join("; "))
}

fn grades(critique: &Critique) -> Vec<DesignGrade> {
    let grade = |graded: &AnalysisCritique| DesignGrade {
        requested: graded.requested,
        name: graded.estimand.clone(),
        tier: graded.tier,
        findings: graded.findings.clone(),
    };
    critique.analyses.iter().map(grade).collect()
}

fn final_verdict(answer: &Answer, units: &str) -> FinalVerdict {
    FinalVerdict {
        requested: answer.requested,
        name: answer.name.clone(),
        tier: answer.tier,
        population: answer.population.clone(),
        effect: answer.effect.clone(),
        units: units.to_owned(),
    }
}
