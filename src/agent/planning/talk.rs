//! The conversations of a draft: asked in stages, recorded, counted, sent back where an answer does not fit.

use super::answers::{self, ASK};
use crate::agent::budget::{Budget, Spent};
use crate::agent::conversation::{ToolCall, answer_blocks};
use crate::agent::events::{Observer, ProgressEvent};
use crate::agent::participants::{Earlier, ModelAnswer, Participants, RelayObserver, ask};
use crate::llm::{Block, ChatRequest, Choice, Ended, Exchange, Message, ModelError, Recording, Speaker, ToolSpec};
use crate::plan::draft::AskedPrincipal;
use crate::tools::Role;
use serde_json::Value;

/// Whoever the plan is for, at the other end of a question.
pub trait Principal {
    /// The answer to a question; `None` if nobody is there.
    fn ask(&mut self, question: &str) -> Option<String>;
}

/// Why a draft ended before its time.
#[derive(Debug, thiserror::Error)]
pub enum PlanningError {
    /// The model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A budget.
    #[error("{0}")]
    Budget(String),
    /// No answer that fits, after so many were sent back.
    #[error("the model gave no valid `{tool}`: {why}")]
    NoAnswer {
        /// The tool that was due.
        tool: String,
        /// What was wrong with the last one.
        why: String,
    },
}

/// Settings of the conversations.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Questions to the principal.
    pub questions: u32,
    /// Answers in a row that may be sent back.
    pub repairs: u32,
    /// At most this many tokens an answer.
    pub max_tokens: u32,
    /// Minutes from start to end.
    pub wall_minutes: f64,
}

/// The conversations with the model that drafts, and with the same one as a critic.
pub struct Talk<'a> {
    participants: Participants,
    budget: Budget,
    limits: Limits,
    observer: &'a mut dyn Observer,
    principal: &'a mut dyn Principal,
    actor: Vec<Message>,
    critic: Vec<Message>,
    ids: usize,
    /// The use so far.
    pub spent: Spent,
    /// Everything that was said, for the record.
    pub exchanges: Vec<Exchange>,
    /// Questions to the principal.
    pub asked: Vec<AskedPrincipal>,
}

impl<'a> Talk<'a> {
    /// Nothing was said yet.
    pub fn new(
        participants: Participants,
        budget: Budget,
        limits: Limits,
        observer: &'a mut dyn Observer,
        principal: &'a mut dyn Principal,
    ) -> Self {
        Talk {
            participants,
            budget,
            limits,
            observer,
            principal,
            actor: Vec::new(),
            critic: Vec::new(),
            ids: 0,
            spent: Spent::default(),
            exchanges: Vec::new(),
            asked: Vec::new(),
        }
    }

    /// US dollars so far; `None` if the price is not known.
    #[must_use]
    pub fn cost(&self) -> Option<f64> {
        self.budget.cost(&self.spent)
    }

    /// The name of the model.
    #[must_use]
    pub fn model(&self) -> String {
        self.participants.name(Role::Actor)
    }

    fn messages(&mut self, role: Role) -> &mut Vec<Message> {
        if role == Role::Critic { &mut self.critic } else { &mut self.actor }
    }

    /// Says something, in the same message as the results of tools where those came last.
    fn say(&mut self, role: Role, text: &str) {
        let block = Block::Text { text: text.to_owned() };
        let messages = self.messages(role);
        match messages.last_mut().filter(|message| message.speaker == Speaker::User) {
            Some(last) => last.blocks.push(block),
            None => messages.push(Message { speaker: Speaker::User, blocks: vec![block] }),
        }
    }

