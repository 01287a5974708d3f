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
use crate::mcp::ServeError;
use crate::mcp::queue::{CallQueue, Reply};
use crate::mcp::server::{Offer, Server, Stage};
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
    /// A sentence for the host; the run may be asked for again.
    fn run(&mut self) -> Result<ExperimentResults, String>;
}

/// Serves an experiment until the host leaves; the results, if they were opened.
///
/// # Errors
/// [`ServeError::Start`].
pub fn serve_experiment(
    hosted: HostedExperiment<'_>,
    surface: &mut dyn ExperimentSurface,
) -> Result<Option<ExperimentResults>, ServeError> {
    let registry = ExperimentRegistry;
    let offer = Offer {
        known: registry.known(),
        blind: registry.offered(false),
        unblinded: registry.offered(true),
        instructions: INSTRUCTIONS.trim().to_owned(),
    };
    let (server, inbox) = Server::open(offer).map_err(ServeError::Start)?;
    let mut queue = CallQueue::new(inbox);
    let mut session =
        Session { hosted, registry, privacy: Privacy::of_experiment(hosted.experiment), results: None, surface };
    while let Some(()) = queue.next(&|| session.surface.cancelled()) {
        let Some(call) = queue.open() else { break };
        let (name, arguments) = (call.name.clone(), call.arguments.clone());
        let reply = session.answer(&name, &arguments, &server);
        let _ = queue.answer(reply);
    }
    let _ = queue.answer(Reply::refused("The server was stopped.".to_owned()));
    server.close();
    Ok(session.results)
}

struct Session<'a> {
    hosted: HostedExperiment<'a>,
    registry: ExperimentRegistry,
    privacy: Privacy,
    results: Option<ExperimentResults>,
    surface: &'a mut dyn ExperimentSurface,
}

impl Session<'_> {
    fn answer(&mut self, name: &str, arguments: &Value, server: &Server) -> Reply {
        let mut answered = self.call(name, arguments);
        if matches!(answered, Ok(Told { line: None, .. })) {
            match self.surface.run() {
                Ok(results) => {
                    self.results = Some(results);
                    // Before the answer: a host that lists the tools as soon as it has read it finds the new ones.
                    server.show(Stage::Unblinded);
                    answered = self.call(name, arguments);
                }
                Err(why) => {
                    let for_host = self.privacy.plain(&why, LONGEST_FAILURE);
                    return self.refuse(name, &for_host, &why);
                }
            }
        }
        match answered {
            Ok(told) => {
                self.note(name, told.line.as_deref().unwrap_or_default(), false);
                Reply::text(told.text)
            }
            Err((for_host, line)) => self.refuse(name, &for_host, &line),
        }
    }

    fn call(&self, name: &str, arguments: &Value) -> Result<Told, (String, String)> {
        let HostedExperiment { experiment, rows, looks, out } = self.hosted;
        let results = self.results.as_ref();
        let context = ExperimentContext { experiment, rows, looks, privacy: &self.privacy, results, out };
        match self.registry.call(name, arguments, &context) {
            Ok(ExperimentAnswer::Reply(reply)) => Ok(Told { text: reply.model, line: Some(reply.operator) }),
            Ok(ExperimentAnswer::Open) => Ok(Told { text: String::new(), line: None }),
            Err(error) => Err((error.for_model(&self.privacy), error.to_string())),
        }
    }

    fn refuse(&mut self, name: &str, for_host: &str, line: &str) -> Reply {
        self.note(name, line, true);
        Reply::refused(for_host.to_owned())
    }

    fn note(&mut self, name: &str, line: &str, refused: bool) {
        let (tool, line) = (name.to_owned(), one_line(line, LONGEST_LINE));
        self.surface.on(&ProgressEvent::ToolRan { role: Role::Host, tool, line, refused });
    }
}

/// An answer; without a line for the operator the results are to be opened first.
struct Told {
    text: String,
    line: Option<String>,
}
