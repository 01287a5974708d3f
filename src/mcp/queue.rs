//! The call that is being answered, and those that wait behind it.

use crate::mcp::refusal::Refused;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;
use tokio::sync::oneshot;

/// The time between two checks whether a wait should stop.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A tool call of the host.
#[derive(Debug)]
pub(super) struct Call {
    /// The tool: one of those that there are.
    pub name: String,
    /// Its arguments.
    pub arguments: serde_json::Value,
    /// The host's program and version, as it gives them.
    pub client: String,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Reply>,
}

/// The answer to a call.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reply {
    /// One or more texts, of a refused call beside its own words.
    pub texts: Vec<String>,
    /// Set if the call was refused or failed.
    pub refused: Option<Refused>,
}

impl Reply {
    pub(super) fn text(text: String) -> Self {
        Reply { texts: vec![text], refused: None }
    }

    pub(super) fn refused(refused: Refused) -> Self {
        Reply { texts: Vec::new(), refused: Some(refused) }
    }
}

/// The calls in their order; the first is open until it is answered.
pub(super) struct CallQueue {
    inbox: Receiver<Call>,
    open: Option<Call>,
    host_left: bool,
}

impl CallQueue {
    pub(super) fn new(inbox: Receiver<Call>) -> Self {
        CallQueue { inbox, open: None, host_left: false }
    }

    /// The call that waits for an answer.
    pub(super) fn open(&self) -> Option<&Call> {
        self.open.as_ref()
    }

    /// Answers it; gives the answer back if there is none. A host that no longer listens misses nothing that is not on
    /// record.
    pub(super) fn answer(&mut self, reply: Reply) -> Option<Reply> {
        let Some(call) = self.open.take() else { return Some(reply) };
        let _ = call.reply.send(reply);
        None
    }

    /// Waits for the next call, which is open then. `None` if `stop` says so or the host has left.
    pub(super) fn next(&mut self, stop: &dyn Fn() -> bool) -> Option<()> {
        while !stop() {
            // In short waits: a wait on a channel cannot be interrupted, and `stop` has to be asked.
            match self.inbox.recv_timeout(POLL_INTERVAL) {
                Ok(call) if call.reply.is_closed() => {} // given up before its turn
                Ok(call) => {
                    self.open = Some(call);
                    return Some(());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    self.host_left = true;
                    return None;
                }
            }
        }
        None
    }

    /// True if the host has left.
    pub(super) fn has_host_left(&self) -> bool {
        self.host_left
    }
}
