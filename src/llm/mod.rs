//! Language models: what is said to one and what comes back, in words that no vendor owns.
//!
//! [`ChatModel`] is the one trait. Four things implement it:
//!
//! | provider | file | needs |
//! |---|---|---|
//! | `anthropic` | [`anthropic`] | a key, or a `base_url` that wants none |
//! | `openai` | [`openai`] | likewise; also speaks to llama.cpp, vLLM and Ollama |
//! | `replay` | [`cassette`] | a folder of recorded exchanges; no network |
//! | `playbook` | [`engine`] | nothing: it takes the first playbook that the brief lists |
//!
//! This is the only module with an HTTP client, and it imports nothing of this crate: what may be said to a model is decided
//! above, where the request is made. A call blocks its caller, who must not be inside an async runtime.
//!
//! From the outside in: [`providers`] makes a model from settings; [`anthropic`] and [`openai`] write bodies and read
//! answers; `http` sends, waits and tries again; [`sse`] cuts a stream into events; [`secret`] keeps keys out of all of it.

pub mod anthropic;
mod canonical;
pub mod cassette;
pub mod chat;
mod encodings;
pub mod engine;
mod http;
pub mod openai;
mod parts;
pub mod providers;
pub mod secret;
pub mod sse;

pub use crate::llm::engine::PlaybookModel;
pub use cassette::{Exchange, Found, Outcome, Recording, Replay, key_of};
pub use chat::{
    Block, CallObserver, ChatModel, ChatRequest, ChatResponse, Choice, Ended, Message, ModelError, Speaker, ToolSpec,
    Usage,
};
pub use http::Limits;
pub use openai::Structured;
pub use providers::{Destination, Provider, Settings, connect, destination, offline};
pub use secret::{Key, Scrubber, scrub, scrub_value};
