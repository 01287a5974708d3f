//! One exchange as a file.

use crate::llm::canonical::{canonical, sorted};
use crate::llm::chat::{CallFacts, ChatResponse, ModelError};
use crate::text::sha256::sha256_hex;
use crate::text::untrusted::json;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One request and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// Place among all exchanges of the run, those of other roles included.
    pub sequence: u32,
    /// Who asked: lower-case letters, digits, `-` and `_`.
    pub role: String,
    /// Provider and model, for people.
    pub name: String,
    /// [`key_of`] the request.
    pub key: String,
    /// The body as it was sent.
    pub request: Value,
    /// Its outcome.
    pub outcome: Outcome,
    /// [`key_of`] the outcome, so that an answer that was edited is noticed as well.
    pub outcome_key: String,
    /// Bytes of the answer that were not kept, because it was too long.
    #[serde(default, skip_serializing_if = "is_none")]
    pub left_out: u64,
    /// How the call went, beside its answer.
    #[serde(default, skip_serializing_if = "CallFacts::is_empty")]
    pub call: CallFacts,
}

fn is_none(bytes: &u64) -> bool {
    *bytes == 0
}

/// The outcome of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The model answered.
    Response(ChatResponse),
    /// It did not, and why: `deadline`, `cancelled`, or other words.
    Stopped(String),
}

/// SHA-256, in hexadecimal, of the body in canonical JSON: names in order, no white space.
#[must_use]
pub fn key_of(body: &Value) -> String {
    sha256_hex(canonical(body).as_bytes())
}

fn key_of_outcome(outcome: &Outcome) -> String {
    key_of(&serde_json::to_value(outcome).unwrap_or_default())
}

impl Exchange {
    /// An exchange with the key of its request.
    #[must_use]
    pub fn new(sequence: u32, role: &str, name: &str, request: Value, outcome: Outcome) -> Exchange {
        let (key, outcome_key) = (key_of(&request), key_of_outcome(&outcome));
        Exchange {
            sequence,
            role: role.to_owned(),
            name: name.to_owned(),
            key,
            request,
            outcome,
            outcome_key,
            left_out: 0,
            call: CallFacts::default(),
        }
    }

    /// The file that it is kept in: `0007-actor.json`.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{:04}-{}.json", self.sequence, self.role)
    }

    /// Indented JSON with names in order, and a newline.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // Every part of an exchange is JSON already, or text: there is nothing that could not be written.
        let value = serde_json::to_value(self).unwrap_or_default();
        json(&format!("{:#}\n", sorted(&value))).into_bytes()
    }

    /// Reads what [`Exchange::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`ModelError::Replay`] that names `file` and what is wrong with it.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Exchange, ModelError> {
        let exchange: Exchange = serde_json::from_slice(bytes).map_err(|error| ModelError::Replay {
            message: format!("the recording `{file}` cannot be read: {error}"),
            hint: "restore it from the run's history, or record the run anew".to_owned(),
        })?;
        // The role is part of a file's name.
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        if exchange.role.is_empty() || !exchange.role.chars().all(plain) {
            return Err(ModelError::Replay {
                message: format!("the recording `{file}` has the role {:?}, which is no name of a role", exchange.role),
                hint: "restore it from the run's history, or record the run anew".to_owned(),
            });
        }
        // Computed again: an edited request would replay the answer to a question that was never asked.
        let parts = [
            ("key", &exchange.key, "request", key_of(&exchange.request)),
            ("outcome_key", &exchange.outcome_key, "outcome", key_of_outcome(&exchange.outcome)),
        ];
        for (name, written, part, found) in parts {
            if *written != found {
                return Err(ModelError::Replay {
                    message: format!(
                        "the recording `{file}` was edited by hand: its `{name}` is {written:?}, and its `{part}` has the key {found:?}"
                    ),
                    hint: "restore it from the run's history, or record the run anew".to_owned(),
                });
            }
        }
        Ok(exchange)
    }
}
