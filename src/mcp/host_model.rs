//! The host as the loop's actor: a [`ChatModel`] whose answers are the host's tool calls.
//!
//! [`ChatModel::complete`] is asked for the next answer of a conversation. What the request says is what the host's last call
//! led to: the result of a tool, or, where that call ended a conversation, the brief of the next one. So it first answers
//! that call, and then waits for the next.

use crate::llm::{
    Block, ChatModel, ChatRequest, ChatResponse, Choice, Ended, Listener, Message, ModelError, Speaker, Usage,
};
use crate::mcp::messages;
use crate::mcp::queue::{Line, Reply};
use serde_json::Value;
use std::cell::RefCell;
use std::rc::Rc;

/// The host. It lives on the thread of the run.
pub struct HostModel {
    line: Rc<RefCell<Line>>,
    /// Budgets and shortfalls that the host does not know of yet.
    news: Rc<RefCell<Vec<String>>>,
    /// Refused calls in a row that the plan bears.
    repairs: u32,
    refused: u32,
    /// The brief that no host has read yet: that of the first request.
    standing: Option<String>,
    begun: bool,
}

impl HostModel {
    pub(super) fn new(line: Rc<RefCell<Line>>, news: Rc<RefCell<Vec<String>>>, repairs: u32) -> Self {
        HostModel { line, news, repairs, refused: 0, standing: None, begun: false }
    }

    /// Tells the host what its last call led to.
    fn hear(&mut self, request: &ChatRequest) {
        if !std::mem::replace(&mut self.begun, true) {
            self.standing = request.messages.first().and_then(first_text).map(messages::standing);
        }
        let mut line = self.line.borrow_mut();
        let Some(call) = line.open() else { return };
        let mut reply = match request.messages.last().and_then(result) {
            Some((content, true)) => {
                self.refused += 1;
                Reply::refused(messages::refused(content, self.refused, self.repairs))
            }
            Some((content, false)) => {
                let hurry = matches!(request.choice, Choice::Tool(_));
                Reply::said(messages::heard(content, hurry))
            }
            None => {
                let brief = request.messages.last().and_then(first_text).unwrap_or_default();
                let news = self.news.borrow_mut().split_off(0);
                Reply::said(messages::taken(&call.name, &news, brief))
            }
        };
        if !reply.is_error {
            self.refused = 0;
        }
        reply.texts.extend(self.standing.take());
        let _ = line.answer(reply);
    }
}

impl ChatModel for HostModel {
    fn body(&self, request: &ChatRequest) -> Value {
        serde_json::to_value(request).unwrap_or_default()
    }

    fn complete(&mut self, request: &ChatRequest, listener: &mut dyn Listener) -> Result<ChatResponse, ModelError> {
        self.hear(request);
        let over = || listener.seconds_left().is_some_and(|left| left <= 0.0);
        let mut line = self.line.borrow_mut();
        if line.next(&|| listener.cancelled() || over()).is_none() {
            let late = !line.is_left() && !listener.cancelled();
            return Err(if late { ModelError::Deadline } else { ModelError::Cancelled });
        }
        let Some(call) = line.open() else { return Err(ModelError::Cancelled) };
        // The loop makes an id its own where it was used before.
        let id = format!("host_{}", request.messages.len());
        Ok(ChatResponse {
            blocks: vec![Block::ToolUse { id, name: call.name.clone(), input: call.arguments.clone() }],
            ended: Ended::ToolUse,
            usage: Some(Usage::default()),
            model: call.client.clone(),
        })
    }

    fn name(&self) -> String {
        "MCP host".to_owned()
    }
}

fn first_text(message: &Message) -> Option<&str> {
    message.blocks.iter().find_map(|block| match block {
        Block::Text { text } if message.speaker == Speaker::User => Some(text.as_str()),
        _ => None,
    })
}

/// What came of the one call of an answer, and whether it was refused.
fn result(message: &Message) -> Option<(&str, bool)> {
    message.blocks.iter().find_map(|block| match block {
        Block::ToolResult { content, is_error, .. } => Some((content.as_str(), *is_error)),
        _ => None,
    })
}
