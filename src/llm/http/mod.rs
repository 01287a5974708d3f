//! One request and its answer over HTTP, tried again where that can help.
//!
//! | answer | what happens |
//! |---|---|
//! | 408, 409, 429, 500, 502, 503, 504, 529; no connection; a stream that breaks off, falls silent or reports an overload | tried again |
//! | 401, 403 | [`ModelError::Key`] |
//! | any other status of 400 to 499, and 501 | [`ModelError::Refused`] |
//! | a redirect | [`ModelError::NotThisProtocol`]: the key is not carried to another place |
//! | the answer takes longer than [`Limits::call`] | [`ModelError::Unavailable`], at once: it would take as long again |
//!
//! The pause before the n-th repetition is uniform on [0, min(cap, base 2^(n-1))] ("full jitter"), unless the server says
//! how long to wait. While anything is waited for, the [`CallObserver`] is asked every [`POLL`] whether to go on.

mod attempt;
mod failure;

use super::adapt::{Adapted, Change};
use super::chat::{Block, CallFacts, CallObserver, ChatResponse, ModelError, StopDetails};
use super::secret::{Key, scrub, scrub_value, without_keys};
use super::sse;
use attempt::{Attempt, CallTimer, ScrubbingObserver};
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::time::Duration;
use tokio::runtime::Runtime;

/// Some proxies refuse a request that does not say whose it is.
const USER_AGENT: &str = concat!("oci-agent/", env!("CARGO_PKG_VERSION"));

/// The time between two checks of a waiting call.
const POLL: Duration = Duration::from_millis(20);

/// Time limits and retries.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// At most this many attempts for a request.
    pub attempts: u32,
    /// The time that one attempt may take from its first to its last byte. Pauses are not part of it.
    pub call: Duration,
    /// The time that may pass between two pieces of an answer; the wait for the first one is bounded by `call` only, since
    /// a model may read for long before it speaks.
    pub idle: Duration,
    /// The longest first pause.
    pub pause: Duration,
    /// The longest pause of all.
    pub longest_pause: Duration,
    /// If a server asks for a longer wait than this, the call ends and says so.
    pub longest_wait: Duration,
    /// Seed of the pauses' randomness. Programs that run side by side should not share one.
    pub jitter: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            // Pauses of at most 1, 2, 4 and 8 s: a short overload is sat out, a long one is told.
            attempts: 5,
            call: Duration::from_secs(600),
            idle: Duration::from_secs(120),
            pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(30),
            longest_wait: Duration::from_secs(120),
            jitter: 0,
        }
    }
}

/// Where a model is, and with which key.
#[derive(Debug, Clone)]
pub(super) struct Server {
    /// The provider, for messages.
    pub provider: &'static str,
    /// As the settings have it, for messages.
    pub base_url: String,
    /// Where requests go.
    pub endpoint: Url,
    /// The model, as the settings have it.
    pub model: String,
    /// The key, if any.
    pub key: Option<Key>,
    /// The environment variable that it is read from, for hints.
    pub key_variable: String,
}

impl Server {
    /// True for OpenAI's own, whose newest rules hold.
    pub fn is_vendors(&self) -> bool {
        self.endpoint.host_str() == Some("api.openai.com")
    }

    /// True for OpenAI's models on Azure.
    pub fn is_azure(&self) -> bool {
        is_azure(&self.endpoint)
    }

    /// Every key that must not be seen.
    pub fn keys(&self) -> &[Key] {
        self.key.as_slice()
    }
}

/// How a model is asked, whatever the protocol.
#[derive(Debug, Clone, Default)]
pub(super) struct Asking {
    /// Sampling temperature; `None` leaves it to the server.
    pub temperature: Option<f64>,
    /// How much it should think, in the vendor's word; `None` leaves it to the server.
    pub effort: Option<String>,
    /// Fields that the principal adds to every body.
    pub extra_body: Map<String, Value>,
    /// Headers that the principal adds to every request.
    pub headers: HeaderMap,
    /// What is asked differently from the start.
    pub adapted: Adapted,
}

/// Puts a response together from what a server sends.
pub(super) trait Decoder {
    /// One event of the stream; prose goes to `text` as it comes.
    fn event(&mut self, event: &sse::Event, text: &mut dyn FnMut(&str)) -> Result<Progress, Broken>;
    /// The same answer in one piece, from a server that does not stream.
    fn whole(&mut self, body: &Value, text: &mut dyn FnMut(&str)) -> Result<(), Broken>;
    /// True if a stream that ends here is complete.
    fn complete(&self) -> bool;
    /// True once anything of the protocol has been seen.
    fn begun(&self) -> bool;
    /// The response.
    fn finish(self) -> ChatResponse;
}

/// The state of an answer that is arriving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// There is more.
    Open,
    /// That was all, whatever else is sent.
    Done,
}

