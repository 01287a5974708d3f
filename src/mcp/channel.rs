//! Between a session and the thread of its run: calls come in, and what the host is shown goes out.

use crate::llm::ToolSpec;
use crate::mcp::queue::Call;
use crate::mcp::refusal::Refused;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, OnceLock};
use tokio::sync::{oneshot, watch};

/// How far a run is, as far as a host must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Blind,
    Unblinded,
}

/// The tools of an analysis.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Offer {
    /// Names of all tools, those included that may never be called here.
    pub known: Vec<&'static str>,
    /// On offer while the run is blind.
    pub blind: Vec<ToolSpec>,
    /// And afterwards.
    pub unblinded: Vec<ToolSpec>,
}

/// What a session shows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct View {
    pub(super) offer: Arc<Offer>,
    pub(super) stage: Stage,
}

impl View {
    pub(super) fn tools(&self) -> &[ToolSpec] {
        if self.stage == Stage::Blind { &self.offer.blind } else { &self.offer.unblinded }
    }
}

/// A run that was begun or gone on with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// The folder of the run, as it is named in this session.
    pub run: String,
    /// The plan.
    pub plan: String,
    /// The branch; of an experiment that nobody has run yet, none.
    pub branch: Option<String>,
    /// Steps that were on record before.
    pub recorded_steps: usize,
    /// True if the run had come to its end.
    pub finished: bool,
}

/// The end that the thread of a run holds.
pub struct RunChannel {
    pub(super) inbox: Receiver<Call>,
    pub(super) started: Option<oneshot::Sender<Result<Started, Refused>>>,
    pub(super) shown: Shown,
    /// Why the run takes no further call; set before its last answer, so before the thread has ended.
    pub(super) over: Arc<OnceLock<Refused>>,
}

/// What the thread of a run shows its host.
#[derive(Clone)]
pub(super) struct Shown {
    pub(super) view: Arc<watch::Sender<View>>,
    pub(super) progress: Arc<watch::Sender<String>>,
}

impl Shown {
    pub(super) fn stage(&self, stage: Stage) {
        self.view.send_modify(|view| view.stage = stage);
    }

    pub(super) fn progress(&self, what: &str) {
        self.progress.send_replace(what.to_owned());
    }
}

impl RunChannel {
    /// Says that there will be no run.
    pub fn refuse(mut self, refused: Refused) {
        if let Some(started) = self.started.take() {
            let _ = started.send(Err(refused));
        }
    }

    /// Says what is being done.
    pub fn progress(&self, what: &str) {
        self.shown.progress(what);
    }

    /// The run is open: calls may come.
    pub(super) fn begin(&mut self, run: Started, offer: Offer) {
        self.shown.view.send_replace(View { offer: Arc::new(offer), stage: Stage::Blind });
        if let Some(started) = self.started.take() {
            let _ = started.send(Ok(run));
        }
    }
}
