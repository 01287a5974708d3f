//! The loop: every transition, the actor's choices, blindness, and that it always ends.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "helpers of tests, not tests themselves")]

mod choices; // what the actor tries, keeps and undoes
mod conversation; // a model inside the loop: every transition, budgets, repairs, summaries
mod ends; // random findings: the loop ends, and breaks no rule
pub mod table; // a design and a critique from a table, without any data
mod transitions; // every phase with every event
