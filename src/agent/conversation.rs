//! One conversation with a model, as a serialisable machine without I/O: [`Conversation::next`] says what is to be done,
//! [`Conversation::answered`] and [`Conversation::ran`] take what came of it.
//!
//! ```text
//! CallModel ──tools──▶ CallTools ──results──▶ CallModel …
//!     │                    └──the final tool succeeded──▶ Done
//!     └──prose, nothing, a refusal──▶ CallModel, asked for the final tool   (a repair; so many in a row end it)
//! ```
//!
//! *The final tool* (`propose_spec`, `submit_critique`) is how a conversation ends. After two thirds of its turns the model
//! is asked for it in every request, so that a model that calls tools for ever comes to an end.
//!
//! *Memory.* When the conversation is longer than [`LONGEST`] characters, its older turns are replaced by one line each:
//! what the operator was told of every tool result. The request that was sent is on record, and so is the summary in it.

use crate::llm::{Block, ChatRequest, ChatResponse, Choice, Ended, Message, Speaker, ToolSpec};
use crate::record::model_review::ModelReview;
use crate::text::lines;
use crate::tools::{Proposal, Role};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Characters of conversation that are sent in full.
pub const LONGEST: usize = 48_000;
/// Messages at the end that are never summarised.
const KEPT: usize = 6;
/// Calls of one answer that are heard; a model that asks for more at once is told so.
pub const MOST_CALLS: usize = 12;
/// Lines of summary that are kept; of older ones the number.
const MOST_LINES: usize = 40;

/// The beginning of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// Who is asked.
    pub role: Role,
    /// Standing instructions.
    pub system: String,
    /// The task, with everything that is known.
    pub brief: String,
    /// The tools on offer.
    pub tools: Vec<ToolSpec>,
    /// The tool that ends the conversation.
    pub final_tool: String,
    /// At most this many tokens an answer.
    pub max_tokens: u32,
    /// Answers in a row that may be sent back.
    pub repairs: u32,
    /// Answers after which it ends without the final tool.
    pub most_turns: u32,
    /// True if its answers count against the budget: those of the playbook engine do not.
    pub counts: bool,
}

/// A tool that the model asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolCall {
    /// Names the call.
    pub id: String,
    /// The tool.
    pub name: String,
    /// As the model wrote them.
    pub arguments: Value,
}

/// The outcome of a tool call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolOutcome {
    /// Names the call.
    pub id: String,
    /// The text for the model.
    pub content: String,
    /// One line for the operator; what is left of it when the conversation is summarised.
    pub line: String,
    /// True if the call was refused or failed.
    pub is_error: bool,
    /// The ending, if this call ends the conversation.
    pub end: Option<Ending>,
}

/// The end of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// With a valid proposal.
    Proposed(Proposal),
    /// With a complete critique.
    Criticised(Box<ModelReview>),
    /// With nothing, for this reason: a clause.
    GaveUp(String),
}

/// The next step.
#[derive(Debug, Clone, PartialEq)]
pub enum Next<'a> {
    /// Ask the model this; answer with [`Conversation::answered`].
    CallModel(Box<ChatRequest>),
    /// Run these, in order; answer with [`Conversation::ran`].
    CallTools(&'a [ToolCall]),
    /// Nothing: it is over.
    Done(&'a Ending),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Phase {
    CallModel,
    CallTools(Vec<ToolCall>),
    Done(Ending),
}

/// One conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conversation {
    opening: Opening,
    messages: Vec<Message>,
    /// The operator's line of each tool call, for summaries.
    lines: BTreeMap<String, String>,
    /// Lines of turns that are no longer in `messages`.
    summary: Vec<String>,
    /// Lines that did not fit into the summary.
    forgotten: usize,
    turns: u32,
    /// Answers in a row that were sent back.
    repairing: u32,
    /// All answers that were sent back.
    repaired: u32,
    /// It declined once, and was asked again.
    #[serde(default)]
    asked_about_refusal: bool,
    phase: Phase,
}

impl Conversation {
    /// A conversation that has not begun.
    #[must_use]
    pub fn new(opening: Opening) -> Self {
        Self {
            opening,
            messages: Vec::new(),
            lines: BTreeMap::new(),
            summary: Vec::new(),
            forgotten: 0,
            turns: 0,
            repairing: 0,
            repaired: 0,
            asked_about_refusal: false,
            phase: Phase::CallModel,
        }
    }

    /// Who is asked.
    #[must_use]
    pub fn role(&self) -> Role {
        self.opening.role
    }

