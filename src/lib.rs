//! Observational causal inference as a reviewed, blind, reproducible workflow.
//!
//! The directory tree is the pipeline; values move right:
//!
//! ```text
//! plan -> spec -> dataset -> design -> estimate -> diagnose -> critique -> report -> artifacts
//! ```
//!
//! | layer | modules | may do |
//! |---|---|---|
//! | L0 vocabulary | [`sample`], [`estimand`], [`nuisance`], [`finding`], [`schema`], [`term`] | plain data, serde only |
//! | L1 numerics | [`numerics`], [`learners`], [`design`], [`estimate`], [`diagnose`], [`simulate`] | arithmetic: no files, environment, clock, printing or unseeded randomness |
//! | L2 documents | [`plan`], [`spec`], [`playbook`], [`critique`], [`report`] | bytes in, bytes out |
//! | L3 effects | [`dataset`], [`artifacts`], [`llm`] | one kind of I/O each |
//! | L4 orchestration | [`pipeline`], [`tools`], [`agent`] | the stages, what a model may call of them, and the actor-critic loop |
//! | L5 surfaces | [`cli`], [`mcp`], [`acic`] | arguments, progress, messages, exit codes; a server for agent hosts; the ACIC 2016 replay |
//!
//! Imports point down, and `tests/it/architecture.rs` holds every `crate::` path against that table.
//! `design` never receives an outcome: its signatures take [`sample::Covariates`], not [`sample::Sample`].
//!
//! Glossary, for readers of the code:
//!
//! * *estimand*: what is claimed and for whom, e.g. the ATT or the trimmed ATE;
//! * *propensity* `e(x) = P(T = 1 | X = x)`;
//! * *principal, actor, critic*: the person who writes the plan; whoever turns it into specs; whoever grades them;
//! * *blind*: revisions are chosen from diagnostics only; outcome effects exist only after the `unblind` step.

/// Version of this program, as recorded in every run.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

// L0 vocabulary
pub mod estimand;
pub mod finding;
pub mod nuisance;
pub mod sample;
pub mod schema;
pub mod term;
// L1 numerics
pub mod design;
pub mod diagnose;
pub mod estimate;
pub mod learners;
pub mod numerics;
pub mod simulate;
// L2 documents
pub mod critique;
pub mod plan;
pub mod playbook;
pub mod report;
pub mod spec;
// L3 effects
pub mod artifacts;
pub mod dataset;
pub mod llm;
// L4 orchestration
pub mod agent;
pub mod pipeline;
pub mod tools;
// L5 surfaces
pub mod acic;
pub mod cli;
pub mod mcp;
