//! The models that take part in a run: actor and critic, their prices, and one call of either.

use crate::agent::bounds;
use crate::agent::events::{Observer, ProgressEvent};
use crate::llm::{
    self, Block, CallObserver, ChatModel, ChatRequest, ChatResponse, Exchange, ModelError, Outcome, PlaybookModel,
    Recording,
};
use crate::tools::Role;

/// Actor and critic.
pub struct Participants {
    /// Writes and revises specs.
    pub actor: Box<dyn ChatModel>,
    /// Grades beside the rubric; `None` for the rubric alone.
    pub critic: Option<Box<dyn ChatModel>>,
    /// The price of the actor's model, if known.
    pub actor_price: Option<super::budget::Price>,
    /// The price of the critic's model, if known.
    pub critic_price: Option<super::budget::Price>,
    /// True if the actor is a language model, whose exchanges are recorded. The engine's are its history.
    pub actor_is_model: bool,
    /// Answers that one conversation with the actor may take, where that is not the plan's `budget.conversation`: a host at
    /// the other end of a pipe takes its time.
    pub actor_turns: Option<u32>,
}

impl Participants {
    /// The deterministic engine and the rubric: no model at all.
    #[must_use]
    pub fn playbook() -> Self {
        Participants {
            actor: Box::new(PlaybookModel),
            critic: None,
            actor_price: None,
            critic_price: None,
            actor_is_model: false,
            actor_turns: None,
        }
    }

    /// True if a language model takes part.
    #[must_use]
    pub fn any_model(&self) -> bool {
        self.actor_is_model || self.critic.is_some()
    }

    fn model_mut(&mut self, role: Role) -> Option<&mut Box<dyn ChatModel>> {
        if role == Role::Critic { self.critic.as_mut() } else { Some(&mut self.actor) }
    }

    /// Provider and model of a role.
    #[must_use]
    pub fn name(&self, role: Role) -> String {
        match (role, &self.critic) {
            (Role::Critic, Some(critic)) => critic.name(),
            (Role::Critic, None) => "playbook".to_owned(),
            _ => self.actor.name(),
        }
    }
}

/// The result of one call.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelAnswer {
    /// The answer; `None` if the run's time was over.
    pub response: Option<ChatResponse>,
    /// The exchange for the record; `None` for the engine.
    pub exchange: Option<Exchange>,
}

/// The exchanges of an attempt that was killed, and the number of the exchange that is due.
pub struct Earlier<'a> {
    /// Its exchanges.
    pub recording: &'a mut Recording,
    /// The number, from 1.
    pub sequence: u32,
}

/// Asks, unless the same was asked before the run was killed: then that answer counts again.
///
/// # Errors
/// [`ModelError`], but for a deadline, which is an answer of its own kind.
pub fn ask(
    participants: &mut Participants,
    role: Role,
    request: &ChatRequest,
    earlier: Earlier<'_>,
    observer: &mut dyn CallObserver,
) -> Result<ModelAnswer, ModelError> {
    let Earlier { recording, sequence } = earlier;
    let recorded = role == Role::Critic || participants.actor_is_model;
    let Some(model) = participants.model_mut(role) else {
        return Err(ModelError::Cancelled);
    };
    // As it was asked then: what this server refuses is not found out again yet.
    let body = recording.body_of(role.key(), model.as_ref(), request);
    if recording.peek(role.key(), &body).is_some() {
        // Takes it, so that a body that was sent twice is answered by the second exchange next time.
        let found = recording.find(role.key(), &body)?.exchange;
        let response = match &found.outcome {
            Outcome::Response(response) => Some(response.clone()),
            Outcome::Stopped(_) => None,
        };
        let exchange = Exchange { sequence, ..found };
        return Ok(ModelAnswer { response, exchange: Some(exchange) });
    }
    let name = model.name();
    let record = |body, outcome| recorded.then(|| Exchange::new(sequence, role.key(), &name, body, outcome));
    match model.complete(request, observer) {
        Ok(response) => {
            let bounds::Bounded { response, left_out } = bounds::bounded(scrubbed(response));
            let left_out = model.left_out() + left_out;
            // A server that does not know structured output has changed the body on the way.
            let body = model.sent(request);
            let exchange = record(body, Outcome::Response(response.clone()));
            let call = model.facts();
            let exchange = exchange.map(|exchange| Exchange { left_out, call, ..exchange });
            Ok(ModelAnswer { response: Some(response), exchange })
        }
        // On record too: a resumed run stops where this one did, whatever its own clock says.
        Err(ModelError::Deadline) => {
            let exchange = record(model.sent(request), Outcome::Stopped("deadline".to_owned()));
            let call = model.facts();
            Ok(ModelAnswer { response: None, exchange: exchange.map(|exchange| Exchange { call, ..exchange }) })
        }
        Err(error) => Err(error),
    }
}

/// A model that writes something that looks like a key has not written it here: the answer goes on record and back to a model.
fn scrubbed(response: ChatResponse) -> ChatResponse {
    let clean = |block: Block| match block {
        Block::Text { text } => Some(Block::Text { text: llm::scrub(&text, &[]) }),
        Block::ToolUse { id, name, input } => Some(Block::ToolUse {
            id: llm::scrub(&id, &[]),
            name: llm::scrub(&name, &[]),
            input: llm::scrub_value(input, &[]),
        }),
        Block::ToolResult { .. } => Some(block),
        // Whole or not at all: a signature holds for the words that it was made for.
        Block::Opaque { .. } => llm::without_keys(block, &[]),
    };
    ChatResponse { blocks: response.blocks.into_iter().filter_map(clean).collect(), ..response }
}

/// The observer that tells the host.
pub(crate) struct RelayObserver<'a> {
    pub observer: &'a mut dyn Observer,
    pub role: Role,
    /// Seconds that the run may take.
    pub limit: Option<f64>,
}

impl CallObserver for RelayObserver<'_> {
    fn text(&mut self, piece: &str) {
        self.observer.on(&ProgressEvent::Said { role: self.role, text: piece.to_owned() });
    }

    fn note(&mut self, message: &str) {
        self.observer.on(&ProgressEvent::Note { message: message.to_owned() });
    }

    fn cancelled(&self) -> bool {
        self.observer.cancelled()
    }

    fn seconds_left(&self) -> Option<f64> {
        self.limit.map(|limit| limit - self.observer.elapsed())
    }
}