/// An answer that went wrong after it had begun well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Broken {
    /// The server reports an error in the middle: its type or code, and its words.
    Reported {
        /// Such as `overloaded_error`.
        kind: String,
        /// The error as JSON or text.
        words: String,
    },
    /// Something that is no JSON, or not of this protocol.
    Nonsense(String),
}

/// Why there is no answer, with what the server said for those who know what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// The error.
    pub error: ModelError,
    /// The status, if it was the status that said no.
    pub status: Option<u16>,
    /// The server's words, keys removed.
    pub words: String,
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Failure {
        Failure { error, status: None, words: String::new() }
    }
}

/// Why an attempt failed.
#[derive(Debug)]
enum Fault {
    /// It may go better the next time, after `wait` if the server says so.
    Passing { what: String, wait: Option<Duration> },
    /// It will not.
    Lasting(Failure),
}

impl From<ModelError> for Fault {
    fn from(error: ModelError) -> Fault {
        Fault::Lasting(error.into())
    }
}

/// A client for one server. Not to be used from inside a tokio runtime: it holds one and blocks.
pub(super) struct Client {
    server: Server,
    limits: Limits,
    http: reqwest::Client,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
    random: u64,
    /// The server's own name for the last request.
    request_id: Option<String>,
}

impl Client {
    /// A client; `headers` go out with every request and hold the key where there is one.
    pub fn new(server: Server, limits: Limits, headers: HeaderMap) -> Result<Client, ModelError> {
        let trouble = |what: &str, error: &dyn std::error::Error| ModelError::Unavailable {
            message: format!("{what} for {} could not be set up: {}", server.base_url, causes(error)),
            hint: "check the system's certificates and its limits on open files and threads".to_owned(),
        };
        let mut builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .default_headers(headers)
            // Models are asked over HTTP/1.1, whatever else in this program makes the client able to do.
            .http1_only()
            // The key would go along to wherever the server points.
            .redirect(reqwest::redirect::Policy::none())
            // Nothing serves an idle connection between two calls, so the next call could find it dead.
            .pool_max_idle_per_host(0);
        // A proxy of the environment would look for the server on its own machine.
        if is_loopback(&server.endpoint) {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| trouble("the HTTP client", &error))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| trouble("the network", &error))?;
        Ok(Client { server, limits, http, runtime: Some(runtime), random: limits.jitter, request_id: None })
    }

    /// Where it sends to.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// How the last call went, under these changes.
    pub fn facts(&self, adapted: &Adapted) -> CallFacts {
        CallFacts { adapted: adapted.names(), request_id: self.request_id.clone() }
    }

    /// Says what is asked differently from now on, and why.
    pub fn tell(&self, failure: &Failure, change: Change, observer: &mut dyn CallObserver) {
        let base = &self.server.base_url;
        observer.note(&format!(
            "{base} refuses a parameter ({}); asking {} from now on",
            failure.error,
            change.in_words()
        ));
    }

    /// Sends `body` until an answer is complete or there is no point in going on.
    pub fn ask<D: Decoder>(
        &mut self,
        body: &Value,
        fresh: &dyn Fn() -> D,
        observer: &mut dyn CallObserver,
    ) -> Result<ChatResponse, Failure> {
        let bytes = body.to_string().into_bytes();
        self.request_id = None;
        let mut tried = 0;
        loop {
            tried += 1;
            // A new decoder and a new filter: half an answer of the last attempt must not begin this one.
            let mut scrubbed = ScrubbingObserver::new(observer, self.server.keys());
            let request_id = RefCell::new(None);
            let attempt =
                Attempt { http: &self.http, server: &self.server, limits: &self.limits, request_id: &request_id };
            let result = block_on(self.runtime.as_ref(), attempt.run(bytes.clone(), fresh(), &mut scrubbed));
            let spoken = scrubbed.spoken;
            self.request_id = request_id.into_inner();
            let (what, wait) = match result? {
                Ok(decoder) => {
                    scrubbed.finish();
                    return Ok(self.clean(decoder.finish()));
                }
                Err(Fault::Lasting(failure)) => return Err(failure),
                Err(Fault::Passing { what, wait }) => (what, wait),
            };
            tracing::debug!(tried, what, "an attempt failed");
            if tried >= self.limits.attempts {
                return Err(self.given_up(&what, tried).into());
            }
            let pause = self.pause(tried, wait, &what, observer)?;
            let again = if spoken { "; the answer begins again" } else { "" };
            observer.note(&format!(
                "{what}; trying again in {:.1} s (attempt {} of {}){again}",
                pause.as_secs_f64(),
                tried + 1,
                self.limits.attempts
            ));
            let timer = CallTimer::new(None);
            block_on(self.runtime.as_ref(), timer.wait(async { tokio::time::sleep(pause).await }, observer))??;
        }
    }

    /// The pause before the next attempt, or why there is none.
    fn pause(
        &mut self,
        tried: u32,
        wait: Option<Duration>,
        what: &str,
        observer: &dyn CallObserver,
    ) -> Result<Duration, ModelError> {
        let Some(wait) = wait else { return Ok(self.back_off(tried)) };
        let left = observer.seconds_left();
        // A wait beyond the run's own end would only put off the same outcome.
        if wait <= self.limits.longest_wait && left.is_none_or(|left| wait.as_secs_f64() <= left) {
            return Ok(wait);
        }
        let seconds = wait.as_secs_f64().ceil();
        let limit = match left {
            Some(left) if wait <= self.limits.longest_wait => format!("the run has {:.0} s left", left.max(0.0)),
            _ => format!("at most {:.0} s are waited for", self.limits.longest_wait.as_secs_f64()),
        };
        Err(ModelError::Unavailable {
            message: format!("{what}: the server asks to wait {seconds:.0} s, and {limit}"),
            hint: format!("run the command again in {seconds:.0} s, or use another model or `base_url`"),
        })
    }

    fn back_off(&mut self, tried: u32) -> Duration {
        // Beyond any cap by then; a larger power would only overflow.
        let factor = 2_f64.powi(i32::try_from(tried.saturating_sub(1)).unwrap_or(30).min(30));
        let doubled = Duration::try_from_secs_f64(self.limits.pause.as_secs_f64() * factor).unwrap_or(Duration::MAX);
        doubled.min(self.limits.longest_pause).mul_f64(uniform(&mut self.random))
    }

    fn given_up(&self, what: &str, tried: u32) -> ModelError {
        let times = if tried == 1 { "once".to_owned() } else { format!("{tried} times") };
        ModelError::Unavailable {
            message: format!("{what}; tried {times} at {}", self.server.base_url),
            hint:
                "check that the server runs and that `base_url` is its address; if it is overloaded, run the command \
                   again later or use another model"
                    .to_owned(),
        }
    }

    /// The response without keys: a model may repeat what it should never have seen.
    fn clean(&self, response: ChatResponse) -> ChatResponse {
        // The observer's pieces were cleaned on their way; the response is put together from the raw ones.
        let keys = self.server.keys();
        let blocks = response.blocks.into_iter().filter_map(|block| scrub_block(block, keys)).collect();
        let model = if response.model.is_empty() { self.server.model.clone() } else { scrub(&response.model, keys) };
        let stop = response
            .stop
            .map(|stop| StopDetails { reason: scrub(&stop.reason, keys), details: scrub_value(stop.details, keys) });
        ChatResponse { blocks, model, stop, ..response }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // Look-ups of names run on threads of their own; the program need not wait for them.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn block_on<F: Future>(runtime: Option<&Runtime>, work: F) -> Result<F::Output, ModelError> {
    let runtime = runtime.ok_or(ModelError::Cancelled)?;
    Ok(runtime.block_on(work))
}

