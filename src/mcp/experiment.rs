//! The server for the plan of an experiment: its tools are the questions of `oci-agent experiment`, and one that runs it.
//!
//! ```text
//! call ──▶ ExperimentRegistry::call ──▶ answer
//!                     └─ Open ──▶ ExperimentSurface::run, once ──▶ the same call again, now with results
//! ```
//!
//! There is no loop: nothing is revised, so the host may ask what it likes before the results are open. What needs an effect is
//! refused by the registry until then. A call that fails is answered, and the session goes on.

use crate::agent::events::{Observer, ProgressEvent};
use crate::mcp::channel::{Offer, RunChannel, Shown, Stage, Started};
use crate::mcp::queue::{CallQueue, Reply};
use crate::mcp::refusal::{Refused, code};
use crate::pipeline::experiment::Experiment;
use crate::pipeline::experiment::asked::AssignmentRows;
use crate::record::experiment::{ExperimentResults, Look};
use crate::tools::Role;
use crate::tools::experiment::{ExperimentAnswer, ExperimentContext, ExperimentRegistry};
use crate::tools::privacy::{Privacy, one_line};
use serde_json::Value;

/// What the host is told of the server.
const INSTRUCTIONS: &str = include_str!("experiment.md");
/// The longest line for the operator.
const LONGEST_LINE: usize = 160;
/// The longest account of a failure, characters.
const LONGEST_FAILURE: usize = 2_000;

/// An experiment before it is run.
#[derive(Debug, Clone, Copy)]
pub struct HostedExperiment<'a> {
    /// Plan and rows.
    pub experiment: &'a Experiment,
    /// The table of assignments, for segments.
    pub rows: &'a AssignmentRows,
    /// The looks on record.
    pub looks: &'a [Look],
    /// Where the run is recorded.
    pub out: &'a str,
}

/// What the server needs done outside of it.
pub trait ExperimentSurface: Observer {
    /// Runs the experiment, with the look on record before an effect is.
    ///
    /// # Errors
    /// What the host is told; the run may be asked for again.
    fn run(&mut self) -> Result<ExperimentResults, Refused>;
}

/// The tools of an experiment.
#[must_use]
pub fn offer() -> Offer {
    let registry = ExperimentRegistry;
    Offer { known: registry.known(), blind: registry.offered(false), unblinded: registry.offered(true) }
}

/// What a host is told of them.
#[must_use]
pub fn instructions() -> String {
    INSTRUCTIONS.trim().to_owned()
}

/// Serves an experiment until the host leaves; the results, if they were opened.
pub fn serve_experiment(
    hosted: HostedExperiment<'_>,
    started: Started,
    mut channel: RunChannel,
    surface: &mut dyn ExperimentSurface,
) -> Option<ExperimentResults> {
    channel.begin(started, offer());
    let (registry, shown) = (ExperimentRegistry, channel.shown);
    let mut queue = CallQueue::new(channel.inbox);
    let mut session =
        Session { hosted, registry, privacy: Privacy::of_experiment(hosted.experiment), results: None, surface };
    while let Some(()) = queue.next(&|| session.surface.cancelled()) {
        let Some(call) = queue.open() else { break };
        let (name, arguments) = (call.name.clone(), call.arguments.clone());
        let reply = session.answer(&name, &arguments, &shown);
        let _ = queue.answer(reply);
    }
    let _ = queue.answer(Reply::refused(Refused::new(code::STOPPED, "The server was stopped.")));
    session.results
}

struct Session<'a> {
    hosted: HostedExperiment<'a>,
    registry: ExperimentRegistry,
    privacy: Privacy,
    results: Option<ExperimentResults>,
    surface: &'a mut dyn ExperimentSurface,
}

impl Session<'_> {
    fn answer(&mut self, name: &str, arguments: &Value, shown: &Shown) -> Reply {
        let mut answered = self.call(name, arguments);
        if matches!(answered, Ok(Told { line: None, .. })) {
            shown.progress("running the experiment: audit, effects, decision, report");
            match self.surface.run() {
                Ok(results) => {
                    self.results = Some(results);
                    // Before the answer: a host that lists the tools as soon as it has read it finds the new ones.
                    shown.stage(Stage::Unblinded);
                    answered = self.call(name, arguments);
                }
                Err(why) => {
                    let for_host = self.privacy.plain(&why.message, LONGEST_FAILURE);
                    return self.refuse(name, Refused { message: for_host, ..why.clone() }, &why.message);
                }
            }
        }
        match answered {
            Ok(told) => {
                self.note(name, told.line.as_deref().unwrap_or_default(), None);
                Reply::text(told.text)
            }
            Err((refused, line)) => self.refuse(name, refused, &line),
        }
    }

    fn call(&self, name: &str, arguments: &Value) -> Result<Told, (Refused, String)> {
        let HostedExperiment { experiment, rows, looks, out } = self.hosted;
        let results = self.results.as_ref();
        let context = ExperimentContext { experiment, rows, looks, privacy: &self.privacy, results, out };
        match self.registry.call(name, arguments, &context) {
            Ok(ExperimentAnswer::Reply(reply)) => Ok(Told { text: reply.model, line: Some(reply.operator) }),
            Ok(ExperimentAnswer::Open) => Ok(Told { text: String::new(), line: None }),
            Err(error) => Err((Refused::new(error.code(), error.for_model(&self.privacy)), error.to_string())),
        }
    }

    fn refuse(&mut self, name: &str, refused: Refused, line: &str) -> Reply {
        self.note(name, line, Some(refused.code));
        Reply::refused(refused)
    }

    fn note(&mut self, name: &str, line: &str, reason: Option<&'static str>) {
        let (tool, line) = (name.to_owned(), one_line(line, LONGEST_LINE));
        let refused = reason.is_some();
        self.surface.on(&ProgressEvent::ToolRan { role: Role::Host, tool, line, refused, reason });
    }
}

/// An answer; without a line for the operator the results are to be opened first.
struct Told {
    text: String,
    line: Option<String>,
}
