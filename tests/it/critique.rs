//! The critic: rubric and verdict at their boundaries, alignment by spoiling a good run, and the words.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "helpers of tests, not tests themselves")]

mod alignment; // one document spoiled at a time
pub mod fixtures; // a plan, a spec and a design that agree
mod rubric; // boundaries, and what could not be measured
mod words; // departures from the ATE, the ideal trial, blind spots, alternatives
