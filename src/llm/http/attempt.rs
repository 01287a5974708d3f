//! One attempt: send, wait, read, decode.

use super::failure::{self, ErrorBody};
use super::{Broken, Decoder, Fault, Limits, POLL, Progress, Server, causes};
use crate::llm::chat::{CallObserver, ModelError};
use crate::llm::parts::json_of;
use crate::llm::secret::{Key, Scrubber, scrub};
use crate::llm::sse;
use reqwest::Response;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use std::cell::RefCell;
use std::pin::pin;
use std::time::Duration;
use tokio::time::Instant;

/// Bytes that an answer may have.
const LONGEST_ANSWER: usize = 32 * 1024 * 1024;
/// The wait for the last event of a complete answer.
const LAST_WORD: Duration = Duration::from_secs(5);
/// Bytes of an error that are read.
const LONGEST_ERROR: usize = 64 * 1024;

/// Passes on what a model says, without keys.
pub(super) struct ScrubbingObserver<'a> {
    inner: &'a mut dyn CallObserver,
    scrubber: Scrubber,
    /// True once it has passed anything on.
    pub spoken: bool,
}

impl<'a> ScrubbingObserver<'a> {
    pub fn new(observer: &'a mut dyn CallObserver, keys: &[Key]) -> ScrubbingObserver<'a> {
        ScrubbingObserver { inner: observer, scrubber: Scrubber::new(keys), spoken: false }
    }

    fn push(&mut self, piece: &str) {
        let clean = self.scrubber.push(piece);
        self.tell(&clean);
    }

    /// The rest, once the answer is complete.
    pub fn finish(mut self) {
        let rest = self.scrubber.finish();
        self.tell(&rest);
    }

    fn tell(&mut self, piece: &str) {
        if !piece.is_empty() {
            self.spoken = true;
            self.inner.text(piece);
        }
    }
}

/// Waits for work with a time limit, and asks the observer meanwhile whether to go on.
pub(super) struct CallTimer {
    until: Option<Instant>,
}

/// Why a wait ended early.
pub(super) enum Interruption {
    Stop(ModelError),
    /// The time limit has passed.
    TimedOut,
}

impl CallTimer {
    pub fn new(limit: Option<Duration>) -> CallTimer {
        CallTimer { until: limit.and_then(|limit| Instant::now().checked_add(limit)) }
    }

    /// Waits for `work`, as long as nobody asks to stop.
    pub async fn wait<T>(&self, work: impl Future<Output = T>, observer: &dyn CallObserver) -> Result<T, ModelError> {
        match self.wait_or_late(work, observer).await {
            Ok(done) => Ok(done),
            Err(Interruption::Stop(error)) => Err(error),
            Err(Interruption::TimedOut) => Err(ModelError::Deadline),
        }
    }

    async fn wait_or_late<T>(
        &self,
        work: impl Future<Output = T>,
        observer: &dyn CallObserver,
    ) -> Result<T, Interruption> {
        let mut work = pin!(work);
        loop {
            if observer.cancelled() {
                return Err(Interruption::Stop(ModelError::Cancelled));
            }
            if observer.seconds_left().is_some_and(|left| left <= 0.0) {
                return Err(Interruption::Stop(ModelError::Deadline));
            }
            if self.until.is_some_and(|until| Instant::now() >= until) {
                return Err(Interruption::TimedOut);
            }
            // Only the timer is dropped here; `work` is pinned outside and goes on where it was.
            if let Ok(done) = tokio::time::timeout(POLL, work.as_mut()).await {
                return Ok(done);
            }
        }
    }

    fn earlier(&self, limit: Duration) -> CallTimer {
        let other = CallTimer::new(Some(limit)).until;
        CallTimer { until: self.until.into_iter().chain(other).min() }
    }

    fn over(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }
}

/// One attempt.
pub(super) struct Attempt<'a> {
    pub http: &'a reqwest::Client,
    pub server: &'a Server,
    pub limits: &'a Limits,
    /// Takes the server's name for the request.
    pub request_id: &'a RefCell<Option<String>>,
}