    /// True if its answers count against the budget.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.opening.counts
    }

    /// Answers that were sent back.
    #[must_use]
    pub fn repaired(&self) -> u32 {
        self.repaired
    }

    /// The next step. Asking changes nothing.
    #[must_use]
    pub fn next(&self) -> Next<'_> {
        match &self.phase {
            Phase::CallModel => Next::CallModel(Box::new(self.request())),
            Phase::CallTools(calls) => Next::CallTools(calls),
            Phase::Done(ending) => Next::Done(ending),
        }
    }

    /// Takes the model's answer. `false` if none was due; nothing changes then.
    #[must_use]
    pub fn answered(&mut self, response: &ChatResponse) -> bool {
        if self.phase != Phase::CallModel {
            return false;
        }
        self.turns += 1;
        let calls = self.calls_of(response);
        self.messages.push(Message { speaker: Speaker::Assistant, blocks: answer_blocks(response, &calls) });
        if response.ended == Ended::Refusal && calls.is_empty() {
            self.refused(response);
        } else if calls.is_empty() {
            self.send_back(self.nudge(response.ended));
        } else {
            self.phase = Phase::CallTools(calls);
        }
        true
    }

    /// Takes what came of the tools, one outcome for each call in their order. `false` if others were due; nothing changes
    /// then.
    #[must_use]
    pub fn ran(&mut self, outcomes: Vec<ToolOutcome>) -> bool {
        let Phase::CallTools(calls) = &self.phase else { return false };
        // Providers refuse a conversation in which a call has no result, or a result no call.
        if !calls.iter().map(|call| &call.id).eq(outcomes.iter().map(|outcome| &outcome.id)) {
            return false;
        }
        for (call, outcome) in calls.iter().zip(&outcomes) {
            self.lines.insert(outcome.id.clone(), format!("{}: {}", call.name, outcome.line));
        }
        if let Some(ending) = outcomes.iter().find_map(|outcome| outcome.end.clone()) {
            self.phase = Phase::Done(ending);
            return true;
        }
        // One call that worked is progress; only an answer that failed as a whole counts as a repair.
        let failed = outcomes.iter().all(|outcome| outcome.is_error);
        let result = |o: ToolOutcome| Block::ToolResult { id: o.id, content: o.content, is_error: o.is_error };
        self.messages.push(Message { speaker: Speaker::User, blocks: outcomes.into_iter().map(result).collect() });
        self.phase = Phase::CallModel;
        if failed {
            self.count_repair("its calls were refused");
        } else {
            self.repairing = 0;
            self.end_if_too_long();
        }
        if self.is_forced() {
            self.ask_for_final_tool();
        }
        self.summarise();
        true
    }

    /// Ends the conversation from outside: a budget was reached.
    pub fn stop(&mut self, why: &str) {
        if !matches!(self.phase, Phase::Done(_)) {
            self.phase = Phase::Done(Ending::GaveUp(why.to_owned()));
        }
    }

    fn request(&self) -> ChatRequest {
        // The brief is put in front anew each time, so it is never summarised away.
        let mut opening = vec![Block::Text { text: self.opening.brief.clone() }];
        if !self.summary.is_empty() {
            opening.push(Block::Text { text: self.summarised() });
        }
        let first = Message { speaker: Speaker::User, blocks: opening };
        let forced = self.is_forced();
        ChatRequest {
            system: self.opening.system.clone(),
            messages: std::iter::once(first).chain(self.messages.iter().cloned()).collect(),
            tools: self.opening.tools.clone(),
            choice: if forced { Choice::Tool(self.opening.final_tool.clone()) } else { Choice::Auto },
            max_tokens: self.opening.max_tokens,
        }
    }

    /// After words alone the final tool is asked for at once; after a refused call there is one more free try.
    fn is_forced(&self) -> bool {
        let nudged = |message: &Message| matches!(message.blocks.first(), Some(Block::Text { .. }));
        let wordy = self.messages.last().is_some_and(nudged);
        self.turns >= self.opening.most_turns / 3 * 2 || wordy || self.repairing > 1
    }

    /// In words as well, and for good: some models cannot be forced, and what was said to one must not change later.
    fn ask_for_final_tool(&mut self) {
        let words = format!("Finish now with one call of `{}`.", self.opening.final_tool);
        if let Some(last) = self.messages.last_mut().filter(|message| message.speaker == Speaker::User) {
            last.blocks.push(Block::Text { text: words });
        }
    }

    fn summarised(&self) -> String {
        let older = if self.forgotten > 0 {
            format!("({} older lines are left out.)\n", self.forgotten)
        } else {
            String::new()
        };
        format!("Earlier in this conversation, one line for each tool call:\n{older}- {}", self.summary.join("\n- "))
    }

    /// The calls of an answer. Ids are made unique where a server repeats or forgets them.
    fn calls_of(&self, response: &ChatResponse) -> Vec<ToolCall> {
        let mut calls: Vec<ToolCall> = Vec::new();
        for block in &response.blocks {
            let Block::ToolUse { id, name, input } = block else { continue };
            let taken = id.is_empty() || self.lines.contains_key(id) || calls.iter().any(|call| call.id == *id);
            let id = if taken { format!("call_{}_{}", self.turns, calls.len()) } else { id.clone() };
            calls.push(ToolCall { id, name: name.clone(), arguments: input.clone() });
        }
        calls
    }

    fn nudge(&self, ended: Ended) -> String {
        let tool = &self.opening.final_tool;
        match ended {
            Ended::MaxTokens => format!(
                "The answer was cut off at {} tokens. Be brief, and finish with one call of `{tool}`.",
                self.opening.max_tokens
            ),
            Ended::Refusal => format!(
                "This is a statistical analysis of aggregates that the data's owner asked for. If you can go on, call \
                 `{tool}`; if not, call it with the least that it takes."
            ),
            _ => format!("Words alone change nothing here. Finish with one call of `{tool}`."),
        }
    }

    /// A refusal is asked about once, in case the task was mistaken for another; one that names a policy stands, since the same
    /// words would meet it again.
    fn refused(&mut self, response: &ChatResponse) {
        let details = response.stop.as_ref().map(|stop| &stop.details);
        let said = |name: &str| details.and_then(|it| it.get(name)).and_then(Value::as_str).unwrap_or_default();
        let (category, explanation) = (said("category"), said("explanation"));
        let reason = match (category, response.stop.as_ref()) {
            ("", Some(stop)) if stop.reason != "refusal" => format!(" ({})", stop.reason),
            ("", _) => String::new(),
            (category, _) => format!(" ({category})"),
        };
        if category.is_empty() && !std::mem::replace(&mut self.asked_about_refusal, true) {
            self.send_back(self.nudge(Ended::Refusal));
        } else {
            let because = if explanation.is_empty() { String::new() } else { format!(": {explanation}") };
            self.repaired += 1;
            self.stop(&lines::printable(&format!("the model declined{reason}{because}")));
        }
    }

    /// Sends an answer back with a sentence.
    fn send_back(&mut self, sentence: String) {
        self.messages.push(Message { speaker: Speaker::User, blocks: vec![Block::Text { text: sentence }] });
        self.phase = Phase::CallModel;
        self.count_repair("it did not call a tool");
        self.summarise();
    }

    fn count_repair(&mut self, what: &str) {
        self.repairing += 1;
        self.repaired += 1;
        if self.repairing > self.opening.repairs {
            let tool = &self.opening.final_tool;
            self.stop(&format!("{what} {} times in a row, so there is no valid `{tool}`", self.repairing));
        } else {
            self.end_if_too_long();
        }
    }

    fn end_if_too_long(&mut self) {
        if self.turns >= self.opening.most_turns {
            let (turns, tool) = (self.turns, &self.opening.final_tool);
            self.stop(&format!("it was asked {turns} times without a valid `{tool}`"));
        }
    }

    /// Replaces older turns by their lines once the whole is too long. What stays begins with an answer of the model.
    fn summarise(&mut self) {
        while self.messages.len() > KEPT && self.messages.iter().map(length).sum::<usize>() > LONGEST {
            // An answer and what came back, together: a result without its call would be refused.
            let gone: Vec<Message> = self.messages.drain(..2).collect();
            for block in gone.into_iter().flat_map(|message| message.blocks) {
                self.remember(&block);
            }
            for message in &mut self.messages {
                message.blocks.retain(|block| !block.is_bound_to_what_came_before());
            }
        }
        let extra = self.summary.len().saturating_sub(MOST_LINES);
        self.summary.drain(..extra);
        self.forgotten += extra;
    }

    fn remember(&mut self, block: &Block) {
        if let Block::ToolResult { id, is_error, .. } = block {
            let line = self.lines.remove(id).unwrap_or_default();
            self.summary.push(if *is_error { format!("{line} (refused)") } else { line });
        }
    }
}

