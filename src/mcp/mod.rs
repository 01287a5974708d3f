//! The tool registry for any agent host that speaks MCP, over stdin and stdout or HTTP on this machine.
//!
//! A run of the server is one of the loop whose actor is the host at the other end. Whatever the host calls is an answer
//! of the actor's: it goes through the same machine, rules, registry and budget as a language model's, and is on record in
//! the same way. The plan decides what is allowed, when effects exist, and what may be said
//! of the data.
//!
//! A connection is not a run: the first call that needs it opens one, on a thread of its own, and a host that comes back goes on
//! with it. What is asked beside a run (`status`, documents, `check_plan`, `draft_plan`) is answered by the [`backend::Backend`].
//!
//! ```text
//! thread of rmcp                                       thread of a run
//! stdio, http ─▶ server: tools/call ─▶ session ─Call─▶ queue ─▶ host_model: ChatModel ─▶ agent::driver::run
//!             ◀───────── answer ◀────────────── Reply ─┘ ◀─ what the loop says next
//!                   │                                       … the loop settles …
//!                   └▶ backend, documents, prompts        after_unblinding: Registry::call with the results
//! ```
//!
//! | file | what it does |
//! |---|---|
//! | `transport`, `http` | stdin and stdout, or one loopback address with a token |
//! | `server` | speaks the protocol; knows names of tools and nothing of the analysis |
//! | `session` | one host: which run it is at; opens and reopens it |
//! | `channel` | the two ends of that: where calls come from, what the host is shown |
//! | [`backend`] | what the command line does for it: open runs, read a folder, write a plan |
//! | `listing` | tools as hosts list them: titles, hints, schemas of arguments and answers |
//! | `documents` | the files of runs as resources; of a blind run its design only |
//! | `prompts` | prompts |
//! | `refusal` | why a call was refused: code, sentence, ways out |
//! | [`host_model`] | the actor: hands the loop the host's calls, and the host what the loop says |
//! | `queue` | the one call that is being answered, and those that wait |
//! | `after_unblinding` | answers once the loop has settled |
//! | `messages` | the sentences |
//! | [`experiment`] | the plan of an experiment, where there is no loop and no actor |
//!
//! *Order.* Calls of a run are answered one at a time in the order in which they came; a call that its host has given up before
//! its turn is not made. *Blindness.* Server, session and host model see no results; `after_unblinding` begins when the run has
//! ended, and `documents` shows what an effect is in only of runs that have. *Gates.* Nothing here can decide one.

mod after_unblinding;
pub mod backend;
mod channel;
mod documents;
mod elicit;
pub mod experiment;
pub mod host_model;
mod http;
mod listing;
mod messages;
mod prompts;
mod queue;
mod refusal;
mod server;
mod session;
mod transport;

pub use channel::{Offer, RunChannel, Started};
pub use http::{PATH, Token};
pub use refusal::{Refused, code};
pub use transport::{Transport, serve};

use crate::agent::budget::Price;
use crate::agent::driver::{self, Outcome, RunError, RunInput};
use crate::agent::events::{Observer, ProgressEvent};
use crate::agent::participants::Participants;
use crate::agent::prompt;
use crate::llm::{ChatModel, ModelError};
use crate::mcp::channel::{Shown, Stage};
use crate::mcp::host_model::{HostModel, News};
use crate::mcp::queue::{CallQueue, Reply};
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
    /// What the host is told when it is open.
    pub started: Started,
}

/// Why a run ended before its host had its answers.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The host left while the loop was waiting for it.
    #[error("the host closed the connection before the loop had settled")]
    Left,
    /// The run.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// The tools of a study's plan.
#[must_use]
pub fn offer(allowed: &[crate::plan::Tool]) -> Offer {
    let registry = Registry::new(Role::Host, allowed);
    Offer { known: registry.known(), blind: registry.offered(false), unblinded: registry.offered(true) }
}

/// What a host is told of them.
#[must_use]
pub fn instructions() -> String {
    prompt::host()
}

/// Serves a run until the host leaves it. `finished` hears of the outcome, and of the branch, before the host does. The
/// repository is let go of as soon as nothing more is written, so that others can open it.
///
/// # Errors
/// [`ServeError`]; what was committed stays committed.
pub fn serve_run(
    hosted: HostedRun<'_>,
    mut store: impl ArtifactStore,
    observer: &mut dyn Observer,
    finished: &mut dyn FnMut(&Outcome, &str),
    mut channel: RunChannel,
) -> Result<Outcome, ServeError> {
    let (input, plan) = (hosted.run, &hosted.run.prepared.plan);
    let privacy = Privacy::new(input.prepared, plan.privacy.min_cell, plan.privacy.redact_names);
    channel.begin(hosted.started.clone(), offer(&plan.tools));
    let (shown, over) = (channel.shown, channel.over);
    let queue = Rc::new(RefCell::new(CallQueue::new(channel.inbox)));
    let news = Rc::new(RefCell::new(News::default()));
    let mut participants =
        participants(hosted, HostModel::new(Rc::clone(&queue), Rc::clone(&news), plan.budget.repairs));
    let ended = driver::run(
        &input,
        &mut participants,
        &mut store,
        &mut ForwardingObserver { inner: observer, news: Rc::clone(&news), shown: shown.clone() },
    );
    let branch = store.branch().to_owned();
    drop(store);
    let mut queue = queue.borrow_mut();
    let news = news.borrow_mut().told.split_off(0);
    match ended {
        Ok(outcome) => {
            finished(&outcome, &branch);
            // Before the answer: a host that lists the tools as soon as it has read it finds the new ones.
            shown.stage(Stage::Unblinded);
            let end = queue.answer(Reply::text(messages::settled(&outcome, &news, input.out, &privacy)));
            after_unblinding::answer_from_results(&mut queue, end, &outcome, &input, observer);
            Ok(outcome)
        }
        Err(error) => {
            let left = queue.has_host_left();
            let refused = if stopped(&error) {
                Refused::new(code::STOPPED, "The server was stopped; the run can be gone on with.")
            } else {
                Refused::of_run(&error, messages::failed(&error, &privacy))
            };
            // Before the answer: the host's next call opens the run again, and one that was not taken is told why.
            let _ = over.set(refused.clone());
            let _ = queue.answer(Reply::refused(refused));
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
    news: Rc<RefCell<News>>,
    shown: Shown,
}

impl Observer for ForwardingObserver<'_> {
    fn on(&mut self, event: &ProgressEvent) {
        match event {
            ProgressEvent::Stopped { why: what } | ProgressEvent::Shortfall { what } => {
                self.news.borrow_mut().told.push(what.clone());
            }
            ProgressEvent::ToolRan { reason, .. } => self.news.borrow_mut().refusal = *reason,
            ProgressEvent::Stage { stage } => self.shown.progress(stage),
            ProgressEvent::Asked { role: Role::Critic, model } => {
                self.shown.progress(&format!("asking the critic, {model}"));
            }
            _ => {}
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
