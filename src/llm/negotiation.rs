//! A model behind a vendor's interface: asked in the form of its protocol, and, where the server refuses a parameter, asked
//! again with that parameter changed.

use super::adapt::{Adapted, Change};
use super::chat::{CallFacts, CallObserver, ChatModel, ChatRequest, ChatResponse, ModelError};
use super::http::{Asking, Client, Failure, Limits, Server};
use reqwest::header::HeaderMap;
use serde_json::Value;

/// The way to a server, how it is asked, and what was found out about it.
pub(super) struct Line {
    pub client: Client,
    pub asking: Asking,
    pub adapted: Adapted,
}

impl Line {
    /// With `headers` beside those that every request has.
    ///
    /// # Errors
    /// [`ModelError`] where no client can be made.
    pub fn new(server: Server, limits: Limits, asking: Asking, headers: HeaderMap) -> Result<Line, ModelError> {
        let adapted = asking.adapted.clone();
        Ok(Line { client: Client::new(server, limits, headers)?, asking, adapted })
    }

    /// The model, as its vendor calls it.
    pub fn model(&self) -> &str {
        &self.client.server().model
    }

    /// The sampling temperature, where one is sent.
    pub fn temperature(&self, adapted: &Adapted) -> Option<f64> {
        self.asking.temperature.filter(|_| !adapted.has(Change::NoTemperature))
    }

    /// The effort, where one is sent.
    pub fn effort(&self, adapted: &Adapted) -> Option<&str> {
        self.asking.effort.as_deref().filter(|_| !adapted.has(Change::NoEffort))
    }
}

/// A protocol, as far as it differs from the others.
pub(super) trait Protocol {
    /// The provider, as a plan names it.
    const PROVIDER: &'static str;

    fn line(&self) -> &Line;

    fn line_mut(&mut self) -> &mut Line;

    /// The body under these changes.
    fn body_in(&self, request: &ChatRequest, adapted: &Adapted) -> Value;

    /// Sends a body once and decodes the answer.
    fn once(
        &mut self,
        request: &ChatRequest,
        body: &Value,
        observer: &mut dyn CallObserver,
    ) -> Result<ChatResponse, Failure>;

    /// The change that answers a refusal; none is made twice.
    fn answer_to(&self, failure: &Failure, body: &Value, request: &ChatRequest) -> Option<Change>;
}

impl<P: Protocol> ChatModel for P {
    fn body(&self, request: &ChatRequest) -> Value {
        self.body_in(request, &self.line().adapted)
    }

    fn body_as(&self, request: &ChatRequest, adapted: &[String]) -> Value {
        self.body_in(request, &Adapted::parse(adapted))
    }

    fn complete(&mut self, request: &ChatRequest, observer: &mut dyn CallObserver) -> Result<ChatResponse, ModelError> {
        loop {
            let body = self.body(request);
            let failure = match self.once(request, &body, observer) {
                Ok(response) => return Ok(response),
                Err(failure) => failure,
            };
            // Ends, since no change is made twice.
            let Some(change) = self.answer_to(&failure, &body, request) else { return Err(failure.error) };
            self.line().client.tell(&failure, change, observer);
            self.line_mut().adapted.add(change);
        }
    }

    fn facts(&self) -> CallFacts {
        let line = self.line();
        line.client.facts(&line.adapted)
    }

    fn name(&self) -> String {
        format!("{} {}", Self::PROVIDER, self.line().model())
    }
}
