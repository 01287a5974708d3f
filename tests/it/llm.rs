//! The wire of language models, against servers on loopback that behave well, badly and worse.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests may fail like tests")]
#![allow(clippy::disallowed_methods, reason = "what is tested here is when things happen")]

mod cassettes; // recorded exchanges
mod local; // a real model, only where one is offered
mod protocols; // what is sent, and what is made of an answer
mod providers; // settings, playbook
mod refusals; // answers that say no
mod retries; // answers that say not now
mod secrets; // keys in, no keys out
mod stopping; // Ctrl-C, deadlines, time limits
pub mod support;
mod vendors; // servers that hold requests to the rules of their vendors