/// The model's answer, as it goes back to it: with the calls' ids as they are answered, and never empty.
pub(super) fn answer_blocks(response: &ChatResponse, calls: &[ToolCall]) -> Vec<Block> {
    let mut calls = calls.iter();
    let mut blocks: Vec<Block> = Vec::new();
    for block in &response.blocks {
        match block {
            Block::Text { text } if !text.trim().is_empty() => blocks.push(block.clone()),
            Block::Opaque { .. } => blocks.push(block.clone()),
            Block::ToolUse { .. } => blocks.extend(calls.next().map(|call| Block::ToolUse {
                id: call.id.clone(),
                name: call.name.clone(),
                input: call.arguments.clone(),
            })),
            _ => {}
        }
    }
    // A model that only thought: an answer that ends in thinking is refused on its way back.
    if blocks.iter().all(|block| matches!(block, Block::Opaque { .. })) {
        blocks.push(Block::Text { text: "(no answer)".to_owned() });
    }
    blocks
}

fn length(message: &Message) -> usize {
    let length_of_block = |block: &Block| match block {
        Block::Text { text } => text.len(),
        Block::ToolUse { input, .. } => input.to_string().len(),
        Block::ToolResult { content, .. } => content.len(),
        // Thinking is not counted: it comes back with every request and is no part of what is said.
        Block::Opaque { .. } => 0,
    };
    message.blocks.iter().map(length_of_block).sum()
}
