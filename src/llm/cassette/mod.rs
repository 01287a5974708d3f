//! Recorded exchanges with a model, and a model that answers from them.
//!
//! One exchange is one file, `0007-actor.json`: the request's body as it was sent, what came of it, and the SHA-256 of the
//! body in canonical JSON, by which it is found again. Nothing but an equal body finds it: a replay shows that this program
//! would say the same again, and where it would not, [`Recording::find`] names the first place where the bodies differ.

mod difference;
mod exchange;

pub use exchange::{Exchange, Outcome, key_of};

use super::chat::{Block, CallFacts, CallObserver, ChatModel, ChatRequest, ChatResponse, ModelError};
use difference::first_difference;
use serde_json::Value;

/// Exchanges in the order of their sequence numbers, and which of them have been used.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    exchanges: Vec<Recorded>,
}

#[derive(Debug, Clone)]
struct Recorded {
    file: String,
    exchange: Exchange,
    used: bool,
}

/// An exchange that was looked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The file that it is in.
    pub file: String,
    /// The exchange.
    pub exchange: Exchange,
}

impl Recording {
    /// Reads files, given by name and content, in any order.
    ///
    /// # Errors
    /// [`ModelError::Replay`] that names the file: it cannot be read, was edited by hand, or has the number of another one.
    pub fn from_files(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Result<Recording, ModelError> {
        let mut exchanges = Vec::new();
        for (file, bytes) in files {
            let exchange = Exchange::parse(&file, &bytes)?;
            exchanges.push(Recorded { file, exchange, used: false });
        }
        exchanges.sort_by(|a, b| a.exchange.sequence.cmp(&b.exchange.sequence).then_with(|| a.file.cmp(&b.file)));
        let twice =
            exchanges.iter().zip(exchanges.iter().skip(1)).find(|(a, b)| a.exchange.sequence == b.exchange.sequence);
        if let Some((first, second)) = twice {
            return Err(ModelError::Replay {
                message: format!(
                    "the recordings `{}` and `{}` both have the sequence number {}",
                    first.file, second.file, first.exchange.sequence
                ),
                hint: "remove the one that does not belong to this run, or record the run anew".to_owned(),
            });
        }
        Ok(Recording { exchanges })
    }

    /// The number of exchanges.
    #[must_use]
    pub fn len(&self) -> usize {
        self.exchanges.len()
    }

    /// True if there are no exchanges.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.exchanges.is_empty()
    }

    /// The number of exchanges that have not been used.
    #[must_use]
    pub fn unused(&self) -> usize {
        self.exchanges.iter().filter(|recorded| !recorded.used).count()
    }

    /// The first unused exchange of this role with this very body, which is then used.
    ///
    /// # Errors
    /// [`ModelError::Replay`]: all of the role's exchanges are used, or the next one differs, and where it first does.
    pub fn find(&mut self, role: &str, body: &Value) -> Result<Found, ModelError> {
        let key = key_of(body);
        let mut unused = self.exchanges.iter_mut().filter(|recorded| recorded.is_open(role));
        if let Some(recorded) = unused.find(|recorded| recorded.exchange.key == key) {
            // Once only: the same body sent again is answered by the next such exchange, as it was then.
            recorded.used = true;
            return Ok(Found { file: recorded.file.clone(), exchange: recorded.exchange.clone() });
        }
        Err(self.missing(role, body))
    }

    /// The first unused exchange of this role with this very body, which stays unused: [`Recording::find`] takes it.
    #[must_use]
    pub fn peek(&self, role: &str, body: &Value) -> Option<Exchange> {
        let key = key_of(body);
        let mut open = self.exchanges.iter().filter(|recorded| recorded.is_open(role));
        open.find(|recorded| recorded.exchange.key == key).map(|recorded| recorded.exchange.clone())
    }