/// `None` for opaque state with a key in it, of which no part can be taken out.
fn scrub_block(block: Block, keys: &[Key]) -> Option<Block> {
    let clean = |text: &str| scrub(text, keys);
    match block {
        Block::Text { text } => Some(Block::Text { text: clean(&text) }),
        Block::ToolUse { id, name, input } => {
            Some(Block::ToolUse { id: clean(&id), name: clean(&name), input: scrub_value(input, keys) })
        }
        Block::ToolResult { id, content, is_error } => {
            Some(Block::ToolResult { id: clean(&id), content: clean(&content), is_error })
        }
        Block::Opaque { .. } => without_keys(block, keys),
    }
}

/// A header with the key in it, marked so that no log shows it.
pub(super) fn secret_header(
    headers: &mut HeaderMap,
    name: HeaderName,
    text: &str,
    server: &Server,
) -> Result<(), ModelError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| ModelError::Key {
        message: format!("the key in {} holds characters that no HTTP header can carry", server.key_variable),
        hint: format!("set {} to the key alone, in one line", server.key_variable),
    })?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}

/// True for OpenAI's models on Azure, whose keys travel in a header of their own.
pub(super) fn is_azure(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    [".openai.azure.com", ".cognitiveservices.azure.com"].iter().any(|azure| host.ends_with(azure))
}

/// True if an address is this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    // An IPv6 address keeps its brackets in a URL.
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Uniform on [0, 1); splitmix64 (Steele, Lea, Flood 2014, doi:10.1145/2660193.2660195). Good enough to spread pauses.
fn uniform(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    let top = u32::try_from((z ^ (z >> 31)) >> 32).unwrap_or(0);
    f64::from(top) / (f64::from(u32::MAX) + 1.0)
}

/// An error and what caused it, in one line.
fn causes(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        // Many errors say their cause in their own words already.
        if !words.contains(&next) {
            words = format!("{words}: {next}");
        }
        cause = error.source();
    }
    words
}
