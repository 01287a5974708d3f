//! Language models: what is said to one and what comes back, in words that no vendor owns.
//!
//! [`ChatModel`] is the one trait. These implement it:
//!
//! | provider | file | needs |
//! |---|---|---|
//! | `anthropic` | [`anthropic`] | a key, or a `base_url` that wants none |
//! | `openai` | [`responses`] | likewise; OpenAI's own servers, and Azure |
//! | `openai` | [`openai`] | likewise; Chat Completions, which llama.cpp, vLLM, Ollama and OpenRouter speak |
//! | `gemini` | [`gemini`] | likewise; Google's own servers, and Vertex |
//! | `replay` | [`cassette`] | a folder of recorded exchanges; no network |
//! | `playbook` | [`engine`] | nothing: it takes the first playbook that the brief lists |
//!
//! This is the only module with an HTTP client, and it imports nothing of this crate: what may be said to a model is decided
//! above, where the request is made. A call blocks its caller, who must not be inside an async runtime.
//!
//! From the outside in: [`providers`] makes a model from settings; [`anthropic`], [`openai`], [`responses`] and
//! [`gemini`] write bodies and read answers; `negotiation` and `adapt` change what a server refuses, from what [`capabilities`] knows on; `http` sends, waits and tries again; [`sse`] cuts a stream into events; [`secret`] keeps keys out of all of it.

mod adapt;
pub mod anthropic;
mod canonical;
pub mod capabilities;
pub mod cassette;
pub mod chat;
mod encodings;
pub mod engine;
pub mod gemini;
mod http;
mod negotiation;
pub mod openai;
mod parts;
pub mod providers;
pub mod responses;
pub mod secret;
pub mod sse;

pub use crate::llm::engine::PlaybookModel;
pub use cassette::{Exchange, Found, Outcome, Recording, Replay, key_of};
pub use chat::{
    Block, CallFacts, CallObserver, ChatModel, ChatRequest, ChatResponse, Choice, Ended, Message, ModelError, Speaker,
    StopDetails, ToolSpec, Usage,
};
pub use http::Limits;
pub use openai::Structured;
pub use providers::{Api, Destination, Provider, Settings, connect, destination, offline};
pub use secret::{Key, Scrubber, scrub, scrub_value, without_keys};
