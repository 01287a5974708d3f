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
//! *Blindness.* No type that an event carries before `Unblind` has a place for an effect: a design is a [`DesignSummary`], a
//! critique is refused if it is final or holds a number that only an effect can give, and `Unblinded` carries nothing. So a
//! revision cannot depend on an answer, whoever the actor is.
//!
//! *Settling.* When the loop ends and the last spec still contains a revision that did not earn its place, one more spec puts
//! every analysis back to its kept design; it is designed and graded like any other, and what is unblinded is that
//! iteration. If `max_iterations` leaves no room for it, each answer refers to the iteration in which the kept design of
//! its analysis was last run ([`Chosen::iteration`]).

use super::history::{DesignSummary, History, Trial};
use super::{actor, guard};
use crate::critique::Critique;
use crate::critique::verdict;
use crate::estimand::Target;
use crate::finding::Tier;
use crate::plan::{Plan, StopWhen, Tool};
use crate::playbook::Catalogue;
use crate::spec::AnalysisSpec;
use serde::{Deserialize, Serialize};

/// What the plan says about the loop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// At most this many specs; at least 1.
    pub max_iterations: u32,
    /// When to stop before that.
    pub stop_when: StopWhen,
    /// The allow-list.
    pub tools: Vec<Tool>,
}

impl Limits {
    /// The limits that a plan sets.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        Self { max_iterations: plan.loop_.max_iterations, stop_when: plan.loop_.stop_when, tools: plan.tools.clone() }
    }
}

/// Which iteration answers a requested estimand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chosen {
    /// The estimand the plan asked for.
    pub requested: Target,
    /// The iteration.
    pub iteration: u32,
}

/// Why the loop settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settled {
    /// The actor had nothing more to change.
    NothingToRevise,
    /// Every estimand was at least satisfactory with caveats, and the plan said to stop there.
    Satisfactory,
    /// The plan allows no further spec.
    MaxIterations,
}

/// What is to be done next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "action")]
pub enum Action {
    /// Turn the plan into the first spec; answer with [`Event::Drafted`].
    Draft,
    /// Commit and run a spec up to its design, without effects; answer with [`Event::Designed`].
    Design {
        /// The iteration, from 1.
        iteration: u32,
        /// The spec.
        spec: Box<AnalysisSpec>,
    },
    /// Grade that design; answer with [`Event::Criticised`].
    Critique {
        /// The iteration.
        iteration: u32,
    },
    /// Ask the actor for a revised spec, from [`Run::history`]; answer with [`Event::Revised`].
    Revise {
        /// The iteration that the revised spec will be.
        iteration: u32,
    },
    /// Compute effects; answer with [`Event::Unblinded`].
    Unblind {
        /// Which iteration answers which estimand.
        answers: Vec<Chosen>,
    },
    /// Grade and report the answers; respond with [`Event::Reported`].
    Report,
    /// Nothing: the run is over.
    Done {
        /// The exit decision.
        accepted: bool,
    },
}

/// What came of an action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event", content = "with")]
pub enum Event {
    /// The first spec.
    Drafted(Box<AnalysisSpec>),
    /// The design, as far as the loop may know it.
    Designed(DesignSummary),
    /// The critique of the design.
    Criticised(Box<Critique>),
    /// A revised spec, or `None` if there is nothing to revise.
    Revised(Option<Box<AnalysisSpec>>),
    /// Effects were computed. None of them comes in here.
    Unblinded,
    /// The final tier of each requested estimand.
    Reported(Vec<(Target, Tier)>),
}

impl Event {
    fn name(&self) -> &'static str {
        match self {
            Event::Drafted(_) => "drafted",
            Event::Designed(_) => "designed",
            Event::Criticised(_) => "criticised",
            Event::Revised(_) => "revised",
            Event::Unblinded => "unblinded",
            Event::Reported(_) => "reported",
        }
    }
}