impl Attempt<'_> {
    /// Sends `body` and hands back the decoder, which has seen the whole answer.
    pub async fn run<D: Decoder>(
        &self,
        body: Vec<u8>,
        decoder: D,
        observer: &mut ScrubbingObserver<'_>,
    ) -> Result<D, Fault> {
        let timer = CallTimer::new(Some(self.limits.call));
        let request = self.http.post(self.server.endpoint.clone()).header(CONTENT_TYPE, "application/json").body(body);
        let sent = timer.wait_or_late(request.send(), &*observer.inner).await;
        let response = match sent {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(self.unreachable(error)),
            Err(interrupted) => return Err(self.interrupted(interrupted)),
        };
        *self.request_id.borrow_mut() = request_id(response.headers(), self.server.keys());
        if response.status().is_success() {
            return self.read(response, decoder, observer, &timer).await;
        }
        let body = self.error_of(response, observer, &timer).await?;
        Err(failure::from_status(&body, self.server))
    }

    async fn read<D: Decoder>(
        &self,
        mut response: Response,
        mut decoder: D,
        observer: &mut ScrubbingObserver<'_>,
        timer: &CallTimer,
    ) -> Result<D, Fault> {
        let kind = content_type(response.headers());
        // A stream is asked for, but not every server streams.
        if !kind.starts_with("text/event-stream") {
            let bytes = self.body_of(&mut response, observer, timer).await?;
            self.whole(&mut decoder, &kind, &bytes, observer)?;
            return Ok(decoder);
        }
        let mut parser = sse::Parser::default();
        let (mut size, mut spoke) = (0, false);
        loop {
            let chunk = if decoder.complete() {
                self.last_word(&mut response, observer, timer).await?
            } else {
                self.next(&mut response, observer, timer).await?
            };
            let ended = chunk.is_none();
            let events = match chunk {
                Some(bytes) => {
                    size += bytes.len();
                    parser.push(&bytes).map_err(|error| self.too_long(&error.to_string()))?
                }
                None => parser.finish().into_iter().collect(),
            };
            spoke |= !events.is_empty();
            for event in &events {
                match decoder.event(event, &mut |piece| observer.push(piece)) {
                    Ok(Progress::Open) => {}
                    Ok(Progress::Done) => return Ok(decoder),
                    // Half an event after a complete answer: the connection broke in the count of tokens.
                    Err(_) if ended && decoder.complete() => return Ok(decoder),
                    Err(broken) => return Err(failure::from_broken(broken, self.server)),
                }
            }
            // A server that never stops talking must not fill the memory.
            if size > LONGEST_ANSWER {
                return Err(self.too_long(&format!("the answer is longer than {} MiB", LONGEST_ANSWER >> 20)));
            }
            if ended {
                return self.ended(decoder, spoke);
            }
        }
    }

    /// The stream has ended by itself; `spoke` tells whether any event came, comments aside.
    fn ended<D: Decoder>(&self, decoder: D, spoke: bool) -> Result<D, Fault> {
        if decoder.complete() {
            return Ok(decoder);
        }
        // Well-formed events of some other protocol: the wrong address, which no repetition mends.
        if spoke && !decoder.begun() {
            return Err(failure::not_this_protocol("an event stream without any event of this protocol", self.server));
        }
        Err(self.passing("broke off its answer before the end"))
    }

    /// An answer in one piece.
    fn whole(
        &self,
        decoder: &mut impl Decoder,
        kind: &str,
        bytes: &[u8],
        observer: &mut ScrubbingObserver<'_>,
    ) -> Result<(), Fault> {
        let Some(body) = json_of(bytes) else {
            // JSON that is cut off is the connection's doing and may go better; anything else will be the same again.
            let json = kind.starts_with("application/json") && bytes.trim_ascii_start().starts_with(b"{");
            return Err(if json {
                self.passing("broke off its answer before the end")
            } else {
                failure::other_content(kind, bytes, self.server)
            });
        };
        decoder.whole(&body, &mut |piece| observer.push(piece)).map_err(|broken| match broken {
            Broken::Nonsense(_) => failure::other_content(kind, bytes, self.server),
            reported => failure::from_broken(reported, self.server),
        })
    }

    async fn body_of(
        &self,
        response: &mut Response,
        observer: &ScrubbingObserver<'_>,
        timer: &CallTimer,
    ) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.next(response, observer, timer).await? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > LONGEST_ANSWER {
                return Err(self.too_long(&format!("the answer is longer than {} MiB", LONGEST_ANSWER >> 20)));
            }
        }
        Ok(bytes)
    }

    /// As much of an error as came; that the rest did not come is no second error.
    async fn error_of(
        &self,
        mut response: Response,
        observer: &ScrubbingObserver<'_>,
        timer: &CallTimer,
    ) -> Result<ErrorBody, Fault> {
        let mut bytes = Vec::new();
        // An error may be a whole web page; its beginning tells enough.
        while bytes.len() < LONGEST_ERROR {
            match self.next(&mut response, observer, timer).await {
                Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
                Ok(None) | Err(Fault::Passing { .. }) => break,
                Err(fault) => return Err(fault),
            }
        }
        bytes.truncate(LONGEST_ERROR);
        Ok(ErrorBody::new(response.status().as_u16(), response.headers(), &bytes, self.server.keys()))
    }

    /// The next piece; `None` at the end.
    async fn next(
        &self,
        response: &mut Response,
        observer: &ScrubbingObserver<'_>,
        timer: &CallTimer,
    ) -> Result<Option<Vec<u8>>, Fault> {
        let idle = timer.earlier(self.limits.idle);
        match idle.wait_or_late(response.chunk(), &*observer.inner).await {
            Ok(Ok(chunk)) => Ok(chunk.map(|bytes| bytes.to_vec())),
            Ok(Err(error)) => {
                tracing::debug!(error = %causes(&error.without_url()), "the connection broke");
                Err(self.passing("broke off its answer before the end"))
            }
            // If the call's own limit has passed too, that is the reason: it ends the call instead of repeating it.
            Err(Interruption::TimedOut) if !timer.over() => {
                let seconds = self.limits.idle.as_secs_f64();
                Err(self.passing(&format!("fell silent for {seconds:.1} s in the middle of its answer")))
            }
            Err(interrupted) => Err(self.interrupted(interrupted)),
        }
    }

    /// The next piece after a complete answer: the count of tokens, perhaps. If it does not come, that was all.
    async fn last_word(
        &self,
        response: &mut Response,
        observer: &ScrubbingObserver<'_>,
        timer: &CallTimer,
    ) -> Result<Option<Vec<u8>>, Fault> {
        let moment = timer.earlier(LAST_WORD.min(self.limits.idle));
        match moment.wait_or_late(response.chunk(), &*observer.inner).await {
            Ok(Ok(chunk)) => Ok(chunk.map(|bytes| bytes.to_vec())),
            Ok(Err(_)) | Err(Interruption::TimedOut) => Ok(None),
            Err(Interruption::Stop(error)) => Err(error.into()),
        }
    }

    fn passing(&self, what: &str) -> Fault {
        Fault::Passing { what: format!("{} {what}", self.server.provider), wait: None }
    }

    fn unreachable(&self, error: reqwest::Error) -> Fault {
        let what = if error.is_connect() { "no connection" } else { "the connection broke" };
        let detail = causes(&error.without_url());
        Fault::Passing { what: format!("{what} to {}: {detail}", self.server.base_url), wait: None }
    }

    fn interrupted(&self, interrupted: Interruption) -> Fault {
        match interrupted {
            Interruption::Stop(error) => error.into(),
            Interruption::TimedOut => ModelError::Unavailable {
                message: format!(
                    "{} at {} was not done after {:.1} s",
                    self.server.model,
                    self.server.base_url,
                    self.limits.call.as_secs_f64()
                ),
                hint: "allow more time with `timeout`, ask for fewer tokens, or use a faster model".to_owned(),
            }
            .into(),
        }
    }

    fn too_long(&self, what: &str) -> Fault {
        failure::not_this_protocol(what, self.server)
    }
}

fn content_type(headers: &HeaderMap) -> String {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default().trim().to_ascii_lowercase()
}

/// Anthropic, OpenAI and those who copy it, Google and AWS name their requests in headers.
fn request_id(headers: &HeaderMap, keys: &[Key]) -> Option<String> {
    let names = ["request-id", "x-request-id", "apim-request-id", "x-amzn-requestid", "x-goog-request-id"];
    let named = names.iter().find_map(|name| headers.get(*name))?.to_str().ok()?;
    let id: String = scrub(named, keys).chars().filter(|c| c.is_ascii_graphic()).take(LONGEST_ID).collect();
    (!id.is_empty()).then_some(id)
}

/// Characters of a request's name.
const LONGEST_ID: usize = 128;
