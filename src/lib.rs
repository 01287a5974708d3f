//! Observational causal inference as a reviewed, blind, reproducible workflow.
//!
//! The directory tree is the pipeline; values move right:
//!
//! ```text
//! plan -> spec -> dataset -> design -> estimate -> diagnose -> critique -> report -> store
//! ```
//!
//! | layer | modules | may do |
//! |---|---|---|
//! | numerics | the crate [`causal`]: samples, estimands, learners, design, estimates, diagnostics | arithmetic: no files, environment, clock, printing or unseeded randomness |
//! | vocabulary | [`finding`], [`schema`], [`expression`], [`term`], [`text`] | plain data, serde only |
//! | documents | [`plan`], [`spec`], [`playbook`], [`record`], [`critique`], [`report`] | bytes in, bytes out |
//! | effects | [`memory`], [`input_file`], [`dataset`], [`store`], [`llm`], [`objects`], [`publish`] | one kind of I/O each |
//! | orchestration | [`pipeline`], [`tools`], [`agent`], [`baseline`] | the stages, what a model may call of them, and the actor-critic loop |
//! | surfaces | [`cli`], [`mcp`], [`replay`], [`accuracy`], [`serve`] | arguments, progress, messages, exit codes; a server for agent hosts; the entry to the ACIC 2016 competition, which is the crate [`acic`]; the default on simulated families; pages for this machine |
//!
//! Imports point down, and `tests/it/architecture.rs` holds every `crate::` path against that table.
//! The design never receives an outcome: its signatures take [`causal::sample::Covariates`], not [`causal::sample::Sample`].
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
pub mod expression;
pub mod finding;
pub mod schema;
pub mod term;
pub mod text;
// L2 documents
pub mod critique;
pub mod plan;
pub mod playbook;
pub mod record;
pub mod report;
pub mod spec;
// L3 effects
pub mod dataset;
pub mod input_file;
pub mod llm;
pub mod memory;
pub mod objects;
pub mod publish;
pub mod store;
// L4 orchestration
pub mod agent;
pub mod baseline;
pub mod pipeline;
pub mod tools;
// L5 surfaces
pub mod accuracy;
pub mod cli;
pub mod mcp;
pub mod replay;
pub mod serve;