    /// One stage: the brief, and answers until `tool` is called with something that `read` takes.
    pub(super) fn stage<T>(
        &mut self,
        role: Role,
        brief: &str,
        read: impl Fn(&Value) -> Result<T, String>,
        tool: &str,
    ) -> Result<T, PlanningError> {
        self.say(role, brief);
        let (mut sent_back, mut why, mut forced) = (0, String::new(), false);
        while sent_back <= self.limits.repairs {
            let calls = self.answer(role, tool, forced)?;
            if calls.is_empty() {
                (sent_back, forced) = (sent_back + 1, true);
                "it answered in words".clone_into(&mut why);
                self.say(
                    role,
                    &format!("Words alone change nothing here. Finish this stage with one call of `{tool}`."),
                );
                continue;
            }
            let mut taken = None;
            let mut results = Vec::new();
            let mut asked = false;
            for call in calls {
                let answer = match call.name.as_str() {
                    name if name == tool && taken.is_none() => read(&call.arguments).map(|value| {
                        taken = Some(value);
                        "Taken down.".to_owned()
                    }),
                    name if name == ASK && role == Role::Actor => {
                        self.question(&call.arguments).inspect(|_| asked = true)
                    }
                    _ => Err(format!("this stage is finished with `{tool}`")),
                };
                let is_error = answer.is_err();
                let content = answer.unwrap_or_else(|fault| {
                    why.clone_from(&fault);
                    format!("{fault}. Call `{tool}` again, whole.")
                });
                results.push(Block::ToolResult { id: call.id, content, is_error });
            }
            self.messages(role).push(Message { speaker: Speaker::User, blocks: results });
            if let Some(value) = taken {
                return Ok(value);
            }
            sent_back += u32::from(!asked);
            forced = !asked && sent_back > 1;
        }
        Err(PlanningError::NoAnswer { tool: tool.to_owned(), why })
    }

    /// The reply to a question of the model's.
    fn question(&mut self, arguments: &Value) -> Result<String, String> {
        let question = answers::question(arguments)?;
        if self.asked.len() >= self.limits.questions as usize {
            // Not an error of the model's that it should repair by asking again.
            return Err("no more questions can be asked; what only the principal knows is `undecided`".to_owned());
        }
        let answer = self.principal.ask(&question);
        let told = match answer.as_deref().map(str::trim).filter(|answer| !answer.is_empty()) {
            Some(answer) => crate::tools::privacy::fenced_text("answer of the principal", answer),
            None => "The principal gave no answer; what it decides is `undecided`.".to_owned(),
        };
        self.asked.push(AskedPrincipal { question, answer: answer.unwrap_or_default() });
        Ok(told)
    }

    /// One answer of the model, as the calls in it.
    fn answer(&mut self, role: Role, tool: &str, forced: bool) -> Result<Vec<ToolCall>, PlanningError> {
        if let Some(why) = self.budget.reached(&self.spent) {
            return Err(PlanningError::Budget(why));
        }
        let (system, tools): (&str, Vec<ToolSpec>) = match role {
            Role::Critic => (include_str!("prompts/plan_critic.md"), answers::critic_tools()),
            _ => (include_str!("prompts/planner.md"), answers::planner_tools()),
        };
        let request = ChatRequest {
            system: system.trim().to_owned(),
            messages: self.messages(role).clone(),
            tools,
            choice: if forced { Choice::Tool(tool.to_owned()) } else { Choice::Auto },
            max_tokens: self.limits.max_tokens,
        };
        let model = self.participants.name(role);
        self.observer.on(&ProgressEvent::Asked { role, model });
        let mut nothing = Recording::from_files([])?;
        let sequence = u32::try_from(self.exchanges.len()).unwrap_or(u32::MAX).saturating_add(1);
        let limit = Some(self.limits.wall_minutes * 60.0);
        let mut relay = RelayObserver { observer: &mut *self.observer, role, limit };
        let earlier = Earlier { recording: &mut nothing, sequence };
        let ModelAnswer { response, exchange } = ask(&mut self.participants, role, &request, earlier, &mut relay)?;
        self.exchanges.extend(exchange);
        let Some(response) = response else { return Err(PlanningError::Budget(self.budget.time_over())) };
        self.spent.count(role, &response);
        let mut calls: Vec<ToolCall> = Vec::new();
        for block in &response.blocks {
            let Block::ToolUse { id, name, input } = block else { continue };
            self.ids += 1;
            // Some servers forget or repeat them.
            let taken = id.is_empty() || calls.iter().any(|call| call.id == *id);
            let id = if taken { format!("call_{}", self.ids) } else { id.clone() };
            calls.push(ToolCall { id, name: name.clone(), arguments: input.clone() });
        }
        if response.ended == Ended::Refusal && calls.is_empty() {
            return Err(PlanningError::NoAnswer { tool: tool.to_owned(), why: "it declined".to_owned() });
        }
        let blocks = answer_blocks(&response, &calls);
        self.messages(role).push(Message { speaker: Speaker::Assistant, blocks });
        Ok(calls)
    }
}