/// Why an event was refused. The run stays where it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoopError {
    /// No iteration is allowed.
    #[error("`loop.max_iterations` is 0, so not even a first spec could be run; set it to 1 or more")]
    NoIterations,
    /// An event that does not answer the action.
    #[error("the loop waits for the result of `{action}`, and was told `{event}`; do what `next` says, then `advance`")]
    Unexpected {
        /// What it waits for.
        action: &'static str,
        /// What it was told.
        event: &'static str,
    },
    /// A document of another iteration.
    #[error("a document of iteration {found} was handed in where iteration {expected} was due")]
    WrongIteration {
        /// The one that was due.
        expected: u32,
        /// The one handed in.
        found: u32,
    },
    /// A critique of another spec.
    #[error(
        "the critique is of the spec {found}, and the design of the spec {expected}; criticise the design that was run"
    )]
    WrongSpec {
        /// Hash in the design.
        expected: String,
        /// Hash in the critique.
        found: String,
    },
    /// The analyses are not one for each requested estimand.
    #[error("the analyses are for {found:?}, and must be for {expected:?}, each once and in that order")]
    Analyses {
        /// The requested estimands.
        expected: Vec<Target>,
        /// Those of the document.
        found: Vec<Target>,
    },
    /// A tool that the plan does not allow.
    #[error(
        "{} needs `{}`, which the plan does not list under `tools`; allow it there or leave it out",
        analysis.map_or("the spec", Target::acronym),
        tool.key()
    )]
    ToolNotAllowed {
        /// The analysis; `None` if it is the spec's own list.
        analysis: Option<Target>,
        /// The tool.
        tool: Tool,
    },
    /// A playbook that was tried before on the same analysis.
    #[error("`{playbook}` was already tried on the {}; each playbook is tried once on an analysis", analysis.acronym())]
    Repeated {
        /// The playbook.
        playbook: String,
        /// The analysis.
        analysis: Target,
    },
    /// A proposal that changes what is not the actor's.
    #[error(
        "the revised spec differs from the one before in more than its analyses; data, treatment, outcome, confounders, tools and seed are the plan's"
    )]
    NotTheActors,
    /// A changed analysis without a revision line.
    #[error("the analysis for the {} was changed without a revision that says why; add one", analysis.acronym())]
    Unexplained {
        /// The analysis.
        analysis: Target,
    },
    /// A proposal that revises nothing.
    #[error("the revised spec tries nothing new; say that there is nothing to revise, and the loop settles by itself")]
    NothingNew,
    /// Something that only an effect could tell, before unblinding.
    #[error("the loop is blind, and was handed {what}; that must wait until it has settled")]
    NotBlind {
        /// What.
        what: &'static str,
    },
}

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
        Ok(Self { limits, history, settled: None, phase: Phase::Draft })
    }

    /// What is to be done next. Asking changes nothing.
    #[must_use]
    pub fn next(&self) -> Action {
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
        match (&self.phase, event) {
            (Phase::Draft, Event::Drafted(spec)) => {
                guard::draft(&self.limits, &spec)?;
                self.phase = Phase::Design { spec };
            }
            (Phase::Design { spec }, Event::Designed(design)) => {
                guard::design(spec, &design)?;
                self.phase = Phase::Critique { spec: spec.clone(), design };
            }
            (Phase::Critique { spec, design }, Event::Criticised(critique)) => {
                guard::critique(spec, design, &critique)?;
                let trial = Trial { spec: (**spec).clone(), design: design.clone(), critique: *critique };
                self.graded(trial);
            }
            (Phase::Revise, Event::Revised(Some(spec))) => {
                guard::proposal(&self.limits, &self.history, &spec)?;
                self.phase = Phase::Design { spec };
            }
            (Phase::Revise, Event::Revised(None)) => self.settle(Settled::NothingToRevise),
            (Phase::Unblind, Event::Unblinded) => self.phase = Phase::Report,
            (Phase::Report, Event::Reported(tiers)) => self.phase = Phase::Done { accepted: self.accepted(&tiers)? },
            (_, event) => return Err(LoopError::Unexpected { action: self.waiting_for(), event: event.name() }),
        }
        Ok(())
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
        if self.settled.is_some() {
            self.phase = Phase::Unblind;
        } else if self.limits.stop_when == StopWhen::Satisfactory && self.history.satisfactory() {
            self.settle(Settled::Satisfactory);
        } else if !self.room() {
            self.settle(Settled::MaxIterations);
        } else {
            self.phase = Phase::Revise;
        }
    }

    fn room(&self) -> bool {
        self.iterations() < self.limits.max_iterations
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
        Ok(verdict::accepted(&tiers.iter().map(|(_, tier)| *tier).collect::<Vec<_>>()))
    }

    fn waiting_for(&self) -> &'static str {
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
