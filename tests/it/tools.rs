//! What a language model may call: every tool on the NHEFS example, the allow-list, blindness, and what leaves the machine.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "helpers of tests, not tests themselves")]

mod blind; // before unblinding no output tells an effect
mod calls; // every tool, every role
mod differencing; // two answers, and what their difference tells
mod experiment; // the tools for an experiment
pub mod fixtures;
mod outward; // rare levels, aliases, hostile names
mod propose; // everything that can be wrong with a proposal
