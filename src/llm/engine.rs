//! The deterministic provider: for every estimand it takes the first playbook that the brief lists.
//!
//! The brief is the last fenced block of the last user message that begins with a line `` ```brief ``:
//!
//! ````text
//! ```brief
//! {"task": "revise", "candidates": {"ate": ["trim-crump"], "att": []}}
//! ```
//! ````
//!
//! `draft` is answered with no changes, `revise` with the first candidate of each estimand that has one.

use crate::llm::chat::{
    Block, CallObserver, ChatModel, ChatRequest, ChatResponse, Ended, Message, ModelError, Speaker, Usage,
};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use std::fmt;

/// The tool that it calls.
const TOOL: &str = "propose_spec";

/// The block that it reads.
#[derive(Debug, Deserialize)]
struct Brief {
    task: Task,
    #[serde(default)]
    candidates: Candidates,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Task {
    Draft,
    Revise,
}

/// Estimands with the playbooks that apply, in the order of the brief, which a map of JSON need not keep.
#[derive(Debug, Default)]
struct Candidates(Vec<(String, Vec<String>)>);

impl<'de> Deserialize<'de> for Candidates {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Candidates, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Candidates;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of playbooks for each estimand")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Candidates, A::Error> {
                let mut all = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    all.push(entry);
                }
                Ok(Candidates(all))
            }
        }
        from.deserialize_map(InOrder)
    }
}

/// The provider.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlaybookModel;

impl ChatModel for PlaybookModel {
    fn body(&self, request: &ChatRequest) -> Value {
        let brief = brief_of(&request.messages);
        let brief = brief.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap_or(Value::String(text)));
        json!({"provider": "playbook", "brief": brief})
    }

    fn complete(&mut self, request: &ChatRequest, observer: &mut dyn CallObserver) -> Result<ChatResponse, ModelError> {
        if observer.cancelled() {
            return Err(ModelError::Cancelled);
        }
        let text = brief_of(&request.messages).ok_or_else(|| {
            refused("the last message holds no block that begins with ```brief, so there is nothing to choose from")
        })?;
        let brief: Brief =
            serde_json::from_str(&text).map_err(|error| refused(&format!("the brief cannot be read: {error}")))?;
        let changes: Vec<Value> = match brief.task {
            Task::Draft => Vec::new(),
            Task::Revise => brief.candidates.0.iter().filter_map(change).collect(),
        };
        // Each state of a conversation is answered once, so its length makes an id that a resumed run makes again.
        let id = format!("playbook-{}", request.messages.len());
        let answer = Block::ToolUse { id, name: TOOL.to_owned(), input: json!({"changes": changes}) };
        Ok(ChatResponse {
            blocks: vec![answer],
            ended: Ended::ToolUse,
            // Zero, not unknown: what is unknown is estimated from the words.
            usage: Some(Usage::default()),
            model: "playbook".to_owned(),
            stop: None,
        })
    }

    fn name(&self) -> String {
        "playbook".to_owned()
    }
}

fn change(candidates: &(String, Vec<String>)) -> Option<Value> {
    let (estimand, playbooks) = candidates;
    let first = playbooks.first()?;
    Some(json!({"estimand": estimand, "playbook": first, "reason": "first playbook that applies"}))
}

fn refused(what: &str) -> ModelError {
    ModelError::Refused {
        message: format!("the provider `playbook` cannot answer: {what}"),
        hint: "use it for the tasks `draft` and `revise`, or name a language model as the provider".to_owned(),
    }
}

/// The inside of the last fenced brief in the last user message.
fn brief_of(messages: &[Message]) -> Option<String> {
    let message = messages.iter().rfind(|message| message.speaker == Speaker::User)?;
    let mut found = None;
    for block in &message.blocks {
        let Block::Text { text } = block else { continue };
        let mut open: Option<Vec<&str>> = None;
        for line in text.lines() {
            match &mut open {
                None if line.trim_end() == "```brief" => open = Some(Vec::new()),
                None => {}
                Some(_) if line.trim_end() == "```" => found = open.take().map(|lines| lines.join("\n")),
                Some(lines) => lines.push(line),
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::llm::engine::*;

    fn user_message(text: &str) -> Vec<Message> {
        vec![Message { speaker: Speaker::User, blocks: vec![Block::Text { text: text.to_owned() }] }]
    }

    #[test]
    fn the_last_closed_brief_counts() {
        let text = "```brief\n1\n```\nwords\n```json\n2\n```\n```brief\n3\n4\n```\n```brief\nunclosed";
        assert_eq!(brief_of(&user_message(text)).as_deref(), Some("3\n4"));
        assert_eq!(brief_of(&user_message("```briefly\n1\n```")), None);
        assert_eq!(brief_of(&[]), None);
    }

    #[test]
    fn the_order_of_the_brief_is_kept() {
        let brief: Brief =
            serde_json::from_str(r#"{"task":"revise","candidates":{"z":["p"],"a":["q","r"],"m":[]}}"#).unwrap();
        let changes: Vec<Value> = brief.candidates.0.iter().filter_map(change).collect();
        let names: Vec<&str> = changes.iter().filter_map(|change| change["estimand"].as_str()).collect();
        assert_eq!(names, ["z", "a"]);
    }
}
