//! The tool registry for any agent host that speaks MCP, over stdin and stdout.
//!
//! The server is a run of the loop whose actor is the host at the other end of the pipe. Whatever the host calls is an answer
//! of the actor's: it goes through the same machine, rules, registry and budget as a language model's, and is on record in
//! the same way. The plan that the server was started with decides what is allowed, when effects exist, and what may be said
//! of the data.
//!
//! ```text
//! thread of rmcp                                  calling thread
//! stdin ─▶ server: tools/call ──Call──▶ queue ─▶ host: ChatModel ─▶ agent::driver::run
//! stdout ◀──────── answer ◀──Reply─── queue ◀─ what the loop says next
//!                                              … the loop settles …
//!                   tools/call ──Call──▶ after_unblinding: Registry::call with the results
//! ```
//!
//! | file | what it does |
//! |---|---|
//! | `server` | speaks the protocol; knows names of tools and nothing of the analysis |
//! | [`host_model`] | the actor: hands the loop the host's calls, and the host what the loop says |
//! | `queue` | the one call that is being answered, and those that wait |
//! | `after_unblinding` | answers once the loop has settled |
//! | `messages` | the sentences |
//! | [`experiment`] | the same server for the plan of an experiment, where there is no loop and no actor |
//!
//! *Order.* Calls are answered one at a time in the order in which they came; a call that its host has given up before its
//! turn is not made. *Blindness.* The server and the host model see no results; `after_unblinding` begins when the run has ended.

mod after_unblinding;
pub mod experiment;
pub mod host_model;
mod messages;
mod queue;
mod server;

use crate::agent::budget::Price;
use crate::agent::driver::{self, Outcome, RunError, RunInput};
use crate::agent::events::{Observer, ProgressEvent};
use crate::agent::participants::Participants;
use crate::agent::prompt;
use crate::llm::{ChatModel, ModelError};
use crate::mcp::host_model::HostModel;
use crate::mcp::queue::{CallQueue, Reply};
use crate::mcp::server::{Offer, Server, Stage};
use crate::plan::Plan;
use crate::store::ArtifactStore;
use crate::tools::privacy::Privacy;
use crate::tools::{Registry, Role};
use std::cell::RefCell;
use std::rc::Rc;

/// A run whose actor is the host, before it begins.
pub struct HostedRun<'a> {
    /// Plan, data, playbooks, and where the run goes.
    pub run: RunInput<'a>,
    /// A language model that grades beside the rubric, if the plan names one.
    pub critic: Option<Box<dyn ChatModel>>,
    /// Its price, if known.
    pub critic_price: Option<Price>,
}

/// Why the server ended before its run did.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The host closed the connection while the loop was waiting for it.
    #[error("the host closed the connection before the loop had settled")]
    Left,
    /// The run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// No thread or no runtime could be had.
    #[error("the server could not be started: {0}")]
    Start(#[source] std::io::Error),
}

/// Serves a run until the host leaves. The outcome is that of the run, which ended before.
///
/// # Errors
/// [`ServeError`]; what was committed stays committed.
pub fn serve(
    hosted: HostedRun<'_>,
    store: &mut dyn ArtifactStore,
    observer: &mut dyn Observer,
) -> Result<Outcome, ServeError> {
    let (input, plan) = (hosted.run, &hosted.run.prepared.plan);
    let privacy = Privacy::new(input.prepared, plan.privacy.min_cell, plan.privacy.redact_names);
    let registry = Registry::new(Role::Host, &plan.tools);
    let offer = Offer {
        known: registry.known(),
        blind: registry.offered(false),
        unblinded: registry.offered(true),
        instructions: prompt::host(),
    };
    let (server, inbox) = Server::open(offer).map_err(ServeError::Start)?;
    let queue = Rc::new(RefCell::new(CallQueue::new(inbox)));
    let news = Rc::new(RefCell::new(Vec::new()));
    let mut participants =
        participants(hosted, HostModel::new(Rc::clone(&queue), Rc::clone(&news), plan.budget.repairs));
    let ended = driver::run(
        &input,
        &mut participants,
        store,
        &mut ForwardingObserver { inner: observer, news: Rc::clone(&news) },
    );
    let mut queue = queue.borrow_mut();
    let news = news.borrow_mut().split_off(0);
    match ended {
        Ok(outcome) => {
            // Before the answer: a host that lists the tools as soon as it has read it finds the new ones.
            server.show(Stage::Unblinded);
            let end = queue.answer(Reply::text(messages::settled(&outcome, &news, input.out, &privacy)));
            after_unblinding::answer_from_results(&mut queue, end, &outcome, &input, observer);
            server.close();
            Ok(outcome)
        }
        Err(error) => {
            let left = queue.has_host_left();
            // A stop ends the server; any other failure is told for as long as the host asks.
            if !left && !stopped(&error) {
                let reply = Reply::refused(messages::failed(&error, &privacy));
                let _ = queue.answer(reply.clone());
                while let Some(()) = queue.next(&|| observer.cancelled()) {
                    let _ = queue.answer(reply.clone());
                }
            }
            let _ = queue.answer(Reply::refused("The server was stopped.".to_owned()));
            server.close();
            Err(match (stopped(&error), left) {
                (true, true) => ServeError::Left,
                (true, false) => ServeError::Run(RunError::Cancelled),
                (false, _) => ServeError::Run(error),
            })
        }
    }
}

fn participants(hosted: HostedRun<'_>, host: HostModel) -> Participants {
    let plan = &hosted.run.prepared.plan;
    let others = Participants { critic: hosted.critic, critic_price: hosted.critic_price, ..Participants::playbook() };
    participants_of_host(Box::new(host), others, plan)
}

/// The host as actor, beside the critic of `others`. Its tokens are its own: they are not counted, and cost the plan nothing.
pub fn participants_of_host(host: Box<dyn ChatModel>, others: Participants, plan: &Plan) -> Participants {
    const FREE: Price = Price { input: 0.0, output: 0.0, cache_read: 0.0, cache_write: 0.0, long: None };
    Participants {
        actor: host,
        // A run has a cost only if every model has a price; without a critic there is no cost to tell.
        actor_price: others.critic.is_some().then_some(FREE),
        actor_is_model: true,
        actor_turns: Some(plan.budget.turns),
        ..others
    }
}

fn stopped(error: &RunError) -> bool {
    matches!(error, RunError::Cancelled | RunError::Model(ModelError::Cancelled))
}

/// Passes events on, and keeps what the host must be told of its own part.
struct ForwardingObserver<'a> {
    inner: &'a mut dyn Observer,
    news: Rc<RefCell<Vec<String>>>,
}

impl Observer for ForwardingObserver<'_> {
    fn on(&mut self, event: &ProgressEvent) {
        if let ProgressEvent::Stopped { why: what } | ProgressEvent::Shortfall { what } = event {
            self.news.borrow_mut().push(what.clone());
        }
        self.inner.on(event);
    }

    fn cancelled(&self) -> bool {
        self.inner.cancelled()
    }

    fn elapsed(&self) -> f64 {
        self.inner.elapsed()
    }
}
