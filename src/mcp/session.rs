//! One host: which run it is at. A run is opened by the first call that needs it, and opened again by the next call after it has
//! stopped (at a gate, for one): what was recorded counts.

use crate::mcp::backend::{Backend, Serves, StartRequest};
use crate::mcp::channel::{Offer, RunChannel, Shown, Stage, Started, View};
use crate::mcp::queue::{Call, Reply};
use crate::mcp::refusal::{Refused, code};
use serde_json::Value;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use tokio::sync::{Mutex, oneshot, watch};

/// Calls that may wait. A host that does not wait for answers is told to.
const MOST_WAITING: usize = 64;

/// The runs that are at work in this process.
#[derive(Debug, Default)]
pub(super) struct Runs(AtomicUsize);

impl Runs {
    pub(super) fn none_left(&self) -> bool {
        self.0.load(Ordering::SeqCst) == 0
    }
}

/// Counts a run for as long as it lives, however its thread ends.
struct RunningGuard(Arc<Runs>);

impl RunningGuard {
    fn new(runs: &Arc<Runs>) -> Self {
        runs.0.fetch_add(1, Ordering::SeqCst);
        RunningGuard(Arc::clone(runs))
    }
}

impl Drop for RunningGuard {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A call as it comes.
pub(super) struct Asked {
    pub(super) name: String,
    pub(super) arguments: Value,
    pub(super) client: String,
}

/// A host.
pub(super) struct Session {
    backend: Arc<dyn Backend>,
    runs: Arc<Runs>,
    at: Mutex<Attachment>,
    shown: Shown,
}

#[derive(Default)]
struct Attachment {
    request: Option<StartRequest>,
    run: Option<Attached>,
}

struct Attached {
    calls: SyncSender<Call>,
    /// Nothing while it is being opened, and if the host gave that up half-way.
    started: Option<Started>,
    thread: JoinHandle<()>,
    over: Arc<OnceLock<Refused>>,
}

impl Attached {
    /// True if no call is taken any more. The thread may still be letting go of its repository; opening the run again waits for it.
    fn is_over(&self) -> bool {
        self.over.get().is_some() || self.thread.is_finished()
    }
}

impl Session {
    pub(super) fn new(backend: Arc<dyn Backend>, runs: Arc<Runs>, serves: &Serves, offer: Arc<Offer>) -> Self {
        let request = matches!(serves, Serves::Plan { .. }).then(StartRequest::default);
        let shown = Shown {
            view: Arc::new(watch::channel(View { offer, stage: Stage::Blind }).0),
            progress: Arc::new(watch::channel(String::new()).0),
        };
        Session { backend, runs, at: Mutex::new(Attachment { request, run: None }), shown }
    }

    /// What the host is shown, as it changes.
    pub(super) fn view(&self) -> watch::Receiver<View> {
        self.shown.view.subscribe()
    }

    /// What is being done, as it changes.
    pub(super) fn progress(&self) -> watch::Receiver<String> {
        self.shown.progress.subscribe()
    }

    /// The run that the host is at.
    pub(super) async fn run(&self) -> Option<String> {
        Some(self.at.lock().await.run.as_ref()?.started.as_ref()?.run.clone())
    }

    /// Hands a call to the run, opening it if need be. Calls keep their order: the lock is given in turn.
    pub(super) async fn call(&self, asked: Asked) -> Result<Answer, Refused> {
        let mut at = self.at.lock().await;
        if at.run.as_ref().is_none_or(|run| run.is_over()) {
            let Some(request) = at.request.clone() else {
                let refused =
                    Refused::new(code::NO_RUN, format!("`{}` needs a run, and none is open here", asked.name));
                return Err(refused.hint("Call `start_run` with a plan first; `status` names the runs that there are."));
            };
            self.open(&mut at, request).await?;
        }
        let Some(run) = at.run.as_ref() else { return Err(ended()) };
        self.shown.progress(&asked.name);
        let (reply, answer) = oneshot::channel();
        let Asked { name, arguments, client } = asked;
        // Never a wait: this thread also reads cancellations and sends signs of life.
        match run.calls.try_send(Call { name, arguments, client, reply }) {
            Ok(()) => Ok(Answer { reply: answer, over: Arc::clone(&run.over) }),
            Err(TrySendError::Full(_)) => {
                let message =
                    format!("{MOST_WAITING} calls are waiting already; wait for an answer before calling again");
                Err(Refused::new(code::BUSY, message))
            }
            Err(TrySendError::Disconnected(_)) => Err(ended()),
        }
    }

    /// Opens a run, and leaves the one that the host was at.
    pub(super) async fn start(&self, request: StartRequest) -> Result<Started, Refused> {
        let mut at = self.at.lock().await;
        let same = at.request.as_ref() == Some(&request) && !request.another;
        let at_work = at.run.as_ref().filter(|run| same && !run.is_over());
        if let Some(started) = at_work.and_then(|run| run.started.clone()) {
            return Ok(started);
        }
        self.open(&mut at, request).await
    }

    async fn open(&self, at: &mut Attachment, request: StartRequest) -> Result<Started, Refused> {
        if let Some(before) = at.run.take() {
            drop(before.calls);
            // It lets go of its repository before it ends.
            let _ = tokio::task::spawn_blocking(move || before.thread.join()).await;
        }
        let before = at.request.clone();
        let (calls, inbox) = sync_channel(MOST_WAITING);
        let (started, opened) = oneshot::channel();
        let over = Arc::new(OnceLock::new());
        let channel = RunChannel { inbox, started: Some(started), shown: self.shown.clone(), over: Arc::clone(&over) };
        let (backend, at_work, wanted) = (Arc::clone(&self.backend), RunningGuard::new(&self.runs), request.clone());
        self.shown.progress("opening the run: reading the plan and the data");
        let thread = std::thread::Builder::new().name("run".to_owned()).spawn(move || {
            backend.run(&wanted, channel);
            drop(at_work);
        });
        let thread = thread
            .map_err(|error| Refused::new(code::WORLD, format!("no thread could be had for the run: {error}")))?;
        // Before the wait: a host may give the call up, and is at the run all the same.
        at.run = Some(Attached { calls, started: None, thread, over });
        // Another run beside one is begun once; what comes later goes on with it.
        at.request = Some(StartRequest { another: false, ..request });
        let broken = || Err(Refused::new(code::BUG, "the run ended while it was opened; see the server's log"));
        let started = match opened.await.unwrap_or_else(|_| broken()) {
            Ok(started) => started,
            Err(refused) => {
                at.run = None;
                at.request = before;
                return Err(refused);
            }
        };
        if let Some(run) = at.run.as_mut() {
            run.started = Some(started.clone());
        }
        Ok(started)
    }
}

/// The answer to a call, to be waited for.
pub(super) struct Answer {
    reply: oneshot::Receiver<Reply>,
    over: Arc<OnceLock<Refused>>,
}

impl Answer {
    /// Waits for it. A call that the run had not taken when it stopped is told why the run stopped.
    pub(super) async fn wait(self) -> Reply {
        match self.reply.await {
            Ok(reply) => reply,
            Err(_) => Reply::refused(self.over.get().cloned().unwrap_or_else(ended)),
        }
    }
}

/// A call that no run will answer.
fn ended() -> Refused {
    Refused::new(code::RUN_ENDED, "the run has stopped, and this call with it")
        .hint("Call again: the run is gone on with.")
}
