//! The host as the loop's actor: a [`ChatModel`] whose answers are the host's tool calls.
//!
//! [`ChatModel::complete`] is asked for the next answer of a conversation. What the request says is what the host's last call
//! led to: the result of a tool, or, where that call ended a conversation, the brief of the next one. So it first answers
//! that call, and then waits for the next.

use crate::llm::{
    Block, CallObserver, ChatModel, ChatRequest, ChatResponse, Choice, Ended, Message, ModelError, Speaker, Usage,
};
use crate::mcp::messages;
use crate::mcp::queue::{CallQueue, Reply};
use crate::mcp::refusal::{Refused, code};
use serde_json::Value;
use std::cell::RefCell;
use std::rc::Rc;

/// What the host does not know yet of its own part in the run.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Budgets and shortfalls, as sentences.
    pub(super) told: Vec<String>,
    /// Why its last call was refused.
    pub(super) refusal: Option<&'static str>,
}

/// The host. It lives on the thread of the run.
pub struct HostModel {
    queue: Rc<RefCell<CallQueue>>,
    news: Rc<RefCell<News>>,
    /// Refused calls in a row that the plan bears.
    repairs: u32,
    refused: u32,
    /// The brief that no host has read yet: that of the first request.
    unread_brief: Option<String>,
    begun: bool,
}

impl HostModel {
    pub(super) fn new(queue: Rc<RefCell<CallQueue>>, news: Rc<RefCell<News>>, repairs: u32) -> Self {
        HostModel { queue, news, repairs, refused: 0, unread_brief: None, begun: false }
    }

    /// Tells the host what its last call led to.
    fn answer_last_call(&mut self, request: &ChatRequest) {
        if !std::mem::replace(&mut self.begun, true) {
            self.unread_brief = request.messages.first().and_then(first_text).map(messages::task);
        }
        let mut queue = self.queue.borrow_mut();
        let Some(call) = queue.open() else { return };
        let mut reply = match request.messages.last().and_then(result) {
            Some((content, true)) => {
                self.refused += 1;
                let code = self.news.borrow_mut().refusal.take().unwrap_or(code::ARGUMENTS);
                let message = messages::refused(content, self.refused, self.repairs);
                Reply::refused(Refused::new(code, message).detail("refused_in_a_row", self.refused))
            }
            Some((content, false)) => {
                let hurry = matches!(request.choice, Choice::Tool(_));
                Reply::text(messages::tool_result(content, hurry))
            }
            None => {
                let brief = request.messages.last().and_then(first_text).unwrap_or_default();
                let news = self.news.borrow_mut().told.split_off(0);
                Reply::text(messages::taken(&call.name, &news, brief))
            }
        };
        if reply.refused.is_none() {
            self.refused = 0;
        }
        reply.texts.extend(self.unread_brief.take());
        let _ = queue.answer(reply);
    }
}

/// The name by which a host is on record.
pub const NAME: &str = "MCP host";

/// The body of a request to a host, which is the request.
fn body(request: &ChatRequest) -> Value {
    serde_json::to_value(request).unwrap_or_default()
}

/// The host of a run that is on record: its calls come from the transcript, and beyond that there is nobody to ask.
pub struct RecordedHost;

impl ChatModel for RecordedHost {
    fn body(&self, request: &ChatRequest) -> Value {
        body(request)
    }

    fn complete(&mut self, _: &ChatRequest, _: &mut dyn CallObserver) -> Result<ChatResponse, ModelError> {
        Err(ModelError::Replay {
            message: "the host is asked for a call that is not on record".to_owned(),
            hint: String::new(),
        })
    }

    fn name(&self) -> String {
        NAME.to_owned()
    }
}

impl ChatModel for HostModel {
    fn body(&self, request: &ChatRequest) -> Value {
        body(request)
    }

    fn complete(&mut self, request: &ChatRequest, observer: &mut dyn CallObserver) -> Result<ChatResponse, ModelError> {
        self.answer_last_call(request);
        let over = || observer.seconds_left().is_some_and(|left| left <= 0.0);
        // Only now: `answer_last_call` borrows the queue as well.
        let mut queue = self.queue.borrow_mut();
        if queue.next(&|| observer.cancelled() || over()).is_none() {
            let late = !queue.has_host_left() && !observer.cancelled();
            return Err(if late { ModelError::Deadline } else { ModelError::Cancelled });
        }
        let Some(call) = queue.open() else { return Err(ModelError::Cancelled) };
        // The loop makes an id its own where it was used before.
        let id = format!("host_{}", request.messages.len());
        Ok(ChatResponse {
            blocks: vec![Block::ToolUse { id, name: call.name.clone(), input: call.arguments.clone() }],
            ended: Ended::ToolUse,
            // Zero, not unknown: the host's tokens are its own, and what is unknown is estimated.
            usage: Some(Usage::default()),
            model: call.client.clone(),
            stop: None,
        })
    }

    fn name(&self) -> String {
        NAME.to_owned()
    }
}

fn first_text(message: &Message) -> Option<&str> {
    message.blocks.iter().find_map(|block| match block {
        Block::Text { text } if message.speaker == Speaker::User => Some(text.as_str()),
        _ => None,
    })
}

/// The result of the one call of an answer, and whether it was refused.
fn result(message: &Message) -> Option<(&str, bool)> {
    message.blocks.iter().find_map(|block| match block {
        Block::ToolResult { content, is_error, .. } => Some((content.as_str(), *is_error)),
        _ => None,
    })
}