    /// The recorded exchange of this role, still unused, that this request of this model is answered by: under any of the
    /// adaptations that the recording was made under, in the order of the recording. Otherwise the model's own body.
    #[must_use]
    pub fn body_of(&self, role: &str, model: &dyn ChatModel, request: &ChatRequest) -> Value {
        let now = model.body(request);
        if self.peek(role, &now).is_some() {
            return now;
        }
        let mut tried: Vec<&[String]> = Vec::new();
        for recorded in self.exchanges.iter().filter(|recorded| recorded.is_open(role)) {
            let adapted = recorded.exchange.call.adapted.as_slice();
            if tried.contains(&adapted) {
                continue;
            }
            let body = model.body_as(request, adapted);
            if self.peek(role, &body).is_some() {
                return body;
            }
            tried.push(adapted);
        }
        // The difference that a person is told is from the next exchange, as it was adapted.
        let next = self.exchanges.iter().find(|recorded| recorded.is_open(role));
        next.map_or(now, |next| model.body_as(request, &next.exchange.call.adapted))
    }

    fn missing(&self, role: &str, body: &Value) -> ModelError {
        // The first open one is what the recorded run asked at this point, so its difference is the telling one.
        let next = self.exchanges.iter().find(|recorded| recorded.is_open(role));
        let Some(next) = next else {
            let all = self.exchanges.iter().filter(|recorded| recorded.exchange.role == role).count();
            let message = match all {
                0 => format!("the recording holds no exchange of the role `{role}`"),
                _ => {
                    format!("the recording is used up: the role `{role}` asks once more than the {all} times it holds")
                }
            };
            return ModelError::Replay { message, hint: anew() };
        };
        let recorded = &next.exchange.request;
        let what =
            first_difference(recorded, body).unwrap_or_else(|| "the recorded request is an equal one".to_owned());
        ModelError::Replay {
            message: format!(
                "the next request of the role `{role}` is not the recorded one in `{}`: {what}",
                next.file
            ),
            hint: anew(),
        }
    }
}

impl Recorded {
    fn is_open(&self, role: &str) -> bool {
        !self.used && self.exchange.role == role
    }
}

fn anew() -> String {
    "replay with the plan, the data and the version that the recording was made with, or record the run anew".to_owned()
}

/// A model that answers from a recording. It never uses the network.
pub struct Replay {
    inner: Box<dyn ChatModel>,
    recording: Recording,
    role: String,
    /// The body that the last answer was found by.
    sent: Option<Value>,
    /// Bytes of the last answer that were not recorded.
    left_out: u64,
    /// How the recorded call went.
    facts: CallFacts,
}

impl Replay {
    /// `inner` says what its requests would look like, and is never asked for an answer.
    #[must_use]
    pub fn new(inner: Box<dyn ChatModel>, recording: Recording, role: &str) -> Replay {
        Replay { inner, recording, role: role.to_owned(), sent: None, left_out: 0, facts: CallFacts::default() }
    }

    /// The recording, with what has been used of it.
    #[must_use]
    pub fn recording(&self) -> &Recording {
        &self.recording
    }
}

impl ChatModel for Replay {
    fn body(&self, request: &ChatRequest) -> Value {
        self.inner.body(request)
    }

    fn complete(&mut self, request: &ChatRequest, observer: &mut dyn CallObserver) -> Result<ChatResponse, ModelError> {
        if observer.cancelled() {
            return Err(ModelError::Cancelled);
        }
        let body = self.recording.body_of(&self.role, self.inner.as_ref(), request);
        let found = self.recording.find(&self.role, &body)?;
        self.sent = Some(body);
        self.left_out = found.exchange.left_out;
        self.facts = found.exchange.call;
        match found.exchange.outcome {
            Outcome::Response(response) => {
                for block in &response.blocks {
                    if let Block::Text { text } = block {
                        observer.text(text);
                    }
                }
                Ok(response)
            }
            // Played back as well: the run must end where the recorded one ended, whatever today's clock says.
            Outcome::Stopped(why) if why == "deadline" => Err(ModelError::Deadline),
            Outcome::Stopped(why) if why == "cancelled" => Err(ModelError::Cancelled),
            Outcome::Stopped(why) => Err(ModelError::Replay {
                message: format!("the recorded run got no answer in `{}`: {why}", found.file),
                hint: "record the run anew to get one".to_owned(),
            }),
        }
    }

    fn sent(&self, request: &ChatRequest) -> Value {
        self.sent.clone().unwrap_or_else(|| self.body(request))
    }

    fn facts(&self) -> CallFacts {
        self.facts.clone()
    }

    fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The name of the model that was recorded: a replay leads to the same record.
    fn name(&self) -> String {
        self.inner.name()
    }
}
