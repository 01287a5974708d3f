//! Language models: what is said to one and what comes back, in words that no vendor owns.
//!
//! [`ChatModel`] is the one trait. Four things implement it:
//!
//! | provider | file | needs |
//! |---|---|---|
//! | `anthropic` | [`anthropic`] | a key, or a `base_url` that wants none |
//! | `openai` | [`openai`] | likewise; also speaks to llama.cpp, vLLM and Ollama |
//! | `replay` | [`cassette`] | a folder of recorded exchanges; no network |
//! | `playbook` | [`playbook`] | nothing: it takes the first playbook that the brief lists |
//!
//! This is the only module with an HTTP client, and it imports nothing of this crate: what may be said to a model is decided
//! above, where the request is made.

pub mod chat;

pub use chat::{
    Block, ChatModel, ChatRequest, ChatResponse, Choice, Ended, Listener, Message, ModelError, Speaker, ToolSpec, Usage,
};
